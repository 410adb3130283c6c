//! The header `Idempotency-Key`: a request that counts once, however often it is sent.

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use strait_plane::model::{Action, Deed, NewApiKey, Once};
use strait_plane::{Done, ErrorKind, Plane, PlaneError, Repetition};

use crate::access::{By, InProject};
use crate::body::whole;
use crate::error::ApiError;
use crate::objects::{
    AllowLists, CreatedService, Key, KeyWithSecret, Member, Operation, Peering, Plan, Project,
    ProjectWithKey, QuotaRequest, QuotaSetting, ServiceMessage, Vpc, VpcMessage,
};
use crate::operations::gone;
use crate::{BODY_TIME, Shared, peerings, services};

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The longest key.
const LONGEST: usize = 255;

/// Answers a request whose key was used before with what came of it, and marks the others with theirs.
pub(crate) async fn once(
    State(app): State<Shared>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let changes = matches!(
        *request.method(),
        Method::POST | Method::PUT | Method::PATCH | Method::DELETE
    );
    let Some(value) = request.headers().get(&HEADER).filter(|_| changes) else {
        return Ok(next.run(request).await);
    };
    let key = key(value)?;
    let (mut parts, body) = request.into_parts();
    let body = whole(Request::from_parts(parts.clone(), body), &app, BODY_TIME).await?;
    let mut digest = Sha256::new();
    // Of a body with a password in it, nothing is kept that the password could be found by.
    digest.update(&key);
    digest.update([0]);
    for part in [
        parts.method.as_str(),
        parts.uri.path(),
        parts.uri.query().unwrap_or_default(),
    ] {
        digest.update(part);
        digest.update([0]);
    }
    digest.update(&body);
    parts.extensions.insert(Once {
        key,
        fingerprint: hex::encode(digest.finalize()),
    });
    let project = match InProject::from_request_parts(&mut parts, &app).await {
        Ok(InProject(project)) => Some(project),
        Err(ApiError::Unasked) => None,
        Err(error) => return Err(error),
    };
    let plane = match By::from_request_parts(&mut parts, &app).await {
        Ok(By(plane)) => plane,
        // What nobody in particular asks for is done as if it had no key.
        Err(ApiError::Unasked) => {
            return Ok(next.run(Request::from_parts(parts, Body::from(body))).await);
        }
        Err(error) => return Err(error),
    };
    if let Some(answered) = before(&plane, project.as_deref()).await? {
        return Ok(answered);
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if !response.status().is_client_error() && !response.status().is_server_error() {
        return Ok(response);
    }
    // The same request may have come by another connection at the same time, and this one have stumbled over it.
    let answered = before(&plane, project.as_deref()).await?;
    Ok(answered.unwrap_or(response))
}

fn key(value: &HeaderValue) -> Result<String, ApiError> {
    let key = value.to_str().unwrap_or_default().trim();
    if key.is_empty() || key.len() > LONGEST {
        return Err(ApiError::field(
            "Idempotency-Key",
            format!(
                "Idempotency-Key: takes 1 to {LONGEST} printable ASCII characters, a UUID for instance"
            ),
        ));
    }
    Ok(key.to_owned())
}

/// The answer that the first request had, with its object as it is now, if there was a first one.
async fn before(plane: &Plane, project: Option<&str>) -> Result<Option<Response>, ApiError> {
    let Some(mut response) = first(plane, project).await? else {
        return Ok(None);
    };
    response
        .headers_mut()
        .insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(Some(response))
}

async fn first(plane: &Plane, project: Option<&str>) -> Result<Option<Response>, ApiError> {
    if let Some(project) = project
        && let Some(before) = plane.repetition(project).await?
    {
        return operated(plane, project, before).await.map(Some);
    }
    let Some(before) = plane.done_before(project).await? else {
        return Ok(None);
    };
    let deed = before.deed;
    match done(plane, project.unwrap_or_default(), before).await {
        Err(ApiError::Plane(error)) if error.kind() == ErrorKind::NotFound => {
            Err(ApiError::from(PlaneError::Conflict {
                message: format!(
                    "this was asked for before with the same Idempotency-Key, and done ({deed}), but what it was about has gone since; take a new key to do it anew"
                ),
            }))
        }
        answered => answered.map(Some),
    }
}

async fn operated(plane: &Plane, project: &str, before: Repetition) -> Result<Response, ApiError> {
    match object(plane, project, &before).await {
        Err(ApiError::Plane(error)) if error.kind() == ErrorKind::NotFound => {
            // It has gone since. What was asked for was done all the same.
            let operation = Operation::from(before.operation);
            Ok((StatusCode::OK, Json(operation)).into_response())
        }
        answered => answered,
    }
}

async fn object(plane: &Plane, project: &str, before: &Repetition) -> Result<Response, ApiError> {
    let operation = &before.operation;
    let id = &operation.object_id;
    let message = format!("This was asked for before, by {}.", operation.id);
    let service = async || services::show(plane, plane.service(project, id).await?).await;
    let vpc = async || plane.vpc(project, id).await.map(Vpc::from);
    Ok(match operation.action {
        Action::ServiceCreate => {
            let service = service().await?;
            match before.initial_password.clone() {
                Some(initial_password) => {
                    let made = CreatedService {
                        service,
                        initial_password,
                    };
                    (StatusCode::ACCEPTED, Json(made)).into_response()
                }
                None => (StatusCode::ACCEPTED, Json(service)).into_response(),
            }
        }
        Action::ServiceAttach | Action::ServiceDetach => {
            let service = service().await?;
            let answer = ServiceMessage { message, service };
            (StatusCode::ACCEPTED, Json(answer)).into_response()
        }
        Action::ServiceEnvironment => {
            let service = service().await?;
            Json(ServiceMessage { message, service }).into_response()
        }
        Action::ServiceAllow => {
            let shown = plane.allow_lists(project, id).await?;
            Json(AllowLists::from(shown)).into_response()
        }
        Action::ServiceRename => Json(service().await?).into_response(),
        Action::ServiceRegister
        | Action::ServiceStart
        | Action::ServiceStop
        | Action::ServiceDelete => (StatusCode::ACCEPTED, Json(service().await?)).into_response(),
        Action::VpcCreate => (StatusCode::CREATED, Json(vpc().await?)).into_response(),
        Action::VpcRename | Action::VpcCancelDeletion => {
            let vpc = vpc().await?;
            Json(VpcMessage { message, vpc }).into_response()
        }
        Action::VpcDelete | Action::PeeringDelete | Action::ServicePassword => {
            gone(Some(operation.id.clone())).into_response()
        }
        Action::PeeringCreate => {
            let peering = peering(plane, project, before).await?;
            (StatusCode::CREATED, Json(peering)).into_response()
        }
        Action::PeeringRanges => Json(peering(plane, project, before).await?).into_response(),
        Action::PeeringRequest => {
            let peering = peering(plane, project, before).await?;
            (StatusCode::ACCEPTED, Json(peering)).into_response()
        }
    })
}

async fn peering(plane: &Plane, project: &str, before: &Repetition) -> Result<Peering, ApiError> {
    let operation = &before.operation;
    let vpc = operation.after["vpc_id"].as_str().unwrap_or_default();
    let found = plane.peering(project, vpc, &operation.object_id).await?;
    peerings::show(plane, project, found).await
}

/// The answer to what was done without an operation.
async fn done(plane: &Plane, project: &str, before: Done) -> Result<Response, ApiError> {
    let id = &before.object_id;
    Ok(match before.deed {
        Deed::ProjectCreate => {
            let key = plane.key(id).await?;
            let project = plane.project(&key.project_id).await?;
            let Some(secret_key) = before.secret_key else {
                return Ok((StatusCode::CREATED, Json(Project::from(project))).into_response());
            };
            let made = ProjectWithKey::new(project, NewApiKey { key, secret_key });
            (StatusCode::CREATED, Json(made)).into_response()
        }
        Deed::KeyCreate => {
            let key = plane.key(id).await?;
            let Some(secret_key) = before.secret_key else {
                return Ok((StatusCode::CREATED, Json(Key::from(key))).into_response());
            };
            let made = KeyWithSecret::from(NewApiKey { key, secret_key });
            (StatusCode::CREATED, Json(made)).into_response()
        }
        Deed::ProjectRename => Json(Project::from(plane.project(project).await?)).into_response(),
        Deed::ProjectPlan => {
            let plan = plane.plan(project).await?;
            Json(Plan::at(Timestamp::now(), plan)).into_response()
        }
        Deed::KeyRevoke | Deed::MemberRemove => StatusCode::NO_CONTENT.into_response(),
        Deed::MemberAdd => {
            let member = member(plane, project, id).await?;
            (StatusCode::CREATED, Json(member)).into_response()
        }
        Deed::MemberRole => Json(member(plane, project, id).await?).into_response(),
        Deed::QuotaSet => {
            let all = plane.quotas(project).await?.into_iter();
            let set = all.filter(|set| set.quota.as_str() == id);
            Json(set.map(QuotaSetting::from).next()).into_response()
        }
        Deed::QuotaRequest => {
            let request = QuotaRequest::from(plane.quota_request(id).await?);
            (StatusCode::CREATED, Json(request)).into_response()
        }
        Deed::QuotaWithdraw => {
            Json(QuotaRequest::from(plane.quota_request(id).await?)).into_response()
        }
    })
}

async fn member(plane: &Plane, project: &str, user: &str) -> Result<Member, ApiError> {
    let all = plane.list_members(project).await?;
    let found = all.into_iter().find(|member| member.user_id == user);
    let found = found.ok_or_else(|| PlaneError::NotFound {
        kind: "member",
        name: user.to_owned(),
    })?;
    Ok(found.into())
}
