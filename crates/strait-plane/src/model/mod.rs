//! The domain's objects, as they are shown. Field names are Tiger Cloud's where it has the field, ours beside them.

mod access;
mod allow;
mod audit;
mod deed;
mod log;
mod operation;
mod page;
mod peering;
mod project;
mod quota;
mod registration;
mod service;
mod usage;
mod user;
mod vpc;

use serde::Serialize;

pub use access::{Permission, Role};
pub use allow::{
    ALLOW_ENTRIES, ALLOW_RULES, AllowChange, AllowEntry, AllowLists, ListChange, NewAllowEntry,
    SessionsByClient, ShownAllowLists, Side, ranges,
};
pub use audit::{About, Asked, AuditFilter, AuditOutcome, AuditPage, Audited};
pub use deed::Deed;
pub use log::{LogCursor, LogEntry, LogPage, LogQuery};
pub use operation::{
    Action, Cursor, Event, ObjectKind, Operation, OperationFilter, OperationState, Step, StepRecord,
};
pub use page::PageSize;
pub use peering::{
    CustomerGuide, CustomerStep, NewPeering, Peering, PeeringState, PeeringStatus, Requester,
    WaitingOn,
};
pub use project::{ApiKey, Bootstrap, NewApiKey, NewKey, Project};
pub use quota::{NewQuotaRequest, Quota, QuotaRequest, QuotaRequestState, QuotaSetting, Ruling};
pub use registration::{At, FoundBy, NewRegistration, POSTGRES_PORT, PublicWay, Registration};
pub use service::{
    Addon, CreatedService, Endpoint, Environment, Network, NewService, PublicEndpoint, Service,
    ServiceConnection, ServiceNetwork, ServiceStatus, VpcEndpoint, Wanted,
};
pub use usage::{
    FormerTrial, Hours, Interval, NewPlan, Period, Plan, ProjectPlan, Resource, Usage, UsageLine,
    instant,
};
pub(crate) use user::Maker;
pub use user::{
    Identity, IssuedToken, LoginLink, Member, NewSession, NewUser, Seat, Session, User,
};
pub use vpc::{NewVpc, Vpc, VpcStatus};

/// Why something is not as it was asked for: a code for programs, a message for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Stable, in snake_case, or AWS's own code.
    pub code: String,
    /// What happened, why, and what to do.
    pub message: String,
}

/// Who asks for a change.
#[derive(Clone, PartialEq, Eq)]
pub struct Caller {
    /// `key:PUBLIC_KEY`, `user:EMAIL`, `admin`, or `strait` itself.
    pub actor: String,
    /// What people call the actor, where that says more.
    pub actor_name: Option<String>,
    /// What it is in the project that it asks in: it gives nobody more than that.
    pub role: Role,
    /// What tells this request from others like it, so that a repetition changes nothing.
    pub once: Option<Once>,
}

impl Caller {
    /// Strait itself.
    pub fn strait() -> Self {
        Self {
            actor: "strait".to_owned(),
            actor_name: None,
            role: Role::Owner,
            once: None,
        }
    }

    /// Who makes what it asks for.
    pub(crate) fn maker(&self) -> Maker<'_> {
        Maker::of(&self.actor)
    }

    /// Somebody, with this role.
    pub fn new(identity: &Identity, role: Role, once: Option<Once>) -> Self {
        Self {
            actor: identity.actor(),
            actor_name: identity.name().map(str::to_owned),
            role,
            once,
        }
    }
}

/// Without the key: a password may come from it.
impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller")
            .field("actor", &self.actor)
            .field("role", &self.role)
            .field("once", &self.once.as_ref().map(|_| "…"))
            .finish_non_exhaustive()
    }
}

/// A request that counts once, however often it is sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Once {
    /// The client's key for it.
    pub key: String,
    /// What the request says: the same key must come with the same.
    pub fingerprint: String,
}

impl Once {
    /// How many hexadecimal digits a key must have for a secret to be made of it.
    const DIGITS: usize = 32;

    /// Whether the key is so hard to guess that a secret may be made of it, which can be told again then: a random UUID (version 4), or
    /// as many hexadecimal digits. Whoever reads the store may try words and dates, but not those.
    pub(crate) fn makes_secrets(&self) -> bool {
        let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let parts: Vec<&str> = self.key.split('-').collect();
        match parts.as_slice() {
            [digits] => digits.len() >= Self::DIGITS && is_hex(digits),
            [_, _, version, _, _] => {
                parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
                    && parts.iter().all(|part| is_hex(part))
                    && version.starts_with('4')
            }
            _ => false,
        }
    }
}

/// An object that one can wait for, by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// A service.
    Service(String),
    /// A Peering VPC.
    Vpc(String),
    /// A peering connection. It is settled when the provider has nothing left to do: a pending one is.
    Peering(String),
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The object is as it was asked for.
    Yes,
    /// It cannot be made so now; its `reason` says why. The plane goes on trying.
    Failed,
    /// The time was over first.
    NotYet,
    /// There is no such object (any more).
    Gone,
}

/// Gives an enum its words: `as_str`, `FromStr`, `Display` and `Serialize` from one list.
macro_rules! words {
    ($kind:ident, $what:literal, { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $kind {
            /// The word for it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
        }

        impl std::fmt::Display for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $kind {
            type Err = crate::error::PlaneError;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|kind| kind.as_str() == word)
                    .ok_or_else(|| crate::error::PlaneError::unknown_word($what, word, &[$($word),+]))
            }
        }

        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;
