//! Users and members: who is one, and who gives what to whom.

use strait_plane::model::{Caller, Identity, NewKey, NewUser, Once, Permission, Role};
use strait_plane::{ErrorKind, PlaneError};

use crate::logins::{PASSWORD, login, user};
use crate::world::World;

#[tokio::test]
async fn an_address_is_one_person_and_has_to_be_one() {
    let world = World::new().await;
    user(&world, "ada@example.com", None).await;
    let make = async |email: &str, password: Option<&str>| {
        let new = NewUser {
            email: email.to_owned(),
            name: None,
            password: password.map(str::to_owned),
        };
        world.plane.create_user(new).await
    };
    let twice = make("ADA@example.com", None).await.expect_err("taken");
    assert_eq!(twice.kind(), ErrorKind::Conflict);
    for bad in ["", "ada", "@example.com", "a@", "a b@example.com", "a@b@c"] {
        let refused = make(bad, None).await.expect_err(bad);
        assert_eq!(refused.field(), Some("email"), "{bad}: {refused}");
    }
    let refused = make("bob@example.com", Some("hunter2"))
        .await
        .expect_err("short");
    assert!(!refused.to_string().contains("hunter2"), "{refused}");
}

#[tokio::test]
async fn members_see_their_projects_with_their_roles_and_no_others() {
    let world = World::new().await;
    let ada = user(&world, "ada@example.com", Some(PASSWORD)).await;
    let other = world
        .plane
        .create_project("other")
        .await
        .expect("a project");
    let third = world
        .plane
        .create_project("third")
        .await
        .expect("a project");
    add(&world, "ada@example.com", Role::Developer)
        .await
        .expect("added");
    world
        .plane
        .add_member(&third.id, &ada.id, Role::Viewer)
        .await
        .expect("added");
    let begun = login(&world.plane, &ada.email, PASSWORD)
        .await
        .expect("right");
    let identity = world.plane.bearer(&begun.token).await.expect("a session");
    let seats = world.plane.seats(&identity).await.expect("seats");
    let seen: Vec<(&str, Role)> = (seats.iter())
        .map(|seat| (seat.project.id.as_str(), seat.role))
        .collect();
    assert_eq!(
        seen,
        [
            (world.project.as_str(), Role::Developer),
            (third.id.as_str(), Role::Viewer)
        ]
    );
    let admit = async |project: &str, permission| {
        let admitted = world.plane.admit(&identity, project, permission).await;
        admitted.map(|seat| seat.role).map_err(|error| error.kind())
    };
    for named in ["test", &world.project] {
        assert_eq!(
            admit(named, Permission::ManageServices).await,
            Ok(Role::Developer)
        );
        assert_eq!(
            admit(named, Permission::ManageKeys).await,
            Err(ErrorKind::Forbidden)
        );
    }
    for named in ["other", &other.id, "nonesuch", ""] {
        assert_eq!(
            admit(named, Permission::See).await,
            Err(ErrorKind::NotFound),
            "{named}"
        );
    }
    let operator = world.plane.seats(&Identity::Operator).await.expect("seats");
    assert_eq!(operator.len(), 3);
}

#[tokio::test]
async fn the_last_owner_stays_and_another_one_may_go() {
    let world = World::new().await;
    for name in ["ada", "bob", "eve"] {
        user(&world, &format!("{name}@example.com"), None).await;
    }
    add(&world, "ada@example.com", Role::Owner)
        .await
        .expect("added");
    add(&world, "bob@example.com", Role::Admin)
        .await
        .expect("added");
    let twice = add(&world, "ADA@example.com", Role::Viewer)
        .await
        .expect_err("is one");
    assert_eq!(twice.kind(), ErrorKind::Conflict);
    let unknown = add(&world, "who@example.com", Role::Viewer)
        .await
        .expect_err("unknown");
    assert_eq!(unknown.field(), Some("email"));
    let (plane, project) = (&world.plane, &world.project);
    let is_refused = |done: Result<(), PlaneError>| {
        let refused = done.expect_err("the last owner");
        assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
        assert!(refused.to_string().contains("last owner"), "{refused}");
    };
    is_refused(
        plane
            .remove_member(project, "ada@example.com")
            .await
            .map(drop),
    );
    is_refused(
        plane
            .set_member_role(project, "ada@example.com", Role::Admin)
            .await
            .map(drop),
    );
    is_refused(plane.delete_user("ada@example.com").await);
    plane
        .set_member_role(project, "ada@example.com", Role::Owner)
        .await
        .expect("is one");

    plane
        .set_member_role(project, "bob@example.com", Role::Owner)
        .await
        .expect("promoted");
    // Two who demote each other at once: one of them stays.
    let (a, b) = tokio::join!(
        plane.set_member_role(project, "ada@example.com", Role::Viewer),
        plane.set_member_role(project, "bob@example.com", Role::Viewer)
    );
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    let members = plane.list_members(project).await.expect("members");
    let owners = members.iter().filter(|member| member.role == Role::Owner);
    assert_eq!(owners.count(), 1, "{members:?}");
    let viewer = members.iter().find(|member| member.role == Role::Viewer);
    let viewer = &viewer.expect("the other one").email;
    plane.remove_member(project, viewer).await.expect("removed");
    let gone = plane
        .remove_member(project, viewer)
        .await
        .expect_err("gone");
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    plane.delete_user(viewer).await.expect("owns nothing");
}

#[tokio::test]
async fn nobody_gives_or_takes_more_than_their_own_role() {
    let world = World::new().await;
    for name in ["ada", "bob", "eve"] {
        user(&world, &format!("{name}@example.com"), None).await;
    }
    add(&world, "ada@example.com", Role::Owner)
        .await
        .expect("added");
    add(&world, "bob@example.com", Role::Viewer)
        .await
        .expect("added");
    let project = &world.project;
    let owners = world
        .plane
        .create_key(project, NewKey::of(Role::Owner))
        .await
        .expect("a key");
    let admins = world
        .plane
        .create_key(project, NewKey::of(Role::Admin))
        .await
        .expect("a key");
    let by_key = format!("key:{}", admins.key.public_key);
    let admin = world.plane.by(Caller {
        actor: by_key.clone(),
        role: Role::Admin,
        ..Caller::strait()
    });
    let is_refused = |done: Result<(), PlaneError>| {
        assert_eq!(done.expect_err("too much").kind(), ErrorKind::Forbidden);
    };
    is_refused(
        admin
            .add_member(project, "eve@example.com", Role::Owner)
            .await
            .map(drop),
    );
    is_refused(
        admin
            .set_member_role(project, "bob@example.com", Role::Owner)
            .await
            .map(drop),
    );
    is_refused(
        admin
            .set_member_role(project, "ada@example.com", Role::Admin)
            .await
            .map(drop),
    );
    is_refused(
        admin
            .remove_member(project, "ada@example.com")
            .await
            .map(drop),
    );
    is_refused(
        admin
            .create_key(project, NewKey::of(Role::Owner))
            .await
            .map(drop),
    );
    is_refused(admin.revoke_key(project, &owners.key.public_key).await);
    admin
        .add_member(project, "eve@example.com", Role::Admin)
        .await
        .expect("her own role");
    admin
        .set_member_role(project, "bob@example.com", Role::Developer)
        .await
        .expect("less");
    admin
        .remove_member(project, "bob@example.com")
        .await
        .expect("less");
    let own = admin
        .create_key(project, NewKey::of(Role::Admin))
        .await
        .expect("her own role");
    assert_eq!(own.key.created_by, by_key);
    admin
        .revoke_key(project, &own.key.public_key)
        .await
        .expect("her own role");
}

#[tokio::test]
async fn two_who_choose_the_same_key_for_a_request_do_not_meet() {
    let world = World::new().await;
    let caller = |actor: &str| Caller {
        actor: actor.to_owned(),
        once: Some(Once {
            key: "1".to_owned(),
            fingerprint: "the same".to_owned(),
        }),
        ..Caller::strait()
    };
    let new = || strait_plane::model::NewVpc {
        name: None,
        cidr: "10.0.0.0/16".to_owned(),
        region_code: crate::world::REGION.to_owned(),
    };
    let ada = world.plane.by(caller("user:ada@example.com"));
    let made = ada.create_vpc(&world.project, new()).await.expect("a VPC");
    let found = ada
        .repetition(&world.project)
        .await
        .expect("looked up")
        .expect("done before");
    assert_eq!(found.operation.object_id, made.id);
    let bob = world.plane.by(caller("user:bob@example.com"));
    assert_eq!(
        bob.repetition(&world.project).await.expect("looked up"),
        None
    );
    let other = strait_plane::model::NewVpc {
        cidr: "10.1.0.0/16".to_owned(),
        ..new()
    };
    let made = bob
        .create_vpc(&world.project, other)
        .await
        .expect("his own");
    let found = bob
        .repetition(&world.project)
        .await
        .expect("looked up")
        .expect("done before");
    assert_eq!(found.operation.object_id, made.id);
}

#[tokio::test]
async fn the_first_to_click_is_made_once_and_owns_the_project() {
    let world = World::new().await;
    let first = world
        .plane
        .first_user(&world.project)
        .await
        .expect("a user");
    assert_eq!(first.email, "operator@strait.internal");
    let again = world
        .plane
        .first_user(&world.project)
        .await
        .expect("the user");
    assert_eq!(first.id, again.id);
    let members = world
        .plane
        .list_members(&world.project)
        .await
        .expect("members");
    assert_eq!(members.len(), 1);
    assert_eq!(members[0].role, Role::Owner);
}

async fn add(
    world: &World,
    email: &str,
    role: Role,
) -> Result<strait_plane::model::Member, PlaneError> {
    world.plane.add_member(&world.project, email, role).await
}
