//! Peering VPCs.

use ipnet::Ipv4Net;
use sqlx::{FromRow, PgConnection, PgExecutor};

use super::{Change, Find, Take, WORK_CHANNEL, range, reason, reason_columns, timestamp};
use crate::cloud::VpcSpec;
use crate::error::PlaneError;
use crate::model::{Reason, Vpc, VpcStatus};

const SELECT: &str =
    "SELECT id, project_id, name, cidr::text AS cidr, region_code, provisioned_id, status,
    reason_code, reason_message, (extract(epoch FROM created) * 1000000)::bigint AS created,
    (extract(epoch FROM updated) * 1000000)::bigint AS updated,
    (SELECT o.id FROM strait.operation o WHERE o.object_id = vpc.id ORDER BY o.number DESC LIMIT 1) AS operation_id
    FROM strait.vpc";

#[derive(FromRow)]
struct Row {
    id: String,
    project_id: String,
    name: String,
    cidr: String,
    region_code: String,
    provisioned_id: Option<String>,
    status: String,
    reason_code: Option<String>,
    reason_message: Option<String>,
    created: i64,
    updated: i64,
    operation_id: Option<String>,
}

impl TryFrom<Row> for Vpc {
    type Error = PlaneError;

    fn try_from(row: Row) -> Result<Self, PlaneError> {
        let reason = reason(row.reason_code, row.reason_message);
        Ok(Self {
            id: row.id,
            project_id: row.project_id,
            name: row.name,
            cidr: range(&row.cidr)?,
            region_code: row.region_code,
            provisioned_id: row.provisioned_id,
            status: row.status.parse()?,
            error_message: reason.as_ref().map(|reason| reason.message.clone()),
            reason,
            operation_id: row.operation_id,
            created: timestamp(row.created)?,
            updated: timestamp(row.updated)?,
        })
    }
}

impl Take for Vpc {
    const KIND: &'static str = "VPC";
    const TABLE: &'static str = "vpc";

    async fn get(db: &mut PgConnection, id: &str) -> Result<Option<Self>, PlaneError> {
        get(db, id).await
    }
}

impl Vpc {
    /// What the cloud is told of it.
    pub(crate) fn spec(&self) -> VpcSpec {
        VpcSpec {
            id: self.id.clone(),
            name: self.name.clone(),
            region: self.region_code.clone(),
            cidr: self.cidr,
        }
    }
}

/// False: its range overlaps another of the project that stays.
pub(crate) async fn insert(
    db: &mut PgConnection,
    id: &str,
    project: &str,
    name: &str,
    cidr: Ipv4Net,
    region: &str,
) -> Result<bool, PlaneError> {
    sqlx::query(
        "INSERT INTO strait.vpc (id, project_id, name, cidr, region_code) VALUES ($1, $2, $3, $4::cidr, $5)
         ON CONFLICT ON CONSTRAINT vpc_ranges_disjoint DO NOTHING",
    )
    .bind(id)
    .bind(project)
    .bind(name)
    .bind(cidr.to_string())
    .bind(region)
    .touches(db)
    .await
}

/// The first VPC of the project that stays and has some of this range.
pub(crate) async fn overlapping(
    db: impl PgExecutor<'_>,
    project: &str,
    cidr: Ipv4Net,
) -> Result<Option<Vpc>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "{SELECT} WHERE project_id = $1 AND cidr && $2::cidr AND status <> 'DELETING' ORDER BY vpc.created, id LIMIT 1"
    ))
    .bind(project)
    .bind(cidr.to_string())
    .first(db)
    .await
}

/// The first VPC that is being deleted and has some of the range that this one is to have.
pub(crate) async fn predecessor(
    db: impl PgExecutor<'_>,
    vpc: &Vpc,
) -> Result<Option<Vpc>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "{SELECT} WHERE project_id = $1 AND cidr && $2::cidr AND status = 'DELETING' ORDER BY vpc.created, id LIMIT 1"
    ))
    .bind(&vpc.project_id)
    .bind(vpc.cidr.to_string())
    .first(db)
    .await
}

pub(crate) async fn list(db: impl PgExecutor<'_>, project: &str) -> Result<Vec<Vpc>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "{SELECT} WHERE project_id = $1 ORDER BY vpc.created, id"
    ))
    .bind(project)
    .all(db)
    .await
}

/// Those that may be meant by this id, cloud's id or name.
pub(crate) async fn named(
    db: impl PgExecutor<'_>,
    project: &str,
    name: &str,
) -> Result<Vec<Vpc>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "{SELECT} WHERE project_id = $1 AND (id = $2 OR name = $2 OR provisioned_id = $2) ORDER BY vpc.created, id"
    ))
    .bind(project)
    .bind(name)
    .all(db)
    .await
}

pub(crate) async fn get(db: impl PgExecutor<'_>, id: &str) -> Result<Option<Vpc>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!("{SELECT} WHERE id = $1"))
        .bind(id)
        .first(db)
        .await
}

/// Its status, its row taken until the end of the transaction.
pub(crate) async fn lock(db: &mut PgConnection, id: &str) -> Result<Option<VpcStatus>, PlaneError> {
    let status: Option<String> =
        sqlx::query_scalar("SELECT status FROM strait.vpc WHERE id = $1 FOR NO KEY UPDATE")
            .bind(id)
            .fetch_optional(db)
            .await?;
    status.map(|status| status.parse()).transpose()
}

pub(crate) async fn rename(
    db: impl PgExecutor<'_>,
    id: &str,
    name: &str,
) -> Result<(), PlaneError> {
    sqlx::query("UPDATE strait.vpc SET name = $2, updated = clock_timestamp() WHERE id = $1")
        .bind(id)
        .bind(name)
        .run(db)
        .await
}

pub(crate) async fn want_deleted(db: impl PgExecutor<'_>, id: &str) -> Result<(), PlaneError> {
    sqlx::query(
        "UPDATE strait.vpc SET status = 'DELETING', reason_code = NULL, reason_message = NULL,
             updated = clock_timestamp() WHERE id = $1",
    )
    .bind(id)
    .run(db)
    .await
}

/// Taking it away begins, unless that was given up. False: it was.
pub(crate) async fn remove(db: impl PgExecutor<'_>, id: &str) -> Result<bool, PlaneError> {
    sqlx::query("UPDATE strait.vpc SET removing = true WHERE id = $1 AND status = 'DELETING'")
        .bind(id)
        .touches(db)
        .await
}

/// Wakes its reconciler if it is to be deleted: something that used it left, or came back.
pub(crate) async fn tell_if_leaving(db: impl PgExecutor<'_>, id: &str) -> Result<(), PlaneError> {
    sqlx::query(
        "SELECT pg_notify($1, 'vpc:' || id) FROM strait.vpc WHERE id = $2 AND status = 'DELETING'",
    )
    .bind(WORK_CHANNEL)
    .bind(id)
    .run(db)
    .await
}

/// Wakes the reconcilers of services that are to be reached through it: it is made now, or cannot be.
pub(crate) async fn tell_those_who_wait(
    db: impl PgExecutor<'_>,
    id: &str,
) -> Result<(), PlaneError> {
    sqlx::query(
        "SELECT pg_notify($1, 'service:' || object_id) FROM strait.operation
         WHERE object_kind = 'service' AND ended IS NULL AND network = 'vpc:' || $2",
    )
    .bind(WORK_CHANNEL)
    .bind(id)
    .run(db)
    .await
}

/// Whether its deletion can still be given up; its row is taken.
pub(crate) async fn may_be_kept(db: impl PgExecutor<'_>, id: &str) -> Result<bool, PlaneError> {
    let found: Option<bool> = sqlx::query_scalar(
        "SELECT status = 'DELETING' AND NOT removing FROM strait.vpc WHERE id = $1 FOR NO KEY UPDATE",
    )
    .bind(id)
    .fetch_optional(db)
    .await?;
    Ok(found.unwrap_or_default())
}

/// It is to stay after all. False: it is not to be deleted, or taking it away has begun.
pub(crate) async fn want_kept(db: impl PgExecutor<'_>, id: &str) -> Result<bool, PlaneError> {
    sqlx::query(
        "UPDATE strait.vpc SET status = CASE WHEN provisioned_id IS NULL THEN 'CREATING' ELSE 'CREATED' END,
             reason_code = NULL, reason_message = NULL, updated = clock_timestamp()
         WHERE id = $1 AND status = 'DELETING' AND NOT removing",
    )
    .bind(id)
    .touches(db)
    .await
}

/// Notes that the cloud has it, unless it is to be deleted by now. False: it is.
pub(crate) async fn made(
    db: impl PgExecutor<'_>,
    id: &str,
    provisioned_id: &str,
) -> Result<bool, PlaneError> {
    sqlx::query(
        "UPDATE strait.vpc SET status = 'CREATED', provisioned_id = $2, reason_code = NULL, reason_message = NULL,
             updated = clock_timestamp() WHERE id = $1 AND status <> 'DELETING'",
    )
    .bind(id)
    .bind(provisioned_id)
    .touches(db)
    .await
}

/// Notes why it is not as it should be; `failed` where the cloud will not make it.
///
/// Why a deletion waits says nothing of a VPC whose deletion was given up meanwhile.
pub(crate) async fn blame(
    db: impl PgExecutor<'_>,
    vpc: &Vpc,
    why: &Reason,
    failed: bool,
) -> Result<(), PlaneError> {
    let (code, message) = reason_columns(Some(why));
    sqlx::query(
        "UPDATE strait.vpc SET reason_code = $2, reason_message = $3, updated = clock_timestamp(),
             status = CASE WHEN $4 AND status = 'CREATING' THEN 'FAILED' ELSE status END
         WHERE id = $1 AND (reason_code, reason_message) IS DISTINCT FROM ($2, $3) AND (status = 'DELETING') = $5",
    )
    .bind(&vpc.id)
    .bind(code)
    .bind(message)
    .bind(failed)
    .bind(vpc.status == VpcStatus::Deleting)
    .run(db)
    .await
}

pub(crate) async fn clear_reason(db: impl PgExecutor<'_>, id: &str) -> Result<(), PlaneError> {
    sqlx::query(
        "UPDATE strait.vpc SET reason_code = NULL, reason_message = NULL, updated = clock_timestamp()
         WHERE id = $1 AND reason_code IS NOT NULL",
    )
    .bind(id)
    .run(db)
    .await
}

/// Forgets it, and wakes the reconcilers of those that are to be made where it was.
pub(crate) async fn delete(db: &mut PgConnection, vpc: &Vpc) -> Result<(), PlaneError> {
    sqlx::query("DELETE FROM strait.vpc WHERE id = $1")
        .bind(&vpc.id)
        .run(&mut *db)
        .await?;
    sqlx::query("SELECT pg_notify($1, 'vpc:' || id) FROM strait.vpc WHERE project_id = $2 AND cidr && $3::cidr")
        .bind(WORK_CHANNEL)
        .bind(&vpc.project_id)
        .bind(vpc.cidr.to_string())
        .run(db)
        .await
}

/// A service that a VPC is wanted by, or that still has a way through it.
#[derive(Debug, FromRow)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) name: String,
    /// False: it is just leaving.
    pub(crate) attached: bool,
    /// Whether something that was asked of it is not done.
    pub(crate) open: bool,
    /// Why the last thing that was asked of it failed.
    pub(crate) failed: Option<String>,
    /// Whether that is so short ago that it is not asked again yet.
    pub(crate) rests: bool,
}

pub(crate) async fn users(db: impl PgExecutor<'_>, vpc: &str) -> Result<Vec<User>, PlaneError> {
    Ok(sqlx::query_as(
        "SELECT s.id, s.name, s.wanted <> 'deleted' AND s.wanted_vpc IS NOT DISTINCT FROM $1 AS attached,
             last.ended IS NULL AND last.id IS NOT NULL AS open,
             CASE WHEN last.state = 'failed' THEN last.reason_message END AS failed,
             -- The longer it has been tried, the seldomer. A clock that was set back makes it no longer.
             coalesce(last.state = 'failed' AND clock_timestamp() BETWEEN last.ended AND last.ended
                 + least(interval '10 minutes', greatest(interval '5 seconds', last.ended - deletion.created)), false) AS rests
         FROM (SELECT id FROM strait.service WHERE wanted_vpc = $1
             UNION SELECT service_id FROM strait.way WHERE vpc_id = $1
             UNION SELECT object_id FROM strait.operation
                 WHERE object_kind = 'service' AND ended IS NULL AND network = 'vpc:' || $1) found
         JOIN strait.service s ON s.id = found.id
         LEFT JOIN LATERAL (SELECT id, state, reason_message, ended FROM strait.operation
             WHERE object_id = s.id ORDER BY number DESC LIMIT 1) last ON true
         LEFT JOIN LATERAL (SELECT created FROM strait.operation
             WHERE object_id = $1 AND action = 'vpc.delete' ORDER BY number DESC LIMIT 1) deletion ON true
         ORDER BY s.created, s.id",
    )
    .bind(vpc)
    .fetch_all(db)
    .await?)
}
