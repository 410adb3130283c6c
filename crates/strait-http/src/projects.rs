//! Projects.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shared;
use crate::access::{Asks, By, InProject};
use crate::body::Body;
use crate::error::{ApiError, ErrorBody};
use crate::objects::{NamedInput, NewProject, Project, ProjectWithKey};

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, delete))
        .routes(routes!(rename))
}

/// Lists the projects that the caller may see: its own, those that they are a member of, or all for the operator.
#[utoipa::path(
    get, path = "/projects", tag = "Projects", operation_id = "getProjects",
    responses((status = 200, body = Vec<Project>, description = "The projects."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn list(
    State(app): State<Shared>,
    Asks(identity): Asks,
) -> Result<Json<Vec<Project>>, ApiError> {
    let seats = app.plane.seats(&identity).await?.into_iter();
    Ok(Json(seats.map(|seat| seat.project.into()).collect()))
}

/// Makes a project and a pair of keys for it. The secret is shown this once.
#[utoipa::path(
    post, path = "/projects", tag = "Projects", operation_id = "createProject", security(("admin_key" = [])),
    request_body = NewProject,
    responses((status = 201, body = ProjectWithKey, description = "Made."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn create(
    By(plane): By,
    Body(new): Body<NewProject>,
) -> Result<(StatusCode, Json<ProjectWithKey>), ApiError> {
    let (project, key) = plane.create_project_with_key(&new.name).await?;
    Ok((StatusCode::CREATED, Json(ProjectWithKey::new(project, key))))
}

/// Shows a project.
#[utoipa::path(
    get, path = "/projects/{project_id}", tag = "Projects", operation_id = "getProject",
    params(("project_id" = String, Path, description = "The project's id or name.")),
    responses((status = 200, body = Project, description = "The project."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn get(
    State(app): State<Shared>,
    InProject(id): InProject,
) -> Result<Json<Project>, ApiError> {
    Ok(Json(app.plane.project(&id).await?.into()))
}

/// Renames a project.
#[utoipa::path(
    post, path = "/projects/{project_id}/rename", tag = "Projects", operation_id = "renameProject",
    params(("project_id" = String, Path, description = "The project's id or name.")),
    request_body = NamedInput,
    responses((status = 200, body = Project, description = "Renamed."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn rename(
    By(plane): By,
    InProject(id): InProject,
    Body(new): Body<NamedInput>,
) -> Result<Json<Project>, ApiError> {
    Ok(Json(plane.rename_project(&id, &new.name).await?.into()))
}

/// Deletes a project that owns nothing any more, with its keys.
#[utoipa::path(
    delete, path = "/projects/{project_id}", tag = "Projects", operation_id = "deleteProject",
    params(("project_id" = String, Path, description = "The project's id or name.")),
    responses((status = 204, description = "Deleted."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn delete(
    State(app): State<Shared>,
    InProject(id): InProject,
) -> Result<StatusCode, ApiError> {
    app.plane.delete_project(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}
