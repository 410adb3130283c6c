//! Peering VPCs.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{
    AttributeBooleanValue, Filter, ResourceType, Subnet, Tag, TagSpecification, VpcAttributeName,
};
use strait_aws::Aws;
use strait_plane::cloud::CloudError;

use crate::world::{FAR, PLANE, REGION, World, eventually, net, tagged_groups, tagged_vpcs, vpc};

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn the_account_is_that_of_the_role_and_the_regions_are_those_configured() {
    let world = World::new(1);
    let strait = world.strait().await;
    assert_eq!(strait.account(), world.account());
    assert_eq!(strait.supported_regions(), [REGION, FAR]);
    let known = strait.known_regions();
    assert!(
        known.is_sorted() && known.iter().any(|region| region == "ap-southeast-2"),
        "{known:?}"
    );
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn a_peering_vpc_is_made_once_and_found_by_who_remembers_nothing() {
    let (world, spec) = (World::new(2), vpc("v1", "10.1.0.0/24"));
    let strait = world.strait().await;
    let made = eventually(async || strait.ensure_vpc(&spec).await).await;
    for again in [&strait, &world.strait().await] {
        let found = eventually(async || again.ensure_vpc(&spec).await).await;
        assert_eq!(found, made);
    }
    let ec2 = world.provider_ec2().await;
    assert_eq!(tagged_vpcs(&ec2, PLANE).await.len(), 1);
    assert_eq!(tagged_groups(&ec2, PLANE).await.len(), 1);

    let subnets = subnets(&world, &made.provisioned_id).await;
    let zones: BTreeSet<_> = subnets
        .iter()
        .filter_map(Subnet::availability_zone_id)
        .collect();
    assert_eq!((subnets.len(), zones.len()), (2, 2), "{subnets:?}");
    let blocks: Vec<_> = subnets
        .iter()
        .filter_map(|subnet| subnet.cidr_block())
        .map(net)
        .collect();
    assert!(
        blocks.iter().all(|block| spec.cidr.contains(block)),
        "{blocks:?}"
    );
    let used: u32 = blocks
        .iter()
        .map(|block| 1 << (32 - block.prefix_len()))
        .sum();
    assert!(used <= 128, "there is room for other zones: {blocks:?}");
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn the_group_of_endpoints_begins_without_any_rule_and_hostnames_are_on() {
    let (world, spec) = (World::new(3), vpc("v1", "10.1.0.0/24"));
    let strait = world.strait().await;
    let made = eventually(async || strait.ensure_vpc(&spec).await).await;
    let ec2 = world.provider_ec2().await;
    let groups = tagged_groups(&ec2, PLANE).await;
    let [group] = groups.as_slice() else {
        panic!("one group: {groups:?}");
    };
    assert_eq!(group.vpc_id(), Some(made.provisioned_id.as_str()));
    assert!(
        group.ip_permissions().is_empty() && group.ip_permissions_egress().is_empty(),
        "{group:?}"
    );
    let asked = ec2.describe_vpc_attribute().vpc_id(&made.provisioned_id);
    let asked = asked.attribute(VpcAttributeName::EnableDnsHostnames);
    let answer = asked.send().await.expect("an attribute");
    assert_eq!(
        answer
            .enable_dns_hostnames()
            .and_then(AttributeBooleanValue::value),
        Some(true)
    );
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn the_smallest_range_has_one_subnet() {
    let (world, spec) = (World::new(4), vpc("v1", "10.1.0.0/28"));
    let strait = world.strait().await;
    let made = eventually(async || strait.ensure_vpc(&spec).await).await;
    assert_eq!(subnets(&world, &made.provisioned_id).await.len(), 1);
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn deleting_leaves_nothing_and_may_be_repeated() {
    let (world, spec) = (World::new(5), vpc("v1", "10.1.0.0/24"));
    let strait = world.strait().await;
    eventually(async || strait.ensure_vpc(&spec).await).await;
    for deleting in [&strait, &strait, &world.strait().await] {
        eventually(async || deleting.delete_vpc(&spec).await).await;
        assert!(
            world.left(PLANE).await.is_empty(),
            "{:?}",
            world.left(PLANE).await
        );
    }
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn two_straits_in_one_account_leave_each_other_alone() {
    let (world, spec) = (World::new(6), vpc("v1", "10.1.0.0/24"));
    let (one, other) = (world.strait().await, world.strait_of("plane-2").await);
    let ones = eventually(async || one.ensure_vpc(&spec).await).await;
    let others = eventually(async || other.ensure_vpc(&spec).await).await;
    assert_ne!(ones, others);
    eventually(async || one.delete_vpc(&spec).await).await;
    assert!(world.left(PLANE).await.is_empty());
    assert_eq!(
        eventually(async || other.ensure_vpc(&spec).await).await,
        others
    );
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn a_second_vpc_for_one_key_goes_and_the_one_with_subnets_stays() {
    let (world, spec) = (World::new(7), vpc("v1", "10.1.0.0/24"));
    let strait = world.strait().await;
    let made = eventually(async || strait.ensure_vpc(&spec).await).await;
    let surplus = vpc_with_key(&world, "vpc/v1").await;
    let found = eventually(async || world.strait().await.ensure_vpc(&spec).await).await;
    assert_eq!(found, made);
    let ec2 = world.provider_ec2().await;
    let left: Vec<_> = tagged_vpcs(&ec2, PLANE)
        .await
        .into_iter()
        .filter_map(|vpc| vpc.vpc_id)
        .collect();
    assert_eq!(left, [made.provisioned_id], "{surplus} is gone");
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn what_was_half_made_is_completed() {
    let (world, spec) = (World::new(8), vpc("v1", "10.1.0.0/24"));
    let bare = vpc_with_key(&world, "vpc/v1").await;
    let strait = world.strait().await;
    let made = eventually(async || strait.ensure_vpc(&spec).await).await;
    assert_eq!(made.provisioned_id, bare);
    assert_eq!(subnets(&world, &bare).await.len(), 2);
}

#[tokio::test]
#[ignore = "`against_moto` runs it"]
async fn a_region_that_is_not_configured_is_refused() {
    let mut spec = vpc("v1", "10.1.0.0/24");
    spec.region = "eu-north-1".to_owned();
    let strait: Aws = World::new(9).strait().await;
    let Err(CloudError::Refused { code, message }) = strait.ensure_vpc(&spec).await else {
        panic!("it is refused");
    };
    assert_eq!(code, "region_not_configured");
    assert!(
        message.contains("eu-north-1") && message.contains("regions"),
        "{message}"
    );
}

async fn subnets(world: &World, vpc_id: &str) -> Vec<Subnet> {
    let ec2 = world.provider_ec2().await;
    let of_vpc = Filter::builder().name("vpc-id").values(vpc_id).build();
    let answer = ec2.describe_subnets().filters(of_vpc).send().await;
    answer.expect("subnets").subnets.unwrap_or_default()
}

/// A VPC as a Strait leaves it that is killed right after it made it.
async fn vpc_with_key(world: &World, key: &str) -> String {
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    let tags = TagSpecification::builder()
        .resource_type(ResourceType::Vpc)
        .tags(tag("strait:id", key))
        .tags(tag("strait:plane", PLANE));
    let ec2 = world.provider_ec2().await;
    let call = ec2
        .create_vpc()
        .cidr_block("10.1.0.0/24")
        .tag_specifications(tags.build());
    let vpc = call.send().await.expect("a VPC").vpc;
    vpc.and_then(|vpc| vpc.vpc_id).expect("its id")
}
