//! Reads request bodies and paths strictly, and says what is wrong with them.

use std::time::Duration;

use axum::body::{Bytes, HttpBody as _};
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::ApiError;
use crate::{BODY_LIMIT, BODY_TIME, Shared};

/// What stands behind the `?`.
pub(crate) struct Given<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shared> for Given<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, ApiError> {
        let Query(given) = Query::<T>::try_from_uri(&parts.uri)
            .map_err(|rejection| ApiError::field("query", rejection.body_text()))?;
        Ok(Self(given))
    }
}

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

/// The variable parts of a path, by name.
pub(crate) struct Segments<T>(pub(crate) T);

/// Names a Peering VPC.
#[derive(Deserialize)]
pub(crate) struct VpcPath {
    pub(crate) vpc_id: String,
}

/// Names a peering connection.
#[derive(Deserialize)]
pub(crate) struct PeeringPath {
    pub(crate) vpc_id: String,
    pub(crate) peering_id: String,
}

/// Names an operation.
#[derive(Deserialize)]
pub(crate) struct OperationPath {
    pub(crate) operation_id: String,
}

/// Names a service.
#[derive(Deserialize)]
pub(crate) struct ServicePath {
    pub(crate) service_id: String,
}

impl<T: DeserializeOwned> FromRequest<Shared> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, ApiError> {
        let Some(value) = sent(request, app).await? else {
            return Err(ApiError::Malformed(
                "the body is empty, and this takes a JSON object".to_owned(),
            ));
        };
        Ok(Self(value))
    }
}

impl<T: DeserializeOwned> OptionalFromRequest<Shared> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Shared) -> Result<Option<Self>, ApiError> {
        Ok(sent(request, app).await?.map(Self))
    }
}

impl<T: DeserializeOwned + Send> FromRequestParts<Shared> for Segments<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        let Path(segments) = Path::from_request_parts(parts, app)
            .await
            .map_err(|rejection| {
                ApiError::Malformed(format!(
                    "the path cannot be read: {}",
                    rejection.body_text()
                ))
            })?;
        Ok(Self(segments))
    }
}

/// A body as it arrived, if it does in time.
pub(crate) async fn whole<S: Send + Sync>(
    request: Request,
    state: &S,
    limit: Duration,
) -> Result<Bytes, ApiError> {
    // Before anything is read: the rest may come late or never.
    if request.body().size_hint().lower() > BODY_LIMIT as u64 {
        return Err(ApiError::TooLarge);
    }
    let reading = Bytes::from_request(request, state);
    tokio::time::timeout(limit, reading)
        .await
        .map_err(|_| ApiError::TooSlow)?
        .map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                return ApiError::TooLarge;
            }
            let reason = rejection.body_text();
            ApiError::Malformed(format!("the body could not be read: {reason}"))
        })
}

/// What a JSON body says, if there is one.
async fn sent<T: DeserializeOwned>(request: Request, app: &Shared) -> Result<Option<T>, ApiError> {
    let content_type = content_type(request.headers());
    let bytes = whole(request, app, BODY_TIME).await?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if !is_json(content_type.as_deref()) {
        return Err(ApiError::ContentType(
            content_type.unwrap_or_else(|| "of no content type".to_owned()),
        ));
    }
    parse(&bytes).map(Some)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        let message = inner.to_string();
        if !inner.is_data() {
            return ApiError::Malformed(format!("the body is no JSON: {message}"));
        }
        match named_in(&message)
            .map(str::to_owned)
            .or_else(|| (path != ".").then_some(path))
        {
            Some(field) => {
                let message = match is_secret(&field) {
                    true => without_value(&message),
                    false => without_position(&message).to_owned(),
                };
                ApiError::field(&field, format!("{field}: {message}"))
            }
            // All of it is a value, and nobody knows of what.
            None => {
                let message = without_value(&message);
                ApiError::Malformed(format!("the body is not what this takes: {message}"))
            }
        }
    })?;
    reader.end().map_err(|error| {
        ApiError::Malformed(format!("the body has more than one JSON value: {error}"))
    })?;
    Ok(value)
}

/// The field that serde's message is about: ``unknown field `x`, expected …``.
fn named_in(message: &str) -> Option<&str> {
    let rest = ["unknown field `", "missing field `", "duplicate field `"]
        .iter()
        .find_map(|start| message.strip_prefix(start))?;
    rest.split_once('`').map(|(field, _)| field)
}

/// Whether a field's values are not to be repeated, in whatever it lies.
fn is_secret(field: &str) -> bool {
    ["password", "token", "secret"]
        .iter()
        .any(|word| field.to_lowercase().contains(word))
}

/// serde's message without the value that it is about: `invalid type: integer 7, expected a string`.
fn without_value(message: &str) -> String {
    match without_position(message).rsplit_once(", expected ") {
        Some((_, expected)) => format!("it is not what it has to be, which is {expected}"),
        None => "it is not what it has to be".to_owned(),
    }
}

fn without_position(message: &str) -> &str {
    message
        .rsplit_once(" at line ")
        .map_or(message, |(message, _)| message)
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    headers
        .get(header::CONTENT_TYPE)?
        .to_str()
        .ok()
        .map(str::to_owned)
}

fn is_json(content_type: Option<&str>) -> bool {
    let kind = content_type
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim();
    kind.eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::stream::{self, StreamExt as _};

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Thing {
        name: String,
        size: Option<u32>,
    }

    #[tokio::test]
    async fn a_body_that_does_not_arrive_is_not_waited_for() {
        let some = || stream::iter([Ok::<_, Infallible>("{}")]);
        let request = |body| Request::new(axum::body::Body::from_stream(body));
        let arrived = whole(request(some().boxed()), &(), BODY_TIME).await;
        assert_eq!(arrived.expect("it arrived"), "{}");
        let half = request(some().chain(stream::pending()).boxed());
        let half = whole(half, &(), Duration::from_millis(50)).await;
        assert!(matches!(half, Err(ApiError::TooSlow)), "{half:?}");
    }

    #[test]
    fn a_good_body() {
        let thing: Thing = parse(br#"{"name":"a","size":3}"#).expect("good");
        assert_eq!(
            thing,
            Thing {
                name: "a".to_owned(),
                size: Some(3)
            }
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, wrong) in [
            (r#"{"name":"a","colour":1}"#, Some("colour")),
            (r#"{"size":1}"#, Some("name")),
            (r#"{"name":"a","name":"b"}"#, Some("name")),
            (r#"{"name":"a","size":"x"}"#, Some("size")),
            (r#"{"name":7}"#, Some("name")),
            (r#"{"name":"a""#, None),
            (r#"{"name":"a"} {}"#, None),
            ("[]", None),
            ("no", None),
        ] {
            let refusal = parse::<Thing>(body.as_bytes()).expect_err(body);
            let field = if let ApiError::Field { field, .. } = &refusal {
                Some(field.as_str())
            } else {
                assert!(
                    matches!(refusal, ApiError::Malformed(_)),
                    "{body}: {refusal}"
                );
                None
            };
            assert_eq!(field, wrong, "{body}: {refusal}");
        }
    }

    #[test]
    fn what_is_secret_is_not_repeated() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "nothing of it is ever read")]
        struct Secrets {
            new_password: String,
            token: Option<Box<Self>>,
            size: Option<u32>,
        }
        let message = |body: &str| {
            parse::<Secrets>(body.as_bytes())
                .expect_err(body)
                .to_string()
        };
        for (body, field) in [
            (r#"{"new_password":12345678}"#, "new_password: "),
            (r#"{"new_password":["12345678"]}"#, "new_password: "),
            (
                r#"{"new_password":"","token":"12345678, expected 12345678"}"#,
                "token: ",
            ),
            (
                r#"{"new_password":"","token":{"new_password":12345678}}"#,
                "token.new_password: ",
            ),
            (r#""12345678""#, ""),
            ("12345678", ""),
        ] {
            let said = message(body);
            assert!(!said.contains("12345678"), "{said}");
            assert!(said.starts_with(field), "{said}");
        }
        // The control: of what is none it helps.
        let said = message(r#"{"new_password":"","size":"12345678"}"#);
        assert!(said.contains("12345678"), "{said}");
    }

    #[test]
    fn json_is_told_by_its_content_type() {
        assert!(is_json(Some("application/json")));
        assert!(is_json(Some("Application/JSON; charset=utf-8")));
        assert!(!is_json(Some("text/plain")));
        assert!(!is_json(None));
    }
}
