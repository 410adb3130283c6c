//! One server watches the cloud, and lets it know what the others did.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use strait_plane::cloud::{WayKind, WaySpec};
use strait_plane::model::{OperationState, PeeringState};

use crate::registered::register;
use crate::world::World;

/// How soon the cloud is told of what another server did; on a machine that stalls another one may come to watch meanwhile.
const TOLD: Duration = Duration::from_secs(20);
/// A server that cannot renew its leases for so long may lose them.
const STALL: Duration = Duration::from_millis(2500);

#[tokio::test]
async fn ways_are_followed_that_another_server_made_as_long_as_they_are_there() {
    let world = World::with_registered().await;
    let second = World::new_on(&world).await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let service = register(&world, "db.example.com").await.expect("taken on");
    let id = world.settle_service(&service.service_id).await.service_id;
    assert_eq!(world.cloud.followed(), BTreeSet::new());
    keep_work_from_who_watches(&world).await;
    let mut by_others = 0;
    for turn in 0..4 {
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
        by_others += u32::from(worker != watcher(&world).await);
    }
    assert!(by_others > 0, "who watches made them all");
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
    for network in 0..5 {
        let vpc = second.vpc(&format!("10.0.{network}.0/24")).await;
        let (before, start) = (world.cloud.stirred(), Instant::now());
        let peer_vpc = format!("vpc-0123456789abcdef{network}");
        let peering = second.peering(&vpc.id, &peer_vpc).await;
        let is_stirred = async || world.cloud.stirred() > before;
        world.eventually("it is told", is_stirred).await;
        assert!(start.elapsed() < TOLD, "{:?}", start.elapsed());

        let range = format!("172.31.{network}.0/24");
        world.cloud.accept(&peering.id, &[&range]);
        let is_active = async || {
            let state = second.peering_state(&vpc.id, &peering.id).await;
            state == PeeringState::Active
        };
        second.eventually("it is accepted", is_active).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        // Who comes to watch after a stall tells of all that wait.
        if start.elapsed() < STALL {
            assert_eq!(world.cloud.stirred(), before + 1);
            return;
        }
    }
    panic!("the machine is too slow for any of it");
}

/// Who watches the cloud, or did last.
pub(crate) async fn watcher(world: &World) -> Option<String> {
    holder(world, "watch").await
}

async fn holder(world: &World, lease: &str) -> Option<String> {
    sqlx::query_scalar("SELECT holder FROM strait.lease WHERE key = $1")
        .bind(lease)
        .fetch_optional(&world.pool)
        .await
        .expect("an answer")
}

/// Whoever watches gets no lease of a service from now on.
async fn keep_work_from_who_watches(world: &World) {
    sqlx::raw_sql(
        "CREATE FUNCTION strait.keep_from_watcher() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             RETURN CASE WHEN NEW.holder IS DISTINCT FROM (SELECT holder FROM strait.lease WHERE key = 'watch') THEN NEW END;
         END $$;
         CREATE TRIGGER keep_from_watcher BEFORE INSERT OR UPDATE ON strait.lease FOR EACH ROW
             WHEN (NEW.key LIKE 'service:%') EXECUTE FUNCTION strait.keep_from_watcher();",
    )
    .execute(&world.pool)
    .await
    .expect("a trigger");
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
