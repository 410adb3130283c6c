//! This process's own connections.

use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::path::Path;
use std::{fs, io};

use nix::sys::socket::{Shutdown, SockaddrStorage, getpeername, shutdown};

use crate::error::KernelError;

/// Shuts this process's connections to these addresses and to this Unix socket, whoever in it holds them: who waits for an
/// answer by one is told at once that it ended. Returns how many there were.
///
/// # Errors
/// When the process cannot look at its own descriptors.
pub fn shut_connections(
    addresses: &[SocketAddr],
    socket: Option<&Path>,
) -> Result<usize, KernelError> {
    shut(addresses, socket).map_err(KernelError::system("look at this process's connections"))
}

fn shut(addresses: &[SocketAddr], socket: Option<&Path>) -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir("/proc/self/fd")? {
        let name = entry?.file_name();
        let Some(descriptor) = name.to_str().and_then(|name| name.parse::<RawFd>().ok()) else {
            continue;
        };
        // Most are no sockets, or closed by now.
        let Ok(peer) = getpeername::<SockaddrStorage>(descriptor) else {
            continue;
        };
        let is_it = addresses.iter().any(|address| is(&peer, address))
            || (peer.as_unix_addr().and_then(|peer| peer.path()))
                .is_some_and(|path| Some(path) == socket);
        if is_it && shutdown(descriptor, Shutdown::Both).is_ok() {
            count += 1;
        }
    }
    Ok(count)
}

fn is(peer: &SockaddrStorage, address: &SocketAddr) -> bool {
    match address {
        SocketAddr::V4(address) => (peer.as_sockaddr_in())
            .is_some_and(|peer| (peer.ip(), peer.port()) == (*address.ip(), address.port())),
        SocketAddr::V6(address) => (peer.as_sockaddr_in6())
            .is_some_and(|peer| (peer.ip(), peer.port()) == (*address.ip(), address.port())),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read as _};
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_connections_to_what_is_named_end() {
        let listen = || TcpListener::bind("127.0.0.1:0").expect("a port");
        let (named, other) = (listen(), listen());
        let connect = |listener: &TcpListener| {
            let address = listener.local_addr().expect("an address");
            let stream = TcpStream::connect(address).expect("a connection");
            let short = Some(Duration::from_millis(100));
            stream.set_read_timeout(short).expect("set");
            stream
        };
        let (mut ended, mut kept) = (connect(&named), connect(&other));
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("socket");
        let _listener = UnixListener::bind(&path).expect("a socket");
        let mut local = UnixStream::connect(&path).expect("a connection");
        let address = named.local_addr().expect("an address");

        let count = shut_connections(&[address], Some(&path)).expect("looked");

        assert_eq!(count, 2);
        let mut byte = [0];
        assert_eq!(ended.read(&mut byte).expect("its end"), 0);
        assert_eq!(local.read(&mut byte).expect("its end"), 0);
        let waits = kept.read(&mut byte).expect_err("it goes on").kind();
        assert!(
            matches!(waits, ErrorKind::WouldBlock | ErrorKind::TimedOut),
            "{waits:?}"
        );
    }
}
