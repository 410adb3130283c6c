//! What can go wrong, why, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use strait_kernel::KernelError;
use strait_vpc::AwsError;

/// Why the local cloud could not do it.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The kernel's side failed.
    #[error(transparent)]
    Kernel(#[from] KernelError),

    /// The database failed.
    #[error("Strait's database failed: {0}")]
    Database(#[from] sqlx::Error),

    /// Somebody else writes the same rows.
    #[error(
        "another server has taken over this cloud's state in the store, so this one must not change it: end one of the two (`strait status` shows the one of this data folder)"
    )]
    OtherServer,

    /// A row of a kind that this version does not know.
    #[error(
        "the data folder has an object {kind} {id} that this version of Strait does not know; start the newer version that wrote it"
    )]
    UnknownRow {
        /// Its kind.
        kind: String,
        /// Its id.
        id: String,
    },

    /// A row that cannot be read or written.
    #[error("the object {kind} {id} in the data folder cannot be read or written: {source}")]
    BadRow {
        /// Its kind.
        kind: String,
        /// Its id.
        id: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },

    /// A call was refused by AWS's rules, or failed inside.
    #[error(transparent)]
    Aws(#[from] AwsError),

    /// A record could not be written as JSON.
    #[error("a record could not be written as JSON: {0}")]
    Json(#[source] serde_json::Error),

    /// The resolver cannot listen where a network asks it.
    #[error(
        "the resolver cannot listen at {address} in {namespace}: {message}; `strait down` and `strait up` make the network anew"
    )]
    Deaf {
        /// The network's namespace.
        namespace: String,
        /// The address.
        address: std::net::Ipv4Addr,
        /// The system's answer.
        message: String,
    },

    /// A task ended before it was done, as at shutdown.
    #[error("interrupted before it was done; try again")]
    Interrupted,

    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },

    /// A file, folder, socket or program could not be used.
    #[error("cannot {doing} {}: {source}", path.display())]
    System {
        /// What was tried, such as `write`.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },

    /// The path of a Unix socket does not fit into the kernel's structure.
    #[error(
        "the path of the socket {} has {} bytes, and Linux allows 107: choose a data folder with a shorter path (--data-dir)",
        path.display(), path.as_os_str().len()
    )]
    SocketPath {
        /// The path that is too long.
        path: PathBuf,
    },

    /// Another process of the same kind runs on the same folder.
    #[error("another {name} already runs on {}: stop it with `strait down`", run_dir.display())]
    AgentRuns {
        /// The kind of agent.
        name: &'static str,
        /// The folder.
        run_dir: PathBuf,
    },

    /// An agent could not be reached over its control socket.
    #[error("the {name} does not answer on its control socket: {reason}; its log is {}", log.display())]
    AgentSilent {
        /// The kind of agent.
        name: &'static str,
        /// What was seen.
        reason: String,
        /// Its log file.
        log: PathBuf,
    },

    /// An agent refused a request.
    #[error("the {name} refused: {message}")]
    AgentRefused {
        /// The kind of agent.
        name: &'static str,
        /// The agent's words.
        message: String,
    },

    /// A name cannot be used in the DNS.
    #[error("`{name}` is no name for the DNS: {reason}")]
    DnsName {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),

    /// A certificate or key on disk is not what it should be.
    #[error("{} is no usable certificate or key ({reason}): restore it, or remove the folder {} to have a new authority made (clients then need the new one)", path.display(), path.parent().unwrap_or(path).display())]
    BadCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// There is no PostgreSQL to start.
    #[error(
        "no PostgreSQL 15 or newer found ({looked}): install it with `{fix}`, or name its folder of programs in STRAIT_PG_BIN"
    )]
    NoPostgres {
        /// Where it was looked for.
        looked: String,
        /// The command that installs it.
        fix: &'static str,
    },

    /// The data folder was made by another major version.
    #[error("{} was made by PostgreSQL {found}, and only {wanted} is installed here: install postgresql-{found} beside it", path.display())]
    OtherMajor {
        /// The data folder.
        path: PathBuf,
        /// The version that made it.
        found: u32,
        /// The version that is installed.
        wanted: u32,
    },

    /// `initdb` or the first statements failed.
    #[error("cannot initialise PostgreSQL in {}: {tail}", path.display())]
    Initialise {
        /// The folder.
        path: PathBuf,
        /// The last lines that it wrote.
        tail: String,
    },

    /// PostgreSQL ended instead of starting.
    #[error("PostgreSQL of {id} ended while it started{}: {tail} (whole log: {})", if *disk_full { " because the disk is full; make room and start it again" } else { "" }, log.display())]
    Ended {
        /// The service, or `store`.
        id: String,
        /// Whether the log says that the disk is full.
        disk_full: bool,
        /// The last lines of its log.
        tail: String,
        /// Its log file.
        log: PathBuf,
    },

    /// PostgreSQL does not accept connections yet.
    #[error("PostgreSQL of {id} does not accept connections yet ({reason}); it may be recovering, see {}", log.display())]
    NotReady {
        /// The service, or `store`.
        id: String,
        /// What the last try said.
        reason: String,
        /// Its log file.
        log: PathBuf,
    },

    /// PostgreSQL could not be stopped.
    #[error(
        "PostgreSQL of {id} (process {pid}) does not end, not even when killed: look at what it waits for with `cat /proc/{pid}/stack`"
    )]
    DoesNotEnd {
        /// The service, or `store`.
        id: String,
        /// Its postmaster.
        pid: u32,
    },

    /// The service has no PostgreSQL that runs.
    #[error("PostgreSQL of {id} does not run: start the service first")]
    NotRunning {
        /// The service.
        id: String,
    },

    /// A statement failed.
    #[error("PostgreSQL of {id} refused a statement of Strait's own")]
    Statement {
        /// The service.
        id: String,
        /// PostgreSQL's answer.
        #[source]
        source: tokio_postgres::Error,
    },

    /// PostgreSQL was started, stopped or killed while its files were copied.
    #[error("PostgreSQL of {id} changed while it was backed up ({reason}): run it again")]
    Changed {
        /// The service, or `store`.
        id: String,
        /// What was seen.
        reason: String,
    },

    /// PostgreSQL refuses to be backed up.
    #[error(
        "PostgreSQL of {id} cannot be backed up ({reason}); if it was started by an older Strait, `strait down` and `strait up` first"
    )]
    NotBackedUp {
        /// The service, or `store`.
        id: String,
        /// PostgreSQL's answer.
        reason: String,
    },

    /// A link leads out of the data folder.
    #[error("{} leads to data elsewhere, which would not be backed up: take it away, or back that up by hand", path.display())]
    Linked {
        /// The link.
        path: PathBuf,
    },

    /// The backup could not be written.
    #[error("cannot write the backup: {source}{}", if *disk_full { "; make room there, or write it to another disk" } else { "" })]
    BackupFile {
        /// Whether there is no room.
        disk_full: bool,
        /// The system's answer.
        #[source]
        source: io::Error,
    },

    /// A file is no backup, or a damaged one.
    #[error("the backup is not good ({reason}); nothing was restored: use another one")]
    BadBackup {
        /// What is wrong.
        reason: String,
    },

    /// A backup of a newer Strait.
    #[error(
        "the backup was made by Strait {made_by}, and this is {own}; nothing was restored: install that version or a newer one"
    )]
    NewerBackup {
        /// The version that made it.
        made_by: String,
        /// This version.
        own: String,
    },

    /// No port of the loopback is free.
    #[error("no port of 127.0.0.1 between {from} and {to} is free")]
    NoFreePort {
        /// The first port that was tried.
        from: u16,
        /// The last one.
        to: u16,
    },
}

impl LocalError {
    /// Whether trying again later may help without anybody's help.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::AgentSilent { .. }
            | Self::NotReady { .. }
            | Self::Statement { .. }
            | Self::Database(_)
            | Self::Deaf { .. }
            | Self::Interrupted
            | Self::Changed { .. }
            | Self::Kernel(_) => true,
            // Somebody makes room.
            Self::File { source, .. } | Self::System { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::ReadOnlyFilesystem
            ),
            Self::Ended { disk_full, .. } => *disk_full,
            Self::Aws(_)
            | Self::OtherServer
            | Self::UnknownRow { .. }
            | Self::BadRow { .. }
            | Self::Json(_)
            | Self::SocketPath { .. }
            | Self::AgentRuns { .. }
            | Self::AgentRefused { .. }
            | Self::DnsName { .. }
            | Self::Certificate(_)
            | Self::BadCertificate { .. }
            | Self::NoPostgres { .. }
            | Self::OtherMajor { .. }
            | Self::Initialise { .. }
            | Self::DoesNotEnd { .. }
            | Self::NotRunning { .. }
            | Self::NotBackedUp { .. }
            | Self::Linked { .. }
            | Self::BackupFile { .. }
            | Self::BadBackup { .. }
            | Self::NewerBackup { .. }
            | Self::NoFreePort { .. } => false,
        }
    }

    /// For `map_err`: an error of the system with what was tried.
    pub(crate) fn system(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::System {
            doing,
            path,
            source,
        }
    }
}
