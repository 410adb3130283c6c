//! Tries a connection to a service, from a customer's instance or from the internet, and says where it stops.

use std::collections::BTreeSet;

use axum::extract::Query;
use maud::{Markup, html};
use serde::Deserialize;
use strait_plane::model::Service;

use super::cloud::{Customers, missing, refused};
use super::form::{Fields, Posted};
use super::parts::{Tone, copy, note};
use super::visitor::Permission;
use crate::customer::{Target, Trial, WalkStep};
use crate::error::ApiError;

#[derive(Deserialize)]
pub(super) struct Chosen {
    from: Option<String>,
    service: Option<String>,
}

pub(super) async fn ask(
    customers: Customers,
    Query(chosen): Query<Chosen>,
) -> Result<Markup, ApiError> {
    let fields = Fields::default()
        .with("from", chosen.from.unwrap_or_default())
        .with("service", chosen.service.unwrap_or_default());
    page(&customers, &fields, None).await
}

pub(super) async fn run(customers: Customers, Posted(fields): Posted) -> Result<Markup, ApiError> {
    let _turn = customers.app.trials.take(customers.visitor.identity())?;
    let services = services(&customers).await?;
    let chosen = services
        .iter()
        .find(|(key, _)| key == fields.get("service"));
    let Some((_, service)) = chosen else {
        let fields = fields.refused(
            ApiError::field("service", "service: choose a service"),
            &["service"],
        )?;
        return page(&customers, &fields, None).await;
    };
    let Some(endpoint) = &service.endpoint else {
        let why = "service: it has no address now: it does not run, or is just being made";
        let fields = fields.refused(ApiError::field("service", why), &["service"])?;
        return page(&customers, &fields, None).await;
    };
    let target = Target {
        service: service.service_id.clone(),
        host: endpoint.host.clone(),
        port: endpoint.port,
    };
    let from = fields.get("from");
    if !places(&customers).await?.iter().any(|(id, _)| id == from) {
        return Err(missing(&format!("place {from:?} to try from")));
    }
    let trial = customers.cloud()?.try_connection(from, &target).await;
    let trial = trial.map_err(refused)?;
    page(&customers, &fields, Some((&target, &trial))).await
}

/// The services that the visitor works with, by project and id.
async fn services(customers: &Customers) -> Result<Vec<(String, Service)>, ApiError> {
    let mut all = Vec::new();
    let seats = customers.seats.iter();
    for seat in seats.filter(|seat| seat.role.may(Permission::ManageServices)) {
        let project = &seat.project;
        for service in customers.app.plane.list_services(&project.id).await? {
            all.push((format!("{}/{}", project.id, service.service_id), service));
        }
    }
    Ok(all)
}

/// Where the visitor can try from: everywhere, or the internet and the instances that they see.
async fn places(customers: &Customers) -> Result<Vec<(String, String)>, ApiError> {
    let mut places = customers.cloud()?.places().await;
    if !customers.reach.may_everywhere(Permission::See) {
        let seen = customers.all().await?;
        let vpcs = seen.iter().flat_map(|holdings| &holdings.vpcs);
        let instances: BTreeSet<&str> = vpcs
            .flat_map(|vpc| &vpc.instances)
            .map(|instance| instance.id.as_str())
            .collect();
        places.retain(|place| !place.is_instance || instances.contains(place.id.as_str()));
    }
    Ok(places
        .into_iter()
        .map(|place| (place.id, place.label))
        .collect())
}

async fn page(
    customers: &Customers,
    fields: &Fields,
    result: Option<(&Target, &Trial)>,
) -> Result<Markup, ApiError> {
    let places = places(customers).await?;
    let may = customers.reach.may_somewhere(Permission::ManageServices);
    let services = services(customers).await?;
    let services: Vec<(String, String)> = services
        .into_iter()
        .map(|(key, service)| (key, format!("{} ({})", service.name, service.service_id)))
        .collect();
    let body = html! {
        div.title { h1 { "Try a connection" } }
        p { "A real connection, from the very network that you choose: its DNS name, TCP, and PostgreSQL’s answer." }
        @if !may {
            div.sheet.empty { p { "Trying one takes the role developer in a project: ask an owner or admin of yours." } }
        } @else if services.is_empty() {
            div.sheet.empty { p { "There is no service to reach yet. " a href="/projects" { "Create one in a project" } "." } }
        } @else {
            form.sheet method="post" action="/cloud/try" {
                (customers.visitor.token())
                (fields.select("from", "From", &places))
                (fields.select("service", "To", &services))
                button.main type="submit" { "Try it" }
            }
        }
        @if let Some((target, trial)) = result { (outcome(target, trial)) }
    };
    Ok(customers
        .page("Try a connection")
        .below("/cloud", "Customer’s cloud")
        .render(&body))
}

fn outcome(target: &Target, trial: &Trial) -> Markup {
    let stop = trial.walk.iter().position(|step| !step.ok);
    html! {
        section #result.sheet aria-label="Result" role="status" {
            h2 { "Result" }
            @match &trial.failure {
                None => (note(Tone::Good, &html! { p { strong { "PostgreSQL answers." } } (asked(target, trial)) })),
                Some(why) => (note(Tone::Bad, &html! { p { strong { "No connection: " } (why) "." } (asked(target, trial)) })),
            }
            h3 { "What a packet meets on the way" }
            ol.steps { @for (place, step) in trial.walk.iter().enumerate() { (met(step, stop == Some(place))) } }
        }
    }
}

fn asked(target: &Target, trial: &Trial) -> Markup {
    html! {
        p {
            "Its name " code { (target.host) }
            @match trial.resolved {
                Some(address) => { " leads to " code { (address) } " there, port " (target.port) "." }
                None => " leads nowhere there.",
            }
        }
    }
}

fn met(step: &WalkStep, is_stop: bool) -> Markup {
    html! {
        li.(if step.ok { "good" } else { "bad" }) {
            div {
                p { code { (step.place) } " " (step.what) @if is_stop { " " strong { "It stops here." } } @else if !step.ok { " " strong { "So it would here." } } }
                @if let Some(fix) = &step.fix { p.soft { "To mend it:" } (copy("the command", fix)) }
            }
        }
    }
}
