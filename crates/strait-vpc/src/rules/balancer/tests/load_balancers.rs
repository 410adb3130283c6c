//! Load balancers.

use super::*;

#[test]
fn a_balancer_has_a_node_in_each_subnet() {
    let mut test = Test::new();
    let made = test.balancer("web", &[]).expect("a balancer");
    let arn = &made.load_balancer_arn;
    assert!(
        arn.starts_with(
            "arn:aws:elasticloadbalancing:us-east-1:999988887777:loadbalancer/net/web/"
        ),
        "{arn}"
    );
    assert_eq!(
        (made.scheme, made.type_, made.state.code),
        ("internal", "network", "active")
    );
    assert!(
        made.dns_name.starts_with("web-")
            && made.dns_name.ends_with(".elb.us-east-1.amazonaws.com")
    );
    assert_eq!(made.availability_zones.members[0].zone_name, "us-east-1a");
    let nodes: Vec<&Interface> = test
        .sample
        .network
        .interfaces
        .values()
        .filter(|row| is_node(row, arn))
        .collect();
    assert_eq!(nodes.len(), 1);
    assert!(nodes[0].description.starts_with("ELB net/web/") && nodes[0].public_ip.is_none());
    let found = test.describe(&DescribeLoadBalancersRequest {
        names: vec!["web".to_owned()],
        ..Default::default()
    });
    assert_eq!(found.expect("found").len(), 1);
}

#[test]
fn the_same_again_is_the_same_balancer_and_other_settings_are_refused() {
    let mut test = Test::new();
    let first = test.balancer("web", &[]).expect("a balancer");
    assert_eq!(test.balancer("web", &[]), Ok(first));
    let group = test.sample.service_vpc.group.to_string();
    assert_eq!(
        code(test.balancer("web", &[group])),
        "DuplicateLoadBalancerName"
    );
}

#[test]
fn what_a_balancer_cannot_be_is_refused() {
    let mut test = Test::new();
    let subnet = test.sample.service_vpc.subnet.to_string();
    let other_vpc = test.sample.peering_vpc.subnet.to_string();
    let sibling = test.sibling('a').to_string();
    let good = test.create_request("web", &[]);
    let cases = [
        (
            CreateLoadBalancerRequest {
                type_: None,
                ..good.clone()
            },
            "UnsupportedOperation",
        ),
        (
            CreateLoadBalancerRequest {
                type_: Some("gateway".to_owned()),
                ..good.clone()
            },
            "UnsupportedOperation",
        ),
        (
            CreateLoadBalancerRequest {
                name: "-web".to_owned(),
                ..good.clone()
            },
            "ValidationError",
        ),
        (
            CreateLoadBalancerRequest {
                name: "w".repeat(33),
                ..good.clone()
            },
            "ValidationError",
        ),
        (
            CreateLoadBalancerRequest {
                name: "internal-web".to_owned(),
                ..good.clone()
            },
            "ValidationError",
        ),
        (
            CreateLoadBalancerRequest {
                scheme: Some("public".to_owned()),
                ..good.clone()
            },
            "ValidationError",
        ),
        (
            CreateLoadBalancerRequest {
                subnets: vec![],
                ..good.clone()
            },
            "ValidationError",
        ),
        (
            CreateLoadBalancerRequest {
                subnets: vec!["subnet-00000000".to_owned()],
                ..good.clone()
            },
            "SubnetNotFound",
        ),
        (
            CreateLoadBalancerRequest {
                subnets: vec![subnet.clone(), other_vpc],
                ..good.clone()
            },
            "InvalidSubnet",
        ),
        (
            CreateLoadBalancerRequest {
                subnets: vec![subnet, sibling],
                ..good.clone()
            },
            "InvalidConfigurationRequest",
        ),
        (
            CreateLoadBalancerRequest {
                scheme: None,
                ..good.clone()
            },
            "InvalidSubnet",
        ),
        (
            CreateLoadBalancerRequest {
                security_groups: vec!["sg-00000000".to_owned()],
                ..good.clone()
            },
            "InvalidSecurityGroup",
        ),
        (
            CreateLoadBalancerRequest {
                ip_address_type: Some("dualstack".to_owned()),
                ..good
            },
            "UnsupportedOperation",
        ),
    ];
    for (request, wanted) in cases {
        let answer = test.call::<CreateLoadBalancerResponse>(request.clone());
        assert_eq!(code(answer), wanted, "{request:?}");
    }
}

#[test]
fn an_internet_facing_balancer_has_public_addresses() {
    let mut test = Test::new();
    test.gateway();
    let other = test.sibling('b').to_string();
    let mut request = test.create_request("web", &[]);
    request.subnets.push(other);
    request.scheme = None;
    let made = test.call::<CreateLoadBalancerResponse>(request);
    let arn = made.expect("a balancer").0.load_balancers.members[0]
        .load_balancer_arn
        .clone();
    let nodes = test
        .sample
        .network
        .interfaces
        .values()
        .filter(|row| is_node(row, &arn));
    let addresses: std::collections::BTreeSet<_> =
        nodes.filter_map(|node| node.public_ip).collect();
    assert_eq!(addresses.len(), 2);
}

#[test]
fn a_balancer_goes_with_its_nodes_and_listeners_unless_something_keeps_it() {
    let mut test = Test::new();
    let arn = test.sample.balancer.clone();
    let delete = |test: &mut Test, arn: &str| {
        let request = DeleteLoadBalancerRequest {
            load_balancer_arn: arn.to_owned(),
        };
        test.call::<DeleteLoadBalancerResponse>(request)
    };
    assert_eq!(code(delete(&mut test, &arn)), "ResourceInUse");
    test.sample
        .network
        .endpoint_services
        .remove(&test.sample.service.clone());
    test.set_attribute(&arn, "deletion_protection.enabled", "true")
        .expect("it is set");
    assert_eq!(code(delete(&mut test, &arn)), "OperationNotPermitted");
    test.set_attribute(&arn, "deletion_protection.enabled", "false")
        .expect("it is set");
    delete(&mut test, &arn).expect("it goes");
    assert!(
        !test
            .sample
            .network
            .interfaces
            .contains_key(&test.sample.node)
    );
    assert!(test.sample.network.listeners.is_empty());
    delete(&mut test, &arn).expect("again is no error");
}

#[test]
fn attributes_have_defaults_and_unknown_ones_are_refused() {
    let mut test = Test::new();
    let arn = test.sample.balancer.clone();
    let request = DescribeLoadBalancerAttributesRequest {
        load_balancer_arn: arn.clone(),
    };
    test.set_attribute(&arn, "load_balancing.cross_zone.enabled", "true")
        .expect("it is set");
    let shown = test.call::<DescribeLoadBalancerAttributesResponse>(request);
    let shown = shown.expect("attributes").0.attributes.members;
    let value = |key: &str| {
        shown
            .iter()
            .find(|row| row.key.as_deref() == Some(key))
            .and_then(|row| row.value.clone())
    };
    assert_eq!(
        value("load_balancing.cross_zone.enabled").as_deref(),
        Some("true")
    );
    assert_eq!(
        value("deletion_protection.enabled").as_deref(),
        Some("false")
    );
    let unknown = test
        .set_attribute(&arn, "idle_timeout.timeout_seconds", "60")
        .expect_err("unknown");
    assert!(
        unknown
            .message
            .contains("attribute key 'idle_timeout.timeout_seconds' is not recognized"),
        "{unknown}"
    );
    for (key, value, wanted) in [
        ("access_logs.s3.enabled", "true", "UnsupportedOperation"),
        (
            "deletion_protection.enabled",
            "yes",
            "InvalidConfigurationRequest",
        ),
    ] {
        assert_eq!(code(test.set_attribute(&arn, key, value)), wanted);
    }
    let far = DescribeLoadBalancerAttributesRequest {
        load_balancer_arn: arn,
    };
    test.caller.region = Region::new("eu-west-1");
    let answer = test.call::<DescribeLoadBalancerAttributesResponse>(far);
    assert_eq!(code(answer), "LoadBalancerNotFound");
}

#[test]
fn groups_are_set_on_the_nodes_too() {
    let mut test = Test::new();
    let (one, two) = (test.sample.service_vpc.group.clone(), test.second_group());
    let made = test
        .balancer("web", &[one.to_string()])
        .expect("a balancer");
    assert_eq!(
        made.enforce_security_group_inbound_rules_on_private_link_traffic
            .as_deref(),
        Some("on")
    );
    let set = |test: &mut Test, arn: &str, groups: &[String], enforce: Option<&str>| {
        let request = SetSecurityGroupsRequest {
            load_balancer_arn: arn.to_owned(),
            security_groups: groups.to_vec(),
            enforce_security_group_inbound_rules_on_private_link_traffic: enforce
                .map(str::to_owned),
        };
        test.call::<SetSecurityGroupsResponse>(request)
    };
    let arn = made.load_balancer_arn;
    let answer = set(&mut test, &arn, &[two.to_string()], Some("off")).expect("they are set");
    assert_eq!(
        answer.enforce_security_group_inbound_rules_on_private_link_traffic,
        "off"
    );
    let node = test
        .sample
        .network
        .interfaces
        .values()
        .find(|row| is_node(row, &arn))
        .expect("a node");
    assert_eq!(node.groups, [two.clone()].into());
    assert_eq!(
        code(set(&mut test, &arn, &[], None)),
        "InvalidConfigurationRequest"
    );
    assert_eq!(
        code(set(&mut test, &arn, &[two.to_string()], Some("maybe"))),
        "ValidationError"
    );
    let bare = test.sample.balancer.clone();
    assert_eq!(
        code(set(&mut test, &bare, &[one.to_string()], None)),
        "InvalidConfigurationRequest"
    );
}

#[test]
fn subnets_are_replaced_but_not_under_live_endpoints() {
    let mut test = Test::new();
    let (first, second) = (
        test.sample.service_vpc.subnet.to_string(),
        test.sibling('b').to_string(),
    );
    let set = |test: &mut Test, subnets: &[&String]| {
        let request = SetSubnetsRequest {
            load_balancer_arn: test.sample.balancer.clone(),
            subnets: subnets.iter().map(|id| (*id).clone()).collect(),
            ..Default::default()
        };
        let answer = test.call::<SetSubnetsResponse>(request)?;
        let zones = answer.availability_zones.members.into_iter();
        Ok::<_, AwsError>(zones.map(|zone| zone.zone_name).collect::<Vec<_>>())
    };
    let mut zones = set(&mut test, &[&first, &second]).expect("one more");
    zones.sort();
    assert_eq!(zones, ["us-east-1a", "us-east-1b"]);
    let arn = test.sample.balancer.clone();
    let interfaces = &test.sample.network.interfaces;
    let nodes = interfaces.values().filter(|row| is_node(row, &arn));
    assert_eq!(nodes.count(), 2);
    assert_eq!(
        code(set(&mut test, &[&first])),
        "InvalidConfigurationRequest",
        "an endpoint is connected"
    );
    test.sample
        .network
        .endpoints
        .remove(&test.sample.endpoint.clone());
    assert_eq!(set(&mut test, &[&first]), Ok(vec!["us-east-1a".to_owned()]));
    assert_eq!(code(set(&mut test, &[])), "ValidationError");
    let same_zone = test.sibling('a').to_string();
    assert_eq!(
        code(set(&mut test, &[&same_zone])),
        "InvalidConfigurationRequest",
        "a zone's subnet is not replaced at once"
    );
}

#[test]
fn limits_are_shown_and_kept() {
    let mut test = Test::new();
    let request = DescribeAccountLimitsRequest::default();
    let shown = test.call::<DescribeAccountLimitsResponse>(request);
    let shown = shown.expect("limits").limits.members;
    let balancers = shown
        .iter()
        .find(|row| row.name == "network-load-balancers");
    assert_eq!(balancers.expect("it").max, "50");
    let quotas = &mut test.sample.network.quotas;
    quotas.insert("network-load-balancers".to_owned(), 1);
    assert_eq!(code(test.balancer("web", &[])), "TooManyLoadBalancers");
    let (network, account) = (&mut test.sample.network, test.caller.account.clone());
    assert!(crate::set_quota(
        network,
        &account,
        "network-load-balancers",
        Some(9)
    ));
    test.balancer("web", &[])
        .expect("the account has asked for more");
}
