//! Peering VPCs.

use serde_json::json;
use sqlx::PgConnection;

use super::quotas::one_more;
use super::{Named, Plane, pick};
use crate::error::PlaneError;
use crate::model::{Action, NewVpc, ObjectKind, Quota, Vpc, VpcStatus};
use crate::store::operations::{self, Superseded};
use crate::store::{self, peerings, projects, take, tell_work, vpcs};
use crate::wish::{self, Asked};
use crate::{secret, validate};

impl Named for Vpc {
    const KIND: &'static str = <Self as store::Take>::KIND;

    fn id(&self) -> &str {
        &self.id
    }

    fn provisioned_id(&self) -> Option<&str> {
        self.provisioned_id.as_deref()
    }

    fn is_leaving(&self) -> bool {
        self.status == VpcStatus::Deleting
    }
}

impl Plane {
    /// Asks for a Peering VPC. It is `CREATING` at first. One whose range another one has that is being deleted is made when
    /// that is gone.
    pub async fn create_vpc(&self, project: &str, new: NewVpc) -> Result<Vpc, PlaneError> {
        let project = self.project(project).await?;
        let cidr = validate::cidr(&new.cidr)?;
        let region = validate::region(
            "region_code",
            new.region_code.trim(),
            &self.supported_regions(),
        )?;
        let id = secret::numeric_id();
        let name = match &new.name {
            Some(name) => validate::name(name)?,
            None => format!("vpc-{id}"),
        };
        let mut tx = self.begin().await?;
        if !projects::lock(&mut tx, &project.id).await? {
            return Err(PlaneError::not_found("project", &project.id));
        }
        if let Some(other) = vpcs::overlapping(&mut *tx, &project.id, cidr).await? {
            return Err(PlaneError::conflict(format!(
                "cidr: {cidr} overlaps {} of VPC {} ({:?}) in this project; take another range",
                other.cidr, other.id, other.name
            )));
        }
        one_more(&mut tx, &project.id, Quota::Vpcs).await?;
        if !vpcs::insert(&mut tx, &id, &project.id, &name, cidr, &region).await? {
            return Err(PlaneError::conflict(format!(
                "cidr: {cidr} overlaps another VPC of the project; take another range"
            )));
        }
        let asked = Asked::new(Action::VpcCreate, &project.id, &id, &name);
        let after = json!({ "name": name, "cidr": cidr, "region_code": region });
        self.note(&mut tx, asked, json!({}), after).await?;
        tell_work(&mut *tx, "vpc", &id).await?;
        // Afterwards somebody may have deleted it.
        let made = vpcs::get(&mut *tx, &id).await?;
        tx.commit().await?;
        made.ok_or_else(|| PlaneError::not_found("VPC", &id))
    }

    /// A project's Peering VPCs, oldest first.
    pub async fn list_vpcs(&self, project: &str) -> Result<Vec<Vpc>, PlaneError> {
        let project = self.project(project).await?;
        vpcs::list(self.pool(), &project.id).await
    }

    /// One Peering VPC, by its id, the cloud's id or its name.
    pub async fn vpc(&self, project: &str, vpc: &str) -> Result<Vpc, PlaneError> {
        let project = self.project(project).await?;
        pick(vpcs::named(self.pool(), &project.id, vpc).await?, vpc)
    }

    /// Gives a Peering VPC another name.
    pub async fn rename_vpc(
        &self,
        project: &str,
        vpc: &str,
        name: &str,
    ) -> Result<Vpc, PlaneError> {
        let vpc = self.vpc(project, vpc).await?;
        let name = validate::name(name)?;
        let mut tx = self.begin().await?;
        let vpc: Vpc = take(&mut tx, &vpc.id).await?;
        vpcs::rename(&mut *tx, &vpc.id, &name).await?;
        let asked = Asked::new(Action::VpcRename, &vpc.project_id, &vpc.id, &name);
        let (before, after) = (json!({ "name": vpc.name }), json!({ "name": name }));
        self.note(&mut tx, asked, before, after).await?;
        tx.commit().await?;
        self.vpc(&vpc.project_id, &vpc.id).await
    }

    /// Asks for the end of a Peering VPC, unless something uses it. It is `DELETING` at first; services that are just leaving
    /// it are waited for. Peering connections that have ended go with it. With `cascade`, services that use it are detached
    /// first, so that they become public, then its peering connections are deleted.
    pub async fn delete_vpc(
        &self,
        project: &str,
        vpc: &str,
        cascade: bool,
    ) -> Result<Vpc, PlaneError> {
        let vpc = self.vpc(project, vpc).await?;
        let mut tx = self.begin().await?;
        let Some(status) = vpcs::lock(&mut tx, &vpc.id).await? else {
            return Err(PlaneError::not_found(Vpc::KIND, &vpc.id));
        };
        let attached = vpcs::users(&mut *tx, &vpc.id).await?;
        if status == VpcStatus::Deleting {
            if cascade {
                // Those that could not leave are asked once more.
                self.detach_all(&mut tx, &vpc, &attached).await?;
                tell_work(&mut *tx, "vpc", &vpc.id).await?;
                tx.commit().await?;
            }
            return Ok(vpc);
        }
        let peered = peerings::list(&mut *tx, &vpc.id).await?;
        let users: Vec<String> = attached
            .iter()
            .filter(|user| user.attached)
            .map(|user| {
                format!(
                    "service {} ({:?}) is attached: detach it",
                    user.id, user.name
                )
            })
            .chain(
                peered
                    .iter()
                    .filter(|peering| peering.is_in_use())
                    .map(|peering| {
                        format!(
                            "peering connection {} to {} of account {}: delete it",
                            peering.id, peering.peer_vpc_id, peering.peer_account_id
                        )
                    }),
            )
            .collect();
        if !users.is_empty() && !cascade {
            return Err(PlaneError::conflict(format!(
                "VPC {} ({:?}) is in use: {}; or delete it with all of these (`--cascade`), which makes its services public",
                vpc.id,
                vpc.name,
                users.join("; ")
            )));
        }
        self.detach_all(&mut tx, &vpc, &attached).await?;
        vpcs::want_deleted(&mut *tx, &vpc.id).await?;
        let asked = Asked::new(Action::VpcDelete, &vpc.project_id, &vpc.id, &vpc.name);
        let (before, after) = (
            json!({ "status": status }),
            json!({ "status": VpcStatus::Deleting }),
        );
        let operation = self.note(&mut tx, asked, before, after).await?;
        operations::cancel_others(
            &mut tx,
            ObjectKind::Vpc,
            &vpc.id,
            &operation,
            Superseded::Deleted,
        )
        .await?;
        tell_work(&mut *tx, "vpc", &vpc.id).await?;
        tx.commit().await?;
        Ok(Vpc {
            status: VpcStatus::Deleting,
            operation_id: Some(operation),
            ..vpc
        })
    }

    /// Gives the deletion of a Peering VPC up, unless something has been taken away already, or another one has its range or
    /// its place by now. Services that were detached for it stay public.
    pub async fn cancel_vpc_deletion(&self, project: &str, vpc: &str) -> Result<Vpc, PlaneError> {
        let vpc = self.vpc(project, vpc).await?;
        let mut tx = self.begin().await?;
        projects::lock(&mut tx, &vpc.project_id).await?;
        if vpcs::may_be_kept(&mut *tx, &vpc.id).await? {
            has_room(&mut tx, &vpc).await?;
        }
        if !vpcs::want_kept(&mut *tx, &vpc.id).await? {
            let why = match vpc.status {
                VpcStatus::Deleting => {
                    "its peering connections are being taken away already; wait until it is gone, then make another one"
                }
                VpcStatus::Creating | VpcStatus::Created | VpcStatus::Failed => {
                    "it is not to be deleted"
                }
            };
            return Err(PlaneError::conflict(format!(
                "the deletion of VPC {} ({:?}) cannot be given up: {why}",
                vpc.id, vpc.name
            )));
        }
        let asked = Asked::new(
            Action::VpcCancelDeletion,
            &vpc.project_id,
            &vpc.id,
            &vpc.name,
        );
        let before = json!({ "status": VpcStatus::Deleting });
        let operation = self.note(&mut tx, asked, before, json!({})).await?;
        operations::cancel_others(
            &mut tx,
            ObjectKind::Vpc,
            &vpc.id,
            &operation,
            Superseded::Kept,
        )
        .await?;
        tell_work(&mut *tx, "vpc", &vpc.id).await?;
        tx.commit().await?;
        self.vpc(&vpc.project_id, &vpc.id).await
    }

    async fn detach_all(
        &self,
        tx: &mut PgConnection,
        vpc: &Vpc,
        users: &[vpcs::User],
    ) -> Result<(), PlaneError> {
        for user in users.iter().filter(|user| user.attached) {
            wish::leave(tx, &self.caller.actor, &vpc.id, &user.id).await?;
        }
        Ok(())
    }
}

/// Whether one whose deletion is given up can stay: its range and its place may be another one's by now.
async fn has_room(tx: &mut PgConnection, vpc: &Vpc) -> Result<(), PlaneError> {
    if let Some(other) = vpcs::overlapping(&mut *tx, &vpc.project_id, vpc.cidr).await? {
        return Err(PlaneError::conflict(format!(
            "the deletion of VPC {} ({:?}) cannot be given up: {} of VPC {} ({:?}), which is made when it is gone, overlaps its range; delete that one first",
            vpc.id, vpc.name, other.cidr, other.id, other.name
        )));
    }
    one_more(tx, &vpc.project_id, Quota::Vpcs).await
}
