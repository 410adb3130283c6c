//! Security groups.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::quota::{self, Quota};
use crate::rules::resource::{Resource, chosen};
use crate::rules::{Caller, Context, check, filter, ipv6, permission, traffic, vpc};
use crate::state::*;

pub(super) fn create(
    network: &mut Network,
    caller: &Caller,
    request: &CreateSecurityGroupRequest,
    context: &mut Context<'_>,
) -> Result<CreateSecurityGroupResponse, AwsError> {
    let vpc = match &request.vpc_id {
        Some(id) => check::find_vpc(network, caller, id)?.id.clone(),
        None => default_vpc(network, caller)?,
    };
    check_names(&request.group_name, &request.group_description)?;
    let same = network.security_groups.values().find(|group| {
        group.vpc == vpc && group.name.to_lowercase() == request.group_name.to_lowercase()
    });
    if let Some(same) = same {
        let message = format!(
            "The security group '{}' already exists for VPC '{vpc}': {}",
            same.name, same.id
        );
        return Err(AwsError::new("InvalidGroup.Duplicate", message));
    }
    let tags = check::tags_from(&request.tag_specifications, SecurityGroup::KIND)?;
    let owned = network
        .security_groups
        .values()
        .filter(|group| group.is_of(caller))
        .count();
    quota::within(network, &caller.account, Quota::GroupsPerRegion, owned + 1)?;
    let everywhere = [
        Some(RulePeer::Cidr(Ipv4Net::default())),
        ipv6::has(network, &vpc).then_some(RulePeer::Cidr6(Ipv6Block::ALL)),
    ];
    let everything = |peer| SecurityGroupRule {
        direction: Direction::Egress,
        traffic: Traffic::All,
        peer,
        description: None,
        place: 0,
        tags: Tags::new(),
    };
    let group = SecurityGroup {
        id: SecurityGroupId::from_random((context.random)()),
        vpc,
        owner: caller.account.clone(),
        region: caller.region.clone(),
        name: request.group_name.clone(),
        description: request.group_description.clone(),
        rules: everywhere
            .into_iter()
            .flatten()
            .map(|peer| {
                let id = SecurityGroupRuleId::from_random((context.random)());
                (id, everything(peer))
            })
            .collect(),
        tags,
    };
    let answer = CreateSecurityGroupResponse {
        group_id: group.id.to_string(),
        tags: tag_set(&group.tags),
        security_group_arn: arn(&group),
    };
    network.security_groups.insert(group.id.clone(), group);
    Ok(answer)
}

pub(super) fn describe(
    network: &Network,
    caller: &Caller,
    request: &DescribeSecurityGroupsRequest,
) -> Result<DescribeSecurityGroupsResponse, AwsError> {
    let mut named = BTreeSet::new();
    for name in &request.group_names {
        named.insert(find_named(network, caller, name)?.id.clone());
    }
    let mut shown = Vec::new();
    for group in chosen::<SecurityGroup>(network, caller, &request.group_ids)? {
        let asked = named.is_empty() || named.contains(&group.id);
        if filter::matches(&request.filters, &group.tags, |name| {
            filter_values(group, name)
        })? && asked
        {
            shown.push(item(network, group));
        }
    }
    let page = filter::page(
        shown,
        request.max_results,
        request.next_token.as_deref(),
        &request.group_ids,
    )?;
    Ok(DescribeSecurityGroupsResponse {
        security_groups: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

pub(super) fn delete(
    network: &mut Network,
    caller: &Caller,
    request: &DeleteSecurityGroupRequest,
) -> Result<DeleteSecurityGroupResponse, AwsError> {
    let group = find_either(
        network,
        caller,
        request.group_id.as_deref(),
        request.group_name.as_deref(),
    )?;
    let id = group.id.clone();
    if group.name == "default" {
        let message =
            format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
        return Err(AwsError::new("CannotDelete", message));
    }
    if let Some(user) = user_of(network, group) {
        let message = format!("resource {id} has a dependent object: {user}");
        return Err(AwsError::new("DependencyViolation", message));
    }
    network.security_groups.remove(&id);
    Ok(DeleteSecurityGroupResponse {
        done: true,
        group_id: id.to_string(),
    })
}

/// The caller's group with this id, or with this name in the default VPC.
pub(super) fn find_either<'n>(
    network: &'n Network,
    caller: &Caller,
    id: Option<&str>,
    name: Option<&str>,
) -> Result<&'n SecurityGroup, AwsError> {
    match (id, name) {
        (Some(id), None) => check::find_group(network, caller, id),
        (None, Some(name)) => find_named(network, caller, name),
        (None, None) => Err(AwsError::missing("groupName or groupId")),
        (Some(_), Some(_)) => {
            let message = "The parameter groupName cannot be used with the parameter groupId";
            Err(AwsError::new("InvalidParameterCombination", message))
        }
    }
}

/// The caller's group with this name in the default VPC.
pub(super) fn find_named<'n>(
    network: &'n Network,
    caller: &Caller,
    name: &str,
) -> Result<&'n SecurityGroup, AwsError> {
    let vpc = default_vpc(network, caller)?;
    let found = network
        .security_groups
        .values()
        .find(|group| group.vpc == vpc && group.name == name);
    found.ok_or_else(|| {
        let message = format!("The security group '{name}' does not exist in default VPC '{vpc}'");
        AwsError::new("InvalidGroup.NotFound", message)
    })
}

/// The ARN of a group.
pub(super) fn arn(group: &SecurityGroup) -> String {
    format!(
        "arn:aws:ec2:{}:{}:security-group/{}",
        group.region, group.owner, group.id
    )
}

fn default_vpc(network: &Network, caller: &Caller) -> Result<VpcId, AwsError> {
    let found = vpc::default_vpc(network, caller).map(|vpc| vpc.id.clone());
    found.ok_or_else(|| {
        AwsError::new(
            "VPCIdNotSpecified",
            "No default VPC for this user: name a VPC by its ID.",
        )
    })
}

fn check_names(name: &str, description: &str) -> Result<(), AwsError> {
    let invalid = |message: String| Err(AwsError::new("InvalidParameterValue", message));
    if name.eq_ignore_ascii_case("default") {
        let message = format!("Cannot use reserved security group name: {name}");
        return Err(AwsError::new("InvalidGroup.Reserved", message));
    }
    if name.is_empty() {
        return Err(AwsError::missing("groupName"));
    }
    if name.starts_with("sg-") {
        return invalid(format!(
            "invalid value for parameter groupName: {name}. It must not begin with sg-."
        ));
    }
    if description.is_empty() {
        return Err(AwsError::missing("groupDescription"));
    }
    for (what, text) in [("groupName", name), ("groupDescription", description)] {
        let allowed = |letter: char| {
            letter.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(letter)
        };
        if text.chars().count() > 255 {
            return invalid(format!(
                "Value for parameter {what} is longer than 255 characters."
            ));
        }
        if !text.chars().all(allowed) {
            return invalid(format!(
                "Value ({text}) for parameter {what} is invalid. Character sets beyond ASCII are not supported; use a-z, A-Z, 0-9, spaces, and ._-:/()#,@[]+=&;{{}}!$*"
            ));
        }
    }
    Ok(())
}

/// What keeps a group from being deleted: an interface that has it, or another group of the same VPC that names it.
fn user_of(network: &Network, group: &SecurityGroup) -> Option<String> {
    let id = &group.id;
    let mut interfaces = network
        .interfaces
        .values()
        .filter(|row| row.groups.contains(id));
    if let Some(interface) = interfaces.next() {
        return Some(interface.id.to_string());
    }
    let endpoint = network
        .endpoints
        .values()
        .find(|row| row.groups.contains(id))
        .map(|row| row.id.to_string());
    let balancer = || {
        network
            .load_balancers
            .values()
            .find(|row| row.groups.contains(id))
            .map(|row| row.arn.clone())
    };
    let others = || {
        network
            .security_groups
            .values()
            .filter(|row| row.vpc == group.vpc && row.id != *id)
    };
    let names = |row: &&SecurityGroup| row.rules.values().any(|rule| is_of(&rule.peer, id));
    endpoint
        .or_else(balancer)
        .or_else(|| others().find(names).map(|row| row.id.to_string()))
}

fn is_of(peer: &RulePeer, group: &SecurityGroupId) -> bool {
    match peer {
        RulePeer::Cidr(_) | RulePeer::Cidr6(_) | RulePeer::PrefixList(_) => false,
        RulePeer::Group { id, .. } => id == group,
    }
}

fn item(network: &Network, group: &SecurityGroup) -> SecurityGroupItem {
    SecurityGroupItem {
        group_id: group.id.to_string(),
        group_name: group.name.clone(),
        description: group.description.clone(),
        owner_id: group.owner.to_string(),
        vpc_id: group.vpc.to_string(),
        security_group_arn: arn(group),
        ip_permissions: permission::show(network, group, Direction::Ingress),
        ip_permissions_egress: permission::show(network, group, Direction::Egress),
        tags: tag_set(&group.tags),
    }
}

fn filter_values(group: &SecurityGroup, name: &str) -> Option<Vec<String>> {
    if let Some(part) = name.strip_prefix("ip-permission.") {
        return rule_values(group, Direction::Ingress, part);
    }
    if let Some(part) = name.strip_prefix("egress.ip-permission.") {
        return rule_values(group, Direction::Egress, part);
    }
    let value = match name {
        "group-id" => group.id.to_string(),
        "group-name" => group.name.clone(),
        "description" => group.description.clone(),
        "owner-id" => group.owner.to_string(),
        "vpc-id" => group.vpc.to_string(),
        _ => return None,
    };
    Some(vec![value])
}

fn rule_values(group: &SecurityGroup, direction: Direction, part: &str) -> Option<Vec<String>> {
    let rules = group
        .rules
        .values()
        .filter(|rule| rule.direction == direction);
    let values = match part {
        "protocol" => rules.map(|rule| traffic::show(rule.traffic).0).collect(),
        "from-port" => rules
            .filter_map(|rule| traffic::range(rule.traffic))
            .map(|(from, _)| from.to_string())
            .collect(),
        "to-port" => rules
            .filter_map(|rule| traffic::range(rule.traffic))
            .map(|(_, to)| to.to_string())
            .collect(),
        "cidr" => of_peers(rules, |peer| match peer {
            RulePeer::Cidr(cidr) => Some(cidr.to_string()),
            RulePeer::Cidr6(_) | RulePeer::PrefixList(_) | RulePeer::Group { .. } => None,
        }),
        "ipv6-cidr" => of_peers(rules, |peer| match peer {
            RulePeer::Cidr6(cidr) => Some(cidr.to_string()),
            RulePeer::Cidr(_) | RulePeer::PrefixList(_) | RulePeer::Group { .. } => None,
        }),
        "prefix-list-id" => of_peers(rules, |peer| match peer {
            RulePeer::PrefixList(id) => Some(id.to_string()),
            RulePeer::Cidr(_) | RulePeer::Cidr6(_) | RulePeer::Group { .. } => None,
        }),
        "group-id" => of_peers(rules, |peer| match peer {
            RulePeer::Group { id, .. } => Some(id.to_string()),
            RulePeer::Cidr(_) | RulePeer::Cidr6(_) | RulePeer::PrefixList(_) => None,
        }),
        "user-id" => of_peers(rules, |peer| match peer {
            RulePeer::Group { owner, .. } => Some(owner.to_string()),
            RulePeer::Cidr(_) | RulePeer::Cidr6(_) | RulePeer::PrefixList(_) => None,
        }),
        // Rules name groups by id, whatever the call that made them named them by.
        "group-name" => Vec::new(),
        _ => return None,
    };
    Some(values)
}

fn of_peers<'n>(
    rules: impl Iterator<Item = &'n SecurityGroupRule>,
    value: fn(&RulePeer) -> Option<String>,
) -> Vec<String> {
    rules.filter_map(|rule| value(&rule.peer)).collect()
}
