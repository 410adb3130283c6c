//! Makes one Peering VPC and its peering connections what they were asked to be.

use super::failure::{During, Failure};
use super::{Context, peerings};
use crate::model::{Vpc, VpcStatus};
use crate::store::{peerings as kept, vpcs};

pub(super) async fn reconcile(context: &Context, id: &str) -> Result<(), Failure> {
    let Some(vpc) = vpcs::get(&context.pool, id).await? else {
        return Ok(());
    };
    let outcome = match vpc.status {
        VpcStatus::Creating | VpcStatus::Failed | VpcStatus::Created => keep(context, &vpc).await,
        VpcStatus::Deleting => delete(context, &vpc).await,
    };
    if let Err(Failure::Shown { reason, refused }) = &outcome {
        vpcs::blame(&context.pool, id, reason, *refused).await?;
    }
    outcome
}

async fn keep(context: &Context, vpc: &Vpc) -> Result<(), Failure> {
    let found = vpc.status == VpcStatus::Created
        && context.with_found(|found| found.vpcs.contains(&vpc.id));
    if !found {
        let observed = context
            .cloud
            .ensure_vpc(&vpc.spec())
            .await
            .during("making the Peering VPC")?;
        let changed = vpc.status != VpcStatus::Created
            || vpc.reason.is_some()
            || vpc.provisioned_id.as_ref() != Some(&observed.provisioned_id);
        if changed && !vpcs::made(&context.pool, &vpc.id, &observed.provisioned_id).await? {
            // It is to be deleted by now.
            return Err(Failure::NotYet);
        }
        context.with_found(|found| found.vpcs.insert(vpc.id.clone()));
    }
    peerings::settle(context, vpc).await?;
    if vpc.reason.is_some() {
        vpcs::clear_reason(&context.pool, &vpc.id).await?;
    }
    Ok(())
}

/// Nothing uses it: the plane refuses to delete one in use, and to use one that is being deleted.
async fn delete(context: &Context, vpc: &Vpc) -> Result<(), Failure> {
    for peering in kept::list(&context.pool, &vpc.id).await? {
        peerings::delete(context, vpc, &peering).await?;
    }
    context
        .cloud
        .delete_vpc(&vpc.spec())
        .await
        .during("deleting the Peering VPC")?;
    context.with_found(|found| found.vpcs.remove(&vpc.id));
    vpcs::delete(&context.pool, &vpc.id).await?;
    Ok(())
}
