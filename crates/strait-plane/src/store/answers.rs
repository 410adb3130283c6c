//! What requests came to that count once and make no operation.

use sqlx::{FromRow, PgExecutor};

use super::{Change, Find};
use crate::error::PlaneError;
use crate::model::Deed;

/// What a request came to.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) deed: Deed,
    pub(crate) object_id: String,
    /// Of the request.
    pub(crate) fingerprint: String,
    /// What a new key's secret comes from, beside the request's key.
    pub(crate) salt: Option<String>,
}

/// One to be kept.
#[derive(Debug)]
pub(crate) struct Insert<'a> {
    /// The hash of the key.
    pub(crate) key: &'a str,
    pub(crate) actor: &'a str,
    pub(crate) project: Option<&'a str>,
    pub(crate) fingerprint: &'a str,
    pub(crate) deed: Deed,
    pub(crate) object_id: &'a str,
    pub(crate) salt: Option<&'a str>,
}

#[derive(FromRow)]
struct Row {
    deed: String,
    object_id: String,
    fingerprint: String,
    salt: Option<String>,
}

impl TryFrom<Row> for Kept {
    type Error = PlaneError;

    fn try_from(row: Row) -> Result<Self, PlaneError> {
        Ok(Self {
            deed: row.deed.parse()?,
            object_id: row.object_id,
            fingerprint: row.fingerprint,
            salt: row.salt,
        })
    }
}

pub(crate) async fn insert(db: impl PgExecutor<'_>, new: &Insert<'_>) -> Result<(), PlaneError> {
    let inserted = sqlx::query(
        "INSERT INTO strait.answer (idempotency_key, actor, project_id, fingerprint, deed, object_id, salt)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(new.key)
    .bind(new.actor)
    .bind(new.project)
    .bind(new.fingerprint)
    .bind(new.deed.as_str())
    .bind(new.object_id)
    .bind(new.salt)
    .execute(db)
    .await;
    match inserted {
        Ok(_) => Ok(()),
        Err(sqlx::Error::Database(error)) if error.constraint() == Some("answer_once") => {
            Err(PlaneError::Repeated)
        }
        Err(error) => Err(error.into()),
    }
}

/// What this actor's request with this key came to, unless that is long ago.
pub(crate) async fn of_key(
    db: impl PgExecutor<'_>,
    project: Option<&str>,
    actor: &str,
    key: &str,
) -> Result<Option<Kept>, PlaneError> {
    sqlx::query_as::<_, Row>(
        "SELECT deed, object_id, fingerprint, salt FROM strait.answer
         WHERE idempotency_key = $1 AND actor = $2 AND project_id IS NOT DISTINCT FROM $3",
    )
    .bind(key)
    .bind(actor)
    .bind(project)
    .first(db)
    .await
}

/// Forgets those that are a day old.
pub(crate) async fn prune(db: impl PgExecutor<'_>) -> Result<(), PlaneError> {
    sqlx::query("DELETE FROM strait.answer WHERE created < clock_timestamp() - interval '1 day'")
        .run(db)
        .await
}
