//! `strait down` and `strait status`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::fcntl::Flock;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use strait_kernel::{Anchor, Kernel};
use strait_local::agent::{Agent, AgentKind};
use strait_local::engine::{Engine, Installation};

use crate::args::Format;
use crate::data::{DataDir, ServerRecord, start_time};

/// How long the server may take to end before it is killed.
const PATIENCE: Duration = Duration::from_secs(15);

/// Ends everything that `strait up` started. The data stays. Called with one thread only.
pub(crate) fn down(data: &DataDir) -> Result<()> {
    let server = data.server();
    if let Some(server) = &server {
        end_server(server)?;
    }
    let _lock = wait_for_lock(data)?;
    data.forget_server();
    let run = data.run();
    if run.is_dir() {
        end_agents(data)?;
    }
    let anchor = if run.is_dir() {
        Anchor::find(&run)?
    } else {
        None
    };
    if let Some(anchor) = &anchor {
        // A process that has joined the anchor cannot leave its mounts again, so another one does that part.
        let program = std::env::current_exe().context("cannot find this program")?;
        let status = Command::new(program)
            .arg("--data-dir")
            .arg(data.root())
            .arg("stop-services")
            .status();
        if !status.is_ok_and(|status| status.success()) {
            eprintln!(
                "Not everything ended in order; it is ended now, and PostgreSQL recovers at the next start."
            );
        }
        anchor.stop()?;
    }
    empty_run_folder(data)?;
    match (server, anchor) {
        (None, None) => println!("Strait does not run in {}.", data.root().display()),
        (Some(_), _) | (_, Some(_)) => println!(
            "Strait is down. The data stays in {}.",
            data.root().display()
        ),
    }
    Ok(())
}

/// Ends the processes beside the server. They are in this machine's own PID namespace, so they do not end with the anchor.
pub(crate) fn end_agents(data: &DataDir) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        for kind in [AgentKind::Resolver, AgentKind::Forwarder] {
            end_agent(data, kind).await?;
        }
        Ok(())
    })
}

/// Says what runs; the exit status is 3 when nothing does.
pub(crate) fn status(data: &DataDir, format: Format) -> Result<bool> {
    let server = data.server();
    let anchor = if data.run().is_dir() {
        Anchor::find(&data.run())?
    } else {
        None
    };
    match format {
        Format::Json => {
            let shown = json!({
                "data_dir": data.root(),
                "server": server,
                "anchor": anchor.as_ref().map(|anchor| json!({ "pid": anchor.pid })),
            });
            println!("{}", serde_json::to_string_pretty(&shown)?);
        }
        Format::Table => match (&server, &anchor) {
            (Some(server), None) => println!(
                "The server runs (pid {}), but its network is gone: `strait down`, then `strait up`; the data stays.",
                server.pid
            ),
            (Some(server), _) => {
                println!("Strait {} runs (pid {}).", server.version, server.pid);
                println!("  REST API  {}/public/api/v1", server.rest_url());
                println!("  AWS APIs  {}", server.aws_url());
                if let Some(fingerprint) = &server.fingerprint {
                    println!("  TLS       SHA-256 {fingerprint}");
                }
                println!("  data      {}", data.root().display());
            }
            (None, Some(_)) => println!(
                "The server does not run, but services, names and ports go on. `strait up` adopts them, `strait down` ends them."
            ),
            (None, None) => println!(
                "Strait does not run in {}. Start it with `strait up --detach`.",
                data.root().display()
            ),
        },
    }
    Ok(server.is_some() && anchor.is_some())
}

/// The part of [`down`] that must be inside the anchor: ends services and Strait's own database in order. Called with
/// one thread only.
pub(crate) fn stop_services(data: &DataDir) -> Result<()> {
    let Some(anchor) = Anchor::find(&data.run())? else {
        return Ok(());
    };
    anchor.join()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let kernel = Arc::new(Kernel::open(&data.run())?);
        let engine = Engine::open(kernel, data.root(), Installation::find()?).await?;
        Ok(engine.stop_all().await?)
    })
}

/// Keeps a start from coming between; waits for one that is under way.
fn wait_for_lock(data: &DataDir) -> Result<Option<Flock<fs::File>>> {
    if !data.root().is_dir() {
        return Ok(None);
    }
    let started = Instant::now();
    loop {
        if let Some(lock) = data.lock()? {
            return Ok(Some(lock));
        }
        if started.elapsed() > PATIENCE {
            bail!(
                "a server is just starting in {}: try again when it is ready, or end it first",
                data.root().display()
            );
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn end_server(server: &ServerRecord) -> Result<()> {
    let pid = i32::try_from(server.pid).context("the record of the server is damaged")?;
    signal(pid, Signal::SIGTERM)?;
    let started = Instant::now();
    while start_time(server.pid) == Some(server.start_time) {
        if started.elapsed() > PATIENCE {
            signal(pid, Signal::SIGKILL)?;
        }
        if started.elapsed() > PATIENCE * 2 {
            bail!("the server (pid {pid}) does not end, not even when killed");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn signal(pid: i32, signal: Signal) -> Result<()> {
    match kill(Pid::from_raw(pid), signal) {
        Ok(()) | Err(nix::errno::Errno::ESRCH) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot end process {pid}")),
    }
}

async fn end_agent(data: &DataDir, kind: AgentKind) -> Result<()> {
    let agent = Agent::new(kind, &data.run(), Path::new(""));
    let pid = agent.pid().await;
    match (agent.stop().await, pid) {
        (Err(_), Some(pid)) => signal(pid, Signal::SIGKILL),
        (stopped, _) => Ok(stopped?),
    }
}

/// Sockets, records and empty mount points are all that is left there.
fn empty_run_folder(data: &DataDir) -> Result<()> {
    let run = data.run();
    match fs::remove_dir_all(&run) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot empty {}", run.display())),
    }
}
