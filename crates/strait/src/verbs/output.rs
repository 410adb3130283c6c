//! Prints: tables for people, JSON for programs.

use std::io::{IsTerminal, Write};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use serde_json::Value;

/// For people or for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Table,
    /// For programs: the API's objects
    Json,
}

/// A table with a heading.
pub(super) struct Rows {
    table: Table,
    empty: &'static str,
    count: usize,
}

impl Rows {
    /// `empty` is said when there are no rows.
    pub(super) fn new(heading: &[&str], empty: &'static str) -> Self {
        let mut table = plain();
        table.set_header(heading);
        Self {
            table,
            empty,
            count: 0,
        }
    }

    pub(super) fn add(&mut self, cells: Vec<Cell>) {
        self.count += 1;
        self.table.add_row(cells);
    }

    pub(super) fn print(&self) -> Result<()> {
        if self.count == 0 {
            return line(self.empty);
        }
        line(&trimmed(&self.table))
    }
}

/// The fields of one object, one a line; what is not there is left out.
pub(super) struct Fields {
    table: Table,
}

impl Fields {
    pub(super) fn new() -> Self {
        Self { table: plain() }
    }

    pub(super) fn add(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.table
            .add_row([Cell::new(name), Cell::new(value.into())]);
        self
    }

    pub(super) fn status(&mut self, value: &str) -> &mut Self {
        self.table.add_row([Cell::new("status"), status(value)]);
        self
    }

    pub(super) fn maybe(&mut self, name: &str, value: Option<impl Into<String>>) -> &mut Self {
        if let Some(value) = value {
            self.add(name, value);
        }
        self
    }

    pub(super) fn print(&self) -> Result<()> {
        line(&trimmed(&self.table))
    }
}

/// A status in the colour of good, bad or under way. Without a terminal it has none.
pub(super) fn status(word: &str) -> Cell {
    let cell = Cell::new(word);
    if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        return cell;
    }
    match word {
        "READY" | "CREATED" | "ACTIVE" => cell.fg(Color::Green),
        "FAILED" | "UNSTABLE" | "INVALID" | "TIMEOUT" | "DISABLED" => cell.fg(Color::Red),
        "PAUSED" => cell,
        _ => cell.fg(Color::Yellow),
    }
}

/// The API's object.
pub(super) fn json(value: &Value) -> Result<()> {
    line(&serde_json::to_string_pretty(value)?)
}

/// A line on standard output. A reader that has gone away (`| head`) is no error.
pub(super) fn line(text: &str) -> Result<()> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

/// That an object is deleted, or is being deleted.
pub(super) fn deleted(kind: &str, id: &str, gone: bool, format: Format) -> Result<()> {
    let (word, text) = if gone {
        ("DELETED", "is deleted")
    } else {
        ("DELETING", "is being deleted")
    };
    match format {
        Format::Json => json(&serde_json::json!({ "id": id, "status": word })),
        Format::Table => line(&format!("The {kind} {id} {text}.")),
    }
}

/// Asks whether to go on, where there is somebody to ask.
pub(super) fn confirm(question: &str, yes: bool) -> Result<()> {
    if yes || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(());
    }
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .context("cannot read your answer")?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    bail!("nothing was done")
}

fn plain() -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table
}

/// Without the padding at both ends of lines.
fn trimmed(table: &Table) -> String {
    let lines: Vec<String> = table
        .lines()
        .map(|line| {
            line.strip_prefix(' ')
                .unwrap_or(&line)
                .trim_end()
                .to_owned()
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned_and_end_where_their_text_does() {
        let mut rows = Rows::new(&["ID", "NAME"], "none");
        rows.add(vec![Cell::new("1"), Cell::new("orders")]);
        rows.add(vec![Cell::new("12345"), Cell::new("x")]);
        assert_eq!(trimmed(&rows.table), "ID     NAME\n1      orders\n12345  x");
    }
}
