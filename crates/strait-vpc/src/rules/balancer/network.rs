//! What network a load balancer is in: its subnets with a node each, its groups.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::load_balancer::zone_items;
use super::{find_balancer, invalid, refuse};
use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::reach::lookup;
use crate::rules::{Caller, Context, check, endpoint};
use crate::state::*;

pub(in crate::rules) fn set_groups(
    network: &mut Network,
    caller: &Caller,
    request: &SetSecurityGroupsRequest,
) -> Result<SetSecurityGroupsResponse, AwsError> {
    let balancer = find_balancer(network, caller, &request.load_balancer_arn)?;
    if balancer.groups.is_empty() {
        let message = "You can't add security groups to a Network Load Balancer that was created without any: create \
                       it with security groups";
        return Err(AwsError::new("InvalidConfigurationRequest", message));
    }
    if request.security_groups.is_empty() {
        let message =
            "A Network Load Balancer that was created with security groups needs at least one";
        return Err(AwsError::new("InvalidConfigurationRequest", message));
    }
    let groups = find_groups(network, caller, &balancer.vpc, &request.security_groups)?;
    let mut changed = LoadBalancer {
        groups,
        ..balancer.clone()
    };
    let enforce = &request.enforce_security_group_inbound_rules_on_private_link_traffic;
    match enforce.as_deref() {
        None => {}
        Some(value @ ("on" | "off")) => {
            changed
                .attributes
                .insert(lookup::ENFORCE_ON_PRIVATELINK.to_owned(), value.to_owned());
        }
        Some(other) => {
            return Err(invalid(format!(
                "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic is '{other}', and must be on or off"
            )));
        }
    }
    for node in changed.nodes.values() {
        if let Some(interface) = network.interfaces.get_mut(node) {
            interface.groups = changed.groups.clone();
        }
    }
    let answer = SetSecurityGroupsResponse {
        security_group_ids: changed.groups.iter().map(ToString::to_string).collect(),
        enforce_security_group_inbound_rules_on_private_link_traffic: enforced(&changed),
    };
    network.load_balancers.insert(changed.arn.clone(), changed);
    Ok(answer)
}

/// Subnets replace those before. A node that goes ends its connections, so none goes under a live endpoint:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/availability-zones.html>.
pub(in crate::rules) fn set_subnets(
    network: &mut Network,
    caller: &Caller,
    request: &SetSubnetsRequest,
    context: &mut Context<'_>,
) -> Result<SetSubnetsResponse, AwsError> {
    let mut balancer = find_balancer(network, caller, &request.load_balancer_arn)?.clone();
    refuse_mappings(&request.subnet_mappings)?;
    refuse([
        (
            not_ipv4(request.ip_address_type.as_deref()),
            "An IP address type other than ipv4",
        ),
        (
            request.enable_prefix_for_ipv6_source_nat.as_deref() == Some("on"),
            "IPv6 source NAT",
        ),
    ])?;
    let subnets = (&request.subnets[..], &request.subnet_mappings[..]);
    let (vpc, mut wanted) = wanted_subnets(network, caller, subnets, balancer.internet_facing)?;
    if vpc != balancer.vpc {
        let message = format!(
            "All subnets of the load balancer must be in {}",
            balancer.vpc
        );
        return Err(AwsError::new("InvalidSubnet", message));
    }
    let mut gone = balancer.nodes.clone();
    gone.retain(|subnet, _| !wanted.contains_key(subnet));
    check_kept(network, &balancer, &wanted, &gone)?;
    wanted.retain(|subnet, _| !balancer.nodes.contains_key(subnet));
    let added = addresses(network, wanted)?;
    if balancer.internet_facing {
        check_internet(network, &vpc, added.len())?;
    }
    for (subnet, node) in gone {
        balancer.nodes.remove(&subnet);
        network.interfaces.remove(&node);
    }
    for (subnet, address) in added {
        let node = plug(network, context, &balancer, &subnet, address);
        balancer.nodes.insert(subnet, node);
    }
    let zones = zone_items(network, &balancer);
    network
        .load_balancers
        .insert(balancer.arn.clone(), balancer);
    Ok(SetSubnetsResponse {
        availability_zones: zones.into_iter().collect(),
        ip_address_type: "ipv4",
    })
}

pub(in crate::rules) fn set_address_type(
    network: &Network,
    caller: &Caller,
    request: &SetIpAddressTypeRequest,
) -> Result<SetIpAddressTypeResponse, AwsError> {
    find_balancer(network, caller, &request.load_balancer_arn)?;
    refuse([(
        not_ipv4(Some(&request.ip_address_type)),
        "An IP address type other than ipv4",
    )])?;
    Ok(SetIpAddressTypeResponse {
        ip_address_type: "ipv4",
    })
}

/// Refuses what subnets can be asked for with and this cloud does not have.
pub(super) fn refuse_mappings(mappings: &[SubnetMapping]) -> Result<(), AwsError> {
    refuse([
        (
            mappings.iter().any(|row| row.allocation_id.is_some()),
            "An Elastic IP address of a load balancer",
        ),
        (
            mappings
                .iter()
                .any(|row| row.ipv6_address.is_some() || row.source_nat_ipv6_prefix.is_some()),
            "An IPv6 address of a load balancer",
        ),
    ])
}

/// The VPC, and each subnet with the address that is wanted in it.
pub(super) fn wanted_subnets(
    network: &Network,
    caller: &Caller,
    (subnets, mappings): (&[String], &[SubnetMapping]),
    internet_facing: bool,
) -> Result<(VpcId, BTreeMap<SubnetId, Option<Ipv4Addr>>), AwsError> {
    if !subnets.is_empty() && !mappings.is_empty() {
        return Err(invalid(
            "Subnets and SubnetMappings cannot be specified at the same time",
        ));
    }
    let mapped = mappings
        .iter()
        .map(|row| (row.subnet_id.as_ref(), row.private_ipv4_address.as_ref()));
    let plain = subnets.iter().map(|id| (Some(id), None));
    let mut vpc: Option<VpcId> = None;
    let mut zones = BTreeSet::new();
    let mut wanted = BTreeMap::new();
    for (id, address) in plain.chain(mapped) {
        let id = id.ok_or_else(|| invalid("A SubnetMapping needs a SubnetId"))?;
        let subnet = check::find_subnet(network, caller, id).map_err(|_| {
            AwsError::new(
                "SubnetNotFound",
                format!("The subnet ID '{id}' is not valid"),
            )
        })?;
        if vpc.get_or_insert_with(|| subnet.vpc.clone()) != &subnet.vpc {
            return Err(AwsError::new(
                "InvalidSubnet",
                "All subnets of a load balancer must be in one VPC",
            ));
        }
        if !zones.insert(subnet.zone) {
            let message = "A load balancer cannot be attached to multiple subnets in the same Availability Zone";
            return Err(AwsError::new("InvalidConfigurationRequest", message));
        }
        if address.is_some() && internet_facing {
            return Err(invalid(
                "PrivateIPv4Address can be set for internal load balancers only",
            ));
        }
        let address = address.map(|text| {
            text.parse()
                .map_err(|_| invalid(format!("'{text}' is not an IPv4 address")))
        });
        wanted.insert(subnet.id.clone(), address.transpose()?);
    }
    let vpc = vpc.ok_or_else(|| invalid("At least one subnet must be specified"))?;
    Ok((vpc, wanted))
}

pub(super) fn find_groups(
    network: &Network,
    caller: &Caller,
    vpc: &VpcId,
    asked: &[String],
) -> Result<BTreeSet<SecurityGroupId>, AwsError> {
    let mut groups = BTreeSet::new();
    for id in asked {
        let found = check::find_group(network, caller, id)
            .ok()
            .filter(|group| group.vpc == *vpc);
        let Some(group) = found else {
            let message = format!("The security group '{id}' does not exist in {vpc}");
            return Err(AwsError::new("InvalidSecurityGroup", message));
        };
        groups.insert(group.id.clone());
    }
    if groups.len() > 5 {
        return Err(AwsError::new(
            "InvalidConfigurationRequest",
            "A load balancer can have at most 5 security groups",
        ));
    }
    Ok(groups)
}

/// An internet-facing balancer needs an internet gateway, and a public address a node.
pub(super) fn check_internet(network: &Network, vpc: &VpcId, nodes: usize) -> Result<(), AwsError> {
    if lookup::internet_gateway(network, vpc).is_none() {
        let message = format!("VPC {vpc} has no internet gateway");
        return Err(AwsError::new("InvalidSubnet", message));
    }
    if network.free_balancer_addresses().take(nodes).count() < nodes {
        let message = format!(
            "All public addresses of load balancers ({BALANCER_ADDRESSES}) are taken: delete what is not needed any more"
        );
        return Err(AwsError::new("OperationNotPermitted", message));
    }
    Ok(())
}

/// Addresses for new nodes.
pub(super) fn addresses(
    network: &Network,
    wanted: BTreeMap<SubnetId, Option<Ipv4Addr>>,
) -> Result<BTreeMap<SubnetId, Ipv4Addr>, AwsError> {
    let mut addresses = BTreeMap::new();
    for (id, wanted) in wanted {
        if let Some(subnet) = network.subnets.get(&id) {
            let address = check::allocate_address(network, subnet, wanted)?;
            addresses.insert(id, address);
        }
    }
    Ok(addresses)
}

pub(super) fn plug(
    network: &mut Network,
    context: &mut Context<'_>,
    balancer: &LoadBalancer,
    subnet: &SubnetId,
    address: Ipv4Addr,
) -> InterfaceId {
    let public_ip = if balancer.internet_facing {
        network.free_balancer_addresses().next()
    } else {
        None
    };
    let (_, name) = balancer
        .arn
        .split_once(":loadbalancer/")
        .unwrap_or_default();
    let interface = check::NewInterface {
        vpc: balancer.vpc.clone(),
        subnet: subnet.clone(),
        owner: balancer.owner.clone(),
        region: balancer.region.clone(),
        address,
        secondary: BTreeSet::new(),
        public_ip,
        groups: balancer.groups.clone(),
        holder: Holder::LoadBalancer(balancer.arn.clone()),
        description: format!("ELB {name}"),
        tags: Tags::new(),
    };
    check::new_interface(network, context, interface)
}

/// Whether a balancer's groups filter what comes by endpoints: `on` or `off`.
pub(super) fn enforced(balancer: &LoadBalancer) -> String {
    balancer
        .attributes
        .get(lookup::ENFORCE_ON_PRIVATELINK)
        .cloned()
        .unwrap_or_else(|| "on".to_owned())
}

fn check_kept(
    network: &Network,
    balancer: &LoadBalancer,
    wanted: &BTreeMap<SubnetId, Option<Ipv4Addr>>,
    gone: &BTreeMap<SubnetId, InterfaceId>,
) -> Result<(), AwsError> {
    let refused = |message: String| Err(AwsError::new("InvalidConfigurationRequest", message));
    let zone = |subnet: &SubnetId| network.subnets.get(subnet).map(|row| row.zone);
    for (subnet, address) in wanted {
        let Some(node) = balancer.nodes.get(subnet) else {
            if gone.keys().any(|gone| zone(gone) == zone(subnet)) {
                return refused(format!(
                    "The subnet of a zone cannot be replaced at once: take the zone out first, then add it with {subnet}"
                ));
            }
            continue;
        };
        let now = network.interfaces.get(node).map(|node| node.address);
        if address.is_some_and(|address| now != Some(address)) {
            return refused(format!(
                "The address in {subnet} cannot be changed while the load balancer is there"
            ));
        }
    }
    let services = network.endpoint_services.values();
    let mut services = services.filter(|service| service.load_balancers.contains(&balancer.arn));
    let used = services.find(|service| endpoint::is_live(network, &service.id));
    match (gone.keys().next(), used) {
        (Some(subnet), Some(service)) => refused(format!(
            "The subnet {subnet} cannot be removed while endpoints are connected to {}",
            service.id
        )),
        (Some(_) | None, None) | (None, Some(_)) => Ok(()),
    }
}

fn not_ipv4(kind: Option<&str>) -> bool {
    kind.is_some_and(|kind| kind != "ipv4")
}
