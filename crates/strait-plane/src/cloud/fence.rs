//! Keeps a server that was frozen in the midst of a verb from going on with it when it thaws: by then another one may have
//! taken away what this one has just seen.

use std::sync::Arc;

tokio::task_local! {
    static FENCE: Arc<dyn Fn() -> bool + Send + Sync>;
}

/// Runs `work`, whose calls to the cloud may change something only while `held` is true.
pub async fn fenced<T>(
    held: impl Fn() -> bool + Send + Sync + 'static,
    work: impl Future<Output = T>,
) -> T {
    FENCE.scope(Arc::new(held), work).await
}

/// Runs `work`, whose calls to the cloud may look, and change nothing. The local cloud does not ask: it has one server.
pub(crate) async fn looking<T>(work: impl Future<Output = T>) -> T {
    fenced(|| false, work).await
}

/// For a task of its own that is part of this one's work.
pub(crate) fn under_same_fence<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let fence = FENCE.try_with(Arc::clone).ok();
    async move {
        match fence {
            Some(fence) => FENCE.scope(fence, work).await,
            None => work.await,
        }
    }
}

/// Whether this task may change something in the cloud now. A cloud of several servers asks before each call that does;
/// outside of a reconciler's work it may.
#[must_use]
pub fn may_change() -> bool {
    FENCE.try_with(|held| held()).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_task_of_its_own_is_fenced_as_the_one_that_began_it() {
        let of_own = || async { tokio::spawn(under_same_fence(async { may_change() })).await };
        let held = Arc::new(AtomicBool::new(true));
        let holds = Arc::clone(&held);
        let work = async {
            let before = of_own().await.expect("it ran");
            held.store(false, Ordering::SeqCst);
            (before, of_own().await.expect("it ran"))
        };
        let found = fenced(move || holds.load(Ordering::SeqCst), work).await;
        assert_eq!(found, (true, false));
        assert!(of_own().await.expect("it ran"), "nobody's work is fenced");
        assert!(!looking(of_own()).await.expect("it ran"));
    }

    #[tokio::test]
    async fn work_changes_nothing_once_its_lease_is_lost() {
        let held = Arc::new(AtomicBool::new(true));
        let holds = Arc::clone(&held);
        let work = async {
            let before = may_change();
            held.store(false, Ordering::SeqCst);
            (before, may_change())
        };
        let found = fenced(move || holds.load(Ordering::SeqCst), work).await;
        assert_eq!(found, (true, false));
        assert!(may_change(), "nobody's work is fenced");
    }
}
