//! `strait project`.

use anyhow::Result;
use clap::Subcommand;
use comfy_table::Cell;
use serde_json::{Value, json};

use super::client::{Client, typed};
use super::objects::Project;
use super::output::{self, Fields, Format, Rows};
use super::{Context, Output, Sure};

/// What to do with projects.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Makes a project and prints its keys, this once
    #[command(after_help = "Example:\n  strait project create shop")]
    Create {
        /// Its name, for people
        name: String,
        #[command(flatten)]
        format: Output,
    },
    /// Lists the projects
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        format: Output,
    },
    /// Shows a project
    Get {
        /// Its id or name
        project: String,
        #[command(flatten)]
        format: Output,
    },
    /// Renames a project
    Rename {
        /// Its id or name
        project: String,
        /// The new name
        name: String,
        #[command(flatten)]
        format: Output,
    },
    /// Deletes a project that owns nothing any more, with its keys
    #[command(visible_alias = "rm")]
    Delete {
        /// Its id or name
        project: String,
        #[command(flatten)]
        sure: Sure,
        #[command(flatten)]
        format: Output,
    },
}

pub(super) async fn run(verb: Verb, context: &Context) -> Result<()> {
    match verb {
        Verb::Create { name, format } => {
            let made = Client::as_admin(context)?
                .post(&["projects"], &json!({ "name": name }))
                .await?;
            show(&made, format.output)
        }
        Verb::List { format } => list(
            &Client::widest(context)?.get(&["projects"]).await?,
            format.output,
        ),
        Verb::Get { project, format } => {
            let client = Client::in_project(context, Some(&project))?;
            show(&client.get(&["projects", &project]).await?, format.output)
        }
        Verb::Rename {
            project,
            name,
            format,
        } => {
            let client = Client::in_project(context, Some(&project))?;
            let renamed = client
                .post(&["projects", &project, "rename"], &json!({ "name": name }))
                .await?;
            show(&renamed, format.output)
        }
        Verb::Delete {
            project,
            sure,
            format,
        } => {
            output::confirm(
                &format!("Delete the project {project} and its keys?"),
                sure.yes,
            )?;
            Client::in_project(context, Some(&project))?
                .delete(&["projects", &project])
                .await?;
            output::deleted("project", &project, true, format.output)
        }
    }
}

fn list(projects: &Value, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(projects);
    }
    let mut rows = Rows::new(
        &["ID", "NAME", "CREATED"],
        "There are no projects. Make one: strait project create NAME",
    );
    for project in typed::<Vec<Project>>(projects)? {
        rows.add(vec![
            Cell::new(project.id),
            Cell::new(project.name),
            Cell::new(project.created),
        ]);
    }
    rows.print()
}

fn show(project: &Value, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(project);
    }
    let project: Project = typed(project)?;
    let mut fields = Fields::new();
    fields
        .add("id", project.id)
        .add("name", project.name)
        .add("created", project.created);
    fields
        .maybe("public key", project.public_key)
        .maybe("secret key", project.secret_key.as_deref());
    fields.print()?;
    if project.secret_key.is_some() {
        output::line("Keep the secret key: it is shown this once.")?;
    }
    Ok(())
}
