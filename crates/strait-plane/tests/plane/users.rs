//! Members and keys: who gives what to whom, and what it opens.

use jiff::{SignedDuration, Timestamp};
use strait_plane::model::{Caller, Identity, NewKey, NewUser, Once, Permission, Role};
use strait_plane::{ErrorKind, Plane, PlaneError};

use crate::logins::{PASSWORD, login, stale, user};
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
async fn keys_end_with_what_their_maker_was() {
    let world = World::new().await;
    let second = world
        .plane
        .create_project("second")
        .await
        .expect("a project");
    let projects = [world.project.as_str(), second.id.as_str()];
    for email in ["ada@example.com", "bob@example.com"] {
        user(&world, email, None).await;
        for project in projects {
            let added = world.plane.add_member(project, email, Role::Admin);
            added.await.expect("added");
        }
    }
    // Of each: keys of both projects, by hand and by a key.
    let make = async |actor: &str, project: &str, role: Role| {
        let caller = Caller {
            actor: actor.to_owned(),
            actor_name: None,
            role: Role::Admin,
            once: None,
        };
        let made = world
            .plane
            .by(caller)
            .create_key(project, NewKey::of(role))
            .await;
        made.expect("a key").key.public_key
    };
    let made_by = async |person: &str| {
        let actor = format!("user:{person}@example.com");
        let mut all = Vec::new();
        for project in projects {
            let first = make(&actor, project, Role::Admin).await;
            let by_it = make(&format!("key:{first}"), project, Role::Viewer).await;
            let by_that = make(&format!("key:{by_it}"), project, Role::Admin).await;
            all.extend([first, by_it, by_that]);
        }
        all
    };
    let of_ada = made_by("ada").await;
    let of_bob = made_by("bob").await;
    let left = async || {
        let mut left = Vec::new();
        for project in projects {
            let keys = world.plane.list_keys(project).await.expect("keys");
            left.extend(keys.into_iter().map(|key| key.public_key));
        }
        let is_left = |key: &&String| left.contains(key);
        of_ada.iter().filter(is_left).count()
    };
    assert_eq!(left().await, 6);
    let plane = &world.plane;
    let ada = "ada@example.com";
    let lower = plane.set_member_role(&world.project, ada, Role::Developer);
    lower.await.expect("a developer");
    assert_eq!(left().await, 4, "the viewer's key is less than a developer");
    plane.remove_member(&world.project, ada).await.expect("out");
    assert_eq!(left().await, 3, "those of the other project");
    plane.set_user_disabled(ada, true).await.expect("out");
    assert_eq!(left().await, 0);
    plane.set_user_disabled(ada, false).await.expect("in");
    assert_eq!(left().await, 0, "what is revoked stays so");

    let others = plane.list_keys(&second.id).await.expect("keys");
    let of_bob_left = others.iter().filter(|key| of_bob.contains(&key.public_key));
    assert_eq!(of_bob_left.count(), 3, "another one's stay");
    plane.delete_user("bob@example.com").await.expect("gone");
    for project in projects {
        let keys = plane.list_keys(project).await.expect("keys");
        assert!(
            !keys.iter().any(|key| of_bob.contains(&key.public_key)),
            "{keys:?}"
        );
    }
}

#[tokio::test]
async fn a_key_makes_none_that_lasts_longer() {
    let world = World::new().await;
    let hours = |hours: i64| Some(Timestamp::now() + SignedDuration::from_hours(hours));
    let of = |expires| NewKey {
        expires,
        ..NewKey::of(Role::Admin)
    };
    let project = &world.project;
    let made = world.plane.create_key(project, of(hours(2))).await;
    let made = made.expect("a key").key;
    let endless = world.plane.create_key(project, of(None)).await;
    let endless = endless.expect("a key").key;
    for (by, asked, ends) in [
        (&made, None, made.expires),
        (&made, hours(9), made.expires),
        (&endless, None, None),
    ] {
        let caller = Caller {
            actor: format!("key:{}", by.public_key),
            actor_name: None,
            role: Role::Admin,
            once: None,
        };
        let next = world.plane.by(caller).create_key(project, of(asked)).await;
        assert_eq!(next.expect("a key").key.expires, ends, "{asked:?}");
    }
    let sooner = hours(1);
    let caller = Caller {
        actor: format!("key:{}", made.public_key),
        actor_name: None,
        role: Role::Admin,
        once: None,
    };
    let next = world.plane.by(caller).create_key(project, of(sooner)).await;
    let ends = next.expect("a key").key.expires.expect("an end");
    assert!(ends < made.expires.expect("an end"), "{ends}");
}

#[tokio::test]
async fn an_unknown_key_takes_as_long_as_a_wrong_secret() {
    let world = World::new().await;
    let made = world
        .plane
        .create_key(&world.project, NewKey::of(Role::Viewer))
        .await;
    let known = made.expect("a key").key.public_key;
    let time = async |public_key: &str| {
        let begun = std::time::Instant::now();
        let refused = world.plane.authenticate(public_key, "wrong").await;
        assert!(
            matches!(refused, Err(PlaneError::Unauthorized)),
            "{refused:?}"
        );
        begun.elapsed()
    };
    let (mut wrong, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        wrong.push(time(&known).await);
        unknown.push(time("sknonesuch").await);
    }
    let least = |all: Vec<std::time::Duration>| all.into_iter().min().expect("some");
    let (wrong, unknown) = (least(wrong), least(unknown));
    assert!(
        unknown * 3 > wrong && wrong * 3 > unknown,
        "{wrong:?} {unknown:?}"
    );
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
    let admin = asked_by(&world, Role::Admin);
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
    assert_eq!(own.key.created_by, "key:of-the-test");
    admin
        .revoke_key(project, &own.key.public_key)
        .await
        .expect("her own role");
}

#[tokio::test]
async fn keys_have_a_role_and_an_end_and_say_when_they_were_used() {
    let world = World::new().await;
    let (plane, project) = (&world.plane, &world.project);
    let soon = Timestamp::now() + SignedDuration::from_secs(600);
    let new = NewKey {
        name: " deploy ".to_owned(),
        role: Role::Developer,
        expires: Some(soon),
    };
    let made = plane.create_key(project, new.clone()).await.expect("a key");
    assert_eq!(
        (made.key.name.as_str(), made.key.last_used),
        ("deploy", None)
    );
    let (public, secret) = (&made.key.public_key, &made.secret_key);
    let identity = plane.authenticate(public, secret).await.expect("right");
    assert_eq!(identity.name(), Some("deploy"));
    assert_eq!(
        plane.seat(&identity, project).await.expect("its own").role,
        Role::Developer
    );
    let token = plane.issue_token(public, secret).await.expect("a token");
    assert_eq!(plane.bearer(&token.token).await.expect("right"), identity);
    let listed = plane.list_keys(project).await.expect("keys");
    assert!(listed[0].last_used.is_some(), "{listed:?}");

    sqlx::query("UPDATE strait.api_key SET expires = clock_timestamp() - interval '1 second'")
        .execute(&world.pool)
        .await
        .expect("time passes");
    let expired = plane
        .authenticate(public, secret)
        .await
        .expect_err("expired");
    assert_eq!(expired.kind(), ErrorKind::Unauthorized);
    stale(plane.bearer(&token.token).await);
    assert_eq!(plane.list_keys(project).await.expect("keys").len(), 1);
    plane.revoke_key(project, public).await.expect("revoked");
    assert_eq!(plane.list_keys(project).await.expect("keys"), []);
    let again = plane.revoke_key(project, public).await.expect_err("gone");
    assert_eq!(again.kind(), ErrorKind::NotFound);

    let past = NewKey {
        expires: Some(Timestamp::now() - SignedDuration::from_secs(1)),
        ..new
    };
    let refused = plane.create_key(project, past).await.expect_err("past");
    assert_eq!(refused.field(), Some("expires"));
}

#[tokio::test]
async fn tokens_are_good_on_every_server_until_they_expire_or_their_key_is_revoked() {
    let world = World::new().await;
    let other = World::new_on(&world).await;
    let (plane, project) = (&world.plane, &world.project);
    let made = plane
        .create_key(project, NewKey::of(Role::Viewer))
        .await
        .expect("a key");
    let (public, secret) = (&made.key.public_key, &made.secret_key);
    let token = plane
        .issue_token(public, secret)
        .await
        .expect("a token")
        .token;
    other.plane.bearer(&token).await.expect("right");
    let wrong = plane.issue_token(public, "wrong").await.expect_err("wrong");
    assert_eq!(wrong.kind(), ErrorKind::Unauthorized);

    let claims =
        |key: &str, exp: i64| format!(r#"{{"sub":"{key}","iss":"strait","iat":0,"exp":{exp}}}"#);
    let signing: String = sqlx::query_scalar("SELECT secret FROM strait.signing_key")
        .fetch_one(&world.pool)
        .await
        .expect("a key");
    let later = Timestamp::now().as_second() + 60;
    let good = forge(
        r#"{"alg":"HS256","typ":"JWT"}"#,
        &claims(public, later),
        &signing,
    );
    plane.bearer(&good).await.expect("the control is right");
    for (header, text, key) in [
        (
            r#"{"alg":"HS256","typ":"JWT"}"#,
            claims(public, later),
            "another key",
        ),
        (
            r#"{"alg":"HS256","typ":"JWT"}"#,
            claims(public, later - 61),
            signing.as_str(),
        ),
        (
            r#"{"alg":"HS256","typ":"JWT"}"#,
            claims("nobody", later),
            &signing,
        ),
        (
            r#"{"alg":"none","typ":"JWT"}"#,
            claims(public, later),
            &signing,
        ),
        (
            r#"{"alg":"HS256","typ":"JWT"}"#,
            claims(public, later).replace("strait", "other"),
            &signing,
        ),
    ] {
        stale(plane.bearer(&forge(header, &text, key)).await);
    }
    let unsigned = good
        .rsplit_once('.')
        .map(|(signed, _)| format!("{signed}."));
    stale(plane.bearer(&unsigned.expect("three parts")).await);

    plane.revoke_key(project, public).await.expect("revoked");
    stale(other.plane.bearer(&token).await);
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
async fn keys_of_a_store_from_before_there_were_roles_are_owners() {
    let world = World::new().await;
    let made = world
        .plane
        .create_key(&world.project, NewKey::of(Role::Viewer))
        .await;
    let made = made.expect("a key");
    // As the first edition of the store wrote it.
    sqlx::query(
        "INSERT INTO strait.api_key (public_key, project_id, secret_hash)
         SELECT 'old', project_id, secret_hash FROM strait.api_key",
    )
    .execute(&world.pool)
    .await
    .expect("a row");
    let identity = world
        .plane
        .authenticate("old", &made.secret_key)
        .await
        .expect("right");
    let seat = world
        .plane
        .seat(&identity, &world.project)
        .await
        .expect("its own");
    assert_eq!(seat.role, Role::Owner);
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

fn asked_by(world: &World, role: Role) -> Plane {
    world.plane.by(Caller {
        actor: "key:of-the-test".to_owned(),
        role,
        ..Caller::strait()
    })
}

fn forge(header: &str, claims: &str, key: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    use hmac::{Hmac, Mac};
    let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
    let mut mac = <Hmac<sha2::Sha256> as Mac>::new_from_slice(key.as_bytes()).expect("a key");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", BASE64.encode(mac.finalize().into_bytes()))
}
