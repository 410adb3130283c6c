//! `strait admin`.

use anyhow::Result;
use clap::Subcommand;
use comfy_table::Cell;
use serde_json::json;

use super::client::{Client, typed};
use super::objects::{Plan, Quota};
use super::output::{self, Fields, Format, Rows};
use super::quota::plan_in_words;
use super::{Common, Context, user};

/// What only the operator does.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Users: who logs in
    #[command(subcommand)]
    User(user::Verb),
    /// Shows a project's quotas, or sets one
    #[command(
        after_help = "Examples:\n  strait admin quota\n  strait admin quota --project shop vpcs 10\n  strait admin quota peerings-per-vpc 100"
    )]
    Quota {
        /// Which: `vpcs`, `peerings-per-vpc` or `services` [default: shows all]
        #[arg(requires = "limit")]
        quota: Option<String>,
        /// How many there may be from now on
        limit: Option<u32>,
        #[command(flatten)]
        common: Common,
    },
    /// Shows a project's plan, or gives it another one: in a trial, hours of VPCs and endpoints are free
    #[command(
        after_help = "Examples:\n  strait admin plan --project shop\n  strait admin plan --project shop --trial-until 2026-12-31\n  strait admin plan --project shop --standard"
    )]
    Plan {
        /// The trial ends now
        #[arg(long)]
        standard: bool,
        /// The trial ends at this time, or when this day begins (UTC)
        #[arg(long, value_name = "TIME", conflicts_with = "standard")]
        trial_until: Option<String>,
        #[command(flatten)]
        common: Common,
    },
}

pub(crate) async fn run(verb: Verb, context: &Context) -> Result<()> {
    match verb {
        Verb::User(verb) => user::run(verb, context).await,
        Verb::Quota {
            quota,
            limit,
            common,
        } => {
            let client = Client::as_admin(context)?;
            let project = common.project.as_deref().unwrap_or(client.project());
            let path = ["admin", "projects", project, "quotas"];
            let answer = match (quota, limit) {
                (Some(quota), Some(limit)) => {
                    client
                        .put(&path, &json!({ "quota": quota, "limit": limit }))
                        .await?
                }
                (_, _) => client.get(&path).await?,
            };
            if common.format() == Format::Json {
                return output::json(&answer);
            }
            let quotas: Vec<Quota> = if answer.is_array() {
                typed(&answer)?
            } else {
                vec![typed(&answer)?]
            };
            let mut rows = Rows::new(&["QUOTA", "LIMIT", "USED"], "There are no quotas.");
            for quota in quotas {
                rows.add(vec![
                    Cell::new(quota.quota),
                    Cell::new(quota.limit),
                    Cell::new(quota.used),
                ]);
            }
            rows.print()
        }
        Verb::Plan {
            standard,
            trial_until,
            common,
        } => {
            let client = Client::as_admin(context)?;
            let project = common.project.as_deref().unwrap_or(client.project());
            let asked = match trial_until {
                Some(until) => Some(json!({ "plan": "trial", "trial_ends": instant(&until)? })),
                None => standard.then(|| json!({ "plan": "standard" })),
            };
            let plan = match asked {
                Some(asked) => {
                    let path = ["admin", "projects", project, "plan"];
                    client.put(&path, &asked).await?
                }
                None => client.get(&["projects", project, "plan"]).await?,
            };
            if common.format() == Format::Json {
                return output::json(&plan);
            }
            let plan: Plan = typed(&plan)?;
            let mut fields = Fields::new();
            fields
                .add("project", plan.project_id.clone())
                .add("plan", plan_in_words(&plan)?);
            fields.print()
        }
    }
}

/// A time, or the beginning of a day, as the API takes it.
fn instant(text: &str) -> Result<String> {
    let day = text.parse::<jiff::civil::Date>().ok();
    // A longer text with a day in it has a time too.
    let Some(day) = day.filter(|_| text.len() == 10) else {
        return Ok(text.to_owned());
    };
    let begins = day.to_zoned(jiff::tz::TimeZone::UTC)?;
    Ok(begins.timestamp().to_string())
}
