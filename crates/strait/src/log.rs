//! The server's log, by `STRAIT_LOG` (such as `debug` or `strait_local=trace`), for people or for programs.

use anyhow::{Result, bail};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// The variable that says the format.
const FORMAT: &str = "STRAIT_LOG_FORMAT";

/// Where lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Into {
    /// Where a server that was detached has its log file.
    StandardOutput,
    /// Where service managers look.
    StandardError,
}

/// What lines are like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Pretty,
    /// A JSON object a line.
    Json,
}

impl Format {
    /// The one of this name.
    pub(crate) fn named(word: &str) -> Result<Self, String> {
        match word {
            "pretty" => Ok(Self::Pretty),
            "json" => Ok(Self::Json),
            _ => Err(format!(
                "{word:?} is no format of a log; there are \"pretty\" and \"json\""
            )),
        }
    }

    /// The one that the environment names.
    ///
    /// # Errors
    /// When that is none.
    pub(crate) fn of_environment() -> Result<Self> {
        match std::env::var(FORMAT).unwrap_or_default().as_str() {
            "" => Ok(Self::default()),
            word => match Self::named(word) {
                Ok(format) => Ok(format),
                Err(why) => bail!("{FORMAT}: {why}"),
            },
        }
    }
}

/// Starts logging. Once a process.
pub(crate) fn start(into: Into, format: Format) {
    let filter = EnvFilter::try_from_env("STRAIT_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let writer = match into {
        Into::StandardOutput => BoxMakeWriter::new(std::io::stdout),
        Into::StandardError => BoxMakeWriter::new(std::io::stderr),
    };
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(writer);
    match format {
        Format::Pretty => lines.init(),
        // What is said of the request or the reconciler stands in `span`.
        Format::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .init(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_two_formats() {
        assert_eq!(Format::named("json"), Ok(Format::Json));
        assert_eq!(Format::named("pretty"), Ok(Format::Pretty));
        for bad in ["", "JSON", "text"] {
            let why = Format::named(bad).expect_err(bad);
            assert!(why.contains("pretty"), "{why}");
        }
    }
}
