//! Where values come from: the file and the variables, each value with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::Faults;
use super::key::{KEYS, Key, Kind, names, path, sections};

/// What was found, and what was wrong with the finding.
pub(super) struct Sources {
    /// By the name of the key, `cloud.regions`.
    file: BTreeMap<String, Given>,
    /// By the name of the variable.
    variables: BTreeMap<String, Given>,
    /// Keys and variables that were given, and cannot be read.
    wrong: BTreeSet<String>,
    pub(super) faults: Faults,
    /// How the file is called; none was given.
    pub(super) name: Option<String>,
    /// Whether all of the file could be read, so that what was not found is missing.
    pub(super) whole: bool,
}

/// A value that was given.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) value: Value,
    /// Where, for people.
    pub(super) place: String,
    /// What relative paths are relative to.
    pub(super) base: PathBuf,
}

/// A value as it was written. It may be a secret.
#[derive(Clone)]
pub(super) enum Value {
    Text(String),
    List(Vec<String>),
}

impl Sources {
    /// Reads both.
    pub(super) fn read(
        file: Option<&Path>,
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Self {
        let mut sources = Self {
            file: BTreeMap::new(),
            variables: BTreeMap::new(),
            wrong: BTreeSet::new(),
            faults: Faults::default(),
            name: file.map(|file| file.display().to_string()),
            whole: true,
        };
        if let Some(file) = file {
            sources.read_file(file);
        }
        sources.read_variables(variables);
        sources
    }

    /// Whether a key was given at all.
    pub(super) fn has(&self, key: &Key) -> bool {
        key.names().iter().any(|name| {
            let (variable, path) = (variable(key.section(), name), path(key.section(), name));
            self.variables.contains_key(&variable)
                || self.file.contains_key(&path)
                || self.wrong.contains(&variable)
                || self.wrong.contains(&path)
        })
    }

    /// What was given for a key under one of its names: `database_url`, `database_url_file`. The variable wins.
    pub(super) fn find(&mut self, key: &Key) -> Option<(String, Given)> {
        let names = key.names();
        let variables = names.iter().filter_map(|name| {
            let given = self.variables.get(&variable(key.section(), name))?;
            Some((name.clone(), given.clone()))
        });
        let mut found: Vec<(String, Given)> = variables.collect();
        if found.is_empty() {
            let in_file = names.iter().filter_map(|name| {
                let given = self.file.get(&path(key.section(), name))?;
                Some((name.clone(), given.clone()))
            });
            found = in_file.collect();
        }
        if let [(_, first), (_, second)] = found.as_slice() {
            self.faults.add(
                &second.place,
                format!("{} says the same; give one of both", first.place),
            );
        }
        found.into_iter().next()
    }

    fn read_file(&mut self, file: &Path) {
        let name = file.display().to_string();
        let text = match fs::read(file).map(String::from_utf8) {
            Ok(Ok(text)) => text,
            Ok(Err(_)) => {
                self.whole = false;
                return self
                    .faults
                    .add(name, "it is no text in UTF-8; write it as such");
            }
            Err(error) => {
                self.whole = false;
                return self.faults.add(
                    name,
                    format!("it cannot be read ({error}); name the right file with --config"),
                );
            }
        };
        let base = file.parent().map(Path::to_path_buf).unwrap_or_default();
        let mut reading = Reading {
            sources: self,
            name: &name,
            text: &text,
            base,
            broken: Vec::new(),
        };
        let (table, errors) = DeTable::parse_recoverable(&text);
        for error in errors {
            // Not the error's own form: it shows the line, which may hold a secret.
            let line = reading.line(&error.span().unwrap_or_default());
            let message = format!("this is no TOML: {}", error.message());
            reading
                .sources
                .faults
                .add(format!("{name}:{line}"), message);
            reading.sources.whole = false;
            reading.broken.push(line);
        }
        reading.table("", table.get_ref());
    }

    fn read_variables(&mut self, variables: impl Iterator<Item = (OsString, OsString)>) {
        let ours: Vec<String> = KEYS
            .iter()
            .flat_map(|key| {
                key.names()
                    .into_iter()
                    .map(|name| variable(key.section(), &name))
            })
            .collect();
        let mut given: Vec<(OsString, OsString)> = variables
            .filter(|(name, value)| {
                name.to_string_lossy().starts_with("STRAIT_") && !value.is_empty()
            })
            .collect();
        given.sort();
        for (name, value) in given {
            let name = name.to_string_lossy().into_owned();
            if !ours.contains(&name) {
                if is_meant_for_us(&name) {
                    self.faults.add(
                        name,
                        format!("there is no such variable; there are {}", ours.join(", ")),
                    );
                }
                continue;
            }
            let Ok(value) = value.into_string() else {
                self.wrong.insert(name.clone());
                self.faults.add(name, "it is no text in UTF-8");
                continue;
            };
            let is_list = KEYS
                .iter()
                .any(|key| key.kind == Kind::List && key.variable() == name);
            let value = if is_list {
                Value::List(
                    value
                        .split(',')
                        .map(|part| part.trim().to_owned())
                        .collect(),
                )
            } else {
                Value::Text(value)
            };
            let given = Given {
                value,
                place: name.clone(),
                base: PathBuf::new(),
            };
            self.variables.insert(name, given);
        }
    }
}

/// A file that is being read.
struct Reading<'a> {
    sources: &'a mut Sources,
    name: &'a str,
    text: &'a str,
    base: PathBuf,
    /// Lines that are no TOML: what is read there is not what was written.
    broken: Vec<usize>,
}

impl Reading<'_> {
    fn table(&mut self, section: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = key.get_ref();
            let line = self.line(&key.span());
            if self.broken.contains(&line) {
                continue;
            }
            let place = format!("{}:{line}: {}", self.name, path(section, name));
            let is_section = section.is_empty() && sections().contains(&name.as_ref());
            if !is_section {
                if names(section).contains(&name.to_string()) {
                    self.value(section, name, value.get_ref(), place);
                } else {
                    self.unknown(section, name, place);
                }
            } else if let DeValue::Table(table) = value.get_ref() {
                self.table(name, table);
            } else {
                self.sources.faults.add(
                    place,
                    format!(
                        "it is a section: write [{name}] on a line of its own, and its keys below"
                    ),
                );
            }
        }
    }

    fn value(&mut self, section: &str, name: &str, value: &DeValue<'_>, place: String) {
        let is_list = KEYS
            .iter()
            .any(|key| key.kind == Kind::List && key.path() == path(section, name));
        let value = match value {
            DeValue::String(text) if !is_list => Some(Value::Text(text.to_string())),
            DeValue::Array(items) if is_list => items
                .iter()
                .map(text)
                .collect::<Option<_>>()
                .map(Value::List),
            DeValue::String(_)
            | DeValue::Array(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Table(_) => None,
        };
        let Some(value) = value else {
            let wanted = if is_list {
                format!("a list of texts, as in {name} = [\"…\", \"…\"]")
            } else {
                format!("a text in quotes, as in {name} = \"…\"")
            };
            self.sources.wrong.insert(path(section, name));
            return self
                .sources
                .faults
                .add(place, format!("it must be {wanted}"));
        };
        let given = Given {
            value,
            place,
            base: self.base.clone(),
        };
        self.sources.file.insert(path(section, name), given);
    }

    fn unknown(&mut self, section: &str, name: &str, place: String) {
        let elsewhere = sections()
            .into_iter()
            .find(|other| *other != section && names(other).contains(&name.to_owned()));
        let message = match elsewhere {
            Some("") => "it stands above all sections; move it there".to_owned(),
            Some(other) => format!("it is a key of the section [{other}]; move it there"),
            None if section.is_empty() => format!(
                "there is no such key; there are {} and the sections [{}]",
                names(section).join(", "),
                sections()[1..].join("], [")
            ),
            None => format!(
                "there is no such key; there are {}",
                names(section).join(", ")
            ),
        };
        self.sources.faults.add(place, message);
    }

    /// The line where something begins, from 1.
    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }
}

fn text(item: &Spanned<DeValue<'_>>) -> Option<String> {
    match item.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Array(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Table(_) => None,
    }
}

fn variable(section: &str, name: &str) -> String {
    match section {
        "" => format!("STRAIT_{name}").to_uppercase(),
        section => format!("STRAIT_{section}_{name}").to_uppercase(),
    }
}

/// Whether a variable that is none of ours looks like one. Others of Strait's programs have theirs.
fn is_meant_for_us(name: &str) -> bool {
    const BEGINNINGS: [&str; 4] = [
        "STRAIT_DATABASE",
        "STRAIT_CA_",
        "STRAIT_HTTP_",
        "STRAIT_CLOUD",
    ];
    BEGINNINGS
        .iter()
        .any(|beginning| name.starts_with(beginning))
}
