//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::tls::Files;
use crate::verbs;

/// Private connectivity for managed PostgreSQL services: VPC peering → Peering VPC → PrivateLink endpoint → service.
///
/// `strait up` starts everything on this machine, without root: a provider's plane that speaks Tiger Cloud's API, and a
/// cloud that speaks AWS's, whose packets obey it.
#[derive(Debug, Parser)]
#[command(
    name = "strait",
    version,
    propagate_version = true,
    max_term_width = 110
)]
pub(crate) struct Cli {
    /// The data folder [default: $XDG_DATA_HOME/strait or ~/.local/share/strait]
    #[arg(long, global = true, value_name = "FOLDER", env = "STRAIT_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "made once a run")]
pub(crate) enum Command {
    /// Starts Strait, or adopts what runs after the server was killed
    #[command(
        after_help = "Examples:\n  strait up --detach\n  strait up --data-dir /tmp/s --http 127.0.0.1:0 --aws 127.0.0.1:0"
    )]
    Up(Up),
    /// Runs a plane on AWS: with a configuration, a PostgreSQL of yours as its store, and services that exist
    #[command(
        after_help = "Examples:\n  strait server --config /etc/strait/strait.toml --check\n  strait server --config /etc/strait/strait.toml\n\nVariables win over the file: STRAIT_, the section, the key, as in STRAIT_CLOUD_REGIONS=eu-west-1,us-east-1.\ndocs/aws.md has all keys, packaging/strait.toml an example."
    )]
    Server(Server),
    /// Ends everything that `strait up` started; the data stays
    Down,
    /// Says what runs
    Status(Output),
    /// Writes all that is in the data folder into one file: services with their data, networks, keys
    #[command(
        after_help = "Examples:\n  strait backup /backups/strait-$(date +%F).tar.zst\n\nStrait may run meanwhile. A `strait server` keeps everything in its PostgreSQL: back that up by its own means, see\ndocs/operations.md."
    )]
    Backup {
        /// The file, which must not be there yet: a tar archive, compressed by zstd, mode 0600
        file: PathBuf,
    },
    /// Makes a new data folder of a backup
    #[command(
        after_help = "Examples:\n  strait --data-dir /srv/strait restore /backups/strait-2026-11-29.tar.zst\n  strait --data-dir /srv/strait up --detach"
    )]
    Restore {
        /// The file that `strait backup` wrote
        file: PathBuf,
    },
    /// Prints the variables with which clients reach Strait and its AWS endpoint
    #[command(
        after_help = "Examples:\n  eval \"$(strait env --account customer)\"\n  strait env --account provider --format json"
    )]
    Env(Env),
    /// Shows AWS's quotas of an account of the local cloud, or sets one
    #[command(
        after_help = "Examples:\n  strait aws-quota\n  strait aws-quota --account customer routes-per-table 1000\n  strait aws-quota routes-per-table default"
    )]
    AwsQuota(AwsQuota),
    /// Runs a command in an instance, or in the internet
    #[command(
        after_help = "Examples:\n  strait exec app -- psql \"host=… sslmode=verify-full\"\n  strait exec internet -- bash"
    )]
    Exec(Exec),
    /// PostgreSQL services
    #[command(subcommand)]
    Service(ServiceCommand),
    /// What only the operator does
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Prints the walk of a packet from an instance (or the internet) to a service, and where and why it stops
    #[command(after_help = "Example:\n  strait reach app orders")]
    Reach(Reach),
    /// Prints an IAM policy: the least that Strait's server, or a customer's administrator, needs on AWS
    #[command(
        after_help = "Example:\n  aws iam create-policy --policy-name strait --policy-document \"$(strait iam-policy operator)\""
    )]
    IamPolicy {
        /// Whose.
        whose: Whose,
    },
    /// Prints a script that completes commands in your shell
    #[command(after_help = "Example:\n  source <(strait completions bash)")]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// A process beside the server
    #[command(hide = true)]
    Agent {
        /// Which.
        kind: AgentName,
        /// The run folder.
        #[arg(long)]
        run_dir: PathBuf,
    },
    /// Ends services in order, inside the anchor: a part of `down`
    #[command(hide = true)]
    StopServices,
    /// Projects, services, VPCs, peerings: over the REST API.
    #[command(flatten)]
    Verb(verbs::Verb),
}

/// Whose policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Whose {
    /// What the server does in the provider's account.
    Operator,
    /// What a customer does to accept, route and allow, and to take it all back.
    Customer,
}

/// `strait service`.
#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "made once a run")]
pub(crate) enum ServiceCommand {
    /// Opens psql on a service, from this machine or from an instance
    #[command(
        after_help = "Examples:\n  strait service connect orders\n  strait service connect orders --from app -- -c 'select 1'"
    )]
    Connect(Connect),
    /// What the REST API does
    #[command(flatten)]
    Verb(verbs::service::Verb),
}

/// `strait admin`.
#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Makes the first project of a store and its keys, and prints them, this once
    #[command(
        after_help = "Example:\n  strait admin bootstrap --config /etc/strait/strait.toml --output json\n\nIt needs the store only: no server must run. Of a store that has a project it makes nothing (exit status 1)."
    )]
    Bootstrap(Bootstrap),
    /// Keys of projects, directly in the store: when all of a project's are lost, or one was stolen
    #[command(subcommand)]
    Key(KeyCommand),
    /// What the REST API does
    #[command(flatten)]
    Verb(verbs::admin::Verb),
}

/// `strait admin bootstrap`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Bootstrap {
    /// The project's name, for people
    #[arg(long, value_name = "NAME", default_value = "first")]
    pub(crate) project: String,
    /// Where the store is.
    #[command(flatten)]
    pub(crate) store: StoreOf,
    /// How to print.
    #[command(flatten)]
    pub(crate) output: Output,
}

/// `strait admin key`.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Makes another pair of keys for a project, and prints it, this once
    #[command(
        after_help = "Example:\n  strait admin key create --config /etc/strait/strait.toml --project first"
    )]
    Create(Keys),
    /// Lists a project's keys, without secrets
    #[command(visible_alias = "ls")]
    List(Keys),
    /// Takes a pair of keys away: it opens nothing from now on
    #[command(visible_alias = "rm")]
    Delete {
        /// The public key of the pair
        public_key: String,
        /// Whose.
        #[command(flatten)]
        keys: Keys,
    },
}

/// A project's keys.
#[derive(Debug, Clone, Args)]
pub(crate) struct Keys {
    /// The project, by id or name
    #[arg(long, value_name = "PROJECT")]
    pub(crate) project: String,
    /// Where the store is.
    #[command(flatten)]
    pub(crate) store: StoreOf,
    /// How to print.
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Which store.
#[derive(Debug, Clone, Args)]
pub(crate) struct StoreOf {
    /// The server's configuration, whose store it is [default: none, all is in variables]
    #[arg(long, value_name = "FILE", env = "STRAIT_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

/// `strait up`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Up {
    /// Where the REST API answers
    #[arg(
        long,
        value_name = "ADDR",
        env = "STRAIT_HTTP",
        default_value = "127.0.0.1:8470"
    )]
    pub(crate) http: SocketAddr,
    /// Where the AWS APIs answer
    #[arg(
        long,
        value_name = "ADDR",
        env = "STRAIT_AWS",
        default_value = "127.0.0.1:8471"
    )]
    pub(crate) aws: SocketAddr,
    /// The domain of services' names
    #[arg(
        long,
        value_name = "DOMAIN",
        env = "STRAIT_DOMAIN",
        default_value = "strait.internal"
    )]
    pub(crate) domain: String,
    /// The file that names the DNS servers to ask for names that the local cloud does not have; one without servers, such
    /// as /dev/null: such names fail at once
    #[arg(
        long,
        value_name = "FILE",
        env = "STRAIT_RESOLV_CONF",
        default_value = "/etc/resolv.conf"
    )]
    pub(crate) resolv_conf: PathBuf,
    /// Speaks TLS at both addresses, with a certificate that Strait's own authority signs (`strait ca` prints that one's);
    /// without it both are on loopback
    #[arg(long)]
    pub(crate) tls: bool,
    /// Speaks TLS with this certificate instead, PEM, behind it those that lead to its authority; read again when it changes
    #[arg(
        long,
        value_name = "FILE",
        env = "STRAIT_HTTP_CERTIFICATE_FILE",
        requires = "certificate_key_file"
    )]
    pub(crate) certificate_file: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "STRAIT_HTTP_CERTIFICATE_KEY_FILE",
        requires = "certificate_file"
    )]
    pub(crate) certificate_key_file: Option<PathBuf>,
    /// The authorities by which this machine's clients trust that certificate, PEM [default: the machine's own]
    // By no variable: STRAIT_CA_FILE is what clients of another Strait trust, and `strait env` sets it.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// AWS's own default quotas (5 VPCs per Region) instead of 1,000 VPCs
    #[arg(long)]
    pub(crate) aws_quotas: bool,
    /// For test suites: account 123456789012, the keys that moto's tests sign with, and POST /moto-api/reset, by which
    /// anybody who reaches the AWS endpoint takes away all that accounts other than the provider's have made
    #[arg(long)]
    pub(crate) test_hooks: bool,
    /// Returns when Strait is ready, and leaves it running
    #[arg(long)]
    pub(crate) detach: bool,
}

/// Which certificate the listeners show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Certificate {
    /// None: they speak no TLS.
    None,
    /// One that Strait's own authority signs.
    Own,
    /// The operator's.
    Given(Files),
}

impl Up {
    /// Which certificate the listeners show.
    pub(crate) fn certificate(&self) -> Certificate {
        match (&self.certificate_file, &self.certificate_key_file) {
            (Some(certificate), Some(key)) => Certificate::Given(Files {
                certificate: certificate.clone(),
                key: key.clone(),
            }),
            // The command line takes both or neither.
            (Some(_), None) | (None, _) if self.tls => Certificate::Own,
            (Some(_), None) | (None, _) => Certificate::None,
        }
    }
}

/// `strait server`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Server {
    /// The configuration, TOML [default: none, all is in variables]
    #[arg(long, value_name = "FILE", env = "STRAIT_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Only tells whether the configuration is sound, and what it comes to
    #[arg(long)]
    pub(crate) check: bool,
}

/// How to print.
#[derive(Debug, Clone, Args)]
pub(crate) struct Output {
    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
}

/// For people or for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// `strait env`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Env {
    /// An account by name or 12-digit id; a new one is made
    #[arg(long, default_value = "customer", value_name = "provider|customer|ID")]
    pub(crate) account: String,
    /// Lines for a shell, or an object
    #[arg(long, value_enum, default_value_t = EnvFormat::Sh)]
    pub(crate) format: EnvFormat,
    /// The Region that clients use by default
    #[arg(long, default_value = "us-east-1")]
    pub(crate) region: String,
}

/// Lines for a shell, or an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EnvFormat {
    /// `export NAME='value'` lines.
    Sh,
    /// A JSON object.
    Json,
}

/// `strait aws-quota`.
#[derive(Debug, Clone, Args)]
pub(crate) struct AwsQuota {
    /// Which, such as `peerings-per-vpc` [default: shows all]
    #[arg(requires = "limit")]
    pub(crate) quota: Option<String>,
    /// How many there may be from now on, or `default`: as many as any account may have
    pub(crate) limit: Option<Limit>,
    /// The account, by name or 12-digit id
    #[arg(long, default_value = "customer", value_name = "provider|customer|ID")]
    pub(crate) account: String,
    /// How to print.
    #[command(flatten)]
    pub(crate) output: Output,
}

/// How many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// This many.
    Most(u32),
    /// As many as any account may have.
    Default,
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "default" {
            return Ok(Self::Default);
        }
        let most = text.parse().map(Self::Most);
        most.map_err(|_| "a whole number, or `default`".to_owned())
    }
}

/// `strait exec`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Exec {
    /// An instance's id or Name tag, or `internet`
    pub(crate) instance: String,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

/// `strait service connect`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Connect {
    /// The service's id or name
    pub(crate) service: String,
    /// From where: an instance, or `internet` [default: this machine]
    #[arg(long, value_name = "INSTANCE|internet")]
    pub(crate) from: Option<String>,
    /// Further arguments of psql
    #[arg(last = true)]
    pub(crate) psql: Vec<String>,
}

/// `strait reach`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Reach {
    /// An instance's id or Name tag, or `internet`
    pub(crate) from: String,
    /// The service's id or name
    pub(crate) service: String,
    /// The TCP port
    #[arg(long, default_value_t = 5432)]
    pub(crate) port: u16,
    /// How to print
    #[command(flatten)]
    pub(crate) output: Output,
}

/// A process beside the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AgentName {
    /// Answers DNS.
    Resolver,
    /// Passes bytes from loopback ports to public addresses.
    Forwarder,
}
