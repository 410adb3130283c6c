//! Network ACLs.

use std::collections::BTreeMap;

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::quota::{self, Quota};
use crate::rules::resource::{Resource, chosen, find, find_id};
use crate::rules::{Caller, Context, check, filter, ipv6, traffic};
use crate::state::*;

pub(super) fn create(
    network: &mut Network,
    caller: &Caller,
    request: &CreateNetworkAclRequest,
    context: &mut Context<'_>,
) -> Result<CreateNetworkAclResponse, AwsError> {
    let token = check::client_token(
        network,
        caller,
        "CreateNetworkAcl",
        request.client_token.as_deref(),
        request,
    )?;
    let client_token = request.client_token.clone();
    if let Some(made) = &token.made {
        return Ok(CreateNetworkAclResponse {
            network_acl: item(network, find(network, caller, made)?),
            client_token,
        });
    }
    let vpc = check::find_vpc(network, caller, &request.vpc_id)?
        .id
        .clone();
    let tags = check::tags_from(&request.tag_specifications, NetworkAcl::KIND)?;
    let count = network
        .network_acls
        .values()
        .filter(|acl| acl.vpc == vpc)
        .count();
    quota::within(network, &caller.account, Quota::AclsPerVpc, count + 1)?;
    let acl = NetworkAcl {
        id: NetworkAclId::from_random((context.random)()),
        vpc,
        owner: caller.account.clone(),
        region: caller.region.clone(),
        is_default: false,
        entries: Vec::new(),
        associations: BTreeMap::new(),
        tags,
    };
    let network_acl = item(network, &acl);
    token.remember(network, acl.id.as_str());
    network.network_acls.insert(acl.id.clone(), acl);
    Ok(CreateNetworkAclResponse {
        network_acl,
        client_token,
    })
}

pub(super) fn describe(
    network: &Network,
    caller: &Caller,
    request: &DescribeNetworkAclsRequest,
) -> Result<DescribeNetworkAclsResponse, AwsError> {
    let mut shown = Vec::new();
    for acl in chosen::<NetworkAcl>(network, caller, &request.network_acl_ids)? {
        if filter::matches(&request.filters, &acl.tags, |name| filter_values(acl, name))? {
            shown.push(item(network, acl));
        }
    }
    let page = filter::page(
        shown,
        request.max_results,
        request.next_token.as_deref(),
        &request.network_acl_ids,
    )?;
    Ok(DescribeNetworkAclsResponse {
        network_acls: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

pub(super) fn delete(
    network: &mut Network,
    caller: &Caller,
    request: &DeleteNetworkAclRequest,
) -> Result<DeleteNetworkAclResponse, AwsError> {
    let acl = find::<NetworkAcl>(network, caller, &request.network_acl_id)?;
    let id = acl.id.clone();
    if acl.is_default {
        let message = format!("cannot delete default network ACL {id}");
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    if let Some(subnet) = acl.associations.values().next() {
        let message = format!(
            "The networkAcl '{id}' has dependencies and cannot be deleted. Subnet {subnet} uses it."
        );
        return Err(AwsError::new("DependencyViolation", message));
    }
    network.network_acls.remove(&id);
    Ok(DeleteNetworkAclResponse(Done::YES))
}

pub(super) fn create_entry(
    network: &mut Network,
    caller: &Caller,
    request: &CreateNetworkAclEntryRequest,
) -> Result<CreateNetworkAclEntryResponse, AwsError> {
    let acl = find::<NetworkAcl>(network, caller, &request.network_acl_id)?;
    let entry = read(&Asked {
        number: request.rule_number,
        protocol: &request.protocol,
        action: &request.rule_action,
        egress: request.egress,
        cidr: request.cidr_block.as_deref(),
        ipv6: request.ipv6_cidr_block.as_deref(),
        ports: request.port_range.as_ref(),
        icmp: request.icmp_type_code.as_ref(),
    })?;
    if place(acl, entry.direction, entry.number).is_some() {
        let message = format!(
            "The network acl entry identified by {} already exists.",
            entry.number
        );
        return Err(AwsError::new("NetworkAclEntryAlreadyExists", message));
    }
    let count = acl
        .entries
        .iter()
        .filter(|row| row.direction == entry.direction)
        .count();
    quota::within(network, &caller.account, Quota::EntriesPerAcl, count + 1)?;
    let id = acl.id.clone();
    if let Some(acl) = network.network_acls.get_mut(&id) {
        acl.entries.push(entry);
        acl.entries.sort_by_key(|row| (row.direction, row.number));
    }
    Ok(CreateNetworkAclEntryResponse(Done::YES))
}

pub(super) fn replace_entry(
    network: &mut Network,
    caller: &Caller,
    request: &ReplaceNetworkAclEntryRequest,
) -> Result<ReplaceNetworkAclEntryResponse, AwsError> {
    let acl = find::<NetworkAcl>(network, caller, &request.network_acl_id)?;
    let entry = read(&Asked {
        number: request.rule_number,
        protocol: &request.protocol,
        action: &request.rule_action,
        egress: request.egress,
        cidr: request.cidr_block.as_deref(),
        ipv6: request.ipv6_cidr_block.as_deref(),
        ports: request.port_range.as_ref(),
        icmp: request.icmp_type_code.as_ref(),
    })?;
    let Some(place) = place(acl, entry.direction, entry.number) else {
        return Err(no_entry(&acl.id, i32::from(entry.number)));
    };
    let id = acl.id.clone();
    if let Some(row) = network
        .network_acls
        .get_mut(&id)
        .and_then(|acl| acl.entries.get_mut(place))
    {
        *row = entry;
    }
    Ok(ReplaceNetworkAclEntryResponse(Done::YES))
}

pub(super) fn delete_entry(
    network: &mut Network,
    caller: &Caller,
    request: &DeleteNetworkAclEntryRequest,
) -> Result<DeleteNetworkAclEntryResponse, AwsError> {
    let acl = find::<NetworkAcl>(network, caller, &request.network_acl_id)?;
    let number = number(request.rule_number)?;
    let Some(place) = place(acl, direction(request.egress), number) else {
        return Err(no_entry(&acl.id, request.rule_number));
    };
    let id = acl.id.clone();
    if let Some(acl) = network.network_acls.get_mut(&id) {
        acl.entries.remove(place);
    }
    Ok(DeleteNetworkAclEntryResponse(Done::YES))
}

pub(super) fn replace_association(
    network: &mut Network,
    caller: &Caller,
    request: &ReplaceNetworkAclAssociationRequest,
    context: &mut Context<'_>,
) -> Result<ReplaceNetworkAclAssociationResponse, AwsError> {
    let asked = &request.association_id;
    let association: NetworkAclAssociationId = asked.parse().map_err(|why: MalformedId| {
        AwsError::new("InvalidAssociationID.Malformed", why.to_string())
    })?;
    let own = |acl: &&NetworkAcl| acl.is_of(caller);
    let with = |acl: &NetworkAcl| {
        Some((
            acl.id.clone(),
            acl.vpc.clone(),
            acl.associations.get(&association)?.clone(),
        ))
    };
    let found = network.network_acls.values().filter(own).find_map(with);
    let Some((from, vpc, subnet)) = found else {
        let message = format!("The association ID '{asked}' does not exist");
        return Err(AwsError::new("InvalidAssociationID.NotFound", message));
    };
    let to = find_id::<NetworkAcl>(network, caller, &request.network_acl_id)?;
    if network
        .network_acls
        .get(&to)
        .is_some_and(|acl| acl.vpc != vpc)
    {
        let message = format!("Network ACL {to} and {subnet} belong to different networks");
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    let new = NetworkAclAssociationId::from_random((context.random)());
    if let Some(acl) = network.network_acls.get_mut(&from) {
        acl.associations.remove(&association);
    }
    if let Some(acl) = network.network_acls.get_mut(&to) {
        acl.associations.insert(new.clone(), subnet);
    }
    Ok(ReplaceNetworkAclAssociationResponse {
        new_association_id: new.to_string(),
    })
}

/// An entry as calls write it.
struct Asked<'a> {
    number: i32,
    protocol: &'a str,
    action: &'a str,
    egress: bool,
    cidr: Option<&'a str>,
    ipv6: Option<&'a str>,
    ports: Option<&'a PortRangeInput>,
    icmp: Option<&'a IcmpTypeCodeInput>,
}

fn read(asked: &Asked<'_>) -> Result<AclEntry, AwsError> {
    let cidr = match (asked.cidr, asked.ipv6) {
        (Some(cidr), None) => AclRange::V4(check::cidr(cidr, "cidrBlock")?),
        (None, Some(block)) => AclRange::V6(ipv6::block(block, "ipv6CidrBlock")?),
        (None, None) => return Err(AwsError::missing("cidrBlock or ipv6CidrBlock")),
        (Some(_), Some(_)) => {
            let message = "An entry is for cidrBlock or ipv6CidrBlock, not for both.";
            return Err(AwsError::new("InvalidParameterCombination", message));
        }
    };
    let allow = match asked.action {
        "allow" => true,
        "deny" => false,
        other => {
            let message =
                format!("Value ({other}) for parameter ruleAction is invalid. Use allow or deny.");
            return Err(AwsError::new("InvalidParameterValue", message));
        }
    };
    let (from, to) = match (asked.icmp, asked.ports) {
        (Some(icmp), None) => (icmp.kind, icmp.code),
        (_, ports) => (
            ports.and_then(|ports| ports.from),
            ports.and_then(|ports| ports.to),
        ),
    };
    Ok(AclEntry {
        direction: direction(asked.egress),
        number: number(asked.number)?,
        allow,
        traffic: traffic::read(asked.protocol, from, to)?,
        cidr,
    })
}

fn number(number: i32) -> Result<u16, AwsError> {
    let valid = u16::try_from(number)
        .ok()
        .filter(|number| (1..=32766).contains(number));
    valid.ok_or_else(|| {
        let message =
            format!("Value ({number}) for parameter ruleNumber is invalid. Use 1 to 32766.");
        AwsError::new("InvalidParameterValue", message)
    })
}

fn direction(egress: bool) -> Direction {
    if egress {
        Direction::Egress
    } else {
        Direction::Ingress
    }
}

fn place(acl: &NetworkAcl, direction: Direction, number: u16) -> Option<usize> {
    acl.entries
        .iter()
        .position(|row| row.direction == direction && row.number == number)
}

fn no_entry(acl: &NetworkAclId, number: i32) -> AwsError {
    let message = format!("The network acl entry {number} does not exist in {acl}");
    AwsError::new("InvalidNetworkAclEntry.NotFound", message)
}

fn item(network: &Network, acl: &NetworkAcl) -> NetworkAclItem {
    let everything = |range, number| {
        [true, false].map(|egress| NetworkAclEntryItem {
            rule_number: number,
            protocol: "-1".to_owned(),
            rule_action: "deny".to_owned(),
            egress,
            ..ranged(range)
        })
    };
    let ipv6 =
        ipv6::has(network, &acl.vpc).then(|| everything(AclRange::V6(Ipv6Block::ALL), 32768));
    let last = everything(AclRange::ALL, 32767)
        .into_iter()
        .chain(ipv6.into_iter().flatten());
    let association =
        |(id, subnet): (&NetworkAclAssociationId, &SubnetId)| NetworkAclAssociationItem {
            network_acl_association_id: id.to_string(),
            network_acl_id: acl.id.to_string(),
            subnet_id: subnet.to_string(),
        };
    NetworkAclItem {
        network_acl_id: acl.id.to_string(),
        vpc_id: acl.vpc.to_string(),
        owner_id: acl.owner.to_string(),
        is_default: acl.is_default,
        entries: acl.entries.iter().map(entry_item).chain(last).collect(),
        associations: acl.associations.iter().map(association).collect(),
        tags: tag_set(&acl.tags),
    }
}

fn entry_item(entry: &AclEntry) -> NetworkAclEntryItem {
    let (protocol, from, to) = traffic::show(entry.traffic);
    let (number, port_range, icmp_type_code) = match entry.traffic {
        Traffic::All | Traffic::Protocol(_) => (protocol, None, None),
        Traffic::Tcp(_) => ("6".to_owned(), Some(PortRangeItem { from, to }), None),
        Traffic::Udp(_) => ("17".to_owned(), Some(PortRangeItem { from, to }), None),
        Traffic::Icmp6(..) => (
            "58".to_owned(),
            None,
            Some(IcmpTypeCodeItem {
                kind: from,
                code: to,
            }),
        ),
        Traffic::Icmp(..) => (
            "1".to_owned(),
            None,
            Some(IcmpTypeCodeItem {
                kind: from,
                code: to,
            }),
        ),
    };
    NetworkAclEntryItem {
        rule_number: i32::from(entry.number),
        protocol: number,
        rule_action: action(entry).to_owned(),
        egress: entry.direction == Direction::Egress,
        port_range,
        icmp_type_code,
        ..ranged(entry.cidr)
    }
}

fn ranged(range: AclRange) -> NetworkAclEntryItem {
    let mut item = NetworkAclEntryItem::default();
    match range {
        AclRange::V4(block) => item.cidr_block = Some(block.to_string()),
        AclRange::V6(block) => item.ipv6_cidr_block = Some(block.to_string()),
    }
    item
}

fn action(entry: &AclEntry) -> &'static str {
    if entry.allow { "allow" } else { "deny" }
}

fn filter_values(acl: &NetworkAcl, name: &str) -> Option<Vec<String>> {
    let entries = |value: fn(&AclEntry) -> String| acl.entries.iter().map(value).collect();
    let ranges = |value: fn(AclRange) -> Option<String>| {
        let all = acl.entries.iter().map(|entry| entry.cidr);
        all.filter_map(value).collect()
    };
    let values = match name {
        "network-acl-id" => vec![acl.id.to_string()],
        "vpc-id" => vec![acl.vpc.to_string()],
        "owner-id" => vec![acl.owner.to_string()],
        "default" => vec![acl.is_default.to_string()],
        "association.association-id" => acl.associations.keys().map(ToString::to_string).collect(),
        "association.network-acl-id" => acl
            .associations
            .keys()
            .map(|_| acl.id.to_string())
            .collect(),
        "association.subnet-id" => acl.associations.values().map(ToString::to_string).collect(),
        "entry.cidr" => ranges(|range| range.ipv4().map(|block| block.to_string())),
        "entry.ipv6-cidr" => ranges(|range| match range {
            AclRange::V4(_) => None,
            AclRange::V6(block) => Some(block.to_string()),
        }),
        "entry.egress" => entries(|entry| (entry.direction == Direction::Egress).to_string()),
        "entry.rule-action" => entries(|entry| action(entry).to_owned()),
        "entry.rule-number" => entries(|entry| entry.number.to_string()),
        "entry.protocol" => entries(|entry| entry_item(entry).protocol),
        _ => return None,
    };
    Some(values)
}
