//! What each page and form takes: the one place where that is said. One that is not here answers nobody.

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use strait_plane::model::Permission;

use super::cloud::Customers;
use super::visitor::{Scope, Visitor};
use crate::Shared;
use crate::access::peer;
use crate::error::ApiError;

/// What a page or form takes of who asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// Nothing: it is for signing in.
    Nothing,
    /// To be signed in.
    SignedIn,
    /// This, in the project that the path names.
    In(Permission),
    /// This, in some project. What of the customers' cloud it is for is seen when that is read: [`super::reach`].
    InSome(Permission),
    /// This, in every project.
    InEvery(Permission),
}

use Needs::{In, InEvery, InSome, Nothing, SignedIn};
use Permission::{AskForQuota, ManageKeys, ManageMembers, ManageNetworks, ManageServices, See};

const PAGES: &[(&str, &str, Needs)] = &[
    ("GET", "/", SignedIn),
    ("GET", "/login", Nothing),
    ("POST", "/login", Nothing),
    ("POST", "/login/link", Nothing),
    ("POST", "/logout", SignedIn),
    ("GET", "/account", SignedIn),
    ("POST", "/account/password", SignedIn),
    ("POST", "/account/sessions/{session}/end", SignedIn),
    ("GET", "/projects", SignedIn),
    ("GET", "/projects/{project}", In(See)),
    ("GET", "/projects/{project}/live", In(See)),
    ("GET", "/projects/{project}/operations", In(See)),
    ("GET", "/projects/{project}/operations/{operation}", In(See)),
    ("GET", "/projects/{project}/events", In(See)),
    // Who may not see it is told so on the page.
    ("GET", "/projects/{project}/audit", In(See)),
    ("GET", "/projects/{project}/members", In(See)),
    ("POST", "/projects/{project}/members", In(ManageMembers)),
    (
        "POST",
        "/projects/{project}/members/{user}/role",
        In(ManageMembers),
    ),
    (
        "POST",
        "/projects/{project}/members/{user}/remove",
        In(ManageMembers),
    ),
    // Who may not see keys is told so on the page.
    ("GET", "/projects/{project}/keys", In(See)),
    ("POST", "/projects/{project}/keys", In(ManageKeys)),
    (
        "POST",
        "/projects/{project}/keys/{key}/revoke",
        In(ManageKeys),
    ),
    ("GET", "/projects/{project}/quotas", In(See)),
    ("POST", "/projects/{project}/quotas", In(AskForQuota)),
    (
        "POST",
        "/projects/{project}/quotas/{request}/withdraw",
        In(AskForQuota),
    ),
    ("GET", "/projects/{project}/usage", In(See)),
    ("GET", "/projects/{project}/services", In(See)),
    (
        "GET",
        "/projects/{project}/services/new",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project}/services/new",
        In(ManageServices),
    ),
    ("GET", "/projects/{project}/services/{service}", In(See)),
    (
        "GET",
        "/projects/{project}/services/{service}/operations",
        In(See),
    ),
    (
        "GET",
        "/projects/{project}/services/{service}/allow/{side}",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project}/services/{service}/allow/{side}",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project}/services/{service}/attach",
        In(ManageServices),
    ),
    (
        "GET",
        "/projects/{project}/services/{service}/detach",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project}/services/{service}/detach",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project}/services/{service}/start",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project}/services/{service}/stop",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project}/services/{service}/rename",
        In(ManageServices),
    ),
    (
        "GET",
        "/projects/{project}/services/{service}/delete",
        In(ManageServices),
    ),
    (
        "POST",
        "/projects/{project}/services/{service}/delete",
        In(ManageServices),
    ),
    ("GET", "/projects/{project}/vpcs", In(See)),
    ("GET", "/projects/{project}/vpcs/new", In(ManageNetworks)),
    ("POST", "/projects/{project}/vpcs/new", In(ManageNetworks)),
    ("GET", "/projects/{project}/vpcs/{vpc}", In(See)),
    (
        "POST",
        "/projects/{project}/vpcs/{vpc}/rename",
        In(ManageNetworks),
    ),
    (
        "GET",
        "/projects/{project}/vpcs/{vpc}/delete",
        In(ManageNetworks),
    ),
    (
        "POST",
        "/projects/{project}/vpcs/{vpc}/delete",
        In(ManageNetworks),
    ),
    (
        "POST",
        "/projects/{project}/vpcs/{vpc}/keep",
        In(ManageNetworks),
    ),
    (
        "GET",
        "/projects/{project}/vpcs/{vpc}/peerings/new",
        In(ManageNetworks),
    ),
    (
        "POST",
        "/projects/{project}/vpcs/{vpc}/peerings/new",
        In(ManageNetworks),
    ),
    (
        "GET",
        "/projects/{project}/vpcs/{vpc}/peerings/{peering}",
        In(See),
    ),
    (
        "POST",
        "/projects/{project}/vpcs/{vpc}/peerings/{peering}/request",
        In(ManageNetworks),
    ),
    (
        "GET",
        "/projects/{project}/vpcs/{vpc}/peerings/{peering}/delete",
        In(ManageNetworks),
    ),
    (
        "POST",
        "/projects/{project}/vpcs/{vpc}/peerings/{peering}/delete",
        In(ManageNetworks),
    ),
    ("GET", "/cloud", InSome(See)),
    ("POST", "/cloud/example", InEvery(ManageNetworks)),
    ("GET", "/cloud/try", InSome(See)),
    ("POST", "/cloud/try", InSome(ManageServices)),
    ("GET", "/cloud/{account}", InSome(See)),
    ("POST", "/cloud/{account}/change", InSome(ManageNetworks)),
    ("GET", "/cloud/{account}/vpcs/{vpc}", InSome(See)),
];

/// Every page (`GET`) and form (`POST`) of the console, as its path is written in the router.
pub fn pages() -> Vec<(&'static str, &'static str)> {
    let pages = PAGES.iter().map(|(method, path, _)| (*method, *path));
    pages.collect()
}

/// Lets those pass who may see the page or send the form.
pub(super) async fn allowed(
    State(app): State<Shared>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    check(&mut parts, &app).await?;
    Ok(next.run(Request::from_parts(parts, body)).await)
}

async fn check(parts: &mut Parts, app: &Shared) -> Result<(), ApiError> {
    app.limits.count_address(peer(parts, app))?;
    match needs(parts)? {
        Nothing => Ok(()),
        SignedIn => Visitor::from_request_parts(parts, app).await.map(|_| ()),
        In(permission) => {
            let scope = Scope::from_request_parts(parts, app).await?;
            scope.must(permission).await
        }
        InSome(permission) => {
            let customers = Customers::from_request_parts(parts, app).await?;
            customers.must_somewhere(permission)
        }
        InEvery(permission) => {
            let customers = Customers::from_request_parts(parts, app).await?;
            customers.must_everywhere(permission)
        }
    }
}

fn needs(parts: &Parts) -> Result<Needs, ApiError> {
    let matched = parts.extensions.get::<MatchedPath>();
    let path = matched.map(MatchedPath::as_str).unwrap_or_default();
    let path = match path.strip_suffix('/') {
        Some("") | None => path,
        Some(bare) => bare,
    };
    let method = match parts.method {
        Method::HEAD => "GET",
        _ => parts.method.as_str(),
    };
    let of_path = || PAGES.iter().filter(|(_, known, _)| *known == path);
    if let Some((_, _, needs)) = of_path().find(|(known, _, _)| *known == method) {
        return Ok(*needs);
    }
    let others: Vec<&str> = of_path().map(|(known, _, _)| *known).collect();
    if others.is_empty() {
        return Err(ApiError::Unasked);
    }
    Err(ApiError::WrongMethod {
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        allowed: others.join(","),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn every_page_and_form_says_what_it_takes_and_there_are_no_others() {
        let told = pages().into_iter();
        let told = told.map(|(method, path)| (method.to_owned(), path.to_owned()));
        let served = served(&format!("{:?}", super::super::served()));
        assert_eq!(told.collect::<BTreeSet<_>>(), served);
    }

    #[test]
    fn what_is_in_a_project_takes_something_there_and_what_changes_something_more_than_to_look() {
        let once: BTreeSet<_> = PAGES
            .iter()
            .map(|(method, path, _)| (method, path))
            .collect();
        assert_eq!(once.len(), PAGES.len(), "one is there twice");
        for (method, path, needs) in PAGES {
            if path.contains("{project}") {
                assert!(matches!(needs, In(_)), "{method} {path}: {needs:?}");
            }
            if *method == "POST" {
                let looks = matches!(needs, In(See) | InSome(See) | InEvery(See));
                assert!(!looks, "{method} {path}: {needs:?}");
            }
        }
    }

    /// The methods and paths that a router shows when it is debugged: nothing else of it tells them.
    fn served(router: &str) -> BTreeSet<(String, String)> {
        let (all, _) = router.split_once(", fallback_router").expect("a router");
        let (routes, paths) = all.split_once("node: Node").expect("nodes");
        let methods: BTreeMap<&str, &str> = numbered(routes, "allow_header: Bytes(b\"").collect();
        let mut served = BTreeSet::new();
        for (number, path) in numbered(paths, ": \"") {
            let path = match path.strip_suffix('/') {
                Some("") | None => path,
                Some(bare) => bare,
            };
            let methods = methods.get(number).expect("methods").split(',');
            for method in methods.filter(|method| *method != "HEAD") {
                served.insert((method.to_owned(), path.to_owned()));
            }
        }
        served
    }

    /// What stands in quotes behind this, of each route.
    fn numbered<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        text.split("RouteId(").skip(1).filter_map(move |route| {
            let (number, rest) = route.split_once(')')?;
            let (_, rest) = rest.split_once(before)?;
            Some((number, rest.split('"').next()?))
        })
    }
}
