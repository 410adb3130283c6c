//! What `strait up` and `strait server` have in common: a runtime, a plane, listeners, and an orderly end.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context, Result};
use strait_http::Closing;
use strait_plane::Plane;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

/// A plane, and what runs for ever beside it.
pub(crate) struct Running {
    pub(crate) plane: Plane,
    /// The first of these that ends, ends all.
    pub(crate) parts: JoinSet<Result<()>>,
    /// Writes down what has been counted for the audit.
    pub(crate) closing: Closing,
}

/// Starts it and lets it run until SIGTERM or SIGINT, then stops the plane after the step that it is in.
///
/// # Errors
/// When it cannot start, or a part of it fails.
pub(crate) fn until_told(
    start: impl Future<Output = Result<Running>>,
    farewell: &str,
) -> Result<()> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder
        .worker_threads(2)
        .max_blocking_threads(32)
        .enable_all()
        .build();
    let runtime = runtime.context("cannot start the runtime")?;
    let served = runtime.block_on(run(start, farewell));
    runtime.shutdown_timeout(Duration::from_secs(2));
    served
}

/// Takes a port; `setting` is how another one is chosen.
pub(crate) fn bind(address: SocketAddr, setting: &str) -> Result<TcpListener> {
    TcpListener::bind(address).with_context(|| match find_holder(address) {
        Some(holder) => {
            format!("{address} is taken by {holder}: end it, or choose another with {setting}")
        }
        None => format!("cannot listen on {address}: choose another with {setting}"),
    })
}

async fn run(start: impl Future<Output = Result<Running>>, farewell: &str) -> Result<()> {
    let mut ended = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupted = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let Running {
        plane,
        mut parts,
        closing,
    } = tokio::select! {
        started = start => started?,
        _ = ended.recv() => return Ok(()),
        _ = interrupted.recv() => return Ok(()),
    };
    let served = tokio::select! {
        _ = ended.recv() => {
            tracing::info!("SIGTERM: {farewell}");
            Ok(())
        }
        _ = interrupted.recv() => {
            eprintln!("{farewell}");
            Ok(())
        }
        Some(part) = parts.join_next() => part.context("a part of the server failed").flatten(),
    };
    // First of all: a step of the plane's may take longer than whoever ends a server waits.
    closing.close().await;
    plane.shutdown().await;
    closing.close().await;
    served
}

/// What holds a port, as far as a person can be told without tools: that something answers there.
fn find_holder(address: SocketAddr) -> Option<&'static str> {
    let answered = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200));
    answered
        .is_ok()
        .then_some("another program (perhaps another Strait)")
}
