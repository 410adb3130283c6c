//! What is asked about: route tables and their routes.

use serde::Deserialize;

use crate::api::{Filter, Refused, TagSpecification, Unsupported, given};

/// Makes a route table.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateRouteTableRequest {
    /// The VPC.
    pub vpc_id: String,
    /// Makes repeating the call safe.
    #[serde(default)]
    pub client_token: Option<String>,
    /// Tags for what it makes.
    #[serde(default, rename = "TagSpecification")]
    pub tag_specifications: Vec<TagSpecification>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for CreateRouteTableRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Shows route tables.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeRouteTablesRequest {
    /// Which ones; all if none is named.
    #[serde(default, rename = "RouteTableId")]
    pub route_table_ids: Vec<String>,
    /// What to show.
    #[serde(default, rename = "Filter")]
    pub filters: Vec<Filter>,
    /// How many at most.
    #[serde(default)]
    pub max_results: Option<u32>,
    /// Where the last page ended.
    #[serde(default)]
    pub next_token: Option<String>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for DescribeRouteTablesRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Deletes a route table that nothing uses.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteRouteTableRequest {
    /// The route table.
    pub route_table_id: String,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for DeleteRouteTableRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Makes a subnet use a route table.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AssociateRouteTableRequest {
    /// The route table.
    pub route_table_id: String,
    /// The subnet.
    #[serde(default)]
    pub subnet_id: Option<String>,
    /// Not supported.
    #[serde(default)]
    pub gateway_id: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub public_ipv4_pool: Option<Unsupported>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for AssociateRouteTableRequest {
    fn refused(&self) -> Option<&'static str> {
        given(&[
            ("GatewayId", self.gateway_id.is_some()),
            ("PublicIpv4Pool", self.public_ipv4_pool.is_some()),
        ])
    }
}

/// Makes a subnet use the main route table again.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DisassociateRouteTableRequest {
    /// The association.
    pub association_id: String,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for DisassociateRouteTableRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Makes what uses one route table use another.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ReplaceRouteTableAssociationRequest {
    /// The association.
    pub association_id: String,
    /// The route table.
    pub route_table_id: String,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for ReplaceRouteTableAssociationRequest {
    fn refused(&self) -> Option<&'static str> {
        None
    }
}

/// Adds a route.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateRouteRequest {
    /// The route table.
    pub route_table_id: String,
    /// The destination.
    #[serde(default)]
    pub destination_cidr_block: Option<String>,
    /// A gateway, or `local`.
    #[serde(default)]
    pub gateway_id: Option<String>,
    /// The interface.
    #[serde(default)]
    pub network_interface_id: Option<String>,
    /// The instance.
    #[serde(default)]
    pub instance_id: Option<String>,
    /// The peering connection.
    #[serde(default)]
    pub vpc_peering_connection_id: Option<String>,
    /// A prefix list as the destination.
    #[serde(default)]
    pub destination_prefix_list_id: Option<String>,
    /// Not supported.
    #[serde(default)]
    pub vpc_endpoint_id: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub transit_gateway_id: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub local_gateway_id: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub carrier_gateway_id: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub core_network_arn: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub odb_network_arn: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub destination_ipv6_cidr_block: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub egress_only_internet_gateway_id: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub nat_gateway_id: Option<Unsupported>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for CreateRouteRequest {
    fn refused(&self) -> Option<&'static str> {
        given(&[
            ("VpcEndpointId", self.vpc_endpoint_id.is_some()),
            ("TransitGatewayId", self.transit_gateway_id.is_some()),
            ("LocalGatewayId", self.local_gateway_id.is_some()),
            ("CarrierGatewayId", self.carrier_gateway_id.is_some()),
            ("CoreNetworkArn", self.core_network_arn.is_some()),
            ("OdbNetworkArn", self.odb_network_arn.is_some()),
            (
                "DestinationIpv6CidrBlock",
                self.destination_ipv6_cidr_block.is_some(),
            ),
            (
                "EgressOnlyInternetGatewayId",
                self.egress_only_internet_gateway_id.is_some(),
            ),
            ("NatGatewayId", self.nat_gateway_id.is_some()),
        ])
    }
}

/// Changes where a route leads.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ReplaceRouteRequest {
    /// The route table.
    pub route_table_id: String,
    /// The destination.
    #[serde(default)]
    pub destination_cidr_block: Option<String>,
    /// A gateway, or `local`.
    #[serde(default)]
    pub gateway_id: Option<String>,
    /// The interface.
    #[serde(default)]
    pub network_interface_id: Option<String>,
    /// The instance.
    #[serde(default)]
    pub instance_id: Option<String>,
    /// The peering connection.
    #[serde(default)]
    pub vpc_peering_connection_id: Option<String>,
    /// A prefix list as the destination.
    #[serde(default)]
    pub destination_prefix_list_id: Option<String>,
    /// Not supported.
    #[serde(default)]
    pub vpc_endpoint_id: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub local_target: Option<bool>,
    /// Not supported.
    #[serde(default)]
    pub transit_gateway_id: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub local_gateway_id: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub carrier_gateway_id: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub core_network_arn: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub odb_network_arn: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub destination_ipv6_cidr_block: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub egress_only_internet_gateway_id: Option<Unsupported>,
    /// Not supported.
    #[serde(default)]
    pub nat_gateway_id: Option<Unsupported>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for ReplaceRouteRequest {
    fn refused(&self) -> Option<&'static str> {
        given(&[
            ("VpcEndpointId", self.vpc_endpoint_id.is_some()),
            ("LocalTarget", self.local_target == Some(true)),
            ("TransitGatewayId", self.transit_gateway_id.is_some()),
            ("LocalGatewayId", self.local_gateway_id.is_some()),
            ("CarrierGatewayId", self.carrier_gateway_id.is_some()),
            ("CoreNetworkArn", self.core_network_arn.is_some()),
            ("OdbNetworkArn", self.odb_network_arn.is_some()),
            (
                "DestinationIpv6CidrBlock",
                self.destination_ipv6_cidr_block.is_some(),
            ),
            (
                "EgressOnlyInternetGatewayId",
                self.egress_only_internet_gateway_id.is_some(),
            ),
            ("NatGatewayId", self.nat_gateway_id.is_some()),
        ])
    }
}

/// Takes a route away.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteRouteRequest {
    /// The route table.
    pub route_table_id: String,
    /// The destination.
    #[serde(default)]
    pub destination_cidr_block: Option<String>,
    /// A prefix list as the destination.
    #[serde(default)]
    pub destination_prefix_list_id: Option<String>,
    /// Not supported.
    #[serde(default)]
    pub destination_ipv6_cidr_block: Option<Unsupported>,
    /// Only check, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Refused for DeleteRouteRequest {
    fn refused(&self) -> Option<&'static str> {
        given(&[(
            "DestinationIpv6CidrBlock",
            self.destination_ipv6_cidr_block.is_some(),
        )])
    }
}
