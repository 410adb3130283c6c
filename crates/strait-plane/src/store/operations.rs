//! Operations. Those of one object are inserted while its row is locked, so that their numbers are in order.

use std::time::Duration;

use serde_json::Value;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, PgExecutor};

use super::{Change, Find, reason, reason_columns, timestamp};
use crate::error::PlaneError;
use crate::model::{
    Action, Network, ObjectKind, Operation, OperationFilter, OperationState, Reason, StepRecord,
    Wanted,
};
use crate::secret;

const COLUMNS: &str = "id, project_id, action, object_kind, object_id, object_name, actor, actor_name, state, wanted, network, former,
    drain_seconds, steps, before, after, reason_code, reason_message, next_action, fingerprint, salt,
    (extract(epoch FROM created) * 1000000)::bigint AS created,
    (extract(epoch FROM started) * 1000000)::bigint AS started,
    (extract(epoch FROM ended) * 1000000)::bigint AS ended,
    (extract(epoch FROM clock_timestamp() - started) * 1000)::bigint AS spent";

/// An operation as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) shown: Operation,
    /// What a service is to be; none where it stays as it is.
    pub(crate) wanted: Option<Wanted>,
    /// How a service is to be reached; none where that stays as it is.
    pub(crate) network: Option<Network>,
    /// The way that a service is moved away from.
    pub(crate) former: Option<Network>,
    /// How long the former way stays open.
    pub(crate) drain_seconds: u32,
    /// For how long it has been done or tried, by the store's clock.
    pub(crate) spent: Duration,
    /// Of the request that asked for it.
    pub(crate) fingerprint: Option<String>,
    /// What a new service's password comes from, beside the key.
    pub(crate) salt: Option<String>,
}

/// What an operation is inserted with.
#[derive(Debug)]
pub(crate) struct Insert<'a> {
    pub(crate) project: &'a str,
    pub(crate) action: Action,
    pub(crate) object_id: &'a str,
    pub(crate) object_name: &'a str,
    pub(crate) actor: &'a str,
    pub(crate) actor_name: Option<&'a str>,
    pub(crate) wanted: Option<Wanted>,
    pub(crate) network: Option<&'a Network>,
    pub(crate) drain_seconds: u32,
    pub(crate) before: Value,
    pub(crate) after: Value,
    /// The hash of the key, and the request's fingerprint.
    pub(crate) once: Option<(&'a str, &'a str)>,
    pub(crate) salt: Option<&'a str>,
}

/// Why an operation makes others pointless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Superseded {
    /// The object is to be deleted.
    Deleted,
    /// It is not to be deleted any more.
    Kept,
}

#[derive(FromRow)]
struct Row {
    id: String,
    project_id: String,
    action: String,
    object_kind: String,
    object_id: String,
    object_name: String,
    actor: String,
    actor_name: Option<String>,
    state: String,
    wanted: Option<String>,
    network: Option<String>,
    former: Option<String>,
    drain_seconds: i32,
    steps: Json<Vec<StepRecord>>,
    before: Json<Value>,
    after: Json<Value>,
    reason_code: Option<String>,
    reason_message: Option<String>,
    next_action: Option<String>,
    fingerprint: Option<String>,
    salt: Option<String>,
    created: i64,
    started: Option<i64>,
    ended: Option<i64>,
    spent: Option<i64>,
}

impl TryFrom<Row> for Kept {
    type Error = PlaneError;

    fn try_from(row: Row) -> Result<Self, PlaneError> {
        let state: OperationState = row.state.parse()?;
        let steps = row.steps.0;
        Ok(Self {
            wanted: row.wanted.map(|word| word.parse()).transpose()?,
            network: row.network.map(|word| network(&word)).transpose()?,
            former: row.former.map(|word| network(&word)).transpose()?,
            drain_seconds: u32::try_from(row.drain_seconds).unwrap_or_default(),
            // Negative if that clock was set back.
            spent: Duration::from_millis(
                u64::try_from(row.spent.unwrap_or_default()).unwrap_or_default(),
            ),
            fingerprint: row.fingerprint,
            salt: row.salt,
            shown: Operation {
                id: row.id,
                project_id: row.project_id,
                action: row.action.parse()?,
                object_kind: row.object_kind.parse()?,
                object_id: row.object_id,
                object_name: row.object_name,
                actor: row.actor,
                actor_name: row.actor_name,
                state,
                progress: progress(state, &steps),
                steps,
                before: row.before.0,
                after: row.after.0,
                reason: reason(row.reason_code, row.reason_message),
                next_action: row.next_action,
                created: timestamp(row.created)?,
                started: row.started.map(timestamp).transpose()?,
                ended: row.ended.map(timestamp).transpose()?,
            },
        })
    }
}

/// How much is done, in percent.
fn progress(state: OperationState, steps: &[StepRecord]) -> u8 {
    if state == OperationState::Succeeded {
        return 100;
    }
    let done = steps.iter().filter(|step| step.ended.is_some()).count();
    u8::try_from(done * 100 / steps.len().max(1))
        .unwrap_or(100)
        .min(99)
}

fn network(word: &str) -> Result<Network, PlaneError> {
    match word.split_once(':') {
        None if word == "public" => Ok(Network::Public),
        Some(("vpc", id)) => Ok(Network::Vpc(id.to_owned())),
        None | Some(_) => Err(PlaneError::Corrupt(format!("the network {word:?}"))),
    }
}

/// Notes what is asked for, and returns its id.
pub(crate) async fn insert(
    db: impl PgExecutor<'_>,
    new: &Insert<'_>,
) -> Result<String, PlaneError> {
    let id = secret::operation_id();
    let steps: Vec<StepRecord> = (new.action.steps().iter())
        .map(|step| StepRecord::to_come(*step))
        .collect();
    // What has no steps is done with the transaction that notes it.
    let at_once = steps.is_empty();
    let state = match at_once {
        true => OperationState::Succeeded,
        false => OperationState::Queued,
    };
    let inserted = sqlx::query(
        "INSERT INTO strait.operation (id, project_id, action, object_kind, object_id, object_name, actor, state, wanted,
             network, drain_seconds, steps, before, after, idempotency_key, fingerprint, salt, actor_name, started, ended)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $19,
             CASE WHEN $18 THEN clock_timestamp() END, CASE WHEN $18 THEN clock_timestamp() END)",
    )
    .bind(&id)
    .bind(new.project)
    .bind(new.action.as_str())
    .bind(new.action.object().as_str())
    .bind(new.object_id)
    .bind(new.object_name)
    .bind(new.actor)
    .bind(state.as_str())
    .bind(new.wanted.map(Wanted::as_str))
    .bind(new.network.map(ToString::to_string))
    .bind(i32::try_from(new.drain_seconds).unwrap_or(i32::MAX))
    .bind(Json(&steps))
    .bind(Json(&new.before))
    .bind(Json(&new.after))
    .bind(new.once.map(|(key, _)| key))
    .bind(new.once.map(|(_, fingerprint)| fingerprint))
    .bind(new.salt)
    .bind(at_once)
    .bind(new.actor_name)
    .execute(db)
    .await;
    match inserted {
        Ok(_) => Ok(id),
        Err(sqlx::Error::Database(error)) if error.constraint() == Some("operation_once") => {
            Err(PlaneError::Repeated)
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn get(
    db: impl PgExecutor<'_>,
    project: &str,
    id: &str,
) -> Result<Option<Kept>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "SELECT {COLUMNS} FROM strait.operation WHERE project_id = $1 AND id = $2"
    ))
    .bind(project)
    .bind(id)
    .first(db)
    .await
}

/// The one that this actor asked for with this key, unless that is long ago.
pub(crate) async fn of_key(
    db: impl PgExecutor<'_>,
    project: &str,
    actor: &str,
    key: &str,
) -> Result<Option<Kept>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "SELECT {COLUMNS} FROM strait.operation WHERE project_id = $1 AND actor = $2 AND idempotency_key = $3"
    ))
    .bind(project)
    .bind(actor)
    .bind(key)
    .first(db)
    .await
}

pub(crate) async fn list(
    db: impl PgExecutor<'_>,
    project: &str,
    filter: &OperationFilter,
) -> Result<Vec<Operation>, PlaneError> {
    let words = |words: Vec<&'static str>| (!words.is_empty()).then_some(words);
    let kept: Vec<Kept> = sqlx::query_as::<_, Row>(&format!(
        "SELECT {COLUMNS} FROM strait.operation o WHERE project_id = $1
             AND ($2::text[] IS NULL OR state = ANY($2)) AND ($3::text[] IS NULL OR action = ANY($3))
             AND ($4::text IS NULL OR object_id = $4) AND ($5::text IS NULL OR actor = $5)
             AND ($6::text IS NULL OR number < (SELECT number FROM strait.operation WHERE id = $6))
         ORDER BY number DESC LIMIT $7"
    ))
    .bind(project)
    .bind(words(filter.states.iter().map(|state| state.as_str()).collect()))
    .bind(words(filter.actions.iter().map(|action| action.as_str()).collect()))
    .bind(&filter.object)
    .bind(&filter.actor)
    .bind(&filter.before)
    .bind(i64::from(filter.limit.get()))
    .all(db)
    .await?;
    Ok(kept.into_iter().map(|kept| kept.shown).collect())
}

/// The one of this object whose turn it is.
pub(crate) async fn head(
    db: impl PgExecutor<'_>,
    kind: ObjectKind,
    object: &str,
) -> Result<Option<Kept>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "SELECT {COLUMNS} FROM strait.operation
         WHERE object_kind = $1 AND object_id = $2 AND ended IS NULL ORDER BY number LIMIT 1"
    ))
    .bind(kind.as_str())
    .bind(object)
    .first(db)
    .await
}

/// The one of these that was asked for last of an object.
pub(crate) async fn last_of(
    db: impl PgExecutor<'_>,
    object: &str,
    action: Action,
) -> Result<Option<Operation>, PlaneError> {
    let last: Option<Kept> = sqlx::query_as::<_, Row>(&format!(
        "SELECT {COLUMNS} FROM strait.operation WHERE object_id = $1 AND action = $2 ORDER BY number DESC LIMIT 1"
    ))
    .bind(object)
    .bind(action.as_str())
    .first(db)
    .await?;
    Ok(last.map(|kept| kept.shown))
}

/// Its turn has come. `former` is what a move is away from.
pub(crate) async fn start(
    db: impl PgExecutor<'_>,
    id: &str,
    former: Option<&Network>,
) -> Result<(), PlaneError> {
    sqlx::query(
        "UPDATE strait.operation SET state = 'running', started = coalesce(started, clock_timestamp()),
             former = coalesce(former, $2), updated = clock_timestamp() WHERE id = $1 AND ended IS NULL",
    )
    .bind(id)
    .bind(former.map(ToString::to_string))
    .run(db)
    .await
}

/// Notes how far it is.
pub(crate) async fn step(
    db: impl PgExecutor<'_>,
    id: &str,
    steps: &[StepRecord],
) -> Result<(), PlaneError> {
    sqlx::query(
        "UPDATE strait.operation SET steps = $2, updated = clock_timestamp() WHERE id = $1 AND ended IS NULL",
    )
    .bind(id)
    .bind(Json(steps))
    .run(db)
    .await
}

/// Notes what holds it up, or that nothing does.
pub(crate) async fn explain(
    db: impl PgExecutor<'_>,
    id: &str,
    why: Option<&Reason>,
) -> Result<(), PlaneError> {
    let (code, message) = reason_columns(why);
    sqlx::query(
        "UPDATE strait.operation SET reason_code = $2, reason_message = $3, updated = clock_timestamp()
         WHERE id = $1 AND ended IS NULL AND (reason_code, reason_message) IS DISTINCT FROM ($2, $3)",
    )
    .bind(id)
    .bind(code)
    .bind(message)
    .run(db)
    .await
}

/// It is over. False: it was before.
pub(crate) async fn end(
    db: impl PgExecutor<'_>,
    id: &str,
    state: OperationState,
    steps: &[StepRecord],
    why: Option<&Reason>,
    next_action: Option<&str>,
) -> Result<bool, PlaneError> {
    let (code, message) = reason_columns(why);
    sqlx::query(
        "UPDATE strait.operation SET state = $2, steps = $3, reason_code = $4, reason_message = $5, next_action = $6,
             started = coalesce(started, clock_timestamp()), ended = clock_timestamp(), updated = clock_timestamp()
         WHERE id = $1 AND ended IS NULL",
    )
    .bind(id)
    .bind(state.as_str())
    .bind(Json(steps))
    .bind(code)
    .bind(message)
    .bind(next_action)
    .touches(db)
    .await
}

/// Ends all of an object's that have not ended, but this one, which makes them pointless.
pub(crate) async fn cancel_others(
    db: &mut PgConnection,
    kind: ObjectKind,
    object: &str,
    but: &str,
    because: Superseded,
) -> Result<(), PlaneError> {
    let because = match because {
        Superseded::Deleted => format!("the {kind} is being deleted ({but})"),
        Superseded::Kept => format!("the deletion was given up ({but})"),
    };
    sqlx::query(
        "UPDATE strait.operation SET state = 'cancelled', ended = clock_timestamp(), updated = clock_timestamp(),
             reason_code = 'superseded', reason_message = $4
         WHERE object_kind = $1 AND object_id = $2 AND id <> $3 AND ended IS NULL",
    )
    .bind(kind.as_str())
    .bind(object)
    .bind(but)
    .bind(because)
    .run(db)
    .await
}

/// Forgets what ended longer ago than `days`, all but the newest `most` of each project, and the keys of what is a day old.
/// What has a key stays until then: a request counts once.
pub(crate) async fn prune(db: &mut PgConnection, days: i32, most: i64) -> Result<(), PlaneError> {
    sqlx::query(
        "DELETE FROM strait.operation WHERE ended < clock_timestamp() - make_interval(days => $1)",
    )
    .bind(days)
    .run(&mut *db)
    .await?;
    sqlx::query(
        // Looked for once a project, and not once an operation.
        "WITH old AS MATERIALIZED (
             SELECT p.id AS project, oldest.number AS last FROM strait.project p CROSS JOIN LATERAL (
                 SELECT o.number FROM strait.operation o WHERE o.project_id = p.id ORDER BY o.number DESC OFFSET $1 LIMIT 1) oldest)
         DELETE FROM strait.operation o USING old
         WHERE o.project_id = old.project AND o.number <= old.last AND o.ended IS NOT NULL
             AND (o.idempotency_key IS NULL OR o.created < clock_timestamp() - interval '1 day')",
    )
    .bind(most)
    .run(&mut *db)
    .await?;
    sqlx::query(
        "UPDATE strait.operation SET idempotency_key = NULL, fingerprint = NULL, salt = NULL
         WHERE idempotency_key IS NOT NULL AND created < clock_timestamp() - interval '1 day'",
    )
    .run(db)
    .await
}
