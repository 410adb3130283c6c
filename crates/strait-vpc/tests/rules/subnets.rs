//! Subnets.

use strait_vpc::api::*;

use crate::world::*;

fn create(vpc: &str, cidr: &str) -> CreateSubnetRequest {
    CreateSubnetRequest {
        vpc_id: vpc.to_owned(),
        cidr_block: Some(cidr.to_owned()),
        ..Default::default()
    }
}

#[test]
fn a_subnet_lies_in_the_vpc_beside_its_siblings() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let made = world
        .ok::<CreateSubnetResponse>(&me, create(&vpc, "10.0.1.9/24"))
        .subnet;
    assert_eq!(made.cidr_block.as_deref(), Some("10.0.1.0/24"));
    assert_eq!(made.available_ip_address_count, 251);
    assert_eq!(
        (
            made.availability_zone.as_str(),
            made.availability_zone_id.as_str()
        ),
        ("us-east-1a", "use1-az6")
    );
    let cases = [
        ("10.1.0.0/24", "InvalidSubnet.Range"),
        ("10.0.0.0/15", "InvalidSubnet.Range"),
        ("10.0.2.0/29", "InvalidSubnet.Range"),
        ("10.0.1.128/25", "InvalidSubnet.Conflict"),
        ("10.0.0.0/16", "InvalidSubnet.Conflict"),
        ("10.0.2.0", "InvalidParameterValue"),
        ("10.0.2.0/28", "ok"),
    ];
    for (cidr, expected) in cases {
        assert_eq!(world.outcome(&me, create(&vpc, cidr)), expected, "{cidr}");
    }
    assert_eq!(
        world.code(&provider(), create(&vpc, "10.0.3.0/24")),
        "InvalidVpcID.NotFound"
    );
}

#[test]
fn zones_are_named_or_numbered() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let by_name = CreateSubnetRequest {
        availability_zone: Some("us-east-1b".to_owned()),
        ..create(&vpc, "10.0.0.0/24")
    };
    assert_eq!(
        world
            .ok::<CreateSubnetResponse>(&me, by_name.clone())
            .subnet
            .availability_zone_id,
        "use1-az1"
    );
    let by_id = CreateSubnetRequest {
        availability_zone_id: Some("use1-az2".to_owned()),
        ..create(&vpc, "10.0.1.0/24")
    };
    assert_eq!(
        world
            .ok::<CreateSubnetResponse>(&me, by_id)
            .subnet
            .availability_zone,
        "us-east-1c"
    );
    let other = CreateSubnetRequest {
        availability_zone: Some("eu-west-1a".to_owned()),
        ..create(&vpc, "10.0.2.0/24")
    };
    assert_eq!(world.code(&me, other), "InvalidParameterValue");
    let both = CreateSubnetRequest {
        availability_zone_id: Some("use1-az2".to_owned()),
        ..by_name
    };
    assert_eq!(
        world.code(
            &me,
            CreateSubnetRequest {
                cidr_block: Some("10.0.3.0/24".to_owned()),
                ..both
            }
        ),
        "InvalidParameterCombination"
    );
}

#[test]
fn a_subnet_without_ipv4_is_refused_as_aws_refuses() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let native = |ipv6: bool, cidr: Option<&str>| CreateSubnetRequest {
        vpc_id: vpc.clone(),
        cidr_block: cidr.map(str::to_owned),
        ipv6_cidr_block: ipv6.then(|| "2001:db8::/64".to_owned()),
        ipv6_native: Some(true),
        ..Default::default()
    };
    let cases = [
        (native(false, None), "MissingParameter"),
        (native(false, Some("10.0.0.0/24")), "MissingParameter"),
        (
            native(true, Some("10.0.0.0/24")),
            "InvalidParameterCombination",
        ),
        (native(true, None), "InvalidSubnet.Range"),
    ];
    for (request, expected) in cases {
        assert_eq!(world.code(&me, request), expected);
    }
}

#[test]
fn nothing_is_launched_where_names_by_id_are_asked_for() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let subnet = world.subnet(&me, &vpc, "10.0.0.0/24");
    let set = |value| ModifySubnetAttributeRequest {
        subnet_id: subnet.clone(),
        enable_resource_name_dns_a_record_on_launch: Some(AttributeBooleanValue {
            value: Some(value),
        }),
        ..Default::default()
    };
    let launch = RunInstancesRequest {
        subnet_id: Some(subnet.clone()),
        ..one_instance()
    };
    world.ok::<ModifySubnetAttributeResponse>(&me, set(true));
    let shown = world
        .ok::<DescribeSubnetsResponse>(&me, DescribeSubnetsRequest::default())
        .subnets
        .items;
    let options = &shown[0].private_dns_name_options_on_launch;
    assert!(options.enable_resource_name_dns_a_record);
    assert_eq!(world.code(&me, launch.clone()), "UnsupportedOperation");
    world.ok::<ModifySubnetAttributeResponse>(&me, set(false));
    assert_eq!(world.outcome(&me, launch), "ok");
}

#[test]
fn a_subnet_with_an_interface_stays() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let subnet = world.subnet(&me, &vpc, "10.0.0.0/24");
    let instance = world.instance(&me, &subnet);
    let delete = DeleteSubnetRequest {
        subnet_id: subnet.clone(),
        ..Default::default()
    };
    let (code, message) = world.refused(&me, delete.clone());
    assert_eq!(code, "DependencyViolation");
    assert!(
        message.contains(&instance.network_interfaces.items[0].network_interface_id),
        "{message}"
    );
    let end = TerminateInstancesRequest {
        instance_ids: vec![instance.instance_id],
        ..Default::default()
    };
    world.ok::<TerminateInstancesResponse>(&me, end);
    world.ok::<DeleteSubnetResponse>(&me, delete.clone());
    assert_eq!(world.code(&me, delete), "InvalidSubnetID.NotFound");
}

#[test]
fn public_addresses_on_launch_can_be_switched() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let subnet = world.subnet(&me, &vpc, "10.0.0.0/24");
    assert_eq!(world.instance(&me, &subnet).public_ip_address, None);
    let set = ModifySubnetAttributeRequest {
        subnet_id: subnet.clone(),
        map_public_ip_on_launch: Some(AttributeBooleanValue { value: Some(true) }),
        ..Default::default()
    };
    world.ok::<ModifySubnetAttributeResponse>(&me, set);
    assert_eq!(
        world.instance(&me, &subnet).public_ip_address.as_deref(),
        Some("203.0.113.1")
    );
    let nothing = ModifySubnetAttributeRequest {
        subnet_id: subnet,
        ..Default::default()
    };
    assert_eq!(world.code(&me, nothing), "MissingParameter");
}

#[test]
fn filters_choose() {
    let (mut world, me) = (World::new(), customer());
    let (one, two) = (world.vpc(&me, "10.0.0.0/16"), world.vpc(&me, "10.1.0.0/16"));
    let subnet = world.subnet(&me, &one, "10.0.0.0/24");
    world.subnet(&me, &two, "10.1.0.0/24");
    let cases = [
        ("vpc-id", one.as_str(), 1),
        ("cidr-block", "10.*", 2),
        ("subnet-id", &subnet, 1),
        ("availability-zone", "us-east-1?", 2),
        ("state", "pending", 0),
        ("available-ip-address-count", "251", 2),
    ];
    for (name, value, expected) in cases {
        let request = DescribeSubnetsRequest {
            filters: vec![filter(name, value)],
            ..Default::default()
        };
        assert_eq!(
            world
                .ok::<DescribeSubnetsResponse>(&me, request)
                .subnets
                .items
                .len(),
            expected,
            "{name}={value}"
        );
    }
}
