//! Tags.

use serde::Serialize;

use crate::api::answers::answers;
use crate::api::requests::requests;
use crate::api::{Done, Items, TagInput};

answers! {
    Done {
        /// It is done.
        CreateTagsResponse,
        /// It is done.
        DeleteTagsResponse,
    }
}

requests! {
    /// Sets tags of resources.
    CreateTagsRequest,
    /// Takes tags of resources away.
    DeleteTagsRequest {
        /// The resources' ids.
        #[serde(default, rename = "ResourceId")]
        pub resources: Vec<String>,
        /// The tags.
        #[serde(default, rename = "Tag")]
        pub tags: Vec<TagInput>,
    }

    /// Shows tags.
    paged DescribeTagsRequest {}
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
