//! What a server that has joined the anchor does with the kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use strait_vpc::picture::{Listen, Picture, Redrawn};

use crate::apply::{self, Changes, Kept};
use crate::conntrack::{self, Forwarded};
use crate::error::KernelError;
use crate::nft;
use crate::plan::{self, Name, Space};
use crate::process::Process;
use crate::ruleset;
use crate::sandbox::{self, Launch};
use crate::sockets::{self, Connection};
use crate::space::Spaces;

/// Makes pictures true. Used by a process that has joined the anchor, which may have many threads by now.
#[derive(Debug)]
pub struct Kernel {
    run_dir: PathBuf,
    pub(crate) spaces: Spaces,
    pub(crate) nft: PathBuf,
    state: Mutex<State>,
}

/// What this process knows to be so.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Namespaces as they were last made. One that is not in it is looked at before it is changed.
    pub(crate) applied: BTreeMap<Name, Space>,
    pub(crate) kept: Kept,
    /// What was asked for last, and whether it was made true.
    picture: Picture,
    is_true: bool,
    refused: BTreeMap<String, BTreeSet<Listen>>,
}

impl Kernel {
    /// Opens the network of a folder whose anchor this process has joined.
    pub fn open(run_dir: &Path) -> Result<Self, KernelError> {
        let run_dir = run_dir
            .canonicalize()
            .map_err(KernelError::system(format!("find {}", run_dir.display())))?;
        let spaces = Spaces::open(&run_dir)?;
        Ok(Self {
            run_dir,
            spaces,
            nft: nft::find()?,
            state: Mutex::default(),
        })
    }

    /// Makes a picture true: adopts what is there, changes what differs, removes the rest. Blocks; can be repeated.
    pub fn apply(&self, picture: &Picture) -> Result<Changes, KernelError> {
        let mut state = self.lock();
        state.picture = picture.clone();
        self.apply_all(&mut state)
    }

    /// Makes true what is different in a picture; all else is as the last call asked. Blocks. If it fails, the next call
    /// looks at everything.
    pub fn change(&self, redrawn: Redrawn) -> Result<Changes, KernelError> {
        let mut state = self.lock();
        let mut names = plan::touched(&state.picture, &redrawn);
        let parts = redrawn.clone();
        redrawn.apply_to(&mut state.picture);
        if !state.is_true {
            return self.apply_all(&mut state);
        }
        names.extend(plan::touched(&state.picture, &parts));
        state.is_true = false;
        for name in names.iter().map(Name::plain) {
            if !state.picture.hosts.contains_key(name) {
                state.refused.remove(name);
            }
        }
        let plan = plan::part(&state.picture, &state.refused, &names)?;
        let changes = apply::apply_part(self, &mut state, &plan, &names)?;
        state.is_true = true;
        Ok(changes)
    }

    /// Runs something on a thread of its own inside a router's or host's network namespace. The thread ends there.
    pub fn inside<T: Send>(
        &self,
        name: &str,
        work: impl FnOnce() -> T + Send,
    ) -> Result<T, KernelError> {
        self.spaces.inside(&self.spaces.find(name)?, work)
    }

    /// Starts a process in a host. It goes on without this one, and ends with the host.
    pub fn spawn(&self, host: &str, launch: &Launch) -> Result<Process, KernelError> {
        sandbox::spawn(&self.run_dir, &self.spaces, host, launch)
    }

    /// Starts a process that stays in the caller's network, for Strait's own database. It goes on without this one, and
    /// ends with the anchor.
    pub fn spawn_here(&self, launch: &Launch) -> Result<Process, KernelError> {
        sandbox::spawn_here(&self.run_dir, &self.spaces, launch)
    }

    /// The processes that were started in a host and run still, also by servers before this one.
    pub fn processes(&self, host: &str) -> Vec<Process> {
        let mut processes = self.spaces.processes(&Name::Host(host.to_owned()));
        processes.retain(Process::alive);
        processes
    }

    /// The host that a process was started in.
    pub fn host_of(&self, process: &Process) -> Option<String> {
        let names = self.spaces.list().ok()?.into_keys();
        let of_it = |name: &Name| self.spaces.processes(name).contains(process);
        names
            .filter(|name| matches!(name, Name::Host(_)))
            .find(of_it)
            .map(|name| name.plain().to_owned())
    }

    /// Ends the tracked connections of an address in a router or host: nothing more of them passes.
    pub fn cut(&self, name: &str, address: Ipv4Addr) -> Result<(), KernelError> {
        let cut = self.inside(name, || conntrack::cut(|end, _| end == address))?;
        cut.map_err(KernelError::system(format!(
            "end the connections of {address} in {name}"
        )))?;
        Ok(())
    }

    /// Ends the connections that a node forwards to a target, and no others. Each end is told when it next sends.
    pub fn cut_target(&self, node: &str, target: SocketAddrV4) -> Result<(), KernelError> {
        let cut = self.inside(node, || conntrack::cut_to(target))?;
        cut.map_err(KernelError::system(format!(
            "end the connections to {target} in {node}"
        )))?;
        Ok(())
    }

    /// The connections that a node forwards to a target, with whose they are.
    pub fn forwarded(
        &self,
        node: &str,
        target: SocketAddrV4,
    ) -> Result<Vec<Forwarded>, KernelError> {
        let found = self.inside(node, || conntrack::forwarded_to(target))?;
        found.map_err(KernelError::system(format!(
            "look at the connections to {target} in {node}"
        )))
    }

    /// Ends the connections that a node forwards to a target, of those clients that `doomed` names. Each end is told when
    /// it next sends.
    pub fn cut_clients(
        &self,
        node: &str,
        target: SocketAddrV4,
        doomed: impl Fn(Ipv4Addr) -> bool + Send,
    ) -> Result<usize, KernelError> {
        let cut = self.inside(node, || conntrack::cut_clients(target, doomed))?;
        cut.map_err(KernelError::system(format!(
            "end connections to {target} in {node}"
        )))
    }

    /// The connections that a server in a host has from these addresses on its port, accepted or not.
    pub fn connections(
        &self,
        host: &str,
        port: u16,
        from: &BTreeSet<Ipv4Addr>,
    ) -> Result<BTreeSet<Connection>, KernelError> {
        let found = self.inside(host, || sockets::to(port, from))?;
        found.map_err(KernelError::system(format!(
            "list the connections of {host}"
        )))
    }

    /// Ends connections of a host, each with a TCP reset to both ends. Those that are gone are none.
    pub fn reset(&self, host: &str, connections: &BTreeSet<Connection>) -> Result<(), KernelError> {
        let reset = self.inside(host, || connections.iter().try_for_each(sockets::reset))?;
        reset.map_err(KernelError::system(format!("end connections of {host}")))
    }

    /// Makes a host's listener refuse new connections with a TCP reset, or take them again. Connections that there are
    /// go on.
    pub fn refuse(&self, host: &str, listen: &Listen, on: bool) -> Result<(), KernelError> {
        let mut state = self.lock();
        let State {
            applied,
            kept,
            picture,
            refused,
            ..
        } = &mut *state;
        let name = Name::Host(host.to_owned());
        let (Some(description), Some(space)) = (picture.hosts.get(host), applied.get_mut(&name))
        else {
            return Err(KernelError::NoNamespace {
                name: host.to_owned(),
            });
        };
        let listeners = refused.entry(host.to_owned()).or_default();
        let changed = if on {
            listeners.insert(listen.clone())
        } else {
            listeners.remove(listen)
        };
        if !changed {
            return Ok(());
        }
        let text = ruleset::host(host, description, &ruleset::wires(picture, host), listeners)?;
        if let Err(error) = apply::edit_rules(self, kept, &name, &space.ruleset, &text) {
            // What is there is not known now.
            applied.remove(&name);
            state.is_true = false;
            return Err(error);
        }
        space.ruleset = text;
        Ok(())
    }

    fn apply_all(&self, state: &mut State) -> Result<Changes, KernelError> {
        state.is_true = false;
        let State {
            picture, refused, ..
        } = &mut *state;
        refused.retain(|host, _| picture.hosts.contains_key(host));
        let plan = plan::plan(picture, refused)?;
        let changes = apply::apply(self, state, &plan)?;
        state.is_true = true;
        Ok(changes)
    }

    /// A panic elsewhere leaves at worst a namespace out of `applied`, which is then looked at again.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
