//! Names of services in Route 53.

use std::collections::BTreeMap;

use aws_sdk_route53::Client;
use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType,
};
use strait_plane::cloud::{CloudError, NameTarget, fenced};

use crate::world::{DOMAIN, World};

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn the_zone_has_exactly_the_names_that_were_published() {
    let world = World::new(40);
    let (route53, zone) = zone(&world, DOMAIN).await;
    let own = record(&format!("www.{DOMAIN}"), "192.0.2.1");
    put(&route53, &zone, own).await;
    let strait = world.strait().await;

    let address = names(&[
        ("s1.p1.db", None),
        ("s1.p1.public", None),
        ("s2.p1.db", None),
    ]);
    let alias = names(&[
        ("s1.p1.db", Some("vpce-1.example.net")),
        ("s1.p1.vpc", Some("vpce-1.example.net")),
    ]);
    for published in [&address, &address, &alias, &BTreeMap::new()] {
        strait
            .publish_names(published)
            .await
            .expect("names are published");
        let mut wanted: Vec<String> = published.iter().map(told).collect();
        wanted.push(format!("www.{DOMAIN} A 192.0.2.1"));
        wanted.sort();
        assert_eq!(records(&route53, &zone).await, wanted);
    }
    let late = fenced(|| false, strait.publish_names(&address)).await;
    assert!(matches!(late, Err(CloudError::InProgress(_))), "{late:?}");
    let left = records(&route53, &zone).await;
    assert_eq!(left, [format!("www.{DOMAIN} A 192.0.2.1")]);
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn more_names_than_a_page_or_a_batch_has_are_published() {
    let world = World::new(41);
    let (route53, zone) = zone(&world, "example.com").await;
    let strait = world.strait().await;
    let labels: Vec<String> = (0..350).map(|n| format!("s{n}.p1.db")).collect();
    let many = names(
        &labels
            .iter()
            .map(|label| (label.as_str(), None))
            .collect::<Vec<_>>(),
    );
    strait
        .publish_names(&many)
        .await
        .expect("names are published");
    let few = names(&[("s7.p1.db", None)]);
    // One that remembers nothing reads all pages.
    world
        .strait()
        .await
        .publish_names(&few)
        .await
        .expect("names are published");
    assert_eq!(
        records(&route53, &zone).await,
        few.iter().map(told).collect::<Vec<_>>()
    );
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn without_a_zone_it_is_said_what_to_do() {
    let strait = World::new(42).strait().await;
    let Err(CloudError::Refused { code, message }) =
        strait.publish_names(&names(&[("s1.p1.db", None)])).await
    else {
        panic!("it is refused");
    };
    assert_eq!(code, "no_hosted_zone");
    assert!(message.contains(DOMAIN), "{message}");
}

fn names(labels: &[(&str, Option<&str>)]) -> BTreeMap<String, NameTarget> {
    let target = |(label, host): &(&str, Option<&str>)| {
        let target = NameTarget {
            address: "10.1.0.4".parse().expect("an address"),
            host: host.map(str::to_owned),
        };
        (format!("{label}.{DOMAIN}"), target)
    };
    labels.iter().map(target).collect()
}

fn told((name, target): (&String, &NameTarget)) -> String {
    match &target.host {
        Some(host) => format!("{name} CNAME {host}"),
        None => format!("{name} A {}", target.address),
    }
}

async fn zone(world: &World, name: &str) -> (Client, String) {
    let route53 = world.provider_route53().await;
    let made = route53
        .create_hosted_zone()
        .name(name)
        .caller_reference(name)
        .send()
        .await;
    let zone = made.expect("a zone").hosted_zone.expect("a zone");
    (route53, zone.id)
}

async fn put(route53: &Client, zone: &str, record: ResourceRecordSet) {
    let change = Change::builder()
        .action(ChangeAction::Create)
        .resource_record_set(record)
        .build();
    let batch = ChangeBatch::builder()
        .changes(change.expect("a change"))
        .build();
    let call = route53.change_resource_record_sets().hosted_zone_id(zone);
    call.change_batch(batch.expect("a batch"))
        .send()
        .await
        .expect("a record is made");
}

fn record(name: &str, address: &str) -> ResourceRecordSet {
    let value = ResourceRecord::builder()
        .value(address)
        .build()
        .expect("a value");
    let record = ResourceRecordSet::builder()
        .name(name)
        .r#type(RrType::A)
        .ttl(60)
        .resource_records(value);
    record.build().expect("a record")
}

/// Addresses and aliases of a zone, sorted.
async fn records(route53: &Client, zone: &str) -> Vec<String> {
    let answer = route53
        .list_resource_record_sets()
        .hosted_zone_id(zone)
        .send()
        .await
        .expect("records");
    let told = |record: &ResourceRecordSet| {
        let values: Vec<&str> = record
            .resource_records()
            .iter()
            .map(ResourceRecord::value)
            .collect();
        format!(
            "{} {} {}",
            record.name.trim_end_matches('.'),
            record.r#type,
            values.join(" ")
        )
    };
    let sets = answer.resource_record_sets.iter();
    let mut all: Vec<String> = sets
        .filter(|record| matches!(record.r#type, RrType::A | RrType::Cname))
        .map(told)
        .collect();
    all.sort();
    all
}
