//! The resolver: one process that answers DNS in every network. It opens its sockets once, inside each namespace, and
//! swaps the names whole. It outlives the server. What the cloud does not know it asks the machine's own resolver, but for
//! questions from networks without a way out: those are refused at once, so that they leak nothing.

mod answer;
mod cloud;
mod listeners;
#[cfg(test)]
mod tests;
mod upstream;
mod view;
mod zone;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use serde::{Deserialize, Serialize};
use strait_kernel::Kernel;
use strait_vpc::Names;

use crate::agent::{self, AgentKind, Duty};
use crate::error::LocalError;
use listeners::Listeners;
use view::View;

/// The whole of what the resolver must answer, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolverState {
    /// The zone that it answers for: a name in it that has no record does not exist.
    pub domain: String,
    /// Where it listens.
    pub listeners: BTreeSet<Listener>,
    /// The names that every network is answered, as full names without the last dot.
    pub records: BTreeMap<String, BTreeSet<Ipv4Addr>>,
    /// The names of the cloud.
    pub names: Names,
    /// The file that names the machine's own resolvers, such as `/etc/resolv.conf`; empty for none.
    pub resolv_conf: PathBuf,
}

/// An address in a namespace where the resolver listens (UDP and TCP, port 53).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listener {
    /// The namespace's name in the kernel's picture.
    pub namespace: String,
    /// The address, which the namespace must have.
    pub address: Ipv4Addr,
}

/// What came of a state. The names are in force in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolverAnswer {
    /// Listeners that could not be opened. Sending the state again tries them again.
    pub failed: Vec<FailedListener>,
}

/// A listener that could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedListener {
    /// Which.
    pub listener: Listener,
    /// Why.
    pub message: String,
}

/// The resolver's process: `strait agent resolver --run-dir RUN_DIR`. The caller must be in the anchor's user and mount
/// namespaces, as every child of a server is. Returns when it is told to stop.
pub fn run(run_dir: &Path) -> Result<(), LocalError> {
    agent::settle();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(LocalError::system("start a runtime for", run_dir))?;
    let kernel = Arc::new(Kernel::open(run_dir)?);
    let view = Arc::new(RwLock::new(Arc::new(View::default())));
    let duty = Resolver {
        listeners: Listeners::new(kernel, view.clone()),
        view,
    };
    runtime.block_on(agent::serve(AgentKind::Resolver, run_dir, duty))
}

/// The names in force, shared by all listeners.
type Shared = Arc<RwLock<Arc<View>>>;

struct Resolver {
    view: Shared,
    listeners: Listeners,
}

impl Duty for Resolver {
    type State = ResolverState;
    type Answer = ResolverAnswer;

    async fn apply(&mut self, state: ResolverState) -> Result<ResolverAnswer, LocalError> {
        let fresh = Arc::new(View::new(&state)?);
        // Names first: a new listener must not answer from the view before.
        view::swap(&self.view, fresh);
        let failed = self.listeners.set(state.listeners).await;
        Ok(ResolverAnswer { failed })
    }
}
