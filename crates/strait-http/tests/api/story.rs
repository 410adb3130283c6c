//! The main job over REST.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::world::{Answer, REGION, World};

#[tokio::test]
async fn a_service_is_made_with_a_password_that_is_told_once() {
    let world = World::new().await;
    let made = world
        .post(
            "/services",
            r#"{"name":"orders","addons":[],"replica_count":0,"environment_tag":"DEV"}"#,
        )
        .await;
    assert_eq!(made.status, StatusCode::ACCEPTED, "{made:?}");
    assert!(made.str("/initial_password").len() >= 16, "{made:?}");
    assert_eq!(made.str("/service_type"), "POSTGRES");
    assert_eq!(made.body["resources"], json!([]));
    let id = made.str("/service_id").to_owned();

    let ready = world.get(&format!("/services/{id}?wait=20")).await;
    assert_eq!(ready.headers["strait-settled"], "yes", "{ready:?}");
    assert_eq!(ready.str("/status"), "READY");
    assert_eq!(ready.str("/network/now"), "public");
    assert!(!ready.has("/initial_password"), "{ready:?}");
    assert!(
        ready
            .str("/endpoint/host")
            .starts_with(&format!("{id}.{}.db.", world.project)),
        "{ready:?}"
    );
    assert_eq!(ready.body["endpoint"]["port"], 5432);
    assert!(
        ready.str("/connection").contains("sslmode=verify-full"),
        "{ready:?}"
    );
    let listed = world.get("/services").await;
    assert_eq!(listed.body[0], ready.body, "a list shows what a get shows");
    assert_eq!(
        world.get("/services/orders").await.body,
        ready.body,
        "a name does as an id"
    );
}

#[tokio::test]
async fn services_stop_start_take_a_name_and_go() {
    let world = World::new().await;
    let id = world.service().await;
    for (action, status) in [("stop", "PAUSED"), ("start", "READY")] {
        let taken = world.post(&format!("/services/{id}/{action}"), "").await;
        assert_eq!(taken.status, StatusCode::ACCEPTED, "{taken:?}");
        let settled = world.get(&format!("/services/{id}?wait=20")).await;
        assert_eq!(settled.str("/status"), status, "{settled:?}");
    }
    let renamed = world
        .post(&format!("/services/{id}/rename"), r#"{"name":"carts"}"#)
        .await;
    assert_eq!(
        (renamed.status, renamed.str("/name")),
        (StatusCode::OK, "carts")
    );
    let deleted = world.delete("/services/carts").await;
    assert_eq!(
        (deleted.status, deleted.str("/service_id")),
        (StatusCode::ACCEPTED, id.as_str())
    );
    // Gone in the end, whether the wait or the get finds it.
    world
        .get(&format!("/services/{id}?wait=20"))
        .await
        .assert_refused(StatusCode::NOT_FOUND, "NOT_FOUND", None);
}

#[tokio::test]
async fn a_vpc_is_shown_as_stored_renamed_and_deleted() {
    let world = World::new().await;
    let asked = json!({"name": "main", "cidr": "10.0.0.7/17", "region_code": REGION}).to_string();
    let made = world.post("/vpcs", &asked).await;
    assert_eq!(
        (made.status, made.str("/cidr")),
        (StatusCode::CREATED, "10.0.0.0/17"),
        "{made:?}"
    );
    let id = made.str("/id").to_owned();
    let settled = world.get(&format!("/vpcs/{id}?wait=20")).await;
    assert_eq!(
        (settled.str("/status"), settled.str("/name")),
        ("CREATED", "main")
    );
    assert!(
        settled.str("/provisioned_id").starts_with("vpc-"),
        "{settled:?}"
    );
    let overlapping = world
        .post("/vpcs", &asked.replace("10.0.0.7/17", "10.0.64.0/20"))
        .await;
    assert!(
        overlapping.status.is_client_error() && overlapping.str("/message").contains("10.0.0.0/17"),
        "{overlapping:?}"
    );

    let renamed = world.post("/vpcs/main/rename", r#"{"name":"core"}"#).await;
    assert_eq!(
        (renamed.status, renamed.str("/vpc/name")),
        (StatusCode::OK, "core")
    );
    assert!(renamed.str("/message").contains("core"));
    let deleted = world.delete("/vpcs/core").await;
    assert_eq!(
        (deleted.status, deleted.text.as_str()),
        (StatusCode::NO_CONTENT, "")
    );
    world
        .get(&format!("/vpcs/{id}?wait=20"))
        .await
        .assert_refused(StatusCode::NOT_FOUND, "NOT_FOUND", None);
}

#[tokio::test]
async fn a_peering_says_whose_turn_it_is_and_what_to_do() {
    let world = World::new().await;
    let vpc = world.vpc("10.60.0.0/16").await;
    let asked = json!({"peer_account_id": "222222222222", "peer_vpc_id": "vpc-0123456789abcdef0", "peer_region_code": REGION});
    let made = world
        .post(&format!("/vpcs/{vpc}/peerings"), &asked.to_string())
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    assert_eq!(
        (
            made.str("/status"),
            made.str("/state"),
            made.str("/waiting_on")
        ),
        ("PENDING", "pending-acceptance", "customer")
    );
    let pcx = made.str("/accepter_provisioned_id").to_owned();
    assert!(
        pcx.starts_with("pcx-") && made.has("/expires_at") && made.has("/next_action"),
        "{made:?}"
    );
    let commands = commands(&made);
    assert!(
        commands
            .iter()
            .any(|command| command.contains("accept-vpc-peering-connection")
                && command.contains(&pcx)),
        "{commands:?}"
    );
    assert!(made.has("/customer_steps/iam_policy/Statement"), "{made:?}");

    let id = made.str("/id").to_owned();
    let path = format!("/vpcs/{vpc}/peerings/{id}");
    assert_eq!(
        world.get(&format!("{path}?wait=20")).await.body,
        made.body,
        "a pending one is settled"
    );
    assert_eq!(
        world.get(&format!("/vpcs/{vpc}/peerings")).await.body,
        json!([made.body])
    );
    let in_use = world.delete(&format!("/vpcs/{vpc}")).await;
    in_use.assert_refused(StatusCode::CONFLICT, "CONFLICT", None);
    assert!(in_use.str("/message").contains(&id), "{in_use:?}");

    world.cloud.accept(&id, &["10.70.0.0/16"]);
    let active = active(&world, &path).await;
    assert_eq!(
        (active.str("/waiting_on"), active.str("/peer_cidrs/0")),
        ("nobody", "10.70.0.0/16"),
        "{active:?}"
    );
    assert_eq!(world.delete(&path).await.status, StatusCode::NO_CONTENT);
    world.get(&format!("{path}?wait=20")).await.assert_refused(
        StatusCode::NOT_FOUND,
        "NOT_FOUND",
        None,
    );
}

#[tokio::test]
async fn a_service_moves_into_a_vpc_and_out_again_and_keeps_its_name() {
    let world = World::new().await;
    let (vpc, id) = (world.vpc("10.60.0.0/16").await, world.service().await);
    let path = format!("/services/{id}");
    let public = world.get(&path).await;
    let into = format!(r#"{{"vpc_id":"{vpc}"}}"#);
    let taken = world.post(&format!("{path}/attachToVPC"), &into).await;
    assert_eq!(
        (taken.status, taken.str("/service/service_id")),
        (StatusCode::ACCEPTED, id.as_str()),
        "{taken:?}"
    );
    assert!(taken.str("/message").contains(&id));
    let private = world.get(&format!("{path}?wait=20")).await;
    assert_eq!(
        private.str("/network/now"),
        format!("vpc:{vpc}"),
        "{private:?}"
    );
    assert_eq!(private.str("/vpc_endpoint/vpc_id"), vpc);
    assert_eq!(private.str("/endpoint/host"), public.str("/endpoint/host"));
    assert!(
        !private.has("/public_endpoint") && !private.has("/local_connection"),
        "{private:?}"
    );

    let elsewhere = world.vpc("10.61.0.0/16").await;
    let wrong = world
        .post(
            &format!("{path}/detachFromVPC"),
            &format!(r#"{{"vpc_id":"{elsewhere}"}}"#),
        )
        .await;
    assert!(wrong.status.is_client_error(), "{wrong:?}");
    let taken = world.post(&format!("{path}/detachFromVPC"), &into).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED, "{taken:?}");
    let again = world.get(&format!("{path}?wait=20")).await;
    assert_eq!(
        (again.str("/network/now"), again.has("/vpc_endpoint")),
        ("public", false),
        "{again:?}"
    );
    assert_eq!(again.str("/endpoint/host"), public.str("/endpoint/host"));
}

fn commands(peering: &Answer) -> Vec<&str> {
    let steps = peering
        .body
        .pointer("/customer_steps/steps")
        .and_then(Value::as_array)
        .expect("steps");
    steps
        .iter()
        .filter_map(|step| step["command"].as_str())
        .collect()
}

/// The peering when the plane has noticed that it was accepted.
async fn active(world: &World, path: &str) -> Answer {
    for _ in 0..400 {
        let answer = world.get(path).await;
        if answer.str("/status") == "ACTIVE" && answer.body["admitted"] == true {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("it never became active");
}
