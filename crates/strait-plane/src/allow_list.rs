//! What users write into an allow list, checked and brought into the form that is kept.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::{Ipv4Net, Ipv6Net};

use crate::error::PlaneError;
use crate::model::{ALLOW_ENTRIES, AllowEntry, NewAllowEntry};

/// How long a description may be.
const DESCRIPTION_LENGTH: usize = 200;

/// The entries, in the order in which they were given.
pub(crate) fn checked(
    field: &'static str,
    entries: &[NewAllowEntry],
) -> Result<Vec<AllowEntry>, PlaneError> {
    if entries.len() > ALLOW_ENTRIES {
        return Err(PlaneError::invalid(
            field,
            format!(
                "there are {} ranges, and a list has at most {ALLOW_ENTRIES}; unite some that lie side by side",
                entries.len()
            ),
        ));
    }
    let mut seen = BTreeSet::new();
    let mut list = Vec::new();
    for entry in entries {
        let cidr = range(entry.cidr.trim()).map_err(|why| PlaneError::invalid(field, why))?;
        if !seen.insert(cidr) {
            return Err(PlaneError::invalid(
                field,
                format!("{cidr} is there twice; leave one of them out"),
            ));
        }
        let description = description(&entry.description);
        let description = description.map_err(|why| PlaneError::invalid(field, why))?;
        list.push(AllowEntry { cidr, description });
    }
    Ok(list)
}

/// An IPv4 range, or one address. One with more than its prefix is a mistake: nobody knows which of the two was meant.
fn range(text: &str) -> Result<Ipv4Net, String> {
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(address.into());
    }
    let Ok(net) = text.parse::<Ipv4Net>() else {
        let is_ipv6 = text.parse::<Ipv6Net>().is_ok() || text.parse::<std::net::Ipv6Addr>().is_ok();
        return Err(if is_ipv6 {
            format!(
                "{text:?} is an IPv6 range, and services have IPv4 addresses only; leave it out"
            )
        } else {
            format!(
                "{text:?} is no IPv4 range; write an address, a slash and a prefix length, as in 203.0.113.0/24, or one address"
            )
        });
    };
    if net.trunc() != net {
        return Err(format!(
            "{text:?} is an address and more than its prefix; write {} for the whole range, or {} for that address",
            net.trunc(),
            Ipv4Net::from(net.addr())
        ));
    }
    Ok(net)
}

fn description(text: &str) -> Result<String, String> {
    let text = text.trim();
    let length = text.chars().count();
    if length > DESCRIPTION_LENGTH {
        return Err(format!(
            "a description has {length} characters; give at most {DESCRIPTION_LENGTH}"
        ));
    }
    if let Some(control) = text.chars().find(|c| c.is_control()) {
        return Err(format!(
            "a description holds the control character {control:?}; take it out"
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_addresses_are_kept_in_their_order() {
        let list = checked(
            "public",
            &[
                new("203.0.113.0/24", " the office "),
                new(" 198.51.100.7", ""),
                new("203.0.113.128/25", "overlaps, and may"),
                new("0.0.0.0/0", ""),
            ],
        );
        let list = list.expect("a list");
        let ranges: Vec<String> = list.iter().map(|entry| entry.cidr.to_string()).collect();
        assert_eq!(
            ranges,
            [
                "203.0.113.0/24",
                "198.51.100.7/32",
                "203.0.113.128/25",
                "0.0.0.0/0"
            ]
        );
        assert_eq!(list[0].description, "the office");
        assert_eq!(checked("public", &[]).expect("an empty list"), []);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (cidr, description, said) in [
            (
                "10.0.0.5/24",
                "",
                "write 10.0.0.0/24 for the whole range, or 10.0.0.5/32",
            ),
            ("10.0.0.0/33", "", "is no IPv4 range"),
            ("here", "", "is no IPv4 range"),
            ("2001:db8::/32", "", "is an IPv6 range"),
            ("10.0.0.0/8", "a\u{7}", "control character"),
            ("10.0.0.0/8", &"a".repeat(201), "201 characters"),
        ] {
            let error = checked("private", &[new(cidr, description)]).expect_err(cidr);
            assert_eq!(error.field(), Some("private"));
            assert!(error.to_string().contains(said), "{error}");
        }
        let twice = [new("10.0.0.1", ""), new("10.0.0.1/32", "")];
        let error = checked("public", &twice).expect_err("twice");
        assert!(
            error.to_string().contains("10.0.0.1/32 is there twice"),
            "{error}"
        );
        let of = |count: usize| -> Vec<NewAllowEntry> {
            let address = |number: usize| new(&format!("10.0.0.{number}"), "");
            (0..count).map(address).collect()
        };
        assert!(checked("public", &of(ALLOW_ENTRIES)).is_ok());
        assert!(checked("public", &of(ALLOW_ENTRIES + 1)).is_err());
    }

    fn new(cidr: &str, description: &str) -> NewAllowEntry {
        NewAllowEntry {
            cidr: cidr.to_owned(),
            description: description.to_owned(),
        }
    }
}
