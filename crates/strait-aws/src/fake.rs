//! For tests: an EC2 that answers what the test says, and notes what it was asked.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_ec2::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::Aws;
use crate::budget::within;
use crate::client::Clients;
use crate::names::Zone;
use crate::region::Region;
use crate::seen::lock;
use crate::tag::Tags;

/// The Region of the tests.
pub(crate) const REGION: &str = "eu-west-1";
/// A budget that no test uses up.
pub(crate) const PLENTY: NonZeroU32 = NonZeroU32::new(1000).expect("not zero");

/// What EC2 answers.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Success with these elements.
    Xml(String),
    /// An error: HTTP status and code.
    Error(u16, &'static str),
    /// The connection breaks after the request was sent.
    Lost,
    /// No answer ever comes.
    Silence,
}

/// An EC2 for tests. An action's last answer is given again and again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fake {
    answers: Arc<Mutex<BTreeMap<String, VecDeque<Answer>>>>,
    /// Actions with the bodies of their requests.
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Fake {
    /// The next answers to an action.
    pub(crate) fn answer(self, action: &str, answers: impl IntoIterator<Item = Answer>) -> Self {
        lock(&self.answers).insert(action.to_owned(), answers.into_iter().collect());
        self
    }

    /// How often an action was asked for.
    pub(crate) fn asked(&self, action: &str) -> usize {
        self.bodies(action).len()
    }

    /// All that was asked for, in this order.
    pub(crate) fn actions(&self) -> Vec<String> {
        let name = |(action, _): &(String, String)| action.clone();
        lock(&self.asked).iter().map(name).collect()
    }

    /// The bodies of all requests for an action.
    pub(crate) fn bodies(&self, action: &str) -> Vec<String> {
        let asked = lock(&self.asked);
        let those = asked.iter().filter(|(asked, _)| asked == action);
        those.map(|(_, body)| body.clone()).collect()
    }

    /// The SDK's configuration with this EC2.
    pub(crate) fn sdk(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(aws_config::Region::from_static(REGION))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "id", "secret", None, None, "test",
            )))
            .http_client(within(PLENTY, SharedHttpClient::new(self.clone())))
            .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)))
            .build()
    }

    /// A Strait, `plane-1`, that has this EC2 in its one Region.
    pub(crate) fn aws(&self) -> Aws {
        let sdk = self.sdk();
        let stirred = Arc::new(Notify::new());
        let region = Region::new(
            REGION,
            Clients::new(&sdk),
            Tags::of("plane-1"),
            Arc::clone(&stirred),
        );
        Aws {
            account: "111122223333".to_owned(),
            known_regions: vec![REGION.to_owned()],
            regions: BTreeMap::from([(REGION.to_owned(), region)]),
            stirred,
            names: crate::resolve::Names::OfTheMachine(Arc::default()),
            zone: Zone::new(
                aws_sdk_route53::Client::new(&sdk),
                "strait.example.com",
                None,
            ),
            followed: Mutex::default(),
            told: Mutex::default(),
            missed: Mutex::default(),
            asked: Mutex::new(Instant::now()),
        }
    }

    fn next(&self, action: &str) -> Answer {
        let mut answers = lock(&self.answers);
        let Some(left) = answers.get_mut(action) else {
            return Answer::Error(400, "InvalidAction");
        };
        let next = if left.len() > 1 {
            left.pop_front()
        } else {
            left.front().cloned()
        };
        next.unwrap_or(Answer::Lost)
    }
}

impl HttpClient for Fake {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Fake {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        let action = action(&body).to_owned();
        lock(&self.asked).push((action.clone(), body));
        HttpConnectorFuture::ready(match self.next(&action) {
            Answer::Xml(elements) => Ok(response(
                200,
                format!("<{action}Response>{elements}</{action}Response>"),
            )),
            Answer::Error(status, code) => Ok(response(status, refusal(&request, code))),
            Answer::Lost => Err(ConnectorError::io("the connection broke".into())),
            Answer::Silence => return HttpConnectorFuture::new(std::future::pending()),
        })
    }
}

/// A list of EC2's, under this name.
pub(crate) fn list(name: &str, items: &[&str]) -> Answer {
    let items: String = items
        .iter()
        .map(|item| format!("<item>{item}</item>"))
        .collect();
    Answer::Xml(format!("<{name}>{items}</{name}>"))
}

/// The tags of what `plane-1` made for this key.
pub(crate) fn tags(key: &str) -> String {
    let tag =
        |key: &str, value: &str| format!("<item><key>{key}</key><value>{value}</value></item>");
    format!(
        "<tagSet>{}{}</tagSet>",
        tag("strait:id", key),
        tag("strait:plane", "plane-1")
    )
}

/// `Action=…` of a form, or the root element of Route 53's XML, which ends in `Request`.
fn action(body: &str) -> &str {
    if let Some(root) = body.strip_prefix('<') {
        let name = root.split([' ', '>']).next().unwrap_or_default();
        return name.trim_end_matches("Request");
    }
    let rest = body.trim_start_matches("Action=");
    rest.split('&').next().unwrap_or_default()
}

fn response(status: u16, body: String) -> HttpResponse {
    let status = StatusCode::try_from(status).expect("a status of HTTP's");
    HttpResponse::new(status, body.into())
}

fn refusal(request: &HttpRequest, code: &str) -> String {
    let error = format!("<Error><Code>{code}</Code><Message>No.</Message></Error>");
    if request.uri().contains("elasticloadbalancing") {
        return format!("<ErrorResponse>{error}</ErrorResponse>");
    }
    format!("<Response><Errors>{error}</Errors></Response>")
}
