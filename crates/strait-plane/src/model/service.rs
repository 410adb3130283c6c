//! PostgreSQL services.

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::{AllowLists, Reason, Registration, words};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewService {
    /// For people; one is made up without it.
    pub name: Option<String>,
    /// Where: one of the supported Regions.
    pub region_code: String,
    /// Its Peering VPC (name or id) from the start; public without one.
    pub vpc: Option<String>,
    /// What it is for.
    pub environment: Environment,
    /// What it has beside plain PostgreSQL.
    pub addons: BTreeSet<Addon>,
}

/// A service at the one moment when its password is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CreatedService {
    /// The service.
    #[serde(flatten)]
    pub service: Service,
    /// The password of `tsdbadmin`; only its SCRAM verifier is kept.
    pub initial_password: String,
}

/// A PostgreSQL service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Service {
    /// 10 characters of `[a-z0-9]`; the first label of its names.
    pub service_id: String,
    /// The project that owns it.
    pub project_id: String,
    /// For people; need not be unique.
    pub name: String,
    /// Where.
    pub region_code: String,
    /// How it is.
    pub status: ServiceStatus,
    /// What it was asked to be.
    pub wanted: Wanted,
    /// What it is for: a word that it carries.
    pub environment: Environment,
    /// What it has beside plain PostgreSQL.
    pub addons: BTreeSet<Addon>,
    /// How it is reached, and how it was asked to be reached.
    pub network: ServiceNetwork,
    /// From which addresses it is reached.
    pub allow_lists: AllowLists,
    /// Where it is, if Strait did not make it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration: Option<Registration>,
    /// The stable name and where it leads now; none until the first way is open.
    pub endpoint: Option<Endpoint>,
    /// The way from the internet, while it is public.
    pub public_endpoint: Option<PublicEndpoint>,
    /// The way through a Peering VPC, while it is private.
    pub vpc_endpoint: Option<VpcEndpoint>,
    /// Why it is not as it should be.
    pub error_message: Option<String>,
    /// The same with a code.
    pub reason: Option<Reason>,
    /// What its operator should know, though nothing is wrong with it: sessions that Strait may not end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// The operation that was asked for last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_id: Option<String>,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it changed last.
    pub updated: Timestamp,
}

/// How a service is, in Tiger's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServiceStatus {
    /// Nobody has started on it.
    Queued,
    /// Being made.
    Configuring,
    /// It accepts connections.
    Ready,
    /// Being stopped.
    Pausing,
    /// Stopped.
    Paused,
    /// Being started again.
    Resuming,
    /// Being taken away.
    Deleting,
    /// It should run and does not.
    Unstable,
}

words!(ServiceStatus, "service status", {
    Queued => "QUEUED",
    Configuring => "CONFIGURING",
    Ready => "READY",
    Pausing => "PAUSING",
    Paused => "PAUSED",
    Resuming => "RESUMING",
    Deleting => "DELETING",
    Unstable => "UNSTABLE",
});

/// What a service was asked to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// It runs.
    Running,
    /// It is stopped, its data kept.
    Paused,
    /// It is gone with its data.
    Deleted,
}

words!(Wanted, "wanted state", { Running => "running", Paused => "paused", Deleted => "deleted" });

/// What a service is for: a word for people and their tools; Strait treats both alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Environment {
    /// Development.
    #[default]
    Dev,
    /// Production.
    Prod,
}

words!(Environment, "environment", { Dev => "DEV", Prod => "PROD" });

/// What a service can have beside plain PostgreSQL, if the PostgreSQL that makes it has it. Tiger's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Addon {
    /// TimescaleDB.
    TimeSeries,
    /// Vectors.
    Ai,
}

words!(Addon, "add-on", { TimeSeries => "time-series", Ai => "ai" });

impl Addon {
    /// PostgreSQL's name of the extension that it is.
    pub fn extension(self) -> &'static str {
        match self {
            Self::TimeSeries => "timescaledb",
            Self::Ai => "vector",
        }
    }

    /// The library that must be there when the server starts, if one must.
    pub fn preloaded(self) -> Option<&'static str> {
        match self {
            Self::TimeSeries => Some("timescaledb"),
            Self::Ai => None,
        }
    }
}

/// From where a service is reached. Shown as `public` or `vpc:ID`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Network {
    /// From the internet.
    Public,
    /// Through this Peering VPC only (the plane's id).
    Vpc(String),
}

impl Network {
    /// The Peering VPC, if it is private.
    pub fn vpc(&self) -> Option<&str> {
        match self {
            Self::Public => None,
            Self::Vpc(id) => Some(id),
        }
    }

    /// The opposite of [`Network::vpc`].
    pub fn from_vpc(vpc: Option<String>) -> Self {
        vpc.map_or(Self::Public, Self::Vpc)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Vpc(id) => write!(f, "vpc:{id}"),
        }
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A service's network, asked for and now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceNetwork {
    /// What was asked for.
    pub wanted: Network,
    /// What its names lead to; none until the first way is open.
    pub now: Option<Network>,
    /// Whether both are the same and no other way is left open.
    pub settled: bool,
}

/// The stable name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// `SERVICE.PROJECT.db.DOMAIN`.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What the name answers now.
    pub address: Ipv4Addr,
}

/// The way from the internet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicEndpoint {
    /// `SERVICE.PROJECT.public.DOMAIN`.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What the name answers.
    pub address: Ipv4Addr,
    /// A port on 127.0.0.1 of the machine that Strait runs on, where there is one.
    pub loopback_port: Option<u16>,
}

/// The way through a Peering VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VpcEndpoint {
    /// `SERVICE.PROJECT.vpc.DOMAIN`.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The Peering VPC (the plane's id).
    pub vpc_id: String,
    /// The endpoint's private address.
    pub address: Ipv4Addr,
    /// The cloud's id of the endpoint.
    pub provisioned_id: String,
}

/// How to connect to a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceConnection {
    /// The service.
    pub service_id: String,
    /// From where it is reached now.
    pub network: Network,
    /// The stable name.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The user; none of a registered service, whose users Strait does not know.
    pub user: Option<String>,
    /// The database; none of a registered service.
    pub dbname: Option<String>,
    /// Where on this machine the certificate authority's certificate is.
    pub sslrootcert: String,
    /// A line for `psql`, from where the service is reached (the internet, or the customer's VPC).
    pub dsn: String,
    /// A line for `psql` on the machine that Strait runs on; only while it is public.
    pub dsn_from_here: Option<String>,
    /// Where `dsn` works from, for people.
    pub explanation: String,
}
