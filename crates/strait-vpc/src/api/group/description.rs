//! New descriptions for rules of security groups.

use serde::{Deserialize, Serialize};

use crate::api::answers::answers;
use crate::api::requests::requests;
use crate::api::{Done, IpPermission};

requests! {
    /// Describes inbound rules anew.
    UpdateSecurityGroupRuleDescriptionsIngressRequest,
    /// Describes outbound rules anew.
    UpdateSecurityGroupRuleDescriptionsEgressRequest {
        /// The group.
        #[serde(default)]
        pub group_id: Option<String>,
        /// The group's name, in the default VPC.
        #[serde(default)]
        pub group_name: Option<String>,
        /// Rules by what they allow, with their new descriptions.
        #[serde(default)]
        pub ip_permissions: Vec<IpPermission>,
        /// Rules by id, with their new descriptions.
        #[serde(default, rename = "SecurityGroupRuleDescription")]
        pub security_group_rule_descriptions: Vec<SecurityGroupRuleDescription>,
    }
}

/// A rule's new description; nothing takes the old one away.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct SecurityGroupRuleDescription {
    /// The rule.
    #[serde(default)]
    pub security_group_rule_id: Option<String>,
    /// The description.
    #[serde(default)]
    pub description: Option<String>,
}

answers! {
    Done {
        /// What UpdateSecurityGroupRuleDescriptionsIngress answers.
        UpdateSecurityGroupRuleDescriptionsIngressResponse,
        /// What UpdateSecurityGroupRuleDescriptionsEgress answers.
        UpdateSecurityGroupRuleDescriptionsEgressResponse,
    }
}
