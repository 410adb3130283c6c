//! Route tables, peerings, and ranges that overlap.

use std::net::TcpListener;

use strait_vpc::picture::Target;

use crate::world::{World, connect, ip, listen, pings, reaches};
use crate::{Ground, Named};

pub(crate) const TRIALS: &[Named] = &[
    (
        "a_peering_needs_routes_on_both_sides",
        a_peering_needs_routes_on_both_sides,
    ),
    ("a_peering_carries_no_transit", a_peering_carries_no_transit),
    ("a_blackhole_wins_over_a_shorter_prefix", a_blackhole_wins),
    ("ranges_of_unpeered_routers_may_overlap", ranges_may_overlap),
    (
        "a_routers_own_ranges_go_before_its_tables",
        own_ranges_go_first,
    ),
    (
        "a_route_may_lead_to_an_interface",
        a_route_may_lead_to_an_interface,
    ),
];

fn a_peering_needs_routes_on_both_sides(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = World::default();
    world.vpc("vpc-1", "10.1.0.0/16");
    world.vpc("vpc-2", "10.2.0.0/16");
    world.instance("vpc-1", "a", "10.1.0.10", &[]);
    world.instance("vpc-2", "b", "10.2.0.10", &[]);
    world.peer("vpc-1", "vpc-2");
    kernel.apply(&world.picture).expect("applied");
    let _open = listen(kernel, "b", 5432);
    assert!(!reaches(kernel, "a", "10.2.0.10", 5432), "no routes");
    world.route("vpc-1", "10.2.0.0/16", Target::Peer("p-vpc-2".to_owned()));
    kernel.apply(&world.picture).expect("applied");
    assert!(!reaches(kernel, "a", "10.2.0.10", 5432), "no way back");
    world.route("vpc-2", "10.1.0.0/16", Target::Peer("p-vpc-1".to_owned()));
    kernel.apply(&world.picture).expect("applied");
    assert!(reaches(kernel, "a", "10.2.0.10", 5432) && pings(kernel, "b", "10.1.0.10"));
}

fn a_peering_carries_no_transit(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = World::default();
    for (number, host) in [(1, "a"), (2, "b"), (3, "c")] {
        world.vpc(&format!("vpc-{number}"), &format!("10.{number}.0.0/16"));
        world.instance(
            &format!("vpc-{number}"),
            host,
            &format!("10.{number}.0.10"),
            &[],
        );
    }
    world.peer("vpc-1", "vpc-2");
    world.peer("vpc-2", "vpc-3");
    world.routes("vpc-1", "vpc-2");
    world.routes("vpc-2", "vpc-3");
    world.route("vpc-1", "10.3.0.0/16", Target::Peer("p-vpc-2".to_owned()));
    world.route("vpc-3", "10.1.0.0/16", Target::Peer("p-vpc-2".to_owned()));
    // Let source checks not be what stops it.
    for (at, from) in [
        ("vpc-2", "p-vpc-1"),
        ("vpc-3", "p-vpc-2"),
        ("vpc-1", "p-vpc-2"),
    ] {
        let peer = world.router(at).peers.get_mut(from).expect("the peer");
        peer.sources = ["10.0.0.0/8".parse().expect("a range")].into();
    }
    kernel.apply(&world.picture).expect("applied");
    assert!(
        pings(kernel, "a", "10.2.0.10") && pings(kernel, "b", "10.3.0.10"),
        "neighbours reach each other"
    );
    assert!(
        !pings(kernel, "a", "10.3.0.10") && !pings(kernel, "c", "10.1.0.10"),
        "through the one between them they do not"
    );
}

fn a_blackhole_wins(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = World::default();
    world.vpc("vpc-1", "10.1.0.0/16");
    world.vpc("vpc-2", "10.2.0.0/16");
    world.instance("vpc-1", "a", "10.1.0.10", &[]);
    world.instance("vpc-2", "b", "10.2.0.10", &[]);
    world.instance("vpc-2", "c", "10.2.1.10", &[]);
    world.peer("vpc-1", "vpc-2");
    world.routes("vpc-1", "vpc-2");
    world.route("vpc-1", "10.2.1.0/24", Target::Blackhole);
    kernel.apply(&world.picture).expect("applied");
    assert!(pings(kernel, "a", "10.2.0.10"), "the shorter prefix");
    assert!(!pings(kernel, "a", "10.2.1.10"), "the blackhole");
    world.route("vpc-1", "10.2.1.0/24", Target::Peer("p-vpc-2".to_owned()));
    kernel.apply(&world.picture).expect("applied");
    assert!(pings(kernel, "a", "10.2.1.10"), "replaced");
}

fn ranges_may_overlap(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = World::default();
    for vpc in ["vpc-1", "vpc-2"] {
        world.vpc(vpc, "10.1.0.0/16");
        world.instance(vpc, &format!("{vpc}-a"), "10.1.0.10", &[]);
        world.instance(vpc, &format!("{vpc}-b"), "10.1.0.11", &[]);
    }
    kernel.apply(&world.picture).expect("applied");
    let listeners: [TcpListener; 2] = ["vpc-1-b", "vpc-2-b"].map(|host| listen(kernel, host, 5432));
    for (number, listener) in listeners.iter().enumerate() {
        let client = connect(kernel, &format!("vpc-{}-a", number + 1), "10.1.0.11", 5432)
            .expect("its own neighbour");
        let (_, from) = listener.accept().expect("a connection");
        assert_eq!(from, client.local_addr().expect("an address"));
    }
}

fn own_ranges_go_first(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = World::default();
    world.vpc("vpc-1", "10.1.0.0/16");
    world.vpc("vpc-2", "10.1.0.0/16");
    world.instance("vpc-1", "a", "10.1.0.10", &[]);
    world.instance("vpc-2", "b", "10.1.0.11", &[]);
    world.peer("vpc-1", "vpc-2");
    world.route("vpc-1", "10.1.0.0/24", Target::Peer("p-vpc-2".to_owned()));
    kernel.apply(&world.picture).expect("applied");
    let _open = listen(kernel, "b", 5432);
    assert!(
        !reaches(kernel, "a", "10.1.0.11", 5432),
        "10.1.0.11 is its own, and nobody has it"
    );
}

fn a_route_may_lead_to_an_interface(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = World::default();
    world.vpc("vpc-1", "10.1.0.0/16");
    world.instance("vpc-1", "a", "10.1.0.10", &[]);
    world.instance("vpc-1", "gateway", "10.1.0.11", &[]);
    world.interface("vpc-1", "gateway").source_check = false;
    world
        .picture
        .hosts
        .get_mut("gateway")
        .expect("the host")
        .addresses
        .insert(ip("192.0.2.1"));
    kernel.apply(&world.picture).expect("applied");
    assert!(!pings(kernel, "a", "192.0.2.1"), "no route");
    world.route(
        "vpc-1",
        "0.0.0.0/0",
        Target::Interface("e-gateway".to_owned()),
    );
    kernel.apply(&world.picture).expect("applied");
    assert!(pings(kernel, "a", "192.0.2.1"), "by the default route");
}
