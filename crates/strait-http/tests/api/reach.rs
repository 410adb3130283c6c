//! The customers' cloud in the console, with more than one project: who sees and does what of it.

use std::time::Duration;

use axum::http::{StatusCode, header};
use strait_http::{CustomerChange, RequestState};
use strait_plane::model::{NewPeering, NewVpc, Role};

use crate::customers::{
    CUSTOMER, GROUP, INSTANCE, NETWORK, OTHER_GROUP, OTHER_INSTANCE, OTHER_NETWORK, OTHER_TABLE,
    TABLE, request,
};
use crate::guest::{Guest, actions};
use crate::world::{Answer, REGION, World};

const NOT_THERE: StatusCode = StatusCode::NOT_FOUND;
const NOT_ALLOWED: StatusCode = StatusCode::FORBIDDEN;
const DONE: StatusCode = StatusCode::SEE_OTHER;

#[tokio::test]
async fn one_sees_the_networks_that_ones_own_projects_are_peered_with_and_no_others() {
    let world = World::new().await;
    let (second, _) = world.another_project("second").await;
    world
        .peer(&second, OTHER_NETWORK, &[RequestState::Active])
        .await;
    let member = Guest::of(&world, &second, Role::Viewer).await;
    let account = format!("/cloud/{CUSTOMER}");
    let own = format!("{account}/vpcs/{OTHER_NETWORK}");
    let foreign = format!("{account}/vpcs/{NETWORK}");
    for page in ["/cloud", &account, &own] {
        let seen = member.get(page).await;
        assert_eq!(seen.status, StatusCode::OK, "{page}: {seen:?}");
        for hidden in [NETWORK, "pcx-0123456789abcdef0", "pcx-0123456789abcdef1"] {
            assert!(!seen.text.contains(hidden), "{page} shows {hidden}");
        }
        assert_eq!(actions(&seen), ["/logout"], "{page}: a viewer");
    }
    assert!(member.get(&account).await.text.contains(OTHER_NETWORK));
    assert_eq!(member.get(&foreign).await.status, NOT_THERE);
    // A member of a project that names none sees none.
    let elsewhere = Guest::with(&world, Role::Owner).await;
    assert_eq!(elsewhere.get(&account).await.status, NOT_THERE);
    assert!(
        elsewhere
            .get("/cloud")
            .await
            .text
            .contains("No customer yet")
    );

    // A member of every project sees all.
    let everywhere = Guest::of(&world, &second, Role::Viewer).await;
    let added = world
        .plane
        .add_member(&world.project, &everywhere.email, Role::Viewer);
    added.await.expect("a member");
    for page in [&own, &foreign] {
        assert_eq!(everywhere.get(page).await.status, StatusCode::OK, "{page}");
    }
}

#[tokio::test]
async fn a_network_is_seen_while_its_customer_wants_the_connection() {
    let world = World::new().await;
    world.another_project("second").await;
    world.service().await;
    let asked = world
        .peer(&world.project, OTHER_NETWORK, &[RequestState::Pending])
        .await;
    let admin = Guest::with(&world, Role::Admin).await;
    let account = format!("/cloud/{CUSTOMER}");
    let network = format!("{account}/vpcs/{OTHER_NETWORK}");
    let change = format!("{account}/change");
    for (state, is_seen) in [
        (RequestState::Pending, false),
        (RequestState::Active, true),
        (RequestState::Failed, false),
        (RequestState::Expired, false),
        (RequestState::Rejected, false),
        (RequestState::Deleted, false),
    ] {
        world.customers.second.lock().expect("a lock")[0].state = state;
        let expected = if is_seen { StatusCode::OK } else { NOT_THERE };
        assert_eq!(admin.get(&network).await.status, expected, "{state:?}");
        let page = admin.get(&account).await;
        assert!(page.text.contains(&asked[0]), "{state:?}: {page:?}");
        assert_eq!(page.text.contains(&network), is_seen, "{state:?}: {page:?}");
        let places = admin.get("/cloud/try").await;
        let is_offered = places.text.contains(OTHER_INSTANCE);
        assert_eq!(is_offered, is_seen, "{state:?}: {places:?}");
        let delete = [
            ("do", "delete-route"),
            ("table", OTHER_TABLE),
            ("destination", "10.0.0.0/16"),
        ];
        let expected = if is_seen { DONE } else { NOT_THERE };
        let answer = admin.post(&change, &delete).await;
        assert_eq!(answer.status, expected, "{state:?}");
    }
}

#[tokio::test]
async fn one_acts_on_what_belongs_to_ones_own_peerings() {
    let world = World::new().await;
    let (second, _) = world.another_project("second").await;
    let states = [RequestState::Pending, RequestState::Active];
    let asked = world.peer(&second, OTHER_NETWORK, &states).await;
    let [pending, active] = &asked[..] else {
        panic!("two were asked for");
    };
    let foreign = request("pcx-00000000000000099", OTHER_NETWORK, RequestState::Active);
    world
        .customers
        .second
        .lock()
        .expect("a lock")
        .push(foreign.clone());
    let admin = Guest::of(&world, &second, Role::Admin).await;
    let developer = Guest::of(&world, &second, Role::Developer).await;
    let (pending, active) = (pending.as_str(), active.as_str());
    let cases: [(&[(&str, &str)], StatusCode); 15] = [
        (&[("do", "accept"), ("peering", pending)], DONE),
        (&[("do", "delete-peering"), ("peering", active)], DONE),
        (
            &[
                ("do", "add-route"),
                ("table", OTHER_TABLE),
                ("peering", active),
            ],
            DONE,
        ),
        (
            &[("do", "allow"), ("group", OTHER_GROUP), ("peering", active)],
            DONE,
        ),
        (
            &[
                ("do", "delete-route"),
                ("table", OTHER_TABLE),
                ("destination", "10.1.0.0/16"),
            ],
            DONE,
        ),
        (
            &[
                ("do", "disallow"),
                ("group", OTHER_GROUP),
                ("rule", "sgr-2"),
            ],
            DONE,
        ),
        // Of the same network, what is another project's.
        (
            &[("do", "delete-peering"), ("peering", &foreign.id)],
            NOT_THERE,
        ),
        (
            &[
                ("do", "delete-route"),
                ("table", OTHER_TABLE),
                ("destination", "10.2.0.0/16"),
            ],
            NOT_ALLOWED,
        ),
        (
            &[
                ("do", "disallow"),
                ("group", OTHER_GROUP),
                ("rule", "sgr-3"),
            ],
            NOT_ALLOWED,
        ),
        // To the same range, and for no connection.
        (
            &[
                ("do", "disallow"),
                ("group", OTHER_GROUP),
                ("rule", "sgr-same"),
            ],
            NOT_ALLOWED,
        ),
        // Another network's.
        (
            &[("do", "accept"), ("peering", "pcx-0123456789abcdef0")],
            NOT_THERE,
        ),
        (
            &[("do", "add-route"), ("table", TABLE), ("peering", active)],
            NOT_THERE,
        ),
        (
            &[("do", "allow"), ("group", GROUP), ("peering", active)],
            NOT_THERE,
        ),
        (
            &[
                ("do", "delete-route"),
                ("table", TABLE),
                ("destination", "10.0.0.0/16"),
            ],
            NOT_THERE,
        ),
        (
            &[("do", "disallow"), ("group", GROUP), ("rule", "sgr-1")],
            NOT_THERE,
        ),
    ];
    let change = format!("/cloud/{CUSTOMER}/change");
    for (fields, expected) in cases {
        let refused = developer.post(&change, fields).await;
        assert_eq!(refused.status, NOT_ALLOWED, "{fields:?}: {refused:?}");
        let before = world.changes_made().len();
        let answer = admin.post(&change, fields).await;
        assert_eq!(answer.status, expected, "{fields:?}: {answer:?}");
        let made = world.changes_made().len() - before;
        assert_eq!(made, usize::from(expected == DONE), "{fields:?}");
    }
    let page = admin
        .get(&format!("/cloud/{CUSTOMER}/vpcs/{OTHER_NETWORK}"))
        .await;
    let offered = |word: &str| page.text.matches(word).count();
    assert_eq!(
        offered("Delete the route"),
        2,
        "one of three is another's: {page:?}"
    );
    assert_eq!(offered("Delete the rule"), 2, "two of five: {page:?}");

    // The control: by an admin of every project all of it is done.
    let everywhere = Guest::of(&world, &second, Role::Admin).await;
    let added = world
        .plane
        .add_member(&world.project, &everywhere.email, Role::Admin);
    added.await.expect("a member");
    for (fields, _) in cases {
        let answer = everywhere.post(&change, fields).await;
        assert_eq!(answer.status, DONE, "{fields:?}: {answer:?}");
    }
    let expected = CustomerChange::Accept {
        peering: pending.to_owned(),
    };
    assert_eq!(world.changes_made()[0], expected);
}

#[tokio::test]
async fn example_customers_are_made_by_who_acts_for_all() {
    let world = World::new().await;
    let (second, _) = world.another_project("second").await;
    let admin = Guest::with(&world, Role::Admin).await;
    let refused = admin.post("/cloud/example", &[]).await;
    assert_eq!(refused.status, NOT_ALLOWED);
    assert!(!actions(&admin.get("/cloud").await).contains(&"/cloud/example"));
    let added = world.plane.add_member(&second, &admin.email, Role::Admin);
    added.await.expect("a member");
    assert_eq!(admin.post("/cloud/example", &[]).await.status, DONE);
    assert!(actions(&admin.get("/cloud").await).contains(&"/cloud/example"));
}

#[tokio::test]
async fn a_connection_is_tried_by_developers_from_where_they_see_and_by_few_at_once() {
    let world = World::new().await;
    let service = world.service().await;
    let (second, _) = world.another_project("second").await;
    world
        .peer(&world.project, OTHER_NETWORK, &[RequestState::Active])
        .await;
    let service = format!("{}/{service}", world.project);
    let from = |place: &'static str| [("from", place), ("service", service.as_str())];
    let viewer = Guest::with(&world, Role::Viewer).await;
    let developer = Guest::with(&world, Role::Developer).await;
    let stranger = Guest::of(&world, &second, Role::Owner).await;

    let refused = viewer.post("/cloud/try", &from("internet")).await;
    assert_eq!(refused.status, NOT_ALLOWED);
    assert!(!actions(&viewer.get("/cloud/try").await).contains(&"/cloud/try"));
    let refused = developer.post("/cloud/try", &from(INSTANCE)).await;
    assert_eq!(
        refused.status, NOT_THERE,
        "an instance that they do not see"
    );
    let refused = stranger.post("/cloud/try", &from("internet")).await;
    let words = "no service to reach";
    assert!(
        refused.text.contains(words),
        "another project’s: {refused:?}"
    );
    assert!(world.trials().is_empty(), "{:?}", world.trials());
    for place in ["internet", OTHER_INSTANCE] {
        let tried = developer.post("/cloud/try", &from(place)).await;
        assert!(tried.text.contains("PostgreSQL answers"), "{tried:?}");
    }
    assert_eq!(world.trials(), ["internet", OTHER_INSTANCE]);

    *world.customers.slow.lock().expect("a lock") = Duration::from_millis(500);
    let fields = from("internet");
    let at_once = (0..3).map(|_| developer.post("/cloud/try", &fields));
    let answers: Vec<Answer> = futures::future::join_all(at_once).await;
    let refused: Vec<&Answer> = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS)
        .collect();
    assert_eq!(refused.len(), 1, "{answers:?}");
    assert!(refused[0].headers.contains_key(header::RETRY_AFTER));
    let after = developer.post("/cloud/try", &fields).await;
    assert_eq!(after.status, StatusCode::OK, "the others have ended");
}

impl World {
    /// Has a project ask for so many peering connections with a customer's VPC, which are in these states there.
    async fn peer(&self, project: &str, vpc: &str, states: &[RequestState]) -> Vec<String> {
        let mut ids = Vec::new();
        for (number, state) in states.iter().enumerate() {
            let new = NewVpc {
                name: None,
                cidr: format!("10.{}.0.0/20", 80 + number),
                region_code: REGION.to_owned(),
            };
            let own = self.plane.create_vpc(project, new).await.expect("a VPC");
            let new = NewPeering {
                peer_account_id: CUSTOMER.to_owned(),
                peer_vpc_id: vpc.to_owned(),
                peer_region_code: "us-east-1".to_owned(),
                peer_cidr_blocks: Vec::new(),
            };
            let asked = self.plane.create_peering(project, &own.id, new).await;
            let asked = asked.expect("a peering connection");
            let id = asked.provisioned_id.expect("an id, which it waits for");
            let mut second = self.customers.second.lock().expect("a lock");
            second.push(request(&id, vpc, *state));
            ids.push(id);
        }
        ids
    }

    fn changes_made(&self) -> Vec<CustomerChange> {
        self.customers.changes.lock().expect("a lock").clone()
    }

    fn trials(&self) -> Vec<String> {
        self.customers.trials.lock().expect("a lock").clone()
    }
}
