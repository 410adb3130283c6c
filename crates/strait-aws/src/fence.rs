//! Has each attempt of a call that changes something ask whether this server still may. The SDK repeats calls, and calls wait
//! for their budget, so that an attempt may leave half a minute after its verb began; by then another server may have undone
//! what it does.

use std::cell::Cell;

use aws_sdk_ec2::error::SdkError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use strait_plane::cloud::may_change;

use crate::error::{ANOTHER_WORKS, Error, lost};

tokio::task_local! {
    /// Of the change that this task is at.
    static ATTEMPTS: Cell<Attempts>;
}

/// What became of the attempts of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Attempts {
    /// There was none yet.
    #[default]
    None,
    /// At least one went out.
    Sent,
    /// The first was not sent, and no other is made.
    Withheld,
}

/// Makes a call that changes something, as long as this server may. When it may no longer, the outcome is in doubt if an
/// attempt was sent before, as if its answer were lost.
pub(crate) async fn change<T, E>(
    call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, Error>
where
    Error: From<SdkError<E, HttpResponse>>,
{
    if !may_change() {
        return Err(lost());
    }
    let attempts = async {
        let outcome = call.await;
        match ATTEMPTS.with(Cell::get) {
            Attempts::Withheld => Err(lost()),
            Attempts::None | Attempts::Sent => Ok(outcome?),
        }
    };
    ATTEMPTS.scope(Cell::default(), attempts).await
}

/// Lets an attempt go out now; the last thing that is asked before it does. Looks always may.
///
/// # Errors
/// It is one of a change, and this server may change nothing any more. The SDK does not repeat what fails so.
pub(crate) fn pass() -> Result<(), ConnectorError> {
    let ask = |attempts: &Cell<Attempts>| {
        if may_change() {
            attempts.set(Attempts::Sent);
            return Ok(());
        }
        if attempts.get() == Attempts::None {
            attempts.set(Attempts::Withheld);
        }
        Err(ConnectorError::other(ANOTHER_WORKS.into(), None))
    };
    ATTEMPTS.try_with(ask).unwrap_or(Ok(()))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use aws_smithy_runtime_api::client::http::SharedHttpClient;
    use strait_plane::cloud::fenced;
    use tokio::sync::Notify;

    use super::*;
    use crate::budget::within;
    use crate::client::Clients;
    use crate::fake::{Answer, Fake, PLENTY, REGION, list};
    use crate::look::Kind;
    use crate::region::Region;
    use crate::tag::Tags;

    const CHANGE: &str = "AuthorizeSecurityGroupIngress";

    #[tokio::test]
    async fn a_change_is_not_repeated_once_the_lease_is_lost() {
        for failure in [Answer::Error(503, "Unavailable"), Answer::Lost] {
            for (stays, attempts) in [(false, 1), (true, 3)] {
                let ec2 = Fake::default().answer(CHANGE, [failure.clone()]);
                let region = region(&ec2, PLENTY);
                let seen = ec2.clone();
                let held = move || stays || seen.asked(CHANGE) == 0;
                let outcome = fenced(held, open(&region)).await;
                assert!(
                    outcome.as_ref().is_err_and(Error::is_doubtful),
                    "the first one was sent: {outcome:?}"
                );
                assert_eq!(ec2.asked(CHANGE), attempts, "{failure:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_change_that_waits_for_its_budget_while_the_lease_is_lost_is_not_sent() {
        for (stays, attempts) in [(false, 0), (true, 1)] {
            let ec2 = Fake::default()
                .answer("DescribeVpcs", [list("vpcSet", &[])])
                .answer(CHANGE, [Answer::Xml("<return>true</return>".to_owned())]);
            let region = region(&ec2, NonZeroU32::MIN);
            let began = Instant::now();
            region
                .vpcs()
                .await
                .expect("it takes all of a second's budget");
            let held = move || stays || began.elapsed() < Duration::from_millis(500);
            let outcome = fenced(held, open(&region)).await;
            assert!(
                matches!(
                    (stays, &outcome),
                    (true, Ok(())) | (false, Err(Error::NotYet(_)))
                ),
                "it did not begin: {outcome:?}"
            );
            assert_eq!(ec2.asked(CHANGE), attempts);
        }
    }

    async fn open(region: &Region) -> Result<(), Error> {
        let call = region.ec2().authorize_security_group_ingress();
        let call = call.group_id("sg-1").send();
        region.change(&[Kind::Groups], call).await.map(drop)
    }

    /// A Region with this EC2, which may be asked so many times a second.
    fn region(ec2: &Fake, per_second: NonZeroU32) -> Region {
        let http = within(per_second, SharedHttpClient::new(ec2.clone()));
        let sdk = ec2.sdk().into_builder().http_client(http).build();
        let tags = Tags::of("plane-1");
        Region::new(REGION, Clients::new(&sdk), tags, Arc::new(Notify::new()))
    }
}
