//! Routes that others have beside the API's are for the operator alone, and as the API's to everybody else.

use std::future::ready;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::request::Builder;
use axum::http::{Method, Request, StatusCode, header};
use axum::routing::get;
use serde_json::json;
use strait_http::{Options, Rate};
use strait_plane::model::{NewKey, NewUser, Role};
use tower::ServiceExt as _;

use crate::world::{ADMIN_KEY, Answer, World, basic};

const PATH: &str = "/beside/v1/things";

struct Beside {
    world: World,
    router: Router,
    /// How many requests came through.
    done: Arc<AtomicUsize>,
}

#[tokio::test]
async fn they_are_for_the_operator_alone() {
    let beside = Beside::with_rate(Rate::default()).await;
    let plane = &beside.world.plane;
    let key = plane.create_key(&beside.world.project, NewKey::of(Role::Owner));
    let key = key.await.expect("a key");
    let (public, secret) = (&key.key.public_key, &key.secret_key);
    let token = plane.issue_token(public, secret).await.expect("a token");
    let (owner, token) = (basic(public, secret), format!("Bearer {}", token.token));
    let session = beside.session().await;
    let (wrong, wrong_secret) = ("Bearer wrong".to_owned(), basic(public, "wrong"));
    let cookie = format!("strait_session={}", session.trim_start_matches("Bearer "));
    let (unknown, forbidden) = (StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN);
    for method in [Method::GET, Method::POST, Method::PUT] {
        // A cookie is no proof for what changes something.
        let by_cookie = if method == Method::GET {
            forbidden
        } else {
            unknown
        };
        for (who, header, status) in [
            ("nobody", None, unknown),
            (
                "a wrong key",
                Some((header::AUTHORIZATION, &wrong)),
                unknown,
            ),
            (
                "a wrong secret",
                Some((header::AUTHORIZATION, &wrong_secret)),
                unknown,
            ),
            (
                "an owner's key",
                Some((header::AUTHORIZATION, &owner)),
                forbidden,
            ),
            (
                "its token",
                Some((header::AUTHORIZATION, &token)),
                forbidden,
            ),
            (
                "a session",
                Some((header::AUTHORIZATION, &session)),
                forbidden,
            ),
            ("its cookie", Some((header::COOKIE, &cookie)), by_cookie),
        ] {
            let mut request = Request::builder().method(&method).uri(PATH);
            if let Some((name, value)) = header {
                request = request.header(name, value);
            }
            let refused = beside.send(request).await;
            let code = if status == unknown {
                "UNAUTHORIZED"
            } else {
                "FORBIDDEN"
            };
            assert_eq!(refused.status, status, "{method} by {who}: {refused:?}");
            refused.assert_refused(status, code, None);
            let id = refused.headers["x-request-id"].to_str().expect("text");
            assert_eq!(refused.str("/request_id"), id, "{method} by {who}");
        }
    }
    assert_eq!(beside.done.load(Ordering::Relaxed), 0, "nothing was done");

    for method in [Method::GET, Method::POST, Method::PUT] {
        let request = Request::builder().method(&method).uri(PATH);
        let admin = format!("Bearer {ADMIN_KEY}");
        let done = beside
            .send(request.header(header::AUTHORIZATION, admin))
            .await;
        assert_eq!(
            (done.status, done.text.as_str()),
            (StatusCode::OK, "done"),
            "{method}"
        );
    }
    assert_eq!(beside.done.load(Ordering::Relaxed), 3);
    // Ours answer beside them.
    let health = beside.send(Request::get("/health")).await;
    assert_eq!(health.status, StatusCode::OK, "{health:?}");

    let done = (beside.world.noted("actor=admin&outcome=done")).await;
    let mut told: Vec<_> = done.iter().map(|entry| &entry["route"]).collect();
    told.retain(|route| route.as_str().is_some_and(|route| route.ends_with(PATH)));
    assert_eq!(
        told,
        [
            &json!(format!("PUT {PATH}")),
            &json!(format!("POST {PATH}"))
        ]
    );
    let refused = format!("actor=key:{public}&outcome=refused");
    assert!(
        !beside.world.noted(&refused).await.is_empty(),
        "whose key it was is told"
    );
}

#[tokio::test]
async fn guesses_are_counted_by_where_they_come_from() {
    let beside = Beside::with_rate(Rate {
        each_second: NonZeroU32::MIN,
        at_once: NonZeroU32::new(3).expect("not zero"),
    })
    .await;
    let mut tries = 0;
    let refused = loop {
        let refused = beside.from("192.0.2.7:40000", "Bearer guess").await;
        if refused.status != StatusCode::UNAUTHORIZED {
            break refused;
        }
        tries += 1;
        assert!(tries < 100, "nobody counts");
    };
    refused.assert_refused(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", None);
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    assert!(tries >= 3, "{tries}");
    for elsewhere in ["192.0.2.8:40000", "127.0.0.1:40000"] {
        let refused = beside.from(elsewhere, "Bearer guess").await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{elsewhere}");
        let admin = format!("Bearer {ADMIN_KEY}");
        let done = beside.from(elsewhere, &admin).await;
        assert_eq!(done.status, StatusCode::OK, "{elsewhere}: {done:?}");
    }
}

impl Beside {
    async fn with_rate(rate: Rate) -> Self {
        let world = World::new().await;
        let done = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&done);
        let answer = move || {
            counting.fetch_add(1, Ordering::Relaxed);
            ready("done")
        };
        let others = get(answer.clone()).post(answer.clone()).put(answer);
        let options = Options {
            admin_key: Some(ADMIN_KEY.to_owned()),
            rate,
            ..Options::default()
        };
        let others = Router::new().route(PATH, others);
        let router = strait_http::router_beside(world.plane.clone(), options, others);
        Self {
            world,
            router,
            done,
        }
    }

    /// The header of somebody who owns the project and is logged in.
    async fn session(&self) -> String {
        let plane = &self.world.plane;
        let new = NewUser {
            email: "ada@example.com".to_owned(),
            name: None,
            password: None,
        };
        let user = plane.create_user(new).await.expect("a user");
        let member = plane.add_member(&self.world.project, &user.id, Role::Owner);
        member.await.expect("a member");
        let link = plane.login_link(&user.id).await.expect("a link");
        let begun = plane.login_by_link(&link.token, None).await;
        format!("Bearer {}", begun.expect("a session").token)
    }

    async fn from(&self, peer: &str, keys: &str) -> Answer {
        let peer: SocketAddr = peer.parse().expect("an address");
        let request = Request::post(PATH).extension(ConnectInfo(peer));
        self.send(request.header(header::AUTHORIZATION, keys)).await
    }

    async fn send(&self, request: Builder) -> Answer {
        let request = request.header(header::HOST, "127.0.0.1:8470");
        let request = request.body(Body::empty()).expect("a request");
        let answer = self.router.clone().oneshot(request).await;
        Answer::of(answer.expect("an answer")).await
    }
}
