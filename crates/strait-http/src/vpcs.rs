//! Peering VPCs.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use strait_plane::model::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shared;
use crate::access::{By, InProject};
use crate::body::{Body, Given, Segments, VpcPath};
use crate::error::{ApiError, ErrorBody};
use crate::objects::{NamedInput, Vpc, VpcInput, VpcMessage};
use crate::operations::{Gone, gone};
use crate::wait::{Verdict, Wait};

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, delete))
        .routes(routes!(rename))
        .routes(routes!(cancel_deletion))
}

/// Lists the project's Peering VPCs.
#[utoipa::path(
    get, path = "/projects/{project_id}/vpcs", tag = "VPCs", operation_id = "getVPCs",
    params(("project_id" = String, Path, description = "The project's id or name.")),
    responses((status = 200, body = Vec<Vpc>, description = "The VPCs."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn list(
    State(app): State<Shared>,
    InProject(project): InProject,
) -> Result<Json<Vec<Vpc>>, ApiError> {
    let vpcs = app.plane.list_vpcs(&project).await?;
    Ok(Json(vpcs.into_iter().map(Vpc::from).collect()))
}

/// Makes a Peering VPC. It is `CREATING` until the cloud has it.
#[utoipa::path(
    post, path = "/projects/{project_id}/vpcs", tag = "VPCs", operation_id = "createVPC",
    params(("project_id" = String, Path, description = "The project's id or name.")),
    request_body = VpcInput,
    responses((status = 201, body = Vpc, description = "Taken on."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn create(
    By(plane): By,
    InProject(project): InProject,
    Body(new): Body<VpcInput>,
) -> Result<(StatusCode, Json<Vpc>), ApiError> {
    let vpc = plane.create_vpc(&project, new.into()).await?;
    Ok((StatusCode::CREATED, Json(vpc.into())))
}

/// Shows a Peering VPC.
#[utoipa::path(
    get, path = "/projects/{project_id}/vpcs/{vpc_id}", tag = "VPCs", operation_id = "getVPC",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("vpc_id" = String, Path, description = "The VPC's id or name."),
        ("wait" = Option<u64>, Query, maximum = 60, description = "Answer when it is as it was asked for, or after so many seconds (at most 60).")
    ),
    responses((status = 200, body = Vpc, description = "The VPC.", headers(("Strait-Settled" = String, description = "After a wait: yes, failed or not-yet."))), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn get(
    State(app): State<Shared>,
    InProject(project): InProject,
    Segments(named): Segments<VpcPath>,
    wait: Wait,
) -> Result<(Verdict, Json<Vpc>), ApiError> {
    let vpc = app.plane.vpc(&project, &named.vpc_id).await?;
    if !wait.is_asked() {
        return Ok((None, Json(vpc.into())));
    }
    let verdict = wait
        .until_settled(&app.plane, &Object::Vpc(vpc.id.clone()))
        .await?;
    Ok((
        verdict,
        Json(app.plane.vpc(&project, &vpc.id).await?.into()),
    ))
}

/// Renames a Peering VPC.
#[utoipa::path(
    post, path = "/projects/{project_id}/vpcs/{vpc_id}/rename", tag = "VPCs", operation_id = "renameVPC",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("vpc_id" = String, Path, description = "The VPC's id or name.")
    ),
    request_body = NamedInput,
    responses((status = 200, body = VpcMessage, description = "Renamed."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn rename(
    By(plane): By,
    InProject(project): InProject,
    Segments(named): Segments<VpcPath>,
    Body(new): Body<NamedInput>,
) -> Result<Json<VpcMessage>, ApiError> {
    let vpc = plane.rename_vpc(&project, &named.vpc_id, &new.name).await?;
    Ok(Json(VpcMessage {
        message: format!("The VPC {} is called {:?} now.", vpc.id, vpc.name),
        vpc: vpc.into(),
    }))
}

/// Deletes a Peering VPC that nothing uses any more, or with `cascade` one in use. It is `DELETING` until the cloud has taken it away.
#[utoipa::path(
    delete, path = "/projects/{project_id}/vpcs/{vpc_id}", tag = "VPCs", operation_id = "deleteVPC",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("vpc_id" = String, Path, description = "The VPC's id or name."),
        ("cascade" = Option<bool>, Query, description = "Detach its services first, so that they become public, then delete its peering connections.")
    ),
    responses((status = 204, description = "Taken on.", headers(("Strait-Operation" = String, description = "The operation's id."))), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn delete(
    By(plane): By,
    InProject(project): InProject,
    Segments(named): Segments<VpcPath>,
    Given(how): Given<Deletion>,
) -> Result<Gone, ApiError> {
    let vpc = plane
        .delete_vpc(&project, &named.vpc_id, how.cascade)
        .await?;
    Ok(gone(vpc.operation_id))
}

/// Gives the deletion of a Peering VPC up, as long as nothing has been taken away and no other VPC has its range or place. Services that were detached for it stay public.
#[utoipa::path(
    post, path = "/projects/{project_id}/vpcs/{vpc_id}/cancel-deletion", tag = "VPCs", operation_id = "cancelVPCDeletion",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("vpc_id" = String, Path, description = "The VPC's id or name.")
    ),
    responses((status = 200, body = VpcMessage, description = "It stays."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn cancel_deletion(
    By(plane): By,
    InProject(project): InProject,
    Segments(named): Segments<VpcPath>,
) -> Result<Json<VpcMessage>, ApiError> {
    let vpc = plane.cancel_vpc_deletion(&project, &named.vpc_id).await?;
    Ok(Json(VpcMessage {
        message: format!("The VPC {} ({:?}) stays.", vpc.id, vpc.name),
        vpc: vpc.into(),
    }))
}

/// How a Peering VPC is deleted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deletion {
    #[serde(default)]
    cascade: bool,
}
