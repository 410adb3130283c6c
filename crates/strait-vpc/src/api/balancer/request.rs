//! What is asked about: Elastic Load Balancing v2: network load balancers, target groups, listeners.

use serde::{Deserialize, Serialize};

use crate::api::TagInput;

/// Makes a network load balancer.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateLoadBalancerRequest {
    /// Its name.
    pub name: String,
    /// A subnet in each zone.
    #[serde(default)]
    pub subnets: Vec<String>,
    /// Subnets with addresses, instead.
    #[serde(default)]
    pub subnet_mappings: Vec<SubnetMapping>,
    /// Its groups; none means no filter.
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// `internal` or `internet-facing` (the default).
    #[serde(default)]
    pub scheme: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<TagInput>,
    /// `network`.
    #[serde(default, rename = "Type")]
    pub type_: Option<String>,
    /// Only `ipv4`.
    #[serde(default)]
    pub ip_address_type: Option<String>,
    /// Not supported.
    #[serde(default)]
    pub customer_owned_ipv4_pool: Option<String>,
    /// Only `off`.
    #[serde(default)]
    pub enable_prefix_for_ipv6_source_nat: Option<String>,
    /// Not supported.
    #[serde(default)]
    pub ipam_pools: Option<IpamPools>,
}

/// A subnet of a load balancer with its node's address.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct SubnetMapping {
    /// The subnet.
    #[serde(default)]
    pub subnet_id: Option<String>,
    /// Not supported.
    #[serde(default)]
    pub allocation_id: Option<String>,
    /// The address, for an internal one.
    #[serde(default, rename = "PrivateIPv4Address")]
    pub private_ipv4_address: Option<String>,
    /// Not supported.
    #[serde(default, rename = "IPv6Address")]
    pub ipv6_address: Option<String>,
    /// Not supported.
    #[serde(default)]
    pub source_nat_ipv6_prefix: Option<String>,
}

/// Pools of addresses.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct IpamPools {
    /// Not supported.
    #[serde(default)]
    pub ipv4_ipam_pool_id: Option<String>,
}

/// Shows the caller's load balancers.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeLoadBalancersRequest {
    /// Which ones, by ARN.
    #[serde(default)]
    pub load_balancer_arns: Vec<String>,
    /// Which ones, by name.
    #[serde(default)]
    pub names: Vec<String>,
    /// Where the last page ended.
    #[serde(default)]
    pub marker: Option<String>,
    /// How many at most.
    #[serde(default)]
    pub page_size: Option<u32>,
}

/// Deletes a load balancer and its listeners.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteLoadBalancerRequest {
    /// The load balancer.
    pub load_balancer_arn: String,
}

/// Sets attributes of a load balancer.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ModifyLoadBalancerAttributesRequest {
    /// The load balancer.
    pub load_balancer_arn: String,
    /// The attributes to set.
    pub attributes: Vec<Attribute>,
}

/// Shows a load balancer's attributes.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeLoadBalancerAttributesRequest {
    /// The load balancer.
    pub load_balancer_arn: String,
}

/// Sets a load balancer's groups.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct SetSecurityGroupsRequest {
    /// The load balancer.
    pub load_balancer_arn: String,
    /// The groups; they replace those before.
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// Whether the groups filter what comes by endpoints: `on` or `off`.
    #[serde(default)]
    pub enforce_security_group_inbound_rules_on_private_link_traffic: Option<String>,
}

/// Sets the subnets of a load balancer, one a zone; they replace those before.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct SetSubnetsRequest {
    /// The load balancer.
    pub load_balancer_arn: String,
    /// A subnet in each zone.
    #[serde(default)]
    pub subnets: Vec<String>,
    /// Subnets with addresses, instead.
    #[serde(default)]
    pub subnet_mappings: Vec<SubnetMapping>,
    /// Only `ipv4`.
    #[serde(default)]
    pub ip_address_type: Option<String>,
    /// Only `off`.
    #[serde(default)]
    pub enable_prefix_for_ipv6_source_nat: Option<String>,
}

/// Sets what kinds of addresses a load balancer has.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct SetIpAddressTypeRequest {
    /// The load balancer.
    pub load_balancer_arn: String,
    /// Only `ipv4`.
    pub ip_address_type: String,
}

/// Shows the account's quotas of load balancing.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeAccountLimitsRequest {
    /// Where the last page ended.
    #[serde(default)]
    pub marker: Option<String>,
    /// How many at most.
    #[serde(default)]
    pub page_size: Option<u32>,
}

/// Shows policies of TLS listeners: not supported.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeSSLPoliciesRequest {
    /// Which ones.
    #[serde(default)]
    pub names: Vec<String>,
    /// Where the last page ended.
    #[serde(default)]
    pub marker: Option<String>,
    /// How many at most.
    #[serde(default)]
    pub page_size: Option<u32>,
    /// Those for this type of load balancer.
    #[serde(default)]
    pub load_balancer_type: Option<String>,
}

/// Makes a target group.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateTargetGroupRequest {
    /// Its name.
    pub name: String,
    /// `TCP`, `UDP` or `TCP_UDP`.
    #[serde(default)]
    pub protocol: Option<String>,
    /// Only for HTTP.
    #[serde(default)]
    pub protocol_version: Option<String>,
    /// The default port of targets.
    #[serde(default)]
    pub port: Option<u16>,
    /// Its VPC.
    #[serde(default)]
    pub vpc_id: Option<String>,
    /// `TCP` or `HTTP`.
    #[serde(default)]
    pub health_check_protocol: Option<String>,
    /// A port, or `traffic-port` (the default).
    #[serde(default)]
    pub health_check_port: Option<String>,
    /// Only true.
    #[serde(default)]
    pub health_check_enabled: Option<bool>,
    /// For HTTP.
    #[serde(default)]
    pub health_check_path: Option<String>,
    /// 5 to 300.
    #[serde(default)]
    pub health_check_interval_seconds: Option<u32>,
    /// 2 to 120.
    #[serde(default)]
    pub health_check_timeout_seconds: Option<u32>,
    /// 2 to 10.
    #[serde(default)]
    pub healthy_threshold_count: Option<u32>,
    /// 2 to 10.
    #[serde(default)]
    pub unhealthy_threshold_count: Option<u32>,
    /// For HTTP.
    #[serde(default)]
    pub matcher: Option<Matcher>,
    /// `instance` (the default) or `ip`.
    #[serde(default)]
    pub target_type: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<TagInput>,
    /// Only `ipv4`.
    #[serde(default)]
    pub ip_address_type: Option<String>,
    /// Only for HTTP.
    #[serde(default)]
    pub target_control_port: Option<u16>,
}

/// What answers are healthy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Matcher {
    /// For HTTP: `200`, `200,202`, `200-399`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_code: Option<String>,
    /// For gRPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc_code: Option<String>,
}

/// Changes how health is checked.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ModifyTargetGroupRequest {
    /// The target group.
    pub target_group_arn: String,
    /// `TCP` or `HTTP`.
    #[serde(default)]
    pub health_check_protocol: Option<String>,
    /// A port, or `traffic-port`.
    #[serde(default)]
    pub health_check_port: Option<String>,
    /// For HTTP.
    #[serde(default)]
    pub health_check_path: Option<String>,
    /// Only true.
    #[serde(default)]
    pub health_check_enabled: Option<bool>,
    /// 5 to 300.
    #[serde(default)]
    pub health_check_interval_seconds: Option<u32>,
    /// 2 to 120.
    #[serde(default)]
    pub health_check_timeout_seconds: Option<u32>,
    /// 2 to 10.
    #[serde(default)]
    pub healthy_threshold_count: Option<u32>,
    /// 2 to 10.
    #[serde(default)]
    pub unhealthy_threshold_count: Option<u32>,
    /// For HTTP.
    #[serde(default)]
    pub matcher: Option<Matcher>,
}

/// Shows the caller's target groups.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeTargetGroupsRequest {
    /// Those of a load balancer.
    #[serde(default)]
    pub load_balancer_arn: Option<String>,
    /// Which ones, by ARN.
    #[serde(default)]
    pub target_group_arns: Vec<String>,
    /// Which ones, by name.
    #[serde(default)]
    pub names: Vec<String>,
    /// Where the last page ended.
    #[serde(default)]
    pub marker: Option<String>,
    /// How many at most.
    #[serde(default)]
    pub page_size: Option<u32>,
}

/// Deletes a target group that no listener uses.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteTargetGroupRequest {
    /// The target group.
    pub target_group_arn: String,
}

/// Sets attributes of a target group.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ModifyTargetGroupAttributesRequest {
    /// The target group.
    pub target_group_arn: String,
    /// The attributes to set.
    pub attributes: Vec<Attribute>,
}

/// Shows a target group's attributes.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeTargetGroupAttributesRequest {
    /// The target group.
    pub target_group_arn: String,
}

/// Adds targets to a group.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RegisterTargetsRequest {
    /// The target group.
    pub target_group_arn: String,
    /// The targets.
    pub targets: Vec<TargetDescription>,
}

/// Takes targets out of a group.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeregisterTargetsRequest {
    /// The target group.
    pub target_group_arn: String,
    /// The targets.
    pub targets: Vec<TargetDescription>,
}

/// Shows the health of targets.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeTargetHealthRequest {
    /// The target group.
    pub target_group_arn: String,
    /// Which ones; all if none is named.
    #[serde(default)]
    pub targets: Vec<TargetDescription>,
    /// Nothing more is known.
    #[serde(default)]
    pub include: Vec<String>,
}

/// Makes a listener.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateListenerRequest {
    /// The load balancer.
    pub load_balancer_arn: String,
    /// `TCP`, `UDP` or `TCP_UDP`.
    #[serde(default)]
    pub protocol: Option<String>,
    /// The port that it listens on.
    #[serde(default)]
    pub port: Option<u16>,
    /// One: `forward` to a target group.
    pub default_actions: Vec<ListenerAction>,
    /// Only for TLS.
    #[serde(default)]
    pub ssl_policy: Option<String>,
    /// Only for TLS.
    #[serde(default)]
    pub certificates: Vec<Certificate>,
    /// Only for TLS.
    #[serde(default)]
    pub alpn_policy: Vec<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<TagInput>,
    /// Only for TLS.
    #[serde(default)]
    pub mutual_authentication: Option<MutualAuthentication>,
}

/// A certificate of a TLS listener.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Certificate {
    /// Its ARN.
    #[serde(default)]
    pub certificate_arn: Option<String>,
    /// Whether it is the default one.
    #[serde(default)]
    pub is_default: Option<bool>,
}

/// How a TLS listener knows clients.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct MutualAuthentication {
    /// Only `off`.
    #[serde(default)]
    pub mode: Option<String>,
    /// Not supported.
    #[serde(default)]
    pub trust_store_arn: Option<String>,
    /// Not supported.
    #[serde(default)]
    pub ignore_client_certificate_expiry: Option<bool>,
    /// Not supported.
    #[serde(default)]
    pub trust_store_association_status: Option<String>,
    /// Not supported.
    #[serde(default)]
    pub advertise_trust_store_ca_names: Option<String>,
}

/// What a listener does.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ListenerAction {
    /// `forward`.
    #[serde(rename = "Type")]
    pub type_: String,
    /// The target group.
    #[serde(default)]
    pub target_group_arn: Option<String>,
    /// Its place among several.
    #[serde(default)]
    pub order: Option<u32>,
    /// The target group with a weight, instead.
    #[serde(default)]
    pub forward_config: Option<ForwardConfig>,
}

/// Target groups of a listener.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ForwardConfig {
    /// One target group.
    #[serde(default)]
    pub target_groups: Vec<TargetGroupTuple>,
    /// Not supported.
    #[serde(default)]
    pub target_group_stickiness_config: Option<Stickiness>,
}

/// A target group with its weight.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TargetGroupTuple {
    /// The target group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_group_arn: Option<String>,
    /// Its weight among several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
}

/// Whether a client stays with a target group.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Stickiness {
    /// Only false.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// For how long.
    #[serde(default)]
    pub duration_seconds: Option<u32>,
}

/// Changes a listener.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ModifyListenerRequest {
    /// The listener.
    pub listener_arn: String,
    /// Its new port.
    #[serde(default)]
    pub port: Option<u16>,
    /// Its new protocol.
    #[serde(default)]
    pub protocol: Option<String>,
    /// Only for TLS.
    #[serde(default)]
    pub ssl_policy: Option<String>,
    /// Only for TLS.
    #[serde(default)]
    pub certificates: Vec<Certificate>,
    /// One: `forward` to a target group.
    #[serde(default)]
    pub default_actions: Vec<ListenerAction>,
    /// Only for TLS.
    #[serde(default)]
    pub alpn_policy: Vec<String>,
    /// Only for TLS.
    #[serde(default)]
    pub mutual_authentication: Option<MutualAuthentication>,
}

/// Shows a listener's attributes.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeListenerAttributesRequest {
    /// The listener.
    pub listener_arn: String,
}

/// Sets attributes of a listener.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ModifyListenerAttributesRequest {
    /// The listener.
    pub listener_arn: String,
    /// The attributes to set.
    pub attributes: Vec<Attribute>,
}

/// Shows certificates of a TLS listener: not supported.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeListenerCertificatesRequest {
    /// The listener.
    pub listener_arn: String,
    /// Where the last page ended.
    #[serde(default)]
    pub marker: Option<String>,
    /// How many at most.
    #[serde(default)]
    pub page_size: Option<u32>,
}

/// Shows listeners.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeListenersRequest {
    /// Those of a load balancer.
    #[serde(default)]
    pub load_balancer_arn: Option<String>,
    /// Which ones, by ARN.
    #[serde(default)]
    pub listener_arns: Vec<String>,
    /// Where the last page ended.
    #[serde(default)]
    pub marker: Option<String>,
    /// How many at most.
    #[serde(default)]
    pub page_size: Option<u32>,
}

/// Deletes a listener.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteListenerRequest {
    /// The listener.
    pub listener_arn: String,
}

/// Sets tags of load balancers, target groups and listeners.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AddTagsRequest {
    /// The load balancers, target groups or listeners.
    pub resource_arns: Vec<String>,
    /// The tags.
    pub tags: Vec<TagInput>,
}

/// Takes tags from load balancers, target groups and listeners.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RemoveTagsRequest {
    /// The load balancers, target groups or listeners.
    pub resource_arns: Vec<String>,
    /// The tags' keys.
    pub tag_keys: Vec<String>,
}

/// Shows tags of load balancers, target groups and listeners.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeBalancerTagsRequest {
    /// The load balancers, target groups or listeners.
    pub resource_arns: Vec<String>,
}

/// An attribute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Attribute {
    /// Its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// A target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TargetDescription {
    /// An instance id or an address, by the group's type.
    pub id: String,
    /// Its port; the group's if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Its zone; found by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    /// Not supported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quic_server_id: Option<String>,
}
