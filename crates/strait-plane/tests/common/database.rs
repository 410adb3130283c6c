//! A database of its own for each test, in one throw-away PostgreSQL for the test process.

use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};
use strait_plane::Keeper;
use tokio::sync::OnceCell;

use cluster::Cluster;

#[path = "cluster.rs"]
mod cluster;

static SERVER: OnceLock<Cluster> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);
/// Tables without rows: to copy them is quicker than to make them.
static TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// A new database, with its tables.
pub(crate) async fn database() -> PgPool {
    let template = TEMPLATE.get_or_init(template).await;
    created(template).await
}

async fn template() -> String {
    let pool = created("template1").await;
    let made = Keeper::open(pool.clone()).await;
    made.expect("tables");
    // Nobody may be in a database that is copied.
    pool.close().await;
    let options = pool.connect_options();
    options.get_database().expect("a name").to_owned()
}

async fn created(template: &str) -> PgPool {
    let server = SERVER.get_or_init(|| cluster::start(None));
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let options = PgConnectOptions::from_str("postgres:///postgres")
        .expect("a URL")
        .socket(&server.directory)
        .port(server.port)
        .username("strait");
    let mut connection = PgConnection::connect_with(&options)
        .await
        .expect("a connection");
    sqlx::raw_sql(&format!("CREATE DATABASE {name} TEMPLATE {template}"))
        .execute(&mut connection)
        .await
        .expect("a database");
    connection.close().await.expect("an orderly end");
    PgPoolOptions::new()
        .max_connections(10)
        .connect_with(options.database(&name))
        .await
        .expect("a pool")
}
