//! What the API says when it refuses.

use axum::Json;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use strait_plane::{ErrorKind, PlaneError, trail};
use utoipa::ToSchema;

use crate::trail::plain_code;
use crate::{BASE, outage};

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Error)]
pub struct ErrorBody {
    /// For programs: stable.
    #[schema(example = "NOT_FOUND")]
    pub code: &'static str,
    /// For people: what happened and why.
    pub message: String,
    /// The field of the request that is wrong, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_action: Option<String>,
    /// What the request is called in the audit and in the server's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl ErrorBody {
    /// What others' routes say when they refuse.
    pub fn of(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            code: plain_code(status),
            message: message.into(),
            field: None,
            next_action: None,
            request_id: request_id(),
        }
    }
}

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error(transparent)]
    Plane(#[from] PlaneError),
    #[error("{0}")]
    Unauthorized(&'static str),
    #[error("this takes the admin key of the operator")]
    NotAdmin,
    #[error(
        "this form was not sent from a page of this server, or that page is of another session"
    )]
    Forged,
    #[error("{0}")]
    Customers(String),
    #[error("this is for who is logged in, and the request carries keys")]
    NoSession,
    #[error(
        "this route does not say whom it is for, so that it is for nobody; this is a defect of Strait, please report it"
    )]
    Unasked,
    #[error("there are no {what} here: {instead}")]
    Absent {
        what: &'static str,
        instead: &'static str,
    },
    #[error("{0}")]
    Host(String),
    #[error("{message}")]
    Field { field: String, message: String },
    #[error("{0}")]
    Malformed(String),
    #[error("the body is {0}, and this takes JSON")]
    ContentType(String),
    #[error("the body is larger than {limit} bytes", limit = crate::BODY_LIMIT)]
    TooLarge,
    #[error("the body did not arrive within {} s", crate::BODY_TIME.as_secs())]
    TooSlow,
    #[error("the store does not answer")]
    NoStore,
    #[error("the store stopped to answer while this was being done: it was done or it was not")]
    Unknown,
    #[error("{whose} asked too often; try again in {retry_after} s")]
    TooMany {
        whose: &'static str,
        retry_after: u64,
    },
    #[error("there is nothing at {0}")]
    NoSuchPath(String),
    #[error("{path} does not take {method}, but {allowed}")]
    WrongMethod {
        method: Method,
        path: String,
        /// What it takes.
        allowed: String,
    },
}

impl ApiError {
    pub(crate) fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Field {
            field: field.into(),
            message: message.into(),
        }
    }

    /// Whether the connection to the store died in the midst of a change, of which nobody knows then.
    fn may_have_been_done(&self) -> bool {
        self.is_death() && outage::is_change()
    }

    fn is_death(&self) -> bool {
        matches!(self, Self::Plane(error) if error.is_lost_connection())
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Plane(error) => match error.kind() {
                ErrorKind::NotFound => StatusCode::NOT_FOUND,
                ErrorKind::Invalid => StatusCode::BAD_REQUEST,
                ErrorKind::Conflict | ErrorKind::CutsSessions | ErrorKind::QuotaExceeded => {
                    StatusCode::CONFLICT
                }
                ErrorKind::Unauthorized => StatusCode::UNAUTHORIZED,
                ErrorKind::Forbidden => StatusCode::FORBIDDEN,
                ErrorKind::TooMany => StatusCode::TOO_MANY_REQUESTS,
                ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::NotAdmin | Self::NoSession | Self::Forged | Self::Host(_) => {
                StatusCode::FORBIDDEN
            }
            Self::Unasked => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Field { .. } | Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Absent { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::ContentType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::NoStore | Self::Unknown | Self::Customers(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoSuchPath(_) => StatusCode::NOT_FOUND,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// What is said of it.
    pub(crate) fn body(&self) -> ErrorBody {
        ErrorBody {
            code: self.code(),
            message: self.to_string(),
            field: self.wrong_field(),
            next_action: self.next_action(),
            request_id: request_id(),
        }
    }

    /// Notes why the request that is being answered is refused, for the audit. What was sent and may be secret is not repeated.
    pub(crate) fn note(&self) {
        let message = match self {
            Self::Plane(error) => match error.kind() {
                ErrorKind::Invalid => None,
                ErrorKind::NotFound
                | ErrorKind::CutsSessions
                | ErrorKind::Conflict
                | ErrorKind::QuotaExceeded
                | ErrorKind::Unauthorized
                | ErrorKind::Forbidden
                | ErrorKind::TooMany
                | ErrorKind::Unavailable
                | ErrorKind::Internal => Some(error.to_string()),
            },
            Self::Field { .. } | Self::Malformed(_) | Self::ContentType(_) => None,
            Self::Unauthorized(_)
            | Self::NotAdmin
            | Self::Forged
            | Self::Customers(_)
            | Self::NoSession
            | Self::Unasked
            | Self::Absent { .. }
            | Self::Host(_)
            | Self::TooLarge
            | Self::TooSlow
            | Self::NoStore
            | Self::Unknown
            | Self::TooMany { .. }
            | Self::NoSuchPath(_)
            | Self::WrongMethod { .. } => Some(self.to_string()),
        };
        let refusal = trail::Refusal {
            code: self.code(),
            status: self.status().as_u16(),
            message,
            foreign: matches!(
                self,
                Self::Plane(PlaneError::NotFound {
                    kind: "project",
                    ..
                })
            ),
        };
        trail::learn(|known| {
            // The first word is the truest: forms say it again in other ones. What failed may have been tried once more.
            if (known.refusal.as_ref()).is_none_or(|said| said.status >= 500) {
                known.refusal = Some(refusal);
            }
        });
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Plane(error) => match error.kind() {
                ErrorKind::NotFound => "NOT_FOUND",
                ErrorKind::Invalid => "INVALID_ARGUMENT",
                ErrorKind::Conflict => "CONFLICT",
                ErrorKind::CutsSessions => "CUTS_SESSIONS",
                ErrorKind::QuotaExceeded => "QUOTA_EXCEEDED",
                ErrorKind::Unauthorized => "UNAUTHORIZED",
                ErrorKind::Forbidden => "FORBIDDEN",
                ErrorKind::TooMany => "TOO_MANY_REQUESTS",
                ErrorKind::Unavailable if self.may_have_been_done() => "OUTCOME_UNKNOWN",
                ErrorKind::Unavailable => "UNAVAILABLE",
                ErrorKind::Internal => "INTERNAL",
            },
            Self::Unauthorized(_) => "UNAUTHORIZED",
            Self::NotAdmin | Self::NoSession | Self::Forged => "FORBIDDEN",
            Self::Unasked => "INTERNAL",
            Self::Host(_) => "HOST_NOT_ALLOWED",
            Self::Field { .. } => "INVALID_ARGUMENT",
            Self::Malformed(_) => "MALFORMED_REQUEST",
            Self::Absent { .. } => "NOT_SUPPORTED",
            Self::ContentType(_) => "UNSUPPORTED_MEDIA_TYPE",
            Self::TooLarge => "PAYLOAD_TOO_LARGE",
            Self::TooSlow => "REQUEST_TIMEOUT",
            Self::TooMany { .. } => "TOO_MANY_REQUESTS",
            Self::NoStore | Self::Customers(_) => "UNAVAILABLE",
            Self::Unknown => "OUTCOME_UNKNOWN",
            Self::NoSuchPath(_) => "NO_SUCH_PATH",
            Self::WrongMethod { .. } => "METHOD_NOT_ALLOWED",
        }
    }

    /// After how many seconds it may be tried again.
    fn retry_after(&self) -> Option<u64> {
        if let Self::Plane(PlaneError::TooMany { retry_after, .. })
        | Self::TooMany { retry_after, .. } = self
        {
            return Some(*retry_after);
        }
        (self.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(2)
    }

    pub(crate) fn wrong_field(&self) -> Option<String> {
        match self {
            Self::Plane(error) => error.field().map(str::to_owned),
            Self::Field { field, .. } => Some(field.clone()),
            Self::Unauthorized(_)
            | Self::NotAdmin
            | Self::Forged
            | Self::Customers(_)
            | Self::NoSession
            | Self::Unasked
            | Self::Host(_)
            | Self::Absent { .. }
            | Self::Malformed(_)
            | Self::ContentType(_)
            | Self::TooLarge
            | Self::TooSlow
            | Self::TooMany { .. }
            | Self::NoStore
            | Self::Unknown
            | Self::NoSuchPath(_)
            | Self::WrongMethod { .. } => None,
        }
    }

    fn next_action(&self) -> Option<String> {
        match self {
            Self::Plane(error) => match error.kind() {
                ErrorKind::QuotaExceeded => Some(format!(
                    "delete one that is not needed, or ask for more: `strait quota request`, or POST {BASE}/projects/PROJECT/quota-requests; the operator grants it, or raises the quota: `strait admin quota`"
                )),
                ErrorKind::Unauthorized => Some(KEYS.to_owned()),
                ErrorKind::Unavailable if self.may_have_been_done() => Some(REPEAT.to_owned()),
                ErrorKind::Unavailable => Some(LATER.to_owned()),
                ErrorKind::Internal => Some("look into the server's log".to_owned()),
                ErrorKind::NotFound
                | ErrorKind::Invalid
                | ErrorKind::Conflict
                | ErrorKind::CutsSessions
                | ErrorKind::Forbidden
                | ErrorKind::TooMany => None,
            },
            Self::Unauthorized(_) => Some(KEYS.to_owned()),
            Self::NotAdmin => {
                Some("send `Authorization: Bearer ADMIN_KEY`; after `strait up` the key is `admin_key` in credentials.json of the data folder, for `strait server` it is in the file that `admin_key_file` names".to_owned())
            }
            Self::NoSession => Some(format!(
                "log in (POST {BASE}/auth/login) and send `Authorization: Bearer TOKEN`"
            )),
            Self::Host(_) => Some("send the request to 127.0.0.1 or localhost, from a program and not from a web page".to_owned()),
            Self::Malformed(_) => Some("send one JSON object".to_owned()),
            Self::ContentType(_) => Some("send the header `Content-Type: application/json`".to_owned()),
            Self::NoStore => Some(LATER.to_owned()),
            Self::Unknown => Some(REPEAT.to_owned()),
            Self::Forged => Some("load the page again and send the form from there".to_owned()),
            Self::Customers(_)
            | Self::Field { .. }
            | Self::Absent { .. }
            | Self::TooLarge
            | Self::TooSlow
            | Self::TooMany { .. }
            | Self::Unasked => None,
            Self::NoSuchPath(_) | Self::WrongMethod { .. } => {
                Some(format!("{BASE}/openapi.json lists what there is"))
            }
        }
    }
}

fn request_id() -> Option<String> {
    trail::asking().map(|asking| asking.request.clone())
}

const LATER: &str = "try again in a few seconds";

const REPEAT: &str = "try again in a few seconds; with the header `Idempotency-Key` (the same as the first time) that is always safe, without it look first whether it was done";

const KEYS: &str = "use HTTP Basic authentication with the public key as user and the secret key as password; `strait env` prints a pair, or `strait admin bootstrap` made it";

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(error = ?self, "a request failed");
        }
        self.note();
        let body = self.body();
        let mut response = (status, Json(body.clone())).into_response();
        // For the console, which says the same as a page.
        response.extensions_mut().insert(body);
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"strait\", charset=\"UTF-8\""),
            );
        }
        if let Self::WrongMethod { allowed, .. } = &self
            && let Ok(allowed) = HeaderValue::from_str(allowed)
        {
            response.headers_mut().insert(header::ALLOW, allowed);
        }
        if self.is_death() {
            response.extensions_mut().insert(outage::Died);
        }
        if let Some(seconds) = self.retry_after() {
            let seconds = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}
