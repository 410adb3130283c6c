//! Listeners.

use super::{
    arn_digits, find_balancer, find_listener, find_target_group, invalid, not_supported, page,
    refuse, target,
};
use crate::api::*;
use crate::error::AwsError;
use crate::reach::lookup;
use crate::rules::{Caller, Context};
use crate::state::*;

/// AWS's quota of listeners of a load balancer.
const LISTENERS_PER_BALANCER: usize = 50;

pub(in crate::rules) fn create_listener(
    network: &mut Network,
    caller: &Caller,
    request: &CreateListenerRequest,
    context: &mut Context<'_>,
) -> Result<CreateListenerResponse, AwsError> {
    let balancer = find_balancer(network, caller, &request.load_balancer_arn)?;
    refuse_on_create(request)?;
    let Some(port) = request.port.filter(|port| *port > 0) else {
        return Err(invalid("A port, 1 to 65535, must be specified"));
    };
    let group = find_target_group(network, caller, forwarded_to(request)?)?;
    let listeners = lookup::listeners(network, &balancer.arn);
    if let Some(existing) = listeners.iter().find(|listener| listener.port == port) {
        if existing.target_group == group.arn {
            return Ok(CreateListenerResponse(Listeners::one(item(existing))));
        }
        let message = format!(
            "A listener already exists on this port for this load balancer '{}'",
            balancer.arn
        );
        return Err(AwsError::new("DuplicateListener", message));
    }
    if listeners.len() >= LISTENERS_PER_BALANCER {
        let message =
            format!("A load balancer can have at most {LISTENERS_PER_BALANCER} listeners");
        return Err(AwsError::new("TooManyListeners", message));
    }
    if group.vpc != balancer.vpc {
        let message = format!(
            "The target group '{}' is in {}, and the load balancer '{}' in {}: they must be in one VPC",
            group.arn, group.vpc, balancer.arn, balancer.vpc
        );
        return Err(AwsError::new("InvalidConfigurationRequest", message));
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
    let tags = super::tag::tags_of(&request.tags)?;
    let digits = arn_digits((context.random)());
    let listener = Listener {
        arn: format!(
            "{}/{digits}",
            balancer.arn.replacen(":loadbalancer/", ":listener/", 1)
        ),
        load_balancer: balancer.arn.clone(),
        port,
        target_group: group.arn.clone(),
        tags,
    };
    let answer = item(&listener);
    network.listeners.insert(listener.arn.clone(), listener);
    Ok(CreateListenerResponse(Listeners::one(answer)))
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
    Ok(DeleteListenerResponse(Nothing {}))
}

fn refuse_on_create(request: &CreateListenerRequest) -> Result<(), AwsError> {
    let Some(protocol) = request.protocol.as_deref() else {
        return Err(invalid("A protocol must be specified: TCP"));
    };
    let tls = request.ssl_policy.is_some()
        || !request.certificates.is_empty()
        || !request.alpn_policy.is_empty();
    let mutual = request.mutual_authentication.as_ref();
    refuse([
        (
            protocol != "TCP",
            "A listener with a protocol other than TCP",
        ),
        (tls, "TLS at a listener"),
        (
            mutual.is_some_and(|mutual| mutual.mode.as_deref().is_some_and(|mode| mode != "off")),
            "Mutual TLS at a listener",
        ),
    ])
}

/// The ARN of the one target group that the default action forwards to.
fn forwarded_to(request: &CreateListenerRequest) -> Result<&str, AwsError> {
    let [action] = &request.default_actions[..] else {
        return Err(invalid("A listener must have exactly one default action"));
    };
    if action.type_ != "forward" {
        return Err(not_supported(&format!(
            "A default action of type '{}'",
            action.type_
        )));
    }
    let config = action.forward_config.as_ref();
    let sticky = config.and_then(|config| config.target_group_stickiness_config.as_ref());
    if sticky.is_some_and(|sticky| sticky.enabled == Some(true)) {
        return Err(not_supported("Stickiness of target groups"));
    }
    let groups = config
        .map(|config| &config.target_groups[..])
        .unwrap_or_default();
    let named = match groups {
        [] => None,
        [group] => group.target_group_arn.as_deref(),
        [_, _, ..] => return Err(not_supported("A listener with several target groups")),
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
        protocol: "TCP",
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
