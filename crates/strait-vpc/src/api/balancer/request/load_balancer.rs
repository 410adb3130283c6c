//! What is asked about: network load balancers.

use serde::Deserialize;

use crate::api::requests::balancer_requests;
use crate::api::{Attribute, TagInput};

balancer_requests! {
    /// Makes a network load balancer.
    CreateLoadBalancerRequest {
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

    /// Shows the caller's load balancers.
    paged DescribeLoadBalancersRequest {
        /// Which ones, by ARN.
        #[serde(default)]
        pub load_balancer_arns: Vec<String>,
        /// Which ones, by name.
        #[serde(default)]
        pub names: Vec<String>,
    }

    /// Deletes a load balancer and its listeners.
    DeleteLoadBalancerRequest {
        /// The load balancer.
        pub load_balancer_arn: String,
    }

    /// Sets attributes of a load balancer.
    ModifyLoadBalancerAttributesRequest {
        /// The load balancer.
        pub load_balancer_arn: String,
        /// The attributes to set.
        pub attributes: Vec<Attribute>,
    }

    /// Shows a load balancer's attributes.
    DescribeLoadBalancerAttributesRequest {
        /// The load balancer.
        pub load_balancer_arn: String,
    }

    /// Sets a load balancer's groups.
    SetSecurityGroupsRequest {
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
    SetSubnetsRequest {
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
    SetIpAddressTypeRequest {
        /// The load balancer.
        pub load_balancer_arn: String,
        /// Only `ipv4`.
        pub ip_address_type: String,
    }

    /// Shows the account's quotas of load balancing.
    paged DescribeAccountLimitsRequest {}
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
