use jiff::Timestamp;

use super::*;
use crate::api::*;
use crate::id::*;
use crate::reach::sample::{Sample, net, story};
use crate::rules::Context;

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
    let found = test.describe(DescribeLoadBalancersRequest {
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
            "InvalidConfigurationRequest",
        ),
        (
            CreateLoadBalancerRequest {
                type_: Some("gateway".to_owned()),
                ..good.clone()
            },
            "InvalidConfigurationRequest",
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
            "InvalidConfigurationRequest",
        ),
    ];
    for (request, wanted) in cases {
        let answer = test
            .call(|network, caller, context| create_balancer(network, caller, &request, context));
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
    let made =
        test.call(|network, caller, context| create_balancer(network, caller, &request, context));
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
        test.call(|network, caller, _| delete_balancer(network, caller, &request))
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
    let shown =
        test.call(|network, caller, _| describe_balancer_attributes(network, caller, &request));
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
    for (key, value) in [
        ("access_logs.s3.enabled", "true"),
        ("deletion_protection.enabled", "yes"),
    ] {
        assert_eq!(
            code(test.set_attribute(&arn, key, value)),
            "InvalidConfigurationRequest"
        );
    }
    let far = DescribeLoadBalancerAttributesRequest {
        load_balancer_arn: arn,
    };
    test.caller.region = Region::new("eu-west-1");
    let answer =
        test.call(|network, caller, _| describe_balancer_attributes(network, caller, &far));
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
        test.call(|network, caller, _| set_groups(network, caller, &request))
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
            "InvalidConfigurationRequest",
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
            "InvalidConfigurationRequest",
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
        test.call(|network, caller, _| delete_listener(network, caller, &request))
    };
    delete(&mut test).expect("it goes");
    assert_eq!(code(delete(&mut test)), "ListenerNotFound");
}

#[test]
fn listeners_are_shown_by_balancer_or_by_arn() {
    let mut test = Test::new();
    let describe = |test: &mut Test, request: DescribeListenersRequest| {
        let answer =
            test.call(|network, caller, _| describe_listeners(network, caller, &request))?;
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
        test.call(|network, caller, _| add_tags(network, caller, &request))
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
    test.call(|network, caller, _| remove_tags(network, caller, &request))
        .expect("it is removed");
    let request = DescribeBalancerTagsRequest {
        resource_arns: arns.clone(),
    };
    let shown = test
        .call(|network, caller, _| describe_tags(network, caller, &request))
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
        code(test.call(|network, caller, _| describe_tags(network, caller, &request))),
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

struct Test {
    sample: Sample,
    caller: Caller,
    random: u128,
}

impl Test {
    fn new() -> Self {
        let sample = story();
        let caller = Caller {
            account: sample.service_vpc.owner.clone(),
            region: Region::new("us-east-1"),
        };
        Self {
            sample,
            caller,
            random: 1000,
        }
    }

    fn call<T>(&mut self, call: impl FnOnce(&mut Network, &Caller, &mut Context<'_>) -> T) -> T {
        let mut random = || {
            self.random += 1;
            self.random
        };
        let mut context = Context {
            now: Timestamp::UNIX_EPOCH,
            random: &mut random,
        };
        call(&mut self.sample.network, &self.caller, &mut context)
    }

    fn create_request(&self, name: &str, groups: &[String]) -> CreateLoadBalancerRequest {
        CreateLoadBalancerRequest {
            name: name.to_owned(),
            subnets: vec![self.sample.service_vpc.subnet.to_string()],
            security_groups: groups.to_vec(),
            scheme: Some("internal".to_owned()),
            type_: Some("network".to_owned()),
            ..Default::default()
        }
    }

    fn balancer(&mut self, name: &str, groups: &[String]) -> Result<LoadBalancerItem, AwsError> {
        let request = self.create_request(name, groups);
        let answer = self
            .call(|network, caller, context| create_balancer(network, caller, &request, context))?;
        Ok(answer.0.load_balancers.members[0].clone())
    }

    fn describe(
        &mut self,
        request: DescribeLoadBalancersRequest,
    ) -> Result<Vec<LoadBalancerItem>, AwsError> {
        let answer =
            self.call(|network, caller, _| describe_balancers(network, caller, &request))?;
        Ok(answer.0.load_balancers.members)
    }

    fn set_attribute(&mut self, arn: &str, key: &str, value: &str) -> Result<(), AwsError> {
        let attribute = Attribute {
            key: Some(key.to_owned()),
            value: Some(value.to_owned()),
        };
        let request = ModifyLoadBalancerAttributesRequest {
            load_balancer_arn: arn.to_owned(),
            attributes: vec![attribute],
        };
        self.call(|network, caller, _| modify_balancer_attributes(network, caller, &request))
            .map(|_| ())
    }

    fn group_request(&self, name: &str) -> CreateTargetGroupRequest {
        CreateTargetGroupRequest {
            name: name.to_owned(),
            protocol: Some("TCP".to_owned()),
            port: Some(5432),
            vpc_id: Some(self.sample.service_vpc.vpc.to_string()),
            target_type: Some("ip".to_owned()),
            health_check_interval_seconds: Some(10),
            ..Default::default()
        }
    }

    fn target_group(
        &mut self,
        request: &CreateTargetGroupRequest,
    ) -> Result<TargetGroupItem, AwsError> {
        let answer = self.call(|network, caller, context| {
            create_target_group(network, caller, request, context)
        })?;
        Ok(answer.0.target_groups.members[0].clone())
    }

    fn register(
        &mut self,
        targets: Vec<TargetDescription>,
    ) -> Result<RegisterTargetsResponse, AwsError> {
        let request = RegisterTargetsRequest {
            target_group_arn: "arn:target".to_owned(),
            targets,
        };
        self.call(|network, caller, _| register_targets(network, caller, &request))
    }

    fn ports_of(&self, id: &str) -> Vec<u16> {
        let group = self
            .sample
            .network
            .target_groups
            .get(&"arn:target".to_owned())
            .expect("the target group");
        group
            .targets
            .iter()
            .filter(|target| target.id == id)
            .map(|target| target.port)
            .collect()
    }

    fn listener_request(&self, port: u16) -> CreateListenerRequest {
        let action = ListenerAction {
            type_: "forward".to_owned(),
            target_group_arn: Some("arn:target".to_owned()),
            ..Default::default()
        };
        CreateListenerRequest {
            load_balancer_arn: self.sample.balancer.clone(),
            protocol: Some("TCP".to_owned()),
            port: Some(port),
            default_actions: vec![action],
            ..Default::default()
        }
    }

    fn listener(&mut self, request: &CreateListenerRequest) -> Result<ListenerItem, AwsError> {
        let answer = self
            .call(|network, caller, context| create_listener(network, caller, request, context))?;
        Ok(answer.0.listeners.members[0].clone())
    }

    fn gateway(&mut self) {
        let gateway = InternetGateway {
            id: InternetGatewayId::from_random(1),
            owner: self.caller.account.clone(),
            region: self.caller.region.clone(),
            vpc: Some(self.sample.service_vpc.vpc.clone()),
            tags: Tags::new(),
        };
        self.sample
            .network
            .internet_gateways
            .insert(gateway.id.clone(), gateway);
    }

    /// Another subnet of the Service VPC.
    fn sibling(&mut self, zone: char) -> SubnetId {
        let first = self
            .sample
            .network
            .subnets
            .get(&self.sample.service_vpc.subnet)
            .expect("the subnet")
            .clone();
        let id = SubnetId::from_random(2000);
        let row = Subnet {
            id: id.clone(),
            zone,
            cidr: net("10.0.9.0/24"),
            ..first
        };
        self.sample.network.subnets.insert(id.clone(), row);
        id
    }

    fn second_group(&mut self) -> SecurityGroupId {
        let group = &self.sample.service_vpc.group;
        let first = self
            .sample
            .network
            .security_groups
            .get(group)
            .expect("the group")
            .clone();
        let id = SecurityGroupId::from_random(2000);
        let row = SecurityGroup {
            id: id.clone(),
            name: "second".to_owned(),
            ..first
        };
        self.sample.network.security_groups.insert(id.clone(), row);
        id
    }
}

fn is_node(interface: &Interface, arn: &str) -> bool {
    interface.holder == Holder::LoadBalancer(arn.to_owned())
}

fn code<T: std::fmt::Debug>(answer: Result<T, AwsError>) -> String {
    answer.expect_err("an error").code
}
