//! What security groups and network ACLs say about a packet.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::lookup::{self, EVERYBODY, Reference};
use super::{Protocol, Walk, fix, prefix};
use crate::id::Region;
use crate::picture::{PortBox, subtract};
use crate::state::*;

/// The ports that clients take for themselves (Linux's default): answers go to one of them.
const CLIENT_PORTS: (u16, u16) = (32768, 60999);

/// The two ends of a leg, as filters see them.
pub(super) struct Ends<'n> {
    pub(super) from: End<'n>,
    pub(super) to: End<'n>,
    pub(super) protocol: Protocol,
}

/// One end of a leg.
#[derive(Clone, Copy)]
pub(super) struct End<'n> {
    /// Its interface; none in the internet itself, where nothing filters.
    pub(super) interface: Option<&'n Interface>,
    /// Its address as the other end sees it.
    pub(super) seen: Ipv4Addr,
    /// Whether the other end sees its public address: then rules for members of a group do not mean it.
    pub(super) public: bool,
}

impl<'n> End<'n> {
    /// An end that is seen as what it is.
    pub(super) fn private(interface: &'n Interface) -> Self {
        Self {
            interface: Some(interface),
            seen: interface.address,
            public: false,
        }
    }

    /// An end past an internet gateway.
    pub(super) fn public(interface: Option<&'n Interface>, seen: Ipv4Addr) -> Self {
        Self {
            interface,
            seen,
            public: true,
        }
    }

    fn member(self) -> Option<&'n Interface> {
        self.interface.filter(|_| !self.public)
    }
}

impl Walk<'_> {
    /// The groups of the interface that the packet leaves.
    pub(super) fn egress_groups(&mut self, ends: &Ends<'_>) {
        self.groups(Direction::Egress, ends.from, ends.to, ends.protocol);
    }

    /// The groups of the interface that the packet arrives at.
    pub(super) fn ingress_groups(&mut self, ends: &Ends<'_>) {
        self.groups(Direction::Ingress, ends.to, ends.from, ends.protocol);
    }

    /// Groups judged by the far address alone, when no interface is known to have it.
    pub(super) fn egress_groups_to(&mut self, own: &Interface, far: Ipv4Addr, protocol: Protocol) {
        let allowing = allowing_group(self.network, Direction::Egress, own, (far, None), protocol);
        self.say_groups(Direction::Egress, own, far, protocol, allowing);
    }

    fn groups(&mut self, direction: Direction, own: End<'_>, far: End<'_>, protocol: Protocol) {
        let Some(own) = own.interface else {
            return;
        };
        let allowing = allowing_group(
            self.network,
            direction,
            own,
            (far.seen, far.member()),
            protocol,
        );
        self.say_groups(direction, own, far.seen, protocol, allowing);
    }

    fn say_groups(
        &mut self,
        direction: Direction,
        own: &Interface,
        far: Ipv4Addr,
        protocol: Protocol,
        allowing: Option<String>,
    ) {
        let (way, from_or_to) = match direction {
            Direction::Egress => ("outbound", "to"),
            Direction::Ingress => ("inbound", "from"),
        };
        if own.groups.is_empty() {
            return self.pass(
                &own.id,
                format!("has no security group, so nothing filters {way} traffic"),
            );
        }
        if let Some(group) = allowing {
            return self.pass(
                &group,
                format!("allows {way} {protocol} {from_or_to} {far}"),
            );
        }
        let groups: Vec<&str> = own
            .groups
            .iter()
            .map(crate::SecurityGroupId::as_str)
            .collect();
        let what = format!(
            "no {way} rule of the groups of {} allows {protocol} {from_or_to} {far}",
            own.id
        );
        let command = fix::allow(self.network, own, direction, far, protocol);
        self.stop(&groups.join(","), what, command);
    }

    /// The ACL of the subnet that the packet leaves.
    pub(super) fn acl_out(&mut self, ends: &Ends<'_>) {
        let out = Edge {
            at: ends.from,
            far: ends.to,
            direction: Direction::Egress,
        };
        self.acl(out, Packet::request(ends.protocol), "out of the subnet");
    }

    /// The ACL of the subnet that the packet comes to.
    pub(super) fn acl_in(&mut self, ends: &Ends<'_>) {
        let into = Edge {
            at: ends.to,
            far: ends.from,
            direction: Direction::Ingress,
        };
        self.acl(into, Packet::request(ends.protocol), "into the subnet");
    }

    /// The ACLs of both subnets on the way back: they remember nothing.
    pub(super) fn acls_back(&mut self, ends: &Ends<'_>) {
        let packet = Packet::answer(ends.protocol);
        let out = Edge {
            at: ends.to,
            far: ends.from,
            direction: Direction::Egress,
        };
        self.acl(out, packet, "out of the subnet, on the way back");
        let into = Edge {
            at: ends.from,
            far: ends.to,
            direction: Direction::Ingress,
        };
        self.acl(into, packet, "into the subnet, on the way back");
    }

    fn acl(&mut self, edge: Edge<'_>, packet: Packet, way: &str) {
        let Some(own) = edge.at.interface else {
            return;
        };
        if edge
            .far
            .member()
            .is_some_and(|far| far.subnet == own.subnet)
        {
            return;
        }
        let Some(acl) = lookup::acl(self.network, &own.subnet) else {
            return self.stop(&own.subnet, "the subnet has no network ACL", None);
        };
        let what = match judge(acl, edge.direction, edge.far.seen, packet) {
            Ok(()) => return self.pass(&acl.id, format!("allows {packet} {way}")),
            Err(Denied::By(number)) => format!("entry {number} denies {packet} {way}"),
            Err(Denied::ByNone) => format!("no entry allows {packet} {way}"),
        };
        let command = fix::acl_entry(acl, edge.direction, edge.far.seen, packet);
        self.stop(&acl.id, what, command);
    }
}

/// The edge of a subnet: whose, towards whom, which way.
#[derive(Clone, Copy)]
struct Edge<'n> {
    at: End<'n>,
    far: End<'n>,
    direction: Direction,
}

/// A packet as ACLs see it; answers go to any of the clients' ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packet {
    Ports { protocol: u8, ports: (u16, u16) },
    Icmp { type_: u8 },
}

impl Packet {
    fn request(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Tcp(port) => Self::Ports {
                protocol: 6,
                ports: (port, port),
            },
            Protocol::Udp(port) => Self::Ports {
                protocol: 17,
                ports: (port, port),
            },
            Protocol::Echo => Self::Icmp { type_: 8 },
        }
    }

    fn answer(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Tcp(_) => Self::Ports {
                protocol: 6,
                ports: CLIENT_PORTS,
            },
            Protocol::Udp(_) => Self::Ports {
                protocol: 17,
                ports: CLIENT_PORTS,
            },
            Protocol::Echo => Self::Icmp { type_: 0 },
        }
    }
}

impl std::fmt::Display for Packet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ports {
                protocol,
                ports: (from, to),
            } => {
                let name = if *protocol == 6 { "TCP" } else { "UDP" };
                if from == to {
                    write!(f, "{name} {from}")
                } else {
                    write!(f, "{name} {from} to {to}")
                }
            }
            Self::Icmp { type_ } => write!(f, "ICMP type {type_}"),
        }
    }
}

/// Why an ACL lets a packet not pass.
#[derive(Debug, PartialEq, Eq)]
enum Denied {
    /// The entry with this number says so.
    By(u16),
    /// No entry matches.
    ByNone,
}

/// The first entry that matches decides. A range of ports passes when all of it does.
fn judge(
    acl: &NetworkAcl,
    direction: Direction,
    far: Ipv4Addr,
    packet: Packet,
) -> Result<(), Denied> {
    let entries = lookup::entries(acl, direction)
        .into_iter()
        .filter(|entry| entry.cidr.ipv4().is_some_and(|block| block.contains(&far)));
    match packet {
        Packet::Ports { protocol, ports } => {
            let whole = PortBox {
                addresses: EVERYBODY,
                protocols: (protocol, protocol),
                ports,
            };
            let mut left = BTreeSet::from([whole]);
            for entry in entries {
                let rest = subtract(
                    left.iter().copied(),
                    lookup::port_box(entry.traffic, EVERYBODY),
                );
                if rest == left {
                    continue;
                }
                if !entry.allow {
                    return Err(Denied::By(entry.number));
                }
                if rest.is_empty() {
                    return Ok(());
                }
                left = rest;
            }
            Err(Denied::ByNone)
        }
        Packet::Icmp { type_ } => {
            let mut entries = entries.filter(|entry| matches_icmp(entry.traffic, type_));
            match entries.next() {
                Some(entry) if entry.allow => Ok(()),
                Some(entry) => Err(Denied::By(entry.number)),
                None => Err(Denied::ByNone),
            }
        }
    }
}

/// The group of an interface that allows a packet.
fn allowing_group(
    network: &Network,
    direction: Direction,
    own: &Interface,
    far: (Ipv4Addr, Option<&Interface>),
    protocol: Protocol,
) -> Option<String> {
    let groups = own
        .groups
        .iter()
        .filter_map(|group| network.security_groups.get(group));
    let mut allowing = groups.filter(|group| {
        let rules = group
            .rules
            .values()
            .filter(|rule| rule.direction == direction);
        rules.into_iter().any(|rule| {
            matches_protocol(rule.traffic, protocol)
                && matches_peer(network, own, far, (&group.region, &rule.peer))
        })
    });
    allowing.next().map(|group| group.id.to_string())
}

fn matches_peer(
    network: &Network,
    own: &Interface,
    far: (Ipv4Addr, Option<&Interface>),
    (region, peer): (&Region, &RulePeer),
) -> bool {
    let (address, interface) = far;
    match peer {
        RulePeer::Cidr(_) | RulePeer::Cidr6(_) | RulePeer::PrefixList(_) => {
            let blocks = prefix::blocks(network, region, peer);
            blocks
                .into_iter()
                .flatten()
                .any(|block| block.contains(&address))
        }
        RulePeer::Group { id, .. } => interface.is_some_and(|interface| {
            let vpc = match lookup::reference(network, &own.vpc, id) {
                Reference::Local => Some(&own.vpc),
                Reference::Peer(peering) => lookup::peer(peering, &own.vpc).map(|side| &side.vpc),
                Reference::Stale => None,
            };
            vpc == Some(&interface.vpc) && interface.groups.contains(id)
        }),
    }
}

fn matches_protocol(traffic: Traffic, protocol: Protocol) -> bool {
    match protocol {
        Protocol::Tcp(port) => matches_port(traffic, 6, port),
        Protocol::Udp(port) => matches_port(traffic, 17, port),
        Protocol::Echo => matches_icmp(traffic, 8),
    }
}

fn matches_port(traffic: Traffic, protocol: u8, port: u16) -> bool {
    lookup::port_box(traffic, EVERYBODY).is_some_and(|allowed| {
        (allowed.protocols.0..=allowed.protocols.1).contains(&protocol)
            && (allowed.ports.0..=allowed.ports.1).contains(&port)
    })
}

/// Echo requests and replies have code 0.
fn matches_icmp(traffic: Traffic, type_: u8) -> bool {
    match traffic {
        Traffic::All | Traffic::Protocol(1) => true,
        Traffic::Icmp(wanted, code) => {
            wanted.is_none_or(|wanted| wanted == type_) && code.is_none_or(|code| code == 0)
        }
        Traffic::Tcp(_) | Traffic::Udp(_) | Traffic::Icmp6(..) | Traffic::Protocol(_) => false,
    }
}
