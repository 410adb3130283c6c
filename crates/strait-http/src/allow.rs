//! Allow lists: from which addresses a service is reached.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use strait_plane::model::AllowChange;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shared;
use crate::access::{By, InProject};
use crate::body::{Body, Segments, ServicePath};
use crate::error::{ApiError, ErrorBody};
use crate::objects::{AllowLists, AllowListsInput};

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(get, set))
}

/// From which addresses a service is reached: a list for its public way, and one for its private way.
#[utoipa::path(
    get, path = "/projects/{project_id}/services/{service_id}/allow-list", tag = "Services", operation_id = "getAllowList",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("service_id" = String, Path, description = "The service's id or name.")
    ),
    responses((status = 200, body = AllowLists, description = "The lists."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn get(
    State(app): State<Shared>,
    InProject(project): InProject,
    Segments(named): Segments<ServicePath>,
) -> Result<Json<AllowLists>, ApiError> {
    let shown = app.plane.allow_lists(&project, &named.service_id).await?;
    Ok(Json(shown.into()))
}

/// Changes from which addresses a service is reached. New connections obey when the answer comes; open ones from addresses that
/// are not allowed any more are ended, which takes `force`.
#[utoipa::path(
    put, path = "/projects/{project_id}/services/{service_id}/allow-list", tag = "Services", operation_id = "setAllowList",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("service_id" = String, Path, description = "The service's id or name.")
    ),
    request_body = AllowListsInput,
    responses(
        (status = 200, body = AllowLists, description = "Packets obey the lists now."),
        (status = 202, body = AllowLists, description = "They will: the cloud takes its time, or does not answer."),
        (status = 409, body = ErrorBody, description = "It would end open sessions (`CUTS_SESSIONS`), or the lists were changed meanwhile."),
        (status = "4XX", body = ErrorBody, description = "Refused.")
    )
)]
async fn set(
    By(plane): By,
    InProject(project): InProject,
    Segments(named): Segments<ServicePath>,
    Body(input): Body<AllowListsInput>,
) -> Result<(StatusCode, Json<AllowLists>), ApiError> {
    let change = AllowChange::from(input);
    let shown = plane
        .set_allow_lists(&project, &named.service_id, &change)
        .await?;
    let status = match shown.in_effect {
        true => StatusCode::OK,
        false => StatusCode::ACCEPTED,
    };
    Ok((status, Json(shown.into())))
}
