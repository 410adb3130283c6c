//! The audit over HTTP: changes by REST, GraphQL and the console's forms alike, without secrets.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use strait_plane::model::{NewKey, NewUser, Role};

use crate::guest::{Guest, PASSWORD};
use crate::world::{ADMIN_KEY, Answer, BASE, REGION, World, basic};

pub(crate) const HERE: &str = "192.0.2.7";

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

impl World {
    /// A public key and the header that it makes with its secret.
    pub(crate) async fn key(&self, role: Role) -> (String, String) {
        let made = self
            .plane
            .create_key(&self.project, NewKey::of(role))
            .await
            .expect("a key");
        let header = basic(&made.key.public_key, &made.secret_key);
        (made.key.public_key, header)
    }

    /// Asks from an address that is known.
    pub(crate) async fn asked_here(
        &self,
        keys: &str,
        method: Method,
        path: &str,
        body: &str,
    ) -> Answer {
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
    pub(crate) async fn noted(&self, query: &str) -> Vec<Value> {
        let path = format!("/admin/audit?limit=1000&{query}");
        let path = path.trim_end_matches('&');
        let found = self
            .call_as(&format!("Bearer {ADMIN_KEY}"), Method::GET, path, "")
            .await;
        assert_eq!(found.status, StatusCode::OK, "{found:?}");
        found.body.as_array().expect("a list").clone()
    }
}
