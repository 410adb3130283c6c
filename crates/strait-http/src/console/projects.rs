//! The projects of a visitor, to choose from.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use strait_plane::model::Seat;

use super::frame::Page;
use super::parts::time;
use super::visitor::{Scope, Visitor};
use crate::Shared;
use crate::error::ApiError;

/// The start: the only project, or the choice.
pub(super) async fn start(
    State(app): State<Shared>,
    visitor: Visitor,
) -> Result<Response, ApiError> {
    let seats = visitor.seats(&app).await?;
    Ok(match seats.as_slice() {
        [only] => Redirect::to(&format!("/projects/{}/services", only.project.id)),
        [] | [_, ..] => Redirect::to("/projects"),
    }
    .into_response())
}

pub(super) async fn list(
    State(app): State<Shared>,
    visitor: Visitor,
) -> Result<Response, ApiError> {
    let seats = visitor.seats(&app).await?;
    let body = html! {
        div.title { h1 { "Projects" } }
        @if seats.is_empty() {
            div.sheet.empty {
                h2 { "You are in no project yet" }
                p { "An owner or an admin of a project adds you to it: under Members, by the address that you signed in with." }
            }
        } @else {
            div.sheet {
                table.cards {
                    thead { tr { th { "Name" } th { "Your role" } th { "Id" } th { "Created" } } }
                    tbody {
                        @for Seat { project, role } in &seats {
                            tr {
                                td data-label="Name" { a href={ "/projects/" (project.id) "/services" } { (project.name) } }
                                td data-label="Your role" { (role) }
                                td data-label="Id" { code { (project.id) } }
                                td data-label="Created" { (time(project.created)) }
                            }
                        }
                    }
                }
            }
        }
    };
    let page = Page::new("Projects")
        .to(&visitor)
        .with_cloud(app.options.customers.is_some());
    Ok(page.render(&body).into_response())
}

/// A project without more: its services.
pub(super) async fn show(scope: Scope) -> Redirect {
    Redirect::to(&scope.address("/services"))
}
