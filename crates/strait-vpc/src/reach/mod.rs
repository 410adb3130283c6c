//! Walks one packet through a network, and says where and why it stops.
//!
//! The walk goes leg by leg: from an interface to the interface that has the address, and from an endpoint or a load
//! balancer on to the target. It knows the network, not what runs in it: whether a program listens at the end is not
//! its question.

#[cfg(test)]
mod agreement;
mod filter;
mod fix;
mod internet;
mod leg;
pub(crate) mod lookup;
mod node;
pub(crate) mod prefix;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod target;
#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::id::*;
use crate::state::{Interface, Network};

/// What is asked about: the first packet of a connection, and its answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Flow {
    /// Where it starts.
    pub from: Source,
    /// The address that it is for.
    pub to: Ipv4Addr,
    /// Its protocol.
    pub protocol: Protocol,
}

/// Where a flow starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// At an interface, from its address.
    Interface(InterfaceId),
    /// At the internet's own client, 198.51.100.1.
    Internet,
}

/// A protocol with what rules ask about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Protocol {
    /// TCP to a port.
    Tcp(u16),
    /// UDP to a port.
    Udp(u16),
    /// An echo request (ping).
    Echo,
}

/// What became of the packet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What it met, in order. It stops at the first step that is not `ok`; filters after it are judged all the same,
    /// so that everything there is to mend shows at once, while past a missing way nothing is known.
    pub steps: Vec<Step>,
    /// Whether it arrives and is answered: every step is `ok`.
    pub reached: bool,
}

/// One thing that a packet meets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The id of the thing.
    #[serde(rename = "where")]
    pub place: String,
    /// What it does with the packet, and why.
    pub what: String,
    /// Whether the packet goes on.
    pub ok: bool,
    /// What mends it: a command where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// Walks a packet through the network.
#[must_use]
pub fn reach(network: &Network, flow: &Flow) -> Verdict {
    let mut walk = Walk {
        network,
        steps: Vec::new(),
    };
    match &flow.from {
        Source::Internet => walk.start_at_internet(flow.to, flow.protocol),
        Source::Interface(id) => match network.interfaces.get(id) {
            Some(interface) => walk.start_at_interface(interface, flow.to, flow.protocol),
            None => walk.stop(id, "there is no such interface", None),
        },
    }
    let reached = walk.steps.iter().all(|step| step.ok);
    Verdict {
        steps: walk.steps,
        reached,
    }
}

/// Whether a packet passes all that lies between an interface and an address, whatever it is that sends it.
pub(crate) fn passes(
    network: &Network,
    from: &Interface,
    to: Ipv4Addr,
    protocol: Protocol,
) -> bool {
    let mut walk = Walk {
        network,
        steps: Vec::new(),
    };
    walk.leg(from, to, protocol).is_some() && walk.steps.iter().all(|step| step.ok)
}

/// A walk under way.
struct Walk<'n> {
    network: &'n Network,
    steps: Vec<Step>,
}

impl Walk<'_> {
    /// The packet goes on.
    fn pass(&mut self, place: &(impl ToString + ?Sized), what: impl Into<String>) {
        self.steps.push(Step {
            place: place.to_string(),
            what: what.into(),
            ok: true,
            fix: None,
        });
    }

    /// The packet stops.
    fn stop(
        &mut self,
        place: &(impl ToString + ?Sized),
        what: impl Into<String>,
        fix: Option<String>,
    ) {
        self.steps.push(Step {
            place: place.to_string(),
            what: what.into(),
            ok: false,
            fix,
        });
    }
}

impl std::fmt::Display for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(port) => write!(f, "TCP {port}"),
            Self::Udp(port) => write!(f, "UDP {port}"),
            Self::Echo => f.write_str("echo (ping)"),
        }
    }
}
