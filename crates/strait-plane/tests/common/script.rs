//! What the pretenders do: a common log, failures and halts on order, and things that must never happen.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;

/// Shared by the cloud and the services of a test.
#[derive(Default)]
pub(crate) struct Script {
    inner: Mutex<Inner>,
    halted: Notify,
}

#[derive(Default)]
struct Inner {
    log: Vec<String>,
    failures: Vec<Failure>,
    halt: Option<Halt>,
    count: usize,
    wrong: Vec<String>,
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

    /// Every call begins with it.
    pub(crate) async fn begin(&self, call: String) -> Ordered {
        let (ordered, halts) = {
            let mut inner = self.inner();
            let ordered = inner.ordered(&call);
            inner.log.push(call);
            let number = inner.count;
            inner.count += 1;
            (ordered, inner.halts(number, false))
        };
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

    fn halts(&self, number: usize, after: bool) -> bool {
        self.halt
            .is_some_and(|halt| halt.call == number && halt.after == after)
    }
}
