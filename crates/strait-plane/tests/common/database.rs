//! A database of its own for each test, in one throw-away PostgreSQL for the test process.

use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};

use cluster::Cluster;

#[path = "cluster.rs"]
mod cluster;

static SERVER: OnceLock<Cluster> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A new, empty database.
pub(crate) async fn database() -> PgPool {
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
    sqlx::raw_sql(&format!("CREATE DATABASE {name}"))
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
