//! The plane is killed at every step of what it does, before and after the step did its work; the next one goes on.

use std::time::Duration;

use strait_plane::cloud::WayKind;
use strait_plane::model::{NewPeering, Object, Settled};

use crate::common::cloud::PUBLIC_SOURCE;
use crate::world::{REGION, World};

/// A halted call is noticed at once; this is for the last round, where nothing halts.
const HALT_PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn attach_goes_on_after_a_kill_at_any_step() {
    let mut steps = 0;
    loop {
        let mut over = false;
        for after in [false, true] {
            let world = World::new().await;
            let vpc = world.vpc("10.0.0.0/24").await;
            let id = world.service().await.service_id;
            world.postgres.connect(&id, PUBLIC_SOURCE, 2);
            let made = world.cloud.made();
            world.script.halt_at(steps, after);
            world
                .plane
                .attach_service(&world.project, &id, &vpc.id, 0)
                .await
                .expect("attached");
            over |= settled_before_halt(&world, Object::Service(id.clone())).await;
            let public_open = world.cloud.ways(&id).contains(&(WayKind::Public, false));
            let private = WayKind::Private {
                vpc: vpc.id.clone(),
            };
            let private_open = world.cloud.ways(&id).contains(&(private.clone(), false));
            assert!(public_open || private_open, "step {steps}, after: {after}");

            world.script.never_halt();
            let world = world.restart().await;
            let service = world.settle_service(&id).await;

            assert!(service.network.settled, "step {steps}, after: {after}");
            assert_eq!(
                world.cloud.ways(&id),
                [(private, false)],
                "step {steps}, after: {after}"
            );
            assert_eq!(world.cloud.made(), made + 1, "step {steps}, after: {after}");
            assert_eq!(
                world.postgres.sessions(&id, PUBLIC_SOURCE),
                0,
                "step {steps}, after: {after}"
            );
            let address = service.endpoint.expect("an endpoint").address;
            world
                .eventually("names lead to the private way only", async || {
                    let names = world.cloud.names();
                    names.len() == 2 && names.values().all(|named| *named == address)
                })
                .await;
            world.script.assert_nothing_wrong();
        }
        if over {
            break;
        }
        steps += 1;
    }
    assert!(steps >= 7, "only {steps} steps were seen");
}

#[tokio::test]
async fn a_peering_is_asked_for_once_whenever_the_plane_is_killed() {
    for after in [false, true] {
        let world = World::new().await;
        let vpc = world.vpc("10.0.0.0/24").await;
        let made = world.cloud.made();
        world.script.halt_at(0, after);
        let new = NewPeering {
            peer_account_id: "111111111111".to_owned(),
            peer_vpc_id: "vpc-0123456789abcdef0".to_owned(),
            peer_region_code: REGION.to_owned(),
            ..NewPeering::default()
        };
        let peering = world
            .plane
            .create_peering(&world.project, &vpc.id, new)
            .await
            .expect("a peering");
        assert_eq!(peering.provisioned_id, None);

        world.script.never_halt();
        let world = world.restart().await;
        world
            .settle(Object::Peering(peering.id.clone()), Settled::Yes)
            .await;

        assert_eq!(world.cloud.peerings(), 1);
        assert_eq!(world.cloud.made(), made + 1);
        let peering = world
            .plane
            .peering(&world.project, &vpc.id, &peering.id)
            .await
            .expect("the peering");
        assert!(peering.provisioned_id.is_some());
        world.script.assert_nothing_wrong();
    }
}

#[tokio::test]
async fn a_deletion_goes_on_after_a_kill_at_any_step() {
    let mut steps = 0;
    loop {
        let mut over = false;
        for after in [false, true] {
            let world = World::new().await;
            let id = world.service().await.service_id;
            world.script.halt_at(steps, after);
            world
                .plane
                .delete_service(&world.project, &id)
                .await
                .expect("deleted");
            over |= settled_before_halt(&world, Object::Service(id.clone())).await;

            world.script.never_halt();
            let world = world.restart().await;
            world
                .settle(Object::Service(id.clone()), Settled::Gone)
                .await;

            assert_eq!(world.cloud.ways(&id), []);
            assert_eq!(world.postgres.runs(&id), None);
            world
                .eventually("no names are left", async || world.cloud.names().is_empty())
                .await;
            world.script.assert_nothing_wrong();
        }
        if over {
            break;
        }
        steps += 1;
    }
    assert!(steps >= 4, "only {steps} steps were seen");
}

#[tokio::test]
async fn a_start_makes_sure_of_everything_that_should_be_there() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let (public, private, stopped) = (
        world.service().await,
        world.service().await,
        world.service().await,
    );
    world
        .plane
        .attach_service(&world.project, &private.service_id, &vpc.id, 0)
        .await
        .expect("attached");
    world
        .plane
        .stop_service(&world.project, &stopped.service_id)
        .await
        .expect("stopped");
    world.settle_service(&private.service_id).await;
    world.settle_service(&stopped.service_id).await;
    world.plane.shutdown().await;
    world.script.forget();

    let world = world.restart().await;

    let expected = [
        "publish_names".to_owned(),
        format!("ensure_vpc {}", vpc.id),
        format!("ensure_running {}", public.service_id),
        format!("ensure_way {} public", public.service_id),
        format!("ensure_running {}", private.service_id),
        format!("ensure_way {} vpc:{}", private.service_id, vpc.id),
        format!("ensure_stopped {}", stopped.service_id),
        format!("ensure_way {} public", stopped.service_id),
    ];
    world
        .eventually("all is looked after", async || {
            let log = world.script.log();
            expected.iter().all(|call| log.contains(call))
        })
        .await;
    world.script.assert_nothing_wrong();
}

/// Waits until a call halts. True: it came to its end without.
async fn settled_before_halt(world: &World, object: Object) -> bool {
    tokio::select! {
        halted = world.script.halts_within(HALT_PATIENCE) => {
            assert!(halted, "neither halted nor settled: {:#?}", world.script.log());
            false
        }
        settled = world.plane.settled(&object, HALT_PATIENCE) => {
            let settled = settled.expect("a wait");
            assert!(settled == Settled::Yes || settled == Settled::Gone, "{settled:?}");
            true
        }
    }
}
