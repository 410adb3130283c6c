//! How boxes, sets and names are written for nft.

use std::collections::BTreeSet;
use std::fmt::{Display, Write as _};
use std::net::Ipv4Addr;

use strait_vpc::picture::{IcmpBox, PortBox};

/// Replaces the table in one transaction, whether it was there or not.
pub(crate) const HEAD: &str = "table ip strait\ndelete table ip strait\n";
/// How a statement begins that adds elements after the table is there.
pub(crate) const MORE: &str = "add element ip strait ";
/// More elements than this do not fit into one transaction: it fails with "Message too long".
const FIRST_ELEMENTS: usize = 1000;
/// Elements in each later statement.
const MORE_ELEMENTS: usize = 1000;
const INDENT: &str = "\t";

/// A table's text as it grows.
pub(crate) struct Text {
    body: String,
    more: String,
    room: usize,
}

impl Text {
    pub(crate) fn new() -> Self {
        Self {
            body: String::new(),
            more: String::new(),
            room: FIRST_ELEMENTS,
        }
    }

    /// A set or map whose elements must be there from the first moment on.
    pub(crate) fn whole_set(&mut self, head: &str, properties: &str, elements: &BTreeSet<String>) {
        self.block(
            head,
            properties,
            &elements.iter().map(String::as_str).collect::<Vec<_>>(),
        );
    }

    /// A set without which packets are only dropped: when it is large, its elements follow in later transactions.
    pub(crate) fn set(&mut self, name: &str, properties: &str, elements: &BTreeSet<String>) {
        let elements: Vec<_> = elements.iter().map(String::as_str).collect();
        let (now, later) = elements.split_at(elements.len().min(self.room));
        self.room -= now.len();
        self.block(&format!("set {name}"), properties, now);
        for part in later.chunks(MORE_ELEMENTS) {
            write_line(
                &mut self.more,
                &format!("{MORE}{name} {{ {} }}", part.join(", ")),
            );
        }
    }

    /// A chain.
    pub(crate) fn chain(&mut self, name: &str, lines: &[String]) {
        write_line(&mut self.body, &format!("{INDENT}chain {name} {{"));
        for line in lines {
            write_line(&mut self.body, &format!("{INDENT}{INDENT}{line}"));
        }
        write_line(&mut self.body, &format!("{INDENT}}}"));
    }

    /// The whole text for `nft -f -`.
    pub(crate) fn finish(self) -> String {
        format!("{HEAD}table ip strait {{\n{}}}\n{}", self.body, self.more)
    }

    fn block(&mut self, head: &str, properties: &str, elements: &[&str]) {
        write_line(&mut self.body, &format!("{INDENT}{head} {{"));
        write_line(&mut self.body, &format!("{INDENT}{INDENT}{properties}"));
        if !elements.is_empty() {
            write_line(
                &mut self.body,
                &format!("{INDENT}{INDENT}elements = {{ {} }}", elements.join(", ")),
            );
        }
        write_line(&mut self.body, &format!("{INDENT}}}"));
    }
}

/// A link's name in quotes.
pub(crate) fn quoted(link: &str) -> String {
    format!("\"{link}\"")
}

/// An id as a part of a name that nft takes.
pub(crate) fn identifier(id: &str) -> String {
    let mut name = String::new();
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            name.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(name, "_{byte:02x}");
        }
    }
    name
}

/// `a` or `a-b`.
pub(crate) fn range<T: Display + PartialEq>((low, high): (T, T)) -> String {
    if low == high {
        low.to_string()
    } else {
        format!("{low}-{high}")
    }
}

/// Whether these are all addresses.
pub(crate) fn all_addresses(addresses: (Ipv4Addr, Ipv4Addr)) -> bool {
    addresses == (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST)
}

/// Whether a box has every packet in it.
pub(crate) fn is_everything(ports: &PortBox) -> bool {
    all_addresses(ports.addresses)
        && ports.protocols == (0, u8::MAX)
        && ports.ports == (0, u16::MAX)
}

/// What a packet must be for a box, with the far side's address in `far` (`ip saddr` or `ip daddr`).
pub(crate) fn port_match(ports: &PortBox, far: &str) -> Vec<String> {
    let mut parts = Vec::new();
    if !all_addresses(ports.addresses) {
        parts.push(format!("{far} {}", range(ports.addresses)));
    }
    if ports.protocols != (0, u8::MAX) {
        parts.push(format!("meta l4proto {}", range(ports.protocols)));
    }
    if ports.ports != (0, u16::MAX) {
        parts.push(format!("th dport {}", range(ports.ports)));
    }
    parts
}

/// As [`port_match`], for ICMP.
pub(crate) fn icmp_match(icmp: &IcmpBox, far: &str) -> Vec<String> {
    let mut parts = vec!["ip protocol icmp".to_owned()];
    if !all_addresses(icmp.addresses) {
        parts.push(format!("{far} {}", range(icmp.addresses)));
    }
    if icmp.types != (0, u8::MAX) {
        parts.push(format!("icmp type {}", range(icmp.types)));
    }
    if icmp.codes != (0, u8::MAX) {
        parts.push(format!("icmp code {}", range(icmp.codes)));
    }
    parts
}

fn write_line(to: &mut String, line: &str) {
    to.push_str(line);
    to.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_sets_go_on_in_later_statements() {
        let mut text = Text::new();
        let elements: BTreeSet<_> = (0..FIRST_ELEMENTS + MORE_ELEMENTS + 1)
            .map(|n| format!("{n:06}"))
            .collect();
        text.set("s", "type mark;", &elements);
        let text = text.finish();
        assert!(text.starts_with(HEAD));
        assert_eq!(
            text.lines().filter(|line| line.starts_with(MORE)).count(),
            2
        );
        assert!(
            elements
                .iter()
                .all(|element| text.contains(element.as_str()))
        );
    }

    #[test]
    fn different_ids_stay_different() {
        assert_eq!(identifier("sg-0a"), "sg-0a");
        assert_ne!(identifier("a.b"), identifier("a_b"));
    }
}
