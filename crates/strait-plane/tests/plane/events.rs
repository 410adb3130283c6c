//! Events: in order, none missed, and none held up by others.

use std::time::Duration;

use strait_plane::model::{Cursor, Event, Object, PeeringState, Settled};

use crate::world::World;

#[tokio::test]
async fn what_happens_to_a_peering_is_told_in_order() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let from = world
        .plane
        .events_end(&world.project)
        .await
        .expect("a place");
    let peering = world.peering(&vpc.id, "vpc-0123456789abcdef0").await;
    world.cloud.accept(&peering.id, &["172.16.0.0/16"]);
    world
        .settle(Object::Peering(peering.id.clone()), Settled::Yes)
        .await;
    world
        .eventually("it is active", async || {
            world.peering_state(&vpc.id, &peering.id).await == PeeringState::Active
        })
        .await;
    world
        .cloud
        .accept(&peering.id, &["172.16.0.0/16", "172.17.0.0/16"]);

    let mut told = Vec::new();
    let mut since = from;
    world
        .eventually("all of it is told", async || {
            let wait = Duration::from_millis(200);
            let events = world
                .plane
                .events(&world.project, since, wait)
                .await
                .expect("events");
            since = events.last().map_or(since, |event| event.cursor);
            told.extend(events);
            told.iter().any(|event| {
                event.kind == "peering.admitted"
                    && event.data["to"].as_array().is_some_and(|to| to.len() == 2)
            })
        })
        .await;

    let states: Vec<&str> = (told.iter())
        .filter(|event| event.kind == "peering.state" && event.object_id == peering.id)
        .filter_map(|event| event.data["to"].as_str())
        .collect();
    assert_eq!(
        states,
        ["initiating-request", "pending-acceptance", "active"]
    );
    let ranges = (told.iter()).filter(|event| event.kind == "peering.ranges");
    assert_eq!(ranges.count(), 2);
    assert!(told.is_sorted_by_key(|event| event.cursor));
    let again = world
        .plane
        .events(&world.project, from, Duration::ZERO)
        .await
        .expect("events");
    assert_eq!(again[..told.len()], told, "they are there to be read again");
    let none = world.plane.events(
        &world.project,
        again.last().expect("one").cursor,
        Duration::ZERO,
    );
    assert_eq!(none.await.expect("events"), []);
    assert!("nowhere".parse::<Cursor>().is_err());
}

#[tokio::test]
async fn events_wait_for_nobody_and_none_is_missed() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let (plane, project) = (&world.plane, &world.project);
    let from = plane.events_end(project).await.expect("a place");
    // Somebody's long batch in the same PostgreSQL, and a change of the VPC that is committed late.
    let mut batch = world.pool.begin().await.expect("begun");
    let number = sqlx::query("SELECT pg_current_xact_id()");
    number.execute(&mut *batch).await.expect("it writes");
    let mut late = world.pool.begin().await.expect("begun");
    let change = sqlx::query("UPDATE strait.vpc SET status = 'FAILED' WHERE id = $1");
    let changed = change.bind(&vpc.id).execute(&mut *late).await;
    changed.expect("changed");

    let renamed = plane.rename_project(project, "another").await;
    renamed.expect("renamed");
    let soon = Duration::from_secs(5);
    let first = plane.events(project, from, soon).await.expect("events");
    let kinds = |events: &[Event]| -> Vec<String> {
        events.iter().map(|event| event.kind.clone()).collect()
    };
    assert_eq!(kinds(&first), ["project.renamed"]);
    assert_eq!(first[0].data["to"], "another");

    late.commit().await.expect("committed");
    let next = plane.events(project, first[0].cursor, soon).await;
    let next = next.expect("events");
    assert_eq!(kinds(&next), ["vpc.status"]);
    assert!(next[0].cursor > first[0].cursor);
    batch.rollback().await.expect("rolled back");
}

#[tokio::test]
async fn the_newest_ten_thousand_of_each_project_are_kept() {
    let world = World::new().await;
    let other = world.plane.create_project("other").await;
    let other = other.expect("a project").id;
    // Without triggers: an operation has no events of its own here. The first one of all has not ended, and is about what no
    // reconciler works on.
    let sql = format!(
        "BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM strait.event;
         INSERT INTO strait.event (project_id, kind, object_kind, object_id, data)
             SELECT '{project}', 'service.status', 'service', n, '{{}}' FROM generate_series(1, 10030) n;
         INSERT INTO strait.event (project_id, kind, object_kind, object_id, data)
             SELECT '{other}', 'service.status', 'service', n, '{{}}' FROM generate_series(1, 30) n;
         INSERT INTO strait.operation (id, project_id, action, object_kind, object_id, object_name, actor, state, ended)
             SELECT 'op-' || n, '{project}', 'vpc.rename', CASE n WHEN 1 THEN 'project' ELSE 'vpc' END, n, n, 'test',
                 CASE n WHEN 1 THEN 'running' ELSE 'succeeded' END, CASE n WHEN 1 THEN NULL ELSE clock_timestamp() END
             FROM generate_series(1, 10030) n;
         COMMIT",
        project = world.project,
    );
    sqlx::raw_sql(&sql)
        .execute(&world.pool)
        .await
        .expect("rows");
    let world = world.restart().await;
    let count = async |sql: &str, project: &str| -> i64 {
        sqlx::query_scalar(sql)
            .bind(project)
            .fetch_one(&world.pool)
            .await
            .expect("a count")
    };
    let events = "SELECT count(*) FROM strait.event WHERE project_id = $1";
    world
        .eventually("events are forgotten", async || {
            count(events, &world.project).await == 10_000
        })
        .await;
    assert_eq!(count(events, &other).await, 30);
    let oldest = "SELECT min(object_id::bigint) FROM strait.event WHERE project_id = $1";
    assert_eq!(count(oldest, &world.project).await, 31);
    let operations = "SELECT count(*) FROM strait.operation WHERE project_id = $1";
    assert_eq!(count(operations, &world.project).await, 10_001);
}
