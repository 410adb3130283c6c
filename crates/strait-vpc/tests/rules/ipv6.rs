//! IPv6 blocks, entries and routes: kept and shown, and no packet is of them.

use strait_vpc::api::*;

use crate::world::*;

fn with_ipv6(cidr: &str) -> CreateVpcRequest {
    CreateVpcRequest {
        cidr_block: Some(cidr.to_owned()),
        amazon_provided_ipv6_cidr_block: Some(true),
        ..Default::default()
    }
}

fn provide(vpc: &str) -> AssociateVpcCidrBlockRequest {
    AssociateVpcCidrBlockRequest {
        vpc_id: vpc.to_owned(),
        amazon_provided_ipv6_cidr_block: Some(true),
        ..Default::default()
    }
}

/// A VPC with an IPv6 block, and the block without `::/56`.
fn made(world: &mut World, cidr: &str) -> (String, String) {
    let vpc = world
        .ok::<CreateVpcResponse>(&customer(), with_ipv6(cidr))
        .vpc;
    let block = &vpc.ipv6_cidr_block_association_set.items[0].ipv6_cidr_block;
    let stem = block.strip_suffix("::/56").expect("a /56").to_owned();
    (vpc.vpc_id, stem)
}

fn vpc_item(world: &mut World, vpc: &str) -> VpcItem {
    let show = DescribeVpcsRequest {
        vpc_ids: vec![vpc.to_owned()],
        ..Default::default()
    };
    let shown = world.ok::<DescribeVpcsResponse>(&customer(), show);
    shown.vpcs.items[0].clone()
}

#[test]
fn a_vpc_gets_a_block_of_its_own_when_made_or_later() {
    let (mut world, me) = (World::new(), customer());
    let first = world
        .ok::<CreateVpcResponse>(&me, with_ipv6("10.0.0.0/16"))
        .vpc;
    let of = |vpc: &VpcItem| vpc.ipv6_cidr_block_association_set.items.clone();
    let row = of(&first).remove(0);
    assert_eq!(row.ipv6_cidr_block_state.state, "associating");
    assert!(row.association_id.starts_with("vpc-cidr-assoc-"));
    assert_eq!((row.ipv6_pool, row.ip_source), ("Amazon", "amazon"));
    assert_eq!(row.network_border_group, "us-east-1");
    let shown = of(&vpc_item(&mut world, &first.vpc_id)).remove(0);
    assert_eq!(shown.ipv6_cidr_block_state.state, "associated");
    assert_eq!(shown.ipv6_cidr_block, row.ipv6_cidr_block);

    let second = world.vpc(&me, "10.0.0.0/16");
    assert!(of(&vpc_item(&mut world, &second)).is_empty());
    let added = world.ok::<AssociateVpcCidrBlockResponse>(&me, provide(&second));
    assert!(added.cidr_block_association.is_none());
    let added = added.ipv6_cidr_block_association.expect("a block");
    assert_eq!(added.ipv6_cidr_block_state.state, "associating");
    assert_ne!(added.ipv6_cidr_block, row.ipv6_cidr_block);
    for (name, value, found) in [
        ("ipv6-cidr-block", added.ipv6_cidr_block.as_str(), 1),
        ("association-id", &added.association_id, 1),
        ("ipv6-pool", "Amazon", 2),
        ("state", "associated", 2),
        ("state", "associating", 0),
    ] {
        let name = format!("ipv6-cidr-block-association.{name}");
        let show = DescribeVpcsRequest {
            filters: vec![filter(&name, value)],
            ..Default::default()
        };
        let shown = world.ok::<DescribeVpcsResponse>(&me, show).vpcs.items;
        assert_eq!(shown.len(), found, "{name}={value}");
    }
    let both = AssociateVpcCidrBlockRequest {
        cidr_block: Some("10.9.0.0/16".to_owned()),
        ..provide(&second)
    };
    assert_eq!(world.code(&me, both), "InvalidParameterCombination");
}

#[test]
fn a_vpc_has_five_blocks_at_most_and_gives_them_back() {
    let (mut world, me) = (World::new(), customer());
    let (vpc, block) = made(&mut world, "10.0.0.0/16");
    for _ in 1..5 {
        assert_eq!(world.outcome(&me, provide(&vpc)), "ok");
    }
    let (code, message) = world.refused(&me, provide(&vpc));
    assert_eq!(code, "CidrLimitExceeded");
    assert_eq!(
        message,
        format!("This network {vpc} has met its maximum number of allowed CIDRs: 5")
    );
    let association = vpc_item(&mut world, &vpc)
        .ipv6_cidr_block_association_set
        .items[0]
        .association_id
        .clone();
    let give_back = DisassociateVpcCidrBlockRequest {
        association_id: association,
        ..Default::default()
    };
    assert_eq!(
        world.code(&provider(), give_back.clone()),
        "InvalidVpcCidrBlockAssociationID.NotFound"
    );
    let subnet = world
        .ok::<CreateSubnetResponse>(&me, subnet(&vpc, "10.0.0.0/24", &format!("{block}::/64")));
    assert_eq!(world.code(&me, give_back.clone()), "DependencyViolation");
    let association = &subnet.subnet.ipv6_cidr_block_association_set.items[0].association_id;
    let take = DisassociateSubnetCidrBlockRequest {
        association_id: association.clone(),
        ..Default::default()
    };
    let malformed = DisassociateSubnetCidrBlockRequest {
        association_id: "subnet-cidr-assoc-x".to_owned(),
        ..Default::default()
    };
    assert_eq!(
        world.code(&me, malformed),
        "InvalidSubnetCidrBlockAssociationId.Malformed"
    );
    let taken = world
        .ok::<DisassociateSubnetCidrBlockResponse>(&me, take.clone())
        .ipv6_cidr_block_association;
    assert_eq!(taken.ipv6_cidr_block_state.state, "disassociating");
    assert_eq!(
        world.code(&me, take),
        "InvalidSubnetCidrBlockAssociationID.NotFound"
    );
    let given = world
        .ok::<DisassociateVpcCidrBlockResponse>(&me, give_back.clone())
        .ipv6_cidr_block_association
        .expect("the block");
    assert_eq!(given.ipv6_cidr_block_state.state, "disassociating");
    assert_eq!(
        vpc_item(&mut world, &vpc)
            .ipv6_cidr_block_association_set
            .items
            .len(),
        4
    );
    assert_eq!(
        world.code(&me, give_back),
        "InvalidVpcCidrBlockAssociationID.NotFound"
    );
}

fn subnet(vpc: &str, cidr: &str, ipv6: &str) -> CreateSubnetRequest {
    CreateSubnetRequest {
        vpc_id: vpc.to_owned(),
        cidr_block: Some(cidr.to_owned()),
        ipv6_cidr_block: Some(ipv6.to_owned()),
        ..Default::default()
    }
}

#[test]
fn a_subnets_block_lies_in_the_vpcs_beside_its_siblings() {
    let (mut world, me) = (World::new(), customer());
    let (vpc, block) = made(&mut world, "10.0.0.0/16");
    let plain = world.vpc(&me, "10.0.0.0/16");
    let cases = [
        (&plain, format!("{block}::/64"), "InvalidSubnet.Range"),
        (&vpc, "2001:db9::/64".to_owned(), "InvalidSubnet.Range"),
        (&vpc, format!("{block}::/52"), "InvalidSubnet.Range"),
        (&vpc, format!("{block}::/63"), "InvalidParameterValue"),
        (&vpc, format!("{block}::/68"), "InvalidParameterValue"),
        (&vpc, "ten".to_owned(), "InvalidParameterValue"),
        (&vpc, format!("{block}::7/64"), "ok"),
    ];
    for (vpc, ipv6, expected) in cases {
        let outcome = world.outcome(&me, subnet(vpc, "10.0.0.0/24", &ipv6));
        assert_eq!(outcome, expected, "{ipv6}");
    }
    for wide in [format!("{block}::/64"), format!("{block}::/56")] {
        assert_eq!(
            world.code(&me, subnet(&vpc, "10.0.1.0/24", &wide)),
            "InvalidSubnet.Conflict"
        );
    }
    let id = world.subnet(&me, &vpc, "10.0.1.0/24");
    let give = |ipv6: Option<String>| AssociateSubnetCidrBlockRequest {
        subnet_id: id.clone(),
        ipv6_cidr_block: ipv6,
        ..Default::default()
    };
    let next = format!("{}01::/64", block.strip_suffix("00").expect("a /56"));
    assert_eq!(world.code(&me, give(None)), "MissingParameter");
    assert_eq!(
        world.code(&me, give(Some(format!("{block}::/64")))),
        "InvalidSubnet.Conflict"
    );
    let given = world
        .ok::<AssociateSubnetCidrBlockResponse>(&me, give(Some(next.clone())))
        .ipv6_cidr_block_association;
    assert!(given.association_id.starts_with("subnet-cidr-assoc-"));
    assert_eq!(given.ipv6_cidr_block_state.state, "associating");
    assert_eq!(
        world.code(&me, give(Some(next.clone()))),
        "InvalidSubnet.Conflict",
        "one at most"
    );
    let show = DescribeSubnetsRequest {
        filters: vec![filter("ipv6-cidr-block-association.ipv6-cidr-block", &next)],
        ..Default::default()
    };
    let shown = world.ok::<DescribeSubnetsResponse>(&me, show).subnets.items;
    assert_eq!((shown.len(), &shown[0].subnet_id), (1, &id));
    let row = &shown[0].ipv6_cidr_block_association_set.items[0];
    assert_eq!(row.ipv6_cidr_block_state.state, "associated");
    assert_eq!(
        shown[0].available_ip_address_count, 251,
        "IPv4 addresses are counted"
    );
}

#[test]
fn no_interface_gets_an_ipv6_address() {
    let (mut world, me) = (World::new(), customer());
    let (vpc, block) = made(&mut world, "10.0.0.0/16");
    let made = subnet(&vpc, "10.0.0.0/24", &format!("{block}::/64"));
    let id = world.ok::<CreateSubnetResponse>(&me, made).subnet.subnet_id;
    let set = |value| ModifySubnetAttributeRequest {
        subnet_id: id.clone(),
        assign_ipv6_address_on_creation: Some(AttributeBooleanValue { value: Some(value) }),
        ..Default::default()
    };
    assert_eq!(world.outcome(&me, set(false)), "ok");
    assert_eq!(world.code(&me, set(true)), "UnsupportedOperation");
    let interface = CreateNetworkInterfaceRequest {
        subnet_id: id,
        ..Default::default()
    };
    let interface = world.ok::<CreateNetworkInterfaceResponse>(&me, interface);
    assert!(interface.network_interface.ipv6_addresses.items.is_empty());
}

#[test]
fn the_default_group_and_acl_open_for_ipv6_unless_somebody_changed_them() {
    let (mut world, me) = (World::new(), customer());
    let of = |vpc: &str| DescribeSecurityGroupsRequest {
        filters: vec![filter("vpc-id", vpc)],
        ..Default::default()
    };
    let ipv6_out = |world: &mut World, vpc: &str| -> Vec<(String, usize)> {
        let groups = world.ok::<DescribeSecurityGroupsResponse>(&customer(), of(vpc));
        let outward = |group: &SecurityGroupItem| {
            let permissions = group.ip_permissions_egress.items.iter();
            permissions.map(|row| row.ipv6_ranges.items.len()).sum()
        };
        let groups = groups.security_groups.items.iter();
        groups
            .map(|group| (group.group_name.clone(), outward(group)))
            .collect()
    };
    let (with, _) = made(&mut world, "10.0.0.0/16");
    assert_eq!(ipv6_out(&mut world, &with), [("default".to_owned(), 1)]);
    world.group(&me, &with, "later");
    let late = world.vpc(&me, "10.1.0.0/16");
    world.group(&me, &late, "before");
    let changed = world.vpc(&me, "10.2.0.0/16");
    let default = world.ok::<DescribeSecurityGroupsResponse>(&me, of(&changed));
    let close = RevokeSecurityGroupEgressRequest {
        group_id: default.security_groups.items[0].group_id.clone(),
        ip_permissions: vec![IpPermission {
            ip_protocol: Some("-1".to_owned()),
            ip_ranges: vec![IpRange {
                cidr_ip: "0.0.0.0/0".to_owned(),
                description: None,
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    world.ok::<RevokeSecurityGroupEgressResponse>(&me, close);
    for vpc in [&late, &changed] {
        assert_eq!(world.outcome(&me, provide(vpc)), "ok");
    }
    let mut all = ipv6_out(&mut world, &with);
    all.extend(ipv6_out(&mut world, &late));
    all.sort();
    let expected = [("before", 0), ("default", 1), ("default", 1), ("later", 1)];
    assert_eq!(all, expected.map(|(name, count)| (name.to_owned(), count)));
    assert_eq!(ipv6_out(&mut world, &changed), [("default".to_owned(), 0)]);

    let numbers = |world: &mut World, vpc: &str| -> Vec<(i32, bool)> {
        let show = DescribeNetworkAclsRequest {
            filters: vec![filter("vpc-id", vpc)],
            ..Default::default()
        };
        let acls = world.ok::<DescribeNetworkAclsResponse>(&customer(), show);
        let entries = acls.network_acls.items[0].entries.items.iter();
        let ipv6 = entries.filter(|entry| entry.ipv6_cidr_block.as_deref() == Some("::/0"));
        let mut numbers: Vec<_> = ipv6
            .map(|entry| (entry.rule_number, entry.egress))
            .collect();
        numbers.sort_unstable();
        numbers
    };
    let opened = [(101, false), (101, true), (32768, false), (32768, true)];
    assert_eq!(numbers(&mut world, &with), opened);
    let plain = world.vpc(&me, "10.3.0.0/16");
    assert_eq!(numbers(&mut world, &plain), []);
}

#[test]
fn an_entry_of_an_acl_is_for_ipv4_or_ipv6() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let make = CreateNetworkAclRequest {
        vpc_id: vpc,
        ..Default::default()
    };
    let acl = world
        .ok::<CreateNetworkAclResponse>(&me, make)
        .network_acl
        .network_acl_id;
    let entry = |number, ipv4: Option<&str>, ipv6: Option<&str>| CreateNetworkAclEntryRequest {
        network_acl_id: acl.clone(),
        rule_number: number,
        protocol: "-1".to_owned(),
        rule_action: "allow".to_owned(),
        cidr_block: ipv4.map(str::to_owned),
        ipv6_cidr_block: ipv6.map(str::to_owned),
        ..Default::default()
    };
    let cases = [
        (entry(7, None, Some("2001:db8::1/32")), "ok"),
        (
            entry(7, Some("10.0.0.0/8"), None),
            "NetworkAclEntryAlreadyExists",
        ),
        (
            entry(8, Some("10.0.0.0/8"), Some("::/0")),
            "InvalidParameterCombination",
        ),
        (entry(8, None, Some("asdf")), "InvalidParameterValue"),
        (entry(8, None, None), "MissingParameter"),
    ];
    for (request, expected) in cases {
        let what = format!("{request:?}");
        assert_eq!(world.outcome(&me, request), expected, "{what}");
    }
    let show = DescribeNetworkAclsRequest {
        filters: vec![filter("entry.ipv6-cidr", "2001:db8::/32")],
        ..Default::default()
    };
    let acls = world
        .ok::<DescribeNetworkAclsResponse>(&me, show)
        .network_acls;
    let shown = &acls.items[0].entries.items[0];
    assert_eq!((shown.rule_number, shown.cidr_block.as_deref()), (7, None));
    assert_eq!(shown.ipv6_cidr_block.as_deref(), Some("2001:db8::/32"));
}

#[test]
fn ipv6_routes_are_kept_like_others() {
    let (mut world, me) = (World::new(), customer());
    let (vpc, block) = made(&mut world, "10.0.0.0/16");
    let other = world.vpc(&me, "10.1.0.0/16");
    let peering = world.peering((&me, &vpc), (&me, &other), true);
    let table = world.main_table(&me, &vpc);
    let route = |destination: &str| CreateRouteRequest {
        route_table_id: table.clone(),
        destination_ipv6_cidr_block: Some(destination.to_owned()),
        vpc_peering_connection_id: Some(peering.clone()),
        ..Default::default()
    };
    let cases = [
        (route("2001:db8:1::5/48"), "ok"),
        (route("2001:db8:1::/48"), "RouteAlreadyExists"),
        (route(&format!("{block}::/56")), "RouteAlreadyExists"),
        (route(&format!("{block}::/64")), "InvalidParameterValue"),
        (route("here"), "InvalidParameterValue"),
        (
            CreateRouteRequest {
                destination_cidr_block: Some("10.1.0.0/16".to_owned()),
                ..route("2001:db8:2::/48")
            },
            "InvalidParameterCombination",
        ),
    ];
    for (request, expected) in cases {
        let what = format!("{request:?}");
        assert_eq!(world.outcome(&me, request), expected, "{what}");
    }
    let show = DescribeRouteTablesRequest {
        filters: vec![filter(
            "route.destination-ipv6-cidr-block",
            "2001:db8:1::/48",
        )],
        ..Default::default()
    };
    let tables = world
        .ok::<DescribeRouteTablesResponse>(&me, show)
        .route_tables;
    let rows: Vec<_> = tables.items[0]
        .routes
        .items
        .iter()
        .filter_map(|row| Some((row.destination_ipv6_cidr_block.clone()?, row.state.clone())))
        .collect();
    let active = |block: &str| (block.to_owned(), "active".to_owned());
    assert_eq!(
        rows,
        [active(&format!("{block}::/56")), active("2001:db8:1::/48")]
    );
    let delete = |destination: &str| DeleteRouteRequest {
        route_table_id: table.clone(),
        destination_ipv6_cidr_block: Some(destination.to_owned()),
        ..Default::default()
    };
    assert_eq!(
        world.code(&me, delete(&format!("{block}::/56"))),
        "InvalidParameterValue"
    );
    assert_eq!(world.outcome(&me, delete("2001:db8:1::/48")), "ok");
    let (code, message) = world.refused(&me, delete("2001:db8:1::/48"));
    assert_eq!(code, "InvalidRoute.NotFound");
    assert!(message.contains("destination-ipv6-cidr-block"), "{message}");
}

#[test]
fn a_peering_connection_shows_ipv6_blocks_when_it_may() {
    let (mut world, me) = (World::new(), customer());
    let (vpc, block) = made(&mut world, "10.0.0.0/16");
    let other = world.vpc(&me, "10.1.0.0/16");
    let id = world.peering((&me, &vpc), (&me, &other), true);
    let blocks = |side: &VpcPeeringConnectionVpcInfoItem| -> Vec<String> {
        let set = side.ipv6_cidr_block_set.iter().flat_map(|set| &set.items);
        set.map(|row| row.ipv6_cidr_block.clone()).collect()
    };
    let seen = show(&mut world, &me, &id);
    assert_eq!(blocks(&seen.requester_vpc_info), [format!("{block}::/56")]);
    assert_eq!(blocks(&seen.accepter_vpc_info), [""; 0]);
    world.ok::<AssociateVpcCidrBlockResponse>(&me, provide(&other));
    let seen = show(&mut world, &me, &id);
    assert_eq!(blocks(&seen.accepter_vpc_info).len(), 1);
}

#[test]
fn an_ipv6_only_subnet_has_no_interfaces() {
    let (mut world, me) = (World::new(), customer());
    let (vpc, block) = made(&mut world, "10.0.0.0/16");
    let native = CreateSubnetRequest {
        cidr_block: None,
        ipv6_native: Some(true),
        ..subnet(&vpc, "", &format!("{block}::/56"))
    };
    let made = world.ok::<CreateSubnetResponse>(&me, native).subnet;
    assert_eq!((made.cidr_block.as_deref(), made.ipv6_native), (None, true));
    assert!(made.assign_ipv6_address_on_creation);
    assert_eq!(made.available_ip_address_count, 0);
    let id = made.subnet_id;
    let interface = CreateNetworkInterfaceRequest {
        subnet_id: id.clone(),
        ..Default::default()
    };
    assert_eq!(world.code(&me, interface), "UnsupportedOperation");
    let launch = RunInstancesRequest {
        subnet_id: Some(id.clone()),
        ..one_instance()
    };
    assert_eq!(world.code(&me, launch), "UnsupportedOperation");
    let set = |map, ipv6| ModifySubnetAttributeRequest {
        subnet_id: id.clone(),
        map_public_ip_on_launch: map,
        assign_ipv6_address_on_creation: ipv6,
        ..Default::default()
    };
    let value = |value| Some(AttributeBooleanValue { value: Some(value) });
    let cases = [
        (set(value(true), None), "InvalidParameterValue"),
        (set(None, value(false)), "InvalidParameterValue"),
        (set(None, value(true)), "ok"),
    ];
    for (request, expected) in cases {
        assert_eq!(world.outcome(&me, request), expected);
    }
    let association = &made.ipv6_cidr_block_association_set.items[0].association_id;
    let take = DisassociateSubnetCidrBlockRequest {
        association_id: association.clone(),
        ..Default::default()
    };
    assert_eq!(world.code(&me, take), "InvalidCidrBlock.InUse");
    let found = |world: &mut World, name: &str, value: &str| {
        let show = DescribeSubnetsRequest {
            filters: vec![filter(name, value)],
            ..Default::default()
        };
        let shown = world.ok::<DescribeSubnetsResponse>(&customer(), show);
        shown.subnets.items.len()
    };
    assert_eq!(found(&mut world, "ipv6-native", "true"), 1);
    assert_eq!(found(&mut world, "cidr-block", "*"), 0);
    world.subnet(&me, &vpc, "10.0.0.0/24");
    let delete = DeleteSubnetRequest {
        subnet_id: id,
        ..Default::default()
    };
    assert_eq!(world.outcome(&me, delete), "ok");
}
