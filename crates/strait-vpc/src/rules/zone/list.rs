//! Lists of zones and of records, page by page.

use super::{bare_id, fatal, invalid_input, item, own_vpc, zone_name};
use crate::api::*;
use crate::error::AwsError;
use crate::rules::Caller;
use crate::state::*;

pub(in crate::rules) fn list(
    network: &Network,
    caller: &Caller,
    request: &ListHostedZonesRequest,
) -> Result<ListHostedZonesResponse, AwsError> {
    let private_only = match request.hosted_zone_type.as_deref() {
        None | Some("") => false,
        Some("PrivateHostedZone") => true,
        Some(other) => {
            let message =
                format!("There is no hosted zone type '{other}'; PrivateHostedZone is one.");
            return Err(invalid_input(&message));
        }
    };
    let size = page_size(request.max_items.as_deref(), 100)?;
    let zones = network.hosted_zones.values();
    let rows = zones
        .filter(|zone| zone.owner == caller.account && (zone.is_private() || !private_only))
        .collect();
    let marker = request
        .marker
        .as_deref()
        .filter(|marker| !marker.is_empty());
    let page = page(rows, size, marker, |zone: &&HostedZone| zone.id.to_string());
    Ok(ListHostedZonesResponse {
        hosted_zones: page.items.iter().map(|zone| item(network, zone)).collect(),
        marker: marker.map(str::to_owned),
        is_truncated: page.next.is_some(),
        next_marker: page.next,
        max_items: size.to_string(),
    })
}

pub(in crate::rules) fn by_name(
    network: &Network,
    caller: &Caller,
    request: &ListHostedZonesByNameRequest,
) -> Result<ListHostedZonesByNameResponse, AwsError> {
    let start = request.dns_name.as_deref().filter(|name| !name.is_empty());
    let start = start.map(zone_name).transpose()?;
    let id = request
        .hosted_zone_id
        .as_deref()
        .filter(|id| !id.is_empty());
    if id.is_some() && start.is_none() {
        return Err(invalid_input(
            "A hosted zone's id is given together with its DNS name only.",
        ));
    }
    let size = page_size(request.max_items.as_deref(), 100)?;
    let zones = network.hosted_zones.values();
    let mut rows: Vec<&HostedZone> = zones.filter(|zone| zone.owner == caller.account).collect();
    let place = |zone: &HostedZone| (zone.name.reversed(), zone.id.to_string());
    rows.sort_by_key(|zone| place(zone));
    if let Some(start) = &start {
        let id = bare_id(id.unwrap_or_default());
        let from = (start.reversed(), id.to_owned());
        rows.retain(|zone| place(zone) >= from);
    }
    let next = rows.get(size).copied();
    rows.truncate(size);
    Ok(ListHostedZonesByNameResponse {
        hosted_zones: rows.iter().map(|zone| item(network, zone)).collect(),
        dns_name: request.dns_name.clone(),
        hosted_zone_id: request.hosted_zone_id.clone(),
        is_truncated: next.is_some(),
        next_dns_name: next.map(|zone| zone.name.to_string()),
        next_hosted_zone_id: next.map(|zone| zone.id.to_string()),
        max_items: size.to_string(),
    })
}

/// The private zones of a VPC of the caller's, whoever owns them.
pub(in crate::rules) fn by_vpc(
    network: &Network,
    caller: &Caller,
    request: &ListHostedZonesByVpcRequest,
) -> Result<ListHostedZonesByVpcResponse, AwsError> {
    let vpc = VpcInput {
        vpc_region: Some(request.vpc_region.clone()),
        vpc_id: Some(request.vpc_id.clone()),
    };
    let vpc = own_vpc(network, caller, &vpc)?;
    let size = page_size(request.max_items.as_deref(), 100)?;
    let zones = network.hosted_zones.values();
    let rows = zones.filter(|zone| zone.has_vpc(&vpc.vpc)).collect();
    let start = request.next_token.as_deref();
    let page = page(rows, size, start, |zone: &&HostedZone| zone.id.to_string());
    let summary = |zone: &&HostedZone| HostedZoneSummaryItem {
        hosted_zone_id: zone.id.to_string(),
        name: zone.name.to_string(),
        owner: HostedZoneOwnerItem {
            owning_account: zone.owner.to_string(),
        },
    };
    Ok(ListHostedZonesByVpcResponse {
        hosted_zone_summaries: page.items.iter().map(summary).collect(),
        max_items: size.to_string(),
        next_token: page.next,
    })
}

/// The records of a zone, by reversed name and type.
pub(in crate::rules) fn list_records(
    network: &Network,
    caller: &Caller,
    request: &ListResourceRecordSetsRequest,
) -> Result<ListResourceRecordSetsResponse, AwsError> {
    let zone = super::find(network, caller, &request.hosted_zone_id)?;
    let size = page_size(request.max_items.as_deref(), 300)?;
    let name = request
        .start_record_name
        .as_deref()
        .filter(|name| !name.is_empty());
    let kind = request
        .start_record_type
        .as_deref()
        .filter(|kind| !kind.is_empty());
    let first = match (name, kind) {
        (None, None) => RecordKey::first_of(&zone.id),
        (None, Some(_)) => {
            return Err(invalid_input("The input is not valid"));
        }
        (Some(name), kind) => {
            let kind = kind.map_or(Ok(RecordKind::A), super::record::kind)?;
            let name: DomainName = name
                .parse()
                .map_err(|why| invalid_input(&fatal(name, why)))?;
            RecordKey::new(&zone.id, &name, kind)
        }
    };
    let mut rows: Vec<_> = network
        .records
        .from(&first)
        .take_while(|(key, _)| key.zone == zone.id)
        .take(size + 1)
        .map(|(_, set)| set)
        .collect();
    let next = rows.get(size).copied();
    rows.truncate(size);
    Ok(ListResourceRecordSetsResponse {
        resource_record_sets: rows.into_iter().map(record_item).collect(),
        is_truncated: next.is_some(),
        next_record_name: next.map(|set| set.name.to_string()),
        next_record_type: next.map(|set| set.kind.as_str().to_owned()),
        max_items: size.to_string(),
    })
}

/// How many to a page: at most as many as AWS gives.
pub(super) fn page_size(asked: Option<&str>, most: usize) -> Result<usize, AwsError> {
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else {
        return Ok(most);
    };
    match asked.parse::<usize>() {
        Ok(size @ 1..) => Ok(size.min(most)),
        Ok(0) | Err(_) => Err(invalid_input(&format!(
            "'{asked}' is no number of items: it must be 1 or more."
        ))),
    }
}

/// One page.
pub(super) struct Page<T> {
    /// What is on it.
    pub(super) items: Vec<T>,
    /// The key of the first row of the next page.
    pub(super) next: Option<String>,
}

/// The page of rows, sorted by key, that begins with this one.
pub(super) fn page<T>(
    mut rows: Vec<T>,
    size: usize,
    start: Option<&str>,
    key: impl Fn(&T) -> String,
) -> Page<T> {
    if let Some(start) = start {
        rows.retain(|row| key(row).as_str() >= start);
    }
    let next = rows.get(size).map(key);
    rows.truncate(size);
    Page { items: rows, next }
}

fn record_item(set: &RecordSet) -> RecordSetItem {
    let (mut ttl, mut resource_records, mut alias_target) = (None, None, None);
    match &set.content {
        RecordContent::Values {
            ttl: seconds,
            values,
        } => {
            ttl = Some(*seconds);
            let record = |value: &String| ResourceRecordItem {
                value: value.clone(),
            };
            resource_records = Some(values.iter().map(record).collect());
        }
        RecordContent::Alias {
            zone,
            name,
            evaluate_health,
        } => {
            alias_target = Some(AliasTargetItem {
                hosted_zone_id: zone.clone(),
                dns_name: name.to_string(),
                evaluate_target_health: *evaluate_health,
            });
        }
    }
    RecordSetItem {
        name: set.name.to_string(),
        kind: set.kind.as_str().to_owned(),
        ttl,
        resource_records,
        alias_target,
    }
}
