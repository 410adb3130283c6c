//! Allow lists: who is let in by which way, wherever the service is, and whose sessions end.

use std::net::Ipv4Addr;

use strait_plane::ErrorKind;
use strait_plane::cloud::{Allowed, WayKind};
use strait_plane::model::{
    Action, AllowChange, ListChange, NewAllowEntry, Object, OperationState, Settled,
};

use crate::world::World;

pub(crate) const OFFICE: &str = "203.0.113.0/24";
const IN_OFFICE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 5);
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);

#[tokio::test]
async fn a_list_is_obeyed_when_the_answer_comes_and_until_it_is_taken_away() {
    let world = World::new().await;
    let id = world.service().await.service_id;
    assert_eq!(
        world.cloud.allowed(&id),
        [(WayKind::Public, Allowed::Everybody)]
    );
    world.script.forget();

    let shown = set(&world, &id, public(&[OFFICE])).await;
    assert!(shown.in_effect, "{shown:?}");
    assert_eq!(
        world.cloud.allowed(&id),
        [(WayKind::Public, only(&[OFFICE]))]
    );
    let operation = world.ended(shown.operation_id).await;
    assert_eq!(operation.action, Action::ServiceAllow);
    assert_eq!(operation.state, OperationState::Succeeded);
    assert!(
        operation.steps.iter().all(|step| step.ended.is_some()),
        "{operation:#?}"
    );
    let calls = world.calls(&id);
    let at = |call: &str| calls.iter().position(|made| made.starts_with(call));
    assert!(
        at("ensure_way") < at("cut_off") && at("cut_off").is_some(),
        "the rule first, then the sessions: {calls:?}"
    );

    set(&world, &id, public(&[])).await;
    assert_eq!(
        world.cloud.allowed(&id),
        [(WayKind::Public, only(&[]))],
        "nobody"
    );
    let open = AllowChange {
        public: ListChange::Open,
        ..AllowChange::default()
    };
    set(&world, &id, open).await;
    assert_eq!(
        world.cloud.allowed(&id),
        [(WayKind::Public, Allowed::Everybody)]
    );
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn lists_stay_wherever_the_service_moves() {
    let world = World::new().await;
    let (first, second) = (
        world.vpc("10.0.0.0/24").await,
        world.vpc("10.0.1.0/24").await,
    );
    for (vpc, peer, range) in [
        (&first, "vpc-00000000000000001", "10.20.0.0/16"),
        (&second, "vpc-00000000000000002", "10.30.0.0/16"),
    ] {
        admit(&world, &vpc.id, peer, range).await;
    }
    let id = world.service().await.service_id;
    let both = AllowChange {
        public: list(&[OFFICE]),
        private: list(&["10.20.7.0/24", "10.0.0.0/8", "172.16.0.0/12"]),
        ..AllowChange::default()
    };
    set(&world, &id, both).await;
    assert_eq!(
        world.cloud.allowed(&id),
        [(WayKind::Public, only(&[OFFICE]))]
    );

    for (vpc, ranges) in [
        (&first, &["10.20.0.0/16"][..]),
        (&second, &["10.30.0.0/16"]),
    ] {
        world.script.forget();
        world
            .plane
            .attach_service(&world.project, &id, &vpc.id, 0)
            .await
            .expect("it moves");
        world.settle_service(&id).await;
        let kind = WayKind::Private {
            vpc: vpc.id.clone(),
        };
        assert_eq!(
            world.cloud.allowed(&id),
            [(kind, only(ranges))],
            "of the peers' ranges, those of the list"
        );
    }
    world
        .plane
        .detach_service(&world.project, &id, None, 0)
        .await
        .expect("it moves");
    world.settle_service(&id).await;
    assert_eq!(
        world.cloud.allowed(&id),
        [(WayKind::Public, only(&[OFFICE]))]
    );
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_peer_that_comes_later_is_let_in_as_far_as_the_list_says() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await.service_id;
    set(&world, &id, private(&["10.20.7.0/24", "10.30.0.0/16"])).await;
    world
        .plane
        .attach_service(&world.project, &id, &vpc.id, 0)
        .await
        .expect("it moves");
    world.settle_service(&id).await;
    let kind = WayKind::Private {
        vpc: vpc.id.clone(),
    };
    assert_eq!(
        world.cloud.allowed(&id),
        [(kind.clone(), only(&[]))],
        "there is no peer"
    );
    let warned = world
        .plane
        .allow_lists(&world.project, &id)
        .await
        .expect("lists");
    assert!(
        warned
            .warnings
            .concat()
            .contains("no network that is peered"),
        "{warned:?}"
    );

    admit(&world, &vpc.id, "vpc-00000000000000001", "10.20.0.0/16").await;
    let expected = [(kind, only(&["10.20.7.0/24"]))];
    world
        .eventually("the peer is let in", async || {
            world.cloud.allowed(&id) == expected
        })
        .await;
    let calm = world
        .plane
        .allow_lists(&world.project, &id)
        .await
        .expect("lists");
    assert_eq!(calm.warnings, Vec::<String>::new());
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn sessions_end_of_those_who_may_not_come_any_more_and_only_if_that_is_wanted() {
    let world = World::new().await;
    let id = world.service().await.service_id;
    world.cloud.connect(&id, IN_OFFICE, 1);
    world.cloud.connect(&id, ELSEWHERE, 2);
    let change = AllowChange {
        force: false,
        ..public(&[OFFICE])
    };
    let refused = world
        .plane
        .set_allow_lists(&world.project, &id, &change)
        .await
        .expect_err("it would end sessions");
    assert_eq!(refused.kind(), ErrorKind::CutsSessions);
    let told = refused.to_string();
    assert!(
        told.contains("2 sessions") && told.contains("192.0.2.7 (2)"),
        "{told}"
    );
    assert_eq!(
        world.cloud.allowed(&id),
        [(WayKind::Public, Allowed::Everybody)]
    );

    // What ends nobody's session needs no force.
    let wider = AllowChange {
        force: false,
        ..public(&[OFFICE, "192.0.2.0/24"])
    };
    set(&world, &id, wider).await;
    assert_eq!(world.cloud.clients(&id).len(), 2);
    set(&world, &id, public(&[OFFICE])).await;
    assert_eq!(
        world.cloud.clients(&id).into_keys().collect::<Vec<_>>(),
        [IN_OFFICE]
    );
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn where_sessions_cannot_be_ended_by_address_that_is_said() {
    let world = World::new().await;
    let id = world.service().await.service_id;
    world.cloud.connect(&id, ELSEWHERE, 1);
    world.cloud.know_no_clients();
    let change = AllowChange {
        force: false,
        ..public(&[OFFICE])
    };
    set(&world, &id, change).await;
    let notice = world.get(&id).await.notice.unwrap_or_default();
    assert!(notice.contains("go on until they end"), "{notice}");
}

#[tokio::test]
async fn a_stopped_service_and_a_broken_one_obey_too() {
    let world = World::new().await;
    let id = world.service().await.service_id;
    world
        .plane
        .stop_service(&world.project, &id)
        .await
        .expect("it stops");
    world.settle_service(&id).await;
    set(&world, &id, public(&[OFFICE])).await;
    assert_eq!(
        world.cloud.allowed(&id),
        [(WayKind::Public, only(&[OFFICE]))]
    );

    world
        .script
        .fail(&format!("ensure_running {id}"), usize::MAX, true);
    world
        .plane
        .start_service(&world.project, &id)
        .await
        .expect("asked for");
    world
        .settle(Object::Service(id.clone()), Settled::Failed)
        .await;
    let narrower = public(&["203.0.113.0/28"]);
    let narrow = world.plane.set_allow_lists(&world.project, &id, &narrower);
    // The answer waits for the operation, which waits for PostgreSQL.
    let obeyed = world.eventually("the way is narrowed", async || {
        world.cloud.allowed(&id) == [(WayKind::Public, only(&["203.0.113.0/28"]))]
    });
    let (_, asked) = tokio::join!(obeyed, narrow);
    asked.expect("it is taken on");
}

#[tokio::test]
async fn a_new_server_sees_to_it_again() {
    let world = World::new().await;
    let id = world.service().await.service_id;
    set(&world, &id, public(&[OFFICE])).await;
    // As if somebody had changed the cloud's rules, and sessions had come by them.
    world.cloud.let_everybody_in(&id);
    world.cloud.connect(&id, ELSEWHERE, 1);
    let world = world.restart().await;
    world
        .eventually("the list is obeyed again", async || {
            world.cloud.allowed(&id) == [(WayKind::Public, only(&[OFFICE]))]
                && world.cloud.clients(&id).is_empty()
        })
        .await;
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_change_that_the_cloud_refuses_is_no_success() {
    let world = World::new().await;
    let id = world.service().await.service_id;
    world
        .script
        .fail(&format!("ensure_way {id} public"), 1, false);
    let shown = set(&world, &id, public(&[OFFICE])).await;
    assert!(
        shown.in_effect,
        "what fails for now is tried again: {shown:?}"
    );
    let call = format!("ensure_way {id} public");
    world.script.fail(&call, usize::MAX, true);
    let (project, plane) = (world.project.clone(), world.plane.clone());
    let (service, change) = (id.clone(), public(&[]));
    let asked =
        tokio::spawn(async move { plane.set_allow_lists(&project, &service, &change).await });
    world
        .eventually("it is said why it is not done", async || {
            world.get(&id).await.reason.is_some()
        })
        .await;
    let shown = world
        .plane
        .allow_lists(&world.project, &id)
        .await
        .expect("lists");
    assert!(!shown.in_effect, "{shown:?}");
    assert_eq!(shown.lists.public, Some(Vec::new()), "it is what is wanted");
    world.script.stop_failing();
    let shown = asked.await.expect("no panic").expect("an answer");
    let id_of_operation = shown.operation_id.clone();
    assert_eq!(
        world.ended(id_of_operation).await.state,
        OperationState::Succeeded
    );
    assert_eq!(world.cloud.allowed(&id), [(WayKind::Public, only(&[]))]);
}

/// A peering connection to this VPC that the customer has accepted, with this range let in.
pub(crate) async fn admit(world: &World, vpc: &str, peer: &str, range: &str) {
    let peering = world.peering(vpc, peer).await.id;
    world.cloud.accept(&peering, &[range]);
    let admitted = Some([range.parse().expect("a range")].into());
    world
        .eventually("the peer is let in", async || {
            world.cloud.admitted(&peering) == admitted
        })
        .await;
}

pub(crate) async fn set(
    world: &World,
    service: &str,
    change: AllowChange,
) -> strait_plane::model::ShownAllowLists {
    let asked = world
        .plane
        .set_allow_lists(&world.project, service, &change);
    asked.await.expect("a change of lists")
}

pub(crate) fn public(ranges: &[&str]) -> AllowChange {
    AllowChange {
        public: list(ranges),
        force: true,
        ..AllowChange::default()
    }
}

pub(crate) fn private(ranges: &[&str]) -> AllowChange {
    AllowChange {
        private: list(ranges),
        force: true,
        ..AllowChange::default()
    }
}

fn list(ranges: &[&str]) -> ListChange {
    let entries = ranges.iter().map(|range| NewAllowEntry {
        cidr: (*range).to_owned(),
        description: String::new(),
    });
    ListChange::Only(entries.collect())
}

pub(crate) fn only(ranges: &[&str]) -> Allowed {
    Allowed::Only(
        ranges
            .iter()
            .map(|range| range.parse().expect("a range"))
            .collect(),
    )
}
