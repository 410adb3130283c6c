//! Tags.

use serde::{Deserialize, Serialize};

use crate::api::answers::answers;
use crate::api::{Done, Filter, Items, Refused, TagInput};

answers! {
    Done {
        /// It is done.
        CreateTagsResponse,
        /// It is done.
        DeleteTagsResponse,
    }
}

/// Sets tags of resources.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateTagsRequest {
    /// The resources' ids.
    #[serde(default, rename = "ResourceId")]
    pub resources: Vec<String>,
    /// The tags.
    #[serde(default, rename = "Tag")]
    pub tags: Vec<TagInput>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for CreateTagsRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Takes tags of resources away.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteTagsRequest {
    /// The resources' ids.
    #[serde(default, rename = "ResourceId")]
    pub resources: Vec<String>,
    /// The tags.
    #[serde(default, rename = "Tag")]
    pub tags: Vec<TagInput>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for DeleteTagsRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Shows tags.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeTagsRequest {
    /// What to show.
    #[serde(default, rename = "Filter")]
    pub filters: Vec<Filter>,
    /// How many at most.
    #[serde(default)]
    pub max_results: Option<u32>,
    /// Where the last page ended.
    #[serde(default)]
    pub next_token: Option<String>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for DescribeTagsRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// What DescribeTags answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeTagsResponse {
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Items<TagDescriptionItem>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A tag with what it is on.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TagDescriptionItem {
    /// What it is on.
    pub resource_id: String,
    /// What kind of resource that is.
    pub resource_type: String,
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}
