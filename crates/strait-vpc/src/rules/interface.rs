//! Network interfaces.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::names;
use crate::rules::check::{self, NewInterface};
use crate::rules::quota::{self, Quota};
use crate::rules::resource::{Resource, chosen, find, find_id};
use crate::rules::{Caller, Context, address, filter, region};
use crate::state::*;

pub(super) fn create(
    network: &mut Network,
    caller: &Caller,
    request: &CreateNetworkInterfaceRequest,
    context: &mut Context<'_>,
) -> Result<CreateNetworkInterfaceResponse, AwsError> {
    let given = request.client_token.as_deref();
    let token = check::client_token(network, caller, "CreateNetworkInterface", given, request)?;
    if let Some(made) = &token.made {
        let network_interface = item(network, find(network, caller, made)?);
        return Ok(CreateNetworkInterfaceResponse {
            network_interface,
            client_token: request.client_token.clone(),
        });
    }
    let subnet = check::find_subnet(network, caller, &request.subnet_id)?;
    let addresses = addresses(network, subnet, request)?;
    let groups = check::groups_of(network, caller, &subnet.vpc, &request.groups)?;
    let tags = check::tags_from(&request.tag_specifications, Interface::KIND)?;
    let owned = network
        .interfaces
        .values()
        .filter(|interface| interface.is_of(caller))
        .count();
    quota::within(
        network,
        &caller.account,
        Quota::InterfacesPerRegion,
        owned + 1,
    )?;
    let new = NewInterface {
        vpc: subnet.vpc.clone(),
        subnet: subnet.id.clone(),
        owner: caller.account.clone(),
        region: caller.region.clone(),
        address: addresses.primary,
        secondary: addresses.secondary,
        public_ip: None,
        groups,
        holder: Holder::None,
        description: request.description.clone().unwrap_or_default(),
        tags,
    };
    let id = check::new_interface(network, context, new);
    token.remember(network, id.as_str());
    let network_interface = item(network, find(network, caller, id.as_str())?);
    Ok(CreateNetworkInterfaceResponse {
        network_interface,
        client_token: request.client_token.clone(),
    })
}

/// The addresses of an interface to be made.
struct Addresses {
    primary: Ipv4Addr,
    secondary: BTreeSet<Ipv4Addr>,
}

/// The addresses that were asked for, all of them free; the first is primary unless another is said to be.
fn addresses(
    network: &Network,
    subnet: &Subnet,
    request: &CreateNetworkInterfaceRequest,
) -> Result<Addresses, AwsError> {
    let listed = &request.private_ip_addresses;
    let primaries = || listed.iter().filter(|row| row.primary == Some(true));
    let combined = |message: &str| Err(AwsError::new("InvalidParameterCombination", message));
    if primaries().count() > 1 {
        return combined("Only one private IP address can be designated as primary.");
    }
    if request.private_ip_address.is_some() && primaries().next().is_some() {
        return combined(
            "Give the primary address in PrivateIpAddress or in PrivateIpAddresses, not in both.",
        );
    }
    if request.secondary_private_ip_address_count.is_some() && !listed.is_empty() {
        return combined("Give PrivateIpAddresses or SecondaryPrivateIpAddressCount, not both.");
    }
    let first = request.private_ip_address.as_deref().or_else(|| {
        primaries()
            .next()
            .or(listed.first())
            .map(|row| row.private_ip_address.as_str())
    });
    let mut taken = Vec::new();
    let mut take = |text: Option<&str>| {
        let wanted = text
            .map(|text| check::address(text, "privateIpAddress"))
            .transpose()?;
        let address = check::allocate_beside(network, subnet, wanted, &taken)?;
        taken.push(address);
        Ok::<_, AwsError>(address)
    };
    let primary = take(first)?;
    let mut secondary = BTreeSet::new();
    for row in listed {
        if Some(row.private_ip_address.as_str()) != first {
            secondary.insert(take(Some(&row.private_ip_address))?);
        }
    }
    for _ in 0..request.secondary_private_ip_address_count.unwrap_or(0) {
        secondary.insert(take(None)?);
    }
    Ok(Addresses { primary, secondary })
}

pub(super) fn describe(
    network: &Network,
    caller: &Caller,
    request: &DescribeNetworkInterfacesRequest,
) -> Result<DescribeNetworkInterfacesResponse, AwsError> {
    let mut shown = Vec::new();
    for interface in chosen::<Interface>(network, caller, &request.network_interface_ids)? {
        if filter::matches(&request.filters, &interface.tags, |name| {
            filter_values(network, interface, name)
        })? {
            shown.push(item(network, interface));
        }
    }
    let ids = &request.network_interface_ids;
    let page = filter::page(
        shown,
        request.max_results,
        request.next_token.as_deref(),
        ids,
    )?;
    Ok(DescribeNetworkInterfacesResponse {
        network_interfaces: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

pub(super) fn delete(
    network: &mut Network,
    caller: &Caller,
    request: &DeleteNetworkInterfaceRequest,
) -> Result<DeleteNetworkInterfaceResponse, AwsError> {
    let id = find_id::<Interface>(network, caller, &request.network_interface_id)?;
    let holder = match network
        .interfaces
        .get(&id)
        .map(|interface| &interface.holder)
    {
        None | Some(Holder::None) => None,
        Some(Holder::Instance { id, .. }) => Some(id.to_string()),
        Some(Holder::Endpoint(id)) => Some(id.to_string()),
        Some(Holder::LoadBalancer(arn)) => Some(arn.clone()),
    };
    if let Some(holder) = holder {
        let message = format!("Network interface '{id}' is currently in use by {holder}.");
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    address::forget_interface(network, &id);
    network.interfaces.remove(&id);
    Ok(DeleteNetworkInterfaceResponse(Done::YES))
}

pub(super) fn modify(
    network: &mut Network,
    caller: &Caller,
    request: &ModifyNetworkInterfaceAttributeRequest,
) -> Result<ModifyNetworkInterfaceAttributeResponse, AwsError> {
    let interface = find::<Interface>(network, caller, &request.network_interface_id)?;
    let check = request
        .source_dest_check
        .as_ref()
        .and_then(|asked| asked.value);
    let description = request
        .description
        .as_ref()
        .and_then(|asked| asked.value.clone());
    let asked = [
        check.is_some(),
        description.is_some(),
        !request.groups.is_empty(),
    ];
    match asked.iter().filter(|asked| **asked).count() {
        1 => {}
        0 => {
            return Err(AwsError::missing(
                "groupSet, sourceDestCheck or description",
            ));
        }
        _ => {
            let message = "A call changes one attribute. Make a call for each.";
            return Err(AwsError::new("InvalidParameterCombination", message));
        }
    }
    match &interface.holder {
        Holder::None | Holder::Instance { .. } => {}
        Holder::Endpoint(_) | Holder::LoadBalancer(_) => {
            let message = format!(
                "You do not have permission to access the specified resource: {} is managed by {}. Change that instead.",
                interface.id, interface.description
            );
            return Err(AwsError::new("OperationNotPermitted", message));
        }
    }
    let groups = check::groups_of(network, caller, &interface.vpc, &request.groups)?;
    let id = interface.id.clone();
    if let Some(interface) = network.interfaces.get_mut(&id) {
        interface.source_dest_check = check.unwrap_or(interface.source_dest_check);
        interface.description = description.unwrap_or_else(|| interface.description.clone());
        if !request.groups.is_empty() {
            interface.groups = groups;
        }
    }
    Ok(ModifyNetworkInterfaceAttributeResponse(Done::YES))
}

/// An interface's groups as they are shown.
pub(super) fn group_items(network: &Network, interface: &Interface) -> Items<GroupIdentifierItem> {
    let name = |id: &SecurityGroupId| {
        network
            .security_groups
            .get(id)
            .map(|group| group.name.clone())
    };
    let item = |id: &SecurityGroupId| GroupIdentifierItem {
        group_id: id.to_string(),
        group_name: name(id).unwrap_or_default(),
    };
    interface.groups.iter().map(item).collect()
}

/// The MAC of an interface's host, as the kernel has it.
pub(super) fn mac(interface: &Interface) -> String {
    let [a, b, c, d] = interface.index.to_be_bytes();
    format!("06:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

/// The private DNS name of an address.
pub(super) fn dns_name(interface: &Interface) -> String {
    let address = interface.address.to_string().replace('.', "-");
    format!("ip-{address}.{}", names::private_domain(&interface.region))
}

/// The public DNS name of an interface with a public address; empty without one, and unless its VPC has DNS names:
/// <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html>.
pub(super) fn public_dns_name(network: &Network, interface: &Interface) -> String {
    let vpc = network.vpcs.get(&interface.vpc);
    let address = interface
        .public_ip
        .filter(|_| vpc.is_some_and(names::names_instances));
    address
        .map(|address| names::public_name(&interface.region, address))
        .unwrap_or_default()
}

/// Whose public address an interface has: its account's own Elastic IP, or one of `amazon`'s.
pub(super) fn public_owner(network: &Network, interface: &Interface) -> String {
    address::of_interface(network, &interface.id)
        .map_or_else(|| "amazon".to_owned(), |elastic| elastic.owner.to_string())
}

fn item(network: &Network, interface: &Interface) -> NetworkInterfaceItem {
    let elastic = address::of_interface(network, &interface.id);
    let association = interface
        .public_ip
        .map(|address| NetworkInterfaceAssociationItem {
            allocation_id: elastic.map(|elastic| elastic.id.to_string()),
            association_id: elastic
                .and_then(|elastic| elastic.association.as_ref())
                .map(|used| used.id.to_string()),
            ip_owner_id: public_owner(network, interface),
            public_dns_name: public_dns_name(network, interface),
            public_ip: address.to_string(),
        });
    let address = |address: Ipv4Addr| {
        let primary = address == interface.address;
        NetworkInterfacePrivateIpAddressItem {
            private_ip_address: address.to_string(),
            primary,
            association: association.clone().filter(|_| primary),
        }
    };
    let private_ip_addresses = interface.addresses().map(address).collect();
    NetworkInterfaceItem {
        network_interface_id: interface.id.to_string(),
        subnet_id: interface.subnet.to_string(),
        vpc_id: interface.vpc.to_string(),
        availability_zone: zone_name(network, interface),
        description: interface.description.clone(),
        owner_id: interface.owner.to_string(),
        requester_id: requester(interface).map(str::to_owned),
        requester_managed: requester(interface).is_some(),
        status: status(interface).to_owned(),
        mac_address: mac(interface),
        private_ip_address: interface.address.to_string(),
        private_dns_name: Some(dns_name(interface)),
        source_dest_check: interface.source_dest_check,
        interface_type: kind(interface).to_owned(),
        groups: group_items(network, interface),
        attachment: attachment(network, interface),
        association,
        private_ip_addresses,
        ipv6_addresses: Items::default(),
        tag_set: tag_set(&interface.tags),
    }
}

fn zone_name(network: &Network, interface: &Interface) -> String {
    network
        .subnets
        .get(&interface.subnet)
        .map(|subnet| region::zone(subnet).name)
        .unwrap_or_default()
}

fn status(interface: &Interface) -> &'static str {
    match interface.holder {
        Holder::None => "available",
        Holder::Instance { .. } | Holder::Endpoint(_) | Holder::LoadBalancer(_) => "in-use",
    }
}

fn kind(interface: &Interface) -> &'static str {
    match interface.holder {
        Holder::None | Holder::Instance { .. } => "interface",
        Holder::Endpoint(_) => "vpc_endpoint",
        Holder::LoadBalancer(_) => "network_load_balancer",
    }
}

fn requester(interface: &Interface) -> Option<&'static str> {
    match interface.holder {
        Holder::None | Holder::Instance { .. } => None,
        Holder::Endpoint(_) => Some("amazon-vpc"),
        Holder::LoadBalancer(_) => Some("amazon-elb"),
    }
}

fn attachment(network: &Network, interface: &Interface) -> Option<NetworkInterfaceAttachmentItem> {
    let attached = |attachment_id: String, device_index, instance: Option<&Instance>| {
        NetworkInterfaceAttachmentItem {
            attachment_id,
            device_index,
            status: "attached".to_owned(),
            delete_on_termination: instance.is_some(),
            instance_id: instance.map(|instance| instance.id.to_string()),
            instance_owner_id: instance.map_or_else(
                || requester(interface).unwrap_or_default().to_owned(),
                |instance| instance.owner.to_string(),
            ),
            attach_time: instance.map(|instance| instance.launched_at),
        }
    };
    match &interface.holder {
        Holder::None => None,
        Holder::Instance {
            id,
            attachment,
            device_index,
        } => Some(attached(
            attachment.to_string(),
            i32::from(*device_index),
            network.instances.get(id),
        )),
        // Services attach their interfaces; which attachment that is, is their own affair.
        Holder::Endpoint(_) | Holder::LoadBalancer(_) => Some(attached(
            interface.id.as_str().replacen("eni-", "ela-attach-", 1),
            1,
            None,
        )),
    }
}

fn filter_values(network: &Network, interface: &Interface, name: &str) -> Option<Vec<String>> {
    let attached = attachment(network, interface);
    let elastic = || address::of_interface(network, &interface.id);
    let public = || {
        interface
            .public_ip
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    let values = match name {
        "network-interface-id" => vec![interface.id.to_string()],
        "subnet-id" => vec![interface.subnet.to_string()],
        "vpc-id" => vec![interface.vpc.to_string()],
        "owner-id" => vec![interface.owner.to_string()],
        "availability-zone" => vec![zone_name(network, interface)],
        "description" => vec![interface.description.clone()],
        "group-id" => interface.groups.iter().map(ToString::to_string).collect(),
        "group-name" => group_items(network, interface)
            .items
            .into_iter()
            .map(|group| group.group_name)
            .collect(),
        "interface-type" => vec![kind(interface).to_owned()],
        "mac-address" => vec![mac(interface)],
        "private-ip-address" => vec![interface.address.to_string()],
        "addresses.private-ip-address" => interface
            .addresses()
            .map(|address| address.to_string())
            .collect(),
        "addresses.primary" => interface
            .addresses()
            .map(|address| (address == interface.address).to_string())
            .collect(),
        "private-dns-name" => vec![dns_name(interface)],
        "association.allocation-id" => elastic()
            .map(|elastic| elastic.id.to_string())
            .into_iter()
            .collect(),
        "association.association-id" => elastic()
            .and_then(|elastic| elastic.association.as_ref())
            .map(|used| used.id.to_string())
            .into_iter()
            .collect(),
        "association.ip-owner-id" => interface
            .public_ip
            .map(|_| public_owner(network, interface))
            .into_iter()
            .collect(),
        "association.public-dns-name" => interface
            .public_ip
            .map(|_| public_dns_name(network, interface))
            .into_iter()
            .collect(),
        "association.public-ip" | "addresses.association.public-ip" => public(),
        "requester-id" => requester(interface)
            .into_iter()
            .map(str::to_owned)
            .collect(),
        "requester-managed" => vec![requester(interface).is_some().to_string()],
        "source-dest-check" => vec![interface.source_dest_check.to_string()],
        "status" => vec![status(interface).to_owned()],
        "attachment.attachment-id" => attached.into_iter().map(|row| row.attachment_id).collect(),
        "attachment.instance-id" => attached
            .into_iter()
            .filter_map(|row| row.instance_id)
            .collect(),
        "attachment.instance-owner-id" => attached
            .into_iter()
            .map(|row| row.instance_owner_id)
            .collect(),
        "attachment.device-index" => attached
            .into_iter()
            .map(|row| row.device_index.to_string())
            .collect(),
        "attachment.status" => attached.into_iter().map(|row| row.status).collect(),
        "attachment.delete-on-termination" => attached
            .into_iter()
            .map(|row| row.delete_on_termination.to_string())
            .collect(),
        _ => return None,
    };
    Some(values)
}
