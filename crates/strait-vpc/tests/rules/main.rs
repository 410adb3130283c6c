//! AWS's rules, call by call, through `apply` alone.

mod addresses;
mod default_vpc;
mod fuzz;
mod gateway_endpoints;
mod gateways;
mod group_rules;
mod groups;
mod instances;
mod interfaces;
mod ipv6;
mod network_acls;
mod peering_vpcs;
mod peerings;
mod prefix_list_uses;
mod prefix_lists;
mod records;
mod reset;
mod routes;
mod sessions;
mod shapes;
mod subnets;
mod tags;
mod vpcs;
mod world;
mod zones;
