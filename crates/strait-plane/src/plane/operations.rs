//! Operations and events: what was asked for, how far it is, what happened.

use std::time::Duration;

use serde_json::Value;
use sqlx::PgConnection;

use super::Plane;
use crate::error::PlaneError;
use crate::model::{Cursor, Deed, Event, Operation, OperationFilter, PageSize, Project};
use crate::secret;
use crate::store::{answers, events, operations};
use crate::wish::{self, Asked};

/// What a request that was sent before came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repetition {
    /// Its operation.
    pub operation: Operation,
    /// The password of the service that it made, if it is still to be told.
    pub initial_password: Option<String>,
}

/// The same of a request that makes no operation.
#[derive(Clone, PartialEq, Eq)]
pub struct Done {
    /// What was done.
    pub deed: Deed,
    /// With what.
    pub object_id: String,
    /// The secret of the pair of keys that it made, if it is still to be told.
    pub secret_key: Option<String>,
}

impl Plane {
    /// One operation.
    pub async fn operation(&self, project: &str, id: &str) -> Result<Operation, PlaneError> {
        let project = self.project(project).await?;
        let kept = operations::get(self.pool(), &project.id, id).await?;
        kept.map(|kept| kept.shown)
            .ok_or_else(|| PlaneError::not_found("operation", id))
    }

    /// A project's operations, newest first.
    pub async fn list_operations(
        &self,
        project: &str,
        filter: &OperationFilter,
    ) -> Result<Vec<Operation>, PlaneError> {
        let project = self.project(project).await?;
        operations::list(self.pool(), &project.id, filter).await
    }

    /// The operation when it has ended, or as it is after this time.
    pub async fn operation_ended(
        &self,
        project: &str,
        id: &str,
        timeout: Duration,
    ) -> Result<Operation, PlaneError> {
        let mut patience = self.patience(timeout);
        loop {
            let operation = self.operation(project, id).await?;
            if operation.state.has_ended() || !patience.again().await {
                return Ok(operation);
            }
        }
    }

    /// The operation when it is not as it was shown last, or as it is after this time.
    pub async fn operation_changed(
        &self,
        project: &str,
        last: &Operation,
        timeout: Duration,
    ) -> Result<Operation, PlaneError> {
        let mut patience = self.patience(timeout);
        loop {
            let operation = self.operation(project, &last.id).await?;
            if operation != *last || !patience.again().await {
                return Ok(operation);
            }
        }
    }

    /// A project's events after this place, oldest first; waits for one if there is none yet.
    pub async fn events(
        &self,
        project: &str,
        since: Cursor,
        timeout: Duration,
    ) -> Result<Vec<Event>, PlaneError> {
        let mut patience = self.patience(timeout);
        let project = self.project(project).await?;
        loop {
            let found = events::since(self.pool(), &project.id, since, PageSize::MOST).await?;
            if !found.is_empty() || !patience.again().await {
                return Ok(found);
            }
        }
    }

    /// What happened last in a project, the newest first.
    pub async fn latest_events(
        &self,
        project: &str,
        limit: PageSize,
    ) -> Result<Vec<Event>, PlaneError> {
        let project = self.project(project).await?;
        events::latest(self.pool(), &project.id, limit.get()).await
    }

    /// The place of the last event of a project: what comes after it is new.
    pub async fn events_end(&self, project: &str) -> Result<Cursor, PlaneError> {
        let project = self.project(project).await?;
        events::end(self.pool(), &project.id).await
    }

    /// What the caller's request came to, if it was sent before.
    ///
    /// # Errors
    /// The same key came with another request.
    pub async fn repetition(&self, project: &str) -> Result<Option<Repetition>, PlaneError> {
        let Some(once) = &self.caller.once else {
            return Ok(None);
        };
        let key = secret::digest(&once.key);
        let Some(kept) = operations::of_key(self.pool(), project, &self.caller.actor, &key).await?
        else {
            return Ok(None);
        };
        if kept.fingerprint.as_ref() != Some(&once.fingerprint) {
            let other = format!("{}, {}", kept.shown.action, kept.shown.id);
            return Err(another(&other));
        }
        let initial_password = kept.salt.map(|salt| secret::password_of(&once.key, &salt));
        Ok(Some(Repetition {
            operation: kept.shown,
            initial_password,
        }))
    }

    /// What the caller's request did, if it was sent before and made no operation. In no project: it makes one.
    ///
    /// # Errors
    /// The same key came with another request.
    pub async fn done_before(&self, project: Option<&str>) -> Result<Option<Done>, PlaneError> {
        let Some(once) = &self.caller.once else {
            return Ok(None);
        };
        let key = secret::digest(&once.key);
        let found = answers::of_key(self.pool(), project, &self.caller.actor, &key).await?;
        let Some(kept) = found else {
            return Ok(None);
        };
        if kept.fingerprint != once.fingerprint {
            return Err(another(kept.deed.as_str()));
        }
        let secret_key = kept
            .salt
            .map(|salt| secret::secret_key_of(&once.key, &salt));
        Ok(Some(Done {
            deed: kept.deed,
            object_id: kept.object_id,
            secret_key,
        }))
    }

    /// Notes what was done without an operation, in the transaction that does it: a repetition changes nothing.
    pub(super) async fn done(
        &self,
        tx: &mut PgConnection,
        project: &Project,
        deed: Deed,
        object_id: &str,
    ) -> Result<(), PlaneError> {
        wish::done(tx, &self.caller, Some(&project.id), deed, object_id, None).await
    }

    /// Notes it, in the transaction that writes the wish. Returns its id.
    pub(super) async fn note(
        &self,
        tx: &mut PgConnection,
        asked: Asked<'_>,
        before: Value,
        after: Value,
    ) -> Result<String, PlaneError> {
        wish::note(tx, &self.caller, asked, before, after).await
    }
}

fn another(request: &str) -> PlaneError {
    PlaneError::invalid(
        "Idempotency-Key",
        format!(
            "this key was used for another request ({request}); take a new key for each new request"
        ),
    )
}
