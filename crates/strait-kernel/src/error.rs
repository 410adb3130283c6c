//! What can go wrong, why, and what to do about it.

use std::io;
use std::path::PathBuf;

/// Why the kernel could not be brought to what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// No anchor runs for this folder.
    #[error("no network runs in {}: start it with `strait up`", run_dir.display())]
    NoAnchor {
        /// The folder of its record.
        run_dir: PathBuf,
    },
    /// An anchor runs already.
    #[error("a network runs in {} already (process {pid}): stop it with `strait down` first", run_dir.display())]
    AlreadyRuns {
        /// The folder of its record.
        run_dir: PathBuf,
        /// Its init process.
        pid: u32,
    },
    /// The calling process has not joined the anchor.
    #[error("this process has not joined the network in {}: call Anchor::join before any thread starts", run_dir.display())]
    NotJoined {
        /// The folder of the anchor's record.
        run_dir: PathBuf,
    },
    /// The record of the anchor cannot be read.
    #[error("{} is not readable as a record of a running network: remove it when nothing runs", path.display())]
    Record {
        /// The record.
        path: PathBuf,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// A call to the system failed.
    #[error("could not {what}: {source}{}", hint(source))]
    System {
        /// What was tried.
        what: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// `nft` is nowhere.
    #[error(
        "there is no `nft` in PATH, /usr/sbin, /sbin or /usr/local/sbin: install nftables (`sudo apt-get install nftables`)"
    )]
    NoNft,
    /// `nft` refused a ruleset.
    #[error(
        "nft refused the rules of {namespace}: {message}. This is a bug of Strait: please report it with this message"
    )]
    Nft {
        /// The namespace.
        namespace: String,
        /// What nft wrote.
        message: String,
    },
    /// There is no such router or host.
    #[error("there is no router or host {name} in the network: apply a picture that has it first")]
    NoNamespace {
        /// Its name.
        name: String,
    },
    /// The picture contradicts itself.
    #[error(
        "the picture of {name} cannot be made true: {why}. This is a bug of Strait: please report it with this message"
    )]
    Picture {
        /// The router, host or wire.
        name: String,
        /// The contradiction.
        why: String,
    },
    /// A process cannot be described like this.
    #[error("the command cannot be started: {why}")]
    Launch {
        /// What is wrong with it.
        why: String,
    },
}

impl KernelError {
    /// For `map_err`: names what was tried.
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::System { what, source }
    }
}

fn hint(source: &io::Error) -> &'static str {
    match source.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            " (`strait doctor` says whether this machine forbids it)"
        }
        Some(libc::ENOSPC) => {
            " (a limit of the machine is reached: see /proc/sys/user/max_*_namespaces)"
        }
        Some(libc::EMFILE | libc::ENFILE) => " (raise the limit of open files with `ulimit -n`)",
        Some(_) | None => "",
    }
}
