//! Subnets.

use serde::Serialize;

use crate::api::answers::answers;
use crate::api::requests::requests;
use crate::api::{AttributeBooleanValue, Done, Items, TagItem, VpcCidrBlockStateItem};

answers! {
    Done {
        /// It is done.
        DeleteSubnetResponse,
        /// It is done.
        ModifySubnetAttributeResponse,
    }
}

requests! {
    /// Makes a subnet.
    tagged CreateSubnetRequest {
        /// The VPC.
        pub vpc_id: String,
        /// The CIDR block.
        #[serde(default)]
        pub cidr_block: Option<String>,
        /// The zone's name.
        #[serde(default)]
        pub availability_zone: Option<String>,
        /// The zone's id.
        #[serde(default)]
        pub availability_zone_id: Option<String>,
        /// An IPv6 block of the VPC's.
        #[serde(default)]
        pub ipv6_cidr_block: Option<String>,
        /// Whether it is IPv6-only: it has no IPv4 block.
        #[serde(default)]
        pub ipv6_native: Option<bool>,
    }

    /// Shows subnets.
    paged DescribeSubnetsRequest {
        /// Which ones; all if none is named.
        #[serde(default, rename = "SubnetId")]
        pub subnet_ids: Vec<String>,
    }

    /// Deletes a subnet that no interface is in.
    DeleteSubnetRequest {
        /// The subnet.
        pub subnet_id: String,
    }

    /// Gives a subnet an IPv6 block.
    AssociateSubnetCidrBlockRequest {
        /// The subnet.
        pub subnet_id: String,
        /// An IPv6 block of the VPC's.
        #[serde(default)]
        pub ipv6_cidr_block: Option<String>,
    }

    /// Takes a subnet's IPv6 block away.
    DisassociateSubnetCidrBlockRequest {
        /// The association.
        pub association_id: String,
    }

    /// Changes one attribute of a subnet.
    ModifySubnetAttributeRequest {
        /// The subnet.
        pub subnet_id: String,
        /// Whether instances in it get a public address.
        #[serde(default)]
        pub map_public_ip_on_launch: Option<AttributeBooleanValue>,
        /// Whether interfaces in it get an IPv6 address: not supported, but that they get none.
        #[serde(default)]
        pub assign_ipv6_address_on_creation: Option<AttributeBooleanValue>,
        /// Whether instances in it have names by their ids.
        #[serde(default)]
        pub enable_resource_name_dns_a_record_on_launch: Option<AttributeBooleanValue>,
    }
}

/// What CreateSubnet answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateSubnetResponse {
    /// The subnet.
    pub subnet: SubnetItem,
}

/// What DescribeSubnets answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeSubnetsResponse {
    /// The subnets.
    #[serde(rename = "subnetSet")]
    pub subnets: Items<SubnetItem>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A subnet.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubnetItem {
    /// The subnet.
    pub subnet_id: String,
    /// Its ARN.
    pub subnet_arn: String,
    /// The VPC.
    pub vpc_id: String,
    /// Who owns it.
    pub owner_id: String,
    /// Its state.
    pub state: String,
    /// The CIDR block; an IPv6-only subnet has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr_block: Option<String>,
    /// The zone's name.
    pub availability_zone: String,
    /// The zone's id.
    pub availability_zone_id: String,
    /// How many addresses are free.
    pub available_ip_address_count: i32,
    /// Whether it is the zone's default subnet.
    pub default_for_az: bool,
    /// Whether instances in it get a public address.
    pub map_public_ip_on_launch: bool,
    /// Always false.
    pub map_customer_owned_ip_on_launch: bool,
    /// Whether its interfaces would get IPv6 addresses: it is IPv6-only, and has none.
    pub assign_ipv6_address_on_creation: bool,
    /// Its IPv6 block.
    pub ipv6_cidr_block_association_set: Items<SubnetIpv6CidrBlockAssociationItem>,
    /// Always false.
    pub enable_dns64: bool,
    /// Whether it is IPv6-only.
    pub ipv6_native: bool,
    /// How instances in it are named.
    pub private_dns_name_options_on_launch: PrivateDnsNameOptionsOnLaunchItem,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Items<TagItem>,
}

/// What AssociateSubnetCidrBlock answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssociateSubnetCidrBlockResponse {
    /// The subnet.
    pub subnet_id: String,
    /// The IPv6 block.
    pub ipv6_cidr_block_association: SubnetIpv6CidrBlockAssociationItem,
}

/// What DisassociateSubnetCidrBlock answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DisassociateSubnetCidrBlockResponse {
    /// The subnet.
    pub subnet_id: String,
    /// The IPv6 block.
    pub ipv6_cidr_block_association: SubnetIpv6CidrBlockAssociationItem,
}

/// The IPv6 block of a subnet.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubnetIpv6CidrBlockAssociationItem {
    /// The association.
    pub association_id: String,
    /// The IPv6 block.
    pub ipv6_cidr_block: String,
    /// The block's state.
    pub ipv6_cidr_block_state: VpcCidrBlockStateItem,
    /// `public`.
    pub ipv6_address_attribute: &'static str,
    /// `amazon`.
    pub ip_source: &'static str,
}

/// How instances in a subnet are named.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PrivateDnsNameOptionsOnLaunchItem {
    /// `ip-name`.
    pub hostname_type: String,
    /// Whether they have names by their ids.
    pub enable_resource_name_dns_a_record: bool,
    /// Always false.
    #[serde(rename = "enableResourceNameDnsAAAARecord")]
    pub enable_resource_name_dns_aaaa_record: bool,
}
