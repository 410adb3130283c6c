//! How often one may ask: so much for whom it is, and so much for where it comes from. Each server counts for itself.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use strait_plane::model::Identity;
use strait_plane::place::Place;

use crate::error::ApiError;

/// After how many requests those are forgotten who have asked for nothing lately.
const SWEEP: u32 = 10_000;

/// A rate: so many a second for ever, and so many at once after a rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// A second.
    pub each_second: NonZeroU32,
    /// At once.
    pub at_once: NonZeroU32,
}

impl Default for Rate {
    /// More than people and well-made programs ask for, and less than makes a server slow for others.
    fn default() -> Self {
        Self {
            each_second: NonZeroU32::new(100).expect("not zero"),
            at_once: NonZeroU32::new(1000).expect("not zero"),
        }
    }
}

/// Counts requests.
pub(crate) struct Limits {
    identities: DefaultKeyedRateLimiter<String>,
    addresses: DefaultKeyedRateLimiter<Place>,
    counted: AtomicU32,
}

impl Limits {
    pub(crate) fn new(rate: Rate) -> Self {
        let quota = Quota::per_second(rate.each_second).allow_burst(rate.at_once);
        Self {
            identities: RateLimiter::keyed(quota),
            addresses: RateLimiter::keyed(quota),
            counted: AtomicU32::new(0),
        }
    }

    /// Counts for where a request comes from. Loopback is no place.
    pub(crate) fn count_address(&self, from: Option<IpAddr>) -> Result<(), ApiError> {
        self.sweep();
        let Some(place) = from.and_then(Place::of) else {
            return Ok(());
        };
        self.addresses
            .check_key(&place)
            .map_err(|late| too_many("this address", &late))
    }

    /// Counts for who sent a request. The operator may ask as often as they like.
    pub(crate) fn count_identity(&self, identity: &Identity) -> Result<(), ApiError> {
        match identity {
            Identity::Operator => Ok(()),
            Identity::Key { .. } | Identity::User { .. } => self
                .identities
                .check_key(&identity.actor())
                .map_err(|late| too_many("these keys or this user", &late)),
        }
    }

    fn sweep(&self) {
        if self.counted.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            self.identities.retain_recent();
            self.addresses.retain_recent();
        }
    }
}

fn too_many(
    whose: &'static str,
    late: &governor::NotUntil<<DefaultClock as Clock>::Instant>,
) -> ApiError {
    let wait = late.wait_time_from(DefaultClock::default().now());
    ApiError::TooMany {
        whose,
        retry_after: wait.as_secs() + 1,
    }
}

#[cfg(test)]
mod tests {
    use strait_plane::model::Role;

    use super::*;

    #[test]
    fn one_who_asks_too_often_waits_and_others_do_not() {
        let limits = of(3);
        let key = |public_key: &str| Identity::Key {
            public_key: public_key.to_owned(),
            name: String::new(),
            project_id: "p".to_owned(),
            role: Role::Viewer,
        };
        for _ in 0..3 {
            limits.count_identity(&key("a")).expect("few");
        }
        let refused = limits.count_identity(&key("a")).expect_err("many");
        assert!(
            matches!(
                refused,
                ApiError::TooMany {
                    retry_after: 1..,
                    ..
                }
            ),
            "{refused:?}"
        );
        limits.count_identity(&key("b")).expect("another one");
        for _ in 0..30 {
            limits
                .count_identity(&Identity::Operator)
                .expect("the operator");
        }
    }

    #[test]
    fn addresses_are_counted_by_their_holders_and_loopback_is_not() {
        let limits = of(2);
        let count = |text: &str| limits.count_address(Some(text.parse().expect("an address")));
        count("2001:db8::1").expect("one");
        count("2001:db8::2").expect("two");
        count("2001:db8::3").expect_err("three");
        count("2001:db8:0:1::3").expect("another holder");
        count("192.0.2.1").expect("one");
        count("::ffff:192.0.2.1").expect("two");
        count("192.0.2.1").expect_err("three");
        count("192.0.2.2").expect("another holder");
        for _ in 0..30 {
            count("127.0.0.1").expect("loopback");
            limits.count_address(None).expect("nobody knows");
        }
    }

    fn of(at_once: u32) -> Limits {
        Limits::new(Rate {
            each_second: NonZeroU32::MIN,
            at_once: NonZeroU32::new(at_once).expect("not zero"),
        })
    }
}
