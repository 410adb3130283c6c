//! Keys: who makes them, what they open, and when they end.

use jiff::{SignedDuration, Timestamp};
use strait_plane::model::{Caller, NewKey, Role, User};
use strait_plane::{ErrorKind, Plane, PlaneError};
use tokio::task::JoinHandle;

use crate::logins::{stale, user};
use crate::world::World;

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
        let plane = asked_by(&world, actor);
        let made = plane.create_key(project, NewKey::of(role)).await;
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
async fn who_is_just_losing_what_it_takes_makes_no_key() {
    let world = World::new().await;
    let project = &world.project;
    let _stays = owner(&world).await;
    for (loss, left) in [
        (Loss::Removed, 0),
        (Loss::Role(Role::Developer), 0),
        (Loss::Disabled, 0),
        (Loss::Deleted, 0),
        // The control: an admin makes admins' keys yet, and had one.
        (Loss::Role(Role::Admin), 3),
    ] {
        let (ada, by_ada) = owner(&world).await;
        let owners = make(&by_ada, project, Role::Owner).await;
        let admins = make(&by_ada, project, Role::Admin).await;
        let by_key = asked_by(&world, &format!("key:{admins}"));
        // Their loss stops where it revokes, behind this.
        let hold = "SELECT FROM strait.api_key WHERE public_key = $1 FOR UPDATE";
        let held = world.holding(hold, &owners).await;
        let loses = spawn_loss(&world, &ada, loss);
        world.wait_at_locks(1).await;
        let making = [by_ada, by_key].map(|plane| spawn_key(plane, project));
        world.wait_at_locks(3).await;
        held.rollback().await.expect("let go");
        loses.await.expect("no panic").expect("lost");
        for made in making {
            match made.await.expect("no panic") {
                Ok(made) => assert!(left > 0, "{loss:?}: {made:?}"),
                Err(refused) => {
                    assert_eq!(left, 0, "{loss:?}: {refused}");
                    assert_eq!(refused.kind(), ErrorKind::Forbidden, "{refused}");
                }
            }
        }
        assert_eq!(keys_of(&world, &ada, &admins).await, left, "{loss:?}");
    }
}

#[tokio::test]
async fn a_key_that_is_just_being_made_ends_with_what_its_maker_was() {
    let world = World::new().await;
    let project = &world.project;
    let _stays = owner(&world).await;
    for (loss, left) in [
        (Loss::Removed, 0),
        (Loss::Role(Role::Developer), 0),
        (Loss::Disabled, 0),
        (Loss::Deleted, 0),
        (Loss::Role(Role::Admin), 2),
    ] {
        let (ada, by_ada) = owner(&world).await;
        let admins = make(&by_ada, project, Role::Admin).await;
        let by_key = asked_by(&world, &format!("key:{admins}"));
        // It stops where it looks for the person whose it is, behind this.
        let hold = "SELECT FROM strait.person WHERE id = $1 FOR UPDATE";
        let held = world.holding(hold, &ada.id).await;
        let making = spawn_key(by_key, project);
        world.wait_at_locks(1).await;
        let loses = spawn_loss(&world, &ada, loss);
        world.wait_at_locks(2).await;
        held.rollback().await.expect("let go");
        making.await.expect("no panic").expect("it came first");
        loses.await.expect("no panic").expect("lost");
        assert_eq!(keys_of(&world, &ada, &admins).await, left, "{loss:?}");
    }
}

#[tokio::test]
async fn a_key_that_is_just_revoked_makes_no_other() {
    let world = World::new().await;
    let (plane, project) = (&world.plane, &world.project);
    for (change, is_made) in [
        ("revoked = clock_timestamp()", false),
        ("expires = clock_timestamp()", false),
        ("last_used = clock_timestamp()", true),
    ] {
        let first = make(plane, project, Role::Admin).await;
        let sql = format!("UPDATE strait.api_key SET {change} WHERE public_key = $1");
        let tx = world.holding(&sql, &first).await;
        let making = spawn_key(asked_by(&world, &format!("key:{first}")), project);
        world.wait_at_locks(1).await;
        tx.commit().await.expect("committed");
        let made = making.await.expect("no panic");
        assert_eq!(made.is_ok(), is_made, "{change}: {made:?}");
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
        let plane = asked_by(&world, &format!("key:{}", by.public_key));
        let next = plane.create_key(project, of(asked)).await;
        assert_eq!(next.expect("a key").key.expires, ends, "{asked:?}");
    }
    let sooner = hours(1);
    let plane = asked_by(&world, &format!("key:{}", made.public_key));
    let next = plane.create_key(project, of(sooner)).await;
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

/// What somebody loses, or not.
#[derive(Debug, Clone, Copy)]
enum Loss {
    Removed,
    Role(Role),
    Disabled,
    Deleted,
}

fn spawn_loss(world: &World, person: &User, loss: Loss) -> JoinHandle<Result<(), PlaneError>> {
    let (plane, project) = (world.plane.clone(), world.project.clone());
    let person = person.id.clone();
    tokio::spawn(async move {
        match loss {
            Loss::Removed => plane.remove_member(&project, &person).await.map(drop),
            Loss::Role(role) => plane
                .set_member_role(&project, &person, role)
                .await
                .map(drop),
            Loss::Disabled => plane.set_user_disabled(&person, true).await.map(drop),
            Loss::Deleted => plane.delete_user(&person).await,
        }
    })
}

fn spawn_key(plane: Plane, project: &str) -> JoinHandle<Result<String, PlaneError>> {
    let project = project.to_owned();
    tokio::spawn(async move {
        let made = plane.create_key(&project, NewKey::of(Role::Admin)).await?;
        Ok(made.key.public_key)
    })
}

async fn make(plane: &Plane, project: &str, role: Role) -> String {
    let made = plane.create_key(project, NewKey::of(role)).await;
    made.expect("a key").key.public_key
}

/// How many of the project's keys somebody made, or this key did.
async fn keys_of(world: &World, person: &User, key: &str) -> usize {
    let keys = world.plane.list_keys(&world.project).await.expect("keys");
    let makers = [format!("user:{}", person.email), format!("key:{key}")];
    let own = keys.iter().filter(|key| makers.contains(&key.created_by));
    own.count()
}

/// Another owner of the project, and the plane as they ask it.
async fn owner(world: &World) -> (User, Plane) {
    let number = world.plane.list_users().await.expect("users").len();
    let person = user(world, &format!("{number}@example.com"), None).await;
    let added = world
        .plane
        .add_member(&world.project, &person.id, Role::Owner);
    added.await.expect("added");
    let by_them = asked_by(world, &format!("user:{}", person.email));
    (person, by_them)
}

fn asked_by(world: &World, actor: &str) -> Plane {
    world.plane.by(Caller {
        actor: actor.to_owned(),
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
