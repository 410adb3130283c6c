//! A change costs what it costs in a small store, however many others there are: counted in rows that PostgreSQL reads, which
//! no other work on this machine changes.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use strait_plane::Plane;

use crate::common::database;
use crate::common::filled::{self, Deed, Size};
use crate::common::steady::Steady;

const FEW: Size = Size {
    projects: 1,
    vpcs: 2,
    peerings: 40,
    services: 8,
    operations: 150,
};
/// So many times as much of everything.
const TIMES: i32 = 50;
/// How often each is done; the first time it may be planned anew.
const TURNS: u32 = 3;
/// What a change begins in the background is done by then.
const AFTERWARDS: Duration = Duration::from_millis(700);
/// What is looked at by the clock falls into one and not into the other.
const BY_THE_WAY: i64 = 40;

/// How many rows of each table.
type Rows = BTreeMap<String, i64>;

#[tokio::test]
async fn a_change_reads_as_many_rows_among_thousands_as_among_few() {
    let few = Measured::start(FEW).await;
    let many = Measured::start(FEW.times(TIMES)).await;
    for deed in Deed::ALL {
        let (few, many) = (few.rows(deed).await, many.rows(deed).await);
        println!("{deed:?}: {few:?}, among {TIMES} times as many {many:?}");
        assert!(few.values().sum::<i64>() > 0, "{deed:?} is counted");
        let excess = excess(&few, &many);
        assert!(excess.is_empty(), "{deed:?}: too many of {excess:?}");
    }

    // What no index leads to is noticed.
    let drop = "DROP INDEX strait.operation_object_id_number_idx, strait.operation_open";
    let dropped = sqlx::raw_sql(drop).execute(&many.pool).await;
    dropped.expect("they were there");
    let (few, without) = (few.rows(Deed::Move).await, many.rows(Deed::Move).await);
    assert_eq!(excess(&few, &without), ["operation"], "{without:?}");
}

/// The tables of which too many rows are read among many.
fn excess(few: &Rows, many: &Rows) -> Vec<String> {
    let at_most = |table: &String| few.get(table).map_or(0, |few| few + few / 4) + BY_THE_WAY;
    let read = many.iter().filter(|(table, rows)| **rows > at_most(table));
    read.map(|(table, _)| table.clone()).collect()
}

/// A plane whose database tells what was read for it.
struct Measured {
    pool: PgPool,
    plane: Plane,
}

impl Measured {
    async fn start(size: Size) -> Self {
        let pool = database::database().await;
        let told = PgPoolOptions::new()
            .max_connections(10)
            .after_release(|connection, _| {
                // Or it would be counted some time later.
                Box::pin(async move {
                    let flush = sqlx::query("SELECT pg_stat_force_next_flush()");
                    flush.execute(connection).await.map(|_| true)
                })
            });
        // Small tables would be read from end to end, whatever is looked for.
        let options = pool.connect_options().as_ref().clone();
        let told = told.connect_with(options.options([("enable_seqscan", "off")]));
        let plane = filled::plane(told.await.expect("a pool"), size, Steady::silent()).await;
        Self { pool, plane }
    }

    /// How many rows are read for it.
    async fn rows(&self, deed: Deed) -> Rows {
        deed.done(&self.plane, 0).await;
        tokio::time::sleep(AFTERWARDS).await;
        let before = self.read().await;
        for number in 1..=TURNS {
            deed.done(&self.plane, number).await;
        }
        tokio::time::sleep(AFTERWARDS).await;
        let mut read = self.read().await;
        for (table, rows) in &mut read {
            *rows = (*rows - before[table]) / i64::from(TURNS);
        }
        read
    }

    async fn read(&self) -> Rows {
        let read = sqlx::query_as(
            "SELECT relname::text, seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE schemaname = 'strait'",
        );
        let rows: Vec<(String, i64)> = read.fetch_all(&self.pool).await.expect("counts");
        rows.into_iter().collect()
    }
}
