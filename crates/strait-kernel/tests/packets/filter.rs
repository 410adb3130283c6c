//! Groups, ACLs, source checks, and what a router answers itself.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use strait_vpc::picture::{AclMatch, AclRule, IcmpBox, PortBox, References};

use crate::world::{
    World, connect, datagram_arrives, echo, everything, listen, open_acl, pings, reaches, tcp,
};
use crate::{Ground, Named};

pub(crate) const TRIALS: &[Named] = &[
    (
        "groups_filter_inside_one_subnet",
        groups_filter_inside_one_subnet,
    ),
    ("icmp_passes_by_type", icmp_passes_by_type),
    ("members_of_a_group_pass", members_of_a_group_pass),
    (
        "members_of_a_group_pass_across_a_peering",
        members_of_a_group_pass_across_a_peering,
    ),
    ("several_groups_add_up", several_groups_add_up),
    ("egress_rules_filter", egress_rules_filter),
    (
        "acls_filter_both_ways_and_not_inside_a_subnet",
        acls_filter_both_ways,
    ),
    ("forged_sources_are_dropped", forged_sources_are_dropped),
    (
        "the_router_answers_its_own_only",
        the_router_answers_its_own_only,
    ),
    (
        "thousands_of_rules_are_loaded",
        thousands_of_rules_are_loaded,
    ),
];

fn groups_filter_inside_one_subnet(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = World::default();
    world.vpc("vpc-1", "10.1.0.0/16");
    world.group("vpc-1", "sg-db", &[tcp("10.1.0.0/24", 5432)]);
    world.group("vpc-1", "sg-app", &[]);
    world.instance("vpc-1", "app", "10.1.0.10", &["sg-app"]);
    world.instance("vpc-1", "db", "10.1.0.11", &["sg-db"]);
    kernel.apply(&world.picture).expect("applied");
    let _open = (
        listen(kernel, "db", 5432),
        listen(kernel, "db", 5433),
        listen(kernel, "app", 5432),
    );
    assert!(
        reaches(kernel, "app", "10.1.0.11", 5432),
        "the rule lets it in"
    );
    assert!(
        !reaches(kernel, "app", "10.1.0.11", 5433),
        "no rule for this port"
    );
    assert!(
        !reaches(kernel, "db", "10.1.0.10", 5432),
        "no rule for this interface"
    );
    assert!(!pings(kernel, "app", "10.1.0.11"), "TCP only");
}

fn icmp_passes_by_type(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = World::default();
    world.vpc("vpc-1", "10.1.0.0/16");
    world
        .group("vpc-1", "sg-1", &[])
        .ingress
        .icmp
        .insert(echo());
    world
        .group("vpc-1", "sg-2", &[])
        .ingress
        .icmp
        .insert(IcmpBox {
            types: (0, 7),
            ..echo()
        });
    world.group("vpc-1", "sg-3", &[everything()]);
    for (host, address, group) in [
        ("a", "10.1.0.10", "sg-1"),
        ("b", "10.1.0.11", "sg-2"),
        ("c", "10.1.0.12", "sg-3"),
    ] {
        world.instance("vpc-1", host, address, &[group]);
    }
    kernel.apply(&world.picture).expect("applied");
    let _open = listen(kernel, "a", 5432);
    assert!(pings(kernel, "b", "10.1.0.10"), "type 8 is let in");
    assert!(!pings(kernel, "a", "10.1.0.11"), "types 0 to 7 only");
    assert!(pings(kernel, "a", "10.1.0.12"), "everything is let in");
    assert!(!reaches(kernel, "b", "10.1.0.10", 5432), "ICMP only");
}

fn members_of_a_group_pass(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = World::default();
    world.vpc("vpc-1", "10.1.0.0/16");
    let references = References {
        boxes: [tcp("0.0.0.0/0", 5432)].into(),
        icmp: [echo()].into(),
    };
    world
        .group("vpc-1", "sg-db", &[])
        .ingress
        .references
        .insert("sg-app".to_owned(), references);
    world.group("vpc-1", "sg-app", &[]);
    world.group("vpc-1", "sg-other", &[]);
    world.instance("vpc-1", "app", "10.1.0.10", &["sg-app"]);
    world.instance("vpc-1", "other", "10.1.0.12", &["sg-other"]);
    world.instance("vpc-1", "db", "10.1.0.11", &["sg-db"]);
    world.member("vpc-1", "sg-app", "e-app", "10.1.0.10");
    kernel.apply(&world.picture).expect("applied");
    let _open = (listen(kernel, "db", 5432), listen(kernel, "db", 5433));
    assert!(
        reaches(kernel, "app", "10.1.0.11", 5432) && pings(kernel, "app", "10.1.0.11"),
        "a member passes"
    );
    assert!(
        !reaches(kernel, "app", "10.1.0.11", 5433),
        "by the rule's ports only"
    );
    assert!(
        !reaches(kernel, "other", "10.1.0.11", 5432) && !pings(kernel, "other", "10.1.0.11"),
        "no member"
    );
}

fn members_of_a_group_pass_across_a_peering(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = World::default();
    world.vpc("vpc-1", "10.1.0.0/16");
    world.vpc("vpc-2", "10.2.0.0/16");
    world.peer("vpc-1", "vpc-2");
    world.routes("vpc-1", "vpc-2");
    let references = References {
        boxes: [everything()].into(),
        ..References::default()
    };
    world
        .group("vpc-2", "sg-db", &[])
        .ingress
        .references
        .insert("sg-app".to_owned(), references.clone());
    let app = world.group("vpc-1", "sg-app", &[]);
    app.egress.boxes.clear();
    app.egress.references.insert("sg-db".to_owned(), references);
    world.instance("vpc-1", "app", "10.1.0.10", &["sg-app"]);
    world.instance("vpc-1", "other", "10.1.0.12", &[]);
    world.instance("vpc-2", "db", "10.2.0.11", &["sg-db"]);
    world.instance("vpc-2", "open", "10.2.0.12", &[]);
    world.member("vpc-2", "sg-app", "p-vpc-1", "10.1.0.10");
    world.member("vpc-1", "sg-db", "p-vpc-2", "10.2.0.11");
    kernel.apply(&world.picture).expect("applied");
    let _open = (listen(kernel, "db", 5432), listen(kernel, "open", 5432));
    assert!(
        reaches(kernel, "app", "10.2.0.11", 5432),
        "a member on both sides"
    );
    assert!(
        !reaches(kernel, "other", "10.2.0.11", 5432),
        "no member of the source group"
    );
    assert!(
        reaches(kernel, "other", "10.2.0.12", 5432),
        "no groups, no filter"
    );
    assert!(
        !reaches(kernel, "app", "10.2.0.12", 5432),
        "no member of the group that it may send to"
    );
}

fn several_groups_add_up(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = World::default();
    world.vpc("vpc-1", "10.1.0.0/16");
    world.group(
        "vpc-1",
        "sg-1",
        &[
            tcp("0.0.0.0/0", 1001),
            PortBox {
                ports: (2000, 2999),
                ..tcp("10.1.0.10/32", 0)
            },
        ],
    );
    world.group("vpc-1", "sg-2", &[tcp("10.0.0.0/8", 1002)]);
    world.instance("vpc-1", "a", "10.1.0.10", &["sg-1"]);
    world.instance("vpc-1", "b", "10.1.0.11", &["sg-1", "sg-2"]);
    kernel.apply(&world.picture).expect("applied");
    let _open: Vec<TcpListener> = [1001, 1002, 2000, 2999, 3000]
        .map(|port| listen(kernel, "b", port))
        .into();
    let open = [1001, 1002, 2000, 2999, 3000].map(|port| reaches(kernel, "a", "10.1.0.11", port));
    assert_eq!(open, [true, true, true, true, false]);
}

fn egress_rules_filter(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = World::default();
    world.vpc("vpc-1", "10.1.0.0/16");
    world.group("vpc-1", "sg-1", &[]).egress.boxes = [tcp("10.1.0.11/32", 5432)].into();
    world.instance("vpc-1", "a", "10.1.0.10", &["sg-1"]);
    world.instance("vpc-1", "b", "10.1.0.11", &[]);
    world.instance("vpc-1", "c", "10.1.0.12", &[]);
    kernel.apply(&world.picture).expect("applied");
    let _open = (
        listen(kernel, "b", 5432),
        listen(kernel, "b", 80),
        listen(kernel, "c", 5432),
    );
    assert!(reaches(kernel, "a", "10.1.0.11", 5432));
    assert!(!reaches(kernel, "a", "10.1.0.11", 80), "another port");
    assert!(!reaches(kernel, "a", "10.1.0.12", 5432), "another address");
}

fn acls_filter_both_ways(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = World::default();
    world.vpc("vpc-1", "10.1.0.0/16");
    for (host, address) in [
        ("a", "10.1.0.10"),
        ("near", "10.1.0.11"),
        ("far", "10.1.1.10"),
    ] {
        world.instance("vpc-1", host, address, &[]);
    }
    let _open = |kernel| {
        [
            listen(kernel, "near", 22),
            listen(kernel, "far", 22),
            listen(kernel, "far", 80),
        ]
    };
    kernel.apply(&world.picture).expect("applied");
    let _open = _open(kernel);
    assert!(reaches(kernel, "a", "10.1.1.10", 22) && reaches(kernel, "a", "10.1.1.10", 80));

    let deny = AclRule {
        allow: false,
        matches: AclMatch::Ports(tcp("10.1.1.0/24", 22)),
    };
    let mut acl = open_acl();
    acl.egress.insert(0, deny);
    world
        .router("vpc-1")
        .acls
        .insert("closed".to_owned(), acl.clone());
    for host in ["a", "near"] {
        world.interface("vpc-1", host).acl = "closed".to_owned();
    }
    kernel.apply(&world.picture).expect("applied");
    assert!(
        !reaches(kernel, "a", "10.1.1.10", 22),
        "denied on the way out"
    );
    assert!(reaches(kernel, "a", "10.1.1.10", 80), "another port");
    assert!(
        reaches(kernel, "a", "10.1.0.11", 22),
        "inside a subnet no ACL is asked"
    );

    // Answers are asked for as well: an ACL remembers nothing.
    acl.egress.remove(0);
    acl.ingress.insert(
        0,
        AclRule {
            allow: false,
            matches: AclMatch::Ports(PortBox {
                ports: (1024, u16::MAX),
                ..tcp("0.0.0.0/0", 0)
            }),
        },
    );
    world.router("vpc-1").acls.insert("closed".to_owned(), acl);
    kernel.apply(&world.picture).expect("applied");
    assert!(
        !reaches(kernel, "a", "10.1.1.10", 80),
        "the answer is denied on the way in"
    );
    let icmp = AclRule {
        allow: false,
        matches: AclMatch::Icmp(IcmpBox {
            types: (0, 0),
            ..echo()
        }),
    };
    assert!(pings(kernel, "a", "10.1.1.10"));
    let mut acl = open_acl();
    acl.ingress.insert(0, icmp);
    world.router("vpc-1").acls.insert("closed".to_owned(), acl);
    kernel.apply(&world.picture).expect("applied");
    assert!(!pings(kernel, "a", "10.1.1.10"), "echo replies are denied");
}

fn forged_sources_are_dropped(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = World::default();
    world.vpc("vpc-1", "10.1.0.0/16");
    world.vpc("vpc-2", "10.2.0.0/16");
    world.peer("vpc-1", "vpc-2");
    world.routes("vpc-1", "vpc-2");
    world.instance("vpc-1", "a", "10.1.0.10", &[]);
    world.instance("vpc-1", "b", "10.1.0.11", &[]);
    world.instance("vpc-2", "c", "10.2.0.10", &[]);
    kernel.apply(&world.picture).expect("applied");
    let bind = |host| {
        kernel
            .inside(host, || UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 5000)))
            .expect("the host")
            .expect("a socket")
    };
    let (at_b, at_c) = (bind("b"), bind("c"));
    assert!(
        datagram_arrives(kernel, "a", "10.1.0.10", &at_b, "10.1.0.11"),
        "its own address"
    );
    assert!(
        !datagram_arrives(kernel, "a", "10.1.0.99", &at_b, "10.1.0.11"),
        "another address of the subnet"
    );
    world.interface("vpc-1", "a").source_check = false;
    kernel.apply(&world.picture).expect("applied");
    assert!(
        datagram_arrives(kernel, "a", "10.1.0.99", &at_b, "10.1.0.11"),
        "the check is off"
    );
    assert!(
        datagram_arrives(kernel, "a", "10.1.0.99", &at_c, "10.2.0.10"),
        "in the peer's range"
    );
    assert!(
        !datagram_arrives(kernel, "a", "10.7.0.1", &at_c, "10.2.0.10"),
        "not in the peer's range"
    );
}

fn the_router_answers_its_own_only(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = World::default();
    world.vpc("vpc-1", "10.1.0.0/16");
    world.vpc("vpc-2", "10.2.0.0/16");
    world.peer("vpc-1", "vpc-2");
    world.routes("vpc-1", "vpc-2");
    world.instance("vpc-1", "a", "10.1.0.10", &[]);
    world.instance("vpc-2", "c", "10.2.0.10", &[]);
    kernel.apply(&world.picture).expect("applied");
    let _resolver = (listen(kernel, "vpc-1", 53), listen(kernel, "vpc-1", 54));
    assert!(reaches(kernel, "a", "10.1.0.2", 53), "its resolver");
    assert!(!reaches(kernel, "a", "10.1.0.2", 54), "DNS only");
    assert!(
        !reaches(kernel, "a", "10.1.0.1", 53),
        "not at the router's address"
    );
    assert!(pings(kernel, "a", "10.1.0.1"), "its router");
    assert!(!reaches(kernel, "c", "10.1.0.2", 53), "never by a peering");
    assert!(!pings(kernel, "c", "10.1.0.1"), "never by a peering");
}

fn thousands_of_rules_are_loaded(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = World::default();
    world.vpc("vpc-1", "10.1.0.0/16");
    let boxes = |n: u32| PortBox {
        addresses: (Ipv4Addr::from(n * 4), Ipv4Addr::from(n * 4 + 2)),
        ..tcp("0.0.0.0/0", 5432)
    };
    let mut rules: Vec<_> = (1..=20_000).map(boxes).collect();
    rules.push(tcp("10.1.0.10/32", 5432));
    world.group("vpc-1", "sg-1", &rules);
    world.instance("vpc-1", "a", "10.1.0.10", &[]);
    world.instance("vpc-1", "b", "10.1.0.11", &["sg-1"]);
    kernel.apply(&world.picture).expect("applied");
    let _open = listen(kernel, "b", 5432);
    assert!(
        connect(kernel, "a", "10.1.0.11", 5432).is_ok(),
        "the last rule is there"
    );
}
