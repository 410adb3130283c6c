//! Endpoint services and who may connect.

use super::*;

#[test]
fn a_service_needs_balancers_of_its_owner_that_no_other_service_has() {
    let mut test = Test::new();
    let made = test
        .create_service(std::slice::from_ref(&test.balancer.clone()))
        .expect("a service");
    assert_eq!(
        made.service_name,
        format!("com.amazonaws.vpce.us-east-1.{}", made.service_id)
    );
    assert!(made.acceptance_required, "unless it is told otherwise");
    assert_eq!(
        (made.service_state, made.availability_zones.items),
        ("Available", vec!["us-east-1a".to_owned()])
    );
    assert_eq!(made.availability_zone_ids.items, ["use1-az1"]);
    let taken = test.balancer.clone();
    let cases = [
        (vec![], "InvalidParameter"),
        (vec![taken], "InvalidParameter"),
        (
            vec!["web".to_owned()],
            "InvalidNetworkLoadBalancerArn.Malformed",
        ),
        (
            vec![format!("{}0", test.sample.balancer)],
            "InvalidNetworkLoadBalancerArn.NotFound",
        ),
    ];
    for (arns, wanted) in cases {
        assert_eq!(code(test.create_service(&arns)), wanted, "{arns:?}");
    }
    test.caller = customer();
    let arns = vec![test.sample.balancer.clone()];
    assert_eq!(
        code(test.create_service(&arns)),
        "InvalidNetworkLoadBalancerArn.NotFound"
    );
}

#[test]
fn what_a_service_cannot_be_is_refused() {
    let mut test = Test::new();
    let arns = vec![test.balancer.clone()];
    let good = CreateVpcEndpointServiceConfigurationRequest {
        network_load_balancer_arns: arns.clone(),
        ..Default::default()
    };
    let cases = [
        CreateVpcEndpointServiceConfigurationRequest {
            gateway_load_balancer_arns: arns,
            ..good.clone()
        },
        CreateVpcEndpointServiceConfigurationRequest {
            supported_ip_address_types: vec!["ipv6".to_owned()],
            ..good.clone()
        },
        CreateVpcEndpointServiceConfigurationRequest {
            supported_regions: vec!["eu-west-1".to_owned()],
            ..good
        },
    ];
    for request in cases {
        let answer = test
            .call(|network, caller, context| create_service(network, caller, &request, context));
        assert_eq!(code(answer), "UnsupportedOperation", "{request:?}");
    }
}

#[test]
fn a_client_token_makes_a_service_once() {
    let mut test = Test::new();
    let mut request = CreateVpcEndpointServiceConfigurationRequest {
        network_load_balancer_arns: vec![test.balancer.clone()],
        client_token: Some("token".to_owned()),
        ..Default::default()
    };
    let create = |test: &mut Test, request: &CreateVpcEndpointServiceConfigurationRequest| {
        let answer =
            test.call(|network, caller, context| create_service(network, caller, request, context));
        answer.map(|answer| answer.service_configuration.service_id)
    };
    let first = create(&mut test, &request).expect("a service");
    assert_eq!(create(&mut test, &request), Ok(first.clone()));
    request.acceptance_required = Some(false);
    assert_eq!(
        code(create(&mut test, &request)),
        "IdempotentParameterMismatch"
    );
    test.delete_services(std::slice::from_ref(&first))
        .expect("it goes");
    assert_ne!(
        create(&mut test, &request),
        Ok(first),
        "a token of what is gone makes anew"
    );
}

#[test]
fn a_service_with_endpoints_keeps_its_balancers() {
    let mut test = Test::new();
    let service = test.sample.service.to_string();
    let modify = |test: &mut Test, add: Vec<String>, remove: Vec<String>| {
        let request = ModifyVpcEndpointServiceConfigurationRequest {
            service_id: service.clone(),
            add_network_load_balancer_arns: add,
            remove_network_load_balancer_arns: remove,
            acceptance_required: Some(true),
            ..Default::default()
        };
        test.call(|network, caller, context| modify_service(network, caller, &request, context))
    };
    let (first, second) = (test.sample.balancer.clone(), test.balancer.clone());
    assert_eq!(
        code(modify(&mut test, vec![], vec![second.clone()])),
        "InvalidNetworkLoadBalancerArn.NotFound"
    );
    modify(&mut test, vec![second.clone()], vec![]).expect("it is added");
    assert_eq!(
        code(modify(&mut test, vec![], vec![first.clone()])),
        "ExistingVpcEndpointConnections"
    );
    test.sample
        .network
        .endpoints
        .get_mut(&test.sample.endpoint)
        .expect("the endpoint")
        .state = EndpointState::Rejected;
    modify(&mut test, vec![], vec![first]).expect("it is taken away");
    assert_eq!(
        code(modify(&mut test, vec![], vec![second.clone()])),
        "InvalidParameter"
    );
    let row = test
        .sample
        .network
        .endpoint_services
        .get(&test.sample.service)
        .expect("the service");
    assert!(row.acceptance_required && row.load_balancers == [second].into());
}

#[test]
fn a_service_goes_when_its_endpoints_are_rejected() {
    let mut test = Test::new();
    let id = test.sample.service.to_string();
    let failures = test
        .delete_services(&[id.clone(), "vpce-svc-00000000".to_owned()])
        .expect("an answer");
    assert_eq!(
        failures,
        [
            "InvalidVpcEndpointService.NotFound",
            "ExistingVpcEndpointConnections"
        ]
    );
    for id in ["svc-1", "vpce-svc-", "vpce-svc-A", "vpce-svc-1-2"] {
        assert_eq!(
            code(test.delete_services(&[id.to_owned()])),
            "InvalidVpcEndpointServiceIdId.Malformed"
        );
    }
    let endpoint = test.sample.endpoint.to_string();
    assert_eq!(
        test.set(EndpointState::Rejected, &[endpoint])
            .expect("an answer")
            .len(),
        0
    );
    assert_eq!(test.delete_services(&[id]).expect("an answer").len(), 0);
    assert!(test.sample.network.endpoint_services.is_empty());
}

#[test]
fn services_are_shown_to_their_owner_and_filtered() {
    let mut test = Test::new();
    let describe = |test: &mut Test, filter: Option<(&str, &str)>, ids: &[&str]| {
        let request = DescribeVpcEndpointServiceConfigurationsRequest {
            service_ids: ids.iter().map(ToString::to_string).collect(),
            filters: filter
                .map(|(name, value)| filter_of(name, value))
                .into_iter()
                .collect(),
            ..Default::default()
        };
        let answer =
            test.call(|network, caller, _| describe_configurations(network, caller, &request))?;
        Ok::<_, AwsError>(answer.service_configurations.items.len())
    };
    let id = test.sample.service.to_string();
    assert_eq!(describe(&mut test, None, &[]), Ok(1));
    assert_eq!(
        describe(
            &mut test,
            Some(("service-name", "com.amazonaws.vpce.*")),
            &[&id]
        ),
        Ok(1)
    );
    assert_eq!(
        describe(&mut test, Some(("service-state", "Failed")), &[]),
        Ok(0)
    );
    assert_eq!(
        code(describe(&mut test, Some(("vpc-id", "x")), &[])),
        "InvalidParameterValue"
    );
    test.caller = customer();
    assert_eq!(describe(&mut test, None, &[]), Ok(0));
    assert_eq!(
        code(describe(&mut test, None, &[&id])),
        "InvalidVpcEndpointServiceId.NotFound"
    );
}

#[test]
fn nobody_but_the_owner_is_allowed_by_default() {
    let mut test = Test::new();
    let name = test.service_name();
    let visible = |test: &mut Test, caller: Caller| {
        test.caller = caller;
        let request = DescribeVpcEndpointServicesRequest {
            service_names: vec![name.clone()],
            ..Default::default()
        };
        let answer =
            test.call(|network, caller, _| describe_services(network, caller, &request))?;
        Ok::<_, AwsError>(
            answer
                .service_details
                .items
                .into_iter()
                .map(|row| row.owner)
                .collect::<Vec<_>>(),
        )
    };
    let owner = test.caller.clone();
    assert_eq!(
        visible(&mut test, owner.clone()),
        Ok(vec!["999988887777".to_owned()])
    );
    assert_eq!(code(visible(&mut test, customer())), "InvalidServiceName");
    for principal in ["*", "arn:aws:iam::111122223333:root"] {
        test.caller = owner.clone();
        assert_eq!(test.permit(&[principal], &[]), Ok(1));
        assert_eq!(test.permit(&[principal], &[]), Ok(0), "it is there already");
        assert!(visible(&mut test, customer()).is_ok(), "{principal}");
        let elsewhere = Caller {
            region: Region::new("eu-west-1"),
            ..customer()
        };
        assert_eq!(code(visible(&mut test, elsewhere)), "InvalidServiceName");
        test.caller = owner.clone();
        test.permit(&[], &[principal]).expect("it is taken back");
        assert_eq!(code(visible(&mut test, customer())), "InvalidServiceName");
    }
}

#[test]
fn principals_are_checked_and_shown() {
    let mut test = Test::new();
    for bad in [
        "",
        "111122223333",
        "arn:aws:iam::1:root",
        "arn:aws:iam::111122223333:role/a/b",
        "arn:aws:iam::111122223333:group/a",
    ] {
        assert_eq!(code(test.permit(&[bad], &[])), "InvalidPrincipal", "{bad}");
    }
    let good = [
        "*",
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:user/a",
        "arn:aws:iam::111122223333:role/a",
    ];
    assert_eq!(test.permit(&good, &[]), Ok(4));
    let request = DescribeVpcEndpointServicePermissionsRequest {
        service_id: test.sample.service.to_string(),
        ..Default::default()
    };
    let answer = test
        .call(|network, caller, _| describe_permissions(network, caller, &request))
        .expect("an answer");
    let kinds: Vec<&str> = answer
        .allowed_principals
        .items
        .iter()
        .map(|row| row.principal_type)
        .collect();
    assert_eq!(kinds, ["All", "Role", "Account", "User"]);
    assert!(
        answer
            .allowed_principals
            .items
            .iter()
            .all(|row| row.service_permission_id.starts_with("vpce-svc-perm-"))
    );
}
