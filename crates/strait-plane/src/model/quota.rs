//! Quotas, and asking for more.

use jiff::Timestamp;
use serde::Serialize;

use super::words;

/// A limit that an operator can raise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quota {
    /// Peering VPCs in a project.
    Vpcs,
    /// Peering connections on each Peering VPC.
    PeeringsPerVpc,
    /// Services in a project.
    Services,
}

words!(Quota, "quota", { Vpcs => "vpcs", PeeringsPerVpc => "peerings-per-vpc", Services => "services" });

impl Quota {
    /// What a project has until somebody changes it.
    pub fn default_limit(self) -> u32 {
        match self {
            Self::Vpcs => 3,
            Self::PeeringsPerVpc => 50,
            Self::Services => 20,
        }
    }

    /// What is counted, for people.
    pub fn counted(self) -> &'static str {
        match self {
            Self::Vpcs => "VPCs",
            Self::PeeringsPerVpc => "peering connections",
            Self::Services => "services",
        }
    }
}

/// A quota of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuotaSetting {
    /// Which.
    pub quota: Quota,
    /// How many there may be.
    pub limit: u32,
    /// How many there are; for a quota per VPC, on the fullest one.
    pub used: u32,
}

/// More of a quota, asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewQuotaRequest {
    /// Which.
    pub quota: Quota,
    /// How many there should be.
    pub wanted: u32,
    /// Why.
    pub reason: String,
}

/// More of a quota that a project asked for, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuotaRequest {
    /// `qr-…`
    pub id: String,
    /// Whose.
    pub project_id: String,
    /// That project's name.
    pub project_name: String,
    /// Which quota.
    pub quota: Quota,
    /// The limit when it was asked for.
    pub present: u32,
    /// The limit that was asked for.
    pub wanted: u32,
    /// Why.
    pub reason: String,
    /// Who asked: `key:PUBLIC_KEY`, `user:EMAIL` or `admin`.
    pub actor: String,
    /// What people call the actor, where that says more.
    pub actor_name: Option<String>,
    /// When.
    pub created: Timestamp,
    /// What came of it.
    pub state: QuotaRequestState,
    /// Who decided, once somebody did.
    pub decided_by: Option<String>,
    /// When that was.
    pub decided: Option<Timestamp>,
    /// What was said about it.
    pub word: Option<String>,
    /// The limit that it came to, if it was granted.
    pub granted: Option<u32>,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum QuotaRequestState {
    /// Nobody decided yet.
    Open,
    /// The operator raised the limit.
    Granted,
    /// The operator did not.
    Refused,
    /// The project wants it no more.
    Withdrawn,
}

words!(QuotaRequestState, "state of a request", {
    Open => "open",
    Granted => "granted",
    Refused => "refused",
    Withdrawn => "withdrawn",
});

/// What the operator says to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// The limit is raised.
    Grant {
        /// To this; without it, to what was asked for.
        limit: Option<u32>,
        /// Something to say about it.
        word: Option<String>,
    },
    /// It is not.
    Refuse {
        /// Why not.
        word: String,
    },
}
