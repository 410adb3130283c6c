//! Peering connections.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use jiff::Timestamp;
use sqlx::{FromRow, PgConnection, PgExecutor};

use super::{Change, Find, Take, ranges, reason, reason_columns, texts, timestamp};
use crate::cloud::{PeeringObserved, PeeringSpec, VpcSpec};
use crate::error::PlaneError;
use crate::model::{NewPeering, PeeringState, Reason};

const SELECT: &str = "SELECT id, vpc_id, peer_account_id, peer_vpc_id, peer_region_code, provisioned_id,
    accepter_provisioned_id, state, cloud_message, (extract(epoch FROM expires_at) * 1000000)::bigint AS expires_at,
    peer_cidrs, asked_cidrs, admitted_cidrs, reason_code, reason_message, refused,
    (extract(epoch FROM created) * 1000000)::bigint AS created,
    (extract(epoch FROM updated) * 1000000)::bigint AS updated, attempt, ended,
    (SELECT o.id FROM strait.operation o WHERE o.object_id = peering.id ORDER BY o.number DESC LIMIT 1) AS operation_id
    FROM strait.peering";

/// A peering connection as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) id: String,
    pub(crate) vpc_id: String,
    pub(crate) peer_account_id: String,
    pub(crate) peer_vpc_id: String,
    pub(crate) peer_region_code: String,
    pub(crate) provisioned_id: Option<String>,
    pub(crate) accepter_provisioned_id: Option<String>,
    pub(crate) state: PeeringState,
    pub(crate) cloud_message: String,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) peer_cidrs: BTreeSet<Ipv4Net>,
    /// Those ranges that may come in; all without any.
    pub(crate) asked_cidrs: Option<BTreeSet<Ipv4Net>>,
    /// The customer's ranges that may come in: as the customer has them, or as they were asked for.
    pub(crate) welcome_cidrs: BTreeSet<Ipv4Net>,
    pub(crate) admitted_cidrs: BTreeSet<Ipv4Net>,
    pub(crate) reason: Option<Reason>,
    pub(crate) refused: bool,
    /// How often it was asked for.
    pub(crate) attempt: u32,
    /// Whether it had ended before it was to be deleted.
    pub(crate) ended: bool,
    pub(crate) operation_id: Option<String>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

impl Kept {
    /// What the cloud is told of it.
    pub(crate) fn spec(&self, vpc: VpcSpec) -> PeeringSpec {
        PeeringSpec {
            id: self.id.clone(),
            vpc,
            peer_account: self.peer_account_id.clone(),
            peer_vpc: self.peer_vpc_id.clone(),
            peer_region: self.peer_region_code.clone(),
            provisioned_id: self.provisioned_id.clone(),
            attempt: self.attempt,
        }
    }

    /// The customer's account and VPC.
    pub(crate) fn pair(&self) -> (&str, &str) {
        (&self.peer_account_id, &self.peer_vpc_id)
    }

    /// Whether it is asked for again, and the customer's ranges of the request before are still to be taken away.
    pub(crate) fn is_clearing(&self) -> bool {
        self.state == PeeringState::InitiatingRequest && !self.admitted_cidrs.is_empty()
    }

    /// Whether it is being taken away.
    pub(crate) fn is_leaving(&self) -> bool {
        self.state == PeeringState::Deleting
    }
}

#[derive(FromRow)]
struct Row {
    id: String,
    vpc_id: String,
    peer_account_id: String,
    peer_vpc_id: String,
    peer_region_code: String,
    provisioned_id: Option<String>,
    accepter_provisioned_id: Option<String>,
    state: String,
    cloud_message: String,
    expires_at: Option<i64>,
    peer_cidrs: Vec<String>,
    asked_cidrs: Option<Vec<String>>,
    admitted_cidrs: Vec<String>,
    reason_code: Option<String>,
    reason_message: Option<String>,
    refused: bool,
    created: i64,
    updated: i64,
    attempt: i32,
    ended: bool,
    operation_id: Option<String>,
}

impl TryFrom<Row> for Kept {
    type Error = PlaneError;

    fn try_from(row: Row) -> Result<Self, PlaneError> {
        let peer_cidrs = ranges(&row.peer_cidrs)?;
        let asked_cidrs = row.asked_cidrs.as_deref().map(ranges).transpose()?;
        Ok(Self {
            welcome_cidrs: welcome(&peer_cidrs, asked_cidrs.as_ref()),
            id: row.id,
            vpc_id: row.vpc_id,
            peer_account_id: row.peer_account_id,
            peer_vpc_id: row.peer_vpc_id,
            peer_region_code: row.peer_region_code,
            provisioned_id: row.provisioned_id,
            accepter_provisioned_id: row.accepter_provisioned_id,
            state: row.state.parse()?,
            cloud_message: row.cloud_message,
            expires_at: row.expires_at.map(timestamp).transpose()?,
            peer_cidrs,
            asked_cidrs,
            admitted_cidrs: ranges(&row.admitted_cidrs)?,
            reason: reason(row.reason_code, row.reason_message),
            refused: row.refused,
            attempt: u32::try_from(row.attempt).unwrap_or(1),
            ended: row.ended,
            operation_id: row.operation_id,
            created: timestamp(row.created)?,
            updated: timestamp(row.updated)?,
        })
    }
}

impl Take for Kept {
    const KIND: &'static str = "peering connection";
    const TABLE: &'static str = "peering";

    async fn get(db: &mut PgConnection, id: &str) -> Result<Option<Self>, PlaneError> {
        get(db, id).await
    }
}

/// There must be none for this pair of VPCs.
pub(crate) async fn insert(
    db: impl PgExecutor<'_>,
    id: &str,
    vpc: &str,
    new: &NewPeering,
    asked: Option<&BTreeSet<Ipv4Net>>,
) -> Result<(), PlaneError> {
    sqlx::query(
        "INSERT INTO strait.peering (id, vpc_id, peer_account_id, peer_vpc_id, peer_region_code, asked_cidrs)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(id)
    .bind(vpc)
    .bind(&new.peer_account_id)
    .bind(&new.peer_vpc_id)
    .bind(&new.peer_region_code)
    .bind(asked.map(texts))
    .run(db)
    .await
}

/// Keeps which of the customer's ranges may come in.
pub(crate) async fn ask_ranges(
    db: impl PgExecutor<'_>,
    id: &str,
    asked: Option<&BTreeSet<Ipv4Net>>,
) -> Result<(), PlaneError> {
    sqlx::query(
        "UPDATE strait.peering SET asked_cidrs = $2, reason_code = NULL, reason_message = NULL, refused = false,
             updated = clock_timestamp() WHERE id = $1",
    )
    .bind(id)
    .bind(asked.map(texts))
    .run(db)
    .await
}

pub(crate) async fn list(db: impl PgExecutor<'_>, vpc: &str) -> Result<Vec<Kept>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "{SELECT} WHERE vpc_id = $1 ORDER BY peering.created, id"
    ))
    .bind(vpc)
    .all(db)
    .await
}

/// Those of all Peering VPCs of a project.
pub(crate) async fn list_in(
    db: impl PgExecutor<'_>,
    project: &str,
) -> Result<Vec<Kept>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "{SELECT} WHERE vpc_id IN (SELECT v.id FROM strait.vpc v WHERE v.project_id = $1)
         ORDER BY peering.created, id"
    ))
    .bind(project)
    .all(db)
    .await
}

/// Those that the cloud has and that can still change: what a look at the cloud is compared with.
pub(crate) async fn observable(db: impl PgExecutor<'_>) -> Result<Vec<Kept>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!(
        "{SELECT} WHERE provisioned_id IS NOT NULL AND state IN ('initiating-request', 'pending-acceptance', 'active')
             AND NOT (state = 'initiating-request' AND admitted_cidrs <> '{{}}')
         ORDER BY vpc_id, peering.created, id"
    ))
    .all(db)
    .await
}

/// A request that waits for its customer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, FromRow)]
pub(crate) struct Waiting {
    /// Where the Peering VPC is.
    pub(crate) region_code: String,
    id: String,
    attempt: i32,
}

/// All requests that wait for their customers.
pub(crate) async fn waiting(db: impl PgExecutor<'_>) -> Result<BTreeSet<Waiting>, PlaneError> {
    let rows: Vec<Waiting> = sqlx::query_as(
        "SELECT v.region_code, p.id, p.attempt FROM strait.peering p JOIN strait.vpc v ON v.id = p.vpc_id
         WHERE p.provisioned_id IS NOT NULL AND p.state IN ('initiating-request', 'pending-acceptance')
             AND p.admitted_cidrs = '{}'",
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().collect())
}

pub(crate) async fn get(db: impl PgExecutor<'_>, id: &str) -> Result<Option<Kept>, PlaneError> {
    sqlx::query_as::<_, Row>(&format!("{SELECT} WHERE id = $1"))
        .bind(id)
        .first(db)
        .await
}

pub(crate) async fn want_deleted(db: impl PgExecutor<'_>, id: &str) -> Result<(), PlaneError> {
    sqlx::query(
        "UPDATE strait.peering SET state = 'deleting',
             ended = ended OR state IN ('failed', 'expired', 'rejected', 'deleted'), reason_code = NULL, reason_message = NULL, refused = false,
             updated = clock_timestamp() WHERE id = $1",
    )
    .bind(id)
    .run(db)
    .await
}

/// Asks once more for one that has ended. There must be no other one for its pair of VPCs. The request before is the one that
/// the cloud is told of until what it let in is taken away ([`admitted`]).
pub(crate) async fn ask_again(db: impl PgExecutor<'_>, id: &str) -> Result<(), PlaneError> {
    sqlx::query(
        "UPDATE strait.peering SET state = 'initiating-request',
             attempt = CASE WHEN admitted_cidrs = '{}' THEN attempt + 1 ELSE attempt END,
             provisioned_id = CASE WHEN admitted_cidrs = '{}' THEN NULL ELSE provisioned_id END,
             accepter_provisioned_id = NULL, cloud_message = '', expires_at = NULL, peer_cidrs = '{}',
             reason_code = NULL, reason_message = NULL, refused = false, updated = clock_timestamp()
         WHERE id = $1 AND state IN ('failed', 'expired', 'rejected', 'deleted')",
    )
    .bind(id)
    .run(db)
    .await
}

/// Notes what the cloud has, unless it is to be deleted by now.
pub(crate) async fn observed(
    db: impl PgExecutor<'_>,
    id: &str,
    state: PeeringState,
    observed: &PeeringObserved,
) -> Result<(), PlaneError> {
    sqlx::query(
        "UPDATE strait.peering SET provisioned_id = $2, accepter_provisioned_id = $3, state = $4, cloud_message = $5,
             expires_at = 'epoch'::timestamptz + $6::bigint * interval '1 microsecond', peer_cidrs = $7, updated = clock_timestamp()
         WHERE id = $1 AND state <> 'deleting'",
    )
    .bind(id)
    .bind(&observed.provisioned_id)
    .bind(&observed.accepter_provisioned_id)
    .bind(state.as_str())
    .bind(&observed.message)
    .bind(observed.expires_at.map(Timestamp::as_microsecond))
    .bind(texts(&observed.peer_ranges))
    .run(db)
    .await
}

/// Notes what the cloud was told to let in. If that is all, nothing is wrong with it any more. One that was asked for again
/// meanwhile, and lets nothing in, is another request from now on.
pub(crate) async fn admitted(
    db: impl PgExecutor<'_>,
    id: &str,
    ranges: &BTreeSet<Ipv4Net>,
    all: bool,
) -> Result<(), PlaneError> {
    sqlx::query(
        "WITH found AS (SELECT id, state = 'initiating-request' AND $2::text[] = '{}' AS another, $3 AND state = 'active' AS well
             FROM strait.peering WHERE id = $1 FOR UPDATE)
         UPDATE strait.peering p SET admitted_cidrs = $2, updated = clock_timestamp(),
             reason_code = CASE WHEN well OR another THEN NULL ELSE reason_code END,
             reason_message = CASE WHEN well OR another THEN NULL ELSE reason_message END,
             refused = refused AND NOT (well OR another),
             attempt = CASE WHEN another THEN attempt + 1 ELSE attempt END,
             provisioned_id = CASE WHEN another THEN NULL ELSE provisioned_id END
         FROM found WHERE p.id = found.id AND admitted_cidrs <> $2",
    )
    .bind(id)
    .bind(texts(ranges))
    .bind(all)
    .run(db)
    .await
}

/// Notes why it is not as it should be, or that nothing is wrong, unless it was asked for again since.
pub(crate) async fn explain(
    db: impl PgExecutor<'_>,
    peering: &Kept,
    why: Option<&Reason>,
    refused: bool,
) -> Result<(), PlaneError> {
    let (code, message) = reason_columns(why);
    sqlx::query(
        "UPDATE strait.peering SET reason_code = $2, reason_message = $3, refused = $4, updated = clock_timestamp()
         WHERE id = $1 AND (reason_code, reason_message, refused) IS DISTINCT FROM ($2, $3, $4) AND attempt = $5",
    )
    .bind(&peering.id)
    .bind(code)
    .bind(message)
    .bind(refused)
    .bind(i64::from(peering.attempt))
    .run(db)
    .await
}

pub(crate) async fn delete(db: impl PgExecutor<'_>, id: &str) -> Result<(), PlaneError> {
    sqlx::query("DELETE FROM strait.peering WHERE id = $1")
        .bind(id)
        .run(db)
        .await
}

/// What the customer has of what was asked for.
pub(crate) fn welcome(
    has: &BTreeSet<Ipv4Net>,
    asked: Option<&BTreeSet<Ipv4Net>>,
) -> BTreeSet<Ipv4Net> {
    let Some(asked) = asked else {
        return has.clone();
    };
    let both = |one: &Ipv4Net, other: &Ipv4Net| {
        if one.contains(other) {
            return Some(*other);
        }
        other.contains(one).then_some(*one)
    };
    let found = (asked.iter()).flat_map(|asked| has.iter().filter_map(|has| both(asked, has)));
    Ipv4Net::aggregate(&found.collect()).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_let_in_as_far_as_the_customer_has_it() {
        let has = set(&["10.1.0.0/16", "10.3.0.0/24"]);
        for (asked, welcome_ones) in [
            (&["10.1.0.0/16"][..], &["10.1.0.0/16"][..]),
            (&["10.1.4.0/24", "10.1.4.0/25"], &["10.1.4.0/24"]),
            (&["10.0.0.0/8"], &["10.1.0.0/16", "10.3.0.0/24"]),
            (&["10.2.0.0/16"], &[]),
        ] {
            assert_eq!(
                welcome(&has, Some(&set(asked))),
                set(welcome_ones),
                "{asked:?}"
            );
        }
        assert_eq!(welcome(&has, None), has);
    }

    fn set(ranges: &[&str]) -> BTreeSet<Ipv4Net> {
        let read = ranges.iter().map(|range| range.parse().expect("a range"));
        read.collect()
    }
}
