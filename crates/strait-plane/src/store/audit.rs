//! The audit. Triggers write what changes; what is refused is written here.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool, Postgres, Transaction};

use super::{Change, Find, timestamp};
use crate::error::PlaneError;
use crate::model::{About, Asked, AuditFilter, AuditOutcome, Audited};

/// How long a search may take. It holds a connection.
const LONGEST: Duration = Duration::from_secs(5);
/// How many of one time are looked for by that time; of more it is gone through by number.
const FEW: i64 = 50_000;
/// How long who reads on waits for those who are writing, and how often it looks whether they still are.
const MOMENT: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(50);
/// PostgreSQL's code for what took too long: `query_canceled`.
const GIVEN_UP: &str = "57014";

/// Entries by their numbers: those after one, up to another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) after: i64,
    pub(crate) upto: i64,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    at: i64,
    actor: String,
    actor_name: Option<String>,
    address: Option<String>,
    request_id: Option<String>,
    route: Option<String>,
    path: Option<String>,
    action: String,
    project_id: Option<String>,
    object_kind: Option<String>,
    object_id: Option<String>,
    object_name: Option<String>,
    operation_id: Option<String>,
    before: Json<Value>,
    after: Json<Value>,
    outcome: String,
    code: Option<String>,
    message: Option<String>,
    times: i64,
}

impl TryFrom<Row> for Audited {
    type Error = PlaneError;

    fn try_from(row: Row) -> Result<Self, PlaneError> {
        Ok(Self {
            id: row.id,
            at: timestamp(row.at)?,
            actor: row.actor,
            actor_name: row.actor_name,
            address: row.address,
            request_id: row.request_id,
            route: row.route,
            path: row.path,
            action: row.action,
            project_id: row.project_id,
            object_kind: row.object_kind,
            object_id: row.object_id,
            object_name: row.object_name,
            operation_id: row.operation_id,
            before: row.before.0,
            after: row.after.0,
            outcome: row.outcome.parse()?,
            code: row.code,
            message: row.message,
            times: row.times,
        })
    }
}

/// Says for the rest of this transaction who asks for it.
pub(crate) async fn tell_caller(db: &mut PgConnection, caller: &Value) -> Result<(), PlaneError> {
    sqlx::query("SELECT set_config('strait.caller', $1, true)")
        .bind(caller.to_string())
        .run(db)
        .await
}

/// Writes down what no change notes by itself.
pub(crate) async fn note(db: impl PgExecutor<'_>, asked: &Asked) -> Result<(), PlaneError> {
    let about = asked.about.as_ref();
    let part = |part: fn(&About) -> &Value| {
        let none = || Value::Object(serde_json::Map::new());
        Json(about.map_or_else(none, |about| part(about).clone()))
    };
    sqlx::query(
        "INSERT INTO strait.audit (actor, actor_name, address, request_id, route, path, project_id, outcome, code, message, times,
             action, object_kind, object_id, object_name, before, after)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(&asked.actor)
    .bind(&asked.actor_name)
    .bind(&asked.address)
    .bind(&asked.request_id)
    .bind(&asked.route)
    .bind(&asked.path)
    .bind(asked.project_id.as_deref().map(storable))
    .bind(asked.outcome.as_str())
    .bind(&asked.code)
    .bind(asked.message.as_deref().map(storable))
    .bind(asked.times)
    .bind(about.map_or("request", |about| about.action))
    .bind(about.map(|about| about.kind))
    .bind(about.map(|about| storable(&about.id)))
    .bind(about.map(|about| storable(&about.name)))
    .bind(part(|about| &about.before))
    .bind(part(|about| &about.after))
    .run(db)
    .await
}

/// What cannot be kept must not keep a refusal out of the audit.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The newest ones that are found, before this one.
pub(crate) async fn newest(
    pool: &PgPool,
    filter: &AuditFilter,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<Audited>, PlaneError> {
    let span = Span {
        after: 0,
        upto: before.map_or(i64::MAX, |before| before.saturating_sub(1)),
    };
    let mut tx = begin(pool).await?;
    let span = in_time(&mut tx, filter, span).await?;
    let found = select(&mut tx, filter, span, "DESC", limit).await?;
    tx.rollback().await?;
    Ok(found)
}

/// The oldest ones that are found in this span.
pub(crate) async fn oldest(
    pool: &PgPool,
    filter: &AuditFilter,
    span: Span,
    limit: u32,
) -> Result<Vec<Audited>, PlaneError> {
    let mut tx = begin(pool).await?;
    let found = select(&mut tx, filter, span, "ASC", limit).await?;
    tx.rollback().await?;
    Ok(found)
}

/// Where all is that can be found after this one: none will ever appear there any more.
pub(crate) async fn extent(
    pool: &PgPool,
    filter: &AuditFilter,
    after: i64,
) -> Result<Span, PlaneError> {
    let upto = settled(pool).await?;
    let mut tx = begin(pool).await?;
    let span = in_time(&mut tx, filter, Span { after, upto }).await?;
    let first = sqlx::query_scalar("SELECT min(id) FROM strait.audit WHERE id > $1")
        .bind(span.after)
        .fetch_one(&mut *tx);
    let first: Option<i64> = first.await.map_err(given_up)?;
    tx.rollback().await?;
    Ok(Span {
        after: first.map_or(span.upto, |first| first - 1),
        ..span
    })
}

/// Begins to look into it: each statement takes so long at most.
async fn begin(pool: &PgPool) -> Result<Transaction<'static, Postgres>, PlaneError> {
    let mut tx = pool.begin().await?;
    // Which of the conditions count is known when it is planned, each time.
    sqlx::query("SELECT set_config('statement_timeout', $1, true), set_config('plan_cache_mode', 'force_custom_plan', true)")
        .bind(LONGEST.as_millis().to_string())
        .run(&mut *tx)
        .await?;
    Ok(tx)
}

/// Where those are that are of the time that is looked for, if they are few. They are found by their times, for a clock that was
/// set back puts these in another order than the numbers.
async fn in_time(
    db: &mut PgConnection,
    filter: &AuditFilter,
    span: Span,
) -> Result<Span, PlaneError> {
    if filter.since.is_none() && filter.until.is_none() {
        return Ok(span);
    }
    let (found, first, last): (i64, Option<i64>, Option<i64>) = sqlx::query_as(
        "SELECT count(*), min(id), max(id) FROM (
             SELECT id FROM strait.audit
             WHERE ($1::bigint IS NULL OR at >= to_timestamp($1 / 1000000.0))
                 AND ($2::bigint IS NULL OR at < to_timestamp($2 / 1000000.0))
             ORDER BY at LIMIT $3) few",
    )
    .bind(filter.since.map(Timestamp::as_microsecond))
    .bind(filter.until.map(Timestamp::as_microsecond))
    .bind(FEW)
    .fetch_one(db)
    .await
    .map_err(given_up)?;
    Ok(match (first, last) {
        (Some(_), Some(_)) if found == FEW => span,
        (Some(first), Some(last)) => Span {
            after: span.after.max(first - 1),
            upto: span.upto.min(last),
        },
        (_, _) => Span { after: 0, upto: 0 },
    })
}

async fn select(
    db: &mut PgConnection,
    filter: &AuditFilter,
    span: Span,
    order: &str,
    limit: u32,
) -> Result<Vec<Audited>, PlaneError> {
    let outcomes: Vec<&str> = (filter.outcomes.iter())
        .map(|outcome| AuditOutcome::as_str(*outcome))
        .collect();
    sqlx::query_as::<_, Row>(&format!(
        "SELECT id, (extract(epoch FROM at) * 1000000)::bigint AS at, actor, actor_name, address, request_id, route, path, action,
             project_id, object_kind, object_id, object_name, operation_id, before, after, outcome, code, message, times
         FROM strait.audit a
         WHERE ($1::text IS NULL OR project_id = $1)
             AND ($2::text IS NULL OR actor = $2 OR actor_name = $2 OR substr(actor, strpos(actor, ':') + 1) = $2)
             AND ($3::text IS NULL OR object_id = $3 OR object_name = $3)
             AND ($4::text IS NULL OR action = $4 OR starts_with(action, $4 || '.'))
             AND ($5::text[] = '{{}}' OR outcome = ANY($5))
             AND ($6::text IS NULL OR operation_id = $6)
             AND ($7::bigint IS NULL OR at >= to_timestamp($7 / 1000000.0))
             AND ($8::bigint IS NULL OR at < to_timestamp($8 / 1000000.0))
             AND ($9::text IS NULL OR strpos(lower(concat_ws(' ', actor, actor_name, address, request_id, route, path, action,
                 object_id, object_name, operation_id, before, after, outcome, code, message)), lower($9)) > 0)
             AND id > $10 AND id <= $11
         ORDER BY a.id {order} LIMIT $12"
    ))
    .bind(&filter.project)
    .bind(&filter.actor)
    .bind(&filter.object)
    .bind(&filter.action)
    .bind(outcomes)
    .bind(&filter.operation)
    .bind(filter.since.map(Timestamp::as_microsecond))
    .bind(filter.until.map(Timestamp::as_microsecond))
    .bind(&filter.text)
    .bind(span.after)
    .bind(span.upto)
    .bind(i64::from(limit))
    .all(db)
    .await
    .map_err(given_up)
}

/// Up to where all is there that will ever be there. Who is writing now is waited for, but not for long: what they write comes
/// after that.
async fn settled(pool: &PgPool) -> Result<i64, PlaneError> {
    let look = async || -> Result<(i64, i64), PlaneError> {
        Ok(
            sqlx::query_as("SELECT newest, settled FROM strait.audit_settled()")
                .fetch_one(pool)
                .await?,
        )
    };
    let begun = Instant::now();
    let (newest, mut settled) = look().await?;
    while settled < newest && begun.elapsed() < MOMENT {
        tokio::time::sleep(LOOK).await;
        (_, settled) = look().await?;
    }
    Ok(settled)
}

/// Says of a search that took too long what makes it shorter.
fn given_up(error: impl Into<PlaneError>) -> PlaneError {
    let error = error.into();
    let PlaneError::Store(sqlx::Error::Database(told)) = &error else {
        return error;
    };
    if told.code().as_deref() != Some(GIVEN_UP) {
        return error;
    }
    PlaneError::invalid(
        "since",
        format!(
            "the search took longer than {} s and was given up, for the audit is long; say from when to when (`since`, `until`), and \
             make that time shorter if it took too long all the same, or export what you look for: an export takes its time",
            LONGEST.as_secs()
        ),
    )
}

/// Takes away what is older; returns how much that was.
pub(crate) async fn forget(db: &mut PgConnection, until: Timestamp) -> Result<i64, PlaneError> {
    Ok(
        sqlx::query_scalar("SELECT strait.audit_forget(to_timestamp($1::bigint / 1000000.0))")
            .bind(until.as_microsecond())
            .fetch_one(db)
            .await?,
    )
}
