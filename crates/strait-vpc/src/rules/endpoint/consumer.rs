//! VPC endpoints, seen by their owners.

use std::collections::{BTreeMap, BTreeSet};

use super::permission::find_by_name;
use super::place::{check_zones, places, plug};
use super::{
    dns_entries, endpoint_id, forget_token, gateway, private_dns, refuse, state_name, unsuccessful,
};
use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::quota::{self, Quota};
use crate::rules::resource::{chosen, find};
use crate::rules::tenant::letters;
use crate::rules::{Caller, Context, check, filter};
use crate::state::*;

/// The letters of what is random in an endpoint's names.
const DNS_LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// What only gateway endpoints have.
const OF_TABLES: &str = "A route table of an interface endpoint";

pub(in crate::rules) fn create(
    network: &mut Network,
    caller: &Caller,
    request: &CreateVpcEndpointRequest,
    context: &mut Context<'_>,
) -> Result<CreateVpcEndpointResponse, AwsError> {
    refuse_on_create(request, caller)?;
    if gateway::is_asked(request) {
        return gateway::create(network, caller, request, context);
    }
    let token = check::client_token(
        network,
        caller,
        "CreateVpcEndpoint",
        request.client_token.as_deref(),
        request,
    )?;
    if let Some(endpoint) = token
        .made
        .as_deref()
        .map(|id| find::<Endpoint>(network, caller, id))
        .transpose()?
    {
        return Ok(created(network, endpoint, request));
    }
    refuse_on_interface(request)?;
    let vpc = check::find_vpc(network, caller, &request.vpc_id)?
        .id
        .clone();
    let Some(name) = &request.service_name else {
        return Err(AwsError::missing("ServiceName"));
    };
    let service = find_by_name(network, caller, name)?;
    let endpoints = network.endpoints.values();
    let count = endpoints.filter(|endpoint| endpoint.vpc == vpc).count();
    quota::within(network, &caller.account, Quota::EndpointsPerVpc, count + 1)?;
    let places = places(
        network,
        caller,
        &vpc,
        &request.subnet_ids,
        &request.subnet_configurations,
        &BTreeSet::new(),
    )?;
    check_zones(network, service, places.keys())?;
    let groups = check::groups_of(network, caller, &vpc, &request.security_group_ids)?;
    let state = if service.acceptance_required {
        EndpointState::PendingAcceptance
    } else {
        EndpointState::Available
    };
    let possible = private_dns::check(network, service, &vpc, (None, state));
    let private_dns = match request.private_dns_enabled {
        Some(true) => possible.map(|()| true)?,
        Some(false) => false,
        // AWS's default is yes; where it cannot be, that is no error.
        None => possible.is_ok(),
    };
    let service = service.id.clone();
    let tags = check::tags_from(&request.tag_specifications, "vpc-endpoint")?;
    let mut endpoint = Endpoint {
        id: EndpointId::from_random((context.random)()),
        owner: caller.account.clone(),
        region: caller.region.clone(),
        vpc,
        service,
        index: network.next_link(),
        interfaces: BTreeMap::new(),
        groups,
        state,
        private_dns,
        dns_suffix: letters(context, DNS_LETTERS, 8),
        created_at: context.now,
        tags,
    };
    for (subnet, address) in places {
        let interface = plug(network, context, &endpoint, &subnet, address);
        endpoint.interfaces.insert(subnet, interface);
    }
    token.remember(network, endpoint.id.as_str());
    network
        .endpoints
        .insert(endpoint.id.clone(), endpoint.clone());
    Ok(created(network, &endpoint, request))
}

pub(in crate::rules) fn describe(
    network: &Network,
    caller: &Caller,
    request: &DescribeVpcEndpointsRequest,
) -> Result<DescribeVpcEndpointsResponse, AwsError> {
    let asked = request.vpc_endpoint_ids.iter().cloned();
    let (gateways, others): (Vec<String>, Vec<String>) =
        asked.partition(|id| gateway::is_one(network, caller, id));
    let all = request.vpc_endpoint_ids.is_empty();
    let mut shown = Vec::new();
    if all || !others.is_empty() {
        for endpoint in chosen::<Endpoint>(network, caller, &others)? {
            if filter::matches(&request.filters, &endpoint.tags, |name| {
                filter_values(endpoint, name)
            })? {
                shown.push(item(network, endpoint));
            }
        }
    }
    if all || !gateways.is_empty() {
        shown.extend(gateway::described(
            network,
            caller,
            &gateways,
            &request.filters,
        )?);
    }
    let page = filter::page(
        shown,
        request.max_results,
        request.next_token.as_deref(),
        &request.vpc_endpoint_ids,
    )?;
    Ok(DescribeVpcEndpointsResponse {
        vpc_endpoints: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

pub(in crate::rules) fn modify(
    network: &mut Network,
    caller: &Caller,
    request: &ModifyVpcEndpointRequest,
    context: &mut Context<'_>,
) -> Result<ModifyVpcEndpointResponse, AwsError> {
    refuse_on_modify(request)?;
    if gateway::is_one(network, caller, &request.vpc_endpoint_id) {
        return gateway::modify(network, caller, request);
    }
    let mut endpoint = find::<Endpoint>(network, caller, &request.vpc_endpoint_id)?.clone();
    let tables =
        !request.add_route_table_ids.is_empty() || !request.remove_route_table_ids.is_empty();
    refuse([(tables, OF_TABLES)])?;
    if let Some(wanted) = request.private_dns_enabled {
        if wanted && !endpoint.private_dns {
            check_private_dns(network, &endpoint)?;
        }
        endpoint.private_dns = wanted;
    }
    let mut removed = Vec::new();
    for id in &request.remove_subnet_ids {
        let subnet = check::find_subnet(network, caller, id)?.id.clone();
        let Some(interface) = endpoint.interfaces.remove(&subnet) else {
            let message = format!("{} has no interface in {subnet}", endpoint.id);
            return Err(AwsError::new("InvalidParameter", message));
        };
        removed.push(interface);
    }
    let kept: BTreeSet<SubnetId> = endpoint.interfaces.keys().cloned().collect();
    let added = &request.add_subnet_ids;
    let places = places(
        network,
        caller,
        &endpoint.vpc,
        added,
        &request.subnet_configurations,
        &kept,
    )?;
    if let Some(service) = network.endpoint_services.get(&endpoint.service) {
        check_zones(network, service, places.keys())?;
    }
    let mut wanted: Vec<String> = endpoint
        .groups
        .iter()
        .map(ToString::to_string)
        .filter(|group| !request.remove_security_group_ids.contains(group))
        .collect();
    wanted.extend(request.add_security_group_ids.iter().cloned());
    if wanted.is_empty() {
        let message = format!(
            "{} needs at least one security group: add another as well",
            endpoint.id
        );
        return Err(AwsError::new("InvalidParameter", message));
    }
    endpoint.groups = check::groups_of(network, caller, &endpoint.vpc, &wanted)?;
    for interface in removed {
        network.interfaces.remove(&interface);
    }
    for id in endpoint.interfaces.values() {
        if let Some(interface) = network.interfaces.get_mut(id) {
            interface.groups = endpoint.groups.clone();
        }
    }
    for (subnet, address) in places {
        let interface = plug(network, context, &endpoint, &subnet, address);
        endpoint.interfaces.insert(subnet, interface);
    }
    network.endpoints.insert(endpoint.id.clone(), endpoint);
    Ok(ModifyVpcEndpointResponse(Done::YES))
}

pub(in crate::rules) fn delete(
    network: &mut Network,
    caller: &Caller,
    request: &DeleteVpcEndpointsRequest,
) -> Result<DeleteVpcEndpointsResponse, AwsError> {
    let mut failures = BTreeMap::new();
    // One that is named twice is deleted once.
    let ids: BTreeSet<&String> = request.vpc_endpoint_ids.iter().collect();
    for id in ids {
        endpoint_id(id)?;
        if gateway::is_one(network, caller, id) {
            gateway::delete(network, caller, id)?;
            continue;
        }
        match find::<Endpoint>(network, caller, id).cloned() {
            Ok(endpoint) => unplug(network, &endpoint),
            Err(error) => {
                failures.insert(
                    id.clone(),
                    AwsError::new("InvalidVpcEndpoint.NotFound", error.message),
                );
            }
        }
    }
    Ok(DeleteVpcEndpointsResponse(unsuccessful(failures)))
}

fn unplug(network: &mut Network, endpoint: &Endpoint) {
    for interface in endpoint.interfaces.values() {
        network.interfaces.remove(interface);
    }
    network.endpoints.remove(&endpoint.id);
    forget_token(network, endpoint.id.as_str());
}

/// Refuses what no kind of endpoint has here.
fn refuse_on_create(request: &CreateVpcEndpointRequest, caller: &Caller) -> Result<(), AwsError> {
    let elsewhere = request
        .service_region
        .as_deref()
        .is_some_and(|region| region != caller.region.as_str());
    refuse([
        (request.policy_document.is_some(), "An endpoint policy"),
        (
            request.service_network_arn.is_some(),
            "A service network endpoint",
        ),
        (
            request.resource_configuration_arn.is_some(),
            "A resource endpoint",
        ),
        (elsewhere, "An endpoint to a service of another Region"),
        (
            not_ipv4(request.ip_address_type.as_deref()),
            "An IP address type other than ipv4",
        ),
    ])?;
    refuse_dns_options(request.dns_options.as_ref())
}

/// Refuses what no interface endpoint has, and kinds that are not here.
fn refuse_on_interface(request: &CreateVpcEndpointRequest) -> Result<(), AwsError> {
    let kind = request.vpc_endpoint_type.as_deref().unwrap_or_default();
    let other = format!("A VPC endpoint of type {kind} (there are Interface and Gateway)");
    refuse([
        (kind != "Interface", other.as_str()),
        (!request.route_table_ids.is_empty(), OF_TABLES),
    ])
}

/// Refuses what no kind of endpoint has here.
fn refuse_on_modify(request: &ModifyVpcEndpointRequest) -> Result<(), AwsError> {
    refuse([
        (request.policy_document.is_some(), "An endpoint policy"),
        (
            not_ipv4(request.ip_address_type.as_deref()),
            "An IP address type other than ipv4",
        ),
    ])?;
    refuse_dns_options(request.dns_options.as_ref())
}

fn refuse_dns_options(options: Option<&DnsOptions>) -> Result<(), AwsError> {
    let Some(options) = options else {
        return Ok(());
    };
    let private = options
        .private_dns_only_for_inbound_resolver_endpoint
        .unwrap_or(false)
        || options.private_dns_preference.is_some()
        || !options.private_dns_specified_domains.is_empty();
    refuse([
        (
            not_ipv4(options.dns_record_ip_type.as_deref()),
            "A DNS record type other than ipv4",
        ),
        (private, "Private DNS of an endpoint"),
    ])
}

fn check_private_dns(network: &Network, endpoint: &Endpoint) -> Result<(), AwsError> {
    let Some(service) = network.endpoint_services.get(&endpoint.service) else {
        let message = format!("The service {} is gone.", service_name(endpoint));
        return Err(AwsError::new("InvalidServiceName", message));
    };
    let own = (Some(&endpoint.id), endpoint.state);
    private_dns::check(network, service, &endpoint.vpc, own)
}

fn not_ipv4(kind: Option<&str>) -> bool {
    kind.is_some_and(|kind| kind != "ipv4")
}

fn created(
    network: &Network,
    endpoint: &Endpoint,
    request: &CreateVpcEndpointRequest,
) -> CreateVpcEndpointResponse {
    CreateVpcEndpointResponse {
        vpc_endpoint: item(network, endpoint),
        client_token: request.client_token.clone(),
    }
}

fn item(network: &Network, endpoint: &Endpoint) -> VpcEndpointItem {
    let group = |id: &SecurityGroupId| EndpointGroupItem {
        group_id: id.to_string(),
        group_name: network
            .security_groups
            .get(id)
            .map(|group| group.name.clone())
            .unwrap_or_default(),
    };
    VpcEndpointItem {
        vpc_endpoint_id: endpoint.id.to_string(),
        vpc_endpoint_type: "Interface",
        vpc_id: endpoint.vpc.to_string(),
        service_name: service_name(endpoint),
        state: state_name(endpoint.state),
        policy_document: POLICY,
        route_table_ids: Items::default(),
        subnet_ids: endpoint
            .interfaces
            .keys()
            .map(ToString::to_string)
            .collect(),
        groups: endpoint.groups.iter().map(group).collect(),
        ip_address_type: "ipv4",
        dns_options: DnsOptionsItem {
            dns_record_ip_type: "ipv4",
        },
        private_dns_enabled: endpoint.private_dns,
        requester_managed: false,
        network_interface_ids: endpoint
            .interfaces
            .values()
            .map(ToString::to_string)
            .collect(),
        dns_entries: dns_entries(network, endpoint).into_iter().collect(),
        creation_timestamp: endpoint.created_at,
        tags: tag_set(&endpoint.tags),
        owner_id: endpoint.owner.to_string(),
        service_region: endpoint.region.to_string(),
    }
}

/// AWS's default endpoint policy: everything is allowed.
pub(super) const POLICY: &str =
    r#"{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}]}"#;

/// The name of the service that an endpoint leads to; it is kept when the service is gone.
fn service_name(endpoint: &Endpoint) -> String {
    format!(
        "com.amazonaws.vpce.{}.{}",
        endpoint.region, endpoint.service
    )
}

fn filter_values(endpoint: &Endpoint, name: &str) -> Option<Vec<String>> {
    let value = match name {
        "ip-address-type" => "ipv4".to_owned(),
        "service-name" => service_name(endpoint),
        "service-region" => endpoint.region.to_string(),
        "vpc-endpoint-id" => endpoint.id.to_string(),
        "vpc-endpoint-state" => state_name(endpoint.state).to_owned(),
        "vpc-endpoint-type" => "Interface".to_owned(),
        "vpc-id" => endpoint.vpc.to_string(),
        _ => return None,
    };
    Some(vec![value])
}
