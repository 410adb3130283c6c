//! Flows: bytes both ways, each half closed on its own, ended with a reset when their port is taken away.

use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::socket::{AddressFamily, SockFlag, SockType};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes an unconnected socket inside the internet's namespace. It blocks.
pub(super) type Connector = Arc<dyn Fn() -> io::Result<OwnedFd> + Send + Sync>;

/// An unconnected TCP socket of the calling thread's network namespace.
pub(super) fn socket() -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    Ok(nix::sys::socket::socket(
        AddressFamily::Inet,
        SockType::Stream,
        flags,
        None,
    )?)
}

/// Carries one flow until both sides have ended it, one has reset it, or `ended` says so.
pub(super) async fn carry(
    client: TcpStream,
    connector: Connector,
    to: SocketAddrV4,
    mut ended: watch::Receiver<bool>,
) {
    let mut client = client;
    let mut server = tokio::select! {
        server = connect(connector, to) => match server {
            Ok(server) => server,
            Err(error) => {
                tracing::debug!(%to, %error, "public address cannot be reached");
                reset(&client);
                return;
            }
        },
        _ = ended.wait_for(|&ended| ended) => {
            reset(&client);
            return;
        }
    };
    for stream in [&client, &server] {
        // A flow that cannot be made quick still is a flow.
        let _slow = stream.set_nodelay(true);
    }
    let orderly = tokio::select! {
        copied = copy_bidirectional(&mut client, &mut server) => copied.is_ok(),
        _ = ended.wait_for(|&ended| ended) => false,
    };
    if !orderly {
        reset(&client);
        reset(&server);
    }
}

async fn connect(connector: Connector, to: SocketAddrV4) -> io::Result<TcpStream> {
    let socket = tokio::task::spawn_blocking(move || connector())
        .await
        .map_err(io::Error::other)??;
    let socket = TcpSocket::from_std_stream(std::net::TcpStream::from(socket));
    timeout(CONNECT_TIMEOUT, socket.connect(SocketAddr::V4(to)))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// Makes the close of this socket a reset, so that the other end knows at once.
fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "a flow ends without a reset");
    }
}
