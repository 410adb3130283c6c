//! What is to change in a zone, so that it has exactly the wanted names of services.

use std::collections::BTreeMap;

use aws_sdk_route53::types::{
    Change, ChangeAction, HostedZone, ResourceRecord, ResourceRecordSet, RrType,
};
use strait_plane::cloud::NameTarget;

use crate::error::Error;

/// Seconds that resolvers may keep an answer: as long as clients go to a way that is closed.
const TTL: i64 = 5;
/// Names of one batch, far from what a batch may have: 1,000 records and 32,000 characters of values, both counted twice
/// for what is replaced
/// (<https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html#limits-api-requests-changeresourcerecordsets>).
const BATCH: usize = 100;
/// What stands between project and domain in names of services.
const WAYS: [&str; 3] = ["db", "vpc", "public"];

/// Batches of changes that turn the present records into the wanted ones; none if they are those. A name's changes are
/// in one batch, which Route 53 makes as a whole, so that a name is never without an answer.
pub(super) fn batches(
    domain: &str,
    present: &[ResourceRecordSet],
    wanted: &BTreeMap<String, NameTarget>,
) -> Result<Vec<Vec<Change>>, Error> {
    let mut changes: BTreeMap<String, Vec<Change>> = BTreeMap::new();
    let wanted = records(domain, wanted)?;
    for record in present.iter().filter(|record| is_ours(domain, record)) {
        let name = plain(&record.name);
        let stays = wanted
            .get(&name)
            .is_some_and(|wanted| wanted.r#type == record.r#type);
        if !stays {
            let change = change(ChangeAction::Delete, record.clone())?;
            changes.entry(name).or_default().push(change);
        }
    }
    for (name, record) in wanted {
        if !present.iter().any(|present| is_same(present, &record)) {
            let change = change(ChangeAction::Upsert, record)?;
            changes.entry(name).or_default().push(change);
        }
    }
    let by_name: Vec<Vec<Change>> = changes.into_values().collect();
    Ok(by_name.chunks(BATCH).map(<[Vec<Change>]>::concat).collect())
}

/// The id of the public zone of this domain, or of its nearest parent that has one.
pub(super) fn zone_of(domain: &str, zones: &[HostedZone]) -> Result<String, Error> {
    let is_public = |zone: &&HostedZone| {
        !zone
            .config
            .as_ref()
            .is_some_and(|config| config.private_zone)
    };
    let over_it = zones
        .iter()
        .filter(is_public)
        .filter(|zone| is_in(&plain(&zone.name), domain));
    let mut nearest: Vec<&HostedZone> = over_it.collect();
    nearest.sort_by_key(|zone| std::cmp::Reverse(zone.name.len()));
    match nearest.as_slice() {
        [] => Err(Error::Refused {
            code: "no_hosted_zone".to_owned(),
            message: format!(
                "The account has no public Route 53 zone for {domain} or a domain above it. Make one, or set `domain` to a domain that has one."
            ),
        }),
        [one, other, ..] if one.name == other.name => Err(Error::Refused {
            code: "ambiguous_hosted_zone".to_owned(),
            message: format!(
                "Route 53 has two public zones of the name {}: {} and {}. Say which with `hosted_zone_id`.",
                one.name, one.id, other.id
            ),
        }),
        [one, ..] => Ok(one.id.clone()),
    }
}

/// Whether a name is this domain or below it.
pub(super) fn is_in(domain: &str, name: &str) -> bool {
    let name = plain(name);
    name.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The records of the wanted names.
fn records(
    domain: &str,
    wanted: &BTreeMap<String, NameTarget>,
) -> Result<BTreeMap<String, ResourceRecordSet>, Error> {
    let mut records = BTreeMap::new();
    for (name, target) in wanted {
        if !is_of_service(domain, name) {
            return Err(Error::Refused {
                code: "name_outside_domain".to_owned(),
                message: format!(
                    "{name} is no name of a service below {domain}. The server and its cloud must have one `domain`."
                ),
            });
        }
        let (kind, value) = match &target.host {
            Some(host) => (RrType::Cname, host.clone()),
            None => (RrType::A, target.address.to_string()),
        };
        let record = ResourceRecordSet::builder()
            .name(name)
            .r#type(kind)
            .ttl(TTL);
        let record = record.resource_records(ResourceRecord::builder().value(value).build()?);
        records.insert(plain(name), record.build()?);
    }
    Ok(records)
}

/// Whether Strait may touch a record: an address or alias of a service's name, and no part of somebody's routing policy.
fn is_ours(domain: &str, record: &ResourceRecordSet) -> bool {
    let is_plain = record.set_identifier.is_none() && record.alias_target.is_none();
    is_plain
        && matches!(record.r#type, RrType::A | RrType::Cname)
        && is_of_service(domain, &record.name)
}

/// Whether a name has the form SERVICE.PROJECT.{db,vpc,public}.DOMAIN.
fn is_of_service(domain: &str, name: &str) -> bool {
    let name = plain(name);
    let Some(labels) = name
        .strip_suffix(domain)
        .and_then(|rest| rest.strip_suffix('.'))
    else {
        return false;
    };
    match labels.split('.').collect::<Vec<_>>().as_slice() {
        [service, project, way] => !service.is_empty() && !project.is_empty() && WAYS.contains(way),
        _ => false,
    }
}

fn is_same(present: &ResourceRecordSet, wanted: &ResourceRecordSet) -> bool {
    let values = |record: &ResourceRecordSet| -> Vec<String> {
        record
            .resource_records()
            .iter()
            .map(|record| plain(&record.value))
            .collect()
    };
    plain(&present.name) == plain(&wanted.name)
        && present.r#type == wanted.r#type
        && present.set_identifier.is_none()
        && present.ttl == wanted.ttl
        && values(present) == values(wanted)
}

fn change(action: ChangeAction, record: ResourceRecordSet) -> Result<Change, Error> {
    let change = Change::builder().action(action).resource_record_set(record);
    Ok(change.build()?)
}

/// A name as it is compared: in lower case, without the dot at its end.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use aws_sdk_route53::types::HostedZoneConfig;

    use super::*;

    const DOMAIN: &str = "strait.example.com";

    #[test]
    fn nothing_to_change_is_no_batch() {
        let present = [
            a("s.p.db.strait.example.com.", "10.1.0.4"),
            cname("s.p.vpc.strait.example.com.", "VPCE.example.net."),
        ];
        let wanted = wanted(&[
            ("s.p.db.strait.example.com", "10.1.0.4", None),
            (
                "s.p.vpc.strait.example.com",
                "10.1.0.4",
                Some("vpce.example.net"),
            ),
        ]);
        assert!(changes(&present, &wanted).is_empty());
    }

    #[test]
    fn a_new_name_is_made_and_one_that_is_not_wanted_is_deleted() {
        let present = [a("old.p.db.strait.example.com.", "10.1.0.4")];
        let wanted = wanted(&[("new.p.db.strait.example.com", "10.1.0.5", None)]);
        assert_eq!(
            changes(&present, &wanted),
            [
                "UPSERT A new.p.db.strait.example.com",
                "DELETE A old.p.db.strait.example.com."
            ]
        );
    }

    #[test]
    fn an_address_that_becomes_an_alias_does_so_in_one_batch() {
        let present = [a("s.p.db.strait.example.com.", "10.1.0.4")];
        let wanted = wanted(&[(
            "s.p.db.strait.example.com",
            "10.1.0.4",
            Some("vpce.example.net"),
        )]);
        assert_eq!(
            changes(&present, &wanted),
            [
                "DELETE A s.p.db.strait.example.com.",
                "UPSERT CNAME s.p.db.strait.example.com"
            ]
        );
    }

    #[test]
    fn another_address_or_time_to_live_is_replaced() {
        let wanted = wanted(&[("s.p.db.strait.example.com", "10.1.0.4", None)]);
        let other = a("s.p.db.strait.example.com.", "10.1.0.9");
        let mut long = a("s.p.db.strait.example.com.", "10.1.0.4");
        long.ttl = Some(300);
        for present in [other, long] {
            assert_eq!(
                changes(&[present], &wanted),
                ["UPSERT A s.p.db.strait.example.com"]
            );
        }
    }

    #[test]
    fn what_is_not_the_name_of_a_service_is_left_alone() {
        let mut weighted = a("s.p.db.strait.example.com.", "10.1.0.4");
        weighted.set_identifier = Some("blue".to_owned());
        let mut text = a("s.p.db.strait.example.com.", "10.1.0.4");
        text.r#type = RrType::Txt;
        let present = [
            a("strait.example.com.", "10.1.0.4"),
            a("api.strait.example.com.", "10.1.0.4"),
            a("s.p.mail.strait.example.com.", "10.1.0.4"),
            a("a.s.p.db.strait.example.com.", "10.1.0.4"),
            a("s.p.db.estrait.example.com.", "10.1.0.4"),
            a("s.p.db.example.com.", "10.1.0.4"),
            weighted,
            text,
        ];
        assert!(changes(&present, &BTreeMap::new()).is_empty());
    }

    #[test]
    fn a_name_outside_the_domain_is_refused() {
        let wanted = wanted(&[("s.p.db.other.example.com", "10.1.0.4", None)]);
        assert!(matches!(
            batches(DOMAIN, &[], &wanted),
            Err(Error::Refused { .. })
        ));
    }

    #[test]
    fn many_names_are_changed_in_batches_that_split_none() {
        let names: Vec<String> = (0..150)
            .map(|n| format!("s{n}.p.db.strait.example.com"))
            .collect();
        let present: Vec<_> = names.iter().map(|name| a(name, "10.1.0.4")).collect();
        let target = |name: &String| (name.clone(), target("10.1.0.4", Some("vpce.example.net")));
        let batches = batches(DOMAIN, &present, &names.iter().map(target).collect())
            .expect("names of services");
        let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
        assert_eq!(sizes, [200, 100], "a deletion and a creation each");
    }

    #[test]
    fn the_nearest_public_zone_is_taken() {
        let zones = [
            zone("Z1", "com.", false),
            zone("Z2", "example.com.", false),
            zone("Z3", "strait.example.com.", true),
            zone("Z4", "ample.com.", false),
            zone("Z5", "db.strait.example.com.", false),
        ];
        assert_eq!(zone_of(DOMAIN, &zones).expect("a zone"), "Z2");
        let two = [
            zone("Z1", "example.com.", false),
            zone("Z2", "example.com.", false),
        ];
        assert!(
            matches!(zone_of(DOMAIN, &two), Err(Error::Refused { code, .. }) if code == "ambiguous_hosted_zone")
        );
        assert!(
            matches!(zone_of(DOMAIN, &[]), Err(Error::Refused { code, .. }) if code == "no_hosted_zone")
        );
    }

    fn changes(
        present: &[ResourceRecordSet],
        wanted: &BTreeMap<String, NameTarget>,
    ) -> Vec<String> {
        let batches = batches(DOMAIN, present, wanted).expect("names of services");
        assert!(batches.len() <= 1, "one batch");
        let told = |change: &Change| {
            let record = change.resource_record_set.as_ref().expect("a record");
            format!("{} {} {}", change.action, record.r#type, record.name)
        };
        batches.concat().iter().map(told).collect()
    }

    fn wanted(names: &[(&str, &str, Option<&str>)]) -> BTreeMap<String, NameTarget> {
        names
            .iter()
            .map(|(name, address, host)| ((*name).to_owned(), target(address, *host)))
            .collect()
    }

    fn target(address: &str, host: Option<&str>) -> NameTarget {
        NameTarget {
            address: address.parse().expect("an address"),
            host: host.map(str::to_owned),
        }
    }

    fn a(name: &str, address: &str) -> ResourceRecordSet {
        record(name, RrType::A, address)
    }

    fn cname(name: &str, host: &str) -> ResourceRecordSet {
        record(name, RrType::Cname, host)
    }

    fn record(name: &str, kind: RrType, value: &str) -> ResourceRecordSet {
        let value = ResourceRecord::builder()
            .value(value)
            .build()
            .expect("a value");
        let record = ResourceRecordSet::builder()
            .name(name)
            .r#type(kind)
            .ttl(TTL)
            .resource_records(value);
        record.build().expect("a record")
    }

    fn zone(id: &str, name: &str, private: bool) -> HostedZone {
        let config = HostedZoneConfig::builder().private_zone(private).build();
        let zone = HostedZone::builder()
            .id(id)
            .name(name)
            .caller_reference(id)
            .config(config);
        zone.build().expect("a zone")
    }
}
