//! Requests that count once and make no operation: for a day, and once only among several at a time.

use strait_plane::model::{Caller, Deed, NewKey, NewQuotaRequest, Once, Quota, Role};
use strait_plane::{Done, Plane, PlaneError};

use crate::world::World;

const KEY: &str = "0a1b2c3d-4e5f-4789-8abc-def012345678";

#[tokio::test]
async fn of_several_at_a_time_one_is_done_and_known_for_a_day() {
    let world = World::new().await;
    let plane = by(&world.plane, KEY, "create");
    let new = || NewKey {
        name: "deploy".to_owned(),
        ..NewKey::of(Role::Viewer)
    };
    assert!(known(&plane, &world).await.is_none());

    let (one, other) = tokio::join!(
        plane.create_key(&world.project, new()),
        plane.create_key(&world.project, new()),
    );
    let (made, repeated) = match one {
        Ok(made) => (made, other),
        Err(error) => (other.expect("one of them is the first"), Err(error)),
    };
    assert!(matches!(repeated, Err(PlaneError::Repeated)));
    let before = known(&plane, &world).await.expect("known");
    assert_eq!(
        (before.deed, &before.object_id),
        (Deed::KeyCreate, &made.key.public_key)
    );
    assert_eq!(before.secret_key.as_ref(), Some(&made.secret_key));
    let another = by(&world.plane, KEY, "something else");
    let refused = another.done_before(Some(&world.project)).await;
    let field = refused.map(|_| ()).expect_err("another request").field();
    assert_eq!(field, Some("Idempotency-Key"));
    assert!(
        another
            .done_before(None)
            .await
            .expect("an answer")
            .is_none()
    );

    // What is a day old is forgotten, what is younger is not.
    let young = by(&world.plane, "another key that is long", "ask");
    let more = NewQuotaRequest {
        quota: Quota::Vpcs,
        wanted: 9,
        reason: "more".to_owned(),
    };
    young
        .request_quota(&world.project, &more)
        .await
        .expect("asked");
    for (deed, hours) in [("key.create", 25), ("quota.request", 23)] {
        let aged = "UPDATE strait.answer SET created = created - make_interval(hours => $2) WHERE deed = $1";
        let aged = sqlx::query(aged)
            .bind(deed)
            .bind(hours)
            .execute(&world.pool)
            .await;
        assert_eq!(aged.expect("changed").rows_affected(), 1);
    }
    let world = world.restart().await;
    let plane = by(&world.plane, KEY, "create");
    let is_forgotten = async || known(&plane, &world).await.is_none();
    world
        .eventually("the old one is forgotten", is_forgotten)
        .await;
    let young = by(&world.plane, "another key that is long", "ask");
    let before = known(&young, &world).await.expect("known");
    assert_eq!(before.deed, Deed::QuotaRequest);
    let anew = plane.create_key(&world.project, new()).await.expect("made");
    assert_ne!(anew.key.public_key, made.key.public_key);
}

#[tokio::test]
async fn what_fails_is_not_known_and_may_be_tried_again() {
    let world = World::new().await;
    let plane = by(&world.plane, KEY, "ask");
    let ask = async |wanted: u32| {
        let new = NewQuotaRequest {
            quota: Quota::Vpcs,
            wanted,
            reason: "more".to_owned(),
        };
        plane.request_quota(&world.project, &new).await
    };
    ask(1).await.expect_err("there may be more already");
    assert!(known(&plane, &world).await.is_none());
    let asked = ask(9).await.expect("asked");
    let before = known(&plane, &world).await.expect("known");
    assert_eq!(before.object_id, asked.id);
}

async fn known(plane: &Plane, world: &World) -> Option<Done> {
    let known = plane.done_before(Some(&world.project)).await;
    known.expect("an answer")
}

fn by(plane: &Plane, key: &str, fingerprint: &str) -> Plane {
    plane.by(Caller {
        actor: "admin".to_owned(),
        once: Some(Once {
            key: key.to_owned(),
            fingerprint: fingerprint.to_owned(),
        }),
        ..Caller::strait()
    })
}
