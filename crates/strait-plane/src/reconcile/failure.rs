//! Why a reconciler did not come to its end.

use std::time::Duration;

use crate::cloud::CloudError;
use crate::error::PlaneError;
use crate::model::Reason;
use crate::postgres::PostgresError;

/// Why a reconciler did not come to its end.
#[derive(Debug)]
pub(super) enum Failure {
    /// Something cannot be done, or not now: shown on the object.
    Shown {
        /// What and why.
        reason: Reason,
        /// Whether it would be refused again.
        refused: bool,
    },
    /// Nothing is wrong; it takes time.
    NotYet,
    /// It is shown on another object than the one that the reconciler is for.
    Elsewhere,
    /// Nothing is to be done before so much time has passed.
    After(Duration),
    /// The server ends.
    Stopping,
    /// Another server may work on it by now.
    Lost,
    /// The store failed, so that nothing can be shown either.
    Store(PlaneError),
}

impl From<PlaneError> for Failure {
    fn from(error: PlaneError) -> Self {
        Self::Store(error)
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Says in which step it happened.
pub(super) trait During<T> {
    /// `step` in the form "opening the private way".
    fn during(self, step: &str) -> Result<T, Failure>;
}

impl<T> During<T> for Result<T, CloudError> {
    fn during(self, step: &str) -> Result<T, Failure> {
        self.map_err(|error| match error {
            CloudError::Refused { code, message } => Failure::Shown {
                reason: Reason {
                    code,
                    message: format!("{step}: {message}"),
                },
                refused: true,
            },
            CloudError::Temporary(message) => Failure::Shown {
                reason: Reason {
                    code: "cloud_unavailable".to_owned(),
                    message: format!("{step}: {message}; Strait tries again"),
                },
                refused: false,
            },
            CloudError::InProgress(message) => Failure::Shown {
                reason: Reason {
                    code: "in_progress".to_owned(),
                    message: format!("{step}: {message}"),
                },
                refused: false,
            },
        })
    }
}

impl<T> During<T> for Result<T, PostgresError> {
    fn during(self, step: &str) -> Result<T, Failure> {
        self.map_err(|error| match error {
            PostgresError::Failed(message) => Failure::Shown {
                reason: Reason {
                    code: "postgres_failed".to_owned(),
                    message: format!("{step}: {message}"),
                },
                refused: true,
            },
            PostgresError::Temporary(message) => Failure::Shown {
                reason: Reason {
                    code: "postgres_unavailable".to_owned(),
                    message: format!("{step}: {message}; Strait tries again"),
                },
                refused: false,
            },
        })
    }
}
