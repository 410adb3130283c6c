//! The audit.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strait_plane::model::{AuditOutcome, Audited};
use utoipa::ToSchema;

use super::words;

/// A change, or a refusal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    /// Its place: later ones have greater numbers.
    #[schema(example = "1042")]
    id: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who: `key:PUBLIC_KEY`, `user:EMAIL`, `admin`, `strait` itself, `unknown`; `database:USER` for what was changed in the store past Strait.
    #[schema(example = "user:ada@example.com")]
    actor: String,
    /// What people call them, where that says more.
    #[schema(required)]
    actor_name: Option<String>,
    /// From where, if that is known.
    #[schema(required, example = "192.0.2.7")]
    address: Option<String>,
    /// The request, as its answer's header `X-Request-Id` calls it.
    #[schema(required)]
    request_id: Option<String>,
    /// By which route.
    #[schema(required, example = "POST /public/api/v1/projects/{project_id}/vpcs")]
    route: Option<String>,
    /// The path that was asked for.
    #[schema(required)]
    path: Option<String>,
    /// What: an operation's action, or `key.create`, `key.revoke`, `member.change`, `user.delete`, `session.create` and so on;
    /// `request` where that is all there is to say.
    #[schema(example = "vpc.create")]
    action: String,
    /// The project that it is in.
    #[schema(required)]
    project_id: Option<String>,
    /// What kind of object it is about.
    #[schema(required, example = "vpc")]
    object_kind: Option<String>,
    /// That object's id.
    #[schema(required)]
    object_id: Option<String>,
    /// Its name at that time.
    #[schema(required)]
    object_name: Option<String>,
    /// The operation that makes it true.
    #[schema(required)]
    operation_id: Option<String>,
    /// What it changes, as it was.
    #[schema(value_type = Object)]
    before: serde_json::Value,
    /// What it changes, as it is now.
    #[schema(value_type = Object)]
    after: serde_json::Value,
    /// `accepted`: an operation makes it true, and another entry tells of its end; `done`; `refused`; `failed`.
    #[schema(schema_with = outcome)]
    outcome: &'static str,
    /// Why not, for programs.
    #[schema(required, example = "FORBIDDEN")]
    code: Option<String>,
    /// Why not, for people.
    #[schema(required)]
    message: Option<String>,
    /// How often: refusals of one minute that are like each other are counted.
    times: i64,
}

/// What of the audit is forgotten.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForgetInput {
    /// What is older than this: a time that is at least 30 days past.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) until: Timestamp,
}

/// What was forgotten.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Forgotten {
    /// How many entries.
    pub(crate) entries: i64,
}

impl From<Audited> for AuditEntry {
    fn from(entry: Audited) -> Self {
        Self {
            id: entry.id.to_string(),
            at: entry.at,
            actor: entry.actor,
            actor_name: entry.actor_name,
            address: entry.address,
            request_id: entry.request_id,
            route: entry.route,
            path: entry.path,
            action: entry.action,
            project_id: entry.project_id,
            object_kind: entry.object_kind,
            object_id: entry.object_id,
            object_name: entry.object_name,
            operation_id: entry.operation_id,
            before: entry.before,
            after: entry.after,
            outcome: entry.outcome.as_str(),
            code: entry.code,
            message: entry.message,
            times: entry.times,
        }
    }
}

fn outcome() -> utoipa::openapi::schema::Object {
    words(AuditOutcome::ALL.iter().map(|outcome| outcome.as_str()))
}
