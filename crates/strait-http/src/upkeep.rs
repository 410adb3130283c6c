//! What is done with a service while it goes on: its password, what it is for, its log.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use strait_plane::model::{Environment, LogQuery, OperationState};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shared;
use crate::access::{By, InProject};
use crate::body::{Body, Given, Segments, ServicePath};
use crate::error::{ApiError, ErrorBody};
use crate::objects::{
    EnvironmentInput, Operation, ServiceLogs, ServiceMessage, ServicePasswordInput,
};
use crate::operations::gone;
use crate::services::show;

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(set_password))
        .routes(routes!(set_environment))
        .routes(routes!(logs))
}

/// Gives `tsdbadmin` another password. Sessions go on. The answer comes when PostgreSQL has it; a stopped service has it
/// when it starts.
#[utoipa::path(
    post, path = "/projects/{project_id}/services/{service_id}/updatePassword", tag = "Services", operation_id = "updatePassword",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("service_id" = String, Path, description = "The service's id or name.")
    ),
    request_body = ServicePasswordInput,
    responses(
        (status = 204, description = "It is the password now.", headers(("Strait-Operation" = String, description = "The operation's id."))),
        (status = 202, body = Operation, description = "It will be: others come first, or PostgreSQL does not answer."),
        (status = "4XX", body = ErrorBody, description = "Refused.")
    )
)]
async fn set_password(
    By(plane): By,
    InProject(project): InProject,
    Segments(named): Segments<ServicePath>,
    Body(new): Body<ServicePasswordInput>,
) -> Result<Response, ApiError> {
    let operation = plane
        .set_service_password(&project, &named.service_id, &new.password)
        .await?;
    Ok(match operation.state {
        OperationState::Succeeded => gone(Some(operation.id)).into_response(),
        OperationState::Queued
        | OperationState::Running
        | OperationState::Failed
        | OperationState::Cancelled => {
            (StatusCode::ACCEPTED, Json(Operation::from(operation))).into_response()
        }
    })
}

/// Says what a service is for: a word that it carries.
#[utoipa::path(
    post, path = "/projects/{project_id}/services/{service_id}/setEnvironment", tag = "Services", operation_id = "setEnvironment",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("service_id" = String, Path, description = "The service's id or name.")
    ),
    request_body = EnvironmentInput,
    responses((status = 200, body = ServiceMessage, description = "Set."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn set_environment(
    By(plane): By,
    InProject(project): InProject,
    Segments(named): Segments<ServicePath>,
    Body(new): Body<EnvironmentInput>,
) -> Result<Json<ServiceMessage>, ApiError> {
    let environment: Environment = word("environment", &new.environment)?;
    let service = plane
        .set_service_environment(&project, &named.service_id, environment)
        .await?;
    let message = format!("The service {} is {environment} now.", service.service_id);
    let service = show(&plane, service).await?;
    Ok(Json(ServiceMessage { message, service }))
}

/// A page of what a service's PostgreSQL wrote into its log, the newest entries first.
#[utoipa::path(
    get, path = "/projects/{project_id}/services/{service_id}/logs", tag = "Services", operation_id = "getServiceLogs",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("service_id" = String, Path, description = "The service's id or name."),
        ("node" = Option<u32>, Query, maximum = 0, description = "Which of its nodes: a service has one, 0."),
        ("cursor" = Option<String>, Query, description = "The `last_cursor` of the page before this one."),
        ("until" = Option<String>, Query, format = DateTime, description = "Only entries before this time."),
        ("since" = Option<String>, Query, format = DateTime, description = "Only entries from this time on."),
        ("search" = Option<Vec<String>>, Query, description = "Only entries that hold each of these."),
        ("severities" = Option<Vec<String>>, Query, description = "Only entries of one of these: `ERROR`, `LOG` and so on.")
    ),
    responses((status = 200, body = ServiceLogs, description = "The page."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn logs(
    State(app): State<Shared>,
    InProject(project): InProject,
    Segments(named): Segments<ServicePath>,
    Given(asked): Given<Vec<(String, String)>>,
) -> Result<Json<ServiceLogs>, ApiError> {
    let query = log_query(asked)?;
    let page = app
        .plane
        .service_logs(&project, &named.service_id, &query)
        .await?;
    Ok(Json(page.into()))
}

/// How many entries a page has.
const PAGE: usize = 500;

fn log_query(asked: Vec<(String, String)>) -> Result<LogQuery, ApiError> {
    let mut query = LogQuery {
        limit: PAGE,
        ..LogQuery::default()
    };
    for (name, value) in asked {
        match name.as_str() {
            "node" if value == "0" => {}
            "node" => {
                return Err(ApiError::field(
                    "node",
                    "node: a service has one node, 0; leave it out",
                ));
            }
            "cursor" => query.cursor = Some(value.parse()?),
            "until" => query.until = Some(time("until", &value)?),
            "since" => query.since = Some(time("since", &value)?),
            "search" => query.search.push(something("search", value)?),
            "severities" => query.severities.push(something("severities", value)?),
            other => {
                return Err(ApiError::field(
                    other,
                    format!(
                        "{other}: a log is asked for by node, cursor, until, since, search and severities"
                    ),
                ));
            }
        }
    }
    Ok(query)
}

fn time(field: &'static str, text: &str) -> Result<Timestamp, ApiError> {
    text.parse().map_err(|_| {
        ApiError::field(
            field,
            format!("{field}: {text:?} is no time as in 2026-01-31T09:30:00Z"),
        )
    })
}

fn something(field: &'static str, text: String) -> Result<String, ApiError> {
    if text.trim().is_empty() {
        return Err(ApiError::field(
            field,
            format!("{field}: it is empty; leave it out"),
        ));
    }
    Ok(text)
}

/// One of the plane's words, in a field.
pub(crate) fn word<T: std::str::FromStr<Err = strait_plane::PlaneError>>(
    field: &'static str,
    text: &str,
) -> Result<T, ApiError> {
    text.parse()
        .map_err(|error: T::Err| ApiError::field(field, format!("{field}: {error}")))
}
