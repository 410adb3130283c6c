//! Quotas, and asking for more.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strait_plane::model::{self, Quota, QuotaRequestState};
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

/// A quota of a project.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QuotaSetting {
    /// Which.
    #[schema(schema_with = quota)]
    quota: Quota,
    /// How many there may be.
    limit: u32,
    /// How many there are; for a quota per VPC, on the fullest one.
    used: u32,
}

impl From<model::QuotaSetting> for QuotaSetting {
    fn from(setting: model::QuotaSetting) -> Self {
        Self {
            quota: setting.quota,
            limit: setting.limit,
            used: setting.used,
        }
    }
}

/// A quota to set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuotaInput {
    /// Which.
    #[schema(schema_with = quota)]
    pub(crate) quota: String,
    /// How many there may be from now on.
    pub(crate) limit: u32,
}

/// More of a quota that a project asked for, and what came of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QuotaRequest {
    /// Its id.
    #[schema(example = "qr-k3v0q1x9m2ab")]
    id: String,
    /// The project that asks.
    project_id: String,
    /// Its name.
    project_name: String,
    /// Which quota.
    #[schema(schema_with = quota)]
    quota: Quota,
    /// The limit when it was asked for.
    present: u32,
    /// The limit that was asked for.
    wanted: u32,
    /// Why.
    reason: String,
    /// Who asked: `key:PUBLIC_KEY`, `user:EMAIL` or `admin`.
    #[schema(example = "user:ada@example.com")]
    actor: String,
    /// What people call it, where that says more.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor_name: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// What came of it.
    #[schema(schema_with = state)]
    state: QuotaRequestState,
    /// Who decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<String>,
    /// When that was.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    decided: Option<Timestamp>,
    /// What was said about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    word: Option<String>,
    /// The limit that it came to, if it was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    granted: Option<u32>,
}

impl From<model::QuotaRequest> for QuotaRequest {
    fn from(request: model::QuotaRequest) -> Self {
        Self {
            id: request.id,
            project_id: request.project_id,
            project_name: request.project_name,
            quota: request.quota,
            present: request.present,
            wanted: request.wanted,
            reason: request.reason,
            actor: request.actor,
            actor_name: request.actor_name,
            created: request.created,
            state: request.state,
            decided_by: request.decided_by,
            decided: request.decided,
            word: request.word,
            granted: request.granted,
        }
    }
}

/// More of a quota, to ask for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuotaRequestInput {
    /// Which.
    #[schema(schema_with = quota)]
    pub(crate) quota: String,
    /// How many there should be: more than there may be now.
    pub(crate) wanted: u32,
    /// Why: 1 to 1000 characters.
    pub(crate) reason: String,
}

/// How a request is granted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantInput {
    /// The limit from now on; without it, what was asked for.
    pub(crate) limit: Option<u32>,
    /// Something to say about it: 1 to 1000 characters.
    pub(crate) word: Option<String>,
}

/// How a request is refused.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefusalInput {
    /// Why not: 1 to 1000 characters.
    pub(crate) word: String,
}

fn quota() -> Object {
    super::words(Quota::ALL.iter().map(|quota| quota.as_str()))
}

fn state() -> Object {
    super::words(QuotaRequestState::ALL.iter().map(|state| state.as_str()))
}
