//! What is asked for while something before it is still under way: it is taken at once, and done in order.

use strait_plane::cloud::WayKind;
use strait_plane::model::{
    Network, NewService, Object, Operation, OperationState, Service, ServiceStatus, Settled, Vpc,
    VpcStatus,
};

use crate::world::{REGION, World};

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

/// The operation that was asked for last, once it says what it waits for.
async fn waiting(world: &World, service: &Service) -> Operation {
    let id = service.operation_id.as_deref().expect("an operation");
    let look = async || {
        let found = world.plane.operation(&world.project, id).await;
        found.expect("it is kept")
    };
    world
        .eventually("it waits", async || look().await.reason.is_some())
        .await;
    look().await
}
