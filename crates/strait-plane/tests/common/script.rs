//! What the pretenders do: a common log, failures and halts on order, and things that must never happen.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;

/// Shared by the cloud and the services of a test.
#[derive(Default)]
pub(crate) struct Script {
    inner: Mutex<Inner>,
    halted: Notify,
    thawed: Condvar,
    released: Notify,
}

#[derive(Default)]
struct Inner {
    log: Vec<String>,
    failures: Vec<Failure>,
    halt: Option<Halt>,
    count: usize,
    wrong: Vec<String>,
    freeze: Option<Freeze>,
    hold: Option<Hold>,
}

/// How calls are held up, without those that run beside them.
struct Hold {
    call: String,
    holds: bool,
}

/// How a call is stopped, with all that runs in its thread.
struct Freeze {
    call: String,
    frozen: bool,
}

struct Failure {
    call: String,
    times: usize,
    refused: bool,
}

#[derive(Clone, Copy)]
struct Halt {
    call: usize,
    after: bool,
}

/// How a call is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ordered {
    Success,
    Temporary,
    Refused,
}

impl Script {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Lets the next calls that start so fail.
    pub(crate) fn fail(&self, call: &str, times: usize, refused: bool) {
        self.inner().failures.push(Failure {
            call: call.to_owned(),
            times,
            refused,
        });
    }

    pub(crate) fn stop_failing(&self) {
        self.inner().failures.clear();
    }

    /// Lets the call of this number (from now, from 0) hang for ever, before or after it has done its work.
    pub(crate) fn halt_at(&self, call: usize, after: bool) {
        let mut inner = self.inner();
        inner.count = 0;
        inner.halt = Some(Halt { call, after });
    }

    pub(crate) fn never_halt(&self) {
        self.inner().halt = None;
    }

    /// Whether some call hangs within this time.
    pub(crate) async fn halts_within(&self, time: Duration) -> bool {
        tokio::time::timeout(time, self.halted.notified())
            .await
            .is_ok()
    }

    /// Holds calls that start so up until `release`.
    pub(crate) fn hold(&self, call: &str) {
        let (call, holds) = (call.to_owned(), false);
        self.inner().hold = Some(Hold { call, holds });
    }

    pub(crate) fn release(&self) {
        self.inner().hold = None;
        self.released.notify_waiters();
    }

    /// Whether one is held up.
    pub(crate) fn holds(&self) -> bool {
        self.inner().hold.as_ref().is_some_and(|hold| hold.holds)
    }

    /// Freezes the thread of the next call that starts so until `thaw`: with it a server that has that thread only, as
    /// SIGSTOP would.
    pub(crate) fn freeze(&self, call: &str) {
        let (call, frozen) = (call.to_owned(), false);
        self.inner().freeze = Some(Freeze { call, frozen });
    }

    pub(crate) fn thaw(&self) {
        self.inner().freeze = None;
        self.thawed.notify_all();
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.inner()
            .freeze
            .as_ref()
            .is_some_and(|freeze| freeze.frozen)
    }

    pub(crate) fn forget(&self) {
        self.inner().log.clear();
    }

    /// The calls so far, in order.
    pub(crate) fn log(&self) -> Vec<String> {
        self.inner().log.clone()
    }

    /// Notes what must never happen.
    pub(crate) fn wrong(&self, what: String) {
        self.inner().wrong.push(what);
    }

    pub(crate) fn assert_nothing_wrong(&self) {
        let inner = self.inner();
        assert!(
            inner.wrong.is_empty(),
            "{:#?}\nafter {:#?}",
            inner.wrong,
            inner.log
        );
    }

    /// A call that neither fails nor waits.
    pub(crate) fn note(&self, call: String) {
        self.inner().log.push(call);
    }

    /// Somewhere in a call that has begun: where it can be frozen too.
    pub(crate) fn pass(&self, place: &str) {
        let mut inner = self.inner();
        if inner.freezes(place) {
            self.stay_frozen(inner);
        }
    }

    /// Every call begins with it.
    pub(crate) async fn begin(&self, call: String) -> Ordered {
        let released = self.released.notified();
        let (ordered, halts, held) = {
            let mut inner = self.inner();
            let held = inner.is_held(&call);
            let ordered = inner.ordered(&call);
            let freezes = inner.freezes(&call);
            inner.log.push(call);
            let number = inner.count;
            inner.count += 1;
            let halts = inner.halts(number, false);
            if freezes {
                self.stay_frozen(inner);
            }
            (ordered, halts, held)
        };
        if held {
            released.await;
        }
        self.maybe_hang(halts).await;
        ordered
    }

    /// Every call that did its work ends with it.
    pub(crate) async fn end(&self) {
        let halts = {
            let inner = self.inner();
            inner
                .count
                .checked_sub(1)
                .is_some_and(|number| inner.halts(number, true))
        };
        self.maybe_hang(halts).await;
    }

    fn stay_frozen(&self, inner: MutexGuard<'_, Inner>) {
        let thawed = self
            .thawed
            .wait_while(inner, |inner| inner.freeze.is_some());
        drop(thawed.expect("no test panics while it holds this"));
    }

    async fn maybe_hang(&self, halts: bool) {
        if halts {
            self.halted.notify_one();
            std::future::pending::<()>().await;
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner
            .lock()
            .expect("no test panics while it holds this")
    }
}

impl Inner {
    fn ordered(&mut self, call: &str) -> Ordered {
        let Some(failure) = self
            .failures
            .iter_mut()
            .find(|failure| failure.times > 0 && call.starts_with(&failure.call))
        else {
            return Ordered::Success;
        };
        failure.times -= 1;
        match failure.refused {
            true => Ordered::Refused,
            false => Ordered::Temporary,
        }
    }

    fn is_held(&mut self, call: &str) -> bool {
        let Some(hold) = &mut self.hold else {
            return false;
        };
        let held = call.starts_with(&hold.call);
        hold.holds |= held;
        held
    }

    fn freezes(&mut self, call: &str) -> bool {
        let Some(freeze) = &mut self.freeze else {
            return false;
        };
        let freezes = !freeze.frozen && call.starts_with(&freeze.call);
        freeze.frozen |= freezes;
        freezes
    }

    fn halts(&self, number: usize, after: bool) -> bool {
        self.halt
            .is_some_and(|halt| halt.call == number && halt.after == after)
    }
}
