//! Reads one key after the other, and keeps what was wrong.

use std::fs;
use std::path::{Path, PathBuf};

use super::fault::Faults;
use super::key::Key;
use super::source::{Given, Sources, Value};

/// The longest file of a secret or of certificates that is read, in bytes.
const LONGEST: u64 = 1 << 20;

pub(super) struct Reader {
    sources: Sources,
}

impl Reader {
    pub(super) fn new(sources: Sources) -> Self {
        Self { sources }
    }

    /// A text.
    pub(super) fn text<T>(
        &mut self,
        key: &Key,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (_, given) = self.sources.find(key)?;
        let parsed = parse(alone(&given)?.trim());
        self.kept(&given, parsed)
    }

    /// A list.
    pub(super) fn list<T>(
        &mut self,
        key: &Key,
        parse: impl FnOnce(&[String]) -> Result<T, String>,
    ) -> Option<T> {
        let (_, given) = self.sources.find(key)?;
        let parsed = match &given.value {
            Value::List(items) => parse(items),
            Value::Text(text) => parse(std::slice::from_ref(text)),
        };
        self.kept(&given, parsed)
    }

    /// A file that is named: where it is, and what it holds.
    pub(super) fn path<T>(
        &mut self,
        key: &Key,
        parse: impl FnOnce(PathBuf, String) -> Result<T, String>,
    ) -> Option<T> {
        let (_, given) = self.sources.find(key)?;
        let read = absolute(&given).and_then(|path| {
            let content = content(&path)?;
            parse(path, content)
        });
        self.kept(&given, read)
    }

    /// A secret, given or in a file that is named.
    pub(super) fn secret<T>(
        &mut self,
        key: &Key,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (name, given) = self.sources.find(key)?;
        let is_file = name.ends_with("_file");
        let parsed = if is_file {
            absolute(&given).and_then(|path| {
                let content = content(&path)?;
                let text = content.trim();
                if text.is_empty() {
                    return Err(format!("{} is empty", path.display()));
                }
                parse(text)
            })
        } else {
            parse(alone(&given)?.trim())
        };
        self.kept(&given, parsed)
    }

    /// What was made of values that are good each for itself; the fault is told at this key.
    pub(super) fn check<T>(&mut self, key: &Key, made: anyhow::Result<T>) -> Option<T> {
        let (_, given) = self.sources.find(key)?;
        self.kept(&given, made.map_err(|error| format!("{error:#}")))
    }

    /// That this key must be given. It was, if it was wrong.
    pub(super) fn required<T>(&mut self, key: &Key, value: &Option<T>) {
        if value.is_some() || !self.sources.whole || self.sources.has(key) {
            return;
        }
        let in_file = self.sources.name.is_some();
        let place = match &self.sources.name {
            Some(file) => format!("{file}: {}", key.path()),
            None => key.variable(),
        };
        self.sources
            .faults
            .add(place, format!("it is missing: {}", key.advice(in_file)));
    }

    pub(super) fn faults(self) -> Faults {
        self.sources.faults
    }

    fn kept<T>(&mut self, given: &Given, parsed: Result<T, String>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(message) => {
                self.sources.faults.add(&given.place, message);
                None
            }
        }
    }
}

/// The text of a key that is no list.
fn alone(given: &Given) -> Option<&str> {
    match &given.value {
        Value::Text(text) => Some(text),
        Value::List(_) => None,
    }
}

fn absolute(given: &Given) -> Result<PathBuf, String> {
    let text = alone(given).unwrap_or_default().trim();
    if text.is_empty() {
        return Err("it is empty; name a file".to_owned());
    }
    let path = given.base.join(text);
    std::path::absolute(&path).map_err(|error| format!("{}: {error}", path.display()))
}

fn content(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let refused = |error: std::io::Error| {
        format!(
            "{shown} cannot be read ({error}); see that it is there and that this user may read it"
        )
    };
    let length = fs::metadata(path).map_err(refused)?.len();
    if length > LONGEST {
        return Err(format!(
            "{shown} has {length} bytes; at most {LONGEST} are read"
        ));
    }
    String::from_utf8(fs::read(path).map_err(refused)?)
        .map_err(|_| format!("{shown} is no text in UTF-8"))
}
