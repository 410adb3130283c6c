//! STS: who am I, and credentials for a time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::api::common::to_second;

/// Asks who signs the call.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct GetCallerIdentityRequest {}

/// Who signed the call.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetCallerIdentityResponse {
    /// The account's root user, or the role's id and the session's name.
    pub user_id: String,
    /// The account.
    pub account: String,
    /// The ARN.
    pub arn: String,
}

/// Asks whose an access key is.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct GetAccessKeyInfoRequest {
    /// The access key id.
    pub access_key_id: String,
}

/// Whose an access key is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetAccessKeyInfoResponse {
    /// The account.
    pub account: String,
}

/// Asks for credentials of a role.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AssumeRoleRequest {
    /// The role, such as `arn:aws:iam::123456789012:role/operator`.
    pub role_arn: String,
    /// What to call the session.
    pub role_session_name: String,
    /// How long the credentials are good; an hour if not said.
    #[serde(default)]
    pub duration_seconds: Option<i64>,
    /// What a role's trust policy may ask for. Roles have none here, so any will do.
    #[serde(default)]
    pub external_id: Option<String>,
    /// Who asks, as the session says it.
    #[serde(default)]
    pub source_identity: Option<String>,
}

/// Credentials of a role.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssumeRoleResponse {
    /// The credentials.
    pub credentials: SessionCredentials,
    /// Who signs with them.
    pub assumed_role_user: AssumedRoleUser,
    /// Who asked, as the session says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
}

/// Asks for credentials of one's own for a time.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct GetSessionTokenRequest {
    /// How long the credentials are good; an hour if not said.
    #[serde(default)]
    pub duration_seconds: Option<i64>,
}

/// Credentials for a time.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetSessionTokenResponse {
    /// The credentials.
    pub credentials: SessionCredentials,
}

/// Temporary credentials.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SessionCredentials {
    /// The access key id.
    pub access_key_id: String,
    /// The secret that signs.
    pub secret_access_key: String,
    /// The token that comes with every call.
    pub session_token: String,
    /// When they end.
    #[serde(serialize_with = "to_second")]
    pub expiration: Timestamp,
}

/// Who signs with a role's credentials.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssumedRoleUser {
    /// The role's id and the session's name.
    pub assumed_role_id: String,
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
    pub arn: String,
}
