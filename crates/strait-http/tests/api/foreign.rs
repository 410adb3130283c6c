//! The ids of another project's things, put under one's own project: as ids of nothing, and nothing comes of it. All routes of the
//! description are tried, so that whoever adds one says here what it takes.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use strait_plane::model::{NewUser, Role};

use crate::things::{Neighbours, Things, filled, parts};
use crate::world::{Answer, REGION, World};

/// Good bodies of what takes one.
fn body(operation: &str, own: &Things) -> Value {
    match operation {
        "renameVPC" | "renameService" => json!({ "name": "taken" }),
        "createVPCPeering" => json!({
            "peer_account_id": "123456789012",
            "peer_region_code": REGION,
            "peer_vpc_id": "vpc-00000000000000001",
        }),
        "setVPCPeeringRanges" => json!({ "peer_cidr_blocks": ["10.99.0.0/24"] }),
        "attachServiceToVPC" | "detachServiceFromVPC" => json!({ "vpc_id": own.vpc }),
        "updatePassword" => json!({ "password": "correct horse battery" }),
        "setEnvironment" => json!({ "environment": "PROD" }),
        "setAllowList" => json!({ "public": [], "private": [], "force": true }),
        "setMemberRole" => json!({ "role": "developer" }),
        other => panic!("say in this file what a good body of {other} is"),
    }
}

/// Ids in bodies, by operation and field, which the test below tries.
const IN_BODIES: [(&str, &str); 3] = [
    ("createService", "vpc_id"),
    ("attachServiceToVPC", "vpc_id"),
    ("detachServiceFromVPC", "vpc_id"),
];
/// Those that are no project's: the cloud's own, and what the operator says.
const NOT_OURS: [(&str, &str); 3] = [
    ("createUser", "project_id"),
    ("registerService", "vpc_id"),
    ("createLoginLink", "project_id"),
];

/// A route below a project that names something in it.
struct Route {
    operation: String,
    method: Method,
    /// Within the project.
    path: String,
    takes_body: bool,
}

#[tokio::test]
async fn paths_lead_to_ones_own_things_only() {
    let world = World::new().await;
    let keys = world.keys_of(&world.project, Role::Owner).await;
    let both = Neighbours::of(&world).await;
    let routes = routes();
    assert!(routes.len() > 35, "only {}", routes.len());
    for route in &routes {
        for foreign in route.foreign() {
            let answer = route.asked(&world, &keys, &both, &foreign).await;
            let what = format!("{} with their {foreign:?}", route.operation);
            not_there(&answer, &what);
        }
    }
    both.assert_untouched(&world).await;
    // The control: each of these requests is a good one, with ids of one's own.
    for route in &routes {
        let nothing = BTreeSet::new();
        let answer = route.asked(&world, &keys, &both, &nothing).await;
        let is_good = !answer.status.is_server_error()
            && ![400, 401, 403, 404].contains(&answer.status.as_u16());
        assert!(is_good, "{}: {answer:?}", route.operation);
    }
}

#[tokio::test]
async fn bodies_name_ones_own_things_only() {
    let found: BTreeSet<(String, String)> = ids_in_bodies().into_iter().collect();
    let told = IN_BODIES.into_iter().chain(NOT_OURS);
    let told = told.map(|(operation, field)| (operation.to_owned(), field.to_owned()));
    assert_eq!(found, told.collect(), "try the new ones here");

    let world = World::new().await;
    let keys = world.keys_of(&world.project, Role::Owner).await;
    let both = Neighbours::of(&world).await;
    let (own, theirs) = (&both.own, &both.theirs);
    let ask = async |operation: &str, vpc: &str| {
        let (path, mut body) = match operation {
            "createService" => (String::new(), json!({ "region_code": REGION })),
            "attachServiceToVPC" => (format!("/{}/attachToVPC", own.service), json!({})),
            "detachServiceFromVPC" => (format!("/{}/detachFromVPC", own.service), json!({})),
            other => panic!("say in this file where {other} is"),
        };
        body["vpc_id"] = vpc.into();
        let path = format!("/projects/{}/services{path}", own.project);
        world
            .call_as(&keys, Method::POST, &path, &body.to_string())
            .await
    };
    for (operation, _) in IN_BODIES {
        for vpc in [&theirs.vpc, &theirs.vpc_name] {
            not_there(
                &ask(operation, vpc).await,
                &format!("{operation} with {vpc}"),
            );
        }
    }
    both.assert_untouched(&world).await;
    for (operation, vpc) in [
        ("createService", &own.vpc_name),
        ("attachServiceToVPC", &own.spare),
        ("detachServiceFromVPC", &own.spare),
    ] {
        let control = ask(operation, vpc).await;
        assert_eq!(control.status, StatusCode::ACCEPTED, "{control:?}");
    }
}

#[tokio::test]
async fn searches_find_ones_own_things_only() {
    let world = World::new().await;
    let keys = world.keys_of(&world.project, Role::Owner).await;
    let both = Neighbours::of(&world).await;
    let (own, theirs) = (&both.own, &both.theirs);
    for search in ["operations?object=", "audit?object=", "audit?text="] {
        for (id, finds) in [(&theirs.service, false), (&own.service, true)] {
            let path = format!("/projects/{}/{search}{id}", own.project);
            let found = world.call_as(&keys, Method::GET, &path, "").await;
            assert_eq!(found.status, StatusCode::OK, "{found:?}");
            let found = found.body.as_array().expect("a list");
            assert_eq!(!found.is_empty(), finds, "{search}{id}: {found:?}");
        }
    }
}

#[tokio::test]
async fn sessions_are_ended_by_whom_they_are_of() {
    let world = World::new().await;
    let session = async |email: &str| {
        let link = world.plane.login_link(email).await.expect("a link");
        let begun = world.plane.login_by_link(&link.token, None).await;
        let begun = begun.expect("a session");
        (begun.session.id, format!("Bearer {}", begun.token))
    };
    for email in ["ann@example.com", "bob@example.com"] {
        let user = world.plane.create_user(NewUser {
            email: email.to_owned(),
            name: None,
            password: None,
        });
        user.await.expect("a user");
    }
    let (_, ann) = session("ann@example.com").await;
    let (other, other_token) = session("ann@example.com").await;
    let (bobs, bob) = session("bob@example.com").await;
    let end = async |id: &str| {
        let path = format!("/auth/sessions/{id}");
        world.call_as(&ann, Method::DELETE, &path, "").await
    };
    let status = async |keys: &str| {
        let asked = world.call_as(keys, Method::GET, "/auth/sessions", "").await;
        asked.status
    };
    not_there(&end(&bobs).await, "bob's");
    assert_eq!(status(&bob).await, StatusCode::OK);
    assert_eq!(status(&other_token).await, StatusCode::OK);
    assert_eq!(end(&other).await.status, StatusCode::NO_CONTENT);
    assert_eq!(status(&other_token).await, StatusCode::UNAUTHORIZED);
}

impl Route {
    /// Which of its ids may be another's: each one alone, and all.
    fn foreign(&self) -> BTreeSet<BTreeSet<&str>> {
        let parts = parts(&self.path).into_iter();
        // There are none anywhere.
        let all: BTreeSet<&str> = parts.filter(|part| *part != "replica_set_id").collect();
        let alone = all.iter().map(|part| BTreeSet::from([*part]));
        alone.chain([all.clone()]).collect()
    }

    /// Asks for it in one's own project, with these parts another's.
    async fn asked(
        &self,
        world: &World,
        keys: &str,
        both: &Neighbours,
        foreign: &BTreeSet<&str>,
    ) -> Answer {
        let path = filled(&self.path, |part| {
            let whose = match foreign.contains(part) {
                true => &both.theirs,
                false => &both.own,
            };
            let Some(id) = whose.named(part) else {
                panic!("say in things.rs what {part} is, for {}", self.operation);
            };
            id.to_owned()
        });
        let path = format!("/projects/{}{path}", both.own.project);
        let body = match self.takes_body {
            true => body(&self.operation, &both.own).to_string(),
            false => String::new(),
        };
        world.call_as(keys, self.method.clone(), &path, &body).await
    }
}

/// All that there are; those that delete come last, and what lies in something else before that.
fn routes() -> Vec<Route> {
    let document = document();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let Some((_, within)) = path.split_once("/projects/{project_id}") else {
            continue;
        };
        if !within.contains('{') {
            continue;
        }
        for (method, described) in methods.as_object().expect("methods") {
            routes.push(Route {
                operation: described["operationId"].as_str().expect("an id").to_owned(),
                method: method.to_uppercase().parse().expect("a method"),
                path: within.to_owned(),
                takes_body: described.get("requestBody").is_some(),
            });
        }
    }
    routes.sort_by_key(|route| (route.method == Method::DELETE, Reverse(route.path.len())));
    routes
}

/// The fields of requests that are ids, a customer's not counted.
fn ids_in_bodies() -> Vec<(String, String)> {
    let document = document();
    let mut found = Vec::new();
    let paths = document["paths"].as_object().expect("paths").values();
    for described in paths.flat_map(|path| path.as_object().expect("methods").values()) {
        let sent = &described["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        let Some(schema) = sent.as_str() else {
            continue;
        };
        let schema = document.pointer(schema.trim_start_matches('#'));
        let fields = schema.and_then(|schema| schema["properties"].as_object());
        for field in fields.into_iter().flat_map(|fields| fields.keys()) {
            if field.ends_with("_id") && !field.starts_with("peer_") {
                let operation = described["operationId"].as_str().expect("an id");
                found.push((operation.to_owned(), field.clone()));
            }
        }
    }
    found
}

fn document() -> Value {
    serde_json::to_value(strait_http::openapi()).expect("a description is JSON")
}

/// That it is as with an id of nothing.
fn not_there(answer: &Answer, what: &str) {
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{what}: {answer:?}");
    assert_eq!(answer.str("/code"), "NOT_FOUND", "{what}: {answer:?}");
    let message = answer.str("/message");
    assert!(!message.contains("no project"), "{what}: {answer:?}");
}
