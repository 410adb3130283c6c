//! What is asked about: endpoint services and VPC endpoints (PrivateLink).

use serde::Deserialize;

use crate::api::requests::requests;

requests! {
    /// Makes an endpoint service.
    tagged CreateVpcEndpointServiceConfigurationRequest {
        /// Its network load balancers.
        #[serde(default, rename = "NetworkLoadBalancerArn")]
        pub network_load_balancer_arns: Vec<String>,
        /// Not supported.
        #[serde(default, rename = "GatewayLoadBalancerArn")]
        pub gateway_load_balancer_arns: Vec<String>,
        /// Whether a connection waits for the owner's word; it does unless this says otherwise.
        #[serde(default)]
        pub acceptance_required: Option<bool>,
        /// The name that consumers may use instead, once it is verified.
        #[serde(default)]
        pub private_dns_name: Option<String>,
        /// Only `ipv4`.
        #[serde(default, rename = "SupportedIpAddressType")]
        pub supported_ip_address_types: Vec<String>,
        /// Only the Region itself.
        #[serde(default, rename = "SupportedRegion")]
        pub supported_regions: Vec<String>,
        /// Makes repeating the call safe.
        #[serde(default)]
        pub client_token: Option<String>,
    }

    /// Shows the caller's endpoint services.
    paged DescribeVpcEndpointServiceConfigurationsRequest {
        /// Which ones; all if none is named.
        #[serde(default, rename = "ServiceId")]
        pub service_ids: Vec<String>,
    }

    /// Changes an endpoint service.
    ModifyVpcEndpointServiceConfigurationRequest {
        /// The endpoint service.
        pub service_id: String,
        /// Whether a connection waits for the owner's word.
        #[serde(default)]
        pub acceptance_required: Option<bool>,
        /// Load balancers to add.
        #[serde(default, rename = "AddNetworkLoadBalancerArn")]
        pub add_network_load_balancer_arns: Vec<String>,
        /// Load balancers to take away.
        #[serde(default, rename = "RemoveNetworkLoadBalancerArn")]
        pub remove_network_load_balancer_arns: Vec<String>,
        /// Not supported.
        #[serde(default, rename = "AddGatewayLoadBalancerArn")]
        pub add_gateway_load_balancer_arns: Vec<String>,
        /// Not supported.
        #[serde(default, rename = "RemoveGatewayLoadBalancerArn")]
        pub remove_gateway_load_balancer_arns: Vec<String>,
        /// A new private DNS name.
        #[serde(default)]
        pub private_dns_name: Option<String>,
        /// Takes the private DNS name away: no endpoint may be connected then.
        #[serde(default)]
        pub remove_private_dns_name: bool,
        /// Only `ipv4`.
        #[serde(default, rename = "AddSupportedIpAddressType")]
        pub add_supported_ip_address_types: Vec<String>,
        /// Not `ipv4`.
        #[serde(default, rename = "RemoveSupportedIpAddressType")]
        pub remove_supported_ip_address_types: Vec<String>,
        /// Only the Region itself.
        #[serde(default, rename = "AddSupportedRegion")]
        pub add_supported_regions: Vec<String>,
        /// Not the Region itself.
        #[serde(default, rename = "RemoveSupportedRegion")]
        pub remove_supported_regions: Vec<String>,
    }

    /// Looks for the TXT record that proves a private DNS name.
    StartVpcEndpointServicePrivateDnsVerificationRequest {
        /// The endpoint service.
        pub service_id: String,
    }

    /// Deletes endpoint services.
    DeleteVpcEndpointServiceConfigurationsRequest {
        /// Which ones.
        #[serde(rename = "ServiceId")]
        pub service_ids: Vec<String>,
    }

    /// Changes who may connect to an endpoint service.
    ModifyVpcEndpointServicePermissionsRequest {
        /// The endpoint service.
        pub service_id: String,
        /// Principals to allow.
        #[serde(default)]
        pub add_allowed_principals: Vec<String>,
        /// Principals to allow no more; accepted connections go on.
        #[serde(default)]
        pub remove_allowed_principals: Vec<String>,
    }

    /// Shows who may connect to an endpoint service.
    paged DescribeVpcEndpointServicePermissionsRequest {
        /// The endpoint service.
        pub service_id: String,
    }

    /// Shows the endpoint services that the caller may connect to.
    paged DescribeVpcEndpointServicesRequest {
        /// Which ones; all if none is named.
        #[serde(default, rename = "ServiceName")]
        pub service_names: Vec<String>,
        /// Only the caller's Region.
        #[serde(default, rename = "ServiceRegion")]
        pub service_regions: Vec<String>,
    }

    /// Makes an interface or a gateway endpoint.
    tagged CreateVpcEndpointRequest {
        /// `Interface` or, which is the default, `Gateway`.
        #[serde(default)]
        pub vpc_endpoint_type: Option<String>,
        /// Its VPC.
        pub vpc_id: String,
        /// The service that it leads to.
        #[serde(default)]
        pub service_name: Option<String>,
        /// A subnet in each zone.
        #[serde(default, rename = "SubnetId")]
        pub subnet_ids: Vec<String>,
        /// Its groups; the VPC's default one if none is named.
        #[serde(default, rename = "SecurityGroupId")]
        pub security_group_ids: Vec<String>,
        /// Addresses by subnet.
        #[serde(default, rename = "SubnetConfiguration")]
        pub subnet_configurations: Vec<SubnetConfiguration>,
        /// Whether the service's private DNS name resolves in the VPC.
        #[serde(default)]
        pub private_dns_enabled: Option<bool>,
        /// Only `ipv4`.
        #[serde(default)]
        pub ip_address_type: Option<String>,
        /// Not supported.
        #[serde(default)]
        pub policy_document: Option<String>,
        /// Only for gateway endpoints.
        #[serde(default, rename = "RouteTableId")]
        pub route_table_ids: Vec<String>,
        /// Only `ipv4`.
        #[serde(default)]
        pub dns_options: Option<DnsOptions>,
        /// Not supported.
        #[serde(default)]
        pub service_network_arn: Option<String>,
        /// Not supported.
        #[serde(default)]
        pub resource_configuration_arn: Option<String>,
        /// Only the VPC's Region.
        #[serde(default)]
        pub service_region: Option<String>,
        /// Makes repeating the call safe.
        #[serde(default)]
        pub client_token: Option<String>,
    }
}

/// An endpoint's address in a subnet.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct SubnetConfiguration {
    /// The subnet.
    #[serde(default)]
    pub subnet_id: Option<String>,
    /// The address.
    #[serde(default)]
    pub ipv4: Option<String>,
    /// Not supported.
    #[serde(default)]
    pub ipv6: Option<String>,
}

/// How an endpoint's names resolve.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DnsOptions {
    /// Only `ipv4`.
    #[serde(default)]
    pub dns_record_ip_type: Option<String>,
    /// Not supported.
    #[serde(default)]
    pub private_dns_only_for_inbound_resolver_endpoint: Option<bool>,
    /// Not supported.
    #[serde(default)]
    pub private_dns_preference: Option<String>,
    /// Not supported.
    #[serde(default, rename = "PrivateDnsSpecifiedDomain")]
    pub private_dns_specified_domains: Vec<String>,
}

requests! {
    /// Shows the caller's endpoints.
    paged DescribeVpcEndpointsRequest {
        /// Which ones; all if none is named.
        #[serde(default, rename = "VpcEndpointId")]
        pub vpc_endpoint_ids: Vec<String>,
    }

    /// Changes an endpoint's groups and subnets.
    ModifyVpcEndpointRequest {
        /// The endpoint.
        pub vpc_endpoint_id: String,
        /// Subnets to add.
        #[serde(default, rename = "AddSubnetId")]
        pub add_subnet_ids: Vec<String>,
        /// Subnets to take away.
        #[serde(default, rename = "RemoveSubnetId")]
        pub remove_subnet_ids: Vec<String>,
        /// Groups to add.
        #[serde(default, rename = "AddSecurityGroupId")]
        pub add_security_group_ids: Vec<String>,
        /// Groups to take away.
        #[serde(default, rename = "RemoveSecurityGroupId")]
        pub remove_security_group_ids: Vec<String>,
        /// Only for gateway endpoints.
        #[serde(default, rename = "AddRouteTableId")]
        pub add_route_table_ids: Vec<String>,
        /// Only for gateway endpoints.
        #[serde(default, rename = "RemoveRouteTableId")]
        pub remove_route_table_ids: Vec<String>,
        /// Addresses of subnets to add.
        #[serde(default, rename = "SubnetConfiguration")]
        pub subnet_configurations: Vec<SubnetConfiguration>,
        /// Whether the service's private DNS name resolves in the VPC.
        #[serde(default)]
        pub private_dns_enabled: Option<bool>,
        /// Only `ipv4`.
        #[serde(default)]
        pub ip_address_type: Option<String>,
        /// Not supported.
        #[serde(default)]
        pub policy_document: Option<String>,
        /// The policy is always the default one: nothing to do.
        #[serde(default)]
        pub reset_policy: Option<bool>,
        /// Only `ipv4`.
        #[serde(default)]
        pub dns_options: Option<DnsOptions>,
    }

    /// Deletes endpoints.
    DeleteVpcEndpointsRequest {
        /// The endpoints.
        #[serde(rename = "VpcEndpointId")]
        pub vpc_endpoint_ids: Vec<String>,
    }

    /// Shows the connections to the caller's endpoint services.
    paged DescribeVpcEndpointConnectionsRequest {}

    /// Accepts connections to an endpoint service.
    AcceptVpcEndpointConnectionsRequest,
    /// Rejects connections to an endpoint service, accepted ones too.
    RejectVpcEndpointConnectionsRequest {
        /// The endpoint service.
        pub service_id: String,
        /// The endpoints.
        #[serde(rename = "VpcEndpointId")]
        pub vpc_endpoint_ids: Vec<String>,
    }
}
