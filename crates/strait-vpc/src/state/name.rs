//! Domain names, in the form in which Route 53 writes them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A full domain name: lower case, with a last dot, and every character but letters, digits, `-` and `_` escaped as three
/// octal digits (`*` is `\052`): <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html>.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DomainName(String);

/// Why a text is no domain name, as Route 53 calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Nothing between two dots, or nothing at all.
    #[error("DomainLabelEmpty (Domain label is empty)")]
    EmptyLabel,
    /// More than 63 bytes between two dots.
    #[error("DomainLabelTooLong (Domain label is too long)")]
    LongLabel,
    /// More than 255 bytes.
    #[error("DomainNameTooLong (Domain name is too long)")]
    Long,
    /// A character that is not ASCII, a space, or an escape that is none.
    #[error("UnsupportedCharacter (Value contains unsupported characters)")]
    Character,
}

impl DomainName {
    /// The name as it is written, with its last dot.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the root, `.`.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0 == "."
    }

    /// Its labels, escaped, the most specific one first.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.').filter(|label| !label.is_empty())
    }

    /// Its labels as they are in a DNS message.
    #[must_use]
    pub fn raw_labels(&self) -> Vec<Vec<u8>> {
        self.labels().map(unescape).collect()
    }

    /// Whether it is this zone's name or below it.
    #[must_use]
    pub fn is_in(&self, zone: &Self) -> bool {
        zone.is_root()
            || self
                .0
                .strip_suffix(&zone.0)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// The name without its first label; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, rest) = self.0.split_once('.').filter(|_| !self.is_root())?;
        Some(Self(if rest.is_empty() { "." } else { rest }.to_owned()))
    }

    /// The name as Route 53 sorts it: `com.example.www.`.
    #[must_use]
    pub fn reversed(&self) -> String {
        self.labels()
            .rev()
            .map(|label| format!("{label}."))
            .collect()
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for DomainName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        if text == "." {
            return Ok(Self(text.to_owned()));
        }
        let mut name = String::with_capacity(text.len() + 1);
        let mut bytes = 1;
        for label in split_labels(text.strip_suffix('.').unwrap_or(text))? {
            bytes += label.len() + 1;
            match label.len() {
                0 => return Err(BadName::EmptyLabel),
                1..=63 => escape(&label, &mut name),
                _ => return Err(BadName::LongLabel),
            }
            name.push('.');
        }
        if bytes > 255 {
            return Err(BadName::Long);
        }
        Ok(Self(name))
    }
}

fn split_labels(text: &str) -> Result<Vec<Vec<u8>>, BadName> {
    let mut labels = vec![Vec::new()];
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let byte = match first {
            b'.' => {
                labels.push(Vec::new());
                continue;
            }
            b'\\' => {
                let (byte, after) = octal(rest).ok_or(BadName::Character)?;
                rest = after;
                byte
            }
            b'!'..=b'~' => *first,
            _ => return Err(BadName::Character),
        };
        if let Some(label) = labels.last_mut() {
            label.push(byte.to_ascii_lowercase());
        }
    }
    Ok(labels)
}

fn octal(rest: &[u8]) -> Option<(u8, &[u8])> {
    let [high, middle, low, after @ ..] = rest else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(8);
    let number = digit(*high)? * 64 + digit(*middle)? * 8 + digit(*low)?;
    Some((u8::try_from(number).ok()?, after))
}

fn escape(label: &[u8], into: &mut String) {
    use std::fmt::Write as _;

    for byte in label {
        if byte.is_ascii_alphanumeric() || b"-_".contains(byte) {
            into.push(char::from(*byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(into, "\\{byte:03o}");
        }
    }
}

fn unescape(label: &str) -> Vec<u8> {
    let mut raw = Vec::with_capacity(label.len());
    let mut rest = label.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'\\'
            && let Some((byte, after)) = octal(rest)
        {
            raw.push(byte);
            rest = after;
        } else {
            raw.push(*first);
        }
    }
    raw
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_route_53_writes_them() {
        for (given, written) in [
            ("Example.COM", "example.com."),
            ("*.example.com.", r"\052.example.com."),
            (r"\052.example.com", r"\052.example.com."),
            ("_a-b.c", "_a-b.c."),
            ("a@b.c", r"a\100b.c."),
            (".", "."),
        ] {
            assert_eq!(name(given).as_str(), written, "{given}");
        }
        assert_eq!(name("*.b").raw_labels(), [b"*".to_vec(), b"b".to_vec()]);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = "a".repeat(64);
        let whole = vec!["a".repeat(62); 5].join(".");
        for (given, why) in [
            ("", BadName::EmptyLabel),
            ("a..b", BadName::EmptyLabel),
            (".a", BadName::EmptyLabel),
            ("a b", BadName::Character),
            ("\u{fc}.de", BadName::Character),
            (r"\0a.b", BadName::Character),
            (r"\777.b", BadName::Character),
            (long.as_str(), BadName::LongLabel),
            (whole.as_str(), BadName::Long),
        ] {
            assert_eq!(given.parse::<DomainName>(), Err(why), "{given}");
        }
    }

    #[test]
    fn names_lie_in_zones_by_whole_labels() {
        let zone = name("example.com");
        assert!(name("example.com").is_in(&zone) && name("a.b.example.com").is_in(&zone));
        assert!(!name("notexample.com").is_in(&zone) && !name("com").is_in(&zone));
        assert!(name("com").is_in(&name(".")));
        assert_eq!(zone.parent(), Some(name("com")));
        assert_eq!(name("com").parent(), Some(name(".")));
        assert_eq!(name(".").parent(), None);
        assert_eq!(name("www.example.com").reversed(), "com.example.www.");
    }

    fn name(text: &str) -> DomainName {
        text.parse().expect("a name")
    }
}
