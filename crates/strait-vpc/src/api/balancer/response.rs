//! What is answered about: Elastic Load Balancing v2: network load balancers, target groups, listeners.

use jiff::Timestamp;
use serde::Serialize;

use super::{Attribute, Matcher, TargetDescription, TargetGroupTuple};
use crate::api::Members;
use crate::api::answers::answers;

answers! {
    Nothing {
        /// The load balancer is gone.
        DeleteLoadBalancerResponse,
        /// The target group is gone.
        DeleteTargetGroupResponse,
        /// The targets are registered.
        RegisterTargetsResponse,
        /// The targets are registered no more.
        DeregisterTargetsResponse,
        /// The listener is gone.
        DeleteListenerResponse,
        /// The tags are set.
        AddTagsResponse,
        /// The tags are gone.
        RemoveTagsResponse,
        /// Never given: such a call is refused.
        DescribeSSLPoliciesResponse,
        /// Never given: such a call is refused.
        DescribeListenerCertificatesResponse,
    }
    LoadBalancers {
        /// The load balancer that was made.
        CreateLoadBalancerResponse,
        /// Load balancers.
        DescribeLoadBalancersResponse,
    }
    Attributes {
        /// The attributes that were set.
        ModifyLoadBalancerAttributesResponse,
        /// All attributes.
        DescribeLoadBalancerAttributesResponse,
        /// The attributes that were set.
        ModifyTargetGroupAttributesResponse,
        /// All attributes.
        DescribeTargetGroupAttributesResponse,
        /// The attributes that were set.
        ModifyListenerAttributesResponse,
        /// All attributes.
        DescribeListenerAttributesResponse,
    }
    TargetGroups {
        /// The target group that was made.
        CreateTargetGroupResponse,
        /// The target group as it is now.
        ModifyTargetGroupResponse,
        /// Target groups.
        DescribeTargetGroupsResponse,
    }
    Listeners {
        /// The listener that was made.
        CreateListenerResponse,
        /// The listener as it is now.
        ModifyListenerResponse,
        /// Listeners.
        DescribeListenersResponse,
    }
}

/// Load balancers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LoadBalancers {
    /// The load balancers.
    pub load_balancers: Members<LoadBalancerItem>,
    /// Where this page ended, if there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

/// A load balancer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LoadBalancerItem {
    /// Its ARN.
    pub load_balancer_arn: String,
    /// Its DNS name.
    #[serde(rename = "DNSName")]
    pub dns_name: String,
    /// The hosted zone of its name.
    pub canonical_hosted_zone_id: String,
    /// When it was made.
    #[serde(serialize_with = "crate::api::common::to_millisecond")]
    pub created_time: Timestamp,
    /// Its name.
    pub load_balancer_name: String,
    /// `internal` or `internet-facing`.
    pub scheme: &'static str,
    /// Its VPC.
    pub vpc_id: String,
    /// Its state.
    pub state: LoadBalancerState,
    /// `network`.
    #[serde(rename = "Type")]
    pub type_: &'static str,
    /// Its zones.
    pub availability_zones: Members<BalancerZone>,
    /// Its groups.
    pub security_groups: Members<String>,
    /// `ipv4`.
    pub ip_address_type: &'static str,
    /// Whether the groups filter what comes by endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforce_security_group_inbound_rules_on_private_link_traffic: Option<String>,
}

/// A load balancer's state.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LoadBalancerState {
    /// `active`.
    pub code: &'static str,
}

/// A zone of a load balancer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BalancerZone {
    /// The zone.
    pub zone_name: String,
    /// The subnet.
    pub subnet_id: String,
    /// Its addresses there.
    pub load_balancer_addresses: Members<BalancerAddress>,
}

/// An address of a load balancer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BalancerAddress {
    /// The public address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// The address in the subnet.
    #[serde(rename = "PrivateIPv4Address", skip_serializing_if = "Option::is_none")]
    pub private_ipv4_address: Option<String>,
}

/// The answer of calls that say nothing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Nothing {}

/// Attributes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Attributes {
    /// The attributes.
    pub attributes: Members<Attribute>,
}

/// A load balancer's groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SetSecurityGroupsResponse {
    /// The groups.
    pub security_group_ids: Members<String>,
    /// Whether the groups filter what comes by endpoints.
    pub enforce_security_group_inbound_rules_on_private_link_traffic: String,
}

/// A load balancer's zones.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SetSubnetsResponse {
    /// The zones.
    pub availability_zones: Members<BalancerZone>,
    /// `ipv4`.
    pub ip_address_type: &'static str,
}

/// A load balancer's kinds of addresses.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SetIpAddressTypeResponse {
    /// `ipv4`.
    pub ip_address_type: &'static str,
}

/// Quotas of load balancing.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeAccountLimitsResponse {
    /// The quotas.
    pub limits: Members<AccountLimit>,
    /// Where this page ended, if there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

/// A quota.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccountLimit {
    /// Its name.
    pub name: String,
    /// How many there may be.
    pub max: String,
}

/// Target groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TargetGroups {
    /// The target groups.
    pub target_groups: Members<TargetGroupItem>,
    /// Where this page ended, if there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

/// A target group.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TargetGroupItem {
    /// Its ARN.
    pub target_group_arn: String,
    /// Its name.
    pub target_group_name: String,
    /// `TCP`, `UDP` or `TCP_UDP`.
    pub protocol: &'static str,
    /// The default port of targets.
    pub port: u16,
    /// Its VPC.
    pub vpc_id: String,
    /// `TCP` or `HTTP`.
    pub health_check_protocol: &'static str,
    /// A port, or `traffic-port`.
    pub health_check_port: String,
    /// True.
    pub health_check_enabled: bool,
    /// Seconds between two checks.
    pub health_check_interval_seconds: u32,
    /// Seconds after which no answer is a failure.
    pub health_check_timeout_seconds: u32,
    /// Successes that make it healthy.
    pub healthy_threshold_count: u32,
    /// Failures that make it unhealthy.
    pub unhealthy_threshold_count: u32,
    /// For HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check_path: Option<String>,
    /// For HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matcher: Option<Matcher>,
    /// The load balancers that forward to it.
    pub load_balancer_arns: Members<String>,
    /// `instance` or `ip`.
    pub target_type: &'static str,
    /// `ipv4`.
    pub ip_address_type: &'static str,
}

/// The health of targets.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeTargetHealthResponse {
    /// A target each.
    pub target_health_descriptions: Members<TargetHealthDescription>,
}

/// The health of a target.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TargetHealthDescription {
    /// The target.
    pub target: TargetDescription,
    /// The port that is checked.
    pub health_check_port: String,
    /// Its health.
    pub target_health: TargetHealth,
}

/// A target's health.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TargetHealth {
    /// The state.
    pub state: &'static str,
    /// Why it is not `healthy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The same for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'static str>,
}

/// Listeners.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listeners {
    /// The listeners.
    pub listeners: Members<ListenerItem>,
    /// Where this page ended, if there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

/// A listener.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListenerItem {
    /// Its ARN.
    pub listener_arn: String,
    /// The load balancer.
    pub load_balancer_arn: String,
    /// The port that it listens on.
    pub port: u16,
    /// `TCP`, `UDP` or `TCP_UDP`.
    pub protocol: &'static str,
    /// What it does.
    pub default_actions: Members<ListenerActionItem>,
}

/// What a listener does.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListenerActionItem {
    /// `forward`.
    #[serde(rename = "Type")]
    pub type_: &'static str,
    /// The target group.
    pub target_group_arn: String,
    /// 1.
    pub order: u32,
    /// The same with weights.
    pub forward_config: ForwardConfigItem,
}

/// Target groups of a listener.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ForwardConfigItem {
    /// One target group.
    pub target_groups: Members<TargetGroupTuple>,
}

/// Tags.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeBalancerTagsResponse {
    /// A resource each.
    pub tag_descriptions: Members<TagDescription>,
}

/// The tags of a load balancer, target group or listener.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagDescription {
    /// Its ARN.
    pub resource_arn: String,
    /// Its tags.
    pub tags: Members<BalancerTag>,
}

/// A tag as Elastic Load Balancing shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BalancerTag {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}
