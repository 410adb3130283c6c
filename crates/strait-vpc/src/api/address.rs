//! Elastic IP addresses.

use serde::{Deserialize, Serialize};

use crate::api::answers::answers;
use crate::api::{Done, Filter, Items, Refused, TagItem, TagSpecification, Unsupported, given};

answers! {
    Done {
        /// It is done.
        ReleaseAddressResponse,
        /// It is done.
        DisassociateAddressResponse,
    }
}

/// Gives the account a public address to keep.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AllocateAddressRequest {
    /// `vpc`, if anything.
    #[serde(default)]
    pub domain: Option<String>,
    /// The one pool that there is: `amazon`.
    #[serde(default)]
    pub public_ipv4_pool: Option<String>,
    /// The Region, if anything.
    #[serde(default)]
    pub network_border_group: Option<String>,
    /// Tags for what it makes.
    #[serde(default, rename = "TagSpecification")]
    pub tag_specifications: Vec<TagSpecification>,
    /// Not supported.
    #[serde(default)]
    pub address: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub customer_owned_ipv4_pool: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub ipam_pool_id: Option<Unsupported>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for AllocateAddressRequest {
    fn refused(&self) -> Option<&'static str> {
        given(&[
            ("Address", self.address.is_some()),
            (
                "CustomerOwnedIpv4Pool",
                self.customer_owned_ipv4_pool.is_some(),
            ),
            ("IpamPoolId", self.ipam_pool_id.is_some()),
        ])
    }
}

/// Gives a public address back.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ReleaseAddressRequest {
    /// The address, by its id.
    #[serde(default)]
    pub allocation_id: Option<String>,
    /// The address itself.
    #[serde(default)]
    pub public_ip: Option<String>,
    /// The Region, if anything.
    #[serde(default)]
    pub network_border_group: Option<String>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for ReleaseAddressRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Makes an address the public address of an interface.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AssociateAddressRequest {
    /// The address, by its id.
    #[serde(default)]
    pub allocation_id: Option<String>,
    /// The address itself.
    #[serde(default)]
    pub public_ip: Option<String>,
    /// The instance whose only interface is meant.
    #[serde(default)]
    pub instance_id: Option<String>,
    /// The interface.
    #[serde(default)]
    pub network_interface_id: Option<String>,
    /// The interface's private address.
    #[serde(default)]
    pub private_ip_address: Option<String>,
    /// Whether the address may leave another interface for it; it may unless this says no.
    #[serde(default)]
    pub allow_reassociation: Option<bool>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for AssociateAddressRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Takes an address from its interface.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DisassociateAddressRequest {
    /// The association.
    #[serde(default)]
    pub association_id: Option<String>,
    /// The address itself.
    #[serde(default)]
    pub public_ip: Option<String>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for DisassociateAddressRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Shows the account's addresses.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeAddressesRequest {
    /// Which ones, by id.
    #[serde(default, rename = "AllocationId")]
    pub allocation_ids: Vec<String>,
    /// Which ones, by address.
    #[serde(default, rename = "PublicIp")]
    pub public_ips: Vec<String>,
    /// What to show.
    #[serde(default, rename = "Filter")]
    pub filters: Vec<Filter>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for DescribeAddressesRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Shows which names the addresses lead back to: none has any here.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeAddressesAttributeRequest {
    /// Which ones; all if none is named.
    #[serde(default, rename = "AllocationId")]
    pub allocation_ids: Vec<String>,
    /// `domain-name`.
    #[serde(default)]
    pub attribute: Option<String>,
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

impl Refused for DescribeAddressesAttributeRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// What AllocateAddress answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AllocateAddressResponse {
    /// The address.
    pub public_ip: String,
    /// Its id.
    pub allocation_id: String,
    /// Whose pool it is from.
    pub public_ipv4_pool: String,
    /// The Region.
    pub network_border_group: String,
    /// Always `vpc`.
    pub domain: String,
}

/// What AssociateAddress answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssociateAddressResponse {
    /// The association.
    pub association_id: String,
}

/// What DescribeAddresses answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeAddressesResponse {
    /// The addresses.
    #[serde(rename = "addressesSet")]
    pub addresses: Items<AddressItem>,
}

/// An Elastic IP address.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AddressItem {
    /// The address.
    pub public_ip: String,
    /// Its id.
    pub allocation_id: String,
    /// Always `vpc`.
    pub domain: String,
    /// Whose pool it is from.
    pub public_ipv4_pool: String,
    /// The Region.
    pub network_border_group: String,
    /// The association.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub association_id: Option<String>,
    /// The instance that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// The interface that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_interface_id: Option<String>,
    /// The interface's owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_interface_owner_id: Option<String>,
    /// The interface's private address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_ip_address: Option<String>,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Items<TagItem>,
}

/// What DescribeAddressesAttribute answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeAddressesAttributeResponse {
    /// The addresses.
    #[serde(rename = "addressSet")]
    pub addresses: Items<AddressAttributeItem>,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// An address that no name leads back to.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AddressAttributeItem {
    /// The address.
    pub public_ip: String,
    /// Its id.
    pub allocation_id: String,
}
