//! What is answered about: route tables and their routes.

use serde::Serialize;

use crate::api::answers::answers;
use crate::api::{Done, Items, TagItem};

answers! {
    Done {
        /// It is done.
        DeleteRouteTableResponse,
        /// It is done.
        DisassociateRouteTableResponse,
        /// It is done.
        ReplaceRouteResponse,
        /// It is done.
        DeleteRouteResponse,
    }
}

/// What CreateRouteTable answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateRouteTableResponse {
    /// The route table.
    pub route_table: RouteTableItem,
    /// Makes repeating the call safe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
}

/// What DescribeRouteTables answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeRouteTablesResponse {
    /// The route tables.
    #[serde(rename = "routeTableSet")]
    pub route_tables: Items<RouteTableItem>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// What AssociateRouteTable answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssociateRouteTableResponse {
    /// The association.
    pub association_id: String,
    /// The association's state.
    pub association_state: RouteTableAssociationStateItem,
}

/// What ReplaceRouteTableAssociation answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplaceRouteTableAssociationResponse {
    /// The association that takes its place.
    pub new_association_id: String,
    /// The association's state.
    pub association_state: RouteTableAssociationStateItem,
}

/// What CreateRoute answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateRouteResponse {
    /// Always true: a failure is an error.
    #[serde(rename = "return")]
    pub done: bool,
}

/// A route table.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteTableItem {
    /// The route table.
    pub route_table_id: String,
    /// The VPC.
    pub vpc_id: String,
    /// Who owns it.
    pub owner_id: String,
    /// What uses it.
    #[serde(rename = "associationSet")]
    pub associations: Items<RouteTableAssociationItem>,
    /// Its routes.
    #[serde(rename = "routeSet")]
    pub routes: Items<RouteItem>,
    /// Always empty.
    #[serde(rename = "propagatingVgwSet")]
    pub propagating_vgws: Items<PropagatingVgwItem>,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Items<TagItem>,
}

/// The state of an association.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteTableAssociationStateItem {
    /// Its state.
    pub state: String,
}

/// What uses a route table.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteTableAssociationItem {
    /// The association.
    pub route_table_association_id: String,
    /// The route table.
    pub route_table_id: String,
    /// The subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    /// Whether it is the VPC's main table.
    pub main: bool,
    /// The association's state.
    pub association_state: RouteTableAssociationStateItem,
}

/// A route.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteItem {
    /// The destination, if it is a block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_cidr_block: Option<String>,
    /// The destination, if it is an IPv6 block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_ipv6_cidr_block: Option<String>,
    /// The destination, if it is a prefix list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_prefix_list_id: Option<String>,
    /// A gateway, or `local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_id: Option<String>,
    /// The interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_interface_id: Option<String>,
    /// The instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// Who owns the instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_owner_id: Option<String>,
    /// The peering connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_peering_connection_id: Option<String>,
    /// Which call made it.
    pub origin: String,
    /// Its state.
    pub state: String,
}

/// A virtual private gateway that adds routes; there is none here.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PropagatingVgwItem {
    /// A gateway, or `local`.
    pub gateway_id: String,
}
