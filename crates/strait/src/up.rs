//! `strait up`: checks the machine, then serves in the foreground or leaves a server behind.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use strait_kernel::{Anchor, Machine, preflight};

use crate::args::{Certificate, Up};
use crate::data::{DataDir, ServerRecord};
use crate::down::end_agents;
use crate::{log, serve, tls};

/// How long a start may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts Strait, or says that it runs.
pub(crate) fn up(data: &DataDir, options: &Up) -> Result<()> {
    // Said here, and not in a log that nobody looks into.
    log::Format::of_environment()?;
    if let Some(server) = data.server() {
        if Anchor::find(&data.run())?.is_none() {
            bail!(
                "the server (pid {}) runs, but its network is gone: `strait down`, then `strait up`; the data stays",
                server.pid
            );
        }
        println!("Strait runs already (pid {}).", server.pid);
        greet(data, &server);
        return Ok(());
    }
    check_machine()?;
    data.open()?;
    let options = absolute(options)?;
    if let Certificate::Given(files) = options.certificate() {
        files.check()?;
        if let Some(path) = &options.ca_file {
            tls::check_authorities(path)?;
        }
    }
    if options.detach {
        detach(data, &options)
    } else {
        foreground(data, &options)
    }
}

/// The server and the resolver work elsewhere.
fn absolute(options: &Up) -> Result<Up> {
    let place = |path: &Path| {
        std::path::absolute(path)
            .with_context(|| format!("cannot tell where {} is", path.display()))
    };
    let given = |path: &Option<PathBuf>| path.as_deref().map(place).transpose();
    Ok(Up {
        resolv_conf: place(&options.resolv_conf)?,
        certificate_file: given(&options.certificate_file)?,
        certificate_key_file: given(&options.certificate_key_file)?,
        ca_file: given(&options.ca_file)?,
        ..options.clone()
    })
}

/// Serves in this process until it is told to stop. It must have one thread only.
fn foreground(data: &DataDir, options: &Up) -> Result<()> {
    let Some(_lock) = data.lock()? else {
        bail!(
            "the data folder {} is in use by another server: `strait status` shows it, or name another folder with --data-dir",
            data.root().display()
        );
    };
    let listeners = serve::Listeners::bind(options)?;
    let run = data.run();
    let found = Anchor::find(&run)?;
    let adopted = found.is_some();
    let anchor = found.map_or_else(|| Anchor::start(&run), Ok)?;
    let served = anchor
        .join()
        .map_err(anyhow::Error::from)
        .and_then(|()| serve::serve(data, options, listeners, adopted));
    let was_ready = data.server().is_some();
    data.forget_server();
    if !was_ready && !adopted {
        // Nothing is left behind by a start that failed or was interrupted. Whatever once was ready goes on for the next
        // server to adopt.
        let ended = end_agents(data).and_then(|()| Ok(anchor.stop()?));
        ended.context(
            "the start failed, and what it had started could not be ended: `strait down`",
        )?;
    }
    served
}

/// Starts a server of its own session and waits until it is ready.
fn detach(data: &DataDir, options: &Up) -> Result<()> {
    let path = data.logs().join("server.log");
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path);
    let log = log.with_context(|| format!("cannot write {}", path.display()))?;
    let errors = data.run().join("up.error");
    let mut command = Command::new(std::env::current_exe().context("cannot find this program")?);
    command.arg("--data-dir").arg(data.root()).arg("up");
    command.args([
        "--http",
        &options.http.to_string(),
        "--aws",
        &options.aws.to_string(),
        "--domain",
        &options.domain,
    ]);
    command.arg("--resolv-conf").arg(&options.resolv_conf);
    if options.tls {
        command.arg("--tls");
    }
    for (option, path) in [
        ("--certificate-file", &options.certificate_file),
        ("--certificate-key-file", &options.certificate_key_file),
        ("--ca-file", &options.ca_file),
    ] {
        if let Some(path) = path {
            command.arg(option).arg(path);
        }
    }
    if options.aws_quotas {
        command.arg("--aws-quotas");
    }
    if options.test_hooks {
        command.arg("--test-hooks");
    }
    let fresh = std::fs::File::create(&errors)
        .with_context(|| format!("cannot write {}", errors.display()))?;
    command
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(fresh)
        .process_group(0)
        .current_dir("/");
    let started = Instant::now();
    let mut child = command.spawn().context("cannot start the server")?;
    let ready = wait_until_ready(data, &mut child, started);
    match ready {
        Ok(server) => {
            println!(
                "Strait is up after {:.1} s.",
                started.elapsed().as_secs_f32()
            );
            greet(data, &server);
            Ok(())
        }
        Err(error) => {
            let why = std::fs::read_to_string(&errors).unwrap_or_default();
            let why = why.trim().trim_start_matches("Error: ");
            if why.is_empty() {
                Err(error.context(format!("the log is {}", path.display())))
            } else {
                bail!("{why}")
            }
        }
    }
}

fn wait_until_ready(data: &DataDir, child: &mut Child, started: Instant) -> Result<ServerRecord> {
    loop {
        if let Some(server) = data.server() {
            return Ok(server);
        }
        if let Some(status) = child.try_wait().context("cannot wait for the server")? {
            bail!("the server ended at once ({status})");
        }
        if started.elapsed() > PATIENCE {
            end(child);
            bail!(
                "the server was not ready after {} s and was ended",
                PATIENCE.as_secs()
            );
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// In order first, so that it takes away what it has started.
fn end(child: &mut Child) {
    let pid = i32::try_from(child.id()).map(Pid::from_raw);
    let asked = pid.is_ok_and(|pid| kill(pid, Signal::SIGTERM).is_ok());
    let started = Instant::now();
    while asked && started.elapsed() < PATIENCE && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(Duration::from_millis(10));
    }
    // It may have ended by itself meanwhile.
    let _ = child.kill();
}

fn check_machine() -> Result<()> {
    let missing = preflight(&Machine::this());
    let mut lines: Vec<String> = missing
        .iter()
        .map(|missing| format!("- {}\n    {}", missing.what, missing.fix))
        .collect();
    if let Err(error) = strait_local::engine::Installation::find() {
        lines.push(format!("- {error}"));
    }
    if lines.is_empty() {
        return Ok(());
    }
    bail!(
        "this machine lacks something that Strait needs:\n{}",
        lines.join("\n")
    )
}

fn greet(data: &DataDir, server: &ServerRecord) {
    println!("  REST API  {}/public/api/v1", server.rest_url());
    println!("  AWS APIs  {}", server.aws_url());
    println!(
        "  console   {}/ (`strait console` signs you in)",
        server.rest_url()
    );
    if let Some(fingerprint) = &server.fingerprint {
        println!("  TLS       SHA-256 {fingerprint}");
    }
    println!("  data      {}", data.root().display());
    if let Some(warning) = &server.warning {
        eprintln!("Warning: {warning}.");
    }
    println!(
        "Next: eval \"$(strait env)\", then `strait service create --help`. `strait down` ends it; the data stays."
    );
}
