//! Connections of endpoints to a service, seen by the service's owner.

use std::collections::BTreeMap;

use super::{derived_id, dns_entries, endpoint_id, state_name, unsuccessful};
use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::resource::find;
use crate::rules::{Caller, filter};
use crate::state::*;

pub(in crate::rules) fn describe_connections(
    network: &Network,
    caller: &Caller,
    request: &DescribeVpcEndpointConnectionsRequest,
) -> Result<DescribeVpcEndpointConnectionsResponse, AwsError> {
    let mut shown = Vec::new();
    for endpoint in network.endpoints.values() {
        let service = network.endpoint_services.get(&endpoint.service);
        let own = |service: &&EndpointService| {
            service.owner == caller.account && service.region == caller.region
        };
        let Some(service) = service.filter(own) else {
            continue;
        };
        if filter::matches(&request.filters, &Tags::new(), |name| {
            filter_values(endpoint, name)
        })? {
            shown.push(connection(network, service, endpoint));
        }
    }
    let page = filter::page(
        shown,
        request.max_results,
        request.next_token.as_deref(),
        &[],
    )?;
    Ok(DescribeVpcEndpointConnectionsResponse {
        vpc_endpoint_connections: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

pub(in crate::rules) fn accept(
    network: &mut Network,
    caller: &Caller,
    request: &AcceptVpcEndpointConnectionsRequest,
) -> Result<AcceptVpcEndpointConnectionsResponse, AwsError> {
    let service = find::<EndpointService>(network, caller, &request.service_id)?
        .id
        .clone();
    let failures = set_states(
        network,
        &service,
        &request.vpc_endpoint_ids,
        EndpointState::Available,
    )?;
    Ok(AcceptVpcEndpointConnectionsResponse(unsuccessful(failures)))
}

pub(in crate::rules) fn reject(
    network: &mut Network,
    caller: &Caller,
    request: &RejectVpcEndpointConnectionsRequest,
) -> Result<RejectVpcEndpointConnectionsResponse, AwsError> {
    let service = find::<EndpointService>(network, caller, &request.service_id)?
        .id
        .clone();
    let failures = set_states(
        network,
        &service,
        &request.vpc_endpoint_ids,
        EndpointState::Rejected,
    )?;
    Ok(RejectVpcEndpointConnectionsResponse(unsuccessful(failures)))
}

/// Sets the state of endpoints of a service; one that has it already stays as it is. Answers those that are not there.
fn set_states(
    network: &mut Network,
    service: &EndpointServiceId,
    endpoints: &[String],
    state: EndpointState,
) -> Result<BTreeMap<String, AwsError>, AwsError> {
    let ids: Vec<EndpointId> = endpoints
        .iter()
        .map(|id| endpoint_id(id))
        .collect::<Result<_, _>>()?;
    let mut failures = BTreeMap::new();
    for id in ids {
        let found = network.endpoints.get(&id);
        if found.is_none_or(|endpoint| endpoint.service != *service) {
            let message =
                format!("The Vpc Endpoint Id '{id}' does not exist, or does not lead to {service}");
            failures.insert(
                id.to_string(),
                AwsError::new("InvalidVpcEndpoint.NotFound", message),
            );
            continue;
        }
        if let Some(endpoint) = network.endpoints.get_mut(&id) {
            endpoint.state = state;
            // A name that leads nowhere would keep others from the VPC.
            endpoint.private_dns &= state == EndpointState::Available;
        }
    }
    Ok(failures)
}

fn connection(
    network: &Network,
    service: &EndpointService,
    endpoint: &Endpoint,
) -> VpcEndpointConnectionItem {
    VpcEndpointConnectionItem {
        service_id: service.id.to_string(),
        vpc_endpoint_id: endpoint.id.to_string(),
        vpc_endpoint_owner: endpoint.owner.to_string(),
        vpc_endpoint_state: state_name(endpoint.state),
        creation_timestamp: endpoint.created_at,
        dns_entries: dns_entries(network, endpoint).into_iter().collect(),
        network_load_balancer_arns: service.load_balancers.iter().cloned().collect(),
        ip_address_type: "ipv4",
        vpc_endpoint_connection_id: derived_id("vpce-con", endpoint.id.as_str()),
        tags: Items::default(),
        vpc_endpoint_region: endpoint.region.to_string(),
    }
}

fn filter_values(endpoint: &Endpoint, name: &str) -> Option<Vec<String>> {
    let value = match name {
        "ip-address-type" => "ipv4".to_owned(),
        "service-id" => endpoint.service.to_string(),
        "vpc-endpoint-id" => endpoint.id.to_string(),
        "vpc-endpoint-owner" => endpoint.owner.to_string(),
        "vpc-endpoint-region" => endpoint.region.to_string(),
        "vpc-endpoint-state" => state_name(endpoint.state).to_owned(),
        _ => return None,
    };
    Some(vec![value])
}
