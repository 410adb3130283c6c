//! Agents: small processes beside the server that outlive it (resolver, forwarder). Each listens on a Unix socket in the
//! run folder and is told the whole desired state, one JSON line a request, one a reply. A new server finds an agent by
//! its socket alone: who answers is alive, so no process id can be mistaken for another.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep, timeout};

use crate::error::LocalError;

/// Changes whenever the lines on the control socket change their meaning: an agent of another one is replaced.
pub const PROTOCOL: u32 = 3;

const ASK_TIMEOUT: Duration = Duration::from_secs(10);
const START_TIMEOUT: Duration = Duration::from_secs(5);
const LONGEST_SOCKET_PATH: usize = 107;

/// Which agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AgentKind {
    /// Answers DNS.
    Resolver,
    /// Passes bytes from loopback ports to public addresses.
    Forwarder,
}

impl AgentKind {
    /// Its name on the command line and in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Resolver => "resolver",
            Self::Forwarder => "forwarder",
        }
    }

    /// Its control socket.
    pub fn socket(self, run_dir: &Path) -> PathBuf {
        run_dir.join(format!("{}.sock", self.name()))
    }

    /// Its log.
    pub fn log(self, run_dir: &Path) -> PathBuf {
        run_dir.join(format!("{}.log", self.name()))
    }
}

/// How an agent came to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It ran already.
    Adopted,
    /// It was started now.
    Started,
}

/// The server's side of an agent.
#[derive(Debug)]
pub struct Agent {
    kind: AgentKind,
    run_dir: PathBuf,
    program: PathBuf,
    /// The last state that was applied, for an agent that must be started anew.
    last: Mutex<Option<serde_json::Value>>,
    /// Whoever starts the agent or tells it a state holds this, so that an old state never comes after a new one.
    telling: tokio::sync::Mutex<()>,
}

impl Agent {
    /// An agent that `PROGRAM agent KIND --run-dir RUN_DIR` starts. Nothing happens yet.
    pub fn new(kind: AgentKind, run_dir: &Path, program: &Path) -> Self {
        Self {
            kind,
            run_dir: run_dir.to_owned(),
            program: program.to_owned(),
            last: Mutex::new(None),
            telling: tokio::sync::Mutex::default(),
        }
    }

    /// Finds the agent, or starts it. One that speaks another protocol is stopped and replaced.
    pub async fn ensure(&self) -> Result<Found, LocalError> {
        match self.hello().await {
            Ok(PROTOCOL) => return Ok(Found::Adopted),
            Ok(_) => self.stop().await?,
            Err(_) => {}
        }
        self.start().await?;
        Ok(Found::Started)
    }

    /// Makes this state true in the agent, starting it if need be.
    pub async fn apply<S: Serialize, A: DeserializeOwned>(
        &self,
        state: &S,
    ) -> Result<A, LocalError> {
        let state = serde_json::to_value(state).map_err(|error| self.silent(&error.to_string()))?;
        let _telling = self.telling.lock().await;
        self.ensure().await?;
        let answer = self.send_state(&state).await?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
        serde_json::from_value(answer).map_err(|error| self.silent(&error.to_string()))
    }

    /// Watches the agent for as long as the future is polled: one that dies is started anew and told the last state.
    pub async fn watch(&self) {
        loop {
            if let Ok(mut stream) = UnixStream::connect(self.kind.socket(&self.run_dir)).await {
                let mut rest = [0];
                let _ended = tokio::io::AsyncReadExt::read(&mut stream, &mut rest).await;
            }
            let telling = self.telling.lock().await;
            let last = (self.last.lock())
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            let Some(state) = last else {
                drop(telling);
                sleep(Duration::from_millis(200)).await;
                continue;
            };
            tracing::warn!(agent = self.kind.name(), "agent is gone, starting it anew");
            let again = async {
                self.ensure().await?;
                self.send_state(&state).await
            };
            if let Err(error) = again.await {
                tracing::error!(agent = self.kind.name(), %error, "agent cannot be started");
                sleep(Duration::from_secs(1)).await;
            }
        }
    }

    /// Stops the agent in an orderly way and waits until it is gone. One that is gone is a success.
    pub async fn stop(&self) -> Result<(), LocalError> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let socket = self.kind.socket(&self.run_dir);
        let Ok(stream) = UnixStream::connect(&socket).await else {
            return Ok(());
        };
        exchange::<()>(stream, &Request::Stop)
            .await
            .map_err(|reason| self.silent(&reason))?;
        let deadline = Instant::now() + START_TIMEOUT;
        while UnixStream::connect(&socket).await.is_ok() {
            if Instant::now() > deadline {
                return Err(self.silent("it was asked to stop and still runs"));
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// The agent's process id, as the kernel tells it for the other end of the control socket.
    pub async fn pid(&self) -> Option<i32> {
        let stream = UnixStream::connect(self.kind.socket(&self.run_dir))
            .await
            .ok()?;
        stream.peer_cred().ok()?.pid()
    }

    async fn hello(&self) -> Result<u32, LocalError> {
        match self.ask(&Request::Hello).await? {
            Reply::Hello { protocol } => Ok(protocol),
            Reply::Applied(_) | Reply::Stopping | Reply::Refused { .. } => {
                Err(self.silent("it answered a greeting with something else"))
            }
        }
    }

    async fn send_state(&self, state: &serde_json::Value) -> Result<serde_json::Value, LocalError> {
        match self.ask(&Request::Apply(state.clone())).await? {
            Reply::Applied(answer) => Ok(answer),
            Reply::Refused { message } => Err(LocalError::AgentRefused {
                name: self.kind.name(),
                message,
            }),
            Reply::Hello { .. } | Reply::Stopping => {
                Err(self.silent("it answered a state with something else"))
            }
        }
    }

    async fn ask(
        &self,
        request: &Request<serde_json::Value>,
    ) -> Result<Reply<serde_json::Value>, LocalError> {
        let stream = UnixStream::connect(self.kind.socket(&self.run_dir))
            .await
            .map_err(|error| self.silent(&error.to_string()))?;
        exchange(stream, request)
            .await
            .map_err(|reason| self.silent(&reason))
    }

    async fn start(&self) -> Result<(), LocalError> {
        check_socket_path(&self.kind.socket(&self.run_dir))?;
        let log = open_log(&self.kind.log(&self.run_dir))?;
        let errors = (log.try_clone()).map_err(LocalError::system("open", &self.run_dir))?;
        let mut child = tokio::process::Command::new(&self.program)
            .args(["agent", self.kind.name(), "--run-dir"])
            .arg(&self.run_dir)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(LocalError::system("start", &self.program))?;
        let deadline = Instant::now() + START_TIMEOUT;
        while self.hello().await.is_err() {
            if let Ok(Some(status)) = child.try_wait() {
                let tail = tail(&self.kind.log(&self.run_dir), 5);
                return Err(self.silent(&format!("it ended at once ({status}): {tail}")));
            }
            if Instant::now() > deadline {
                return Err(self.silent("it was started and does not answer"));
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    fn silent(&self, reason: &str) -> LocalError {
        LocalError::AgentSilent {
            name: self.kind.name(),
            reason: reason.to_owned(),
            log: self.kind.log(&self.run_dir),
        }
    }
}

/// What an agent does with a state.
pub(crate) trait Duty: Send + 'static {
    /// The whole desired state.
    type State: DeserializeOwned + Send;
    /// What came of it.
    type Answer: Serialize + Send;

    /// Makes the state true.
    fn apply(
        &mut self,
        state: Self::State,
    ) -> impl Future<Output = Result<Self::Answer, LocalError>> + Send;
}

/// The agent's side: serves the control socket until it is asked to stop, or gets SIGTERM.
pub(crate) async fn serve(
    kind: AgentKind,
    run_dir: &Path,
    duty: impl Duty,
) -> Result<(), LocalError> {
    let _lock = lock(kind, run_dir)?;
    let socket = kind.socket(run_dir);
    let listener = bind(&socket)?;
    let mut term = signal(SignalKind::terminate())
        .map_err(LocalError::system("watch signals for", run_dir))?;
    let duty = Arc::new(tokio::sync::Mutex::new(duty));
    let (stop, mut stopped) = tokio::sync::mpsc::channel::<()>(1);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept on the control socket");
                    sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            _ = term.recv() => break,
            _ = stopped.recv() => break,
        };
        let (duty, stop) = (duty.clone(), stop.clone());
        tokio::spawn(async move {
            if let Err(error) = converse(stream, &duty, &stop).await {
                tracing::debug!(%error, "control connection ended");
            }
        });
    }
    fs::remove_file(&socket).map_err(LocalError::system("remove", &socket))
}

/// Takes the calling process out of its terminal's session, and lets it have as many descriptors as it may.
pub(crate) fn settle() {
    // It fails only for the leader of a process group, which already is out of the server's reach.
    let _leader = nix::unistd::setsid();
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most));
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays low");
    }
}

/// The last lines of a log, on one line, for messages.
pub(crate) fn tail(log: &Path, lines: usize) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    if all.is_empty() {
        return "it wrote nothing".to_owned();
    }
    all[all.len().saturating_sub(lines)..].join(" | ")
}

/// Refuses a path that does not fit into a socket's address.
pub(crate) fn check_socket_path(path: &Path) -> Result<(), LocalError> {
    if path.as_os_str().len() <= LONGEST_SOCKET_PATH {
        return Ok(());
    }
    Err(LocalError::SocketPath {
        path: path.to_owned(),
    })
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request<S> {
    Hello,
    Apply(S),
    Stop,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply<A> {
    Hello { protocol: u32 },
    Applied(A),
    Stopping,
    Refused { message: String },
}

async fn converse<D: Duty>(
    stream: UnixStream,
    duty: &tokio::sync::Mutex<D>,
    stop: &tokio::sync::mpsc::Sender<()>,
) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await? {
        let reply = match serde_json::from_str(&line) {
            Ok(Request::Hello) => Reply::Hello { protocol: PROTOCOL },
            Ok(Request::Apply(state)) => match duty.lock().await.apply(state).await {
                Ok(answer) => Reply::Applied(answer),
                Err(error) => Reply::Refused {
                    message: error.to_string(),
                },
            },
            Ok(Request::Stop) => Reply::Stopping,
            Err(error) => Reply::Refused {
                message: format!("this is no request: {error}"),
            },
        };
        let mut line = serde_json::to_vec(&reply).map_err(std::io::Error::other)?;
        line.push(b'\n');
        write.write_all(&line).await?;
        if matches!(reply, Reply::Stopping) {
            let _already_asked = stop.try_send(());
            return Ok(());
        }
    }
    Ok(())
}

async fn exchange<A: DeserializeOwned>(
    mut stream: UnixStream,
    request: &Request<serde_json::Value>,
) -> Result<Reply<A>, String> {
    let work = async {
        let mut line = serde_json::to_vec(request).map_err(|error| error.to_string())?;
        line.push(b'\n');
        let (read, mut write) = stream.split();
        (write.write_all(&line).await).map_err(|error| error.to_string())?;
        let reply = (BufReader::new(read).lines().next_line().await)
            .map_err(|error| error.to_string())?
            .ok_or_else(|| "it hung up".to_owned())?;
        serde_json::from_str(&reply).map_err(|error| format!("its reply makes no sense: {error}"))
    };
    timeout(ASK_TIMEOUT, work)
        .await
        .map_err(|_| format!("no reply within {} s", ASK_TIMEOUT.as_secs()))?
}

fn lock(kind: AgentKind, run_dir: &Path) -> Result<Flock<File>, LocalError> {
    let path = run_dir.join(format!("{}.lock", kind.name()));
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(LocalError::system("open", &path))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, _)| LocalError::AgentRuns {
        name: kind.name(),
        run_dir: run_dir.to_owned(),
    })
}

/// Binds the control socket. The caller holds the lock, so a socket file that is there is a dead agent's.
fn bind(socket: &Path) -> Result<UnixListener, LocalError> {
    check_socket_path(socket)?;
    match fs::remove_file(socket) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(LocalError::system("remove", socket)(error)),
    }
    let listener = UnixListener::bind(socket).map_err(LocalError::system("listen on", socket))?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600))
        .map_err(LocalError::system("protect", socket))?;
    Ok(listener)
}

fn open_log(path: &Path) -> Result<File, LocalError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(LocalError::system("open", path))
}

#[cfg(test)]
mod tests;
