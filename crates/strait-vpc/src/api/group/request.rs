//! What is asked about: security groups and their rules.

use serde::Deserialize;

use crate::api::requests::requests;

requests! {
    /// Makes a security group.
    tagged CreateSecurityGroupRequest {
        /// The group's name.
        pub group_name: String,
        /// A description.
        pub group_description: String,
        /// The VPC.
        #[serde(default)]
        pub vpc_id: Option<String>,
    }

    /// Shows security groups.
    paged DescribeSecurityGroupsRequest {
        /// Which ones; all if none is named.
        #[serde(default, rename = "GroupId")]
        pub group_ids: Vec<String>,
        /// Which ones by name, in the default VPC.
        #[serde(default, rename = "GroupName")]
        pub group_names: Vec<String>,
    }

    /// Deletes a security group that nothing uses.
    DeleteSecurityGroupRequest {
        /// The group.
        #[serde(default)]
        pub group_id: Option<String>,
        /// The group's name.
        #[serde(default)]
        pub group_name: Option<String>,
    }

    /// Allows traffic in.
    tagged AuthorizeSecurityGroupIngressRequest {
        /// The group.
        #[serde(default)]
        pub group_id: Option<String>,
        /// The group's name.
        #[serde(default)]
        pub group_name: Option<String>,
        /// What is allowed, from or to whom.
        #[serde(default)]
        pub ip_permissions: Vec<IpPermission>,
        /// The protocol: a name or number; `-1` is all.
        #[serde(default)]
        pub ip_protocol: Option<String>,
        /// The first port, or the ICMP type; -1 is all.
        #[serde(default)]
        pub from_port: Option<i32>,
        /// The last port, or the ICMP code; -1 is all.
        #[serde(default)]
        pub to_port: Option<i32>,
        /// The CIDR block.
        #[serde(default)]
        pub cidr_ip: Option<String>,
        /// A group by name, in the default VPC.
        #[serde(default)]
        pub source_security_group_name: Option<String>,
        /// The account of the named group.
        #[serde(default)]
        pub source_security_group_owner_id: Option<String>,
    }

    /// Allows traffic out.
    tagged AuthorizeSecurityGroupEgressRequest {
        /// The group.
        pub group_id: String,
        /// What is allowed, from or to whom.
        #[serde(default)]
        pub ip_permissions: Vec<IpPermission>,
        /// The protocol: a name or number; `-1` is all.
        #[serde(default)]
        pub ip_protocol: Option<String>,
        /// The first port, or the ICMP type; -1 is all.
        #[serde(default)]
        pub from_port: Option<i32>,
        /// The last port, or the ICMP code; -1 is all.
        #[serde(default)]
        pub to_port: Option<i32>,
        /// The CIDR block.
        #[serde(default)]
        pub cidr_ip: Option<String>,
        /// A group by name, in the default VPC.
        #[serde(default)]
        pub source_security_group_name: Option<String>,
        /// The account of the named group.
        #[serde(default)]
        pub source_security_group_owner_id: Option<String>,
    }

    /// Allows traffic in no more.
    RevokeSecurityGroupIngressRequest {
        /// The group.
        #[serde(default)]
        pub group_id: Option<String>,
        /// The group's name.
        #[serde(default)]
        pub group_name: Option<String>,
        /// Rules by id.
        #[serde(default, rename = "SecurityGroupRuleId")]
        pub security_group_rule_ids: Vec<String>,
        /// What is allowed, from or to whom.
        #[serde(default)]
        pub ip_permissions: Vec<IpPermission>,
        /// The protocol: a name or number; `-1` is all.
        #[serde(default)]
        pub ip_protocol: Option<String>,
        /// The first port, or the ICMP type; -1 is all.
        #[serde(default)]
        pub from_port: Option<i32>,
        /// The last port, or the ICMP code; -1 is all.
        #[serde(default)]
        pub to_port: Option<i32>,
        /// The CIDR block.
        #[serde(default)]
        pub cidr_ip: Option<String>,
        /// A group by name, in the default VPC.
        #[serde(default)]
        pub source_security_group_name: Option<String>,
        /// The account of the named group.
        #[serde(default)]
        pub source_security_group_owner_id: Option<String>,
    }

    /// Allows traffic out no more.
    RevokeSecurityGroupEgressRequest {
        /// The group.
        pub group_id: String,
        /// Rules by id.
        #[serde(default, rename = "SecurityGroupRuleId")]
        pub security_group_rule_ids: Vec<String>,
        /// What is allowed, from or to whom.
        #[serde(default)]
        pub ip_permissions: Vec<IpPermission>,
        /// The protocol: a name or number; `-1` is all.
        #[serde(default)]
        pub ip_protocol: Option<String>,
        /// The first port, or the ICMP type; -1 is all.
        #[serde(default)]
        pub from_port: Option<i32>,
        /// The last port, or the ICMP code; -1 is all.
        #[serde(default)]
        pub to_port: Option<i32>,
        /// The CIDR block.
        #[serde(default)]
        pub cidr_ip: Option<String>,
        /// A group by name, in the default VPC.
        #[serde(default)]
        pub source_security_group_name: Option<String>,
        /// The account of the named group.
        #[serde(default)]
        pub source_security_group_owner_id: Option<String>,
    }

    /// Shows rules of security groups.
    paged DescribeSecurityGroupRulesRequest {
        /// Rules by id.
        #[serde(default, rename = "SecurityGroupRuleId")]
        pub security_group_rule_ids: Vec<String>,
    }

    /// Changes rules of a security group.
    ModifySecurityGroupRulesRequest {
        /// The group.
        pub group_id: String,
        /// The rules.
        #[serde(default, rename = "SecurityGroupRule")]
        pub security_group_rules: Vec<SecurityGroupRuleUpdate>,
    }
}

/// What is allowed, from or to whom.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct IpPermission {
    /// The protocol: a name or number; `-1` is all.
    #[serde(default)]
    pub ip_protocol: Option<String>,
    /// The first port, or the ICMP type; -1 is all.
    #[serde(default)]
    pub from_port: Option<i32>,
    /// The last port, or the ICMP code; -1 is all.
    #[serde(default)]
    pub to_port: Option<i32>,
    /// CIDR blocks.
    #[serde(default)]
    pub ip_ranges: Vec<IpRange>,
    /// IPv6 blocks.
    #[serde(default)]
    pub ipv6_ranges: Vec<Ipv6Range>,
    /// Prefix lists.
    #[serde(default)]
    pub prefix_list_ids: Vec<PrefixListInput>,
    /// Security groups.
    #[serde(default)]
    pub groups: Vec<UserIdGroupPair>,
}

/// A change of one rule.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct SecurityGroupRuleUpdate {
    /// The rule.
    pub security_group_rule_id: String,
    /// What it shall be.
    pub security_group_rule: SecurityGroupRuleRequest,
}

/// A CIDR block with a description.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct IpRange {
    /// The CIDR block.
    pub cidr_ip: String,
    /// A description.
    #[serde(default)]
    pub description: Option<String>,
}

/// An IPv6 block with a description.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Ipv6Range {
    /// The IPv6 block.
    pub cidr_ipv6: String,
    /// A description.
    #[serde(default)]
    pub description: Option<String>,
}

/// A prefix list with a description.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PrefixListInput {
    /// The prefix list.
    #[serde(default)]
    pub prefix_list_id: Option<String>,
    /// A description.
    #[serde(default)]
    pub description: Option<String>,
}

/// A security group with its account.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UserIdGroupPair {
    /// The group.
    #[serde(default)]
    pub group_id: Option<String>,
    /// The group's name.
    #[serde(default)]
    pub group_name: Option<String>,
    /// The account.
    #[serde(default)]
    pub user_id: Option<String>,
    /// The VPC.
    #[serde(default)]
    pub vpc_id: Option<String>,
    /// The peering connection.
    #[serde(default)]
    pub vpc_peering_connection_id: Option<String>,
    /// The state of the peering connection.
    #[serde(default)]
    pub peering_status: Option<String>,
    /// A description.
    #[serde(default)]
    pub description: Option<String>,
}

/// What a rule shall be.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct SecurityGroupRuleRequest {
    /// The protocol: a name or number; `-1` is all.
    #[serde(default)]
    pub ip_protocol: Option<String>,
    /// The first port, or the ICMP type; -1 is all.
    #[serde(default)]
    pub from_port: Option<i32>,
    /// The last port, or the ICMP code; -1 is all.
    #[serde(default)]
    pub to_port: Option<i32>,
    /// The CIDR block.
    #[serde(default)]
    pub cidr_ipv4: Option<String>,
    /// The IPv6 block.
    #[serde(default)]
    pub cidr_ipv6: Option<String>,
    /// The prefix list.
    #[serde(default)]
    pub prefix_list_id: Option<String>,
    /// The group.
    #[serde(default)]
    pub referenced_group_id: Option<String>,
    /// A description.
    #[serde(default)]
    pub description: Option<String>,
}
