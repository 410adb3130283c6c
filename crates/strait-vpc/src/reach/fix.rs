//! The AWS CLI commands that mend what stops a packet.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::filter::Packet;
use super::prefix::Route;
use super::{Protocol, lookup};
use crate::id::*;
use crate::picture::Transport;
use crate::state::*;

/// Adds a rule to the first group of an interface.
pub(super) fn allow(
    network: &Network,
    own: &Interface,
    direction: Direction,
    far: Ipv4Addr,
    protocol: Protocol,
) -> Option<String> {
    let group = own.groups.first()?;
    let (verb, far) = match direction {
        Direction::Egress => (
            "authorize-security-group-egress",
            block_of(network, &own.vpc, far),
        ),
        Direction::Ingress => ("authorize-security-group-ingress", Ipv4Net::from(far)),
    };
    let what = match protocol {
        Protocol::Tcp(port) => format!("--protocol tcp --port {port}"),
        Protocol::Udp(port) => format!("--protocol udp --port {port}"),
        Protocol::Echo => "--protocol icmp --port 8".to_owned(),
    };
    Some(format!(
        "aws ec2 {verb} --region {} --group-id {group} {what} --cidr {far}",
        own.region
    ))
}

/// Adds an entry to an ACL, before the one that denies.
pub(super) fn acl_entry(
    acl: &NetworkAcl,
    direction: Direction,
    far: Ipv4Addr,
    packet: Packet,
) -> Option<String> {
    let taken: Vec<u16> = lookup::entries(acl, direction)
        .iter()
        .map(|entry| entry.number)
        .collect();
    let first = taken.first().copied().unwrap_or(100);
    let number = if taken.is_empty() {
        first
    } else {
        first.checked_sub(1).filter(|number| *number > 0)?
    };
    let side = match direction {
        Direction::Egress => "--egress",
        Direction::Ingress => "--ingress",
    };
    let what = match packet {
        Packet::Ports {
            protocol,
            ports: (from, to),
        } => {
            format!("--protocol {protocol} --port-range From={from},To={to}")
        }
        Packet::Icmp { type_ } => format!("--protocol 1 --icmp-type-code Type={type_},Code=-1"),
    };
    Some(format!(
        "aws ec2 create-network-acl-entry --region {} --network-acl-id {} {side} --rule-number {number} {what} \
         --cidr-block {far}/32 --rule-action allow",
        acl.region, acl.id
    ))
}

/// Adds a route to a peering connection, over the block of the other VPC that has the address.
pub(super) fn create_route(
    network: &Network,
    table: &RouteTable,
    peering: &Peering,
    far: Ipv4Addr,
) -> String {
    let block = block_of(network, &table.vpc, far);
    format!(
        "aws ec2 create-route --region {} --route-table-id {} --destination-cidr-block {block} \
         --vpc-peering-connection-id {}",
        table.region, table.id, peering.id
    )
}

/// Leads a route that exists to a peering connection.
pub(super) fn replace_route(table: &RouteTable, route: Route<'_>, peering: &Peering) -> String {
    lead(
        table,
        route,
        &format!("--vpc-peering-connection-id {}", peering.id),
    )
}

/// Leads a route that exists to an internet gateway.
pub(super) fn lead_to_gateway(
    table: &RouteTable,
    route: Route<'_>,
    gateway: &InternetGateway,
) -> String {
    lead(table, route, &format!("--gateway-id {}", gateway.id))
}

/// Makes a default route to an internet gateway.
pub(super) fn default_route(table: &RouteTable, gateway: &InternetGateway) -> String {
    format!(
        "aws ec2 create-route --region {} --route-table-id {} --destination-cidr-block 0.0.0.0/0 --gateway-id {}",
        table.region, table.id, gateway.id
    )
}

/// Attaches an internet gateway to a VPC, if it is there still.
pub(super) fn attach_gateway(
    network: &Network,
    id: &InternetGatewayId,
    vpc: &VpcId,
) -> Option<String> {
    let gateway = network.internet_gateways.get(id)?;
    Some(format!(
        "aws ec2 attach-internet-gateway --region {} --internet-gateway-id {id} --vpc-id {vpc}",
        gateway.region
    ))
}

/// Gives an interface a public address; which one is the owner's choice.
pub(super) fn associate_address(interface: &Interface) -> String {
    format!(
        "aws ec2 associate-address --region {} --network-interface-id {} --allocation-id ALLOCATION_ID",
        interface.region, interface.id
    )
}

/// Accepts a peering connection, by the account that is asked.
pub(super) fn accept_peering(peering: &Peering) -> String {
    format!(
        "aws ec2 accept-vpc-peering-connection --region {} --vpc-peering-connection-id {}  # as account {}",
        peering.accepter.region, peering.id, peering.accepter.owner
    )
}

/// Accepts an endpoint, by the owner of the service.
pub(super) fn accept_endpoint(endpoint: &Endpoint) -> String {
    format!(
        "aws ec2 accept-vpc-endpoint-connections --region {} --service-id {} --vpc-endpoint-ids {}",
        endpoint.region, endpoint.service, endpoint.id
    )
}

/// Makes a listener; which target group it forwards to is the owner's choice.
pub(super) fn create_listener(balancer: &LoadBalancer, transport: Transport, port: u16) -> String {
    let protocol = match transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
    };
    format!(
        "aws elbv2 create-listener --region {} --load-balancer-arn {} --protocol {protocol} --port {port} \
         --default-actions Type=forward,TargetGroupArn=TARGET_GROUP_ARN",
        balancer.region, balancer.arn
    )
}

/// Registers a target.
pub(super) fn register_target(listener: &Listener, region: &Region) -> String {
    format!(
        "aws elbv2 register-targets --region {region} --target-group-arn {} --targets Id=TARGET",
        listener.target_group
    )
}

fn lead(table: &RouteTable, route: Route<'_>, target: &str) -> String {
    let destination = match route.list {
        None => format!("--destination-cidr-block {}", route.destination),
        Some(list) => format!("--destination-prefix-list-id {list}"),
    };
    format!(
        "aws ec2 replace-route --region {} --route-table-id {} {destination} {target}",
        table.region, table.id
    )
}

/// The block of a peer of the VPC, or of the VPC itself, that has an address; else the address alone.
fn block_of(network: &Network, vpc: &VpcId, address: Ipv4Addr) -> Ipv4Net {
    let peers = network
        .peerings
        .values()
        .filter_map(|peering| lookup::peer(peering, vpc));
    let vpcs = peers.map(|side| &side.vpc).chain([vpc]);
    let mut blocks = vpcs.flat_map(|vpc| lookup::ranges(network, vpc));
    blocks
        .find(|block| block.contains(&address))
        .unwrap_or_else(|| Ipv4Net::from(address))
}
