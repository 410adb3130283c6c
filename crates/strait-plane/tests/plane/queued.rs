//! What is asked for while something before it is still under way: it is taken at once, and done in order.

use strait_plane::PlaneError;
use strait_plane::cloud::{PeerState, WayKind};
use strait_plane::model::{
    Network, NewPeering, NewService, Object, Operation, OperationState, Peering, PeeringState,
    Quota, Service, ServiceStatus, Settled, Vpc, VpcStatus,
};

use crate::world::{REGION, World};

const PEER: &str = "vpc-0123456789abcdef0";

#[tokio::test]
async fn a_move_into_a_vpc_that_is_just_being_made_waits_for_it() {
    for is_killed in [false, true] {
        let world = World::new().await;
        let id = world.service().await.service_id;
        let vpc = vpc_in_the_making(&world).await;

        let asked = attach(&world, &id, &vpc).await;
        let waits = waiting(&world, &asked).await;
        assert!(
            waits.reason.expect("a reason").message.contains(&vpc.id),
            "it says what it waits for"
        );
        assert_eq!(
            world.cloud.ways(&id),
            [(WayKind::Public, false)],
            "the service is as before"
        );

        let world = match is_killed {
            true => world.restart().await,
            false => world,
        };
        world.script.release();
        let done = world.ended(asked.operation_id).await;

        assert_eq!(done.state, OperationState::Succeeded, "{done:#?}");
        assert_eq!(done.reason, None);
        let way = WayKind::Private { vpc: vpc.id };
        assert_eq!(world.cloud.ways(&id), [(way, false)]);
        world.script.assert_nothing_wrong();
    }
}

#[tokio::test]
async fn a_service_is_made_for_a_vpc_that_is_just_being_made() {
    let world = World::new().await;
    let vpc = vpc_in_the_making(&world).await;
    let new = NewService {
        region_code: REGION.to_owned(),
        vpc: Some(vpc.id.clone()),
        ..NewService::default()
    };

    let made = world.plane.create_service(&world.project, new).await;
    let made = made.expect("taken at once").service;
    waiting(&world, &made).await;
    world.script.release();
    let service = world.settle_service(&made.service_id).await;

    assert_eq!(service.status, ServiceStatus::Ready);
    assert_eq!(service.network.now, Some(Network::Vpc(vpc.id)));
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_move_into_a_vpc_that_cannot_be_made_goes_back_and_holds_up_nothing() {
    let world = World::new().await;
    let id = world.service().await.service_id;
    world.script.fail("ensure_vpc", usize::MAX, true);
    let vpc = vpc_in_the_making(&world).await;
    let asked = attach(&world, &id, &vpc).await;
    let stop = world.plane.stop_service(&world.project, &id).await;
    let stop = stop.expect("taken at once").operation_id;
    waiting(&world, &asked).await;

    world.script.release();
    let given_up = world.ended(asked.operation_id).await;

    assert_eq!(given_up.state, OperationState::Failed);
    let reason = given_up.reason.expect("a reason");
    assert_eq!(reason.code, "vpc_failed");
    for part in [&vpc.id, "the cloud has no room", "public as before"] {
        assert!(reason.message.contains(part), "{part}: {}", reason.message);
    }
    let stopped = world.ended(stop).await;
    assert_eq!(stopped.state, OperationState::Succeeded, "what came after");
    assert_eq!(world.cloud.ways(&id), [(WayKind::Public, false)]);
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_vpc_that_is_just_being_made_is_deleted_with_what_waits_for_it() {
    let world = World::new().await;
    let id = world.service().await.service_id;
    let vpc = vpc_in_the_making(&world).await;
    let asked = attach(&world, &id, &vpc).await;
    waiting(&world, &asked).await;

    let (plane, project) = (&world.plane, &world.project);
    let deleted = plane.delete_vpc(project, &vpc.id, true).await;
    deleted.expect("asked for");
    let given_up = world.ended(asked.operation_id).await;
    world.script.release();

    assert_eq!(given_up.state, OperationState::Failed);
    assert_eq!(given_up.reason.expect("a reason").code, "vpc_deleting");
    world.settle(Object::Vpc(vpc.id), Settled::Gone).await;
    let service = world.settle_service(&id).await;
    assert_eq!(service.network.now, Some(Network::Public));
    assert_eq!(world.cloud.vpcs(), 0);
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_vpc_is_deleted_when_the_service_that_is_just_leaving_has_left() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await.service_id;
    attach(&world, &id, &vpc).await;
    world.settle_service(&id).await;
    let (plane, project) = (&world.plane, &world.project);
    let refused = plane.delete_vpc(project, &vpc.id, false).await;
    let refused = refused.expect_err("it is in use").to_string();
    assert!(refused.contains(&id), "{refused}");
    let closing = format!("remove_way {id} vpc:{}", vpc.id);
    world.script.hold(&closing);
    world.script.fail(&closing, 2, false);

    let left = plane.detach_service(project, &id, None, 0).await;
    let left = left.expect("asked for").operation_id;
    world
        .eventually("it is leaving", async || world.script.holds())
        .await;
    let deleted = plane.delete_vpc(project, &vpc.id, false).await;
    let deleted = deleted.expect("taken at once").operation_id;
    let world = world.restart().await;
    world.script.release();

    let (left, deleted) = (world.ended(left).await, world.ended(deleted).await);
    assert_eq!(left.state, OperationState::Succeeded);
    assert_eq!(deleted.state, OperationState::Succeeded);
    assert!(world.cloud.vpcs() == 0 && world.cloud.ways(&id) == [(WayKind::Public, false)]);
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_peering_that_ends_in_this_moment_is_in_the_way_of_no_other_one() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let first = world.peering(&vpc.id, PEER).await;
    let alive = ask(&world, &vpc).await.expect_err("it is alive");
    assert!(alive.to_string().contains(&first.id), "{alive}");

    // Asking is held up before it has looked at the connections, then while it looks; there the other one ends.
    let row = "SELECT FROM strait.vpc WHERE id = $1 FOR UPDATE";
    let row = world.holding(row, &vpc.id).await;
    let ends = async {
        world.wait_at_locks(1).await;
        let mut tx = world.pool.begin().await.expect("a transaction");
        let lock = sqlx::query("LOCK TABLE strait.operation IN ACCESS EXCLUSIVE MODE");
        lock.execute(&mut *tx).await.expect("the lock");
        row.commit().await.expect("released");
        world
            .eventually("it looks at them", async || looks_at_peerings(&world).await)
            .await;
        world.cloud.customer(&first.id, |observed| {
            observed.state = PeerState::Rejected;
        });
        let ends = "UPDATE strait.peering SET state = 'rejected' WHERE id = $1";
        let ends = sqlx::query(ends).bind(&first.id).execute(&mut *tx);
        assert_eq!(ends.await.expect("it ends").rows_affected(), 1);
        tx.commit().await.expect("released");
    };
    let (second, ()) = tokio::join!(ask(&world, &vpc), ends);

    let second = second.expect("nothing is in its way");
    assert_ne!(second.id, first.id);
    let second = world.settled_peering(&vpc.id, &second.id).await;
    assert_eq!(second.state, PeeringState::PendingAcceptance);
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn the_successor_of_a_peering_that_is_just_being_deleted_comes_after_it() {
    for (faults, is_killed) in [(0, false), (2, false), (0, true), (2, true)] {
        let world = World::new().await;
        let vpc = world.vpc("10.0.0.0/24").await;
        let (plane, project) = (&world.plane, &world.project);
        // The last one that there may be: its successor is not one too many.
        plane
            .set_quota(project, Quota::PeeringsPerVpc, 1)
            .await
            .expect("set");
        let first = world.peering(&vpc.id, PEER).await;
        let deletion = format!("delete_peering {}", first.id);
        world.script.hold(&deletion);
        world.script.fail(&deletion, faults, false);

        let deleted = plane.delete_peering(project, &vpc.id, &first.id).await;
        let deleted = deleted.expect("asked for").operation_id;
        world
            .eventually("it is being deleted", async || world.script.holds())
            .await;
        let second = ask(&world, &vpc).await.expect("taken at once");
        assert_ne!(second.id, first.id);
        assert_eq!(second.state, PeeringState::InitiatingRequest);
        let named = plane.peering(project, &vpc.id, PEER).await;
        assert_eq!(named.expect("the one that stays").id, second.id);
        let third = ask(&world, &vpc).await.expect_err("the second stays");
        assert!(third.to_string().contains(&second.id), "{third}");
        assert_eq!(world.cloud.peerings(), 1);

        let world = match is_killed {
            true => world.restart().await,
            false => world,
        };
        world.script.release();
        let second = world.settled_peering(&vpc.id, &second.id).await;

        assert_eq!(second.state, PeeringState::PendingAcceptance);
        let deleted = world.ended(deleted).await;
        let asked = world.ended(second.operation_id).await;
        assert_eq!(deleted.state, OperationState::Succeeded);
        assert_eq!(asked.state, OperationState::Succeeded);
        assert!(deleted.ended < asked.ended, "in order");
        assert_eq!(world.cloud.peerings(), 1);
        world.script.assert_nothing_wrong();
    }
}

#[tokio::test]
async fn a_peering_is_asked_for_again_while_what_it_let_in_is_just_taken_away() {
    for (faults, is_killed) in [(0, false), (2, false), (0, true), (2, true)] {
        let world = World::new().await;
        let vpc = world.vpc("10.0.0.0/24").await;
        let first = world.peering(&vpc.id, PEER).await;
        let is_let_in = async |world: &World| {
            let found = world.plane.peering(&world.project, &vpc.id, &first.id);
            found.await.expect("it is kept").admitted
        };
        world.cloud.accept(&first.id, &["172.31.0.0/16"]);
        world
            .eventually("it is let in", async || is_let_in(&world).await)
            .await;
        let taking_away = format!("admit_peer {}", first.id);
        world.script.hold(&taking_away);
        world.script.fail(&taking_away, faults, false);
        world
            .cloud
            .customer(&first.id, |observed| observed.state = PeerState::Deleted);
        world
            .eventually("it is let in no longer", async || world.script.holds())
            .await;

        let (plane, project) = (&world.plane, &world.project);
        let again = plane.request_peering(project, &vpc.id, &first.id).await;
        let again = again.expect("taken at once");
        assert_eq!(again.state, PeeringState::InitiatingRequest);
        assert_eq!(again.provisioned_id, None);

        let world = match is_killed {
            true => world.restart().await,
            false => world,
        };
        world.script.release();
        let asked = world.ended(again.operation_id).await;
        assert_eq!(asked.state, OperationState::Succeeded);
        let again = world.settled_peering(&vpc.id, &first.id).await;
        assert_eq!(again.state, PeeringState::PendingAcceptance);
        assert_ne!(again.provisioned_id, first.provisioned_id);
        assert_eq!(again.reason, None);
        world.cloud.accept(&first.id, &["172.31.0.0/16"]);
        world
            .eventually("it is let in again", async || is_let_in(&world).await)
            .await;
        world.script.assert_nothing_wrong();
    }
}

#[tokio::test]
async fn a_vpc_is_made_in_the_range_of_one_that_is_just_being_deleted_after_that() {
    for (faults, is_killed) in [(0, false), (2, false), (0, true), (2, true)] {
        let world = World::new().await;
        let (plane, project) = (&world.plane, &world.project);
        // The last one that there may be: its successor is not one too many.
        let set = plane.set_quota(project, Quota::Vpcs, 1).await;
        set.expect("set");
        let first = world.vpc("10.0.0.0/24").await;
        world.script.hold("delete_vpc");
        world.script.fail("delete_vpc", faults, false);

        let deleted = plane.delete_vpc(project, &first.id, false).await;
        let deleted = deleted.expect("asked for").operation_id;
        world
            .eventually("it is being deleted", async || world.script.holds())
            .await;
        let second = world.try_vpc("10.0.0.0/23").await.expect("taken at once");
        assert_eq!(second.status, VpcStatus::Creating);
        let waits = waiting_for(&world, second.operation_id.as_deref()).await;
        assert!(
            waits.reason.expect("a reason").message.contains(&first.id),
            "it says what it waits for"
        );
        let third = world
            .try_vpc("10.0.1.0/24")
            .await
            .expect_err("the second stays");
        assert!(third.to_string().contains(&second.id), "{third}");
        assert_eq!(world.cloud.vpcs(), 1);

        let world = match is_killed {
            true => world.restart().await,
            false => world,
        };
        world.script.release();
        let (deleted, made) = (
            world.ended(deleted).await,
            world.ended(second.operation_id).await,
        );

        assert_eq!(deleted.state, OperationState::Succeeded);
        assert_eq!(made.state, OperationState::Succeeded);
        assert_eq!(made.reason, None);
        assert!(deleted.ended < made.ended, "in order");
        let made = world.plane.vpc(&world.project, &second.id).await;
        assert_eq!(made.expect("it is there").status, VpcStatus::Created);
        assert_eq!(world.cloud.vpcs(), 1);
        world.script.assert_nothing_wrong();
    }
}

#[tokio::test]
async fn a_deletion_is_not_given_up_where_another_vpc_has_the_range_or_the_place() {
    let world = World::new().await;
    let (plane, project) = (&world.plane, &world.project);
    let set = plane.set_quota(project, Quota::Vpcs, 1).await;
    set.expect("set");
    let first = world.vpc("10.0.0.0/24").await;
    let id = world.service().await.service_id;
    attach(&world, &id, &first).await;
    world.settle_service(&id).await;
    world
        .script
        .hold(&format!("remove_way {id} vpc:{}", first.id));
    let deleted = plane.delete_vpc(project, &first.id, true).await;
    deleted.expect("asked for");
    world
        .eventually("its service is leaving", async || world.script.holds())
        .await;

    for (range, why) in [("10.0.0.128/25", "overlaps"), ("10.9.0.0/24", "at most 1")] {
        let other = world.try_vpc(range).await.expect("taken at once");
        let kept = plane.cancel_vpc_deletion(project, &first.id).await;
        let kept = kept.expect_err("another one is to be made").to_string();
        assert!(kept.contains(why), "{kept}");
        let deleted = plane.delete_vpc(project, &other.id, false).await;
        let deleted = deleted.expect("asked for").operation_id;
        world.ended(deleted).await;
    }
    let kept = plane.cancel_vpc_deletion(project, &first.id).await;
    assert_eq!(
        kept.expect("nothing is in its way").status,
        VpcStatus::Created
    );
    world.script.release();
    world.settle_service(&id).await;
    assert_eq!(world.cloud.vpcs(), 1);
    world.script.assert_nothing_wrong();
}

/// One that the cloud takes its time to make, until `release`.
async fn vpc_in_the_making(world: &World) -> Vpc {
    world.script.hold("ensure_vpc");
    let vpc = world.try_vpc("10.0.0.0/24").await.expect("asked for");
    world
        .eventually("it is being made", async || world.script.holds())
        .await;
    assert_eq!(vpc.status, VpcStatus::Creating);
    vpc
}

async fn attach(world: &World, service: &str, vpc: &Vpc) -> Service {
    let (plane, project) = (&world.plane, &world.project);
    let asked = plane.attach_service(project, service, &vpc.id, 0).await;
    asked.expect("taken at once")
}

async fn ask(world: &World, vpc: &Vpc) -> Result<Peering, PlaneError> {
    let new = NewPeering {
        peer_account_id: "123456789012".to_owned(),
        peer_vpc_id: PEER.to_owned(),
        peer_region_code: REGION.to_owned(),
        ..NewPeering::default()
    };
    let (plane, project) = (&world.plane, &world.project);
    plane.create_peering(project, &vpc.id, new).await
}

/// Whether somebody who has a Peering VPC's row waits for what is read with its connections.
async fn looks_at_peerings(world: &World) -> bool {
    let waits = "SELECT EXISTS (SELECT FROM pg_locks w JOIN pg_locks h USING (pid)
        WHERE NOT w.granted AND w.relation = 'strait.operation'::regclass
            AND w.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND h.granted AND h.relation = 'strait.vpc'::regclass AND h.mode = 'RowShareLock')";
    let waits = sqlx::query_scalar(waits).fetch_one(&world.pool).await;
    waits.expect("an answer")
}

/// The operation that was asked for last, once it says what it waits for.
async fn waiting(world: &World, service: &Service) -> Operation {
    waiting_for(world, service.operation_id.as_deref()).await
}

async fn waiting_for(world: &World, operation: Option<&str>) -> Operation {
    let id = operation.expect("an operation");
    let look = async || {
        let found = world.plane.operation(&world.project, id).await;
        found.expect("it is kept")
    };
    world
        .eventually("it waits", async || look().await.reason.is_some())
        .await;
    look().await
}
