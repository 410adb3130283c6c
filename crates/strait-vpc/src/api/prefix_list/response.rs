//! What is answered about: managed prefix lists.

use serde::Serialize;

use crate::api::{Items, TagItem};

macro_rules! one_list {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            /// The prefix list as it is now.
            pub prefix_list: ManagedPrefixListItem,
        }
    )*};
}

one_list! {
    /// What CreateManagedPrefixList answers.
    CreateManagedPrefixListResponse
    /// What ModifyManagedPrefixList answers.
    ModifyManagedPrefixListResponse
    /// What RestoreManagedPrefixListVersion answers.
    RestoreManagedPrefixListVersionResponse
    /// What DeleteManagedPrefixList answers.
    DeleteManagedPrefixListResponse
}

/// What DescribeManagedPrefixLists answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeManagedPrefixListsResponse {
    /// The prefix lists.
    #[serde(rename = "prefixListSet")]
    pub prefix_lists: Items<ManagedPrefixListItem>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// What GetManagedPrefixListEntries answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetManagedPrefixListEntriesResponse {
    /// The entries.
    #[serde(rename = "entrySet")]
    pub entries: Items<PrefixListEntryItem>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// What GetManagedPrefixListAssociations answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetManagedPrefixListAssociationsResponse {
    /// What names the prefix list.
    #[serde(rename = "prefixListAssociationSet")]
    pub prefix_list_associations: Items<PrefixListAssociationItem>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// What DescribePrefixLists answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribePrefixListsResponse {
    /// AWS's services.
    #[serde(rename = "prefixListSet")]
    pub prefix_lists: Items<PrefixListItem>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A prefix list.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagedPrefixListItem {
    /// The prefix list.
    pub prefix_list_id: String,
    /// `IPv4` or `IPv6`.
    pub address_family: String,
    /// Its state.
    pub state: String,
    /// Why it is in that state, where there is something to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_message: Option<String>,
    /// Its ARN.
    pub prefix_list_arn: String,
    /// Its name.
    pub prefix_list_name: String,
    /// How many entries it may have; AWS's own do not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_entries: Option<u32>,
    /// Its version; AWS's own have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Items<TagItem>,
    /// Who owns it: an account, or `AWS`.
    pub owner_id: String,
}

/// An entry of a prefix list.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PrefixListEntryItem {
    /// The block.
    pub cidr: String,
    /// A description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What names a prefix list.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PrefixListAssociationItem {
    /// A security group or a route table.
    pub resource_id: String,
    /// Who owns it.
    pub resource_owner: String,
}

/// A service of AWS's as a prefix list.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PrefixListItem {
    /// Its blocks.
    #[serde(rename = "cidrSet")]
    pub cidrs: Items<String>,
    /// The prefix list.
    pub prefix_list_id: String,
    /// Its name.
    pub prefix_list_name: String,
}
