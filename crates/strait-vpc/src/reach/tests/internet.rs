use super::*;
use crate::reach::sample::Side;

const PUBLIC: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
const OTHER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);
const ENDPOINTS: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 80);

#[test]
fn an_instance_with_a_public_address_reaches_the_internet() {
    let sample = online();
    assert!(reach(&sample.network, &from_app(&sample, ENDPOINTS)).reached);
    let nobody = only_stop(&sample, &from_app(&sample, Ipv4Addr::new(203, 0, 113, 9)));
    assert!(nobody.what.contains("nothing has"), "{}", nobody.what);
    let outside = only_stop(&sample, &from_app(&sample, Ipv4Addr::new(8, 8, 8, 8)));
    assert_eq!(outside.place, "internet");
    assert!(outside.what.contains("no way to it"), "{}", outside.what);
}

#[test]
fn without_a_public_address_a_gateway_passes_nothing() {
    let mut sample = online();
    let app = sample.app.clone();
    let second = sample.instance(&app, "10.0.1.9");
    let step = only_stop(
        &sample,
        &Flow {
            from: Source::Interface(second.clone()),
            ..from_app(&sample, ENDPOINTS)
        },
    );
    assert_eq!(step.place, second.as_str());
    assert!(step.fix.expect("a fix").contains("associate-address"));
}

#[test]
fn a_gateway_that_is_detached_is_a_blackhole() {
    let mut sample = online();
    let gateway = sample.gateway(&sample.app.clone());
    let row = sample.network.internet_gateways.get_mut(&gateway);
    row.expect("the gateway").vpc = None;
    let step = only_stop(&sample, &from_app(&sample, ENDPOINTS));
    assert_eq!(step.place, sample.app.table.as_str());
    assert!(step.what.contains("blackhole"), "{}", step.what);
    assert!(step.fix.expect("a fix").contains("attach-internet-gateway"));
    let step = only_stop(&sample, &from_internet(PUBLIC));
    assert_eq!(step.place, sample.app.vpc.as_str());
}

#[test]
fn what_goes_to_a_gateway_endpoint_does_not_leave_by_the_internet_gateway() {
    let mut sample = online();
    assert!(reach(&sample.network, &from_app(&sample, OTHER)).reached);
    sample.list(1, &["203.0.113.0/30"]);
    let id = EndpointId::from_random(1);
    sample.route_list(
        &sample.app.table.clone(),
        PrefixListId::from_random(1),
        RouteTarget::GatewayEndpoint(id.clone()),
    );
    let step = only_stop(&sample, &from_app(&sample, OTHER));
    assert_eq!(step.place, sample.app.table.as_str());
    assert!(step.what.contains(id.as_str()), "{}", step.what);
    let drawn = crate::picture::picture(&sample.network);
    let tables = &drawn.routers[sample.app.vpc.as_str()].tables;
    let target = tables
        .values()
        .find_map(|routes| routes.get(&net("203.0.113.0/30")));
    assert_eq!(target, Some(&crate::picture::Target::Blackhole));
    assert!(reach(&sample.network, &from_app(&sample, ENDPOINTS)).reached);
}

#[test]
fn vpcs_with_one_range_meet_in_the_internet() {
    let mut sample = online();
    assert!(reach(&sample.network, &from_app(&sample, OTHER)).reached);
    let group = sample.service_vpc.group.clone();
    sample.revoke_all(&group, Direction::Ingress);
    sample.allow(&group, Direction::Ingress, tcp(5432), cidr("10.0.0.0/16"));
    let step = only_stop(&sample, &from_app(&sample, OTHER));
    assert_eq!(step.place, group.as_str());
    assert!(step.what.contains("from 203.0.113.1"), "{}", step.what);
    sample.allow(
        &group,
        Direction::Ingress,
        tcp(5432),
        cidr("203.0.113.1/32"),
    );
    assert!(reach(&sample.network, &from_app(&sample, OTHER)).reached);
}

#[test]
fn a_reference_means_nobody_past_a_gateway() {
    let mut sample = online();
    let app = sample.app.clone();
    let second = sample.instance(&app, "10.0.1.9");
    sample.make_public(&second, Ipv4Addr::new(203, 0, 113, 3));
    sample.revoke_all(&app.group, Direction::Ingress);
    let itself = RulePeer::Group {
        id: app.group.clone(),
        owner: app.owner.clone(),
        peering: None,
    };
    sample.allow(&app.group, Direction::Ingress, tcp(5432), itself);
    let flow = |to| Flow {
        from: Source::Interface(second.clone()),
        to,
        protocol: Protocol::Tcp(5432),
    };
    assert!(reach(&sample.network, &flow(Ipv4Addr::new(10, 0, 1, 4))).reached);
    let step = only_stop(&sample, &flow(PUBLIC));
    assert_eq!(step.place, app.group.as_str());
}

#[test]
fn acls_see_the_far_sides_public_address() {
    let mut sample = online();
    let deny = |direction, block| AclEntry {
        direction,
        number: 10,
        allow: false,
        traffic: Traffic::All,
        cidr: AclRange::V4(net(block)),
    };
    for (direction, block, passes) in [
        (Direction::Egress, "203.0.113.2/32", false),
        (Direction::Ingress, "203.0.113.2/32", false),
        (Direction::Egress, "10.0.0.0/16", true),
    ] {
        let acl = sample.app.acl.clone();
        let row = sample.network.network_acls.get_mut(&acl).expect("the ACL");
        row.entries.retain(|entry| entry.number != 10);
        row.entries.push(deny(direction, block));
        let verdict = reach(&sample.network, &from_app(&sample, OTHER));
        assert_eq!(verdict.reached, passes, "{direction:?} {block}");
    }
}

#[test]
fn answers_need_a_route_to_the_gateway() {
    let mut sample = online();
    assert!(reach(&sample.network, &from_internet(OTHER)).reached);
    let table = sample.service_vpc.table.clone();
    let row = sample.network.route_tables.get_mut(&table);
    row.expect("the table").routes.clear();
    for flow in [from_internet(OTHER), from_app(&sample, OTHER)] {
        let step = only_stop(&sample, &flow);
        assert_eq!(step.place, table.as_str());
        let fix = step.fix.expect("a fix");
        assert!(
            fix.contains("create-route") && fix.contains("igw-"),
            "{fix}"
        );
    }
    let peering = RouteTarget::Peering(sample.peering.clone());
    sample.route(&table, "203.0.113.0/24", peering);
    let gateway = sample.gateway(&sample.service_vpc.clone());
    sample.route(&table, "0.0.0.0/0", RouteTarget::InternetGateway(gateway));
    let step = only_stop(&sample, &from_app(&sample, OTHER));
    assert!(step.what.contains("are lost"), "{}", step.what);
    assert!(reach(&sample.network, &from_internet(OTHER)).reached);
}

#[test]
fn a_peer_cannot_use_anothers_gateway() {
    let mut sample = online();
    let table = sample.peering_vpc.table.clone();
    sample.route(
        &table,
        "0.0.0.0/0",
        RouteTarget::Peering(sample.peering.clone()),
    );
    let side = sample.peering_vpc.clone();
    let inside = sample.instance(&side, "10.1.0.9");
    sample.allow(
        &side.group,
        Direction::Egress,
        Traffic::All,
        cidr("0.0.0.0/0"),
    );
    let step = only_stop(
        &sample,
        &Flow {
            from: Source::Interface(inside),
            ..from_app(&sample, ENDPOINTS)
        },
    );
    assert_eq!(step.place, sample.peering.as_str());
}

#[test]
fn the_internet_reaches_public_addresses_only() {
    let mut sample = online();
    assert!(reach(&sample.network, &from_internet(PUBLIC)).reached);
    assert!(reach(&sample.network, &from_internet(ENDPOINTS)).reached);
    let step = only_stop(&sample, &from_internet(ENDPOINT));
    assert!(step.what.contains("not a public address"), "{}", step.what);
    let node = Ipv4Addr::new(198, 51, 100, 10);
    assert!(
        only_stop(&sample, &from_internet(node))
            .what
            .contains("nothing has the public address")
    );
    sample.make_public(&sample.node.clone(), node);
    assert!(reach(&sample.network, &from_internet(node)).reached);
    let other_port = Flow {
        protocol: Protocol::Tcp(22),
        ..from_internet(node)
    };
    assert_eq!(only_stop(&sample, &other_port).place, sample.balancer);
}

/// The app and the target have public addresses, gateways, routes and open groups.
fn online() -> Sample {
    let mut sample = story();
    let (app, service) = (sample.app.clone(), sample.service_vpc.clone());
    for side in [&app, &service] {
        go_online(&mut sample, side);
    }
    sample.make_public(&sample.app_interface.clone(), PUBLIC);
    sample.make_public(&sample.target_interface.clone(), OTHER);
    sample
}

fn go_online(sample: &mut Sample, side: &Side) {
    let gateway = sample.gateway(side);
    sample.route(
        &side.table,
        "0.0.0.0/0",
        RouteTarget::InternetGateway(gateway),
    );
    for direction in [Direction::Ingress, Direction::Egress] {
        sample.allow(&side.group, direction, Traffic::All, cidr("0.0.0.0/0"));
    }
}

fn from_app(sample: &Sample, to: Ipv4Addr) -> Flow {
    Flow { to, ..flow(sample) }
}

fn from_internet(to: Ipv4Addr) -> Flow {
    Flow {
        from: Source::Internet,
        to,
        protocol: Protocol::Tcp(5432),
    }
}
