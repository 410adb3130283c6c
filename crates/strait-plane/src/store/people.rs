//! People, and what they are in projects.

use sqlx::{FromRow, PgConnection, PgExecutor};

use super::{Change, Find, timestamp};
use crate::error::PlaneError;
use crate::model::{Member, Project, Role, Seat, User};

const COLUMNS: &str = "p.id, p.email, p.name, p.password_hash, p.disabled,
    (extract(epoch FROM p.created) * 1000000)::bigint AS created,
    (extract(epoch FROM p.last_login) * 1000000)::bigint AS last_login";

/// Somebody, and the hash of their password.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) user: User,
    pub(crate) password_hash: Option<String>,
}

#[derive(FromRow)]
struct Row {
    id: String,
    email: String,
    name: String,
    password_hash: Option<String>,
    disabled: bool,
    created: i64,
    last_login: Option<i64>,
}

#[derive(FromRow)]
struct MemberRow {
    id: String,
    email: String,
    name: String,
    role: String,
    created: i64,
}

#[derive(FromRow)]
struct SeatRow {
    id: String,
    name: String,
    created: i64,
    role: String,
}

impl TryFrom<Row> for Kept {
    type Error = PlaneError;

    fn try_from(row: Row) -> Result<Self, PlaneError> {
        Ok(Self {
            user: User {
                id: row.id,
                email: row.email,
                name: row.name,
                has_password: row.password_hash.is_some(),
                disabled: row.disabled,
                created: timestamp(row.created)?,
                last_login: row.last_login.map(timestamp).transpose()?,
            },
            password_hash: row.password_hash,
        })
    }
}

impl TryFrom<Row> for User {
    type Error = PlaneError;

    fn try_from(row: Row) -> Result<Self, PlaneError> {
        Kept::try_from(row).map(|kept| kept.user)
    }
}

impl TryFrom<MemberRow> for Member {
    type Error = PlaneError;

    fn try_from(row: MemberRow) -> Result<Self, PlaneError> {
        Ok(Self {
            user_id: row.id,
            email: row.email,
            name: row.name,
            role: row.role.parse()?,
            created: timestamp(row.created)?,
        })
    }
}

impl TryFrom<SeatRow> for Seat {
    type Error = PlaneError;

    fn try_from(row: SeatRow) -> Result<Self, PlaneError> {
        Ok(Self {
            role: row.role.parse()?,
            project: Project {
                id: row.id,
                name: row.name,
                created: timestamp(row.created)?,
            },
        })
    }
}

/// None: the e-mail address is taken.
pub(crate) async fn insert(
    db: impl PgExecutor<'_>,
    id: &str,
    email: &str,
    name: &str,
    password_hash: Option<&str>,
) -> Result<Option<User>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "INSERT INTO strait.person AS p (id, email, name, password_hash) VALUES ($1, $2, $3, $4)
         ON CONFLICT (email) DO NOTHING RETURNING {COLUMNS}"
    ))
    .bind(id)
    .bind(email)
    .bind(name)
    .bind(password_hash)
    .first(db)
    .await
}

pub(crate) async fn list(db: impl PgExecutor<'_>) -> Result<Vec<User>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "SELECT {COLUMNS} FROM strait.person p ORDER BY p.created, p.id"
    ))
    .all(db)
    .await
}

/// By id or e-mail address.
pub(crate) async fn find(db: impl PgExecutor<'_>, named: &str) -> Result<Option<Kept>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "SELECT {COLUMNS} FROM strait.person p WHERE p.id = $1 OR p.email = $2"
    ))
    .bind(named)
    .bind(named.to_lowercase())
    .first(db)
    .await
}

/// By id; nobody else changes it until the transaction ends.
pub(crate) async fn lock(db: &mut PgConnection, id: &str) -> Result<Option<Kept>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "SELECT {COLUMNS} FROM strait.person p WHERE p.id = $1 FOR UPDATE"
    ))
    .bind(id)
    .first(db)
    .await
}

/// Whom an actor's keys end with: the person that it is, or who made the key that it is, by other keys or not. Nobody keeps
/// them out or deletes them until the transaction ends.
pub(crate) async fn hold_behind(
    db: &mut PgConnection,
    actor: &str,
) -> Result<Option<User>, PlaneError> {
    let id: Option<String> = sqlx::query_scalar(
        "WITH RECURSIVE behind AS (
             SELECT $1::text AS actor
             UNION
             SELECT k.created_by FROM strait.api_key k
                 JOIN behind ON behind.actor LIKE 'key:%' AND k.public_key = substr(behind.actor, 5))
         SELECT p.id FROM strait.person p JOIN behind ON behind.actor = 'user:' || p.email",
    )
    .bind(actor)
    .fetch_optional(&mut *db)
    .await?;
    let Some(id) = id else {
        return Ok(None);
    };
    sqlx::query_as::<_, Row>(&format!(
        "SELECT {COLUMNS} FROM strait.person p WHERE p.id = $1 FOR SHARE"
    ))
    .bind(id)
    .first(db)
    .await
}

pub(crate) async fn set_password(
    db: impl PgExecutor<'_>,
    id: &str,
    hash: Option<&str>,
) -> Result<(), PlaneError> {
    sqlx::query("UPDATE strait.person SET password_hash = $2 WHERE id = $1")
        .bind(id)
        .bind(hash)
        .run(db)
        .await
}

pub(crate) async fn set_disabled(
    db: impl PgExecutor<'_>,
    id: &str,
    disabled: bool,
) -> Result<(), PlaneError> {
    sqlx::query("UPDATE strait.person SET disabled = $2 WHERE id = $1")
        .bind(id)
        .bind(disabled)
        .run(db)
        .await
}

pub(crate) async fn note_login(db: impl PgExecutor<'_>, id: &str) -> Result<(), PlaneError> {
    sqlx::query("UPDATE strait.person SET last_login = clock_timestamp() WHERE id = $1")
        .bind(id)
        .run(db)
        .await
}

pub(crate) async fn delete(db: impl PgExecutor<'_>, id: &str) -> Result<(), PlaneError> {
    sqlx::query("DELETE FROM strait.person WHERE id = $1")
        .bind(id)
        .run(db)
        .await
}

pub(crate) async fn members(
    db: impl PgExecutor<'_>,
    project: &str,
) -> Result<Vec<Member>, PlaneError> {
    sqlx::query_as::<_, MemberRow>(
        "SELECT p.id, p.email, p.name, m.role, (extract(epoch FROM m.created) * 1000000)::bigint AS created
         FROM strait.membership m JOIN strait.person p ON p.id = m.person_id
         WHERE m.project_id = $1 ORDER BY m.created, p.id",
    )
    .bind(project)
    .all(db)
    .await
}

/// Somebody's projects, oldest first.
pub(crate) async fn seats(db: impl PgExecutor<'_>, person: &str) -> Result<Vec<Seat>, PlaneError> {
    sqlx::query_as::<_, SeatRow>(
        "SELECT j.id, j.name, m.role, (extract(epoch FROM j.created) * 1000000)::bigint AS created
         FROM strait.membership m JOIN strait.project j ON j.id = m.project_id
         WHERE m.person_id = $1 ORDER BY j.created, j.id",
    )
    .bind(person)
    .all(db)
    .await
}

/// False: is one already.
pub(crate) async fn add_member(
    db: &mut PgConnection,
    project: &str,
    person: &str,
    role: Role,
) -> Result<bool, PlaneError> {
    sqlx::query(
        "INSERT INTO strait.membership (project_id, person_id, role) VALUES ($1, $2, $3)
         ON CONFLICT (project_id, person_id) DO NOTHING",
    )
    .bind(project)
    .bind(person)
    .bind(role.as_str())
    .touches(db)
    .await
}

pub(crate) async fn set_role(
    db: &mut PgConnection,
    project: &str,
    person: &str,
    role: Role,
) -> Result<(), PlaneError> {
    sqlx::query("UPDATE strait.membership SET role = $3 WHERE project_id = $1 AND person_id = $2")
        .bind(project)
        .bind(person)
        .bind(role.as_str())
        .run(db)
        .await
}

pub(crate) async fn remove_member(
    db: &mut PgConnection,
    project: &str,
    person: &str,
) -> Result<(), PlaneError> {
    sqlx::query("DELETE FROM strait.membership WHERE project_id = $1 AND person_id = $2")
        .bind(project)
        .bind(person)
        .run(db)
        .await
}
