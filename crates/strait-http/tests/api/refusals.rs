//! Bad input: every refusal is JSON, has the right code and names the field.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};

use crate::world::{ADMIN_KEY, BASE, World};

/// PostgreSQL keeps no U+0000 in a text, and none in JSON.
#[tokio::test]
async fn a_text_that_cannot_be_kept_is_the_callers_fault() {
    let world = World::new().await;
    let (get, post, put) = (Method::GET, Method::POST, Method::PUT);
    let name = r#"{"name":"a\u0000b"}"#;
    for (method, path, body) in [
        (&get, "/vpcs/%00", ""),
        (&get, "/services/a%00b", ""),
        (&get, "/operations/a%00b", ""),
        (&get, "/audit?text=%00", ""),
        (&get, "/operations?object_id=%00", ""),
        (&post, "/services", name),
        (&post, "/services", r#"{"name":"a","vpc_id":"\u0000"}"#),
        (&post, "/services/%00/rename", r#"{"name":"a"}"#),
        (&post, "/vpcs/%00/rename", name),
        (
            &post,
            "/vpcs",
            r#"{"name":"\u0000","cidr":"10.0.0.0/16","region_code":"eu-central-1"}"#,
        ),
        (&post, "/keys", r#"{"name":"\u0000","role":"viewer"}"#),
        (
            &post,
            "/members",
            r#"{"user":"\u0000@example.com","role":"viewer"}"#,
        ),
        (
            &post,
            "/quota-requests",
            r#"{"quota":"vpcs","wanted":9,"reason":"\u0000"}"#,
        ),
        (
            &put,
            "/services/%00/allow-list",
            r#"{"public":[{"cidr":"10.0.0.0/8","description":"\u0000"}]}"#,
        ),
    ] {
        let answer = match *method {
            Method::POST => world.post(path, body).await,
            Method::PUT => world.put(path, body).await,
            _ => world.get(path).await,
        };
        assert!(
            answer.status.is_client_error(),
            "{method} {path} {body}: {answer:?}"
        );
    }
    let made = world.post("/services", r#"{"name":"ab"}"#).await;
    assert_eq!(made.status, StatusCode::ACCEPTED, "{made:?}");
}

#[tokio::test]
async fn bodies_that_are_wrong_are_refused_by_field() {
    let world = World::new().await;
    for (path, body, field) in [
        (
            "/vpcs",
            r#"{"cidr":"10.0.0.0/16","region_code":"eu-central-1","colour":"red"}"#,
            "colour",
        ),
        ("/vpcs", r#"{"region_code":"eu-central-1"}"#, "cidr"),
        (
            "/vpcs",
            r#"{"cidr":7,"region_code":"eu-central-1"}"#,
            "cidr",
        ),
        (
            "/vpcs",
            r#"{"cidr":"10.0.0.0/8","region_code":"eu-central-1"}"#,
            "cidr",
        ),
        (
            "/vpcs",
            r#"{"cidr":"10.0.0/16","region_code":"eu-central-1"}"#,
            "cidr",
        ),
        (
            "/vpcs",
            r#"{"cidr":"10.0.0.0/16","region_code":"mars-1"}"#,
            "region_code",
        ),
        (
            "/services",
            r#"{"name":"a","region_code":"mars-1"}"#,
            "region_code",
        ),
        ("/services", r#"{"name":"a","addons":["ai"]}"#, "addons"),
        (
            "/services",
            r#"{"name":"a","cpu_millis":"4000"}"#,
            "cpu_millis",
        ),
        (
            "/services",
            r#"{"name":"a","environment_tag":"STAGING"}"#,
            "environment_tag",
        ),
        ("/services", r#"{"name":"a","addons":["x"]}"#, "addons"),
        (
            "/vpcs/1/peerings",
            r#"{"peer_account_id":"123456789012","peer_region_code":"eu-central-1"}"#,
            "peer_vpc_id",
        ),
    ] {
        let refused = world.post(path, body).await;
        refused.assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", Some(field));
        assert!(refused.str("/message").contains(field), "{refused:?}");
    }
    let replicas = world
        .post("/services", r#"{"name":"a","replica_count":2}"#)
        .await;
    replicas.assert_refused(StatusCode::UNPROCESSABLE_ENTITY, "NOT_SUPPORTED", None);
    assert!(
        replicas.str("/message").contains("no replicas"),
        "{replicas:?}"
    );
    assert_eq!(world.get("/vpcs").await.body, serde_json::json!([]));
    assert_eq!(world.get("/services").await.body, serde_json::json!([]));
    let control = world
        .post("/services", r#"{"name":"a","replica_count":0}"#)
        .await;
    assert_eq!(control.status, StatusCode::ACCEPTED, "{control:?}");
}

#[tokio::test]
async fn bodies_that_are_no_json_objects_are_refused() {
    let world = World::new().await;
    for body in [
        "{",
        "[]x",
        r#"{"cidr":"10.0.0.0/16","region_code":"eu-central-1"} 1"#,
    ] {
        world.post("/vpcs", body).await.assert_refused(
            StatusCode::BAD_REQUEST,
            "MALFORMED_REQUEST",
            None,
        );
    }
    world.post("/vpcs", "").await.assert_refused(
        StatusCode::BAD_REQUEST,
        "MALFORMED_REQUEST",
        None,
    );
    let large = format!(r#"{{"cidr":"{}"}}"#, "1".repeat(70_000));
    world.post("/vpcs", &large).await.assert_refused(
        StatusCode::PAYLOAD_TOO_LARGE,
        "PAYLOAD_TOO_LARGE",
        None,
    );
    let text = Request::post(format!("{BASE}/projects"))
        .header(header::HOST, "localhost")
        .header(header::AUTHORIZATION, format!("Bearer {ADMIN_KEY}"))
        .header(header::CONTENT_TYPE, "text/plain")
        .body(Body::from(r#"{"name":"x"}"#))
        .expect("a request");
    world.send(text).await.assert_refused(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "UNSUPPORTED_MEDIA_TYPE",
        None,
    );
}

#[tokio::test]
async fn paths_and_methods_that_are_none_are_refused_in_json() {
    let world = World::new().await;
    world
        .get("/elephants")
        .await
        .assert_refused(StatusCode::NOT_FOUND, "NO_SUCH_PATH", None);
    let wrong = world.call_as("", Method::PATCH, "/projects", "").await;
    wrong.assert_refused(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", None);
    assert!(wrong.headers.contains_key(header::ALLOW), "{wrong:?}");
    world
        .get("/vpcs/%FF")
        .await
        .assert_refused(StatusCode::BAD_REQUEST, "MALFORMED_REQUEST", None);
}

#[tokio::test]
async fn objects_that_are_not_there_are_named() {
    let world = World::new().await;
    for path in [
        "/vpcs/77",
        "/services/nonesuch",
        "/vpcs/77/peerings",
        "/vpcs/77/peerings/1",
    ] {
        world
            .get(path)
            .await
            .assert_refused(StatusCode::NOT_FOUND, "NOT_FOUND", None);
        if path != "/vpcs/77/peerings" {
            world
                .delete(path)
                .await
                .assert_refused(StatusCode::NOT_FOUND, "NOT_FOUND", None);
        }
    }
    let refused = world.get("/services/nonesuch").await;
    assert!(refused.str("/message").contains("nonesuch"), "{refused:?}");
}

#[tokio::test]
async fn waits_are_bounded_and_read_strictly() {
    let world = World::new().await;
    let service = world.service().await;
    for query in ["wait=61", "wait=soon", "wait=-1", "await=3"] {
        let refused = world.get(&format!("/services/{service}?{query}")).await;
        refused.assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", Some("wait"));
    }
}
