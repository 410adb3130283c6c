//! What names mean: a pure function from a question to an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use hickory_proto::rr::rdata::{A, SOA};
use hickory_proto::rr::{LowerName, Name, RData, Record, RecordType};

use super::cloud::Cloud;
use super::zone::Said;
use super::{ResolverState, Shared};
use crate::cloud::INTERNET;
use crate::error::LocalError;

/// How long an answer may be kept: names move with their services.
const TTL: u32 = 5;

/// How many names in a row may each stand for the next.
const CHAIN: usize = 8;

/// All names at one time.
#[derive(Debug, Default)]
pub(super) struct View {
    zone: Option<Zone>,
    own: BTreeMap<String, BTreeMap<LowerName, BTreeSet<Ipv4Addr>>>,
    cloud: Cloud,
    /// The file that names the machine's own resolvers.
    pub(super) resolv_conf: PathBuf,
}

#[derive(Debug)]
struct Zone {
    origin: LowerName,
    soa: Record,
    records: BTreeMap<LowerName, BTreeSet<Ipv4Addr>>,
    /// Names without a record of their own that others are below: they exist, and have no data.
    above: BTreeSet<LowerName>,
}

/// What to say to a question.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// These records; for the zone's own SOA too.
    Records(Vec<Record>),
    /// The name exists and has nothing of that type. With the zone's SOA where it is in the zone.
    NoData(Option<Record>),
    /// The name does not exist.
    NoName(Option<Record>),
    /// Another name stands for it.
    Instead(Record, Name),
    /// Not a name of the cloud.
    Elsewhere,
}

/// The way from a name to what is answered.
#[derive(Debug, PartialEq)]
pub(super) struct Walk {
    /// Each name's record that another stands for it.
    pub(super) chain: Vec<Record>,
    /// The last name.
    pub(super) name: Name,
    /// What is said of it; `None` if the way does not end.
    pub(super) end: Option<Answer>,
}

impl View {
    /// The view of a state.
    pub(super) fn new(state: &ResolverState) -> Result<Self, LocalError> {
        let mut own = BTreeMap::new();
        for (namespace, records) in &state.own {
            own.insert(namespace.clone(), parse_all(records)?);
        }
        let zone = Zone::new(&state.domain, parse_all(&state.records)?)?;
        Ok(Self {
            zone: Some(zone),
            own,
            cloud: Cloud::new(&state.names)?,
            resolv_conf: state.resolv_conf.clone(),
        })
    }

    /// Follows a question from a namespace, name by name.
    pub(super) fn walk(&self, namespace: &str, asked: &Name, kind: RecordType) -> Walk {
        let (mut chain, mut name) = (Vec::new(), asked.clone());
        while chain.len() <= CHAIN {
            let answer = self.answer(namespace, &name, kind);
            let Answer::Instead(record, target) = answer else {
                return Walk {
                    chain,
                    name,
                    end: Some(answer),
                };
            };
            chain.push(record);
            name = target;
        }
        Walk {
            chain,
            name,
            end: None,
        }
    }

    /// Whether questions from a namespace may be passed on to the machine's resolver: the internet's may, and those of
    /// networks with a way there.
    pub(super) fn may_pass_on(&self, namespace: &str) -> bool {
        namespace == INTERNET || self.cloud.may_pass_on(namespace)
    }

    /// Answers a question from a namespace. Records carry the name as it was asked, upper case and all.
    pub(super) fn answer(&self, namespace: &str, asked: &Name, kind: RecordType) -> Answer {
        let name = LowerName::new(asked);
        if let Some(addresses) = self.own.get(namespace).and_then(|own| own.get(&name)) {
            return addresses_or_nothing(asked, addresses, kind, None);
        }
        if let Some(said) = self.cloud.own(namespace, asked, kind) {
            return said.into();
        }
        let Some(zone) = self.zone.as_ref().filter(|zone| zone.origin.zone_of(&name)) else {
            let said = self.cloud.everybody(namespace, asked, kind);
            let nobodys = || match is_private(asked) {
                true => Answer::NoName(None),
                false => Answer::Elsewhere,
            };
            return said.map_or_else(nobodys, Answer::from);
        };
        if let Some(addresses) = zone.records.get(&name) {
            return addresses_or_nothing(asked, addresses, kind, Some(&zone.soa));
        }
        if name == zone.origin && matches!(kind, RecordType::SOA | RecordType::ANY) {
            return Answer::Records(vec![zone.soa.clone()]);
        }
        if name == zone.origin || zone.above.contains(&name) {
            return Answer::NoData(Some(zone.soa.clone()));
        }
        Answer::NoName(Some(zone.soa.clone()))
    }
}

impl From<Said> for Answer {
    fn from(said: Said) -> Self {
        match said {
            Said::Records(records) => Self::Records(records),
            Said::Instead(record, target) => Self::Instead(record, target),
            Said::NoData(soa) => Self::NoData(soa),
            Said::NoName(soa) => Self::NoName(soa),
        }
    }
}

/// Names under `internal`, and of private addresses: whoever is outside knows none of them.
fn is_private(name: &Name) -> bool {
    let last = name.iter().next_back().map(<[u8]>::to_ascii_lowercase);
    let of_private_address = name.parse_arpa_name().is_ok_and(|net| match net {
        ipnet::IpNet::V4(net) => net.addr().is_private() || net.addr().is_link_local(),
        ipnet::IpNet::V6(_) => false,
    });
    of_private_address || last.as_deref() == Some(b"internal".as_slice())
}

/// Puts a view in force.
pub(super) fn swap(shared: &Shared, fresh: Arc<View>) {
    *shared.write().unwrap_or_else(PoisonError::into_inner) = fresh;
}

/// The view in force.
pub(super) fn current(shared: &Shared) -> Arc<View> {
    shared
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

impl Zone {
    fn new(
        domain: &str,
        records: BTreeMap<LowerName, BTreeSet<Ipv4Addr>>,
    ) -> Result<Self, LocalError> {
        let origin = parse(domain)?;
        let outside = records.keys().find(|name| !origin.zone_of(name));
        if let Some(name) = outside {
            return Err(LocalError::DnsName {
                name: name.to_string(),
                reason: format!("it is not in the zone {domain}"),
            });
        }
        let mut above = BTreeSet::new();
        for name in records.keys() {
            let mut parent = name.base_name();
            while origin.zone_of(&parent) && parent != origin {
                above.insert(parent.clone());
                parent = parent.base_name();
            }
        }
        Ok(Self {
            soa: soa(&origin)?,
            origin,
            records,
            above,
        })
    }
}

fn addresses_or_nothing(
    asked: &Name,
    addresses: &BTreeSet<Ipv4Addr>,
    kind: RecordType,
    soa: Option<&Record>,
) -> Answer {
    if !matches!(kind, RecordType::A | RecordType::ANY) || addresses.is_empty() {
        return Answer::NoData(soa.cloned());
    }
    let records = addresses
        .iter()
        .map(|&address| Record::from_rdata(asked.clone(), TTL, RData::A(A(address))));
    Answer::Records(records.collect())
}

fn soa(origin: &LowerName) -> Result<Record, LocalError> {
    let name = Name::from(origin.clone());
    let below = |label: &str| {
        name.prepend_label(label)
            .map_err(|error| LocalError::DnsName {
                name: origin.to_string(),
                reason: error.to_string(),
            })
    };
    let serial = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
        });
    // The last number is how long "there is no such name" may be kept: no longer than an answer.
    let data = SOA::new(
        below("ns")?,
        below("hostmaster")?,
        serial,
        3600,
        600,
        86_400,
        TTL,
    );
    Ok(Record::from_rdata(name, TTL, RData::SOA(data)))
}

fn parse_all(
    records: &BTreeMap<String, BTreeSet<Ipv4Addr>>,
) -> Result<BTreeMap<LowerName, BTreeSet<Ipv4Addr>>, LocalError> {
    (records.iter())
        .map(|(name, addresses)| Ok((parse(name)?, addresses.clone())))
        .collect()
}

fn parse(text: &str) -> Result<LowerName, LocalError> {
    let mut name = Name::from_ascii(text).map_err(|error| LocalError::DnsName {
        name: text.to_owned(),
        reason: error.to_string(),
    })?;
    name.set_fqdn(true);
    Ok(LowerName::new(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_answered_in_any_case_with_the_case_that_was_asked() {
        let asked = name("A.P.DB.Strait.Internal.");
        let Answer::Records(records) = view().answer("vpc-1", &asked, RecordType::A) else {
            panic!("records");
        };
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].name.to_string(), "A.P.DB.Strait.Internal.");
        assert_eq!(records[0].data, RData::A(A(Ipv4Addr::new(10, 0, 0, 7))));
        assert_eq!(records[0].ttl, TTL);
    }

    #[test]
    fn another_type_is_no_data_and_so_is_a_name_above_others() {
        let view = view();
        for (asked, kind) in [
            ("a.p.db.strait.internal.", RecordType::AAAA),
            ("p.db.strait.internal.", RecordType::A),
            ("db.strait.internal.", RecordType::A),
            ("strait.internal.", RecordType::A),
        ] {
            let answer = view.answer("vpc-1", &name(asked), kind);
            assert!(
                matches!(answer, Answer::NoData(Some(_))),
                "{asked}: {answer:?}"
            );
        }
    }

    #[test]
    fn a_name_of_the_zone_without_records_does_not_exist_and_others_are_elsewhere() {
        let view = view();
        let answer = view.answer("vpc-1", &name("b.p.db.strait.internal."), RecordType::A);
        assert!(matches!(answer, Answer::NoName(_)), "{answer:?}");
        for other in ["example.com.", ".", "internal.example.com."] {
            let answer = view.answer("vpc-1", &name(other), RecordType::A);
            assert_eq!(answer, Answer::Elsewhere, "{other}");
        }
        for none in ["internal.", "notstrait.internal.", "7.0.0.10.in-addr.arpa."] {
            let answer = view.answer("vpc-1", &name(none), RecordType::A);
            assert_eq!(answer, Answer::NoName(None), "{none}");
        }
    }

    #[test]
    fn the_zone_has_a_soa() {
        let answer = view().answer("vpc-1", &name("strait.internal."), RecordType::SOA);
        let Answer::Records(records) = answer else {
            panic!("records");
        };
        assert_eq!(records[0].record_type(), RecordType::SOA);
    }

    #[test]
    fn own_names_are_answered_to_their_namespace_only() {
        let view = view();
        let asked = name("ec2.us-east-1.amazonaws.com.");
        let answer = view.answer("vpc-1", &asked, RecordType::A);
        assert!(matches!(answer, Answer::Records(_)), "{answer:?}");
        assert_eq!(
            view.answer("vpc-1", &asked, RecordType::AAAA),
            Answer::NoData(None)
        );
        assert_eq!(
            view.answer("vpc-2", &asked, RecordType::A),
            Answer::Elsewhere
        );
    }

    #[test]
    fn a_record_outside_the_zone_is_told_to_the_server() {
        let mut state = state();
        state
            .records
            .insert("a.example.com".to_owned(), BTreeSet::new());
        let error = View::new(&state).expect_err("outside");
        assert!(error.to_string().contains("not in the zone"), "{error}");
    }

    fn name(text: &str) -> Name {
        Name::from_ascii(text).expect("a name")
    }

    fn view() -> View {
        View::new(&state()).expect("a good state")
    }

    fn state() -> ResolverState {
        let one = |name: &str, address: [u8; 4]| {
            (name.to_owned(), BTreeSet::from([Ipv4Addr::from(address)]))
        };
        ResolverState {
            domain: "strait.internal".to_owned(),
            listeners: BTreeSet::new(),
            records: BTreeMap::from([one("a.p.db.strait.internal", [10, 0, 0, 7])]),
            own: BTreeMap::from([(
                "vpc-1".to_owned(),
                BTreeMap::from([one("ec2.us-east-1.amazonaws.com", [198, 51, 100, 2])]),
            )]),
            ..ResolverState::default()
        }
    }
}
