//! Every route of the description, asked by everybody there may be. A route that is not in the table here fails, so that
//! whoever adds one says whom it is for.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use strait_plane::model::{Caller, NewKey, NewUser, Role};

use crate::world::{ADMIN_KEY, Answer, World, basic};

/// Whom an operation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    Anybody,
    Known,
    LoggedIn,
    Operator,
    Members(Role),
}

use For::{Anybody, Known, LoggedIn, Members, Operator};
use Role::{Admin, Developer, Owner, Viewer};

const OPERATIONS: &[(&str, For)] = &[
    ("getHealth", Anybody),
    ("getRegions", Anybody),
    ("getCaPem", Anybody),
    ("getCa", Known),
    ("login", Anybody),
    ("loginByLink", Anybody),
    ("logout", Known),
    ("changePassword", LoggedIn),
    ("getSessions", LoggedIn),
    ("endSession", LoggedIn),
    ("getProjects", Known),
    ("createProject", Operator),
    ("getProject", Members(Viewer)),
    ("renameProject", Members(Admin)),
    ("deleteProject", Members(Owner)),
    ("getVPCs", Members(Viewer)),
    ("createVPC", Members(Admin)),
    ("getVPC", Members(Viewer)),
    ("renameVPC", Members(Admin)),
    ("deleteVPC", Members(Admin)),
    ("cancelVPCDeletion", Members(Admin)),
    ("getVPCPeerings", Members(Viewer)),
    ("createVPCPeering", Members(Admin)),
    ("getVPCPeering", Members(Viewer)),
    ("requestVPCPeering", Members(Admin)),
    ("deleteVPCPeering", Members(Admin)),
    ("getServices", Members(Viewer)),
    ("createService", Members(Developer)),
    ("registerService", Operator),
    ("getService", Members(Viewer)),
    ("deleteService", Members(Developer)),
    ("startService", Members(Developer)),
    ("stopService", Members(Developer)),
    ("renameService", Members(Developer)),
    ("attachServiceToVPC", Members(Developer)),
    ("detachServiceFromVPC", Members(Developer)),
    ("getAuthInfo", Known),
    ("setVPCPeeringRanges", Members(Admin)),
    ("updatePassword", Members(Developer)),
    ("setEnvironment", Members(Developer)),
    ("getAllowList", Members(Viewer)),
    ("setAllowList", Members(Developer)),
    ("getServiceLogs", Members(Viewer)),
    ("getReplicaSets", Members(Viewer)),
    ("getServiceMetricsAvailableSeries", Members(Viewer)),
    ("deleteReplicaSet", Members(Developer)),
    ("resizeService", Members(Developer)),
    ("forkService", Members(Developer)),
    ("setHAReplica", Members(Developer)),
    ("enablePooler", Members(Developer)),
    ("disablePooler", Members(Developer)),
    ("getServiceMetricsSeries", Members(Developer)),
    ("createReplicaSet", Members(Developer)),
    ("resizeReplicaSet", Members(Developer)),
    ("enableReplicaPooler", Members(Developer)),
    ("disableReplicaPooler", Members(Developer)),
    ("setReplicaEnvironment", Members(Developer)),
    ("getLiveness", Anybody),
    ("getReadiness", Anybody),
    ("getMetrics", Operator),
    ("getAudit", Members(Admin)),
    ("getWholeAudit", Operator),
    ("forgetAudit", Operator),
    ("getOperations", Members(Viewer)),
    ("getOperation", Members(Viewer)),
    ("watchOperation", Members(Viewer)),
    ("getEvents", Members(Viewer)),
    ("getMembers", Members(Viewer)),
    ("addMember", Members(Admin)),
    ("setMemberRole", Members(Admin)),
    ("removeMember", Members(Admin)),
    ("getKeys", Members(Admin)),
    ("createKey", Members(Admin)),
    ("revokeKey", Members(Admin)),
    ("getUsers", Operator),
    ("createUser", Operator),
    ("getUser", Operator),
    ("deleteUser", Operator),
    ("disableUser", Operator),
    ("enableUser", Operator),
    ("unlockUser", Operator),
    ("unlockAddress", Operator),
    ("setUserPassword", Operator),
    ("createLoginLink", Operator),
    ("getQuotas", Operator),
    ("setQuota", Operator),
    ("getProjectQuotas", Members(Viewer)),
    ("getQuotaRequests", Members(Viewer)),
    ("requestQuota", Members(Developer)),
    ("withdrawQuotaRequest", Members(Developer)),
    ("getAllQuotaRequests", Operator),
    ("grantQuotaRequest", Operator),
    ("refuseQuotaRequest", Operator),
    ("getPlan", Members(Viewer)),
    ("setPlan", Operator),
    ("getUsage", Members(Viewer)),
    ("getAllUsage", Operator),
];

/// A route, with names for nothing where others are named.
struct Route {
    operation: String,
    method: Method,
    path: String,
}

/// How somebody proves who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Key,
    Session,
    Token,
}

#[tokio::test]
async fn every_route_is_for_those_that_it_is_for() {
    let world = World::new().await;
    // So that the project cannot be deleted by those who may.
    world.vpc("10.0.0.0/16").await;
    world.another_project("second").await;
    let routes = routes(&world.project);
    let told: BTreeMap<&str, For> = OPERATIONS.iter().copied().collect();
    assert_eq!(
        routes.len(),
        told.len(),
        "the table and the description differ"
    );
    for by in [By::Key, By::Session, By::Token] {
        for role in Role::ALL {
            for route in &routes {
                let Some(whom) = told.get(route.operation.as_str()) else {
                    panic!("say in this file whom {} is for", route.operation);
                };
                let may = match whom {
                    Anybody | Known => true,
                    LoggedIn => by == By::Session,
                    Operator => false,
                    Members(least) => role.covers(*least),
                };
                // A session each time: some routes end theirs.
                let keys = credentials(&world, &world.project, by, *role).await;
                let answer = ask(&world, &keys, route).await;
                let what = format!("{} by {role} ({by:?})", route.operation);
                if may {
                    passed(&answer, &what);
                } else {
                    refused(&answer, StatusCode::FORBIDDEN, "FORBIDDEN", &what);
                }
            }
        }
    }
    for route in &routes {
        let answer = ask(&world, &format!("Bearer {ADMIN_KEY}"), route).await;
        let what = format!("{} by the operator", route.operation);
        match told[route.operation.as_str()] {
            LoggedIn => refused(&answer, StatusCode::FORBIDDEN, "FORBIDDEN", &what),
            Anybody | Known | Operator | Members(_) => passed(&answer, &what),
        }
    }
}

#[tokio::test]
async fn who_proves_nothing_gets_nothing() {
    let world = World::new().await;
    // So that the control cannot delete the project.
    world.vpc("10.0.0.0/16").await;
    let made = async |new: NewKey| {
        let made = world
            .plane
            .create_key(&world.project, new)
            .await
            .expect("a key");
        (
            made.key.public_key.clone(),
            basic(&made.key.public_key, &made.secret_key),
            made.secret_key,
        )
    };
    let (public, good, secret) = made(NewKey::of(Owner)).await;
    let (revoked, revoked_keys, revoked_secret) = made(NewKey::of(Owner)).await;
    let token = world
        .plane
        .issue_token(&revoked, &revoked_secret)
        .await
        .expect("a token");
    let revoked_token = format!("Bearer {}", token.token);
    let later = NewKey {
        expires: Some(Timestamp::now() + SignedDuration::from_hours(1)),
        ..NewKey::of(Owner)
    };
    let (expired, expired_keys, _) = made(later).await;
    let route = route(&world.project, "getProject");
    for control in [&good, &revoked_keys, &revoked_token, &expired_keys] {
        let answer = ask(&world, control, &route).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
    world
        .plane
        .revoke_key(&world.project, &revoked)
        .await
        .expect("revoked");
    sqlx::query("UPDATE strait.api_key SET expires = clock_timestamp() WHERE public_key = $1")
        .bind(&expired)
        .execute(&world.pool)
        .await
        .expect("time passes");

    let told: BTreeMap<&str, For> = OPERATIONS.iter().copied().collect();
    let wrong = basic(&public, &format!("{secret}x"));
    for route in routes(&world.project) {
        for (who, keys) in [
            ("nobody", None),
            ("wrong keys", Some(&wrong)),
            ("revoked keys", Some(&revoked_keys)),
            ("a revoked key's token", Some(&revoked_token)),
            ("expired keys", Some(&expired_keys)),
        ] {
            let answer = match keys {
                Some(keys) => ask(&world, keys, &route).await,
                None => ask_with(&world, &[], &route).await,
            };
            let what = format!("{} by {who}", route.operation);
            match told[route.operation.as_str()] {
                Anybody => passed(&answer, &what),
                Known | LoggedIn | Operator | Members(_) => {
                    refused(&answer, StatusCode::UNAUTHORIZED, "UNAUTHORIZED", &what);
                }
            }
        }
        let answer = ask(&world, &good, &route).await;
        assert_ne!(
            answer.status,
            StatusCode::UNAUTHORIZED,
            "the control: {answer:?}"
        );
    }
}

#[tokio::test]
async fn another_projects_ids_are_as_ids_of_nothing() {
    let world = World::new().await;
    let (second, _) = world.another_project("second").await;
    let mut seen = 0;
    for by in [By::Key, By::Session, By::Token] {
        let keys = credentials(&world, &second, by, Owner).await;
        let own = world
            .call_as(&keys, Method::GET, &format!("/projects/{second}"), "")
            .await;
        assert_eq!(own.status, StatusCode::OK, "{own:?}");
        for named in [world.project.as_str(), "first", "nonesuch"] {
            for route in routes(named) {
                if !route.path.contains(&format!("/projects/{named}")) {
                    continue;
                }
                seen += 1;
                let answer = ask(&world, &keys, &route).await;
                let what = format!("{} of {named} ({by:?})", route.operation);
                refused(&answer, StatusCode::NOT_FOUND, "NOT_FOUND", &what);
                assert!(
                    answer.str("/message").contains("no project"),
                    "{what}: {answer:?}"
                );
            }
        }
    }
    assert!(seen > 200, "only {seen}");
}

#[tokio::test]
async fn a_cookie_counts_for_what_changes_nothing_only() {
    let world = World::new().await;
    let session = credentials(&world, &world.project, By::Session, Owner).await;
    let token = session.trim_start_matches("Bearer ");
    let cookie = format!("other=1; strait_session={token}");
    let mut counted = 0;
    for route in routes(&world.project) {
        let whom = OPERATIONS.iter().find(|(name, _)| *name == route.operation);
        let Some((_, Members(_))) = whom else {
            continue;
        };
        let answer = ask_with(&world, &[(header::COOKIE, &cookie)], &route).await;
        if route.method == Method::GET {
            counted += 1;
            passed(&answer, &route.operation);
        } else {
            refused(
                &answer,
                StatusCode::UNAUTHORIZED,
                "UNAUTHORIZED",
                &route.operation,
            );
        }
    }
    assert!(counted > 5, "only {counted}");
    let wrong = "strait_session=sts_nonsense";
    let route = route(&world.project, "getProject");
    let answer = ask_with(&world, &[(header::COOKIE, wrong)], &route).await;
    refused(
        &answer,
        StatusCode::UNAUTHORIZED,
        "UNAUTHORIZED",
        "a wrong cookie",
    );
}

#[tokio::test]
async fn operations_say_who_asked() {
    let world = World::new().await;
    for (by, actor, name) in [
        (By::Key, "key:", Some("owner's")),
        (By::Token, "key:", Some("owner's")),
        (By::Session, "user:owner@example.com", Some("owner")),
    ] {
        let keys = credentials(&world, &world.project, by, Owner).await;
        let body = r#"{"name":"orders","region_code":"eu-central-1"}"#;
        let path = format!("/projects/{}/services", world.project);
        let made = world.call_as(&keys, Method::POST, &path, body).await;
        assert_eq!(made.status, StatusCode::ACCEPTED, "{made:?}");
        let shown = world.get("/operations?limit=1").await;
        assert!(shown.str("/0/actor").starts_with(actor), "{shown:?}");
        let shown_name = shown.body.pointer("/0/actor_name").and_then(Value::as_str);
        assert_eq!(shown_name, name, "{shown:?}");
    }
}

/// All routes of the description.
fn routes(project: &str) -> Vec<Route> {
    let document = serde_json::to_value(strait_http::openapi()).expect("a description is JSON");
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let path = path
            .split('/')
            .map(|part| match part {
                "{project_id}" => project,
                part if part.starts_with('{') => "nonesuch",
                part => part,
            })
            .collect::<Vec<_>>()
            .join("/");
        for (method, described) in methods.as_object().expect("methods") {
            let told = described["x-strait-needs"].as_str();
            assert!(
                told.is_some(),
                "{method} {path} tells nobody whom it is for"
            );
            routes.push(Route {
                operation: described["operationId"].as_str().expect("an id").to_owned(),
                method: method.to_uppercase().parse().expect("a method"),
                path: path.clone(),
            });
        }
    }
    routes
}

fn route(project: &str, operation: &str) -> Route {
    let mut all = routes(project).into_iter();
    all.find(|route| route.operation == operation)
        .expect("it is in the description")
}

/// The header of somebody with this role in this project.
async fn credentials(world: &World, project: &str, by: By, role: Role) -> String {
    let plane = world.plane.by(Caller::strait());
    if by == By::Session {
        let email = format!("{role}@example.com");
        let user = match plane.user(&email).await {
            Ok(user) => user,
            Err(_) => plane
                .create_user(NewUser {
                    email,
                    name: None,
                    password: None,
                })
                .await
                .expect("a user"),
        };
        // Is one already the second time.
        let _ = plane.add_member(project, &user.id, role).await;
        let link = plane.login_link(&user.id).await.expect("a link");
        let begun = plane
            .login_by_link(&link.token, None)
            .await
            .expect("a session");
        return format!("Bearer {}", begun.token);
    }
    let name = format!("{role}'s");
    let known = world.known_keys(project, &name);
    let (public, secret) = match known {
        Some(known) => known,
        None => {
            let new = NewKey {
                name: name.clone(),
                ..NewKey::of(role)
            };
            let made = plane.create_key(project, new).await.expect("a key");
            let pair = (made.key.public_key, made.secret_key);
            world.remember_keys(project, &name, &pair);
            pair
        }
    };
    if by == By::Token {
        let token = plane.issue_token(&public, &secret).await.expect("a token");
        return format!("Bearer {}", token.token);
    }
    basic(&public, &secret)
}

async fn ask(world: &World, keys: &str, route: &Route) -> Answer {
    ask_with(world, &[(header::AUTHORIZATION, keys)], route).await
}

async fn ask_with(world: &World, headers: &[(header::HeaderName, &str)], route: &Route) -> Answer {
    let mut request = Request::builder()
        .method(&route.method)
        .uri(&route.path)
        .header(header::HOST, "127.0.0.1:8470");
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    world
        .send(request.body(Body::empty()).expect("a request"))
        .await
}

/// It got as far as what it asks for: to the missing body, to the names of nothing, to an answer.
fn passed(answer: &Answer, what: &str) {
    match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::INTERNAL_SERVER_ERROR => {
            panic!("{what}: {answer:?}")
        }
        StatusCode::NOT_FOUND => {
            let message = answer.str("/message");
            assert!(!message.contains("no project"), "{what}: {answer:?}");
        }
        _ => {}
    }
}

fn refused(answer: &Answer, status: StatusCode, code: &str, what: &str) {
    assert_eq!(answer.status, status, "{what}: {answer:?}");
    assert_eq!(answer.str("/code"), code, "{what}: {answer:?}");
}
