//! Tags.

use strait_vpc::api::*;

use crate::world::*;

fn set(id: &str, pairs: &[(&str, &str)]) -> CreateTagsRequest {
    CreateTagsRequest {
        resources: vec![id.to_owned()],
        tags: tag_inputs(pairs),
        ..Default::default()
    }
}

#[test]
fn tags_are_set_shown_and_taken_away() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    world.ok::<CreateTagsResponse>(&me, set(&vpc, &[("Name", "a"), ("env", "test")]));
    world.ok::<CreateTagsResponse>(&me, set(&vpc, &[("Name", "b")]));
    let shown = world
        .ok::<DescribeTagsResponse>(&me, DescribeTagsRequest::default())
        .tags
        .items;
    let shown: Vec<_> = shown
        .iter()
        .map(|tag| {
            (
                tag.key.as_str(),
                tag.value.as_str(),
                tag.resource_type.as_str(),
            )
        })
        .collect();
    assert_eq!(shown, [("Name", "b", "vpc"), ("env", "test", "vpc")]);
    let remove = |pairs| DeleteTagsRequest {
        resources: vec![vpc.clone()],
        tags: tag_inputs(pairs),
        ..Default::default()
    };
    world.ok::<DeleteTagsResponse>(&me, remove(&[("Name", "other"), ("env", "")]));
    let left = world
        .network
        .vpcs
        .values()
        .next()
        .expect("a VPC")
        .tags
        .clone();
    assert_eq!(
        left.into_iter().collect::<Vec<_>>(),
        [("Name".to_owned(), "b".to_owned())]
    );
    world.ok::<DeleteTagsResponse>(&me, remove(&[]));
    assert!(
        world
            .network
            .vpcs
            .values()
            .next()
            .expect("a VPC")
            .tags
            .is_empty()
    );
}

#[test]
fn keys_numbers_and_ids_are_checked() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let long = "k".repeat(128);
    let cases = [
        (set(&vpc, &[("", "x")]), "InvalidTagKey.Malformed"),
        (set(&vpc, &[("aws:x", "x")]), "InvalidTagKey.Malformed"),
        (set(&vpc, &[(&long, "x")]), "InvalidTagKey.Malformed"),
        (set(&vpc, &[]), "MissingParameter"),
        (set("vpc-01234567", &[("a", "b")]), "InvalidVpcID.NotFound"),
        (set("subnet-x", &[("a", "b")]), "InvalidSubnetID.NotFound"),
        (
            set("pcx-01234567", &[("a", "b")]),
            "InvalidVpcPeeringConnectionID.NotFound",
        ),
        (set("hello", &[("a", "b")]), "InvalidID"),
        (
            CreateTagsRequest {
                resources: vec![],
                ..set("", &[("a", "b")])
            },
            "MissingParameter",
        ),
    ];
    for (request, expected) in cases {
        let what = format!("{request:?}");
        assert_eq!(world.outcome(&me, request), expected, "{what}");
    }
    let keys: Vec<String> = (0..51).map(|number| format!("k{number}")).collect();
    let pairs: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "")).collect();
    assert_eq!(world.code(&me, set(&vpc, &pairs)), "TagLimitExceeded");
    assert_eq!(world.outcome(&me, set(&vpc, &pairs[..50])), "ok");
    let half_wrong = CreateTagsRequest {
        resources: vec![vpc.clone(), "vpc-01234567".to_owned()],
        ..set("", &[("k0", "new")])
    };
    assert_eq!(world.code(&me, half_wrong), "InvalidVpcID.NotFound");
    for (kind, pairs) in [
        ("subnet", vec![("a", "b")]),
        ("", vec![("a", "b")]),
        ("vpc", vec![]),
    ] {
        let wrong = CreateVpcRequest {
            cidr_block: Some("10.1.0.0/16".to_owned()),
            tag_specifications: tags(kind, &pairs),
            ..Default::default()
        };
        assert_eq!(world.code(&me, wrong), "InvalidParameter", "{kind}");
    }
}

#[test]
fn each_side_of_a_peering_has_tags_of_its_own() {
    let (mut world, me, them) = (World::new(), customer(), provider());
    let (mine, theirs) = (
        world.vpc(&me, "10.0.0.0/16"),
        world.vpc(&them, "10.1.0.0/16"),
    );
    let peering = world.peering((&them, &theirs), (&me, &mine), false);
    world.ok::<CreateTagsResponse>(&me, set(&peering, &[("Name", "mine")]));
    world.ok::<CreateTagsResponse>(&them, set(&peering, &[("Name", "theirs")]));
    for (caller, expected) in [(&me, "mine"), (&them, "theirs")] {
        let request = DescribeVpcPeeringConnectionsRequest {
            filters: vec![filter("tag:Name", expected)],
            ..Default::default()
        };
        assert_eq!(
            world
                .ok::<DescribeVpcPeeringConnectionsResponse>(caller, request)
                .vpc_peering_connections
                .items
                .len(),
            1
        );
    }
}
