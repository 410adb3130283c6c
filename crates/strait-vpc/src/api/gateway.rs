//! Internet gateways.

use serde::Serialize;

use crate::api::answers::answers;
use crate::api::requests::requests;
use crate::api::{Done, Items, TagItem};

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

requests! {
    /// Makes an internet gateway.
    tagged CreateInternetGatewayRequest {}

    /// Shows internet gateways.
    paged DescribeInternetGatewaysRequest {
        /// Which ones; all if none is named.
        #[serde(default, rename = "InternetGatewayId")]
        pub internet_gateway_ids: Vec<String>,
    }

    /// Attaches an internet gateway to a VPC.
    AttachInternetGatewayRequest,
    /// Detaches an internet gateway from its VPC.
    DetachInternetGatewayRequest {
        /// The internet gateway.
        pub internet_gateway_id: String,
        /// The VPC.
        pub vpc_id: String,
    }

    /// Deletes an internet gateway that is attached to nothing.
    DeleteInternetGatewayRequest {
        /// The internet gateway.
        pub internet_gateway_id: String,
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
