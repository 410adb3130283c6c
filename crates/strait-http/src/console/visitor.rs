//! Who looks at a page, and what they may do in its project.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use maud::{Markup, html};
use sha2::{Digest, Sha256};
use strait_plane::model::{Caller, Identity, Once, Project, Role, Seat, User};
use strait_plane::{Plane, PlaneError, trail};

use super::form::{Fields, ONCE, TOKEN};
use super::frame::{Page, Tab};
use crate::Shared;
use crate::access::session_cookie;
use crate::error::ApiError;

pub(super) use strait_plane::model::Permission;

/// How long the key of a form is that counts once.
const KEY: usize = 32;

/// Who is signed in.
#[derive(Clone)]
pub(super) struct Visitor {
    /// Who.
    pub(super) user: User,
    /// The session's id.
    pub(super) session: String,
    identity: Identity,
    form_token: String,
}

impl Visitor {
    /// The field that shows that a form is from a page of ours.
    pub(super) fn token(&self) -> Markup {
        html! { input type="hidden" name=(TOKEN) value=(self.form_token); }
    }

    /// What has to be in it.
    pub(super) fn form_token(&self) -> &str {
        &self.form_token
    }

    /// The same, as the API knows them.
    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The projects that they see, and what they are there.
    pub(super) async fn seats(&self, app: &Shared) -> Result<Vec<Seat>, ApiError> {
        Ok(app.plane.seats(&self.identity).await?)
    }
}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let Some(token) = session_cookie(app, &parts.headers) else {
            return Err(ApiError::Unauthorized("nobody is signed in"));
        };
        let identity = app.plane.session(token).await?;
        trail::proved(&identity);
        let Identity::User { user, session_id } = identity.clone() else {
            return Err(PlaneError::Stale("session").into());
        };
        app.limits.count_identity(&identity)?;
        let visitor = Self {
            user,
            session: session_id,
            identity,
            form_token: digest("token", token),
        };
        parts.extensions.insert(visitor.clone());
        Ok(visitor)
    }
}

/// A project, as its visitor may see and change it.
#[derive(Clone)]
pub(super) struct Scope {
    /// The plane, asked by the visitor.
    pub(super) plane: Plane,
    /// The project.
    pub(super) project: Project,
    /// What the visitor is in it.
    pub(super) role: Role,
    /// Who.
    pub(super) visitor: Visitor,
    /// Whether the customers' half is to be had too.
    pub(super) has_cloud: bool,
}

impl FromRequestParts<Shared> for Scope {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let visitor = Visitor::from_request_parts(parts, app).await?;
        let params = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|error| ApiError::Malformed(error.body_text()))?;
        let named = params.iter().find(|(name, _)| *name == "project");
        let named = named.map(|(_, value)| value).unwrap_or_default();
        let seat = app.plane.seat(&visitor.identity, named).await?;
        let scope = Self {
            plane: app
                .plane
                .by(Caller::new(&visitor.identity, seat.role, None)),
            project: seat.project,
            role: seat.role,
            visitor,
            has_cloud: app.options.customers.is_some(),
        };
        parts.extensions.insert(scope.clone());
        Ok(scope)
    }
}

impl Scope {
    /// The project's id.
    pub(super) fn id(&self) -> &str {
        &self.project.id
    }

    /// An address in the project.
    pub(super) fn address(&self, rest: &str) -> String {
        format!("/projects/{}{rest}", self.project.id)
    }

    /// A page in the project.
    pub(super) fn page(&self, title: impl Into<String>, tab: Tab) -> Page<'_> {
        Page::new(title)
            .to(&self.visitor)
            .within(&self.project)
            .with_cloud(self.has_cloud)
            .at(tab)
    }

    /// Whether the visitor may do this here: else it is not offered.
    pub(super) fn may(&self, permission: Permission) -> bool {
        self.role.may(permission)
    }

    /// Refuses what the visitor may not do here, in the words that the API has for it.
    pub(super) async fn must(&self, permission: Permission) -> Result<(), ApiError> {
        if self.may(permission) {
            return Ok(());
        }
        let admitted = self
            .plane
            .admit(&self.visitor.identity, &self.project.id, permission);
        Ok(admitted.await.map(|_| ())?)
    }

    /// Where the project's changes are told.
    pub(super) fn live(&self) -> String {
        self.address("/live")
    }

    /// The plane, asked once however often this form is posted: its key is drawn when the form is.
    pub(super) fn once(&self, fields: &Fields) -> Plane {
        let key = fields.get(ONCE);
        if key.len() < KEY {
            return self.plane.clone();
        }
        let once = Once {
            key: digest(&format!("console {key}"), &fields.typed()),
            fingerprint: "console".to_owned(),
        };
        self.plane
            .by(Caller::new(&self.visitor.identity, self.role, Some(once)))
    }
}

/// 128 bits drawn by lot.
pub(super) fn random() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// What forms of a session carry tells nothing of the session's own token.
fn digest(what: &str, text: &str) -> String {
    let mut digest = Sha256::new();
    for part in ["strait console", what, text] {
        digest.update(part);
        digest.update([0]);
    }
    hex::encode(digest.finalize())
}
