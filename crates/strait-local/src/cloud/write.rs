//! The one writer: changes that are asked for at the same time are made and committed together, in the order in which they
//! came. Readers never wait for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::Duration;

use strait_plane::Pulse;
use strait_vpc::names::{Renamed, renamed};
use strait_vpc::picture::{Redrawn, redraw};
use strait_vpc::{AwsError, Context, Fault, Network};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::{Inner, Local, internal, with_context};
use crate::store::Head;
use crate::{LocalError, store};

/// How long whoever asked waits while it is not known what became of a write.
const DOUBT: Duration = Duration::from_secs(3);
/// The most changes that are committed together.
const MOST_TOGETHER: usize = 256;

/// A change that somebody waits for.
pub(super) trait Change: Send {
    /// Makes it on a draft and remembers the answer. One that is refused leaves the draft as it was.
    fn run(&mut self, draft: &mut Network, context: &mut Context<'_>);

    /// Answers whoever waits: what [`Change::run`] remembered, or why it came to nothing.
    fn answer(self: Box<Self>, outcome: Result<(), AwsError>);
}

/// A change as a closure. It may run more than once: again alone, when a commit of several failed.
struct Asked<F, T> {
    change: F,
    answer: Option<Result<T, AwsError>>,
    to: oneshot::Sender<Result<T, AwsError>>,
}

impl<F, T> Change for Asked<F, T>
where
    F: Fn(&mut Network, &mut Context<'_>) -> Result<T, AwsError> + Send,
    T: Send,
{
    fn run(&mut self, draft: &mut Network, context: &mut Context<'_>) {
        self.answer = Some((self.change)(draft, context));
    }

    fn answer(self: Box<Self>, outcome: Result<(), AwsError>) {
        let answer = match (outcome, self.answer) {
            (Err(error), Some(Ok(_)) | None) => Err(error),
            (Ok(()), None) => Err(internal(&LocalError::Interrupted)),
            (Ok(()) | Err(_), Some(answer)) => answer,
        };
        // Whoever asked may have gone.
        let _ = self.to.send(answer);
    }
}

impl Local {
    /// Makes a change of the network; when it succeeds and something changed, kernel and store agree before anyone sees it.
    /// While the store does not answer, nobody waits for it.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        change: impl Fn(&mut Network, &mut Context<'_>) -> Result<T, AwsError> + Send + 'static,
    ) -> Result<T, AwsError> {
        let (pulse, doubts) = (self.inner.pulse.get().cloned(), self.inner.doubts.clone());
        let told = "the change may be made yet, when it does; look, or send the call again with the same client token";
        tokio::select! {
            biased;
            answer = self.change_to_its_end(change) => answer,
            () = lost(pulse) => Err(unavailable(told)),
            () = doubtful(doubts) => Err(unavailable(told)),
        }
    }

    /// The same for who must know what became of it. A store that is known not to answer is not asked.
    pub(super) async fn change_to_its_end<T: Send + 'static>(
        &self,
        change: impl Fn(&mut Network, &mut Context<'_>) -> Result<T, AwsError> + Send + 'static,
    ) -> Result<T, AwsError> {
        let pulse = self.inner.pulse.get();
        if pulse.is_some_and(|pulse| !pulse.borrow().beats()) {
            return Err(unavailable("nothing was done; try again"));
        }
        let (to, answered) = oneshot::channel();
        let asked = Asked {
            change,
            answer: None,
            to,
        };
        let gone = || internal(&LocalError::Interrupted);
        let sent = self.inner.changes.send(Box::new(asked));
        sent.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

/// Waits until the store does not answer.
async fn lost(pulse: Option<watch::Receiver<Pulse>>) {
    if let Some(mut pulse) = pulse
        && pulse.wait_for(|pulse| !pulse.beats()).await.is_ok()
    {
        return;
    }
    // Nobody feels it.
    std::future::pending::<()>().await;
}

/// Waits until a write has been in doubt for long: the store may answer questions and take no changes.
async fn doubtful(mut doubts: watch::Receiver<bool>) {
    while doubts.wait_for(|in_doubt| *in_doubt).await.is_ok() {
        if timeout(DOUBT, doubts.wait_for(|in_doubt| !in_doubt))
            .await
            .is_err()
        {
            return;
        }
    }
    // Nobody writes any more.
    std::future::pending::<()>().await;
}

fn unavailable(then: &str) -> AwsError {
    AwsError::with_fault(
        "ServiceUnavailable",
        format!("The store where Strait keeps this cloud does not answer: {then}."),
        Fault::Busy,
    )
}

/// Makes changes until the cloud is dropped.
pub(super) async fn serve(
    cloud: Weak<Inner>,
    mut head: Head,
    mut changes: mpsc::UnboundedReceiver<Box<dyn Change>>,
) {
    let mut together = Vec::new();
    while changes.recv_many(&mut together, MOST_TOGETHER).await > 0 {
        let Some(inner) = cloud.upgrade() else { return };
        let local = Local { inner };
        local.commit(std::mem::take(&mut together), &mut head).await;
    }
}

impl Local {
    async fn commit(&self, mut together: Vec<Box<dyn Change>>, head: &mut Head) {
        let outcome = self.try_commit(&mut together, head).await;
        let Err(error) = outcome else {
            for change in together {
                change.answer(Ok(()));
            }
            return;
        };
        if together.len() == 1 {
            for change in together {
                change.answer(Err(error.clone()));
            }
            return;
        }
        // One of them is to blame, and the others are not.
        for change in together {
            let mut alone = vec![change];
            let outcome = self.try_commit(&mut alone, head).await;
            for change in alone {
                change.answer(outcome.clone());
            }
        }
    }

    async fn try_commit(
        &self,
        together: &mut [Box<dyn Change>],
        head: &mut Head,
    ) -> Result<(), AwsError> {
        let before = self.committed();
        let mut draft = Network::clone(&before);
        for change in together {
            run(change.as_mut(), &mut draft);
        }
        let redrawn = redraw(&before, &draft);
        let renamed = renamed(&before, &draft);
        let changes = store::take_changes(&mut draft).map_err(|error| internal(&error))?;
        if changes.is_empty() {
            return Ok(());
        }
        let new_hosts = changes.iter().any(store::Change::is_of_hosts);
        let mut made = self.make_part_true(&draft, redrawn, renamed).await;
        if new_hosts && made.is_ok() {
            made = self.write_hosts(&draft);
        }
        let stored = match made {
            Ok(()) => head.write(&self.inner.pool, &changes).await,
            Err(error) => Err(error),
        };
        if let Err(error) = stored {
            if let Err(undo) = self.make_true(&before).await {
                tracing::error!(%undo, "could not take back a change that failed; the next change tries again");
            }
            return Err(internal(&error));
        }
        self.set_committed(Arc::new(draft));
        self.inner.changed.notify_waiters();
        Ok(())
    }

    /// Makes kernel and resolver agree with the parts that may differ.
    async fn make_part_true(
        &self,
        network: &Network,
        redrawn: Redrawn,
        renamed: Renamed,
    ) -> Result<(), LocalError> {
        if !redrawn.is_empty() {
            let kernel = Arc::clone(&self.inner.kernel);
            let parts = redrawn.clone();
            let changes = tokio::task::spawn_blocking(move || kernel.change(parts))
                .await
                .map_err(|_| LocalError::Interrupted)??;
            tracing::debug!(?changes, "the kernel agrees");
        }
        if redrawn.is_empty() && renamed.is_empty() {
            return Ok(());
        }
        self.publish_part(network, &redrawn, renamed).await
    }
}

/// A change that panics takes nothing else along.
fn run(change: &mut dyn Change, draft: &mut Network) {
    let before = draft.clone();
    let ran = catch_unwind(AssertUnwindSafe(|| {
        with_context(|context| change.run(draft, context));
    }));
    if ran.is_err() {
        tracing::error!("a change broke off");
        *draft = before;
    }
}
