//! The names of the cloud: AWS's own, private zones and public ones, as each network is answered them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use hickory_proto::rr::rdata::{A, PTR, SOA};
use hickory_proto::rr::{LowerName, Name, RData, Record, RecordType};
use ipnet::Ipv4Net;
use strait_vpc::names::{Names, NetworkNames};
use strait_vpc::state::{DomainName, HostedZoneId};

use super::zone::{ALIAS_TTL, Addresses, HostedZone, Said, lower};
use crate::error::LocalError;

/// All of them at one time.
#[derive(Debug, Default)]
pub(super) struct Cloud {
    addresses: Addresses,
    /// Names of public addresses, both ways.
    hosts: BTreeMap<LowerName, Ipv4Addr>,
    named: BTreeMap<Ipv4Addr, Name>,
    zones: BTreeMap<HostedZoneId, HostedZone>,
    public: Vec<HostedZoneId>,
    networks: BTreeMap<String, Own>,
}

/// What a network is answered besides.
#[derive(Debug)]
struct Own {
    zones: Vec<HostedZoneId>,
    internal: Option<LowerName>,
    ranges: BTreeSet<Ipv4Net>,
    inside: BTreeMap<Ipv4Addr, Ipv4Addr>,
    internet: bool,
}

impl Cloud {
    /// The resolver's form of these names.
    pub(super) fn new(names: &Names) -> Result<Self, LocalError> {
        let mut zones = BTreeMap::new();
        for (id, zone) in &names.zones {
            zones.insert(id.clone(), HostedZone::new(zone)?);
        }
        let mut networks = BTreeMap::new();
        for (namespace, of) in &names.networks {
            networks.insert(namespace.clone(), Own::new(of)?);
        }
        let (mut hosts, mut named) = (BTreeMap::new(), BTreeMap::new());
        for (address, name) in &names.hosts {
            let name = lower(name)?;
            named.insert(*address, Name::from(name.clone()));
            hosts.insert(name, *address);
        }
        Ok(Self {
            addresses: addresses(&names.addresses)?,
            hosts,
            named,
            zones,
            public: names.public.clone(),
            networks,
        })
    }

    /// What a network's own names say: its private zones and its instances' names. The zone whose name is the longest
    /// wins, and what it does not have does not exist. `None` where it has no such zone.
    pub(super) fn own(&self, namespace: &str, asked: &Name, kind: RecordType) -> Option<Said> {
        let own = self.networks.get(namespace)?;
        let name = LowerName::new(asked);
        let zones = own.zones.iter().filter_map(|id| self.zones.get(id));
        let zone = zones
            .filter(|zone| zone.origin.zone_of(&name))
            .max_by_key(|zone| zone.origin.num_labels());
        let internal = own.internal.as_ref().filter(|origin| origin.zone_of(&name));
        match (zone, internal) {
            (Some(zone), Some(origin)) if origin.num_labels() > zone.origin.num_labels() => {
                Some(own.instance(origin, asked, kind))
            }
            (Some(zone), _) => Some(zone.answer(asked, kind, &self.addresses)),
            (None, Some(origin)) => Some(own.instance(origin, asked, kind)),
            (None, None) => own.reverse(asked, kind),
        }
    }

    /// What everybody is answered: AWS's own names, then public zones. `None` where the cloud has no such zone, or leaves
    /// the name to servers that are not in it. A public name of an address stands for a private one where that is known.
    pub(super) fn everybody(
        &self,
        namespace: &str,
        asked: &Name,
        kind: RecordType,
    ) -> Option<Said> {
        let name = LowerName::new(asked);
        if let Some(found) = self.addresses.get(&name) {
            return Some(address_records(asked, kind, found.iter().copied()));
        }
        if let Some(public) = self.hosts.get(&name) {
            let own = self.networks.get(namespace);
            let inside = own.and_then(|own| own.inside.get(public));
            return Some(address_records(asked, kind, [*inside.unwrap_or(public)]));
        }
        if is_of_aws(&name) {
            return Some(Said::NoName(None));
        }
        if let Some(zone) = self.public_zone(&name) {
            return Some(zone.answer(asked, kind, &self.addresses));
        }
        let target = self.named.get(&reversed(asked)?)?;
        Some(pointer(asked, kind, target.clone()))
    }

    /// Whether questions from this network may be passed on to the machine's resolver.
    pub(super) fn may_pass_on(&self, namespace: &str) -> bool {
        self.networks.get(namespace).is_some_and(|own| own.internet)
    }

    fn public_zone(&self, name: &LowerName) -> Option<&HostedZone> {
        let zones = self.public.iter().filter_map(|id| self.zones.get(id));
        zones
            .filter(|zone| zone.origin.zone_of(name))
            .max_by_key(|zone| zone.origin.num_labels())
            .filter(|zone| !zone.leaves(name))
    }
}

impl Own {
    fn new(names: &NetworkNames) -> Result<Self, LocalError> {
        let NetworkNames {
            zones,
            internal,
            ranges,
            inside,
            internet,
        } = names.clone();
        Ok(Self {
            zones,
            internal: internal.as_ref().map(lower).transpose()?,
            ranges,
            inside,
            internet,
        })
    }

    /// `ip-10-0-0-5.ec2.internal`.
    fn instance(&self, origin: &LowerName, asked: &Name, kind: RecordType) -> Said {
        let soa = soa(origin);
        let name = LowerName::new(asked);
        if name == *origin {
            return Said::NoData(soa);
        }
        let label = (name.base_name() == *origin)
            .then(|| asked.iter().next())
            .flatten();
        let address = label.and_then(address_of);
        match address.filter(|address| self.has(*address)) {
            Some(address) => address_records(asked, kind, [address]),
            None => Said::NoName(soa),
        }
    }

    /// `5.0.0.10.in-addr.arpa`, for addresses of the network.
    fn reverse(&self, asked: &Name, kind: RecordType) -> Option<Said> {
        let origin = self.internal.as_ref()?;
        let address = reversed(asked).filter(|address| self.has(*address))?;
        let label = format!("ip-{}", address.to_string().replace('.', "-"));
        let target = Name::from(origin.clone()).prepend_label(label).ok()?;
        Some(pointer(asked, kind, target))
    }

    fn has(&self, address: Ipv4Addr) -> bool {
        self.ranges.iter().any(|range| range.contains(&address))
    }
}

fn addresses(names: &BTreeMap<DomainName, BTreeSet<Ipv4Addr>>) -> Result<Addresses, LocalError> {
    names
        .iter()
        .map(|(name, addresses)| Ok((lower(name)?, addresses.clone())))
        .collect()
}

fn address_records(
    asked: &Name,
    kind: RecordType,
    addresses: impl IntoIterator<Item = Ipv4Addr>,
) -> Said {
    if !matches!(kind, RecordType::A | RecordType::ANY) {
        return Said::NoData(None);
    }
    let record = |address| Record::from_rdata(asked.clone(), ALIAS_TTL, RData::A(A(address)));
    let records: Vec<Record> = addresses.into_iter().map(record).collect();
    if records.is_empty() {
        return Said::NoData(None);
    }
    Said::Records(records)
}

fn pointer(asked: &Name, kind: RecordType, target: Name) -> Said {
    if !matches!(kind, RecordType::PTR | RecordType::ANY) {
        return Said::NoData(None);
    }
    let data = RData::PTR(PTR(target));
    Said::Records(vec![Record::from_rdata(asked.clone(), ALIAS_TTL, data)])
}

/// 10.0.0.5 for `5.0.0.10.in-addr.arpa`.
fn reversed(name: &Name) -> Option<Ipv4Addr> {
    match name.parse_arpa_name().ok()?.trunc() {
        ipnet::IpNet::V4(net) if net.prefix_len() == 32 => Some(net.addr()),
        ipnet::IpNet::V4(_) | ipnet::IpNet::V6(_) => None,
    }
}

/// Whether a name is of the form of load balancers', endpoints' or public addresses' names. Those that the cloud does not
/// have do not exist: nobody else is asked for them.
fn is_of_aws(name: &LowerName) -> bool {
    let text = name.to_string();
    let labels: Vec<&str> = text.trim_end_matches('.').rsplit('.').collect();
    matches!(
        labels[..],
        ["com", "amazonaws", "vpce", _, ..]
            | ["com", "amazonaws", _, "elb", _, ..]
            | ["com", "amazonaws", "compute-1", _]
            | ["com", "amazonaws", "compute", _, _]
    )
}

/// `ip-10-0-0-5`.
fn address_of(label: &[u8]) -> Option<Ipv4Addr> {
    let text = std::str::from_utf8(label).ok()?.to_ascii_lowercase();
    text.strip_prefix("ip-")?.replace('-', ".").parse().ok()
}

fn soa(origin: &LowerName) -> Option<Record> {
    let name = Name::from(origin.clone());
    let server = name.prepend_label("ns0").ok()?;
    let mailbox = name.prepend_label("hostmaster").ok()?;
    let data = SOA::new(server, mailbox, 1, 3600, 600, 86_400, ALIAS_TTL);
    Some(Record::from_rdata(name, ALIAS_TTL, RData::SOA(data)))
}
