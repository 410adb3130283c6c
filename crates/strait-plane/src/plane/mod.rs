//! The plane's front: what its users may ask for. It checks and writes wishes; the reconcilers make them true.

mod allow;
mod audit;
mod guide;
mod identity;
mod keys;
mod locks;
mod logins;
mod measure;
mod members;
mod moves;
mod operations;
mod peerings;
mod projects;
mod quotas;
mod registration;
mod services;
mod upkeep;
mod usage;
mod users;
mod vpcs;
mod wait;

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::watch;

use crate::cloud::Cloud;
use crate::error::PlaneError;
use crate::keeper::Keeper;
use crate::model::Caller;
use crate::postgres::Postgres;
use crate::pulse::{Feeler, Pulse};
use crate::reconcile::{Context, Reconcilers};
use crate::secret::Verifier;
use crate::store;
use audit::Searches;

pub use audit::AuditReader;
pub use measure::{Measured, Part, Passed};
pub use operations::{Done, Repetition};

/// The control plane. Clones share it. Wherever an object is named, its id and its name both do; an id comes first.
/// When the last clone is dropped, the reconcilers end wherever they are; the next start goes on from there.
#[derive(Clone)]
pub struct Plane {
    context: Arc<Context>,
    reconcilers: Arc<Reconcilers>,
    verifier: Arc<Verifier>,
    caller: Arc<Caller>,
    feeler: Arc<Feeler>,
    searches: Arc<Searches>,
}

/// How a plane works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The domain that services' names end in.
    pub domain: String,
    /// Whether it is the only server of its store, whose predecessor has ended: it need not wait for that one's leases.
    pub alone: bool,
    /// How long a move may take before it is given up.
    pub patience: Duration,
}

impl Options {
    /// The usual ones.
    pub fn new(domain: String) -> Self {
        Self {
            domain,
            alone: false,
            patience: Duration::from_secs(30 * 60),
        }
    }
}

impl Plane {
    /// Brings the store up to date and starts the reconcilers. Services that should run are started, ways and names that
    /// should be there are made or found.
    pub async fn start(
        pool: PgPool,
        cloud: Arc<dyn Cloud>,
        postgres: Arc<dyn Postgres>,
        options: Options,
    ) -> Result<Self, PlaneError> {
        store::migrate(&pool).await?;
        if options.alone {
            store::leases::clear(&pool).await?;
        }
        let feeler = Arc::new(Feeler::start(&pool));
        let context = Context::new(pool, cloud, postgres, options.domain, options.patience);
        let reconcilers = Arc::new(Reconcilers::spawn(Arc::clone(&context)));
        Ok(Self {
            context,
            reconcilers,
            verifier: Arc::default(),
            caller: Arc::new(Caller::strait()),
            feeler,
            searches: Arc::default(),
        })
    }

    /// The same plane, asked by somebody: operations say who it was.
    pub fn by(&self, caller: Caller) -> Self {
        Self {
            caller: Arc::new(caller),
            ..self.clone()
        }
    }

    /// The same plane for the same somebody, for whom what it does counts each time, whatever key the request has.
    #[must_use]
    pub fn every_time(&self) -> Self {
        self.by(Caller {
            once: None,
            ..Caller::clone(&self.caller)
        })
    }

    /// Stops the reconcilers after the step that each is in. What they left goes on at the next start.
    pub async fn shutdown(&self) {
        self.reconcilers.shutdown().await;
    }

    /// Whether the store answers, as it is now and as it changes.
    pub fn store_pulse(&self) -> watch::Receiver<Pulse> {
        self.feeler.told()
    }

    /// The domain that services' names end in.
    pub fn domain(&self) -> &str {
        &self.context.domain
    }

    /// Regions where Peering VPCs and services may be, sorted.
    pub fn supported_regions(&self) -> Vec<String> {
        self.context.cloud.supported_regions()
    }

    /// Regions where customers' VPCs may be, sorted.
    pub fn known_regions(&self) -> Vec<String> {
        self.context.cloud.known_regions()
    }

    /// The provider's account: who customers see as requester.
    pub fn account(&self) -> String {
        self.context.cloud.account()
    }

    /// The certificate authority that signs services' certificates, PEM.
    pub fn authority(&self) -> String {
        self.context.postgres.authority()
    }

    /// Where on this machine that certificate is, for `sslrootcert=`.
    pub fn authority_path(&self) -> String {
        self.context.postgres.authority_path()
    }

    /// Projects and keys in its store.
    fn keeper(&self) -> Keeper {
        Keeper::of(self.pool().clone())
    }

    fn pool(&self) -> &PgPool {
        &self.context.pool
    }
}

/// What an object may be named by.
pub(crate) trait Named {
    const KIND: &'static str;
    fn id(&self) -> &str;
    /// The cloud's id, where there is one.
    fn provisioned_id(&self) -> Option<&str>;
    /// Whether it is being deleted: others of its name come first.
    fn is_leaving(&self) -> bool;
}

/// The one that is meant: by its id, else by the cloud's id, else by its name if only one has it.
pub(crate) fn pick<T: Named>(found: Vec<T>, name: &str) -> Result<T, PlaneError> {
    let by_id = found
        .iter()
        .position(|object| object.id() == name)
        .or_else(|| {
            found
                .iter()
                .position(|object| object.provisioned_id() == Some(name))
        });
    let mut found = found;
    if let Some(index) = by_id {
        return Ok(found.swap_remove(index));
    }
    if found.iter().any(|object| !object.is_leaving()) {
        found.retain(|object| !object.is_leaving());
    }
    if found.len() > 1 {
        let ids: Vec<&str> = found.iter().map(Named::id).collect();
        return Err(PlaneError::conflict(format!(
            "{} of the {}s are called {name:?}; name it by its id, one of: {}",
            found.len(),
            T::KIND,
            ids.join(", ")
        )));
    }
    found
        .pop()
        .ok_or_else(|| PlaneError::not_found(T::KIND, name))
}
