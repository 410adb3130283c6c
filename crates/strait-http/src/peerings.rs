//! Peering connections.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use strait_plane::model::{self, Object};
use strait_plane::{ErrorKind, Plane};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shared;
use crate::access::{By, InProject};
use crate::body::{Body, PeeringPath, Segments, VpcPath};
use crate::error::{ApiError, ErrorBody};
use crate::objects::{Peering, PeeringInput, RangesInput};
use crate::operations::{Gone, gone};
use crate::wait::{Verdict, Wait};

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, delete))
        .routes(routes!(set_ranges))
        .routes(routes!(request))
}

/// Lists a Peering VPC's peering connections.
#[utoipa::path(
    get, path = "/projects/{project_id}/vpcs/{vpc_id}/peerings", tag = "VPCs", operation_id = "getVPCPeerings",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("vpc_id" = String, Path, description = "The VPC's id or name.")
    ),
    responses((status = 200, body = Vec<Peering>, description = "The peering connections."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn list(
    State(app): State<Shared>,
    InProject(project): InProject,
    Segments(named): Segments<VpcPath>,
) -> Result<Json<Vec<Peering>>, ApiError> {
    let mut shown = Vec::new();
    for peering in app.plane.list_peerings(&project, &named.vpc_id).await? {
        shown.push(show(&app.plane, &project, peering).await?);
    }
    Ok(Json(shown))
}

/// Asks a customer for a peering connection. Answers when it is pending, with its ids and what the customer needs.
#[utoipa::path(
    post, path = "/projects/{project_id}/vpcs/{vpc_id}/peerings", tag = "VPCs", operation_id = "createVPCPeering",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("vpc_id" = String, Path, description = "The VPC's id or name.")
    ),
    request_body = PeeringInput,
    responses((status = 201, body = Peering, description = "Asked for."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn create(
    By(plane): By,
    InProject(project): InProject,
    Segments(named): Segments<VpcPath>,
    Body(new): Body<PeeringInput>,
) -> Result<(StatusCode, Json<Peering>), ApiError> {
    let peering = plane
        .create_peering(&project, &named.vpc_id, new.into())
        .await?;
    Ok((
        StatusCode::CREATED,
        Json(show(&plane, &project, peering).await?),
    ))
}

/// Shows a peering connection, and what its customer needs.
#[utoipa::path(
    get, path = "/projects/{project_id}/vpcs/{vpc_id}/peerings/{peering_id}", tag = "VPCs", operation_id = "getVPCPeering",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("vpc_id" = String, Path, description = "The VPC's id or name."),
        ("peering_id" = String, Path, description = "The peering connection's id."),
        ("wait" = Option<u64>, Query, maximum = 60, description = "Answer when the provider has nothing left to do for it, or after so many seconds (at most 60).")
    ),
    responses((status = 200, body = Peering, description = "The peering connection.", headers(("Strait-Settled" = String, description = "After a wait: yes, failed or not-yet."))), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn get(
    State(app): State<Shared>,
    InProject(project): InProject,
    Segments(named): Segments<PeeringPath>,
    wait: Wait,
) -> Result<(Verdict, Json<Peering>), ApiError> {
    let peering = app
        .plane
        .peering(&project, &named.vpc_id, &named.peering_id)
        .await?;
    if !wait.is_asked() {
        return Ok((None, Json(show(&app.plane, &project, peering).await?)));
    }
    let verdict = wait
        .until_settled(&app.plane, &Object::Peering(peering.id.clone()))
        .await?;
    let peering = app
        .plane
        .peering(&project, &peering.vpc_id, &peering.id)
        .await?;
    Ok((verdict, Json(show(&app.plane, &project, peering).await?)))
}

/// Says which of the customer's ranges may come in. Without any, all that the customer has may.
#[utoipa::path(
    put, path = "/projects/{project_id}/vpcs/{vpc_id}/peerings/{peering_id}/ranges", tag = "VPCs", operation_id = "setVPCPeeringRanges",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("vpc_id" = String, Path, description = "The VPC's id or name."),
        ("peering_id" = String, Path, description = "The peering connection's id.")
    ),
    request_body = RangesInput,
    responses((status = 200, body = Peering, description = "Taken on."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn set_ranges(
    By(plane): By,
    InProject(project): InProject,
    Segments(named): Segments<PeeringPath>,
    Body(new): Body<RangesInput>,
) -> Result<Json<Peering>, ApiError> {
    let peering = plane
        .set_peering_ranges(
            &project,
            &named.vpc_id,
            &named.peering_id,
            &new.peer_cidr_blocks,
        )
        .await?;
    Ok(Json(show(&plane, &project, peering).await?))
}

/// Asks the customer once more for a peering connection that has ended: the same one, with a new `pcx-` id.
#[utoipa::path(
    post, path = "/projects/{project_id}/vpcs/{vpc_id}/peerings/{peering_id}/request", tag = "VPCs", operation_id = "requestVPCPeering",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("vpc_id" = String, Path, description = "The VPC's id or name."),
        ("peering_id" = String, Path, description = "The peering connection's id.")
    ),
    responses((status = 202, body = Peering, description = "Asked for."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn request(
    By(plane): By,
    InProject(project): InProject,
    Segments(named): Segments<PeeringPath>,
) -> Result<(StatusCode, Json<Peering>), ApiError> {
    let peering = plane
        .request_peering(&project, &named.vpc_id, &named.peering_id)
        .await?;
    Ok((
        StatusCode::ACCEPTED,
        Json(show(&plane, &project, peering).await?),
    ))
}

/// Takes a peering connection away, or forgets one that has ended.
#[utoipa::path(
    delete, path = "/projects/{project_id}/vpcs/{vpc_id}/peerings/{peering_id}", tag = "VPCs", operation_id = "deleteVPCPeering",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("vpc_id" = String, Path, description = "The VPC's id or name."),
        ("peering_id" = String, Path, description = "The peering connection's id.")
    ),
    responses((status = 204, description = "Taken on.", headers(("Strait-Operation" = String, description = "The operation's id."))), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn delete(
    By(plane): By,
    InProject(project): InProject,
    Segments(named): Segments<PeeringPath>,
) -> Result<Gone, ApiError> {
    let peering = plane
        .delete_peering(&project, &named.vpc_id, &named.peering_id)
        .await?;
    Ok(gone(peering.operation_id))
}

/// The peering with the customer's steps, which are to be had as soon as it has its id.
pub(crate) async fn show(
    plane: &Plane,
    project: &str,
    peering: model::Peering,
) -> Result<Peering, ApiError> {
    if peering.accepter_provisioned_id.is_none() {
        return Ok(Peering::new(peering, None));
    }
    let guide = match plane
        .customer_steps(project, &peering.vpc_id, &peering.id)
        .await
    {
        Ok(guide) => Some(guide),
        Err(error) if error.kind() == ErrorKind::Conflict => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Peering::new(peering, guide))
}
