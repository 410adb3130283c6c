//! The header `Idempotency-Key`: a request that counts once, however often it is sent.

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use strait_plane::model::{Action, Once};
use strait_plane::{ErrorKind, Plane, Repetition};

use crate::access::{By, InProject};
use crate::body::whole;
use crate::error::ApiError;
use crate::objects::{
    AllowLists, CreatedService, Operation, Peering, ServiceMessage, Vpc, VpcMessage,
};
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
    // What is in no project is told apart by nothing that is kept: it is done as if it had no key.
    let project = match InProject::from_request_parts(&mut parts, &app).await {
        Ok(InProject(project)) => project,
        Err(ApiError::Unasked) => {
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
