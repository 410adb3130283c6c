//! Values of records, as Route 53 wants them written:
//! <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html>.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::state::{DomainName, RecordData, RecordKind};

/// Why a value is none of its type: a code of Route 53's and what it means.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadValue(String);

/// Reads a value.
pub(crate) fn parse(kind: RecordKind, value: &str) -> Result<RecordData, BadValue> {
    match kind {
        RecordKind::A => {
            let code = "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)";
            number::<Ipv4Addr>(value, code).map(RecordData::A)
        }
        RecordKind::Aaaa => {
            let code = "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)";
            number::<Ipv6Addr>(value, code).map(RecordData::Aaaa)
        }
        RecordKind::Caa => caa(value),
        RecordKind::Cname => name(value).map(RecordData::Cname),
        RecordKind::Mx => {
            let [preference, exchange] = fields(
                value,
                "MXRRDATANotTwoFields (MX record doesn't have 2 fields)",
            )?;
            Ok(RecordData::Mx {
                preference: number(
                    preference,
                    "MXRRDATAIllegalPreference (Value is not a number from 0 to 65535)",
                )?,
                exchange: name(exchange)?,
            })
        }
        RecordKind::Ns => name(value).map(RecordData::Ns),
        RecordKind::Ptr => name(value).map(RecordData::Ptr),
        RecordKind::Soa => soa(value),
        RecordKind::Srv => srv(value),
        RecordKind::Txt => strings(value).map(RecordData::Txt),
    }
}

fn soa(value: &str) -> Result<RecordData, BadValue> {
    let [server, mailbox, serial, refresh, retry, expire, minimum] = fields(
        value,
        "SOARRDATANotSevenFields (SOA record doesn't have 7 fields)",
    )?;
    let seconds = |text| {
        number(
            text,
            "SOARRDATAIllegalNumber (Value is not a number of 32 bits)",
        )
    };
    Ok(RecordData::Soa {
        server: name(server)?,
        mailbox: name(mailbox)?,
        serial: seconds(serial)?,
        refresh: seconds(refresh)?,
        retry: seconds(retry)?,
        expire: seconds(expire)?,
        minimum: seconds(minimum)?,
    })
}

fn srv(value: &str) -> Result<RecordData, BadValue> {
    let [priority, weight, port, target] = fields(
        value,
        "SRVRRDATANotFourFields (SRV record doesn't have 4 fields)",
    )?;
    let small = |text| {
        number(
            text,
            "SRVRRDATAIllegalNumber (Value is not a number from 0 to 65535)",
        )
    };
    Ok(RecordData::Srv {
        priority: small(priority)?,
        weight: small(weight)?,
        port: small(port)?,
        target: name(target)?,
    })
}

fn caa(value: &str) -> Result<RecordData, BadValue> {
    let mut parts = value.trim().splitn(3, char::is_whitespace);
    let (Some(flags), Some(tag), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(bad(
            "CAARRDATANotThreeFields (CAA record doesn't have 3 fields)",
        ));
    };
    let good = !tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !good {
        return Err(bad("CAARRDATAIllegalTag (Tag is not letters and digits)"));
    }
    let [text] = &strings(rest)?[..] else {
        return Err(bad(
            "CAARRDATANotThreeFields (CAA record doesn't have 3 fields)",
        ));
    };
    Ok(RecordData::Caa {
        flags: number(
            flags,
            "CAARRDATAIllegalFlags (Value is not a number from 0 to 255)",
        )?,
        tag: tag.to_owned(),
        value: String::from_utf8(text.clone())
            .map_err(|_| bad("UnsupportedCharacter (Value contains unsupported characters)"))?,
    })
}

/// One or more strings in quotation marks, each of 255 bytes at most.
fn strings(value: &str) -> Result<Vec<Vec<u8>>, BadValue> {
    let mut all = Vec::new();
    let mut rest = value.trim().as_bytes();
    while !rest.is_empty() {
        let (string, after) = string(rest)?;
        if string.len() > 255 {
            return Err(bad("CharacterStringTooLong (Value is too long)"));
        }
        all.push(string);
        rest = after.trim_ascii_start();
    }
    if all.is_empty() {
        return Err(unquoted());
    }
    Ok(all)
}

/// The string that a text begins with, and what comes after it. `\"` and `\\` are the characters, `\101` is a byte in octal.
fn string(text: &[u8]) -> Result<(Vec<u8>, &[u8]), BadValue> {
    let [b'"', inner @ ..] = text else {
        return Err(unquoted());
    };
    let mut string = Vec::new();
    let mut rest = inner;
    loop {
        match rest {
            [] => return Err(unquoted()),
            [b'"', after @ ..] => return Ok((string, after)),
            [
                b'\\',
                high @ b'0'..=b'3',
                middle @ b'0'..=b'7',
                low @ b'0'..=b'7',
                after @ ..,
            ] => {
                string.push((high - b'0') * 64 + (middle - b'0') * 8 + (low - b'0'));
                rest = after;
            }
            [b'\\', byte, after @ ..] | [byte, after @ ..] => {
                string.push(*byte);
                rest = after;
            }
        }
    }
}

fn fields<'v, const N: usize>(value: &'v str, code: &str) -> Result<[&'v str; N], BadValue> {
    let fields: Vec<&str> = value.split_whitespace().collect();
    fields.try_into().map_err(|_| bad(code))
}

fn number<T: FromStr>(text: &str, code: &str) -> Result<T, BadValue> {
    text.parse().map_err(|_| bad(code))
}

fn name(text: &str) -> Result<DomainName, BadValue> {
    text.parse()
        .map_err(|why: crate::state::BadName| bad(&why.to_string()))
}

fn unquoted() -> BadValue {
    bad("InvalidCharacterString (Value should be enclosed in quotation marks)")
}

fn bad(code: &str) -> BadValue {
    BadValue(code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_values_are_read() {
        for (kind, value) in [
            (RecordKind::A, "10.0.0.1"),
            (RecordKind::Aaaa, "2001:db8::1"),
            (RecordKind::Caa, r#"0 issue "ca.example.com""#),
            (RecordKind::Cname, "www.example.com"),
            (RecordKind::Mx, "10 mail.example.com."),
            (RecordKind::Ns, "ns.example.com."),
            (RecordKind::Ptr, "a.example.com"),
            (
                RecordKind::Soa,
                "ns.example.com. h.example.com. 1 7200 900 1209600 86400",
            ),
            (RecordKind::Srv, "1 2 443 ."),
            (RecordKind::Txt, r#""v=spf1 -all" "second""#),
        ] {
            parse(kind, value).unwrap_or_else(|why| panic!("{value}: {why}"));
        }
        let text = parse(RecordKind::Txt, r#""a\"b\\c\101" "d""#);
        assert_eq!(
            text,
            Ok(RecordData::Txt(vec![b"a\"b\\cA".to_vec(), b"d".to_vec()]))
        );
    }

    #[test]
    fn bad_values_are_refused_with_route_53s_codes() {
        let long = format!("\"{}\"", "x".repeat(256));
        for (kind, value, code) in [
            (RecordKind::A, "10.0.0", "ARRDATAIllegalIPv4Address"),
            (RecordKind::A, "::1", "ARRDATAIllegalIPv4Address"),
            (RecordKind::Aaaa, "10.0.0.1", "AAAARRDATAIllegalIPv6Address"),
            (RecordKind::Caa, "0 issue", "CAARRDATANotThreeFields"),
            (RecordKind::Caa, r#"256 issue "x""#, "CAARRDATAIllegalFlags"),
            (RecordKind::Cname, "a..b", "DomainLabelEmpty"),
            (RecordKind::Mx, "mail.example.com", "MXRRDATANotTwoFields"),
            (RecordKind::Mx, "65536 mail", "MXRRDATAIllegalPreference"),
            (RecordKind::Soa, "a b 1", "SOARRDATANotSevenFields"),
            (RecordKind::Srv, "1 2 3", "SRVRRDATANotFourFields"),
            (RecordKind::Srv, "1 2 x a.b", "SRVRRDATAIllegalNumber"),
            (RecordKind::Txt, "bare", "InvalidCharacterString"),
            (RecordKind::Txt, r#""open"#, "InvalidCharacterString"),
            (RecordKind::Txt, "", "InvalidCharacterString"),
            (RecordKind::Txt, &long, "CharacterStringTooLong"),
        ] {
            let why = parse(kind, value).expect_err(value).to_string();
            assert!(why.starts_with(code), "{value}: {why}");
        }
    }
}
