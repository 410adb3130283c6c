//! Calls that a Peering VPC takes go wrong, each in turn: it is there in the end, once, and goes again.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_ec2::types::SecurityGroup;
use strait_aws::Aws;
use strait_plane::cloud::{NameTarget, PeerState, PeeringSpec};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

use crate::proxy::{Fault, Proxy, Which};
use crate::world::{
    DOMAIN, PLANE, REGION, World, eventually, live_peerings, ranges, tagged_groups, tagged_vpcs,
    vpc,
};

/// More calls than the story takes.
const CALLS: u16 = 60;
/// Stories at the same time: they wait most of the time, but moto, which is one Python program, works.
const AT_ONCE: usize = 12;

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn any_answer_may_be_lost() {
    let (mut stories, local) = (JoinSet::new(), LocalSet::new());
    let places = Arc::new(Semaphore::new(AT_ONCE));
    for nth in 0..CALLS {
        let places = Arc::clone(&places);
        let story = async move {
            let _place = places.acquire().await.expect("nobody closes it");
            story(100 + nth, Fault::Lost, Which::Nth(nth.into())).await
        };
        stories.spawn_local_on(story, &local);
    }
    let lost: usize = local.run_until(stories.join_all()).await.into_iter().sum();
    assert!(lost > 30, "only {lost} answers were lost");
    assert!(
        lost < CALLS.into(),
        "the story has more calls than were tried"
    );
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn any_call_may_meet_a_failure_of_aws() {
    let met = story(200, Fault::Broken, Which::FirstOfEach).await;
    assert!(met > 20, "only {met} actions failed");
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn any_call_may_be_throttled() {
    let met = story(201, Fault::Throttled, Which::FirstOfEach).await;
    assert!(met > 20, "only {met} actions were throttled");
}

/// A Peering VPC with a peer, from its beginning to its end, while these requests go wrong. Tells how many did.
async fn story(number: u16, fault: Fault, which: Which) -> usize {
    let world = World::new(number);
    let proxy = Proxy::start(world.upstream(), fault, which).await;
    let zone = world.provider_route53().await.create_hosted_zone();
    zone.name(DOMAIN)
        .caller_reference(DOMAIN)
        .send()
        .await
        .expect("a zone");
    let theirs = world.customer_vpc(REGION, "10.2.0.0/16").await;
    let spec = world.peering("p1", &vpc("v1", "10.1.0.0/24"), &theirs, REGION);
    let strait = world.strait_at(proxy.url()).await;

    eventually(async || strait.ensure_vpc(&spec.vpc).await).await;
    let asked = eventually(async || strait.ensure_peering(&spec).await).await;
    let customer = world.customer_ec2(REGION).await;
    let call = customer.accept_vpc_peering_connection();
    let accepted = call
        .vpc_peering_connection_id(&asked.provisioned_id)
        .send()
        .await;
    accepted.expect("the customer accepts");
    active(&strait, &spec).await;
    eventually(async || strait.admit_peer(&spec, &ranges(&["10.2.0.0/16"])).await).await;
    eventually(async || strait.publish_names(&names()).await).await;
    there_is_one_of_each(&world).await;

    eventually(async || strait.publish_names(&BTreeMap::new()).await).await;
    eventually(async || strait.delete_peering(&spec).await).await;
    eventually(async || strait.delete_vpc(&spec.vpc).await).await;
    let left = world.left(PLANE).await;
    assert!(left.is_empty(), "{fault:?}, {which:?}: {left:?}");
    proxy.faults()
}

async fn active(strait: &Aws, spec: &PeeringSpec) {
    while eventually(async || strait.ensure_peering(spec).await)
        .await
        .state
        != PeerState::Active
    {
        strait.changed().await;
    }
}

async fn there_is_one_of_each(world: &World) {
    let ec2 = world.provider_ec2().await;
    assert_eq!(tagged_vpcs(&ec2, PLANE).await.len(), 1);
    assert_eq!(live_peerings(&ec2).await.len(), 1);
    assert_eq!(
        world.left(PLANE).await.len(),
        5,
        "VPC, two subnets, group, peering"
    );
    let groups = tagged_groups(&ec2, PLANE).await;
    let rules = groups
        .iter()
        .flat_map(SecurityGroup::ip_permissions)
        .count();
    assert_eq!((groups.len(), rules), (1, 1));
}

fn names() -> BTreeMap<String, NameTarget> {
    let target = NameTarget {
        address: "10.1.0.4".parse().expect("an address"),
        host: None,
    };
    BTreeMap::from([(format!("s1.p1.db.{DOMAIN}"), target)])
}
