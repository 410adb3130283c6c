//! Logging in: who gets in, who stays out, for how long.

use strait_plane::model::{Identity, NewSession, NewUser, User};
use strait_plane::{ErrorKind, Plane, PlaneError};

use crate::world::World;

pub(crate) const PASSWORD: &str = "correct horse battery";

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
async fn who_is_kept_out_in_the_midst_of_logging_in_is_out() {
    let world = World::new().await;
    let ada = user(&world, "ada@example.com", Some(PASSWORD)).await;
    let bob = user(&world, "bob@example.com", Some(PASSWORD)).await;
    for (person, change, gets_in) in [
        (&ada, "disabled = true", false),
        (&bob, "name = 'Robert'", true),
    ] {
        let sql = format!("UPDATE strait.person SET {change} WHERE id = $1");
        let tx = world.holding(&sql, &person.id).await;
        let (plane, email) = (world.plane.clone(), person.email.clone());
        let begins = tokio::spawn(async move { login(&plane, &email, PASSWORD).await });
        let (plane, id) = (world.plane.clone(), person.id.clone());
        let links = tokio::spawn(async move { plane.login_link(&id).await });
        world.wait_at_locks(2).await;
        tx.commit().await.expect("committed");
        let begun = begins.await.expect("no panic");
        assert_eq!(begun.is_ok(), gets_in, "{change}: {begun:?}");
        let link = links.await.expect("no panic");
        assert_eq!(link.is_ok(), gets_in, "{change}");
        let sessions = world.plane.list_sessions(&person.id).await;
        let sessions = sessions.expect("sessions").len();
        assert_eq!(sessions, usize::from(gets_in), "{change}");
    }
}

#[tokio::test]
async fn whoever_takes_a_password_away_has_the_last_word() {
    let world = World::new().await;
    for (email, change, is_changed) in [
        ("ada@example.com", "password_hash = NULL", false),
        ("bob@example.com", "disabled = true", false),
        ("eve@example.com", "name = 'Eva'", true),
    ] {
        let person = user(&world, email, Some(PASSWORD)).await;
        let begun = login(&world.plane, email, PASSWORD).await.expect("right");
        let sql = format!("UPDATE strait.person SET {change} WHERE id = $1");
        let tx = world.holding(&sql, &person.id).await;
        let plane = world.plane.clone();
        let changes = tokio::spawn(async move {
            let (session, new) = (begun.session.id, "another long one".to_owned());
            let current = Some(PASSWORD.to_owned());
            plane
                .change_password(&person.id, &session, current, new)
                .await
        });
        world.wait_at_locks(1).await;
        tx.commit().await.expect("committed");
        let changed = changes.await.expect("no panic");
        if is_changed {
            changed.expect(change);
        } else {
            stale(changed);
        }
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

pub(crate) async fn user(world: &World, email: &str, password: Option<&str>) -> User {
    let new = NewUser {
        email: email.to_owned(),
        name: None,
        password: password.map(str::to_owned),
    };
    world.plane.create_user(new).await.expect("a user")
}

pub(crate) async fn login(
    plane: &Plane,
    email: &str,
    password: &str,
) -> Result<NewSession, PlaneError> {
    plane.login(email, password.to_owned(), None).await
}

pub(crate) fn stale<T: std::fmt::Debug>(answer: Result<T, PlaneError>) {
    let refused = answer.expect_err("it opens nothing");
    assert!(matches!(refused, PlaneError::Stale(_)), "{refused:?}");
    assert_eq!(refused.kind(), ErrorKind::Unauthorized);
}
