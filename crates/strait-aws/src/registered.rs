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
/// it may not end.
async fn end(
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
    .bind(which == Which::Idle)
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
mod tests {
    use std::net::SocketAddr;

    use sqlx::PgPool;
    use tokio::net::TcpSocket;
    use tokio_postgres::{Client, Config, NoTls};

    use super::*;

    #[tokio::test]
    async fn sessions_from_the_internet_end_and_others_go_on() {
        let pool = database::database().await;
        let near = session(&pool, "127.0.0.2", "strait").await;
        let far = session(&pool, "127.0.0.3", "strait").await;
        let mut own = connection(&pool, "strait").await;
        // 127.0.0.1 and 127.0.0.5 are other tests'.
        let private = ["127.0.0.2/32", "127.0.0.1/32", "127.0.0.5/32"].map(str::to_owned);
        assert_eq!(
            end(&mut own, Which::All, true, &private)
                .await
                .expect("ended"),
            (1, 0)
        );
        assert!(far.batch_execute("SELECT 1").await.is_err());
        assert!(near.batch_execute("SELECT 1").await.is_ok());

        assert_eq!(
            end(&mut own, Which::All, false, &private[..1])
                .await
                .expect("ended"),
            (1, 0)
        );
        assert!(near.batch_execute("SELECT 1").await.is_err());
        assert!(
            sqlx::query("SELECT 1").execute(&mut own).await.is_ok(),
            "its own goes on"
        );
    }

    #[tokio::test]
    async fn the_role_of_the_docs_may_end_all_but_superusers() {
        let pool = database::database().await;
        let role = format!("sessions_{}", std::process::id());
        let app = format!("app_{}", std::process::id());
        let sql = format!("CREATE ROLE {role} LOGIN; CREATE ROLE {app} LOGIN");
        sqlx::raw_sql(&sql).execute(&pool).await.expect("roles");
        let mut own = connection(&pool, &role).await;
        let why = may_end_sessions(&mut own)
            .await
            .expect("an answer")
            .expect("it may not");
        assert!(
            why.contains("GRANT pg_signal_backend, pg_read_all_stats"),
            "{why}"
        );

        let sql = format!("GRANT pg_signal_backend, pg_read_all_stats TO {role}");
        sqlx::raw_sql(&sql).execute(&pool).await.expect("rights");
        assert_eq!(may_end_sessions(&mut own).await.expect("an answer"), None);
        let client = session(&pool, "127.0.0.5", &app).await;
        let superuser = session(&pool, "127.0.0.5", "strait").await;
        let from = ["127.0.0.5".to_owned()];
        assert_eq!(
            end(&mut own, Which::All, false, &from)
                .await
                .expect("ended"),
            (1, 1)
        );
        assert!(client.batch_execute("SELECT 1").await.is_err());
        assert!(superuser.batch_execute("SELECT 1").await.is_ok());
    }

    #[tokio::test]
    async fn turns_share_a_connection_and_it_ends_when_they_are_over() {
        let pool = database::database().await;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("sessions");
        let options = pool.connect_options();
        let url = format!(
            "postgres://strait@127.0.0.1:{}/{}",
            options.get_port(),
            options.get_database().expect("a database")
        );
        std::fs::write(&file, url).expect("written");
        let path = file.to_str().expect("UTF-8");
        let connections = Connections::default();
        let nobody = Sources::These(["192.0.2.1".parse().expect("an address")].into());
        let pids = async || -> Vec<i32> {
            sqlx::query_scalar("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'strait'")
                .fetch_all(&pool)
                .await
                .expect("an answer")
        };
        let turn = async || {
            end_by(&connections, path, &nobody, Which::All)
                .await
                .expect("ended")
        };
        assert_eq!(turn().await, Ended::Sessions(0));
        let first = pids().await;
        turn().await;
        assert_eq!((first.len(), pids().await), (1, first.clone()));

        let sql = format!("SELECT pg_terminate_backend({})", first[0]);
        sqlx::raw_sql(&sql).execute(&pool).await.expect("ended");
        turn().await;
        assert_ne!(pids().await, first, "one that broke is replaced");
        let patience = Instant::now() + KEEP + PATIENCE;
        while !pids().await.is_empty() {
            assert!(Instant::now() < patience, "the connection stays open");
            sleep(Duration::from_millis(50)).await;
        }
    }

    #[tokio::test]
    async fn keepalives_that_come_too_late_are_told_of() {
        let pool = database::database().await;
        let options = pool.connect_options();
        let database = options.get_database().expect("a database").to_owned();
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("sessions");
        let url = format!(
            "postgres://strait@127.0.0.1:{}/{database}",
            options.get_port()
        );
        std::fs::write(&file, url).expect("written");
        let advice = async |setting: &str, sessions_file: Option<&Path>| {
            let sql = format!("ALTER DATABASE {database} SET tcp_keepalives_idle = {setting}");
            sqlx::raw_sql(&sql).execute(&pool).await.expect("set");
            // A new one each time: a connection keeps the setting that it began with.
            let registered = Registered::new("", Path::new("/ca.pem"));
            registered.advice(&service(sessions_file)).await
        };
        assert_eq!(advice("299", Some(&file)).await, None);
        for (setting, told) in [("300", "300 s"), ("0", "7200 s"), ("7200", "7200 s")] {
            let told_of = advice(setting, Some(&file)).await.expect("it is too long");
            assert!(told_of.contains(told), "{told_of}");
            assert!(told_of.contains("parameter group"), "{told_of}");
        }
        assert_eq!(advice("0", None).await, None, "nobody looks");
        let missing = folder.path().join("missing");
        let told = advice("0", Some(&missing)).await.expect("it is told");
        assert!(told.contains("could not be looked at"), "{told}");
    }

    #[test]
    fn zero_is_the_systems_own() {
        assert_eq!(too_long(240), None);
        assert!(too_long(0).is_some_and(|told| told.contains("7200 s")));
    }

    fn service(sessions_file: Option<&Path>) -> ServiceSpec {
        ServiceSpec {
            id: "kd9w2xp4mz".to_owned(),
            region: "eu-west-1".to_owned(),
            kind: ServiceKind::Registered(Registration {
                host: "10.1.2.3".to_owned(),
                port: 5432,
                found_by: None,
                vpc_id: "vpc-0123456789abcdef0".to_owned(),
                subnet_ids: [].into(),
                public_way: strait_plane::model::PublicWay::None,
                sessions_file: sessions_file.map(|file| file.display().to_string()),
            }),
        }
    }

    #[tokio::test]
    async fn a_file_that_is_no_help_is_told_of_without_its_text() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("sessions");
        let path = file.to_str().expect("UTF-8");
        let missing = connect(path).await.expect_err("there is none").to_string();
        assert!(
            missing.contains(path) && missing.contains("put it there"),
            "{missing}"
        );
        std::fs::write(&file, "password=secret host").expect("written");
        let wrong = connect(path).await.expect_err("no URL").to_string();
        assert!(
            wrong.contains("postgres://") && !wrong.contains("secret"),
            "{wrong}"
        );
        std::fs::write(&file, "postgres://me:secret@127.0.0.1:1/postgres").expect("written");
        let nobody = connect(path).await.expect_err("nobody listens").to_string();
        assert!(
            nobody.contains("127.0.0.1:1") && !nobody.contains("secret"),
            "{nobody}"
        );
    }

    async fn connection(pool: &PgPool, role: &str) -> PgConnection {
        let options = pool.connect_options().as_ref().clone().username(role);
        options.connect().await.expect("a connection")
    }

    /// A client's session that PostgreSQL sees come from this address.
    async fn session(pool: &PgPool, from: &str, role: &str) -> Client {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket
            .bind(SocketAddr::new(from.parse().expect("an address"), 0))
            .expect("loopback has it");
        let options = pool.connect_options();
        let server = SocketAddr::from(([127, 0, 0, 1], options.get_port()));
        let stream = socket.connect(server).await.expect("PostgreSQL listens");
        let database = options.get_database().expect("a database");
        let connected = Config::new()
            .user(role)
            .dbname(database)
            .connect_raw(stream, NoTls)
            .await;
        let (client, connection) = connected.expect("a session");
        tokio::spawn(connection);
        client
    }
}
