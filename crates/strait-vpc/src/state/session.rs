//! Temporary credentials.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::AccountId;

/// Temporary credentials, by their access key id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The access key id, which begins with `ASIA`.
    pub access_key_id: String,
    /// The secret that signs.
    pub secret_access_key: String,
    /// The token that comes with every call.
    pub session_token: String,
    /// The account that they act as.
    pub account: AccountId,
    /// The role that was assumed; `None` where an account asked for a session of its own.
    pub role: Option<AssumedRole>,
    /// When they end.
    pub expires_at: Timestamp,
}

/// The role of a session. There is no IAM: a role is its name, and is there when it is assumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssumedRole {
    /// The role's name, without its path.
    pub name: String,
    /// The role's id, which follows from its account and name.
    pub id: String,
    /// The name that the session was given.
    pub session_name: String,
}
