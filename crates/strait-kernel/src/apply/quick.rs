//! Changes of a namespace that is known to be as planned: nothing is looked at, only the difference is made.

use std::collections::BTreeMap;

use crate::apply::settle::{cut_ended, settle_routes};
use crate::apply::{Changes, Found, failed, load_rules};
use crate::elements::Filters;
use crate::error::KernelError;
use crate::kernel::Kernel;
use crate::nft;
use crate::plan::{Name, Space};
use crate::route::Routing;
use crate::ruleset::{self, Edit};

/// Sockets that are kept for the next change of the same namespace. To close one waits until the kernel has freed what was
/// deleted by it.
pub(crate) type Kept = BTreeMap<Name, Filters>;

const MOST_KEPT: usize = 128;

/// Whether only rules and routes differ.
pub(super) fn is_small(before: &Space, after: &Space) -> bool {
    // Named one by one, so that a new part is thought about here.
    let Space {
        kind,
        links,
        holders,
        addresses,
        routes: _,
        rules,
        ruleset: _,
        users: _,
        ranges: _,
        translations,
    } = after;
    before.kind == *kind
        && before.links == *links
        && before.holders == *holders
        && before.translations == *translations
        && before.addresses == *addresses
        && before.rules == *rules
}

/// Makes a small change.
pub(super) fn retouch(
    kernel: &Kernel,
    kept: &mut Kept,
    name: &Name,
    before: &Space,
    after: &Space,
) -> Result<Changes, KernelError> {
    let mut changes = Changes {
        rulesets: edit_rules(kernel, kept, name, &before.ruleset, &after.ruleset)?,
        ..Changes::default()
    };
    if before.routes == after.routes {
        return Ok(changes);
    }
    let work = || {
        let mut changes = Changes::default();
        let mut routing = Routing::open()?;
        let links = routing.links()?;
        settle_routes(after, &before.routes, &links, &mut routing, &mut changes)?;
        let found = Found {
            links: BTreeMap::new(),
            routes: before.routes.clone(),
        };
        if after.kind == crate::plan::Kind::Router {
            changes.connections_cut = cut_ended(after, &found, None)?;
        }
        std::io::Result::Ok(changes)
    };
    let made = kernel
        .spaces
        .inside(name, work)?
        .map_err(failed("set the routes of", name))?;
    changes.routes = made.routes;
    changes.connections_cut = made.connections_cut;
    Ok(changes)
}

/// Brings a namespace's rules from one text, which is there, to another. Answers how many tables were changed.
pub(crate) fn edit_rules(
    kernel: &Kernel,
    kept: &mut Kept,
    name: &Name,
    before: &str,
    after: &str,
) -> Result<usize, KernelError> {
    if before == after {
        return Ok(0);
    }
    let script = match ruleset::edit(before, after) {
        Edit::Whole => return load_rules(kernel, name, after),
        Edit::Script(script) => Some(script),
        Edit::Elements(edits) => {
            kernel.spaces.note_rules(name, None)?;
            if !edit_elements(kernel, kept, name, &edits)? {
                return load_rules(kernel, name, after);
            }
            None
        }
    };
    if let Some(script) = script {
        kernel.spaces.note_rules(name, None)?;
        let run = || nft::run(&kernel.nft, &name.to_string(), &script);
        if let Err(error) = kernel.spaces.inside(name, run)? {
            tracing::warn!(%name, %error, "nft refused an edit of rules: all are loaded anew");
            return load_rules(kernel, name, after);
        }
    }
    kernel.spaces.note_rules(name, Some(&nft::hash(after)))?;
    Ok(1)
}

/// `false`, and nothing is changed, if nft must do it.
fn edit_elements(
    kernel: &Kernel,
    kept: &mut Kept,
    name: &Name,
    edits: &[ruleset::Elements],
) -> Result<bool, KernelError> {
    if kept.len() >= MOST_KEPT && !kept.contains_key(name) {
        let old = std::mem::take(kept);
        std::thread::spawn(move || drop(old));
    }
    let filters = match kept.remove(name) {
        Some(filters) => filters,
        None => kernel
            .spaces
            .inside(name, Filters::open)?
            .map_err(failed("open the rules of", name))?,
    };
    let filters = kept.entry(name.clone()).or_insert(filters);
    match filters.edit(edits) {
        Ok(edited) => Ok(edited),
        Err(error) => {
            tracing::warn!(%name, %error, "the kernel refused an edit of rules: all are loaded anew");
            Ok(false)
        }
    }
}
