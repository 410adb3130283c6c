//! The four calls that allow and revoke, which differ in direction and in how they name the group.

use crate::api::*;
use crate::error::AwsError;
use crate::rules::group_rule::{Flat, authorize, group_id, permissions, revoke};
use crate::rules::{Caller, Context, check};
use crate::state::{Direction, Network};

macro_rules! flat {
    ($request:ident) => {
        Flat {
            protocol: $request.ip_protocol.as_deref(),
            from: $request.from_port,
            to: $request.to_port,
            cidr: $request.cidr_ip.as_deref(),
            group_name: $request.source_security_group_name.as_deref(),
            group_owner: $request.source_security_group_owner_id.as_deref(),
        }
    };
}

pub(super) fn authorize_ingress(
    network: &mut Network,
    caller: &Caller,
    request: &AuthorizeSecurityGroupIngressRequest,
    context: &mut Context<'_>,
) -> Result<AuthorizeSecurityGroupIngressResponse, AwsError> {
    let group = group_id(
        network,
        caller,
        request.group_id.as_deref(),
        request.group_name.as_deref(),
    )?;
    let asked = permissions(&request.ip_permissions, flat!(request))?;
    let tags = &request.tag_specifications;
    let security_group_rules = authorize(
        network,
        caller,
        &group,
        Direction::Ingress,
        &asked,
        tags,
        context,
    )?;
    Ok(AuthorizeSecurityGroupIngressResponse {
        done: true,
        security_group_rules,
    })
}

pub(super) fn authorize_egress(
    network: &mut Network,
    caller: &Caller,
    request: &AuthorizeSecurityGroupEgressRequest,
    context: &mut Context<'_>,
) -> Result<AuthorizeSecurityGroupEgressResponse, AwsError> {
    let group = check::find_group(network, caller, &request.group_id)?
        .id
        .clone();
    let asked = permissions(&request.ip_permissions, flat!(request))?;
    let tags = &request.tag_specifications;
    let security_group_rules = authorize(
        network,
        caller,
        &group,
        Direction::Egress,
        &asked,
        tags,
        context,
    )?;
    Ok(AuthorizeSecurityGroupEgressResponse {
        done: true,
        security_group_rules,
    })
}

pub(super) fn revoke_ingress(
    network: &mut Network,
    caller: &Caller,
    request: &RevokeSecurityGroupIngressRequest,
) -> Result<RevokeSecurityGroupIngressResponse, AwsError> {
    let group = group_id(
        network,
        caller,
        request.group_id.as_deref(),
        request.group_name.as_deref(),
    )?;
    let asked = permissions(&request.ip_permissions, flat!(request))?;
    let gone = revoke(
        network,
        caller,
        &group,
        Direction::Ingress,
        &asked,
        &request.security_group_rule_ids,
    )?;
    Ok(RevokeSecurityGroupIngressResponse {
        done: true,
        unknown_ip_permissions: gone.unknown,
        revoked_security_group_rules: gone.rules,
    })
}

pub(super) fn revoke_egress(
    network: &mut Network,
    caller: &Caller,
    request: &RevokeSecurityGroupEgressRequest,
) -> Result<RevokeSecurityGroupEgressResponse, AwsError> {
    let group = check::find_group(network, caller, &request.group_id)?
        .id
        .clone();
    let asked = permissions(&request.ip_permissions, flat!(request))?;
    let gone = revoke(
        network,
        caller,
        &group,
        Direction::Egress,
        &asked,
        &request.security_group_rule_ids,
    )?;
    Ok(RevokeSecurityGroupEgressResponse {
        done: true,
        unknown_ip_permissions: gone.unknown,
        revoked_security_group_rules: gone.rules,
    })
}
