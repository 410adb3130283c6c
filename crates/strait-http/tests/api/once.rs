//! The header `Idempotency-Key` of requests that make no operation: keys, projects, members, quotas.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use strait_plane::model::Role;

use crate::world::{ADMIN_KEY, Answer, World, basic};

const KEY: &str = "6f1c0c1e-8d1b-4d53-9e3a-0c5f3a1b2c3d";

#[tokio::test]
async fn a_pair_of_keys_is_made_once_and_its_secret_told_again() {
    let world = World::new().await;
    let before = keys(&world).await;
    let body = json!({ "name": "deploy", "role": "developer" }).to_string();
    let made = world.keyed(KEY, Method::POST, "/keys", &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    assert!(!made.headers.contains_key("idempotency-replayed"));

    let again = world.keyed(KEY, Method::POST, "/keys", &body).await;
    repeats(&again, &made);
    assert_eq!(keys(&world).await, before + 1);
    let own = basic(made.str("/public_key"), again.str("/secret_key"));
    let path = format!("/projects/{}/services", world.project);
    let opened = world.call_as(&own, Method::GET, &path, "").await;
    assert_eq!(opened.status, StatusCode::OK, "{opened:?}");

    let other = json!({ "name": "other", "role": "developer" }).to_string();
    let refused = world.keyed(KEY, Method::POST, "/keys", &other).await;
    let field = Some("Idempotency-Key");
    refused.assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", field);
    let vpc = json!({ "cidr": "10.0.0.0/24", "region_code": "eu-central-1" }).to_string();
    let refused = world.keyed(KEY, Method::POST, "/vpcs", &vpc).await;
    refused.assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", field);
    assert_eq!(keys(&world).await, before + 1);

    // Somebody else's key for a request is another one, as is none.
    let admin = world.keys_of(&world.project, Role::Admin).await;
    let path = format!("/projects/{}/keys", world.project);
    let theirs = (world.keyed_as(&admin, KEY, Method::POST, &path, &body)).await;
    assert_eq!(theirs.status, StatusCode::CREATED, "{theirs:?}");
    assert_ne!(theirs.str("/public_key"), made.str("/public_key"));
    let more = [
        world.post("/keys", &body).await,
        world.post("/keys", &body).await,
    ];
    assert_ne!(more[0].str("/public_key"), more[1].str("/public_key"));

    // What is kept tells nobody the secret, nor the key that it comes from.
    let kept: Vec<String> = sqlx::query_scalar("SELECT row_to_json(a)::text FROM strait.answer a")
        .fetch_all(&world.pool)
        .await
        .expect("rows");
    assert_eq!(kept.len(), 2);
    for row in kept {
        assert!(
            !row.contains(made.str("/secret_key")) && !row.contains(KEY),
            "{row}"
        );
    }

    let path = format!("/keys/{}", made.str("/public_key"));
    assert_eq!(world.delete(&path).await.status, StatusCode::NO_CONTENT);
    let late = world.keyed(KEY, Method::POST, "/keys", &body).await;
    late.assert_refused(StatusCode::CONFLICT, "CONFLICT", None);
    assert!(late.str("/message").contains("gone since"), "{late:?}");
}

#[tokio::test]
async fn of_a_key_that_can_be_guessed_no_secret_is_made() {
    let world = World::new().await;
    let body = json!({ "name": "deploy", "role": "developer" }).to_string();
    for key in [
        "short",
        "create-a-key-for-the-deployment-of-2026-11-30",
        // A UUID of the time and the machine.
        "6f1c0c1e-8d1b-1d53-9e3a-0c5f3a1b2c3d",
        "202611302026113020261130-20261130",
    ] {
        let made = world.keyed(key, Method::POST, "/keys", &body).await;
        assert_eq!(made.str("/secret_key").len(), 40);
        let again = world.keyed(key, Method::POST, "/keys", &body).await;
        assert_eq!(again.status, StatusCode::CREATED, "{again:?}");
        assert_eq!(again.headers["idempotency-replayed"], "true");
        assert_eq!(again.str("/public_key"), made.str("/public_key"));
        assert!(!again.has("/secret_key"), "{key}: {again:?}");
    }
}

#[tokio::test]
async fn users_are_made_each_time_and_each_is_a_member() {
    let world = World::new().await;
    let admin = format!("Bearer {ADMIN_KEY}");
    for email in ["ann@example.com", "bob@example.com"] {
        let user = json!({ "email": email, "name": email, "password": "correct horse battery", "project_id": world.project, "role": "viewer" });
        let user = user.to_string();
        let made = (world.keyed_as(&admin, KEY, Method::POST, "/admin/users", &user)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        let members = world.get("/members").await;
        assert!(members.body.to_string().contains(email), "{members:?}");
    }
    // The control: the key is still free for what it counts for.
    let body = json!({ "name": "deploy", "role": "developer" }).to_string();
    let path = format!("/projects/{}/keys", world.project);
    let key = (world.keyed_as(&admin, KEY, Method::POST, &path, &body)).await;
    assert_eq!(key.status, StatusCode::CREATED, "{key:?}");
}

#[tokio::test]
async fn at_the_same_time_it_is_done_once_too() {
    let world = World::new().await;
    let before = keys(&world).await;
    let body = json!({ "name": "deploy", "role": "developer" }).to_string();
    let one = || world.keyed(KEY, Method::POST, "/keys", &body);
    let (first, second, third) = tokio::join!(one(), one(), one());
    for answer in [&first, &second, &third] {
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        assert_eq!(answer.str("/secret_key"), first.str("/secret_key"));
    }
    assert_eq!(keys(&world).await, before + 1);
    let body = json!({ "quota": "vpcs", "wanted": 9, "reason": "more" }).to_string();
    let one = || {
        world.keyed(
            "ask-at-the-same-time",
            Method::POST,
            "/quota-requests",
            &body,
        )
    };
    let (first, second) = tokio::join!(one(), one());
    for answer in [&first, &second] {
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        assert_eq!(answer.str("/id"), first.str("/id"));
    }
}

#[tokio::test]
async fn a_project_is_made_once_with_its_keys() {
    let world = World::new().await;
    let admin = format!("Bearer {ADMIN_KEY}");
    let make = |key: &'static str| {
        world.keyed_as(&admin, key, Method::POST, "/projects", r#"{"name":"shop"}"#)
    };
    let made = make(KEY).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    repeats(&make(KEY).await, &made);
    let own = basic(made.str("/public_key"), made.str("/secret_key"));
    let path = format!("/projects/{}/services", made.str("/id"));
    let opened = world.call_as(&own, Method::GET, &path, "").await;
    assert_eq!(opened.status, StatusCode::OK, "{opened:?}");
    let called_so = async || {
        let all = world.call_as(&admin, Method::GET, "/projects", "").await;
        let all = all.body.as_array().cloned().expect("a list");
        all.iter().filter(|one| one["name"] == "shop").count()
    };
    assert_eq!(called_so().await, 1);
    // The control: the name alone does not keep it from being made twice.
    assert_eq!(make("another key for it").await.status, StatusCode::CREATED);
    assert_eq!(called_so().await, 2);
}

#[tokio::test]
async fn whatever_is_changed_at_once_is_changed_once() {
    let world = World::new().await;
    let admin = format!("Bearer {ADMIN_KEY}");
    let user = json!({ "email": "ada@example.com" }).to_string();
    let user = world
        .call_as(&admin, Method::POST, "/admin/users", &user)
        .await;
    let user = user.str("/id").to_owned();
    let own = world.keys_of(&world.project, Role::Owner).await;
    let at = |path: &str| format!("/projects/{}{path}", world.project);
    let for_operator = |path: &str| format!("/admin/projects/{}{path}", world.project);
    let revoked = world.post("/keys", r#"{"role":"viewer"}"#).await;
    let member = at(&format!("/members/{user}"));

    let requests: [(&str, Method, String, Value); 8] = [
        (
            "add",
            Method::POST,
            at("/members"),
            json!({ "email": "ada@example.com", "role": "viewer" }),
        ),
        (
            "role",
            Method::PUT,
            member.clone(),
            json!({ "role": "developer" }),
        ),
        (
            "rename",
            Method::POST,
            at("/rename"),
            json!({ "name": "one" }),
        ),
        (
            "quota",
            Method::PUT,
            for_operator("/quotas"),
            json!({ "quota": "vpcs", "limit": 4 }),
        ),
        (
            "plan",
            Method::PUT,
            for_operator("/plan"),
            json!({ "plan": "standard" }),
        ),
        (
            "ask",
            Method::POST,
            at("/quota-requests"),
            json!({ "quota": "services", "wanted": 99, "reason": "more" }),
        ),
        ("remove", Method::DELETE, member.clone(), Value::Null),
        (
            "revoke",
            Method::DELETE,
            at(&format!("/keys/{}", revoked.str("/public_key"))),
            Value::Null,
        ),
    ];
    for (name, method, path, body) in &requests {
        let who = match path.starts_with("/admin/") {
            true => &admin,
            false => &own,
        };
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let send = async |key: &str| (world.keyed_as(who, key, method.clone(), path, &body)).await;
        let key = format!("a-key-for-this-{name}");
        let first = send(&key).await;
        assert!(first.status.is_success(), "{name}: {first:?}");
        assert!(
            !first.headers.contains_key("idempotency-replayed"),
            "{name}"
        );
        repeats(&send(&key).await, &first);
        // The control: without that key it is done again, or is in the way of itself.
        let anew = send(&format!("another-key-for-this-{name}")).await;
        assert!(
            !anew.headers.contains_key("idempotency-replayed"),
            "{name}: {anew:?}"
        );
    }
}

#[tokio::test]
async fn a_repetition_undoes_nothing_that_came_after() {
    let world = World::new().await;
    let rename = |name: &str| json!({ "name": name }).to_string();
    let first = rename("one");
    world.keyed(KEY, Method::POST, "/rename", &first).await;
    world.post("/rename", &rename("two")).await;
    let again = world.keyed(KEY, Method::POST, "/rename", &first).await;
    assert_eq!(again.status, StatusCode::OK, "{again:?}");
    assert_eq!(again.str("/name"), "two");

    let body = json!({ "quota": "vpcs", "wanted": 9, "reason": "more" }).to_string();
    let key = "a-key-for-the-request";
    let asked = world
        .keyed(key, Method::POST, "/quota-requests", &body)
        .await;
    let path = format!("/quota-requests/{}/withdraw", asked.str("/id"));
    for _ in 0..2 {
        let back = world
            .keyed("take-it-back-again", Method::POST, &path, "")
            .await;
        assert_eq!(back.status, StatusCode::OK, "{back:?}");
        assert_eq!(back.str("/state"), "withdrawn");
    }
    let again = world
        .keyed(key, Method::POST, "/quota-requests", &body)
        .await;
    assert_eq!(again.str("/id"), asked.str("/id"));
    assert_eq!(again.str("/state"), "withdrawn");
    let all = world.get("/quota-requests").await;
    assert_eq!(all.body.as_array().map(Vec::len), Some(1), "{all:?}");
}

/// That this is the answer of before.
fn repeats(again: &Answer, first: &Answer) {
    assert_eq!(again.status, first.status, "{again:?}");
    assert_eq!(again.body, first.body);
    assert_eq!(again.headers["idempotency-replayed"], "true");
}

async fn keys(world: &World) -> usize {
    let all = world.get("/keys").await;
    all.body.as_array().expect("a list").len()
}
