//! Who is in a project, and what they may do there.

use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};
use strait_plane::model::{Member, Role};

use super::form::{self, Fields, Line, Posted};
use super::frame::Tab;
use super::parts::{sure, time};
use super::visitor::{Permission, Scope};
use crate::error::ApiError;

/// The fields of the form for a new one.
const FIELDS: &[&str] = &["email", "role"];

pub(super) async fn list(scope: Scope) -> Result<Markup, ApiError> {
    page(
        &scope,
        &Fields::default().with("role", Role::Viewer.as_str()),
    )
    .await
}

pub(super) async fn add(scope: Scope, Posted(fields): Posted) -> Result<Response, ApiError> {
    let asked = async {
        let role = role(&fields)?;
        Ok(scope
            .plane
            .add_member(scope.id(), fields.get("email"), role)
            .await?)
    };
    answer(&scope, asked.await, &fields).await
}

pub(super) async fn set_role(
    scope: Scope,
    Path((_, user)): Path<(String, String)>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let asked = async {
        let role = role(&fields)?;
        Ok(scope.plane.set_member_role(scope.id(), &user, role).await?)
    };
    answer(&scope, asked.await, &Fields::default()).await
}

pub(super) async fn remove(
    scope: Scope,
    Path((_, user)): Path<(String, String)>,
    Posted(_): Posted,
) -> Result<Response, ApiError> {
    let removed = scope.plane.remove_member(scope.id(), &user).await;
    let removed = removed.map_err(ApiError::from);
    answer(&scope, removed, &Fields::default()).await
}

/// What a role may do, in words.
pub(super) fn explained(role: Role) -> &'static str {
    match role {
        Role::Owner => "everything, and deleting the project",
        Role::Admin => "services, networks, members and keys",
        Role::Developer => "services",
        Role::Viewer => "looking only",
    }
}

/// Roles that the visitor may give, as options.
pub(super) fn roles(scope: &Scope) -> Vec<(String, String)> {
    let given = Role::ALL.iter().filter(|role| scope.role.covers(**role));
    given
        .map(|role| (role.to_string(), format!("{role}: {}", explained(*role))))
        .collect()
}

/// The role that a form names.
pub(super) fn role(fields: &Fields) -> Result<Role, ApiError> {
    let given = fields.get("role").parse();
    given.map_err(|error: strait_plane::PlaneError| ApiError::field("role", error.to_string()))
}

async fn answer<D>(
    scope: &Scope,
    done: Result<D, ApiError>,
    fields: &Fields,
) -> Result<Response, ApiError> {
    let again = |fields: Fields| async move { page(scope, &fields).await };
    form::answer(done, scope.address("/members"), fields, FIELDS, again).await
}

async fn page(scope: &Scope, fields: &Fields) -> Result<Markup, ApiError> {
    let members = scope.plane.list_members(scope.id()).await?;
    let may = scope.may(Permission::ManageMembers);
    let body = html! {
        div.title { h1 { "Members" } }
        p { "Your role here is " strong { (scope.role) } ": " (explained(scope.role)) "." }
        (fields.refusal())
        @if members.is_empty() {
            div.sheet.empty { p { "Nobody is a member yet: who has the operator’s key or a pair of API keys works here all the same." } }
        } @else {
            div.sheet {
                table.cards {
                    thead { tr { th { "Who" } th { "Role" } th { "Since" } @if may { td {} } } }
                    tbody { @for member in &members { (row(scope, member, may)) } }
                }
            }
        }
        @if may {
            section.sheet aria-label="Add a member" {
                h2 { "Add a member" }
                p.soft { "Somebody who has signed in to this Strait, or could: the operator makes users with " code { "strait admin user create" } "." }
                form method="post" action=(scope.address("/members")) {
                    (scope.visitor.token())
                    (fields.text("email", "E-mail address", "", &Line { kind: "email", inputmode: Some("email"), ..Line::default() }))
                    (fields.select("role", "Role", &roles(scope)))
                    button.main type="submit" { "Add" }
                }
            }
        }
    };
    Ok(scope.page("Members", Tab::Members).render(&body))
}

fn row(scope: &Scope, member: &Member, may: bool) -> Markup {
    let own = scope.address(&format!("/members/{}", member.user_id));
    html! {
        tr {
            td data-label="Who" { (member.name) br; small.soft { (member.email) } }
            td data-label="Role" { (member.role) br; small.soft { (explained(member.role)) } }
            td data-label="Since" { (time(member.created)) }
            @if may {
                td {
                    @if scope.role.covers(member.role) {
                        (sure("Change…", &html! { "The role of " (member.email) " in this project." }, &change(scope, &own, member)))
                        (sure("Remove…", &html! { (member.email) " sees nothing of this project any more. Keys that they made are revoked." }, &removal(scope, &own)))
                    }
                }
            }
        }
    }
}

fn change(scope: &Scope, own: &str, member: &Member) -> Markup {
    html! {
        form method="post" action={ (own) "/role" } {
            (scope.visitor.token())
            label {
                span { "Role of " (member.email) }
                select name="role" {
                    @for (role, word) in roles(scope) {
                        option value=(role) selected[role == member.role.as_str()] { (word) }
                    }
                }
            }
            button type="submit" { "Change the role" }
        }
    }
}

fn removal(scope: &Scope, own: &str) -> Markup {
    html! {
        form method="post" action={ (own) "/remove" } {
            (scope.visitor.token())
            button.danger type="submit" { "Remove the member" }
        }
    }
}
