//! Services that only pretend.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use strait_plane::cloud::Sources;
use strait_plane::model::{Addon, LogEntry, LogPage, LogQuery};
use strait_plane::postgres::{Ended, Origin, Postgres, PostgresError, ServiceSpec, Which};

use super::cloud::PUBLIC_SOURCE;
use super::script::{Ordered, Script};

pub(crate) struct FakePostgres {
    script: Arc<Script>,
    origin: Origin,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether it runs.
    services: BTreeMap<String, (ServiceSpec, bool)>,
    sessions: BTreeMap<(String, Ipv4Addr), u64>,
    may_not_end: bool,
    addons: BTreeSet<Addon>,
    logs: Vec<LogEntry>,
    lets_idle_flows_end: bool,
}

impl FakePostgres {
    pub(crate) fn new(script: Arc<Script>, origin: Origin) -> Arc<Self> {
        Arc::new(Self {
            script,
            origin,
            state: Mutex::default(),
        })
    }

    /// Whether it runs; none if it is not there.
    pub(crate) fn runs(&self, service: &str) -> Option<bool> {
        self.state().services.get(service).map(|(_, runs)| *runs)
    }

    pub(crate) fn spec(&self, service: &str) -> Option<ServiceSpec> {
        self.state()
            .services
            .get(service)
            .map(|(spec, _)| spec.clone())
    }

    /// From now on nobody may end sessions.
    pub(crate) fn let_sessions_be(&self) {
        self.state().may_not_end = true;
    }

    /// From now on there is something that operators should know.
    pub(crate) fn let_idle_flows_end(&self) {
        self.state().lets_idle_flows_end = true;
    }

    /// From now on services can have these.
    pub(crate) fn offer(&self, addons: impl IntoIterator<Item = Addon>) {
        self.state().addons = addons.into_iter().collect();
    }

    /// What every service's log holds from now on, the newest first.
    pub(crate) fn log(&self, entries: Vec<LogEntry>) {
        self.state().logs = entries;
    }

    pub(crate) fn connect(&self, service: &str, source: Ipv4Addr, sessions: u64) {
        self.state()
            .sessions
            .insert((service.to_owned(), source), sessions);
    }

    pub(crate) fn sessions(&self, service: &str, source: Ipv4Addr) -> u64 {
        self.state()
            .sessions
            .get(&(service.to_owned(), source))
            .copied()
            .unwrap_or_default()
    }

    async fn begin(&self, call: String) -> Result<(), PostgresError> {
        match self.script.begin(call).await {
            Ordered::Success => Ok(()),
            Ordered::Temporary => Err(PostgresError::Temporary("the disk is busy".to_owned())),
            Ordered::Refused => Err(PostgresError::Failed(
                "the disk is full; make room".to_owned(),
            )),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no test panics while it holds this")
    }
}

#[async_trait]
impl Postgres for FakePostgres {
    fn origin(&self) -> Origin {
        self.origin
    }

    async fn ensure_running(&self, service: &ServiceSpec) -> Result<(), PostgresError> {
        self.begin(format!("ensure_running {}", service.id)).await?;
        self.state()
            .services
            .insert(service.id.clone(), (service.clone(), true));
        self.script.end().await;
        Ok(())
    }

    async fn ensure_stopped(&self, service: &ServiceSpec) -> Result<(), PostgresError> {
        self.begin(format!("ensure_stopped {}", service.id)).await?;
        self.state()
            .services
            .insert(service.id.clone(), (service.clone(), false));
        self.script.end().await;
        Ok(())
    }

    async fn delete(&self, service: &ServiceSpec) -> Result<(), PostgresError> {
        self.begin(format!("delete {}", service.id)).await?;
        self.state().services.remove(&service.id);
        self.script.end().await;
        Ok(())
    }

    async fn end_sessions(
        &self,
        service: &ServiceSpec,
        sources: &Sources,
        which: Which,
    ) -> Result<Ended, PostgresError> {
        let (list, sources) = match sources {
            Sources::These(these) => (
                these.iter().map(ToString::to_string).collect(),
                these.iter().copied().collect(),
            ),
            Sources::Internet => (vec!["internet".to_owned()], vec![PUBLIC_SOURCE]),
        };
        let verb = match which {
            Which::All => "end_sessions",
            Which::Idle(_) => "end_idle_sessions",
        };
        self.begin(format!("{verb} {} {}", service.id, list.join(",")))
            .await?;
        let mut ended = 0;
        for source in sources {
            ended += self
                .state()
                .sessions
                .remove(&(service.id.clone(), source))
                .unwrap_or_default();
        }
        self.script.end().await;
        if self.state().may_not_end {
            return Ok(Ended::NotAllowed("the role may not".to_owned()));
        }
        Ok(Ended::Sessions(ended))
    }

    async fn advice(&self, service: &ServiceSpec) -> Option<String> {
        self.state()
            .lets_idle_flows_end
            .then(|| format!("connections to {} may end", service.id))
    }

    fn addons(&self) -> BTreeSet<Addon> {
        self.state().addons.clone()
    }

    async fn logs(
        &self,
        service: &ServiceSpec,
        query: &LogQuery,
    ) -> Result<LogPage, PostgresError> {
        self.begin(format!("logs {}", service.id)).await?;
        self.script.end().await;
        let state = self.state();
        let entries = state.logs.iter().take(query.limit).cloned().collect();
        Ok(LogPage {
            entries,
            next: query.cursor,
        })
    }

    fn authority(&self) -> String {
        "-----BEGIN CERTIFICATE-----".to_owned()
    }

    fn authority_path(&self) -> String {
        "/tmp/strait test/ca.pem".to_owned()
    }
}
