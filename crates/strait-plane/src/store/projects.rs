//! Projects and quotas.

use sqlx::{FromRow, PgConnection, PgExecutor};

use super::{Change, Find, timestamp};
use crate::error::PlaneError;
use crate::model::{Project, Quota};

/// Serialises first starts; any constant that nobody else uses.
const FIRST_LOCK: i64 = 0x5374_7261_6974_0003;

#[derive(FromRow)]
struct Row {
    id: String,
    name: String,
    created: i64,
}

impl TryFrom<Row> for Project {
    type Error = PlaneError;

    fn try_from(row: Row) -> Result<Self, PlaneError> {
        Ok(Self {
            id: row.id,
            name: row.name,
            created: timestamp(row.created)?,
        })
    }
}

pub(crate) async fn insert(
    db: impl PgExecutor<'_>,
    id: &str,
    name: &str,
) -> Result<Project, PlaneError> {
    sqlx::query_as::<_, Row>(
        "INSERT INTO strait.project (id, name) VALUES ($1, $2)
         RETURNING id, name, (extract(epoch FROM created) * 1000000)::bigint AS created",
    )
    .bind(id)
    .bind(name)
    .fetch_one(db)
    .await?
    .try_into()
}

/// Until the end of the transaction nobody else makes the first project.
pub(crate) async fn lock_first(db: impl PgExecutor<'_>) -> Result<(), PlaneError> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(FIRST_LOCK)
        .run(db)
        .await
}

pub(crate) async fn list(db: impl PgExecutor<'_>) -> Result<Vec<Project>, PlaneError> {
    sqlx::query_as::<_, Row>(
        "SELECT id, name, (extract(epoch FROM created) * 1000000)::bigint AS created
         FROM strait.project ORDER BY project.created, id",
    )
    .all(db)
    .await
}

pub(crate) async fn named(db: impl PgExecutor<'_>, name: &str) -> Result<Vec<Project>, PlaneError> {
    sqlx::query_as::<_, Row>(
        "SELECT id, name, (extract(epoch FROM created) * 1000000)::bigint AS created
         FROM strait.project WHERE id = $1 OR name = $1 ORDER BY project.created, id",
    )
    .bind(name)
    .all(db)
    .await
}

pub(crate) async fn rename(
    db: impl PgExecutor<'_>,
    id: &str,
    name: &str,
) -> Result<(), PlaneError> {
    sqlx::query("UPDATE strait.project SET name = $2 WHERE id = $1")
        .bind(id)
        .bind(name)
        .run(db)
        .await
}

/// Takes the project's row until the end of the transaction, so that counts below it stand. False: it is gone.
pub(crate) async fn lock(db: &mut PgConnection, id: &str) -> Result<bool, PlaneError> {
    let row = sqlx::query("SELECT 1 FROM strait.project WHERE id = $1 FOR NO KEY UPDATE")
        .bind(id)
        .fetch_optional(db)
        .await?;
    Ok(row.is_some())
}

pub(crate) async fn delete(db: impl PgExecutor<'_>, id: &str) -> Result<(), PlaneError> {
    sqlx::query("DELETE FROM strait.project WHERE id = $1")
        .bind(id)
        .run(db)
        .await
}

pub(crate) async fn quota(
    db: impl PgExecutor<'_>,
    project: &str,
    quota: Quota,
) -> Result<u32, PlaneError> {
    let most: Option<i32> =
        sqlx::query_scalar("SELECT most FROM strait.quota WHERE project_id = $1 AND quota = $2")
            .bind(project)
            .bind(quota.as_str())
            .fetch_optional(db)
            .await?;
    Ok(most.map_or(quota.default_limit(), i32::unsigned_abs))
}

pub(crate) async fn set_quota(
    db: impl PgExecutor<'_>,
    project: &str,
    quota: Quota,
    most: i32,
) -> Result<(), PlaneError> {
    sqlx::query(
        "INSERT INTO strait.quota (project_id, quota, most) VALUES ($1, $2, $3)
         ON CONFLICT (project_id, quota) DO UPDATE SET most = excluded.most",
    )
    .bind(project)
    .bind(quota.as_str())
    .bind(most)
    .run(db)
    .await
}

/// How much of the quota is used. Ended peering connections count for nothing, nor do VPCs and services that are being deleted.
pub(crate) async fn used(
    db: impl PgExecutor<'_>,
    project: &str,
    quota: Quota,
) -> Result<u32, PlaneError> {
    let sql = match quota {
        Quota::Vpcs => "SELECT count(*) FROM strait.vpc WHERE project_id = $1 AND status <> 'DELETING'",
        Quota::Services => "SELECT count(*) FROM strait.service WHERE project_id = $1 AND wanted <> 'deleted'",
        Quota::PeeringsPerVpc => {
            "SELECT coalesce(max(n), 0) FROM (
                 SELECT count(*) AS n FROM strait.peering JOIN strait.vpc ON vpc.id = peering.vpc_id
                 WHERE vpc.project_id = $1 AND state NOT IN ('failed', 'expired', 'rejected', 'deleted')
                 GROUP BY vpc.id
             ) AS counts"
        }
    };
    let used: i64 = sqlx::query_scalar(sql).bind(project).fetch_one(db).await?;
    u32::try_from(used)
        .map_err(|_| PlaneError::Corrupt(format!("{used} objects under the quota {quota}")))
}
