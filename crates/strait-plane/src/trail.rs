//! The request that is being answered: who asks, from where, by which route. The audit of a change says so, wherever in the plane
//! it is written; whoever serves requests keeps one of these for each.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use crate::error::PlaneError;
use crate::model::{About, Identity, User};
use crate::store::audit;

tokio::task_local! {
    static ASKING: Arc<Asking>;
}

/// A request, and what has become known of it.
#[derive(Debug)]
pub struct Asking {
    /// What tells it from others: 32 hexadecimal digits, or what the client calls it.
    pub request: String,
    /// Where it comes from, if that is known.
    pub address: Option<IpAddr>,
    /// What it asks for, without a query.
    pub path: String,
    known: Mutex<Known>,
}

/// What becomes known of a request while it is answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// What it asks for, in words that are the same for all that ask for the like: `POST /projects/{project_id}/vpcs`.
    pub route: String,
    /// Whether it is to change something.
    pub changes: bool,
    /// Who asks, as operations name it, and what people call it.
    pub actor: Option<(String, Option<String>)>,
    /// The project that it is in (its id), which who asks may see.
    pub project: Option<String>,
    /// Whether a change was begun that notes itself.
    pub began: bool,
    /// A change that was made and does not note itself.
    pub made: Option<About>,
    /// That somebody is to be logged in.
    pub login: Option<Login>,
    /// Why it is refused.
    pub refusal: Option<Refusal>,
}

/// A login, whatever comes of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// As whom, if there is such a person.
    pub person: Option<About>,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// For programs.
    pub code: &'static str,
    /// HTTP's.
    pub status: u16,
    /// For people, where it repeats nothing that was sent and may be secret.
    pub message: Option<String>,
    /// Whether it names a project that is not there for who asks.
    pub foreign: bool,
}

impl Asking {
    /// A request that nothing is known of yet.
    pub fn new(request: String, address: Option<IpAddr>, path: &str) -> Self {
        Self {
            request,
            address: address.map(|address| address.to_canonical()),
            path: path.chars().take(LONGEST).collect(),
            known: Mutex::default(),
        }
    }

    /// What is known.
    pub fn known(&self) -> Known {
        self.lock().clone()
    }

    /// Learns something.
    pub fn learn(&self, what: impl FnOnce(&mut Known)) {
        what(&mut self.lock());
    }

    /// As transactions are told: of who asks, or if nobody knows that, of this one.
    fn told(&self, actor: &str, actor_name: Option<&str>) -> Value {
        let known = self.known();
        let (actor, actor_name) = match &known.actor {
            Some((actor, name)) => (actor.as_str(), name.as_deref()),
            None => (actor, actor_name),
        };
        json!({
            "actor": actor,
            "actor_name": actor_name,
            "address": self.address,
            "request_id": self.request,
            "route": known.route,
            "path": self.path,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The longest path that is kept whole.
const LONGEST: usize = 200;

/// Answers a request: all that is done meanwhile is done for it.
pub async fn answering<F: Future>(asking: Arc<Asking>, answer: F) -> F::Output {
    ASKING.scope(asking, answer).await
}

/// The request that is being answered, if one is.
pub fn asking() -> Option<Arc<Asking>> {
    ASKING.try_with(Arc::clone).ok()
}

/// Who asks is proved.
pub fn proved(identity: &Identity) {
    let actor = identity.actor();
    tracing::Span::current().record("actor", actor.as_str());
    learn(|known| known.actor = Some((actor, identity.name().map(str::to_owned))));
}

/// The project that is asked for is there for who asks.
pub fn inside(project: &str) {
    learn(|known| known.project = Some(project.to_owned()));
    tracing::Span::current().record("project", project);
}

/// Somebody is to be logged in, as this person if there is one. What was typed is not kept: it may be a password.
pub(crate) fn logs_in(user: Option<&User>) {
    let person = user.map(|user| About::person(user.id.clone(), user.email.clone()));
    learn(|known| known.login = Some(Login { person }));
}

/// A change was made that does not note itself.
pub fn made(change: About) {
    learn(|known| known.made = Some(change));
}

/// Learns something of the request that is being answered, if one is.
pub fn learn(what: impl FnOnce(&mut Known)) {
    if let Some(asking) = asking() {
        asking.learn(what);
    }
}

/// Begins a change: what its transaction writes is in the audit as that of who asks, or if no request is being answered, as this
/// one's.
pub(crate) async fn begin(
    pool: &PgPool,
    actor: &str,
    actor_name: Option<&str>,
) -> Result<Transaction<'static, Postgres>, PlaneError> {
    let mut tx = pool.begin().await?;
    learn(|known| known.began = true);
    audit::tell_caller(&mut tx, &caller(actor, actor_name)).await?;
    Ok(tx)
}

/// Who asks is proved in the middle of a change: what it writes from now on is theirs.
pub(crate) async fn proved_within(
    db: &mut PgConnection,
    actor: &str,
    actor_name: &str,
) -> Result<(), PlaneError> {
    learn(|known| known.actor = Some((actor.to_owned(), Some(actor_name.to_owned()))));
    audit::tell_caller(db, &caller(actor, Some(actor_name))).await
}

fn caller(actor: &str, actor_name: Option<&str>) -> Value {
    match asking() {
        Some(asking) => asking.told(actor, actor_name),
        None => json!({ "actor": actor, "actor_name": actor_name }),
    }
}
