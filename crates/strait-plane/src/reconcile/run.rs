//! One run of a reconciler: the lease that it works under, and the operation that it is for.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::{PgConnection, Postgres, Transaction};
use tokio::time::Instant;

use super::Context;
use super::failure::Failure;
use crate::error::PlaneError;
use crate::model::{Network, ObjectKind, OperationState, Reason, Step};
use crate::store::operations::{self, Kept};

/// One run.
pub(super) struct Run<'a> {
    pub(super) context: &'a Context,
    lease: &'a str,
    /// Whether another server worked on it before.
    taken_over: bool,
    /// Whether its operation begins with it.
    begins: bool,
    operation: Option<Kept>,
}

impl<'a> Run<'a> {
    /// Under a lease that this server has.
    pub(super) fn new(context: &'a Context, lease: &'a str, taken_over: bool) -> Self {
        Self {
            context,
            lease,
            taken_over,
            begins: false,
            operation: None,
        }
    }

    /// For an object that is worked on under the same lease, and its operation.
    pub(super) async fn of(&self, kind: ObjectKind, object: &str) -> Result<Run<'a>, Failure> {
        let mut run = Run::new(self.context, self.lease, self.taken_over);
        run.take_up_of(kind, object).await?;
        Ok(run)
    }

    /// Before anything in this Region: what is remembered of it may be out of date. An operation of a service or a Peering VPC
    /// begins with a look at what is there, because others may have prepared for it: another server, or who asks, by hand.
    pub(super) fn in_region(&mut self, region: &str) {
        let begins = std::mem::take(&mut self.begins);
        if begins || self.taken_over {
            self.context.cloud.forget(region);
        }
    }

    /// For what must be written together. Nothing is written, unless this server still has the lease.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Postgres>, Failure> {
        self.context.begin_under(self.lease).await
    }

    /// Writes, if this server still has the lease.
    pub(super) async fn write<T>(
        &self,
        change: impl AsyncFnOnce(&mut PgConnection) -> Result<T, PlaneError>,
    ) -> Result<T, Failure> {
        self.context.write_under(self.lease, change).await
    }

    /// The operation whose turn it is.
    pub(super) fn operation(&self) -> Option<&Kept> {
        self.operation.as_ref()
    }

    /// Begins with the object's first operation, or goes on with it.
    pub(super) async fn take_up_of(
        &mut self,
        kind: ObjectKind,
        object: &str,
    ) -> Result<(), Failure> {
        let head = operations::head(&self.context.pool, kind, object).await?;
        self.take_up(head, None).await
    }

    /// Begins with this operation, or goes on with it. `former` is what a move is away from.
    pub(super) async fn take_up(
        &mut self,
        operation: Option<Kept>,
        former: Option<&Network>,
    ) -> Result<(), Failure> {
        self.operation = None;
        let Some(mut operation) = operation else {
            return Ok(());
        };
        if operation.shown.state == OperationState::Queued {
            let former = former.filter(|_| operation.network.is_some());
            let id = &operation.shown.id;
            self.write(async |db| operations::start(db, id, former).await)
                .await?;
            operation.shown.state = OperationState::Running;
            self.begins = true;
            operation.former = former.cloned();
        }
        let (object, id) = (&operation.shown.object_id, &operation.shown.id);
        let tries = &self.context.tries;
        tries.begin(object, id, operation.spent, Instant::now());
        let span = tracing::Span::current();
        span.record("operation", id.as_str());
        span.record("project", operation.shown.project_id.as_str());
        self.operation = Some(operation);
        Ok(())
    }

    /// In a transaction that has made its object's row its own: whose turn it is now.
    pub(super) async fn look_again(
        &mut self,
        db: &mut PgConnection,
        kind: ObjectKind,
        object: &str,
    ) -> Result<(), PlaneError> {
        let head = operations::head(db, kind, object).await?;
        let known = self.operation.as_ref().map(|known| &known.shown.id);
        if head.as_ref().map(|head| &head.shown.id) != known {
            self.operation = head;
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
        let (id, steps) = (operation.shown.id.clone(), steps.clone());
        self.write(async |db| operations::step(db, &id, &steps).await)
            .await?;
        self.go_on()
    }

    /// Where a test may stop the server, to kill or to freeze what it likes before it goes on.
    pub(super) fn boundary(&self, step: Step) -> Result<(), Failure> {
        fail::fail_point!(step.as_str());
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

    /// The operation is done, in the transaction that writes so. One that had ended before stays as it was.
    pub(super) async fn succeed(&mut self, db: &mut PgConnection) -> Result<(), PlaneError> {
        let now = Timestamp::now();
        if let Some(operation) = &mut self.operation {
            for record in &mut operation.shown.steps {
                if record.started.is_some() && record.ended.is_none() {
                    record.ended = Some(now);
                }
            }
        }
        self.end(db, OperationState::Succeeded, None, None).await?;
        Ok(())
    }

    /// The operation is over, in the transaction that writes so. False: it was before.
    pub(super) async fn end(
        &mut self,
        db: &mut PgConnection,
        state: OperationState,
        why: Option<&Reason>,
        next_action: Option<&str>,
    ) -> Result<bool, PlaneError> {
        let Some(operation) = self.operation.take() else {
            return Ok(true);
        };
        self.context.tries.forget(&operation.shown.object_id);
        let (id, steps) = (&operation.shown.id, &operation.shown.steps);
        let ended = operations::end(db, id, state, steps, why, next_action).await?;
        if ended {
            tracing::info!(
                operation = id, action = %operation.shown.action, project = operation.shown.project_id,
                object = operation.shown.object_id, %state, reason = why.map(|why| why.code.as_str()),
                "an operation ends"
            );
        }
        Ok(ended)
    }

    /// Notes what holds the operation up, or that nothing does.
    pub(super) async fn held_up(&mut self, why: Option<&Reason>) -> Result<(), Failure> {
        let Some(operation) = &mut self.operation else {
            return Ok(());
        };
        if operation.shown.reason.as_ref() == why {
            return Ok(());
        }
        operation.shown.reason = why.cloned();
        let id = operation.shown.id.clone();
        self.write(async |db| operations::explain(db, &id, why).await)
            .await
    }

    /// Whether the operation has been tried for longer than it may take.
    pub(super) fn is_out_of_time(&self) -> bool {
        let Some(operation) = &self.operation else {
            return false;
        };
        let drain = Duration::from_secs(operation.drain_seconds.into());
        let (object, id) = (&operation.shown.object_id, &operation.shown.id);
        let spent = self.context.tries.spent(object, id, Instant::now());
        spent > self.context.patience + drain
    }
}
