//! Compiles security groups and network ACLs to a router's boxes, sets of members, and entries.

use std::collections::{BTreeMap, BTreeSet};

use super::{link, peering_link};
use crate::id::*;
use crate::picture::{Acl, AclMatch, AclRule, Group, Member, References, Router, Rules, disjoint};
use crate::reach::lookup::{self, EVERYBODY, Reference};
use crate::reach::prefix;
use crate::state::{
    AclEntry, Direction, Network, NetworkAcl, RulePeer, SecurityGroup, SecurityGroupRule, Vpc,
};

/// Adds what the router's interfaces are filtered by: their groups, the groups that those refer to, their ACLs.
pub(super) fn add(network: &Network, vpc: &Vpc, router: &mut Router) {
    let used: BTreeSet<&String> = router
        .interfaces
        .values()
        .flat_map(|interface| &interface.groups)
        .collect();
    let groups: Vec<&SecurityGroup> = network
        .security_groups
        .values()
        .filter(|group| used.contains(&group.id.to_string()))
        .collect();
    let referred: BTreeSet<&SecurityGroupId> = groups
        .iter()
        .flat_map(|group| group.rules.values())
        .filter_map(referred_group)
        .collect();
    let acls: BTreeSet<String> = router
        .interfaces
        .values()
        .map(|interface| interface.acl.clone())
        .collect();
    router.groups = groups
        .iter()
        .map(|group| (group.id.to_string(), compile_group(network, group)))
        .collect();
    router.members = referred
        .into_iter()
        .map(|group| (group.to_string(), members(network, vpc, router, group)))
        .collect();
    router.acls = network
        .network_acls
        .values()
        .filter(|acl| acls.contains(acl.id.as_str()))
        .map(|acl| (acl.id.to_string(), compile_acl(acl)))
        .collect();
}

fn referred_group(rule: &SecurityGroupRule) -> Option<&SecurityGroupId> {
    match &rule.peer {
        RulePeer::Cidr(_) | RulePeer::Cidr6(_) | RulePeer::PrefixList(_) => None,
        RulePeer::Group { id, .. } => Some(id),
    }
}

/// Members of a group by the link that their packets come in by. Of a stale reference there are none.
fn members(
    network: &Network,
    vpc: &Vpc,
    router: &Router,
    group: &SecurityGroupId,
) -> BTreeSet<Member> {
    match lookup::reference(network, &vpc.id, group) {
        Reference::Local => lookup::members(network, &vpc.id, group)
            .map(|interface| Member {
                link: link(interface),
                address: interface.address,
            })
            .filter(|member| router.interfaces.contains_key(&member.link))
            .collect(),
        Reference::Peer(peering) => {
            let Some(other) = lookup::peer(peering, &vpc.id) else {
                return BTreeSet::new();
            };
            lookup::members(network, &other.vpc, group)
                .map(|interface| Member {
                    link: peering_link(peering),
                    address: interface.address,
                })
                .collect()
        }
        Reference::Stale => BTreeSet::new(),
    }
}

fn compile_group(network: &Network, group: &SecurityGroup) -> Group {
    let rules = |direction| {
        compile_rules(
            network,
            &group.region,
            group
                .rules
                .values()
                .filter(move |rule| rule.direction == direction),
        )
    };
    Group {
        ingress: rules(Direction::Ingress),
        egress: rules(Direction::Egress),
    }
}

fn compile_rules<'n>(
    network: &Network,
    region: &Region,
    rules: impl Iterator<Item = &'n SecurityGroupRule>,
) -> Rules {
    let mut boxes = Vec::new();
    let mut icmp = Vec::new();
    let mut references: BTreeMap<String, (Vec<_>, Vec<_>)> = BTreeMap::new();
    for rule in rules {
        match &rule.peer {
            RulePeer::Cidr(_) | RulePeer::Cidr6(_) | RulePeer::PrefixList(_) => {
                let blocks = prefix::blocks(network, region, &rule.peer);
                for block in blocks.into_iter().flatten() {
                    let addresses = (block.network(), block.broadcast());
                    boxes.extend(lookup::port_box(rule.traffic, addresses));
                    icmp.extend(lookup::icmp_box(rule.traffic, addresses));
                }
            }
            RulePeer::Group { id, .. } => {
                let (boxes, icmp) = references.entry(id.to_string()).or_default();
                boxes.extend(lookup::port_box(rule.traffic, EVERYBODY));
                icmp.extend(lookup::icmp_box(rule.traffic, EVERYBODY));
            }
        }
    }
    let references = references
        .into_iter()
        .map(|(group, (boxes, icmp))| {
            (
                group,
                References {
                    boxes: disjoint(boxes),
                    icmp: disjoint(icmp),
                },
            )
        })
        .collect();
    Rules {
        boxes: disjoint(boxes),
        icmp: disjoint(icmp),
        references,
    }
}

fn compile_acl(acl: &NetworkAcl) -> Acl {
    let rules = |direction| {
        lookup::entries(acl, direction)
            .into_iter()
            .filter_map(compile_entry)
            .collect()
    };
    Acl {
        ingress: rules(Direction::Ingress),
        egress: rules(Direction::Egress),
    }
}

fn compile_entry(entry: &AclEntry) -> Option<AclRule> {
    let block = entry.cidr.ipv4()?;
    let addresses = (block.network(), block.broadcast());
    let ports = lookup::port_box(entry.traffic, addresses).map(AclMatch::Ports);
    let matches =
        ports.or_else(|| lookup::icmp_box(entry.traffic, addresses).map(AclMatch::Icmp))?;
    Some(AclRule {
        allow: entry.allow,
        matches,
    })
}
