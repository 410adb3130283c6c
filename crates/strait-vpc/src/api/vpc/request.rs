//! What is asked about: VPCs and their CIDR blocks.

use serde::Deserialize;

use crate::api::requests::requests;

requests! {
    /// Makes a VPC.
    tagged CreateVpcRequest {
        /// The CIDR block.
        #[serde(default)]
        pub cidr_block: Option<String>,
        /// `default` or `dedicated`.
        #[serde(default)]
        pub instance_tenancy: Option<String>,
        /// Whether it gets an IPv6 block of Amazon's, a /56.
        #[serde(default)]
        pub amazon_provided_ipv6_cidr_block: Option<bool>,
    }

    /// Makes the Region's default VPC anew.
    CreateDefaultVpcRequest {}

    /// Shows VPCs.
    paged DescribeVpcsRequest {
        /// Which ones; all if none is named.
        #[serde(default, rename = "VpcId")]
        pub vpc_ids: Vec<String>,
    }

    /// Deletes a VPC that nothing is left in.
    DeleteVpcRequest {
        /// The VPC.
        pub vpc_id: String,
    }

    /// Changes one attribute of a VPC.
    ModifyVpcAttributeRequest {
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
    }

    /// Shows one attribute of a VPC.
    DescribeVpcAttributeRequest {
        /// The VPC.
        pub vpc_id: String,
        /// Which attribute.
        pub attribute: String,
    }

    /// Adds a block to a VPC.
    AssociateVpcCidrBlockRequest {
        /// The VPC.
        pub vpc_id: String,
        /// The CIDR block.
        #[serde(default)]
        pub cidr_block: Option<String>,
        /// Whether it gets an IPv6 block of Amazon's, a /56.
        #[serde(default)]
        pub amazon_provided_ipv6_cidr_block: Option<bool>,
    }

    /// Takes a block away from a VPC.
    DisassociateVpcCidrBlockRequest {
        /// The association.
        pub association_id: String,
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
