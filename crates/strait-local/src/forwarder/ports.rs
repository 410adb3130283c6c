//! The listening ports: one a service, kept while nothing about it changes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use super::flows::{self, Connector};
use super::{Assigned, Forwarded};
use crate::error::LocalError;

/// Below the ports that Linux gives to outgoing connections, so that none of those is in the way after a restart.
const FIRST: u16 = 15_432;
const LAST: u16 = 32_000;
const MOST_FLOWS: usize = 2_000;

/// All ports.
pub(super) struct Ports {
    connector: Connector,
    flows: Arc<Semaphore>,
    open: BTreeMap<String, Port>,
}

struct Port {
    to: SocketAddrV4,
    /// Nothing while new connections are refused.
    listening: Option<(u16, JoinHandle<()>)>,
    /// Becomes true when the flows must end.
    ended: watch::Sender<bool>,
}

impl Ports {
    /// None yet.
    pub(super) fn new(connector: Connector) -> Self {
        Self {
            connector,
            flows: Arc::new(Semaphore::new(MOST_FLOWS)),
            open: BTreeMap::new(),
        }
    }

    /// Opens and closes until exactly these are open. Flows of a service that is gone, or leads elsewhere now, are reset.
    pub(super) async fn set(
        &mut self,
        wanted: BTreeMap<String, Forwarded>,
    ) -> BTreeMap<String, Assigned> {
        let gone: Vec<String> = (self.open.iter())
            .filter(|(service, port)| wanted.get(*service).is_none_or(|want| want.to != port.to))
            .map(|(service, _)| service.clone())
            .collect();
        for service in gone {
            if let Some(port) = self.open.remove(&service) {
                port.close().await;
            }
        }
        let reserved: BTreeSet<u16> = wanted.values().filter_map(|want| want.port).collect();
        let mut assigned = BTreeMap::new();
        for (service, want) in wanted {
            if !want.accept {
                if let Some(port) = self.open.get_mut(&service) {
                    port.refuse().await;
                }
                continue;
            }
            let port = self.accept(&service, &want, &reserved).await;
            assigned.insert(service, port);
        }
        assigned
    }

    async fn accept(
        &mut self,
        service: &str,
        want: &Forwarded,
        reserved: &BTreeSet<u16>,
    ) -> Assigned {
        let port = (self.open.entry(service.to_owned())).or_insert_with(|| Port {
            to: want.to,
            listening: None,
            ended: watch::Sender::new(false),
        });
        if let Some((number, _)) = &port.listening
            && want.port.is_none_or(|wanted| wanted == *number)
        {
            return Assigned::Port(*number);
        }
        port.refuse().await;
        let (listener, number, taken) = match listen(want.port, reserved).await {
            Ok(found) => found,
            Err(error) => return Assigned::Failed(error.to_string()),
        };
        let task = tokio::spawn(accept_all(
            listener,
            self.connector.clone(),
            self.flows.clone(),
            want.to,
            port.ended.subscribe(),
        ));
        port.listening = Some((number, task));
        match taken {
            None => Assigned::Port(number),
            Some(message) => Assigned::Moved {
                port: number,
                message: format!("{message}, so 127.0.0.1:{number} leads to the service now"),
            },
        }
    }
}

impl Port {
    /// Takes no new connections; the listener is closed when this returns.
    async fn refuse(&mut self) {
        let Some((_, task)) = self.listening.take() else {
            return;
        };
        task.abort();
        let _aborted = task.await;
    }

    async fn close(mut self) {
        self.refuse().await;
        self.ended.send_replace(true);
    }
}

/// Listens on the wanted port, or on a free one. The text says why it is not the wanted one.
async fn listen(
    wanted: Option<u16>,
    reserved: &BTreeSet<u16>,
) -> Result<(TcpListener, u16, Option<String>), LocalError> {
    let mut taken = None;
    if let Some(port) = wanted {
        match bind(port).await {
            Ok(listener) => return Ok((listener, port, None)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                taken = Some(format!("another program holds 127.0.0.1:{port}"));
            }
            Err(error) => taken = Some(format!("127.0.0.1:{port} cannot be used ({error})")),
        }
    }
    // From a random place on: a port that was closed just now should not lead to another service at once.
    let count = LAST - FIRST + 1;
    let start = rand::rng().random_range(0..count);
    for step in 0..count {
        let port = FIRST + (start + step) % count;
        if reserved.contains(&port) {
            continue;
        }
        if let Ok(listener) = bind(port).await {
            return Ok((listener, port, taken));
        }
    }
    Err(LocalError::NoFreePort {
        from: FIRST,
        to: LAST,
    })
}

async fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).await
}

async fn accept_all(
    listener: TcpListener,
    connector: Connector,
    flows: Arc<Semaphore>,
    to: SocketAddrV4,
    ended: watch::Receiver<bool>,
) {
    loop {
        // Waiting for a free place leaves clients in the listener's queue, which is bounded too.
        let Ok(place) = flows.clone().acquire_owned().await else {
            return;
        };
        let client = match listener.accept().await {
            Ok((client, _)) => client,
            Err(error) => {
                tracing::warn!(%error, "cannot accept on a loopback port");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (connector, ended) = (connector.clone(), ended.clone());
        tokio::spawn(async move {
            flows::carry(client, connector, to, ended).await;
            drop(place);
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn bytes_go_both_ways_and_each_half_closes_alone() {
        let (mut ports, to) = (ports(), reverser().await);
        let mut client = greeted(&mut ports, to).await.1;
        client.write_all(b"strait").await.expect("sent");
        client.shutdown().await.expect("half closed");
        let mut answer = Vec::new();
        client
            .read_to_end(&mut answer)
            .await
            .expect("answered after our half was closed");
        assert_eq!(answer, b"tiarts");
    }

    #[tokio::test]
    async fn a_removed_service_resets_its_flows_and_refuses_new_ones() {
        let (mut ports, to) = (ports(), reverser().await);
        let (port, mut client) = greeted(&mut ports, to).await;
        client.write_all(b"x").await.expect("sent");
        assert!(ports.set(BTreeMap::new()).await.is_empty());
        let error = client.read_u8().await.expect_err("no byte comes any more");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        let again = TcpStream::connect(("127.0.0.1", port)).await;
        assert_eq!(
            again.expect_err("refused").kind(),
            io::ErrorKind::ConnectionRefused
        );
    }

    #[tokio::test]
    async fn refusing_leaves_open_flows_alone() {
        let (mut ports, to) = (ports(), reverser().await);
        let (port, mut client) = greeted(&mut ports, to).await;
        client.write_all(b"ab").await.expect("sent");
        let refusing = wanted(Forwarded {
            to,
            port: Some(port),
            accept: false,
        });
        assert!(ports.set(refusing).await.is_empty());
        let again = TcpStream::connect(("127.0.0.1", port)).await;
        assert_eq!(
            again.expect_err("refused").kind(),
            io::ErrorKind::ConnectionRefused
        );
        client.shutdown().await.expect("half closed");
        let mut answer = String::new();
        client
            .read_to_string(&mut answer)
            .await
            .expect("the open flow goes on");
        assert_eq!(answer, "ba");
    }

    #[tokio::test]
    async fn a_port_stays_and_one_that_is_taken_is_replaced_with_the_reason() {
        let (mut ports, to) = (ports(), reverser().await);
        let want = |port| Forwarded {
            to,
            port,
            accept: true,
        };
        let first = ports.set(wanted(want(None))).await["s"]
            .port()
            .expect("a port");
        let again = ports.set(wanted(want(Some(first)))).await;
        assert_eq!(again["s"], Assigned::Port(first));
        ports.set(BTreeMap::new()).await;
        let _other = std::net::TcpListener::bind(("127.0.0.1", first)).expect("another program");
        let moved = ports.set(wanted(want(Some(first)))).await;
        let Assigned::Moved { port, message } = &moved["s"] else {
            panic!("moved: {moved:?}");
        };
        assert_ne!(*port, first);
        assert!(
            message.contains(&format!("holds 127.0.0.1:{first}")),
            "{message}"
        );
    }

    #[tokio::test]
    async fn an_address_that_refuses_resets_the_client() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let to = address(closed.local_addr().expect("its address").port());
        drop(closed);
        let mut ports = ports();
        let mut client = connect(&mut ports, to).await.1;
        let error = client.read_u8().await.expect_err("nothing is there");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    fn ports() -> Ports {
        Ports::new(Arc::new(flows::socket))
    }

    fn address(port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
    }

    fn wanted(want: Forwarded) -> BTreeMap<String, Forwarded> {
        BTreeMap::from([("s".to_owned(), want)])
    }

    async fn connect(ports: &mut Ports, to: SocketAddrV4) -> (u16, TcpStream) {
        let want = Forwarded {
            to,
            port: None,
            accept: true,
        };
        let port = ports.set(wanted(want)).await["s"].port().expect("a port");
        (
            port,
            TcpStream::connect(("127.0.0.1", port))
                .await
                .expect("connected"),
        )
    }

    /// A flow that is open to its other end: what only waits to be accepted counts as new.
    async fn greeted(ports: &mut Ports, to: SocketAddrV4) -> (u16, TcpStream) {
        let (port, mut client) = connect(ports, to).await;
        assert_eq!(client.read_u8().await.expect("a greeting"), b'>');
        (port, client)
    }

    /// Greets, then sends back in reverse what it got, once the other side has closed its half.
    async fn reverser() -> SocketAddrV4 {
        let listener = bind(0).await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    stream.write_u8(b'>').await.expect("greeted");
                    let mut all = Vec::new();
                    if stream.read_to_end(&mut all).await.is_ok() {
                        all.reverse();
                        stream.write_all(&all).await.expect("answered");
                    }
                });
            }
        });
        address(port)
    }
}
