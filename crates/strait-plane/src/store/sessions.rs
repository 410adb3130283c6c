//! Sessions, login links and failed logins. Times are the store's, so that all servers agree.

use std::time::Duration;

use sqlx::{FromRow, PgConnection, PgExecutor};

use super::{Change, Find, timestamp};
use crate::error::PlaneError;
use crate::model::Session;

const COLUMNS: &str = "id, person_id, address,
    (extract(epoch FROM created) * 1000000)::bigint AS created,
    (extract(epoch FROM last_seen) * 1000000)::bigint AS last_seen,
    (extract(epoch FROM expires) * 1000000)::bigint AS expires";

/// After how much idleness a session ends.
const IDLE_SECONDS: i64 = 12 * 3600;
/// How old a session grows.
const LIFE_SECONDS: i64 = 7 * 24 * 3600;
/// How long a failed login counts.
const REMEMBERED_SECONDS: i64 = 24 * 3600;

#[derive(FromRow)]
struct Row {
    id: String,
    person_id: String,
    address: Option<String>,
    created: i64,
    last_seen: i64,
    expires: i64,
}

impl TryFrom<Row> for Session {
    type Error = PlaneError;

    fn try_from(row: Row) -> Result<Self, PlaneError> {
        Ok(Self {
            id: row.id,
            user_id: row.person_id,
            address: row.address,
            created: timestamp(row.created)?,
            last_seen: timestamp(row.last_seen)?,
            expires: timestamp(row.expires)?,
        })
    }
}

pub(crate) async fn insert(
    db: impl PgExecutor<'_>,
    id: &str,
    token_hash: &str,
    person: &str,
    address: Option<&str>,
) -> Result<Session, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "INSERT INTO strait.session (id, token_hash, person_id, address, expires)
         VALUES ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5))
         RETURNING {COLUMNS}"
    ))
    .bind(id)
    .bind(token_hash)
    .bind(person)
    .bind(address)
    .bind(seconds(LIFE_SECONDS))
    .fetch_one(db)
    .await?
    .try_into()
}

/// The session of this token, if it goes on. Notes that it was used, to the minute.
pub(crate) async fn find(
    db: impl PgExecutor<'_>,
    token_hash: &str,
) -> Result<Option<Session>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "WITH touched AS (
             UPDATE strait.session SET last_seen = clock_timestamp()
             WHERE token_hash = $1 AND last_seen < clock_timestamp() - interval '1 minute'
                 AND last_seen > clock_timestamp() - make_interval(secs => $2))
         SELECT {COLUMNS} FROM strait.session
         WHERE token_hash = $1 AND expires > clock_timestamp()
             AND last_seen > clock_timestamp() - make_interval(secs => $2)"
    ))
    .bind(token_hash)
    .bind(seconds(IDLE_SECONDS))
    .first(db)
    .await
}

/// Somebody's sessions that go on, newest first.
pub(crate) async fn list(
    db: impl PgExecutor<'_>,
    person: &str,
) -> Result<Vec<Session>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "SELECT {COLUMNS} FROM strait.session
         WHERE person_id = $1 AND expires > clock_timestamp()
             AND last_seen > clock_timestamp() - make_interval(secs => $2)
         ORDER BY session.created DESC, id"
    ))
    .bind(person)
    .bind(seconds(IDLE_SECONDS))
    .all(db)
    .await
}

/// False: there was no such session.
pub(crate) async fn end(
    db: impl PgExecutor<'_>,
    person: &str,
    id: &str,
) -> Result<bool, PlaneError> {
    sqlx::query("DELETE FROM strait.session WHERE person_id = $1 AND id = $2")
        .bind(person)
        .bind(id)
        .touches(db)
        .await
}

/// Ends all of somebody's but this one, and their login links.
pub(crate) async fn end_others(
    db: &mut PgConnection,
    person: &str,
    kept: Option<&str>,
) -> Result<(), PlaneError> {
    sqlx::query("DELETE FROM strait.session WHERE person_id = $1 AND id IS DISTINCT FROM $2")
        .bind(person)
        .bind(kept)
        .run(&mut *db)
        .await?;
    sqlx::query("DELETE FROM strait.login_link WHERE person_id = $1")
        .bind(person)
        .run(db)
        .await
}

/// Keeps a login link; returns until when it opens, in microseconds.
pub(crate) async fn insert_link(
    db: impl PgExecutor<'_>,
    token_hash: &str,
    person: &str,
    life: Duration,
) -> Result<i64, PlaneError> {
    Ok(sqlx::query_scalar(
        "INSERT INTO strait.login_link (token_hash, person_id, expires)
         VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
         RETURNING (extract(epoch FROM expires) * 1000000)::bigint",
    )
    .bind(token_hash)
    .bind(person)
    .bind(life.as_secs_f64())
    .fetch_one(db)
    .await?)
}

/// Uses a login link up: whose it was, if it opened anything.
pub(crate) async fn take_link(
    db: impl PgExecutor<'_>,
    token_hash: &str,
) -> Result<Option<String>, PlaneError> {
    let taken: Option<(String, bool)> = sqlx::query_as(
        "DELETE FROM strait.login_link WHERE token_hash = $1
         RETURNING person_id, expires > clock_timestamp()",
    )
    .bind(token_hash)
    .fetch_optional(db)
    .await?;
    Ok(taken.and_then(|(person, is_open)| is_open.then_some(person)))
}

/// Counts a login before it is known whether it fails, so that many at once get no more tries than one after the other.
/// Some: it is locked for so many seconds, and this one counts for nothing.
pub(crate) async fn count_login(
    pool: &sqlx::PgPool,
    subject: &str,
    most: i32,
    first_lock: Duration,
    longest_lock: Duration,
) -> Result<Option<u64>, PlaneError> {
    let counted: Option<i32> = sqlx::query_scalar(
        "INSERT INTO strait.login_failure AS f (subject, failures, last, locked_until)
         VALUES ($1, 1, clock_timestamp(), NULL)
         ON CONFLICT (subject) DO UPDATE SET (failures, last, locked_until) = (
             SELECT n, clock_timestamp(), CASE WHEN n >= $2 THEN
                 clock_timestamp() + make_interval(secs => least($3 * 2.0 ^ least(n - $2, 30), $4)) END
             FROM (SELECT CASE WHEN f.last < clock_timestamp() - make_interval(secs => $5)
                 THEN 1 ELSE f.failures + 1 END AS n) AS counted)
         WHERE f.locked_until IS NULL OR f.locked_until <= clock_timestamp()
         RETURNING failures",
    )
    .bind(subject)
    .bind(most)
    .bind(first_lock.as_secs_f64())
    .bind(longest_lock.as_secs_f64())
    .bind(seconds(REMEMBERED_SECONDS))
    .fetch_optional(pool)
    .await?;
    if counted.is_some() {
        return Ok(None);
    }
    let left: Option<f64> = sqlx::query_scalar(
        "SELECT extract(epoch FROM locked_until - clock_timestamp())::float8
         FROM strait.login_failure WHERE subject = $1",
    )
    .bind(subject)
    .fetch_optional(pool)
    .await?
    .flatten();
    Ok(Some(left.unwrap_or_default().ceil().max(1.0) as u64))
}

/// Forgets what failed.
pub(crate) async fn forget_failures(
    db: impl PgExecutor<'_>,
    subject: &str,
) -> Result<(), PlaneError> {
    sqlx::query("DELETE FROM strait.login_failure WHERE subject = $1")
        .bind(subject)
        .run(db)
        .await
}

/// Forgets what failed of all subjects that begin and end so.
pub(crate) async fn forget_failures_like(
    db: impl PgExecutor<'_>,
    beginning: &str,
    end: &str,
) -> Result<(), PlaneError> {
    sqlx::query(
        "DELETE FROM strait.login_failure
         WHERE starts_with(subject, $1) AND right(subject, length($2)) = $2",
    )
    .bind(beginning)
    .bind(end)
    .run(db)
    .await
}

/// Takes one count back, and the lock that came of it.
pub(crate) async fn uncount_login(
    db: impl PgExecutor<'_>,
    subject: &str,
) -> Result<(), PlaneError> {
    sqlx::query(
        "UPDATE strait.login_failure SET failures = greatest(failures - 1, 0), locked_until = NULL
         WHERE subject = $1",
    )
    .bind(subject)
    .run(db)
    .await
}

/// Forgets what has come to its end.
pub(crate) async fn prune(db: &mut PgConnection) -> Result<(), PlaneError> {
    sqlx::query(
        "DELETE FROM strait.session WHERE expires < clock_timestamp()
             OR last_seen < clock_timestamp() - make_interval(secs => $1)",
    )
    .bind(seconds(IDLE_SECONDS))
    .run(&mut *db)
    .await?;
    sqlx::query("DELETE FROM strait.login_link WHERE expires < clock_timestamp()")
        .run(&mut *db)
        .await?;
    sqlx::query("DELETE FROM strait.login_failure WHERE last < clock_timestamp() - make_interval(secs => $1)")
        .bind(seconds(REMEMBERED_SECONDS))
        .run(db)
        .await
}

/// As PostgreSQL's `make_interval` takes them.
fn seconds(whole: i64) -> f64 {
    whole as f64
}
