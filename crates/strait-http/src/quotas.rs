//! Quotas of projects, and asking for more.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use strait_plane::model::{NewQuotaRequest, QuotaRequestState, Ruling};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shared;
use crate::access::{By, InProject};
use crate::body::{Body, Given, Segments};
use crate::error::{ApiError, ErrorBody};
use crate::objects::{
    GrantInput, QuotaInput, QuotaRequest, QuotaRequestInput, QuotaSetting, RefusalInput,
};

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(quotas))
        .routes(routes!(any_quotas, set_quota))
        .routes(routes!(requests, request))
        .routes(routes!(withdraw))
        .routes(routes!(all_requests))
        .routes(routes!(grant))
        .routes(routes!(refuse))
}

#[derive(Deserialize)]
struct RequestPath {
    request_id: String,
}

/// Lists the project's quotas and how much of them is used.
#[utoipa::path(
    get, path = "/projects/{project_id}/quotas", tag = "Quotas", operation_id = "getProjectQuotas",
    params(("project_id" = String, Path, description = "The project's id or name.")),
    responses((status = 200, body = Vec<QuotaSetting>, description = "The quotas."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn quotas(
    State(app): State<Shared>,
    InProject(project): InProject,
) -> Result<Json<Vec<QuotaSetting>>, ApiError> {
    let quotas = app.plane.quotas(&project).await?.into_iter();
    Ok(Json(quotas.map(QuotaSetting::from).collect()))
}

/// Lists a project's quotas and how much of them is used.
#[utoipa::path(
    get, path = "/admin/projects/{project_id}/quotas", tag = "Admin", operation_id = "getQuotas", security(("admin_key" = [])),
    params(("project_id" = String, Path, description = "The project's id or name.")),
    responses((status = 200, body = Vec<QuotaSetting>, description = "The quotas."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn any_quotas(
    app: State<Shared>,
    project: InProject,
) -> Result<Json<Vec<QuotaSetting>>, ApiError> {
    quotas(app, project).await
}

/// Raises or lowers one of a project's quotas.
#[utoipa::path(
    put, path = "/admin/projects/{project_id}/quotas", tag = "Admin", operation_id = "setQuota", security(("admin_key" = [])),
    params(("project_id" = String, Path, description = "The project's id or name.")),
    request_body = QuotaInput,
    responses((status = 200, body = QuotaSetting, description = "Set."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn set_quota(
    By(plane): By,
    InProject(project): InProject,
    Body(new): Body<QuotaInput>,
) -> Result<Json<QuotaSetting>, ApiError> {
    let quota = new.quota.parse()?;
    let set = plane.set_quota(&project, quota, new.limit).await?;
    Ok(Json(set.into()))
}

/// Lists what the project asked for, the newest first, and what came of it.
#[utoipa::path(
    get, path = "/projects/{project_id}/quota-requests", tag = "Quotas", operation_id = "getQuotaRequests",
    params(("project_id" = String, Path, description = "The project's id or name.")),
    responses((status = 200, body = Vec<QuotaRequest>, description = "The requests."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn requests(
    State(app): State<Shared>,
    InProject(project): InProject,
) -> Result<Json<Vec<QuotaRequest>>, ApiError> {
    let found = app.plane.list_quota_requests(&project).await?.into_iter();
    Ok(Json(found.map(QuotaRequest::from).collect()))
}

/// Asks the operator for more of a quota. One request about each is open at a time.
#[utoipa::path(
    post, path = "/projects/{project_id}/quota-requests", tag = "Quotas", operation_id = "requestQuota",
    params(("project_id" = String, Path, description = "The project's id or name.")),
    request_body = QuotaRequestInput,
    responses((status = 201, body = QuotaRequest, description = "Asked for."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn request(
    By(plane): By,
    InProject(project): InProject,
    Body(new): Body<QuotaRequestInput>,
) -> Result<(StatusCode, Json<QuotaRequest>), ApiError> {
    let new = NewQuotaRequest {
        quota: new.quota.parse()?,
        wanted: new.wanted,
        reason: new.reason,
    };
    let asked = plane.request_quota(&project, &new).await?;
    Ok((StatusCode::CREATED, Json(asked.into())))
}

/// Takes a request back that nobody decided yet: who asked may, and admins and owners.
#[utoipa::path(
    post, path = "/projects/{project_id}/quota-requests/{request_id}/withdraw", tag = "Quotas", operation_id = "withdrawQuotaRequest",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("request_id" = String, Path, description = "The request's id.")
    ),
    responses((status = 200, body = QuotaRequest, description = "Taken back."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn withdraw(
    By(plane): By,
    InProject(project): InProject,
    Segments(named): Segments<RequestPath>,
) -> Result<Json<QuotaRequest>, ApiError> {
    let request = plane
        .withdraw_quota_request(&project, &named.request_id)
        .await?;
    Ok(Json(request.into()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    state: Option<String>,
}

/// Lists what all projects asked for, the newest first.
#[utoipa::path(
    get, path = "/admin/quota-requests", tag = "Admin", operation_id = "getAllQuotaRequests", security(("admin_key" = [])),
    params(("state" = Option<String>, Query, description = "Those in this state: `open` without it, `granted`, `refused` or `withdrawn`.")),
    responses((status = 200, body = Vec<QuotaRequest>, description = "The requests."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn all_requests(
    State(app): State<Shared>,
    Given(asked): Given<Filter>,
) -> Result<Json<Vec<QuotaRequest>>, ApiError> {
    let state = match asked.state.as_deref() {
        None => QuotaRequestState::Open,
        Some(word) => word.parse().map_err(|error: strait_plane::PlaneError| {
            ApiError::field("state", error.to_string())
        })?,
    };
    let found = app.plane.quota_requests(state).await?.into_iter();
    Ok(Json(found.map(QuotaRequest::from).collect()))
}

/// Grants a request: the limit is raised at once.
#[utoipa::path(
    post, path = "/admin/quota-requests/{request_id}/grant", tag = "Admin", operation_id = "grantQuotaRequest", security(("admin_key" = [])),
    params(("request_id" = String, Path, description = "The request's id.")),
    request_body = GrantInput,
    responses((status = 200, body = QuotaRequest, description = "Granted."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn grant(
    By(plane): By,
    Segments(named): Segments<RequestPath>,
    Body(given): Body<GrantInput>,
) -> Result<Json<QuotaRequest>, ApiError> {
    let ruling = Ruling::Grant {
        limit: given.limit,
        word: given.word,
    };
    let request = plane
        .rule_on_quota_request(&named.request_id, &ruling)
        .await?;
    Ok(Json(request.into()))
}

/// Refuses a request, and says why.
#[utoipa::path(
    post, path = "/admin/quota-requests/{request_id}/refuse", tag = "Admin", operation_id = "refuseQuotaRequest", security(("admin_key" = [])),
    params(("request_id" = String, Path, description = "The request's id.")),
    request_body = RefusalInput,
    responses((status = 200, body = QuotaRequest, description = "Refused."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn refuse(
    By(plane): By,
    Segments(named): Segments<RequestPath>,
    Body(given): Body<RefusalInput>,
) -> Result<Json<QuotaRequest>, ApiError> {
    let ruling = Ruling::Refuse { word: given.word };
    let request = plane
        .rule_on_quota_request(&named.request_id, &ruling)
        .await?;
    Ok(Json(request.into()))
}
