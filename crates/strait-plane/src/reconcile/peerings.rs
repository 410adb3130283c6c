//! The peering connections of a Peering VPC: asked for, watched, let in or not, taken away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ipnet::Ipv4Net;
use jiff::Timestamp;
use tokio::task::{JoinError, JoinSet};

use super::Context;
use super::failure::{During, Failure};
use super::run::Run;
use crate::admission::{Candidate, Verdict, admit};
use crate::cloud::{
    CloudError, PeerState, PeeringObserved, PeeringSpec, looking, under_same_fence,
};
use crate::model::{Action, ObjectKind, OperationState, PeeringState, Reason, Step, Vpc};
use crate::store::peerings::{self as kept, Kept};
use crate::store::{allow, vpcs};

/// The code of ranges that the customer has not got.
pub(crate) const RANGE_ELSEWHERE: &str = "peer_range_elsewhere";

/// Makes the connections of this VPC what they should be. One that fails does not hold up the others.
pub(super) async fn settle(run: &Run<'_>, vpc: &Vpc) -> Result<(), Failure> {
    let context = run.context;
    let mut worst = Ok(());
    let mut all = kept::list(&context.pool, &vpc.id).await?;
    if all.iter().any(Kept::is_clearing) {
        worst = clear(run, vpc, &all).await?;
        all = kept::list(&context.pool, &vpc.id).await?;
    }
    // Pairs of VPCs that are still peered by one that is to go: AWS has one at a time.
    let mut taken = BTreeSet::new();
    for peering in all.iter().filter(|peering| peering.is_leaving()) {
        let deleted = delete(run, vpc, peering).await;
        let deleted = own(run, peering, deleted).await?;
        if deleted.is_err() && !peering.ended {
            taken.insert(peering.pair());
        }
        worst = worse(worst, deleted);
    }
    let waits = |peering: &Kept| {
        let is_taken = taken.contains(&peering.pair());
        peering.state == PeeringState::InitiatingRequest && (is_taken || peering.is_clearing())
    };
    let live: Vec<&Kept> = all
        .iter()
        .filter(|peering| is_live(peering.state) && !waits(peering))
        .collect();
    let mut asking = BTreeMap::new();
    for peering in &live {
        if peering.state == PeeringState::InitiatingRequest {
            asking.insert(peering.id.as_str(), ask(run, peering).await?);
        }
    }
    let mut looks = look(context, live.iter().map(|peering| peering.spec(vpc.spec()))).await;
    let mut unseen = BTreeSet::new();
    for peering in live {
        let Some(looked) = looks.remove(&peering.id) else {
            return Err(Failure::NotYet);
        };
        let asks = asking.get_mut(peering.id.as_str());
        let noted = note(run, peering, asks, looked).await;
        let noted = own(run, peering, noted).await?;
        if noted.is_err() {
            unseen.insert(peering.id.clone());
        }
        worst = worse(worst, noted);
    }
    let all = kept::list(&context.pool, &vpc.id).await?;
    run.go_on()?;
    worse(worst, let_in(run, vpc, &all, &unseen).await?)
}

/// Takes away what the requests let in before that are asked for again.
async fn clear(run: &Run<'_>, vpc: &Vpc, all: &[Kept]) -> Result<Result<(), Failure>, Failure> {
    let mut worst = Ok(());
    for peering in all.iter().filter(|peering| peering.is_clearing()) {
        let told = tell(run, vpc, peering, &BTreeSet::new()).await;
        worst = worse(worst, own(run, peering, told).await?);
    }
    Ok(worst)
}

/// The run of what a customer is asked by.
async fn ask<'a>(run: &Run<'a>, peering: &Kept) -> Result<Run<'a>, Failure> {
    let mut own = run.of(ObjectKind::Peering, &peering.id).await?;
    if (own.operation()).is_some_and(|one| one.shown.action == Action::PeeringDelete) {
        // It is to be deleted by now.
        return Err(Failure::NotYet);
    }
    own.at(Step::Ask).await?;
    Ok(own)
}

/// Takes a connection away and forgets it.
pub(super) async fn delete(run: &Run<'_>, vpc: &Vpc, peering: &Kept) -> Result<(), Failure> {
    run.boundary(Step::Remove)?;
    let mut own = run.of(ObjectKind::Peering, &peering.id).await?;
    own.at(Step::Remove).await?;
    run.context
        .cloud
        .delete_peering(&peering.spec(vpc.spec()))
        .await
        .during("deleting the peering connection")?;
    let mut tx = run.begin().await?;
    kept::delete(&mut *tx, &peering.id).await?;
    if !peering.admitted_cidrs.is_empty() {
        allow::peers_changed(&mut *tx, &vpc.id).await?;
    }
    // It may have been asked for meanwhile.
    own.look_again(&mut tx, ObjectKind::Peering, &peering.id)
        .await?;
    let action = own.operation().map(|operation| operation.shown.action);
    if action.is_none_or(|action| action == Action::PeeringDelete) {
        own.succeed(&mut tx).await?;
    } else {
        // It goes with its VPC.
        let gone = Reason {
            code: "superseded".to_owned(),
            message: "the peering connection is deleted".to_owned(),
        };
        own.end(&mut tx, OperationState::Cancelled, Some(&gone), None)
            .await?;
    }
    tx.commit().await?;
    Ok(())
}

/// What a look at the cloud is compared with, as long as nobody writes to the store.
#[derive(Default)]
pub(super) struct Remembered {
    /// The count of changes when it was read; none: it never was.
    at: Option<u64>,
    all: Arc<Vec<(Kept, PeeringSpec)>>,
}

/// Peering VPCs where something is not as it was kept: a customer accepted, added a range, deleted.
pub(super) async fn changed(context: &Context) -> Result<BTreeSet<String>, Failure> {
    let all = remembered(context).await?;
    let mut tasks = JoinSet::new();
    for index in 0..all.len() {
        let (cloud, all) = (Arc::clone(&context.cloud), Arc::clone(&all));
        tasks.spawn(async move {
            let (peering, spec) = &all[index];
            // Only the VPC's own reconciler has the lease to ask anew.
            let looked = looking(cloud.ensure_peering(spec)).await;
            is_changed(peering, looked).then(|| peering.vpc_id.clone())
        });
    }
    let mut changed = BTreeSet::new();
    while let Some(looked) = tasks.join_next().await {
        match looked {
            Ok(vpc) => changed.extend(vpc),
            Err(error) => broke(&error),
        }
    }
    Ok(changed)
}

fn is_changed(peering: &Kept, looked: Result<PeeringObserved, CloudError>) -> bool {
    match looked {
        Ok(observed) => {
            differs(peering, &observed) || (peering.reason.is_none() && !is_let_in(peering))
        }
        // A failure is shown by the VPC's reconciler, once; while it lasts, the retry of that one is enough.
        Err(_) => peering.reason.is_none(),
    }
}

fn broke(error: &JoinError) {
    tracing::error!(%error, "a look at a peering connection broke; this is a defect of Strait, please report it");
}

async fn remembered(context: &Context) -> Result<Arc<Vec<(Kept, PeeringSpec)>>, Failure> {
    let mut remembered = context.remembered.lock().await;
    let count = *context.changes.borrow();
    if remembered.at == Some(count) {
        return Ok(Arc::clone(&remembered.all));
    }
    let mut all = Vec::new();
    let mut vpc: Option<Vpc> = None;
    for peering in kept::observable(&context.pool).await? {
        if vpc.as_ref().is_none_or(|vpc| vpc.id != peering.vpc_id) {
            vpc = vpcs::get(&context.pool, &peering.vpc_id).await?;
        }
        if let Some(vpc) = &vpc {
            let spec = peering.spec(vpc.spec());
            all.push((peering, spec));
        }
    }
    let all = Arc::new(all);
    context.watched.store(all.len(), Ordering::Relaxed);
    *remembered = Remembered {
        at: Some(count),
        all: Arc::clone(&all),
    };
    Ok(all)
}

/// Asks the cloud for all of them at a time.
async fn look(
    context: &Context,
    specs: impl IntoIterator<Item = PeeringSpec>,
) -> BTreeMap<String, Result<PeeringObserved, CloudError>> {
    let mut tasks = JoinSet::new();
    for spec in specs {
        let cloud = Arc::clone(&context.cloud);
        tasks.spawn(under_same_fence(async move {
            let observed = cloud.ensure_peering(&spec).await;
            (spec.id, observed)
        }));
    }
    let mut looks = BTreeMap::new();
    while let Some(looked) = tasks.join_next().await {
        match looked {
            Ok((id, observed)) => {
                looks.insert(id, observed);
            }
            Err(error) => broke(&error),
        }
    }
    looks
}

async fn note(
    run: &Run<'_>,
    peering: &Kept,
    asks: Option<&mut Run<'_>>,
    looked: Result<PeeringObserved, CloudError>,
) -> Result<(), Failure> {
    let observed = looked.during("asking for the peering connection")?;
    let pending = observed.state == PeerState::PendingAcceptance;
    let clears = pending && peering.reason.is_some();
    if asks.is_none() && !clears && !differs(peering, &observed) {
        return Ok(());
    }
    let mut tx = run.begin().await?;
    if differs(peering, &observed) {
        kept::observed(&mut *tx, &peering.id, state(observed.state), &observed).await?;
    }
    if let Some(own) = asks {
        match observed.state {
            PeerState::Failed => {
                let why = Reason {
                    code: "peering_failed".to_owned(),
                    message: observed.message.clone(),
                };
                own.end(&mut tx, OperationState::Failed, Some(&why), None)
                    .await?;
            }
            PeerState::PendingAcceptance
            | PeerState::Active
            | PeerState::Expired
            | PeerState::Rejected
            | PeerState::Deleted => own.succeed(&mut tx).await?,
        }
    }
    if clears {
        kept::explain(&mut *tx, peering, None, false).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Lets in those whose ranges are free, and says of each why it is not as it should be.
/// The reason of those that could not be looked at is that.
async fn let_in(
    run: &Run<'_>,
    vpc: &Vpc,
    all: &[Kept],
    unseen: &BTreeSet<String>,
) -> Result<Result<(), Failure>, Failure> {
    let mut verdicts = admit(
        all.iter()
            .filter(|peering| peering.state == PeeringState::Active)
            .map(|peering| Candidate {
                id: &peering.id,
                peer_vpc: &peering.peer_vpc_id,
                since: peering.created,
                ranges: &peering.welcome_cidrs,
                admitted: &peering.admitted_cidrs,
            })
            .collect(),
    );
    let mut worst = Ok(());
    let mut work: Vec<(&Kept, Verdict)> = all
        .iter()
        .filter_map(|peering| match verdicts.remove(peering.id.as_str()) {
            Some(verdict) => Some((peering, verdict)),
            // What ended is let in no longer.
            None if peering.state.has_ended() => Some((peering, Verdict::default())),
            None => None,
        })
        .collect();
    // Ranges are given up before others get them: a route has one target.
    work.sort_by_key(|(peering, verdict)| peering.admitted_cidrs.is_subset(&verdict.ranges));
    for (peering, verdict) in work {
        let told = tell(run, vpc, peering, &verdict.ranges).await;
        if let Err(Failure::Shown { .. }) = &told {
            worst = worse(worst, own(run, peering, told).await?);
            continue;
        }
        told?;
        let reason = verdict
            .reason
            .or_else(|| ended_reason(peering))
            .or_else(|| elsewhere_reason(peering));
        let refused = reason.is_some();
        if !unseen.contains(&peering.id) && (&peering.reason, peering.refused) != (&reason, refused)
        {
            run.write(async |db| kept::explain(db, peering, reason.as_ref(), refused).await)
                .await?;
        }
    }
    Ok(worst)
}

/// Tells the cloud whom to let in. What ended and was never let in is nothing to tell of.
async fn tell(
    run: &Run<'_>,
    vpc: &Vpc,
    peering: &Kept,
    ranges: &BTreeSet<Ipv4Net>,
) -> Result<(), Failure> {
    if peering.state.has_ended() && peering.admitted_cidrs.is_empty() {
        return Ok(());
    }
    run.context
        .cloud
        .admit_peer(&peering.spec(vpc.spec()), ranges)
        .await
        .during("letting the customer's ranges in")?;
    if peering.admitted_cidrs != *ranges {
        let all = *ranges == peering.welcome_cidrs;
        run.write(async |db| {
            kept::admitted(&mut *db, &peering.id, ranges, all).await?;
            allow::peers_changed(db, &vpc.id).await
        })
        .await?;
    }
    Ok(())
}

/// A failure that is one connection's own is shown there, and counts as "not yet" for its VPC.
async fn own(
    run: &Run<'_>,
    peering: &Kept,
    outcome: Result<(), Failure>,
) -> Result<Result<(), Failure>, Failure> {
    match outcome {
        Ok(()) => Ok(Ok(())),
        Err(Failure::Shown { reason, refused }) => {
            let why = Some(&reason);
            run.write(async |db| kept::explain(db, peering, why, refused).await)
                .await?;
            let mut own = run.of(ObjectKind::Peering, &peering.id).await?;
            own.held_up(why).await?;
            Ok(Err(Failure::Elsewhere))
        }
        Err(failure @ (Failure::NotYet | Failure::After(_) | Failure::Elsewhere)) => {
            Ok(Err(failure))
        }
        Err(failure @ (Failure::Stopping | Failure::Lost | Failure::Store(_))) => Err(failure),
    }
}

fn worse(one: Result<(), Failure>, other: Result<(), Failure>) -> Result<(), Failure> {
    one.and(other)
}

fn is_live(state: PeeringState) -> bool {
    match state {
        PeeringState::InitiatingRequest
        | PeeringState::PendingAcceptance
        | PeeringState::Active => true,
        PeeringState::Failed
        | PeeringState::Expired
        | PeeringState::Rejected
        | PeeringState::Deleted
        | PeeringState::Deleting => false,
    }
}

/// Whether an active one is let in as a whole.
fn is_let_in(peering: &Kept) -> bool {
    peering.state != PeeringState::Active || peering.admitted_cidrs == peering.welcome_cidrs
}

fn differs(peering: &Kept, observed: &PeeringObserved) -> bool {
    let micros = |time: &Option<Timestamp>| time.map(Timestamp::as_microsecond);
    peering.provisioned_id.as_ref() != Some(&observed.provisioned_id)
        || peering.accepter_provisioned_id.as_ref() != Some(&observed.accepter_provisioned_id)
        || peering.state != state(observed.state)
        || peering.cloud_message != observed.message
        || micros(&peering.expires_at) != micros(&observed.expires_at)
        || peering.peer_cidrs != observed.peer_ranges
}

fn state(state: PeerState) -> PeeringState {
    match state {
        PeerState::PendingAcceptance => PeeringState::PendingAcceptance,
        PeerState::Active => PeeringState::Active,
        PeerState::Failed => PeeringState::Failed,
        PeerState::Expired => PeeringState::Expired,
        PeerState::Rejected => PeeringState::Rejected,
        PeerState::Deleted => PeeringState::Deleted,
    }
}

/// Why those ranges that were asked for do not come in: the customer has not got them.
fn elsewhere_reason(peering: &Kept) -> Option<Reason> {
    let asked = (peering.asked_cidrs.as_ref()).filter(|_| peering.state == PeeringState::Active)?;
    let has = |asked: &Ipv4Net| {
        let mut ranges = peering.peer_cidrs.iter();
        ranges.any(|range| range.contains(asked) || asked.contains(range))
    };
    let missing: Vec<String> = (asked.iter().filter(|range| !has(range)))
        .map(ToString::to_string)
        .collect();
    if missing.is_empty() {
        return None;
    }
    let ranges: Vec<String> = peering.peer_cidrs.iter().map(ToString::to_string).collect();
    Some(Reason {
        code: RANGE_ELSEWHERE.to_owned(),
        message: format!(
            "only {} may come in by this peering connection, and {} has {}: nothing comes from {}; give ranges that it has (`peer_cidr_blocks`)",
            asked
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
            peering.peer_vpc_id,
            ranges.join(", "),
            missing.join(", "),
        ),
    })
}

/// Why nothing comes of one that ended.
fn ended_reason(peering: &Kept) -> Option<Reason> {
    let (code, what) = match peering.state {
        PeeringState::Failed => (
            "peering_failed",
            "AWS refused it. Check the customer's account, VPC id and Region, and that its range does not overlap that \
             of the Peering VPC; then delete this peering connection and ask again",
        ),
        PeeringState::Expired => (
            "peering_expired",
            "The customer did not accept it within 7 days. Delete this peering connection and ask again",
        ),
        PeeringState::Rejected => (
            "peering_rejected",
            "The customer rejected it. Delete this peering connection; ask again if that was a mistake",
        ),
        PeeringState::Deleted => (
            "peering_deleted",
            "It was deleted in AWS, most likely by the customer. Delete this peering connection; ask again if it is \
             still wanted",
        ),
        PeeringState::InitiatingRequest
        | PeeringState::PendingAcceptance
        | PeeringState::Active
        | PeeringState::Deleting => return None,
    };
    let message = match peering.cloud_message.trim() {
        "" => format!("{what}."),
        words => format!("{what}. AWS says: {words}"),
    };
    Some(Reason {
        code: code.to_owned(),
        message,
    })
}
