//! `strait service allow`.

use std::net::Ipv4Addr;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use comfy_table::Cell;
use serde_json::{Value, json};

use super::client::{Client, typed};
use super::objects::{AllowEntry, AllowLists};
use super::output::{self, Format, Rows};
use super::{Common, Context, Sure};

/// What to do with a service's allow lists.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Lists who may reach a service, by its public way and by its private way
    #[command(visible_alias = "ls")]
    List {
        /// The service's id or name
        service: String,
        #[command(flatten)]
        common: Common,
    },
    /// Lets more ranges in. Where there was no list, these are then the only ones
    #[command(
        after_help = "Examples:\n  strait service allow add orders --public 203.0.113.0/24 --description \"the office\"\n  strait service allow add orders --private 10.20.0.0/16"
    )]
    Add {
        #[command(flatten)]
        named: Named,
        /// IPv4 ranges, or addresses
        #[arg(required = true)]
        cidrs: Vec<String>,
        /// Whose they are
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Lets ranges in no longer. Open sessions from them end. When the last one goes, nobody gets in
    #[command(
        visible_alias = "rm",
        after_help = "Example:\n  strait service allow remove orders --public 203.0.113.0/24"
    )]
    Remove {
        #[command(flatten)]
        named: Named,
        /// IPv4 ranges, or addresses, as the list has them
        #[arg(required = true)]
        cidrs: Vec<String>,
    },
    /// Lets exactly these ranges in; none: nobody. Those that were there keep their description
    #[command(
        after_help = "Examples:\n  strait service allow set orders --public 203.0.113.0/24 198.51.100.7\n  strait service allow set orders --public --yes"
    )]
    Set {
        #[command(flatten)]
        named: Named,
        /// IPv4 ranges, or addresses
        cidrs: Vec<String>,
        /// Whose the new ones are
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Takes the list away: whoever gets to the service is let in, from the internet or from the peered networks
    Clear {
        #[command(flatten)]
        named: Named,
    },
}

/// One of a service's two lists.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The service's id or name
    service: String,
    #[command(flatten)]
    side: SideChoice,
    #[command(flatten)]
    sure: Sure,
    #[command(flatten)]
    common: Common,
}

/// Which list.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct SideChoice {
    /// The list of the public way: who may come from the internet
    #[arg(long)]
    public: bool,
    /// The list of the private way: who may come by the Peering VPC
    #[arg(long)]
    private: bool,
}

impl SideChoice {
    fn word(&self) -> &'static str {
        match self.public {
            true => "public",
            false => "private",
        }
    }
}

pub(super) async fn run(verb: Verb, context: &Context) -> Result<()> {
    match verb {
        Verb::List { service, common } => {
            let client = common.client(context)?;
            let lists = client.get(&path(&client, &service)).await?;
            show(&lists, common.format())
        }
        Verb::Add {
            named,
            cidrs,
            description,
        } => {
            let change = |before: Option<Vec<AllowEntry>>| {
                let mut list = before.unwrap_or_default();
                for cidr in &cidrs {
                    if list.iter().any(|entry| is_the_same(&entry.cidr, cidr)) {
                        bail!("{cidr} is in the list already");
                    }
                    list.push(entry(cidr, &description));
                }
                Ok(Some(list))
            };
            change_list(&named, context, change).await
        }
        Verb::Remove { named, cidrs } => {
            let change = |before: Option<Vec<AllowEntry>>| {
                let Some(mut list) = before else {
                    bail!(
                        "there is no {side} list: everybody gets in by that way. Say who may: `strait service allow set {service} --{side} CIDR …`",
                        side = named.side.word(),
                        service = named.service
                    );
                };
                for cidr in &cidrs {
                    let Some(place) = list.iter().position(|entry| is_the_same(&entry.cidr, cidr))
                    else {
                        bail!(
                            "{cidr} is not in the list; name a range as the list has it (`strait service allow list {}`)",
                            named.service
                        );
                    };
                    list.remove(place);
                }
                Ok(Some(list))
            };
            change_list(&named, context, change).await
        }
        Verb::Set {
            named,
            cidrs,
            description,
        } => {
            let change = |before: Option<Vec<AllowEntry>>| {
                let before = before.unwrap_or_default();
                let kept = |cidr: &String| {
                    let mut known = before.iter();
                    known
                        .find(|entry| is_the_same(&entry.cidr, cidr))
                        .cloned()
                        .unwrap_or_else(|| entry(cidr, &description))
                };
                Ok(Some(cidrs.iter().map(kept).collect()))
            };
            change_list(&named, context, change).await
        }
        Verb::Clear { named } => change_list(&named, context, |_| Ok(None)).await,
    }
}

/// Reads the list, changes it, and writes it if nobody else did meanwhile.
async fn change_list(
    named: &Named,
    context: &Context,
    change: impl FnOnce(Option<Vec<AllowEntry>>) -> Result<Option<Vec<AllowEntry>>>,
) -> Result<()> {
    let client = named.common.client(context)?;
    let side = named.side.word();
    let path = path(&client, &named.service);
    let lists: AllowLists = typed(&client.get(&path).await?)?;
    let before = match named.side.public {
        true => lists.public,
        false => lists.private,
    };
    let was_open = before.is_none();
    let after = change(before)?;
    if let Some(question) = question(side, was_open, after.as_deref()) {
        output::confirm(&question, named.sure.yes)?;
    }
    let entries = after.map(|list| {
        let entries = list.into_iter();
        entries
            .map(|entry| json!({ "cidr": entry.cidr, "description": entry.description }))
            .collect::<Vec<Value>>()
    });
    let body = json!({ side: entries, "version": lists.version, "force": named.sure.yes });
    show(&client.put(&path, &body).await?, named.common.format())
}

/// What is asked first: whether everybody is meant, or nobody.
fn question(side: &str, was_open: bool, after: Option<&[AllowEntry]>) -> Option<String> {
    match after {
        None if was_open => None,
        None => Some(format!(
            "Let everybody in by the {side} way who gets there?"
        )),
        Some([]) => Some(format!("Let nobody in by the {side} way?")),
        Some(list) if was_open => {
            let ranges: Vec<&str> = list.iter().map(|entry| entry.cidr.as_str()).collect();
            Some(format!(
                "Everybody gets in by the {side} way now. Let in only {} from now on?",
                ranges.join(", ")
            ))
        }
        Some(_) => None,
    }
}

fn path<'a>(client: &'a Client, service: &'a str) -> Vec<&'a str> {
    client.in_its_project(&["services", service, "allow-list"])
}

fn show(lists: &Value, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(lists);
    }
    let lists: AllowLists = typed(lists)?;
    let mut rows = Rows::new(&["WAY", "RANGE", "DESCRIPTION"], "");
    for (side, list) in [("public", lists.public), ("private", lists.private)] {
        match list {
            None => rows.add(vec![
                Cell::new(side),
                Cell::new("(everybody)"),
                Cell::new("there is no list"),
            ]),
            Some(list) if list.is_empty() => {
                rows.add(vec![Cell::new(side), Cell::new("(nobody)"), Cell::new("")]);
            }
            Some(list) => {
                for entry in list {
                    rows.add(vec![
                        Cell::new(side),
                        Cell::new(entry.cidr),
                        Cell::new(entry.description),
                    ]);
                }
            }
        }
    }
    rows.print()?;
    for warning in lists.warnings {
        output::line(&format!("Mind: {warning}."))?;
    }
    if !lists.in_effect {
        let id = lists.operation_id.unwrap_or_default();
        output::line(&format!(
            "Packets do not obey this yet: `strait operation watch {id}` tells when they do."
        ))?;
    }
    Ok(())
}

/// Whether both name the same range: an address is a range of one.
fn is_the_same(kept: &str, asked: &str) -> bool {
    kept == asked
        || asked
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| kept == format!("{address}/32"))
}

fn entry(cidr: &str, description: &str) -> AllowEntry {
    AllowEntry {
        cidr: cidr.to_owned(),
        description: description.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_mean_everybody_or_nobody_is_asked() {
        let list = [entry("10.0.0.0/8", "")];
        assert!(
            question("public", true, Some(&list))
                .is_some_and(|asked| asked.contains("only 10.0.0.0/8"))
        );
        assert!(question("public", false, Some(&[])).is_some_and(|asked| asked.contains("nobody")));
        assert!(question("public", false, None).is_some_and(|asked| asked.contains("everybody")));
        assert_eq!(question("public", false, Some(&list)), None);
        assert_eq!(question("public", true, None), None);
    }

    #[test]
    fn an_address_is_a_range_of_one() {
        assert!(is_the_same("10.0.0.1/32", "10.0.0.1"));
        assert!(is_the_same("10.0.0.0/8", "10.0.0.0/8"));
        assert!(!is_the_same("10.0.0.0/8", "10.0.0.0"));
    }
}
