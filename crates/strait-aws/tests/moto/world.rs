//! A provider and a customer, in accounts of one test.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::SharedCredentialsProvider;
use aws_sdk_ec2::types::{
    Filter, SecurityGroup, Vpc, VpcPeeringConnection, VpcPeeringConnectionStateReasonCode,
};
use ipnet::Ipv4Net;
use strait_aws::{Aws, Config};
use strait_plane::cloud::{CloudError, PeeringSpec, VpcSpec};

/// The environment variable with the address of AWS's APIs.
pub(crate) const ENDPOINT: &str = "STRAIT_AWS_ENDPOINT";
/// Where the provider's Peering VPCs are.
pub(crate) const REGION: &str = "eu-west-1";
/// Another Region.
pub(crate) const FAR: &str = "us-east-1";
/// The id of the provider's store.
pub(crate) const PLANE: &str = "plane-1";
/// The domain of services' names.
pub(crate) const DOMAIN: &str = "strait.example.com";

/// How long what is temporary may last.
const PATIENCE: Duration = Duration::from_secs(60);

/// The two accounts of one test.
pub(crate) struct World {
    provider: String,
    pub(crate) customer: String,
}

impl World {
    /// Two accounts that no other test has: `number` is the test's own.
    pub(crate) fn new(number: u16) -> Self {
        Self {
            provider: format!("100000000{number:03}"),
            customer: format!("200000000{number:03}"),
        }
    }

    /// The provider's Strait, which remembers nothing.
    pub(crate) async fn strait(&self) -> Aws {
        self.strait_of(PLANE).await
    }

    /// Another Strait in the provider's account.
    pub(crate) async fn strait_of(&self, plane: &str) -> Aws {
        self.connected(plane, &endpoint()).await
    }

    /// The provider's Strait, which finds AWS at this address.
    pub(crate) async fn strait_at(&self, endpoint: &str) -> Aws {
        self.connected(PLANE, endpoint).await
    }

    async fn connected(&self, plane: &str, endpoint: &str) -> Aws {
        let config = Config {
            plane: plane.to_owned(),
            regions: vec![REGION.to_owned(), FAR.to_owned()],
            endpoint_url: Some(endpoint.to_owned()),
            assume_role_arn: Some(role(&self.provider)),
            domain: DOMAIN.to_owned(),
            hosted_zone_id: None,
            nameservers: vec![],
        };
        Aws::connect(config).await.expect("moto answers")
    }

    /// EC2 as the provider sees it.
    pub(crate) async fn provider_ec2(&self) -> Client {
        Client::new(&sdk(&self.provider, REGION).await)
    }

    /// EC2 of one Region as the customer sees it.
    pub(crate) async fn customer_ec2(&self, region: &str) -> Client {
        Client::new(&sdk(&self.customer, region).await)
    }

    /// RDS as the provider sees it.
    pub(crate) async fn provider_rds(&self) -> aws_sdk_rds::Client {
        aws_sdk_rds::Client::new(&sdk(&self.provider, REGION).await)
    }

    /// Elastic Load Balancing as the provider sees it.
    pub(crate) async fn provider_elb(&self) -> aws_sdk_elasticloadbalancingv2::Client {
        aws_sdk_elasticloadbalancingv2::Client::new(&sdk(&self.provider, REGION).await)
    }

    /// Route 53 as the provider sees it.
    pub(crate) async fn provider_route53(&self) -> aws_sdk_route53::Client {
        aws_sdk_route53::Client::new(&sdk(&self.provider, FAR).await)
    }

    /// The address and port of AWS's APIs.
    pub(crate) fn upstream(&self) -> String {
        endpoint().trim_start_matches("http://").to_owned()
    }

    pub(crate) fn account(&self) -> &str {
        &self.provider
    }

    /// A VPC that the customer makes in a Region.
    pub(crate) async fn customer_vpc(&self, region: &str, range: &str) -> String {
        let ec2 = self.customer_ec2(region).await;
        let made = ec2
            .create_vpc()
            .cidr_block(range)
            .send()
            .await
            .expect("a VPC");
        made.vpc.and_then(|vpc| vpc.vpc_id).expect("its id")
    }

    pub(crate) fn peering(
        &self,
        id: &str,
        vpc: &VpcSpec,
        peer_vpc: &str,
        peer_region: &str,
    ) -> PeeringSpec {
        PeeringSpec {
            id: id.to_owned(),
            vpc: vpc.clone(),
            peer_account: self.customer.clone(),
            peer_vpc: peer_vpc.to_owned(),
            peer_region: peer_region.to_owned(),
            provisioned_id: None,
            attempt: 1,
        }
    }

    /// All that carries a tag of this plane's, but for peering connections that ended.
    pub(crate) async fn left(&self, plane: &str) -> Vec<String> {
        let ec2 = self.provider_ec2().await;
        let vpcs = tagged_vpcs(&ec2, plane)
            .await
            .into_iter()
            .filter_map(|vpc| vpc.vpc_id);
        let subnets = ec2
            .describe_subnets()
            .filters(of_plane(plane))
            .send()
            .await
            .expect("subnets");
        let subnets = subnets
            .subnets
            .unwrap_or_default()
            .into_iter()
            .filter_map(|subnet| subnet.subnet_id);
        let groups = tagged_groups(&ec2, plane)
            .await
            .into_iter()
            .filter_map(|group| group.group_id);
        let peerings = live_peerings(&ec2)
            .await
            .into_iter()
            .filter_map(|peering| peering.vpc_peering_connection_id);
        vpcs.chain(subnets).chain(groups).chain(peerings).collect()
    }
}

/// A Peering VPC.
pub(crate) fn vpc(id: &str, range: &str) -> VpcSpec {
    VpcSpec {
        id: id.to_owned(),
        name: format!("peering-vpc-{id}"),
        region: REGION.to_owned(),
        cidr: net(range),
    }
}

pub(crate) fn net(text: &str) -> Ipv4Net {
    text.parse().expect("a range")
}

pub(crate) fn ranges(texts: &[&str]) -> BTreeSet<Ipv4Net> {
    texts.iter().map(|text| net(text)).collect()
}

/// Repeats what may work later, as the plane's reconcilers do.
pub(crate) async fn eventually<T>(verb: impl AsyncFn() -> Result<T, CloudError>) -> T {
    let patience = tokio::time::Instant::now() + PATIENCE;
    loop {
        match verb().await {
            Ok(done) => return done,
            Err(CloudError::Temporary(why) | CloudError::InProgress(why))
                if tokio::time::Instant::now() < patience =>
            {
                println!("again: {why}");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

pub(crate) async fn tagged_vpcs(ec2: &Client, plane: &str) -> Vec<Vpc> {
    let answer = ec2.describe_vpcs().filters(of_plane(plane)).send().await;
    answer.expect("VPCs").vpcs.unwrap_or_default()
}

pub(crate) async fn tagged_groups(ec2: &Client, plane: &str) -> Vec<SecurityGroup> {
    let answer = ec2
        .describe_security_groups()
        .filters(of_plane(plane))
        .send()
        .await;
    answer.expect("groups").security_groups.unwrap_or_default()
}

/// Peering connections of the account that have not ended.
pub(crate) async fn live_peerings(ec2: &Client) -> Vec<VpcPeeringConnection> {
    let answer = ec2
        .describe_vpc_peering_connections()
        .send()
        .await
        .expect("peering connections");
    let all = answer
        .vpc_peering_connections
        .unwrap_or_default()
        .into_iter();
    all.filter(|peering| {
        let code = peering.status().and_then(|status| status.code());
        matches!(
            code,
            Some(
                VpcPeeringConnectionStateReasonCode::PendingAcceptance
                    | VpcPeeringConnectionStateReasonCode::Active
            )
        )
    })
    .collect()
}

fn of_plane(plane: &str) -> Filter {
    Filter::builder()
        .name("tag:strait:plane")
        .values(plane)
        .build()
}

async fn sdk(account: &str, region: &str) -> SdkConfig {
    let base = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .endpoint_url(endpoint())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .load()
        .await;
    let role = AssumeRoleProvider::builder(role(account))
        .session_name("test")
        .configure(&base)
        .build()
        .await;
    base.into_builder()
        .credentials_provider(SharedCredentialsProvider::new(role))
        .build()
}

fn role(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/strait")
}

fn endpoint() -> String {
    std::env::var(ENDPOINT).expect("`against_moto` runs this and sets the address of moto's server")
}
