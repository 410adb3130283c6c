//! Streams and waits: how many there may be, and when they end.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Method, Request, StatusCode, header};
use futures::StreamExt as _;
use futures::future::join_all;
use strait_plane::model::Role;
use tokio::time::Instant;

use crate::guest::Guest;
use crate::world::{ADMIN_KEY, BASE, World};

/// How many one may have.
const EACH: usize = 32;

#[tokio::test]
async fn one_follows_so_many_streams_at_once_and_others_are_not_in_their_way() {
    let world = World::new().await;
    let mine = world.keys_of(&world.project, Role::Viewer).await;
    let others = world.keys_of(&world.project, Role::Viewer).await;
    let mut open = Vec::new();
    for number in 0..EACH {
        open.push(
            world
                .follow_as(&mine)
                .await
                .unwrap_or_else(|status| panic!("{number}: {status}")),
        );
    }
    assert_eq!(
        world.follow_as(&mine).await.err(),
        Some(StatusCode::TOO_MANY_REQUESTS)
    );
    let waits = format!("/projects/{}/events?wait=1", world.project);
    let operation = format!("/projects/{}/operations/op-none?wait=1", world.project);
    let vpc = format!("/projects/{}/vpcs/none?wait=1", world.project);
    for path in [&waits, &operation, &vpc] {
        let refused = world.call_as(&mine, Method::GET, path, "").await;
        refused.assert_refused(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", None);
        assert!(refused.headers.contains_key(header::RETRY_AFTER), "{path}");
        let answer = world.call_as(&others, Method::GET, path, "").await;
        assert_ne!(
            answer.status,
            StatusCode::TOO_MANY_REQUESTS,
            "{path}: another one"
        );
    }
    let at_once = world
        .call_as(&mine, Method::GET, &waits.replace("?wait=1", ""), "")
        .await;
    assert_eq!(
        at_once.status,
        StatusCode::OK,
        "what does not wait takes no turn"
    );
    open.pop();
    let again = world.call_as(&mine, Method::GET, &waits, "").await;
    assert_eq!(again.status, StatusCode::OK, "{again:?}");
}

#[tokio::test]
async fn a_stream_ends_soon_after_its_follower_may_see_it_no_more() {
    let world = World::new().await;
    let leaver = Guest::with(&world, Role::Viewer).await;
    let removed = Guest::with(&world, Role::Viewer).await;
    let stays = Guest::with(&world, Role::Viewer).await;
    let live = format!("/projects/{}/live", world.project);
    let mut streams = Vec::new();
    for guest in [&leaver, &removed, &stays] {
        let request = guest.asking(Method::GET, &live).body(Body::empty());
        streams.push(
            world
                .stream(request.expect("a request"))
                .await
                .expect("a stream"),
        );
    }
    let keys = world.keys_of(&world.project, Role::Viewer).await;
    streams.push(world.follow_as(&keys).await.expect("a stream"));
    let operator = format!("Bearer {ADMIN_KEY}");
    streams.push(world.follow_as(&operator).await.expect("a stream"));

    leaver.post("/logout", &[]).await;
    let out = world.plane.remove_member(&world.project, &removed.email);
    out.await.expect("removed");
    for key in world.plane.list_keys(&world.project).await.expect("keys") {
        if key.role == Role::Viewer {
            let gone = world.plane.revoke_key(&world.project, &key.public_key);
            gone.await.expect("revoked");
        }
    }
    let ends = streams.into_iter().map(|mut stream| async move {
        let end = async { while stream.next().await.is_some() {} };
        tokio::time::timeout(Duration::from_secs(14), end)
            .await
            .is_ok()
    });
    let ended: Vec<bool> = futures::future::join_all(ends).await;
    assert_eq!(ended, [true, true, false, true, false]);
}

#[tokio::test]
async fn who_leaves_a_wait_gives_its_turn_back() {
    let world = World::new().await;
    let mine = world.keys_of(&world.project, Role::Viewer).await;
    let wait = async |seconds: u8| {
        let path = format!(
            "/projects/{}/events?since=999999&wait={seconds}",
            world.project
        );
        world.call_as(&mine, Method::GET, &path, "").await.status
    };
    let asked_until = async |wanted: StatusCode| {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let status = wait(0).await;
            if status == wanted || Instant::now() > end {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    // One that is refused, as where the machine is slow, asks again.
    let stay = async |_| {
        while wait(60).await != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        _ = join_all((0..EACH).map(stay)) => panic!("nothing happens that they wait for"),
        status = asked_until(StatusCode::TOO_MANY_REQUESTS) => assert_eq!(status, StatusCode::TOO_MANY_REQUESTS),
    }
    // They have left.
    assert_eq!(asked_until(StatusCode::OK).await, StatusCode::OK);
}

impl World {
    /// Follows the project's events.
    async fn follow_as(&self, keys: &str) -> Result<BodyDataStream, StatusCode> {
        let request = Request::get(format!("{BASE}/projects/{}/events", self.project))
            .header(header::HOST, "127.0.0.1:8470")
            .header(header::ACCEPT, "text/event-stream")
            .header(header::AUTHORIZATION, keys)
            .body(Body::empty());
        self.stream(request.expect("a request")).await
    }

    async fn stream(&self, request: Request<Body>) -> Result<BodyDataStream, StatusCode> {
        let response = self.respond(request).await;
        match response.status() {
            StatusCode::OK => Ok(response.into_body().into_data_stream()),
            refused => Err(refused),
        }
    }
}
