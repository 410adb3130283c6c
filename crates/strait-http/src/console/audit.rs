//! The audit of a project: who changed what, and who was refused what.

use axum::extract::{Query, State};
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;
use strait_plane::model::{AuditFilter, AuditOutcome, AuditPage, Audited, PageSize};

use super::form::{Fields, Line};
use super::frame::Tab;
use super::parts::{Tone, state, time};
use super::visitor::{Permission, Scope};
use crate::error::ApiError;
use crate::{BASE, Shared};

/// How many a page shows.
const PAGE: PageSize = PageSize::of::<50>();

/// What is looked for, as the form at the top says it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    text: String,
    #[serde(default)]
    actor: String,
    #[serde(default)]
    object: String,
    #[serde(default)]
    action: String,
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    since: String,
    #[serde(default)]
    until: String,
    before: Option<i64>,
}

pub(super) async fn list(
    State(app): State<Shared>,
    scope: Scope,
    Query(asked): Query<Asked>,
) -> Result<Markup, ApiError> {
    if !scope.may(Permission::SeeAudit) {
        let body = html! {
            div.title { h1 { "Audit" } }
            div.sheet.empty { p { "Your role does not see the audit: an admin or an owner of the project does." } }
        };
        return Ok(scope.page("Audit", Tab::Audit).render(&body));
    }
    let _turn = app.searches.take(scope.visitor.identity())?;
    let fields = fields(&asked);
    let (fields, found) = match find(&scope, &asked).await {
        Ok(found) => (fields, found),
        Err(error) => (
            fields.refused(error, &["text", "since", "until"])?,
            Vec::new(),
        ),
    };
    let older = (found.last())
        .filter(|_| found.len() == PAGE.get() as usize)
        .map(|last| scope.address(&format!("/audit?{}before={}", query(&asked), last.id)));
    let body = html! {
        div.title { h1 { "Audit" } }
        p { "Each change and each refusal: who, from where, what. Nobody changes what stands here." }
        (search(&scope, &fields, &asked))
        @if found.is_empty() {
            div.sheet.empty { p { "Nothing like that." } }
        } @else {
            div.sheet {
                table.cards {
                    thead { tr { th { "When" } th { "Who" } th { "What" } th { "About" } th { "Outcome" } } }
                    tbody { @for entry in &found { (row(&scope, entry)) } }
                }
            }
        }
        @if let Some(older) = older { p { a href=(older) { "Older ones" } } }
    };
    Ok(scope.page("Audit", Tab::Audit).render(&body))
}

async fn find(scope: &Scope, asked: &Asked) -> Result<Vec<Audited>, ApiError> {
    let filter = filter(scope, asked)?;
    let page = AuditPage {
        before: asked.before,
        limit: PAGE,
    };
    Ok(scope.plane.audit(&filter, page).await?)
}

fn search(scope: &Scope, fields: &Fields, asked: &Asked) -> Markup {
    let line = |placeholder| Line {
        required: false,
        placeholder: Some(placeholder),
        ..Line::default()
    };
    let outcomes: Vec<(String, String)> = std::iter::once((String::new(), "Any".to_owned()))
        .chain(AuditOutcome::ALL.iter().map(|outcome| {
            let (_, word) = of_outcome(*outcome);
            (outcome.to_string(), word.to_owned())
        }))
        .collect();
    let export = format!(
        "{BASE}/projects/{}/audit?{}format=jsonl",
        scope.id(),
        query(asked)
    );
    html! {
        details.sheet open[!query(asked).is_empty()] {
            summary { "Search" }
            form method="get" action=(scope.address("/audit")) {
                (fields.refusal())
                (fields.text("text", "Text", "Anywhere in an entry.", &line("203.0.113.7")))
                (fields.text("actor", "Who", "An e-mail address, a public key, a name.", &line("ada@example.com")))
                (fields.text("object", "About", "An id or a name.", &line("orders")))
                (fields.text("action", "Action", "One, or what it begins with.", &line("key.revoke")))
                (fields.select("outcome", "Outcome", &outcomes))
                (fields.text("since", "Since", "A day, or a time in UTC.", &line("2026-11-30")))
                (fields.text("until", "Before", "A day, or a time in UTC.", &line("2026-12-01T12:00:00Z")))
                div.row {
                    button.main type="submit" { "Search" }
                    a.button href=(scope.address("/audit")) { "Show all" }
                }
            }
        }
        p { a #export href=(export) download={ "audit-" (scope.id()) ".jsonl" } { "Export these as JSON lines" } }
    }
}

fn row(scope: &Scope, entry: &Audited) -> Markup {
    html! {
        tr {
            td data-label="When" { (time(entry.at)) @if entry.times > 1 { br; small.soft { (entry.times) " times" } } }
            td data-label="Who" {
                (entry.actor_name.as_deref().unwrap_or(&entry.actor))
                @if entry.actor_name.is_some() { br; small.soft { (entry.actor) } }
                @if let Some(address) = &entry.address { br; small.soft { "from " (address) } }
            }
            td data-label="What" {
                code { (entry.action) }
                @if let Some(route) = &entry.route { br; small.soft { (route) } }
                @if let Some(changes) = changes(entry) { br; small { (changes) } }
            }
            td data-label="About" {
                @match (&entry.object_name, &entry.object_id) {
                    (Some(name), Some(id)) if name != id => { (name) br; small { code { (id) } } }
                    (Some(one), _) | (None, Some(one)) => (one),
                    (None, None) => { small.soft { (entry.path.as_deref().unwrap_or_default()) } }
                }
                @if let Some(operation) = &entry.operation_id {
                    br; small { a href=(scope.address(&format!("/operations/{operation}"))) { "Operation" } }
                }
            }
            td data-label="Outcome" {
                (state(of_outcome(entry.outcome)))
                @if let Some(why) = entry.message.as_ref().or(entry.code.as_ref()) { br; small.soft { (why) } }
            }
        }
    }
}

fn of_outcome(outcome: AuditOutcome) -> (Tone, &'static str) {
    match outcome {
        AuditOutcome::Accepted => (Tone::Wait, "Accepted"),
        AuditOutcome::Done => (Tone::Good, "Done"),
        AuditOutcome::Refused => (Tone::Bad, "Refused"),
        AuditOutcome::Failed => (Tone::Bad, "Failed"),
    }
}

/// What was before and what is after, where that fits into a line.
fn changes(entry: &Audited) -> Option<String> {
    const LONGEST: usize = 200;
    let word = |value: &Value| match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    };
    let after = entry.after.as_object()?;
    let told = after
        .iter()
        .map(|(field, now)| match entry.before.get(field) {
            Some(was) if was != now => format!("{field}: {} → {}", word(was), word(now)),
            Some(_) | None => format!("{field}: {}", word(now)),
        });
    let text = told.collect::<Vec<_>>().join(", ");
    let is_short = !text.is_empty() && text.chars().count() <= LONGEST;
    is_short.then_some(text)
}

fn fields(asked: &Asked) -> Fields {
    let all = given(asked).into_iter();
    all.fold(Fields::default(), |fields, (name, value)| {
        fields.with(name, value)
    })
}

fn filter(scope: &Scope, asked: &Asked) -> Result<AuditFilter, ApiError> {
    let some = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    let outcome = some(&asked.outcome);
    Ok(AuditFilter {
        project: Some(scope.id().to_owned()),
        actor: some(&asked.actor),
        object: some(&asked.object),
        action: some(&asked.action),
        outcomes: outcome
            .iter()
            .map(|word| word.parse())
            .collect::<Result<_, _>>()?,
        operation: None,
        since: moment("since", &asked.since)?,
        until: moment("until", &asked.until)?,
        text: some(&asked.text),
    })
}

/// A time, or the beginning of a day.
fn moment(field: &'static str, text: &str) -> Result<Option<Timestamp>, ApiError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let of_day = format!("{text}T00:00:00Z");
    let read = text.parse().or_else(|_| of_day.parse());
    read.map(Some).map_err(|_| {
        ApiError::field(
            field,
            format!(
                "{field}: {text:?} is no day and no time; write 2026-11-30 or 2026-11-30T08:00:00Z"
            ),
        )
    })
}

/// What is asked for as a query to which more can be added. Days are times there.
fn query(asked: &Asked) -> String {
    let parts = given(asked)
        .into_iter()
        .filter(|(_, value)| !value.is_empty());
    let parts = parts.map(|(name, value)| {
        let value = match (name, moment("since", value)) {
            ("since" | "until", Ok(Some(at))) => at.to_string(),
            _ => value.to_owned(),
        };
        format!("{name}={}&", escaped(&value))
    });
    parts.collect()
}

fn given(asked: &Asked) -> [(&'static str, &str); 7] {
    [
        ("text", asked.text.trim()),
        ("actor", asked.actor.trim()),
        ("object", asked.object.trim()),
        ("action", asked.action.trim()),
        ("outcome", asked.outcome.trim()),
        ("since", asked.since.trim()),
        ("until", asked.until.trim()),
    ]
}

fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}
