//! What is asked about: route tables and their routes.

use crate::api::Off;
use crate::api::requests::requests;

requests! {
    /// Makes a route table.
    tagged CreateRouteTableRequest {
        /// The VPC.
        pub vpc_id: String,
        /// Makes repeating the call safe.
        #[serde(default)]
        pub client_token: Option<String>,
    }

    /// Shows route tables.
    paged DescribeRouteTablesRequest {
        /// Which ones; all if none is named.
        #[serde(default, rename = "RouteTableId")]
        pub route_table_ids: Vec<String>,
    }

    /// Deletes a route table that nothing uses.
    DeleteRouteTableRequest {
        /// The route table.
        pub route_table_id: String,
    }

    /// Makes a subnet use a route table.
    AssociateRouteTableRequest {
        /// The route table.
        pub route_table_id: String,
        /// The subnet.
        #[serde(default)]
        pub subnet_id: Option<String>,
    }

    /// Makes a subnet use the main route table again.
    DisassociateRouteTableRequest {
        /// The association.
        pub association_id: String,
    }

    /// Makes what uses one route table use another.
    ReplaceRouteTableAssociationRequest {
        /// The association.
        pub association_id: String,
        /// The route table.
        pub route_table_id: String,
    }

    /// Adds a route.
    CreateRouteRequest {
        /// The route table.
        pub route_table_id: String,
        /// The destination.
        #[serde(default)]
        pub destination_cidr_block: Option<String>,
        /// The destination, if it is an IPv6 block.
        #[serde(default)]
        pub destination_ipv6_cidr_block: Option<String>,
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
    }

    /// Changes where a route leads.
    ReplaceRouteRequest {
        /// The route table.
        pub route_table_id: String,
        /// The destination.
        #[serde(default)]
        pub destination_cidr_block: Option<String>,
        /// The destination, if it is an IPv6 block.
        #[serde(default)]
        pub destination_ipv6_cidr_block: Option<String>,
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
        /// Not supported, but that it is off.
        #[serde(default)]
        pub local_target: Off,
    }

    /// Takes a route away.
    DeleteRouteRequest {
        /// The route table.
        pub route_table_id: String,
        /// The destination.
        #[serde(default)]
        pub destination_cidr_block: Option<String>,
        /// The destination, if it is an IPv6 block.
        #[serde(default)]
        pub destination_ipv6_cidr_block: Option<String>,
        /// A prefix list as the destination.
        #[serde(default)]
        pub destination_prefix_list_id: Option<String>,
    }
}
