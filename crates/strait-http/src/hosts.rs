//! Keeps web pages out: a page that a browser on this machine shows could otherwise send requests here, under its own
//! origin or under a name that its owner points at 127.0.0.1 (DNS rebinding).

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::Shared;
use crate::error::ApiError;

/// Lets requests pass that are for one of our hosts and from no other origin.
pub(crate) async fn only_ours(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let host = authority(request.headers(), request.uri());
    if let Err(refusal) = check(request.headers(), request.uri(), &app.options.hosts) {
        return refusal.into_response();
    }
    let strict = host.and_then(|host| app.options.transport.strict(host.host()));
    let mut response = next.run(request).await;
    response.headers_mut().extend(strict);
    response
}

fn check(headers: &HeaderMap, uri: &Uri, hosts: &[String]) -> Result<(), ApiError> {
    let Some(authority) = authority(headers, uri) else {
        return Err(ApiError::Host(
            "the request names no host that can be read (header Host)".to_owned(),
        ));
    };
    if !is_ours(authority.host(), hosts) {
        return Err(ApiError::Host(format!(
            "this server does not answer for the host {:?}",
            authority.host()
        )));
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let same = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"))
        .is_some_and(|(_, origin)| origin.eq_ignore_ascii_case(authority.as_str()));
    if same {
        return Ok(());
    }
    Err(ApiError::Host(
        "a web page of another origin may not use this server".to_owned(),
    ))
}

fn authority(headers: &HeaderMap, uri: &Uri) -> Option<Authority> {
    let Some(host) = headers.get(header::HOST) else {
        return uri.authority().cloned();
    };
    let authority: Authority = host.to_str().ok()?.parse().ok()?;
    (!authority.as_str().contains('@')).then_some(authority)
}

fn is_ours(host: &str, hosts: &[String]) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if bare
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback())
    {
        return true;
    }
    let name = bare.trim_end_matches('.');
    name.eq_ignore_ascii_case("localhost") || hosts.iter().any(|ours| is_called(name, ours))
}

/// Whether this is one of our names; a `*` in front stands for one label, as in certificates.
fn is_called(name: &str, ours: &str) -> bool {
    let Some(parent) = ours.strip_prefix("*.") else {
        return ours.eq_ignore_ascii_case(name);
    };
    name.split_once('.')
        .is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(parent))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn loopback_and_configured_hosts_pass() {
        for host in [
            "localhost:8470",
            "LOCALHOST",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:8470",
            "api.strait.internal",
            "198.51.100.5:8470",
            "any.example.org",
        ] {
            assert!(try_it(Some(host), None).is_ok(), "{host}");
        }
    }

    #[test]
    fn foreign_hosts_do_not() {
        for host in [
            "evil.example:8470",
            "localhost.evil.example",
            "example.org",
            ".example.org",
            "a.any.example.org",
            "10.0.0.1",
            "127.0.0.1@evil.example",
            "x y",
            "",
        ] {
            assert!(try_it(Some(host), None).is_err(), "{host}");
        }
        assert!(try_it(None, None).is_err());
    }

    #[test]
    fn a_page_must_be_of_the_very_same_origin() {
        assert!(try_it(Some("localhost:8470"), Some("http://localhost:8470")).is_ok());
        for origin in [
            "http://localhost:3000",
            "http://evil.example",
            "null",
            "http://localhost",
        ] {
            assert!(
                try_it(Some("localhost:8470"), Some(origin)).is_err(),
                "{origin}"
            );
        }
    }

    fn try_it(host: Option<&str>, origin: Option<&str>) -> Result<(), ApiError> {
        let mut headers = HeaderMap::new();
        for (name, value) in [(header::HOST, host), (header::ORIGIN, origin)] {
            if let Some(value) = value {
                headers.insert(name, HeaderValue::from_str(value).expect("a header"));
            }
        }
        let hosts = ["api.strait.internal", "198.51.100.5", "*.example.org"].map(str::to_owned);
        check(&headers, &Uri::from_static("/health"), &hosts)
    }
}
