//! The verbs of the command line that talk to the REST API: projects, services, VPCs, peerings, quotas. They know the
//! API and nothing else of Strait's.

pub(crate) mod admin;
mod allow;
mod audit;
mod client;
mod follow;
mod key;
mod known;
mod member;
mod objects;
mod operation;
mod output;
mod peering;
mod project;
mod quota;
mod register;
pub(crate) mod service;
mod steps;
mod system;
mod usage;
mod user;
mod vpc;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};

use client::Client;
use output::Format;

/// What the verbs need to find the server and its keys.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    credentials: PathBuf,
}

impl Context {
    /// The keys are in the environment (`STRAIT_URL`, `STRAIT_PUBLIC_KEY`, `STRAIT_SECRET_KEY`, `STRAIT_PROJECT_ID`,
    /// `STRAIT_ADMIN_KEY`), else in this file.
    pub(crate) fn new(credentials: PathBuf) -> Self {
        Self { credentials }
    }

    /// The file with the keys.
    fn credentials(&self) -> &Path {
        &self.credentials
    }
}

/// What to do over the REST API.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Projects: own services and Peering VPCs
    #[command(subcommand)]
    Project(project::Verb),
    /// Peering VPCs: stand between customers' VPCs and services
    #[command(subcommand)]
    Vpc(vpc::Verb),
    /// Peering connections to customers' VPCs
    #[command(subcommand)]
    Peering(peering::Verb),
    /// Members of a project: users, and what each may do
    #[command(subcommand)]
    Member(member::Verb),
    /// Keys of a project: how programs prove who they are
    #[command(subcommand)]
    Key(key::Verb),
    /// Quotas: how many there may be of what, and asking for more
    #[command(subcommand)]
    Quota(quota::Verb),
    /// Counts the hours of the project's Peering VPCs and endpoints
    #[command(
        after_help = "Examples:\n  strait usage\n  strait usage --month 2026-11 --output csv > november.csv\n  strait usage --since 2026-11-15 --until 2026-11-20\n  strait usage --all --output json"
    )]
    Usage(usage::Options),
    /// Prints where the console is, with a link that lets you in: it opens once, within five minutes
    #[command(
        after_help = "Examples:\n  strait console\n  xdg-open \"$(strait console)\"\n  strait console --email ada@example.com"
    )]
    Console(user::Console),
    /// Operations: every change, as one can watch it
    #[command(subcommand)]
    Operation(operation::Verb),
    /// The audit: who changed what, and who was refused what
    #[command(subcommand)]
    Audit(audit::Verb),
    /// Lists what happened: peerings accepted, services moved, operations ended
    Events(operation::Events),
    /// Lists the Regions, and which of them services and Peering VPCs may be in
    Regions(system::Regions),
    /// Prints the certificate of the authority that signs services' certificates
    #[command(
        after_help = "Examples:\n  strait ca > ca.pem\n  psql \"host=… sslmode=verify-full sslrootcert=$(strait ca --path)\""
    )]
    Ca(system::Ca),
}

/// Does it.
pub(crate) async fn run(verb: Verb, context: &Context) -> Result<()> {
    match verb {
        Verb::Project(verb) => project::run(verb, context).await,
        Verb::Vpc(verb) => vpc::run(verb, context).await,
        Verb::Peering(verb) => peering::run(verb, context).await,
        Verb::Member(verb) => member::run(verb, context).await,
        Verb::Key(verb) => key::run(verb, context).await,
        Verb::Quota(verb) => quota::run(verb, context).await,
        Verb::Usage(options) => usage::run(&options, context).await,
        Verb::Console(options) => user::console(&options, context).await,
        Verb::Operation(verb) => operation::run(verb, context).await,
        Verb::Audit(verb) => audit::run(verb, context).await,
        Verb::Events(options) => operation::events(&options, context).await,
        Verb::Regions(options) => system::regions(&options, context).await,
        Verb::Ca(options) => system::ca(&options, context).await,
    }
}

/// Where, and how to print.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// The project, by id or name [default: $STRAIT_PROJECT_ID, or the first one]
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    #[command(flatten)]
    format: Output,
}

impl Common {
    fn client(&self, context: &Context) -> Result<Client> {
        Client::in_project(context, self.project.as_deref())
    }

    fn format(&self) -> Format {
        self.format.output
    }
}

/// How to print.
#[derive(Debug, Clone, Args)]
pub(crate) struct Output {
    /// A table for people, or the API's objects for programs
    #[arg(long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// What somebody is in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleName {
    /// May do all there is
    Owner,
    /// Keeps networks, keys and members
    Admin,
    /// Works with services
    Developer,
    /// Looks
    Viewer,
}

impl RoleName {
    /// As the API calls it.
    fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Developer => "developer",
            Self::Viewer => "viewer",
        }
    }
}

/// Whether to wait.
#[derive(Debug, Clone, Args)]
pub(crate) struct Wait {
    /// Returns when it is done
    #[arg(long)]
    wait: bool,
    /// How long to wait at most, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120, requires = "wait")]
    timeout: u64,
}

/// Whether to ask first.
#[derive(Debug, Clone, Args)]
pub(crate) struct Sure {
    /// Does not ask first
    #[arg(long, short)]
    yes: bool,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(subcommand)]
        _command: Command,
    }

    #[derive(Debug, Subcommand)]
    enum Command {
        #[command(subcommand)]
        Admin(admin::Verb),
        #[command(subcommand)]
        Service(service::Verb),
        #[command(flatten)]
        Verb(Verb),
    }

    #[test]
    fn the_verbs_are_sound() {
        Program::command().debug_assert();
    }

    #[test]
    fn lines_that_messages_recommend_parse() {
        for line in [
            "admin quota --project p vpcs 5",
            "admin quota",
            "admin plan --project shop",
            "admin plan --standard",
            "admin plan --trial-until 2026-12-31",
            "quota show",
            "quota request --project p vpcs 4 --reason WHY",
            "quota withdraw --project p qr-1",
            "quota requests --all --state granted",
            "quota grant qr-1 --limit 4 --word fine",
            "quota refuse qr-1 --word no",
            "usage --month 2026-11 --format csv",
            "usage --since 2026-11-01 --output json",
            "usage --all",
            "service create --name orders --region us-east-1 --wait",
            "service attach orders main --wait --timeout 10",
            "service detach orders",
            "service register --host db.example.com --vpc vpc-1 --subnets subnet-a,subnet-b --public-way none --wait",
            "vpc create --cidr 10.0.0.0/16 --region us-east-1",
            "peering create main --account 123456789012 --vpc-id vpc-1 --region eu-central-1",
            "peering steps pcx-1 --script",
            "peering list",
            "peering request pcx-1",
            "service attach orders main --drain 30 --wait",
            "service allow list orders",
            "service allow add orders --public 203.0.113.0/24 --description office",
            "service allow set orders --private --yes",
            "service allow clear orders --public",
            "vpc delete main --cascade --yes --wait",
            "vpc cancel-deletion main",
            "operation watch op-1",
            "operation list --state running,queued",
            "events --follow",
            "audit list --outcome refused --since 2026-11-30",
            "audit export --all-projects --after 7",
            "audit forget --until 2025-11-01 --yes",
            "ca --path",
            "regions --output json",
            "member add ada@example.com --role developer",
            "member role ada@example.com admin --project shop",
            "member remove ada@example.com --yes",
            "key create --name deploy --role developer --expires 90d",
            "key revoke skAbCdEf",
            "admin user create --email ada@example.com --role owner --project shop",
            "admin user create --email ada@example.com --password-stdin",
            "admin user unlock ada@example.com",
            "admin user enable ada@example.com",
            "console --email ada@example.com",
        ] {
            let words = std::iter::once("strait").chain(line.split(' '));
            assert!(Program::try_parse_from(words).is_ok(), "{line}");
        }
        for line in [
            "admin quota vpcs",
            "admin plan --standard --trial-until 2026-12-31",
            "quota request vpcs 4",
            "quota request elephants 4 --reason WHY",
            "quota requests --state granted",
            "quota requests --all --project p",
            "quota refuse qr-1",
            "usage --month 2026-11 --since 2026-11-01",
            "usage --until 2026-11-01",
            "usage --all --project p",
            "service create --timeout 3",
            "service attach orders",
            "service allow add orders 203.0.113.0/24",
            "service allow add orders --public --private 203.0.113.0/24",
            "service allow remove orders --public",
            "service register --host db.example.com --vpc vpc-1 --subnets subnet-a",
            "peering steps p --script --policy",
            "audit list --since yesterday",
            "audit forget",
            "member add ada@example.com",
            "key create --role king",
            "admin user create --email ada@example.com --role owner",
            "admin user create --email a@b.c --no-password --password-stdin",
        ] {
            let words = std::iter::once("strait").chain(line.split(' '));
            let refused = Program::try_parse_from(words).expect_err(line);
            assert_eq!(refused.exit_code(), 2, "{line}");
        }
    }
}
