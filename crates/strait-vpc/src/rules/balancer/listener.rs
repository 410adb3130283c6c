//! Listeners.

use super::{
    arn_digits, find_balancer, find_listener, find_target_group, invalid, page, protocol, refuse,
    target,
};
use crate::api::*;
use crate::error::AwsError;
use crate::reach::lookup;
use crate::rules::quota::{self, Quota};
use crate::rules::{Caller, Context};
use crate::state::*;

pub(in crate::rules) fn create_listener(
    network: &mut Network,
    caller: &Caller,
    request: &CreateListenerRequest,
    context: &mut Context<'_>,
) -> Result<CreateListenerResponse, AwsError> {
    let balancer = find_balancer(network, caller, &request.load_balancer_arn)?;
    refuse_tls(
        request.ssl_policy.as_ref(),
        &request.certificates,
        &request.alpn_policy,
        request.mutual_authentication.as_ref(),
    )?;
    let Some(name) = request.protocol.as_deref() else {
        return Err(invalid("A protocol must be specified: TCP, UDP or TCP_UDP"));
    };
    let protocol = protocol(name)?;
    let Some(port) = request.port else {
        return Err(invalid("A port, 1 to 65535, must be specified"));
    };
    let group = find_target_group(network, caller, forwarded_to(&request.default_actions)?)?;
    let listeners = lookup::listeners(network, &balancer.arn);
    if let Some(existing) = listeners.iter().find(|listener| listener.port == port)
        && existing.target_group == group.arn
        && existing.protocol == protocol
    {
        return Ok(CreateListenerResponse(Listeners::one(item(existing))));
    }
    let listener = Listener {
        arn: format!(
            "{}/{}",
            balancer.arn.replacen(":loadbalancer/", ":listener/", 1),
            arn_digits((context.random)())
        ),
        load_balancer: balancer.arn.clone(),
        protocol,
        port,
        target_group: group.arn.clone(),
        tags: super::tag::tags_of(&request.tags)?,
    };
    check_fits(network, balancer, &listener)?;
    quota::within(
        network,
        &caller.account,
        Quota::ListenersPerBalancer,
        listeners.len() + 1,
    )?;
    let answer = item(&listener);
    let balancer = listener.load_balancer.clone();
    network.listeners.insert(listener.arn.clone(), listener);
    target::check_number(network, caller, &balancer)?;
    Ok(CreateListenerResponse(Listeners::one(answer)))
}

pub(in crate::rules) fn modify_listener(
    network: &mut Network,
    caller: &Caller,
    request: &ModifyListenerRequest,
) -> Result<ModifyListenerResponse, AwsError> {
    let mut listener = find_listener(network, caller, &request.listener_arn)?.clone();
    refuse_tls(
        request.ssl_policy.as_ref(),
        &request.certificates,
        &request.alpn_policy,
        request.mutual_authentication.as_ref(),
    )?;
    if let Some(name) = request.protocol.as_deref() {
        listener.protocol = protocol(name)?;
    }
    if let Some(port) = request.port {
        listener.port = port;
    }
    if !request.default_actions.is_empty() {
        let group = forwarded_to(&request.default_actions)?;
        listener.target_group = find_target_group(network, caller, group)?.arn.clone();
    }
    let balancer = find_balancer(network, caller, &listener.load_balancer)?;
    check_fits(network, balancer, &listener)?;
    let answer = item(&listener);
    let balancer = listener.load_balancer.clone();
    network.listeners.insert(listener.arn.clone(), listener);
    target::check_number(network, caller, &balancer)?;
    target::forget_unused(network);
    Ok(ModifyListenerResponse(Listeners::one(answer)))
}

pub(in crate::rules) fn describe_listeners(
    network: &Network,
    caller: &Caller,
    request: &DescribeListenersRequest,
) -> Result<DescribeListenersResponse, AwsError> {
    let rows: Vec<&Listener> = match (&request.load_balancer_arn, &request.listener_arns[..]) {
        (Some(arn), []) => lookup::listeners(network, &find_balancer(network, caller, arn)?.arn),
        (None, arns @ [_, ..]) => arns
            .iter()
            .map(|arn| find_listener(network, caller, arn))
            .collect::<Result<_, _>>()?,
        (Some(_), [_, ..]) | (None, []) => {
            return Err(invalid(
                "You must specify either listener ARNs or a load balancer ARN",
            ));
        }
    };
    let rows = rows.into_iter().map(item).collect();
    let (rows, next_marker) = page(rows, request.marker.as_deref(), request.page_size)?;
    Ok(DescribeListenersResponse(Listeners {
        listeners: rows.into_iter().collect(),
        next_marker,
    }))
}

pub(in crate::rules) fn delete_listener(
    network: &mut Network,
    caller: &Caller,
    request: &DeleteListenerRequest,
) -> Result<DeleteListenerResponse, AwsError> {
    let arn = find_listener(network, caller, &request.listener_arn)?
        .arn
        .clone();
    network.listeners.remove(&arn);
    target::forget_unused(network);
    Ok(DeleteListenerResponse(Nothing {}))
}

/// TLS listeners have certificates, and here are none.
pub(in crate::rules) fn describe_certificates(
    network: &Network,
    caller: &Caller,
    request: &DescribeListenerCertificatesRequest,
) -> Result<DescribeListenerCertificatesResponse, AwsError> {
    find_listener(network, caller, &request.listener_arn)?;
    Err(AwsError::unsupported("TLS at a listener"))
}

pub(in crate::rules) fn describe_policies(
    _: &DescribeSSLPoliciesRequest,
) -> Result<DescribeSSLPoliciesResponse, AwsError> {
    Err(AwsError::unsupported("TLS at a listener"))
}

fn refuse_tls(
    policy: Option<&String>,
    certificates: &[Certificate],
    alpn: &[String],
    mutual: Option<&MutualAuthentication>,
) -> Result<(), AwsError> {
    let mode = mutual.and_then(|mutual| mutual.mode.as_deref());
    refuse([
        (
            policy.is_some() || !certificates.is_empty() || !alpn.is_empty(),
            "TLS at a listener",
        ),
        (
            mode.is_some_and(|mode| mode != "off"),
            "Mutual TLS at a listener",
        ),
    ])
}

/// Whether a listener can be what it is beside the others of its balancer.
fn check_fits(
    network: &Network,
    balancer: &LoadBalancer,
    listener: &Listener,
) -> Result<(), AwsError> {
    if listener.port == 0 {
        return Err(invalid("A port must be 1 to 65535"));
    }
    let others = lookup::listeners(network, &balancer.arn);
    if others
        .iter()
        .any(|other| other.arn != listener.arn && other.port == listener.port)
    {
        let message = format!(
            "A listener already exists on this port for this load balancer '{}'",
            balancer.arn
        );
        return Err(AwsError::new("DuplicateListener", message));
    }
    let Some(group) = network.target_groups.get(&listener.target_group) else {
        return Err(super::not_found(
            "TargetGroupNotFound",
            "Target groups",
            &listener.target_group,
        ));
    };
    if group.vpc != balancer.vpc {
        let message = format!(
            "The target group '{}' is in {}, and the load balancer '{}' in {}: they must be in one VPC",
            group.arn, group.vpc, balancer.arn, balancer.vpc
        );
        return Err(AwsError::new("InvalidConfigurationRequest", message));
    }
    if group.protocol != listener.protocol && group.protocol != BalancerProtocol::TcpUdp {
        let message = format!(
            "The listener's protocol {} and the target group's protocol {} are not compatible",
            listener.protocol.as_str(),
            group.protocol.as_str()
        );
        return Err(AwsError::new("IncompatibleProtocols", message));
    }
    if target::users(network, &group.arn)
        .iter()
        .any(|user| *user != balancer.arn)
    {
        let message = format!(
            "The following target groups cannot be associated with more than one load balancer: {}",
            group.arn
        );
        return Err(AwsError::new("TargetGroupAssociationLimit", message));
    }
    Ok(())
}

/// The ARN of the one target group that the default action forwards to.
fn forwarded_to(actions: &[ListenerAction]) -> Result<&str, AwsError> {
    let [action] = actions else {
        return Err(invalid("A listener must have exactly one default action"));
    };
    if action.type_ != "forward" {
        return Err(AwsError::unsupported(&format!(
            "A default action of type '{}'",
            action.type_
        )));
    }
    let config = action.forward_config.as_ref();
    let sticky = config.and_then(|config| config.target_group_stickiness_config.as_ref());
    if sticky.is_some_and(|sticky| sticky.enabled == Some(true)) {
        return Err(AwsError::unsupported("Stickiness of target groups"));
    }
    let groups = config
        .map(|config| &config.target_groups[..])
        .unwrap_or_default();
    let named = match groups {
        [] => None,
        [group] => group.target_group_arn.as_deref(),
        [_, _, ..] => {
            return Err(AwsError::unsupported(
                "A listener with several target groups",
            ));
        }
    };
    match (action.target_group_arn.as_deref(), named) {
        (Some(arn), None) | (None, Some(arn)) => Ok(arn),
        (Some(arn), Some(named)) if arn == named => Ok(arn),
        (Some(_), Some(_)) => Err(invalid(
            "TargetGroupArn and ForwardConfig name different target groups",
        )),
        (None, None) => Err(invalid("A target group ARN must be specified")),
    }
}

fn item(listener: &Listener) -> ListenerItem {
    let group = TargetGroupTuple {
        target_group_arn: Some(listener.target_group.clone()),
        weight: Some(1),
    };
    let action = ListenerActionItem {
        type_: "forward",
        target_group_arn: listener.target_group.clone(),
        order: 1,
        forward_config: ForwardConfigItem {
            target_groups: [group].into_iter().collect(),
        },
    };
    ListenerItem {
        listener_arn: listener.arn.clone(),
        load_balancer_arn: listener.load_balancer.clone(),
        port: listener.port,
        protocol: listener.protocol.as_str(),
        default_actions: [action].into_iter().collect(),
    }
}

impl Listeners {
    fn one(item: ListenerItem) -> Self {
        Self {
            listeners: [item].into_iter().collect(),
            next_marker: None,
        }
    }
}
