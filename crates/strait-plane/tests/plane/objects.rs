//! Projects, keys, quotas and Peering VPCs; bad input.

use sqlx::PgPool;
use strait_plane::model::{
    Identity, NewKey, NewPeering, NewService, NewVpc, Object, Quota, Role, Settled, VpcStatus,
};
use strait_plane::{ErrorKind, Keeper, PlaneError};

use crate::common::database;
use crate::world::{REGION, World, another_pool};

#[tokio::test]
async fn the_first_start_makes_a_project_with_keys_once() {
    let world = World::new().await;
    world
        .plane
        .delete_project(&world.project)
        .await
        .expect("deleted");

    let first = world.plane.bootstrap().await.expect("a project");
    let again = world.plane.bootstrap().await.expect("the project");

    let key = first.key.expect("keys");
    assert_eq!(first.project, again.project);
    assert_eq!(again.key, None);
    let authenticate =
        async |public: &str, secret: &str| world.plane.authenticate(public, secret).await;
    let known = authenticate(&key.key.public_key, &key.secret_key)
        .await
        .expect("these are right");
    let project = first.project.id.clone();
    assert_eq!(
        known,
        Identity::Key {
            public_key: key.key.public_key.clone(),
            name: String::new(),
            project_id: project.clone(),
            role: Role::Owner
        }
    );
    for (public, secret) in [
        (key.key.public_key.as_str(), "wrong"),
        ("nobody", key.secret_key.as_str()),
        ("", ""),
    ] {
        let error = authenticate(public, secret)
            .await
            .expect_err("these are wrong");
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
    }
    let kept: Vec<(String,)> = sqlx::query_as("SELECT secret_hash FROM strait.api_key")
        .fetch_all(&world.pool)
        .await
        .expect("rows");
    assert!(kept[0].0.starts_with("$argon2id$"));

    let second = world
        .plane
        .create_key(&project, NewKey::of(Role::Owner))
        .await
        .expect("keys");
    authenticate(&second.key.public_key, &second.secret_key)
        .await
        .expect("these are right");
    assert_eq!(
        world.plane.list_keys(&project).await.expect("keys").len(),
        2
    );
    world
        .plane
        .revoke_key(&project, &second.key.public_key)
        .await
        .expect("deleted");
    let error = authenticate(&second.key.public_key, &second.secret_key)
        .await
        .expect_err("deleted");
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
}

#[tokio::test]
async fn the_store_is_brought_up_to_date_once_however_many_start() {
    let world = World::new().await;
    let (a, b) = tokio::join!(World::new_on(&world), World::new_on(&world));
    assert_eq!(a.plane.list_projects().await.expect("projects").len(), 1);
    assert_eq!(b.plane.list_projects().await.expect("projects").len(), 1);
    // sqlx's own table is ours alone: others in this database have theirs.
    let pool = another_pool(&world.pool).await;
    let schemas: Vec<String> = sqlx::query_scalar(
        "SELECT schemaname::text FROM pg_tables WHERE tablename = '_sqlx_migrations'",
    )
    .fetch_all(&pool)
    .await
    .expect("rows");
    assert_eq!(schemas, ["strait"]);
}

#[tokio::test]
async fn an_empty_store_is_made_once_when_several_servers_start_at_once() {
    let pool = empty_store().await;
    let open = async || {
        let keeper = Keeper::open(another_pool(&pool).await).await;
        keeper.expect("made").store_id().await.expect("an id")
    };
    let (a, b, c, d) = tokio::join!(open(), open(), open(), open());
    assert_eq!([&a, &a, &a], [&b, &c, &d]);
}

#[tokio::test]
async fn the_store_of_a_newer_strait_is_refused_and_left_as_it_is() {
    let pool = empty_store().await;
    Keeper::open(pool.clone()).await.expect("made");
    Keeper::open(pool.clone()).await.expect("the control");
    let newer = "INSERT INTO strait._sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'of the future', true, '', 0)";
    sqlx::query(newer).execute(&pool).await.expect("inserted");
    let refused = Keeper::open(pool.clone()).await;
    let Err(error) = refused else {
        panic!("it must not run backwards");
    };
    assert!(
        matches!(error, PlaneError::NewerStore { found: 9999, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("newer Strait"), "{error}");
    sqlx::query("DELETE FROM strait._sqlx_migrations WHERE version = 9999")
        .execute(&pool)
        .await
        .expect("deleted");
    Keeper::open(pool).await.expect("it was left as it is");
}

#[tokio::test]
async fn a_range_loses_its_host_bits_and_must_not_overlap() {
    let world = World::new().await;

    let vpc = world.vpc("10.0.0.7/17").await;
    assert_eq!(vpc.cidr.to_string(), "10.0.0.0/17");
    assert_eq!(vpc.status, VpcStatus::Created);
    assert!(vpc.provisioned_id.expect("an id").starts_with("vpc-"));
    assert!(vpc.id.bytes().all(|b| b.is_ascii_digit()));

    for inside in ["10.0.0.0/17", "10.0.5.0/24", "10.0.0.0/16"] {
        let error = world.try_vpc(inside).await.expect_err(inside);
        assert_eq!(error.kind(), ErrorKind::Conflict);
        let message = error.to_string();
        assert!(
            message.contains(&vpc.id) && message.contains("10.0.0.0/17"),
            "{message}"
        );
    }
    world.vpc("10.0.128.0/17").await;

    let other = world
        .plane
        .create_project("other")
        .await
        .expect("a project");
    let new = NewVpc {
        name: None,
        cidr: "10.0.0.0/17".to_owned(),
        region_code: REGION.to_owned(),
    };
    world
        .plane
        .create_vpc(&other.id, new)
        .await
        .expect("another project may");
}

#[tokio::test]
async fn overlapping_requests_at_the_same_time_make_one_vpc() {
    let world = World::new().await;
    let (a, b, c) = tokio::join!(
        world.try_vpc("10.0.0.0/24"),
        world.try_vpc("10.0.0.0/25"),
        world.try_vpc("10.0.0.64/26")
    );
    let made = [a, b, c].into_iter().filter(Result::is_ok).count();
    assert_eq!(made, 1);
}

#[tokio::test]
async fn a_quota_is_refused_with_the_way_to_raise_it() {
    let world = World::new().await;
    for third in 0..3 {
        world.vpc(&format!("10.0.{third}.0/24")).await;
    }

    let error = world
        .try_vpc("10.0.3.0/24")
        .await
        .expect_err("the quota is used up");
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    let command = format!("strait admin quota --project {} vpcs 4", world.project);
    assert!(error.to_string().contains(&command), "{error}");

    let setting = world
        .plane
        .set_quota(&world.project, Quota::Vpcs, 4)
        .await
        .expect("raised");
    assert_eq!((setting.limit, setting.used), (4, 3));
    world.vpc("10.0.3.0/24").await;

    world
        .plane
        .set_quota(&world.project, Quota::PeeringsPerVpc, 1)
        .await
        .expect("lowered");
    let vpcs = world.plane.list_vpcs(&world.project).await.expect("VPCs");
    let peering = |n: u32| {
        world
            .plane
            .create_peering(&world.project, &vpcs[0].id, peer(n))
    };
    peering(1).await.expect("the first");
    let error = peering(2).await.expect_err("the quota is used up");
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    assert!(error.to_string().contains("peerings-per-vpc 2"), "{error}");
    let used: Vec<(Quota, u32)> = world
        .plane
        .quotas(&world.project)
        .await
        .expect("quotas")
        .into_iter()
        .map(|setting| (setting.quota, setting.used))
        .collect();
    assert_eq!(
        used,
        [
            (Quota::Vpcs, 4),
            (Quota::PeeringsPerVpc, 1),
            (Quota::Services, 0)
        ]
    );
}

#[tokio::test]
async fn bad_input_names_its_field() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let new_vpc = async |cidr: &str, region: &str| {
        let new = NewVpc {
            name: None,
            cidr: cidr.to_owned(),
            region_code: region.to_owned(),
        };
        world.plane.create_vpc(&world.project, new).await.map(drop)
    };
    invalid(new_vpc("10.0.0.0", REGION).await, "cidr", "CIDR block");
    invalid(new_vpc("10.0.0.0/8", REGION).await, "cidr", "/16 to /28");
    invalid(
        new_vpc("169.254.0.0/24", REGION).await,
        "cidr",
        "link-local",
    );
    invalid(
        new_vpc("10.1.0.0/24", "ap-south-1").await,
        "region_code",
        "eu-central-1, us-east-1",
    );

    let service = NewService {
        name: Some(String::new()),
        region_code: REGION.to_owned(),
        vpc: None,
        ..NewService::default()
    };
    invalid(
        world
            .plane
            .create_service(&world.project, service.clone())
            .await
            .map(drop),
        "name",
        "empty",
    );
    let elsewhere = NewService {
        name: None,
        region_code: "mars".to_owned(),
        ..service
    };
    invalid(
        world
            .plane
            .create_service(&world.project, elsewhere)
            .await
            .map(drop),
        "region_code",
        "eu-central-1",
    );

    let bad = NewPeering {
        peer_region_code: "mars".to_owned(),
        ..peer(1)
    };
    invalid(
        world
            .plane
            .create_peering(&world.project, &vpc.id, bad)
            .await
            .map(drop),
        "peer_region_code",
        "ap-south-1",
    );
}

#[tokio::test]
async fn names_do_where_they_are_clear_and_ids_always() {
    let world = World::new().await;
    let make = async |cidr: &str| {
        let new = NewVpc {
            name: Some("twin".to_owned()),
            cidr: cidr.to_owned(),
            region_code: REGION.to_owned(),
        };
        world
            .plane
            .create_vpc(&world.project, new)
            .await
            .expect("a VPC")
    };
    let first = make("10.0.0.0/24").await;
    assert_eq!(
        world
            .plane
            .vpc(&world.project, "twin")
            .await
            .expect("the only one")
            .id,
        first.id
    );
    let second = make("10.0.1.0/24").await;

    let error = world
        .plane
        .vpc(&world.project, "twin")
        .await
        .expect_err("there are two");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(
        error.to_string().contains(&first.id) && error.to_string().contains(&second.id),
        "{error}"
    );
    assert_eq!(
        world
            .plane
            .vpc(&world.project, &second.id)
            .await
            .expect("by id")
            .id,
        second.id
    );
    let renamed = world
        .plane
        .rename_vpc(&world.project, &second.id, "other")
        .await
        .expect("renamed");
    assert_eq!(renamed.name, "other");
    assert_eq!(
        world
            .plane
            .vpc("test", "twin")
            .await
            .expect("by both names")
            .id,
        first.id
    );
    world
        .settle(Object::Vpc(first.id.clone()), Settled::Yes)
        .await;
    let made = world
        .plane
        .vpc(&world.project, &first.id)
        .await
        .expect("by id");
    let by_cloud_id = world
        .plane
        .vpc(&world.project, &made.provisioned_id.expect("an id"))
        .await
        .expect("by the cloud's id");
    assert_eq!(by_cloud_id.id, first.id);
}

#[tokio::test]
async fn what_is_in_use_is_not_deleted_and_says_by_what() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await.service_id;
    world
        .plane
        .attach_service(&world.project, &id, &vpc.id, 0)
        .await
        .expect("attached");
    world.settle_service(&id).await;
    let peering = world
        .plane
        .create_peering(&world.project, &vpc.id, peer(1))
        .await
        .expect("a peering");

    let error = world
        .plane
        .delete_vpc(&world.project, &vpc.id, false)
        .await
        .expect_err("in use");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    for part in [&id, &peering.id, &peering.peer_vpc_id] {
        assert!(error.to_string().contains(part.as_str()), "{error}");
    }
    let error = world
        .plane
        .delete_project(&world.project)
        .await
        .expect_err("in use");
    assert!(
        error.to_string().contains(&id) && error.to_string().contains(&vpc.id),
        "{error}"
    );

    world
        .plane
        .detach_service(&world.project, &id, None, 0)
        .await
        .expect("detached");
    world.settle_service(&id).await;
    world
        .plane
        .delete_peering(&world.project, &vpc.id, &peering.id)
        .await
        .expect("deleted");
    let deleting = world
        .plane
        .delete_vpc(&world.project, &vpc.id, false)
        .await
        .expect("deleted");
    assert_eq!(deleting.status, VpcStatus::Deleting);
    world.settle(Object::Vpc(vpc.id), Settled::Gone).await;
    assert_eq!((world.cloud.vpcs(), world.cloud.peerings()), (0, 0));

    world
        .plane
        .delete_service(&world.project, &id)
        .await
        .expect("deleted");
    world.settle(Object::Service(id), Settled::Gone).await;
    world
        .plane
        .delete_project(&world.project)
        .await
        .expect("empty by now");
}

#[tokio::test]
async fn a_vpc_that_the_cloud_refuses_says_why_and_can_be_deleted() {
    let world = World::new().await;
    world.script.fail("ensure_vpc", usize::MAX, true);
    let vpc = world.try_vpc("10.0.0.0/24").await.expect("asked for");

    world
        .settle(Object::Vpc(vpc.id.clone()), Settled::Failed)
        .await;
    let failed = world
        .plane
        .vpc(&world.project, &vpc.id)
        .await
        .expect("the VPC");
    assert_eq!(failed.status, VpcStatus::Failed);
    assert!(
        failed
            .error_message
            .expect("a message")
            .contains("the cloud has no room")
    );
    assert_eq!(failed.reason.expect("a reason").code, "VpcLimitExceeded");

    world
        .plane
        .delete_vpc(&world.project, &vpc.id, false)
        .await
        .expect("deleted");
    world.settle(Object::Vpc(vpc.id), Settled::Gone).await;
}

/// A database in which nothing is yet.
async fn empty_store() -> PgPool {
    let pool = database::database().await;
    sqlx::raw_sql("DROP SCHEMA strait CASCADE")
        .execute(&pool)
        .await
        .expect("an empty database");
    pool
}

fn invalid(result: Result<(), PlaneError>, field: &str, part: &str) {
    let error = result.expect_err(field);
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert_eq!(error.field(), Some(field));
    assert!(error.to_string().contains(part), "{error}");
}

fn peer(n: u32) -> NewPeering {
    NewPeering {
        peer_account_id: "111111111111".to_owned(),
        peer_vpc_id: format!("vpc-{n:017x}"),
        peer_region_code: "ap-south-1".to_owned(),
        ..NewPeering::default()
    }
}
