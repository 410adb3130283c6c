//! What is answered about: instances, and what they are made of.

use jiff::Timestamp;
use serde::Serialize;

use crate::api::{Items, TagItem};

/// What RunInstances answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunInstancesResponse {
    /// The launch.
    pub reservation_id: String,
    /// Who owns it.
    pub owner_id: String,
    /// The security groups.
    #[serde(rename = "groupSet")]
    pub groups: Items<GroupIdentifierItem>,
    /// The instances.
    #[serde(rename = "instancesSet")]
    pub instances: Items<InstanceItem>,
}

/// What DescribeInstances answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeInstancesResponse {
    /// The launches.
    #[serde(rename = "reservationSet")]
    pub reservations: Items<ReservationItem>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// What TerminateInstances answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TerminateInstancesResponse {
    /// What became of each.
    #[serde(rename = "instancesSet")]
    pub terminating_instances: Items<InstanceStateChangeItem>,
}

/// What DescribeInstanceStatus answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeInstanceStatusResponse {
    /// How they are.
    #[serde(rename = "instanceStatusSet")]
    pub instance_statuses: Items<InstanceStatusItem>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// What DescribeImages answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeImagesResponse {
    /// The images.
    #[serde(rename = "imagesSet")]
    pub images: Items<ImageItem>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A security group by id and name.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupIdentifierItem {
    /// The group.
    pub group_id: String,
    /// The group's name.
    pub group_name: String,
}

/// An instance.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceItem {
    /// The instance.
    pub instance_id: String,
    /// The image.
    pub image_id: String,
    /// Its state.
    #[serde(rename = "instanceState")]
    pub state: InstanceStateItem,
    /// Its DNS name in the VPC.
    pub private_dns_name: String,
    /// Always empty.
    #[serde(rename = "dnsName")]
    pub public_dns_name: String,
    /// Why it is in its state.
    #[serde(rename = "reason")]
    pub state_transition_reason: String,
    /// The name of a key pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_name: Option<String>,
    /// Its place in its launch.
    pub ami_launch_index: i32,
    /// The type.
    pub instance_type: String,
    /// When it was launched.
    #[serde(serialize_with = "crate::api::common::to_millisecond")]
    pub launch_time: Timestamp,
    /// Where it runs.
    pub placement: PlacementItem,
    /// Detailed monitoring; there is none here.
    pub monitoring: MonitoringItem,
    /// The subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    /// The VPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
    /// The address in the subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_ip_address: Option<String>,
    /// Its public address.
    #[serde(rename = "ipAddress", skip_serializing_if = "Option::is_none")]
    pub public_ip_address: Option<String>,
    /// Why it is in its state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_reason: Option<StateReasonItem>,
    /// `x86_64`.
    pub architecture: String,
    /// `instance-store`.
    pub root_device_type: String,
    /// The root disk's name.
    pub root_device_name: String,
    /// Always empty.
    #[serde(rename = "blockDeviceMapping")]
    pub block_device_mappings: Items<InstanceBlockDeviceMappingItem>,
    /// `hvm`.
    pub virtualization_type: String,
    /// `xen`, which AWS says of all.
    pub hypervisor: String,
    /// Makes repeating the call safe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
    /// Always false.
    pub ebs_optimized: bool,
    /// The interfaces.
    #[serde(rename = "networkInterfaceSet")]
    pub network_interfaces: Items<InstanceNetworkInterfaceItem>,
    /// Security groups.
    #[serde(rename = "groupSet")]
    pub security_groups: Items<GroupIdentifierItem>,
    /// Whether packets with a foreign address are dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_dest_check: Option<bool>,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Items<TagItem>,
}

/// The instances of one launch.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReservationItem {
    /// The launch.
    pub reservation_id: String,
    /// Who owns it.
    pub owner_id: String,
    /// The security groups.
    #[serde(rename = "groupSet")]
    pub groups: Items<GroupIdentifierItem>,
    /// The instances.
    #[serde(rename = "instancesSet")]
    pub instances: Items<InstanceItem>,
}

/// A change of state.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceStateChangeItem {
    /// The instance.
    pub instance_id: String,
    /// The state now.
    pub current_state: InstanceStateItem,
    /// The state before.
    pub previous_state: InstanceStateItem,
}

/// How an instance is.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceStatusItem {
    /// The instance.
    pub instance_id: String,
    /// The zone's name.
    pub availability_zone: String,
    /// The instance's state.
    pub instance_state: InstanceStateItem,
    /// How the instance is.
    pub instance_status: InstanceStatusSummaryItem,
    /// How its machine is.
    pub system_status: InstanceStatusSummaryItem,
}

/// A machine image.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageItem {
    /// The image.
    pub image_id: String,
    /// Where it comes from.
    pub image_location: String,
    /// Its state.
    #[serde(rename = "imageState")]
    pub state: String,
    /// Who owns it.
    #[serde(rename = "imageOwnerId")]
    pub owner_id: String,
    /// Whether everybody may launch it.
    #[serde(rename = "isPublic")]
    pub public: bool,
    /// `x86_64`.
    pub architecture: String,
    /// `machine`.
    pub image_type: String,
    /// The name.
    pub name: String,
    /// A description.
    pub description: String,
    /// The root disk's name.
    pub root_device_name: String,
    /// `instance-store`.
    pub root_device_type: String,
    /// `hvm`.
    pub virtualization_type: String,
    /// `xen`, which AWS says of all.
    pub hypervisor: String,
    /// When it was made.
    pub creation_date: String,
    /// Always empty.
    #[serde(rename = "blockDeviceMapping")]
    pub block_device_mappings: Items<BlockDeviceMappingItem>,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Items<TagItem>,
}

/// The state of an instance.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceStateItem {
    /// The code.
    pub code: i32,
    /// The name.
    pub name: String,
}

/// Where an instance runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlacementItem {
    /// The zone's name.
    pub availability_zone: String,
    /// The group's name.
    pub group_name: String,
    /// `default`.
    pub tenancy: String,
}

/// Whether detailed monitoring is on.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MonitoringItem {
    /// Its state.
    pub state: String,
}

/// Why an instance is in its state.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StateReasonItem {
    /// The code.
    pub code: String,
    /// What it is about.
    pub message: String,
}

/// A disk; there is none here.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceBlockDeviceMappingItem {
    /// The disk's name.
    pub device_name: String,
}

/// An interface of an instance.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceNetworkInterfaceItem {
    /// The interface.
    pub network_interface_id: String,
    /// Who owns it.
    pub owner_id: String,
    /// Its state.
    pub status: String,
    /// The subnet.
    pub subnet_id: String,
    /// The VPC.
    pub vpc_id: String,
    /// The address in the subnet.
    pub private_ip_address: String,
    /// Its MAC.
    pub mac_address: String,
    /// Whether packets with a foreign address are dropped.
    pub source_dest_check: bool,
    /// A description.
    pub description: String,
    /// The kind of interface.
    pub interface_type: String,
    /// The security groups.
    #[serde(rename = "groupSet")]
    pub groups: Items<GroupIdentifierItem>,
    /// How it is attached.
    pub attachment: InstanceNetworkInterfaceAttachmentItem,
    /// Its public address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub association: Option<InstanceNetworkInterfaceAssociationItem>,
    /// Its addresses.
    #[serde(rename = "privateIpAddressesSet")]
    pub private_ip_addresses: Items<InstancePrivateIpAddressItem>,
}

/// How an instance is, in a word.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceStatusSummaryItem {
    /// Its state.
    pub status: String,
    /// What was looked at.
    pub details: Items<InstanceStatusDetailsItem>,
}

/// A disk; there is none here.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockDeviceMappingItem {
    /// The disk's name.
    pub device_name: String,
}

/// How an interface is attached.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceNetworkInterfaceAttachmentItem {
    /// The attachment.
    pub attachment_id: String,
    /// Which of the instance's interfaces it is; 0 is the primary one.
    pub device_index: i32,
    /// Its state.
    pub status: String,
    /// Whether it goes with the instance.
    pub delete_on_termination: bool,
    /// When it was attached.
    #[serde(serialize_with = "crate::api::common::to_millisecond")]
    pub attach_time: Timestamp,
}

/// A public address.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceNetworkInterfaceAssociationItem {
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
pub struct InstancePrivateIpAddressItem {
    /// The address in the subnet.
    pub private_ip_address: String,
    /// Whether it is the primary one.
    pub primary: bool,
    /// Its public address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub association: Option<InstanceNetworkInterfaceAssociationItem>,
}

/// What was looked at.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceStatusDetailsItem {
    /// The name.
    pub name: String,
    /// Its state.
    pub status: String,
}
