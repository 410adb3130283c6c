//! People, their roles and sessions, and keys.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strait_plane::model::{self, Role};
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

/// Somebody who logs in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct User {
    /// Its id.
    #[schema(example = "usr-k3v0q1x9m2ab")]
    id: String,
    /// The address that they log in with, in lower case.
    #[schema(example = "ada@example.com")]
    email: String,
    /// Their name.
    name: String,
    /// Whether a password opens it; without one a login link does only.
    has_password: bool,
    /// Whether they are kept out.
    disabled: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When they logged in last.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    last_login: Option<Timestamp>,
}

impl From<model::User> for User {
    fn from(user: model::User) -> Self {
        Self {
            id: user.id,
            email: user.email,
            name: user.name,
            has_password: user.has_password,
            disabled: user.disabled,
            created: user.created,
            last_login: user.last_login,
        }
    }
}

/// Somebody to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// The address that they log in with.
    pub(crate) email: String,
    /// Their name; what stands before the `@` without one.
    pub(crate) name: Option<String>,
    /// 12 to 256 characters; without one a login link is the only way in.
    #[schema(format = Password)]
    pub(crate) password: Option<String>,
    /// A project that they are to be a member of, by id or name.
    pub(crate) project_id: Option<String>,
    /// What they are to be there.
    #[schema(schema_with = role)]
    pub(crate) role: Option<String>,
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordInput {
    /// 12 to 256 characters; none takes the password away.
    #[schema(format = Password)]
    pub(crate) password: Option<String>,
}

/// Somebody's role in a project.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Member {
    /// Who.
    user_id: String,
    /// Their e-mail address.
    email: String,
    /// Their name.
    name: String,
    /// What they are.
    #[schema(schema_with = role)]
    role: Role,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
}

impl From<model::Member> for Member {
    fn from(member: model::Member) -> Self {
        Self {
            user_id: member.user_id,
            email: member.email,
            name: member.name,
            role: member.role,
            created: member.created,
        }
    }
}

/// Somebody to make a member.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberInput {
    /// The e-mail address of a user, or its id.
    pub(crate) email: String,
    /// What they are to be.
    #[schema(schema_with = role)]
    pub(crate) role: String,
}

/// Another role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleInput {
    /// What they are to be.
    #[schema(schema_with = role)]
    pub(crate) role: String,
}

/// A pair of keys, without the secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Key {
    /// The user name.
    public_key: String,
    /// The project that it opens.
    project_id: String,
    /// What it is for; may be empty.
    name: String,
    /// What it is in its project.
    #[schema(schema_with = role)]
    role: Role,
    /// Who made it.
    created_by: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it was used last, to the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used: Option<Timestamp>,
    /// From when on it opens nothing.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
}

impl From<model::ApiKey> for Key {
    fn from(key: model::ApiKey) -> Self {
        Self {
            public_key: key.public_key,
            project_id: key.project_id,
            name: key.name,
            role: key.role,
            created_by: key.created_by,
            created: key.created,
            last_used: key.last_used,
            expires: key.expires,
        }
    }
}

/// A new pair of keys. The secret is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyWithSecret {
    #[serde(flatten)]
    key: Key,
    /// The password; only a hash is kept.
    #[schema(format = Password)]
    secret_key: String,
}

impl From<model::NewApiKey> for KeyWithSecret {
    fn from(made: model::NewApiKey) -> Self {
        Self {
            key: made.key.into(),
            secret_key: made.secret_key,
        }
    }
}

/// A pair of keys to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyInput {
    /// What it is for.
    #[serde(default)]
    pub(crate) name: String,
    /// What it is to be in the project: no more than who makes it.
    #[schema(schema_with = role)]
    pub(crate) role: String,
    /// From when on it opens nothing; without it, it does not expire.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) expires: Option<Timestamp>,
}

/// What somebody logs in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// Their e-mail address.
    pub(crate) email: String,
    /// Their password.
    #[schema(format = Password)]
    pub(crate) password: String,
}

/// What stands behind the `#` of a login link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkLogin {
    /// It opens once.
    #[schema(format = Password)]
    pub(crate) token: String,
}

/// What clients of Tiger Cloud send when they log out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Logout {
    /// Tiger's refresh token: there is none here to be revoked.
    #[schema(format = Password)]
    #[expect(dead_code, reason = "it is taken, and means nothing here")]
    refresh_token: Option<String>,
}

/// A session that has begun.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewSession {
    /// Proves it, as `Authorization: Bearer TOKEN`; shown this once.
    #[schema(format = Password)]
    token: String,
    /// When it ends at the latest. After 12 hours without use it ends too.
    #[schema(value_type = String, format = DateTime)]
    expires: Timestamp,
    /// Who.
    user: User,
}

impl From<model::NewSession> for NewSession {
    fn from(begun: model::NewSession) -> Self {
        Self {
            token: begun.token,
            expires: begun.session.expires,
            user: begun.user.into(),
        }
    }
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// Its id.
    id: String,
    /// From where it was begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it was used last, to the minute.
    #[schema(value_type = String, format = DateTime)]
    last_seen: Timestamp,
    /// When it ends at the latest.
    #[schema(value_type = String, format = DateTime)]
    expires: Timestamp,
}

impl From<model::Session> for Session {
    fn from(session: model::Session) -> Self {
        Self {
            id: session.id,
            address: session.address,
            created: session.created,
            last_seen: session.last_seen,
            expires: session.expires,
        }
    }
}

/// A change of password by who has it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The present one, if there is one.
    #[schema(format = Password)]
    pub(crate) current_password: Option<String>,
    /// 12 to 256 characters.
    #[schema(format = Password)]
    pub(crate) new_password: String,
}

/// For whom a login link is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkInput {
    /// The e-mail address of a user, or its id; without one the user `operator@DOMAIN`, who is made if missing.
    pub(crate) email: Option<String>,
    /// The project, by id or name, that the user `operator@DOMAIN` is to be an owner of.
    pub(crate) project_id: Option<String>,
}

/// An address from which logins may be tried again.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnlockedAddress {
    /// The address.
    pub(crate) address: String,
}

/// A login link.
#[derive(Serialize, ToSchema)]
pub(crate) struct LoginLink {
    /// What to open, behind the server's address: what is behind the `#`, browsers do not send.
    #[schema(example = "/login#stl_…")]
    path: String,
    /// The same token alone. It opens once.
    #[schema(format = Password)]
    token: String,
    /// Until when it opens.
    #[schema(value_type = String, format = DateTime)]
    expires: Timestamp,
    /// Whom it lets in.
    user: User,
}

impl From<model::LoginLink> for LoginLink {
    fn from(link: model::LoginLink) -> Self {
        Self {
            path: format!("/login#{}", link.token),
            token: link.token,
            expires: link.expires,
            user: link.user.into(),
        }
    }
}

fn role() -> Object {
    super::words(Role::ALL.iter().map(|role| role.as_str()))
}
