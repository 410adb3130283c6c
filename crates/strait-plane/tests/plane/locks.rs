//! Logins that fail: whom they make wait, and for how long.

use strait_plane::PlaneError;
use strait_plane::model::NewSession;

use crate::logins::{PASSWORD, login, user};
use crate::world::World;

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
