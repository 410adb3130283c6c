//! The machine's own resolver, for names that the cloud does not have.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How long one server may take. With two of them it is less than a stub resolver waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many servers are tried.
const SERVERS: usize = 2;

/// How many questions may be under way at once; the next ones fail rather than wait.
static UNDER_WAY: Semaphore = Semaphore::const_new(128);

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The machine has no resolver.
    NoServer,
    /// None answers in time.
    Silent,
    /// Too many questions are under way.
    Busy,
}

/// Asks the servers that this file names, one after the other.
pub(super) async fn ask(
    resolv_conf: &Path,
    name: &Name,
    kind: RecordType,
) -> Result<Message, Failure> {
    let text = tokio::fs::read_to_string(resolv_conf)
        .await
        .unwrap_or_default();
    let servers = servers(&text);
    if servers.is_empty() {
        return Err(Failure::NoServer);
    }
    let _place = UNDER_WAY.try_acquire().map_err(|_| Failure::Busy)?;
    for server in servers.into_iter().take(SERVERS) {
        match timeout(PATIENCE, ask_one(server, name, kind)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => tracing::debug!(%server, %error, "the machine's resolver failed"),
            Err(_) => tracing::debug!(%server, "the machine's resolver does not answer"),
        }
    }
    Err(Failure::Silent)
}

/// The servers of a `resolv.conf`. A port may follow an address, which no other reader of such files knows.
fn servers(text: &str) -> Vec<SocketAddr> {
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next())?
    });
    let read = |word: &str| {
        let address = word
            .parse::<IpAddr>()
            .map(|address| SocketAddr::new(address, 53));
        address.or_else(|_| word.parse()).ok()
    };
    lines.filter_map(read).collect()
}

async fn ask_one(server: SocketAddr, name: &Name, kind: RecordType) -> std::io::Result<Message> {
    let mut question = Message::new(rand::random(), MessageType::Query, OpCode::Query);
    question.metadata.recursion_desired = true;
    question.add_query(Query::query(name.clone(), kind));
    let mut edns = Edns::new();
    edns.set_max_payload(1232).set_version(0);
    question.edns = Some(edns);
    let bytes = question.to_vec().map_err(std::io::Error::other)?;

    let here: SocketAddr = match server {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(here).await?;
    socket.connect(server).await?;
    socket.send(&bytes).await?;
    let mut buffer = vec![0; 4096];
    let answer = loop {
        let length = socket.recv(&mut buffer).await?;
        match Message::from_vec(&buffer[..length]) {
            Ok(answer) if answers(&answer, &question) => break answer,
            Ok(_) | Err(_) => {}
        }
    };
    if !answer.metadata.truncation {
        return Ok(answer);
    }
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(bytes.len()).map_err(std::io::Error::other)?;
    stream
        .write_all(&[&length.to_be_bytes()[..], &bytes].concat())
        .await?;
    let length = stream.read_u16().await?;
    let mut whole = vec![0; usize::from(length)];
    stream.read_exact(&mut whole).await?;
    let answer = Message::from_vec(&whole).map_err(std::io::Error::other)?;
    if answers(&answer, &question) {
        return Ok(answer);
    }
    Err(std::io::Error::other("it answered another question"))
}

fn answers(answer: &Message, question: &Message) -> bool {
    answer.metadata.id == question.metadata.id
        && answer.metadata.message_type == MessageType::Response
        && answer.queries == question.queries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_from_the_file() {
        let text = "# comment\nsearch a.b\nnameserver 192.0.2.1\n nameserver  ::1 # local\nnameserver 127.0.0.1:5353\nnameserver x\n";
        let expected = ["192.0.2.1:53", "[::1]:53", "127.0.0.1:5353"];
        assert_eq!(
            servers(text),
            expected.map(|text| text.parse().expect("an address"))
        );
        assert!(servers("").is_empty());
    }
}
