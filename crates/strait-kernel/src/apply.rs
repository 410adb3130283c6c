//! Brings namespaces from what they are to what a plan says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsFd as _;

use crate::conntrack;
use crate::error::KernelError;
use crate::kernel::{Kernel, State};
use crate::nft;
use crate::plan::{Hop, Kind, LOCAL_TABLE, Name, Pair, Plan, Route, Space};
use crate::route::{Link, Routing, VethEnd};

/// How much was changed, for logs and tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Namespaces made.
    pub spaces_made: usize,
    /// Namespaces removed.
    pub spaces_removed: usize,
    /// Veth pairs made.
    pub pairs_made: usize,
    /// Links deleted, their other ends with them.
    pub links_deleted: usize,
    /// Links brought up and told of their other end.
    pub links_set: usize,
    /// Addresses added and deleted.
    pub addresses: usize,
    /// Routes set and deleted.
    pub routes: usize,
    /// Routing rules added and deleted.
    pub rules: usize,
    /// nftables tables loaded.
    pub rulesets: usize,
    /// Tracked connections cut.
    pub connections_cut: usize,
}

impl Changes {
    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A namespace as it was found.
struct Found {
    links: BTreeMap<String, Link>,
    routes: BTreeSet<Route>,
}

/// Makes a plan true. What fails halfway is looked at again by the next call.
pub(crate) fn apply(kernel: &Kernel, state: &mut State, plan: &Plan) -> Result<Changes, KernelError> {
    let mut changes = Changes::default();
    let present = kernel.spaces.list()?;
    let gone: BTreeSet<Name> = present
        .iter()
        .filter(|(name, owned)| !kernel.spaces.has(name) || plan.spaces.get(name).is_none_or(|space| space.kind.has_own_root() != **owned))
        .map(|(name, _)| name.clone())
        .collect();
    let fresh: BTreeSet<&Name> = plan.spaces.keys().filter(|name| !present.contains_key(name) || gone.contains(name)).collect();
    let dirty = dirty(state, plan, &fresh);
    for name in dirty.iter().copied().chain(&gone) {
        state.applied.remove(name);
    }

    let mut found = BTreeMap::new();
    for name in dirty.iter().filter(|name| !fresh.contains(*name)) {
        found.insert(*name, kernel.spaces.inside(name, look)?.map_err(failed("look at", name))?);
    }
    let mut lost: BTreeMap<&Name, BTreeSet<String>> = BTreeMap::new();
    for name in &gone {
        delete_all_links(kernel, name, &mut changes)?;
        kernel.spaces.remove(name)?;
        changes.spaces_removed += 1;
    }
    for (name, found) in &found {
        lost.insert(name, delete_old_links(kernel, name, &plan.spaces[*name], found, &mut changes)?);
    }
    for name in &fresh {
        kernel.spaces.create(name, plan.spaces[*name].kind)?;
        changes.spaces_made += 1;
    }
    for name in &dirty {
        kernel.spaces.inside(name, set_switches)?.map_err(failed("set up", name))?;
        changes.rulesets += load_rules(kernel, name, &plan.spaces[*name].ruleset)?;
    }
    make_pairs(kernel, plan, &dirty, &mut changes)?;
    for name in &dirty {
        let space = &plan.spaces[*name];
        let work = || settle(space, found.get(name), lost.get(name));
        let part = kernel.spaces.inside(name, work)?.map_err(failed("set up", name))?;
        changes.links_set += part.links_set;
        changes.addresses += part.addresses;
        changes.routes += part.routes;
        changes.rules += part.rules;
        changes.connections_cut += part.connections_cut;
    }
    for name in dirty {
        state.applied.insert(name.clone(), plan.spaces[name].clone());
    }
    Ok(changes)
}

/// Loads a namespace's rules unless they are there. Answers how many tables were loaded.
pub(crate) fn load_rules(kernel: &Kernel, name: &Name, text: &str) -> Result<usize, KernelError> {
    let hash = nft::hash(text);
    let noted = kernel.spaces.rules_hash(name);
    if noted.as_ref() == Some(&hash) || noted.is_none() && text.is_empty() {
        return Ok(0);
    }
    kernel.spaces.note_rules(name, None)?;
    kernel.spaces.inside(name, || nft::load(&kernel.nft, &name.to_string(), text))??;
    kernel.spaces.note_rules(name, Some(&hash))?;
    Ok(1)
}

/// The namespaces that are not known to be as planned: and those at the other end of a link to a new one.
fn dirty<'a>(state: &State, plan: &'a Plan, fresh: &BTreeSet<&'a Name>) -> BTreeSet<&'a Name> {
    let mut dirty: BTreeSet<&Name> = plan.spaces.iter().filter(|(name, space)| state.applied.get(name) != Some(*space)).map(|(name, _)| name).collect();
    dirty.extend(fresh.iter().copied());
    for Pair { a, b } in &plan.pairs {
        for (one, other) in [(&a.space, &b.space), (&b.space, &a.space)] {
            if fresh.contains(one) {
                dirty.insert(other);
            }
        }
    }
    dirty
}

fn look() -> io::Result<Found> {
    let mut routing = Routing::open()?;
    let links = routing.links()?;
    let names = links.iter().map(|(name, link)| (link.index, name.clone())).collect();
    let routes = routing.routes(&names)?;
    Ok(Found { links, routes })
}

fn delete_all_links(kernel: &Kernel, name: &Name, changes: &mut Changes) -> Result<(), KernelError> {
    if !kernel.spaces.has(name) {
        return Ok(());
    }
    let deleted = kernel.spaces.inside(name, || -> io::Result<usize> {
        let mut routing = Routing::open()?;
        let links = routing.links()?;
        let veths: Vec<_> = links.iter().filter(|(link, _)| *link != "lo").collect();
        for (_, link) in &veths {
            routing.delete_link(link.index)?;
        }
        Ok(veths.len())
    })?;
    changes.links_deleted += deleted.map_err(failed("delete the links of", name))?;
    Ok(())
}

/// Deletes the links that the plan has not, or has with other MACs. Answers which.
fn delete_old_links(kernel: &Kernel, name: &Name, space: &Space, found: &Found, changes: &mut Changes) -> Result<BTreeSet<String>, KernelError> {
    let old: BTreeMap<_, _> = found
        .links
        .iter()
        .filter(|(link, now)| *link != "lo" && space.links.get(*link).is_none_or(|(mac, _)| *mac != now.mac))
        // What a machine's own root has made there is its own affair, unless it is in the way.
        .filter(|(link, now)| !space.kind.has_own_root() || space.links.contains_key(*link) || now.ours)
        .collect();
    if !old.is_empty() {
        let deleted = kernel.spaces.inside(name, || {
            let mut routing = Routing::open()?;
            old.values().try_for_each(|link| routing.delete_link(link.index))
        })?;
        deleted.map_err(failed("delete links of", name))?;
    }
    changes.links_deleted += old.len();
    Ok(old.into_keys().cloned().collect())
}

/// Settings of a namespace. Links get them when they are made.
fn set_switches() -> io::Result<()> {
    let set = |path: &str, value: &str| -> io::Result<()> {
        let path = format!("/proc/sys/net/{path}");
        if fs::read_to_string(&path).is_ok_and(|now| now.trim() == value) {
            return Ok(());
        }
        match fs::write(&path, value) {
            // Without IPv6 in the kernel there is nothing to switch off.
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.contains("/ipv6/") => Ok(()),
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
    let mut routing = Routing::open()?;
    if let Some(lo) = routing.links()?.get("lo").filter(|lo| !lo.ready) {
        routing.bring_up("lo", lo)?;
    }
    Ok(())
}

fn make_pairs(kernel: &Kernel, plan: &Plan, dirty: &BTreeSet<&Name>, changes: &mut Changes) -> Result<(), KernelError> {
    let mut links = BTreeMap::new();
    for name in dirty {
        let now = kernel.spaces.inside(name, || Routing::open()?.links())?;
        links.insert(*name, now.map_err(failed("look at", name))?);
    }
    for Pair { a, b } in &plan.pairs {
        // With one end unchanged and known, both are: the other's MAC is part of its plan.
        let (Some(at_a), Some(at_b)) = (links.get(&a.space), links.get(&b.space)) else { continue };
        let there = [at_a.get(&a.link), at_b.get(&b.link)];
        if let [Some(_), Some(_)] = there {
            continue;
        }
        // A lone link whose other end is somewhere else.
        for (end, link) in [(a, there[0]), (b, there[1])] {
            if let Some(link) = link {
                let deleted = kernel.spaces.inside(&end.space, || Routing::open()?.delete_link(link.index))?;
                deleted.map_err(failed("delete a link of", &end.space))?;
                changes.links_deleted += 1;
            }
        }
        let far = kernel.spaces.descriptor(&b.space, "net")?;
        let here = VethEnd { name: &a.link, mac: a.mac };
        let there = VethEnd { name: &b.link, mac: b.mac };
        let made = kernel.spaces.inside(&a.space, || Routing::open()?.add_veth(&here, &there, far.as_fd()))?;
        made.map_err(KernelError::system(format!("link {} ({}) with {} ({})", a.space, a.link, b.space, b.link)))?;
        changes.pairs_made += 1;
    }
    Ok(())
}

/// Links up, neighbours, addresses, routes, rules, in the calling thread's namespace; then the cuts.
fn settle(space: &Space, found: Option<&Found>, lost: Option<&BTreeSet<String>>) -> io::Result<Changes> {
    let mut changes = Changes::default();
    let mut routing = Routing::open()?;
    let links = routing.links()?;
    let gateways = routing.gateways()?;
    for (name, (_, far)) in &space.links {
        let link = links.get(name).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("link {name} has gone")))?;
        if !link.ready || gateways.get(&link.index) != Some(far) {
            routing.bring_up(name, link)?;
            routing.set_gateway(link.index, *far)?;
            changes.links_set += 1;
        }
    }
    settle_addresses(space, &links, &mut routing, &mut changes)?;
    settle_routes(space, &links, &mut routing, &mut changes)?;
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
    if space.kind.forwards() {
        switch_on("/proc/sys/net/ipv4/ip_forward", "1")?;
    }
    match space.kind {
        // The rules are loaded, so the switch is there.
        Kind::Router | Kind::Node => switch_on("/proc/sys/net/netfilter/nf_conntrack_tcp_loose", "0")?,
        Kind::Machine | Kind::Internet => {}
    }
    if let (Kind::Router, Some(found)) = (space.kind, found) {
        changes.connections_cut = cut_ended(space, found, lost)?;
    }
    Ok(changes)
}

fn settle_addresses(space: &Space, links: &BTreeMap<String, Link>, routing: &mut Routing, changes: &mut Changes) -> io::Result<()> {
    let index = |name: &String| links.get(name).map(|link| link.index);
    let wanted: BTreeSet<_> = space.addresses.iter().filter_map(|(link, address)| Some((index(link)?, *address, 32))).collect();
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
fn settle_routes(space: &Space, links: &BTreeMap<String, Link>, routing: &mut Routing, changes: &mut Changes) -> io::Result<()> {
    let names = links.iter().map(|(name, link)| (link.index, name.clone())).collect();
    let now = routing.routes(&names)?;
    for route in space.routes.difference(&now) {
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
fn cut_ended(space: &Space, found: &Found, lost: Option<&BTreeSet<String>>) -> io::Result<usize> {
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
    conntrack::cut(|end, other| ended.iter().any(|route| ends_with(space, route, end, other)))
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
    !local && space.users.get(&route.table).is_some_and(|users| users.contains(&other))
}

fn failed(what: &str, name: &Name) -> impl FnOnce(io::Error) -> KernelError {
    KernelError::system(format!("{what} {name}"))
}
