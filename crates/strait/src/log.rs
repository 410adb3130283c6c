//! The server's log, by `STRAIT_LOG` (such as `debug` or `strait_local=trace`).

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// Where lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Into {
    /// Where a server that was detached has its log file.
    StandardOutput,
    /// Where service managers look.
    StandardError,
}

/// Starts logging. Once a process.
pub(crate) fn start(into: Into) {
    let filter = EnvFilter::try_from_env("STRAIT_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let writer = match into {
        Into::StandardOutput => BoxMakeWriter::new(std::io::stdout),
        Into::StandardError => BoxMakeWriter::new(std::io::stderr),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(writer)
        .init();
}
