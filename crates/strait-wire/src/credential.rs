//! What a request says about its signature: in the `Authorization` header, or in the query string (presigned).

use http::request::Parts;
use http::{HeaderMap, header};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::TimeZone;

use crate::error::WireError;
use crate::form::Pair;

/// The only algorithm: HMAC with SHA-256.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The longest that a presigned request lives: 7 days.
const LONGEST_SECONDS: i64 = 7 * 24 * 60 * 60;

/// A request's claim: who signed it, when, for what, and the signature itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Which key signed.
    pub(crate) access_key_id: String,
    /// For what it signed.
    pub(crate) scope: Scope,
    /// When it signed.
    pub(crate) signed_at: Timestamp,
    /// The names of the headers that it signed, lower case.
    pub(crate) signed_headers: Vec<String>,
    /// The signature.
    pub(crate) signature: Vec<u8>,
    /// The token of temporary keys.
    pub(crate) session_token: Option<String>,
    /// In a presigned request, for how long it is good.
    pub(crate) lives_seconds: Option<i64>,
}

/// The date, Region and service that a signature is limited to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    /// The day, such as `20150830`.
    pub(crate) date: String,
    /// The Region's code.
    pub(crate) region: String,
    /// The service's name in signatures.
    pub(crate) service: String,
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}/{}/{}/aws4_request",
            self.date, self.region, self.service
        )
    }
}

/// Reads the claim; [`WireError::Unsigned`] if there is none.
pub(crate) fn read(parts: &Parts, query: &[Pair]) -> Result<Claim, WireError> {
    let in_query = query
        .iter()
        .any(|(name, _)| name == "X-Amz-Algorithm" || name == "X-Amz-Signature");
    let mut headers = parts.headers.get_all(header::AUTHORIZATION).iter();
    let (first, second) = (headers.next(), headers.next());
    match (first, in_query) {
        (None, false) => Err(WireError::Unsigned),
        (None, true) => read_query(query),
        (Some(_), true) => Err(incomplete(
            "The request is signed twice: in its query string and in a header.",
        )),
        (Some(_), false) if second.is_some() => {
            Err(incomplete("There is more than one Authorization header."))
        }
        (Some(value), false) => {
            let text = value
                .to_str()
                .map_err(|_| incomplete("The Authorization header is not plain ASCII."))?;
            read_header(text, &parts.headers)
        }
    }
}

fn read_header(authorization: &str, headers: &HeaderMap) -> Result<Claim, WireError> {
    let (algorithm, rest) = authorization
        .trim()
        .split_once(' ')
        .unwrap_or((authorization.trim(), ""));
    check_algorithm(algorithm)?;
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for piece in rest
        .split(',')
        .map(str::trim)
        .filter(|piece| !piece.is_empty())
    {
        let Some((key, value)) = piece.split_once('=') else {
            return Err(incomplete(&format!(
                "'{piece}' is not a key=value pair (missing equal-sign) in Authorization header."
            )));
        };
        let slot = match key {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut signed_headers,
            "Signature" => &mut signature,
            other => {
                return Err(incomplete(&format!(
                    "Authorization header has an unknown parameter '{other}'."
                )));
            }
        };
        if slot.replace(value).is_some() {
            return Err(incomplete(&format!(
                "Authorization header has the parameter '{key}' twice."
            )));
        }
    }
    let date = date_header(headers)?;
    let (Some(credential), Some(signed_headers), Some(signature), Some(signed_at)) =
        (credential, signed_headers, signature, date)
    else {
        return Err(incomplete(&missing_pieces(
            credential.is_some(),
            signature.is_some(),
            signed_headers.is_some(),
            date.is_some(),
        )));
    };
    let session_token = single(headers, "x-amz-security-token")?.map(str::to_owned);
    claim(Pieces {
        credential,
        signed_headers,
        signature,
        signed_at,
        session_token,
        lives_seconds: None,
    })
}

fn missing_pieces(credential: bool, signature: bool, signed_headers: bool, date: bool) -> String {
    let checks = [
        (
            credential,
            "Authorization header requires 'Credential' parameter.",
        ),
        (
            signature,
            "Authorization header requires 'Signature' parameter.",
        ),
        (
            signed_headers,
            "Authorization header requires 'SignedHeaders' parameter.",
        ),
        (
            date,
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        ),
    ];
    checks
        .into_iter()
        .filter(|(there, _)| !there)
        .map(|(_, message)| message)
        .collect::<Vec<_>>()
        .join(" ")
}

fn read_query(query: &[Pair]) -> Result<Claim, WireError> {
    let algorithm = in_query(query, "X-Amz-Algorithm")?;
    check_algorithm(algorithm)?;
    let date = in_query(query, "X-Amz-Date")?;
    let signed_at = basic_timestamp(date).ok_or_else(|| bad_date(date))?;
    let lives = in_query(query, "X-Amz-Expires")?;
    let lives_seconds = lives
        .parse()
        .ok()
        .filter(|seconds| (1..=LONGEST_SECONDS).contains(seconds))
        .ok_or_else(|| {
            incomplete(&format!(
                "X-Amz-Expires must be 1 to {LONGEST_SECONDS} seconds, not '{lives}'."
            ))
        })?;
    claim(Pieces {
        credential: in_query(query, "X-Amz-Credential")?,
        signed_headers: in_query(query, "X-Amz-SignedHeaders")?,
        signature: in_query(query, "X-Amz-Signature")?,
        signed_at,
        session_token: query
            .iter()
            .find(|(name, _)| name == "X-Amz-Security-Token")
            .map(|(_, token)| token.clone()),
        lives_seconds: Some(lives_seconds),
    })
}

fn in_query<'a>(query: &'a [Pair], wanted: &str) -> Result<&'a str, WireError> {
    query
        .iter()
        .find(|(name, _)| name == wanted)
        .map(|(_, value)| value.as_str())
        .ok_or_else(|| {
            incomplete(&format!(
                "AWS query-string parameters must include '{wanted}'."
            ))
        })
}

struct Pieces<'a> {
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
    signed_at: Timestamp,
    session_token: Option<String>,
    lives_seconds: Option<i64>,
}

fn claim(pieces: Pieces<'_>) -> Result<Claim, WireError> {
    let Pieces {
        credential,
        signed_headers,
        signature,
        signed_at,
        session_token,
        lives_seconds,
    } = pieces;
    let fields: Vec<&str> = credential.split('/').collect();
    let [access_key_id, date, region, service, "aws4_request"] = fields[..] else {
        return Err(incomplete(&format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. \
             keyid/date/region/service/aws4_request, got '{credential}'."
        )));
    };
    let day = crate::sigv4::stamp(signed_at);
    if !day.starts_with(date) || date.len() != 8 {
        return Err(WireError::WrongSignature(format!(
            " Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{date}' != '{}', \
             from '{day}'.",
            &day[..8]
        )));
    }
    let Ok(signature) = hex::decode(signature) else {
        return Err(incomplete("Signature must be hexadecimal digits."));
    };
    Ok(Claim {
        access_key_id: access_key_id.to_owned(),
        scope: Scope {
            date: date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
        },
        signed_at,
        signed_headers: signed_headers
            .split(';')
            .map(str::to_ascii_lowercase)
            .collect(),
        signature,
        session_token,
        lives_seconds,
    })
}

fn check_algorithm(algorithm: &str) -> Result<(), WireError> {
    if algorithm == ALGORITHM {
        return Ok(());
    }
    Err(incomplete(&format!(
        "Unsupported AWS 'algorithm': '{algorithm}'. Sign with {ALGORITHM}."
    )))
}

fn date_header(headers: &HeaderMap) -> Result<Option<Timestamp>, WireError> {
    if let Some(text) = single(headers, "x-amz-date")? {
        return basic_timestamp(text)
            .map(Some)
            .ok_or_else(|| bad_date(text));
    }
    let Some(text) = single(headers, "date")? else {
        return Ok(None);
    };
    let at = basic_timestamp(text).or_else(|| DateTimeParser::new().parse_timestamp(text).ok());
    at.map(Some).ok_or_else(|| bad_date(text))
}

/// A header that may come once at most.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, WireError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text.trim())),
        (Ok(_) | Err(_), Some(_)) => Err(incomplete(&format!(
            "There is more than one {name} header."
        ))),
        (Err(_), None) => Err(incomplete(&format!(
            "The {name} header is not plain ASCII."
        ))),
    }
}

/// `20150830T123600Z`, and nothing like it.
fn basic_timestamp(text: &str) -> Option<Timestamp> {
    let shaped = text.len() == 16
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    if !shaped {
        return None;
    }
    let civil = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

fn bad_date(given: &str) -> WireError {
    incomplete(&format!(
        "Date must be in ISO-8601 'basic format'. Got '{given}'. See http://en.wikipedia.org/wiki/ISO_8601"
    ))
}

fn incomplete(message: &str) -> WireError {
    WireError::Incomplete(message.to_owned())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const GOOD: &str = "AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/ec2/aws4_request, \
                        SignedHeaders=host;x-amz-date, Signature=00ff";

    #[test]
    fn a_header_is_read() {
        let claim = read_with(GOOD).expect("well formed");
        assert_eq!(claim.access_key_id, "AKID");
        assert_eq!(
            claim.scope.to_string(),
            "20150830/us-east-1/ec2/aws4_request"
        );
        assert_eq!(claim.signed_headers, ["host", "x-amz-date"]);
        assert_eq!(claim.signature, [0, 255]);
        assert_eq!(claim.signed_at.to_string(), "2015-08-30T12:36:00Z");
        assert_eq!(
            read_with(&GOOD.replace(", ", ",")).expect("without spaces"),
            claim
        );
    }

    #[test]
    fn an_http_date_will_do() {
        let request = Request::builder()
            .header("authorization", GOOD)
            .header("date", "Sun, 30 Aug 2015 12:36:00 GMT");
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        assert_eq!(
            read(&parts, &[])
                .expect("well formed")
                .signed_at
                .to_string(),
            "2015-08-30T12:36:00Z"
        );
    }

    #[test]
    fn broken_headers_are_incomplete() {
        let broken = [
            ("Basic dXNlcjpwYXNz", "Unsupported AWS 'algorithm': 'Basic'"),
            (
                "AWS4-HMAC-SHA256",
                "requires 'Credential' parameter. Authorization header requires 'Signature'",
            ),
            ("AWS4-HMAC-SHA256 Credential", "missing equal-sign"),
            (
                &GOOD.replace(", Signature=00ff", ""),
                "requires 'Signature' parameter.",
            ),
            (&GOOD.replace("00ff", "0x"), "hexadecimal"),
            (&GOOD.replace("/aws4_request", ""), "5 slash-delimited"),
            (
                &GOOD.replace("aws4_request", "aws5_request"),
                "5 slash-delimited",
            ),
            (
                &GOOD.replace("Signature", "Credential"),
                "'Credential' twice",
            ),
        ];
        for (header, message) in broken {
            let error = read_with(header).expect_err(header);
            assert!(
                matches!(&error, WireError::Incomplete(text) if text.contains(message)),
                "{header}: {error}"
            );
        }
    }

    #[test]
    fn the_scope_must_be_of_the_day() {
        for day in ["20150829", "2015", ""] {
            let error = read_with(&GOOD.replace("20150830", day)).expect_err(day);
            assert!(
                matches!(error, WireError::WrongSignature(_)),
                "{day}: {error}"
            );
        }
    }

    #[test]
    fn dates_are_of_one_shape() {
        for date in [
            "2015-08-30T12:36:00Z",
            "20150830T123600",
            "20151330T123600Z",
            "20150830T126100Z",
            "now",
        ] {
            let request = Request::builder()
                .header("authorization", GOOD)
                .header("x-amz-date", date);
            let (parts, ()) = request.body(()).expect("a request").into_parts();
            let error = read(&parts, &[]).expect_err(date);
            assert!(matches!(error, WireError::Incomplete(_)), "{date}: {error}");
        }
    }

    #[test]
    fn nothing_at_all_is_unsigned() {
        let (parts, ()) = Request::new(()).into_parts();
        assert!(matches!(read(&parts, &[]), Err(WireError::Unsigned)));
    }

    #[test]
    fn a_presigned_request_must_be_whole() {
        let whole = [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            (
                "X-Amz-Credential",
                "AKID/20150830/us-east-1/sts/aws4_request",
            ),
            ("X-Amz-Date", "20150830T123600Z"),
            ("X-Amz-Expires", "60"),
            ("X-Amz-SignedHeaders", "host"),
            ("X-Amz-Signature", "00"),
        ];
        let (parts, ()) = Request::new(()).into_parts();
        let pairs: Vec<Pair> = whole
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
        assert_eq!(read(&parts, &pairs).expect("whole").lives_seconds, Some(60));
        for missing in 1..pairs.len() {
            let mut pairs = pairs.clone();
            let (name, _) = pairs.remove(missing);
            let error = read(&parts, &pairs).expect_err("a piece is missing");
            assert!(error.to_string().contains(&name), "{error}");
        }
        for seconds in ["0", "604801", "-1", "x"] {
            let mut pairs = pairs.clone();
            pairs[3].1 = seconds.to_owned();
            assert!(
                matches!(read(&parts, &pairs), Err(WireError::Incomplete(_))),
                "{seconds}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn no_header_makes_it_panic(rest in "([ -~]|Credential=|Signature=|SignedHeaders=|/aws4_request|, ){0,60}", date in "[ -~]{0,30}") {
            let request = Request::builder().header("authorization", format!("AWS4-HMAC-SHA256 {rest}"));
            let (parts, ()) = request.header("date", date).body(()).expect("a request").into_parts();
            let _ = read(&parts, &[]);
        }
    }

    fn read_with(authorization: &str) -> Result<Claim, WireError> {
        let request = Request::builder()
            .header("authorization", authorization)
            .header("x-amz-date", "20150830T123600Z");
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        read(&parts, &[])
    }
}
