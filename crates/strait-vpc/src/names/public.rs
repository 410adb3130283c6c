//! Which public zones the internet finds, and what it is answered from them.

use super::CHAIN;
use crate::rules::record_value;
use crate::state::*;

/// The public zones that are answered from.
pub(super) fn zones(network: &Network) -> Vec<HostedZoneId> {
    let found = delegated(network).into_iter();
    found.map(|zone| zone.id.clone()).collect()
}

/// The public zone that answers for a name: of those that the internet finds the one with the longest name, if it does not
/// leave the name to other servers.
pub(crate) fn answering<'n>(network: &'n Network, name: &DomainName) -> Option<&'n HostedZone> {
    let mut zones = delegated(network).into_iter();
    let zone = zones.rfind(|zone| name.is_in(&zone.name))?;
    cut(network, zone, name).is_none().then_some(zone)
}

/// The TXT records that everybody is answered for a name, each with its strings put together.
pub(crate) fn texts(network: &Network, name: &DomainName) -> Vec<String> {
    let text = |data| {
        let RecordData::Txt(strings) = data else {
            return None;
        };
        String::from_utf8(strings.concat()).ok()
    };
    let found = answer(network, name, RecordKind::Txt, CHAIN).into_iter();
    found.filter_map(text).collect()
}

/// The public zones that the internet finds, the shortest names first. A zone with no other above it is registered, the
/// first made of its name; one below another is found if that one names its servers.
fn delegated(network: &Network) -> Vec<&HostedZone> {
    let all = network.hosted_zones.values();
    let mut all: Vec<&HostedZone> = all.filter(|zone| !zone.is_private()).collect();
    all.sort_by_key(|zone| (zone.name.labels().count(), zone.created_at, &zone.id));
    let mut found: Vec<&HostedZone> = Vec::new();
    for zone in all {
        let above = found.iter().rfind(|above| zone.name.is_in(&above.name));
        if above.is_none_or(|above| leaves(network, above, zone)) {
            found.push(zone);
        }
    }
    found
}

/// Whether a zone leaves the name of another one, below its own, to the servers of that one.
fn leaves(network: &Network, above: &HostedZone, zone: &HostedZone) -> bool {
    cut(network, above, &zone.name).is_some_and(|cut| {
        let servers = servers(network, above, &cut);
        cut == zone.name && servers.iter().any(|one| zone.name_servers.contains(one))
    })
}

/// Where a zone leaves a name in it to other servers: at the name or above it. The cut nearest to the zone's own name
/// counts: what is below it is not the zone's.
fn cut(network: &Network, zone: &HostedZone, name: &DomainName) -> Option<DomainName> {
    let names = std::iter::successors(Some(name.clone()), DomainName::parent);
    let below = names.take_while(|name| *name != zone.name);
    below
        .filter(|name| !servers(network, zone, name).is_empty())
        .last()
}

/// The servers that a zone names for a name.
fn servers(network: &Network, zone: &HostedZone, name: &DomainName) -> Vec<DomainName> {
    let server = |data| {
        let RecordData::Ns(server) = data else {
            return None;
        };
        Some(server)
    };
    let data = data_of(network, zone, name, RecordKind::Ns, 0).into_iter();
    data.filter_map(server).collect()
}

/// What the resolver says, from public zones alone.
fn answer(network: &Network, name: &DomainName, kind: RecordKind, left: usize) -> Vec<RecordData> {
    let Some(zone) = answering(network, name) else {
        return Vec::new();
    };
    let Some(found) = closest(network, zone, name) else {
        return Vec::new();
    };
    match data_of(network, zone, &found, RecordKind::Cname, 0).pop() {
        Some(RecordData::Cname(target)) if left > 0 => answer(network, &target, kind, left - 1),
        Some(_) => Vec::new(),
        None => data_of(network, zone, &found, kind, CHAIN),
    }
}

/// The name whose records answer: itself, or the wildcard below the nearest name that there is.
fn closest(network: &Network, zone: &HostedZone, name: &DomainName) -> Option<DomainName> {
    if exists(network, zone, name) {
        return Some(name.clone());
    }
    let mut above = std::iter::successors(name.parent(), DomainName::parent);
    let nearest = above.find(|name| exists(network, zone, name))?;
    format!("*.{nearest}").parse().ok()
}

/// Whether a name has records in a zone, or others below it have.
fn exists(network: &Network, zone: &HostedZone, name: &DomainName) -> bool {
    let first = RecordKey::new(&zone.id, name, RecordKind::A);
    let next = network.records.from(&first).next();
    *name == zone.name
        || next.is_some_and(|(key, _)| {
            key.zone == zone.id && key.reversed.starts_with(&first.reversed)
        })
}

/// The records of a name and type, by aliases within the zone too. Those to AWS's own names have addresses alone.
fn data_of(
    network: &Network,
    zone: &HostedZone,
    name: &DomainName,
    kind: RecordKind,
    left: usize,
) -> Vec<RecordData> {
    let set = network.records.get(&RecordKey::new(&zone.id, name, kind));
    match set.map(|set| &set.content) {
        Some(RecordContent::Values { values, .. }) => {
            let read = values.iter().filter_map(|value| record_value(kind, value));
            read.collect()
        }
        Some(RecordContent::Alias {
            zone: other, name, ..
        }) if left > 0 && other == zone.id.as_str() => data_of(network, zone, name, kind, left - 1),
        Some(RecordContent::Alias { .. }) | None => Vec::new(),
    }
}
