//! Peering VPCs.

use ipnet::Ipv4Net;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strait_plane::model::{self, NewVpc, VpcStatus};
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use super::Reason;

/// A Peering VPC: stands between customers' VPCs and the project's services.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VPC)]
pub(crate) struct Vpc {
    /// Its id: digits.
    #[schema(example = "1234567890", pattern = "^[0-9]+$")]
    id: String,
    /// Its name, for people.
    name: String,
    /// Its range, without host bits.
    #[schema(value_type = String, example = "10.0.0.0/16")]
    cidr: Ipv4Net,
    /// Where it is.
    #[schema(example = "us-east-1")]
    region_code: String,
    /// The project that owns it.
    project_id: String,
    /// The cloud's id, as soon as there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "vpc-0123456789abcdef0")]
    provisioned_id: Option<String>,
    /// How it is.
    #[schema(schema_with = status)]
    status: VpcStatus,
    /// Why it is not as it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    /// The same with a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
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

impl From<model::Vpc> for Vpc {
    fn from(vpc: model::Vpc) -> Self {
        Self {
            id: vpc.id,
            name: vpc.name,
            cidr: vpc.cidr,
            region_code: vpc.region_code,
            project_id: vpc.project_id,
            provisioned_id: vpc.provisioned_id,
            status: vpc.status,
            error_message: vpc.error_message,
            reason: vpc.reason.map(Reason::from),
            operation_id: vpc.operation_id,
            created: vpc.created,
            updated: vpc.updated,
        }
    }
}

/// A Peering VPC to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VPCCreate)]
pub(crate) struct VpcInput {
    /// Its name; one is made up without it.
    name: Option<String>,
    /// Its range: /16 to /28, host bits are taken off.
    #[schema(example = "10.0.0.0/16")]
    cidr: String,
    /// Where: one of the Regions that `/regions` marks with `services`.
    #[schema(example = "us-east-1")]
    region_code: String,
}

impl From<VpcInput> for NewVpc {
    fn from(input: VpcInput) -> Self {
        Self {
            name: input.name,
            cidr: input.cidr,
            region_code: input.region_code,
        }
    }
}

/// A message, and the Peering VPC that it is about.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VpcMessage {
    /// What was done.
    pub(crate) message: String,
    /// The Peering VPC as it is now.
    pub(crate) vpc: Vpc,
}

fn status() -> Object {
    super::words(VpcStatus::ALL.iter().map(|status| status.as_str()))
}
