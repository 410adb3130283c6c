//! The audit: searched, paged, exported as JSON lines.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use serde::Deserialize;
use strait_plane::model::{AuditFilter, AuditPage, Audited, Identity, PageSize};
use strait_plane::{AuditReader, PlaneError};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shared;
use crate::access::{Asks, By, InProject};
use crate::body::{self, Given};
use crate::error::{ApiError, ErrorBody};
use crate::objects::{AuditEntry, ForgetInput, Forgotten};
use crate::operations::words;
use crate::turns::Turn;

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(of_project))
        .routes(routes!(of_all))
        .routes(routes!(forget))
}

/// What is looked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Only where all projects are looked at.
    #[param(ignore)]
    project: Option<String>,
    /// Only by this one: a public key, an e-mail address, a name, or as `actor` has it.
    actor: Option<String>,
    /// Only about the object with this id or name.
    object: Option<String>,
    /// Only this action, or those that begin with it: `key` has `key.revoke`.
    action: Option<String>,
    /// Only what came out so, with commas between: accepted, done, refused, failed.
    outcome: Option<String>,
    /// Only of the operation with this id.
    operation: Option<String>,
    /// Only at this time (RFC 3339) or later.
    since: Option<String>,
    /// Only before this time (RFC 3339).
    until: Option<String>,
    /// Only with this in it, in upper or lower case. In a long audit it takes `since` and `until` too.
    text: Option<String>,
    /// Only those before the one with this id: the next page.
    before: Option<String>,
    /// In an export: only those after the one with this id. None of them is missed, however late it is written.
    after: Option<String>,
    /// At most so many: 100 without it, 1000 at most. An export has all.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `jsonl`: an export, one entry a line.
    format: Option<String>,
}

/// Lists who changed what in the project, and who was refused what, newest first; or exports it, oldest first.
#[utoipa::path(
    get, path = "/projects/{project_id}/audit", tag = "Audit", operation_id = "getAudit",
    params(("project_id" = String, Path, description = "The project's id or name."), Asked),
    responses(
        (status = 200, description = "The entries.", content((Vec<AuditEntry> = "application/json"), (String = "application/jsonl"))),
        (status = "4XX", body = ErrorBody, description = "Refused.")
    )
)]
async fn of_project(
    State(app): State<Shared>,
    Asks(identity): Asks,
    InProject(project): InProject,
    Given(asked): Given<Asked>,
) -> Result<Response, ApiError> {
    if asked.project.is_some() {
        return Err(ApiError::field(
            "project",
            "project: the path names it already",
        ));
    }
    answer(&app, identity, asked, Some(project)).await
}

/// The same of all projects, and of what is in none: users, sessions, who is not known.
#[utoipa::path(
    get, path = "/admin/audit", tag = "Audit", operation_id = "getWholeAudit", security(("admin_key" = [])),
    params(("project" = Option<String>, Query, description = "Only in the project with this id, which may be gone."), Asked),
    responses(
        (status = 200, description = "The entries.", content((Vec<AuditEntry> = "application/json"), (String = "application/jsonl"))),
        (status = "4XX", body = ErrorBody, description = "Refused.")
    )
)]
async fn of_all(
    State(app): State<Shared>,
    Asks(identity): Asks,
    Given(mut asked): Given<Asked>,
) -> Result<Response, ApiError> {
    let project = asked.project.take();
    answer(&app, identity, asked, project).await
}

/// Takes away what is older than a time that is at least 30 days past. The audit says so.
#[utoipa::path(
    post, path = "/admin/audit/forget", tag = "Audit", operation_id = "forgetAudit", security(("admin_key" = [])),
    request_body = ForgetInput,
    responses((status = 200, body = Forgotten, description = "Forgotten."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn forget(
    By(plane): By,
    body::Body(asked): body::Body<ForgetInput>,
) -> Result<Json<Forgotten>, ApiError> {
    let entries = plane.forget_audit(asked.until).await?;
    Ok(Json(Forgotten { entries }))
}

async fn answer(
    app: &Shared,
    identity: Identity,
    asked: Asked,
    project: Option<String>,
) -> Result<Response, ApiError> {
    let turn = app.searches.take(&identity)?;
    let filter = AuditFilter {
        project,
        actor: asked.actor,
        object: asked.object,
        action: asked.action,
        outcomes: words("outcome", asked.outcome.as_deref())?,
        operation: asked.operation,
        since: moment("since", asked.since.as_deref())?,
        until: moment("until", asked.until.as_deref())?,
        text: asked.text,
    };
    let (before, after) = (
        place("before", asked.before.as_deref())?,
        place("after", asked.after.as_deref())?,
    );
    let limit = asked.limit.map(PageSize::new).transpose()?;
    match (asked.format.as_deref(), before, after) {
        (None | Some("json"), before, None) => {
            let limit = limit.unwrap_or_default();
            let page = AuditPage { before, limit };
            let found = app.plane.audit(&filter, page).await?;
            let entries: Vec<AuditEntry> = found.into_iter().map(AuditEntry::from).collect();
            Ok(Json(entries).into_response())
        }
        (Some("jsonl"), None, after) => {
            let reader = app.plane.read_audit(filter, after.unwrap_or_default())?;
            export(app, identity, turn, reader).await
        }
        (None | Some("json"), _, Some(_)) => Err(ApiError::field(
            "after",
            "after: this is for exports (format=jsonl); a list goes on with `before`",
        )),
        (Some("jsonl"), Some(_), _) => Err(ApiError::field(
            "before",
            "before: this is for lists; an export goes on with `after`",
        )),
        (Some(other), _, _) => Err(ApiError::field(
            "format",
            format!("format: {other:?} is none; give json or jsonl"),
        )),
    }
}

/// One entry a line, read bit by bit. The first bit is read before anything is answered, so that what is wrong can be said. Each takes
/// a turn of its own: a client that reads slowly is in nobody's way.
async fn export(
    app: &Shared,
    identity: Identity,
    turn: Turn,
    mut reader: AuditReader,
) -> Result<Response, ApiError> {
    let first = reader.next().await?.map(lines).transpose()?;
    drop(turn);
    let first = first.filter(|bytes| !bytes.is_empty()).map(Ok);
    let from = (reader, Arc::clone(&app.searches), identity);
    let rest = stream::try_unfold(from, |(mut reader, turns, identity)| async move {
        loop {
            let turn = turns.wait(&identity).await;
            let Some(found) = reader.next().await? else {
                return Ok::<_, PlaneError>(None);
            };
            drop(turn);
            if !found.is_empty() {
                return Ok(Some((lines(found)?, (reader, turns, identity))));
            }
        }
    });
    let kind = [(header::CONTENT_TYPE, "application/jsonl")];
    let body = Body::from_stream(stream::iter(first).chain(rest));
    Ok((kind, body).into_response())
}

fn lines(found: Vec<Audited>) -> Result<Bytes, PlaneError> {
    let mut text = Vec::new();
    for entry in found {
        let line = serde_json::to_vec(&AuditEntry::from(entry));
        text.extend(line.map_err(|error| PlaneError::Corrupt(error.to_string()))?);
        text.push(b'\n');
    }
    Ok(text.into())
}

fn moment(field: &'static str, text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = text else {
        return Ok(None);
    };
    let read = text.parse().map_err(|_| {
        ApiError::field(
            field,
            format!("{field}: {text:?} is no time, as in 2026-11-30T08:00:00Z"),
        )
    })?;
    Ok(Some(read))
}

fn place(field: &'static str, text: Option<&str>) -> Result<Option<i64>, ApiError> {
    let Some(text) = text else {
        return Ok(None);
    };
    let read = text.parse().map_err(|_| {
        ApiError::field(
            field,
            format!("{field}: {text:?} is no entry's id; give the `id` of one"),
        )
    })?;
    Ok(Some(read))
}
