//! For how long an operation has been tried: by this server's own clock, which no jump of the time of day moves. What was
//! before this server took it up is as the store says.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// For each object the operation that is being done.
#[derive(Default)]
pub(super) struct Tries(Mutex<BTreeMap<String, Try>>);

struct Try {
    operation: String,
    before: Duration,
    since: Instant,
}

impl Tries {
    /// It is this one's turn, or still is; `spent` is what the store knows of, and counts if the operation is new here.
    pub(super) fn begin(&self, object: &str, operation: &str, spent: Duration, now: Instant) {
        let mut all = self.all();
        if all
            .get(object)
            .is_some_and(|one| one.operation == operation)
        {
            return;
        }
        let new = Try {
            operation: operation.to_owned(),
            before: spent,
            since: now,
        };
        all.insert(object.to_owned(), new);
    }

    /// Its operation is over.
    pub(super) fn forget(&self, object: &str) {
        self.all().remove(object);
    }

    /// How long the operation has been tried.
    pub(super) fn spent(&self, object: &str, operation: &str, now: Instant) -> Duration {
        (self.all().get(object))
            .filter(|one| one.operation == operation)
            .map(|one| one.before.saturating_add(now - one.since))
            .unwrap_or_default()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Try>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_of_the_stores_clock_makes_nothing_late() {
        let (begun, minute) = (Instant::now(), Duration::from_secs(60));
        let later = begun + Duration::from_secs(5);
        let tries = Tries::default();
        tries.begin("1", "op-1", minute, begun);

        // The store's time of day went on by a day.
        tries.begin("1", "op-1", Duration::from_secs(86_400), later);

        assert_eq!(tries.spent("1", "op-1", later), Duration::from_secs(65));
        assert_eq!(tries.spent("1", "op-2", later), Duration::ZERO);
        assert_eq!(tries.spent("2", "op-1", later), Duration::ZERO);
        tries.begin("1", "op-2", Duration::ZERO, later);
        assert_eq!(tries.spent("1", "op-2", later), Duration::ZERO);
        assert_eq!(tries.spent("1", "op-2", later + minute), minute);
        tries.forget("1");
        assert_eq!(tries.spent("1", "op-2", later + minute), Duration::ZERO);
    }
}
