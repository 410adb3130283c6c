//! What the plane asks of a cloud. Every verb is safe to repeat and keyed by the plane's own ids, so that a server that
//! was killed anywhere goes on by calling them again. Two implementations: `strait-local` and `strait-aws`.

mod fence;
mod passage;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use async_trait::async_trait;
use ipnet::Ipv4Net;
use jiff::Timestamp;

use crate::model::{FoundBy, Registration, SessionsByClient};

pub use fence::{fenced, may_change};
pub(crate) use fence::{looking, under_same_fence};
pub use passage::{Change, GROUP_IS_FULL, NoRoom, Passage};

/// The provider's side of a cloud.
#[async_trait]
pub trait Cloud: Send + Sync {
    /// Regions where Peering VPCs and services may be, sorted.
    fn supported_regions(&self) -> Vec<String>;

    /// Regions where customers' VPCs may be, sorted.
    fn known_regions(&self) -> Vec<String>;

    /// The provider's own account: who customers see as requester.
    fn account(&self) -> String;

    /// Makes the Peering VPC, with subnets in at least two zones, or finds it.
    async fn ensure_vpc(&self, vpc: &VpcSpec) -> Result<VpcObserved, CloudError>;

    /// Takes the Peering VPC away with all that was made for it. One that is gone is a success.
    async fn delete_vpc(&self, vpc: &VpcSpec) -> Result<(), CloudError>;

    /// Asks for the peering connection, or finds it, and says how it is. Never asks again in one attempt once one was made
    /// (an ended one stays ended).
    async fn ensure_peering(&self, peering: &PeeringSpec) -> Result<PeeringObserved, CloudError>;

    /// Lets an active peer in: routes back to these ranges and a rule for them on the endpoints. Exactly these: ranges
    /// of this peering that are not listed are taken away.
    async fn admit_peer(
        &self,
        peering: &PeeringSpec,
        ranges: &BTreeSet<Ipv4Net>,
    ) -> Result<(), CloudError>;

    /// Takes the peering away, with its routes and rules. One that is gone is a success.
    async fn delete_peering(&self, peering: &PeeringSpec) -> Result<(), CloudError>;

    /// Makes a way to a service, or finds it, and lets in those who are allowed and nobody else. It may not be `ready` yet.
    /// Of several that are as good it is the one with the id that is known, as its names lead there.
    async fn ensure_way(
        &self,
        way: &WaySpec,
        allowed: &Allowed,
        known: Option<&str>,
    ) -> Result<WayObserved, CloudError>;

    /// The sessions by this way that are open now, by the clients' own addresses. None where the cloud cannot tell.
    async fn sessions(&self, way: &WaySpec) -> Result<Option<SessionsByClient>, CloudError>;

    /// Ends the sessions by this way of all who are not allowed. The way itself keeps out new ones by then.
    async fn cut_off(&self, way: &WaySpec, allowed: &Allowed) -> Result<CutOff, CloudError>;

    /// Finds where a service is that Strait did not make and that is named by what it is in the cloud; `port` is the one
    /// that its operator said.
    async fn find_service(
        &self,
        region: &str,
        by: &FoundBy,
        port: Option<u16>,
    ) -> Result<Place, CloudError>;

    /// Before anything is done for a service that Strait did not make: whether its public way is what its registration
    /// says, open, and such that it can be closed.
    async fn check_registration(&self, way: &WaySpec) -> Result<(), CloudError>;

    /// Opens the public way of a service that Strait did not make, as it was before [`Cloud::refuse_way`]. Nothing else
    /// opens it.
    async fn reopen_way(&self, way: &WaySpec) -> Result<(), CloudError>;

    /// Opens a connection to the service end to end by this way, from the network that it is for, and speaks enough
    /// PostgreSQL to know that the service answers.
    async fn probe_way(&self, way: &WaySpec) -> Result<(), CloudError>;

    /// Refuses new connections by this way with a TCP reset. Open ones go on.
    async fn refuse_way(&self, way: &WaySpec) -> Result<(), CloudError>;

    /// Takes the way away with all its tracked connections. One that is gone is a success.
    async fn remove_way(&self, way: &WaySpec) -> Result<(), CloudError>;

    /// The names that the public DNS answers, whole: what is not in it is gone.
    async fn publish_names(&self, names: &BTreeMap<String, NameTarget>) -> Result<(), CloudError>;

    /// What passed by each way, by service and network (`public` or `vpc:ID`). Nothing where the cloud does not tell.
    async fn traffic(&self) -> Option<BTreeMap<(String, String), Traffic>> {
        None
    }

    /// What it remembers of this Region may be out of date: another server of the same store has worked there.
    fn forget(&self, region: &str);

    /// From now on these ways, and no others, are to lead where their services are, whichever server made them. All are
    /// private ways to services that Strait did not make. The server that calls [`Cloud::changed`] tells, and does it there:
    /// none when it begins, then all, and all again whenever there are others.
    fn follow(&self, _ways: &BTreeSet<WaySpec>) {}

    /// Whichever server asked a customer of this Region for a peering connection: [`Cloud::changed`] is to return soon, and
    /// what is remembered of peering connections is out of date.
    fn stir(&self, _region: &str) {}

    /// Waits until something in the cloud may have changed (a customer accepted, a range was added). May return for
    /// no reason. Returns in any case, on AWS after a minute at most. Of the servers of one store, one calls it at a time,
    /// again and again, and only that one may change something here.
    async fn changed(&self);
}

/// A Peering VPC as the plane wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VpcSpec {
    /// The plane's id: the key of all that is made.
    pub id: String,
    /// Its name, for tags.
    pub name: String,
    /// Where.
    pub region: String,
    /// Its range.
    pub cidr: Ipv4Net,
}

/// A Peering VPC as the cloud has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VpcObserved {
    /// The cloud's id, `vpc-…`.
    pub provisioned_id: String,
}

/// A peering connection as the plane wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeeringSpec {
    /// The plane's id: the key.
    pub id: String,
    /// Our side.
    pub vpc: VpcSpec,
    /// The customer's account: 12 digits.
    pub peer_account: String,
    /// The customer's VPC.
    pub peer_vpc: String,
    /// The customer's Region.
    pub peer_region: String,
    /// Our `pcx-` id, if it was asked for. A cloud lists those that ended for some time only.
    pub provisioned_id: Option<String>,
    /// How often it was asked for, this time included: those of former times have ended, and are left as they are.
    pub attempt: u32,
}

/// A peering connection as the cloud has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeeringObserved {
    /// Our `pcx-` id.
    pub provisioned_id: String,
    /// The customer's `pcx-` id; on AWS the same.
    pub accepter_provisioned_id: String,
    /// Its state.
    pub state: PeerState,
    /// The cloud's own words.
    pub message: String,
    /// When a pending request expires.
    pub expires_at: Option<Timestamp>,
    /// The customer's ranges; empty until the customer has accepted.
    pub peer_ranges: BTreeSet<Ipv4Net>,
}

/// The states that matter to the plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerState {
    /// It waits for the customer.
    PendingAcceptance,
    /// Both sides are joined.
    Active,
    /// AWS refused it.
    Failed,
    /// Nobody accepted it in 7 days.
    Expired,
    /// The customer rejected it.
    Rejected,
    /// One side deleted it.
    Deleted,
}

/// A way to a service: how packets get to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WaySpec {
    /// The plane's id of the service.
    pub service: String,
    /// The service's Region.
    pub region: String,
    /// Which way.
    pub kind: WayKind,
    /// Where the service is, if Strait did not make it.
    pub registration: Option<Registration>,
}

/// Where a service is that Strait did not make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name, which answers private addresses inside its VPC.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its VPC.
    pub vpc_id: String,
    /// Subnets where it may be, one a zone.
    pub subnet_ids: BTreeSet<String>,
}

/// Which way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum WayKind {
    /// From the internet.
    Public,
    /// By an endpoint in this Peering VPC (the plane's id).
    Private {
        /// The plane's id of the Peering VPC.
        vpc: String,
    },
}

/// Who may come by a way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// Whoever gets there: from the internet, or from the networks that are peered with the Peering VPC.
    Everybody,
    /// Who has an address in one of these ranges. There may be none.
    Only(BTreeSet<Ipv4Net>),
}

impl Allowed {
    /// Whether whoever has this address may come.
    pub fn allows(&self, address: Ipv4Addr) -> bool {
        match self {
            Self::Everybody => true,
            Self::Only(ranges) => ranges.iter().any(|range| range.contains(&address)),
        }
    }
}

/// What became of the sessions of those who are not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutOff {
    /// So many were ended.
    Ended(u32),
    /// The cloud ends none by their address: they go on.
    GoOn,
}

/// A way as the cloud has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayObserved {
    /// Whether packets can pass.
    pub ready: bool,
    /// The address that clients connect to.
    pub address: Ipv4Addr,
    /// The port that clients connect to.
    pub port: u16,
    /// The cloud's id of the endpoint (`vpce-…`) or load balancer.
    pub provisioned_id: String,
    /// The cloud's own name of the way, which answers what its address is now.
    pub host: Option<String>,
    /// From where PostgreSQL sees the sessions by this way come.
    pub sources: Sources,
    /// A port on this machine's loopback that leads to the public way, where there is one.
    pub loopback_port: Option<u16>,
}

/// What passed by a way to a service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// TCP connections that are open.
    pub open: u64,
    /// Bytes from clients, since the way was made.
    pub bytes_in: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
}

/// From where PostgreSQL sees sessions come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sources {
    /// From these addresses and no others.
    These(BTreeSet<Ipv4Addr>),
    /// From any public address.
    Internet,
}

/// Where a published name leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTarget {
    /// The address.
    pub address: Ipv4Addr,
    /// The cloud's own name, which is followed instead where there is one.
    pub host: Option<String>,
}

/// Why the cloud could not do it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CloudError {
    /// The cloud refuses, and would again: a code and a message for people.
    #[error("{message} ({code})")]
    Refused {
        /// AWS's code.
        code: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// It may work later.
    #[error("{0}")]
    Temporary(String),
    /// Nothing is wrong; the cloud takes its time for this.
    #[error("{0}")]
    InProgress(String),
}
