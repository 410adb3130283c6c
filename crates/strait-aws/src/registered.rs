//! The plane's `Postgres` for services that exist: Strait does not run them. It ends sessions in them, where their
//! operator gave it a role for that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use strait_plane::cloud::Sources;
use strait_plane::model::{Addon, LogPage, LogQuery, Registration};
use strait_plane::postgres::{
    Ended, Origin, Postgres, PostgresError, ServiceKind, ServiceSpec, Which,
};
use tokio::time::{Instant, sleep, timeout};

use crate::private;
use crate::seen::lock;

/// How long a service may take for its answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks for sessions that are idle just now.
const IDLE_PAUSE: Duration = Duration::from_millis(25);
/// How long a connection is kept for the next turn.
const KEEP: Duration = Duration::from_secs(3);
/// What `tcp_keepalives_idle` must be under, in seconds: AWS ends flows that were idle for 350 s
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/network/network-load-balancers.html#connection-idle-timeout>).
const KEEPALIVES_UNDER: i32 = 300;
/// What Linux has where PostgreSQL says 0.
const SYSTEMS_KEEPALIVES: i32 = 7200;
/// Private in IPv6: loopback, unique local, link-local.
const PRIVATE_IPV6: [&str; 3] = ["::1", "fc00::/7", "fe80::/10"];

/// Registered services.
#[derive(Debug)]
pub struct Registered {
    authority: String,
    authority_path: PathBuf,
    connections: Connections,
}

impl Registered {
    /// `authority` holds the certificates, PEM, of those who signed the services' certificates; users are told to verify
    /// with it where it is on their server (RDS's bundle:
    /// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html>).
    #[must_use]
    pub fn new(authority: &str, authority_path: &Path) -> Self {
        Self {
            authority: authority.to_owned(),
            authority_path: authority_path.to_owned(),
            connections: Connections::default(),
        }
    }
}

#[async_trait]
impl Postgres for Registered {
    fn origin(&self) -> Origin {
        Origin::Registered
    }

    async fn ensure_running(&self, service: &ServiceSpec) -> Result<(), PostgresError> {
        // It runs or it does not; nothing of that is Strait's. Ways show whether load balancers reach it.
        registration(service).map(drop)
    }

    async fn ensure_stopped(&self, service: &ServiceSpec) -> Result<(), PostgresError> {
        Err(PostgresError::Failed(format!(
            "service {} is not Strait's to stop",
            service.id
        )))
    }

    async fn delete(&self, _service: &ServiceSpec) -> Result<(), PostgresError> {
        // What was registered is forgotten, and goes on.
        Ok(())
    }

    async fn end_sessions(
        &self,
        service: &ServiceSpec,
        sources: &Sources,
        which: Which,
    ) -> Result<Ended, PostgresError> {
        let registration = registration(service)?;
        let Some(file) = &registration.sessions_file else {
            return Ok(Ended::NotAllowed(format!(
                "sessions that were open by the closed way may go on, since no `sessions_file` was given for {}; end them in PostgreSQL",
                registration.host
            )));
        };
        // A move is not held up by this: the way is closed to what is new.
        match end_by(&self.connections, file, sources, which).await {
            Ok(ended) => Ok(ended),
            Err(error) => Ok(Ended::NotAllowed(format!(
                "sessions that were open by the closed way may go on: {error}. End them in PostgreSQL"
            ))),
        }
    }

    async fn advice(&self, service: &ServiceSpec) -> Option<String> {
        let registration = registration(service).ok()?;
        // Without a file, those who register are told that nobody looks.
        let file = registration.sessions_file.as_ref()?;
        let said = async {
            let mut connection = self.connections.take(file).await?;
            let seconds = keepalives_idle(&mut connection).await?;
            self.connections.keep(file, connection);
            Ok::<_, PostgresError>(too_long(seconds))
        };
        said.await.unwrap_or_else(|error| {
            Some(format!(
                "whether its tcp_keepalives_idle is under {KEEPALIVES_UNDER} could not be looked at: {error}"
            ))
        })
    }

    fn addons(&self) -> BTreeSet<Addon> {
        // It makes none.
        BTreeSet::new()
    }

    async fn logs(&self, service: &ServiceSpec, _: &LogQuery) -> Result<LogPage, PostgresError> {
        let registration = registration(service)?;
        Err(PostgresError::Failed(format!(
            "the log of service {} is where it runs, {}",
            service.id, registration.host
        )))
    }

    fn authority(&self) -> String {
        self.authority.clone()
    }

    fn authority_path(&self) -> String {
        self.authority_path.display().to_string()
    }
}

/// After how many seconds without traffic PostgreSQL asks whether a client is still there; 0 leaves that to the system.
async fn keepalives_idle(connection: &mut PgConnection) -> Result<i32, PostgresError> {
    let setting = sqlx::query_scalar("SELECT current_setting('tcp_keepalives_idle')::integer");
    setting.fetch_one(connection).await.map_err(|error| {
        PostgresError::Temporary(format!("SHOW tcp_keepalives_idle failed: {error}"))
    })
}

fn too_long(seconds: i32) -> Option<String> {
    let seconds = if seconds == 0 {
        SYSTEMS_KEEPALIVES
    } else {
        seconds
    };
    (seconds >= KEEPALIVES_UNDER).then(|| {
        format!(
            "its tcp_keepalives_idle is {seconds} s, and AWS ends connections by a private way that were idle for 350 s, and tells nobody: let it be under {KEEPALIVES_UNDER} (RDS: in the parameter group; elsewhere: ALTER SYSTEM SET tcp_keepalives_idle = 240, and SELECT pg_reload_conf()), or let clients ask (keepalives_idle=240)"
        )
    })
}

async fn end_by(
    connections: &Connections,
    file: &str,
    sources: &Sources,
    which: Which,
) -> Result<Ended, PostgresError> {
    let mut connection = connections.take(file).await?;
    if let Some(why) = may_end_sessions(&mut connection).await? {
        return Ok(Ended::NotAllowed(why));
    }
    let (ended, left) = match sources {
        Sources::These(addresses) => {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            end(&mut connection, which, false, &addresses).await?
        }
        Sources::Internet => {
            let private = private::all().map(|range| range.to_string());
            let private: Vec<String> = private.chain(PRIVATE_IPV6.map(str::to_owned)).collect();
            end(&mut connection, which, true, &private).await?
        }
    };
    connections.keep(file, connection);
    if ended == 0 && left > 0 {
        return Ok(Ended::NotAllowed(format!(
            "{left} sessions of superusers that were open by the closed way go on, which only a superuser may end; end them in PostgreSQL"
        )));
    }
    Ok(Ended::Sessions(u64::try_from(ended).unwrap_or_default()))
}

fn registration(service: &ServiceSpec) -> Result<&Registration, PostgresError> {
    match &service.kind {
        ServiceKind::Registered(registration) => Ok(registration),
        ServiceKind::Made(_) => Err(PostgresError::Failed(format!(
            "service {} was made by an embedded Strait; delete it here and register it",
            service.id
        ))),
    }
}

/// Connections that were just used, by the file that says where to: sessions are ended in turns, until none is left.
#[derive(Debug, Default, Clone)]
struct Connections(Arc<Mutex<BTreeMap<String, (Instant, PgConnection)>>>);

impl Connections {
    async fn take(&self, file: &str) -> Result<PgConnection, PostgresError> {
        let kept = lock(&self.0).remove(file);
        if let Some((_, mut connection)) = kept
            && matches!(timeout(PATIENCE, connection.ping()).await, Ok(Ok(())))
        {
            return Ok(connection);
        }
        connect(file).await
    }

    fn keep(&self, file: &str, connection: PgConnection) {
        let until = Instant::now() + KEEP;
        lock(&self.0).insert(file.to_owned(), (until, connection));
        let (connections, file) = (self.clone(), file.to_owned());
        tokio::spawn(async move {
            sleep(KEEP).await;
            let mut kept = lock(&connections.0);
            if kept
                .get(&file)
                .is_some_and(|(until, _)| *until <= Instant::now())
            {
                kept.remove(&file);
            }
        });
    }
}

async fn connect(file: &str) -> Result<PgConnection, PostgresError> {
    let text = tokio::fs::read_to_string(file).await.map_err(|error| {
        PostgresError::Failed(format!(
            "the file {file} with the connection string for ending sessions cannot be read ({error}); put it there, readable for Strait's user only"
        ))
    })?;
    // The string holds a password: it is never part of a message.
    let options: PgConnectOptions = text.trim().parse().map_err(|_| {
        PostgresError::Failed(format!(
            "the file {file} holds no connection string; write one line as in postgres://strait_sessions:PASSWORD@HOST:5432/postgres?sslmode=verify-full"
        ))
    })?;
    let options = options.application_name("strait");
    let (host, port) = (options.get_host().to_owned(), options.get_port());
    let connected = timeout(PATIENCE, options.connect()).await;
    match connected {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(PostgresError::Temporary(format!(
            "{host}:{port} did not let Strait in to end sessions ({error}); look at {file} and at the security group of the service"
        ))),
        Err(_) => Err(PostgresError::Temporary(format!(
            "{host}:{port} does not answer within {} s; let the security group of Strait's server in on that port",
            PATIENCE.as_secs()
        ))),
    }
}

/// Why the role may not end others' sessions, if it may not. Sessions of superusers can be ended by superusers only, and
/// `rds_superuser` is none.
async fn may_end_sessions(connection: &mut PgConnection) -> Result<Option<String>, PostgresError> {
    let (role, may): (String, bool) = sqlx::query_as(
        "SELECT current_user::text, (pg_has_role(current_user, 'pg_signal_backend', 'USAGE')
                 AND pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'))
             OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)",
    )
    .fetch_one(connection)
    .await
    .map_err(|error| statement(&error))?;
    Ok((!may).then(|| {
        format!(
            "sessions that were open by the closed way may go on: the role {role} may not end them; GRANT pg_signal_backend, pg_read_all_stats TO {role}"
        )
    }))
}

/// Ends the clients' sessions that come from these ranges, or from anywhere else. Returns how many it ended, and how many
/// it may not end. Those that work are met between two transactions: they are looked for all the time.
async fn end(
    connection: &mut PgConnection,
    which: Which,
    from_elsewhere: bool,
    ranges: &[String],
) -> Result<(i64, i64), PostgresError> {
    let deadline = match which {
        Which::All => Instant::now(),
        Which::Idle(within) => Instant::now() + within,
    };
    let mut sum = 0;
    loop {
        let (ended, left) = end_now(connection, which, from_elsewhere, ranges).await?;
        sum += ended;
        if Instant::now() + IDLE_PAUSE > deadline {
            return Ok((sum, left));
        }
        sleep(IDLE_PAUSE).await;
    }
}

async fn end_now(
    connection: &mut PgConnection,
    which: Which,
    from_elsewhere: bool,
    ranges: &[String],
) -> Result<(i64, i64), PostgresError> {
    sqlx::query_as(
        "WITH session AS MATERIALIZED (
             SELECT a.pid, NOT coalesce(r.rolsuper, false) OR me.rolsuper AS may_end
             FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid
             JOIN pg_roles me ON me.rolname = current_user
             WHERE a.client_addr IS NOT NULL AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
                 AND (a.client_addr <<= ANY ($1::text[]::inet[])) <> $2 AND (a.state = 'idle' OR NOT $3))
         SELECT count(*) FILTER (WHERE may_end AND pg_terminate_backend(pid)), count(*) FILTER (WHERE NOT may_end)
         FROM session",
    )
    .bind(ranges)
    .bind(from_elsewhere)
    .bind(match which {
        Which::All => false,
        Which::Idle(_) => true,
    })
    .fetch_one(connection)
    .await
    .map_err(|error| statement(&error))
}

fn statement(error: &sqlx::Error) -> PostgresError {
    PostgresError::Temporary(format!("ending sessions failed: {error}"))
}

#[cfg(test)]
#[path = "../../strait-plane/tests/common/database.rs"]
mod database;

#[cfg(test)]
mod tests;
