//! Gateway endpoints: a route from tables of a VPC to S3 or DynamoDB, by the service's prefix list. There is no such service
//! on this machine: what takes the route arrives nowhere.
//! <https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html>

use std::collections::BTreeSet;

use super::consumer::POLICY;
use super::permission::find_by_name;
use super::{derived_id, forget_token};
use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::check;
use crate::rules::quota::{self, Quota};
use crate::rules::resource::{Resource, chosen, find, find_id};
use crate::rules::{Caller, Context, filter, prefix_use, region};
use crate::state::*;

/// What calls call the type; it is AWS's default.
const TYPE: &str = "Gateway";

/// Whether a call asks for an endpoint of this type.
pub(super) fn is_asked(request: &CreateVpcEndpointRequest) -> bool {
    request.vpc_endpoint_type.as_deref().unwrap_or(TYPE) == TYPE
}

/// Whether an id is that of a gateway endpoint of the caller's.
pub(in crate::rules) fn is_one(network: &Network, caller: &Caller, id: &str) -> bool {
    find::<GatewayEndpoint>(network, caller, id).is_ok()
}

pub(super) fn create(
    network: &mut Network,
    caller: &Caller,
    request: &CreateVpcEndpointRequest,
    context: &mut Context<'_>,
) -> Result<CreateVpcEndpointResponse, AwsError> {
    let token = check::client_token(
        network,
        caller,
        "CreateVpcEndpoint",
        request.client_token.as_deref(),
        request,
    )?;
    if let Some(made) = &token.made {
        let endpoint = find::<GatewayEndpoint>(network, caller, made)?;
        return Ok(CreateVpcEndpointResponse {
            vpc_endpoint: item(network, endpoint),
            client_token: request.client_token.clone(),
        });
    }
    only_of_interfaces(
        !request.subnet_ids.is_empty() || !request.subnet_configurations.is_empty(),
        !request.security_group_ids.is_empty(),
        request.private_dns_enabled,
    )?;
    let vpc = check::find_vpc(network, caller, &request.vpc_id)?
        .id
        .clone();
    let Some(name) = &request.service_name else {
        return Err(AwsError::missing("ServiceName"));
    };
    let service = service_named(network, caller, name)?;
    let own = network
        .gateway_endpoints
        .values()
        .filter(|row| row.is_of(caller));
    quota::within(
        network,
        &caller.account,
        Quota::GatewayEndpointsPerRegion,
        own.count() + 1,
    )?;
    let endpoint = GatewayEndpoint {
        id: EndpointId::from_random((context.random)()),
        owner: caller.account.clone(),
        region: caller.region.clone(),
        vpc,
        service,
        created_at: context.now,
        tags: check::tags_from(&request.tag_specifications, GatewayEndpoint::KIND)?,
    };
    let tables = led(network, caller, &endpoint, &request.route_table_ids)?;
    token.remember(network, endpoint.id.as_str());
    network
        .gateway_endpoints
        .insert(endpoint.id.clone(), endpoint.clone());
    for table in tables {
        network.route_tables.insert(table.id.clone(), table);
    }
    Ok(CreateVpcEndpointResponse {
        vpc_endpoint: item(network, &endpoint),
        client_token: request.client_token.clone(),
    })
}

/// The caller's gateway endpoints that filters choose, of those with these ids; all if none is named.
pub(super) fn described(
    network: &Network,
    caller: &Caller,
    ids: &[String],
    filters: &[Filter],
) -> Result<Vec<VpcEndpointItem>, AwsError> {
    let mut shown = Vec::new();
    for endpoint in chosen::<GatewayEndpoint>(network, caller, ids)? {
        if filter::matches(filters, &endpoint.tags, |name| {
            filter_values(endpoint, name)
        })? {
            shown.push(item(network, endpoint));
        }
    }
    Ok(shown)
}

pub(super) fn modify(
    network: &mut Network,
    caller: &Caller,
    request: &ModifyVpcEndpointRequest,
) -> Result<ModifyVpcEndpointResponse, AwsError> {
    let endpoint = find::<GatewayEndpoint>(network, caller, &request.vpc_endpoint_id)?.clone();
    let has_subnets = !request.add_subnet_ids.is_empty()
        || !request.remove_subnet_ids.is_empty()
        || !request.subnet_configurations.is_empty();
    let has_groups =
        !request.add_security_group_ids.is_empty() || !request.remove_security_group_ids.is_empty();
    only_of_interfaces(has_subnets, has_groups, request.private_dns_enabled)?;
    let list = list_id(&endpoint)?;
    let mut without = Vec::new();
    for id in &request.remove_route_table_ids {
        let mut table = find::<RouteTable>(network, caller, id)?.clone();
        if table.list_routes.get(&list) != Some(&RouteTarget::GatewayEndpoint(endpoint.id.clone()))
        {
            let message = format!("The route table {id} has no route to {}.", endpoint.id);
            return Err(AwsError::new("InvalidParameter", message));
        }
        table.list_routes.remove(&list);
        without.push(table);
    }
    let with = led(network, caller, &endpoint, &request.add_route_table_ids)?;
    for table in without.into_iter().chain(with) {
        network.route_tables.insert(table.id.clone(), table);
    }
    Ok(ModifyVpcEndpointResponse(Done::YES))
}

/// Takes an endpoint of the caller's away, and its routes with it.
pub(super) fn delete(network: &mut Network, caller: &Caller, id: &str) -> Result<(), AwsError> {
    let id = find_id::<GatewayEndpoint>(network, caller, id)?;
    let target = RouteTarget::GatewayEndpoint(id.clone());
    for table in tables_of(network, &id) {
        if let Some(table) = network.route_tables.get_mut(&table) {
            table.list_routes.retain(|_, other| *other != target);
        }
    }
    network.gateway_endpoints.remove(&id);
    forget_token(network, id.as_str());
    Ok(())
}

/// Whether AWS has a service of this name in the Region, that gateway endpoints lead to.
pub(super) fn is_service(caller: &Caller, name: &str) -> bool {
    services(caller).any(|(_, own)| own == name)
}

/// AWS's services that gateway endpoints lead to, as they are shown.
pub(super) fn service_details(
    caller: &Caller,
    names: &[String],
    filters: &[Filter],
) -> Result<Vec<ServiceDetailItem>, AwsError> {
    let mut shown = Vec::new();
    for (service, name) in
        services(caller).filter(|(_, name)| names.is_empty() || names.contains(name))
    {
        let values = |asked: &str| match asked {
            "owner" => Some(vec!["amazon".to_owned()]),
            "service-name" => Some(vec![name.clone()]),
            "service-region" => Some(vec![caller.region.to_string()]),
            "service-type" => Some(vec![TYPE.to_owned()]),
            "supported-ip-address-types" => Some(vec!["ipv4".to_owned()]),
            _ => None,
        };
        if filter::matches(filters, &Tags::new(), values)? {
            shown.push(detail(caller, service, &name));
        }
    }
    Ok(shown)
}

fn detail(caller: &Caller, service: GatewayService, name: &str) -> ServiceDetailItem {
    let zones = || region::zones(caller.region.as_str());
    let host = format!("{}.{}.amazonaws.com", service.word(), caller.region);
    ServiceDetailItem {
        service_name: name.to_owned(),
        service_id: derived_id("vpce-svc", name),
        service_type: [ServiceTypeItem { service_type: TYPE }]
            .into_iter()
            .collect(),
        service_region: caller.region.to_string(),
        availability_zones: zones().map(|zone| zone.name).collect(),
        availability_zone_ids: zones().map(|zone| zone.id).collect(),
        owner: "amazon".to_owned(),
        base_endpoint_dns_names: [host].into_iter().collect(),
        private_dns_name: None,
        private_dns_names: Items::default(),
        private_dns_name_verification_state: None,
        vpc_endpoint_policy_supported: true,
        acceptance_required: false,
        manages_vpc_endpoints: false,
        tags: Items::default(),
        supported_ip_address_types: ["ipv4"].into_iter().collect(),
    }
}

fn only_of_interfaces(subnets: bool, groups: bool, dns: Option<bool>) -> Result<(), AwsError> {
    let asked = [
        (subnets, "subnets"),
        (groups, "security groups"),
        (dns == Some(true), "private DNS"),
    ];
    let Some((_, what)) = asked.into_iter().find(|(asked, _)| *asked) else {
        return Ok(());
    };
    let message = format!("Only VPC endpoints of type Interface can have {what}.");
    Err(AwsError::new("InvalidParameter", message))
}

fn services(caller: &Caller) -> impl Iterator<Item = (GatewayService, String)> {
    let there = GatewayService::ALL
        .into_iter()
        .filter(|service| list_of(*service, &caller.region).is_some());
    there.map(|service| (service, service.name(&caller.region)))
}

/// The prefix list by which a Region's routes lead to a service, if AWS has it there.
fn list_of(service: GatewayService, region: &Region) -> Option<PrefixListId> {
    let name = service.name(region);
    let list = aws_prefix_lists(region).find(|list| list.name == name);
    list.map(|list| list.id.clone())
}

fn service_named(
    network: &Network,
    caller: &Caller,
    name: &str,
) -> Result<GatewayService, AwsError> {
    if let Some((service, _)) = services(caller).find(|(_, own)| own == name) {
        return Ok(service);
    }
    let service = find_by_name(network, caller, name)?;
    let message = format!(
        "Vpc Endpoint Type ({TYPE}) does not match the type of {}: ask for VpcEndpointType=Interface.",
        service.id
    );
    Err(AwsError::new("InvalidParameter", message))
}

/// The tables with these ids with a route to the endpoint. One table has one route to a service.
fn led(
    network: &Network,
    caller: &Caller,
    endpoint: &GatewayEndpoint,
    tables: &[String],
) -> Result<Vec<RouteTable>, AwsError> {
    let list = list_id(endpoint)?;
    let mut seen = BTreeSet::new();
    let mut led = Vec::new();
    for id in tables {
        let mut table = find::<RouteTable>(network, caller, id)?.clone();
        if table.vpc != endpoint.vpc {
            let message = format!(
                "The route table {id} is not in {}, but in {}",
                endpoint.vpc, table.vpc
            );
            return Err(AwsError::new("InvalidParameter", message));
        }
        if table.list_routes.contains_key(&list) || !seen.insert(table.id.clone()) {
            let message = format!(
                "route table {id} already has a route with destination-prefix-list-id {list}"
            );
            return Err(AwsError::new("RouteAlreadyExists", message));
        }
        let target = RouteTarget::GatewayEndpoint(endpoint.id.clone());
        table.list_routes.insert(list.clone(), target);
        prefix_use::check_routes(network, &table)?;
        led.push(table);
    }
    Ok(led)
}

fn list_id(endpoint: &GatewayEndpoint) -> Result<PrefixListId, AwsError> {
    list_of(endpoint.service, &endpoint.region).ok_or_else(|| {
        let name = endpoint.service.name(&endpoint.region);
        let message = format!("The Vpc Endpoint Service '{name}' does not exist");
        AwsError::new("InvalidServiceName", message)
    })
}

fn tables_of(network: &Network, id: &EndpointId) -> Vec<RouteTableId> {
    let target = RouteTarget::GatewayEndpoint(id.clone());
    let leads = |table: &&RouteTable| table.list_routes.values().any(|other| *other == target);
    let tables = network.route_tables.values().filter(leads);
    tables.map(|table| table.id.clone()).collect()
}

fn item(network: &Network, endpoint: &GatewayEndpoint) -> VpcEndpointItem {
    VpcEndpointItem {
        vpc_endpoint_id: endpoint.id.to_string(),
        vpc_endpoint_type: TYPE,
        vpc_id: endpoint.vpc.to_string(),
        service_name: endpoint.service.name(&endpoint.region),
        state: "available",
        policy_document: POLICY,
        route_table_ids: tables_of(network, &endpoint.id)
            .iter()
            .map(ToString::to_string)
            .collect(),
        subnet_ids: Items::default(),
        groups: Items::default(),
        ip_address_type: "ipv4",
        dns_options: DnsOptionsItem {
            dns_record_ip_type: "ipv4",
        },
        private_dns_enabled: false,
        requester_managed: false,
        network_interface_ids: Items::default(),
        dns_entries: Items::default(),
        creation_timestamp: endpoint.created_at,
        tags: tag_set(&endpoint.tags),
        owner_id: endpoint.owner.to_string(),
        service_region: endpoint.region.to_string(),
    }
}

fn filter_values(endpoint: &GatewayEndpoint, name: &str) -> Option<Vec<String>> {
    let value = match name {
        "ip-address-type" => "ipv4".to_owned(),
        "service-name" => endpoint.service.name(&endpoint.region),
        "service-region" => endpoint.region.to_string(),
        "vpc-endpoint-id" => endpoint.id.to_string(),
        "vpc-endpoint-state" => "available".to_owned(),
        "vpc-endpoint-type" => TYPE.to_owned(),
        "vpc-id" => endpoint.vpc.to_string(),
        _ => return None,
    };
    Some(vec![value])
}
