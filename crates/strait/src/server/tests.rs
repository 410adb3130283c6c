//! A server on a real PostgreSQL, with a cloud and services that only pretend.

use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
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
