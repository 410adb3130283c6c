//! Who works on what: a lease is taken, renewed while the work lasts, and given back; one that is not renewed passes on.

use std::time::Duration;

use sqlx::postgres::types::PgInterval;
use sqlx::{FromRow, PgExecutor};

use super::Change;
use crate::error::PlaneError;

/// A lease that was taken.
#[derive(Debug, FromRow)]
pub(crate) struct Taken {
    /// Who had it before, if that is known.
    pub(crate) former: Option<String>,
}

/// Takes it, unless somebody else has it. Returns who had it last.
pub(crate) async fn take(
    db: impl PgExecutor<'_>,
    key: &str,
    holder: &str,
    term: Duration,
) -> Result<Option<Taken>, PlaneError> {
    Ok(sqlx::query_as(
        "WITH former AS (SELECT holder FROM strait.lease WHERE key = $1)
         INSERT INTO strait.lease AS l (key, holder, until) VALUES ($1, $2, clock_timestamp() + $3)
         ON CONFLICT (key) DO UPDATE SET holder = excluded.holder, until = excluded.until
         WHERE l.holder = excluded.holder OR l.until < clock_timestamp()
             -- The clock was set back.
             OR l.until > clock_timestamp() + 1.25 * $3
         RETURNING (SELECT holder FROM former) AS former",
    )
    .bind(key)
    .bind(holder)
    .bind(interval(term))
    .fetch_optional(db)
    .await?)
}

/// Those of these keys that are this holder's still, for another term.
pub(crate) async fn renew(
    db: impl PgExecutor<'_>,
    keys: &[String],
    holder: &str,
    term: Duration,
) -> Result<Vec<String>, PlaneError> {
    Ok(sqlx::query_scalar(
        "UPDATE strait.lease SET until = clock_timestamp() + $3 WHERE key = ANY($1) AND holder = $2
             AND until > '-infinity' RETURNING key",
    )
    .bind(keys)
    .bind(holder)
    .bind(interval(term))
    .fetch_all(db)
    .await?)
}

/// Lets nobody take it until the end of this transaction. False: this holder has it no more.
///
/// A holder that is frozen in the transaction must hold up nobody: PostgreSQL ends it then, long before the lease passes on.
pub(crate) async fn hold(
    db: impl PgExecutor<'_>,
    key: &str,
    holder: &str,
) -> Result<bool, PlaneError> {
    let held: Option<String> = sqlx::query_scalar(
        "SELECT set_config('idle_in_transaction_session_timeout', '2s', true) FROM strait.lease
         WHERE key = $1 AND holder = $2 AND until > '-infinity' FOR SHARE",
    )
    .bind(key)
    .bind(holder)
    .fetch_optional(db)
    .await?;
    Ok(held.is_some())
}

pub(crate) async fn give_back(
    db: impl PgExecutor<'_>,
    key: &str,
    holder: &str,
) -> Result<(), PlaneError> {
    sqlx::query("UPDATE strait.lease SET until = '-infinity' WHERE key = $1 AND holder = $2")
        .bind(key)
        .bind(holder)
        .run(db)
        .await
}

/// Takes all away from whoever has them: for the only server of its store, whose predecessor is gone.
pub(crate) async fn clear(db: impl PgExecutor<'_>) -> Result<(), PlaneError> {
    sqlx::query("DELETE FROM strait.lease").run(db).await
}

/// Forgets who had those that nobody has.
pub(crate) async fn prune(db: impl PgExecutor<'_>) -> Result<(), PlaneError> {
    sqlx::query("DELETE FROM strait.lease WHERE until < clock_timestamp() - interval '10 minutes' AND until > '-infinity'
         OR until = '-infinity' AND split_part(key, ':', 2) NOT IN
             (SELECT id FROM strait.service UNION ALL SELECT id FROM strait.vpc) AND key LIKE '%:%'")
        .run(db)
        .await
}

pub(super) fn interval(term: Duration) -> PgInterval {
    PgInterval {
        months: 0,
        days: 0,
        microseconds: i64::try_from(term.as_micros()).unwrap_or(i64::MAX),
    }
}
