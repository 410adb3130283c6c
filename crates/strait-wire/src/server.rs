//! The endpoint: one path, `/`, for all services, and `/health`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::{any, get};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use strait_vpc::api::Service;
use strait_vpc::{Action, Caller, Region, Response};
use tracing::{debug, error, info};
use uuid::Uuid;

use crate::Backend;
use crate::credential::{self, Claim};
use crate::de::parameters;
use crate::envelope;
use crate::error::WireError;
use crate::form::{self, Pair};
use crate::rest;
use crate::service;
use crate::sigv4;
use crate::tree::Node;

/// The largest body: more than any call of these services needs.
const BODY_LIMIT: usize = 1024 * 1024;

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

const HINT: &str = "\
This is Strait's local cloud: the AWS APIs ec2, elasticloadbalancing, route53 and sts, for AWS's own clients.

  eval \"$(strait env --account customer)\"
  aws ec2 describe-vpcs

Requests are signed with Signature Version 4; `strait env` prints the keys.
";

static REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// The endpoint as a router over a backend.
pub fn router(backend: Arc<dyn Backend>) -> Router {
    Router::new()
        .route("/", get(serve).post(serve))
        .route(&format!("{}{{*path}}", rest::PREFIX), any(serve))
        .route("/health", get(async || "ok\n"))
        .fallback(async || {
            (
                StatusCode::NOT_FOUND,
                "There is nothing at this path. AWS's clients use /, and /2013-04-01/ for Route 53.\n",
            )
        })
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(backend)
}

async fn serve(State(backend): State<Arc<dyn Backend>>, request: Request) -> HttpResponse {
    if is_browser(&request) {
        return HINT.into_response();
    }
    let request_id = Uuid::new_v4().to_string();
    let by_path = rest::is_path(request.uri().path());
    let (service, outcome) = match receive(request, BODY_TIME).await {
        Ok(received) => (received.likely_service(), run(backend, received).await),
        Err(error) if by_path => (Service::Route53, Err(error)),
        Err(error) => (Service::Ec2, Err(error)),
    };
    let mut location = None;
    let written = outcome.and_then(|answered| {
        let document = envelope::answer(
            answered.service,
            answered.action,
            &answered.response,
            &request_id,
        )?;
        debug!(action = answered.action, request_id, "answered");
        location = made_at(&answered.response);
        let made = location.is_some();
        Ok((
            if made {
                StatusCode::CREATED
            } else {
                StatusCode::OK
            },
            document,
        ))
    });
    let (status, document) =
        written.unwrap_or_else(|refused| refuse(service, &refused, &request_id));
    respond(status, document, &request_id, location)
}

/// The path of what a call of Route 53 has made, which its protocol tells in a header.
fn made_at(response: &Response) -> Option<HeaderValue> {
    let Response::CreateHostedZone(answer) = response else {
        return None;
    };
    let path = answer.hosted_zone.id.trim_start_matches('/');
    HeaderValue::try_from(format!("{}{path}", rest::PREFIX)).ok()
}

/// Neither signed nor a call: somebody looks what is here.
fn is_browser(request: &Request) -> bool {
    let asks =
        request.uri().path() != "/" || request.uri().query().is_some_and(|query| !query.is_empty());
    request.method() == Method::GET
        && !asks
        && !request.headers().contains_key(header::AUTHORIZATION)
}

/// A request that has arrived whole.
struct Received {
    parts: Parts,
    body: Bytes,
    query: Vec<Pair>,
    form: Vec<Pair>,
}

impl Received {
    fn parameter(&self, wanted: &str) -> Option<&str> {
        let mut all = self.form.iter().chain(&self.query);
        all.find(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
    }

    /// Whether it comes by the protocol of Route 53: the call is in the path, and the body is XML.
    fn is_rest(&self) -> bool {
        rest::is_path(self.parts.uri.path())
    }

    /// In whose envelope an error belongs, even while nothing is verified.
    fn likely_service(&self) -> Service {
        if self.is_rest() {
            return Service::Route53;
        }
        let scoped = credential::read(&self.parts, &self.query)
            .and_then(|claim| service::by_signing_name(&claim.scope.service));
        scoped
            .ok()
            .or_else(|| self.parameter("Version").and_then(service::by_version))
            .unwrap_or(Service::Ec2)
    }
}

async fn receive(request: Request, limit: Duration) -> Result<Received, WireError> {
    let (parts, body) = request.into_parts();
    // Before anything is read: the rest may come late or never.
    let too_large = || WireError::TooLarge { limit: BODY_LIMIT };
    if body.size_hint().lower() > BODY_LIMIT as u64 {
        return Err(too_large());
    }
    let reading = Bytes::from_request(Request::from_parts(parts.clone(), body), &());
    let reading = tokio::time::timeout(limit, reading);
    let body = reading
        .await
        .map_err(|_| WireError::TooSlow {
            seconds: limit.as_secs(),
        })?
        .map_err(|cause| {
            if cause.status() == StatusCode::PAYLOAD_TOO_LARGE {
                return too_large();
            }
            WireError::Body(cause)
        })?;
    let query = form::parse(parts.uri.query().unwrap_or_default().as_bytes())?;
    let mut received = Received {
        parts,
        body,
        query,
        form: Vec::new(),
    };
    if !received.is_rest() && !received.body.is_empty() {
        check_media_type(&received.parts.headers)?;
        received.form = form::parse(&received.body)?;
    }
    Ok(received)
}

fn check_media_type(headers: &HeaderMap) -> Result<(), WireError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    let essence = text.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(());
    }
    Err(WireError::MediaType(text.into_owned()))
}

/// A call that succeeded.
struct Answered {
    service: Service,
    action: &'static str,
    response: Response,
}

/// Runs in a task of its own: a call goes on when its client leaves, and one that panics takes nothing else along.
async fn run(backend: Arc<dyn Backend>, received: Received) -> Result<Answered, WireError> {
    let call = tokio::spawn(async move { call(backend.as_ref(), received).await });
    call.await.unwrap_or_else(|broken| {
        error!(error = %broken, "a call broke off");
        Err(WireError::Panicked)
    })
}

async fn call(backend: &dyn Backend, received: Received) -> Result<Answered, WireError> {
    let (caller, service) = authenticate(backend, &received).await?;
    if received.is_rest() || service == Service::Route53 {
        return call_by_path(backend, caller, service, received).await;
    }
    service::check_version(service, received.parameter("Version"))?;
    let Some(name) = received.parameter("Action").map(str::to_owned) else {
        return Err(WireError::MissingAction);
    };
    let pairs = received.query.into_iter().chain(received.form).collect();
    let Some(action) = Action::read(service, &name, parameters(Node::from_pairs(pairs)?)) else {
        return Err(WireError::UnknownAction(name));
    };
    let action = action.map_err(|error| error.of_call(service, &name))?;
    perform(backend, caller, service, action).await
}

/// A call of Route 53's protocol. The service has one place for all Regions.
async fn call_by_path(
    backend: &dyn Backend,
    caller: Caller,
    service: Service,
    received: Received,
) -> Result<Answered, WireError> {
    let Received {
        parts, body, query, ..
    } = received;
    let path = parts.uri.path();
    if service != Service::Route53 {
        return Err(WireError::UnknownAction(format!("{} {path}", parts.method)));
    }
    let route = rest::route(&parts.method, path)?;
    let name = route.action;
    let tree = parameters(rest::parameters(route, query, &body)?);
    let Some(action) = Action::read(service, name, tree) else {
        return Err(WireError::UnknownAction(name.to_owned()));
    };
    let caller = Caller {
        region: Region::new("us-east-1"),
        ..caller
    };
    let action = action.map_err(|error| error.of_call(service, name))?;
    perform(backend, caller, service, action).await
}

async fn perform(
    backend: &dyn Backend,
    caller: Caller,
    service: Service,
    action: Action,
) -> Result<Answered, WireError> {
    let name = action.name();
    info!(account = %caller.account, region = %caller.region, action = name, "call");
    let response = backend.call(caller, action).await?;
    Ok(Answered {
        service,
        action: name,
        response,
    })
}

/// Who calls, in which Region, and which service: all from the signature, once it is verified.
async fn authenticate(
    backend: &dyn Backend,
    received: &Received,
) -> Result<(Caller, Service), WireError> {
    let Received {
        parts, body, query, ..
    } = received;
    let claim = credential::read(parts, query)?;
    let service = service::by_signing_name(&claim.scope.service)?;
    service::check_region(&claim.scope.region)?;
    let Some(credentials) = backend.secret(&claim.access_key_id).await else {
        return Err(WireError::UnknownKey);
    };
    let token = credentials.temporary.as_ref();
    check_token(
        &claim,
        token.map(|temporary| temporary.session_token.as_str()),
    )?;
    sigv4::check_time(&claim, backend.now())?;
    sigv4::verify(&claim, &credentials.secret_access_key, parts, query, body)?;
    // After the signature: only who holds the secret learns when it ended.
    if token.is_some_and(|temporary| temporary.expires_at <= backend.now()) {
        return Err(WireError::ExpiredToken);
    }
    let session = credentials
        .temporary
        .is_some()
        .then_some(claim.access_key_id);
    let caller = Caller {
        session,
        ..Caller::new(credentials.account, Region::new(&claim.scope.region))
    };
    Ok((caller, service))
}

fn check_token(claim: &Claim, expected: Option<&str>) -> Result<(), WireError> {
    match (claim.session_token.as_deref(), expected) {
        (None, None) => Ok(()),
        (Some(given), Some(expected)) if given == expected => Ok(()),
        (Some(_), Some(_)) => Err(WireError::SessionToken(
            "it is not the one of this access key.",
        )),
        (None, Some(_)) => Err(WireError::SessionToken(
            "this access key needs one (AWS_SESSION_TOKEN).",
        )),
        (Some(_), None) => Err(WireError::SessionToken(
            "this access key has none. Unset AWS_SESSION_TOKEN, it belongs to another key.",
        )),
    }
}

fn refuse(service: Service, refused: &WireError, request_id: &str) -> (StatusCode, String) {
    let (status, code) = refused.status_and_code(service);
    let message = refused.message(service);
    if status.is_server_error() {
        error!(request_id, code, error = %refused, "failed");
    } else {
        info!(request_id, code, message, "refused");
    }
    let document = envelope::error(
        service,
        code,
        &message,
        status.is_client_error(),
        request_id,
    );
    document.map_or_else(
        |cause| {
            error!(request_id, error = %cause, "an error could not be written as XML");
            (StatusCode::INTERNAL_SERVER_ERROR, String::new())
        },
        |document| (status, document),
    )
}

fn respond(
    status: StatusCode,
    document: String,
    request_id: &str,
    location: Option<HeaderValue>,
) -> HttpResponse {
    let mut response = (status, document).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/xml;charset=UTF-8"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-store"),
    );
    if let Some(location) = location {
        headers.insert(header::LOCATION, location);
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID.clone(), value);
    }
    response
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Body;
    use futures::stream::{self, StreamExt as _};

    use super::*;

    #[tokio::test]
    async fn a_body_that_does_not_arrive_is_not_waited_for() {
        let some = || stream::iter([Ok::<_, Infallible>("A=1")]);
        let typed = |body| {
            let request = Request::post("/")
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            request.body(Body::from_stream(body)).expect("a request")
        };
        let arrived = receive(typed(some().boxed()), BODY_TIME).await;
        assert_eq!(arrived.expect("it arrived").parameter("A"), Some("1"));
        let half = typed(some().chain(stream::pending()).boxed());
        let half = receive(half, Duration::from_millis(50)).await;
        assert!(matches!(half, Err(WireError::TooSlow { .. })));
    }
}
