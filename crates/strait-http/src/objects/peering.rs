//! Peering connections.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strait_plane::model::{self, NewPeering, PeeringState, PeeringStatus, WaitingOn};
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use super::Reason;

/// A peering connection between a Peering VPC and a customer's VPC.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Peering {
    /// Its id: digits.
    #[schema(example = "1234567890", pattern = "^[0-9]+$")]
    id: String,
    /// The Peering VPC.
    #[schema(pattern = "^[0-9]+$")]
    vpc_id: String,
    /// The customer's account.
    #[schema(example = "123456789012")]
    peer_account_id: String,
    /// The customer's Region.
    #[schema(example = "eu-central-1")]
    peer_region_code: String,
    /// The customer's VPC.
    #[schema(example = "vpc-0123456789abcdef0")]
    peer_vpc_id: String,
    /// Our side's id of the connection, as soon as there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "pcx-0123456789abcdef0")]
    provisioned_id: Option<String>,
    /// The customer's side's id of the connection: the target of the customer's route.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "pcx-0123456789abcdef0")]
    accepter_provisioned_id: Option<String>,
    /// How it is, in Tiger's words.
    #[schema(schema_with = status)]
    status: PeeringStatus,
    /// How it is, in AWS's words.
    #[schema(schema_with = state)]
    state: PeeringState,
    /// Whether the customer's packets are let in.
    admitted: bool,
    /// Whose turn it is.
    #[schema(schema_with = waiting_on)]
    waiting_on: WaitingOn,
    /// What that one does next.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_action: Option<String>,
    /// When a pending request expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// Why it is not as it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    /// The same with a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// The customer's ranges, known once the customer has accepted.
    #[schema(value_type = Vec<String>, example = json!(["10.1.0.0/16"]))]
    peer_cidrs: BTreeSet<Ipv4Net>,
    /// Those ranges that may come in, if not all of the customer's may.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, example = json!(["10.1.0.0/16"]))]
    peer_cidr_blocks: Option<BTreeSet<Ipv4Net>>,
    /// What the customer needs, once the connection has an id.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_steps: Option<CustomerGuide>,
    /// The operation that was asked for last.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_id: Option<String>,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it changed last.
    #[schema(value_type = String, format = DateTime)]
    updated: Timestamp,
}

impl Peering {
    pub(crate) fn new(peering: model::Peering, guide: Option<model::CustomerGuide>) -> Self {
        Self {
            id: peering.id,
            vpc_id: peering.vpc_id,
            peer_account_id: peering.peer_account_id,
            peer_region_code: peering.peer_region_code,
            peer_vpc_id: peering.peer_vpc_id,
            provisioned_id: peering.provisioned_id,
            accepter_provisioned_id: peering.accepter_provisioned_id,
            status: peering.status,
            state: peering.state,
            admitted: peering.admitted,
            waiting_on: peering.waiting_on,
            next_action: peering.next_action,
            expires_at: peering.expires_at,
            error_message: peering.error_message,
            reason: peering.reason.map(Reason::from),
            operation_id: peering.operation_id,
            peer_cidrs: peering.peer_cidrs,
            peer_cidr_blocks: peering.peer_cidr_blocks,
            customer_steps: guide.map(CustomerGuide::from),
            created: peering.created,
            updated: peering.updated,
        }
    }
}

/// A peering connection to ask for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PeeringCreate)]
pub(crate) struct PeeringInput {
    /// The customer's account: 12 digits.
    #[schema(example = "123456789012")]
    peer_account_id: String,
    /// The customer's Region: any that `/regions` lists.
    #[schema(example = "eu-central-1")]
    peer_region_code: String,
    /// The customer's VPC.
    #[schema(example = "vpc-0123456789abcdef0")]
    peer_vpc_id: String,
    /// Those of the customer's ranges that may come in; without any, all may.
    #[serde(default)]
    #[schema(example = json!(["10.1.0.0/16"]))]
    peer_cidr_blocks: Vec<String>,
}

/// Which of the customer's ranges may come in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PeeringRangesInput)]
pub(crate) struct RangesInput {
    /// These; without any, all may.
    #[schema(example = json!(["10.1.0.0/16"]))]
    pub(crate) peer_cidr_blocks: Vec<String>,
}

impl From<PeeringInput> for NewPeering {
    fn from(input: PeeringInput) -> Self {
        Self {
            peer_account_id: input.peer_account_id,
            peer_vpc_id: input.peer_vpc_id,
            peer_region_code: input.peer_region_code,
            peer_cidr_blocks: input.peer_cidr_blocks,
        }
    }
}

/// What a customer needs for one peering connection.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CustomerGuide {
    /// Who asks.
    requester: Requester,
    /// The customer's account, where all of it is done.
    peer_account_id: String,
    /// The customer's Region.
    peer_region_code: String,
    /// The customer's VPC.
    peer_vpc_id: String,
    /// The steps, in order.
    steps: Vec<CustomerStep>,
    /// How to take them back, in order.
    undo: Vec<CustomerStep>,
    /// The permissions that the steps take: an IAM policy.
    #[schema(value_type = Object)]
    iam_policy: serde_json::Value,
}

/// The provider's side of a peering connection.
#[derive(Debug, Serialize, ToSchema)]
struct Requester {
    /// The provider's account.
    account_id: String,
    /// The Peering VPC, in the cloud.
    vpc_id: String,
    /// Its Region.
    region_code: String,
    /// Its range: the destination of the customer's route.
    #[schema(value_type = String)]
    cidr: Ipv4Net,
    /// The peering connection, as the customer sees it.
    peering_connection_id: String,
}

/// One step of the customer's.
#[derive(Debug, Serialize, ToSchema)]
struct CustomerStep {
    /// For programs: stable.
    id: &'static str,
    /// What it does.
    title: String,
    /// Why, and what to put in for placeholders.
    explanation: String,
    /// The AWS CLI's command. Placeholders: `ROUTE_TABLE_ID`, `SECURITY_GROUP_ID`.
    command: String,
    /// Whether the way works without it.
    optional: bool,
}

impl From<model::CustomerGuide> for CustomerGuide {
    fn from(guide: model::CustomerGuide) -> Self {
        let requester = guide.requester;
        Self {
            requester: Requester {
                account_id: requester.account_id,
                vpc_id: requester.vpc_id,
                region_code: requester.region_code,
                cidr: requester.cidr,
                peering_connection_id: requester.peering_connection_id,
            },
            peer_account_id: guide.peer_account_id,
            peer_region_code: guide.peer_region_code,
            peer_vpc_id: guide.peer_vpc_id,
            steps: guide.steps.into_iter().map(CustomerStep::from).collect(),
            undo: guide.undo.into_iter().map(CustomerStep::from).collect(),
            iam_policy: guide.iam_policy,
        }
    }
}

impl From<model::CustomerStep> for CustomerStep {
    fn from(step: model::CustomerStep) -> Self {
        Self {
            id: step.id,
            title: step.title,
            explanation: step.explanation,
            command: step.command,
            optional: step.optional,
        }
    }
}

fn status() -> Object {
    super::words(PeeringStatus::ALL.iter().map(|status| status.as_str()))
}

fn state() -> Object {
    super::words(PeeringState::ALL.iter().map(|state| state.as_str()))
}

fn waiting_on() -> Object {
    super::words(WaitingOn::ALL.iter().map(|party| party.as_str()))
}
