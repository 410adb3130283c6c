//! moto's server, as a child of this process.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// moto's server, which ends with whoever holds the other end of its input, however that ends.
const MOTO: &str = "\
import os, sys, threading
from moto.server import main
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
main(sys.argv[1:])";

/// A running server; it ends with this.
pub(crate) struct Server {
    child: Child,
    port: u16,
}

/// Starts the moto that `tests/clients/moto.sh --prepare` fetches, as `make setup` does.
///
/// # Errors
/// Why there is none.
pub(crate) fn start() -> Result<Server, String> {
    let home = home().ok_or("there is no home folder")?;
    let python = home.join("venv/bin/python3");
    if !python.exists() {
        return Err(format!(
            "{} is missing; `make setup` fetches it",
            python.display()
        ));
    }
    let port = free_port().map_err(|error| format!("no free port: {error}"))?;
    let child = Command::new(python)
        .args(["-c", MOTO, "-H", "127.0.0.1", "-p", &port.to_string()])
        .env("PYTHONPATH", home.join("moto"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let child = child.map_err(|error| format!("moto's server does not start: {error}"))?;
    Server { child, port }.ready()
}

impl Server {
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn ready(mut self) -> Result<Self, String> {
        let patience = Instant::now() + PATIENCE;
        while Instant::now() < patience {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!(
                    "moto's server ended at once ({status}); `make setup` fetches what it needs"
                ));
            }
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return Ok(self);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(format!("moto's server did not answer within {PATIENCE:?}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn home() -> Option<PathBuf> {
    let named = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    named("STRAIT_MOTO")
        .or_else(|| Some(named("XDG_CACHE_HOME")?.join("strait-moto")))
        .or_else(|| Some(named("HOME")?.join(".cache/strait-moto")))
}

fn free_port() -> std::io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
