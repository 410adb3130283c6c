//! Logging in, members and keys, and how often one may ask: over the API.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use strait_http::Rate;
use strait_plane::model::{NewKey, Role};
use tracing_subscriber::fmt::MakeWriter;

use crate::world::{ADMIN_KEY, Answer, BASE, World, basic};

const PASSWORD: &str = "correct horse battery";

#[tokio::test]
async fn somebody_is_made_logs_in_works_and_logs_out() {
    let world = World::new().await;
    let made = admin(
        &world,
        Method::POST,
        "/admin/users",
        json!({ "email": "Ada@example.com", "password": PASSWORD, "project_id": "first", "role": "developer" }),
    )
    .await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    assert_eq!(made.str("/email"), "ada@example.com");
    assert!(
        !made.text.contains(PASSWORD) && !made.text.contains("argon2"),
        "{made:?}"
    );

    let wrong = login(&world, "ada@example.com", "wrong password").await;
    wrong.assert_refused(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", None);
    let unknown = login(&world, "eve@example.com", PASSWORD).await;
    unknown.assert_refused(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", None);
    for told in ["/message", "/next_action"] {
        assert_eq!(unknown.str(told), wrong.str(told));
    }

    let begun = login(&world, "ada@example.com", PASSWORD).await;
    assert_eq!(begun.status, StatusCode::OK, "{begun:?}");
    assert_eq!(begun.headers[header::CACHE_CONTROL], "no-store");
    let session = format!("Bearer {}", begun.str("/token"));
    let seen = world.call_as(&session, Method::GET, "/projects", "").await;
    assert_eq!(seen.str("/0/id"), world.project);
    let sessions = world
        .call_as(&session, Method::GET, "/auth/sessions", "")
        .await;
    assert_eq!(
        sessions.body.as_array().map(Vec::len),
        Some(1),
        "{sessions:?}"
    );

    let body =
        json!({ "current_password": PASSWORD, "new_password": "another long one" }).to_string();
    let changed = world
        .call_as(&session, Method::POST, "/auth/password", &body)
        .await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT, "{changed:?}");
    assert_eq!(
        login(&world, "ada@example.com", "another long one")
            .await
            .status,
        StatusCode::OK
    );

    let out = world
        .call_as(&session, Method::POST, "/auth/logout", "")
        .await;
    assert_eq!(out.status, StatusCode::NO_CONTENT, "{out:?}");
    world
        .call_as(&session, Method::GET, "/projects", "")
        .await
        .assert_refused(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", None);
}

#[tokio::test]
async fn who_has_no_session_logs_out_of_nothing() {
    let world = World::new().await;
    let made = world
        .plane
        .create_key(&world.project, NewKey::of(Role::Owner));
    let made = made.await.expect("a key");
    let (public, secret) = (&made.key.public_key, &made.secret_key);
    let token = world.plane.issue_token(public, secret).await;
    let token = format!("Bearer {}", token.expect("a token").token);
    let operator = format!("Bearer {ADMIN_KEY}");
    admin(
        &world,
        Method::POST,
        "/admin/users",
        json!({ "email": "ada@example.com", "password": PASSWORD, "project_id": "first", "role": "owner" }),
    )
    .await;
    let begun = login(&world, "ada@example.com", PASSWORD).await;
    let session = format!("Bearer {}", begun.str("/token"));
    let goes_on = async |keys: &str| {
        let seen = world.call_as(keys, Method::GET, "/projects", "").await;
        seen.status == StatusCode::OK
    };
    for keys in [&basic(public, secret), &token, &operator] {
        for body in ["", "{}", "null", r#"{"refresh_token":"tsr_x"}"#] {
            let out = world
                .call_as(keys, Method::POST, "/auth/logout", body)
                .await;
            assert_eq!(out.status, StatusCode::NO_CONTENT, "{body}: {out:?}");
        }
        assert!(goes_on(keys).await, "{keys}");
        assert!(goes_on(&session).await, "others' sessions go on");
    }
    assert_eq!(
        world.noted("text=logout").await,
        Vec::<Value>::new(),
        "nothing was done"
    );
    for (body, field) in [
        (r#"{"refresh_token":12345678}"#, "refresh_token"),
        (r#"{"session":"x"}"#, "session"),
    ] {
        let refused = world
            .call_as(&session, Method::POST, "/auth/logout", body)
            .await;
        refused.assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", Some(field));
        assert!(!refused.text.contains("12345678"), "{refused:?}");
        assert!(goes_on(&session).await, "{body}");
    }
    assert!(
        !world.noted("text=logout").await.is_empty(),
        "the control: a refusal is told"
    );
    let body = r#"{"refresh_token":"tsr_x"}"#;
    let out = world
        .call_as(&session, Method::POST, "/auth/logout", body)
        .await;
    assert_eq!(out.status, StatusCode::NO_CONTENT, "{out:?}");
    assert!(!goes_on(&session).await, "the control");
}

#[tokio::test]
async fn a_role_without_a_project_makes_nobody() {
    let world = World::new().await;
    for (body, field) in [
        (
            json!({ "email": "ada@example.com", "role": "owner" }),
            "project_id",
        ),
        (
            json!({ "email": "ada@example.com", "project_id": "first" }),
            "role",
        ),
        (
            json!({ "email": "ada@example.com", "project_id": "first", "role": "king" }),
            "role",
        ),
        (json!({ "email": "ada", "password": PASSWORD }), "email"),
        (
            json!({ "email": "ada@example.com", "password": "short" }),
            "password",
        ),
    ] {
        let refused = admin(&world, Method::POST, "/admin/users", body.clone()).await;
        refused.assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", Some(field));
    }
    let users = world
        .call_as(
            &format!("Bearer {ADMIN_KEY}"),
            Method::GET,
            "/admin/users",
            "",
        )
        .await;
    assert_eq!(users.body, json!([]));
}

#[tokio::test]
async fn after_five_wrong_logins_the_next_one_is_told_how_long_to_wait() {
    let world = World::new().await;
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    admin(&world, Method::POST, "/admin/users", body).await;
    for _ in 0..5 {
        let wrong = login(&world, "ada@example.com", "wrong password").await;
        assert_eq!(wrong.status, StatusCode::UNAUTHORIZED, "{wrong:?}");
    }
    let locked = login(&world, "ada@example.com", PASSWORD).await;
    locked.assert_refused(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", None);
    let wait: u64 = locked.headers[header::RETRY_AFTER]
        .to_str()
        .expect("text")
        .parse()
        .expect("a number");
    assert!((1..=30).contains(&wait), "{locked:?}");
    let path = "/admin/users/ada@example.com/unlock";
    let unlocked = admin(&world, Method::POST, path, json!({})).await;
    assert_eq!(unlocked.status, StatusCode::OK, "{unlocked:?}");
    assert_eq!(
        login(&world, "ada@example.com", PASSWORD).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn the_operators_link_lets_one_in_once() {
    let world = World::new().await;
    let asked = json!({ "project_id": world.project });
    let link = admin(&world, Method::POST, "/admin/login-links", asked).await;
    assert_eq!(link.status, StatusCode::CREATED, "{link:?}");
    assert_eq!(link.str("/user/email"), "operator@strait.internal");
    let token = link.str("/token").to_owned();
    // What is behind the `#`, browsers do not send.
    assert_eq!(link.str("/path"), format!("/login#{token}"));
    let open = async || {
        let body = json!({ "token": token }).to_string();
        world
            .call_as("", Method::POST, "/auth/login-link", &body)
            .await
    };
    let begun = open().await;
    assert_eq!(begun.status, StatusCode::OK, "{begun:?}");
    let session = format!("Bearer {}", begun.str("/token"));
    let path = format!("/projects/{}/keys", world.project);
    let keys = world.call_as(&session, Method::GET, &path, "").await;
    assert_eq!(keys.status, StatusCode::OK, "an owner sees keys: {keys:?}");
    open()
        .await
        .assert_refused(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", None);
}

#[tokio::test]
async fn members_and_keys_are_kept_by_those_who_may() {
    let world = World::new().await;
    for email in ["ada@example.com", "bob@example.com"] {
        admin(
            &world,
            Method::POST,
            "/admin/users",
            json!({ "email": email }),
        )
        .await;
    }
    let added = world
        .post("/members", r#"{"email":"ada@example.com","role":"owner"}"#)
        .await;
    assert_eq!(added.status, StatusCode::CREATED, "{added:?}");
    world
        .post("/members", r#"{"email":"who@example.com","role":"owner"}"#)
        .await
        .assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", Some("email"));
    world
        .delete("/members/ada@example.com")
        .await
        .assert_refused(StatusCode::CONFLICT, "CONFLICT", None);
    world
        .post("/members", r#"{"email":"bob@example.com","role":"owner"}"#)
        .await;
    let gone = world.delete("/members/ada@example.com").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
    let members = world.get("/members").await;
    assert_eq!(members.str("/0/email"), "bob@example.com");

    let made = world
        .post(
            "/keys",
            r#"{"name":"deploy","role":"admin","expires":"2099-01-01T00:00:00Z"}"#,
        )
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let (public, secret) = (made.str("/public_key"), made.str("/secret_key"));
    let deploy = basic(public, secret);
    let path = format!("/projects/{}/keys", world.project);
    let more = r#"{"role":"owner"}"#;
    let refused = world.call_as(&deploy, Method::POST, &path, more).await;
    refused.assert_refused(StatusCode::FORBIDDEN, "FORBIDDEN", None);
    let less = r#"{"role":"viewer"}"#;
    let made = world.call_as(&deploy, Method::POST, &path, less).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    assert_eq!(made.str("/created_by"), format!("key:{public}"));
    let listed = world.get("/keys").await;
    assert!(
        !listed.text.contains("secret") && !listed.text.contains("argon2"),
        "{listed:?}"
    );
    let found = (listed.body.as_array().expect("a list").iter())
        .find(|key| key["public_key"] == public)
        .expect("it is listed");
    assert!(found["last_used"].is_string(), "{found}");
    assert_eq!(found["name"], "deploy");
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let rate = Rate {
        each_second: NonZeroU32::MIN,
        at_once: NonZeroU32::new(5).expect("not zero"),
    };
    let world = World::with_rate(rate).await;
    let other = world
        .plane
        .create_key(&world.project, NewKey::of(Role::Viewer))
        .await;
    let other = other.expect("a key");
    let mut last = world.get("").await;
    for _ in 0..6 {
        last = world.get("").await;
    }
    last.assert_refused(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", None);
    assert!(last.headers.contains_key(header::RETRY_AFTER), "{last:?}");
    let path = format!("/projects/{}", world.project);
    let keys = basic(&other.key.public_key, &other.secret_key);
    let answer = world.call_as(&keys, Method::GET, &path, "").await;
    assert_eq!(answer.status, StatusCode::OK, "another one: {answer:?}");

    // By where it comes from, whoever it is.
    let from = async |place: &str| {
        let mut request = Request::get(format!("{BASE}/regions"))
            .header(header::HOST, "127.0.0.1:8470")
            .body(Body::empty())
            .expect("a request");
        let peer: SocketAddr = place.parse().expect("an address");
        request.extensions_mut().insert(ConnectInfo(peer));
        world.send(request).await.status
    };
    for _ in 0..5 {
        assert_eq!(from("192.0.2.1:1000").await, StatusCode::OK);
    }
    assert_eq!(from("192.0.2.1:2000").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(from("192.0.2.2:1000").await, StatusCode::OK);
    for _ in 0..9 {
        assert_eq!(from("127.0.0.1:1000").await, StatusCode::OK);
    }
}

#[test]
fn secrets_are_in_no_log_and_no_refusal() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    // Whatever runs meanwhile in threads of the same runtime writes into it too.
    tracing::subscriber::set_global_default(subscriber).expect("nobody else in this process");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (secrets, answers) = runtime.block_on(use_secrets());
    let text = log.text();
    assert!(text.contains("/auth/login"), "requests are logged: {text}");
    for (what, secret) in &secrets {
        assert!(secret.len() > 8, "{what}");
        assert!(!text.contains(secret), "{what} is in the log");
        for answer in &answers {
            assert!(!answer.text.contains(secret), "{what}: {answer:?}");
        }
    }
}

/// All secrets that there are, each used well and badly; the answers that should not have them.
async fn use_secrets() -> (Vec<(&'static str, String)>, Vec<Answer>) {
    let world = World::new().await;
    let mut answers = Vec::new();
    let wrong = "a wrong password";
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    answers.push(admin(&world, Method::POST, "/admin/users", body.clone()).await);
    answers.push(admin(&world, Method::POST, "/admin/users", body).await);
    answers.push(login(&world, "ada@example.com", wrong).await);
    let begun = login(&world, "ada@example.com", PASSWORD).await;
    let session = begun.str("/token").to_owned();
    let asked = json!({ "email": "ada@example.com" });
    let link = admin(&world, Method::POST, "/admin/login-links", asked).await;
    let link = link.str("/token").to_owned();
    for _ in 0..2 {
        let body = json!({ "token": link }).to_string();
        let opened = world
            .call_as("", Method::POST, "/auth/login-link", &body)
            .await;
        if opened.status != StatusCode::OK {
            answers.push(opened);
        }
    }
    let made = world.post("/keys", r#"{"role":"viewer"}"#).await;
    let (public, secret) = (made.str("/public_key"), made.str("/secret_key").to_owned());
    let token = world
        .plane
        .issue_token(public, &secret)
        .await
        .expect("a token")
        .token;
    let service = world
        .post(
            "/services",
            r#"{"name":"orders","region_code":"eu-central-1"}"#,
        )
        .await;
    let initial = service.str("/initial_password").to_owned();
    for keys in [
        format!("Bearer {session}"),
        format!("Bearer {session}x"),
        format!("Bearer {token}"),
        format!("Bearer {token}x"),
        format!("Bearer {ADMIN_KEY}"),
        format!("Bearer {ADMIN_KEY}x"),
        basic(public, &secret),
        basic(public, &format!("{secret}x")),
    ] {
        let path = format!("/projects/{}/services", world.project);
        answers.push(world.call_as(&keys, Method::GET, &path, "").await);
        answers.push(world.call_as(&keys, Method::POST, &path, "{").await);
    }
    world.plane.shutdown().await;
    let secrets = vec![
        ("the password", PASSWORD.to_owned()),
        ("the wrong password", wrong.to_owned()),
        ("the session", session),
        ("the link", link),
        ("the secret key", secret),
        ("the token", token),
        ("the admin key", ADMIN_KEY.to_owned()),
        ("the service's password", initial),
    ];
    (secrets, answers)
}

async fn admin(world: &World, method: Method, path: &str, body: Value) -> Answer {
    let keys = format!("Bearer {ADMIN_KEY}");
    world.call_as(&keys, method, path, &body.to_string()).await
}

async fn login(world: &World, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password }).to_string();
    world.call_as("", Method::POST, "/auth/login", &body).await
}

/// A log that is kept.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        let bytes = self.0.lock().expect("nobody panicked with it");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut kept = self.0.lock().expect("nobody panicked with it");
        kept.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
