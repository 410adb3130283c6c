//! Projects and their keys.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strait_plane::model::{self, NewApiKey};
use utoipa::ToSchema;

/// Owns services and Peering VPCs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Project {
    /// Its id.
    #[schema(example = "rp1pz7uyae")]
    id: String,
    /// Its name, for people.
    name: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
}

impl From<model::Project> for Project {
    fn from(project: model::Project) -> Self {
        Self {
            id: project.id,
            name: project.name,
            created: project.created,
        }
    }
}

/// A new project with its pair of keys. The secret is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProjectWithKey {
    #[serde(flatten)]
    project: Project,
    /// The user name of its key pair.
    public_key: String,
    /// The password of its key pair; only a hash is kept.
    #[schema(format = Password)]
    secret_key: String,
}

impl ProjectWithKey {
    pub(crate) fn new(project: model::Project, key: NewApiKey) -> Self {
        Self {
            project: project.into(),
            public_key: key.key.public_key,
            secret_key: key.secret_key,
        }
    }
}

/// A project to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProject {
    /// Its name, for people.
    pub(crate) name: String,
}

/// A new name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamedInput {
    /// The new name.
    pub(crate) name: String,
}
