//! `strait key`.

use anyhow::{Context as _, Result, anyhow};
use clap::Subcommand;
use comfy_table::Cell;
use jiff::{Span, SpanRelativeTo, Timestamp};
use serde_json::{Value, json};

use super::client::typed;
use super::objects::Key;
use super::output::{self, Fields, Format, Rows};
use super::{Common, Context, RoleName, Sure};

/// What to do with a project's keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Makes a pair of keys and prints it, this once
    #[command(
        after_help = "Example:\n  strait key create --name deploy --role developer --expires 90d"
    )]
    Create {
        /// What it is for
        #[arg(long, default_value = "")]
        name: String,
        /// What it is to be: no more than you are
        #[arg(long, value_enum)]
        role: RoleName,
        /// From when on it opens nothing: a time from now, as 90d or 12h, or a date and time, as 2027-01-31T12:00:00Z
        /// [default: it does not expire]
        #[arg(long, value_name = "WHEN", value_parser = moment)]
        expires: Option<Timestamp>,
        #[command(flatten)]
        common: Common,
    },
    /// Lists the project's keys, without secrets
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Takes a pair of keys away: it opens nothing from now on
    #[command(visible_alias = "rm")]
    Revoke {
        /// The public key of the pair
        public_key: String,
        #[command(flatten)]
        sure: Sure,
        #[command(flatten)]
        common: Common,
    },
}

pub(super) async fn run(verb: Verb, context: &Context) -> Result<()> {
    match verb {
        Verb::Create {
            name,
            role,
            expires,
            common,
        } => {
            let client = common.client(context)?;
            let path = client.in_its_project(&["keys"]);
            let asked = json!({ "name": name, "role": role.word(), "expires": expires });
            show(&client.post(&path, &asked).await?, common.format())
        }
        Verb::List { common } => {
            let client = common.client(context)?;
            let keys = client.get(&client.in_its_project(&["keys"])).await?;
            list(&keys, common.format())
        }
        Verb::Revoke {
            public_key,
            sure,
            common,
        } => {
            let client = common.client(context)?;
            output::confirm(&format!("Revoke the key {public_key}?"), sure.yes)?;
            client
                .delete(&client.in_its_project(&["keys", &public_key]))
                .await?;
            output::deleted("key", &public_key, true, common.format())
        }
    }
}

fn list(keys: &Value, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(keys);
    }
    let mut rows = Rows::new(
        &["PUBLIC KEY", "NAME", "ROLE", "BY", "LAST USED", "EXPIRES"],
        "The project has no keys. Make a pair: strait key create --role ROLE",
    );
    for key in typed::<Vec<Key>>(keys)? {
        rows.add(vec![
            Cell::new(key.public_key),
            Cell::new(key.name),
            Cell::new(key.role),
            Cell::new(key.created_by),
            Cell::new(key.last_used.unwrap_or_else(|| "never".to_owned())),
            Cell::new(key.expires.unwrap_or_else(|| "never".to_owned())),
        ]);
    }
    rows.print()
}

fn show(key: &Value, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(key);
    }
    let key: Key = typed(key)?;
    let mut fields = Fields::new();
    fields
        .add("public key", key.public_key)
        .maybe("secret key", key.secret_key)
        .add("role", key.role)
        .maybe("name", Some(key.name).filter(|name| !name.is_empty()))
        .maybe("expires", key.expires);
    fields.print()?;
    output::line("Keep the secret key: it is shown this once.")
}

/// A time to come, as users say it.
fn moment(text: &str) -> Result<Timestamp> {
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    let span: Span = text
        .parse()
        .map_err(|_| anyhow!("{text:?} is no time: say 90d, 12h, or 2027-01-31T12:00:00Z"))?;
    let time = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .context("say it in days or hours, as in 90d")?;
    Timestamp::now()
        .checked_add(time)
        .with_context(|| format!("{text} is too far away"))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn times_are_read_as_people_say_them() {
        let away = |text: &str| {
            moment(text)
                .expect("a time")
                .duration_since(Timestamp::now())
        };
        let near = |time: SignedDuration, hours: i64| {
            (time - SignedDuration::from_hours(hours)).abs() < SignedDuration::from_secs(5)
        };
        assert!(near(away("90d"), 90 * 24));
        assert!(near(away("12h"), 12));
        let fixed = moment("2027-01-31T12:00:00Z").expect("a time");
        assert_eq!(fixed.to_string(), "2027-01-31T12:00:00Z");
        for bad in [
            "",
            "soon",
            "2027-13-01T00:00:00Z",
            "3 months",
            "9999999999d",
        ] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }
}
