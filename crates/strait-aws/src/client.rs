//! Clients of the SDK: credentials, time-outs, retries and budgets are decided here and nowhere else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_ec2::config::SharedCredentialsProvider;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use tokio::sync::Notify;

use crate::budget::{self, OF_A_REGION, OF_ROUTE53};
use crate::error::Error;
use crate::region::Region;
use crate::tag::Tags;

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(3);
/// How long one attempt of a call may take, with its wait for the budget.
pub(crate) const ATTEMPT: Duration = Duration::from_secs(10);
/// How long a call may take with all its attempts.
const OPERATION: Duration = Duration::from_secs(30);
/// Attempts of a call that is safe to repeat.
const ATTEMPTS: u32 = 3;
/// Where Route 53 is signed for, whatever Regions Strait works in.
const GLOBAL_REGION: &str = "us-east-1";

/// How Strait uses AWS.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Which Strait this is: the id of its store. It stands in a tag of all that is made, so that two in one account
    /// leave each other's things alone.
    pub plane: String,
    /// Regions where Peering VPCs and services may be. At least one.
    pub regions: Vec<String>,
    /// Where all of AWS's APIs are, if not at AWS's own addresses.
    pub endpoint_url: Option<String>,
    /// A role to take on, `arn:aws:iam::ACCOUNT:role/NAME`: Strait then acts in that role's account.
    pub assume_role_arn: Option<String>,
    /// DNS servers that are asked for the addresses of services; without any, this machine's own resolver.
    pub nameservers: Vec<SocketAddr>,
    /// The domain under which services have their names.
    pub domain: String,
    /// The Route 53 zone that these names go to; without it, the public zone of the domain or of the nearest parent.
    pub hosted_zone_id: Option<String>,
}

/// What [`connect`] found.
pub(crate) struct Connected {
    pub(crate) account: String,
    pub(crate) known_regions: Vec<String>,
    pub(crate) regions: BTreeMap<String, Region>,
    pub(crate) stirred: Arc<Notify>,
    pub(crate) route53: aws_sdk_route53::Client,
}

/// Clients of one Region.
#[derive(Debug, Clone)]
pub(crate) struct Clients {
    /// EC2, for calls that are safe to repeat.
    pub(crate) ec2: aws_sdk_ec2::Client,
    /// EC2, for calls that are not: one attempt. AWS has no client token for `CreateVpc` and some others, so that
    /// repeating one whose answer was lost would make a second thing.
    pub(crate) ec2_once: aws_sdk_ec2::Client,
    /// Elastic Load Balancing. What it creates has a name that is unique in the Region, so that all is safe to repeat.
    pub(crate) elb: aws_sdk_elasticloadbalancingv2::Client,
    /// RDS, for the public accessibility of instances that were registered.
    pub(crate) rds: aws_sdk_rds::Client,
}

/// Makes the clients, and asks AWS whose they are.
pub(crate) async fn connect(config: &Config) -> Result<Connected, Error> {
    let Some(first) = config.regions.first() else {
        return Err(Error::Refused {
            code: "no_regions".to_owned(),
            message: "No Region is configured. Name at least one in `regions` in the `[cloud]` part of the configuration."
                .to_owned(),
        });
    };
    let base = base(config, first).await;
    let (mut regions, stirred) = (BTreeMap::new(), Arc::new(Notify::new()));
    for name in &config.regions {
        let sdk = in_region(config, &base, name, OF_A_REGION).await;
        let tags = Tags::of(&config.plane);
        let region = Region::new(name, Clients::new(&sdk), tags, Arc::clone(&stirred));
        regions.insert(name.clone(), region);
    }
    let global = in_region(config, &base, GLOBAL_REGION, OF_ROUTE53).await;
    let local = in_region(config, &base, first, OF_A_REGION).await;
    Ok(Connected {
        account: account(&local).await?,
        known_regions: enabled_regions(&local).await?,
        regions,
        stirred,
        route53: aws_sdk_route53::Client::new(&global),
    })
}

impl Clients {
    pub(crate) fn new(sdk: &SdkConfig) -> Self {
        let once = aws_sdk_ec2::config::Builder::from(sdk).retry_config(RetryConfig::disabled());
        Self {
            ec2: aws_sdk_ec2::Client::new(sdk),
            ec2_once: aws_sdk_ec2::Client::from_conf(once.build()),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(sdk),
            rds: aws_sdk_rds::Client::new(sdk),
        }
    }
}

/// TLS by ring, as in all of Strait: the SDK's default would build aws-lc.
fn https() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https()
}

/// What all clients have in common, with the credentials that the SDK's own chain finds.
async fn base(config: &Config, region: &str) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(aws_config::Region::new(region.to_owned()))
        .http_client(https())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
    if let Some(url) = &config.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    loader.load().await
}

/// The same for one Region and within its budget, in the role that is to be taken on, which STS of that Region gives.
async fn in_region(
    config: &Config,
    base: &SdkConfig,
    name: &str,
    per_second: NonZeroU32,
) -> SdkConfig {
    let region = aws_config::Region::new(name.to_owned());
    let http = base
        .http_client()
        .map(|http| budget::within(per_second, http));
    let mut sdk = base.to_builder().region(region.clone());
    sdk.set_http_client(http);
    let Some(role) = &config.assume_role_arn else {
        return sdk.build();
    };
    let role = AssumeRoleProvider::builder(role)
        .session_name("strait")
        .region(region)
        .configure(base)
        .build()
        .await;
    sdk.credentials_provider(SharedCredentialsProvider::new(role))
        .build()
}

async fn account(sdk: &SdkConfig) -> Result<String, Error> {
    let sts = aws_sdk_sts::Client::new(sdk);
    let identity = sts.get_caller_identity().send().await?;
    identity.account.ok_or_else(|| {
        Error::NotYet("STS did not say which account the credentials are for".to_owned())
    })
}

async fn enabled_regions(sdk: &SdkConfig) -> Result<Vec<String>, Error> {
    let ec2 = aws_sdk_ec2::Client::new(sdk);
    let answer = ec2.describe_regions().send().await?;
    let regions = answer.regions.unwrap_or_default();
    let mut names: Vec<String> = regions
        .into_iter()
        .filter_map(|region| region.region_name)
        .collect();
    names.sort();
    Ok(names)
}
