//! The audit: what was changed and what was refused.

use jiff::Timestamp;
use serde::Serialize;

use super::{PageSize, words};

/// A change or a refusal, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audited {
    /// Its place: later ones have greater numbers.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who: `key:PUBLIC_KEY`, `user:EMAIL`, `admin`, `strait` itself, `unknown`; `database:USER` for what was changed in the store past Strait.
    pub actor: String,
    /// What people call them, where that says more.
    pub actor_name: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// The request's id.
    pub request_id: Option<String>,
    /// By which route, as it is written in the router.
    pub route: Option<String>,
    /// The path that was asked for.
    pub path: Option<String>,
    /// What: an operation's action, `key.revoke` and so on; `request` where that is all there is to say.
    pub action: String,
    /// The project that it is in.
    pub project_id: Option<String>,
    /// What kind of object it is about.
    pub object_kind: Option<String>,
    /// That object's id.
    pub object_id: Option<String>,
    /// Its name at that time.
    pub object_name: Option<String>,
    /// The operation that makes it true.
    pub operation_id: Option<String>,
    /// What it changes, as it was.
    pub before: serde_json::Value,
    /// What it changes, as it is now.
    pub after: serde_json::Value,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// Why not, for programs.
    pub code: Option<String>,
    /// Why not, for people.
    pub message: Option<String>,
    /// How often: refusals that are like each other are counted.
    pub times: i64,
}

/// What came of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuditOutcome {
    /// It was asked for rightly, and is being made true by an operation.
    Accepted,
    /// It is done.
    Done,
    /// It was refused.
    Refused,
    /// It could not be done.
    Failed,
}

words!(AuditOutcome, "outcome", {
    Accepted => "accepted",
    Done => "done",
    Refused => "refused",
    Failed => "failed",
});

/// What of the audit is looked for. All that is given must be so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only what is in this project (its id).
    pub project: Option<String>,
    /// Only by this one: as it is kept, without what stands before its `:`, or by its name.
    pub actor: Option<String>,
    /// Only about this object, by id or name.
    pub object: Option<String>,
    /// Only this action, or those that begin with it and a dot: `key`, `key.revoke`.
    pub action: Option<String>,
    /// Only what came out so.
    pub outcomes: Vec<AuditOutcome>,
    /// Only of this operation.
    pub operation: Option<String>,
    /// Only at this time or later.
    pub since: Option<Timestamp>,
    /// Only before this time.
    pub until: Option<Timestamp>,
    /// Only with this in it somewhere, in upper or lower case.
    pub text: Option<String>,
}

/// Which part of what is found, the newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditPage {
    /// The last one that was shown; without it the very newest come.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: PageSize,
}

/// What somebody asked for and was not done, or was done where no change notes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Who.
    pub actor: String,
    /// What people call them, where that says more.
    pub actor_name: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// The request's id.
    pub request_id: String,
    /// By which route.
    pub route: String,
    /// The path that was asked for.
    pub path: String,
    /// The project that it is in, if they may see it.
    pub project_id: Option<String>,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// Why not, for programs.
    pub code: Option<String>,
    /// Why not, for people.
    pub message: Option<String>,
    /// How often.
    pub times: i64,
    /// What it was about: what was done, or whom a login that was refused was to be as.
    pub about: Option<About>,
    /// Whether somebody was to be logged in.
    pub is_login: bool,
}

/// What is in the audit though no change notes itself: what was done to what, or as whom a login was to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// What was done: `account.create`.
    pub action: &'static str,
    /// The kind of object.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it changes, as it was.
    pub before: serde_json::Value,
    /// What it changes, as it is now.
    pub after: serde_json::Value,
}

impl About {
    /// Somebody of whom nothing changes.
    pub fn person(id: String, email: String) -> Self {
        Self {
            action: "request",
            kind: "user",
            id,
            name: email,
            before: serde_json::json!({}),
            after: serde_json::json!({}),
        }
    }
}
