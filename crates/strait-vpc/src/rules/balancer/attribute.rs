//! Attributes of load balancers and target groups. What has no effect here can only be set to what is true here.

use std::collections::BTreeMap;

use super::load_balancer::DELETION_PROTECTION;
use super::target::{check_number, users};
use super::{find_balancer, find_listener, find_target_group};
use crate::api::*;
use crate::error::AwsError;
use crate::reach::target::{
    self, CROSS_ZONE, DEREGISTRATION_DELAY, FEWEST_HEALTHY, FEWEST_HEALTHY_PERCENT, STICKY,
    TERMINATE_DRAINED, TERMINATE_UNHEALTHY,
};
use crate::rules::Caller;
use crate::state::{BalancerProtocol, Listener, Network};

/// The values that an attribute can have.
enum Values {
    /// `true` or `false`.
    Switch,
    /// `true`, `false` or this.
    SwitchOr(&'static str),
    /// A number in this range.
    Number(u32, u32),
    /// A number in this range, or this.
    NumberOr(u32, u32, &'static str),
    /// Only the default: another one would have no effect here.
    Fixed,
}

/// An attribute: its key, its default, its values.
type Known = (&'static str, &'static str, Values);

const BALANCER: [Known; 8] = [
    ("access_logs.s3.bucket", "", Values::Fixed),
    ("access_logs.s3.enabled", "false", Values::Fixed),
    ("access_logs.s3.prefix", "", Values::Fixed),
    (DELETION_PROTECTION, "false", Values::Switch),
    (
        "dns_record.client_routing_policy",
        "any_availability_zone",
        Values::Fixed,
    ),
    (CROSS_ZONE, "false", Values::Switch),
    ("secondary_ips.auto_assigned.per_subnet", "0", Values::Fixed),
    ("zonal_shift.config.enabled", "false", Values::Fixed),
];

/// A node's own address is what targets see.
const GROUP: [Known; 13] = [
    (TERMINATE_DRAINED, "false", Values::Switch),
    (DEREGISTRATION_DELAY, "300", Values::Number(0, 3600)),
    (
        CROSS_ZONE,
        "use_load_balancer_configuration",
        Values::SwitchOr("use_load_balancer_configuration"),
    ),
    ("preserve_client_ip.enabled", "false", Values::Fixed),
    ("proxy_protocol_v2.enabled", "false", Values::Fixed),
    (STICKY, "false", Values::Switch),
    ("stickiness.type", "source_ip", Values::Fixed),
    (
        "target_group_health.dns_failover.minimum_healthy_targets.count",
        "1",
        Values::Fixed,
    ),
    (
        "target_group_health.dns_failover.minimum_healthy_targets.percentage",
        "off",
        Values::Fixed,
    ),
    (FEWEST_HEALTHY, "1", Values::Number(1, 1000)),
    (
        FEWEST_HEALTHY_PERCENT,
        "off",
        Values::NumberOr(1, 100, "off"),
    ),
    (
        "target_health_state.unhealthy.draining_interval_seconds",
        "0",
        Values::Fixed,
    ),
    (TERMINATE_UNHEALTHY, "true", Values::Switch),
];

const LISTENER: [Known; 1] = [("tcp.idle_timeout.seconds", "350", Values::Fixed)];

pub(in crate::rules) fn modify_balancer_attributes(
    network: &mut Network,
    caller: &Caller,
    request: &ModifyLoadBalancerAttributesRequest,
) -> Result<ModifyLoadBalancerAttributesResponse, AwsError> {
    let arn = find_balancer(network, caller, &request.load_balancer_arn)?
        .arn
        .clone();
    let set = checked("Load balancer", &BALANCER, &request.attributes)?;
    if let Some(balancer) = network.load_balancers.get_mut(&arn) {
        balancer.attributes.extend(set);
    }
    check_number(network, caller, &arn)?;
    let attributes = request.attributes.iter().cloned().collect();
    Ok(ModifyLoadBalancerAttributesResponse(Attributes {
        attributes,
    }))
}

pub(in crate::rules) fn describe_balancer_attributes(
    network: &Network,
    caller: &Caller,
    request: &DescribeLoadBalancerAttributesRequest,
) -> Result<DescribeLoadBalancerAttributesResponse, AwsError> {
    let balancer = find_balancer(network, caller, &request.load_balancer_arn)?;
    Ok(DescribeLoadBalancerAttributesResponse(shown(
        &BALANCER,
        &balancer.attributes,
    )))
}

pub(in crate::rules) fn modify_group_attributes(
    network: &mut Network,
    caller: &Caller,
    request: &ModifyTargetGroupAttributesRequest,
) -> Result<ModifyTargetGroupAttributesResponse, AwsError> {
    let arn = find_target_group(network, caller, &request.target_group_arn)?
        .arn
        .clone();
    let set = checked("Target group", &GROUP, &request.attributes)?;
    if let Some(group) = network.target_groups.get_mut(&arn) {
        group.attributes.extend(set);
    }
    for balancer in users(network, &arn) {
        check_number(network, caller, &balancer)?;
    }
    let attributes = request.attributes.iter().cloned().collect();
    Ok(ModifyTargetGroupAttributesResponse(Attributes {
        attributes,
    }))
}

pub(in crate::rules) fn describe_group_attributes(
    network: &Network,
    caller: &Caller,
    request: &DescribeTargetGroupAttributesRequest,
) -> Result<DescribeTargetGroupAttributesResponse, AwsError> {
    let group = find_target_group(network, caller, &request.target_group_arn)?;
    let mut set = group.attributes.clone();
    if target::terminates_drained(group) {
        set.insert(TERMINATE_DRAINED.to_owned(), "true".to_owned());
    }
    Ok(DescribeTargetGroupAttributesResponse(shown(&GROUP, &set)))
}

pub(in crate::rules) fn modify_listener_attributes(
    network: &mut Network,
    caller: &Caller,
    request: &ModifyListenerAttributesRequest,
) -> Result<ModifyListenerAttributesResponse, AwsError> {
    let listener = find_listener(network, caller, &request.listener_arn)?;
    checked("Listener", of_listener(listener), &request.attributes)?;
    let attributes = request.attributes.iter().cloned().collect();
    Ok(ModifyListenerAttributesResponse(Attributes { attributes }))
}

pub(in crate::rules) fn describe_listener_attributes(
    network: &Network,
    caller: &Caller,
    request: &DescribeListenerAttributesRequest,
) -> Result<DescribeListenerAttributesResponse, AwsError> {
    let listener = find_listener(network, caller, &request.listener_arn)?;
    Ok(DescribeListenerAttributesResponse(shown(
        of_listener(listener),
        &BTreeMap::new(),
    )))
}

/// Only TCP has an idle timeout that can be set.
fn of_listener(listener: &Listener) -> &'static [Known] {
    match listener.protocol {
        BalancerProtocol::Tcp => &LISTENER,
        BalancerProtocol::Udp | BalancerProtocol::TcpUdp => &[],
    }
}

fn checked(
    what: &str,
    known: &[Known],
    asked: &[Attribute],
) -> Result<BTreeMap<String, String>, AwsError> {
    let invalid = |message| AwsError::new("InvalidConfigurationRequest", message);
    let mut set = BTreeMap::new();
    for attribute in asked {
        let key = attribute.key.clone().unwrap_or_default();
        let value = attribute.value.clone().unwrap_or_default();
        let Some((_, default, values)) = known.iter().find(|(known, ..)| *known == key) else {
            return Err(invalid(format!(
                "{what} attribute key '{key}' is not recognized"
            )));
        };
        let in_range = |least: &u32, most: &u32| {
            value
                .parse::<u32>()
                .is_ok_and(|number| (*least..=*most).contains(&number))
        };
        let fits = match values {
            Values::Switch => value == "true" || value == "false",
            Values::SwitchOr(other) => value == "true" || value == "false" || value == *other,
            Values::Number(least, most) => in_range(least, most),
            Values::NumberOr(least, most, other) => in_range(least, most) || value == *other,
            Values::Fixed => value == *default,
        };
        if !fits {
            let allowed = match values {
                Values::Switch => "it is true or false".to_owned(),
                Values::SwitchOr(other) => format!("it is true, false or {other}"),
                Values::Number(least, most) => format!("it is a number from {least} to {most}"),
                Values::NumberOr(least, most, other) => {
                    format!("it is {other} or a number from {least} to {most}")
                }
                Values::Fixed => {
                    let what = format!("'{value}' of the attribute '{key}' (only '{default}' is)");
                    return Err(AwsError::unsupported(&what));
                }
            };
            return Err(invalid(format!(
                "{what} attribute value '{value}' of '{key}' is not valid: {allowed}"
            )));
        }
        set.insert(key, value);
    }
    Ok(set)
}

fn shown(known: &[Known], set: &BTreeMap<String, String>) -> Attributes {
    let attribute = |(key, default, _): &Known| Attribute {
        key: Some((*key).to_owned()),
        value: Some(
            set.get(*key)
                .cloned()
                .unwrap_or_else(|| (*default).to_owned()),
        ),
    };
    Attributes {
        attributes: known.iter().map(attribute).collect(),
    }
}
