//! Refusals that are like each other, counted for a while instead of written one by one: nobody fills the store by knocking.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strait_plane::model::Asked;
use strait_plane::place::Place;

/// How long they are counted, unless told otherwise.
const SPAN: Duration = Duration::from_secs(60);
/// How many that are not like each other are told apart in that time.
const MOST: usize = 100;

/// What becomes of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fold {
    /// It is to be written, and from now on others are counted.
    First(Asked),
    /// It is to be written.
    New(Asked),
    /// It is counted.
    Counted,
}

/// What has been refused lately.
pub(crate) struct Folds {
    span: Duration,
    open: Mutex<BTreeMap<Key, Asked>>,
}

/// What makes refusals alike: who asks and for what; of who is not known, only from where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Known {
        actor: String,
        route: String,
        code: Option<String>,
    },
    Unknown {
        address: Option<String>,
        code: Option<String>,
    },
    TooMany,
}

impl Folds {
    /// With another time than the usual one.
    pub(crate) fn new(span: Option<Duration>) -> Self {
        Self {
            span: span.unwrap_or(SPAN),
            open: Mutex::default(),
        }
    }

    /// How long is counted.
    pub(crate) fn span(&self) -> Duration {
        self.span
    }

    /// Counts a refusal, or says that it is to be written.
    pub(crate) fn fold(&self, asked: Asked) -> Fold {
        let mut open = self.open();
        let mut key = key(&asked);
        if open.len() >= MOST && !open.contains_key(&key) {
            key = Key::TooMany;
        }
        if let Some(like) = open.get_mut(&key) {
            like.times += 1;
            return Fold::Counted;
        }
        let is_first = open.is_empty();
        let asked = match key {
            Key::Known { .. } | Key::Unknown { .. } => asked,
            Key::TooMany => anybodys(asked),
        };
        // Those that come after it; it has one of the places even if none does.
        let rest = Asked {
            times: 0,
            ..asked.clone()
        };
        open.insert(key, rest);
        match is_first {
            true => Fold::First(asked),
            false => Fold::New(asked),
        }
    }

    /// The time is over: what was counted and is to be written.
    pub(crate) fn end(&self) -> Vec<Asked> {
        let counted = std::mem::take(&mut *self.open());
        counted
            .into_values()
            .filter(|asked| asked.times > 0)
            .collect()
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<Key, Asked>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(asked: &Asked) -> Key {
    let code = asked.code.clone();
    if asked.actor != "unknown" {
        return Key::Known {
            actor: asked.actor.clone(),
            route: asked.route.clone(),
            code,
        };
    }
    let address = asked.address.as_ref().map(|text| {
        let place = text.parse().ok().and_then(Place::of);
        place.map_or_else(|| text.clone(), |place| place.to_string())
    });
    Key::Unknown { address, code }
}

/// One that stands for many who have nothing in common.
fn anybodys(asked: Asked) -> Asked {
    Asked {
        actor: "unknown".to_owned(),
        actor_name: None,
        address: None,
        route: "many".to_owned(),
        path: String::new(),
        project_id: None,
        code: None,
        message: Some(
            "there were more kinds of refusals in this time than are told apart".to_owned(),
        ),
        ..asked
    }
}

#[cfg(test)]
mod tests {
    use strait_plane::model::AuditOutcome;

    use super::*;

    #[test]
    fn the_first_is_written_and_the_others_are_counted() {
        let folds = Folds::new(None);
        let one = refusal("unknown", "192.0.2.7", "UNAUTHORIZED");
        assert_eq!(folds.fold(one.clone()), Fold::First(one.clone()));
        for _ in 0..41 {
            assert_eq!(folds.fold(one.clone()), Fold::Counted);
        }
        let alone = refusal("unknown", "192.0.2.8", "UNAUTHORIZED");
        assert_eq!(folds.fold(alone.clone()), Fold::New(alone));
        let counted = folds.end();
        assert_eq!(
            counted,
            [Asked {
                times: 41,
                ..one.clone()
            }]
        );
        assert_eq!(folds.end(), []);
        assert_eq!(folds.fold(one.clone()), Fold::First(one));
    }

    #[test]
    fn of_who_is_known_routes_are_told_apart_and_of_others_holders_of_addresses() {
        let folds = Folds::new(None);
        let on = |asked: Asked, route: &str| Asked {
            route: route.to_owned(),
            ..asked
        };
        let key = || refusal("key:a", "192.0.2.7", "FORBIDDEN");
        assert!(matches!(folds.fold(on(key(), "a")), Fold::First(_)));
        assert!(matches!(folds.fold(on(key(), "b")), Fold::New(_)));
        assert_eq!(folds.fold(on(key(), "b")), Fold::Counted);
        let nobody = |address| refusal("unknown", address, "UNAUTHORIZED");
        assert!(matches!(
            folds.fold(on(nobody("2001:db8::1"), "a")),
            Fold::New(_)
        ));
        assert_eq!(folds.fold(on(nobody("2001:db8::2"), "b")), Fold::Counted);
        assert!(matches!(
            folds.fold(nobody("2001:db8:0:1::2")),
            Fold::New(_)
        ));
    }

    #[test]
    fn however_many_knock_few_are_written() {
        let folds = Folds::new(None);
        let written = (0..5000u32).filter(|number| {
            let from = std::net::Ipv4Addr::from(*number).to_string();
            folds.fold(refusal("unknown", &from, "UNAUTHORIZED")) != Fold::Counted
        });
        assert_eq!(written.count(), MOST + 1);
        let counted = folds.end();
        assert_eq!(counted.len(), 1);
        assert_eq!(counted[0].times, 5000 - MOST as i64 - 1);
        assert_eq!(counted[0].address, None);
    }

    fn refusal(actor: &str, address: &str, code: &str) -> Asked {
        Asked {
            actor: actor.to_owned(),
            actor_name: None,
            address: Some(address.to_owned()),
            request_id: "r".to_owned(),
            route: "GET /projects".to_owned(),
            path: "/projects".to_owned(),
            project_id: None,
            outcome: AuditOutcome::Refused,
            code: Some(code.to_owned()),
            message: None,
            times: 1,
        }
    }
}
