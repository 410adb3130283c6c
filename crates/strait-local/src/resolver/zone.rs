//! A hosted zone as the resolver keeps it, and what it says to a question.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use hickory_proto::rr::rdata::{A, AAAA, CNAME, MX, NS, NULL, PTR, SOA, SRV, TXT};
use hickory_proto::rr::{LowerName, Name, RData, Record, RecordType};
use strait_vpc::names::{CHAIN, Says, ZoneNames};
use strait_vpc::state::{DomainName, RecordData, RecordKind};

use crate::error::LocalError;

/// How long an alias's addresses may be kept, as Route 53 has it for its load balancers.
pub(super) const ALIAS_TTL: u32 = 60;

/// AWS's own names with their addresses.
pub(super) type Addresses = BTreeMap<LowerName, BTreeSet<Ipv4Addr>>;

/// A hosted zone.
#[derive(Debug)]
pub(super) struct HostedZone {
    /// Its name.
    pub(super) origin: LowerName,
    soa: Option<Record>,
    names: BTreeMap<LowerName, BTreeMap<RecordKind, Entry>>,
    /// Names without records that others are below: they exist, and have no data.
    above: BTreeSet<LowerName>,
}

#[derive(Debug)]
enum Entry {
    Data { ttl: u32, data: Vec<RData> },
    OwnAlias(LowerName),
    AwsAlias(LowerName),
}

/// What a zone says.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// These records.
    Records(Vec<Record>),
    /// Ask for another name instead.
    Instead(Record, Name),
    /// The name exists and has nothing of that type.
    NoData(Option<Record>),
    /// There is no such name.
    NoName(Option<Record>),
}

impl HostedZone {
    /// The zone of these names.
    pub(super) fn new(zone: &ZoneNames) -> Result<Self, LocalError> {
        let origin = lower(&zone.name)?;
        let mut names: BTreeMap<LowerName, BTreeMap<RecordKind, Entry>> = BTreeMap::new();
        for records in &zone.records {
            let entry = match &records.says {
                Says::Data { ttl, data } => Entry::Data {
                    ttl: *ttl,
                    data: data.iter().map(rdata).collect::<Result<_, _>>()?,
                },
                Says::OwnAlias(name) => Entry::OwnAlias(lower(name)?),
                Says::AwsAlias(name) => Entry::AwsAlias(lower(name)?),
            };
            let of_name = names.entry(lower(&records.name)?).or_default();
            of_name.insert(records.kind, entry);
        }
        let mut above = BTreeSet::new();
        for name in names.keys() {
            let mut parent = name.base_name();
            while origin.zone_of(&parent) && parent != origin {
                above.insert(parent.clone());
                parent = parent.base_name();
            }
        }
        let mut made = Self {
            origin,
            soa: None,
            names,
            above,
        };
        let apex = Name::from(made.origin.clone());
        made.soa = made
            .records(
                &made.origin,
                &apex,
                RecordKind::Soa,
                &Addresses::new(),
                CHAIN,
            )
            .pop();
        Ok(made)
    }

    /// Whether it leaves a name in it to other servers. This is for public zones: private ones leave nothing to others,
    /// <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zone-private-considerations.html>.
    pub(super) fn leaves(&self, name: &LowerName) -> bool {
        let mut at = name.clone();
        while at != self.origin && self.origin.zone_of(&at) {
            let kinds = self.names.get(&at);
            if kinds.is_some_and(|kinds| kinds.contains_key(&RecordKind::Ns)) {
                return true;
            }
            at = at.base_name();
        }
        false
    }

    /// Answers a question for a name in the zone. Records carry the name as it was asked.
    pub(super) fn answer(&self, asked: &Name, kind: RecordType, aws: &Addresses) -> Said {
        let name = LowerName::new(asked);
        let Some(found) = self.closest(&name) else {
            return if name == self.origin || self.above.contains(&name) {
                Said::NoData(self.soa.clone())
            } else {
                Said::NoName(self.soa.clone())
            };
        };
        let of = |kind| self.records(&found, asked, kind, aws, CHAIN);
        if kind == RecordType::ANY {
            let kinds = self.names.get(&found).into_iter().flat_map(BTreeMap::keys);
            return or_no_data(
                kinds.flat_map(|kind| of(*kind)).collect(),
                self.soa.as_ref(),
            );
        }
        let wanted = own_kind(kind);
        if wanted != Some(RecordKind::Cname)
            && let Some(record) = of(RecordKind::Cname).pop()
            && let RData::CNAME(CNAME(target)) = &record.data
        {
            let target = target.clone();
            return Said::Instead(record, target);
        }
        or_no_data(wanted.map(of).unwrap_or_default(), self.soa.as_ref())
    }

    /// The name whose records answer: itself, or the wildcard below the nearest name that there is.
    fn closest(&self, name: &LowerName) -> Option<LowerName> {
        let exists = |name: &LowerName| {
            self.names.contains_key(name) || self.above.contains(name) || *name == self.origin
        };
        if exists(name) {
            return self.names.contains_key(name).then(|| name.clone());
        }
        let mut nearest = name.base_name();
        while !exists(&nearest) && self.origin.zone_of(&nearest) {
            nearest = nearest.base_name();
        }
        let wildcard = Name::from(nearest).prepend_label("*").ok()?;
        let wildcard = LowerName::new(&wildcard);
        self.names.contains_key(&wildcard).then_some(wildcard)
    }

    fn records(
        &self,
        name: &LowerName,
        asked: &Name,
        kind: RecordKind,
        aws: &Addresses,
        left: usize,
    ) -> Vec<Record> {
        let entry = self.names.get(name).and_then(|kinds| kinds.get(&kind));
        let record = |ttl, data: RData| Record::from_rdata(asked.clone(), ttl, data);
        match entry {
            None => Vec::new(),
            Some(Entry::Data { ttl, data }) => {
                data.iter().map(|data| record(*ttl, data.clone())).collect()
            }
            Some(Entry::OwnAlias(_)) if left == 0 => Vec::new(),
            Some(Entry::OwnAlias(target)) => self.records(target, asked, kind, aws, left - 1),
            Some(Entry::AwsAlias(target)) => {
                let addresses = aws.get(target).filter(|_| kind == RecordKind::A);
                let addresses = addresses.into_iter().flatten();
                addresses
                    .map(|address| record(ALIAS_TTL, RData::A(A(*address))))
                    .collect()
            }
        }
    }
}

/// A name of the model in the resolver's form.
pub(super) fn lower(name: &DomainName) -> Result<LowerName, LocalError> {
    full(name).map(|name| LowerName::new(&name))
}

fn full(name: &DomainName) -> Result<Name, LocalError> {
    let mut made = Name::from_labels(name.raw_labels()).map_err(|error| LocalError::DnsName {
        name: name.to_string(),
        reason: error.to_string(),
    })?;
    made.set_fqdn(true);
    Ok(made)
}

fn or_no_data(records: Vec<Record>, soa: Option<&Record>) -> Said {
    if records.is_empty() {
        return Said::NoData(soa.cloned());
    }
    Said::Records(records)
}

fn own_kind(kind: RecordType) -> Option<RecordKind> {
    RecordKind::named(&kind.to_string())
}

fn rdata(data: &RecordData) -> Result<RData, LocalError> {
    Ok(match data {
        RecordData::A(address) => RData::A(A(*address)),
        RecordData::Aaaa(address) => RData::AAAA(AAAA(*address)),
        RecordData::Caa { flags, tag, value } => {
            let length = u8::try_from(tag.len()).unwrap_or(u8::MAX);
            let bytes = [&[*flags, length], tag.as_bytes(), value.as_bytes()].concat();
            RData::Unknown {
                code: RecordType::CAA,
                rdata: NULL::with(bytes),
            }
        }
        RecordData::Cname(name) => RData::CNAME(CNAME(full(name)?)),
        RecordData::Mx {
            preference,
            exchange,
        } => RData::MX(MX::new(*preference, full(exchange)?)),
        RecordData::Ns(name) => RData::NS(NS(full(name)?)),
        RecordData::Ptr(name) => RData::PTR(PTR(full(name)?)),
        RecordData::Soa {
            server,
            mailbox,
            serial,
            refresh,
            retry,
            expire,
            minimum,
        } => {
            let signed = |number: &u32| i32::try_from(*number).unwrap_or(i32::MAX);
            RData::SOA(SOA::new(
                full(server)?,
                full(mailbox)?,
                *serial,
                signed(refresh),
                signed(retry),
                signed(expire),
                *minimum,
            ))
        }
        RecordData::Srv {
            priority,
            weight,
            port,
            target,
        } => RData::SRV(SRV::new(*priority, *weight, *port, full(target)?)),
        RecordData::Txt(strings) => {
            RData::TXT(TXT::from_bytes(strings.iter().map(Vec::as_slice).collect()))
        }
    })
}
