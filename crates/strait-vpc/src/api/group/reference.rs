//! Who refers to a security group over a peering connection, and which of such rules are stale.

use serde::Serialize;

use crate::api::requests::requests;
use crate::api::{Items, UserIdGroupPairItem};

requests! {
    /// Shows the VPCs at the far side of a peering connection that refer to groups.
    DescribeSecurityGroupReferencesRequest {
        /// The groups.
        #[serde(default, rename = "GroupId")]
        pub group_ids: Vec<String>,
    }
}

/// What DescribeSecurityGroupReferences answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeSecurityGroupReferencesResponse {
    /// The references: one for each group, VPC and peering connection.
    pub security_group_reference_set: Items<SecurityGroupReferenceItem>,
}

/// A VPC that refers to a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecurityGroupReferenceItem {
    /// The group.
    pub group_id: String,
    /// The VPC whose groups have rules that name it.
    pub referencing_vpc_id: String,
    /// The peering connection.
    pub vpc_peering_connection_id: String,
}

requests! {
    /// Shows the groups of a VPC with rules that name groups which are not reached any more.
    unfiltered DescribeStaleSecurityGroupsRequest {
        /// The VPC.
        pub vpc_id: String,
    }
}

/// What DescribeStaleSecurityGroups answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeStaleSecurityGroupsResponse {
    /// The groups.
    pub stale_security_group_set: Items<StaleSecurityGroupItem>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A group with stale rules.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StaleSecurityGroupItem {
    /// The group.
    pub group_id: String,
    /// The group's name.
    pub group_name: String,
    /// The group's description.
    pub description: String,
    /// The VPC.
    pub vpc_id: String,
    /// Stale inbound rules.
    pub stale_ip_permissions: Items<StaleIpPermissionItem>,
    /// Stale outbound rules.
    pub stale_ip_permissions_egress: Items<StaleIpPermissionItem>,
}

/// Stale rules with the same protocol and ports.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StaleIpPermissionItem {
    /// The protocol.
    pub ip_protocol: String,
    /// The first port, or the ICMP type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_port: Option<i32>,
    /// The last port, or the ICMP code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_port: Option<i32>,
    /// The groups that are not reached.
    pub groups: Items<UserIdGroupPairItem>,
    /// A block is never stale.
    pub ip_ranges: Items<String>,
    /// A prefix list is never stale.
    pub prefix_list_ids: Items<String>,
}
