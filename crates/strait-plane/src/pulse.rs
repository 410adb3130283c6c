//! Whether the store answers. Others learn of it at once, instead of waiting for answers that do not come.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, PgPool};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::store;

/// How often it is asked.
const BEAT: Duration = Duration::from_secs(1);
/// The same of one that did not answer.
const FAINT_BEAT: Duration = Duration::from_millis(200);
/// How long it may take to answer what takes no time.
const PATIENCE: Duration = Duration::from_secs(3);

/// How the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pulse {
    /// It answers.
    Beats,
    /// It says nothing: connections that wait for it may wait for ever.
    Silent,
    /// It cannot be reached, or refuses; why.
    Gone(String),
}

impl Pulse {
    /// Whether requests can be served.
    pub fn beats(&self) -> bool {
        match self {
            Self::Beats => true,
            Self::Silent | Self::Gone(_) => false,
        }
    }
}

impl Pulse {
    /// What is wrong, if anything is, in words that anybody may read.
    pub(crate) fn trouble(&self) -> Option<String> {
        match self {
            Self::Beats => None,
            Self::Silent => Some("it does not answer".to_owned()),
            Self::Gone(_) => {
                Some("it cannot be reached, or refuses; the server's log says more".to_owned())
            }
        }
    }
}

/// Feels it, over a connection of its own, until this is dropped.
pub(crate) struct Feeler {
    told: watch::Receiver<Pulse>,
    task: JoinHandle<()>,
}

impl Feeler {
    pub(crate) fn start(pool: &PgPool) -> Self {
        let (tell, told) = watch::channel(Pulse::Beats);
        let options = pool.connect_options().as_ref().clone();
        let task = tokio::spawn(feel(options, tell));
        Self { told, task }
    }

    pub(crate) fn told(&self) -> watch::Receiver<Pulse> {
        self.told.clone()
    }
}

impl Drop for Feeler {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn feel(options: PgConnectOptions, tell: watch::Sender<Pulse>) {
    let mut connection = None;
    loop {
        let asked = timeout(PATIENCE, ask_anew(&options, &mut connection)).await;
        let pulse = match asked {
            Ok(Ok(())) => Pulse::Beats,
            Ok(Err(why)) => Pulse::Gone(why),
            Err(_) => Pulse::Silent,
        };
        if !pulse.beats() {
            connection = None;
        }
        let before = tell.send_replace(pulse.clone());
        match (before.beats(), &pulse) {
            (false, Pulse::Beats) => tracing::info!("the store answers again"),
            (true, Pulse::Silent) => {
                tracing::error!("the store does not answer; requests are refused until it does");
            }
            (true, Pulse::Gone(why)) => {
                tracing::error!(%why, "the store is gone; requests are refused until it is back");
            }
            (true, Pulse::Beats) | (false, Pulse::Silent | Pulse::Gone(_)) => {}
        }
        sleep(if pulse.beats() { BEAT } else { FAINT_BEAT }).await;
    }
}

/// A connection that broke says nothing of a store that was started anew since.
async fn ask_anew(
    options: &PgConnectOptions,
    connection: &mut Option<PgConnection>,
) -> Result<(), String> {
    if connection.is_some() && ask(options, connection).await.is_ok() {
        return Ok(());
    }
    *connection = None;
    ask(options, connection).await
}

async fn ask(
    options: &PgConnectOptions,
    connection: &mut Option<PgConnection>,
) -> Result<(), String> {
    let open = match connection {
        Some(open) => open,
        None => {
            let fresh = PgConnection::connect_with(options).await;
            connection.insert(fresh.map_err(|error| error.to_string())?)
        }
    };
    let only_read = store::is_read_only(open).await;
    if only_read.map_err(|error| error.to_string())? {
        return Err("it takes no changes (transaction_read_only)".to_owned());
    }
    Ok(())
}
