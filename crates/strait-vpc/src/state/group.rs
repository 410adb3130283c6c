//! Security groups and network ACLs.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::{Ipv6Block, Tags};
use crate::id::*;

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// Its id.
    pub id: SecurityGroupId,
    /// Its VPC.
    pub vpc: VpcId,
    /// Who owns it.
    pub owner: AccountId,
    /// Where it is.
    pub region: Region,
    /// Its name; `default` is the VPC's own.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Its rules.
    pub rules: BTreeMap<SecurityGroupRuleId, SecurityGroupRule>,
    /// Its tags.
    pub tags: Tags,
}

/// Which way traffic goes, seen from the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// To the interface (inbound).
    Ingress,
    /// From the interface (outbound).
    Egress,
}

/// One rule of a security group: one protocol, one port range, one peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroupRule {
    /// Inbound or outbound.
    pub direction: Direction,
    /// What it allows.
    pub traffic: Traffic,
    /// From or to whom.
    pub peer: RulePeer,
    /// A description.
    pub description: Option<String>,
    /// Rules are shown in the order in which they were made: higher is later.
    #[serde(default)]
    pub place: u32,
    /// Its tags.
    pub tags: Tags,
}

/// A protocol with its ports (or ICMP type and code), in canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Traffic {
    /// Everything (`-1`).
    All,
    /// TCP to a range of ports.
    Tcp(PortRange),
    /// UDP to a range of ports.
    Udp(PortRange),
    /// ICMP: a type (`None` = all) and a code (`None` = all).
    Icmp(Option<u8>, Option<u8>),
    /// ICMPv6: a type (`None` = all) and a code (`None` = all). No packet here is of it.
    Icmp6(Option<u8>, Option<u8>),
    /// Another protocol by number, all ports.
    Protocol(u8),
}

/// A range of ports, both ends in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PortRange {
    /// The first port.
    pub from: u16,
    /// The last port.
    pub to: u16,
}

/// From or to whom a rule allows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RulePeer {
    /// A CIDR block, host bits off.
    Cidr(Ipv4Net),
    /// An IPv6 block. Nothing here has an IPv6 address, so that no packet is from or to it.
    Cidr6(Ipv6Block),
    /// The entries of a prefix list, the customer's or AWS's own.
    PrefixList(PrefixListId),
    /// The members of a security group, by id; in another account's VPC it may become stale.
    Group {
        /// The group.
        id: SecurityGroupId,
        /// Its owner.
        owner: AccountId,
        /// The peering connection that it is reached by, if it is in a peer VPC.
        peering: Option<PeeringId>,
    },
}

/// A network ACL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAcl {
    /// Its id.
    pub id: NetworkAclId,
    /// Its VPC.
    pub vpc: VpcId,
    /// Who owns it.
    pub owner: AccountId,
    /// Where it is.
    pub region: Region,
    /// Whether it is the VPC's default.
    pub is_default: bool,
    /// Its entries by direction and number; the last, implicit deny is derived.
    pub entries: Vec<AclEntry>,
    /// The subnets that it filters. Every subnet is in exactly one ACL.
    pub associations: BTreeMap<NetworkAclAssociationId, SubnetId>,
    /// Its tags.
    pub tags: Tags,
}

/// One entry of a network ACL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclEntry {
    /// Inbound or outbound.
    pub direction: Direction,
    /// Lower numbers decide first.
    pub number: u16,
    /// Allow or deny.
    pub allow: bool,
    /// What it matches.
    pub traffic: Traffic,
    /// The far side.
    pub cidr: AclRange,
}

/// The far side of an entry of a network ACL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AclRange {
    /// A CIDR block, host bits off.
    V4(Ipv4Net),
    /// An IPv6 block: it matches no packet.
    V6(Ipv6Block),
}

impl AclRange {
    /// `0.0.0.0/0`.
    pub const ALL: Self = Self::V4(Ipv4Net::new_assert(std::net::Ipv4Addr::UNSPECIFIED, 0));

    /// The block that packets can match.
    #[must_use]
    pub fn ipv4(self) -> Option<Ipv4Net> {
        match self {
            Self::V4(block) => Some(block),
            Self::V6(_) => None,
        }
    }
}

impl std::fmt::Display for AclRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::V4(block) => block.fmt(f),
            Self::V6(block) => block.fmt(f),
        }
    }
}
