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
            "UnsupportedOperation",
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
            "UnsupportedOperation",
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
        test.call::<DeleteTargetGroupResponse>(request)
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
fn targets_are_counted_by_zone_and_together_where_connections_cross_zones() {
    let mut test = Test::new();
    test.sibling_with("10.0.9.0/24", 'b');
    test.limit_a_zone(Some(2));
    let first: Vec<_> = ["10.0.1.6", "10.0.9.6", "10.0.9.7"].map(target).to_vec();
    test.register(first).expect("no more than two in a zone");
    let balancer = test.sample.balancer.clone();
    let cross = |test: &mut Test| {
        test.set_attribute(&balancer, "load_balancing.cross_zone.enabled", "true")
    };
    assert_eq!(code(cross(&mut test)), "TooManyTargets");
    test.limit_a_zone(Some(3));
    test.register(vec![target("10.0.9.8")])
        .expect("nothing crosses zones: the refused call has not changed that");
    assert_eq!(code(cross(&mut test)), "TooManyTargets");
    test.limit_a_zone(Some(4));
    cross(&mut test).expect("four in all");
    let fifth = || vec![target("10.0.9.9")];
    assert_eq!(code(test.register(fifth())), "TooManyTargets");
    assert!(test.ports_of("10.0.9.9").is_empty());
    test.limit_a_zone(None);
    test.register(fifth()).expect("the default is 500");
}

#[test]
fn what_is_reached_from_all_zones_counts_in_the_fullest_one_too() {
    let mut test = Test::new();
    test.sibling_with("10.0.9.0/24", 'b');
    test.register(vec![target("10.0.9.6"), target("10.0.9.7")])
        .expect("two in one zone, one in the other");
    let crossing = test.target_group(&test.group_request("crossing"));
    let crossing = crossing.expect("a target group").target_group_arn;
    let request = ModifyTargetGroupAttributesRequest {
        target_group_arn: crossing.clone(),
        attributes: vec![Attribute {
            key: Some("load_balancing.cross_zone.enabled".to_owned()),
            value: Some("true".to_owned()),
        }],
    };
    test.call::<ModifyTargetGroupAttributesResponse>(request)
        .expect("connections to this group cross zones");
    let mut listener = test.listener_request(6432);
    listener.default_actions[0].target_group_arn = Some(crossing.clone());
    test.listener(&listener).expect("a second listener");
    test.limit_a_zone(Some(3));
    let register = |test: &mut Test, id: &str| {
        let request = RegisterTargetsRequest {
            target_group_arn: crossing.clone(),
            targets: vec![target(id)],
        };
        test.call::<RegisterTargetsResponse>(request)
    };
    register(&mut test, "10.0.1.7").expect("two and the one");
    assert_eq!(code(register(&mut test, "10.0.1.8")), "TooManyTargets");
    // The emptier zone has room for one more.
    test.register(vec![target("10.0.1.9")])
        .expect("two and the one");
    let nowhere = || vec![target("10.0.200.1")];
    assert_eq!(code(test.register(nowhere())), "TooManyTargets");
    test.limit_a_zone(Some(4));
    test.register(nowhere()).expect("it counts in each zone");
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
        test.call::<DeregisterTargetsResponse>(request)
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
        test.call::<RegisterTargetsResponse>(request)
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
fn health_is_what_nodes_found_out() {
    let mut test = Test::new();
    assert_eq!(
        test.health(&[]),
        [("initial", Some("Elb.InitialHealthChecking"))]
    );
    test.find(Health::Healthy);
    assert_eq!(test.health(&[]), [("healthy", None)]);
    test.find(Health::Unhealthy);
    assert_eq!(
        test.health(&[]),
        [("unhealthy", Some("Target.FailedHealthChecks"))]
    );
    assert_eq!(
        test.health(&["10.0.1.99"]),
        [("unused", Some("Target.NotRegistered"))]
    );
    let zone = test.sample.service_vpc.subnet.clone();
    let subnet = test.sample.network.subnets.get_mut(&zone);
    subnet.expect("the subnet").cidr = Some(net("10.0.1.0/30"));
    test.sibling_with("10.0.1.4/30", 'b');
    assert_eq!(
        test.health(&[]),
        [("unused", Some("Target.NotInUse"))],
        "a zone without a node"
    );
}

#[test]
fn health_is_of_no_interest_while_no_listener_uses_the_group() {
    let mut test = Test::new();
    test.find(Health::Healthy);
    let request = DeleteListenerRequest {
        listener_arn: "arn:listener".to_owned(),
    };
    test.call::<DeleteListenerResponse>(request)
        .expect("it goes");
    assert_eq!(test.health(&[]), [("unused", Some("Target.NotInUse"))]);
    test.listener(&test.listener_request(5432)).expect("again");
    assert_eq!(
        test.health(&[]),
        [("initial", Some("Elb.InitialHealthChecking"))],
        "what was known is forgotten"
    );
}

#[test]
fn a_target_that_is_taken_out_drains_for_a_time() {
    let mut test = Test::new();
    test.deregister("10.0.1.6");
    assert_eq!(
        test.health(&[]),
        [("draining", Some("Target.DeregistrationInProgress"))]
    );
    let after = |seconds| Timestamp::from_second(seconds).expect("a time");
    pass(&mut test.sample.network, after(299));
    assert_eq!(test.health(&[]).len(), 1);
    pass(&mut test.sample.network, after(300));
    assert!(test.health(&[]).is_empty());
    let again = TargetDescription {
        id: "10.0.1.6".to_owned(),
        ..Default::default()
    };
    test.register(vec![again.clone()]).expect("registered");
    test.deregister("10.0.1.6");
    test.register(vec![again]).expect("registered again");
    assert_eq!(
        test.health(&[]),
        [("initial", Some("Elb.InitialHealthChecking"))]
    );
}

#[test]
fn health_checks_are_asked_for_within_awss_bounds() {
    let mut test = Test::new();
    let modify = |test: &mut Test, change: ModifyTargetGroupRequest| {
        let request = ModifyTargetGroupRequest {
            target_group_arn: "arn:target".to_owned(),
            ..change
        };
        let answer = test.call::<ModifyTargetGroupResponse>(request)?;
        Ok::<_, AwsError>(answer.0.target_groups.members[0].clone())
    };
    let http = ModifyTargetGroupRequest {
        health_check_protocol: Some("HTTP".to_owned()),
        health_check_port: Some("8080".to_owned()),
        health_check_interval_seconds: Some(5),
        ..Default::default()
    };
    let row = modify(&mut test, http).expect("changed");
    assert_eq!(
        (row.health_check_protocol, row.health_check_port.as_str()),
        ("HTTP", "8080")
    );
    assert_eq!(
        row.health_check_timeout_seconds, 5,
        "no longer than the interval"
    );
    assert_eq!(row.health_check_path.as_deref(), Some("/"));
    let codes = row.matcher.and_then(|matcher| matcher.http_code);
    assert_eq!(codes.as_deref(), Some("200-399"));
    let matcher = |codes: &str| {
        Some(Matcher {
            http_code: Some(codes.to_owned()),
            grpc_code: None,
        })
    };
    let cases = [
        ModifyTargetGroupRequest {
            health_check_interval_seconds: Some(4),
            ..Default::default()
        },
        ModifyTargetGroupRequest {
            health_check_timeout_seconds: Some(6),
            ..Default::default()
        },
        ModifyTargetGroupRequest {
            healthy_threshold_count: Some(11),
            ..Default::default()
        },
        ModifyTargetGroupRequest {
            health_check_port: Some("0".to_owned()),
            ..Default::default()
        },
        ModifyTargetGroupRequest {
            health_check_path: Some("/a b".to_owned()),
            ..Default::default()
        },
        ModifyTargetGroupRequest {
            matcher: matcher("199"),
            ..Default::default()
        },
        ModifyTargetGroupRequest {
            health_check_enabled: Some(false),
            ..Default::default()
        },
    ];
    for change in cases {
        assert_eq!(
            code(modify(&mut test, change.clone())),
            "ValidationError",
            "{change:?}"
        );
    }
    let https = ModifyTargetGroupRequest {
        health_check_protocol: Some("HTTPS".to_owned()),
        ..Default::default()
    };
    assert_eq!(code(modify(&mut test, https)), "UnsupportedOperation");
}

fn target(id: &str) -> TargetDescription {
    TargetDescription {
        id: id.to_owned(),
        ..Default::default()
    }
}

impl Test {
    /// Sets how many targets a balancer may have in a zone.
    fn limit_a_zone(&mut self, limit: Option<u32>) {
        let zone = "targets-per-availability-zone-per-network-load-balancer";
        let account = &self.caller.account;
        assert!(crate::set_quota(
            &mut self.sample.network,
            account,
            zone,
            limit
        ));
    }

    fn health(&mut self, ids: &[&str]) -> Vec<(&'static str, Option<&'static str>)> {
        let target = |id: &&str| TargetDescription {
            id: (*id).to_owned(),
            ..Default::default()
        };
        let request = DescribeTargetHealthRequest {
            target_group_arn: "arn:target".to_owned(),
            targets: ids.iter().map(target).collect(),
            ..Default::default()
        };
        let answer = self
            .call::<DescribeTargetHealthResponse>(request)
            .expect("an answer");
        let rows = answer.target_health_descriptions.members.into_iter();
        rows.map(|row| (row.target_health.state, row.target_health.reason))
            .collect()
    }

    /// All nodes find all targets so.
    fn find(&mut self, health: Health) {
        let checks = crate::health_checks(&self.sample.network);
        let found: Vec<_> = checks.into_iter().map(|row| (row.key, health)).collect();
        assert!(!found.is_empty());
        crate::record_health(&mut self.sample.network, &found);
    }

    fn deregister(&mut self, id: &str) {
        let request = DeregisterTargetsRequest {
            target_group_arn: "arn:target".to_owned(),
            targets: vec![TargetDescription {
                id: id.to_owned(),
                ..Default::default()
            }],
        };
        self.call::<DeregisterTargetsResponse>(request)
            .expect("it is taken out");
    }
}
