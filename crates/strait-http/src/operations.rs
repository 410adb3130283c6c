//! Operations and events: looked up, listed, waited for, followed.

use std::convert::Infallible;
use std::str::FromStr;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt as _};
use serde::Deserialize;
use strait_plane::model::{self, Cursor, OperationFilter, PageSize};
use strait_plane::{Plane, PlaneError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shared;
use crate::access::{Asks, InProject};
use crate::body::{Given, OperationPath, Segments};
use crate::error::{ApiError, ErrorBody};
use crate::objects::{Event, Operation};
use crate::standing::Standing;
use crate::wait::patience;

/// How long a stream looks for something new before it looks whether its client is still there.
pub(crate) const BEAT: Duration = Duration::from_secs(15);
/// How long a stream lasts: its client comes back with `Last-Event-ID`, and is asked for its keys again.
pub(crate) const LIFE: Duration = Duration::from_secs(300);
/// Where the id of an operation is told beside a body, or instead of one.
const HEADER: HeaderName = HeaderName::from_static("strait-operation");

/// The answer to a deletion.
pub(crate) type Gone = (StatusCode, HeaderMap);

/// Says by which operation something goes.
pub(crate) fn gone(operation: Option<String>) -> Gone {
    let mut headers = HeaderMap::new();
    if let Some(value) = operation.and_then(|id| id.parse().ok()) {
        headers.insert(HEADER, value);
    }
    (StatusCode::NO_CONTENT, headers)
}

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(watch))
        .routes(routes!(events))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    state: Option<String>,
    action: Option<String>,
    object: Option<String>,
    actor: Option<String>,
    before: Option<String>,
    limit: Option<u32>,
}

/// Lists the project's operations, newest first.
#[utoipa::path(
    get, path = "/projects/{project_id}/operations", tag = "Operations", operation_id = "getOperations",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("state" = Option<String>, Query, description = "Only those in one of these states, with commas between them."),
        ("action" = Option<String>, Query, description = "Only these actions, with commas between them."),
        ("object" = Option<String>, Query, description = "Only those about the object with this id."),
        ("actor" = Option<String>, Query, description = "Only those that this one asked for."),
        ("before" = Option<String>, Query, description = "Only those before the one with this id: the next page."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "At most so many: 100 without it, 1000 at most.")
    ),
    responses((status = 200, body = Vec<Operation>, description = "The operations."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn list(
    State(app): State<Shared>,
    InProject(project): InProject,
    Given(asked): Given<Filter>,
) -> Result<Json<Vec<Operation>>, ApiError> {
    let filter = OperationFilter {
        states: words("state", asked.state.as_deref())?,
        actions: words("action", asked.action.as_deref())?,
        object: asked.object,
        actor: asked.actor,
        before: asked.before,
        limit: asked
            .limit
            .map(PageSize::new)
            .transpose()?
            .unwrap_or_default(),
    };
    let found = app.plane.list_operations(&project, &filter).await?;
    Ok(Json(found.into_iter().map(Operation::from).collect()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Waiting {
    wait: Option<String>,
}

/// Shows an operation.
#[utoipa::path(
    get, path = "/projects/{project_id}/operations/{operation_id}", tag = "Operations", operation_id = "getOperation",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("operation_id" = String, Path, description = "The operation's id."),
        ("wait" = Option<String>, Query, description = "Answer when it has ended, or after so many seconds (at most 60): `30s`.")
    ),
    responses((status = 200, body = Operation, description = "The operation."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn get(
    State(app): State<Shared>,
    InProject(project): InProject,
    Asks(identity): Asks,
    Segments(named): Segments<OperationPath>,
    Given(asked): Given<Waiting>,
) -> Result<Json<Operation>, ApiError> {
    let id = &named.operation_id;
    let operation = match asked.wait {
        None => app.plane.operation(&project, id).await?,
        Some(text) => {
            let time = patience(&text)?;
            let _turn = app.waits.take(&identity)?;
            app.plane.operation_ended(&project, id, time).await?
        }
    };
    Ok(Json(operation.into()))
}

/// Follows an operation as server-sent events `operation`, each whole, until it has ended.
#[utoipa::path(
    get, path = "/projects/{project_id}/operations/{operation_id}/events", tag = "Operations", operation_id = "watchOperation",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("operation_id" = String, Path, description = "The operation's id.")
    ),
    responses((status = 200, content_type = "text/event-stream", body = Operation, description = "The operation, each time that it changes."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn watch(
    State(app): State<Shared>,
    InProject(project): InProject,
    Asks(identity): Asks,
    headers: HeaderMap,
    Segments(named): Segments<OperationPath>,
) -> Result<Response, ApiError> {
    let first = app.plane.operation(&project, &named.operation_id).await?;
    let standing = Standing::new(&app, &headers, &project, app.waits.take(&identity)?);
    let stream = operation_stream(app.plane.clone(), project, first);
    Ok(Sse::new(standing.limit(stream))
        .keep_alive(KeepAlive::default())
        .into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Following {
    since: Option<String>,
    wait: Option<String>,
}

/// Lists or follows what happened in the project, oldest first: a list, or with `Accept: text/event-stream` server-sent
/// events without end, which go on from `Last-Event-ID` or `since`, or begin now, with an `id` that says where that is.
#[utoipa::path(
    get, path = "/projects/{project_id}/events", tag = "Operations", operation_id = "getEvents",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("since" = Option<String>, Query, description = "Only those after the event with this id."),
        ("wait" = Option<String>, Query, description = "If there is none, answer when there is, or after so many seconds (at most 60): `30s`.")
    ),
    responses((status = 200, body = Vec<Event>, description = "The events, at most 1000."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn events(
    State(app): State<Shared>,
    InProject(project): InProject,
    Asks(identity): Asks,
    headers: HeaderMap,
    Given(asked): Given<Following>,
) -> Result<Response, ApiError> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let since = last.or(asked.since.as_deref());
    let since = since.map(Cursor::from_str).transpose()?;
    let wants_stream = (headers.get(header::ACCEPT))
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/event-stream"));
    if wants_stream {
        let (since, told) = match since {
            Some(since) => (since, None),
            // Cut off before anything happens, its client goes on from here too.
            None => {
                let end = app.plane.events_end(&project).await?;
                let here = sse::Event::default().id(end.to_string());
                (end, Some(Ok(here)))
            }
        };
        let standing = Standing::new(&app, &headers, &project, app.waits.take(&identity)?);
        let stream = event_stream(app.plane.clone(), project, since);
        let stream = futures::stream::iter(told).chain(stream);
        return Ok(Sse::new(standing.limit(stream))
            .keep_alive(KeepAlive::default())
            .into_response());
    }
    let time = asked.wait.map(|text| patience(&text)).transpose()?;
    let _turn = time.map(|_| app.waits.take(&identity)).transpose()?;
    let found = app
        .plane
        .events(
            &project,
            since.unwrap_or_default(),
            time.unwrap_or_default(),
        )
        .await?;
    let found: Vec<Event> = found.into_iter().map(Event::from).collect();
    Ok(Json(found).into_response())
}

fn operation_stream(
    plane: Plane,
    project: String,
    first: model::Operation,
) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    futures::stream::unfold((Some(first), true), move |(shown, is_new)| {
        let (plane, project) = (plane.clone(), project.clone());
        async move {
            let shown = shown?;
            if is_new {
                return Some((
                    said("operation", None, Operation::from(shown.clone())),
                    (Some(shown), false),
                ));
            }
            if shown.state.has_ended() {
                return None;
            }
            loop {
                // A store that fails ends the stream: its client asks again.
                let now = plane.operation_changed(&project, &shown, BEAT).await.ok()?;
                if now != shown {
                    let event = said("operation", None, Operation::from(now.clone()));
                    return Some((event, (Some(now), false)));
                }
            }
        }
    })
}

fn event_stream(
    plane: Plane,
    project: String,
    since: Cursor,
) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    let waiting: std::vec::IntoIter<model::Event> = Vec::new().into_iter();
    futures::stream::unfold((waiting, since), move |(mut waiting, mut since)| {
        let (plane, project) = (plane.clone(), project.clone());
        async move {
            loop {
                if let Some(event) = waiting.next() {
                    since = event.cursor;
                    let event = Event::from(event);
                    let (kind, id) = (event.kind.clone(), event.id.clone());
                    return Some((said(&kind, Some(&id), event), (waiting, since)));
                }
                waiting = plane.events(&project, since, BEAT).await.ok()?.into_iter();
            }
        }
    })
}

fn said(
    kind: &str,
    id: Option<&str>,
    data: impl serde::Serialize,
) -> Result<sse::Event, Infallible> {
    let event = sse::Event::default().event(kind);
    let event = match id {
        Some(id) => event.id(id),
        None => event,
    };
    // What we serialise has string keys only, so that it is always JSON.
    Ok(event.json_data(data).unwrap_or_default())
}

pub(crate) fn words<T: FromStr<Err = PlaneError>>(
    field: &'static str,
    given: Option<&str>,
) -> Result<Vec<T>, ApiError> {
    let all = given.into_iter().flat_map(|text| text.split(','));
    all.map(|word| {
        word.trim()
            .parse()
            .map_err(|error: PlaneError| ApiError::field(field, error.to_string()))
    })
    .collect()
}
