//! Waiting, without polling the store: every change of an object is told.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::Plane;
use crate::error::PlaneError;
use crate::model::{Object, OperationState, PeeringState, Settled, VpcStatus, Wanted};
use crate::store::{peerings, services, vpcs};

/// A word may be lost with a connection: look again after this long at most.
const LOOK_ANYWAY: Duration = Duration::from_secs(1);

impl Plane {
    /// Waits until the object (by its id) is as it was asked for, is gone, or is refused. What merely fails for now goes on
    /// being tried, and waited for.
    pub async fn settled(&self, object: &Object, timeout: Duration) -> Result<Settled, PlaneError> {
        let mut patience = self.patience(timeout);
        loop {
            if let Some(settled) = self.look(object).await? {
                return Ok(settled);
            }
            if !patience.again().await {
                return Ok(Settled::NotYet);
            }
        }
    }

    /// For loops that look, then wait for a change, then look again.
    pub(super) fn patience(&self, timeout: Duration) -> Patience {
        let mut changes = self.context.changes.subscribe();
        changes.mark_unchanged();
        Patience {
            end: Instant::now() + timeout,
            changes,
        }
    }

    async fn look(&self, object: &Object) -> Result<Option<Settled>, PlaneError> {
        match object {
            Object::Service(id) => self.look_at_service(id).await,
            Object::Vpc(id) => self.look_at_vpc(id).await,
            Object::Peering(id) => self.look_at_peering(id).await,
        }
    }

    async fn look_at_service(&self, id: &str) -> Result<Option<Settled>, PlaneError> {
        let Some(service) = services::get(self.pool(), id).await? else {
            return Ok(Some(Settled::Gone));
        };
        if service.refused {
            return Ok(Some(Settled::Failed));
        }
        match service.last.map(|last| last.state) {
            Some(OperationState::Queued | OperationState::Running) => return Ok(None),
            Some(OperationState::Failed) => return Ok(Some(Settled::Failed)),
            Some(OperationState::Succeeded | OperationState::Cancelled) | None => {}
        }
        match service.wanted {
            Wanted::Running | Wanted::Paused => {
                Ok((service.reconciled == service.revision).then_some(Settled::Yes))
            }
            Wanted::Deleted => Ok(None),
        }
    }

    async fn look_at_vpc(&self, id: &str) -> Result<Option<Settled>, PlaneError> {
        let Some(vpc) = vpcs::get(self.pool(), id).await? else {
            return Ok(Some(Settled::Gone));
        };
        Ok(match vpc.status {
            VpcStatus::Created => Some(Settled::Yes),
            VpcStatus::Failed => Some(Settled::Failed),
            VpcStatus::Creating | VpcStatus::Deleting => None,
        })
    }

    async fn look_at_peering(&self, id: &str) -> Result<Option<Settled>, PlaneError> {
        let Some(peering) = peerings::get(self.pool(), id).await? else {
            return Ok(Some(Settled::Gone));
        };
        if peering.refused {
            return Ok(Some(Settled::Failed));
        }
        Ok(match peering.state {
            PeeringState::PendingAcceptance => Some(Settled::Yes),
            PeeringState::Active => {
                (peering.admitted_cidrs == peering.welcome_cidrs).then_some(Settled::Yes)
            }
            PeeringState::Failed
            | PeeringState::Expired
            | PeeringState::Rejected
            | PeeringState::Deleted => Some(Settled::Failed),
            PeeringState::InitiatingRequest | PeeringState::Deleting => None,
        })
    }
}

/// How long to go on looking.
pub(super) struct Patience {
    end: Instant,
    changes: watch::Receiver<u64>,
}

impl Patience {
    /// Waits until something may have changed since the last time. False: the time is over.
    pub(super) async fn again(&mut self) -> bool {
        let now = Instant::now();
        if now >= self.end {
            return false;
        }
        // An error would mean that the sender is gone, and who looks holds it.
        drop(timeout_at(self.end.min(now + LOOK_ANYWAY), self.changes.changed()).await);
        true
    }
}
