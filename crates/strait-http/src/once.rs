//! The header `Idempotency-Key`: a request that counts once, however often it is sent.

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use strait_plane::model::{Action, ObjectKind, Once};
use strait_plane::{ErrorKind, Plane, PlaneError, Repetition};

use crate::access::{By, InProject};
use crate::body::whole;
use crate::error::ApiError;
use crate::objects::{CreatedService, Operation, ServiceMessage, Vpc, VpcMessage};
use crate::operations::gone;
use crate::{BODY_TIME, Shared, peerings, services};

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
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
    // What is in no project is told apart by nothing that is kept: it is done as if it had no key.
    let project = match InProject::from_request_parts(&mut parts, &app).await {
        Ok(InProject(project)) => project,
        Err(ApiError::Plane(_)) | Err(ApiError::NotAdmin) => {
            return Ok(next.run(Request::from_parts(parts, Body::from(body))).await);
        }
        Err(error) => return Err(error),
    };
    let By(plane) = By::from_request_parts(&mut parts, &app).await?;
    if let Some(before) = plane.repetition(&project).await? {
        return again(&plane, &project, before).await;
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if !response.status().is_client_error() && !response.status().is_server_error() {
        return Ok(response);
    }
    // The same request may have come by another connection at the same time, and this one have stumbled over it.
    match plane.repetition(&project).await? {
        Some(before) => again(&plane, &project, before).await,
        None => Ok(response),
    }
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

/// The answer that the first request had, with its object as it is now.
async fn again(plane: &Plane, project: &str, before: Repetition) -> Result<Response, ApiError> {
    let answered = match object(plane, project, &before).await {
        Err(ApiError::Plane(error)) if error.kind() == ErrorKind::NotFound => {
            // It has gone since. What was asked for was done all the same.
            let operation = Operation::from(before.operation);
            (StatusCode::OK, Json(operation)).into_response()
        }
        answered => answered?,
    };
    let mut response = answered;
    response
        .headers_mut()
        .insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

async fn object(plane: &Plane, project: &str, before: &Repetition) -> Result<Response, ApiError> {
    let operation = &before.operation;
    let id = &operation.object_id;
    match operation.object_kind {
        ObjectKind::Service => {
            let service = services::show(plane, plane.service(project, id).await?).await?;
            let accepted = StatusCode::ACCEPTED;
            Ok(match (operation.action, &before.initial_password) {
                (Action::ServiceCreate, Some(password)) => {
                    let initial_password = password.clone();
                    (
                        accepted,
                        Json(CreatedService {
                            service,
                            initial_password,
                        }),
                    )
                        .into_response()
                }
                (Action::ServiceAttach | Action::ServiceDetach, _) => {
                    let message = format!("This was asked for before, by {}.", operation.id);
                    (accepted, Json(ServiceMessage { message, service })).into_response()
                }
                (Action::ServiceRename, _) => Json(service).into_response(),
                (_, _) => (accepted, Json(service)).into_response(),
            })
        }
        ObjectKind::Vpc => {
            if operation.action == Action::VpcDelete {
                return Ok(gone(Some(operation.id.clone())).into_response());
            }
            let vpc = Vpc::from(plane.vpc(project, id).await?);
            Ok(match operation.action {
                Action::VpcRename => {
                    let message = format!("This was asked for before, by {}.", operation.id);
                    Json(VpcMessage { message, vpc }).into_response()
                }
                _ => (StatusCode::CREATED, Json(vpc)).into_response(),
            })
        }
        ObjectKind::Peering => {
            if operation.action == Action::PeeringDelete {
                return Ok(gone(Some(operation.id.clone())).into_response());
            }
            let vpc = operation.after["vpc_id"]
                .as_str()
                .or(operation.before["vpc_id"].as_str());
            let Some(vpc) = vpc else {
                return Err(PlaneError::NotFound {
                    kind: "peering connection",
                    name: id.clone(),
                }
                .into());
            };
            let peering = plane.peering(project, vpc, id).await?;
            let shown = peerings::show(plane, project, peering).await?;
            let status = match operation.action {
                Action::PeeringCreate => StatusCode::CREATED,
                _ => StatusCode::ACCEPTED,
            };
            Ok((status, Json(shown)).into_response())
        }
    }
}
