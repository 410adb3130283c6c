//! Endpoint services, seen by their owners.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    base_name, forget_token, live_endpoints, private_dns, refuse, service_zones, unsuccessful,
};
use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::resource::{Resource, chosen, find};
use crate::rules::{Caller, Context, check, filter};
use crate::state::*;

pub(in crate::rules) fn create_service(
    network: &mut Network,
    caller: &Caller,
    request: &CreateVpcEndpointServiceConfigurationRequest,
    context: &mut Context<'_>,
) -> Result<CreateVpcEndpointServiceConfigurationResponse, AwsError> {
    let action = "CreateVpcEndpointServiceConfiguration";
    let token = check::client_token(
        network,
        caller,
        action,
        request.client_token.as_deref(),
        request,
    )?;
    if let Some(service) = token
        .made
        .as_deref()
        .map(|id| find::<EndpointService>(network, caller, id))
        .transpose()?
    {
        return Ok(CreateVpcEndpointServiceConfigurationResponse {
            service_configuration: configuration(network, service),
            client_token: request.client_token.clone(),
        });
    }
    refuse([
        (
            !request.gateway_load_balancer_arns.is_empty(),
            "An endpoint service with Gateway Load Balancers",
        ),
        (
            others(&request.supported_ip_address_types, "ipv4"),
            "An IP address type other than ipv4",
        ),
        (
            others(&request.supported_regions, caller.region.as_str()),
            "An endpoint service in several Regions",
        ),
    ])?;
    if request.network_load_balancer_arns.is_empty() {
        return Err(AwsError::new(
            "InvalidParameter",
            "exactly one of network_load_balancer_arn or gateway_load_balancer_arn is a required member",
        ));
    }
    let load_balancers = free_balancers(network, caller, &request.network_load_balancer_arns)?;
    let asked = request.private_dns_name.as_deref();
    let private_dns = asked
        .map(|name| private_dns::wanted(name, None, context))
        .transpose()?;
    let service = EndpointService {
        id: EndpointServiceId::from_random((context.random)()),
        owner: caller.account.clone(),
        region: caller.region.clone(),
        acceptance_required: request.acceptance_required.unwrap_or(true),
        load_balancers,
        allowed_principals: BTreeSet::new(),
        private_dns,
        tags: check::tags_from(&request.tag_specifications, "vpc-endpoint-service")?,
    };
    let answer = CreateVpcEndpointServiceConfigurationResponse {
        service_configuration: configuration(network, &service),
        client_token: request.client_token.clone(),
    };
    token.remember(network, service.id.as_str());
    network
        .endpoint_services
        .insert(service.id.clone(), service);
    Ok(answer)
}

pub(in crate::rules) fn describe_configurations(
    network: &Network,
    caller: &Caller,
    request: &DescribeVpcEndpointServiceConfigurationsRequest,
) -> Result<DescribeVpcEndpointServiceConfigurationsResponse, AwsError> {
    let mut shown = Vec::new();
    for service in chosen::<EndpointService>(network, caller, &request.service_ids)? {
        if filter::matches(&request.filters, &service.tags, |name| {
            filter_values(service, name)
        })? {
            shown.push(configuration(network, service));
        }
    }
    let page = filter::page(
        shown,
        request.max_results,
        request.next_token.as_deref(),
        &request.service_ids,
    )?;
    Ok(DescribeVpcEndpointServiceConfigurationsResponse {
        service_configurations: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

pub(in crate::rules) fn modify_service(
    network: &mut Network,
    caller: &Caller,
    request: &ModifyVpcEndpointServiceConfigurationRequest,
    context: &mut Context<'_>,
) -> Result<ModifyVpcEndpointServiceConfigurationResponse, AwsError> {
    let gateways = !request.add_gateway_load_balancer_arns.is_empty()
        || !request.remove_gateway_load_balancer_arns.is_empty();
    refuse([
        (gateways, "An endpoint service with Gateway Load Balancers"),
        (
            others(&request.add_supported_ip_address_types, "ipv4"),
            "An IP address type other than ipv4",
        ),
        (
            request
                .remove_supported_ip_address_types
                .iter()
                .any(|kind| kind == "ipv4"),
            "A service without ipv4",
        ),
        (
            others(&request.add_supported_regions, caller.region.as_str()),
            "An endpoint service in several Regions",
        ),
        (
            request
                .remove_supported_regions
                .iter()
                .any(|region| region == caller.region.as_str()),
            "An endpoint service that its own Region does not have",
        ),
    ])?;
    let service = find::<EndpointService>(network, caller, &request.service_id)?;
    let mut wanted = service.clone();
    let added = request
        .add_network_load_balancer_arns
        .iter()
        .filter(|arn| !service.load_balancers.contains(*arn));
    wanted
        .load_balancers
        .extend(free_balancers(network, caller, added)?);
    for arn in &request.remove_network_load_balancer_arns {
        if !wanted.load_balancers.remove(arn) {
            let message = format!(
                "The Network Load Balancer '{arn}' is not one of {}'s",
                service.id
            );
            return Err(AwsError::new(
                "InvalidNetworkLoadBalancerArn.NotFound",
                message,
            ));
        }
        no_endpoints(network, service, "Load balancers")?;
    }
    if wanted.load_balancers.is_empty() {
        let message = format!(
            "{} needs at least one load balancer: add another before the last is taken",
            service.id
        );
        return Err(AwsError::new("InvalidParameter", message));
    }
    match (&request.private_dns_name, request.remove_private_dns_name) {
        (Some(_), true) => {
            let message = "PrivateDnsName and RemovePrivateDnsName cannot be given together.";
            return Err(AwsError::new("InvalidParameterCombination", message));
        }
        (Some(name), false) => {
            let before = service.private_dns.as_ref();
            let asked = private_dns::wanted(name, before, context)?;
            private_dns::check_unused(network, service, &asked)?;
            wanted.private_dns = Some(asked);
        }
        (None, true) => {
            no_endpoints(network, service, "The private DNS name")?;
            wanted.private_dns = None;
        }
        (None, false) => {}
    }
    wanted.acceptance_required = request
        .acceptance_required
        .unwrap_or(service.acceptance_required);
    network.endpoint_services.insert(wanted.id.clone(), wanted);
    Ok(ModifyVpcEndpointServiceConfigurationResponse(Done::YES))
}

pub(in crate::rules) fn delete_services(
    network: &mut Network,
    caller: &Caller,
    request: &DeleteVpcEndpointServiceConfigurationsRequest,
) -> Result<DeleteVpcEndpointServiceConfigurationsResponse, AwsError> {
    let mut failures = BTreeMap::new();
    let mut gone = Vec::new();
    for id in &request.service_ids {
        match deletable(network, caller, id) {
            Ok(id) => gone.push(id),
            Err(error) if error.code.ends_with(".Malformed") => return Err(error),
            Err(error) => {
                failures.insert(id.clone(), error);
            }
        }
    }
    for id in gone {
        network.endpoint_services.remove(&id);
        forget_token(network, id.as_str());
    }
    Ok(DeleteVpcEndpointServiceConfigurationsResponse(
        unsuccessful(failures),
    ))
}

/// Whether names other than this one are asked for.
fn others(asked: &[String], supported: &str) -> bool {
    asked.iter().any(|asked| asked != supported)
}

/// The caller's network load balancers with these ARNs, if none of them is part of a service already.
fn free_balancers<'a>(
    network: &Network,
    caller: &Caller,
    arns: impl IntoIterator<Item = &'a String>,
) -> Result<BTreeSet<String>, AwsError> {
    let mut found = BTreeSet::new();
    for arn in arns {
        if !arn.starts_with("arn:aws:elasticloadbalancing:") || !arn.contains(":loadbalancer/net/")
        {
            let message = format!("Invalid Network Load Balancer ARN: '{arn}'");
            return Err(AwsError::new(
                "InvalidNetworkLoadBalancerArn.Malformed",
                message,
            ));
        }
        let balancer = network.load_balancers.get(arn);
        if !balancer.is_some_and(|balancer| {
            balancer.owner == caller.account && balancer.region == caller.region
        }) {
            let message = format!("The Network Load Balancer '{arn}' does not exist");
            return Err(AwsError::new(
                "InvalidNetworkLoadBalancerArn.NotFound",
                message,
            ));
        }
        if let Some(service) = network
            .endpoint_services
            .values()
            .find(|service| service.load_balancers.contains(arn))
        {
            let message = format!(
                "The Network Load Balancer '{arn}' is already associated with {}",
                service.id
            );
            return Err(AwsError::new("InvalidParameter", message));
        }
        found.insert(arn.clone());
    }
    Ok(found)
}

/// Refuses what a service with connections does not let happen to it.
fn no_endpoints(network: &Network, service: &EndpointService, what: &str) -> Result<(), AwsError> {
    let Some(endpoint) = live_endpoints(network, &service.id).next() else {
        return Ok(());
    };
    let message = format!(
        "{what} of {} cannot be taken away while it has endpoints, such as {}: reject them first",
        service.id, endpoint.id
    );
    Err(AwsError::new("ExistingVpcEndpointConnections", message))
}

/// The service, if it may be deleted. That it is not there has a code of its own here.
fn deletable(network: &Network, caller: &Caller, id: &str) -> Result<EndpointServiceId, AwsError> {
    let service = find::<EndpointService>(network, caller, id).map_err(|error| {
        if error.code != EndpointService::NOT_FOUND {
            return error;
        }
        AwsError::new("InvalidVpcEndpointService.NotFound", error.message)
    })?;
    let Some(endpoint) = live_endpoints(network, &service.id).next() else {
        return Ok(service.id.clone());
    };
    let message = format!(
        "Service has existing active VPC Endpoint connections, such as {}: reject them first",
        endpoint.id
    );
    Err(AwsError::new("ExistingVpcEndpointConnections", message))
}

fn configuration(network: &Network, service: &EndpointService) -> ServiceConfigurationItem {
    let (zones, zone_ids) = service_zones(network, service);
    ServiceConfigurationItem {
        service_type: [ServiceTypeItem {
            service_type: "Interface",
        }]
        .into_iter()
        .collect(),
        service_id: service.id.to_string(),
        service_name: service.service_name(),
        service_state: "Available",
        availability_zones: zones.into_iter().collect(),
        availability_zone_ids: zone_ids.into_iter().collect(),
        acceptance_required: service.acceptance_required,
        manages_vpc_endpoints: false,
        network_load_balancer_arns: service.load_balancers.iter().cloned().collect(),
        supported_ip_address_types: ["ipv4"].into_iter().collect(),
        base_endpoint_dns_names: [base_name(service)].into_iter().collect(),
        private_dns_name: service.private_dns.as_ref().map(|dns| dns.name.clone()),
        private_dns_name_configuration: service
            .private_dns
            .as_ref()
            .map(private_dns::configuration),
        tags: tag_set(&service.tags),
    }
}

fn filter_values(service: &EndpointService, name: &str) -> Option<Vec<String>> {
    let value = match name {
        "service-id" => service.id.to_string(),
        "service-name" => service.service_name(),
        "service-state" => "Available".to_owned(),
        "supported-ip-address-types" => "ipv4".to_owned(),
        _ => return None,
    };
    Some(vec![value])
}
