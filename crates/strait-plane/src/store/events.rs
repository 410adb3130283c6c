//! What happened. Written by triggers, so that nothing changes without one.

use serde_json::Value;
use sqlx::types::Json;
use sqlx::{FromRow, PgExecutor};

use super::{Change, Find, timestamp};
use crate::error::PlaneError;
use crate::model::{Cursor, Event};

#[derive(FromRow)]
struct Row {
    xid: i64,
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
            cursor: Cursor {
                xid: row.xid,
                id: row.id,
            },
            at: timestamp(row.at)?,
            kind: row.kind,
            object_kind: row.object_kind.parse()?,
            object_id: row.object_id,
            operation_id: row.operation_id,
            data: row.data.0,
        })
    }
}

/// A project's events after this one, oldest first; none that a transaction still open may come before.
pub(crate) async fn since(
    db: impl PgExecutor<'_>,
    project: &str,
    cursor: Cursor,
    limit: i64,
) -> Result<Vec<Event>, PlaneError> {
    sqlx::query_as::<_, Row>(
        "SELECT xid::text::bigint AS xid, id, (extract(epoch FROM at) * 1000000)::bigint AS at, kind, object_kind,
             object_id, operation_id, data FROM strait.event
         WHERE project_id = $1 AND (xid, id) > ($2::text::xid8, $3) AND xid < pg_snapshot_xmin(pg_current_snapshot())
         ORDER BY event.xid, event.id LIMIT $4",
    )
    .bind(project)
    .bind(cursor.xid.to_string())
    .bind(cursor.id)
    .bind(limit)
    .all(db)
    .await
}

/// A project's last events, newest first.
pub(crate) async fn latest(
    db: impl PgExecutor<'_>,
    project: &str,
    limit: i64,
) -> Result<Vec<Event>, PlaneError> {
    sqlx::query_as::<_, Row>(
        "SELECT xid::text::bigint AS xid, id, (extract(epoch FROM at) * 1000000)::bigint AS at, kind, object_kind,
             object_id, operation_id, data FROM strait.event
         WHERE project_id = $1 ORDER BY event.xid DESC, event.id DESC LIMIT $2",
    )
    .bind(project)
    .bind(limit)
    .all(db)
    .await
}

/// The place after the last one that can be read.
pub(crate) async fn end(db: impl PgExecutor<'_>, project: &str) -> Result<Cursor, PlaneError> {
    let last: Option<(i64, i64)> = sqlx::query_as(
        "SELECT xid::text::bigint, id FROM strait.event
         WHERE project_id = $1 AND xid < pg_snapshot_xmin(pg_current_snapshot())
         ORDER BY xid DESC, id DESC LIMIT 1",
    )
    .bind(project)
    .fetch_optional(db)
    .await?;
    Ok(last.map_or_else(Cursor::default, |(xid, id)| Cursor { xid, id }))
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
        "DELETE FROM strait.event e USING (
             SELECT p.id, (SELECT e.xid FROM strait.event e WHERE e.project_id = p.id
                 ORDER BY e.xid DESC, e.id DESC OFFSET $1 LIMIT 1) AS last FROM strait.project p) AS old
         WHERE e.project_id = old.id AND e.xid <= old.last",
    )
    .bind(most)
    .run(db)
    .await
}
