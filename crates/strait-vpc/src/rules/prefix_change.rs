//! Managed prefix lists: new entries, sizes and names, and earlier versions.

use std::collections::BTreeSet;

use ipnet::IpNet;

use crate::api::*;
use crate::error::AwsError;
use crate::rules::prefix_list::{self, find_own, item, kept_version};
use crate::rules::{Caller, prefix_use};
use crate::state::*;

/// How many versions are kept; the oldest goes first.
const VERSIONS: usize = 1000;

/// How many of the resources that cannot bear a new size are named.
const NAMED: usize = 10;

pub(super) fn modify(
    network: &mut Network,
    caller: &Caller,
    request: &ModifyManagedPrefixListRequest,
) -> Result<ModifyManagedPrefixListResponse, AwsError> {
    let mut list = find_own(network, caller, &request.prefix_list_id)?.clone();
    if let Some(known) = request.current_version {
        check_version(&list, known)?;
    }
    let entries = !request.add_entries.is_empty() || !request.remove_entries.is_empty();
    if entries && request.max_entries.is_some() {
        let message = "You cannot modify the entries and the maximum entries for the prefix list in the same request.";
        return Err(AwsError::new("InvalidParameterCombination", message));
    }
    if !entries && request.max_entries.is_none() && request.prefix_list_name.is_none() {
        let message =
            "The request received was invalid: it changes nothing. Give entries, a size or a name.";
        return Err(AwsError::new("InvalidRequest", message));
    }
    if let Some(name) = &request.prefix_list_name {
        prefix_list::check_name(name)?;
        list.name.clone_from(name);
    }
    list.state = PrefixListState::Modified;
    if entries {
        change_entries(&mut list, request)?;
    }
    if let Some(asked) = request.max_entries {
        resize(network, &mut list, asked)?;
    }
    let prefix_list = item(&list);
    network.prefix_lists.insert(list.id.clone(), list);
    Ok(ModifyManagedPrefixListResponse { prefix_list })
}

pub(super) fn restore(
    network: &mut Network,
    caller: &Caller,
    request: &RestoreManagedPrefixListVersionRequest,
) -> Result<RestoreManagedPrefixListVersionResponse, AwsError> {
    let mut list = find_own(network, caller, &request.prefix_list_id)?.clone();
    check_version(&list, request.current_version)?;
    let previous = kept_version(&list, request.previous_version)?;
    if previous >= list.version {
        let message = format!(
            "Value ({previous}) for parameter PreviousVersion is invalid. It must be lower than the current version, {}.",
            list.version
        );
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    let entries = list.versions.get(&previous).cloned().unwrap_or_default();
    prefix_list::check_room(entries.len(), list.max_entries)?;
    push_version(&mut list, entries);
    list.state = PrefixListState::Restored;
    let prefix_list = item(&list);
    network.prefix_lists.insert(list.id.clone(), list);
    Ok(RestoreManagedPrefixListVersionResponse { prefix_list })
}

fn check_version(list: &PrefixList, known: i64) -> Result<(), AwsError> {
    if u64::try_from(known) == Ok(list.version) {
        return Ok(());
    }
    let message = format!(
        "The prefix list '{}' has the version {}, not {known}. Look at its entries again.",
        list.id, list.version
    );
    Err(AwsError::new("PrefixListVersionMismatch", message))
}

fn change_entries(
    list: &mut PrefixList,
    request: &ModifyManagedPrefixListRequest,
) -> Result<(), AwsError> {
    prefix_list::check_count(request.remove_entries.len())?;
    let mut entries = list
        .versions
        .get(&list.version)
        .cloned()
        .unwrap_or_default();
    let blocks = request.remove_entries.iter();
    let removed: BTreeSet<IpNet> = blocks
        .map(|entry| prefix_list::block(&entry.cidr, list.family))
        .collect::<Result<_, _>>()?;
    for entry in &request.add_entries {
        let cidr = prefix_list::block(&entry.cidr, list.family)?;
        if removed.contains(&cidr) {
            let message = format!(
                "Request cannot contain Cidr {cidr} in both AddPrefixListEntries and RemovePrefixListEntries"
            );
            return Err(AwsError::new("InvalidParameterValue", message));
        }
    }
    entries.retain(|cidr, _| !removed.contains(cidr));
    prefix_list::add(&mut entries, list.family, &request.add_entries)?;
    prefix_list::check_room(entries.len(), list.max_entries)?;
    push_version(list, entries);
    Ok(())
}

fn push_version(list: &mut PrefixList, entries: std::collections::BTreeMap<IpNet, Option<String>>) {
    list.version += 1;
    list.versions.insert(list.version, entries);
    while list.versions.len() > VERSIONS {
        list.versions.pop_first();
    }
}

/// A new size, if everything that names the list can bear it. If not, the call succeeds and the change fails, as on AWS:
/// the state says so, and the size stays.
fn resize(network: &Network, list: &mut PrefixList, asked: i32) -> Result<(), AwsError> {
    let size = prefix_list::check_size(asked)?;
    prefix_list::check_room(list.entries().count(), size)?;
    let users = prefix_use::users(network, &list.id).into_iter();
    let unfit: Vec<String> = users
        .filter(|user| !prefix_use::fits(network, user, (&list.id, size)))
        .map(|user| user.id)
        .take(NAMED)
        .collect();
    if unfit.is_empty() {
        list.max_entries = size;
        return Ok(());
    }
    let why = format!(
        "The following resources do not support the new maximum size {size}: {}",
        unfit.join(", ")
    );
    list.state = PrefixListState::ModifyFailed(why);
    Ok(())
}
