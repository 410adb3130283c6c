//! Quotas, requests, plans and usage: over the API and in the console.

use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};
use strait_plane::model::Role;

use crate::guest::Guest;
use crate::world::{ADMIN_KEY, Answer, World};

#[tokio::test]
async fn more_is_asked_for_with_a_reason_and_granted_with_a_word() {
    let world = World::new().await;
    for third in 0..3 {
        world.vpc(&format!("10.{third}.0.0/16")).await;
    }
    let fourth = r#"{"cidr":"10.9.0.0/16","region_code":"eu-central-1"}"#;
    let refused = world.post("/vpcs", fourth).await;
    refused.assert_refused(StatusCode::CONFLICT, "QUOTA_EXCEEDED", None);
    for part in ["3 of at most 3 VPCs", "strait quota request", "vpcs 4"] {
        assert!(
            refused.str("/message").contains(part),
            "{part}: {refused:?}"
        );
    }
    assert!(
        refused.str("/next_action").contains("quota-requests"),
        "{refused:?}"
    );
    let quotas = world.get("/quotas").await;
    let first = json!({ "quota": "vpcs", "limit": 3, "used": 3 });
    assert_eq!(quotas.body[0], first, "{quotas:?}");

    for (body, field) in [
        (json!({ "quota": "vpcs", "wanted": 4 }), "reason"),
        (
            json!({ "quota": "vpcs", "wanted": 3, "reason": "more" }),
            "wanted",
        ),
        (
            json!({ "quota": "vpcs", "wanted": -1, "reason": "more" }),
            "wanted",
        ),
        (
            json!({ "quota": "elephants", "wanted": 4, "reason": "more" }),
            "quota",
        ),
        (
            json!({ "quota": "vpcs", "wanted": 4, "reason": "" }),
            "reason",
        ),
    ] {
        let refused = world.post("/quota-requests", &body.to_string()).await;
        refused.assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", Some(field));
    }
    let asked = json!({ "quota": "vpcs", "wanted": 4, "reason": "one more customer" }).to_string();
    let made = world.post("/quota-requests", &asked).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    assert_eq!(
        (made.str("/state"), made.str("/project_name")),
        ("open", "first")
    );
    assert!(made.str("/actor").starts_with("key:"), "{made:?}");
    world.post("/quota-requests", &asked).await.assert_refused(
        StatusCode::CONFLICT,
        "CONFLICT",
        None,
    );

    let id = made.str("/id");
    let seen = admin(&world, Method::GET, "/admin/quota-requests", Value::Null).await;
    assert_eq!(
        (seen.str("/0/id"), seen.str("/0/reason")),
        (id, "one more customer")
    );
    let grant = format!("/admin/quota-requests/{id}/grant");
    let granted = admin(&world, Method::POST, &grant, json!({ "word": "gladly" })).await;
    assert_eq!(granted.status, StatusCode::OK, "{granted:?}");
    assert_eq!(
        (granted.str("/state"), granted.str("/decided_by")),
        ("granted", "admin")
    );
    assert_eq!(granted.body["granted"], 4);
    let fourth = world.post("/vpcs", fourth).await;
    assert_eq!(fourth.status, StatusCode::CREATED, "{fourth:?}");

    let again = admin(&world, Method::POST, &grant, json!({})).await;
    again.assert_refused(StatusCode::CONFLICT, "CONFLICT", None);
    let none = admin(&world, Method::GET, "/admin/quota-requests", Value::Null).await;
    assert_eq!(none.body, json!([]));
    let old = "/admin/quota-requests?state=granted";
    let old = admin(&world, Method::GET, old, Value::Null).await;
    assert_eq!(old.str("/0/id"), id);
    let wrong = "/admin/quota-requests?state=forgotten";
    admin(&world, Method::GET, wrong, Value::Null)
        .await
        .assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", Some("state"));
    let own = world.get("/quota-requests").await;
    assert_eq!(own.str("/0/word"), "gladly");
}

#[tokio::test]
async fn more_is_refused_with_a_word_or_taken_back() {
    let world = World::new().await;
    let asked = json!({ "quota": "services", "wanted": 100, "reason": "tests" }).to_string();
    let first = world.post("/quota-requests", &asked).await;
    let refuse = format!("/admin/quota-requests/{}/refuse", first.str("/id"));
    for (body, field) in [(json!({}), "word"), (json!({ "word": " " }), "word")] {
        let wordless = admin(&world, Method::POST, &refuse, body).await;
        wordless.assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", Some(field));
    }
    let refused = admin(
        &world,
        Method::POST,
        &refuse,
        json!({ "word": "twenty do" }),
    )
    .await;
    assert_eq!(
        (refused.str("/state"), refused.str("/word")),
        ("refused", "twenty do")
    );
    assert!(!refused.has("/granted"), "{refused:?}");

    let second = world.post("/quota-requests", &asked).await;
    assert_eq!(second.status, StatusCode::CREATED, "{second:?}");
    let back = format!("/quota-requests/{}/withdraw", second.str("/id"));
    // In another project it is as nothing.
    let (other, keys) = world.another_project("second").await;
    let there = format!("/projects/{other}{back}");
    let nothing = world.call_as(&keys, Method::POST, &there, "").await;
    nothing.assert_refused(StatusCode::NOT_FOUND, "NOT_FOUND", None);
    let taken = world.post(&back, "").await;
    assert_eq!(
        (taken.status, taken.str("/state")),
        (StatusCode::OK, "withdrawn")
    );
    let quotas = world.get("/quotas").await;
    assert_eq!(
        quotas.body[2],
        json!({ "quota": "services", "limit": 20, "used": 0 })
    );
}

#[tokio::test]
async fn hours_are_told_as_json_and_as_csv() {
    let world = World::new().await;
    let (vpc, service) = (world.vpc("10.80.0.0/20").await, world.service().await);
    let attach = json!({ "vpc_id": vpc }).to_string();
    let moved = world
        .post(&format!("/services/{service}/attachToVPC"), &attach)
        .await;
    assert_eq!(moved.status, StatusCode::ACCEPTED, "{moved:?}");
    world.get(&format!("/services/{service}?wait=20")).await;
    // Since the tenth of November.
    sqlx::query(
        "UPDATE strait.metered SET began = CASE resource WHEN 'vpc' THEN timestamptz '2026-11-10T00:00:00Z'
             ELSE timestamptz '2026-11-10T12:00:00Z' END, ended = timestamptz '2026-11-12T00:00:00Z'",
    )
    .execute(&world.pool)
    .await
    .expect("time passes");
    sqlx::query("UPDATE strait.plan SET trial_ends = timestamptz '2026-11-11T00:00:00Z'")
        .execute(&world.pool)
        .await
        .expect("the trial is over");

    let told = world.get("/usage?month=2026-11").await;
    assert_eq!(told.status, StatusCode::OK, "{told:?}");
    assert_eq!(
        (told.str("/from"), told.str("/until")),
        ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")
    );
    assert_eq!(
        (told.str("/plan"), told.str("/project_name")),
        ("standard", "first")
    );
    let total = |resource: &str, count: u32, hours: f64, free: f64, billed: f64| {
        json!({
            "resource": resource, "count": count, "hours": hours, "free_hours": free, "billed_hours": billed,
        })
    };
    let totals = json!([
        total("vpc", 1, 48.0, 24.0, 24.0),
        total("endpoint", 1, 36.0, 12.0, 24.0)
    ]);
    assert_eq!(told.body["totals"], totals, "{told:?}");
    let line = json!({
        "resource": "endpoint", "id": service, "name": "orders", "vpc_id": vpc,
        "from": "2026-11-10T12:00:00Z", "until": "2026-11-12T00:00:00Z",
        "hours": 36.0, "free_hours": 12.0, "billed_hours": 24.0,
    });
    assert_eq!(told.body["lines"][1], line, "{told:?}");
    let part = world
        .get("/usage?since=2026-11-11&until=2026-11-11T06:00:00Z")
        .await;
    assert_eq!(
        part.body["totals"][0],
        total("vpc", 1, 6.0, 0.0, 6.0),
        "{part:?}"
    );
    let none = world.get("/usage?month=2026-10").await;
    assert_eq!(none.body["lines"], json!([]), "{none:?}");

    let values = world.get("/usage?month=2026-11&format=csv").await;
    assert_eq!(
        values.headers[header::CONTENT_TYPE],
        "text/csv; charset=utf-8"
    );
    let lines: Vec<&str> = values.text.lines().collect();
    let project = &world.project;
    assert_eq!(
        lines,
        [
            "project_id,project_name,resource,id,name,vpc_id,from,until,hours,free_hours,billed_hours".to_owned(),
            format!("{project},first,vpc,{vpc},vpc-{vpc},{vpc},2026-11-10T00:00:00Z,2026-11-12T00:00:00Z,48.00,24.00,24.00"),
            format!("{project},first,endpoint,{service},orders,{vpc},2026-11-10T12:00:00Z,2026-11-12T00:00:00Z,36.00,12.00,24.00"),
        ]
    );

    world.another_project("second").await;
    let all = admin(
        &world,
        Method::GET,
        "/admin/usage?month=2026-11",
        Value::Null,
    )
    .await;
    assert_eq!(all.body.as_array().map(Vec::len), Some(2), "{all:?}");
    assert_eq!(all.body[0]["totals"], totals);
    assert_eq!(all.body[1]["lines"], json!([]));

    for (query, field) in [
        ("month=November", "month"),
        ("month=2026-11&since=2026-11-01", "month"),
        ("since=yesterday", "since"),
        ("until=2026-11-01", "since"),
        ("since=2026-11-02&until=2026-11-01", "since"),
        ("since=1999-01-01", "since"),
        ("since=-009999-01-02T01:59:59Z", "since"),
        ("month=2026-11&format=xls", "format"),
        ("year=2026", "query"),
    ] {
        let refused = world.get(&format!("/usage?{query}")).await;
        refused.assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", Some(field));
    }
}

#[tokio::test]
async fn a_plan_is_seen_by_members_and_changed_by_the_operator() {
    let world = World::new().await;
    assert_eq!(world.get("/plan").await.str("/plan"), "trial");
    let path = format!("/admin/projects/{}/plan", world.project);
    for (body, field) in [
        (json!({ "plan": "trial" }), "trial_ends"),
        (
            json!({ "plan": "trial", "trial_ends": "2020-01-01T00:00:00Z" }),
            "trial_ends",
        ),
        (
            json!({ "plan": "standard", "trial_ends": "2050-01-01T00:00:00Z" }),
            "trial_ends",
        ),
        (
            json!({ "plan": "trial", "trial_ends": "soon" }),
            "trial_ends",
        ),
        (json!({ "plan": "gold" }), "plan"),
    ] {
        let refused = admin(&world, Method::PUT, &path, body).await;
        refused.assert_refused(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", Some(field));
    }
    let over = admin(&world, Method::PUT, &path, json!({ "plan": "standard" })).await;
    assert_eq!(
        (over.status, over.str("/plan")),
        (StatusCode::OK, "standard")
    );
    assert_eq!(
        world.get("/plan").await.str("/trial_ends"),
        over.str("/trial_ends")
    );
}

#[tokio::test]
async fn the_console_shows_quotas_in_words_and_takes_requests() {
    let world = World::new().await;
    world.vpc("10.80.0.0/20").await;
    let path = format!("/projects/{}/quotas", world.project);
    let developer = Guest::with(&world, Role::Developer).await;
    let page = developer.get(&path).await;
    for words in [
        "1 of 3 VPCs",
        "0 of 50 peering connections on the fullest VPC",
        "0 of 20 services",
    ] {
        assert!(page.text.contains(words), "{words}: {page:?}");
    }
    let typed = [("quota", "vpcs"), ("wanted", "2"), ("reason", "<b>why</b>")];
    let wrong = developer.post(&path, &typed).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    for text in ["id=\"wanted-wrong\"", "value=\"&lt;b&gt;why&lt;/b&gt;\""] {
        assert!(wrong.text.contains(text), "{text}: {wrong:?}");
    }
    let typed = [("quota", "vpcs"), ("wanted", "5"), ("reason", "<b>why</b>")];
    let asked = developer.post(&path, &typed).await;
    assert_eq!(asked.headers[header::LOCATION], path.as_str(), "{asked:?}");
    let requests = world.plane.list_quota_requests(&world.project).await;
    let id = requests.expect("requests")[0].id.clone();
    let back = format!("{path}/{id}/withdraw");

    // Who asked and who keeps the project may take it back, others not.
    let other = Guest::with(&world, Role::Developer).await;
    let owner = Guest::with(&world, Role::Owner).await;
    for (guest, may) in [(&developer, true), (&other, false), (&owner, true)] {
        let page = guest.get(&path).await;
        assert_eq!(page.text.contains(&back), may, "{}", guest.email);
        assert!(page.text.contains("Waits for the operator") && !page.text.contains("<b>why"));
    }
    assert_eq!(other.post(&back, &[]).await.status, StatusCode::FORBIDDEN);
    let taken = developer.post(&back, &[]).await;
    assert_eq!(taken.headers[header::LOCATION], path.as_str(), "{taken:?}");
    assert!(developer.get(&path).await.text.contains("Taken back"));

    let usage = format!("/projects/{}/usage", world.project);
    let page = developer.get(&usage).await;
    for words in [
        "in its trial until",
        "VPCs: 1",
        "The month before",
        "format=csv",
    ] {
        assert!(page.text.contains(words), "{words}: {page:?}");
    }
    let values = page
        .text
        .split('"')
        .find(|part| part.contains("format=csv"));
    let values = values.expect("a link").replace("&amp;", "&");
    let values = developer.get(&values).await;
    assert_eq!(
        values.status,
        StatusCode::OK,
        "the browser's cookie opens it: {values:?}"
    );
    assert!(values.text.starts_with("project_id,"), "{values:?}");
    let long_ago = developer.get(&format!("{usage}?month=2020-02")).await;
    assert!(
        long_ago.text.contains("No VPC and no endpoint"),
        "{long_ago:?}"
    );
    assert!(long_ago.text.contains("The month after"), "{long_ago:?}");
}

async fn admin(world: &World, method: Method, path: &str, body: Value) -> Answer {
    let keys = format!("Bearer {ADMIN_KEY}");
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    world.call_as(&keys, method, path, &body).await
}
