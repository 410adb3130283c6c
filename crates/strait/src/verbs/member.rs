//! `strait member`.

use anyhow::Result;
use clap::Subcommand;
use comfy_table::Cell;
use serde_json::{Value, json};

use super::client::typed;
use super::objects::Member;
use super::output::{self, Fields, Format, Rows};
use super::{Common, Context, RoleName, Sure};

/// What to do with a project's members.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Lists the project's members
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Makes a user a member
    #[command(after_help = "Example:\n  strait member add ada@example.com --role developer")]
    Add {
        /// The user's e-mail address
        email: String,
        /// What they are to be: no more than you are
        #[arg(long, value_enum)]
        role: RoleName,
        #[command(flatten)]
        common: Common,
    },
    /// Gives a member another role
    #[command(after_help = "Example:\n  strait member role ada@example.com admin")]
    Role {
        /// The member's e-mail address
        email: String,
        /// What they are to be: no more than you are
        role: RoleName,
        #[command(flatten)]
        common: Common,
    },
    /// Takes a member out of the project; keys that they made are revoked
    #[command(visible_alias = "rm")]
    Remove {
        /// The member's e-mail address
        email: String,
        #[command(flatten)]
        sure: Sure,
        #[command(flatten)]
        common: Common,
    },
}

pub(super) async fn run(verb: Verb, context: &Context) -> Result<()> {
    match verb {
        Verb::List { common } => {
            let client = common.client(context)?;
            let members = client.get(&client.in_its_project(&["members"])).await?;
            list(&members, common.format())
        }
        Verb::Add {
            email,
            role,
            common,
        } => {
            let client = common.client(context)?;
            let path = client.in_its_project(&["members"]);
            let asked = json!({ "email": email, "role": role.word() });
            show(&client.post(&path, &asked).await?, common.format())
        }
        Verb::Role {
            email,
            role,
            common,
        } => {
            let client = common.client(context)?;
            let path = client.in_its_project(&["members", &email]);
            let asked = json!({ "role": role.word() });
            show(&client.put(&path, &asked).await?, common.format())
        }
        Verb::Remove {
            email,
            sure,
            common,
        } => {
            let client = common.client(context)?;
            let question = format!("Take {email} out of the project {}?", client.project());
            output::confirm(&question, sure.yes)?;
            client
                .delete(&client.in_its_project(&["members", &email]))
                .await?;
            output::deleted("member", &email, true, common.format())
        }
    }
}

fn list(members: &Value, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(members);
    }
    let mut rows = Rows::new(
        &["EMAIL", "NAME", "ROLE", "SINCE"],
        "The project has no members; keys and the operator open it. Add a user: strait member add EMAIL --role ROLE",
    );
    for member in typed::<Vec<Member>>(members)? {
        rows.add(vec![
            Cell::new(member.email),
            Cell::new(member.name),
            Cell::new(member.role),
            Cell::new(member.created),
        ]);
    }
    rows.print()
}

fn show(member: &Value, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(member);
    }
    let member: Member = typed(member)?;
    let mut fields = Fields::new();
    fields
        .add("email", member.email)
        .add("name", member.name)
        .add("role", member.role)
        .add("since", member.created);
    fields.print()
}
