//! Refusals as pages: the API says them in JSON, the console in words of its own.

use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::frame::Page;
use super::parts::{Tone, note};
use super::session::login_for;
use crate::BASE;
use crate::error::{ApiError, ErrorBody};

/// What a page of ours may load and do: only what this server sends, and nothing that is written into the page itself.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Puts the headers on every page, and turns refusals into pages. Who is not signed in is led to where that is done.
pub(super) async fn dressed(request: Request, next: Next) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let answer = if method == Method::POST && !is_from_here(&request) {
        ApiError::Forged.into_response()
    } else {
        next.run(request).await
    };
    dress(answer, &method, &uri)
}

/// Answers a path that is none: a browser with a page, a program as the API does.
pub(crate) async fn no_such_path(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let refusal = ApiError::NoSuchPath(uri.path().to_owned()).into_response();
    let accepted = headers.get(header::ACCEPT).map(HeaderValue::as_bytes);
    let is_browser = accepted.is_some_and(|accepted| accepted.starts_with(b"text/html"));
    if is_browser && !uri.path().starts_with(BASE) {
        return dress(refusal, &method, &uri);
    }
    refusal
}

fn dress(answer: Response, method: &Method, uri: &Uri) -> Response {
    let mut response = match answer.extensions().get::<ErrorBody>().cloned() {
        None => answer,
        Some(_) if answer.status() == StatusCode::UNAUTHORIZED => {
            let path = uri.path_and_query().map(PathAndQuery::as_str);
            let back = path.filter(|_| method == Method::GET);
            Redirect::to(&login_for(back)).into_response()
        }
        Some(refusal) => page(&answer, &refusal),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether a browser says that the form was on a page of ours. One that says nothing is none that we know: what sends forms
/// without a browser can say so too.
fn is_from_here(request: &Request) -> bool {
    let headers = request.headers();
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    // That an origin is ours, `hosts` has seen to.
    headers.contains_key(header::ORIGIN)
}

fn page(asked: &Response, refusal: &ErrorBody) -> Response {
    let status = asked.status();
    let kept = [header::RETRY_AFTER].map(|name| (name.clone(), asked.headers().get(name).cloned()));
    let title = title(status);
    let body = html! {
        h1 { (title) }
        (note(Tone::Bad, &said(refusal)))
        p { a href="/" { "To the start" } }
    };
    let mut response = (status, Page::new(title).render(&body)).into_response();
    for (name, value) in kept {
        if let Some(value) = value {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn said(refusal: &ErrorBody) -> Markup {
    html! {
        p { (refusal.message) "." }
        @if let Some(next) = &refusal.next_action { p { (next) "." } }
    }
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "There is no such page",
        StatusCode::FORBIDDEN => "That is not allowed",
        StatusCode::CONFLICT => "That cannot be done now",
        StatusCode::SERVICE_UNAVAILABLE => "Strait cannot answer now",
        _ if status.is_server_error() => "Something went wrong in Strait",
        _ => "That did not work",
    }
}
