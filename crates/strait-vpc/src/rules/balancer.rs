//! Elastic Load Balancing v2: network load balancers, target groups, listeners.

mod attribute;
mod health;
mod limit;
mod listener;
mod load_balancer;
mod network;
mod tag;
mod target;
mod target_group;

pub(super) use attribute::{
    describe_balancer_attributes, describe_group_attributes, describe_listener_attributes,
    modify_balancer_attributes, modify_group_attributes, modify_listener_attributes,
};
pub(super) use health::describe_health;
pub(super) use limit::describe_limits;
pub(super) use listener::{
    create_listener, delete_listener, describe_certificates, describe_listeners, describe_policies,
    modify_listener,
};
pub(super) use load_balancer::{create_balancer, delete_balancer, describe_balancers};
pub(super) use network::{set_address_type, set_groups, set_subnets};
pub(super) use tag::{add_tags, describe_tags, remove_tags};
pub(super) use target::{deregister_targets, pass, register_targets};
pub(super) use target_group::{
    create_target_group, delete_target_group, describe_target_groups, modify_target_group,
};

use crate::error::AwsError;
use crate::rules::Caller;
use crate::state::*;

/// The hosted zone of all load balancers' names; this cloud has one.
pub(crate) const LOAD_BALANCER_ZONE: &str = "Z26RNL4JYFTOTI";

fn find_balancer<'n>(
    network: &'n Network,
    caller: &Caller,
    arn: &str,
) -> Result<&'n LoadBalancer, AwsError> {
    let found = network.load_balancers.get(&arn.to_owned());
    let own = |row: &&LoadBalancer| row.owner == caller.account && row.region == caller.region;
    found
        .filter(own)
        .ok_or_else(|| not_found("LoadBalancerNotFound", "Load balancers", arn))
}

fn find_target_group<'n>(
    network: &'n Network,
    caller: &Caller,
    arn: &str,
) -> Result<&'n TargetGroup, AwsError> {
    let found = network.target_groups.get(&arn.to_owned());
    let own = |row: &&TargetGroup| row.owner == caller.account && row.region == caller.region;
    found
        .filter(own)
        .ok_or_else(|| not_found("TargetGroupNotFound", "Target groups", arn))
}

fn find_listener<'n>(
    network: &'n Network,
    caller: &Caller,
    arn: &str,
) -> Result<&'n Listener, AwsError> {
    let found = network.listeners.get(&arn.to_owned());
    let own = |row: &&Listener| find_balancer(network, caller, &row.load_balancer).is_ok();
    found
        .filter(own)
        .ok_or_else(|| not_found("ListenerNotFound", "Listeners", arn))
}

fn not_found(code: &str, what: &str, name: &str) -> AwsError {
    AwsError::new(code, format!("{what} '{name}' not found"))
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("ValidationError", message)
}

/// Refuses what is asked for and is not there: never accepted and ignored.
fn refuse<'a>(asked: impl IntoIterator<Item = (bool, &'a str)>) -> Result<(), AwsError> {
    match asked.into_iter().find(|(asked, _)| *asked) {
        Some((_, what)) => Err(AwsError::unsupported(what)),
        None => Ok(()),
    }
}

/// Names of load balancers and target groups: 1 to 32 letters, digits and hyphens, no hyphen at an end.
fn check_name(what: &str, name: &str) -> Result<(), AwsError> {
    let letters = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if (1..=32).contains(&name.len()) && letters && !name.starts_with('-') && !name.ends_with('-') {
        return Ok(());
    }
    Err(invalid(format!(
        "The {what} name '{name}' must have 1 to 32 letters, digits and hyphens, and not begin or end with a hyphen"
    )))
}

/// What a protocol's name means for listeners and target groups of network load balancers.
fn protocol(name: &str) -> Result<BalancerProtocol, AwsError> {
    match name {
        "TCP" => Ok(BalancerProtocol::Tcp),
        "UDP" => Ok(BalancerProtocol::Udp),
        "TCP_UDP" => Ok(BalancerProtocol::TcpUdp),
        "TLS" | "QUIC" | "TCP_QUIC" | "HTTP" | "HTTPS" | "GENEVE" => {
            Err(AwsError::unsupported(&format!("The protocol {name}")))
        }
        _ => Err(invalid(format!(
            "The protocol '{name}' is not valid: TCP, UDP or TCP_UDP"
        ))),
    }
}

/// The last part of an ARN: 16 hexadecimal digits.
fn arn_digits(random: u128) -> String {
    format!("{:016x}", random as u64)
}

/// What `Marker` and `PageSize` show of all rows.
fn page<T>(
    rows: Vec<T>,
    marker: Option<&str>,
    size: Option<u32>,
) -> Result<(Vec<T>, Option<String>), AwsError> {
    let size = size.unwrap_or(400);
    if !(1..=400).contains(&size) {
        return Err(invalid(format!("PageSize is {size}, and must be 1 to 400")));
    }
    let start: usize = match marker {
        None => 0,
        Some(marker) => marker
            .parse()
            .map_err(|_| invalid(format!("The marker '{marker}' is not one of ours")))?,
    };
    let end = start.saturating_add(size as usize);
    let next = (end < rows.len()).then(|| end.to_string());
    Ok((
        rows.into_iter().skip(start).take(size as usize).collect(),
        next,
    ))
}

#[cfg(test)]
mod tests;
