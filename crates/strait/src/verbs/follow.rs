//! `--wait`: follows an object until it is as it was asked for.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::client::{Client, Settled};

/// How long one call waits; between two of them the line on the terminal is renewed.
const STRIDE: u64 = 2;
/// How often one looks at what the server cannot wait for: somebody else's doing.
const PAUSE: Duration = Duration::from_millis(500);

/// Why nothing is known for now, as users are told it.
#[derive(Debug)]
pub(super) enum Away {
    /// The server says so: its store is away.
    Store(String),
    /// No server answers: it may be starting.
    Server(String),
}

impl std::fmt::Display for Away {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(told) | Self::Server(told) => f.write_str(told),
        }
    }
}

impl std::error::Error for Away {}

/// What is waited for is waited for over an outage of the server's store too.
pub(super) async fn patiently<T>(end: Instant, ask: impl AsyncFn() -> Result<T>) -> Result<T> {
    loop {
        match ask().await {
            Err(error) if is_of_the_store(&error) && Instant::now() < end => {
                tokio::time::sleep(PAUSE).await;
            }
            answered => return answered,
        }
    }
}

fn is_of_the_store(error: &anyhow::Error) -> bool {
    match error.downcast_ref() {
        Some(Away::Store(_)) => true,
        Some(Away::Server(_)) | None => false,
    }
}

/// The object when the server has made it as it was asked for.
pub(super) async fn until_settled(
    client: &Client,
    path: &[&str],
    what: &str,
    timeout: u64,
) -> Result<Value> {
    let line = Line::start(what);
    let end = Instant::now() + Duration::from_secs(timeout);
    loop {
        let left = end
            .saturating_duration_since(Instant::now())
            .as_secs()
            .min(STRIDE);
        let asked = patiently(end, async || client.get_settled(path, left).await);
        let Some((settled, object)) = asked.await? else {
            bail!("{what} is gone: somebody deleted it");
        };
        line.show(&object);
        match settled {
            Settled::Yes => return Ok(object),
            Settled::Failed => bail!("{what} could not be made as asked: {}", why(&object)),
            Settled::NotYet if Instant::now() >= end => bail!(
                "{what} is not ready after {timeout} s ({}); the server goes on with it",
                why(&object)
            ),
            Settled::NotYet => {}
        }
    }
}

/// Returns when the object is gone.
pub(super) async fn until_gone(
    client: &Client,
    path: &[&str],
    what: &str,
    timeout: u64,
) -> Result<()> {
    let line = Line::start(what);
    let end = Instant::now() + Duration::from_secs(timeout);
    while let Some((settled, object)) =
        patiently(end, async || client.get_settled(path, STRIDE).await).await?
    {
        line.show(&object);
        if settled == Settled::Failed {
            // It waits for nothing then: do not ask in a hurry.
            tokio::time::sleep(PAUSE).await;
        }
        if Instant::now() >= end {
            bail!(
                "{what} is not gone after {timeout} s ({}); the server goes on with it",
                why(&object)
            );
        }
    }
    Ok(())
}

/// The object when `done` says so, whoever makes it so.
pub(super) async fn until(
    client: &Client,
    path: &[&str],
    what: &str,
    timeout: u64,
    done: impl Fn(&Value) -> Result<bool>,
) -> Result<Value> {
    let line = Line::start(what);
    let end = Instant::now() + Duration::from_secs(timeout);
    loop {
        let object = patiently(end, async || client.get(path).await).await?;
        line.show(&object);
        if done(&object)? {
            return Ok(object);
        }
        if Instant::now() >= end {
            bail!(
                "{what} is still waited for after {timeout} s; next: {}",
                why(&object)
            );
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// A line on the terminal that tells how it stands; none where there is no terminal.
struct Line {
    bar: ProgressBar,
    what: String,
}

impl Line {
    fn start(what: &str) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        Self {
            bar,
            what: what.to_owned(),
        }
    }

    fn show(&self, object: &Value) {
        let status = object
            .get("status")
            .and_then(Value::as_str)
            .unwrap_or_default();
        self.bar.set_message(format!("{}: {status}", self.what));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// What the object says of itself: the reason, what is next, or at least the status.
fn why(object: &Value) -> String {
    let texts = [
        object.pointer("/reason/message"),
        object.get("error_message"),
        object.get("next_action"),
        object.get("status"),
    ];
    texts
        .into_iter()
        .flatten()
        .find_map(Value::as_str)
        .unwrap_or("no reason is given")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use anyhow::anyhow;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn an_outage_is_waited_for_and_nothing_else() {
        let asked = AtomicU32::new(0);
        let end = Instant::now() + Duration::from_secs(60);
        let answer = patiently(end, async || match asked.fetch_add(1, Ordering::Relaxed) {
            0 => Err(away()),
            _ => Ok("there"),
        });
        assert_eq!(answer.await.expect("an answer"), "there");
        assert_eq!(asked.load(Ordering::Relaxed), 2);

        let refused = patiently(end, async || Err::<(), _>(anyhow!("there is none")));
        assert_eq!(
            refused.await.expect_err("refused").to_string(),
            "there is none"
        );
        let nobody = || Away::Server("nothing answers".to_owned());
        let refused = patiently(end, async || Err::<(), _>(nobody().into()));
        assert!(refused.await.expect_err("nobody is there").is::<Away>());
        let over = patiently(Instant::now(), async || Err::<(), _>(away()));
        assert!(over.await.expect_err("the time is over").is::<Away>());
    }

    fn away() -> anyhow::Error {
        Away::Store("the store does not answer".to_owned()).into()
    }

    #[test]
    fn the_best_reason_is_told() {
        assert_eq!(
            why(&json!({"status": "X", "reason": {"code": "c", "message": "m"}})),
            "m"
        );
        assert_eq!(why(&json!({"status": "X", "next_action": "n"})), "n");
        assert_eq!(why(&json!({"status": "X"})), "X");
        assert_eq!(why(&json!({})), "no reason is given");
    }
}
