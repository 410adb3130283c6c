//! Who may do what.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use jiff::Timestamp;
use serde_json::json;
use strait_plane::model::{NewPlan, Role};

use crate::graphql::{query, token};
use crate::world::{ADMIN_KEY, BASE, World};

#[tokio::test]
async fn without_good_keys_nothing_is_shown() {
    let world = World::new().await;
    for keys in [
        "",
        "Basic",
        "Basic %%%",
        "Basic eDp5",
        "Digest eDp5",
        "Bearer wrong",
        "Bearer ",
    ] {
        let refused = world.call_as(keys, Method::GET, "/projects", "").await;
        refused.assert_refused(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", None);
        assert!(
            refused.headers[header::WWW_AUTHENTICATE]
                .to_str()
                .expect("text")
                .starts_with("Basic")
        );
        assert!(
            refused.str("/next_action").contains("strait env"),
            "{refused:?}"
        );
    }
    let path = format!("{BASE}/projects/{}/services", world.project);
    let request = Request::get(path)
        .header(header::HOST, "localhost")
        .body(Body::empty())
        .expect("a request");
    world
        .send(request)
        .await
        .assert_refused(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", None);
}

#[tokio::test]
async fn a_key_sees_its_own_project_only() {
    let world = World::new().await;
    let (other, keys) = world.another_project("second").await;
    let seen = world.call_as(&keys, Method::GET, "/projects", "").await;
    assert_eq!(seen.body.as_array().map(Vec::len), Some(1), "{seen:?}");
    assert_eq!(seen.str("/0/id"), other);
    for project in [world.project.as_str(), "first", "nonesuch"] {
        for path in ["", "/vpcs", "/services", "/vpcs/1/peerings"] {
            let refused = world
                .call_as(
                    &keys,
                    Method::GET,
                    &format!("/projects/{project}{path}"),
                    "",
                )
                .await;
            refused.assert_refused(StatusCode::NOT_FOUND, "NOT_FOUND", None);
        }
    }
    let by_name = world
        .call_as(&keys, Method::GET, "/projects/second", "")
        .await;
    assert_eq!(by_name.str("/id"), other);
}

#[tokio::test]
async fn a_key_is_told_the_plan_of_its_project() {
    let world = World::new().await;
    let plan = async || {
        let keys = world.keys_of(&world.project, Role::Viewer).await;
        let told = world.call_as(&keys, Method::GET, "/auth/info", "").await;
        told.str("/api_key/project/plan_type").to_owned()
    };
    assert_eq!(plan().await, "TRIAL");
    let set = world
        .plane
        .set_plan(&world.project, NewPlan::Standard, Timestamp::now());
    set.await.expect("set");
    assert_eq!(plan().await, "STANDARD");
}

#[tokio::test]
async fn a_password_that_is_no_text_is_not_repeated() {
    const SECRET: &str = "1234567890123";
    let world = World::new().await;
    let service = world.service().await;
    let admin = format!("Bearer {ADMIN_KEY}");
    let project = &world.project;
    for (path, body) in [
        (
            "/auth/login".to_owned(),
            format!(r#"{{"email":"ann@example.com","password":{SECRET}}}"#),
        ),
        (
            format!("/projects/{project}/services/{service}/updatePassword"),
            format!(r#"{{"password":[{SECRET}]}}"#),
        ),
        (
            format!("/projects/{project}/services/{service}/updatePassword"),
            format!(r#""{SECRET}""#),
        ),
    ] {
        let refused = world.call_as(&admin, Method::POST, &path, &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{refused:?}");
        assert!(!refused.text.contains(SECRET), "{refused:?}");
    }
    let token = token(&world, Role::Owner).await;
    let reset = |password: &str| {
        format!(
            "mutation($x: String) {{ resetServicePassword(data: {{projectId: \"{project}\", serviceId: \"{service}\", \
                password: {password}, passwordType: SCRAM}}) }}"
        )
    };
    for (text, variables) in [
        (reset(SECRET), json!({})),
        (reset("$x"), json!({ "x": [SECRET] })),
        (reset("$x"), json!({ "x": 1_234_567_890_123_i64 })),
    ] {
        let refused = query(&world, Some(&token), &text, variables).await;
        assert!(refused.has("/errors"), "{refused:?}");
        assert!(!refused.text.contains(SECRET), "{refused:?}");
    }
    // The control: what is no secret is told.
    let path = format!("/projects/{project}/services/{service}/rename");
    let body = format!(r#"{{"name":{SECRET}}}"#);
    let refused = world.call_as(&admin, Method::POST, &path, &body).await;
    assert!(refused.text.contains(SECRET), "{refused:?}");
}

#[tokio::test]
async fn the_operator_sees_all_and_raises_quotas() {
    let world = World::new().await;
    let admin = format!("Bearer {ADMIN_KEY}");
    world.another_project("second").await;
    let seen = world.call_as(&admin, Method::GET, "/projects", "").await;
    assert_eq!(seen.body.as_array().map(Vec::len), Some(2), "{seen:?}");
    for third in 0..3 {
        world.vpc(&format!("10.{third}.0.0/16")).await;
    }
    let fourth = r#"{"cidr":"10.9.0.0/16","region_code":"eu-central-1"}"#;
    let refused = world.post("/vpcs", fourth).await;
    refused.assert_refused(StatusCode::CONFLICT, "QUOTA_EXCEEDED", None);
    assert!(
        refused.str("/message").contains("strait admin quota"),
        "{refused:?}"
    );

    let path = format!("/admin/projects/{}/quotas", world.project);
    let raise = r#"{"quota":"vpcs","limit":4}"#;
    let set = world.call_as(&admin, Method::PUT, &path, raise).await;
    assert_eq!(
        (
            set.status,
            set.body["limit"].as_u64(),
            set.body["used"].as_u64()
        ),
        (StatusCode::OK, Some(4), Some(3))
    );
    assert_eq!(
        world.post("/vpcs", fourth).await.status,
        StatusCode::CREATED
    );
    let wrong = world
        .call_as(
            &admin,
            Method::PUT,
            &path,
            r#"{"quota":"elephants","limit":4}"#,
        )
        .await;
    wrong.assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", Some("quota"));
}

#[tokio::test]
async fn the_operators_paths_are_closed_to_others() {
    let world = World::new().await;
    let (other, keys) = world.another_project("second").await;
    let quotas = format!("/admin/projects/{other}/quotas");
    for (method, path, body) in [
        (Method::GET, quotas.as_str(), ""),
        (Method::PUT, &quotas, r#"{"quota":"vpcs","limit":9}"#),
        (Method::POST, "/projects", r#"{"name":"mine"}"#),
    ] {
        let refused = world.call_as(&keys, method, path, body).await;
        refused.assert_refused(StatusCode::FORBIDDEN, "FORBIDDEN", None);
    }
}

#[tokio::test]
async fn web_pages_and_foreign_names_are_kept_out() {
    let world = World::new().await;
    for (host, origin, status) in [
        ("127.0.0.1:8470", None, StatusCode::OK),
        ("api.strait.internal:8470", None, StatusCode::OK),
        (
            "localhost:8470",
            Some("http://localhost:8470"),
            StatusCode::OK,
        ),
        ("rebound.example:8470", None, StatusCode::FORBIDDEN),
        (
            "localhost:8470",
            Some("http://page.example"),
            StatusCode::FORBIDDEN,
        ),
    ] {
        let mut request = Request::get("/health").header(header::HOST, host);
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        let answer = world
            .send(request.body(Body::empty()).expect("a request"))
            .await;
        assert_eq!(answer.status, status, "{host} {origin:?}: {answer:?}");
    }
    // Paths that are none are no way round it.
    let request = Request::get("/nothing")
        .header(header::HOST, "rebound.example")
        .body(Body::empty());
    world
        .send(request.expect("a request"))
        .await
        .assert_refused(StatusCode::FORBIDDEN, "HOST_NOT_ALLOWED", None);
}

#[tokio::test]
async fn what_is_public_needs_no_keys() {
    let world = World::new().await;
    let public = async |path: &str| {
        let request = Request::get(path)
            .header(header::HOST, "[::1]:8470")
            .body(Body::empty());
        world.send(request.expect("a request")).await
    };
    assert_eq!(public("/health").await.str("/status"), "ok");
    let regions = public(&format!("{BASE}/regions")).await;
    let all = regions.body.as_array().expect("a list");
    assert!(
        all.iter()
            .any(|region| region["code"] == "eu-central-1" && region["services"] == true),
        "{regions:?}"
    );
    assert!(
        all.len() >= world.plane.known_regions().len(),
        "{regions:?}"
    );
    let pem = public(&format!("{BASE}/ca.pem")).await;
    assert_eq!(pem.text, world.plane.authority());
    let description = public(&format!("{BASE}/openapi.json")).await;
    assert_eq!(description.str("/openapi"), "3.1.0");
    let path = public(&format!("{BASE}/ca")).await;
    path.assert_refused(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", None);
}
