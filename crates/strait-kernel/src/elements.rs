//! Elements of nftables sets, added and deleted over netlink: `nft` would take 2 ms to start, and wait at its end until the
//! kernel has freed what was deleted.

use std::io;

use crate::netlink::{Body, CREATE, Socket};
use crate::ruleset::Elements;

const NETFILTER: libc::c_int = 12;
const NEW_ELEMENTS: u16 = (10 << 8) | 12;
const DELETE_ELEMENTS: u16 = (10 << 8) | 14;
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;
/// Any family, for the batch itself.
const BATCH: [u8; 4] = [0, 0, 0, 10];
const INET: [u8; 4] = [libc::AF_INET as u8, 0, 0, 0];
const TABLE: &str = "strait";
/// An attribute's length has 16 bits.
const ELEMENTS_A_MESSAGE: usize = 400;
const LINK_NAME: usize = 16;

/// A socket for the rules of the namespace in which it was opened. While one is open the namespace stays.
#[derive(Debug)]
pub(crate) struct Filters(Socket);

impl Filters {
    /// Opens one in the calling thread's network namespace.
    pub(crate) fn open() -> io::Result<Self> {
        Socket::open(NETFILTER).map(Self)
    }

    /// Makes edits in one transaction. `false`, and nothing is changed, if they have a type that this does not know.
    pub(crate) fn edit(&mut self, edits: &[Elements]) -> io::Result<bool> {
        let Some(messages) = messages(edits) else {
            return Ok(false);
        };
        if !messages.is_empty() {
            let batch = (
                (BATCH_BEGIN, Body::new(&BATCH)),
                (BATCH_END, Body::new(&BATCH)),
            );
            self.0.transact(&batch.0, &messages, &batch.1)?;
        }
        Ok(true)
    }
}

/// What leaves goes first: a range that comes may overlap it.
fn messages(edits: &[Elements]) -> Option<Vec<(u16, u16, Body)>> {
    let mut messages = Vec::new();
    for (kind, flags) in [(DELETE_ELEMENTS, 0), (NEW_ELEMENTS, CREATE)] {
        for edit in edits {
            let elements = if kind == NEW_ELEMENTS {
                &edit.come
            } else {
                &edit.gone
            };
            for part in elements.chunks(ELEMENTS_A_MESSAGE) {
                let mut list = Body::default();
                for text in part {
                    list = list.nest(1, &element(&edit.kind, text)?);
                }
                let body = Body::new(&INET)
                    .text(1, TABLE)
                    .text(2, &edit.set)
                    .nest(3, &list);
                messages.push((kind, flags, body));
            }
        }
    }
    Some(messages)
}

/// One element of a set or map of a type, as nft writes both.
fn element(kind: &str, text: &str) -> Option<Body> {
    let (key_type, data_type) = match kind.split_once(" : ") {
        Some((key, data)) => (key, Some(data)),
        None => (kind, None),
    };
    let (key, data) = match data_type {
        Some(_) => text.split_once(" : ")?,
        None => (text, ""),
    };
    let (types, fields): (Vec<&str>, Vec<&str>) =
        (key_type.split(" . ").collect(), key.split(" . ").collect());
    if types.len() != fields.len() {
        return None;
    }
    let (mut low, mut high) = (Vec::new(), Vec::new());
    for (kind, field) in types.iter().zip(&fields) {
        let (first, last) = ends(kind, field)?;
        for (key, mut value) in [(&mut low, first), (&mut high, last)] {
            value.resize(value.len().div_ceil(4) * 4, 0);
            key.extend(value);
        }
    }
    let value = |bytes: &[u8]| Body::default().with(1, bytes);
    let mut body = Body::default().nest(1, &value(&low));
    match data_type {
        None => {}
        Some("mark") => {
            let mark: u32 = data.parse().ok()?;
            body = body.nest(2, &value(&mark.to_ne_bytes()));
        }
        Some("verdict") => body = body.nest(2, &Body::default().nest(2, &verdict(data)?)),
        Some(_) => return None,
    }
    if low != high {
        body = body.nest(10, &value(&high));
    }
    Some(body)
}

/// The first and the last value of a field.
fn ends(kind: &str, field: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    if kind == "ifname" {
        let mut name = field.trim_matches('"').as_bytes().to_vec();
        if name.len() >= LINK_NAME {
            return None;
        }
        name.resize(LINK_NAME, 0);
        return Some((name.clone(), name));
    }
    let (first, last) = field.split_once('-').unwrap_or((field, field));
    let value = |text: &str| -> Option<Vec<u8>> {
        match kind {
            "ipv4_addr" => {
                let address: std::net::Ipv4Addr = text.parse().ok()?;
                Some(address.octets().to_vec())
            }
            "inet_proto" | "icmp_type" | "icmp_code" => Some(vec![text.parse().ok()?]),
            "inet_service" => Some(text.parse::<u16>().ok()?.to_be_bytes().to_vec()),
            _ => None,
        }
    };
    Some((value(first)?, value(last)?))
}

fn verdict(text: &str) -> Option<Body> {
    let code = |code: i32| Body::default().with(1, &code.to_be_bytes());
    match text.split_once(' ') {
        None if text == "accept" => Some(code(1)),
        None if text == "drop" => Some(code(0)),
        Some(("jump", chain)) => Some(code(-3).text(2, chain)),
        Some(("goto", chain)) => Some(code(-4).text(2, chain)),
        Some(_) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_padded_and_ranges_have_two_ends() {
        let (low, high) = ends("ipv4_addr", "10.0.0.0-10.255.255.255").expect("a range");
        assert_eq!((low, high), (vec![10, 0, 0, 0], vec![10, 255, 255, 255]));
        assert_eq!(
            ends("inet_service", "5432").expect("a port").0,
            5432_u16.to_be_bytes()
        );
        assert!(element("ipv4_addr . inet_proto . inet_service", "10.0.0.1 . 6 . 80").is_some());
        assert!(element("ifname : verdict", "\"e1\" : goto in_0").is_some());
    }

    #[test]
    fn what_is_not_known_is_left_to_nft() {
        assert!(element("ether_addr", "02:00:00:00:00:01").is_none());
        assert!(element("ifname : verdict", "\"e1\" : queue").is_none());
        assert!(element("ipv4_addr . inet_proto", "10.0.0.1").is_none());
    }
}
