//! People who log in, as the operator keeps them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use strait_plane::model::{self, Role};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shared;
use crate::access::By;
use crate::body::{Body, Segments};
use crate::error::{ApiError, ErrorBody};
use crate::objects::{LinkInput, LoginLink, NewUser, PasswordInput, UnlockedAddress, User};

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, delete))
        .routes(routes!(disable))
        .routes(routes!(enable))
        .routes(routes!(unlock))
        .routes(routes!(unlock_address))
        .routes(routes!(password))
        .routes(routes!(link))
}

#[derive(Deserialize)]
struct UserPath {
    user_id: String,
}

/// Lists everybody who logs in.
#[utoipa::path(
    get, path = "/admin/users", tag = "Admin", operation_id = "getUsers", security(("admin_key" = [])),
    responses((status = 200, body = Vec<User>, description = "The users."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn list(State(app): State<Shared>) -> Result<Json<Vec<User>>, ApiError> {
    let users = app.plane.list_users().await?.into_iter();
    Ok(Json(users.map(User::from).collect()))
}

/// Makes somebody who logs in, and if a project is given, a member of it.
#[utoipa::path(
    post, path = "/admin/users", tag = "Admin", operation_id = "createUser", security(("admin_key" = [])),
    request_body = NewUser,
    responses((status = 201, body = User, description = "Made."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn create(
    By(plane): By,
    Body(new): Body<NewUser>,
) -> Result<(StatusCode, Json<User>), ApiError> {
    let seat = match (new.project_id, new.role) {
        (Some(project), Some(role)) => {
            let role: Role = role.parse()?;
            Some((plane.project(&project).await?.id, role))
        }
        (None, None) => None,
        (Some(_), None) => {
            return Err(ApiError::field(
                "role",
                "role: a project is given, and no role in it",
            ));
        }
        (None, Some(_)) => {
            return Err(ApiError::field(
                "project_id",
                "project_id: a role is given, and no project that it is in",
            ));
        }
    };
    // A member alone would count once, and its user each time.
    let plane = plane.every_time();
    let user = plane
        .create_user(model::NewUser {
            email: new.email,
            name: new.name,
            password: new.password,
        })
        .await?;
    if let Some((project, role)) = seat {
        plane.add_member(&project, &user.id, role).await?;
    }
    Ok((StatusCode::CREATED, Json(user.into())))
}

/// Shows somebody.
#[utoipa::path(
    get, path = "/admin/users/{user_id}", tag = "Admin", operation_id = "getUser", security(("admin_key" = [])),
    params(("user_id" = String, Path, description = "The user's id or e-mail address.")),
    responses((status = 200, body = User, description = "The user."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn get(
    State(app): State<Shared>,
    Segments(named): Segments<UserPath>,
) -> Result<Json<User>, ApiError> {
    Ok(Json(app.plane.user(&named.user_id).await?.into()))
}

/// Deletes somebody who is no project's last owner.
#[utoipa::path(
    delete, path = "/admin/users/{user_id}", tag = "Admin", operation_id = "deleteUser", security(("admin_key" = [])),
    params(("user_id" = String, Path, description = "The user's id or e-mail address.")),
    responses((status = 204, description = "Deleted."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn delete(
    By(plane): By,
    Segments(named): Segments<UserPath>,
) -> Result<StatusCode, ApiError> {
    plane.delete_user(&named.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Keeps somebody out, and ends their sessions.
#[utoipa::path(
    post, path = "/admin/users/{user_id}/disable", tag = "Admin", operation_id = "disableUser", security(("admin_key" = [])),
    params(("user_id" = String, Path, description = "The user's id or e-mail address.")),
    responses((status = 200, body = User, description = "Is kept out."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn disable(
    By(plane): By,
    Segments(named): Segments<UserPath>,
) -> Result<Json<User>, ApiError> {
    let user = plane.set_user_disabled(&named.user_id, true).await?;
    Ok(Json(user.into()))
}

/// Lets somebody in again.
#[utoipa::path(
    post, path = "/admin/users/{user_id}/enable", tag = "Admin", operation_id = "enableUser", security(("admin_key" = [])),
    params(("user_id" = String, Path, description = "The user's id or e-mail address.")),
    responses((status = 200, body = User, description = "May log in."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn enable(
    By(plane): By,
    Segments(named): Segments<UserPath>,
) -> Result<Json<User>, ApiError> {
    let user = plane.set_user_disabled(&named.user_id, false).await?;
    Ok(Json(user.into()))
}

/// Forgets that logins as somebody failed, from wherever: the next one need not wait.
#[utoipa::path(
    post, path = "/admin/users/{user_id}/unlock", tag = "Admin", operation_id = "unlockUser", security(("admin_key" = [])),
    params(("user_id" = String, Path, description = "The user's id or e-mail address.")),
    responses((status = 200, body = User, description = "May try again."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn unlock(
    By(plane): By,
    Segments(named): Segments<UserPath>,
) -> Result<Json<User>, ApiError> {
    Ok(Json(plane.unlock_user(&named.user_id).await?.into()))
}

#[derive(Deserialize)]
struct AddressPath {
    address: String,
}

/// Forgets that logins from an address failed, whoever they were to be: the next one need not wait.
#[utoipa::path(
    post, path = "/admin/addresses/{address}/unlock", tag = "Admin", operation_id = "unlockAddress", security(("admin_key" = [])),
    params(("address" = String, Path, description = "The IP address. Of IPv6 all with the same first 64 bits are one.")),
    responses((status = 200, body = UnlockedAddress, description = "May try again."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn unlock_address(
    By(plane): By,
    Segments(named): Segments<AddressPath>,
) -> Result<Json<UnlockedAddress>, ApiError> {
    plane.unlock_address(&named.address).await?;
    let AddressPath { address } = named;
    Ok(Json(UnlockedAddress { address }))
}

/// Gives somebody another password, or none. Their sessions end.
#[utoipa::path(
    put, path = "/admin/users/{user_id}/password", tag = "Admin", operation_id = "setUserPassword", security(("admin_key" = [])),
    params(("user_id" = String, Path, description = "The user's id or e-mail address.")),
    request_body = PasswordInput,
    responses((status = 200, body = User, description = "Set."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn password(
    By(plane): By,
    Segments(named): Segments<UserPath>,
    Body(new): Body<PasswordInput>,
) -> Result<Json<User>, ApiError> {
    let user = plane.set_password(&named.user_id, new.password).await?;
    Ok(Json(user.into()))
}

/// Makes a login link: it lets one in without a password, once, within five minutes.
#[utoipa::path(
    post, path = "/admin/login-links", tag = "Admin", operation_id = "createLoginLink", security(("admin_key" = [])),
    request_body = LinkInput,
    responses((status = 201, body = LoginLink, description = "Made."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn link(
    By(plane): By,
    Body(asked): Body<LinkInput>,
) -> Result<(StatusCode, Json<LoginLink>), ApiError> {
    let user = match (asked.email, asked.project_id) {
        (Some(email), None) => email,
        (None, Some(project)) => plane.first_user(&project).await?.id,
        (Some(_), Some(_)) | (None, None) => {
            return Err(ApiError::field(
                "email",
                "email: give either whom the link is for, or with project_id the project that operator@DOMAIN is to be an owner of",
            ));
        }
    };
    let link = plane.login_link(&user).await?;
    Ok((StatusCode::CREATED, Json(link.into())))
}
