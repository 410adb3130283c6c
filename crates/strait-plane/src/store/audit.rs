//! The audit. Triggers write what changes; what is refused is written here.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool};

use super::{Change, Find, timestamp};
use crate::error::PlaneError;
use crate::model::{About, Asked, AuditFilter, AuditOutcome, AuditPage, Audited};

/// How long a search may take. It holds a connection.
const LONGEST: Duration = Duration::from_secs(5);
/// How long who reads on waits for those who are writing, and how often it looks whether they still are.
const MOMENT: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(50);
/// PostgreSQL's code for what took too long: `query_canceled`.
const GIVEN_UP: &str = "57014";

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

/// What is found, a page of it. The oldest first: none appears later before one that was found.
pub(crate) async fn find(
    pool: &PgPool,
    filter: &AuditFilter,
    page: AuditPage,
) -> Result<Vec<Audited>, PlaneError> {
    let end = match page {
        AuditPage::Newest { .. } => None,
        AuditPage::Oldest { .. } => Some(settled(pool).await?),
    };
    let mut tx = pool.begin().await?;
    // Which of the conditions count is known when it is planned, each time.
    sqlx::query("SELECT set_config('statement_timeout', $1, true), set_config('plan_cache_mode', 'force_custom_plan', true)")
        .bind(LONGEST.as_millis().to_string())
        .run(&mut *tx)
        .await?;
    let found = select(&mut tx, filter, page, end).await;
    let found = found.map_err(|error| given_up(error, filter))?;
    tx.rollback().await?;
    Ok(found)
}

async fn select(
    db: &mut PgConnection,
    filter: &AuditFilter,
    page: AuditPage,
    end: Option<i64>,
) -> Result<Vec<Audited>, PlaneError> {
    let (place, order, from, limit) = match page {
        AuditPage::Newest { before, limit } => ("<", "DESC", before, limit),
        AuditPage::Oldest { after, limit } => (">", "ASC", Some(after), limit),
    };
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
             AND ($10::bigint IS NULL OR id {place} $10) AND ($11::bigint IS NULL OR id <= $11)
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
    .bind(from)
    .bind(end)
    .bind(i64::from(limit))
    .all(db)
    .await
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
fn given_up(error: PlaneError, filter: &AuditFilter) -> PlaneError {
    let PlaneError::Store(sqlx::Error::Database(told)) = &error else {
        return error;
    };
    if told.code().as_deref() != Some(GIVEN_UP) {
        return error;
    }
    let field = if filter.text.is_some() {
        "text"
    } else {
        "since"
    };
    PlaneError::invalid(
        field,
        format!(
            "the search took longer than {} s and was given up, for the audit is long; say from when to when (`since`, `until`), or \
             name an object (`object`), an operation (`operation`) or who it was (`actor`)",
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
