//! Requests that take long: so many at once for each who asks, and so many in all. Each server counts for itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strait_plane::PlaneError;
use strait_plane::model::Identity;

use crate::error::ApiError;

/// After how many seconds a refused one may come again.
const LATER: u64 = 5;
/// How often one that waits looks whether there is room.
const LOOK: Duration = Duration::from_millis(100);

/// Counts them.
#[derive(Debug)]
pub(crate) struct Turns {
    /// What they are, for people.
    what: &'static str,
    each: usize,
    in_all: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    by: BTreeMap<String, usize>,
    in_all: usize,
}

/// That one is under way. It ends with this.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Arc<Turns>,
    whose: String,
}

impl Turns {
    pub(crate) fn new(what: &'static str, each: usize, in_all: usize) -> Arc<Self> {
        Arc::new(Self {
            what,
            each,
            in_all,
            held: Mutex::default(),
        })
    }

    /// Begins one. The operator's are never too many for them alone.
    pub(crate) fn take(self: &Arc<Self>, identity: &Identity) -> Result<Turn, ApiError> {
        let whose = identity.actor();
        let mut held = self.held();
        let own = held.by.get(&whose).copied().unwrap_or_default();
        if own >= self.each && *identity != Identity::Operator {
            let what = self.what;
            return Err(too_many(format!(
                "{own} {what} of {whose} are under way, and no more may be at once; wait until one of them has ended"
            )));
        }
        if held.in_all >= self.in_all {
            let what = self.what;
            return Err(too_many(format!(
                "{} {what} are under way here, and no more may be at once; try again in {LATER} s",
                held.in_all
            )));
        }
        held.in_all += 1;
        held.by.insert(whose.clone(), own + 1);
        drop(held);
        Ok(Turn {
            turns: Arc::clone(self),
            whose,
        })
    }

    /// Begins one as soon as there is room.
    pub(crate) async fn wait(self: &Arc<Self>, identity: &Identity) -> Turn {
        loop {
            if let Ok(turn) = self.take(identity) {
                return turn;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut held = self.turns.held();
        held.in_all = held.in_all.saturating_sub(1);
        match held.by.get_mut(&self.whose) {
            Some(own) if *own > 1 => *own -= 1,
            Some(_) | None => {
                held.by.remove(&self.whose);
            }
        }
    }
}

fn too_many(message: String) -> ApiError {
    ApiError::Plane(PlaneError::TooMany {
        message,
        retry_after: LATER,
    })
}

#[cfg(test)]
mod tests {
    use strait_plane::model::Role;

    use super::*;

    #[test]
    fn one_may_have_so_many_and_all_together_so_many() {
        let turns = Turns::new("waits", 2, 3);
        let first = turns.take(&key("a")).expect("one");
        let _second = turns.take(&key("a")).expect("two");
        turns.take(&key("a")).expect_err("three of one");
        let other = turns.take(&key("b")).expect("another one");
        turns.take(&key("c")).expect_err("four in all");
        turns.take(&Identity::Operator).expect_err("four in all");
        drop(other);
        turns.take(&key("c")).expect("there is room again");
        turns.take(&key("a")).expect_err("still three of one");
        drop(first);
        let _kept = turns.take(&key("a")).expect("two again");
        assert_eq!(turns.held().by.len(), 1, "who has none is forgotten");
    }

    #[test]
    fn the_operator_may_have_all_there_are() {
        let turns = Turns::new("waits", 1, 3);
        let all = [(); 3].map(|()| turns.take(&Identity::Operator));
        assert!(all.iter().all(Result::is_ok), "{all:?}");
    }

    fn key(public_key: &str) -> Identity {
        Identity::Key {
            public_key: public_key.to_owned(),
            name: String::new(),
            project_id: "p".to_owned(),
            role: Role::Viewer,
        }
    }
}
