//! The system calls that the standard library has not: sockets, and waiting for many of them at once.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::time::Duration;

/// A TCP connection under way, from this address and port. Closing it takes all of it back at once.
pub(crate) fn connect(from: SocketAddrV4) -> io::Result<OwnedFd> {
    let socket = open(libc::SOCK_STREAM, 0)?;
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    set(&socket, libc::SOL_SOCKET, libc::SO_LINGER, &linger)?;
    bind(&socket, from)?;
    Ok(socket)
}

/// Sends the first packet of a connection. An error that comes at once is told.
pub(crate) fn start(socket: &OwnedFd, to: SocketAddrV4) -> io::Result<()> {
    let to = address(to);
    // SAFETY: the pointer is of a live value with its own size.
    let result = unsafe {
        libc::connect(
            socket.as_raw_fd(),
            (&raw const to).cast(),
            size_of::<libc::sockaddr_in>() as libc::socklen_t,
        )
    };
    match check(result) {
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Ok(()),
        other => other,
    }
}

/// Why a connection failed; `None` when it is there.
pub(crate) fn failure(socket: &OwnedFd) -> Option<io::Error> {
    let mut error: libc::c_int = 0;
    let mut size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: both pointers are of live values, and the size is the first one's.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ERROR,
            (&raw mut error).cast(),
            &raw mut size,
        )
    };
    if result < 0 {
        return Some(io::Error::last_os_error());
    }
    (error != 0).then(|| io::Error::from_raw_os_error(error))
}

/// A UDP socket at an address and port.
pub(crate) fn datagrams(at: SocketAddrV4) -> io::Result<UdpSocket> {
    let socket = open(libc::SOCK_DGRAM, 0)?;
    bind(&socket, at)?;
    Ok(UdpSocket::from(socket))
}

/// A raw ICMP socket at an address. What is read from it begins with the IP header.
pub(crate) fn icmp(at: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = open(libc::SOCK_RAW, libc::IPPROTO_ICMP)?;
    bind(&socket, SocketAddrV4::new(at, 0))?;
    Ok(UdpSocket::from(socket))
}

/// An echo request with a payload.
pub(crate) fn echo_request(ident: u16, payload: [u8; 8]) -> Vec<u8> {
    let mut packet = vec![8, 0, 0, 0];
    packet.extend(ident.to_be_bytes());
    packet.extend([0, 1]);
    packet.extend(payload);
    let sum: u32 = packet
        .chunks_exact(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    packet[2..4].copy_from_slice(&(!(folded as u16)).to_be_bytes());
    packet
}

/// The identifier and the payload of an echo reply, as it is read from a raw socket.
pub(crate) fn echo_reply(packet: &[u8]) -> Option<(u16, [u8; 8])> {
    let head = usize::from(packet.first()? & 0x0f) * 4;
    let icmp = packet.get(head..)?;
    if icmp.first() != Some(&0) {
        return None;
    }
    let ident = u16::from_be_bytes(icmp.get(4..6)?.try_into().ok()?);
    Some((ident, icmp.get(8..16)?.try_into().ok()?))
}

/// Many sockets, each with a number.
pub(crate) struct Poll(OwnedFd);

impl Poll {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: no pointers; the descriptor is fresh and checked.
        unsafe {
            let poll = libc::epoll_create1(libc::EPOLL_CLOEXEC);
            check(poll)?;
            Ok(Self(OwnedFd::from_raw_fd(poll)))
        }
    }

    /// Waits for a socket, to read from it or (connections) for it to be there. Each change is told once.
    pub(crate) fn add(&self, socket: RawFd, number: usize) -> io::Result<()> {
        let events = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLET;
        let mut event = libc::epoll_event {
            events: events as u32,
            u64: number as u64,
        };
        // SAFETY: the pointer is of a live value.
        check(unsafe {
            libc::epoll_ctl(
                self.0.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                socket,
                &raw mut event,
            )
        })
    }

    /// The numbers of sockets with which something happened; waits for the first at most this long.
    pub(crate) fn wait(&self, patience: Duration) -> io::Result<Vec<usize>> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 256];
        // SAFETY: the pointer is of a live array, and the count is its own.
        let count = unsafe {
            libc::epoll_wait(
                self.0.as_raw_fd(),
                events.as_mut_ptr(),
                events.len() as libc::c_int,
                patience.as_millis() as libc::c_int,
            )
        };
        match check(count) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Vec::new()),
            Err(error) => Err(error),
            Ok(()) => Ok(events[..count as usize]
                .iter()
                .map(|event| event.u64 as usize)
                .collect()),
        }
    }
}

/// Lets this process have as many files as it may. Answers how many.
pub(crate) fn raise_file_limit() -> io::Result<usize> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the pointers are of a live value.
    unsafe {
        check(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit))?;
        limit.rlim_cur = limit.rlim_max;
        check(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit))?;
    }
    Ok(usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX))
}

fn open(kind: libc::c_int, protocol: libc::c_int) -> io::Result<OwnedFd> {
    let kind = kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: no pointers; the descriptor is fresh and checked.
    unsafe {
        let socket = libc::socket(libc::AF_INET, kind, protocol);
        check(socket)?;
        Ok(OwnedFd::from_raw_fd(socket))
    }
}

fn bind(socket: &OwnedFd, at: SocketAddrV4) -> io::Result<()> {
    let on: libc::c_int = 1;
    set(socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, &on)?;
    let at = address(at);
    // SAFETY: the pointer is of a live value with its own size.
    check(unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const at).cast(),
            size_of::<libc::sockaddr_in>() as libc::socklen_t,
        )
    })
}

fn set<T>(socket: &OwnedFd, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
    // SAFETY: the pointer is of a live value with its own size.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    })
}

fn address(at: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: at.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes(at.ip().octets()),
        },
        sin_zero: [0; 8],
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
