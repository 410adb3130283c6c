//! Writes into the audit what no change notes itself: refusals, those that are like each other counted, and what is done elsewhere
//! than in the store. None is lost because the store was busy or away for a moment, or because the server ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use strait_plane::model::{Asked, AuditOutcome};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{sleep, timeout};

use crate::fold::{Fold, Folds, UNKNOWN};
use crate::{App, Shared};

/// How long whoever is refused waits until that is written.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the store may take to write it.
const LONGEST: Duration = Duration::from_secs(30);
/// After how many seconds it is tried again, each time.
const PAUSES: [u64; 6] = [1, 2, 5, 10, 20, 30];
/// How many are being written at once.
const MOST: usize = 1000;
/// How long a server that ends waits for them.
const FAREWELL: Duration = Duration::from_secs(2);
/// How often it looks whether they are written.
const LOOK: Duration = Duration::from_millis(20);

/// What is written.
pub(crate) struct Notes {
    folds: Folds,
    /// Each that is being written has one of these.
    free: Arc<Semaphore>,
}

/// What is not written yet. Where it ends, as its task does with the server, the log says so.
struct Unwritten(Option<Asked>);

/// Writes down what has been counted and is still to be written; for who ends a server.
#[derive(Clone, Default)]
pub struct Closing {
    app: Arc<Mutex<Weak<App>>>,
}

impl Notes {
    /// Which count for so long: a minute without it.
    pub(crate) fn new(span: Option<Duration>) -> Self {
        Self {
            folds: Folds::new(span),
            free: Arc::new(Semaphore::new(MOST)),
        }
    }

    /// Waits until none is being written, and leaves room for those that come meanwhile.
    async fn all_written(&self) {
        while self.free.available_permits() < MOST {
            sleep(LOOK).await;
        }
    }
}

impl Closing {
    /// Of this server.
    pub(crate) fn is_of(&self, app: &Shared) {
        *self.server() = Arc::downgrade(app);
    }

    /// Writes all down, for as long as that may take a server that ends.
    pub async fn close(&self) {
        let Some(app) = self.server().upgrade() else {
            return;
        };
        end_fold(&app);
        if timeout(FAREWELL, app.notes.all_written()).await.is_err() {
            tracing::warn!("not all that was refused is in the audit: the store does not answer");
        }
    }

    fn server(&self) -> MutexGuard<'_, Weak<App>> {
        self.app.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Unwritten {
    fn drop(&mut self) {
        if let Some(asked) = &self.0 {
            missed(asked, "the server ends");
        }
    }
}

/// Writes it down; what was refused or failed like something of a moment ago is counted first, and so is all of who is not known.
pub(crate) async fn keep(app: &Shared, asked: Asked) {
    let counts = match asked.outcome {
        AuditOutcome::Refused | AuditOutcome::Failed => true,
        AuditOutcome::Accepted | AuditOutcome::Done => asked.actor == UNKNOWN,
    };
    if !counts {
        return begun(app, asked).await;
    }
    match app.notes.folds.fold(asked) {
        Fold::First(asked) => {
            tokio::spawn(unfold(Arc::downgrade(app), app.notes.folds.span()));
            begun(app, asked).await;
        }
        Fold::New(asked) => begun(app, asked).await,
        Fold::Counted => {}
    }
}

/// Writes down what was counted, when the time for that is over.
async fn unfold(app: Weak<App>, span: Duration) {
    sleep(span).await;
    if let Some(app) = app.upgrade() {
        end_fold(&app);
    }
}

fn end_fold(app: &Shared) {
    for asked in app.notes.folds.end() {
        drop(begin(app, asked));
    }
}

/// Begins to write, and waits for it if that is to be soon: who is refused finds it there.
async fn begun(app: &Shared, asked: Asked) {
    let is_login = asked.is_login;
    let Some(first) = begin(app, asked) else {
        return;
    };
    if is_login {
        // Of each person the first one is written, of nobodies the first of all: who waited for it could tell them apart by the time.
        return;
    }
    // Whoever is told that the store does not answer does not wait for it once more.
    if app.plane.store_pulse().borrow().beats() {
        let _ = timeout(PATIENCE, first).await;
    }
}

/// Begins to write; what it returns ends when that was tried once.
fn begin(app: &Shared, asked: Asked) -> Option<oneshot::Receiver<()>> {
    let Ok(turn) = Arc::clone(&app.notes.free).try_acquire_owned() else {
        missed(&asked, "too many others wait for the store");
        return None;
    };
    let (tried, first) = oneshot::channel();
    let asked = Unwritten(Some(asked));
    tokio::spawn(write(Arc::downgrade(app), asked, turn, tried));
    Some(first)
}

/// Writes it, or tries again. What a connection took along that died may have been written: rather twice than never.
async fn write(
    app: Weak<App>,
    mut unwritten: Unwritten,
    _turn: OwnedSemaphorePermit,
    tried: oneshot::Sender<()>,
) {
    let mut tried = Some(tried);
    let mut pauses = PAUSES.into_iter();
    while let (Some(asked), Some(app)) = (&unwritten.0, app.upgrade()) {
        let Some(why) = try_writing(&app, asked).await else {
            unwritten.0 = None;
            return;
        };
        drop((app, tried.take()));
        let Some(pause) = pauses.next() else {
            missed(asked, &why);
            unwritten.0 = None;
            return;
        };
        sleep(Duration::from_secs(pause)).await;
    }
}

/// Writes it down, or says why that cannot be.
async fn try_writing(app: &App, asked: &Asked) -> Option<String> {
    const SILENT: &str = "the store does not answer";
    if !app.plane.store_pulse().borrow().beats() {
        return Some(SILENT.to_owned());
    }
    match timeout(LONGEST, app.plane.note_asked(asked)).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(SILENT.to_owned()),
    }
}

fn missed(asked: &Asked, why: &str) {
    tracing::warn!(
        why, actor = asked.actor, address = asked.address, route = asked.route, path = asked.path,
        outcome = %asked.outcome, code = asked.code, times = asked.times,
        "this is not in the audit"
    );
}
