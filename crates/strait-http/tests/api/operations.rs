//! Operations and events over REST, and the header `Idempotency-Key`.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{REGION, World};

#[tokio::test]
async fn a_change_names_its_operation_which_is_waited_for_and_followed() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await;
    let body = json!({"vpc_id": vpc, "drain_seconds": 1}).to_string();
    let taken = world
        .post(&format!("/services/{id}/attachToVPC"), &body)
        .await;
    assert_eq!(taken.status, StatusCode::ACCEPTED, "{taken:?}");
    let operation = taken.str("/service/operation_id").to_owned();

    let over = world
        .get(&format!("/operations/{operation}?wait=20s"))
        .await;
    assert_eq!(over.str("/state"), "succeeded", "{over:?}");
    assert_eq!(over.body["progress"], 100);
    assert!(over.str("/actor").starts_with("key:sk"), "{over:?}");
    assert_eq!(over.str("/steps/0/step"), "open-new-way");
    assert_eq!(over.str("/after/network"), format!("vpc:{vpc}"));

    let watched = world.get(&format!("/operations/{operation}/events")).await;
    assert_eq!(watched.headers["content-type"], "text/event-stream");
    let data = watched
        .text
        .lines()
        .find_map(|line| line.strip_prefix("data: "));
    let told: Value = serde_json::from_str(data.expect("an event")).expect("JSON");
    assert_eq!(
        told, over.body,
        "what has ended is told once, and the stream ends"
    );

    let path = format!("/operations?object={id}&state=succeeded,failed&action=service.attach");
    let listed = world.get(&path).await;
    assert_eq!(listed.body, json!([over.body]));
    for (query, field) in [
        ("state=done", "state"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
    ] {
        let refused = world.get(&format!("/operations?{query}")).await;
        refused.assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", Some(field));
    }
    world
        .get("/operations/op-1")
        .await
        .assert_refused(StatusCode::NOT_FOUND, "NOT_FOUND", None);
    let (other, keys) = world.another_project("other").await;
    let path = format!("/projects/{other}/operations/{operation}");
    let hidden = world.call_as(&keys, Method::GET, &path, "").await;
    assert_eq!(
        hidden.status,
        StatusCode::NOT_FOUND,
        "another project's: {hidden:?}"
    );
}

#[tokio::test]
async fn events_are_listed_from_a_place_on() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let all = world.get("/events").await;
    let all = all.body.as_array().expect("a list").clone();
    let statuses: Vec<&Value> = (all.iter())
        .filter(|event| event["kind"] == "vpc.status" && event["object_id"] == vpc)
        .map(|event| &event["data"]["to"])
        .collect();
    assert_eq!(statuses, ["CREATING", "CREATED"]);
    let last = all.last().expect("one")["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let none = world.get(&format!("/events?since={last}")).await;
    assert_eq!(none.body, json!([]));
    let waiting = async { world.get(&format!("/events?since={last}&wait=20s")).await };
    let renaming = async {
        let body = r#"{"name":"other"}"#;
        world.post(&format!("/vpcs/{vpc}/rename"), body).await
    };
    let (told, renamed) = tokio::join!(waiting, renaming);
    assert_eq!(renamed.status, StatusCode::OK);
    assert_eq!(told.str("/0/data/action"), "vpc.rename", "{told:?}");
    world.get("/events?since=yesterday").await.assert_refused(
        StatusCode::BAD_REQUEST,
        "INVALID_ARGUMENT",
        Some("since"),
    );
}

#[tokio::test]
async fn a_request_with_a_key_counts_once() {
    let world = World::new().await;
    let key = "6f1c0c1e-8d1b-4d53-9e3a-0c5f3a1b2c3d";
    let body = json!({"name": "orders", "region_code": REGION}).to_string();
    let made = world.keyed(key, Method::POST, "/services", &body).await;
    assert_eq!(made.status, StatusCode::ACCEPTED, "{made:?}");
    assert!(!made.headers.contains_key("idempotency-replayed"));

    let again = world.keyed(key, Method::POST, "/services", &body).await;
    assert_eq!(again.status, StatusCode::ACCEPTED, "{again:?}");
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.str("/service_id"), made.str("/service_id"));
    assert_eq!(
        again.str("/initial_password"),
        made.str("/initial_password")
    );
    let all = world.get("/services").await;
    assert_eq!(all.body.as_array().map(Vec::len), Some(1), "{all:?}");

    let other = json!({"name": "carts", "region_code": REGION}).to_string();
    world
        .keyed(key, Method::POST, "/services", &other)
        .await
        .assert_refused(
            StatusCode::BAD_REQUEST,
            "INVALID_ARGUMENT",
            Some("Idempotency-Key"),
        );
    world
        .keyed(" ", Method::POST, "/services", &other)
        .await
        .assert_refused(
            StatusCode::BAD_REQUEST,
            "INVALID_ARGUMENT",
            Some("Idempotency-Key"),
        );

    let vpc = json!({"cidr": "10.0.0.0/24", "region_code": REGION}).to_string();
    let all = tokio::join!(
        world.keyed("at-the-same-time", Method::POST, "/vpcs", &vpc),
        world.keyed("at-the-same-time", Method::POST, "/vpcs", &vpc),
        world.keyed("at-the-same-time", Method::POST, "/vpcs", &vpc),
    );
    for answer in [&all.0, &all.1, &all.2] {
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        assert_eq!(answer.str("/id"), all.0.str("/id"));
    }
    let path = format!("/services/{}", made.str("/service_id"));
    for _ in 0..2 {
        let deleted = world.keyed("delete-it", Method::DELETE, &path, "").await;
        assert!(
            deleted.status.is_success(),
            "also when it is gone: {deleted:?}"
        );
        world.get(&format!("{path}?wait=20")).await;
    }
}

#[tokio::test]
async fn a_vpc_in_use_is_deleted_with_what_uses_it_if_that_is_asked_for() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await;
    let body = json!({"vpc_id": vpc}).to_string();
    world
        .post(&format!("/services/{id}/attachToVPC"), &body)
        .await;
    world.get(&format!("/services/{id}?wait=20")).await;
    world.delete(&format!("/vpcs/{vpc}")).await.assert_refused(
        StatusCode::CONFLICT,
        "CONFLICT",
        None,
    );

    let taken = world.delete(&format!("/vpcs/{vpc}?cascade=true")).await;
    assert_eq!(taken.status, StatusCode::NO_CONTENT, "{taken:?}");
    let operation = taken.headers["strait-operation"]
        .to_str()
        .expect("an id")
        .to_owned();
    let over = world
        .get(&format!("/operations/{operation}?wait=20s"))
        .await;
    assert_eq!(over.str("/state"), "succeeded", "{over:?}");
    let service = world.get(&format!("/services/{id}")).await;
    assert_eq!(service.str("/network/now"), "public");
}

#[tokio::test]
async fn a_deletion_that_waits_is_given_up() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await;
    let body = json!({"vpc_id": vpc}).to_string();
    world
        .post(&format!("/services/{id}/attachToVPC"), &body)
        .await;
    world.get(&format!("/services/{id}?wait=20")).await;
    // Its public way does not come up.
    world.cloud.slow_ways(u32::MAX);
    world.delete(&format!("/vpcs/{vpc}?cascade=true")).await;
    let path = format!("/vpcs/{vpc}/cancel-deletion");

    let kept = world.post(&path, "").await;

    assert_eq!(kept.status, StatusCode::OK, "{kept:?}");
    assert_eq!(kept.str("/vpc/status"), "CREATED");
    let again = world.post(&path, "").await;
    again.assert_refused(StatusCode::CONFLICT, "CONFLICT", None);
}
