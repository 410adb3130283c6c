//! Peering VPCs: the list, a new one, one of them, its end.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use strait_plane::model::{NewVpc, Peering, PeeringState, Service, Vpc, VpcStatus};

use super::form::{Fields, Line, Posted};
use super::frame::Tab;
use super::parts::{Tone, note, of_peering, of_vpc, state, time, turn};
use super::visitor::{Permission, Scope};
use crate::error::ApiError;

/// The fields of the form for a new one.
const FIELDS: &[&str] = &["cidr", "region_code", "name"];

pub(super) async fn list(scope: Scope) -> Result<Markup, ApiError> {
    let vpcs = scope.plane.list_vpcs(scope.id()).await?;
    let services = scope.plane.list_services(scope.id()).await?;
    let may = scope.may(Permission::ManageNetworks);
    let mut rows = Vec::new();
    for vpc in &vpcs {
        rows.push((vpc, scope.plane.list_peerings(scope.id(), &vpc.id).await?));
    }
    let body = html! {
        div.title {
            h1 { "Peering VPCs" }
            @if may && !vpcs.is_empty() { div.act { a.button.main href=(scope.address("/vpcs/new")) { "Create a VPC" } } }
        }
        p.soft { "A Peering VPC stands between your services and customers’ networks: customers peer with it, services are attached to it." }
        div #vpcs data-fresh {
            @if vpcs.is_empty() {
                (nothing_yet(&scope, may))
            } @else {
                div.sheet {
                    table.cards {
                        thead { tr { th { "Name" } th { "Range" } th { "Region" } th { "State" } th { "Peering connections" } th { "Services" } } }
                        tbody {
                            @for (vpc, peerings) in &rows {
                                tr {
                                    td data-label="Name" { a href=(address(&scope, vpc)) { (vpc.name) } }
                                    td data-label="Range" { code { (vpc.cidr) } }
                                    td data-label="Region" { (vpc.region_code) }
                                    td data-label="State" { (state(of_vpc(vpc.status))) }
                                    td data-label="Peering connections" { (counted(peerings)) }
                                    td data-label="Services" { (attached(&services, vpc).len()) }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    let unsettled = vpcs.iter().any(is_unsettled);
    let page = scope.page("Peering VPCs", Tab::Vpcs);
    Ok(page.live(scope.live(), unsettled).render(&body))
}

pub(super) async fn new(scope: Scope) -> Result<Markup, ApiError> {
    let vpcs = scope.plane.list_vpcs(scope.id()).await?;
    let fields = Fields::default()
        .with("cidr", free_range(&vpcs))
        .with("region_code", preferred(&scope.plane.supported_regions()));
    Ok(form(&scope, &fields))
}

pub(super) async fn create(scope: Scope, Posted(fields): Posted) -> Result<Response, ApiError> {
    let new = NewVpc {
        name: fields.given("name"),
        cidr: fields.get("cidr").to_owned(),
        region_code: fields.get("region_code").to_owned(),
    };
    match scope.plane.create_vpc(scope.id(), new).await {
        Ok(vpc) => Ok(Redirect::to(&address(&scope, &vpc)).into_response()),
        Err(error) => {
            let fields = fields.refused(error.into(), FIELDS)?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, form(&scope, &fields)).into_response())
        }
    }
}

pub(super) async fn show(
    scope: Scope,
    Path((_, named)): Path<(String, String)>,
) -> Result<Markup, ApiError> {
    let vpc = scope.plane.vpc(scope.id(), &named).await?;
    page(&scope, &vpc, &Fields::default().with("name", &vpc.name)).await
}

pub(super) async fn rename(
    scope: Scope,
    Path((_, named)): Path<(String, String)>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let vpc = scope.plane.vpc(scope.id(), &named).await?;
    match scope
        .plane
        .rename_vpc(scope.id(), &vpc.id, fields.get("name"))
        .await
    {
        Ok(vpc) => Ok(Redirect::to(&address(&scope, &vpc)).into_response()),
        Err(error) => {
            let fields = fields.refused(error.into(), &["name"])?;
            let page = page(&scope, &vpc, &fields).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

pub(super) async fn ask_delete(
    scope: Scope,
    Path((_, named)): Path<(String, String)>,
) -> Result<Markup, ApiError> {
    let vpc = scope.plane.vpc(scope.id(), &named).await?;
    deletion(&scope, &vpc, &Fields::default()).await
}

pub(super) async fn delete(
    scope: Scope,
    Path((_, named)): Path<(String, String)>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let vpc = scope.plane.vpc(scope.id(), &named).await?;
    let cascade = fields.is_ticked("cascade");
    match scope.plane.delete_vpc(scope.id(), &vpc.id, cascade).await {
        Ok(_) => Ok(Redirect::to(&scope.address("/vpcs")).into_response()),
        Err(error) => {
            let fields = fields.refused(error.into(), &["cascade"])?;
            let page = deletion(&scope, &vpc, &fields).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
    }
}

/// A deletion that has to wait for services to leave can be taken back.
pub(super) async fn keep(
    scope: Scope,
    Path((_, named)): Path<(String, String)>,
    Posted(_): Posted,
) -> Result<Redirect, ApiError> {
    let vpc = scope.plane.cancel_vpc_deletion(scope.id(), &named).await?;
    Ok(Redirect::to(&address(&scope, &vpc)))
}

/// Where a VPC's page is.
pub(super) fn address(scope: &Scope, vpc: &Vpc) -> String {
    scope.address(&format!("/vpcs/{}", vpc.id))
}

/// How a list of Regions is offered, and which one first: AWS's own command line's.
pub(super) fn preferred(regions: &[String]) -> String {
    let usual = regions.iter().find(|region| *region == "us-east-1");
    usual.or(regions.first()).cloned().unwrap_or_default()
}

/// Regions as options.
pub(super) fn options(regions: &[String]) -> Vec<(String, String)> {
    let twice = |region: &String| (region.clone(), region.clone());
    regions.iter().map(twice).collect()
}

/// How many connections a VPC has, in words.
pub(super) fn counted(peerings: &[Peering]) -> String {
    let of = |wanted: PeeringState| {
        peerings
            .iter()
            .filter(|peering| peering.state == wanted)
            .count()
    };
    let (active, pending) = (
        of(PeeringState::Active),
        of(PeeringState::PendingAcceptance),
    );
    let others = peerings.len() - active - pending;
    let parts: Vec<String> = [(active, "active"), (pending, "pending"), (others, "other")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if parts.is_empty() {
        "none".to_owned()
    } else {
        parts.join(", ")
    }
}

async fn page(scope: &Scope, vpc: &Vpc, fields: &Fields) -> Result<Markup, ApiError> {
    let peerings = scope.plane.list_peerings(scope.id(), &vpc.id).await?;
    let services = scope.plane.list_services(scope.id()).await?;
    let services = attached(&services, vpc);
    let may = scope.may(Permission::ManageNetworks);
    let own = address(scope, vpc);
    let body = html! {
        div.title {
            h1 { (vpc.name) }
            @if may { div.act { (leave_or_stay(scope, vpc)) } }
        }
        div #facts.sheet data-fresh {
            dl.facts {
                dt { "State" } dd { (state(of_vpc(vpc.status))) }
                dt { "Range" } dd { code { (vpc.cidr) } }
                dt { "Region" } dd { (vpc.region_code) }
                dt { "Id" } dd { code { (vpc.id) } }
                @if let Some(id) = &vpc.provisioned_id { dt { "Id in the cloud" } dd { code { (id) } } }
                dt { "Created" } dd { (time(vpc.created)) }
            }
            @if let Some(reason) = &vpc.reason { (note(Tone::Bad, &html! { p { (reason.message) } })) }
        }
        section #peerings.sheet data-fresh aria-label="Peering connections" {
            div.title {
                h2 { "Peering connections" }
                @if may && is_usable(vpc) { div.act { a.button.main href={ (own) "/peerings/new" } { "Add a peering connection" } } }
            }
            (peering_table(&own, &peerings))
        }
        section #services.sheet data-fresh aria-label="Attached services" {
            h2 { "Attached services" }
            @if services.is_empty() {
                p.soft { "None. Attach one on its page: Services, then the service, then Operations." }
            } @else {
                ul {
                    @for service in &services {
                        li { a href=(scope.address(&format!("/services/{}", service.service_id))) { (service.name) } }
                    }
                }
            }
        }
        @if may {
            section.sheet aria-label="Rename" {
                h2 { "Rename" }
                form method="post" action={ (own) "/rename" } {
                    (scope.visitor.token())
                    (fields.refusal())
                    (fields.text("name", "Name", "", &Line::default()))
                    button type="submit" { "Rename" }
                }
            }
        }
    };
    let unsettled = is_unsettled(vpc) || peerings.iter().any(super::peerings::is_unsettled);
    Ok(scope
        .page(&vpc.name, Tab::Vpcs)
        .below(scope.address("/vpcs"), "Peering VPCs")
        .live(scope.live(), unsettled)
        .here(own)
        .render(&body))
}

fn leave_or_stay(scope: &Scope, vpc: &Vpc) -> Markup {
    let own = address(scope, vpc);
    match vpc.status {
        VpcStatus::Creating | VpcStatus::Created | VpcStatus::Failed => {
            html! { a.button.danger href={ (own) "/delete" } { "Delete…" } }
        }
        VpcStatus::Deleting => html! {
            form method="post" action={ (own) "/keep" } {
                (scope.visitor.token())
                button type="submit" { "Keep it after all" }
            }
        },
    }
}

fn peering_table(own: &str, peerings: &[Peering]) -> Markup {
    html! {
        @if peerings.is_empty() {
            p.soft { "None yet. Add one for each customer’s VPC that shall reach your services: you need the customer’s account, VPC and Region." }
        } @else {
            table.cards {
                thead { tr { th { "Customer’s VPC" } th { "Account" } th { "Region" } th { "State" } th { "Whose turn" } } }
                tbody {
                    @for peering in peerings {
                        tr {
                            td data-label="Customer’s VPC" { a href={ (own) "/peerings/" (peering.id) } { (peering.peer_vpc_id) } }
                            td data-label="Account" { (peering.peer_account_id) }
                            td data-label="Region" { (peering.peer_region_code) }
                            td data-label="State" {
                                (state(of_peering(peering.state)))
                                @if peering.reason.is_some() { " " (state((Tone::Bad, "See why"))) }
                            }
                            td data-label="Whose turn" { (turn(peering.waiting_on)) }
                        }
                    }
                }
            }
        }
    }
}

fn nothing_yet(scope: &Scope, may: bool) -> Markup {
    html! {
        div.sheet.empty {
            h2 { "No Peering VPC yet" }
            p { "Create one in the Region of your services, with a range that overlaps no customer’s. Then ask customers to peer with it, and attach services." }
            @if may {
                a.button.main href=(scope.address("/vpcs/new")) { "Create a VPC" }
            } @else {
                p.soft { "Your role may not create one: an admin or an owner of the project does." }
            }
        }
    }
}

fn form(scope: &Scope, fields: &Fields) -> Markup {
    let body = html! {
        h1 { "Create a Peering VPC" }
        form.sheet method="post" action=(scope.address("/vpcs/new")) {
            (scope.visitor.token())
            (fields.refusal())
            (fields.select("region_code", "Region", &options(&scope.plane.supported_regions())))
            (fields.text("cidr", "Range (CIDR block)", "Private, between /16 and /28. It may overlap neither another VPC of this project nor the customers’ VPCs that will peer with it.",
                &Line { placeholder: Some("10.80.0.0/20"), first: true, ..Line::default() }))
            (fields.text("name", "Name", "For people; one is made up without it.", &Line { required: false, ..Line::default() }))
            div.row {
                button.main type="submit" { "Create" }
                a href=(scope.address("/vpcs")) { "Cancel" }
            }
        }
    };
    scope
        .page("Create a Peering VPC", Tab::Vpcs)
        .below(scope.address("/vpcs"), "Peering VPCs")
        .render(&body)
}

async fn deletion(scope: &Scope, vpc: &Vpc, fields: &Fields) -> Result<Markup, ApiError> {
    let peerings = scope.plane.list_peerings(scope.id(), &vpc.id).await?;
    let in_use =
        |peering: &&Peering| !peering.state.has_ended() && peering.state != PeeringState::Deleting;
    let peerings: Vec<&Peering> = peerings.iter().filter(in_use).collect();
    let services = scope.plane.list_services(scope.id()).await?;
    let services = attached(&services, vpc);
    let is_free = peerings.is_empty() && services.is_empty();
    let own = address(scope, vpc);
    let title = format!("Delete {}?", vpc.name);
    let body = html! {
        h1 { (title) }
        form.sheet method="post" action={ (own) "/delete" } {
            (scope.visitor.token())
            (fields.refusal())
            @if is_free {
                p { "The VPC " code { (vpc.cidr) } " in " (vpc.region_code) " goes for good. Nothing uses it." }
                (buttons(&own, "Delete the VPC"))
            } @else {
                p { "The VPC is in use. With it go, or change:" }
                ul {
                    @for service in &services {
                        li { "service " a href=(scope.address(&format!("/services/{}", service.service_id))) { (service.name) }
                            ": it is detached first, and is " strong { "public again" } }
                    }
                    @for peering in &peerings {
                        li { "peering connection to " code { (peering.peer_vpc_id) } " of account " (peering.peer_account_id) ": it is deleted, and open connections through it end" }
                    }
                }
                div.choice {
                    input #cascade type="checkbox" name="cascade" value="yes" required;
                    label for="cascade" { "Delete the VPC together with all of these" }
                }
                (buttons(&own, "Delete the VPC and all of these"))
            }
        }
    };
    Ok(scope
        .page(title, Tab::Vpcs)
        .below(scope.address("/vpcs"), "Peering VPCs")
        .below(own, &vpc.name)
        .render(&body))
}

fn buttons(own: &str, word: &str) -> Markup {
    html! {
        div.row {
            button.danger type="submit" { (word) }
            a href=(own) { "Keep it" }
        }
    }
}

fn attached<'a>(services: &'a [Service], vpc: &Vpc) -> Vec<&'a Service> {
    let here = |service: &&Service| {
        let network = &service.network;
        network.wanted.vpc() == Some(&vpc.id)
            || network.now.as_ref().and_then(|now| now.vpc()) == Some(&vpc.id)
    };
    services.iter().filter(here).collect()
}

fn is_usable(vpc: &Vpc) -> bool {
    match vpc.status {
        VpcStatus::Creating | VpcStatus::Created => true,
        VpcStatus::Deleting | VpcStatus::Failed => false,
    }
}

fn is_unsettled(vpc: &Vpc) -> bool {
    match vpc.status {
        VpcStatus::Creating | VpcStatus::Deleting => true,
        VpcStatus::Created | VpcStatus::Failed => false,
    }
}

/// A range that no VPC of the project has, to begin with.
fn free_range(vpcs: &[Vpc]) -> String {
    let ranges = (80..=99).map(|second| format!("10.{second}.0.0/20"));
    let mut free = ranges.filter(|range| {
        let range: Option<ipnet::Ipv4Net> = range.parse().ok();
        let clashes = |range: ipnet::Ipv4Net, other: ipnet::Ipv4Net| {
            range.contains(&other) || other.contains(&range)
        };
        range.is_some_and(|range| !vpcs.iter().any(|vpc| clashes(range, vpc.cidr)))
    });
    free.next().unwrap_or_default()
}
