//! Elastic IP addresses.

use serde::Serialize;

use crate::api::answers::answers;
use crate::api::requests::requests;
use crate::api::{Done, Filter, Items, TagItem};

answers! {
    Done {
        /// It is done.
        ReleaseAddressResponse,
        /// It is done.
        DisassociateAddressResponse,
    }
}

requests! {
    /// Gives the account a public address to keep.
    tagged AllocateAddressRequest {
        /// `vpc`, if anything.
        #[serde(default)]
        pub domain: Option<String>,
        /// The one pool that there is: `amazon`.
        #[serde(default)]
        pub public_ipv4_pool: Option<String>,
        /// The Region, if anything.
        #[serde(default)]
        pub network_border_group: Option<String>,
    }

    /// Gives a public address back.
    ReleaseAddressRequest {
        /// The address, by its id.
        #[serde(default)]
        pub allocation_id: Option<String>,
        /// The address itself.
        #[serde(default)]
        pub public_ip: Option<String>,
        /// The Region, if anything.
        #[serde(default)]
        pub network_border_group: Option<String>,
    }

    /// Makes an address the public address of an interface.
    AssociateAddressRequest {
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
    }

    /// Takes an address from its interface.
    DisassociateAddressRequest {
        /// The association.
        #[serde(default)]
        pub association_id: Option<String>,
        /// The address itself.
        #[serde(default)]
        pub public_ip: Option<String>,
    }

    /// Shows the account's addresses.
    DescribeAddressesRequest {
        /// Which ones, by id.
        #[serde(default, rename = "AllocationId")]
        pub allocation_ids: Vec<String>,
        /// Which ones, by address.
        #[serde(default, rename = "PublicIp")]
        pub public_ips: Vec<String>,
        /// What to show.
        #[serde(default, rename = "Filter")]
        pub filters: Vec<Filter>,
    }

    /// Shows which names the addresses lead back to: none has any here.
    unfiltered DescribeAddressesAttributeRequest {
        /// Which ones; all if none is named.
        #[serde(default, rename = "AllocationId")]
        pub allocation_ids: Vec<String>,
        /// `domain-name`.
        #[serde(default)]
        pub attribute: Option<String>,
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
