//! The GraphQL that Tiger Cloud's Terraform provider speaks, at `/api/query`: the same plane, permissions and refusals as
//! behind the REST API, in the provider's words.

mod inputs;
mod mutation;
mod objects;
mod query;
mod told;

use std::sync::LazyLock;

use async_graphql::{EmptySubscription, Error, ErrorExtensions, ID, Request, Response, Schema};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Method, header};
use strait_plane::model::{Caller, Identity, Permission};
use strait_plane::{Plane, PlaneError, trail};

use crate::Shared;
use crate::access::identify;
use crate::body::Body;
use crate::error::ApiError;
use mutation::Mutation;
use query::Query;

/// Where it is.
pub(crate) const PATH: &str = "/api/query";

/// How many selections may lie in each other.
const DEEPEST: usize = 20;
/// How much one request may ask for: a field is one.
const MOST: usize = 500;
/// How much a token is: keys are slow to check on purpose, so that one request gets one.
const TOKEN: usize = MOST / 2 + 1;
/// How much what is looked up or changed is, beside its fields.
const ROOT: usize = 25;

type Answered<T> = Result<T, Error>;

/// Answers a request. Who asks is looked at where a resolver needs to know: to exchange keys for a token, nobody needs one.
pub(crate) async fn answer(
    State(app): State<Shared>,
    method: Method,
    headers: HeaderMap,
    Body(mut request): Body<Request>,
) -> Result<Json<Response>, ApiError> {
    let identity = match headers.contains_key(header::AUTHORIZATION) {
        true => Some(identify(&app, &method, &headers).await?),
        false => None,
    };
    told::tell(&mut request);
    if let Some(identity) = &identity {
        trail::proved(identity);
        app.limits.count_identity(identity)?;
    }
    let asker = Asker { app, identity };
    let response = SCHEMA.execute(request.data(asker)).await;
    told::conclude(&response);
    Ok(Json(response))
}

/// The schema, in GraphQL's own language.
pub fn sdl() -> String {
    SCHEMA.sdl()
}

static SCHEMA: LazyLock<Schema<Query, Mutation, EmptySubscription>> = LazyLock::new(|| {
    Schema::build(Query, Mutation, EmptySubscription)
        .limit_depth(DEEPEST)
        .limit_complexity(MOST)
        .finish()
});

/// Who asks.
struct Asker {
    app: Shared,
    identity: Option<Identity>,
}

/// A project, for somebody who may do in it what they ask for.
struct Project {
    /// The plane, asked by them.
    plane: Plane,
    id: String,
}

impl Asker {
    fn plane(&self) -> &Plane {
        &self.app.plane
    }

    async fn project(&self, named: &ID, permission: Permission) -> Answered<Project> {
        let identity = self.identity.as_ref().ok_or_else(|| {
            refused(ApiError::Unauthorized(
                "the request carries no token (header Authorization)",
            ))
        })?;
        let seat = self.plane().admit(identity, named, permission).await;
        let seat = seat.map_err(refused)?;
        Ok(Project {
            plane: self.plane().by(Caller::new(identity, seat.role, None)),
            id: seat.project.id,
        })
    }
}

/// A refusal, with what the REST API says of it beside the message.
fn refused(error: impl Into<ApiError>) -> Error {
    let error = error.into();
    let status = error.status();
    if status.is_server_error() {
        tracing::error!(?error, "a request failed");
    }
    error.note();
    let body = error.body();
    Error::new(body.message).extend_with(|_, extensions| {
        extensions.set("code", body.code);
        extensions.set("status", status.as_u16());
        if let Some(field) = body.field {
            extensions.set("field", field);
        }
        if let Some(next_action) = body.next_action {
            extensions.set("next_action", next_action);
        }
    })
}

/// What is not there, in words that the provider knows; every other refusal as it is.
fn missing(error: PlaneError, words: &str) -> Error {
    let is_missing = error.kind() == strait_plane::ErrorKind::NotFound;
    let mut refusal = refused(error);
    if is_missing {
        words.clone_into(&mut refusal.message);
    }
    refusal
}
