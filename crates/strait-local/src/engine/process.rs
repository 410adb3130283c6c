//! PostgreSQL's processes: started in a sandbox that sees one data folder, recorded, found again, stopped.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use strait_kernel::{Kernel, Launch, LaunchUser, Process, Sandbox, Signal};

use super::folder;
use super::installation::Installation;
use crate::ca::write_file;
use crate::error::LocalError;

/// Where the sandbox shows the folder that PostgreSQL works on: short, and open to every identity whatever is above the
/// real one.
pub(super) const SHOWN: &str = "/run/strait";

const FAST: Duration = Duration::from_secs(30);
const IMMEDIATE: Duration = Duration::from_secs(5);
const KILLED: Duration = Duration::from_secs(5);

/// Where a process is started.
pub(super) enum Place<'a> {
    /// In a host's namespaces.
    Host(&'a str),
    /// In the caller's own network namespace.
    Here,
}

/// Starts a program as PostgreSQL's identity. `show` is (folder, name below [`SHOWN`]); of the rest of the data folder
/// nothing is visible.
pub(super) fn launch(
    kernel: &Kernel,
    place: &Place<'_>,
    hidden: &Path,
    show: &[(&Path, &str)],
    argv: Vec<String>,
    log: &Path,
) -> Result<Process, LocalError> {
    let launch = Launch {
        argv,
        env: environment(),
        cwd: Some(PathBuf::from("/")),
        user: LaunchUser::Unprivileged,
        sandbox: Sandbox {
            hide: vec![hidden.to_owned()],
            binds: (show.iter())
                .map(|(folder, name)| ((*folder).to_owned(), Path::new(SHOWN).join(name)))
                .collect(),
            ..Sandbox::default()
        },
        log: Some(log.to_owned()),
    };
    let started = match place {
        Place::Host(host) => kernel.spawn(host, &launch)?,
        Place::Here => kernel.spawn_here(&launch)?,
    };
    Ok(started)
}

/// The command line of a postmaster whose data folder is shown as `data`.
pub(super) fn postmaster(installation: &Installation) -> Vec<String> {
    vec![
        installation.program("postgres").display().to_string(),
        "-D".to_owned(),
        format!("{SHOWN}/data"),
    ]
}

/// Notes a process, so that the next server finds it.
pub(super) fn record(path: &Path, process: &Process) -> Result<(), LocalError> {
    let text = serde_json::to_vec(process).map_err(LocalError::Json)?;
    write_file(path, &text, 0o600)
}

/// The noted process, if it runs. A record that cannot be read is as good as none: then a start decides.
pub(super) fn recorded(path: &Path) -> Option<Process> {
    let process: Process = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    process.alive().then_some(process)
}

/// Stops a postmaster: fast, then immediately, then by force. Blocks until it is gone.
pub(super) fn stop(id: &str, process: &Process, record: &Path) -> Result<(), LocalError> {
    let steps = [
        (Signal::Interrupt, FAST),
        (Signal::Quit, IMMEDIATE),
        (Signal::Kill, KILLED),
    ];
    for (signal, patience) in steps {
        process.signal(signal)?;
        if process.wait(patience)? {
            return folder::remove_file(record);
        }
        tracing::warn!(id, pid = process.pid, ?signal, "PostgreSQL takes its time to end");
    }
    Err(LocalError::DoesNotEnd {
        id: id.to_owned(),
        pid: process.pid,
    })
}

fn environment() -> Vec<(String, String)> {
    [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("LANG", "C.UTF-8"),
        ("HOME", "/tmp"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}
