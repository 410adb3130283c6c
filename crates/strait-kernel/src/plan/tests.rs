use strait_vpc::picture::{Acl, Host, HostKind, Interface, Peer, Router, Target, Uplink, Wire};

use super::*;

type Change = fn(&mut Picture);

#[test]
fn every_table_ends_and_own_ranges_come_first() {
    let plan = plan(&sample(), &BTreeMap::new()).expect("a plan");
    let router = &plan.spaces[&Name::Router("vpc-1".to_owned())];
    let end = Route {
        table: 1000,
        destination: EVERYWHERE,
        metric: u32::MAX,
        hop: Hop::Unreachable,
    };
    assert!(router.routes.contains(&end));
    let range = Ipv4Net::new_assert(Ipv4Addr::new(10, 1, 0, 0), 16);
    let own = Route {
        table: LOCAL_TABLE,
        destination: range,
        metric: 0,
        hop: Hop::Unreachable,
    };
    assert!(router.routes.contains(&own));
    let rules: Vec<_> = router
        .rules
        .iter()
        .map(|rule| (rule.mark, rule.action))
        .collect();
    let expected = [
        (Some(1000), Action::Table(1000)),
        (None, Action::Unreachable),
    ];
    assert_eq!(rules, expected);
}

#[test]
fn a_gateway_is_between_its_router_and_the_internet() {
    let mut picture = sample();
    let internet = Host {
        kind: HostKind::Internet,
        ..Host::default()
    };
    let (private, public) = (Ipv4Addr::new(10, 1, 0, 10), Ipv4Addr::new(203, 0, 113, 1));
    let gateway = Host {
        kind: HostKind::Gateway,
        translations: BTreeMap::from([(private, public)]),
        ..Host::default()
    };
    picture.hosts.extend([
        ("internet".to_owned(), internet),
        ("igw-1".to_owned(), gateway),
    ]);
    router(&mut picture).uplink = Some(Uplink {
        host: "igw-1".to_owned(),
        mac: Mac([2, 0, 0, 0, 8, 1]),
        remote_mac: Mac([6, 0, 0, 0, 8, 1]),
        sources: BTreeSet::new(),
    });
    router(&mut picture)
        .tables
        .entry(1000)
        .or_default()
        .insert(EVERYWHERE, Target::Uplink);
    let end = |host: &str, address, routes, last| WireEnd {
        host: host.to_owned(),
        link: "g1".to_owned(),
        address,
        mac: Mac([2, 0, 0, 0, 9, last]),
        routes,
    };
    let client = Ipv4Addr::new(198, 51, 100, 1);
    let wire = Wire {
        a: end("internet", Some(client), BTreeSet::from([public.into()]), 1),
        b: end("igw-1", None, BTreeSet::from([EVERYWHERE]), 2),
    };
    picture.wires.insert("g1".to_owned(), wire);
    let plan = plan(&picture, &BTreeMap::new()).expect("a plan");
    let leaves_by = |space: &Name, destination: Ipv4Net, table| {
        let routes = plan.spaces[space].routes.iter();
        let found: Vec<_> = routes
            .filter(|route| route.destination == destination && route.table == table)
            .filter_map(|route| match &route.hop {
                Hop::Link { link, .. } => Some(link.clone()),
                Hop::Blackhole | Hop::Unreachable => None,
            })
            .collect();
        found.join(",")
    };
    let gateway = Name::Host("igw-1".to_owned());
    let router = Name::Router("vpc-1".to_owned());
    assert_eq!(leaves_by(&router, EVERYWHERE, 1000), UPLINK);
    assert_eq!(leaves_by(&gateway, EVERYWHERE, 254), "g1");
    assert_eq!(leaves_by(&gateway, private.into(), 254), DOWNLINK);
    assert_eq!(leaves_by(&gateway, client.into(), 254), "g1");
    let internet = Name::Host("internet".to_owned());
    assert_eq!(leaves_by(&internet, public.into(), 254), "g1");
    assert!(plan.spaces[&gateway].addresses.is_empty());
}

#[test]
fn contradictions_are_named() {
    let cases: [(&str, Change); 6] = [
        ("not in the picture", |picture| {
            picture.hosts.clear();
        }),
        ("without a gateway", |picture| {
            router(picture)
                .tables
                .entry(1000)
                .or_default()
                .insert(EVERYWHERE, Target::Uplink);
        }),
        ("p9", |picture| {
            let target = Target::Peer("p9".to_owned());
            let range = Ipv4Net::new_assert(Ipv4Addr::new(10, 9, 0, 0), 16);
            router(picture)
                .tables
                .entry(1000)
                .or_default()
                .insert(range, target);
        }),
        ("two other ends", |picture| {
            let mut twin = router(picture).interfaces["e1"].clone();
            twin.router_mac = Mac([6, 0, 0, 0, 0, 9]);
            router(picture).interfaces.insert("e2".to_owned(), twin);
        }),
        ("no name for a link", |picture| {
            let interface = router(picture).interfaces["e1"].clone();
            router(picture)
                .interfaces
                .insert("e 2".to_owned(), interface);
        }),
        ("is not in the picture", |picture| {
            let peer = Peer {
                router: "vpc-9".to_owned(),
                link: "p1".to_owned(),
                mac: Mac([2; 6]),
                remote_mac: Mac([6; 6]),
                sources: BTreeSet::new(),
            };
            router(picture).peers.insert("p1".to_owned(), peer);
        }),
    ];
    for (wanted, change) in cases {
        let mut picture = sample();
        change(&mut picture);
        let error = plan(&picture, &BTreeMap::new())
            .expect_err(wanted)
            .to_string();
        assert!(error.contains(wanted), "{wanted}: {error}");
    }
}

fn sample() -> Picture {
    let interface = Interface {
        host: "a".to_owned(),
        host_link: "eth0".to_owned(),
        address: Ipv4Addr::new(10, 1, 0, 10),
        host_mac: Mac([2, 0, 0, 0, 0, 1]),
        router_mac: Mac([6, 0, 0, 0, 0, 1]),
        subnet: Ipv4Net::new_assert(Ipv4Addr::new(10, 1, 0, 0), 24),
        table: 1000,
        groups: BTreeSet::new(),
        acl: "acl".to_owned(),
        source_check: true,
    };
    let router = Router {
        ranges: BTreeSet::from([Ipv4Net::new_assert(Ipv4Addr::new(10, 1, 0, 0), 16)]),
        interfaces: BTreeMap::from([("e1".to_owned(), interface)]),
        acls: BTreeMap::from([("acl".to_owned(), Acl::default())]),
        ..Router::default()
    };
    Picture {
        routers: BTreeMap::from([("vpc-1".to_owned(), router)]),
        hosts: BTreeMap::from([("a".to_owned(), Host::default())]),
        wires: BTreeMap::new(),
    }
}

fn router(picture: &mut Picture) -> &mut Router {
    picture.routers.get_mut("vpc-1").expect("the router")
}
