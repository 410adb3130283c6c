//! Makes one Peering VPC and its peering connections what they were asked to be.

use super::failure::{During, Failure};
use super::peerings;
use super::run::Run;
use crate::error::PlaneError;
use crate::model::{Action, OperationState, Reason, Step, Vpc, VpcStatus};
use crate::store::{operations, peerings as kept, services, vpcs};

pub(super) async fn reconcile(run: &mut Run<'_>, id: &str) -> Result<(), Failure> {
    let context = run.context;
    let Some(vpc) = vpcs::get(&context.pool, id).await? else {
        return Ok(());
    };
    run.in_region(&vpc.region_code);
    let outcome = match vpc.status {
        VpcStatus::Creating | VpcStatus::Failed | VpcStatus::Created => keep(run, &vpc).await,
        VpcStatus::Deleting => delete(run, &vpc).await,
    };
    if let Err(Failure::Shown { reason, refused }) = &outcome {
        vpcs::blame(&context.pool, id, reason, *refused).await?;
        let pool = &context.pool;
        operations::explain_all(pool, &[Action::VpcDelete], id, Some(reason)).await?;
        if *refused {
            let failed = OperationState::Failed;
            operations::end_all(pool, &[Action::VpcCreate], id, failed, Some(reason)).await?;
        } else {
            operations::explain_all(pool, &[Action::VpcCreate], id, Some(reason)).await?;
        }
    }
    outcome
}

async fn keep(run: &Run<'_>, vpc: &Vpc) -> Result<(), Failure> {
    let context = run.context;
    let found = vpc.status == VpcStatus::Created
        && context.with_found(|found| found.vpcs.contains(&vpc.id));
    if !found {
        run.go_on()?;
        if vpc.status == VpcStatus::Creating {
            run.boundary(Step::Make)?;
        }
        let observed = context
            .cloud
            .ensure_vpc(&vpc.spec())
            .await
            .during("making the Peering VPC")?;
        let changed = vpc.status != VpcStatus::Created
            || vpc.reason.is_some()
            || vpc.provisioned_id.as_ref() != Some(&observed.provisioned_id);
        if changed {
            let mut tx = context.begin().await?;
            if !vpcs::made(&mut *tx, &vpc.id, &observed.provisioned_id).await? {
                // It is to be deleted by now.
                return Err(Failure::NotYet);
            }
            let done = OperationState::Succeeded;
            operations::end_all(&mut *tx, &[Action::VpcCreate], &vpc.id, done, None).await?;
            tx.commit().await.map_err(PlaneError::from)?;
        }
        context.with_found(|found| found.vpcs.insert(vpc.id.clone()));
    }
    peerings::settle(run, vpc).await?;
    if vpc.reason.is_some() {
        vpcs::clear_reason(&context.pool, &vpc.id).await?;
    }
    Ok(())
}

/// What uses it leaves first: the plane refuses to delete one in use unless that was asked to leave, and to use one that is
/// being deleted.
async fn delete(run: &Run<'_>, vpc: &Vpc) -> Result<(), Failure> {
    let context = run.context;
    let users = services::using_vpc(&context.pool, &vpc.id).await?;
    if let Some(user) = users.first() {
        let message = format!(
            "service {} ({:?}) still uses it, and is to be detached first; see what its operation says",
            user.id, user.name
        );
        return Err(Failure::Shown {
            reason: Reason {
                code: "vpc_in_use".to_owned(),
                message,
            },
            refused: false,
        });
    }
    operations::explain_all(&context.pool, &[Action::VpcDelete], &vpc.id, None).await?;
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
    let mut tx = context.begin().await?;
    vpcs::delete(&mut *tx, &vpc.id).await?;
    let done = OperationState::Succeeded;
    operations::end_all(&mut *tx, &[Action::VpcDelete], &vpc.id, done, None).await?;
    tx.commit().await.map_err(PlaneError::from)?;
    Ok(())
}
