//! A client that signs, for the tests.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use hmac::{Hmac, Mac};
use http::{Request, StatusCode};
use sha2::{Digest, Sha256};
use strait_wire::Backend;
use tower::ServiceExt;

/// The access key id that the tests sign with.
pub(crate) const KEY: &str = "AKIATEST";

/// Its secret.
pub(crate) const SECRET: &str = "secret";

/// A request to sign.
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) service: &'static str,
    pub(crate) region: &'static str,
    pub(crate) query: &'static str,
    pub(crate) form: &'static str,
    pub(crate) key: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) at: &'static str,
    pub(crate) token: Option<&'static str>,
}

/// A form, signed well unless something is changed.
pub(crate) fn post(service: &'static str, form: &'static str) -> Call {
    Call {
        method: "POST",
        service,
        region: "eu-central-1",
        query: "",
        form,
        key: KEY,
        secret: SECRET,
        at: "20261125T011000Z",
        token: None,
    }
}

impl Call {
    /// Signs as a client does; the query must be sorted and encoded already.
    pub(crate) fn signed(&self) -> Request<Body> {
        let digest = hex::encode(Sha256::digest(self.form));
        let token = self
            .token
            .map(|token| format!("x-amz-security-token:{token}\n"))
            .unwrap_or_default();
        let names = if self.token.is_some() {
            "host;x-amz-date;x-amz-security-token"
        } else {
            "host;x-amz-date"
        };
        let canonical = format!(
            "{}\n/\n{}\nhost:aws.test\nx-amz-date:{}\n{token}\n{names}\n{digest}",
            self.method, self.query, self.at
        );
        let scope = format!(
            "{}/{}/{}/aws4_request",
            &self.at[..8],
            self.region,
            self.service
        );
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n{}\n{scope}\n{}",
            self.at,
            hex::encode(Sha256::digest(canonical))
        );
        let key = scope
            .split('/')
            .fold(format!("AWS4{}", self.secret).into_bytes(), |key, text| {
                mac(&key, text)
            });
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}",
            self.key,
            hex::encode(mac(&key, &to_sign))
        );
        let uri = if self.query.is_empty() {
            "/".to_owned()
        } else {
            format!("/?{}", self.query)
        };
        let mut request = Request::builder()
            .method(self.method)
            .uri(uri)
            .header("host", "aws.test")
            .header("x-amz-date", self.at)
            .header(
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8",
            )
            .header("authorization", authorization);
        if let Some(token) = self.token {
            request = request.header("x-amz-security-token", token);
        }
        request.body(Body::from(self.form)).expect("a request")
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: String,
    pub(crate) request_id: String,
    pub(crate) body: String,
}

/// Sends a request to the endpoint over this backend.
pub(crate) async fn send_to(backend: Arc<dyn Backend>, request: Request<Body>) -> Answer {
    let response = strait_wire::router(backend)
        .oneshot(request)
        .await
        .expect("infallible");
    let text = |name: &str| {
        let value = response
            .headers()
            .get(name)
            .map(|value| value.to_str().expect("ASCII"));
        value.unwrap_or_default().to_owned()
    };
    let (content_type, request_id) = (text("content-type"), text("x-amzn-requestid"));
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX)
        .await
        .expect("a body");
    Answer {
        status,
        content_type,
        request_id,
        body: String::from_utf8(body.to_vec()).expect("UTF-8"),
    }
}
