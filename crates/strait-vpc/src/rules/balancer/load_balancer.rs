//! Network load balancers.

use std::collections::BTreeMap;

use super::network::{
    addresses, check_internet, enforced, find_groups, plug, refuse_mappings, wanted_subnets,
};
use super::{arn_digits, check_name, chosen, find_balancer, invalid, own, page, refuse, target};
use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::reach::lookup;
use crate::rules::quota::{self, Quota};
use crate::rules::{Caller, Context};
use crate::state::*;

/// The attribute that keeps a load balancer from being deleted.
pub(super) const DELETION_PROTECTION: &str = "deletion_protection.enabled";

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
    let subnets = (&request.subnets[..], &request.subnet_mappings[..]);
    let (vpc, wanted) = wanted_subnets(network, caller, subnets, internet_facing)?;
    let groups = find_groups(network, caller, &vpc, &request.security_groups)?;
    if let Some(existing) =
        own::<LoadBalancer>(network, caller).find(|row| row.name == request.name)
    {
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
    let count = own::<LoadBalancer>(network, caller).count();
    quota::within(
        network,
        &caller.account,
        Quota::LoadBalancersPerRegion,
        count + 1,
    )?;
    let addresses = addresses(network, wanted)?;
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
    let rows =
        chosen::<LoadBalancer>(network, caller, &request.load_balancer_arns, &request.names)?;
    let rows = rows.into_iter().map(|row| item(network, row)).collect();
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
    target::forget_unused(network);
    Ok(DeleteLoadBalancerResponse(Nothing {}))
}

fn refuse_on_create(request: &CreateLoadBalancerRequest) -> Result<(), AwsError> {
    let kind = request.type_.as_deref().unwrap_or("application");
    if kind != "network" {
        let what = format!(
            "A load balancer of type '{kind}' (ask for Type=network; AWS's default is application)"
        );
        return Err(AwsError::unsupported(&what));
    }
    refuse_mappings(&request.subnet_mappings)?;
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
    ])
}

/// A balancer's zones, as they are shown.
pub(super) fn zone_items(network: &Network, balancer: &LoadBalancer) -> Vec<BalancerZone> {
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
    balancer.nodes.iter().map(zone).collect()
}

fn item(network: &Network, balancer: &LoadBalancer) -> LoadBalancerItem {
    LoadBalancerItem {
        load_balancer_arn: balancer.arn.clone(),
        dns_name: balancer.dns_name.clone(),
        canonical_hosted_zone_id: super::LOAD_BALANCER_ZONE.to_owned(),
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
        availability_zones: zone_items(network, balancer).into_iter().collect(),
        security_groups: balancer.groups.iter().map(ToString::to_string).collect(),
        ip_address_type: "ipv4",
        enforce_security_group_inbound_rules_on_private_link_traffic: (!balancer.groups.is_empty())
            .then(|| enforced(balancer)),
    }
}

impl LoadBalancers {
    fn one(item: LoadBalancerItem) -> Self {
        Self {
            load_balancers: [item].into_iter().collect(),
            next_marker: None,
        }
    }
}
