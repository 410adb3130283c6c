//! Serves HTTP on a socket, and gives up on who does not say what they want.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Context as _, Result};
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;

/// How long a request's head may take to arrive: also how long a connection may be idle.
const HEAD: Duration = Duration::from_secs(30);

/// How long nobody is let in when the machine has no room for another connection.
const FULL: Duration = Duration::from_millis(200);

/// Answers for ever.
///
/// # Errors
/// When the socket is not one that the runtime can use.
pub(crate) async fn answer(listener: TcpListener, router: axum::Router) -> Result<()> {
    answer_within(listener, router, HEAD).await
}

async fn answer_within(listener: TcpListener, router: axum::Router, head: Duration) -> Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener).context("cannot serve a socket")?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, router.clone(), head));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken; trying again");
                tokio::time::sleep(FULL).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, router: axum::Router, head: Duration) {
    let served = Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = served.await {
        tracing::trace!(%error, "a connection broke off");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const LIMIT: Duration = Duration::from_millis(300);
    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";

    #[tokio::test]
    async fn who_does_not_finish_a_head_is_left_and_who_does_is_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = axum::Router::new().route("/", get(async || "here"));
        tokio::spawn(answer_within(listener, router, LIMIT));
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

    /// What comes until the other end closes.
    async fn rest(line: &mut TcpStream) -> String {
        let mut answer = String::new();
        let read = line.read_to_string(&mut answer);
        let read = tokio::time::timeout(10 * LIMIT, read).await;
        read.expect("the other end closes").expect("it is read");
        answer
    }
}
