//! Endpoints and their connections.

use super::*;

#[test]
fn an_endpoint_has_an_interface_in_each_subnet() {
    let mut test = Test::new();
    let request = test.endpoint_request();
    let made = test.create_endpoint(&request).expect("an endpoint");
    assert_eq!(
        (made.state, made.vpc_endpoint_type),
        ("available", "Interface")
    );
    assert_eq!(made.service_name, test.service_name());
    assert_eq!(made.groups.items[0].group_name, "default", "none was named");
    let [id] = &made.network_interface_ids.items[..] else {
        panic!("one interface: {made:?}")
    };
    let interface = test
        .sample
        .network
        .interfaces
        .get(&id.parse().expect("an id"))
        .expect("the interface");
    assert_eq!(interface.address, std::net::Ipv4Addr::new(10, 1, 0, 5));
    assert_eq!(
        interface.description,
        format!("VPC Endpoint Interface {}", made.vpc_endpoint_id)
    );
    let names: Vec<&str> = made
        .dns_entries
        .items
        .iter()
        .map(|row| row.dns_name.as_str())
        .collect();
    let base = format!(".{}.us-east-1.vpce.amazonaws.com", test.sample.service);
    assert_eq!(names.len(), 2);
    assert!(
        names[0].starts_with(&made.vpc_endpoint_id) && names[0].ends_with(&base),
        "{names:?}"
    );
    assert!(
        names[1].ends_with(&format!("-us-east-1a{base}")),
        "{names:?}"
    );
}

#[test]
fn an_endpoint_waits_where_acceptance_is_required() {
    let mut test = Test::new();
    test.sample
        .network
        .endpoint_services
        .get_mut(&test.sample.service)
        .expect("the service")
        .acceptance_required = true;
    test.permit(&["*"], &[]).expect("it is allowed");
    let owner = test.caller.clone();
    test.caller = customer();
    let request = CreateVpcEndpointRequest {
        vpc_id: test.sample.app.vpc.to_string(),
        subnet_ids: vec![test.sample.app.subnet.to_string()],
        security_group_ids: vec![test.sample.app.group.to_string()],
        ..test.endpoint_request()
    };
    let made = test.create_endpoint(&request).expect("an endpoint");
    assert_eq!(made.state, "pendingAcceptance");
    let ids = [made.vpc_endpoint_id.clone()];
    assert_eq!(
        code(test.set(EndpointState::Available, &ids)),
        "InvalidVpcEndpointServiceId.NotFound"
    );
    test.caller = owner;
    let connections = test
        .connections(&[("vpc-endpoint-state", "pendingAcceptance")])
        .expect("connections");
    assert_eq!(
        connections,
        [(made.vpc_endpoint_id.clone(), "pendingAcceptance")]
    );
    assert_eq!(test.set(EndpointState::Available, &ids), Ok(vec![]));
    assert_eq!(
        test.set(EndpointState::Available, &ids),
        Ok(vec![]),
        "again changes nothing"
    );
    assert_eq!(test.set(EndpointState::Rejected, &ids), Ok(vec![]));
    let connections = test
        .connections(&[("vpc-endpoint-owner", "111122223333")])
        .expect("connections");
    assert_eq!(connections, [(made.vpc_endpoint_id, "rejected")]);
    let unknown = ["vpce-00000000".to_owned()];
    assert_eq!(
        test.set(EndpointState::Available, &unknown),
        Ok(vec!["InvalidVpcEndpoint.NotFound".to_owned()])
    );
    assert_eq!(
        code(test.set(EndpointState::Available, &["x".to_owned()])),
        "InvalidVpcEndpointId.Malformed"
    );
}

#[test]
fn what_an_endpoint_cannot_be_is_refused() {
    let mut test = Test::new();
    let good = test.endpoint_request();
    let subnet = test.sample.peering_vpc.subnet.to_string();
    let sibling = test.sibling('a');
    let far_subnet = test.sample.service_vpc.subnet.to_string();
    let far_group = test.sample.service_vpc.group.to_string();
    let cases = [
        (
            CreateVpcEndpointRequest {
                vpc_endpoint_type: None,
                ..good.clone()
            },
            "InvalidParameter",
        ),
        (
            CreateVpcEndpointRequest {
                vpc_endpoint_type: Some("GatewayLoadBalancer".to_owned()),
                ..good.clone()
            },
            "UnsupportedOperation",
        ),
        (
            CreateVpcEndpointRequest {
                policy_document: Some("{}".to_owned()),
                ..good.clone()
            },
            "UnsupportedOperation",
        ),
        (
            CreateVpcEndpointRequest {
                ip_address_type: Some("ipv6".to_owned()),
                ..good.clone()
            },
            "UnsupportedOperation",
        ),
        (
            CreateVpcEndpointRequest {
                private_dns_enabled: Some(true),
                ..good.clone()
            },
            "InvalidParameter",
        ),
        (
            CreateVpcEndpointRequest {
                service_name: None,
                ..good.clone()
            },
            "MissingParameter",
        ),
        (
            CreateVpcEndpointRequest {
                service_name: Some("x".to_owned()),
                ..good.clone()
            },
            "InvalidServiceName",
        ),
        (
            CreateVpcEndpointRequest {
                vpc_id: "vpc-00000000".to_owned(),
                ..good.clone()
            },
            "InvalidVpcID.NotFound",
        ),
        (
            CreateVpcEndpointRequest {
                vpc_id: "vpc".to_owned(),
                ..good.clone()
            },
            "InvalidVpcID.NotFound",
        ),
        (
            CreateVpcEndpointRequest {
                subnet_ids: vec![far_subnet],
                ..good.clone()
            },
            "InvalidParameter",
        ),
        (
            CreateVpcEndpointRequest {
                subnet_ids: vec![subnet, sibling],
                ..good.clone()
            },
            "DuplicateSubnetsInSameZone",
        ),
        (
            CreateVpcEndpointRequest {
                security_group_ids: vec![far_group],
                ..good
            },
            "InvalidParameter",
        ),
    ];
    for (request, wanted) in cases {
        assert_eq!(code(test.create_endpoint(&request)), wanted, "{request:?}");
    }
}

#[test]
fn an_endpoints_address_can_be_chosen() {
    let mut test = Test::new();
    let subnet = test.sample.peering_vpc.subnet.to_string();
    let with = |ipv4: &str| {
        let row = SubnetConfiguration {
            subnet_id: Some(subnet.clone()),
            ipv4: Some(ipv4.to_owned()),
            ipv6: None,
        };
        vec![row]
    };
    let good = CreateVpcEndpointRequest {
        subnet_configurations: with("10.1.0.40"),
        ..test.endpoint_request()
    };
    let made = test.create_endpoint(&good).expect("an endpoint");
    let id = made.network_interface_ids.items[0].parse().expect("an id");
    assert_eq!(
        test.sample
            .network
            .interfaces
            .get(&id)
            .expect("the interface")
            .address
            .to_string(),
        "10.1.0.40"
    );
    for (address, wanted) in [
        ("10.1.0.40", "InvalidIPAddress.InUse"),
        ("10.1.0.1", "InvalidParameterValue"),
        ("ten", "InvalidParameterValue"),
    ] {
        let request = CreateVpcEndpointRequest {
            subnet_configurations: with(address),
            ..good.clone()
        };
        assert_eq!(code(test.create_endpoint(&request)), wanted, "{address}");
    }
}

#[test]
fn an_endpoints_groups_and_subnets_change_with_its_interfaces() {
    let mut test = Test::new();
    let (endpoint, first) = (
        test.sample.endpoint.clone(),
        test.sample.endpoint_interface.clone(),
    );
    let (old, new) = (
        test.sample.peering_vpc.group.to_string(),
        test.default_group.to_string(),
    );
    let other = test.sibling('b');
    let modify = |test: &mut Test, request: ModifyVpcEndpointRequest| {
        let request = ModifyVpcEndpointRequest {
            vpc_endpoint_id: endpoint.to_string(),
            ..request
        };
        test.call(|network, caller, context| modify(network, caller, &request, context))
    };
    let request = ModifyVpcEndpointRequest {
        add_subnet_ids: vec![other.clone()],
        add_security_group_ids: vec![new.clone()],
        remove_security_group_ids: vec![old],
        ..Default::default()
    };
    let refused = modify(&mut test, request.clone()).expect_err("no node in that zone");
    assert_eq!(refused.code, "InvalidParameter");
    assert!(
        refused
            .message
            .contains("does not support the availability zone"),
        "{refused}"
    );
    test.balancer_in(&other);
    modify(&mut test, request).expect("it is changed");
    let row = test
        .sample
        .network
        .endpoints
        .get(&endpoint)
        .expect("the endpoint")
        .clone();
    assert_eq!(row.interfaces.len(), 2);
    for id in row.interfaces.values() {
        let interface = test
            .sample
            .network
            .interfaces
            .get(id)
            .expect("the interface");
        assert_eq!(interface.groups, [test.default_group.clone()].into());
    }
    let none = ModifyVpcEndpointRequest {
        remove_security_group_ids: vec![new],
        ..Default::default()
    };
    assert_eq!(code(modify(&mut test, none)), "InvalidParameter");
    let again = ModifyVpcEndpointRequest {
        add_subnet_ids: vec![other],
        ..Default::default()
    };
    assert_eq!(code(modify(&mut test, again)), "DuplicateSubnetsInSameZone");
    let subnet = test.sample.peering_vpc.subnet.to_string();
    let remove = ModifyVpcEndpointRequest {
        remove_subnet_ids: vec![subnet],
        ..Default::default()
    };
    modify(&mut test, remove.clone()).expect("it is changed");
    assert!(!test.sample.network.interfaces.contains_key(&first));
    assert_eq!(code(modify(&mut test, remove)), "InvalidParameter");
}

#[test]
fn an_endpoint_goes_with_its_interfaces() {
    let mut test = Test::new();
    let request = DeleteVpcEndpointsRequest {
        vpc_endpoint_ids: vec![test.sample.endpoint.to_string(), "vpce-00000000".to_owned()],
        dry_run: false,
    };
    let answer = test
        .call(|network, caller, _| delete(network, caller, &request))
        .expect("an answer");
    let [failure] = &answer.0.unsuccessful.items[..] else {
        panic!("one failure")
    };
    assert_eq!(
        (failure.resource_id.as_str(), failure.error.code.as_str()),
        ("vpce-00000000", "InvalidVpcEndpoint.NotFound")
    );
    assert!(test.sample.network.endpoints.is_empty());
    let owner = test.sample.peering_vpc.vpc.clone();
    assert!(
        !test
            .sample
            .network
            .interfaces
            .values()
            .any(|row| row.vpc == owner && row.address == ENDPOINT)
    );
}

#[test]
fn endpoints_are_shown_to_their_owner_and_filtered() {
    let mut test = Test::new();
    let describe = |test: &mut Test, filter: (&str, &str), ids: &[&str]| {
        let request = DescribeVpcEndpointsRequest {
            vpc_endpoint_ids: ids.iter().map(ToString::to_string).collect(),
            filters: vec![filter_of(filter.0, filter.1)],
            ..Default::default()
        };
        let answer = test.call(|network, caller, _| describe(network, caller, &request))?;
        Ok::<_, AwsError>(answer.vpc_endpoints.items.len())
    };
    let (id, vpc) = (
        test.sample.endpoint.to_string(),
        test.sample.peering_vpc.vpc.to_string(),
    );
    assert_eq!(describe(&mut test, ("vpc-id", &vpc), &[&id]), Ok(1));
    assert_eq!(
        describe(&mut test, ("vpc-endpoint-state", "rejected"), &[]),
        Ok(0)
    );
    assert_eq!(
        code(describe(&mut test, ("nonsense", "x"), &[])),
        "InvalidParameterValue"
    );
    assert_eq!(
        code(describe(&mut test, ("vpc-id", &vpc), &["vpce-00000000"])),
        "InvalidVpcEndpointId.NotFound"
    );
    test.caller = customer();
    assert_eq!(describe(&mut test, ("vpc-id", &vpc), &[]), Ok(0));
}
