//! Everything that can be refused before and around a call, and how AWS says it.

use http::StatusCode;
use jiff::Timestamp;
use strait_vpc::api::Service;
use strait_vpc::{AwsError, Fault};

use crate::service::{self, REGION_HINT};
use crate::shapes;
use crate::sigv4::stamp;

/// What stops a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    /// The query string or form cannot be read.
    #[error("The query string contains a syntax error: {0}")]
    Malformed(String),
    #[error("The body is larger than {limit} bytes.")]
    TooLarge { limit: usize },
    #[error("The body did not arrive within {seconds} seconds.")]
    TooSlow { seconds: u64 },
    #[error("The body could not be read: {0}")]
    Body(#[source] axum::extract::rejection::BytesRejection),
    #[error("The body is of the type {0}; this endpoint reads application/x-www-form-urlencoded.")]
    MediaType(String),

    /// The body is not the XML of the call.
    #[error("The body is not the XML of this call: {0}")]
    Document(String),
    #[error("Request is missing Authentication Token")]
    Unsigned,
    /// The authentication is there and cannot be read.
    #[error("{0}")]
    Incomplete(String),
    #[error(
        "The credential is scoped to the service '{0}'. This endpoint has ec2, elasticloadbalancing, route53 and sts."
    )]
    UnknownService(String),
    #[error("Credential should be scoped to a valid Region, not '{0}'. {REGION_HINT}")]
    UnknownRegion(String),
    #[error("The access key id is not known here.")]
    UnknownKey,
    #[error("The security token included in the request is invalid: {0}")]
    SessionToken(&'static str),
    #[error("The security token included in the request is expired")]
    ExpiredToken,
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details.{0}"
    )]
    WrongSignature(String),
    #[error(
        "Signature expired: {} is now earlier than {} ({} - 15 min.)",
        stamp(*signed), stamp(*earliest), stamp(*now)
    )]
    Expired {
        signed: Timestamp,
        earliest: Timestamp,
        now: Timestamp,
    },
    #[error(
        "Signature not yet current: {} is still later than {} ({} + 15 min.)",
        stamp(*signed), stamp(*latest), stamp(*now)
    )]
    NotYet {
        signed: Timestamp,
        latest: Timestamp,
        now: Timestamp,
    },
    #[error("Request has expired. It was signed at {} for {seconds} seconds; it is now {}.", stamp(*signed), stamp(*now))]
    PresignedExpired {
        signed: Timestamp,
        seconds: i64,
        now: Timestamp,
    },

    #[error("The request must contain the parameter Action")]
    MissingAction,
    #[error("The action {0} is not valid for this web service.")]
    UnknownAction(String),
    #[error(
        "The requested version ({asked}) of service {service} does not exist here. Use {known}."
    )]
    UnknownVersion {
        service: &'static str,
        asked: String,
        known: &'static str,
    },

    #[error("The parameter {name} is not recognized")]
    UnknownParameter { name: String },
    /// AWS has it.
    #[error("The parameter {name} is not supported by this local cloud.")]
    UnsupportedParameter { name: String },
    #[error("The request must contain the parameter {name}")]
    MissingParameter { name: String },
    #[error("{}", invalid_parameter(name, value.as_deref(), reason))]
    InvalidParameter {
        name: String,
        value: Option<String>,
        reason: String,
    },

    #[error(transparent)]
    Call(#[from] AwsError),
    #[error(
        "An internal error has occurred: the answer could not be written as XML. The server's log has more."
    )]
    Xml(#[from] quick_xml::SeError),
    #[error("An internal error has occurred: the call broke off. The server's log has more.")]
    Panicked,
}

impl WireError {
    /// Puts what a parameter's name begins with before it: `Name` becomes `Filter.1.Name`.
    pub(crate) fn under(mut self, prefix: &str) -> Self {
        if let Self::UnknownParameter { name }
        | Self::MissingParameter { name }
        | Self::InvalidParameter { name, .. } = &mut self
        {
            *name = if name.is_empty() {
                prefix.to_owned()
            } else {
                format!("{prefix}.{name}")
            };
        }
        self
    }

    /// Tells a parameter that only this cloud does not have from one that does not exist.
    pub(crate) fn of_call(self, service: Service, call: &str) -> Self {
        let Self::UnknownParameter { name } = self else {
            return self;
        };
        if shapes::has(service, call, &name) {
            return Self::UnsupportedParameter { name };
        }
        Self::UnknownParameter { name }
    }

    /// Says which value is meant, where that is not known yet.
    pub(crate) fn with_value(mut self, given: &str) -> Self {
        if let Self::InvalidParameter {
            value: value @ None,
            ..
        } = &mut self
        {
            *value = Some(given.to_owned());
        }
        self
    }

    /// The HTTP status and AWS's code, spelt as this service spells it.
    pub(crate) fn status_and_code(&self, service: Service) -> (StatusCode, &str) {
        let ec2 = service::is_ec2(service);
        match self {
            Self::Malformed(_) | Self::Body(_) => (StatusCode::BAD_REQUEST, "MalformedQueryString"),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge"),
            Self::TooSlow { .. } => (StatusCode::REQUEST_TIMEOUT, "RequestTimeout"),
            Self::MediaType(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType"),
            Self::Unsigned => (StatusCode::FORBIDDEN, "MissingAuthenticationToken"),
            Self::Incomplete(_) => (StatusCode::BAD_REQUEST, "IncompleteSignature"),
            Self::UnknownKey | Self::SessionToken(_) if ec2 => {
                (StatusCode::UNAUTHORIZED, "AuthFailure")
            }
            Self::UnknownKey | Self::SessionToken(_) => {
                (StatusCode::FORBIDDEN, "InvalidClientTokenId")
            }
            Self::Expired { .. }
            | Self::NotYet { .. }
            | Self::PresignedExpired { .. }
            | Self::ExpiredToken
                if ec2 =>
            {
                (StatusCode::BAD_REQUEST, "RequestExpired")
            }
            Self::ExpiredToken => (StatusCode::FORBIDDEN, "ExpiredToken"),
            Self::UnknownService(_)
            | Self::UnknownRegion(_)
            | Self::WrongSignature(_)
            | Self::Expired { .. }
            | Self::NotYet { .. }
            | Self::PresignedExpired { .. } => (StatusCode::FORBIDDEN, "SignatureDoesNotMatch"),
            Self::MissingAction => (StatusCode::BAD_REQUEST, "MissingAction"),
            Self::UnknownAction(_) => (StatusCode::BAD_REQUEST, "InvalidAction"),
            Self::UnknownVersion { .. } => (StatusCode::BAD_REQUEST, "NoSuchVersion"),
            Self::UnknownParameter { .. }
            | Self::MissingParameter { .. }
            | Self::InvalidParameter { .. }
                if service == Service::Route53 =>
            {
                (StatusCode::BAD_REQUEST, "InvalidInput")
            }
            // Only Route 53's calls come as documents.
            Self::Document(_) => (StatusCode::BAD_REQUEST, "MalformedInput"),
            Self::UnknownParameter { .. } => (StatusCode::BAD_REQUEST, "UnknownParameter"),
            Self::UnsupportedParameter { .. } => (StatusCode::BAD_REQUEST, "UnsupportedOperation"),
            Self::MissingParameter { .. } => (StatusCode::BAD_REQUEST, "MissingParameter"),
            Self::InvalidParameter { .. } => (StatusCode::BAD_REQUEST, "InvalidParameterValue"),
            // EC2 has a word of its own for it.
            Self::Call(error)
                if ec2 && error.fault == Fault::Busy && error.code == "ServiceUnavailable" =>
            {
                (status(error.fault), "Unavailable")
            }
            Self::Call(error) => (status(error.fault), &error.code),
            Self::Xml(_) | Self::Panicked => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        }
    }

    /// The message for people. A call's own error is said without its code, which has a field of its own.
    pub(crate) fn message(&self, service: Service) -> String {
        match self {
            Self::Call(error) => error.message.clone(),
            Self::UnknownKey if service::is_ec2(service) => {
                "AWS was not able to validate the provided access credentials".to_owned()
            }
            Self::UnknownKey => "The security token included in the request is invalid.".to_owned(),
            Self::Malformed(_)
            | Self::TooLarge { .. }
            | Self::TooSlow { .. }
            | Self::Body(_)
            | Self::MediaType(_)
            | Self::Document(_)
            | Self::Unsigned
            | Self::Incomplete(_)
            | Self::UnknownService(_)
            | Self::UnknownRegion(_)
            | Self::SessionToken(_)
            | Self::ExpiredToken
            | Self::WrongSignature(_)
            | Self::Expired { .. }
            | Self::NotYet { .. }
            | Self::PresignedExpired { .. }
            | Self::MissingAction
            | Self::UnknownAction(_)
            | Self::UnknownVersion { .. }
            | Self::UnknownParameter { .. }
            | Self::UnsupportedParameter { .. }
            | Self::MissingParameter { .. }
            | Self::InvalidParameter { .. }
            | Self::Xml(_)
            | Self::Panicked => self.to_string(),
        }
    }
}

impl serde::de::Error for WireError {
    fn custom<T: std::fmt::Display>(reason: T) -> Self {
        Self::InvalidParameter {
            name: String::new(),
            value: None,
            reason: reason.to_string(),
        }
    }

    fn unknown_field(field: &str, _expected: &'static [&'static str]) -> Self {
        Self::UnknownParameter {
            name: field.to_owned(),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::MissingParameter {
            name: field.to_owned(),
        }
    }
}

fn status(fault: Fault) -> StatusCode {
    match fault {
        Fault::Request => StatusCode::BAD_REQUEST,
        Fault::Identity => StatusCode::UNAUTHORIZED,
        Fault::Permission => StatusCode::FORBIDDEN,
        Fault::NotFound => StatusCode::NOT_FOUND,
        Fault::Conflict => StatusCode::CONFLICT,
        Fault::DryRun => StatusCode::PRECONDITION_FAILED,
        Fault::Server => StatusCode::INTERNAL_SERVER_ERROR,
        Fault::Busy => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn invalid_parameter(name: &str, value: Option<&str>, reason: &str) -> String {
    let reason = reason.trim_end_matches('.');
    match (name, value) {
        ("", _) => format!("A parameter is invalid: {reason}."),
        (name, None) => format!("The parameter {name} is invalid: {reason}."),
        (name, Some(value)) => {
            format!("Value ({value}) for parameter {name} is invalid. {reason}.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_that_is_away_is_said_as_each_service_says_it() {
        let away = |fault| WireError::Call(AwsError::with_fault("ServiceUnavailable", "", fault));
        for (service, code) in [
            (Service::Ec2, "Unavailable"),
            (Service::Elb, "ServiceUnavailable"),
            (Service::Sts, "ServiceUnavailable"),
            (Service::Route53, "ServiceUnavailable"),
        ] {
            let busy = away(Fault::Busy);
            let said = busy.status_and_code(service);
            assert_eq!(said, (StatusCode::SERVICE_UNAVAILABLE, code), "{service:?}");
        }
        // The control: what else fails keeps its code.
        let failed = away(Fault::Server);
        let said = failed.status_and_code(Service::Ec2);
        assert_eq!(
            said,
            (StatusCode::INTERNAL_SERVER_ERROR, "ServiceUnavailable")
        );
    }
}
