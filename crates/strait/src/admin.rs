//! `strait admin bootstrap` and `strait admin key`: projects and keys directly in the store.

use anyhow::{Result, bail};
use serde_json::{Value, json};
use strait_plane::Keeper;
use strait_plane::model::{ApiKey, NewApiKey, NewKey, Project, Role};

use crate::args::{Bootstrap, Format, KeyCommand, Keys, StoreOf};
use crate::config::Config;
use crate::{blocking, store};

/// Makes the first project and its keys. Returns the exit status: 2 for a configuration that has faults.
pub(crate) fn bootstrap(options: &Bootstrap) -> Result<u8> {
    with_store(&options.store, async |keeper| {
        let first = keeper.bootstrap(&options.project).await?;
        let Some(key) = first.key else {
            let Project { id, name, .. } = first.project;
            bail!(
                "there is a project already: {id} ({name:?}). Its secret keys are kept hashed and cannot be shown; make another \
                 pair with: strait admin key create --project {id}{}",
                again(&options.store)
            );
        };
        print_key(&first.project, &key, options.output.output);
        Ok(())
    })
}

/// Makes, lists or takes away keys. Returns the exit status: 2 for a configuration that has faults.
pub(crate) fn key(command: &KeyCommand) -> Result<u8> {
    match command {
        KeyCommand::Create(Keys {
            project,
            store,
            output,
        }) => with_store(store, async |keeper| {
            let project = keeper.project(project).await?;
            let key = keeper
                .create_key(&project.id, NewKey::of(Role::Owner))
                .await?;
            print_key(&project, &key, output.output);
            Ok(())
        }),
        KeyCommand::List(Keys {
            project,
            store,
            output,
        }) => with_store(store, async |keeper| {
            print_keys(&keeper.list_keys(project).await?, output.output);
            Ok(())
        }),
        KeyCommand::Delete {
            public_key,
            keys:
                Keys {
                    project,
                    store,
                    output,
                },
        } => with_store(store, async |keeper| {
            keeper.revoke_key(project, public_key).await?;
            match output.output {
                Format::Json => {
                    print_json(&json!({ "public_key": public_key, "status": "DELETED" }));
                }
                Format::Table => println!("The key {public_key} is deleted."),
            }
            Ok(())
        }),
    }
}

/// Does it with the store that the configuration names.
fn with_store(store: &StoreOf, act: impl AsyncFnOnce(Keeper) -> Result<()>) -> Result<u8> {
    let config = match Config::load(store.config.as_deref()) {
        Ok(config) => config,
        Err(faults) => return Ok(faults.refuse()),
    };
    if let Some(warning) = config.database.warning() {
        eprintln!("Warning: {warning}");
    }
    blocking(async {
        let pool = store::connect(&config.database).await?;
        act(Keeper::open(pool).await?).await
    })?;
    Ok(0)
}

/// How the configuration is named once more.
fn again(store: &StoreOf) -> String {
    store
        .config
        .as_ref()
        .map(|config| format!(" --config {}", config.display()))
        .unwrap_or_default()
}

fn print_key(project: &Project, key: &NewApiKey, format: Format) {
    match format {
        Format::Json => print_json(&json!({
            "project_id": project.id,
            "project_name": project.name,
            "public_key": key.key.public_key,
            "secret_key": key.secret_key,
        })),
        Format::Table => println!(
            "project     {} ({})\npublic key  {}\nsecret key  {}\nKeep the secret key: it is shown this once.",
            project.id, project.name, key.key.public_key, key.secret_key
        ),
    }
}

fn print_keys(keys: &[ApiKey], format: Format) {
    match format {
        Format::Json => print_json(&json!(keys)),
        Format::Table => {
            for key in keys {
                println!("{}  made {}", key.public_key, key.created);
            }
        }
    }
}

fn print_json(value: &Value) {
    println!("{value:#}");
}
