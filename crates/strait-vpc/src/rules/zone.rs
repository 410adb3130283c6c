//! Hosted zones (Route 53), public and private: <https://docs.aws.amazon.com/Route53/latest/APIReference/>.

mod association;
mod list;
mod record;
mod tag;
mod value;

pub(super) use association::{
    associate, authorize, deauthorize, disassociate, list_authorizations,
};
pub(super) use list::{by_name, by_vpc, list, list_records};
pub(super) use record::change;
pub(super) use tag::{change_tags, list_tags, list_tags_of_several};

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::api::*;
use crate::error::{AwsError, Fault};
use crate::id::*;
use crate::rules::quota::{self, Quota};
use crate::rules::{Caller, Context, session, tenant};
use crate::state::*;

/// Makes a hosted zone with its SOA and NS records.
pub(super) fn create(
    network: &mut Network,
    caller: &Caller,
    request: &CreateHostedZoneRequest,
    context: &mut Context<'_>,
) -> Result<CreateHostedZoneResponse, AwsError> {
    let name = zone_name(&request.name)?;
    let reference = &request.caller_reference;
    if !(1..=128).contains(&reference.chars().count()) {
        return Err(invalid_input(
            "CallerReference must have 1 to 128 characters.",
        ));
    }
    let owned = || {
        let zones = network.hosted_zones.values();
        zones.filter(|zone| zone.owner == caller.account)
    };
    if owned().any(|zone| zone.caller_reference == *reference) {
        let message = "A hosted zone has already been created with the specified caller reference.";
        let fault = Fault::Conflict;
        return Err(AwsError::with_fault(
            "HostedZoneAlreadyExists",
            message,
            fault,
        ));
    }
    quota::within(
        network,
        &caller.account,
        Quota::HostedZones,
        owned().count() + 1,
    )?;
    let reach = match &request.vpc {
        Some(VpcInput {
            vpc_region: None, ..
        }) => return Err(invalid_input(NO_VPC)),
        Some(vpc) => {
            let vpc = own_vpc(network, caller, vpc)?;
            association::check_free(network, &vpc, &name)?;
            ZoneReach::Private {
                vpcs: BTreeSet::from([vpc]),
                authorized: BTreeSet::new(),
            }
        }
        None if request.hosted_zone_config.private_zone == Some(true) => {
            return Err(invalid_input(NO_VPC));
        }
        None => ZoneReach::Public,
    };
    let comment = comment(request.hosted_zone_config.comment.as_deref())?;
    let zone = HostedZone {
        id: new_id(context),
        owner: caller.account.clone(),
        name_servers: name_servers(&reach, context),
        name,
        caller_reference: reference.clone(),
        comment,
        reach,
        created_at: context.now,
        tags: Tags::new(),
    };
    for set in record::apex(&zone) {
        let key = RecordKey::new(&zone.id, &set.name, set.kind);
        network.records.insert(key, set);
    }
    network.hosted_zones.insert(zone.id.clone(), zone.clone());
    Ok(CreateHostedZoneResponse {
        hosted_zone: item(network, &zone),
        change_info: changed(network, caller, None, context),
        delegation_set: delegation_set(&zone),
        vpc: vpcs(&zone).next(),
    })
}

pub(super) fn get(
    network: &Network,
    caller: &Caller,
    request: &GetHostedZoneRequest,
) -> Result<GetHostedZoneResponse, AwsError> {
    let zone = find(network, caller, &request.id)?;
    Ok(GetHostedZoneResponse {
        hosted_zone: item(network, zone),
        delegation_set: delegation_set(zone),
        vpcs: zone.is_private().then(|| vpcs(zone).collect()),
    })
}

pub(super) fn count(
    network: &Network,
    caller: &Caller,
    _: &GetHostedZoneCountRequest,
) -> Result<GetHostedZoneCountResponse, AwsError> {
    let zones = network.hosted_zones.values();
    let owned = zones.filter(|zone| zone.owner == caller.account).count();
    Ok(GetHostedZoneCountResponse {
        hosted_zone_count: owned as u64,
    })
}

/// Deletes a zone that has no records but its own SOA and NS.
pub(super) fn delete(
    network: &mut Network,
    caller: &Caller,
    request: &DeleteHostedZoneRequest,
    context: &mut Context<'_>,
) -> Result<Changed, AwsError> {
    let zone = find(network, caller, &request.id)?;
    let (id, name) = (zone.id.clone(), zone.name.clone());
    let required =
        |set: &RecordSet| set.name == name && matches!(set.kind, RecordKind::Soa | RecordKind::Ns);
    if records_of(network, &id).any(|(_, set)| !required(set)) {
        let message = "The specified hosted zone contains non-required resource record sets and so cannot be deleted.";
        return Err(AwsError::new("HostedZoneNotEmpty", message));
    }
    let keys: Vec<_> = records_of(network, &id)
        .map(|(key, _)| key.clone())
        .collect();
    for key in keys {
        network.records.remove(&key);
    }
    network.hosted_zones.remove(&id);
    Ok(Changed {
        change_info: changed(network, caller, None, context),
    })
}

pub(super) fn update_comment(
    network: &mut Network,
    caller: &Caller,
    request: &UpdateHostedZoneCommentRequest,
) -> Result<UpdateHostedZoneCommentResponse, AwsError> {
    let comment = comment(request.comment.as_deref())?;
    let mut zone = find(network, caller, &request.id)?.clone();
    zone.comment = comment;
    network.hosted_zones.insert(zone.id.clone(), zone.clone());
    Ok(UpdateHostedZoneCommentResponse {
        hosted_zone: item(network, &zone),
    })
}

/// Shows a change, which is in force since it was answered.
pub(super) fn get_change(
    network: &Network,
    caller: &Caller,
    request: &GetChangeRequest,
) -> Result<Changed, AwsError> {
    let id = request.id.trim_start_matches("/change/");
    let found = network
        .zone_changes
        .get(&id.to_owned())
        .filter(|change| change.owner == caller.account);
    let Some(change) = found else {
        let message = format!("A change with the specified change ID does not exist: {id}");
        return Err(AwsError::with_fault(
            "NoSuchChange",
            message,
            Fault::NotFound,
        ));
    };
    Ok(Changed {
        change_info: change_item(change),
    })
}

/// Forgets changes that nobody asks for any more.
pub(super) fn pass(network: &mut Network, now: Timestamp) {
    let old: Vec<String> = network
        .zone_changes
        .values()
        .filter(|change| now.duration_since(change.submitted_at) > REMEMBERED)
        .map(|change| change.id.clone())
        .collect();
    for id in old {
        network.zone_changes.remove(&id);
    }
}

/// A record's value, read.
pub(crate) fn record_value(kind: RecordKind, value: &str) -> Option<RecordData> {
    value::parse(kind, value).ok()
}

/// The sets of records of a zone, as Route 53 lists them.
pub(crate) fn records_of<'n>(
    network: &'n Network,
    zone: &'n HostedZoneId,
) -> impl Iterator<Item = (&'n RecordKey, &'n RecordSet)> {
    network
        .records
        .from(&RecordKey::first_of(zone))
        .take_while(|(key, _)| key.zone == *zone)
}

const NO_VPC: &str = "When you're creating a private hosted zone (when you specify true for PrivateZone), you must also specify values for VPCId and VPCRegion.";

/// How long a change can be asked for.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24);

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

fn new_id(context: &mut Context<'_>) -> HostedZoneId {
    let id = format!("Z0{}", tenant::letters(context, LETTERS, 19));
    id.parse().expect("capital letters and digits are an id")
}

/// Four servers as AWS names them. Those of private zones are the same for all.
fn name_servers(reach: &ZoneReach, context: &mut Context<'_>) -> Vec<DomainName> {
    let random = match reach {
        ZoneReach::Public => (context.random)().to_be_bytes(),
        ZoneReach::Private { .. } => [0; 16],
    };
    let servers = (0_u16..).zip(["com", "net", "org", "co.uk"]);
    let named = servers.map(|(place, end)| {
        let at = usize::from(place) * 4;
        let number = place * 512 + u16::from(random[at]) + u16::from(random[at + 1] & 1) * 256;
        format!("ns-{number}.awsdns-{:02}.{end}", random[at + 2] % 64)
    });
    named.map(|name| name.parse().expect("a name")).collect()
}

/// The caller's zone with this id.
fn find<'n>(network: &'n Network, caller: &Caller, id: &str) -> Result<&'n HostedZone, AwsError> {
    let zone = find_any(network, id)?;
    if zone.owner == caller.account {
        return Ok(zone);
    }
    let message = format!(
        "User: {} is not authorized to access this resource",
        session::caller_arn(network, caller)
    );
    Err(AwsError::with_fault(
        "AccessDenied",
        message,
        Fault::Permission,
    ))
}

/// The zone with this id, whoever owns it.
fn find_any<'n>(network: &'n Network, id: &str) -> Result<&'n HostedZone, AwsError> {
    let id = bare_id(id);
    check_id(id, "id")?;
    let parsed = id.parse::<HostedZoneId>().ok();
    let found = parsed.and_then(|id| network.hosted_zones.get(&id));
    found.ok_or_else(|| {
        let message = format!("No hosted zone found with ID: {id}");
        AwsError::with_fault("NoSuchHostedZone", message, Fault::NotFound)
    })
}

/// A zone's id without what some clients put before it.
fn bare_id(id: &str) -> &str {
    id.strip_prefix("/hostedzone/").unwrap_or(id)
}

fn check_id(id: &str, parameter: &str) -> Result<(), AwsError> {
    if id.len() <= 32 {
        return Ok(());
    }
    Err(invalid_input(&format!(
        "1 validation error detected: Value '{id}' at '{parameter}' failed to satisfy constraint: Member must have length less than or equal to 32"
    )))
}

/// A VPC that is there and that the caller owns.
fn own_vpc(network: &Network, caller: &Caller, vpc: &VpcInput) -> Result<ZoneVpc, AwsError> {
    let (vpc, owner) = any_vpc(network, vpc)?;
    if owner == caller.account {
        return Ok(vpc);
    }
    Err(no_vpc(vpc.vpc.as_str()))
}

/// A VPC that is there, and who owns it.
fn any_vpc(network: &Network, vpc: &VpcInput) -> Result<(ZoneVpc, AccountId), AwsError> {
    let id = vpc_id(vpc)?;
    let parsed = id.parse::<VpcId>().ok();
    let found = parsed.and_then(|id| network.vpcs.get(&id));
    let is_there = |found: &&Vpc| {
        let region = vpc.vpc_region.as_deref();
        region.is_none_or(|region| region == found.region.as_str())
    };
    let found = found.filter(is_there).ok_or_else(|| no_vpc(id))?;
    let vpc = ZoneVpc {
        vpc: found.id.clone(),
        region: found.region.clone(),
    };
    Ok((vpc, found.owner.clone()))
}

fn vpc_id(vpc: &VpcInput) -> Result<&str, AwsError> {
    let id = vpc.vpc_id.as_deref();
    id.ok_or_else(|| invalid_input("The VPC has no VPCId."))
}

fn no_vpc(id: &str) -> AwsError {
    let message = format!(
        "The VPC ID that you specified either isn't a valid ID or the current account is not authorized to access this VPC: {id}. Is the VPCRegion right?"
    );
    AwsError::new("InvalidVPCId", message)
}

fn zone_name(text: &str) -> Result<DomainName, AwsError> {
    let parsed = text.parse::<DomainName>();
    parsed
        .ok()
        .filter(|name| !name.is_root() && text.len() <= 1024)
        .ok_or_else(|| {
            AwsError::new(
                "InvalidDomainName",
                format!("{text} is not a valid domain name"),
            )
        })
}

fn comment(text: Option<&str>) -> Result<Option<String>, AwsError> {
    let text = text.filter(|text| !text.is_empty());
    if text.is_some_and(|text| text.chars().count() > 256) {
        return Err(invalid_input("A comment has 256 characters at most."));
    }
    Ok(text.map(str::to_owned))
}

/// Remembers that a change was made.
fn changed(
    network: &mut Network,
    caller: &Caller,
    comment: Option<&str>,
    context: &mut Context<'_>,
) -> ChangeInfoItem {
    let change = ZoneChange {
        id: format!("C0{}", tenant::letters(context, LETTERS, 19)),
        owner: caller.account.clone(),
        submitted_at: context.now,
        comment: comment.map(str::to_owned),
    };
    let item = change_item(&change);
    network.zone_changes.insert(change.id.clone(), change);
    item
}

fn change_item(change: &ZoneChange) -> ChangeInfoItem {
    ChangeInfoItem {
        id: format!("/change/{}", change.id),
        status: "INSYNC",
        submitted_at: change.submitted_at,
        comment: change.comment.clone(),
    }
}

fn item(network: &Network, zone: &HostedZone) -> HostedZoneItem {
    HostedZoneItem {
        id: format!("/hostedzone/{}", zone.id),
        name: zone.name.to_string(),
        caller_reference: zone.caller_reference.clone(),
        config: HostedZoneConfigItem {
            comment: zone.comment.clone(),
            private_zone: zone.is_private(),
        },
        resource_record_set_count: records_of(network, &zone.id).count() as u64,
    }
}

fn delegation_set(zone: &HostedZone) -> Option<DelegationSetItem> {
    let servers = zone.name_servers.iter();
    // As AWS does, without the last dot here and with it in records.
    let name = |server: &DomainName| server.as_str().trim_end_matches('.').to_owned();
    (!zone.is_private()).then(|| DelegationSetItem {
        name_servers: servers.map(name).collect(),
    })
}

fn vpcs(zone: &HostedZone) -> impl Iterator<Item = ZoneVpcItem> {
    let associated = match &zone.reach {
        ZoneReach::Public => None,
        ZoneReach::Private { vpcs, .. } => Some(vpcs),
    };
    associated.into_iter().flatten().map(vpc_item)
}

fn vpc_item(vpc: &ZoneVpc) -> ZoneVpcItem {
    ZoneVpcItem {
        vpc_region: vpc.region.to_string(),
        vpc_id: vpc.vpc.to_string(),
    }
}

/// What Route 53 says to a name that is none.
fn fatal(name: &str, why: BadName) -> String {
    let unsupported = |character: &char| !matches!(character, '!'..='~');
    let character = name.chars().find(unsupported).map(String::from);
    let at = match why {
        BadName::Character => character.as_deref().unwrap_or(name),
        BadName::EmptyLabel | BadName::LongLabel | BadName::Long => name,
    };
    format!("FATAL problem: {why} encountered with '{at}'")
}

fn invalid_input(message: &str) -> AwsError {
    AwsError::new("InvalidInput", message)
}
