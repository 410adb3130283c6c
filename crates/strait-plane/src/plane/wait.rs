//! Waiting, without polling the store: every change of an object is told.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::Plane;
use crate::error::PlaneError;
use crate::model::{Object, PeeringState, Settled, VpcStatus, Wanted};
use crate::store::{peerings, services, vpcs};

/// A word may be lost with a connection: look again after this long at most.
const LOOK_ANYWAY: Duration = Duration::from_secs(1);

impl Plane {
    /// Waits until the object (by its id) is as it was asked for, is gone, or is refused. What merely fails for now goes on
    /// being tried, and waited for.
    pub async fn settled(&self, object: &Object, timeout: Duration) -> Result<Settled, PlaneError> {
        let settled = self
            .wait_for(timeout, async || self.look(object).await)
            .await?;
        Ok(settled.unwrap_or(Settled::NotYet))
    }

    /// Waits until `look` finds something, and looks at least once.
    pub(super) async fn wait_for<T>(
        &self,
        timeout: Duration,
        look: impl AsyncFn() -> Result<Option<T>, PlaneError>,
    ) -> Result<Option<T>, PlaneError> {
        let end = Instant::now() + timeout;
        let mut changes = self.context.changes.subscribe();
        loop {
            changes.mark_unchanged();
            if let Some(found) = look().await? {
                return Ok(Some(found));
            }
            if Instant::now() >= end {
                return Ok(None);
            }
            // An error would mean that the sender is gone, and we hold it.
            drop(timeout_at(end.min(Instant::now() + LOOK_ANYWAY), changes.changed()).await);
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
                (peering.admitted_cidrs == peering.peer_cidrs).then_some(Settled::Yes)
            }
            PeeringState::Failed
            | PeeringState::Expired
            | PeeringState::Rejected
            | PeeringState::Deleted => Some(Settled::Failed),
            PeeringState::InitiatingRequest | PeeringState::Deleting => None,
        })
    }
}
