use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::time::timeout;

use super::super::{Change, load};
use super::*;

#[path = "../../../../strait-plane/tests/common/cluster.rs"]
mod cluster;

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_made_once() {
    let store = Store::new().await;
    let mut head = store.head().await;
    head.write(&store.pool, &quota(1)).await.expect("written");

    // It was committed: here, by who stands for PostgreSQL at the moment when the connection is lost.
    let landed = async |other: &mut PgConnection| {
        sqlx::raw_sql(
            "update cloud.head set change = change + 1; update cloud.object set body = '2'; commit",
        )
        .execute(other)
        .await
        .expect("committed");
    };
    store
        .lose_answer(&mut head, 2, landed)
        .await
        .expect("it is known to be there");
    assert_eq!(store.quota().await, 2);

    // It was not.
    let lost = async |other: &mut PgConnection| {
        sqlx::raw_sql("rollback")
            .execute(other)
            .await
            .expect("rolled back");
    };
    store
        .lose_answer(&mut head, 3, lost)
        .await
        .expect("it is written after all");
    assert_eq!(store.quota().await, 3);
    assert_eq!(store.number().await, head.change, "each is counted once");
}

#[tokio::test]
async fn a_write_of_who_wrote_before_comes_too_late() {
    let store = Store::new().await;
    let mut former = store.head().await;
    former.write(&store.pool, &quota(1)).await.expect("written");
    let mut head = store.head().await;
    let late = former.write(&store.pool, &quota(2)).await;
    assert!(matches!(late, Err(LocalError::OtherServer)), "{late:?}");
    assert_eq!(store.quota().await, 1, "nothing of it is there");
    head.write(&store.pool, &quota(3)).await.expect("written");
    assert_eq!(store.quota().await, 3);
}

#[tokio::test]
async fn what_the_store_refuses_is_not_written_and_not_tried_again() {
    let store = Store::new().await;
    let mut head = store.head().await;
    let strict = "alter table cloud.object add constraint small check (body::text::int < 10)";
    sqlx::raw_sql(strict)
        .execute(&store.pool)
        .await
        .expect("strict");
    let refused = head.write(&store.pool, &quota(10)).await;
    assert!(
        matches!(refused, Err(LocalError::Database(_))),
        "{refused:?}"
    );
    head.write(&store.pool, &quota(9)).await.expect("written");
    assert_eq!(store.quota().await, 9);
    assert_eq!(store.number().await, head.change);
}

static SERVER: OnceLock<cluster::Cluster> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A database of its own.
struct Store {
    pool: PgPool,
}

impl Store {
    async fn new() -> Self {
        let server = SERVER.get_or_init(|| cluster::start(None));
        let options = PgConnectOptions::from_str("postgres:///postgres").expect("a URL");
        let options = options
            .socket(&server.directory)
            .port(server.port)
            .username("strait");
        let name = format!("cloud_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let mut connection = PgConnection::connect_with(&options)
            .await
            .expect("a connection");
        sqlx::raw_sql(&format!("create database {name}"))
            .execute(&mut connection)
            .await
            .expect("a database");
        let pool = PgPoolOptions::new().max_connections(4);
        Self {
            pool: pool
                .connect_with(options.database(&name))
                .await
                .expect("a pool"),
        }
    }

    async fn head(&self) -> Head {
        load(&self.pool).await.expect("loaded").1
    }

    /// Writes, ends the connection by which that goes while it waits for a lock, and only then says what became of it.
    async fn lose_answer(
        &self,
        head: &mut Head,
        value: u32,
        outcome: impl AsyncFn(&mut PgConnection),
    ) -> Result<(), LocalError> {
        let mut other = self.pool.acquire().await.expect("a connection");
        sqlx::raw_sql("begin; select from cloud.head for update")
            .execute(&mut *other)
            .await
            .expect("locked");
        let changes = quota(value);
        let loses = async {
            let waiting = "select count(pg_terminate_backend(pid)) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
            // The first try, and the one that comes after it.
            let mut ended = 0;
            while ended < 2 {
                let one: i64 = sqlx::query_scalar(waiting)
                    .fetch_one(&self.pool)
                    .await
                    .expect("ended");
                ended += one;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            outcome(&mut other).await;
        };
        let mut doubts = head.doubts();
        let both = async { tokio::join!(head.write(&self.pool, &changes), loses) };
        let (written, ()) = timeout(Duration::from_secs(60), both)
            .await
            .expect("an end");
        assert!(doubts.has_changed().expect("it is there") && !*doubts.borrow_and_update());
        written
    }

    async fn quota(&self) -> i64 {
        let body: serde_json::Value =
            sqlx::query_scalar("select body from cloud.object where id = 'vpcs'")
                .fetch_one(&self.pool)
                .await
                .expect("a row");
        body.as_i64().expect("a number")
    }

    async fn number(&self) -> i64 {
        let number = sqlx::query_scalar("select change from cloud.head");
        number.fetch_one(&self.pool).await.expect("the head")
    }
}

fn quota(value: u32) -> Vec<Change> {
    vec![Change {
        kind: "quota",
        id: "vpcs".to_owned(),
        body: Some(json!(value)),
    }]
}
