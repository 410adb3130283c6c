//! Listeners and tags.

use super::*;

#[test]
fn a_listener_forwards_a_port_to_one_target_group() {
    let mut test = Test::new();
    let good = test.listener_request(5433);
    let made = test.listener(&good).expect("a listener");
    assert!(
        made.listener_arn
            .contains(":listener/net/db/0000000000000001/"),
        "{}",
        made.listener_arn
    );
    assert_eq!(
        test.listener(&good),
        Ok(made.clone()),
        "the same again is the same listener"
    );
    let request = CreateTargetGroupRequest {
        vpc_id: Some(test.sample.peering_vpc.vpc.to_string()),
        ..test.group_request("far")
    };
    let far = test
        .target_group(&request)
        .expect("a target group")
        .target_group_arn;
    let request = test.group_request("near");
    let near = test
        .target_group(&request)
        .expect("a target group")
        .target_group_arn;
    let to = |arn: &str| {
        vec![ListenerAction {
            type_: "forward".to_owned(),
            target_group_arn: Some(arn.to_owned()),
            ..Default::default()
        }]
    };
    let redirect = ListenerAction {
        type_: "redirect".to_owned(),
        ..Default::default()
    };
    let fresh = test.listener_request(5434);
    let cases = [
        (
            CreateListenerRequest {
                default_actions: to(&near),
                ..good.clone()
            },
            "DuplicateListener",
        ),
        (
            CreateListenerRequest {
                default_actions: to(&far),
                ..fresh.clone()
            },
            "InvalidConfigurationRequest",
        ),
        (
            CreateListenerRequest {
                default_actions: to("arn:none"),
                ..fresh.clone()
            },
            "TargetGroupNotFound",
        ),
        (
            CreateListenerRequest {
                default_actions: vec![redirect],
                ..fresh.clone()
            },
            "UnsupportedOperation",
        ),
        (
            CreateListenerRequest {
                default_actions: vec![],
                ..fresh.clone()
            },
            "ValidationError",
        ),
        (
            CreateListenerRequest {
                protocol: Some("TLS".to_owned()),
                ..fresh.clone()
            },
            "UnsupportedOperation",
        ),
        (
            CreateListenerRequest {
                port: Some(0),
                ..fresh.clone()
            },
            "ValidationError",
        ),
        (
            CreateListenerRequest {
                load_balancer_arn: "arn:none".to_owned(),
                ..fresh
            },
            "LoadBalancerNotFound",
        ),
    ];
    for (request, wanted) in cases {
        assert_eq!(code(test.listener(&request)), wanted, "{request:?}");
    }
    let other = test
        .balancer("web", &[])
        .expect("a balancer")
        .load_balancer_arn;
    let shared = CreateListenerRequest {
        load_balancer_arn: other,
        ..good
    };
    assert_eq!(code(test.listener(&shared)), "TargetGroupAssociationLimit");
    let delete = |test: &mut Test| {
        let request = DeleteListenerRequest {
            listener_arn: made.listener_arn.clone(),
        };
        test.call::<DeleteListenerResponse>(request)
    };
    delete(&mut test).expect("it goes");
    assert_eq!(code(delete(&mut test)), "ListenerNotFound");
}

#[test]
fn listeners_are_shown_by_balancer_or_by_arn() {
    let mut test = Test::new();
    let describe = |test: &mut Test, request: DescribeListenersRequest| {
        let answer = test.call::<DescribeListenersResponse>(request)?;
        Ok::<_, AwsError>(
            answer
                .0
                .listeners
                .members
                .into_iter()
                .map(|row| row.port)
                .collect::<Vec<_>>(),
        )
    };
    let balancer = Some(test.sample.balancer.clone());
    let by_balancer = DescribeListenersRequest {
        load_balancer_arn: balancer,
        ..Default::default()
    };
    assert_eq!(describe(&mut test, by_balancer), Ok(vec![5432]));
    let by_arn = DescribeListenersRequest {
        listener_arns: vec!["arn:listener".to_owned()],
        ..Default::default()
    };
    assert_eq!(describe(&mut test, by_arn), Ok(vec![5432]));
    assert_eq!(
        code(describe(&mut test, DescribeListenersRequest::default())),
        "ValidationError"
    );
}

#[test]
fn a_listener_is_changed_within_the_same_rules() {
    let mut test = Test::new();
    let udp = CreateTargetGroupRequest {
        protocol: Some("UDP".to_owned()),
        ..test.group_request("udp")
    };
    let udp = test.target_group(&udp).expect("a group").target_group_arn;
    let modify = |test: &mut Test, change: ModifyListenerRequest| {
        let request = ModifyListenerRequest {
            listener_arn: "arn:listener".to_owned(),
            ..change
        };
        let answer = test.call::<ModifyListenerResponse>(request)?;
        let row = answer.0.listeners.members[0].clone();
        Ok::<_, AwsError>((row.port, row.protocol))
    };
    let port = ModifyListenerRequest {
        port: Some(6432),
        ..Default::default()
    };
    assert_eq!(modify(&mut test, port), Ok((6432, "TCP")));
    test.listener(&test.listener_request(5433))
        .expect("another");
    let taken = ModifyListenerRequest {
        port: Some(5433),
        ..Default::default()
    };
    assert_eq!(code(modify(&mut test, taken)), "DuplicateListener");
    let protocol = ModifyListenerRequest {
        protocol: Some("UDP".to_owned()),
        ..Default::default()
    };
    assert_eq!(
        code(modify(&mut test, protocol.clone())),
        "IncompatibleProtocols"
    );
    let both = ModifyListenerRequest {
        default_actions: vec![ListenerAction {
            type_: "forward".to_owned(),
            target_group_arn: Some(udp),
            ..Default::default()
        }],
        ..protocol
    };
    assert_eq!(modify(&mut test, both), Ok((6432, "UDP")));
    let tls = ModifyListenerRequest {
        ssl_policy: Some("ELBSecurityPolicy-2016-08".to_owned()),
        ..Default::default()
    };
    assert_eq!(code(modify(&mut test, tls)), "UnsupportedOperation");
}

#[test]
fn a_tcp_listener_has_an_idle_timeout_that_cannot_be_set() {
    let mut test = Test::new();
    let request = DescribeListenerAttributesRequest {
        listener_arn: "arn:listener".to_owned(),
    };
    let shown = test.call::<DescribeListenerAttributesResponse>(request);
    let shown = shown.expect("attributes").0.attributes.members;
    assert_eq!(shown[0].key.as_deref(), Some("tcp.idle_timeout.seconds"));
    assert_eq!(shown[0].value.as_deref(), Some("350"));
    let modify = |test: &mut Test, value: &str| {
        let request = ModifyListenerAttributesRequest {
            listener_arn: "arn:listener".to_owned(),
            attributes: vec![Attribute {
                key: Some("tcp.idle_timeout.seconds".to_owned()),
                value: Some(value.to_owned()),
            }],
        };
        test.call::<ModifyListenerAttributesResponse>(request)
    };
    modify(&mut test, "350").expect("it is so already");
    assert_eq!(code(modify(&mut test, "600")), "UnsupportedOperation");
}

#[test]
fn what_is_about_tls_is_refused_plainly() {
    let mut test = Test::new();
    let request = DescribeListenerCertificatesRequest {
        listener_arn: "arn:listener".to_owned(),
        ..Default::default()
    };
    let answer = test.call::<DescribeListenerCertificatesResponse>(request);
    assert_eq!(code(answer), "UnsupportedOperation");
    let policies = describe_policies(&DescribeSSLPoliciesRequest::default());
    assert_eq!(code(policies), "UnsupportedOperation");
}

#[test]
fn tags_are_added_shown_and_removed() {
    let mut test = Test::new();
    let arns = vec![test.sample.balancer.clone()];
    let tag = |key: &str| TagInput {
        key: key.to_owned(),
        value: "1".to_owned(),
    };
    let add = |test: &mut Test, tags: Vec<TagInput>| {
        let request = AddTagsRequest {
            resource_arns: arns.clone(),
            tags,
        };
        test.call::<AddTagsResponse>(request)
    };
    add(&mut test, vec![tag("a"), tag("b")]).expect("they are added");
    assert_eq!(
        code(add(&mut test, vec![tag("c"), tag("c")])),
        "DuplicateTagKeys"
    );
    assert_eq!(
        code(add(
            &mut test,
            (0..49).map(|n| tag(&format!("n{n}"))).collect()
        )),
        "TooManyTags"
    );
    let request = RemoveTagsRequest {
        resource_arns: arns.clone(),
        tag_keys: vec!["a".to_owned()],
    };
    test.call::<RemoveTagsResponse>(request)
        .expect("it is removed");
    let request = DescribeBalancerTagsRequest {
        resource_arns: arns.clone(),
    };
    let shown = test
        .call::<DescribeBalancerTagsResponse>(request)
        .expect("tags");
    let keys: Vec<&str> = shown.tag_descriptions.members[0]
        .tags
        .members
        .iter()
        .map(|tag| tag.key.as_str())
        .collect();
    assert_eq!(keys, ["b"]);
    let request = DescribeBalancerTagsRequest {
        resource_arns: vec!["web".to_owned()],
    };
    assert_eq!(
        code(test.call::<DescribeBalancerTagsResponse>(request)),
        "ValidationError"
    );
}

#[test]
fn pages_go_on_where_the_last_ended() {
    let rows: Vec<u32> = (0..5).collect();
    let (first, marker) = page(rows.clone(), None, Some(3)).expect("a page");
    assert_eq!(first, [0, 1, 2]);
    assert_eq!(
        page(rows.clone(), marker.as_deref(), Some(3)),
        Ok((vec![3, 4], None))
    );
    assert_eq!(code(page(rows.clone(), None, Some(401))), "ValidationError");
    assert_eq!(code(page(rows, Some("x"), None)), "ValidationError");
}
