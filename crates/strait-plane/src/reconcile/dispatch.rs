//! Who works on what, when. One reconciler at a time for each object; of several servers on one store, one acts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgListener;
use sqlx::{Connection, PgConnection};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};

use super::failure::Failure;
use super::{Context, Key, Wake, names, peerings, service, vpc};
use crate::error::PlaneError;
use crate::store;

/// The one server that holds this advisory lock acts; any constant that nobody else uses.
const ACTING_LOCK: i64 = 0x5374_7261_6974_0002;
/// How often the one that acts looks for wishes that it was not told of, and at its lock.
const TICK: Duration = Duration::from_secs(5);
/// How often it looks at every service, whether it still runs.
const ROUND: Duration = Duration::from_secs(60);
/// How soon the others try to take its place: at first, and at most.
const TAKE_OVER: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How soon a failure is tried again: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(15));
/// How soon something that takes time is looked at again, at most.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// Reconcilers at a time.
const AT_ONCE: usize = 8;
/// A cloud that says "changed" without end is asked no more often than this.
const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

/// Tells the dispatcher of wishes, and waiters of changes, as the store tells of them.
pub(super) async fn listen(context: Arc<Context>, wake: UnboundedSender<Wake>) {
    loop {
        if let Err(error) = listen_once(&context, &wake).await {
            tracing::warn!(%error, "cannot listen to the store; trying again in a second");
        }
        sleep(Duration::from_secs(1)).await;
    }
}

async fn listen_once(context: &Context, wake: &UnboundedSender<Wake>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(&context.pool).await?;
    listener
        .listen_all([store::WORK_CHANNEL, store::CHANGE_CHANNEL])
        .await?;
    loop {
        // What was told before the first word, or while the connection was gone, is lost.
        context.changed();
        if wake.send(Wake::Everything).is_err() {
            return Ok(());
        }
        while let Some(notice) = listener.try_recv().await? {
            if notice.channel() == store::CHANGE_CHANNEL {
                context.changed();
                continue;
            }
            let words = notice.payload().split_once(':');
            let Some(key) = words.and_then(|(kind, id)| key(kind, id.to_owned())) else {
                tracing::warn!(
                    payload = notice.payload(),
                    "somebody else writes to our channel"
                );
                continue;
            };
            if wake.send(Wake::For(key)).is_err() {
                return Ok(());
            }
        }
    }
}

fn key(kind: &str, id: String) -> Option<Key> {
    match kind {
        "service" => Some(Key::Service(id)),
        "vpc" => Some(Key::Vpc(id)),
        _ => None,
    }
}

/// Tells the dispatcher when the cloud may have changed.
pub(super) async fn watch_cloud(context: Arc<Context>, wake: UnboundedSender<Wake>) {
    loop {
        context.cloud.changed().await;
        if wake.send(Wake::For(Key::Look)).is_err() {
            return;
        }
        sleep(BETWEEN_LOOKS).await;
    }
}

/// Runs reconcilers until the server ends.
pub(super) async fn run(
    context: Arc<Context>,
    wake: UnboundedSender<Wake>,
    mut woken: UnboundedReceiver<Wake>,
) {
    let mut stopping = context.stopping.subscribe();
    let mut work = Work::new(Arc::clone(&context), wake);
    let mut acting: Option<PgConnection> = None;
    let mut take_over = TAKE_OVER.0;
    let mut tick = Instant::now();
    let mut round = Instant::now();
    loop {
        let retry = work.next_retry();
        tokio::select! {
            biased;
            () = told_to_stop(&mut stopping) => break,
            Some(ended) = work.tasks.join_next_with_id() => work.ended(ended),
            Some(wake) = woken.recv() => match wake {
                // Others act; when they end, this one looks at everything.
                _ if acting.is_none() => {}
                Wake::For(key) => work.wish(key),
                Wake::Everything => tick = Instant::now(),
            },
            () = sleep_until(retry) => work.retry(),
            () = sleep_until(tick) => {
                let Some(connection) = acting.as_mut() else {
                    acting = try_to_act(&context).await;
                    tick = Instant::now() + take_over;
                    take_over = TAKE_OVER.1.min(take_over * 2);
                    if acting.is_some() {
                        context.with_found(|found| *found = super::Found::default());
                        context.published.lock().await.forget();
                        round = Instant::now();
                        tick = Instant::now();
                        work.wish(Key::Names);
                    }
                    continue;
                };
                let everything = Instant::now() >= round;
                if everything {
                    // What was seen to be there may be gone by now, and others may have changed the names.
                    context.with_found(|found| *found = super::Found::default());
                    context.published.lock().await.forget();
                    work.remind(Key::Names);
                }
                match to_do(connection, everything).await {
                    Ok(keys) => keys.into_iter().for_each(|key| work.remind(key)),
                    Err(error) => {
                        tracing::warn!(%error, "the store could not be asked what there is to do; trying again");
                        acting = None;
                        take_over = TAKE_OVER.0;
                    }
                }
                if everything {
                    round = Instant::now() + ROUND;
                }
                tick = Instant::now() + if acting.is_some() { TICK } else { take_over };
            }
        }
    }
    while work.tasks.join_next().await.is_some() {}
    if let Some(connection) = acting {
        drop(connection.close().await);
    }
}

async fn told_to_stop(stopping: &mut watch::Receiver<bool>) {
    // An error would mean that the sender is gone, and the context holds it.
    drop(stopping.wait_for(|stopping| *stopping).await);
}

/// Takes the lock, unless another server has it.
async fn try_to_act(context: &Context) -> Option<PgConnection> {
    let taken = async {
        let mut connection = PgConnection::connect_with(&context.pool.connect_options()).await?;
        let taken: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(ACTING_LOCK)
            .fetch_one(&mut connection)
            .await?;
        Ok::<_, sqlx::Error>(taken.then_some(connection))
    };
    taken.await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the store could not be asked whose turn it is; trying again");
        None
    })
}

/// On the connection that holds the lock, so that losing it is noticed.
async fn to_do(connection: &mut PgConnection, everything: bool) -> Result<Vec<Key>, PlaneError> {
    let found = if everything {
        store::everything(connection).await?
    } else {
        store::unsettled(connection).await?
    };
    Ok(found
        .into_iter()
        .filter_map(|(kind, id)| key(&kind, id))
        .collect())
}

type Ended = Result<(Id, Result<(), Failure>), tokio::task::JoinError>;

/// What is being done, what is to be done, and what is to be tried again.
struct Work {
    context: Arc<Context>,
    wake: UnboundedSender<Wake>,
    tasks: JoinSet<Result<(), Failure>>,
    running: HashMap<Id, Key>,
    /// Woken while running, or while enough others run.
    queued: BTreeSet<Key>,
    retries: BTreeMap<Key, Retry>,
}

struct Retry {
    delay: Duration,
    /// None while it runs.
    at: Option<Instant>,
}

impl Work {
    fn new(context: Arc<Context>, wake: UnboundedSender<Wake>) -> Self {
        Self {
            context,
            wake,
            tasks: JoinSet::new(),
            running: HashMap::new(),
            queued: BTreeSet::new(),
            retries: BTreeMap::new(),
        }
    }

    /// Something is new: at once, as if nothing had failed before.
    fn wish(&mut self, key: Key) {
        self.retries.remove(&key);
        self.queued.insert(key);
        self.start();
    }

    /// Something is to be done, unless that is known already.
    fn remind(&mut self, key: Key) {
        if self.retries.contains_key(&key) || self.running.values().any(|running| *running == key) {
            return;
        }
        self.queued.insert(key);
        self.start();
    }

    /// Starts what is queued and may run.
    fn start(&mut self) {
        let ready: Vec<Key> = self
            .queued
            .iter()
            .filter(|key| !self.running.values().any(|running| running == *key))
            .take(AT_ONCE.saturating_sub(self.running.len()))
            .cloned()
            .collect();
        for key in ready {
            self.queued.remove(&key);
            if let Some(retry) = self.retries.get_mut(&key) {
                retry.at = None;
            }
            let task = self.tasks.spawn(reconcile(
                Arc::clone(&self.context),
                self.wake.clone(),
                key.clone(),
            ));
            self.running.insert(task.id(), key);
        }
    }

    fn ended(&mut self, ended: Ended) {
        let (id, outcome) = match ended {
            Ok((id, outcome)) => (id, outcome),
            Err(error) => {
                let id = error.id();
                tracing::error!(%error, "a reconciler broke; this is a defect of Strait, please report it");
                (id, Err(Failure::NotYet))
            }
        };
        let Some(key) = self.running.remove(&id) else {
            return;
        };
        match outcome {
            Ok(()) => {
                self.retries.remove(&key);
            }
            Err(Failure::Stopping) => {}
            Err(Failure::NotYet) => self.try_again(key, LOOK_AGAIN),
            Err(Failure::Elsewhere) => self.try_again(key, RETRY.1),
            Err(Failure::Shown { reason, .. }) => {
                tracing::info!(
                    ?key,
                    code = reason.code,
                    message = reason.message,
                    "not yet as wished"
                );
                self.try_again(key, RETRY.1);
            }
            Err(Failure::Store(error)) => {
                tracing::warn!(?key, %error, "the store failed a reconciler; trying again");
                self.try_again(key, RETRY.1);
            }
        }
        self.start();
    }

    fn try_again(&mut self, key: Key, at_most: Duration) {
        let retry = self.retries.entry(key).or_insert(Retry {
            delay: RETRY.0,
            at: None,
        });
        retry.at = Some(Instant::now() + retry.delay.min(at_most));
        retry.delay = (retry.delay * 2).min(RETRY.1);
    }

    fn next_retry(&self) -> Instant {
        let never = Instant::now() + Duration::from_secs(3600);
        self.retries
            .values()
            .filter_map(|retry| retry.at)
            .min()
            .unwrap_or(never)
    }

    fn retry(&mut self) {
        let now = Instant::now();
        let due: Vec<Key> = self
            .retries
            .iter()
            .filter(|(_, retry)| retry.at.is_some_and(|at| at <= now))
            .map(|(key, _)| key.clone())
            .collect();
        for key in due {
            self.queued.insert(key.clone());
            if let Some(retry) = self.retries.get_mut(&key) {
                retry.at = None;
            }
        }
        self.start();
    }
}

async fn reconcile(
    context: Arc<Context>,
    wake: UnboundedSender<Wake>,
    key: Key,
) -> Result<(), Failure> {
    match key {
        Key::Service(id) => service::reconcile(&context, &id).await,
        Key::Vpc(id) => vpc::reconcile(&context, &id).await,
        Key::Names => names::publish(&context).await,
        Key::Look => {
            for vpc in peerings::changed(&context).await? {
                // The dispatcher may have ended meanwhile; the next one looks again.
                drop(wake.send(Wake::For(Key::Vpc(vpc))));
            }
            Ok(())
        }
    }
}
