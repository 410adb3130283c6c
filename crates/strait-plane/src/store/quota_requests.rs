//! Requests for more of a quota.

use sqlx::{FromRow, PgExecutor};

use super::{Change, Find, timestamp};
use crate::error::PlaneError;
use crate::model::{Quota, QuotaRequest, QuotaRequestState};

/// How many are shown at most.
const SHOWN: i64 = 500;
/// How many of a project's that were decided are kept.
const KEPT: i64 = 1000;

const SELECT: &str = "SELECT r.id, r.project_id, p.name AS project_name, r.quota, r.present, r.wanted, r.reason, r.actor, r.actor_name,
    (extract(epoch FROM r.created) * 1000000)::bigint AS created, r.state, r.granted, r.decided_by,
    (extract(epoch FROM r.decided) * 1000000)::bigint AS decided, r.word
    FROM strait.quota_request r JOIN strait.project p ON p.id = r.project_id";

/// One to be written down.
pub(crate) struct Insert<'a> {
    pub(crate) id: &'a str,
    pub(crate) project: &'a str,
    pub(crate) quota: Quota,
    pub(crate) present: u32,
    pub(crate) wanted: i32,
    pub(crate) reason: &'a str,
    pub(crate) actor: &'a str,
    pub(crate) actor_name: Option<&'a str>,
}

/// What came of one.
pub(crate) struct Decision<'a> {
    pub(crate) state: QuotaRequestState,
    pub(crate) by: &'a str,
    pub(crate) word: Option<&'a str>,
    pub(crate) granted: Option<i32>,
}

#[derive(FromRow)]
struct Row {
    id: String,
    project_id: String,
    project_name: String,
    quota: String,
    present: i32,
    wanted: i32,
    reason: String,
    actor: String,
    actor_name: Option<String>,
    created: i64,
    state: String,
    granted: Option<i32>,
    decided_by: Option<String>,
    decided: Option<i64>,
    word: Option<String>,
}

impl TryFrom<Row> for QuotaRequest {
    type Error = PlaneError;

    fn try_from(row: Row) -> Result<Self, PlaneError> {
        Ok(Self {
            id: row.id,
            project_id: row.project_id,
            project_name: row.project_name,
            quota: row.quota.parse()?,
            present: row.present.unsigned_abs(),
            wanted: row.wanted.unsigned_abs(),
            reason: row.reason,
            actor: row.actor,
            actor_name: row.actor_name,
            created: timestamp(row.created)?,
            state: row.state.parse()?,
            decided_by: row.decided_by,
            decided: row.decided.map(timestamp).transpose()?,
            word: row.word,
            granted: row.granted.map(i32::unsigned_abs),
        })
    }
}

/// False: there is an open one about the same.
pub(crate) async fn insert(db: impl PgExecutor<'_>, new: &Insert<'_>) -> Result<bool, PlaneError> {
    sqlx::query(
        "INSERT INTO strait.quota_request (id, project_id, quota, present, wanted, reason, actor, actor_name)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (project_id, quota) WHERE state = 'open' DO NOTHING",
    )
    .bind(new.id)
    .bind(new.project)
    .bind(new.quota.as_str())
    .bind(i64::from(new.present))
    .bind(new.wanted)
    .bind(new.reason)
    .bind(new.actor)
    .bind(new.actor_name)
    .touches(db)
    .await
}

pub(crate) async fn get(
    db: impl PgExecutor<'_>,
    id: &str,
) -> Result<Option<QuotaRequest>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!("{SELECT} WHERE r.id = $1"))
        .bind(id)
        .first(db)
        .await
}

/// The same, its row taken until the end of the transaction.
pub(crate) async fn lock(
    db: impl PgExecutor<'_>,
    id: &str,
) -> Result<Option<QuotaRequest>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!("{SELECT} WHERE r.id = $1 FOR UPDATE OF r"))
        .bind(id)
        .first(db)
        .await
}

/// A project's, the newest first.
pub(crate) async fn of_project(
    db: impl PgExecutor<'_>,
    project: &str,
) -> Result<Vec<QuotaRequest>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "{SELECT} WHERE r.project_id = $1 ORDER BY r.created DESC, r.id LIMIT $2"
    ))
    .bind(project)
    .bind(SHOWN)
    .all(db)
    .await
}

/// All projects' in this state, the newest first.
pub(crate) async fn in_state(
    db: impl PgExecutor<'_>,
    state: QuotaRequestState,
) -> Result<Vec<QuotaRequest>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "{SELECT} WHERE r.state = $1 ORDER BY r.created DESC, r.id LIMIT $2"
    ))
    .bind(state.as_str())
    .bind(SHOWN)
    .all(db)
    .await
}

/// Notes what came of it.
pub(crate) async fn decide(
    db: impl PgExecutor<'_>,
    id: &str,
    decision: &Decision<'_>,
) -> Result<(), PlaneError> {
    sqlx::query(
        "UPDATE strait.quota_request SET state = $2, decided_by = $3, word = $4, granted = $5,
             decided = clock_timestamp() WHERE id = $1",
    )
    .bind(id)
    .bind(decision.state.as_str())
    .bind(decision.by)
    .bind(decision.word)
    .bind(decision.granted)
    .run(db)
    .await
}

/// Forgets those that were decided but for the newest of each project.
pub(crate) async fn prune(db: impl PgExecutor<'_>) -> Result<(), PlaneError> {
    sqlx::query(
        "DELETE FROM strait.quota_request r USING (
             SELECT id, row_number() OVER (PARTITION BY project_id ORDER BY created DESC, id) AS place
             FROM strait.quota_request WHERE state <> 'open') decided
         WHERE decided.id = r.id AND decided.place > $1",
    )
    .bind(KEPT)
    .run(db)
    .await
}
