//! What tests only have: paths of the AWS endpoint with `strait up --test-hooks`, and stops before steps in a build with `failpoints`.

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

/// Before each step of an operation that a file in the folder `STRAIT_STOP_AT` is named as, the file goes and the process stops
/// as by SIGSTOP, until it gets SIGCONT: a test can kill or freeze at that very moment whom it likes, this process too.
#[cfg(feature = "failpoints")]
pub(crate) fn stop_at_steps() {
    let Some(folder) = std::env::var_os("STRAIT_STOP_AT").map(std::path::PathBuf::from) else {
        return;
    };
    for step in strait_plane::model::Step::ALL {
        let file = folder.join(step.as_str());
        // It says no only to words that are not its own actions, and there are none.
        let _ = fail::cfg_callback(step.as_str(), move || {
            if std::fs::remove_file(&file).is_ok() {
                let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGSTOP);
            }
        });
    }
}
