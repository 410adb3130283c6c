//! Ways to services: a row is there before the way is made and until it is gone.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use sqlx::{FromRow, PgExecutor};

use super::{Change, Find, texts};
use crate::cloud::WayObserved;
use crate::error::PlaneError;
use crate::model::Network;

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
    pub(crate) sources: BTreeSet<Ipv4Addr>,
    pub(crate) loopback_port: Option<u16>,
}

impl From<WayObserved> for Open {
    fn from(observed: WayObserved) -> Self {
        Self {
            address: observed.address,
            port: observed.port,
            provisioned_id: observed.provisioned_id,
            sources: observed.sources,
            loopback_port: observed.loopback_port,
        }
    }
}

#[derive(FromRow)]
struct Row {
    vpc_id: Option<String>,
    address: Option<String>,
    port: Option<i32>,
    provisioned_id: Option<String>,
    sources: Vec<String>,
    loopback_port: Option<i32>,
    closing: bool,
}

impl TryFrom<Row> for Kept {
    type Error = PlaneError;

    fn try_from(row: Row) -> Result<Self, PlaneError> {
        Ok(Self {
            network: Network::from_vpc(row.vpc_id),
            open: open(
                row.address,
                row.port,
                row.provisioned_id,
                &row.sources,
                row.loopback_port,
            )?,
            closing: row.closing,
        })
    }
}

/// The columns of an open way, wherever they were selected.
pub(crate) fn open(
    address_text: Option<String>,
    port_number: Option<i32>,
    provisioned_id: Option<String>,
    sources: &[String],
    loopback_port: Option<i32>,
) -> Result<Option<Open>, PlaneError> {
    let (Some(address_text), Some(port_number), Some(provisioned_id)) =
        (address_text, port_number, provisioned_id)
    else {
        return Ok(None);
    };
    Ok(Some(Open {
        address: address(&address_text)?,
        port: port(port_number)?,
        provisioned_id,
        sources: sources
            .iter()
            .map(|text| address(text))
            .collect::<Result<_, _>>()?,
        loopback_port: loopback_port.map(port).transpose()?,
    }))
}

pub(crate) async fn list(db: impl PgExecutor<'_>, service: &str) -> Result<Vec<Kept>, PlaneError> {
    sqlx::query_as::<_, Row>(
        "SELECT vpc_id, host(address) AS address, port, provisioned_id, sources, loopback_port, closing
         FROM strait.way WHERE service_id = $1 ORDER BY network",
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
         ON CONFLICT (service_id, network) DO UPDATE SET closing = false",
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
    sqlx::query(
        "UPDATE strait.way SET address = $3::inet, port = $4, provisioned_id = $5, sources = $6, loopback_port = $7
         WHERE service_id = $1 AND network = $2",
    )
    .bind(service)
    .bind(network.to_string())
    .bind(open.address.to_string())
    .bind(i32::from(open.port))
    .bind(&open.provisioned_id)
    .bind(texts(&open.sources))
    .bind(open.loopback_port.map(i32::from))
    .run(db)
    .await
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

/// Every service's way that its names lead to: service, project, network, address.
pub(crate) async fn current(
    db: impl PgExecutor<'_>,
) -> Result<Vec<(String, String, Network, Ipv4Addr)>, PlaneError> {
    let rows: Vec<(String, String, Option<String>, String)> = sqlx::query_as(
        "SELECT s.id, s.project_id, w.vpc_id, host(w.address) FROM strait.service s
         JOIN strait.way w ON w.service_id = s.id AND w.network = s.current_network
         WHERE w.address IS NOT NULL",
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|(service, project, vpc, text)| {
            Ok((service, project, Network::from_vpc(vpc), address(&text)?))
        })
        .collect()
}

fn address(text: &str) -> Result<Ipv4Addr, PlaneError> {
    text.parse()
        .map_err(|error| PlaneError::Corrupt(format!("the address {text:?}: {error}")))
}

fn port(number: i32) -> Result<u16, PlaneError> {
    u16::try_from(number).map_err(|_| PlaneError::Corrupt(format!("the port {number}")))
}
