//! Compiles load balancers and endpoints to nodes, their entrances, and what they forward.

use std::collections::BTreeSet;

use crate::id::*;
use crate::picture::{Entrance, Forward, Host, HostKind, Listen, Picture, Terms};
use crate::reach::lookup::{self, Lead, Ranges};
use crate::reach::target;
use crate::state::{Interface, LoadBalancer, Network};

/// Adds the nodes of load balancers, and the endpoints that lead to them.
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
    add_endpoints(network, picture);
}

fn add_balancer_node(
    network: &Network,
    picture: &mut Picture,
    balancer: &LoadBalancer,
    node: &Interface,
) {
    let mut host = node_host();
    add_listens(network, &mut host, (balancer, node), "eth0", |_| None);
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

/// Adds what endpoints lead to: entrances of load balancers' nodes. An endpoint that leads nowhere is a node of its own,
/// which takes nothing.
fn add_endpoints(network: &Network, picture: &mut Picture) {
    for (id, endpoint) in network.endpoints.iter() {
        for interface in endpoint
            .interfaces
            .values()
            .filter_map(|id| network.interfaces.get(id))
        {
            let Some((lead, link)) = entrance(network, id, interface) else {
                picture.hosts.insert(interface.id.to_string(), node_host());
                continue;
            };
            let Some(host) = picture.hosts.get_mut(lead.node.id.as_str()) else {
                continue;
            };
            let entrance = Entrance {
                number: entrance_number(interface),
                address: interface.address,
            };
            host.entrances.insert(link.clone(), entrance);
            // Clients are seen with their own addresses here.
            let sources = |listen: &Listen| {
                lookup::endpoint_sources(network, lead.balancer, listen.transport, listen.port)
            };
            add_listens(network, host, (lead.balancer, lead.node), &link, sources);
        }
    }
}

/// The load balancer's node that an endpoint's interface leads to, and the interface's link there.
///
/// A namespace less on the way of every packet, and one translation instead of two, compared with a namespace an endpoint.
pub(super) fn entrance<'n>(
    network: &'n Network,
    endpoint: &EndpointId,
    interface: &Interface,
) -> Option<(Lead<'n>, String)> {
    let endpoint = network.endpoints.get(endpoint)?;
    let lead = lookup::lead(network, endpoint, &interface.subnet)?;
    (!is_number_taken(network, interface)).then(|| (lead, format!("v{}", interface.index)))
}

/// Whether an older interface has the number of this one. Numbers come again after 65,535 interfaces.
fn is_number_taken(network: &Network, interface: &Interface) -> bool {
    interface.index >= u32::from(u16::MAX)
        && network.interfaces.values().any(|other| {
            other.index < interface.index && entrance_number(other) == entrance_number(interface)
        })
}

fn entrance_number(interface: &Interface) -> u16 {
    u16::try_from(interface.index % u32::from(u16::MAX) + 1).unwrap_or(u16::MAX)
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
