//! Server-sent events, read as they come.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures::StreamExt as _;
use serde_json::Value;

/// Longer than anything takes that is waited for here, even on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A stream of them.
pub(crate) struct Told {
    body: BodyDataStream,
    read: String,
}

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    pub(crate) kind: String,
    pub(crate) id: Option<String>,
    /// Null without any.
    pub(crate) data: Value,
}

impl Told {
    pub(crate) fn new(body: Body) -> Self {
        Self {
            body: body.into_data_stream(),
            read: String::new(),
        }
    }

    /// The next one; none when the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        let next = tokio::time::timeout(PATIENCE, self.wait()).await;
        next.expect("something is told in time")
    }

    async fn wait(&mut self) -> Option<Message> {
        loop {
            while let Some((text, rest)) = self.read.split_once("\n\n") {
                let (text, rest) = (text.to_owned(), rest.to_owned());
                self.read = rest;
                // What begins with a colon only keeps the connection alive.
                if !text.lines().all(|line| line.starts_with(':')) {
                    return Some(Message::of(&text));
                }
            }
            let chunk = self.body.next().await?.expect("a chunk");
            self.read
                .push_str(std::str::from_utf8(&chunk).expect("text"));
        }
    }

    /// All up to the first that is so.
    pub(crate) async fn until(&mut self, is_last: impl Fn(&Message) -> bool) -> Vec<Message> {
        let mut told = Vec::new();
        loop {
            let message = self.next().await;
            let message = message.unwrap_or_else(|| panic!("it ended after {told:#?}"));
            let over = is_last(&message);
            told.push(message);
            if over {
                return told;
            }
        }
    }
}

impl Message {
    fn of(text: &str) -> Self {
        let field = |name: &str| {
            let found = |line: &str| {
                line.strip_prefix(name)?
                    .strip_prefix(": ")
                    .map(str::to_owned)
            };
            text.lines().find_map(found)
        };
        let data = field("data").map(|data| serde_json::from_str(&data).expect("JSON"));
        Self {
            kind: field("event").unwrap_or_default(),
            id: field("id"),
            data: data.unwrap_or_default(),
        }
    }

    /// The text of a field of its data.
    pub(crate) fn str(&self, pointer: &str) -> &str {
        let found = self.data.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_default()
    }
}
