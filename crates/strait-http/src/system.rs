//! What the server is and offers.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shared;
use crate::error::{ApiError, ErrorBody};

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(regions))
        .routes(routes!(ca_pem))
        .routes(routes!(ca))
}

pub(crate) fn health_routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(alive))
        .routes(routes!(ready))
}

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `ok`: it answers, and so does its store.
    #[schema(example = "ok")]
    status: &'static str,
    /// Its version.
    version: &'static str,
}

/// That the server lives.
#[derive(Debug, Serialize, ToSchema)]
struct Alive {
    /// `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether the server can do its work.
#[derive(Debug, Serialize, ToSchema)]
struct Ready {
    /// Whether all of its parts can.
    ready: bool,
    /// Each part: `ok`, or what is wrong.
    parts: BTreeMap<&'static str, String>,
}

/// A Region.
#[derive(Debug, Serialize, ToSchema)]
struct Region {
    /// Its name.
    #[schema(example = "us-east-1")]
    code: String,
    /// Whether services and Peering VPCs may be there. Customers' VPCs may be in any.
    services: bool,
}

/// The certificate authority.
#[derive(Debug, Serialize, ToSchema)]
struct Authority {
    /// Its certificate.
    pem: String,
    /// Where that is on the machine that Strait runs on, for `sslrootcert=`.
    path: String,
}

/// Tells whether the server and its store work.
#[utoipa::path(
    get, path = "/health", tag = "System", operation_id = "getHealth", security(()),
    responses((status = 200, body = Health, description = "They work."), (status = 503, body = ErrorBody, description = "The store does not."))
)]
async fn health(State(app): State<Shared>) -> Result<Json<Health>, ApiError> {
    app.plane.list_projects().await?;
    if !app.plane.store_pulse().borrow().beats() {
        // One answer is not yet a store that requests are served with.
        return Err(ApiError::NoStore);
    }
    Ok(Json(Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    }))
}

/// Tells that the server's process lives and answers. For what watches over processes.
#[utoipa::path(
    get, path = "/healthz", tag = "System", operation_id = "getLiveness", security(()),
    responses((status = 200, body = Alive, description = "It lives."))
)]
async fn alive() -> Json<Alive> {
    Json(Alive { status: "ok" })
}

/// Tells whether the server can do its work: its store answers, the store's tables are up to date, its reconcilers run. For
/// load balancers.
#[utoipa::path(
    get, path = "/readyz", tag = "System", operation_id = "getReadiness", security(()),
    responses((status = 200, body = Ready, description = "It can."), (status = 503, body = Ready, description = "It cannot; the parts say why."))
)]
async fn ready(State(app): State<Shared>) -> (StatusCode, Json<Ready>) {
    let parts = app.plane.readiness().await;
    let ready = parts.iter().all(|(_, missing)| missing.is_none());
    let parts = parts.into_iter().map(|(part, missing)| {
        let word = missing.unwrap_or_else(|| "ok".to_owned());
        (part.as_str(), word)
    });
    let status = match ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let parts = parts.collect();
    (status, Json(Ready { ready, parts }))
}

/// Lists the Regions.
#[utoipa::path(
    get, path = "/regions", tag = "System", operation_id = "getRegions", security(()),
    responses((status = 200, body = Vec<Region>, description = "The Regions."))
)]
async fn regions(State(app): State<Shared>) -> Json<Vec<Region>> {
    let supported: BTreeSet<String> = app.plane.supported_regions().into_iter().collect();
    let all: BTreeSet<String> = app
        .plane
        .known_regions()
        .into_iter()
        .chain(supported.iter().cloned())
        .collect();
    Json(
        all.into_iter()
            .map(|code| Region {
                services: supported.contains(&code),
                code,
            })
            .collect(),
    )
}

/// The certificate of the authority that signs services' certificates.
#[utoipa::path(
    get, path = "/ca.pem", tag = "System", operation_id = "getCaPem", security(()),
    responses((status = 200, body = String, content_type = "application/x-pem-file", description = "The certificate."))
)]
async fn ca_pem(State(app): State<Shared>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "application/x-pem-file")],
        app.plane.authority(),
    )
}

/// The same certificate, and where it is on the machine that Strait runs on.
#[utoipa::path(
    get, path = "/ca", tag = "System", operation_id = "getCa",
    responses((status = 200, body = Authority, description = "The certificate authority."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn ca(State(app): State<Shared>) -> Json<Authority> {
    Json(Authority {
        pem: app.plane.authority(),
        path: app.plane.authority_path(),
    })
}
