//! Operations and events as server-sent events, while things happen.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::told::Message;
use crate::world::World;

#[tokio::test]
async fn a_move_is_followed_from_step_to_step_until_it_is_over() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await;
    let first_call = format!("ensure_way {id} vpc:");
    world.script.hold(&first_call);
    let operation = attach(&world, &id, &vpc).await;
    let path = format!("/operations/{operation}/events");
    let mut stream = world.follow(&path, None).await;
    let mut shown = vec![stream.next().await.expect("as it is")];
    assert_eq!(steps_with("ended", &shown[0]), [""; 0], "{shown:?}");
    world.script.release();

    while let Some(message) = stream.next().await {
        shown.push(message);
    }

    assert!(shown.iter().all(|message| message.kind == "operation"));
    assert!(shown.iter().all(|message| message.str("/id") == operation));
    let is_new = |pair: &[Message]| pair[0].data != pair[1].data;
    assert!(shown.windows(2).all(is_new), "{shown:#?}");
    let progress = |message: &Message| message.data["progress"].as_u64();
    assert!(shown.is_sorted_by_key(progress), "{shown:#?}");
    let states = shown.iter().map(|message| message.str("/state"));
    let over = states.clone().position(|state| state == "succeeded");
    assert_eq!(
        over,
        Some(shown.len() - 1),
        "{:?}",
        states.collect::<Vec<_>>()
    );
    // Each step begins and ends once, in order, whatever is told at a time.
    for moment in ["started", "ended"] {
        let mut passed: Vec<&str> = Vec::new();
        for message in &shown {
            let now = steps_with(moment, message);
            assert!(
                now.starts_with(&passed),
                "{moment}: {now:?} after {passed:?}"
            );
            passed = now;
        }
        assert_eq!(
            passed,
            [
                "open-new-way",
                "probe-new-way",
                "switch-names",
                "drain-former-way",
                "close-former-way"
            ],
            "{moment}"
        );
    }
    // And it is told while it happens.
    let drains = |message: &Message| {
        steps_with("started", message).contains(&"drain-former-way")
            && !steps_with("ended", message).contains(&"drain-former-way")
    };
    assert!(shown.iter().any(drains), "{shown:#?}");
}

#[tokio::test]
async fn events_go_on_where_a_stream_was_cut_without_loss_or_doubling() {
    let world = World::new().await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let id = world.service().await;
    let rename = async |name: &str| {
        let renamed = world.plane.rename_project(&world.project, name).await;
        renamed.expect("renamed");
    };
    let mut stream = world.follow("/events", None).await;
    let begun = stream.next().await.expect("a place");
    assert_eq!(begun.data, Value::Null, "nothing has happened: {begun:?}");
    let from = begun.id.expect("where it begins");
    // Cut before anything is told.
    drop(stream);
    rename("while nobody follows").await;

    let mut stream = world.follow("/events", Some(&from)).await;
    let operation = attach(&world, &id, &vpc).await;
    // The former way is drained when the service's place is told.
    let mut told = stream.until(|event| event.kind == "service.network").await;
    drop(stream);
    rename("while nobody follows again").await;
    let last = told.last().and_then(|event| event.id.clone());
    // A browser comes back to the address that it asked first.
    let path = format!("/events?since={from}");
    let mut stream = world.follow(&path, last.as_deref()).await;
    let is_over = |event: &Message| {
        event.str("/operation_id") == operation && event.str("/data/to") == "succeeded"
    };
    told.extend(stream.until(is_over).await);

    for event in &told {
        assert_eq!(event.kind, event.str("/kind"), "{event:?}");
        assert_eq!(event.id.as_deref(), event.data["id"].as_str(), "{event:?}");
    }
    let listed = world.get(&path).await;
    let listed = listed.body.as_array().expect("a list");
    let all: Vec<&Value> = told.iter().map(|event| &event.data).collect();
    let first: Vec<&Value> = listed.iter().take(all.len()).collect();
    assert_eq!(all, first, "each once and in order");
    let renamed = told.iter().filter(|event| event.kind == "project.renamed");
    assert_eq!(renamed.count(), 2, "{told:#?}");
    let of_it = told
        .iter()
        .filter(|event| event.str("/operation_id") == operation);
    let states: Vec<&str> = of_it.map(|event| event.str("/data/to")).collect();
    assert_eq!(states, ["queued", "running", "succeeded"]);
    let mut again = world.follow(&path, None).await;
    assert_eq!(again.until(is_over).await, told, "from `since` on");
}

/// Begins a move whose former way is drained for a second.
async fn attach(world: &World, service: &str, vpc: &str) -> String {
    let body = json!({"vpc_id": vpc, "drain_seconds": 1}).to_string();
    let path = format!("/services/{service}/attachToVPC");
    let taken = world.post(&path, &body).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED, "{taken:?}");
    taken.str("/service/operation_id").to_owned()
}

/// The steps of an operation that have this time.
fn steps_with<'a>(moment: &str, message: &'a Message) -> Vec<&'a str> {
    let steps = message.data["steps"].as_array().into_iter().flatten();
    let passed = steps.filter(|step| step.get(moment).is_some_and(|time| !time.is_null()));
    passed.filter_map(|step| step["step"].as_str()).collect()
}
