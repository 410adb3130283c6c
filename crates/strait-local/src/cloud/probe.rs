//! Proves a way end to end: a connection from the network that it is for, answered by PostgreSQL itself.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RData, RecordType};
use strait_plane::cloud::CloudError;

use super::{HostEntry, Local, ReachError, hosts};

/// PostgreSQL's SSLRequest: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

const PATIENCE: Duration = Duration::from_millis(1500);

/// What became of a connection that somebody tried from a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// What the service's name answers there.
    pub resolved: Option<Ipv4Addr>,
    /// Why PostgreSQL did not answer; none: it did.
    pub failure: Option<String>,
}

impl Local {
    /// Does what a client on that host does first: asks its resolver for the name, connects, and asks PostgreSQL whether it
    /// speaks TLS.
    ///
    /// # Errors
    /// When there is no such host.
    pub async fn try_from_host(
        &self,
        host: &str,
        name: &str,
        port: u16,
    ) -> Result<Tried, ReachError> {
        let unknown = || ReachError::NoSuchHost(host.to_owned());
        let found = hosts(&self.committed())
            .into_iter()
            .find(|entry| entry.is_called(host));
        let HostEntry { host, resolver, .. } = found.ok_or_else(unknown)?;
        let (kernel, name) = (Arc::clone(&self.inner.kernel), name.to_owned());
        let inside = move || kernel.inside(&host, move || try_it(resolver, &name, port));
        match tokio::task::spawn_blocking(inside).await {
            Ok(Ok(tried)) => Ok(tried),
            Ok(Err(error)) => Ok(Tried::not(None, &error)),
            Err(error) => Ok(Tried::not(None, &error)),
        }
    }

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

impl Tried {
    fn not(resolved: Option<Ipv4Addr>, why: &dyn std::fmt::Display) -> Self {
        Self {
            resolved,
            failure: Some(why.to_string()),
        }
    }
}

fn try_it(resolver: Ipv4Addr, name: &str, port: u16) -> Tried {
    let address = match resolve(resolver, name) {
        Ok(address) => address,
        Err(error) => {
            return Tried::not(
                None,
                &format!("its name is not to be resolved there: {error}"),
            );
        }
    };
    match ask_for_tls(SocketAddrV4::new(address, port)) {
        Ok(()) => Tried {
            resolved: Some(address),
            failure: None,
        },
        Err(error) => Tried::not(Some(address), &in_words(&error)),
    }
}

/// What the resolver answers for a name's address.
fn resolve(resolver: Ipv4Addr, name: &str) -> std::io::Result<Ipv4Addr> {
    let mut name = Name::from_ascii(name).map_err(std::io::Error::other)?;
    name.set_fqdn(true);
    let mut question = Message::new(rand::random(), MessageType::Query, OpCode::Query);
    question.metadata.recursion_desired = true;
    question.add_query(Query::query(name, RecordType::A));
    let bytes = question.to_vec().map_err(std::io::Error::other)?;
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect((resolver, 53))?;
    socket.send(&bytes)?;
    let mut buffer = vec![0; 4096];
    let length = socket.recv(&mut buffer)?;
    let answer = Message::from_vec(&buffer[..length]).map_err(std::io::Error::other)?;
    let addresses = answer.answers.iter().filter_map(|record| {
        let RData::A(address) = &record.data else {
            return None;
        };
        Some(address.0)
    });
    let same = answer.metadata.id == question.metadata.id;
    let mut addresses = addresses.filter(|_| same);
    addresses.next().ok_or_else(|| {
        std::io::Error::other(format!(
            "{resolver} answers {}",
            answer.metadata.response_code
        ))
    })
}

fn in_words(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    let kind = error.kind();
    if matches!(kind, ErrorKind::TimedOut | ErrorKind::WouldBlock) {
        return "nothing answers: packets get lost on the way".to_owned();
    }
    if matches!(
        kind,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable
    ) {
        return "no route leads there".to_owned();
    }
    if kind == ErrorKind::ConnectionRefused {
        return "the connection is refused".to_owned();
    }
    error.to_string()
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
