//! What only the local cloud offers, for the CLI: accounts, and the walk of a packet. Beside the API, which lets the operator
//! alone come here.

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Query, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strait_http::ErrorBody;
use strait_local::cloud::{Local, QuotaError, ReachError};
use strait_plane::model::About;
use strait_plane::{ErrorKind, Plane, trail};
use strait_vpc::QuotaSetting;
use strait_vpc::state::Account;

/// An account with the keys that sign its calls.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AccountKeys {
    /// The 12-digit id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// The access key id.
    pub(crate) access_key_id: String,
    /// The secret access key.
    pub(crate) secret_access_key: String,
}

/// Which account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AccountName {
    /// Its name or 12-digit id; a new one is made.
    pub(crate) name: String,
}

/// A quota of AWS's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct QuotaItem {
    /// Its name.
    pub(crate) quota: String,
    /// How many there may be.
    pub(crate) limit: u32,
}

/// A quota to set.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct QuotaInput {
    /// Whose, by name or 12-digit id.
    pub(crate) account: String,
    /// Which.
    pub(crate) quota: String,
    /// How many there may be; nothing: as many as any account may have.
    pub(crate) limit: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct QuotaQuery {
    account: String,
}

#[derive(Debug, Deserialize)]
struct ReachQuery {
    from: String,
    service: String,
    port: u16,
    project: String,
}

#[derive(Clone)]
struct Shared {
    local: Local,
    plane: Plane,
}

/// A JSON body.
#[derive(FromRequest)]
#[from_request(via(Json), rejection(Unread))]
struct Body<T>(T);

/// What stands behind the `?`.
#[derive(FromRequestParts)]
#[from_request(via(Query), rejection(Unread))]
struct Given<T>(T);

/// A request that cannot be read, and why.
struct Unread(StatusCode, String);

/// The routes, under `/local/v1`.
pub(crate) fn router(local: Local, plane: Plane) -> Router {
    Router::new()
        .route("/local/v1/accounts", post(account))
        .route("/local/v1/quotas", get(quotas).put(set_quota))
        .route("/local/v1/reach", get(reach))
        .method_not_allowed_fallback(other_method)
        .with_state(Shared { local, plane })
}

async fn account(State(shared): State<Shared>, Body(asked): Body<AccountName>) -> Response {
    if !is_account_name(&asked.name) {
        let message = "an account is named by 12 digits, or by up to 40 letters, digits, '-' and '_', not all of them digits";
        return refuse(StatusCode::BAD_REQUEST, message);
    }
    let known = shared.local.account(&asked.name).await;
    // In a task of its own: a caller that leaves must not cut a commit short.
    let made = tokio::spawn(async move { shared.local.ensure_account(&asked.name).await });
    match made.await {
        Ok(Ok(account)) => {
            match known {
                Some(_) => trail::learn(|asked| asked.changes = false),
                None => trail::made(about(
                    &account,
                    "account.create",
                    json!({}),
                    json!({ "name": account.name }),
                )),
            }
            Json(AccountKeys {
                id: account.id.to_string(),
                name: account.name,
                access_key_id: account.access_key_id,
                secret_access_key: account.secret_access_key,
            })
            .into_response()
        }
        Ok(Err(error)) => refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
        Err(error) => refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

async fn quotas(State(shared): State<Shared>, Given(asked): Given<QuotaQuery>) -> Response {
    shown(shared.local.quotas(&asked.account).await, |_| true)
}

async fn set_quota(State(shared): State<Shared>, Body(asked): Body<QuotaInput>) -> Response {
    let (local, input) = (shared.local.clone(), asked.clone());
    let before = shared.local.quotas(&asked.account).await;
    // In a task of its own: a caller that leaves must not cut a commit short.
    let set = tokio::spawn(async move {
        local
            .set_quota(&input.account, &input.quota, input.limit)
            .await
    });
    match set.await {
        Ok(Ok(())) => {
            let all = shared.local.quotas(&asked.account).await;
            if let (Some(account), Ok(before), Ok(after)) =
                (shared.local.account(&asked.account).await, &before, &all)
            {
                let (before, after) = (limit(before, &asked.quota), limit(after, &asked.quota));
                trail::made(about(&account, "aws-quota.change", before, after));
            }
            shown(all, |quota| quota.name == asked.quota)
        }
        Ok(Err(error)) => shown(Err(error), |_| true),
        Err(error) => refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

/// For the audit: what is done to an account.
fn about(account: &Account, action: &'static str, before: Value, after: Value) -> About {
    About {
        action,
        kind: "account",
        id: account.id.to_string(),
        name: account.name.clone(),
        before,
        after,
    }
}

fn limit(quotas: &[QuotaSetting], named: &str) -> Value {
    let quota = quotas.iter().find(|quota| quota.name == named);
    json!({ named: quota.map(|quota| quota.limit) })
}

fn shown(
    quotas: Result<Vec<QuotaSetting>, QuotaError>,
    is_asked: impl Fn(&QuotaSetting) -> bool,
) -> Response {
    match quotas {
        Ok(quotas) => {
            let asked = quotas.into_iter().filter(is_asked);
            let items = asked.map(|quota| QuotaItem {
                quota: quota.name.to_owned(),
                limit: quota.limit,
            });
            Json(items.collect::<Vec<_>>()).into_response()
        }
        Err(error @ (QuotaError::NoSuchAccount(_) | QuotaError::NoSuchQuota(_))) => {
            refuse(StatusCode::NOT_FOUND, &error.to_string())
        }
        Err(error @ QuotaError::Failed(_)) => {
            refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
        }
    }
}

async fn reach(State(shared): State<Shared>, Given(asked): Given<ReachQuery>) -> Response {
    let service = match shared.plane.service(&asked.project, &asked.service).await {
        Ok(service) => service,
        Err(error) => {
            let status = match error.kind() {
                ErrorKind::NotFound => StatusCode::NOT_FOUND,
                ErrorKind::Conflict | ErrorKind::CutsSessions => StatusCode::CONFLICT,
                ErrorKind::Forbidden => StatusCode::FORBIDDEN,
                ErrorKind::TooMany => StatusCode::TOO_MANY_REQUESTS,
                ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                ErrorKind::Invalid
                | ErrorKind::QuotaExceeded
                | ErrorKind::Unauthorized
                | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            };
            return refuse(status, &error.to_string());
        }
    };
    match shared
        .local
        .reach(&asked.from, &service.service_id, asked.port)
        .await
    {
        Ok(verdict) => Json(verdict).into_response(),
        Err(error @ ReachError::NoSuchHost(_)) => refuse(StatusCode::NOT_FOUND, &error.to_string()),
        Err(error @ ReachError::NoWay) => refuse(StatusCode::CONFLICT, &error.to_string()),
    }
}

async fn other_method(method: Method, uri: Uri) -> Response {
    let message = format!("{} does not take {method}", uri.path());
    refuse(StatusCode::METHOD_NOT_ALLOWED, &message)
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(ErrorBody::of(status, message))).into_response()
}

impl From<JsonRejection> for Unread {
    fn from(rejection: JsonRejection) -> Self {
        let status = match rejection.status() {
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            status => status,
        };
        Self(status, rejection.body_text())
    }
}

impl From<QueryRejection> for Unread {
    fn from(rejection: QueryRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

impl IntoResponse for Unread {
    fn into_response(self) -> Response {
        let Self(status, message) = self;
        refuse(status, &message)
    }
}

fn is_account_name(name: &str) -> bool {
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
        return name.len() == 12;
    }
    (1..=40).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_accounts() {
        for (name, good) in [
            ("customer", true),
            ("123456789012", true),
            ("1234", false),
            ("", false),
            ("a b", false),
            ("shop-2", true),
        ] {
            assert_eq!(is_account_name(name), good, "{name}");
        }
    }
}
