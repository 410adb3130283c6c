//! Who asks, and what they may see.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::header;
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use strait_plane::model::{self, Once};
use strait_plane::{Plane, PlaneError};

use crate::Shared;
use crate::error::ApiError;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The operator: sees all projects.
    Admin,
    /// The holder of a project's key pair: sees that project (by id) only.
    Project {
        /// The project's id.
        id: String,
        /// The public key.
        key: String,
    },
}

impl Caller {
    /// As operations name it.
    fn actor(&self) -> String {
        match self {
            Self::Admin => "admin".to_owned(),
            Self::Project { key, .. } => format!("key:{key}"),
        }
    }
}

/// The plane, asked by the caller.
pub(crate) struct By(pub(crate) Plane);

impl FromRequestParts<Shared> for By {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, app).await?;
        Ok(Self(app.plane.by(model::Caller {
            actor: caller.actor(),
            once: parts.extensions.get::<Once>().cloned(),
        })))
    }
}

/// The operator.
pub(crate) struct Admin;

/// The id of the project that the path names, which the caller may see.
pub(crate) struct InProject(pub(crate) String);

/// The id of the project that the path names, for who may register services in it: the operator, and the holders of its
/// keys where there is no admin key (there is one project then: another one takes that key). Who registers decides what
/// load balancers in the operator's own network lead to, and which of its groups are changed.
pub(crate) struct Registrar(pub(crate) String);

impl FromRequestParts<Shared> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let caller = authenticate(parts, app).await?;
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

async fn authenticate(parts: &Parts, app: &Shared) -> Result<Caller, ApiError> {
    let Some(value) = parts.headers.get(header::AUTHORIZATION) else {
        return Err(ApiError::Unauthorized(
            "the request carries no keys (header Authorization)",
        ));
    };
    let given = value
        .to_str()
        .map_err(|_| ApiError::Unauthorized(UNREADABLE))?;
    let Some((scheme, rest)) = given.trim().split_once(' ') else {
        return Err(ApiError::Unauthorized(UNREADABLE));
    };
    if scheme.eq_ignore_ascii_case("bearer") {
        return match app.options.admin_key() {
            Some(expected) if same(rest.trim().as_bytes(), expected.as_bytes()) => {
                Ok(Caller::Admin)
            }
            Some(_) | None => Err(ApiError::Unauthorized("the admin key is wrong")),
        };
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(ApiError::Unauthorized(
            "the header Authorization is neither Basic nor Bearer",
        ));
    }
    let (public, secret) = key_pair(rest.trim()).ok_or(ApiError::Unauthorized(UNREADABLE))?;
    let id = app.plane.authenticate(&public, &secret).await?;
    Ok(Caller::Project { id, key: public })
}

impl FromRequestParts<Shared> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        match Caller::from_request_parts(parts, app).await? {
            Caller::Admin => Ok(Self),
            Caller::Project { .. } => Err(ApiError::NotAdmin),
        }
    }
}

impl FromRequestParts<Shared> for InProject {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let params = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|error| {
                ApiError::Malformed(format!("the path cannot be read: {}", error.body_text()))
            })?;
        let named = params
            .iter()
            .find(|(name, _)| *name == "project_id")
            .map(|(_, value)| value);
        let named = named.unwrap_or_default();
        let own = match caller {
            Caller::Admin => return Ok(Self(app.plane.project(named).await?.id)),
            Caller::Project { id, .. } => id,
        };
        if named == own || app.plane.project(&own).await?.name == named {
            return Ok(Self(own));
        }
        // Whether another project of that name exists is not the caller's to know.
        Err(PlaneError::NotFound {
            kind: "project",
            name: named.to_owned(),
        }
        .into())
    }
}

impl FromRequestParts<Shared> for Registrar {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        if app.options.admin_key().is_some() {
            Admin::from_request_parts(parts, app).await?;
        }
        let InProject(project) = InProject::from_request_parts(parts, app).await?;
        Ok(Self(project))
    }
}

const UNREADABLE: &str = "the keys in the header Authorization cannot be read";

fn key_pair(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (public, secret) = text.split_once(':')?;
    Some((public.to_owned(), secret.to_owned()))
}

/// Compares in a time that does not tell how much was right.
fn same(given: &[u8], expected: &[u8]) -> bool {
    let differences = given
        .iter()
        .zip(expected)
        .fold(0, |found, (a, b)| found | (a ^ b));
    given.len() == expected.len() && differences == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_pairs_are_read_as_basic_authentication_writes_them() {
        assert_eq!(
            key_pair("YTpiOmM="),
            Some(("a".to_owned(), "b:c".to_owned()))
        );
        for bad in ["", "YQ==", "%%%", "YTpi!"] {
            assert_eq!(key_pair(bad), None, "{bad}");
        }
    }

    #[test]
    fn keys_are_compared_whole() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"", b"abc"));
        assert!(!same(b"abd", b"abc"));
        assert!(!same(b"abcd", b"abc"));
    }
}
