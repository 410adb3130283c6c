//! Instances.

use strait_vpc::api::*;

use crate::world::*;

fn in_subnet(subnet: &str) -> RunInstancesRequest {
    RunInstancesRequest {
        subnet_id: Some(subnet.to_owned()),
        ..one_instance()
    }
}

#[test]
fn an_instance_is_launched_shown_and_ended() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let subnet = world.subnet(&me, &vpc, "10.0.0.0/24");
    let run = RunInstancesRequest {
        key_name: Some("key".to_owned()),
        instance_type: Some("t3.micro".to_owned()),
        tag_specifications: tags("instance", &[("Name", "app")]),
        ..in_subnet(&subnet)
    };
    let made = world
        .ok::<RunInstancesResponse>(&me, run)
        .instances
        .items
        .remove(0);
    assert_eq!((made.state.code, made.state.name.as_str()), (0, "pending"));
    assert_eq!(made.private_ip_address.as_deref(), Some("10.0.0.4"));
    assert_eq!(made.security_groups.items[0].group_name, "default");
    let show = DescribeInstancesRequest {
        filters: vec![filter("tag:Name", "app")],
        ..Default::default()
    };
    let reservation = world
        .ok::<DescribeInstancesResponse>(&me, show.clone())
        .reservations
        .items
        .remove(0);
    let shown = &reservation.instances.items[0];
    assert_eq!(
        (
            shown.state.name.as_str(),
            shown.instance_type.as_str(),
            shown.placement.availability_zone.as_str()
        ),
        ("running", "t3.micro", "us-east-1a")
    );
    let end = TerminateInstancesRequest {
        instance_ids: vec![made.instance_id.clone()],
        ..Default::default()
    };
    let change = world
        .ok::<TerminateInstancesResponse>(&me, end.clone())
        .terminating_instances
        .items
        .remove(0);
    assert_eq!(
        (
            change.previous_state.name.as_str(),
            change.current_state.name.as_str()
        ),
        ("running", "shutting-down")
    );
    assert!(world.network.interfaces.is_empty());
    let change = world
        .ok::<TerminateInstancesResponse>(&me, end.clone())
        .terminating_instances
        .items
        .remove(0);
    assert_eq!(change.current_state.name, "terminated");
    let shown = world
        .ok::<DescribeInstancesResponse>(&me, show)
        .reservations
        .items
        .remove(0)
        .instances
        .items
        .remove(0);
    assert_eq!(
        (shown.state.name.as_str(), shown.private_ip_address),
        ("terminated", None)
    );
    world.wait(1);
    assert_eq!(world.code(&me, end), "InvalidInstanceID.NotFound");
}

#[test]
fn what_is_asked_for_is_checked() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let subnet = world.subnet(&me, &vpc, "10.0.0.0/24");
    let good = in_subnet(&subnet);
    let interface = || InterfaceSpecification {
        device_index: Some(0),
        subnet_id: Some(subnet.clone()),
        ..Default::default()
    };
    let on = |interfaces| RunInstancesRequest {
        network_interfaces: interfaces,
        ..one_instance()
    };
    let cases = [
        (
            RunInstancesRequest {
                image_id: None,
                ..good.clone()
            },
            "MissingParameter",
        ),
        (
            RunInstancesRequest {
                image_id: Some("ami-x".to_owned()),
                ..good.clone()
            },
            "InvalidAMIID.Malformed",
        ),
        (
            RunInstancesRequest {
                min_count: 0,
                ..good.clone()
            },
            "InvalidParameterValue",
        ),
        (
            RunInstancesRequest {
                min_count: 2,
                ..good.clone()
            },
            "InvalidParameterValue",
        ),
        (
            RunInstancesRequest {
                min_count: 101,
                max_count: 101,
                ..good.clone()
            },
            "InstanceLimitExceeded",
        ),
        (
            RunInstancesRequest {
                instance_type: Some("big".to_owned()),
                ..good.clone()
            },
            "InvalidParameterValue",
        ),
        (
            RunInstancesRequest {
                monitoring: Some(RunInstancesMonitoringEnabled {
                    enabled: Some(true),
                }),
                ..good.clone()
            },
            "UnsupportedOperation",
        ),
        (
            RunInstancesRequest {
                subnet_id: None,
                ..good.clone()
            },
            "VPCIdNotSpecified",
        ),
        (
            RunInstancesRequest {
                subnet_id: Some("subnet-01234567".to_owned()),
                ..good.clone()
            },
            "InvalidSubnetID.NotFound",
        ),
        (
            RunInstancesRequest {
                security_group_ids: vec!["sg-01234567".to_owned()],
                ..good.clone()
            },
            "InvalidGroup.NotFound",
        ),
        (
            RunInstancesRequest {
                private_ip_address: Some("10.0.0.9".to_owned()),
                max_count: 2,
                ..good.clone()
            },
            "InvalidParameterCombination",
        ),
        (
            RunInstancesRequest {
                private_ip_address: Some("10.0.0.2".to_owned()),
                ..good.clone()
            },
            "InvalidParameterValue",
        ),
        (
            RunInstancesRequest {
                network_interfaces: vec![interface()],
                ..good.clone()
            },
            "InvalidParameterCombination",
        ),
        (
            on(vec![InterfaceSpecification {
                device_index: None,
                ..interface()
            }]),
            "InvalidParameterValue",
        ),
        (
            on(vec![InterfaceSpecification {
                device_index: Some(1),
                ..interface()
            }]),
            "InvalidParameterValue",
        ),
        (
            on(vec![interface(), interface()]),
            "InvalidParameterCombination",
        ),
        (
            on(vec![InterfaceSpecification {
                network_interface_id: Some("eni-01234567".to_owned()),
                ..interface()
            }]),
            "UnsupportedOperation",
        ),
        (
            RunInstancesRequest {
                ebs_optimized: Off,
                disable_api_termination: Off,
                monitoring: Some(RunInstancesMonitoringEnabled {
                    enabled: Some(false),
                }),
                ..good.clone()
            },
            "ok",
        ),
        (
            RunInstancesRequest {
                private_ip_address: Some("10.0.0.77".to_owned()),
                ..good
            },
            "ok",
        ),
        (
            on(vec![InterfaceSpecification {
                associate_public_ip_address: Some(true),
                ..interface()
            }]),
            "ok",
        ),
    ];
    for (request, expected) in cases {
        let what = format!("{request:?}");
        assert_eq!(world.outcome(&me, request), expected, "{what}");
    }
    let addresses: Vec<String> = world
        .network
        .interfaces
        .values()
        .map(|row| row.address.to_string())
        .collect();
    assert!(addresses.contains(&"10.0.0.77".to_owned()), "{addresses:?}");
    assert_eq!(
        world
            .network
            .interfaces
            .values()
            .filter(|row| row.public_ip.is_some())
            .count(),
        1
    );
}

#[test]
fn as_many_are_launched_as_fit() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let subnet = world.subnet(&me, &vpc, "10.0.0.0/28");
    let many = |least, most| RunInstancesRequest {
        min_count: least,
        max_count: most,
        ..in_subnet(&subnet)
    };
    assert_eq!(
        world.code(&me, many(12, 20)),
        "InsufficientFreeAddressesInSubnet"
    );
    let made = world
        .ok::<RunInstancesResponse>(&me, many(2, 20))
        .instances
        .items;
    assert_eq!(made.len(), 11);
    assert_eq!(
        made.iter()
            .map(|row| row.ami_launch_index)
            .collect::<Vec<_>>(),
        (0..11).collect::<Vec<_>>()
    );
    let show = world
        .ok::<DescribeInstancesResponse>(&me, DescribeInstancesRequest::default())
        .reservations
        .items;
    assert_eq!((show.len(), show[0].instances.items.len()), (1, 11));
}

#[test]
fn a_token_makes_a_launch_repeatable() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let subnet = world.subnet(&me, &vpc, "10.0.0.0/24");
    let run = RunInstancesRequest {
        client_token: Some("token".to_owned()),
        ..in_subnet(&subnet)
    };
    let first = world.ok::<RunInstancesResponse>(&me, run.clone());
    let second = world.ok::<RunInstancesResponse>(&me, run.clone());
    assert_eq!(
        first.instances.items[0].instance_id,
        second.instances.items[0].instance_id
    );
    assert_eq!(
        world.code(
            &me,
            RunInstancesRequest {
                max_count: 2,
                ..run
            }
        ),
        "IdempotentParameterMismatch"
    );
}

#[test]
fn without_a_subnet_the_default_vpcs_is_taken() {
    let mut world = World::new();
    let me = world.account("customer");
    let made = world
        .ok::<RunInstancesResponse>(&me, one_instance())
        .instances
        .items
        .remove(0);
    assert_eq!(made.placement.availability_zone, "us-east-1a");
    assert!(made.public_ip_address.is_some());
    let placed = RunInstancesRequest {
        placement: Some(Placement {
            availability_zone: Some("us-east-1c".to_owned()),
            tenancy: None,
        }),
        ..one_instance()
    };
    let made = world
        .ok::<RunInstancesResponse>(&me, placed)
        .instances
        .items
        .remove(0);
    assert_eq!(made.placement.availability_zone, "us-east-1c");
}

#[test]
fn states_and_images_are_shown() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let subnet = world.subnet(&me, &vpc, "10.0.0.0/24");
    let id = world.instance(&me, &subnet).instance_id;
    let status = |all| DescribeInstanceStatusRequest {
        include_all_instances: Some(all),
        ..Default::default()
    };
    let shown = world
        .ok::<DescribeInstanceStatusResponse>(&me, status(false))
        .instance_statuses
        .items;
    assert_eq!(
        (shown.len(), shown[0].instance_status.status.as_str()),
        (1, "ok")
    );
    world.ok::<TerminateInstancesResponse>(
        &me,
        TerminateInstancesRequest {
            instance_ids: vec![id],
            ..Default::default()
        },
    );
    assert!(
        world
            .ok::<DescribeInstanceStatusResponse>(&me, status(false))
            .instance_statuses
            .items
            .is_empty()
    );
    assert_eq!(
        world
            .ok::<DescribeInstanceStatusResponse>(&me, status(true))
            .instance_statuses
            .items
            .len(),
        1
    );
    let images = world
        .ok::<DescribeImagesResponse>(&me, DescribeImagesRequest::default())
        .images
        .items;
    assert_eq!(images.len(), 1);
    let run = RunInstancesRequest {
        image_id: Some(images[0].image_id.clone()),
        ..in_subnet(&subnet)
    };
    assert_eq!(world.outcome(&me, run), "ok");
    let own = DescribeImagesRequest {
        owners: vec!["self".to_owned()],
        ..Default::default()
    };
    assert!(
        world
            .ok::<DescribeImagesResponse>(&me, own)
            .images
            .items
            .is_empty()
    );
}
