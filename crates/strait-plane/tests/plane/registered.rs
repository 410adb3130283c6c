//! Services that exist already.

use std::collections::BTreeSet;

use strait_plane::model::{
    At, FoundBy, NewRegistration, NewService, PublicWay, Registration, Service,
};
use strait_plane::postgres::ServiceKind;
use strait_plane::{ErrorKind, PlaneError};

use crate::common::cloud::PUBLIC_SOURCE;
use crate::world::{REGION, World};

#[tokio::test]
async fn one_is_registered_attached_and_detached() {
    let world = World::with_registered().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let service = register(&world, "db.example.com").await.expect("taken on");
    assert_eq!(service.registration, Some(registration("db.example.com")));
    let id = world.settle_service(&service.service_id).await.service_id;
    let spec = world.postgres.spec(&id).expect("looked at");
    assert_eq!(
        spec.kind,
        ServiceKind::Registered(registration("db.example.com"))
    );

    let log = world.script.log();
    assert!(log.contains(&format!("check_registration {id}")), "{log:?}");
    assert!(!log.contains(&format!("reopen_way {id}")), "{log:?}");

    world.postgres.connect(&id, PUBLIC_SOURCE, 3);
    world.script.forget();
    world
        .plane
        .attach_service(&world.project, &id, &vpc.id, 0)
        .await
        .expect("it moves");
    let service = world.settle_service(&id).await;
    assert!(service.vpc_endpoint.is_some() && service.public_endpoint.is_none());
    assert_eq!(world.postgres.sessions(&id, PUBLIC_SOURCE), 0);
    assert!(
        (world.script.log()).contains(&format!("end_sessions {id} internet")),
        "{:?}",
        world.script.log()
    );

    world.script.forget();
    let world = world.restart().await;
    let closed = format!("refuse_way {id} public");
    world
        .eventually("the public way is kept closed", async || {
            world.script.log().contains(&closed)
        })
        .await;

    let lines = world
        .plane
        .service_connection(&world.project, &id)
        .await
        .expect("lines");
    assert_eq!((lines.user, lines.dbname), (None, None));
    assert!(lines.dsn.contains("sslmode=verify-ca"), "{}", lines.dsn);

    world
        .plane
        .detach_service(&world.project, &id, None, 0)
        .await
        .expect("it moves back");
    assert!(world.settle_service(&id).await.public_endpoint.is_some());
    let log = world.script.log();
    let opened = log
        .iter()
        .position(|call| *call == format!("reopen_way {id}"));
    let probed = log
        .iter()
        .position(|call| *call == format!("probe_way {id} public"));
    assert!(opened.is_some() && opened < probed, "{log:?}");
}

#[tokio::test]
async fn sessions_that_may_not_be_ended_are_told_of_and_hold_up_nothing() {
    let world = World::with_registered().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let service = register(&world, "db.example.com").await.expect("taken on");
    let id = world.settle_service(&service.service_id).await.service_id;
    world.postgres.let_sessions_be();
    let moved = world.plane.attach_service(&world.project, &id, &vpc.id, 0);
    moved.await.expect("it moves");
    let service = world.settle_service(&id).await;
    assert!(service.network.settled && service.vpc_endpoint.is_some());
    assert_eq!(service.notice.as_deref(), Some("the role may not"));

    let moved = world.plane.detach_service(&world.project, &id, None, 0);
    assert_eq!(moved.await.expect("it moves back").notice, None);
}

#[tokio::test]
async fn what_would_end_idle_connections_is_told_of_at_first_and_at_a_move() {
    let world = World::with_registered().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    world.postgres.let_idle_flows_end();
    let service = register(&world, "db.example.com").await.expect("taken on");
    let id = world.settle_service(&service.service_id).await.service_id;
    let notice = async || {
        let service = world.settle_service(&id).await;
        service.notice.unwrap_or_default()
    };
    let advice = format!("connections to {id} may end");
    assert_eq!(notice().await, advice);

    world.postgres.let_sessions_be();
    let moved = world.plane.attach_service(&world.project, &id, &vpc.id, 0);
    moved.await.expect("it moves");
    assert_eq!(notice().await, format!("{advice}\nthe role may not"));
    let moved = world.plane.detach_service(&world.project, &id, None, 0);
    moved.await.expect("it moves back");
    assert_eq!(notice().await, "the role may not");
}

#[tokio::test]
async fn one_that_is_forgotten_stays_as_public_as_it_was() {
    let world = World::with_registered().await;
    let service = register(&world, "db.example.com").await.expect("taken on");
    let id = world.settle_service(&service.service_id).await.service_id;
    world.script.forget();
    let deleted = world.plane.delete_service(&world.project, &id);
    deleted.await.expect("it goes");
    world
        .eventually("it is forgotten", async || {
            world.plane.service(&world.project, &id).await.is_err()
        })
        .await;
    let closed = |call: &String| call.starts_with("refuse_way") || call.starts_with("remove_way");
    assert!(
        !world.script.log().iter().any(closed),
        "{:?}",
        world.script.log()
    );
}

#[tokio::test]
async fn what_an_operator_does_not_say_is_found() {
    let world = World::with_registered().await;
    let rds = |id: &str| At::Found(FoundBy::RdsInstance { id: id.to_owned() });
    let unsaid = |at: At| NewRegistration {
        vpc_id: None,
        subnet_ids: BTreeSet::new(),
        ..asked(at)
    };
    let taken = world
        .plane
        .register_service(&world.project, unsaid(rds("orders")));
    let service = taken.await.expect("taken on");
    let expected = Registration {
        found_by: Some(FoundBy::RdsInstance {
            id: "orders".to_owned(),
        }),
        ..registration("orders.example.com")
    };
    assert_eq!(service.registration, Some(expected));
    let again = register(&world, "orders.example.com").await;
    assert_eq!(again.expect_err("a twin").kind(), ErrorKind::Conflict);

    let other_port = NewRegistration {
        port: Some(6432),
        ..unsaid(rds("carts"))
    };
    let other_vpc = NewRegistration {
        vpc_id: Some("vpc-0fedcba9876543210".to_owned()),
        ..unsaid(rds("carts"))
    };
    for (new, field) in [
        (unsaid(rds("missing")), "rds_instance"),
        (unsaid(rds("a/b")), "rds_instance"),
        (unsaid(At::Host("carts.example.com".to_owned())), "vpc_id"),
        (other_port, "port"),
        (other_vpc, "vpc_id"),
    ] {
        let refused = world.plane.register_service(&world.project, new).await;
        assert_eq!(refused.expect_err(field).field(), Some(field));
    }
}

#[tokio::test]
async fn a_cloud_that_does_not_answer_is_asked_again_by_whoever_registers() {
    let world = World::with_registered().await;
    let by = FoundBy::RdsInstance {
        id: "orders".to_owned(),
    };
    world.script.fail("find_service", 1, false);
    let early = world
        .plane
        .register_service(&world.project, asked(At::Found(by.clone())))
        .await;
    assert_eq!(
        early.expect_err("it does not answer").kind(),
        ErrorKind::Unavailable
    );
    let later = asked(At::Found(by));
    let taken = world.plane.register_service(&world.project, later).await;
    taken.expect("taken on");
}

#[tokio::test]
async fn its_life_is_its_operators() {
    let world = World::with_registered().await;
    let service = register(&world, "db.example.com").await.expect("taken on");
    let refused = [
        world
            .plane
            .stop_service(&world.project, &service.service_id)
            .await
            .map(drop),
        register(&world, "DB.example.com.").await.map(drop),
        register(&world, "other.example.com").await.map(drop),
        world
            .plane
            .create_service(&world.project, new_service())
            .await
            .map(drop),
    ];
    for (refused, part) in refused.into_iter().zip([
        "stop it where it runs (db.example.com)",
        "has the same address",
        "a security group of its own",
        "strait service register",
    ]) {
        let error = refused.expect_err(part);
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[tokio::test]
async fn none_is_registered_where_strait_makes_them() {
    let world = World::new().await;
    let error = register(&world, "db.example.com")
        .await
        .expect_err("it makes its own");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(
        error.to_string().contains("strait service create"),
        "{error}"
    );
}

#[tokio::test]
async fn an_operation_begins_with_a_look_at_what_is_there() {
    let world = World::with_registered().await;
    let forgotten = format!("forget {REGION}");
    let vpc = world.vpc("10.0.0.0/24").await;
    assert_eq!(first_call(&world), forgotten);

    world.script.forget();
    let registered = register(&world, "db.example.com").await.expect("taken on");
    let id = world
        .settle_service(&registered.service_id)
        .await
        .service_id;
    assert_eq!(first_call(&world), forgotten);

    // The control: what is tried again goes on with what it saw.
    world.script.forget();
    world.script.fail(&format!("probe_way {id} vpc:"), 2, false);
    let asked = world.plane.attach_service(&world.project, &id, &vpc.id, 0);
    let operation = asked.await.expect("it moves").operation_id;
    world.ended(operation).await;
    let log = world.script.log();
    let times = log.iter().filter(|call| **call == forgotten).count();
    assert_eq!(times, 1, "{log:?}");
}

/// The first call that is not about the names of all.
fn first_call(world: &World) -> String {
    let mut calls = world.script.log().into_iter();
    let first = calls.find(|call| call != "publish_names");
    first.expect("a call")
}

pub(crate) async fn register(world: &World, host: &str) -> Result<Service, PlaneError> {
    let asked = asked(At::Host(host.to_owned()));
    world.plane.register_service(&world.project, asked).await
}

/// What is asked for where all but the place is as in [`registration`].
fn asked(at: At) -> NewRegistration {
    let known = registration("");
    NewRegistration {
        name: None,
        region_code: REGION.to_owned(),
        at,
        port: None,
        vpc_id: Some(known.vpc_id),
        subnet_ids: known.subnet_ids,
        public_way: known.public_way,
        sessions_file: None,
    }
}

fn registration(host: &str) -> Registration {
    Registration {
        host: host.to_owned(),
        port: 5432,
        found_by: None,
        vpc_id: "vpc-0123456789abcdef0".to_owned(),
        subnet_ids: BTreeSet::from(["subnet-0123456789abcdef0".to_owned()]),
        public_way: PublicWay::SecurityGroup {
            group_id: "sg-0123456789abcdef0".to_owned(),
            ranges: ["0.0.0.0/0".parse().expect("a range")].into(),
        },
        sessions_file: None,
    }
}

fn new_service() -> NewService {
    NewService {
        name: None,
        region_code: REGION.to_owned(),
        vpc: None,
        ..NewService::default()
    }
}
