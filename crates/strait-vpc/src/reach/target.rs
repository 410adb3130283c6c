//! Where the targets of target groups are, and which of them a load balancer's node sends to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::id::*;
use crate::state::*;

/// The attribute that lets nodes forward to other zones: of a balancer, and of a group, whose word goes first.
pub(crate) const CROSS_ZONE: &str = "load_balancing.cross_zone.enabled";
/// For how many seconds a target that was taken out is shown as draining.
pub(crate) const DEREGISTRATION_DELAY: &str = "deregistration_delay.timeout_seconds";
/// Whether its connections are ended then.
pub(crate) const TERMINATE_DRAINED: &str = "deregistration_delay.connection_termination.enabled";
/// Whether the connections of a target that becomes unhealthy are ended.
pub(crate) const TERMINATE_UNHEALTHY: &str =
    "target_health_state.unhealthy.connection_termination.enabled";
/// Fewer healthy targets than this, and unhealthy ones are sent to as well.
pub(crate) const FEWEST_HEALTHY: &str =
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count";
/// The same in percent of all.
pub(crate) const FEWEST_HEALTHY_PERCENT: &str =
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage";
/// Whether all connections of a source go to one target.
pub(crate) const STICKY: &str = "stickiness.enabled";

/// A node that sends to a group's targets, since a listener of its load balancer says so.
pub(crate) struct Sender<'n> {
    pub(crate) listener: &'n Listener,
    pub(crate) balancer: &'n LoadBalancer,
    pub(crate) group: &'n TargetGroup,
    pub(crate) node: &'n Interface,
}

/// All nodes that send to targets, once for each listener.
pub(crate) fn senders(network: &Network) -> impl Iterator<Item = Sender<'_>> {
    network.listeners.values().flat_map(move |listener| {
        let group = network.target_groups.get(&listener.target_group);
        let balancer = network.load_balancers.get(&listener.load_balancer);
        let both = balancer.zip(group).into_iter();
        both.flat_map(move |(balancer, group)| {
            let nodes = balancer.nodes.values();
            nodes
                .filter_map(|id| network.interfaces.get(id))
                .map(move |node| Sender {
                    listener,
                    balancer,
                    group,
                    node,
                })
        })
    })
}

/// Where a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) address: SocketAddrV4,
    /// The letter of its zone.
    pub(crate) zone: char,
}

/// Where each target of a group is; `None` for an instance that does not run or an address that no subnet has. A target
/// instance is meant by its primary interface.
pub(crate) fn places<'n>(
    network: &'n Network,
    group: &'n TargetGroup,
) -> BTreeMap<&'n Target, Option<Place>> {
    places_of(network, group, group.targets.iter())
}

fn places_of<'n>(
    network: &'n Network,
    group: &'n TargetGroup,
    targets: impl Iterator<Item = &'n Target>,
) -> BTreeMap<&'n Target, Option<Place>> {
    let subnets: Vec<&Subnet> = network
        .subnets
        .values()
        .filter(|subnet| subnet.vpc == group.vpc)
        .collect();
    let zone = |address: Ipv4Addr| {
        let is_in = |subnet: &&&Subnet| subnet.cidr.is_some_and(|block| block.contains(&address));
        let subnet = subnets.iter().find(is_in);
        subnet.map(|subnet| subnet.zone)
    };
    let instances = match group.target_type {
        TargetType::Ip => BTreeMap::new(),
        TargetType::Instance => primary_addresses(network, &group.vpc),
    };
    let place = |target: &Target| {
        let address = match group.target_type {
            TargetType::Ip => target.id.parse().ok()?,
            TargetType::Instance => *instances.get(target.id.as_str())?,
        };
        Some(Place {
            address: SocketAddrV4::new(address, target.port),
            zone: zone(address)?,
        })
    };
    targets.map(|target| (target, place(target))).collect()
}

/// The targets that a balancer's node may send to, whatever their health: those in zones that the balancer is in, and
/// without cross-zone load balancing those in the node's own.
pub(crate) fn candidates<'n>(
    network: &'n Network,
    balancer: &LoadBalancer,
    group: &'n TargetGroup,
    node: &Interface,
) -> Vec<(&'n Target, SocketAddrV4)> {
    fitting(network, balancer, group, node, group.targets.iter())
}

/// Where a balancer's node may have connections to: its candidates, and targets that are draining.
pub(crate) fn connected(
    network: &Network,
    balancer: &LoadBalancer,
    group: &TargetGroup,
    node: &Interface,
) -> BTreeSet<SocketAddrV4> {
    let draining = group.draining.iter().map(|row| &row.target);
    let all = group.targets.iter().chain(draining);
    fitting(network, balancer, group, node, all)
        .into_iter()
        .map(|(_, address)| address)
        .collect()
}

fn fitting<'n>(
    network: &'n Network,
    balancer: &LoadBalancer,
    group: &'n TargetGroup,
    node: &Interface,
    targets: impl Iterator<Item = &'n Target>,
) -> Vec<(&'n Target, SocketAddrV4)> {
    let own = network.subnets.get(&node.subnet).map(|subnet| subnet.zone);
    let enabled = zones(network, balancer);
    let crossing = crosses_zones(balancer, group);
    let fits = |zone: char| enabled.contains(&zone) && (crossing || own == Some(zone));
    places_of(network, group, targets)
        .into_iter()
        .filter_map(|(target, place)| Some((target, place?)))
        .filter(|(_, place)| fits(place.zone))
        .map(|(target, place)| (target, place.address))
        .collect()
}

/// The addresses that a listener sends new connections to from a node: the healthy targets, or all when too few are:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health.html>.
pub(crate) fn targets(
    network: &Network,
    listener: &Listener,
    node: &Interface,
) -> BTreeSet<SocketAddrV4> {
    let (Some(group), Some(balancer)) = (
        network.target_groups.get(&listener.target_group),
        network.load_balancers.get(&listener.load_balancer),
    ) else {
        return BTreeSet::new();
    };
    let all = candidates(network, balancer, group, node);
    let healthy: BTreeSet<SocketAddrV4> = all
        .iter()
        .filter(|(target, _)| group.health(&node.id, target) == Some(Health::Healthy))
        .map(|(_, address)| *address)
        .collect();
    if healthy.is_empty() || too_few(group, healthy.len(), all.len()) {
        return all.into_iter().map(|(_, address)| address).collect();
    }
    healthy
}

/// The zones that a balancer has nodes in.
pub(crate) fn zones(network: &Network, balancer: &LoadBalancer) -> BTreeSet<char> {
    let subnets = balancer.nodes.keys();
    subnets
        .filter_map(|subnet| network.subnets.get(subnet))
        .map(|subnet| subnet.zone)
        .collect()
}

/// Whether all connections of a source go to one target of the group.
pub(crate) fn is_sticky(network: &Network, listener: &Listener) -> bool {
    let group = network.target_groups.get(&listener.target_group);
    group.is_some_and(|group| is_on(group, STICKY, false))
}

/// Whether connections of a target that was taken out are ended; for UDP they are unless told otherwise.
pub(crate) fn terminates_drained(group: &TargetGroup) -> bool {
    let by_default = match group.protocol {
        BalancerProtocol::Tcp => false,
        BalancerProtocol::Udp | BalancerProtocol::TcpUdp => true,
    };
    is_on(group, TERMINATE_DRAINED, by_default)
}

/// Whether connections of a target that becomes unhealthy are ended.
pub(crate) fn terminates_unhealthy(group: &TargetGroup) -> bool {
    is_on(group, TERMINATE_UNHEALTHY, true)
}

/// For how many seconds a target that was taken out is draining.
pub(crate) fn deregistration_delay(group: &TargetGroup) -> u32 {
    number(group, DEREGISTRATION_DELAY).unwrap_or(300)
}

/// Whether the nodes of a balancer send to a group's targets in all zones.
pub(crate) fn crosses_zones(balancer: &LoadBalancer, group: &TargetGroup) -> bool {
    let of_balancer = || balancer.attributes.get(CROSS_ZONE);
    let of_group = group.attributes.get(CROSS_ZONE);
    let word = of_group.filter(|word| *word == "true" || *word == "false");
    word.or_else(of_balancer).is_some_and(|word| word == "true")
}

fn too_few(group: &TargetGroup, healthy: usize, all: usize) -> bool {
    let least = number(group, FEWEST_HEALTHY).unwrap_or(1) as usize;
    let percent = number(group, FEWEST_HEALTHY_PERCENT).unwrap_or(0) as usize;
    healthy < least || healthy * 100 < percent * all
}

fn is_on(group: &TargetGroup, attribute: &str, by_default: bool) -> bool {
    let word = group.attributes.get(attribute);
    word.map_or(by_default, |word| word == "true")
}

fn number(group: &TargetGroup, attribute: &str) -> Option<u32> {
    group.attributes.get(attribute)?.parse().ok()
}

/// The address of the interface with device index 0 of each instance that runs in a VPC.
fn primary_addresses<'n>(network: &'n Network, vpc: &VpcId) -> BTreeMap<&'n str, Ipv4Addr> {
    let primary = |interface: &'n Interface| match &interface.holder {
        Holder::Instance {
            id,
            device_index: 0,
            ..
        } => {
            let running = network.instances.get(id)?.state == InstanceState::Running;
            running.then_some((id.as_str(), interface.address))
        }
        Holder::Instance { .. } | Holder::None | Holder::Endpoint(_) | Holder::LoadBalancer(_) => {
            None
        }
    };
    network
        .interfaces
        .values()
        .filter(|interface| interface.vpc == *vpc)
        .filter_map(primary)
        .collect()
}
