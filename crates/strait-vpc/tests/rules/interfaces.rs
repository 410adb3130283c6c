//! Network interfaces.

use strait_vpc::api::*;

use crate::world::*;

#[test]
fn an_interface_has_an_address_of_its_subnet() {
    let (mut world, me) = (World::new(), customer());
    let (vpc, other) = (world.vpc(&me, "10.0.0.0/16"), world.vpc(&me, "10.1.0.0/16"));
    let subnet = world.subnet(&me, &vpc, "10.0.0.0/28");
    let foreign = world.group(&me, &other, "app");
    let create = |address: Option<&str>| CreateNetworkInterfaceRequest {
        subnet_id: subnet.clone(),
        private_ip_address: address.map(str::to_owned),
        ..Default::default()
    };
    let first = world
        .ok::<CreateNetworkInterfaceResponse>(&me, create(None))
        .network_interface;
    assert_eq!(
        (first.private_ip_address.as_str(), first.status.as_str()),
        ("10.0.0.4", "available")
    );
    assert_eq!(first.groups.items[0].group_name, "default");
    let cases = [
        ("10.0.0.3", "InvalidParameterValue"),
        ("10.0.0.15", "InvalidParameterValue"),
        ("10.0.1.4", "InvalidParameterValue"),
        ("10.0.0.4", "InvalidIPAddress.InUse"),
        ("hello", "InvalidParameterValue"),
        ("10.0.0.14", "ok"),
    ];
    for (address, expected) in cases {
        assert_eq!(
            world.outcome(&me, create(Some(address))),
            expected,
            "{address}"
        );
    }
    let with_group = CreateNetworkInterfaceRequest {
        groups: vec![foreign],
        ..create(None)
    };
    assert_eq!(world.code(&me, with_group), "InvalidParameter");
    for _ in 0..9 {
        assert_eq!(world.outcome(&me, create(None)), "ok");
    }
    assert_eq!(
        world.code(&me, create(None)),
        "InsufficientFreeAddressesInSubnet"
    );
    let delete = DeleteNetworkInterfaceRequest {
        network_interface_id: first.network_interface_id,
        ..Default::default()
    };
    world.ok::<DeleteNetworkInterfaceResponse>(&me, delete.clone());
    assert_eq!(
        world.code(&me, delete),
        "InvalidNetworkInterfaceID.NotFound"
    );
    let again = world
        .ok::<CreateNetworkInterfaceResponse>(&me, create(None))
        .network_interface;
    assert_eq!(again.private_ip_address, "10.0.0.4");
}

#[test]
fn an_interface_may_have_more_addresses() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let subnet = world.subnet(&me, &vpc, "10.0.0.0/24");
    let listed = |addresses: &[(&str, Option<bool>)]| CreateNetworkInterfaceRequest {
        subnet_id: subnet.clone(),
        private_ip_addresses: addresses
            .iter()
            .map(|(address, primary)| PrivateIpAddressSpecification {
                private_ip_address: (*address).to_owned(),
                primary: *primary,
            })
            .collect(),
        ..Default::default()
    };
    let made = world
        .ok::<CreateNetworkInterfaceResponse>(
            &me,
            listed(&[("10.0.0.20", None), ("10.0.0.10", Some(true))]),
        )
        .network_interface;
    let shown: Vec<_> = made
        .private_ip_addresses
        .items
        .iter()
        .map(|row| (row.private_ip_address.as_str(), row.primary))
        .collect();
    assert_eq!(shown, [("10.0.0.10", true), ("10.0.0.20", false)]);
    let counted = CreateNetworkInterfaceRequest {
        secondary_private_ip_address_count: Some(2),
        ..listed(&[])
    };
    world.ok::<CreateNetworkInterfaceResponse>(&me, counted);
    let shown = world
        .ok::<DescribeSubnetsResponse>(&me, DescribeSubnetsRequest::default())
        .subnets
        .items;
    assert_eq!(shown[0].available_ip_address_count, 251 - 2 - 3);
    let two = &[("10.0.0.30", Some(true)), ("10.0.0.31", Some(true))];
    let cases = [
        (listed(two), "InvalidParameterCombination"),
        (
            listed(&[("10.0.0.40", None), ("10.0.0.20", None)]),
            "InvalidIPAddress.InUse",
        ),
        (
            CreateNetworkInterfaceRequest {
                secondary_private_ip_address_count: Some(1),
                ..listed(&[("10.0.0.50", None)])
            },
            "InvalidParameterCombination",
        ),
    ];
    for (request, expected) in cases {
        assert_eq!(world.code(&me, request), expected);
    }
}

#[test]
fn attributes_are_changed_one_a_call() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let subnet = world.subnet(&me, &vpc, "10.0.0.0/24");
    let group = world.group(&me, &vpc, "app");
    let eni = world.instance(&me, &subnet).network_interfaces.items[0]
        .network_interface_id
        .clone();
    let change = || ModifyNetworkInterfaceAttributeRequest {
        network_interface_id: eni.clone(),
        ..Default::default()
    };
    let off = Some(AttributeBooleanValue { value: Some(false) });
    world.ok::<ModifyNetworkInterfaceAttributeResponse>(
        &me,
        ModifyNetworkInterfaceAttributeRequest {
            source_dest_check: off.clone(),
            ..change()
        },
    );
    world.ok::<ModifyNetworkInterfaceAttributeResponse>(
        &me,
        ModifyNetworkInterfaceAttributeRequest {
            groups: vec![group.clone()],
            ..change()
        },
    );
    let show = DescribeNetworkInterfacesRequest {
        network_interface_ids: vec![eni.clone()],
        ..Default::default()
    };
    let shown = world
        .ok::<DescribeNetworkInterfacesResponse>(&me, show)
        .network_interfaces
        .items
        .remove(0);
    assert!(!shown.source_dest_check);
    assert_eq!(shown.groups.items[0].group_id, group);
    assert_eq!(shown.attachment.map(|row| row.device_index), Some(0));
    let both = ModifyNetworkInterfaceAttributeRequest {
        source_dest_check: off,
        groups: vec![group.clone()],
        ..change()
    };
    assert_eq!(world.code(&me, both), "InvalidParameterCombination");
    assert_eq!(world.code(&me, change()), "MissingParameter");
    let many: Vec<String> = (0..6)
        .map(|number| world.group(&me, &vpc, &format!("g{number}")))
        .collect();
    let too_many = ModifyNetworkInterfaceAttributeRequest {
        groups: many,
        ..change()
    };
    assert_eq!(
        world.code(&me, too_many),
        "SecurityGroupsPerInterfaceLimitExceeded"
    );
    let delete = DeleteNetworkInterfaceRequest {
        network_interface_id: eni,
        ..Default::default()
    };
    assert_eq!(world.code(&me, delete), "InvalidParameterValue");
    let by_group = DescribeNetworkInterfacesRequest {
        filters: vec![filter("group-id", &group)],
        ..Default::default()
    };
    assert_eq!(
        world
            .ok::<DescribeNetworkInterfacesResponse>(&me, by_group)
            .network_interfaces
            .items
            .len(),
        1
    );
}
