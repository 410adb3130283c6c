//! Who the caller is, in Tiger's words.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use strait_plane::PlaneError;
use strait_plane::model::{Identity, Plan};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shared;
use crate::access::Asks;
use crate::error::{ApiError, ErrorBody};

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(info))
}

/// Who asks: either a program with a pair of keys, or somebody.
#[derive(Debug, Serialize, ToSchema)]
struct AuthInfo {
    /// Which of both.
    #[serde(rename = "type")]
    kind: Kind,
    /// The pair of keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<AuthInfoApiKey>,
    /// The same.
    #[serde(rename = "apiKey", skip_serializing_if = "Option::is_none")]
    #[schema(deprecated)]
    api_key_by_its_former_name: Option<AuthInfoApiKey>,
    /// Somebody who is logged in, or the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    oauth: Option<AuthInfoOAuth>,
}

/// What somebody proves who they are with.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuthInfoType)]
enum Kind {
    /// A pair of keys, or a token for it.
    ApiKey,
    /// Something else.
    Oauth,
}

/// A pair of keys.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct AuthInfoApiKey {
    /// The public one.
    public_key: String,
    /// What it is for.
    name: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// The project that it opens.
    project: AuthInfoProject,
    /// Who made it.
    issuing_user: AuthInfoUser,
}

/// A project.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct AuthInfoProject {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// Its plan, in capitals as Tiger writes it.
    #[schema(schema_with = plan)]
    plan_type: String,
}

/// Somebody.
#[derive(Debug, Serialize, ToSchema)]
struct AuthInfoOAuth {
    /// Who.
    user: AuthInfoUser,
}

/// Somebody.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct AuthInfoUser {
    /// Their id.
    id: String,
    /// Their name.
    name: String,
    /// Their e-mail address; one in Strait's own domain of who is no person.
    #[schema(format = Email)]
    email: String,
}

/// Says who asks.
#[utoipa::path(
    get, path = "/auth/info", tag = "Users", operation_id = "getAuthInfo",
    responses((status = 200, body = AuthInfo, description = "Who asks."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn info(State(app): State<Shared>, Asks(identity): Asks) -> Result<Json<AuthInfo>, ApiError> {
    let plane = &app.plane;
    let user = match identity {
        Identity::Key {
            public_key,
            project_id,
            ..
        } => {
            let project = plane.project(&project_id).await?;
            let plan = plane.plan(&project.id).await?.at(Timestamp::now());
            let keys = plane.list_keys(&project.id).await?;
            let Some(key) = keys.into_iter().find(|key| key.public_key == public_key) else {
                return Err(PlaneError::Unauthorized.into());
            };
            let api_key = AuthInfoApiKey {
                public_key,
                name: key.name,
                created: key.created,
                project: AuthInfoProject {
                    id: project.id,
                    name: project.name,
                    plan_type: plan.as_str().to_uppercase(),
                },
                issuing_user: AuthInfoUser::behind(&key.created_by, plane.domain()),
            };
            return Ok(Json(AuthInfo {
                kind: Kind::ApiKey,
                api_key: Some(api_key.clone()),
                api_key_by_its_former_name: Some(api_key),
                oauth: None,
            }));
        }
        Identity::Operator => AuthInfoUser::behind("admin", plane.domain()),
        Identity::User { user, .. } => AuthInfoUser {
            id: user.id,
            name: user.name,
            email: user.email,
        },
    };
    Ok(Json(AuthInfo {
        kind: Kind::Oauth,
        api_key: None,
        api_key_by_its_former_name: None,
        oauth: Some(AuthInfoOAuth { user }),
    }))
}

fn plan() -> Object {
    let words = Plan::ALL.iter().map(|plan| plan.as_str().to_uppercase());
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words))
        .build()
}

impl AuthInfoUser {
    /// Who an actor is: `user:EMAIL`, `key:PUBLIC_KEY`, `admin`, `strait` or `strait admin`.
    fn behind(actor: &str, domain: &str) -> Self {
        if let Some(email) = actor.strip_prefix("user:") {
            let name = email.split('@').next().unwrap_or(email);
            return Self {
                id: actor.to_owned(),
                name: name.to_owned(),
                email: email.to_owned(),
            };
        }
        let name = actor.strip_prefix("key:").unwrap_or(actor);
        Self {
            id: actor.to_owned(),
            name: name.to_owned(),
            // Clients look whether it could be one.
            email: format!("{}@{domain}", name.replace(' ', "-")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_an_address_that_could_be_one() {
        for (actor, email) in [
            ("user:ann@example.com", "ann@example.com"),
            ("key:skAbc", "skAbc@strait.internal"),
            ("strait admin", "strait-admin@strait.internal"),
        ] {
            assert_eq!(AuthInfoUser::behind(actor, "strait.internal").email, email);
        }
    }
}
