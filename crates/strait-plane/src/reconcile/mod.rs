//! Reconcilers: they make wishes true. Level-triggered: each looks at what is kept and what is there, does what is
//! missing in steps that are safe to repeat, and can be killed anywhere.

mod allow;
mod dispatch;
mod failure;
mod lease;
mod names;
mod network;
mod peerings;
mod run;
mod service;
mod tries;
mod vpc;
mod watcher;

pub(crate) use network::spec as way_spec;
pub(crate) use peerings::RANGE_ELSEWHERE;
pub(crate) use service::spec;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::{PgConnection, PgPool, Postgres as Database, Transaction};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::cloud::{Allowed, Cloud, WaySpec};
use crate::error::PlaneError;
use crate::postgres::Postgres;
use crate::store;
use failure::Failure;
use lease::Leases;
use names::Published;
use tries::Tries;

/// How long `shutdown` waits for the step that each reconciler is in.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(5);

/// What every reconciler has at hand.
pub(crate) struct Context {
    pub(crate) pool: PgPool,
    pub(crate) cloud: Arc<dyn Cloud>,
    pub(crate) postgres: Arc<dyn Postgres>,
    pub(crate) domain: String,
    /// Bumped whenever an object may have changed.
    pub(crate) changes: watch::Sender<u64>,
    /// How long a move may take before it is given up.
    patience: Duration,
    leases: Arc<Leases>,
    tries: Tries,
    stopping: watch::Sender<bool>,
    published: tokio::sync::Mutex<Published>,
    remembered: tokio::sync::Mutex<peerings::Remembered>,
    /// How many peering connections a look is at.
    watched: AtomicUsize,
    found: Mutex<Found>,
}

/// What this server has seen to be there since it last looked at everything.
#[derive(Default)]
struct Found {
    /// With whom each lets in.
    ways: BTreeMap<WaySpec, Allowed>,
    vpcs: BTreeSet<String>,
}

impl Found {
    /// What was seen of this object: another server may have changed it since.
    fn forget(&mut self, id: &str) {
        self.ways.retain(|way, _| way.service != id);
        self.vpcs.remove(id);
    }
}

impl Context {
    pub(crate) fn new(
        pool: PgPool,
        cloud: Arc<dyn Cloud>,
        postgres: Arc<dyn Postgres>,
        domain: String,
        patience: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            pool,
            cloud,
            postgres,
            domain,
            patience,
            leases: Arc::new(Leases::new()),
            tries: Tries::default(),
            changes: watch::Sender::new(0),
            stopping: watch::Sender::new(false),
            published: tokio::sync::Mutex::default(),
            remembered: tokio::sync::Mutex::default(),
            watched: AtomicUsize::default(),
            found: Mutex::default(),
        })
    }

    /// For what must be written together. Nothing is written, unless this server still has the lease: one that was frozen
    /// since it looked writes nothing when it wakes.
    async fn begin_under(&self, lease: &str) -> Result<Transaction<'static, Database>, Failure> {
        let mut tx = self.pool.begin().await?;
        if !store::leases::hold(&mut *tx, lease, self.leases.holder()).await? {
            return Err(Failure::Lost);
        }
        Ok(tx)
    }

    /// Writes, if this server still has the lease.
    async fn write_under<T>(
        &self,
        lease: &str,
        change: impl AsyncFnOnce(&mut PgConnection) -> Result<T, PlaneError>,
    ) -> Result<T, Failure> {
        let mut tx = self.begin_under(lease).await?;
        let changed = change(&mut tx).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// Whether this server still has the lease, for [`crate::cloud::fenced`].
    fn held(&self, lease: &str) -> impl Fn() -> bool + Send + Sync + use<> {
        let (leases, lease) = (Arc::clone(&self.leases), lease.to_owned());
        move || leases.holds(&lease)
    }

    /// Whose this server's leases are.
    pub(crate) fn holder(&self) -> &str {
        self.leases.holder()
    }

    fn changed(&self) {
        self.changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    fn with_found<T>(&self, look: impl FnOnce(&mut Found) -> T) -> T {
        look(&mut self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a reconciler is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// One service.
    Service(String),
    /// One Peering VPC with its peering connections.
    Vpc(String),
    /// The names, all at once.
    Names,
    /// A look at what customers did.
    Look,
    /// What is too old to be kept.
    Old,
}

impl Key {
    /// Under which lease it is worked on.
    fn lease(&self) -> String {
        match self {
            Self::Service(id) => format!("service:{id}"),
            Self::Vpc(id) => format!("vpc:{id}"),
            Self::Names => names::LEASE.to_owned(),
            Self::Look | Self::Old => watcher::WATCH.to_owned(),
        }
    }
}

/// What wakes the dispatcher.
#[derive(Debug)]
enum Wake {
    /// Somebody wished for something, or it is known that there is something to do.
    For(Key),
    /// Wishes may have been missed.
    Everything,
    /// Everything is to be looked at.
    Round,
}

/// The running reconcilers. They end when this is dropped, wherever they are.
pub(crate) struct Reconcilers {
    context: Arc<Context>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Reconcilers {
    pub(crate) fn spawn(context: Arc<Context>) -> Self {
        tracing::info!(
            holder = context.leases.holder(),
            "reconcilers start; this is whose their leases are"
        );
        let (wake, woken) = mpsc::unbounded_channel();
        let listener = tokio::spawn(dispatch::listen(Arc::clone(&context), wake.clone()));
        let watcher = tokio::spawn(watcher::watch_cloud(Arc::clone(&context), wake.clone()));
        let keeper = tokio::spawn(keep_leases(Arc::clone(&context)));
        let dispatcher = tokio::spawn(dispatch::run(Arc::clone(&context), wake, woken));
        Self {
            context,
            tasks: Mutex::new(vec![dispatcher, listener, watcher, keeper]),
        }
    }

    /// Whether all of them do their work.
    pub(crate) fn run(&self) -> bool {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        !tasks.is_empty() && !tasks.iter().any(JoinHandle::is_finished)
    }

    /// Lets each reconciler end its step.
    pub(crate) async fn shutdown(&self) {
        self.context.stopping.send_replace(true);
        let mut tasks =
            std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner))
                .into_iter();
        let Some(mut dispatcher) = tasks.next() else {
            return;
        };
        if tokio::time::timeout(SHUTDOWN_PATIENCE, &mut dispatcher)
            .await
            .is_err()
        {
            tracing::warn!(
                "reconcilers were still busy after {SHUTDOWN_PATIENCE:?}; the next start goes on from there"
            );
            dispatcher.abort();
        }
        for task in tasks {
            task.abort();
        }
    }
}

async fn keep_leases(context: Arc<Context>) {
    context.leases.keep(&context.pool).await;
}

impl Drop for Reconcilers {
    fn drop(&mut self) {
        for task in self
            .tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            task.abort();
        }
    }
}
