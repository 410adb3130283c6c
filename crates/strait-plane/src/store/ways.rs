//! Ways to services: a row is there before the way is made and until it is gone.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use sqlx::types::Json;
use sqlx::{FromRow, PgExecutor};

use super::{Change, Find, texts};
use crate::cloud::{NameTarget, Sources, WayKind, WayObserved, WaySpec};
use crate::error::PlaneError;
use crate::model::{Network, Registration};

/// A way as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) network: Network,
    /// What the cloud said of it; none before it was made.
    pub(crate) open: Option<Open>,
    /// Whether closing it has begun.
    pub(crate) closing: bool,
}

/// Where a way leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) address: Ipv4Addr,
    pub(crate) port: u16,
    pub(crate) provisioned_id: String,
    pub(crate) host: Option<String>,
    pub(crate) sources: Sources,
    pub(crate) loopback_port: Option<u16>,
}

impl From<WayObserved> for Open {
    fn from(observed: WayObserved) -> Self {
        Self {
            address: observed.address,
            port: observed.port,
            provisioned_id: observed.provisioned_id,
            host: observed.host,
            sources: observed.sources,
            loopback_port: observed.loopback_port,
        }
    }
}

#[derive(FromRow)]
struct Row {
    vpc_id: Option<String>,
    closing: bool,
    #[sqlx(flatten)]
    open: OpenRow,
}

/// The columns of a way that is open, wherever they were selected; all but the sets are null before it was made.
#[derive(FromRow)]
pub(crate) struct OpenRow {
    address: Option<String>,
    port: Option<i32>,
    provisioned_id: Option<String>,
    host: Option<String>,
    sources: Vec<String>,
    from_internet: bool,
    loopback_port: Option<i32>,
}

impl OpenRow {
    pub(crate) fn open(self) -> Result<Option<Open>, PlaneError> {
        let (Some(text), Some(number), Some(provisioned_id)) =
            (self.address, self.port, self.provisioned_id)
        else {
            return Ok(None);
        };
        let sources = if self.from_internet {
            Sources::Internet
        } else {
            let addresses = self.sources.iter().map(|text| address(text));
            Sources::These(addresses.collect::<Result<BTreeSet<_>, _>>()?)
        };
        Ok(Some(Open {
            address: address(&text)?,
            port: port(number)?,
            provisioned_id,
            host: self.host,
            sources,
            loopback_port: self.loopback_port.map(port).transpose()?,
        }))
    }
}

impl TryFrom<Row> for Kept {
    type Error = PlaneError;

    fn try_from(row: Row) -> Result<Self, PlaneError> {
        Ok(Self {
            network: Network::from_vpc(row.vpc_id),
            open: row.open.open()?,
            closing: row.closing,
        })
    }
}

pub(crate) async fn list(db: impl PgExecutor<'_>, service: &str) -> Result<Vec<Kept>, PlaneError> {
    sqlx::query_as::<_, Row>(
        "SELECT vpc_id, closing, host(address) AS address, port, provisioned_id, host, sources, from_internet,
             loopback_port FROM strait.way WHERE service_id = $1 ORDER BY network",
    )
    .bind(service)
    .all(db)
    .await
}

/// Notes that the way is about to be made.
pub(crate) async fn intend(
    db: impl PgExecutor<'_>,
    service: &str,
    network: &Network,
) -> Result<(), PlaneError> {
    sqlx::query(
        "INSERT INTO strait.way (service_id, network, vpc_id) VALUES ($1, $2, $3)
         ON CONFLICT (service_id, network) DO UPDATE SET closing = false, drained_at = NULL",
    )
    .bind(service)
    .bind(network.to_string())
    .bind(network.vpc())
    .run(db)
    .await
}

pub(crate) async fn opened(
    db: impl PgExecutor<'_>,
    service: &str,
    network: &Network,
    open: &Open,
) -> Result<(), PlaneError> {
    let (sources, from_internet) = match &open.sources {
        Sources::These(addresses) => (texts(addresses), false),
        Sources::Internet => (Vec::new(), true),
    };
    sqlx::query(
        "UPDATE strait.way SET address = $3::inet, port = $4, provisioned_id = $5, sources = $6, loopback_port = $7,
             host = $8, from_internet = $9 WHERE service_id = $1 AND network = $2",
    )
    .bind(service)
    .bind(network.to_string())
    .bind(open.address.to_string())
    .bind(i32::from(open.port))
    .bind(&open.provisioned_id)
    .bind(sources)
    .bind(open.loopback_port.map(i32::from))
    .bind(&open.host)
    .bind(from_internet)
    .run(db)
    .await
}

/// That the way stays after all: it is drained no more. False: closing it has begun.
pub(crate) async fn stays(
    db: impl PgExecutor<'_>,
    service: &str,
    network: &Network,
) -> Result<bool, PlaneError> {
    sqlx::query(
        "UPDATE strait.way SET drained_at = NULL
         WHERE service_id = $1 AND network = $2 AND NOT closing AND address IS NOT NULL",
    )
    .bind(service)
    .bind(network.to_string())
    .touches(db)
    .await
}

/// How long the way is still to be drained, from now or from when that began.
pub(crate) async fn drained_in(
    db: impl PgExecutor<'_>,
    service: &str,
    network: &Network,
    seconds: u32,
) -> Result<Duration, PlaneError> {
    let left: Option<i64> = sqlx::query_scalar(
        // A clock that was set back makes it no longer.
        "UPDATE strait.way SET drained_at = least(drained_at, clock_timestamp() + make_interval(secs => $3))
         WHERE service_id = $1 AND network = $2
         RETURNING (extract(epoch FROM drained_at - clock_timestamp()) * 1000)::bigint",
    )
    .bind(service)
    .bind(network.to_string())
    .bind(f64::from(seconds))
    .fetch_optional(db)
    .await?;
    Ok(Duration::from_millis(
        u64::try_from(left.unwrap_or_default()).unwrap_or_default(),
    ))
}

pub(crate) async fn closing(
    db: impl PgExecutor<'_>,
    service: &str,
    network: &Network,
) -> Result<(), PlaneError> {
    sqlx::query("UPDATE strait.way SET closing = true WHERE service_id = $1 AND network = $2")
        .bind(service)
        .bind(network.to_string())
        .run(db)
        .await
}

pub(crate) async fn closed(
    db: impl PgExecutor<'_>,
    service: &str,
    network: &Network,
) -> Result<(), PlaneError> {
    sqlx::query("DELETE FROM strait.way WHERE service_id = $1 AND network = $2")
        .bind(service)
        .bind(network.to_string())
        .run(db)
        .await
}

/// A service's way that its names lead to.
pub(crate) struct Current {
    pub(crate) service: String,
    pub(crate) project: String,
    pub(crate) network: Network,
    pub(crate) target: NameTarget,
}

#[derive(FromRow)]
struct CurrentRow {
    id: String,
    project_id: String,
    vpc_id: Option<String>,
    address: String,
    host: Option<String>,
}

impl TryFrom<CurrentRow> for Current {
    type Error = PlaneError;

    fn try_from(row: CurrentRow) -> Result<Self, PlaneError> {
        Ok(Self {
            service: row.id,
            project: row.project_id,
            network: Network::from_vpc(row.vpc_id),
            target: NameTarget {
                address: address(&row.address)?,
                host: row.host,
            },
        })
    }
}

const CURRENT: &str =
    "SELECT s.id, s.project_id, w.vpc_id, host(w.address) AS address, w.host FROM strait.service s
    JOIN strait.way w ON w.service_id = s.id AND w.network = s.current_network
    WHERE w.address IS NOT NULL";

/// Every service's way that its names lead to.
pub(crate) async fn current(db: impl PgExecutor<'_>) -> Result<Vec<Current>, PlaneError> {
    sqlx::query_as::<_, CurrentRow>(CURRENT).all(db).await
}

/// The way that a service's names lead to.
pub(crate) async fn current_of(
    db: impl PgExecutor<'_>,
    service: &str,
) -> Result<Option<Current>, PlaneError> {
    sqlx::query_as::<_, CurrentRow>(&format!("{CURRENT} AND s.id = $1"))
        .bind(service)
        .first(db)
        .await
}

#[derive(FromRow)]
struct FollowedRow {
    id: String,
    region_code: String,
    registration: Json<Registration>,
    vpc_id: String,
}

/// Private ways that lead to services that Strait did not make, which may come to be elsewhere.
pub(crate) async fn followed(db: impl PgExecutor<'_>) -> Result<BTreeSet<WaySpec>, PlaneError> {
    let rows: Vec<FollowedRow> = sqlx::query_as(
        "SELECT s.id, s.region_code, s.registration, w.vpc_id FROM strait.way w JOIN strait.service s ON s.id = w.service_id
         WHERE s.registration IS NOT NULL AND w.vpc_id IS NOT NULL AND w.address IS NOT NULL AND NOT w.closing",
    )
    .fetch_all(db)
    .await?;
    let way = |row: FollowedRow| WaySpec {
        service: row.id,
        region: row.region_code,
        kind: WayKind::Private { vpc: row.vpc_id },
        registration: Some(row.registration.0),
    };
    Ok(rows.into_iter().map(way).collect())
}

fn address(text: &str) -> Result<Ipv4Addr, PlaneError> {
    text.parse()
        .map_err(|error| PlaneError::Corrupt(format!("the address {text:?}: {error}")))
}

fn port(number: i32) -> Result<u16, PlaneError> {
    u16::try_from(number).map_err(|_| PlaneError::Corrupt(format!("the port {number}")))
}
