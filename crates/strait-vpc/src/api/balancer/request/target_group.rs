//! What is asked about: target groups and targets.

use serde::{Deserialize, Serialize};

use crate::api::requests::balancer_requests;
use crate::api::{Attribute, TagInput};

balancer_requests! {
    /// Makes a target group.
    CreateTargetGroupRequest {
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

    /// Changes how health is checked.
    ModifyTargetGroupRequest {
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
    paged DescribeTargetGroupsRequest {
        /// Those of a load balancer.
        #[serde(default)]
        pub load_balancer_arn: Option<String>,
        /// Which ones, by ARN.
        #[serde(default)]
        pub target_group_arns: Vec<String>,
        /// Which ones, by name.
        #[serde(default)]
        pub names: Vec<String>,
    }

    /// Deletes a target group that no listener uses.
    DeleteTargetGroupRequest {
        /// The target group.
        pub target_group_arn: String,
    }

    /// Sets attributes of a target group.
    ModifyTargetGroupAttributesRequest {
        /// The target group.
        pub target_group_arn: String,
        /// The attributes to set.
        pub attributes: Vec<Attribute>,
    }

    /// Shows a target group's attributes.
    DescribeTargetGroupAttributesRequest {
        /// The target group.
        pub target_group_arn: String,
    }

    /// Adds targets to a group.
    RegisterTargetsRequest,
    /// Takes targets out of a group.
    DeregisterTargetsRequest {
        /// The target group.
        pub target_group_arn: String,
        /// The targets.
        pub targets: Vec<TargetDescription>,
    }

    /// Shows the health of targets.
    DescribeTargetHealthRequest {
        /// The target group.
        pub target_group_arn: String,
        /// Which ones; all if none is named.
        #[serde(default)]
        pub targets: Vec<TargetDescription>,
        /// Nothing more is known.
        #[serde(default)]
        pub include: Vec<String>,
    }
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
