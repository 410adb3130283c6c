//! Makes one service what it was asked to be: its operations in the order in which they were asked for.

use super::failure::{During, Failure};
use super::run::Run;
use super::{Context, allow, names, network};
use crate::cloud::Sources;
use crate::model::{Network, ObjectKind, OperationState, Reason, ServiceStatus, Step, Wanted};
use crate::names::Names;
use crate::postgres::{Ended, Made, ServiceKind, ServiceSpec, Which};
use crate::store::services::{self, Kept, Origin};
use crate::store::{operations, vpcs, ways};

/// What is as it was asked to be is looked at only if that is to be done thoroughly: every server is told of every wish.
pub(super) async fn reconcile(run: &mut Run<'_>, id: &str, thorough: bool) -> Result<(), Failure> {
    loop {
        let Some(mut service) = services::get(&run.context.pool, id).await? else {
            return Ok(());
        };
        let operation = operations::head(&run.context.pool, ObjectKind::Service, id).await?;
        if operation.is_none() && service.revision == service.reconciled && !thorough {
            return Ok(());
        }
        let is_asked = operation.is_some();
        let former = service
            .current
            .as_ref()
            .map(|current| current.network.clone());
        run.take_up(operation, former.as_ref()).await?;
        run.in_region(&service.region_code);
        as_asked(run, &mut service);
        let outcome = match service.wanted {
            Wanted::Running => {
                // A former way that is left open is closed in the end.
                drop(allow::restrict(run, &service).await?);
                start(run, &service).await
            }
            Wanted::Paused => {
                let restricted = allow::restrict(run, &service).await?;
                pause(run, &service).await.and(restricted)
            }
            Wanted::Deleted => delete(run, &service).await,
        };
        if outcome.is_ok() && !is_asked {
            // Who asks meanwhile wakes it again.
            return Ok(());
        }
        if !conclude(run, &service, outcome).await? {
            return Ok(());
        }
    }
}

/// While an operation lasts, the service is to be what that one asks for; others may be waiting.
fn as_asked(run: &Run<'_>, service: &mut Kept) {
    let Some(operation) = run.operation() else {
        return;
    };
    if let Some(wanted) = operation.wanted {
        service.wanted = wanted;
    }
    match (&operation.network, &service.current) {
        (Some(network), _) => service.wanted_network = network.clone(),
        (None, Some(current)) => service.wanted_network = current.network.clone(),
        (None, None) => {}
    }
}

/// What becomes of the operation. True: there is more to do, for the next one or to go back.
async fn conclude(
    run: &mut Run<'_>,
    service: &Kept,
    outcome: Result<(), Failure>,
) -> Result<bool, Failure> {
    let pool = &run.context.pool;
    let (reason, refused) = match outcome {
        Ok(()) => {
            let next = operations::head(pool, ObjectKind::Service, &service.id).await?;
            return Ok(next.is_some());
        }
        Err(Failure::Shown { reason, refused }) => (reason, refused),
        Err(Failure::NotYet) if run.is_out_of_time() => (too_slow(), true),
        Err(failure) => return Err(failure),
    };
    let gives_up = refused || run.is_out_of_time();
    if gives_up && go_back(run, service, &reason).await? {
        return Ok(true);
    }
    let others_wait = run.operation().is_some() && {
        let open = services::operations_open(pool, &service.id).await?;
        open > 1
    };
    if refused && others_wait && service.wanted != Wanted::Deleted {
        give_up(run, &reason).await?;
        return Ok(true);
    }
    run.held_up(Some(&reason)).await?;
    let (id, revision) = (&service.id, service.revision);
    run.write(async |db| services::blame(db, id, revision, &reason, refused).await)
        .await?;
    Err(Failure::Shown { reason, refused })
}

/// A move that cannot be made leaves the service as it was, unless closing the former way has begun. False: it goes on.
async fn go_back(run: &mut Run<'_>, service: &Kept, reason: &Reason) -> Result<bool, Failure> {
    let Some(operation) = run.operation() else {
        return Ok(false);
    };
    let (Some(target), Some(former)) = (&operation.network, operation.former.clone()) else {
        return Ok(false);
    };
    if *target == former {
        return Ok(false);
    }
    run.go_on()?;
    let reason = Reason {
        code: reason.code.clone(),
        message: format!(
            "{}. The move was given up; the service is {} as before",
            reason.message.trim_end_matches("; Strait tries again"),
            in_words(&former)
        ),
    };
    let id = operation.shown.id.clone();
    let mut tx = run.begin().await?;
    if !ways::stays(&mut *tx, &service.id, &former).await? {
        return Ok(false);
    }
    services::go_back(&mut tx, &service.id, &former, &id).await?;
    let next = "see to what the reason says, then ask for the move again";
    if !run
        .end(&mut tx, OperationState::Failed, Some(&reason), Some(next))
        .await?
    {
        // A deletion made it pointless meanwhile.
        return Err(Failure::NotYet);
    }
    if let Network::Vpc(vpc) = &former {
        vpcs::tell_if_leaving(&mut *tx, vpc).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// What cannot be done must not hold up what comes after it.
async fn give_up(run: &mut Run<'_>, reason: &Reason) -> Result<(), Failure> {
    let next = "see to what the reason says, then ask again";
    let mut tx = run.begin().await?;
    run.end(&mut tx, OperationState::Failed, Some(reason), Some(next))
        .await?;
    tx.commit().await?;
    Ok(())
}

fn too_slow() -> Reason {
    Reason {
        code: "took_too_long".to_owned(),
        message: "the new way did not come up in time".to_owned(),
    }
}

fn in_words(network: &Network) -> String {
    match network {
        Network::Public => "public".to_owned(),
        Network::Vpc(id) => format!("attached to VPC {id}"),
    }
}

async fn start(run: &mut Run<'_>, service: &Kept) -> Result<(), Failure> {
    let context = run.context;
    if service.status != ServiceStatus::Ready {
        let status = match service.current {
            None => ServiceStatus::Configuring,
            Some(_) => ServiceStatus::Resuming,
        };
        set_status(run, service, status).await?;
    }
    run.at(Step::Start).await?;
    if let Err(error) = context
        .postgres
        .ensure_running(&spec(context, service))
        .await
    {
        set_status(run, service, ServiceStatus::Unstable).await?;
        return Err(error).during("starting PostgreSQL");
    }
    run.at(Step::Password).await?;
    if service.current.is_some() && service.status != ServiceStatus::Ready {
        // It can be used as it is, however a move ends.
        set_status(run, service, ServiceStatus::Ready).await?;
    }
    network::settle(run, service).await?;
    done(run, service, ServiceStatus::Ready).await
}

/// Its ways stay, so that clients are refused and do not hang.
async fn pause(run: &mut Run<'_>, service: &Kept) -> Result<(), Failure> {
    let context = run.context;
    if service.status != ServiceStatus::Paused {
        set_status(run, service, ServiceStatus::Pausing).await?;
    }
    run.at(Step::Stop).await?;
    context
        .postgres
        .ensure_stopped(&spec(context, service))
        .await
        .during("stopping PostgreSQL")?;
    // It is told when it starts.
    run.at(Step::Password).await?;
    network::keep(run, service).await?;
    done(run, service, ServiceStatus::Paused).await
}

async fn done(run: &mut Run<'_>, service: &Kept, status: ServiceStatus) -> Result<(), Failure> {
    run.go_on()?;
    let is_noted = service.revision == service.reconciled
        && service.status == status
        && service.reason.is_none();
    if is_noted && run.operation().is_none() {
        return Ok(());
    }
    let mut tx = run.begin().await?;
    run.succeed(&mut tx).await?;
    services::reconciled(&mut *tx, &service.id, status, service.revision).await?;
    tx.commit().await?;
    Ok(())
}

async fn set_status(run: &Run<'_>, service: &Kept, status: ServiceStatus) -> Result<(), Failure> {
    run.write(async |db| services::set_status(db, &service.id, status).await)
        .await
}

async fn delete(run: &mut Run<'_>, service: &Kept) -> Result<(), Failure> {
    let context = run.context;
    run.write(async |db| {
        services::set_status(&mut *db, &service.id, ServiceStatus::Deleting).await?;
        services::forget_current(db, &service.id).await
    })
    .await?;
    for way in ways::list(&context.pool, &service.id).await? {
        run.at(Step::Close).await?;
        if network::is_its_own(service, &way.network) {
            // Forgetting a service cuts nobody off from it.
            run.write(async |db| ways::closed(db, &service.id, &way.network).await)
                .await?;
            continue;
        }
        network::close(run, service, &way, network::Sessions::MayBeGone).await?;
    }
    run.at(Step::Names).await?;
    names::publish_of(context, service).await?;
    run.at(Step::Remove).await?;
    context
        .postgres
        .delete(&spec(context, service))
        .await
        .during("deleting PostgreSQL")?;
    run.go_on()?;
    let mut tx = run.begin().await?;
    run.succeed(&mut tx).await?;
    services::delete(&mut *tx, &service.id).await?;
    tx.commit().await?;
    Ok(())
}

pub(crate) fn spec(context: &Context, service: &Kept) -> ServiceSpec {
    ServiceSpec {
        id: service.id.clone(),
        region: service.region_code.clone(),
        kind: match &service.origin {
            Origin::Made(password_verifier) => ServiceKind::Made(Made {
                names: Names::of(&service.id, &service.project_id, &context.domain).all(),
                password_verifier: password_verifier.clone(),
                addons: service.addons.clone(),
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
    which: Which,
) -> Result<Ended, Failure> {
    context
        .postgres
        .end_sessions(&spec(context, service), sources, which)
        .await
        .during("ending sessions by the former way")
}
