//! Deletions of Peering VPCs with all that uses them.

use std::time::{Duration, Instant};

use strait_plane::ErrorKind;
use strait_plane::model::{
    Action, Network, NewPeering, Object, OperationFilter, OperationState, PageSize, PeeringState,
    Settled, Vpc, VpcStatus,
};

use crate::world::{REGION, World};

#[tokio::test]
async fn a_vpc_goes_with_all_that_uses_it_if_that_is_asked_for() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await.service_id;
    let peering = world.peering(&vpc.id, "vpc-0123456789abcdef0").await;
    world.cloud.accept(&peering.id, &["172.16.0.0/16"]);
    let attached = world
        .plane
        .attach_service(&world.project, &id, &vpc.id, 0)
        .await;
    attached.expect("asked for");
    world.settle_service(&id).await;
    let refused = world.plane.delete_vpc(&world.project, &vpc.id, false).await;
    let refused = refused.expect_err("it is in use").to_string();
    for user in [&id, &peering.id, &"--cascade".to_owned()] {
        assert!(refused.contains(user.as_str()), "{refused}");
    }
    // The cloud has not heard of this one when its VPC goes.
    world.script.fail("ensure_peering", usize::MAX, false);
    let late = NewPeering {
        peer_account_id: "123456789012".to_owned(),
        peer_vpc_id: "vpc-0123456789abcdef1".to_owned(),
        peer_region_code: REGION.to_owned(),
        ..NewPeering::default()
    };
    let late = world
        .plane
        .create_peering(&world.project, &vpc.id, late)
        .await;
    let late = late.expect("asked for").operation_id;
    world.script.forget();

    let deleted = world.plane.delete_vpc(&world.project, &vpc.id, true).await;
    let operation = world.ended(deleted.expect("asked for").operation_id).await;

    assert_eq!(operation.state, OperationState::Succeeded, "{operation:#?}");
    assert_eq!(world.ended(late).await.state, OperationState::Cancelled);
    assert_eq!(world.cloud.vpcs(), 0);
    assert_eq!(world.cloud.peerings(), 0);
    let service = world.settle_service(&id).await;
    assert_eq!(service.network.now, Some(Network::Public));
    let log = world.script.log();
    let at = |call: &str| {
        log.iter()
            .position(|line| line.starts_with(call))
            .expect("a call")
    };
    assert!(
        at("remove_way") < at("delete_peering") && at("delete_peering") < at("delete_vpc"),
        "{log:#?}"
    );
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_service_that_could_not_leave_is_asked_again() {
    let world = World::new().await;
    let (vpc, id) = in_use(&world).await;
    world
        .script
        .fail(&format!("probe_way {id} public"), 1, true);

    let deleted = world.plane.delete_vpc(&world.project, &vpc.id, true).await;
    let operation = deleted.expect("asked for").operation_id;
    blocked(&world, &vpc, "the cloud has no room").await;

    let operation = world.ended(operation).await;
    assert_eq!(operation.state, OperationState::Succeeded, "{operation:#?}");
    assert_eq!(operation.reason, None);
    let service = world.settle_service(&id).await;
    assert_eq!(service.network.now, Some(Network::Public));
    let detachments = OperationFilter {
        object: Some(id),
        actions: vec![Action::ServiceDetach],
        limit: PageSize::of::<10>(),
        ..OperationFilter::default()
    };
    let listed = world
        .plane
        .list_operations(&world.project, &detachments)
        .await;
    let states: Vec<_> = (listed.expect("a list").iter())
        .map(|one| (one.state, one.actor.clone()))
        .collect();
    let strait = || "strait".to_owned();
    assert_eq!(
        states,
        [
            (OperationState::Succeeded, strait()),
            (OperationState::Failed, strait())
        ]
    );
    assert_eq!((world.cloud.vpcs(), world.cloud.peerings()), (0, 0));
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_deletion_that_is_blocked_can_be_asked_for_again() {
    let world = World::new().await;
    let (vpc, id) = in_use(&world).await;
    // As a stopped one it cannot be tried, and stays until somebody starts it.
    world
        .script
        .fail(&format!("probe_way {id} public"), 1, true);
    let deleted = world.plane.delete_vpc(&world.project, &vpc.id, true).await;
    deleted.expect("asked for");
    let stopped = world.plane.stop_service(&world.project, &id).await;
    stopped.expect("asked for");
    blocked(
        &world,
        &vpc,
        "is stopped and cannot be detached; start it first",
    )
    .await;

    let again = async || world.plane.delete_vpc(&world.project, &vpc.id, true).await;
    let refused = again().await.expect_err("it is stopped");
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    let started = world.plane.start_service(&world.project, &id).await;
    started.expect("asked for");
    again().await.expect("asked for again");

    world
        .settle(Object::Vpc(vpc.id.clone()), Settled::Gone)
        .await;
    let service = world.settle_service(&id).await;
    assert_eq!(service.network.now, Some(Network::Public));
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_deletion_can_be_given_up_until_something_is_taken_away() {
    let world = World::new().await;
    let (vpc, id) = in_use(&world).await;
    let give_up = async || {
        world
            .plane
            .cancel_vpc_deletion(&world.project, &vpc.id)
            .await
    };
    let early = give_up().await.expect_err("nobody deletes it");
    assert_eq!(early.kind(), ErrorKind::Conflict);
    world
        .script
        .fail(&format!("probe_way {id} public"), usize::MAX, true);
    let deleted = world.plane.delete_vpc(&world.project, &vpc.id, true).await;
    let operation = deleted.expect("asked for").operation_id;
    blocked(&world, &vpc, "cancel-deletion").await;

    let kept = give_up().await.expect("given up");

    assert_eq!(kept.status, VpcStatus::Created);
    assert_eq!(kept.reason, None);
    let operation = world.ended(operation).await;
    assert_eq!(operation.state, OperationState::Cancelled);
    let why = operation.reason.expect("a reason").message;
    assert!(why.contains("given up"), "{why}");
    world.script.stop_failing();
    let other = world.service().await.service_id;
    let attached = world
        .plane
        .attach_service(&world.project, &other, &vpc.id, 0)
        .await;
    attached.expect("it is there to be used");
    world.settle_service(&other).await;
    let states = world.plane.list_peerings(&world.project, &vpc.id).await;
    assert!((states.expect("a list").iter()).all(|peering| peering.state == PeeringState::Active));

    // Once its peering connections go there is no way back.
    world.script.fail("delete_vpc", usize::MAX, false);
    let deleted = world.plane.delete_vpc(&world.project, &vpc.id, true).await;
    deleted.expect("asked for");
    world
        .eventually("something is taken away", async || {
            world.cloud.peerings() == 0
        })
        .await;
    let late = give_up().await.expect_err("too late").to_string();
    assert!(late.contains("taken away already"), "{late}");
    world.script.stop_failing();
    world
        .settle(Object::Vpc(vpc.id.clone()), Settled::Gone)
        .await;
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_vpc_is_gone_soon_after_its_last_service_has_left() {
    let world = World::new().await;
    let (vpc, id) = in_use(&world).await;
    let drained = world
        .plane
        .detach_service(&world.project, &id, None, 3)
        .await;
    drained.expect("asked for");
    let start = Instant::now();

    // It is just leaving; nobody is told to wait.
    let deleted = world.plane.delete_vpc(&world.project, &vpc.id, true).await;
    let operation = world.ended(deleted.expect("asked for").operation_id).await;

    assert_eq!(operation.state, OperationState::Succeeded);
    let spent = start.elapsed();
    assert!(spent >= Duration::from_secs(2), "{spent:?}");
    // It would be a minute until the next round.
    assert!(spent < Duration::from_secs(20), "{spent:?}");
}

/// A VPC with an active peering connection and a service.
async fn in_use(world: &World) -> (Vpc, String) {
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await.service_id;
    let peering = world.peering(&vpc.id, "vpc-0123456789abcdef0").await;
    world.cloud.accept(&peering.id, &["172.16.0.0/16"]);
    let attached = world
        .plane
        .attach_service(&world.project, &id, &vpc.id, 0)
        .await;
    attached.expect("asked for");
    world.settle_service(&id).await;
    world
        .eventually("it is active", async || {
            world.peering_state(&vpc.id, &peering.id).await == PeeringState::Active
        })
        .await;
    (vpc, id)
}

/// Waits until the VPC says that this is in the way.
async fn blocked(world: &World, vpc: &Vpc, why: &str) {
    world
        .eventually(why, async || {
            let shown = world.plane.vpc(&world.project, &vpc.id).await;
            shown.is_ok_and(|shown| {
                shown.status == VpcStatus::Deleting
                    && (shown.reason.as_ref()).is_some_and(|reason| {
                        reason.code == "vpc_in_use" && reason.message.contains(why)
                    })
            })
        })
        .await;
}
