//! Network load balancers, target groups, listeners.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Tags;
use crate::id::*;

/// A network load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// Its ARN.
    pub arn: String,
    /// Its name, unique in the account and Region.
    pub name: String,
    /// Who owns it.
    pub owner: AccountId,
    /// Where it is.
    pub region: Region,
    /// Its VPC.
    pub vpc: VpcId,
    /// Whether it has public addresses (`internet-facing`) or not (`internal`).
    pub internet_facing: bool,
    /// Its node's interface in each subnet.
    pub nodes: BTreeMap<SubnetId, InterfaceId>,
    /// Its security groups; none means no filter.
    pub groups: BTreeSet<SecurityGroupId>,
    /// Its DNS name.
    pub dns_name: String,
    /// Attributes that were set, by key.
    pub attributes: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its tags.
    pub tags: Tags,
}

/// A target group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGroup {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Who owns it.
    pub owner: AccountId,
    /// Where it is.
    pub region: Region,
    /// Its VPC.
    pub vpc: VpcId,
    /// The default port of targets.
    pub port: u16,
    /// `instance` or `ip`.
    pub target_type: TargetType,
    /// Its targets.
    pub targets: BTreeSet<Target>,
    /// Attributes that were set, by key.
    pub attributes: BTreeMap<String, String>,
    /// Its tags.
    pub tags: Tags,
}

/// How targets are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetType {
    /// By instance id.
    Instance,
    /// By address.
    Ip,
}

/// One target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// An instance id or an address, by the group's type.
    pub id: String,
    /// Its port.
    pub port: u16,
}

/// A listener: TCP on a port, forwarded to a target group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Its ARN.
    pub arn: String,
    /// The load balancer's ARN.
    pub load_balancer: String,
    /// The port that it listens on.
    pub port: u16,
    /// The target group's ARN that it forwards to.
    pub target_group: String,
    /// Its tags.
    pub tags: Tags,
}
