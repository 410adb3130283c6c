//! Signature Version 4, as the side that verifies:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.
//!
//! The crate scratchstack-aws-signature does this too, but wants the Region and service beforehand, which only the
//! claim tells here, and brings chrono, regex and encoding_rs along.

use hmac::{Hmac, Mac};
use http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::canonical;
use crate::credential::{ALGORITHM, Claim, Scope};
use crate::error::WireError;
use crate::form::Pair;

/// How far the clocks of both sides may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(15);

/// Checks that the claim is neither of the past nor of the future.
pub(crate) fn check_time(claim: &Claim, now: Timestamp) -> Result<(), WireError> {
    let signed = claim.signed_at;
    let (earliest, latest) = (now - SKEW, now + SKEW);
    if signed > latest {
        return Err(WireError::NotYet {
            signed,
            latest,
            now,
        });
    }
    match claim.lives_seconds {
        Some(seconds) if now.duration_since(signed) > SignedDuration::from_secs(seconds) => {
            Err(WireError::PresignedExpired {
                signed,
                seconds,
                now,
            })
        }
        None if signed < earliest => Err(WireError::Expired {
            signed,
            earliest,
            now,
        }),
        Some(_) | None => Ok(()),
    }
}

/// Checks that the claim's signature is that of this request under this secret.
pub(crate) fn verify(
    claim: &Claim,
    secret: &str,
    parts: &Parts,
    query: &[Pair],
    body: &[u8],
) -> Result<(), WireError> {
    let Due {
        mac,
        canonical,
        to_sign,
    } = due(claim, secret, parts, query, body)?;
    // Compares in constant time.
    mac.verify_slice(&claim.signature).map_err(|_| {
        WireError::WrongSignature(format!(
            "\n\nThe Canonical String for this request should have been\n'{canonical}'\n\nThe String-to-Sign should have \
             been\n'{to_sign}'\n"
        ))
    })
}

/// The signature that the claim should have.
#[cfg(any(test, fuzzing))]
pub(crate) fn sign(
    claim: &Claim,
    secret: &str,
    parts: &Parts,
    query: &[Pair],
    body: &[u8],
) -> Result<Vec<u8>, WireError> {
    let due = due(claim, secret, parts, query, body)?;
    Ok(due.mac.finalize().into_bytes().to_vec())
}

/// A time as signatures write it: `20150830T123600Z`.
pub(crate) fn stamp(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// What a request comes to under a secret.
struct Due {
    mac: Hmac<Sha256>,
    canonical: String,
    to_sign: String,
}

fn due(
    claim: &Claim,
    secret: &str,
    parts: &Parts,
    query: &[Pair],
    body: &[u8],
) -> Result<Due, WireError> {
    check_signed_headers(claim, parts)?;
    let digest = hex::encode(Sha256::digest(body));
    if let Some(said) = parts.headers.get("x-amz-content-sha256")
        && said.as_bytes() != digest.as_bytes()
    {
        return Err(WireError::WrongSignature(
            " The header x-amz-content-sha256 is not the digest of the body.".to_owned(),
        ));
    }
    let canonical = canonical::request(parts, query, &claim.signed_headers, &digest)?;
    let to_sign = string_to_sign(claim, &canonical);
    let mac = keyed(&signing_key(secret, &claim.scope), &to_sign);
    Ok(Due {
        mac,
        canonical,
        to_sign,
    })
}

/// Unsigned, these could be changed on the way.
fn check_signed_headers(claim: &Claim, parts: &Parts) -> Result<(), WireError> {
    let signed = |name: &str| claim.signed_headers.iter().any(|signed| signed == name);
    if !signed("host") {
        return Err(must_be_signed("host"));
    }
    if claim
        .signed_headers
        .windows(2)
        .any(|pair| pair[0] >= pair[1])
    {
        return Err(WireError::Incomplete(
            "SignedHeaders must be sorted, each once.".to_owned(),
        ));
    }
    let unsigned = parts
        .headers
        .keys()
        .map(http::HeaderName::as_str)
        .find(|name| name.starts_with("x-amz-") && !signed(name));
    if let Some(name) = unsigned {
        return Err(must_be_signed(name));
    }
    let dated_by_header =
        claim.lives_seconds.is_none() && !parts.headers.contains_key("x-amz-date");
    if dated_by_header && !signed("date") {
        return Err(must_be_signed("date"));
    }
    Ok(())
}

fn must_be_signed(name: &str) -> WireError {
    WireError::WrongSignature(format!(
        " '{name}' must be a 'SignedHeader' in the AWS Authorization."
    ))
}

fn string_to_sign(claim: &Claim, canonical: &str) -> String {
    let digest = hex::encode(Sha256::digest(canonical));
    format!(
        "{ALGORITHM}\n{}\n{}\n{digest}",
        stamp(claim.signed_at),
        claim.scope
    )
}

fn signing_key(secret: &str, scope: &Scope) -> Vec<u8> {
    [&scope.date, &scope.region, &scope.service, "aws4_request"]
        .into_iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, text| {
            keyed(&key, text).finalize().into_bytes().to_vec()
        })
}

fn keyed(key: &[u8], text: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::credential;
    use crate::form;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    /// The example of AWS's own documentation, signature and all.
    const LIST_USERS: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
                              SignedHeaders=content-type;host;x-amz-date, \
                              Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";

    #[test]
    fn the_published_example_verifies() {
        verify_list_users(
            LIST_USERS,
            SECRET,
            "Action=ListUsers&Version=2010-05-08",
            b"",
        )
        .expect("AWS's own example");
    }

    /// What botocore 1.43 signed, at this time, with these keys.
    #[test]
    fn what_botocore_signs_verifies() {
        let posted = Request::post("/")
            .header(
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8",
            )
            .header("host", "127.0.0.1:4566")
            .header("user-agent", "not signed")
            .header("x-amz-date", "20150830T123600Z")
            .header("x-amz-security-token", "the/token==")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-central-1/ec2/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, \
                 Signature=1a1ee93642c794751c531beca817a2894c3d9ab14bf1fda42b5af4146955d177",
            );
        let body = b"Action=CreateTags&Version=2016-11-15&Tag.1.Value=a+b%C3%BC";
        let claim = verified(posted, body);
        assert_eq!(claim.session_token.as_deref(), Some("the/token=="));

        let got = Request::get("/?b=2&a=z%20%2F&a=b&Empty=")
            .header("host", "127.0.0.1:4566")
            .header("my-header", "  a   b  ")
            .header("x-amz-date", "20150830T123600Z")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-west-2/elasticloadbalancing/aws4_request, \
                 SignedHeaders=host;my-header;x-amz-date, \
                 Signature=05ba3f52f3eb7869886dc4691dc0f5cad7c180edc0d819c8b40e90c94640e058",
            );
        assert_eq!(verified(got, b"").scope.service, "elasticloadbalancing");

        let presigned = Request::get(
            "/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=20150830T123600Z\
             &X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Security-Token=the%2Ftoken%3D%3D\
             &X-Amz-Signature=e7abdbd8d754c54e8cc578239c7f0b6a12c92350de06983943c44c687f0cbd63",
        );
        assert_eq!(
            verified(presigned.header("host", "127.0.0.1:4566"), b"").lives_seconds,
            Some(60)
        );
    }

    #[test]
    fn anything_changed_does_not_verify() {
        let query = "Action=ListUsers&Version=2010-05-08";
        let changed = [
            (
                LIST_USERS.replace("5d672d", "5d672e"),
                SECRET,
                query,
                &b""[..],
            ),
            (LIST_USERS.replace("5d672d79", ""), SECRET, query, b""),
            (
                LIST_USERS.replace("us-east-1", "us-east-2"),
                SECRET,
                query,
                b"",
            ),
            (LIST_USERS.to_owned(), "another", query, b""),
            (
                LIST_USERS.to_owned(),
                SECRET,
                "Action=ListRoles&Version=2010-05-08",
                b"",
            ),
            (LIST_USERS.to_owned(), SECRET, query, b"body"),
            (
                LIST_USERS.replace("content-type;host;", "content-type;"),
                SECRET,
                query,
                b"",
            ),
            (
                LIST_USERS.replace("host;x-amz-date", "host"),
                SECRET,
                query,
                b"",
            ),
        ];
        for (authorization, secret, query, body) in changed {
            let error =
                verify_list_users(&authorization, secret, query, body).expect_err("changed");
            assert!(
                matches!(error, WireError::WrongSignature(_)),
                "{authorization} {query}: {error}"
            );
        }
    }

    #[test]
    fn a_wrong_signature_shows_what_was_expected() {
        let error = verify_list_users(
            LIST_USERS,
            "another",
            "Action=ListUsers&Version=2010-05-08",
            b"",
        );
        let message = error.expect_err("another secret").to_string();
        assert!(
            message.starts_with("The request signature we calculated does not match"),
            "{message}"
        );
        assert!(
            message.contains("f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"),
            "{message}"
        );
    }

    #[test]
    fn a_said_digest_must_be_the_bodys() {
        let request = list_users(LIST_USERS, "").header("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        let mut claim = credential::read(&parts, &[]).expect("well formed");
        claim
            .signed_headers
            .insert(2, "x-amz-content-sha256".to_owned());
        let error = verify(&claim, SECRET, &parts, &[], b"").expect_err("not the digest");
        assert!(
            error
                .to_string()
                .contains("x-amz-content-sha256 is not the digest"),
            "{error}"
        );
    }

    #[test]
    fn clocks_may_be_a_quarter_of_an_hour_apart() {
        let (parts, ()) = list_users(LIST_USERS, "")
            .body(())
            .expect("a request")
            .into_parts();
        let mut claim = credential::read(&parts, &[]).expect("well formed");
        let signed = claim.signed_at;
        for seconds in [-900, 0, 900] {
            check_time(&claim, signed + SignedDuration::from_secs(seconds)).expect("near enough");
        }
        let late =
            check_time(&claim, signed + SignedDuration::from_secs(901)).expect_err("too late");
        assert_eq!(
            late.to_string(),
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T125101Z - 15 min.)"
        );
        let early =
            check_time(&claim, signed - SignedDuration::from_secs(901)).expect_err("too early");
        assert_eq!(
            early.to_string(),
            "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T122059Z + 15 min.)"
        );
        claim.lives_seconds = Some(3600);
        check_time(&claim, signed + SignedDuration::from_secs(3600)).expect("still good");
        let over = check_time(&claim, signed + SignedDuration::from_secs(3601)).expect_err("over");
        assert!(
            matches!(over, WireError::PresignedExpired { seconds: 3600, .. }),
            "{over}"
        );
    }

    fn verified(request: http::request::Builder, body: &[u8]) -> Claim {
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        let query =
            form::parse(parts.uri.query().unwrap_or_default().as_bytes()).expect("well formed");
        let claim = credential::read(&parts, &query).expect("a claim");
        verify(&claim, SECRET, &parts, &query, body).expect("signed by botocore");
        claim
    }

    fn verify_list_users(
        authorization: &str,
        secret: &str,
        query: &str,
        body: &[u8],
    ) -> Result<(), WireError> {
        let (parts, ()) = list_users(authorization, query)
            .body(())
            .expect("a request")
            .into_parts();
        let query = form::parse(query.as_bytes())?;
        let claim = credential::read(&parts, &query)?;
        verify(&claim, secret, &parts, &query, body)
    }

    fn list_users(authorization: &str, query: &str) -> http::request::Builder {
        Request::get(format!("/?{query}"))
            .header(
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8",
            )
            .header("host", "iam.amazonaws.com")
            .header("x-amz-date", "20150830T123600Z")
            .header("authorization", authorization)
    }
}
