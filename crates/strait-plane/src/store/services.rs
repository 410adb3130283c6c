//! Services.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, PgExecutor};

use super::ways::{Open, OpenRow};
use super::{Change, Find, Take, reason, reason_columns, timestamp};
use crate::error::PlaneError;
use crate::model::{
    Addon, AllowEntry, AllowLists, Environment, Network, OperationState, PublicWay, Reason,
    Registration, ServiceStatus, Wanted,
};

const SELECT: &str = "SELECT s.id, s.project_id, s.name, s.region_code, s.password_verifier, s.registration, s.wanted, s.wanted_vpc,
    s.status, s.current_network, s.revision, s.reconciled, s.reason_code, s.reason_message, s.refused, s.notice,
    s.environment, s.addons, s.allow_public, s.allow_private,
    (extract(epoch FROM s.created) * 1000000)::bigint AS created,
    (extract(epoch FROM s.updated) * 1000000)::bigint AS updated,
    w.vpc_id AS current_vpc, host(w.address) AS address, w.port, w.provisioned_id, w.host,
    coalesce(w.sources, '{}') AS sources, coalesce(w.from_internet, false) AS from_internet, w.loopback_port,
    EXISTS (SELECT 1 FROM strait.way o WHERE o.service_id = s.id AND o.network IS DISTINCT FROM s.current_network)
        AS others,
    o.id AS operation_id, o.state AS operation_state, o.reason_code AS operation_code, o.reason_message AS operation_message
    FROM strait.service s LEFT JOIN strait.way w ON w.service_id = s.id AND w.network = s.current_network
    LEFT JOIN LATERAL (SELECT id, state, reason_code, reason_message FROM strait.operation
        WHERE object_id = s.id ORDER BY number DESC LIMIT 1) o ON true";

/// A service as it is kept, with the way that its names lead to.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) id: String,
    pub(crate) project_id: String,
    pub(crate) name: String,
    pub(crate) region_code: String,
    pub(crate) origin: Origin,
    pub(crate) wanted: Wanted,
    pub(crate) environment: Environment,
    pub(crate) addons: BTreeSet<Addon>,
    pub(crate) allow: AllowLists,
    pub(crate) wanted_network: Network,
    pub(crate) status: ServiceStatus,
    pub(crate) current: Option<Current>,
    /// Whether there are ways beside the current one.
    pub(crate) others: bool,
    pub(crate) revision: i64,
    pub(crate) reconciled: i64,
    pub(crate) reason: Option<Reason>,
    pub(crate) refused: bool,
    pub(crate) notice: Option<String>,
    /// What was asked for last.
    pub(crate) last: Option<Last>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

/// The operation that was asked for last.
#[derive(Debug, Clone)]
pub(crate) struct Last {
    pub(crate) id: String,
    pub(crate) state: OperationState,
    pub(crate) reason: Option<Reason>,
}

/// Where a service comes from.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// Strait makes it; the SCRAM verifier of its password.
    Made(String),
    /// It exists.
    Registered(Registration),
}

/// The way that a service's names lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Current {
    pub(crate) network: Network,
    pub(crate) open: Open,
}

#[derive(FromRow)]
struct Row {
    id: String,
    project_id: String,
    name: String,
    region_code: String,
    password_verifier: Option<String>,
    registration: Option<Json<Registration>>,
    wanted: String,
    environment: String,
    addons: Vec<String>,
    allow_public: Option<Json<Vec<AllowEntry>>>,
    allow_private: Option<Json<Vec<AllowEntry>>>,
    wanted_vpc: Option<String>,
    status: String,
    current_network: Option<String>,
    revision: i64,
    reconciled: i64,
    reason_code: Option<String>,
    reason_message: Option<String>,
    refused: bool,
    notice: Option<String>,
    created: i64,
    updated: i64,
    current_vpc: Option<String>,
    others: bool,
    operation_id: Option<String>,
    operation_state: Option<String>,
    operation_code: Option<String>,
    operation_message: Option<String>,
    #[sqlx(flatten)]
    open: OpenRow,
}

impl TryFrom<Row> for Kept {
    type Error = PlaneError;

    fn try_from(row: Row) -> Result<Self, PlaneError> {
        let origin = match (row.registration, row.password_verifier) {
            (Some(Json(registration)), _) => Origin::Registered(registration),
            (None, Some(verifier)) => Origin::Made(verifier),
            (None, None) => {
                return Err(PlaneError::Corrupt(format!(
                    "service {} is neither made nor registered",
                    row.id
                )));
            }
        };
        let open = row.open.open()?;
        let last = match (row.operation_id, row.operation_state) {
            (Some(id), Some(state)) => Some(Last {
                id,
                state: state.parse()?,
                reason: reason(row.operation_code, row.operation_message),
            }),
            (None, _) | (_, None) => None,
        };
        let current = row.current_network.and(open).map(|open| Current {
            network: Network::from_vpc(row.current_vpc),
            open,
        });
        Ok(Self {
            id: row.id,
            project_id: row.project_id,
            name: row.name,
            region_code: row.region_code,
            origin,
            wanted: row.wanted.parse()?,
            environment: row.environment.parse()?,
            addons: (row.addons.iter().map(|word| word.parse())).collect::<Result<_, _>>()?,
            allow: AllowLists {
                public: row.allow_public.map(|list| list.0),
                private: row.allow_private.map(|list| list.0),
            },
            wanted_network: Network::from_vpc(row.wanted_vpc),
            status: row.status.parse()?,
            current,
            others: row.others,
            revision: row.revision,
            reconciled: row.reconciled,
            reason: reason(row.reason_code, row.reason_message),
            refused: row.refused,
            notice: row.notice,
            last,
            created: timestamp(row.created)?,
            updated: timestamp(row.updated)?,
        })
    }
}

impl Take for Kept {
    const KIND: &'static str = "service";
    const TABLE: &'static str = "service";

    async fn get(db: &mut PgConnection, id: &str) -> Result<Option<Self>, PlaneError> {
        get(db, id).await
    }
}

/// What a new service is inserted with.
pub(crate) struct Insert<'a> {
    pub(crate) id: &'a str,
    pub(crate) project: &'a str,
    pub(crate) name: &'a str,
    pub(crate) region: &'a str,
    pub(crate) origin: &'a Origin,
    pub(crate) vpc: Option<&'a str>,
    pub(crate) environment: Environment,
    pub(crate) addons: &'a BTreeSet<Addon>,
}

pub(crate) async fn insert(db: impl PgExecutor<'_>, new: &Insert<'_>) -> Result<(), PlaneError> {
    let (verifier, registration) = match new.origin {
        Origin::Made(verifier) => (Some(verifier), None),
        Origin::Registered(registration) => (None, Some(Json(registration))),
    };
    let words: Vec<&str> = new.addons.iter().map(|addon| addon.as_str()).collect();
    sqlx::query(
        "INSERT INTO strait.service (id, project_id, name, region_code, password_verifier, registration, wanted_vpc,
             environment, addons)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(new.id)
    .bind(new.project)
    .bind(new.name)
    .bind(new.region)
    .bind(verifier)
    .bind(registration)
    .bind(new.vpc)
    .bind(new.environment.as_str())
    .bind(words)
    .run(db)
    .await
}

pub(crate) async fn list(db: impl PgExecutor<'_>, project: &str) -> Result<Vec<Kept>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "{SELECT} WHERE s.project_id = $1 ORDER BY s.created, s.id"
    ))
    .bind(project)
    .all(db)
    .await
}

/// Those that may be meant by this id or name.
pub(crate) async fn named(
    db: impl PgExecutor<'_>,
    project: &str,
    name: &str,
) -> Result<Vec<Kept>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "{SELECT} WHERE s.project_id = $1 AND (s.id = $2 OR s.name = $2) ORDER BY s.created, s.id"
    ))
    .bind(project)
    .bind(name)
    .all(db)
    .await
}

/// A service that is registered at this address, or with the same public way, whichever project's.
pub(crate) async fn registered_like(
    db: impl PgExecutor<'_>,
    registration: &Registration,
) -> Result<Option<String>, PlaneError> {
    let public_way = match &registration.public_way {
        PublicWay::None => None,
        PublicWay::SecurityGroup { group_id, .. } => Some(group_id),
        PublicWay::RdsInstance { id } => Some(id),
    };
    Ok(sqlx::query_scalar(
        "SELECT id FROM strait.service
         WHERE (registration->>'host' = $1 AND (registration->>'port')::integer = $2)
             OR coalesce(registration->'public_way'->>'group_id', registration->'public_way'->>'id') = $3
         ORDER BY created LIMIT 1",
    )
    .bind(&registration.host)
    .bind(i32::from(registration.port))
    .bind(public_way)
    .fetch_optional(db)
    .await?)
}

pub(crate) async fn get(db: impl PgExecutor<'_>, id: &str) -> Result<Option<Kept>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!("{SELECT} WHERE s.id = $1"))
        .bind(id)
        .first(db)
        .await
}

/// What was asked of it, its row taken until the end of the transaction.
pub(crate) async fn lock(
    db: &mut PgConnection,
    id: &str,
) -> Result<Option<(Wanted, Network)>, PlaneError> {
    let row: Option<(String, Option<String>)> = sqlx::query_as(
        "SELECT wanted, wanted_vpc FROM strait.service WHERE id = $1 FOR NO KEY UPDATE",
    )
    .bind(id)
    .fetch_optional(db)
    .await?;
    row.map(|(wanted, vpc)| Ok((wanted.parse()?, Network::from_vpc(vpc))))
        .transpose()
}

pub(crate) async fn rename(
    db: impl PgExecutor<'_>,
    id: &str,
    name: &str,
) -> Result<(), PlaneError> {
    sqlx::query("UPDATE strait.service SET name = $2, updated = clock_timestamp() WHERE id = $1")
        .bind(id)
        .bind(name)
        .run(db)
        .await
}

pub(crate) async fn set_environment(
    db: impl PgExecutor<'_>,
    id: &str,
    environment: Environment,
) -> Result<(), PlaneError> {
    sqlx::query(
        "UPDATE strait.service SET environment = $2, updated = clock_timestamp() WHERE id = $1",
    )
    .bind(id)
    .bind(environment.as_str())
    .run(db)
    .await
}

/// Keeps what PostgreSQL is to keep of another password.
pub(crate) async fn set_verifier(
    db: impl PgExecutor<'_>,
    id: &str,
    verifier: &str,
) -> Result<(), PlaneError> {
    sqlx::query("UPDATE strait.service SET password_verifier = $2 WHERE id = $1")
        .bind(id)
        .bind(verifier)
        .run(db)
        .await
}

/// Writes a wish.
pub(crate) async fn want(
    db: impl PgExecutor<'_>,
    id: &str,
    wanted: Wanted,
    network: &Network,
) -> Result<(), PlaneError> {
    sqlx::query(
        "UPDATE strait.service SET wanted = $2, wanted_vpc = $3, revision = revision + 1, reason_code = NULL,
             reason_message = NULL, refused = false, notice = NULL, updated = clock_timestamp() WHERE id = $1",
    )
    .bind(id)
    .bind(wanted.as_str())
    .bind(network.vpc())
    .run(db)
    .await
}

pub(crate) async fn set_status(
    db: impl PgExecutor<'_>,
    id: &str,
    status: ServiceStatus,
) -> Result<(), PlaneError> {
    sqlx::query(
        "UPDATE strait.service SET status = $2, updated = clock_timestamp() WHERE id = $1 AND status <> $2",
    )
    .bind(id)
    .bind(status.as_str())
    .run(db)
    .await
}

/// Makes this way the one that the names lead to, unless the service is to be deleted. False: it is.
pub(crate) async fn switch(
    db: impl PgExecutor<'_>,
    id: &str,
    network: &Network,
) -> Result<bool, PlaneError> {
    sqlx::query(
        "UPDATE strait.service SET current_network = $2, updated = clock_timestamp()
         WHERE id = $1 AND wanted <> 'deleted'",
    )
    .bind(id)
    .bind(network.to_string())
    .touches(db)
    .await
}

/// Leads the names back to the former way, and forgets the wish for another, unless yet another one waits for its turn.
pub(crate) async fn go_back(
    db: &mut PgConnection,
    id: &str,
    former: &Network,
    operation: &str,
) -> Result<(), PlaneError> {
    sqlx::query(
        "UPDATE strait.service SET current_network = $2, updated = clock_timestamp(),
             wanted_vpc = CASE WHEN EXISTS (SELECT 1 FROM strait.operation o WHERE o.object_id = $1
                 AND o.ended IS NULL AND o.id <> $4 AND o.network IS NOT NULL) THEN wanted_vpc ELSE $3 END
         WHERE id = $1",
    )
    .bind(id)
    .bind(former.to_string())
    .bind(former.vpc())
    .bind(operation)
    .run(db)
    .await
}

/// How many operations wait or are on their way.
pub(crate) async fn operations_open(db: impl PgExecutor<'_>, id: &str) -> Result<i64, PlaneError> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM strait.operation WHERE object_kind = 'service' AND object_id = $1 AND ended IS NULL",
    )
    .bind(id)
    .fetch_one(db)
    .await?)
}

/// Notes what its operator should know, beside what is noted already, until something else is wished for.
pub(crate) async fn notice(
    db: impl PgExecutor<'_>,
    id: &str,
    notice: &str,
) -> Result<(), PlaneError> {
    sqlx::query(
        "UPDATE strait.service SET notice = concat_ws(E'\n', notice, $2), updated = clock_timestamp()
         WHERE id = $1 AND coalesce(position($2 IN notice), 0) = 0",
    )
    .bind(id)
    .bind(notice)
    .run(db)
    .await
}

/// Takes its names away.
pub(crate) async fn forget_current(db: impl PgExecutor<'_>, id: &str) -> Result<(), PlaneError> {
    sqlx::query(
        "UPDATE strait.service SET current_network = NULL, updated = clock_timestamp()
         WHERE id = $1 AND current_network IS NOT NULL",
    )
    .bind(id)
    .run(db)
    .await
}

/// Notes that this wish is true now.
pub(crate) async fn reconciled(
    db: impl PgExecutor<'_>,
    id: &str,
    status: ServiceStatus,
    revision: i64,
) -> Result<(), PlaneError> {
    sqlx::query(
        "UPDATE strait.service SET reconciled = $3, updated = clock_timestamp(),
             status = CASE WHEN revision = $3 THEN $2 ELSE status END,
             reason_code = CASE WHEN revision = $3 THEN NULL ELSE reason_code END,
             reason_message = CASE WHEN revision = $3 THEN NULL ELSE reason_message END,
             refused = CASE WHEN revision = $3 THEN false ELSE refused END
         WHERE id = $1 AND (reconciled <> $3 OR status <> $2 OR reason_code IS NOT NULL)",
    )
    .bind(id)
    .bind(status.as_str())
    .bind(revision)
    .run(db)
    .await
}

/// Notes why it is not as it should be, if nothing else is wished for by now.
pub(crate) async fn blame(
    db: impl PgExecutor<'_>,
    id: &str,
    revision: i64,
    why: &Reason,
    refused: bool,
) -> Result<(), PlaneError> {
    let (code, message) = reason_columns(Some(why));
    sqlx::query(
        "UPDATE strait.service SET reason_code = $3, reason_message = $4, refused = $5, updated = clock_timestamp()
         WHERE id = $1 AND revision = $2
             AND (reason_code, reason_message, refused) IS DISTINCT FROM ($3, $4, $5)",
    )
    .bind(id)
    .bind(revision)
    .bind(code)
    .bind(message)
    .bind(refused)
    .run(db)
    .await
}

pub(crate) async fn delete(db: impl PgExecutor<'_>, id: &str) -> Result<(), PlaneError> {
    sqlx::query("DELETE FROM strait.service WHERE id = $1")
        .bind(id)
        .run(db)
        .await
}
