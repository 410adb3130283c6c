//! Proves a way end to end: a connection from the network that it is for, answered by PostgreSQL itself.

use std::io::{Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use strait_plane::cloud::CloudError;

use super::Local;

/// PostgreSQL's SSLRequest: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

const PATIENCE: Duration = Duration::from_millis(1500);

impl Local {
    /// Connects from the host to the address and asks PostgreSQL whether it speaks TLS.
    pub(super) async fn probe(&self, host: &str, address: SocketAddrV4) -> Result<(), CloudError> {
        let (kernel, host) = (Arc::clone(&self.inner.kernel), host.to_owned());
        let asked =
            tokio::task::spawn_blocking(move || kernel.inside(&host, move || ask_for_tls(address)))
                .await;
        let answer = asked
            .map_err(|_| CloudError::Temporary("the probe was interrupted".to_owned()))?
            .map_err(|error| CloudError::Temporary(error.to_string()))?;
        answer.map_err(|error| {
            CloudError::Temporary(format!(
                "no answer from PostgreSQL at {address} by this way: {error}"
            ))
        })
    }
}

fn ask_for_tls(address: SocketAddrV4) -> std::io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::V4(address), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&SSL_REQUEST)?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    if answer == *b"S" {
        return Ok(());
    }
    Err(std::io::Error::other(
        "what answers there is no PostgreSQL with TLS",
    ))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn a_server_without_tls_does_not_pass() {
        for (answer, passes) in [(b"S", true), (b"N", false)] {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            let SocketAddr::V4(address) = listener.local_addr().expect("bound") else {
                panic!("bound to IPv4")
            };
            let server = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().expect("a connection");
                let mut request = [0; 8];
                stream.read_exact(&mut request).expect("eight bytes");
                stream.write_all(answer).expect("written");
                request
            });
            assert_eq!(ask_for_tls(address).is_ok(), passes);
            assert_eq!(server.join().expect("no panic"), SSL_REQUEST);
        }
    }
}
