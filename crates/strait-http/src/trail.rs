//! Follows each request from its beginning to its end: gives it an id, measures it, and writes into the audit what it was refused.
//! Changes note themselves, in their own transactions; see `strait_plane::trail`.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use futures::StreamExt;
use strait_plane::model::{Asked, AuditOutcome};
use strait_plane::trail::{Asking, Known, Refusal, answering};
use tracing::Instrument;
use tracing::field::Empty;

use crate::access::peer;
use crate::fold::Fold;
use crate::once::REPLAYED;
use crate::{App, Shared};

/// What a request is called, by its client or by us.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest name that a client may give one.
const LONGEST: usize = 64;

/// How long the store may take to write a refusal down: whoever is refused waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// A path that there is no route for.
const NOWHERE: &str = "none";

/// Follows a request.
pub(crate) async fn followed(State(app): State<Shared>, request: Request, next: Next) -> Response {
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
        known.route = format!("{method} {template}");
        known.changes = !method.is_safe();
    });
    let span = tracing::info_span!("request", request_id = %id, %method, route = template, actor = Empty, project = Empty);
    let answer = answering(
        Arc::clone(&asking),
        next.run(Request::from_parts(parts, body)),
    );
    let mut response = answer.instrument(span.clone()).await;
    let took = (!waits).then(|| begun.elapsed());
    (app.metrics).answered(&method, &template, response.status(), took);
    span.in_scope(|| tracing::debug!(status = response.status().as_u16(), "answered"));
    if let Some(asked) = worth_noting(&asking, &template, &response) {
        keep(&app, asked).instrument(span).await;
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    counted(&app, response)
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
    let (actor, actor_name) = (known.actor).unwrap_or_else(|| ("unknown".to_owned(), None));
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
fn plain_code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "UNAUTHORIZED",
        403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        409 => "CONFLICT",
        429 => "TOO_MANY_REQUESTS",
        503 => "UNAVAILABLE",
        400..=499 => "INVALID_ARGUMENT",
        _ => "INTERNAL",
    }
}

/// Writes it down; refusals that are like one of a moment ago are counted first.
async fn keep(app: &Shared, asked: Asked) {
    if asked.outcome != AuditOutcome::Refused {
        return write(app, &asked).await;
    }
    match app.folds.fold(asked) {
        Fold::First(asked) => {
            tokio::spawn(unfold(Arc::downgrade(app), app.folds.span()));
            write(app, &asked).await;
        }
        Fold::New(asked) => write(app, &asked).await,
        Fold::Counted => {}
    }
}

/// Writes down what was counted, when the time for that is over.
async fn unfold(app: Weak<App>, span: Duration) {
    tokio::time::sleep(span).await;
    let Some(app) = app.upgrade() else {
        return;
    };
    for asked in app.folds.end() {
        write(&app, &asked).await;
    }
}

async fn write(app: &App, asked: &Asked) {
    let Some(why) = unwritten(app, asked).await else {
        return;
    };
    tracing::warn!(
        why, actor = asked.actor, address = asked.address, route = asked.route, path = asked.path,
        outcome = %asked.outcome, code = asked.code, times = asked.times,
        "this is not in the audit"
    );
}

/// Writes it down, or says why that cannot be.
async fn unwritten(app: &App, asked: &Asked) -> Option<String> {
    const SILENT: &str = "the store does not answer";
    // Whoever is told so does not wait for it once more.
    if !app.plane.store_pulse().borrow().beats() {
        return Some(SILENT.to_owned());
    }
    match tokio::time::timeout(PATIENCE, app.plane.note_asked(asked)).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(SILENT.to_owned()),
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
