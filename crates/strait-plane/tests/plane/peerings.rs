//! Peering connections: whose turn it is, who is let in, what the customer needs.

use strait_plane::ErrorKind;
use strait_plane::cloud::PeerState;
use strait_plane::model::{
    NewPeering, Object, Peering, PeeringState, PeeringStatus, Settled, Vpc, WaitingOn,
};

use crate::world::{REGION, World};

#[tokio::test]
async fn a_peering_waits_for_the_customer_and_then_works() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;

    let peering = ask(&world, &vpc, 1).await;
    assert!(
        peering
            .provisioned_id
            .clone()
            .expect("its id")
            .starts_with("pcx-")
    );
    assert_eq!(
        (peering.status, peering.state, peering.waiting_on),
        (
            PeeringStatus::Pending,
            PeeringState::PendingAcceptance,
            WaitingOn::Customer
        )
    );
    assert!(peering.expires_at.is_some());
    assert!(
        peering
            .next_action
            .expect("an action")
            .contains("accept pcx-")
    );
    world
        .settle(Object::Peering(peering.id.clone()), Settled::Yes)
        .await;

    world.cloud.accept(&peering.id, &["172.31.0.0/16"]);
    let peering = until(&world, &vpc, &peering.id, |peering| peering.admitted).await;

    assert_eq!(
        (peering.status, peering.state, peering.waiting_on),
        (
            PeeringStatus::Active,
            PeeringState::Active,
            WaitingOn::Nobody
        )
    );
    assert_eq!(
        (peering.expires_at, peering.next_action, peering.reason),
        (None, None, None)
    );
    assert_eq!(
        world.cloud.admitted(&peering.id),
        Some(peering.peer_cidrs.clone())
    );
    assert!(
        peering
            .peer_cidrs
            .contains(&"172.31.0.0/16".parse().expect("a range"))
    );
    let found = world
        .plane
        .peering(
            &world.project,
            &vpc.id,
            &peering.provisioned_id.expect("an id"),
        )
        .await
        .expect("by its pcx id");
    assert_eq!(found.id, peering.id);
    let listed = world
        .plane
        .list_peerings(&world.project, &vpc.id)
        .await
        .expect("a list");
    assert_eq!(listed, [found]);

    world
        .plane
        .delete_peering(&world.project, &vpc.id, &peering.id)
        .await
        .expect("deleted");
    world
        .settle(Object::Peering(peering.id), Settled::Gone)
        .await;
    assert_eq!(world.cloud.peerings(), 0);
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_peering_that_ends_says_how_and_gives_its_place_up() {
    for (state, words, status, kept, code) in [
        (
            PeerState::Failed,
            "overlapping CIDR",
            PeeringStatus::Invalid,
            PeeringState::Failed,
            "peering_failed",
        ),
        (
            PeerState::Expired,
            "",
            PeeringStatus::Timeout,
            PeeringState::Expired,
            "peering_expired",
        ),
        (
            PeerState::Rejected,
            "Rejected by 1",
            PeeringStatus::Disabled,
            PeeringState::Rejected,
            "peering_rejected",
        ),
        (
            PeerState::Deleted,
            "Deleted by 1",
            PeeringStatus::Disabled,
            PeeringState::Deleted,
            "peering_deleted",
        ),
    ] {
        let world = World::new().await;
        let vpc = world.vpc("10.0.0.0/24").await;
        let peering = ask(&world, &vpc, 1).await;
        world.cloud.customer(&peering.id, |observed| {
            observed.state = state;
            observed.message = words.to_owned();
        });

        let ended = until(&world, &vpc, &peering.id, |peering| {
            peering.reason.is_some()
        })
        .await;
        assert_eq!((ended.status, ended.state), (status, kept));
        assert_eq!(ended.waiting_on, WaitingOn::Provider);
        let reason = ended.reason.expect("a reason");
        assert_eq!(reason.code, code);
        assert!(reason.message.contains(words), "{}", reason.message);
        world
            .settle(Object::Peering(peering.id.clone()), Settled::Failed)
            .await;

        // The same VPC can be asked again, and the Peering VPC is not held by what ended.
        let again = ask(&world, &vpc, 1).await;
        assert_ne!(again.id, peering.id);
        world
            .plane
            .delete_peering(&world.project, &vpc.id, &again.id)
            .await
            .expect("deleted");
        world
            .plane
            .delete_vpc(&world.project, &vpc.id, false)
            .await
            .expect("nothing uses it");
        world.settle(Object::Vpc(vpc.id), Settled::Gone).await;
    }
}

#[tokio::test]
async fn why_one_ended_is_not_said_of_it_when_it_was_asked_for_again_meanwhile() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let (first, second) = (ask(&world, &vpc, 1).await, ask(&world, &vpc, 2).await);
    world.cloud.accept(&second.id, &["172.31.0.0/16"]);
    until(&world, &vpc, &second.id, |peering| peering.admitted).await;
    // Both end, and their server is held up before it says why.
    world.script.hold(&format!("admit_peer {}", second.id));
    let end = |id: &str, state| {
        world.cloud.customer(id, |observed| observed.state = state);
    };
    end(&first.id, PeerState::Rejected);
    end(&second.id, PeerState::Deleted);
    world
        .eventually("it is held up", async || world.script.holds())
        .await;

    let request = world
        .plane
        .request_peering(&world.project, &vpc.id, &first.id);
    request.await.expect("asked for again");
    world.script.release();
    world.script.hold(&format!("ensure_peering {}", first.id));
    world
        .eventually("it is asked for", async || world.script.holds())
        .await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let again = until(&world, &vpc, &first.id, |_| true).await;
    assert_eq!(again.reason, None);
    assert_eq!(again.state, PeeringState::InitiatingRequest);

    world.script.release();
    let again = world.settled_peering(&vpc.id, &first.id).await;
    assert_eq!(again.state, PeeringState::PendingAcceptance);
    let ended = until(&world, &vpc, &second.id, |_| true).await;
    assert_eq!(ended.reason.expect("a reason").code, "peering_deleted");
}

#[tokio::test]
async fn what_the_customer_deletes_is_let_in_no_longer() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let peering = ask(&world, &vpc, 1).await;
    world.cloud.accept(&peering.id, &["172.31.0.0/16"]);
    until(&world, &vpc, &peering.id, |peering| peering.admitted).await;

    world
        .cloud
        .customer(&peering.id, |observed| observed.state = PeerState::Deleted);
    let ended = until(&world, &vpc, &peering.id, |peering| {
        peering.reason.is_some()
    })
    .await;

    assert!(!ended.admitted);
    assert_eq!(
        world.cloud.admitted(&peering.id).map(|ranges| ranges.len()),
        Some(0)
    );
}

#[tokio::test]
async fn the_second_of_two_customers_with_one_range_is_told_and_the_first_untouched() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let (first, second) = (ask(&world, &vpc, 1).await, ask(&world, &vpc, 2).await);
    // The younger one accepts first: who is in stays in.
    world
        .cloud
        .accept(&second.id, &["172.31.0.0/16", "172.30.0.0/16"]);
    until(&world, &vpc, &second.id, |peering| peering.admitted).await;
    let before = world
        .plane
        .peering(&world.project, &vpc.id, &second.id)
        .await
        .expect("a peering");

    world.cloud.accept(&first.id, &["172.31.4.0/24"]);
    let refused = until(&world, &vpc, &first.id, |peering| peering.reason.is_some()).await;

    assert_eq!(
        (refused.status, refused.state),
        (PeeringStatus::Invalid, PeeringState::Active)
    );
    assert!(!refused.admitted);
    let reason = refused.reason.expect("a reason");
    assert_eq!(reason.code, "peer_range_overlaps");
    for part in [
        "172.31.4.0/24",
        "172.31.0.0/16",
        "use another Peering VPC",
        &second.id,
    ] {
        assert!(reason.message.contains(part), "{part}: {}", reason.message);
    }
    assert!(
        refused
            .next_action
            .expect("an action")
            .contains("another Peering VPC")
    );
    assert_eq!(
        world.cloud.admitted(&first.id).map(|ranges| ranges.len()),
        Some(0)
    );
    let after = world
        .plane
        .peering(&world.project, &vpc.id, &second.id)
        .await
        .expect("a peering");
    assert_eq!((after.admitted, after.reason.clone()), (true, None));
    assert_eq!(after.updated, before.updated, "the other one is untouched");
    world
        .settle(Object::Peering(first.id.clone()), Settled::Failed)
        .await;

    world
        .plane
        .delete_peering(&world.project, &vpc.id, &second.id)
        .await
        .expect("deleted");
    let let_in = until(&world, &vpc, &first.id, |peering| peering.admitted).await;
    assert_eq!(
        (let_in.status, let_in.reason),
        (PeeringStatus::Active, None)
    );
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_range_that_is_added_later_is_let_in_or_refused_alone() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let (first, second) = (ask(&world, &vpc, 1).await, ask(&world, &vpc, 2).await);
    world.cloud.accept(&first.id, &["172.20.0.0/16"]);
    world.cloud.accept(&second.id, &["172.21.0.0/16"]);
    until(&world, &vpc, &first.id, |peering| peering.admitted).await;
    until(&world, &vpc, &second.id, |peering| peering.admitted).await;

    world
        .cloud
        .accept(&first.id, &["172.20.0.0/16", "172.22.0.0/16"]);
    world
        .eventually("the new range is let in", async || {
            world
                .cloud
                .admitted(&first.id)
                .is_some_and(|ranges| ranges.len() == 2)
        })
        .await;

    world
        .cloud
        .accept(&second.id, &["172.21.0.0/16", "172.22.8.0/24"]);
    let grown = until(&world, &vpc, &second.id, |peering| peering.reason.is_some()).await;
    assert_eq!(
        (grown.status, grown.admitted),
        (PeeringStatus::Active, true)
    );
    assert_eq!(
        world.cloud.admitted(&second.id).map(|ranges| ranges.len()),
        Some(1)
    );
    assert_eq!(
        world.cloud.admitted(&first.id).map(|ranges| ranges.len()),
        Some(2)
    );
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn only_the_ranges_that_were_asked_for_are_let_in() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let asked = |blocks: &[&str]| blocks.iter().map(ToString::to_string).collect::<Vec<_>>();
    let new = NewPeering {
        peer_cidr_blocks: asked(&["172.31.4.0/24", "172.31.4.0/24", "172.30.0.0/15"]),
        ..peer(1)
    };
    let peering = world
        .plane
        .create_peering(&world.project, &vpc.id, new)
        .await
        .expect("a peering");
    let peering = world.settled_peering(&vpc.id, &peering.id).await;
    let blocks = peering.peer_cidr_blocks.clone().expect("they are kept");
    assert_eq!(blocks.len(), 2, "they are a set");
    world.cloud.accept(&peering.id, &["172.31.0.0/16"]);
    let active = until(&world, &vpc, &peering.id, |peering| peering.admitted).await;
    assert_eq!((active.peer_cidrs.len(), active.reason), (1, None));
    let admitted = || world.cloud.admitted(&peering.id).unwrap_or_default();
    assert_eq!(
        admitted(),
        ["172.31.0.0/16".parse().expect("a range")].into()
    );

    let set = async |blocks: &[&str]| {
        let blocks = asked(blocks);
        let plane = &world.plane;
        plane
            .set_peering_ranges(&world.project, &vpc.id, &peering.id, &blocks)
            .await
    };
    set(&["172.31.4.0/24"]).await.expect("set");
    world
        .eventually("less is let in", async || {
            admitted() == ["172.31.4.0/24".parse().expect("a range")].into()
        })
        .await;
    let settled = Object::Peering(peering.id.clone());
    world.settle(settled.clone(), Settled::Yes).await;

    set(&["192.168.0.0/24"]).await.expect("set");
    let elsewhere = until(&world, &vpc, &peering.id, |peering| {
        peering.reason.is_some() && !peering.admitted
    })
    .await;
    assert_eq!(elsewhere.status, PeeringStatus::Invalid);
    let reason = elsewhere.reason.expect("a reason");
    assert_eq!(reason.code, "peer_range_elsewhere");
    assert!(
        reason.message.contains("172.31.0.0/16"),
        "{}",
        reason.message
    );
    assert!(
        elsewhere
            .next_action
            .expect("an action")
            .contains("peer_cidr_blocks")
    );

    set(&[]).await.expect("set");
    let all = until(&world, &vpc, &peering.id, |peering| peering.admitted).await;
    assert_eq!((all.peer_cidr_blocks, all.reason), (None, None));
    assert_eq!(admitted(), all.peer_cidrs);
    for bad in ["172.31.4.1/24", "172.31/16", "x"] {
        let refused = set(&[bad]).await.expect_err("refused");
        assert_eq!(refused.field(), Some("peer_cidr_blocks"), "{bad}");
    }
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn nothing_is_done_where_nothing_is_to_do() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await.service_id;
    world
        .plane
        .attach_service(&world.project, &id, &vpc.id, 0)
        .await
        .expect("attached");
    world.settle_service(&id).await;
    let peering = ask(&world, &vpc, 1).await;
    world.cloud.accept(&peering.id, &["172.31.0.0/16"]);
    until(&world, &vpc, &peering.id, |peering| peering.admitted).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    world.script.forget();
    let start = std::time::Instant::now();

    tokio::time::sleep(std::time::Duration::from_secs(5)).await;

    // The cloud's watch ends every 2 s at the latest, and each time one look is due.
    let log = world.script.log();
    let due = start.elapsed().as_secs() / 2 + 2;
    assert!(log.len() as u64 <= due, "{log:#?}");
    assert!(
        log.iter().all(|call| call.starts_with("ensure_peering")),
        "{log:#?}"
    );
}

#[tokio::test]
async fn one_pair_of_vpcs_is_peered_once() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let peering = ask(&world, &vpc, 1).await;

    let error = world
        .plane
        .create_peering(&world.project, &vpc.id, peer(1))
        .await
        .expect_err("there is one");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains(&peering.id), "{error}");
}

#[tokio::test]
async fn one_that_the_cloud_refuses_is_invalid_and_holds_up_nobody() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let good = ask(&world, &vpc, 1).await;
    world.script.fail("ensure_peering", 1, true);
    // Whichever look the failure meets, the plane comes through; the next one is refused for good.
    world.cloud.accept(&good.id, &["172.31.0.0/16"]);
    until(&world, &vpc, &good.id, |peering| {
        peering.admitted && peering.reason.is_none()
    })
    .await;

    let bad = ask_while_refused(&world, &vpc).await;
    assert_eq!(
        (bad.status, bad.state),
        (PeeringStatus::Invalid, PeeringState::InitiatingRequest)
    );
    assert_eq!(bad.reason.expect("a reason").code, "VpcLimitExceeded");
    let still = world
        .plane
        .peering(&world.project, &vpc.id, &good.id)
        .await
        .expect("the other one");
    assert!(still.admitted);

    world.script.stop_failing();
    let mended = until(&world, &vpc, &bad.id, |peering| {
        peering.provisioned_id.is_some() && peering.reason.is_none()
    })
    .await;
    assert_eq!(mended.status, PeeringStatus::Pending);
}

async fn ask_while_refused(world: &World, vpc: &Vpc) -> Peering {
    world.script.fail("ensure_peering", usize::MAX, true);
    let bad = ask(world, vpc, 7).await;
    world
        .settle(Object::Peering(bad.id.clone()), Settled::Failed)
        .await;
    world
        .plane
        .peering(&world.project, &vpc.id, &bad.id)
        .await
        .expect("the peering")
}

/// Asks for a connection; it has its id, or cannot have one.
async fn ask(world: &World, vpc: &Vpc, n: u32) -> Peering {
    let asked = world
        .plane
        .create_peering(&world.project, &vpc.id, peer(n))
        .await
        .expect("a peering");
    until(world, vpc, &asked.id, |peering| {
        peering.provisioned_id.is_some() || peering.reason.is_some()
    })
    .await
}

async fn until(world: &World, vpc: &Vpc, id: &str, good: impl Fn(&Peering) -> bool) -> Peering {
    let get = async || {
        world
            .plane
            .peering(&world.project, &vpc.id, id)
            .await
            .expect("the peering")
    };
    world
        .eventually(&format!("peering {id} as expected"), async || {
            good(&get().await)
        })
        .await;
    get().await
}

fn peer(n: u32) -> NewPeering {
    NewPeering {
        peer_account_id: "111111111111".to_owned(),
        peer_vpc_id: format!("vpc-{n:017x}"),
        peer_region_code: REGION.to_owned(),
        ..NewPeering::default()
    }
}
