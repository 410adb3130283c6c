//! The audit searched, paged, exported, and on its page; and for whom it is for only.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::Value;
use strait_plane::model::Role;

use crate::guest::Guest;
use crate::world::{ADMIN_KEY, Answer, BASE, World};

#[tokio::test]
async fn it_is_exported_whole_and_paged() {
    let world = World::new().await;
    let sql = format!(
        "INSERT INTO strait.audit (actor, action, project_id, outcome, object_name)
         SELECT 'x', 'x', CASE n % 2 WHEN 0 THEN '{}' END, 'done', E'two\\nlines' FROM generate_series(1, 3000) n",
        world.project
    );
    sqlx::raw_sql(&sql)
        .execute(&world.pool)
        .await
        .expect("rows");
    let export = world.get("/audit?format=jsonl&action=x").await;
    assert_eq!(export.headers[header::CONTENT_TYPE], "application/jsonl");
    let ids = |answer: &Answer| {
        let lines = answer.text.lines();
        let ids = lines.map(|line| {
            serde_json::from_str::<Value>(line).expect("JSON")["id"]
                .as_str()
                .expect("an id")
                .parse::<i64>()
                .expect("a number")
        });
        ids.collect::<Vec<i64>>()
    };
    let all = ids(&export);
    assert_eq!(all.len(), 1500);
    assert!(all.is_sorted_by(|a, b| a < b));
    let rest = world
        .get(&format!("/audit?format=jsonl&action=x&after={}", all[1399]))
        .await;
    assert_eq!(ids(&rest), all[1400..]);

    let first = world.get("/audit?action=x&limit=2").await;
    assert_eq!(first.str("/0/id"), all[1499].to_string());
    let next = world
        .get(&format!(
            "/audit?action=x&limit=2&before={}",
            first.str("/1/id")
        ))
        .await;
    assert_eq!(next.str("/0/id"), all[1497].to_string());
    for (query, field) in [
        ("outcome=fine", "outcome"),
        ("since=yesterday", "since"),
        ("since=-009999-02-02T00:00:00Z", "since"),
        ("until=-004800-01-01T00:00:00Z", "until"),
        ("before=x", "before"),
        ("after=1", "after"),
        ("format=xml", "format"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=2147483648", "limit"),
        ("format=jsonl&limit=1001", "limit"),
        ("format=jsonl&before=1", "before"),
        ("project=second", "project"),
        ("colour=red", "query"),
    ] {
        let refused = world.get(&format!("/audit?{query}")).await;
        refused.assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", Some(field));
    }
    let ever = "since=0001-01-01T00:00:00Z&until=9999-12-30T22:00:00Z&action=x&limit=1";
    let found = world.get(&format!("/audit?{ever}")).await;
    assert_eq!(found.status, StatusCode::OK, "{found:?}");
    let forget = format!("{BASE}/admin/audit/forget");
    let before = r#"{"until":"-009999-02-02T00:00:00Z"}"#;
    let admin = format!("Bearer {ADMIN_KEY}");
    let refused = world
        .asked_here(&admin, Method::POST, &forget, before)
        .await;
    refused.assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", Some("until"));
    assert!(
        refused.str("/message").contains("years 0001 to 9999"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_search_that_takes_too_long_says_what_makes_it_shorter() {
    let world = World::new().await;
    let keys = world.key(Role::Admin).await.1;
    let path = format!("{BASE}/projects/{}/audit", world.project);
    let by_text = format!("{path}?text=orders");
    // Nobody gets at it for a while.
    let mut lock = world.pool.begin().await.expect("begun");
    let locked = sqlx::query("LOCK TABLE strait.audit IN ACCESS EXCLUSIVE MODE");
    locked.execute(&mut *lock).await.expect("locked");
    let (by_text, all, third) = tokio::join!(
        world.asked_here(&keys, Method::GET, &by_text, ""),
        world.asked_here(&keys, Method::GET, &path, ""),
        async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            world.asked_here(&keys, Method::GET, &path, "").await
        }
    );
    for answer in [&by_text, &all] {
        answer.assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", Some("since"));
        assert!(answer.str("/message").contains("`until`"), "{answer:?}");
    }
    // Each has two at once.
    third.assert_refused(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", None);
    assert!(third.str("/message").contains("of the audit"), "{third:?}");

    lock.rollback().await.expect("given back");
    let found = world.asked_here(&keys, Method::GET, &path, "").await;
    assert_eq!(found.status, StatusCode::OK, "{found:?}");
}

#[tokio::test]
async fn a_client_that_reads_slowly_is_in_nobodys_way() {
    let world = World::new().await;
    let keys = world.key(Role::Admin).await.1;
    let sql = format!(
        "INSERT INTO strait.audit (actor, action, project_id, outcome)
         SELECT 'x', 'x', '{}', 'done' FROM generate_series(1, 1200)",
        world.project
    );
    let added = sqlx::raw_sql(&sql).execute(&world.pool).await;
    added.expect("rows");
    let path = format!("{BASE}/projects/{}/audit", world.project);
    let mut paused = Vec::new();
    for _ in 0..4 {
        let request = Request::get(format!("{path}?format=jsonl&action=x"))
            .header(header::HOST, "127.0.0.1:8470")
            .header(header::AUTHORIZATION, &keys);
        let mut request = request.body(Body::empty()).expect("a request");
        let from: SocketAddr = "127.0.0.1:4711".parse().expect("an address");
        request.extensions_mut().insert(ConnectInfo(from));
        let export = world.respond(request).await;
        assert_eq!(export.status(), StatusCode::OK);
        paused.push(export);
    }
    let found = world.asked_here(&keys, Method::GET, &path, "").await;
    assert_eq!(found.status, StatusCode::OK, "{found:?}");
    // They go on where they were, beside each other too.
    let read = paused.into_iter().map(|export| async {
        let bytes = to_bytes(export.into_body(), usize::MAX).await;
        let text = String::from_utf8(bytes.expect("a body").to_vec());
        text.expect("text").lines().count()
    });
    let read = futures::future::join_all(read).await;
    assert_eq!(read, [1200; 4]);
}

#[tokio::test]
async fn the_page_shows_it_to_admins_and_searches() {
    let world = World::new().await;
    world.vpc("10.0.0.0/24").await;
    let path = format!("/projects/{}/audit", world.project);
    let developer = Guest::with(&world, Role::Developer).await;
    let closed = developer.get(&path).await;
    assert!(closed.text.contains("does not see the audit"), "{closed:?}");
    assert!(!closed.text.contains("vpc.create"), "{closed:?}");
    let admin = Guest::with(&world, Role::Admin).await;
    let page = admin.get(&path).await;
    assert_eq!(page.status, StatusCode::OK);
    for word in ["vpc.create", "key.create", "member.create", "format=jsonl"] {
        assert!(page.text.contains(word), "{word}: {page:?}");
    }
    let found = admin
        .get(&format!("{path}?action=vpc&since=2020-01-01"))
        .await;
    assert!(
        found.text.contains("vpc.create") && !found.text.contains("key.create"),
        "{found:?}"
    );
    let none = admin.get(&format!("{path}?until=2020-01-01")).await;
    assert!(none.text.contains("Nothing like that"), "{none:?}");
    let wrong = admin.get(&format!("{path}?since=soon%3Cb%3E")).await;
    assert!(wrong.text.contains("no day and no time"), "{wrong:?}");
    assert!(!wrong.text.contains("soon<b>"), "{wrong:?}");
    let early = admin.get(&format!("{path}?since=-004800-01-01")).await;
    assert!(early.text.contains("years 0001 to 9999"), "{early:?}");
    // The link of the page, as the browser follows it.
    let href = found
        .text
        .split("id=\"export\" href=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let href = href.expect("a link").replace("&amp;", "&");
    let export = admin.get(&href).await;
    assert!(
        export.text.lines().count() >= 2
            && export.text.lines().all(|line| line.contains("vpc.create")),
        "{export:?}"
    );
}
