//! How people log in, and stay so for a while.

use std::net::IpAddr;
use std::time::Duration;

use super::Plane;
use crate::error::PlaneError;
use crate::model::{Identity, LoginLink, NewSession, Session, User};
use crate::place::Place;
use crate::secret;
use crate::store::{people, sessions, timestamp};
use crate::{trail, validate};

/// How long a login link opens.
const LINK_LIFE: Duration = Duration::from_secs(5 * 60);

impl Plane {
    /// Begins a session for who knows the password. Whether there is such a person, nobody learns from the answer or from
    /// the time that it takes. Logins that fail make the next ones wait: [`super::locks`].
    pub async fn login(
        &self,
        email: &str,
        password: String,
        from: Option<IpAddr>,
    ) -> Result<NewSession, PlaneError> {
        let email = email.trim().to_lowercase();
        let place = from.and_then(Place::of);
        let kept = people::find(self.pool(), &email).await?;
        let kept = kept.filter(|kept| kept.user.email == email);
        trail::logs_in(kept.as_ref().map(|kept| &kept.user));
        self.count_login(&email, place).await?;
        let kept = kept.filter(|kept| !kept.user.disabled);
        let hash = kept.as_ref().and_then(|kept| kept.password_hash.clone());
        let is_right = secret::is_password(password, hash.clone()).await?;
        let Some(kept) = kept.filter(|_| is_right) else {
            return Err(PlaneError::WrongLogin);
        };
        let is_same = |now: &people::Kept| now.password_hash == hash;
        let begun = self.begin_session(&kept.user.id, from, is_same).await?;
        let begun = begun.ok_or(PlaneError::WrongLogin)?;
        self.forgive_login(&email, place).await?;
        Ok(begun)
    }

    /// A way in for somebody that opens once, within five minutes.
    pub async fn login_link(&self, user: &str) -> Result<LoginLink, PlaneError> {
        let named = self.user(user).await?;
        let mut tx = self.begin().await?;
        let Some(people::Kept { user, .. }) = people::lock(&mut tx, &named.id).await? else {
            return Err(PlaneError::not_found("user", user));
        };
        if user.disabled {
            return Err(PlaneError::conflict(format!(
                "{} is kept out; let them in first: `strait admin user enable {}`",
                user.email, user.email
            )));
        }
        let token = secret::link_token();
        let hash = secret::digest(&token);
        let expires = sessions::insert_link(&mut *tx, &hash, &user.id, LINK_LIFE).await?;
        tx.commit().await?;
        Ok(LoginLink {
            user,
            token,
            expires: timestamp(expires)?,
        })
    }

    /// Begins a session by a login link, which opens nothing more.
    pub async fn login_by_link(
        &self,
        token: &str,
        from: Option<IpAddr>,
    ) -> Result<NewSession, PlaneError> {
        trail::logs_in(None);
        let taken = sessions::take_link(self.pool(), &secret::digest(token)).await?;
        let Some(id) = taken else {
            return Err(PlaneError::Stale("login link"));
        };
        let begun = self.begin_session(&id, from, |_| true).await?;
        begun.ok_or(PlaneError::Stale("login link"))
    }

    /// Whose session this token proves.
    pub async fn session(&self, token: &str) -> Result<Identity, PlaneError> {
        let found = sessions::find(self.pool(), &secret::digest(token)).await?;
        let Some(session) = found else {
            return Err(PlaneError::Stale("session"));
        };
        let user = self.user(&session.user_id).await?;
        if user.disabled {
            return Err(PlaneError::Stale("session"));
        }
        Ok(Identity::User {
            user,
            session_id: session.id,
        })
    }

    /// Somebody's sessions, newest first.
    pub async fn list_sessions(&self, user: &str) -> Result<Vec<Session>, PlaneError> {
        let user = self.user(user).await?;
        sessions::list(self.pool(), &user.id).await
    }

    /// Ends one of somebody's sessions.
    pub async fn end_session(&self, user: &str, session: &str) -> Result<(), PlaneError> {
        let user = self.user(user).await?;
        let mut tx = self.begin().await?;
        if !sessions::end(&mut *tx, &user.id, session).await? {
            return Err(PlaneError::not_found("session", session));
        }
        tx.commit().await?;
        Ok(())
    }

    /// Somebody chooses another password, or a first one, and their other sessions end. Whoever keeps them out or gives them another
    /// password meanwhile has the last word.
    pub async fn change_password(
        &self,
        user: &str,
        session: &str,
        current: Option<String>,
        new: String,
    ) -> Result<(), PlaneError> {
        let kept = self.kept_user(user).await?;
        let User { id, email, .. } = kept.user;
        validate::password(&new, &email)?;
        if kept.password_hash.is_some() {
            self.count_password(&id).await?;
            let current = current.unwrap_or_default();
            if !secret::is_password(current, kept.password_hash.clone()).await? {
                return Err(PlaneError::invalid(
                    "current_password",
                    "it is not your password; without it nobody changes that, but the operator",
                ));
            }
            self.forgive_password(&id).await?;
        }
        let hash = secret::hash_password(new).await?;
        let mut tx = self.begin().await?;
        let now = people::lock(&mut tx, &id).await?;
        let is_same =
            |now: &people::Kept| !now.user.disabled && now.password_hash == kept.password_hash;
        if !now.as_ref().is_some_and(is_same) {
            return Err(PlaneError::Stale("session"));
        }
        people::set_password(&mut *tx, &id, Some(&hash)).await?;
        sessions::end_others(&mut tx, &id, Some(session)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Begins it, unless somebody was deleted, kept out or given another password meanwhile: whoever does that ends their
    /// sessions, and this one would be too young to be seen.
    async fn begin_session(
        &self,
        person: &str,
        from: Option<IpAddr>,
        is_good: impl FnOnce(&people::Kept) -> bool,
    ) -> Result<Option<NewSession>, PlaneError> {
        let token = secret::session_token();
        let id = secret::session_id();
        let address = from.map(|from| from.to_canonical().to_string());
        let hash = secret::digest(&token);
        let mut tx = self.begin().await?;
        let kept = people::lock(&mut tx, person).await?;
        let Some(kept) = kept.filter(|kept| !kept.user.disabled && is_good(kept)) else {
            return Ok(None);
        };
        let user = kept.user;
        let actor = format!("user:{}", user.email);
        trail::proved_within(&mut tx, &actor, &user.name).await?;
        let session = sessions::insert(&mut *tx, &id, &hash, &user.id, address.as_deref()).await?;
        people::note_login(&mut *tx, &user.id).await?;
        tx.commit().await?;
        Ok(Some(NewSession {
            user,
            session,
            token,
        }))
    }
}
