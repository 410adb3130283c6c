//! Who may come by the ways of services.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use sqlx::PgExecutor;
use sqlx::types::Json;

use super::peerings::welcome;
use super::{Change, WORK_CHANNEL, ranges};
use crate::cloud::Allowed;
use crate::error::PlaneError;
use crate::model::{self, AllowEntry, AllowLists, Network};

/// A service's lists, as they are kept now. One that is gone lets nobody in.
pub(crate) async fn get(db: impl PgExecutor<'_>, service: &str) -> Result<AllowLists, PlaneError> {
    type Row = (Option<Json<Vec<AllowEntry>>>, Option<Json<Vec<AllowEntry>>>);
    let row: Option<Row> =
        sqlx::query_as("SELECT allow_public, allow_private FROM strait.service WHERE id = $1")
            .bind(service)
            .fetch_optional(db)
            .await?;
    let nobody = || (Some(Json(Vec::new())), Some(Json(Vec::new())));
    let (public, private) = row.unwrap_or_else(nobody);
    Ok(AllowLists {
        public: public.map(|list| list.0),
        private: private.map(|list| list.0),
    })
}

/// Keeps a service's lists.
pub(crate) async fn set(
    db: impl PgExecutor<'_>,
    service: &str,
    lists: &AllowLists,
) -> Result<(), PlaneError> {
    sqlx::query("UPDATE strait.service SET allow_public = $2, allow_private = $3 WHERE id = $1")
        .bind(service)
        .bind(lists.public.as_ref().map(Json))
        .bind(lists.private.as_ref().map(Json))
        .run(db)
        .await
}

/// Whom these lists let in by this way: of a Peering VPC, those of its peers' ranges only that are let in there.
pub(crate) async fn allowed(
    db: impl PgExecutor<'_>,
    lists: &AllowLists,
    network: &Network,
) -> Result<Allowed, PlaneError> {
    let Some(list) = lists.at(network) else {
        return Ok(Allowed::Everybody);
    };
    let listed = model::ranges(list);
    Ok(Allowed::Only(match network {
        Network::Public => listed,
        Network::Vpc(vpc) => welcome(&admitted_to(db, vpc).await?, Some(&listed)),
    }))
}

/// What of all customers' ranges the cloud was told to let into this VPC.
pub(crate) async fn admitted_to(
    db: impl PgExecutor<'_>,
    vpc: &str,
) -> Result<BTreeSet<Ipv4Net>, PlaneError> {
    let texts: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT unnest(admitted_cidrs) FROM strait.peering WHERE vpc_id = $1",
    )
    .bind(vpc)
    .fetch_all(db)
    .await?;
    ranges(&texts)
}

/// Has those services looked at again that are reached through this VPC by a list: other peers are let in there now.
pub(crate) async fn peers_changed(db: impl PgExecutor<'_>, vpc: &str) -> Result<(), PlaneError> {
    sqlx::query(
        "WITH listed AS (
             UPDATE strait.service s SET revision = revision + 1
             WHERE allow_private IS NOT NULL AND wanted <> 'deleted'
                 AND EXISTS (SELECT 1 FROM strait.way w WHERE w.service_id = s.id AND w.vpc_id = $1)
             RETURNING id)
         SELECT pg_notify($2, 'service:' || id) FROM listed",
    )
    .bind(vpc)
    .bind(WORK_CHANNEL)
    .run(db)
    .await
}
