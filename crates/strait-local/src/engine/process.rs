//! PostgreSQL's processes: started in a sandbox that sees one data folder, recorded, found again, stopped.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
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

/// Starts a program as PostgreSQL's identity. `show` is (file or folder, where it is shown, from [`SHOWN`] on); of the
/// rest of the data folder nothing is visible.
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
        cwd: PathBuf::from("/"),
        user: LaunchUser::Unprivileged,
        sandbox: Sandbox {
            hide: vec![hidden.to_owned()],
            binds: (show.iter())
                .map(|(source, target)| ((*source).to_owned(), Path::new(SHOWN).join(target)))
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
    let record = Record {
        process: *process,
        boot: boot()?,
    };
    let text = serde_json::to_vec(&record).map_err(LocalError::Json)?;
    write_file(path, &text, 0o600)
}

/// The noted process, if it runs. A record that cannot be read is as good as none: then a start decides.
pub(super) fn recorded(path: &Path) -> Option<Process> {
    let record: Record = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    let same_boot = boot().is_ok_and(|boot| boot == record.boot);
    (same_boot && record.process.alive()).then_some(record.process)
}

/// The postmaster that runs in a host, whether it was noted or not: a server can be killed between the two.
pub(super) fn in_host(kernel: &Kernel, host: &str) -> Option<Process> {
    (kernel.processes(host).into_iter()).find(|process| leads_to_postmaster(process.pid))
}

/// The process with this number.
pub(super) fn numbered(pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let start_time = after_name.split_whitespace().nth(19)?.parse().ok()?;
    Some(Process { pid, start_time })
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
        tracing::warn!(
            id,
            pid = process.pid,
            ?signal,
            "PostgreSQL takes its time to end"
        );
    }
    Err(LocalError::DoesNotEnd {
        id: id.to_owned(),
        pid: process.pid,
    })
}

/// A sandbox has a first process of its own, and the postmaster is its child.
fn leads_to_postmaster(pid: u32) -> bool {
    let children =
        fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    children.split_whitespace().any(|child| {
        let command = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
        let mut words = command.split(|byte| *byte == 0);
        words.any(|word| word.starts_with(SHOWN.as_bytes()))
    })
}

#[derive(Serialize, Deserialize)]
struct Record {
    process: Process,
    /// The boot in which it started: numbers and times begin anew in the next.
    boot: String,
}

fn boot() -> Result<String, LocalError> {
    let path = Path::new("/proc/sys/kernel/random/boot_id");
    let id = fs::read_to_string(path).map_err(LocalError::system("read", path))?;
    Ok(id.trim().to_owned())
}

fn environment() -> BTreeMap<String, String> {
    [
        (
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ),
        ("LANG", "C.UTF-8"),
        ("HOME", "/tmp"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_names_the_process_until_it_ends_and_not_after_a_reboot() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("process.json");
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .expect("sleep runs");
        let process = numbered(child.id()).expect("it runs");
        record(&path, &process).expect("recorded");
        assert_eq!(recorded(&path), Some(process));
        let before_reboot = Record {
            process,
            boot: "another".to_owned(),
        };
        fs::write(&path, serde_json::to_vec(&before_reboot).expect("JSON")).expect("written");
        assert_eq!(recorded(&path), None);
        record(&path, &process).expect("recorded");
        child.kill().expect("the end");
        child.wait().expect("its status");
        assert_eq!(recorded(&path), None);
    }
}
