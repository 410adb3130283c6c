//! Logins that fail make the next ones wait: so few as somebody from one place, so many from one place, and very many as somebody
//! from everywhere, where the wait is short, so that nobody is kept out by others who know their address.

use std::net::IpAddr;
use std::time::Duration;

use super::Plane;
use crate::error::PlaneError;
use crate::model::User;
use crate::place::Place;
use crate::secret;
use crate::store::sessions;

/// What failures count for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject<'a> {
    /// Logins from a place, behind which may be many people.
    Place(Place),
    /// Logins as a person, whether there is one or not, from a place; none: from this machine.
    PersonThere(&'a str, Option<Place>),
    /// Logins as a person from anywhere.
    Person(&'a str),
    /// Changes of one's own password, by the id of who is logged in.
    Password(&'a str),
}

/// When it locks: after so many failures, for so long at first, twice as long after each further one, and so long at most.
struct Limit {
    most: i32,
    first: Duration,
    longest: Duration,
}

impl Subject<'_> {
    fn limit(self) -> Limit {
        let (most, first, longest) = match self {
            Self::Place(_) => (20, 30, 3600),
            Self::PersonThere(..) | Self::Password(_) => (5, 30, 3600),
            Self::Person(_) => (100, 15, 60),
        };
        Limit {
            most,
            first: Duration::from_secs(first),
            longest: Duration::from_secs(longest),
        }
    }

    fn key(self) -> String {
        match self {
            Self::Place(place) => format!("address:{place}"),
            Self::PersonThere(email, place) => format!("{}{}", person_at(email), at(place)),
            Self::Person(email) => format!("person:{}", secret::digest(email)),
            Self::Password(id) => format!("password:{id}"),
        }
    }

    fn refusal(self, retry_after: u64) -> PlaneError {
        let what = match self {
            Self::Place(place) => format!(
                "too many logins from {place} failed; the next one may be tried in {retry_after} s, or the operator opens: `strait admin user unlock --address ADDRESS`"
            ),
            Self::PersonThere(..) => format!(
                "too many logins as this person failed from here; the next one may be tried in {retry_after} s, or the operator opens: `strait admin user unlock EMAIL`"
            ),
            Self::Person(_) => format!(
                "very many logins as this person failed, from many places; the next one may be tried in {retry_after} s, or the operator opens: `strait admin user unlock EMAIL`"
            ),
            Self::Password(_) => format!(
                "the present password was wrong too often; the next one may be tried in {retry_after} s, or the operator opens: `strait admin user unlock EMAIL`"
            ),
        };
        PlaneError::TooMany {
            message: what,
            retry_after,
        }
    }
}

impl Plane {
    /// Forgets that logins as somebody failed, wherever they came from.
    pub async fn unlock_user(&self, user: &str) -> Result<User, PlaneError> {
        let user = self.user(user).await?;
        for subject in [Subject::Person(&user.email), Subject::Password(&user.id)] {
            sessions::forget_failures(self.pool(), &subject.key()).await?;
        }
        sessions::forget_failures_like(self.pool(), &person_at(&user.email), "").await?;
        Ok(user)
    }

    /// Forgets that logins from an address failed, whoever they were to be.
    pub async fn unlock_address(&self, address: &str) -> Result<(), PlaneError> {
        let Ok(address) = address.trim().parse::<IpAddr>() else {
            return Err(PlaneError::invalid(
                "address",
                format!("{address:?} is no IP address, like 192.0.2.7 or 2001:db8::7"),
            ));
        };
        let place = Place::of(address);
        if let Some(place) = place {
            sessions::forget_failures(self.pool(), &Subject::Place(place).key()).await?;
        }
        sessions::forget_failures_like(self.pool(), "person:", &at(place)).await
    }

    /// Counts a login that may fail; refuses it while the next one has to wait.
    pub(super) async fn count_login(
        &self,
        email: &str,
        place: Option<Place>,
    ) -> Result<(), PlaneError> {
        if let Some(place) = place {
            self.count(Subject::Place(place)).await?;
        }
        let there = Subject::PersonThere(email, place);
        self.count(there).await?;
        let counted = self.count(Subject::Person(email)).await;
        if counted.is_err() {
            // That others try is no failure of who tries from here.
            sessions::uncount_login(self.pool(), &there.key()).await?;
        }
        counted
    }

    /// Takes back what was counted for a login that did not fail.
    pub(super) async fn forgive_login(
        &self,
        email: &str,
        place: Option<Place>,
    ) -> Result<(), PlaneError> {
        if let Some(place) = place {
            sessions::uncount_login(self.pool(), &Subject::Place(place).key()).await?;
        }
        let there = Subject::PersonThere(email, place);
        sessions::forget_failures(self.pool(), &there.key()).await?;
        sessions::uncount_login(self.pool(), &Subject::Person(email).key()).await
    }

    /// Counts a change of one's password that may fail.
    pub(super) async fn count_password(&self, id: &str) -> Result<(), PlaneError> {
        self.count(Subject::Password(id)).await
    }

    /// Forgets those that failed.
    pub(super) async fn forgive_password(&self, id: &str) -> Result<(), PlaneError> {
        sessions::forget_failures(self.pool(), &Subject::Password(id).key()).await
    }

    async fn count(&self, subject: Subject<'_>) -> Result<(), PlaneError> {
        let Limit {
            most,
            first,
            longest,
        } = subject.limit();
        let key = subject.key();
        let locked = sessions::count_login(self.pool(), &key, most, first, longest).await?;
        locked.map_or(Ok(()), |retry_after| Err(subject.refusal(retry_after)))
    }
}

/// What the keys of a person's places begin with.
fn person_at(email: &str) -> String {
    format!("person:{}@", secret::digest(email))
}

/// What the keys of persons at a place end with.
fn at(place: Option<Place>) -> String {
    place.map_or_else(|| "here".to_owned(), |place| place.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_subject_counts_by_itself() {
        let place = |text: &str| Place::of(text.parse().expect("an address"));
        let all = [
            Subject::Person("a"),
            Subject::Person("b"),
            Subject::Password("a"),
            Subject::PersonThere("a", None),
            Subject::PersonThere("a", place("192.0.2.1")),
            Subject::PersonThere("a", place("192.0.2.2")),
            Subject::PersonThere("b", place("192.0.2.1")),
            Subject::Place(place("192.0.2.1").expect("one")),
        ];
        let keys: BTreeSet<String> = all.iter().map(|subject| subject.key()).collect();
        assert_eq!(keys.len(), all.len(), "{keys:?}");
    }
}
