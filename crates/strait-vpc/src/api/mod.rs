//! The shapes of calls: one request and one response a call, named and spelt as AWS does.
//!
//! Requests are read from the Query protocol by `strait-wire` through serde: field names are the protocol's
//! (`PascalCase`), unknown ones are refused. Responses are written as XML through serde: field names are the tags
//! (`camelCase` for EC2, `PascalCase` for Elastic Load Balancing and STS).

mod account;
mod acl;
mod address;
mod answers;
mod balancer;
mod common;
mod endpoint;
mod gateway;
mod group;
mod instance;
mod interface;
mod peering;
mod prefix_list;
mod region;
mod requests;
mod route;
mod subnet;
mod tag;
mod vpc;
mod zone;

use serde::{Deserialize, Serialize};

pub use account::*;
pub use acl::*;
pub use address::*;
pub use balancer::*;
pub use common::*;
pub use endpoint::*;
pub use gateway::*;
pub use group::*;
pub use instance::*;
pub use interface::*;
pub use peering::*;
pub use prefix_list::*;
pub use region::*;
pub use route::*;
pub use subnet::*;
pub use tag::*;
pub use vpc::*;
pub use zone::*;

/// Which AWS service a call belongs to; it decides the envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// `ec2`, version 2016-11-15.
    Ec2,
    /// `elasticloadbalancing`, version 2015-12-01.
    Elb,
    /// `sts`, version 2011-06-15.
    Sts,
    /// `route53`, version 2013-04-01.
    Route53,
}

/// The name of a call in the protocol: its own, unless it is given after `as`.
macro_rules! wire_name {
    ($name:ident) => {
        stringify!($name)
    };
    ($name:ident $wire:ident) => {
        stringify!($wire)
    };
}

/// Whether a call only checks: `DryRun`, which EC2 alone has.
macro_rules! dry_run {
    (Ec2 $request:ident) => {
        $request.dry_run
    };
    ($other:ident $request:ident) => {{
        let _ = $request;
        false
    }};
}

/// Lists every call once: the request and response types are `NAMERequest` and `NAMEResponse`.
/// `NAME as WIRE` names one differently from the protocol, where two services have a call of the same name.
macro_rules! calls {
    ($($service:ident { $($name:ident $(as $wire:ident)? ($request:ident) -> $response:ident),* $(,)? })*) => {
        /// A call, as it is asked for.
        #[derive(Debug, Clone)]
        #[allow(missing_docs, reason = "each is AWS's call of that name")]
        pub enum Action {
            $($($name($request),)*)*
        }

        /// The answer to a call.
        #[derive(Debug, Clone, Serialize)]
        #[serde(untagged)]
        #[allow(clippy::large_enum_variant, reason = "an answer is made once and written at once")]
        #[allow(missing_docs, reason = "each answers AWS's call of that name")]
        pub enum Response {
            $($($name($response),)*)*
        }

        impl Action {
            /// All calls that there are, with their service.
            pub const ALL: &'static [(Service, &'static str)] = &[$($((Service::$service, wire_name!($name $($wire)?)),)*)*];

            /// Reads the parameters of the call with this name; `None` if there is no such call.
            pub fn read<'de, D: serde::Deserializer<'de>>(
                service: Service,
                name: &str,
                parameters: D,
            ) -> Option<Result<Self, D::Error>> {
                match (service, name) {
                    $($((Service::$service, wire_name!($name $($wire)?)) => {
                        Some($request::deserialize(parameters).map(Action::$name))
                    })*)*
                    (Service::Ec2 | Service::Elb | Service::Sts | Service::Route53, _) => None,
                }
            }

            /// Whether the call only checks what it would do (`DryRun`).
            #[must_use]
            pub const fn is_dry_run(&self) -> bool {
                match self {
                    $($(Self::$name(request) => dry_run!($service request),)*)*
                }
            }

            /// Whether the call only looks, as AWS's names say: all but one of them.
            #[must_use]
            pub fn is_read(&self) -> bool {
                !matches!(self, Self::GetSessionToken(_))
                    && ["Describe", "Get", "List"].iter().any(|verb| self.name().starts_with(verb))
            }

            /// The call's name.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $($(Self::$name(_) => wire_name!($name $($wire)?),)*)*
                }
            }
        }

        $($(
            impl From<$request> for Action {
                fn from(request: $request) -> Self {
                    Self::$name(request)
                }
            }

            impl TryFrom<Response> for $response {
                type Error = Response;

                fn try_from(response: Response) -> Result<Self, Response> {
                    if let Response::$name(answer) = response {
                        return Ok(answer);
                    }
                    Err(response)
                }
            }
        )*)*
    };
}

calls! {
    Ec2 {
        CreateVpc(CreateVpcRequest) -> CreateVpcResponse,
        CreateDefaultVpc(CreateDefaultVpcRequest) -> CreateDefaultVpcResponse,
        DescribeVpcs(DescribeVpcsRequest) -> DescribeVpcsResponse,
        DeleteVpc(DeleteVpcRequest) -> DeleteVpcResponse,
        ModifyVpcAttribute(ModifyVpcAttributeRequest) -> ModifyVpcAttributeResponse,
        DescribeVpcAttribute(DescribeVpcAttributeRequest) -> DescribeVpcAttributeResponse,
        AssociateSubnetCidrBlock(AssociateSubnetCidrBlockRequest) -> AssociateSubnetCidrBlockResponse,
        DisassociateSubnetCidrBlock(DisassociateSubnetCidrBlockRequest) -> DisassociateSubnetCidrBlockResponse,
        AssociateVpcCidrBlock(AssociateVpcCidrBlockRequest) -> AssociateVpcCidrBlockResponse,
        DisassociateVpcCidrBlock(DisassociateVpcCidrBlockRequest) -> DisassociateVpcCidrBlockResponse,
        CreateSubnet(CreateSubnetRequest) -> CreateSubnetResponse,
        DescribeSubnets(DescribeSubnetsRequest) -> DescribeSubnetsResponse,
        DeleteSubnet(DeleteSubnetRequest) -> DeleteSubnetResponse,
        ModifySubnetAttribute(ModifySubnetAttributeRequest) -> ModifySubnetAttributeResponse,
        CreateRouteTable(CreateRouteTableRequest) -> CreateRouteTableResponse,
        DescribeRouteTables(DescribeRouteTablesRequest) -> DescribeRouteTablesResponse,
        DeleteRouteTable(DeleteRouteTableRequest) -> DeleteRouteTableResponse,
        AssociateRouteTable(AssociateRouteTableRequest) -> AssociateRouteTableResponse,
        DisassociateRouteTable(DisassociateRouteTableRequest) -> DisassociateRouteTableResponse,
        ReplaceRouteTableAssociation(ReplaceRouteTableAssociationRequest) -> ReplaceRouteTableAssociationResponse,
        CreateRoute(CreateRouteRequest) -> CreateRouteResponse,
        ReplaceRoute(ReplaceRouteRequest) -> ReplaceRouteResponse,
        DeleteRoute(DeleteRouteRequest) -> DeleteRouteResponse,
        CreateInternetGateway(CreateInternetGatewayRequest) -> CreateInternetGatewayResponse,
        DescribeInternetGateways(DescribeInternetGatewaysRequest) -> DescribeInternetGatewaysResponse,
        AttachInternetGateway(AttachInternetGatewayRequest) -> AttachInternetGatewayResponse,
        DetachInternetGateway(DetachInternetGatewayRequest) -> DetachInternetGatewayResponse,
        DeleteInternetGateway(DeleteInternetGatewayRequest) -> DeleteInternetGatewayResponse,
        CreateSecurityGroup(CreateSecurityGroupRequest) -> CreateSecurityGroupResponse,
        DescribeSecurityGroups(DescribeSecurityGroupsRequest) -> DescribeSecurityGroupsResponse,
        DeleteSecurityGroup(DeleteSecurityGroupRequest) -> DeleteSecurityGroupResponse,
        AuthorizeSecurityGroupIngress(AuthorizeSecurityGroupIngressRequest) -> AuthorizeSecurityGroupIngressResponse,
        AuthorizeSecurityGroupEgress(AuthorizeSecurityGroupEgressRequest) -> AuthorizeSecurityGroupEgressResponse,
        RevokeSecurityGroupIngress(RevokeSecurityGroupIngressRequest) -> RevokeSecurityGroupIngressResponse,
        RevokeSecurityGroupEgress(RevokeSecurityGroupEgressRequest) -> RevokeSecurityGroupEgressResponse,
        DescribeSecurityGroupRules(DescribeSecurityGroupRulesRequest) -> DescribeSecurityGroupRulesResponse,
        ModifySecurityGroupRules(ModifySecurityGroupRulesRequest) -> ModifySecurityGroupRulesResponse,
        UpdateSecurityGroupRuleDescriptionsIngress(UpdateSecurityGroupRuleDescriptionsIngressRequest)
            -> UpdateSecurityGroupRuleDescriptionsIngressResponse,
        UpdateSecurityGroupRuleDescriptionsEgress(UpdateSecurityGroupRuleDescriptionsEgressRequest)
            -> UpdateSecurityGroupRuleDescriptionsEgressResponse,
        DescribeSecurityGroupReferences(DescribeSecurityGroupReferencesRequest) -> DescribeSecurityGroupReferencesResponse,
        DescribeStaleSecurityGroups(DescribeStaleSecurityGroupsRequest) -> DescribeStaleSecurityGroupsResponse,
        CreateManagedPrefixList(CreateManagedPrefixListRequest) -> CreateManagedPrefixListResponse,
        DescribeManagedPrefixLists(DescribeManagedPrefixListsRequest) -> DescribeManagedPrefixListsResponse,
        GetManagedPrefixListEntries(GetManagedPrefixListEntriesRequest) -> GetManagedPrefixListEntriesResponse,
        GetManagedPrefixListAssociations(GetManagedPrefixListAssociationsRequest) -> GetManagedPrefixListAssociationsResponse,
        ModifyManagedPrefixList(ModifyManagedPrefixListRequest) -> ModifyManagedPrefixListResponse,
        RestoreManagedPrefixListVersion(RestoreManagedPrefixListVersionRequest) -> RestoreManagedPrefixListVersionResponse,
        DeleteManagedPrefixList(DeleteManagedPrefixListRequest) -> DeleteManagedPrefixListResponse,
        DescribePrefixLists(DescribePrefixListsRequest) -> DescribePrefixListsResponse,
        CreateNetworkAcl(CreateNetworkAclRequest) -> CreateNetworkAclResponse,
        DescribeNetworkAcls(DescribeNetworkAclsRequest) -> DescribeNetworkAclsResponse,
        DeleteNetworkAcl(DeleteNetworkAclRequest) -> DeleteNetworkAclResponse,
        CreateNetworkAclEntry(CreateNetworkAclEntryRequest) -> CreateNetworkAclEntryResponse,
        ReplaceNetworkAclEntry(ReplaceNetworkAclEntryRequest) -> ReplaceNetworkAclEntryResponse,
        DeleteNetworkAclEntry(DeleteNetworkAclEntryRequest) -> DeleteNetworkAclEntryResponse,
        ReplaceNetworkAclAssociation(ReplaceNetworkAclAssociationRequest) -> ReplaceNetworkAclAssociationResponse,
        CreateVpcPeeringConnection(CreateVpcPeeringConnectionRequest) -> CreateVpcPeeringConnectionResponse,
        DescribeVpcPeeringConnections(DescribeVpcPeeringConnectionsRequest) -> DescribeVpcPeeringConnectionsResponse,
        AcceptVpcPeeringConnection(AcceptVpcPeeringConnectionRequest) -> AcceptVpcPeeringConnectionResponse,
        RejectVpcPeeringConnection(RejectVpcPeeringConnectionRequest) -> RejectVpcPeeringConnectionResponse,
        DeleteVpcPeeringConnection(DeleteVpcPeeringConnectionRequest) -> DeleteVpcPeeringConnectionResponse,
        ModifyVpcPeeringConnectionOptions(ModifyVpcPeeringConnectionOptionsRequest) -> ModifyVpcPeeringConnectionOptionsResponse,
        AllocateAddress(AllocateAddressRequest) -> AllocateAddressResponse,
        DescribeAddresses(DescribeAddressesRequest) -> DescribeAddressesResponse,
        DescribeAddressesAttribute(DescribeAddressesAttributeRequest) -> DescribeAddressesAttributeResponse,
        AssociateAddress(AssociateAddressRequest) -> AssociateAddressResponse,
        DisassociateAddress(DisassociateAddressRequest) -> DisassociateAddressResponse,
        ReleaseAddress(ReleaseAddressRequest) -> ReleaseAddressResponse,
        RunInstances(RunInstancesRequest) -> RunInstancesResponse,
        DescribeInstances(DescribeInstancesRequest) -> DescribeInstancesResponse,
        TerminateInstances(TerminateInstancesRequest) -> TerminateInstancesResponse,
        DescribeInstanceStatus(DescribeInstanceStatusRequest) -> DescribeInstanceStatusResponse,
        DescribeImages(DescribeImagesRequest) -> DescribeImagesResponse,
        CreateNetworkInterface(CreateNetworkInterfaceRequest) -> CreateNetworkInterfaceResponse,
        DescribeNetworkInterfaces(DescribeNetworkInterfacesRequest) -> DescribeNetworkInterfacesResponse,
        DeleteNetworkInterface(DeleteNetworkInterfaceRequest) -> DeleteNetworkInterfaceResponse,
        ModifyNetworkInterfaceAttribute(ModifyNetworkInterfaceAttributeRequest) -> ModifyNetworkInterfaceAttributeResponse,
        CreateTags(CreateTagsRequest) -> CreateTagsResponse,
        DeleteTags(DeleteTagsRequest) -> DeleteTagsResponse,
        DescribeTags(DescribeTagsRequest) -> DescribeTagsResponse,
        DescribeRegions(DescribeRegionsRequest) -> DescribeRegionsResponse,
        DescribeAvailabilityZones(DescribeAvailabilityZonesRequest) -> DescribeAvailabilityZonesResponse,
        DescribeAccountAttributes(DescribeAccountAttributesRequest) -> DescribeAccountAttributesResponse,
        DescribeDhcpOptions(DescribeDhcpOptionsRequest) -> DescribeDhcpOptionsResponse,
        CreateVpcEndpointServiceConfiguration(CreateVpcEndpointServiceConfigurationRequest) -> CreateVpcEndpointServiceConfigurationResponse,
        DescribeVpcEndpointServiceConfigurations(DescribeVpcEndpointServiceConfigurationsRequest) -> DescribeVpcEndpointServiceConfigurationsResponse,
        ModifyVpcEndpointServiceConfiguration(ModifyVpcEndpointServiceConfigurationRequest) -> ModifyVpcEndpointServiceConfigurationResponse,
        StartVpcEndpointServicePrivateDnsVerification(StartVpcEndpointServicePrivateDnsVerificationRequest) -> StartVpcEndpointServicePrivateDnsVerificationResponse,
        DeleteVpcEndpointServiceConfigurations(DeleteVpcEndpointServiceConfigurationsRequest) -> DeleteVpcEndpointServiceConfigurationsResponse,
        ModifyVpcEndpointServicePermissions(ModifyVpcEndpointServicePermissionsRequest) -> ModifyVpcEndpointServicePermissionsResponse,
        DescribeVpcEndpointServicePermissions(DescribeVpcEndpointServicePermissionsRequest) -> DescribeVpcEndpointServicePermissionsResponse,
        DescribeVpcEndpointServices(DescribeVpcEndpointServicesRequest) -> DescribeVpcEndpointServicesResponse,
        CreateVpcEndpoint(CreateVpcEndpointRequest) -> CreateVpcEndpointResponse,
        DescribeVpcEndpoints(DescribeVpcEndpointsRequest) -> DescribeVpcEndpointsResponse,
        ModifyVpcEndpoint(ModifyVpcEndpointRequest) -> ModifyVpcEndpointResponse,
        DeleteVpcEndpoints(DeleteVpcEndpointsRequest) -> DeleteVpcEndpointsResponse,
        DescribeVpcEndpointConnections(DescribeVpcEndpointConnectionsRequest) -> DescribeVpcEndpointConnectionsResponse,
        AcceptVpcEndpointConnections(AcceptVpcEndpointConnectionsRequest) -> AcceptVpcEndpointConnectionsResponse,
        RejectVpcEndpointConnections(RejectVpcEndpointConnectionsRequest) -> RejectVpcEndpointConnectionsResponse,
    }
    Elb {
        CreateLoadBalancer(CreateLoadBalancerRequest) -> CreateLoadBalancerResponse,
        DescribeLoadBalancers(DescribeLoadBalancersRequest) -> DescribeLoadBalancersResponse,
        DeleteLoadBalancer(DeleteLoadBalancerRequest) -> DeleteLoadBalancerResponse,
        ModifyLoadBalancerAttributes(ModifyLoadBalancerAttributesRequest) -> ModifyLoadBalancerAttributesResponse,
        DescribeLoadBalancerAttributes(DescribeLoadBalancerAttributesRequest) -> DescribeLoadBalancerAttributesResponse,
        SetSecurityGroups(SetSecurityGroupsRequest) -> SetSecurityGroupsResponse,
        SetSubnets(SetSubnetsRequest) -> SetSubnetsResponse,
        SetIpAddressType(SetIpAddressTypeRequest) -> SetIpAddressTypeResponse,
        DescribeAccountLimits(DescribeAccountLimitsRequest) -> DescribeAccountLimitsResponse,
        DescribeSSLPolicies(DescribeSSLPoliciesRequest) -> DescribeSSLPoliciesResponse,
        CreateTargetGroup(CreateTargetGroupRequest) -> CreateTargetGroupResponse,
        DescribeTargetGroups(DescribeTargetGroupsRequest) -> DescribeTargetGroupsResponse,
        ModifyTargetGroup(ModifyTargetGroupRequest) -> ModifyTargetGroupResponse,
        DeleteTargetGroup(DeleteTargetGroupRequest) -> DeleteTargetGroupResponse,
        ModifyTargetGroupAttributes(ModifyTargetGroupAttributesRequest) -> ModifyTargetGroupAttributesResponse,
        DescribeTargetGroupAttributes(DescribeTargetGroupAttributesRequest) -> DescribeTargetGroupAttributesResponse,
        RegisterTargets(RegisterTargetsRequest) -> RegisterTargetsResponse,
        DeregisterTargets(DeregisterTargetsRequest) -> DeregisterTargetsResponse,
        DescribeTargetHealth(DescribeTargetHealthRequest) -> DescribeTargetHealthResponse,
        CreateListener(CreateListenerRequest) -> CreateListenerResponse,
        DescribeListeners(DescribeListenersRequest) -> DescribeListenersResponse,
        ModifyListener(ModifyListenerRequest) -> ModifyListenerResponse,
        DeleteListener(DeleteListenerRequest) -> DeleteListenerResponse,
        ModifyListenerAttributes(ModifyListenerAttributesRequest) -> ModifyListenerAttributesResponse,
        DescribeListenerAttributes(DescribeListenerAttributesRequest) -> DescribeListenerAttributesResponse,
        DescribeListenerCertificates(DescribeListenerCertificatesRequest) -> DescribeListenerCertificatesResponse,
        AddTags(AddTagsRequest) -> AddTagsResponse,
        RemoveTags(RemoveTagsRequest) -> RemoveTagsResponse,
        DescribeBalancerTags as DescribeTags (DescribeBalancerTagsRequest) -> DescribeBalancerTagsResponse,
    }
    Sts {
        AssumeRole(AssumeRoleRequest) -> AssumeRoleResponse,
        GetAccessKeyInfo(GetAccessKeyInfoRequest) -> GetAccessKeyInfoResponse,
        GetCallerIdentity(GetCallerIdentityRequest) -> GetCallerIdentityResponse,
        GetSessionToken(GetSessionTokenRequest) -> GetSessionTokenResponse,
    }
    Route53 {
        CreateHostedZone(CreateHostedZoneRequest) -> CreateHostedZoneResponse,
        GetHostedZone(GetHostedZoneRequest) -> GetHostedZoneResponse,
        GetHostedZoneCount(GetHostedZoneCountRequest) -> GetHostedZoneCountResponse,
        DeleteHostedZone(DeleteHostedZoneRequest) -> DeleteHostedZoneResponse,
        UpdateHostedZoneComment(UpdateHostedZoneCommentRequest) -> UpdateHostedZoneCommentResponse,
        ListHostedZones(ListHostedZonesRequest) -> ListHostedZonesResponse,
        ListHostedZonesByName(ListHostedZonesByNameRequest) -> ListHostedZonesByNameResponse,
        ListHostedZonesByVpc as ListHostedZonesByVPC (ListHostedZonesByVpcRequest) -> ListHostedZonesByVpcResponse,
        AssociateVpcWithHostedZone as AssociateVPCWithHostedZone (AssociateVpcWithHostedZoneRequest) -> AssociateVpcWithHostedZoneResponse,
        DisassociateVpcFromHostedZone as DisassociateVPCFromHostedZone (DisassociateVpcFromHostedZoneRequest) -> DisassociateVpcFromHostedZoneResponse,
        CreateVpcAssociationAuthorization as CreateVPCAssociationAuthorization (CreateVpcAssociationAuthorizationRequest) -> CreateVpcAssociationAuthorizationResponse,
        DeleteVpcAssociationAuthorization as DeleteVPCAssociationAuthorization (DeleteVpcAssociationAuthorizationRequest) -> DeleteVpcAssociationAuthorizationResponse,
        ListVpcAssociationAuthorizations as ListVPCAssociationAuthorizations (ListVpcAssociationAuthorizationsRequest) -> ListVpcAssociationAuthorizationsResponse,
        ChangeResourceRecordSets(ChangeResourceRecordSetsRequest) -> ChangeResourceRecordSetsResponse,
        ListResourceRecordSets(ListResourceRecordSetsRequest) -> ListResourceRecordSetsResponse,
        GetChange(GetChangeRequest) -> GetChangeResponse,
        ChangeTagsForResource(ChangeTagsForResourceRequest) -> ChangeTagsForResourceResponse,
        ListTagsForResource(ListTagsForResourceRequest) -> ListTagsForResourceResponse,
        ListTagsForResources(ListTagsForResourcesRequest) -> ListTagsForResourcesResponse,
    }
}
