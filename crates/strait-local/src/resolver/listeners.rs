//! The sockets: opened inside their namespaces, once each, and kept while the names change.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use hickory_server::Server;
use strait_kernel::Kernel;

use super::answer::Answers;
use super::{FailedListener, Listener, Shared};

const PORT: u16 = 53;
const TCP_IDLE: Duration = Duration::from_secs(5);
const TCP_ANSWERS_BUFFERED: usize = 16;
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// All open listeners.
pub(super) struct Listeners {
    kernel: Arc<Kernel>,
    view: Shared,
    open: BTreeMap<Listener, Server<Answers>>,
}

impl Listeners {
    /// None yet.
    pub(super) fn new(kernel: Arc<Kernel>, view: Shared) -> Self {
        Self {
            kernel,
            view,
            open: BTreeMap::new(),
        }
    }

    /// Opens and closes until exactly these are open; returns those that could not be opened.
    pub(super) async fn set(&mut self, wanted: BTreeSet<Listener>) -> Vec<FailedListener> {
        let gone: Vec<Listener> = (self.open.keys())
            .filter(|listener| !wanted.contains(listener))
            .cloned()
            .collect();
        for listener in gone {
            if let Some(server) = self.open.remove(&listener) {
                close(server).await;
            }
        }
        let mut failed = Vec::new();
        for listener in wanted {
            if self.open.contains_key(&listener) {
                continue;
            }
            match self.open(&listener).await {
                Ok(server) => {
                    self.open.insert(listener, server);
                }
                Err(message) => failed.push(FailedListener { listener, message }),
            }
        }
        failed
    }

    async fn open(&self, listener: &Listener) -> Result<Server<Answers>, String> {
        let (kernel, place) = (self.kernel.clone(), listener.clone());
        let (udp, tcp) = tokio::task::spawn_blocking(move || {
            (kernel.inside(&place.namespace, || sockets(place.address)))
                .map_err(|error| error.to_string())?
                .map_err(|error| format!("cannot listen on {}:{PORT}: {error}", place.address))
        })
        .await
        .map_err(|error| error.to_string())??;
        let answers = Answers::new(listener.namespace.clone(), self.view.clone());
        let mut server = Server::new(answers);
        let udp = tokio::net::UdpSocket::from_std(udp).map_err(|error| error.to_string())?;
        let tcp = tokio::net::TcpListener::from_std(tcp).map_err(|error| error.to_string())?;
        server.register_socket(udp);
        server.register_listener(tcp, TCP_IDLE, TCP_ANSWERS_BUFFERED);
        Ok(server)
    }
}

fn sockets(address: Ipv4Addr) -> std::io::Result<(UdpSocket, TcpListener)> {
    let place = SocketAddrV4::new(address, PORT);
    let udp = UdpSocket::bind(place)?;
    udp.set_nonblocking(true)?;
    let tcp = TcpListener::bind(place)?;
    tcp.set_nonblocking(true)?;
    Ok((udp, tcp))
}

/// Closes a listener. Its tasks are dropped with it if they do not end in time, so that no socket pins a namespace.
async fn close(mut server: Server<Answers>) {
    let ended = tokio::time::timeout(CLOSE_TIMEOUT, server.shutdown_gracefully()).await;
    if !matches!(ended, Ok(Ok(()))) {
        tracing::debug!("a listener was closed with connections open");
    }
}
