//! When to look again at what customers did.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::Aws;
use crate::look::{HURRIED, STEADY};
use crate::region::Region;
use crate::seen::lock;
use crate::way::ASK_AGAIN;

impl Aws {
    /// Waits until a look may tell something new: 2 seconds while something is in progress or a customer was just asked
    /// to accept, and otherwise until the last look at peering connections is a minute old. AWS tells nobody of what
    /// customers do, so that a look is all there is. Meanwhile the targets of ways follow the names of services.
    pub async fn changed(&self) {
        let mut until = Instant::now() + self.wait().await;
        loop {
            let asked = *lock(&self.asked);
            tokio::select! {
                () = sleep_until(until) => return,
                () = self.stirred.notified() => until = until.min(Instant::now() + self.wait().await),
                () = sleep_until(asked + ASK_AGAIN) => {
                    *lock(&self.asked) = Instant::now();
                    self.follow_names().await;
                }
            }
        }
    }

    async fn wait(&self) -> Duration {
        let mut shortest = STEADY;
        for region in self.regions.values() {
            shortest = shortest.min(region.wait().await);
        }
        shortest
    }
}

impl Region {
    async fn wait(&self) -> Duration {
        wait(self.is_hurried(), self.looks.peerings.age().await)
    }
}

/// How long to wait before a look, `age` after the last one.
fn wait(hurried: bool, age: Option<Duration>) -> Duration {
    if hurried {
        return HURRIED;
    }
    STEADY.saturating_sub(age.unwrap_or_default()).max(HURRIED)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_steady_state_is_looked_at_once_a_minute() {
        assert_eq!(wait(false, Some(SECOND)), 59 * SECOND);
        assert_eq!(
            wait(false, None),
            60 * SECOND,
            "there is nothing to look at yet"
        );
        assert_eq!(
            wait(false, Some(300 * SECOND)),
            2 * SECOND,
            "an old look is due, but a loop must not spin"
        );
    }

    #[test]
    fn what_is_in_progress_is_looked_at_soon() {
        assert_eq!(wait(true, Some(SECOND)), 2 * SECOND);
        assert_eq!(wait(true, None), 2 * SECOND);
    }
}
