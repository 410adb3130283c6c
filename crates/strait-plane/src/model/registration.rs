//! PostgreSQL services that exist already: what their operator says of them.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

/// PostgreSQL's own port. Private ways listen on it, whichever the service has.
pub const POSTGRES_PORT: u16 = 5432;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRegistration {
    /// For people; one is made up without it.
    pub name: Option<String>,
    /// Where: one of the supported Regions.
    pub region_code: String,
    /// By what it is found.
    pub at: At,
    /// Its port; without one it is found, or PostgreSQL's own.
    pub port: Option<u16>,
    /// The VPC where it is; without one it is found.
    pub vpc_id: Option<String>,
    /// Subnets of that VPC, one a zone; if there are none, they are found.
    pub subnet_ids: BTreeSet<String>,
    /// How the public way is closed and opened.
    pub public_way: PublicWay,
    /// A file on the servers, as in [`Registration`].
    pub sessions_file: Option<String>,
}

/// By what a service is found that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// Its address or DNS name.
    Host(String),
    /// What it is in the cloud.
    Found(FoundBy),
}

/// What a service is in the cloud.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum FoundBy {
    /// An RDS instance.
    RdsInstance {
        /// Its identifier.
        id: String,
    },
    /// What is behind a network load balancer of its operator's.
    LoadBalancer {
        /// Its ARN.
        arn: String,
    },
}

/// A PostgreSQL that Strait did not make: where it is, and how its public way is closed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// Its address or DNS name, as load balancers in `vpc_id` reach it. A name is resolved again and again: its address
    /// changes when an RDS instance fails over.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// By what these two were found, if its operator did not say them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_by: Option<FoundBy>,
    /// The VPC where it is: `vpc-…`.
    pub vpc_id: String,
    /// Subnets of that VPC, one a zone: its load balancers have their nodes there.
    pub subnet_ids: BTreeSet<String>,
    /// How the public way is closed and opened.
    pub public_way: PublicWay,
    /// A file on the servers that holds a connection string (libpq's), by which open public sessions are ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions_file: Option<String>,
}

/// How a registered service is reached from the internet, and how that is closed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PublicWay {
    /// Nobody on the internet reaches it, today or ever.
    None,
    /// This security group lets these ranges in on the service's port.
    SecurityGroup {
        /// `sg-…`.
        group_id: String,
        /// The ranges that are the public way.
        ranges: BTreeSet<Ipv4Net>,
    },
    /// It is an RDS instance that is publicly accessible or not.
    RdsInstance {
        /// Its identifier.
        id: String,
    },
}
