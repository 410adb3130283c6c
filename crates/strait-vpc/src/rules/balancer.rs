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

/// What an account has in a Region by an ARN and a name.
trait Named: Clone {
    /// The code when there is none.
    const NOT_FOUND: &'static str;
    /// What messages call several.
    const NOUNS: &'static str;

    fn table(network: &Network) -> &Table<String, Self>;
    fn arn(&self) -> &str;
    fn name(&self) -> &str;
    fn is_of(&self, caller: &Caller) -> bool;
}

macro_rules! named {
    ($($type:ident in $table:ident: $not_found:literal, $nouns:literal;)*) => {$(
        impl Named for $type {
            const NOT_FOUND: &'static str = $not_found;
            const NOUNS: &'static str = $nouns;

            fn table(network: &Network) -> &Table<String, Self> {
                &network.$table
            }

            fn arn(&self) -> &str {
                &self.arn
            }

            fn name(&self) -> &str {
                &self.name
            }

            fn is_of(&self, caller: &Caller) -> bool {
                self.owner == caller.account && self.region == caller.region
            }
        }
    )*};
}

named! {
    LoadBalancer in load_balancers: "LoadBalancerNotFound", "Load balancers";
    TargetGroup in target_groups: "TargetGroupNotFound", "Target groups";
}

fn find_balancer<'n>(
    network: &'n Network,
    caller: &Caller,
    arn: &str,
) -> Result<&'n LoadBalancer, AwsError> {
    find(network, caller, arn)
}

fn find_target_group<'n>(
    network: &'n Network,
    caller: &Caller,
    arn: &str,
) -> Result<&'n TargetGroup, AwsError> {
    find(network, caller, arn)
}

fn find<'n, R: Named>(network: &'n Network, caller: &Caller, arn: &str) -> Result<&'n R, AwsError> {
    let found = R::table(network).get(&arn.to_owned());
    found
        .filter(|row| row.is_of(caller))
        .ok_or_else(|| not_found(R::NOT_FOUND, R::NOUNS, arn))
}

/// All that the caller has here.
fn own<'n, R: Named + 'n>(network: &'n Network, caller: &'n Caller) -> impl Iterator<Item = &'n R> {
    let rows = R::table(network).values();
    rows.filter(move |row| row.is_of(caller))
}

/// Those with these ARNs and names, or all where none is given; each must be there.
fn chosen<'n, R: Named + 'n>(
    network: &'n Network,
    caller: &'n Caller,
    arns: &[String],
    names: &[String],
) -> Result<Vec<&'n R>, AwsError> {
    for arn in arns {
        find::<R>(network, caller, arn)?;
    }
    let has = |name: &str| own::<R>(network, caller).any(|row| row.name() == name);
    if let Some(name) = names.iter().find(|name| !has(name)) {
        return Err(not_found(R::NOT_FOUND, R::NOUNS, name));
    }
    let is_in =
        |list: &[String], value: &str| list.is_empty() || list.iter().any(|one| one == value);
    Ok(own::<R>(network, caller)
        .filter(|row| is_in(names, row.name()) && is_in(arns, row.arn()))
        .collect())
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
