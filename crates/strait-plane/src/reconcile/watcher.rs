//! Watching the cloud, under a lease: of the servers of a store one does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::lease::Lease;
use super::{Context, Key, Wake};
use crate::cloud::{WaySpec, fenced};
use crate::error::PlaneError;
use crate::store::peerings::{self, Waiting};
use crate::store::ways;

/// The lease of the server that watches the cloud and looks at everything from time to time.
pub(super) const WATCH: &str = "watch";
/// How soon the others try to take its place.
const TAKE_OVER: Duration = Duration::from_secs(1);
/// A cloud that says "changed" without end is asked no more often than this, and than this for each peering connection.
const BETWEEN_LOOKS: (Duration, Duration) = (Duration::from_millis(25), Duration::from_micros(100));
/// How long changes of the store are gathered before it is looked at what they mean for the cloud.
const TOGETHER: Duration = Duration::from_millis(250);

/// Tells the dispatcher when the cloud may have changed, and the cloud what other servers did, if this is the server that
/// watches it.
pub(super) async fn watch_cloud(context: Arc<Context>, wake: UnboundedSender<Wake>) {
    let mut told = Told::nothing(&context);
    loop {
        let watched = context.leases.holds(WATCH);
        match context.leases.take(&context.pool, WATCH).await {
            Ok(Lease::Ours | Lease::TakenOver) => {}
            Ok(Lease::Theirs) => {
                sleep(TAKE_OVER).await;
                continue;
            }
            Err(error) => {
                tracing::warn!(%error, "the store could not be asked whose turn it is to watch the cloud; trying again");
                sleep(TAKE_OVER).await;
                continue;
            }
        }
        if !watched {
            if wake.send(Wake::Round).is_err() {
                return;
            }
            // What it followed before, others have followed since.
            context.cloud.follow(&BTreeSet::new());
            told = Told::nothing(&context);
        }
        tokio::select! {
            () = fenced(context.held(WATCH), context.cloud.changed()) => {}
            () = told.keep_up(&context) => {}
        }
        if wake.send(Wake::For(Key::Look)).is_err() {
            return;
        }
        let many = u32::try_from(context.watched.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        sleep(BETWEEN_LOOKS.0.max(BETWEEN_LOOKS.1.saturating_mul(many))).await;
    }
}

/// What the cloud was told of what is in the store.
struct Told {
    changes: watch::Receiver<u64>,
    /// Whether the store has changed since.
    is_old: bool,
    /// Not to be looked at before.
    next: Instant,
    ways: BTreeSet<WaySpec>,
    waiting: BTreeSet<Waiting>,
}

impl Told {
    fn nothing(context: &Context) -> Self {
        Self {
            changes: context.changes.subscribe(),
            is_old: true,
            next: Instant::now(),
            ways: BTreeSet::new(),
            waiting: BTreeSet::new(),
        }
    }

    /// Tells the cloud what is new in the store, whichever server wrote it, and goes on so until the plane ends.
    async fn keep_up(&mut self, context: &Context) {
        loop {
            if self.is_old {
                sleep_until(self.next).await;
                self.changes.mark_unchanged();
                self.next = Instant::now() + TOGETHER;
                match self.tell(context).await {
                    Ok(()) => self.is_old = false,
                    Err(error) => {
                        tracing::warn!(%error, "the store could not be asked what the cloud is to follow; trying again");
                        self.next = Instant::now() + TAKE_OVER;
                        continue;
                    }
                }
            }
            if self.changes.changed().await.is_err() {
                return;
            }
            self.is_old = true;
        }
    }

    async fn tell(&mut self, context: &Context) -> Result<(), PlaneError> {
        let ways = ways::followed(&context.pool).await?;
        let waiting = peerings::waiting(&context.pool).await?;
        if ways != self.ways {
            context.cloud.follow(&ways);
            self.ways = ways;
        }
        let new = waiting.difference(&self.waiting);
        for region in new.map(|new| &new.region_code).collect::<BTreeSet<_>>() {
            context.cloud.stir(region);
        }
        self.waiting = waiting;
        Ok(())
    }
}
