//! People, what they are in projects, and how they and programs prove who they are.

use jiff::Timestamp;
use serde::Serialize;

use super::{Project, Role};

/// Somebody who logs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct User {
    /// `usr-…`
    pub id: String,
    /// In lower case.
    pub email: String,
    /// For people.
    pub name: String,
    /// Whether a password opens it; without one a login link does only.
    pub has_password: bool,
    /// Whether it is kept out.
    pub disabled: bool,
    /// When it was made.
    pub created: Timestamp,
    /// When somebody logged in as it last.
    pub last_login: Option<Timestamp>,
}

/// Somebody to make.
#[derive(Clone, PartialEq, Eq)]
pub struct NewUser {
    /// The e-mail address that it logs in with.
    pub email: String,
    /// For people; what stands before the `@` without one.
    pub name: Option<String>,
    /// None: a login link is the only way in, until one is set.
    pub password: Option<String>,
}

/// Without the password.
impl std::fmt::Debug for NewUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewUser")
            .field("email", &self.email)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Somebody's role in a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Who.
    pub user_id: String,
    /// Their e-mail address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// Since when.
    pub created: Timestamp,
}

impl Member {
    /// As operations and keys name who asked.
    pub(crate) fn actor(&self) -> String {
        format!("user:{}", self.email)
    }
}

/// A project, and what somebody is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seat {
    /// Which project.
    pub project: Project,
    /// What they are.
    pub role: Role,
}

/// A time that somebody is logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Session {
    /// Not its token.
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// From where it was begun, if that is known.
    pub address: Option<String>,
    /// When it was begun.
    pub created: Timestamp,
    /// When it was used last, to the minute.
    pub last_seen: Timestamp,
    /// When it ends, however much it is used.
    pub expires: Timestamp,
}

/// A session at the one moment when its token is known.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Who.
    pub user: User,
    /// The session.
    pub session: Session,
    /// What proves it: `sts_…`. Only its hash is kept.
    pub token: String,
}

/// A way in that opens once, for a few minutes.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginLink {
    /// Whose.
    pub user: User,
    /// What opens it: `stl_…`. Only its hash is kept.
    pub token: String,
    /// Until when.
    pub expires: Timestamp,
}

/// A token that stands for a pair of keys for a while.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedToken {
    /// The JWT.
    pub token: String,
    /// Until when.
    pub expires: Timestamp,
}

/// Without the tokens.
macro_rules! debug_without_token {
    ($kind:ident, $($field:ident),+) => {
        impl std::fmt::Debug for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($kind))
                    $(.field(stringify!($field), &self.$field))+
                    .finish_non_exhaustive()
            }
        }
    };
}
debug_without_token!(NewSession, user, session);
debug_without_token!(LoginLink, user, expires);
debug_without_token!(IssuedToken, expires);

/// Who made a key, as the store names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker<'a> {
    /// Somebody: they may lose what it takes.
    User,
    /// A key, by its public half: it may be revoked, or expire.
    Key(&'a str),
    /// Who runs Strait, or Strait itself.
    Strait,
}

impl<'a> Maker<'a> {
    /// Whom this actor's name means.
    pub(crate) fn of(actor: &'a str) -> Self {
        match (actor.strip_prefix("key:"), actor.strip_prefix("user:")) {
            (Some(public_key), _) => Self::Key(public_key),
            (None, Some(_)) => Self::User,
            (None, None) => Self::Strait,
        }
    }
}

/// Who asks, once that is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Who runs Strait: may do all, everywhere.
    Operator,
    /// A program, by a project's pair of keys or a token for it.
    Key {
        /// The public key.
        public_key: String,
        /// What it is called, if anything.
        name: String,
        /// The project that it opens.
        project_id: String,
        /// What it is there.
        role: Role,
    },
    /// Somebody who is logged in.
    User {
        /// Who.
        user: User,
        /// The session's id.
        session_id: String,
    },
}

impl User {
    /// As operations and keys name who asked.
    pub(crate) fn actor(&self) -> String {
        format!("user:{}", self.email)
    }
}

impl Identity {
    /// As operations name it: `admin`, `key:PUBLIC_KEY`, `user:EMAIL`.
    pub fn actor(&self) -> String {
        match self {
            Self::Operator => "admin".to_owned(),
            Self::Key { public_key, .. } => format!("key:{public_key}"),
            Self::User { user, .. } => user.actor(),
        }
    }

    /// What people call it, where that says more.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Operator => None,
            Self::Key { name, .. } => Some(name.as_str()).filter(|name| !name.is_empty()),
            Self::User { user, .. } => Some(&user.name),
        }
    }
}
