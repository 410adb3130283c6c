//! A proxy between the SDK and AWS that lets some requests go wrong.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The call takes effect, and its answer is lost.
    Lost,
    /// AWS fails before the call takes effect.
    Broken,
    /// AWS has too much to do.
    Throttled,
}

/// Which requests it happens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// To one, from 0 on.
    Nth(usize),
    /// To the first of each action.
    FirstOfEach,
}

/// A running proxy; it ends with this.
pub(crate) struct Proxy {
    url: String,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

/// What passed a proxy.
#[derive(Default)]
struct Seen {
    requests: usize,
    actions: BTreeSet<String>,
    faults: usize,
}

impl Proxy {
    /// Passes everything on to `upstream`, an address and a port, but for these requests.
    pub(crate) async fn start(upstream: String, fault: Fault, which: Which) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let seen = Arc::<Mutex<Seen>>::default();
        let all = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (upstream, seen) = (upstream.clone(), Arc::clone(&all));
                tokio::spawn(async move {
                    // Whoever breaks off has seen enough.
                    let _ = serve(client, &upstream, fault, which, &seen).await;
                });
            }
        });
        Self { url, seen, task }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// To how many requests it happened.
    pub(crate) fn faults(&self) -> usize {
        self.seen.lock().expect("nobody panics with it").faults
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Seen {
    /// Notes a request, and says whether it is one of those.
    fn is_hit(&mut self, which: Which, head: &str, body: &[u8]) -> bool {
        let nth = self.requests;
        self.requests += 1;
        let is_first = self.actions.insert(action(head, body));
        let hit = match which {
            Which::Nth(wanted) => nth == wanted,
            Which::FirstOfEach => is_first,
        };
        self.faults += usize::from(hit);
        hit
    }
}

/// One request and its answer; then the connection ends.
async fn serve(
    mut client: TcpStream,
    upstream: &str,
    fault: Fault,
    which: Which,
    seen: &Mutex<Seen>,
) -> std::io::Result<()> {
    let Some((head, body)) = request(&mut client).await? else {
        return Ok(());
    };
    let hit = seen
        .lock()
        .expect("nobody panics with it")
        .is_hit(which, &head, &body);
    if hit && fault != Fault::Lost {
        return client.write_all(failure(fault).as_bytes()).await;
    }
    let mut server = TcpStream::connect(upstream).await?;
    server.write_all(closing(&head).as_bytes()).await?;
    server.write_all(&body).await?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await?;
    if hit {
        return Ok(());
    }
    client.write_all(&answer).await
}

/// Head and body of a request; none if the client has no more.
async fn request(client: &mut TcpStream) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end + 4]).into_owned();
            let mut body = read.split_off(end + 4);
            let missing = content_length(&head).saturating_sub(body.len());
            let start = body.len();
            body.resize(start + missing, 0);
            client.read_exact(&mut body[start..]).await?;
            return Ok(Some((head, body)));
        }
        if client.read_buf(&mut read).await? == 0 {
            return Ok(None);
        }
    }
}

/// `Action=…` of a form, or the method and path of what is none.
fn action(head: &str, body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    let form = body
        .split('&')
        .next()
        .filter(|first| first.starts_with("Action="));
    form.or_else(|| head.lines().next())
        .unwrap_or_default()
        .to_owned()
}

fn content_length(head: &str) -> usize {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = lengths
        .next()
        .and_then(|(_, value)| value.trim().parse().ok());
    length.unwrap_or_default()
}

/// The head with the wish that the connection be closed after the answer.
fn closing(head: &str) -> String {
    head.replacen("\r\n", "\r\nConnection: close\r\n", 1)
}

fn failure(fault: Fault) -> String {
    let (status, code) = match fault {
        Fault::Throttled => ("503 Service Unavailable", "RequestLimitExceeded"),
        Fault::Lost | Fault::Broken => ("500 Internal Server Error", "InternalError"),
    };
    let error = format!("<Error><Code>{code}</Code><Message>As the test wants.</Message></Error>");
    let body = format!("<Response><Errors>{error}</Errors></Response>");
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
