//! AWS's error: a code that clients act on and a message for people.

/// Whose fault an error is; it decides the HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 400: the request is wrong.
    Request,
    /// 401: who asks is unknown.
    Identity,
    /// 403: who asks may not.
    Permission,
    /// 404: what it names is not there.
    NotFound,
    /// 409: it is there already.
    Conflict,
    /// 412: a dry run that would have succeeded.
    DryRun,
    /// 500: Strait itself failed.
    Server,
    /// 503: ask again later.
    Busy,
}

/// An error as AWS answers it. Codes are spelt as AWS spells them:
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct AwsError {
    /// The code, such as `InvalidVpcID.NotFound`.
    pub code: String,
    /// What happened, why, and what to do.
    pub message: String,
    /// Whose fault it is.
    pub fault: Fault,
}

impl AwsError {
    /// An error of the request (HTTP 400).
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            fault: Fault::Request,
        }
    }

    /// An error with another fault than the request's.
    pub fn with_fault(code: impl Into<String>, message: impl Into<String>, fault: Fault) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            fault,
        }
    }

    /// A parameter that must be there and is not.
    #[must_use]
    pub fn missing(parameter: &str) -> Self {
        Self::new(
            "MissingParameter",
            format!("The request must contain the parameter {parameter}"),
        )
    }

    /// What Strait does not have, said plainly rather than accepted and ignored.
    #[must_use]
    pub fn unsupported(what: &str) -> Self {
        Self::new(
            "UnsupportedOperation",
            format!("{what} is not supported by this local cloud."),
        )
    }
}
