//! Target groups and their targets.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::{
    arn_digits, check_name, find_balancer, find_target_group, invalid, not_found, not_supported,
    page, refuse,
};
use crate::api::*;
use crate::error::AwsError;
use crate::reach::lookup;
use crate::rules::{Caller, Context, check};
use crate::state::*;

/// AWS's quota of targets of a group.
const TARGETS_PER_GROUP: usize = 1000;

/// How often and how long health would be checked: the settings by their key, with AWS's default and range for TCP.
const HEALTH_CHECK: [(&str, u32, std::ops::RangeInclusive<u32>); 4] = [
    ("health_check.interval_seconds", 30, 5..=300),
    ("health_check.timeout_seconds", 10, 2..=120),
    ("health_check.healthy_threshold_count", 5, 2..=10),
    ("health_check.unhealthy_threshold_count", 2, 2..=10),
];

pub(in crate::rules) fn create_target_group(
    network: &mut Network,
    caller: &Caller,
    request: &CreateTargetGroupRequest,
    context: &mut Context<'_>,
) -> Result<CreateTargetGroupResponse, AwsError> {
    refuse_on_create(request)?;
    check_name("target group", &request.name)?;
    let target_type = match request.target_type.as_deref() {
        None | Some("instance") => TargetType::Instance,
        Some("ip") => TargetType::Ip,
        Some(other) => return Err(not_supported(&format!("A target type '{other}'"))),
    };
    let Some(port) = request.port.filter(|port| *port > 0) else {
        return Err(invalid("A port, 1 to 65535, must be specified"));
    };
    let Some(vpc) = &request.vpc_id else {
        return Err(invalid("A VPC ID must be specified"));
    };
    let vpc = check::find_vpc(network, caller, vpc)
        .map_err(|_| invalid(format!("The VPC ID '{vpc}' is not found")))?
        .id
        .clone();
    let attributes = health_check(request)?;
    let tags = super::tag::tags_of(&request.tags)?;
    let own = |row: &&TargetGroup| row.owner == caller.account && row.region == caller.region;
    if let Some(existing) = network
        .target_groups
        .values()
        .filter(own)
        .find(|row| row.name == request.name)
    {
        let same = existing.vpc == vpc
            && existing.port == port
            && existing.target_type == target_type
            && attributes
                .iter()
                .all(|(key, value)| existing.attributes.get(key) == Some(value));
        if same {
            return Ok(CreateTargetGroupResponse(TargetGroups::one(item(
                network, existing,
            ))));
        }
        let message = format!(
            "A target group with the same name '{}' exists, but with different settings",
            request.name
        );
        return Err(AwsError::new("DuplicateTargetGroupName", message));
    }
    let (region, account, name) = (&caller.region, &caller.account, &request.name);
    let digits = arn_digits((context.random)());
    let group = TargetGroup {
        arn: format!("arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/{name}/{digits}"),
        name: name.clone(),
        owner: account.clone(),
        region: region.clone(),
        vpc,
        port,
        target_type,
        targets: BTreeSet::new(),
        attributes,
        tags,
    };
    let answer = item(network, &group);
    network.target_groups.insert(group.arn.clone(), group);
    Ok(CreateTargetGroupResponse(TargetGroups::one(answer)))
}

pub(in crate::rules) fn describe_target_groups(
    network: &Network,
    caller: &Caller,
    request: &DescribeTargetGroupsRequest,
) -> Result<DescribeTargetGroupsResponse, AwsError> {
    let balancer = request
        .load_balancer_arn
        .as_deref()
        .map(|arn| find_balancer(network, caller, arn))
        .transpose()?;
    for arn in &request.target_group_arns {
        find_target_group(network, caller, arn)?;
    }
    let own: Vec<&TargetGroup> = network
        .target_groups
        .values()
        .filter(|row| row.owner == caller.account && row.region == caller.region)
        .collect();
    if let Some(name) = request
        .names
        .iter()
        .find(|name| !own.iter().any(|row| row.name == **name))
    {
        return Err(not_found("TargetGroupNotFound", "Target groups", name));
    }
    let asked = |row: &&TargetGroup| {
        (request.names.is_empty() || request.names.contains(&row.name))
            && (request.target_group_arns.is_empty()
                || request.target_group_arns.contains(&row.arn))
            && balancer.is_none_or(|balancer| users(network, &row.arn).contains(&balancer.arn))
    };
    let rows = own
        .into_iter()
        .filter(asked)
        .map(|row| item(network, row))
        .collect();
    let (rows, next_marker) = page(rows, request.marker.as_deref(), request.page_size)?;
    Ok(DescribeTargetGroupsResponse(TargetGroups {
        target_groups: rows.into_iter().collect(),
        next_marker,
    }))
}

/// Deleting what is not there succeeds, as on AWS.
pub(in crate::rules) fn delete_target_group(
    network: &mut Network,
    caller: &Caller,
    request: &DeleteTargetGroupRequest,
) -> Result<DeleteTargetGroupResponse, AwsError> {
    let arn = &request.target_group_arn;
    if find_target_group(network, caller, arn).is_ok() {
        if !users(network, arn).is_empty() {
            let message =
                format!("Target group '{arn}' is currently in use by a listener or a rule");
            return Err(AwsError::new("ResourceInUse", message));
        }
        network.target_groups.remove(arn);
    }
    Ok(DeleteTargetGroupResponse(Nothing {}))
}

pub(in crate::rules) fn register_targets(
    network: &mut Network,
    caller: &Caller,
    request: &RegisterTargetsRequest,
) -> Result<RegisterTargetsResponse, AwsError> {
    let group = find_target_group(network, caller, &request.target_group_arn)?;
    let mut targets = group.targets.clone();
    for asked in &request.targets {
        targets.insert(checked(network, caller, group, asked)?);
    }
    if targets.len() > TARGETS_PER_GROUP {
        let message = format!("A target group can have at most {TARGETS_PER_GROUP} targets");
        return Err(AwsError::new("TooManyTargets", message));
    }
    let changed = TargetGroup {
        targets,
        ..group.clone()
    };
    network.target_groups.insert(changed.arn.clone(), changed);
    Ok(RegisterTargetsResponse(Nothing {}))
}

/// A target without a port means all registrations of it. One that is not registered is no error, as on AWS.
pub(in crate::rules) fn deregister_targets(
    network: &mut Network,
    caller: &Caller,
    request: &DeregisterTargetsRequest,
) -> Result<DeregisterTargetsResponse, AwsError> {
    let arn = find_target_group(network, caller, &request.target_group_arn)?
        .arn
        .clone();
    let meant = |target: &Target| request.targets.iter().any(|asked| is_meant(asked, target));
    if let Some(group) = network.target_groups.get_mut(&arn) {
        group.targets.retain(|target| !meant(target));
    }
    Ok(DeregisterTargetsResponse(Nothing {}))
}

/// The model sees no packets, so it knows of no target's health and says so.
pub(in crate::rules) fn describe_health(
    network: &Network,
    caller: &Caller,
    request: &DescribeTargetHealthRequest,
) -> Result<DescribeTargetHealthResponse, AwsError> {
    let group = find_target_group(network, caller, &request.target_group_arn)?;
    let in_use = !users(network, &group.arn).is_empty();
    let asked = |target: &&Target| {
        request.targets.is_empty() || request.targets.iter().any(|asked| is_meant(asked, target))
    };
    let known = group
        .targets
        .iter()
        .filter(asked)
        .map(|target| health_of(target, in_use));
    let unknown = request
        .targets
        .iter()
        .filter(|asked| !group.targets.iter().any(|target| is_meant(asked, target)));
    let unknown = unknown.map(|asked| TargetHealthDescription {
        target: asked.clone(),
        health_check_port: asked.port.unwrap_or(group.port).to_string(),
        target_health: TargetHealth {
            state: "unused",
            reason: "Target.NotRegistered",
            description: "Target is not registered to the target group",
        },
    });
    let target_health_descriptions = known.chain(unknown).collect();
    Ok(DescribeTargetHealthResponse {
        target_health_descriptions,
    })
}

fn refuse_on_create(request: &CreateTargetGroupRequest) -> Result<(), AwsError> {
    let not_tcp = |protocol: &Option<String>| {
        protocol
            .as_deref()
            .is_some_and(|protocol| protocol != "TCP")
    };
    if request.protocol.is_none() {
        return Err(invalid("A protocol must be specified: TCP"));
    }
    refuse([
        (
            not_tcp(&request.protocol),
            "A target group with a protocol other than TCP",
        ),
        (request.protocol_version.is_some(), "A protocol version"),
        (
            not_tcp(&request.health_check_protocol),
            "A health check with a protocol other than TCP",
        ),
        (
            request
                .health_check_port
                .as_deref()
                .is_some_and(|port| port != "traffic-port"),
            "A health check of a port other than traffic-port",
        ),
        (
            request.health_check_enabled == Some(false),
            "A target group without health checks",
        ),
        (
            request.health_check_path.is_some() || request.matcher.is_some(),
            "A health check over HTTP",
        ),
        (
            request
                .ip_address_type
                .as_deref()
                .is_some_and(|kind| kind != "ipv4"),
            "An IP address type other than ipv4",
        ),
        (
            request.target_control_port.is_some(),
            "A target control port",
        ),
    ])
}

/// The health check's settings that were asked for, as attributes: they are shown again.
fn health_check(request: &CreateTargetGroupRequest) -> Result<BTreeMap<String, String>, AwsError> {
    let asked = [
        request.health_check_interval_seconds,
        request.health_check_timeout_seconds,
        request.healthy_threshold_count,
        request.unhealthy_threshold_count,
    ];
    let mut settings = BTreeMap::new();
    for ((key, _, range), asked) in HEALTH_CHECK.iter().zip(asked) {
        let Some(asked) = asked else {
            continue;
        };
        if !range.contains(&asked) {
            let message = format!(
                "{key} is {asked}, and must be {} to {}",
                range.start(),
                range.end()
            );
            return Err(invalid(message));
        }
        settings.insert((*key).to_owned(), asked.to_string());
    }
    Ok(settings)
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

fn is_meant(asked: &TargetDescription, target: &Target) -> bool {
    asked.id == target.id && asked.port.is_none_or(|port| port == target.port)
}

fn health_of(target: &Target, in_use: bool) -> TargetHealthDescription {
    let target_health = if in_use {
        TargetHealth {
            state: "unavailable",
            reason: "Target.HealthCheckDisabled",
            description: "Health checks are not made by this local cloud: connect to the target to know",
        }
    } else {
        TargetHealth {
            state: "unused",
            reason: "Target.NotInUse",
            description: "Target group is not configured to receive traffic from the load balancer",
        }
    };
    let description = TargetDescription {
        id: target.id.clone(),
        port: Some(target.port),
        ..TargetDescription::default()
    };
    TargetHealthDescription {
        target: description,
        health_check_port: target.port.to_string(),
        target_health,
    }
}

fn item(network: &Network, group: &TargetGroup) -> TargetGroupItem {
    let setting = |place: usize| {
        let (key, default, _) = &HEALTH_CHECK[place];
        group
            .attributes
            .get(*key)
            .and_then(|value| value.parse().ok())
            .unwrap_or(*default)
    };
    TargetGroupItem {
        target_group_arn: group.arn.clone(),
        target_group_name: group.name.clone(),
        protocol: "TCP",
        port: group.port,
        vpc_id: group.vpc.to_string(),
        health_check_protocol: "TCP",
        health_check_port: "traffic-port",
        health_check_enabled: true,
        health_check_interval_seconds: setting(0),
        health_check_timeout_seconds: setting(1),
        healthy_threshold_count: setting(2),
        unhealthy_threshold_count: setting(3),
        load_balancer_arns: users(network, &group.arn).into_iter().collect(),
        target_type: match group.target_type {
            TargetType::Instance => "instance",
            TargetType::Ip => "ip",
        },
        ip_address_type: "ipv4",
    }
}

impl TargetGroups {
    fn one(item: TargetGroupItem) -> Self {
        Self {
            target_groups: [item].into_iter().collect(),
            next_marker: None,
        }
    }
}
