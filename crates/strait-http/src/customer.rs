//! The customer's half, where Strait plays the customer's cloud too: what the console shows of it and does in it.

use std::net::Ipv4Addr;

use async_trait::async_trait;
use ipnet::Ipv4Net;
use jiff::Timestamp;

/// Customers' accounts in a cloud that this Strait runs itself. On AWS there is none: customers have their own consoles.
#[async_trait]
pub trait CustomerCloud: Send + Sync {
    /// The customers' accounts, by name.
    async fn accounts(&self) -> Vec<CustomerAccount>;

    /// What an account has; none if there is no such customer.
    async fn holdings(&self, account: &str) -> Option<Holdings>;

    /// Does one thing as the customer, in that Region.
    async fn change(
        &self,
        account: &str,
        region: &str,
        change: CustomerChange,
    ) -> Result<(), CustomerError>;

    /// Makes a customer to try things with: an account with a VPC that lets nothing out yet, and an instance in it.
    async fn make_example(&self, region: &str) -> Result<CustomerAccount, CustomerError>;

    /// Where connections can be tried from: the internet, and every customer's instances.
    async fn places(&self) -> Vec<Place>;

    /// Tries to reach a service from there, with a real connection, and says where it stops.
    async fn try_connection(&self, place: &str, target: &Target) -> Result<Trial, CustomerError>;
}

/// Why something could not be done in the customer's cloud.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CustomerError {
    /// There is no such thing.
    #[error("there is no {0} here")]
    NotFound(String),
    /// The cloud refuses it, in its own words.
    #[error("{message} ({code})")]
    Refused {
        /// AWS's code.
        code: String,
        /// What is in the way.
        message: String,
    },
    /// It may work later.
    #[error("{0}; try again")]
    Failed(String),
}

/// A customer's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerAccount {
    /// 12 digits.
    pub id: String,
    /// Strait's own name for it.
    pub name: String,
    /// How many requests wait for its answer.
    pub pending: usize,
    /// How many VPCs it has.
    pub vpcs: usize,
}

/// What an account has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holdings {
    /// The account.
    pub account: CustomerAccount,
    /// Requests for peering connections, pending ones first, then younger ones first.
    pub requests: Vec<PeeringRequest>,
    /// Its VPCs, by Region and name.
    pub vpcs: Vec<CustomerVpc>,
}

/// A request for a peering connection, or what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeeringRequest {
    /// `pcx-…`.
    pub id: String,
    /// How it is.
    pub state: RequestState,
    /// The customer's VPC.
    pub vpc: String,
    /// The customer's Region.
    pub region: String,
    /// Who asks.
    pub requester_account: String,
    /// That one's VPC.
    pub requester_vpc: String,
    /// That one's Region.
    pub requester_region: String,
    /// That one's range: where the customer's route leads.
    pub requester_range: Option<Ipv4Net>,
    /// When it expires, if nobody accepts it.
    pub expires_at: Timestamp,
}

impl PeeringRequest {
    /// Whether it waits for the customer.
    pub(crate) fn is_pending(&self) -> bool {
        self.state == RequestState::Pending
    }

    /// Whether the customer accepted it, and it is there yet.
    pub(crate) fn is_active(&self) -> bool {
        self.state == RequestState::Active
    }
}

/// How a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestState {
    /// It waits for the customer.
    Pending,
    /// It was accepted.
    Active,
    /// AWS refused it.
    Failed,
    /// Nobody accepted it in time.
    Expired,
    /// The customer rejected it.
    Rejected,
    /// One side deleted it.
    Deleted,
}

/// A customer's VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerVpc {
    /// `vpc-…`.
    pub id: String,
    /// Its tag `Name`.
    pub name: Option<String>,
    /// Whether it is the account's default VPC in its Region.
    pub is_default: bool,
    /// Where it is.
    pub region: String,
    /// Its ranges.
    pub ranges: Vec<Ipv4Net>,
    /// Its route tables, the main one first.
    pub tables: Vec<RouteTable>,
    /// Its security groups, by name.
    pub groups: Vec<SecurityGroup>,
    /// Its running instances, by name.
    pub instances: Vec<Instance>,
}

/// A route table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTable {
    /// `rtb-…`.
    pub id: String,
    /// Whether it is the VPC's main one.
    pub is_main: bool,
    /// The subnets that use it.
    pub subnets: Vec<String>,
    /// Its routes, local ones first.
    pub routes: Vec<Route>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where to.
    pub destination: Ipv4Net,
    /// By what: `local`, or an id.
    pub target: String,
    /// Whether it leads anywhere.
    pub is_active: bool,
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityGroup {
    /// `sg-…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it lets out.
    pub out: Vec<Rule>,
}

/// A rule of a security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// `sgr-…`.
    pub id: String,
    /// Which traffic, in words.
    pub traffic: String,
    /// Where to.
    pub to: String,
    /// The peering connection that it was made for, if it says so: `pcx-…`.
    pub peering: Option<String>,
}

/// An instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// `i-…`.
    pub id: String,
    /// Its tag `Name`.
    pub name: Option<String>,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its subnet.
    pub subnet: String,
    /// Its security groups' ids.
    pub groups: Vec<String>,
}

/// What a customer does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerChange {
    /// Accepts a request.
    Accept {
        /// `pcx-…`.
        peering: String,
    },
    /// Rejects a request.
    Reject {
        /// `pcx-…`.
        peering: String,
    },
    /// Deletes a peering connection.
    DeletePeering {
        /// `pcx-…`.
        peering: String,
    },
    /// Adds a route by a peering connection to the range at its other end.
    AddRoute {
        /// `rtb-…`.
        table: String,
        /// `pcx-…`.
        peering: String,
    },
    /// Takes a route away.
    DeleteRoute {
        /// `rtb-…`.
        table: String,
        /// Where it leads.
        destination: String,
    },
    /// Lets TCP 5432 out to the range at the other end of a peering connection, with a rule that names it.
    Allow {
        /// `sg-…`.
        group: String,
        /// `pcx-…`.
        peering: String,
    },
    /// Takes an outbound rule away.
    Disallow {
        /// `sg-…`.
        group: String,
        /// `sgr-…`.
        rule: String,
    },
}

/// Where a connection can be tried from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// An instance's id, or `internet`.
    pub id: String,
    /// Whether it is a customer's instance.
    pub is_instance: bool,
    /// For people.
    pub label: String,
}

/// What to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The service's id.
    pub service: String,
    /// Its name in the DNS.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// What came of trying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// What the service's name answers there.
    pub resolved: Option<Ipv4Addr>,
    /// Why PostgreSQL did not answer; none: it did.
    pub failure: Option<String>,
    /// What a packet meets on its way, by the model of the network.
    pub walk: Vec<WalkStep>,
}

/// What a packet meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkStep {
    /// The id of the thing.
    pub place: String,
    /// What it does with the packet, and why.
    pub what: String,
    /// Whether the packet goes on.
    pub ok: bool,
    /// What mends it.
    pub fix: Option<String>,
}
