//! Security groups: sets for what they allow, and a chain for each combination of groups that interfaces have.

use std::collections::{BTreeMap, BTreeSet};

use strait_vpc::picture::{IcmpBox, PortBox, Router, Rules, UPLINK};

use crate::error::KernelError;
use crate::ruleset::text::{Text, identifier, is_everything, quoted, range};

/// The side of an interface that a chain looks at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// Packets to it: the far side is the source, and what passes is through.
    Ingress,
    /// Packets from it: the far side is the destination, and what passes meets the ingress rules next.
    Egress,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Ingress => "in",
            Self::Egress => "out",
        }
    }

    fn far(self) -> &'static str {
        match self {
            Self::Ingress => "ip saddr",
            Self::Egress => "ip daddr",
        }
    }

    fn far_link(self) -> &'static str {
        match self {
            Self::Ingress => "iifname",
            Self::Egress => "oifname",
        }
    }

    fn pass(self) -> &'static str {
        match self {
            Self::Ingress => "accept",
            Self::Egress => "return",
        }
    }
}

/// Writes all sets and chains, and the maps `egress` and `ingress` from links to them.
pub(crate) fn write(name: &str, router: &Router, text: &mut Text) -> Result<(), KernelError> {
    for (id, members) in &router.members {
        let elements = members
            .iter()
            .map(|member| format!("{} . {}", quoted(&member.link), member.address))
            .collect();
        text.set(
            &format!("members_{}", identifier(id)),
            "type ifname . ipv4_addr;",
            &elements,
        );
    }
    let combinations: BTreeSet<_> = router
        .interfaces
        .values()
        .map(|interface| &interface.groups)
        .filter(|groups| !groups.is_empty())
        .collect();
    let used: BTreeSet<_> = combinations
        .iter()
        .flat_map(|groups| groups.iter())
        .collect();
    let mut rules = BTreeMap::new();
    for id in used {
        let group = router.groups.get(id).ok_or_else(|| KernelError::Picture {
            name: name.to_owned(),
            why: format!("an interface has the group {id}, which is not there"),
        })?;
        rules.insert(
            id,
            (
                lines(id, Side::Ingress, &group.ingress, router, text),
                lines(id, Side::Egress, &group.egress, router, text),
            ),
        );
    }
    let mut numbers = BTreeMap::new();
    for (number, groups) in combinations.into_iter().enumerate() {
        let mut ingress: Vec<String> = groups.iter().flat_map(|id| rules[id].0.clone()).collect();
        let mut egress: Vec<String> = groups.iter().flat_map(|id| rules[id].1.clone()).collect();
        ingress.push("drop".to_owned());
        egress.push("drop".to_owned());
        text.chain(&format!("in_{number}"), &ingress);
        text.chain(&format!("out_{number}"), &egress);
        numbers.insert(groups, number);
    }
    let grouped = router
        .interfaces
        .iter()
        .filter_map(|(link, interface)| Some((link, numbers.get(&interface.groups)?)));
    let egress = grouped
        .clone()
        .map(|(link, number)| format!("{} : jump out_{number}", quoted(link)))
        .collect();
    text.whole_set("map egress", "type ifname : verdict;", &egress);
    let open = router
        .interfaces
        .iter()
        .filter(|(_, interface)| interface.groups.is_empty())
        .map(|(link, _)| link);
    let passing = open
        .chain(router.peers.keys())
        .map(String::as_str)
        .chain(router.uplink.iter().map(|_| UPLINK))
        .map(|link| format!("{} : accept", quoted(link)));
    let ingress = grouped
        .map(|(link, number)| format!("{} : goto in_{number}", quoted(link)))
        .chain(passing)
        .collect();
    text.whole_set("map ingress", "type ifname : verdict;", &ingress);
    Ok(())
}

/// What a group adds to a chain; writes the sets for it.
fn lines(id: &str, side: Side, rules: &Rules, router: &Router, text: &mut Text) -> Vec<String> {
    let (far, pass) = (side.far(), side.pass());
    let name = format!("{}_{}", side.name(), identifier(id));
    let mut lines = Vec::new();
    if rules.boxes.iter().any(is_everything) {
        return vec![pass.to_owned()];
    }
    // Also while it is empty, so that the first rule is an element as well.
    let elements = rules
        .boxes
        .iter()
        .map(|ports| format!("{} . {}", range(ports.addresses), protocol_and_ports(ports)))
        .collect();
    text.set(
        &name,
        "type ipv4_addr . inet_proto . inet_service; flags interval;",
        &elements,
    );
    lines.push(format!("{far} . meta l4proto . th dport @{name} {pass}"));
    if !rules.icmp.is_empty() {
        let elements = rules
            .icmp
            .iter()
            .map(|icmp| format!("{} . {}", range(icmp.addresses), type_and_code(icmp)))
            .collect();
        text.set(
            &format!("{name}_icmp"),
            "type ipv4_addr . icmp_type . icmp_code; flags interval;",
            &elements,
        );
        lines.push(format!(
            "ip protocol icmp {far} . icmp type . icmp code @{name}_icmp {pass}"
        ));
    }
    for (other, references) in &rules.references {
        if !router.members.contains_key(other) {
            continue;
        }
        let member = format!("{} . {far} @members_{}", side.far_link(), identifier(other));
        let name = format!("{name}_{}", identifier(other));
        if references.boxes.iter().any(is_everything) {
            lines.push(format!("{member} {pass}"));
            continue;
        }
        if !references.boxes.is_empty() {
            let elements = references.boxes.iter().map(protocol_and_ports).collect();
            text.set(
                &name,
                "type inet_proto . inet_service; flags interval;",
                &elements,
            );
            lines.push(format!("{member} meta l4proto . th dport @{name} {pass}"));
        }
        if !references.icmp.is_empty() {
            let elements = references.icmp.iter().map(type_and_code).collect();
            text.set(
                &format!("{name}_icmp"),
                "type icmp_type . icmp_code; flags interval;",
                &elements,
            );
            lines.push(format!(
                "ip protocol icmp {member} icmp type . icmp code @{name}_icmp {pass}"
            ));
        }
    }
    lines
}

fn protocol_and_ports(ports: &PortBox) -> String {
    format!("{} . {}", range(ports.protocols), range(ports.ports))
}

fn type_and_code(icmp: &IcmpBox) -> String {
    format!("{} . {}", range(icmp.types), range(icmp.codes))
}
