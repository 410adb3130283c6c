//! VPC endpoints, seen by their owners.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::permission::find_by_name;
use super::{
    dns_entries, endpoint_id, forget_token, gateway, private_dns, refuse, service_zones,
    state_name, unsuccessful,
};
use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::quota::{self, Quota};
use crate::rules::resource::{chosen, find};
use crate::rules::{Caller, Context, check, filter};
use crate::state::*;

pub(in crate::rules) fn create(
    network: &mut Network,
    caller: &Caller,
    request: &CreateVpcEndpointRequest,
    context: &mut Context<'_>,
) -> Result<CreateVpcEndpointResponse, AwsError> {
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
    refuse_on_create(request, caller)?;
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
        dns_suffix: dns_suffix((context.random)()),
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
    if gateway::is_one(network, caller, &request.vpc_endpoint_id) {
        return gateway::modify(network, caller, request);
    }
    let mut endpoint = find::<Endpoint>(network, caller, &request.vpc_endpoint_id)?.clone();
    refuse_on_modify(request)?;
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
    let (mut gone, mut of_gateways) = (Vec::new(), Vec::new());
    for id in &request.vpc_endpoint_ids {
        endpoint_id(id)?;
        if gateway::is_one(network, caller, id) {
            of_gateways.push(id);
            continue;
        }
        match find::<Endpoint>(network, caller, id) {
            Ok(endpoint) => gone.push(endpoint.clone()),
            Err(error) => {
                failures.insert(
                    id.clone(),
                    AwsError::new("InvalidVpcEndpoint.NotFound", error.message),
                );
            }
        }
    }
    for id in of_gateways {
        // Named twice, it is gone the second time.
        if let Err(error) = gateway::delete(network, caller, id) {
            failures.insert(id.clone(), error);
        }
    }
    for endpoint in gone {
        for interface in endpoint.interfaces.values() {
            network.interfaces.remove(interface);
        }
        network.endpoints.remove(&endpoint.id);
        forget_token(network, endpoint.id.as_str());
    }
    Ok(DeleteVpcEndpointsResponse(unsuccessful(failures)))
}

fn refuse_on_create(request: &CreateVpcEndpointRequest, caller: &Caller) -> Result<(), AwsError> {
    let kind = request.vpc_endpoint_type.as_deref().unwrap_or_default();
    if kind != "Interface" {
        let what = format!("A VPC endpoint of type {kind} (there are Interface and Gateway)");
        return Err(AwsError::unsupported(&what));
    }
    let elsewhere = request
        .service_region
        .as_deref()
        .is_some_and(|region| region != caller.region.as_str());
    refuse([
        (request.policy_document.is_some(), "An endpoint policy"),
        (
            !request.route_table_ids.is_empty(),
            "A route table of an interface endpoint",
        ),
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

fn refuse_on_modify(request: &ModifyVpcEndpointRequest) -> Result<(), AwsError> {
    let tables =
        !request.add_route_table_ids.is_empty() || !request.remove_route_table_ids.is_empty();
    refuse([
        (request.policy_document.is_some(), "An endpoint policy"),
        (tables, "A route table of an interface endpoint"),
        (
            not_ipv4(request.ip_address_type.as_deref()),
            "An IP address type other than ipv4",
        ),
    ])?;
    refuse_dns_options(request.dns_options.as_ref())
}

pub(super) fn refuse_dns_options(options: Option<&DnsOptions>) -> Result<(), AwsError> {
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

pub(super) fn not_ipv4(kind: Option<&str>) -> bool {
    kind.is_some_and(|kind| kind != "ipv4")
}

/// The subnets and addresses of new interfaces: subnets of the VPC, one a zone, beside those that are there.
fn places(
    network: &Network,
    caller: &Caller,
    vpc: &VpcId,
    subnets: &[String],
    configurations: &[SubnetConfiguration],
    kept: &BTreeSet<SubnetId>,
) -> Result<BTreeMap<SubnetId, Ipv4Addr>, AwsError> {
    let configured = configurations
        .iter()
        .filter_map(|configuration| configuration.subnet_id.as_ref());
    let mut zones: BTreeSet<char> = kept
        .iter()
        .filter_map(|id| network.subnets.get(id))
        .map(|row| row.zone)
        .collect();
    let mut places = BTreeMap::new();
    for id in subnets.iter().chain(configured) {
        let subnet = check::find_subnet(network, caller, id)?;
        if places.contains_key(&subnet.id) {
            continue;
        }
        if subnet.vpc != *vpc {
            let message = format!("The subnet {id} is not in {vpc}, but in {}", subnet.vpc);
            return Err(AwsError::new("InvalidParameter", message));
        }
        if !zones.insert(subnet.zone) {
            let message = format!(
                "Found another VPC endpoint subnet in the availability zone of {id}. VPC endpoint subnets should be in \
                 different availability zones supported by the VPC endpoint service."
            );
            return Err(AwsError::new("DuplicateSubnetsInSameZone", message));
        }
        let wanted = wanted_address(configurations, id)?;
        places.insert(
            subnet.id.clone(),
            check::allocate_address(network, subnet, wanted)?,
        );
    }
    Ok(places)
}

/// An endpoint can be where its service's load balancers are:
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/create-endpoint-service.html>.
fn check_zones<'a>(
    network: &Network,
    service: &EndpointService,
    mut subnets: impl Iterator<Item = &'a SubnetId>,
) -> Result<(), AwsError> {
    let (zones, _) = service_zones(network, service);
    let is_outside = |subnet: &&SubnetId| {
        let row = network.subnets.get(subnet);
        row.is_some_and(|row| !zones.contains(&format!("{}{}", row.region, row.zone)))
    };
    let Some(subnet) = subnets.find(is_outside) else {
        return Ok(());
    };
    let message = format!(
        "The VPC endpoint service {} does not support the availability zone of the subnet: {subnet}.",
        service.service_name()
    );
    Err(AwsError::new("InvalidParameter", message))
}

fn wanted_address(
    configurations: &[SubnetConfiguration],
    subnet: &str,
) -> Result<Option<Ipv4Addr>, AwsError> {
    let of_subnet = |row: &&SubnetConfiguration| row.subnet_id.as_deref() == Some(subnet);
    let Some(configuration) = configurations.iter().find(of_subnet) else {
        return Ok(None);
    };
    refuse([(configuration.ipv6.is_some(), "An IPv6 address")])?;
    let Some(address) = &configuration.ipv4 else {
        return Ok(None);
    };
    let parsed = address.parse().map_err(|_| {
        let message =
            format!("The value '{address}' of SubnetConfiguration.Ipv4 is not an IPv4 address");
        AwsError::new("InvalidParameterValue", message)
    })?;
    Ok(Some(parsed))
}

/// Makes an endpoint's interface in a subnet.
fn plug(
    network: &mut Network,
    context: &mut Context<'_>,
    endpoint: &Endpoint,
    subnet: &SubnetId,
    address: Ipv4Addr,
) -> InterfaceId {
    let interface = check::NewInterface {
        vpc: endpoint.vpc.clone(),
        subnet: subnet.clone(),
        owner: endpoint.owner.clone(),
        region: endpoint.region.clone(),
        address,
        secondary: BTreeSet::new(),
        public_ip: None,
        groups: endpoint.groups.clone(),
        holder: Holder::Endpoint(endpoint.id.clone()),
        description: format!("VPC Endpoint Interface {}", endpoint.id),
        tags: Tags::new(),
    };
    check::new_interface(network, context, interface)
}

/// Eight characters of a-z and 0-9.
fn dns_suffix(random: u128) -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let digit = |place: u32| char::from(LETTERS[(random / 36_u128.pow(place) % 36) as usize]);
    (0..8).map(digit).collect()
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
