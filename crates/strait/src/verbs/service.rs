//! `strait service`.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use comfy_table::Cell;
use serde_json::{Value, json};

use super::client::{Client, typed};
use super::objects::{AllowEntry, Endpoint, Service};
use super::output::{self, Fields, Format, Rows};
use super::register::{self, Register};
use super::{Common, Context, Sure, Wait, allow, follow};

/// What to do with services.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Makes a PostgreSQL service and prints its password, this once
    #[command(
        after_help = "Examples:\n  strait service create --name orders --wait\n  strait service create --name orders --vpc main --wait"
    )]
    Create {
        /// Its name, for people [default: one is made up]
        #[arg(long)]
        name: Option<String>,
        /// Where: `strait regions` lists them [default: its VPC's Region, or us-east-1]
        #[arg(long)]
        region: Option<String>,
        /// Its Peering VPC from the start, by id or name [default: none, it is public]
        #[arg(long)]
        vpc: Option<String>,
        #[command(flatten)]
        wait: Wait,
        #[command(flatten)]
        common: Common,
    },
    /// Takes on a PostgreSQL that exists on AWS (RDS, Aurora, EC2, …); it stays as public or private as it is until it is
    /// attached
    #[command(
        after_help = "Examples:\n  strait service register --name orders --region eu-west-1 \\\n      --rds-instance orders --public-rds-instance orders --wait\n  strait service register --name carts --host 10.0.1.7 --vpc vpc-… --subnets subnet-… \\\n      --public-security-group sg-… --public-range 203.0.113.0/24\n\nHow the internet reaches it has no default, because that is what an attachment closes."
    )]
    Register(Register),
    /// Lists the project's services
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Shows a service, and the line that connects to it
    Get(Named),
    /// Moves a service into a Peering VPC: from then on only its peered networks reach it
    #[command(
        after_help = "Examples:\n  strait service attach orders main --wait\n  strait service attach orders main --drain 60 --wait\n\nFrom another VPC it moves at once; its name stays. With --drain no transaction is cut that ends in that time."
    )]
    Attach {
        /// The service's id or name
        service: String,
        /// The Peering VPC's id or name
        vpc: String,
        #[command(flatten)]
        drain: Drain,
        #[command(flatten)]
        wait: Wait,
        #[command(flatten)]
        common: Common,
    },
    /// Moves a service out of its Peering VPC: from then on it is public
    Detach {
        /// The service's id or name
        service: String,
        /// The Peering VPC that it must be in [default: the one that it is in]
        vpc: Option<String>,
        #[command(flatten)]
        drain: Drain,
        #[command(flatten)]
        wait: Wait,
        #[command(flatten)]
        common: Common,
    },
    /// From which addresses a service is reached, publicly and privately
    #[command(subcommand)]
    Allow(allow::Verb),
    /// Starts a stopped service
    Start(Named),
    /// Stops a service; its data stays
    Stop(Named),
    /// Renames a service; its host names stay
    Rename {
        /// The service's id or name
        service: String,
        /// The new name
        name: String,
        #[command(flatten)]
        common: Common,
    },
    /// Deletes a service with its data; of one that was registered, only the ways to it
    #[command(visible_alias = "rm")]
    Delete {
        #[command(flatten)]
        sure: Sure,
        #[command(flatten)]
        named: Named,
    },
}

/// How long the former way stays open.
#[derive(Debug, Args)]
pub(crate) struct Drain {
    /// Keeps the former way open beside the new one for so long, at most an hour: idle sessions end at once, others when
    /// their transaction does
    #[arg(long = "drain", value_name = "SECONDS", default_value_t = 0)]
    seconds: u32,
}

impl Drain {
    /// The request for a move.
    fn with(&self, vpc: &str) -> Value {
        json!({ "vpc_id": vpc, "drain_seconds": self.seconds })
    }
}

/// A service.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The service's id or name
    service: String,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    common: Common,
}

pub(crate) async fn run(verb: Verb, context: &Context) -> Result<()> {
    match verb {
        Verb::Create {
            name,
            region,
            vpc,
            wait,
            common,
        } => {
            let fields = [("name", name), ("region_code", region), ("vpc_id", vpc)];
            let asked = fields
                .into_iter()
                .filter_map(|(field, value)| Some((field.to_owned(), value?.into())))
                .collect();
            create(
                &common.client(context)?,
                &Value::Object(asked),
                &wait,
                common.format(),
            )
            .await
        }
        Verb::Register(asked) => register(&asked, context).await,
        Verb::List { common } => {
            let client = common.client(context)?;
            list(
                &client.get(&client.in_its_project(&["services"])).await?,
                common.format(),
            )
        }
        Verb::Get(Named {
            service,
            wait,
            common,
        }) => {
            let client = common.client(context)?;
            let found = client
                .get(&client.in_its_project(&["services", &service]))
                .await?;
            finish(&client, found, &wait, common.format()).await
        }
        Verb::Attach {
            service,
            vpc,
            drain,
            wait,
            common,
        } => {
            let client = common.client(context)?;
            let answer = act(&client, &service, "attachToVPC", &drain.with(&vpc)).await?;
            finish(&client, inner(answer)?, &wait, common.format()).await
        }
        Verb::Detach {
            service,
            vpc,
            drain,
            wait,
            common,
        } => {
            let client = common.client(context)?;
            let vpc = match vpc {
                Some(vpc) => vpc,
                None => vpc_of(&client, &service).await?,
            };
            let answer = act(&client, &service, "detachFromVPC", &drain.with(&vpc)).await?;
            finish(&client, inner(answer)?, &wait, common.format()).await
        }
        Verb::Allow(verb) => allow::run(verb, context).await,
        Verb::Start(Named {
            service,
            wait,
            common,
        }) => {
            let client = common.client(context)?;
            let answer = act(&client, &service, "start", &json!({})).await?;
            finish(&client, answer, &wait, common.format()).await
        }
        Verb::Stop(Named {
            service,
            wait,
            common,
        }) => {
            let client = common.client(context)?;
            let answer = act(&client, &service, "stop", &json!({})).await?;
            finish(&client, answer, &wait, common.format()).await
        }
        Verb::Rename {
            service,
            name,
            common,
        } => {
            let client = common.client(context)?;
            show(
                &act(&client, &service, "rename", &json!({ "name": name })).await?,
                common.format(),
            )
        }
        Verb::Delete { sure, named } => delete(&named.common.client(context)?, &sure, &named).await,
    }
}

async fn create(client: &Client, asked: &Value, wait: &Wait, format: Format) -> Result<()> {
    let mut made = client
        .post(&client.in_its_project(&["services"]), asked)
        .await?;
    if wait.wait {
        let password = made.get("initial_password").cloned();
        made = match settled(client, &made, wait).await {
            Ok(settled) => settled,
            Err(error) => {
                // The password is never told again, so it is told even now.
                show(&made, format)?;
                return Err(error);
            }
        };
        if let Some(password) = password {
            made["initial_password"] = password;
        }
    }
    show(&made, format)
}

async fn register(asked: &Register, context: &Context) -> Result<()> {
    let client = Client::widest_in(context, asked.common.project.as_deref())?;
    let path = client.in_its_project(&["services", "register"]);
    let taken = client.post(&path, &asked.body()).await?;
    finish(&client, taken, &asked.wait, asked.common.format()).await
}

async fn delete(client: &Client, sure: &Sure, named: &Named) -> Result<()> {
    let found: Service = typed(
        &client
            .get(&client.in_its_project(&["services", &named.service]))
            .await?,
    )?;
    let id = found.service_id;
    let question = match &found.registration {
        None => format!(
            "Delete the service {id} ({}) with all its data?",
            found.name
        ),
        Some(registration) => format!(
            "Close all ways to the service {id} ({}) that Strait knows? The PostgreSQL at {} stays, with its data.",
            found.name, registration.host
        ),
    };
    output::confirm(&question, sure.yes)?;
    let path = client.in_its_project(&["services", &id]);
    client.delete(&path).await?;
    let gone = named.wait.wait;
    if gone {
        follow::until_gone(
            client,
            &path,
            &format!("the service {id}"),
            named.wait.timeout,
        )
        .await?;
    }
    output::deleted("service", &id, gone, named.common.format())
}

async fn act(client: &Client, service: &str, action: &str, body: &Value) -> Result<Value> {
    client
        .post(&client.in_its_project(&["services", service, action]), body)
        .await
}

/// The service in an answer that has a message beside it.
fn inner(mut answer: Value) -> Result<Value> {
    match answer.get_mut("service").map(Value::take) {
        Some(service) => Ok(service),
        None => bail!("the server took it on, and did not show the service: {answer}"),
    }
}

async fn vpc_of(client: &Client, service: &str) -> Result<String> {
    let found: Service = typed(
        &client
            .get(&client.in_its_project(&["services", service]))
            .await?,
    )?;
    let Some(vpc) = found.network.wanted.strip_prefix("vpc:") else {
        bail!(
            "the service {} is attached to no VPC: there is nothing to detach it from",
            found.service_id
        );
    };
    Ok(vpc.to_owned())
}

async fn finish(client: &Client, service: Value, wait: &Wait, format: Format) -> Result<()> {
    if !wait.wait {
        return show(&service, format);
    }
    show(&settled(client, &service, wait).await?, format)
}

async fn settled(client: &Client, service: &Value, wait: &Wait) -> Result<Value> {
    let service: Service = typed(service)?;
    let path = client.in_its_project(&["services", &service.service_id]);
    follow::until_settled(
        client,
        &path,
        &format!("the service {} ({})", service.service_id, service.name),
        wait.timeout,
    )
    .await
}

fn list(services: &Value, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(services);
    }
    let heading = ["ID", "NAME", "REGION", "STATUS", "NETWORK", "HOST"];
    let mut rows = Rows::new(
        &heading,
        "There are no services. Make one: strait service create --help",
    );
    for service in typed::<Vec<Service>>(services)? {
        rows.add(vec![
            Cell::new(&service.service_id),
            Cell::new(&service.name),
            Cell::new(&service.region_code),
            output::status(&service.status),
            Cell::new(network(&service)),
            Cell::new(
                service
                    .endpoint
                    .map(|endpoint| endpoint.host)
                    .unwrap_or_default(),
            ),
        ]);
    }
    rows.print()
}

fn show(service: &Value, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(service);
    }
    let service: Service = typed(service)?;
    let network = network(&service);
    let mut fields = Fields::new();
    fields
        .add("id", service.service_id)
        .add("name", service.name)
        .add("region", service.region_code);
    fields
        .status(&service.status)
        .add("network", network)
        .maybe("error", service.error_message)
        .maybe("notice", service.notice);
    fields.maybe("host", service.endpoint.as_ref().map(place));
    fields.maybe("public way", service.public_endpoint.as_ref().map(place));
    let loopback = service.public_endpoint.and_then(|way| way.loopback_port);
    fields.maybe(
        "on this machine",
        loopback.map(|port| format!("127.0.0.1:{port}")),
    );
    fields.maybe("private way", service.vpc_endpoint.as_ref().map(place));
    if let Some(registration) = &service.registration {
        register::describe(&mut fields, registration);
    }
    fields.add("created", service.created);
    fields.maybe("last operation", service.operation_id);
    fields.maybe("password", service.initial_password.as_deref());
    fields.print()?;
    if let Some(connection) = service.connection {
        let from = match service
            .network
            .now
            .as_deref()
            .and_then(|now| now.strip_prefix("vpc:"))
        {
            Some(vpc) => format!("From customers' VPCs that are peered with the VPC {vpc}:"),
            None if service.registration.is_some() => {
                "From where the service itself is reached:".to_owned()
            }
            None => "From the internet:".to_owned(),
        };
        output::line(&format!("\n{from}\n  psql \"{connection}\""))?;
    }
    if let Some(connection) = service.local_connection {
        output::line(&format!("From this machine:\n  psql \"{connection}\""))?;
    }
    if let Some(registration) = &service.registration {
        let stable = service.endpoint.as_ref().map(|stable| stable.host.as_str());
        output::line(&register::advice(registration, stable))?;
    }
    if service.initial_password.is_some() {
        output::line("Keep the password of tsdbadmin: it is shown this once.")?;
    }
    Ok(())
}

/// Where it is reached and by whom, and where it is going.
fn network(service: &Service) -> String {
    let lists = &service.allow_list;
    let with_list = |network: &str| match network {
        "public" => format!("{network}{}", allowed(lists.public.as_deref())),
        _ => format!("{network}{}", allowed(lists.private.as_deref())),
    };
    let wanted = with_list(&service.network.wanted);
    match &service.network.now {
        Some(now) if *now != service.network.wanted => format!("{} -> {wanted}", with_list(now)),
        Some(_) | None => wanted,
    }
}

/// How many ranges get in, where a list says so.
fn allowed(list: Option<&[AllowEntry]>) -> String {
    match list {
        None => String::new(),
        Some([]) => ", nobody allowed".to_owned(),
        Some([_]) => ", 1 range allowed".to_owned(),
        Some(list) => format!(", {} ranges allowed", list.len()),
    }
}

fn place(endpoint: &Endpoint) -> String {
    let address = endpoint
        .address
        .as_ref()
        .map(|address| format!(" ({address})"))
        .unwrap_or_default();
    format!("{}:{}{address}", endpoint.host, endpoint.port)
}
