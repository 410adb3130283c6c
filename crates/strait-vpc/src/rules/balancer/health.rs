//! The health of targets: how it is checked, and what is shown of it.

use std::ops::RangeInclusive;

use super::target::{means, users};
use super::{find_target_group, invalid, refuse};
use crate::api::*;
use crate::error::AwsError;
use crate::health::status_codes;
use crate::reach::target::{self, Place};
use crate::rules::Caller;
use crate::state::*;

/// How health is to be checked, as a call asks for it.
pub(super) struct Asked<'a> {
    protocol: Option<&'a str>,
    port: Option<&'a str>,
    path: Option<&'a str>,
    enabled: Option<bool>,
    interval: Option<u32>,
    timeout: Option<u32>,
    healthy: Option<u32>,
    unhealthy: Option<u32>,
    matcher: Option<&'a Matcher>,
}

macro_rules! asked {
    ($request:ident) => {
        Asked {
            protocol: $request.health_check_protocol.as_deref(),
            port: $request.health_check_port.as_deref(),
            path: $request.health_check_path.as_deref(),
            enabled: $request.health_check_enabled,
            interval: $request.health_check_interval_seconds,
            timeout: $request.health_check_timeout_seconds,
            healthy: $request.healthy_threshold_count,
            unhealthy: $request.unhealthy_threshold_count,
            matcher: $request.matcher.as_ref(),
        }
    };
}

impl<'a> Asked<'a> {
    pub(super) fn by_create(request: &'a CreateTargetGroupRequest) -> Self {
        asked!(request)
    }

    pub(super) fn by_modify(request: &'a ModifyTargetGroupRequest) -> Self {
        asked!(request)
    }
}

/// The settings that a call leads to.
pub(super) fn settings(now: &HealthCheck, asked: &Asked<'_>) -> Result<HealthCheck, AwsError> {
    if asked.enabled == Some(false) {
        return Err(invalid(
            "Health checks must be enabled for a target group with target type instance or ip",
        ));
    }
    let protocol = asked_protocol(&now.protocol, asked)?;
    let port = match asked.port {
        None => now.port,
        Some("traffic-port") => None,
        Some(text) => match text.parse::<u16>() {
            Ok(port) if port > 0 => Some(port),
            Ok(_) | Err(_) => {
                return Err(invalid(format!(
                    "The health check port '{text}' must be traffic-port or 1 to 65535"
                )));
            }
        },
    };
    let interval = within("interval", asked.interval, now.interval, 5..=300)?;
    let usual = match (&now.protocol, &protocol) {
        (HealthProtocol::Tcp, HealthProtocol::Http { .. }) => 6,
        (HealthProtocol::Http { .. }, HealthProtocol::Tcp) => 10,
        (HealthProtocol::Tcp, HealthProtocol::Tcp)
        | (HealthProtocol::Http { .. }, HealthProtocol::Http { .. }) => now.timeout,
    };
    let timeout = within("timeout", asked.timeout, usual.min(interval), 2..=120)?;
    if timeout > interval {
        return Err(invalid(format!(
            "The health check timeout '{timeout}' must not be longer than the interval '{interval}'"
        )));
    }
    let threshold = |what, asked, now| within(what, asked, now, 2..=10);
    Ok(HealthCheck {
        protocol,
        port,
        interval,
        timeout,
        healthy: threshold("healthy threshold", asked.healthy, now.healthy)?,
        unhealthy: threshold("unhealthy threshold", asked.unhealthy, now.unhealthy)?,
    })
}

pub(in crate::rules) fn describe_health(
    network: &Network,
    caller: &Caller,
    request: &DescribeTargetHealthRequest,
) -> Result<DescribeTargetHealthResponse, AwsError> {
    let group = find_target_group(network, caller, &request.target_group_arn)?;
    refuse([(
        request.include.iter().any(|what| what != "All"),
        "Anomaly detection",
    )])?;
    let is_asked = |target: &Target| {
        request.targets.is_empty() || request.targets.iter().any(|asked| means(asked, target))
    };
    let users = users(network, &group.arn);
    let balancer = users
        .first()
        .and_then(|arn| network.load_balancers.get(arn));
    let mut rows = Vec::new();
    for (target, place) in target::places(network, group) {
        if is_asked(target) {
            rows.push(row(
                group,
                target,
                shown(network, group, balancer, (target, place)),
            ));
        }
    }
    for drained in group.draining.iter().filter(|row| is_asked(&row.target)) {
        rows.push(row(group, &drained.target, DRAINING));
    }
    let known: Vec<Target> = (group.targets.iter())
        .chain(group.draining.iter().map(|row| &row.target))
        .cloned()
        .collect();
    for asked in &request.targets {
        if !known.iter().any(|target| means(asked, target)) {
            rows.push(TargetHealthDescription {
                target: asked.clone(),
                health_check_port: asked.port.unwrap_or(group.port).to_string(),
                target_health: unwell(NOT_REGISTERED),
            });
        }
    }
    Ok(DescribeTargetHealthResponse {
        target_health_descriptions: rows.into_iter().collect(),
    })
}

/// A state, its reason and its description: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html>.
type Shown = (&'static str, &'static str, &'static str);

const HEALTHY: Shown = ("healthy", "", "");
const INITIAL: Shown = (
    "initial",
    "Elb.InitialHealthChecking",
    "Initial health checks in progress",
);
const UNHEALTHY: Shown = (
    "unhealthy",
    "Target.FailedHealthChecks",
    "Health checks failed",
);
const DRAINING: Shown = (
    "draining",
    "Target.DeregistrationInProgress",
    "Target deregistration is in progress",
);
const NOT_REGISTERED: Shown = (
    "unused",
    "Target.NotRegistered",
    "Target is not registered to the target group",
);
const NOT_USED: Shown = (
    "unused",
    "Target.NotInUse",
    "Target group is not configured to receive traffic from the load balancer",
);
const OTHER_ZONE: Shown = (
    "unused",
    "Target.NotInUse",
    "Target is in an Availability Zone that is not enabled for the load balancer",
);
const STOPPED: Shown = (
    "unused",
    "Target.InvalidState",
    "Target is in the terminated state, or in no subnet",
);

/// What all nodes that check a target say together: one that finds it unhealthy is enough.
fn shown(
    network: &Network,
    group: &TargetGroup,
    balancer: Option<&LoadBalancer>,
    (target, place): (&Target, Option<Place>),
) -> Shown {
    let Some(place) = place else {
        return STOPPED;
    };
    let Some(balancer) = balancer else {
        return NOT_USED;
    };
    if !target::zones(network, balancer).contains(&place.zone) {
        return OTHER_ZONE;
    }
    let nodes = balancer
        .nodes
        .values()
        .filter_map(|node| network.interfaces.get(node));
    let mut shown = HEALTHY;
    for node in nodes {
        if !target::candidates(network, balancer, group, node)
            .iter()
            .any(|(candidate, _)| *candidate == target)
        {
            continue;
        }
        match group.health(&node.id, target) {
            Some(Health::Healthy) => {}
            Some(Health::Unhealthy) => return UNHEALTHY,
            None => shown = INITIAL,
        }
    }
    shown
}

fn row(group: &TargetGroup, target: &Target, shown: Shown) -> TargetHealthDescription {
    let description = TargetDescription {
        id: target.id.clone(),
        port: Some(target.port),
        ..TargetDescription::default()
    };
    TargetHealthDescription {
        target: description,
        health_check_port: group.health_check.port.unwrap_or(target.port).to_string(),
        target_health: unwell(shown),
    }
}

/// A healthy target needs no reason.
fn unwell((state, reason, description): Shown) -> TargetHealth {
    TargetHealth {
        state,
        reason: (!reason.is_empty()).then_some(reason),
        description: (!description.is_empty()).then_some(description),
    }
}

fn asked_protocol(now: &HealthProtocol, asked: &Asked<'_>) -> Result<HealthProtocol, AwsError> {
    let (path, codes) = match (asked.protocol, now) {
        (Some("HTTP"), HealthProtocol::Tcp) => ("/", "200-399"),
        (Some("HTTP") | None, HealthProtocol::Http { path, codes }) => {
            (path.as_str(), codes.as_str())
        }
        (Some("TCP"), _) | (None, HealthProtocol::Tcp) => {
            if asked.path.is_some() || asked.matcher.is_some() {
                return Err(invalid(
                    "A health check path and a matcher are for health checks with HTTP",
                ));
            }
            return Ok(HealthProtocol::Tcp);
        }
        (Some("HTTPS"), _) => return Err(AwsError::unsupported("A health check with HTTPS")),
        (Some(other), _) => {
            return Err(invalid(format!(
                "The health check protocol '{other}' is not valid: TCP or HTTP"
            )));
        }
    };
    let path = asked.path.unwrap_or(path);
    let printable = path.bytes().all(|byte| byte.is_ascii_graphic());
    if !path.starts_with('/') || path.len() > 1024 || !printable {
        return Err(invalid(format!(
            "The health check path '{path}' must begin with / and have at most 1024 printable characters"
        )));
    }
    let codes = match asked.matcher {
        None => codes,
        Some(matcher) => {
            refuse([(matcher.grpc_code.is_some(), "A gRPC code of a health check")])?;
            matcher.http_code.as_deref().unwrap_or(codes)
        }
    };
    if status_codes(codes).is_none() {
        return Err(invalid(format!(
            "The HTTP codes '{codes}' must be codes or ranges of codes from 200 to 599, with commas between them"
        )));
    }
    Ok(HealthProtocol::Http {
        path: path.to_owned(),
        codes: codes.to_owned(),
    })
}

fn within(
    what: &str,
    asked: Option<u32>,
    now: u32,
    range: RangeInclusive<u32>,
) -> Result<u32, AwsError> {
    let value = asked.unwrap_or(now);
    if range.contains(&value) {
        return Ok(value);
    }
    Err(invalid(format!(
        "The health check {what} is {value}, and must be {} to {}",
        range.start(),
        range.end()
    )))
}
