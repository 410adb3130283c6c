//! Logins that fail, in the audit: that they were logins, and as whom.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use strait_plane::model::Role;
use tokio::time::Instant;

use crate::guest::{Guest, PASSWORD};
use crate::world::{BASE, World};

const NOBODY: &str = "nobody@example.org";
/// How long others who are refused wait for the audit.
const WAIT: Duration = Duration::from_secs(2);

#[tokio::test]
async fn it_is_told_as_whom_logins_fail_however_they_come() {
    let world = World::new().await;
    let (ann, bob) = (
        Guest::outside(&world).await.email,
        Guest::with(&world, Role::Viewer).await.email,
    );
    // What is no login and comes from there first hides none.
    let path = format!("{BASE}/projects");
    let refused = world
        .asked_here("Bearer guess", Method::GET, &path, "")
        .await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{refused:?}");
    for (email, status) in [
        (NOBODY, 401),
        (NOBODY, 401),
        (&ann, 401),
        (&bob, 401),
        (&bob, 401),
        (&bob, 401),
        (&bob, 401),
        (&bob, 401),
        (&bob, 429),
    ] {
        let answer = login(&world, email, "hunter2hunter2").await;
        assert_eq!(answer, status, "{email}");
    }
    let query = "outcome=refused&text=auth/login";
    let noted = world.noted_times(query, 9).await;
    let of = |id: Value, code: &str| {
        let found = noted
            .iter()
            .filter(|entry| entry["object_id"] == id && entry["code"] == code);
        let times = found.map(|entry| entry["times"].as_i64().expect("a number"));
        times.sum::<i64>()
    };
    for (email, wrong, locked) in [(&ann, 1, 0), (&bob, 5, 1)] {
        let id = world.plane.user(email).await.expect("a user").id;
        let counted = ["UNAUTHORIZED", "TOO_MANY_REQUESTS"].map(|code| of(json!(id), code));
        assert_eq!(counted, [wrong, locked], "{email}: {noted:?}");
        // And so it is found.
        let found = world
            .noted(&format!("outcome=refused&object={email}"))
            .await;
        assert!(!found.is_empty(), "{email}");
        for entry in found {
            assert_eq!(
                (&entry["object_kind"], &entry["object_name"]),
                (&json!("user"), &json!(email)),
                "{entry}"
            );
        }
    }
    assert_eq!(of(Value::Null, "UNAUTHORIZED"), 2, "{noted:?}");
    // What was typed may have been a password.
    let typed = world.noted(&format!("text={NOBODY}")).await;
    assert_eq!(typed, Vec::<Value>::new());
}

#[tokio::test]
async fn forms_and_links_tell_it_too() {
    let world = World::new().await;
    let email = Guest::with(&world, Role::Viewer).await.email;
    let visit = Guest::visit(&world).await;
    let wrong = [("email", email.as_str()), ("password", "hunter2hunter2")];
    visit.post("/login", &wrong).await;
    let query = format!("outcome=refused&object={email}&text=POST%20/login");
    world.eventually_noted(&query).await;

    // A link that opens nothing says of nobody whose it was, and is told as a login still.
    let refused = world.call_as("Bearer guess", Method::GET, "/projects", "");
    assert_eq!(refused.await.status, StatusCode::UNAUTHORIZED);
    visit.post("/login/link", &[("token", "guess")]).await;
    let query = "outcome=refused&text=POST%20/login/link";
    world.eventually_noted(query).await;
    // The control: who is let in is no refusal.
    let right = [("email", email.as_str()), ("password", PASSWORD)];
    let begun = visit.post("/login", &right).await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{begun:?}");
    let query = format!("actor={email}&action=session.create&text=POST%20/login");
    assert!(!world.noted(&query).await.is_empty());
}

/// Whether there is somebody is to be told by the audit, and not by how long a login takes.
#[tokio::test]
async fn nobody_who_fails_waits_for_the_audit() {
    let mut took = Vec::new();
    // A machine that stalls makes logins slow too.
    for _attempt in 0..3 {
        let (before, locked) = logins_before_and_under_lock().await;
        if locked < before + WAIT {
            return;
        }
        took.push((before, locked));
    }
    panic!("they wait: {took:?}");
}

/// How long two logins take before and after the audit cannot be written.
async fn logins_before_and_under_lock() -> (Duration, Duration) {
    let world = World::new().await;
    let other = Guest::outside(&world).await.email;
    let email = Guest::outside(&world).await.email;
    let before = fail(&world, [&other, &other]).await;
    let mut lock = world.pool.begin().await.expect("begun");
    let locked = sqlx::query("LOCK TABLE strait.audit IN ACCESS EXCLUSIVE MODE");
    locked.execute(&mut *lock).await.expect("locked");
    let took = fail(&world, [NOBODY, &email]).await;
    let begun = Instant::now();
    let path = format!("{BASE}/projects");
    world
        .asked_here("Bearer guess", Method::GET, &path, "")
        .await;
    assert!(begun.elapsed() >= WAIT, "{:?}", begun.elapsed());
    lock.rollback().await.expect("given back");
    let query = format!("outcome=refused&object={email}");
    world.eventually_noted(&query).await;
    (before, took)
}

/// How long these logins take, which fail.
async fn fail(world: &World, emails: [&str; 2]) -> Duration {
    let begun = Instant::now();
    for email in emails {
        assert_eq!(login(world, email, "hunter2hunter2").await, 401, "{email}");
    }
    begun.elapsed()
}

async fn login(world: &World, email: &str, password: &str) -> u16 {
    let body = json!({ "email": email, "password": password }).to_string();
    let path = format!("{BASE}/auth/login");
    let answer = world.asked_here("", Method::POST, &path, &body).await;
    answer.status.as_u16()
}
