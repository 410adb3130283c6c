//! What names mean: a pure function from a question to an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use hickory_proto::rr::{LowerName, Name, Record, RecordType};
use strait_vpc::names::{CHAIN, NamedRecords, Says, ZoneNames};
use strait_vpc::state::{BadName, DomainName, RecordData, RecordKind};

use super::cloud::Cloud;
use super::zone::{Addresses, HostedZone, Said};
use super::{ResolverState, Shared};
use crate::cloud::INTERNET;
use crate::error::LocalError;

/// How long an answer may be kept: names move with their services.
const TTL: u32 = 5;

/// All names at one time.
#[derive(Debug, Default)]
pub(super) struct View {
    /// Strait's own: services, and its endpoints.
    zone: Option<HostedZone>,
    cloud: Cloud,
    /// The file that names the machine's own resolvers.
    pub(super) resolv_conf: PathBuf,
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
        let zone = own_zone(&state.domain, &state.records)?;
        Ok(Self {
            zone: Some(HostedZone::new(&zone)?),
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
        if let Some(said) = self.cloud.own(namespace, asked, kind) {
            return said.into();
        }
        if let Some(zone) = self.zone.as_ref().filter(|zone| zone.origin.zone_of(&name)) {
            return zone.answer(asked, kind, &Addresses::new()).into();
        }
        let said = self.cloud.everybody(namespace, asked, kind);
        let nobodys = || match is_private(asked) {
            true => Answer::NoName(None),
            false => Answer::Elsewhere,
        };
        said.map_or_else(nobodys, Answer::from)
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

/// Strait's own zone.
fn own_zone(
    domain: &str,
    records: &BTreeMap<String, BTreeSet<Ipv4Addr>>,
) -> Result<ZoneNames, LocalError> {
    let name = parse(domain)?;
    let mut all = vec![soa(&name)?];
    for (at, addresses) in records {
        let at = parse(at)?;
        if !at.is_in(&name) {
            return Err(LocalError::DnsName {
                name: at.to_string(),
                reason: format!("it is not in the zone {domain}"),
            });
        }
        let data = addresses.iter().copied().map(RecordData::A).collect();
        all.push(set(at, RecordKind::A, data));
    }
    Ok(ZoneNames { name, records: all })
}

fn soa(zone: &DomainName) -> Result<NamedRecords, LocalError> {
    let serial = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
        });
    let data = RecordData::Soa {
        server: parse(&format!("ns.{zone}"))?,
        mailbox: parse(&format!("hostmaster.{zone}"))?,
        serial,
        refresh: 3600,
        retry: 600,
        expire: 86_400,
        // How long "there is no such name" may be kept: no longer than an answer.
        minimum: TTL,
    };
    Ok(set(zone.clone(), RecordKind::Soa, vec![data]))
}

fn set(name: DomainName, kind: RecordKind, data: Vec<RecordData>) -> NamedRecords {
    let says = Says::Data { ttl: TTL, data };
    NamedRecords { name, kind, says }
}

fn parse(text: &str) -> Result<DomainName, LocalError> {
    text.parse().map_err(|error: BadName| LocalError::DnsName {
        name: text.to_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::RData;
    use hickory_proto::rr::rdata::A;

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
            ..ResolverState::default()
        }
    }
}
