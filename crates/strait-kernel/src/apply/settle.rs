//! What is done inside a namespace, in a thread that has entered it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use crate::apply::{Changes, Found};
use crate::conntrack;
use crate::plan::{Hop, Kind, LOCAL_TABLE, Route, Space};
use crate::route::{Link, Routing};

/// How long links may take to carry packets.
const RISE: Duration = Duration::from_secs(2);

/// Settings of a namespace. Links get them when they are made.
pub(super) fn set_switches(kind: Kind) -> io::Result<()> {
    let set = |path: &str, value: &str| -> io::Result<()> {
        let path = format!("/proc/sys/net/{path}");
        if fs::read_to_string(&path).is_ok_and(|now| now.trim() == value) {
            return Ok(());
        }
        match fs::write(&path, value) {
            // Without IPv6 in the kernel there is nothing to switch off.
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.contains("/ipv6/") => {
                Ok(())
            }
            Err(error) => Err(io::Error::new(error.kind(), format!("{path}: {error}"))),
            Ok(()) => Ok(()),
        }
    };
    for scope in ["all", "default"] {
        set(&format!("ipv6/conf/{scope}/disable_ipv6"), "1")?;
        set(&format!("ipv4/conf/{scope}/rp_filter"), "0")?;
        set(&format!("ipv4/conf/{scope}/accept_redirects"), "0")?;
        set(&format!("ipv4/conf/{scope}/send_redirects"), "0")?;
    }
    match kind {
        // Whose address a packet may come from is the ruleset's affair, so the kernel need not look up the way back to
        // it; and hardly any packet here is for a socket here.
        Kind::Router | Kind::Gateway => {
            set("ipv4/conf/all/accept_local", "1")?;
            set("ipv4/ip_early_demux", "0")?;
        }
        Kind::Node => {
            set("ipv4/conf/all/accept_local", "1")?;
            set("ipv4/ip_early_demux", "0")?;
            // A refusal leaves by the entrance of what it answers.
            set("ipv4/fwmark_reflect", "1")?;
        }
        Kind::Machine | Kind::Internet => {}
    }
    let mut routing = Routing::open()?;
    if let Some(lo) = routing.links()?.get("lo").filter(|lo| !lo.ready) {
        routing.bring_up("lo", lo)?;
    }
    Ok(())
}

/// Links up, neighbours, addresses, routes, rules, in the calling thread's namespace; then the cuts.
pub(super) fn settle(
    space: &Space,
    found: Option<&Found>,
    lost: Option<&BTreeSet<String>>,
) -> io::Result<Changes> {
    let mut changes = Changes::default();
    let mut routing = Routing::open()?;
    let links = routing.links()?;
    let gateways = routing.gateways()?;
    for (name, (_, far)) in &space.links {
        let link = links.get(name).ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("link {name} has gone"))
        })?;
        if !link.ready || gateways.get(&link.index) != Some(far) {
            routing.bring_up(name, link)?;
            routing.set_gateway(link.index, *far)?;
            changes.links_set += 1;
        }
    }
    settle_addresses(space, &links, &mut routing, &mut changes)?;
    let names = links
        .iter()
        .map(|(name, link)| (link.index, name.clone()))
        .collect();
    let now = routing.routes(&names)?;
    settle_routes(space, &now, &links, &mut routing, &mut changes)?;
    let wanted = &space.rules;
    let now = routing.rules(space.kind == Kind::Router)?;
    for rule in wanted.difference(&now) {
        routing.add_rule(rule)?;
        changes.rules += 1;
    }
    for rule in now.difference(wanted) {
        routing.delete_rule(rule)?;
        changes.rules += 1;
    }
    if space.kind == Kind::Node {
        routing.delete_first_rule()?;
    }
    if space.kind.forwards() {
        switch_on("/proc/sys/net/ipv4/ip_forward", "1")?;
    }
    match space.kind {
        // The rules are loaded, so the switch is there.
        Kind::Router | Kind::Node | Kind::Gateway => {
            switch_on("/proc/sys/net/netfilter/nf_conntrack_tcp_loose", "0")?;
            // The ends check: between namespaces of one machine a router need not.
            switch_on("/proc/sys/net/netfilter/nf_conntrack_checksum", "0")?;
        }
        Kind::Machine | Kind::Internet => {}
    }
    match (space.kind, found) {
        (Kind::Router, Some(found)) => changes.connections_cut = cut_ended(space, found, lost)?,
        (Kind::Node, Some(_)) if lost.is_some_and(|lost| !lost.is_empty()) => {
            let kept: BTreeSet<u32> = space.rules.iter().filter_map(|rule| rule.mark).collect();
            changes.connections_cut =
                conntrack::cut_marked(|mark| mark != 0 && !kept.contains(&mark))?;
        }
        (Kind::Gateway, Some(_)) => {
            changes.connections_cut = conntrack::cut_translated(|private, public| {
                space.translations.get(&private) != Some(&public)
            })?;
        }
        (Kind::Router | Kind::Gateway, None) | (Kind::Machine | Kind::Node | Kind::Internet, _) => {
        }
    }
    Ok(changes)
}

/// The end of a veth pair that is brought up first carries packets only some time after the other end is up too; a change
/// is made only then. (Of the second end the kernel says so up to a second late.)
pub(super) fn wait_until_running(first_up: &BTreeSet<&str>) -> io::Result<()> {
    let mut routing = Routing::open()?;
    let until = Instant::now() + RISE;
    loop {
        let links = routing.links()?;
        let waiting = links
            .iter()
            .find(|(name, link)| first_up.contains(name.as_str()) && !link.running);
        let Some((name, _)) = waiting else {
            // Whatever else the kernel does while it brings links up is done when it takes another change.
            return links
                .get("lo")
                .map_or(Ok(()), |lo| routing.bring_up("lo", lo));
        };
        if Instant::now() > until {
            // A machine's own root may have taken its end down.
            tracing::warn!(name, "a link carries nothing yet");
            return Ok(());
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn settle_addresses(
    space: &Space,
    links: &BTreeMap<String, Link>,
    routing: &mut Routing,
    changes: &mut Changes,
) -> io::Result<()> {
    let index = |name: &String| links.get(name).map(|link| link.index);
    let wanted: BTreeSet<_> = space
        .addresses
        .iter()
        .filter_map(|(link, address)| Some((index(link)?, *address, 32)))
        .collect();
    let mut now = routing.addresses()?;
    now.retain(|(index, _, _)| links.values().any(|link| link.ours && link.index == *index));
    for (index, address, length) in now.difference(&wanted) {
        routing.delete_address(*index, *address, *length)?;
        changes.addresses += 1;
    }
    for (index, address, _) in wanted.difference(&now) {
        routing.add_address(*index, *address)?;
        changes.addresses += 1;
    }
    Ok(())
}

/// Sets new routes before it deletes old ones: a packet never finds a shorter prefix in between.
pub(super) fn settle_routes(
    space: &Space,
    now: &BTreeSet<Route>,
    links: &BTreeMap<String, Link>,
    routing: &mut Routing,
    changes: &mut Changes,
) -> io::Result<()> {
    for route in space.routes.difference(now) {
        routing.set_route(route, |name| links.get(name).map(|link| link.index))?;
        changes.routes += 1;
    }
    let key = |route: &Route| (route.table, route.destination, route.metric);
    let wanted: BTreeSet<_> = space.routes.iter().map(key).collect();
    for route in now.iter().filter(|route| !wanted.contains(&key(route))) {
        routing.delete_route(route)?;
        changes.routes += 1;
    }
    Ok(())
}

fn switch_on(path: &str, value: &str) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|now| now.trim() == value) {
        return Ok(());
    }
    fs::write(path, value).map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))
}

/// Cuts the connections of interfaces, peers and routes that were there and are no more.
pub(super) fn cut_ended(
    space: &Space,
    found: &Found,
    lost: Option<&BTreeSet<String>>,
) -> io::Result<usize> {
    let is_lost = |link: &String| lost.is_some_and(|lost| lost.contains(link));
    let ended: Vec<&Route> = found
        .routes
        .iter()
        .filter(|route| match &route.hop {
            Hop::Link { link, .. } => is_lost(link) || !space.routes.contains(route),
            Hop::Blackhole | Hop::Unreachable => false,
        })
        .collect();
    if ended.is_empty() {
        return Ok(0);
    }
    conntrack::cut(|end, other| {
        ended
            .iter()
            .any(|route| ends_with(space, route, end, other))
    })
}

/// Whether a connection between two addresses went by this route.
fn ends_with(space: &Space, route: &Route, end: Ipv4Addr, other: Ipv4Addr) -> bool {
    if !route.destination.contains(&end) {
        return false;
    }
    if route.table == LOCAL_TABLE {
        return true;
    }
    let local = space.ranges.iter().any(|range| range.contains(&end));
    !local
        && space
            .users
            .get(&route.table)
            .is_some_and(|users| users.contains(&other))
}
