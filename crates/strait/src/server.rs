//! `strait server`: a plane on a cloud and a store that somebody else runs.

use std::net::TcpListener;
use std::sync::Arc;

use anyhow::Result;
use strait_plane::{Keeper, Plane};
use tokio::task::JoinSet;

use crate::args::Server;
use crate::cloud::{self, Connected};
use crate::config::Config;
use crate::listen::answer;
use crate::running::{self, Running};
use crate::tls::Tls;
use crate::{log, store};

/// Serves until it is told to stop, or only checks the configuration. Returns the exit status: 2 for a configuration that
/// has faults.
pub(crate) fn server(options: &Server) -> Result<u8> {
    let config = match Config::load(options.config.as_deref()) {
        Ok(config) => config,
        Err(faults) => return Ok(faults.refuse()),
    };
    if let Some(warning) = config.database.warning() {
        eprintln!("Warning: {warning}");
    }
    if options.check {
        println!("The configuration is sound.\n\n{}", config.summary());
        return cloud::built_in(config.cloud.kind).map(|()| 0);
    }
    cloud::built_in(config.cloud.kind)?;
    let listener = running::bind(config.http.listen, "http.listen (STRAIT_HTTP_LISTEN)")?;
    log::start(log::Into::StandardError, config.log);
    let started = start(&config, listener, async |store: &str| {
        cloud::connect(&config, store).await
    });
    running::until_told(
        started,
        "The server ends. Ways and names go on; the next server goes on with what is left to do.",
    )
    .map(|()| 0)
}

/// Starts everything; `connect` finds the cloud for the store of this id.
async fn start(
    config: &Config,
    listener: TcpListener,
    connect: impl AsyncFnOnce(&str) -> Result<Connected>,
) -> Result<Running> {
    let address = listener.local_addr()?;
    let tls = config.http.tls.clone().map(Tls::load).transpose()?;
    let pool = store::connect(&config.database).await?;
    let store = Keeper::open(pool.clone()).await?.store_id().await?;
    let (cloud, postgres) = connect(&store).await?;
    let plane = Plane::start(
        pool,
        cloud,
        postgres,
        strait_plane::Options::new(config.domain.clone()),
    )
    .await?;
    let options = strait_http::Options {
        admin_key: (config.http.admin_key.as_ref()).map(|key| key.reveal().to_owned()),
        hosts: hosts(config, tls.as_deref()),
        rate: strait_http::Rate::default(),
        customers: None,
        transport: match (&tls, &config.http.behind_tls) {
            (Some(_), _) => strait_http::Transport::Tls,
            (None, Some(_)) => strait_http::Transport::BehindTls,
            (None, None) => strait_http::Transport::Plain,
        },
        metrics: config.http.metrics,
        fold: None,
        closing: strait_http::Closing::default(),
    };
    let closing = options.closing.clone();
    let mut parts = JoinSet::new();
    let cutting = store::cut_silent(config.database.options(), plane.store_pulse());
    parts.spawn(async move {
        cutting.await;
        Ok(())
    });
    if let Some(tls) = &tls {
        tracing::info!(fingerprint = %tls.fingerprint(), "with TLS");
        parts.spawn(Arc::clone(tls).keep_up());
    }
    parts.spawn(answer(
        listener,
        strait_http::router(plane.clone(), options),
        tls,
    ));
    tracing::info!(http = %address, %store, regions = ?config.cloud.regions, "ready");
    Ok(Running {
        plane,
        parts,
        closing,
    })
}

/// Whom requests may be for, beside loopback: whom the certificate is for, too.
fn hosts(config: &Config, tls: Option<&Tls>) -> Vec<String> {
    let mut hosts = tls.map(Tls::names).unwrap_or_default();
    hosts.push(format!("api.{}", config.domain));
    hosts.extend(config.http.behind_tls.clone());
    hosts
}

#[cfg(test)]
mod outage;
#[cfg(test)]
mod tests;
