//! Makes one service what it was asked to be.

use super::failure::{During, Failure};
use super::{Context, names, network};
use crate::cloud::Sources;
use crate::model::{ServiceStatus, Wanted};
use crate::names::Names;
use crate::postgres::{Ended, Made, ServiceKind, ServiceSpec};
use crate::store::services::{self, Kept, Origin};
use crate::store::ways;

pub(super) async fn reconcile(context: &Context, id: &str) -> Result<(), Failure> {
    let Some(service) = services::get(&context.pool, id).await? else {
        return Ok(());
    };
    let outcome = match service.wanted {
        Wanted::Running => run(context, &service).await,
        Wanted::Paused => pause(context, &service).await,
        Wanted::Deleted => delete(context, &service).await,
    };
    if let Err(Failure::Shown { reason, refused }) = &outcome {
        services::blame(&context.pool, id, service.revision, reason, *refused).await?;
    }
    outcome
}

async fn run(context: &Context, service: &Kept) -> Result<(), Failure> {
    if service.status != ServiceStatus::Ready {
        let status = match service.current {
            None => ServiceStatus::Configuring,
            Some(_) => ServiceStatus::Resuming,
        };
        services::set_status(&context.pool, &service.id, status).await?;
    }
    if let Err(error) = context
        .postgres
        .ensure_running(&spec(context, service))
        .await
    {
        services::set_status(&context.pool, &service.id, ServiceStatus::Unstable).await?;
        return Err(error).during("starting PostgreSQL");
    }
    if service.current.is_some() {
        // It can be used as it is, however a move ends.
        services::set_status(&context.pool, &service.id, ServiceStatus::Ready).await?;
    }
    network::settle(context, service).await?;
    services::reconciled(
        &context.pool,
        &service.id,
        ServiceStatus::Ready,
        service.revision,
    )
    .await?;
    Ok(())
}

/// Its ways stay, so that clients are refused and do not hang.
async fn pause(context: &Context, service: &Kept) -> Result<(), Failure> {
    if service.status != ServiceStatus::Paused {
        services::set_status(&context.pool, &service.id, ServiceStatus::Pausing).await?;
    }
    context
        .postgres
        .ensure_stopped(&spec(context, service))
        .await
        .during("stopping PostgreSQL")?;
    network::keep(context, service).await?;
    services::reconciled(
        &context.pool,
        &service.id,
        ServiceStatus::Paused,
        service.revision,
    )
    .await?;
    Ok(())
}

async fn delete(context: &Context, service: &Kept) -> Result<(), Failure> {
    services::set_status(&context.pool, &service.id, ServiceStatus::Deleting).await?;
    services::forget_current(&context.pool, &service.id).await?;
    for way in ways::list(&context.pool, &service.id).await? {
        if network::is_its_own(service, &way.network) {
            // Forgetting a service cuts nobody off from it.
            ways::closed(&context.pool, &service.id, &way.network).await?;
            continue;
        }
        network::close(context, service, &way, network::Sessions::MayBeGone).await?;
    }
    names::publish(context).await?;
    context
        .postgres
        .delete(&spec(context, service))
        .await
        .during("deleting PostgreSQL")?;
    services::delete(&context.pool, &service.id).await?;
    Ok(())
}

pub(super) fn spec(context: &Context, service: &Kept) -> ServiceSpec {
    ServiceSpec {
        id: service.id.clone(),
        region: service.region_code.clone(),
        kind: match &service.origin {
            Origin::Made(password_verifier) => ServiceKind::Made(Made {
                names: Names::of(&service.id, &service.project_id, &context.domain).all(),
                password_verifier: password_verifier.clone(),
            }),
            Origin::Registered(registration) => ServiceKind::Registered(registration.clone()),
        },
    }
}

/// Ends the sessions from there.
pub(super) async fn end_sessions(
    context: &Context,
    service: &Kept,
    sources: &Sources,
) -> Result<Ended, Failure> {
    context
        .postgres
        .end_sessions(&spec(context, service), sources)
        .await
        .during("ending sessions by the former way")
}
