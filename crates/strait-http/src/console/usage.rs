//! What a project used.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use maud::{Markup, html};
use serde::Deserialize;
use strait_plane::model::{Hours, Period, Plan, Resource, Usage, UsageLine};

use super::frame::Tab;
use super::parts::time;
use super::quotas::parted;
use super::visitor::Scope;
use crate::BASE;
use crate::body::Given;
use crate::error::ApiError;

/// Of which month.
#[derive(Deserialize)]
pub(super) struct Asked {
    month: Option<String>,
}

pub(super) async fn show(scope: Scope, Given(asked): Given<Asked>) -> Result<Markup, ApiError> {
    let now = Timestamp::now();
    let period = match &asked.month {
        Some(month) => Period::month(month)?,
        None => Period::month_of(now)?,
    };
    let usage = scope.plane.usage(scope.id(), period, now).await?;
    let month = named(period.from());
    let values = format!(
        "{BASE}/projects/{}/usage?month={month}&format=csv",
        scope.id()
    );
    let body = html! {
        div.title { h1 { "Usage in " (period.from().strftime("%B %Y")) } }
        (parted(&scope, false))
        p {
            @match usage.plan.at(now) {
                Plan::Trial => { "This project is in its trial until " (time(usage.plan.trial_ends)) ": hours of VPCs and endpoints are free." }
                Plan::Standard => { "Hours of VPCs and endpoints count since the trial ended (" (time(usage.plan.trial_ends)) ")." }
            }
        }
        p {
            @if let Some(before) = before(period) {
                a href=(scope.address(&format!("/usage?month={before}"))) { "The month before" }
            }
            @if period.until() <= now {
                " · " a href=(scope.address(&format!("/usage?month={}", named(period.until())))) { "The month after" }
            }
            " · " a href=(values) { "As CSV" }
        }
        @if usage.lines.is_empty() {
            div.sheet.empty { p { "No VPC and no endpoint was there in this month." } }
        } @else {
            div.sheet {
                table.cards {
                    thead { tr { th { "What" } th { "From" } th { "Until" } th { "Hours" } th { "Free" } th { "Billed" } } }
                    tbody {
                        @for line in &usage.lines { (row(line)) }
                        @for resource in Resource::ALL { (total(&usage, *resource)) }
                    }
                }
            }
        }
        p.soft { "Counted up to " (time(now)) ". A VPC counts from when it is made until it is taken away, an endpoint while a service can be reached by it. Months are UTC’s." }
    };
    Ok(scope.page("Usage", Tab::Quotas).render(&body))
}

fn row(line: &UsageLine) -> Markup {
    html! {
        tr {
            td data-label="What" {
                (one(line.resource)) " " (line.name) br;
                small.soft {
                    code { (line.id) }
                    @match line.resource {
                        Resource::Vpc => {}
                        Resource::Endpoint => { " in VPC " code { (line.vpc_id) } }
                    }
                }
            }
            td data-label="From" { (time(line.from)) }
            td data-label="Until" { (time(line.until)) }
            (hours(line.hours, line.free))
        }
    }
}

fn total(usage: &Usage, resource: Resource) -> Markup {
    let lines = usage.of_resource(resource);
    let count = lines.clone().count();
    let there = lines.clone().map(|line| line.hours).sum();
    let free = lines.map(|line| line.free).sum();
    html! {
        @if count > 0 {
            tr {
                td data-label="What" { strong { (all(resource)) ": " (count) } }
                td {}
                td {}
                (hours(there, free))
            }
        }
    }
}

fn hours(there: Hours, free: Hours) -> Markup {
    html! {
        td data-label="Hours" { (there) }
        td data-label="Free" { (free) }
        td data-label="Billed" { (there - free) }
    }
}

fn one(resource: Resource) -> &'static str {
    match resource {
        Resource::Vpc => "VPC",
        Resource::Endpoint => "Endpoint of",
    }
}

fn all(resource: Resource) -> &'static str {
    match resource {
        Resource::Vpc => "VPCs",
        Resource::Endpoint => "Endpoints",
    }
}

fn named(month: Timestamp) -> String {
    month.strftime("%Y-%m").to_string()
}

/// The month before, if usage is asked of such.
fn before(period: Period) -> Option<String> {
    let first = period.from().to_zoned(TimeZone::UTC).date();
    let month = first
        .checked_sub(1.month())
        .ok()?
        .strftime("%Y-%m")
        .to_string();
    Period::month(&month).ok()?;
    Some(month)
}
