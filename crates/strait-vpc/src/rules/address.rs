//! Elastic IP addresses.

use std::net::Ipv4Addr;

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::reach::lookup;
use crate::rules::quota::{self, Quota};
use crate::rules::resource::{Resource, chosen, find};
use crate::rules::{Caller, Context, check, filter, instance_view, vpc};
use crate::state::*;

pub(super) fn allocate(
    network: &mut Network,
    caller: &Caller,
    request: &AllocateAddressRequest,
    context: &mut Context<'_>,
) -> Result<AllocateAddressResponse, AwsError> {
    only(request.domain.as_deref(), DOMAIN, "domain")?;
    only(request.public_ipv4_pool.as_deref(), POOL, "publicIpv4Pool")?;
    only_here(caller, request.network_border_group.as_deref())?;
    let tags = check::tags_from(&request.tag_specifications, ElasticIp::KIND)?;
    let owned = network
        .elastic_ips
        .values()
        .filter(|elastic| elastic.is_of(caller))
        .count();
    quota::within(
        network,
        &caller.account,
        Quota::AddressesPerRegion,
        owned + 1,
    )?;
    let address = next_free(network)?;
    let elastic = ElasticIp {
        id: AllocationId::from_random((context.random)()),
        owner: caller.account.clone(),
        region: caller.region.clone(),
        address,
        association: None,
        tags,
    };
    let id = elastic.id.clone();
    network.elastic_ips.insert(id.clone(), elastic);
    Ok(AllocateAddressResponse {
        public_ip: address.to_string(),
        allocation_id: id.to_string(),
        public_ipv4_pool: POOL.to_owned(),
        network_border_group: caller.region.to_string(),
        domain: DOMAIN.to_owned(),
    })
}

/// In the default VPC an address leaves its interface by itself; elsewhere it must have left before.
pub(super) fn release(
    network: &mut Network,
    caller: &Caller,
    request: &ReleaseAddressRequest,
) -> Result<ReleaseAddressResponse, AwsError> {
    only_here(caller, request.network_border_group.as_deref())?;
    let elastic = named(
        network,
        caller,
        request.allocation_id.as_deref(),
        request.public_ip.as_deref(),
    )?;
    let id = elastic.id.clone();
    if let Some(used) = &elastic.association {
        let default = vpc::default_vpc(network, caller).map(|vpc| &vpc.id);
        let holder = network.interfaces.get(&used.interface);
        if default != holder.map(|interface| &interface.vpc) {
            let message = format!(
                "Address {} is in use by {}. Disassociate it first.",
                elastic.address, used.interface
            );
            return Err(AwsError::new("InvalidIPAddress.InUse", message));
        }
        leave(network, &id);
    }
    network.elastic_ips.remove(&id);
    Ok(ReleaseAddressResponse(Done::YES))
}

/// An address that another interface has leaves that one, unless the call says otherwise; so does the one that the
/// interface has.
pub(super) fn associate(
    network: &mut Network,
    caller: &Caller,
    request: &AssociateAddressRequest,
    context: &mut Context<'_>,
) -> Result<AssociateAddressResponse, AwsError> {
    let elastic = named(
        network,
        caller,
        request.allocation_id.as_deref(),
        request.public_ip.as_deref(),
    )?;
    let interface = target(network, caller, request)?;
    if let Some(used) = &elastic.association {
        if used.interface == interface.id {
            return Ok(AssociateAddressResponse {
                association_id: used.id.to_string(),
            });
        }
        if request.allow_reassociation == Some(false) {
            let message = format!(
                "resource {} is already associated with associate-id {}",
                elastic.id, used.id
            );
            return Err(AwsError::new("Resource.AlreadyAssociated", message));
        }
    }
    let (id, address, interface) = (elastic.id.clone(), elastic.address, interface.id.clone());
    leave(network, &id);
    forget_interface(network, &interface);
    let used = ElasticIpUse {
        id: AssociationId::from_random((context.random)()),
        interface: interface.clone(),
    };
    let association_id = used.id.to_string();
    if let Some(elastic) = network.elastic_ips.get_mut(&id) {
        elastic.association = Some(used);
    }
    if let Some(interface) = network.interfaces.get_mut(&interface) {
        interface.public_ip = Some(address);
    }
    Ok(AssociateAddressResponse { association_id })
}

pub(super) fn disassociate(
    network: &mut Network,
    caller: &Caller,
    request: &DisassociateAddressRequest,
) -> Result<DisassociateAddressResponse, AwsError> {
    let id = match (&request.association_id, &request.public_ip) {
        (Some(association), None) => by_association(network, caller, association)?.id.clone(),
        (None, Some(_)) => named(network, caller, None, request.public_ip.as_deref())?
            .id
            .clone(),
        (None, None) => return Err(AwsError::missing("associationId or publicIp")),
        (Some(_), Some(_)) => return Err(one_of("AssociationId", "PublicIp")),
    };
    leave(network, &id);
    Ok(DisassociateAddressResponse(Done::YES))
}

pub(super) fn describe(
    network: &Network,
    caller: &Caller,
    request: &DescribeAddressesRequest,
) -> Result<DescribeAddressesResponse, AwsError> {
    for address in &request.public_ips {
        let parsed = parse(address)?;
        if by_address(network, caller, parsed).is_none() {
            let message = format!("Address '{address}' not found.");
            return Err(AwsError::new("InvalidAddress.NotFound", message));
        }
    }
    let mut shown = Vec::new();
    for elastic in chosen::<ElasticIp>(network, caller, &request.allocation_ids)? {
        let asked = request.public_ips.is_empty()
            || request.public_ips.contains(&elastic.address.to_string());
        let item = item(network, elastic);
        let values = |name: &str| filter_values(&item, name);
        if filter::matches(&request.filters, &elastic.tags, values)? && asked {
            shown.push(item);
        }
    }
    Ok(DescribeAddressesResponse {
        addresses: shown.into_iter().collect(),
    })
}

pub(super) fn describe_attribute(
    network: &Network,
    caller: &Caller,
    request: &DescribeAddressesAttributeRequest,
) -> Result<DescribeAddressesAttributeResponse, AwsError> {
    only(request.attribute.as_deref(), "domain-name", "attribute")?;
    let ids = &request.allocation_ids;
    let shown = chosen::<ElasticIp>(network, caller, ids)?;
    let item = |elastic: &ElasticIp| AddressAttributeItem {
        public_ip: elastic.address.to_string(),
        allocation_id: elastic.id.to_string(),
    };
    let page = filter::page(
        shown.into_iter().map(item).collect(),
        request.max_results,
        request.next_token.as_deref(),
        ids,
    )?;
    Ok(DescribeAddressesAttributeResponse {
        addresses: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

/// A public address that nothing has.
pub(super) fn next_free(network: &Network) -> Result<Ipv4Addr, AwsError> {
    network.free_instance_addresses().next().ok_or_else(|| {
        let message = "All public addresses of this cloud are taken. End an instance that has one, or release an Elastic IP address.";
        AwsError::new("InsufficientAddressCapacity", message)
    })
}

/// An interface goes, or gets another public address: an Elastic IP address that it has stays the account's.
pub(super) fn forget_interface(network: &mut Network, interface: &InterfaceId) {
    if let Some(id) = of_interface(network, interface).map(|elastic| elastic.id.clone())
        && let Some(elastic) = network.elastic_ips.get_mut(&id)
    {
        elastic.association = None;
    }
}

/// The Elastic IP address of an interface.
pub(super) fn of_interface<'n>(
    network: &'n Network,
    interface: &InterfaceId,
) -> Option<&'n ElasticIp> {
    let is_of = |used: &ElasticIpUse| used.interface == *interface;
    network
        .elastic_ips
        .values()
        .find(|elastic| elastic.association.as_ref().is_some_and(is_of))
}

const DOMAIN: &str = "vpc";
const POOL: &str = "amazon";

/// An address leaves its interface. An instance that got one at its launch, and has one interface, gets another one:
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-instance-addressing.html>.
fn leave(network: &mut Network, id: &AllocationId) {
    let Some(elastic) = network.elastic_ips.get(id) else {
        return;
    };
    let Some(used) = elastic.association.clone() else {
        return;
    };
    let again = network
        .interfaces
        .get(&used.interface)
        .is_some_and(|interface| interface.auto_public && is_only(network, interface));
    let next = network.free_instance_addresses().next().filter(|_| again);
    if let Some(elastic) = network.elastic_ips.get_mut(id) {
        elastic.association = None;
    }
    if let Some(interface) = network.interfaces.get_mut(&used.interface) {
        interface.public_ip = next;
    }
}

fn is_only(network: &Network, interface: &Interface) -> bool {
    match &interface.holder {
        Holder::Instance { id, .. } => instance_view::held(network, id).len() == 1,
        Holder::None | Holder::Endpoint(_) | Holder::LoadBalancer(_) => false,
    }
}

/// The address that a call names, by its id or as it is.
fn named<'n>(
    network: &'n Network,
    caller: &Caller,
    id: Option<&str>,
    address: Option<&str>,
) -> Result<&'n ElasticIp, AwsError> {
    match (id, address) {
        (Some(id), None) => find(network, caller, id),
        (None, Some(address)) => by_address(network, caller, parse(address)?).ok_or_else(|| {
            let message = format!("The address '{address}' does not belong to you.");
            AwsError::new("AuthFailure", message)
        }),
        (None, None) => Err(AwsError::missing("allocationId or publicIp")),
        (Some(_), Some(_)) => Err(one_of("AllocationId", "PublicIp")),
    }
}

fn by_address<'n>(
    network: &'n Network,
    caller: &Caller,
    address: Ipv4Addr,
) -> Option<&'n ElasticIp> {
    network
        .elastic_ips
        .values()
        .find(|elastic| elastic.address == address && elastic.is_of(caller))
}

fn by_association<'n>(
    network: &'n Network,
    caller: &Caller,
    id: &str,
) -> Result<&'n ElasticIp, AwsError> {
    let id: AssociationId = id.parse().map_err(|why: MalformedId| {
        AwsError::new("InvalidAssociationID.Malformed", why.to_string())
    })?;
    let is_it = |used: &ElasticIpUse| used.id == id;
    let mut own = network
        .elastic_ips
        .values()
        .filter(|elastic| elastic.is_of(caller));
    own.find(|elastic| elastic.association.as_ref().is_some_and(is_it))
        .ok_or_else(|| {
            let message = format!("The association ID '{id}' does not exist");
            AwsError::new("InvalidAssociationID.NotFound", message)
        })
}

/// The interface that a call wants an address for; its VPC has an internet gateway.
fn target<'n>(
    network: &'n Network,
    caller: &Caller,
    request: &AssociateAddressRequest,
) -> Result<&'n Interface, AwsError> {
    let interface = match (&request.network_interface_id, &request.instance_id) {
        (Some(id), None) => find::<Interface>(network, caller, id)?,
        (None, Some(id)) => only_interface(network, caller, id)?,
        (None, None) => return Err(AwsError::missing("instanceId or networkInterfaceId")),
        (Some(_), Some(_)) => return Err(one_of("InstanceId", "NetworkInterfaceId")),
    };
    match &interface.holder {
        Holder::None | Holder::Instance { .. } => {}
        Holder::Endpoint(_) | Holder::LoadBalancer(_) => {
            let message = format!(
                "You do not have permission to access the specified resource: {} is managed by {}.",
                interface.id, interface.description
            );
            return Err(AwsError::new("OperationNotPermitted", message));
        }
    }
    if let Some(private) = &request.private_ip_address
        && check::address(private, "privateIpAddress")? != interface.address
    {
        let message = format!(
            "{} does not have the private address {private}",
            interface.id
        );
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    if lookup::internet_gateway(network, &interface.vpc).is_none() {
        let message = format!(
            "Network {} is not attached to any internet gateway",
            interface.vpc
        );
        return Err(AwsError::new("Gateway.NotAttached", message));
    }
    Ok(interface)
}

fn only_interface<'n>(
    network: &'n Network,
    caller: &Caller,
    id: &str,
) -> Result<&'n Interface, AwsError> {
    let instance = find::<Instance>(network, caller, id)?;
    match instance_view::held(network, &instance.id)[..] {
        [only] => Ok(only),
        [] => Err(AwsError::new(
            "IncorrectInstanceState",
            format!("The instance '{id}' has no interface: it is terminated."),
        )),
        _ => Err(AwsError::new(
            "InvalidInstanceID",
            format!(
                "There are multiple interfaces attached to instance '{id}'. Please specify an interface ID for the operation instead."
            ),
        )),
    }
}

fn parse(address: &str) -> Result<Ipv4Addr, AwsError> {
    address.parse().map_err(|_| {
        let message = format!("The address '{address}' is not valid: it has the form 203.0.113.1.");
        AwsError::new("InvalidAddress.Malformed", message)
    })
}

fn one_of(one: &str, other: &str) -> AwsError {
    let message = format!("You may specify {one} or {other}, but not both in the same call");
    AwsError::new("InvalidParameterCombination", message)
}

fn only(given: Option<&str>, known: &str, parameter: &str) -> Result<(), AwsError> {
    if given.is_none_or(|given| given == known) {
        return Ok(());
    }
    let message = format!(
        "Value ({}) for parameter {parameter} is invalid. It can be {known} only.",
        given.unwrap_or_default()
    );
    Err(AwsError::new("InvalidParameterValue", message))
}

fn only_here(caller: &Caller, border_group: Option<&str>) -> Result<(), AwsError> {
    only(border_group, caller.region.as_str(), "networkBorderGroup")
}

fn item(network: &Network, elastic: &ElasticIp) -> AddressItem {
    let used = elastic.association.as_ref();
    let interface = used.and_then(|used| network.interfaces.get(&used.interface));
    let instance = interface.and_then(|interface| match &interface.holder {
        Holder::Instance { id, .. } => Some(id.to_string()),
        Holder::None | Holder::Endpoint(_) | Holder::LoadBalancer(_) => None,
    });
    AddressItem {
        public_ip: elastic.address.to_string(),
        allocation_id: elastic.id.to_string(),
        domain: DOMAIN.to_owned(),
        public_ipv4_pool: POOL.to_owned(),
        network_border_group: elastic.region.to_string(),
        association_id: used.map(|used| used.id.to_string()),
        instance_id: instance,
        network_interface_id: interface.map(|interface| interface.id.to_string()),
        network_interface_owner_id: interface.map(|interface| interface.owner.to_string()),
        private_ip_address: interface.map(|interface| interface.address.to_string()),
        tags: tag_set(&elastic.tags),
    }
}

fn filter_values(item: &AddressItem, name: &str) -> Option<Vec<String>> {
    let one = |value: &Option<String>| value.iter().cloned().collect();
    let values = match name {
        "allocation-id" => vec![item.allocation_id.clone()],
        "association-id" => one(&item.association_id),
        "domain" => vec![item.domain.clone()],
        "instance-id" => one(&item.instance_id),
        "network-border-group" => vec![item.network_border_group.clone()],
        "network-interface-id" => one(&item.network_interface_id),
        "network-interface-owner-id" => one(&item.network_interface_owner_id),
        "private-ip-address" => one(&item.private_ip_address),
        "public-ip" => vec![item.public_ip.clone()],
        _ => return None,
    };
    Some(values)
}
