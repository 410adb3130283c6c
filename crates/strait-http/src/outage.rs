//! A store that does not answer: its users are told soon, not left waiting.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use strait_plane::Pulse;
use tokio::sync::watch;

use crate::Shared;
use crate::error::ApiError;

tokio::task_local! {
    /// Whether what is being answered changes something.
    static CHANGES: bool;
}

/// Marks an answer that is one because a connection to the store died.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Died;

/// Whether the request that is being answered changes something.
pub(crate) fn is_change() -> bool {
    CHANGES.try_with(|changes| *changes).unwrap_or(false)
}

/// Answers while the store does. What needs no store is answered all the same: it waits for nothing.
pub(crate) async fn watched(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let mut pulse = app.plane.store_pulse();
    let changes = !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    let begun = pulse.borrow().beats();
    let answer = CHANGES.scope(changes, answer(request, next, changes));
    tokio::select! {
        biased;
        response = answer => response,
        () = lost(&mut pulse) => {
            let error = if begun && changes { ApiError::Unknown } else { ApiError::NoStore };
            error.into_response()
        }
    }
}

/// What reads is tried a second time if the connection that it had died.
async fn answer(request: Request, next: Next, changes: bool) -> Response {
    if changes {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let response = next
        .clone()
        .run(Request::from_parts(parts.clone(), body))
        .await;
    if response.extensions().get::<Died>().is_none() {
        return response;
    }
    next.run(Request::from_parts(parts, Body::empty())).await
}

async fn lost(pulse: &mut watch::Receiver<Pulse>) {
    if pulse.wait_for(|pulse| !pulse.beats()).await.is_err() {
        // Nobody feels it any more: the server ends.
        std::future::pending::<()>().await;
    }
}
