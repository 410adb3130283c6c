//! One service: its folder `DATA/services/ID`, its postmaster, its passwords and certificate.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::time::Duration;

use strait_kernel::{Connection, Process};
use strait_plane::postgres::{Made, Which};
use tokio::time::{Instant, sleep};
use tokio_postgres::Client;

use super::admin::{self, HERE, NoConnection};
use super::process::{self, Place};
use super::{Shared, blocking, config, folder, template};
use crate::agent::tail;
use crate::ca::write_file;
use crate::error::LocalError;

const READY_TIMEOUT: Duration = Duration::from_secs(30);
const READY_PAUSE: Duration = Duration::from_millis(10);
const LARGEST_LOG: u64 = 16 * 1024 * 1024;
/// For clients that are just being let in to become sessions, before they are reset.
const LET_IN: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: u32 = 60;
const DELETED: &str = ".deleted";

/// A service, running or not.
pub(super) struct Service {
    id: String,
    folder: PathBuf,
    /// What it was last told to be, while it shall run.
    wanted: Option<(String, Made)>,
    /// How often it could not be started anew, and when the next try is due.
    failures: u32,
    next_try: Option<Instant>,
}

impl Service {
    /// What is on disk under this id, if anything.
    pub(super) fn new(data: &Path, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            folder: data.join("services").join(id),
            wanted: None,
            failures: 0,
            next_try: None,
        }
    }

    /// Makes it run as told, and waits until it accepts connections.
    pub(super) async fn ensure_running(
        &mut self,
        shared: &Shared,
        host: &str,
        made: &Made,
    ) -> Result<(), LocalError> {
        self.wanted = Some((host.to_owned(), made.clone()));
        self.make_data(shared).await?;
        let renewed = self.ensure_certificate(shared, made)?;
        let adopted = match self.running(shared, host)? {
            // One that was ending when it was found is no start that failed.
            Some(process) => match self.connect_when_ready(shared, host, &process).await {
                Err(LocalError::Ended { .. }) => None,
                found => Some(found?),
            },
            None => None,
        };
        let client = match adopted {
            Some(client) => {
                if renewed {
                    admin::reload(&client)
                        .await
                        .map_err(|e| self.statement(e))?;
                }
                client
            }
            None => {
                let process = self.start(shared, host, made).await?;
                self.connect_when_ready(shared, host, &process).await?
            }
        };
        self.give_password(&client, made).await?;
        self.add(shared, host, made).await?;
        self.failures = 0;
        self.next_try = None;
        Ok(())
    }

    /// Stops it, if it runs.
    pub(super) async fn ensure_stopped(&mut self) -> Result<(), LocalError> {
        self.wanted = None;
        let Some(process) = process::recorded(&self.record()) else {
            return Ok(());
        };
        let (id, record) = (self.id.clone(), self.record());
        blocking(move || process::stop(&id, &process, &record)).await
    }

    /// Stops it and removes its folder. The folder is renamed first: half of it is never taken for a service.
    pub(super) async fn delete(&mut self, shared: &Shared) -> Result<(), LocalError> {
        self.ensure_stopped().await?;
        let (folder, data) = (self.folder.clone(), shared.data.clone());
        let gone = folder.with_file_name(format!("{}{DELETED}", self.id));
        blocking(move || {
            if folder.exists() {
                folder::remove(&gone)?;
                fs::rename(&folder, &gone).map_err(LocalError::system("remove", &folder))?;
            }
            clear_deleted(&data)
        })
        .await
    }

    /// Ends the sessions from these addresses.
    pub(super) async fn end_sessions(
        &self,
        shared: &Shared,
        host: &str,
        sources: &BTreeSet<Ipv4Addr>,
        which: Which,
    ) -> Result<u64, LocalError> {
        let Some(process) = self.running(shared, host)? else {
            return Ok(0);
        };
        let client = self.connect_when_ready(shared, host, &process).await?;
        let end = async || {
            let ended = admin::end_sessions(&client, sources, which).await;
            ended.map_err(|error| self.statement(error))
        };
        let ended = end().await?;
        if ended > 0 || which != Which::All {
            return Ok(ended);
        }
        // PostgreSQL shows no session before its client is let in.
        let early = connections(shared, host, sources).await;
        if early.is_empty() {
            return Ok(0);
        }
        sleep(LET_IN).await;
        let ended = end().await?;
        if ended > 0 {
            return Ok(ended);
        }
        let mut stuck = connections(shared, host, sources).await;
        stuck.retain(|connection| early.contains(connection));
        let count = u64::try_from(stuck.len()).unwrap_or(u64::MAX);
        let (kernel, host) = (shared.kernel.clone(), host.to_owned());
        let reset = blocking(move || Ok(kernel.reset(&host, &stuck)?)).await;
        if let Err(error) = reset {
            tracing::info!(service = self.id, %error, "connections are not reset; the way's removal cuts them off");
            return Ok(0);
        }
        Ok(count)
    }

    /// Ends the sessions from exactly these addresses and ports.
    pub(super) async fn end_these(
        &self,
        shared: &Shared,
        host: &str,
        sources: &BTreeSet<SocketAddrV4>,
    ) -> Result<u64, LocalError> {
        if self.running(shared, host)?.is_none() {
            return Ok(0);
        }
        let client = match self.connect(shared, host).await {
            Ok(client) => client,
            Err(why) => {
                // Whoever cannot be told is cut off all the same.
                tracing::debug!(service = self.id, %why, "sessions are not ended in PostgreSQL");
                return Ok(0);
            }
        };
        admin::end_these(&client, sources)
            .await
            .map_err(|error| self.statement(error))
    }

    /// Whether it runs and accepts connections.
    pub(super) async fn is_ready(&self, shared: &Shared, host: &str) -> bool {
        process::recorded(&self.record()).is_some() && self.connect(shared, host).await.is_ok()
    }

    /// Starts it anew if it shall run and does not; each failure doubles the pause before the next try.
    pub(super) async fn revive(&mut self, shared: &Shared) {
        let Some((host, made)) = self.wanted.clone() else {
            return;
        };
        let due = self.next_try.is_none_or(|next| next <= Instant::now());
        if !due || process::recorded(&self.record()).is_some() {
            return;
        }
        tracing::warn!(service = self.id, "PostgreSQL is gone, starting it anew");
        let Err(error) = self.ensure_running(shared, &host, &made).await else {
            return;
        };
        self.failures += 1;
        let pause = 1_u32
            .checked_shl(self.failures)
            .unwrap_or(LONGEST_PAUSE)
            .min(LONGEST_PAUSE);
        self.next_try = Some(Instant::now() + Duration::from_secs(u64::from(pause)));
        tracing::error!(service = self.id, %error, pause, "PostgreSQL cannot be started");
    }

    /// The postmaster, if it runs; one that a killed server started and had no time to note is noted now.
    fn running(&self, shared: &Shared, host: &str) -> Result<Option<Process>, LocalError> {
        if let Some(process) = process::recorded(&self.record()) {
            return Ok(Some(process));
        }
        let found = process::in_host(&shared.kernel, host);
        if let Some(process) = &found {
            process::record(&self.record(), process)?;
        }
        Ok(found)
    }

    async fn make_data(&self, shared: &Shared) -> Result<(), LocalError> {
        if let Some(found) = folder::major(&self.data()) {
            if found == shared.installation.major {
                return Ok(());
            }
            return Err(LocalError::OtherMajor {
                path: self.data(),
                found,
                wanted: shared.installation.major,
            });
        }
        let (target, source) = (self.folder.clone(), shared.template.data());
        let fresh = target.with_file_name(format!("{}.new", self.id));
        blocking(move || {
            folder::remove(&fresh)?;
            let make = || {
                folder::make(&fresh)?;
                folder::copy(&source, &fresh.join("data"))?;
                let password = template::new_password();
                write_file(&fresh.join("password"), password.as_bytes(), 0o600)?;
                folder::flush(&fresh)?;
                fs::rename(&fresh, &target).map_err(LocalError::system("finish", &target))
            };
            let Err(error) = make() else {
                return Ok(());
            };
            // Others need the room, if that is what was missing. The next try removes what stays.
            let _ = folder::remove(&fresh);
            Err(error)
        })
        .await
    }

    /// Whether the certificate is a new one.
    fn ensure_certificate(&self, shared: &Shared, made: &Made) -> Result<bool, LocalError> {
        let names: BTreeSet<String> = made.names.iter().cloned().collect();
        let path = self.data().join("server.crt");
        let has = fs::read_to_string(&path).unwrap_or_default();
        let key = self.data().join("server.key");
        if key.exists() && shared.authority.is_good(&has, &names) {
            return Ok(false);
        }
        let issued = shared.authority.issue(&names)?;
        folder::write_owned(&key, issued.key.as_bytes())?;
        folder::write_owned(&path, issued.certificate.as_bytes())?;
        Ok(true)
    }

    /// Gives `tsdbadmin` the password that it is to have, once: one that its users choose by SQL later is theirs.
    async fn give_password(&self, client: &Client, made: &Made) -> Result<(), LocalError> {
        let mark = self.folder.join("verifier");
        let wanted = made.password_verifier.as_str();
        if fs::read_to_string(&mark).is_ok_and(|given| given == wanted) {
            return Ok(());
        }
        admin::set_verifier(client, wanted)
            .await
            .map_err(|error| self.statement(error))?;
        write_file(&mark, wanted.as_bytes(), 0o600)
    }

    /// Makes the extensions that it is to have from the start, once: what its users do with them then is theirs.
    async fn add(&self, shared: &Shared, host: &str, made: &Made) -> Result<(), LocalError> {
        let mark = self.folder.join("addons");
        if made.addons.is_empty() || mark.exists() {
            return Ok(());
        }
        let path = self.folder.join("password");
        let own = fs::read_to_string(&path).map_err(LocalError::system("read", &path))?;
        let client = match admin::connect(&shared.kernel, host, admin::TSDB, &own).await {
            Ok(client) => client,
            // Its users took the database away before they had the extensions, which is theirs to do.
            Err(NoConnection::Refused(error)) if admin::is_no_database(&error) => {
                return write_file(&mark, b"", 0o600);
            }
            Err(reason) => {
                return Err(LocalError::NotReady {
                    id: self.id.clone(),
                    reason: reason.to_string(),
                    log: self.log(),
                });
            }
        };
        for addon in &made.addons {
            admin::create_extension(&client, addon.extension())
                .await
                .map_err(|error| self.statement(error))?;
        }
        write_file(&mark, b"", 0o600)
    }

    async fn start(&self, shared: &Shared, host: &str, made: &Made) -> Result<Process, LocalError> {
        let (data, log) = (self.data(), self.log());
        folder::write_owned(
            &data.join("postgresql.conf"),
            config::service_conf(&made.addons).as_bytes(),
        )?;
        folder::write_owned(&data.join("pg_hba.conf"), config::service_hba().as_bytes())?;
        folder::rotate(&log, LARGEST_LOG)?;
        // The process numbers in it are of a namespace that is gone, so they can name anybody. Whether a postmaster runs
        // is known better here.
        folder::remove_file(&data.join("postmaster.pid"))?;
        let argv = process::postmaster(&shared.installation);
        let (kernel, hidden) = (shared.kernel.clone(), shared.data.clone());
        let (host, record) = (host.to_owned(), self.record());
        blocking(move || {
            let place = Place::Host(&host);
            let started =
                process::launch(&kernel, &place, &hidden, &[(&data, "data")], argv, &log)?;
            process::record(&record, &started)?;
            Ok(started)
        })
        .await
    }

    async fn connect_when_ready(
        &self,
        shared: &Shared,
        host: &str,
        process: &Process,
    ) -> Result<Client, LocalError> {
        let deadline = Instant::now() + READY_TIMEOUT;
        loop {
            let reason = match self.connect(shared, host).await {
                Ok(client) => return Ok(client),
                Err(NoConnection::Refused(error)) => return Err(self.statement(error)),
                Err(reason) => reason,
            };
            if !process.alive() {
                return Err(self.ended());
            }
            if Instant::now() > deadline {
                return Err(LocalError::NotReady {
                    id: self.id.clone(),
                    reason: reason.to_string(),
                    log: self.log(),
                });
            }
            sleep(READY_PAUSE).await;
        }
    }

    /// Connects with the service's own password. A fresh copy has the template's still, which is changed at once.
    async fn connect(&self, shared: &Shared, host: &str) -> Result<Client, NoConnection> {
        let unreachable = |error: LocalError| NoConnection::Unreachable(error.to_string());
        let path = self.folder.join("password");
        let own = fs::read_to_string(&path)
            .map_err(LocalError::system("read", &path))
            .map_err(unreachable)?;
        match admin::connect(&shared.kernel, host, admin::OWN, &own).await {
            Err(NoConnection::Password) => {}
            other => return other,
        }
        let first = shared.template.password().map_err(unreachable)?;
        let client = admin::connect(&shared.kernel, host, admin::OWN, &first).await?;
        admin::set_own_password(&client, &own)
            .await
            .map_err(NoConnection::Refused)?;
        Ok(client)
    }

    fn ended(&self) -> LocalError {
        let tail = tail(&self.log(), 4);
        LocalError::Ended {
            id: self.id.clone(),
            disk_full: tail.contains("No space left on device"),
            tail,
            log: self.log(),
        }
    }

    fn statement(&self, source: tokio_postgres::Error) -> LocalError {
        LocalError::Statement {
            id: self.id.clone(),
            source,
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn record(&self) -> PathBuf {
        self.folder.join("process.json")
    }
}

/// None where the kernel does not tell: not every one is built with sock_diag.
async fn connections(
    shared: &Shared,
    host: &str,
    sources: &BTreeSet<Ipv4Addr>,
) -> BTreeSet<Connection> {
    let (kernel, name, sources) = (shared.kernel.clone(), host.to_owned(), sources.clone());
    let listed = blocking(move || Ok(kernel.connections(&name, HERE.port(), &sources)?)).await;
    listed.unwrap_or_else(|error| {
        tracing::info!(host, %error, "who is just being let in is not known");
        BTreeSet::new()
    })
}

/// Where a service's log is, the newest file first.
pub(super) fn logs(data: &Path, id: &str) -> Vec<PathBuf> {
    let log = data.join("services").join(id).join("log");
    vec![log.clone(), log.with_extension("before")]
}

/// Removes the folders of services that were being deleted.
pub(super) fn clear_deleted(data: &Path) -> Result<(), LocalError> {
    let services = data.join("services");
    let entries = fs::read_dir(&services).map_err(LocalError::system("read", &services))?;
    for entry in entries {
        let entry = entry.map_err(LocalError::system("read", &services))?;
        if entry.file_name().to_string_lossy().ends_with(DELETED) {
            folder::remove(&entry.path())?;
        }
    }
    Ok(())
}
