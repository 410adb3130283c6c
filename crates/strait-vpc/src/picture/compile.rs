//! Compiles a network to its picture.
//!
//! Names and numbers come from ids and indices that never change, so that a change of one object edits only what is
//! of that object: link `e{n}` and its MACs from interface index n, `p{n}` from peering index n, `g{id}` (a wire to the
//! internet) from an internet gateway's id, `v{n}` (an entrance) from the index of the endpoint's interface and `w{n}` (a wire
//! between a node and its target) from that of the interface at the other end.

mod filters;
mod gateways;
mod nodes;
mod straight;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{Host, HostKind, Interface, Mac, Peer, Picture, Router, Target};
use crate::id::*;
use crate::reach::{lookup, prefix};
use crate::state::{
    self, Holder, INTERNET_OWN, InstanceState, Network, RouteTable, RouteTarget, Vpc,
};

/// The name of the host that is the internet.
pub(super) const INTERNET: &str = "internet";

/// What the kernel must look like for a network.
#[must_use]
pub fn picture(network: &Network) -> Picture {
    let mut picture = outside(network);
    for id in network.instances.keys() {
        if let Some(host) = machine(network, id) {
            picture.hosts.insert(id.to_string(), host);
        }
    }
    for id in network.vpcs.keys() {
        if let Some(router) = vpc_router(network, id) {
            picture.routers.insert(id.to_string(), router);
        }
    }
    picture
}

/// What is of no single VPC or instance: the internet, nodes, gateways and wires.
pub(super) fn outside(network: &Network) -> Picture {
    let mut picture = Picture::default();
    picture.hosts.insert(INTERNET.to_owned(), internet());
    nodes::add(network, &mut picture);
    straight::add(network, &mut picture);
    gateways::add(network, &mut picture);
    picture
}

/// The host of an instance that runs.
pub(super) fn machine(network: &Network, instance: &InstanceId) -> Option<Host> {
    let instance = network.instances.get(instance)?;
    (instance.state == InstanceState::Running).then(Host::default)
}

/// The router of a VPC that has one.
pub(super) fn vpc_router(network: &Network, vpc: &VpcId) -> Option<Router> {
    let vpc = network.vpcs.get(vpc)?;
    has_router(network, &vpc.id).then(|| router(network, vpc))
}

fn internet() -> Host {
    Host {
        kind: HostKind::Internet,
        addresses: INTERNET_OWN.into(),
        ..Host::default()
    }
}

/// A VPC has a router from its first interface on. Before that nothing sends packets in it, and none has a way to it.
fn has_router(network: &Network, vpc: &VpcId) -> bool {
    network
        .interfaces
        .values()
        .any(|interface| interface.vpc == *vpc)
}

fn router(network: &Network, vpc: &Vpc) -> Router {
    let subnets = || {
        network
            .subnets
            .values()
            .filter(|subnet| subnet.vpc == vpc.id)
    };
    let mut router = Router {
        addresses: subnets().filter_map(state::Subnet::router).collect(),
        ranges: vpc.cidrs().collect(),
        interfaces: interfaces(network, &vpc.id),
        peers: peers(network, &vpc.id),
        uplink: gateways::uplink(network, &vpc.id),
        ..Router::default()
    };
    if vpc.dns_support {
        let of_vpc = Ipv4Addr::from(u32::from(vpc.primary().network()) + 2);
        let fixed = [Ipv4Addr::new(169, 254, 169, 253), of_vpc];
        router.resolvers = subnets()
            .filter_map(state::Subnet::resolver)
            .chain(fixed)
            .collect();
    }
    for table in network
        .route_tables
        .values()
        .filter(|table| table.vpc == vpc.id)
    {
        router
            .tables
            .insert(table_number(table), routes(network, table, &router));
    }
    filters::add(network, vpc, &mut router);
    router
}

fn interfaces(network: &Network, vpc: &VpcId) -> BTreeMap<String, Interface> {
    let own = network
        .interfaces
        .values()
        .filter(|interface| interface.vpc == *vpc);
    own.filter_map(|own| Some((link(own), interface(network, own)?)))
        .collect()
}

/// An interface as its router sees it; none while nothing holds it.
fn interface(network: &Network, own: &state::Interface) -> Option<Interface> {
    let (host, host_link) = plug(network, own)?;
    let subnet = network.subnets.get(&own.subnet)?;
    Some(Interface {
        host,
        host_link,
        address: own.address,
        host_mac: mac(0x06, 0, own.index),
        router_mac: mac(0x02, 0, own.index),
        subnet: subnet.cidr?,
        table: table_number(lookup::route_table(network, subnet)?),
        groups: own.groups.iter().map(ToString::to_string).collect(),
        acl: lookup::acl(network, &subnet.id)?.id.to_string(),
        source_check: own.source_dest_check,
    })
}

/// The host that an interface is plugged into, and the link's name there; none while nothing holds it.
#[must_use]
pub fn plug(network: &Network, interface: &state::Interface) -> Option<(String, String)> {
    match &interface.holder {
        Holder::None => None,
        Holder::Instance {
            id, device_index, ..
        } => {
            let running = network.instances.get(id)?.state == InstanceState::Running;
            running.then(|| (id.to_string(), format!("eth{device_index}")))
        }
        Holder::Endpoint(endpoint) => {
            Some(nodes::entrance(network, endpoint, interface).map_or_else(
                || (interface.id.to_string(), "eth0".to_owned()),
                |(lead, link)| (lead.node.id.to_string(), link),
            ))
        }
        Holder::LoadBalancer(_) => Some((interface.id.to_string(), "eth0".to_owned())),
    }
}

fn peers(network: &Network, vpc: &VpcId) -> BTreeMap<String, Peer> {
    let mut peers = BTreeMap::new();
    for peering in network.peerings.values() {
        let Some(other) = lookup::peer(peering, vpc) else {
            continue;
        };
        if !has_router(network, &other.vpc) {
            continue;
        }
        let requested = peering.requester.vpc == *vpc;
        let (own, far) = if requested {
            (0x02, 0x06)
        } else {
            (0x06, 0x02)
        };
        let peer = Peer {
            router: other.vpc.to_string(),
            link: peering_link(peering),
            mac: mac(own, 0, peering.index),
            remote_mac: mac(far, 0, peering.index),
            sources: lookup::ranges(network, &other.vpc),
        };
        peers.insert(peering_link(peering), peer);
    }
    peers
}

fn routes(network: &Network, table: &RouteTable, router: &Router) -> BTreeMap<Ipv4Net, Target> {
    prefix::routes(network, table)
        .into_iter()
        .map(|(destination, target)| (destination, route(network, target, router)))
        .collect()
}

fn route(network: &Network, target: &RouteTarget, router: &Router) -> Target {
    match target {
        RouteTarget::Peering(id) => {
            let name = network.peerings.get(id).map(peering_link);
            name.filter(|name| router.peers.contains_key(name))
                .map_or(Target::Blackhole, Target::Peer)
        }
        RouteTarget::Interface(id) => {
            let name = network.interfaces.get(id).map(link);
            name.filter(|name| router.interfaces.contains_key(name))
                .map_or(Target::Blackhole, Target::Interface)
        }
        RouteTarget::InternetGateway(id) => {
            let leads = router
                .uplink
                .as_ref()
                .is_some_and(|uplink| uplink.host == id.as_str());
            if leads {
                Target::Uplink
            } else {
                Target::Blackhole
            }
        }
        RouteTarget::GatewayEndpoint(_) => Target::Blackhole,
    }
}

/// The kernel's number of a route table; the numbers below 1000 are the kernel's and Strait's own.
fn table_number(table: &RouteTable) -> u32 {
    1000 + table.index
}

/// The name of an interface's link at its router.
pub fn router_link(interface: &state::Interface) -> String {
    link(interface)
}

pub(super) fn link(interface: &state::Interface) -> String {
    format!("e{}", interface.index)
}

/// The name of a peering's link at both routers.
pub(super) fn peering_link(peering: &state::Peering) -> String {
    format!("p{}", peering.index)
}

/// A locally administered MAC: which end, what kind of link, and the link's index.
pub(super) fn mac(end: u8, kind: u8, index: u32) -> Mac {
    let [a, b, c, d] = index.to_be_bytes();
    Mac([end, kind, a, b, c, d])
}

#[cfg(test)]
mod tests;
