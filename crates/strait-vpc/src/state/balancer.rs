//! Network load balancers, target groups, listeners.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Tags;
use crate::id::*;
use crate::picture::Transport;

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
    /// Its protocol.
    #[serde(default)]
    pub protocol: BalancerProtocol,
    /// How the health of its targets is checked.
    #[serde(default)]
    pub health_check: HealthCheck,
    /// Its targets.
    pub targets: BTreeSet<Target>,
    /// Targets that were taken out while a listener used the group: they get no new connections.
    #[serde(default)]
    pub draining: BTreeSet<Draining>,
    /// What nodes know of the health of targets, sorted; a target without an entry is `initial` to that node.
    #[serde(default)]
    pub checked: Vec<Checked>,
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

/// What listeners take and target groups are sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum BalancerProtocol {
    /// `TCP`.
    #[default]
    Tcp,
    /// `UDP`.
    Udp,
    /// `TCP_UDP`: both, on one port.
    TcpUdp,
}

impl BalancerProtocol {
    /// The name in calls.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::TcpUdp => "TCP_UDP",
        }
    }

    /// What of it goes over wires.
    #[must_use]
    pub const fn transports(self) -> &'static [Transport] {
        match self {
            Self::Tcp => &[Transport::Tcp],
            Self::Udp => &[Transport::Udp],
            Self::TcpUdp => &[Transport::Tcp, Transport::Udp],
        }
    }
}

/// How a target group's health is checked:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// What is asked.
    pub protocol: HealthProtocol,
    /// The port, if it is not the target's own (`traffic-port`).
    pub port: Option<u16>,
    /// Seconds between two checks.
    pub interval: u32,
    /// Seconds after which no answer is a failure.
    pub timeout: u32,
    /// Successes in a row that make an unhealthy target healthy.
    pub healthy: u32,
    /// Failures in a row that make a target unhealthy.
    pub unhealthy: u32,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            protocol: HealthProtocol::Tcp,
            port: None,
            interval: 30,
            timeout: 10,
            healthy: 5,
            unhealthy: 2,
        }
    }
}

/// What a health check asks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HealthProtocol {
    /// A connection, which is closed at once.
    Tcp,
    /// An HTTP request.
    Http {
        /// The path that is asked for.
        path: String,
        /// Status codes that are healthy, as they were given: `200-399`, `200,202`.
        codes: String,
    },
}

/// A target that was taken out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Draining {
    /// The target.
    pub target: Target,
    /// When it is forgotten.
    pub until: Timestamp,
}

/// What a node knows of a target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Checked {
    /// The node's interface.
    pub node: InterfaceId,
    /// The target.
    pub target: Target,
    /// What it is.
    pub health: Health,
}

/// A target's health, as a node sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Health {
    /// It answers.
    Healthy,
    /// It does not.
    Unhealthy,
}

impl TargetGroup {
    /// What a node knows of a target; `None` while it has not found out.
    #[must_use]
    pub fn health(&self, node: &InterfaceId, target: &Target) -> Option<Health> {
        let is_it = |known: &&Checked| known.node == *node && known.target == *target;
        self.checked.iter().find(is_it).map(|known| known.health)
    }
}

/// A listener: a protocol on a port, forwarded to a target group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Its ARN.
    pub arn: String,
    /// The load balancer's ARN.
    pub load_balancer: String,
    /// Its protocol.
    #[serde(default)]
    pub protocol: BalancerProtocol,
    /// The port that it listens on.
    pub port: u16,
    /// The target group's ARN that it forwards to.
    pub target_group: String,
    /// Its tags.
    pub tags: Tags,
}
