//! Who asks, and what they are in which project.

use super::{Named, Plane, pick};
use crate::error::PlaneError;
use crate::model::{Identity, Permission, Role, Seat};
use crate::secret::SESSION_PREFIX;
use crate::store::people;
use crate::trail;

impl Named for Seat {
    const KIND: &'static str = "project";

    fn id(&self) -> &str {
        &self.project.id
    }

    fn provisioned_id(&self) -> Option<&str> {
        None
    }

    fn is_leaving(&self) -> bool {
        false
    }
}

impl Plane {
    /// Whose token it is: a session's, or one that stands for a pair of keys.
    pub async fn bearer(&self, token: &str) -> Result<Identity, PlaneError> {
        if token.starts_with(SESSION_PREFIX) {
            return self.session(token).await;
        }
        self.verify_token(token).await
    }

    /// The projects that somebody may see, oldest first, and what they are there.
    pub async fn seats(&self, identity: &Identity) -> Result<Vec<Seat>, PlaneError> {
        match identity {
            Identity::Operator => {
                let all = self.list_projects().await?.into_iter();
                Ok(all
                    .map(|project| Seat {
                        project,
                        role: Role::Owner,
                    })
                    .collect())
            }
            Identity::Key {
                project_id, role, ..
            } => Ok(vec![Seat {
                project: self.project(project_id).await?,
                role: *role,
            }]),
            Identity::User { user, .. } => people::seats(self.pool(), &user.id).await,
        }
    }

    /// The project that somebody names by id or name, and what they are there. One that they may not see is as one that
    /// is not.
    pub async fn seat(&self, identity: &Identity, project: &str) -> Result<Seat, PlaneError> {
        let seat = match identity {
            Identity::Operator => Seat {
                project: self.project(project).await?,
                role: Role::Owner,
            },
            Identity::Key { .. } | Identity::User { .. } => {
                let mut seats = self.seats(identity).await?;
                seats.retain(|seat| seat.project.id == project || seat.project.name == project);
                pick(seats, project)?
            }
        };
        trail::inside(&seat.project.id);
        Ok(seat)
    }

    /// The same, if what they are there includes this.
    pub async fn admit(
        &self,
        identity: &Identity,
        project: &str,
        permission: Permission,
    ) -> Result<Seat, PlaneError> {
        let seat = self.seat(identity, project).await?;
        if seat.role.may(permission) {
            return Ok(seat);
        }
        Err(PlaneError::forbidden(format!(
            "this takes the role {} in project {}, and yours is {}; ask an owner or admin of the project",
            permission.least_role(),
            seat.project.id,
            seat.role
        )))
    }

    /// Refuses to give or take what is more than the caller's own role.
    pub(super) fn may_give(&self, role: Role) -> Result<(), PlaneError> {
        if self.caller.role.covers(role) {
            return Ok(());
        }
        Err(PlaneError::forbidden(format!(
            "your role here is {}, and nobody gives, changes or takes away more than their own: {role} takes an {role}",
            self.caller.role
        )))
    }
}
