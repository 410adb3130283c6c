//! Allow lists.

use serde::{Deserialize, Deserializer, Serialize};
use strait_plane::model::{self, AllowChange, ListChange, NewAllowEntry, ShownAllowLists};
use utoipa::ToSchema;

/// From which addresses a service is reached. A list that is null lets in whoever gets there, an empty one nobody.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AllowLists {
    /// The service.
    service_id: String,
    #[serde(flatten)]
    lists: Lists,
    /// Names this state of the lists, for a change that is refused if they are others by then.
    #[schema(example = "9o0UKdqT2xYyEZJk")]
    version: String,
    /// Whether packets obey the lists already.
    in_effect: bool,
    /// What one may not have meant: a list that lets in everybody, or nobody.
    warnings: Vec<String>,
    /// The operation of the last change.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_id: Option<String>,
}

/// The two lists.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AllowListsOfService)]
pub(crate) struct Lists {
    /// Who may come from the internet while the service is public; null: everybody.
    public: Option<Vec<AllowEntry>>,
    /// Who may come by the Peering VPC while the service is attached to one; null: all networks that are peered with it.
    private: Option<Vec<AllowEntry>>,
}

/// A range that a service is reached from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AllowEntry {
    /// The range.
    #[schema(example = "203.0.113.0/24")]
    cidr: String,
    /// Whose it is.
    #[schema(example = "the office")]
    description: String,
}

/// What the lists are to be. A list that is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AllowListsInput {
    /// Who may come from the internet; null: everybody, an empty list: nobody.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<AllowEntryInput>>, max_items = 50)]
    public: ListInput,
    /// Who may come by the Peering VPC; null: all networks that are peered with it, an empty list: nobody.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<AllowEntryInput>>, max_items = 50)]
    private: ListInput,
    /// The version that was seen: if the lists are others by now, nothing is changed.
    version: Option<String>,
    /// Changes the lists even if that ends sessions that are open now. Without it that is refused, and whose they are is said.
    #[serde(default)]
    force: bool,
}

/// A range, as it is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AllowEntryInput {
    /// An IPv4 range, or one address.
    #[schema(example = "203.0.113.0/24")]
    cidr: String,
    /// Whose it is, for people.
    #[serde(default)]
    #[schema(max_length = 200, example = "the office")]
    description: String,
}

/// A list, if the body has one.
#[derive(Debug, Default)]
enum ListInput {
    #[default]
    Left,
    Given(Option<Vec<AllowEntryInput>>),
}

fn given<'de, D: Deserializer<'de>>(from: D) -> Result<ListInput, D::Error> {
    Option::deserialize(from).map(ListInput::Given)
}

impl From<AllowListsInput> for AllowChange {
    fn from(input: AllowListsInput) -> Self {
        Self {
            public: input.public.into(),
            private: input.private.into(),
            version: input.version,
            force: input.force,
        }
    }
}

impl From<ListInput> for ListChange {
    fn from(input: ListInput) -> Self {
        match input {
            ListInput::Left => Self::Keep,
            ListInput::Given(None) => Self::Open,
            ListInput::Given(Some(entries)) => {
                let entries = entries.into_iter().map(|entry| NewAllowEntry {
                    cidr: entry.cidr,
                    description: entry.description,
                });
                Self::Only(entries.collect())
            }
        }
    }
}

impl From<ShownAllowLists> for AllowLists {
    fn from(shown: ShownAllowLists) -> Self {
        Self {
            service_id: shown.service_id,
            lists: shown.lists.into(),
            version: shown.version,
            in_effect: shown.in_effect,
            warnings: shown.warnings,
            operation_id: shown.operation_id,
        }
    }
}

impl From<model::AllowLists> for Lists {
    fn from(lists: model::AllowLists) -> Self {
        let shown = |list: Option<Vec<model::AllowEntry>>| {
            list.map(|list| list.into_iter().map(AllowEntry::from).collect())
        };
        Self {
            public: shown(lists.public),
            private: shown(lists.private),
        }
    }
}

impl From<model::AllowEntry> for AllowEntry {
    fn from(entry: model::AllowEntry) -> Self {
        Self {
            cidr: entry.cidr.to_string(),
            description: entry.description,
        }
    }
}
