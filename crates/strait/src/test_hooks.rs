//! Paths of the AWS endpoint that only `strait up --test-hooks` has.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use strait_local::cloud::Local;

/// `POST /moto-api/reset`, which moto's `mock_aws` calls before and after each test.
pub(crate) fn router(local: Local) -> Router {
    Router::new()
        .route("/moto-api/reset", post(reset))
        .with_state(local)
}

async fn reset(State(local): State<Local>) -> Response {
    // In a task of its own: a caller that leaves must not cut a commit short.
    let done = tokio::spawn(async move { local.reset_customers().await });
    match done.await {
        Ok(Ok(())) => r#"{"status": "ok"}"#.into_response(),
        Ok(Err(error)) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}
