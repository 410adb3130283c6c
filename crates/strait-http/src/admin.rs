//! What only the operator does.

use axum::Json;
use axum::extract::State;
use strait_plane::model::Quota;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shared;
use crate::access::InProject;
use crate::body::Body;
use crate::error::{ApiError, ErrorBody};
use crate::objects::{QuotaInput, QuotaSetting};

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(quotas, set_quota))
}

/// Lists a project's quotas and how much of them is used.
#[utoipa::path(
    get, path = "/admin/projects/{project_id}/quotas", tag = "Admin", operation_id = "getQuotas", security(("admin_key" = [])),
    params(("project_id" = String, Path, description = "The project's id or name.")),
    responses((status = 200, body = Vec<QuotaSetting>, description = "The quotas."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn quotas(
    State(app): State<Shared>,
    InProject(project): InProject,
) -> Result<Json<Vec<QuotaSetting>>, ApiError> {
    let quotas = app.plane.quotas(&project).await?;
    Ok(Json(quotas.into_iter().map(QuotaSetting::from).collect()))
}

/// Raises or lowers one of a project's quotas.
#[utoipa::path(
    put, path = "/admin/projects/{project_id}/quotas", tag = "Admin", operation_id = "setQuota", security(("admin_key" = [])),
    params(("project_id" = String, Path, description = "The project's id or name.")),
    request_body = QuotaInput,
    responses((status = 200, body = QuotaSetting, description = "Set."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn set_quota(
    State(app): State<Shared>,
    InProject(project): InProject,
    Body(new): Body<QuotaInput>,
) -> Result<Json<QuotaSetting>, ApiError> {
    let quota: Quota = new.quota.parse()?;
    Ok(Json(
        app.plane
            .set_quota(&project, quota, new.limit)
            .await?
            .into(),
    ))
}
