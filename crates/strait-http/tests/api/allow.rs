//! Allow lists: by the API, and by the console's pages.

use axum::http::StatusCode;
use serde_json::{Value, json};
use strait_plane::model::Role;

use crate::guest::{Guest, field};
use crate::register::{asked, register};
use crate::world::{Answer, World};

#[tokio::test]
async fn lists_are_set_shown_and_taken_away() {
    let world = World::new().await;
    let id = world.service().await;
    let none = lists(&world, &id).await;
    assert_eq!(none.body["public"], Value::Null, "{none:?}");
    assert_eq!(none.body["private"], Value::Null);
    assert_eq!(none.body["in_effect"], true);

    let set = put(
        &world,
        &id,
        &json!({ "public": [{ "cidr": "203.0.113.0/24", "description": "the office" }, { "cidr": "192.0.2.7" }] }),
    )
    .await;
    assert_eq!(set.status, StatusCode::OK, "{set:?}");
    let office = json!([
        { "cidr": "203.0.113.0/24", "description": "the office" },
        { "cidr": "192.0.2.7/32", "description": "" }
    ]);
    assert_eq!(set.body["public"], office);
    assert_eq!(set.body["private"], Value::Null, "what is left out stays");
    assert_eq!(lists(&world, &id).await.body, set.body);
    let service = world.get(&format!("/services/{id}")).await;
    assert_eq!(service.body["allow_list"]["public"], office);

    let operation = set.str("/operation_id");
    let operation = world.get(&format!("/operations/{operation}")).await;
    assert_eq!(operation.str("/action"), "service.allow-list");
    assert_eq!(operation.str("/state"), "succeeded");
    assert_eq!(operation.body["before"], json!({ "public": null }));
    assert_eq!(operation.body["after"], json!({ "public": office }));

    let same = put(&world, &id, &json!({ "public": office })).await;
    assert_eq!(
        same.body["operation_id"], set.body["operation_id"],
        "it changes nothing"
    );
    let nobody = put(&world, &id, &json!({ "private": [], "public": null })).await;
    assert_eq!(nobody.body["public"], Value::Null);
    assert_eq!(nobody.body["private"], json!([]));
    assert!(
        nobody
            .str("/warnings/0")
            .contains("the private list is empty"),
        "{nobody:?}"
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let world = World::new().await;
    let id = world.service().await;
    for (body, field) in [
        (
            json!({ "public": [{ "cidr": "10.0.0.1/8" }] }),
            Some("public"),
        ),
        (
            json!({ "private": [{ "cidr": "nowhere" }] }),
            Some("private"),
        ),
        (
            json!({ "public": [{ "cidr": "10.0.0.0/8" }, { "cidr": "10.0.0.0/8" }] }),
            Some("public"),
        ),
        (
            json!({ "public": [{ "range": "10.0.0.0/8" }] }),
            Some("range"),
        ),
        (json!({ "secret": [] }), Some("secret")),
        (json!({ "public": "all" }), Some("public")),
    ] {
        put(&world, &id, &body).await.assert_refused(
            StatusCode::BAD_REQUEST,
            "INVALID_ARGUMENT",
            field,
        );
    }
    let none = lists(&world, &id).await;
    assert_eq!(none.body["public"], Value::Null, "{none:?}");
    let fine = put(
        &world,
        &id,
        &json!({ "public": [{ "cidr": "10.0.0.0/8" }] }),
    )
    .await;
    assert_eq!(fine.status, StatusCode::OK, "{fine:?}");
    let missing = put(&world, "nonesuch", &json!({ "public": null })).await;
    missing.assert_refused(StatusCode::NOT_FOUND, "NOT_FOUND", None);
}

#[tokio::test]
async fn a_change_of_lists_that_are_others_by_now_is_refused() {
    let world = World::new().await;
    let id = world.service().await;
    let seen = lists(&world, &id).await.str("/version").to_owned();
    let list = json!([{ "cidr": "203.0.113.0/24", "description": "" }]);
    let first = put(&world, &id, &json!({ "public": list, "version": seen })).await;
    assert_eq!(first.status, StatusCode::OK, "{first:?}");
    let second = put(&world, &id, &json!({ "public": [], "version": seen })).await;
    second.assert_refused(StatusCode::CONFLICT, "CONFLICT", None);
    assert_eq!(lists(&world, &id).await.body["public"], list);
    let seen = first.str("/version");
    let again = put(&world, &id, &json!({ "public": [], "version": seen })).await;
    assert_eq!(again.status, StatusCode::OK, "{again:?}");
}

#[tokio::test]
async fn open_sessions_are_ended_by_force_only() {
    let world = World::new().await;
    let id = world.service().await;
    let (ours, theirs) = ([203, 0, 113, 5].into(), [192, 0, 2, 7].into());
    world.cloud.connect(&id, ours, 1);
    world.cloud.connect(&id, theirs, 2);
    let mut body = json!({ "public": [{ "cidr": "203.0.113.0/24" }] });
    let refused = put(&world, &id, &body).await;
    refused.assert_refused(StatusCode::CONFLICT, "CUTS_SESSIONS", None);
    let message = refused.str("/message");
    assert!(
        message.contains("192.0.2.7 (2)") && !message.contains("203.0.113.5"),
        "{message}"
    );
    assert_eq!(lists(&world, &id).await.body["public"], Value::Null);
    assert_eq!(world.cloud.clients(&id).len(), 2);
    body["force"] = true.into();
    let forced = put(&world, &id, &body).await;
    assert_eq!(forced.status, StatusCode::OK, "{forced:?}");
    assert_eq!(
        world.cloud.clients(&id).into_keys().collect::<Vec<_>>(),
        [ours]
    );
}

#[tokio::test]
async fn the_public_way_of_a_service_that_exists_is_its_own() {
    let world = World::with_registered(None).await;
    let taken = register(&world, &asked()).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED, "{taken:?}");
    let id = taken.str("/service_id");
    let list = json!([{ "cidr": "10.0.0.0/8", "description": "" }]);
    let refused = put(&world, id, &json!({ "public": list })).await;
    refused.assert_refused(StatusCode::CONFLICT, "CONFLICT", None);
    let private = put(&world, id, &json!({ "private": list })).await;
    assert!(private.status.is_success(), "{private:?}");
    assert_eq!(private.body["private"], list);
}

#[tokio::test]
async fn the_console_changes_a_list_and_says_whose_sessions_would_end() {
    let world = World::new().await;
    let id = world.service().await;
    let owner = Guest::with(&world, Role::Owner).await;
    let service = format!("/projects/{}/services/{id}", world.project);
    let path = format!("{service}/allow/public");
    let overview = owner.get(&service).await;
    assert!(
        overview.text.contains("Everybody, from the whole internet"),
        "{overview:?}"
    );
    world.cloud.connect(&id, [192, 0, 2, 7].into(), 1);

    let version = field(&owner.get(&path).await, "version");
    let mut typed = vec![
        ("version", version.as_str()),
        ("who", "listed"),
        ("public", "203.0.113.0/24 the <office>\n"),
    ];
    let refused = owner.post(&path, &typed).await;
    assert_eq!(
        refused.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{refused:?}"
    );
    assert!(refused.text.contains("192.0.2.7 (1)"), "{refused:?}");
    assert!(
        refused.text.contains("the &lt;office&gt;"),
        "what was typed stays"
    );
    typed.push(("force", "yes"));
    let changed = owner.post(&path, &typed).await;
    assert_eq!(changed.status, StatusCode::SEE_OTHER, "{changed:?}");
    let overview = owner.get(&service).await;
    for text in [
        "203.0.113.0/24",
        "the &lt;office&gt;",
        "publicly, from 1 range",
    ] {
        assert!(overview.text.contains(text), "{text}: {overview:?}");
    }
    // The form that was seen before is of a former state.
    let late = owner.post(&path, &typed).await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(late.text.contains("changed meanwhile"), "{late:?}");

    let version = field(&owner.get(&path).await, "version");
    for (who, ranges, beside) in [
        ("listed", "10.0.0.1/8", "id=\"public-wrong\""),
        ("", "", "id=\"who-wrong\""),
    ] {
        let typed = [
            ("version", version.as_str()),
            ("who", who),
            ("public", ranges),
        ];
        let wrong = owner.post(&path, &typed).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong:?}");
        assert!(wrong.text.contains(beside), "{beside}: {wrong:?}");
    }
    let open = [("version", version.as_str()), ("who", "everybody")];
    let opened = owner.post(&path, &open).await;
    assert_eq!(opened.status, StatusCode::SEE_OTHER, "{opened:?}");
    assert_eq!(lists(&world, &id).await.body["public"], Value::Null);
    let nowhere = owner.get(&format!("{service}/allow/secret")).await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
}

async fn lists(world: &World, service: &str) -> Answer {
    world.get(&format!("/services/{service}/allow-list")).await
}

async fn put(world: &World, service: &str, body: &Value) -> Answer {
    let path = format!("/services/{service}/allow-list");
    world.put(&path, &body.to_string()).await
}
