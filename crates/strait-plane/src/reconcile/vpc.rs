//! Makes one Peering VPC and its peering connections what they were asked to be.

use super::failure::{During, Failure};
use super::peerings;
use super::run::Run;
use crate::error::PlaneError;
use crate::model::{Action, ObjectKind, OperationState, Reason, Step, Vpc, VpcStatus};
use crate::store::{peerings as kept, vpcs};
use crate::wish;

/// The code of what waits for a range that another VPC still has.
const RANGE_IS_LEFT: &str = "range_is_left";

pub(super) async fn reconcile(run: &mut Run<'_>, id: &str) -> Result<(), Failure> {
    let Some(vpc) = vpcs::get(&run.context.pool, id).await? else {
        return Ok(());
    };
    run.take_up_of(ObjectKind::Vpc, id).await?;
    run.in_region(&vpc.region_code);
    let outcome = match vpc.status {
        VpcStatus::Creating | VpcStatus::Failed | VpcStatus::Created => keep(run, &vpc).await,
        VpcStatus::Deleting => delete(run, &vpc).await,
    };
    if let Err(Failure::Shown { reason, refused }) = &outcome {
        blame(run, &vpc, reason, *refused).await?;
    }
    outcome
}

/// What the cloud will not make has failed; it is tried all the same, and a deletion is tried until it is done.
async fn blame(
    run: &mut Run<'_>,
    vpc: &Vpc,
    reason: &Reason,
    refused: bool,
) -> Result<(), Failure> {
    let mut tx = run.begin().await?;
    vpcs::blame(&mut *tx, vpc, reason, refused).await?;
    let makes = (run.operation()).is_some_and(|one| one.shown.action == Action::VpcCreate);
    if refused && makes {
        vpcs::tell_those_who_wait(&mut *tx, &vpc.id).await?;
        run.end(&mut tx, OperationState::Failed, Some(reason), None)
            .await?;
    }
    tx.commit().await?;
    run.held_up(Some(reason)).await
}

async fn keep(run: &mut Run<'_>, vpc: &Vpc) -> Result<(), Failure> {
    let context = run.context;
    let found = vpc.status == VpcStatus::Created
        && context.with_found(|found| found.vpcs.contains(&vpc.id));
    if !found {
        wait_for_predecessor(run, vpc).await?;
        run.at(Step::Make).await?;
        let observed = context
            .cloud
            .ensure_vpc(&vpc.spec())
            .await
            .during("making the Peering VPC")?;
        let changed = vpc.status != VpcStatus::Created
            || vpc.reason.is_some()
            || vpc.provisioned_id.as_ref() != Some(&observed.provisioned_id);
        if changed {
            let mut tx = run.begin().await?;
            if !vpcs::made(&mut *tx, &vpc.id, &observed.provisioned_id).await? {
                // It is to be deleted by now.
                return Err(Failure::NotYet);
            }
            vpcs::tell_those_who_wait(&mut *tx, &vpc.id).await?;
            run.succeed(&mut tx).await?;
            tx.commit().await?;
        }
        context.with_found(|found| found.vpcs.insert(vpc.id.clone()));
    }
    peerings::settle(run, vpc).await?;
    if vpc.reason.is_some() {
        run.write(async |db| vpcs::clear_reason(db, &vpc.id).await)
            .await?;
    }
    Ok(())
}

/// One that is to be made in the range of one that is just being deleted comes after that.
async fn wait_for_predecessor(run: &mut Run<'_>, vpc: &Vpc) -> Result<(), Failure> {
    if vpc.status == VpcStatus::Created {
        return Ok(());
    }
    let Some(other) = vpcs::predecessor(&run.context.pool, vpc).await? else {
        let held_up = run.operation().and_then(|one| one.shown.reason.as_ref());
        return match held_up.is_some_and(|why| why.code == RANGE_IS_LEFT) {
            true => run.held_up(None).await,
            false => Ok(()),
        };
    };
    let why = other.error_message.map(|why| format!(" ({why})"));
    let why = Reason {
        code: RANGE_IS_LEFT.to_owned(),
        message: format!(
            "waits for VPC {} ({:?}), which has {} and is just being deleted{}",
            other.id,
            other.name,
            other.cidr,
            why.unwrap_or_default()
        ),
    };
    run.held_up(Some(&why)).await?;
    Err(Failure::NotYet)
}

/// What uses it leaves first. Until something is taken away the deletion can be given up.
async fn delete(run: &mut Run<'_>, vpc: &Vpc) -> Result<(), Failure> {
    let context = run.context;
    let users = vpcs::users(&context.pool, &vpc.id).await?;
    if !users.is_empty() {
        return Err(Failure::Shown {
            reason: let_go(run, vpc, &users).await?,
            refused: false,
        });
    }
    let begun = run
        .write(async |db| vpcs::remove(db, &vpc.id).await)
        .await?;
    if !begun {
        // The deletion was given up meanwhile.
        return Err(Failure::NotYet);
    }
    run.held_up(None).await?;
    run.at(Step::Remove).await?;
    for peering in kept::list(&context.pool, &vpc.id).await? {
        peerings::delete(run, vpc, &peering).await?;
    }
    run.boundary(Step::Remove)?;
    context
        .cloud
        .delete_vpc(&vpc.spec())
        .await
        .during("deleting the Peering VPC")?;
    context.with_found(|found| found.vpcs.remove(&vpc.id));
    let mut tx = run.begin().await?;
    vpcs::delete(&mut tx, vpc).await?;
    run.succeed(&mut tx).await?;
    tx.commit().await?;
    Ok(())
}

/// Asks those to leave again that came back because they could not, and says what is in the way.
async fn let_go(run: &Run<'_>, vpc: &Vpc, users: &[vpcs::User]) -> Result<Reason, Failure> {
    let mut in_the_way = Vec::new();
    for user in users {
        let what = format!("service {} ({:?})", user.id, user.name);
        if !user.attached || user.open {
            in_the_way.push(format!("{what} is just leaving it"));
            continue;
        }
        let why = match &user.failed {
            Some(why) => format!("{what} could not be detached: {why}"),
            None => format!("{what} uses it"),
        };
        let then = if user.rests {
            "Strait tries again by itself".to_owned()
        } else {
            match ask_to_leave(run, vpc, user).await? {
                None => "Strait tries again now".to_owned(),
                Some(refusal) => refusal,
            }
        };
        in_the_way.push(format!("{why} ({then})"));
    }
    Ok(Reason {
        code: "vpc_in_use".to_owned(),
        message: format!(
            "{}. See to what is said, then `strait vpc delete {} --cascade` tries at once; `strait vpc cancel-deletion {}` gives \
             the deletion up",
            in_the_way.join("; "),
            vpc.id,
            vpc.id
        ),
    })
}

/// As whoever asked for the deletion. Why that cannot be, if it cannot.
async fn ask_to_leave(
    run: &Run<'_>,
    vpc: &Vpc,
    user: &vpcs::User,
) -> Result<Option<String>, Failure> {
    let actor = match run.operation() {
        Some(operation) => operation.shown.actor.as_str(),
        None => "strait",
    };
    let mut tx = run.begin().await?;
    if vpcs::lock(&mut tx, &vpc.id).await? != Some(VpcStatus::Deleting) {
        // The deletion was given up meanwhile.
        return Err(Failure::NotYet);
    }
    match wish::leave(&mut tx, actor, &vpc.id, &user.id).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(None)
        }
        Err(PlaneError::Conflict { message }) => Ok(Some(message)),
        Err(error) => Err(error.into()),
    }
}
