//! Which public zones the internet finds.

use crate::state::*;

/// The public zones that are answered from. A zone with no other above it is registered, the first made of its name; one
/// below another is found if that one names its servers.
pub(super) fn zones(network: &Network) -> Vec<HostedZoneId> {
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
    found.into_iter().map(|zone| zone.id.clone()).collect()
}

/// Whether a zone leaves the name of another one, below its own, to the servers of that one.
fn leaves(network: &Network, above: &HostedZone, zone: &HostedZone) -> bool {
    let names = std::iter::successors(Some(zone.name.clone()), DomainName::parent);
    let below = names.take_while(|name| *name != above.name);
    // The cut nearest to the zone above counts: what is below it is not that zone's.
    let cut = below.filter(|name| !servers(network, above, name).is_empty());
    cut.last().is_some_and(|cut| {
        let servers = servers(network, above, &cut);
        cut == zone.name && servers.iter().any(|one| zone.name_servers.contains(one))
    })
}

/// The servers that a zone names for a name.
fn servers(network: &Network, zone: &HostedZone, name: &DomainName) -> Vec<DomainName> {
    let key = RecordKey::new(&zone.id, name, RecordKind::Ns);
    let content = network.records.get(&key).map(|set| &set.content);
    let Some(RecordContent::Values { values, .. }) = content else {
        return Vec::new();
    };
    values
        .iter()
        .filter_map(|value| value.parse().ok())
        .collect()
}
