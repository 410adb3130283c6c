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
    // All but 127.0.0.2 are other tests'.
    let private = [
        "127.0.0.2/32",
        "127.0.0.1/32",
        "127.0.0.5/32",
        "127.0.0.6/32",
    ]
    .map(str::to_owned);
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
async fn sessions_that_work_are_ended_between_two_transactions() {
    let pool = database::database().await;
    let (worker, sleeper) = (
        session(&pool, "127.0.0.6", "strait").await,
        session(&pool, "127.0.0.6", "strait").await,
    );
    for client in [&worker, &sleeper] {
        client.batch_execute("BEGIN").await.expect("begun");
    }
    let mut own = connection(&pool, "strait").await;
    let from = ["127.0.0.6".to_owned()];
    let now = Which::Idle(Duration::ZERO);
    let ended = end(&mut own, now, false, &from).await.expect("ended");
    assert_eq!(ended, (0, 0), "both are in a transaction");
    let commit = async {
        sleep(Duration::from_millis(200)).await;
        worker.batch_execute("COMMIT").await.expect("committed");
    };
    let within = Which::Idle(Duration::from_secs(5));
    let ((), ended) = tokio::join!(commit, end(&mut own, within, false, &from));
    assert_eq!(ended.expect("ended"), (1, 0));
    assert!(worker.batch_execute("BEGIN").await.is_err());
    sleeper.batch_execute("COMMIT").await.expect("it goes on");
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
