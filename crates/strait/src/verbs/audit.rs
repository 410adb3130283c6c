//! `strait audit`: who changed what, and who was refused what.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use comfy_table::Cell;
use jiff::{Timestamp, civil};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, typed};
use super::output::{self, Format, Rows};
use super::{Context, Output, Sure};

/// What to do with the audit: each change and each refusal, who, from where, what, before and after.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Lists what was changed and refused, the newest first
    #[command(
        visible_alias = "ls",
        after_help = "Examples:\n  strait audit list --outcome refused --since 2026-11-30\n  strait audit list --actor ada@example.com --action key\n  strait audit list --all-projects --text 203.0.113.7"
    )]
    List {
        #[command(flatten)]
        filter: Filter,
        /// At most so many
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Only those before the one with this id: the next page
        #[arg(long, value_name = "ID")]
        before: Option<String>,
        #[command(flatten)]
        format: Output,
    },
    /// Prints it as JSON lines, the oldest first
    #[command(
        after_help = "Example:\n  strait audit export --since 2026-11-01 --until 2026-12-01 > 2026-11.jsonl"
    )]
    Export {
        #[command(flatten)]
        filter: Filter,
        /// Only those after the one with this id: what came since the last export
        #[arg(long, value_name = "ID")]
        after: Option<String>,
    },
    /// Takes away what is older than a day that is at least 30 days past, of all projects; for the operator
    #[command(after_help = "Example:\n  strait audit forget --until 2025-11-01 --yes")]
    Forget {
        /// A day, as 2025-11-01, or a time, as 2025-11-01T12:00:00Z
        #[arg(long, value_name = "WHEN", value_parser = moment)]
        until: Timestamp,
        #[command(flatten)]
        sure: Sure,
        #[command(flatten)]
        format: Output,
    },
}

/// What is looked for.
#[derive(Debug, Args)]
pub(crate) struct Filter {
    /// Only by this one: an e-mail address, a public key, a name
    #[arg(long)]
    actor: Option<String>,
    /// Only about the object with this id or name
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// Only this action, as key.revoke, or those that begin with it, as key
    #[arg(long)]
    action: Option<String>,
    /// Only what came out so: accepted, done, refused, failed
    #[arg(long, value_delimiter = ',')]
    outcome: Vec<String>,
    /// Only of the operation with this id
    #[arg(long, value_name = "ID")]
    operation: Option<String>,
    /// Only from this day (2026-11-30) or time (2026-11-30T08:00:00Z) on
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only before this day or time
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<Timestamp>,
    /// Only with this in it
    #[arg(long)]
    text: Option<String>,
    /// The project, by id or name [default: $STRAIT_PROJECT_ID, or the first one]
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Of all projects, and what is in none: users, sessions, who is not known. For the operator
    #[arg(long, conflicts_with = "project")]
    all_projects: bool,
}

#[derive(Debug, Deserialize)]
struct Entry {
    id: String,
    at: String,
    actor: String,
    address: Option<String>,
    route: Option<String>,
    action: String,
    object_id: Option<String>,
    object_name: Option<String>,
    outcome: String,
    code: Option<String>,
    times: i64,
}

pub(super) async fn run(verb: Verb, context: &Context) -> Result<()> {
    match verb {
        Verb::List {
            filter,
            limit,
            before,
            format,
        } => {
            let (client, mut query) = (filter.client(context)?, filter.query());
            query.push(("limit", limit.to_string()));
            query.extend(before.map(|id| ("before", id)));
            let found = client.get_where(&filter.path(&client), &query).await?;
            list(&found, format.output)
        }
        Verb::Export { filter, after } => {
            let (client, mut query) = (filter.client(context)?, filter.query());
            query.push(("format", "jsonl".to_owned()));
            query.extend(after.map(|id| ("after", id)));
            let mut out = std::io::stdout().lock();
            client
                .copy(&filter.path(&client), &query, |bytes| {
                    out.write_all(bytes).context("cannot write")
                })
                .await
        }
        Verb::Forget {
            until,
            sure,
            format,
        } => {
            let client = Client::as_admin(context)?;
            output::confirm(&format!("Forget the audit before {until}?"), sure.yes)?;
            let asked = json!({ "until": until });
            let gone = client.post(&["admin", "audit", "forget"], &asked).await?;
            match format.output {
                Format::Json => output::json(&gone),
                Format::Table => output::line(&format!("{} entries are gone.", gone["entries"])),
            }
        }
    }
}

impl Filter {
    fn client(&self, context: &Context) -> Result<Client> {
        match self.all_projects {
            true => Client::as_admin(context),
            false => Client::in_project(context, self.project.as_deref()),
        }
    }

    fn path<'a>(&self, client: &'a Client) -> Vec<&'a str> {
        match self.all_projects {
            true => vec!["admin", "audit"],
            false => client.in_its_project(&["audit"]),
        }
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let outcome = (!self.outcome.is_empty()).then(|| self.outcome.join(","));
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
        [
            ("actor", self.actor.clone()),
            ("object", self.object.clone()),
            ("action", self.action.clone()),
            ("outcome", outcome),
            ("operation", self.operation.clone()),
            ("since", time(self.since)),
            ("until", time(self.until)),
            ("text", self.text.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

fn list(found: &Value, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(found);
    }
    let mut rows = Rows::new(
        &["ID", "AT", "WHO", "FROM", "WHAT", "ABOUT", "OUTCOME"],
        "Nothing like that.",
    );
    for entry in typed::<Vec<Entry>>(found)? {
        let what = match (entry.action.as_str(), entry.route) {
            ("request", Some(route)) => route,
            (_, _) => entry.action,
        };
        let outcome = match (entry.code, entry.times) {
            (Some(code), 1) => format!("{} {code}", entry.outcome),
            (Some(code), times) => format!("{} {code} ({times} times)", entry.outcome),
            (None, _) => entry.outcome,
        };
        rows.add(vec![
            Cell::new(entry.id),
            Cell::new(entry.at),
            Cell::new(entry.actor),
            Cell::new(entry.address.unwrap_or_default()),
            Cell::new(what),
            Cell::new(entry.object_name.or(entry.object_id).unwrap_or_default()),
            Cell::new(outcome),
        ]);
    }
    rows.print()
}

/// A time, or a day's beginning in UTC.
fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let day: Result<civil::Date, _> = text.parse();
    day.and_then(|day| day.in_tz("UTC"))
        .map(|begin| begin.timestamp())
        .map_err(|_| "give a day, as 2026-11-30, or a time, as 2026-11-30T08:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_at_midnight_and_times_are_what_they_are() {
        let at = |text: &str| moment(text).map(|at| at.to_string());
        assert_eq!(at("2026-11-30").as_deref(), Ok("2026-11-30T00:00:00Z"));
        assert_eq!(
            at("2026-11-30T08:00:00+02:00").as_deref(),
            Ok("2026-11-30T06:00:00Z")
        );
        for bad in ["", "yesterday", "2026-13-01", "2026-11-30T"] {
            assert!(at(bad).is_err(), "{bad}");
        }
    }
}
