//! Permissions of security groups as calls write and show them.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::resource::Resource;
use crate::rules::{Caller, group, peering_view, prefix_list, traffic};
use crate::state::*;

/// One rule that a call names.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Named {
    /// What it allows.
    pub(super) traffic: Traffic,
    /// From or to whom.
    pub(super) peer: RulePeer,
    /// Its description.
    pub(super) description: Option<String>,
}

/// The rules that permissions name, one for each block, prefix list and group.
pub(super) fn read(
    network: &Network,
    caller: &Caller,
    group: &SecurityGroup,
    permissions: &[IpPermission],
) -> Result<Vec<Named>, AwsError> {
    let mut named = Vec::new();
    for permission in permissions {
        let traffic = traffic_of(permission)?;
        let before = named.len();
        let mut add = |peer: RulePeer, description: Option<&str>| {
            named.push(Named {
                traffic,
                peer,
                description: described(description)?,
            });
            Ok::<(), AwsError>(())
        };
        for range in &permission.ip_ranges {
            add(cidr(&range.cidr_ip)?, range.description.as_deref())?;
        }
        for range in &permission.ipv6_ranges {
            add(cidr6(&range.cidr_ipv6)?, range.description.as_deref())?;
        }
        for list in &permission.prefix_list_ids {
            let Some(id) = &list.prefix_list_id else {
                return Err(AwsError::missing(
                    "ipPermissions.prefixListIds.prefixListId",
                ));
            };
            let id = prefix_list::find_usable(network, caller, id)?;
            add(RulePeer::PrefixList(id), list.description.as_deref())?;
        }
        for pair in &permission.groups {
            let peer = read_group(network, caller, group, pair)?;
            add(peer, pair.description.as_deref())?;
        }
        if named.len() == before {
            return Err(AwsError::missing(
                "ipPermissions.ipRanges, ipv6Ranges, prefixListIds or groups",
            ));
        }
    }
    Ok(named)
}

/// The protocol and ports of a permission.
pub(super) fn traffic_of(permission: &IpPermission) -> Result<Traffic, AwsError> {
    let Some(protocol) = &permission.ip_protocol else {
        return Err(AwsError::missing("ipProtocol"));
    };
    traffic::read(protocol, permission.from_port, permission.to_port)
}

/// A rule's CIDR block, host bits off.
pub(super) fn cidr(text: &str) -> Result<RulePeer, AwsError> {
    let block: Result<Ipv4Net, _> = text.parse();
    block
        .map(|block| RulePeer::Cidr(block.trunc()))
        .map_err(|_| malformed_block(text))
}

/// A rule's IPv6 block, host bits off.
pub(super) fn cidr6(text: &str) -> Result<RulePeer, AwsError> {
    let block = text.parse().map(RulePeer::Cidr6);
    block.map_err(|_| malformed_block(text))
}

fn malformed_block(text: &str) -> AwsError {
    AwsError::new(
        "InvalidParameterValue",
        format!("CIDR block {text} is malformed"),
    )
}

/// A group that a rule names: of the same VPC, or of one that an active peering connection in the same Region leads to.
pub(super) fn read_group(
    network: &Network,
    caller: &Caller,
    group: &SecurityGroup,
    pair: &UserIdGroupPair,
) -> Result<RulePeer, AwsError> {
    let found = match (&pair.group_id, &pair.group_name) {
        (Some(id), _) => id
            .parse::<SecurityGroupId>()
            .map(|id| network.security_groups.get(&id))
            .map_err(|why| AwsError::new(SecurityGroup::MALFORMED, why.to_string()))?,
        (None, Some(name)) => Some(group::find_named(network, caller, name)?),
        (None, None) => return Err(AwsError::missing("groups.groupId")),
    };
    let asked = pair
        .group_id
        .as_deref()
        .or(pair.group_name.as_deref())
        .unwrap_or_default();
    let missing = |why: &str| {
        let message = format!(
            "You have specified two resources that belong to different networks: the security group '{asked}' {why}."
        );
        AwsError::new("InvalidGroup.NotFound", message)
    };
    let absent = || {
        AwsError::new(
            "InvalidGroup.NotFound",
            format!("The security group '{asked}' does not exist"),
        )
    };
    let found = found.ok_or_else(absent)?;
    if pair
        .user_id
        .as_ref()
        .is_some_and(|user| *user != found.owner.as_str())
    {
        return Err(absent());
    }
    if found.vpc == group.vpc {
        return Ok(RulePeer::Group {
            id: found.id.clone(),
            owner: found.owner.clone(),
            peering: None,
        });
    }
    let asked_peering = pair.vpc_peering_connection_id.as_deref();
    let peering = network.peerings.values().find(|row| {
        let (one, other) = (&row.requester.vpc, &row.accepter.vpc);
        let leads = (one == &group.vpc && other == &found.vpc)
            || (other == &group.vpc && one == &found.vpc);
        leads
            && row.state == PeeringState::Active
            && asked_peering.is_none_or(|id| id == row.id.as_str())
    });
    let Some(peering) = peering else {
        // A group of another account that no peering leads to is not shown to be there.
        if found.owner != caller.account {
            return Err(absent());
        }
        return Err(missing(
            "is in another VPC, and no active peering connection leads to it",
        ));
    };
    if peering.requester.region != peering.accepter.region {
        return Err(missing(
            "is in another Region, and groups are not shared between Regions: use its CIDR block",
        ));
    }
    Ok(RulePeer::Group {
        id: found.id.clone(),
        owner: found.owner.clone(),
        peering: Some(peering.id.clone()),
    })
}

/// Descriptions have at most 255 characters.
pub(super) fn described(text: Option<&str>) -> Result<Option<String>, AwsError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if text.chars().count() > 255 {
        let message = "A rule's description is longer than 255 characters.";
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    Ok(Some(text.to_owned()))
}

/// Whether two rules allow the same: descriptions and the way to a group do not count.
pub(super) fn same(
    traffic: Traffic,
    peer: &RulePeer,
    other_traffic: Traffic,
    other_peer: &RulePeer,
) -> bool {
    let same_peer = match peer {
        RulePeer::Group { id, .. } => {
            matches!(other_peer, RulePeer::Group { id: other, .. } if id == other)
        }
        RulePeer::Cidr(_) | RulePeer::Cidr6(_) | RulePeer::PrefixList(_) => peer == other_peer,
    };
    traffic == other_traffic && same_peer
}

/// A group's rules of one direction, put together by protocol and ports, each list in the order of making.
pub(super) fn show(
    network: &Network,
    group: &SecurityGroup,
    direction: Direction,
) -> Items<IpPermissionItem> {
    let mut by_traffic: BTreeMap<Traffic, IpPermissionItem> = BTreeMap::new();
    for (_, rule) in in_order(group) {
        if rule.direction == direction {
            let item = by_traffic
                .entry(rule.traffic)
                .or_insert_with(|| empty(rule.traffic));
            put(network, item, &rule.peer, rule.description.as_deref());
        }
    }
    by_traffic.into_values().collect()
}

/// A group's rules in the order in which they were made.
pub(super) fn in_order(group: &SecurityGroup) -> Vec<(&SecurityGroupRuleId, &SecurityGroupRule)> {
    let mut rules: Vec<_> = group.rules.iter().collect();
    rules.sort_by_key(|(_, rule)| rule.place);
    rules
}

/// A named group's VPC and its peering connection's state, where there is one.
pub(super) fn over(
    network: &Network,
    group: &SecurityGroupId,
    peering: Option<&PeeringId>,
) -> (Option<String>, Option<String>) {
    let Some(peering) = peering else {
        return (None, None);
    };
    let vpc = network
        .security_groups
        .get(group)
        .map(|group| group.vpc.to_string());
    let state = network
        .peerings
        .get(peering)
        .map_or("deleted", |row| peering_view::code(&row.state));
    (vpc, Some(state.to_owned()))
}

/// Rules as permissions that were not there, each on its own.
pub(super) fn unknown(network: &Network, named: &[Named]) -> Items<IpPermissionItem> {
    let item = |rule: &Named| {
        let mut item = empty(rule.traffic);
        put(network, &mut item, &rule.peer, None);
        item
    };
    named.iter().map(item).collect()
}

/// Adds a far side to a permission.
fn put(network: &Network, item: &mut IpPermissionItem, peer: &RulePeer, description: Option<&str>) {
    let description = description.map(str::to_owned);
    match peer {
        RulePeer::Cidr(cidr) => item.ip_ranges.items.push(IpRangeItem {
            cidr_ip: cidr.to_string(),
            description,
        }),
        RulePeer::Cidr6(cidr) => item.ipv6_ranges.items.push(Ipv6RangeItem {
            cidr_ipv6: cidr.to_string(),
            description,
        }),
        RulePeer::PrefixList(list) => item.prefix_list_ids.items.push(PrefixListIdItem {
            prefix_list_id: list.to_string(),
            description,
        }),
        RulePeer::Group { id, owner, peering } => {
            item.user_id_group_pairs.items.push(pair(
                network,
                (id, owner),
                peering.as_ref(),
                description,
            ));
        }
    }
}

/// A named group with the way to it.
pub(super) fn pair(
    network: &Network,
    (group, owner): (&SecurityGroupId, &AccountId),
    peering: Option<&PeeringId>,
    description: Option<String>,
) -> UserIdGroupPairItem {
    let (vpc_id, peering_status) = over(network, group, peering);
    UserIdGroupPairItem {
        group_id: group.to_string(),
        user_id: owner.to_string(),
        vpc_id,
        vpc_peering_connection_id: peering.map(ToString::to_string),
        peering_status,
        description,
    }
}

fn empty(traffic: Traffic) -> IpPermissionItem {
    let range = traffic::range(traffic);
    IpPermissionItem {
        ip_protocol: traffic::show(traffic).0,
        from_port: range.map(|(from, _)| from),
        to_port: range.map(|(_, to)| to),
        ..Default::default()
    }
}
