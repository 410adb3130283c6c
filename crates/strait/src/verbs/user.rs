//! `strait admin user`, and `strait console`.

use std::io::{IsTerminal, Read};
use std::net::IpAddr;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use comfy_table::Cell;
use rand::Rng;
use serde_json::{Value, json};

use super::client::{Client, typed};
use super::objects::{LoginLink, User};
use super::output::{self, Fields, Format, Rows};
use super::{Context, Output, RoleName, Sure};

/// How long passwords are that nobody chose.
const PASSWORD_LENGTH: usize = 24;
/// Letters and digits that are not taken for each other.
const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

/// What the operator does with users.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Makes somebody who logs in, and prints a password that is drawn by lot, this once
    #[command(
        after_help = "Examples:\n  strait admin user create --email ada@example.com --role owner --project shop\n  strait admin user create --email ada@example.com --password-stdin < password"
    )]
    Create {
        /// The address that they log in with
        #[arg(long)]
        email: String,
        /// Their name [default: what stands before the @]
        #[arg(long)]
        name: Option<String>,
        /// What they are to be in a project
        #[arg(long, value_enum, requires = "project")]
        role: Option<RoleName>,
        /// Which project, by id or name
        #[arg(long, requires = "role")]
        project: Option<String>,
        #[command(flatten)]
        password: PasswordSource,
        #[command(flatten)]
        format: Output,
    },
    /// Lists everybody who logs in
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        format: Output,
    },
    /// Gives somebody another password, which is printed if it is drawn by lot; their sessions end
    Password {
        /// Their e-mail address
        email: String,
        #[command(flatten)]
        password: PasswordSource,
        #[command(flatten)]
        format: Output,
    },
    /// Keeps somebody out, ends their sessions and revokes keys that they made
    Disable {
        /// Their e-mail address
        email: String,
        #[command(flatten)]
        format: Output,
    },
    /// Lets somebody in again
    Enable {
        /// Their e-mail address
        email: String,
        #[command(flatten)]
        format: Output,
    },
    /// Forgets that logins failed, as somebody or from an address: the next one need not wait
    Unlock {
        /// Their e-mail address
        #[arg(required_unless_present = "address")]
        email: Option<String>,
        /// Or the address that they came from
        #[arg(long, value_name = "ADDRESS", conflicts_with = "email")]
        address: Option<IpAddr>,
        #[command(flatten)]
        format: Output,
    },
    /// Deletes somebody who is no project's last owner, and revokes keys that they made
    #[command(visible_alias = "rm")]
    Delete {
        /// Their e-mail address
        email: String,
        #[command(flatten)]
        sure: Sure,
        #[command(flatten)]
        format: Output,
    },
}

/// Where a password comes from.
#[derive(Debug, Clone, Args)]
pub(crate) struct PasswordSource {
    /// Reads it from standard input, to the end or the first line's
    #[arg(long)]
    password_stdin: bool,
    /// None: a login link is the only way in (`strait console --email EMAIL`)
    #[arg(long, conflicts_with = "password_stdin")]
    no_password: bool,
}

/// `strait console`.
#[derive(Debug, Args)]
pub(crate) struct Console {
    /// Whom it is for [default: the user operator@DOMAIN, who is made if missing, an owner of the project]
    #[arg(long, conflicts_with = "project")]
    email: Option<String>,
    /// The project that operator@DOMAIN is to be an owner of [default: $STRAIT_PROJECT_ID, or the first one]
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    #[command(flatten)]
    format: Output,
}

pub(super) async fn run(verb: Verb, context: &Context) -> Result<()> {
    let client = Client::as_admin(context)?;
    match verb {
        Verb::Create {
            email,
            name,
            role,
            project,
            password,
            format,
        } => {
            let password = password.get()?;
            let asked = json!({
                "email": email,
                "name": name,
                "role": role.map(RoleName::word),
                "project_id": project,
                "password": password.text(),
            });
            let made = client.post(&["admin", "users"], &asked).await?;
            show(made, &password, format.output)
        }
        Verb::List { format } => list(&client.get(&["admin", "users"]).await?, format.output),
        Verb::Password {
            email,
            password,
            format,
        } => {
            let password = password.get()?;
            let path = ["admin", "users", &email, "password"];
            let asked = json!({ "password": password.text() });
            show(client.put(&path, &asked).await?, &password, format.output)
        }
        Verb::Disable { email, format } => act(&client, &email, "disable", &format).await,
        Verb::Enable { email, format } => act(&client, &email, "enable", &format).await,
        Verb::Unlock {
            email,
            address,
            format,
        } => match (email, address) {
            (Some(email), _) => act(&client, &email, "unlock", &format).await,
            (None, Some(address)) => unlock(&client, address, &format).await,
            (None, None) => bail!("say who may try again: an e-mail address, or --address ADDRESS"),
        },
        Verb::Delete {
            email,
            sure,
            format,
        } => {
            output::confirm(&format!("Delete the user {email}?"), sure.yes)?;
            client.delete(&["admin", "users", &email]).await?;
            output::deleted("user", &email, true, format.output)
        }
    }
}

/// Prints where the console is, with a link that lets one in.
pub(super) async fn console(options: &Console, context: &Context) -> Result<()> {
    let client = Client::as_admin(context)?;
    let asked = match (&options.email, &options.project) {
        (Some(email), _) => json!({ "email": email }),
        (None, Some(project)) => json!({ "project_id": project }),
        (None, None) if client.project().is_empty() => {
            bail!("no project is known: name one with --project, or a user with --email")
        }
        (None, None) => json!({ "project_id": client.project() }),
    };
    let answer = client.post(&["admin", "login-links"], &asked).await?;
    let link: LoginLink = typed(&answer)?;
    let url = format!("{}{}", client.url(), link.path);
    match options.format.output {
        Format::Json => output::json(&json!({
            "url": url,
            "email": link.user.email,
            "expires": link.expires,
        })),
        Format::Table => {
            output::line(&url)?;
            if std::io::stdout().is_terminal() {
                eprintln!(
                    "Open it in a browser on this machine: it lets you in as {}, once, until {}.",
                    link.user.email, link.expires
                );
            }
            Ok(())
        }
    }
}

async fn act(client: &Client, email: &str, what: &str, format: &Output) -> Result<()> {
    let path = ["admin", "users", email, what];
    let user = client.post(&path, &json!({})).await?;
    show(user, &Password::Kept, format.output)
}

async fn unlock(client: &Client, address: IpAddr, format: &Output) -> Result<()> {
    let text = address.to_string();
    let path = ["admin", "addresses", &text, "unlock"];
    let unlocked = client.post(&path, &json!({})).await?;
    match format.output {
        Format::Json => output::json(&unlocked),
        Format::Table => output::line(&format!("Logins from {text} may be tried again.")),
    }
}

/// A password, and whether it is to be shown.
enum Password {
    /// There is none.
    None,
    /// It is as it was.
    Kept,
    /// The user gave it.
    Given(String),
    /// It was drawn by lot.
    Drawn(String),
}

impl Password {
    fn text(&self) -> Option<&str> {
        match self {
            Self::None | Self::Kept => None,
            Self::Given(text) | Self::Drawn(text) => Some(text),
        }
    }
}

impl PasswordSource {
    fn get(&self) -> Result<Password> {
        if self.no_password {
            return Ok(Password::None);
        }
        if !self.password_stdin {
            let mut rng = rand::rng();
            let letters = (0..PASSWORD_LENGTH)
                .map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())]));
            return Ok(Password::Drawn(letters.collect()));
        }
        let mut text = String::new();
        std::io::stdin()
            .lock()
            .take(4096)
            .read_to_string(&mut text)
            .context("cannot read the password from standard input")?;
        let line = text.lines().next().unwrap_or_default();
        if line.is_empty() {
            bail!("there is no password on standard input");
        }
        Ok(Password::Given(line.to_owned()))
    }
}

fn list(users: &Value, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(users);
    }
    let mut rows = Rows::new(
        &["EMAIL", "NAME", "ID", "STATE", "LAST LOGIN"],
        "There are no users. Make one: strait admin user create --email EMAIL",
    );
    for user in typed::<Vec<User>>(users)? {
        let state = state(&user);
        rows.add(vec![
            Cell::new(user.email),
            Cell::new(user.name),
            Cell::new(user.id),
            Cell::new(state),
            Cell::new(user.last_login.unwrap_or_else(|| "never".to_owned())),
        ]);
    }
    rows.print()
}

fn show(mut user: Value, password: &Password, format: Format) -> Result<()> {
    let drawn = match password {
        Password::Drawn(text) => Some(text.as_str()),
        Password::None | Password::Kept | Password::Given(_) => None,
    };
    if format == Format::Json {
        if let Some(drawn) = drawn {
            user["password"] = drawn.into();
        }
        return output::json(&user);
    }
    let user: User = typed(&user)?;
    let state = state(&user);
    let mut fields = Fields::new();
    fields
        .add("email", user.email)
        .add("name", user.name)
        .add("id", user.id)
        .add("state", state)
        .maybe("password", drawn);
    fields.print()?;
    if drawn.is_some() {
        output::line("Hand the password over safely: it is shown this once.")?;
    }
    Ok(())
}

fn state(user: &User) -> &'static str {
    match (user.disabled, user.has_password) {
        (true, _) => "kept out",
        (false, true) => "logs in by password",
        (false, false) => "logs in by link only",
    }
}
