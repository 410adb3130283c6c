//! Wishes: each is written in one transaction with the operation that tells of it.

use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::error::PlaneError;
use crate::model::{Action, Caller, Deed, Network, ObjectKind, Wanted};
use crate::secret;
use crate::store::answers;
use crate::store::operations::{self, Insert, Superseded};
use crate::store::services::{self, Kept};
use crate::store::tell_work;

/// A change that somebody asks for, about to be noted.
pub(crate) struct Asked<'a> {
    pub(crate) action: Action,
    pub(crate) project: &'a str,
    pub(crate) object_id: &'a str,
    pub(crate) object_name: &'a str,
    pub(crate) wanted: Option<Wanted>,
    pub(crate) network: Option<&'a Network>,
    pub(crate) drain_seconds: u32,
    pub(crate) salt: Option<&'a str>,
}

impl<'a> Asked<'a> {
    pub(crate) fn new(
        action: Action,
        project: &'a str,
        object_id: &'a str,
        object_name: &'a str,
    ) -> Self {
        Self {
            action,
            project,
            object_id,
            object_name,
            wanted: None,
            network: None,
            drain_seconds: 0,
            salt: None,
        }
    }

    /// Of a service.
    pub(crate) fn of(action: Action, kept: &'a Kept) -> Self {
        Self::new(action, &kept.project_id, &kept.id, &kept.name)
    }

    /// What a service is to be.
    pub(crate) fn becomes(self, wanted: Wanted, network: Option<&'a Network>) -> Self {
        Self {
            wanted: Some(wanted),
            network,
            ..self
        }
    }
}

/// Notes it, in the transaction that writes the wish. Returns its id.
pub(crate) async fn note(
    tx: &mut PgConnection,
    caller: &Caller,
    asked: Asked<'_>,
    before: Value,
    after: Value,
) -> Result<String, PlaneError> {
    let once =
        (caller.once.as_ref()).map(|once| (secret::digest(&once.key), once.fingerprint.as_str()));
    let insert = Insert {
        project: asked.project,
        action: asked.action,
        object_id: asked.object_id,
        object_name: asked.object_name,
        actor: &caller.actor,
        actor_name: caller.actor_name.as_deref(),
        wanted: asked.wanted,
        network: asked.network,
        drain_seconds: asked.drain_seconds,
        before,
        after,
        once: once
            .as_ref()
            .map(|(key, fingerprint)| (key.as_str(), *fingerprint)),
        salt: asked.salt,
    };
    let id = operations::insert(tx, &insert).await?;
    tracing::info!(
        operation = id, action = %insert.action, project = insert.project, object = insert.object_id,
        actor = insert.actor, "a change is asked for"
    );
    Ok(id)
}

/// Notes what a request that counts once came to, in the transaction that makes the change: one that makes no operation. In no
/// project: the project is made by it.
pub(crate) async fn done(
    tx: &mut PgConnection,
    caller: &Caller,
    project: Option<&str>,
    deed: Deed,
    object_id: &str,
    salt: Option<&str>,
) -> Result<(), PlaneError> {
    let Some(once) = &caller.once else {
        return Ok(());
    };
    let insert = answers::Insert {
        key: &secret::digest(&once.key),
        actor: &caller.actor,
        project,
        fingerprint: &once.fingerprint,
        deed,
        object_id,
        salt,
    };
    answers::insert(tx, &insert).await
}

/// Writes what a service is to be from now on, as an operation that waits for its turn. Returns its id.
pub(crate) async fn want(
    tx: &mut PgConnection,
    caller: &Caller,
    asked: Asked<'_>,
    before: (Wanted, &Network),
    after: (Wanted, &Network),
) -> Result<String, PlaneError> {
    let service = asked.object_id;
    services::want(&mut *tx, service, after.0, after.1).await?;
    let words =
        |(wanted, network): (Wanted, &Network)| json!({ "wanted": wanted, "network": network });
    let moves = (before.1 != after.1).then_some(after.1);
    let asked = asked.becomes(after.0, moves);
    let id = note(tx, caller, asked, words(before), words(after)).await?;
    if after.0 == Wanted::Deleted {
        operations::cancel_others(tx, ObjectKind::Service, service, &id, Superseded::Deleted)
            .await?;
    }
    tell_work(&mut *tx, "service", service).await?;
    Ok(id)
}

/// Asks for a service to be public again, because its Peering VPC is to be deleted; one that does not use it is left alone.
pub(crate) async fn leave(
    tx: &mut PgConnection,
    actor: &str,
    vpc: &str,
    service: &str,
) -> Result<(), PlaneError> {
    let Some((wanted, network)) = services::lock(&mut *tx, service).await? else {
        return Ok(());
    };
    let Some(kept) = services::get(&mut *tx, service).await? else {
        return Ok(());
    };
    if network.vpc() != Some(vpc) || wanted == Wanted::Deleted {
        return Ok(());
    }
    movable(&kept, wanted, "detached")?;
    // A request's key stands for the deletion, which has others' detachments in its wake.
    let caller = Caller {
        actor: actor.to_owned(),
        ..Caller::strait()
    };
    want(
        tx,
        &caller,
        Asked::of(Action::ServiceDetach, &kept),
        (wanted, &network),
        (Wanted::Running, &Network::Public),
    )
    .await?;
    Ok(())
}

/// A move is probed end to end, so that the service must run.
pub(crate) fn movable(kept: &Kept, wanted: Wanted, verb: &str) -> Result<(), PlaneError> {
    match wanted {
        Wanted::Running => Ok(()),
        Wanted::Paused => Err(PlaneError::conflict(format!(
            "service {} ({:?}) is stopped and cannot be {verb}; start it first",
            kept.id, kept.name
        ))),
        Wanted::Deleted => Err(deleted(kept)),
    }
}

pub(crate) fn deleted(kept: &Kept) -> PlaneError {
    PlaneError::conflict(format!(
        "service {} ({:?}) is being deleted",
        kept.id, kept.name
    ))
}
