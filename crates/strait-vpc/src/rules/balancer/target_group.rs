//! Target groups.

use std::collections::{BTreeMap, BTreeSet};

use super::health::{self, Asked};
use super::target::users;
use super::{
    arn_digits, check_name, chosen, find_balancer, find_target_group, invalid, own, page, protocol,
    refuse,
};
use crate::api::*;
use crate::error::AwsError;
use crate::rules::quota::{self, Quota};
use crate::rules::{Caller, Context, check};
use crate::state::*;

pub(in crate::rules) fn create_target_group(
    network: &mut Network,
    caller: &Caller,
    request: &CreateTargetGroupRequest,
    context: &mut Context<'_>,
) -> Result<CreateTargetGroupResponse, AwsError> {
    let protocol = refuse_on_create(request)?;
    check_name("target group", &request.name)?;
    let target_type = match request.target_type.as_deref() {
        None | Some("instance") => TargetType::Instance,
        Some("ip") => TargetType::Ip,
        Some(other) => return Err(AwsError::unsupported(&format!("A target type '{other}'"))),
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
    let health_check = health::settings(&HealthCheck::default(), &Asked::by_create(request))?;
    let tags = super::tag::tags_of(&request.tags)?;
    if let Some(existing) = own::<TargetGroup>(network, caller).find(|row| row.name == request.name)
    {
        let same = existing.vpc == vpc
            && existing.port == port
            && existing.target_type == target_type
            && existing.protocol == protocol
            && existing.health_check == health_check;
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
    let count = own::<TargetGroup>(network, caller).count();
    quota::within(
        network,
        &caller.account,
        Quota::TargetGroupsPerRegion,
        count + 1,
    )?;
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
        protocol,
        health_check,
        targets: BTreeSet::new(),
        draining: BTreeSet::new(),
        checked: Vec::new(),
        attributes: BTreeMap::new(),
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
    let is_used = |row: &&TargetGroup| {
        balancer.is_none_or(|balancer| users(network, &row.arn).contains(&balancer.arn))
    };
    let rows = chosen::<TargetGroup>(network, caller, &request.target_group_arns, &request.names)?;
    let rows = rows
        .into_iter()
        .filter(is_used)
        .map(|row| item(network, row))
        .collect();
    let (rows, next_marker) = page(rows, request.marker.as_deref(), request.page_size)?;
    Ok(DescribeTargetGroupsResponse(TargetGroups {
        target_groups: rows.into_iter().collect(),
        next_marker,
    }))
}

/// Changes how health is checked. What is known of targets stays until checks say otherwise.
pub(in crate::rules) fn modify_target_group(
    network: &mut Network,
    caller: &Caller,
    request: &ModifyTargetGroupRequest,
) -> Result<ModifyTargetGroupResponse, AwsError> {
    let mut group = find_target_group(network, caller, &request.target_group_arn)?.clone();
    group.health_check = health::settings(&group.health_check, &Asked::by_modify(request))?;
    let answer = item(network, &group);
    network.target_groups.insert(group.arn.clone(), group);
    Ok(ModifyTargetGroupResponse(TargetGroups::one(answer)))
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

fn refuse_on_create(request: &CreateTargetGroupRequest) -> Result<BalancerProtocol, AwsError> {
    let Some(name) = request.protocol.as_deref() else {
        return Err(invalid("A protocol must be specified: TCP, UDP or TCP_UDP"));
    };
    let protocol = protocol(name)?;
    let kind = request.ip_address_type.as_deref();
    refuse([
        (request.protocol_version.is_some(), "A protocol version"),
        (
            kind.is_some_and(|kind| kind != "ipv4"),
            "An IP address type other than ipv4",
        ),
        (
            request.target_control_port.is_some(),
            "A target control port",
        ),
    ])?;
    Ok(protocol)
}

fn item(network: &Network, group: &TargetGroup) -> TargetGroupItem {
    let check = &group.health_check;
    let (protocol, path, codes) = match &check.protocol {
        HealthProtocol::Tcp => ("TCP", None, None),
        HealthProtocol::Http { path, codes } => ("HTTP", Some(path.clone()), Some(codes.clone())),
    };
    TargetGroupItem {
        target_group_arn: group.arn.clone(),
        target_group_name: group.name.clone(),
        protocol: group.protocol.as_str(),
        port: group.port,
        vpc_id: group.vpc.to_string(),
        health_check_protocol: protocol,
        health_check_port: check
            .port
            .map_or_else(|| "traffic-port".to_owned(), |port| port.to_string()),
        health_check_enabled: true,
        health_check_interval_seconds: check.interval,
        health_check_timeout_seconds: check.timeout,
        healthy_threshold_count: check.healthy,
        unhealthy_threshold_count: check.unhealthy,
        health_check_path: path,
        matcher: codes.map(|codes| Matcher {
            http_code: Some(codes),
            grpc_code: None,
        }),
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
