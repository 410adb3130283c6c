//! Leases: of several servers one acts; one that lost its lease writes nothing, and no jump of a clock makes two.

use std::time::{Duration, Instant};

use sqlx::PgPool;
use strait_plane::cloud::WayKind;
use strait_plane::model::{Network, Object, OperationState, Settled};

use crate::world::World;

/// How long work may lie still when its server has lost it: 7 s, on a machine that is not slow. The next round is a minute away.
pub(crate) const TAKE_OVER: Duration = Duration::from_secs(20);

#[tokio::test]
async fn of_two_servers_one_acts_on_a_wish_and_the_other_goes_on_alone() {
    let world = World::new().await;
    let second = World::new_on(&world).await;
    world.script.forget();

    // Both are told of it; one acts.
    let id = second.service().await.service_id;
    let runs = |world: &World| {
        world
            .script
            .log()
            .iter()
            .filter(|call| call.starts_with("ensure_running"))
            .count()
    };
    assert_eq!(runs(&world), 1, "{:#?}", world.script.log());

    world.plane.shutdown().await;
    second
        .plane
        .stop_service(&second.project, &id)
        .await
        .expect("stopped");
    second.settle_service(&id).await;
    assert_eq!(second.postgres.runs(&id), Some(false));
}

#[tokio::test]
async fn a_lease_that_a_wrong_clock_gave_for_an_hour_passes_on_at_once() {
    let world = World::new().await;
    let id = world.service().await.service_id;
    let give = "INSERT INTO strait.lease (key, holder, until) VALUES ('service:' || $1, 'another', clock_timestamp() + $2)
         ON CONFLICT (key) DO UPDATE SET holder = 'another', until = excluded.until";
    for (seconds, longest) in [(3600, 30), (2, 30)] {
        let until = sqlx::postgres::types::PgInterval {
            months: 0,
            days: 0,
            microseconds: seconds * 1_000_000,
        };
        let given = sqlx::query(give).bind(&id).bind(until);
        given.execute(&world.pool).await.expect("given");
        let start = std::time::Instant::now();
        world
            .plane
            .stop_service(&world.project, &id)
            .await
            .expect("asked for");
        world.settle_service(&id).await;
        world
            .plane
            .start_service(&world.project, &id)
            .await
            .expect("asked for");
        world.settle_service(&id).await;
        let spent = start.elapsed().as_secs();
        assert!(spent < longest, "{spent} s");
        // One that lasts as long as leases do is waited for.
        assert!(seconds > 3 || spent >= 1, "{spent} s");
    }
}

#[tokio::test]
async fn nothing_is_written_by_a_server_whose_lease_passed_on() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await.service_id;
    world.script.hold(&format!("probe_way {id} vpc:"));
    let asked = world
        .plane
        .attach_service(&world.project, &id, &vpc.id, 0)
        .await;
    let operation = asked.expect("asked for").operation_id;
    world
        .eventually("the new way is tried", async || world.script.holds())
        .await;

    // Its own clock tells it that it has the lease: it was not renewed since.
    let lease = format!("service:{id}");
    give_away(&world.pool, &lease, 4).await;
    let before = written(&world.pool).await;
    world.script.release();
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        give_away(&world.pool, &lease, 4).await;
    }

    assert_eq!(written(&world.pool).await, before);
    assert_eq!(world.get(&id).await.network.now, Some(Network::Public));
    // The control: when the other one ends, it takes the lease and goes on.
    let operation = world.ended(operation).await;
    assert_eq!(operation.state, OperationState::Succeeded);
    assert_ne!(written(&world.pool).await, before);
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_clock_that_goes_forward_makes_nothing_be_done_twice() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await.service_id;
    let other = World::new_on(&world).await;
    let made = world.cloud.made();
    world.script.hold(&format!("probe_way {id} vpc:"));
    let asked = world
        .plane
        .attach_service(&world.project, &id, &vpc.id, 0)
        .await;
    let operation = asked.expect("asked for").operation_id;
    world
        .eventually("the new way is tried", async || world.script.holds())
        .await;
    world.script.forget();

    // To the store an hour has passed: all leases are over, and what has begun is long ago.
    jump(&world.pool, 3600).await;
    let start = Instant::now();
    world.script.release();
    let operation = world.ended(operation).await;

    assert_eq!(operation.state, OperationState::Succeeded, "{operation:#?}");
    world.settle_service(&id).await;
    assert!(start.elapsed() < TAKE_OVER, "{:?}", start.elapsed());
    assert_eq!(world.cloud.made(), made + 1);
    assert_eq!(
        world.cloud.ways(&id),
        [(WayKind::Private { vpc: vpc.id }, false)]
    );
    world.script.assert_nothing_wrong();
    other.plane.shutdown().await;
}

#[tokio::test]
async fn a_clock_that_goes_back_keeps_no_work_from_the_living() {
    for back in [-3600, -8, -3] {
        let world = World::new().await;
        let id = world.service().await.service_id;
        world.script.halt_at(0, false);
        let stopped = world.plane.stop_service(&world.project, &id).await;
        stopped.expect("asked for");
        assert!(world.script.halts_within(TAKE_OVER).await);
        let other = World::new_on(&world).await;
        world.script.never_halt();
        // Killed in the middle of it, without a word to the other one.
        drop(world.plane);
        jump(&other.pool, back).await;
        let start = Instant::now();

        other
            .settle(Object::Service(id.clone()), Settled::Yes)
            .await;

        let spent = start.elapsed();
        assert!(spent < TAKE_OVER, "{back} s: {spent:?}");
        assert_eq!(other.postgres.runs(&id), Some(false));
    }
}

/// Another server takes a lease for so many seconds.
async fn give_away(pool: &PgPool, lease: &str, seconds: i32) {
    let given = sqlx::query(
        "UPDATE strait.lease SET holder = 'another', until = clock_timestamp() + make_interval(secs => $2)
         WHERE key = $1",
    )
    .bind(lease)
    .bind(f64::from(seconds))
    .execute(pool)
    .await
    .expect("given");
    assert_eq!(given.rows_affected(), 1);
}

/// What a jump of the store's clock by so many seconds looks like: all times in it are that much further back.
async fn jump(pool: &PgPool, seconds: i32) {
    for change in [
        "UPDATE strait.lease SET until = until - make_interval(secs => $1) WHERE until > '-infinity'",
        "UPDATE strait.operation SET created = created - make_interval(secs => $1),
             started = started - make_interval(secs => $1), ended = ended - make_interval(secs => $1)",
        "UPDATE strait.way SET drained_at = drained_at - make_interval(secs => $1)",
    ] {
        let changed = sqlx::query(change).bind(f64::from(seconds));
        changed.execute(pool).await.expect("changed");
    }
}

/// All that reconcilers write but the leases themselves.
pub(crate) async fn written(pool: &PgPool) -> String {
    sqlx::query_scalar(
        "SELECT concat((SELECT json_agg(s) FROM (SELECT * FROM strait.service ORDER BY id) s),
             (SELECT json_agg(s) FROM (SELECT * FROM strait.way ORDER BY service_id, network) s),
             (SELECT json_agg(s) FROM (SELECT * FROM strait.operation ORDER BY number) s),
             (SELECT json_agg(s) FROM (SELECT * FROM strait.vpc ORDER BY id) s),
             (SELECT json_agg(s) FROM (SELECT id, kind, data FROM strait.event ORDER BY id) s))",
    )
    .fetch_one(pool)
    .await
    .expect("rows")
}
