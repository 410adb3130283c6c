//! The plane's store, wherever an operator has put it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, anyhow};
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgConnection, PgPool};
use strait_kernel::shut_connections;
use strait_plane::Pulse;
use tokio::sync::watch;

use crate::config::Database;

/// The oldest PostgreSQL that works, as it numbers itself: `public` belongs to the database's owner since 15.
const OLDEST: u32 = 150_000;

/// How long a connection may take to open.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections that one server opens at most.
const CONNECTIONS: u32 = 8;

/// How long a request may wait for a connection. The plane's pulse of the store stops before.
const WAIT: Duration = Duration::from_millis(4500);

/// How long a connection that is there may take to say so.
const TEST: Duration = Duration::from_secs(2);

/// Connects to the store.
///
/// # Errors
/// When it cannot be reached, lets nobody in or is too old; what is wrong and what to do, without the password.
pub(crate) async fn connect(database: &Database) -> Result<PgPool> {
    // One by itself: a pool would try until its time is over, and say nothing but that.
    let options = database.options();
    let first = PgConnection::connect_with(&options);
    match tokio::time::timeout(PATIENCE, first).await {
        Ok(Ok(connection)) => {
            let version = connection.server_version_num();
            connection.close().await?;
            if let Some(version) = version.filter(|version| *version < OLDEST) {
                return Err(too_old(database, version));
            }
        }
        Ok(Err(error)) => return Err(refused(database, &error)),
        Err(_) => {
            return Err(anyhow!(
                "the store ({database}) did not answer within {} s: see that this machine may reach it (security groups, routes)",
                PATIENCE.as_secs()
            ));
        }
    }
    pool()
        .connect_with(options)
        .await
        .map_err(|error| refused(database, &error))
}

/// Connections that are there to be used, or soon are not: none is waited for longer than a request may wait.
pub(crate) fn pool() -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(WAIT)
        // sqlx's own test waits for ever.
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(answers(connection)))
        .after_release(|connection, _| Box::pin(answers(connection)))
}

/// Ends all connections to a store when it is silent: they may be of a machine that is gone, or a network that lost them, and
/// would be waited for until the kernel gives up, many minutes later. Runs until the server ends.
pub(crate) async fn cut_silent(options: PgConnectOptions, mut pulse: watch::Receiver<Pulse>) {
    let mut known = Vec::new();
    loop {
        let silent = *pulse.borrow_and_update() == Pulse::Silent;
        // Its name may lead elsewhere by now, and the old connections count.
        for address in addresses(&options).await {
            if !known.contains(&address) {
                known.push(address);
            }
        }
        if silent {
            match shut_connections(&known, socket(&options).as_deref()) {
                Ok(count) => tracing::warn!(count, "connections to the silent store were ended"),
                Err(error) => {
                    tracing::error!(%error, "connections to the silent store could not be ended");
                }
            }
        }
        if pulse.changed().await.is_err() {
            return;
        }
    }
}

async fn answers(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    match tokio::time::timeout(TEST, connection.ping()).await {
        Ok(answered) => answered.map(|()| true),
        Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
    }
}

async fn addresses(options: &PgConnectOptions) -> Vec<SocketAddr> {
    if options.get_socket().is_some() || options.get_host().starts_with('/') {
        return Vec::new();
    }
    let host = options.get_host().trim_matches(['[', ']']);
    let found = tokio::net::lookup_host((host, options.get_port()));
    match tokio::time::timeout(TEST, found).await {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}

/// Where it listens if that is a Unix socket.
fn socket(options: &PgConnectOptions) -> Option<PathBuf> {
    let name = format!(".s.PGSQL.{}", options.get_port());
    let host = options.get_host();
    let folder = (options.get_socket().cloned())
        .or_else(|| host.starts_with('/').then(|| PathBuf::from(host)));
    folder.map(|folder| folder.join(name))
}

fn refused(database: &Database, error: &sqlx::Error) -> anyhow::Error {
    let code = error.as_database_error().and_then(DatabaseError::code);
    let advice = match (error, code.as_deref()) {
        (_, Some("28P01" | "28000")) => {
            "see that user and password in database_url are right, and pg_hba.conf lets them in"
        }
        (_, Some("3D000")) => "make the database first: CREATE DATABASE",
        (error, _) if is_of_certificates(error) => {
            "see that sslrootcert in database_url names the authority that signed its certificate, and the host is the \
             certificate's"
        }
        (_, _) => "see that it runs, and that this machine may reach it",
    };
    anyhow!("cannot connect to the store ({database}): {error}; {advice}")
}

fn too_old(database: &Database, version: u32) -> anyhow::Error {
    let major = |version: u32| version / 10_000;
    anyhow!(
        "the store ({database}) is PostgreSQL {}, which is too old: Strait needs {} or newer; upgrade it, or name another one in \
         database_url",
        major(version),
        major(OLDEST)
    )
}

/// Whether it is about TLS: rustls's refusals arrive as malformed input.
fn is_of_certificates(error: &sqlx::Error) -> bool {
    if let sqlx::Error::Io(error) = error {
        return error.kind() == std::io::ErrorKind::InvalidData;
    }
    matches!(error, sqlx::Error::Tls(_))
}
