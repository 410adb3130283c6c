//! Services while they go on: passwords, what they are for, what they have, their logs; and what Tiger has and we have not.

use axum::http::{Method, StatusCode};
use strait_plane::model::{Addon, LogCursor, LogEntry};
use strait_plane::postgres::ServiceKind;

use crate::register::{asked, register};
use crate::world::{REGION, World};

#[tokio::test]
async fn a_password_is_set_when_the_answer_comes() {
    let world = World::new().await;
    let id = world.service().await;
    let before = verifier(&world, &id);
    let set = world
        .post(
            &format!("/services/{id}/updatePassword"),
            r#"{"password":"correct horse"}"#,
        )
        .await;
    assert_eq!(set.status, StatusCode::NO_CONTENT, "{set:?}");
    assert_ne!(verifier(&world, &id), before, "PostgreSQL has been told");
    let operation = set.headers["strait-operation"].to_str().expect("text");
    let operation = world.get(&format!("/operations/{operation}")).await;
    assert_eq!(operation.str("/action"), "service.password");
    assert_eq!(operation.str("/state"), "succeeded");
    assert!(!operation.text.contains("horse"), "{operation:?}");
}

#[tokio::test]
async fn a_stopped_service_has_its_password_when_it_starts() {
    let world = World::new().await;
    let id = world.service().await;
    world.post(&format!("/services/{id}/stop"), "").await;
    let paused = world.get(&format!("/services/{id}?wait=20")).await;
    assert_eq!(paused.str("/status"), "PAUSED");
    let before = verifier(&world, &id);
    let set = world
        .post(
            &format!("/services/{id}/updatePassword"),
            r#"{"password":"correct horse"}"#,
        )
        .await;
    assert_eq!(set.status, StatusCode::NO_CONTENT, "{set:?}");
    assert_eq!(
        world.get(&format!("/services/{id}")).await.str("/status"),
        "PAUSED"
    );
    world.post(&format!("/services/{id}/start"), "").await;
    let ready = world.get(&format!("/services/{id}?wait=20")).await;
    assert_eq!(ready.str("/status"), "READY");
    assert_ne!(verifier(&world, &id), before);
}

#[tokio::test]
async fn passwords_that_cannot_be_are_refused() {
    let world = World::new().await;
    let id = world.service().await;
    let before = verifier(&world, &id);
    for password in ["short", "pässwörter", "new\\nline1", &"x".repeat(129)] {
        let refused = world
            .post(
                &format!("/services/{id}/updatePassword"),
                &format!(r#"{{"password":"{password}"}}"#),
            )
            .await;
        refused.assert_refused(
            StatusCode::BAD_REQUEST,
            "INVALID_ARGUMENT",
            Some("password"),
        );
        assert!(!refused.text.contains(password), "{refused:?}");
    }
    assert_eq!(verifier(&world, &id), before);
    let good = world
        .post(
            &format!("/services/{id}/updatePassword"),
            r#"{"password":"12345678"}"#,
        )
        .await;
    assert_eq!(good.status, StatusCode::NO_CONTENT, "{good:?}");
}

#[tokio::test]
async fn the_same_request_sets_a_password_once() {
    let world = World::new().await;
    let id = world.service().await;
    let path = format!("/services/{id}/updatePassword");
    let set =
        |body: &'static str| world.keyed("a key that is long enough", Method::POST, &path, body);
    let first = set(r#"{"password":"correct horse"}"#).await;
    assert_eq!(first.status, StatusCode::NO_CONTENT, "{first:?}");
    let told = verifier(&world, &id);
    let again = set(r#"{"password":"correct horse"}"#).await;
    assert_eq!(again.status, StatusCode::NO_CONTENT, "{again:?}");
    assert_eq!(
        again.headers["strait-operation"],
        first.headers["strait-operation"]
    );
    assert_eq!(verifier(&world, &id), told);
    set(r#"{"password":"battery staple"}"#)
        .await
        .assert_refused(
            StatusCode::BAD_REQUEST,
            "INVALID_ARGUMENT",
            Some("Idempotency-Key"),
        );
}

#[tokio::test]
async fn a_service_says_what_it_is_for() {
    let world = World::new().await;
    let made = world
        .post("/services", r#"{"name":"a","environment_tag":"PROD"}"#)
        .await;
    assert_eq!(made.str("/metadata/environment"), "PROD");
    let id = made.str("/service_id").to_owned();
    let path = format!("/services/{id}/setEnvironment");
    let set = world.post(&path, r#"{"environment":"DEV"}"#).await;
    assert_eq!(set.status, StatusCode::OK, "{set:?}");
    assert!(set.str("/message").contains("DEV"), "{set:?}");
    assert_eq!(
        world
            .get(&format!("/services/{id}"))
            .await
            .str("/metadata/environment"),
        "DEV"
    );
    world
        .post(&path, r#"{"environment":"STAGING"}"#)
        .await
        .assert_refused(
            StatusCode::BAD_REQUEST,
            "INVALID_ARGUMENT",
            Some("environment"),
        );
}

#[tokio::test]
async fn a_service_can_have_what_the_postgresql_here_has() {
    let world = World::new().await;
    let body = r#"{"name":"a","addons":["time-series"]}"#;
    let refused = world.post("/services", body).await;
    refused.assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", Some("addons"));
    assert!(
        refused.str("/message").contains("timescaledb"),
        "{refused:?}"
    );

    world.postgres.offer([Addon::TimeSeries]);
    let made = world.post("/services", body).await;
    assert_eq!(made.status, StatusCode::ACCEPTED, "{made:?}");
    assert_eq!(made.str("/service_type"), "TIMESCALEDB");
    let id = made.str("/service_id").to_owned();
    world.get(&format!("/services/{id}?wait=20")).await;
    let ServiceKind::Made(spec) = world.postgres.spec(&id).expect("it is made").kind else {
        panic!("it is made");
    };
    assert_eq!(spec.addons, [Addon::TimeSeries].into());
    let plain = world.post("/services", r#"{"name":"b","addons":[]}"#).await;
    assert_eq!(plain.str("/service_type"), "POSTGRES");
    let other = world
        .post("/services", r#"{"name":"c","addons":["ai"]}"#)
        .await;
    other.assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", Some("addons"));
}

#[tokio::test]
async fn a_service_has_its_name_before_it_leads_anywhere() {
    let world = World::new().await;
    let made = world
        .post(
            "/services",
            &format!(r#"{{"name":"a","region_code":"{REGION}"}}"#),
        )
        .await;
    let host = format!(
        "{}.{}.db.strait.internal",
        made.str("/service_id"),
        world.project
    );
    assert_eq!(made.str("/endpoint/host"), host);
    assert_eq!(made.body["endpoint"]["port"], 5432);
    assert!(!made.has("/endpoint/address"), "{made:?}");
    let id = made.str("/service_id").to_owned();
    let ready = world.get(&format!("/services/{id}?wait=20")).await;
    assert_eq!(ready.str("/endpoint/host"), host);
    assert!(ready.has("/endpoint/address"), "{ready:?}");
}

#[tokio::test]
async fn a_log_comes_in_pages() {
    let world = World::new().await;
    let id = world.service().await;
    let entry = |second: i64, message: &str| LogEntry {
        timestamp: jiff::Timestamp::from_second(1_764_478_800 + second).expect("a time"),
        severity: "LOG".to_owned(),
        message: message.to_owned(),
        session: None,
    };
    world
        .postgres
        .log(vec![entry(1, "later"), entry(0, "earlier")]);
    let cursor = LogCursor {
        at: jiff::Timestamp::from_second(1_764_478_800).expect("a time"),
        shown: 1,
    };
    let path = format!("/services/{id}/logs");
    let page = world
        .get(&format!("{path}?cursor={cursor}&search=a&search=b&severities=LOG&node=0&since=2026-01-01T00:00:00Z"))
        .await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    assert_eq!(page.body["logs"], serde_json::json!(["later", "earlier"]));
    assert_eq!(page.str("/entries/0/message"), "later");
    assert_eq!(page.str("/entries/0/timestamp"), "2025-11-30T05:00:01Z");
    // The pretended log gives the cursor back.
    assert_eq!(page.str("/last_cursor"), cursor.to_string());
    assert_eq!(page.str("/lastCursor"), cursor.to_string());
    assert!(!world.get(&path).await.has("/last_cursor"));
    for (query, field) in [
        ("node=1", "node"),
        ("cursor=soon", "cursor"),
        ("since=yesterday", "since"),
        ("until=1", "until"),
        ("search=", "search"),
        ("severities=%20", "severities"),
        ("page=2", "page"),
    ] {
        world.get(&format!("{path}?{query}")).await.assert_refused(
            StatusCode::BAD_REQUEST,
            "INVALID_ARGUMENT",
            Some(field),
        );
    }
}

#[tokio::test]
async fn what_is_not_there_is_refused_as_such_to_whoever_may_see_the_service() {
    let world = World::new().await;
    let id = world.service().await;
    for (method, path) in [
        (Method::POST, "resize"),
        (Method::POST, "forkService"),
        (Method::POST, "setHA"),
        (Method::POST, "enablePooler"),
        (Method::POST, "disablePooler"),
        (Method::GET, "metrics/available-series"),
        (Method::POST, "metrics/series"),
        (Method::POST, "replicaSets"),
        (Method::DELETE, "replicaSets/a"),
        (Method::POST, "replicaSets/a/resize"),
        (Method::POST, "replicaSets/a/enablePooler"),
        (Method::POST, "replicaSets/a/disablePooler"),
        (Method::POST, "replicaSets/a/setEnvironment"),
    ] {
        let refused = world
            .call(method.clone(), &format!("/services/{id}/{path}"))
            .await;
        refused.assert_refused(StatusCode::UNPROCESSABLE_ENTITY, "NOT_SUPPORTED", None);
        let missing = world
            .call(method, &format!("/services/nonesuch/{path}"))
            .await;
        missing.assert_refused(StatusCode::NOT_FOUND, "NOT_FOUND", None);
    }
    let none = world.get(&format!("/services/{id}/replicaSets")).await;
    assert_eq!((none.status, none.text.as_str()), (StatusCode::OK, "[]"));
}

#[tokio::test]
async fn what_strait_did_not_make_keeps_its_passwords_and_log() {
    let world = World::with_registered(None).await;
    let taken = register(&world, &asked()).await;
    let id = taken.str("/service_id").to_owned();
    for refused in [
        world
            .post(
                &format!("/services/{id}/updatePassword"),
                r#"{"password":"correct horse"}"#,
            )
            .await,
        world.get(&format!("/services/{id}/logs")).await,
    ] {
        refused.assert_refused(StatusCode::CONFLICT, "CONFLICT", None);
        assert!(
            refused.str("/message").contains("did not make"),
            "{refused:?}"
        );
    }
    let tagged = world
        .post(
            &format!("/services/{id}/setEnvironment"),
            r#"{"environment":"PROD"}"#,
        )
        .await;
    assert_eq!(tagged.status, StatusCode::OK, "{tagged:?}");
}

fn verifier(world: &World, id: &str) -> String {
    match world.postgres.spec(id).expect("it is there").kind {
        ServiceKind::Made(made) => made.password_verifier,
        ServiceKind::Registered(_) => panic!("it was made"),
    }
}
