//! Where a packet starts, and what becomes of it where it arrives: an instance, an endpoint, a load balancer.

use std::net::Ipv4Addr;

use super::filter::{End, Ends};
use super::{Protocol, Walk, fix, lookup, target};
use crate::picture::Transport;
use crate::state::*;

/// Balancers may forward to balancers; past this many it is a loop.
const MOST_HOPS: u32 = 4;

impl<'n> Walk<'n> {
    /// A packet of an interface's holder.
    pub(super) fn start_at_interface(
        &mut self,
        from: &'n Interface,
        to: Ipv4Addr,
        protocol: Protocol,
    ) {
        match &from.holder {
            Holder::Instance { .. } => {}
            Holder::None => {
                return self.stop(
                    &from.id,
                    "the interface is attached to nothing, so nothing sends by it",
                    None,
                );
            }
            Holder::Endpoint(_) | Holder::LoadBalancer(_) => {
                return self.stop(
                    &from.id,
                    "an endpoint or load balancer starts no connections of its own",
                    None,
                );
            }
        }
        if self.answered_by_router(from, to, protocol) {
            return;
        }
        if let Some(arrived) = self.leg(from, to, protocol) {
            self.arrive(arrived, from.address, protocol, 0);
        }
    }

    /// A packet of the internet's client.
    pub(super) fn start_at_internet(&mut self, to: Ipv4Addr, protocol: Protocol) {
        let Some(arrived) = self.find_public(to) else {
            return;
        };
        let ends = Ends {
            from: End::public(None, lookup::INTERNET_CLIENT),
            to: End::public(arrived, to),
            protocol,
        };
        if let Some(arrived) = self.arrive_from_internet(&ends, arrived) {
            self.arrive(arrived, lookup::INTERNET_CLIENT, protocol, 0);
        }
    }

    /// What the holder of an interface does with a packet.
    fn arrive(&mut self, at: &'n Interface, from: Ipv4Addr, protocol: Protocol, hops: u32) {
        match &at.holder {
            Holder::Instance { id, .. } => {
                self.pass(id, format!("takes {protocol} at {}", at.address));
            }
            Holder::None => self.stop(&at.id, "the interface is attached to nothing", None),
            Holder::Endpoint(id) => match self.network.endpoints.get(id) {
                Some(endpoint) => self.through_endpoint(endpoint, (at, from), protocol, hops),
                None => self.stop(id, "the endpoint has gone", None),
            },
            Holder::LoadBalancer(arn) => match self.network.load_balancers.get(arn) {
                Some(balancer) => {
                    if let Some(listener) = self.listener(balancer, protocol) {
                        self.forward(balancer, listener, at, hops);
                    }
                }
                None => self.stop(arn, "the load balancer has gone", None),
            },
        }
    }

    fn through_endpoint(
        &mut self,
        endpoint: &'n Endpoint,
        (at, from): (&'n Interface, Ipv4Addr),
        protocol: Protocol,
        hops: u32,
    ) {
        match endpoint.state {
            EndpointState::Available => {}
            EndpointState::PendingAcceptance => {
                let what = format!("waits for the owner of {} to accept it", endpoint.service);
                return self.stop(&endpoint.id, what, Some(fix::accept_endpoint(endpoint)));
            }
            EndpointState::Rejected => {
                let what = format!("was rejected by the owner of {}", endpoint.service);
                return self.stop(&endpoint.id, what, Some(fix::accept_endpoint(endpoint)));
            }
        }
        let Some(lead) = lookup::lead(self.network, endpoint, &at.subnet) else {
            return self.stop(
                &endpoint.service,
                "the endpoint service has no load balancer with a node",
                None,
            );
        };
        let zone = if lead.same_zone {
            "in the same zone"
        } else {
            "in another zone, as it has none in this one"
        };
        self.pass(
            &endpoint.id,
            format!(
                "leads through {} to {}, a node {zone}",
                endpoint.service, lead.node.id
            ),
        );
        let Some((listener, transport)) = self.listener(lead.balancer, protocol) else {
            return;
        };
        let sources =
            lookup::endpoint_sources(self.network, lead.balancer, transport, listener.port);
        if !lookup::admits(sources.as_ref(), from) {
            self.closed(lead.balancer, from, protocol);
        }
        self.forward(lead.balancer, (listener, transport), lead.node, hops);
    }

    fn closed(&mut self, balancer: &LoadBalancer, from: Ipv4Addr, protocol: Protocol) {
        let groups: Vec<&str> = balancer
            .groups
            .iter()
            .map(crate::SecurityGroupId::as_str)
            .collect();
        let what = format!(
            "the groups of {} do not allow inbound {protocol} from {from}",
            balancer.name
        );
        self.stop(&groups.join(","), what, None);
    }

    fn listener(
        &mut self,
        balancer: &'n LoadBalancer,
        protocol: Protocol,
    ) -> Option<(&'n Listener, Transport)> {
        let (transport, port) = match protocol {
            Protocol::Tcp(port) => (Transport::Tcp, port),
            Protocol::Udp(port) => (Transport::Udp, port),
            Protocol::Echo => {
                let what = format!("takes what its listeners take, not {protocol}");
                self.stop(&balancer.arn, what, None);
                return None;
            }
        };
        let listeners = lookup::listeners(self.network, &balancer.arn);
        let takes = |listener: &&&Listener| {
            listener.port == port && listener.protocol.transports().contains(&transport)
        };
        if let Some(listener) = listeners.iter().find(takes) {
            self.pass(&balancer.arn, format!("listens on {protocol}"));
            return Some((listener, transport));
        }
        let on: Vec<String> = listeners
            .iter()
            .map(|listener| format!("{} {}", listener.protocol.as_str(), listener.port))
            .collect();
        let on = if on.is_empty() {
            "nothing".to_owned()
        } else {
            on.join(", ")
        };
        let what = format!("listens on {on}, not on {protocol}");
        let fix = fix::create_listener(balancer, transport, port);
        self.stop(&balancer.arn, what, Some(fix));
        None
    }

    /// On to each target, from the node's own address.
    fn forward(
        &mut self,
        balancer: &LoadBalancer,
        (listener, transport): (&Listener, Transport),
        node: &'n Interface,
        hops: u32,
    ) {
        if hops >= MOST_HOPS {
            return self.stop(&balancer.arn, "forwards in a loop", None);
        }
        let targets = target::targets(self.network, listener, node);
        if targets.is_empty() {
            let command = fix::register_target(listener, &balancer.region);
            return self.stop(
                &listener.target_group,
                "the target group has no target that runs where this node may send to",
                Some(command),
            );
        }
        for target in targets {
            self.pass(
                &listener.target_group,
                format!("forwards to {target}, from {}", node.address),
            );
            if *target.ip() == node.address {
                let what = format!("forwards to {target}, which is the node itself: a loop");
                self.stop(&listener.target_group, what, None);
                continue;
            }
            let protocol = match transport {
                Transport::Tcp => Protocol::Tcp(target.port()),
                Transport::Udp => Protocol::Udp(target.port()),
            };
            if let Some(arrived) = self.leg(node, *target.ip(), protocol) {
                self.arrive(arrived, node.address, protocol, hops + 1);
            }
        }
    }
}
