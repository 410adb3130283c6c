//! Allow lists: from which addresses a service is reached.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use strait_plane::model::{
    ALLOW_ENTRIES, AllowChange, AllowEntry, ListChange, Network, NewAllowEntry, Service,
    ShownAllowLists, Side, Wanted,
};

use super::form::{Fields, Posted};
use super::frame::Tab;
use super::parts::{Tone, note};
use super::services::address;
use super::visitor::{Permission, Scope};
use crate::error::ApiError;

/// Names a list of a service, after the project.
type OfList = Path<(String, String, String)>;

/// The fields that may be wrong.
const FIELDS: &[&str] = &["who", "public", "private"];
/// The choice to let everybody in.
const EVERYBODY: &str = "everybody";
/// The choice to let only listed ranges in.
const LISTED: &str = "listed";

/// The section of a service's overview.
pub(super) async fn section(scope: &Scope, service: &Service) -> Result<Markup, ApiError> {
    let shown = scope
        .plane
        .allow_lists(scope.id(), &service.service_id)
        .await?;
    let own = address(scope, service);
    let may = scope.may(Permission::ManageServices) && service.wanted != Wanted::Deleted;
    Ok(html! {
        section.sheet aria-label="Who may connect" {
            h2 { "Who may connect" }
            @for warning in &shown.warnings { (note(Tone::Wait, &html! { p { (sentence(warning)) } })) }
            @if !shown.in_effect { (note(Tone::Wait, &html! { p { "Packets do not obey the last change yet." } })) }
            @for side in Side::ALL {
                h3 { (title(*side)) @if counts(service, *side) { " " small.soft { "(the way it is reached by now)" } } }
                (list(&shown, *side))
                @if may && is_ours(service, *side) {
                    p { a href={ (own) "/allow/" (side) } { "Change who may come by the " (side) " way" } }
                }
            }
        }
    })
}

pub(super) async fn ask(scope: Scope, Path((_, named, side)): OfList) -> Result<Markup, ApiError> {
    let side: Side = known(&side)?;
    let service = scope.plane.service(scope.id(), &named).await?;
    let shown = scope
        .plane
        .allow_lists(scope.id(), &service.service_id)
        .await?;
    let list = shown.lists.of(side);
    let lines: Vec<String> = (list.into_iter().flatten()).map(line).collect();
    let who = match list {
        None => EVERYBODY,
        Some(_) => LISTED,
    };
    let fields = Fields::default()
        .with("who", who)
        .with(side.as_str(), lines.join("\n"))
        .with("version", shown.version);
    Ok(form(&scope, &service, side, &fields))
}

pub(super) async fn change(
    scope: Scope,
    Path((_, named, side)): OfList,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let side: Side = known(&side)?;
    let service = scope.plane.service(scope.id(), &named).await?;
    let asked = async {
        let change = change_of(side, &fields)?;
        let asked = scope
            .plane
            .set_allow_lists(scope.id(), &service.service_id, &change);
        Ok(asked.await?)
    };
    match asked.await {
        Ok(_) => Ok(Redirect::to(&address(&scope, &service)).into_response()),
        Err(error) => {
            let fields = fields.refused(error, FIELDS)?;
            let page = form(&scope, &service, side, &fields);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// How many ranges get in by the way that the service is reached by, if a list says so.
pub(super) fn in_words(service: &Service) -> String {
    let network = service
        .network
        .now
        .as_ref()
        .unwrap_or(&service.network.wanted);
    match service.allow_lists.at(network) {
        None => String::new(),
        Some([]) => ", by nobody".to_owned(),
        Some([_]) => ", from 1 range".to_owned(),
        Some(list) => format!(", from {} ranges", list.len()),
    }
}

fn change_of(side: Side, fields: &Fields) -> Result<AllowChange, ApiError> {
    let list = match fields.get("who") {
        EVERYBODY => ListChange::Open,
        LISTED => ListChange::Only(entries(fields.get(side.as_str()))),
        _ => return Err(ApiError::field("who", "who: choose whom to let in")),
    };
    let (public, private) = match side {
        Side::Public => (list, ListChange::Keep),
        Side::Private => (ListChange::Keep, list),
    };
    Ok(AllowChange {
        public,
        private,
        version: fields.given("version"),
        force: fields.is_ticked("force"),
    })
}

fn form(scope: &Scope, service: &Service, side: Side, fields: &Fields) -> Markup {
    let own = address(scope, service);
    let title = format!("Who may come by the {side} way?");
    let who = [
        (EVERYBODY.to_owned(), everybody(side).to_owned()),
        (
            LISTED.to_owned(),
            "Only these ranges; none: nobody".to_owned(),
        ),
    ];
    let hint = format!(
        "One a line: an IPv4 range or address, then what it is. At most {ALLOW_ENTRIES}. Example: 203.0.113.0/24 the office"
    );
    let body = html! {
        h1 { (title) }
        form.sheet method="post" action={ (own) "/allow/" (side) } {
            (scope.visitor.token())
            input type="hidden" name="version" value=(fields.get("version"));
            (fields.refusal())
            p { (reach(side)) }
            (fields.select("who", "Let in", &who))
            (fields.area(side.as_str(), "Ranges", &hint))
            div.choice {
                input #force type="checkbox" name="force" value="yes" checked[fields.is_ticked("force")];
                label for="force" { "End sessions that are open now from addresses that are not let in any more. Without this such a change is refused, and you are told whose they are." }
            }
            div.row {
                button.main type="submit" { "Change" }
                a href=(own) { "Leave it as it is" }
            }
        }
    };
    scope
        .page(title, Tab::Services)
        .below(scope.address("/services"), "Services")
        .below(own, &service.name)
        .render(&body)
}

fn list(shown: &ShownAllowLists, side: Side) -> Markup {
    let Some(list) = shown.lists.of(side) else {
        return html! { p { (everybody(side)) "." } };
    };
    if list.is_empty() {
        return html! { p { "Nobody." } };
    }
    html! {
        table.cards {
            thead { tr { th { "Range" } th { "What it is" } } }
            tbody {
                @for entry in list {
                    tr {
                        td data-label="Range" { code { (entry.cidr) } }
                        td data-label="What it is" { (entry.description) }
                    }
                }
            }
        }
    }
}

fn title(side: Side) -> &'static str {
    match side {
        Side::Public => "While it is public",
        Side::Private => "While it is attached to a VPC",
    }
}

fn everybody(side: Side) -> &'static str {
    match side {
        Side::Public => "Everybody, from the whole internet",
        Side::Private => "All networks that are peered with the VPC",
    }
}

fn reach(side: Side) -> &'static str {
    match side {
        Side::Public => {
            "The list counts while the service is public. It stays when the service moves into a VPC, and counts again when it comes back."
        }
        Side::Private => {
            "The list counts while the service is attached to a VPC, whichever it is: of the peered networks only addresses of the list get in."
        }
    }
}

/// Whether it is the list of the way that the service is reached by now.
fn counts(service: &Service, side: Side) -> bool {
    let now: Option<&Network> = service.network.now.as_ref();
    now.is_some_and(|network| Side::of(network) == side)
}

/// Whether the way is Strait's to narrow: the public way of a service that it did not make is not.
fn is_ours(service: &Service, side: Side) -> bool {
    match side {
        Side::Public => service.registration.is_none(),
        Side::Private => true,
    }
}

fn known(side: &str) -> Result<Side, ApiError> {
    (side.parse()).map_err(|_| ApiError::NoSuchPath(format!("allow/{side}")))
}

/// A range a line, with its description behind it.
fn entries(text: &str) -> Vec<NewAllowEntry> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let entry = |line: &str| {
        let (cidr, description) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        NewAllowEntry {
            cidr: cidr.to_owned(),
            description: description.trim().to_owned(),
        }
    };
    lines.map(entry).collect()
}

fn line(entry: &AllowEntry) -> String {
    format!("{} {}", entry.cidr, entry.description)
        .trim_end()
        .to_owned()
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_range_and_what_it_is() {
        let read = entries("203.0.113.0/24 the office\n\n  10.0.0.1\t a host  \n10.0.0.2\n");
        let read: Vec<(&str, &str)> = (read.iter())
            .map(|entry| (entry.cidr.as_str(), entry.description.as_str()))
            .collect();
        assert_eq!(
            read,
            [
                ("203.0.113.0/24", "the office"),
                ("10.0.0.1", "a host"),
                ("10.0.0.2", "")
            ]
        );
        assert_eq!(sentence("the list is empty"), "The list is empty.");
    }
}
