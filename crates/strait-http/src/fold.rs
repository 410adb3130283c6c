//! Refusals that are like each other, counted for a while instead of written one by one: nobody fills the store by knocking.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strait_plane::model::{Asked, AuditOutcome};
use strait_plane::place::Place;

/// How long they are counted, unless told otherwise.
const SPAN: Duration = Duration::from_secs(60);
/// How many that are not like each other are told apart in that time; of one who asks, or persons as whom somebody logs in from one
/// address; and of all who are not known.
const MOST: usize = 100;
const OF_ONE: usize = 20;
const OF_STRANGERS: usize = 50;

/// What they are called of whom nobody knows who they are.
pub(crate) const UNKNOWN: &str = "unknown";

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

/// What makes refusals alike: who asks, where and for what; of who is not known, only from where, and as whom that one logs in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Known {
        actor: String,
        project: Option<String>,
        route: String,
        code: Option<String>,
        outcome: AuditOutcome,
    },
    Unknown {
        address: Option<String>,
        code: Option<String>,
        outcome: AuditOutcome,
    },
    /// To be logged in. None: as nobody whom there is, or as more than are told apart.
    Login {
        address: Option<String>,
        person: Option<String>,
        code: Option<String>,
        outcome: AuditOutcome,
    },
    /// More of one than are told apart.
    ManyOfOne(String, AuditOutcome),
    /// More than are told apart.
    Many(AuditOutcome),
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
        let key = place(key(&asked), &open);
        if let Some(like) = open.get_mut(&key) {
            like.times += 1;
            if like.project_id != asked.project_id {
                like.project_id = None;
            }
            return Fold::Counted;
        }
        let is_first = open.is_empty();
        let asked = match &key {
            Key::Known { .. } | Key::Unknown { .. } | Key::Login { .. } => asked,
            Key::ManyOfOne(_, _) => many_kinds(asked),
            Key::Many(_) => anybodys(asked),
        };
        let about = match &key {
            // These may be of several persons.
            Key::Login { person: None, .. } | Key::Many(_) => None,
            Key::Known { .. } | Key::Unknown { .. } | Key::Login { .. } | Key::ManyOfOne(_, _) => {
                asked.about.clone()
            }
        };
        // Those that come after it; it has one of the places even if none does.
        let rest = Asked {
            times: 0,
            about,
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
    if asked.actor != UNKNOWN {
        return Key::Known {
            actor: asked.actor.clone(),
            project: asked.project_id.clone(),
            route: asked.route.clone(),
            code,
            outcome: asked.outcome,
        };
    }
    let address = asked.address.as_ref().map(|text| {
        let place = text.parse().ok().and_then(Place::of);
        place.map_or_else(|| text.clone(), |place| place.to_string())
    });
    let outcome = asked.outcome;
    match asked.is_login {
        true => Key::Login {
            address,
            person: asked.about.as_ref().map(|person| person.id.clone()),
            code,
            outcome,
        },
        false => Key::Unknown {
            address,
            code,
            outcome,
        },
    }
}

/// Where it is counted: with its like, or if there is no place for another kind, with all those that have none.
fn place(key: Key, open: &BTreeMap<Key, Asked>) -> Key {
    if open.contains_key(&key) {
        return key;
    }
    match key {
        Key::Known { actor, outcome, .. } if kinds_of(&actor, open) >= OF_ONE => {
            place(Key::ManyOfOne(actor, outcome), open)
        }
        Key::Login {
            address,
            person: Some(_),
            code,
            outcome,
        } if persons_from(address.as_deref(), open) >= OF_ONE => {
            let rest = Key::Login {
                address,
                person: None,
                code,
                outcome,
            };
            place(rest, open)
        }
        Key::Unknown { outcome, .. } | Key::Login { outcome, .. }
            if strangers(open) >= OF_STRANGERS || open.len() >= MOST =>
        {
            Key::Many(outcome)
        }
        Key::Known { outcome, .. } | Key::ManyOfOne(_, outcome) if open.len() >= MOST => {
            Key::Many(outcome)
        }
        Key::Known { .. }
        | Key::Unknown { .. }
        | Key::Login { .. }
        | Key::ManyOfOne(_, _)
        | Key::Many(_) => key,
    }
}

fn kinds_of(one: &str, open: &BTreeMap<Key, Asked>) -> usize {
    let theirs = open.keys().filter(|key| match key {
        Key::Known { actor, .. } => actor == one,
        Key::Unknown { .. } | Key::Login { .. } | Key::ManyOfOne(_, _) | Key::Many(_) => false,
    });
    theirs.count()
}

fn persons_from(one: Option<&str>, open: &BTreeMap<Key, Asked>) -> usize {
    let from_there = open.keys().filter(|key| match key {
        Key::Login {
            address, person, ..
        } => address.as_deref() == one && person.is_some(),
        Key::Known { .. } | Key::Unknown { .. } | Key::ManyOfOne(_, _) | Key::Many(_) => false,
    });
    from_there.count()
}

fn strangers(open: &BTreeMap<Key, Asked>) -> usize {
    let theirs = open.keys().filter(|key| match key {
        Key::Unknown { .. } | Key::Login { .. } => true,
        Key::Known { .. } | Key::ManyOfOne(_, _) | Key::Many(_) => false,
    });
    theirs.count()
}

/// One that stands for many of who asks.
fn many_kinds(asked: Asked) -> Asked {
    Asked {
        route: "many".to_owned(),
        path: String::new(),
        code: None,
        message: Some(
            "there were more kinds of refusals and failures of this one in this time than are told apart"
                .to_owned(),
        ),
        about: None,
        ..asked
    }
}

/// One that stands for many who have nothing in common.
fn anybodys(asked: Asked) -> Asked {
    Asked {
        actor: UNKNOWN.to_owned(),
        actor_name: None,
        address: None,
        route: "many".to_owned(),
        path: String::new(),
        project_id: None,
        code: None,
        message: Some(
            "there were more kinds of refusals and failures in this time than are told apart"
                .to_owned(),
        ),
        about: None,
        is_login: false,
        ..asked
    }
}

#[cfg(test)]
mod tests {
    use strait_plane::model::About;

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
    fn logins_are_told_apart_from_all_else_and_by_whom_they_are_as() {
        let folds = Folds::new(None);
        let other = refusal("unknown", "192.0.2.7", "UNAUTHORIZED");
        assert_eq!(folds.fold(other.clone()), Fold::First(other));
        let nobodys = login(None, "192.0.2.7");
        assert_eq!(folds.fold(nobodys.clone()), Fold::New(nobodys));
        let first = login(Some(0), "192.0.2.7");
        assert_eq!(folds.fold(first.clone()), Fold::New(first.clone()));
        assert_eq!(folds.fold(first), Fold::Counted);
        assert_eq!(folds.fold(login(None, "192.0.2.7")), Fold::Counted);

        // Of one address so many persons are told apart; the others are logins still, as nobody who is told.
        let written = (0..1000)
            .filter(|number| folds.fold(login(Some(*number), "192.0.2.7")) != Fold::Counted);
        assert_eq!(written.count(), OF_ONE - 1);
        // It leaves room for what comes from elsewhere.
        let elsewhere = login(Some(0), "192.0.2.8");
        assert_eq!(folds.fold(elsewhere.clone()), Fold::New(elsewhere));
        let counted = folds.end();
        let times = |person: Option<&str>| {
            let of = counted
                .iter()
                .filter(|asked| asked.about.as_ref().map(|about| about.id.as_str()) == person);
            of.map(|asked| (asked.is_login, asked.times))
                .collect::<Vec<_>>()
        };
        assert_eq!(times(Some("usr-0")), [(true, 2)]);
        assert_eq!(times(None), [(true, 1 + 1000 - OF_ONE as i64)]);
    }

    #[test]
    fn however_many_knock_few_are_written() {
        let folds = Folds::new(None);
        let written = (0..5000u32).filter(|number| {
            let from = std::net::Ipv4Addr::from(*number).to_string();
            folds.fold(refusal("unknown", &from, "UNAUTHORIZED")) != Fold::Counted
        });
        assert_eq!(written.count(), OF_STRANGERS + 1);
        // Who is known is told apart from them still.
        let known = refusal("key:a", "192.0.2.7", "FORBIDDEN");
        assert_eq!(folds.fold(known.clone()), Fold::New(known));
        let counted = folds.end();
        assert_eq!(counted.len(), 1);
        assert_eq!(counted[0].times, 5000 - OF_STRANGERS as i64 - 1);
        assert_eq!(counted[0].address, None);
    }

    #[test]
    fn one_who_is_refused_much_leaves_room_for_others() {
        let folds = Folds::new(None);
        let of = |actor: &str, number: usize| Asked {
            route: format!("POST /{number}"),
            project_id: Some("one".to_owned()),
            ..refusal(actor, "192.0.2.7", "FORBIDDEN")
        };
        let written = (0..1000).filter(|number| folds.fold(of("key:a", *number)) != Fold::Counted);
        assert_eq!(written.count(), OF_ONE + 1);
        let other = of("key:b", 0);
        assert_eq!(folds.fold(other.clone()), Fold::New(other));
        let [rest] = &folds.end()[..] else {
            panic!("what has no place of its own is one entry")
        };
        assert_eq!(
            (rest.actor.as_str(), rest.route.as_str(), rest.times),
            ("key:a", "many", 1000 - OF_ONE as i64 - 1)
        );
        assert_eq!(rest.project_id.as_deref(), Some("one"), "it is all there");

        // However many are refused much, there is an end of it.
        let many = (0..1000).filter(|number| {
            let actor = format!("key:{}", number / 10);
            folds.fold(of(&actor, number % 10)) != Fold::Counted
        });
        assert_eq!(many.count(), MOST + 1);
    }

    #[test]
    fn projects_and_outcomes_are_told_apart() {
        let folds = Folds::new(None);
        let within = |project: &str| Asked {
            project_id: Some(project.to_owned()),
            ..refusal("user:ada@example.com", "192.0.2.7", "FORBIDDEN")
        };
        assert_eq!(folds.fold(within("one")), Fold::First(within("one")));
        assert_eq!(folds.fold(within("two")), Fold::New(within("two")));
        assert_eq!(folds.fold(within("one")), Fold::Counted);
        let failed = Asked {
            outcome: AuditOutcome::Failed,
            ..refusal("unknown", "192.0.2.7", "INTERNAL")
        };
        let refused = refusal("unknown", "192.0.2.7", "INTERNAL");
        assert_eq!(folds.fold(failed.clone()), Fold::New(failed.clone()));
        assert_eq!(folds.fold(refused.clone()), Fold::New(refused));
        assert_eq!(folds.fold(failed), Fold::Counted);

        let of_ada = |outcome| Asked {
            outcome,
            ..within("three")
        };
        let failed = of_ada(AuditOutcome::Failed);
        assert_eq!(folds.fold(failed.clone()), Fold::New(failed.clone()));
        let refused = of_ada(AuditOutcome::Refused);
        assert_eq!(folds.fold(refused.clone()), Fold::New(refused));
        assert_eq!(folds.fold(failed), Fold::Counted);
    }

    fn login(person: Option<u32>, address: &str) -> Asked {
        let person = person
            .map(|number| About::person(format!("usr-{number}"), format!("{number}@example.com")));
        Asked {
            about: person,
            is_login: true,
            ..refusal("unknown", address, "UNAUTHORIZED")
        }
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
            about: None,
            is_login: false,
        }
    }
}
