//! `strait admin`.

use anyhow::Result;
use clap::Subcommand;
use comfy_table::Cell;
use serde_json::json;

use super::client::{Client, typed};
use super::objects::Quota;
use super::output::{self, Format, Rows};
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
        /// Which: `vpcs` or `peerings-per-vpc` [default: shows all]
        #[arg(requires = "limit")]
        quota: Option<String>,
        /// How many there may be from now on
        limit: Option<u32>,
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
    }
}
