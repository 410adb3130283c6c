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
    /// Its private DNS name.
    pub private_dns_name: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

impl EndpointService {
    /// `com.amazonaws.vpce.REGION.ID`, the name that consumers ask by.
    #[must_use]
    pub fn service_name(&self) -> String {
        format!("com.amazonaws.vpce.{}.{}", self.region, self.id)
    }
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
