//! What is answered about: security groups and their rules.

use serde::Serialize;

use crate::api::{Items, TagItem};

/// What CreateSecurityGroup answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateSecurityGroupResponse {
    /// The group.
    pub group_id: String,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Items<TagItem>,
    /// The group's ARN.
    pub security_group_arn: String,
}

/// What DescribeSecurityGroups answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeSecurityGroupsResponse {
    /// Security groups.
    #[serde(rename = "securityGroupInfo")]
    pub security_groups: Items<SecurityGroupItem>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// What DeleteSecurityGroup answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteSecurityGroupResponse {
    /// Always true: a failure is an error.
    #[serde(rename = "return")]
    pub done: bool,
    /// The group.
    pub group_id: String,
}

/// What AuthorizeSecurityGroupIngress answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizeSecurityGroupIngressResponse {
    /// Always true: a failure is an error.
    #[serde(rename = "return")]
    pub done: bool,
    /// The rules.
    #[serde(rename = "securityGroupRuleSet")]
    pub security_group_rules: Items<SecurityGroupRuleItem>,
}

/// What AuthorizeSecurityGroupEgress answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizeSecurityGroupEgressResponse {
    /// Always true: a failure is an error.
    #[serde(rename = "return")]
    pub done: bool,
    /// The rules.
    #[serde(rename = "securityGroupRuleSet")]
    pub security_group_rules: Items<SecurityGroupRuleItem>,
}

/// What RevokeSecurityGroupIngress answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RevokeSecurityGroupIngressResponse {
    /// Always true: a failure is an error.
    #[serde(rename = "return")]
    pub done: bool,
    /// What was not there.
    #[serde(rename = "unknownIpPermissionSet")]
    pub unknown_ip_permissions: Items<IpPermissionItem>,
    /// What was taken away.
    #[serde(rename = "revokedSecurityGroupRuleSet")]
    pub revoked_security_group_rules: Items<RevokedSecurityGroupRuleItem>,
}

/// What RevokeSecurityGroupEgress answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RevokeSecurityGroupEgressResponse {
    /// Always true: a failure is an error.
    #[serde(rename = "return")]
    pub done: bool,
    /// What was not there.
    #[serde(rename = "unknownIpPermissionSet")]
    pub unknown_ip_permissions: Items<IpPermissionItem>,
    /// What was taken away.
    #[serde(rename = "revokedSecurityGroupRuleSet")]
    pub revoked_security_group_rules: Items<RevokedSecurityGroupRuleItem>,
}

/// What DescribeSecurityGroupRules answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeSecurityGroupRulesResponse {
    /// The rules.
    #[serde(rename = "securityGroupRuleSet")]
    pub security_group_rules: Items<SecurityGroupRuleItem>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// What ModifySecurityGroupRules answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModifySecurityGroupRulesResponse {
    /// Always true: a failure is an error.
    #[serde(rename = "return")]
    pub done: bool,
}

/// A security group.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecurityGroupItem {
    /// The group.
    pub group_id: String,
    /// The group's name.
    pub group_name: String,
    /// A description.
    #[serde(rename = "groupDescription")]
    pub description: String,
    /// Who owns it.
    pub owner_id: String,
    /// The VPC.
    pub vpc_id: String,
    /// The group's ARN.
    pub security_group_arn: String,
    /// What is allowed, from or to whom.
    pub ip_permissions: Items<IpPermissionItem>,
    /// What is allowed out.
    pub ip_permissions_egress: Items<IpPermissionItem>,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Items<TagItem>,
}

/// A rule of a security group.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecurityGroupRuleItem {
    /// The rule.
    pub security_group_rule_id: String,
    /// The rule's ARN.
    pub security_group_rule_arn: String,
    /// The group.
    pub group_id: String,
    /// Who owns the group.
    pub group_owner_id: String,
    /// Whether it is for outbound traffic.
    pub is_egress: bool,
    /// The protocol: a name or number; `-1` is all.
    pub ip_protocol: String,
    /// The first port, or the ICMP type; -1 is all.
    pub from_port: i32,
    /// The last port, or the ICMP code; -1 is all.
    pub to_port: i32,
    /// The CIDR block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr_ipv4: Option<String>,
    /// The IPv6 block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr_ipv6: Option<String>,
    /// The prefix list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix_list_id: Option<String>,
    /// The group that it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referenced_group_info: Option<ReferencedSecurityGroupItem>,
    /// A description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Items<TagItem>,
}

/// What is allowed, from or to whom.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IpPermissionItem {
    /// The protocol: a name or number; `-1` is all.
    pub ip_protocol: String,
    /// The first port, or the ICMP type; -1 is all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_port: Option<i32>,
    /// The last port, or the ICMP code; -1 is all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_port: Option<i32>,
    /// Security groups.
    #[serde(rename = "groups")]
    pub user_id_group_pairs: Items<UserIdGroupPairItem>,
    /// CIDR blocks.
    pub ip_ranges: Items<IpRangeItem>,
    /// IPv6 blocks.
    pub ipv6_ranges: Items<Ipv6RangeItem>,
    /// Prefix lists.
    pub prefix_list_ids: Items<PrefixListIdItem>,
}

/// A rule that was taken away.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RevokedSecurityGroupRuleItem {
    /// The rule.
    pub security_group_rule_id: String,
    /// The group.
    pub group_id: String,
    /// Whether it is for outbound traffic.
    pub is_egress: bool,
    /// The protocol: a name or number; `-1` is all.
    pub ip_protocol: String,
    /// The first port, or the ICMP type; -1 is all.
    pub from_port: i32,
    /// The last port, or the ICMP code; -1 is all.
    pub to_port: i32,
    /// The CIDR block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr_ipv4: Option<String>,
    /// The IPv6 block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr_ipv6: Option<String>,
    /// The prefix list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix_list_id: Option<String>,
    /// The group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referenced_group_id: Option<String>,
    /// A description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A group that a rule names.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferencedSecurityGroupItem {
    /// The group.
    pub group_id: String,
    /// The account.
    pub user_id: String,
    /// The VPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
    /// The peering connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_peering_connection_id: Option<String>,
    /// The state of the peering connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peering_status: Option<String>,
}

/// A security group with its account.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserIdGroupPairItem {
    /// The group.
    pub group_id: String,
    /// The account.
    pub user_id: String,
    /// The VPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
    /// The peering connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_peering_connection_id: Option<String>,
    /// The state of the peering connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peering_status: Option<String>,
    /// A description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A CIDR block with a description.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IpRangeItem {
    /// The CIDR block.
    pub cidr_ip: String,
    /// A description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// An IPv6 block with a description.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ipv6RangeItem {
    /// The IPv6 block.
    pub cidr_ipv6: String,
    /// A description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A prefix list with a description.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PrefixListIdItem {
    /// The prefix list.
    pub prefix_list_id: String,
    /// A description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}
