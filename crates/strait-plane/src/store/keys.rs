//! Keys of the interfaces.

use sqlx::{FromRow, PgExecutor};

use super::timestamp;
use crate::error::PlaneError;
use crate::model::ApiKey;

#[derive(FromRow)]
struct Row {
    public_key: String,
    project_id: String,
    created: i64,
}

impl Row {
    fn key(self) -> Result<ApiKey, PlaneError> {
        Ok(ApiKey {
            public_key: self.public_key,
            project_id: self.project_id,
            created: timestamp(self.created)?,
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
    .key()
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
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Row::key)
    .collect()
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
    let done = sqlx::query("DELETE FROM strait.api_key WHERE project_id = $1 AND public_key = $2")
        .bind(project)
        .bind(public_key)
        .execute(db)
        .await?;
    Ok(done.rows_affected() > 0)
}
