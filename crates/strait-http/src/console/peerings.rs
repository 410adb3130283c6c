//! Peering connections: a new one, one of them with what its customer has to do, its end.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use strait_plane::ErrorKind;
use strait_plane::model::{
    CustomerGuide, CustomerStep, NewPeering, Peering, PeeringState, Vpc, WaitingOn,
};

use super::form::{Fields, Line, Posted};
use super::frame::Tab;
use super::parts::{Tone, copy, left, note, of_peering, state, time, turn};
use super::visitor::{Permission, Scope};
use super::vpcs;
use crate::error::ApiError;

/// The fields of the form for a new one.
const FIELDS: &[&str] = &["peer_account_id", "peer_vpc_id", "peer_region_code"];

/// Names a VPC, after the project.
type InVpc = Path<(String, String)>;
/// Names a peering connection, after the project and the VPC.
type OfPeering = Path<(String, String, String)>;

pub(super) async fn new(scope: Scope, Path((_, named)): InVpc) -> Result<Markup, ApiError> {
    let vpc = scope.plane.vpc(scope.id(), &named).await?;
    let fields = Fields::default().with("peer_region_code", &vpc.region_code);
    Ok(form(&scope, &vpc, &fields))
}

pub(super) async fn create(
    scope: Scope,
    Path((_, named)): InVpc,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let vpc = scope.plane.vpc(scope.id(), &named).await?;
    let new = NewPeering {
        peer_account_id: fields.get("peer_account_id").to_owned(),
        peer_vpc_id: fields.get("peer_vpc_id").to_owned(),
        peer_region_code: fields.get("peer_region_code").to_owned(),
        ..NewPeering::default()
    };
    match scope.plane.create_peering(scope.id(), &vpc.id, new).await {
        Ok(peering) => Ok(Redirect::to(&address(&scope, &peering)).into_response()),
        Err(error) => {
            let fields = fields.refused(error.into(), FIELDS)?;
            let form = form(&scope, &vpc, &fields);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, form).into_response())
        }
    }
}

pub(super) async fn show(
    scope: Scope,
    Path((_, vpc, named)): OfPeering,
) -> Result<Markup, ApiError> {
    let vpc = scope.plane.vpc(scope.id(), &vpc).await?;
    let peering = scope.plane.peering(scope.id(), &vpc.id, &named).await?;
    let guide = match scope
        .plane
        .customer_steps(scope.id(), &vpc.id, &peering.id)
        .await
    {
        Ok(guide) => Some(guide),
        Err(error) if matches!(error.kind(), ErrorKind::Conflict) => None,
        Err(error) => return Err(error.into()),
    };
    let own = address(&scope, &peering);
    let may = scope.may(Permission::ManageNetworks);
    let title = format!("Peering with {}", peering.peer_vpc_id);
    let body = html! {
        div.title {
            h1 { (title) }
            @if may && peering.state != PeeringState::Deleting {
                div.act {
                    @if peering.state.has_ended() {
                        form method="post" action={ (own) "/request" } {
                            (scope.visitor.token())
                            button.main type="submit" { "Ask again" }
                        }
                    }
                    a.button.danger href={ (own) "/delete" } { "Delete…" }
                }
            }
        }
        div #facts.sheet data-fresh {
            (whose_turn(&scope, &peering))
            dl.facts {
                dt { "State" } dd { (state(of_peering(peering.state))) }
                dt { "Whose turn it is" } dd { (turn(peering.waiting_on)) }
                dt { "Customer’s connection" } dd { (peering.accepter_provisioned_id.as_deref().unwrap_or("not known yet")) }
                dt { "Customer’s account" } dd { (peering.peer_account_id) }
                dt { "Customer’s VPC" } dd { (peering.peer_vpc_id) " in " (peering.peer_region_code) }
                dt { "Customer’s ranges" } dd { (ranges(&peering)) }
                dt { "Packets are let in" } dd { (if peering.admitted { "yes" } else { "no" }) }
                @if let Some(at) = peering.expires_at { dt { "Expires" } dd { (left(at)) " (" (time(at)) ")" } }
                dt { "Id" } dd { code { (peering.id) } }
                dt { "Asked for" } dd { (time(peering.created)) }
            }
        }
        div #guide data-fresh {
            @if let Some(guide) = &guide {
                @if !peering.state.has_ended() && peering.state != PeeringState::Deleting { (steps(&peering, guide)) }
            }
        }
    };
    Ok(scope
        .page(title, Tab::Vpcs)
        .below(scope.address("/vpcs"), "Peering VPCs")
        .below(vpcs::address(&scope, &vpc), &vpc.name)
        .live(scope.live(), is_unsettled(&peering))
        .render(&body))
}

pub(super) async fn request(
    scope: Scope,
    Path((_, vpc, named)): OfPeering,
    Posted(_): Posted,
) -> Result<Redirect, ApiError> {
    let peering = scope
        .plane
        .request_peering(scope.id(), &vpc, &named)
        .await?;
    Ok(Redirect::to(&address(&scope, &peering)))
}

pub(super) async fn ask_delete(
    scope: Scope,
    Path((_, vpc, named)): OfPeering,
) -> Result<Markup, ApiError> {
    let vpc = scope.plane.vpc(scope.id(), &vpc).await?;
    let peering = scope.plane.peering(scope.id(), &vpc.id, &named).await?;
    let own = address(&scope, &peering);
    let title = format!("Delete the peering with {}?", peering.peer_vpc_id);
    let body = html! {
        h1 { (title) }
        form.sheet method="post" action={ (own) "/delete" } {
            (scope.visitor.token())
            p { "Open connections through it end. Account " (peering.peer_account_id) " then reaches no service of VPC " strong { (vpc.name) } " from this network any more." }
            p { "It cannot be brought back: a new request has to be accepted by the customer again, and the customer’s route changed." }
            div.row {
                button.danger type="submit" { "Delete the peering connection" }
                a href=(own) { "Keep it" }
            }
        }
    };
    Ok(scope
        .page(title, Tab::Vpcs)
        .below(scope.address("/vpcs"), "Peering VPCs")
        .below(vpcs::address(&scope, &vpc), &vpc.name)
        .render(&body))
}

pub(super) async fn delete(
    scope: Scope,
    Path((_, vpc, named)): OfPeering,
    Posted(_): Posted,
) -> Result<Redirect, ApiError> {
    let peering = scope.plane.delete_peering(scope.id(), &vpc, &named).await?;
    Ok(Redirect::to(
        &scope.address(&format!("/vpcs/{}", peering.vpc_id)),
    ))
}

/// Whether it is about to change by itself.
pub(super) fn is_unsettled(peering: &Peering) -> bool {
    match peering.state {
        PeeringState::InitiatingRequest | PeeringState::Deleting => true,
        PeeringState::Active => !peering.admitted && peering.reason.is_none(),
        PeeringState::PendingAcceptance
        | PeeringState::Failed
        | PeeringState::Expired
        | PeeringState::Rejected
        | PeeringState::Deleted => false,
    }
}

fn address(scope: &Scope, peering: &Peering) -> String {
    scope.address(&format!("/vpcs/{}/peerings/{}", peering.vpc_id, peering.id))
}

fn form(scope: &Scope, vpc: &Vpc, fields: &Fields) -> Markup {
    let own = vpcs::address(scope, vpc);
    let regions = vpcs::options(&scope.plane.known_regions());
    let body = html! {
        h1 { "Add a peering connection" }
        p { "You ask a customer to peer their VPC with " strong { (vpc.name) } ". Nothing opens before the customer accepts." }
        form.sheet method="post" action={ (own) "/peerings/new" } {
            (scope.visitor.token())
            (fields.refusal())
            (fields.text("peer_account_id", "Customer’s AWS account", "12 digits.",
                &Line { placeholder: Some("123456789012"), inputmode: Some("numeric"), first: true, ..Line::default() }))
            (fields.text("peer_vpc_id", "Customer’s VPC", "Its id, which begins with vpc-.",
                &Line { placeholder: Some("vpc-0123456789abcdef0"), ..Line::default() }))
            (fields.select("peer_region_code", "Customer’s Region", &regions))
            div.row {
                button.main type="submit" { "Ask the customer" }
                a href=(own) { "Cancel" }
            }
        }
    };
    scope
        .page("Add a peering connection", Tab::Vpcs)
        .below(scope.address("/vpcs"), "Peering VPCs")
        .below(own, &vpc.name)
        .render(&body)
}

fn whose_turn(scope: &Scope, peering: &Peering) -> Markup {
    let customers = scope
        .has_cloud
        .then(|| format!("/cloud/{}", peering.peer_account_id));
    html! {
        @if let Some(reason) = &peering.reason {
            (note(Tone::Bad, &html! {
                p { (reason.message) }
                @if let Some(next) = &peering.next_action { p { "Next: " (next) "." } }
            }))
        } @else {
            @match peering.waiting_on {
                WaitingOn::Customer => (note(Tone::Wait, &html! {
                    p { strong { "It is the customer’s turn. " } @if let Some(next) = &peering.next_action { "Next: " (next) "." } }
                    @if let Some(customers) = &customers {
                        p { "This Strait runs the customer’s cloud too: " a href=(customers) { "do it there" } "." }
                    }
                })),
                WaitingOn::Provider => (note(Tone::Wait, &html! {
                    p { strong { "It is your turn. " } @if let Some(next) = &peering.next_action { (next) "." } }
                })),
                WaitingOn::Nobody => (note(Tone::Good, &html! {
                    p { strong { "The connection is active. " } "The customer still needs the route and the security group rule below, if they are not there yet." }
                })),
            }
        }
    }
}

fn ranges(peering: &Peering) -> String {
    if peering.peer_cidrs.is_empty() {
        return "known once the customer has accepted".to_owned();
    }
    let ranges: Vec<String> = peering.peer_cidrs.iter().map(ToString::to_string).collect();
    ranges.join(", ")
}

fn steps(peering: &Peering, guide: &CustomerGuide) -> Markup {
    let policy = serde_json::to_string_pretty(&guide.iam_policy).unwrap_or_default();
    let requester = &guide.requester;
    html! {
        section.sheet aria-label="What the customer does" {
            h2 { "What the customer does" }
            p { "In account " strong { (guide.peer_account_id) } ", Region " strong { (guide.peer_region_code) }
                ". The request comes from account " (requester.account_id) ", " code { (requester.vpc_id) } " (" (requester.cidr) ") in " (requester.region_code) "." }
            @if let Some(pcx) = &peering.accepter_provisioned_id { (copy("the connection’s id", pcx)) }
            (list(&guide.steps, peering.state))
            details {
                summary { "Permissions that these steps take (IAM policy)" }
                (copy("the policy", &policy))
            }
            details {
                summary { "How the customer takes it back" }
                (list(&guide.undo, PeeringState::PendingAcceptance))
            }
        }
    }
}

fn list(steps: &[CustomerStep], now: PeeringState) -> Markup {
    html! {
        ol.steps {
            @for step in steps {
                @let done = step.id == "accept" && now == PeeringState::Active;
                li.good[done] {
                    div {
                        h3 { (step.title) @if step.optional { " " small.soft { "(optional)" } } @if done { " " small.soft { "(done)" } } }
                        p.soft { (step.explanation) }
                        (copy(&step.title, &step.command))
                    }
                }
            }
        }
    }
}
