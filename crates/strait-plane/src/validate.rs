//! What users write, checked and brought into the form that is kept.

mod registered;

use std::collections::BTreeSet;

use ipnet::Ipv4Net;

use crate::error::PlaneError;
use crate::model::NewPeering;

pub(crate) use registered::{found_by, registration};

/// How long a former way may stay open: an hour at most.
pub(crate) fn drain(seconds: u32) -> Result<u32, PlaneError> {
    const LONGEST: u32 = 3600;
    if seconds > LONGEST {
        return Err(PlaneError::invalid(
            "drain_seconds",
            format!(
                "{seconds} seconds are more than an hour ({LONGEST}); a way that is to stay open longer is no move"
            ),
        ));
    }
    Ok(seconds)
}

/// The longest name of an object.
const NAME_LENGTH: usize = 128;

/// The longest e-mail address (RFC 5321).
const EMAIL_LENGTH: usize = 254;
/// How long passwords are.
const PASSWORD_LENGTHS: std::ops::RangeInclusive<usize> = 12..=256;

/// Ranges that no VPC may have, and why.
const FORBIDDEN: &[(&str, &str)] = &[
    ("0.0.0.0/8", "\"this\" network"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local; AWS's own services are there"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
];

/// An e-mail address, in lower case: whose it is, nobody checks.
pub(crate) fn email(text: &str) -> Result<String, PlaneError> {
    let email = text.trim().to_lowercase();
    let is_sound = email.len() <= EMAIL_LENGTH
        && email.chars().all(|c| !c.is_control() && !c.is_whitespace())
        && email.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        });
    if !is_sound {
        return Err(PlaneError::invalid(
            "email",
            "it is no e-mail address; give one like ada@example.com",
        ));
    }
    Ok(email)
}

/// A password that somebody chose. It is never shown.
pub(crate) fn password(text: &str, email: &str) -> Result<(), PlaneError> {
    let length = text.chars().count();
    if !PASSWORD_LENGTHS.contains(&length) {
        return Err(PlaneError::invalid(
            "password",
            format!(
                "it has {length} characters; choose one of {} to {}",
                PASSWORD_LENGTHS.start(),
                PASSWORD_LENGTHS.end()
            ),
        ));
    }
    if text.to_lowercase() == email {
        return Err(PlaneError::invalid(
            "password",
            "it is the e-mail address; choose another one",
        ));
    }
    Ok(())
}

/// What a key is for; may be empty.
pub(crate) fn key_name(text: &str) -> Result<String, PlaneError> {
    if text.trim().is_empty() {
        return Ok(String::new());
    }
    name(text)
}

/// A name for people.
pub(crate) fn name(text: &str) -> Result<String, PlaneError> {
    let name = text.trim();
    if name.is_empty() {
        return Err(PlaneError::invalid(
            "name",
            "it is empty; give one of 1 to 128 characters",
        ));
    }
    if name.chars().count() > NAME_LENGTH {
        return Err(PlaneError::invalid(
            "name",
            format!(
                "it has {} characters; give one of at most {NAME_LENGTH}",
                name.chars().count()
            ),
        ));
    }
    if let Some(control) = name.chars().find(|c| c.is_control()) {
        return Err(PlaneError::invalid(
            "name",
            format!("it holds the control character {control:?}; take it out"),
        ));
    }
    Ok(name.to_owned())
}

/// What somebody has to say about something, in one paragraph.
pub(crate) fn remark(field: &'static str, text: &str) -> Result<String, PlaneError> {
    const LONGEST: usize = 1000;
    let remark = text.trim();
    let length = remark.chars().count();
    if !(1..=LONGEST).contains(&length) {
        return Err(PlaneError::invalid(
            field,
            format!("it has {length} characters; give 1 to {LONGEST}"),
        ));
    }
    if let Some(control) = remark.chars().find(|c| c.is_control()) {
        return Err(PlaneError::invalid(
            field,
            format!("it holds the control character {control:?}; take it out"),
        ));
    }
    Ok(remark.to_owned())
}

/// The range of a Peering VPC; host bits are taken off.
pub(crate) fn cidr(text: &str) -> Result<Ipv4Net, PlaneError> {
    let Ok(net) = text.trim().parse::<Ipv4Net>() else {
        return Err(PlaneError::invalid(
            "cidr",
            format!(
                "{text:?} is no IPv4 CIDR block; write an address, a slash and a prefix length, as in 10.0.0.0/24"
            ),
        ));
    };
    if !(16..=28).contains(&net.prefix_len()) {
        return Err(PlaneError::invalid(
            "cidr",
            format!(
                "{text:?} has the prefix length /{}; it must be from /16 to /28",
                net.prefix_len()
            ),
        ));
    }
    let net = net.trunc();
    for (range, what) in FORBIDDEN {
        let forbidden: Ipv4Net = range.parse().expect("ranges written here are well-formed");
        if forbidden.contains(&net) {
            return Err(PlaneError::invalid(
                "cidr",
                format!(
                    "{net} lies in {range} ({what}), where no VPC may be; take a private range, as in 10.0.0.0/24"
                ),
            ));
        }
    }
    Ok(net)
}

/// A Region that is one of these.
pub(crate) fn region(
    field: &'static str,
    text: &str,
    known: &[String],
) -> Result<String, PlaneError> {
    if known.iter().any(|region| region == text) {
        return Ok(text.to_owned());
    }
    Err(PlaneError::invalid(
        field,
        format!("{text:?} is none of: {}", known.join(", ")),
    ))
}

/// A password for `tsdbadmin`.
pub(crate) fn service_password(text: &str) -> Result<(), PlaneError> {
    const LENGTH: std::ops::RangeInclusive<usize> = 8..=128;
    if !LENGTH.contains(&text.len()) {
        return Err(PlaneError::invalid(
            "password",
            format!(
                "it has {} bytes; give one of {} to {}",
                text.len(),
                LENGTH.start(),
                LENGTH.end()
            ),
        ));
    }
    // Others have several forms, of which PostgreSQL's clients choose one.
    if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(PlaneError::invalid(
            "password",
            "it holds other characters than letters, digits, spaces and signs of ASCII; leave these out",
        ));
    }
    Ok(())
}

/// Those of a customer's ranges that may come in; none given: all of them.
pub(crate) fn peer_cidr_blocks(blocks: &[String]) -> Result<Option<BTreeSet<Ipv4Net>>, PlaneError> {
    const MOST: usize = 100;
    if blocks.len() > MOST {
        return Err(PlaneError::invalid(
            "peer_cidr_blocks",
            format!("there are {}; give at most {MOST}", blocks.len()),
        ));
    }
    let mut read = BTreeSet::new();
    for text in blocks {
        let Ok(net) = text.trim().parse::<Ipv4Net>() else {
            return Err(PlaneError::invalid(
                "peer_cidr_blocks",
                format!(
                    "{text:?} is no IPv4 CIDR block; write an address, a slash and a prefix length, as in 10.1.0.0/16"
                ),
            ));
        };
        if net != net.trunc() {
            return Err(PlaneError::invalid(
                "peer_cidr_blocks",
                format!("{text:?} has host bits; write {}", net.trunc()),
            ));
        }
        read.insert(net);
    }
    Ok((!read.is_empty()).then_some(read))
}

/// The customer's side of a peering connection.
pub(crate) fn peer(new: &NewPeering, known_regions: &[String]) -> Result<NewPeering, PlaneError> {
    let account = new.peer_account_id.trim();
    if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
        return Err(PlaneError::invalid(
            "peer_account_id",
            format!(
                "{account:?} is no AWS account; give its 12 digits without dashes (`aws sts get-caller-identity` shows them)"
            ),
        ));
    }
    let vpc = new.peer_vpc_id.trim();
    if resource_id("peer_vpc_id", "vpc", vpc).is_err() {
        return Err(PlaneError::invalid(
            "peer_vpc_id",
            format!(
                "{vpc:?} is no VPC id; give one as in vpc-0123456789abcdef0 (`aws ec2 describe-vpcs` lists them)"
            ),
        ));
    }
    Ok(NewPeering {
        peer_account_id: account.to_owned(),
        peer_vpc_id: vpc.to_owned(),
        peer_region_code: region(
            "peer_region_code",
            new.peer_region_code.trim(),
            known_regions,
        )?,
        peer_cidr_blocks: new.peer_cidr_blocks.clone(),
    })
}

/// An id of AWS's: this prefix and 8 or 17 hexadecimal digits.
fn resource_id(field: &'static str, prefix: &str, text: &str) -> Result<(), PlaneError> {
    let hex = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('-'))
        .unwrap_or_default();
    if matches!(hex.len(), 8 | 17) && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(());
    }
    Err(PlaneError::invalid(
        field,
        format!("{text:?} is no id; give one as in {prefix}-0123456789abcdef0"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_bits_are_taken_off() {
        assert_eq!(
            cidr("10.0.0.7/17").expect("fine").to_string(),
            "10.0.0.0/17"
        );
        assert_eq!(
            cidr(" 192.168.5.77/28 ").expect("fine").to_string(),
            "192.168.5.64/28"
        );
    }

    #[test]
    fn bad_ranges_are_refused_with_their_reason() {
        for (text, part) in [
            ("", "no IPv4 CIDR block"),
            ("10.0.0.0", "no IPv4 CIDR block"),
            ("10.0.0/24", "no IPv4 CIDR block"),
            ("10.0.0.256/24", "no IPv4 CIDR block"),
            ("10.0.0.0/33", "no IPv4 CIDR block"),
            ("fd00::/64", "no IPv4 CIDR block"),
            ("10.0.0.0/15", "/16 to /28"),
            ("10.0.0.0/29", "/16 to /28"),
            ("169.254.3.0/24", "link-local"),
            ("127.0.0.0/16", "loopback"),
            ("230.0.0.0/16", "multicast"),
        ] {
            let error = cidr(text).expect_err(text);
            assert_eq!(error.field(), Some("cidr"), "{text}");
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_peer_is_checked_field_by_field() {
        let known = vec!["eu-west-1".to_owned(), "us-east-1".to_owned()];
        let good = NewPeering {
            peer_account_id: "123456789012".to_owned(),
            peer_vpc_id: "vpc-0123456789abcdef0".to_owned(),
            peer_region_code: "eu-west-1".to_owned(),
            ..NewPeering::default()
        };
        assert_eq!(peer(&good, &known).expect("fine"), good);

        let bad_account = NewPeering {
            peer_account_id: "1234-5678-9012".to_owned(),
            ..good.clone()
        };
        let bad_vpc = NewPeering {
            peer_vpc_id: "vpc-XYZ".to_owned(),
            ..good.clone()
        };
        let bad_region = NewPeering {
            peer_region_code: "mars-1".to_owned(),
            ..good
        };
        for (bad, field) in [
            (bad_account, "peer_account_id"),
            (bad_vpc, "peer_vpc_id"),
            (bad_region, "peer_region_code"),
        ] {
            assert_eq!(peer(&bad, &known).expect_err(field).field(), Some(field));
        }
    }

    #[test]
    fn names_are_trimmed_and_checked() {
        assert_eq!(name("  my db ").expect("fine"), "my db");
        assert!(name(" ").is_err());
        assert!(name("a\nb").is_err());
        assert!(name(&"x".repeat(129)).is_err());
        assert!(name(&"é".repeat(128)).is_ok());
    }
}
