//! `strait peering`.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use comfy_table::Cell;
use serde_json::{Value, json};

use super::client::{Client, typed};
use super::objects::{Peering, Vpc};
use super::output::{self, Fields, Format, Rows};
use super::{Common, Context, Sure, Wait, follow, steps};

/// What to do with peering connections.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Asks a customer for a peering connection
    #[command(
        after_help = "Example:\n  strait peering create main --account 123456789012 --vpc-id vpc-0abc --region eu-central-1\n\nThen `strait peering steps PEERING` prints what the customer does."
    )]
    Create {
        /// Our Peering VPC's id or name
        vpc: String,
        /// The customer's account: 12 digits
        #[arg(long, value_name = "ACCOUNT")]
        account: String,
        /// The customer's VPC
        #[arg(long, value_name = "VPC-ID")]
        vpc_id: String,
        /// The customer's Region
        #[arg(long)]
        region: String,
        #[command(flatten)]
        wait: Wait,
        #[command(flatten)]
        common: Common,
    },
    /// Lists the peering connections
    #[command(visible_alias = "ls")]
    List {
        /// Of this Peering VPC only, by id or name
        #[arg(long)]
        vpc: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Shows a peering connection; with --wait, when the customer has accepted it
    Get {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        wait: Wait,
    },
    /// Prints what the customer does: who asks, the AWS CLI's commands, the permissions that they take
    #[command(
        after_help = "Examples:\n  strait peering steps pcx-0123\n  strait peering steps pcx-0123 --script > accept.sh\n  ROUTE_TABLE_ID=rtb-1 SECURITY_GROUP_ID=sg-1 sh accept.sh"
    )]
    Steps {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        what: steps::What,
    },
    /// Asks the customer once more for a peering connection that has ended
    Request {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        wait: Wait,
    },
    /// Takes a peering connection away, or forgets one that has ended
    #[command(visible_alias = "rm")]
    Delete {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        sure: Sure,
        #[command(flatten)]
        wait: Wait,
    },
}

/// A peering connection.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// Its id, its pcx- id, or the customer's vpc- id
    peering: String,
    /// On this Peering VPC, by id or name [default: any]
    #[arg(long)]
    vpc: Option<String>,
    #[command(flatten)]
    common: Common,
}

pub(super) async fn run(verb: Verb, context: &Context) -> Result<()> {
    match verb {
        Verb::Create {
            vpc,
            account,
            vpc_id,
            region,
            wait,
            common,
        } => {
            let client = common.client(context)?;
            let asked = json!({ "peer_account_id": account, "peer_vpc_id": vpc_id, "peer_region_code": region });
            let made = client
                .post(&client.in_its_project(&["vpcs", &vpc, "peerings"]), &asked)
                .await?;
            created(&client, made, &wait, common.format()).await
        }
        Verb::List { vpc, common } => {
            let client = common.client(context)?;
            list(&all(&client, vpc.as_deref()).await?, common.format())
        }
        Verb::Get { named, wait } => {
            let client = named.common.client(context)?;
            let mut found = find(&client, &named).await?;
            if wait.wait {
                found = accepted(&client, &found, wait.timeout).await?;
            }
            show(&found, named.common.format())
        }
        Verb::Request { named, wait } => {
            let client = named.common.client(context)?;
            let found: Peering = typed(&find(&client, &named).await?)?;
            let path = ["vpcs", &found.vpc_id, "peerings", &found.id, "request"];
            let asked = client
                .post(&client.in_its_project(&path), &json!({}))
                .await?;
            created(&client, asked, &wait, named.common.format()).await
        }
        Verb::Steps { named, what } => {
            let client = named.common.client(context)?;
            let found = find(&client, &named).await?;
            steps::print(&found, &what, named.common.format())
        }
        Verb::Delete { named, sure, wait } => {
            let client = named.common.client(context)?;
            let found: Peering = typed(&find(&client, &named).await?)?;
            delete(&client, &found, &sure, &wait, named.common.format()).await
        }
    }
}

async fn created(client: &Client, mut peering: Value, wait: &Wait, format: Format) -> Result<()> {
    if wait.wait {
        let made: Peering = typed(&peering)?;
        let path = client.in_its_project(&["vpcs", &made.vpc_id, "peerings", &made.id]);
        peering = follow::until_settled(
            client,
            &path,
            &format!("the peering {}", made.id),
            wait.timeout,
        )
        .await?;
    }
    show(&peering, format)?;
    if format == Format::Table {
        let id = typed::<Peering>(&peering)?.id;
        output::line(&format!(
            "\nWhat the customer does: strait peering steps {id}"
        ))?;
    }
    Ok(())
}

/// The peering when the customer has accepted it and is let in.
async fn accepted(client: &Client, peering: &Value, timeout: u64) -> Result<Value> {
    let peering: Peering = typed(peering)?;
    let path = client.in_its_project(&["vpcs", &peering.vpc_id, "peerings", &peering.id]);
    let what = format!("the peering {}", peering.id);
    follow::until(client, &path, &what, timeout, |object| {
        let now: Peering = typed(object)?;
        match now.status.as_str() {
            "ACTIVE" => Ok(now.admitted),
            "INVALID" | "TIMEOUT" | "DISABLED" => {
                let why = now.error_message.or(now.next_action).unwrap_or(now.state);
                bail!("the peering {} cannot work: {why}", now.id)
            }
            _ => Ok(false),
        }
    })
    .await
}

async fn delete(
    client: &Client,
    peering: &Peering,
    sure: &Sure,
    wait: &Wait,
    format: Format,
) -> Result<()> {
    let question = format!(
        "Delete the peering {} with {} of account {}?",
        peering.id, peering.peer_vpc_id, peering.peer_account_id
    );
    output::confirm(&question, sure.yes)?;
    let path = client.in_its_project(&["vpcs", &peering.vpc_id, "peerings", &peering.id]);
    client.delete(&path).await?;
    if wait.wait {
        follow::until_gone(
            client,
            &path,
            &format!("the peering {}", peering.id),
            wait.timeout,
        )
        .await?;
    }
    output::deleted("peering", &peering.id, wait.wait, format)
}

/// The peerings of one VPC, or of all.
async fn all(client: &Client, vpc: Option<&str>) -> Result<Vec<Value>> {
    let vpcs = match vpc {
        Some(vpc) => vec![vpc.to_owned()],
        None => {
            let vpcs: Vec<Vpc> = typed(&client.get(&client.in_its_project(&["vpcs"])).await?)?;
            vpcs.into_iter().map(|vpc| vpc.id).collect()
        }
    };
    let mut found = Vec::new();
    for vpc in vpcs {
        let peerings = client
            .get(&client.in_its_project(&["vpcs", &vpc, "peerings"]))
            .await?;
        found.extend(typed::<Vec<Value>>(&peerings)?);
    }
    Ok(found)
}

/// The one that is named; by our id first, since that is never ambiguous.
async fn find(client: &Client, named: &Named) -> Result<Value> {
    let all = all(client, named.vpc.as_deref()).await?;
    pick(all, &named.peering)
}

fn pick(all: Vec<Value>, name: &str) -> Result<Value> {
    let is =
        |peering: &Value, field: &str| peering.get(field).and_then(Value::as_str) == Some(name);
    if let Some(found) = all.iter().find(|peering| is(peering, "id")) {
        return Ok(found.clone());
    }
    let names = ["provisioned_id", "accepter_provisioned_id", "peer_vpc_id"];
    let mut found: Vec<Value> = all
        .into_iter()
        .filter(|peering| names.iter().any(|field| is(peering, field)))
        .collect();
    let ids: Vec<&str> = found
        .iter()
        .filter_map(|peering| peering.get("id")?.as_str())
        .collect();
    if found.len() > 1 {
        bail!(
            "{name:?} names several peerings: name one by its id ({})",
            ids.join(", ")
        );
    }
    match found.pop() {
        Some(found) => Ok(found),
        None => bail!("there is no peering {name:?}: `strait peering list` shows what there is"),
    }
}

fn list(peerings: &[Value], format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(&Value::Array(peerings.to_vec()));
    }
    let heading = [
        "ID",
        "VPC",
        "PEER ACCOUNT",
        "PEER VPC",
        "PEER REGION",
        "STATUS",
        "WAITING ON",
        "PROVISIONED ID",
    ];
    let mut rows = Rows::new(
        &heading,
        "There are no peerings. Ask for one: strait peering create --help",
    );
    for peering in peerings {
        let peering: Peering = typed(peering)?;
        rows.add(vec![
            Cell::new(peering.id),
            Cell::new(peering.vpc_id),
            Cell::new(peering.peer_account_id),
            Cell::new(peering.peer_vpc_id),
            Cell::new(peering.peer_region_code),
            output::status(&peering.status),
            Cell::new(peering.waiting_on),
            Cell::new(peering.provisioned_id.unwrap_or_default()),
        ]);
    }
    rows.print()
}

fn show(peering: &Value, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(peering);
    }
    let peering: Peering = typed(peering)?;
    let mut fields = Fields::new();
    fields.add("id", peering.id).add("vpc", peering.vpc_id);
    fields
        .add("peer account", peering.peer_account_id)
        .add("peer vpc", peering.peer_vpc_id);
    fields.add("peer region", peering.peer_region_code);
    fields.maybe("provisioned id", peering.provisioned_id);
    fields.maybe("accepter's id", peering.accepter_provisioned_id);
    fields.status(&peering.status).add("state", peering.state);
    fields.add("let in", if peering.admitted { "yes" } else { "no" });
    fields
        .add("waiting on", peering.waiting_on)
        .maybe("next", peering.next_action);
    fields
        .maybe("expires", peering.expires_at)
        .maybe("error", peering.error_message);
    if !peering.peer_cidrs.is_empty() {
        fields.add("peer ranges", peering.peer_cidrs.join(", "));
    }
    fields.add("created", peering.created).print()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peerings_are_found_by_any_of_their_ids() {
        for name in ["1", "pcx-a", "pcx-b", "vpc-x"] {
            let found = pick(peerings(), name).expect(name);
            assert_eq!(found["id"], "1", "{name}");
        }
    }

    #[test]
    fn one_that_several_are_called_is_refused_with_their_ids() {
        let error = pick(peerings(), "vpc-y").expect_err("two");
        assert!(error.to_string().contains("2, 3"), "{error}");
        assert!(pick(peerings(), "vpc-z").is_err());
    }

    fn peerings() -> Vec<Value> {
        vec![
            json!({"id": "1", "provisioned_id": "pcx-a", "accepter_provisioned_id": "pcx-b", "peer_vpc_id": "vpc-x"}),
            json!({"id": "2", "peer_vpc_id": "vpc-y"}),
            json!({"id": "3", "peer_vpc_id": "vpc-y"}),
        ]
    }
}
