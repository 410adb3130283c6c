//! API keys of a project.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use strait_plane::model::{ApiKey, NewApiKey, NewKey, Role};

use super::form::{Fields, Line, Posted};
use super::frame::Tab;
use super::members::{explained, role, roles};
use super::parts::{Tone, copy, note, sure, time};
use super::visitor::{Permission, Scope};
use crate::error::ApiError;

/// The fields of the form for a new one.
const FIELDS: &[&str] = &["name", "role", "days"];

/// The longest life that a form takes: ten years.
const MOST_DAYS: u32 = 3650;

pub(super) async fn list(scope: Scope) -> Result<Markup, ApiError> {
    let fields = Fields::default()
        .with("role", Role::Developer.as_str())
        .with("days", "90");
    page(&scope, &fields).await
}

pub(super) async fn create(scope: Scope, Posted(fields): Posted) -> Result<Response, ApiError> {
    let asked = async {
        let new = NewKey {
            name: fields.get("name").to_owned(),
            role: role(&fields)?,
            expires: expiry(fields.number("days")?)?,
        };
        Ok(scope.plane.create_key(scope.id(), new).await?)
    };
    match asked.await {
        Ok(made) => Ok(created(&scope, &made).into_response()),
        Err(error) => {
            let fields = fields.refused(error, FIELDS)?;
            let page = page(&scope, &fields).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

pub(super) async fn revoke(
    scope: Scope,
    Path((_, key)): Path<(String, String)>,
    Posted(_): Posted,
) -> Result<Redirect, ApiError> {
    scope.plane.revoke_key(scope.id(), &key).await?;
    Ok(Redirect::to(&scope.address("/keys")))
}

fn expiry(days: u32) -> Result<Option<Timestamp>, ApiError> {
    if days == 0 {
        return Ok(None);
    }
    if days > MOST_DAYS {
        return Err(ApiError::field(
            "days",
            format!("days: at most {MOST_DAYS}, or 0 for no end"),
        ));
    }
    Ok(Some(
        Timestamp::now() + SignedDuration::from_hours(24 * i64::from(days)),
    ))
}

async fn page(scope: &Scope, fields: &Fields) -> Result<Markup, ApiError> {
    if !scope.may(Permission::ManageKeys) {
        let body = html! {
            div.title { h1 { "API keys" } }
            div.sheet.empty { p { "Your role does not see keys: an admin or an owner of the project makes them." } }
        };
        return Ok(scope.page("API keys", Tab::Keys).render(&body));
    }
    let keys = scope.plane.list_keys(scope.id()).await?;
    let body = html! {
        div.title { h1 { "API keys" } }
        p { "Programs use the API and the command line with a pair of keys: a public one, and a secret one that is shown once." }
        (fields.refusal())
        @if keys.is_empty() {
            div.sheet.empty { p { "There is no key yet." } }
        } @else {
            div.sheet {
                table.cards {
                    thead { tr { th { "Key" } th { "Role" } th { "Made" } th { "Last used" } th { "Expires" } td {} } }
                    tbody { @for key in &keys { (row(scope, key)) } }
                }
            }
        }
        section.sheet aria-label="Make a key" {
            h2 { "Make a key" }
            form method="post" action=(scope.address("/keys")) {
                (scope.visitor.token())
                (fields.text("name", "Name", "What it is for.", &Line { required: false, placeholder: Some("ci"), ..Line::default() }))
                (fields.select("role", "Role", &roles(scope)))
                (fields.text("days", "Days until it expires", "0: it does not.", &Line { required: false, short: true, inputmode: Some("numeric"), ..Line::default() }))
                button.main type="submit" { "Make the key" }
            }
        }
    };
    Ok(scope.page("API keys", Tab::Keys).render(&body))
}

fn row(scope: &Scope, key: &ApiKey) -> Markup {
    let own = scope.address(&format!("/keys/{}/revoke", key.public_key));
    let name = if key.name.is_empty() {
        "without a name"
    } else {
        &key.name
    };
    let form = html! {
        form method="post" action=(own) {
            (scope.visitor.token())
            button.danger type="submit" { "Revoke the key" }
        }
    };
    html! {
        tr {
            td data-label="Key" { (name) br; small { code { (key.public_key) } } }
            td data-label="Role" { (key.role) br; small.soft { (explained(key.role)) } }
            td data-label="Made" { (time(key.created)) br; small.soft { "by " (key.created_by) } }
            td data-label="Last used" { @match key.last_used { Some(at) => (time(at)), None => "never" } }
            td data-label="Expires" { @match key.expires { Some(at) => (time(at)), None => "never" } }
            td {
                @if scope.role.covers(key.role) {
                    (sure("Revoke…", &html! { "What uses it is refused from then on. It cannot be brought back." }, &form))
                }
            }
        }
    }
}

fn created(scope: &Scope, made: &NewApiKey) -> Markup {
    let body = html! {
        h1 { "The key is made" }
        div.sheet {
            (note(Tone::Wait, &html! { p { strong { "Keep the secret key now: it is shown this once." } } }))
            dl.facts {
                dt { "Public key" } dd { (copy("the public key", &made.key.public_key)) }
                dt { "Secret key" } dd { (copy("the secret key", &made.secret_key)) }
                dt { "Role" } dd { (made.key.role) }
            }
            div.row { a.button.main href=(scope.address("/keys")) { "I have kept it" } }
        }
    };
    scope
        .page("Secret key", Tab::Keys)
        .below(scope.address("/keys"), "API keys")
        .render(&body)
}
