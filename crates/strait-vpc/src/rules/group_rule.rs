//! Single rules of security groups: allow, allow no more, show, change.

use std::collections::BTreeSet;

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::check;
use crate::rules::permission::{self, Named};
use crate::rules::resource::Resource;
use crate::rules::{Caller, Context, filter, group, prefix_list, prefix_use, traffic};
use crate::state::*;

/// The flat form of a permission, which ingress and egress calls share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flat<'a> {
    /// The protocol.
    pub(super) protocol: Option<&'a str>,
    /// The first port.
    pub(super) from: Option<i32>,
    /// The last port.
    pub(super) to: Option<i32>,
    /// The CIDR block.
    pub(super) cidr: Option<&'a str>,
    /// A group by name.
    pub(super) group_name: Option<&'a str>,
    /// That group's account.
    pub(super) group_owner: Option<&'a str>,
}

pub(super) fn authorize(
    network: &mut Network,
    caller: &Caller,
    group: &SecurityGroupId,
    direction: Direction,
    permissions: &[IpPermission],
    tags: &[TagSpecification],
    context: &mut Context<'_>,
) -> Result<Items<SecurityGroupRuleItem>, AwsError> {
    let group = check::find_group(network, caller, group.as_str())?;
    let named = permission::read(network, caller, group, permissions)?;
    if named.is_empty() {
        return Err(AwsError::missing("ipPermissions"));
    }
    let tags = check::tags_from(tags, RULE)?;
    for (place, rule) in named.iter().enumerate() {
        let mut before = named.iter().take(place);
        if before.any(|other| same(rule, other.traffic, &other.peer)) {
            let message = "The same permission must not appear multiple times";
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        let mut there = group
            .rules
            .values()
            .filter(|old| old.direction == direction);
        if there.any(|old| same(rule, old.traffic, &old.peer)) {
            return Err(duplicate(rule));
        }
    }
    let mut group = group.clone();
    let mut made = BTreeSet::new();
    for rule in named {
        let id = SecurityGroupRuleId::from_random((context.random)());
        let place = next_place(&group);
        let Named {
            traffic,
            peer,
            description,
        } = rule;
        let rule = SecurityGroupRule {
            direction,
            traffic,
            peer,
            description,
            place,
            tags: tags.clone(),
        };
        group.rules.insert(id.clone(), rule);
        made.insert(id);
    }
    prefix_use::check_rules(network, &group)?;
    let shown = permission::in_order(&group).into_iter();
    let items = shown
        .filter(|(id, _)| made.contains(*id))
        .map(|(id, rule)| item(network, &group, id, rule))
        .collect();
    network.security_groups.insert(group.id.clone(), group);
    Ok(items)
}

/// What a revoking call did.
pub(super) struct Revoked {
    /// Rules that are gone.
    pub(super) rules: Items<RevokedSecurityGroupRuleItem>,
    /// Permissions that were not there.
    pub(super) unknown: Items<IpPermissionItem>,
}

pub(super) fn revoke(
    network: &mut Network,
    caller: &Caller,
    group: &SecurityGroupId,
    direction: Direction,
    permissions: &[IpPermission],
    rule_ids: &[String],
) -> Result<Revoked, AwsError> {
    let group = check::find_group(network, caller, group.as_str())?;
    if permissions.is_empty() && rule_ids.is_empty() {
        return Err(AwsError::missing("ipPermissions or securityGroupRuleIds"));
    }
    if !permissions.is_empty() && !rule_ids.is_empty() {
        let message = "Give IpPermissions or SecurityGroupRuleIds, not both.";
        return Err(AwsError::new("InvalidParameterCombination", message));
    }
    let is_default_vpc = network
        .vpcs
        .get(&group.vpc)
        .is_some_and(|vpc| vpc.is_default);
    let mut gone = BTreeSet::new();
    for id in rule_ids {
        gone.insert(find_rule(group, direction, id)?);
    }
    let mut unknown = Vec::new();
    for rule in permission::read(network, caller, group, permissions)? {
        let found = group.rules.iter().find(|(_, other)| {
            other.direction == direction && same(&rule, other.traffic, &other.peer)
        });
        match found {
            Some((id, _)) => {
                gone.insert(id.clone());
            }
            None if is_default_vpc => unknown.push(rule),
            None => return Err(not_found(&rule)),
        }
    }
    let group_id = group.id.clone();
    let rules = group.rules.iter().filter(|(id, _)| gone.contains(id));
    let rules = rules
        .map(|(id, rule)| revoked(&group_id, id, rule))
        .collect();
    if let Some(group) = network.security_groups.get_mut(&group_id) {
        group.rules.retain(|id, _| !gone.contains(id));
    }
    let unknown = permission::unknown(network, &unknown);
    Ok(Revoked { rules, unknown })
}

pub(super) fn describe(
    network: &Network,
    caller: &Caller,
    request: &DescribeSecurityGroupRulesRequest,
) -> Result<DescribeSecurityGroupRulesResponse, AwsError> {
    let ids = &request.security_group_rule_ids;
    let own = || {
        network
            .security_groups
            .values()
            .filter(|group| group.is_of(caller))
    };
    for id in ids {
        let parsed = rule_id(id)?;
        if !own().any(|group| group.rules.contains_key(&parsed)) {
            return Err(unknown_rule(id));
        }
    }
    for group in request
        .filters
        .iter()
        .filter(|filter| filter.name == "group-id")
    {
        group.values.iter().try_for_each(|id| check_group_id(id))?;
    }
    let mut shown = Vec::new();
    for group in own() {
        for (id, rule) in permission::in_order(group) {
            let values = |name: &str| match name {
                "group-id" => Some(vec![group.id.to_string()]),
                "security-group-rule-id" => Some(vec![id.to_string()]),
                _ => None,
            };
            let asked = ids.is_empty() || ids.iter().any(|asked| asked == id.as_str());
            if filter::matches(&request.filters, &rule.tags, values)? && asked {
                shown.push(item(network, group, id, rule));
            }
        }
    }
    let page = filter::page(
        shown,
        request.max_results,
        request.next_token.as_deref(),
        ids,
    )?;
    Ok(DescribeSecurityGroupRulesResponse {
        security_group_rules: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

pub(super) fn modify(
    network: &mut Network,
    caller: &Caller,
    request: &ModifySecurityGroupRulesRequest,
) -> Result<ModifySecurityGroupRulesResponse, AwsError> {
    let mut group = check::find_group(network, caller, &request.group_id)?.clone();
    if request.security_group_rules.is_empty() {
        return Err(AwsError::missing("SecurityGroupRule"));
    }
    for update in &request.security_group_rules {
        let id = rule_id(&update.security_group_rule_id)?;
        let Some(old) = group.rules.get(&id).cloned() else {
            return Err(unknown_rule(&update.security_group_rule_id));
        };
        let named = wanted(network, caller, &group, &update.security_group_rule)?;
        let clash = group.rules.iter().find(|(other, rule)| {
            **other != id
                && rule.direction == old.direction
                && same(&named, rule.traffic, &rule.peer)
        });
        if clash.is_some() {
            return Err(duplicate(&named));
        }
        let Named {
            traffic,
            peer,
            description,
        } = named;
        group.rules.insert(
            id,
            SecurityGroupRule {
                traffic,
                peer,
                description,
                ..old
            },
        );
    }
    prefix_use::check_rules(network, &group)?;
    network.security_groups.insert(group.id.clone(), group);
    Ok(ModifySecurityGroupRulesResponse { done: true })
}

/// The permissions of a call that has the list or the flat form; the group that the flat form names is of the default VPC.
pub(super) fn permissions(
    list: &[IpPermission],
    flat: Flat<'_>,
) -> Result<Vec<IpPermission>, AwsError> {
    let any = flat.protocol.is_some()
        || flat.cidr.is_some()
        || flat.group_name.is_some()
        || flat.from.is_some();
    if !any {
        return Ok(list.to_vec());
    }
    if !list.is_empty() {
        let message = "Give IpPermissions, or IpProtocol with its ports and CidrIp, not both.";
        return Err(AwsError::new("InvalidParameterCombination", message));
    }
    let group = flat.group_name.map(|name| UserIdGroupPair {
        group_name: Some(name.to_owned()),
        user_id: flat.group_owner.map(str::to_owned),
        ..Default::default()
    });
    // AWS: a group by name alone allows all protocols.
    let all = flat.protocol.is_none() && group.is_some();
    Ok(vec![IpPermission {
        ip_protocol: flat
            .protocol
            .map(str::to_owned)
            .or_else(|| all.then(|| "-1".to_owned())),
        from_port: flat.from,
        to_port: flat.to,
        ip_ranges: flat
            .cidr
            .map(|cidr| IpRange {
                cidr_ip: cidr.to_owned(),
                description: None,
            })
            .into_iter()
            .collect(),
        groups: group.into_iter().collect(),
        ..Default::default()
    }])
}

/// The group of an ingress call: by id, or by name in the default VPC.
pub(super) fn group_id(
    network: &Network,
    caller: &Caller,
    id: Option<&str>,
    name: Option<&str>,
) -> Result<SecurityGroupId, AwsError> {
    group::find_either(network, caller, id, name).map(|group| group.id.clone())
}

const RULE: &str = "security-group-rule";

/// Whether a rule allows what is named.
pub(super) fn same(rule: &Named, traffic: Traffic, peer: &RulePeer) -> bool {
    permission::same(rule.traffic, &rule.peer, traffic, peer)
}

fn rule_id(id: &str) -> Result<SecurityGroupRuleId, AwsError> {
    id.parse().map_err(|why: MalformedId| {
        AwsError::new("InvalidSecurityGroupRuleId.Malformed", why.to_string())
    })
}

fn unknown_rule(id: &str) -> AwsError {
    let message = format!("The security group rule ID '{id}' does not exist");
    AwsError::new("InvalidSecurityGroupRuleId.NotFound", message)
}

/// The id of a rule that a group has in a direction.
pub(super) fn find_rule(
    group: &SecurityGroup,
    direction: Direction,
    id: &str,
) -> Result<SecurityGroupRuleId, AwsError> {
    let parsed = rule_id(id)?;
    let found = group
        .rules
        .get(&parsed)
        .filter(|rule| rule.direction == direction);
    found.map(|_| parsed).ok_or_else(|| unknown_rule(id))
}

/// A rule that a group does not have.
pub(super) fn not_found(rule: &Named) -> AwsError {
    let rule = text(rule);
    let message = format!("The specified rule does not exist in this security group: {rule}");
    AwsError::new("InvalidPermission.NotFound", message)
}

/// What a modifying call wants a rule to be.
fn wanted(
    network: &Network,
    caller: &Caller,
    group: &SecurityGroup,
    asked: &SecurityGroupRuleRequest,
) -> Result<Named, AwsError> {
    let Some(protocol) = &asked.ip_protocol else {
        let message = "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.";
        return Err(AwsError::new("InvalidParameterValue", message));
    };
    let traffic = traffic::read(protocol, asked.from_port, asked.to_port).map_err(|error| {
        let ports = asked.from_port.is_none() || asked.to_port.is_none();
        if ports && error.message.contains("both from and to ports") {
            let message =
                "Invalid value for portRange. Must specify both from and to ports with TCP/UDP.";
            return AwsError::new("InvalidParameterValue", message);
        }
        error
    })?;
    let peer = match (
        &asked.cidr_ipv4,
        &asked.cidr_ipv6,
        &asked.prefix_list_id,
        &asked.referenced_group_id,
    ) {
        (Some(cidr), None, None, None) => permission::cidr(cidr)?,
        (None, Some(cidr), None, None) => permission::cidr6(cidr)?,
        (None, None, Some(id), None) => {
            RulePeer::PrefixList(prefix_list::find_usable(network, caller, id)?)
        }
        (None, None, None, Some(id)) => {
            let pair = UserIdGroupPair {
                group_id: Some(id.clone()),
                ..Default::default()
            };
            permission::read_group(network, caller, group, &pair)?
        }
        (None, None, None, None) => {
            let message = "The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId";
            return Err(AwsError::new("MissingParameter", message));
        }
        _ => {
            let message =
                "Only one of cidrIp, cidrIpv6, prefixListId, or referencedGroupId can be specified";
            return Err(AwsError::new("InvalidParameterCombination", message));
        }
    };
    Ok(Named {
        traffic,
        peer,
        description: permission::described(asked.description.as_deref())?,
    })
}

fn duplicate(rule: &Named) -> AwsError {
    let message = format!("the specified rule \"{}\" already exists", text(rule));
    AwsError::new("InvalidPermission.Duplicate", message)
}

/// The place after all rules that a group has.
fn next_place(group: &SecurityGroup) -> u32 {
    let places = group.rules.values().map(|rule| rule.place);
    places.max().map_or(0, |last| last + 1)
}

fn check_group_id(id: &str) -> Result<(), AwsError> {
    // Wildcards are no ids, and no mistake either.
    if id.contains(['*', '?']) {
        return Ok(());
    }
    let parsed: Result<SecurityGroupId, _> = id.parse();
    parsed.map(drop).map_err(|_| {
        let message = format!("The security group ID '{id}' is malformed");
        AwsError::new(SecurityGroup::MALFORMED, message)
    })
}

/// A rule in AWS's words.
fn text(rule: &Named) -> String {
    let peer = match &rule.peer {
        RulePeer::Cidr(cidr) => cidr.to_string(),
        RulePeer::Cidr6(cidr) => cidr.to_string(),
        RulePeer::PrefixList(id) => id.to_string(),
        RulePeer::Group { id, .. } => id.to_string(),
    };
    let (protocol, from, to) = traffic::show(rule.traffic);
    match rule.traffic {
        Traffic::All => format!("peer: {peer}, ALL, ALLOW"),
        Traffic::Protocol(_) => format!("peer: {peer}, protocol {protocol}, ALLOW"),
        Traffic::Icmp(..) | Traffic::Icmp6(..) => {
            let protocol = protocol.to_uppercase();
            format!("peer: {peer}, {protocol}, type: {from}, code: {to}, ALLOW")
        }
        Traffic::Tcp(_) | Traffic::Udp(_) => {
            format!(
                "peer: {peer}, {}, from port: {from}, to port: {to}, ALLOW",
                protocol.to_uppercase()
            )
        }
    }
}

fn item(
    network: &Network,
    group: &SecurityGroup,
    id: &SecurityGroupRuleId,
    rule: &SecurityGroupRule,
) -> SecurityGroupRuleItem {
    let (ip_protocol, from_port, to_port) = traffic::show(rule.traffic);
    let mut item = SecurityGroupRuleItem {
        security_group_rule_id: id.to_string(),
        security_group_rule_arn: format!(
            "arn:aws:ec2:{}:{}:{RULE}/{id}",
            group.region, group.owner
        ),
        group_id: group.id.to_string(),
        group_owner_id: group.owner.to_string(),
        is_egress: rule.direction == Direction::Egress,
        ip_protocol,
        from_port,
        to_port,
        description: rule.description.clone(),
        tags: tag_set(&rule.tags),
        ..Default::default()
    };
    match &rule.peer {
        RulePeer::Cidr(cidr) => item.cidr_ipv4 = Some(cidr.to_string()),
        RulePeer::Cidr6(cidr) => item.cidr_ipv6 = Some(cidr.to_string()),
        RulePeer::PrefixList(id) => item.prefix_list_id = Some(id.to_string()),
        RulePeer::Group { id, owner, peering } => {
            let (vpc_id, peering_status) = permission::over(network, id, peering.as_ref());
            item.referenced_group_info = Some(ReferencedSecurityGroupItem {
                group_id: id.to_string(),
                user_id: owner.to_string(),
                vpc_id,
                vpc_peering_connection_id: peering.as_ref().map(ToString::to_string),
                peering_status,
            });
        }
    }
    item
}

fn revoked(
    group: &SecurityGroupId,
    id: &SecurityGroupRuleId,
    rule: &SecurityGroupRule,
) -> RevokedSecurityGroupRuleItem {
    let (ip_protocol, from_port, to_port) = traffic::show(rule.traffic);
    let mut item = RevokedSecurityGroupRuleItem {
        security_group_rule_id: id.to_string(),
        group_id: group.to_string(),
        is_egress: rule.direction == Direction::Egress,
        ip_protocol,
        from_port,
        to_port,
        description: rule.description.clone(),
        ..Default::default()
    };
    match &rule.peer {
        RulePeer::Cidr(cidr) => item.cidr_ipv4 = Some(cidr.to_string()),
        RulePeer::Cidr6(cidr) => item.cidr_ipv6 = Some(cidr.to_string()),
        RulePeer::PrefixList(id) => item.prefix_list_id = Some(id.to_string()),
        RulePeer::Group { id, .. } => item.referenced_group_id = Some(id.to_string()),
    }
    item
}
