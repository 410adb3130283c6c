//! A router's rules: source checks, marks, what it answers itself, ACLs and groups.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use strait_vpc::picture::{Acl, AclMatch, AclRule, Router, UPLINK};

use crate::error::KernelError;
use crate::ruleset::group;
use crate::ruleset::text::{Text, icmp_match, is_everything, port_match, quoted};

/// The whole text for a router.
pub(crate) fn router(name: &str, router: &Router) -> Result<String, KernelError> {
    let mut text = Text::new();
    write_links(router, &mut text);
    let acl_lines = write_acls(name, router, &mut text)?;
    group::write(name, router, &mut text)?;
    write_arrivals(router, &mut text);
    text.chain("input", &input_lines(router));
    let mut forward = vec!["type filter hook forward priority filter; policy drop;".to_owned()];
    forward.extend(acl_lines);
    forward.extend(
        [
            "ct state established,related accept",
            "ct state invalid drop",
            "iifname vmap @egress",
            "oifname vmap @ingress",
        ]
        .map(str::to_owned),
    );
    text.chain("forward", &forward);
    Ok(text.finish())
}

fn write_links(router: &Router, text: &mut Text) {
    let interfaces = &router.interfaces;
    let own = interfaces.keys().map(|link| quoted(link)).collect();
    text.whole_set("set own", "type ifname;", &own);
    let checked = interfaces
        .iter()
        .filter(|(_, interface)| interface.source_check)
        .map(|(link, own)| format!("{} . {} : {}", quoted(link), own.address, own.table))
        .collect();
    text.whole_set("map sources", "type ifname . ipv4_addr : mark;", &checked);
    let unchecked = interfaces
        .iter()
        .filter(|(_, interface)| !interface.source_check)
        .map(|(link, own)| format!("{} : {}", quoted(link), own.table))
        .collect();
    text.whole_set("map unchecked", "type ifname : mark;", &unchecked);
}

/// AWS's source check: a packet passes with an address that its link may send from. In the same step it gets the mark
/// that chooses its route table: each chain that a packet visits costs, in every router on its way.
fn write_arrivals(router: &Router, text: &mut Text) {
    let mut elsewhere = BTreeSet::new();
    for (link, peer) in &router.peers {
        // nft refuses sets with overlapping ranges; the union is the same.
        let sources: BTreeSet<_> = Ipv4Net::aggregate(&peer.sources.iter().copied().collect())
            .into_iter()
            .collect();
        if sources.is_empty() {
            continue;
        }
        let sources: Vec<_> = sources.iter().map(ToString::to_string).collect();
        // One range is compared, which is quicker than a lookup in a set.
        let sources = match &sources[..] {
            [only] => only.clone(),
            several => format!("{{ {} }}", several.join(", ")),
        };
        let chain = format!("from_{link}");
        text.chain(
            &chain,
            &[format!("ip saddr {sources} accept"), "drop".to_owned()],
        );
        elsewhere.insert(format!("{} : goto {chain}", quoted(link)));
    }
    if let Some(uplink) = &router.uplink {
        // Nobody in the internet has one of the router's own addresses.
        let own = router.ranges.iter().map(|range| (range, "drop"));
        let others = uplink.sources.iter().map(|range| (range, "accept"));
        let mut lines: Vec<_> = own
            .chain(others)
            .map(|(range, verdict)| format!("ip saddr {range} {verdict}"))
            .collect();
        lines.push("drop".to_owned());
        let chain = format!("from_{UPLINK}");
        text.chain(&chain, &lines);
        elsewhere.insert(format!("{} : goto {chain}", quoted(UPLINK)));
    }
    text.whole_set("map from_elsewhere", "type ifname : verdict;", &elsewhere);
    text.chain(
        "arrivals",
        &[
            "type filter hook prerouting priority raw; policy drop;",
            "meta mark set iifname . ip saddr map @sources accept",
            "iifname vmap @from_elsewhere",
            "meta mark set iifname map @unchecked accept",
            "iifname \"lo\" accept",
        ]
        .map(str::to_owned),
    );
}

/// The router itself answers DNS and echo requests, and those from own interfaces only: a peer finds the address
/// before any route table, so it is refused here.
fn input_lines(router: &Router) -> Vec<String> {
    let list = |addresses: &BTreeSet<_>| {
        addresses
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<String>>()
            .join(", ")
    };
    let mut lines = vec![
        "type filter hook input priority filter; policy drop;".to_owned(),
        "iifname \"lo\" accept".to_owned(),
        "iifname != @own drop".to_owned(),
        "ct state established,related accept".to_owned(),
    ];
    if !router.resolvers.is_empty() {
        lines.push(format!(
            "ip daddr {{ {} }} meta l4proto {{ 6, 17 }} th dport 53 accept",
            list(&router.resolvers)
        ));
    }
    if !router.addresses.is_empty() {
        lines.push(format!(
            "ip daddr {{ {} }} icmp type echo-request accept",
            list(&router.addresses)
        ));
    }
    lines
}

/// Writes the chains of subnets whose ACL does not simply allow everything; answers the lines that lead there.
fn write_acls(name: &str, router: &Router, text: &mut Text) -> Result<Vec<String>, KernelError> {
    let mut subnets: BTreeMap<(Ipv4Net, &str), BTreeSet<String>> = BTreeMap::new();
    for (link, interface) in &router.interfaces {
        subnets
            .entry((interface.subnet, &interface.acl))
            .or_default()
            .insert(quoted(link));
    }
    let mut filtered = Vec::new();
    for ((subnet, id), links) in subnets {
        let acl = router.acls.get(id).ok_or_else(|| KernelError::Picture {
            name: name.to_owned(),
            why: format!("subnet {subnet} has the network ACL {id}, which is not there"),
        })?;
        if !allows_everything(&acl.ingress) || !allows_everything(&acl.egress) {
            filtered.push((id, acl, links));
        }
    }
    if filtered.is_empty() {
        return Ok(Vec::new());
    }
    let acls: BTreeMap<&str, &Acl> = filtered.iter().map(|(id, acl, _)| (*id, *acl)).collect();
    let numbers: BTreeMap<&str, usize> = acls
        .keys()
        .enumerate()
        .map(|(number, id)| (*id, number))
        .collect();
    for (id, acl) in acls {
        let number = numbers[id];
        text.chain(
            &format!("acl_{number}_in"),
            &acl_lines(&acl.ingress, "ip saddr"),
        );
        text.chain(
            &format!("acl_{number}_out"),
            &acl_lines(&acl.egress, "ip daddr"),
        );
    }
    let mut from = BTreeSet::new();
    let mut to = BTreeSet::new();
    for (number, (id, _, links)) in filtered.iter().enumerate() {
        let acl = numbers[id];
        text.whole_set(&format!("set subnet_{number}"), "type ifname;", links);
        text.chain(
            &format!("subnet_{number}_out"),
            &[
                format!("oifname @subnet_{number} return"),
                format!("goto acl_{acl}_out"),
            ],
        );
        text.chain(
            &format!("subnet_{number}_in"),
            &[
                format!("iifname @subnet_{number} return"),
                format!("goto acl_{acl}_in"),
            ],
        );
        from.extend(
            links
                .iter()
                .map(|link| format!("{link} : jump subnet_{number}_out")),
        );
        to.extend(
            links
                .iter()
                .map(|link| format!("{link} : jump subnet_{number}_in")),
        );
    }
    text.whole_set("map from_subnet", "type ifname : verdict;", &from);
    text.whole_set("map to_subnet", "type ifname : verdict;", &to);
    Ok(vec![
        "iifname vmap @from_subnet".to_owned(),
        "oifname vmap @to_subnet".to_owned(),
    ])
}

fn acl_lines(rules: &[AclRule], far: &str) -> Vec<String> {
    let mut lines: Vec<_> = rules
        .iter()
        .map(|rule| {
            let mut parts = match &rule.matches {
                AclMatch::Ports(ports) => port_match(ports, far),
                AclMatch::Icmp(icmp) => icmp_match(icmp, far),
            };
            parts.push(if rule.allow { "return" } else { "drop" }.to_owned());
            parts.join(" ")
        })
        .collect();
    lines.push("drop".to_owned());
    lines
}

fn allows_everything(rules: &[AclRule]) -> bool {
    rules.first().is_some_and(|rule| match &rule.matches {
        AclMatch::Ports(ports) => rule.allow && is_everything(ports),
        AclMatch::Icmp(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use strait_vpc::picture::{
        Group, IcmpBox, Interface, Mac, Member, Peer, PortBox, References, Rules,
    };

    use super::*;

    #[test]
    fn interfaces_without_groups_pass_and_others_go_to_their_chains() {
        let mut picture = sample();
        picture
            .interfaces
            .insert("e2".to_owned(), interface(11, &["sg-1"], "open"));
        let text = router("vpc-1", &picture).expect("a ruleset");
        assert!(
            text.contains("elements = { \"e1\" : accept, \"e2\" : goto in_0 }"),
            "{text}"
        );
        assert!(
            text.contains("elements = { \"e2\" : jump out_0 }"),
            "{text}"
        );
        assert!(
            text.contains("elements = { 10.1.0.0-10.1.255.255 . 6 . 5432 }"),
            "{text}"
        );
        assert!(
            text.contains("chain out_0 {\n\t\treturn\n\t\tdrop\n\t}"),
            "{text}"
        );
    }

    #[test]
    fn equal_combinations_share_a_chain() {
        let mut picture = sample();
        for host in 20..30 {
            picture
                .interfaces
                .insert(format!("e{host}"), interface(host, &["sg-1"], "open"));
        }
        let text = router("vpc-1", &picture).expect("a ruleset");
        assert!(
            text.contains("chain in_0 {") && !text.contains("chain in_1 {"),
            "{text}"
        );
    }

    #[test]
    fn references_match_link_and_address_of_a_member() {
        let mut picture = sample();
        picture
            .interfaces
            .insert("e2".to_owned(), interface(11, &["sg-1"], "open"));
        picture.members.insert(
            "sg-2".to_owned(),
            BTreeSet::from([Member {
                link: "p3".to_owned(),
                address: Ipv4Addr::new(10, 2, 0, 5),
            }]),
        );
        let references = References {
            boxes: BTreeSet::from([PortBox {
                ports: (80, 81),
                ..all()
            }]),
            icmp: BTreeSet::from([echo()]),
        };
        let group = picture.groups.get_mut("sg-1").expect("the group");
        group
            .ingress
            .references
            .insert("sg-2".to_owned(), references.clone());
        group
            .ingress
            .references
            .insert("sg-without-members".to_owned(), references);
        let text = router("vpc-1", &picture).expect("a ruleset");
        assert!(text.contains("elements = { \"p3\" . 10.2.0.5 }"), "{text}");
        assert!(
            text.contains(
                "iifname . ip saddr @members_sg-2 meta l4proto . th dport @in_sg-1_sg-2 accept"
            ),
            "{text}"
        );
        assert!(text.contains("elements = { 8 . 0-255 }"), "{text}");
        assert!(!text.contains("without"), "{text}");
    }

    #[test]
    fn an_open_acl_needs_no_rules_and_a_closed_one_is_walked_in_order() {
        let mut picture = sample();
        assert!(
            !router("vpc-1", &picture)
                .expect("a ruleset")
                .contains("acl_")
        );
        let deny = AclRule {
            allow: false,
            matches: AclMatch::Ports(PortBox {
                protocols: (6, 6),
                ports: (22, 22),
                ..all()
            }),
        };
        let allow = AclRule {
            allow: true,
            matches: AclMatch::Ports(all()),
        };
        picture.acls.insert(
            "open".to_owned(),
            Acl {
                ingress: vec![deny, allow],
                egress: vec![allow],
            },
        );
        let text = router("vpc-1", &picture).expect("a ruleset");
        assert!(
            text.contains(
                "chain acl_0_in {\n\t\tmeta l4proto 6 th dport 22 drop\n\t\treturn\n\t\tdrop\n\t}"
            ),
            "{text}"
        );
        let place = |part: &str| text.find(part).expect("the rule is there");
        assert!(
            place("oifname vmap @to_subnet")
                < place("ct state established,related accept\n\t\tct state invalid")
        );
    }

    #[test]
    fn sources_are_checked_by_link_and_peers_by_range() {
        let mut picture = sample();
        let sources = ["10.2.0.0/16", "10.2.4.0/24"].map(|range| range.parse().expect("a range"));
        let peer = Peer {
            router: "vpc-2".to_owned(),
            link: "p4".to_owned(),
            mac: Mac([2; 6]),
            remote_mac: Mac([6; 6]),
            sources: BTreeSet::from(sources),
        };
        picture.peers.insert("p3".to_owned(), peer);
        let text = router("vpc-1", &picture).expect("a ruleset");
        assert!(
            text.contains("elements = { \"e1\" . 10.1.0.10 : 1000 }"),
            "{text}"
        );
        assert!(
            text.contains("chain from_p3 {\n\t\tip saddr 10.2.0.0/16 accept\n\t\tdrop\n"),
            "{text}"
        );
        assert!(
            text.contains("elements = { \"p3\" : goto from_p3 }"),
            "{text}"
        );
        assert!(
            text.contains("hook prerouting priority raw; policy drop;"),
            "{text}"
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut picture = sample();
        picture
            .interfaces
            .insert("e2".to_owned(), interface(11, &["sg-9"], "open"));
        assert!(
            router("vpc-1", &picture)
                .expect_err("no group")
                .to_string()
                .contains("sg-9")
        );
        picture
            .interfaces
            .insert("e2".to_owned(), interface(11, &[], "acl-9"));
        assert!(
            router("vpc-1", &picture)
                .expect_err("no acl")
                .to_string()
                .contains("acl-9")
        );
    }

    fn sample() -> Router {
        let ingress = Rules {
            boxes: BTreeSet::from([PortBox {
                addresses: (Ipv4Addr::new(10, 1, 0, 0), Ipv4Addr::new(10, 1, 255, 255)),
                protocols: (6, 6),
                ports: (5432, 5432),
            }]),
            ..Rules::default()
        };
        let egress = Rules {
            boxes: BTreeSet::from([all()]),
            ..Rules::default()
        };
        let allow = AclRule {
            allow: true,
            matches: AclMatch::Ports(all()),
        };
        Router {
            interfaces: BTreeMap::from([("e1".to_owned(), interface(10, &[], "open"))]),
            groups: BTreeMap::from([("sg-1".to_owned(), Group { ingress, egress })]),
            acls: BTreeMap::from([(
                "open".to_owned(),
                Acl {
                    ingress: vec![allow],
                    egress: vec![allow],
                },
            )]),
            ..Router::default()
        }
    }

    fn interface(host: u8, groups: &[&str], acl: &str) -> Interface {
        Interface {
            host: format!("i-{host}"),
            host_link: "eth0".to_owned(),
            address: Ipv4Addr::new(10, 1, 0, host),
            host_mac: Mac([2, 0, 0, 0, 0, host]),
            router_mac: Mac([6, 0, 0, 0, 0, host]),
            subnet: "10.1.0.0/24".parse().expect("a range"),
            table: 1000,
            groups: groups.iter().map(|id| (*id).to_owned()).collect(),
            acl: acl.to_owned(),
            source_check: true,
        }
    }

    fn all() -> PortBox {
        PortBox {
            addresses: (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST),
            protocols: (0, 255),
            ports: (0, u16::MAX),
        }
    }

    fn echo() -> IcmpBox {
        IcmpBox {
            addresses: (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST),
            types: (8, 8),
            codes: (0, 255),
        }
    }
}
