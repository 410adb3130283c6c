//! Hosted zones and their records (Route 53).

use std::collections::BTreeSet;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DomainName, Tags};
use crate::id::*;

/// A hosted zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostedZone {
    /// Its id.
    pub id: HostedZoneId,
    /// Who owns it.
    pub owner: AccountId,
    /// Its name.
    pub name: DomainName,
    /// What makes the call that made it unlike any other.
    pub caller_reference: String,
    /// A comment.
    pub comment: Option<String>,
    /// Who is answered from it.
    pub reach: ZoneReach,
    /// The servers that the internet would ask.
    pub name_servers: Vec<DomainName>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its tags.
    pub tags: Tags,
}

impl HostedZone {
    /// Whether it is a private one, of this VPC among others.
    #[must_use]
    pub fn has_vpc(&self, vpc: &VpcId) -> bool {
        match &self.reach {
            ZoneReach::Public => false,
            ZoneReach::Private { vpcs, .. } => vpcs.iter().any(|one| one.vpc == *vpc),
        }
    }

    /// Whether it is answered from in its VPCs only.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        match self.reach {
            ZoneReach::Public => false,
            ZoneReach::Private { .. } => true,
        }
    }
}

/// Who is answered from a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ZoneReach {
    /// Everybody.
    Public,
    /// These VPCs.
    Private {
        /// The VPCs, of any account and Region.
        vpcs: BTreeSet<ZoneVpc>,
        /// Other accounts' VPCs that may be associated by their owners.
        authorized: BTreeSet<ZoneVpc>,
    },
}

/// A VPC as Route 53 names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ZoneVpc {
    /// The VPC.
    pub vpc: VpcId,
    /// Where it is.
    pub region: Region,
}

/// The id of a hosted zone, such as `Z0123456789ABCDEFGHIJ`, without `/hostedzone/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostedZoneId(String);

impl HostedZoneId {
    /// The id as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostedZoneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for HostedZoneId {
    type Err = MalformedId;

    fn from_str(value: &str) -> Result<Self, MalformedId> {
        let shaped = (1..=32).contains(&value.len())
            && value.starts_with('Z')
            && value
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if shaped {
            return Ok(Self(value.to_owned()));
        }
        Err(MalformedId {
            value: value.to_owned(),
            prefix: "Z",
        })
    }
}

/// A type of record. Sorted as Route 53 lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each is the DNS type of that name")]
pub enum RecordKind {
    A,
    Aaaa,
    Caa,
    Cname,
    Mx,
    Ns,
    Ptr,
    Soa,
    Srv,
    Txt,
}

impl RecordKind {
    pub(crate) const ALL: [Self; 10] = [
        Self::A,
        Self::Aaaa,
        Self::Caa,
        Self::Cname,
        Self::Mx,
        Self::Ns,
        Self::Ptr,
        Self::Soa,
        Self::Srv,
        Self::Txt,
    ];

    /// Its name in DNS.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Caa => "CAA",
            Self::Cname => "CNAME",
            Self::Mx => "MX",
            Self::Ns => "NS",
            Self::Ptr => "PTR",
            Self::Soa => "SOA",
            Self::Srv => "SRV",
            Self::Txt => "TXT",
        }
    }

    /// The type with this name; `None` if this cloud has none such.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Where a set of records is: sorted by zone, then as Route 53 lists them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordKey {
    /// The zone.
    pub zone: HostedZoneId,
    /// The name, reversed: see [`DomainName::reversed`].
    pub reversed: String,
    /// The type.
    pub kind: RecordKind,
}

impl RecordKey {
    /// The key of the records of this name and type.
    #[must_use]
    pub fn new(zone: &HostedZoneId, name: &DomainName, kind: RecordKind) -> Self {
        Self {
            zone: zone.clone(),
            reversed: name.reversed(),
            kind,
        }
    }

    /// What no record of the zone is before.
    #[must_use]
    pub fn first_of(zone: &HostedZoneId) -> Self {
        Self {
            zone: zone.clone(),
            reversed: String::new(),
            kind: RecordKind::A,
        }
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.zone, self.kind.as_str(), self.reversed)
    }
}

impl FromStr for RecordKey {
    type Err = MalformedId;

    fn from_str(value: &str) -> Result<Self, MalformedId> {
        let malformed = || MalformedId {
            value: value.to_owned(),
            prefix: "ZONE/TYPE/NAME",
        };
        let mut parts = value.splitn(3, '/');
        let (Some(zone), Some(kind), Some(reversed)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed());
        };
        Ok(Self {
            zone: zone.parse()?,
            reversed: reversed.to_owned(),
            kind: RecordKind::named(kind).ok_or_else(malformed)?,
        })
    }
}

/// The records of one name and type in a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSet {
    /// The name.
    pub name: DomainName,
    /// The type.
    pub kind: RecordKind,
    /// What they say.
    pub content: RecordContent,
}

/// What a set of records says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordContent {
    /// Values, as they were given: each has been read once as [`RecordData`].
    Values {
        /// How many seconds an answer may be kept.
        ttl: u32,
        /// The values.
        values: Vec<String>,
    },
    /// The addresses of another name, which AWS knows or which is in the same zone.
    Alias {
        /// The zone of the other name.
        zone: String,
        /// The other name.
        name: DomainName,
        /// Whether its health counts. A name has one set of records here, so there is nothing to choose by health.
        evaluate_health: bool,
    },
}

/// A record's value, read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(
    missing_docs,
    reason = "each is the DNS record of that name with its fields"
)]
pub enum RecordData {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Caa {
        flags: u8,
        tag: String,
        value: String,
    },
    Cname(DomainName),
    Mx {
        preference: u16,
        exchange: DomainName,
    },
    Ns(DomainName),
    Ptr(DomainName),
    Soa {
        server: DomainName,
        mailbox: DomainName,
        serial: u32,
        refresh: u32,
        retry: u32,
        expire: u32,
        minimum: u32,
    },
    Srv {
        priority: u16,
        weight: u16,
        port: u16,
        target: DomainName,
    },
    /// Its strings.
    Txt(Vec<Vec<u8>>),
}

/// A change that Route 53 has made, for who asks whether it is in force: it always is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneChange {
    /// Its id, without `/change/`.
    pub id: String,
    /// Whose it is.
    pub owner: AccountId,
    /// When it was made.
    pub submitted_at: Timestamp,
    /// A comment.
    pub comment: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written_and_sorted_as_aws_lists() {
        let zone: HostedZoneId = "Z1".parse().expect("an id");
        let key = |name: &str, kind| RecordKey::new(&zone, &name.parse().expect("a name"), kind);
        let keys = [
            key("example.com", RecordKind::Ns),
            key("example.com", RecordKind::Soa),
            key("a.example.com", RecordKind::A),
            key("x.a.example.com", RecordKind::A),
            key("b.example.com", RecordKind::Txt),
        ];
        let mut sorted = keys.to_vec();
        sorted.sort();
        assert_eq!(sorted, keys);
        for key in keys {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        assert!("z1".parse::<HostedZoneId>().is_err() && "Z1/A".parse::<RecordKey>().is_err());
    }
}
