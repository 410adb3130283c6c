//! Compiles endpoints and load balancers to nodes, their wires, and what they forward.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};

use super::{INTERNET, mac};
use crate::id::*;
use crate::picture::{Forward, Host, HostKind, Listen, Picture, Terms, Wire, WireEnd};
use crate::reach::lookup::{self, Ranges};
use crate::reach::target;
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
    let mut host = node_host();
    add_listens(network, &mut host, (balancer, node), "eth0", |_| None);
    let public = node.public_ip.filter(|_| balancer.internet_facing);
    if let Some(address) = public.filter(|_| lookup::has_internet_gateway(network, &node.vpc)) {
        let name = wire_name(node);
        // No router filters what comes by the wire.
        let sources = |listen: &Listen| {
            lookup::sources_admitted(network, balancer, listen.transport, listen.port)
        };
        add_listens(network, &mut host, (balancer, node), &name, sources);
        let ends = [
            (INTERNET, lookup::INTERNET_CLIENT),
            (node.id.as_str(), address),
        ];
        picture
            .wires
            .insert(name.clone(), wire(&name, node.index, ends));
    }
    picture.hosts.insert(node.id.to_string(), host);
}

/// Adds what a balancer's node takes on one of its links: each listener's port, if it has targets.
fn add_listens(
    network: &Network,
    host: &mut Host,
    (balancer, node): (&LoadBalancer, &Interface),
    link: &str,
    sources: impl Fn(&Listen) -> Option<Ranges>,
) {
    for listener in lookup::listeners(network, &balancer.arn) {
        let targets: BTreeSet<Forward> = target::targets(network, listener, node)
            .into_iter()
            .map(|to| Forward {
                to,
                link: "eth0".to_owned(),
                from: node.address,
            })
            .collect();
        if targets.is_empty() {
            continue;
        }
        for transport in listener.protocol.transports() {
            let listen = Listen {
                link: link.to_owned(),
                transport: *transport,
                port: listener.port,
            };
            let terms = Terms {
                sources: sources(&listen),
                sticky: target::is_sticky(network, listener),
            };
            add_listen(host, listen, terms, targets.clone());
        }
    }
}

/// Adds each endpoint's node in each of its subnets, and its wire to the load balancer's node while it is available.
fn add_endpoint_nodes(network: &Network, picture: &mut Picture) {
    let mut taken: BTreeMap<InterfaceId, BTreeSet<u32>> = BTreeMap::new();
    for endpoint in network.endpoints.values() {
        for (subnet, id) in &endpoint.interfaces {
            let Some(interface) = network.interfaces.get(id) else {
                continue;
            };
            picture.hosts.insert(id.to_string(), node_host());
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
            let Some(node) = picture.hosts.get_mut(lead.node.id.as_str()) else {
                continue;
            };
            let at = (lead.balancer, lead.node);
            add_listens(network, node, at, &name, |_| None);
            let taken = node.forwards.keys().filter(|listen| listen.link == name);
            let mut host = node_host();
            for listen in taken {
                let to = SocketAddrV4::new(far, listen.port);
                let forward = Forward {
                    to,
                    link: name.clone(),
                    from: near,
                };
                // Only here are clients seen with their own addresses.
                let (transport, port) = (listen.transport, listen.port);
                let sources = lookup::endpoint_sources(network, lead.balancer, transport, port);
                let terms = Terms {
                    sources,
                    sticky: false,
                };
                let listen = Listen {
                    link: "eth0".to_owned(),
                    ..listen.clone()
                };
                add_listen(&mut host, listen, terms, BTreeSet::from([forward]));
            }
            picture.hosts.insert(id.to_string(), host);
            let ends = [(id.as_str(), near), (lead.node.id.as_str(), far)];
            picture
                .wires
                .insert(name.clone(), wire(&name, interface.index, ends));
        }
    }
}

fn add_listen(host: &mut Host, listen: Listen, terms: Terms, targets: BTreeSet<Forward>) {
    if terms != Terms::default() {
        host.terms.insert(listen.clone(), terms);
    }
    host.forwards.insert(listen, targets);
}

fn node_host() -> Host {
    Host {
        kind: HostKind::Node,
        ..Host::default()
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
