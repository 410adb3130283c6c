//! Strait's own PostgreSQL: one Unix socket in the run folder, nothing on the network. It outlives the server too.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use strait_kernel::{Kernel, Process};
use tokio::time::{Instant, sleep};

use super::installation::Installation;
use super::process::{self, Place, SHOWN};
use super::{blocking, config, folder, template};
use crate::agent::{check_socket_path, tail};
use crate::error::LocalError;

const READY_TIMEOUT: Duration = Duration::from_secs(30);
const READY_PAUSE: Duration = Duration::from_millis(10);
const LARGEST_LOG: u64 = 16 * 1024 * 1024;
pub(super) const DATABASE: &str = "strait";
pub(super) const ID: &str = "store";
const SOCKET: &str = ".s.PGSQL.5432";

/// Strait's own PostgreSQL.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
    socket_folder: PathBuf,
    process: Process,
}

impl Store {
    /// Makes it, starts it, or finds that it runs. Returns when it accepts connections.
    pub async fn ensure(
        kernel: Arc<Kernel>,
        data: &Path,
        installation: &Installation,
    ) -> Result<Self, LocalError> {
        let folder = data.join("store");
        // A folder of its own: PostgreSQL's identity must be able to write where its socket is.
        let socket_folder = socket_folder(data);
        check_socket_path(&socket_folder.join(SOCKET))?;
        let (place, installation) = (data.to_owned(), installation.clone());
        let (own, sockets) = (folder.clone(), socket_folder.clone());
        let process = blocking(move || {
            make_data(&kernel, &place, &installation, &own)?;
            let record = own.join("process.json");
            if let Some(process) = process::recorded(&record) {
                return Ok(process);
            }
            let started = match listening(&sockets.join(SOCKET)) {
                Some(process) => process,
                None => start(&kernel, &place, &installation, &own, &sockets)?,
            };
            process::record(&record, &started)?;
            Ok(started)
        })
        .await?;
        let store = Self {
            folder,
            socket_folder,
            process,
        };
        store.wait_until_ready().await?;
        Ok(store)
    }

    /// How to connect to it.
    pub fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.socket_folder)
            .port(5432)
            .username(config::ADMIN)
            .database(DATABASE)
    }

    /// Whether it runs.
    pub fn alive(&self) -> bool {
        self.process.alive()
    }

    /// Its postmaster.
    pub fn process(&self) -> Process {
        self.process
    }

    /// Stops it: fast shutdown.
    pub async fn stop(&self) -> Result<(), LocalError> {
        let (process, record) = (self.process, self.folder.join("process.json"));
        blocking(move || process::stop(ID, &process, &record)).await
    }

    /// Stops the one of this data folder, if it runs.
    pub async fn stop_recorded(data: &Path) -> Result<(), LocalError> {
        let record = data.join("store").join("process.json");
        blocking(move || match process::recorded(&record) {
            Some(process) => process::stop(ID, &process, &record),
            None => Ok(()),
        })
        .await
    }

    async fn wait_until_ready(&self) -> Result<(), LocalError> {
        let deadline = Instant::now() + READY_TIMEOUT;
        let log = self.folder.join("log");
        let options = self.options();
        loop {
            let error = match options.connect().await {
                Ok(connection) => {
                    use sqlx::Connection;
                    return Ok(connection.close().await?);
                }
                Err(error) => error,
            };
            if !self.process.alive() {
                let tail = tail(&log, 4);
                return Err(LocalError::Ended {
                    id: ID.to_owned(),
                    disk_full: tail.contains("No space left on device"),
                    tail,
                    log,
                });
            }
            if Instant::now() > deadline {
                return Err(LocalError::NotReady {
                    id: ID.to_owned(),
                    reason: error.to_string(),
                    log,
                });
            }
            sleep(READY_PAUSE).await;
        }
    }
}

/// Where the one of a data folder listens.
pub(super) fn socket(data: &Path) -> PathBuf {
    socket_folder(data).join(SOCKET)
}

fn socket_folder(data: &Path) -> PathBuf {
    data.join("run").join("store")
}

fn make_data(
    kernel: &Kernel,
    data: &Path,
    installation: &Installation,
    folder: &Path,
) -> Result<(), LocalError> {
    if let Some(found) = folder::major(&folder.join("data")) {
        if found == installation.major {
            return Ok(());
        }
        return Err(LocalError::OtherMajor {
            path: folder.join("data"),
            found,
            wanted: installation.major,
        });
    }
    let fresh = folder.with_extension("new");
    let statements = format!("CREATE DATABASE {DATABASE}\n");
    template::initialise(kernel, data, installation, &fresh, &statements)?;
    folder::flush(&fresh)?;
    fs::rename(&fresh, folder).map_err(LocalError::system("finish", folder))
}

fn start(
    kernel: &Kernel,
    data: &Path,
    installation: &Installation,
    folder: &Path,
    socket_folder: &Path,
) -> Result<Process, LocalError> {
    let (own, log) = (folder.join("data"), folder.join("log"));
    folder::make_owned(socket_folder)?;
    folder::close(socket_folder)?;
    let shown = Path::new(SHOWN).join("socket");
    folder::write_owned(
        &own.join("postgresql.conf"),
        config::store_conf(&shown).as_bytes(),
    )?;
    folder::write_owned(&own.join("pg_hba.conf"), config::store_hba().as_bytes())?;
    folder::rotate(&log, LARGEST_LOG)?;
    // Process numbers of a namespace that is gone can name anybody.
    for stale in [
        own.join("postmaster.pid"),
        socket_folder.join(format!("{SOCKET}.lock")),
        socket_folder.join(SOCKET),
    ] {
        folder::remove_file(&stale)?;
    }
    let show = [(own.as_path(), "data"), (socket_folder, "socket")];
    let argv = process::postmaster(installation);
    process::launch(kernel, &Place::Here, data, &show, argv, &log)
}

/// The postmaster at the other end of a socket: one that a killed server started and had no time to note. A second one
/// on its data would be the end of the data.
fn listening(socket: &Path) -> Option<Process> {
    let stream = UnixStream::connect(socket).ok()?;
    let peer = getsockopt(&stream, PeerCredentials).ok()?;
    process::numbered(u32::try_from(peer.pid()).ok()?)
}
