//! Serves HTTP on a socket, and gives up on who does not say what they want.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tower::ServiceExt as _;

use crate::tls::Tls;

/// How long a request's head may take to arrive: also how long a connection may be idle.
const HEAD: Duration = Duration::from_secs(30);

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
    answer_within(listener, router, tls, HEAD).await
}

async fn answer_within(
    listener: TcpListener,
    router: axum::Router,
    tls: Option<Arc<Tls>>,
    head: Duration,
) -> Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener).context("cannot serve a socket")?;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                tokio::spawn(begin(stream, peer, router.clone(), tls.clone(), head));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken; trying again");
                tokio::time::sleep(FULL).await;
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
    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";

    #[tokio::test]
    async fn who_does_not_finish_a_head_is_left_and_who_does_is_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = axum::Router::new().route("/", get(async || "here"));
        tokio::spawn(answer_within(listener, router, None, LIMIT));
        let begun = Instant::now();
        for sent in [0, 10, HEAD.len() - 1] {
            let mut line = TcpStream::connect(address).await.expect("a connection");
            line.write_all(&HEAD[..sent]).await.expect("sent");
            assert_eq!(rest(&mut line).await, "", "{sent} bytes of a head");
        }
        assert!(begun.elapsed() >= 3 * LIMIT, "{:?}", begun.elapsed());

        let mut line = TcpStream::connect(address).await.expect("a connection");
        line.write_all(&HEAD[..10]).await.expect("sent");
        tokio::time::sleep(LIMIT / 3).await;
        line.write_all(&HEAD[10..]).await.expect("sent");
        let answer = rest(&mut line).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(answer.ends_with("here"), "{answer}");
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
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let who = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string();
        let router = axum::Router::new().route("/", get(who));
        tokio::spawn(answer_within(listener, router, Some(tls), LIMIT));

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

        for sent in ["", "GET / HTTP/1.1\r\nHost: here\r\n\r\n"] {
            let mut line = TcpStream::connect(address).await.expect("a connection");
            line.write_all(sent.as_bytes()).await.expect("sent");
            let mut answer = Vec::new();
            let read = line.read_to_end(&mut answer);
            let read = tokio::time::timeout(10 * LIMIT, read).await;
            // A reset is an end too.
            let _ = read.expect("the other end closes");
            assert!(!answer.starts_with(b"HTTP"), "{sent:?}: {answer:?}");
        }
    }

    /// What comes until the other end closes.
    async fn rest(line: &mut TcpStream) -> String {
        let mut answer = String::new();
        let read = line.read_to_string(&mut answer);
        let read = tokio::time::timeout(10 * LIMIT, read).await;
        read.expect("the other end closes").expect("it is read");
        answer
    }
}
