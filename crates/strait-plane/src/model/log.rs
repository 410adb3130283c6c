//! What a service's PostgreSQL writes into its log.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;

use crate::error::PlaneError;

/// Which entries of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Only those at this time or after it.
    pub since: Option<Timestamp>,
    /// Only those before this time.
    pub until: Option<Timestamp>,
    /// Where the page before this one ended.
    pub cursor: Option<LogCursor>,
    /// Only those that hold all of these, in upper or lower case.
    pub search: Vec<String>,
    /// Only those of one of these severities, in upper or lower case.
    pub severities: Vec<String>,
    /// At most so many.
    pub limit: usize,
}

/// Entries of a log, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPage {
    /// The entries.
    pub entries: Vec<LogEntry>,
    /// Where the next page goes on, if older entries may be there.
    pub next: Option<LogCursor>,
}

/// One entry of a log, with its details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogEntry {
    /// When.
    pub timestamp: Timestamp,
    /// PostgreSQL's word: `LOG`, `WARNING`, `ERROR` and so on.
    pub severity: String,
    /// The message; details, hints and statements are lines of their own.
    pub message: String,
    /// Whose session it was: user, database and address.
    pub session: Option<String>,
}

/// A place in a log that stays what it is while the log grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogCursor {
    /// The time of the last entry that was shown.
    pub at: Timestamp,
    /// How many entries of that time were shown.
    pub shown: u32,
}

impl fmt::Display for LogCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.at.as_microsecond(), self.shown)
    }
}

impl FromStr for LogCursor {
    type Err = PlaneError;

    fn from_str(text: &str) -> Result<Self, PlaneError> {
        let read = || {
            let (at, shown) = text.split_once('-')?;
            Some(Self {
                at: Timestamp::from_microsecond(at.parse().ok()?).ok()?,
                shown: shown.parse().ok()?,
            })
        };
        read().ok_or_else(|| {
            PlaneError::invalid(
                "cursor",
                format!("{text:?} is no place in a log; give the `last_cursor` of an answer"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        let cursor = LogCursor {
            at: Timestamp::from_microsecond(1_700_000_000_123_000).expect("a time"),
            shown: 3,
        };
        assert_eq!(cursor.to_string().parse::<LogCursor>().ok(), Some(cursor));
        for bad in ["", "1", "-1-1", "x-1", "1-x", "99999999999999999999-1"] {
            assert!(bad.parse::<LogCursor>().is_err(), "{bad}");
        }
    }
}
