//! Links, routes and filters.

use super::*;

#[test]
fn an_interface_is_linked_to_its_instance() {
    let sample = story();
    let picture = picture(&sample.network);
    let router = &picture.routers[sample.app.vpc.as_str()];
    let own = sample
        .network
        .interfaces
        .get(&sample.app_interface)
        .expect("the interface");
    let Holder::Instance { id, .. } = &own.holder else {
        panic!("held by an instance")
    };
    let interface = &router.interfaces[&format!("e{}", own.index)];
    assert_eq!(
        (interface.host.as_str(), interface.host_link.as_str()),
        (id.as_str(), "eth0")
    );
    assert_eq!(interface.address, Ipv4Addr::new(10, 0, 1, 4));
    assert_eq!(interface.subnet, net("10.0.1.0/24"));
    assert_ne!(interface.host_mac, interface.router_mac);
    assert_eq!(
        interface.groups,
        BTreeSet::from([sample.app.group.to_string()])
    );
    assert!(interface.source_check);
    assert!(router.tables.contains_key(&interface.table));
    assert!(router.acls.contains_key(&interface.acl));
    assert_eq!(picture.hosts[id.as_str()].kind, HostKind::Machine);
    assert_eq!(
        router.addresses,
        BTreeSet::from([Ipv4Addr::new(10, 0, 1, 1)])
    );
    assert_eq!(router.ranges, BTreeSet::from([net("10.0.0.0/16")]));
}

#[test]
fn resolvers_are_there_only_with_dns_support() {
    let mut sample = story();
    let vpc = sample.app.vpc.clone();
    let fixed = Ipv4Addr::new(169, 254, 169, 253);
    let wanted = BTreeSet::from([
        Ipv4Addr::new(10, 0, 0, 2),
        Ipv4Addr::new(10, 0, 1, 2),
        fixed,
    ]);
    assert_eq!(
        picture(&sample.network).routers[vpc.as_str()].resolvers,
        wanted
    );
    sample
        .network
        .vpcs
        .get_mut(&vpc)
        .expect("the VPC")
        .dns_support = false;
    assert!(
        picture(&sample.network).routers[vpc.as_str()]
            .resolvers
            .is_empty()
    );
}

#[test]
fn a_peering_links_two_routers_while_it_is_active() {
    let mut sample = story();
    let before = picture(&sample.network);
    let app = &before.routers[sample.app.vpc.as_str()];
    let (name, near) = app.peers.first_key_value().expect("a peer");
    let far = &before.routers[sample.peering_vpc.vpc.as_str()].peers[&near.link];
    assert_eq!(
        (near.router.as_str(), far.router.as_str()),
        (sample.peering_vpc.vpc.as_str(), sample.app.vpc.as_str())
    );
    assert_eq!((near.mac, near.remote_mac), (far.remote_mac, far.mac));
    assert_eq!(near.sources, BTreeSet::from([net("10.1.0.0/24")]));
    assert_eq!(table(app)[&net("10.1.0.0/24")], Target::Peer(name.clone()));

    sample
        .network
        .peerings
        .get_mut(&sample.peering)
        .expect("the peering")
        .state = PeeringState::PendingAcceptance;
    let after = picture(&sample.network);
    let app = &after.routers[sample.app.vpc.as_str()];
    assert!(app.peers.is_empty());
    assert_eq!(table(app)[&net("10.1.0.0/24")], Target::Blackhole);
}

#[test]
fn a_peering_has_no_link_to_a_vpc_without_interfaces() {
    let mut sample = story();
    sample.network.interfaces.remove(&sample.endpoint_interface);
    let picture = picture(&sample.network);
    assert!(
        !picture
            .routers
            .contains_key(sample.peering_vpc.vpc.as_str())
    );
    let app = &picture.routers[sample.app.vpc.as_str()];
    assert!(app.peers.is_empty());
    assert_eq!(table(app)[&net("10.1.0.0/24")], Target::Blackhole);
}

#[test]
fn routes_lead_to_interfaces_that_are_held_and_nowhere_else() {
    let mut sample = story();
    let side = sample.app.clone();
    let idle = sample.interface(
        &side,
        "10.0.1.9",
        BTreeSet::from([side.group.clone()]),
        Holder::None,
    );
    let gateway = InternetGatewayId::from_random(1);
    sample.route(
        &side.table,
        "192.0.2.0/24",
        RouteTarget::Interface(sample.app_interface.clone()),
    );
    sample.route(&side.table, "192.0.3.0/24", RouteTarget::Interface(idle));
    sample.route(
        &side.table,
        "0.0.0.0/0",
        RouteTarget::InternetGateway(gateway),
    );
    let picture = picture(&sample.network);
    let app = &picture.routers[side.vpc.as_str()];
    assert_eq!(app.interfaces.len(), 1);
    let name = app.interfaces.keys().next().expect("an interface").clone();
    assert_eq!(table(app)[&net("192.0.2.0/24")], Target::Interface(name));
    assert_eq!(table(app)[&net("192.0.3.0/24")], Target::Blackhole);
    assert_eq!(table(app)[&net("0.0.0.0/0")], Target::Blackhole);
}

#[test]
fn rules_of_a_group_become_disjoint_boxes() {
    let mut sample = story();
    let group = sample.app.group.clone();
    sample.allow(&group, Direction::Egress, tcp(5432), cidr("10.1.0.0/25"));
    sample.allow(
        &group,
        Direction::Ingress,
        Traffic::All,
        cidr("10.9.0.0/16"),
    );
    sample.allow(
        &group,
        Direction::Ingress,
        Traffic::Icmp(Some(8), None),
        cidr("0.0.0.0/0"),
    );
    let picture = picture(&sample.network);
    let compiled = &picture.routers[sample.app.vpc.as_str()].groups[group.as_str()];
    let block = net("10.1.0.0/24");
    let one = PortBox {
        addresses: (block.network(), block.broadcast()),
        protocols: (6, 6),
        ports: (5432, 5432),
    };
    assert_eq!(compiled.egress.boxes, BTreeSet::from([one]));
    assert!(compiled.egress.icmp.is_empty());
    let all = compiled.ingress.boxes.first().expect("a box");
    assert_eq!((all.protocols, all.ports), ((0, 255), (0, 65535)));
    let echo = compiled.ingress.icmp.first().expect("a box");
    assert_eq!((echo.types, echo.codes), ((8, 8), (0, 255)));
}

#[test]
fn a_prefix_list_in_a_rule_is_its_entries() {
    let mut sample = story();
    let app = sample.app.clone();
    sample.revoke_all(&app.group, Direction::Egress);
    let list = RulePeer::PrefixList(PrefixListId::from_random(7));
    sample.allow(&app.group, Direction::Egress, tcp(5432), list);
    let boxes = |sample: &Sample| {
        let compiled =
            &picture(&sample.network).routers[app.vpc.as_str()].groups[app.group.as_str()];
        let boxes = compiled.egress.boxes.iter();
        boxes.map(|of| of.addresses).collect::<Vec<_>>()
    };
    let range = |block: &str| (net(block).network(), net(block).broadcast());
    assert!(boxes(&sample).is_empty(), "a list that is not there");
    sample.list(7, &["10.1.0.0/16", "2001:db8::/32", "192.0.2.0/24"]);
    assert_eq!(
        boxes(&sample),
        [range("10.1.0.0/16"), range("192.0.2.0/24")]
    );
    sample.list(7, &["10.2.0.0/16"]);
    assert_eq!(boxes(&sample), [range("10.2.0.0/16")], "as it is now");
}

#[test]
fn a_route_to_a_prefix_list_is_one_to_each_entry_that_no_other_has() {
    let mut sample = story();
    let app = sample.app.clone();
    let peering = RouteTarget::Peering(sample.peering.clone());
    let nowhere = RouteTarget::Interface(InterfaceId::from_random(99));
    sample.list(
        1,
        &[
            "10.1.0.0/16",
            "10.2.0.0/16",
            "10.0.1.0/24",
            "169.254.171.0/24",
        ],
    );
    sample.list(2, &["10.2.0.0/16", "10.3.0.0/16"]);
    sample.route_list(&app.table, PrefixListId::from_random(1), nowhere.clone());
    sample.route_list(&app.table, PrefixListId::from_random(2), peering.clone());
    let table = sample.network.route_tables.get_mut(&app.table).expect("it");
    table.routes = BTreeMap::from([(net("10.1.0.0/16"), peering)]);
    let number = 1000 + table.index;
    let drawn = picture(&sample.network);
    let routes = &drawn.routers[app.vpc.as_str()].tables[&number];
    let link = drawn.routers[app.vpc.as_str()]
        .peers
        .keys()
        .next()
        .expect("a peer");
    let peer = Target::Peer(link.clone());
    assert_eq!(
        *routes,
        BTreeMap::from([
            (net("10.1.0.0/16"), peer.clone()),
            (net("10.2.0.0/16"), Target::Blackhole),
            (net("10.3.0.0/16"), peer),
        ]),
        "the table's own route first, then the lower list; nothing about the VPC's own range or the link-local one"
    );
}

#[test]
fn a_reference_names_members_by_their_link() {
    let mut sample = story();
    let (app, far) = (sample.app.clone(), sample.peering_vpc.clone());
    let peer = RulePeer::Group {
        id: app.group.clone(),
        owner: app.owner,
        peering: Some(sample.peering.clone()),
    };
    let own = RulePeer::Group {
        id: far.group.clone(),
        owner: far.owner.clone(),
        peering: None,
    };
    sample.allow(&far.group, Direction::Ingress, tcp(22), peer);
    sample.allow(&far.group, Direction::Ingress, tcp(23), own);
    let members = |sample: &Sample| {
        picture(&sample.network).routers[far.vpc.as_str()]
            .members
            .clone()
    };
    let link = |id: &InterfaceId| {
        format!(
            "e{}",
            sample
                .network
                .interfaces
                .get(id)
                .expect("an interface")
                .index
        )
    };
    let own_link = link(&sample.endpoint_interface);
    let peer_link = peering_link(
        sample
            .network
            .peerings
            .get(&sample.peering)
            .expect("the peering"),
    );
    let wanted = BTreeMap::from([
        (
            app.group.to_string(),
            BTreeSet::from([Member {
                link: peer_link,
                address: Ipv4Addr::new(10, 0, 1, 4),
            }]),
        ),
        (
            far.group.to_string(),
            BTreeSet::from([Member {
                link: own_link,
                address: Ipv4Addr::new(10, 1, 0, 4),
            }]),
        ),
    ]);
    assert_eq!(members(&sample), wanted);

    let ended = PeeringState::Deleted(far.owner.clone());
    sample
        .network
        .peerings
        .get_mut(&sample.peering)
        .expect("the peering")
        .state = ended;
    assert!(
        members(&sample)[app.group.as_str()].is_empty(),
        "a stale reference matches nobody"
    );
}

#[test]
fn acl_entries_keep_the_order_of_their_numbers() {
    let mut sample = story();
    let acl = sample
        .network
        .network_acls
        .get_mut(&sample.app.acl)
        .expect("the ACL");
    let mut deny = acl.entries[0].clone();
    (deny.number, deny.allow, deny.traffic) = (50, false, tcp(23));
    acl.entries.push(deny);
    let picture = picture(&sample.network);
    let compiled = &picture.routers[sample.app.vpc.as_str()].acls[sample.app.acl.as_str()];
    let numbers: Vec<bool> = compiled.ingress.iter().map(|rule| rule.allow).collect();
    assert_eq!(numbers, [false, true]);
    assert!(
        matches!(compiled.ingress[0].matches, AclMatch::Ports(ports) if ports.ports == (23, 23))
    );
    assert_eq!(compiled.egress.len(), 1);
}
