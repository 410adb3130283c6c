//! Operations: their order, what they tell, and that a request counts once.

use strait_plane::cloud::WayKind;
use strait_plane::model::{
    Action, Caller, Network, NewService, Object, Once, Operation, OperationFilter, OperationState,
    PageSize, PeeringState, Role, Settled, Step, Wanted,
};
use strait_plane::{ErrorKind, Plane};

use crate::common::cloud::PUBLIC_SOURCE;
use crate::world::{REGION, World};

#[tokio::test]
async fn an_operation_tells_who_asked_what_changes_and_how_far_it_is() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await.service_id;
    let plane = by(&world.plane, "key:sk1", None);

    let asked = plane.attach_service(&world.project, &id, &vpc.id, 0).await;
    let operation = world.ended(asked.expect("asked for").operation_id).await;

    assert_eq!(operation.state, OperationState::Succeeded);
    assert_eq!(operation.action, Action::ServiceAttach);
    assert_eq!(operation.actor, "key:sk1");
    assert_eq!(operation.object_id, id);
    assert_eq!(operation.progress, 100);
    assert_eq!(operation.before["network"], "public");
    assert_eq!(operation.after["network"], format!("vpc:{}", vpc.id));
    let done: Vec<Step> = (operation.steps.iter())
        .filter(|step| step.started.is_some() && step.ended.is_some())
        .map(|step| step.step)
        .collect();
    assert_eq!(done, [Step::Open, Step::Probe, Step::Names, Step::Close]);
    let times: Vec<_> = operation
        .steps
        .iter()
        .filter_map(|step| step.started)
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    assert!(operation.started >= Some(operation.created));
    assert!(operation.ended >= operation.started);
}

#[tokio::test]
async fn changes_of_one_service_are_made_in_the_order_in_which_they_were_asked_for() {
    let world = World::new().await;
    let (first, second) = (
        world.vpc("10.0.0.0/24").await,
        world.vpc("10.0.1.0/24").await,
    );
    let id = world.service().await.service_id;
    world.cloud.slow_ways(3);
    world.script.forget();
    let (plane, project) = (&world.plane, &world.project);

    let mut asked = Vec::new();
    asked.push(plane.attach_service(project, &id, &first.id, 0).await);
    asked.push(plane.attach_service(project, &id, &second.id, 0).await);
    asked.push(plane.detach_service(project, &id, None, 0).await);
    asked.push(plane.stop_service(project, &id).await);
    let shown = world.get(&id).await;
    assert_eq!(shown.wanted, Wanted::Paused, "what is wanted in the end");
    assert_eq!(shown.network.wanted, Network::Public);
    let mut over = Vec::new();
    for asked in asked {
        over.push(
            world
                .ended(asked.expect("nobody is told to wait").operation_id)
                .await,
        );
    }

    assert!(
        over.iter()
            .all(|one| one.state == OperationState::Succeeded),
        "{over:#?}"
    );
    assert!(over.is_sorted_by_key(|one| one.ended));
    let opened: Vec<String> = (world.script.log().into_iter())
        .filter_map(|call| {
            call.strip_prefix(&format!("probe_way {id} "))
                .map(str::to_owned)
        })
        .collect();
    let ways = [
        format!("vpc:{}", first.id),
        format!("vpc:{}", second.id),
        "public".to_owned(),
    ];
    assert_eq!(opened, ways);
    assert_eq!(world.postgres.runs(&id), Some(false));
    assert_eq!(world.cloud.ways(&id), [(WayKind::Public, false)]);
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn what_cannot_be_done_holds_up_nothing_that_comes_after_it() {
    let world = World::new().await;
    let (first, second) = (
        world.vpc("10.0.0.0/24").await,
        world.vpc("10.0.1.0/24").await,
    );
    let id = world.service().await.service_id;
    world.script.fail(
        &format!("probe_way {id} vpc:{}", first.id),
        usize::MAX,
        true,
    );

    let bad = world
        .plane
        .attach_service(&world.project, &id, &first.id, 0)
        .await;
    let good = world
        .plane
        .attach_service(&world.project, &id, &second.id, 0)
        .await;
    let good = world.ended(good.expect("asked for").operation_id).await;
    let bad = world.ended(bad.expect("asked for").operation_id).await;

    assert_eq!(good.state, OperationState::Succeeded);
    assert_eq!(bad.state, OperationState::Failed);
    let reason = bad.reason.expect("a reason");
    assert_eq!(reason.code, "VpcLimitExceeded");
    assert!(bad.next_action.is_some());
    let service = world.settle_service(&id).await;
    assert_eq!(service.network.now, Some(Network::Vpc(second.id)));
    assert_eq!(service.reason, None, "the later one is what counts");
}

#[tokio::test]
async fn a_deletion_makes_all_others_pointless() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await.service_id;
    world
        .script
        .fail(&format!("probe_way {id} vpc:"), usize::MAX, false);
    let running = world
        .plane
        .attach_service(&world.project, &id, &vpc.id, 0)
        .await;
    let waiting = world.plane.stop_service(&world.project, &id).await;

    let deleted = world.plane.delete_service(&world.project, &id).await;

    let deleted = world.ended(deleted.expect("asked for").operation_id).await;
    assert_eq!(deleted.state, OperationState::Succeeded);
    for asked in [running, waiting] {
        let operation = world.ended(asked.expect("asked for").operation_id).await;
        assert_eq!(operation.state, OperationState::Cancelled);
        assert!(
            operation
                .reason
                .expect("a reason")
                .message
                .contains(&deleted.id)
        );
    }
    world
        .settle(Object::Service(id.clone()), Settled::Gone)
        .await;
    assert!(world.cloud.ways(&id).is_empty());
}

#[tokio::test]
async fn a_drained_way_stays_open_beside_the_new_one_until_its_time_is_over() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await.service_id;
    world.script.forget();

    let asked = world
        .plane
        .attach_service(&world.project, &id, &vpc.id, 2)
        .await;
    let operation = asked.expect("asked for").operation_id;
    world
        .eventually("the names lead to the new way", async || {
            world.get(&id).await.network.now == Some(Network::Vpc(vpc.id.clone()))
        })
        .await;
    let kind = WayKind::Private {
        vpc: vpc.id.clone(),
    };
    assert_eq!(
        world.cloud.ways(&id),
        [(WayKind::Public, false), (kind.clone(), false)]
    );
    world
        .eventually("idle sessions are ended", async || {
            world
                .script
                .log()
                .contains(&format!("end_idle_sessions {id} {PUBLIC_SOURCE}"))
        })
        .await;
    assert!(
        !world
            .script
            .log()
            .contains(&format!("refuse_way {id} public"))
    );

    let operation = world.ended(operation).await;
    let drained = operation
        .steps
        .iter()
        .find(|step| step.step == Step::Drain)
        .expect("a step");
    let spent = drained
        .ended
        .expect("ended")
        .duration_since(drained.started.expect("begun"));
    assert!(spent.as_millis() >= 1900, "{spent:?}");
    assert_eq!(world.cloud.ways(&id), [(kind, false)]);

    let too_long = world
        .plane
        .detach_service(&world.project, &id, None, 3601)
        .await;
    assert_eq!(
        too_long.expect_err("an hour is the most").field(),
        Some("drain_seconds")
    );
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_request_counts_once() {
    let world = World::new().await;
    let plane = by(
        &world.plane,
        "key:sk1",
        Some(("0a1b2c3d-4e5f-4789-8abc-def012345678", "create")),
    );
    let new = || NewService {
        name: Some("orders".to_owned()),
        region_code: REGION.to_owned(),
        vpc: None,
        ..NewService::default()
    };
    assert_eq!(
        plane.repetition(&world.project).await.expect("an answer"),
        None
    );

    let (one, other) = tokio::join!(
        plane.create_service(&world.project, new()),
        plane.create_service(&world.project, new()),
    );

    let (made, repeated) = if one.is_ok() {
        (one, other)
    } else {
        (other, one)
    };
    let made = made.expect("one of them is the first");
    let repeated = repeated.expect_err("the other is the same");
    assert!(repeated.to_string().contains("already"), "{repeated}");
    let known = plane
        .repetition(&world.project)
        .await
        .expect("an answer")
        .expect("known");
    assert_eq!(Some(known.operation.id), made.service.operation_id);
    assert_eq!(known.initial_password, Some(made.initial_password));
    let all = world
        .plane
        .list_services(&world.project)
        .await
        .expect("a list");
    assert_eq!(all.len(), 1);

    let changed = by(
        &world.plane,
        "key:sk1",
        Some(("0a1b2c3d-4e5f-4789-8abc-def012345678", "delete")),
    );
    let refused = changed
        .repetition(&world.project)
        .await
        .expect_err("another request");
    assert_eq!(refused.field(), Some("Idempotency-Key"));
    let short = by(&world.plane, "key:sk1", Some(("guess", "create")));
    short
        .create_service(&world.project, new())
        .await
        .expect("made");
    let known = short
        .repetition(&world.project)
        .await
        .expect("an answer")
        .expect("known");
    assert_eq!(
        known.initial_password, None,
        "a short key makes no password"
    );
}

#[tokio::test]
async fn operations_are_listed_by_state_action_object_and_page() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await.service_id;
    for name in ["one", "two", "three"] {
        let renamed = world.plane.rename_service(&world.project, &id, name).await;
        assert_eq!(renamed.expect("renamed").name, name);
    }
    let list = async |filter: OperationFilter| {
        let filter = OperationFilter {
            limit: PageSize::of::<2>(),
            ..filter
        };
        world
            .plane
            .list_operations(&world.project, &filter)
            .await
            .expect("a list")
    };
    let renames = OperationFilter {
        actions: vec![Action::ServiceRename],
        states: vec![OperationState::Succeeded],
        ..OperationFilter::default()
    };
    let page = list(renames.clone()).await;
    assert_eq!(names(&page), ["three", "two"]);
    let next = OperationFilter {
        before: Some(page[1].id.clone()),
        ..renames
    };
    assert_eq!(names(&list(next).await), ["one"]);
    let of_vpc = OperationFilter {
        object: Some(vpc.id.clone()),
        ..OperationFilter::default()
    };
    let found = list(of_vpc).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].action, Action::VpcCreate);
    let missing = world.plane.operation(&world.project, "op-1").await;
    assert_eq!(missing.expect_err("none").kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_peering_that_ended_is_asked_for_again_as_the_same_one() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let first = world.peering(&vpc.id, "vpc-0123456789abcdef0").await;
    let request = async || {
        world
            .plane
            .request_peering(&world.project, &vpc.id, &first.id)
            .await
    };
    let early = request().await.expect_err("it has not ended");
    assert_eq!(early.kind(), ErrorKind::Conflict);
    world.cloud.customer(&first.id, |observed| {
        observed.state = strait_plane::cloud::PeerState::Rejected;
    });
    world
        .eventually("it is rejected", async || {
            world.peering_state(&vpc.id, &first.id).await == PeeringState::Rejected
        })
        .await;

    let again = request().await.expect("asked for again");

    assert_eq!(again.id, first.id);
    let again = world.settled_peering(&vpc.id, &again.id).await;
    assert_eq!(again.state, PeeringState::PendingAcceptance);
    assert_ne!(again.provisioned_id, first.provisioned_id);
    assert_eq!(again.reason, None);
    world.cloud.accept(&first.id, &["172.16.0.0/16"]);
    world
        .eventually("it is active", async || {
            world.peering_state(&vpc.id, &first.id).await == PeeringState::Active
        })
        .await;
}

#[tokio::test]
async fn one_that_ended_is_deleted_beside_its_successor() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let peer = "vpc-0123456789abcdef0";
    let first = world.peering(&vpc.id, peer).await;
    world.cloud.customer(&first.id, |observed| {
        observed.state = strait_plane::cloud::PeerState::Rejected;
    });
    world
        .eventually("it is rejected", async || {
            world.peering_state(&vpc.id, &first.id).await == PeeringState::Rejected
        })
        .await;
    let second = world.peering(&vpc.id, peer).await;

    let deleted = world
        .plane
        .delete_peering(&world.project, &vpc.id, &first.id)
        .await;

    let deleted = world.ended(deleted.expect("asked for").operation_id).await;
    assert_eq!(deleted.state, OperationState::Succeeded);
    assert_eq!(
        world.peering_state(&vpc.id, &second.id).await,
        PeeringState::PendingAcceptance
    );
    let third = world
        .plane
        .request_peering(&world.project, &vpc.id, &second.id)
        .await;
    assert_eq!(third.expect_err("it waits").kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn a_request_counts_once_for_a_day_in_a_busy_project_too() {
    let world = World::new().await;
    let (old, new) = (
        ("0a1b2c3d-4e5f-4789-8abc-def012345678", "old"),
        ("9876-f5e4-d3c2b1a0", "new"),
    );
    let id = world.service().await.service_id;
    for once in [old, new] {
        let plane = by(&world.plane, "key:sk1", Some(once));
        let renamed = plane.rename_service(&world.project, &id, once.1).await;
        renamed.expect("renamed");
    }
    let aged = "UPDATE strait.operation SET created = created - interval '25 hours' WHERE fingerprint = 'old'";
    // As much as is kept comes after them.
    let busy = "INSERT INTO strait.operation (id, project_id, action, object_kind, object_id, object_name, actor, state, ended)
        SELECT 'busy-' || n, $1, 'service.rename', 'service', $2, 'busy', 'key:sk1', 'succeeded', clock_timestamp()
        FROM generate_series(1, 10050) n";
    for quiet in ["DISABLE", "ENABLE"] {
        let triggers = format!("ALTER TABLE strait.operation {quiet} TRIGGER USER");
        let changed = sqlx::query(&triggers).execute(&world.pool).await;
        changed.expect("changed");
        if quiet == "DISABLE" {
            let changed = sqlx::query(aged).execute(&world.pool).await;
            assert_eq!(changed.expect("changed").rows_affected(), 1);
            let inserted = sqlx::query(busy).bind(&world.project).bind(&id);
            inserted.execute(&world.pool).await.expect("inserted");
        }
    }

    let world = world.restart().await;

    let left = async |which: &str| -> i64 {
        let count = format!("SELECT count(*) FROM strait.operation WHERE {which}");
        let left = sqlx::query_scalar(&count).fetch_one(&world.pool).await;
        left.expect("a count")
    };
    let is_pruned = async || left("id LIKE 'busy-%'").await <= 10_000;
    world
        .eventually("the oldest are forgotten", is_pruned)
        .await;
    assert_eq!(left("object_name = 'old'").await, 0);
    assert_eq!(left("action = 'service.create'").await, 0);
    let plane = by(&world.plane, "key:sk1", Some(new));
    let known = plane.repetition(&world.project).await.expect("an answer");
    let known = known.expect("it counted already").operation;
    assert_eq!(known.object_name, "new");
}

fn by(plane: &Plane, actor: &str, once: Option<(&str, &str)>) -> Plane {
    plane.by(Caller {
        actor: actor.to_owned(),
        actor_name: None,
        role: Role::Owner,
        once: once.map(|(key, fingerprint)| Once {
            key: key.to_owned(),
            fingerprint: fingerprint.to_owned(),
        }),
    })
}

fn names(operations: &[Operation]) -> Vec<&str> {
    operations
        .iter()
        .map(|one| one.object_name.as_str())
        .collect()
}
