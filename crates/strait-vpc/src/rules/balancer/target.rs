//! Targets: registered, taken out, forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use jiff::{Timestamp, ToSpan};

use super::{find_target_group, invalid, refuse};
use crate::api::*;
use crate::error::AwsError;
use crate::reach::{lookup, target};
use crate::rules::quota::{self, Quota};
use crate::rules::{Caller, Context};
use crate::state::*;

pub(in crate::rules) fn register_targets(
    network: &mut Network,
    caller: &Caller,
    request: &RegisterTargetsRequest,
) -> Result<RegisterTargetsResponse, AwsError> {
    let mut group = find_target_group(network, caller, &request.target_group_arn)?.clone();
    for asked in &request.targets {
        let target = checked(network, caller, &group, asked)?;
        group.draining.retain(|drained| drained.target != target);
        group.targets.insert(target);
    }
    quota::within(
        network,
        &caller.account,
        Quota::TargetsPerGroup,
        group.targets.len(),
    )?;
    let balancers = users(network, &group.arn);
    network.target_groups.insert(group.arn.clone(), group);
    for balancer in balancers {
        check_number(network, caller, &balancer)?;
    }
    Ok(RegisterTargetsResponse(Nothing {}))
}

/// A target without a port means all registrations of it. One that is not registered is no error, as on AWS.
///
/// It gets no new connections from now on; while a listener uses the group, it is shown as draining for a time.
pub(in crate::rules) fn deregister_targets(
    network: &mut Network,
    caller: &Caller,
    request: &DeregisterTargetsRequest,
    context: &Context<'_>,
) -> Result<DeregisterTargetsResponse, AwsError> {
    let group = find_target_group(network, caller, &request.target_group_arn)?;
    let arn = group.arn.clone();
    let used = !users(network, &arn).is_empty();
    let until = context
        .now
        .checked_add(i64::from(target::deregistration_delay(group)).seconds())
        .unwrap_or(Timestamp::MAX);
    let is_meant = |target: &Target| request.targets.iter().any(|asked| means(asked, target));
    if let Some(group) = network.target_groups.get_mut(&arn) {
        let (gone, kept) = group.targets.iter().cloned().partition(is_meant);
        let gone: BTreeSet<Target> = gone;
        group.targets = kept;
        group.checked.retain(|known| !gone.contains(&known.target));
        if used {
            let draining = gone.into_iter().map(|target| Draining { target, until });
            group.draining.extend(draining);
        }
    }
    Ok(DeregisterTargetsResponse(Nothing {}))
}

/// Forgets targets that were draining long enough.
pub(in crate::rules) fn pass(network: &mut Network, now: Timestamp) {
    let is_due = |drained: &Draining| drained.until <= now;
    let groups = network.target_groups.values();
    let due: Vec<String> = groups
        .filter(|group| group.draining.iter().any(is_due))
        .map(|group| group.arn.clone())
        .collect();
    for arn in due {
        if let Some(group) = network.target_groups.get_mut(&arn) {
            group.draining.retain(|drained| !is_due(drained));
        }
    }
}

/// Forgets what was known of the targets of groups that no listener uses any more.
pub(super) fn forget_unused(network: &mut Network) {
    let groups = network.target_groups.values();
    let unused: Vec<String> = groups
        .filter(|group| !group.checked.is_empty() || !group.draining.is_empty())
        .filter(|group| users(network, &group.arn).is_empty())
        .map(|group| group.arn.clone())
        .collect();
    for arn in unused {
        if let Some(group) = network.target_groups.get_mut(&arn) {
            group.checked.clear();
            group.draining.clear();
        }
    }
}

/// The load balancers whose listeners forward to a target group.
pub(super) fn users(network: &Network, group: &str) -> BTreeSet<String> {
    let listeners = network
        .listeners
        .values()
        .filter(|listener| listener.target_group == group);
    listeners
        .map(|listener| listener.load_balancer.clone())
        .collect()
}

/// Whether a target is meant by its id, and its port if one is named.
pub(super) fn means(asked: &TargetDescription, target: &Target) -> bool {
    asked.id == target.id && asked.port.is_none_or(|port| port == target.port)
}

/// Refuses a balancer with more targets than its quotas, in all and in a zone:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-limits.html>.
///
/// What is reached from all zones counts in each of them. So does a target that is in no subnet: it may come to be in any.
pub(super) fn check_number(
    network: &Network,
    caller: &Caller,
    balancer: &str,
) -> Result<(), AwsError> {
    let listeners = lookup::listeners(network, balancer);
    let groups: BTreeSet<&String> = listeners.iter().map(|row| &row.target_group).collect();
    let groups: Vec<&TargetGroup> = groups
        .into_iter()
        .filter_map(|group| network.target_groups.get(group))
        .collect();
    let within = |limit, count| quota::within(network, &caller.account, limit, count);
    let all = groups.iter().map(|group| group.targets.len()).sum();
    within(Quota::TargetsPerBalancer, all)?;
    let Some(balancer) = network.load_balancers.get(&balancer.to_owned()) else {
        return Ok(());
    };
    let mut in_each = 0;
    let mut in_one: BTreeMap<char, usize> = BTreeMap::new();
    for group in groups {
        let crossing = target::crosses_zones(balancer, group);
        for place in target::places(network, group).into_values() {
            match place.filter(|_| !crossing) {
                Some(place) => *in_one.entry(place.zone).or_default() += 1,
                None => in_each += 1,
            }
        }
    }
    let fullest = in_one.into_values().max().unwrap_or_default();
    within(Quota::TargetsPerZone, in_each + fullest)
}

fn checked(
    network: &Network,
    caller: &Caller,
    group: &TargetGroup,
    asked: &TargetDescription,
) -> Result<Target, AwsError> {
    refuse([(asked.quic_server_id.is_some(), "A QUIC server id")])?;
    let invalid_target = |message: String| AwsError::new("InvalidTarget", message);
    let port = asked.port.unwrap_or(group.port);
    if port == 0 {
        return Err(invalid("A target's port must be 1 to 65535"));
    }
    let interface = match group.target_type {
        TargetType::Instance => {
            let id = asked.id.parse().ok();
            let instance = id.as_ref().and_then(|id| network.instances.get(id));
            let running = |instance: &&Instance| {
                instance.owner == caller.account && instance.state == InstanceState::Running
            };
            let interface = instance
                .filter(running)
                .and_then(|row| lookup::primary_interface(network, &row.id));
            let Some(interface) = interface.filter(|interface| interface.vpc == group.vpc) else {
                let message = format!(
                    "The following targets are not in the target group VPC '{}', or do not run: '{}'",
                    group.vpc, asked.id
                );
                return Err(invalid_target(message));
            };
            Some(interface)
        }
        TargetType::Ip => {
            let Ok(address) = asked.id.parse::<Ipv4Addr>() else {
                return Err(invalid(format!(
                    "The IP address '{}' is not a valid IPv4 address",
                    asked.id
                )));
            };
            if !lookup::ranges(network, &group.vpc)
                .iter()
                .any(|range| range.contains(&address))
            {
                let message = format!(
                    "The IP address '{address}' is not within the ranges of '{}'; targets outside of the VPC are not \
                     supported by this local cloud",
                    group.vpc
                );
                return Err(invalid_target(message));
            }
            lookup::interface_at(network, &group.vpc, address)
        }
    };
    let zone = interface.and_then(|interface| network.subnets.get(&interface.subnet));
    let zone = zone.map(|subnet| format!("{}{}", subnet.region, subnet.zone));
    if let (Some(wanted), Some(zone)) = (&asked.availability_zone, &zone)
        && wanted != zone
        && wanted != "all"
    {
        return Err(invalid(format!(
            "The target '{}' is in the Availability Zone '{zone}', not '{wanted}'",
            asked.id
        )));
    }
    Ok(Target {
        id: asked.id.clone(),
        port,
    })
}
