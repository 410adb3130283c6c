//! Services that exist already.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{ADMIN_KEY, Answer, REGION, World};

#[tokio::test]
async fn one_that_exists_is_taken_on_and_shown_with_where_it_is() {
    let world = World::with_registered(None).await;
    let taken = register(&world, &asked()).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED, "{taken:?}");
    assert!(!taken.has("/initial_password"), "{taken:?}");
    let expected = json!({
        "host": "orders.example.com",
        "port": 5432,
        "vpc_id": "vpc-0123456789abcdef0",
        "subnet_ids": ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"],
        "public_way": {"kind": "security-group", "group_id": "sg-0123456789abcdef0", "ranges": ["0.0.0.0/0"]},
        "sessions_file": "/etc/strait/sessions/orders"
    });
    assert_eq!(taken.body["registration"], expected);

    let path = format!("/services/{}", taken.str("/service_id"));
    let ready = world.get(&format!("{path}?wait=20")).await;
    assert_eq!(ready.str("/status"), "READY", "{ready:?}");
    assert_eq!(ready.body["registration"], expected);
    assert!(
        ready.str("/connection").contains("sslmode=verify-ca"),
        "its certificate has another name: {ready:?}"
    );
    let refused = world.post(&format!("{path}/stop"), "").await;
    refused.assert_refused(StatusCode::CONFLICT, "CONFLICT", None);
}

#[tokio::test]
async fn sessions_that_may_go_on_are_told_of() {
    let world = World::with_registered(None).await;
    let vpc = world.vpc("10.60.0.0/16").await;
    let taken = register(&world, &asked()).await;
    let path = format!("/services/{}", taken.str("/service_id"));
    let before = world.get(&format!("{path}?wait=20")).await;
    assert!(!before.has("/notice"), "{before:?}");
    world.postgres.let_sessions_be();
    let into = json!({ "vpc_id": vpc }).to_string();
    world.post(&format!("{path}/attachToVPC"), &into).await;
    let after = world.get(&format!("{path}?wait=20")).await;
    assert_eq!(after.str("/network/now"), format!("vpc:{vpc}"), "{after:?}");
    assert_eq!(after.str("/notice"), "the role may not");
}

#[tokio::test]
async fn each_way_to_be_public_can_be_said() {
    let world = World::with_registered(None).await;
    for (number, (way, shown)) in [
        (json!({"kind": "none"}), json!({"kind": "none"})),
        (
            json!({"kind": "rds-instance", "id": "orders"}),
            json!({"kind": "rds-instance", "id": "orders"}),
        ),
        (
            json!({"kind": "security-group", "group_id": "sg-01234567", "ranges": ["203.0.113.9/24", "198.51.100.0/24"]}),
            json!({"kind": "security-group", "group_id": "sg-01234567", "ranges": ["198.51.100.0/24", "203.0.113.0/24"]}),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let taken = register(
            &world,
            &changed(&[
                ("host", json!(format!("db-{number}.example.com"))),
                ("public_way", way),
            ]),
        )
        .await;
        assert_eq!(taken.status, StatusCode::ACCEPTED, "{taken:?}");
        assert_eq!(taken.body["registration"]["public_way"], shown);
    }
}

#[tokio::test]
async fn what_is_wrong_is_refused_by_field() {
    let world = World::with_registered(None).await;
    for (field, value) in [
        ("host", json!("https://orders.example.com")),
        ("port", json!(0)),
        ("port", json!(70_000)),
        ("vpc_id", json!("vpc-1")),
        ("subnet_ids", json!([])),
        ("subnet_ids", json!(["vpc-0123456789abcdef0"])),
        ("region_code", json!("mars-1")),
        ("sessions_file", json!("orders")),
        ("colour", json!("red")),
        (
            "public_way",
            json!({"kind": "security-group", "group_id": "sg-01234567", "ranges": ["everybody"]}),
        ),
        (
            "public_way",
            json!({"kind": "security-group", "group_id": "sg-01234567", "ranges": []}),
        ),
        ("public_way", json!({"kind": "rds-instance", "id": "a/b"})),
    ] {
        let refused = register(&world, &changed(&[(field, value)])).await;
        refused.assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", Some(field));
        assert!(refused.str("/message").contains(field), "{refused:?}");
    }
    let unknown = changed(&[("public_way", json!({"kind": "firewall"}))]);
    register(&world, &unknown).await.assert_refused(
        StatusCode::BAD_REQUEST,
        "INVALID_ARGUMENT",
        Some("public_way.kind"),
    );
    assert_eq!(world.get("/services").await.body, json!([]));
}

#[tokio::test]
async fn one_that_is_named_by_what_it_is_is_found() {
    let world = World::with_registered(None).await;
    let arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/net/carts";
    for (field, value, host, found_by) in [
        (
            "rds_instance",
            "orders",
            "orders.example.com",
            json!({"kind": "rds-instance", "id": "orders"}),
        ),
        (
            "load_balancer",
            arn,
            "carts.example.com",
            json!({"kind": "load-balancer", "arn": arn}),
        ),
    ] {
        let body = json!({"region_code": REGION, field: value, "public_way": {"kind": "none"}});
        let taken = register(&world, &body).await;
        assert_eq!(taken.status, StatusCode::ACCEPTED, "{taken:?}");
        let registration = &taken.body["registration"];
        assert_eq!(registration["host"], host);
        assert_eq!(registration["found_by"], found_by);
        assert_eq!(
            registration["subnet_ids"],
            json!(["subnet-0123456789abcdef0"])
        );
    }
}

#[tokio::test]
async fn where_it_is_is_said_once() {
    let world = World::with_registered(None).await;
    for (places, field) in [
        (json!({}), "host"),
        (json!({"host": "a", "rds_instance": "a"}), "rds_instance"),
        (json!({"host": "a", "load_balancer": "a"}), "load_balancer"),
        (
            json!({"rds_instance": "a", "load_balancer": "a"}),
            "rds_instance",
        ),
        (json!({"rds_instance": "missing"}), "rds_instance"),
        (json!({"load_balancer": "orders"}), "load_balancer"),
        (json!({"host": "a"}), "vpc_id"),
        (
            json!({"host": "a", "vpc_id": "vpc-0123456789abcdef0"}),
            "subnet_ids",
        ),
    ] {
        let mut body = places;
        body["region_code"] = json!(REGION);
        body["public_way"] = json!({"kind": "none"});
        let refused = register(&world, &body).await;
        refused.assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", Some(field));
        assert!(refused.str("/message").contains(field), "{refused:?}");
    }
}

#[tokio::test]
async fn how_the_internet_reaches_it_must_be_said() {
    let world = World::with_registered(None).await;
    let mut body = asked();
    body.as_object_mut()
        .expect("an object")
        .remove("public_way");
    let refused = register(&world, &body).await;
    refused.assert_refused(
        StatusCode::BAD_REQUEST,
        "INVALID_ARGUMENT",
        Some("public_way"),
    );
    for kind in ["security-group", "rds-instance", "none"] {
        assert!(refused.str("/message").contains(kind), "{refused:?}");
    }
}

#[tokio::test]
async fn the_region_is_not_guessed() {
    let world = World::with_registered(None).await;
    assert!(world.plane.supported_regions().len() > 1);
    let mut body = asked();
    body.as_object_mut()
        .expect("an object")
        .remove("region_code");
    let refused = register(&world, &body).await;
    refused.assert_refused(
        StatusCode::BAD_REQUEST,
        "INVALID_ARGUMENT",
        Some("region_code"),
    );
    assert!(
        refused.str("/message").contains("eu-central-1"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn where_there_is_an_operators_key_only_it_registers() {
    let world = World::with_registered(Some(ADMIN_KEY)).await;
    let body = asked();
    register(&world, &body)
        .await
        .assert_refused(StatusCode::FORBIDDEN, "FORBIDDEN", None);
    let path = format!("/projects/{}/services/register", world.project);
    let by = async |keys: &str| {
        world
            .call_as(keys, Method::POST, &path, &body.to_string())
            .await
    };
    by("Bearer wrong")
        .await
        .assert_refused(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", None);
    let taken = by(&format!("Bearer {ADMIN_KEY}")).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED, "{taken:?}");
}

#[tokio::test]
async fn none_is_registered_where_strait_makes_them() {
    let world = World::new().await;
    let path = format!("/projects/{}/services/register", world.project);
    let refused = world
        .call_as(
            &format!("Bearer {ADMIN_KEY}"),
            Method::POST,
            &path,
            &asked().to_string(),
        )
        .await;
    refused.assert_refused(StatusCode::CONFLICT, "CONFLICT", None);
    assert!(
        refused.str("/message").contains("strait service create"),
        "{refused:?}"
    );
}

pub(crate) async fn register(world: &World, body: &Value) -> Answer {
    world.post("/services/register", &body.to_string()).await
}

pub(crate) fn asked() -> Value {
    json!({
        "name": "orders",
        "region_code": crate::world::REGION,
        "host": "Orders.example.com",
        "vpc_id": "vpc-0123456789abcdef0",
        "subnet_ids": ["subnet-0fedcba9876543210", "subnet-0123456789abcdef0"],
        "public_way": {"kind": "security-group", "group_id": "sg-0123456789abcdef0"},
        "sessions_file": "/etc/strait/sessions/orders"
    })
}

fn changed(fields: &[(&str, Value)]) -> Value {
    let mut body = asked();
    for (field, value) in fields {
        body[*field] = value.clone();
    }
    body
}
