//! The audit over HTTP: by REST, GraphQL and the console's forms alike; searched, exported, and for whom it is for only. Metrics and
//! readiness.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use strait_http::{Options, Readers};
use strait_plane::model::{NewKey, NewUser, Role};

use crate::guest::{Guest, PASSWORD};
use crate::world::{ADMIN_KEY, Answer, BASE, FOLD, REGION, World, basic};

const HERE: &str = "192.0.2.7";

#[tokio::test]
async fn a_change_by_rest_by_graphql_and_by_a_form_is_noted_alike() {
    let world = World::new().await;
    let key = world.key(Role::Admin).await;
    let path = format!("{BASE}/projects/{}/vpcs", world.project);
    let body = |cidr: &str| format!(r#"{{"cidr":"{cidr}","region_code":"{REGION}"}}"#);
    let made = world
        .asked_here(&key.1, Method::POST, &path, &body("10.0.0.0/24"))
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let by_rest = world.noted("action=vpc.create&outcome=accepted").await;
    let [entry] = &by_rest[..] else {
        panic!("{by_rest:?}")
    };
    assert_eq!(entry["actor"], format!("key:{}", key.0));
    assert_eq!(entry["address"], HERE);
    assert_eq!(
        entry["request_id"],
        made.headers["x-request-id"].to_str().expect("text")
    );
    assert_eq!(
        entry["route"],
        format!("POST {BASE}/projects/{{project_id}}/vpcs")
    );
    assert_eq!(entry["project_id"], world.project);
    assert_eq!(entry["object_id"], made.str("/id"));
    assert_eq!(entry["after"]["cidr"], "10.0.0.0/24");
    let operation = entry["operation_id"].as_str().expect("an operation");
    world
        .get(&format!("/operations/{operation}?wait=20s"))
        .await;
    let ended = world
        .noted(&format!("operation={operation}&outcome=done"))
        .await;
    assert_eq!(ended.len(), 1, "{ended:?}");

    let query = json!({ "query": format!(
        "mutation {{ createVpc(data: {{projectId: \"{}\", name: \"g\", cidr: \"10.1.0.0/24\", cloudProvider: AWS, regionCode: \"{REGION}\"}}) {{ id }} }}",
        world.project
    ) });
    let made = world
        .asked_here(&key.1, Method::POST, "/api/query", &query.to_string())
        .await;
    assert!(made.has("/data/createVpc/id"), "{made:?}");
    let by_graphql = world
        .noted("action=vpc.create&outcome=accepted&text=createVpc")
        .await;
    let [entry] = &by_graphql[..] else {
        panic!("{by_graphql:?}")
    };
    assert_eq!(entry["route"], "POST /api/query mutation createVpc");
    assert_eq!(
        (&entry["actor"], &entry["address"]),
        (&json!(format!("key:{}", key.0)), &json!(HERE))
    );

    let guest = Guest::with(&world, Role::Owner).await;
    let fields = [
        ("name", "c"),
        ("cidr", "10.2.0.0/24"),
        ("region", REGION),
        ("region_code", REGION),
    ];
    let made = guest
        .post(&format!("/projects/{}/vpcs/new", world.project), &fields)
        .await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{made:?}");
    let by_form = world
        .noted(&format!(
            "action=vpc.create&outcome=accepted&actor={}",
            guest.email
        ))
        .await;
    let [entry] = &by_form[..] else {
        panic!("{by_form:?}")
    };
    assert_eq!(entry["route"], "POST /projects/{project}/vpcs/new");
    assert_eq!(entry["actor"], format!("user:{}", guest.email));
    // What only reads is not noted.
    let all = world.noted("").await;
    assert!(
        all.iter().all(|entry| !entry["route"]
            .as_str()
            .unwrap_or_default()
            .starts_with("GET")),
        "{all:?}"
    );
}

#[tokio::test]
async fn every_kind_of_change_is_its_callers() {
    let world = World::new().await;
    let admin = format!("Bearer {ADMIN_KEY}");
    let project = world.project.clone();
    let user = r#"{"email":"ada@example.com","password":"correct horse battery staple"}"#;
    let mut seen = BTreeSet::new();
    for (method, path, body, action) in [
        (
            Method::POST,
            "/projects".to_owned(),
            r#"{"name":"second"}"#,
            "project.create",
        ),
        (
            Method::POST,
            format!("/projects/{project}/rename"),
            r#"{"name":"mine"}"#,
            "project.change",
        ),
        (
            Method::PUT,
            format!("/admin/projects/{project}/quotas"),
            r#"{"quota":"vpcs","limit":9}"#,
            "quota.create",
        ),
        (
            Method::POST,
            format!("/projects/{project}/quota-requests"),
            r#"{"quota":"vpcs","wanted":12,"reason":"a second team"}"#,
            "quota-request.create",
        ),
        (
            Method::PUT,
            format!("/admin/projects/{project}/plan"),
            r#"{"plan":"standard"}"#,
            "plan.change",
        ),
        (Method::POST, "/admin/users".to_owned(), user, "user.create"),
        (
            Method::POST,
            format!("/projects/{project}/members"),
            r#"{"email":"ada@example.com","role":"viewer"}"#,
            "member.create",
        ),
        (
            Method::PUT,
            format!("/projects/{project}/members/ada@example.com"),
            r#"{"role":"admin"}"#,
            "member.change",
        ),
        (
            Method::POST,
            format!("/projects/{project}/keys"),
            r#"{"name":"ci","role":"viewer"}"#,
            "key.create",
        ),
        (
            Method::POST,
            "/admin/login-links".to_owned(),
            r#"{"email":"ada@example.com"}"#,
            "login-link.create",
        ),
        (
            Method::POST,
            "/admin/users/ada@example.com/unlock".to_owned(),
            "",
            "request",
        ),
        (
            Method::PUT,
            "/admin/users/ada@example.com/password".to_owned(),
            r#"{"password":"another long password"}"#,
            "user.change",
        ),
        (
            Method::POST,
            "/admin/users/ada@example.com/disable".to_owned(),
            "",
            "user.change",
        ),
        (
            Method::POST,
            "/admin/users/ada@example.com/enable".to_owned(),
            "",
            "user.change",
        ),
        (
            Method::DELETE,
            format!("/projects/{project}/members/ada@example.com"),
            "",
            "member.delete",
        ),
        (
            Method::DELETE,
            "/admin/users/ada@example.com".to_owned(),
            "",
            "user.delete",
        ),
        (
            Method::DELETE,
            "/projects/second".to_owned(),
            "",
            "project.delete",
        ),
    ] {
        let answer = world
            .asked_here(&admin, method, &format!("{BASE}{path}"), body)
            .await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        let id = answer.headers["x-request-id"].to_str().expect("text");
        let noted = world.noted(&format!("text={id}")).await;
        let entry = noted.iter().find(|entry| entry["action"] == action);
        let entry = entry.unwrap_or_else(|| panic!("{path}: no {action} in {noted:?}"));
        assert_eq!(
            (&entry["actor"], &entry["address"], &entry["outcome"]),
            (&json!("admin"), &json!(HERE), &json!("done")),
            "{path}"
        );
        seen.insert(action);
    }
    assert!(seen.len() > 10, "{seen:?}");
}

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
    tokio::time::sleep(FOLD + Duration::from_millis(1500)).await;
    let noted = world.noted("actor=unknown&outcome=refused").await;
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
    let noted = world.noted("outcome=refused&text=POST%20/login").await;
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
async fn no_secret_is_in_it() {
    let world = World::new().await;
    let admin = format!("Bearer {ADMIN_KEY}");
    let key = world
        .plane
        .create_key(&world.project, NewKey::of(Role::Owner));
    let key = key.await.expect("a key");
    let keys = basic(&key.key.public_key, &key.secret_key);
    let token = world
        .plane
        .issue_token(&key.key.public_key, &key.secret_key)
        .await;
    let token = token.expect("a token").token;
    let mut secrets = vec![
        ADMIN_KEY.to_owned(),
        key.secret_key,
        token,
        "$argon2".to_owned(),
    ];
    let services = format!("{BASE}/projects/{}/services", world.project);
    let body = format!(r#"{{"name":"orders","region_code":"{REGION}"}}"#);
    let made = world
        .asked_here(&keys, Method::POST, &services, &body)
        .await;
    secrets.push(made.str("/initial_password").to_owned());
    let service = made.str("/service_id").to_owned();
    world.get(&format!("/services/{service}?wait=20")).await;
    let chosen = "Chosen-Password-0815";
    let path = format!("{services}/{service}/updatePassword");
    world
        .asked_here(
            &keys,
            Method::POST,
            &path,
            &format!(r#"{{"password":"{chosen}"}}"#),
        )
        .await;
    secrets.push(chosen.to_owned());
    // In the wrong place, in the wrong shape, and refused.
    let misplaced = "Misplaced-Password-4711";
    for body in [
        format!(r#"{{"passwort":"{misplaced}"}}"#),
        format!(r#"{{"password":["{misplaced}"]}}"#),
        format!(r#"{{"{misplaced}":1}}"#),
        misplaced.to_owned(),
    ] {
        let refused = world.asked_here(&keys, Method::POST, &path, &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{refused:?}");
    }
    let quota = format!("{BASE}/admin/projects/{}/quotas", world.project);
    let refused = world
        .asked_here(
            &admin,
            Method::PUT,
            &quota,
            &format!(r#"{{"quota":"vpcs","limit":"{misplaced}"}}"#),
        )
        .await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{refused:?}");
    secrets.push(misplaced.to_owned());
    let user = world.plane.create_user(NewUser {
        email: "ada@example.com".to_owned(),
        name: None,
        password: Some(PASSWORD.to_owned()),
    });
    let user = user.await.expect("a user");
    let link = world
        .asked_here(
            &admin,
            Method::POST,
            &format!("{BASE}/admin/login-links"),
            r#"{"email":"ada@example.com"}"#,
        )
        .await;
    let link = link.str("/token").to_owned();
    let begun = world
        .asked_here(
            "",
            Method::POST,
            &format!("{BASE}/auth/login-link"),
            &format!(r#"{{"token":"{link}"}}"#),
        )
        .await;
    secrets.extend([link, begun.str("/token").to_owned(), PASSWORD.to_owned()]);
    world
        .plane
        .set_user_disabled(&user.id, true)
        .await
        .expect("out");

    let export = world
        .call_as(&admin, Method::GET, "/admin/audit?format=jsonl", "")
        .await;
    assert!(export.text.lines().count() > 10, "{export:?}");
    assert!(export.text.contains("service.password"), "{export:?}");
    for secret in secrets {
        assert!(
            secret.len() > 6 && !export.text.contains(&secret),
            "{secret} is in the audit"
        );
    }
}

#[tokio::test]
async fn it_is_exported_whole_and_paged() {
    let world = World::new().await;
    let sql = format!(
        "INSERT INTO strait.audit (actor, action, project_id, outcome, object_name)
         SELECT 'x', 'x', CASE n % 2 WHEN 0 THEN '{}' END, 'done', E'two\\nlines' FROM generate_series(1, 3000) n",
        world.project
    );
    sqlx::raw_sql(&sql)
        .execute(&world.pool)
        .await
        .expect("rows");
    let export = world.get("/audit?format=jsonl&action=x").await;
    assert_eq!(export.headers[header::CONTENT_TYPE], "application/jsonl");
    let ids = |answer: &Answer| {
        let lines = answer.text.lines();
        let ids = lines.map(|line| {
            serde_json::from_str::<Value>(line).expect("JSON")["id"]
                .as_str()
                .expect("an id")
                .parse::<i64>()
                .expect("a number")
        });
        ids.collect::<Vec<i64>>()
    };
    let all = ids(&export);
    assert_eq!(all.len(), 1500);
    assert!(all.is_sorted_by(|a, b| a < b));
    let rest = world
        .get(&format!("/audit?format=jsonl&action=x&after={}", all[1399]))
        .await;
    assert_eq!(ids(&rest), all[1400..]);

    let first = world.get("/audit?action=x&limit=2").await;
    assert_eq!(first.str("/0/id"), all[1499].to_string());
    let next = world
        .get(&format!(
            "/audit?action=x&limit=2&before={}",
            first.str("/1/id")
        ))
        .await;
    assert_eq!(next.str("/0/id"), all[1497].to_string());
    for (query, field) in [
        ("outcome=fine", "outcome"),
        ("since=yesterday", "since"),
        ("before=x", "before"),
        ("after=1", "after"),
        ("format=xml", "format"),
        ("format=jsonl&before=1", "before"),
        ("project=second", "project"),
        ("colour=red", "query"),
    ] {
        let refused = world.get(&format!("/audit?{query}")).await;
        refused.assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", Some(field));
    }
}

#[tokio::test]
async fn the_page_shows_it_to_admins_and_searches() {
    let world = World::new().await;
    world.vpc("10.0.0.0/24").await;
    let path = format!("/projects/{}/audit", world.project);
    let developer = Guest::with(&world, Role::Developer).await;
    let closed = developer.get(&path).await;
    assert!(closed.text.contains("does not see the audit"), "{closed:?}");
    assert!(!closed.text.contains("vpc.create"), "{closed:?}");
    let admin = Guest::with(&world, Role::Admin).await;
    let page = admin.get(&path).await;
    assert_eq!(page.status, StatusCode::OK);
    for word in ["vpc.create", "key.create", "member.create", "format=jsonl"] {
        assert!(page.text.contains(word), "{word}: {page:?}");
    }
    let found = admin
        .get(&format!("{path}?action=vpc&since=2020-01-01"))
        .await;
    assert!(
        found.text.contains("vpc.create") && !found.text.contains("key.create"),
        "{found:?}"
    );
    let none = admin.get(&format!("{path}?until=2020-01-01")).await;
    assert!(none.text.contains("Nothing like that"), "{none:?}");
    let wrong = admin.get(&format!("{path}?since=soon%3Cb%3E")).await;
    assert!(wrong.text.contains("no day and no time"), "{wrong:?}");
    assert!(!wrong.text.contains("soon<b>"), "{wrong:?}");
    // The link of the page, as the browser follows it.
    let href = found
        .text
        .split("id=\"export\" href=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let href = href.expect("a link").replace("&amp;", "&");
    let export = admin.get(&href).await;
    assert!(
        export.text.lines().count() >= 2
            && export.text.lines().all(|line| line.contains("vpc.create")),
        "{export:?}"
    );
}

#[tokio::test]
async fn metrics_count_requests_by_their_route_and_are_the_operators() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let admin = format!("Bearer {ADMIN_KEY}");
    let key = world.key(Role::Owner).await;
    world
        .asked_here(
            &key.1,
            Method::GET,
            &format!("{BASE}/projects/{}/vpcs/nonesuch", world.project),
            "",
        )
        .await;
    for (keys, status) in [("", 401), (key.1.as_str(), 403), (admin.as_str(), 200)] {
        let answer = world.asked_here(keys, Method::GET, "/metrics", "").await;
        assert_eq!(answer.status.as_u16(), status, "{answer:?}");
    }
    let told = world.asked_here(&admin, Method::GET, "/metrics", "").await;
    let has = |line: &str| {
        assert!(
            told.text.lines().any(|told| told.starts_with(line)),
            "{line}: {}",
            told.text
        );
    };
    let route = format!("{BASE}/projects/{{project_id}}/vpcs/{{vpc_id}}");
    has(&format!(
        "strait_http_requests_total{{method=\"GET\",route=\"{route}\",status=\"4xx\"}} 1"
    ));
    has(&format!(
        "strait_http_requests_total{{method=\"GET\",route=\"{route}\",status=\"2xx\"}} "
    ));
    has(&format!(
        "strait_http_request_duration_seconds_count{{method=\"GET\",route=\"{route}\"}} 1"
    ));
    has("strait_http_requests_total{method=\"GET\",route=\"/metrics\",status=\"2xx\"} 1");
    has("strait_operations{state=\"succeeded\"} 1");
    has("strait_operations{state=\"failed\"} 0");
    has("strait_vpcs{state=\"CREATED\"} 1");
    has("strait_store_up 1");
    has("strait_reconcile_lag_seconds ");
    has("strait_endpoint_traffic_known 0");
    has("strait_event_subscribers 0");
    assert_eq!(told.text.lines().last(), Some("# EOF"));
    assert!(
        !told.text.contains(&vpc) && !told.text.contains(&key.0),
        "ids are in labels: {}",
        told.text
    );

    let open = strait_http::router(
        world.plane.clone(),
        Options {
            metrics: Readers::Anybody,
            ..Options::default()
        },
    );
    let request = Request::get("/metrics")
        .header(header::HOST, "localhost")
        .body(Body::empty())
        .expect("a request");
    let answer = tower::ServiceExt::oneshot(open, request)
        .await
        .expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn who_reads_events_is_counted_as_long() {
    let world = World::new().await;
    let request = Request::get(format!("{BASE}/projects/{}/events", world.project))
        .header(header::HOST, "localhost")
        .header(header::ACCEPT, "text/event-stream")
        .header(header::AUTHORIZATION, format!("Bearer {ADMIN_KEY}"));
    let stream = world
        .open(request.body(Body::empty()).expect("a request"))
        .await;
    let count = async || {
        let told = world
            .asked_here(&format!("Bearer {ADMIN_KEY}"), Method::GET, "/metrics", "")
            .await;
        let line = told
            .text
            .lines()
            .find_map(|line| line.strip_prefix("strait_event_subscribers "));
        line.map(str::to_owned)
    };
    assert_eq!(count().await.as_deref(), Some("1"));
    drop(stream);
    assert_eq!(count().await.as_deref(), Some("0"));
}

#[tokio::test]
async fn a_server_lives_and_says_when_it_is_not_ready() {
    let world = World::new().await;
    let ask = async |path: &str| world.asked_here("", Method::GET, path, "").await;
    assert_eq!(ask("/healthz").await.body, json!({ "status": "ok" }));
    let ready = ask("/readyz").await;
    assert_eq!(ready.status, StatusCode::OK, "{ready:?}");
    assert_eq!(
        ready.body,
        json!({ "ready": true, "parts": { "store": "ok", "tables": "ok", "reconcilers": "ok" } })
    );
    world.plane.shutdown().await;
    let ended = ask("/readyz").await;
    assert_eq!(ended.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        (&ended.body["ready"], &ended.body["parts"]["store"]),
        (&json!(false), &json!("ok"))
    );
    assert_ne!(ended.body["parts"]["reconcilers"], "ok", "{ended:?}");
    assert_eq!(ask("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_request_keeps_the_name_that_its_client_gave_it() {
    let world = World::new().await;
    let ask = async |id: Option<&str>| {
        let mut request = Request::get("/healthz").header(header::HOST, "localhost");
        if let Some(id) = id {
            request = request.header("x-request-id", id);
        }
        let answer = world
            .send(request.body(Body::empty()).expect("a request"))
            .await;
        answer.headers["x-request-id"]
            .to_str()
            .expect("text")
            .to_owned()
    };
    assert_eq!(ask(Some("deploy-7")).await, "deploy-7");
    assert_eq!(ask(Some("\"quoted\"")).await.len(), 32);
    assert_ne!(ask(None).await, ask(None).await);
}

impl World {
    /// A public key and the header that it makes with its secret.
    async fn key(&self, role: Role) -> (String, String) {
        let made = self
            .plane
            .create_key(&self.project, NewKey::of(role))
            .await
            .expect("a key");
        let header = basic(&made.key.public_key, &made.secret_key);
        (made.key.public_key, header)
    }

    /// Asks from an address that is known.
    async fn asked_here(&self, keys: &str, method: Method, path: &str, body: &str) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "127.0.0.1:8470");
        if !keys.is_empty() {
            request = request.header(header::AUTHORIZATION, keys);
        }
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let mut request = request
            .body(Body::from(body.to_owned()))
            .expect("a request");
        let from: SocketAddr = format!("{HERE}:4711").parse().expect("an address");
        request.extensions_mut().insert(ConnectInfo(from));
        self.send(request).await
    }

    /// What the operator finds in the audit.
    async fn noted(&self, query: &str) -> Vec<Value> {
        let path = format!("/admin/audit?limit=1000&{query}");
        let path = path.trim_end_matches('&');
        let found = self
            .call_as(&format!("Bearer {ADMIN_KEY}"), Method::GET, path, "")
            .await;
        assert_eq!(found.status, StatusCode::OK, "{found:?}");
        found.body.as_array().expect("a list").clone()
    }
}
