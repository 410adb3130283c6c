//! Peering connections, and who is let in.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use aws_sdk_ec2::types::{Filter, IpPermission, IpRange, RouteTable, SecurityGroup};
use ipnet::Ipv4Net;
use strait_aws::Aws;
use strait_plane::cloud::{CloudError, PeerState, PeeringObserved, PeeringSpec, VpcSpec};

use crate::world::{
    FAR, PLANE, REGION, World, eventually, live_peerings, net, ranges, tagged_groups, vpc,
};

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn a_peering_is_asked_for_once_and_found_by_who_remembers_nothing() {
    let world = World::new(20);
    let (strait, spec) = asked(&world, REGION).await;
    let observed = ensured(&strait, &spec).await;
    assert_eq!(observed.state, PeerState::PendingAcceptance);
    assert_eq!(observed.provisioned_id, observed.accepter_provisioned_id);
    assert!(observed.peer_ranges.is_empty(), "{observed:?}");
    assert_eq!(ensured(&strait, &spec).await, observed);
    assert_eq!(ensured(&world.strait().await, &spec).await, observed);
    assert_eq!(live_peerings(&world.provider_ec2().await).await.len(), 1);
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn what_the_customer_accepts_is_seen_soon_with_its_range() {
    let world = World::new(21);
    let (strait, spec) = asked(&world, REGION).await;
    let observed = ensured(&strait, &spec).await;
    accept(&world, REGION, &observed).await;
    let began = Instant::now();
    strait.changed().await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "a request that was just made is looked at closely"
    );
    let observed = ensured(&strait, &spec).await;
    assert_eq!(observed.state, PeerState::Active);
    assert_eq!(observed.peer_ranges, ranges(&["10.2.0.0/16"]));
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn a_peer_in_another_region_accepts_there() {
    let world = World::new(22);
    let (strait, spec) = asked(&world, FAR).await;
    let observed = ensured(&strait, &spec).await;
    accept(&world, FAR, &observed).await;
    let observed = ensured(&world.strait().await, &spec).await;
    assert_eq!(observed.state, PeerState::Active);
    assert_eq!(observed.peer_ranges, ranges(&["10.2.0.0/16"]));
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn exactly_the_admitted_ranges_have_routes_and_rules() {
    let world = World::new(23);
    let (strait, spec) = asked(&world, REGION).await;
    let observed = ensured(&strait, &spec).await;
    accept(&world, REGION, &observed).await;
    rule_by_hand(&world, "10.200.0.0/16").await;
    for admitted in [
        &["10.2.0.0/16"][..],
        &["10.2.0.0/16", "10.3.0.0/16"],
        &["10.3.0.0/16", "10.4.0.0/16"],
        &[],
    ] {
        let admitted = ranges(admitted);
        for _repeated in 0..2 {
            eventually(async || strait.admit_peer(&spec, &admitted).await).await;
        }
        assert_eq!(routes_by(&world, &observed).await, admitted);
        assert_eq!(rules_with(&world, Some("peering/p1")).await, admitted);
        assert_eq!(
            rules_with(&world, None).await,
            ranges(&["10.200.0.0/16"]),
            "somebody's own rule is left alone"
        );
    }
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn a_range_that_a_rule_by_hand_lets_in_is_admitted_all_the_same() {
    let world = World::new(24);
    let (strait, spec) = asked(&world, REGION).await;
    let observed = ensured(&strait, &spec).await;
    accept(&world, REGION, &observed).await;
    rule_by_hand(&world, "10.2.0.0/16").await;
    let strait = world.strait().await;
    let admitted = ranges(&["10.2.0.0/16"]);
    eventually(async || strait.admit_peer(&spec, &admitted).await).await;
    assert_eq!(routes_by(&world, &observed).await, admitted);
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn two_peers_of_one_vpc_do_not_touch_each_other() {
    let world = World::new(25);
    let (strait, one) = asked(&world, REGION).await;
    let second_vpc = world.customer_vpc(REGION, "10.3.0.0/16").await;
    let other = world.peering("p2", &one.vpc, &second_vpc, REGION);
    let (of_one, of_other) = (ensured(&strait, &one).await, ensured(&strait, &other).await);
    for observed in [&of_one, &of_other] {
        accept(&world, REGION, observed).await;
    }
    eventually(async || strait.admit_peer(&one, &ranges(&["10.2.0.0/16"])).await).await;
    eventually(async || strait.admit_peer(&other, &ranges(&["10.3.0.0/16"])).await).await;
    eventually(async || strait.delete_peering(&one).await).await;
    assert!(routes_by(&world, &of_one).await.is_empty());
    assert!(rules_with(&world, Some("peering/p1")).await.is_empty());
    assert_eq!(routes_by(&world, &of_other).await, ranges(&["10.3.0.0/16"]));
    assert_eq!(
        rules_with(&world, Some("peering/p2")).await,
        ranges(&["10.3.0.0/16"])
    );
    assert_eq!(
        ensured(&world.strait().await, &other).await.state,
        PeerState::Active
    );
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn two_straits_in_one_account_ask_each_for_themselves() {
    let world = World::new(30);
    let (one, spec) = asked(&world, REGION).await;
    let other = world.strait_of("plane-2").await;
    eventually(async || other.ensure_vpc(&spec.vpc).await).await;
    let (ones, others) = (ensured(&one, &spec).await, ensured(&other, &spec).await);
    assert_ne!(ones.provisioned_id, others.provisioned_id);
    eventually(async || one.delete_peering(&spec).await).await;
    let left = ensured(&world.strait_of("plane-2").await, &spec).await;
    assert_eq!(left.state, PeerState::PendingAcceptance);
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn one_that_ended_is_never_asked_for_again() {
    let world = World::new(26);
    let (strait, spec) = asked(&world, REGION).await;
    let observed = ensured(&strait, &spec).await;
    let customer = world.customer_ec2(REGION).await;
    let call = customer.reject_vpc_peering_connection();
    let rejected = call
        .vpc_peering_connection_id(&observed.provisioned_id)
        .send()
        .await;
    rejected.expect("it is rejected");
    let found = ensured(&world.strait().await, &spec).await;
    assert_eq!(
        (found.state, found.provisioned_id),
        (PeerState::Rejected, observed.provisioned_id)
    );
    assert!(live_peerings(&world.provider_ec2().await).await.is_empty());
    // What ended needs no call to be taken away.
    eventually(async || world.strait().await.delete_peering(&spec).await).await;
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn a_request_to_a_vpc_that_does_not_exist_comes_to_nothing() {
    let world = World::new(27);
    let (strait, mut spec) = asked(&world, REGION).await;
    spec.id = "p2".to_owned();
    spec.peer_vpc = "vpc-0123456789abcdef0".to_owned();
    match strait.ensure_peering(&spec).await {
        Ok(observed) => assert_eq!(observed.state, PeerState::Failed),
        Err(CloudError::Refused { code, message }) => {
            assert_eq!(code, "InvalidVpcID.NotFound");
            assert!(
                message.contains(&spec.peer_vpc) && message.contains(&world.customer),
                "{message}"
            );
        }
        Err(CloudError::Temporary(why) | CloudError::InProgress(why)) => {
            panic!("it will never be: {why}")
        }
    }
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn all_that_was_made_for_a_vpc_and_its_peers_can_be_taken_away() {
    let world = World::new(28);
    let (strait, spec) = asked(&world, REGION).await;
    let observed = ensured(&strait, &spec).await;
    accept(&world, REGION, &observed).await;
    eventually(async || strait.admit_peer(&spec, &ranges(&["10.2.0.0/16"])).await).await;
    let strait = world.strait().await;
    for _repeated in 0..2 {
        eventually(async || strait.delete_peering(&spec).await).await;
        eventually(async || strait.delete_vpc(&spec.vpc).await).await;
        assert!(
            world.left(PLANE).await.is_empty(),
            "{:?}",
            world.left(PLANE).await
        );
    }
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn a_peering_waits_for_its_peering_vpc() {
    let world = World::new(29);
    let spec = world.peering(
        "p1",
        &vpc("v1", "10.1.0.0/24"),
        "vpc-0123456789abcdef0",
        REGION,
    );
    let strait = world.strait().await;
    assert!(matches!(
        strait.ensure_peering(&spec).await,
        Err(CloudError::InProgress(_))
    ));
    eventually(async || strait.admit_peer(&spec, &BTreeSet::new()).await).await;
    let admitted = strait.admit_peer(&spec, &ranges(&["10.2.0.0/16"])).await;
    assert!(matches!(admitted, Err(CloudError::InProgress(_))));
    eventually(async || strait.delete_peering(&spec).await).await;
}

/// A Strait with a Peering VPC, and a peering to ask for with a customer's VPC, 10.2.0.0/16, in this Region.
async fn asked(world: &World, peer_region: &str) -> (Aws, PeeringSpec) {
    let ours: VpcSpec = vpc("v1", "10.1.0.0/24");
    let strait = world.strait().await;
    eventually(async || strait.ensure_vpc(&ours).await).await;
    let theirs = world.customer_vpc(peer_region, "10.2.0.0/16").await;
    (strait, world.peering("p1", &ours, &theirs, peer_region))
}

async fn ensured(strait: &Aws, spec: &PeeringSpec) -> PeeringObserved {
    eventually(async || strait.ensure_peering(spec).await).await
}

async fn accept(world: &World, region: &str, observed: &PeeringObserved) {
    let customer = world.customer_ec2(region).await;
    let call = customer.accept_vpc_peering_connection();
    let accepted = call
        .vpc_peering_connection_id(&observed.provisioned_id)
        .send()
        .await;
    accepted.expect("the customer accepts");
}

/// Ranges with a route by this connection, in all route tables of the provider's.
async fn routes_by(world: &World, observed: &PeeringObserved) -> BTreeSet<Ipv4Net> {
    let ec2 = world.provider_ec2().await;
    let by_it = Filter::builder()
        .name("route.vpc-peering-connection-id")
        .values(&observed.provisioned_id)
        .build();
    let answer = ec2
        .describe_route_tables()
        .filters(by_it)
        .send()
        .await
        .expect("route tables");
    let tables = answer.route_tables.unwrap_or_default();
    let routes = tables.iter().flat_map(RouteTable::routes);
    let by_it =
        routes.filter(|route| route.vpc_peering_connection_id() == Some(&observed.provisioned_id));
    by_it
        .filter_map(|route| route.destination_cidr_block())
        .map(net)
        .collect()
}

/// Ranges that rules of the endpoints' group with this description let in to port 5432.
async fn rules_with(world: &World, description: Option<&str>) -> BTreeSet<Ipv4Net> {
    let groups = tagged_groups(&world.provider_ec2().await, PLANE).await;
    let permissions = groups.iter().flat_map(SecurityGroup::ip_permissions);
    let to_postgres = permissions.filter(|permission| {
        (permission.from_port(), permission.to_port()) == (Some(5432), Some(5432))
    });
    let ranges = to_postgres.flat_map(IpPermission::ip_ranges);
    let with_it = ranges.filter(|range| range.description() == description);
    with_it.filter_map(IpRange::cidr_ip).map(net).collect()
}

async fn rule_by_hand(world: &World, range: &str) {
    let ec2 = world.provider_ec2().await;
    let groups = tagged_groups(&ec2, PLANE).await;
    let group = groups
        .first()
        .and_then(|group| group.group_id())
        .expect("the group of endpoints");
    let permission = IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(5432)
        .to_port(5432)
        .ip_ranges(IpRange::builder().cidr_ip(range).build());
    let call = ec2
        .authorize_security_group_ingress()
        .group_id(group)
        .ip_permissions(permission.build());
    call.send().await.expect("a rule");
}
