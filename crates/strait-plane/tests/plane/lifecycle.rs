//! The life of a service.

use strait_plane::ErrorKind;
use strait_plane::model::{
    Addon, LogEntry, LogQuery, NewPeering, NewService, NewVpc, Object, ServiceStatus, Settled,
};
use strait_plane::postgres::ServiceKind;

use crate::common::cloud::PUBLIC_SOURCE;
use crate::world::{DOMAIN, REGION, World};

#[tokio::test]
async fn a_service_is_made_stopped_started_and_deleted() {
    let world = World::new().await;
    let new = NewService {
        name: Some("orders".to_owned()),
        region_code: REGION.to_owned(),
        vpc: None,
        ..NewService::default()
    };

    let created = world
        .plane
        .create_service(&world.project, new)
        .await
        .expect("a service");
    assert!(created.initial_password.len() >= 20);
    let id = created.service.service_id.clone();
    let service = world.settle_service(&id).await;

    let stem = format!("{id}.{}", world.project);
    let public = service.public_endpoint.clone().expect("a public endpoint");
    assert_eq!(service.status, ServiceStatus::Ready);
    assert_eq!(
        service.endpoint.expect("an endpoint").host,
        format!("{stem}.db.{DOMAIN}")
    );
    assert_eq!(public.host, format!("{stem}.public.{DOMAIN}"));
    assert_eq!(public.loopback_port, Some(40_001));
    let ServiceKind::Made(made) = world.postgres.spec(&id).expect("it is there").kind else {
        panic!("nobody registered it");
    };
    assert_eq!(
        made.names,
        ["db", "vpc", "public"].map(|way| format!("{stem}.{way}.{DOMAIN}"))
    );
    assert!(made.password_verifier.starts_with("SCRAM-SHA-256$4096:"));
    assert!(!made.password_verifier.contains(&created.initial_password));
    let connection = world
        .plane
        .service_connection(&world.project, "orders")
        .await
        .expect("a connection");
    assert_eq!(
        connection.dsn_from_here.expect("a line"),
        format!(
            "hostaddr=127.0.0.1 port=40001 host={stem}.db.{DOMAIN} user=tsdbadmin dbname=tsdb sslmode=verify-full sslrootcert='/tmp/strait test/ca.pem'"
        )
    );

    world
        .plane
        .stop_service(&world.project, "orders")
        .await
        .expect("stopped");
    let service = world.settle_service(&id).await;
    assert_eq!(service.status, ServiceStatus::Paused);
    assert_eq!(
        service.public_endpoint,
        Some(public),
        "a stopped service keeps its way"
    );
    assert_eq!(world.postgres.runs(&id), Some(false));

    world
        .plane
        .start_service(&world.project, "orders")
        .await
        .expect("started");
    assert_eq!(world.settle_service(&id).await.status, ServiceStatus::Ready);
    assert_eq!(world.postgres.runs(&id), Some(true));
    let [(way, known)] = &world.cloud.known(&id)[..] else {
        panic!("it has one way");
    };
    assert_eq!(known.as_ref(), Some(way), "it is asked for by its id");

    let renamed = world
        .plane
        .rename_service(&world.project, "orders", "sales")
        .await
        .expect("renamed");
    assert_eq!(
        (renamed.name.as_str(), renamed.service_id.as_str()),
        ("sales", id.as_str())
    );

    world.script.forget();
    let deleting = world
        .plane
        .delete_service(&world.project, "sales")
        .await
        .expect("deleted");
    assert_eq!(deleting.status, ServiceStatus::Deleting);
    world
        .settle(Object::Service(id.clone()), Settled::Gone)
        .await;
    assert_eq!(
        world.calls(&id),
        [
            "refuse_way public".to_owned(),
            format!("end_sessions {PUBLIC_SOURCE}"),
            "remove_way public".to_owned(),
            "publish_names".to_owned(),
            "delete".to_owned(),
        ]
    );
    assert!(world.cloud.names().is_empty());
    let gone = world
        .plane
        .service(&world.project, &id)
        .await
        .expect_err("it is gone");
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_service_that_cannot_start_says_why_and_starts_once_it_can() {
    let world = World::new().await;
    world.script.fail("ensure_running", usize::MAX, true);
    let new = NewService {
        name: None,
        region_code: REGION.to_owned(),
        vpc: None,
        ..NewService::default()
    };
    let id = world
        .plane
        .create_service(&world.project, new)
        .await
        .expect("a service")
        .service
        .service_id;

    world
        .settle(Object::Service(id.clone()), Settled::Failed)
        .await;
    let service = world.get(&id).await;
    assert_eq!(service.status, ServiceStatus::Unstable);
    let reason = service.reason.expect("a reason");
    assert_eq!(reason.code, "postgres_failed");
    assert!(
        reason.message.contains("the disk is full"),
        "{}",
        reason.message
    );
    let early = world
        .plane
        .service_connection(&world.project, &id)
        .await
        .expect_err("no address yet");
    assert_eq!(early.kind(), ErrorKind::Conflict);

    world.script.stop_failing();
    world
        .eventually("it runs", async || {
            world.get(&id).await.status == ServiceStatus::Ready
        })
        .await;
    assert_eq!(world.get(&id).await.reason, None);
}

#[tokio::test]
async fn a_service_that_was_stopped_before_it_ran_can_be_deleted() {
    let world = World::new().await;
    world.script.fail("ensure_running", usize::MAX, true);
    let new = NewService {
        name: None,
        region_code: REGION.to_owned(),
        vpc: None,
        ..NewService::default()
    };
    let id = world
        .plane
        .create_service(&world.project, new)
        .await
        .expect("a service")
        .service
        .service_id;

    world
        .plane
        .stop_service(&world.project, &id)
        .await
        .expect("stopped");
    assert_eq!(
        world.settle_service(&id).await.status,
        ServiceStatus::Paused
    );
    world
        .plane
        .delete_service(&world.project, &id)
        .await
        .expect("deleted");
    world.settle(Object::Service(id), Settled::Gone).await;
}

#[tokio::test]
async fn a_wait_ends_when_its_time_is_over() {
    let world = World::new().await;
    world.script.halt_at(0, false);
    let new = NewService {
        name: None,
        region_code: REGION.to_owned(),
        vpc: None,
        ..NewService::default()
    };
    let id = world
        .plane
        .create_service(&world.project, new)
        .await
        .expect("a service")
        .service
        .service_id;

    let settled = world
        .plane
        .settled(&Object::Service(id), std::time::Duration::from_millis(50))
        .await
        .expect("a wait");
    assert_eq!(settled, Settled::NotYet);
}

/// Servers of HTTP spawn what they answer with; this test is that it compiles.
#[tokio::test]
async fn requests_can_be_made_from_any_thread() {
    let world = World::new().await;
    let (plane, project) = (world.plane.clone(), world.project.clone());
    let task = tokio::spawn(async move {
        let new = NewService {
            name: None,
            region_code: REGION.to_owned(),
            vpc: None,
            ..NewService::default()
        };
        let id = plane
            .create_service(&project, new)
            .await?
            .service
            .service_id;
        let patience = std::time::Duration::from_secs(20);
        plane
            .settled(&Object::Service(id.clone()), patience)
            .await?;
        let vpc = NewVpc {
            name: Some("v".to_owned()),
            cidr: "10.0.0.0/24".to_owned(),
            region_code: REGION.to_owned(),
        };
        let vpc = plane.create_vpc(&project, vpc).await?.id;
        plane.settled(&Object::Vpc(vpc.clone()), patience).await?;
        let peering = NewPeering {
            peer_account_id: "111111111111".to_owned(),
            peer_vpc_id: "vpc-0123456789abcdef0".to_owned(),
            peer_region_code: REGION.to_owned(),
            ..NewPeering::default()
        };
        let peering = plane.create_peering(&project, &vpc, peering).await?.id;
        plane.customer_steps(&project, &vpc, &peering).await?;
        plane.delete_peering(&project, &vpc, &peering).await?;
        plane.attach_service(&project, &id, &vpc, 0).await?;
        plane.detach_service(&project, &id, None, 0).await?;
        plane.service_connection(&project, &id).await?;
        plane.delete_service(&project, &id).await?;
        plane.settled(&Object::Service(id), patience).await
    });

    let settled = task.await.expect("no panic").expect("all of it works");
    assert_eq!(settled, Settled::Gone);
}

#[tokio::test]
async fn a_service_has_the_addons_that_are_to_be_had_and_a_log() {
    let world = World::new().await;
    let new = || NewService {
        name: Some("metrics".to_owned()),
        region_code: REGION.to_owned(),
        addons: [Addon::TimeSeries].into(),
        ..NewService::default()
    };
    let refused = world.plane.create_service(&world.project, new()).await;
    let refused = refused.expect_err("there is no such extension");
    assert_eq!(refused.field(), Some("addons"));

    world.postgres.offer([Addon::TimeSeries]);
    let made = world.plane.create_service(&world.project, new()).await;
    let id = made.expect("made").service.service_id;
    world.settle_service(&id).await;
    let spec = world.postgres.spec(&id).expect("it is made");
    let ServiceKind::Made(made) = spec.kind else {
        panic!("it was made");
    };
    assert_eq!(made.addons, [Addon::TimeSeries].into());

    let entry = LogEntry {
        timestamp: jiff::Timestamp::UNIX_EPOCH,
        severity: "LOG".to_owned(),
        message: "ready".to_owned(),
        session: None,
    };
    world.postgres.log(vec![entry.clone(), entry.clone()]);
    let query = LogQuery {
        limit: 1,
        ..LogQuery::default()
    };
    let page = world.plane.service_logs(&world.project, &id, &query).await;
    assert_eq!(page.expect("a page").entries, [entry]);
}

#[tokio::test]
async fn a_service_is_renamed_before_it_is_ready() {
    let world = World::new().await;
    world.script.fail("ensure_running", usize::MAX, false);
    let new = NewService {
        name: Some("orders".to_owned()),
        region_code: REGION.to_owned(),
        ..NewService::default()
    };
    let made = world.plane.create_service(&world.project, new).await;
    let id = made.expect("made").service.service_id;
    let renamed = world
        .plane
        .rename_service(&world.project, &id, "sales")
        .await;
    assert_eq!(renamed.expect("renamed").name, "sales");
    assert_eq!(
        world
            .plane
            .service(&world.project, "sales")
            .await
            .expect("it")
            .service_id,
        id
    );
}
