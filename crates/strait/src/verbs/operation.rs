//! `strait operation` and `strait events`.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use comfy_table::Cell;
use serde::Deserialize;
use serde_json::Value;

use super::client::{Client, typed};
use super::output::{self, Fields, Format, Rows};
use super::{Common, Context, Wait, follow};

/// Before a stream that ended is asked for again.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a server that had sent a stream is waited for.
const LONGEST_OUTAGE: Duration = Duration::from_secs(120);

/// What to do with operations: every change is one.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Lists what was asked for, the newest first
    #[command(visible_alias = "ls")]
    List {
        /// Only those in these states: queued, running, succeeded, failed, cancelled
        #[arg(long, value_delimiter = ',')]
        state: Vec<String>,
        /// Only these actions, such as service.attach
        #[arg(long, value_delimiter = ',')]
        action: Vec<String>,
        /// Only those about the object with this id
        #[arg(long, value_name = "ID")]
        object: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 20)]
        limit: u32,
        #[command(flatten)]
        common: Common,
    },
    /// Shows an operation: its steps, and why it is not done
    Get {
        /// Its id
        operation: String,
        #[command(flatten)]
        wait: Wait,
        #[command(flatten)]
        common: Common,
    },
    /// Follows an operation until it has ended; fails if it fails
    #[command(
        after_help = "Example:\n  strait operation watch $(strait service attach orders main --output json | jq -r .operation_id)"
    )]
    Watch {
        /// Its id
        operation: String,
        #[command(flatten)]
        common: Common,
    },
}

/// `strait events`.
#[derive(Debug, Args)]
pub(crate) struct Events {
    /// Only those after the event with this id
    #[arg(long, value_name = "ID")]
    since: Option<String>,
    /// Goes on with what happens from now on, until it is ended
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Deserialize)]
struct Operation {
    id: String,
    action: String,
    object_kind: String,
    object_id: String,
    object_name: String,
    actor: String,
    state: String,
    progress: u8,
    steps: Vec<Step>,
    before: Value,
    after: Value,
    reason: Option<Reason>,
    next_action: Option<String>,
    created: String,
    ended: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Step {
    step: String,
    started: Option<String>,
    ended: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Reason {
    code: String,
    message: String,
}

#[derive(Debug, Deserialize)]
struct Event {
    id: String,
    at: String,
    kind: String,
    object_kind: String,
    object_id: String,
    data: Value,
}

pub(super) async fn run(verb: Verb, context: &Context) -> Result<()> {
    match verb {
        Verb::List {
            state,
            action,
            object,
            limit,
            common,
        } => {
            let client = common.client(context)?;
            let mut query = vec![("limit", limit.to_string())];
            for (name, words) in [("state", state), ("action", action)] {
                if !words.is_empty() {
                    query.push((name, words.join(",")));
                }
            }
            query.extend(object.map(|id| ("object", id)));
            let path = client.in_its_project(&["operations"]);
            list(&client.get_where(&path, &query).await?, common.format())
        }
        Verb::Get {
            operation,
            wait,
            common,
        } => {
            let client = common.client(context)?;
            let path = client.in_its_project(&["operations", &operation]);
            let found = match wait.wait {
                true => ended(&client, &path, wait.timeout).await?,
                false => client.get(&path).await?,
            };
            show(&found, common.format())
        }
        Verb::Watch { operation, common } => {
            watch(&common.client(context)?, &operation, common.format()).await
        }
    }
}

pub(super) async fn events(options: &Events, context: &Context) -> Result<()> {
    let client = options.common.client(context)?;
    let path = client.in_its_project(&["events"]);
    let query: Vec<(&str, String)> = (options.since.iter())
        .map(|since| ("since", since.clone()))
        .collect();
    let format = options.common.format();
    if options.follow {
        let mut last = options.since.clone();
        let mut outage = Outage::default();
        loop {
            // The server ends a stream after some minutes, to ask for the keys again.
            let query: Vec<(&str, String)> = last.iter().map(|id| ("since", id.clone())).collect();
            let streamed = client.follow(&path, &query, |streamed| {
                if let Some(event) = streamed.data {
                    tell(&event, format)?;
                    last = event["id"].as_str().map(str::to_owned).or(last.take());
                }
                last = streamed.place.or(last.take());
                Ok(true)
            });
            outage.outlast(streamed.await)?;
            tokio::time::sleep(PAUSE).await;
        }
    }
    let found = client.get_where(&path, &query).await?;
    if format == Format::Json {
        return output::json(&found);
    }
    for event in typed::<Vec<Value>>(&found)? {
        tell(&event, format)?;
    }
    Ok(())
}

/// The operation when it has ended.
async fn ended(client: &Client, path: &[&str], timeout: u64) -> Result<Value> {
    const STRIDE: f64 = 30.0;
    let end = Instant::now() + Duration::from_secs(timeout);
    loop {
        let left = end.saturating_duration_since(Instant::now()).as_secs_f64();
        let query = [("wait", format!("{:.0}s", left.ceil().min(STRIDE)))];
        let found = follow::patiently(end, async || client.get_where(path, &query).await).await?;
        let operation: Operation = typed(&found)?;
        if operation.ended.is_some() {
            return Ok(found);
        }
        if Instant::now() >= end {
            bail!(
                "operation {} has not ended after {timeout} s ({}); the server goes on with it",
                operation.id,
                why(&operation)
            );
        }
    }
}

async fn watch(client: &Client, id: &str, format: Format) -> Result<()> {
    let mut told = 0;
    let mut last: Option<Operation> = None;
    let mut outage = Outage::default();
    let path = client.in_its_project(&["operations", id, "events"]);
    while last
        .as_ref()
        .is_none_or(|operation| operation.ended.is_none())
    {
        // The server ends a stream after some minutes, to ask for the keys again.
        let streamed = client.follow(&path, &[], |streamed| {
            let Some(found) = streamed.data else {
                return Ok(true);
            };
            let operation: Operation = typed(&found)?;
            match format {
                Format::Json => output::line(&found.to_string())?,
                Format::Table => told = tell_steps(&operation, told)?,
            }
            let goes_on = operation.ended.is_none();
            last = Some(operation);
            Ok(goes_on)
        });
        outage.outlast(streamed.await)?;
        tokio::time::sleep(PAUSE).await;
    }
    match last {
        Some(operation) if operation.state == "succeeded" => Ok(()),
        Some(operation) => bail!("operation {id} {}: {}", operation.state, why(&operation)),
        None => Ok(()),
    }
}

/// What became of a stream's server since there was a stream.
#[derive(Default)]
struct Outage {
    had_a_stream: bool,
    since: Option<Instant>,
}

impl Outage {
    /// A stream that is cut off, a server that starts anew and one whose store is away are waited for, once there was a
    /// stream.
    fn outlast(&mut self, streamed: Result<()>) -> Result<()> {
        let Err(error) = streamed else {
            (self.had_a_stream, self.since) = (true, None);
            return Ok(());
        };
        let is_away = error.is::<follow::Away>()
            || (error.chain()).any(<dyn std::error::Error + 'static>::is::<reqwest::Error>);
        let since = *self.since.get_or_insert_with(Instant::now);
        if !is_away || !self.had_a_stream || since.elapsed() > LONGEST_OUTAGE {
            return Err(error);
        }
        Ok(())
    }
}

/// Tells of the steps that are done, after so many; returns how many those are.
fn tell_steps(operation: &Operation, told: usize) -> Result<usize> {
    let done: Vec<&Step> = (operation.steps.iter())
        .filter(|step| step.ended.is_some())
        .collect();
    for step in done.iter().skip(told) {
        let when = step.ended.as_deref().unwrap_or_default();
        output::line(&format!("{when}  {}", step.step))?;
    }
    if let Some(ended) = &operation.ended {
        output::line(&format!("{ended}  {}", operation.state))?;
    }
    Ok(done.len())
}

fn tell(event: &Value, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::line(&event.to_string());
    }
    let event: Event = typed(event)?;
    let to = &event.data["to"];
    let to = match to.as_str() {
        Some(word) => word.to_owned(),
        None if to.is_null() => String::new(),
        None => to.to_string(),
    };
    let message = event.data["message"].as_str().unwrap_or_default();
    let text = format!(
        "{}  {}  {} {} {to} {message}  ({})",
        event.at, event.kind, event.object_kind, event.object_id, event.id
    );
    output::line(text.trim_end())
}

fn list(found: &Value, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(found);
    }
    let heading = ["ID", "ACTION", "OBJECT", "STATE", "DONE", "BY", "ASKED FOR"];
    let mut rows = Rows::new(&heading, "Nothing was asked for yet.");
    for operation in typed::<Vec<Operation>>(found)? {
        rows.add(vec![
            Cell::new(&operation.id),
            Cell::new(&operation.action),
            Cell::new(format!(
                "{} ({})",
                operation.object_id, operation.object_name
            )),
            output::status(&operation.state),
            Cell::new(format!("{} %", operation.progress)),
            Cell::new(&operation.actor),
            Cell::new(&operation.created),
        ]);
    }
    rows.print()
}

fn show(found: &Value, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(found);
    }
    let operation: Operation = typed(found)?;
    let mut fields = Fields::new();
    fields
        .add("id", operation.id)
        .add("action", operation.action)
        .add(
            &operation.object_kind,
            format!("{} ({})", operation.object_id, operation.object_name),
        )
        .add("by", operation.actor)
        .status(&operation.state)
        .add("done", format!("{} %", operation.progress))
        .add("before", operation.before.to_string())
        .add("after", operation.after.to_string());
    if let Some(reason) = &operation.reason {
        fields.add("reason", format!("{} ({})", reason.message, reason.code));
    }
    fields
        .maybe("next", operation.next_action)
        .add("asked for", operation.created)
        .maybe("ended", operation.ended);
    for step in operation.steps {
        let how = match (step.started, step.ended) {
            (_, Some(ended)) => format!("done {ended}"),
            (Some(started), None) => format!("since {started}"),
            (None, None) => "-".to_owned(),
        };
        fields.add(&step.step, how);
    }
    fields.print()
}

fn why(operation: &Operation) -> &str {
    match &operation.reason {
        Some(reason) => &reason.message,
        None => &operation.state,
    }
}
