//! Route tables and routes.

use strait_vpc::Caller;
use strait_vpc::api::*;

use crate::world::*;

fn route(table: &str, destination: &str) -> CreateRouteRequest {
    CreateRouteRequest {
        route_table_id: table.to_owned(),
        destination_cidr_block: Some(destination.to_owned()),
        ..Default::default()
    }
}

fn over(table: &str, destination: &str, peering: &str) -> CreateRouteRequest {
    CreateRouteRequest {
        vpc_peering_connection_id: Some(peering.to_owned()),
        ..route(table, destination)
    }
}

fn delete(table: &str, destination: &str) -> DeleteRouteRequest {
    DeleteRouteRequest {
        route_table_id: table.to_owned(),
        destination_cidr_block: Some(destination.to_owned()),
        ..Default::default()
    }
}

fn routes(world: &mut World, me: &Caller, table: &str) -> Vec<(String, String)> {
    let request = DescribeRouteTablesRequest {
        route_table_ids: vec![table.to_owned()],
        ..Default::default()
    };
    let tables = world
        .ok::<DescribeRouteTablesResponse>(me, request)
        .route_tables
        .items;
    tables[0]
        .routes
        .items
        .iter()
        .map(|row| {
            let destination = row.destination_cidr_block.as_ref();
            let list = row.destination_prefix_list_id.as_ref();
            let destination = destination.or(list).expect("a destination");
            (destination.clone(), row.state.clone())
        })
        .collect()
}

fn texts(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

#[test]
fn a_route_over_a_peering_is_a_blackhole_until_and_after_it_is_active() {
    let (mut world, me, them) = (World::new(), customer(), provider());
    let (mine, theirs) = (
        world.vpc(&me, "10.0.0.0/16"),
        world.vpc(&them, "10.1.0.0/16"),
    );
    let table = world.main_table(&me, &mine);
    let peering = world.peering((&them, &theirs), (&me, &mine), false);
    world.ok::<CreateRouteResponse>(&me, over(&table, "10.1.0.7/16", &peering));
    let local = ("10.0.0.0/16", "active");
    assert_eq!(
        routes(&mut world, &me, &table),
        texts(&[local, ("10.1.0.0/16", "blackhole")])
    );
    world.ok::<AcceptVpcPeeringConnectionResponse>(&me, accept(&peering));
    assert_eq!(
        routes(&mut world, &me, &table),
        texts(&[local, ("10.1.0.0/16", "active")])
    );
    let gone = DeleteVpcPeeringConnectionRequest {
        vpc_peering_connection_id: peering.clone(),
        ..Default::default()
    };
    world.ok::<DeleteVpcPeeringConnectionResponse>(&them, gone);
    assert_eq!(
        routes(&mut world, &me, &table),
        texts(&[local, ("10.1.0.0/16", "blackhole")])
    );
    assert_eq!(
        world.code(&me, over(&table, "10.2.0.0/16", &peering)),
        "InvalidVpcPeeringConnectionID.NotFound"
    );
    world.wait(49);
    assert_eq!(
        routes(&mut world, &me, &table),
        texts(&[local, ("10.1.0.0/16", "blackhole")])
    );
    world.ok::<DeleteRouteResponse>(&me, delete(&table, "10.1.0.0/16"));
    assert_eq!(routes(&mut world, &me, &table), texts(&[local]));
}

#[test]
fn destinations_and_targets_are_checked() {
    let (mut world, me) = (World::new(), customer());
    let (vpc, other, third) = (
        world.vpc(&me, "10.0.0.0/16"),
        world.vpc(&me, "10.1.0.0/16"),
        world.vpc(&me, "10.2.0.0/16"),
    );
    let subnet = world.subnet(&me, &vpc, "10.0.1.0/24");
    let eni = world.instance(&me, &subnet).network_interfaces.items[0]
        .network_interface_id
        .clone();
    let (peering, foreign) = (
        world.peering((&me, &vpc), (&me, &other), true),
        world.peering((&me, &other), (&me, &third), true),
    );
    let table = world.main_table(&me, &vpc);
    world.ok::<CreateRouteResponse>(&me, over(&table, "10.1.0.0/16", &peering));
    let eni_route = |destination| CreateRouteRequest {
        network_interface_id: Some(eni.clone()),
        ..route(&table, destination)
    };
    let by_gateway = |id: &str| CreateRouteRequest {
        gateway_id: Some(id.to_owned()),
        ..route(&table, "0.0.0.0/0")
    };
    let cases = [
        (
            "the same again",
            over(&table, "10.1.0.0/16", &peering),
            "RouteAlreadyExists",
        ),
        (
            "the same with host bits",
            over(&table, "10.1.2.3/16", &peering),
            "RouteAlreadyExists",
        ),
        (
            "the local route",
            over(&table, "10.0.0.0/16", &peering),
            "RouteAlreadyExists",
        ),
        (
            "inside the local route",
            over(&table, "10.0.1.0/24", &peering),
            "InvalidParameterValue",
        ),
        (
            "AWS's own range",
            over(&table, "169.254.168.0/24", &peering),
            "InvalidParameterValue",
        ),
        (
            "no destination",
            CreateRouteRequest {
                destination_cidr_block: None,
                ..over(&table, "", &peering)
            },
            "MissingParameter",
        ),
        (
            "no CIDR",
            over(&table, "10.1.0.0", &peering),
            "InvalidParameterValue",
        ),
        (
            "no target",
            route(&table, "10.3.0.0/16"),
            "MissingParameter",
        ),
        (
            "two targets",
            CreateRouteRequest {
                network_interface_id: Some(eni.clone()),
                ..over(&table, "10.3.0.0/16", &peering)
            },
            "InvalidParameterCombination",
        ),
        (
            "another VPC's peering",
            over(&table, "10.3.0.0/16", &foreign),
            "InvalidParameterValue",
        ),
        (
            "no peering",
            over(&table, "10.3.0.0/16", "pcx-01234567"),
            "InvalidVpcPeeringConnectionID.NotFound",
        ),
        (
            "no peering id",
            over(&table, "10.3.0.0/16", "pcx-zz"),
            "InvalidVpcPeeringConnectionId.Malformed",
        ),
        ("local", by_gateway("local"), "InvalidGatewayID.NotFound"),
        (
            "no gateway",
            by_gateway("igw-01234567"),
            "InvalidGatewayID.NotFound",
        ),
        ("a VPN", by_gateway("vgw-01234567"), "UnsupportedOperation"),
        (
            "an endpoint",
            by_gateway("vpce-01234567"),
            "RouteNotSupported",
        ),
        (
            "part of a subnet by an interface",
            eni_route("10.0.1.0/25"),
            "InvalidParameterValue",
        ),
        (
            "a whole subnet by an interface",
            eni_route("10.0.1.0/24"),
            "ok",
        ),
        (
            "no table",
            over("rtb-01234567", "10.3.0.0/16", &peering),
            "InvalidRouteTableID.NotFound",
        ),
        (
            "no table id",
            over("rtb-", "10.3.0.0/16", &peering),
            "InvalidRouteTableId.Malformed",
        ),
    ];
    for (what, request, expected) in cases {
        assert_eq!(world.outcome(&me, request), expected, "{what}");
    }
    assert_eq!(
        world.code(&me, delete(&table, "10.0.0.0/16")),
        "InvalidParameterValue"
    );
    assert_eq!(
        world.code(&me, delete(&table, "10.7.0.0/16")),
        "InvalidRoute.NotFound"
    );
}

#[test]
fn a_gateway_leads_out_while_it_is_attached() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let table = world.main_table(&me, &vpc);
    let gateway =
        world.ok::<CreateInternetGatewayResponse>(&me, CreateInternetGatewayRequest::default());
    let id = gateway.internet_gateway.internet_gateway_id;
    let out = CreateRouteRequest {
        gateway_id: Some(id.clone()),
        ..route(&table, "0.0.0.0/0")
    };
    assert_eq!(world.code(&me, out.clone()), "InvalidParameterValue");
    let attach = AttachInternetGatewayRequest {
        internet_gateway_id: id.clone(),
        vpc_id: vpc.clone(),
        ..Default::default()
    };
    world.ok::<AttachInternetGatewayResponse>(&me, attach);
    world.ok::<CreateRouteResponse>(&me, out);
    assert_eq!(routes(&mut world, &me, &table)[1].1, "active");
    let detach = DetachInternetGatewayRequest {
        internet_gateway_id: id,
        vpc_id: vpc,
        ..Default::default()
    };
    world.ok::<DetachInternetGatewayResponse>(&me, detach);
    assert_eq!(routes(&mut world, &me, &table)[1].1, "blackhole");
}

#[test]
fn a_route_is_replaced_and_their_number_is_limited() {
    let (mut world, me) = (World::new(), customer());
    let (vpc, one, two) = (
        world.vpc(&me, "10.0.0.0/16"),
        world.vpc(&me, "10.1.0.0/16"),
        world.vpc(&me, "10.2.0.0/16"),
    );
    let (first, second) = (
        world.peering((&me, &vpc), (&me, &one), true),
        world.peering((&me, &vpc), (&me, &two), true),
    );
    let table = world.main_table(&me, &vpc);
    let replace = |destination: &str| ReplaceRouteRequest {
        route_table_id: table.clone(),
        destination_cidr_block: Some(destination.to_owned()),
        vpc_peering_connection_id: Some(second.clone()),
        ..Default::default()
    };
    assert_eq!(
        world.code(&me, replace("10.3.0.0/16")),
        "InvalidParameterValue"
    );
    world.ok::<CreateRouteResponse>(&me, over(&table, "10.3.0.0/16", &first));
    world.ok::<ReplaceRouteResponse>(&me, replace("10.3.0.0/16"));
    let request = DescribeRouteTablesRequest {
        filters: vec![filter("route.vpc-peering-connection-id", &second)],
        ..Default::default()
    };
    assert_eq!(
        world
            .ok::<DescribeRouteTablesResponse>(&me, request)
            .route_tables
            .items
            .len(),
        1
    );
    for third in 1..50 {
        assert_eq!(
            world.outcome(&me, over(&table, &format!("10.9.{third}.0/24"), &first)),
            "ok"
        );
    }
    assert_eq!(
        world.code(&me, over(&table, "10.10.0.0/24", &first)),
        "RouteLimitExceeded"
    );
}

#[test]
fn tables_are_associated_and_the_main_one_moves() {
    let (mut world, me) = (World::new(), customer());
    let (vpc, other) = (world.vpc(&me, "10.0.0.0/16"), world.vpc(&me, "10.1.0.0/16"));
    let subnet = world.subnet(&me, &vpc, "10.0.0.0/24");
    let main = world.main_table(&me, &vpc);
    let foreign = world.main_table(&me, &other);
    let create = CreateRouteTableRequest {
        vpc_id: vpc.clone(),
        client_token: Some("t".to_owned()),
        ..Default::default()
    };
    let table = world
        .ok::<CreateRouteTableResponse>(&me, create.clone())
        .route_table
        .route_table_id;
    assert_eq!(
        world
            .ok::<CreateRouteTableResponse>(&me, create.clone())
            .route_table
            .route_table_id,
        table
    );
    assert_eq!(
        world.code(
            &me,
            CreateRouteTableRequest {
                vpc_id: other,
                ..create
            }
        ),
        "IdempotentParameterMismatch"
    );
    let associate = |table: &str| AssociateRouteTableRequest {
        route_table_id: table.to_owned(),
        subnet_id: Some(subnet.clone()),
        ..Default::default()
    };
    assert_eq!(
        world.code(&me, associate(&foreign)),
        "InvalidParameterValue"
    );
    let association = world
        .ok::<AssociateRouteTableResponse>(&me, associate(&table))
        .association_id;
    assert_eq!(
        world
            .ok::<AssociateRouteTableResponse>(&me, associate(&table))
            .association_id,
        association
    );
    assert_eq!(
        world.code(&me, associate(&main)),
        "Resource.AlreadyAssociated"
    );
    let delete = |table: &str| DeleteRouteTableRequest {
        route_table_id: table.to_owned(),
        ..Default::default()
    };
    assert_eq!(world.code(&me, delete(&table)), "DependencyViolation");
    assert_eq!(world.code(&me, delete(&main)), "DependencyViolation");
    let leave = |id: &str| DisassociateRouteTableRequest {
        association_id: id.to_owned(),
        ..Default::default()
    };
    world.ok::<DisassociateRouteTableResponse>(&me, leave(&association));
    assert_eq!(
        world.code(&me, leave(&association)),
        "InvalidAssociationID.NotFound"
    );
    let request = DescribeRouteTablesRequest {
        route_table_ids: vec![main.clone()],
        ..Default::default()
    };
    let shown = world
        .ok::<DescribeRouteTablesResponse>(&me, request)
        .route_tables
        .items;
    let main_association = shown[0].associations.items[0]
        .route_table_association_id
        .clone();
    assert_eq!(
        world.code(&me, leave(&main_association)),
        "InvalidParameterValue"
    );
    let replace = ReplaceRouteTableAssociationRequest {
        association_id: main_association.clone(),
        route_table_id: table.clone(),
        ..Default::default()
    };
    let moved = world
        .ok::<ReplaceRouteTableAssociationResponse>(&me, replace)
        .new_association_id;
    assert_ne!(moved, main_association);
    let again = ReplaceRouteTableAssociationRequest {
        association_id: moved.clone(),
        route_table_id: table.clone(),
        ..Default::default()
    };
    let again = world.ok::<ReplaceRouteTableAssociationResponse>(&me, again);
    assert_eq!(again.new_association_id, moved, "nothing to replace");
    assert_eq!(world.main_table(&me, &vpc), table);
    world.ok::<DeleteRouteTableResponse>(&me, delete(&main));
}
