//! Permissions of security groups as calls write and show them.

use std::collections::BTreeMap;

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::resource::Resource;
use crate::rules::{Caller, check, group, peering_view, traffic};
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

/// The rules that permissions name, one for each range and group. IPv6 and prefix lists are refused.
pub(super) fn read(
    network: &Network,
    caller: &Caller,
    group: &SecurityGroup,
    permissions: &[IpPermission],
) -> Result<Vec<Named>, AwsError> {
    let mut named = Vec::new();
    for permission in permissions {
        let traffic = traffic_of(permission)?;
        if !permission.ipv6_ranges.is_empty() {
            return Err(AwsError::unsupported("IPv6 (IpPermissions.Ipv6Ranges)"));
        }
        if let Some(list) = permission.prefix_list_ids.first() {
            let message = format!(
                "The prefix list ID '{}' does not exist",
                list.prefix_list_id.as_deref().unwrap_or("")
            );
            return Err(AwsError::new("InvalidPrefixListID.NotFound", message));
        }
        if permission.ip_ranges.is_empty() && permission.groups.is_empty() {
            return Err(AwsError::missing(
                "ipPermissions.ipRanges or ipPermissions.groups",
            ));
        }
        for range in &permission.ip_ranges {
            let peer = RulePeer::Cidr(cidr(&range.cidr_ip)?);
            named.push(Named {
                traffic,
                peer,
                description: described(range.description.as_deref())?,
            });
        }
        for pair in &permission.groups {
            let peer = read_group(network, caller, group, pair)?;
            named.push(Named {
                traffic,
                peer,
                description: described(pair.description.as_deref())?,
            });
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

/// A rule's CIDR block.
pub(super) fn cidr(text: &str) -> Result<ipnet::Ipv4Net, AwsError> {
    if text.contains(':') {
        return Err(AwsError::unsupported("IPv6"));
    }
    check::cidr(text, "cidrIp").map_err(|_| {
        AwsError::new(
            "InvalidParameterValue",
            format!("CIDR block {text} is malformed"),
        )
    })
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
    let same_peer = match (peer, other_peer) {
        (RulePeer::Cidr(a), RulePeer::Cidr(b)) => a == b,
        (RulePeer::Group { id: a, .. }, RulePeer::Group { id: b, .. }) => a == b,
        (RulePeer::Cidr(_), RulePeer::Group { .. })
        | (RulePeer::Group { .. }, RulePeer::Cidr(_)) => false,
    };
    traffic == other_traffic && same_peer
}

/// A group's rules of one direction, put together by protocol and ports.
pub(super) fn show(
    network: &Network,
    group: &SecurityGroup,
    direction: Direction,
) -> Items<IpPermissionItem> {
    let mut by_traffic: BTreeMap<Traffic, IpPermissionItem> = BTreeMap::new();
    for rule in group
        .rules
        .values()
        .filter(|rule| rule.direction == direction)
    {
        let item = by_traffic
            .entry(rule.traffic)
            .or_insert_with(|| empty(rule.traffic));
        match &rule.peer {
            RulePeer::Cidr(cidr) => item.ip_ranges.items.push(IpRangeItem {
                cidr_ip: cidr.to_string(),
                description: rule.description.clone(),
            }),
            RulePeer::Group { id, owner, peering } => {
                let (vpc_id, peering_status) = over(network, id, peering.as_ref());
                item.user_id_group_pairs.items.push(UserIdGroupPairItem {
                    group_id: id.to_string(),
                    user_id: owner.to_string(),
                    vpc_id,
                    vpc_peering_connection_id: peering.as_ref().map(ToString::to_string),
                    peering_status,
                    description: rule.description.clone(),
                });
            }
        }
    }
    by_traffic.into_values().collect()
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
pub(super) fn unknown(named: &[Named]) -> Items<IpPermissionItem> {
    let item = |rule: &Named| {
        let mut item = empty(rule.traffic);
        match &rule.peer {
            RulePeer::Cidr(cidr) => item.ip_ranges.items.push(IpRangeItem {
                cidr_ip: cidr.to_string(),
                description: None,
            }),
            RulePeer::Group { id, owner, .. } => {
                item.user_id_group_pairs.items.push(UserIdGroupPairItem {
                    group_id: id.to_string(),
                    user_id: owner.to_string(),
                    ..Default::default()
                });
            }
        }
        item
    };
    named.iter().map(item).collect()
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
