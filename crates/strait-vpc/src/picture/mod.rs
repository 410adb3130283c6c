//! What the kernel must look like. No AWS in it: namespaces, interfaces, tables, boxes. Sorted and deterministic.
//!
//! Every veth end has the next hop [`GATEWAY`] as a permanent neighbour, with the other end's MAC: no ARP, ever.

mod boxes;
mod compile;
mod redraw;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

pub use boxes::{disjoint, subtract};
pub use compile::{picture, plug, router_link};
pub use redraw::{Redrawn, redraw};

/// The next hop that stands for "the other end of this veth pair", on every link.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(169, 254, 0, 1);

/// The whole of what the kernel must look like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// Router namespaces by name: a VPC each.
    pub routers: BTreeMap<String, Router>,
    /// Host namespaces by name: instances, nodes (endpoints, load balancers), `internet`.
    pub hosts: BTreeMap<String, Host>,
    /// Veth pairs between two hosts, by name.
    pub wires: BTreeMap<String, Wire>,
}

/// A router: routes and filters between its interfaces and peers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Router {
    /// Addresses that answer echo requests from own interfaces: each subnet's base+1.
    pub addresses: BTreeSet<Ipv4Addr>,
    /// Addresses that answer DNS (UDP and TCP 53) from own interfaces: each subnet's base+2, and 169.254.169.253.
    pub resolvers: BTreeSet<Ipv4Addr>,
    /// The router's own ranges. What is in them and is no interface's address is unreachable, whatever a table says.
    pub ranges: BTreeSet<Ipv4Net>,
    /// Interfaces by the router's link name, such as `e1f` (at most 15 characters).
    pub interfaces: BTreeMap<String, Interface>,
    /// Route tables by number (1000 and up), without the router's own ranges.
    pub tables: BTreeMap<u32, BTreeMap<Ipv4Net, Target>>,
    /// Peers by the router's link name, such as `p3`.
    pub peers: BTreeMap<String, Peer>,
    /// The way to the internet, while something here has a public address.
    pub uplink: Option<Uplink>,
    /// Groups by id: what their rules allow. Only groups that an interface here has.
    pub groups: BTreeMap<String, Group>,
    /// Sets of members that rules refer to, by group id: an address, and the link that it comes in by.
    pub members: BTreeMap<String, BTreeSet<Member>>,
    /// Network ACLs by id.
    pub acls: BTreeMap<String, Acl>,
}

/// An interface of a router: a veth pair to its holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// The host that holds the other end.
    pub host: String,
    /// The link's name at the host, such as `eth0`.
    pub host_link: String,
    /// The interface's address, a `/32` at the host.
    pub address: Ipv4Addr,
    /// The MAC of the host's end.
    pub host_mac: Mac,
    /// The MAC of the router's end.
    pub router_mac: Mac,
    /// The interface's subnet: packets between two interfaces of one subnet skip the ACLs.
    pub subnet: Ipv4Net,
    /// The number of the route table that its packets use.
    pub table: u32,
    /// Its groups, by id. Empty: every packet is allowed (a load balancer without groups).
    pub groups: BTreeSet<String>,
    /// Its subnet's ACL, by id.
    pub acl: String,
    /// Whether a packet whose source is not the interface's address is dropped.
    pub source_check: bool,
}

/// A MAC address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mac(pub [u8; 6]);

/// Where a route leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// Over a peer's link, by its name.
    Peer(String),
    /// To an interface, by its name.
    Interface(String),
    /// To the internet, by the router's [`Uplink`].
    Uplink,
    /// Nowhere: a blackhole, which still wins over shorter prefixes.
    Blackhole,
}

/// The end of a peering at this router: a veth pair to the other router.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// The other router.
    pub router: String,
    /// The link's name at the other router.
    pub link: String,
    /// The MAC of this end.
    pub mac: Mac,
    /// The MAC of the other end.
    pub remote_mac: Mac,
    /// Source addresses that may come in by it: the peer's ranges.
    pub sources: BTreeSet<Ipv4Net>,
}

/// A router's way to the internet: a veth pair to the host of its gateway ([`HostKind::Gateway`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uplink {
    /// The gateway's host.
    pub host: String,
    /// The MAC of this end.
    pub mac: Mac,
    /// The MAC of the gateway's end.
    pub remote_mac: Mac,
    /// Source addresses that may come in by it: the internet's.
    pub sources: BTreeSet<Ipv4Net>,
}

/// The link's name of an [`Uplink`] at the router.
pub const UPLINK: &str = "igw";

/// The link's name of an [`Uplink`] at the gateway.
pub const DOWNLINK: &str = "vpc";

/// What a group's rules allow, as disjoint boxes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// To its members.
    pub ingress: Rules,
    /// From its members.
    pub egress: Rules,
}

/// Rules of one direction. Anything that no box and no reference matches is dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// By the far side's address, protocol and destination port; disjoint.
    pub boxes: BTreeSet<PortBox>,
    /// ICMP by the far side's address, type and code; disjoint.
    pub icmp: BTreeSet<IcmpBox>,
    /// By membership of the far side in a group (see [`Router::members`]).
    pub references: BTreeMap<String, References>,
}

/// What members of one group may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct References {
    /// Protocols and ports; disjoint; the addresses in them are all addresses.
    pub boxes: BTreeSet<PortBox>,
    /// ICMP types and codes; disjoint; the addresses in them are all addresses.
    pub icmp: BTreeSet<IcmpBox>,
}

/// A box of packets: addresses × protocols × destination ports, all ends in it. A protocol without ports has 0 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PortBox {
    /// The far side's addresses.
    pub addresses: (Ipv4Addr, Ipv4Addr),
    /// IP protocol numbers.
    pub protocols: (u8, u8),
    /// Destination ports.
    pub ports: (u16, u16),
}

/// A box of ICMP packets: addresses × types × codes, all ends in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IcmpBox {
    /// The far side's addresses.
    pub addresses: (Ipv4Addr, Ipv4Addr),
    /// ICMP types.
    pub types: (u8, u8),
    /// ICMP codes.
    pub codes: (u8, u8),
}

/// A member of a group: packets from it come in by this link with this address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// The link's name at this router: an interface's or a peer's.
    pub link: String,
    /// The address.
    pub address: Ipv4Addr,
}

/// A network ACL: entries by number, first match decides, no match drops.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl {
    /// Into the subnet: the far side is the source.
    pub ingress: Vec<AclRule>,
    /// Out of the subnet: the far side is the destination.
    pub egress: Vec<AclRule>,
}

/// One entry of an ACL, in the order of their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclRule {
    /// Pass or drop.
    pub allow: bool,
    /// What it matches.
    pub matches: AclMatch,
}

/// What an ACL entry matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AclMatch {
    /// Addresses, protocols, ports.
    Ports(PortBox),
    /// Addresses, ICMP types and codes.
    Icmp(IcmpBox),
}

/// A host namespace: it holds interfaces and ends of wires.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// What it is for.
    pub kind: HostKind,
    /// Addresses of its own on `lo`, such as the internet's resolver and Strait's endpoints.
    pub addresses: BTreeSet<Ipv4Addr>,
    /// What it forwards with NAT: a node's listeners. Everything else that is not for itself is dropped.
    pub forwards: BTreeMap<Listen, BTreeSet<Forward>>,
    /// On what terms it forwards, where they are not the usual ones.
    pub terms: BTreeMap<Listen, Terms>,
    /// The public address of each private one, one to one: what a gateway translates. Everything else is dropped there.
    pub translations: BTreeMap<Ipv4Addr, Ipv4Addr>,
    /// A node's links to other networks: endpoints that lead to it.
    pub entrances: BTreeMap<String, Entrance>,
}

/// A link of a node by which clients of another network come in. Their addresses may be anyone's here, so that what comes in
/// by it is tracked apart and answered by it, and none of its addresses is one of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entrance {
    /// What tells it from the node's other entrances, as long as it is there.
    pub number: u16,
    /// The address that clients connect to.
    pub address: Ipv4Addr,
}

/// On what terms a node forwards. The usual ones: from any source, to targets in turn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Sources that may connect, as disjoint ranges with both ends in them; what comes from others is dropped. `None`: all.
    pub sources: Option<BTreeSet<(Ipv4Addr, Ipv4Addr)>>,
    /// Whether all connections of one source go to one target.
    pub sticky: bool,
}

/// What a host namespace is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostKind {
    /// Commands run in it: it has a user namespace of its own, so that its root rules nothing else.
    #[default]
    Machine,
    /// An endpoint or a load balancer's node: nothing runs in it, it only forwards by its `forwards`.
    Node,
    /// An internet gateway: nothing runs in it, it only translates between its router and the internet.
    Gateway,
    /// The internet: commands run in it, and it forwards plainly between its wires.
    Internet,
}

/// Where a node takes connections: a link of it and a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listen {
    /// The link's name in the host's namespace.
    pub link: String,
    /// The protocol.
    pub transport: Transport,
    /// The port.
    pub port: u16,
}

/// A protocol with ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// Where a node sends connections: to an address and port, out by a link, from the node's own address on that link.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Forward {
    /// The target.
    pub to: SocketAddrV4,
    /// The link's name in the host's namespace.
    pub link: String,
    /// The source address that the target sees.
    pub from: Ipv4Addr,
}

/// A veth pair between two hosts, past all routers: what may pass is for the hosts to say. Each end has a route to the other end's address, if that has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wire {
    /// One end.
    pub a: WireEnd,
    /// The other end.
    pub b: WireEnd,
}

/// An end of a wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireEnd {
    /// The host.
    pub host: String,
    /// The link's name in the host's namespace.
    pub link: String,
    /// Its address, a `/32`; a gateway's has none.
    pub address: Option<Ipv4Addr>,
    /// Its MAC.
    pub mac: Mac,
    /// What goes out by it besides the other end's address.
    pub routes: BTreeSet<Ipv4Net>,
}
