//! Peering VPCs.

use ipnet::Ipv4Net;
use jiff::Timestamp;
use serde::Serialize;

use super::{Reason, words};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVpc {
    /// For people; one is made up without it.
    pub name: Option<String>,
    /// The range as the user wrote it; host bits are taken off.
    pub cidr: String,
    /// Where: one of the supported Regions.
    pub region_code: String,
}

/// A Peering VPC: stands between customers' VPCs and the project's services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Vpc {
    /// Digits, as on Tiger.
    pub id: String,
    /// The project that owns it.
    pub project_id: String,
    /// For people; need not be unique.
    pub name: String,
    /// Its range, without host bits.
    pub cidr: Ipv4Net,
    /// Where.
    pub region_code: String,
    /// The cloud's `vpc-` id, as soon as there is one.
    pub provisioned_id: Option<String>,
    /// How it is.
    pub status: VpcStatus,
    /// Why it is not as it should be.
    pub error_message: Option<String>,
    /// The same with a code.
    pub reason: Option<Reason>,
    /// The operation that was asked for last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_id: Option<String>,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it changed last.
    pub updated: Timestamp,
}

/// How a Peering VPC is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum VpcStatus {
    /// Being made.
    Creating,
    /// Ready.
    Created,
    /// Being taken away.
    Deleting,
    /// The cloud refuses it.
    Failed,
}

words!(VpcStatus, "VPC status", {
    Creating => "CREATING",
    Created => "CREATED",
    Deleting => "DELETING",
    Failed => "FAILED",
});
