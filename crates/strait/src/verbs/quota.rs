//! `strait quota`.

use anyhow::{Context as _, Result};
use clap::{Subcommand, ValueEnum};
use comfy_table::Cell;
use serde_json::{Value, json};

use super::client::{Client, typed};
use super::objects::{Plan, Quota, QuotaRequest};
use super::output::{self, Fields, Format, Rows};
use super::{Common, Context, Output};

/// What to do with quotas.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Shows how many there may be of what, and how many there are
    Show {
        #[command(flatten)]
        common: Common,
    },
    /// Asks the operator for more
    #[command(
        after_help = "Example:\n  strait quota request vpcs 5 --reason \"two more customers whose ranges overlap\""
    )]
    Request {
        /// Of what
        quota: QuotaName,
        /// How many there should be
        wanted: u32,
        /// Why
        #[arg(long, value_name = "WHY")]
        reason: String,
        #[command(flatten)]
        common: Common,
    },
    /// Lists what the project asked for, and what came of it
    #[command(
        after_help = "Examples:\n  strait quota requests\n  strait quota requests --all                   # the operator: what all projects ask for\n  strait quota requests --all --state refused"
    )]
    Requests {
        /// Of all projects: for the operator
        #[arg(long, conflicts_with = "project")]
        all: bool,
        /// With --all: those in this state
        #[arg(long, value_enum, default_value_t = State::Open, requires = "all")]
        state: State,
        #[command(flatten)]
        common: Common,
    },
    /// Takes a request back that nobody decided yet
    Withdraw {
        /// The request's id
        request: String,
        #[command(flatten)]
        common: Common,
    },
    /// Grants a request: the limit is raised at once (for the operator)
    #[command(
        after_help = "Examples:\n  strait quota grant qr-k3v0q1x9m2ab\n  strait quota grant qr-k3v0q1x9m2ab --limit 4 --word \"one for now\""
    )]
    Grant {
        /// The request's id
        request: String,
        /// The limit from now on [default: what was asked for]
        #[arg(long)]
        limit: Option<u32>,
        /// Something to say about it
        #[arg(long)]
        word: Option<String>,
        #[command(flatten)]
        format: Output,
    },
    /// Refuses a request, and says why (for the operator)
    #[command(
        after_help = "Example:\n  strait quota refuse qr-k3v0q1x9m2ab --word \"one VPC takes both: their ranges are disjoint\""
    )]
    Refuse {
        /// The request's id
        request: String,
        /// Why not
        #[arg(long)]
        word: String,
        #[command(flatten)]
        format: Output,
    },
}

/// Of what there may be so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum QuotaName {
    /// Peering VPCs in a project
    Vpcs,
    /// Peering connections on each Peering VPC
    PeeringsPerVpc,
    /// Services in a project
    Services,
}

impl QuotaName {
    fn word(self) -> &'static str {
        match self {
            Self::Vpcs => "vpcs",
            Self::PeeringsPerVpc => "peerings-per-vpc",
            Self::Services => "services",
        }
    }
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum State {
    /// Nobody decided yet
    Open,
    /// The limit was raised
    Granted,
    /// It was not
    Refused,
    /// The project took it back
    Withdrawn,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Granted => "granted",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
        }
    }
}

pub(super) async fn run(verb: Verb, context: &Context) -> Result<()> {
    match verb {
        Verb::Show { common } => {
            let client = common.client(context)?;
            let quotas = client.get(&client.in_its_project(&["quotas"])).await?;
            if common.format() == Format::Json {
                return output::json(&quotas);
            }
            let asked = client
                .get(&client.in_its_project(&["quota-requests"]))
                .await?;
            let plan = client.get(&client.in_its_project(&["plan"])).await?;
            overview(&quotas, &asked, &plan)
        }
        Verb::Request {
            quota,
            wanted,
            reason,
            common,
        } => {
            let client = common.client(context)?;
            let path = client.in_its_project(&["quota-requests"]);
            let asked = json!({ "quota": quota.word(), "wanted": wanted, "reason": reason });
            show(&client.post(&path, &asked).await?, common.format())
        }
        Verb::Requests { all, state, common } => {
            let found = if all {
                let query = [("state", state.word().to_owned())];
                let client = Client::as_admin(context)?;
                client
                    .get_where(&["admin", "quota-requests"], &query)
                    .await?
            } else {
                let client = common.client(context)?;
                client
                    .get(&client.in_its_project(&["quota-requests"]))
                    .await?
            };
            list(&found, common.format())
        }
        Verb::Withdraw { request, common } => {
            let client = common.client(context)?;
            let path = client.in_its_project(&["quota-requests", &request, "withdraw"]);
            show(&client.post(&path, &json!({})).await?, common.format())
        }
        Verb::Grant {
            request,
            limit,
            word,
            format,
        } => {
            let path = ["admin", "quota-requests", &request, "grant"];
            let mut granted = json!({});
            if let Some(limit) = limit {
                granted["limit"] = limit.into();
            }
            if let Some(word) = word {
                granted["word"] = word.into();
            }
            let client = Client::as_admin(context)?;
            show(&client.post(&path, &granted).await?, format.output)
        }
        Verb::Refuse {
            request,
            word,
            format,
        } => {
            let path = ["admin", "quota-requests", &request, "refuse"];
            let client = Client::as_admin(context)?;
            show(
                &client.post(&path, &json!({ "word": word })).await?,
                format.output,
            )
        }
    }
}

/// A plan in a line.
pub(super) fn plan_in_words(plan: &Plan) -> Result<String> {
    Ok(match plan.plan.as_str() {
        "trial" => format!(
            "trial until {}: VPCs and endpoints cost nothing",
            plan.trial_ends
        ),
        "standard" => format!(
            "standard: hours of VPCs and endpoints count since {}",
            plan.trial_ends
        ),
        other => anyhow::bail!(
            "the server has a plan {other:?}, which this program does not know: use the same version"
        ),
    })
}

fn overview(quotas: &Value, asked: &Value, plan: &Value) -> Result<()> {
    let asked: Vec<QuotaRequest> = typed(asked)?;
    let mut rows = Rows::new(
        &["QUOTA", "USED", "LIMIT", "ASKED FOR"],
        "There are no quotas.",
    );
    for quota in typed::<Vec<Quota>>(quotas)? {
        let open = asked
            .iter()
            .find(|one| one.quota == quota.quota && one.state == "open");
        let open = open.map_or_else(String::new, |open| format!("{} ({})", open.wanted, open.id));
        rows.add(vec![
            Cell::new(quota.quota),
            Cell::new(quota.used),
            Cell::new(quota.limit),
            Cell::new(open),
        ]);
    }
    rows.print()?;
    output::line(&format!("\nPlan: {}", plan_in_words(&typed(plan)?)?))
}

fn list(requests: &Value, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(requests);
    }
    let mut rows = Rows::new(
        &[
            "ID", "PROJECT", "QUOTA", "FROM", "TO", "STATE", "BY", "CREATED", "REASON", "WORD",
        ],
        "There are no such requests. Ask for more: strait quota request QUOTA NUMBER --reason WHY",
    );
    for request in typed::<Vec<QuotaRequest>>(requests)? {
        rows.add(vec![
            Cell::new(request.id),
            Cell::new(request.project_name),
            Cell::new(request.quota),
            Cell::new(request.present),
            Cell::new(request.granted.unwrap_or(request.wanted)),
            Cell::new(request.state),
            Cell::new(request.actor_name.unwrap_or(request.actor)),
            Cell::new(request.created),
            Cell::new(request.reason),
            Cell::new(request.word.unwrap_or_default()),
        ]);
    }
    rows.print()
}

fn show(request: &Value, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(request);
    }
    let request: QuotaRequest = typed(request).context("the request cannot be shown")?;
    let mut fields = Fields::new();
    fields
        .add("id", request.id)
        .add(
            "project",
            format!("{} ({})", request.project_id, request.project_name),
        )
        .add("quota", request.quota)
        .add("limit then", request.present.to_string())
        .add("wanted", request.wanted.to_string())
        .add("reason", request.reason)
        .add("asked by", request.actor_name.unwrap_or(request.actor))
        .add("asked at", request.created)
        .add("state", request.state)
        .maybe(
            "limit now",
            request.granted.map(|granted| granted.to_string()),
        )
        .maybe("decided by", request.decided_by)
        .maybe("decided at", request.decided)
        .maybe("word", request.word);
    fields.print()
}
