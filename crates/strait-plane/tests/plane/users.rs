//! People, members, keys: who gets in, who stays out, who gives what to whom.

use jiff::{SignedDuration, Timestamp};
use strait_plane::model::{Caller, Identity, NewKey, NewUser, Once, Permission, Role, User};
use strait_plane::{ErrorKind, Plane, PlaneError};

use crate::world::World;

const PASSWORD: &str = "correct horse battery";

#[tokio::test]
async fn a_password_opens_and_is_kept_hashed_and_a_session_lasts_until_it_is_ended() {
    let world = World::new().await;
    let ada = user(&world, " Ada@Example.com ", Some(PASSWORD)).await;
    assert_eq!(ada.email, "ada@example.com");
    assert_eq!(ada.name, "ada");
    let kept: String = sqlx::query_scalar("SELECT password_hash FROM strait.person")
        .fetch_one(&world.pool)
        .await
        .expect("a row");
    assert!(
        kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{kept}"
    );

    let begun = login(&world.plane, "ADA@example.com", PASSWORD)
        .await
        .expect("it is right");
    let Identity::User { user, session_id } =
        world.plane.bearer(&begun.token).await.expect("a session")
    else {
        panic!("no user");
    };
    assert_eq!(
        (user.id.as_str(), &session_id),
        (ada.id.as_str(), &begun.session.id)
    );
    assert!(user.last_login.is_some());
    let tokens: Vec<String> = sqlx::query_scalar("SELECT token_hash FROM strait.session")
        .fetch_all(&world.pool)
        .await
        .expect("rows");
    assert!(!tokens[0].contains(&begun.token[4..]), "{tokens:?}");

    world
        .plane
        .end_session(&ada.id, &session_id)
        .await
        .expect("ended");
    stale(world.plane.bearer(&begun.token).await);
    stale(world.plane.bearer("sts_nonsense").await);
}

#[tokio::test]
async fn sessions_end_when_they_are_idle_or_old_and_go_on_otherwise() {
    let world = World::new().await;
    user(&world, "ada@example.com", Some(PASSWORD)).await;
    for (what, ends) in [
        (
            "last_seen = last_seen - interval '11 hours 59 minutes'",
            false,
        ),
        ("last_seen = last_seen - interval '12 hours 1 minute'", true),
        ("expires = expires - interval '6 days 23 hours'", false),
        ("expires = expires - interval '7 days'", true),
    ] {
        let begun = login(&world.plane, "ada@example.com", PASSWORD)
            .await
            .expect("it is right");
        sqlx::query(&format!("UPDATE strait.session SET {what}"))
            .execute(&world.pool)
            .await
            .expect("time passes");
        let found = world.plane.bearer(&begun.token).await;
        assert_eq!(found.is_err(), ends, "{what}: {found:?}");
    }
}

#[tokio::test]
async fn wrong_logins_lock_for_longer_and_longer_on_every_server_whoever_it_is() {
    let world = World::new().await;
    user(&world, "ada@example.com", Some(PASSWORD)).await;
    user(&world, "bob@example.com", Some(PASSWORD)).await;
    let other = World::new_on(&world).await;
    for email in ["ada@example.com", "nobody@example.com"] {
        for try_ in 0..5 {
            let plane = if try_ % 2 == 0 {
                &world.plane
            } else {
                &other.plane
            };
            let refused = login(plane, email, "wrong password").await;
            assert!(
                matches!(refused, Err(PlaneError::WrongLogin)),
                "{refused:?}"
            );
        }
        let first = locked(login(&other.plane, email, PASSWORD).await);
        assert!((1..=30).contains(&first), "{first}");
        // What is refused by the lock makes it no longer.
        assert!(locked(login(&world.plane, email, PASSWORD).await) <= first);
        pass_lock(&world).await;
        let refused = login(&world.plane, email, "wrong password").await;
        assert!(
            matches!(refused, Err(PlaneError::WrongLogin)),
            "{refused:?}"
        );
        let second = locked(login(&world.plane, email, PASSWORD).await);
        assert!((31..=60).contains(&second), "{second}");
    }
    login(&world.plane, "bob@example.com", PASSWORD)
        .await
        .expect("another one is not locked");
    pass_lock(&world).await;
    login(&world.plane, "ada@example.com", PASSWORD)
        .await
        .expect("it is right");
    // And that is forgotten with it.
    for _ in 0..4 {
        let refused = login(&world.plane, "ada@example.com", "wrong password").await;
        assert!(
            matches!(refused, Err(PlaneError::WrongLogin)),
            "{refused:?}"
        );
    }
    login(&world.plane, "ada@example.com", PASSWORD)
        .await
        .expect("it is right");
}

#[tokio::test]
async fn many_wrong_logins_at_once_get_no_more_tries_and_the_operator_unlocks() {
    let world = World::new().await;
    user(&world, "ada@example.com", Some(PASSWORD)).await;
    let tries = (0..12).map(|_| login(&world.plane, "ada@example.com", "wrong password"));
    let answers = futures::future::join_all(tries).await;
    let tried = answers
        .iter()
        .filter(|answer| matches!(answer, Err(PlaneError::WrongLogin)));
    assert_eq!(tried.count(), 5, "{answers:?}");
    locked(login(&world.plane, "ada@example.com", PASSWORD).await);
    world
        .plane
        .unlock_user("ada@example.com")
        .await
        .expect("unlocked");
    login(&world.plane, "ada@example.com", PASSWORD)
        .await
        .expect("it is right");
}

#[tokio::test]
async fn an_address_that_tries_many_people_is_locked_and_another_one_is_not() {
    let world = World::new().await;
    user(&world, "ada@example.com", Some(PASSWORD)).await;
    let from = |text: &str| Some(text.parse().expect("an address"));
    let try_from = async |email: String, place: &str| {
        let password = "wrong password".to_owned();
        world.plane.login(&email, password, from(place)).await
    };
    for person in 0..20 {
        let refused = try_from(format!("{person}@example.com"), "192.0.2.1").await;
        assert!(
            matches!(refused, Err(PlaneError::WrongLogin)),
            "{refused:?}"
        );
        // A proxy on this machine is no address to lock.
        let refused = try_from(format!("p{person}@example.com"), "127.0.0.1").await;
        assert!(
            matches!(refused, Err(PlaneError::WrongLogin)),
            "{refused:?}"
        );
    }
    let right = async |place: &str| {
        let password = PASSWORD.to_owned();
        world
            .plane
            .login("ada@example.com", password, from(place))
            .await
    };
    locked(right("192.0.2.1").await);
    for place in ["192.0.2.2", "127.0.0.1"] {
        let begun = right(place).await.expect("it is right");
        assert_eq!(begun.session.address.as_deref(), Some(place));
    }
}

#[tokio::test]
async fn who_is_unknown_takes_as_long_as_who_is_wrong() {
    let world = World::new().await;
    let mut known = Vec::new();
    for person in 0..4 {
        let email = format!("{person}@example.com");
        user(&world, &email, Some(PASSWORD)).await;
        known.push(email);
    }
    let time = async |email: &str| {
        let begun = std::time::Instant::now();
        login(&world.plane, email, "wrong password")
            .await
            .expect_err("it is wrong");
        begun.elapsed()
    };
    let mut wrong = Vec::new();
    let mut unknown = Vec::new();
    for email in &known {
        wrong.push(time(email).await);
        unknown.push(time(&format!("un{email}")).await);
    }
    let least = |all: Vec<std::time::Duration>| all.into_iter().min().expect("some");
    let (wrong, unknown) = (least(wrong), least(unknown));
    // Without the hash it would be a hundredth.
    assert!(
        unknown * 3 > wrong && wrong * 3 > unknown,
        "{wrong:?} {unknown:?}"
    );
}

#[tokio::test]
async fn a_login_link_opens_once_and_not_for_long() {
    let world = World::new().await;
    let ada = user(&world, "ada@example.com", None).await;
    assert!(!ada.has_password);
    let refused = login(&world.plane, "ada@example.com", "").await;
    assert!(
        matches!(refused, Err(PlaneError::WrongLogin)),
        "{refused:?}"
    );

    let link = world
        .plane
        .login_link("ada@example.com")
        .await
        .expect("a link");
    let begun = world
        .plane
        .login_by_link(&link.token, None)
        .await
        .expect("opens");
    assert_eq!(begun.user.id, ada.id);
    stale(world.plane.login_by_link(&link.token, None).await);

    let link = world.plane.login_link(&ada.id).await.expect("a link");
    sqlx::query("UPDATE strait.login_link SET expires = clock_timestamp() - interval '1 second'")
        .execute(&world.pool)
        .await
        .expect("time passes");
    stale(world.plane.login_by_link(&link.token, None).await);
    let kept: Vec<String> = sqlx::query_scalar("SELECT token_hash FROM strait.login_link")
        .fetch_all(&world.pool)
        .await
        .expect("rows");
    assert!(kept.is_empty(), "a link that was tried is gone: {kept:?}");
}

#[tokio::test]
async fn another_password_ends_the_other_sessions_and_takes_the_present_one() {
    let world = World::new().await;
    let ada = user(&world, "ada@example.com", Some(PASSWORD)).await;
    let here = login(&world.plane, &ada.email, PASSWORD)
        .await
        .expect("right");
    let there = login(&world.plane, &ada.email, PASSWORD)
        .await
        .expect("right");
    let change = async |current: &str, new: &str| {
        let (current, new) = (Some(current.to_owned()), new.to_owned());
        let plane = &world.plane;
        plane
            .change_password(&ada.id, &here.session.id, current, new)
            .await
    };
    for (current, new, field) in [
        ("wrong", "another long one", "current_password"),
        (PASSWORD, "short", "password"),
        (PASSWORD, "ADA@example.com", "password"),
    ] {
        let refused = change(current, new).await.expect_err("refused");
        assert_eq!(refused.field(), Some(field), "{refused}");
        assert!(!refused.to_string().contains(new), "{refused}");
    }
    world.plane.bearer(&there.token).await.expect("goes on");
    change(PASSWORD, "another long one").await.expect("changed");
    world.plane.bearer(&here.token).await.expect("goes on");
    stale(world.plane.bearer(&there.token).await);
    let refused = login(&world.plane, &ada.email, PASSWORD).await;
    assert!(
        matches!(refused, Err(PlaneError::WrongLogin)),
        "{refused:?}"
    );
    login(&world.plane, &ada.email, "another long one")
        .await
        .expect("right");
}

#[tokio::test]
async fn who_is_kept_out_is_out_at_once() {
    let world = World::new().await;
    let ada = user(&world, "ada@example.com", Some(PASSWORD)).await;
    let begun = login(&world.plane, &ada.email, PASSWORD)
        .await
        .expect("right");
    let link = world.plane.login_link(&ada.id).await.expect("a link");
    let out = world
        .plane
        .set_user_disabled(&ada.id, true)
        .await
        .expect("out");
    assert!(out.disabled);
    stale(world.plane.bearer(&begun.token).await);
    stale(world.plane.login_by_link(&link.token, None).await);
    let refused = login(&world.plane, &ada.email, PASSWORD).await;
    assert!(
        matches!(refused, Err(PlaneError::WrongLogin)),
        "{refused:?}"
    );
    let refused = world.plane.login_link(&ada.id).await.expect_err("refused");
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    world
        .plane
        .set_user_disabled(&ada.id, false)
        .await
        .expect("in");
    login(&world.plane, &ada.email, PASSWORD)
        .await
        .expect("right");
}

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

async fn user(world: &World, email: &str, password: Option<&str>) -> User {
    let new = NewUser {
        email: email.to_owned(),
        name: None,
        password: password.map(str::to_owned),
    };
    world.plane.create_user(new).await.expect("a user")
}

async fn login(
    plane: &Plane,
    email: &str,
    password: &str,
) -> Result<strait_plane::model::NewSession, PlaneError> {
    plane.login(email, password.to_owned(), None).await
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

/// For how many seconds.
fn locked<T: std::fmt::Debug>(answer: Result<T, PlaneError>) -> u64 {
    match answer {
        Err(PlaneError::TooMany { retry_after, .. }) => retry_after,
        answer => panic!("not locked: {answer:?}"),
    }
}

/// Time passes until nobody is locked.
async fn pass_lock(world: &World) {
    sqlx::query(
        "UPDATE strait.login_failure SET locked_until = clock_timestamp() - interval '1 second'",
    )
    .execute(&world.pool)
    .await
    .expect("time passes");
}

fn stale<T: std::fmt::Debug>(answer: Result<T, PlaneError>) {
    let refused = answer.expect_err("it opens nothing");
    assert!(matches!(refused, PlaneError::Stale(_)), "{refused:?}");
    assert_eq!(refused.kind(), ErrorKind::Unauthorized);
}

/// A JWT with this signature of HMAC-SHA256.
fn forge(header: &str, claims: &str, key: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    use hmac::{Hmac, Mac};
    let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
    let mut mac = <Hmac<sha2::Sha256> as Mac>::new_from_slice(key.as_bytes()).expect("a key");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", BASE64.encode(mac.finalize().into_bytes()))
}
