//! What each route takes: the one place where that is said. A route that is not here answers nobody, and a test fails.

use axum::http::Method;
use strait_plane::model::Permission;
use utoipa::openapi::OpenApi;
use utoipa::openapi::extensions::Extensions;

/// What a route takes of who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing: anybody may ask.
    Nothing,
    /// To be known, whoever it is.
    Identity,
    /// To be logged in.
    Session,
    /// To be the operator.
    Operator,
    /// To be the operator, unless the metrics are for anybody.
    Metrics,
    /// This, in the project that the path names.
    In(Permission),
    /// To be the operator, or where there is no admin key to keep networks in the project that the path names: who
    /// registers a service decides what load balancers in the operator's own network lead to, and which of its groups are
    /// changed.
    Registrar,
}

use Needs::{Identity, In, Metrics, Nothing, Operator, Registrar, Session};
use Permission::{
    AskForQuota, DeleteProject, ManageKeys, ManageMembers, ManageNetworks, ManageProject,
    ManageServices, See, SeeAudit,
};

/// Every route of the API, below [`crate::BASE`] but for `/health`, `/healthz`, `/readyz` and `/metrics`.
pub(crate) const ROUTES: &[(&str, &str, Needs)] = &[
    ("GET", "/health", Nothing),
    ("GET", "/healthz", Nothing),
    ("GET", "/readyz", Nothing),
    ("GET", "/metrics", Metrics),
    ("GET", "/openapi.json", Nothing),
    // Its resolvers take the rest, each for itself.
    ("POST", crate::graphql::PATH, Nothing),
    ("GET", "/regions", Nothing),
    ("GET", "/ca.pem", Nothing),
    ("GET", "/ca", Identity),
    ("GET", "/projects", Identity),
    ("POST", "/projects", Operator),
    ("GET", "/projects/{project_id}", In(See)),
    ("DELETE", "/projects/{project_id}", In(DeleteProject)),
    ("POST", "/projects/{project_id}/rename", In(ManageProject)),
    ("GET", "/projects/{project_id}/vpcs", In(See)),
    ("POST", "/projects/{project_id}/vpcs", In(ManageNetworks)),
    ("GET", "/projects/{project_id}/vpcs/{vpc_id}", In(See)),
    (
        "DELETE",
        "/projects/{project_id}/vpcs/{vpc_id}",
        In(ManageNetworks),
    ),
    (
        "POST",
        "/projects/{project_id}/vpcs/{vpc_id}/cancel-deletion",
        In(ManageNetworks),
    ),
    (
        "POST",
        "/projects/{project_id}/vpcs/{vpc_id}/rename",
        In(ManageNetworks),
    ),
    (
        "GET",
        "/projects/{project_id}/vpcs/{vpc_id}/peerings",
        In(See),
    ),
    (
        "POST",
        "/projects/{project_id}/vpcs/{vpc_id}/peerings",
        In(ManageNetworks),
    ),
    (
        "GET",
        "/projects/{project_id}/vpcs/{vpc_id}/peerings/{peering_id}",
        In(See),
    ),
    (
        "DELETE",
        "/projects/{project_id}/vpcs/{vpc_id}/peerings/{peering_id}",
        In(ManageNetworks),
    ),
    (
        "POST",
        "/projects/{project_id}/vpcs/{vpc_id}/peerings/{peering_id}/request",
        In(ManageNetworks),
    ),
    ("GET", "/projects/{project_id}/services", In(See)),
    (
        "POST",
        "/projects/{project_id}/services",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project_id}/services/register",
        Registrar,
    ),
    (
        "GET",
        "/projects/{project_id}/services/{service_id}",
        In(See),
    ),
    (
        "DELETE",
        "/projects/{project_id}/services/{service_id}",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project_id}/services/{service_id}/start",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project_id}/services/{service_id}/stop",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project_id}/services/{service_id}/rename",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project_id}/services/{service_id}/attachToVPC",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project_id}/services/{service_id}/detachFromVPC",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project_id}/services/{service_id}/updatePassword",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project_id}/services/{service_id}/setEnvironment",
        In(ManageServices),
    ),
    (
        "GET",
        "/projects/{project_id}/services/{service_id}/allow-list",
        In(See),
    ),
    (
        "PUT",
        "/projects/{project_id}/services/{service_id}/allow-list",
        In(ManageServices),
    ),
    (
        "GET",
        "/projects/{project_id}/services/{service_id}/logs",
        In(See),
    ),
    (
        "POST",
        "/projects/{project_id}/services/{service_id}/resize",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project_id}/services/{service_id}/forkService",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project_id}/services/{service_id}/setHA",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project_id}/services/{service_id}/enablePooler",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project_id}/services/{service_id}/disablePooler",
        In(ManageServices),
    ),
    (
        "GET",
        "/projects/{project_id}/services/{service_id}/metrics/available-series",
        In(See),
    ),
    (
        "POST",
        "/projects/{project_id}/services/{service_id}/metrics/series",
        In(ManageServices),
    ),
    (
        "GET",
        "/projects/{project_id}/services/{service_id}/replicaSets",
        In(See),
    ),
    (
        "POST",
        "/projects/{project_id}/services/{service_id}/replicaSets",
        In(ManageServices),
    ),
    (
        "DELETE",
        "/projects/{project_id}/services/{service_id}/replicaSets/{replica_set_id}",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project_id}/services/{service_id}/replicaSets/{replica_set_id}/resize",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project_id}/services/{service_id}/replicaSets/{replica_set_id}/enablePooler",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project_id}/services/{service_id}/replicaSets/{replica_set_id}/disablePooler",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project_id}/services/{service_id}/replicaSets/{replica_set_id}/setEnvironment",
        In(ManageServices),
    ),
    (
        "PUT",
        "/projects/{project_id}/vpcs/{vpc_id}/peerings/{peering_id}/ranges",
        In(ManageNetworks),
    ),
    ("GET", "/projects/{project_id}/operations", In(See)),
    (
        "GET",
        "/projects/{project_id}/operations/{operation_id}",
        In(See),
    ),
    (
        "GET",
        "/projects/{project_id}/operations/{operation_id}/events",
        In(See),
    ),
    ("GET", "/projects/{project_id}/events", In(See)),
    ("GET", "/projects/{project_id}/audit", In(SeeAudit)),
    ("GET", "/admin/audit", Operator),
    ("POST", "/admin/audit/forget", Operator),
    ("GET", "/projects/{project_id}/members", In(See)),
    ("POST", "/projects/{project_id}/members", In(ManageMembers)),
    (
        "PUT",
        "/projects/{project_id}/members/{user_id}",
        In(ManageMembers),
    ),
    (
        "DELETE",
        "/projects/{project_id}/members/{user_id}",
        In(ManageMembers),
    ),
    ("GET", "/projects/{project_id}/keys", In(ManageKeys)),
    ("POST", "/projects/{project_id}/keys", In(ManageKeys)),
    (
        "DELETE",
        "/projects/{project_id}/keys/{public_key}",
        In(ManageKeys),
    ),
    ("GET", "/projects/{project_id}/quotas", In(See)),
    ("GET", "/projects/{project_id}/quota-requests", In(See)),
    (
        "POST",
        "/projects/{project_id}/quota-requests",
        In(AskForQuota),
    ),
    (
        "POST",
        "/projects/{project_id}/quota-requests/{request_id}/withdraw",
        In(AskForQuota),
    ),
    ("GET", "/projects/{project_id}/plan", In(See)),
    ("GET", "/projects/{project_id}/usage", In(See)),
    ("GET", "/auth/info", Identity),
    ("POST", "/auth/login", Nothing),
    ("POST", "/auth/login-link", Nothing),
    ("POST", "/auth/logout", Identity),
    ("POST", "/auth/password", Session),
    ("GET", "/auth/sessions", Session),
    ("DELETE", "/auth/sessions/{session_id}", Session),
    ("GET", "/admin/users", Operator),
    ("POST", "/admin/users", Operator),
    ("GET", "/admin/users/{user_id}", Operator),
    ("DELETE", "/admin/users/{user_id}", Operator),
    ("POST", "/admin/users/{user_id}/disable", Operator),
    ("POST", "/admin/users/{user_id}/enable", Operator),
    ("POST", "/admin/users/{user_id}/unlock", Operator),
    ("POST", "/admin/addresses/{address}/unlock", Operator),
    ("PUT", "/admin/users/{user_id}/password", Operator),
    ("POST", "/admin/login-links", Operator),
    ("GET", "/admin/projects/{project_id}/quotas", Operator),
    ("PUT", "/admin/projects/{project_id}/quotas", Operator),
    ("PUT", "/admin/projects/{project_id}/plan", Operator),
    ("GET", "/admin/quota-requests", Operator),
    ("POST", "/admin/quota-requests/{request_id}/grant", Operator),
    (
        "POST",
        "/admin/quota-requests/{request_id}/refuse",
        Operator,
    ),
    ("GET", "/admin/usage", Operator),
];

/// What this route takes, as its path is written in the router.
pub(crate) fn needs(method: &Method, path: &str) -> Option<Needs> {
    let path = path.strip_prefix(crate::BASE).unwrap_or(path);
    let method = match *method {
        Method::HEAD => "GET",
        _ => method.as_str(),
    };
    let mut routes = ROUTES.iter();
    let found = routes.find(|(known, route, _)| *known == method && *route == path);
    found.map(|(_, _, needs)| *needs)
}

/// Writes what each operation takes into the description.
pub(crate) fn describe(openapi: &mut OpenApi) {
    for (path, item) in &mut openapi.paths.paths {
        for (method, operation) in [
            ("GET", &mut item.get),
            ("POST", &mut item.post),
            ("PUT", &mut item.put),
            ("DELETE", &mut item.delete),
        ] {
            let method = Method::from_bytes(method.as_bytes()).ok();
            let needs = method.and_then(|method| needs(&method, path));
            if let (Some(operation), Some(needs)) = (operation, needs) {
                let said = Extensions::builder()
                    .add("x-strait-needs", needs.word())
                    .build();
                operation.extensions.get_or_insert_default().merge(said);
            }
        }
    }
}

impl Needs {
    fn word(self) -> &'static str {
        match self {
            Nothing => "nothing",
            Identity => "identity",
            Session => "session",
            Operator | Metrics => "operator",
            In(permission) => permission.as_str(),
            Registrar => "registrar",
        }
    }
}

/// The methods that this path takes, as the header `Allow` lists them.
pub(crate) fn methods(path: &str) -> String {
    let path = path.strip_prefix(crate::BASE).unwrap_or(path);
    let of_path = ROUTES.iter().filter(|(_, route, _)| *route == path);
    let mut methods = Vec::new();
    for (method, _, _) in of_path {
        methods.push(*method);
        if *method == "GET" {
            methods.push("HEAD");
        }
    }
    methods.join(",")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_says_what_it_takes_and_there_are_no_others() {
        let document = serde_json::to_value(crate::openapi()).expect("a description is JSON");
        let mut routes = BTreeSet::from([
            ("GET".to_owned(), "/openapi.json".to_owned()),
            ("POST".to_owned(), crate::graphql::PATH.to_owned()),
        ]);
        for (path, methods) in document["paths"].as_object().expect("paths") {
            let path = path.strip_prefix(crate::BASE).unwrap_or(path);
            for method in methods.as_object().expect("methods").keys() {
                routes.insert((method.to_uppercase(), path.to_owned()));
            }
        }
        let told: BTreeSet<(String, String)> = (ROUTES.iter())
            .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()))
            .collect();
        assert_eq!(told, routes);
        assert_eq!(told.len(), ROUTES.len(), "one is there twice");
    }

    #[test]
    fn what_is_in_a_project_takes_something_in_that_project() {
        for (method, path, needs) in ROUTES {
            if path.contains("{project_id}") {
                assert!(
                    matches!(needs, In(_) | Operator | Registrar),
                    "{method} {path}: {needs:?}"
                );
            }
        }
        assert_eq!(
            needs(&Method::HEAD, "/public/api/v1/projects"),
            Some(Identity)
        );
        assert_eq!(needs(&Method::PATCH, "/public/api/v1/projects"), None);
    }
}
