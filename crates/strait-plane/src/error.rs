//! What the plane refuses, and how it says so.

/// Why the plane could not do it.
#[derive(Debug, thiserror::Error)]
pub enum PlaneError {
    /// There is no such object in this project.
    #[error("there is no {kind} {name:?} here; list what there is, and name it by id or by name")]
    NotFound {
        /// What kind of object.
        kind: &'static str,
        /// How it was named.
        name: String,
    },
    /// The input is wrong.
    #[error("{field}: {message}")]
    Invalid {
        /// The field, as the interfaces call it.
        field: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
    /// It cannot be done as things are now.
    #[error("{message}")]
    Conflict {
        /// What is in the way and what to do.
        message: String,
    },
    /// It would end sessions that are open now, which was not asked for.
    #[error("{message}")]
    CutsSessions {
        /// Whose, and what to do.
        message: String,
    },
    /// The same request, told by its key, has been taken on already.
    #[error("this request has been taken on already")]
    Repeated,
    /// It would be one too many.
    #[error("{message}")]
    QuotaExceeded {
        /// Which quota, and how it is raised.
        message: String,
    },
    /// The keys are wrong.
    #[error(
        "the public key or the secret key is wrong; `strait env` prints a pair that works here, and `strait admin key create` makes one for a `strait server`"
    )]
    Unauthorized,
    /// Who logs in is not who they say, or is kept out.
    #[error("the e-mail address or the password is wrong")]
    WrongLogin,
    /// A login link, a session or a token opens nothing (any more).
    #[error("this {0} is wrong, was used already, has expired or was ended")]
    Stale(&'static str),
    /// It is known who asks, and that they may not.
    #[error("{message}")]
    Forbidden {
        /// What it takes, and who has it.
        message: String,
    },
    /// Too often, or too often wrong.
    #[error("{message}")]
    TooMany {
        /// What there was too much of.
        message: String,
        /// After how many seconds it may be tried again.
        retry_after: u64,
    },
    /// It may work later.
    #[error("{message}")]
    Unavailable {
        /// What is not there and what to do.
        message: String,
    },
    /// The store failed.
    #[error(
        "the store could not be used ({0}); see that its PostgreSQL runs and may write to its disk, then try again"
    )]
    Store(#[source] sqlx::Error),
    /// A text that PostgreSQL cannot hold.
    #[error("a text holds the character U+0000, which cannot be kept; leave it out")]
    Unstorable(#[source] sqlx::Error),
    /// The store's tables are a newer version's.
    #[error(
        "the store was brought up to date by a newer Strait (its tables are of edition {found}, this one knows {known}); nothing was changed: run that version, or restore a backup of before"
    )]
    NewerStore {
        /// The edition of its tables.
        found: i64,
        /// The newest one that this program knows.
        known: i64,
    },
    /// The store's tables could not be made.
    #[error(
        "the store's tables could not be brought up to date ({0}); see what is wrong with its PostgreSQL, then start again"
    )]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A row makes no sense: a defect, or somebody changed the store by hand.
    #[error("the store holds something that Strait did not write: {0}")]
    Corrupt(String),
}

/// What kind of refusal it is, for those who turn it into a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// No such object.
    NotFound,
    /// Wrong input.
    Invalid,
    /// In the way of something else.
    Conflict,
    /// It would end sessions that are open now.
    CutsSessions,
    /// One too many.
    QuotaExceeded,
    /// Wrong keys, or a wrong login.
    Unauthorized,
    /// Not for this one.
    Forbidden,
    /// Too often.
    TooMany,
    /// May work later.
    Unavailable,
    /// Our fault.
    Internal,
}

impl From<sqlx::Error> for PlaneError {
    fn from(error: sqlx::Error) -> Self {
        /// `character_not_in_repertoire` of a text, `untranslatable_character` of a JSON text.
        const UNSTORABLE: [&str; 2] = ["22021", "22P05"];
        let code = (error.as_database_error()).and_then(sqlx::error::DatabaseError::code);
        if code.is_some_and(|code| UNSTORABLE.contains(&code.as_ref())) {
            return Self::Unstorable(error);
        }
        Self::Store(error)
    }
}

impl PlaneError {
    /// What kind it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::Invalid { .. } | Self::Unstorable(_) => ErrorKind::Invalid,
            Self::Conflict { .. } | Self::Repeated => ErrorKind::Conflict,
            Self::CutsSessions { .. } => ErrorKind::CutsSessions,
            Self::QuotaExceeded { .. } => ErrorKind::QuotaExceeded,
            Self::Unauthorized | Self::WrongLogin | Self::Stale(_) => ErrorKind::Unauthorized,
            Self::Forbidden { .. } => ErrorKind::Forbidden,
            Self::TooMany { .. } => ErrorKind::TooMany,
            Self::Unavailable { .. } | Self::Store(_) => ErrorKind::Unavailable,
            Self::NewerStore { .. } | Self::Migrate(_) | Self::Corrupt(_) => ErrorKind::Internal,
        }
    }

    /// Whether a connection to the store died, so that nobody knows what became of what was asked over it.
    pub fn is_lost_connection(&self) -> bool {
        let Self::Store(error) = self else {
            return false;
        };
        if let sqlx::Error::Database(error) = error {
            // It says farewell: shut down, crashed, or about to.
            return matches!(error.code().as_deref(), Some("57P01" | "57P02" | "08006"));
        }
        matches!(
            error,
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed
        )
    }

    /// The field that is wrong, if it is about one.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Invalid { field, .. } => Some(field),
            Self::NotFound { .. }
            | Self::Conflict { .. }
            | Self::CutsSessions { .. }
            | Self::Repeated
            | Self::QuotaExceeded { .. }
            | Self::Unauthorized
            | Self::WrongLogin
            | Self::Stale(_)
            | Self::Forbidden { .. }
            | Self::TooMany { .. }
            | Self::Unavailable { .. }
            | Self::Store(_)
            | Self::Unstorable(_)
            | Self::NewerStore { .. }
            | Self::Migrate(_)
            | Self::Corrupt(_) => None,
        }
    }

    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid {
            field,
            message: message.into(),
        }
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::Conflict {
            message: message.into(),
        }
    }

    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::Forbidden {
            message: message.into(),
        }
    }

    pub(crate) fn not_found(kind: &'static str, name: &str) -> Self {
        Self::NotFound {
            kind,
            name: name.to_owned(),
        }
    }

    pub(crate) fn unknown_word(what: &'static str, word: &str, known: &[&str]) -> Self {
        Self::Invalid {
            field: what,
            message: format!("{word:?} is none of: {}", known.join(", ")),
        }
    }
}
