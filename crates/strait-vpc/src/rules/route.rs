//! Route tables, what uses them, and what they say.

use std::collections::BTreeMap;

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::quota::{self, Quota};
use crate::rules::resource::{Resource, chosen, find, find_id};
use crate::rules::routing::Destination;
use crate::rules::{Caller, Context, check, filter};
use crate::state::*;

pub(super) fn create(
    network: &mut Network,
    caller: &Caller,
    request: &CreateRouteTableRequest,
    context: &mut Context<'_>,
) -> Result<CreateRouteTableResponse, AwsError> {
    let token = check::client_token(
        network,
        caller,
        "CreateRouteTable",
        request.client_token.as_deref(),
        request,
    )?;
    if let Some(made) = &token.made {
        return Ok(CreateRouteTableResponse {
            route_table: item(network, find(network, caller, made)?),
            client_token: request.client_token.clone(),
        });
    }
    let vpc = check::find_vpc(network, caller, &request.vpc_id)?
        .id
        .clone();
    let tags = check::tags_from(&request.tag_specifications, RouteTable::KIND)?;
    let count = network
        .route_tables
        .values()
        .filter(|table| table.vpc == vpc)
        .count();
    quota::within(
        network,
        &caller.account,
        Quota::RouteTablesPerVpc,
        count + 1,
    )?;
    let table = RouteTable {
        id: RouteTableId::from_random((context.random)()),
        vpc,
        owner: caller.account.clone(),
        region: caller.region.clone(),
        index: network.next_link(),
        routes: BTreeMap::new(),
        list_routes: BTreeMap::new(),
        ipv6_routes: BTreeMap::new(),
        associations: BTreeMap::new(),
        tags,
    };
    let route_table = item(network, &table);
    token.remember(network, table.id.as_str());
    network.route_tables.insert(table.id.clone(), table);
    Ok(CreateRouteTableResponse {
        route_table,
        client_token: request.client_token.clone(),
    })
}

pub(super) fn describe(
    network: &Network,
    caller: &Caller,
    request: &DescribeRouteTablesRequest,
) -> Result<DescribeRouteTablesResponse, AwsError> {
    let mut shown = Vec::new();
    for table in chosen::<RouteTable>(network, caller, &request.route_table_ids)? {
        if filter::matches(&request.filters, &table.tags, |name| {
            filter_values(network, table, name)
        })? {
            shown.push(item(network, table));
        }
    }
    let page = filter::page_of(
        shown,
        5..=100,
        request.max_results,
        request.next_token.as_deref(),
        &request.route_table_ids,
    )?;
    Ok(DescribeRouteTablesResponse {
        route_tables: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

pub(super) fn delete(
    network: &mut Network,
    caller: &Caller,
    request: &DeleteRouteTableRequest,
) -> Result<DeleteRouteTableResponse, AwsError> {
    let id = find_id::<RouteTable>(network, caller, &request.route_table_id)?;
    let used = network
        .route_tables
        .get(&id)
        .and_then(|table| table.associations.keys().next());
    if let Some(association) = used {
        let message = format!(
            "The routeTable '{id}' has dependencies and cannot be deleted. It is in use by association {association}."
        );
        return Err(AwsError::new("DependencyViolation", message));
    }
    network.route_tables.remove(&id);
    Ok(DeleteRouteTableResponse(Done::YES))
}

pub(super) fn associate(
    network: &mut Network,
    caller: &Caller,
    request: &AssociateRouteTableRequest,
    context: &mut Context<'_>,
) -> Result<AssociateRouteTableResponse, AwsError> {
    let table = find::<RouteTable>(network, caller, &request.route_table_id)?;
    let Some(subnet) = &request.subnet_id else {
        return Err(AwsError::missing("subnetId"));
    };
    let subnet = check::find_subnet(network, caller, subnet)?;
    check_same_vpc(table, &subnet.vpc, subnet.id.as_str())?;
    let used = RouteTableUse::Subnet(subnet.id.clone());
    let taken = network.route_tables.values().find_map(|row| {
        let association = row.associations.iter().find(|(_, user)| **user == used)?.0;
        Some((association, &row.id))
    });
    if let Some((association, other)) = taken {
        // AWS answers the same call again with the association that is there.
        if *other == table.id {
            return Ok(AssociateRouteTableResponse {
                association_id: association.to_string(),
                association_state: associated(),
            });
        }
        let message = format!(
            "the specified association for route table {} conflicts with an existing association: {association} of {other}",
            table.id
        );
        return Err(AwsError::new("Resource.AlreadyAssociated", message));
    }
    let id = table.id.clone();
    let association = RouteTableAssociationId::from_random((context.random)());
    if let Some(table) = network.route_tables.get_mut(&id) {
        table.associations.insert(association.clone(), used);
    }
    Ok(AssociateRouteTableResponse {
        association_id: association.to_string(),
        association_state: associated(),
    })
}

pub(super) fn disassociate(
    network: &mut Network,
    caller: &Caller,
    request: &DisassociateRouteTableRequest,
) -> Result<DisassociateRouteTableResponse, AwsError> {
    let (table, association, user) = find_association(network, caller, &request.association_id)?;
    match user {
        RouteTableUse::Main => {
            let message =
                format!("cannot disassociate the main route table association {association}");
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        RouteTableUse::Subnet(_) => {}
    }
    if let Some(table) = network.route_tables.get_mut(&table) {
        table.associations.remove(&association);
    }
    Ok(DisassociateRouteTableResponse(Done::YES))
}

pub(super) fn replace_association(
    network: &mut Network,
    caller: &Caller,
    request: &ReplaceRouteTableAssociationRequest,
    context: &mut Context<'_>,
) -> Result<ReplaceRouteTableAssociationResponse, AwsError> {
    let (from, association, user) = find_association(network, caller, &request.association_id)?;
    let table = find::<RouteTable>(network, caller, &request.route_table_id)?;
    let vpc = network
        .route_tables
        .get(&from)
        .map_or_else(|| table.vpc.clone(), |row| row.vpc.clone());
    check_same_vpc(table, &vpc, association.as_str())?;
    let to = table.id.clone();
    if from == to {
        return Ok(ReplaceRouteTableAssociationResponse {
            new_association_id: association.to_string(),
            association_state: associated(),
        });
    }
    let new = RouteTableAssociationId::from_random((context.random)());
    if let Some(table) = network.route_tables.get_mut(&from) {
        table.associations.remove(&association);
    }
    if let Some(table) = network.route_tables.get_mut(&to) {
        table.associations.insert(new.clone(), user);
    }
    Ok(ReplaceRouteTableAssociationResponse {
        new_association_id: new.to_string(),
        association_state: associated(),
    })
}

/// Whether a route carries packets: its target is there and works.
pub(crate) fn is_active(network: &Network, vpc: &VpcId, target: &RouteTarget) -> bool {
    match target {
        RouteTarget::Peering(id) => network
            .peerings
            .get(id)
            .is_some_and(|row| row.state == PeeringState::Active),
        RouteTarget::InternetGateway(id) => network
            .internet_gateways
            .get(id)
            .is_some_and(|row| row.vpc.as_ref() == Some(vpc)),
        RouteTarget::Interface(id) => network
            .interfaces
            .get(id)
            .is_some_and(|row| row.holder != Holder::None),
        RouteTarget::GatewayEndpoint(id) => network.gateway_endpoints.contains_key(id),
    }
}

fn associated() -> RouteTableAssociationStateItem {
    RouteTableAssociationStateItem {
        state: "associated".to_owned(),
    }
}

fn check_same_vpc(table: &RouteTable, vpc: &VpcId, other: &str) -> Result<(), AwsError> {
    if table.vpc == *vpc {
        return Ok(());
    }
    let message = format!(
        "Route table {} and {other} belong to different networks: {} and {vpc}",
        table.id, table.vpc
    );
    Err(AwsError::new("InvalidParameterValue", message))
}

fn find_association(
    network: &Network,
    caller: &Caller,
    id: &str,
) -> Result<(RouteTableId, RouteTableAssociationId, RouteTableUse), AwsError> {
    let association: RouteTableAssociationId = id.parse().map_err(|why: MalformedId| {
        AwsError::new("InvalidAssociationID.Malformed", why.to_string())
    })?;
    let mut tables = network
        .route_tables
        .values()
        .filter(|table| table.is_of(caller));
    let found = tables.find_map(|table| {
        let user = table.associations.get(&association)?;
        Some((table.id.clone(), association.clone(), user.clone()))
    });
    found.ok_or_else(|| {
        AwsError::new(
            "InvalidAssociationID.NotFound",
            format!("The association ID '{id}' does not exist"),
        )
    })
}

fn item(network: &Network, table: &RouteTable) -> RouteTableItem {
    let association =
        |(id, user): (&RouteTableAssociationId, &RouteTableUse)| RouteTableAssociationItem {
            route_table_association_id: id.to_string(),
            route_table_id: table.id.to_string(),
            subnet_id: match user {
                RouteTableUse::Main => None,
                RouteTableUse::Subnet(subnet) => Some(subnet.to_string()),
            },
            main: *user == RouteTableUse::Main,
            association_state: associated(),
        };
    RouteTableItem {
        route_table_id: table.id.to_string(),
        vpc_id: table.vpc.to_string(),
        owner_id: table.owner.to_string(),
        associations: table.associations.iter().map(association).collect(),
        routes: routes(network, table).into_iter().collect(),
        propagating_vgws: Items::default(),
        tags: tag_set(&table.tags),
    }
}

/// A table's routes as they are shown: the local ones first.
fn routes(network: &Network, table: &RouteTable) -> Vec<RouteItem> {
    let vpc = || network.vpcs.get(&table.vpc).into_iter();
    let local = |destination: Destination| RouteItem {
        gateway_id: Some("local".to_owned()),
        origin: "CreateRouteTable".to_owned(),
        state: "active".to_owned(),
        ..shown(destination)
    };
    let blocks = vpc().flat_map(Vpc::cidrs).map(Destination::Block);
    let ipv6_blocks = vpc().flat_map(Vpc::ipv6_cidrs).map(Destination::Ipv6);
    let mut routes: Vec<RouteItem> = blocks.chain(ipv6_blocks).map(local).collect();
    let own = table
        .routes
        .iter()
        .map(|(block, target)| (Destination::Block(*block), target));
    let ipv6 = table
        .ipv6_routes
        .iter()
        .map(|(block, target)| (Destination::Ipv6(*block), target));
    let of_lists = table
        .list_routes
        .iter()
        .map(|(list, target)| (Destination::List(list.clone()), target));
    routes.extend(
        own.chain(ipv6)
            .chain(of_lists)
            .map(|(destination, target)| {
                let state = if is_active(network, &table.vpc, target) {
                    "active"
                } else {
                    "blackhole"
                };
                let mut route = RouteItem {
                    origin: "CreateRoute".to_owned(),
                    state: state.to_owned(),
                    ..shown(destination)
                };
                match target {
                    RouteTarget::Peering(id) => {
                        route.vpc_peering_connection_id = Some(id.to_string());
                    }
                    RouteTarget::InternetGateway(id) => route.gateway_id = Some(id.to_string()),
                    RouteTarget::GatewayEndpoint(id) => route.gateway_id = Some(id.to_string()),
                    RouteTarget::Interface(id) => {
                        route.network_interface_id = Some(id.to_string());
                        let holder = network
                            .interfaces
                            .get(id)
                            .map(|interface| (&interface.holder, &interface.owner));
                        if let Some((Holder::Instance { id, .. }, owner)) = holder {
                            route.instance_id = Some(id.to_string());
                            route.instance_owner_id = Some(owner.to_string());
                        }
                    }
                }
                route
            }),
    );
    routes
}

fn shown(destination: Destination) -> RouteItem {
    let mut route = RouteItem::default();
    match destination {
        Destination::Block(block) => route.destination_cidr_block = Some(block.to_string()),
        Destination::Ipv6(block) => route.destination_ipv6_cidr_block = Some(block.to_string()),
        Destination::List(list) => route.destination_prefix_list_id = Some(list.to_string()),
    }
    route
}

fn filter_values(network: &Network, table: &RouteTable, name: &str) -> Option<Vec<String>> {
    let of_routes = |value: fn(RouteItem) -> Option<String>| {
        routes(network, table)
            .into_iter()
            .filter_map(value)
            .collect()
    };
    let values = match name {
        "route-table-id" => vec![table.id.to_string()],
        "vpc-id" => vec![table.vpc.to_string()],
        "owner-id" => vec![table.owner.to_string()],
        "association.main" => {
            vec![
                table
                    .associations
                    .values()
                    .any(|user| *user == RouteTableUse::Main)
                    .to_string(),
            ]
        }
        "association.route-table-association-id" => {
            table.associations.keys().map(ToString::to_string).collect()
        }
        "association.route-table-id" => table
            .associations
            .keys()
            .map(|_| table.id.to_string())
            .collect(),
        "association.subnet-id" => table
            .associations
            .values()
            .filter_map(|user| match user {
                RouteTableUse::Main => None,
                RouteTableUse::Subnet(subnet) => Some(subnet.to_string()),
            })
            .collect(),
        "route.destination-cidr-block" => of_routes(|route| route.destination_cidr_block),
        "route.destination-ipv6-cidr-block" => of_routes(|route| route.destination_ipv6_cidr_block),
        "route.destination-prefix-list-id" => of_routes(|route| route.destination_prefix_list_id),
        "route.gateway-id" => of_routes(|route| route.gateway_id),
        "route.instance-id" => of_routes(|route| route.instance_id),
        "route.vpc-peering-connection-id" => of_routes(|route| route.vpc_peering_connection_id),
        "route.origin" => of_routes(|route| Some(route.origin)),
        "route.state" => of_routes(|route| Some(route.state)),
        "association.gateway-id"
        | "route.nat-gateway-id"
        | "route.transit-gateway-id"
        | "route.egress-only-internet-gateway-id" => Vec::new(),
        _ => return None,
    };
    Some(values)
}
