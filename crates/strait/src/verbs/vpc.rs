//! `strait vpc`.

use anyhow::{Result, bail};
use clap::Subcommand;
use comfy_table::Cell;
use serde_json::{Value, json};

use super::client::{Client, typed};
use super::objects::Vpc;
use super::output::{self, Fields, Format, Rows};
use super::{Common, Context, Sure, Wait, follow};

/// What to do with Peering VPCs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Makes a Peering VPC
    #[command(
        after_help = "Example:\n  strait vpc create --name main --cidr 10.60.0.0/16 --region us-east-1 --wait"
    )]
    Create {
        /// Its range: /16 to /28, apart from those of your other VPCs and of the customers' VPCs that will be peered
        #[arg(long)]
        cidr: String,
        /// Where: `strait regions` lists them
        #[arg(long)]
        region: String,
        /// Its name, for people [default: one is made up]
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        wait: Wait,
        #[command(flatten)]
        common: Common,
    },
    /// Lists the project's Peering VPCs
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Shows a Peering VPC
    Get {
        /// Its id or name
        vpc: String,
        #[command(flatten)]
        wait: Wait,
        #[command(flatten)]
        common: Common,
    },
    /// Renames a Peering VPC
    Rename {
        /// Its id or name
        vpc: String,
        /// The new name
        name: String,
        #[command(flatten)]
        common: Common,
    },
    /// Gives the deletion of a Peering VPC up, as long as nothing has been taken away and no other VPC has its range or place; detached services stay public
    CancelDeletion {
        /// Its id or name
        vpc: String,
        #[command(flatten)]
        common: Common,
    },
    /// Deletes a Peering VPC that has no peerings and no services any more
    #[command(visible_alias = "rm")]
    Delete {
        /// Its id or name
        vpc: String,
        /// Detaches its services first, so that they become public, then deletes its peerings
        #[arg(long)]
        cascade: bool,
        #[command(flatten)]
        sure: Sure,
        #[command(flatten)]
        wait: Wait,
        #[command(flatten)]
        common: Common,
    },
}

pub(super) async fn run(verb: Verb, context: &Context) -> Result<()> {
    match verb {
        Verb::Create {
            cidr,
            region,
            name,
            wait,
            common,
        } => {
            let client = common.client(context)?;
            let mut asked = json!({ "cidr": cidr, "region_code": region });
            if let Some(name) = name {
                asked["name"] = name.into();
            }
            let made = client
                .post(&client.in_its_project(&["vpcs"]), &asked)
                .await?;
            show(&settled(&client, made, &wait).await?, common.format())
        }
        Verb::List { common } => {
            let client = common.client(context)?;
            list(
                &client.get(&client.in_its_project(&["vpcs"])).await?,
                common.format(),
            )
        }
        Verb::Get { vpc, wait, common } => {
            let client = common.client(context)?;
            let found = client.get(&client.in_its_project(&["vpcs", &vpc])).await?;
            show(&settled(&client, found, &wait).await?, common.format())
        }
        Verb::Rename { vpc, name, common } => {
            let client = common.client(context)?;
            let path = client.in_its_project(&["vpcs", &vpc, "rename"]);
            let answer = client.post(&path, &json!({ "name": name })).await?;
            let Some(renamed) = answer.get("vpc") else {
                bail!("the server renamed the VPC, and did not show it: {answer}");
            };
            show(renamed, common.format())
        }
        Verb::CancelDeletion { vpc, common } => {
            let client = common.client(context)?;
            let path = client.in_its_project(&["vpcs", &vpc, "cancel-deletion"]);
            let answer = client.post(&path, &json!({})).await?;
            let Some(kept) = answer.get("vpc") else {
                bail!("the server kept the VPC, and did not show it: {answer}");
            };
            show(kept, common.format())
        }
        Verb::Delete {
            vpc,
            cascade,
            sure,
            wait,
            common,
        } => {
            delete(
                &common.client(context)?,
                (&vpc, cascade),
                &sure,
                &wait,
                common.format(),
            )
            .await
        }
    }
}

async fn delete(
    client: &Client,
    (vpc, cascade): (&str, bool),
    sure: &Sure,
    wait: &Wait,
    format: Format,
) -> Result<()> {
    let found: Vpc = typed(&client.get(&client.in_its_project(&["vpcs", vpc])).await?)?;
    let rest = match cascade {
        true => " with its peerings? Services that are attached to it become public",
        false => "",
    };
    output::confirm(
        &format!(
            "Delete the VPC {} ({}, {}){rest}?",
            found.id, found.name, found.cidr
        ),
        sure.yes,
    )?;
    let path = client.in_its_project(&["vpcs", &found.id]);
    client
        .delete_where(&path, &[("cascade", cascade.to_string())])
        .await?;
    if wait.wait {
        follow::until_gone(
            client,
            &path,
            &format!("the VPC {}", found.id),
            wait.timeout,
        )
        .await?;
    }
    output::deleted("VPC", &found.id, wait.wait, format)
}

async fn settled(client: &Client, vpc: Value, wait: &Wait) -> Result<Value> {
    if !wait.wait {
        return Ok(vpc);
    }
    let id = typed::<Vpc>(&vpc)?.id;
    let path = client.in_its_project(&["vpcs", &id]);
    follow::until_settled(client, &path, &format!("the VPC {id}"), wait.timeout).await
}

fn list(vpcs: &Value, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(vpcs);
    }
    let heading = ["ID", "NAME", "CIDR", "REGION", "STATUS", "PROVISIONED ID"];
    let mut rows = Rows::new(
        &heading,
        "There are no Peering VPCs. Make one: strait vpc create --help",
    );
    for vpc in typed::<Vec<Vpc>>(vpcs)? {
        rows.add(vec![
            Cell::new(vpc.id),
            Cell::new(vpc.name),
            Cell::new(vpc.cidr),
            Cell::new(vpc.region_code),
            output::status(&vpc.status),
            Cell::new(vpc.provisioned_id.unwrap_or_default()),
        ]);
    }
    rows.print()
}

fn show(vpc: &Value, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(vpc);
    }
    let vpc: Vpc = typed(vpc)?;
    let mut fields = Fields::new();
    fields
        .add("id", vpc.id)
        .add("name", vpc.name)
        .add("cidr", vpc.cidr)
        .add("region", vpc.region_code);
    fields
        .status(&vpc.status)
        .maybe("provisioned id", vpc.provisioned_id)
        .maybe("error", vpc.error_message);
    fields.add("created", vpc.created).print()
}
