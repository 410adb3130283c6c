//! Single routes of a route table.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::check::{self, Quota};
use crate::rules::resource::find;
use crate::rules::{Caller, Context, peering};
use crate::state::*;

pub(super) fn create(
    network: &mut Network,
    caller: &Caller,
    request: &CreateRouteRequest,
    context: &Context<'_>,
) -> Result<CreateRouteResponse, AwsError> {
    let table = find::<RouteTable>(network, caller, &request.route_table_id)?;
    let destination = destination(request.destination_cidr_block.as_deref())?;
    let asked = Asked {
        gateway: request.gateway_id.as_deref(),
        interface: request.network_interface_id.as_deref(),
        instance: request.instance_id.as_deref(),
        peering: request.vpc_peering_connection_id.as_deref(),
    };
    let target = target(network, caller, table, &asked, context)?;
    check_destination(network, table, destination, &target)?;
    if table.routes.contains_key(&destination) {
        return Err(exists(destination));
    }
    check::within(network, Quota::RoutesPerTable, table.routes.len() + 1)?;
    let id = table.id.clone();
    if let Some(table) = network.route_tables.get_mut(&id) {
        table.routes.insert(destination, target);
    }
    Ok(CreateRouteResponse { done: true })
}

pub(super) fn replace(
    network: &mut Network,
    caller: &Caller,
    request: &ReplaceRouteRequest,
    context: &Context<'_>,
) -> Result<ReplaceRouteResponse, AwsError> {
    let table = find::<RouteTable>(network, caller, &request.route_table_id)?;
    let destination = destination(request.destination_cidr_block.as_deref())?;
    if !table.routes.contains_key(&destination) {
        let message = format!(
            "There is no route defined for '{destination}' in the route table. Use CreateRoute instead."
        );
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    let asked = Asked {
        gateway: request.gateway_id.as_deref(),
        interface: request.network_interface_id.as_deref(),
        instance: request.instance_id.as_deref(),
        peering: request.vpc_peering_connection_id.as_deref(),
    };
    let target = target(network, caller, table, &asked, context)?;
    check_destination(network, table, destination, &target)?;
    let id = table.id.clone();
    if let Some(table) = network.route_tables.get_mut(&id) {
        table.routes.insert(destination, target);
    }
    Ok(ReplaceRouteResponse(Done::YES))
}

pub(super) fn delete(
    network: &mut Network,
    caller: &Caller,
    request: &DeleteRouteRequest,
) -> Result<DeleteRouteResponse, AwsError> {
    let table = find::<RouteTable>(network, caller, &request.route_table_id)?;
    let destination = destination(request.destination_cidr_block.as_deref())?;
    if blocks(network, table).any(|block| block == destination) {
        let message = format!(
            "cannot remove local route {destination} in route table {}",
            table.id
        );
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    if !table.routes.contains_key(&destination) {
        let message = format!(
            "no route with destination-cidr-block {destination} in route table {}",
            table.id
        );
        return Err(AwsError::new("InvalidRoute.NotFound", message));
    }
    let id = table.id.clone();
    if let Some(table) = network.route_tables.get_mut(&id) {
        table.routes.remove(&destination);
    }
    Ok(DeleteRouteResponse(Done::YES))
}

/// The targets that a call names; it must be one.
struct Asked<'a> {
    gateway: Option<&'a str>,
    interface: Option<&'a str>,
    instance: Option<&'a str>,
    peering: Option<&'a str>,
}

fn destination(cidr: Option<&str>) -> Result<Ipv4Net, AwsError> {
    let Some(cidr) = cidr else {
        return Err(AwsError::missing("destinationCidrBlock"));
    };
    check::cidr(cidr, "destinationCidrBlock")
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
        return Err(AwsError::new(
            "RouteNotSupported",
            format!("A route cannot lead to the interface endpoint {id}."),
        ));
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
fn check_destination(
    network: &Network,
    table: &RouteTable,
    destination: Ipv4Net,
    target: &RouteTarget,
) -> Result<(), AwsError> {
    let reserved = Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 168, 0), 22);
    if reserved.contains(&destination) {
        let message = format!(
            "The destination '{destination}' is in {reserved}, which AWS keeps for itself."
        );
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    let Some(block) = blocks(network, table).find(|block| block.contains(&destination)) else {
        return Ok(());
    };
    if block == destination {
        return Err(exists(destination));
    }
    let whole_subnet = network
        .subnets
        .values()
        .any(|row| row.vpc == table.vpc && row.cidr == destination);
    let allowed = match target {
        RouteTarget::Interface(_) => whole_subnet,
        RouteTarget::Peering(_) | RouteTarget::InternetGateway(_) => false,
    };
    if allowed {
        return Ok(());
    }
    let message = format!(
        "The destination '{destination}' is more specific than the local route {block}. Such a route must be for a whole subnet and lead to an interface."
    );
    Err(AwsError::new("InvalidParameterValue", message))
}

fn blocks<'n>(network: &'n Network, table: &RouteTable) -> impl Iterator<Item = Ipv4Net> + 'n {
    network
        .vpcs
        .get(&table.vpc)
        .into_iter()
        .flat_map(Vpc::cidrs)
}

fn exists(destination: Ipv4Net) -> AwsError {
    AwsError::new(
        "RouteAlreadyExists",
        format!("The route identified by {destination} already exists."),
    )
}
