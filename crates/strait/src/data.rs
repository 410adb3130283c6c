//! The data folder: where everything is, whose it is, and who uses it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::fcntl::{Flock, FlockArg};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::calling::Called;
use crate::tls::Files;

/// The layout of the data folder; a folder of another version is refused, never guessed at.
const LAYOUT: &str = "strait-data 1\n";

/// A data folder.
#[derive(Debug, Clone)]
pub(crate) struct DataDir {
    root: PathBuf,
}

/// The running server, as `DATA/run/server.json` records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServerRecord {
    /// Its process id.
    pub(crate) pid: u32,
    /// When it started, in clock ticks since boot: a process id alone may be another's by now.
    pub(crate) start_time: u64,
    /// Where the REST API answers.
    pub(crate) http: String,
    /// Where the AWS APIs answer.
    pub(crate) aws: String,
    /// The version of the program.
    pub(crate) version: String,
    /// Of the certificate that it shows; without one it speaks no TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<String>,
    /// By which name it is called, if its certificate is not for these addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<String>,
    /// What its operator has to see to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) warning: Option<String>,
}

impl ServerRecord {
    /// Where the REST API answers.
    pub(crate) fn rest_url(&self) -> String {
        let called = called(self.host.as_deref(), &self.http);
        format!("{}://{called}", self.scheme())
    }

    /// Where the AWS APIs answer.
    pub(crate) fn aws_url(&self) -> String {
        let called = called(self.host.as_deref(), &self.aws);
        format!("{}://{called}", self.scheme())
    }

    fn scheme(&self) -> &'static str {
        match self.fingerprint {
            Some(_) => "https",
            None => "http",
        }
    }
}

/// What the CLI signs its calls with, as `DATA/credentials.json` keeps it (mode 0600).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Credentials {
    /// Where the REST API answers.
    pub(crate) url: String,
    /// The first project.
    pub(crate) project_id: String,
    /// Its public key.
    pub(crate) public_key: String,
    /// Its secret key.
    pub(crate) secret_key: String,
    /// The key of `strait admin` and `strait env`.
    pub(crate) admin_key: String,
    /// The certificates of authorities that the server's is trusted by, if it speaks TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca_file: Option<PathBuf>,
}

impl DataDir {
    /// The folder that was asked for, or the default: `STRAIT_DATA_DIR`, `$XDG_DATA_HOME/strait`, `~/.local/share/strait`.
    pub(crate) fn locate(asked: Option<&Path>) -> Result<Self> {
        let variable = |name| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let default = || {
            let data =
                variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")));
            data.map(|data| data.join("strait"))
        };
        let Some(root) = asked.map(Path::to_path_buf).or_else(default) else {
            bail!("there is no HOME to keep a data folder in: name one with --data-dir");
        };
        let root = std::path::absolute(&root)
            .with_context(|| format!("no such path: {}", root.display()))?;
        Ok(Self { root })
    }

    /// Makes the folder if it is new, and refuses one of another layout or of something else.
    pub(crate) fn open(&self) -> Result<()> {
        if !self.is_there() && is_empty(&self.root) {
            make_private(&self.root)?;
            write_private(&self.version(), LAYOUT.as_bytes())?;
        }
        self.check_layout()?;
        make_private(&self.run())?;
        make_private(&self.logs())
    }

    /// Whether it is a data folder of some layout.
    pub(crate) fn is_there(&self) -> bool {
        self.version().exists()
    }

    /// Refuses a folder of another layout, of something else, or of another user.
    pub(crate) fn check_layout(&self) -> Result<()> {
        match fs::read_to_string(self.version()) {
            Ok(found) if found == LAYOUT => self.check_owner(),
            Ok(found) => bail!(
                "{} was made by another version of Strait ({}, this one wants {}): use that version, or another folder (--data-dir)",
                self.root.display(),
                found.trim(),
                LAYOUT.trim()
            ),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
                "{} is not a data folder of Strait's and is not empty: name an empty or new folder with --data-dir",
                self.root.display()
            ),
            Err(error) => bail!("cannot read {}: {error}", self.version().display()),
        }
    }

    /// The layout of data folders that this program makes.
    #[expect(clippy::unused_self, reason = "it is a property of the folder")]
    pub(crate) fn layout(&self) -> &'static str {
        LAYOUT
    }

    fn version(&self) -> PathBuf {
        self.root.join("version")
    }

    /// Two users on one folder would lock each other out of their files.
    fn check_owner(&self) -> Result<()> {
        let owner = fs::metadata(&self.root)
            .with_context(|| format!("cannot read {}", self.root.display()))?
            .uid();
        let own = nix::unistd::geteuid().as_raw();
        if owner == own {
            return Ok(());
        }
        bail!(
            "{} belongs to user {owner}, and you are user {own}: run this as that user, or name a folder of your own with --data-dir",
            self.root.display()
        )
    }

    /// Takes the folder for this process until the lock is dropped; `None` when another server has it.
    pub(crate) fn lock(&self) -> Result<Option<Flock<fs::File>>> {
        let path = self.root.join("lock");
        let file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Flock::lock(file, FlockArg::LockExclusiveNonblock).ok())
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Sockets, process records, namespaces: gone after `strait down`.
    pub(crate) fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// Where the certificate is that Strait's own authority signed for its listeners.
    pub(crate) fn tls(&self) -> Files {
        Files {
            certificate: self.root.join("tls").join("server.crt"),
            key: self.root.join("tls").join("server.key"),
        }
    }

    /// Where Strait's own authority is.
    pub(crate) fn authority(&self) -> PathBuf {
        self.root.join("ca")
    }

    /// Keeps a certificate and its key.
    pub(crate) fn keep_certificate(&self, certificate: &str, key: &str) -> Result<()> {
        make_private(&self.root.join("tls"))?;
        let files = self.tls();
        write_private(&files.key, key.as_bytes())?;
        write_private(&files.certificate, certificate.as_bytes())
    }

    /// Logs.
    pub(crate) fn logs(&self) -> PathBuf {
        self.root.join("log")
    }

    /// The server that runs on this folder, if one does.
    pub(crate) fn server(&self) -> Option<ServerRecord> {
        let record: ServerRecord = read_json(&self.run().join("server.json")).ok()?;
        (start_time(record.pid) == Some(record.start_time)).then_some(record)
    }

    /// Records this process as the server.
    pub(crate) fn record_server(
        &self,
        http: &str,
        aws: &str,
        fingerprint: Option<String>,
        called: Called,
    ) -> Result<()> {
        let (host, warning) = match called {
            Called::ByAddress => (None, None),
            Called::ByName(name) => (Some(name), None),
            Called::Nohow(what_to_do) => (None, Some(what_to_do)),
        };
        let pid = std::process::id();
        let record = ServerRecord {
            pid,
            start_time: start_time(pid).context("/proc does not show this process")?,
            http: http.to_owned(),
            aws: aws.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            fingerprint,
            host,
            warning,
        };
        write_json(&self.run().join("server.json"), &record)
    }

    /// Takes the record of the server away.
    pub(crate) fn forget_server(&self) {
        // A record of a process that is gone is as good as none.
        let _ = fs::remove_file(self.run().join("server.json"));
    }

    /// Where the keys of the CLI are.
    pub(crate) fn credentials_path(&self) -> PathBuf {
        self.root.join("credentials.json")
    }

    /// The keys of the CLI.
    pub(crate) fn credentials(&self) -> Result<Credentials> {
        read_json(&self.credentials_path()).with_context(|| {
            format!(
                "Strait has not run yet in {}: start it with `strait up`",
                self.root.display()
            )
        })
    }

    /// Keeps the keys of the CLI.
    pub(crate) fn keep_credentials(&self, credentials: &Credentials) -> Result<()> {
        write_json(&self.credentials_path(), credentials)
    }
}

/// When a process started, in clock ticks since boot; `None` when there is no such process.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    let state = fields.next()?;
    (state != "Z").then_some(())?;
    fields.nth(18)?.parse().ok()
}

/// Reads a JSON file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    write_private(path, &serde_json::to_vec_pretty(value)?)
}

/// Writes a file whole or not at all, for this user only.
fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let fresh = path.with_extension("new");
    let write = || {
        let mut file = fs::OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// An address with its port, with this name in the address's place.
pub(crate) fn called(host: Option<&str>, address: &str) -> String {
    let port = address.rsplit_once(':').map(|(_, port)| port);
    match (host, port) {
        (Some(host), Some(port)) if host.contains(':') => format!("[{host}]:{port}"),
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(_), None) | (None, _) => address.to_owned(),
    }
}

fn make_private(folder: &Path) -> Result<()> {
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder);
    made.with_context(|| format!("cannot make the folder {}", folder.display()))
}

/// Whether nothing is in the folder but what a first start that was interrupted leaves.
fn is_empty(folder: &Path) -> bool {
    let begun = |entry: &fs::DirEntry| entry.file_name() == "version.new";
    match fs::read_dir(folder) {
        Ok(entries) => entries.flatten().all(|entry| begun(&entry)),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_something_else_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("thesis.tex"), "x").expect("written");
        let data = DataDir::locate(Some(folder.path())).expect("located");
        let error = data.open().expect_err("not Strait's").to_string();
        assert!(error.contains("--data-dir"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
    }

    #[test]
    fn another_version_is_refused_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataDir::locate(Some(&folder.path().join("data"))).expect("located");
        data.open().expect("new");
        data.open().expect("again");
        fs::write(data.root().join("version"), "strait-data 99\n").expect("written");
        let error = data.open().expect_err("another version").to_string();
        assert!(error.contains("strait-data 99"), "{error}");
    }

    #[test]
    fn one_server_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataDir::locate(Some(folder.path())).expect("located");
        data.open().expect("new");
        let held = data.lock().expect("writable");
        assert!(held.is_some());
        assert!(data.lock().expect("writable").is_none());
        drop(held);
        assert!(data.lock().expect("writable").is_some());
    }

    #[test]
    fn a_record_of_another_process_is_not_a_server() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataDir::locate(Some(folder.path())).expect("located");
        data.open().expect("new");
        data.record_server("a", "b", None, Called::ByAddress)
            .expect("recorded");
        assert!(data.server().is_some());
        let mut record: ServerRecord = read_json(&data.run().join("server.json")).expect("read");
        record.start_time += 1;
        write_json(&data.run().join("server.json"), &record).expect("written");
        assert!(
            data.server().is_none(),
            "the id is the same, the process is not"
        );
    }
}
