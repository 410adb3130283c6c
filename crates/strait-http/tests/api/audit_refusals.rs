//! The audit of refusals: each kind is noted once and then counted, whoever knocks, leaves early or ends the server.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode, header};
use futures::FutureExt as _;
use serde_json::{Value, json};
use strait_http::{Closing, Options};
use strait_plane::model::Role;
use tower::ServiceExt as _;

use crate::audit::HERE;
use crate::guest::{Guest, PASSWORD};
use crate::world::{ADMIN_KEY, BASE, FOLD, REGION, World, basic};

#[tokio::test]
async fn each_refusal_is_noted_once_and_then_counted() {
    let world = World::new().await;
    let (other, other_keys) = world.another_project("second").await;
    let viewer = world.key(Role::Viewer).await;
    let vpcs = format!("{BASE}/projects/{}/vpcs", world.project);
    let new = format!(r#"{{"cidr":"10.0.0.0/24","region_code":"{REGION}"}}"#);
    let services = format!("{BASE}/projects/{}/services", world.project);
    for (keys, method, path, body, status, code, actor, project) in [
        (
            "Bearer wrong",
            Method::GET,
            vpcs.clone(),
            "",
            401,
            "UNAUTHORIZED",
            "unknown",
            None,
        ),
        (
            &viewer.1,
            Method::POST,
            vpcs.clone(),
            new.as_str(),
            403,
            "FORBIDDEN",
            "key",
            Some(&world.project),
        ),
        (
            &other_keys,
            Method::GET,
            vpcs.clone(),
            "",
            404,
            "NOT_FOUND",
            "key",
            None,
        ),
        (
            &other_keys,
            Method::POST,
            format!("{BASE}/projects/{other}/vpcs"),
            r#"{"cidr":"x","region_code":"y"}"#,
            400,
            "INVALID_ARGUMENT",
            "key",
            Some(&other),
        ),
    ] {
        let answer = world.asked_here(keys, method, &path, body).await;
        assert_eq!(answer.status.as_u16(), status, "{answer:?}");
        let id = answer.headers["x-request-id"].to_str().expect("text");
        assert_eq!(answer.str("/request_id"), id, "the error says it too");
        let noted = world.noted(&format!("text={id}")).await;
        let [entry] = &noted[..] else {
            panic!("{path}: {noted:?}")
        };
        assert_eq!(
            (&entry["outcome"], &entry["code"], &entry["address"]),
            (&json!("refused"), &json!(code), &json!(HERE))
        );
        assert!(
            entry["actor"].as_str().expect("text").starts_with(actor),
            "{entry}"
        );
        assert_eq!(
            entry["project_id"],
            project.map_or(Value::Null, |id| json!(id)),
            "{entry}"
        );
    }
    // What is merely not there is no matter of it: a control beside the other project's.
    let own = world
        .asked_here(&viewer.1, Method::GET, &format!("{services}/nonesuch"), "")
        .await;
    assert_eq!(own.status, StatusCode::NOT_FOUND);
    let id = own.headers["x-request-id"].to_str().expect("text");
    assert_eq!(
        world.noted(&format!("text={id}")).await,
        Vec::<Value>::new()
    );

    for _ in 0..40 {
        let refused = world
            .asked_here("Bearer guess", Method::GET, &services, "")
            .await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    }
    let noted = world.noted_times("actor=unknown&outcome=refused", 41).await;
    let times: i64 = noted
        .iter()
        .filter_map(|entry| entry["times"].as_i64())
        .sum();
    assert_eq!(times, 41, "{noted:?}");
    assert!((2..=10).contains(&noted.len()), "{noted:?}");
}

#[tokio::test]
async fn refused_forms_logins_and_mutations_are_noted() {
    let world = World::new().await;
    let guest = Guest::with(&world, Role::Viewer).await;
    let refused = guest
        .post(
            &format!("/projects/{}/keys", world.project),
            &[("role", "viewer")],
        )
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{refused:?}");
    let noted = world
        .noted(&format!("outcome=refused&actor={}", guest.email))
        .await;
    assert_eq!(
        (noted.len(), &noted[0]["code"], &noted[0]["project_id"]),
        (1, &json!("FORBIDDEN"), &json!(world.project)),
        "{noted:?}"
    );

    let visit = Guest::visit(&world).await;
    let wrong = [
        ("email", guest.email.as_str()),
        ("password", "hunter2hunter2"),
    ];
    visit.post("/login", &wrong).await;
    let query = "outcome=refused&text=POST%20/login";
    world.eventually_noted(query).await;
    let noted = world.noted(query).await;
    assert_eq!(
        (noted.len(), &noted[0]["code"]),
        (1, &json!("UNAUTHORIZED")),
        "{noted:?}"
    );
    let right = [("email", guest.email.as_str()), ("password", PASSWORD)];
    visit.post("/login", &right).await;
    let begun = world
        .noted(&format!("action=session.create&actor={}", guest.email))
        .await;
    assert!(begun.len() >= 2, "{begun:?}");

    let viewer = world.key(Role::Viewer).await;
    let query = json!({ "query": format!("mutation {{ deleteVpc(data: {{projectId: \"{}\", vpcId: \"x\"}}) }}", world.project) });
    world
        .asked_here(&viewer.1, Method::POST, "/api/query", &query.to_string())
        .await;
    let noted = world
        .noted("outcome=refused&text=mutation%20deleteVpc")
        .await;
    assert_eq!(
        (noted.len(), &noted[0]["code"]),
        (1, &json!("FORBIDDEN")),
        "{noted:?}"
    );
    // Who is not signed in and looks at a page is led to where that is done: no refusal.
    let before = world.noted("actor=unknown").await.len();
    Guest::nobody(&world).get("/projects").await;
    assert_eq!(world.noted("actor=unknown").await.len(), before);
}

#[tokio::test]
async fn what_graphql_itself_refuses_is_refused_in_the_audit_and_what_changes_nothing_is_not_in_it()
{
    let world = World::new().await;
    let viewer = world.key(Role::Viewer).await;
    let ask = async |keys: &str, query: &str| {
        let query = json!({ "query": query }).to_string();
        let answer = world.asked_here(keys, Method::POST, "/api/query", &query);
        let answer = answer.await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.has("/errors")
    };
    // Nobody knows who it is, and the schema takes no such thing.
    for number in 0..30 {
        assert!(ask("", &format!("mutation {{ deleteVpc(data: {number}) }}")).await);
    }
    let refused = |noted: &[Value], actor: &str| {
        let kinds = noted.iter().map(|entry| {
            let actor = entry["actor"].as_str().unwrap_or_default();
            let (actor, _) = actor.split_once(':').unwrap_or((actor, ""));
            [
                actor,
                entry["outcome"].as_str().unwrap_or_default(),
                entry["code"].as_str().unwrap_or_default(),
            ]
            .join(" ")
        });
        let expected = format!("{actor} refused INVALID_ARGUMENT");
        let kinds: Vec<String> = kinds.collect();
        assert!(kinds.iter().all(|kind| *kind == expected), "{noted:?}");
        noted
            .iter()
            .filter_map(|entry| entry["times"].as_i64())
            .sum::<i64>()
    };
    let noted = world.noted_times("text=mutation%20deleteVpc", 30).await;
    assert!((2..=6).contains(&noted.len()), "{noted:?}");
    assert_eq!(refused(&noted, "unknown"), 30);

    // The control: of who is known it is told by their name, and what they invent is not.
    for number in 0..30 {
        assert!(ask(&viewer.1, &format!("mutation {{ invented{number} }}")).await);
    }
    let query = format!("actor={}", viewer.0);
    let noted = world.noted_times(&query, 30).await;
    assert!((2..=6).contains(&noted.len()), "{noted:?}");
    assert_eq!(refused(&noted, "key"), 30);
    assert_eq!(noted[0]["route"], "POST /api/query mutation");

    let before = world.noted("").await.len();
    let skipped = "mutation { deleteVpc(data: {projectId: \"x\", vpcId: \"y\"}) @skip(if: true) }";
    for keys in ["", &viewer.1] {
        for nothing in ["mutation { __typename }", skipped] {
            assert!(!ask(keys, nothing).await, "{nothing}");
        }
    }
    tokio::time::sleep(FOLD + Duration::from_millis(1500)).await;
    let after = world.noted("").await;
    assert_eq!(after.len(), before, "{after:?}");
}

#[tokio::test]
async fn refusals_are_counted_in_each_project_by_itself() {
    let world = World::new().await;
    let (other, _) = world.another_project("second").await;
    let guest = Guest::with(&world, Role::Viewer).await;
    let added = world.plane.add_member(&other, &guest.email, Role::Viewer);
    added.await.expect("a member of both");
    for project in [&world.project, &other, &world.project, &other] {
        let path = format!("/projects/{project}/keys");
        let refused = guest.post(&path, &[("role", "viewer")]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{refused:?}");
    }
    let query = format!("outcome=refused&actor={}", guest.email);
    let times = async |project: &str| {
        let query = format!("{query}&project={project}");
        let noted = world.noted_times(&query, 2).await;
        let times = noted.iter().filter_map(|entry| entry["times"].as_i64());
        times.sum::<i64>()
    };
    assert_eq!((times(&world.project).await, times(&other).await), (2, 2));
}

#[tokio::test]
async fn methods_that_are_invented_are_one_kind() {
    let world = World::new().await;
    let key = world.key(Role::Owner).await;
    let path = format!("{BASE}/projects/{}/vpcs", world.project);
    for number in 0..10 {
        let method = Method::from_bytes(format!("BREW{number}").as_bytes()).expect("a method");
        let answer = world.asked_here(&key.1, method, &path, "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{answer:?}");
    }
    let noted = world.noted_times("outcome=refused", 10).await;
    assert!((2..=4).contains(&noted.len()), "{noted:?}");
    let route = format!("other {BASE}/projects/{{project_id}}/vpcs");
    assert!(
        noted.iter().all(|entry| entry["route"] == route),
        "{noted:?}"
    );
}

#[tokio::test]
async fn who_leaves_before_the_answer_is_noted_all_the_same() {
    let world = World::new().await;
    let key = world.key(Role::Owner).await;
    let vpcs = format!("{BASE}/projects/{}/vpcs", world.project);
    let new = format!(r#"{{"cidr":"10.0.0.0/24","region_code":"{REGION}"}}"#);
    let wrong = basic(&key.0, "guessed");
    for (number, (keys, method, query)) in [
        (&wrong, Method::POST, "outcome=refused"),
        (&wrong, Method::GET, "outcome=refused"),
        (&key.1, Method::POST, "action=vpc.create"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("left-{number}");
        let request = Request::builder()
            .method(method)
            .uri(&vpcs)
            .header(header::HOST, "127.0.0.1:8470")
            .header(header::AUTHORIZATION, keys)
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-request-id", &id);
        let mut request = request.body(Body::from(new.clone())).expect("a request");
        // Each from somewhere else, so that none is counted with another.
        let from: SocketAddr = format!("192.0.2.{}:4711", 20 + number)
            .parse()
            .expect("an address");
        request.extensions_mut().insert(ConnectInfo(from));
        let answer = world.respond(request).now_or_never();
        assert!(
            answer.is_none(),
            "it was answered before anybody could leave: {answer:?}"
        );
        world.eventually_noted(&format!("{query}&text={id}")).await;
    }
}

#[tokio::test]
async fn what_was_counted_is_written_when_the_server_ends() {
    let world = World::new().await;
    let (router, closing) = server_that_ends(&world);
    for _ in 0..5 {
        let request = Request::get(format!("{BASE}/projects"))
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, "Bearer guess");
        let request = request.body(Body::empty()).expect("a request");
        let answer = router.clone().oneshot(request).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }
    let times = async || {
        let noted = world.noted("outcome=refused").await;
        let times = noted.iter().filter_map(|entry| entry["times"].as_i64());
        times.sum::<i64>()
    };
    assert_eq!(times().await, 1, "the others are counted for a minute");
    closing.close().await;
    assert_eq!(times().await, 5);
}

#[tokio::test]
async fn what_the_store_did_not_take_is_written_later() {
    let world = World::new().await;
    let sql = async |sql: &str| {
        let done = sqlx::raw_sql(sql).execute(&world.pool).await;
        done.expect("done");
    };
    sql("ALTER TABLE strait.audit ADD CONSTRAINT full_up CHECK (outcome <> 'refused') NOT VALID")
        .await;
    let admin = format!("Bearer {ADMIN_KEY}");
    let path = format!("{BASE}/admin/users/nobody@example.com/unlock");
    let refused = world.asked_here(&admin, Method::POST, &path, "").await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND, "{refused:?}");
    let id = refused.headers["x-request-id"].to_str().expect("text");
    let query = format!("outcome=refused&text={id}");
    assert_eq!(world.noted(&query).await, Vec::<Value>::new());
    sql("ALTER TABLE strait.audit DROP CONSTRAINT full_up").await;
    world.eventually_noted(&query).await;
}

#[tokio::test]
async fn what_is_refused_while_a_server_ends_is_written_too() {
    let world = World::new().await;
    let (router, closing) = server_that_ends(&world);
    let refused = async |path: &str, keys: &str| {
        let request = Request::get(format!("{BASE}/{path}"))
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, keys);
        let request = request.body(Body::empty()).expect("a request");
        let answer = router.clone().oneshot(request).await.expect("an answer");
        answer.status()
    };
    let viewer = world.key(Role::Viewer).await.1;
    let elsewhere = "projects/nonesuch/vpcs";
    let mut lock = world.pool.begin().await.expect("begun");
    let locked = sqlx::query("LOCK TABLE strait.audit IN ACCESS EXCLUSIVE MODE");
    locked.execute(&mut *lock).await.expect("locked");
    let first = refused("projects", "Bearer guess");
    let ending = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        closing.close().await;
    };
    let second = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        refused(elsewhere, &viewer).await
    };
    let unlock = async {
        tokio::time::sleep(Duration::from_millis(1000)).await;
        lock.rollback().await.expect("given back");
    };
    let (first, (), second, ()) = tokio::join!(first, ending, second, unlock);
    assert_eq!(
        (first, second),
        (StatusCode::UNAUTHORIZED, StatusCode::NOT_FOUND)
    );
    closing.close().await;
    let noted = world.noted("outcome=refused").await;
    let mut codes: Vec<&str> = noted
        .iter()
        .filter_map(|entry| entry["code"].as_str())
        .collect();
    codes.sort_unstable();
    assert_eq!(codes, ["NOT_FOUND", "UNAUTHORIZED"], "{noted:?}");
}

impl World {
    /// What is noted like this, as soon as it is so often: what is counted is written later.
    pub(crate) async fn noted_times(&self, query: &str, times: i64) -> Vec<Value> {
        let found = async {
            loop {
                let noted = self.noted(query).await;
                let so_far = noted.iter().filter_map(|entry| entry["times"].as_i64());
                if so_far.sum::<i64>() >= times {
                    return noted;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(30), found).await;
        found.unwrap_or_else(|_| panic!("{query}: not {times} times"))
    }

    /// That there is one entry like this, soon.
    pub(crate) async fn eventually_noted(&self, query: &str) {
        let found = async {
            loop {
                match self.noted(query).await.len() {
                    0 => tokio::time::sleep(Duration::from_millis(50)).await,
                    found => return found,
                }
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(15), found).await;
        assert_eq!(found, Ok(1), "{query}");
    }
}

/// A server, and with what it is ended.
fn server_that_ends(world: &World) -> (axum::Router, Closing) {
    let closing = Closing::default();
    let options = Options {
        closing: closing.clone(),
        ..Options::default()
    };
    (strait_http::router(world.plane.clone(), options), closing)
}
