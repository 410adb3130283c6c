//! People who log in: the operator makes them.

use super::{Plane, members};
use crate::error::PlaneError;
use crate::model::{Member, NewUser, Role, Seat, User};
use crate::store::{keys, people, sessions};
use crate::{secret, validate};

impl Plane {
    /// Makes somebody who logs in. They see nothing until they are members of a project.
    pub async fn create_user(&self, new: NewUser) -> Result<User, PlaneError> {
        let email = validate::email(&new.email)?;
        let before_at = email.split('@').next().unwrap_or_default();
        let name = validate::name(new.name.as_deref().unwrap_or(before_at))?;
        let hash = match new.password {
            Some(password) => {
                validate::password(&password, &email)?;
                Some(secret::hash_password(password).await?)
            }
            None => None,
        };
        let id = secret::user_id();
        let mut tx = self.begin().await?;
        let made = people::insert(&mut *tx, &id, &email, &name, hash.as_deref()).await?;
        tx.commit().await?;
        made.ok_or_else(|| {
            PlaneError::conflict(format!(
                "there is a user {email} already; to make them a member of a project: `strait member add {email} --role ROLE`"
            ))
        })
    }

    /// Everybody who logs in, oldest first.
    pub async fn list_users(&self) -> Result<Vec<User>, PlaneError> {
        people::list(self.pool()).await
    }

    /// Somebody, by e-mail address or id.
    pub async fn user(&self, user: &str) -> Result<User, PlaneError> {
        self.kept_user(user).await.map(|kept| kept.user)
    }

    /// The projects that somebody is a member of.
    pub async fn seats_of(&self, user: &str) -> Result<Vec<Seat>, PlaneError> {
        let user = self.user(user).await?;
        people::seats(self.pool(), &user.id).await
    }

    /// Keeps somebody out, ends their sessions and revokes keys that they made; or lets them in again.
    pub async fn set_user_disabled(&self, user: &str, disabled: bool) -> Result<User, PlaneError> {
        let user = self.user(user).await?;
        let mut tx = self.begin().await?;
        people::set_disabled(&mut *tx, &user.id, disabled).await?;
        if disabled {
            sessions::end_others(&mut tx, &user.id, None).await?;
            keys::revoke_made_by(&mut *tx, &user.actor(), None, Role::ALL).await?;
        }
        tx.commit().await?;
        self.user(&user.id).await
    }

    /// Gives somebody another password, or none, and ends their sessions and locks.
    pub async fn set_password(
        &self,
        user: &str,
        password: Option<String>,
    ) -> Result<User, PlaneError> {
        let user = self.user(user).await?;
        let hash = match password {
            Some(password) => {
                validate::password(&password, &user.email)?;
                Some(secret::hash_password(password).await?)
            }
            None => None,
        };
        let mut tx = self.begin().await?;
        people::set_password(&mut *tx, &user.id, hash.as_deref()).await?;
        sessions::end_others(&mut tx, &user.id, None).await?;
        tx.commit().await?;
        self.unlock_user(&user.id).await
    }

    /// Deletes somebody who is no project's last owner, and revokes keys that they made.
    pub async fn delete_user(&self, user: &str) -> Result<(), PlaneError> {
        let user = self.user(user).await?;
        let mut seats = people::seats(self.pool(), &user.id).await?;
        // In one order, so that two of these do not wait for each other.
        seats.sort_by(|a, b| a.project.id.cmp(&b.project.id));
        let mut tx = self.begin().await?;
        for seat in seats {
            self.take(&mut tx, &seat.project).await?;
            let leaving = Member {
                user_id: user.id.clone(),
                email: user.email.clone(),
                name: user.name.clone(),
                role: seat.role,
                created: user.created,
            };
            members::keep_an_owner(&mut tx, &seat.project, &leaving).await?;
        }
        people::delete(&mut *tx, &user.id).await?;
        keys::revoke_made_by(&mut *tx, &user.actor(), None, Role::ALL).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The one who is to click at first: made if missing, an owner of this project, with login links as the only way in
    /// until they choose a password.
    pub async fn first_user(&self, project: &str) -> Result<User, PlaneError> {
        let project = self.project(project).await?;
        let email = validate::email(&format!("operator@{}", self.domain()))?;
        let id = secret::user_id();
        let mut tx = self.begin().await?;
        people::insert(&mut *tx, &id, &email, "Operator", None).await?;
        tx.commit().await?;
        let user = self.user(&email).await?;
        let mut tx = self.begin().await?;
        people::add_member(&mut tx, &project.id, &user.id, Role::Owner).await?;
        tx.commit().await?;
        Ok(user)
    }

    pub(super) async fn kept_user(&self, user: &str) -> Result<people::Kept, PlaneError> {
        let found = people::find(self.pool(), user.trim()).await?;
        found.ok_or_else(|| PlaneError::not_found("user", user.trim()))
    }
}
