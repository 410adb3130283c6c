//! Endpoint services and endpoints (PrivateLink).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Tags;
use crate::id::*;

/// An endpoint service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointService {
    /// Its id.
    pub id: EndpointServiceId,
    /// Who owns it.
    pub owner: AccountId,
    /// Where it is.
    pub region: Region,
    /// Whether a connection waits for the owner's word.
    pub acceptance_required: bool,
    /// The ARNs of its network load balancers.
    pub load_balancers: BTreeSet<String>,
    /// Principals that may connect, such as `arn:aws:iam::123456789012:root` or `*`.
    pub allowed_principals: BTreeSet<String>,
    /// Its private DNS name, and whether its owner has proved to own it.
    #[serde(default)]
    pub private_dns: Option<PrivateDns>,
    /// Its tags.
    pub tags: Tags,
}

impl EndpointService {
    /// `com.amazonaws.vpce.REGION.ID`, the name that consumers ask by.
    #[must_use]
    pub fn service_name(&self) -> String {
        format!("com.amazonaws.vpce.{}.{}", self.region, self.id)
    }

    /// The private DNS name that resolves for endpoints that have it on: one that was verified once.
    #[must_use]
    pub fn private_name(&self) -> Option<&str> {
        let private = self.private_dns.as_ref()?;
        private.proved.then_some(private.name.as_str())
    }
}

/// The private DNS name of an endpoint service. Its owner proves with a TXT record of the domain that the name is theirs:
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/manage-dns-names.html>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateDns {
    /// The name, such as `db.example.com` or `*.example.com`, lower case, without a dot at the end.
    pub name: String,
    /// The first label of the TXT record's name; the domain follows.
    pub record_name: String,
    /// The TXT record's value.
    pub record_value: String,
    /// What came of it.
    pub state: DnsNameState,
    /// Whether it was verified once: where it resolves by then it goes on to.
    pub proved: bool,
}

/// Whether a private DNS name is proved to be its owner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DnsNameState {
    /// `pendingVerification`; the record is looked for until this time, once that was asked for.
    Pending(Option<Timestamp>),
    /// `verified`: endpoints may use it.
    Verified,
    /// `failed`: there was no such record in time.
    Failed,
}

/// An interface endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Who owns it.
    pub owner: AccountId,
    /// Where it is.
    pub region: Region,
    /// Its VPC.
    pub vpc: VpcId,
    /// The service that it leads to.
    pub service: EndpointServiceId,
    /// The number of its link to the load balancer's node in the kernel: see [`crate::Network::next_link`].
    pub index: u32,
    /// Its interface in each subnet, and the load balancer's interface (node) that it leads to.
    pub interfaces: BTreeMap<SubnetId, InterfaceId>,
    /// Its security groups.
    pub groups: BTreeSet<SecurityGroupId>,
    /// Its state.
    pub state: EndpointState,
    /// Whether the service's private DNS name resolves in the VPC.
    pub private_dns: bool,
    /// The random part of its DNS names.
    pub dns_suffix: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its tags.
    pub tags: Tags,
}

/// A gateway endpoint: a route from some of its VPC's tables to one of AWS's services, by that service's prefix list.
/// Which tables is what the tables say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayEndpoint {
    /// Its id.
    pub id: EndpointId,
    /// Who owns it.
    pub owner: AccountId,
    /// Where it is.
    pub region: Region,
    /// Its VPC.
    pub vpc: VpcId,
    /// The service that it leads to.
    pub service: GatewayService,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its tags.
    pub tags: Tags,
}

/// A service of AWS's that gateway endpoints lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GatewayService {
    /// DynamoDB.
    DynamoDb,
    /// S3.
    S3,
}

impl GatewayService {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::DynamoDb, Self::S3];

    /// Its word in names.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::DynamoDb => "dynamodb",
            Self::S3 => "s3",
        }
    }

    /// `com.amazonaws.REGION.s3`: its name in a Region, which is that of its prefix list too.
    #[must_use]
    pub fn name(self, region: &Region) -> String {
        format!("com.amazonaws.{region}.{}", self.word())
    }
}

/// The state of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndpointState {
    /// `pendingAcceptance`.
    PendingAcceptance,
    /// `available`.
    Available,
    /// `rejected`.
    Rejected,
}
