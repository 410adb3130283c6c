//! Brings namespaces from what they are to what a plan says.

mod quick;
mod settle;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::AsFd as _;

use crate::error::KernelError;
use crate::kernel::{Kernel, State};
use crate::nft;
use crate::plan::{Name, Pair, Plan, Route, Space};
use crate::route::{Link, Routing, VethEnd};
use crate::settings;

pub(crate) use quick::{Kept, edit_rules};

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

/// Makes a whole plan true. What fails halfway is looked at again by the next call.
pub(crate) fn apply(
    kernel: &Kernel,
    state: &mut State,
    plan: &Plan,
) -> Result<Changes, KernelError> {
    let present = kernel.spaces.list()?;
    let gone: BTreeSet<Name> = present
        .iter()
        .filter(|(name, owned)| {
            !kernel.spaces.has(name)
                || plan
                    .spaces
                    .get(name)
                    .is_none_or(|space| space.kind.has_own_root() != **owned)
        })
        .map(|(name, _)| name.clone())
        .collect();
    let fresh: BTreeSet<&Name> = plan
        .spaces
        .keys()
        .filter(|name| !present.contains_key(name) || gone.contains(name))
        .collect();
    make(kernel, state, plan, &gone, &fresh)
}

/// Makes a part of a plan true: that of these namespaces, while all others are known to be as planned.
pub(crate) fn apply_part(
    kernel: &Kernel,
    state: &mut State,
    plan: &Plan,
    names: &BTreeSet<Name>,
) -> Result<Changes, KernelError> {
    let known = |name: &Name| state.applied.get(name);
    let gone: BTreeSet<Name> = names
        .iter()
        .filter(|name| {
            let planned = plan.spaces.get(name);
            known(name).is_some_and(|space| planned.is_none_or(|now| now.kind != space.kind))
        })
        .cloned()
        .collect();
    let fresh: BTreeSet<&Name> = plan
        .spaces
        .keys()
        .filter(|name| known(name).is_none() || gone.contains(name))
        .collect();
    make(kernel, state, plan, &gone, &fresh)
}

/// Removes the namespaces that are `gone`, makes those that are `fresh`, and brings the others to the plan.
fn make(
    kernel: &Kernel,
    state: &mut State,
    plan: &Plan,
    gone: &BTreeSet<Name>,
    fresh: &BTreeSet<&Name>,
) -> Result<Changes, KernelError> {
    let mut changes = Changes::default();
    let mut dirty = dirty(state, plan, fresh);
    let mut small = BTreeMap::new();
    for name in dirty.iter().copied().chain(gone) {
        let Some(before) = state.applied.remove(name) else {
            continue;
        };
        if !gone.contains(name) && quick::is_small(&before, &plan.spaces[name]) {
            small.insert(name, before);
        }
    }
    // At the other end of a new link everything is looked at.
    let apart = |name: &Name| {
        let pairs = plan.pairs.iter().flat_map(|Pair { a, b }| [(a, b), (b, a)]);
        pairs
            .filter(|(here, _)| here.space == *name)
            .all(|(_, there)| !fresh.contains(&there.space))
    };
    small.retain(|name, _| apart(name));
    dirty.retain(|name| !small.contains_key(name));
    for (name, before) in &small {
        let after = &plan.spaces[*name];
        let part = quick::retouch(kernel, &mut state.kept, name, before, after)?;
        changes.rulesets += part.rulesets;
        changes.routes += part.routes;
        changes.connections_cut += part.connections_cut;
    }
    for name in small.into_keys() {
        state
            .applied
            .insert(name.clone(), plan.spaces[name].clone());
    }

    let mut found = BTreeMap::new();
    for name in dirty.iter().filter(|name| !fresh.contains(*name)) {
        found.insert(
            *name,
            kernel
                .spaces
                .inside(name, look)?
                .map_err(failed("look at", name))?,
        );
    }
    let mut lost: BTreeMap<&Name, BTreeSet<String>> = BTreeMap::new();
    for name in gone {
        state.kept.remove(name);
        delete_all_links(kernel, name, &mut changes)?;
        kernel.spaces.remove(name)?;
        changes.spaces_removed += 1;
    }
    for (name, found) in &found {
        lost.insert(
            name,
            delete_old_links(kernel, name, &plan.spaces[*name], found, &mut changes)?,
        );
    }
    for name in fresh {
        kernel.spaces.create(name, plan.spaces[*name].kind)?;
        changes.spaces_made += 1;
    }
    let mut unset = BTreeSet::new();
    for name in &dirty {
        let kind = plan.spaces[*name].kind;
        let is_set = kernel.spaces.settings(name) == Some(settings::text(kind));
        let work = || {
            if !is_set {
                settings::set_before_links(kind)?;
            }
            settle::wake()
        };
        kernel
            .spaces
            .inside(name, work)?
            .map_err(failed("set up", name))?;
        changes.rulesets += load_rules(kernel, name, &plan.spaces[*name].ruleset)?;
        if !is_set {
            unset.insert(*name);
        }
    }
    make_pairs(kernel, plan, &dirty, &mut changes)?;
    let mut rising = Vec::new();
    // In the order of their names, so that the lesser end of each pair comes up first.
    for name in &dirty {
        let space = &plan.spaces[*name];
        let is_set = !unset.contains(name);
        let work = || {
            let changes = settle::settle(space, found.get(name), lost.get(name))?;
            if !is_set {
                settings::set_after_rules(space.kind)?;
            }
            io::Result::Ok(changes)
        };
        let part = kernel
            .spaces
            .inside(name, work)?
            .map_err(failed("set up", name))?;
        if !is_set {
            let text = settings::text(space.kind);
            kernel.spaces.note_settings(name, &text)?;
        }
        if part.links_set > 0 {
            rising.push(*name);
        }
        changes.links_set += part.links_set;
        changes.addresses += part.addresses;
        changes.routes += part.routes;
        changes.rules += part.rules;
        changes.connections_cut += part.connections_cut;
    }
    for name in rising {
        let first_up = plan
            .pairs
            .iter()
            .filter(|pair| pair.a.space == *name)
            .map(|pair| pair.a.link.as_str())
            .collect();
        kernel
            .spaces
            .inside(name, || settle::wait_until_running(&first_up))?
            .map_err(failed("bring up the links of", name))?;
    }
    for name in dirty {
        state
            .applied
            .insert(name.clone(), plan.spaces[name].clone());
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
    kernel
        .spaces
        .inside(name, || nft::load(&kernel.nft, &name.to_string(), text))??;
    kernel.spaces.note_rules(name, Some(&hash))?;
    Ok(1)
}

/// The namespaces that are not known to be as planned: and those at the other end of a link to a new one.
fn dirty<'a>(state: &State, plan: &'a Plan, fresh: &BTreeSet<&'a Name>) -> BTreeSet<&'a Name> {
    let mut dirty: BTreeSet<&Name> = plan
        .spaces
        .iter()
        .filter(|(name, space)| state.applied.get(name) != Some(*space))
        .map(|(name, _)| name)
        .collect();
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
    let names = links
        .iter()
        .map(|(name, link)| (link.index, name.clone()))
        .collect();
    let routes = routing.routes(&names)?;
    Ok(Found { links, routes })
}

fn delete_all_links(
    kernel: &Kernel,
    name: &Name,
    changes: &mut Changes,
) -> Result<(), KernelError> {
    if !kernel.spaces.has(name) {
        return Ok(());
    }
    let deleted = kernel.spaces.inside(name, || -> io::Result<usize> {
        let mut routing = Routing::open()?;
        let links = routing.links()?;
        let count = links
            .iter()
            .filter(|(link, now)| *link != "lo" && now.ours)
            .count();
        if count > 0 {
            routing.delete_our_links()?;
        }
        Ok(count)
    })?;
    changes.links_deleted += deleted.map_err(failed("delete the links of", name))?;
    Ok(())
}

/// Deletes the links that the plan has not, or has with other MACs. Answers which.
fn delete_old_links(
    kernel: &Kernel,
    name: &Name,
    space: &Space,
    found: &Found,
    changes: &mut Changes,
) -> Result<BTreeSet<String>, KernelError> {
    let old: BTreeMap<_, _> = found
        .links
        .iter()
        .filter(|(link, now)| {
            *link != "lo"
                && space
                    .links
                    .get(*link)
                    .is_none_or(|(mac, _)| *mac != now.mac)
        })
        // What a machine's own root has made there is its own affair, unless it is in the way.
        .filter(|(link, now)| {
            !space.kind.has_own_root() || space.links.contains_key(*link) || now.ours
        })
        .collect();
    if !old.is_empty() {
        let deleted = kernel.spaces.inside(name, || {
            let mut routing = Routing::open()?;
            old.values()
                .try_for_each(|link| routing.delete_link(link.index))
        })?;
        deleted.map_err(failed("delete links of", name))?;
    }
    changes.links_deleted += old.len();
    Ok(old.into_keys().cloned().collect())
}

fn make_pairs(
    kernel: &Kernel,
    plan: &Plan,
    dirty: &BTreeSet<&Name>,
    changes: &mut Changes,
) -> Result<(), KernelError> {
    let mut links = BTreeMap::new();
    for name in dirty {
        let now = kernel.spaces.inside(name, || Routing::open()?.links())?;
        links.insert(*name, now.map_err(failed("look at", name))?);
    }
    for Pair { a, b } in &plan.pairs {
        // With one end unchanged and known, both are: the other's MAC is part of its plan.
        let (Some(at_a), Some(at_b)) = (links.get(&a.space), links.get(&b.space)) else {
            continue;
        };
        let there = [at_a.get(&a.link), at_b.get(&b.link)];
        if let [Some(_), Some(_)] = there {
            continue;
        }
        // A lone link whose other end is somewhere else.
        for (end, link) in [(a, there[0]), (b, there[1])] {
            if let Some(link) = link {
                let deleted = kernel
                    .spaces
                    .inside(&end.space, || Routing::open()?.delete_link(link.index))?;
                deleted.map_err(failed("delete a link of", &end.space))?;
                changes.links_deleted += 1;
            }
        }
        let far = kernel.spaces.descriptor(&b.space, "net")?;
        let here = VethEnd {
            name: &a.link,
            mac: a.mac,
        };
        let there = VethEnd {
            name: &b.link,
            mac: b.mac,
        };
        let made = kernel.spaces.inside(&a.space, || {
            Routing::open()?.add_veth(&here, &there, far.as_fd())
        })?;
        made.map_err(KernelError::system(format!(
            "link {} ({}) with {} ({})",
            a.space, a.link, b.space, b.link
        )))?;
        changes.pairs_made += 1;
    }
    Ok(())
}

fn failed(what: &str, name: &Name) -> impl FnOnce(io::Error) -> KernelError {
    KernelError::system(format!("{what} {name}"))
}
