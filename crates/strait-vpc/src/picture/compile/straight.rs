//! Leads a load balancer's node straight to a target, past their router, where that can make no difference but to the cost
//! of a packet.
//!
//! It can make none if the router would pass whatever the node sends there, and nothing that the target begins: then all
//! that goes over the wire is the node's connections, which the node tracks itself.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{mac, plug};
use crate::id::*;
use crate::picture::{Picture, Transport, Wire, WireEnd};
use crate::reach::{Protocol, lookup, passes, target};
use crate::state::{AclEntry, AclRange, Direction, Holder, Interface, Network, Traffic};

/// What a node sends to each of its targets.
type Sent = BTreeMap<Ipv4Addr, BTreeSet<Protocol>>;

/// Adds the wires of all nodes, and sends what is forwarded over them.
pub(super) fn add(network: &Network, picture: &mut Picture) {
    for (name, sent) in &sent(network) {
        let Some(node) = network.interfaces.get(name) else {
            continue;
        };
        for (address, protocols) in sent {
            let Some((target, instance)) = passed_by_router(network, node, *address, protocols)
            else {
                continue;
            };
            let link = format!("w{}", target.index);
            let wire = wire(&link, node, target, instance);
            picture.wires.insert(format!("{}-{link}", node.index), wire);
            let host = picture.hosts.get_mut(name.as_str());
            for forwards in host.into_iter().flat_map(|host| host.forwards.values_mut()) {
                *forwards = std::mem::take(forwards)
                    .into_iter()
                    .map(|mut forward| {
                        if forward.to.ip() == address {
                            forward.link.clone_from(&link);
                        }
                        forward
                    })
                    .collect();
            }
        }
    }
}

/// What each node sends: connections that it forwards or has forwarded, and health checks.
fn sent(network: &Network) -> BTreeMap<InterfaceId, Sent> {
    let mut nodes: BTreeMap<InterfaceId, Sent> = BTreeMap::new();
    for sender in target::senders(network) {
        let (listener, group, node) = (sender.listener, sender.group, sender.node);
        for to in target::connected(network, sender.balancer, group, node) {
            let sent = nodes.entry(node.id.clone()).or_default();
            let protocols = sent.entry(*to.ip()).or_default();
            let checked = group.health_check.port.unwrap_or(to.port());
            protocols.insert(Protocol::Tcp(checked));
            protocols.extend(listener.protocol.transports().iter().map(
                |transport| match transport {
                    Transport::Tcp => Protocol::Tcp(to.port()),
                    Transport::Udp => Protocol::Udp(to.port()),
                },
            ));
        }
    }
    nodes
}

/// The target and its instance, if the router between them passes all of this and nothing else.
fn passed_by_router<'n>(
    network: &'n Network,
    node: &Interface,
    address: Ipv4Addr,
    protocols: &BTreeSet<Protocol>,
) -> Option<(&'n Interface, &'n InstanceId)> {
    let target = lookup::interface_at(network, &node.vpc, address)?;
    let Holder::Instance { id, .. } = &target.holder else {
        return None;
    };
    plug(network, target)?;
    let plain = has_one_interface(network, id) && begins_nothing(network, target);
    let unfiltered = is_unfiltered(network, &node.subnet) && is_unfiltered(network, &target.subnet);
    let passes = || {
        let mut all = protocols.iter();
        all.all(|protocol| passes(network, node, address, *protocol))
    };
    (plain && unfiltered && passes()).then_some((target, id))
}

/// With several, answers leave by the link whose address they come from.
fn has_one_interface(network: &Network, instance: &InstanceId) -> bool {
    let held = network
        .interfaces
        .values()
        .filter(|own| matches!(&own.holder, Holder::Instance { id, .. } if id == instance));
    held.count() == 1
}

/// Whether its groups let nothing out but answers.
fn begins_nothing(network: &Network, own: &Interface) -> bool {
    let lets_out = |group: &SecurityGroupId| {
        network.security_groups.get(group).is_none_or(|group| {
            let mut rules = group.rules.values();
            rules.any(|rule| rule.direction == Direction::Egress)
        })
    };
    !own.groups.is_empty() && !own.groups.iter().any(lets_out)
}

/// Whether a subnet's network ACL passes everything, both ways.
fn is_unfiltered(network: &Network, subnet: &SubnetId) -> bool {
    let passes_all = |entry: &&AclEntry| {
        entry.allow && entry.traffic == Traffic::All && entry.cidr == AclRange::ALL
    };
    lookup::acl(network, subnet).is_some_and(|acl| {
        [Direction::Ingress, Direction::Egress]
            .into_iter()
            .all(|direction| {
                lookup::entries(acl, direction)
                    .first()
                    .is_some_and(passes_all)
            })
    })
}

/// Its ends have no address of their own: the two interfaces' are what packets carry.
fn wire(link: &str, node: &Interface, target: &Interface, instance: &InstanceId) -> Wire {
    Wire {
        a: WireEnd {
            host: node.id.to_string(),
            link: link.to_owned(),
            address: None,
            mac: mac(0x02, 4, target.index),
            routes: BTreeSet::from([Ipv4Net::from(target.address)]),
        },
        b: WireEnd {
            host: instance.to_string(),
            link: format!("w{}", node.index),
            address: None,
            mac: mac(0x06, 4, node.index),
            routes: BTreeSet::from([Ipv4Net::from(node.address)]),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Forward, picture};
    use crate::reach::sample::{Sample, cidr, story, tcp};
    use crate::state::{InstanceState, RulePeer};

    #[test]
    fn a_target_that_only_answers_has_a_wire_of_its_own() {
        let sample = story();
        let picture = picture(&sample.network);
        let [wire] = &picture.wires.values().collect::<Vec<_>>()[..] else {
            panic!("one wire: {:?}", picture.wires);
        };
        let (node, target) = (
            interface(&sample, &sample.node),
            interface(&sample, &sample.target_interface),
        );
        let Holder::Instance { id, .. } = &target.holder else {
            panic!("held by an instance");
        };
        assert_eq!(
            (wire.a.host.as_str(), wire.b.host.as_str()),
            (node.id.as_str(), id.as_str())
        );
        assert_eq!(wire.b.routes, BTreeSet::from([Ipv4Net::from(node.address)]));
        let by_wire =
            |forward: &Forward| forward.link == wire.a.link && forward.from == node.address;
        let mut forwards = picture.hosts[node.id.as_str()].forwards.values().flatten();
        assert!(forwards.all(by_wire));
    }

    /// Each makes the router say no to something, so that packets must go by it.
    #[test]
    fn where_the_router_would_stop_anything_it_is_asked() {
        let refusals: [fn(&mut Sample); 7] = [
            |sample| {
                let group = sample.service_vpc.group.clone();
                sample.allow(&group, Direction::Egress, tcp(1), cidr("192.0.2.1/32"));
            },
            |sample| {
                let group = sample.service_vpc.group.clone();
                sample.revoke_all(&group, Direction::Ingress);
            },
            |sample| {
                let target = sample.target_interface.clone();
                sample
                    .network
                    .interfaces
                    .get_mut(&target)
                    .expect("it")
                    .groups
                    .clear();
            },
            |sample| {
                let groups = sample
                    .network
                    .target_groups
                    .keys()
                    .next()
                    .expect("a group")
                    .clone();
                let group = sample.network.target_groups.get_mut(&groups).expect("it");
                group.health_check.port = Some(8080);
            },
            |sample| {
                let acl = sample.service_vpc.acl.clone();
                let acl = sample.network.network_acls.get_mut(&acl).expect("the ACL");
                for entry in &mut acl.entries {
                    entry.allow = false;
                }
            },
            |sample| {
                let target = interface(sample, &sample.target_interface).holder.clone();
                let Holder::Instance { id, .. } = target else {
                    panic!("held by an instance");
                };
                sample.network.instances.get_mut(&id).expect("it").state =
                    InstanceState::Terminated;
            },
            |sample| {
                let side = sample.service_vpc.clone();
                let second = sample.instance(&side, "10.0.1.9");
                let holder = interface(sample, &sample.target_interface).holder.clone();
                let second = sample.network.interfaces.get_mut(&second).expect("it");
                second.holder = holder;
            },
        ];
        for (number, refuse) in refusals.into_iter().enumerate() {
            let mut sample = story();
            refuse(&mut sample);
            let picture = picture(&sample.network);
            assert!(picture.wires.is_empty(), "{number}: {:?}", picture.wires);
            let mut forwards = picture.hosts[sample.node.as_str()]
                .forwards
                .values()
                .flatten();
            assert!(forwards.all(|forward| forward.link == "eth0"), "{number}");
        }
        let mut sample = story();
        let group = sample.service_vpc.group.clone();
        sample.allow(
            &group,
            Direction::Ingress,
            tcp(8080),
            RulePeer::Cidr(Ipv4Net::default()),
        );
        let groups = sample
            .network
            .target_groups
            .keys()
            .next()
            .expect("a group")
            .clone();
        let checked = sample.network.target_groups.get_mut(&groups).expect("it");
        checked.health_check.port = Some(8080);
        assert_eq!(
            picture(&sample.network).wires.len(),
            1,
            "health checks pass as well"
        );
    }

    fn interface<'n>(sample: &'n Sample, id: &InterfaceId) -> &'n Interface {
        sample.network.interfaces.get(id).expect("the interface")
    }
}
