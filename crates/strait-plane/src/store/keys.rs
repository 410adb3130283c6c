//! Keys of the interfaces.

use sqlx::{FromRow, PgExecutor};

use super::{Change, Find, timestamp};
use crate::error::PlaneError;
use crate::model::ApiKey;

#[derive(FromRow)]
struct Row {
    public_key: String,
    project_id: String,
    created: i64,
}

impl TryFrom<Row> for ApiKey {
    type Error = PlaneError;

    fn try_from(row: Row) -> Result<Self, PlaneError> {
        Ok(Self {
            public_key: row.public_key,
            project_id: row.project_id,
            created: timestamp(row.created)?,
        })
    }
}

pub(crate) async fn insert(
    db: impl PgExecutor<'_>,
    public_key: &str,
    project: &str,
    secret_hash: &str,
) -> Result<ApiKey, PlaneError> {
    sqlx::query_as::<_, Row>(
        "INSERT INTO strait.api_key (public_key, project_id, secret_hash) VALUES ($1, $2, $3)
         RETURNING public_key, project_id, (extract(epoch FROM created) * 1000000)::bigint AS created",
    )
    .bind(public_key)
    .bind(project)
    .bind(secret_hash)
    .fetch_one(db)
    .await?
    .try_into()
}

pub(crate) async fn list(
    db: impl PgExecutor<'_>,
    project: &str,
) -> Result<Vec<ApiKey>, PlaneError> {
    sqlx::query_as::<_, Row>(
        "SELECT public_key, project_id, (extract(epoch FROM created) * 1000000)::bigint AS created
         FROM strait.api_key WHERE project_id = $1 ORDER BY api_key.created, public_key",
    )
    .bind(project)
    .all(db)
    .await
}

/// The project and the secret's hash.
pub(crate) async fn find(
    db: impl PgExecutor<'_>,
    public_key: &str,
) -> Result<Option<(String, String)>, PlaneError> {
    Ok(
        sqlx::query_as("SELECT project_id, secret_hash FROM strait.api_key WHERE public_key = $1")
            .bind(public_key)
            .fetch_optional(db)
            .await?,
    )
}

/// False: there was no such key.
pub(crate) async fn delete(
    db: impl PgExecutor<'_>,
    project: &str,
    public_key: &str,
) -> Result<bool, PlaneError> {
    sqlx::query("DELETE FROM strait.api_key WHERE project_id = $1 AND public_key = $2")
        .bind(project)
        .bind(public_key)
        .touches(db)
        .await
}
