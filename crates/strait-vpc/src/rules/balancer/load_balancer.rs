//! Network load balancers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::{arn_digits, check_name, find_balancer, invalid, not_found, page, refuse};
use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::reach::lookup;
use crate::rules::{Caller, Context, check};
use crate::state::*;

/// The attribute that keeps a load balancer from being deleted.
const DELETION_PROTECTION: &str = "deletion_protection.enabled";

pub(in crate::rules) fn create_balancer(
    network: &mut Network,
    caller: &Caller,
    request: &CreateLoadBalancerRequest,
    context: &mut Context<'_>,
) -> Result<CreateLoadBalancerResponse, AwsError> {
    refuse_on_create(request)?;
    check_name("load balancer", &request.name)?;
    if request.name.starts_with("internal-") {
        return Err(invalid(format!(
            "The load balancer name '{}' must not begin with 'internal-'",
            request.name
        )));
    }
    let internet_facing = match request.scheme.as_deref() {
        None | Some("internet-facing") => true,
        Some("internal") => false,
        Some(other) => {
            return Err(invalid(format!(
                "Scheme is '{other}', and must be internal or internet-facing"
            )));
        }
    };
    let tags = super::tag::tags_of(&request.tags)?;
    let (vpc, wanted) = wanted_subnets(network, caller, request, internet_facing)?;
    let groups = find_groups(network, caller, &vpc, &request.security_groups)?;
    let same_name = |row: &&LoadBalancer| {
        row.name == request.name && row.owner == caller.account && row.region == caller.region
    };
    if let Some(existing) = network.load_balancers.values().find(same_name) {
        let same = existing.nodes.keys().eq(wanted.keys())
            && existing.groups == groups
            && existing.internet_facing == internet_facing;
        if same {
            return Ok(CreateLoadBalancerResponse(LoadBalancers::one(item(
                network, existing,
            ))));
        }
        let message = format!(
            "A load balancer with the same name '{}' exists, but with different settings",
            request.name
        );
        return Err(AwsError::new("DuplicateLoadBalancerName", message));
    }
    let mut addresses = BTreeMap::new();
    for (id, wanted) in wanted {
        if let Some(subnet) = network.subnets.get(&id) {
            let address = check::allocate_address(network, subnet, wanted)?;
            addresses.insert(id, address);
        }
    }
    if internet_facing {
        check_internet(network, &vpc, addresses.len())?;
    }
    let digits = arn_digits((context.random)());
    let (region, account, name) = (&caller.region, &caller.account, &request.name);
    let mut balancer = LoadBalancer {
        arn: format!(
            "arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/net/{name}/{digits}"
        ),
        name: name.clone(),
        owner: account.clone(),
        region: region.clone(),
        vpc,
        internet_facing,
        nodes: BTreeMap::new(),
        groups,
        dns_name: format!("{name}-{digits}.elb.{region}.amazonaws.com"),
        attributes: BTreeMap::new(),
        created_at: context.now,
        tags,
    };
    for (subnet, address) in addresses {
        let node = plug(network, context, &balancer, &subnet, address);
        balancer.nodes.insert(subnet, node);
    }
    network
        .load_balancers
        .insert(balancer.arn.clone(), balancer.clone());
    Ok(CreateLoadBalancerResponse(LoadBalancers::one(item(
        network, &balancer,
    ))))
}

pub(in crate::rules) fn describe_balancers(
    network: &Network,
    caller: &Caller,
    request: &DescribeLoadBalancersRequest,
) -> Result<DescribeLoadBalancersResponse, AwsError> {
    if !request.names.is_empty() && !request.load_balancer_arns.is_empty() {
        return Err(invalid(
            "Load balancer names and load balancer ARNs cannot be specified at the same time",
        ));
    }
    for arn in &request.load_balancer_arns {
        find_balancer(network, caller, arn)?;
    }
    let own: Vec<&LoadBalancer> = network
        .load_balancers
        .values()
        .filter(|row| row.owner == caller.account && row.region == caller.region)
        .collect();
    if let Some(name) = request
        .names
        .iter()
        .find(|name| !own.iter().any(|row| row.name == **name))
    {
        return Err(not_found("LoadBalancerNotFound", "Load balancers", name));
    }
    let asked = |row: &&LoadBalancer| {
        (request.names.is_empty() || request.names.contains(&row.name))
            && (request.load_balancer_arns.is_empty()
                || request.load_balancer_arns.contains(&row.arn))
    };
    let rows = own
        .into_iter()
        .filter(asked)
        .map(|row| item(network, row))
        .collect();
    let (rows, next_marker) = page(rows, request.marker.as_deref(), request.page_size)?;
    Ok(DescribeLoadBalancersResponse(LoadBalancers {
        load_balancers: rows.into_iter().collect(),
        next_marker,
    }))
}

/// Deleting what is not there succeeds, as on AWS.
pub(in crate::rules) fn delete_balancer(
    network: &mut Network,
    caller: &Caller,
    request: &DeleteLoadBalancerRequest,
) -> Result<DeleteLoadBalancerResponse, AwsError> {
    let Ok(balancer) = find_balancer(network, caller, &request.load_balancer_arn) else {
        return Ok(DeleteLoadBalancerResponse(Nothing {}));
    };
    let arn = balancer.arn.clone();
    if balancer
        .attributes
        .get(DELETION_PROTECTION)
        .is_some_and(|value| value == "true")
    {
        let message = format!(
            "Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        );
        return Err(AwsError::new("OperationNotPermitted", message));
    }
    if let Some(service) = network
        .endpoint_services
        .values()
        .find(|service| service.load_balancers.contains(&arn))
    {
        let message = format!(
            "Load balancer '{arn}' cannot be deleted because it is currently associated with another service: {}",
            service.id
        );
        return Err(AwsError::new("ResourceInUse", message));
    }
    let nodes: Vec<InterfaceId> = balancer.nodes.values().cloned().collect();
    let listeners = lookup::listeners(network, &arn)
        .into_iter()
        .map(|listener| listener.arn.clone());
    for listener in listeners.collect::<Vec<_>>() {
        network.listeners.remove(&listener);
    }
    for node in nodes {
        network.interfaces.remove(&node);
    }
    network.load_balancers.remove(&arn);
    Ok(DeleteLoadBalancerResponse(Nothing {}))
}

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

fn refuse_on_create(request: &CreateLoadBalancerRequest) -> Result<(), AwsError> {
    let kind = request.type_.as_deref().unwrap_or("application");
    if kind != "network" {
        let what = format!(
            "A load balancer of type '{kind}' (ask for Type=network; AWS's default is application)"
        );
        return Err(super::not_supported(&what));
    }
    let mappings = &request.subnet_mappings;
    refuse([
        (
            request
                .ip_address_type
                .as_deref()
                .is_some_and(|kind| kind != "ipv4"),
            "An IP address type other than ipv4",
        ),
        (
            request.customer_owned_ipv4_pool.is_some(),
            "A customer-owned address pool",
        ),
        (request.ipam_pools.is_some(), "An IPAM pool"),
        (
            request.enable_prefix_for_ipv6_source_nat.as_deref() == Some("on"),
            "IPv6 source NAT",
        ),
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
fn wanted_subnets(
    network: &Network,
    caller: &Caller,
    request: &CreateLoadBalancerRequest,
    internet_facing: bool,
) -> Result<(VpcId, BTreeMap<SubnetId, Option<Ipv4Addr>>), AwsError> {
    if !request.subnets.is_empty() && !request.subnet_mappings.is_empty() {
        return Err(invalid(
            "Subnets and SubnetMappings cannot be specified at the same time",
        ));
    }
    let mapped = request
        .subnet_mappings
        .iter()
        .map(|row| (row.subnet_id.as_ref(), row.private_ipv4_address.as_ref()));
    let plain = request.subnets.iter().map(|id| (Some(id), None));
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

fn find_groups(
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
fn check_internet(network: &Network, vpc: &VpcId, nodes: usize) -> Result<(), AwsError> {
    if !lookup::has_internet_gateway(network, vpc) {
        let message = format!("VPC {vpc} has no internet gateway");
        return Err(AwsError::new("InvalidSubnet", message));
    }
    let taken = network
        .interfaces
        .values()
        .filter(|interface| interface.public_ip.is_some())
        .count();
    if taken + nodes > PUBLIC_ADDRESSES {
        let message = format!(
            "All {PUBLIC_ADDRESSES} public addresses are taken: delete what is not needed any more"
        );
        return Err(AwsError::new("OperationNotPermitted", message));
    }
    Ok(())
}

/// How many addresses [`Network::free_public_address`] gives.
const PUBLIC_ADDRESSES: usize = 245;

fn plug(
    network: &mut Network,
    context: &mut Context<'_>,
    balancer: &LoadBalancer,
    subnet: &SubnetId,
    address: Ipv4Addr,
) -> InterfaceId {
    let public_ip = if balancer.internet_facing {
        network.free_public_address()
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
        public_ip,
        groups: balancer.groups.clone(),
        holder: Holder::LoadBalancer(balancer.arn.clone()),
        description: format!("ELB {name}"),
        tags: Tags::new(),
    };
    check::new_interface(network, context, interface)
}

fn item(network: &Network, balancer: &LoadBalancer) -> LoadBalancerItem {
    let zone = |(subnet, node): (&SubnetId, &InterfaceId)| {
        let node = network.interfaces.get(node);
        let zone = network
            .subnets
            .get(subnet)
            .map(|row| format!("{}{}", row.region, row.zone));
        let address = |node: &Interface| BalancerAddress {
            ip_address: node.public_ip.map(|address| address.to_string()),
            private_ipv4_address: (!balancer.internet_facing).then(|| node.address.to_string()),
        };
        BalancerZone {
            zone_name: zone.unwrap_or_default(),
            subnet_id: subnet.to_string(),
            load_balancer_addresses: node.map(address).into_iter().collect(),
        }
    };
    LoadBalancerItem {
        load_balancer_arn: balancer.arn.clone(),
        dns_name: balancer.dns_name.clone(),
        canonical_hosted_zone_id: "Z26RNL4JYFTOTI".to_owned(),
        created_time: balancer.created_at,
        load_balancer_name: balancer.name.clone(),
        scheme: if balancer.internet_facing {
            "internet-facing"
        } else {
            "internal"
        },
        vpc_id: balancer.vpc.to_string(),
        state: LoadBalancerState { code: "active" },
        type_: "network",
        availability_zones: balancer.nodes.iter().map(zone).collect(),
        security_groups: balancer.groups.iter().map(ToString::to_string).collect(),
        ip_address_type: "ipv4",
        enforce_security_group_inbound_rules_on_private_link_traffic: (!balancer.groups.is_empty())
            .then(|| enforced(balancer)),
    }
}

fn enforced(balancer: &LoadBalancer) -> String {
    balancer
        .attributes
        .get(lookup::ENFORCE_ON_PRIVATELINK)
        .cloned()
        .unwrap_or_else(|| "on".to_owned())
}

impl LoadBalancers {
    fn one(item: LoadBalancerItem) -> Self {
        Self {
            load_balancers: [item].into_iter().collect(),
            next_marker: None,
        }
    }
}
