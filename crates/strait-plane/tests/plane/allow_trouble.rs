//! Allow lists where something fails, goes, or becomes too long.

use std::collections::BTreeSet;

use strait_plane::cloud::WayKind;
use strait_plane::model::{ALLOW_RULES, Network, OperationState};

use crate::allow::{OFFICE, admit, only, private, public, set};
use crate::world::World;

#[tokio::test]
async fn a_former_way_that_fails_undoes_no_move() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await.service_id;
    let moved = world
        .plane
        .attach_service(&world.project, &id, &vpc.id, 3)
        .await;
    let moved = moved.expect("asked for").operation_id;
    world
        .eventually("the names lead to the new way", async || {
            world.get(&id).await.network.now == Some(Network::Vpc(vpc.id.clone()))
        })
        .await;
    let former = format!("ensure_way {id} public");
    world.script.fail(&former, usize::MAX, true);
    world.script.forget();

    let shown = set(&world, &id, public(&[OFFICE])).await;

    let tries = world.script.log();
    let tries = tries.iter().filter(|call| **call == former).count();
    assert!(tries > 1, "it is tried again while it is drained: {tries}");
    assert_eq!(world.ended(moved).await.state, OperationState::Succeeded);
    assert_eq!(
        world.ended(shown.operation_id).await.state,
        OperationState::Succeeded
    );
    let kind = WayKind::Private { vpc: vpc.id };
    assert_eq!(world.cloud.ways(&id), [(kind, false)]);
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_way_that_fails_keeps_a_service_neither_from_stopping_nor_from_starting() {
    let world = World::new().await;
    let id = world.service().await.service_id;
    set(&world, &id, public(&[OFFICE])).await;
    let way = format!("ensure_way {id} public");
    world.script.fail(&way, usize::MAX, true);
    // One that remembers nothing of the way.
    let world = world.restart().await;
    let asked = world.plane.stop_service(&world.project, &id).await;
    let stopped = asked.expect("asked for").operation_id;
    world
        .eventually("it stops", async || world.postgres.runs(&id) == Some(false))
        .await;
    world
        .eventually("it is said what is wrong", async || {
            world.get(&id).await.reason.is_some()
        })
        .await;
    world.script.stop_failing();
    assert_eq!(world.ended(stopped).await.state, OperationState::Succeeded);
    assert_eq!(world.get(&id).await.reason, None);

    world.script.fail(&way, usize::MAX, true);
    let world = world.restart().await;
    let asked = world.plane.start_service(&world.project, &id).await;
    let started = asked.expect("asked for").operation_id;
    world
        .eventually("it starts", async || world.postgres.runs(&id) == Some(true))
        .await;
    world.script.stop_failing();
    assert_eq!(world.ended(started).await.state, OperationState::Succeeded);
    assert_eq!(
        world.cloud.allowed(&id),
        [(WayKind::Public, only(&[OFFICE]))]
    );
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_change_that_was_given_up_can_be_asked_for_again() {
    let world = World::new().await;
    let id = world.service().await.service_id;
    let call = format!("ensure_way {id} public");
    world.script.fail(&call, usize::MAX, true);
    let change = public(&[OFFICE]);
    let first = world.plane.set_allow_lists(&world.project, &id, &change);
    let second = async {
        world
            .eventually("it is tried", async || {
                world.get(&id).await.reason.is_some()
            })
            .await;
        let asked = world.plane.stop_service(&world.project, &id).await;
        asked.expect("asked for");
    };
    let (first, ()) = tokio::join!(first, second);
    let given_up = first.expect("it is taken on").operation_id;
    let ended = world.ended(given_up.clone()).await;
    assert_eq!(ended.state, OperationState::Failed, "others wait for it");
    world.script.stop_failing();
    // The stop may have met the failure too, and is tried again.
    world
        .eventually("it is as asked", async || {
            let service = world.get(&id).await;
            service.reason.is_none() && service.network.settled
        })
        .await;

    let again = set(&world, &id, change.clone()).await;
    assert!(
        again.in_effect && again.operation_id != given_up,
        "{again:?}"
    );
    let once_more = set(&world, &id, change).await;
    assert_eq!(
        once_more.operation_id, again.operation_id,
        "what is in effect is asked for in vain"
    );
    assert_eq!(
        world.cloud.allowed(&id),
        [(WayKind::Public, only(&[OFFICE]))]
    );
}

#[tokio::test]
async fn a_peer_that_goes_is_let_in_no_more() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    for (peer, range) in [
        ("vpc-00000000000000001", "10.20.0.0/16"),
        ("vpc-00000000000000002", "10.30.0.0/16"),
    ] {
        admit(&world, &vpc.id, peer, range).await;
    }
    let id = world.service().await.service_id;
    set(&world, &id, private(&["10.0.0.0/8"])).await;
    let attached = world
        .plane
        .attach_service(&world.project, &id, &vpc.id, 0)
        .await;
    attached.expect("it moves");
    world.settle_service(&id).await;
    let kind = WayKind::Private {
        vpc: vpc.id.clone(),
    };
    let both = only(&["10.20.0.0/16", "10.30.0.0/16"]);
    assert_eq!(world.cloud.allowed(&id), [(kind.clone(), both)]);

    let all = world.plane.list_peerings(&world.project, &vpc.id).await;
    let first = &all.expect("peering connections")[0];
    assert_eq!(first.peer_vpc_id, "vpc-00000000000000001");
    let deleted = world
        .plane
        .delete_peering(&world.project, &vpc.id, &first.id)
        .await;
    deleted.expect("asked for");
    let left = [(kind, only(&["10.30.0.0/16"]))];
    world
        .eventually("its range is let in no more", async || {
            world.cloud.allowed(&id) == left
        })
        .await;
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_list_that_peers_make_longer_than_a_group_is_told_of() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    // Every other one, so that no two make one.
    let ranges: Vec<String> = (0..=ALLOW_RULES)
        .map(|number| format!("10.20.{}.0/24", 2 * number))
        .collect();
    let texts: Vec<&str> = ranges.iter().map(String::as_str).collect();
    let peering = world.peering(&vpc.id, "vpc-00000000000000001").await.id;
    world.cloud.accept(&peering, &texts);
    let admitted: BTreeSet<_> = ranges
        .iter()
        .map(|range| range.parse().expect("a range"))
        .collect();
    world
        .eventually("the peer is let in", async || {
            world.cloud.admitted(&peering).as_ref() == Some(&admitted)
        })
        .await;
    let id = world.service().await.service_id;
    let attached = world
        .plane
        .attach_service(&world.project, &id, &vpc.id, 0)
        .await;
    attached.expect("it moves");
    world.settle_service(&id).await;
    let shown = set(&world, &id, private(&["10.20.0.0/16"])).await;
    let told = shown.warnings.concat();
    assert!(told.contains("becomes 60 ranges"), "{told}");
    let shown = set(&world, &id, private(&["10.20.0.0/17"])).await;
    assert_eq!(shown.warnings, [told], "all 60 are in it");
    let shown = set(&world, &id, private(&["10.20.0.0/18"])).await;
    assert_eq!(shown.warnings, Vec::<String>::new());
}

#[tokio::test]
async fn what_was_seen_before_another_server_acted_is_not_relied_on() {
    let world = World::new().await;
    let id = world.service().await.service_id;
    let stopped = world.plane.stop_service(&world.project, &id).await;
    stopped.expect("asked for");
    world.settle_service(&id).await;
    set(&world, &id, public(&[OFFICE])).await;
    // What another server may have done under its lease.
    let lease = format!("service:{id}");
    world
        .eventually("the lease is given back", async || {
            let given = sqlx::query(
                "UPDATE strait.lease SET holder = 'another' WHERE key = $1 AND until = '-infinity'",
            );
            let given = given.bind(&lease).execute(&world.pool).await;
            given.expect("a store").rows_affected() == 1
        })
        .await;
    world.cloud.let_everybody_in(&id);

    // It is for the way that is not open.
    set(&world, &id, private(&["10.20.0.0/16"])).await;

    assert_eq!(
        world.cloud.allowed(&id),
        [(WayKind::Public, only(&[OFFICE]))]
    );
    world.script.assert_nothing_wrong();
}
