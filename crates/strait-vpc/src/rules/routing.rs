//! Single routes of a route table.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::check;
use crate::rules::resource::find;
use crate::rules::{Caller, Context, ipv6, peering, prefix_list, prefix_use};
use crate::state::*;

pub(super) fn create(
    network: &mut Network,
    caller: &Caller,
    request: &CreateRouteRequest,
    context: &Context<'_>,
) -> Result<CreateRouteResponse, AwsError> {
    let table = find::<RouteTable>(network, caller, &request.route_table_id)?;
    let destination = destination(
        network,
        caller,
        request.destination_cidr_block.as_deref(),
        request.destination_ipv6_cidr_block.as_deref(),
        request.destination_prefix_list_id.as_deref(),
    )?;
    let asked = Asked {
        gateway: request.gateway_id.as_deref(),
        interface: request.network_interface_id.as_deref(),
        instance: request.instance_id.as_deref(),
        peering: request.vpc_peering_connection_id.as_deref(),
    };
    let target = target(network, caller, table, &asked, context)?;
    check_destination(network, table, &destination, &target)?;
    if destination.is_in(table) {
        return Err(exists(&destination));
    }
    let mut table = table.clone();
    destination.lead(&mut table, target);
    prefix_use::check_routes(network, &table)?;
    network.route_tables.insert(table.id.clone(), table);
    Ok(CreateRouteResponse { done: true })
}

pub(super) fn replace(
    network: &mut Network,
    caller: &Caller,
    request: &ReplaceRouteRequest,
    context: &Context<'_>,
) -> Result<ReplaceRouteResponse, AwsError> {
    let table = find::<RouteTable>(network, caller, &request.route_table_id)?;
    let destination = destination(
        network,
        caller,
        request.destination_cidr_block.as_deref(),
        request.destination_ipv6_cidr_block.as_deref(),
        request.destination_prefix_list_id.as_deref(),
    )?;
    if !destination.is_in(table) {
        let message = format!(
            "There is no route defined for '{destination}' in the route table. Use CreateRoute instead."
        );
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    check_own(table, &destination)?;
    let asked = Asked {
        gateway: request.gateway_id.as_deref(),
        interface: request.network_interface_id.as_deref(),
        instance: request.instance_id.as_deref(),
        peering: request.vpc_peering_connection_id.as_deref(),
    };
    let target = target(network, caller, table, &asked, context)?;
    check_destination(network, table, &destination, &target)?;
    let id = table.id.clone();
    if let Some(table) = network.route_tables.get_mut(&id) {
        destination.lead(table, target);
    }
    Ok(ReplaceRouteResponse(Done::YES))
}

pub(super) fn delete(
    network: &mut Network,
    caller: &Caller,
    request: &DeleteRouteRequest,
) -> Result<DeleteRouteResponse, AwsError> {
    let table = find::<RouteTable>(network, caller, &request.route_table_id)?;
    let destination = destination(
        network,
        caller,
        request.destination_cidr_block.as_deref(),
        request.destination_ipv6_cidr_block.as_deref(),
        request.destination_prefix_list_id.as_deref(),
    )?;
    if local(network, table, &destination) == Some(Local::Equal) {
        let message = format!(
            "cannot remove local route {destination} in route table {}",
            table.id
        );
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    if !destination.is_in(table) {
        let parameter = match destination {
            Destination::Block(_) => "destination-cidr-block",
            Destination::Ipv6(_) => "destination-ipv6-cidr-block",
            Destination::List(_) => "destination-prefix-list-id",
        };
        let message = format!(
            "no route with {parameter} {destination} in route table {}",
            table.id
        );
        return Err(AwsError::new("InvalidRoute.NotFound", message));
    }
    check_own(table, &destination)?;
    let id = table.id.clone();
    if let Some(table) = network.route_tables.get_mut(&id) {
        match &destination {
            Destination::Block(block) => table.routes.remove(block),
            Destination::Ipv6(block) => table.ipv6_routes.remove(block),
            Destination::List(list) => table.list_routes.remove(list),
        };
    }
    Ok(DeleteRouteResponse(Done::YES))
}

/// Where a route leads from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Destination {
    /// A block, host bits off.
    Block(Ipv4Net),
    /// An IPv6 block.
    Ipv6(Ipv6Block),
    /// The entries of a prefix list.
    List(PrefixListId),
}

impl Destination {
    fn is_in(&self, table: &RouteTable) -> bool {
        match self {
            Self::Block(block) => table.routes.contains_key(block),
            Self::Ipv6(block) => table.ipv6_routes.contains_key(block),
            Self::List(list) => table.list_routes.contains_key(list),
        }
    }

    fn lead(&self, table: &mut RouteTable, target: RouteTarget) {
        match self {
            Self::Block(block) => table.routes.insert(*block, target),
            Self::Ipv6(block) => table.ipv6_routes.insert(*block, target),
            Self::List(list) => table.list_routes.insert(list.clone(), target),
        };
    }
}

impl std::fmt::Display for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Block(block) => block.fmt(f),
            Self::Ipv6(block) => block.fmt(f),
            Self::List(list) => list.fmt(f),
        }
    }
}

/// The targets that a call names; it must be one.
struct Asked<'a> {
    gateway: Option<&'a str>,
    interface: Option<&'a str>,
    instance: Option<&'a str>,
    peering: Option<&'a str>,
}

fn destination(
    network: &Network,
    caller: &Caller,
    cidr: Option<&str>,
    ipv6: Option<&str>,
    list: Option<&str>,
) -> Result<Destination, AwsError> {
    match (cidr, ipv6, list) {
        (Some(cidr), None, None) => {
            check::cidr(cidr, "destinationCidrBlock").map(Destination::Block)
        }
        (None, Some(block), None) => {
            ipv6::block(block, "destinationIpv6CidrBlock").map(Destination::Ipv6)
        }
        (None, None, Some(list)) => {
            prefix_list::find_usable(network, caller, list).map(Destination::List)
        }
        (None, None, None) => Err(AwsError::missing(
            "destinationCidrBlock, destinationIpv6CidrBlock or destinationPrefixListId",
        )),
        _ => Err(AwsError::new(
            "InvalidParameterCombination",
            "A route has exactly one destination.",
        )),
    }
}

fn target(
    network: &Network,
    caller: &Caller,
    table: &RouteTable,
    asked: &Asked<'_>,
    context: &Context<'_>,
) -> Result<RouteTarget, AwsError> {
    match (
        asked.gateway,
        asked.interface,
        asked.instance,
        asked.peering,
    ) {
        (Some(id), None, None, None) => gateway(network, caller, table, id),
        (None, Some(id), None, None) => interface(network, caller, table, id),
        (None, None, Some(id), None) => instance(network, caller, table, id),
        (None, None, None, Some(id)) => peer(network, caller, table, id, context),
        (None, None, None, None) => Err(AwsError::missing(
            "gatewayId, networkInterfaceId, instanceId or vpcPeeringConnectionId",
        )),
        _ => Err(AwsError::new(
            "InvalidParameterCombination",
            "A route has exactly one target.",
        )),
    }
}

fn gateway(
    network: &Network,
    caller: &Caller,
    table: &RouteTable,
    id: &str,
) -> Result<RouteTarget, AwsError> {
    if id.starts_with("vgw-") {
        return Err(AwsError::unsupported("A virtual private gateway"));
    }
    if id.starts_with("vpce-") {
        let message = format!(
            "Route table contains unsupported route target: {id}. VPC Endpoints of this type cannot be used as route targets."
        );
        return Err(AwsError::new("RouteNotSupported", message));
    }
    let Ok(parsed) = id.parse::<InternetGatewayId>() else {
        return Err(AwsError::new(
            "InvalidGatewayID.NotFound",
            format!("The gateway ID '{id}' does not exist"),
        ));
    };
    let found = network.internet_gateways.get(&parsed);
    let Some(gateway) =
        found.filter(|row| row.owner == caller.account && row.region == caller.region)
    else {
        return Err(AwsError::new(
            "InvalidGatewayID.NotFound",
            format!("The gateway ID '{id}' does not exist"),
        ));
    };
    if gateway.vpc.as_ref() != Some(&table.vpc) {
        return Err(other_network(table, id));
    }
    Ok(RouteTarget::InternetGateway(parsed))
}

fn interface(
    network: &Network,
    caller: &Caller,
    table: &RouteTable,
    id: &str,
) -> Result<RouteTarget, AwsError> {
    let interface = find::<Interface>(network, caller, id)?;
    if interface.vpc != table.vpc {
        return Err(other_network(table, id));
    }
    Ok(RouteTarget::Interface(interface.id.clone()))
}

fn instance(
    network: &Network,
    caller: &Caller,
    table: &RouteTable,
    id: &str,
) -> Result<RouteTarget, AwsError> {
    let instance = find::<Instance>(network, caller, id)?;
    let mut held = network.interfaces.values().filter(|row| match &row.holder {
        Holder::Instance { id, .. } => *id == instance.id,
        Holder::None | Holder::Endpoint(_) | Holder::LoadBalancer(_) => false,
    });
    let Some(first) = held.next() else {
        let message = format!("The instance '{id}' has no interface: it is terminated.");
        return Err(AwsError::new("IncorrectInstanceState", message));
    };
    if held.next().is_some() {
        let message = format!(
            "There are multiple interfaces attached to instance '{id}'. Please specify an interface ID for the operation instead."
        );
        return Err(AwsError::new("InvalidInstanceID", message));
    }
    if first.vpc != table.vpc {
        return Err(other_network(table, id));
    }
    Ok(RouteTarget::Interface(first.id.clone()))
}

fn peer(
    network: &Network,
    caller: &Caller,
    table: &RouteTable,
    id: &str,
    context: &Context<'_>,
) -> Result<RouteTarget, AwsError> {
    let peering = peering::find(network, caller, id, context.now)?;
    match peering.state {
        PeeringState::PendingAcceptance | PeeringState::Active => {}
        PeeringState::Failed(_)
        | PeeringState::Expired
        | PeeringState::Rejected
        | PeeringState::Deleted(_) => {
            let message = format!(
                "The vpcPeeringConnection ID '{id}' does not exist any more: ask for a new one."
            );
            return Err(AwsError::new(
                "InvalidVpcPeeringConnectionID.NotFound",
                message,
            ));
        }
    }
    if ![&peering.requester.vpc, &peering.accepter.vpc].contains(&&table.vpc) {
        return Err(other_network(table, id));
    }
    Ok(RouteTarget::Peering(peering.id.clone()))
}

fn other_network(table: &RouteTable, target: &str) -> AwsError {
    let message = format!(
        "route table {} and network gateway {target} belong to different networks",
        table.id
    );
    AwsError::new("InvalidParameterValue", message)
}

/// Where a route may lead from: not over AWS's own range, not over a local route, and inside the VPC whole subnets only.
/// A prefix list may have any entries: those that are none of these are no routes.
fn check_destination(
    network: &Network,
    table: &RouteTable,
    destination: &Destination,
    target: &RouteTarget,
) -> Result<(), AwsError> {
    let reserved = Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 168, 0), 22);
    if matches!(destination, Destination::Block(block) if reserved.contains(block)) {
        let message = format!(
            "The destination '{destination}' is in {reserved}, which AWS keeps for itself."
        );
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    let block = match local(network, table, destination) {
        None => return Ok(()),
        Some(Local::Equal) => return Err(exists(destination)),
        Some(Local::Wider(block)) => block,
    };
    let is_whole = |subnet: &Subnet| match destination {
        Destination::Block(block) => subnet.cidr == Some(*block),
        Destination::Ipv6(block) => {
            let ipv6 = subnet.ipv6_block.as_ref();
            ipv6.is_some_and(|row| row.block == *block)
        }
        Destination::List(_) => false,
    };
    let mut subnets = network.subnets.values();
    let whole_subnet = subnets.any(|row| row.vpc == table.vpc && is_whole(row));
    let allowed = match target {
        RouteTarget::Interface(_) => whole_subnet,
        RouteTarget::Peering(_)
        | RouteTarget::InternetGateway(_)
        | RouteTarget::GatewayEndpoint(_) => false,
    };
    if allowed {
        return Ok(());
    }
    let message = format!(
        "The destination '{destination}' is more specific than the local route {block}. Such a route must be for a whole subnet and lead to an interface."
    );
    Err(AwsError::new("InvalidParameterValue", message))
}

/// The route of a gateway endpoint goes and comes with that alone.
fn check_own(table: &RouteTable, destination: &Destination) -> Result<(), AwsError> {
    let Destination::List(list) = destination else {
        return Ok(());
    };
    let Some(RouteTarget::GatewayEndpoint(id)) = table.list_routes.get(list) else {
        return Ok(());
    };
    let message = format!(
        "cannot remove or replace the VPC endpoint route {list} in route table {}: modify {id}",
        table.id
    );
    Err(AwsError::new("InvalidParameterValue", message))
}

/// How a destination lies to a local route that covers it.
#[derive(Debug, PartialEq)]
enum Local {
    /// It is the same.
    Equal,
    /// The local route, of this block, is wider.
    Wider(String),
}

fn local(network: &Network, table: &RouteTable, destination: &Destination) -> Option<Local> {
    let vpc = network.vpcs.get(&table.vpc)?;
    let block = match destination {
        Destination::Block(block) => vpc.cidrs().find(|own| own.contains(block))?.to_string(),
        Destination::Ipv6(block) => vpc
            .ipv6_cidrs()
            .find(|own| own.contains(*block))?
            .to_string(),
        Destination::List(_) => return None,
    };
    Some(if block == destination.to_string() {
        Local::Equal
    } else {
        Local::Wider(block)
    })
}

fn exists(destination: &Destination) -> AwsError {
    AwsError::new(
        "RouteAlreadyExists",
        format!("The route identified by {destination} already exists."),
    )
}
