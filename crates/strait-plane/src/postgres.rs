//! What the plane asks of whoever runs the PostgreSQL services.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;

use crate::cloud::Sources;
use crate::model::{Addon, LogPage, LogQuery, Registration};

/// Runs services. Every verb is safe to repeat and keyed by the service's id.
#[async_trait]
pub trait Postgres: Send + Sync {
    /// Whether it makes services or takes those that exist.
    fn origin(&self) -> Origin;

    /// Makes the service's PostgreSQL and starts it, or finds that it runs. Returns when it accepts connections.
    async fn ensure_running(&self, service: &ServiceSpec) -> Result<(), PostgresError>;

    /// Stops it in an orderly way (fast shutdown). Its data stays.
    async fn ensure_stopped(&self, service: &ServiceSpec) -> Result<(), PostgresError>;

    /// Ends it and takes its data away. One that is gone is a success.
    async fn delete(&self, service: &ServiceSpec) -> Result<(), PostgresError>;

    /// Ends those sessions that come from there (`pg_terminate_backend`).
    async fn end_sessions(
        &self,
        service: &ServiceSpec,
        sources: &Sources,
        which: Which,
    ) -> Result<Ended, PostgresError>;

    /// What the operator of a service should know before clients come by a private way, if there is something.
    async fn advice(&self, service: &ServiceSpec) -> Option<String>;

    /// What the services that it makes can have beside plain PostgreSQL.
    fn addons(&self) -> BTreeSet<Addon>;

    /// A page of the service's own log, the newest entries first.
    async fn logs(&self, service: &ServiceSpec, query: &LogQuery)
    -> Result<LogPage, PostgresError>;

    /// The certificate authority that signs services' certificates, PEM.
    fn authority(&self) -> String;

    /// Where on this machine that certificate is, for `sslrootcert=`.
    fn authority_path(&self) -> String;
}

/// Which sessions are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// Those that are in no transaction, and those that come out of theirs within this time.
    Idle(Duration),
}

/// What came of ending sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// So many were told to end; more may be coming to their end.
    Sessions(u64),
    /// Some may go on, since Strait may not end them: why, and what to do.
    NotAllowed(String),
}

/// Where services come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Strait makes them, and takes them away.
    Made,
    /// They exist, and their operator registers them.
    Registered,
}

/// A service as the plane wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSpec {
    /// The plane's id: the key.
    pub id: String,
    /// Where.
    pub region: String,
    /// What is to be made, or where it is.
    pub kind: ServiceKind,
}

/// What a service is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceKind {
    /// Strait makes it.
    Made(Made),
    /// It exists.
    Registered(Registration),
}

/// What Strait makes a service with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Names that its certificate covers.
    pub names: Vec<String>,
    /// The SCRAM-SHA-256 verifier of `tsdbadmin`'s password, as PostgreSQL keeps it.
    pub password_verifier: String,
    /// What it has beside plain PostgreSQL.
    pub addons: BTreeSet<Addon>,
}

/// Why a service could not be run.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PostgresError {
    /// It would fail again: what is wrong and what to do.
    #[error("{0}")]
    Failed(String),
    /// It may work later.
    #[error("{0}")]
    Temporary(String),
}
