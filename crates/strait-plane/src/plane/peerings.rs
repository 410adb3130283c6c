//! Peering connections.

use std::time::Duration;

use serde_json::json;
use sqlx::PgConnection;

use super::quotas::refusal;
use super::{Plane, guide};
use crate::error::PlaneError;
use crate::model::{
    Action, CustomerGuide, NewPeering, ObjectKind, Peering, PeeringState, PeeringStatus, Quota,
    Vpc, VpcStatus, WaitingOn,
};
use crate::reconcile::RANGE_ELSEWHERE;
use crate::store::operations::{self, Superseded};
use crate::store::peerings::{self, Kept};
use crate::store::{Take, projects, take, tell_work, vpcs};
use crate::wish::Asked;
use crate::{secret, validate};

/// How long the answer waits for the `pcx-` id.
const ID_PATIENCE: Duration = Duration::from_secs(2);

impl Plane {
    /// Asks for a peering connection, and waits a little for its `pcx-` id.
    pub async fn create_peering(
        &self,
        project: &str,
        vpc: &str,
        new: NewPeering,
    ) -> Result<Peering, PlaneError> {
        let vpc = self.vpc(project, vpc).await?;
        let new = validate::peer(&new, &self.known_regions())?;
        let blocks = validate::peer_cidr_blocks(&new.peer_cidr_blocks)?;
        let id = secret::numeric_id();
        let mut tx = self.begin().await?;
        still_there(vpcs::lock(&mut tx, &vpc.id).await?, &vpc)?;
        let pair = (new.peer_account_id.as_str(), new.peer_vpc_id.as_str());
        self.one_more(&mut tx, &vpc, pair).await?;
        peerings::insert(&mut *tx, &id, &vpc.id, &new, blocks.as_ref()).await?;
        let asked = Asked::new(
            Action::PeeringCreate,
            &vpc.project_id,
            &id,
            &new.peer_vpc_id,
        );
        let after = json!({
            "vpc_id": vpc.id, "peer_account_id": new.peer_account_id, "peer_vpc_id": new.peer_vpc_id,
            "peer_region_code": new.peer_region_code, "peer_cidr_blocks": blocks,
        });
        self.note(&mut tx, asked, json!({}), after).await?;
        tell_work(&mut *tx, "vpc", &vpc.id).await?;
        tx.commit().await?;
        self.asked_for(&id).await
    }

    /// Asks once more for a connection that has ended: the same one, with a new `pcx-` id.
    pub async fn request_peering(
        &self,
        project: &str,
        vpc: &str,
        peering: &str,
    ) -> Result<Peering, PlaneError> {
        let (vpc, kept) = self.find_peering(project, vpc, peering).await?;
        let mut tx = self.begin().await?;
        still_there(vpcs::lock(&mut tx, &vpc.id).await?, &vpc)?;
        let kept: Kept = take(&mut tx, &kept.id).await?;
        if !kept.state.has_ended() {
            return Err(PlaneError::conflict(format!(
                "peering connection {} is {}, and only one that has ended can be asked for again",
                kept.id, kept.state
            )));
        }
        self.one_more(&mut tx, &vpc, kept.pair()).await?;
        peerings::ask_again(&mut *tx, &kept.id).await?;
        let asked = Asked::new(
            Action::PeeringRequest,
            &vpc.project_id,
            &kept.id,
            &kept.peer_vpc_id,
        );
        let before = json!({ "state": kept.state, "provisioned_id": kept.provisioned_id });
        let after = json!({ "vpc_id": vpc.id, "state": PeeringState::InitiatingRequest });
        self.note(&mut tx, asked, before, after).await?;
        tell_work(&mut *tx, "vpc", &vpc.id).await?;
        tx.commit().await?;
        self.asked_for(&kept.id).await
    }

    /// Says which of the customer's ranges may come in; without any, all may.
    pub async fn set_peering_ranges(
        &self,
        project: &str,
        vpc: &str,
        peering: &str,
        blocks: &[String],
    ) -> Result<Peering, PlaneError> {
        let (vpc, kept) = self.find_peering(project, vpc, peering).await?;
        let blocks = validate::peer_cidr_blocks(blocks)?;
        let mut tx = self.begin().await?;
        let kept: Kept = take(&mut tx, &kept.id).await?;
        if kept.state == PeeringState::Deleting {
            return Err(PlaneError::conflict(format!(
                "peering connection {} is being deleted",
                kept.id
            )));
        }
        if kept.asked_cidrs == blocks {
            return Ok(shown(kept));
        }
        peerings::ask_ranges(&mut *tx, &kept.id, blocks.as_ref()).await?;
        let asked = Asked::new(
            Action::PeeringRanges,
            &vpc.project_id,
            &kept.id,
            &kept.peer_vpc_id,
        );
        let (before, after) = (
            json!({ "peer_cidr_blocks": kept.asked_cidrs }),
            json!({ "vpc_id": vpc.id, "peer_cidr_blocks": blocks }),
        );
        self.note(&mut tx, asked, before, after).await?;
        tell_work(&mut *tx, "vpc", &vpc.id).await?;
        tx.commit().await?;
        self.peering(project, &vpc.id, &kept.id).await
    }

    /// Waits a little for its `pcx-` id.
    async fn asked_for(&self, id: &str) -> Result<Peering, PlaneError> {
        let mut patience = self.patience(ID_PATIENCE);
        loop {
            let Some(kept) = peerings::get(self.pool(), id).await? else {
                return Err(gone(id));
            };
            let known = (kept.provisioned_id.is_some() && !kept.is_clearing()) || kept.refused;
            if known || !patience.again().await {
                return Ok(shown(kept));
            }
        }
    }

    /// A Peering VPC's connections, oldest first.
    pub async fn list_peerings(
        &self,
        project: &str,
        vpc: &str,
    ) -> Result<Vec<Peering>, PlaneError> {
        let vpc = self.vpc(project, vpc).await?;
        Ok(peerings::list(self.pool(), &vpc.id)
            .await?
            .into_iter()
            .map(shown)
            .collect())
    }

    /// All connections of a project's Peering VPCs.
    pub async fn list_project_peerings(&self, project: &str) -> Result<Vec<Peering>, PlaneError> {
        let project = self.project(project).await?;
        let kept = peerings::list_in(self.pool(), &project.id).await?;
        Ok(kept.into_iter().map(shown).collect())
    }

    /// One connection, by its id, its `pcx-` id, or the customer's VPC if only one leads there.
    pub async fn peering(
        &self,
        project: &str,
        vpc: &str,
        peering: &str,
    ) -> Result<Peering, PlaneError> {
        let (_, kept) = self.find_peering(project, vpc, peering).await?;
        Ok(shown(kept))
    }

    /// Asks for the end of a connection, whatever became of it.
    pub async fn delete_peering(
        &self,
        project: &str,
        vpc: &str,
        peering: &str,
    ) -> Result<Peering, PlaneError> {
        let (vpc, kept) = self.find_peering(project, vpc, peering).await?;
        let mut tx = self.begin().await?;
        let kept: Kept = take(&mut tx, &kept.id).await?;
        if kept.state == PeeringState::Deleting {
            return Ok(shown(kept));
        }
        let operation = self.want_gone(&mut tx, &vpc, &kept).await?;
        tell_work(&mut *tx, "vpc", &vpc.id).await?;
        tx.commit().await?;
        Ok(shown(Kept {
            state: PeeringState::Deleting,
            reason: None,
            refused: false,
            operation_id: Some(operation),
            ..kept
        }))
    }

    /// Writes the wish that it be gone, whose row the transaction has taken.
    async fn want_gone(
        &self,
        tx: &mut PgConnection,
        vpc: &Vpc,
        kept: &Kept,
    ) -> Result<String, PlaneError> {
        peerings::want_deleted(&mut *tx, &kept.id).await?;
        let asked = Asked::new(
            Action::PeeringDelete,
            &vpc.project_id,
            &kept.id,
            &kept.peer_vpc_id,
        );
        let before = json!({ "state": kept.state, "provisioned_id": kept.provisioned_id });
        let after = json!({ "state": PeeringState::Deleting });
        let operation = self.note(tx, asked, before, after).await?;
        operations::cancel_others(
            tx,
            ObjectKind::Peering,
            &kept.id,
            &operation,
            Superseded::Deleted,
        )
        .await?;
        Ok(operation)
    }

    /// Whether there may be one more, between these two. Those that it comes after do not count. Who has the Peering VPC's
    /// row is alone in asking for one, so that what was looked at stays true.
    async fn one_more(
        &self,
        tx: &mut PgConnection,
        vpc: &Vpc,
        pair: (&str, &str),
    ) -> Result<(), PlaneError> {
        let all = peerings::list(&mut *tx, &vpc.id).await?;
        let between = || all.iter().filter(|kept| kept.pair() == pair);
        if let Some(other) = between().find(|kept| kept.is_in_use()) {
            return Err(already(vpc, other));
        }
        let limit = projects::quota(&mut *tx, &vpc.project_id, Quota::PeeringsPerVpc).await?;
        let count = all.iter().filter(|kept| !kept.state.has_ended()).count();
        let used = count - between().filter(|kept| kept.is_leaving()).count();
        let used = u32::try_from(used).unwrap_or(u32::MAX);
        if used < limit {
            return Ok(());
        }
        let place = format!("VPC {} has", vpc.id);
        Err(refusal(
            &place,
            &vpc.project_id,
            Quota::PeeringsPerVpc,
            limit,
            used,
        ))
    }

    /// What the customer of this connection needs: who asks, the commands, the permissions.
    pub async fn customer_steps(
        &self,
        project: &str,
        vpc: &str,
        peering: &str,
    ) -> Result<CustomerGuide, PlaneError> {
        let (vpc, kept) = self.find_peering(project, vpc, peering).await?;
        guide::for_customer(self.account(), &vpc, &kept)
    }

    /// A connection with its VPC.
    async fn find_peering(
        &self,
        project: &str,
        vpc: &str,
        peering: &str,
    ) -> Result<(Vpc, Kept), PlaneError> {
        let vpc = self.vpc(project, vpc).await?;
        let all = peerings::list(self.pool(), &vpc.id).await?;
        Ok((vpc, named(all, peering)?))
    }
}

impl Kept {
    /// Whether it stands in the way of deleting its VPC, and of another one between the same two.
    pub(super) fn is_in_use(&self) -> bool {
        !self.state.has_ended() && !self.is_leaving()
    }
}

fn gone(id: &str) -> PlaneError {
    PlaneError::not_found(Kept::KIND, id)
}

/// The one that is meant: by its id, a `pcx-` id, or the customer's VPC if only one leads there.
fn named(mut all: Vec<Kept>, name: &str) -> Result<Kept, PlaneError> {
    let by_id = all
        .iter()
        .position(|kept| kept.id == name)
        .or_else(|| {
            all.iter()
                .position(|kept| kept.provisioned_id.as_deref() == Some(name))
        })
        .or_else(|| {
            all.iter()
                .position(|kept| kept.accepter_provisioned_id.as_deref() == Some(name))
        });
    if let Some(index) = by_id {
        return Ok(all.swap_remove(index));
    }
    let mut live: Vec<usize> = (0..all.len())
        .filter(|index| all[*index].peer_vpc_id == name && !all[*index].state.has_ended())
        .collect();
    if live.iter().any(|index| !all[*index].is_leaving()) {
        live.retain(|index| !all[*index].is_leaving());
    }
    match live.as_slice() {
        [] => Err(gone(name)),
        [index] => Ok(all.swap_remove(*index)),
        [..] => {
            let ids: Vec<&str> = live.iter().map(|index| all[*index].id.as_str()).collect();
            Err(PlaneError::conflict(format!(
                "{} peering connections lead to {name}; name it by its id, one of: {}",
                ids.len(),
                ids.join(", ")
            )))
        }
    }
}

/// Whether connections may be asked for on it.
fn still_there(status: Option<VpcStatus>, vpc: &Vpc) -> Result<(), PlaneError> {
    match status {
        None => Err(PlaneError::not_found("VPC", &vpc.id)),
        Some(VpcStatus::Creating | VpcStatus::Created) => Ok(()),
        Some(status @ (VpcStatus::Deleting | VpcStatus::Failed)) => {
            Err(PlaneError::conflict(format!(
                "VPC {} ({:?}) is {status}; use another one",
                vpc.id, vpc.name
            )))
        }
    }
}

/// As it is shown.
pub(super) fn shown(kept: Kept) -> Peering {
    let (status, waiting_on, next_action) = turn(&kept);
    // Until the request is made, the cloud's id is the former one's.
    let provisioned_id = match kept.is_clearing() {
        true => None,
        false => kept.provisioned_id,
    };
    Peering {
        id: kept.id,
        vpc_id: kept.vpc_id,
        peer_account_id: kept.peer_account_id,
        peer_vpc_id: kept.peer_vpc_id,
        peer_region_code: kept.peer_region_code,
        provisioned_id,
        accepter_provisioned_id: kept.accepter_provisioned_id,
        status,
        state: kept.state,
        admitted: kept.state == PeeringState::Active && !kept.admitted_cidrs.is_empty(),
        waiting_on,
        next_action,
        expires_at: kept.expires_at,
        error_message: kept.reason.as_ref().map(|reason| reason.message.clone()),
        reason: kept.reason,
        operation_id: kept.operation_id,
        peer_cidrs: kept.peer_cidrs,
        peer_cidr_blocks: kept.asked_cidrs,
        created: kept.created,
        updated: kept.updated,
    }
}

/// Tiger's word for it, whose turn it is, and what that one does.
fn turn(kept: &Kept) -> (PeeringStatus, WaitingOn, Option<String>) {
    let provider = |status, action: &str| (status, WaitingOn::Provider, Some(action.to_owned()));
    match kept.state {
        PeeringState::InitiatingRequest if kept.refused => provider(
            PeeringStatus::Invalid,
            "mend what the reason says, or delete this peering connection",
        ),
        PeeringState::InitiatingRequest => provider(
            PeeringStatus::Approved,
            "wait: Strait asks AWS for the connection",
        ),
        PeeringState::PendingAcceptance => (
            PeeringStatus::Pending,
            WaitingOn::Customer,
            Some(format!(
                "accept {} in account {}, Region {}; then add the route and allow TCP 5432 out (the customer's steps tell how)",
                kept.accepter_provisioned_id
                    .as_deref()
                    .unwrap_or("the request"),
                kept.peer_account_id,
                kept.peer_region_code
            )),
        ),
        PeeringState::Active if kept.reason.is_none() => {
            (PeeringStatus::Active, WaitingOn::Nobody, None)
        }
        PeeringState::Active => {
            let status = match (kept.refused, kept.admitted_cidrs.is_empty()) {
                (true, true) => PeeringStatus::Invalid,
                (true, false) | (false, _) => PeeringStatus::Active,
            };
            let elsewhere = kept
                .reason
                .as_ref()
                .is_some_and(|reason| reason.code == RANGE_ELSEWHERE);
            match kept.refused {
                true if elsewhere => provider(
                    status,
                    "give ranges that the customer's VPC has (`peer_cidr_blocks`)",
                ),
                true => provider(
                    status,
                    "use another Peering VPC for this customer, or delete the other connection",
                ),
                false => provider(status, "wait: Strait tries again"),
            }
        }
        PeeringState::Failed => provider(
            PeeringStatus::Invalid,
            "ask again (`strait peering request`), or delete this peering connection",
        ),
        PeeringState::Expired => provider(
            PeeringStatus::Timeout,
            "ask again (`strait peering request`), or delete this peering connection",
        ),
        PeeringState::Rejected | PeeringState::Deleted => provider(
            PeeringStatus::Disabled,
            "delete this peering connection; ask again (`strait peering request`) if it is still wanted",
        ),
        PeeringState::Deleting => provider(PeeringStatus::Disabled, "wait: Strait deletes it"),
    }
}

fn already(vpc: &Vpc, other: &Kept) -> PlaneError {
    PlaneError::conflict(format!(
        "VPC {} has peering connection {} ({}, {}) to {} already, and AWS allows one between two VPCs; use that one, or delete it first",
        vpc.id,
        other.id,
        other.provisioned_id.as_deref().unwrap_or("no pcx id yet"),
        other.state,
        other.peer_vpc_id
    ))
}
