//! Who may come by a service's ways.

use super::failure::{During, Failure};
use super::network::{ensure_ready, is_its_own, spec};
use super::run::Run;
use crate::cloud::{Allowed, CutOff, WaySpec};
use crate::model::{Action, Network, Step};
use crate::store::services::{self, Kept as Service};
use crate::store::{allow, ways};

/// What the operator is told where the cloud does not end sessions by the clients' addresses.
const SESSIONS_GO_ON: &str = "sessions that were open from addresses that are no longer allowed go on until they end: AWS ends no connection because a rule is gone; new ones are refused. To end them at once, end them in PostgreSQL";

/// Lets in by the ways that are open whom the lists name, before all else and whatever becomes of the rest: also while the
/// service is stopped, does not start, or waits for the end of a move.
///
/// What is wrong with a way keeps the service neither from starting nor from stopping, which try the wanted way again, nor
/// from leaving it. The failure inside: a former way is to be tried again.
pub(super) async fn restrict(
    run: &mut Run<'_>,
    service: &Service,
) -> Result<Result<(), Failure>, Failure> {
    run.at(Step::Allow).await?;
    let context = run.context;
    let mut restricted = Ok(());
    if service.allow.are_open() && !was_listed(run, service) {
        return Ok(restricted);
    }
    let mut all = ways::list(&context.pool, &service.id).await?;
    // Nobody waits for a former one.
    all.sort_by_key(|way| way.network != service.wanted_network);
    for way in all {
        let Some(open) = way.open.as_ref().filter(|_| !way.closing) else {
            continue;
        };
        if is_its_own(service, &way.network) || is_applied(run, service, &way.network).await? {
            continue;
        }
        match ensure_ready(run, service, &way.network, Some(open)).await {
            Ok(_) => {}
            Err(
                failure @ (Failure::Shown { .. }
                | Failure::NotYet
                | Failure::Elsewhere
                | Failure::After(_)),
            ) => {
                tracing::warn!(
                    service = service.id,
                    network = %way.network,
                    ?failure,
                    "a way does not let in whom its list names; trying again"
                );
                if way.network != service.wanted_network {
                    restricted = Err(Failure::NotYet);
                }
            }
            Err(failure @ (Failure::Stopping | Failure::Lost | Failure::Store(_))) => {
                return Err(failure);
            }
        }
    }
    Ok(restricted)
}

/// Whom the service's list lets in by this way.
pub(super) async fn allowed(
    run: &Run<'_>,
    service: &Service,
    network: &Network,
) -> Result<Allowed, Failure> {
    // Asked anew: a way that takes long to make must not be opened to whom was allowed when that began.
    let pool = &run.context.pool;
    let lists = allow::get(pool, &service.id).await?;
    Ok(allow::allowed(pool, &lists, network).await?)
}

/// Ends the sessions of those who may not come any more by a way that is open.
pub(super) async fn cut_off(
    run: &Run<'_>,
    service: &Service,
    way: &WaySpec,
    allowed: &Allowed,
) -> Result<(), Failure> {
    let context = run.context;
    if *allowed == Allowed::Everybody {
        return Ok(());
    }
    run.go_on()?;
    let cut = context.cloud.cut_off(way, allowed).await;
    match cut.during("ending sessions from addresses that are not allowed")? {
        CutOff::Ended(0) => Ok(()),
        CutOff::Ended(count) => {
            tracing::info!(
                service = service.id,
                count,
                "sessions from addresses that are not allowed were ended"
            );
            Ok(())
        }
        CutOff::GoOn => {
            let asked = run.operation().map(|operation| operation.shown.action);
            if asked != Some(Action::ServiceAllow) {
                return Ok(());
            }
            run.write(async |db| services::notice(db, &service.id, SESSIONS_GO_ON).await)
                .await
        }
    }
}

/// Whether a way of it let in only those of a list when this server saw to it last.
fn was_listed(run: &Run<'_>, service: &Service) -> bool {
    run.context.with_found(|found| {
        let mut ways = found.ways.iter();
        ways.any(|(way, allowed)| way.service == service.id && *allowed != Allowed::Everybody)
    })
}

/// Whether this server has seen to it already. A way that nothing was ever listed for is as it was made.
async fn is_applied(run: &Run<'_>, service: &Service, network: &Network) -> Result<bool, Failure> {
    let allowed = allowed(run, service, network).await?;
    let way = spec(service, network);
    let found = run
        .context
        .with_found(|found| found.ways.get(&way).cloned());
    Ok(match found {
        Some(found) => found == allowed,
        None => allowed == Allowed::Everybody,
    })
}
