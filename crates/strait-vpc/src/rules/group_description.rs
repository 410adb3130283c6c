//! New descriptions for rules of security groups.

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::group_rule::{find_rule, group_id, not_found, same};
use crate::rules::{Caller, check, permission};
use crate::state::*;

pub(super) fn ingress(
    network: &mut Network,
    caller: &Caller,
    request: &UpdateSecurityGroupRuleDescriptionsIngressRequest,
) -> Result<UpdateSecurityGroupRuleDescriptionsIngressResponse, AwsError> {
    let (id, name) = (&request.group_id, &request.group_name);
    let group = group_id(network, caller, id.as_deref(), name.as_deref())?;
    let asked = Asked {
        permissions: &request.ip_permissions,
        rules: &request.security_group_rule_descriptions,
    };
    describe(network, caller, &group, Direction::Ingress, &asked)?;
    Ok(UpdateSecurityGroupRuleDescriptionsIngressResponse(
        Done::YES,
    ))
}

pub(super) fn egress(
    network: &mut Network,
    caller: &Caller,
    request: &UpdateSecurityGroupRuleDescriptionsEgressRequest,
) -> Result<UpdateSecurityGroupRuleDescriptionsEgressResponse, AwsError> {
    let (id, name) = (&request.group_id, &request.group_name);
    let group = group_id(network, caller, id.as_deref(), name.as_deref())?;
    let asked = Asked {
        permissions: &request.ip_permissions,
        rules: &request.security_group_rule_descriptions,
    };
    describe(network, caller, &group, Direction::Egress, &asked)?;
    Ok(UpdateSecurityGroupRuleDescriptionsEgressResponse(Done::YES))
}

/// Rules with their new descriptions: by what they allow, or by id, not both.
struct Asked<'a> {
    permissions: &'a [IpPermission],
    rules: &'a [SecurityGroupRuleDescription],
}

fn describe(
    network: &mut Network,
    caller: &Caller,
    group: &SecurityGroupId,
    direction: Direction,
    asked: &Asked<'_>,
) -> Result<(), AwsError> {
    let mut group = check::find_group(network, caller, group.as_str())?.clone();
    match (asked.permissions.is_empty(), asked.rules.is_empty()) {
        (true, true) => {
            let either = "ipPermissions or securityGroupRuleDescriptions";
            return Err(AwsError::missing(either));
        }
        (false, false) => {
            let message = "Give IpPermissions or SecurityGroupRuleDescriptions, not both.";
            return Err(AwsError::new("InvalidParameterCombination", message));
        }
        (true, false) | (false, true) => {}
    }
    for named in permission::read(network, caller, &group, asked.permissions)? {
        let found = group
            .rules
            .values_mut()
            .find(|rule| rule.direction == direction && same(&named, rule.traffic, &rule.peer));
        match found {
            Some(rule) => rule.description = named.description,
            None => return Err(not_found(&named)),
        }
    }
    for rule in asked.rules {
        let Some(id) = &rule.security_group_rule_id else {
            let parameter = "SecurityGroupRuleDescription.SecurityGroupRuleId";
            return Err(AwsError::missing(parameter));
        };
        let id = find_rule(&group, direction, id)?;
        let description = permission::described(rule.description.as_deref())?;
        if let Some(rule) = group.rules.get_mut(&id) {
            rule.description = description;
        }
    }
    network.security_groups.insert(group.id.clone(), group);
    Ok(())
}
