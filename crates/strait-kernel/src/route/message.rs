//! What rtnetlink's messages look like: the headers of requests, and what stands where in answers.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::VethEnd;
use crate::netlink::{Body, attributes, read_u32};
use crate::plan::{Action, Hop, Route, Rule};

pub(super) const INET: u8 = libc::AF_INET as u8;
/// Marks our links, routes and rules; a host's own root may add others, which we leave alone.
pub(super) const OURS: u8 = 83;
const ON_LINK: u32 = 4;
const UNICAST: u8 = 1;
const BLACKHOLE: u8 = 6;
const UNREACHABLE: u8 = 7;
/// A rule's actions.
const TO_TABLE: u8 = 1;
const TO_UNREACHABLE: u8 = 7;

pub(super) fn end(end: &VethEnd<'_>) -> Body {
    // One queue: a veth has one a CPU otherwise, and there may be thousands.
    let one = 1_u32.to_ne_bytes();
    let group = u32::from(OURS).to_ne_bytes();
    Body::new(&link_header(0, 0, 0))
        .text(3, end.name)
        .with(1, &end.mac.0)
        .with(27, &group)
        .with(31, &one)
        .with(32, &one)
}

pub(super) fn link_header(index: u32, flags: u32, change: u32) -> [u8; 16] {
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header[12..16].copy_from_slice(&change.to_ne_bytes());
    header
}

pub(super) fn address_body(index: u32, address: Ipv4Addr, length: u8) -> Body {
    let mut header = [INET, length, 0, 0, 0, 0, 0, 0];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    Body::new(&header)
        .with(2, &address.octets())
        .with(1, &address.octets())
}

pub(super) fn neighbour_header(index: u32, state: u16) -> [u8; 12] {
    let mut header = [0; 12];
    header[0] = INET;
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..10].copy_from_slice(&state.to_ne_bytes());
    header
}

pub(super) fn route_header(route: &Route) -> [u8; 12] {
    let (kind, flags) = match route.hop {
        Hop::Link { .. } => (UNICAST, ON_LINK),
        Hop::Blackhole => (BLACKHOLE, 0),
        Hop::Unreachable => (UNREACHABLE, 0),
    };
    let mut header = [
        INET,
        route.destination.prefix_len(),
        0,
        0,
        0,
        OURS,
        0,
        kind,
        0,
        0,
        0,
        0,
    ];
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header
}

pub(super) fn read_route(answer: &[u8], names: &BTreeMap<u32, String>) -> Route {
    let mut destination = Ipv4Addr::UNSPECIFIED;
    let mut table = u32::from(answer[4]);
    let mut metric = 0;
    let mut link = String::new();
    let mut source = None;
    for (kind, value) in attributes(answer.get(12..).unwrap_or_default()) {
        match kind {
            1 => destination = address(value).unwrap_or(destination),
            4 => link = names.get(&read_u32(value, 0)).cloned().unwrap_or_default(),
            6 => metric = read_u32(value, 0),
            7 => source = address(value),
            15 => table = read_u32(value, 0),
            _ => {}
        }
    }
    let hop = match answer.get(7).copied() {
        Some(BLACKHOLE) => Hop::Blackhole,
        Some(UNREACHABLE) => Hop::Unreachable,
        Some(_) | None => Hop::Link { link, source },
    };
    let length = answer.get(1).copied().unwrap_or(32).min(32);
    Route {
        table,
        destination: Ipv4Net::new_assert(destination, length),
        metric,
        hop,
    }
}

pub(super) fn rule_body(rule: &Rule) -> Body {
    let (action, table) = match rule.action {
        Action::Table(table) => (TO_TABLE, table),
        Action::Unreachable => (TO_UNREACHABLE, 0),
    };
    let source_length = if rule.source.is_some() { 32 } else { 0 };
    let mut body = Body::new(&[INET, 0, source_length, 0, 0, 0, 0, action, 0, 0, 0, 0])
        .with(6, &rule.priority.to_ne_bytes());
    if table != 0 {
        body = body.with(15, &table.to_ne_bytes());
    }
    if let Some(mark) = rule.mark {
        body = body.with(10, &mark.to_ne_bytes());
    }
    if let Some(source) = rule.source {
        body = body.with(2, &source.octets());
    }
    body
}

pub(super) fn read_rule(answer: &[u8]) -> (Rule, bool) {
    let mut rule = Rule {
        priority: 0,
        mark: None,
        source: None,
        action: Action::Unreachable,
    };
    let mut table = answer.get(4).copied().map_or(0, u32::from);
    let mut ours = false;
    for (kind, value) in attributes(answer.get(12..).unwrap_or_default()) {
        match kind {
            2 => rule.source = address(value),
            6 => rule.priority = read_u32(value, 0),
            10 => rule.mark = Some(read_u32(value, 0)),
            15 => table = read_u32(value, 0),
            21 => ours = value == [OURS],
            _ => {}
        }
    }
    if answer.get(7) == Some(&TO_TABLE) {
        rule.action = Action::Table(table);
    }
    (rule, ours)
}

pub(super) fn read_u64(bytes: &[u8], at: usize) -> u64 {
    let found = bytes
        .get(at..at + 8)
        .and_then(|eight| eight.try_into().ok());
    found.map_or(0, u64::from_ne_bytes)
}

pub(super) fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value)
        .trim_end_matches('\0')
        .to_owned()
}

pub(super) fn address(value: &[u8]) -> Option<Ipv4Addr> {
    <[u8; 4]>::try_from(value).ok().map(Ipv4Addr::from)
}
