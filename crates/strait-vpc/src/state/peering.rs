//! Peering connections.

use ipnet::Ipv4Net;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Ipv6Block, Tags};
use crate::id::*;

/// A VPC peering connection: <https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peering {
    /// Its id, the same on both sides.
    pub id: PeeringId,
    /// Its number in the kernel (link name): see [`crate::Network::next_link`].
    pub index: u32,
    /// Who asked.
    pub requester: PeeringSide,
    /// Who is asked.
    pub accepter: PeeringSide,
    /// Its state.
    pub state: PeeringState,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When a pending request expires: 7 days after it was made.
    pub expires_at: Timestamp,
    /// When it reached an ended state.
    pub ended_at: Option<Timestamp>,
}

/// One side of a peering connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeeringSide {
    /// The account.
    pub owner: AccountId,
    /// The Region.
    pub region: Region,
    /// The VPC.
    pub vpc: VpcId,
    /// The VPC's blocks as they were last known here; the first is the primary one. Empty when the VPC does not exist.
    pub blocks: Vec<Ipv4Net>,
    /// The VPC's IPv6 blocks, likewise.
    #[serde(default)]
    pub ipv6_blocks: Vec<Ipv6Block>,
    /// `AllowDnsResolutionFromRemoteVpc`.
    pub allow_dns: bool,
    /// This account's tags; each side sees its own.
    pub tags: Tags,
}

/// The state of a peering connection. `initiating-request`, `provisioning` and `deleting` pass at once here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeeringState {
    /// `pending-acceptance`.
    PendingAcceptance,
    /// `active`.
    Active,
    /// `failed`, and why.
    Failed(String),
    /// `expired`.
    Expired,
    /// `rejected`.
    Rejected,
    /// `deleted`, and by whom.
    Deleted(AccountId),
}
