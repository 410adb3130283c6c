//! What the plane asks of whoever runs the PostgreSQL services.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use async_trait::async_trait;

/// Runs services. Every verb is safe to repeat and keyed by the service's id.
#[async_trait]
pub trait Postgres: Send + Sync {
    /// Makes the service's PostgreSQL and starts it, or finds that it runs. Returns when it accepts connections.
    async fn ensure_running(&self, service: &ServiceSpec) -> Result<(), PostgresError>;

    /// Stops it in an orderly way (fast shutdown). Its data stays.
    async fn ensure_stopped(&self, service: &ServiceSpec) -> Result<(), PostgresError>;

    /// Ends it and takes its data away. One that is gone is a success.
    async fn delete(&self, service: &ServiceSpec) -> Result<(), PostgresError>;

    /// Ends the sessions that come from these addresses (`pg_terminate_backend`); returns how many there were.
    async fn end_sessions(
        &self,
        service: &ServiceSpec,
        sources: &BTreeSet<Ipv4Addr>,
    ) -> Result<u64, PostgresError>;

    /// The certificate authority that signs services' certificates, PEM.
    fn authority(&self) -> String;

    /// Where on this machine that certificate is, for `sslrootcert=`.
    fn authority_path(&self) -> String;
}

/// A service as the plane wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSpec {
    /// The plane's id: the key.
    pub id: String,
    /// Where.
    pub region: String,
    /// Names that its certificate covers.
    pub names: Vec<String>,
    /// The SCRAM-SHA-256 verifier of `tsdbadmin`'s password, as PostgreSQL keeps it.
    pub password_verifier: String,
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
