//! What is metered, and plans. The arithmetic has its tests beside it.

use jiff::{SignedDuration, Timestamp};
use strait_plane::ErrorKind;
use strait_plane::model::{
    Hours, NewPlan, Object, Period, Plan, Resource, Settled, Usage, UsageLine, VpcStatus,
};

use crate::world::World;

#[tokio::test]
async fn a_vpc_counts_from_when_it_is_made_until_it_is_taken_away() {
    let world = World::new().await;
    assert_eq!(usage(&world).await.lines, []);
    let vpc = world.vpc("10.0.0.0/16").await;
    passes(&world, "10 days").await;
    let there = usage(&world).await;
    assert_eq!(hours(&there), ["vpc 240.0 240.0"]);
    assert_eq!(
        (there.lines[0].id.as_str(), there.lines[0].name.as_str()),
        (vpc.id.as_str(), vpc.name.as_str())
    );

    world
        .plane
        .rename_vpc(&world.project, &vpc.id, "main")
        .await
        .expect("renamed");
    world
        .plane
        .delete_vpc(&world.project, &vpc.id, false)
        .await
        .expect("asked for");
    world
        .settle(Object::Vpc(vpc.id.clone()), Settled::Gone)
        .await;
    // As if that were a day ago.
    passes(&world, "1 day").await;
    let gone = usage(&world).await;
    assert_eq!(hours(&gone), ["vpc 240.0 240.0"]);
    assert_eq!(gone.lines[0].name, "main");
    assert!(gone.lines[0].until < Timestamp::now() - SignedDuration::from_hours(23));
}

#[tokio::test]
async fn one_that_is_not_made_counts_for_nothing_and_one_that_is_kept_goes_on() {
    let world = World::new().await;
    let (vpc, service) = (world.vpc("10.0.0.0/16").await, world.service().await);
    let (project, plane) = (&world.project, &world.plane);
    plane
        .attach_service(project, &service.service_id, &vpc.id, 0)
        .await
        .expect("asked for");
    world.settle_service(&service.service_id).await;
    passes(&world, "2 hours").await;
    // It cannot leave, so that the deletion waits.
    let leaving = format!("probe_way {} public", service.service_id);
    world.script.fail(&leaving, usize::MAX, true);
    let delete = async || {
        let asked = plane.delete_vpc(project, &vpc.id, true).await;
        asked.expect("asked for")
    };
    assert_eq!(delete().await.status, VpcStatus::Deleting);
    passes(&world, "5 hours").await;
    let counted = usage(&world).await;
    assert_eq!(hours(&counted), ["vpc 7.0 7.0", "endpoint 7.0 7.0"]);
    plane
        .cancel_vpc_deletion(project, &vpc.id)
        .await
        .expect("given up");
    passes(&world, "1 hour").await;
    let counted = usage(&world).await;
    assert_eq!(hours(&counted), ["vpc 8.0 8.0", "endpoint 8.0 8.0"]);
    let kept = plane.vpc(project, &vpc.id).await.expect("it is there");
    assert_eq!(kept.status, VpcStatus::Created);

    // Taking it away is tried, and does not succeed: that is not the project's.
    world.script.stop_failing();
    let removing = format!("delete_vpc {}", vpc.id);
    world.script.fail(&removing, usize::MAX, false);
    delete().await;
    world
        .eventually("it is taken away", async || {
            world
                .script
                .log()
                .iter()
                .any(|call| call.contains(&removing))
        })
        .await;
    passes(&world, "6 hours").await;
    let counted = usage(&world).await;
    assert_eq!(hours(&counted), ["vpc 8.0 8.0", "endpoint 8.0 8.0"]);
}

#[tokio::test]
async fn one_that_is_deleted_before_it_is_made_counts_for_nothing() {
    let world = World::new().await;
    for is_refused in [true, false] {
        world.script.fail("ensure_vpc", usize::MAX, is_refused);
        let vpc = world.try_vpc("10.0.0.0/16").await.expect("asked for").id;
        let tried = format!("ensure_vpc {vpc}");
        world
            .eventually("it is tried", async || world.script.log().contains(&tried))
            .await;
        let deleted = world.plane.delete_vpc(&world.project, &vpc, false).await;
        deleted.expect("asked for");
        world.settle(Object::Vpc(vpc), Settled::Gone).await;
        world.script.stop_failing();
    }
    assert_eq!(usage(&world).await.lines, []);
    // The control.
    world.vpc("10.0.0.0/16").await;
    assert_eq!(usage(&world).await.lines.len(), 1);
}

#[tokio::test]
async fn an_endpoint_counts_while_a_service_is_reached_by_it() {
    let world = World::new().await;
    let (first, second) = (
        world.vpc("10.0.0.0/16").await,
        world.vpc("10.1.0.0/16").await,
    );
    let id = world.service().await.service_id;
    let (project, plane) = (&world.project, &world.plane);
    passes(&world, "100 hours").await;
    let attach = async |vpc: &str| {
        let asked = plane.attach_service(project, &id, vpc, 0).await;
        asked.expect("asked for");
        world.settle_service(&id).await;
    };
    // Public ways cost nothing.
    assert_eq!(
        usage(&world).await.of_resource(Resource::Endpoint).count(),
        0
    );
    attach(&first.id).await;
    passes(&world, "30 minutes").await;
    attach(&second.id).await;
    passes(&world, "90 minutes").await;
    plane
        .detach_service(project, &id, None, 0)
        .await
        .expect("asked for");
    world.settle_service(&id).await;
    passes(&world, "3 hours").await;
    attach(&first.id).await;
    passes(&world, "15 minutes").await;
    plane.stop_service(project, &id).await.expect("asked for");
    world.settle_service(&id).await;
    passes(&world, "1 hour").await;

    plane
        .rename_service(project, &id, "orders")
        .await
        .expect("renamed");
    plane.delete_service(project, &id).await.expect("asked for");
    world
        .settle(Object::Service(id.clone()), Settled::Gone)
        .await;
    passes(&world, "7 hours").await;
    let counted = usage(&world).await;
    let endpoints: Vec<&UsageLine> = counted.of_resource(Resource::Endpoint).collect();
    let shown: Vec<(&str, &str, String)> = endpoints
        .iter()
        .map(|line| (line.vpc_id.as_str(), line.name.as_str(), tenths(line.hours)))
        .collect();
    assert_eq!(
        shown,
        [
            (first.id.as_str(), "orders", "1.7".to_owned()),
            (second.id.as_str(), "orders", "1.5".to_owned())
        ]
    );
    assert!(endpoints.iter().all(|line| line.id == id));
    let open: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM strait.metered WHERE resource = 'endpoint' AND ended IS NULL",
    )
    .fetch_one(&world.pool)
    .await
    .expect("a count");
    assert_eq!(open, 0);
}

#[tokio::test]
async fn what_is_metered_is_written_with_the_change_and_survives_the_server() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/16").await;
    passes(&world, "4 hours").await;
    // A server that is killed before it commits has changed nothing of both.
    let mut tx = world.pool.begin().await.expect("a transaction");
    sqlx::query("DELETE FROM strait.vpc WHERE id = $1")
        .bind(&vpc.id)
        .execute(&mut *tx)
        .await
        .expect("deleted");
    tx.rollback().await.expect("undone");
    let world = world.restart().await;
    passes(&world, "4 hours").await;
    assert_eq!(hours(&usage(&world).await), ["vpc 8.0 8.0"]);

    // A clock that was set back ends it where it began, and not before.
    sqlx::query("UPDATE strait.metered SET began = clock_timestamp() + interval '1 hour'")
        .execute(&world.pool)
        .await
        .expect("the clock was ahead");
    world
        .plane
        .delete_vpc(&world.project, &vpc.id, false)
        .await
        .expect("asked for");
    world
        .settle(Object::Vpc(vpc.id.clone()), Settled::Gone)
        .await;
    let length: bool = sqlx::query_scalar("SELECT ended = began FROM strait.metered")
        .fetch_one(&world.pool)
        .await
        .expect("one row");
    assert!(length);
    passes(&world, "2 hours").await;
    assert_eq!(usage(&world).await.lines, []);
}

#[tokio::test]
async fn a_trial_is_free_and_ends_when_it_ends_or_the_operator_says_so() {
    let world = World::new().await;
    let (project, plane) = (&world.project, &world.plane);
    world.vpc("10.0.0.0/16").await;
    passes(&world, "10 days").await;
    let now = Timestamp::now();
    let day = SignedDuration::from_hours(24);
    let begun = plane.plan(project).await.expect("a plan");
    assert_eq!(begun.at(now), Plan::Trial);
    let length = begun.trial_ends.duration_since(now);
    assert!(length > day * 29 && length <= day * 30, "{length}");

    for ends in [now - day, now, now + day * 4000] {
        let refused = plane
            .set_plan(project, NewPlan::Trial { ends }, now)
            .await
            .expect_err("no time to come");
        assert_eq!(refused.field(), Some("trial_ends"), "{ends}: {refused}");
    }
    let longer = NewPlan::Trial {
        ends: now + day * 60,
    };
    let longer = plane.set_plan(project, longer, now).await.expect("longer");
    assert_eq!(longer.at(now + day * 59), Plan::Trial);
    let over = plane
        .set_plan(project, NewPlan::Standard, now)
        .await
        .expect("over");
    assert_eq!(over.at(now), Plan::Standard);
    let later = plane
        .set_plan(project, NewPlan::Standard, now + day)
        .await
        .expect("is over");
    assert_eq!(later.trial_ends, over.trial_ends);
    let period = Period::new(now - day * 30, now + day * 30).expect("a period");
    let counted = plane
        .usage(project, period, now + day)
        .await
        .expect("usage");
    assert_eq!(hours(&counted), ["vpc 264.0 240.0"]);
    assert_eq!(counted.lines[0].billed().to_string(), "24.00");
}

#[tokio::test]
async fn hours_are_free_or_billed_by_when_they_were() {
    let world = World::new().await;
    let (project, plane) = (&world.project, &world.plane);
    world.vpc("10.0.0.0/16").await;
    let (now, day) = (Timestamp::now(), SignedDuration::from_hours(24));
    let trial = |days: i32| NewPlan::Trial {
        ends: now + day * days,
    };
    for (new, at) in [
        (NewPlan::Standard, 0),
        (trial(5), 2),
        (trial(4), 3),
        (trial(8), 3),
        (NewPlan::Standard, 4),
        (NewPlan::Standard, 6),
        (trial(12), 10),
        (trial(15), 14),
    ] {
        let set = plane.set_plan(project, new, now + day * at).await;
        let set = set.expect("set");
        assert_eq!(set.at(now + day * at), plan_of(new), "{new:?} {at}");
    }
    let count = async |from: i32, until: i32| {
        let period = Period::new(now + day * from, now + day * until).expect("a period");
        let counted = plane.usage(project, period, now + day * 20).await;
        hours(&counted.expect("usage"))
    };
    // The third to the fourth day, the eleventh and the twelfth, the fifteenth.
    assert_eq!(count(0, 20).await, ["vpc 480.0 120.0"]);
    assert_eq!(count(0, 2).await, ["vpc 48.0 0.0"]);
    assert_eq!(count(3, 5).await, ["vpc 48.0 24.0"]);
    assert_eq!(count(5, 10).await, ["vpc 120.0 0.0"]);
    assert_eq!(count(11, 20).await, ["vpc 216.0 48.0"]);
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM strait.former_trial")
        .fetch_one(&world.pool)
        .await
        .expect("a count");
    assert_eq!(kept, 3, "the first, and two");
}

#[tokio::test]
async fn what_a_project_used_is_told_when_it_is_gone() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/16").await;
    world.plane.create_project("idle").await.expect("a project");
    passes(&world, "6 hours").await;
    let plane = &world.plane;
    plane
        .delete_vpc(&world.project, &vpc.id, false)
        .await
        .expect("asked for");
    world
        .settle(Object::Vpc(vpc.id.clone()), Settled::Gone)
        .await;
    plane
        .rename_project(&world.project, "shop")
        .await
        .expect("renamed");
    plane.delete_project(&world.project).await.expect("deleted");
    let gone = plane
        .usage(&world.project, period(), Timestamp::now())
        .await;
    assert_eq!(gone.expect_err("gone").kind(), ErrorKind::NotFound);

    let all = plane
        .usage_of_all(period(), Timestamp::now())
        .await
        .expect("usage");
    let shown: Vec<(&str, bool, Vec<String>)> = all
        .iter()
        .map(|usage| {
            (
                usage.plan.project_name.as_str(),
                usage.plan.is_gone,
                hours(usage),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("shop", true, vec!["vpc 6.0 6.0".to_owned()]),
            ("idle", false, Vec::new())
        ]
    );
    let before = Period::month("2026-01").expect("a month");
    let none = plane
        .usage_of_all(before, Timestamp::now())
        .await
        .expect("usage");
    assert_eq!(none.len(), 1, "only the one that is there");
}

#[tokio::test]
async fn a_store_from_before_is_metered_from_its_update_on() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/16").await;
    let service = world.service().await.service_id;
    let attached = world
        .plane
        .attach_service(&world.project, &service, &vpc.id, 0)
        .await;
    attached.expect("asked for");
    world.settle_service(&service).await;
    sqlx::raw_sql(
        "DROP TABLE strait.quota_request, strait.former_trial, strait.plan, strait.metered;
         DROP FUNCTION strait.note_quota_request, strait.note_quota, strait.note_plan, strait.keep_plan, strait.keep_trial,
             strait.meter, strait.meter_vpc, strait.meter_way, strait.meter_name CASCADE;
         DELETE FROM strait._sqlx_migrations WHERE version IN (11, 14);
         UPDATE strait.project SET created = created - interval '1 year';
         UPDATE strait.vpc SET created = created - interval '1 year'",
    )
    .execute(&world.pool)
    .await
    .expect("as it was");

    let world = world.restart().await;
    passes(&world, "1 hour").await;
    assert_eq!(
        hours(&usage(&world).await),
        ["vpc 1.0 1.0", "endpoint 1.0 1.0"]
    );
    let plan = world.plane.plan(&world.project).await.expect("a plan");
    assert_eq!(plan.at(Timestamp::now()), Plan::Trial);
    let detached = world
        .plane
        .detach_service(&world.project, &service, None, 0)
        .await;
    detached.expect("asked for");
    world.settle_service(&service).await;
    passes(&world, "1 hour").await;
    assert_eq!(
        hours(&usage(&world).await),
        ["vpc 2.0 2.0", "endpoint 1.0 1.0"]
    );
}

fn plan_of(new: NewPlan) -> Plan {
    match new {
        NewPlan::Trial { .. } => Plan::Trial,
        NewPlan::Standard => Plan::Standard,
    }
}

/// Kind, hours and free hours of each line.
fn hours(usage: &Usage) -> Vec<String> {
    let lines = usage.lines.iter();
    lines
        .map(|line| {
            format!(
                "{} {} {}",
                line.resource,
                tenths(line.hours),
                tenths(line.free)
            )
        })
        .collect()
}

/// Without the hundredths: the test takes some time itself.
fn tenths(hours: Hours) -> String {
    let mut shown = hours.to_string();
    shown.pop();
    shown
}

async fn usage(world: &World) -> Usage {
    let counted = world
        .plane
        .usage(&world.project, period(), Timestamp::now())
        .await;
    counted.expect("usage")
}

/// All of a while.
fn period() -> Period {
    let now = Timestamp::now();
    let long = SignedDuration::from_hours(24 * 50);
    Period::new(now - long, now + long).expect("a period")
}

/// What was metered so far is so much longer ago.
async fn passes(world: &World, time: &str) {
    sqlx::query(
        "UPDATE strait.metered SET began = began - $1::text::interval, ended = ended - $1::text::interval",
    )
    .bind(time)
    .execute(&world.pool)
    .await
    .expect("time passes");
}
