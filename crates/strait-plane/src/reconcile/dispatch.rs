//! Who works on what, when. One reconciler at a time for each object, whichever server of the store runs it: each works
//! under a lease.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::Instrument;
use tracing::field::Empty;

use super::failure::Failure;
use super::lease::{self, Lease};
use super::run::Run;
use super::watcher::WATCH;
use super::{Context, Found, Key, Wake, names, peerings, service, vpc};
use crate::cloud::fenced;
use crate::error::PlaneError;
use crate::store;

/// How often a server looks for what nobody works on: others may have ended.
const TICK: Duration = Duration::from_secs(2);
/// How often the one that watches looks at every object, whether it still is as it should be, if there are not too many.
const ROUND: Duration = Duration::from_secs(60);
/// How soon a failure is tried again: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(15));
/// How soon something that takes time is looked at again, at most.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// Reconcilers at a time, and those of them that nobody asked for.
const AT_ONCE: usize = 8;
const LOOKS_AT_ONCE: usize = 4;
/// How long a round takes at least for each object, so that thousands cost no more than some hundred.
const ROUND_PER_OBJECT: Duration = Duration::from_millis(400);
/// So many are looked at in a row: few enough for changes not to notice, enough to find the store's plans and pages warm.
const IN_A_ROW: u32 = 10;
/// How soon what is worked on just now is looked at.
const AFTER_WORK: Duration = Duration::from_millis(50);

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

/// Runs reconcilers until the server ends.
pub(super) async fn run(
    context: Arc<Context>,
    wake: UnboundedSender<Wake>,
    mut woken: UnboundedReceiver<Wake>,
) {
    let mut stopping = context.stopping.subscribe();
    let mut work = Work::new(Arc::clone(&context), wake);
    let mut tick = Instant::now();
    let mut round = Instant::now();
    // The first round is in haste: what is there may be another server's, or gone.
    let mut pace = Duration::ZERO;
    loop {
        let (retry, look) = (work.next_retry(), work.next_look());
        tokio::select! {
            biased;
            () = told_to_stop(&mut stopping) => break,
            Some(ended) = work.tasks.join_next_with_id() => work.ended(ended),
            Some(wake) = woken.recv() => match wake {
                Wake::For(key) => work.wish(key),
                Wake::Everything => tick = Instant::now(),
                Wake::Round => {
                    round = Instant::now();
                    tick = round;
                    pace = Duration::ZERO;
                }
            },
            () = sleep_until(retry) => work.retry(),
            () = sleep_until(look) => work.start(),
            () = sleep_until(tick) => {
                let everything = Instant::now() >= round && context.leases.holds(WATCH);
                if everything {
                    // What was seen to be there may be gone by now, and others may have changed the names.
                    context.with_found(|found| *found = Found::default());
                    context.published.lock().await.forget();
                    work.remind(Key::Names);
                    work.remind(Key::Old);
                }
                match to_do(&context, everything).await {
                    Ok(keys) => {
                        if everything {
                            let many = u32::try_from(keys.len()).unwrap_or(u32::MAX);
                            round = Instant::now() + ROUND.max(ROUND_PER_OBJECT.saturating_mul(many));
                            work.look_at(keys, pace);
                            pace = ROUND_PER_OBJECT;
                        } else {
                            keys.into_iter().for_each(|key| work.remind(key));
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the store could not be asked what there is to do; trying again");
                    }
                }
                tick = Instant::now() + TICK;
            }
        }
    }
    while work.tasks.join_next().await.is_some() {}
    context.leases.give_all_back(&context.pool).await;
}

async fn told_to_stop(stopping: &mut watch::Receiver<bool>) {
    // An error would mean that the sender is gone, and the context holds it.
    drop(stopping.wait_for(|stopping| *stopping).await);
}

async fn to_do(context: &Context, everything: bool) -> Result<Vec<Key>, PlaneError> {
    let pool = &context.pool;
    let found = if everything {
        store::everything(pool).await?
    } else {
        store::unsettled(pool, context.leases.holder(), lease::TERM).await?
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
    /// What runs, and whether it was to be looked at though all may be as wished.
    running: HashMap<Id, (Key, bool)>,
    /// What is to be looked at though all may be as wished.
    thorough: BTreeSet<Key>,
    /// Woken while running, or while enough others run: first come, first served.
    queued: VecDeque<Key>,
    /// What of a round is still to be looked at, when the next one may be, and how soon after that the one after it.
    looks: VecDeque<Key>,
    look_at: Instant,
    pace: Duration,
    /// How many have been looked at since the last pause.
    in_a_row: u32,
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
            thorough: BTreeSet::new(),
            queued: VecDeque::new(),
            looks: VecDeque::new(),
            look_at: Instant::now(),
            pace: Duration::ZERO,
            in_a_row: 0,
            retries: BTreeMap::new(),
        }
    }

    /// Something is new: at once, as if nothing had failed before.
    fn wish(&mut self, key: Key) {
        self.retries.remove(&key);
        self.queue(key);
        self.start();
    }

    /// Everything is looked at, as it is: one each `pace`, on average.
    fn look_at(&mut self, keys: Vec<Key>, pace: Duration) {
        let known: BTreeSet<Key> = self.looks.iter().cloned().collect();
        for key in keys {
            self.thorough.insert(key.clone());
            if !known.contains(&key) && !self.retries.contains_key(&key) {
                self.looks.push_back(key);
            }
        }
        self.pace = pace;
        self.start();
    }

    /// Something is to be done, unless that is known already.
    fn remind(&mut self, key: Key) {
        if self.retries.contains_key(&key) || self.runs(&key) {
            return;
        }
        self.queue(key);
        self.start();
    }

    /// Starts what is queued and may run.
    fn start(&mut self) {
        let mut later = VecDeque::new();
        while self.running.len() < AT_ONCE
            && let Some(key) = self.queued.pop_front()
        {
            if self.runs(&key) {
                later.push_back(key);
                continue;
            }
            self.spawn(key);
        }
        later.append(&mut self.queued);
        self.queued = later;
        self.start_looks();
    }

    /// What nobody asked for comes after what somebody did.
    fn start_looks(&mut self) {
        while self.may_look()
            && self.look_at <= Instant::now()
            && let Some(key) = self.looks.pop_front()
        {
            if self.runs(&key) {
                self.looks.push_back(key);
                self.look_at = Instant::now() + AFTER_WORK;
                return;
            }
            if self.thorough.contains(&key) {
                self.in_a_row = (self.in_a_row + 1) % IN_A_ROW;
                if self.in_a_row == 0 {
                    self.look_at = Instant::now() + self.pace * IN_A_ROW;
                }
                self.spawn(key);
            }
        }
    }

    fn may_look(&self) -> bool {
        let looking = self.running.values().filter(|(_, thorough)| *thorough);
        self.running.len() < AT_ONCE && looking.count() < LOOKS_AT_ONCE
    }

    fn spawn(&mut self, key: Key) {
        if let Some(retry) = self.retries.get_mut(&key) {
            retry.at = None;
        }
        let thorough = self.thorough.remove(&key);
        let span = tracing::info_span!(
            "reconcile",
            object = key.lease(),
            operation = Empty,
            project = Empty
        );
        let work = reconcile(
            Arc::clone(&self.context),
            self.wake.clone(),
            key.clone(),
            thorough,
        );
        let task = self.tasks.spawn(work.instrument(span));
        self.running.insert(task.id(), (key, thorough));
    }

    fn queue(&mut self, key: Key) {
        if !self.queued.contains(&key) {
            self.queued.push_back(key);
        }
    }

    fn runs(&self, key: &Key) -> bool {
        self.running.values().any(|(running, _)| running == key)
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
        let Some((key, thorough)) = self.running.remove(&id) else {
            return;
        };
        if thorough && outcome.is_err() {
            self.thorough.insert(key.clone());
        }
        match outcome {
            // Whoever has a lost lease now was told of the same wishes; if that one ends, the next tick finds what it left.
            Ok(()) | Err(Failure::Stopping | Failure::Lost) => {
                self.retries.remove(&key);
            }
            Err(Failure::After(time)) => self.try_in(key, time),
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

    fn try_in(&mut self, key: Key, time: Duration) {
        let at = Some(Instant::now() + time);
        let retry = Retry { delay: RETRY.0, at };
        self.retries.insert(key, retry);
    }

    fn next_retry(&self) -> Instant {
        self.retries
            .values()
            .filter_map(|retry| retry.at)
            .min()
            .unwrap_or_else(never)
    }

    fn next_look(&self) -> Instant {
        match !self.looks.is_empty() && self.may_look() {
            true => self.look_at,
            false => never(),
        }
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
            self.queue(key.clone());
            if let Some(retry) = self.retries.get_mut(&key) {
                retry.at = None;
            }
        }
        self.start();
    }
}

fn never() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

/// Under a lease, which is kept until all is as wished.
async fn reconcile(
    context: Arc<Context>,
    wake: UnboundedSender<Wake>,
    key: Key,
    thorough: bool,
) -> Result<(), Failure> {
    match &key {
        Key::Service(id) | Key::Vpc(id) => {
            let lease = key.lease();
            let taken_over = match context.leases.take(&context.pool, &lease).await? {
                Lease::Theirs => return Err(Failure::Lost),
                Lease::TakenOver => {
                    context.with_found(|found| found.forget(id));
                    true
                }
                Lease::Ours => false,
            };
            let mut run = Run::new(&context, &lease, taken_over);
            let held = context.held(&lease);
            let work = async {
                match &key {
                    Key::Service(_) => service::reconcile(&mut run, id, thorough).await,
                    Key::Vpc(_) | Key::Names | Key::Look | Key::Old => {
                        vpc::reconcile(&mut run, id).await
                    }
                }
            };
            let outcome = fenced(held, work).await;
            if outcome.is_ok() {
                context.leases.give_back(&context.pool, &lease).await;
            }
            outcome
        }
        Key::Names => names::publish(&context).await,
        Key::Look => {
            if !context.leases.holds(WATCH) {
                return Ok(());
            }
            for vpc in peerings::changed(&context).await? {
                // The dispatcher may have ended meanwhile; the next one looks again.
                drop(wake.send(Wake::For(Key::Vpc(vpc))));
            }
            Ok(())
        }
        Key::Old => Ok(store::prune(&context.pool).await?),
    }
}
