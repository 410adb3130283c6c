//! What is asked about: VPCs and their CIDR blocks.

use serde::Deserialize;

use crate::api::{Filter, Refused, TagSpecification, Unsupported, given};

/// Makes a VPC.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateVpcRequest {
    /// The CIDR block.
    #[serde(default)]
    pub cidr_block: Option<String>,
    /// `default` or `dedicated`.
    #[serde(default)]
    pub instance_tenancy: Option<String>,
    /// Tags for what it makes.
    #[serde(default, rename = "TagSpecification")]
    pub tag_specifications: Vec<TagSpecification>,
    /// Not supported.
    #[serde(default)]
    pub ipv6_pool: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub ipv6_cidr_block: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub ipv4_ipam_pool_id: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub ipv4_netmask_length: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub ipv6_ipam_pool_id: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub ipv6_netmask_length: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub ipv6_cidr_block_network_border_group: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub vpc_encryption_control: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub amazon_provided_ipv6_cidr_block: Option<bool>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for CreateVpcRequest {
    fn refused(&self) -> Option<&'static str> {
        given(&[
            ("Ipv6Pool", self.ipv6_pool.is_some()),
            ("Ipv6CidrBlock", self.ipv6_cidr_block.is_some()),
            ("Ipv4IpamPoolId", self.ipv4_ipam_pool_id.is_some()),
            ("Ipv4NetmaskLength", self.ipv4_netmask_length.is_some()),
            ("Ipv6IpamPoolId", self.ipv6_ipam_pool_id.is_some()),
            ("Ipv6NetmaskLength", self.ipv6_netmask_length.is_some()),
            (
                "Ipv6CidrBlockNetworkBorderGroup",
                self.ipv6_cidr_block_network_border_group.is_some(),
            ),
            (
                "VpcEncryptionControl",
                self.vpc_encryption_control.is_some(),
            ),
            (
                "AmazonProvidedIpv6CidrBlock",
                self.amazon_provided_ipv6_cidr_block == Some(true),
            ),
        ])
    }
}

/// Makes the Region's default VPC anew.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateDefaultVpcRequest {
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for CreateDefaultVpcRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Shows VPCs.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeVpcsRequest {
    /// Which ones; all if none is named.
    #[serde(default, rename = "VpcId")]
    pub vpc_ids: Vec<String>,
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

impl Refused for DescribeVpcsRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Deletes a VPC that nothing is left in.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteVpcRequest {
    /// The VPC.
    pub vpc_id: String,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for DeleteVpcRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Changes one attribute of a VPC.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ModifyVpcAttributeRequest {
    /// The VPC.
    pub vpc_id: String,
    /// Whether the VPC's resolver answers.
    #[serde(default)]
    pub enable_dns_support: Option<AttributeBooleanValue>,
    /// Whether instances have DNS names.
    #[serde(default)]
    pub enable_dns_hostnames: Option<AttributeBooleanValue>,
    /// Whether the use of addresses is measured.
    #[serde(default)]
    pub enable_network_address_usage_metrics: Option<AttributeBooleanValue>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for ModifyVpcAttributeRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Shows one attribute of a VPC.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeVpcAttributeRequest {
    /// The VPC.
    pub vpc_id: String,
    /// Which attribute.
    pub attribute: String,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for DescribeVpcAttributeRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Adds a block to a VPC.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AssociateVpcCidrBlockRequest {
    /// The VPC.
    pub vpc_id: String,
    /// The CIDR block.
    #[serde(default)]
    pub cidr_block: Option<String>,
    /// Not supported.
    #[serde(default)]
    pub ipv6_cidr_block_network_border_group: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub ipv6_pool: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub ipv6_cidr_block: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub ipv4_ipam_pool_id: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub ipv4_netmask_length: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub ipv6_ipam_pool_id: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub ipv6_netmask_length: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub amazon_provided_ipv6_cidr_block: Option<bool>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for AssociateVpcCidrBlockRequest {
    fn refused(&self) -> Option<&'static str> {
        given(&[
            (
                "Ipv6CidrBlockNetworkBorderGroup",
                self.ipv6_cidr_block_network_border_group.is_some(),
            ),
            ("Ipv6Pool", self.ipv6_pool.is_some()),
            ("Ipv6CidrBlock", self.ipv6_cidr_block.is_some()),
            ("Ipv4IpamPoolId", self.ipv4_ipam_pool_id.is_some()),
            ("Ipv4NetmaskLength", self.ipv4_netmask_length.is_some()),
            ("Ipv6IpamPoolId", self.ipv6_ipam_pool_id.is_some()),
            ("Ipv6NetmaskLength", self.ipv6_netmask_length.is_some()),
            (
                "AmazonProvidedIpv6CidrBlock",
                self.amazon_provided_ipv6_cidr_block == Some(true),
            ),
        ])
    }
}

/// Takes a block away from a VPC.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DisassociateVpcCidrBlockRequest {
    /// The association.
    pub association_id: String,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for DisassociateVpcCidrBlockRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// A value that can be set to true or false.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AttributeBooleanValue {
    /// The value.
    #[serde(default)]
    pub value: Option<bool>,
}
