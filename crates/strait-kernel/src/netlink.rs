//! Netlink: requests and answers as bytes. Sockets stay with the namespace in which they were opened.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

pub(crate) const CREATE: u16 = 0x400;
pub(crate) const EXCLUSIVE: u16 = 0x200;
pub(crate) const REPLACE: u16 = 0x100;
const REQUEST: u16 = 0x1;
const ACK: u16 = 0x4;
const DUMP: u16 = 0x300;
const ERROR: u16 = 0x2;
const DONE: u16 = 0x3;
const HEADER: usize = 16;
const NESTED: u16 = 0x8000;
const KIND_MASK: u16 = 0x3fff;
const RECEIVE: usize = 64 * 1024;

/// A netlink socket.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    sequence: u32,
}

impl Socket {
    /// Opens one in the calling thread's network namespace.
    pub(crate) fn open(protocol: libc::c_int) -> io::Result<Self> {
        // SAFETY: socket() takes no pointers; its result is checked.
        let raw = unsafe {
            libc::socket(
                libc::AF_NETLINK,
                libc::SOCK_RAW | libc::SOCK_CLOEXEC,
                protocol,
            )
        };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: raw is a fresh descriptor that nothing else owns.
        let fd = unsafe { OwnedFd::from_raw_fd(raw) };
        // A lost kernel answer must not hang a caller for ever.
        let limit = libc::timeval {
            tv_sec: 10,
            tv_usec: 0,
        };
        // SAFETY: the option's value is a timeval that lives through the call, with its own size.
        let set = unsafe {
            libc::setsockopt(
                fd.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVTIMEO,
                (&raw const limit).cast(),
                size_of::<libc::timeval>() as libc::socklen_t,
            )
        };
        if set < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { fd, sequence: 0 })
    }

    /// Asks for a change and waits until the kernel has made it.
    pub(crate) fn change(&mut self, kind: u16, flags: u16, body: &Body) -> io::Result<()> {
        self.send(kind, REQUEST | ACK | flags, body)?;
        self.receive(|_, _| {})
    }

    /// Asks for one thing: its body goes to `each`.
    pub(crate) fn get(
        &mut self,
        kind: u16,
        body: &Body,
        mut each: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        self.send(kind, REQUEST | ACK, body)?;
        self.receive(|_, answer| each(answer))
    }

    /// Asks for everything of a kind: each answer's body goes to `each`.
    pub(crate) fn dump(
        &mut self,
        kind: u16,
        body: &Body,
        mut each: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        self.send(kind, REQUEST | DUMP, body)?;
        self.receive(|_, answer| each(answer))
    }

    /// Asks for several changes that are made together or not at all: kind, flags and body of each, between the messages
    /// that begin and end a transaction.
    pub(crate) fn transact(
        &mut self,
        begin: &(u16, Body),
        changes: &[(u16, u16, Body)],
        end: &(u16, Body),
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        self.write(&mut bytes, begin.0, REQUEST, &begin.1);
        let first = self.sequence;
        for (kind, flags, body) in changes {
            self.write(&mut bytes, *kind, REQUEST | ACK | flags, body);
        }
        self.write(&mut bytes, end.0, REQUEST, &end.1);
        self.send_bytes(&bytes)?;
        let last = self.sequence;
        let mut waiting = changes.len();
        let mut outcome = Ok(());
        self.read(|_, sequence, kind, body| {
            if sequence.wrapping_sub(first) > last.wrapping_sub(first) || kind != ERROR {
                return false;
            }
            // What begins and ends the transaction is answered only when that fails.
            let status = status(body);
            let failed = status.is_err();
            if outcome.is_ok() {
                outcome = status;
            }
            waiting = waiting.saturating_sub(1);
            failed || waiting == 0
        })?;
        outcome
    }

    fn send(&mut self, kind: u16, flags: u16, body: &Body) -> io::Result<()> {
        let mut message = Vec::with_capacity(HEADER + body.0.len());
        self.write(&mut message, kind, flags, body);
        self.send_bytes(&message)
    }

    /// Appends a message with the next sequence number.
    fn write(&mut self, bytes: &mut Vec<u8>, kind: u16, flags: u16, body: &Body) {
        self.sequence = self.sequence.wrapping_add(1);
        let length = HEADER + body.0.len();
        bytes.extend_from_slice(&(length as u32).to_ne_bytes());
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&flags.to_ne_bytes());
        bytes.extend_from_slice(&self.sequence.to_ne_bytes());
        bytes.extend_from_slice(&0_u32.to_ne_bytes());
        bytes.extend_from_slice(&body.0);
    }

    fn send_bytes(&self, message: &[u8]) -> io::Result<()> {
        // SAFETY: the pointer and the length are of one live buffer.
        let sent = unsafe {
            libc::send(
                self.fd.as_raw_fd(),
                message.as_ptr().cast(),
                message.len(),
                0,
            )
        };
        if sent < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }

    fn receive(&mut self, mut each: impl FnMut(u16, &[u8])) -> io::Result<()> {
        let mut outcome = Ok(());
        self.read(|own, sequence, kind, body| {
            match kind {
                _ if sequence != own => return false,
                ERROR | DONE => outcome = status(body),
                kind => {
                    each(kind, body);
                    return false;
                }
            }
            true
        })?;
        outcome
    }

    /// Reads messages until `is_last` (the last sequence number used, a message's, its kind and body) says so.
    fn read(&mut self, mut is_last: impl FnMut(u32, u32, u16, &[u8]) -> bool) -> io::Result<()> {
        let mut buffer = vec![0_u8; RECEIVE];
        loop {
            // SAFETY: the pointer and the length are of one live buffer that nothing else uses.
            let got = unsafe {
                libc::recv(
                    self.fd.as_raw_fd(),
                    buffer.as_mut_ptr().cast(),
                    buffer.len(),
                    0,
                )
            };
            if got < 0 {
                let error = io::Error::last_os_error();
                if error.kind() == io::ErrorKind::Interrupted {
                    continue;
                }
                return Err(error);
            }
            let mut rest = &buffer[..got as usize];
            while rest.len() >= HEADER {
                let length = read_u32(rest, 0) as usize;
                if length < HEADER || length > rest.len() {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "the kernel's netlink answer is cut off",
                    ));
                }
                let (kind, sequence) = (read_u16(rest, 4), read_u32(rest, 8));
                if is_last(self.sequence, sequence, kind, &rest[HEADER..length]) {
                    return Ok(());
                }
                rest = &rest[align(length).min(rest.len())..];
            }
        }
    }
}

/// The body of a request: a fixed part, then attributes.
#[derive(Default)]
pub(crate) struct Body(Vec<u8>);

impl Body {
    /// Begins with the fixed part.
    pub(crate) fn new(fixed: &[u8]) -> Self {
        let mut body = Self(fixed.to_vec());
        body.pad();
        body
    }

    /// Adds an attribute.
    pub(crate) fn with(mut self, kind: u16, value: &[u8]) -> Self {
        self.0
            .extend_from_slice(&((value.len() + 4) as u16).to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.pad();
        self
    }

    /// Adds an attribute with a text that ends in a zero byte.
    pub(crate) fn text(self, kind: u16, value: &str) -> Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.with(kind, &bytes)
    }

    /// Adds an attribute of attributes.
    pub(crate) fn nest(self, kind: u16, inner: &Self) -> Self {
        self.with(kind | NESTED, &inner.0)
    }

    fn pad(&mut self) {
        self.0.resize(align(self.0.len()), 0);
    }
}

/// The attributes in a part of an answer.
pub(crate) fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.len() < 4 {
            return None;
        }
        let length = read_u16(rest, 0) as usize;
        if length < 4 || length > rest.len() {
            return None;
        }
        let kind = read_u16(rest, 2) & KIND_MASK;
        let value = &rest[4..length];
        rest = &rest[align(length).min(rest.len())..];
        Some((kind, value))
    })
}

/// A native u32 at a place in a buffer; zero when the buffer is too short.
pub(crate) fn read_u32(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..at + 4)
        .and_then(|part| part.try_into().ok())
        .map_or(0, u32::from_ne_bytes)
}

fn read_u16(bytes: &[u8], at: usize) -> u16 {
    bytes
        .get(at..at + 2)
        .and_then(|part| part.try_into().ok())
        .map_or(0, u16::from_ne_bytes)
}

fn status(body: &[u8]) -> io::Result<()> {
    match read_u32(body, 0) as i32 {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(-code)),
    }
}

fn align(length: usize) -> usize {
    length.div_ceil(4) * 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_come_back_as_they_were_put_in() {
        let inner = Body::default().with(2, &7_u32.to_ne_bytes());
        let body = Body::new(&[1, 2, 3, 4]).text(3, "eth0").nest(18, &inner);
        let read: Vec<_> = attributes(&body.0[4..]).collect();
        assert_eq!(read[0], (3, &b"eth0\0"[..]));
        assert_eq!(read[1].0, 18);
        assert_eq!(
            attributes(read[1].1).collect::<Vec<_>>(),
            [(2, &7_u32.to_ne_bytes()[..])]
        );
    }

    #[test]
    fn a_cut_off_attribute_ends_the_list() {
        assert_eq!(attributes(&[9, 0, 1, 0, 5]).count(), 0);
    }

    #[test]
    fn the_kernel_answers_a_dump_of_links() {
        let mut socket = Socket::open(libc::NETLINK_ROUTE).expect("a netlink socket");
        let mut count = 0;
        socket
            .dump(18, &Body::new(&[0; 16]), |_| count += 1)
            .expect("a dump of links");
        assert!(count > 0, "every namespace has lo");
    }
}
