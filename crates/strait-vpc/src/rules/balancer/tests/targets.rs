//! Target groups and targets.

use super::*;

#[test]
fn target_groups_are_made_once_and_deleted_when_free() {
    let mut test = Test::new();
    let good = test.group_request("db-2");
    let made = test.target_group(&good).expect("a target group");
    assert_eq!(
        (made.port, made.target_type, made.protocol),
        (5432, "ip", "TCP")
    );
    assert_eq!(
        (
            made.health_check_interval_seconds,
            made.healthy_threshold_count
        ),
        (10, 5)
    );
    assert_eq!(test.target_group(&good), Ok(made));
    let other = CreateTargetGroupRequest {
        port: Some(5433),
        ..good.clone()
    };
    assert_eq!(code(test.target_group(&other)), "DuplicateTargetGroupName");
    let fresh = CreateTargetGroupRequest {
        name: "db-3".to_owned(),
        ..good
    };
    let cases = [
        (
            CreateTargetGroupRequest {
                protocol: None,
                ..fresh.clone()
            },
            "ValidationError",
        ),
        (
            CreateTargetGroupRequest {
                protocol: Some("HTTP".to_owned()),
                ..fresh.clone()
            },
            "InvalidConfigurationRequest",
        ),
        (
            CreateTargetGroupRequest {
                port: None,
                ..fresh.clone()
            },
            "ValidationError",
        ),
        (
            CreateTargetGroupRequest {
                vpc_id: None,
                ..fresh.clone()
            },
            "ValidationError",
        ),
        (
            CreateTargetGroupRequest {
                vpc_id: Some("vpc-00000000".to_owned()),
                ..fresh.clone()
            },
            "ValidationError",
        ),
        (
            CreateTargetGroupRequest {
                target_type: Some("lambda".to_owned()),
                ..fresh.clone()
            },
            "InvalidConfigurationRequest",
        ),
        (
            CreateTargetGroupRequest {
                health_check_interval_seconds: Some(1),
                ..fresh
            },
            "ValidationError",
        ),
    ];
    for (request, wanted) in cases {
        assert_eq!(code(test.target_group(&request)), wanted, "{request:?}");
    }
    let delete = |test: &mut Test, arn: &str| {
        let request = DeleteTargetGroupRequest {
            target_group_arn: arn.to_owned(),
        };
        test.call(|network, caller, _| delete_target_group(network, caller, &request))
    };
    assert_eq!(code(delete(&mut test, "arn:target")), "ResourceInUse");
    test.sample
        .network
        .listeners
        .remove(&"arn:listener".to_owned());
    delete(&mut test, "arn:target").expect("it goes");
    assert!(
        !test
            .sample
            .network
            .target_groups
            .contains_key(&"arn:target".to_owned())
    );
}

#[test]
fn targets_are_checked_when_they_are_registered() {
    let mut test = Test::new();
    let target = |id: &str, port| TargetDescription {
        id: id.to_owned(),
        port,
        ..Default::default()
    };
    test.register(vec![
        target("10.0.1.4", None),
        target("10.0.1.4", Some(5433)),
    ])
    .expect("they are registered");
    assert_eq!(test.ports_of("10.0.1.4"), [5432, 5433]);
    let zone = Some("us-east-1b".to_owned());
    let cases = [
        (target("10.9.0.1", None), "InvalidTarget"),
        (target("db", None), "ValidationError"),
        (target("10.0.1.4", Some(0)), "ValidationError"),
        (
            TargetDescription {
                availability_zone: zone,
                ..target("10.0.1.6", None)
            },
            "ValidationError",
        ),
    ];
    for (target, wanted) in cases {
        assert_eq!(
            code(test.register(vec![target.clone()])),
            wanted,
            "{target:?}"
        );
    }
    let deregister = |test: &mut Test, target: TargetDescription| {
        let request = DeregisterTargetsRequest {
            target_group_arn: "arn:target".to_owned(),
            targets: vec![target],
        };
        test.call(|network, caller, _| deregister_targets(network, caller, &request))
    };
    deregister(&mut test, target("10.0.1.4", Some(5433))).expect("it goes");
    assert_eq!(test.ports_of("10.0.1.4"), [5432]);
    deregister(&mut test, target("10.0.1.4", None)).expect("it goes");
    assert!(test.ports_of("10.0.1.4").is_empty());
}

#[test]
fn a_target_instance_must_run_in_the_vpc() {
    let mut test = Test::new();
    let request = CreateTargetGroupRequest {
        target_type: None,
        ..test.group_request("instances")
    };
    let arn = test
        .target_group(&request)
        .expect("a target group")
        .target_group_arn;
    let register = |test: &mut Test, id: &str| {
        let target = TargetDescription {
            id: id.to_owned(),
            ..Default::default()
        };
        let request = RegisterTargetsRequest {
            target_group_arn: arn.clone(),
            targets: vec![target],
        };
        test.call(|network, caller, _| register_targets(network, caller, &request))
    };
    let holder = |test: &Test, id: &InterfaceId| match &test
        .sample
        .network
        .interfaces
        .get(id)
        .expect("the interface")
        .holder
    {
        Holder::Instance { id, .. } => id.clone(),
        Holder::None | Holder::Endpoint(_) | Holder::LoadBalancer(_) => {
            panic!("an instance holds it")
        }
    };
    let (own, foreign) = (
        holder(&test, &test.sample.target_interface),
        holder(&test, &test.sample.app_interface),
    );
    register(&mut test, own.as_str()).expect("it is registered");
    assert_eq!(code(register(&mut test, foreign.as_str())), "InvalidTarget");
    test.sample
        .network
        .instances
        .get_mut(&own)
        .expect("the instance")
        .state = InstanceState::Terminated;
    assert_eq!(code(register(&mut test, own.as_str())), "InvalidTarget");
}

#[test]
fn health_is_said_to_be_unknown() {
    let mut test = Test::new();
    let target = TargetDescription {
        id: "10.0.1.99".to_owned(),
        ..Default::default()
    };
    let mut request = DescribeTargetHealthRequest {
        target_group_arn: "arn:target".to_owned(),
        ..Default::default()
    };
    let ask = |test: &mut Test, request: &DescribeTargetHealthRequest| {
        let answer = test
            .call(|network, caller, _| describe_health(network, caller, request))
            .expect("an answer");
        let states = answer.target_health_descriptions.members.into_iter();
        states
            .map(|row| (row.target_health.state, row.target_health.reason))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        ask(&mut test, &request),
        [("unavailable", "Target.HealthCheckDisabled")]
    );
    test.sample
        .network
        .listeners
        .remove(&"arn:listener".to_owned());
    assert_eq!(ask(&mut test, &request), [("unused", "Target.NotInUse")]);
    request.targets.push(target);
    assert_eq!(
        ask(&mut test, &request),
        [("unused", "Target.NotRegistered")]
    );
}
