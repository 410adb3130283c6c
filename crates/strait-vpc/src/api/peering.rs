//! VPC peering connections.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::api::requests::requests;
use crate::api::{Items, TagItem};

requests! {
    /// Asks for a peering connection.
    tagged CreateVpcPeeringConnectionRequest {
        /// The VPC.
        pub vpc_id: String,
        /// The VPC that is asked.
        #[serde(default)]
        pub peer_vpc_id: Option<String>,
        /// The account that is asked; the caller's own if none is named.
        #[serde(default)]
        pub peer_owner_id: Option<String>,
        /// The Region of the VPC that is asked; the caller's own if none is named.
        #[serde(default)]
        pub peer_region: Option<String>,
    }

    /// Shows peering connections.
    paged DescribeVpcPeeringConnectionsRequest {
        /// Which ones; all if none is named.
        #[serde(default, rename = "VpcPeeringConnectionId")]
        pub vpc_peering_connection_ids: Vec<String>,
    }

    /// Accepts a peering connection.
    AcceptVpcPeeringConnectionRequest {
        /// The peering connection.
        pub vpc_peering_connection_id: String,
    }

    /// Rejects a peering connection.
    RejectVpcPeeringConnectionRequest {
        /// The peering connection.
        pub vpc_peering_connection_id: String,
    }

    /// Deletes a peering connection.
    DeleteVpcPeeringConnectionRequest {
        /// The peering connection.
        pub vpc_peering_connection_id: String,
    }

    /// Changes options of a peering connection.
    ModifyVpcPeeringConnectionOptionsRequest {
        /// The peering connection.
        pub vpc_peering_connection_id: String,
        /// Options of the side that asked.
        #[serde(default)]
        pub requester_peering_connection_options: Option<PeeringConnectionOptionsRequest>,
        /// Options of the side that was asked.
        #[serde(default)]
        pub accepter_peering_connection_options: Option<PeeringConnectionOptionsRequest>,
    }
}

/// Options of one side.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PeeringConnectionOptionsRequest {
    /// Whether the peer's queries for this side's names get private addresses.
    #[serde(default)]
    pub allow_dns_resolution_from_remote_vpc: Option<bool>,
    /// ClassicLink is gone: always false.
    #[serde(default)]
    pub allow_egress_from_local_classic_link_to_remote_vpc: Option<bool>,
    /// ClassicLink is gone: always false.
    #[serde(default)]
    pub allow_egress_from_local_vpc_to_remote_classic_link: Option<bool>,
}

/// What CreateVpcPeeringConnection answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateVpcPeeringConnectionResponse {
    /// The peering connection.
    pub vpc_peering_connection: VpcPeeringConnectionItem,
}

/// What DescribeVpcPeeringConnections answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeVpcPeeringConnectionsResponse {
    /// The peering connections.
    #[serde(rename = "vpcPeeringConnectionSet")]
    pub vpc_peering_connections: Items<VpcPeeringConnectionItem>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// What AcceptVpcPeeringConnection answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AcceptVpcPeeringConnectionResponse {
    /// The peering connection.
    pub vpc_peering_connection: VpcPeeringConnectionItem,
}

/// What RejectVpcPeeringConnection answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RejectVpcPeeringConnectionResponse {
    /// Always true: a failure is an error.
    #[serde(rename = "return")]
    pub done: bool,
}

/// What DeleteVpcPeeringConnection answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteVpcPeeringConnectionResponse {
    /// Always true: a failure is an error.
    #[serde(rename = "return")]
    pub done: bool,
}

/// What ModifyVpcPeeringConnectionOptions answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModifyVpcPeeringConnectionOptionsResponse {
    /// Options of the side that asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requester_peering_connection_options: Option<PeeringConnectionOptionsItem>,
    /// Options of the side that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepter_peering_connection_options: Option<PeeringConnectionOptionsItem>,
}

/// A peering connection.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VpcPeeringConnectionItem {
    /// The peering connection.
    pub vpc_peering_connection_id: String,
    /// Who asked.
    pub requester_vpc_info: VpcPeeringConnectionVpcInfoItem,
    /// Who is asked.
    pub accepter_vpc_info: VpcPeeringConnectionVpcInfoItem,
    /// Its state.
    pub status: VpcPeeringConnectionStateReasonItem,
    /// When a pending request expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "crate::api::common::to_millisecond_if_some")]
    pub expiration_time: Option<Timestamp>,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Items<TagItem>,
}

/// One side's options.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PeeringConnectionOptionsItem {
    /// Whether the peer's queries for this side's names get private addresses.
    pub allow_dns_resolution_from_remote_vpc: bool,
    /// ClassicLink is gone: always false.
    pub allow_egress_from_local_classic_link_to_remote_vpc: bool,
    /// ClassicLink is gone: always false.
    pub allow_egress_from_local_vpc_to_remote_classic_link: bool,
}

/// One side of a peering connection.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VpcPeeringConnectionVpcInfoItem {
    /// Who owns it.
    pub owner_id: String,
    /// The VPC.
    pub vpc_id: String,
    /// Its Region.
    pub region: String,
    /// The CIDR block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr_block: Option<String>,
    /// All its blocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr_block_set: Option<Items<CidrBlockItem>>,
    /// All its IPv6 blocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6_cidr_block_set: Option<Items<Ipv6CidrBlockItem>>,
    /// Its options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peering_options: Option<VpcPeeringConnectionOptionsDescriptionItem>,
}

/// The state of a peering connection.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VpcPeeringConnectionStateReasonItem {
    /// The code.
    pub code: String,
    /// What it is about.
    pub message: String,
}

/// A CIDR block.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CidrBlockItem {
    /// The CIDR block.
    pub cidr_block: String,
}

/// An IPv6 block.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ipv6CidrBlockItem {
    /// The IPv6 block.
    pub ipv6_cidr_block: String,
}

/// One side's options.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VpcPeeringConnectionOptionsDescriptionItem {
    /// Whether the peer's queries for this side's names get private addresses.
    pub allow_dns_resolution_from_remote_vpc: bool,
    /// ClassicLink is gone: always false.
    pub allow_egress_from_local_classic_link_to_remote_vpc: bool,
    /// ClassicLink is gone: always false.
    pub allow_egress_from_local_vpc_to_remote_classic_link: bool,
}
