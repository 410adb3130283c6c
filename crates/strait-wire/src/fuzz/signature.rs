//! The signature's target.

use http::Request;
use http::request::Parts;
use strait_vpc::api::Service;

use super::{digest, refused};
use crate::credential;
use crate::error::WireError;
use crate::form;
use crate::service;
use crate::sigv4;

/// The secret that the seeds are signed with: the one of AWS's own example.
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// Reads a request (a line with its path and query, a line a header, an empty line, the body) and checks its signature.
/// What it would have to be signed with verifies, and nothing close to it does.
pub fn signature(input: &[u8]) -> u64 {
    let Some((parts, body)) = request(input) else {
        return 0;
    };
    match check(&parts, body) {
        Ok(outcome) => digest(&outcome),
        Err(error) => refused(Service::Ec2, &error),
    }
}

fn check(parts: &Parts, body: &[u8]) -> Result<(bool, bool, usize), WireError> {
    let query = form::parse(parts.uri.query().unwrap_or_default().as_bytes())?;
    let mut claim = credential::read(parts, &query)?;
    let in_time = sigv4::check_time(&claim, claim.signed_at).is_ok();
    let known = service::by_signing_name(&claim.scope.service).is_ok()
        && service::check_region(&claim.scope.region).is_ok();
    assert!(in_time, "a request is good when it is signed");

    let given = sigv4::verify(&claim, SECRET, parts, &query, body);
    let right = sigv4::sign(&claim, SECRET, parts, &query, body)?;
    assert_eq!(given.is_ok(), claim.signature == right, "{claim:?}");
    claim.signature = right;
    sigv4::verify(&claim, SECRET, parts, &query, body)?;
    assert!(
        sigv4::verify(&claim, "another", parts, &query, body).is_err(),
        "another secret's signature is good"
    );
    assert!(
        sigv4::verify(&claim, SECRET, parts, &query, &[body, b"x"].concat()).is_err(),
        "another body's signature is good"
    );
    claim.signature.pop();
    assert!(
        sigv4::verify(&claim, SECRET, parts, &query, body).is_err(),
        "a shorter signature is good"
    );
    given?;
    Ok((
        known,
        claim.session_token.is_some(),
        claim.signed_headers.len(),
    ))
}

/// Lines that HTTP itself refuses are left out.
fn request(input: &[u8]) -> Option<(Parts, &[u8])> {
    let end = input
        .windows(2)
        .position(|two| two == b"\n\n")
        .map_or(input.len(), |at| at);
    let body = input.get(end + 2..).unwrap_or_default();
    let mut lines = input[..end].split(|byte| *byte == b'\n');
    let mut request = Request::builder().uri(lines.next()?);
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let name = http::HeaderName::from_bytes(&line[..colon]);
        let value = http::HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            request = request.header(name, value);
        }
    }
    let (parts, ()) = request.body(()).ok()?.into_parts();
    Some((parts, body))
}
