//! A budget of calls: requests that would go over it wait. AWS throttles a whole account, so that Strait must not use up
//! what other programs in it need. Here each attempt passes last, so that it is asked here whether it still may (`fence`).

use std::num::NonZeroU32;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::fence;

/// Calls a second that one Region may cost, and as many at once. EC2 gives most Describe calls a bucket of 100 that
/// fills with 20 a second, and many that write one of 50 or less that fills with 5
/// (<https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>).
pub(crate) const OF_A_REGION: NonZeroU32 = NonZeroU32::new(20).expect("not zero");
/// Calls a second to Route 53, which takes 5 from an account
/// (<https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html#limits-api-requests>).
pub(crate) const OF_ROUTE53: NonZeroU32 = NonZeroU32::new(4).expect("not zero");

/// The client, with no more than `per_second` requests, attempts that the SDK repeats included.
pub(crate) fn within(per_second: NonZeroU32, client: SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(Budgeted {
        client,
        bucket: Arc::new(RateLimiter::direct(Quota::per_second(per_second))),
    })
}

#[derive(Debug)]
struct Budgeted<T> {
    client: T,
    bucket: Arc<DefaultDirectRateLimiter>,
}

impl HttpClient for Budgeted<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Budgeted {
            client: self.client.http_connector(settings, components),
            bucket: Arc::clone(&self.bucket),
        })
    }
}

impl HttpConnector for Budgeted<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (connector, bucket) = (self.client.clone(), Arc::clone(&self.bucket));
        HttpConnectorFuture::new(async move {
            bucket.until_ready().await;
            fence::pass()?;
            connector.call(request).await
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::fake::{Fake, list};

    #[tokio::test]
    async fn calls_over_the_budget_wait() {
        let fake = Fake::default().answer("DescribeVpcs", [list("vpcSet", &[])]);
        let rate = NonZeroU32::new(10).expect("not zero");
        let http = within(rate, SharedHttpClient::new(fake.clone()));
        let ec2 = aws_sdk_ec2::Client::new(&fake.sdk().into_builder().http_client(http).build());
        let began = Instant::now();
        for _call in 0..13 {
            ec2.describe_vpcs().send().await.expect("an answer");
        }
        let took = began.elapsed();
        assert!(took > Duration::from_millis(200), "3 of 13 wait: {took:?}");
        assert_eq!(fake.asked("DescribeVpcs"), 13);
    }
}
