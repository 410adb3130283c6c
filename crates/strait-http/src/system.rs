//! What the server is and offers.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::header;
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

pub(crate) fn health_route() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(health))
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
