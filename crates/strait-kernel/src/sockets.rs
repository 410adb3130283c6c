//! TCP sockets of one network namespace, over sock_diag: those of a server that its clients have opened.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::netlink::{Body, Socket};

const BY_FAMILY: u16 = 20;
const DESTROY: u16 = 21;
/// `inet_diag_req_v2` begins with family, protocol, extensions and a gap, and the states that are asked for.
const TCP: [u8; 4] = [libc::AF_INET as u8, libc::IPPROTO_TCP as u8, 0, 0];
const ESTABLISHED: u32 = 1 << 1;
const ANY_STATE: u32 = u32::MAX;
/// What names a socket to the kernel (`inet_diag_sockid`): ports, addresses, link and cookie.
const ID: std::ops::Range<usize> = 4..52;

/// A connection as a server has it. Another one is another, even between the same ports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connection([u8; 48]);

impl Connection {
    fn own_port(&self) -> u16 {
        u16::from_be_bytes([self.0[0], self.0[1]])
    }

    /// Its other end, as the server sees it.
    pub fn peer(&self) -> SocketAddrV4 {
        let address = Ipv4Addr::new(self.0[20], self.0[21], self.0[22], self.0[23]);
        SocketAddrV4::new(address, u16::from_be_bytes([self.0[2], self.0[3]]))
    }
}

/// The connections to this port of the calling thread's namespace from these addresses, both ends open.
pub(crate) fn to(port: u16, from: &BTreeSet<Ipv4Addr>) -> io::Result<BTreeSet<Connection>> {
    let mut socket = Socket::open(libc::NETLINK_SOCK_DIAG)?;
    let mut found = BTreeSet::new();
    let every = Connection([0; 48]);
    socket.dump(BY_FAMILY, &request(&every, ESTABLISHED), |answer| {
        let Some(Ok(id)) = answer.get(ID).map(<[u8; 48]>::try_from) else {
            return;
        };
        let connection = Connection(id);
        if connection.own_port() == port && from.contains(connection.peer().ip()) {
            found.insert(connection);
        }
    })?;
    Ok(found)
}

/// Ends a connection of the calling thread's namespace: both ends are told at once (TCP reset).
pub(crate) fn reset(connection: &Connection) -> io::Result<()> {
    let mut socket = Socket::open(libc::NETLINK_SOCK_DIAG)?;
    match socket.change(DESTROY, 0, &request(connection, ANY_STATE)) {
        // It ended meanwhile.
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
        other => other,
    }
}

fn request(connection: &Connection, states: u32) -> Body {
    let mut fixed = TCP.to_vec();
    fixed.extend_from_slice(&states.to_ne_bytes());
    fixed.extend_from_slice(&connection.0);
    Body::new(&fixed)
}
