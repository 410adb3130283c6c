//! Projects and their keys.

use jiff::Timestamp;
use serde::Serialize;

use super::Role;

/// Owns services and Peering VPCs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Project {
    /// 10 characters of `[a-z0-9]`.
    pub id: String,
    /// For people; need not be unique.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
}

/// A pair of keys for HTTP Basic authentication, without the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiKey {
    /// The user name.
    pub public_key: String,
    /// The project that it opens.
    pub project_id: String,
    /// What it is for; may be empty.
    pub name: String,
    /// What it is in its project.
    pub role: Role,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was used last, to the minute.
    pub last_used: Option<Timestamp>,
    /// From when on it opens nothing.
    pub expires: Option<Timestamp>,
}

/// A pair of keys to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// What it is for; may be empty.
    pub name: String,
    /// What it is to be in its project.
    pub role: Role,
    /// From when on it opens nothing.
    pub expires: Option<Timestamp>,
}

impl NewKey {
    /// One with this role, without a name and an end.
    pub fn of(role: Role) -> Self {
        Self {
            name: String::new(),
            role,
            expires: None,
        }
    }
}

/// A pair of keys at the one moment when its secret is known.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct NewApiKey {
    /// The pair.
    #[serde(flatten)]
    pub key: ApiKey,
    /// The password; only its hash is kept.
    pub secret_key: String,
}

/// Without the secret.
impl std::fmt::Debug for NewApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewApiKey")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// What a first start made, or found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bootstrap {
    /// The oldest project.
    pub project: Project,
    /// Its first pair of keys; only when it was made just now.
    pub key: Option<NewApiKey>,
}
