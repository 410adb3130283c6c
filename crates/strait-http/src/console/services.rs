//! Services: the list, a new one, one of them, its name, its end.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use strait_plane::model::{
    CreatedService, NewService, Operation, Service, ServiceConnection, ServiceStatus, Vpc, Wanted,
};
use strait_plane::{ErrorKind, PlaneError};

use super::allow;
use super::form::{Fields, Line, Posted};
use super::frame::{Page, Tab};
use super::operations;
use super::parts::{Tone, copy, note, of_service, state, time};
use super::visitor::{Permission, Scope};
use super::vpcs;
use crate::BASE;
use crate::error::ApiError;

/// The fields of the form for a new one.
const FIELDS: &[&str] = &["name", "region_code", "vpc"];

/// Names a service, after the project.
pub(super) type OfService = Path<(String, String)>;

/// A part of a service's pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// What it is and how to connect.
    Overview,
    /// What can be done with it.
    Operations,
}

pub(super) async fn list(scope: Scope) -> Result<Markup, ApiError> {
    let services = scope.plane.list_services(scope.id()).await?;
    let vpcs = scope.plane.list_vpcs(scope.id()).await?;
    let may = scope.may(Permission::ManageServices) && scope.plane.makes_services();
    let body = html! {
        div.title {
            h1 { "Services" }
            @if may && !services.is_empty() { div.act { a.button.main href=(scope.address("/services/new")) { "Create a service" } } }
        }
        div #services data-fresh {
            @if services.is_empty() {
                (nothing_yet(&scope, may))
            } @else {
                div.sheet {
                    table.cards {
                        thead { tr { th { "Name" } th { "State" } th { "Reached" } th { "Region" } th { "Created" } } }
                        tbody {
                            @for service in &services {
                                tr {
                                    td data-label="Name" { a href=(address(&scope, service)) { (service.name) } }
                                    td data-label="State" {
                                        (state(of_service(service.status)))
                                        @if service.reason.is_some() { " " (state((Tone::Bad, "See why"))) }
                                    }
                                    td data-label="Reached" { (reached(service, &vpcs)) }
                                    td data-label="Region" { (service.region_code) }
                                    td data-label="Created" { (time(service.created)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    let unsettled = services.iter().any(is_unsettled);
    let page = scope.page("Services", Tab::Services);
    Ok(page.live(scope.live(), unsettled).render(&body))
}

pub(super) async fn new(scope: Scope) -> Result<Markup, ApiError> {
    let region = vpcs::preferred(&scope.plane.supported_regions());
    form(&scope, &Fields::for_once().with("region_code", region)).await
}

/// The answer has the password: loading it again sends the same form, which makes nothing more and shows it again.
pub(super) async fn create(scope: Scope, Posted(fields): Posted) -> Result<Response, ApiError> {
    match made(&scope, &fields).await {
        Ok(made) => Ok(created(&scope, &made).into_response()),
        Err(error) => {
            let fields = fields.refused(error.into(), FIELDS)?;
            let form = form(&scope, &fields).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, form).into_response())
        }
    }
}

pub(super) async fn show(scope: Scope, Path((_, named)): OfService) -> Result<Markup, ApiError> {
    let service = scope.plane.service(scope.id(), &named).await?;
    let vpcs = scope.plane.list_vpcs(scope.id()).await?;
    let lines = lines(&scope, &service).await?;
    let last = last(&scope, &service).await?;
    let body = html! {
        (head(&scope, &service, Part::Overview))
        div #facts.sheet data-fresh {
            (minded(&scope, &service, last.as_ref()))
            dl.facts {
                dt { "State" } dd { (state(of_service(service.status))) }
                dt { "Reached" } dd { (reached(&service, &vpcs)) }
                dt { "Region" } dd { (service.region_code) }
                dt { "Id" } dd { code { (service.service_id) } }
                @if let Some(registration) = &service.registration { dt { "PostgreSQL" } dd { code { (registration.host) } } }
                dt { "Created" } dd { (time(service.created)) }
            }
        }
        div #connect data-fresh { (connect(&scope, &service, lines.as_ref())) }
        div #allowed data-fresh { (allow::section(&scope, &service).await?) }
    };
    Ok(page(&scope, &service, &service.name, last.as_ref()).render(&body))
}

pub(super) async fn rename(
    scope: Scope,
    Path((_, named)): OfService,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let service = scope.plane.service(scope.id(), &named).await?;
    match scope
        .plane
        .rename_service(scope.id(), &service.service_id, fields.get("name"))
        .await
    {
        Ok(service) => Ok(Redirect::to(&address(&scope, &service)).into_response()),
        Err(error) => {
            let fields = fields.refused(error.into(), &["name"])?;
            let page = super::moves::page(&scope, &service, &fields).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

pub(super) async fn start(
    scope: Scope,
    Path((_, named)): OfService,
    Posted(_): Posted,
) -> Result<Redirect, ApiError> {
    let service = scope.plane.start_service(scope.id(), &named).await?;
    Ok(Redirect::to(&address(&scope, &service)))
}

pub(super) async fn stop(
    scope: Scope,
    Path((_, named)): OfService,
    Posted(_): Posted,
) -> Result<Redirect, ApiError> {
    let service = scope.plane.stop_service(scope.id(), &named).await?;
    Ok(Redirect::to(&address(&scope, &service)))
}

pub(super) async fn ask_delete(
    scope: Scope,
    Path((_, named)): OfService,
) -> Result<Markup, ApiError> {
    let service = scope.plane.service(scope.id(), &named).await?;
    Ok(deletion(&scope, &service, &Fields::default()))
}

pub(super) async fn delete(
    scope: Scope,
    Path((_, named)): OfService,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let service = scope.plane.service(scope.id(), &named).await?;
    if fields.get("confirm") != service.name {
        let message = format!(
            "confirm: type {:?}, the service’s name, if you mean it",
            service.name
        );
        let fields = fields.refused(ApiError::field("confirm", message), &["confirm"])?;
        let page = deletion(&scope, &service, &fields);
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    scope
        .plane
        .delete_service(scope.id(), &service.service_id)
        .await?;
    Ok(Redirect::to(&scope.address("/services")).into_response())
}

/// Where a service's pages are.
pub(super) fn address(scope: &Scope, service: &Service) -> String {
    scope.address(&format!("/services/{}", service.service_id))
}

/// A page of a service.
pub(super) fn page<'a>(
    scope: &'a Scope,
    service: &Service,
    title: &str,
    last: Option<&Operation>,
) -> Page<'a> {
    let running = last.filter(|operation| !operation.state.has_ended());
    let live = match running {
        Some(operation) => format!("{}?operation={}", scope.live(), operation.id),
        None => scope.live(),
    };
    let page = scope
        .page(title, Tab::Services)
        .below(scope.address("/services"), "Services");
    let page = if title == service.name {
        page
    } else {
        page.below(address(scope, service), &service.name)
    };
    let is_overview = title == service.name;
    let unsettled = is_unsettled(service) || running.is_some();
    let here = if is_overview { "" } else { "/operations" };
    // Where one types, nothing is loaded again under one's fingers.
    page.live(live, unsettled && is_overview)
        .here(format!("{}{here}", address(scope, service)))
}

/// The head of a service's pages, with its parts.
pub(super) fn head(scope: &Scope, service: &Service, part: Part) -> Markup {
    let own = address(scope, service);
    let current = |this: Part| (this == part).then_some("page");
    html! {
        div.title { h1 { (service.name) } }
        nav.tabs aria-label="Service" {
            a href=(own) aria-current=[current(Part::Overview)] { "Overview" }
            a href={ (own) "/operations" } aria-current=[current(Part::Operations)] { "Operations" }
        }
    }
}

/// The operation that was asked for last.
pub(super) async fn last(scope: &Scope, service: &Service) -> Result<Option<Operation>, ApiError> {
    match &service.operation_id {
        Some(id) => Ok(Some(scope.plane.operation(scope.id(), id).await?)),
        None => Ok(None),
    }
}

/// What one should know of it now: a move under way, what is wrong.
pub(super) fn minded(scope: &Scope, service: &Service, last: Option<&Operation>) -> Markup {
    html! {
        @if let Some(operation) = last.filter(|operation| !operation.state.has_ended()) {
            (operations::progress(scope, operation))
        } @else if let Some(reason) = &service.reason {
            (note(Tone::Bad, &html! { p { (reason.message) } }))
        }
        @if let Some(notice) = &service.notice { (note(Tone::Wait, &html! { p { (notice) } })) }
    }
}

/// From where a service is reached, in words.
pub(super) fn reached(service: &Service, vpcs: &[Vpc]) -> String {
    let through = |id: &str| {
        let vpc = vpcs.iter().find(|vpc| vpc.id == id);
        format!("through VPC {}", vpc.map_or(id, |vpc| vpc.name.as_str()))
    };
    let word = |network: &strait_plane::model::Network| match network.vpc() {
        None => "publicly".to_owned(),
        Some(id) => through(id),
    };
    let network = &service.network;
    match &network.now {
        None => "not yet".to_owned(),
        Some(now) if *now == network.wanted => {
            format!("{}{}", word(now), allow::in_words(service))
        }
        Some(now) => format!("{}; on its way: {}", word(now), word(&network.wanted)),
    }
}

/// Whether it is about to change by itself.
pub(super) fn is_unsettled(service: &Service) -> bool {
    match service.status {
        ServiceStatus::Queued
        | ServiceStatus::Configuring
        | ServiceStatus::Pausing
        | ServiceStatus::Resuming
        | ServiceStatus::Deleting => true,
        ServiceStatus::Ready | ServiceStatus::Paused | ServiceStatus::Unstable => {
            service.network.now.as_ref() != Some(&service.network.wanted)
        }
    }
}

/// Makes it, or finds what this very form made before.
async fn made(scope: &Scope, fields: &Fields) -> Result<CreatedService, PlaneError> {
    let plane = scope.once(fields);
    if let Some(before) = before(scope, fields).await? {
        return Ok(before);
    }
    let new = NewService {
        name: fields.given("name"),
        region_code: fields.get("region_code").to_owned(),
        vpc: fields.given("vpc"),
        ..NewService::default()
    };
    match plane.create_service(scope.id(), new).await {
        // The same form came by another connection at the same time.
        Err(PlaneError::Repeated) => before(scope, fields).await?.ok_or(PlaneError::Repeated),
        made => made,
    }
}

async fn before(scope: &Scope, fields: &Fields) -> Result<Option<CreatedService>, PlaneError> {
    let Some(before) = scope.once(fields).repetition(scope.id()).await? else {
        return Ok(None);
    };
    let service = scope
        .plane
        .service(scope.id(), &before.operation.object_id)
        .await?;
    Ok(Some(CreatedService {
        service,
        initial_password: before.initial_password.unwrap_or_default(),
    }))
}

fn created(scope: &Scope, made: &CreatedService) -> Markup {
    let service = &made.service;
    let body = html! {
        h1 { "The service " (service.name) " is being made" }
        div.sheet {
            (note(Tone::Wait, &html! {
                p { strong { "Keep the password now: it is shown this once." } " Strait keeps only what it needs to check it." }
            }))
            dl.facts {
                dt { "User" } dd { code { "tsdbadmin" } }
                dt { "Password" } dd { (copy("the password", &made.initial_password)) }
                dt { "Database" } dd { code { "tsdb" } }
            }
            div.row { a.button.main href=(address(scope, service)) { "I have kept it: to the service" } }
        }
    };
    scope
        .page("Password", Tab::Services)
        .below(scope.address("/services"), "Services")
        .below(address(scope, service), &service.name)
        .render(&body)
}

async fn form(scope: &Scope, fields: &Fields) -> Result<Markup, ApiError> {
    let vpcs = scope.plane.list_vpcs(scope.id()).await?;
    let public = ("".to_owned(), "Public: from the internet".to_owned());
    let private = vpcs.iter().map(|vpc| {
        let word = format!(
            "Private: through VPC {} ({}, {})",
            vpc.name, vpc.cidr, vpc.region_code
        );
        (vpc.id.clone(), word)
    });
    let networks: Vec<(String, String)> = std::iter::once(public).chain(private).collect();
    let body = html! {
        h1 { "Create a service" }
        p { "A service is a PostgreSQL with the user " code { "tsdbadmin" } ", the database " code { "tsdb" } " and TLS." }
        form.sheet method="post" action=(scope.address("/services/new")) {
            (scope.visitor.token())
            (fields.once())
            (fields.refusal())
            (fields.text("name", "Name", "For people; one is made up without it.", &Line { required: false, first: true, ..Line::default() }))
            (fields.select("region_code", "Region", &vpcs::options(&scope.plane.supported_regions())))
            (fields.select("vpc", "Reached", &networks))
            div.row {
                button.main type="submit" { "Create" }
                a href=(scope.address("/services")) { "Cancel" }
            }
        }
    };
    Ok(scope
        .page("Create a service", Tab::Services)
        .below(scope.address("/services"), "Services")
        .render(&body))
}

fn nothing_yet(scope: &Scope, may: bool) -> Markup {
    html! {
        div.sheet.empty {
            h2 { "No service yet" }
            @if may {
                p { "Create one: it is there in a few seconds, public at first. Then create a Peering VPC, and attach the service to it." }
                a.button.main href=(scope.address("/services/new")) { "Create a service" }
            } @else if !scope.plane.makes_services() {
                p { "This Strait takes PostgreSQL services that exist. Its operator registers one:" }
                (copy("the command", "strait service register --help"))
            } @else {
                p.soft { "Your role may look only: a developer, an admin or an owner of the project creates one." }
            }
        }
    }
}

async fn lines(scope: &Scope, service: &Service) -> Result<Option<ServiceConnection>, ApiError> {
    if service.endpoint.is_none() {
        return Ok(None);
    }
    match scope
        .plane
        .service_connection(scope.id(), &service.service_id)
        .await
    {
        Ok(lines) => Ok(Some(lines)),
        Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn connect(scope: &Scope, service: &Service, lines: Option<&ServiceConnection>) -> Markup {
    let private = lines.is_some_and(|lines| lines.network.vpc().is_some());
    html! {
        section.sheet aria-label="Connect" {
            h2 { "Connect" }
            @if let Some(lines) = lines {
                @let line = format!("psql \"{}\"", lines.dsn);
                h3 { @if private { "From the customers’ networks (private)" } @else { "From the internet (public)" } }
                (copy("the line for psql", &line))
                @if let (Some(user), Some(database)) = (&lines.user, &lines.dbname) {
                    (copy("the connection’s URL", &format!("postgres://{user}@{}:{}/{database}?sslmode=verify-full", lines.host, lines.port)))
                }
                @if private {
                    p.soft { "It works from customers’ VPCs that are peered with this service’s Peering VPC, and from nowhere else. "
                        @if service.network.settled { "The public way is closed." } @else { "The former way is just being closed." }
                    }
                }
                @if let Some(here) = &lines.dsn_from_here {
                    h3 { "On the machine that Strait runs on" }
                    (copy("the line for this machine", &format!("psql \"{here}\"")))
                }
                dl.facts {
                    dt { "Name" } dd { code { (lines.host) } " (stays the same wherever the service is)" }
                    dt { "Port" } dd { (lines.port) }
                    @if let Some(endpoint) = &service.endpoint { dt { "Address now" } dd { code { (endpoint.address) } } }
                    @if let Some(endpoint) = &service.vpc_endpoint { dt { "Private name" } dd { code { (endpoint.host) } } }
                    @if let Some(endpoint) = &service.public_endpoint { dt { "Public name" } dd { code { (endpoint.host) } } }
                    dt { "Certificate authority" } dd { a href={ (BASE) "/ca.pem" } { "ca.pem" } ", on the machine that Strait runs on " code { (lines.sslrootcert) } }
                }
                @if scope.has_cloud {
                    p { a href={ "/cloud/try?service=" (scope.id()) "/" (service.service_id) } { "Try a connection" } " from a customer’s instance or from the internet." }
                }
            } @else {
                p.soft { "There is no way to it yet. The lines to copy stand here as soon as there is." }
            }
        }
    }
}

fn deletion(scope: &Scope, service: &Service, fields: &Fields) -> Markup {
    let own = address(scope, service);
    let title = format!("Delete {}?", service.name);
    let what = match &service.registration {
        None => {
            html! { p { "The service goes for good, " strong { "with all its data" } ". Open connections end." } }
        }
        Some(registration) => html! {
            p { "Strait forgets the service. The PostgreSQL itself (" (registration.host) ") and its data stay where they are." }
        },
    };
    let body = html! {
        h1 { (title) }
        form.sheet method="post" action={ (own) "/delete" } {
            (scope.visitor.token())
            (what)
            (fields.text("confirm", "Type the service’s name to confirm", "", &Line { first: true, placeholder: Some(&service.name), ..Line::default() }))
            div.row {
                button.danger type="submit" { "Delete the service" }
                a href=(own) { "Keep it" }
            }
        }
    };
    scope
        .page(title, Tab::Services)
        .below(scope.address("/services"), "Services")
        .below(own, &service.name)
        .render(&body)
}

/// Whether it can be asked to start.
pub(super) fn is_stopped(service: &Service) -> bool {
    match service.wanted {
        Wanted::Paused => true,
        Wanted::Running | Wanted::Deleted => false,
    }
}
