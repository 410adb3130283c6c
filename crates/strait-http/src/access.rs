//! Who asks, and what they may do: proved before anything else of a request is looked at.

use std::net::IpAddr;

use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use strait_plane::model::{Caller, Identity, Once, Permission, Role, Seat};
use strait_plane::{Plane, trail};
use subtle::ConstantTimeEq as _;

use crate::Shared;
use crate::error::ApiError;
use crate::metrics::Readers;
use crate::needs::{Needs, methods, needs};

/// The cookie that a session's token may come in. It counts for requests that change nothing: other sites' pages can make a
/// browser send it.
pub(crate) const SESSION_COOKIE: &str = "strait_session";

/// Who asks, and what they are in the project that the path names.
#[derive(Debug, Clone)]
struct Admitted {
    identity: Option<Identity>,
    seat: Option<Seat>,
}

/// Who asks.
pub(crate) struct Asks(pub(crate) Identity);

/// The id of the project that the path names, which the caller may see.
pub(crate) struct InProject(pub(crate) String);

/// The plane, asked by the caller.
pub(crate) struct By(pub(crate) Plane);

/// Lets those pass who may do what the route does.
pub(crate) async fn admitted(
    State(app): State<Shared>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let admitted = admit(&mut parts, &app).await?;
    parts.extensions.insert(admitted);
    Ok(next.run(Request::from_parts(parts, body)).await)
}

/// Lets the operator pass and nobody else: for routes that are not in [`crate::needs::ROUTES`].
pub(crate) async fn only_operator(
    State(app): State<Shared>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    app.limits.count_address(peer(&parts, &app))?;
    let identity = known(&parts, &app).await?;
    if identity != Identity::Operator {
        return Err(ApiError::NotAdmin);
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}

/// Who sends these headers.
pub(crate) async fn identify(
    app: &Shared,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Identity, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return match session_cookie(app, headers).filter(|_| method.is_safe()) {
            Some(token) => Ok(app.plane.session(token).await?),
            None => Err(ApiError::Unauthorized(
                "the request carries no keys (header Authorization)",
            )),
        };
    };
    let given = value
        .to_str()
        .map_err(|_| ApiError::Unauthorized(UNREADABLE))?;
    let Some((scheme, rest)) = given.trim().split_once(' ') else {
        return Err(ApiError::Unauthorized(UNREADABLE));
    };
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return match app.options.admin_key() {
            Some(expected) if same(rest.as_bytes(), expected.as_bytes()) => Ok(Identity::Operator),
            Some(_) | None => Ok(app.plane.bearer(rest).await?),
        };
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(ApiError::Unauthorized(
            "the header Authorization is neither Basic nor Bearer",
        ));
    }
    let (public, secret) = key_pair(rest).ok_or(ApiError::Unauthorized(UNREADABLE))?;
    Ok(app.plane.authenticate(&public, &secret).await?)
}

/// Where a request comes from, if that is known.
pub(crate) fn peer(parts: &Parts, app: &Shared) -> Option<IpAddr> {
    app.options.transport.peer(parts)
}

/// The token of the session that a browser is in.
pub(crate) fn session_cookie<'a>(app: &Shared, headers: &'a HeaderMap) -> Option<&'a str> {
    cookie(headers, &app.options.transport.cookie(SESSION_COOKIE))
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, named: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == named).then_some(value))
}

/// Compares in a time that does not tell how much was right.
pub(crate) fn same(given: &[u8], expected: &[u8]) -> bool {
    given.ct_eq(expected).into()
}

impl FromRequestParts<Shared> for Asks {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, ApiError> {
        let identity = admission(parts)?.identity.clone();
        identity.map(Self).ok_or(ApiError::Unasked)
    }
}

impl FromRequestParts<Shared> for InProject {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, ApiError> {
        let seat = admission(parts)?.seat.as_ref();
        seat.map(|seat| Self(seat.project.id.clone()))
            .ok_or(ApiError::Unasked)
    }
}

impl FromRequestParts<Shared> for By {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        let admitted = admission(parts)?;
        let Some(identity) = &admitted.identity else {
            return Err(ApiError::Unasked);
        };
        let role = match (&admitted.seat, identity) {
            (Some(seat), _) => seat.role,
            (None, Identity::Operator) => Role::Owner,
            (None, Identity::Key { .. } | Identity::User { .. }) => Role::Viewer,
        };
        let once = parts.extensions.get::<Once>().cloned();
        Ok(Self(app.plane.by(Caller::new(identity, role, once))))
    }
}

async fn admit(parts: &mut Parts, app: &Shared) -> Result<Admitted, ApiError> {
    app.limits.count_address(peer(parts, app))?;
    let path = parts
        .extensions
        .get::<MatchedPath>()
        .map(MatchedPath::as_str);
    let Some(path) = path else {
        return Err(ApiError::Unasked);
    };
    let Some(needs) = needs(&parts.method, path) else {
        return Err(match methods(path) {
            none if none.is_empty() => ApiError::Unasked,
            allowed => ApiError::WrongMethod {
                method: parts.method.clone(),
                path: parts.uri.path().to_owned(),
                allowed,
            },
        });
    };
    let is_open = needs == Needs::Metrics && app.options.metrics == Readers::Anybody;
    if needs == Needs::Nothing || is_open {
        return Ok(Admitted {
            identity: None,
            seat: None,
        });
    }
    let identity = known(parts, app).await?;
    let is_operator = identity == Identity::Operator;
    let seat = match (needs, named_project(parts, app).await?) {
        (Needs::Nothing | Needs::Identity | Needs::Session | Needs::Metrics, _)
        | (Needs::Operator, None) => None,
        // Of a project that they may not see, nobody learns here that it is.
        (Needs::Operator, Some(project)) => Some(app.plane.seat(&identity, &project).await?),
        (Needs::In(permission), Some(project)) => {
            Some(app.plane.admit(&identity, &project, permission).await?)
        }
        (Needs::Registrar, Some(project)) if app.options.admin_key().is_some() => {
            Some(app.plane.seat(&identity, &project).await?)
        }
        (Needs::Registrar, Some(project)) => {
            let permission = Permission::ManageNetworks;
            Some(app.plane.admit(&identity, &project, permission).await?)
        }
        (Needs::In(_) | Needs::Registrar, None) => return Err(ApiError::Unasked),
    };
    let for_operator = match needs {
        Needs::Operator | Needs::Metrics => true,
        Needs::Registrar => app.options.admin_key().is_some(),
        Needs::Nothing | Needs::Identity | Needs::Session | Needs::In(_) => false,
    };
    if for_operator && !is_operator {
        return Err(ApiError::NotAdmin);
    }
    if needs == Needs::Session && !matches!(identity, Identity::User { .. }) {
        return Err(ApiError::NoSession);
    }
    Ok(Admitted {
        identity: Some(identity),
        seat,
    })
}

/// Who asks, counted.
async fn known(parts: &Parts, app: &Shared) -> Result<Identity, ApiError> {
    let identity = identify(app, &parts.method, &parts.headers).await?;
    trail::proved(&identity);
    app.limits.count_identity(&identity)?;
    Ok(identity)
}

/// How the path names a project, if it does.
async fn named_project(parts: &mut Parts, app: &Shared) -> Result<Option<String>, ApiError> {
    let params = RawPathParams::from_request_parts(parts, app)
        .await
        .map_err(|error| {
            ApiError::Malformed(format!("the path cannot be read: {}", error.body_text()))
        })?;
    let named = params.iter().find(|(name, _)| *name == "project_id");
    Ok(named.map(|(_, value)| value.to_owned()))
}

fn admission(parts: &Parts) -> Result<&Admitted, ApiError> {
    parts.extensions.get().ok_or(ApiError::Unasked)
}

const UNREADABLE: &str = "the keys in the header Authorization cannot be read";

fn key_pair(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (public, secret) = text.split_once(':')?;
    Some((public.to_owned(), secret.to_owned()))
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
    fn the_session_is_found_among_cookies() {
        let mut headers = HeaderMap::new();
        assert_eq!(cookie(&headers, SESSION_COOKIE), None);
        for line in ["a=b; xstrait_session=no", "c=d;strait_session=sts_x ; e=f"] {
            headers.append(header::COOKIE, line.parse().expect("a header"));
        }
        assert_eq!(cookie(&headers, SESSION_COOKIE), Some("sts_x"));
    }

    #[test]
    fn keys_are_compared_whole() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"", b"abc"));
        assert!(!same(b"abd", b"abc"));
        assert!(!same(b"abcd", b"abc"));
    }
}
