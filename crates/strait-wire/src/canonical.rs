//! The canonical form of a request: what both sides of a signature compute the digest of.

use std::fmt::Write as _;

use http::header;
use http::request::Parts;

use crate::error::WireError;
use crate::form::{self, Pair};

/// Writes a request in canonical form. A path is encoded once more, as it is for every service but S3.
pub(crate) fn request(
    parts: &Parts,
    query: &[Pair],
    signed_headers: &[String],
    body_digest: &str,
) -> Result<String, WireError> {
    let path = form::encode(parts.uri.path()).replace("%2F", "/");
    let mut canonical = format!("{}\n{path}\n{}\n", parts.method, query_string(query));
    for name in signed_headers {
        // Writing to a String cannot fail.
        let _ = writeln!(canonical, "{name}:{}", header_value(parts, name)?);
    }
    let _ = write!(canonical, "\n{}\n{body_digest}", signed_headers.join(";"));
    Ok(canonical)
}

/// All pairs but the signature, encoded and sorted.
fn query_string(query: &[Pair]) -> String {
    let mut pairs: Vec<(String, String)> = query
        .iter()
        .filter(|(name, _)| name != "X-Amz-Signature")
        .map(|(name, value)| (form::encode(name), form::encode(value)))
        .collect();
    pairs.sort();
    pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join("&")
}

/// All values of a header, joined; runs of spaces are one.
fn header_value(parts: &Parts, name: &str) -> Result<String, WireError> {
    let mut values = Vec::new();
    for value in parts.headers.get_all(name) {
        let Ok(text) = value.to_str() else {
            return Err(WireError::Incomplete(format!(
                "The signed header {name} is not plain ASCII."
            )));
        };
        values.push(text.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
    }
    if values.is_empty() && name == header::HOST.as_str() {
        // HTTP/2 has no Host header: its authority stands for it.
        values.extend(parts.uri.authority().map(ToString::to_string));
    }
    if values.is_empty() {
        return Err(WireError::WrongSignature(format!(
            " The header '{name}' was signed and is not there."
        )));
    }
    Ok(values.join(","))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn headers_and_queries_are_put_in_order() {
        let request = Request::get("/?ignored=1")
            .header("host", "ec2.test")
            .header("my-header", "  a   b  ")
            .header("my-header", "c");
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        let query: Vec<Pair> = [
            ("b", "2 3"),
            ("a", "z"),
            ("a", "b"),
            ("X-Amz-Signature", "00"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        let signed = ["host".to_owned(), "my-header".to_owned()];
        let canonical = super::request(&parts, &query, &signed, "digest").expect("canonical");
        assert_eq!(
            canonical,
            "GET\n/\na=b&a=z&b=2%203\nhost:ec2.test\nmy-header:a b,c\n\nhost;my-header\ndigest"
        );
    }

    #[test]
    fn a_signed_header_must_be_there() {
        let (parts, ()) = Request::new(()).into_parts();
        let error = request(&parts, &[], &["x-gone".to_owned()], "").expect_err("gone");
        assert!(
            matches!(&error, WireError::WrongSignature(text) if text.contains("x-gone")),
            "{error}"
        );
    }

    #[test]
    fn the_authority_stands_for_the_host() {
        let (parts, ()) = Request::get("http://127.0.0.1:4566/")
            .body(())
            .expect("a request")
            .into_parts();
        assert_eq!(
            header_value(&parts, "host").expect("an authority"),
            "127.0.0.1:4566"
        );
    }
}
