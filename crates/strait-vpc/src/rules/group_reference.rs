//! References between security groups of two peered VPCs: who refers to a group, and which rules are stale.
//! <https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-security-groups.html>

use std::collections::{BTreeMap, BTreeSet};

use crate::api::*;
use crate::error::AwsError;
use crate::reach::lookup::{self, Reference};
use crate::rules::{Caller, check, filter, permission, traffic};
use crate::state::*;

pub(super) fn describe(
    network: &Network,
    caller: &Caller,
    request: &DescribeSecurityGroupReferencesRequest,
) -> Result<DescribeSecurityGroupReferencesResponse, AwsError> {
    if request.group_ids.is_empty() {
        return Err(AwsError::missing("GroupId"));
    }
    let mut references = BTreeSet::new();
    for id in &request.group_ids {
        let group = check::find_group(network, caller, id)?;
        let others = network
            .security_groups
            .values()
            .filter(|other| other.vpc != group.vpc);
        for other in others {
            let names = other.rules.values().any(|rule| match &rule.peer {
                RulePeer::Group { id, .. } => *id == group.id,
                RulePeer::Cidr(_) | RulePeer::Cidr6(_) | RulePeer::PrefixList(_) => false,
            });
            let way = lookup::reference(network, &other.vpc, &group.id);
            if let (true, Reference::Peer(peering)) = (names, way) {
                references.insert(SecurityGroupReferenceItem {
                    group_id: group.id.to_string(),
                    referencing_vpc_id: other.vpc.to_string(),
                    vpc_peering_connection_id: peering.id.to_string(),
                });
            }
        }
    }
    Ok(DescribeSecurityGroupReferencesResponse {
        security_group_reference_set: references.into_iter().collect(),
    })
}

pub(super) fn describe_stale(
    network: &Network,
    caller: &Caller,
    request: &DescribeStaleSecurityGroupsRequest,
) -> Result<DescribeStaleSecurityGroupsResponse, AwsError> {
    let vpc = check::find_vpc(network, caller, &request.vpc_id)?;
    let groups = network
        .security_groups
        .values()
        .filter(|group| group.vpc == vpc.id);
    let stale = groups.filter_map(|group| stale_group(network, group));
    let (size, token) = (request.max_results, request.next_token.as_deref());
    let page = filter::page_of(stale.collect(), 5..=255, size, token, &[])?;
    Ok(DescribeStaleSecurityGroupsResponse {
        stale_security_group_set: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

/// A group with its stale rules, if it has any.
fn stale_group(network: &Network, group: &SecurityGroup) -> Option<StaleSecurityGroupItem> {
    let ingress = stale_rules(network, group, Direction::Ingress);
    let egress = stale_rules(network, group, Direction::Egress);
    if ingress.items.is_empty() && egress.items.is_empty() {
        return None;
    }
    Some(StaleSecurityGroupItem {
        group_id: group.id.to_string(),
        group_name: group.name.clone(),
        description: group.description.clone(),
        vpc_id: group.vpc.to_string(),
        stale_ip_permissions: ingress,
        stale_ip_permissions_egress: egress,
    })
}

/// Rules that name a group which is gone, or to which no active peering connection leads any more.
fn stale_rules(
    network: &Network,
    group: &SecurityGroup,
    direction: Direction,
) -> Items<StaleIpPermissionItem> {
    let mut by_traffic: BTreeMap<Traffic, StaleIpPermissionItem> = BTreeMap::new();
    for (_, rule) in permission::in_order(group) {
        let RulePeer::Group { id, owner, peering } = &rule.peer else {
            continue;
        };
        let stale = matches!(lookup::reference(network, &group.vpc, id), Reference::Stale);
        if rule.direction != direction || !stale {
            continue;
        }
        let range = traffic::range(rule.traffic);
        let item = by_traffic
            .entry(rule.traffic)
            .or_insert_with(|| StaleIpPermissionItem {
                ip_protocol: traffic::show(rule.traffic).0,
                from_port: range.map(|(from, _)| from),
                to_port: range.map(|(_, to)| to),
                ..Default::default()
            });
        let description = rule.description.clone();
        let pair = permission::pair(network, (id, owner), peering.as_ref(), description);
        item.groups.items.push(pair);
    }
    by_traffic.into_values().collect()
}
