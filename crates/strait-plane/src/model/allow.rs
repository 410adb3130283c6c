//! Allow lists: from which addresses a service is reached.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::{Network, words};

/// How many entries a list has at most: AWS has 60 rules in a security group, and the endpoint's needs some for itself.
pub const ALLOW_ENTRIES: usize = 50;
/// How many ranges a list may become together with those of peers before AWS's own quota is in the way: one of the 60 rules
/// may be Strait's own.
pub const ALLOW_RULES: usize = 59;

/// A range that a service is reached from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowEntry {
    /// The range.
    pub cidr: Ipv4Net,
    /// Whose it is, for people.
    pub description: String,
}

/// A service's lists. Each stays wherever the service is; the one that counts is that of the way it is reached by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AllowLists {
    /// Who may come from the internet; none: everybody.
    pub public: Option<Vec<AllowEntry>>,
    /// Who may come by the Peering VPC; none: all networks that are peered with it.
    pub private: Option<Vec<AllowEntry>>,
}

/// One of a service's two lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Of the public way.
    Public,
    /// Of the private way.
    Private,
}

words!(Side, "list", { Public => "public", Private => "private" });

impl AllowLists {
    /// One of them.
    pub fn of(&self, side: Side) -> Option<&[AllowEntry]> {
        match side {
            Side::Public => self.public.as_deref(),
            Side::Private => self.private.as_deref(),
        }
    }

    /// The one that counts while a service is reached so.
    pub fn at(&self, network: &Network) -> Option<&[AllowEntry]> {
        self.of(Side::of(network))
    }

    /// Whether whoever gets to the service is let in.
    pub fn are_open(&self) -> bool {
        self.public.is_none() && self.private.is_none()
    }
}

impl Side {
    /// The list that counts while a service is reached so.
    pub fn of(network: &Network) -> Self {
        match network {
            Network::Public => Self::Public,
            Network::Vpc(_) => Self::Private,
        }
    }
}

/// What a list is to become.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ListChange {
    /// It stays.
    #[default]
    Keep,
    /// There is to be none.
    Open,
    /// Only these may come.
    Only(Vec<NewAllowEntry>),
}

/// A range as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewAllowEntry {
    /// An IPv4 range, or one address.
    pub cidr: String,
    /// Whose it is, for people.
    pub description: String,
}

/// What a service's lists are to become.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowChange {
    /// The public one.
    pub public: ListChange,
    /// The private one.
    pub private: ListChange,
    /// The version of the lists that whoever asks has seen: if they are others by now, it is refused.
    pub version: Option<String>,
    /// Whether sessions that are open now may be cut off.
    pub force: bool,
}

/// A service's lists, as they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownAllowLists {
    /// The service.
    pub service_id: String,
    /// The lists.
    pub lists: AllowLists,
    /// Names this state of the lists.
    pub version: String,
    /// What one should know of them: a list that lets in everybody, or nobody.
    pub warnings: Vec<String>,
    /// Of the change that was asked for last.
    pub operation_id: Option<String>,
    /// Whether packets obey the lists already.
    pub in_effect: bool,
}

/// Open sessions, by the clients' own addresses.
pub type SessionsByClient = BTreeMap<Ipv4Addr, u32>;

/// The ranges of a list.
pub fn ranges(list: &[AllowEntry]) -> BTreeSet<Ipv4Net> {
    list.iter().map(|entry| entry.cidr).collect()
}
