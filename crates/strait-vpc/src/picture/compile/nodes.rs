//! Compiles endpoints and load balancers to nodes, their wires, and what they forward.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};

use super::{INTERNET, mac};
use crate::id::*;
use crate::picture::{Forward, Host, HostKind, Listen, Picture, Wire, WireEnd};
use crate::reach::lookup;
use crate::state::{Interface, LoadBalancer, Network};

/// The addresses of wires between endpoints and nodes: two a wire, from 169.254.64.0/18.
const WIRE_BASE: u32 = u32::from_be_bytes([169, 254, 64, 0]);
const WIRE_PAIRS: u32 = 1 << 13;

/// Adds the nodes of load balancers and endpoints, and their wires.
pub(super) fn add(network: &Network, picture: &mut Picture) {
    for balancer in network.load_balancers.values() {
        for node in balancer
            .nodes
            .values()
            .filter_map(|id| network.interfaces.get(id))
        {
            add_balancer_node(network, picture, balancer, node);
        }
    }
    add_endpoint_nodes(network, picture);
}

fn add_balancer_node(
    network: &Network,
    picture: &mut Picture,
    balancer: &LoadBalancer,
    node: &Interface,
) {
    let mut forwards = listen(network, balancer, node, "eth0", |_| true);
    let public = node.public_ip.filter(|_| balancer.internet_facing);
    if let Some(address) = public.filter(|_| lookup::has_internet_gateway(network, &node.vpc)) {
        let name = wire_name(node);
        let admits = |port| lookup::balancer_admits(network, balancer, lookup::internet(), port);
        forwards.extend(listen(network, balancer, node, &name, admits));
        let ends = [
            (INTERNET, lookup::INTERNET_CLIENT),
            (node.id.as_str(), address),
        ];
        picture
            .wires
            .insert(name.clone(), wire(&name, node.index, ends));
    }
    picture
        .hosts
        .insert(node.id.to_string(), node_host(forwards));
}

/// What a balancer's node takes on one of its links: each listener's port, if it is let in and has targets.
fn listen(
    network: &Network,
    balancer: &LoadBalancer,
    node: &Interface,
    link: &str,
    admits: impl Fn(u16) -> bool,
) -> BTreeMap<Listen, BTreeSet<Forward>> {
    let mut forwards = BTreeMap::new();
    for listener in lookup::listeners(network, &balancer.arn) {
        let targets: BTreeSet<Forward> = lookup::targets(network, listener, node)
            .into_iter()
            .map(|to| Forward {
                to,
                link: "eth0".to_owned(),
                from: node.address,
            })
            .collect();
        if admits(listener.port) && !targets.is_empty() {
            forwards.insert(
                Listen {
                    link: link.to_owned(),
                    port: listener.port,
                },
                targets,
            );
        }
    }
    forwards
}

/// Adds each endpoint's node in each of its subnets, and its wire to the load balancer's node while it is available.
fn add_endpoint_nodes(network: &Network, picture: &mut Picture) {
    let mut taken: BTreeMap<InterfaceId, BTreeSet<u32>> = BTreeMap::new();
    for endpoint in network.endpoints.values() {
        for (subnet, id) in &endpoint.interfaces {
            let Some(interface) = network.interfaces.get(id) else {
                continue;
            };
            picture
                .hosts
                .insert(id.to_string(), node_host(BTreeMap::new()));
            let Some(lead) = lookup::lead(network, endpoint, subnet) else {
                continue;
            };
            let Some([near, far]) = wire_addresses(
                interface.index,
                taken.entry(lead.node.id.clone()).or_default(),
            ) else {
                continue;
            };
            let name = wire_name(interface);
            let admits = |port| lookup::balancer_admits_endpoints(network, lead.balancer, port);
            let at_node = listen(network, lead.balancer, lead.node, &name, admits);
            let at_endpoint = at_node.keys().map(|taken| {
                let to = SocketAddrV4::new(far, taken.port);
                let forward = Forward {
                    to,
                    link: name.clone(),
                    from: near,
                };
                (
                    Listen {
                        link: "eth0".to_owned(),
                        port: taken.port,
                    },
                    BTreeSet::from([forward]),
                )
            });
            picture
                .hosts
                .insert(id.to_string(), node_host(at_endpoint.collect()));
            if let Some(node) = picture.hosts.get_mut(lead.node.id.as_str()) {
                node.forwards.extend(at_node);
            }
            let ends = [(id.as_str(), near), (lead.node.id.as_str(), far)];
            picture
                .wires
                .insert(name.clone(), wire(&name, interface.index, ends));
        }
    }
}

fn node_host(forwards: BTreeMap<Listen, BTreeSet<Forward>>) -> Host {
    Host {
        kind: HostKind::Node,
        addresses: BTreeSet::new(),
        forwards,
    }
}

/// The name of the wire of an endpoint's or a public node's interface, the same at both ends.
fn wire_name(interface: &Interface) -> String {
    format!("w{}", interface.index)
}

fn wire(name: &str, index: u32, [a, b]: [(&str, Ipv4Addr); 2]) -> Wire {
    let end = |(host, address): (&str, Ipv4Addr), mac| WireEnd {
        host: host.to_owned(),
        link: name.to_owned(),
        address,
        mac,
        default_route: false,
    };
    Wire {
        a: end(a, mac(0x02, 1, index)),
        b: end(b, mac(0x06, 1, index)),
    }
}

/// A pair of addresses by the wire's index. Indices that are 8192 apart meet only at the same balancer's node, where
/// the later wire takes the next free pair; past 8192 wires at one node there is none.
fn wire_addresses(index: u32, taken: &mut BTreeSet<u32>) -> Option<[Ipv4Addr; 2]> {
    let pair = (0..WIRE_PAIRS)
        .map(|step| (index + step) % WIRE_PAIRS)
        .find(|pair| !taken.contains(pair))?;
    taken.insert(pair);
    let first = WIRE_BASE + 2 * pair;
    Some([Ipv4Addr::from(first), Ipv4Addr::from(first + 1)])
}
