//! What this server works on. A lease that could not be renewed in time is lost, by this server's own clock and before
//! others may take it, so that no two act on one object.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use sqlx::PgPool;
use tokio::time::{sleep, timeout};

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
    /// Until which [`uptime`].
    held: Mutex<BTreeMap<String, Duration>>,
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
        let asked = uptime();
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
        self.held().get(key).is_some_and(|until| uptime() < *until)
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
        let asked = uptime();
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

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Duration>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long ago this machine was started. That grows while it sleeps too, as other clocks do not: another server may have
/// taken a lease when it wakes.
fn uptime() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::from_secs(now.tv_sec.unsigned_abs())
        + Duration::from_nanos(now.tv_nsec.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_clock_of_leases_is_the_machines_uptime() {
        let told = std::fs::read_to_string("/proc/uptime").expect("Linux tells it");
        let seconds = told.split(' ').next().and_then(|word| word.parse().ok());
        let told = Duration::from_secs_f64(seconds.expect("seconds"));
        assert!(uptime().abs_diff(told) < Duration::from_secs(5), "{told:?}");
    }

    /// For what runs in a time namespace of its own, the machine has slept for a day.
    #[test]
    fn the_clock_of_leases_has_counted_what_the_machine_slept() {
        let own = std::env::current_exe().expect("this program");
        let slept = [
            "--user",
            "--map-root-user",
            "--time",
            "--boottime",
            "86400",
            "--fork",
        ];
        let done = Command::new("unshare")
            .args(slept)
            .arg(own)
            .args([
                "--exact",
                "reconcile::lease::tests::the_clock_of_leases_is_the_machines_uptime",
            ])
            .output()
            .expect("util-linux has it");
        let told = String::from_utf8_lossy(&done.stdout);
        assert!(told.contains("1 passed"), "{done:?}");
    }
}
