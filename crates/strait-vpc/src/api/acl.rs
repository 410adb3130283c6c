//! Network ACLs.

use serde::{Deserialize, Serialize};

use crate::api::answers::answers;
use crate::api::requests::requests;
use crate::api::{Done, Items, TagItem};

answers! {
    Done {
        /// It is done.
        DeleteNetworkAclResponse,
        /// It is done.
        CreateNetworkAclEntryResponse,
        /// It is done.
        ReplaceNetworkAclEntryResponse,
        /// It is done.
        DeleteNetworkAclEntryResponse,
    }
}

requests! {
    /// Makes a network ACL.
    tagged CreateNetworkAclRequest {
        /// The VPC.
        pub vpc_id: String,
        /// Makes repeating the call safe.
        #[serde(default)]
        pub client_token: Option<String>,
    }

    /// Shows network ACLs.
    paged DescribeNetworkAclsRequest {
        /// Which ones; all if none is named.
        #[serde(default, rename = "NetworkAclId")]
        pub network_acl_ids: Vec<String>,
    }

    /// Deletes a network ACL that no subnet uses.
    DeleteNetworkAclRequest {
        /// The network ACL.
        pub network_acl_id: String,
    }

    /// Adds an entry to a network ACL.
    CreateNetworkAclEntryRequest,
    /// Changes an entry of a network ACL.
    ReplaceNetworkAclEntryRequest {
        /// The network ACL.
        pub network_acl_id: String,
        /// The entry's number: lower ones decide first.
        pub rule_number: i32,
        /// The protocol's number; `-1` is all.
        pub protocol: String,
        /// `allow` or `deny`.
        pub rule_action: String,
        /// Whether it is for outbound traffic.
        pub egress: bool,
        /// The CIDR block.
        #[serde(default)]
        pub cidr_block: Option<String>,
        /// The IPv6 block.
        #[serde(default)]
        pub ipv6_cidr_block: Option<String>,
        /// The ports.
        #[serde(default)]
        pub port_range: Option<PortRangeInput>,
        /// The type and code of ICMP.
        #[serde(default, rename = "Icmp")]
        pub icmp_type_code: Option<IcmpTypeCodeInput>,
    }

    /// Takes an entry of a network ACL away.
    DeleteNetworkAclEntryRequest {
        /// The network ACL.
        pub network_acl_id: String,
        /// The entry's number: lower ones decide first.
        pub rule_number: i32,
        /// Whether it is for outbound traffic.
        pub egress: bool,
    }

    /// Makes a subnet use another network ACL.
    ReplaceNetworkAclAssociationRequest {
        /// The association.
        pub association_id: String,
        /// The network ACL.
        pub network_acl_id: String,
    }
}

/// A range of ports.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PortRangeInput {
    /// The first.
    #[serde(default)]
    pub from: Option<i32>,
    /// The last.
    #[serde(default)]
    pub to: Option<i32>,
}

/// A type and code of ICMP; -1 is all.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct IcmpTypeCodeInput {
    /// The type.
    #[serde(default, rename = "Type")]
    pub kind: Option<i32>,
    /// The code.
    #[serde(default)]
    pub code: Option<i32>,
}

/// What CreateNetworkAcl answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateNetworkAclResponse {
    /// The network ACL.
    pub network_acl: NetworkAclItem,
    /// Makes repeating the call safe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
}

/// What DescribeNetworkAcls answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeNetworkAclsResponse {
    /// The network ACLs.
    #[serde(rename = "networkAclSet")]
    pub network_acls: Items<NetworkAclItem>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// What ReplaceNetworkAclAssociation answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplaceNetworkAclAssociationResponse {
    /// The association that takes its place.
    pub new_association_id: String,
}

/// A network ACL.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkAclItem {
    /// The network ACL.
    pub network_acl_id: String,
    /// The VPC.
    pub vpc_id: String,
    /// Who owns it.
    pub owner_id: String,
    /// Whether it is the default one.
    #[serde(rename = "default")]
    pub is_default: bool,
    /// Its entries, the implicit last one too.
    #[serde(rename = "entrySet")]
    pub entries: Items<NetworkAclEntryItem>,
    /// What uses it.
    #[serde(rename = "associationSet")]
    pub associations: Items<NetworkAclAssociationItem>,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Items<TagItem>,
}

/// An entry of a network ACL.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkAclEntryItem {
    /// The entry's number: lower ones decide first.
    pub rule_number: i32,
    /// The protocol's number; `-1` is all.
    pub protocol: String,
    /// `allow` or `deny`.
    pub rule_action: String,
    /// Whether it is for outbound traffic.
    pub egress: bool,
    /// The CIDR block, if it is for IPv4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr_block: Option<String>,
    /// The IPv6 block, if it is for IPv6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6_cidr_block: Option<String>,
    /// The ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_range: Option<PortRangeItem>,
    /// The type and code of ICMP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icmp_type_code: Option<IcmpTypeCodeItem>,
}

/// A subnet that a network ACL filters.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkAclAssociationItem {
    /// The association.
    pub network_acl_association_id: String,
    /// The network ACL.
    pub network_acl_id: String,
    /// The subnet.
    pub subnet_id: String,
}

/// A range of ports.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PortRangeItem {
    /// The first.
    pub from: i32,
    /// The last.
    pub to: i32,
}

/// A type and code of ICMP; -1 is all.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IcmpTypeCodeItem {
    /// The type.
    #[serde(rename = "type")]
    pub kind: i32,
    /// The code.
    pub code: i32,
}
