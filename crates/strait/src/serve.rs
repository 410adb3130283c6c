//! The server: composes the local cloud, the plane and the two endpoints.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use strait_kernel::{Anchor, Kernel};
use strait_local::agent::{Agent, AgentKind};
use strait_local::ca::Authority;
use strait_local::cloud::{INTERNET, INTERNET_ENDPOINTS, Local, Options, Parts};
use strait_local::engine::{Engine, Installation, Store};
use strait_plane::Plane;
use strait_plane::model::{NewKey, Role};
use tokio::task::JoinSet;

use crate::args::{Certificate, Up};
use crate::calling::{self, Called, machine_addresses, socket_from_here};
use crate::customers::Customers;
use crate::data::{Credentials, DataDir, called};
use crate::listen::answer;
use crate::running::{self, Running};
use crate::tls::{Files, Tls};
use crate::{local_api, log, store, test_hooks};

/// How often Strait's own PostgreSQL and the anchor are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How often it is looked whether the certificate expires soon.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// How often time passes for what expires.
const TICK: Duration = Duration::from_secs(10);

/// The two endpoints' sockets on the host, bound before anything starts: a port that is taken stops nothing else.
pub(crate) struct Listeners {
    http: TcpListener,
    aws: TcpListener,
}

impl Listeners {
    /// Binds both.
    pub(crate) fn bind(options: &Up) -> Result<Self> {
        if options.http == options.aws && options.http.port() != 0 {
            bail!(
                "--http and --aws are both {}: choose two ports",
                options.http
            );
        }
        for (address, setting) in [(options.http, "--http"), (options.aws, "--aws")] {
            if !address.ip().is_loopback() && options.certificate() == Certificate::None {
                bail!(
                    "{setting} {address} is not on loopback, and without TLS whoever is on the way reads along: add --tls (or \
                     --certificate-file and --certificate-key-file), or listen on 127.0.0.1, and let a proxy on this machine that ends TLS (Caddy, nginx) pass requests on"
                );
            }
        }
        Ok(Self {
            http: running::bind(options.http, "--http")?,
            aws: running::bind(options.aws, "--aws")?,
        })
    }
}

/// Serves until SIGTERM or SIGINT. What runs beside the server goes on.
pub(crate) fn serve(
    data: &DataDir,
    options: &Up,
    listeners: Listeners,
    adopted: bool,
) -> Result<()> {
    log::start(log::Into::StandardOutput, log::Format::of_environment()?);
    running::until_told(
        start(data, options, listeners, adopted),
        "The server ends. Services, names and ports go on: `strait up` adopts them, `strait down` ends them.",
    )
}

/// Starts everything, or finds that it runs, and records the server as ready.
async fn start(
    data: &DataDir,
    options: &Up,
    listeners: Listeners,
    adopted: bool,
) -> Result<Running> {
    let (http_address, aws_address) = (listeners.http.local_addr()?, listeners.aws.local_addr()?);
    let run_dir = data.run();
    let program = std::env::current_exe().context("cannot find this program")?;
    let kernel = Arc::new(Kernel::open(&run_dir)?);
    let installation = Installation::find()?;
    let own_store = Store::ensure(Arc::clone(&kernel), data.root(), &installation).await?;
    let pool = store::pool().connect_with(own_store.options()).await?;
    let engine = Engine::open(Arc::clone(&kernel), data.root(), installation.clone()).await?;
    let resolver = Agent::new(AgentKind::Resolver, &run_dir, &program);
    let forwarder = Agent::new(AgentKind::Forwarder, &run_dir, &program);
    if !adopted {
        // Agents of an anchor that was killed would answer in namespaces that nobody else has.
        resolver.stop().await?;
        forwarder.stop().await?;
    }
    let local = Local::start(Parts {
        pool: pool.clone(),
        kernel: Arc::clone(&kernel),
        engine,
        resolver,
        forwarder,
        options: Options {
            run_dir,
            domain: options.domain.clone(),
            aws_quotas: options.aws_quotas,
            resolv_conf: options.resolv_conf.clone(),
            test_hooks: options.test_hooks,
        },
    })
    .await?;
    let cloud = Arc::new(local.clone());
    let alone = strait_plane::Options {
        alone: true,
        ..strait_plane::Options::new(options.domain.clone())
    };
    let plane = Plane::start(pool, cloud.clone(), cloud, alone).await?;
    local.heed(plane.store_pulse());
    let certificate = options.certificate();
    let (tls, ca_file) = match &certificate {
        Certificate::None => (None, None),
        Certificate::Own => (
            Some(Tls::load(own_certificate(data, options)?)?),
            Some(plane.authority_path().into()),
        ),
        Certificate::Given(files) => (Some(Tls::load(files.clone())?), options.ca_file.clone()),
    };
    let name = match &tls {
        Some(tls) => calling::how(&tls.names(), &[http_address.ip(), aws_address.ip()]).await?,
        None => Called::ByAddress,
    };
    let host = match &name {
        Called::ByAddress => None,
        Called::ByName(name) => Some(name.as_str()),
        Called::Nohow(what_to_do) => {
            tracing::warn!("{what_to_do}");
            None
        }
    };
    let scheme = if tls.is_some() { "https" } else { "http" };
    let place = called(host, &socket_from_here(http_address).to_string());
    let credentials = credentials(data, &plane, format!("{scheme}://{place}"), ca_file).await?;

    let rest_options = rest_options(
        &credentials,
        options,
        http_address,
        tls.as_deref(),
        local.clone(),
    );
    let closing = rest_options.closing.clone();
    let rest = strait_http::router_beside(
        plane.clone(),
        rest_options,
        local_api::router(local.clone(), plane.clone()),
    );
    let mut aws = strait_wire::router(Arc::new(local.clone()));
    if options.test_hooks {
        local.ensure_test_account().await?;
        aws = aws.merge(test_hooks::router(local.clone()));
    }
    let mut parts = JoinSet::new();
    let (inside_http, inside_aws) =
        internet_listeners(&kernel, http_address.port(), aws_address.port())?;
    parts.spawn(answer(listeners.http, rest.clone(), tls.clone()));
    parts.spawn(answer(listeners.aws, aws.clone(), tls.clone()));
    // Nothing on the way inside reads along.
    parts.spawn(answer(inside_http, rest, None));
    parts.spawn(answer(inside_aws, aws, None));
    if let Some(tls) = &tls {
        parts.spawn(Arc::clone(tls).keep_up());
    }
    if certificate == Certificate::Own {
        parts.spawn(renew(data.clone(), options.clone()));
    }
    parts.spawn(watch(local.clone()));
    parts.spawn(pass_time(local));
    parts.spawn(watch_ground(data.clone(), kernel, installation, own_store));
    data.record_server(
        &http_address.to_string(),
        &aws_address.to_string(),
        tls.map(|tls| tls.fingerprint()),
        name,
    )?;
    tracing::info!(http = %http_address, aws = %aws_address, "ready");
    Ok(Running {
        plane,
        parts,
        closing,
    })
}

/// The keys of the CLI; made at the first start, and with the URL of this one.
async fn credentials(
    data: &DataDir,
    plane: &Plane,
    url: String,
    ca_file: Option<PathBuf>,
) -> Result<Credentials> {
    if let Ok(known) = data.credentials() {
        let known = Credentials {
            url,
            ca_file,
            ..known
        };
        data.keep_credentials(&known)?;
        return Ok(known);
    }
    let first = plane.bootstrap().await?;
    let key = match first.key {
        Some(key) => key,
        // The file is gone, and secrets are kept hashed only: a new pair for the same project.
        None => {
            let new = NewKey::of(Role::Owner);
            plane.create_key(&first.project.id, new).await?
        }
    };
    let admin_key = format!(
        "{:032x}{:032x}",
        rand::random::<u128>(),
        rand::random::<u128>()
    );
    let made = Credentials {
        url,
        project_id: first.project.id,
        public_key: key.key.public_key,
        secret_key: key.secret_key,
        admin_key,
        ca_file,
    };
    data.keep_credentials(&made)?;
    Ok(made)
}

/// The certificate of the listeners, signed by Strait's own authority; a new one where the one that is there will not do.
fn own_certificate(data: &DataDir, options: &Up) -> Result<Files> {
    let authority = Authority::open(&data.authority())?;
    let mut names = BTreeSet::from([
        "localhost".to_owned(),
        Ipv4Addr::LOCALHOST.to_string(),
        Ipv6Addr::LOCALHOST.to_string(),
        format!("api.{}", options.domain),
    ]);
    for address in [options.http.ip(), options.aws.ip()] {
        if address.is_unspecified() {
            names.extend(machine_addresses()?.iter().map(IpAddr::to_string));
        } else {
            names.insert(address.to_string());
        }
    }
    let files = data.tls();
    let kept = std::fs::read_to_string(&files.certificate).unwrap_or_default();
    if !authority.is_good(&kept, &names) || files.check().is_err() {
        let issued = authority.issue(&names)?;
        data.keep_certificate(&issued.certificate, &issued.key)?;
    }
    Ok(files)
}

/// Makes another certificate in time.
async fn renew(data: DataDir, options: Up) -> Result<()> {
    let mut beat = tokio::time::interval(DAY);
    loop {
        beat.tick().await;
        if let Err(error) = own_certificate(&data, &options) {
            tracing::error!(
                error = format!("{error:#}"),
                "the certificate could not be renewed; trying again tomorrow"
            );
        }
    }
}

fn rest_options(
    credentials: &Credentials,
    options: &Up,
    http: SocketAddr,
    tls: Option<&Tls>,
    local: Local,
) -> strait_http::Options {
    let mut hosts = tls.map(Tls::names).unwrap_or_default();
    hosts.extend([
        format!("api.{}", options.domain),
        INTERNET_ENDPOINTS.to_string(),
        http.ip().to_string(),
    ]);
    strait_http::Options {
        admin_key: Some(credentials.admin_key.clone()),
        hosts,
        rate: strait_http::Rate::default(),
        customers: Some(Arc::new(Customers::of(local))),
        transport: match tls {
            Some(_) => strait_http::Transport::Tls,
            None => strait_http::Transport::Plain,
        },
        metrics: strait_http::Readers::Operator,
        fold: None,
        closing: strait_http::Closing::default(),
    }
}

/// Strait's own two endpoints in the internet, where instances' owners reach them.
fn internet_listeners(kernel: &Kernel, http: u16, aws: u16) -> Result<(TcpListener, TcpListener)> {
    let bound = kernel.inside(INTERNET, move || {
        Ok::<_, std::io::Error>((
            TcpListener::bind((INTERNET_ENDPOINTS, http))?,
            TcpListener::bind((INTERNET_ENDPOINTS, aws))?,
        ))
    })?;
    bound.context("cannot listen in the internet namespace")
}

async fn watch(local: Local) -> Result<()> {
    local.watch().await;
    Ok(())
}

async fn pass_time(local: Local) -> Result<()> {
    let mut beat = tokio::time::interval(TICK);
    loop {
        beat.tick().await;
        if let Err(error) = local.tick().await {
            tracing::error!(%error, "time could not pass; trying again");
        }
    }
}

/// What everything stands on: Strait's own PostgreSQL, started anew when it dies, and the anchor, without which there is
/// nothing left to serve.
async fn watch_ground(
    data: DataDir,
    kernel: Arc<Kernel>,
    installation: Installation,
    mut store: Store,
) -> Result<()> {
    let mut beat = tokio::time::interval(LOOK);
    loop {
        beat.tick().await;
        if Anchor::find(&data.run())?.is_none() {
            bail!(
                "the network's anchor was ended from outside: `strait down`, then `strait up`; the data stays"
            );
        }
        if store.alive() {
            continue;
        }
        tracing::warn!("Strait's own PostgreSQL is gone, starting it anew");
        match Store::ensure(Arc::clone(&kernel), data.root(), &installation).await {
            Ok(again) => store = again,
            Err(error) => {
                tracing::error!(%error, "Strait's own PostgreSQL cannot be started; trying again");
            }
        }
    }
}
