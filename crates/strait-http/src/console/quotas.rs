//! Quotas of a project, and asking for more.

use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};
use strait_plane::PlaneError;
use strait_plane::model::{
    NewQuotaRequest, Quota, QuotaRequest, QuotaRequestState, QuotaSetting, Role,
};

use super::form::{self, Fields, Line, Posted};
use super::frame::Tab;
use super::parts::{Tone, state, sure, time};
use super::visitor::{Permission, Scope};
use crate::error::ApiError;

/// The fields of the form that asks for more.
const FIELDS: &[&str] = &["quota", "wanted", "reason"];

pub(super) async fn list(scope: Scope) -> Result<Markup, ApiError> {
    let fields = Fields::default().with("quota", Quota::Vpcs.as_str());
    page(&scope, &fields).await
}

pub(super) async fn ask(scope: Scope, Posted(fields): Posted) -> Result<Response, ApiError> {
    let asked = async {
        let quota = fields.get("quota").parse();
        let new = NewQuotaRequest {
            quota: quota
                .map_err(|error: PlaneError| ApiError::field("quota", error.to_string()))?,
            wanted: fields.number("wanted")?,
            reason: fields.get("reason").to_owned(),
        };
        Ok(scope.plane.request_quota(scope.id(), &new).await?)
    };
    answer(&scope, asked.await, &fields).await
}

pub(super) async fn withdraw(
    scope: Scope,
    Path((_, request)): Path<(String, String)>,
    Posted(_): Posted,
) -> Result<Response, ApiError> {
    let done = scope
        .plane
        .withdraw_quota_request(scope.id(), &request)
        .await;
    let done = done.map_err(ApiError::from);
    answer(&scope, done, &Fields::default()).await
}

/// The way between the quotas and the usage.
pub(super) fn parted(scope: &Scope, quotas: bool) -> Markup {
    html! {
        nav.tabs aria-label="Quotas and usage" {
            a href=(scope.address("/quotas")) aria-current=[quotas.then_some("page")] { "Quotas" }
            a href=(scope.address("/usage")) aria-current=[(!quotas).then_some("page")] { "Usage" }
        }
    }
}

async fn answer<D>(
    scope: &Scope,
    done: Result<D, ApiError>,
    fields: &Fields,
) -> Result<Response, ApiError> {
    let again = |fields: Fields| async move { page(scope, &fields).await };
    form::answer(done, scope.address("/quotas"), fields, FIELDS, again).await
}

async fn page(scope: &Scope, fields: &Fields) -> Result<Markup, ApiError> {
    let quotas = scope.plane.quotas(scope.id()).await?;
    let requests = scope.plane.list_quota_requests(scope.id()).await?;
    let body = html! {
        div.title { h1 { "Quotas" } }
        (parted(scope, true))
        (fields.refusal())
        div.sheet {
            table.cards {
                thead { tr { th { "What" } th { "Used" } th { "Asked for" } } }
                tbody { @for setting in &quotas { (row(setting, &requests)) } }
            }
        }
        @if scope.may(Permission::AskForQuota) {
            section.sheet aria-label="Ask for more" {
                h2 { "Ask for more" }
                p.soft { "The operator of this Strait sees it, and grants or refuses it with a word." }
                form method="post" action=(scope.address("/quotas")) {
                    (scope.visitor.token())
                    (fields.select("quota", "What", &choices()))
                    (fields.text("wanted", "How many there should be", "", &Line { short: true, inputmode: Some("numeric"), ..Line::default() }))
                    (fields.text("reason", "Why", "What you need them for.", &Line::default()))
                    button.main type="submit" { "Ask" }
                }
            }
        }
        @if !requests.is_empty() {
            section.sheet aria-label="Requests" {
                h2 { "Requests" }
                table.cards {
                    thead { tr { th { "What" } th { "Why" } th { "Asked" } th { "State" } td {} } }
                    tbody { @for request in &requests { (asked(scope, request)) } }
                }
            }
        }
    };
    Ok(scope.page("Quotas", Tab::Quotas).render(&body))
}

fn row(setting: &QuotaSetting, requests: &[QuotaRequest]) -> Markup {
    let open = requests
        .iter()
        .find(|request| request.quota == setting.quota && request.state == QuotaRequestState::Open);
    let place = match setting.quota {
        Quota::Vpcs | Quota::Services => "",
        Quota::PeeringsPerVpc => " on the fullest VPC",
    };
    html! {
        tr {
            td data-label="What" { (called(setting.quota)) }
            td data-label="Used" { (setting.used) " of " (setting.limit) " " (setting.quota.counted()) (place) }
            td data-label="Asked for" { @match open { Some(open) => (open.wanted), None => "nothing" } }
        }
    }
}

fn asked(scope: &Scope, request: &QuotaRequest) -> Markup {
    let own = scope.address(&format!("/quotas/{}/withdraw", request.id));
    let is_own = request.actor == format!("user:{}", scope.visitor.user.email);
    let may = scope.may(Permission::AskForQuota) && (is_own || scope.role.covers(Role::Admin));
    let form = html! {
        form method="post" action=(own) {
            (scope.visitor.token())
            button.danger type="submit" { "Take the request back" }
        }
    };
    html! {
        tr {
            td data-label="What" {
                (called(request.quota)) ": " (request.present) " → " (request.granted.unwrap_or(request.wanted))
                br; small { code { (request.id) } }
            }
            td data-label="Why" { (request.reason) }
            td data-label="Asked" {
                (time(request.created)) br;
                small.soft { "by " (request.actor_name.as_deref().unwrap_or(&request.actor)) }
            }
            td data-label="State" {
                (state(decided(request.state)))
                @if let Some(word) = &request.word { br; (word) }
                @if let Some(at) = request.decided { br; small.soft { (time(at)) } }
            }
            td {
                @if may && request.state == QuotaRequestState::Open {
                    (sure("Take back…", &html! { "The operator sees it no more." }, &form))
                }
            }
        }
    }
}

fn decided(state: QuotaRequestState) -> (Tone, &'static str) {
    match state {
        QuotaRequestState::Open => (Tone::Wait, "Waits for the operator"),
        QuotaRequestState::Granted => (Tone::Good, "Granted"),
        QuotaRequestState::Refused => (Tone::Bad, "Refused"),
        QuotaRequestState::Withdrawn => (Tone::Plain, "Taken back"),
    }
}

fn choices() -> Vec<(String, String)> {
    let all = Quota::ALL.iter();
    all.map(|quota| (quota.to_string(), called(*quota).to_owned()))
        .collect()
}

fn called(quota: Quota) -> &'static str {
    match quota {
        Quota::Vpcs => "Peering VPCs",
        Quota::PeeringsPerVpc => "Peering connections on each VPC",
        Quota::Services => "Services",
    }
}
