//! The customer's half, where this Strait plays the customer's cloud: accounts, and the requests that they are asked.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use strait_plane::model::Seat;

use super::form::{Fields, Posted};
use super::frame::{Page, Tab};
use super::network;
use super::parts::{Tone, left, state, sure};
use super::reach::Reach;
use super::visitor::{Permission, Visitor};
use super::vpcs;
use crate::Shared;
use crate::customer::{
    CustomerAccount, CustomerChange, CustomerCloud, CustomerError, CustomerVpc, Holdings,
    PeeringRequest, RequestState,
};
use crate::error::ApiError;

/// The customers' cloud, for who may look at some of it.
#[derive(Clone)]
pub(super) struct Customers {
    pub(super) visitor: Visitor,
    pub(super) app: Shared,
    /// The visitor's projects.
    pub(super) seats: Arc<[Seat]>,
    /// What they may see and do of it.
    pub(super) reach: Arc<Reach>,
}

impl FromRequestParts<Shared> for Customers {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let visitor = Visitor::from_request_parts(parts, app).await?;
        if app.options.customers.is_none() {
            return Err(ApiError::NoSuchPath(parts.uri.path().to_owned()));
        }
        let seats = visitor.seats(app).await?;
        let customers = Self {
            reach: Arc::new(Reach::of(&app.plane, &seats).await?),
            seats: seats.into(),
            app: app.clone(),
            visitor,
        };
        parts.extensions.insert(customers.clone());
        Ok(customers)
    }
}

impl Customers {
    /// The cloud, which is there: else these pages are not.
    pub(super) fn cloud(&self) -> Result<&dyn CustomerCloud, ApiError> {
        let cloud = self.app.options.customers.as_deref();
        cloud.ok_or_else(|| ApiError::NoSuchPath("/cloud".to_owned()))
    }

    /// A page of it.
    pub(super) fn page(&self, title: impl Into<String>) -> Page<'_> {
        Page::new(title)
            .to(&self.visitor)
            .with_cloud(true)
            .at(Tab::Cloud)
    }

    /// Refuses who may do this in no project.
    pub(super) fn must_somewhere(&self, permission: Permission) -> Result<(), ApiError> {
        if self.reach.may_somewhere(permission) {
            return Ok(());
        }
        if permission == Permission::See {
            return Err(forbidden(
                "look at the customers’ cloud: it is for members of a project",
            ));
        }
        Err(forbidden(&format!(
            "do this in the customers’ cloud: it takes the role {} in a project",
            permission.least_role()
        )))
    }

    /// Refuses who may not do this in every project.
    pub(super) fn must_everywhere(&self, permission: Permission) -> Result<(), ApiError> {
        if self.reach.may_everywhere(permission) {
            return Ok(());
        }
        Err(forbidden(&format!(
            "act for every customer: it takes the role {} in every project of this Strait",
            permission.least_role()
        )))
    }

    /// What the visitor sees of all accounts.
    pub(super) async fn all(&self) -> Result<Vec<Holdings>, ApiError> {
        let cloud = self.cloud()?;
        let mut seen = Vec::new();
        for account in cloud.accounts().await {
            let holdings = cloud.holdings(&account.id).await;
            seen.extend(holdings.and_then(|found| self.reach.seen(found)));
        }
        Ok(seen)
    }

    async fn holdings(&self, account: &str) -> Result<Holdings, ApiError> {
        let found = self.cloud()?.holdings(account).await;
        let seen = found.and_then(|found| self.reach.seen(found));
        seen.ok_or_else(|| missing(&format!("account {account}")))
    }
}

pub(super) async fn accounts(customers: Customers) -> Result<Markup, ApiError> {
    let seen = customers.all().await?;
    let accounts: Vec<&CustomerAccount> = seen.iter().map(|holdings| &holdings.account).collect();
    let acts_on_all = customers.reach.may_everywhere(Permission::ManageNetworks);
    let body = html! {
        div.title { h1 { "Customer’s cloud" } }
        p { "This Strait runs its customers’ cloud too, so that the whole way can be tried on one machine. What you do here, a customer does in their own account." }
        @if accounts.is_empty() {
            (no_customer(&customers, acts_on_all))
        } @else {
            div.sheet {
                table.cards {
                    thead { tr { th { "Account" } th { "Id" } th { "VPCs" } th { "Requests to answer" } } }
                    tbody { @for account in &accounts { (account_row(account)) } }
                }
            }
            @if acts_on_all { (example(&customers, "Make another example customer")) }
            p { a href="/cloud/try" { "Try a connection" } " from an instance, or from the internet." }
        }
    };
    Ok(customers.page("Customer’s cloud").render(&body))
}

pub(super) async fn make_example(
    customers: Customers,
    Posted(_): Posted,
) -> Result<Redirect, ApiError> {
    let region = vpcs::preferred(&customers.app.plane.supported_regions());
    let account = customers
        .cloud()?
        .make_example(&region)
        .await
        .map_err(refused)?;
    Ok(Redirect::to(&format!("/cloud/{}", account.id)))
}

pub(super) async fn account(
    customers: Customers,
    Path(id): Path<String>,
) -> Result<Markup, ApiError> {
    let holdings = customers.holdings(&id).await?;
    Ok(overview(&customers, &holdings, &Fields::default()))
}

pub(super) async fn vpc(
    customers: Customers,
    Path((id, vpc)): Path<(String, String)>,
) -> Result<Markup, ApiError> {
    let holdings = customers.holdings(&id).await?;
    network::page(&customers, &holdings, &vpc, &Fields::default())
}

/// Everything that a customer does: a form says what, and where its page is.
pub(super) async fn change(
    customers: Customers,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let Some(change) = read(&fields) else {
        return Err(ApiError::Malformed(
            "this form asks for nothing that there is".to_owned(),
        ));
    };
    let seen = customers.holdings(&id).await?;
    customers.reach.check(&seen, &change)?;
    let cloud = customers.cloud()?;
    let vpc = fields.given("vpc");
    match cloud.change(&id, fields.get("region"), change).await {
        Ok(()) => {
            let back = vpc.map_or_else(
                || format!("/cloud/{id}"),
                |vpc| format!("/cloud/{id}/vpcs/{vpc}"),
            );
            Ok(Redirect::to(&back).into_response())
        }
        Err(error) => {
            let holdings = customers.holdings(&id).await?;
            let fields = fields.refused(refused(error), &[])?;
            let page = match vpc {
                Some(vpc) => network::page(&customers, &holdings, &vpc, &fields)?,
                None => overview(&customers, &holdings, &fields),
            };
            Ok((StatusCode::CONFLICT, page).into_response())
        }
    }
}

/// What the cloud refuses, as pages say it.
pub(super) fn refused(error: CustomerError) -> ApiError {
    match error {
        CustomerError::NotFound(what) => missing(&what),
        CustomerError::Refused { .. } => ApiError::field("request", error.to_string()),
        CustomerError::Failed(_) => ApiError::Customers(error.to_string()),
    }
}

/// That it is not for this visitor.
pub(super) fn forbidden(what: &str) -> ApiError {
    ApiError::Plane(strait_plane::PlaneError::Forbidden {
        message: format!("you may not {what}"),
    })
}

/// That there is no such thing of a customer's.
pub(super) fn missing(what: &str) -> ApiError {
    ApiError::Plane(strait_plane::PlaneError::NotFound {
        kind: "customer’s",
        name: what.to_owned(),
    })
}

fn read(fields: &Fields) -> Option<CustomerChange> {
    let given = |name: &str| fields.get(name).to_owned();
    Some(match fields.get("do") {
        "accept" => CustomerChange::Accept {
            peering: given("peering"),
        },
        "reject" => CustomerChange::Reject {
            peering: given("peering"),
        },
        "delete-peering" => CustomerChange::DeletePeering {
            peering: given("peering"),
        },
        "add-route" => CustomerChange::AddRoute {
            table: given("table"),
            peering: given("peering"),
        },
        "delete-route" => CustomerChange::DeleteRoute {
            table: given("table"),
            destination: given("destination"),
        },
        "allow" => CustomerChange::Allow {
            group: given("group"),
            peering: given("peering"),
        },
        "disallow" => CustomerChange::Disallow {
            group: given("group"),
            rule: given("rule"),
        },
        _ => return None,
    })
}

fn account_row(account: &CustomerAccount) -> Markup {
    html! {
        tr {
            td data-label="Account" { a href={ "/cloud/" (account.id) } { (account.name) } }
            td data-label="Id" { (account.id) }
            td data-label="VPCs" { (account.vpcs) }
            td data-label="Requests to answer" {
                @if account.pending > 0 { (state((Tone::Wait, &format!("{} pending", account.pending)))) } @else { "none" }
            }
        }
    }
}

fn no_customer(customers: &Customers, acts_on_all: bool) -> Markup {
    html! {
        div.sheet.empty {
            h2 { "No customer yet" }
            @if acts_on_all {
                p { "Make one to try things with: an account with a VPC, a route table, a security group that lets nothing out yet, and an instance. Then peer with its VPC, and do the customer’s half here." }
                (example_form(customers, "Make an example customer"))
            } @else {
                p { "Here you see your projects’ peering connections as their customers do, and the VPCs of those who accepted." }
            }
            p.soft { "Or make your own with the AWS command line: " code { "eval \"$(strait env --account customer)\"" } }
        }
    }
}

fn example(customers: &Customers, word: &str) -> Markup {
    sure(
        word,
        &html! { "A new account, with a VPC, a route table, a security group that lets nothing out yet, and an instance." },
        &example_form(customers, "Make it"),
    )
}

fn example_form(customers: &Customers, word: &str) -> Markup {
    html! {
        form method="post" action="/cloud/example" {
            (customers.visitor.token())
            button.main type="submit" { (word) }
        }
    }
}

fn overview(customers: &Customers, holdings: &Holdings, fields: &Fields) -> Markup {
    let account = &holdings.account;
    let body = html! {
        div.title { h1 { "Account " (account.name) } }
        (fields.refusal())
        p.soft { "Account " (account.id) ". Give the provider this number and the VPC’s id." }
        section.sheet aria-label="Peering requests" {
            h2 { "Peering requests" }
            @if holdings.requests.is_empty() {
                p.soft { "Nobody has asked yet. A provider asks on the page of a Peering VPC: Add a peering connection." }
            }
            @for request in &holdings.requests { (request_of(customers, holdings, request)) }
        }
        section.sheet aria-label="VPCs" {
            h2 { "VPCs" }
            @if holdings.vpcs.is_empty() {
                p.soft { "This account has no VPC." }
            } @else {
                table.cards {
                    thead { tr { th { "VPC" } th { "Range" } th { "Region" } th { "Instances" } } }
                    tbody {
                        @for vpc in &holdings.vpcs {
                            tr {
                                td data-label="VPC" { a href={ "/cloud/" (account.id) "/vpcs/" (vpc.id) } { (called(vpc)) } " " small.soft { code { (vpc.id) } } }
                                td data-label="Range" { code { (listed(vpc)) } }
                                td data-label="Region" { (vpc.region) }
                                td data-label="Instances" { (vpc.instances.len()) }
                            }
                        }
                    }
                }
            }
        }
    };
    customers
        .page(format!("Account {}", account.name))
        .below("/cloud", "Customer’s cloud")
        .render(&body)
}

fn request_of(customers: &Customers, holdings: &Holdings, request: &PeeringRequest) -> Markup {
    let account = &holdings.account.id;
    let is_seen = holdings.vpcs.iter().any(|vpc| vpc.id == request.vpc);
    let may = customers.reach.acts_on(request);
    let range = request
        .requester_range
        .map_or_else(|| "range not known".to_owned(), |range| range.to_string());
    let form = |act: &str, class: &str, word: &str| {
        html! {
            form method="post" action={ "/cloud/" (account) "/change" } {
                (customers.visitor.token())
                (hidden(&[("do", act), ("peering", &request.id), ("region", &request.region)]))
                button.(class) type="submit" { (word) }
            }
        }
    };
    html! {
        div.note.(tone(request.state).class()) {
            div.row { strong { code { (request.id) } } (state(word(request.state))) }
            p { "From account " (request.requester_account) ": " code { (request.requester_vpc) } " (" (range) ") in " (request.requester_region)
                ", to your VPC "
                @if is_seen { a href={ "/cloud/" (account) "/vpcs/" (request.vpc) } { (request.vpc) } } @else { code { (request.vpc) } }
                " in " (request.region) "." }
            @match request.state {
                RequestState::Pending => {
                    p.soft { "Accept only what a provider told you about. It expires " (left(request.expires_at)) "." }
                    @if may { div.row { (form("accept", "main", "Accept")) (form("reject", "danger", "Reject")) } }
                }
                RequestState::Active => {
                    p { "Next: in the VPC, add the route and let TCP 5432 out." }
                    div.row {
                        a.button href={ "/cloud/" (account) "/vpcs/" (request.vpc) } { "To the VPC" }
                        @if may { (sure("Delete the connection…", &html! { "Open connections through it end." }, &form("delete-peering", "danger", "Delete it"))) }
                    }
                }
                RequestState::Failed | RequestState::Expired | RequestState::Rejected | RequestState::Deleted => {}
            }
        }
    }
}

/// Fields that nobody sees.
pub(super) fn hidden(fields: &[(&str, &str)]) -> Markup {
    html! { @for (name, value) in fields { input type="hidden" name=(name) value=(value); } }
}

/// What people call a VPC.
pub(super) fn called(vpc: &CustomerVpc) -> &str {
    match (&vpc.name, vpc.is_default) {
        (Some(name), _) => name,
        (None, true) => "Default VPC",
        (None, false) => &vpc.id,
    }
}

/// A VPC's ranges.
pub(super) fn listed(vpc: &CustomerVpc) -> String {
    let ranges: Vec<String> = vpc.ranges.iter().map(ToString::to_string).collect();
    ranges.join(", ")
}

fn tone(state: RequestState) -> Tone {
    word(state).0
}

fn word(state: RequestState) -> (Tone, &'static str) {
    match state {
        RequestState::Pending => (Tone::Wait, "Pending acceptance"),
        RequestState::Active => (Tone::Good, "Active"),
        RequestState::Failed => (Tone::Bad, "Failed"),
        RequestState::Expired => (Tone::Bad, "Expired"),
        RequestState::Rejected => (Tone::Plain, "Rejected"),
        RequestState::Deleted => (Tone::Plain, "Deleted"),
    }
}
