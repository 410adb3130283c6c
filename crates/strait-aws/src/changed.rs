//! When to look again at what customers did.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::Aws;
use crate::look::{HURRIED, Kind, STEADY};
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
                    self.follow_all().await;
                }
            }
        }
    }

    /// A customer of this Region was just asked, by whichever server: the last look is out of date, and the next one soon.
    pub fn stir(&self, region: &str) {
        if let Ok(region) = self.region(region) {
            region.looks.forget(&[Kind::Peerings]);
            region.hurry();
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
    use strait_plane::cloud::{CloudError, PeerState, PeeringSpec};

    use crate::fake::{Fake, REGION, list, tags};
    use crate::sample::peering;

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

    #[tokio::test]
    async fn who_is_told_that_a_customer_was_asked_looks_soon_and_anew() {
        let asked = format!(
            "<vpcPeeringConnectionId>pcx-1</vpcPeeringConnectionId><status><code>pending-acceptance</code></status>{}",
            tags("peering/p1")
        );
        let name = "vpcPeeringConnectionSet";
        let looks = [list(name, &[]), list(name, &[&asked])];
        let ec2 = Fake::default().answer("DescribeVpcPeeringConnections", looks);
        let aws = ec2.aws();
        let spec = PeeringSpec {
            provisioned_id: Some("pcx-1".to_owned()),
            ..peering("p1")
        };
        for _look in 0..2 {
            let unlisted = aws.ensure_peering(&spec).await;
            let behind = matches!(unlisted, Err(CloudError::InProgress(_)));
            assert!(behind, "the last look is believed: {unlisted:?}");
        }
        assert!(aws.wait().await > 50 * SECOND);

        aws.stir(REGION);

        assert_eq!(aws.wait().await, HURRIED);
        let listed = aws.ensure_peering(&spec).await.expect("listed");
        assert_eq!(listed.state, PeerState::PendingAcceptance);
        assert_eq!(ec2.asked("DescribeVpcPeeringConnections"), 2);
    }
}
