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
async fn who_knows_an_address_keeps_nobody_out_who_is_elsewhere() {
    let world = World::new().await;
    let ada = user(&world, "ada@example.com", Some(PASSWORD)).await;
    let here = login_from(&world, &ada.email, PASSWORD, "192.0.2.1").await;
    let here = here.expect("it is right");
    for _ in 0..5 {
        wrong(login_from(&world, &ada.email, "wrong password", "192.0.2.66").await);
    }
    locked(login_from(&world, &ada.email, PASSWORD, "192.0.2.66").await);
    let there = login_from(&world, &ada.email, PASSWORD, "192.0.2.1").await;
    there.expect("they are elsewhere");
    locked(login_from(&world, &ada.email, PASSWORD, "192.0.2.66").await);

    // Nor does it keep who is in from choosing another password; but that may not be guessed either.
    let change = async |current: &str| {
        let (current, new) = (Some(current.to_owned()), "another long one".to_owned());
        let session = &here.session.id;
        world
            .plane
            .change_password(&ada.id, session, current, new)
            .await
    };
    for _ in 0..4 {
        let refused = change("wrong password").await.expect_err("refused");
        assert_eq!(refused.field(), Some("current_password"), "{refused}");
    }
    change(PASSWORD).await.expect("their own counter");
    for _ in 0..5 {
        change("wrong password").await.expect_err("refused");
    }
    locked(change("another long one").await);
    world.plane.unlock_user(&ada.email).await.expect("unlocked");
    change("another long one").await.expect("it is theirs");
    let begun = login_from(&world, &ada.email, "another long one", "192.0.2.66").await;
    begun.expect("the operator opened that too");
}

#[tokio::test]
async fn very_many_places_together_wait_a_little() {
    let world = World::new().await;
    let ada = user(&world, "ada@example.com", Some(PASSWORD)).await;
    let before: i32 = 99;
    wrong(login_from(&world, &ada.email, "wrong password", "192.0.2.1").await);
    sqlx::query("UPDATE strait.login_failure SET failures = $1 WHERE subject LIKE 'person:%' AND subject NOT LIKE '%@%'")
        .bind(before)
        .execute(&world.pool)
        .await
        .expect("others tried");
    wrong(login_from(&world, &ada.email, "wrong password", "192.0.2.2").await);
    for _ in 0..7 {
        let wait = locked(login_from(&world, &ada.email, PASSWORD, "192.0.2.3").await);
        assert!((1..=60).contains(&wait), "{wait}");
    }
    pass_lock(&world).await;
    let begun = login_from(&world, &ada.email, PASSWORD, "192.0.2.3").await;
    begun.expect("what others did counts for nobody's place");
}

#[tokio::test]
async fn the_operator_opens_to_an_address() {
    let world = World::new().await;
    let ada = user(&world, "ada@example.com", Some(PASSWORD)).await;
    let [here, other] = ["2001:db8::7", "2001:db8:0:1::7"];
    for place in [here, other] {
        for person in 0..20 {
            let email = format!("{person}@example.com");
            wrong(login_from(&world, &email, "wrong password", place).await);
        }
        let refused = login_from(&world, &ada.email, PASSWORD, place).await;
        let said = refused.expect_err("locked").to_string();
        assert!(said.contains("--address"), "{said}");
    }
    let refused = world
        .plane
        .unlock_address("nowhere")
        .await
        .expect_err("none");
    assert_eq!(refused.field(), Some("address"));
    world
        .plane
        .unlock_address("2001:db8::1")
        .await
        .expect("the same holder");
    let begun = login_from(&world, &ada.email, PASSWORD, here).await;
    begun.expect("it is right");
    locked(login_from(&world, &ada.email, PASSWORD, other).await);
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
        let mut tx = world.pool.begin().await.expect("a transaction");
        sqlx::query(&format!("UPDATE strait.person SET {change} WHERE id = $1"))
            .bind(&person.id)
            .execute(&mut *tx)
            .await
            .expect("changed");
        let (plane, email) = (world.plane.clone(), person.email.clone());
        let begins = tokio::spawn(async move { login(&plane, &email, PASSWORD).await });
        let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock')";
        for _ in 0..1000 {
            let waits: bool = sqlx::query_scalar(waits)
                .fetch_one(&world.pool)
                .await
                .expect("a row");
            if waits {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert!(!begins.is_finished(), "it waits for the change");
        tx.commit().await.expect("committed");
        let begun = begins.await.expect("no panic");
        assert_eq!(begun.is_ok(), gets_in, "{change}: {begun:?}");
        let sessions = world.plane.list_sessions(&person.id).await;
        let sessions = sessions.expect("sessions").len();
        assert_eq!(sessions, usize::from(gets_in), "{change}");
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

async fn login_from(
    world: &World,
    email: &str,
    password: &str,
    place: &str,
) -> Result<NewSession, PlaneError> {
    let from = Some(place.parse().expect("an address"));
    world.plane.login(email, password.to_owned(), from).await
}

fn wrong<T: std::fmt::Debug>(answer: Result<T, PlaneError>) {
    let refused = answer.expect_err("it is wrong");
    assert!(matches!(refused, PlaneError::WrongLogin), "{refused:?}");
}

pub(crate) fn stale<T: std::fmt::Debug>(answer: Result<T, PlaneError>) {
    let refused = answer.expect_err("it opens nothing");
    assert!(matches!(refused, PlaneError::Stale(_)), "{refused:?}");
    assert_eq!(refused.kind(), ErrorKind::Unauthorized);
}

fn locked<T: std::fmt::Debug>(answer: Result<T, PlaneError>) -> u64 {
    match answer {
        Err(PlaneError::TooMany { retry_after, .. }) => retry_after,
        answer => panic!("not locked: {answer:?}"),
    }
}

async fn pass_lock(world: &World) {
    sqlx::query(
        "UPDATE strait.login_failure SET locked_until = clock_timestamp() - interval '1 second'",
    )
    .execute(&world.pool)
    .await
    .expect("time passes");
}
