//! Follows each request from its beginning to its end: gives it an id, measures it, and has noted in the audit what it was refused.
//! Changes note themselves, in their own transactions; see `strait_plane::trail`.

use std::convert::Infallible;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use strait_plane::model::{Asked, AuditOutcome};
use strait_plane::trail::{Asking, Known, Refusal, answering};
use tokio::sync::oneshot;
use tracing::Instrument;
use tracing::field::Empty;

use crate::access::peer;
use crate::fold::UNKNOWN;
use crate::once::REPLAYED;
use crate::{App, Shared, notes};

/// What a request is called, by its client or by us.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest name that a client may give one.
const LONGEST: usize = 64;

/// How long what only reads may go on after its client has left: long enough to be refused.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// A path that there is no route for.
const NOWHERE: &str = "none";

/// Follows a request. In a task of its own: a client that leaves must not keep its refusal out of the audit.
pub(crate) async fn followed(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let (_here, left) = oneshot::channel();
    match tokio::spawn(answered(app, request, next, left)).await {
        Ok(response) => response,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The server ends.
            Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        },
    }
}

async fn answered(
    app: Shared,
    request: Request,
    next: Next,
    left: oneshot::Receiver<Infallible>,
) -> Response {
    let begun = Instant::now();
    let (parts, body) = request.into_parts();
    let method = parts.method.clone();
    let matched = parts.extensions.get::<MatchedPath>();
    let template = matched.map_or(NOWHERE, MatchedPath::as_str).to_owned();
    let waits = (parts.uri.query()).is_some_and(|query| query.contains("wait="));
    let id = name(&parts.headers);
    let asking = Arc::new(Asking::new(
        id.clone(),
        peer(&parts, &app),
        parts.uri.path(),
    ));
    asking.learn(|known| {
        // Anybody may invent methods.
        known.route = format!("{} {template}", method_word(&method));
        known.changes = !method.is_safe();
    });
    let span = tracing::info_span!("request", request_id = %id, %method, route = template, actor = Empty, project = Empty);
    let answer = answering(
        Arc::clone(&asking),
        next.run(Request::from_parts(parts, body)),
    );
    let answer = unless_abandoned(answer, left, method.is_safe());
    let Some(mut response) = answer.instrument(span.clone()).await else {
        // Nobody is told so.
        return StatusCode::REQUEST_TIMEOUT.into_response();
    };
    let took = (!waits).then(|| begun.elapsed());
    (app.metrics).answered(&method, &template, response.status(), took);
    span.in_scope(|| tracing::debug!(status = response.status().as_u16(), "answered"));
    if let Some(asked) = worth_noting(&asking, &template, &response) {
        notes::keep(&app, asked).instrument(span).await;
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    counted(&app, response)
}

/// The answer; none to what only reads when its client has left and it goes on for long: somebody may have been waiting for
/// something to happen. A change is brought to its end.
async fn unless_abandoned(
    answer: impl Future<Output = Response>,
    left: oneshot::Receiver<Infallible>,
    reads: bool,
) -> Option<Response> {
    let abandoned = async {
        let _ = left.await;
        match reads {
            true => tokio::time::sleep(AFTERWARDS).await,
            false => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        response = answer => Some(response),
        () = abandoned => None,
    }
}

/// The client's name for it, if that is one; else one of ours.
fn name(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let is_plain = |id: &&str| {
        (1..=LONGEST).contains(&id.len())
            && (id.bytes()).all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let drawn = || format!("{:032x}", rand::random::<u128>());
    given.filter(is_plain).map_or_else(drawn, ToOwned::to_owned)
}

/// Streams are counted as long as somebody reads them.
fn counted(app: &App, response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    if !kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
        return response;
    }
    let reader = app.metrics.reader();
    let (parts, body) = response.into_parts();
    let read = body.into_data_stream().inspect(move |_| {
        let _ = &reader;
    });
    Response::from_parts(parts, Body::from_stream(read))
}

/// What the audit is to say of a request, where no change has noted itself: each refusal of a change, each request by who may not
/// ask for it, and what was done elsewhere than in the store.
fn worth_noting(asking: &Asking, template: &str, response: &Response) -> Option<Asked> {
    // It came to what its first time came to.
    if response.headers().contains_key(REPLAYED) {
        return None;
    }
    let known = asking.known();
    let status = response.status();
    let (outcome, refusal) = match &known.refusal {
        // Nobody is signed in, and is led to where that is done.
        Some(_) if status.is_redirection() && !known.changes => return None,
        Some(refusal) => (outcome(refusal, &known)?, Some(refusal.clone())),
        None if status.is_client_error() || status.is_server_error() => {
            let refusal = Refusal {
                code: plain_code(status),
                status: status.as_u16(),
                message: None,
                foreign: false,
            };
            (outcome(&refusal, &known)?, Some(refusal))
        }
        None if known.changes && !known.began => (AuditOutcome::Done, None),
        None => return None,
    };
    let is_closed = (refusal.as_ref()).is_some_and(|refusal| is_of_access(refusal.status));
    if template == NOWHERE && !is_closed {
        return None;
    }
    let (actor, actor_name) = (known.actor).unwrap_or_else(|| (UNKNOWN.to_owned(), None));
    let is_login = known.login.is_some();
    let person = known.login.and_then(|login| login.person);
    Some(Asked {
        actor,
        actor_name,
        address: asking.address.map(|address| address.to_string()),
        request_id: asking.request.clone(),
        route: known.route,
        path: asking.path.clone(),
        project_id: known.project,
        outcome,
        code: refusal.as_ref().map(|refusal| refusal.code.to_owned()),
        message: refusal.and_then(|refusal| refusal.message),
        times: 1,
        about: match outcome {
            AuditOutcome::Done => known.made,
            AuditOutcome::Refused | AuditOutcome::Failed => person,
            AuditOutcome::Accepted => None,
        },
        is_login,
    })
}

/// What came of a request that was refused, if that is a matter of the audit.
fn outcome(refusal: &Refusal, known: &Known) -> Option<AuditOutcome> {
    let is_ours = refusal.status >= 500;
    match (is_ours, known.changes) {
        (true, true) => Some(AuditOutcome::Failed),
        (true, false) => None,
        (false, true) => Some(AuditOutcome::Refused),
        (false, false) => {
            let is_it = is_of_access(refusal.status) || refusal.foreign;
            is_it.then_some(AuditOutcome::Refused)
        }
    }
}

fn is_of_access(status: u16) -> bool {
    [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::TOO_MANY_REQUESTS,
    ]
    .iter()
    .any(|of_access| of_access.as_u16() == status)
}

/// Of an answer that says no code itself.
pub(crate) fn plain_code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "UNAUTHORIZED",
        403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        405 => "METHOD_NOT_ALLOWED",
        409 => "CONFLICT",
        413 => "PAYLOAD_TOO_LARGE",
        415 => "UNSUPPORTED_MEDIA_TYPE",
        429 => "TOO_MANY_REQUESTS",
        503 => "UNAVAILABLE",
        400..=499 => "INVALID_ARGUMENT",
        _ => "INTERNAL",
    }
}

/// The method, if it is one that there is.
pub(crate) fn method_word(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let mut known = KNOWN.into_iter();
    known
        .find(|known| *known == method.as_str())
        .unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_called_as_its_client_says_if_that_is_a_name() {
        let named = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(text).expect("a header"));
            name(&headers)
        };
        for good in ["a", "Deploy-7.1_x", &"x".repeat(LONGEST)] {
            assert_eq!(named(good), good);
        }
        for bad in ["", "a b", "a\"b", "<script>", &"x".repeat(LONGEST + 1)] {
            let ours = named(bad);
            assert_eq!(ours.len(), 32, "{bad}: {ours}");
            assert!(ours.bytes().all(|byte| byte.is_ascii_hexdigit()), "{ours}");
        }
        assert_ne!(name(&HeaderMap::new()), name(&HeaderMap::new()));
    }
}
