//! What is measured of the plane, and whether it can do its work.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::timeout;

use super::Plane;
use crate::error::PlaneError;
use crate::model::words;
use crate::store::{self, measures};

/// How long the store may take to say whether its tables are up to date.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// Operations by state.
    pub operations: BTreeMap<String, i64>,
    /// Services by status.
    pub services: BTreeMap<String, i64>,
    /// Peering VPCs by status.
    pub vpcs: BTreeMap<String, i64>,
    /// Peering connections by state.
    pub peerings: BTreeMap<String, i64>,
    /// The age of the oldest operation that has not ended, in seconds.
    pub lag: f64,
    /// How many objects there is something to do for.
    pub due: i64,
    /// Leases of this server.
    pub leases: i64,
    /// Leases of others.
    pub others_leases: i64,
    /// Sessions that go on.
    pub sessions: i64,
    /// Keys that open something.
    pub keys: i64,
    /// About how many entries the audit has.
    pub audited: i64,
    /// What passed by each way to a service; nothing if the cloud does not tell.
    pub passed: Option<Vec<Passed>>,
}

/// What passed by a way to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The service's project.
    pub project: String,
    /// The service.
    pub service: String,
    /// Which way: `public` or `vpc:ID`.
    pub network: String,
    /// TCP connections that are open.
    pub open: u64,
    /// Bytes from clients, since the way was made.
    pub bytes_in: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
}

/// A part that a server needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The store answers and takes changes.
    Store,
    /// The store's tables are up to date.
    Tables,
    /// The reconcilers run.
    Reconcilers,
}

words!(Part, "part", { Store => "store", Tables => "tables", Reconcilers => "reconcilers" });

impl Plane {
    /// What is measured, as it is now.
    pub async fn measure(&self) -> Result<Measured, PlaneError> {
        let (of_store, traffic) = tokio::join!(
            measures::all(self.pool(), self.context.holder()),
            self.context.cloud.traffic()
        );
        let mut measured = of_store?;
        let Some(traffic) = traffic else {
            return Ok(measured);
        };
        let ways = measures::ways(self.pool()).await?;
        let passed = ways.into_iter().filter_map(|(project, service, network)| {
            let found = traffic.get(&(service.clone(), network.clone()))?;
            Some(Passed {
                project,
                service,
                network,
                open: found.open,
                bytes_in: found.bytes_in,
                bytes_out: found.bytes_out,
            })
        });
        measured.passed = Some(passed.collect());
        Ok(measured)
    }

    /// Each part that the server needs, and why it cannot do its work where it cannot.
    pub async fn readiness(&self) -> BTreeMap<Part, Option<String>> {
        let tables = self.tables().await;
        // Looked at afterwards: it may have gone meanwhile.
        let pulse = self.feeler.told().borrow().clone();
        let silence = tables.as_ref().err().map(|why| (*why).to_owned());
        let store = pulse.trouble().or(silence);
        let tables = tables.unwrap_or_else(|_| Some("nobody knows without the store".to_owned()));
        let reconcilers = (!self.reconcilers.run()).then(|| "they have ended".to_owned());
        BTreeMap::from([
            (Part::Store, store),
            (Part::Tables, tables),
            (Part::Reconcilers, reconcilers),
        ])
    }

    /// What is wrong with the store's tables, if anything is.
    ///
    /// # Errors
    /// When the store does not say.
    async fn tables(&self) -> Result<Option<String>, &'static str> {
        let mut pulse = self.feeler.told();
        let gone = pulse.wait_for(|pulse| !pulse.beats());
        let asked = tokio::select! {
            biased;
            _ = gone => return Err("it does not answer"),
            asked = timeout(PATIENCE, store::editions(self.pool())) => asked,
        };
        match asked {
            Ok(Ok((found, known))) if found == known => Ok(None),
            Ok(Ok((found, known))) => Ok(Some(format!(
                "they are of edition {found}, and this server knows {known}"
            ))),
            Ok(Err(error)) => {
                // Whoever asks here proves nothing.
                tracing::warn!(%error, "the store does not say whether its tables are up to date");
                Err("it does not answer as it should; the server's log says more")
            }
            Err(_) => Err("it does not answer in time"),
        }
    }
}
