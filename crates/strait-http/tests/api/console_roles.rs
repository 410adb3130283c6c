//! Every page and form of the console, by each role, by who is not signed in, by who is in no project and with another project's ids.
//! One that is not in the table here fails, so that whoever adds one says whom it is for.

use std::collections::BTreeSet;

use axum::http::{StatusCode, header};
use strait_plane::model::Role;

use crate::customers::{CUSTOMER, NETWORK};
use crate::guest::Guest;
use crate::things::{Neighbours, Things, filled, parts};
use crate::world::{REGION, World};

/// Whom a page or form is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    Anybody,
    SignedIn,
    Members(Role),
    /// Of whatever project; here there is one.
    Somewhere(Role),
}

use For::{Anybody, Members, SignedIn, Somewhere};
use Role::{Admin, Developer, Owner, Viewer};

/// A method, a path, for whom it is, and a form's fields.
type Page = (
    &'static str,
    &'static str,
    For,
    &'static [(&'static str, &'static str)],
);

/// The pages, and what a form carries that can be sent: `VPC` stands for the project's Peering VPC. Each form is a good one after
/// those before it.
const PAGES: &[Page] = &[
    ("GET", "/login", Anybody, &[]),
    ("POST", "/login", Anybody, &[]),
    ("POST", "/login/link", Anybody, &[]),
    ("GET", "/", SignedIn, &[]),
    ("GET", "/account", SignedIn, &[]),
    ("GET", "/projects", SignedIn, &[]),
    ("POST", "/account/password", SignedIn, &[]),
    ("POST", "/account/sessions/{session}/end", SignedIn, &[]),
    ("GET", "/projects/{project}", Members(Viewer), &[]),
    ("GET", "/projects/{project}/live", Members(Viewer), &[]),
    (
        "GET",
        "/projects/{project}/operations",
        Members(Viewer),
        &[],
    ),
    (
        "GET",
        "/projects/{project}/operations/{operation}",
        Members(Viewer),
        &[],
    ),
    ("GET", "/projects/{project}/events", Members(Viewer), &[]),
    // The page says who may see it.
    ("GET", "/projects/{project}/audit", Members(Viewer), &[]),
    ("GET", "/projects/{project}/members", Members(Viewer), &[]),
    ("GET", "/projects/{project}/keys", Members(Viewer), &[]),
    ("GET", "/projects/{project}/quotas", Members(Viewer), &[]),
    ("GET", "/projects/{project}/usage", Members(Viewer), &[]),
    ("GET", "/projects/{project}/services", Members(Viewer), &[]),
    (
        "GET",
        "/projects/{project}/services/new",
        Members(Developer),
        &[],
    ),
    (
        "GET",
        "/projects/{project}/services/{service}",
        Members(Viewer),
        &[],
    ),
    (
        "GET",
        "/projects/{project}/services/{service}/operations",
        Members(Viewer),
        &[],
    ),
    (
        "GET",
        "/projects/{project}/services/{service}/allow/{side}",
        Members(Developer),
        &[],
    ),
    (
        "GET",
        "/projects/{project}/services/{service}/detach",
        Members(Developer),
        &[],
    ),
    (
        "GET",
        "/projects/{project}/services/{service}/delete",
        Members(Developer),
        &[],
    ),
    ("GET", "/projects/{project}/vpcs", Members(Viewer), &[]),
    ("GET", "/projects/{project}/vpcs/new", Members(Admin), &[]),
    (
        "GET",
        "/projects/{project}/vpcs/{vpc}",
        Members(Viewer),
        &[],
    ),
    (
        "GET",
        "/projects/{project}/vpcs/{vpc}/delete",
        Members(Admin),
        &[],
    ),
    (
        "GET",
        "/projects/{project}/vpcs/{vpc}/peerings/new",
        Members(Admin),
        &[],
    ),
    (
        "GET",
        "/projects/{project}/vpcs/{vpc}/peerings/{peering}",
        Members(Viewer),
        &[],
    ),
    (
        "GET",
        "/projects/{project}/vpcs/{vpc}/peerings/{peering}/delete",
        Members(Admin),
        &[],
    ),
    (
        "POST",
        "/projects/{project}/services/new",
        Members(Developer),
        &[("region_code", REGION), ("vpc", "VPC")],
    ),
    (
        "POST",
        "/projects/{project}/services/{service}/allow/{side}",
        Members(Developer),
        &[("who", "everybody")],
    ),
    (
        "POST",
        "/projects/{project}/services/{service}/rename",
        Members(Developer),
        &[("name", "renamed")],
    ),
    (
        "POST",
        "/projects/{project}/services/{service}/detach",
        Members(Developer),
        &[],
    ),
    (
        "POST",
        "/projects/{project}/services/{service}/attach",
        Members(Developer),
        &[("vpc", "VPC")],
    ),
    (
        "POST",
        "/projects/{project}/services/{service}/stop",
        Members(Developer),
        &[],
    ),
    (
        "POST",
        "/projects/{project}/services/{service}/start",
        Members(Developer),
        &[],
    ),
    (
        "POST",
        "/projects/{project}/services/{service}/delete",
        Members(Developer),
        &[("confirm", "renamed")],
    ),
    (
        "POST",
        "/projects/{project}/vpcs/new",
        Members(Admin),
        &[("cidr", "10.200.0.0/20"), ("region_code", REGION)],
    ),
    (
        "POST",
        "/projects/{project}/vpcs/{vpc}/rename",
        Members(Admin),
        &[("name", "renamed")],
    ),
    (
        "POST",
        "/projects/{project}/vpcs/{vpc}/peerings/new",
        Members(Admin),
        &[
            ("peer_account_id", "123456789012"),
            ("peer_vpc_id", "vpc-00000000000000001"),
            ("peer_region_code", REGION),
        ],
    ),
    (
        "POST",
        "/projects/{project}/vpcs/{vpc}/peerings/{peering}/request",
        Members(Admin),
        &[],
    ),
    (
        "POST",
        "/projects/{project}/vpcs/{vpc}/peerings/{peering}/delete",
        Members(Admin),
        &[],
    ),
    (
        "POST",
        "/projects/{project}/vpcs/{vpc}/keep",
        Members(Admin),
        &[],
    ),
    (
        "POST",
        "/projects/{project}/vpcs/{vpc}/delete",
        Members(Admin),
        &[],
    ),
    (
        "POST",
        "/projects/{project}/members",
        Members(Admin),
        &[("email", "nobody@example.com"), ("role", "viewer")],
    ),
    (
        "POST",
        "/projects/{project}/members/{user}/role",
        Members(Admin),
        &[("role", "developer")],
    ),
    (
        "POST",
        "/projects/{project}/members/{user}/remove",
        Members(Admin),
        &[],
    ),
    (
        "POST",
        "/projects/{project}/keys",
        Members(Admin),
        &[("role", "viewer"), ("days", "0")],
    ),
    (
        "POST",
        "/projects/{project}/keys/{key}/revoke",
        Members(Admin),
        &[],
    ),
    (
        "POST",
        "/projects/{project}/quotas/{request}/withdraw",
        Members(Developer),
        &[],
    ),
    (
        "POST",
        "/projects/{project}/quotas",
        Members(Developer),
        &[("quota", "vpcs"), ("wanted", "9"), ("reason", "growth")],
    ),
    ("GET", "/cloud", Somewhere(Viewer), &[]),
    ("GET", "/cloud/try", Somewhere(Viewer), &[]),
    ("GET", "/cloud/{account}", Somewhere(Viewer), &[]),
    ("GET", "/cloud/{account}/vpcs/{vpc}", Somewhere(Viewer), &[]),
    ("POST", "/cloud/example", Somewhere(Admin), &[]),
    ("POST", "/cloud/try", Somewhere(Developer), &[]),
    (
        "POST",
        "/cloud/{account}/change",
        Somewhere(Admin),
        &[
            ("do", "accept"),
            ("peering", "pcx-0123456789abcdef0"),
            ("region", "us-east-1"),
        ],
    ),
    // Who does this is out.
    ("POST", "/logout", SignedIn, &[]),
];

/// What parts of a path stand for that are no project's.
const OTHERS: [(&str, &str); 4] = [
    ("side", "private"),
    ("session", "nonesuch"),
    ("account", CUSTOMER),
    ("vpc", NETWORK),
];

#[tokio::test]
async fn every_page_and_form_is_for_those_that_it_is_for() {
    let told: BTreeSet<(&str, &str)> = (PAGES.iter())
        .map(|(method, path, _, _)| (*method, *path))
        .collect();
    let there_are: BTreeSet<(&str, &str)> = strait_http::pages().into_iter().collect();
    assert_eq!(told, there_are, "say in this file whom each is for");
    assert_eq!(told.len(), PAGES.len(), "one is there twice");

    let world = World::new().await;
    let own = Things::of(&world, &world.project, 1).await;
    let nobody = Guest::visit(&world).await;
    let outside = Guest::outside(&world).await;
    let mut members = Vec::new();
    for role in [Viewer, Developer, Admin, Owner] {
        members.push((role, Guest::with(&world, role).await));
    }
    let before = own.rows(&world).await;
    for page in PAGES {
        let (method, path, whom, _) = page;
        let what = format!("{method} {path}");
        match (whom, asked(&nobody, page, &own).await) {
            (Anybody, answer) => assert!(!is_led_away(&answer), "{what} by nobody: {answer:?}"),
            (SignedIn | Members(_) | Somewhere(_), answer) => {
                assert!(is_led_away(&answer), "{what} by nobody: {answer:?}");
            }
        }
        let refusal = match whom {
            Anybody | SignedIn => None,
            Members(_) => Some(StatusCode::NOT_FOUND),
            Somewhere(_) => Some(StatusCode::FORBIDDEN),
        };
        if let Some(status) = refusal {
            let answer = asked(&outside, page, &own).await;
            assert_eq!(answer.status, status, "{what} by who is in no project");
        }
        for (role, member) in &members {
            if !may(*role, *whom) {
                let answer = asked(member, page, &own).await;
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{what} by {role}");
            } else if *method == "GET" {
                let answer = asked(member, page, &own).await;
                let is_shown = answer.status == StatusCode::OK || answer.to.is_some();
                assert!(
                    is_shown && !is_led_away(&answer),
                    "{what} by {role}: {answer:?}"
                );
            }
        }
    }
    own.assert_untouched(&world, &before).await;
    assert!(world.customers.changes.lock().expect("a lock").is_empty());
    // Who may do all comes first: each of these forms is a good one. Of the others', much is gone already.
    for (role, member) in members.iter().rev() {
        for page in PAGES {
            let (method, path, whom, _) = page;
            if *method == "GET" || *whom == Anybody || !may(*role, *whom) {
                continue;
            }
            let answer = asked(member, page, &own).await;
            let what = format!("{method} {path} by {role}: {answer:?}");
            assert_ne!(answer.status, StatusCode::FORBIDDEN, "{what}");
            assert!(!answer.status.is_server_error(), "{what}");
            assert!(*path == "/logout" || !is_led_away(&answer), "{what}");
            if *role == Owner && matches!(whom, Members(_)) {
                assert_ne!(answer.status, StatusCode::NOT_FOUND, "{what}");
                own.rest(&world).await;
            }
        }
    }
}

/// The control is above: with ids of one's own, each of these pages is shown and each of these forms a good one.
#[tokio::test]
async fn another_projects_ids_are_as_ids_of_nothing() {
    let world = World::new().await;
    let owner = Guest::with(&world, Owner).await;
    let both = Neighbours::of(&world).await;
    let (own, theirs) = (&both.own, &both.theirs);
    let mut tried = 0;
    for (method, path, whom, fields) in PAGES {
        if !matches!(whom, Members(_)) {
            continue;
        }
        let parts = parts(path);
        let all: BTreeSet<&str> = (parts.iter().copied())
            .filter(|part| *part != "project" && theirs.named(part).is_some())
            .collect();
        let mut cases: BTreeSet<BTreeSet<&str>> =
            all.iter().map(|part| BTreeSet::from([*part])).collect();
        cases.insert(all);
        cases.retain(|case| !case.is_empty());
        for foreign in cases {
            let path = |nothing: bool| {
                filled(path, |part| match foreign.contains(part) {
                    true if nothing => "1234567890".to_owned(),
                    true => theirs.named(part).expect("an id").to_owned(),
                    false => own_part(own, part),
                })
            };
            let fields = with_vpc(fields, &own.vpc);
            let answer = sent(&owner, method, &path(false), &fields).await;
            let nothing = sent(&owner, method, &path(true), &fields).await;
            let what = format!("{method} {} with their {foreign:?}", path(false));
            assert_eq!(answer.status, nothing.status, "{what}");
            // Forms that stand on a list show it again, with what is wrong.
            let is_missing = answer.status == StatusCode::NOT_FOUND
                || *method == "POST" && answer.status == StatusCode::UNPROCESSABLE_ENTITY;
            assert!(is_missing, "{what}: {answer:?}");
            tried += 1;
        }
        if fields.contains(&("vpc", "VPC")) {
            let path = filled(path, |part| own_part(own, part));
            let fields = with_vpc(fields, &theirs.vpc);
            let answer = sent(&owner, method, &path, &fields).await;
            assert_eq!(
                answer.status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "{path} with their VPC: {answer:?}"
            );
            tried += 1;
        }
    }
    assert!(tried > 35, "only {tried}");
    let live = format!("/projects/{}/live?operation=", own.project);
    for (operation, status) in [
        (&theirs.operation, StatusCode::NOT_FOUND),
        (&own.operation, StatusCode::OK),
    ] {
        let answer = sent(&owner, "GET", &format!("{live}{operation}"), &[]).await;
        assert_eq!(answer.status, status, "{live}{operation}");
    }
    // Who is admin of one project only acts for no customers of others.
    let example = sent(&owner, "POST", "/cloud/example", &[]).await;
    assert_eq!(example.status, StatusCode::FORBIDDEN);
    both.assert_untouched(&world).await;
}

/// How a page was answered: its text may be without an end.
#[derive(Debug)]
struct Answered {
    status: StatusCode,
    to: Option<String>,
}

fn may(role: Role, whom: For) -> bool {
    match whom {
        Anybody | SignedIn => true,
        Members(least) | Somewhere(least) => role.covers(least),
    }
}

fn is_led_away(answer: &Answered) -> bool {
    let to = answer.to.as_deref();
    to.is_some_and(|to| to == "/login" || to.starts_with("/login?"))
}

async fn asked(guest: &Guest<'_>, (method, path, _, fields): &Page, own: &Things) -> Answered {
    let is_customers = path.starts_with("/cloud");
    let path = filled(path, |part| match is_customers {
        true => other(part),
        false => own_part(own, part),
    });
    sent(guest, method, &path, &with_vpc(fields, &own.vpc)).await
}

async fn sent(guest: &Guest<'_>, method: &str, path: &str, fields: &[(&str, &str)]) -> Answered {
    let answer = guest.begin(method, path, fields).await;
    let to = answer.headers().get(header::LOCATION);
    Answered {
        status: answer.status(),
        to: to.map(|to| to.to_str().expect("text").to_owned()),
    }
}

fn with_vpc<'a>(fields: &[(&'a str, &'a str)], vpc: &'a str) -> Vec<(&'a str, &'a str)> {
    let fields = fields.iter().map(|(name, value)| match *value {
        "VPC" => (*name, vpc),
        value => (*name, value),
    });
    fields.collect()
}

fn own_part(own: &Things, part: &str) -> String {
    if part == "project" {
        return own.project.clone();
    }
    own.named(part).map_or_else(|| other(part), str::to_owned)
}

fn other(part: &str) -> String {
    let found = OTHERS.iter().find(|(name, _)| *name == part);
    let (_, value) = found.unwrap_or_else(|| panic!("say in this file what {part} stands for"));
    (*value).to_owned()
}
