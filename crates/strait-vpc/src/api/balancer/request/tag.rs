//! What is asked about: tags; attributes of all three.

use serde::{Deserialize, Serialize};

use crate::api::TagInput;
use crate::api::requests::balancer_requests;

balancer_requests! {
    /// Sets tags of load balancers, target groups and listeners.
    AddTagsRequest {
        /// The load balancers, target groups or listeners.
        pub resource_arns: Vec<String>,
        /// The tags.
        pub tags: Vec<TagInput>,
    }

    /// Takes tags from load balancers, target groups and listeners.
    RemoveTagsRequest {
        /// The load balancers, target groups or listeners.
        pub resource_arns: Vec<String>,
        /// The tags' keys.
        pub tag_keys: Vec<String>,
    }

    /// Shows tags of load balancers, target groups and listeners.
    DescribeBalancerTagsRequest {
        /// The load balancers, target groups or listeners.
        pub resource_arns: Vec<String>,
    }
}

/// An attribute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Attribute {
    /// Its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}
