//! The store: all SQL of the plane. Functions take any executor, so that callers choose their transactions.

pub(crate) mod allow;
pub(crate) mod answers;
pub(crate) mod audit;
pub(crate) mod events;
pub(crate) mod keys;
pub(crate) mod leases;
pub(crate) mod measures;
pub(crate) mod metering;
pub(crate) mod operations;
pub(crate) mod peerings;
pub(crate) mod people;
pub(crate) mod projects;
pub(crate) mod quota_requests;
pub(crate) mod services;
pub(crate) mod sessions;
pub(crate) mod vpcs;
pub(crate) mod ways;

use std::collections::BTreeSet;
use std::time::Duration;

use ipnet::Ipv4Net;
use jiff::Timestamp;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::{Query, QueryAs};
use sqlx::{Connection, FromRow, PgConnection, PgExecutor, PgPool, Postgres};

use crate::error::PlaneError;
use crate::model::Reason;

/// Serialises starts; any constant that nobody else uses.
const MIGRATION_LOCK: i64 = 0x5374_7261_6974_0001;

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Where wishes are told to the reconcilers.
pub(crate) const WORK_CHANNEL: &str = "strait_work";
/// Where every change of an object is told to those who wait.
pub(crate) const CHANGE_CHANNEL: &str = "strait_change";

/// Brings the tables up to date. sqlx's own table goes into our schema, apart from that of others in this database.
pub(crate) async fn migrate(pool: &PgPool) -> Result<(), PlaneError> {
    let mut connection = pool.acquire().await?.detach();
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(MIGRATION_LOCK)
        .execute(&mut connection)
        .await?;
    sqlx::raw_sql("SET client_min_messages = warning; CREATE SCHEMA IF NOT EXISTS strait; SET search_path = strait, public")
        .execute(&mut connection)
        .await?;
    let migrated = MIGRATOR.run(&mut connection).await;
    connection.close().await?;
    match migrated {
        Err(MigrateError::VersionMissing(found)) => Err(PlaneError::NewerStore {
            found,
            known: known_edition(),
        }),
        migrated => Ok(migrated?),
    }
}

/// The edition of the tables, and the newest one that this program knows.
pub(crate) async fn editions(db: impl PgExecutor<'_>) -> Result<(i64, i64), PlaneError> {
    let found: Option<i64> =
        sqlx::query_scalar("SELECT max(version) FROM strait._sqlx_migrations WHERE success")
            .fetch_one(db)
            .await?;
    Ok((found.unwrap_or_default(), known_edition()))
}

fn known_edition() -> i64 {
    MIGRATOR.iter().map(|step| step.version).max().unwrap_or(0)
}

/// Whether it takes no changes: after a failover, the one that was the first.
pub(crate) async fn is_read_only(db: impl PgExecutor<'_>) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT current_setting('transaction_read_only')::boolean")
        .fetch_one(db)
        .await
}

/// Which store this is.
pub(crate) async fn id(db: impl PgExecutor<'_>) -> Result<String, PlaneError> {
    Ok(sqlx::query_scalar("SELECT id FROM strait.store")
        .fetch_one(db)
        .await?)
}

/// The mark of the server that published last; none while somebody publishes, or if that failed.
pub(crate) async fn published(db: impl PgExecutor<'_>) -> Result<Option<String>, PlaneError> {
    Ok(sqlx::query_scalar("SELECT published FROM strait.store")
        .fetch_one(db)
        .await?)
}

/// Notes what is published.
pub(crate) async fn note_published(
    db: impl PgExecutor<'_>,
    mark: Option<&str>,
) -> Result<(), PlaneError> {
    sqlx::query("UPDATE strait.store SET published = $1")
        .bind(mark)
        .run(db)
        .await
}

/// Wakes the reconcilers for an object; in a transaction, at its commit.
pub(crate) async fn tell_work(
    db: impl PgExecutor<'_>,
    kind: &str,
    id: &str,
) -> Result<(), PlaneError> {
    sqlx::query("SELECT pg_notify($1, $2)")
        .bind(WORK_CHANNEL)
        .bind(format!("{kind}:{id}"))
        .execute(db)
        .await?;
    Ok(())
}

/// Kinds and ids of what the plane still has something to do for, whatever told or did not tell it so, and no other server
/// works on.
pub(crate) async fn unsettled(
    db: impl PgExecutor<'_>,
    holder: &str,
    term: Duration,
) -> Result<Vec<(String, String)>, PlaneError> {
    Ok(sqlx::query_as(
        "WITH todo (kind, id) AS (
             SELECT 'vpc', id FROM strait.vpc WHERE status IN ('CREATING', 'DELETING')
             UNION SELECT 'vpc', vpc_id FROM strait.peering WHERE state IN ('initiating-request', 'deleting')
             UNION SELECT 'service', id FROM strait.service WHERE revision <> reconciled
             UNION SELECT 'service', object_id FROM strait.operation WHERE object_kind = 'service' AND ended IS NULL)
         SELECT kind, id FROM todo
         WHERE NOT EXISTS (SELECT 1 FROM strait.lease l
             WHERE l.key = kind || ':' || id AND l.holder <> $1
                 -- As one is taken: no lease lasts longer, unless the clock was set back.
                 AND l.until BETWEEN clock_timestamp() AND clock_timestamp() + 1.25 * $2)",
    )
    .bind(holder)
    .bind(leases::interval(term))
    .fetch_all(db)
    .await?)
}

/// Kinds and ids of everything that a reconciler is for.
pub(crate) async fn everything(
    db: impl PgExecutor<'_>,
) -> Result<Vec<(String, String)>, PlaneError> {
    Ok(sqlx::query_as(
        "SELECT 'vpc', id FROM strait.vpc UNION ALL SELECT 'service', id FROM strait.service",
    )
    .fetch_all(db)
    .await?)
}

/// How long operations and events are kept, and how many of each project.
const KEPT_DAYS: i32 = 30;
const KEPT_MOST: i64 = 10_000;

/// Forgets operations and events that are too old or too many.
pub(crate) async fn prune(pool: &PgPool) -> Result<(), PlaneError> {
    let mut connection = pool.acquire().await?;
    operations::prune(&mut connection, KEPT_DAYS, KEPT_MOST).await?;
    answers::prune(&mut *connection).await?;
    events::prune(&mut connection, KEPT_DAYS, KEPT_MOST).await?;
    leases::prune(&mut *connection).await?;
    quota_requests::prune(&mut *connection).await?;
    sessions::prune(&mut connection).await
}

/// What changes take as it is then.
pub(crate) trait Take: Sized {
    /// What people call one.
    const KIND: &'static str;
    /// Its table.
    const TABLE: &'static str;

    /// What the store has of it, if it is there.
    fn get(
        db: &mut PgConnection,
        id: &str,
    ) -> impl Future<Output = Result<Option<Self>, PlaneError>> + Send;
}

/// One as it is now, its row taken until the end of the transaction.
pub(crate) async fn take<T: Take>(db: &mut PgConnection, id: &str) -> Result<T, PlaneError> {
    // First the row: who had it may have changed what is then read.
    sqlx::query(&format!(
        "SELECT FROM strait.{} WHERE id = $1 FOR NO KEY UPDATE",
        T::TABLE
    ))
    .bind(id)
    .run(&mut *db)
    .await?;
    let found = T::get(db, id).await?;
    found.ok_or_else(|| PlaneError::not_found(T::KIND, id))
}

/// A query for rows that stand for something.
trait Find<R>: Sized {
    /// All that it finds.
    fn all<'e, T: TryFrom<R, Error = PlaneError>>(
        self,
        db: impl PgExecutor<'e>,
    ) -> impl Future<Output = Result<Vec<T>, PlaneError>> + Send;

    /// The one thing that it finds, if any.
    fn first<'e, T: TryFrom<R, Error = PlaneError>>(
        self,
        db: impl PgExecutor<'e>,
    ) -> impl Future<Output = Result<Option<T>, PlaneError>> + Send;
}

impl<R> Find<R> for QueryAs<'_, Postgres, R, PgArguments>
where
    R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    async fn all<'e, T: TryFrom<R, Error = PlaneError>>(
        self,
        db: impl PgExecutor<'e>,
    ) -> Result<Vec<T>, PlaneError> {
        let rows = self.fetch_all(db).await?;
        rows.into_iter().map(T::try_from).collect()
    }

    async fn first<'e, T: TryFrom<R, Error = PlaneError>>(
        self,
        db: impl PgExecutor<'e>,
    ) -> Result<Option<T>, PlaneError> {
        let row = self.fetch_optional(db).await?;
        row.map(T::try_from).transpose()
    }
}

/// A query that changes rows.
trait Change: Sized {
    /// Changes rows, if there are any to change.
    fn run<'e>(
        self,
        db: impl PgExecutor<'e>,
    ) -> impl Future<Output = Result<(), PlaneError>> + Send;

    /// Changes rows. False: there was none to change.
    fn touches<'e>(
        self,
        db: impl PgExecutor<'e>,
    ) -> impl Future<Output = Result<bool, PlaneError>> + Send;
}

impl Change for Query<'_, Postgres, PgArguments> {
    async fn run<'e>(self, db: impl PgExecutor<'e>) -> Result<(), PlaneError> {
        self.touches(db).await.map(drop)
    }

    async fn touches<'e>(self, db: impl PgExecutor<'e>) -> Result<bool, PlaneError> {
        Ok(self.execute(db).await?.rows_affected() > 0)
    }
}

/// A time that was selected as microseconds since the epoch.
pub(crate) fn timestamp(micros: i64) -> Result<Timestamp, PlaneError> {
    Timestamp::from_microsecond(micros)
        .map_err(|error| PlaneError::Corrupt(format!("the time {micros} µs: {error}")))
}

/// Ranges that were kept as text.
pub(crate) fn ranges(texts: &[String]) -> Result<BTreeSet<Ipv4Net>, PlaneError> {
    texts.iter().map(|text| range(text)).collect()
}

/// A range that was kept as text.
pub(crate) fn range(text: &str) -> Result<Ipv4Net, PlaneError> {
    text.parse()
        .map_err(|error| PlaneError::Corrupt(format!("the range {text:?}: {error}")))
}

/// The text form of a set.
pub(crate) fn texts<T: ToString>(set: &BTreeSet<T>) -> Vec<String> {
    set.iter().map(ToString::to_string).collect()
}

/// A reason that was kept in two columns.
pub(crate) fn reason(code: Option<String>, message: Option<String>) -> Option<Reason> {
    Some(Reason {
        code: code?,
        message: message?,
    })
}

/// The two columns of a reason.
pub(crate) fn reason_columns(reason: Option<&Reason>) -> (Option<&str>, Option<&str>) {
    (
        reason.map(|reason| reason.code.as_str()),
        reason.map(|reason| reason.message.as_str()),
    )
}
