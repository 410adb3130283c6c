use jiff::Timestamp;

use super::*;
use crate::api::*;
use crate::reach::sample::{ENDPOINT, Sample, net, story};
use crate::rules::{Caller, Context};

#[test]
fn a_service_needs_balancers_of_its_owner_that_no_other_service_has() {
    let mut test = Test::new();
    let made = test
        .create_service(&[test.balancer.clone()])
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
        (vec![], "MissingParameter"),
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
            private_dns_name: Some("db.test".to_owned()),
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
    test.delete_services(&[first.clone()]).expect("it goes");
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
        test.call(|network, caller, _| modify_service(network, caller, &request))
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
            "InvalidVpcEndpointServiceId.NotFound",
            "ExistingVpcEndpointConnections"
        ]
    );
    assert_eq!(
        code(test.delete_services(&["svc-1".to_owned()])),
        "InvalidVpcEndpointServiceIdId.Malformed"
    );
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
            "InvalidVpcID.Malformed",
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

struct Test {
    sample: Sample,
    caller: Caller,
    random: u128,
    /// A balancer that no service has.
    balancer: String,
    default_group: SecurityGroupId,
}

impl Test {
    fn new() -> Self {
        let mut sample = story();
        let mut row = sample
            .network
            .load_balancers
            .get(&sample.balancer)
            .expect("the balancer")
            .clone();
        row.arn = row.arn.replace("net/db/", "net/web/");
        let balancer = row.arn.clone();
        sample.network.load_balancers.insert(balancer.clone(), row);
        let group = sample
            .network
            .security_groups
            .get(&sample.peering_vpc.group)
            .expect("the group")
            .clone();
        let default_group = SecurityGroupId::from_random(2000);
        let group = SecurityGroup {
            id: default_group.clone(),
            name: "default".to_owned(),
            ..group
        };
        sample
            .network
            .security_groups
            .insert(default_group.clone(), group);
        let caller = Caller {
            account: sample.service_vpc.owner.clone(),
            region: Region::new("us-east-1"),
        };
        Self {
            sample,
            caller,
            random: 1000,
            balancer,
            default_group,
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

    fn service_name(&self) -> String {
        format!("com.amazonaws.vpce.us-east-1.{}", self.sample.service)
    }

    fn create_service(&mut self, arns: &[String]) -> Result<ServiceConfigurationItem, AwsError> {
        let request = CreateVpcEndpointServiceConfigurationRequest {
            network_load_balancer_arns: arns.to_vec(),
            ..Default::default()
        };
        let answer = self
            .call(|network, caller, context| create_service(network, caller, &request, context))?;
        Ok(answer.service_configuration)
    }

    /// The codes of what could not be deleted.
    fn delete_services(&mut self, ids: &[String]) -> Result<Vec<String>, AwsError> {
        let request = DeleteVpcEndpointServiceConfigurationsRequest {
            service_ids: ids.to_vec(),
            dry_run: false,
        };
        self.call(|network, caller, _| delete_services(network, caller, &request))
            .map(|answer| codes(answer.0))
    }

    fn permit(&mut self, add: &[&str], remove: &[&str]) -> Result<usize, AwsError> {
        let owned = |principals: &[&str]| principals.iter().map(ToString::to_string).collect();
        let request = ModifyVpcEndpointServicePermissionsRequest {
            service_id: self.sample.service.to_string(),
            add_allowed_principals: owned(add),
            remove_allowed_principals: owned(remove),
            dry_run: false,
        };
        let answer =
            self.call(|network, caller, _| modify_permissions(network, caller, &request))?;
        Ok(answer.added_principals.items.len())
    }

    /// Accepts or rejects; the codes of what could not be done.
    fn set(&mut self, state: EndpointState, ids: &[String]) -> Result<Vec<String>, AwsError> {
        let (service_id, vpc_endpoint_ids) = (self.sample.service.to_string(), ids.to_vec());
        match state {
            EndpointState::Rejected => {
                let request = RejectVpcEndpointConnectionsRequest {
                    service_id,
                    vpc_endpoint_ids,
                    dry_run: false,
                };
                self.call(|network, caller, _| reject(network, caller, &request))
                    .map(|answer| codes(answer.0))
            }
            EndpointState::Available | EndpointState::PendingAcceptance => {
                let request = AcceptVpcEndpointConnectionsRequest {
                    service_id,
                    vpc_endpoint_ids,
                    dry_run: false,
                };
                self.call(|network, caller, _| accept(network, caller, &request))
                    .map(|answer| codes(answer.0))
            }
        }
    }

    fn connections(
        &mut self,
        filters: &[(&str, &str)],
    ) -> Result<Vec<(String, &'static str)>, AwsError> {
        let filters = filters
            .iter()
            .map(|(name, value)| filter_of(name, value))
            .collect();
        let request = DescribeVpcEndpointConnectionsRequest {
            filters,
            ..Default::default()
        };
        let answer =
            self.call(|network, caller, _| describe_connections(network, caller, &request))?;
        let rows = answer.vpc_endpoint_connections.items.into_iter();
        Ok(rows
            .map(|row| (row.vpc_endpoint_id, row.vpc_endpoint_state))
            .collect())
    }

    fn endpoint_request(&self) -> CreateVpcEndpointRequest {
        CreateVpcEndpointRequest {
            vpc_endpoint_type: Some("Interface".to_owned()),
            vpc_id: self.sample.peering_vpc.vpc.to_string(),
            service_name: Some(self.service_name()),
            subnet_ids: vec![self.sample.peering_vpc.subnet.to_string()],
            ..Default::default()
        }
    }

    fn create_endpoint(
        &mut self,
        request: &CreateVpcEndpointRequest,
    ) -> Result<VpcEndpointItem, AwsError> {
        let answer =
            self.call(|network, caller, context| create(network, caller, request, context))?;
        Ok(answer.vpc_endpoint)
    }

    /// Another subnet of the Peering VPC.
    fn sibling(&mut self, zone: char) -> String {
        let first = self
            .sample
            .network
            .subnets
            .get(&self.sample.peering_vpc.subnet)
            .expect("the subnet")
            .clone();
        let id = SubnetId::from_random(2000);
        let row = Subnet {
            id: id.clone(),
            zone,
            cidr: net("10.1.0.64/26"),
            ..first
        };
        self.sample.network.subnets.insert(id.clone(), row);
        id.to_string()
    }
}

fn customer() -> Caller {
    Caller {
        account: "111122223333".parse().expect("an account"),
        region: Region::new("us-east-1"),
    }
}

fn filter_of(name: &str, value: &str) -> Filter {
    Filter {
        name: name.to_owned(),
        values: vec![value.to_owned()],
    }
}

fn codes(answer: Unsuccessful) -> Vec<String> {
    answer
        .unsuccessful
        .items
        .into_iter()
        .map(|row| row.error.code)
        .collect()
}

fn code<T: std::fmt::Debug>(answer: Result<T, AwsError>) -> String {
    answer.expect_err("an error").code
}
