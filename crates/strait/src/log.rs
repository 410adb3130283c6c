//! The server's log: lines on standard output, by `STRAIT_LOG` (such as `debug` or `strait_local=trace`).

use tracing_subscriber::EnvFilter;

/// Starts logging. Once a process.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env("STRAIT_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .init();
}
