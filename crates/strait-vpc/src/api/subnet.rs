//! Subnets.

use serde::{Deserialize, Serialize};

use crate::api::answers::answers;
use crate::api::{
    AttributeBooleanValue, Done, Filter, Items, Refused, TagItem, TagSpecification, Unsupported,
    given,
};

answers! {
    Done {
        /// It is done.
        DeleteSubnetResponse,
        /// It is done.
        ModifySubnetAttributeResponse,
    }
}

/// Makes a subnet.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateSubnetRequest {
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
    /// Tags for what it makes.
    #[serde(default, rename = "TagSpecification")]
    pub tag_specifications: Vec<TagSpecification>,
    /// Not supported.
    #[serde(default)]
    pub ipv6_cidr_block: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub outpost_arn: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub ipv6_native: Option<bool>,
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
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for CreateSubnetRequest {
    fn refused(&self) -> Option<&'static str> {
        given(&[
            ("OutpostArn", self.outpost_arn.is_some()),
            ("Ipv4IpamPoolId", self.ipv4_ipam_pool_id.is_some()),
            ("Ipv4NetmaskLength", self.ipv4_netmask_length.is_some()),
            ("Ipv6IpamPoolId", self.ipv6_ipam_pool_id.is_some()),
            ("Ipv6NetmaskLength", self.ipv6_netmask_length.is_some()),
        ])
    }
}

/// Shows subnets.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeSubnetsRequest {
    /// Which ones; all if none is named.
    #[serde(default, rename = "SubnetId")]
    pub subnet_ids: Vec<String>,
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

impl Refused for DescribeSubnetsRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Deletes a subnet that no interface is in.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteSubnetRequest {
    /// The subnet.
    pub subnet_id: String,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for DeleteSubnetRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Changes one attribute of a subnet.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ModifySubnetAttributeRequest {
    /// The subnet.
    pub subnet_id: String,
    /// Whether instances in it get a public address.
    #[serde(default)]
    pub map_public_ip_on_launch: Option<AttributeBooleanValue>,
    /// Not supported.
    #[serde(default)]
    pub assign_ipv6_address_on_creation: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub map_customer_owned_ip_on_launch: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub customer_owned_ipv4_pool: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub enable_dns64: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub private_dns_hostname_type_on_launch: Option<Unsupported>,
    /// Whether instances in it have names by their ids.
    #[serde(default)]
    pub enable_resource_name_dns_a_record_on_launch: Option<AttributeBooleanValue>,
    /// Not supported.
    #[serde(default, rename = "EnableResourceNameDnsAAAARecordOnLaunch")]
    pub enable_resource_name_dns_aaaa_record_on_launch: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub enable_lni_at_device_index: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub disable_lni_at_device_index: Option<Unsupported>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for ModifySubnetAttributeRequest {
    fn refused(&self) -> Option<&'static str> {
        given(&[
            (
                "AssignIpv6AddressOnCreation",
                self.assign_ipv6_address_on_creation.is_some(),
            ),
            (
                "MapCustomerOwnedIpOnLaunch",
                self.map_customer_owned_ip_on_launch.is_some(),
            ),
            (
                "CustomerOwnedIpv4Pool",
                self.customer_owned_ipv4_pool.is_some(),
            ),
            ("EnableDns64", self.enable_dns64.is_some()),
            (
                "PrivateDnsHostnameTypeOnLaunch",
                self.private_dns_hostname_type_on_launch.is_some(),
            ),
            (
                "EnableResourceNameDnsAAAARecordOnLaunch",
                self.enable_resource_name_dns_aaaa_record_on_launch
                    .is_some(),
            ),
            (
                "EnableLniAtDeviceIndex",
                self.enable_lni_at_device_index.is_some(),
            ),
            (
                "DisableLniAtDeviceIndex",
                self.disable_lni_at_device_index.is_some(),
            ),
        ])
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
    /// The CIDR block.
    pub cidr_block: String,
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
    /// Always false.
    pub assign_ipv6_address_on_creation: bool,
    /// Always empty.
    pub ipv6_cidr_block_association_set: Items<SubnetIpv6CidrBlockAssociationItem>,
    /// Always false.
    pub enable_dns64: bool,
    /// Always false.
    pub ipv6_native: bool,
    /// How instances in it are named.
    pub private_dns_name_options_on_launch: PrivateDnsNameOptionsOnLaunchItem,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Items<TagItem>,
}

/// An IPv6 block of a subnet; there is none here.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubnetIpv6CidrBlockAssociationItem {
    /// The association.
    pub association_id: String,
    /// The IPv6 block.
    pub ipv6_cidr_block: String,
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
