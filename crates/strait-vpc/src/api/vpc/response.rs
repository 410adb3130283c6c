//! What is answered about: VPCs and their CIDR blocks.

use serde::Serialize;

use crate::api::answers::answers;
use crate::api::{Done, Items, TagItem};

answers! {
    Done {
        /// It is done.
        DeleteVpcResponse,
        /// It is done.
        ModifyVpcAttributeResponse,
    }
}

/// What CreateVpc answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateVpcResponse {
    /// The VPC.
    pub vpc: VpcItem,
}

/// What CreateDefaultVpc answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateDefaultVpcResponse {
    /// The VPC.
    pub vpc: VpcItem,
}

/// What DescribeVpcs answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeVpcsResponse {
    /// The VPCs.
    #[serde(rename = "vpcSet")]
    pub vpcs: Items<VpcItem>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// What DescribeVpcAttribute answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeVpcAttributeResponse {
    /// The VPC.
    pub vpc_id: String,
    /// Whether the VPC's resolver answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_dns_support: Option<AttributeBooleanValueItem>,
    /// Whether instances have DNS names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_dns_hostnames: Option<AttributeBooleanValueItem>,
    /// Whether the use of addresses is measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_network_address_usage_metrics: Option<AttributeBooleanValueItem>,
}

/// What AssociateVpcCidrBlock answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssociateVpcCidrBlockResponse {
    /// The VPC.
    pub vpc_id: String,
    /// The block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr_block_association: Option<VpcCidrBlockAssociationItem>,
    /// The IPv6 block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6_cidr_block_association: Option<VpcIpv6CidrBlockAssociationItem>,
}

/// What DisassociateVpcCidrBlock answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DisassociateVpcCidrBlockResponse {
    /// The VPC.
    pub vpc_id: String,
    /// The block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr_block_association: Option<VpcCidrBlockAssociationItem>,
    /// The IPv6 block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6_cidr_block_association: Option<VpcIpv6CidrBlockAssociationItem>,
}

/// A VPC.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VpcItem {
    /// The VPC.
    pub vpc_id: String,
    /// Who owns it.
    pub owner_id: String,
    /// Its state.
    pub state: String,
    /// The CIDR block.
    pub cidr_block: String,
    /// All its blocks; the first is the primary one.
    pub cidr_block_association_set: Items<VpcCidrBlockAssociationItem>,
    /// Its IPv6 blocks.
    pub ipv6_cidr_block_association_set: Items<VpcIpv6CidrBlockAssociationItem>,
    /// The DHCP options set.
    pub dhcp_options_id: String,
    /// `default` or `dedicated`.
    pub instance_tenancy: String,
    /// Whether it is the default one.
    pub is_default: bool,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Items<TagItem>,
}

/// Whether an attribute is set.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttributeBooleanValueItem {
    /// The value.
    pub value: bool,
}

/// A block of a VPC.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VpcCidrBlockAssociationItem {
    /// The association.
    pub association_id: String,
    /// The CIDR block.
    pub cidr_block: String,
    /// The block's state.
    pub cidr_block_state: VpcCidrBlockStateItem,
}

/// An IPv6 block of a VPC.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VpcIpv6CidrBlockAssociationItem {
    /// The association.
    pub association_id: String,
    /// The IPv6 block.
    pub ipv6_cidr_block: String,
    /// The block's state.
    pub ipv6_cidr_block_state: VpcCidrBlockStateItem,
    /// The Region.
    pub network_border_group: String,
    /// `Amazon`.
    pub ipv6_pool: &'static str,
    /// `public`.
    pub ipv6_address_attribute: &'static str,
    /// `amazon`.
    pub ip_source: &'static str,
}

/// The state of a block.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VpcCidrBlockStateItem {
    /// Its state.
    pub state: String,
    /// More about the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_message: Option<String>,
}
