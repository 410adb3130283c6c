//! Logging in and out.

use std::net::IpAddr;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode, header};
use serde::Deserialize;
use strait_plane::model::Identity;
use strait_plane::trail;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shared;
use crate::access::{Asks, peer};
use crate::body::{Body, Segments};
use crate::error::{ApiError, ErrorBody};
use crate::objects::{LinkLogin, Login, Logout, NewSession, PasswordChange, Session};

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(login))
        .routes(routes!(login_by_link))
        .routes(routes!(logout))
        .routes(routes!(password))
        .routes(routes!(sessions))
        .routes(routes!(end_session))
}

/// Not by caches.
const NOT_KEPT: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

type Begun = Result<([(HeaderName, &'static str); 1], Json<NewSession>), ApiError>;

/// Where a request comes from, if that is known.
pub(crate) struct From(pub(crate) Option<IpAddr>);

impl FromRequestParts<Shared> for From {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        Ok(Self(peer(parts, app)))
    }
}

/// Begins a session. After 5 logins that failed the next ones have to wait, longer each time.
#[utoipa::path(
    post, path = "/auth/login", tag = "Users", operation_id = "login", security(()),
    request_body = Login,
    responses((status = 200, body = NewSession, description = "Begun."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn login(State(app): State<Shared>, From(from): From, Body(given): Body<Login>) -> Begun {
    let begun = app.plane.login(&given.email, given.password, from).await?;
    Ok((NOT_KEPT, Json(begun.into())))
}

/// Begins a session by what stands behind the `#` of a login link, which opens once.
#[utoipa::path(
    post, path = "/auth/login-link", tag = "Users", operation_id = "loginByLink", security(()),
    request_body = LinkLogin,
    responses((status = 200, body = NewSession, description = "Begun."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn login_by_link(
    State(app): State<Shared>,
    From(from): From,
    Body(given): Body<LinkLogin>,
) -> Begun {
    let begun = app.plane.login_by_link(&given.token, from).await?;
    Ok((NOT_KEPT, Json(begun.into())))
}

/// Ends the session that the request came in. Keys, and tokens that stand for them, have none: nothing changes.
#[utoipa::path(
    post, path = "/auth/logout", tag = "Users", operation_id = "logout",
    request_body = Option<Logout>,
    responses((status = 204, description = "Ended, or there was none."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn logout(
    State(app): State<Shared>,
    Asks(identity): Asks,
    _: Option<Body<Option<Logout>>>,
) -> Result<StatusCode, ApiError> {
    match identity {
        Identity::User { user, session_id } => app.plane.end_session(&user.id, &session_id).await?,
        Identity::Operator | Identity::Key { .. } => trail::learn(|asked| asked.changes = false),
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Chooses another password, or a first one. Other sessions end.
#[utoipa::path(
    post, path = "/auth/password", tag = "Users", operation_id = "changePassword", security(("token" = [])),
    request_body = PasswordChange,
    responses((status = 204, description = "Changed."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn password(
    State(app): State<Shared>,
    asks: Asks,
    Body(change): Body<PasswordChange>,
) -> Result<StatusCode, ApiError> {
    let (user, session) = session_of(asks)?;
    let PasswordChange {
        current_password,
        new_password,
    } = change;
    app.plane
        .change_password(&user, &session, current_password, new_password)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists one's own sessions, newest first.
#[utoipa::path(
    get, path = "/auth/sessions", tag = "Users", operation_id = "getSessions", security(("token" = [])),
    responses((status = 200, body = Vec<Session>, description = "The sessions."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn sessions(State(app): State<Shared>, asks: Asks) -> Result<Json<Vec<Session>>, ApiError> {
    let (user, _) = session_of(asks)?;
    let sessions = app.plane.list_sessions(&user).await?.into_iter();
    Ok(Json(sessions.map(Session::from).collect()))
}

#[derive(Deserialize)]
struct SessionPath {
    session_id: String,
}

/// Ends one of one's own sessions.
#[utoipa::path(
    delete, path = "/auth/sessions/{session_id}", tag = "Users", operation_id = "endSession", security(("token" = [])),
    params(("session_id" = String, Path, description = "The session's id.")),
    responses((status = 204, description = "Ended."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn end_session(
    State(app): State<Shared>,
    asks: Asks,
    Segments(named): Segments<SessionPath>,
) -> Result<StatusCode, ApiError> {
    let (user, _) = session_of(asks)?;
    app.plane.end_session(&user, &named.session_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The ids of who is logged in, and of the session.
fn session_of(Asks(identity): Asks) -> Result<(String, String), ApiError> {
    match identity {
        Identity::User { user, session_id } => Ok((user.id, session_id)),
        Identity::Operator | Identity::Key { .. } => Err(ApiError::NoSession),
    }
}
