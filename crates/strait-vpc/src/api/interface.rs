//! Network interfaces.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::api::answers::answers;
use crate::api::requests::requests;
use crate::api::{AttributeBooleanValue, Done, GroupIdentifierItem, Items, Off, TagItem};

answers! {
    Done {
        /// It is done.
        DeleteNetworkInterfaceResponse,
        /// It is done.
        ModifyNetworkInterfaceAttributeResponse,
    }
}

requests! {
    /// Makes a network interface.
    tagged CreateNetworkInterfaceRequest {
        /// The subnet.
        pub subnet_id: String,
        /// A description.
        #[serde(default)]
        pub description: Option<String>,
        /// The address in the subnet.
        #[serde(default)]
        pub private_ip_address: Option<String>,
        /// The security groups.
        #[serde(default, rename = "SecurityGroupId")]
        pub groups: Vec<String>,
        /// Makes repeating the call safe.
        #[serde(default)]
        pub client_token: Option<String>,
        /// Not supported, but that it is off.
        #[serde(default)]
        pub enable_primary_ipv6: Off,
        /// All its addresses, one of them primary.
        #[serde(default)]
        pub private_ip_addresses: Vec<PrivateIpAddressSpecification>,
        /// How many further addresses it gets.
        #[serde(default)]
        pub secondary_private_ip_address_count: Option<u32>,
    }

    /// Shows network interfaces.
    paged DescribeNetworkInterfacesRequest {
        /// Which ones; all if none is named.
        #[serde(default, rename = "NetworkInterfaceId")]
        pub network_interface_ids: Vec<String>,
        /// Nothing is managed by others here: makes no difference.
        #[serde(default)]
        pub include_managed_resources: Option<bool>,
    }

    /// Deletes a network interface that nothing holds.
    DeleteNetworkInterfaceRequest {
        /// The interface.
        pub network_interface_id: String,
    }

    /// Changes one attribute of a network interface.
    ModifyNetworkInterfaceAttributeRequest {
        /// The interface.
        pub network_interface_id: String,
        /// A description.
        #[serde(default)]
        pub description: Option<AttributeValue>,
        /// Whether packets with a foreign address are dropped.
        #[serde(default)]
        pub source_dest_check: Option<AttributeBooleanValue>,
        /// The security groups.
        #[serde(default, rename = "SecurityGroupId")]
        pub groups: Vec<String>,
        /// Not supported, but that it is off.
        #[serde(default)]
        pub enable_primary_ipv6: Off,
        /// Not supported, but that it is off.
        #[serde(default)]
        pub associate_public_ip_address: Off,
    }
}

/// `PrivateIpAddresses.N`: an address that an interface gets.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PrivateIpAddressSpecification {
    /// The address in the subnet.
    pub private_ip_address: String,
    /// Whether it is the primary one.
    #[serde(default)]
    pub primary: Option<bool>,
}

/// A value that can be set.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AttributeValue {
    /// The value.
    #[serde(default)]
    pub value: Option<String>,
}

/// What CreateNetworkInterface answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateNetworkInterfaceResponse {
    /// The interface.
    pub network_interface: NetworkInterfaceItem,
    /// Makes repeating the call safe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
}

/// What DescribeNetworkInterfaces answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeNetworkInterfacesResponse {
    /// The interfaces.
    #[serde(rename = "networkInterfaceSet")]
    pub network_interfaces: Items<NetworkInterfaceItem>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A network interface.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkInterfaceItem {
    /// The interface.
    pub network_interface_id: String,
    /// The subnet.
    pub subnet_id: String,
    /// The VPC.
    pub vpc_id: String,
    /// The zone's name.
    pub availability_zone: String,
    /// A description.
    pub description: String,
    /// Who owns it.
    pub owner_id: String,
    /// Who made it on its owner's behalf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requester_id: Option<String>,
    /// Whether it was made by a service.
    pub requester_managed: bool,
    /// Its state.
    pub status: String,
    /// Its MAC.
    pub mac_address: String,
    /// The address in the subnet.
    pub private_ip_address: String,
    /// Its DNS name in the VPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_dns_name: Option<String>,
    /// Whether packets with a foreign address are dropped.
    pub source_dest_check: bool,
    /// The kind of interface.
    pub interface_type: String,
    /// The security groups.
    #[serde(rename = "groupSet")]
    pub groups: Items<GroupIdentifierItem>,
    /// How it is attached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachment: Option<NetworkInterfaceAttachmentItem>,
    /// Its public address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub association: Option<NetworkInterfaceAssociationItem>,
    /// Its addresses.
    #[serde(rename = "privateIpAddressesSet")]
    pub private_ip_addresses: Items<NetworkInterfacePrivateIpAddressItem>,
    /// Always empty.
    #[serde(rename = "ipv6AddressesSet")]
    pub ipv6_addresses: Items<NetworkInterfaceIpv6AddressItem>,
    /// Its tags.
    pub tag_set: Items<TagItem>,
}

/// How an interface is attached.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkInterfaceAttachmentItem {
    /// The attachment.
    pub attachment_id: String,
    /// Which of the instance's interfaces it is; 0 is the primary one.
    pub device_index: i32,
    /// Its state.
    pub status: String,
    /// Whether it goes with the instance.
    pub delete_on_termination: bool,
    /// The instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// Who owns the instance.
    pub instance_owner_id: String,
    /// When it was attached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attach_time: Option<Timestamp>,
}

/// A public address.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkInterfaceAssociationItem {
    /// The Elastic IP address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocation_id: Option<String>,
    /// The association of the Elastic IP address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub association_id: Option<String>,
    /// Who owns the address.
    pub ip_owner_id: String,
    /// Always empty.
    pub public_dns_name: String,
    /// The public address.
    pub public_ip: String,
}

/// An address of an interface.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkInterfacePrivateIpAddressItem {
    /// The address in the subnet.
    pub private_ip_address: String,
    /// Whether it is the primary one.
    pub primary: bool,
    /// Its public address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub association: Option<NetworkInterfaceAssociationItem>,
}

/// An IPv6 address; there is none here.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkInterfaceIpv6AddressItem {
    /// The IPv6 address.
    pub ipv6_address: String,
}
