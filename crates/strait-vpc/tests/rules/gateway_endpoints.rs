//! Gateway endpoints and their routes.

use strait_vpc::api::*;

use crate::world::*;

const S3: &str = "com.amazonaws.us-east-1.s3";

fn create(vpc: &str, tables: &[&str]) -> CreateVpcEndpointRequest {
    CreateVpcEndpointRequest {
        vpc_id: vpc.to_owned(),
        service_name: Some(S3.to_owned()),
        route_table_ids: tables.iter().map(ToString::to_string).collect(),
        ..Default::default()
    }
}

fn table(world: &mut World, vpc: &str) -> String {
    let request = CreateRouteTableRequest {
        vpc_id: vpc.to_owned(),
        ..Default::default()
    };
    let made = world.ok::<CreateRouteTableResponse>(&customer(), request);
    made.route_table.route_table_id
}

/// The gateways that routes of a table to prefix lists lead to, with their states.
fn led(world: &mut World, table: &str) -> Vec<(String, String)> {
    let show = DescribeRouteTablesRequest {
        route_table_ids: vec![table.to_owned()],
        ..Default::default()
    };
    let tables = world.ok::<DescribeRouteTablesResponse>(&customer(), show);
    let routes = tables.route_tables.items[0].routes.items.iter();
    routes
        .filter(|route| route.destination_prefix_list_id.is_some())
        .filter_map(|route| Some((route.gateway_id.clone()?, route.state.clone())))
        .collect()
}

fn endpoints(world: &mut World, name: &str, value: &str) -> Vec<String> {
    let show = DescribeVpcEndpointsRequest {
        filters: vec![filter(name, value)],
        ..Default::default()
    };
    let shown = world.ok::<DescribeVpcEndpointsResponse>(&customer(), show);
    let shown = shown.vpc_endpoints.items.into_iter();
    shown.map(|endpoint| endpoint.vpc_endpoint_id).collect()
}

#[test]
fn a_gateway_endpoint_is_a_route_of_its_tables() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let (main, other) = (world.main_table(&me, &vpc), table(&mut world, &vpc));
    let made = world
        .ok::<CreateVpcEndpointResponse>(&me, create(&vpc, &[&main]))
        .vpc_endpoint;
    assert_eq!(
        (
            made.vpc_endpoint_type,
            made.state,
            made.route_table_ids.items
        ),
        ("Gateway", "available", vec![main.clone()])
    );
    let id = made.vpc_endpoint_id;
    let active = [(id.clone(), "active".to_owned())];
    assert_eq!(led(&mut world, &main), active);
    let modify = ModifyVpcEndpointRequest {
        vpc_endpoint_id: id.clone(),
        add_route_table_ids: vec![other.clone()],
        remove_route_table_ids: vec![main.clone()],
        ..Default::default()
    };
    assert_eq!(world.outcome(&me, modify.clone()), "ok");
    assert_eq!(world.code(&me, modify), "InvalidParameter", "it has gone");
    assert_eq!(led(&mut world, &main), []);
    assert_eq!(led(&mut world, &other), active);
    for (name, value) in [
        ("vpc-endpoint-type", "Gateway"),
        ("service-name", S3),
        ("vpc-endpoint-state", "available"),
    ] {
        assert_eq!(
            endpoints(&mut world, name, value),
            vec![id.clone()],
            "{name}"
        );
    }
    assert_eq!(
        endpoints(&mut world, "vpc-endpoint-type", "Interface"),
        [""; 0]
    );
    let tag = CreateTagsRequest {
        resources: vec![id.clone()],
        tags: tag_inputs(&[("stage", "test")]),
        ..Default::default()
    };
    assert_eq!(world.outcome(&me, tag), "ok");
    assert_eq!(endpoints(&mut world, "tag:stage", "test"), vec![id.clone()]);
    let gone = DeleteVpcRequest {
        vpc_id: vpc.clone(),
        ..Default::default()
    };
    assert_eq!(world.code(&me, gone), "DependencyViolation");
    let delete = DeleteVpcEndpointsRequest {
        vpc_endpoint_ids: vec![id.clone(), id.clone()],
        ..Default::default()
    };
    let answer = world.ok::<DeleteVpcEndpointsResponse>(&me, delete.clone());
    assert!(
        answer.0.unsuccessful.items.is_empty(),
        "it is deleted, though it is named twice"
    );
    assert_eq!(led(&mut world, &other), []);
    let answer = world.ok::<DeleteVpcEndpointsResponse>(&me, delete);
    assert_eq!(
        answer.0.unsuccessful.items[0].error.code,
        "InvalidVpcEndpoint.NotFound"
    );
}

#[test]
fn what_a_gateway_endpoint_cannot_be_is_refused() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let elsewhere = world.vpc(&me, "10.0.0.0/16");
    let (main, far) = (
        world.main_table(&me, &vpc),
        world.main_table(&me, &elsewhere),
    );
    let subnet = world.subnet(&me, &vpc, "10.0.0.0/24");
    let of = |name: &str| CreateVpcEndpointRequest {
        service_name: Some(name.to_owned()),
        ..create(&vpc, &[])
    };
    let with = |change: fn(&mut CreateVpcEndpointRequest)| {
        let mut request = create(&vpc, &[]);
        change(&mut request);
        request
    };
    let cases = [
        (of("com.amazonaws.eu-west-1.s3"), "InvalidServiceName"),
        (of("com.amazonaws.us-east-1.sqs"), "InvalidServiceName"),
        (
            CreateVpcEndpointRequest {
                subnet_ids: vec![subnet],
                ..create(&vpc, &[])
            },
            "InvalidParameter",
        ),
        (
            with(|request| request.private_dns_enabled = Some(true)),
            "InvalidParameter",
        ),
        (
            with(|request| request.policy_document = Some("{}".to_owned())),
            "UnsupportedOperation",
        ),
        (
            with(|request| request.vpc_endpoint_type = Some("GatewayLoadBalancer".to_owned())),
            "UnsupportedOperation",
        ),
        (
            with(|request| request.service_name = None),
            "MissingParameter",
        ),
        (create(&vpc, &[&far]), "InvalidParameter"),
        (
            create(&vpc, &["rtb-01234567"]),
            "InvalidRouteTableID.NotFound",
        ),
        (create(&vpc, &[&main, &main]), "RouteAlreadyExists"),
        (create(&vpc, &[&main]), "ok"),
        (create(&vpc, &[&main]), "RouteAlreadyExists"),
        (of("com.amazonaws.us-east-1.dynamodb"), "ok"),
    ];
    for (request, expected) in cases {
        let what = format!("{request:?}");
        assert_eq!(world.outcome(&me, request), expected, "{what}");
    }
    assert_eq!(world.network.gateway_endpoints.len(), 2);
}

#[test]
fn what_a_gateway_endpoint_cannot_become_is_refused() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let subnet = world.subnet(&me, &vpc, "10.0.0.0/24");
    let made = world.ok::<CreateVpcEndpointResponse>(&me, create(&vpc, &[]));
    let id = made.vpc_endpoint.vpc_endpoint_id;
    let same = ModifyVpcEndpointRequest {
        vpc_endpoint_id: id,
        ..Default::default()
    };
    let cases = [
        (
            ModifyVpcEndpointRequest {
                policy_document: Some("{}".to_owned()),
                ..same.clone()
            },
            "UnsupportedOperation",
        ),
        (
            ModifyVpcEndpointRequest {
                ip_address_type: Some("dualstack".to_owned()),
                ..same.clone()
            },
            "UnsupportedOperation",
        ),
        (
            ModifyVpcEndpointRequest {
                add_subnet_ids: vec![subnet],
                ..same.clone()
            },
            "InvalidParameter",
        ),
        (same, "ok"),
    ];
    for (request, expected) in cases {
        let what = format!("{request:?}");
        assert_eq!(world.outcome(&me, request), expected, "{what}");
    }
}

#[test]
fn only_the_endpoint_takes_its_route_away() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let main = world.main_table(&me, &vpc);
    let made = world.ok::<CreateVpcEndpointResponse>(&me, create(&vpc, &[&main]));
    let id = made.vpc_endpoint.vpc_endpoint_id;
    let lists = DescribePrefixListsRequest {
        filters: vec![filter("prefix-list-name", S3)],
        ..Default::default()
    };
    let lists = world
        .ok::<DescribePrefixListsResponse>(&me, lists)
        .prefix_lists;
    let list = Some(lists.items[0].prefix_list_id.clone());
    let delete = DeleteRouteRequest {
        route_table_id: main.clone(),
        destination_prefix_list_id: list.clone(),
        ..Default::default()
    };
    let (code, message) = world.refused(&me, delete);
    assert_eq!(code, "InvalidParameterValue");
    assert!(message.contains("VPC endpoint route"), "{message}");
    let by_hand = CreateRouteRequest {
        route_table_id: main.clone(),
        destination_cidr_block: Some("0.0.0.0/0".to_owned()),
        gateway_id: Some(id),
        ..Default::default()
    };
    assert_eq!(world.code(&me, by_hand), "RouteNotSupported");
    let other = world.vpc(&me, "10.1.0.0/16");
    let peering = world.peering((&me, &vpc), (&me, &other), true);
    let replace = ReplaceRouteRequest {
        route_table_id: main,
        destination_prefix_list_id: list,
        vpc_peering_connection_id: Some(peering),
        ..Default::default()
    };
    assert_eq!(world.code(&me, replace), "InvalidParameterValue");
}
