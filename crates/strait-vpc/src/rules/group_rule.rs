//! Single rules of security groups: allow, allow no more, show, change.

use std::collections::BTreeSet;

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::check::{self, Quota};
use crate::rules::permission::{self, Named};
use crate::rules::resource::Resource;
use crate::rules::{Caller, Context, filter, group, traffic};
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
        let twice = named
            .iter()
            .take(place)
            .any(|other| same(rule, other.traffic, &other.peer));
        let there = group
            .rules
            .values()
            .any(|other| other.direction == direction && same(rule, other.traffic, &other.peer));
        if twice || there {
            let message = format!("the specified rule \"{}\" already exists", text(rule));
            return Err(AwsError::new("InvalidPermission.Duplicate", message));
        }
    }
    let count = group
        .rules
        .values()
        .filter(|rule| rule.direction == direction)
        .count()
        + named.len();
    check::within(network, Quota::RulesPerGroup, count)?;
    let mut group = group.clone();
    let mut made = BTreeSet::new();
    for rule in named {
        let id = SecurityGroupRuleId::from_random((context.random)());
        let Named {
            traffic,
            peer,
            description,
        } = rule;
        group.rules.insert(
            id.clone(),
            SecurityGroupRule {
                direction,
                traffic,
                peer,
                description,
                tags: tags.clone(),
            },
        );
        made.insert(id);
    }
    let shown = group.rules.iter().filter(|(id, _)| made.contains(id));
    let items = shown
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
    let mut unknown_ipv6 = Items::default();
    let (plain, ipv6) = without_ipv6(permissions);
    for rule in permission::read(network, caller, group, &plain)? {
        let found = group.rules.iter().find(|(_, other)| {
            other.direction == direction && same(&rule, other.traffic, &other.peer)
        });
        match found {
            Some((id, _)) => {
                gone.insert(id.clone());
            }
            None if is_default_vpc => unknown.push(rule),
            None => return Err(not_found(&text(&rule))),
        }
    }
    for range in ipv6 {
        if !is_default_vpc {
            return Err(not_found(&format!("peer: {range}")));
        }
        let ranges = std::iter::once(Ipv6RangeItem { cidr_ipv6: range }).collect();
        unknown_ipv6.items.push(IpPermissionItem {
            ip_protocol: "-1".to_owned(),
            ipv6_ranges: ranges,
            ..Default::default()
        });
    }
    let group_id = group.id.clone();
    let rules = group.rules.iter().filter(|(id, _)| gone.contains(id));
    let rules = rules
        .map(|(id, rule)| revoked(&group_id, id, rule))
        .collect();
    if let Some(group) = network.security_groups.get_mut(&group_id) {
        group.rules.retain(|id, _| !gone.contains(id));
    }
    let mut unknown = permission::unknown(&unknown);
    unknown.items.extend(unknown_ipv6.items);
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
    let mut shown = Vec::new();
    for group in own() {
        for (id, rule) in &group.rules {
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
            let message = format!("the specified rule \"{}\" already exists", text(&named));
            return Err(AwsError::new("InvalidPermission.Duplicate", message));
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

fn same(rule: &Named, traffic: Traffic, peer: &RulePeer) -> bool {
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

fn find_rule(
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

fn not_found(rule: &str) -> AwsError {
    let message = format!("The specified rule does not exist in this security group: {rule}");
    AwsError::new("InvalidPermission.NotFound", message)
}

/// Takes IPv6 ranges out: no group has rules for them, so that they are unknown rather than unsupported.
fn without_ipv6(permissions: &[IpPermission]) -> (Vec<IpPermission>, Vec<String>) {
    let ipv6 = permissions
        .iter()
        .flat_map(|row| row.ipv6_ranges.iter().map(|range| range.cidr_ipv6.clone()))
        .collect();
    let plain = permissions.iter().cloned().map(|mut row| {
        let only_ipv6 =
            row.ip_ranges.is_empty() && row.groups.is_empty() && !row.ipv6_ranges.is_empty();
        row.ipv6_ranges.clear();
        (!only_ipv6).then_some(row)
    });
    (plain.flatten().collect(), ipv6)
}

/// What a modifying call wants a rule to be.
fn wanted(
    network: &Network,
    caller: &Caller,
    group: &SecurityGroup,
    asked: &SecurityGroupRuleRequest,
) -> Result<Named, AwsError> {
    let Some(protocol) = &asked.ip_protocol else {
        return Err(AwsError::missing("SecurityGroupRule.IpProtocol"));
    };
    let peer = match (
        &asked.cidr_ipv4,
        &asked.cidr_ipv6,
        &asked.prefix_list_id,
        &asked.referenced_group_id,
    ) {
        (Some(cidr), None, None, None) => RulePeer::Cidr(permission::cidr(cidr)?),
        (None, None, None, Some(id)) => {
            let pair = UserIdGroupPair {
                group_id: Some(id.clone()),
                ..Default::default()
            };
            permission::read_group(network, caller, group, &pair)?
        }
        (None, Some(_), None, None) => return Err(AwsError::unsupported("IPv6")),
        (None, None, Some(id), None) => {
            let message = format!("The prefix list ID '{id}' does not exist");
            return Err(AwsError::new("InvalidPrefixListID.NotFound", message));
        }
        _ => {
            let message =
                "A rule has exactly one of CidrIpv4, CidrIpv6, PrefixListId and ReferencedGroupId.";
            return Err(AwsError::new("InvalidParameterCombination", message));
        }
    };
    Ok(Named {
        traffic: traffic::read(protocol, asked.from_port, asked.to_port)?,
        peer,
        description: permission::described(asked.description.as_deref())?,
    })
}

/// A rule in AWS's words.
fn text(rule: &Named) -> String {
    let peer = match &rule.peer {
        RulePeer::Cidr(cidr) => cidr.to_string(),
        RulePeer::Group { id, .. } => id.to_string(),
    };
    let (protocol, from, to) = traffic::show(rule.traffic);
    match rule.traffic {
        Traffic::All => format!("peer: {peer}, ALL, ALLOW"),
        Traffic::Protocol(_) => format!("peer: {peer}, protocol {protocol}, ALLOW"),
        Traffic::Icmp(..) => format!("peer: {peer}, ICMP, type: {from}, code: {to}, ALLOW"),
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
    let (cidr_ipv4, referenced_group_id) = match &rule.peer {
        RulePeer::Cidr(cidr) => (Some(cidr.to_string()), None),
        RulePeer::Group { id, .. } => (None, Some(id.to_string())),
    };
    RevokedSecurityGroupRuleItem {
        security_group_rule_id: id.to_string(),
        group_id: group.to_string(),
        is_egress: rule.direction == Direction::Egress,
        ip_protocol,
        from_port,
        to_port,
        cidr_ipv4,
        referenced_group_id,
        description: rule.description.clone(),
    }
}
