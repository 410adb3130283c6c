//! Network interfaces and instances.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Tags;
use crate::id::*;

/// A network interface (ENI).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Its id.
    pub id: InterfaceId,
    /// Its VPC.
    pub vpc: VpcId,
    /// Its subnet.
    pub subnet: SubnetId,
    /// Who owns it.
    pub owner: AccountId,
    /// Where it is.
    pub region: Region,
    /// Its number in the kernel (link name, MAC): unique in the network, see [`crate::Network::next_link`].
    pub index: u32,
    /// Its address in the subnet.
    pub address: Ipv4Addr,
    /// Further addresses in the subnet. Only interfaces that nothing holds have any: here nothing takes such an interface.
    #[serde(default)]
    pub secondary: BTreeSet<Ipv4Addr>,
    /// Its public address, if it has one: given at launch, or an Elastic IP.
    pub public_ip: Option<Ipv4Addr>,
    /// Whether its launch gave it a public address: then it gets another one when an Elastic IP leaves it.
    #[serde(default)]
    pub auto_public: bool,
    /// Its security groups.
    pub groups: BTreeSet<SecurityGroupId>,
    /// Whether packets with a foreign address are dropped (AWS's source/destination check).
    pub source_dest_check: bool,
    /// What holds it.
    pub holder: Holder,
    /// A description.
    pub description: String,
    /// Its tags.
    pub tags: Tags,
}

impl Interface {
    /// All its addresses, the primary one first.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> + '_ {
        std::iter::once(self.address).chain(self.secondary.iter().copied())
    }
}

/// What holds an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Holder {
    /// Nothing: status `available`.
    None,
    /// An instance.
    Instance {
        /// The instance.
        id: InstanceId,
        /// The attachment's id.
        attachment: AttachmentId,
        /// Which of the instance's interfaces it is; 0 is the primary one.
        device_index: u16,
    },
    /// An interface endpoint.
    Endpoint(EndpointId),
    /// A load balancer's node in the subnet's zone, by the load balancer's ARN.
    LoadBalancer(String),
}

/// An instance: a host namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// The launch that made it.
    pub reservation: ReservationId,
    /// Who owns it.
    pub owner: AccountId,
    /// Where it is.
    pub region: Region,
    /// Its image, as asked for.
    pub image: ImageId,
    /// Its type, as asked for.
    pub instance_type: String,
    /// Its key pair's name, as asked for.
    pub key_name: Option<String>,
    /// Its state.
    pub state: InstanceState,
    /// When it was launched.
    pub launched_at: Timestamp,
    /// When it ended, so that it is shown for an hour more.
    pub ended_at: Option<Timestamp>,
    /// The client token of its launch.
    pub client_token: Option<String>,
    /// Its place in its launch.
    pub launch_index: u32,
    /// Its tags.
    pub tags: Tags,
}

/// An instance's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum InstanceState {
    /// It runs (its namespace is there).
    Running,
    /// It ended; its interfaces are gone.
    Terminated,
}
