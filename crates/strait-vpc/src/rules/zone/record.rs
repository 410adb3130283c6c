//! Changes of records: a batch is checked as a whole and made as a whole.

use std::collections::{BTreeMap, BTreeSet};

use super::{bare_id, changed, fatal, find, invalid_input, records_of, value};
use crate::api::*;
use crate::error::AwsError;
use crate::names;
use crate::rules::quota::{self, Quota};
use crate::rules::{Caller, Context};
use crate::state::*;

/// Changes records of a zone:
/// <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html>.
pub(in crate::rules) fn change(
    network: &mut Network,
    caller: &Caller,
    request: &ChangeResourceRecordSetsRequest,
    context: &mut Context<'_>,
) -> Result<Changed, AwsError> {
    let zone = find(network, caller, &request.hosted_zone_id)?;
    let changes = &request.change_batch.changes;
    if changes.is_empty() {
        return Err(invalid_input("A change batch has one change at least."));
    }
    check_size(changes)?;
    let mut draft = Draft {
        network,
        zone,
        sets: BTreeMap::new(),
        problems: Vec::new(),
    };
    for change in changes {
        draft.change(change)?;
    }
    draft.check_names();
    draft.check_apex();
    draft.check_aliases();
    let Draft { sets, problems, .. } = draft;
    if !problems.is_empty() {
        let message = format!("[{}]", problems.join(", "));
        return Err(AwsError::new("InvalidChangeBatch", message));
    }
    let id = zone.id.clone();
    for (key, set) in sets {
        match set {
            Some(set) => drop(network.records.insert(key, set)),
            None => drop(network.records.remove(&key)),
        }
    }
    let count = records_of(network, &id).count();
    quota::within(network, &caller.account, Quota::RecordsPerHostedZone, count)?;
    let comment = request.change_batch.comment.as_deref();
    Ok(Changed {
        change_info: changed(network, caller, comment, context),
    })
}

/// The SOA and NS records that a zone is made with.
pub(super) fn apex(zone: &HostedZone) -> [RecordSet; 2] {
    let primary = match zone.reach {
        ZoneReach::Public => zone.name_servers.first(),
        ZoneReach::Private { .. } => zone.name_servers.last(),
    };
    let primary = primary.map(DomainName::to_string).unwrap_or_default();
    let soa = format!("{primary} awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400");
    let set = |kind, ttl, values| RecordSet {
        name: zone.name.clone(),
        kind,
        content: RecordContent::Values { ttl, values },
    };
    let servers = zone.name_servers.iter().map(ToString::to_string).collect();
    [
        set(RecordKind::Ns, 172_800, servers),
        set(RecordKind::Soa, 900, vec![soa]),
    ]
}

/// The type with this name: those that Route 53 has and this cloud has not are told apart from those that there are not.
pub(super) fn kind(name: &str) -> Result<RecordKind, AwsError> {
    if let Some(kind) = RecordKind::named(name) {
        return Ok(kind);
    }
    if OTHER_KINDS.contains(&name) {
        return Err(AwsError::unsupported(&format!("The record type {name}")));
    }
    let ours = RecordKind::ALL.into_iter().map(RecordKind::as_str);
    Err(not_among(name, ours.chain(OTHER_KINDS)))
}

/// Types that Route 53 has besides.
const OTHER_KINDS: [&str; 7] = ["DS", "HTTPS", "NAPTR", "SPF", "SSHFP", "SVCB", "TLSA"];

/// How many values the records of a batch may have together; those of an `UPSERT` count twice.
const VALUES_PER_BATCH: usize = 1000;

/// How many characters these may have together; those of an `UPSERT` count twice.
const CHARACTERS_PER_BATCH: usize = 32_000;

fn check_size(changes: &[ChangeInput]) -> Result<(), AwsError> {
    let (mut values, mut characters) = (0, 0);
    for change in changes {
        let weight = if change.action == "UPSERT" { 2 } else { 1 };
        for record in change.resource_record_set.resource_records.iter().flatten() {
            values += weight;
            characters += weight * record.value.chars().count();
        }
    }
    for (what, number, most) in [
        ("records", values, VALUES_PER_BATCH),
        ("characters", characters, CHARACTERS_PER_BATCH),
    ] {
        if number > most {
            let message = format!("Number of {what} limit of {most} exceeded.");
            return Err(AwsError::new("InvalidChangeBatch", message));
        }
    }
    Ok(())
}

fn not_among<'s>(value: &str, all: impl Iterator<Item = &'s str>) -> AwsError {
    let all: Vec<&str> = all.collect();
    invalid_input(&format!(
        "Invalid XML ; cvc-enumeration-valid: Value '{value}' is not facet-valid with respect to enumeration '[{}]'. It must be a value from the enumeration.",
        all.join(", ")
    ))
}

/// A batch half made: what becomes of each touched set, and what is wrong.
struct Draft<'n> {
    network: &'n Network,
    zone: &'n HostedZone,
    sets: BTreeMap<RecordKey, Option<RecordSet>>,
    problems: Vec<String>,
}

impl Draft<'_> {
    fn change(&mut self, change: &ChangeInput) -> Result<(), AwsError> {
        let asked = &change.resource_record_set;
        let kind = kind(&asked.kind)?;
        let action = Action::named(&change.action)?;
        let content = content(&change.action, asked)?;
        let name: DomainName = match asked.name.parse() {
            Ok(name) => name,
            Err(why) => {
                self.problem(fatal(&asked.name, why));
                return Ok(());
            }
        };
        if !name.is_in(&self.zone.name) {
            let zone = &self.zone.name;
            self.problem(format!(
                "RRSet with DNS name {name} is not permitted in zone {zone}"
            ));
            return Ok(());
        }
        let key = RecordKey::new(&self.zone.id, &name, kind);
        let set = RecordSet {
            name,
            kind,
            content,
        };
        let before = self.current(&key).cloned();
        let called = format!(
            "resource record set [name='{}', type='{}']",
            set.name, asked.kind
        );
        match (action, before) {
            (Action::Create, Some(_)) => {
                self.problem(format!("Tried to create {called} but it already exists"));
            }
            (Action::Delete, None) => {
                self.problem(format!("Tried to delete {called} but it was not found"));
            }
            (Action::Delete, Some(before)) if !same(&before.content, &set.content) => {
                self.problem(format!(
                    "Tried to delete {called} but the values provided do not match the current values"
                ));
            }
            (Action::Delete, Some(_)) => drop(self.sets.insert(key, None)),
            (Action::Create | Action::Upsert, _) => {
                self.check_content(&set);
                self.sets.insert(key, Some(set));
            }
        }
        Ok(())
    }

    /// The set as the batch so far leaves it.
    fn current(&self, key: &RecordKey) -> Option<&RecordSet> {
        match self.sets.get(key) {
            Some(changed) => changed.as_ref(),
            None => self.network.records.get(key),
        }
    }

    fn check_content(&mut self, set: &RecordSet) {
        let (name, zone) = (&set.name, &self.zone.name);
        let kind = set.kind.as_str();
        let at_apex = name == zone;
        if set.kind == RecordKind::Cname && at_apex {
            self.problem(format!(
                "RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {zone}"
            ));
        }
        if set.kind == RecordKind::Soa && !at_apex {
            self.problem(format!(
                "RRSet of type SOA with DNS name {name} is not permitted in zone {zone}: its SOA is at {zone}"
            ));
        }
        let values = match &set.content {
            RecordContent::Alias { .. } => {
                if matches!(set.kind, RecordKind::Ns | RecordKind::Soa) {
                    self.problem(format!(
                        "RRSet of type {kind} with DNS name {name} cannot be an alias"
                    ));
                }
                return;
            }
            RecordContent::Values { values, .. } => values,
        };
        let single = matches!(set.kind, RecordKind::Cname | RecordKind::Soa);
        if single && values.len() != 1 {
            self.problem(format!(
                "RRSet of type {kind} with DNS name {name} must have exactly one resource record, not {}",
                values.len()
            ));
        }
        let mut seen = BTreeSet::new();
        for value in values {
            if let Err(why) = value::parse(set.kind, value) {
                self.problem(format!(
                    "Invalid Resource Record: 'FATAL problem: {why} encountered with '{value}''"
                ));
            } else if !seen.insert(value) {
                self.problem(format!("Duplicate Resource Record: '{value}'"));
            }
        }
    }

    /// A name with a CNAME has nothing else.
    fn check_names(&mut self) {
        let touched: BTreeSet<DomainName> = self
            .sets
            .values()
            .flatten()
            .map(|set| set.name.clone())
            .collect();
        for name in touched {
            let has = |kind| {
                self.current(&RecordKey::new(&self.zone.id, &name, kind))
                    .is_some()
            };
            let others = RecordKind::ALL
                .into_iter()
                .filter(|kind| *kind != RecordKind::Cname && has(*kind));
            let others: Vec<&str> = others.map(RecordKind::as_str).collect();
            if !has(RecordKind::Cname) || others.is_empty() || name == self.zone.name {
                continue;
            }
            let key = RecordKey::new(&self.zone.id, &name, RecordKind::Cname);
            let zone = &self.zone.name;
            if self.sets.contains_key(&key) {
                self.problem(format!(
                    "RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other records with the same DNS name in zone {zone}"
                ));
            } else {
                self.problem(format!(
                    "RRSet of type {} with DNS name {name} is not permitted because a conflicting RRSet of type CNAME with the same DNS name already exists in zone {zone}",
                    others.join(", ")
                ));
            }
        }
    }

    /// A zone keeps its own SOA and NS.
    fn check_apex(&mut self) {
        let gone = |kind| {
            self.current(&RecordKey::new(&self.zone.id, &self.zone.name, kind))
                .is_none()
        };
        let (soa, servers) = (gone(RecordKind::Soa), gone(RecordKind::Ns));
        if soa {
            self.problem("A HostedZone must contain exactly one SOA record.".to_owned());
        }
        if servers {
            self.problem(
                "A HostedZone must contain at least one NS record for the zone itself.".to_owned(),
            );
        }
    }

    /// What an alias means is there when the batch is made. Older aliases are looked at for what the batch takes away only:
    /// what became of a load balancer's name is not its fault.
    fn check_aliases(&mut self) {
        let made = self.sets.values().flatten();
        let takes = self.sets.values().any(Option::is_none);
        let older = records_of(self.network, &self.zone.id).filter(|(key, set)| {
            let target = self.own_target(set);
            takes
                && !self.sets.contains_key(*key)
                && target.is_some_and(|target| matches!(self.sets.get(&target), Some(None)))
        });
        let all = made.chain(older.map(|(_, set)| set));
        let problems: Vec<String> = all.filter_map(|set| self.alias_problem(set)).collect();
        self.problems.extend(problems);
    }

    /// The record of the zone that an alias means.
    fn own_target(&self, set: &RecordSet) -> Option<RecordKey> {
        match &set.content {
            RecordContent::Alias { zone, name, .. } if *zone == self.zone.id.as_str() => {
                Some(RecordKey::new(&self.zone.id, name, set.kind))
            }
            RecordContent::Alias { .. } | RecordContent::Values { .. } => None,
        }
    }

    fn alias_problem(&self, set: &RecordSet) -> Option<String> {
        let RecordContent::Alias {
            zone: target_zone,
            name: target,
            ..
        } = &set.content
        else {
            return None;
        };
        let kind = set.kind.as_str();
        let attempt = format!(
            "Tried to create an alias that targets {target}, type {kind} in zone {target_zone}"
        );
        if let Some(own) = self.own_target(set) {
            if *target == set.name {
                return Some(format!("{attempt}, but that is the alias itself"));
            }
            let is_there = self.current(&own).is_some();
            return (!is_there).then(|| format!("{attempt}, but that target was not found"));
        }
        if !matches!(set.kind, RecordKind::A | RecordKind::Aaaa) {
            return Some(format!(
                "{attempt}, but only its A and AAAA records can be meant"
            ));
        }
        match names::alias_zone(self.network, target) {
            Some(zone) if zone == target_zone => None,
            Some(zone) => Some(format!(
                "{attempt}, but the alias target name does not lie within the target zone; it is in {zone}"
            )),
            None => Some(format!(
                "{attempt}, but that target was not found: it must be a load balancer's or an endpoint's name, or one of the same zone"
            )),
        }
    }

    fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }
}

#[derive(Clone, Copy)]
enum Action {
    Create,
    Delete,
    Upsert,
}

impl Action {
    fn named(name: &str) -> Result<Self, AwsError> {
        match name {
            "CREATE" => Ok(Self::Create),
            "DELETE" => Ok(Self::Delete),
            "UPSERT" => Ok(Self::Upsert),
            _ => Err(not_among(name, ["CREATE", "DELETE", "UPSERT"].into_iter())),
        }
    }
}

/// Either a TTL with values, or an alias.
fn content(action: &str, asked: &RecordSetInput) -> Result<RecordContent, AwsError> {
    let described = || {
        format!(
            "in Change with [Action={action}, Name={}, Type={}, SetIdentifier=null]",
            asked.name, asked.kind
        )
    };
    let expected = "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]";
    let records = asked
        .resource_records
        .as_ref()
        .filter(|records| !records.is_empty());
    match (&asked.alias_target, asked.ttl, records) {
        (Some(alias), None, None) => {
            let name = alias.dns_name.parse().map_err(|why| {
                invalid_input(&format!(
                    "The alias target '{}' is no name: {why}",
                    alias.dns_name
                ))
            })?;
            Ok(RecordContent::Alias {
                zone: bare_id(&alias.hosted_zone_id).to_owned(),
                name,
                evaluate_health: alias.evaluate_target_health,
            })
        }
        (None, Some(ttl), Some(records)) => Ok(RecordContent::Values {
            ttl: u32::try_from(ttl)
                .ok()
                .filter(|ttl| *ttl <= 2_147_483_647)
                .ok_or_else(|| {
                    invalid_input(&format!(
                        "The TTL {ttl} is not from 0 to 2147483647 {}",
                        described()
                    ))
                })?,
            values: records.iter().map(|record| record.value.clone()).collect(),
        }),
        (Some(_), _, _) => Err(invalid_input(&format!(
            "{expected}, but found more than one {}",
            described()
        ))),
        (None, _, _) => Err(invalid_input(&format!(
            "{expected}, but found none {}",
            described()
        ))),
    }
}

/// Whether two contents say the same: the order of values says nothing.
fn same(a: &RecordContent, b: &RecordContent) -> bool {
    let sorted = |content: &RecordContent| match content {
        RecordContent::Values { ttl, values } => {
            let mut values = values.clone();
            values.sort();
            RecordContent::Values { ttl: *ttl, values }
        }
        RecordContent::Alias { .. } => content.clone(),
    };
    sorted(a) == sorted(b)
}
