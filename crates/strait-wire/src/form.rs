//! Forms and query strings: `name=value` pairs, percent-encoded, read strictly.

use crate::error::WireError;

/// A name and its value, decoded.
pub(crate) type Pair = (String, String);

/// More parameters than any real call has.
const MAX_PAIRS: usize = 10_000;

/// Reads the pairs of a query string or of a form.
pub(crate) fn parse(encoded: &[u8]) -> Result<Vec<Pair>, WireError> {
    let mut pairs = Vec::new();
    for piece in encoded
        .split(|byte| *byte == b'&')
        .filter(|piece| !piece.is_empty())
    {
        if pairs.len() == MAX_PAIRS {
            return Err(WireError::Malformed(format!(
                "there are more than {MAX_PAIRS} parameters."
            )));
        }
        let (name, value) = piece
            .iter()
            .position(|byte| *byte == b'=')
            .map_or((piece, &b""[..]), |at| (&piece[..at], &piece[at + 1..]));
        pairs.push((decode(name)?, decode(value)?));
    }
    Ok(pairs)
}

/// Encodes as signatures want it: all but letters, digits and `-._~`.
pub(crate) fn encode(text: &str) -> String {
    use std::fmt::Write as _;

    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Decodes a part of a path, where a plus is a plus.
pub(crate) fn decode_path(encoded: &[u8]) -> Result<String, WireError> {
    decode_with(encoded, b'+')
}

/// Decodes a name or a value.
fn decode(encoded: &[u8]) -> Result<String, WireError> {
    decode_with(encoded, b' ')
}

fn decode_with(encoded: &[u8], plus: u8) -> Result<String, WireError> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'+' => decoded.push(plus),
            b'%' => {
                let Some((byte, after)) = escape(rest) else {
                    return Err(WireError::Malformed(format!(
                        "in '{}' a % is not followed by two hexadecimal digits.",
                        excerpt(encoded)
                    )));
                };
                decoded.push(byte);
                rest = after;
            }
            plain => decoded.push(*plain),
        }
    }
    String::from_utf8(decoded).map_err(|_| {
        WireError::Malformed(format!("'{}' is not UTF-8 once decoded.", excerpt(encoded)))
    })
}

fn escape(rest: &[u8]) -> Option<(u8, &[u8])> {
    let [high, low, after @ ..] = rest else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?;
    Some((byte, after))
}

fn excerpt(encoded: &[u8]) -> String {
    String::from_utf8_lossy(&encoded[..encoded.len().min(60)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded() {
        let pairs = parse(b"Action=CreateTags&Tag.1.Value=a+b%20%C3%BC%26&Empty=&Bare&&x=1=2")
            .expect("well formed");
        let expected = [
            ("Action", "CreateTags"),
            ("Tag.1.Value", "a b \u{fc}&"),
            ("Empty", ""),
            ("Bare", ""),
            ("x", "1=2"),
        ];
        assert_eq!(
            pairs,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn broken_encodings_are_refused() {
        for broken in ["a=%", "a=%4", "a=%zz", "%G1=a", "a=%+1", "a=%ff", "a=%C3"] {
            let error = parse(broken.as_bytes()).expect_err(broken);
            assert!(
                matches!(error, WireError::Malformed(_)),
                "{broken}: {error}"
            );
        }
    }

    #[test]
    fn too_many_parameters_are_refused() {
        let many = "a=1&".repeat(MAX_PAIRS + 1);
        assert!(matches!(
            parse(many.as_bytes()),
            Err(WireError::Malformed(_))
        ));
    }

    #[test]
    fn encoding_keeps_only_the_unreserved() {
        assert_eq!(encode("aZ9-._~ /+\u{fc}"), "aZ9-._~%20%2F%2B%C3%BC");
    }
}
