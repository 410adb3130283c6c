//! Blocks that rules and routes name, by themselves or through a prefix list: asked by the picture and the walk alike.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};

use super::lookup;
use crate::id::*;
use crate::state::*;

/// The IPv4 blocks that a rule's far side has; `None` if it is a group, which has members instead.
pub(crate) fn blocks(network: &Network, region: &Region, peer: &RulePeer) -> Option<Vec<Ipv4Net>> {
    match peer {
        RulePeer::Cidr(cidr) => Some(vec![*cidr]),
        RulePeer::Cidr6(_) => Some(Vec::new()),
        RulePeer::PrefixList(list) => Some(entries(network, region, list)),
        RulePeer::Group { .. } => None,
    }
}

/// A route as packets meet it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route<'n> {
    /// Its destination.
    pub(crate) destination: Ipv4Net,
    /// The prefix list that the destination is an entry of.
    pub(crate) list: Option<&'n PrefixListId>,
    /// Where it leads.
    pub(crate) target: &'n RouteTarget,
}

impl fmt::Display for Route<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.list {
            None => write!(f, "{}", self.destination),
            Some(list) => write!(f, "{} (an entry of {list})", self.destination),
        }
    }
}

/// The routes of a table by destination. On the same destination a route of the table's own wins over a prefix list's;
/// of two prefix lists the one with the lower id does, always (AWS: either, always the same).
/// <https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html>
pub(crate) fn routes<'n>(
    network: &Network,
    table: &'n RouteTable,
) -> BTreeMap<Ipv4Net, &'n RouteTarget> {
    let mut routes = BTreeMap::new();
    for route in by_priority(network, table) {
        routes.entry(route.destination).or_insert(route.target);
    }
    routes
}

/// The route of a table that a packet to an address takes: the one with the longest prefix.
pub(crate) fn longest<'n>(
    network: &Network,
    table: &'n RouteTable,
    to: Ipv4Addr,
) -> Option<Route<'n>> {
    by_priority(network, table)
        .filter(|route| route.destination.contains(&to))
        .min_by_key(|route| std::cmp::Reverse(route.destination.prefix_len()))
}

/// The VPCs with a security group or a route table that names a prefix list.
pub(crate) fn vpcs_naming(network: &Network, list: &PrefixListId) -> BTreeSet<VpcId> {
    let groups = network.security_groups.values().filter(|group| {
        let mut peers = group.rules.values().map(|rule| &rule.peer);
        peers.any(|peer| matches!(peer, RulePeer::PrefixList(named) if named == list))
    });
    let tables = network
        .route_tables
        .values()
        .filter(|table| table.list_routes.contains_key(list));
    groups
        .map(|group| group.vpc.clone())
        .chain(tables.map(|table| table.vpc.clone()))
        .collect()
}

/// All routes besides the local ones, those first that win on the same destination. What a prefix list says about the
/// VPC's own ranges, or about the link-local range, is no route.
fn by_priority<'n>(
    network: &Network,
    table: &'n RouteTable,
) -> impl Iterator<Item = Route<'n>> + use<'n> {
    let own = lookup::ranges(network, &table.vpc);
    let mut routes: Vec<Route<'n>> = Vec::with_capacity(table.routes.len());
    routes.extend(table.routes.iter().map(|(destination, target)| Route {
        destination: *destination,
        list: None,
        target,
    }));
    for (list, target) in &table.list_routes {
        let entries = entries(network, &table.region, list).into_iter();
        let foreign = entries.filter(|entry| {
            !own.iter().any(|range| range.contains(entry)) && !link_local().contains(entry)
        });
        routes.extend(foreign.map(|destination| Route {
            destination,
            list: Some(list),
            target,
        }));
    }
    routes.into_iter()
}

/// The IPv4 entries of a prefix list, the customer's or AWS's own.
fn entries(network: &Network, region: &Region, list: &PrefixListId) -> Vec<Ipv4Net> {
    let v4 = |entry: &IpNet| match entry {
        IpNet::V4(block) => Some(*block),
        IpNet::V6(_) => None,
    };
    if let Some(list) = network.prefix_lists.get(list) {
        return list.entries().filter_map(|(entry, _)| v4(entry)).collect();
    }
    aws_prefix_lists(region)
        .find(|own| own.id == *list)
        .map(|own| own.entries.iter().filter_map(v4).collect())
        .unwrap_or_default()
}

fn link_local() -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16)
}
