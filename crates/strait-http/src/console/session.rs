//! Signing in and out.

use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use strait_plane::model::NewSession;
use strait_plane::{ErrorKind, PlaneError};

use super::form::{self, Fields, Line, Posted, TOKEN};
use super::frame::Page;
use super::visitor::{Visitor, random};
use crate::access::{SESSION_COOKIE, cookie, same};
use crate::auth::From;
use crate::error::ApiError;
use crate::{Shared, Transport};

/// The cookie that shows that a form was sent by who got it, while nobody is signed in yet.
const VISIT: &str = "strait_visit";

#[derive(Deserialize)]
pub(super) struct Back {
    next: Option<String>,
}

/// The page to sign in, and where to go from there.
pub(super) fn login_for(next: Option<&str>) -> String {
    match next.filter(|next| *next != "/") {
        Some(next) => format!("/login?next={}", escaped(next)),
        None => "/login".to_owned(),
    }
}

pub(super) async fn ask(
    State(app): State<Shared>,
    Query(back): Query<Back>,
    headers: HeaderMap,
) -> Response {
    let fields = Fields::default().with("next", back.next.unwrap_or_default());
    with_visit(&app, &headers, |visit| page(&fields, visit))
}

pub(super) async fn log_in(
    State(app): State<Shared>,
    From(from): From,
    request: Request,
) -> Result<Response, ApiError> {
    let (fields, visit) = posted(&app, request).await?;
    let password = fields.raw("password").unwrap_or_default();
    match app.plane.login(fields.get("email"), password, from).await {
        Ok(begun) => Ok(welcome(&app, &begun, fields.get("next"))),
        Err(error) => {
            let status = match error.kind() {
                ErrorKind::TooMany => StatusCode::TOO_MANY_REQUESTS,
                ErrorKind::Unauthorized => StatusCode::UNPROCESSABLE_ENTITY,
                ErrorKind::NotFound
                | ErrorKind::Invalid
                | ErrorKind::Conflict
                | ErrorKind::CutsSessions
                | ErrorKind::QuotaExceeded
                | ErrorKind::Forbidden
                | ErrorKind::Unavailable
                | ErrorKind::Internal => return Err(error.into()),
            };
            let message = error.to_string();
            ApiError::from(error).note();
            let fields = fields.refused(ApiError::field("login", message), &[])?;
            Ok((status, page(&fields, &visit)).into_response())
        }
    }
}

/// A login link's token stands behind its `#`, so that no server and no log sees it before this.
pub(super) async fn log_in_by_link(
    State(app): State<Shared>,
    From(from): From,
    request: Request,
) -> Result<Response, ApiError> {
    let (fields, visit) = posted(&app, request).await?;
    match app.plane.login_by_link(fields.get("token"), from).await {
        Ok(begun) => Ok(welcome(&app, &begun, fields.get("next"))),
        Err(error @ PlaneError::Stale(_)) => {
            let message = format!("token: {error}; `strait console` prints another one");
            ApiError::from(error).note();
            let fields = fields.refused(ApiError::field("token", message), &["token"])?;
            let page = page(&fields, &visit);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn log_out(
    State(app): State<Shared>,
    visitor: Visitor,
    Posted(_): Posted,
) -> Result<Response, ApiError> {
    app.plane
        .end_session(&visitor.user.id, &visitor.session)
        .await?;
    let gone = format!(
        "{}; Max-Age=0",
        set(app.options.transport, SESSION_COOKIE, "")
    );
    Ok(([(header::SET_COOKIE, gone)], Redirect::to("/login")).into_response())
}

/// What was posted, and the visit that it belongs to.
async fn posted(app: &Shared, request: Request) -> Result<(Fields, String), ApiError> {
    let visit = visit(app, request.headers()).unwrap_or_default().to_owned();
    let fields = form::read(request, app).await?;
    if visit.is_empty() || !same(fields.get(TOKEN).as_bytes(), visit.as_bytes()) {
        return Err(ApiError::Forged);
    }
    Ok((fields, visit))
}

fn welcome(app: &Shared, begun: &NewSession, next: &str) -> Response {
    let cookie = set(app.options.transport, SESSION_COOKIE, &begun.token);
    ([(header::SET_COOKIE, cookie)], Redirect::to(own_path(next))).into_response()
}

fn with_visit(app: &Shared, headers: &HeaderMap, page: impl FnOnce(&str) -> Markup) -> Response {
    if let Some(visit) = visit(app, headers) {
        return page(visit).into_response();
    }
    let visit = random();
    let cookie = set(app.options.transport, VISIT, &visit);
    ([(header::SET_COOKIE, cookie)], page(&visit)).into_response()
}

fn visit<'a>(app: &Shared, headers: &'a HeaderMap) -> Option<&'a str> {
    cookie(headers, &app.options.transport.cookie(VISIT))
}

/// Scripts do not see it, and other sites' forms do not carry it.
fn set(transport: Transport, name: &str, value: &str) -> String {
    let secure = if transport.is_https() { "; Secure" } else { "" };
    let name = transport.cookie(name);
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}")
}

fn page(fields: &Fields, visit: &str) -> Markup {
    let hidden = html! {
        input type="hidden" name=(TOKEN) value=(visit);
        input type="hidden" name="next" value=(fields.get("next"));
    };
    let body = html! {
        div.sheet.narrow {
            h1 { "Sign in" }
            form #by-password method="post" action="/login" {
                (hidden)
                (fields.refusal())
                (fields.text("email", "E-mail address", "", &Line { kind: "email", first: true, autocomplete: "username", inputmode: Some("email"), ..Line::default() }))
                (fields.text("password", "Password", "", &Line { kind: "password", autocomplete: "current-password", ..Line::default() }))
                button.main type="submit" { "Sign in" }
            }
            details #by-link open[fields.is_ticked("token")] {
                summary { "Sign in with a link" }
                p.soft { "On the machine that Strait runs on, " code { "strait console" } " prints one. It opens once, within five minutes." }
                form method="post" action="/login/link" {
                    (hidden)
                    (fields.text("token", "What stands behind its #", "", &Line { kind: "password", ..Line::default() }))
                    button.main type="submit" { "Sign in with the link" }
                }
            }
        }
    };
    Page::new("Sign in").render(&body)
}

/// A path of ours to go to: nothing that a browser would take for another host.
fn own_path(next: &str) -> &str {
    let is_own = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && next.chars().all(|c| !c.is_control());
    if is_own { next } else { "/" }
}

fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.bytes()
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_for_this_site_and_for_its_scheme() {
        let plain = set(Transport::Plain, "a", "b");
        assert_eq!(plain, "a=b; Path=/; HttpOnly; SameSite=Lax");
        for secure in [Transport::Tls, Transport::BehindTls] {
            let expected = format!("__Host-{plain}; Secure");
            assert_eq!(set(secure, "a", "b"), expected);
        }
    }

    #[test]
    fn nobody_is_led_to_another_host() {
        assert_eq!(own_path("/projects/a/vpcs?x=1"), "/projects/a/vpcs?x=1");
        for foreign in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "",
            "evil",
            "/\tx",
        ] {
            assert_eq!(own_path(foreign), "/", "{foreign}");
        }
    }

    #[test]
    fn the_way_back_is_one_value_of_the_query() {
        assert_eq!(
            login_for(Some("/a?b=1&c=2")),
            "/login?next=/a%3Fb%3D1%26c%3D2"
        );
        assert_eq!(login_for(Some("/")), "/login");
        assert_eq!(login_for(None), "/login");
    }
}
