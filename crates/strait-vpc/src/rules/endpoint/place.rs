//! Where an endpoint's interfaces are.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::{refuse, service_zones};
use crate::api::SubnetConfiguration;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::{Caller, Context, check};
use crate::state::*;

/// The subnets and addresses of new interfaces: subnets of the VPC, one a zone, beside those that are there.
pub(super) fn places(
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
pub(super) fn check_zones<'a>(
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

/// Makes an endpoint's interface in a subnet.
pub(super) fn plug(
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
