//! One run of a reconciler: the lease that it works under, and the operation that it is for.

use std::time::Duration;

use jiff::Timestamp;

use super::Context;
use super::failure::Failure;
use crate::error::PlaneError;
use crate::model::{Network, OperationState, Reason, Step};
use crate::store::operations::{self, Kept};

/// One run.
pub(super) struct Run<'a> {
    pub(super) context: &'a Context,
    lease: &'a str,
    /// Whether another server worked on it before.
    taken_over: bool,
    operation: Option<Kept>,
}

impl<'a> Run<'a> {
    /// Under a lease that this server has.
    pub(super) fn new(context: &'a Context, lease: &'a str, taken_over: bool) -> Self {
        Self {
            context,
            lease,
            taken_over,
            operation: None,
        }
    }

    /// Before anything in this Region: what is remembered of it may be out of date.
    pub(super) fn in_region(&self, region: &str) {
        if self.taken_over {
            self.context.cloud.forget(region);
        }
    }

    /// The operation whose turn it is.
    pub(super) fn operation(&self) -> Option<&Kept> {
        self.operation.as_ref()
    }

    /// Begins with this operation, or goes on with it.
    pub(super) async fn take_up(
        &mut self,
        operation: Option<Kept>,
        former: Option<&Network>,
    ) -> Result<(), PlaneError> {
        self.operation = operation;
        let Some(operation) = &mut self.operation else {
            return Ok(());
        };
        if operation.shown.state == OperationState::Queued {
            let former = former.filter(|_| operation.network.is_some());
            operations::start(&self.context.pool, &operation.shown.id, former).await?;
            operation.shown.state = OperationState::Running;
            operation.shown.started = Some(Timestamp::now());
            operation.former = former.cloned();
        }
        Ok(())
    }

    /// Before each step: goes on only if this server may, and notes it in the operation.
    pub(super) async fn at(&mut self, step: Step) -> Result<(), Failure> {
        self.go_on()?;
        if self.operation.is_some() {
            self.boundary(step)?;
        }
        let Some(operation) = &mut self.operation else {
            return Ok(());
        };
        let now = Timestamp::now();
        let steps = &mut operation.shown.steps;
        let Some(index) = steps.iter().position(|record| record.step == step) else {
            return Ok(());
        };
        if steps[index].started.is_some() {
            return Ok(());
        }
        for earlier in &mut steps[..index] {
            // One that there was nothing to do for has no times.
            if earlier.started.is_some() && earlier.ended.is_none() {
                earlier.ended = Some(now);
            }
        }
        steps[index].started = Some(now);
        operations::step(&self.context.pool, &operation.shown.id, steps).await?;
        self.go_on()
    }

    /// Where a test may end the server, as `kill -9` would.
    pub(super) fn boundary(&self, step: Step) -> Result<(), Failure> {
        fail::fail_point!(step.as_str(), |_| std::process::abort());
        tracing::trace!(%step, lease = self.lease, "a step begins");
        self.go_on()
    }

    /// Whether this server may go on.
    pub(super) fn go_on(&self) -> Result<(), Failure> {
        if self.context.is_stopping() {
            return Err(Failure::Stopping);
        }
        if !self.context.leases.holds(self.lease) {
            return Err(Failure::Lost);
        }
        Ok(())
    }

    /// The operation is done.
    pub(super) async fn succeed(&mut self) -> Result<(), PlaneError> {
        let Some(mut operation) = self.operation.take() else {
            return Ok(());
        };
        let now = Timestamp::now();
        for record in &mut operation.shown.steps {
            if record.started.is_some() && record.ended.is_none() {
                record.ended = Some(now);
            }
        }
        let (id, steps) = (&operation.shown.id, &operation.shown.steps);
        let pool = &self.context.pool;
        operations::end(pool, id, OperationState::Succeeded, steps, None, None).await?;
        Ok(())
    }

    /// Notes what holds the operation up.
    pub(super) async fn held_up(&self, why: &Reason) -> Result<(), PlaneError> {
        let Some(operation) = &self.operation else {
            return Ok(());
        };
        operations::explain(&self.context.pool, &operation.shown.id, Some(why)).await
    }

    /// Whether the operation has been tried for longer than it may take.
    pub(super) fn is_out_of_time(&self) -> bool {
        let started = self.operation.as_ref().and_then(|kept| kept.shown.started);
        let drain = self.operation.as_ref().map(|kept| kept.drain_seconds);
        let drain = Duration::from_secs(drain.unwrap_or_default().into());
        // A clock that was set back makes it negative.
        started
            .and_then(|started| Duration::try_from(Timestamp::now().duration_since(started)).ok())
            .is_some_and(|spent| spent > self.context.patience + drain)
    }
}
