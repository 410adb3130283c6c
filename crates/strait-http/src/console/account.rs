//! One's own password and sessions.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::form::{Fields, Line, Posted};
use super::frame::Page;
use super::parts::{Tone, note, state, time};
use super::visitor::Visitor;
use crate::Shared;
use crate::error::ApiError;

/// The fields of the form for a password.
const FIELDS: &[&str] = &["current_password", "password"];

pub(super) async fn show(State(app): State<Shared>, visitor: Visitor) -> Result<Markup, ApiError> {
    page(&app, &visitor, &Fields::default()).await
}

pub(super) async fn change_password(
    State(app): State<Shared>,
    visitor: Visitor,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let current = fields.raw("current_password");
    let new = fields.raw("password").unwrap_or_default();
    let changed = app
        .plane
        .change_password(&visitor.user.id, &visitor.session, current, new);
    match changed.await {
        Ok(()) => Ok(Redirect::to("/account").into_response()),
        Err(error) => {
            let fields = fields.refused(error.into(), FIELDS)?;
            let page = page(&app, &visitor, &fields).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

pub(super) async fn end_session(
    State(app): State<Shared>,
    visitor: Visitor,
    Path(session): Path<String>,
    Posted(_): Posted,
) -> Result<Redirect, ApiError> {
    app.plane.end_session(&visitor.user.id, &session).await?;
    Ok(Redirect::to("/account"))
}

async fn page(app: &Shared, visitor: &Visitor, fields: &Fields) -> Result<Markup, ApiError> {
    let sessions = app.plane.list_sessions(&visitor.user.id).await?;
    let has_password = visitor.user.has_password;
    let body = html! {
        div.title { h1 { "Your account" } }
        (fields.refusal())
        div.sheet {
            dl.facts {
                dt { "Name" } dd { (visitor.user.name) }
                dt { "E-mail address" } dd { (visitor.user.email) }
                dt { "Since" } dd { (time(visitor.user.created)) }
            }
        }
        section.sheet aria-label="Password" {
            h2 { "Password" }
            @if !has_password {
                (note(Tone::Wait, &html! { p { "You have no password: a link that signs in once is the only way in. Choose one here." } }))
            }
            form method="post" action="/account/password" {
                (visitor.token())
                // For password managers.
                input type="text" autocomplete="username" value=(visitor.user.email) readonly hidden;
                @if has_password {
                    (fields.text("current_password", "Your password now", "", &Line { kind: "password", autocomplete: "current-password", ..Line::default() }))
                }
                (fields.text("password", "New password", "Your other sessions end.", &Line { kind: "password", autocomplete: "new-password", ..Line::default() }))
                button.main type="submit" { "Change the password" }
            }
        }
        section.sheet aria-label="Sessions" {
            h2 { "Sessions" }
            table.cards {
                thead { tr { th { "From" } th { "Begun" } th { "Seen last" } th { "Ends" } td {} } }
                tbody {
                    @for session in &sessions {
                        tr {
                            td data-label="From" { (session.address.as_deref().unwrap_or("not known")) }
                            td data-label="Begun" { (time(session.created)) }
                            td data-label="Seen last" { (time(session.last_seen)) }
                            td data-label="Ends" { (time(session.expires)) }
                            td {
                                @if session.id == visitor.session {
                                    (state((Tone::Good, "This one")))
                                } @else {
                                    form method="post" action={ "/account/sessions/" (session.id) "/end" } {
                                        (visitor.token())
                                        button type="submit" { "End it" }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(Page::new("Your account")
        .to(visitor)
        .with_cloud(app.options.customers.is_some())
        .render(&body))
}
