//! Endpoint services and VPC endpoints (PrivateLink).

mod connection;
mod consumer;
mod gateway;
mod permission;
mod place;
mod private_dns;
mod service;

pub(super) use connection::{accept, describe_connections, reject};
pub(super) use consumer::{create, delete, describe, modify};
pub(super) use gateway::is_one as is_gateway_endpoint;
pub(super) use permission::{describe_permissions, describe_services, modify_permissions};
pub(crate) use private_dns::{endpoint_zone_id, private_name, private_zone};
pub(super) use private_dns::{pass, verify, zone_made};
pub(super) use service::{
    create_service, delete_services, describe_configurations, modify_service,
};

use crate::api::{DnsEntryItem, Unsuccessful, UnsuccessfulError, UnsuccessfulItem};
use crate::error::AwsError;
use crate::id::*;
use crate::state::*;

fn endpoint_id(id: &str) -> Result<EndpointId, AwsError> {
    id.parse().map_err(|why: MalformedId| {
        AwsError::new("InvalidVpcEndpointId.Malformed", why.to_string())
    })
}

/// What an endpoint is called in answers.
fn state_name(state: EndpointState) -> &'static str {
    match state {
        EndpointState::PendingAcceptance => "pendingAcceptance",
        EndpointState::Available => "available",
        EndpointState::Rejected => "rejected",
    }
}

/// The names of an endpoint: the Regional one, then one a zone, then the service's own if it resolves in the VPC.
fn dns_entries(network: &Network, endpoint: &Endpoint) -> Vec<DnsEntryItem> {
    let entry = |(dns_name, zone)| DnsEntryItem {
        dns_name,
        hosted_zone_id: zone,
    };
    let own = crate::names::endpoint_names(network, endpoint).into_iter();
    let own = own.map(|(name, _)| (name, ENDPOINT_ZONE.to_owned()));
    let private = private_name(network, endpoint);
    let zone = || endpoint_zone_id(&endpoint.id).to_string();
    let private = private.map(|name| (name.to_owned(), zone()));
    own.chain(private).map(entry).collect()
}

/// The hosted zone of all endpoints' names; this cloud has one.
pub(crate) const ENDPOINT_ZONE: &str = "Z7HUB22UULQXV";

/// The zones in which the balancers of a service have nodes: names and ids.
fn service_zones(network: &Network, service: &EndpointService) -> (Vec<String>, Vec<String>) {
    let balancers = service
        .load_balancers
        .iter()
        .filter_map(|arn| network.load_balancers.get(arn));
    let subnets = balancers.flat_map(|balancer| balancer.nodes.keys());
    let zones: std::collections::BTreeSet<char> = subnets
        .filter_map(|subnet| network.subnets.get(subnet))
        .map(|subnet| subnet.zone)
        .collect();
    let known =
        region(service.region.as_str()).map_or(("", ""), |info| (info.zone_prefix, info.zones));
    let names = zones
        .iter()
        .map(|zone| format!("{}{zone}", service.region))
        .collect();
    let number = |zone: &char| {
        known
            .1
            .chars()
            .position(|letter| letter == *zone)
            .map_or(1, |place| place + 1)
    };
    let ids = zones
        .iter()
        .map(|zone| format!("{}-az{}", known.0, number(zone)))
        .collect();
    (names, ids)
}

/// The DNS name that names of a service's endpoints end in.
fn base_name(service: &EndpointService) -> String {
    format!("{}.{}.vpce.amazonaws.com", service.id, service.region)
}

/// Whether a service has endpoints that wait or are connected.
pub(super) fn is_live(network: &Network, service: &EndpointServiceId) -> bool {
    live_endpoints(network, service).next().is_some()
}

/// Endpoints that keep a service from being deleted.
fn live_endpoints<'n>(
    network: &'n Network,
    service: &'n EndpointServiceId,
) -> impl Iterator<Item = &'n Endpoint> {
    network.endpoints.values().filter(move |endpoint| {
        let live = match endpoint.state {
            EndpointState::PendingAcceptance | EndpointState::Available => true,
            EndpointState::Rejected => false,
        };
        endpoint.service == *service && live
    })
}

/// An id made of another thing's name: the same name has the same id.
fn derived_id(prefix: &str, name: &str) -> String {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{prefix}-{hash:017x}")
}

/// The answer of calls that do several things, each of which may fail on its own.
fn unsuccessful(failures: impl IntoIterator<Item = (String, AwsError)>) -> Unsuccessful {
    let item = |(resource_id, error): (String, AwsError)| UnsuccessfulItem {
        error: UnsuccessfulError {
            code: error.code,
            message: error.message,
        },
        resource_id,
    };
    Unsuccessful {
        unsuccessful: failures.into_iter().map(item).collect(),
    }
}

/// Forgets the client token that made a thing which is gone, so that the same call makes it anew.
fn forget_token(network: &mut Network, made: &str) {
    let tokens = network
        .client_tokens
        .iter()
        .filter(|(_, token)| token.made == made);
    for key in tokens.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
        network.client_tokens.remove(&key);
    }
}

/// Refuses what is asked for and is not there: never accepted and ignored.
fn refuse<'a>(asked: impl IntoIterator<Item = (bool, &'a str)>) -> Result<(), AwsError> {
    match asked.into_iter().find(|(asked, _)| *asked) {
        Some((_, what)) => Err(AwsError::unsupported(what)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
