//! Statements that Strait itself makes in a service, over a connection that is opened inside the service's namespace.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use strait_kernel::Kernel;
use strait_plane::postgres::Which;
use strait_plane::scram_verifier;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::config::Config;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, NoTls};

use super::config::ADMIN;

/// Where a service's PostgreSQL listens in its own namespace.
pub(super) const HERE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 5432);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const LOGIN_TIMEOUT: Duration = Duration::from_secs(5);
const END_TIMEOUT: Duration = Duration::from_secs(1);
const END_PAUSE: Duration = Duration::from_millis(10);
/// Between two looks for sessions that are idle just now.
const IDLE_PAUSE: Duration = Duration::from_millis(15);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoConnection {
    /// Nobody listens, or the kernel refuses.
    #[error("{0}")]
    Unreachable(String),
    /// PostgreSQL listens and says that it is not ready.
    #[error("{0}")]
    NotYet(String),
    /// The password is another one.
    #[error("the password of Strait's own role is refused")]
    Password,
    /// PostgreSQL refused for another reason.
    #[error("{0}")]
    Refused(tokio_postgres::Error),
}

/// The database that Strait itself connects to.
pub(super) const OWN: &str = "postgres";
/// The users' database.
pub(super) const TSDB: &str = "tsdb";

/// Connects to the service's own server, from within, as the superuser.
pub(super) async fn connect(
    kernel: &Arc<Kernel>,
    host: &str,
    database: &str,
    password: &str,
) -> Result<Client, NoConnection> {
    let stream = open(kernel, host).await?;
    let mut config = Config::new();
    config
        .user(ADMIN)
        .password(password)
        .dbname(database)
        .application_name("strait");
    let (client, connection) = timeout(LOGIN_TIMEOUT, config.connect_raw(stream, NoTls))
        .await
        .map_err(|_| NoConnection::NotYet("no answer to the login".to_owned()))?
        .map_err(refusal)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection of Strait's own ended");
        }
    });
    Ok(client)
}

/// Gives Strait's own role another password.
pub(super) async fn set_own_password(
    client: &Client,
    password: &str,
) -> Result<(), tokio_postgres::Error> {
    keep(client, ADMIN, &scram_verifier(password)).await
}

/// Gives `tsdbadmin` this verifier, unless it has it.
pub(super) async fn set_verifier(
    client: &Client,
    verifier: &str,
) -> Result<(), tokio_postgres::Error> {
    let row = client
        .query_opt(
            "select rolpassword from pg_authid where rolname = 'tsdbadmin'",
            &[],
        )
        .await?;
    let had: Option<String> = row.and_then(|row| row.get(0));
    if had.as_deref() == Some(verifier) {
        return Ok(());
    }
    keep(client, "tsdbadmin", verifier).await
}

/// Makes an extension, with those that it needs, unless it is there.
pub(super) async fn create_extension(
    client: &Client,
    name: &str,
) -> Result<(), tokio_postgres::Error> {
    let statement = format!("create extension if not exists {name} cascade");
    client.batch_execute(&statement).await
}

/// Whether a connection was refused because there is no such database.
pub(super) fn is_no_database(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::INVALID_CATALOG_NAME)
}

/// Makes the server read its configuration and certificate again.
pub(super) async fn reload(client: &Client) -> Result<(), tokio_postgres::Error> {
    client.batch_execute("select pg_reload_conf()").await
}

/// Ends those sessions from these addresses, and if it is all, waits a moment until they are gone; returns how many there
/// were.
pub(super) async fn end_sessions(
    client: &Client,
    sources: &BTreeSet<Ipv4Addr>,
    which: Which,
) -> Result<u64, tokio_postgres::Error> {
    let sources: Vec<String> = sources.iter().map(ToString::to_string).collect();
    match which {
        Which::All => end_all(client, &sources).await,
        Which::Idle(within) => end_idle(client, &sources, within).await,
    }
}

/// Ends the sessions that come from exactly these addresses and ports; returns how many there were.
pub(super) async fn end_these(
    client: &Client,
    sources: &BTreeSet<SocketAddrV4>,
) -> Result<u64, tokio_postgres::Error> {
    let addresses: Vec<String> = (sources.iter())
        .map(|source| source.ip().to_string())
        .collect();
    let ports: Vec<i32> = sources.iter().map(|source| source.port().into()).collect();
    client
        .execute(
            "select pg_terminate_backend(a.pid) from pg_stat_activity a
             join unnest($1::text[]::inet[], $2::int[]) as source (address, port)
                 on a.client_addr = source.address and a.client_port = source.port
             where a.pid <> pg_backend_pid()",
            &[&addresses, &ports],
        )
        .await
}

/// What `ALTER ROLE … PASSWORD` does. That one takes no parameter, so that the verifier would be in the statement's text, which
/// PostgreSQL writes into the service's log when the statement fails or its process ends, for the service's users to read.
/// A role that is not there is an error too: the cast's.
async fn keep(client: &Client, role: &str, verifier: &str) -> Result<(), tokio_postgres::Error> {
    let statement = "update pg_authid set rolpassword = $1 where oid = $2::text::regrole";
    client
        .execute(statement, &[&Hidden(verifier), &role])
        .await
        .map(drop)
}

/// A parameter that is not shown: the driver tells parameters to Strait's own log at level debug.
struct Hidden<'a>(&'a str);

impl fmt::Debug for Hidden<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl ToSql for Hidden<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.to_sql(kind, out)
    }

    fn accepts(kind: &Type) -> bool {
        <&str as ToSql>::accepts(kind)
    }

    to_sql_checked!();
}

async fn end_all(client: &Client, sources: &[String]) -> Result<u64, tokio_postgres::Error> {
    let deadline = Instant::now() + END_TIMEOUT;
    let mut ended = BTreeSet::new();
    loop {
        // Each round tells those again that came meanwhile.
        let rows = client
            .query(
                "select pid, pg_terminate_backend(pid) from pg_stat_activity
                 where client_addr = any ($1::text[]::inet[]) and pid <> pg_backend_pid()",
                &[&sources],
            )
            .await?;
        ended.extend(rows.iter().map(|row| row.get::<_, i32>(0)));
        if rows.is_empty() || Instant::now() > deadline {
            return Ok(u64::try_from(ended.len()).unwrap_or(u64::MAX));
        }
        sleep(END_PAUSE).await;
    }
}

/// Those that work are met between two transactions: they are looked for all the time.
async fn end_idle(
    client: &Client,
    sources: &[String],
    within: Duration,
) -> Result<u64, tokio_postgres::Error> {
    let deadline = Instant::now() + within;
    // One may begin a transaction at any moment, so each is looked at just before it is ended.
    let end = client
        .prepare(
            "select pg_terminate_backend(pid) from pg_stat_get_activity($1) where state = 'idle'",
        )
        .await?;
    let mut ended = 0;
    loop {
        let rows = client
            .query(
                "select pid from pg_stat_activity
                 where client_addr = any ($1::text[]::inet[]) and pid <> pg_backend_pid() and state = 'idle'",
                &[&sources],
            )
            .await?;
        for row in rows {
            ended += client.execute(&end, &[&row.get::<_, i32>(0)]).await?;
        }
        if Instant::now() + IDLE_PAUSE > deadline {
            return Ok(ended);
        }
        sleep(IDLE_PAUSE).await;
    }
}

async fn open(kernel: &Arc<Kernel>, host: &str) -> Result<tokio::net::TcpStream, NoConnection> {
    let unreachable = |error: &dyn std::fmt::Display| NoConnection::Unreachable(error.to_string());
    let (kernel, host) = (kernel.clone(), host.to_owned());
    let stream = tokio::task::spawn_blocking(move || {
        kernel.inside(&host, || {
            TcpStream::connect_timeout(&HERE.into(), CONNECT_TIMEOUT)
        })
    })
    .await
    .map_err(|error| unreachable(&error))?
    .map_err(|error| unreachable(&error))?
    .map_err(|error| unreachable(&error))?;
    stream
        .set_nonblocking(true)
        .map_err(|error| unreachable(&error))?;
    tokio::net::TcpStream::from_std(stream).map_err(|error| unreachable(&error))
}

fn refusal(error: tokio_postgres::Error) -> NoConnection {
    let Some(code) = error.code() else {
        return NoConnection::NotYet(error.to_string());
    };
    if *code == SqlState::CANNOT_CONNECT_NOW {
        let message = error.as_db_error().map_or("", |answer| answer.message());
        return NoConnection::NotYet(message.to_owned());
    }
    if *code == SqlState::INVALID_PASSWORD {
        return NoConnection::Password;
    }
    NoConnection::Refused(error)
}
