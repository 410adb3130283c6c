//! How people log in, and stay so for a while.

use std::net::IpAddr;
use std::time::Duration;

use super::Plane;
use crate::error::PlaneError;
use crate::model::{Identity, LoginLink, NewSession, Session, User};
use crate::secret;
use crate::store::{people, sessions, timestamp};
use crate::{trail, validate};

/// How many logins as one person may fail before the next ones have to wait.
const MOST_FAILURES: i32 = 5;
/// The same for one address, behind which may be many people.
const MOST_FAILURES_FROM: i32 = 20;
/// How long they wait at first; twice as long after each further failure.
const FIRST_LOCK: Duration = Duration::from_secs(30);
/// How long they wait at most.
const LONGEST_LOCK: Duration = Duration::from_secs(3600);
/// How long a login link opens.
const LINK_LIFE: Duration = Duration::from_secs(5 * 60);

impl Plane {
    /// Begins a session for who knows the password. Whether there is such a person, nobody learns from the answer or from
    /// the time that it takes. Logins that fail are counted by e-mail address and by where they come from; loopback is
    /// from everywhere, where a proxy stands in front.
    pub async fn login(
        &self,
        email: &str,
        password: String,
        from: Option<IpAddr>,
    ) -> Result<NewSession, PlaneError> {
        let email = email.trim().to_lowercase();
        let place = from.filter(|from| !from.is_loopback()).map(place);
        if let Some(place) = &place {
            self.count(place, MOST_FAILURES_FROM).await?;
        }
        let person = person(&email);
        self.count(&person, MOST_FAILURES).await?;
        let kept = people::find(self.pool(), &email).await?;
        let kept = kept.filter(|kept| kept.user.email == email && !kept.user.disabled);
        let hash = kept.as_ref().and_then(|kept| kept.password_hash.clone());
        let is_right = secret::is_password(password, hash).await?;
        let Some(kept) = kept.filter(|_| is_right) else {
            return Err(PlaneError::WrongLogin);
        };
        sessions::forget_failures(self.pool(), &person).await?;
        if let Some(place) = &place {
            sessions::uncount_login(self.pool(), place).await?;
        }
        self.begin_session(kept.user, from).await
    }

    /// A way in for somebody that opens once, within five minutes.
    pub async fn login_link(&self, user: &str) -> Result<LoginLink, PlaneError> {
        let user = self.user(user).await?;
        if user.disabled {
            return Err(PlaneError::conflict(format!(
                "{} is kept out; let them in first: `strait admin user enable {}`",
                user.email, user.email
            )));
        }
        let token = secret::link_token();
        let hash = secret::digest(&token);
        let mut tx = self.begin().await?;
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
        let taken = sessions::take_link(self.pool(), &secret::digest(token)).await?;
        let Some(id) = taken else {
            return Err(PlaneError::Stale("login link"));
        };
        let user = self.user(&id).await?;
        if user.disabled {
            return Err(PlaneError::Stale("login link"));
        }
        self.begin_session(user, from).await
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

    /// Somebody chooses another password, or a first one, and their other sessions end.
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
            let person = person(&email);
            self.count(&person, MOST_FAILURES).await?;
            let current = current.unwrap_or_default();
            if !secret::is_password(current, kept.password_hash).await? {
                return Err(PlaneError::invalid(
                    "current_password",
                    "it is not your password; without it nobody changes that, but the operator",
                ));
            }
            sessions::forget_failures(self.pool(), &person).await?;
        }
        let hash = secret::hash_password(new).await?;
        let mut tx = self.begin().await?;
        people::set_password(&mut *tx, &id, Some(&hash)).await?;
        sessions::end_others(&mut tx, &id, Some(session)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Forgets that logins as somebody failed.
    pub async fn unlock_user(&self, user: &str) -> Result<User, PlaneError> {
        let user = self.user(user).await?;
        sessions::forget_failures(self.pool(), &person(&user.email)).await?;
        Ok(user)
    }

    async fn count(&self, subject: &str, most: i32) -> Result<(), PlaneError> {
        let pool = self.pool();
        let locked = sessions::count_login(pool, subject, most, FIRST_LOCK, LONGEST_LOCK).await?;
        let Some(retry_after) = locked else {
            return Ok(());
        };
        Err(PlaneError::TooMany {
            message: format!(
                "too many logins failed; the next one may be tried in {retry_after} s, or the operator opens: `strait admin user unlock EMAIL`"
            ),
            retry_after,
        })
    }

    async fn begin_session(
        &self,
        user: User,
        from: Option<IpAddr>,
    ) -> Result<NewSession, PlaneError> {
        let token = secret::session_token();
        let id = secret::session_id();
        let address = from.map(|from| from.to_canonical().to_string());
        let hash = secret::digest(&token);
        trail::learn(|known| {
            known.actor = Some((format!("user:{}", user.email), Some(user.name.clone())));
        });
        let mut tx = self.begin().await?;
        let session = sessions::insert(&mut *tx, &id, &hash, &user.id, address.as_deref()).await?;
        people::note_login(&mut *tx, &user.id).await?;
        tx.commit().await?;
        Ok(NewSession {
            user,
            session,
            token,
        })
    }
}

/// What failures as a person count for, whether there is one or not.
fn person(email: &str) -> String {
    format!("person:{}", secret::digest(email))
}

/// What failures from an address count for. Who has one of IPv6 has 2^64 of them.
fn place(from: IpAddr) -> String {
    match from.to_canonical() {
        IpAddr::V4(address) => format!("address:{address}"),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("address:{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_holder_count_together() {
        let place = |text: &str| place(text.parse().expect("an address"));
        assert_eq!(place("192.0.2.7"), place("::ffff:192.0.2.7"));
        assert_ne!(place("192.0.2.7"), place("192.0.2.8"));
        assert_eq!(place("2001:db8::1"), place("2001:db8::ffff:1"));
        assert_ne!(place("2001:db8::1"), place("2001:db8:0:1::1"));
    }
}
