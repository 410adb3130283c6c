//! Moves a service from one way to another: the new way up and probed, names switched, the old way closed.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::failure::{During, Failure};
use super::run::Run;
use super::{allow, names, service};
use crate::cloud::{Sources, WayKind, WaySpec};
use crate::model::{Network, Reason, Step, VpcStatus};
use crate::postgres::{Ended, Which};
use crate::store::services::{self, Kept as Service, Origin};
use crate::store::vpcs;
use crate::store::ways::{self, Kept as Way, Open};

/// How long one run waits for a way to be ready; the next run goes on.
const READY_PATIENCE: Duration = Duration::from_secs(2);
/// How long sessions that were told to end may take for their FINs; then the way's removal resets them.
const SESSION_PATIENCE: Duration = Duration::from_secs(1);
/// For the FINs of sessions that have ended to pass the way.
const FIN_GRACE: Duration = Duration::from_millis(50);

/// Whether a way's sessions must be seen to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sessions {
    /// They must.
    MustEnd,
    /// PostgreSQL may not even run any more.
    MayBeGone,
}

/// While a way is drained: how long idle sessions are ended in one go.
const DRAIN_PACE: Duration = Duration::from_millis(500);

/// The code of what waits for its Peering VPC to be made.
const VPC_IS_BEING_MADE: &str = "vpc_creating";

/// Makes the wanted way the only one.
pub(super) async fn settle(run: &mut Run<'_>, service: &Service) -> Result<(), Failure> {
    let context = run.context;
    let target = &service.wanted_network;
    let moves = service.current.as_ref().map(|current| &current.network) != Some(target);
    if moves {
        keep_current(run, service).await;
        wait_for_vpc(run, target).await?;
    }
    if moves && is_its_own(service, target) {
        take_up(run, service).await?;
    }
    let kept = ways::list(&context.pool, &service.id).await?;
    run.at(Step::Open).await?;
    let way = kept.iter().find(|way| way.network == *target);
    let open = open(run, service, way).await?;
    if moves {
        run.at(Step::Probe).await?;
        context
            .cloud
            .probe_way(&spec(service, target))
            .await
            .during(&format!("trying the {} way before the move", word(target)))?;
        run.at(Step::Names).await?;
        run.go_on()?;
        let switched = run
            .write(async |db| services::switch(db, &service.id, target).await)
            .await?;
        if !switched {
            // It is to be deleted by now.
            return Err(Failure::NotYet);
        }
    }
    if moves || run.operation().is_some() || !names::lead(context, service, target, &open).await {
        names::publish_of(context, service).await?;
    }
    if moves && is_registered(service) && *target != Network::Public {
        advise(run, service).await?;
    }
    for way in kept.iter().filter(|way| way.network != *target) {
        drain(run, service, way).await?;
        run.at(Step::Close).await?;
        close(run, service, way, Sessions::MustEnd).await?;
    }
    if !moves && is_registered(service) && *target != Network::Public {
        // Whoever else keeps the rules of the service may have opened it again.
        let public = spec(service, &Network::Public);
        run.go_on()?;
        let closed = context.cloud.refuse_way(&public).await;
        closed.during("keeping the public way closed")?;
    }
    Ok(())
}

/// A way through a Peering VPC that is just being made comes after that.
async fn wait_for_vpc(run: &mut Run<'_>, network: &Network) -> Result<(), Failure> {
    let Some(id) = network.vpc() else {
        return Ok(());
    };
    let Some(vpc) = vpcs::get(&run.context.pool, id).await? else {
        return Err(impossible("vpc_gone", format!("VPC {id} is gone")));
    };
    let named = format!("VPC {} ({:?})", vpc.id, vpc.name);
    match vpc.status {
        VpcStatus::Creating if run.is_out_of_time() => Err(impossible(
            VPC_IS_BEING_MADE,
            format!("{named} is still not made"),
        )),
        VpcStatus::Creating => {
            let why = Reason {
                code: VPC_IS_BEING_MADE.to_owned(),
                message: format!("waits for {named}, which is just being made"),
            };
            run.held_up(Some(&why)).await?;
            Err(Failure::NotYet)
        }
        VpcStatus::Failed => {
            let why = vpc.error_message.unwrap_or_default();
            let message = format!("{named} could not be made: {why}");
            Err(impossible("vpc_failed", message))
        }
        VpcStatus::Deleting if vpc.provisioned_id.is_none() => Err(impossible(
            "vpc_deleting",
            format!("{named} is being deleted"),
        )),
        // Until services have left it, one that is being deleted is there.
        VpcStatus::Created | VpcStatus::Deleting => {
            let held_up = run.operation().and_then(|one| one.shown.reason.as_ref());
            if held_up.is_some_and(|why| why.code == VPC_IS_BEING_MADE) {
                run.held_up(None).await?;
            }
            Ok(())
        }
    }
}

fn impossible(code: &str, message: String) -> Failure {
    Failure::Shown {
        reason: Reason {
            code: code.to_owned(),
            message,
        },
        refused: true,
    }
}

/// Lets the sessions by the former way come to their end, for as long as was asked: idle ones are ended at once, so that
/// clients come back by the new way; others when they are idle.
async fn drain(run: &mut Run<'_>, service: &Service, way: &Way) -> Result<(), Failure> {
    let Some(operation) = run.operation() else {
        return Ok(());
    };
    let seconds = operation.drain_seconds;
    if seconds == 0 || operation.former.as_ref() != Some(&way.network) || way.closing {
        return Ok(());
    }
    let Some(open) = &way.open else {
        return Ok(());
    };
    run.at(Step::Drain).await?;
    let left = run
        .write(async |db| ways::drained_in(db, &service.id, &way.network, seconds).await)
        .await?;
    if left.is_zero() {
        return Ok(());
    }
    let pace = left.min(DRAIN_PACE);
    let begun = Instant::now();
    run.go_on()?;
    // Who cannot be asked to end sessions is not asked to wait for them either: the time is what counts.
    if let Err(failure) =
        service::end_sessions(run.context, service, &open.sources, Which::Idle(pace)).await
    {
        tracing::info!(
            service = service.id,
            ?failure,
            "idle sessions are not ended"
        );
    }
    Err(Failure::After(pace.saturating_sub(begun.elapsed())))
}

/// Whether it is the public way of a service that Strait did not make.
pub(super) fn is_its_own(service: &Service, network: &Network) -> bool {
    is_registered(service) && *network == Network::Public
}

fn is_registered(service: &Service) -> bool {
    match service.origin {
        Origin::Registered(_) => true,
        Origin::Made(_) => false,
    }
}

/// The public way of a service that exists: at first it is looked at and left as it is; after a move back it is opened.
async fn take_up(run: &mut Run<'_>, service: &Service) -> Result<(), Failure> {
    let context = run.context;
    let spec = spec(service, &Network::Public);
    if service.current.is_none() {
        run.at(Step::Look).await?;
        let checked = context.cloud.check_registration(&spec).await;
        checked.during("looking at the service")?;
        return advise(run, service).await;
    }
    run.at(Step::Open).await?;
    // It is there from now on, to be closed again if this comes to nothing.
    run.write(async |db| ways::intend(db, &service.id, &Network::Public).await)
        .await?;
    run.go_on()?;
    let opened = context.cloud.reopen_way(&spec).await;
    opened.during("opening the public way")
}

/// Notes what its operator should know before clients come by a private way.
async fn advise(run: &Run<'_>, service: &Service) -> Result<(), Failure> {
    let spec = service::spec(run.context, service);
    let Some(advice) = run.context.postgres.advice(&spec).await else {
        return Ok(());
    };
    run.write(async |db| services::notice(db, &service.id, &advice).await)
        .await
}

/// Sees to it that a stopped service's way is there.
pub(super) async fn keep(run: &Run<'_>, service: &Service) -> Result<(), Failure> {
    let context = run.context;
    let Some(current) = &service.current else {
        return Ok(());
    };
    let allowed = allow::allowed(run, service, &current.network).await?;
    let way = spec(service, &current.network);
    if context.with_found(|found| found.ways.get(&way) == Some(&allowed)) {
        return Ok(());
    }
    ensure_ready(run, service, &current.network, Some(&current.open)).await?;
    names::publish_of(context, service).await
}

/// Closes a way so that no client hangs, and forgets it.
pub(super) async fn close(
    run: &Run<'_>,
    service: &Service,
    way: &Way,
    sessions: Sessions,
) -> Result<(), Failure> {
    let context = run.context;
    let spec = spec(service, &way.network);
    let step = format!("closing the {} way", word(&way.network));
    run.write(async |db| ways::closing(db, &service.id, &way.network).await)
        .await?;
    context.with_found(|found| found.ways.remove(&spec));
    if way.open.is_some() || is_its_own(service, &way.network) {
        run.go_on()?;
        context.cloud.refuse_way(&spec).await.during(&step)?;
    }
    if let Some(open) = &way.open {
        match end_sessions(run, service, open).await {
            Ok(()) => {}
            Err(failure) if sessions == Sessions::MustEnd => return Err(failure),
            Err(failure) => {
                tracing::info!(
                    service = service.id,
                    ?failure,
                    "sessions not ended in PostgreSQL; their way is removed"
                );
            }
        }
    }
    run.go_on()?;
    context.cloud.remove_way(&spec).await.during(&step)?;
    run.go_on()?;
    run.write(async |db| {
        ways::closed(&mut *db, &service.id, &way.network).await?;
        match way.network.vpc() {
            Some(vpc) => vpcs::tell_if_leaving(db, vpc).await,
            None => Ok(()),
        }
    })
    .await
}

/// Makes the way, or finds it, and notes where it leads.
async fn open(run: &Run<'_>, service: &Service, kept: Option<&Way>) -> Result<Open, Failure> {
    let network = &service.wanted_network;
    let half_closed = kept.filter(|way| way.closing && !is_its_own(service, network));
    if let Some(way) = half_closed {
        // It refuses connections, half closed; it starts anew.
        close(run, service, way, Sessions::MustEnd).await?;
    }
    if kept.is_none_or(|way| way.closing) {
        run.write(async |db| ways::intend(db, &service.id, network).await)
            .await?;
    }
    let known = kept
        .filter(|way| !way.closing)
        .and_then(|way| way.open.as_ref());
    ensure_ready(run, service, network, known).await
}

pub(super) async fn ensure_ready(
    run: &Run<'_>,
    service: &Service,
    network: &Network,
    known: Option<&Open>,
) -> Result<Open, Failure> {
    let context = run.context;
    let spec = spec(service, network);
    let allowed = allow::allowed(run, service, network).await?;
    let step = format!("opening the {} way", word(network));
    let patience = Instant::now() + READY_PATIENCE;
    let mut pause = Duration::from_millis(10);
    loop {
        run.go_on()?;
        let id = known.map(|open| open.provisioned_id.as_str());
        let observed = context.cloud.ensure_way(&spec, &allowed, id).await;
        let observed = observed.during(&step)?;
        if observed.ready {
            let open = Open::from(observed);
            if known != Some(&open) {
                run.write(async |db| ways::opened(db, &service.id, network, &open).await)
                    .await?;
            }
            if context.with_found(|found| found.ways.get(&spec) != Some(&allowed)) {
                allow::cut_off(run, service, &spec, &allowed).await?;
            }
            context.with_found(|found| found.ways.insert(spec, allowed));
            return Ok(open);
        }
        if Instant::now() + pause > patience {
            return Err(Failure::NotYet);
        }
        sleep(pause).await;
        pause *= 2;
    }
}

/// Before a move: the way that the service has must be there after a start, but is no reason not to move.
async fn keep_current(run: &Run<'_>, service: &Service) {
    if let Err(failure) = keep(run, service).await {
        tracing::warn!(
            service = service.id,
            ?failure,
            "the present way is not as it should be; moving on"
        );
    }
}

async fn end_sessions(run: &Run<'_>, service: &Service, open: &Open) -> Result<(), Failure> {
    if open.sources == Sources::These(BTreeSet::new()) {
        return Ok(());
    }
    let patience = Instant::now() + SESSION_PATIENCE;
    let mut ended = 0;
    loop {
        // Another server may have opened the way again.
        run.go_on()?;
        let ended_now = service::end_sessions(run.context, service, &open.sources, Which::All);
        match ended_now.await? {
            Ended::Sessions(0) => {
                if ended > 0 {
                    sleep(FIN_GRACE).await;
                }
                return Ok(());
            }
            Ended::Sessions(more) => ended += more,
            Ended::NotAllowed(why) => {
                return run
                    .write(async |db| services::notice(db, &service.id, &why).await)
                    .await;
            }
        }
        if Instant::now() >= patience {
            return Ok(());
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// What the cloud is told of a way.
pub(crate) fn spec(service: &Service, network: &Network) -> WaySpec {
    WaySpec {
        service: service.id.clone(),
        region: service.region_code.clone(),
        kind: match network {
            Network::Public => WayKind::Public,
            Network::Vpc(vpc) => WayKind::Private { vpc: vpc.clone() },
        },
        registration: match &service.origin {
            Origin::Made(_) => None,
            Origin::Registered(registration) => Some(registration.clone()),
        },
    }
}

fn word(network: &Network) -> &'static str {
    match network {
        Network::Public => "public",
        Network::Vpc(_) => "private",
    }
}
