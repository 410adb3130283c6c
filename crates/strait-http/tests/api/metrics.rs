//! Metrics, readiness, and what requests are called.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::json;
use strait_http::{Options, Readers};
use strait_plane::model::Role;

use crate::world::{ADMIN_KEY, BASE, REGION, World};

#[tokio::test]
async fn metrics_count_requests_by_their_route_and_are_the_operators() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let admin = format!("Bearer {ADMIN_KEY}");
    let key = world.key(Role::Owner).await;
    world
        .asked_here(
            &key.1,
            Method::GET,
            &format!("{BASE}/projects/{}/vpcs/nonesuch", world.project),
            "",
        )
        .await;
    for (keys, status) in [("", 401), (key.1.as_str(), 403), (admin.as_str(), 200)] {
        let answer = world.asked_here(keys, Method::GET, "/metrics", "").await;
        assert_eq!(answer.status.as_u16(), status, "{answer:?}");
    }
    let told = world.asked_here(&admin, Method::GET, "/metrics", "").await;
    let has = |line: &str| {
        assert!(
            told.text.lines().any(|told| told.starts_with(line)),
            "{line}: {}",
            told.text
        );
    };
    let route = format!("{BASE}/projects/{{project_id}}/vpcs/{{vpc_id}}");
    has(&format!(
        "strait_http_requests_total{{method=\"GET\",route=\"{route}\",status=\"4xx\"}} 1"
    ));
    has(&format!(
        "strait_http_requests_total{{method=\"GET\",route=\"{route}\",status=\"2xx\"}} "
    ));
    has(&format!(
        "strait_http_request_duration_seconds_count{{method=\"GET\",route=\"{route}\"}} 1"
    ));
    has("strait_http_requests_total{method=\"GET\",route=\"/metrics\",status=\"2xx\"} 1");
    has("strait_operations{state=\"succeeded\"} 1");
    has("strait_operations{state=\"failed\"} 0");
    has("strait_vpcs{state=\"CREATED\"} 1");
    has("strait_store_up 1");
    has("strait_reconcile_lag_seconds ");
    has("strait_endpoint_traffic_known 0");
    has("strait_event_subscribers 0");
    assert_eq!(told.text.lines().last(), Some("# EOF"));
    assert!(
        !told.text.contains(&vpc) && !told.text.contains(&key.0),
        "ids are in labels: {}",
        told.text
    );

    let open = strait_http::router(
        world.plane.clone(),
        Options {
            metrics: Readers::Anybody,
            ..Options::default()
        },
    );
    let request = Request::get("/metrics")
        .header(header::HOST, "localhost")
        .body(Body::empty())
        .expect("a request");
    let answer = tower::ServiceExt::oneshot(open, request)
        .await
        .expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
}

/// Each number is another one, so that none stands in another's place.
#[tokio::test]
async fn each_number_of_the_store_is_told_as_what_it_is() {
    let world = World::new().await;
    let sql = async |sql: &str| {
        let done = sqlx::raw_sql(sql).execute(&world.pool).await;
        done.expect("done");
    };
    sql("CREATE TABLE seen (holder text);
        CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN INSERT INTO seen SELECT NEW.holder; RETURN NULL; END';
        CREATE TRIGGER see AFTER INSERT ON strait.lease FOR EACH ROW EXECUTE FUNCTION see();")
    .await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let holder = sqlx::query_scalar("SELECT holder FROM seen LIMIT 1");
    let holder: String = holder.fetch_one(&world.pool).await.expect("a holder");
    // From now on nobody works on anything.
    world.plane.shutdown().await;
    let project = &world.project;
    sql(&format!(
        "DELETE FROM strait.lease;
        INSERT INTO strait.vpc (id, project_id, name, cidr, region_code)
            SELECT n, '{project}', n, format('10.1.%s.0/24', n)::cidr, '{REGION}' FROM generate_series(1, 3) n;
        INSERT INTO strait.peering (id, vpc_id, peer_account_id, peer_vpc_id, peer_region_code, state)
            SELECT n, '{vpc}', '123456789012', n, '{REGION}', CASE WHEN n < 3 THEN 'pending-acceptance' WHEN n < 9 THEN 'active'
                ELSE 'deleting' END FROM generate_series(1, 9) n;
        INSERT INTO strait.service (id, project_id, name, region_code, password_verifier, status, reconciled)
            SELECT n, '{project}', n, '{REGION}', 'x', 'READY', 1 FROM generate_series(1, 5) n;
        INSERT INTO strait.person (id, email, name) VALUES ('usr-x', 'x@example.com', 'x');
        INSERT INTO strait.session (id, token_hash, person_id, expires)
            SELECT n, n, 'usr-x', now() + CASE WHEN n < 8 THEN interval '1 day' ELSE interval '-1 day' END FROM generate_series(1, 9) n;
        INSERT INTO strait.api_key (public_key, project_id, secret_hash, revoked, expires)
            SELECT n, '{project}', 'x', CASE WHEN n = 8 THEN now() END, CASE WHEN n = 9 THEN now() END FROM generate_series(1, 9) n;
        INSERT INTO strait.lease (key, holder, until)
            SELECT n, CASE WHEN n <= 9 THEN '{holder}' WHEN n <= 12 THEN 'one' ELSE 'two' END,
                now() + CASE WHEN n <= 19 THEN interval '1 day' ELSE interval '-1 day' END FROM generate_series(1, 30) n;
        INSERT INTO strait.operation (id, project_id, action, object_kind, object_id, object_name, actor, state, created)
            VALUES ('op-x', '{project}', 'peering.create', 'peering', 'x', 'x', 'strait', 'running', now() - interval '1000 seconds');
        INSERT INTO strait.audit (actor, action, outcome) SELECT 'x', 'x', 'done' FROM generate_series(1, 100);
        ANALYZE strait.audit;"
    ))
    .await;
    let entries = sqlx::query_scalar("SELECT count(*) FROM strait.audit");
    let entries: i64 = entries.fetch_one(&world.pool).await.expect("a number");
    assert!(entries >= 100, "{entries}");
    let admin = format!("Bearer {ADMIN_KEY}");
    let told = world.asked_here(&admin, Method::GET, "/metrics", "").await;
    let number = |name: &str| {
        let mut lines = told.text.lines();
        let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let number = line.and_then(|number| number.parse::<f64>().ok());
        number.unwrap_or_else(|| panic!("{name}: {}", told.text))
    };
    for (name, expected) in [
        ("strait_vpcs{state=\"CREATED\"}", 1),
        ("strait_peerings{state=\"pending-acceptance\"}", 2),
        ("strait_vpcs{state=\"CREATING\"}", 3),
        // Those, and the one whose peering connection is to go.
        ("strait_reconcile_due", 4),
        ("strait_services{state=\"READY\"}", 5),
        ("strait_peerings{state=\"active\"}", 6),
        ("strait_sessions", 7),
        // The world has one.
        ("strait_api_keys", 8),
        ("strait_leases{holder=\"this\"}", 9),
        ("strait_leases{holder=\"others\"}", 10),
        ("strait_audit_entries", entries),
    ] {
        assert_eq!(number(name), expected as f64, "{name}");
    }
    let lag = number("strait_reconcile_lag_seconds");
    assert!((1000.0..1100.0).contains(&lag), "{lag}");
}

#[tokio::test]
async fn a_store_that_fails_is_told_of_in_the_log_and_not_to_anybody() {
    let world = World::new().await;
    let ready = async || world.asked_here("", Method::GET, "/readyz", "").await;
    assert_eq!(ready().await.status, StatusCode::OK);
    let renamed = async |from: &str, to: &str| {
        let sql = format!("ALTER TABLE strait.{from} RENAME TO {to}");
        let done = sqlx::raw_sql(&sql).execute(&world.pool).await;
        done.expect("renamed");
    };
    renamed("_sqlx_migrations", "elsewhere").await;
    let failed = ready().await;
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE, "{failed:?}");
    assert_ne!(failed.body["parts"]["tables"], "ok", "{failed:?}");
    for word in ["relation", "sqlx", "does not exist"] {
        assert!(!failed.text.contains(word), "{failed:?}");
    }
    renamed("elsewhere", "_sqlx_migrations").await;
    assert_eq!(ready().await.status, StatusCode::OK);
}

#[tokio::test]
async fn who_reads_events_is_counted_as_long() {
    let world = World::new().await;
    let request = Request::get(format!("{BASE}/projects/{}/events", world.project))
        .header(header::HOST, "localhost")
        .header(header::ACCEPT, "text/event-stream")
        .header(header::AUTHORIZATION, format!("Bearer {ADMIN_KEY}"));
    let stream = world
        .open(request.body(Body::empty()).expect("a request"))
        .await;
    let count = async || {
        let told = world
            .asked_here(&format!("Bearer {ADMIN_KEY}"), Method::GET, "/metrics", "")
            .await;
        let line = told
            .text
            .lines()
            .find_map(|line| line.strip_prefix("strait_event_subscribers "));
        line.map(str::to_owned)
    };
    assert_eq!(count().await.as_deref(), Some("1"));
    drop(stream);
    assert_eq!(count().await.as_deref(), Some("0"));
}

#[tokio::test]
async fn a_server_lives_and_says_when_it_is_not_ready() {
    let world = World::new().await;
    let ask = async |path: &str| world.asked_here("", Method::GET, path, "").await;
    assert_eq!(ask("/healthz").await.body, json!({ "status": "ok" }));
    let ready = ask("/readyz").await;
    assert_eq!(ready.status, StatusCode::OK, "{ready:?}");
    assert_eq!(
        ready.body,
        json!({ "ready": true, "parts": { "store": "ok", "tables": "ok", "reconcilers": "ok" } })
    );
    world.plane.shutdown().await;
    let ended = ask("/readyz").await;
    assert_eq!(ended.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        (&ended.body["ready"], &ended.body["parts"]["store"]),
        (&json!(false), &json!("ok"))
    );
    assert_ne!(ended.body["parts"]["reconcilers"], "ok", "{ended:?}");
    assert_eq!(ask("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_request_keeps_the_name_that_its_client_gave_it() {
    let world = World::new().await;
    let ask = async |id: Option<&str>| {
        let mut request = Request::get("/healthz").header(header::HOST, "localhost");
        if let Some(id) = id {
            request = request.header("x-request-id", id);
        }
        let answer = world
            .send(request.body(Body::empty()).expect("a request"))
            .await;
        answer.headers["x-request-id"]
            .to_str()
            .expect("text")
            .to_owned()
    };
    assert_eq!(ask(Some("deploy-7")).await, "deploy-7");
    assert_eq!(ask(Some("\"quoted\"")).await.len(), 32);
    assert_ne!(ask(None).await, ask(None).await);
}
