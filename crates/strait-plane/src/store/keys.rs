//! Keys of the interfaces, and what tokens for them are signed with. A key that was revoked or has expired is kept for
//! those who ask later whose it was.

use jiff::Timestamp;
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool};

use super::{Change, Find, timestamp};
use crate::error::PlaneError;
use crate::model::{ApiKey, NewKey, Role};

const COLUMNS: &str = "public_key, project_id, name, role, created_by, secret_hash,
    (extract(epoch FROM created) * 1000000)::bigint AS created,
    (extract(epoch FROM last_used) * 1000000)::bigint AS last_used,
    (extract(epoch FROM expires) * 1000000)::bigint AS expires";

/// A key that opens something now, and the hash of its secret.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) key: ApiKey,
    pub(crate) secret_hash: String,
}

#[derive(FromRow)]
struct Row {
    public_key: String,
    project_id: String,
    name: String,
    role: String,
    created_by: String,
    secret_hash: String,
    created: i64,
    last_used: Option<i64>,
    expires: Option<i64>,
}

impl TryFrom<Row> for Kept {
    type Error = PlaneError;

    fn try_from(row: Row) -> Result<Self, PlaneError> {
        Ok(Self {
            key: ApiKey {
                public_key: row.public_key,
                project_id: row.project_id,
                name: row.name,
                role: row.role.parse()?,
                created_by: row.created_by,
                created: timestamp(row.created)?,
                last_used: row.last_used.map(timestamp).transpose()?,
                expires: row.expires.map(timestamp).transpose()?,
            },
            secret_hash: row.secret_hash,
        })
    }
}

impl TryFrom<Row> for ApiKey {
    type Error = PlaneError;

    fn try_from(row: Row) -> Result<Self, PlaneError> {
        Kept::try_from(row).map(|kept| kept.key)
    }
}

pub(crate) async fn insert(
    db: impl PgExecutor<'_>,
    public_key: &str,
    project: &str,
    secret_hash: &str,
    new: &NewKey,
    created_by: &str,
) -> Result<ApiKey, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "INSERT INTO strait.api_key (public_key, project_id, secret_hash, name, role, created_by, expires)
         VALUES ($1, $2, $3, $4, $5, $6, to_timestamp($7::bigint / 1000000.0))
         RETURNING {COLUMNS}"
    ))
    .bind(public_key)
    .bind(project)
    .bind(secret_hash)
    .bind(&new.name)
    .bind(new.role.as_str())
    .bind(created_by)
    .bind(new.expires.map(Timestamp::as_microsecond))
    .fetch_one(db)
    .await?
    .try_into()
}

/// Those that were not revoked, oldest first; one that has expired says so by itself.
pub(crate) async fn list(
    db: impl PgExecutor<'_>,
    project: &str,
) -> Result<Vec<ApiKey>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "SELECT {COLUMNS} FROM strait.api_key WHERE project_id = $1 AND revoked IS NULL
         ORDER BY api_key.created, public_key"
    ))
    .bind(project)
    .all(db)
    .await
}

/// One that opens something now.
pub(crate) async fn find(
    db: impl PgExecutor<'_>,
    public_key: &str,
) -> Result<Option<Kept>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "SELECT {COLUMNS} FROM strait.api_key
         WHERE public_key = $1 AND revoked IS NULL AND (expires IS NULL OR expires > clock_timestamp())"
    ))
    .bind(public_key)
    .first(db)
    .await
}

/// Whether one opens something now; nobody revokes it until the transaction ends.
pub(crate) async fn hold(db: &mut PgConnection, public_key: &str) -> Result<bool, PlaneError> {
    let row = sqlx::query(
        "SELECT FROM strait.api_key
         WHERE public_key = $1 AND revoked IS NULL AND (expires IS NULL OR expires > clock_timestamp())
         FOR SHARE",
    )
    .bind(public_key)
    .fetch_optional(db)
    .await?;
    Ok(row.is_some())
}

/// One of a project's that was not revoked.
pub(crate) async fn get(
    db: impl PgExecutor<'_>,
    project: &str,
    public_key: &str,
) -> Result<Option<ApiKey>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "SELECT {COLUMNS} FROM strait.api_key WHERE project_id = $1 AND public_key = $2 AND revoked IS NULL"
    ))
    .bind(project)
    .bind(public_key)
    .first(db)
    .await
}

/// Notes that it was used, to the minute.
pub(crate) async fn used(db: impl PgExecutor<'_>, public_key: &str) -> Result<(), PlaneError> {
    sqlx::query(
        "UPDATE strait.api_key SET last_used = clock_timestamp()
         WHERE public_key = $1 AND (last_used IS NULL OR last_used < clock_timestamp() - interval '1 minute')",
    )
    .bind(public_key)
    .run(db)
    .await
}

/// False: there was no such key.
pub(crate) async fn revoke(
    db: impl PgExecutor<'_>,
    project: &str,
    public_key: &str,
) -> Result<bool, PlaneError> {
    sqlx::query(
        "UPDATE strait.api_key SET revoked = clock_timestamp()
         WHERE project_id = $1 AND public_key = $2 AND revoked IS NULL",
    )
    .bind(project)
    .bind(public_key)
    .touches(db)
    .await
}

/// Takes away the keys with one of these roles that somebody made, and those that were made with these; in one project, or in
/// all. Returns how many.
pub(crate) async fn revoke_made_by(
    db: impl PgExecutor<'_>,
    actor: &str,
    project: Option<&str>,
    roles: &[Role],
) -> Result<u64, PlaneError> {
    let roles: Vec<&str> = roles.iter().copied().map(Role::as_str).collect();
    let revoked = sqlx::query(
        "WITH RECURSIVE made AS (
             SELECT public_key FROM strait.api_key
             WHERE created_by = $1 AND ($2::text IS NULL OR project_id = $2)
             UNION
             SELECT k.public_key FROM strait.api_key k JOIN made ON k.created_by = 'key:' || made.public_key)
         UPDATE strait.api_key SET revoked = clock_timestamp()
         WHERE public_key IN (SELECT public_key FROM made) AND revoked IS NULL AND role = ANY($3)",
    )
    .bind(actor)
    .bind(project)
    .bind(roles)
    .execute(db)
    .await?;
    Ok(revoked.rows_affected())
}

/// What tokens are signed with: this, if nothing is kept yet.
pub(crate) async fn signing_key(pool: &PgPool, drawn: &str) -> Result<String, PlaneError> {
    let kept = "SELECT secret FROM strait.signing_key";
    if let Some(secret) = sqlx::query_scalar(kept).fetch_optional(pool).await? {
        return Ok(secret);
    }
    sqlx::query("INSERT INTO strait.signing_key (secret) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(drawn)
        .execute(pool)
        .await?;
    Ok(sqlx::query_scalar(kept).fetch_one(pool).await?)
}
