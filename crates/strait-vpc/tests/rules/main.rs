//! AWS's rules, call by call, through `apply` alone.

mod default_vpc;
mod fuzz;
mod gateways;
mod groups;
mod instances;
mod interfaces;
mod network_acls;
mod peering_vpcs;
mod peerings;
mod reset;
mod routes;
mod shapes;
mod subnets;
mod tags;
mod vpcs;
mod world;
