//! What can be done with a service: into a Peering VPC, into another one, out again; started, stopped, renamed, deleted.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use strait_plane::model::{Network, PeeringState, Service, Vpc, VpcStatus, Wanted};

use super::form::{Fields, Line, Posted};
use super::parts::{Tone, note, sure};
use super::services::{self, OfService, Part, address, reached};
use super::visitor::{Permission, Scope};
use super::vpcs;
use crate::error::ApiError;

/// The fields of the form for a move.
const FIELDS: &[&str] = &["vpc", "drain_seconds"];

/// A Peering VPC that a service could be moved into.
struct Target {
    vpc: Vpc,
    peered: String,
    has_peer: bool,
    /// Why it cannot, if so.
    obstacle: Option<String>,
}

pub(super) async fn show(scope: Scope, Path((_, named)): OfService) -> Result<Markup, ApiError> {
    let service = scope.plane.service(scope.id(), &named).await?;
    page(&scope, &service, &fresh(&service)).await
}

pub(super) async fn attach(
    scope: Scope,
    Path((_, named)): OfService,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let service = scope.plane.service(scope.id(), &named).await?;
    let asked = async {
        let drain = fields.number("drain_seconds")?;
        let Some(vpc) = fields.given("vpc") else {
            return Err(ApiError::field("vpc", "vpc: choose a VPC"));
        };
        let asked = scope
            .plane
            .attach_service(scope.id(), &service.service_id, &vpc, drain);
        Ok(asked.await?)
    };
    match asked.await {
        Ok(service) => Ok(Redirect::to(&address(&scope, &service)).into_response()),
        Err(error) => {
            let fields = fields.with("name", &service.name).refused(error, FIELDS)?;
            let page = page(&scope, &service, &fields).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

pub(super) async fn ask_detach(
    scope: Scope,
    Path((_, named)): OfService,
) -> Result<Markup, ApiError> {
    let service = scope.plane.service(scope.id(), &named).await?;
    detachment(
        &scope,
        &service,
        &Fields::default().with("drain_seconds", "0"),
    )
    .await
}

pub(super) async fn detach(
    scope: Scope,
    Path((_, named)): OfService,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let service = scope.plane.service(scope.id(), &named).await?;
    let asked = async {
        let drain = fields.number("drain_seconds")?;
        let asked = scope
            .plane
            .detach_service(scope.id(), &service.service_id, None, drain);
        Ok(asked.await?)
    };
    match asked.await {
        Ok(service) => Ok(Redirect::to(&address(&scope, &service)).into_response()),
        Err(error) => {
            let fields = fields.refused(error, FIELDS)?;
            let page = detachment(&scope, &service, &fields).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// The page, with what was typed into its forms.
pub(super) async fn page(
    scope: &Scope,
    service: &Service,
    fields: &Fields,
) -> Result<Markup, ApiError> {
    let last = services::last(scope, service).await?;
    let may = scope.may(Permission::ManageServices);
    let own = address(scope, service);
    let vpcs = scope.plane.list_vpcs(scope.id()).await?;
    let body = html! {
        (services::head(scope, service, Part::Operations))
        div #now data-fresh { (services::minded(scope, service, last.as_ref())) }
        section #vpc.sheet aria-label="VPC" {
            h2 { "VPC" }
            p { "The service is reached " strong { (reached(service, &vpcs)) } "." }
            @if may { (self::moves(scope, service, &targets(scope, service, vpcs).await?, fields)) }
        }
        @if may && service.wanted != Wanted::Deleted {
            section.sheet aria-label="Start and stop" {
                h2 { "Start and stop" }
                (power(scope, service))
            }
            section.sheet aria-label="Rename" {
                h2 { "Rename" }
                p.soft { "Its host names stay: they are made of its id." }
                form method="post" action={ (own) "/rename" } {
                    (scope.visitor.token())
                    (fields.text("name", "Name", "", &Line::default()))
                    button type="submit" { "Rename" }
                }
            }
            section.sheet aria-label="Delete" {
                h2 { "Delete" }
                a.button.danger href={ (own) "/delete" } { "Delete the service…" }
            }
        }
        section.sheet aria-label="History" {
            h2 { "History" }
            p { a href=(scope.address(&format!("/operations?object={}", service.service_id))) { "Everything that was asked of this service" } }
        }
    };
    Ok(services::page(scope, service, "Operations", last.as_ref()).render(&body))
}

fn fresh(service: &Service) -> Fields {
    Fields::default()
        .with("drain_seconds", "0")
        .with("name", &service.name)
}

async fn targets(
    scope: &Scope,
    service: &Service,
    vpcs: Vec<Vpc>,
) -> Result<Vec<Target>, ApiError> {
    let mut targets = Vec::new();
    for vpc in vpcs {
        let peerings = scope.plane.list_peerings(scope.id(), &vpc.id).await?;
        targets.push(Target {
            peered: vpcs::counted(&peerings),
            has_peer: peerings
                .iter()
                .any(|peering| peering.state == PeeringState::Active),
            obstacle: obstacle(service, &vpc),
            vpc,
        });
    }
    Ok(targets)
}

fn obstacle(service: &Service, vpc: &Vpc) -> Option<String> {
    if service.network.wanted.vpc() == Some(&vpc.id) {
        return Some("the service is here".to_owned());
    }
    if vpc.region_code != service.region_code {
        return Some(format!("the service is in {}", service.region_code));
    }
    match vpc.status {
        VpcStatus::Creating | VpcStatus::Created => None,
        VpcStatus::Deleting => Some("it is being deleted".to_owned()),
        VpcStatus::Failed => Some("it failed".to_owned()),
    }
}

fn moves(scope: &Scope, service: &Service, targets: &[Target], fields: &Fields) -> Markup {
    let own = address(scope, service);
    let is_attached = service.network.wanted.vpc().is_some();
    let verb = if is_attached { "Move" } else { "Attach" };
    match service.wanted {
        Wanted::Running => {}
        Wanted::Paused => {
            return html! { p.soft { "It is stopped: start it first, then it can be moved." } };
        }
        Wanted::Deleted => return html! { p.soft { "It is being deleted." } },
    }
    let is_possible = targets.iter().any(|target| target.obstacle.is_none());
    html! {
        @if is_possible {
            h3 { @if is_attached { "Move it into another VPC" } @else { "Attach it to a VPC" } }
            form method="post" action={ (own) "/attach" } {
                (scope.visitor.token())
                (fields.refusal())
                (choice(service, targets, fields))
                (fields.text("drain_seconds", "Leave the former way open for (seconds)", "0 to 3600. Meanwhile sessions without a transaction end at once, the others when their transaction does.",
                    &Line { required: false, short: true, inputmode: Some("numeric"), ..Line::default() }))
                (consequences(service, is_attached))
                button.main type="submit" { (verb) " the service" }
            }
        } @else {
            (no_target(scope, service, targets, is_attached))
        }
        @if is_attached {
            h3 { "Detach it" }
            p { "Detached, the service is " strong { "public again" } ": whoever has its password reaches it from the internet." }
            a.button.danger href={ (own) "/detach" } { "Detach…" }
        }
    }
}

fn choice(service: &Service, targets: &[Target], fields: &Fields) -> Markup {
    let free: Vec<&Target> = targets
        .iter()
        .filter(|target| target.obstacle.is_none())
        .collect();
    let chosen = match (fields.get("vpc"), free.as_slice()) {
        ("", [only]) => only.vpc.id.as_str(),
        (given, _) => given,
    };
    html! {
        fieldset {
            legend { "VPC" }
            @for target in targets {
                @let vpc = &target.vpc;
                div.choice {
                    input #{ "vpc-" (vpc.id) } type="radio" name="vpc" value=(vpc.id) required
                        disabled[target.obstacle.is_some()] checked[target.obstacle.is_none() && vpc.id == chosen];
                    label for={ "vpc-" (vpc.id) } {
                        span {
                            strong { (vpc.name) }
                            small { code { (vpc.cidr) } " in " (vpc.region_code) " · peering connections: " (target.peered) }
                            @if let Some(obstacle) = &target.obstacle {
                                small { "Not to be chosen: " (obstacle) "." }
                            } @else if !target.has_peer {
                                small { strong { "No customer is peered with it: nobody will reach " (service.name) " before one is." } }
                            }
                        }
                    }
                }
            }
            (fields.beside("vpc"))
        }
    }
}

/// What will happen, before the click.
fn consequences(service: &Service, is_attached: bool) -> Markup {
    let name = service
        .endpoint
        .as_ref()
        .map_or("its name", |endpoint| endpoint.host.as_str());
    let former = if is_attached {
        "the way through the present VPC"
    } else {
        "the public way"
    };
    note(
        Tone::Wait,
        &html! {
            p { strong { "What will happen" } }
            ol {
                li { "The new private way is opened and tried end to end. Nothing changes for anybody yet; if it fails, the service stays as it is." }
                li { "The name " code { (name) } " leads to the new address. User, password and port stay." }
                li { "After the time above, " (former) " closes: " strong { "open connections by it end" } ", and clients connect again by the same name." }
            }
            @if !is_attached {
                p { strong { "From then on the service is not reached from the internet any more" } ", only from customers’ networks that are peered with the VPC." }
            }
        },
    )
}

fn no_target(scope: &Scope, service: &Service, targets: &[Target], is_attached: bool) -> Markup {
    let may_create = scope.may(Permission::ManageNetworks);
    html! {
        @if targets.is_empty() {
            p { "There is no Peering VPC to attach it to yet." }
        } @else if is_attached {
            p.soft { "There is no other VPC in " (service.region_code) " that it could be moved into." }
        } @else {
            p { "None of the project’s VPCs can take it now:" }
        }
        @if !is_attached {
            @if !targets.is_empty() {
                ul {
                    @for target in targets {
                        @if let Some(obstacle) = &target.obstacle { li { (target.vpc.name) ": " (obstacle) } }
                    }
                }
            }
            @if may_create { a.button href=(scope.address("/vpcs/new")) { "Create a VPC" } }
        }
    }
}

async fn detachment(scope: &Scope, service: &Service, fields: &Fields) -> Result<Markup, ApiError> {
    let own = address(scope, service);
    let vpcs = scope.plane.list_vpcs(scope.id()).await?;
    let title = format!("Detach {}?", service.name);
    let is_public = service.network.wanted == Network::Public;
    let body = html! {
        h1 { (title) }
        @if is_public {
            div.sheet { p { "The service is public: there is nothing to detach it from." } p { a href=(own) { "To the service" } } }
        } @else {
            form.sheet method="post" action={ (own) "/detach" } {
                (scope.visitor.token())
                (fields.refusal())
                p { "The service is reached " (reached(service, &vpcs)) "." }
                (note(Tone::Bad, &html! {
                    p { strong { "The service will be public again" } ": whoever has its password reaches it from the internet." }
                    p { "Customers reach it through the VPC no more. Their open connections by that way end." }
                }))
                (fields.text("drain_seconds", "Leave the private way open for (seconds)", "0 to 3600. Meanwhile sessions without a transaction end at once, the others when their transaction does.",
                    &Line { required: false, short: true, inputmode: Some("numeric"), ..Line::default() }))
                div.row {
                    button.danger type="submit" { "Detach: make it public" }
                    a href={ (own) "/operations" } { "Leave it attached" }
                }
            }
        }
    };
    Ok(scope
        .page(title, super::frame::Tab::Services)
        .below(scope.address("/services"), "Services")
        .below(own, &service.name)
        .render(&body))
}

fn power(scope: &Scope, service: &Service) -> Markup {
    let own = address(scope, service);
    let form = |verb: &str, word: &str| {
        html! {
            form method="post" action={ (own) "/" (verb) } {
                (scope.visitor.token())
                button type="submit" { (word) }
            }
        }
    };
    html! {
        @if service.registration.is_some() {
            p.soft { "Strait did not make this PostgreSQL: start and stop it where it runs." }
        } @else if services::is_stopped(service) {
            p { "It is stopped. Its data, names and ways are kept." }
            (form("start", "Start"))
        } @else {
            (sure("Stop the service…", &html! { "Open connections end. Its data, names and ways stay, so that it can be started again." }, &form("stop", "Stop the service")))
        }
    }
}
