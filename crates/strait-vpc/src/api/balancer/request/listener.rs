//! What is asked about: listeners.

use serde::{Deserialize, Serialize};

use crate::api::requests::balancer_requests;
use crate::api::{Attribute, TagInput};

balancer_requests! {
    /// Shows policies of TLS listeners: not supported.
    paged DescribeSSLPoliciesRequest {
        /// Which ones.
        #[serde(default)]
        pub names: Vec<String>,
        /// Those for this type of load balancer.
        #[serde(default)]
        pub load_balancer_type: Option<String>,
    }

    /// Makes a listener.
    CreateListenerRequest {
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

    /// Changes a listener.
    ModifyListenerRequest {
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
    DescribeListenerAttributesRequest {
        /// The listener.
        pub listener_arn: String,
    }

    /// Sets attributes of a listener.
    ModifyListenerAttributesRequest {
        /// The listener.
        pub listener_arn: String,
        /// The attributes to set.
        pub attributes: Vec<Attribute>,
    }

    /// Shows certificates of a TLS listener: not supported.
    paged DescribeListenerCertificatesRequest {
        /// The listener.
        pub listener_arn: String,
    }

    /// Shows listeners.
    paged DescribeListenersRequest {
        /// Those of a load balancer.
        #[serde(default)]
        pub load_balancer_arn: Option<String>,
        /// Which ones, by ARN.
        #[serde(default)]
        pub listener_arns: Vec<String>,
    }

    /// Deletes a listener.
    DeleteListenerRequest {
        /// The listener.
        pub listener_arn: String,
    }
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
