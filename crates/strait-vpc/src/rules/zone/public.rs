//! Public zones as the internet finds them: from the one with the shortest name down, by the servers that each names.

use std::collections::BTreeSet;

use super::record_value;
use crate::state::*;

/// The TXT records that everybody is answered for a name, each with its strings put together.
pub(in crate::rules) fn texts(network: &Network, name: &DomainName) -> Vec<String> {
    let Some(zone) = authority(network, name) else {
        return Vec::new();
    };
    let data = data_of(network, zone, name, RecordKind::Txt);
    let text = |data| {
        let RecordData::Txt(strings) = data else {
            return None;
        };
        String::from_utf8(strings.concat()).ok()
    };
    data.into_iter().filter_map(text).collect()
}

/// The public zone that answers for a name. Of two with one name, the first made counts.
fn authority<'n>(network: &'n Network, name: &DomainName) -> Option<&'n HostedZone> {
    let public = network.hosted_zones.values();
    let mut zones: Vec<&HostedZone> = public
        .filter(|zone| !zone.is_private() && name.is_in(&zone.name))
        .collect();
    zones.sort_by_key(|zone| (zone.name.labels().count(), zone.created_at, &zone.id));
    let mut zones = zones.into_iter();
    let mut found = zones.next()?;
    for zone in zones {
        if zone.name != found.name && names(network, found, zone) {
            found = zone;
        }
    }
    Some(found)
}

/// Whether a zone says that another one below it is served where it is.
fn names(network: &Network, zone: &HostedZone, below: &HostedZone) -> bool {
    let servers: BTreeSet<&DomainName> = below.name_servers.iter().collect();
    let said = data_of(network, zone, &below.name, RecordKind::Ns);
    said.iter()
        .any(|data| matches!(data, RecordData::Ns(server) if servers.contains(server)))
}

fn data_of(
    network: &Network,
    zone: &HostedZone,
    name: &DomainName,
    kind: RecordKind,
) -> Vec<RecordData> {
    let set = network.records.get(&RecordKey::new(&zone.id, name, kind));
    let Some(RecordContent::Values { values, .. }) = set.map(|set| &set.content) else {
        return Vec::new();
    };
    let read = values.iter().filter_map(|value| record_value(kind, value));
    read.collect()
}
