//! Streams end soon after who follows them may do so no more: they are asked again while it lasts.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, Method, header};
use futures::{Stream, StreamExt};
use strait_plane::model::Permission;

use crate::Shared;
use crate::access::identify;
use crate::error::ApiError;
use crate::operations::LIFE;
use crate::turns::Turn;

/// How often they are asked again.
const AGAIN: Duration = Duration::from_secs(10);

/// Who follows a stream, as they proved it.
pub(crate) struct Standing {
    app: Shared,
    proof: HeaderMap,
    project: String,
    turn: Turn,
}

impl Standing {
    /// By what a request to the API carries.
    pub(crate) fn new(app: &Shared, headers: &HeaderMap, project: &str, turn: Turn) -> Self {
        Self::with(
            app,
            headers,
            project,
            turn,
            &[header::AUTHORIZATION, header::COOKIE],
        )
    }

    /// By the session that a browser is in.
    pub(crate) fn of_session(app: &Shared, headers: &HeaderMap, project: &str, turn: Turn) -> Self {
        Self::with(app, headers, project, turn, &[header::COOKIE])
    }

    fn with(
        app: &Shared,
        headers: &HeaderMap,
        project: &str,
        turn: Turn,
        proofs: &[HeaderName],
    ) -> Self {
        let carried = headers.iter().filter(|(name, _)| proofs.contains(name));
        Self {
            app: app.clone(),
            proof: carried
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            project: project.to_owned(),
            turn,
        }
    }

    /// The stream, until it has lasted long enough or they may not see the project any more. Its turn ends with it.
    pub(crate) fn limit<T: Send>(
        self,
        stream: impl Stream<Item = T> + Send,
    ) -> impl Stream<Item = T> + Send {
        let Self {
            app,
            proof,
            project,
            turn,
        } = self;
        let refused = async move {
            let _turn = turn;
            loop {
                tokio::time::sleep(AGAIN).await;
                if admit(&app, &proof, &project).await.is_err() {
                    return;
                }
            }
        };
        let old = tokio::time::sleep(LIFE);
        stream.take_until(old).take_until(Box::pin(refused))
    }
}

async fn admit(app: &Shared, proof: &HeaderMap, project: &str) -> Result<(), ApiError> {
    let identity = identify(app, &Method::GET, proof).await?;
    app.plane.admit(&identity, project, Permission::See).await?;
    Ok(())
}
