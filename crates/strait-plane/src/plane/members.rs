//! Members of projects.

use sqlx::PgConnection;

use super::Plane;
use crate::error::PlaneError;
use crate::model::{Deed, Member, Project, Role};
use crate::store::{keys, people, projects};

impl Plane {
    /// A project's members, oldest first.
    pub async fn list_members(&self, project: &str) -> Result<Vec<Member>, PlaneError> {
        let project = self.project(project).await?;
        people::members(self.pool(), &project.id).await
    }

    /// Makes somebody, by e-mail address or id, a member.
    pub async fn add_member(
        &self,
        project: &str,
        user: &str,
        role: Role,
    ) -> Result<Member, PlaneError> {
        self.may_give(role)?;
        let project = self.project(project).await?;
        let Some(kept) = people::find(self.pool(), user.trim()).await? else {
            return Err(PlaneError::invalid(
                "email",
                format!(
                    "there is no user {:?}; the operator makes users: `strait admin user create --email EMAIL`",
                    user.trim()
                ),
            ));
        };
        let mut tx = self.begin().await?;
        self.take(&mut tx, &project).await?;
        if !people::add_member(&mut tx, &project.id, &kept.user.id, role).await? {
            return Err(PlaneError::conflict(format!(
                "{} is a member of project {} already; to give them another role: `strait member role {} ROLE`",
                kept.user.email, project.id, kept.user.email
            )));
        }
        let member = member(&mut tx, &project, &kept.user.id).await?;
        self.done(&mut tx, &project, Deed::MemberAdd, &member.user_id)
            .await?;
        tx.commit().await?;
        Ok(member)
    }

    /// Gives a member another role. The last owner stays one. Keys that they made and that may more are revoked.
    pub async fn set_member_role(
        &self,
        project: &str,
        user: &str,
        role: Role,
    ) -> Result<Member, PlaneError> {
        self.may_give(role)?;
        let project = self.project(project).await?;
        let mut tx = self.begin().await?;
        self.take(&mut tx, &project).await?;
        let before = member(&mut tx, &project, user).await?;
        self.may_give(before.role)?;
        if role != Role::Owner {
            keep_an_owner(&mut tx, &project, &before).await?;
        }
        people::set_role(&mut tx, &project.id, &before.user_id, role).await?;
        let above = Role::ALL
            .iter()
            .copied()
            .filter(|other| !role.covers(*other));
        let above: Vec<Role> = above.collect();
        keys::revoke_made_by(&mut *tx, &before.actor(), Some(&project.id), &above).await?;
        self.done(&mut tx, &project, Deed::MemberRole, &before.user_id)
            .await?;
        tx.commit().await?;
        Ok(Member { role, ..before })
    }

    /// Takes a member out of a project. The last owner stays. Keys that they made are revoked.
    pub async fn remove_member(&self, project: &str, user: &str) -> Result<Member, PlaneError> {
        let project = self.project(project).await?;
        let mut tx = self.begin().await?;
        self.take(&mut tx, &project).await?;
        let before = member(&mut tx, &project, user).await?;
        self.may_give(before.role)?;
        keep_an_owner(&mut tx, &project, &before).await?;
        people::remove_member(&mut tx, &project.id, &before.user_id).await?;
        keys::revoke_made_by(&mut *tx, &before.actor(), Some(&project.id), Role::ALL).await?;
        self.done(&mut tx, &project, Deed::MemberRemove, &before.user_id)
            .await?;
        tx.commit().await?;
        Ok(before)
    }

    /// Nobody else changes the project's members until the transaction ends.
    pub(super) async fn take(
        &self,
        tx: &mut PgConnection,
        project: &Project,
    ) -> Result<(), PlaneError> {
        if projects::lock(tx, &project.id).await? {
            return Ok(());
        }
        Err(PlaneError::not_found("project", &project.id))
    }
}

/// A member by e-mail address or id.
async fn member(
    tx: &mut PgConnection,
    project: &Project,
    user: &str,
) -> Result<Member, PlaneError> {
    let named = user.trim();
    let email = named.to_lowercase();
    let all = people::members(tx, &project.id).await?;
    all.into_iter()
        .find(|member| member.user_id == named || member.email == email)
        .ok_or_else(|| PlaneError::not_found("member", named))
}

/// Refuses to go on without the last owner.
pub(super) async fn keep_an_owner(
    tx: &mut PgConnection,
    project: &Project,
    leaving: &Member,
) -> Result<(), PlaneError> {
    if leaving.role != Role::Owner {
        return Ok(());
    }
    let all = people::members(tx, &project.id).await?;
    let owners = all.iter().filter(|member| member.role == Role::Owner);
    if owners.count() > 1 {
        return Ok(());
    }
    Err(PlaneError::conflict(format!(
        "{} is the last owner of project {} ({:?}), and somebody has to answer for it; make another member an owner first",
        leaving.email, project.id, project.name
    )))
}
