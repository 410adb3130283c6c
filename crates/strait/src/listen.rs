//! Serves HTTP on a socket, and gives up on who does not say what they want.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use strait_plane::place::Place;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt as _;

use crate::tls::Tls;

/// How long a request's head may take to arrive: also how long a connection may be idle.
const HEAD: Duration = Duration::from_secs(30);

/// How many connections there may be at once, and how many of one place: less than the 1024 files that a process has at first.
const MOST: usize = 768;
const MOST_OF_A_PLACE: usize = 256;

/// How long nobody is let in when the machine has no room for another connection.
const FULL: Duration = Duration::from_millis(200);

/// Answers for ever.
///
/// # Errors
/// When the socket is not one that the runtime can use.
pub(crate) async fn answer(
    listener: TcpListener,
    router: axum::Router,
    tls: Option<Arc<Tls>>,
) -> Result<()> {
    let room = Room::new(MOST, MOST_OF_A_PLACE);
    answer_within(listener, router, tls, HEAD, room).await
}

async fn answer_within(
    listener: TcpListener,
    router: axum::Router,
    tls: Option<Arc<Tls>>,
    head: Duration,
    room: Arc<Room>,
) -> Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener).context("cannot serve a socket")?;
    loop {
        // Who comes when all is taken waits in the kernel's line.
        let seat = room.seat().await;
        match listener.accept().await {
            Ok((stream, peer)) => {
                let Some(guest) = room.guest(peer, seat) else {
                    tracing::debug!(%peer, "a place has too many connections");
                    continue;
                };
                let served = begin(stream, peer, router.clone(), tls.clone(), head);
                tokio::spawn(async move {
                    served.await;
                    drop(guest);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken; trying again");
                tokio::time::sleep(FULL).await;
            }
        }
    }
}

/// For so many connections, and so many of each place.
struct Room {
    seats: Arc<Semaphore>,
    each: usize,
    of: Mutex<BTreeMap<Place, usize>>,
}

/// A connection that has room. It leaves with this.
struct Guest {
    room: Arc<Room>,
    place: Option<Place>,
    _seat: Option<OwnedSemaphorePermit>,
}

impl Room {
    fn new(most: usize, each: usize) -> Arc<Self> {
        Arc::new(Self {
            seats: Arc::new(Semaphore::new(most)),
            each,
            of: Mutex::default(),
        })
    }

    /// Waits until there is one.
    async fn seat(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.seats).acquire_owned().await.ok()
    }

    /// None: its place has as many as it may. Loopback, behind which may be a proxy, has all.
    fn guest(
        self: &Arc<Self>,
        peer: SocketAddr,
        seat: Option<OwnedSemaphorePermit>,
    ) -> Option<Guest> {
        let place = Place::of(peer.ip());
        if let Some(place) = place {
            let mut of = self.of();
            let count = of.entry(place).or_default();
            if *count >= self.each {
                return None;
            }
            *count += 1;
        }
        Some(Guest {
            room: Arc::clone(self),
            place,
            _seat: seat,
        })
    }

    fn of(&self) -> MutexGuard<'_, BTreeMap<Place, usize>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let Some(place) = self.place else {
            return;
        };
        let mut of = self.room.of();
        match of.get_mut(&place) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => {
                of.remove(&place);
            }
        }
    }
}

async fn begin(
    stream: TcpStream,
    peer: SocketAddr,
    router: axum::Router,
    tls: Option<Arc<Tls>>,
    head: Duration,
) {
    let Some(tls) = tls else {
        return serve(stream, peer, router, head).await;
    };
    match tokio::time::timeout(head, tls.acceptor().accept(stream)).await {
        Ok(Ok(stream)) => serve(stream, peer, router, head).await,
        Ok(Err(error)) => tracing::trace!(%error, "a connection spoke no TLS"),
        Err(_) => tracing::trace!("a connection did not come to an end with TLS"),
    }
}

async fn serve<S>(stream: S, peer: SocketAddr, router: axum::Router, head: Duration)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let told = router.map_request(move |mut request: Request<_>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    });
    let served = Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(told));
    if let Err(error) = served.await {
        tracing::trace!(%error, "a connection broke off");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Instant;

    use axum::routing::get;
    use strait_local::ca::Authority;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::tls::Files;

    const LIMIT: Duration = Duration::from_millis(300);
    /// For whom there is an answer, however slow this machine is.
    const PATIENCE: Duration = Duration::from_secs(20);
    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";

    #[tokio::test]
    async fn who_does_not_finish_a_head_is_left_and_who_does_is_answered() {
        let router = axum::Router::new().route("/", get(async || "here"));
        let address = listening(router.clone(), None, LIMIT).await;
        let begun = Instant::now();
        for sent in [0, 10, HEAD.len() - 1] {
            let mut line = TcpStream::connect(address).await.expect("a connection");
            line.write_all(&HEAD[..sent]).await.expect("sent");
            assert_eq!(rest(&mut line).await, "", "{sent} bytes of a head");
        }
        assert!(begun.elapsed() >= 3 * LIMIT, "{:?}", begun.elapsed());

        let patient = listening(router, None, PATIENCE).await;
        let mut line = TcpStream::connect(patient).await.expect("a connection");
        line.write_all(&HEAD[..10]).await.expect("sent");
        tokio::time::sleep(LIMIT).await;
        line.write_all(&HEAD[10..]).await.expect("sent");
        let answer = rest(&mut line).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(answer.ends_with("here"), "{answer}");
    }

    #[tokio::test]
    async fn who_finds_it_full_is_answered_when_others_have_gone() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = axum::Router::new().route("/", get(async || "here"));
        let room = Room::new(2, 2);
        tokio::spawn(answer_within(
            listener,
            router,
            None,
            PATIENCE,
            Arc::clone(&room),
        ));
        let idle = [(); 2].map(|()| TcpStream::connect(address));
        let idle = futures::future::join_all(idle).await;
        while room.seats.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let mut line = TcpStream::connect(address).await.expect("a connection");
        line.write_all(HEAD).await.expect("sent");
        let mut byte = [0];
        let answered = tokio::time::timeout(LIMIT, line.read(&mut byte)).await;
        answered.expect_err("there is no room for it");
        drop(idle);
        let answer = rest(&mut line).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }

    #[tokio::test]
    async fn a_place_has_so_many_and_another_one_and_loopback_have_room() {
        let room = Room::new(9, 2);
        let enter = |peer: &str| room.guest(peer.parse().expect("an address"), None);
        let _first = enter("192.0.2.7:1").expect("one");
        let second = enter("192.0.2.7:2").expect("two");
        assert!(enter("192.0.2.7:3").is_none(), "three");
        let _other = enter("192.0.2.8:3").expect("another place");
        let _local = [1, 2, 3].map(|port| enter(&format!("127.0.0.1:{port}")).expect("loopback"));
        drop(second);
        let _again = enter("192.0.2.7:4").expect("two again");
        assert_eq!(room.of().len(), 2, "who has none is forgotten");
    }

    #[tokio::test]
    async fn with_tls_who_speaks_it_is_answered_and_who_does_not_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::open(&folder.path().join("ca")).expect("an authority");
        let names = BTreeSet::from(["localhost".to_owned(), "127.0.0.1".to_owned()]);
        let issued = authority.issue(&names).expect("issued");
        let files = Files {
            certificate: folder.path().join("server.crt"),
            key: folder.path().join("server.key"),
        };
        std::fs::write(&files.certificate, issued.certificate).expect("written");
        std::fs::write(&files.key, issued.key).expect("written");
        let tls = Tls::load(files).expect("they are good");
        let who = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string();
        let router = axum::Router::new().route("/", get(who));
        let address = listening(router.clone(), Some(tls.clone()), PATIENCE).await;

        let trusting = reqwest::Certificate::from_pem(authority.pem().as_bytes());
        let client = reqwest::Client::builder()
            .no_proxy()
            .add_root_certificate(trusting.expect("a certificate"))
            .build()
            .expect("a client");
        for host in ["localhost", "127.0.0.1"] {
            let url = format!("https://{host}:{}/", address.port());
            let answer = client.get(url).send().await.expect("an answer");
            assert_eq!(answer.text().await.expect("text"), "127.0.0.1", "{host}");
        }
        let wary = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let url = format!("https://localhost:{}/", address.port());
        wary.get(url).send().await.expect_err("nobody it trusts");

        let address = listening(router, Some(tls), LIMIT).await;
        for sent in ["", "GET / HTTP/1.1\r\nHost: here\r\n\r\n"] {
            let mut line = TcpStream::connect(address).await.expect("a connection");
            line.write_all(sent.as_bytes()).await.expect("sent");
            let mut answer = Vec::new();
            let read = line.read_to_end(&mut answer);
            let read = tokio::time::timeout(PATIENCE, read).await;
            // A reset is an end too.
            let _ = read.expect("the other end closes");
            assert!(!answer.starts_with(b"HTTP"), "{sent:?}: {answer:?}");
        }
    }

    /// Where one listens that leaves whoever has sent no whole head for so long.
    async fn listening(router: axum::Router, tls: Option<Arc<Tls>>, head: Duration) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(answer_within(listener, router, tls, head, Room::new(9, 9)));
        address
    }

    /// What comes until the other end closes.
    async fn rest(line: &mut TcpStream) -> String {
        let mut answer = String::new();
        let read = line.read_to_string(&mut answer);
        let read = tokio::time::timeout(PATIENCE, read).await;
        read.expect("the other end closes").expect("it is read");
        answer
    }
}
