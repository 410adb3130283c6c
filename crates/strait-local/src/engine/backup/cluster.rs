//! One PostgreSQL's files: copied while it runs, by its own low-level backup, or while it does not.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use strait_kernel::{Kernel, Process};
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::{Client, NoTls, Row};

use super::super::{admin, config, folder, process, store, template};
use super::archive::Writer;
use crate::error::LocalError;

/// How long one may be neither running nor stopped.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(100);
const LOGIN_TIMEOUT: Duration = Duration::from_secs(5);
/// Which process runs on a data folder, by PostgreSQL's own note.
const PID_FILE: &str = "postmaster.pid";
/// Which state it is in; copied last, as `pg_basebackup` does.
const CONTROL: &str = "global/pg_control";
const LOG_FOLDER: &str = "pg_wal";

/// Folders whose content a start makes anew.
const TRANSIENT: [&str; 7] = [
    "pg_dynshmem",
    "pg_notify",
    "pg_replslot",
    "pg_serial",
    "pg_snapshots",
    "pg_stat_tmp",
    "pg_subtrans",
];

/// One PostgreSQL.
pub(super) struct Cluster {
    data: PathBuf,
    /// The service's id, or none for the store.
    service: Option<String>,
    /// Its folder, as seen from the data folder.
    folder: PathBuf,
}

enum State {
    /// Nobody writes there.
    Stopped,
    /// It runs, as this process.
    Runs(Process),
    /// It is being started or ended, or was killed and is not yet started anew.
    Between,
}

impl Cluster {
    pub(super) fn store(data: &Path) -> Self {
        Self {
            data: data.to_owned(),
            service: None,
            folder: PathBuf::from("store"),
        }
    }

    pub(super) fn service(data: &Path, id: &str) -> Self {
        Self {
            data: data.to_owned(),
            service: Some(id.to_owned()),
            folder: Path::new("services").join(id),
        }
    }

    pub(super) fn exists(&self) -> bool {
        self.data.join(&self.folder).exists()
    }

    /// The services that the store knows; none if it does not run.
    pub(super) async fn known_services(
        &self,
        kernel: Option<&Arc<Kernel>>,
    ) -> Result<Option<BTreeSet<String>>, LocalError> {
        let (Some(kernel), State::Runs(process)) = (kernel, self.state(kernel).await?) else {
            return Ok(None);
        };
        let client = self.connect(kernel, &process).await?;
        let rows = client.query("select id from strait.service", &[]).await;
        let rows = rows.map_err(|error| self.failed(&error))?;
        Ok(Some(rows.iter().map(|row| row.get(0)).collect()))
    }

    /// Writes its folder into a backup.
    pub(super) async fn copy(
        &self,
        kernel: Option<&Arc<Kernel>>,
        writer: &mut Writer,
    ) -> Result<(), LocalError> {
        let running = match self.state(kernel).await? {
            State::Runs(process) => kernel.map(|kernel| (kernel, process)),
            State::Stopped => None,
            State::Between => {
                return Err(self.changed("it is neither running nor stopped".to_owned()));
            }
        };
        writer.folder(&self.data, &self.folder)?;
        if self.service.is_some() {
            writer.file(&self.data, &self.folder.join("password"))?;
            writer.file(&self.data, &self.folder.join("verifier"))?;
        }
        match running {
            Some((kernel, process)) => {
                let client = self.connect(kernel, &process).await?;
                self.copy_running(&client, writer).await
            }
            None => {
                let before = self.control()?;
                let unwanted = |path: &Path| self.is_of_any_run(path);
                writer.tree(&self.data, &self.files(), &|path| !unwanted(path))?;
                // Nobody can have started it if nothing runs and the data folder is locked.
                let stopped = kernel.is_none() || matches!(self.look(), State::Stopped);
                if !stopped || self.control()? != before {
                    return Err(self.changed("it was started".to_owned()));
                }
                Ok(())
            }
        }
    }

    /// PostgreSQL's low-level backup: files may be torn while they are copied, and its log from the start to the end puts
    /// them right.
    async fn copy_running(&self, client: &Client, writer: &mut Writer) -> Result<(), LocalError> {
        // It ends with this connection, and keeps the log from being cleared away meanwhile.
        self.ask(
            client,
            "select pg_create_physical_replication_slot('strait_backup_' || pg_backend_pid(), true, true)",
        )
        .await?;
        let begun = self
            .ask(
                client,
                "select pg_walfile_name(pg_backup_start('strait', true))",
            )
            .await?;
        let first: String = begun.get(0);
        let control = self.files().join(CONTROL);
        let unwanted =
            |path: &Path| path == control || self.is_of_this_run(path) || self.is_of_any_run(path);
        writer.tree(&self.data, &self.files(), &|path| !unwanted(path))?;
        writer.content(&control, &self.control()?)?;
        let ended = self
            .ask(
                client,
                "select pg_walfile_name(lsn), labelfile, spcmapfile from pg_backup_stop(false)",
            )
            .await?;
        let (last, label, spaces): (String, String, String) =
            (ended.get(0), ended.get(1), ended.get(2));
        if !spaces.trim().is_empty() {
            return Err(LocalError::Linked {
                path: self.data.join(self.files()).join("pg_tblspc"),
            });
        }
        writer.content(&self.files().join("backup_label"), label.as_bytes())?;
        self.copy_log(writer, &first, &last)
    }

    /// The parts of the write-ahead log from this one to that one.
    fn copy_log(&self, writer: &mut Writer, first: &str, last: &str) -> Result<(), LocalError> {
        let folder = self.files().join(LOG_FOLDER);
        let whole = self.data.join(&folder);
        let entries = fs::read_dir(&whole).map_err(LocalError::system("read", &whole))?;
        let parts: BTreeSet<String> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| {
                let is_part = name.len() == first.len() && !name.contains('.');
                is_part && (first..=last).contains(&name.as_str())
            })
            .collect();
        // The last is not begun yet if the end is where it begins.
        if !parts.contains(first) {
            return Err(self.changed(format!("its log has no {first} any more")));
        }
        for part in parts {
            writer.file(&self.data, &folder.join(part))?;
        }
        Ok(())
    }

    /// Waits for one that is between.
    async fn state(&self, kernel: Option<&Arc<Kernel>>) -> Result<State, LocalError> {
        if kernel.is_none() {
            return Ok(State::Stopped);
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let state = self.look();
            if !matches!(state, State::Between) || Instant::now() > deadline {
                return Ok(state);
            }
            sleep(PAUSE).await;
        }
    }

    fn look(&self) -> State {
        let record = self.data.join(&self.folder).join("process.json");
        match process::recorded(&record) {
            Some(process) => State::Runs(process),
            None if self.data.join(self.files()).join(PID_FILE).exists() => State::Between,
            None => State::Stopped,
        }
    }

    async fn connect(&self, kernel: &Arc<Kernel>, process: &Process) -> Result<Client, LocalError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let reason = match &self.service {
                Some(_) => match self.connect_to_service(kernel, process).await {
                    Ok(client) => return Ok(client),
                    Err(reason) => reason,
                },
                None => match self.connect_to_store().await {
                    Ok(client) => return Ok(client),
                    Err(reason) => reason,
                },
            };
            if Instant::now() > deadline || !process.alive() {
                return Err(self.changed(reason));
            }
            sleep(PAUSE).await;
        }
    }

    async fn connect_to_service(
        &self,
        kernel: &Arc<Kernel>,
        process: &Process,
    ) -> Result<Client, String> {
        let host = kernel.host_of(process).ok_or("it is in no host")?;
        let read = |path: PathBuf| fs::read_to_string(path).map_err(|error| error.to_string());
        let own = read(self.data.join(&self.folder).join("password"))?;
        match admin::connect(kernel, &host, admin::OWN, &own).await {
            Err(admin::NoConnection::Password) => {}
            other => return other.map_err(|error| error.to_string()),
        }
        // It has just been made.
        let major = folder::major(&self.data.join(self.files())).ok_or("it has no PG_VERSION")?;
        let first = read(template::folder(&self.data, major).join("password"))?;
        let client = admin::connect(kernel, &host, admin::OWN, &first).await;
        client.map_err(|error| error.to_string())
    }

    async fn connect_to_store(&self) -> Result<Client, String> {
        let socket = store::socket(&self.data);
        let stream = tokio::net::UnixStream::connect(&socket).await;
        let stream = stream.map_err(|error| error.to_string())?;
        let mut options = tokio_postgres::Config::new();
        options
            .user(config::ADMIN)
            .dbname(store::DATABASE)
            .application_name("strait");
        let connected = timeout(LOGIN_TIMEOUT, options.connect_raw(stream, NoTls)).await;
        let connected = connected.map_err(|_| "no answer to the login".to_owned())?;
        let (client, connection) = connected.map_err(|error| error.to_string())?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection of Strait's own ended");
            }
        });
        Ok(client)
    }

    async fn ask(&self, client: &Client, sql: &str) -> Result<Row, LocalError> {
        let answer = client.query_one(sql, &[]).await;
        answer.map_err(|error| self.failed(&error))
    }

    /// Twice the same, so that it is not read while it is being written.
    fn control(&self) -> Result<Vec<u8>, LocalError> {
        let path = self.data.join(self.files()).join(CONTROL);
        let read = || fs::read(&path).map_err(LocalError::system("read", &path));
        let mut before = read()?;
        loop {
            let now = read()?;
            if now == before {
                return Ok(now);
            }
            before = now;
        }
    }

    /// What a running one makes anew at each start.
    fn is_of_this_run(&self, path: &Path) -> bool {
        let Ok(inner) = path.strip_prefix(self.files()) else {
            return false;
        };
        let in_log = inner.parent() == Some(Path::new(LOG_FOLDER));
        in_log && !self.data.join(path).is_dir() || inner.starts_with("backup_label")
    }

    /// What belongs to a run, whether it goes on or not.
    fn is_of_any_run(&self, path: &Path) -> bool {
        let Ok(inner) = path.strip_prefix(self.files()) else {
            return false;
        };
        let transient = inner
            .parent()
            .is_some_and(|folder| TRANSIENT.iter().any(|name| folder == Path::new(name)));
        let name = inner.file_name().unwrap_or_default().to_string_lossy();
        transient
            || [PID_FILE, "postmaster.opts", "current_logfiles"].contains(&&*name)
            || name.starts_with("pgsql_tmp")
            || name.starts_with("pg_internal.init")
    }

    fn files(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn failed(&self, error: &tokio_postgres::Error) -> LocalError {
        let Some(answer) = error.as_db_error() else {
            return self.changed(error.to_string());
        };
        LocalError::NotBackedUp {
            id: self.id(),
            reason: answer.message().to_owned(),
        }
    }

    fn changed(&self, reason: String) -> LocalError {
        LocalError::Changed {
            id: self.id(),
            reason,
        }
    }

    fn id(&self) -> String {
        self.service.clone().unwrap_or_else(|| store::ID.to_owned())
    }
}
