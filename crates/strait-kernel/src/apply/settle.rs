//! What is done inside a namespace, in a thread that has entered it.

use std::collections::{BTreeMap, BTreeSet};
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

/// Brings `lo` up.
pub(super) fn wake() -> io::Result<()> {
    let mut routing = Routing::open()?;
    match routing.links()?.get("lo").filter(|lo| !lo.ready) {
        Some(lo) => routing.bring_up("lo", lo),
        None => Ok(()),
    }
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
    for (name, (_, far)) in &space.links {
        let link = links.get(name).ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("link {name} has gone"))
        })?;
        if !link.ready || routing.gateway(link.index)? != Some(*far) {
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
