//! VPCs, subnets, route tables, internet gateways.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Ipv6Block, SubnetIpv6Block, Tags, VpcIpv6Block};
use crate::id::*;

/// A VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vpc {
    /// Its id.
    pub id: VpcId,
    /// Who owns it.
    pub owner: AccountId,
    /// Where it is.
    pub region: Region,
    /// Its blocks; the first is the primary one.
    pub blocks: Vec<CidrBlock>,
    /// Its IPv6 blocks.
    #[serde(default)]
    pub ipv6_blocks: Vec<VpcIpv6Block>,
    /// Whether it is the Region's default VPC.
    pub is_default: bool,
    /// `enableDnsSupport`.
    pub dns_support: bool,
    /// `enableDnsHostnames`.
    pub dns_hostnames: bool,
    /// `enableNetworkAddressUsageMetrics`.
    pub usage_metrics: bool,
    /// `default` or `dedicated`.
    pub tenancy: String,
    /// Its DHCP options.
    pub dhcp_options: DhcpOptionsId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its tags.
    pub tags: Tags,
}

impl Vpc {
    /// The primary block.
    #[must_use]
    pub fn primary(&self) -> Ipv4Net {
        self.blocks[0].cidr
    }

    /// All blocks.
    pub fn cidrs(&self) -> impl Iterator<Item = Ipv4Net> + '_ {
        self.blocks.iter().map(|block| block.cidr)
    }

    /// All IPv6 blocks.
    pub fn ipv6_cidrs(&self) -> impl Iterator<Item = Ipv6Block> + '_ {
        self.ipv6_blocks.iter().map(|row| row.block)
    }
}

/// A CIDR block of a VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CidrBlock {
    /// The id of its association.
    pub association: CidrAssociationId,
    /// The block, host bits off.
    pub cidr: Ipv4Net,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// Its id.
    pub id: SubnetId,
    /// Its VPC.
    pub vpc: VpcId,
    /// Who owns it.
    pub owner: AccountId,
    /// Where it is.
    pub region: Region,
    /// Its block; an IPv6-only subnet has none, and no interface either.
    pub cidr: Option<Ipv4Net>,
    /// Its IPv6 block.
    #[serde(default)]
    pub ipv6_block: Option<SubnetIpv6Block>,
    /// The letter of its zone in the Region.
    pub zone: char,
    /// Whether it is the zone's default subnet.
    pub is_default: bool,
    /// `mapPublicIpOnLaunch`.
    pub map_public_ip: bool,
    /// `enableResourceNameDnsARecord`: instances would have names by their ids. None is launched while it is on.
    #[serde(default)]
    pub resource_names: bool,
    /// Its tags.
    pub tags: Tags,
}

impl Subnet {
    /// The router's address: base+1.
    #[must_use]
    pub fn router(&self) -> Option<Ipv4Addr> {
        self.nth(1)
    }

    /// The resolver's address: base+2.
    #[must_use]
    pub fn resolver(&self) -> Option<Ipv4Addr> {
        self.nth(2)
    }

    fn nth(&self, place: u32) -> Option<Ipv4Addr> {
        let base = u32::from(self.cidr?.network());
        Some(Ipv4Addr::from(base + place))
    }
}

/// A route table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTable {
    /// Its id.
    pub id: RouteTableId,
    /// Its VPC.
    pub vpc: VpcId,
    /// Who owns it.
    pub owner: AccountId,
    /// Where it is.
    pub region: Region,
    /// Its number in the kernel: unique in the network.
    pub index: u32,
    /// Its routes besides the local ones, by destination. Local routes are the VPC's blocks: they are derived.
    pub routes: BTreeMap<Ipv4Net, RouteTarget>,
    /// Its routes to prefix lists: one for each of a list's entries, as it is now.
    #[serde(default)]
    pub list_routes: BTreeMap<PrefixListId, RouteTarget>,
    /// Its IPv6 routes besides the local ones: shown, and followed by no packet.
    #[serde(default)]
    pub ipv6_routes: BTreeMap<Ipv6Block, RouteTarget>,
    /// With what it is associated.
    pub associations: BTreeMap<RouteTableAssociationId, RouteTableUse>,
    /// Its tags.
    pub tags: Tags,
}

/// What uses a route table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouteTableUse {
    /// The VPC, as its main table.
    Main,
    /// A subnet, explicitly.
    Subnet(SubnetId),
}

/// Where a route leads. Whether it is `active` or `blackhole` is derived from the target's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouteTarget {
    /// A peering connection.
    Peering(PeeringId),
    /// An internet gateway.
    InternetGateway(InternetGatewayId),
    /// A network interface.
    Interface(InterfaceId),
    /// A gateway endpoint, which leads nowhere: the service is not on this machine.
    GatewayEndpoint(EndpointId),
}

/// An internet gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InternetGateway {
    /// Its id.
    pub id: InternetGatewayId,
    /// Who owns it.
    pub owner: AccountId,
    /// Where it is.
    pub region: Region,
    /// The VPC that it is attached to.
    pub vpc: Option<VpcId>,
    /// Its tags.
    pub tags: Tags,
}
