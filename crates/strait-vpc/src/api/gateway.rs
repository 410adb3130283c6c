//! Internet gateways.

use serde::{Deserialize, Serialize};

use crate::api::answers::answers;
use crate::api::{Done, Filter, Items, Refused, TagItem, TagSpecification};

answers! {
    Done {
        /// It is done.
        AttachInternetGatewayResponse,
        /// It is done.
        DetachInternetGatewayResponse,
        /// It is done.
        DeleteInternetGatewayResponse,
    }
}

/// Makes an internet gateway.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateInternetGatewayRequest {
    /// Tags for what it makes.
    #[serde(default, rename = "TagSpecification")]
    pub tag_specifications: Vec<TagSpecification>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for CreateInternetGatewayRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Shows internet gateways.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeInternetGatewaysRequest {
    /// Which ones; all if none is named.
    #[serde(default, rename = "InternetGatewayId")]
    pub internet_gateway_ids: Vec<String>,
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

impl Refused for DescribeInternetGatewaysRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Attaches an internet gateway to a VPC.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AttachInternetGatewayRequest {
    /// The internet gateway.
    pub internet_gateway_id: String,
    /// The VPC.
    pub vpc_id: String,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for AttachInternetGatewayRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Detaches an internet gateway from its VPC.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DetachInternetGatewayRequest {
    /// The internet gateway.
    pub internet_gateway_id: String,
    /// The VPC.
    pub vpc_id: String,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for DetachInternetGatewayRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Deletes an internet gateway that is attached to nothing.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteInternetGatewayRequest {
    /// The internet gateway.
    pub internet_gateway_id: String,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for DeleteInternetGatewayRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// What CreateInternetGateway answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateInternetGatewayResponse {
    /// The internet gateway.
    pub internet_gateway: InternetGatewayItem,
}

/// What DescribeInternetGateways answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeInternetGatewaysResponse {
    /// The internet gateways.
    #[serde(rename = "internetGatewaySet")]
    pub internet_gateways: Items<InternetGatewayItem>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// An internet gateway.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InternetGatewayItem {
    /// The internet gateway.
    pub internet_gateway_id: String,
    /// Who owns it.
    pub owner_id: String,
    /// To what it is attached.
    #[serde(rename = "attachmentSet")]
    pub attachments: Items<InternetGatewayAttachmentItem>,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Items<TagItem>,
}

/// To what an internet gateway is attached.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InternetGatewayAttachmentItem {
    /// Its state.
    pub state: String,
    /// The VPC.
    pub vpc_id: String,
}
