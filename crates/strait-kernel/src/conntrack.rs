//! Tracked connections of one network namespace, over ctnetlink.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::netlink::{Body, Socket, attributes};

const GET: u16 = (1 << 8) | 1;
const DELETE: u16 = (1 << 8) | 2;
/// The family and version with which each message starts.
const HEADER: [u8; 4] = [libc::AF_INET as u8, 0, 0, 0];
const TUPLE_ORIGINAL: u16 = 1;
const TUPLE_REPLY: u16 = 2;
const PROTOCOL_INFO: u16 = 4;
const MARK: u16 = 8;
const ID: u16 = 12;
/// The state of a TCP connection that both ends have agreed on and neither has begun to end.
const ESTABLISHED: u8 = 3;

/// A tracked connection: the addresses of its two ends as each direction sees them, and what names it to the kernel.
struct Entry {
    mark: u32,
    original: (Ipv4Addr, Ipv4Addr),
    reply: (Ipv4Addr, Ipv4Addr),
    /// The port that answers come from, where the protocol has ports.
    answers_from: Option<u16>,
    /// The port that answers go to.
    answers_to: Option<u16>,
    /// The state of a TCP connection.
    state: Option<u8>,
    tuple: Vec<u8>,
    id: Vec<u8>,
}

/// A connection that a node forwards to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Forwarded {
    /// Whose it is.
    pub client: Ipv4Addr,
    /// From where the target sees it come.
    pub from: SocketAddrV4,
    /// Whether both ends speak; else it begins or ends.
    pub is_open: bool,
}

/// The connections of the calling thread's namespace that are forwarded to a target, in another's name.
pub(crate) fn forwarded_to(target: SocketAddrV4) -> io::Result<Vec<Forwarded>> {
    let all = entries(|entry| forwarded(entry, target).is_some())?;
    Ok(all
        .iter()
        .filter_map(|entry| forwarded(entry, target))
        .collect())
}

/// Deletes the connections that are forwarded to a target, of those clients that `doomed` names. Answers how many.
pub(crate) fn cut_clients(
    target: SocketAddrV4,
    doomed: impl Fn(Ipv4Addr) -> bool,
) -> io::Result<usize> {
    cut_entries(|entry| forwarded(entry, target).is_some_and(|found| doomed(found.client)))
}

/// Deletes the tracked connections of the calling thread's namespace that `doomed` names by an address and the one at
/// the other end. Answers how many.
pub(crate) fn cut(doomed: impl Fn(Ipv4Addr, Ipv4Addr) -> bool) -> io::Result<usize> {
    cut_entries(|entry| {
        let ((a, b), (c, d)) = (entry.original, entry.reply);
        doomed(a, b) || doomed(b, a) || doomed(c, d) || doomed(d, c)
    })
}

/// Deletes the tracked connections whose answers come from this address and port. Answers how many.
pub(crate) fn cut_to(target: SocketAddrV4) -> io::Result<usize> {
    cut_entries(|entry| entry.reply.0 == *target.ip() && entry.answers_from == Some(target.port()))
}

/// Deletes the tracked connections of the calling thread's namespace whose mark `doomed` names. Answers how many.
pub(crate) fn cut_marked(doomed: impl Fn(u32) -> bool) -> io::Result<usize> {
    cut_entries(|entry| doomed(entry.mark))
}

/// Deletes the tracked connections of the calling thread's namespace in which an address stands for another one, if
/// `doomed` says so of the two: the one inside, and the one that others see. Answers how many.
pub(crate) fn cut_translated(doomed: impl Fn(Ipv4Addr, Ipv4Addr) -> bool) -> io::Result<usize> {
    cut_entries(|entry| {
        let (from, to) = entry.original;
        let (answered_by, answered_to) = entry.reply;
        let source = from != answered_to && doomed(from, answered_to);
        let destination = to != answered_by && doomed(answered_by, to);
        source || destination
    })
}

fn cut_entries(doomed: impl Fn(&Entry) -> bool) -> io::Result<usize> {
    let entries = entries(doomed)?;
    let mut socket = Socket::open(libc::NETLINK_NETFILTER)?;
    let mut count = 0;
    for entry in &entries {
        let body = Body::new(&HEADER)
            .with(TUPLE_ORIGINAL | 0x8000, &entry.tuple)
            .with(ID, &entry.id);
        match socket.change(DELETE, 0, &body) {
            Ok(()) => count += 1,
            // It ended meanwhile.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

fn entries(wanted: impl Fn(&Entry) -> bool) -> io::Result<Vec<Entry>> {
    let mut socket = Socket::open(libc::NETLINK_NETFILTER)?;
    let mut entries = Vec::new();
    socket.dump(GET, &Body::new(&HEADER), |answer| {
        if let Some(entry) = read(answer.get(4..).unwrap_or_default()).filter(&wanted) {
            entries.push(entry);
        }
    })?;
    Ok(entries)
}

/// What an entry is to a target: forwarded in another's name, or (none) the node's own, as health checks are.
fn forwarded(entry: &Entry, target: SocketAddrV4) -> Option<Forwarded> {
    let (client, _) = entry.original;
    let (answered_by, answered_to) = entry.reply;
    let is_to_it = answered_by == *target.ip() && entry.answers_from == Some(target.port());
    if !is_to_it || client == answered_to {
        return None;
    }
    Some(Forwarded {
        client,
        from: SocketAddrV4::new(answered_to, entry.answers_to?),
        is_open: entry.state == Some(ESTABLISHED),
    })
}

fn read(bytes: &[u8]) -> Option<Entry> {
    let find = |wanted| {
        attributes(bytes)
            .find(|(kind, _)| *kind == wanted)
            .map(|(_, value)| value)
    };
    let (tuple, reply) = (find(TUPLE_ORIGINAL)?, find(TUPLE_REPLY)?);
    let mark = find(MARK).and_then(|mark| <[u8; 4]>::try_from(mark).ok());
    Some(Entry {
        mark: mark.map_or(0, u32::from_be_bytes),
        original: ends(tuple)?,
        reply: ends(reply)?,
        answers_from: port(reply, 2),
        answers_to: port(reply, 3),
        state: find(PROTOCOL_INFO).and_then(tcp_state),
        tuple: tuple.to_vec(),
        id: find(ID)?.to_vec(),
    })
}

/// A port of a tuple: of its source (2) or of its destination (3).
fn port(tuple: &[u8], which: u16) -> Option<u16> {
    let (_, protocol) = attributes(tuple).find(|(kind, _)| *kind == 2)?;
    let (_, port) = attributes(protocol).find(|(kind, _)| *kind == which)?;
    <[u8; 2]>::try_from(port).ok().map(u16::from_be_bytes)
}

fn tcp_state(info: &[u8]) -> Option<u8> {
    let (_, tcp) = attributes(info).find(|(kind, _)| *kind == 1)?;
    let (_, state) = attributes(tcp).find(|(kind, _)| *kind == 1)?;
    state.first().copied()
}

fn ends(tuple: &[u8]) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let (_, ip) = attributes(tuple).find(|(kind, _)| *kind == 1)?;
    let find = |wanted| {
        let (_, value) = attributes(ip).find(|(kind, _)| *kind == wanted)?;
        <[u8; 4]>::try_from(value).ok().map(Ipv4Addr::from)
    };
    Some((find(1)?, find(2)?))
}
