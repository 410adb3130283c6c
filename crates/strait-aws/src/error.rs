//! What goes wrong with AWS, and whether it may go right later.

use std::any::type_name;
use std::error::Error as StdError;

use aws_sdk_ec2::error::{BuildError, DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use strait_plane::cloud::CloudError;

/// Why AWS did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// AWS answered that it will not.
    #[error("{message} ({action}: {code})")]
    Answered {
        /// The action as policies name it, as in `ec2:CreateVpc`.
        action: String,
        /// AWS's code, or the HTTP status if it gave none.
        code: String,
        /// AWS's own words.
        message: String,
        /// What it means for the next attempt.
        fate: Fate,
    },
    /// No answer came, so that it may have happened or not.
    #[error("no answer to {action}: {cause}")]
    Unanswered {
        /// The action as policies name it.
        action: String,
        /// What the SDK says.
        cause: String,
    },
    /// Something is not there yet; it is only a matter of time.
    #[error("{0}")]
    NotYet(String),
    /// Strait itself refuses, and would again.
    #[error("{message} ({code})")]
    Refused {
        /// A code for programs.
        code: String,
        /// What is wrong and what to do.
        message: String,
    },
}

/// What a code of AWS's means for the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The same call may work later: AWS is busy, or something is still being made or taken away.
    Later,
    /// The same call may work later, and this time it may have taken effect all the same.
    Doubtful,
    /// The credentials, or the policies of their role, do not allow it.
    Denied,
    /// AWS would refuse it again.
    Refused,
}

impl Error {
    fn answered(action: String, code: String, words: &str, status: u16) -> Self {
        let fate = fate(&code, status);
        Self::Answered {
            message: explained(fate, &action, words),
            action,
            code,
            fate,
        }
    }

    /// An answer that lacks what the call made, so that nobody knows its id.
    pub(crate) fn silent(action: &str) -> Self {
        Self::Unanswered {
            action: action.to_owned(),
            cause: "AWS does not say what it made".to_owned(),
        }
    }

    /// Whether AWS answered with this code.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        self.code() == Some(wanted)
    }

    /// Whether what the call was about is gone, which is a success when it was to go.
    pub(crate) fn is_gone(&self) -> bool {
        self.code().is_some_and(|code| {
            code.ends_with(".NotFound")
                || matches!(
                    code,
                    "LoadBalancerNotFound" | "ListenerNotFound" | "TargetGroupNotFound"
                )
        })
    }

    /// Whether the call may have taken effect all the same.
    pub(crate) fn is_doubtful(&self) -> bool {
        match self {
            Self::Unanswered { .. } => true,
            Self::Answered { fate, .. } => *fate == Fate::Doubtful,
            Self::NotYet(_) | Self::Refused { .. } => false,
        }
    }

    fn code(&self) -> Option<&str> {
        match self {
            Self::Answered { code, .. } => Some(code),
            Self::Unanswered { .. } | Self::NotYet(_) | Self::Refused { .. } => None,
        }
    }
}

/// Why a server that has lost its lease stops.
pub(crate) const ANOTHER_WORKS: &str = "another server may work on it by now";

/// For calls that change something after the lease for it was lost, and were not sent.
pub(crate) fn lost() -> Error {
    Error::NotYet(ANOTHER_WORKS.to_owned())
}

/// For calls that take something away: what is gone already is as good.
pub(crate) fn gone<T>(outcome: Result<T, Error>) -> Result<(), Error> {
    match outcome {
        Err(error) if !error.is_gone() => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

impl<E> From<SdkError<E, HttpResponse>> for Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        let action = action(type_name::<E>());
        let SdkError::ServiceError(answer) = &error else {
            return Self::Unanswered {
                action,
                cause: DisplayErrorContext(&error).to_string(),
            };
        };
        let status = answer.raw().status().as_u16();
        let code = answer
            .err()
            .code()
            .map_or_else(|| format!("HTTP {status}"), str::to_owned);
        let words = answer.err().message().unwrap_or("AWS gave no reason");
        Self::answered(action, code, words, status)
    }
}

/// A request that the SDK finds incomplete before it sends it.
impl From<BuildError> for Error {
    fn from(error: BuildError) -> Self {
        Self::Refused {
            code: "incomplete_request".to_owned(),
            message: format!("{error}. This is a defect of Strait; please report it."),
        }
    }
}

impl From<Error> for CloudError {
    fn from(error: Error) -> Self {
        match error {
            Error::Answered {
                fate: Fate::Later | Fate::Doubtful,
                ..
            }
            | Error::Unanswered { .. } => Self::Temporary(error.to_string()),
            Error::NotYet(what) => Self::InProgress(what),
            Error::Answered { code, message, .. } | Error::Refused { code, message } => {
                Self::Refused { code, message }
            }
        }
    }
}

/// The action that an error type of the SDK belongs to: `aws_sdk_ec2::operation::create_vpc::CreateVpcError` is that of
/// `ec2:CreateVpc`.
fn action(error_type: &str) -> String {
    let path = error_type.split('<').next().unwrap_or(error_type);
    let service = path
        .trim_start_matches("aws_sdk_")
        .split("::")
        .next()
        .unwrap_or(path)
        .trim_end_matches("v2");
    let operation = path
        .rsplit("::")
        .next()
        .unwrap_or(path)
        .trim_end_matches("Error");
    format!("{service}:{operation}")
}

fn explained(fate: Fate, action: &str, words: &str) -> String {
    match fate {
        Fate::Denied => format!(
            "AWS does not let Strait do {action}: {words}. `strait iam-policy operator` prints what Strait's role needs."
        ),
        Fate::Later | Fate::Doubtful | Fate::Refused => words.to_owned(),
    }
}

fn fate(code: &str, status: u16) -> Fate {
    // Listings and checks are a little behind what AWS has answered.
    let is_behind = code.ends_with(".NotFound") || code == "InvalidChangeBatch";
    if is_behind
        || [BUSY, UNSETTLED, BEHIND, THERE_ALREADY, RENEWED]
            .iter()
            .any(|codes| codes.contains(&code))
    {
        return Fate::Later;
    }
    match status {
        _ if DENIED.contains(&code) => Fate::Denied,
        500.. => Fate::Doubtful,
        _ => Fate::Refused,
    }
}

// Codes: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html> and
// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/CommonErrors.html>.

/// AWS has too much to do, and did not begin with this.
const BUSY: &[&str] = &[
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// Something else must go or settle first.
const UNSETTLED: &[&str] = &[
    "ConcurrentTagAccess",
    "DependencyViolation",
    "ExistingVpcEndpointConnections",
    "IncorrectState",
    "InvalidGroup.InUse",
    "InvalidDBInstanceState",
    "InvalidDBInstanceStateFault",
    "InvalidState",
    "InvalidStateTransition",
    "OperationInProgress",
    "ResourceInUse",
];

/// What it names has just been made, or just been taken away: listings are a little behind.
const BEHIND: &[&str] = &[
    "InvalidSecurityGroup",
    "InvalidServiceName",
    "ListenerNotFound",
    "LoadBalancerNotFound",
    "TargetGroupNotFound",
];

/// It was made since the last look; the next one finds it.
const THERE_ALREADY: &[&str] = &[
    "DuplicateLoadBalancerName",
    "InvalidGroup.Duplicate",
    "InvalidSubnet.Conflict",
    "RouteAlreadyExists",
];

/// The SDK takes new credentials with the next call.
const RENEWED: &[&str] = &["ExpiredToken", "ExpiredTokenException", "RequestExpired"];

/// The credentials, or the policies of their role, do not allow it.
const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "InvalidClientTokenId",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
];

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::operation::create_vpc::CreateVpcError;
    use aws_sdk_elasticloadbalancingv2::operation::create_load_balancer::CreateLoadBalancerError;
    use aws_sdk_route53::operation::get_change::GetChangeError;

    use super::*;

    #[test]
    fn actions_are_named_as_in_policies() {
        assert_eq!(action(type_name::<CreateVpcError>()), "ec2:CreateVpc");
        assert_eq!(
            action(type_name::<CreateLoadBalancerError>()),
            "elasticloadbalancing:CreateLoadBalancer"
        );
        assert_eq!(action(type_name::<GetChangeError>()), "route53:GetChange");
    }

    #[test]
    fn what_may_work_later_is_temporary() {
        for code in [
            "RequestLimitExceeded",
            "Throttling",
            "DependencyViolation",
            "InvalidVpcID.NotFound",
            "ExpiredToken",
        ] {
            assert!(
                matches!(seen_by_the_plane(code, 400), CloudError::Temporary(_)),
                "{code}"
            );
        }
        assert!(matches!(
            seen_by_the_plane("InternalError", 500),
            CloudError::Temporary(_)
        ));
        assert!(matches!(
            seen_by_the_plane("HTTP 503", 503),
            CloudError::Temporary(_)
        ));
    }

    #[test]
    fn quotas_and_bad_requests_are_refused_with_the_code_of_aws() {
        for code in [
            "VpcLimitExceeded",
            "InvalidParameterValue",
            "OperationNotPermitted",
        ] {
            let CloudError::Refused {
                code: told,
                message,
            } = seen_by_the_plane(code, 400)
            else {
                panic!("{code} is not temporary");
            };
            assert_eq!((told.as_str(), message.as_str()), (code, "No."));
        }
    }

    #[test]
    fn a_missing_right_names_the_action_and_what_prints_the_policy() {
        let CloudError::Refused { message, .. } = seen_by_the_plane("UnauthorizedOperation", 403)
        else {
            panic!("a missing right is not temporary");
        };
        assert!(
            message.contains("ec2:CreateVpc") && message.contains("strait iam-policy operator"),
            "{message}"
        );
    }

    #[test]
    fn only_a_failure_of_aws_itself_or_silence_is_doubtful() {
        assert!(answered("InternalError", 500).is_doubtful());
        assert!(Error::silent("ec2:CreateVpc").is_doubtful());
        assert!(
            !answered("RequestLimitExceeded", 503).is_doubtful(),
            "AWS did not even begin"
        );
        assert!(!answered("InvalidParameterValue", 400).is_doubtful());
    }

    #[test]
    fn what_is_gone_was_taken_away() {
        assert!(gone(Err::<(), _>(answered("InvalidVpcID.NotFound", 400))).is_ok());
        assert!(gone(Err::<(), _>(answered("LoadBalancerNotFound", 400))).is_ok());
        assert!(gone(Err::<(), _>(answered("DependencyViolation", 400))).is_err());
    }

    fn seen_by_the_plane(code: &str, status: u16) -> CloudError {
        answered(code, status).into()
    }

    fn answered(code: &str, status: u16) -> Error {
        Error::answered("ec2:CreateVpc".to_owned(), code.to_owned(), "No.", status)
    }
}
