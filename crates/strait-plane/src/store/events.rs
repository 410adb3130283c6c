//! What happened. Written by triggers, so that nothing changes without one.

use serde_json::Value;
use sqlx::types::Json;
use sqlx::{FromRow, PgExecutor};

use super::{Change, Find, timestamp};
use crate::error::PlaneError;
use crate::model::{Cursor, Event};

#[derive(FromRow)]
struct Row {
    id: i64,
    at: i64,
    kind: String,
    object_kind: String,
    object_id: String,
    operation_id: Option<String>,
    data: Json<Value>,
}

impl TryFrom<Row> for Event {
    type Error = PlaneError;

    fn try_from(row: Row) -> Result<Self, PlaneError> {
        Ok(Self {
            cursor: Cursor { id: row.id },
            at: timestamp(row.at)?,
            kind: row.kind,
            object_kind: row.object_kind.parse()?,
            object_id: row.object_id,
            operation_id: row.operation_id,
            data: row.data.0,
        })
    }
}

/// A project's events after this one, oldest first. None appears later before one that can be read: they are numbered as
/// they are committed.
pub(crate) async fn since(
    db: impl PgExecutor<'_>,
    project: &str,
    cursor: Cursor,
    limit: u32,
) -> Result<Vec<Event>, PlaneError> {
    sqlx::query_as::<_, Row>(
        "SELECT id, (extract(epoch FROM at) * 1000000)::bigint AS at, kind, object_kind, object_id, operation_id, data
         FROM strait.event WHERE project_id = $1 AND id > $2 ORDER BY id LIMIT $3",
    )
    .bind(project)
    .bind(cursor.id)
    .bind(i64::from(limit))
    .all(db)
    .await
}

/// A project's last events, newest first.
pub(crate) async fn latest(
    db: impl PgExecutor<'_>,
    project: &str,
    limit: u32,
) -> Result<Vec<Event>, PlaneError> {
    sqlx::query_as::<_, Row>(
        "SELECT id, (extract(epoch FROM at) * 1000000)::bigint AS at, kind, object_kind, object_id, operation_id, data
         FROM strait.event WHERE project_id = $1 ORDER BY id DESC LIMIT $2",
    )
    .bind(project)
    .bind(i64::from(limit))
    .all(db)
    .await
}

/// The place after the last one.
pub(crate) async fn end(db: impl PgExecutor<'_>, project: &str) -> Result<Cursor, PlaneError> {
    let last: Option<i64> =
        sqlx::query_scalar("SELECT max(id) FROM strait.event WHERE project_id = $1")
            .bind(project)
            .fetch_one(db)
            .await?;
    Ok(Cursor {
        id: last.unwrap_or_default(),
    })
}

/// Forgets what is older than `days`, and all but the newest `most` of each project.
pub(crate) async fn prune(
    db: &mut sqlx::PgConnection,
    days: i32,
    most: i64,
) -> Result<(), PlaneError> {
    sqlx::query(
        "DELETE FROM strait.event WHERE at < clock_timestamp() - make_interval(days => $1)",
    )
    .bind(days)
    .run(&mut *db)
    .await?;
    sqlx::query(
        // Looked for once a project, and not once an event.
        "WITH old AS MATERIALIZED (
             SELECT p.id AS project, oldest.id AS last FROM strait.project p CROSS JOIN LATERAL (
                 SELECT e.id FROM strait.event e WHERE e.project_id = p.id ORDER BY e.id DESC OFFSET $1 LIMIT 1) oldest)
         DELETE FROM strait.event e USING old
         WHERE e.project_id = old.project AND e.id <= old.last",
    )
    .bind(most)
    .run(db)
    .await
}
