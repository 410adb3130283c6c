//! PostgreSQL as processes: each service has a data folder, a host's namespaces and a postmaster of its own. They outlive
//! the server; the next one adopts them.

mod admin;
pub mod backup;
mod config;
mod folder;
mod installation;
mod log;
mod process;
mod service;
mod store;
mod template;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use strait_kernel::Kernel;
use strait_plane::model::{Addon, LogPage, LogQuery};
use strait_plane::postgres::{Made, Which};
use tokio::sync::Semaphore;
use tokio::time::sleep;

pub use installation::Installation;
pub use store::Store;

use crate::ca::Authority;
use crate::error::LocalError;
use service::Service;
use template::Template;

const WATCH_PAUSE: Duration = Duration::from_secs(1);

/// Who reads logs waits for one of so many turns: each may look through tens of megabytes.
static LOG_READERS: Semaphore = Semaphore::const_new(4);

/// Runs services. Cheap to clone; all clones are one engine.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

/// What all services need.
struct Shared {
    kernel: Arc<Kernel>,
    data: PathBuf,
    installation: Installation,
    authority: Authority,
    template: Template,
    services: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<Service>>>>,
}

impl Engine {
    /// An engine on a data folder: reads or makes the certificate authority (`DATA/ca`) and the template
    /// (`DATA/template`), and clears away what a deletion that was interrupted left.
    pub async fn open(
        kernel: Arc<Kernel>,
        data: &Path,
        installation: Installation,
    ) -> Result<Self, LocalError> {
        let data = data.to_owned();
        let shared = blocking(move || {
            folder::make(&data.join("services"))?;
            service::clear_deleted(&data)?;
            let template = Template::ensure(&kernel, &data, &installation)?;
            Ok(Shared {
                authority: Authority::open(&data.join("ca"))?,
                kernel,
                data,
                installation,
                template,
                services: Mutex::default(),
            })
        })
        .await?;
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Makes the service's PostgreSQL in this host and starts it, or finds that it runs; with this certificate and this
    /// password. Returns when it accepts connections.
    pub async fn ensure_running(
        &self,
        host: &str,
        id: &str,
        made: &Made,
    ) -> Result<(), LocalError> {
        let service = self.service(id);
        let mut service = service.lock().await;
        service.ensure_running(&self.shared, host, made).await
    }

    /// Stops it: fast shutdown. Its data stays.
    pub async fn ensure_stopped(&self, id: &str) -> Result<(), LocalError> {
        let service = self.service(id);
        let mut service = service.lock().await;
        service.ensure_stopped().await
    }

    /// Stops it and takes its data away. One that is gone is a success.
    pub async fn delete(&self, id: &str) -> Result<(), LocalError> {
        let service = self.service(id);
        let mut service = service.lock().await;
        service.delete(&self.shared).await?;
        self.services().remove(id);
        Ok(())
    }

    /// Ends the sessions that come from these addresses; returns how many there were. A service that does not run has
    /// none.
    pub async fn end_sessions(
        &self,
        host: &str,
        id: &str,
        sources: &BTreeSet<Ipv4Addr>,
        which: Which,
    ) -> Result<u64, LocalError> {
        let service = self.service(id);
        let service = service.lock().await;
        service
            .end_sessions(&self.shared, host, sources, which)
            .await
    }

    /// Ends the sessions that come from exactly these addresses and ports; returns how many there were. A service that does
    /// not run has none.
    pub async fn end_these(
        &self,
        host: &str,
        id: &str,
        sources: &BTreeSet<SocketAddrV4>,
    ) -> Result<u64, LocalError> {
        let service = self.service(id);
        let service = service.lock().await;
        service.end_these(&self.shared, host, sources).await
    }

    /// What services can have beside plain PostgreSQL, as it is installed now.
    pub fn addons(&self) -> BTreeSet<Addon> {
        let all = Addon::ALL.iter().copied();
        all.filter(|addon| self.shared.installation.has(addon.extension()))
            .collect()
    }

    /// A page of a service's own log. One that never ran has an empty one.
    pub async fn logs(&self, id: &str, query: &LogQuery) -> Result<LogPage, LocalError> {
        let (files, query) = (service::logs(&self.shared.data, id), query.clone());
        let turn = LOG_READERS.acquire().await;
        blocking(move || {
            let _turn = turn;
            log::page(&files, &query)
        })
        .await
    }

    /// Whether the service runs and accepts connections.
    pub async fn is_ready(&self, host: &str, id: &str) -> bool {
        let service = self.service(id);
        let service = service.lock().await;
        service.is_ready(&self.shared, host).await
    }

    /// Starts crashed services anew, for as long as the future is polled. Only those that this engine was told to run.
    pub async fn watch(&self) {
        loop {
            sleep(WATCH_PAUSE).await;
            let all: Vec<_> = self.services().values().cloned().collect();
            for service in all {
                // One that is being worked on needs no watching.
                if let Ok(mut service) = service.try_lock() {
                    service.revive(&self.shared).await;
                }
            }
        }
    }

    /// Stops all services in an orderly way, at the same time; then Strait's own PostgreSQL.
    pub async fn stop_all(&self) -> Result<(), LocalError> {
        let folder = self.shared.data.join("services");
        let entries = std::fs::read_dir(&folder).map_err(LocalError::system("read", &folder))?;
        let ids = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok());
        let stops = ids.map(|id| async move { self.ensure_stopped(&id).await });
        let stopped: Vec<_> = futures::future::join_all(stops).await;
        let store = Store::stop_recorded(&self.shared.data).await;
        stopped.into_iter().chain([store]).collect()
    }

    /// The certificate authority, PEM.
    pub fn authority(&self) -> String {
        self.shared.authority.pem().to_owned()
    }

    /// Where the certificate authority is, for `sslrootcert=`.
    pub fn authority_path(&self) -> PathBuf {
        self.shared.authority.bundle_path()
    }

    fn service(&self, id: &str) -> Arc<tokio::sync::Mutex<Service>> {
        let mut services = self.services();
        let service = services.entry(id.to_owned()).or_insert_with(|| {
            let service = Service::new(&self.shared.data, id);
            Arc::new(tokio::sync::Mutex::new(service))
        });
        service.clone()
    }

    fn services(
        &self,
    ) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<tokio::sync::Mutex<Service>>>> {
        (self.shared.services.lock()).unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does what blocks on a thread for that.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LocalError> + Send + 'static,
) -> Result<T, LocalError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| LocalError::Interrupted)?
}
