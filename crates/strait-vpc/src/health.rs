//! Which health checks are to be made, and what becomes of their results. Making them is not done here.

use std::collections::BTreeSet;
use std::net::SocketAddrV4;
use std::ops::RangeInclusive;

use jiff::Timestamp;

use crate::id::InterfaceId;
use crate::reach::target;
use crate::state::*;

/// A health check: a node asks a target, again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Who asks whom.
    pub key: CheckKey,
    /// Where the target answers health checks.
    pub address: SocketAddrV4,
    /// How it is asked.
    pub settings: HealthCheck,
    /// What the node knows already.
    pub known: Option<Health>,
}

/// Who asks whom.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CheckKey {
    /// The target group's ARN.
    pub group: String,
    /// The node's interface, which is its host's name in the picture too.
    pub node: InterfaceId,
    /// The target.
    pub target: Target,
}

/// Tracked connections that a node must end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ended {
    /// The node's interface.
    pub node: InterfaceId,
    /// The target that they lead to.
    pub target: SocketAddrV4,
}

/// All health checks of a network: each node asks the targets that it may send to.
#[must_use]
pub fn health_checks(network: &Network) -> Vec<Check> {
    let mut used: BTreeSet<(&str, &InterfaceId)> = BTreeSet::new();
    let mut checks = Vec::new();
    for sender in target::senders(network) {
        let (group, node) = (sender.group, sender.node);
        if !used.insert((&group.arn, &node.id)) {
            continue;
        }
        for (target, address) in target::candidates(network, sender.balancer, group, node) {
            let port = group.health_check.port.unwrap_or(address.port());
            checks.push(Check {
                key: CheckKey {
                    group: group.arn.clone(),
                    node: node.id.clone(),
                    target: target.clone(),
                },
                address: SocketAddrV4::new(*address.ip(), port),
                settings: group.health_check.clone(),
                known: group.health(&node.id, target),
            });
        }
    }
    checks
}

/// Writes down what nodes found out. What they no longer ask is left out, and forgotten.
pub fn record_health(network: &mut Network, found: &[(CheckKey, Health)]) {
    let current: BTreeSet<CheckKey> = health_checks(network)
        .into_iter()
        .map(|check| check.key)
        .collect();
    for (key, health) in found.iter().filter(|(key, _)| current.contains(key)) {
        let known = network.target_groups.get(&key.group);
        let known = known.and_then(|group| group.health(&key.node, &key.target));
        if known == Some(*health) {
            continue;
        }
        let Some(group) = network.target_groups.get_mut(&key.group) else {
            continue;
        };
        group.checked.retain(|known| {
            let asked = CheckKey {
                group: key.group.clone(),
                node: known.node.clone(),
                target: known.target.clone(),
            };
            asked != *key && current.contains(&asked)
        });
        group.checked.push(Checked {
            node: key.node.clone(),
            target: key.target.clone(),
            health: *health,
        });
        group.checked.sort();
    }
}

/// When the next target has drained.
#[must_use]
pub fn next_drained(network: &Network) -> Option<Timestamp> {
    let groups = network.target_groups.values();
    groups
        .flat_map(|group| &group.draining)
        .map(|drained| drained.until)
        .min()
}

/// Connections that end by what happened between two states: those of targets that became unhealthy or have drained,
/// where the group's attributes say so.
#[must_use]
pub fn ended(before: &Network, after: &Network) -> BTreeSet<Ended> {
    let mut ended = BTreeSet::new();
    for group in after.target_groups.values() {
        let Some(old) = before.target_groups.get(&group.arn) else {
            continue;
        };
        if target::terminates_unhealthy(group) {
            let fallen = group.checked.iter().filter(|known| {
                known.health == Health::Unhealthy
                    && old.health(&known.node, &known.target) != Some(Health::Unhealthy)
            });
            for known in fallen {
                if let Some(address) = address_of(after, group, &known.target) {
                    ended.insert(Ended {
                        node: known.node.clone(),
                        target: address,
                    });
                }
            }
        }
        if target::terminates_drained(group) {
            let drained = old.draining.iter().filter(|row| {
                !group.draining.contains(row) && !group.targets.contains(&row.target)
            });
            for row in drained {
                let Some(address) = address_of(before, old, &row.target) else {
                    continue;
                };
                let node = |node| Ended {
                    node,
                    target: address,
                };
                ended.extend(nodes(after, group).into_iter().map(node));
            }
        }
    }
    ended
}

/// The ranges of status codes that a matcher means: `200`, `200,202`, `200-399`; none if it makes no sense.
#[must_use]
pub fn status_codes(matcher: &str) -> Option<Vec<RangeInclusive<u16>>> {
    let code = |text: &str| {
        let code = text.parse::<u16>().ok();
        code.filter(|code| (200..=599).contains(code))
    };
    let range = |part: &str| {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let (low, high) = (code(low)?, code(high)?);
        (low <= high).then_some(low..=high)
    };
    matcher.split(',').map(range).collect()
}

/// Where a target is or was, registered or not.
fn address_of(network: &Network, group: &TargetGroup, target: &Target) -> Option<SocketAddrV4> {
    let alone = TargetGroup {
        targets: BTreeSet::from([target.clone()]),
        ..group.clone()
    };
    let place = target::places(network, &alone).into_values().next()??;
    Some(place.address)
}

/// The nodes of the balancers that use a group.
fn nodes(network: &Network, group: &TargetGroup) -> BTreeSet<InterfaceId> {
    let listeners = network.listeners.values();
    listeners
        .filter(|listener| listener.target_group == group.arn)
        .filter_map(|listener| network.load_balancers.get(&listener.load_balancer))
        .flat_map(|balancer| balancer.nodes.values().cloned())
        .collect()
}

#[cfg(test)]
mod tests;
