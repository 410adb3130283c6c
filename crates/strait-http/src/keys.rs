//! Pairs of keys.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use strait_plane::model::NewKey;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shared;
use crate::access::{By, InProject};
use crate::body::{Body, Segments};
use crate::error::{ApiError, ErrorBody};
use crate::objects::{Key, KeyInput, KeyWithSecret};

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(revoke))
}

#[derive(Deserialize)]
struct KeyPath {
    public_key: String,
}

/// Lists the project's keys, without secrets; those that have expired too, those that were revoked not.
#[utoipa::path(
    get, path = "/projects/{project_id}/keys", tag = "Users", operation_id = "getKeys",
    params(("project_id" = String, Path, description = "The project's id or name.")),
    responses((status = 200, body = Vec<Key>, description = "The keys."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn list(
    State(app): State<Shared>,
    InProject(project): InProject,
) -> Result<Json<Vec<Key>>, ApiError> {
    let keys = app.plane.list_keys(&project).await?.into_iter();
    Ok(Json(keys.map(Key::from).collect()))
}

/// Makes a pair of keys, with no more than the role of who asks. The secret is shown this once.
#[utoipa::path(
    post, path = "/projects/{project_id}/keys", tag = "Users", operation_id = "createKey",
    params(("project_id" = String, Path, description = "The project's id or name.")),
    request_body = KeyInput,
    responses((status = 201, body = KeyWithSecret, description = "Made."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn create(
    By(plane): By,
    InProject(project): InProject,
    Body(new): Body<KeyInput>,
) -> Result<(StatusCode, Json<KeyWithSecret>), ApiError> {
    let new = NewKey {
        name: new.name,
        role: new.role.parse()?,
        expires: new.expires,
    };
    let made = plane.create_key(&project, new).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Takes a pair of keys away: it and its tokens open nothing from now on.
#[utoipa::path(
    delete, path = "/projects/{project_id}/keys/{public_key}", tag = "Users", operation_id = "revokeKey",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("public_key" = String, Path, description = "The public key.")
    ),
    responses((status = 204, description = "Revoked."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn revoke(
    By(plane): By,
    InProject(project): InProject,
    Segments(named): Segments<KeyPath>,
) -> Result<StatusCode, ApiError> {
    plane.revoke_key(&project, &named.public_key).await?;
    Ok(StatusCode::NO_CONTENT)
}
