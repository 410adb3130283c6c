//! Calls to the REST API.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Context;
use super::follow::Away;
use super::known::Known;
use crate::tls;

/// How long a call may take, beside the time that it is asked to wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a call may be asked to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The REST API, as one caller sees it.
pub(super) struct Client {
    http: reqwest::Client,
    url: String,
    project: Option<String>,
    key: Key,
}

/// What a caller shows.
pub(super) enum Key {
    None,
    Pair { public: String, secret: String },
    Admin(String),
}

/// What one message of a stream brings.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Streamed {
    /// Something that happened.
    pub(super) data: Option<Value>,
    /// After what one goes on when the stream has ended.
    pub(super) place: Option<String>,
}

/// How a wait ended, as the header `Strait-Settled` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    Yes,
    Failed,
    NotYet,
}

/// A refusal of the API's.
#[derive(Debug, Deserialize)]
struct Refusal {
    message: String,
    next_action: Option<String>,
}

impl Client {
    /// As the holder of the project's keys, or, for another project than theirs, as the operator.
    pub(super) fn in_project(context: &Context, asked: Option<&str>) -> Result<Self> {
        let known = Known::gather(context)?;
        let Some(project) = asked.map(str::to_owned).or_else(|| known.project.clone()) else {
            bail!("no project is known: set STRAIT_PROJECT_ID, or name one with --project");
        };
        let key = match known.admin.clone() {
            Some(admin) if known.home.as_ref() != Some(&project) => Key::Admin(admin),
            Some(_) | None => known.pair()?,
        };
        Self::of(known, Some(project), key)
    }

    /// As the operator.
    pub(super) fn as_admin(context: &Context) -> Result<Self> {
        let known = Known::gather(context)?;
        let Some(admin) = known.admin.clone() else {
            bail!(
                "this takes the operator's key: set STRAIT_ADMIN_KEY, or use the data folder of the server (--data-dir)"
            );
        };
        let project = known.project.clone();
        Self::of(known, project, Key::Admin(admin))
    }

    /// As the operator if that can be, else as the holder of the project's keys.
    pub(super) fn widest(context: &Context) -> Result<Self> {
        Self::as_admin(context).or_else(|_| Self::in_project(context, None))
    }

    /// The same, in this project.
    pub(super) fn widest_in(context: &Context, asked: Option<&str>) -> Result<Self> {
        let Ok(admin) = Self::as_admin(context) else {
            return Self::in_project(context, asked);
        };
        let project = asked.map(str::to_owned).or(admin.project.clone());
        if project.is_none() {
            return Self::in_project(context, asked);
        }
        Ok(Self { project, ..admin })
    }

    /// As anybody.
    pub(super) fn anonymous(context: &Context) -> Result<Self> {
        Self::of(Known::gather(context)?, None, Key::None)
    }

    /// The project that it works in, as it was named.
    pub(super) fn project(&self) -> &str {
        self.project.as_deref().unwrap_or_default()
    }

    /// Where the server is.
    pub(super) fn url(&self) -> &str {
        self.url.trim_end_matches('/')
    }

    /// A path in the project. Parts that users name are one segment each, whatever they hold.
    pub(super) fn in_its_project<'a>(&'a self, parts: &[&'a str]) -> Vec<&'a str> {
        ["projects", self.project()]
            .into_iter()
            .chain(parts.iter().copied())
            .collect()
    }

    pub(super) async fn get(&self, path: &[&str]) -> Result<Value> {
        self.json(self.request(Method::GET, path)?).await
    }

    /// With these words behind the `?`.
    pub(super) async fn get_where(&self, path: &[&str], query: &[(&str, String)]) -> Result<Value> {
        let request = self.request(Method::GET, path)?.query(query);
        let request = request.timeout(PATIENCE + LONGEST_WAIT);
        read(&answer(self.send(request).await?).await?)
    }

    /// Server-sent events, as long as `each` wants more of them and the server sends them.
    pub(super) async fn follow(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        mut each: impl FnMut(Streamed) -> Result<bool>,
    ) -> Result<()> {
        let request = self.request(Method::GET, path)?.query(query);
        let request = request.header("accept", "text/event-stream");
        let mut response = self.send(request).await?;
        if !response.status().is_success() {
            return answer(response).await.map(drop);
        }
        let mut messages = Messages::default();
        // One that is cut off is over like any other: who follows asks again.
        while let Ok(Some(chunk)) = response.chunk().await {
            messages.add(&chunk);
            while let Some(streamed) = messages.whole()? {
                if !each(streamed)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// What the server sends, bit by bit, however long it is.
    pub(super) async fn copy(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        mut each: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let request = self.request(Method::GET, path)?.query(query);
        let mut response = self.send(request).await?;
        if !response.status().is_success() {
            return answer(response).await.map(drop);
        }
        while let Some(chunk) = (response.chunk().await).context("the server broke off")? {
            each(&chunk)?;
        }
        Ok(())
    }

    pub(super) async fn post(&self, path: &[&str], body: &Value) -> Result<Value> {
        self.json(self.request(Method::POST, path)?.json(body))
            .await
    }

    pub(super) async fn put(&self, path: &[&str], body: &Value) -> Result<Value> {
        self.json(self.request(Method::PUT, path)?.json(body)).await
    }

    pub(super) async fn delete(&self, path: &[&str]) -> Result<()> {
        let request = self.request(Method::DELETE, path)?;
        self.text(request).await.map(drop)
    }

    /// With these words behind the `?`.
    pub(super) async fn delete_where(&self, path: &[&str], query: &[(&str, String)]) -> Result<()> {
        let request = self.request(Method::DELETE, path)?.query(query);
        self.text(request).await.map(drop)
    }

    /// The answer as text, with these words behind the `?`.
    pub(super) async fn get_text_where(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<String> {
        let request = self.request(Method::GET, path)?.query(query);
        self.text(request).await
    }

    /// The answer as text.
    pub(super) async fn get_text(&self, path: &[&str]) -> Result<String> {
        let request = self.request(Method::GET, path)?;
        self.text(request).await
    }

    /// The object as soon as it is as it was asked for, or after so many seconds; `None` when it is gone.
    pub(super) async fn get_settled(
        &self,
        path: &[&str],
        seconds: u64,
    ) -> Result<Option<(Settled, Value)>> {
        let request = self.request(Method::GET, path)?.query(&[("wait", seconds)]);
        let response = self
            .send(request.timeout(PATIENCE + Duration::from_secs(seconds)))
            .await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let settled = match response
            .headers()
            .get("strait-settled")
            .and_then(|value| value.to_str().ok())
        {
            Some("yes") => Settled::Yes,
            Some("failed") => Settled::Failed,
            Some(_) | None => Settled::NotYet,
        };
        let text = answer(response).await?;
        Ok(Some((settled, read(&text)?)))
    }

    fn of(known: Known, project: Option<String>, key: Key) -> Result<Self> {
        let http = reqwest::Client::builder()
            // A proxy that is set for the outside cannot reach a server on this machine.
            .no_proxy()
            .connect_timeout(Duration::from_secs(5));
        let http = tls::trusting(http, known.ca_file.as_deref())?
            .build()
            .context("cannot make an HTTP client")?;
        Ok(Self {
            http,
            url: known.url,
            project,
            key,
        })
    }

    async fn json(&self, request: RequestBuilder) -> Result<Value> {
        read(&self.text(request).await?)
    }

    async fn text(&self, request: RequestBuilder) -> Result<String> {
        answer(self.send(request.timeout(PATIENCE)).await?).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<reqwest::Response> {
        let request = match &self.key {
            Key::None => request,
            Key::Pair { public, secret } => request.basic_auth(public, Some(secret)),
            Key::Admin(key) => request.bearer_auth(key),
        };
        request
            .send()
            .await
            .map_err(|error| Away::Server(self.unanswered(&error)).into())
    }

    fn unanswered(&self, error: &reqwest::Error) -> String {
        let url = &self.url;
        if error.is_timeout() {
            return format!(
                "the server at {url} did not answer in time; try again, or see `strait status` (`strait server`: its log)"
            );
        }
        if error.is_connect() {
            return format!(
                "nothing answers at {url}: start Strait there, with `strait up --detach`, or on AWS with `strait server` ({})",
                cause(error)
            );
        }
        format!("the call to {url} failed: {}", cause(error))
    }

    fn request(&self, method: Method, path: &[&str]) -> Result<RequestBuilder> {
        let base = format!("{}/public/api/v1", self.url.trim_end_matches('/'));
        let mut url: Url = base.parse().with_context(|| {
            format!(
                "{} is no URL: set STRAIT_URL to one like http://127.0.0.1:8470",
                self.url
            )
        })?;
        if let Some(empty) = path
            .iter()
            .find(|part| part.is_empty() || **part == "." || **part == "..")
        {
            bail!("{empty:?} names nothing: use an id or a name");
        }
        url.path_segments_mut()
            .map_err(|()| {
                anyhow!(
                    "{} is no URL of a server: set STRAIT_URL to one like http://127.0.0.1:8470",
                    self.url
                )
            })?
            .extend(path);
        Ok(self.http.request(method, url))
    }
}

/// Server-sent events, read as they come in.
#[derive(Default)]
struct Messages {
    left: Vec<u8>,
    begun: Streamed,
}

impl Messages {
    fn add(&mut self, chunk: &[u8]) {
        self.left.extend_from_slice(chunk);
    }

    /// The next message that has come in to its end, a blank line. One that is cut off before has no place either: it was
    /// not shown.
    fn whole(&mut self) -> Result<Option<Streamed>> {
        while let Some(end) = self.left.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.left.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end();
            if line.is_empty() {
                let whole = std::mem::take(&mut self.begun);
                if whole == Streamed::default() {
                    continue;
                }
                return Ok(Some(whole));
            }
            match line.split_once(": ") {
                Some(("data", data)) => self.begun.data = Some(read(data)?),
                Some(("id", id)) => self.begun.place = Some(id.to_owned()),
                Some(_) | None => {}
            }
        }
        Ok(None)
    }
}

/// Reads an object into what a verb needs of it.
pub(super) fn typed<T: DeserializeOwned>(value: &Value) -> Result<T> {
    T::deserialize(value)
        .context("the server answers in another version of the API than this program speaks")
}

async fn answer(response: reqwest::Response) -> Result<String> {
    let status = response.status();
    let text = response
        .text()
        .await
        .context("the server's answer broke off; try again")?;
    if status.is_success() {
        return Ok(text);
    }
    let Ok(refusal) = serde_json::from_str::<Refusal>(&text) else {
        bail!("the server answered {status}, and not as Strait does: is STRAIT_URL right?");
    };
    let told = match refusal.next_action {
        Some(next) => format!("{}\nNext: {next}", refusal.message),
        None => refusal.message,
    };
    if status == StatusCode::SERVICE_UNAVAILABLE {
        return Err(Away::Store(told).into());
    }
    bail!(told)
}

fn read(text: &str) -> Result<Value> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(text).context("the server did not answer in JSON: is STRAIT_URL right?")
}

/// The innermost cause: "Connection refused" rather than four wrappers of it.
fn cause(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    #[test]
    fn what_users_name_stays_one_segment() {
        let context = Context::new("/nowhere/credentials.json".into());
        let variable = |name: &str| (name == "STRAIT_URL").then(|| "http://127.0.0.1:1".to_owned());
        let known = Known::from(variable, None, &context).expect("known");
        let client = Client::of(known, Some("p".to_owned()), Key::None).expect("a client");
        let path = client.in_its_project(&["services", "a/b ?"]);
        let request = client
            .request(Method::GET, &path)
            .expect("a request")
            .build()
            .expect("whole");
        assert_eq!(
            request.url().as_str(),
            "http://127.0.0.1:1/public/api/v1/projects/p/services/a%2Fb%20%3F"
        );
        assert!(client.request(Method::GET, &["projects", ".."]).is_err());
    }

    #[test]
    fn a_message_that_is_cut_off_counts_for_nothing() {
        let text = "event: service.created\nid: 7\ndata: {\"id\":\"7\"}\n\n";
        let message = Streamed {
            data: Some(serde_json::json!({"id": "7"})),
            place: Some("7".to_owned()),
        };
        for cut in 0..text.len() {
            assert!(streamed(&[&text[..cut]]).is_empty(), "cut after {cut}");
            assert_eq!(
                streamed(&[&text[..cut], &text[cut..]]),
                slice::from_ref(&message)
            );
        }
    }

    #[test]
    fn a_message_may_say_only_where_the_stream_is() {
        let place = |id: &str| Streamed {
            data: None,
            place: Some(id.to_owned()),
        };
        let text = ":\n\nid: 7\n\n:\n\nid: 8\n\n";
        assert_eq!(streamed(&[text]), [place("7"), place("8")]);
    }

    fn streamed(chunks: &[&str]) -> Vec<Streamed> {
        let mut messages = Messages::default();
        let mut all = Vec::new();
        for chunk in chunks {
            messages.add(chunk.as_bytes());
            while let Some(message) = messages.whole().expect("JSON") {
                all.push(message);
            }
        }
        all
    }
}
