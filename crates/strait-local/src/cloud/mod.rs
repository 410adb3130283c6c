//! The local cloud: one process owns the network, and a call is answered when it is committed and packets obey it.

mod allow;
mod backend;
mod group;
mod health;
mod key;
mod peering;
mod probe;
mod provider;
mod publish;
mod quota;
mod reach;
mod service;
mod test_hooks;
mod traffic;
mod traits;
mod vpc;
mod way;
mod write;

pub use probe::Tried;
pub use quota::QuotaError;
pub use reach::ReachError;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use strait_kernel::Kernel;
use strait_plane::Pulse;
use strait_vpc::state::{Account, InstanceState};
use strait_vpc::{AccountId, Action, AwsError, Caller, Context, Fault, Network, Response};
use tokio::sync::{Mutex, Notify, mpsc, watch};

use crate::agent::Agent;
use crate::engine::Engine;
use crate::forwarder::Forwarded;
use crate::store::Head;
use crate::{LocalError, store};

/// The name of the account that runs services.
pub const PROVIDER: &str = "provider";

/// The address of the resolver in the internet.
pub const INTERNET_RESOLVER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 53);

/// The address in the internet where Strait's own two endpoints answer.
pub const INTERNET_ENDPOINTS: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 80);

/// The name of the internet's host namespace.
pub const INTERNET: &str = "internet";

/// The local cloud. Cheap to clone; all clones are one cloud.
#[derive(Clone)]
pub struct Local {
    inner: Arc<Inner>,
}

struct Inner {
    /// The network as last committed, for readers that must not wait for a change under way.
    committed: RwLock<Arc<Network>>,
    /// To the writer.
    changes: mpsc::UnboundedSender<Box<dyn write::Change>>,
    pool: PgPool,
    kernel: Arc<Kernel>,
    engine: Engine,
    resolver: Agent,
    /// What the resolver was told last.
    told: Mutex<publish::Told>,
    forwarder: Agent,
    /// Names that the public DNS answers.
    names: Mutex<BTreeMap<String, Ipv4Addr>>,
    /// Loopback ports of public ways, by service.
    forwards: Mutex<BTreeMap<String, Forwarded>>,
    changed: Notify,
    /// How the store is, once somebody feels it.
    pulse: OnceLock<watch::Receiver<Pulse>>,
    /// Whether it is not known what became of the last change.
    doubts: watch::Receiver<bool>,
    /// Taken by who makes what all services of a Region share.
    shared: Mutex<()>,
    /// The provider's account.
    provider: String,
    options: Options,
}

/// What a local cloud is made of.
pub struct Parts {
    /// The database: Strait's own, or any.
    pub pool: PgPool,
    /// The kernel's side.
    pub kernel: Arc<Kernel>,
    /// PostgreSQL services.
    pub engine: Engine,
    /// The resolver process.
    pub resolver: Agent,
    /// The forwarder process.
    pub forwarder: Agent,
    /// The rest.
    pub options: Options,
}

/// Settings of a local cloud.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where processes and namespaces are recorded: `DATA/run`.
    pub run_dir: PathBuf,
    /// The domain of services' names.
    pub domain: String,
    /// AWS's own quotas (5 VPCs per Region) instead of test-friendly ones.
    pub aws_quotas: bool,
    /// The file that names the machine's own resolvers.
    pub resolv_conf: PathBuf,
    /// What test suites need: an account, a key pair, a reset.
    pub test_hooks: bool,
}

/// What `strait exec` needs to know of a host, kept in `DATA/run/hosts.json` so that it works while the server is dead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostEntry {
    /// The host's namespace: an instance id, or `internet`.
    pub host: String,
    /// The instance's `Name` tag.
    pub name: Option<String>,
    /// The account's name.
    pub account: String,
    /// The resolver that its programs ask.
    pub resolver: Ipv4Addr,
}

/// AWS's own default where the model's is another.
const AWS_QUOTAS: &[(&str, u32)] = &[("vpcs-per-region", 5)];

/// As an account has them that asked AWS for more: a Peering VPC takes as many peerings as its own quota allows.
const RAISED_QUOTAS: &[(&str, u32)] = &[
    ("network-load-balancers", 1000),
    ("outstanding-peerings", 125),
    ("peerings-per-vpc", 125),
    ("routes-per-table", 500),
    ("rules-per-security-group", 200),
];

/// The file in the run folder that lists hosts.
pub const HOSTS_FILE: &str = "hosts.json";

impl Local {
    /// Loads the network and makes the kernel agree with it.
    ///
    /// # Errors
    /// When the database cannot be read or the kernel refuses.
    pub async fn start(parts: Parts) -> Result<Self, LocalError> {
        let (mut network, mut head) = store::load(&parts.pool).await?;
        let provider = provider_of(&mut network, &mut head, &parts.pool).await?;
        let quotas = if parts.options.aws_quotas {
            AWS_QUOTAS
        } else {
            RAISED_QUOTAS
        };
        for (name, limit) in quotas {
            // Loaded, not written: the next start may want others.
            network.quotas.load((*name).to_owned(), *limit);
        }
        let names = store::load_names(&parts.pool).await?;
        let forwards = store::load_forwards(&parts.pool).await?;
        let (changes, asked) = mpsc::unbounded_channel();
        let local = Self {
            inner: Arc::new(Inner {
                committed: RwLock::new(Arc::new(network)),
                changes,
                pool: parts.pool,
                kernel: parts.kernel,
                engine: parts.engine,
                resolver: parts.resolver,
                told: Mutex::default(),
                forwarder: parts.forwarder,
                names: Mutex::new(names),
                forwards: Mutex::new(forwards),
                changed: Notify::new(),
                pulse: OnceLock::new(),
                doubts: head.doubts(),
                shared: Mutex::default(),
                provider,
                options: parts.options,
            }),
        };
        local.make_true(&local.committed()).await?;
        tokio::spawn(write::serve(Arc::downgrade(&local.inner), head, asked));
        local.resume_forwarding().await?;
        Ok(local)
    }

    /// From now on changes are refused while the store does not answer, instead of waiting for it.
    pub fn heed(&self, pulse: watch::Receiver<Pulse>) {
        if self.inner.pulse.set(pulse).is_err() {
            tracing::warn!("the store's pulse is felt already");
        }
    }

    /// The network as last committed.
    pub async fn network(&self) -> Arc<Network> {
        self.committed()
    }

    fn committed(&self) -> Arc<Network> {
        let committed = self.inner.committed.read();
        Arc::clone(&committed.unwrap_or_else(PoisonError::into_inner))
    }

    fn set_committed(&self, network: Arc<Network>) {
        let committed = self.inner.committed.write();
        *committed.unwrap_or_else(PoisonError::into_inner) = network;
    }

    /// The account with this name or id, if there is one.
    pub async fn account(&self, name: &str) -> Option<Account> {
        found_account(&*self.network().await, name)
    }

    /// The account with this name or id; made when it is new.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn ensure_account(&self, name: &str) -> Result<Account, LocalError> {
        if let Some(account) = found_account(&*self.network().await, name) {
            return Ok(account);
        }
        let (name, id) = (name.to_owned(), name.parse::<AccountId>().ok());
        self.change(move |network, context| {
            if let Some(account) = found_account(network, &name) {
                return Ok(account);
            }
            Ok(strait_vpc::new_account(network, &name, id.clone(), context).clone())
        })
        .await
        .map_err(LocalError::from)
    }

    /// Does one AWS call as this caller: checked by the rules, committed, and true in the kernel before it returns.
    ///
    /// # Errors
    /// AWS's own; `InternalError` when the store or the kernel failed, then nothing has changed; `ServiceUnavailable` while the
    /// store does not answer.
    pub async fn call(&self, caller: Caller, action: Action) -> Result<Response, AwsError> {
        let Some(answer) = self.read(&caller, &action) else {
            return self.change(applied(caller, action)).await;
        };
        answer
    }

    /// The same, waiting until it is known what became of the call, however long the store takes.
    ///
    /// # Errors
    /// As for [`Local::call`]; then nothing has changed, and nothing will.
    pub(super) async fn call_to_its_end(
        &self,
        caller: Caller,
        action: Action,
    ) -> Result<Response, AwsError> {
        let Some(answer) = self.read(&caller, &action) else {
            return self.change_to_its_end(applied(caller, action)).await;
        };
        answer
    }

    /// The answer, if nothing is to be changed for it.
    fn read(&self, caller: &Caller, action: &Action) -> Option<Result<Response, AwsError>> {
        with_context(|context| strait_vpc::read(&self.committed(), caller, action, context))
    }

    /// Lets time pass: requests expire, ended objects go.
    ///
    /// # Errors
    /// When the store or the kernel failed.
    pub async fn tick(&self) -> Result<(), AwsError> {
        let ended = self
            .change_to_its_end(|network, context| {
                let before = network.clone();
                strait_vpc::tick(network, context.now);
                Ok(strait_vpc::ended(&before, network))
            })
            .await?;
        self.end_connections(ended).await;
        Ok(())
    }

    /// Watches the processes beside the server and the services: what dies is started anew. Checks the health of targets.
    /// Never returns.
    pub async fn watch(&self) {
        let inner = &self.inner;
        tokio::join!(
            inner.resolver.watch(),
            inner.forwarder.watch(),
            inner.engine.watch(),
            self.watch_health()
        );
    }

    /// Makes kernel and resolver agree with the whole network.
    async fn make_true(&self, network: &Network) -> Result<(), LocalError> {
        let picture = strait_vpc::picture(network);
        let listeners = publish::listeners(&picture);
        let kernel = Arc::clone(&self.inner.kernel);
        let changes = tokio::task::spawn_blocking(move || kernel.apply(&picture))
            .await
            .map_err(|_| LocalError::Interrupted)??;
        tracing::debug!(?changes, "the kernel agrees");
        self.write_hosts(network)?;
        self.publish(network, Some(listeners)).await
    }

    fn write_hosts(&self, network: &Network) -> Result<(), LocalError> {
        let path = self.inner.options.run_dir.join(HOSTS_FILE);
        let text = serde_json::to_vec_pretty(&hosts(network)).map_err(LocalError::Json)?;
        if std::fs::read(&path).is_ok_and(|old| old == text) {
            return Ok(());
        }
        let fresh = path.with_extension("json.new");
        std::fs::write(&fresh, text)
            .and_then(|()| std::fs::rename(&fresh, &path))
            .map_err(LocalError::system("write", &path))
    }
}

impl HostEntry {
    /// Whether a person may mean this host by that word.
    #[must_use]
    pub fn is_called(&self, word: &str) -> bool {
        self.host == word || self.name.as_deref() == Some(word)
    }
}

/// A call as a change of the network.
fn applied(
    caller: Caller,
    action: Action,
) -> impl Fn(&mut Network, &mut Context<'_>) -> Result<Response, AwsError> + Send + 'static {
    move |network, context| strait_vpc::apply(network, &caller, action.clone(), context)
}

/// All hosts that commands can run in: the internet and every running instance.
fn hosts(network: &Network) -> Vec<HostEntry> {
    let account = |id: &AccountId| {
        network
            .accounts
            .get(id)
            .map_or_else(|| id.to_string(), |found| found.name.clone())
    };
    let internet = HostEntry {
        host: INTERNET.to_owned(),
        name: None,
        account: String::new(),
        resolver: INTERNET_RESOLVER,
    };
    let running = network
        .instances
        .values()
        .filter(|instance| instance.state == InstanceState::Running);
    let instances = running.map(|instance| HostEntry {
        host: instance.id.to_string(),
        name: instance.tags.get("Name").cloned(),
        account: account(&instance.owner),
        resolver: Ipv4Addr::new(169, 254, 169, 253),
    });
    std::iter::once(internet).chain(instances).collect()
}

/// The provider's account, made at the first start.
async fn provider_of(
    network: &mut Network,
    head: &mut Head,
    pool: &PgPool,
) -> Result<String, LocalError> {
    if let Some(account) = found_account(network, PROVIDER) {
        return Ok(account.id.to_string());
    }
    let made = with_context(|context| {
        strait_vpc::new_account(network, PROVIDER, None, context)
            .id
            .clone()
    });
    let id = made.to_string();
    let changes = store::take_changes(network)?;
    head.write(pool, &changes).await?;
    Ok(id)
}

fn found_account(network: &Network, name: &str) -> Option<Account> {
    network
        .accounts
        .values()
        .find(|account| account.name == name || account.id.as_str() == name)
        .cloned()
}

/// Calls the model with the time and randomness of this machine.
fn with_context<T>(call: impl FnOnce(&mut Context<'_>) -> T) -> T {
    let mut random = rand::random::<u128>;
    call(&mut Context {
        now: Timestamp::now(),
        random: &mut random,
    })
}

fn internal(error: &dyn std::error::Error) -> AwsError {
    tracing::error!(%error, "a call failed inside");
    AwsError::with_fault(
        "InternalError",
        format!(
            "Strait could not make this change, so nothing has changed: {error}. The server's log has more; try again."
        ),
        Fault::Server,
    )
}
