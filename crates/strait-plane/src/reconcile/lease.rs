//! What this server works on. A lease that could not be renewed in time is lost, by this server's own clock and before
//! others may take it, so that no two act on one object.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::PgPool;
use tokio::time::{Instant, sleep, timeout};

use crate::error::PlaneError;
use crate::secret;
use crate::store::leases;

/// How long a lease lasts without being renewed.
pub(super) const TERM: Duration = Duration::from_secs(5);
/// How much earlier its holder stops: a step that began before is over by then, or harmless.
const MARGIN: Duration = Duration::from_secs(1);
/// How often leases are renewed.
const RENEWAL: Duration = Duration::from_millis(1250);
/// How long the store may take for that.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// Whose a lease is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lease {
    /// This server's, as it was before, or nobody's.
    Ours,
    /// This server's now, and another's before.
    TakenOver,
    /// Another's.
    Theirs,
}

/// The leases of this server.
pub(super) struct Leases {
    holder: String,
    held: Mutex<BTreeMap<String, Instant>>,
}

impl Leases {
    pub(super) fn new() -> Self {
        Self {
            holder: secret::server_id(),
            held: Mutex::default(),
        }
    }

    /// Who this server is to the others.
    pub(super) fn holder(&self) -> &str {
        &self.holder
    }

    /// Takes one, or keeps it.
    pub(super) async fn take(&self, pool: &PgPool, key: &str) -> Result<Lease, PlaneError> {
        if self.holds(key) {
            return Ok(Lease::Ours);
        }
        let asked = Instant::now();
        let Some(taken) = leases::take(pool, key, &self.holder, TERM).await? else {
            return Ok(Lease::Theirs);
        };
        self.held().insert(key.to_owned(), asked + TERM - MARGIN);
        Ok(match taken.former {
            Some(former) if former != self.holder => Lease::TakenOver,
            Some(_) | None => Lease::Ours,
        })
    }

    /// Whether this server may act on it now.
    pub(super) fn holds(&self, key: &str) -> bool {
        self.held()
            .get(key)
            .is_some_and(|until| Instant::now() < *until)
    }

    /// Gives one back. If the store does not hear of it, it passes on by itself.
    pub(super) async fn give_back(&self, pool: &PgPool, key: &str) {
        if self.held().remove(key).is_none() {
            return;
        }
        if let Err(error) = leases::give_back(pool, key, &self.holder).await {
            tracing::info!(%error, key, "a lease could not be given back; it ends by itself");
        }
    }

    /// Gives all back: others go on at once.
    pub(super) async fn give_all_back(&self, pool: &PgPool) {
        let keys: Vec<String> = self.held().keys().cloned().collect();
        for key in keys {
            self.give_back(pool, &key).await;
        }
    }

    /// Renews them until the server ends.
    pub(super) async fn keep(&self, pool: &PgPool) {
        loop {
            sleep(RENEWAL).await;
            match timeout(STORE_PATIENCE, self.renew(pool)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, "leases could not be renewed; trying again");
                }
                Err(_) => {
                    tracing::warn!(
                        "leases could not be renewed: the store does not answer; trying again"
                    );
                }
            }
        }
    }

    async fn renew(&self, pool: &PgPool) -> Result<(), PlaneError> {
        let keys: Vec<String> = self.held().keys().cloned().collect();
        if keys.is_empty() {
            return Ok(());
        }
        let asked = Instant::now();
        let renewed = leases::renew(pool, &keys, &self.holder, TERM).await?;
        let mut held = self.held();
        for key in keys {
            if !renewed.contains(&key) {
                held.remove(&key);
            } else if let Some(until) = held.get_mut(&key) {
                *until = asked + TERM - MARGIN;
            }
        }
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Instant>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
