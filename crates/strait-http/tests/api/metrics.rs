//! Metrics, readiness, and what requests are called.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::json;
use strait_http::{Options, Readers};
use strait_plane::model::Role;

use crate::world::{ADMIN_KEY, BASE, World};

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
