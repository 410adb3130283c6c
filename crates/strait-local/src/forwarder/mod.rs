//! The forwarder: one process in the host's network namespace that passes bytes from ports of 127.0.0.1 to services'
//! public addresses, which exist in the `internet` namespace only. It outlives the server.

mod flows;
mod ports;

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strait_kernel::Kernel;

use crate::agent::{self, AgentKind, Duty};
use crate::error::LocalError;
use flows::Connector;
use ports::Ports;

/// The namespace from which the public addresses are reached.
pub const INTERNET: &str = "internet";

/// The whole of what the forwarder must do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwarderState {
    /// By service.
    pub services: BTreeMap<String, Forwarded>,
}

/// A service that a loopback port leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forwarded {
    /// The public address.
    pub to: SocketAddrV4,
    /// The port of 127.0.0.1 that it had before; none for a new service.
    pub port: Option<u16>,
    /// Whether new connections are taken. If not, they get a TCP reset and open ones go on; taking the whole service out
    /// of the state ends those too.
    pub accept: bool,
}

/// What came of a state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwarderAnswer {
    /// By service that accepts.
    pub services: BTreeMap<String, Assigned>,
}

/// The port that leads to a service: remember it, and ask for it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Assigned {
    /// The port that was asked for, or a free one for a new service.
    Port(u16),
    /// Another program holds the port that was asked for, so another one was chosen.
    Moved {
        /// The port that leads to the service now.
        port: u16,
        /// What happened, for people.
        message: String,
    },
    /// There is none.
    Failed(String),
}

impl Assigned {
    /// The port, if there is one.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Port(port) | Self::Moved { port, .. } => Some(*port),
            Self::Failed(_) => None,
        }
    }
}

/// The forwarder's process: `strait agent forwarder --run-dir RUN_DIR`. The caller must be in the anchor's user and mount
/// namespaces and in the host's network namespace, as every child of a server is. Returns when it is told to stop.
pub fn run(run_dir: &Path) -> Result<(), LocalError> {
    agent::settle();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(LocalError::system("start a runtime for", run_dir))?;
    let kernel = Kernel::open(run_dir)?;
    let connector: Connector = Arc::new(move || {
        kernel
            .inside(INTERNET, flows::socket)
            .map_err(std::io::Error::other)?
    });
    let duty = Forwarder {
        ports: Ports::new(connector),
    };
    runtime.block_on(agent::serve(AgentKind::Forwarder, run_dir, duty))
}

struct Forwarder {
    ports: Ports,
}

impl Duty for Forwarder {
    type State = ForwarderState;
    type Answer = ForwarderAnswer;

    async fn apply(&mut self, state: ForwarderState) -> Result<ForwarderAnswer, LocalError> {
        let services = self.ports.set(state.services).await;
        Ok(ForwarderAnswer { services })
    }
}
