//! One server watches the cloud, and lets it know what the others did.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use strait_plane::cloud::{WayKind, WaySpec};
use strait_plane::model::{OperationState, PeeringState};

use crate::registered::register;
use crate::world::World;

/// How soon the cloud is told of what another server did.
const TOLD: Duration = Duration::from_secs(5);

#[tokio::test]
async fn ways_are_followed_that_another_server_made_as_long_as_they_are_there() {
    let world = World::with_registered().await;
    let second = World::new_on(&world).await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let service = register(&world, "db.example.com").await.expect("taken on");
    let id = world.settle_service(&service.service_id).await.service_id;
    assert_eq!(world.cloud.followed(), BTreeSet::new());
    let mut by_others = 0;
    for turn in 0..40 {
        let (plane, project) = (&second.plane, &second.project);
        let asked = match turn % 2 {
            0 => plane.attach_service(project, &id, &vpc.id, 0).await,
            _ => plane.detach_service(project, &id, None, 0).await,
        };
        let ended = second.ended(asked.expect("asked for").operation_id).await;
        assert_eq!(ended.state, OperationState::Succeeded);
        let start = Instant::now();
        let wanted: BTreeSet<WaySpec> = match turn % 2 {
            0 => BTreeSet::from([way(&world, &id, &vpc.id).await]),
            _ => BTreeSet::new(),
        };
        let is_told = async || world.cloud.followed() == wanted;
        world.eventually("the cloud is told", is_told).await;
        assert!(start.elapsed() < TOLD, "{:?}", start.elapsed());
        let worker = holder(&world, &format!("service:{id}")).await;
        if turn % 2 == 0 && worker != watcher(&world).await {
            by_others += 1;
        }
        if by_others == 2 && turn % 2 == 1 {
            return;
        }
    }
    panic!("only {by_others} ways were made by who does not watch");
}

#[tokio::test]
async fn who_begins_to_watch_follows_what_is_there() {
    let world = World::with_registered().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let service = register(&world, "db.example.com").await.expect("taken on");
    let id = world.settle_service(&service.service_id).await.service_id;
    let asked = world.plane.attach_service(&world.project, &id, &vpc.id, 0);
    world
        .ended(asked.await.expect("asked for").operation_id)
        .await;
    let followed = BTreeSet::from([way(&world, &id, &vpc.id).await]);
    let is_told = async || world.cloud.followed() == followed;
    world.eventually("the cloud is told", is_told).await;

    strait_plane::cloud::Cloud::follow(&*world.cloud, &BTreeSet::new());
    let other = World::new_on(&world).await;
    world.plane.shutdown().await;

    let is_told = async || other.cloud.followed() == followed;
    other.eventually("the cloud is told", is_told).await;
}

#[tokio::test]
async fn the_cloud_is_stirred_when_a_customer_is_asked_and_only_then() {
    let world = World::new().await;
    let second = World::new_on(&world).await;
    let vpc = second.vpc("10.0.0.0/24").await;
    let peering = second.peering(&vpc.id, "vpc-0123456789abcdef0").await;
    let is_stirred = async || world.cloud.stirred() > 0;
    let start = Instant::now();
    world.eventually("it is told", is_stirred).await;
    assert!(start.elapsed() < TOLD, "{:?}", start.elapsed());

    world.cloud.accept(&peering.id, &["172.31.0.0/16"]);
    let is_active = async || {
        let state = second.peering_state(&vpc.id, &peering.id).await;
        state == PeeringState::Active
    };
    second.eventually("it is accepted", is_active).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.cloud.stirred(), 1);
}

/// Who watches the cloud, or did last.
pub(crate) async fn watcher(world: &World) -> String {
    holder(world, "watch").await
}

async fn holder(world: &World, lease: &str) -> String {
    sqlx::query_scalar("SELECT holder FROM strait.lease WHERE key = $1")
        .bind(lease)
        .fetch_one(&world.pool)
        .await
        .expect("a holder")
}

async fn way(world: &World, service: &str, vpc: &str) -> WaySpec {
    let service = world.get(service).await;
    WaySpec {
        service: service.service_id,
        region: service.region_code,
        kind: WayKind::Private {
            vpc: vpc.to_owned(),
        },
        registration: service.registration,
    }
}
