//! Attributes of load balancers and target groups. What has no effect here can only be set to what is true here.

use std::collections::BTreeMap;

use super::{find_balancer, find_target_group};
use crate::api::*;
use crate::error::AwsError;
use crate::reach::lookup::CROSS_ZONE;
use crate::rules::Caller;
use crate::state::Network;

/// The values that an attribute can have.
enum Values {
    /// `true` or `false`.
    Switch,
    /// A number of seconds up to this one.
    Seconds(u32),
    /// Only the default: another one would have no effect here.
    Fixed,
}

/// An attribute: its key, its default, its values.
type Known = (&'static str, &'static str, Values);

const BALANCER: [Known; 7] = [
    ("access_logs.s3.bucket", "", Values::Fixed),
    ("access_logs.s3.enabled", "false", Values::Fixed),
    ("access_logs.s3.prefix", "", Values::Fixed),
    ("deletion_protection.enabled", "false", Values::Switch),
    (
        "dns_record.client_routing_policy",
        "any_availability_zone",
        Values::Fixed,
    ),
    (CROSS_ZONE, "false", Values::Switch),
    ("zonal_shift.config.enabled", "false", Values::Fixed),
];

/// A node's own address is what targets see, and a target that is taken out gets no new connections at once.
const GROUP: [Known; 8] = [
    (
        "deregistration_delay.connection_termination.enabled",
        "false",
        Values::Fixed,
    ),
    (
        "deregistration_delay.timeout_seconds",
        "300",
        Values::Seconds(3600),
    ),
    (
        "load_balancing.cross_zone.enabled",
        "use_load_balancer_configuration",
        Values::Fixed,
    ),
    ("preserve_client_ip.enabled", "false", Values::Fixed),
    ("proxy_protocol_v2.enabled", "false", Values::Fixed),
    ("stickiness.enabled", "false", Values::Fixed),
    ("stickiness.type", "source_ip", Values::Fixed),
    (
        "target_health_state.unhealthy.connection_termination.enabled",
        "true",
        Values::Fixed,
    ),
];

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
    Ok(DescribeTargetGroupAttributesResponse(shown(
        &GROUP,
        &group.attributes,
    )))
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
        let fits = match values {
            Values::Switch => value == "true" || value == "false",
            Values::Seconds(most) => value.parse::<u32>().is_ok_and(|seconds| seconds <= *most),
            Values::Fixed => value == *default,
        };
        if !fits {
            let allowed = match values {
                Values::Switch => "it is true or false".to_owned(),
                Values::Seconds(most) => format!("it is a number from 0 to {most}"),
                Values::Fixed => format!("this local cloud supports only '{default}'"),
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
