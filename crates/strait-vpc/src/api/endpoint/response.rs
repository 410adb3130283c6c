//! What is answered about: endpoint services and VPC endpoints (PrivateLink).

use jiff::Timestamp;
use serde::Serialize;

use crate::api::answers::answers;
use crate::api::{Done, Items, TagItem};

answers! {
    Done {
        /// The service was changed.
        ModifyVpcEndpointServiceConfigurationResponse,
        /// The record is looked for.
        StartVpcEndpointServicePrivateDnsVerificationResponse,
        /// The endpoint was changed.
        ModifyVpcEndpointResponse,
    }
    Unsuccessful {
        /// What was not deleted.
        DeleteVpcEndpointServiceConfigurationsResponse,
        /// What was not deleted.
        DeleteVpcEndpointsResponse,
        /// What was not accepted.
        AcceptVpcEndpointConnectionsResponse,
        /// What was not rejected.
        RejectVpcEndpointConnectionsResponse,
    }
}

/// The service that was made.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateVpcEndpointServiceConfigurationResponse {
    /// The service.
    pub service_configuration: ServiceConfigurationItem,
    /// The call's token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
}

/// An endpoint service as its owner sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceConfigurationItem {
    /// Its kind: `Interface`.
    pub service_type: Items<ServiceTypeItem>,
    /// Its id.
    pub service_id: String,
    /// Its name.
    pub service_name: String,
    /// `Available`.
    pub service_state: &'static str,
    /// The zones that it has nodes in.
    #[serde(rename = "availabilityZoneSet")]
    pub availability_zones: Items<String>,
    /// The ids of the zones that it has nodes in.
    #[serde(rename = "availabilityZoneIdSet")]
    pub availability_zone_ids: Items<String>,
    /// Whether a connection waits for the owner's word.
    pub acceptance_required: bool,
    /// Always false.
    pub manages_vpc_endpoints: bool,
    /// Its load balancers.
    #[serde(rename = "networkLoadBalancerArnSet")]
    pub network_load_balancer_arns: Items<String>,
    /// `ipv4`.
    #[serde(rename = "supportedIpAddressTypeSet")]
    pub supported_ip_address_types: Items<&'static str>,
    /// The name that names of endpoints end in.
    #[serde(rename = "baseEndpointDnsNameSet")]
    pub base_endpoint_dns_names: Items<String>,
    /// Its private DNS name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_dns_name: Option<String>,
    /// What proves that the name is the owner's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_dns_name_configuration: Option<PrivateDnsNameConfigurationItem>,
    /// Its tags.
    #[serde(rename = "tagSet")]
    pub tags: Items<TagItem>,
}

/// What proves that a private DNS name is its owner's: a TXT record of the domain.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PrivateDnsNameConfigurationItem {
    /// Its state.
    pub state: &'static str,
    /// The record's type: `TXT`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The record's value.
    pub value: String,
    /// The first label of the record's name; the domain follows.
    pub name: String,
}

/// A private DNS name.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PrivateDnsDetailsItem {
    /// The name.
    pub private_dns_name: String,
}

/// The kind of an endpoint service.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceTypeItem {
    /// `Interface`.
    pub service_type: &'static str,
}

/// Endpoint services.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeVpcEndpointServiceConfigurationsResponse {
    /// The services.
    #[serde(rename = "serviceConfigurationSet")]
    pub service_configurations: Items<ServiceConfigurationItem>,
    /// Where this page ended, if there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// What could not be done, of a call that does several things.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unsuccessful {
    /// Empty when all was done.
    pub unsuccessful: Items<UnsuccessfulItem>,
}

/// One thing that could not be done.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnsuccessfulItem {
    /// Why.
    pub error: UnsuccessfulError,
    /// What it was about.
    pub resource_id: String,
}

/// Why one thing could not be done.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnsuccessfulError {
    /// The code.
    pub code: String,
    /// The message.
    pub message: String,
}

/// Who is allowed now and was not before.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModifyVpcEndpointServicePermissionsResponse {
    /// The principals.
    #[serde(rename = "addedPrincipalSet")]
    pub added_principals: Items<AddedPrincipalItem>,
    /// Always true: a failure is an error.
    #[serde(rename = "return")]
    pub done: bool,
}

/// A principal that was allowed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AddedPrincipalItem {
    /// Its kind.
    pub principal_type: &'static str,
    /// The principal.
    pub principal: String,
    /// The permission's id.
    pub service_permission_id: String,
    /// The service.
    pub service_id: String,
}

/// Who may connect.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeVpcEndpointServicePermissionsResponse {
    /// The principals.
    pub allowed_principals: Items<AllowedPrincipalItem>,
    /// Where this page ended, if there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A principal that may connect.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AllowedPrincipalItem {
    /// Its kind.
    pub principal_type: &'static str,
    /// The principal.
    pub principal: String,
    /// The permission's id.
    pub service_permission_id: String,
    /// Its tags.
    #[serde(rename = "tagSet")]
    pub tags: Items<TagItem>,
    /// The service.
    pub service_id: String,
}

/// Endpoint services that the caller may connect to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeVpcEndpointServicesResponse {
    /// Their names.
    #[serde(rename = "serviceNameSet")]
    pub service_names: Items<String>,
    /// The services.
    #[serde(rename = "serviceDetailSet")]
    pub service_details: Items<ServiceDetailItem>,
    /// Where this page ended, if there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// An endpoint service as others see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceDetailItem {
    /// Its name.
    pub service_name: String,
    /// Its id.
    pub service_id: String,
    /// Its kind: `Interface`.
    pub service_type: Items<ServiceTypeItem>,
    /// Where it is.
    pub service_region: String,
    /// The zones that it has nodes in.
    #[serde(rename = "availabilityZoneSet")]
    pub availability_zones: Items<String>,
    /// The ids of the zones that it has nodes in.
    #[serde(rename = "availabilityZoneIdSet")]
    pub availability_zone_ids: Items<String>,
    /// Who owns it.
    pub owner: String,
    /// The name that names of endpoints end in.
    #[serde(rename = "baseEndpointDnsNameSet")]
    pub base_endpoint_dns_names: Items<String>,
    /// Its private DNS name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_dns_name: Option<String>,
    /// The same, as a list.
    #[serde(rename = "privateDnsNameSet")]
    pub private_dns_names: Items<PrivateDnsDetailsItem>,
    /// Whether the name is proved to be the owner's; endpoints use it only then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_dns_name_verification_state: Option<&'static str>,
    /// Always false.
    pub vpc_endpoint_policy_supported: bool,
    /// Whether a connection waits for the owner's word.
    pub acceptance_required: bool,
    /// Always false.
    pub manages_vpc_endpoints: bool,
    /// Its tags.
    #[serde(rename = "tagSet")]
    pub tags: Items<TagItem>,
    /// `ipv4`.
    #[serde(rename = "supportedIpAddressTypeSet")]
    pub supported_ip_address_types: Items<&'static str>,
}

/// The endpoint that was made.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateVpcEndpointResponse {
    /// The endpoint.
    pub vpc_endpoint: VpcEndpointItem,
    /// The call's token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
}

/// An endpoint.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VpcEndpointItem {
    /// Its id.
    pub vpc_endpoint_id: String,
    /// `Interface` or `Gateway`.
    pub vpc_endpoint_type: &'static str,
    /// Its VPC.
    pub vpc_id: String,
    /// The service that it leads to.
    pub service_name: String,
    /// Its state.
    pub state: &'static str,
    /// The default policy: everything is allowed.
    pub policy_document: &'static str,
    /// The route tables with a route to it, if it is a gateway endpoint.
    #[serde(rename = "routeTableIdSet")]
    pub route_table_ids: Items<String>,
    /// Its subnets.
    #[serde(rename = "subnetIdSet")]
    pub subnet_ids: Items<String>,
    /// Its groups.
    #[serde(rename = "groupSet")]
    pub groups: Items<EndpointGroupItem>,
    /// `ipv4`.
    pub ip_address_type: &'static str,
    /// How its names resolve.
    pub dns_options: DnsOptionsItem,
    /// Whether the service's private DNS name resolves in the VPC.
    pub private_dns_enabled: bool,
    /// Always false.
    pub requester_managed: bool,
    /// Its interfaces.
    #[serde(rename = "networkInterfaceIdSet")]
    pub network_interface_ids: Items<String>,
    /// Its names: the first is the Regional one, the others are a zone's each.
    #[serde(rename = "dnsEntrySet")]
    pub dns_entries: Items<DnsEntryItem>,
    /// When it was made.
    #[serde(serialize_with = "crate::api::common::to_millisecond")]
    pub creation_timestamp: Timestamp,
    /// Its tags.
    #[serde(rename = "tagSet")]
    pub tags: Items<TagItem>,
    /// Who owns it.
    pub owner_id: String,
    /// Where its service is.
    pub service_region: String,
}

/// A group of an endpoint.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointGroupItem {
    /// Its id.
    pub group_id: String,
    /// Its name.
    pub group_name: String,
}

/// How an endpoint's names resolve.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DnsOptionsItem {
    /// `ipv4`.
    pub dns_record_ip_type: &'static str,
}

/// A name of an endpoint.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DnsEntryItem {
    /// The name.
    pub dns_name: String,
    /// The hosted zone that it is in.
    pub hosted_zone_id: String,
}

/// Endpoints.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeVpcEndpointsResponse {
    /// The endpoints.
    #[serde(rename = "vpcEndpointSet")]
    pub vpc_endpoints: Items<VpcEndpointItem>,
    /// Where this page ended, if there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// Connections to endpoint services.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeVpcEndpointConnectionsResponse {
    /// The connections.
    #[serde(rename = "vpcEndpointConnectionSet")]
    pub vpc_endpoint_connections: Items<VpcEndpointConnectionItem>,
    /// Where this page ended, if there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A connection of an endpoint to the caller's service.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VpcEndpointConnectionItem {
    /// The service.
    pub service_id: String,
    /// The endpoint.
    pub vpc_endpoint_id: String,
    /// Who owns the endpoint.
    pub vpc_endpoint_owner: String,
    /// The endpoint's state.
    pub vpc_endpoint_state: &'static str,
    /// When the endpoint was made.
    #[serde(serialize_with = "crate::api::common::to_millisecond")]
    pub creation_timestamp: Timestamp,
    /// The endpoint's names.
    #[serde(rename = "dnsEntrySet")]
    pub dns_entries: Items<DnsEntryItem>,
    /// The service's load balancers.
    #[serde(rename = "networkLoadBalancerArnSet")]
    pub network_load_balancer_arns: Items<String>,
    /// `ipv4`.
    pub ip_address_type: &'static str,
    /// The connection's id.
    pub vpc_endpoint_connection_id: String,
    /// Always empty: a connection has no tags of its own here.
    #[serde(rename = "tagSet")]
    pub tags: Items<TagItem>,
    /// Where the endpoint is.
    pub vpc_endpoint_region: String,
}
