//! What is asked about: managed prefix lists.

use serde::Deserialize;

use crate::api::requests::requests;

requests! {
    /// Makes a prefix list.
    tagged CreateManagedPrefixListRequest {
        /// Its name.
        pub prefix_list_name: String,
        /// Its first entries.
        #[serde(default, rename = "Entry")]
        pub entries: Vec<AddPrefixListEntry>,
        /// How many entries it may have.
        pub max_entries: i32,
        /// `IPv4` or `IPv6`.
        pub address_family: String,
        /// Makes repeating the call safe.
        #[serde(default)]
        pub client_token: Option<String>,
    }

    /// Shows prefix lists, the caller's and AWS's own.
    paged DescribeManagedPrefixListsRequest {
        /// Which ones; all if none is named.
        #[serde(default, rename = "PrefixListId")]
        pub prefix_list_ids: Vec<String>,
    }

    /// Shows a prefix list's entries.
    unfiltered GetManagedPrefixListEntriesRequest {
        /// The prefix list.
        pub prefix_list_id: String,
        /// Of which version; the current one if none is named.
        #[serde(default)]
        pub target_version: Option<i64>,
    }

    /// Shows what names a prefix list.
    unfiltered GetManagedPrefixListAssociationsRequest {
        /// The prefix list.
        pub prefix_list_id: String,
    }

    /// Changes a prefix list: its entries (a new version), its size, or its name.
    ModifyManagedPrefixListRequest {
        /// The prefix list.
        pub prefix_list_id: String,
        /// The version that the caller knows: the call fails if it is another by now.
        #[serde(default)]
        pub current_version: Option<i64>,
        /// Its new name.
        #[serde(default)]
        pub prefix_list_name: Option<String>,
        /// Entries to add.
        #[serde(default, rename = "AddEntry")]
        pub add_entries: Vec<AddPrefixListEntry>,
        /// Entries to take away.
        #[serde(default, rename = "RemoveEntry")]
        pub remove_entries: Vec<RemovePrefixListEntry>,
        /// How many entries it may have.
        #[serde(default)]
        pub max_entries: Option<i32>,
    }

    /// Makes the entries of an earlier version current again, as a new version.
    RestoreManagedPrefixListVersionRequest {
        /// The prefix list.
        pub prefix_list_id: String,
        /// The version whose entries come back.
        pub previous_version: i64,
        /// The version that the caller knows: the call fails if it is another by now.
        pub current_version: i64,
    }

    /// Deletes a prefix list that nothing names.
    DeleteManagedPrefixListRequest {
        /// The prefix list.
        pub prefix_list_id: String,
    }

    /// Shows AWS's services as prefix lists.
    paged DescribePrefixListsRequest {
        /// Which ones; all if none is named.
        #[serde(default, rename = "PrefixListId")]
        pub prefix_list_ids: Vec<String>,
    }
}

/// An entry to add.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AddPrefixListEntry {
    /// The block.
    pub cidr: String,
    /// A description.
    #[serde(default)]
    pub description: Option<String>,
}

/// An entry to take away.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RemovePrefixListEntry {
    /// The block.
    pub cidr: String,
}
