use super::*;
use crate::id::PrefixListId;
use crate::reach::sample::{Sample, story};
use crate::state::Table;
use jiff::Timestamp;

const PUBLIC: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);

#[test]
fn everybody_is_answered_balancers_endpoints_and_public_addresses() {
    let sample = named();
    let names = names(&sample.network);
    let endpoint = format!("{}-abcdefgh", sample.endpoint);
    let base = format!("{}.us-east-1.vpce.amazonaws.com.", sample.service);
    let expected = [
        (
            "db-1.elb.us-east-1.amazonaws.com.".to_owned(),
            [10, 0, 1, 5],
        ),
        (
            "us-east-1a.db-1.elb.us-east-1.amazonaws.com.".to_owned(),
            [10, 0, 1, 5],
        ),
        (format!("{endpoint}.{base}"), [10, 1, 0, 4]),
        (format!("{endpoint}-us-east-1a.{base}"), [10, 1, 0, 4]),
    ];
    let expected =
        expected.map(|(name, address)| (domain(&name), BTreeSet::from([address.into()])));
    assert_eq!(names.addresses, BTreeMap::from(expected));
    let name = domain("ec2-198-51-100-10.compute-1.amazonaws.com");
    assert_eq!(names.hosts, BTreeMap::from([(PUBLIC, name)]));
    assert_eq!(names.public, [zone_id("Z1")]);
}

#[test]
fn an_internet_facing_balancer_has_public_addresses_and_a_pending_endpoint_no_names() {
    let mut sample = named();
    let node = sample.node.clone();
    sample.make_public(&node, Ipv4Addr::new(198, 51, 100, 20));
    let balancer = sample.network.load_balancers.get_mut(&sample.balancer);
    balancer.expect("a balancer").internet_facing = true;
    let endpoint = sample.network.endpoints.get_mut(&sample.endpoint);
    endpoint.expect("an endpoint").state = EndpointState::PendingAcceptance;
    let names = names(&sample.network);
    assert_eq!(names.addresses.len(), 2);
    for addresses in names.addresses.values() {
        assert_eq!(
            *addresses,
            BTreeSet::from([Ipv4Addr::new(198, 51, 100, 20)])
        );
    }
}

#[test]
fn a_vpc_is_answered_its_zones_its_instances_and_its_own_public_addresses() {
    let sample = named();
    let names = names(&sample.network);
    let app = &names.networks[sample.app.vpc.as_str()];
    assert_eq!(app.zones, [zone_id("Z2")]);
    assert_eq!(app.internal, Some(domain("ec2.internal")));
    assert_eq!(
        app.inside,
        BTreeMap::from([(PUBLIC, Ipv4Addr::new(10, 0, 1, 4))])
    );
    assert!(app.internet);
    let peer = &names.networks[sample.peering_vpc.vpc.as_str()];
    assert!(!peer.internet);
    assert!(peer.inside.is_empty(), "the app's side does not allow it");
}

#[test]
fn an_endpoints_private_name_is_a_zone_of_its_vpc() {
    let mut sample = named();
    let id = rules::endpoint_zone_id(&sample.endpoint);
    for (name, zone) in [("db.test", "db.test"), ("*.db.test", "db.test")] {
        let service = sample.network.endpoint_services.get_mut(&sample.service);
        service.expect("a service").private_dns = Some(proved(name));
        let names = names(&sample.network);
        let set = NamedRecords {
            name: domain(name),
            kind: RecordKind::A,
            says: Says::Data {
                ttl: PRIVATE_TTL,
                data: vec![RecordData::A(Ipv4Addr::new(10, 1, 0, 4))],
            },
        };
        let expected = ZoneNames {
            name: domain(zone),
            records: vec![set],
        };
        assert_eq!(names.zones.get(&id), Some(&expected), "{name}");
        let of = |vpc: &VpcId| &names.networks[vpc.as_str()].zones;
        let own = of(&sample.peering_vpc.vpc);
        assert_eq!(*own, std::slice::from_ref(&id), "{name}");
        assert!(!of(&sample.app.vpc).contains(&id), "{name}");
    }
    let endpoint = sample.network.endpoints.get_mut(&sample.endpoint);
    endpoint.expect("an endpoint").private_dns = false;
    let names = names(&sample.network);
    assert!(!names.zones.contains_key(&id));
    assert!(
        names.networks[sample.peering_vpc.vpc.as_str()]
            .zones
            .is_empty()
    );
}

#[test]
fn a_peer_is_answered_private_addresses_if_the_side_that_has_them_allows_it() {
    let mut sample = named();
    let peering = sample.network.peerings.get_mut(&sample.peering);
    let peering = peering.expect("a peering");
    peering.requester.allow_dns = true;
    let inside = |sample: &Sample| {
        names(&sample.network).networks[sample.peering_vpc.vpc.as_str()]
            .inside
            .clone()
    };
    assert!(inside(&sample).is_empty(), "that is the other side");
    let peering = sample.network.peerings.get_mut(&sample.peering);
    let peering = peering.expect("a peering");
    peering.accepter.allow_dns = true;
    assert_eq!(
        inside(&sample),
        BTreeMap::from([(PUBLIC, Ipv4Addr::new(10, 0, 1, 4))])
    );
    let peering = sample.network.peerings.get_mut(&sample.peering);
    peering.expect("a peering").state = PeeringState::Rejected;
    assert!(inside(&sample).is_empty());
}

#[test]
fn without_host_names_there_are_no_names_of_instances_and_no_private_zones() {
    let mut sample = named();
    let vpc = sample.network.vpcs.get_mut(&sample.app.vpc);
    vpc.expect("a VPC").dns_hostnames = false;
    let some = names(&sample.network);
    let app = &some.networks[sample.app.vpc.as_str()];
    let expected = NetworkNames {
        internet: true,
        ..NetworkNames::default()
    };
    assert_eq!(*app, expected);
    assert!(some.hosts.is_empty());
    let vpc = sample.network.vpcs.get_mut(&sample.app.vpc);
    vpc.expect("a VPC").dns_support = false;
    assert!(
        !names(&sample.network)
            .networks
            .contains_key(sample.app.vpc.as_str())
    );
}

#[test]
fn the_way_out_is_a_route_to_an_attached_gateway() {
    let mut sample = named();
    let gateway = sample.network.internet_gateways.keys().next().cloned();
    let gateway = gateway.expect("a gateway");
    let row = sample.network.internet_gateways.get_mut(&gateway);
    row.expect("a gateway").vpc = None;
    let app = |sample: &Sample| names(&sample.network).networks[sample.app.vpc.as_str()].internet;
    assert!(!app(&sample), "it is not attached");
    let mut sample = named();
    let table = sample.network.route_tables.get_mut(&sample.app.table);
    let routes = std::mem::take(&mut table.expect("a table").routes);
    assert!(!app(&sample), "there is no route");
    sample.list(1, &["203.0.113.0/24"]);
    let target = routes.values().find(|target| match target {
        RouteTarget::InternetGateway(_) => true,
        RouteTarget::Peering(_) | RouteTarget::Interface(_) | RouteTarget::GatewayEndpoint(_) => {
            false
        }
    });
    let target = target.expect("a way out").clone();
    let table = sample.app.table.clone();
    sample.route_list(&table, PrefixListId::from_random(1), target);
    assert!(app(&sample), "a route to a prefix list is one too");
}

#[test]
fn a_public_zone_below_another_is_found_by_its_servers() {
    let mut network = Network::default();
    let mut add = |id: &str, name: &str, made: i64, server: &str| {
        zone(&mut network, id, ZoneReach::Public);
        let row = network.hosted_zones.get_mut(&zone_id(id)).expect("a zone");
        row.name = domain(name);
        row.created_at = Timestamp::from_second(made).expect("a time");
        row.name_servers = vec![domain(server)];
    };
    add("Z1", "example.com", 2, "ns-1.test");
    add("Z2", "example.com", 1, "ns-2.test");
    add("Z3", "sub.example.com", 1, "ns-3.test");
    add("Z4", "sub.example.com", 2, "ns-4.test");
    add("Z5", "lost.example.com", 1, "ns-5.test");
    add("Z6", "x.cut.example.com", 1, "ns-6.test");
    add("Z7", "other.org", 1, "ns-7.test");
    add("Z8", "deep.sub.example.com", 1, "ns-8.test");
    let mut leave = |zone: &str, name: &str, server: &str| {
        let set = RecordSet {
            name: domain(name),
            kind: RecordKind::Ns,
            content: RecordContent::Values {
                ttl: 60,
                values: vec!["ns-0.test".to_owned(), server.to_owned()],
            },
        };
        let key = RecordKey::new(&zone_id(zone), &set.name, set.kind);
        network.records.insert(key, set);
    };
    // The second made of its name is another's; only what the first says counts.
    leave("Z1", "lost.example.com", "ns-5.test");
    leave("Z2", "sub.example.com", "ns-4.test.");
    leave("Z2", "cut.example.com", "ns-9.test");
    leave("Z2", "x.cut.example.com", "ns-6.test");
    leave("Z4", "deep.sub.example.com", "NS-8.test");
    let mut found = names(&network).public;
    found.sort();
    assert_eq!(found, ["Z2", "Z4", "Z7", "Z8"].map(zone_id));
    for (name, expected) in [
        ("www.example.com", Some("Z2")),
        ("example.com", Some("Z2")),
        ("www.sub.example.com", Some("Z4")),
        ("x.deep.sub.example.com", Some("Z8")),
        // Nobody leaves it to the zone of its name.
        ("www.lost.example.com", Some("Z2")),
        // Left to servers that no zone here is at.
        ("cut.example.com", None),
        ("www.cut.example.com", None),
        ("www.x.cut.example.com", None),
        ("org", None),
    ] {
        let zone = public::answering(&network, &domain(name));
        let zone = zone.map(|zone| zone.id.as_str());
        assert_eq!(zone, expected, "{name}");
    }
}

#[test]
fn texts_are_found_as_the_resolver_finds_them() {
    let mut network = Network::default();
    zone(&mut network, "Z1", ZoneReach::Public);
    zone(&mut network, "Z2", ZoneReach::Public);
    let other = network.hosted_zones.get_mut(&zone_id("Z2"));
    other.expect("a zone").name = domain("other.org");
    let mut put = |zone: &str, name: &str, kind, value: &str| {
        let values = vec![value.to_owned()];
        let set = RecordSet {
            name: domain(name),
            kind,
            content: RecordContent::Values { ttl: 60, values },
        };
        let key = RecordKey::new(&zone_id(zone), &set.name, kind);
        network.records.insert(key, set);
    };
    put("Z1", "a.example.com", RecordKind::Txt, r#""on" "e""#);
    put("Z1", "*.wild.example.com", RecordKind::Txt, r#""two""#);
    put("Z1", "x.there.wild.example.com", RecordKind::A, "192.0.2.1");
    put("Z1", "to.example.com", RecordKind::Cname, "far.other.org");
    put("Z2", "far.other.org", RecordKind::Txt, r#""three""#);
    put(
        "Z1",
        "loop.example.com",
        RecordKind::Cname,
        "loop.example.com",
    );
    put("Z1", "cut.example.com", RecordKind::Ns, "ns.test");
    put("Z1", "b.cut.example.com", RecordKind::Txt, r#""four""#);
    let set = RecordSet {
        name: domain("alias.example.com"),
        kind: RecordKind::Txt,
        content: RecordContent::Alias {
            zone: "Z1".to_owned(),
            name: domain("a.example.com"),
            evaluate_health: false,
        },
    };
    let key = RecordKey::new(&zone_id("Z1"), &set.name, set.kind);
    network.records.insert(key, set);
    for (name, expected) in [
        ("a.example.com", &["one"][..]),
        ("alias.example.com", &["one"]),
        ("any.wild.example.com", &["two"]),
        ("any.at.wild.example.com", &["two"]),
        ("there.wild.example.com", &[]),
        ("to.example.com", &["three"]),
        ("loop.example.com", &[]),
        ("b.cut.example.com", &[]),
        ("none.example.com", &[]),
        ("none.test", &[]),
    ] {
        assert_eq!(texts(&network, &domain(name)), expected, "{name}");
    }
}

#[test]
fn whatever_row_goes_or_comes_the_names_found_anew_are_all_of_them() {
    let mut sample = named();
    let peering = sample.network.peerings.get_mut(&sample.peering);
    peering.expect("a peering").accepter.allow_dns = true;
    let network = saved(sample.network);
    let mut rows = 0;
    macro_rules! visit {
        ($($table:ident),*) => {$(
            for (key, row) in network.$table.iter() {
                let mut less = network.clone();
                less.$table.remove(key);
                check(&network, &less, key);
                let less = saved(less);
                let mut more = less.clone();
                more.$table.insert(key.clone(), row.clone());
                check(&less, &more, key);
                rows += 1;
            }
        )*};
    }
    every_table!(visit);
    assert!(rows > 20, "{rows}");
}

#[test]
fn rows_that_change_are_found_anew() {
    type Change = fn(&mut Sample);
    let changes: [(&str, Change); 9] = [
        ("dns support", |sample| {
            let vpc = sample.network.vpcs.get_mut(&sample.app.vpc);
            vpc.expect("a VPC").dns_support = false;
        }),
        ("a public address", |sample| {
            let interface = sample.target_interface.clone();
            sample.make_public(&interface, Ipv4Addr::new(198, 51, 100, 30));
        }),
        ("a public address of a peer", |sample| {
            let interface = sample.app_interface.clone();
            sample.make_public(&interface, Ipv4Addr::new(198, 51, 100, 30));
        }),
        ("an option", |sample| {
            let peering = sample.network.peerings.get_mut(&sample.peering);
            peering.expect("a peering").accepter.allow_dns = false;
        }),
        ("routes", |sample| {
            let table = sample.network.route_tables.get_mut(&sample.app.table);
            table.expect("a table").routes.clear();
        }),
        ("an associated VPC", |sample| {
            let (zone, vpc) = (zone_id("Z2"), sample.service_vpc.vpc.clone());
            let zone = sample.network.hosted_zones.get_mut(&zone);
            zone.expect("a zone").reach = private(&vpc);
        }),
        ("an endpoint's state", |sample| {
            let endpoint = sample.network.endpoints.get_mut(&sample.endpoint);
            endpoint.expect("an endpoint").state = EndpointState::Rejected;
        }),
        ("an endpoint's address", |sample| {
            let endpoint = sample.network.endpoints.get(&sample.endpoint);
            let mut interfaces = endpoint.expect("an endpoint").interfaces.values();
            let id = interfaces.next().cloned();
            let interface = sample.network.interfaces.get_mut(&id.expect("one"));
            interface.expect("an interface").address = Ipv4Addr::new(10, 1, 0, 99);
        }),
        ("a private name", |sample| {
            let service = sample.network.endpoint_services.get_mut(&sample.service);
            service.expect("a service").private_dns = Some(proved("*.db.test"));
        }),
    ];
    for (what, change) in changes {
        let mut sample = named();
        let peering = sample.network.peerings.get_mut(&sample.peering);
        peering.expect("a peering").accepter.allow_dns = true;
        sample.network = saved(sample.network);
        let before = sample.network.clone();
        change(&mut sample);
        check(&before, &sample.network, &what);
        assert_ne!(names(&before), names(&sample.network), "{what}");
    }
}

#[test]
fn an_instance_more_says_nothing_new_and_a_group_is_not_looked_at() {
    let mut sample = named();
    sample.network = saved(sample.network);
    let before = sample.network.clone();
    sample.instance(&sample.app.clone(), "10.0.1.9");
    let mut all = names(&before);
    assert!(!renamed(&before, &sample.network).apply_to(&mut all));
    let mut after = before.clone();
    let group = after.security_groups.get_mut(&sample.app.group);
    group.expect("a group").tags.clear();
    assert!(renamed(&before, &after).is_empty());
}

fn check(before: &Network, after: &Network, what: &dyn std::fmt::Debug) {
    let mut all = names(before);
    let old = all.clone();
    let different = renamed(before, after).apply_to(&mut all);
    assert_eq!(all, names(after), "{what:?}");
    assert_eq!(different, old != all, "{what:?}");
}

fn saved(mut network: Network) -> Network {
    macro_rules! visit {
        ($($table:ident),*) => {$(Table::take_changed(&mut network.$table);)*};
    }
    every_table!(visit);
    network
}

/// The story with names: the app has a public address and a way out, and a private zone; there is a public zone; the
/// endpoint has a private name.
fn named() -> Sample {
    let mut sample = story();
    for side in [&sample.app, &sample.peering_vpc, &sample.service_vpc] {
        let vpc = sample.network.vpcs.get_mut(&side.vpc);
        vpc.expect("a VPC").dns_hostnames = true;
    }
    let (app, interface) = (sample.app.clone(), sample.app_interface.clone());
    sample.make_public(&interface, PUBLIC);
    let gateway = sample.gateway(&app);
    sample.route(
        &app.table,
        "0.0.0.0/0",
        RouteTarget::InternetGateway(gateway),
    );
    zone(&mut sample.network, "Z1", ZoneReach::Public);
    zone(&mut sample.network, "Z2", private(&app.vpc));
    let endpoint = sample.network.endpoints.get_mut(&sample.endpoint);
    endpoint.expect("an endpoint").private_dns = true;
    let service = sample.network.endpoint_services.get_mut(&sample.service);
    service.expect("a service").private_dns = Some(proved("db.test"));
    sample
}

/// A private name that is its service's for good.
fn proved(name: &str) -> PrivateDns {
    PrivateDns {
        name: name.to_owned(),
        record_name: "_record".to_owned(),
        record_value: "vpce:value".to_owned(),
        state: DnsNameState::Verified,
        proved: true,
    }
}

fn zone(network: &mut Network, id: &str, reach: ZoneReach) {
    let zone = HostedZone {
        id: zone_id(id),
        owner: "111122223333".parse().expect("an account"),
        name: domain("example.com"),
        caller_reference: id.to_owned(),
        comment: None,
        reach,
        name_servers: Vec::new(),
        created_at: Timestamp::UNIX_EPOCH,
        tags: Tags::new(),
    };
    let set = RecordSet {
        name: domain("www.example.com"),
        kind: RecordKind::A,
        content: RecordContent::Values {
            ttl: 60,
            values: vec!["10.9.9.9".to_owned()],
        },
    };
    let key = RecordKey::new(&zone.id, &set.name, set.kind);
    network.records.insert(key, set);
    network.hosted_zones.insert(zone.id.clone(), zone);
}

fn private(vpc: &VpcId) -> ZoneReach {
    let vpc = ZoneVpc {
        vpc: vpc.clone(),
        region: Region::new("us-east-1"),
    };
    ZoneReach::Private {
        vpcs: BTreeSet::from([vpc]),
        authorized: BTreeSet::new(),
    }
}

fn zone_id(text: &str) -> HostedZoneId {
    text.parse().expect("an id")
}

fn domain(text: &str) -> DomainName {
    text.parse().expect("a name")
}
