//! A server whose store fails: stopped, killed, restarted, cut off. Requests are refused soon, nothing is lost or doubled,
//! and all goes on by itself.

use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::tests::{ADMIN_KEY, load, started};
use sqlx::Connection as _;

use super::*;

/// A request is answered within this, whatever the store does: what waits for it is given up after 4.5 s, and this machine is slow.
const SOON: Duration = Duration::from_secs(8);
/// So is one that does not wait for the store, since that is known to fail.
const AT_ONCE: Duration = Duration::from_secs(3);
/// All goes on within this once the store does.
const BACK: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_stopped_killed_or_restarted_loses_nothing() {
    let mut store = Cluster::start();
    let server = Served::by(store.port).await;
    server.registers("a-first").await;

    // Stopped: nothing is refused and nothing is answered.
    store.signal(Signal::SIGSTOP);
    let (unknown, read) = tokio::join!(server.register("in-flight"), server.list());
    refused(&unknown, "OUTCOME_UNKNOWN", SOON);
    assert!(
        unknown.body["next_action"]
            .to_string()
            .contains("Idempotency-Key"),
        "{unknown:?}"
    );
    refused(&read, "UNAVAILABLE", SOON);
    refused(&server.list().await, "UNAVAILABLE", AT_ONCE);
    refused(&server.register("later").await, "UNAVAILABLE", AT_ONCE);
    refused(&server.get("/health").await, "UNAVAILABLE", AT_ONCE);
    let regions = server.get("/public/api/v1/regions").await;
    assert_eq!(
        regions.status,
        StatusCode::OK,
        "it needs no store: {regions:?}"
    );
    store.signal(Signal::SIGCONT);
    server.recovers().await;
    server.registers("in-flight").await;
    server.registers("later").await;

    // Killed, as when the machine lost its power.
    store.kill();
    let gone = server.register("while-killed").await;
    assert_eq!(gone.status, StatusCode::SERVICE_UNAVAILABLE, "{gone:?}");
    assert!(gone.retry_after && gone.took < SOON, "{gone:?}");
    store.run();
    server.recovers().await;
    server.registers("while-killed").await;

    // Restarted, as for a change of its settings: requests meanwhile wait, or are refused soon.
    store.stop();
    let meanwhile = server.list().await;
    assert!(meanwhile.took < SOON, "{meanwhile:?}");
    store.run();
    server.recovers().await;
    server.registers("after-restart").await;

    let all = server.list().await;
    let services = all.body.as_array().expect("a list");
    assert_eq!(services.len(), 5, "each once: {services:?}");
    server.running.plane.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_a_failover_left_behind_are_given_up() {
    let store = Cluster::start();
    let proxy = Proxy::to(store.port).await;
    let server = Served::by(proxy.port).await;
    server.registers("a-first").await;
    // From now on nothing passes by those that are open, nor by new ones: packets are dropped.
    proxy.hold.store(true, Ordering::SeqCst);
    let requests = (0..12).map(|_| server.list());
    for read in futures::future::join_all(requests).await {
        refused(&read, "UNAVAILABLE", SOON);
    }
    // A new one takes over: what was open stays dead.
    proxy.hold.store(false, Ordering::SeqCst);
    proxy.epoch.fetch_add(1, Ordering::SeqCst);
    server.recovers().await;
    server.registers("afterwards").await;
    server.running.plane.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_whose_connection_dies_is_tried_again() {
    let store = Cluster::start();
    let server = Served::by(store.port).await;
    server.registers("a-first").await;
    let mut blocker = sqlx::PgConnection::connect_with(&store.options())
        .await
        .expect("connected");
    let lock = "BEGIN; LOCK TABLE strait.project IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(lock)
        .execute(&mut blocker)
        .await
        .expect("locked");
    let waiting = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    let reading = server.list();
    let ending = async {
        loop {
            let ended: i64 = sqlx::query_scalar(waiting)
                .fetch_one(&mut blocker)
                .await
                .expect("asked");
            if ended > 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        sqlx::raw_sql("ROLLBACK")
            .execute(&mut blocker)
            .await
            .expect("released");
    };
    let (read, ()) = tokio::join!(reading, ending);
    assert_eq!(read.status, StatusCode::OK, "{read:?}");
    server.running.plane.shutdown().await;
}

#[track_caller]
fn refused(answer: &Answer, code: &str, within: Duration) {
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    assert!(answer.retry_after, "{answer:?}");
    assert_eq!(answer.body["code"], code, "{answer:?}");
    assert!(answer.took < within, "{answer:?}");
}

/// A server on a store, and a client of it.
struct Served {
    running: Running,
    client: Client,
    url: String,
    project: String,
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    retry_after: bool,
    body: Value,
    took: Duration,
}

impl Served {
    async fn by(port: u16) -> Self {
        let url = format!("postgres://strait@127.0.0.1:{port}/postgres?sslmode=disable");
        let config = load(&url, &format!("[http]\nadmin_key = \"{ADMIN_KEY}\""));
        let pool = store::connect(&config.database).await.expect("a store");
        let keeper = Keeper::open(pool.clone()).await.expect("up to date");
        let project = keeper.bootstrap("shop").await.expect("made").project.id;
        pool.close().await;
        let (running, url, _) = started(&config).await;
        Self {
            running,
            client: Client::builder().no_proxy().build().expect("a client"),
            url,
            project,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        let request = self.client.get(format!("{}{path}", self.url));
        answer(request.bearer_auth(ADMIN_KEY)).await
    }

    async fn list(&self) -> Answer {
        self.get(&format!(
            "/public/api/v1/projects/{}/services",
            self.project
        ))
        .await
    }

    /// Asks for a service; its key is its name.
    async fn register(&self, name: &str) -> Answer {
        let path = format!("public/api/v1/projects/{}/services/register", self.project);
        let request = self.client.post(format!("{}/{path}", self.url));
        let body = json!({
            "name": name,
            "region_code": "eu-central-1",
            "host": format!("{name}.example.com"),
            "vpc_id": "vpc-0123456789abcdef0",
            "subnet_ids": ["subnet-0123456789abcdef0"],
            "public_way": {"kind": "none"}
        });
        let keyed = request.header("Idempotency-Key", name).json(&body);
        answer(keyed.bearer_auth(ADMIN_KEY)).await
    }

    /// It does, and comes to its end; asked again, nothing more is made.
    async fn registers(&self, name: &str) {
        let taken = self.register(name).await;
        assert_eq!(taken.status, StatusCode::ACCEPTED, "{name}: {taken:?}");
        let again = self.register(name).await;
        let id = taken.body["service_id"].as_str().expect("an id");
        assert_eq!(again.body["service_id"], id, "{name}: {again:?}");
        let path = format!(
            "/public/api/v1/projects/{}/services/{id}?wait=20",
            self.project
        );
        let ready = self.get(&path).await;
        assert_eq!(ready.body["status"], "READY", "{name}: {ready:?}");
        assert!(ready.took < BACK, "{name}: {ready:?}");
    }

    async fn recovers(&self) {
        let begun = Instant::now();
        loop {
            let health = self.get("/health").await;
            if health.status == StatusCode::OK {
                println!("served again after {:?}", begun.elapsed());
                return;
            }
            assert!(begun.elapsed() < BACK, "{health:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let begun = Instant::now();
    let response: Response =
        (request.timeout(Duration::from_secs(60)).send().await).expect("an answer");
    Answer {
        status: response.status(),
        retry_after: response.headers().contains_key("retry-after"),
        body: response.json().await.expect("JSON"),
        took: begun.elapsed(),
    }
}

/// A PostgreSQL of this test's own, which can fail.
struct Cluster {
    folder: tempfile::TempDir,
    port: u16,
    running: Option<Child>,
}

impl Cluster {
    fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("its number").port();
        drop(free);
        let folder = tempfile::tempdir().expect("a folder");
        let mut cluster = Self {
            folder,
            port,
            running: None,
        };
        if nix::unistd::geteuid().is_root() {
            let owner = nix::unistd::User::from_name("postgres");
            let owner = owner.expect("users").expect("PostgreSQL's");
            nix::unistd::chown(cluster.folder.path(), Some(owner.uid), Some(owner.gid))
                .expect("given");
        }
        let made = cluster
            .command("initdb")
            .args([
                "-A",
                "trust",
                "-U",
                "strait",
                "-E",
                "UTF8",
                "--no-locale",
                "--no-sync",
            ])
            .stdout(Stdio::null())
            .status();
        assert!(made.expect("initdb").success());
        cluster.run();
        cluster
    }

    fn run(&mut self) {
        let port = self.port.to_string();
        let mut command = self.command("postgres");
        command.args([
            "-p",
            &port,
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
        ]);
        // A signal for the tests is not for it.
        command.process_group(0).stderr(Stdio::null());
        self.running = Some(command.spawn().expect("postgres"));
        let begun = Instant::now();
        let ready = || {
            let programs = programs();
            let mut asking = Command::new(programs.join("pg_isready"));
            let asked = asking.args(["-q", "-h", "127.0.0.1", "-p", &port]).status();
            asked.expect("pg_isready").success()
        };
        while !ready() {
            assert!(begun.elapsed() < BACK * 3, "it does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Tells it and its children; which those are.
    fn signal(&self, signal: Signal) -> Vec<Pid> {
        // Each backend is a leader of its own group. The first goes first, or it starts what is lost anew.
        let own = self.pid();
        let children = format!("/proc/{own}/task/{own}/children");
        let children = std::fs::read_to_string(children).expect("procfs");
        kill(own, signal).expect("it runs");
        let children: Vec<Pid> = children
            .split_whitespace()
            .map(|child| Pid::from_raw(child.parse().expect("a number")))
            .collect();
        for child in &children {
            // It may have ended with the first.
            let _ = kill(*child, signal);
        }
        children
    }

    fn kill(&mut self) {
        let children = self.signal(Signal::SIGKILL);
        self.bury();
        // It does not start again while one of them is there.
        let begun = Instant::now();
        while children.iter().any(|child| kill(*child, None).is_ok()) {
            assert!(begun.elapsed() < BACK, "they do not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn stop(&mut self) {
        kill(self.pid(), Signal::SIGINT).expect("it runs");
        self.bury();
    }

    fn bury(&mut self) {
        let child = self.running.as_mut().expect("it runs");
        child.wait().expect("its status");
        self.running = None;
    }

    fn pid(&self) -> Pid {
        let id = self.running.as_ref().expect("it runs").id();
        Pid::from_raw(i32::try_from(id).expect("a number"))
    }

    fn options(&self) -> sqlx::postgres::PgConnectOptions {
        sqlx::postgres::PgConnectOptions::new()
            .host("127.0.0.1")
            .port(self.port)
            .username("strait")
            .database("postgres")
    }

    /// A program of PostgreSQL's on this data folder; it refuses root.
    fn command(&self, program: &str) -> Command {
        let program = programs().join(program);
        let mut command = if nix::unistd::geteuid().is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
            command.arg(program);
            command
        } else {
            Command::new(program)
        };
        command.arg("-D").arg(self.folder.path().join("data"));
        command.current_dir("/");
        command
    }
}

fn programs() -> PathBuf {
    let found = strait_local::engine::Installation::find();
    found.expect("PostgreSQL").programs
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.kill();
        }
    }
}

/// Passes bytes, until it holds them back. Connections of before a change of the epoch are never served again.
struct Proxy {
    port: u16,
    hold: Arc<AtomicBool>,
    epoch: Arc<AtomicU16>,
}

impl Proxy {
    async fn to(port: u16) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let own = listener.local_addr().expect("its number").port();
        let (hold, epoch) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU16::new(0)),
        );
        let proxy = Self {
            port: own,
            hold: Arc::clone(&hold),
            epoch: Arc::clone(&epoch),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (hold, epoch) = (Arc::clone(&hold), Arc::clone(&epoch));
                tokio::spawn(pass(stream, port, hold, epoch));
            }
        });
        proxy
    }
}

async fn pass(mut client: TcpStream, port: u16, hold: Arc<AtomicBool>, epoch: Arc<AtomicU16>) {
    let born = epoch.load(Ordering::SeqCst);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let Ok(mut server) = TcpStream::connect(address).await else {
        return;
    };
    let held = || hold.load(Ordering::SeqCst) || epoch.load(Ordering::SeqCst) != born;
    let (mut ours, mut theirs) = ([0; 4096], [0; 4096]);
    while !held() {
        let passed = tokio::select! {
            read = client.read(&mut ours) => match read {
                Ok(length) if length > 0 && !held() => server.write_all(&ours[..length]).await,
                _ => break,
            },
            read = server.read(&mut theirs) => match read {
                Ok(length) if length > 0 && !held() => client.write_all(&theirs[..length]).await,
                _ => break,
            },
            () = tokio::time::sleep(Duration::from_millis(20)) => Ok(()),
        };
        if passed.is_err() {
            return;
        }
    }
    if held() {
        // Open, and deaf: nobody is told.
        tokio::time::sleep(Duration::from_secs(120)).await;
    }
}
