//! Peering connections.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use jiff::Timestamp;
use serde::Serialize;

use super::{Reason, words};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewPeering {
    /// The customer's account: 12 digits.
    pub peer_account_id: String,
    /// The customer's VPC: `vpc-…`.
    pub peer_vpc_id: String,
    /// The customer's Region: any known one.
    pub peer_region_code: String,
    /// Those of the customer's ranges that may come in, as the user wrote them; all without any.
    pub peer_cidr_blocks: Vec<String>,
}

/// A peering connection between a Peering VPC and a customer's VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Peering {
    /// Digits, as on Tiger.
    pub id: String,
    /// The Peering VPC.
    pub vpc_id: String,
    /// The customer's account.
    pub peer_account_id: String,
    /// The customer's VPC.
    pub peer_vpc_id: String,
    /// The customer's Region.
    pub peer_region_code: String,
    /// Our `pcx-` id, as soon as there is one.
    pub provisioned_id: Option<String>,
    /// The customer's `pcx-` id.
    pub accepter_provisioned_id: Option<String>,
    /// Tiger's word for how it is.
    pub status: PeeringStatus,
    /// How it is, exactly.
    pub state: PeeringState,
    /// Whether the customer's packets are let in.
    pub admitted: bool,
    /// Whose turn it is.
    pub waiting_on: WaitingOn,
    /// What that one does next.
    pub next_action: Option<String>,
    /// When a pending request expires.
    pub expires_at: Option<Timestamp>,
    /// Why it is not as it should be.
    pub error_message: Option<String>,
    /// The same with a code.
    pub reason: Option<Reason>,
    /// The customer's ranges, known once the customer has accepted.
    pub peer_cidrs: BTreeSet<Ipv4Net>,
    /// Those ranges that may come in, if not all of the customer's may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_cidr_blocks: Option<BTreeSet<Ipv4Net>>,
    /// The operation that was asked for last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_id: Option<String>,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it changed last.
    pub updated: Timestamp,
}

/// Tiger's words, as its Terraform provider waits for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PeeringStatus {
    /// We are asking for it, or taking it away.
    Approved,
    /// It waits for the customer.
    Pending,
    /// It works.
    Active,
    /// It cannot work.
    Invalid,
    /// Nobody accepted it in time.
    Timeout,
    /// Somebody ended it.
    Disabled,
}

words!(PeeringStatus, "peering status", {
    Approved => "APPROVED",
    Pending => "PENDING",
    Active => "ACTIVE",
    Invalid => "INVALID",
    Timeout => "TIMEOUT",
    Disabled => "DISABLED",
});

/// How a peering connection is, in AWS's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PeeringState {
    /// The plane has not got it yet.
    InitiatingRequest,
    /// It waits for the customer.
    PendingAcceptance,
    /// Both sides are joined.
    Active,
    /// AWS refused it.
    Failed,
    /// Nobody accepted it in 7 days.
    Expired,
    /// The customer rejected it.
    Rejected,
    /// One side deleted it.
    Deleted,
    /// We are taking it away.
    Deleting,
}

words!(PeeringState, "peering state", {
    InitiatingRequest => "initiating-request",
    PendingAcceptance => "pending-acceptance",
    Active => "active",
    Failed => "failed",
    Expired => "expired",
    Rejected => "rejected",
    Deleted => "deleted",
    Deleting => "deleting",
});

impl PeeringState {
    /// Whether nothing can come of it any more.
    pub fn has_ended(self) -> bool {
        match self {
            Self::Failed | Self::Expired | Self::Rejected | Self::Deleted => true,
            Self::InitiatingRequest | Self::PendingAcceptance | Self::Active | Self::Deleting => {
                false
            }
        }
    }
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitingOn {
    /// The customer's.
    Customer,
    /// The provider's.
    Provider,
    /// Nobody's: it works.
    Nobody,
}

words!(WaitingOn, "party", { Customer => "customer", Provider => "provider", Nobody => "nobody" });

/// What a customer needs for one peering connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CustomerGuide {
    /// Who asks.
    pub requester: Requester,
    /// The customer's account, where all of it is done.
    pub peer_account_id: String,
    /// The customer's Region.
    pub peer_region_code: String,
    /// The customer's VPC.
    pub peer_vpc_id: String,
    /// The steps, in order.
    pub steps: Vec<CustomerStep>,
    /// How to take them back, in order.
    pub undo: Vec<CustomerStep>,
    /// The permissions that the steps take: an IAM policy.
    pub iam_policy: serde_json::Value,
}

/// The provider's side, so that the customer knows whose request it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Requester {
    /// The provider's account.
    pub account_id: String,
    /// The Peering VPC, in the cloud.
    pub vpc_id: String,
    /// Its Region.
    pub region_code: String,
    /// Its range: the destination of the customer's route.
    pub cidr: Ipv4Net,
    /// The peering connection, as the customer sees it.
    pub peering_connection_id: String,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CustomerStep {
    /// A stable word for programs.
    pub id: &'static str,
    /// What it does.
    pub title: String,
    /// Why, and what to put in for placeholders.
    pub explanation: String,
    /// The AWS CLI's command. Placeholders: `ROUTE_TABLE_ID`, `SECURITY_GROUP_ID`.
    pub command: String,
    /// Whether the way works without it.
    pub optional: bool,
}
