//! `strait usage`.

use anyhow::Result;
use clap::{Args, ValueEnum};
use comfy_table::{Cell, CellAlignment};
use serde_json::Value;

use super::Context;
use super::client::{Client, typed};
use super::objects::{Plan, Usage};
use super::output::{self, Rows};
use super::quota::plan_in_words;

/// `strait usage`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Of this month, UTC [default: the present one]
    #[arg(long, value_name = "YYYY-MM", conflicts_with_all = ["since", "until"])]
    month: Option<String>,
    /// Or from this day or time on
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Up to this day or time [default: now]
    #[arg(long, value_name = "TIME", requires = "since")]
    until: Option<String>,
    /// Of all projects, those that are gone too: for the operator
    #[arg(long, conflicts_with = "project")]
    all: bool,
    /// The project, by id or name [default: $STRAIT_PROJECT_ID, or the first one]
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// A table for people, the API's objects or lines of values for programs
    #[arg(long, visible_alias = "format", value_enum, default_value_t = Form::Table)]
    output: Form,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Table,
    /// For programs: the API's objects
    Json,
    /// For spreadsheets: a heading, and a line for each VPC and endpoint
    Csv,
}

pub(super) async fn run(options: &Options, context: &Context) -> Result<()> {
    let client = match options.all {
        true => Client::as_admin(context)?,
        false => Client::in_project(context, options.project.as_deref())?,
    };
    let path = match options.all {
        true => vec!["admin", "usage"],
        false => client.in_its_project(&["usage"]),
    };
    let query = [
        ("month", options.month.clone()),
        ("since", options.since.clone()),
        ("until", options.until.clone()),
        (
            "format",
            (options.output == Form::Csv).then(|| "csv".to_owned()),
        ),
    ];
    let query: Vec<(&str, String)> = query
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    match options.output {
        Form::Csv => {
            let text = client.get_text_where(&path, &query).await?;
            output::line(text.trim_end())
        }
        Form::Json => output::json(&client.get_where(&path, &query).await?),
        Form::Table => tables(&client.get_where(&path, &query).await?),
    }
}

fn tables(answer: &Value) -> Result<()> {
    if !answer.is_array() {
        return table(typed(answer)?);
    }
    for (place, usage) in typed::<Vec<Usage>>(answer)?.into_iter().enumerate() {
        if place > 0 {
            output::line("")?;
        }
        table(usage)?;
    }
    Ok(())
}

fn table(usage: Usage) -> Result<()> {
    output::line(&format!(
        "Project {} ({}), from {} until {}",
        usage.project_id, usage.project_name, usage.from, usage.until
    ))?;
    let plan = Plan {
        project_id: usage.project_id,
        plan: usage.plan,
        trial_ends: usage.trial_ends,
    };
    output::line(&format!("Plan: {}\n", plan_in_words(&plan)?))?;
    let mut rows = Rows::new(
        &["RESOURCE", "ID", "NAME", "VPC", "HOURS", "FREE", "BILLED"],
        "Nothing was used.",
    );
    for line in usage.lines {
        rows.add(vec![
            Cell::new(line.resource),
            Cell::new(line.id),
            Cell::new(line.name),
            Cell::new(line.vpc_id),
            hours(line.hours),
            hours(line.free_hours),
            hours(line.billed_hours),
        ]);
    }
    for total in usage.totals.into_iter().filter(|total| total.count > 0) {
        rows.add(vec![
            Cell::new(format!("all of {}", total.resource)),
            Cell::new(total.count),
            Cell::new(""),
            Cell::new(""),
            hours(total.hours),
            hours(total.free_hours),
            hours(total.billed_hours),
        ]);
    }
    rows.print()
}

fn hours(number: f64) -> Cell {
    Cell::new(format!("{number:.2}")).set_alignment(CellAlignment::Right)
}
