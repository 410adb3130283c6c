//! Managed prefix lists: make, show, delete. <https://docs.aws.amazon.com/vpc/latest/userguide/managed-prefix-lists.html>

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::quota::{self, Quota};
use crate::rules::resource::{Resource, chosen_ids, find};
use crate::rules::{Caller, Context, check, filter, prefix_use};
use crate::state::*;

/// How long a deleted prefix list is shown.
const SHOWN_AFTER_DELETION: SignedDuration = SignedDuration::from_hours(1);

/// How many entries one call may add or take away.
const ENTRIES_PER_CALL: usize = 100;

/// A prefix list that a caller may name.
#[derive(Debug, Clone, Copy)]
pub(super) enum List<'n> {
    /// The caller's own.
    Own(&'n PrefixList),
    /// One of AWS's.
    Aws(&'static AwsPrefixList),
}

pub(super) fn create(
    network: &mut Network,
    caller: &Caller,
    request: &CreateManagedPrefixListRequest,
    context: &mut Context<'_>,
) -> Result<CreateManagedPrefixListResponse, AwsError> {
    let token = check::client_token(
        network,
        caller,
        "CreateManagedPrefixList",
        request.client_token.as_deref(),
        request,
    )?;
    if let Some(made) = &token.made {
        let prefix_list = item(find(network, caller, made)?);
        return Ok(CreateManagedPrefixListResponse { prefix_list });
    }
    check_name(&request.prefix_list_name)?;
    let family = family(&request.address_family)?;
    let max_entries = check_size(request.max_entries)?;
    let mut entries = BTreeMap::new();
    add(&mut entries, family, &request.entries)?;
    check_room(entries.len(), max_entries)?;
    let tags = check::tags_from(&request.tag_specifications, PrefixList::KIND)?;
    let owned = network
        .prefix_lists
        .values()
        .filter(|list| list.is_of(caller) && !is_deleted(list));
    quota::within(
        network,
        &caller.account,
        Quota::PrefixListsPerRegion,
        owned.count() + 1,
    )?;
    let list = PrefixList {
        id: PrefixListId::from_random((context.random)()),
        owner: caller.account.clone(),
        region: caller.region.clone(),
        name: request.prefix_list_name.clone(),
        family,
        max_entries,
        state: PrefixListState::Created,
        version: 1,
        versions: BTreeMap::from([(1, entries)]),
        tags,
    };
    let prefix_list = item(&list);
    token.remember(network, list.id.as_str());
    network.prefix_lists.insert(list.id.clone(), list);
    Ok(CreateManagedPrefixListResponse { prefix_list })
}

pub(super) fn describe(
    network: &Network,
    caller: &Caller,
    request: &DescribeManagedPrefixListsRequest,
) -> Result<DescribeManagedPrefixListsResponse, AwsError> {
    let ids = &request.prefix_list_ids;
    for id in ids {
        find_any(network, caller, id)?;
    }
    let own = network
        .prefix_lists
        .values()
        .filter(|list| list.is_of(caller));
    let all = aws_prefix_lists(&caller.region)
        .map(List::Aws)
        .chain(own.map(List::Own));
    let none = Tags::new();
    let mut shown = Vec::new();
    for list in all {
        let (item, tags) = match list {
            List::Own(own) => (item(own), &own.tags),
            List::Aws(aws) => (aws_item(aws), &none),
        };
        let values = |name: &str| match name {
            "owner-id" => Some(vec![item.owner_id.clone()]),
            "prefix-list-id" => Some(vec![item.prefix_list_id.clone()]),
            "prefix-list-name" => Some(vec![item.prefix_list_name.clone()]),
            _ => None,
        };
        if filter::matches(&request.filters, tags, values)? && chosen_ids(ids, &item.prefix_list_id)
        {
            shown.push(item);
        }
    }
    let (size, token) = (request.max_results, request.next_token.as_deref());
    let page = filter::page_of(shown, 1..=100, size, token, ids)?;
    Ok(DescribeManagedPrefixListsResponse {
        prefix_lists: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

pub(super) fn describe_aws(
    caller: &Caller,
    request: &DescribePrefixListsRequest,
) -> Result<DescribePrefixListsResponse, AwsError> {
    let ids = &request.prefix_list_ids;
    for id in ids {
        let parsed = list_id(id)?;
        if !aws_prefix_lists(&caller.region).any(|list| list.id == parsed) {
            return Err(absent(id));
        }
    }
    let mut shown = Vec::new();
    for list in aws_prefix_lists(&caller.region) {
        let values = |name: &str| match name {
            "prefix-list-id" => Some(vec![list.id.to_string()]),
            "prefix-list-name" => Some(vec![list.name.to_owned()]),
            _ => None,
        };
        if filter::matches(&request.filters, &Tags::new(), values)?
            && chosen_ids(ids, list.id.as_str())
        {
            shown.push(PrefixListItem {
                cidrs: list.entries.iter().map(ToString::to_string).collect(),
                prefix_list_id: list.id.to_string(),
                prefix_list_name: list.name.to_owned(),
            });
        }
    }
    let page = filter::page(
        shown,
        request.max_results,
        request.next_token.as_deref(),
        ids,
    )?;
    Ok(DescribePrefixListsResponse {
        prefix_lists: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

pub(super) fn entries(
    network: &Network,
    caller: &Caller,
    request: &GetManagedPrefixListEntriesRequest,
) -> Result<GetManagedPrefixListEntriesResponse, AwsError> {
    let id = &request.prefix_list_id;
    let entry = |(cidr, description): (&IpNet, &Option<String>)| PrefixListEntryItem {
        cidr: cidr.to_string(),
        description: description.clone(),
    };
    let entries: Vec<PrefixListEntryItem> = match find_any(network, caller, id)? {
        List::Own(own) => {
            let version = match request.target_version {
                Some(asked) => kept_version(own, asked)?,
                None => own.version,
            };
            let of_version = own.versions.get(&version);
            of_version.into_iter().flatten().map(entry).collect()
        }
        List::Aws(aws) => aws
            .entries
            .iter()
            .map(|cidr| entry((cidr, &None)))
            .collect(),
    };
    let (size, token) = (request.max_results, request.next_token.as_deref());
    let page = filter::page_of(entries, 1..=100, size, token, &[])?;
    Ok(GetManagedPrefixListEntriesResponse {
        entries: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

pub(super) fn associations(
    network: &Network,
    caller: &Caller,
    request: &GetManagedPrefixListAssociationsRequest,
) -> Result<GetManagedPrefixListAssociationsResponse, AwsError> {
    let list = find_own(network, caller, &request.prefix_list_id)?;
    let users: BTreeSet<PrefixListAssociationItem> = prefix_use::users(network, &list.id)
        .into_iter()
        .map(|user| PrefixListAssociationItem {
            resource_id: user.id,
            resource_owner: user.owner.to_string(),
        })
        .collect();
    let (size, token) = (request.max_results, request.next_token.as_deref());
    let page = filter::page_of(users.into_iter().collect(), 5..=255, size, token, &[])?;
    Ok(GetManagedPrefixListAssociationsResponse {
        prefix_list_associations: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

pub(super) fn delete(
    network: &mut Network,
    caller: &Caller,
    request: &DeleteManagedPrefixListRequest,
    context: &Context<'_>,
) -> Result<DeleteManagedPrefixListResponse, AwsError> {
    let mut list = find_own(network, caller, &request.prefix_list_id)?.clone();
    // AWS takes the call and fails afterwards, which the list's state then says.
    list.state = match prefix_use::users(network, &list.id).first() {
        Some(user) => PrefixListState::DeleteFailed(format!(
            "The prefix list '{}' cannot be deleted while something names it: {}.",
            list.id, user.id
        )),
        None => PrefixListState::Deleted(context.now),
    };
    let prefix_list = item(&list);
    network.prefix_lists.insert(list.id.clone(), list);
    Ok(DeleteManagedPrefixListResponse { prefix_list })
}

/// Time passes: deleted lists go.
pub(super) fn pass(network: &mut Network, now: Timestamp) {
    let gone = |list: &PrefixList| match list.state {
        PrefixListState::Deleted(at) => at + SHOWN_AFTER_DELETION <= now,
        PrefixListState::Created
        | PrefixListState::Modified
        | PrefixListState::ModifyFailed(_)
        | PrefixListState::Restored
        | PrefixListState::DeleteFailed(_) => false,
    };
    let ids: Vec<PrefixListId> = network
        .prefix_lists
        .iter()
        .filter(|(_, list)| gone(list))
        .map(|(id, _)| id.clone())
        .collect();
    for id in ids {
        network.prefix_lists.remove(&id);
    }
}

/// A list that rules and routes of the caller may name: its own, not deleted, or AWS's.
pub(super) fn find_usable(
    network: &Network,
    caller: &Caller,
    id: &str,
) -> Result<PrefixListId, AwsError> {
    match find_any(network, caller, id)? {
        List::Own(own) if is_deleted(own) => Err(absent(id)),
        List::Own(own) => Ok(own.id.clone()),
        List::Aws(aws) => Ok(aws.id.clone()),
    }
}

/// The caller's own list with this id, to change: not deleted, and not AWS's.
pub(super) fn find_own<'n>(
    network: &'n Network,
    caller: &Caller,
    id: &str,
) -> Result<&'n PrefixList, AwsError> {
    match find_any(network, caller, id)? {
        List::Own(own) if is_deleted(own) => Err(absent(id)),
        List::Own(own) => Ok(own),
        List::Aws(aws) => {
            let message = format!(
                "The prefix list '{id}' ({}) is AWS's own: it cannot be changed or deleted, and its associations are not shown.",
                aws.name
            );
            Err(AwsError::new("OperationNotPermitted", message))
        }
    }
}

/// The number of a version that is kept.
pub(super) fn kept_version(list: &PrefixList, asked: i64) -> Result<u64, AwsError> {
    let found = u64::try_from(asked)
        .ok()
        .filter(|version| list.versions.contains_key(version));
    found.ok_or_else(|| {
        let message = format!("The prefix list '{}' has no version {asked}.", list.id);
        AwsError::new("InvalidParameterValue", message)
    })
}

/// Adds entries to those that are there; none may be there already.
pub(super) fn add(
    entries: &mut BTreeMap<IpNet, Option<String>>,
    family: AddressFamily,
    added: &[AddPrefixListEntry],
) -> Result<(), AwsError> {
    check_count(added.len())?;
    let mut seen = BTreeSet::new();
    for entry in added {
        let cidr = block(&entry.cidr, family)?;
        let description = entry.description.clone().filter(|text| !text.is_empty());
        if description
            .as_ref()
            .is_some_and(|text| text.chars().count() > 255)
        {
            let message = format!("The description of {cidr} is longer than 255 characters.");
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        if !seen.insert(cidr) {
            let message = format!("Request cannot contain Cidr {cidr} twice.");
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        if entries.contains_key(&cidr) {
            let message = format!(
                "The request received was invalid: {cidr} is an entry already. To describe it anew, take it away and add it in two calls."
            );
            return Err(AwsError::new("InvalidRequest", message));
        }
        entries.insert(cidr, description);
    }
    Ok(())
}

/// Refuses more entries than one call may have.
pub(super) fn check_count(count: usize) -> Result<(), AwsError> {
    if count <= ENTRIES_PER_CALL {
        return Ok(());
    }
    let message =
        format!("The number of entries per request cannot exceeds limit ({ENTRIES_PER_CALL}).");
    Err(AwsError::new("InvalidParameterValue", message))
}

/// A block of the list's family, host bits off.
pub(super) fn block(text: &str, family: AddressFamily) -> Result<IpNet, AwsError> {
    let parsed: Option<IpNet> = text.parse().ok();
    let right = parsed.filter(|block| match (block, family) {
        (IpNet::V4(_), AddressFamily::V4) | (IpNet::V6(_), AddressFamily::V6) => true,
        (IpNet::V4(_), AddressFamily::V6) | (IpNet::V6(_), AddressFamily::V4) => false,
    });
    right.map(|block| block.trunc()).ok_or_else(|| {
        let message = format!(
            "The value ({text}) is not a CIDR block of the prefix list's address family, {}.",
            family_name(family)
        );
        AwsError::new("InvalidParameterValue", message)
    })
}

/// From 1 to 1,000 entries.
pub(super) fn check_size(asked: i32) -> Result<u32, AwsError> {
    let size = u32::try_from(asked)
        .ok()
        .filter(|size| (1..=1000).contains(size));
    size.ok_or_else(|| {
        let message = format!(
            "Value ({asked}) for parameter MaxEntries is invalid. Must specify a max size between 1 and 1000."
        );
        AwsError::new("InvalidParameterValue", message)
    })
}

/// Refuses more entries than the list may have.
pub(super) fn check_room(entries: usize, max_entries: u32) -> Result<(), AwsError> {
    if entries <= max_entries as usize {
        return Ok(());
    }
    let message =
        format!("The prefix list would have {entries} entries, and its maximum is {max_entries}.");
    Err(AwsError::new("PrefixListMaxEntriesExceeded", message))
}

/// Names have at most 255 characters and are not AWS's.
pub(super) fn check_name(name: &str) -> Result<(), AwsError> {
    if name.is_empty() {
        return Err(AwsError::missing("PrefixListName"));
    }
    if name.chars().count() > 255 || name.starts_with("com.amazonaws") {
        let message = format!(
            "Value ({name}) for parameter PrefixListName is invalid. It has at most 255 characters and does not begin with com.amazonaws."
        );
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    Ok(())
}

/// A list as its owner sees it.
pub(super) fn item(list: &PrefixList) -> ManagedPrefixListItem {
    let (state, state_message) = match &list.state {
        PrefixListState::Created => ("create-complete", None),
        PrefixListState::Modified => ("modify-complete", None),
        PrefixListState::ModifyFailed(why) => ("modify-failed", Some(why.clone())),
        PrefixListState::Restored => ("restore-complete", None),
        PrefixListState::DeleteFailed(why) => ("delete-failed", Some(why.clone())),
        PrefixListState::Deleted(_) => ("delete-complete", None),
    };
    ManagedPrefixListItem {
        prefix_list_id: list.id.to_string(),
        address_family: family_name(list.family).to_owned(),
        state: state.to_owned(),
        state_message,
        prefix_list_arn: arn(&list.region, list.owner.as_str(), &list.id),
        prefix_list_name: list.name.clone(),
        max_entries: Some(list.max_entries),
        version: Some(list.version),
        tags: tag_set(&list.tags),
        owner_id: list.owner.to_string(),
    }
}

fn aws_item(list: &AwsPrefixList) -> ManagedPrefixListItem {
    ManagedPrefixListItem {
        prefix_list_id: list.id.to_string(),
        address_family: family_name(list.family).to_owned(),
        state: "create-complete".to_owned(),
        prefix_list_arn: arn(&list.region, "aws", &list.id),
        prefix_list_name: list.name.to_owned(),
        owner_id: "AWS".to_owned(),
        ..Default::default()
    }
}

fn find_any<'n>(network: &'n Network, caller: &Caller, id: &str) -> Result<List<'n>, AwsError> {
    let parsed = list_id(id)?;
    if let Some(aws) = aws_prefix_lists(&caller.region).find(|list| list.id == parsed) {
        return Ok(List::Aws(aws));
    }
    let own = network.prefix_lists.get(&parsed);
    own.filter(|list| list.is_of(caller))
        .map(List::Own)
        .ok_or_else(|| absent(id))
}

fn list_id(id: &str) -> Result<PrefixListId, AwsError> {
    id.parse()
        .map_err(|why: MalformedId| AwsError::new(PrefixList::MALFORMED, why.to_string()))
}

fn absent(id: &str) -> AwsError {
    let message = format!("The prefix list ID '{id}' does not exist");
    AwsError::new(PrefixList::NOT_FOUND, message)
}

fn is_deleted(list: &PrefixList) -> bool {
    matches!(list.state, PrefixListState::Deleted(_))
}

fn family(asked: &str) -> Result<AddressFamily, AwsError> {
    match asked {
        "IPv4" => Ok(AddressFamily::V4),
        "IPv6" => Ok(AddressFamily::V6),
        other => {
            let message = format!(
                "Value ({other}) for parameter AddressFamily is invalid. Use IPv4 or IPv6."
            );
            Err(AwsError::new("InvalidParameterValue", message))
        }
    }
}

fn family_name(family: AddressFamily) -> &'static str {
    match family {
        AddressFamily::V4 => "IPv4",
        AddressFamily::V6 => "IPv6",
    }
}

fn arn(region: &Region, owner: &str, id: &PrefixListId) -> String {
    format!("arn:aws:ec2:{region}:{owner}:prefix-list/{id}")
}
