//! Questions about a network that both the picture and the walk of a packet ask.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::prefix;
use crate::id::*;
use crate::picture::{IcmpBox, PortBox, Transport};
use crate::state::*;

/// Every address.
pub(crate) const EVERYBODY: (Ipv4Addr, Ipv4Addr) = (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);

/// The ranges of addresses that are the internet in this cloud.
pub(crate) fn internet() -> [Ipv4Net; 4] {
    let [first, second, third] = INSTANCE_ADDRESSES;
    [BALANCER_ADDRESSES, first, second, third]
}

/// The address that the internet's own clients have.
pub(crate) const INTERNET_CLIENT: Ipv4Addr = INTERNET_OWN[0];

/// The route table of a subnet: its own, or its VPC's main one.
pub(crate) fn route_table<'n>(network: &'n Network, subnet: &Subnet) -> Option<&'n RouteTable> {
    let used = |by: &RouteTableUse| {
        let by = by.clone();
        let mut tables = network
            .route_tables
            .values()
            .filter(|table| table.vpc == subnet.vpc);
        tables.find(|table| {
            table
                .associations
                .values()
                .any(|association| *association == by)
        })
    };
    used(&RouteTableUse::Subnet(subnet.id.clone())).or_else(|| used(&RouteTableUse::Main))
}

/// The network ACL of a subnet.
pub(crate) fn acl<'n>(network: &'n Network, subnet: &SubnetId) -> Option<&'n NetworkAcl> {
    network.network_acls.values().find(|acl| {
        acl.associations
            .values()
            .any(|associated| associated == subnet)
    })
}

/// An ACL's entries of one direction, in the order in which they decide.
pub(crate) fn entries(acl: &NetworkAcl, direction: Direction) -> Vec<&AclEntry> {
    let mut entries: Vec<&AclEntry> = acl
        .entries
        .iter()
        .filter(|entry| entry.direction == direction)
        .collect();
    entries.sort_by_key(|entry| entry.number);
    entries
}

/// The other side of an active peering connection, seen from a VPC.
pub(crate) fn peer<'n>(peering: &'n Peering, vpc: &VpcId) -> Option<&'n PeeringSide> {
    if peering.state != PeeringState::Active {
        return None;
    }
    if peering.requester.vpc == *vpc {
        return Some(&peering.accepter);
    }
    (peering.accepter.vpc == *vpc).then_some(&peering.requester)
}

/// The active peering connection between two VPCs.
pub(crate) fn peering_between<'n>(
    network: &'n Network,
    one: &VpcId,
    other: &VpcId,
) -> Option<&'n Peering> {
    network
        .peerings
        .values()
        .find(|peering| peer(peering, one).is_some_and(|side| side.vpc == *other))
}

/// A VPC's ranges.
pub(crate) fn ranges(network: &Network, vpc: &VpcId) -> BTreeSet<Ipv4Net> {
    network
        .vpcs
        .get(vpc)
        .map(|vpc| vpc.cidrs().collect())
        .unwrap_or_default()
}

/// The interface that has an address in a VPC.
pub(crate) fn interface_at<'n>(
    network: &'n Network,
    vpc: &VpcId,
    address: Ipv4Addr,
) -> Option<&'n Interface> {
    network
        .interfaces
        .values()
        .find(|interface| interface.vpc == *vpc && interface.address == address)
}

/// The interfaces of a VPC that are members of a group.
pub(crate) fn members<'n>(
    network: &'n Network,
    vpc: &'n VpcId,
    group: &'n SecurityGroupId,
) -> impl Iterator<Item = &'n Interface> {
    network
        .interfaces
        .values()
        .filter(move |interface| interface.vpc == *vpc && interface.groups.contains(group))
}

/// By what way the members of a group that a rule of a VPC refers to come in.
pub(crate) enum Reference<'n> {
    /// The group is of the VPC itself.
    Local,
    /// The group is of the peer VPC at the other end of this active peering connection.
    Peer(&'n Peering),
    /// The group, the peering connection, or its state has gone: the rule is stale and matches nobody.
    Stale,
}

/// Finds the way by which members of a group that a rule in `vpc` refers to come in.
pub(crate) fn reference<'n>(
    network: &'n Network,
    vpc: &VpcId,
    group: &SecurityGroupId,
) -> Reference<'n> {
    let Some(group) = network.security_groups.get(group) else {
        return Reference::Stale;
    };
    if group.vpc == *vpc {
        return Reference::Local;
    }
    let same_region = network
        .vpcs
        .get(vpc)
        .is_some_and(|vpc| vpc.region == group.region);
    match peering_between(network, vpc, &group.vpc) {
        Some(peering) if same_region => Reference::Peer(peering),
        Some(_) | None => Reference::Stale,
    }
}

/// Where an endpoint's interface leads.
pub(crate) struct Lead<'n> {
    /// The load balancer.
    pub(crate) balancer: &'n LoadBalancer,
    /// Its node.
    pub(crate) node: &'n Interface,
    /// Whether the node is in the endpoint interface's zone.
    pub(crate) same_zone: bool,
}

/// The load balancer's node that an endpoint's interface in a subnet leads to: one in the same zone, else the first.
/// Only an available endpoint leads anywhere.
pub(crate) fn lead<'n>(
    network: &'n Network,
    endpoint: &Endpoint,
    subnet: &SubnetId,
) -> Option<Lead<'n>> {
    if endpoint.state != EndpointState::Available {
        return None;
    }
    let service = network.endpoint_services.get(&endpoint.service)?;
    let zone = network.subnets.get(subnet)?.zone;
    let mut leads: Vec<Lead<'n>> = Vec::new();
    for balancer in service
        .load_balancers
        .iter()
        .filter_map(|arn| network.load_balancers.get(arn))
    {
        for (subnet, node) in &balancer.nodes {
            let (Some(subnet), Some(node)) =
                (network.subnets.get(subnet), network.interfaces.get(node))
            else {
                continue;
            };
            leads.push(Lead {
                balancer,
                node,
                same_zone: subnet.zone == zone,
            });
        }
    }
    let best = leads.iter().position(|lead| lead.same_zone).unwrap_or(0);
    (best < leads.len()).then(|| leads.swap_remove(best))
}

/// The listeners of a load balancer, by port.
pub(crate) fn listeners<'n>(network: &'n Network, balancer: &'n str) -> Vec<&'n Listener> {
    let mut listeners: Vec<&Listener> = network
        .listeners
        .values()
        .filter(|listener| listener.load_balancer == balancer)
        .collect();
    listeners.sort_by_key(|listener| listener.port);
    listeners
}

/// An instance's interface with device index 0.
pub(crate) fn primary_interface<'n>(
    network: &'n Network,
    instance: &InstanceId,
) -> Option<&'n Interface> {
    network
        .interfaces
        .values()
        .find(|interface| match &interface.holder {
            Holder::Instance {
                id, device_index, ..
            } => id == instance && *device_index == 0,
            Holder::None | Holder::Endpoint(_) | Holder::LoadBalancer(_) => false,
        })
}

/// The internet gateway that is attached to a VPC.
pub(crate) fn internet_gateway<'n>(
    network: &'n Network,
    vpc: &VpcId,
) -> Option<&'n InternetGateway> {
    network
        .internet_gateways
        .values()
        .find(|gateway| gateway.vpc.as_ref() == Some(vpc))
}

/// The interface that has a public address.
pub(crate) fn interface_with_public(network: &Network, address: Ipv4Addr) -> Option<&Interface> {
    network
        .interfaces
        .values()
        .find(|interface| interface.public_ip == Some(address))
}

/// Ranges of addresses, both ends in them; disjoint.
pub(crate) type Ranges = BTreeSet<(Ipv4Addr, Ipv4Addr)>;

/// The sources that a load balancer's groups let in to a port; `None` is everybody.
fn sources_admitted(
    network: &Network,
    balancer: &LoadBalancer,
    transport: Transport,
    port: u16,
) -> Option<Ranges> {
    if balancer.groups.is_empty() {
        return None;
    }
    let protocol = match transport {
        Transport::Tcp => 6,
        Transport::Udp => 17,
    };
    let rules = balancer
        .groups
        .iter()
        .filter_map(|group| network.security_groups.get(group))
        .flat_map(|group| group.rules.values().map(move |rule| (&group.region, rule)))
        .filter(|(_, rule)| rule.direction == Direction::Ingress);
    let ranges = rules.flat_map(|(region, rule)| {
        let allowed = port_box(rule.traffic, EVERYBODY).filter(|allowed| {
            (allowed.protocols.0..=allowed.protocols.1).contains(&protocol)
                && (allowed.ports.0..=allowed.ports.1).contains(&port)
        });
        let blocks = allowed.and_then(|_| prefix::blocks(network, region, &rule.peer));
        let blocks = blocks.into_iter().flatten();
        blocks.map(|block| (block.network(), block.broadcast()))
    });
    let united = united(ranges);
    (united != Ranges::from([EVERYBODY])).then_some(united)
}

/// Whether an address is in these ranges; `None` is everybody.
pub(crate) fn admits(ranges: Option<&Ranges>, address: Ipv4Addr) -> bool {
    ranges.is_none_or(|ranges| {
        ranges
            .iter()
            .any(|(low, high)| (*low..=*high).contains(&address))
    })
}

/// The attribute that switches a balancer's groups off for traffic of endpoints.
pub(crate) const ENFORCE_ON_PRIVATELINK: &str =
    "enforce_security_group_inbound_rules_on_private_link_traffic";

/// The clients of endpoints that a balancer lets in to a port, by their own addresses; `None` is everybody:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-security-groups.html>.
pub(crate) fn endpoint_sources(
    network: &Network,
    balancer: &LoadBalancer,
    transport: Transport,
    port: u16,
) -> Option<Ranges> {
    let off = balancer
        .attributes
        .get(ENFORCE_ON_PRIVATELINK)
        .is_some_and(|value| value == "off");
    if off {
        return None;
    }
    sources_admitted(network, balancer, transport, port)
}

/// The same addresses as few disjoint ranges.
fn united(ranges: impl Iterator<Item = (Ipv4Addr, Ipv4Addr)>) -> Ranges {
    let sorted: BTreeSet<(u32, u32)> = ranges
        .map(|(low, high)| (u32::from(low), u32::from(high)))
        .collect();
    let mut united: Vec<(u32, u32)> = Vec::new();
    for (low, high) in sorted {
        match united.last_mut() {
            Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
            Some(_) | None => united.push((low, high)),
        }
    }
    united
        .into_iter()
        .map(|(low, high)| (Ipv4Addr::from(low), Ipv4Addr::from(high)))
        .collect()
}

/// The box of packets that a rule's traffic means, unless it means ICMP only.
pub(crate) fn port_box(traffic: Traffic, addresses: (Ipv4Addr, Ipv4Addr)) -> Option<PortBox> {
    let all_ports = (0, u16::MAX);
    let (protocols, ports) = match traffic {
        Traffic::All => ((0, u8::MAX), all_ports),
        Traffic::Tcp(range) => ((6, 6), (range.from, range.to)),
        Traffic::Udp(range) => ((17, 17), (range.from, range.to)),
        Traffic::Protocol(number) => ((number, number), all_ports),
        Traffic::Icmp(..) | Traffic::Icmp6(..) => return None,
    };
    Some(PortBox {
        addresses,
        protocols,
        ports,
    })
}

/// The box of ICMP packets that a rule's traffic means, if it means ICMP only.
pub(crate) fn icmp_box(traffic: Traffic, addresses: (Ipv4Addr, Ipv4Addr)) -> Option<IcmpBox> {
    let range = |value: Option<u8>| value.map_or((0, u8::MAX), |value| (value, value));
    match traffic {
        Traffic::Icmp(type_, code) => Some(IcmpBox {
            addresses,
            types: range(type_),
            codes: range(code),
        }),
        Traffic::All
        | Traffic::Tcp(_)
        | Traffic::Udp(_)
        | Traffic::Icmp6(..)
        | Traffic::Protocol(_) => None,
    }
}
