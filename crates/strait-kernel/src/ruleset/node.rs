//! A host's rules: a node's NAT, and listeners that refuse new connections.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use strait_vpc::picture::{Entrance, Host, HostKind, Listen, Picture, Terms, Transport};

use crate::error::KernelError;
use crate::ruleset::gateway::gateway;
use crate::ruleset::text::{Text, quoted, range};

/// The links of a host's wires, and what is at the other end of each.
pub(crate) type Wires<'w> = BTreeMap<&'w str, &'w BTreeSet<Ipv4Net>>;

/// The wires of a host.
pub(crate) fn wires<'p>(picture: &'p Picture, host: &str) -> Wires<'p> {
    let ends = picture.wires.values().flat_map(|wire| [&wire.a, &wire.b]);
    ends.filter(|end| end.host == host)
        .map(|end| (end.link.as_str(), &end.routes))
        .collect()
}

/// The whole text for a host; empty when it needs none. `refused` listeners answer with a TCP reset.
pub(crate) fn host(
    name: &str,
    host: &Host,
    wires: &Wires<'_>,
    refused: &BTreeSet<Listen>,
) -> Result<String, KernelError> {
    match host.kind {
        HostKind::Gateway if host.forwards.is_empty() => Ok(gateway(host)),
        HostKind::Node => Ok(node(host, wires, refused)),
        HostKind::Gateway => Err(only_a_node(name)),
        HostKind::Machine | HostKind::Internet if !host.forwards.is_empty() => {
            Err(only_a_node(name))
        }
        HostKind::Machine | HostKind::Internet if refused.is_empty() => Ok(String::new()),
        HostKind::Machine | HostKind::Internet => {
            let mut text = Text::new();
            write_refused(refused.iter(), &mut text);
            let mut input =
                vec!["type filter hook input priority filter; policy accept;".to_owned()];
            input.extend(REFUSE.map(str::to_owned));
            text.chain("input", &input);
            Ok(text.finish())
        }
    }
}

const REFUSE: [&str; 2] = [
    "meta l4proto tcp iifname . meta l4proto . th dport @refused ct state new reject with tcp reset",
    "iifname . meta l4proto . th dport @refused ct state new reject",
];

fn only_a_node(name: &str) -> KernelError {
    KernelError::Picture {
        name: name.to_owned(),
        why: "only a node forwards with NAT".to_owned(),
    }
}

const AT_REFUSED: &str = "iifname . meta l4proto . th dport @refused ct state new";
/// An answer of the node takes its mark from the packet that it answers, and so leaves by the entrance.
const BY_ENTRANCE: &str = "meta mark set iifname map @entrances";

fn node(host: &Host, wires: &Wires<'_>, refused: &BTreeSet<Listen>) -> String {
    let mut text = Text::new();
    let deserted = host
        .forwards
        .iter()
        .filter(|(_, targets)| targets.is_empty())
        .map(|(listen, _)| listen);
    write_refused(refused.iter().chain(deserted), &mut text);
    write_entrances(host, &mut text);
    write_arrivals(host, wires, &mut text);
    let mut prerouting =
        vec!["type nat hook prerouting priority dstnat; policy accept;".to_owned()];
    let entrances = entrance_links(host);
    prerouting.extend(not_for_a_node(host, entrances.as_deref()));
    prerouting.push("iifname . meta l4proto . th dport @refused accept".to_owned());
    let mut postrouting = BTreeSet::new();
    let mut number = 0;
    for (listen, targets) in host
        .forwards
        .iter()
        .filter(|(_, targets)| !targets.is_empty())
    {
        let protocol = name_of(listen.transport);
        let mut choices = Vec::new();
        for (choice, forward) in targets.iter().enumerate() {
            text.chain(
                &format!("to_{number}"),
                &[format!("meta l4proto {protocol} dnat to {}", forward.to)],
            );
            choices.push(format!("{choice} : goto to_{number}"));
            // Also where the client asked for the target's own address, which another network may have: then the first
            // translation changes nothing.
            postrouting.insert(format!(
                "oifname {} ip daddr {} {protocol} dport {} snat to {}",
                quoted(&forward.link),
                forward.to.ip(),
                forward.to.port(),
                forward.from
            ));
            number += 1;
        }
        let terms = host.terms.get(listen).cloned().unwrap_or_default();
        let choose = format!(
            "{} mod {} vmap {{ {} }}",
            if terms.sticky {
                "jhash ip saddr"
            } else {
                "numgen inc"
            },
            targets.len(),
            choices.join(", ")
        );
        let Some(from) = sources(&terms) else {
            continue;
        };
        prerouting.push(format!(
            "iifname {} {from}{protocol} dport {} {choose}",
            quoted(&listen.link),
            listen.port
        ));
    }
    if let Some(links) = &entrances {
        prerouting.push(format!("iifname {links} drop"));
    }
    text.chain("prerouting", &prerouting);
    let mut lines = vec!["type nat hook postrouting priority srcnat; policy accept;".to_owned()];
    lines.extend(postrouting);
    text.chain("postrouting", &lines);
    let mut input = [
        "type filter hook input priority filter; policy drop;",
        "iifname \"lo\" accept",
        "ct state established,related accept",
        // Of a connection that was cut: as AWS does, each end is told.
        "ct state invalid meta l4proto tcp reject with tcp reset",
    ]
    .map(str::to_owned)
    .to_vec();
    input.extend(REFUSE.map(str::to_owned));
    text.chain("input", &input);
    text.finish()
}

/// The mark, and the table, of what is answered by an entrance.
pub(crate) fn mark(entrance: Entrance) -> u32 {
    100_000 + u32::from(entrance.number)
}

/// Tracks what comes in by each entrance apart from the others, whose clients may have the same addresses. Answers are
/// marked with the entrance of their connection.
fn write_entrances(host: &Host, text: &mut Text) {
    if host.entrances.is_empty() {
        return;
    }
    let zones: Vec<_> = host
        .entrances
        .iter()
        .map(|(link, entrance)| (quoted(link), entrance.number))
        .collect();
    let zone = match &zones[..] {
        [(link, number)] => format!("iifname {link} ct original zone set {number}"),
        several => {
            let zones: Vec<_> = several
                .iter()
                .map(|(link, number)| format!("{link} : {number}"))
                .collect();
            format!(
                "ct original zone set iifname map {{ {} }}",
                zones.join(", ")
            )
        }
    };
    let marks = host
        .entrances
        .iter()
        .map(|(link, entrance)| format!("{} : {}", quoted(link), mark(*entrance)))
        .collect();
    text.whole_set("map entrances", "type ifname : mark;", &marks);
    text.chain(
        "apart",
        &[
            "type filter hook prerouting priority raw; policy accept;".to_owned(),
            zone,
        ],
    );
}

/// Judges all that is not new in one chain, before it is looked up where it goes: one in the forward hook as well would cost
/// a hundredth of what a service can do. What is new goes on to the NAT, which drops what it does not know.
fn write_arrivals(host: &Host, wires: &Wires<'_>, text: &mut Text) {
    let mut lines = vec!["type filter hook prerouting priority mangle; policy accept;".to_owned()];
    // No router has looked at it, and the target's root may send what it likes. What it begins has no listener here.
    for (link, sources) in wires {
        let sources: Vec<_> = sources.iter().map(ToString::to_string).collect();
        let sources = sources.join(", ");
        lines.push(format!(
            "iifname {} ip saddr != {{ {sources} }} drop",
            quoted(link)
        ));
    }
    let with_entrances = !host.entrances.is_empty();
    if with_entrances {
        lines.push("ct direction reply meta mark set ct mark accept".to_owned());
    }
    lines.push("ct state established,related accept".to_owned());
    if with_entrances {
        lines.push(format!(
            "ct state invalid meta l4proto tcp {BY_ENTRANCE} reject with tcp reset"
        ));
        lines.push(format!(
            "meta l4proto tcp {AT_REFUSED} {BY_ENTRANCE} reject with tcp reset"
        ));
        lines.push(format!("{AT_REFUSED} {BY_ENTRANCE} reject"));
        lines.push("ct mark set iifname map @entrances".to_owned());
    }
    lines.push("ct state invalid fib daddr type != local drop".to_owned());
    text.chain("arrivals", &lines);
}

/// All entrances, as a set; `None` if there is none.
fn entrance_links(host: &Host) -> Option<String> {
    let links: Vec<_> = host.entrances.keys().map(|link| quoted(link)).collect();
    (!links.is_empty()).then(|| format!("{{ {} }}", links.join(", ")))
}

/// What is sent to an address that is neither the node's nor that of the entrance it comes in by.
fn not_for_a_node(host: &Host, entrances: Option<&str>) -> Vec<String> {
    let mut lines: Vec<_> = host
        .entrances
        .iter()
        .map(|(link, entrance)| {
            format!(
                "iifname {} ip daddr != {} drop",
                quoted(link),
                entrance.address
            )
        })
        .collect();
    let others = entrances.map_or_else(String::new, |links| format!("iifname != {links} "));
    lines.push(format!("{others}fib daddr type != local drop"));
    lines
}

/// What matches a listener's sources: nothing to match when all may connect, `None` when nobody may.
fn sources(terms: &Terms) -> Option<String> {
    let Some(ranges) = &terms.sources else {
        return Some(String::new());
    };
    let ranges: Vec<String> = ranges.iter().copied().map(range).collect();
    (!ranges.is_empty()).then(|| format!("ip saddr {{ {} }} ", ranges.join(", ")))
}

fn name_of(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    }
}

fn write_refused<'a>(refused: impl Iterator<Item = &'a Listen>, text: &mut Text) {
    let elements = refused
        .map(|listen| {
            format!(
                "{} . {} . {}",
                quoted(&listen.link),
                name_of(listen.transport),
                listen.port
            )
        })
        .collect();
    text.whole_set(
        "set refused",
        "type ifname . inet_proto . inet_service;",
        &elements,
    );
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::{Ipv4Addr, SocketAddrV4};

    use strait_vpc::picture::Forward;

    use super::*;

    #[test]
    fn a_node_sends_each_listener_to_its_targets_in_turn() {
        let text = host("lb", &sample(2), &Wires::new(), &BTreeSet::new()).expect("a ruleset");
        assert!(text.contains("iifname \"eth0\" tcp dport 5432 numgen inc mod 2 vmap { 0 : goto to_0, 1 : goto to_1 }"), "{text}");
        assert!(
            text.contains("oifname \"w1\" ip daddr 10.9.0.1 tcp dport 6432 snat to 10.9.0.100"),
            "{text}"
        );
        assert!(!text.contains("elements"), "{text}");
    }

    #[test]
    fn a_listener_that_is_refused_or_without_targets_answers_with_a_reset() {
        let listen = Listen {
            link: "eth0".to_owned(),
            transport: Transport::Tcp,
            port: 5432,
        };
        let refused =
            host("lb", &sample(2), &Wires::new(), &BTreeSet::from([listen])).expect("a ruleset");
        assert!(
            refused.contains("elements = { \"eth0\" . tcp . 5432 }")
                && refused.contains("goto to_0"),
            "{refused}"
        );
        let deserted = host("lb", &sample(0), &Wires::new(), &BTreeSet::new()).expect("a ruleset");
        assert!(
            deserted.contains("elements = { \"eth0\" . tcp . 5432 }")
                && !deserted.contains("numgen"),
            "{deserted}"
        );
    }

    #[test]
    fn terms_say_who_may_connect_and_who_stays() {
        let mut node = sample(2);
        let listen = node.forwards.keys().next().expect("a listener").clone();
        let ranges = [(Ipv4Addr::new(10, 0, 0, 0), Ipv4Addr::new(10, 0, 0, 255))];
        let terms = Terms {
            sources: Some(BTreeSet::from(ranges)),
            sticky: true,
        };
        node.terms.insert(listen.clone(), terms);
        let text = host("lb", &node, &Wires::new(), &BTreeSet::new()).expect("a ruleset");
        let rule = "iifname \"eth0\" ip saddr { 10.0.0.0-10.0.0.255 } tcp dport 5432 jhash ip saddr mod 2 vmap";
        assert!(text.contains(rule), "{text}");
        let nobody = Terms {
            sources: Some(BTreeSet::new()),
            sticky: false,
        };
        node.terms.insert(listen, nobody);
        let text = host("lb", &node, &Wires::new(), &BTreeSet::new()).expect("a ruleset");
        assert!(!text.contains("dport 5432 numgen"), "{text}");
    }

    #[test]
    fn a_machine_needs_no_rules_and_may_not_forward() {
        assert_eq!(
            host("i-1", &Host::default(), &Wires::new(), &BTreeSet::new()).expect("a ruleset"),
            ""
        );
        let machine = Host {
            kind: HostKind::Machine,
            ..sample(1)
        };
        assert!(host("i-1", &machine, &Wires::new(), &BTreeSet::new()).is_err());
    }

    fn sample(targets: u8) -> Host {
        let forwards = (1..=targets).map(|host| Forward {
            to: SocketAddrV4::new(Ipv4Addr::new(10, 9, 0, host), 6432),
            link: "w1".to_owned(),
            from: Ipv4Addr::new(10, 9, 0, 100),
        });
        let listen = Listen {
            link: "eth0".to_owned(),
            transport: Transport::Tcp,
            port: 5432,
        };
        Host {
            kind: HostKind::Node,
            forwards: BTreeMap::from([(listen, forwards.collect())]),
            ..Host::default()
        }
    }
}
