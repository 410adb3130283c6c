//! A server on a real PostgreSQL, with a cloud and services that only pretend.

use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use strait_plane::postgres::Origin;

use super::*;

#[path = "../../../strait-plane/tests/common/mod.rs"]
#[allow(dead_code, reason = "the plane's tests use more of it")]
pub(super) mod common;

use common::cloud::FakeCloud;
use common::postgres::FakePostgres;
use common::script::Script;

pub(super) const ADMIN_KEY: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_serves_what_a_bootstrap_made_and_ends_in_order() {
    let config = config().await;
    let pool = store::connect(&config.database).await.expect("a store");
    let keeper = Keeper::open(pool).await.expect("up to date");
    let first = keeper.bootstrap("shop").await.expect("a project");
    let key = first.key.expect("keys");

    let (running, url, named) = started(&config).await;
    assert_eq!(named, keeper.store_id().await.expect("an id"));
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let health = client.get(format!("{url}/health")).send().await;
    assert_eq!(health.expect("an answer").status(), StatusCode::OK);

    let services = format!("{url}/public/api/v1/projects/{}/services", first.project.id);
    let register = client
        .post(format!("{services}/register"))
        .bearer_auth(ADMIN_KEY)
        .json(&json!({
            "region_code": "eu-central-1",
            "host": "db.example.com",
            "vpc_id": "vpc-0123456789abcdef0",
            "subnet_ids": ["subnet-0123456789abcdef0"],
            "public_way": {"kind": "none"}
        }));
    let taken = register.send().await.expect("an answer");
    assert_eq!(taken.status(), StatusCode::ACCEPTED);
    let taken: Value = taken.json().await.expect("JSON");
    let id = taken["service_id"].as_str().expect("an id");
    let ready: Value = client
        .get(format!("{services}/{id}?wait=20"))
        .basic_auth(&key.key.public_key, Some(&key.secret_key))
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert_eq!(ready["status"], "READY", "{ready}");

    tokio::time::timeout(Duration::from_secs(5), running.plane.shutdown())
        .await
        .expect("it ends");
}

#[tokio::test]
async fn a_store_that_is_not_there_is_told_without_its_password() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = closed.local_addr().expect("an address");
    drop(closed);
    let config = load(&format!("postgres://strait:hush@{address}/plane"), "");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let refused = start(&config, listener, async |_| unreachable!()).await;
    let Err(error) = refused else {
        panic!("nothing is there")
    };
    let shown = format!("{error:#} {error:?}");
    assert!(shown.contains(&format!("plane at {address}")), "{shown}");
    assert!(shown.contains("see that it runs"), "{shown}");
    assert!(!shown.contains("hush"), "{shown}");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told_as_such() {
    let socket = socket().await;
    let config = load(&format!("postgres:///nonesuch?{socket}&user=strait"), "");
    let error = store::connect(&config.database)
        .await
        .expect_err("no such database");
    assert!(error.to_string().contains("CREATE DATABASE"), "{error}");
}

#[tokio::test]
async fn a_postgresql_that_is_too_old_is_refused_by_its_version() {
    let url = |port| format!("postgres://strait:hush@127.0.0.1:{port}/plane?sslmode=disable");
    for (version, major) in [("14.20 (Debian 14.20-1)", "14"), ("9.6.24", "9")] {
        let config = load(&url(greeter(version).await), "");
        let error = store::connect(&config.database).await.expect_err("too old");
        let said = format!("PostgreSQL {major}, which is too old: Strait needs 15 or newer");
        assert!(error.to_string().contains(&said), "{error}");
        assert!(error.to_string().contains("database_url"), "{error}");
        assert!(!format!("{error:#} {error:?}").contains("hush"), "{error}");
    }
    for version in ["15.0", "15beta1", "18.1", "19devel"] {
        let config = load(&url(greeter(version).await), "");
        let pool = store::connect(&config.database).await;
        pool.unwrap_or_else(|error| panic!("{version}: {error}"));
    }
}

#[cfg(not(feature = "aws"))]
#[tokio::test]
async fn without_aws_it_says_how_to_get_it() {
    let config = load("postgres://strait@127.0.0.1/plane", "");
    for error in [
        cloud::built_in(config.cloud.kind).expect_err("not there"),
        cloud::connect(&config, "0123")
            .await
            .err()
            .expect("not there"),
    ] {
        assert!(error.to_string().contains("--features aws"), "{error}");
    }
}

/// A server, its URL, and the store's id that its cloud was told.
pub(super) async fn started(config: &Config) -> (Running, String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let mut named = String::new();
    let running = start(config, listener, async |store: &str| {
        named = store.to_owned();
        let script = Script::new();
        let cloud = FakeCloud::new(Arc::clone(&script));
        let postgres = FakePostgres::new(script, Origin::Registered);
        Ok((cloud as _, postgres as _))
    });
    let running = running.await.expect("it starts");
    (running, url, named)
}

/// What greets everybody as a PostgreSQL of this version does, and says no more; its port.
async fn greeter(version: &str) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port");
    let port = listener.local_addr().expect("its number").port();
    let told = format!("server_version\0{version}\0");
    let length = u32::try_from(told.len() + 4).expect("it is short");
    let parts: [&[u8]; 5] = [
        b"R\0\0\0\x08\0\0\0\0S",
        &length.to_be_bytes(),
        told.as_bytes(),
        b"K\0\0\0\x0c\0\0\0\x01\0\0\0\x02",
        b"Z\0\0\0\x05I",
    ];
    let greeting = parts.concat();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut startup = [0; 512];
            if stream.read(&mut startup).await.is_ok() {
                // Whoever has gone need not hear it.
                let _ = stream.write_all(&greeting).await;
                open.push(stream);
            }
        }
    });
    port
}

async fn config() -> Config {
    let pool = common::database::database().await;
    let options = pool.connect_options();
    let name = options.get_database().expect("a name").to_owned();
    let socket = place(&options);
    load(
        &format!("postgres:///{name}?{socket}&user=strait"),
        &format!("[http]\nadmin_key = \"{ADMIN_KEY}\""),
    )
}

async fn socket() -> String {
    let pool = common::database::database().await;
    place(&pool.connect_options())
}

/// Where a server is, as a part of a URL.
fn place(options: &PgConnectOptions) -> String {
    let socket = options.get_socket().expect("a socket").display();
    format!("host={socket}&port={}", options.get_port())
}

pub(super) fn load(url: &str, http: &str) -> Config {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("strait.toml");
    let pem = include_str!("../../../../tests/clients/authority.pem");
    std::fs::write(folder.path().join("ca.pem"), pem).expect("written");
    let text = format!(
        "database_url = \"{url}\"\ndomain = \"db.example.com\"\nca_file = \"ca.pem\"\n{http}\n[cloud]\nkind = \"aws\"\nregions = [\"eu-central-1\"]\n"
    );
    std::fs::write(&file, text).expect("written");
    Config::load(Some(&file)).expect("sound")
}
