//! The endpoint from outside: signed requests in, status, headers and XML out.

mod common;

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use http::{Request, StatusCode, header};
use jiff::Timestamp;
use strait_vpc::api::{GetCallerIdentityResponse, Service};
use strait_vpc::{Action, AwsError, Caller, Fault, Response};
use strait_wire::{Backend, Credentials, Temporary};

use crate::common::{Answer, Call, KEY, SECRET, post, send_to};

const TOKEN: &str = "the/token==";
const NOW: &str = "2026-11-25T01:10:39.5Z";

#[tokio::test]
async fn a_signed_call_is_answered() {
    let answer = send(post("sts", "Action=GetCallerIdentity&Version=2011-06-15").signed()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.content_type, "text/xml;charset=UTF-8");
    let id = &answer.request_id;
    assert_eq!(id.len(), 36, "{id}");
    assert_eq!(
        answer.body,
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <GetCallerIdentityResult><UserId>123456789012</UserId><Account>123456789012</Account>\
             <Arn>eu-central-1 &lt;&amp;&gt;</Arn></GetCallerIdentityResult>\
             <ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
        )
    );
}

#[tokio::test]
async fn a_query_string_will_do() {
    let mut call = post("sts", "");
    call.method = "GET";
    call.query = "Action=GetCallerIdentity&Version=2011-06-15";
    assert_eq!(send(call.signed()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn errors_come_in_their_services_envelope() {
    let answer = send(post("ec2", "Action=MakeCoffee&Version=2016-11-15").signed()).await;
    answer.is_ec2_error(StatusCode::BAD_REQUEST, "InvalidAction");
    assert!(
        answer
            .body
            .contains("The action MakeCoffee is not valid for this web service."),
        "{}",
        answer.body
    );
    send(post("ec2", "Version=2016-11-15").signed())
        .await
        .is_ec2_error(StatusCode::BAD_REQUEST, "MissingAction");
    send(post("ec2", "Action=CreateVpc&Version=2014-01-01").signed())
        .await
        .is_ec2_error(StatusCode::BAD_REQUEST, "NoSuchVersion");
    send(post("ec2", "Action=CreateVpc&Version=2016-11-15&Colour=red").signed())
        .await
        .is_ec2_error(StatusCode::BAD_REQUEST, "UnknownParameter");

    let answer = send(
        post(
            "elasticloadbalancing",
            "Action=MakeCoffee&Version=2015-12-01",
        )
        .signed(),
    )
    .await;
    answer.is_query_error(StatusCode::BAD_REQUEST, "Sender", "InvalidAction");
    send(post("sts", "Action=CreateVpc").signed())
        .await
        .is_query_error(StatusCode::BAD_REQUEST, "Sender", "InvalidAction");
}

#[tokio::test]
async fn who_is_not_known_is_told_so_as_each_service_does() {
    let stranger = |service| Call {
        key: "AKIASTRANGER",
        ..post(service, "Action=GetCallerIdentity")
    };
    send(stranger("ec2").signed())
        .await
        .is_ec2_error(StatusCode::UNAUTHORIZED, "AuthFailure");
    send(stranger("sts").signed()).await.is_query_error(
        StatusCode::FORBIDDEN,
        "Sender",
        "InvalidClientTokenId",
    );

    let forger = |service| Call {
        secret: "guess",
        ..post(service, "Action=GetCallerIdentity")
    };
    send(forger("ec2").signed())
        .await
        .is_ec2_error(StatusCode::FORBIDDEN, "SignatureDoesNotMatch");
    send(forger("sts").signed()).await.is_query_error(
        StatusCode::FORBIDDEN,
        "Sender",
        "SignatureDoesNotMatch",
    );

    let token = Call {
        token: Some("left over"),
        ..post("sts", "Action=GetCallerIdentity")
    };
    let answer = send(token.signed()).await;
    answer.is_query_error(StatusCode::FORBIDDEN, "Sender", "InvalidClientTokenId");
    assert!(
        answer.body.contains("Unset AWS_SESSION_TOKEN"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn temporary_keys_need_their_token_and_end() {
    let with = |key, token| Call {
        key,
        token,
        ..post("sts", "Action=GetCallerIdentity")
    };
    let good = send(with("ASIATEST", Some(TOKEN)).signed()).await;
    assert_eq!(good.status, StatusCode::OK, "{}", good.body);
    assert!(good.body.contains("by ASIATEST"), "{}", good.body);
    for wrong in [None, Some("of another key")] {
        let answer = send(with("ASIATEST", wrong).signed()).await;
        answer.is_query_error(StatusCode::FORBIDDEN, "Sender", "InvalidClientTokenId");
    }
    let over = with("ASIAOVER", Some(TOKEN));
    let answer = send(over.signed()).await;
    answer.is_query_error(StatusCode::FORBIDDEN, "Sender", "ExpiredToken");
    let of_ec2 = Call {
        service: "ec2",
        ..over
    };
    send(of_ec2.signed())
        .await
        .is_ec2_error(StatusCode::BAD_REQUEST, "RequestExpired");
}

#[tokio::test]
async fn clocks_that_differ_are_both_named() {
    let late = |service| Call {
        at: "20261125T002539Z",
        ..post(service, "Action=GetCallerIdentity")
    };
    let answer = send(late("ec2").signed()).await;
    answer.is_ec2_error(StatusCode::BAD_REQUEST, "RequestExpired");
    assert!(
        answer
            .body
            .contains("20261125T002539Z is now earlier than 20261125T005539Z"),
        "{}",
        answer.body
    );
    send(late("sts").signed()).await.is_query_error(
        StatusCode::FORBIDDEN,
        "Sender",
        "SignatureDoesNotMatch",
    );
}

#[tokio::test]
async fn scopes_that_are_not_here_are_named() {
    let answer = send(post("s3", "Action=GetCallerIdentity").signed()).await;
    assert!(answer.body.contains("'s3'"), "{}", answer.body);
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let mars = Call {
        region: "mars-1",
        ..post("ec2", "Action=CreateVpc")
    };
    let answer = send(mars.signed()).await;
    answer.is_ec2_error(StatusCode::FORBIDDEN, "SignatureDoesNotMatch");
    assert!(answer.body.contains("'mars-1'"), "{}", answer.body);
}

#[tokio::test]
async fn unsigned_calls_are_refused_and_lookers_get_a_hint() {
    let unsigned = |uri: &str| Request::get(uri).body(Body::empty()).expect("a request");
    send(unsigned("/?Action=DescribeVpcs"))
        .await
        .is_ec2_error(StatusCode::FORBIDDEN, "MissingAuthenticationToken");
    let answer = send(unsigned("/?Action=GetCallerIdentity&Version=2011-06-15")).await;
    answer.is_query_error(
        StatusCode::FORBIDDEN,
        "Sender",
        "MissingAuthenticationToken",
    );
    let hint = send(unsigned("/")).await;
    assert_eq!(hint.status, StatusCode::OK);
    assert!(hint.body.contains("strait env"), "{}", hint.body);
    let health = send(unsigned("/health")).await;
    assert_eq!(
        (health.status, health.body.as_str()),
        (StatusCode::OK, "ok\n")
    );
    assert_eq!(
        send(unsigned("/bucket/key")).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn malformed_requests_are_refused_cleanly() {
    for form in [
        "Action=%",
        "Action=%ff",
        "Action=CreateVpc&Action=CreateVpc",
        "Action=CreateVpc&A=1&A.1=2",
    ] {
        send(post("ec2", form).signed())
            .await
            .is_ec2_error(StatusCode::BAD_REQUEST, "MalformedQueryString");
    }
    let mut twice = post("ec2", "Action=CreateVpc");
    twice.query = "Action=CreateVpc";
    send(twice.signed())
        .await
        .is_ec2_error(StatusCode::BAD_REQUEST, "MalformedQueryString");

    let mut basic = post("ec2", "Action=CreateVpc").signed();
    basic.headers_mut().insert(
        header::AUTHORIZATION,
        "Basic dTpw".parse().expect("a header"),
    );
    send(basic)
        .await
        .is_ec2_error(StatusCode::BAD_REQUEST, "IncompleteSignature");

    let mut json = post("ec2", "Action=CreateVpc").signed();
    json.headers_mut().insert(
        header::CONTENT_TYPE,
        "application/json".parse().expect("a header"),
    );
    send(json)
        .await
        .is_ec2_error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType");

    let large: &'static str = "A=1&".repeat(300_000).leak();
    send(post("ec2", large).signed())
        .await
        .is_ec2_error(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge");
}

#[tokio::test]
async fn by_route_53s_paths_malformed_requests_are_refused_in_its_envelope() {
    let large = Body::from("x".repeat(1_200_000));
    for (query, body, status, code) in [
        (
            "?name=%ff",
            Body::empty(),
            StatusCode::BAD_REQUEST,
            "MalformedQueryString",
        ),
        (
            "",
            large,
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
        ),
    ] {
        let request = Request::post(format!("/2013-04-01/hostedzone{query}"));
        send(request.body(body).expect("a request"))
            .await
            .is_query_error(status, "Sender", code);
    }
}

#[tokio::test]
async fn a_calls_error_keeps_its_code_and_its_fault_is_the_status() {
    for (region, status, code) in [
        ("us-east-1", StatusCode::BAD_REQUEST, "InvalidVpc.Range"),
        (
            "us-east-2",
            StatusCode::PRECONDITION_FAILED,
            "DryRunOperation",
        ),
        (
            "us-west-2",
            StatusCode::SERVICE_UNAVAILABLE,
            "RequestLimitExceeded",
        ),
    ] {
        let form = "Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0/8";
        send(
            Call {
                region,
                ..post("ec2", form)
            }
            .signed(),
        )
        .await
        .is_ec2_error(status, code);
    }
}

#[tokio::test]
async fn a_call_that_panics_answers_500() {
    let call = Call {
        region: "us-west-1",
        ..post("ec2", "Action=CreateVpc&CidrBlock=10.0.0.0/16")
    };
    let answer = send(call.signed()).await;
    answer.is_ec2_error(StatusCode::INTERNAL_SERVER_ERROR, "InternalError");
    assert!(!answer.body.contains("secret plan"), "{}", answer.body);
}

/// Tells a caller's account and Region back, and fails a VPC in the way of its Region.
struct Echo;

#[async_trait]
impl Backend for Echo {
    async fn secret(&self, access_key_id: &str) -> Option<Credentials> {
        let temporary = |expires_at: &str| Temporary {
            session_token: TOKEN.to_owned(),
            expires_at: expires_at.parse().expect("a time"),
        };
        let temporary = match access_key_id {
            KEY => None,
            "ASIATEST" => Some(temporary("2026-11-25T01:10:40Z")),
            "ASIAOVER" => Some(temporary(NOW)),
            _ => return None,
        };
        Some(Credentials {
            account: "123456789012".parse().expect("12 digits"),
            secret_access_key: SECRET.to_owned(),
            temporary,
        })
    }

    async fn call(&self, caller: Caller, action: Action) -> Result<Response, AwsError> {
        if action.name() == "GetCallerIdentity" {
            let account = caller.account.to_string();
            let session = caller.session.map(|key| format!(" by {key}"));
            let arn = format!("{} <&>{}", caller.region, session.unwrap_or_default());
            return Ok(Response::GetCallerIdentity(GetCallerIdentityResponse {
                user_id: account.clone(),
                account,
                arn,
            }));
        }
        assert_ne!(caller.region.as_str(), "us-west-1", "a secret plan");
        Err(match caller.region.as_str() {
            "us-east-2" => AwsError::with_fault("DryRunOperation", "It would.", Fault::DryRun),
            "us-west-2" => AwsError::with_fault("RequestLimitExceeded", "Later.", Fault::Busy),
            _ => AwsError::new("InvalidVpc.Range", "The CIDR '10.0.0.0/8' is invalid."),
        })
    }

    fn now(&self) -> Timestamp {
        NOW.parse().expect("a time")
    }
}

#[test]
fn the_calls_that_the_tests_use_are_there() {
    for call in [
        (Service::Ec2, "CreateVpc"),
        (Service::Sts, "GetCallerIdentity"),
    ] {
        assert!(Action::ALL.contains(&call), "{call:?}");
    }
}

trait IsError {
    fn is_ec2_error(&self, status: StatusCode, code: &str);
    fn is_query_error(&self, status: StatusCode, kind: &str, code: &str);
}

impl IsError for Answer {
    fn is_ec2_error(&self, status: StatusCode, code: &str) {
        let id = &self.request_id;
        assert_eq!(self.status, status, "{}", self.body);
        let start = format!("<Response><Errors><Error><Code>{code}</Code><Message>");
        let end = format!("</Message></Error></Errors><RequestID>{id}</RequestID></Response>");
        assert!(
            self.body.contains(&start) && self.body.ends_with(&end),
            "{}",
            self.body
        );
    }

    fn is_query_error(&self, status: StatusCode, kind: &str, code: &str) {
        let id = &self.request_id;
        assert_eq!(self.status, status, "{}", self.body);
        let start = format!("/\"><Error><Type>{kind}</Type><Code>{code}</Code><Message>");
        let end = format!("</Message></Error><RequestId>{id}</RequestId></ErrorResponse>");
        assert!(
            self.body.contains(&start) && self.body.ends_with(&end),
            "{}",
            self.body
        );
    }
}

async fn send(request: Request<Body>) -> Answer {
    send_to(Arc::new(Echo), request).await
}
