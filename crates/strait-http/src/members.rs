//! Members of projects.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shared;
use crate::access::{By, InProject};
use crate::body::{Body, Segments};
use crate::error::{ApiError, ErrorBody};
use crate::objects::{Member, MemberInput, RoleInput};

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(set_role, remove))
}

#[derive(Deserialize)]
struct MemberPath {
    user_id: String,
}

/// Lists the project's members.
#[utoipa::path(
    get, path = "/projects/{project_id}/members", tag = "Users", operation_id = "getMembers",
    params(("project_id" = String, Path, description = "The project's id or name.")),
    responses((status = 200, body = Vec<Member>, description = "The members."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn list(
    State(app): State<Shared>,
    InProject(project): InProject,
) -> Result<Json<Vec<Member>>, ApiError> {
    let members = app.plane.list_members(&project).await?.into_iter();
    Ok(Json(members.map(Member::from).collect()))
}

/// Makes a user a member. Nobody gives more than their own role.
#[utoipa::path(
    post, path = "/projects/{project_id}/members", tag = "Users", operation_id = "addMember",
    params(("project_id" = String, Path, description = "The project's id or name.")),
    request_body = MemberInput,
    responses((status = 201, body = Member, description = "Is a member."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn add(
    By(plane): By,
    InProject(project): InProject,
    Body(new): Body<MemberInput>,
) -> Result<(StatusCode, Json<Member>), ApiError> {
    let role = new.role.parse()?;
    let member = plane.add_member(&project, &new.email, role).await?;
    Ok((StatusCode::CREATED, Json(member.into())))
}

/// Gives a member another role. The last owner stays one. Keys that they made and that may more are revoked.
#[utoipa::path(
    put, path = "/projects/{project_id}/members/{user_id}", tag = "Users", operation_id = "setMemberRole",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("user_id" = String, Path, description = "The member's id or e-mail address.")
    ),
    request_body = RoleInput,
    responses((status = 200, body = Member, description = "Has that role."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn set_role(
    By(plane): By,
    InProject(project): InProject,
    Segments(named): Segments<MemberPath>,
    Body(new): Body<RoleInput>,
) -> Result<Json<Member>, ApiError> {
    let role = new.role.parse()?;
    let member = plane
        .set_member_role(&project, &named.user_id, role)
        .await?;
    Ok(Json(member.into()))
}

/// Takes a member out of the project. The last owner stays. Keys that they made are revoked.
#[utoipa::path(
    delete, path = "/projects/{project_id}/members/{user_id}", tag = "Users", operation_id = "removeMember",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("user_id" = String, Path, description = "The member's id or e-mail address.")
    ),
    responses((status = 204, description = "Is none any more."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn remove(
    By(plane): By,
    InProject(project): InProject,
    Segments(named): Segments<MemberPath>,
) -> Result<StatusCode, ApiError> {
    plane.remove_member(&project, &named.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
