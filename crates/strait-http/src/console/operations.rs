//! Operations with their steps, events, and the stream that tells pages of changes.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{self, KeepAlive, Sse};
use futures::stream::{self, Stream, StreamExt};
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;
use strait_plane::model::{
    Action, Cursor, Event, ObjectKind, Operation, OperationFilter, OperationState, PageSize,
    StepRecord,
};

use super::frame::Tab;
use super::parts::{self, Tone, clock, note, of_operation, state, time, took};
use super::visitor::Scope;
use crate::Shared;
use crate::error::ApiError;
use crate::operations::BEAT;
use crate::standing::Standing;

/// How many a page shows.
const PAGE: PageSize = PageSize::of::<50>();

#[derive(Deserialize)]
pub(super) struct Which {
    object: Option<String>,
    before: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct About {
    operation: Option<String>,
}

pub(super) async fn list(scope: Scope, Query(which): Query<Which>) -> Result<Markup, ApiError> {
    let filter = OperationFilter {
        object: which.object.clone(),
        before: which.before.clone(),
        limit: PAGE,
        ..OperationFilter::default()
    };
    let operations = scope.plane.list_operations(scope.id(), &filter).await?;
    let is_full = operations.len() == PAGE.get() as usize;
    let older = operations.last().filter(|_| is_full).map(|last| {
        let object = which.object.as_deref().map(|id| format!("&object={id}"));
        let object = object.unwrap_or_default();
        scope.address(&format!("/operations?before={}{object}", last.id))
    });
    let body = html! {
        div.title { h1 { "Operations" } }
        (parted(&scope, true))
        @if let Some(object) = &which.object {
            p { "Only those about " code { (object) } ". " a href=(scope.address("/operations")) { "Show all" } }
        }
        div #operations data-fresh {
            @if operations.is_empty() {
                div.sheet.empty { p { "Nothing was asked for yet. What you and others change shows here, with its steps." } }
            } @else {
                div.sheet {
                    table.cards {
                        thead { tr { th { "What" } th { "About" } th { "State" } th { "Asked by" } th { "When" } th { "Took" } } }
                        tbody { @for operation in &operations { (row(&scope, operation)) } }
                    }
                }
            }
        }
        @if let Some(older) = older { p { a href=(older) { "Older ones" } } }
    };
    let unsettled = operations
        .iter()
        .any(|operation| !operation.state.has_ended());
    let page = scope.page("Operations", Tab::Operations);
    Ok(page.live(scope.live(), unsettled).render(&body))
}

pub(super) async fn show(
    scope: Scope,
    Path((_, id)): Path<(String, String)>,
) -> Result<Markup, ApiError> {
    let operation = scope.plane.operation(scope.id(), &id).await?;
    let title = action(operation.action);
    let body = html! {
        div.title { h1 { (title) } }
        div #operation.sheet data-fresh {
            dl.facts {
                dt { "State" } dd { (state(of_operation(operation.state))) }
                dt { "About" } dd { (about(&scope, &operation)) }
                dt { "Asked by" } dd { (asker(&operation)) }
                dt { "Asked for" } dd { (time(operation.created)) }
                @if let (Some(from), Some(to)) = (operation.started, operation.ended) { dt { "Took" } dd { (took(from, to)) } }
                dt { "Id" } dd { code { (operation.id) } }
            }
            (outcome(&operation))
            @if !operation.steps.is_empty() { (steps(&operation)) }
        }
    };
    let live = format!("{}?operation={}", scope.live(), operation.id);
    Ok(scope
        .page(title, Tab::Operations)
        .below(scope.address("/operations"), "Operations")
        .live(live, !operation.state.has_ended())
        .render(&body))
}

pub(super) async fn events(scope: Scope) -> Result<Markup, ApiError> {
    let events = scope.plane.latest_events(scope.id(), PAGE).await?;
    let body = html! {
        div.title { h1 { "Events" } }
        (parted(&scope, false))
        div #events data-fresh {
            @if events.is_empty() {
                div.sheet.empty { p { "Nothing has happened yet." } }
            } @else {
                div.sheet {
                    table.cards {
                        thead { tr { th { "When" } th { "What" } th { "About" } th { "Change" } } }
                        tbody {
                            @for event in &events {
                                tr {
                                    td.fit data-label="When" { (time(event.at)) }
                                    td.fit data-label="What" { (event.kind) }
                                    td data-label="About" { (named(event)) }
                                    td data-label="Change" { (change(event)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    let page = scope.page("Events", Tab::Operations);
    Ok(page.live(scope.live(), false).render(&body))
}

/// Tells a page that something has changed, so that it draws itself anew: anything in the project, and each step of the
/// operation that it shows.
pub(super) async fn live(
    State(app): State<Shared>,
    scope: Scope,
    headers: HeaderMap,
    Query(about): Query<About>,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>, ApiError> {
    let turn = app.waits.take(scope.visitor.identity())?;
    let standing = Standing::of_session(&app, &headers, scope.id(), turn);
    let since = scope.plane.events_end(scope.id()).await?;
    let operation = match &about.operation {
        Some(id) => Some(scope.plane.operation(scope.id(), id).await?),
        None => None,
    };
    let changes = stream::select(
        happenings(&scope, since).boxed(),
        progress_of(&scope, operation).boxed(),
    );
    let told = changes.map(|()| Ok(sse::Event::default().event("changed").data("now")));
    // What happened while the page was on its way shows at once.
    let first = stream::once(async { Ok(sse::Event::default().event("changed").data("now")) });
    Ok(Sse::new(standing.limit(first.chain(told)))
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

/// An operation under way, for the page of what it is about.
pub(super) fn progress(scope: &Scope, operation: &Operation) -> Markup {
    let own = scope.address(&format!("/operations/{}", operation.id));
    html! {
        div.note.wait {
            p { strong { (action(operation.action)) ": " (of_operation(operation.state).1.to_lowercase()) } " · " a href=(own) { "details" } }
            progress max="100" value=(operation.progress) aria-label="Progress" { (operation.progress) " %" }
            (outcome(operation))
            @if !operation.steps.is_empty() { (steps(operation)) }
        }
    }
}

/// What was asked for, in words.
pub(super) fn action(action: Action) -> &'static str {
    match action {
        Action::ServiceCreate => "Create a service",
        Action::ServiceRegister => "Register a service",
        Action::ServiceRename => "Rename a service",
        Action::ServiceStart => "Start a service",
        Action::ServiceStop => "Stop a service",
        Action::ServiceAttach => "Attach a service to a VPC",
        Action::ServiceDetach => "Detach a service",
        Action::ServicePassword => "Set a service's password",
        Action::ServiceEnvironment => "Say what a service is for",
        Action::ServiceAllow => "Change who may reach a service",
        Action::ServiceDelete => "Delete a service",
        Action::VpcCreate => "Create a VPC",
        Action::VpcRename => "Rename a VPC",
        Action::VpcDelete => "Delete a VPC",
        Action::VpcCancelDeletion => "Keep a VPC after all",
        Action::PeeringCreate => "Ask for a peering connection",
        Action::PeeringRequest => "Ask again for a peering connection",
        Action::PeeringRanges => "Choose the ranges of a peering connection",
        Action::PeeringDelete => "Delete a peering connection",
    }
}

fn row(scope: &Scope, operation: &Operation) -> Markup {
    let own = scope.address(&format!("/operations/{}", operation.id));
    html! {
        tr {
            td data-label="What" { a href=(own) { (action(operation.action)) } }
            td data-label="About" { (about(scope, operation)) }
            td data-label="State" { (state(of_operation(operation.state))) }
            td data-label="Asked by" { (asker(operation)) }
            td.fit data-label="When" { (time(operation.created)) }
            td.fit data-label="Took" {
                @match (operation.started, operation.ended) {
                    (Some(from), Some(to)) => (took(from, to)),
                    (Some(_), None) | (None, _) => "–",
                }
            }
        }
    }
}

/// What it is about. The object may be gone: then its page says so.
fn about(scope: &Scope, operation: &Operation) -> Markup {
    let (name, id) = (&operation.object_name, &operation.object_id);
    match operation.object_kind {
        ObjectKind::Project => html! { (name) },
        ObjectKind::Service => {
            html! { a href=(scope.address(&format!("/services/{id}"))) { (name) } }
        }
        ObjectKind::Vpc => html! { a href=(scope.address(&format!("/vpcs/{id}"))) { (name) } },
        ObjectKind::Peering => match operation.after["vpc_id"].as_str() {
            Some(vpc) => {
                html! { a href=(scope.address(&format!("/vpcs/{vpc}/peerings/{id}"))) { (name) } }
            }
            None => html! { (name) },
        },
    }
}

/// Who asked, as people call them where that says more.
fn asker(operation: &Operation) -> Markup {
    html! {
        @match &operation.actor_name {
            Some(name) => { (name) " " small.soft { (operation.actor) } }
            None => (operation.actor),
        }
    }
}

fn outcome(operation: &Operation) -> Markup {
    let tone = match operation.state {
        OperationState::Failed => Tone::Bad,
        OperationState::Queued | OperationState::Running => Tone::Wait,
        OperationState::Succeeded | OperationState::Cancelled => Tone::Plain,
    };
    html! {
        @if let Some(reason) = &operation.reason {
            (note(tone, &html! {
                p { (reason.message) }
                @if let Some(next) = &operation.next_action { p { "Next: " (next) "." } }
            }))
        }
    }
}

fn steps(operation: &Operation) -> Markup {
    let begun = operation
        .steps
        .iter()
        .rposition(|record| record.started.is_some());
    html! {
        ol.steps {
            @for (place, record) in operation.steps.iter().enumerate() {
                @let (class, word) = how(operation, record, begun.is_some_and(|begun| place < begun));
                li.(class) {
                    div {
                        span { strong { (parts::step(record.step)) } " " small.soft { (word) } }
                        @if let Some(began) = record.started {
                            small.soft {
                                (clock(began)) " UTC"
                                @if let Some(ended) = record.ended { " · took " (took(began, ended)) }
                                @else if !operation.state.has_ended() { " · for " (took(began, Timestamp::now())) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn how(
    operation: &Operation,
    record: &StepRecord,
    is_passed: bool,
) -> (&'static str, &'static str) {
    if is_passed && record.started.is_none() {
        return ("plain", "not needed");
    }
    match (record.started, record.ended, operation.state) {
        (_, Some(_), _) => ("good", "done"),
        (Some(_), None, OperationState::Failed) => ("bad", "failed here"),
        (Some(_), None, OperationState::Running | OperationState::Queued) => ("wait", "being done"),
        (Some(_), None, OperationState::Succeeded | OperationState::Cancelled) => {
            ("plain", "not finished")
        }
        (None, None, OperationState::Running | OperationState::Queued) => ("plain", "to come"),
        (
            None,
            None,
            OperationState::Succeeded | OperationState::Failed | OperationState::Cancelled,
        ) => ("plain", "not needed"),
    }
}

fn parted(scope: &Scope, operations: bool) -> Markup {
    html! {
        nav.tabs aria-label="Operations" {
            a href=(scope.address("/operations")) aria-current=[operations.then_some("page")] { "Operations" }
            a href=(scope.address("/events")) aria-current=[(!operations).then_some("page")] { "Events" }
        }
    }
}

fn named(event: &Event) -> String {
    let word = |key: &str| event.data[key].as_str().map(str::to_owned);
    word("name")
        .or_else(|| word("peer_vpc_id"))
        .unwrap_or_else(|| event.object_id.clone())
}

fn change(event: &Event) -> String {
    let word = |key: &str| match &event.data[key] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(all) => Some(listed(all)),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Object(_)) => Some(other.to_string()),
    };
    let moved = match (word("from"), word("to")) {
        (Some(from), Some(to)) => format!("{from} → {to}"),
        (None, Some(to)) => to,
        (_, None) => String::new(),
    };
    match word("message") {
        Some(message) => format!("{moved}: {message}"),
        None => moved,
    }
}

fn listed(all: &[Value]) -> String {
    if all.is_empty() {
        return "none".to_owned();
    }
    let words = all.iter().map(|one| match one.as_str() {
        Some(text) => text.to_owned(),
        None => one.to_string(),
    });
    words.collect::<Vec<_>>().join(", ")
}

fn happenings(scope: &Scope, since: Cursor) -> impl Stream<Item = ()> + use<> {
    let (plane, project) = (scope.plane.clone(), scope.project.id.clone());
    stream::unfold(since, move |since| {
        let (plane, project) = (plane.clone(), project.clone());
        async move {
            loop {
                // A store that fails ends the stream: the page asks again.
                let found = plane.events(&project, since, BEAT).await.ok()?;
                if let Some(last) = found.last() {
                    return Some(((), last.cursor));
                }
            }
        }
    })
}

fn progress_of(scope: &Scope, operation: Option<Operation>) -> impl Stream<Item = ()> + use<> {
    let (plane, project) = (scope.plane.clone(), scope.project.id.clone());
    stream::unfold(operation, move |shown| {
        let (plane, project) = (plane.clone(), project.clone());
        async move {
            let shown = shown.filter(|shown| !shown.state.has_ended())?;
            loop {
                let now = plane.operation_changed(&project, &shown, BEAT).await.ok()?;
                if now != shown {
                    return Some(((), Some(now)));
                }
            }
        }
    })
}
