//! Attach, move and detach: in which order, and what is left when a step fails.

use strait_plane::cloud::WayKind;
use strait_plane::model::{Network, NewService, NewVpc, Object, ServiceStatus, Settled};
use strait_plane::{ErrorKind, Plane};

use crate::common::cloud::{PRIVATE_SOURCE, PUBLIC_SOURCE};
use crate::world::{DOMAIN, REGION, World};

#[tokio::test]
async fn attach_opens_probes_switches_and_closes_in_this_order() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await.service_id;
    world.postgres.connect(&id, PUBLIC_SOURCE, 3);
    world.script.forget();

    let answer = attach(&world.plane, &world.project, &id, &vpc.id).await;
    assert_eq!(answer.wanted, Network::Vpc(vpc.id.clone()));
    assert!(!answer.settled);
    let service = world.settle_service(&id).await;

    let private = format!("vpc:{}", vpc.id);
    assert_eq!(
        world.calls(&id),
        [
            "ensure_running".to_owned(),
            format!("ensure_way {private}"),
            format!("probe_way {private}"),
            "publish_names".to_owned(),
            "refuse_way public".to_owned(),
            format!("end_sessions {PUBLIC_SOURCE}"),
            format!("end_sessions {PUBLIC_SOURCE}"),
            "remove_way public".to_owned(),
        ]
    );
    assert_eq!(world.postgres.sessions(&id, PUBLIC_SOURCE), 0);
    assert_eq!(service.status, ServiceStatus::Ready);
    assert!(service.network.settled);
    assert_eq!(service.network.now, Some(Network::Vpc(vpc.id.clone())));
    assert!(service.public_endpoint.is_none());
    let endpoint = service.vpc_endpoint.expect("a private endpoint");
    assert_eq!(endpoint.vpc_id, vpc.id);
    assert_eq!(endpoint.port, 5432);
    let stem = format!("{id}.{}", world.project);
    assert_eq!(endpoint.host, format!("{stem}.vpc.{DOMAIN}"));
    let names = world.cloud.names();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(names[&format!("{stem}.db.{DOMAIN}")], endpoint.address);
    assert_eq!(names[&format!("{stem}.vpc.{DOMAIN}")], endpoint.address);
    let connection = world
        .plane
        .service_connection(&world.project, &id)
        .await
        .expect("a connection");
    assert_eq!(connection.dsn_from_here, None);
    assert_eq!(
        connection.dsn,
        format!(
            "host={stem}.db.{DOMAIN} port=5432 user=tsdbadmin dbname=tsdb sslmode=verify-full sslrootcert='/tmp/strait test/ca.pem'"
        )
    );
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_way_without_sessions_is_closed_without_a_wait() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await.service_id;
    world.script.forget();

    attach(&world.plane, &world.project, &id, &vpc.id).await;
    world.settle_service(&id).await;

    let ends = world
        .calls(&id)
        .iter()
        .filter(|call| call.starts_with("end_sessions"))
        .count();
    assert_eq!(ends, 1);
}

#[tokio::test]
async fn moves_and_detach_close_the_former_way() {
    let world = World::new().await;
    let (first, second) = (
        world.vpc("10.0.0.0/24").await,
        world.vpc("10.0.1.0/24").await,
    );
    let id = world.service().await.service_id;
    attach(&world.plane, &world.project, &id, &first.id).await;
    world.settle_service(&id).await;
    world.postgres.connect(&id, PRIVATE_SOURCE, 1);
    world.script.forget();

    attach(&world.plane, &world.project, &id, &second.name).await;
    world.settle_service(&id).await;

    assert_eq!(
        world.calls(&id),
        [
            "ensure_running".to_owned(),
            format!("ensure_way vpc:{}", second.id),
            format!("probe_way vpc:{}", second.id),
            "publish_names".to_owned(),
            format!("refuse_way vpc:{}", first.id),
            format!("end_sessions {PRIVATE_SOURCE}"),
            format!("end_sessions {PRIVATE_SOURCE}"),
            format!("remove_way vpc:{}", first.id),
        ]
    );
    let wrong = world
        .plane
        .detach_service(&world.project, &id, Some(&first.id), 0)
        .await
        .expect_err("it is elsewhere");
    assert_eq!(wrong.kind(), ErrorKind::Conflict);
    world.script.forget();

    world
        .plane
        .detach_service(&world.project, &id, Some(&second.id), 0)
        .await
        .expect("detached");
    let service = world.settle_service(&id).await;

    assert_eq!(
        world.calls(&id),
        [
            "ensure_running".to_owned(),
            "ensure_way public".to_owned(),
            "probe_way public".to_owned(),
            "publish_names".to_owned(),
            format!("refuse_way vpc:{}", second.id),
            format!("end_sessions {PRIVATE_SOURCE}"),
            format!("remove_way vpc:{}", second.id),
        ]
    );
    assert_eq!(world.cloud.ways(&id), [(WayKind::Public, false)]);
    let public = service.public_endpoint.expect("public again");
    let stem = format!("{id}.{}", world.project);
    let names = world.cloud.names();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(names[&format!("{stem}.db.{DOMAIN}")], public.address);
    assert_eq!(names[&format!("{stem}.public.{DOMAIN}")], public.address);
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_move_that_fails_before_the_close_goes_back_by_itself() {
    for (from, to) in [(None, Some(0)), (Some(0), Some(1)), (Some(0), None)] {
        for call in ["ensure_way", "probe_way", "publish_names"] {
            let world = World::new().await;
            let vpcs = [
                world.vpc("10.0.0.0/24").await.id,
                world.vpc("10.0.1.0/24").await.id,
            ];
            let place = |vpc: Option<usize>| match vpc {
                Some(number) => Network::Vpc(vpcs[number].clone()),
                None => Network::Public,
            };
            goes_back_and_works_later(&world, &place(from), &place(to), call).await;
        }
    }
}

#[tokio::test]
async fn a_way_that_is_half_closed_is_opened_anew() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await.service_id;
    world
        .script
        .fail(&format!("remove_way {id} public"), usize::MAX, true);
    attach(&world.plane, &world.project, &id, &vpc.id).await;
    world
        .settle(Object::Service(id.clone()), Settled::Failed)
        .await;
    let service = world.get(&id).await;
    assert_eq!(service.network.now, Some(Network::Vpc(vpc.id.clone())));
    assert!(!service.network.settled, "the public way is not gone yet");
    assert!(world.cloud.ways(&id).contains(&(WayKind::Public, true)));

    // It cannot be opened anew as long as it cannot be closed, and nothing is lost by trying.
    let detach = async || {
        let detached = world.plane.detach_service(&world.project, &id, None, 0);
        detached.await.expect("asked for");
    };
    detach().await;
    world
        .settle(Object::Service(id.clone()), Settled::Failed)
        .await;
    let service = world.get(&id).await;
    assert_eq!(service.network.now, Some(Network::Vpc(vpc.id.clone())));
    world.script.stop_failing();
    detach().await;
    world.settle_service(&id).await;

    assert_eq!(world.cloud.ways(&id), [(WayKind::Public, false)]);
    assert_eq!(world.get(&id).await.network.now, Some(Network::Public));
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn what_fails_for_now_is_tried_again() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await.service_id;
    for call in [
        "ensure_way",
        "probe_way",
        "publish_names",
        "refuse_way",
        "end_sessions",
        "remove_way",
    ] {
        world.script.fail(call, 1, false);
    }

    attach(&world.plane, &world.project, &id, &vpc.id).await;
    let service = world.settle_service(&id).await;

    assert!(service.network.settled);
    assert_eq!(service.reason, None);
    let kind = WayKind::Private {
        vpc: vpc.id.clone(),
    };
    assert_eq!(world.cloud.ways(&id), [(kind, false)]);
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_way_that_is_slow_is_waited_for() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await.service_id;
    world.cloud.slow_ways(4);

    attach(&world.plane, &world.project, &id, &vpc.id).await;
    let service = world.settle_service(&id).await;

    assert!(service.network.settled);
    world.script.assert_nothing_wrong();
}

#[tokio::test]
async fn a_service_can_be_private_from_its_start() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let new = NewService {
        name: Some("inside".to_owned()),
        region_code: REGION.to_owned(),
        vpc: Some(vpc.name.clone()),
        ..NewService::default()
    };

    let id = world
        .plane
        .create_service(&world.project, new)
        .await
        .expect("a service")
        .service
        .service_id;
    let service = world.settle_service(&id).await;

    assert_eq!(service.network.now, Some(Network::Vpc(vpc.id)));
    assert!(
        !world
            .script
            .log()
            .iter()
            .any(|call| call.ends_with(" public"))
    );
}

#[tokio::test]
async fn attach_is_refused_where_it_makes_no_sense() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await.service_id;
    let new = NewVpc {
        name: Some("far".to_owned()),
        cidr: "10.9.0.0/24".to_owned(),
        region_code: "us-east-1".to_owned(),
    };
    let far = world
        .plane
        .create_vpc(&world.project, new)
        .await
        .expect("a VPC");
    world
        .settle(Object::Vpc(far.id.clone()), Settled::Yes)
        .await;
    let try_attach = async |vpc: &str| {
        world
            .plane
            .attach_service(&world.project, &id, vpc, 0)
            .await
    };

    let error = try_attach("far").await.expect_err("another Region");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(
        error.to_string().contains(REGION) && error.to_string().contains("us-east-1"),
        "{error}"
    );

    assert_eq!(
        try_attach("nowhere").await.expect_err("no VPC").kind(),
        ErrorKind::NotFound
    );

    world
        .plane
        .stop_service(&world.project, &id)
        .await
        .expect("stopped");
    let error = try_attach(&vpc.id).await.expect_err("it is stopped");
    assert!(error.to_string().contains("start it first"), "{error}");

    world
        .plane
        .start_service(&world.project, &id)
        .await
        .expect("started");
    try_attach(&vpc.id).await.expect("attached");
    let service = world.settle_service(&id).await;
    assert_eq!(service.network.now, Some(Network::Vpc(vpc.id)));
}

/// A move between these, of which this call fails at first.
async fn goes_back_and_works_later(world: &World, from: &Network, to: &Network, call: &str) {
    let what = format!("{call}, from {from:?} to {to:?}");
    let id = world.service().await.service_id;
    if *from != Network::Public {
        move_to(&world.plane, &world.project, &id, from).await;
    }
    let before = world.settle_service(&id).await;
    let (names, ways) = (world.cloud.names(), world.cloud.ways(&id));
    assert_eq!(ways, [(kind_of(from), false)], "{what}");
    match call {
        "publish_names" => world.script.fail(call, 1, true),
        _ => {
            let way = match to {
                Network::Public => "public".to_owned(),
                Network::Vpc(vpc) => format!("vpc:{vpc}"),
            };
            let failing = format!("{call} {id} {way}");
            world.script.fail(&failing, usize::MAX, true);
        }
    }

    move_to(&world.plane, &world.project, &id, to).await;
    world
        .settle(Object::Service(id.clone()), Settled::Failed)
        .await;

    let service = world.get(&id).await;
    assert_eq!(service.status, ServiceStatus::Ready, "{what}");
    assert_eq!(service.network.now.as_ref(), Some(from), "{what}");
    assert_eq!(service.network.wanted, *from, "{what}");
    assert_eq!(service.public_endpoint, before.public_endpoint, "{what}");
    assert_eq!(service.vpc_endpoint, before.vpc_endpoint, "{what}");
    let reason = service.reason.expect("a reason");
    assert_eq!(reason.code, "VpcLimitExceeded", "{what}");
    let as_before = match from {
        Network::Public => "the service is public as before".to_owned(),
        Network::Vpc(vpc) => format!("the service is attached to VPC {vpc} as before"),
    };
    assert!(reason.message.contains(&as_before), "{}", reason.message);
    assert_eq!(service.error_message, Some(reason.message), "{what}");
    world
        .eventually("what was begun is taken back", async || {
            world.cloud.ways(&id) == ways && world.cloud.names() == names
        })
        .await;

    // And it works once the cloud does.
    world.script.stop_failing();
    move_to(&world.plane, &world.project, &id, to).await;
    let service = world.settle_service(&id).await;
    assert!(service.network.settled, "{what}");
    assert_eq!(service.network.now.as_ref(), Some(to), "{what}");
    assert_eq!(world.cloud.ways(&id), [(kind_of(to), false)], "{what}");
    assert_ne!(world.cloud.names(), names, "{what}");
    world.script.assert_nothing_wrong();
}

fn kind_of(network: &Network) -> WayKind {
    match network {
        Network::Public => WayKind::Public,
        Network::Vpc(vpc) => WayKind::Private { vpc: vpc.clone() },
    }
}

async fn move_to(plane: &Plane, project: &str, service: &str, network: &Network) {
    match network {
        Network::Vpc(vpc) => {
            attach(plane, project, service, vpc).await;
        }
        Network::Public => {
            let asked = plane.detach_service(project, service, None, 0).await;
            asked.expect("detached");
        }
    }
}

async fn attach(
    plane: &Plane,
    project: &str,
    service: &str,
    vpc: &str,
) -> strait_plane::model::ServiceNetwork {
    plane
        .attach_service(project, service, vpc, 0)
        .await
        .expect("attached")
        .network
}
