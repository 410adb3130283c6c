//! Logs.

use jiff::Timestamp;
use serde::Serialize;
use strait_plane::model::{self, LogPage};
use utoipa::ToSchema;

/// A page of a service's log, the newest entries first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServiceLogs {
    /// The messages alone.
    #[schema(deprecated)]
    logs: Vec<String>,
    /// The entries.
    entries: Vec<ServiceLogEntry>,
    /// The `cursor` of the next page, if there are older entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "1764478800123000-1")]
    last_cursor: Option<String>,
    /// The same.
    #[serde(rename = "lastCursor", skip_serializing_if = "Option::is_none")]
    #[schema(deprecated)]
    last_cursor_by_its_former_name: Option<String>,
}

/// An entry of a log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServiceLogEntry {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
    /// The message, with its details, hint and statement in lines of their own.
    message: String,
    /// PostgreSQL's word for how grave it is.
    #[schema(example = "LOG")]
    severity: String,
    /// The session that it is about: user, database, address of the last hop.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "tsdbadmin@tsdb 10.0.0.5(41234)")]
    session: Option<String>,
}

impl From<LogPage> for ServiceLogs {
    fn from(page: LogPage) -> Self {
        let cursor = page.next.map(|cursor| cursor.to_string());
        let messages = page.entries.iter().map(|entry| entry.message.clone());
        Self {
            logs: messages.collect(),
            entries: page
                .entries
                .into_iter()
                .map(ServiceLogEntry::from)
                .collect(),
            last_cursor: cursor.clone(),
            last_cursor_by_its_former_name: cursor,
        }
    }
}

impl From<model::LogEntry> for ServiceLogEntry {
    fn from(entry: model::LogEntry) -> Self {
        Self {
            timestamp: entry.timestamp,
            message: entry.message,
            severity: entry.severity,
            session: entry.session,
        }
    }
}
