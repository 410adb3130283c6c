//! What names a prefix list, and what it counts for there: its maximum of entries (AWS's own: their weight).

use crate::error::AwsError;
use crate::id::*;
use crate::rules::quota::{self, Quota};
use crate::state::*;

/// A security group or route table that names a prefix list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    /// Its id.
    pub(super) id: String,
    /// Who owns it.
    pub(super) owner: AccountId,
}

/// What names a prefix list.
pub(super) fn users(network: &Network, list: &PrefixListId) -> Vec<User> {
    let names = |peer: &RulePeer| match peer {
        RulePeer::PrefixList(named) => named == list,
        RulePeer::Cidr(_) | RulePeer::Cidr6(_) | RulePeer::Group { .. } => false,
    };
    let groups = network
        .security_groups
        .values()
        .filter(|group| group.rules.values().any(|rule| names(&rule.peer)))
        .map(|group| User {
            id: group.id.to_string(),
            owner: group.owner.clone(),
        });
    let tables = network
        .route_tables
        .values()
        .filter(|table| table.list_routes.contains_key(list))
        .map(|table| User {
            id: table.id.to_string(),
            owner: table.owner.clone(),
        });
    groups.chain(tables).collect()
}

/// Whether what names a list stays within its quota when the list has another size.
pub(super) fn fits(network: &Network, user: &User, resized: (&PrefixListId, u32)) -> bool {
    let group = user.id.parse().ok();
    let group = group.and_then(|id| network.security_groups.get(&id));
    let table = user.id.parse().ok();
    let table = table.and_then(|id| network.route_tables.get(&id));
    let groups = group.is_none_or(|group| rules_fit(network, group, Some(resized)).is_ok());
    groups && table.is_none_or(|table| routes_fit(network, table, Some(resized)).is_ok())
}

/// Refuses a group with more rules than its quota, which is counted for each direction and address family.
pub(super) fn check_rules(network: &Network, group: &SecurityGroup) -> Result<(), AwsError> {
    rules_fit(network, group, None)
}

/// Refuses a table with more routes than its quota, which is counted for each address family.
pub(super) fn check_routes(network: &Network, table: &RouteTable) -> Result<(), AwsError> {
    routes_fit(network, table, None)
}

fn rules_fit(
    network: &Network,
    group: &SecurityGroup,
    resized: Option<(&PrefixListId, u32)>,
) -> Result<(), AwsError> {
    for direction in [Direction::Ingress, Direction::Egress] {
        let rules = group
            .rules
            .values()
            .filter(|rule| rule.direction == direction);
        let counts = rules.map(|rule| match &rule.peer {
            RulePeer::Cidr(_) => (1, 0),
            RulePeer::Cidr6(_) => (0, 1),
            RulePeer::Group { .. } => (1, 1),
            RulePeer::PrefixList(list) => weight(network, &group.region, list, resized),
        });
        let (v4, v6) = counts.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
        quota::within(network, &group.owner, Quota::RulesPerGroup, v4.max(v6))?;
    }
    Ok(())
}

fn routes_fit(
    network: &Network,
    table: &RouteTable,
    resized: Option<(&PrefixListId, u32)>,
) -> Result<(), AwsError> {
    let lists = table
        .list_routes
        .keys()
        .map(|list| weight(network, &table.region, list, resized));
    let own = (table.routes.len(), table.ipv6_routes.len());
    let (v4, v6) = lists.fold(own, |sum, count| (sum.0 + count.0, sum.1 + count.1));
    quota::within(network, &table.owner, Quota::RoutesPerTable, v4.max(v6))
}

/// What a list counts for, among IPv4 and among IPv6 ones.
fn weight(
    network: &Network,
    region: &Region,
    list: &PrefixListId,
    resized: Option<(&PrefixListId, u32)>,
) -> (usize, usize) {
    let own = network
        .prefix_lists
        .get(list)
        .map(|own| (own.family, own.max_entries));
    let aws = || {
        aws_prefix_lists(region)
            .find(|aws| aws.id == *list)
            .map(|aws| (aws.family, aws.weight))
    };
    let Some((family, size)) = own.or_else(aws) else {
        return (0, 0);
    };
    let size = match resized {
        Some((resized, size)) if resized == list => size,
        Some(_) | None => size,
    } as usize;
    match family {
        AddressFamily::V4 => (size, 0),
        AddressFamily::V6 => (0, size),
    }
}
