//! What was seen of one kind of resource, and what is known of it beyond that.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::client::ATTEMPT;
use crate::error::Error;
use crate::tag::{ID, Key};

/// For how long a thing that AWS said it has made is believed to be there while AWS does not list it.
pub(crate) const BELIEVED: Duration = Duration::from_secs(60);
/// For how long nothing is made for a key once nobody waits any more for a call that may have taken effect: by then AWS has
/// done or dropped what it was asked, and lists it.
/// See <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>.
const DOUBTED: Duration = Duration::from_secs(20);
const _: () = assert!(DOUBTED.as_secs() > ATTEMPT.as_secs());
/// An owner that nobody asked about for so long is gone: all are asked about once a minute.
const ASKED_ABOUT: Duration = Duration::from_secs(300);

/// A resource as AWS describes it.
pub(crate) trait Resource: Clone {
    /// AWS's id of it, or its ARN.
    fn id(&self) -> &str;

    /// The value of one of its tags.
    fn tag(&self, key: &str) -> Option<&str>;
}

/// All resources of a kind that there were at one time, by id.
#[derive(Debug)]
pub(crate) struct Snapshot<T>(Arc<[T]>);

impl<T: Resource> Snapshot<T> {
    /// Those that were made for this key, lowest id first.
    pub(crate) fn made_for(&self, key: &Key) -> impl Iterator<Item = &T> {
        self.iter()
            .filter(move |found| found.tag(ID) == Some(key.as_str()))
    }

    /// Those of which this is true.
    pub(crate) fn only(&self, is_one: impl Fn(&T) -> bool) -> Self {
        Self(self.iter().filter(|found| is_one(found)).cloned().collect())
    }
}

impl<T> Deref for Snapshot<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> Clone for Snapshot<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// The last look at one kind of resource in one Region.
#[derive(Debug)]
pub(crate) struct Seen<T> {
    /// Held while AWS is asked, so that many who look at the same time ask once.
    last: tokio::sync::Mutex<Option<Look<T>>>,
    /// Writes so far; a look from before the last one is worth nothing.
    writes: AtomicU64,
    /// What AWS said it has made.
    made: Mutex<Vec<(Instant, T)>>,
    /// Keys for which something may have been made.
    doubts: Mutex<BTreeMap<Key, Outcome>>,
}

/// What is not known yet of a call.
#[derive(Debug)]
enum Outcome {
    /// It is waited for.
    UnderWay,
    /// Nobody has waited for it since then.
    LostAt(Instant),
}

impl Outcome {
    fn is_in_doubt(&self) -> bool {
        match self {
            Self::UnderWay => true,
            Self::LostAt(since) => since.elapsed() < DOUBTED,
        }
    }
}

#[derive(Debug)]
struct Look<T> {
    at: Instant,
    writes: u64,
    snapshot: Snapshot<T>,
}

impl<T: Resource> Seen<T> {
    /// The last look if it is younger than `fresh` and nothing was written since; otherwise a new one.
    pub(crate) async fn get(
        &self,
        fresh: Duration,
        ask: impl Future<Output = Result<Vec<T>, Error>>,
    ) -> Result<Snapshot<T>, Error> {
        let mut last = self.last.lock().await;
        let writes = self.writes.load(Ordering::SeqCst);
        if let Some(look) = last.as_ref()
            && look.writes == writes
            && look.at.elapsed() < fresh
        {
            return Ok(look.snapshot.clone());
        }
        let at = Instant::now();
        let snapshot = self.with_what_was_made(ask.await?);
        *last = Some(Look {
            at,
            writes,
            snapshot: snapshot.clone(),
        });
        Ok(snapshot)
    }

    /// Makes something for which AWS has no client token. Its call is not made while an earlier one is in doubt; what it
    /// makes is believed to be there from now on.
    pub(crate) async fn make(
        &self,
        key: &Key,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let doubt = self.doubt(key)?;
        let outcome = call.await;
        if outcome
            .as_ref()
            .err()
            .is_none_or(|error| !error.is_doubtful())
        {
            doubt.ends();
        }
        let made = outcome?;
        lock(&self.made).push((Instant::now(), made.clone()));
        self.forget();
        Ok(made)
    }

    /// How old the last look is, be it worth something or not; none before the first.
    pub(crate) async fn age(&self) -> Option<Duration> {
        let last = self.last.lock().await;
        last.as_ref().map(|look| look.at.elapsed())
    }

    /// Forgets what was seen: something was written.
    pub(crate) fn forget(&self) {
        self.writes.fetch_add(1, Ordering::SeqCst);
    }

    /// Fails while something may have been made for this key that AWS does not list yet: what is to go must not be missed.
    pub(crate) fn certain(&self, key: &Key) -> Result<(), Error> {
        let doubts = lock(&self.doubts);
        if doubts.get(key).is_some_and(Outcome::is_in_doubt) {
            return Err(in_doubt(key));
        }
        Ok(())
    }

    /// Notes that a call for this key is under way, unless another is in doubt. The call may never come back.
    fn doubt<'a>(&'a self, key: &'a Key) -> Result<Doubt<'a>, Error> {
        let mut doubts = lock(&self.doubts);
        doubts.retain(|_, outcome| outcome.is_in_doubt());
        if doubts.contains_key(key) {
            return Err(in_doubt(key));
        }
        doubts.insert(key.clone(), Outcome::UnderWay);
        Ok(Doubt {
            doubts: &self.doubts,
            key,
            is_known: false,
        })
    }

    fn with_what_was_made(&self, mut found: Vec<T>) -> Snapshot<T> {
        let mut made = lock(&self.made);
        made.retain(|(at, made)| {
            at.elapsed() < BELIEVED && !found.iter().any(|found| found.id() == made.id())
        });
        found.extend(made.iter().map(|(_, made)| made.clone()));
        found.sort_by(|one, other| one.id().cmp(other.id()));
        Snapshot(found.into())
    }
}

/// A call that may have taken effect. When it goes without having been told, the time of the doubt begins.
struct Doubt<'a> {
    doubts: &'a Mutex<BTreeMap<Key, Outcome>>,
    key: &'a Key,
    is_known: bool,
}

impl Doubt<'_> {
    /// Tells that it is known what came of the call.
    fn ends(mut self) {
        self.is_known = true;
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        let mut doubts = lock(self.doubts);
        if self.is_known {
            doubts.remove(self.key);
        } else {
            doubts.insert(self.key.clone(), Outcome::LostAt(Instant::now()));
        }
    }
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self {
            last: tokio::sync::Mutex::default(),
            writes: AtomicU64::default(),
            made: Mutex::default(),
            doubts: Mutex::default(),
        }
    }
}

/// Looks at things that AWS lists only for one owner: listeners of a load balancer, targets of a group.
#[derive(Debug)]
pub(crate) struct SeenOf<T>(Mutex<BTreeMap<String, Owner<T>>>);

#[derive(Debug)]
struct Owner<T> {
    seen: Arc<Seen<T>>,
    asked: Instant,
}

impl<T: Resource> SeenOf<T> {
    /// The last look at those of this owner.
    pub(crate) fn of(&self, owner: &str) -> Arc<Seen<T>> {
        let now = Instant::now();
        let mut owners = lock(&self.0);
        let owner = owners.entry(owner.to_owned()).or_insert_with(|| Owner {
            seen: Arc::default(),
            asked: now,
        });
        owner.asked = now;
        Arc::clone(&owner.seen)
    }

    /// Forgets what was seen of all owners.
    pub(crate) fn forget(&self) {
        for owner in lock(&self.0).values() {
            owner.seen.forget();
        }
    }

    /// Forgets an owner that is gone: it takes no part in how often others are looked at.
    pub(crate) fn drop_owner(&self, owner: &str) {
        lock(&self.0).remove(owner);
    }

    /// Of how many owners something is looked at.
    pub(crate) fn owners(&self) -> u32 {
        let mut owners = lock(&self.0);
        owners.retain(|_, owner| owner.asked.elapsed() < ASKED_ABOUT);
        u32::try_from(owners.len()).unwrap_or(u32::MAX)
    }
}

impl<T> Default for SeenOf<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

fn in_doubt(key: &Key) -> Error {
    Error::NotYet(format!(
        "nobody knows yet whether AWS did what it was last asked for {key}"
    ))
}

/// Nothing panics while such a lock is held; if it did, what is kept is whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
impl<T> Seen<T> {
    /// As if the time of all doubts had passed by now.
    pub(crate) fn age_doubts(&self) {
        for outcome in lock(&self.doubts).values_mut() {
            match outcome {
                Outcome::UnderWay => {}
                Outcome::LostAt(since) => *since = since.checked_sub(DOUBTED).expect("a time"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use strait_plane::cloud::VpcSpec;

    use super::*;

    const FRESH: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_fresh_look_is_kept_and_an_old_one_is_not() {
        let seen = Seen::default();
        assert_eq!(ids(&look(&seen, FRESH, ["a"]).await), ["a"]);
        assert_eq!(ids(&look(&seen, FRESH, ["b"]).await), ["a"]);
        assert_eq!(ids(&look(&seen, Duration::ZERO, ["b"]).await), ["b"]);
    }

    #[tokio::test]
    async fn a_look_from_before_a_write_is_worth_nothing() {
        let seen = Seen::default();
        let during = seen.get(FRESH, async {
            seen.forget();
            Ok(vec![Thing("a")])
        });
        during.await.expect("a look");
        assert_eq!(ids(&look(&seen, FRESH, ["b"]).await), ["b"]);
    }

    #[tokio::test]
    async fn a_look_that_failed_is_not_kept() {
        let seen = Seen::<Thing>::default();
        let failed = seen.get(FRESH, async { Err(Error::silent("ec2:DescribeThings")) });
        failed.await.expect_err("it failed");
        assert_eq!(ids(&look(&seen, FRESH, ["a"]).await), ["a"]);
    }

    #[tokio::test]
    async fn what_was_made_is_believed_until_it_is_listed() {
        let seen = Seen::default();
        look(&seen, FRESH, ["a"]).await;
        seen.make(&key(), async { Ok(Thing("b")) })
            .await
            .expect("it was made");
        assert_eq!(ids(&look(&seen, FRESH, ["a"]).await), ["a", "b"]);
        assert_eq!(
            ids(&look(&seen, Duration::ZERO, ["a", "b"]).await),
            ["a", "b"]
        );
        assert_eq!(
            ids(&look(&seen, Duration::ZERO, ["a"]).await),
            ["a"],
            "it was listed, and is gone"
        );
    }

    #[test]
    fn owners_that_nobody_asks_about_are_gone() {
        let seen = SeenOf::<Thing>::default();
        seen.of("old");
        seen.of("new");
        assert_eq!(seen.owners(), 2);
        if let Some(old) = lock(&seen.0).get_mut("old") {
            old.asked = Instant::now().checked_sub(ASKED_ABOUT).expect("a time");
        }
        assert_eq!(seen.owners(), 1);
        seen.of("old");
        assert_eq!(seen.owners(), 2, "it is asked about again");
    }

    #[tokio::test]
    async fn nothing_is_made_for_a_key_in_doubt() {
        let seen = Seen::default();
        let lost = async { Err(Error::silent("ec2:CreateThing")) };
        seen.make(&key(), lost)
            .await
            .expect_err("its answer was lost");
        let again = seen.make(&key(), async { Ok(Thing("a")) }).await;
        assert!(matches!(again, Err(Error::NotYet(_))));
        assert!(
            seen.certain(&key()).is_err(),
            "it may have to be taken away"
        );
    }

    #[tokio::test]
    async fn a_call_that_nobody_waited_for_is_in_doubt() {
        let seen = Seen::<Thing>::default();
        let (key, never) = (key(), std::future::pending());
        let ended = tokio::time::timeout(Duration::from_millis(1), seen.make(&key, never));
        ended.await.expect_err("it takes too long");
        let again = seen.make(&key, async { Ok(Thing("a")) }).await;
        assert!(matches!(again, Err(Error::NotYet(_))));
    }

    #[tokio::test]
    async fn a_call_that_took_long_is_in_doubt_from_its_end() {
        let (seen, key) = (Seen::<Thing>::default(), key());
        let lost = async {
            seen.age_doubts();
            Err(Error::silent("ec2:CreateThing"))
        };
        seen.make(&key, lost).await.expect_err("its answer is lost");
        assert!(seen.certain(&key).is_err());

        seen.age_doubts();
        let hangs = async {
            seen.age_doubts();
            std::future::pending().await
        };
        let ended = tokio::time::timeout(Duration::from_millis(1), seen.make(&key, hangs));
        ended.await.expect_err("nobody waits for it any more");
        assert!(seen.certain(&key).is_err());

        seen.age_doubts();
        seen.certain(&key).expect("AWS would list it by now");
        let made = async { Ok(Thing("a")) };
        seen.make(&key, made).await.expect("it is made");
        seen.certain(&key).expect("it is known");
    }

    #[tokio::test]
    async fn a_call_under_way_is_in_doubt_however_long_it_takes_and_whatever_else_is_made() {
        let (seen, key, other) = (Seen::<Thing>::default(), key(), Key::vpc_of("v2"));
        let long = async {
            seen.age_doubts();
            assert!(seen.certain(&key).is_err(), "it is under way");
            let made = seen.make(&other, async { Ok(Thing("b")) }).await;
            made.expect("that of another key is made meanwhile");
            let again = seen.make(&key, async { Ok(Thing("c")) }).await;
            assert!(matches!(again, Err(Error::NotYet(_))), "{again:?}");
            Err(Error::silent("ec2:CreateThing"))
        };
        seen.make(&key, long).await.expect_err("its answer is lost");
        assert!(seen.certain(&key).is_err(), "the doubt begins");
        seen.certain(&other).expect("it is known");
    }

    #[derive(Debug, Clone)]
    struct Thing(&'static str);

    impl Resource for Thing {
        fn id(&self) -> &str {
            self.0
        }

        fn tag(&self, _key: &str) -> Option<&str> {
            None
        }
    }

    async fn look<const N: usize>(
        seen: &Seen<Thing>,
        fresh: Duration,
        found: [&'static str; N],
    ) -> Snapshot<Thing> {
        let ask = async { Ok(found.map(Thing).to_vec()) };
        seen.get(fresh, ask).await.expect("a look")
    }

    fn ids(things: &[Thing]) -> Vec<&str> {
        things.iter().map(Resource::id).collect()
    }

    fn key() -> Key {
        Key::vpc(&VpcSpec {
            id: "v1".to_owned(),
            name: "one".to_owned(),
            region: "eu-west-1".to_owned(),
            cidr: "10.1.0.0/24".parse().expect("a range"),
        })
    }
}
