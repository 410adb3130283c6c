//! Internet gateways: public addresses, both ways, and what must not pass.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddrV4, UdpSocket};

use strait_vpc::picture::{AclMatch, AclRule, HostKind, Target};

use crate::world::{
    PATIENCE, World, connect, datagram, datagram_arrives, everything, ip, listen, passes, pings,
    reaches, tcp,
};
use crate::{Ground, Named};

pub(crate) const TRIALS: &[Named] = &[
    (
        "a_public_address_leads_out_and_in",
        a_public_address_leads_out_and_in,
    ),
    (
        "without_a_public_address_nothing_passes",
        without_a_public_address,
    ),
    (
        "two_routers_with_one_range_talk_over_public_addresses",
        two_routers_talk,
    ),
    (
        "filters_see_the_far_sides_public_address",
        filters_see_public_addresses,
    ),
    (
        "icmp_errors_come_back_through_a_gateway",
        icmp_errors_come_back,
    ),
    (
        "a_gateway_that_goes_cuts_its_connections",
        a_gateway_that_goes,
    ),
    (
        "a_public_address_that_moves_cuts_its_connections",
        a_public_address_that_moves,
    ),
    (
        "a_peer_cannot_use_anothers_gateway",
        a_peer_cannot_use_a_gateway,
    ),
    ("forged_sources_pass_no_gateway", forged_sources),
    (
        "the_internet_reaches_no_private_address",
        no_private_address,
    ),
    (
        "a_gateway_answers_and_starts_nothing",
        a_gateway_answers_nothing,
    ),
];

const PUBLIC: &str = "203.0.113.1";

/// `a` has a public address, `b` has none.
fn one_vpc() -> World {
    vpc_with(&[("10.1.0.10", PUBLIC)])
}

fn vpc_with(translations: &[(&str, &str)]) -> World {
    let mut world = World::default();
    world.internet();
    world.vpc("vpc-1", "10.1.0.0/16");
    world.instance("vpc-1", "a", "10.1.0.10", &[]);
    world.instance("vpc-1", "b", "10.1.0.11", &[]);
    world.gateway("vpc-1", translations);
    world
}

fn a_public_address_leads_out_and_in(ground: &Ground) {
    let kernel = &ground.kernel;
    kernel.apply(&one_vpc().picture).expect("applied");
    let outside = listen(kernel, "internet", 443);
    let mut client = connect(kernel, "a", "198.51.100.80", 443).expect("out");
    let (mut server, from) = outside.accept().expect("a connection");
    assert_eq!(from.ip(), IpAddr::from(ip(PUBLIC)), "seen as public");
    assert!(passes(&mut client, &mut server) && passes(&mut server, &mut client));
    let inside = listen(kernel, "a", 80);
    let mut client = connect(kernel, "internet", PUBLIC, 80).expect("in");
    let (mut server, from) = inside.accept().expect("a connection");
    assert_eq!(from.ip(), IpAddr::from(ip("198.51.100.1")));
    assert_eq!(
        server.local_addr().expect("an address").ip(),
        IpAddr::from(ip("10.1.0.10")),
        "an instance knows its private address only"
    );
    assert!(passes(&mut client, &mut server) && passes(&mut server, &mut client));
    assert!(pings(kernel, "a", "198.51.100.80") && pings(kernel, "internet", PUBLIC));
}

fn without_a_public_address(ground: &Ground) {
    let kernel = &ground.kernel;
    kernel.apply(&one_vpc().picture).expect("applied");
    let _open = (listen(kernel, "internet", 443), listen(kernel, "b", 80));
    assert!(!reaches(kernel, "b", "198.51.100.80", 443), "out");
    assert!(!pings(kernel, "b", "198.51.100.80"));
    assert!(!reaches(kernel, "internet", "203.0.113.2", 80), "in");
    assert!(
        reaches(kernel, "a", "198.51.100.80", 443) && reaches(kernel, "a", "10.1.0.11", 80),
        "the neighbour reaches both"
    );
    let mut world = one_vpc();
    world.gateway(
        "vpc-1",
        &[("10.1.0.10", PUBLIC), ("10.1.0.11", "203.0.113.2")],
    );
    kernel.apply(&world.picture).expect("applied");
    assert!(reaches(kernel, "b", "198.51.100.80", 443), "with one");
    assert!(reaches(kernel, "internet", "203.0.113.2", 80));
    // The VPC has a gateway, the subnet no route to it: what comes in is not answered.
    world.route("vpc-1", "0.0.0.0/0", Target::Blackhole);
    kernel.apply(&world.picture).expect("applied");
    assert!(!reaches(kernel, "internet", "203.0.113.2", 80), "no route");
}

fn two_vpcs() -> World {
    let mut world = World::default();
    world.internet();
    for (vpc, public) in [("vpc-1", PUBLIC), ("vpc-2", "203.0.113.2")] {
        world.vpc(vpc, "10.1.0.0/16");
        world.instance(vpc, &format!("{vpc}-a"), "10.1.0.10", &[]);
        world.gateway(vpc, &[("10.1.0.10", public)]);
    }
    world
}

fn two_routers_talk(ground: &Ground) {
    let kernel = &ground.kernel;
    kernel.apply(&two_vpcs().picture).expect("applied");
    for (host, other, seen, to) in [
        ("vpc-1-a", "vpc-2-a", PUBLIC, "203.0.113.2"),
        ("vpc-2-a", "vpc-1-a", "203.0.113.2", PUBLIC),
    ] {
        let listener = listen(kernel, other, 5432);
        let mut client = connect(kernel, host, to, 5432).expect("through the internet");
        let (mut server, from) = listener.accept().expect("a connection");
        assert_eq!(from.ip(), IpAddr::from(ip(seen)));
        assert!(passes(&mut client, &mut server) && passes(&mut server, &mut client));
    }
    let own = listen(kernel, "vpc-1-a", 80);
    let _client = connect(kernel, "vpc-1-a", PUBLIC, 80).expect("its own public address");
    let (_, from) = own.accept().expect("a connection");
    assert_eq!(from.ip(), IpAddr::from(ip(PUBLIC)));
}

fn filters_see_public_addresses(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = two_vpcs();
    world.group("vpc-1", "sg", &[tcp("203.0.113.2/32", 5432)]);
    world
        .interface("vpc-1", "vpc-1-a")
        .groups
        .insert("sg".to_owned());
    kernel.apply(&world.picture).expect("applied");
    let _open = listen(kernel, "vpc-1-a", 5432);
    assert!(
        reaches(kernel, "vpc-2-a", PUBLIC, 5432),
        "by its public one"
    );
    assert!(!reaches(kernel, "internet", PUBLIC, 5432), "by another");
    world.group("vpc-1", "sg", &[tcp("10.1.0.0/16", 5432)]);
    kernel.apply(&world.picture).expect("applied");
    assert!(
        !reaches(kernel, "vpc-2-a", PUBLIC, 5432),
        "its private address is seen by nobody"
    );
    world.group("vpc-1", "sg", &[tcp("0.0.0.0/0", 5432)]);
    let entry = |allow, matches| AclRule {
        allow,
        matches: AclMatch::Ports(matches),
    };
    let acl = world.router("vpc-1").acls.get_mut("open").expect("the ACL");
    acl.ingress = vec![
        entry(false, tcp("203.0.113.2/32", 5432)),
        entry(true, everything()),
    ];
    kernel.apply(&world.picture).expect("applied");
    assert!(!reaches(kernel, "vpc-2-a", PUBLIC, 5432), "denied way in");
    assert!(reaches(kernel, "internet", PUBLIC, 5432), "others pass");
    let acl = world.router("vpc-1").acls.get_mut("open").expect("the ACL");
    let mut answers = everything();
    answers.addresses = (ip("198.51.100.1"), ip("198.51.100.1"));
    acl.ingress = vec![entry(true, everything())];
    acl.egress = vec![entry(false, answers), entry(true, everything())];
    kernel.apply(&world.picture).expect("applied");
    assert!(!reaches(kernel, "internet", PUBLIC, 5432), "denied answers");
    assert!(reaches(kernel, "vpc-2-a", PUBLIC, 5432), "others pass");
}

fn icmp_errors_come_back(ground: &Ground) {
    let kernel = &ground.kernel;
    kernel.apply(&one_vpc().picture).expect("applied");
    for (host, to) in [("a", "198.51.100.80"), ("internet", PUBLIC)] {
        let to = SocketAddrV4::new(ip(to), 9);
        let socket = kernel
            .inside(host, || UdpSocket::bind("0.0.0.0:0"))
            .expect("the host")
            .expect("a socket");
        socket.connect(to).expect("an address");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        socket.send(b"x").expect("a datagram");
        let error = socket.recv(&mut [0; 8]).expect_err("nobody listens");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "from {host}");
    }
}

fn a_gateway_that_goes(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = one_vpc();
    kernel.apply(&world.picture).expect("applied");
    let outside = listen(kernel, "internet", 443);
    let mut client = connect(kernel, "a", "198.51.100.80", 443).expect("out");
    let (mut server, _) = outside.accept().expect("a connection");
    assert!(passes(&mut client, &mut server));
    world.detach("vpc-1");
    let changes = kernel.apply(&world.picture).expect("applied");
    assert!(changes.connections_cut > 0, "{changes:?}");
    assert!(!reaches(kernel, "a", "198.51.100.80", 443), "a blackhole");
    world.gateway("vpc-1", &[("10.1.0.10", PUBLIC)]);
    kernel.apply(&world.picture).expect("applied");
    assert!(reaches(kernel, "a", "198.51.100.80", 443), "attached again");
    assert!(
        !passes(&mut client, &mut server) && !passes(&mut server, &mut client),
        "what was open stays cut"
    );
}

fn a_public_address_that_moves(ground: &Ground) {
    let kernel = &ground.kernel;
    let before = vpc_with(&[("10.1.0.10", PUBLIC), ("10.1.0.11", "203.0.113.2")]);
    kernel.apply(&before.picture).expect("applied");
    let outside = listen(kernel, "internet", 443);
    let mut moved = connect(kernel, "a", "198.51.100.80", 443).expect("out");
    let (mut moved_far, _) = outside.accept().expect("a connection");
    let mut kept = connect(kernel, "b", "198.51.100.80", 443).expect("out");
    let (mut kept_far, _) = outside.accept().expect("a connection");
    let inside = listen(kernel, "a", 80);
    let mut visitor = connect(kernel, "internet", PUBLIC, 80).expect("in");
    let (mut visited, _) = inside.accept().expect("a connection");
    let after = vpc_with(&[("10.1.0.10", "203.0.113.3"), ("10.1.0.11", "203.0.113.2")]);
    let changes = kernel.apply(&after.picture).expect("applied");
    assert_eq!(changes.connections_cut, 2, "{changes:?}");
    assert!(!passes(&mut moved, &mut moved_far) && !passes(&mut moved_far, &mut moved));
    assert!(!passes(&mut visitor, &mut visited) && !passes(&mut visited, &mut visitor));
    assert!(passes(&mut kept, &mut kept_far) && passes(&mut kept_far, &mut kept));
    assert!(!reaches(kernel, "internet", PUBLIC, 80), "the old one");
    assert!(
        reaches(kernel, "internet", "203.0.113.3", 80),
        "the new one"
    );
    let _client = connect(kernel, "a", "198.51.100.80", 443).expect("out");
    let (_, from) = outside.accept().expect("a connection");
    assert_eq!(from.ip(), IpAddr::from(ip("203.0.113.3")));
}

fn a_peer_cannot_use_a_gateway(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = one_vpc();
    world.vpc("vpc-2", "10.2.0.0/16");
    world.instance("vpc-2", "c", "10.2.0.10", &[]);
    world.peer("vpc-1", "vpc-2");
    world.routes("vpc-1", "vpc-2");
    world.route("vpc-2", "0.0.0.0/0", Target::Peer("p-vpc-1".to_owned()));
    // Let not the translation be what stops it.
    world.gateway(
        "vpc-1",
        &[("10.1.0.10", PUBLIC), ("10.2.0.10", "203.0.113.2")],
    );
    kernel.apply(&world.picture).expect("applied");
    let _open = (listen(kernel, "internet", 443), listen(kernel, "c", 80));
    assert!(pings(kernel, "c", "10.1.0.10"), "the peering is there");
    assert!(
        reaches(kernel, "a", "198.51.100.80", 443),
        "so is the gateway"
    );
    assert!(!reaches(kernel, "c", "198.51.100.80", 443), "not both");
    assert!(!reaches(kernel, "internet", "203.0.113.2", 80));
}

fn forged_sources(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = one_vpc();
    kernel.apply(&world.picture).expect("applied");
    let bind = |host: &str| {
        kernel
            .inside(host, || UdpSocket::bind("0.0.0.0:0"))
            .expect("the host")
            .expect("a socket")
    };
    let inside = bind("a");
    for source in ["10.1.0.11", "10.1.0.1", "192.168.7.7", "169.254.169.253"] {
        assert!(
            !datagram_arrives(kernel, "internet", source, &inside, PUBLIC),
            "{source} from the internet"
        );
    }
    for source in ["198.51.100.1", "203.0.113.77"] {
        assert!(
            datagram_arrives(kernel, "internet", source, &inside, PUBLIC),
            "{source} from the internet"
        );
    }
    // Past its router's check, an instance still sends as nobody but itself.
    world.interface("vpc-1", "a").source_check = false;
    kernel.apply(&world.picture).expect("applied");
    let outside = bind("internet");
    for source in ["10.1.0.11", "203.0.113.77", "198.51.100.53"] {
        let seen = datagram(kernel, "a", source, &outside, "198.51.100.80");
        assert_eq!(seen, None, "{source} from an instance");
    }
    let seen = datagram(kernel, "a", "10.1.0.10", &outside, "198.51.100.80");
    assert_eq!(seen, Some(IpAddr::from(ip(PUBLIC))));
}

fn no_private_address(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = one_vpc();
    // Whoever runs commands in the internet can add routes there.
    let wire = world.picture.wires.get_mut("igw-vpc-1").expect("the wire");
    wire.a
        .routes
        .insert("10.1.0.0/16".parse().expect("a range"));
    kernel.apply(&world.picture).expect("applied");
    let _open = (listen(kernel, "a", 80), listen(kernel, "b", 80));
    for private in ["10.1.0.10", "10.1.0.11"] {
        assert!(!reaches(kernel, "internet", private, 80), "{private}");
        assert!(!pings(kernel, "internet", private), "{private}");
    }
    for own in ["10.1.0.1", "10.1.0.2"] {
        assert!(!pings(kernel, "internet", own), "{own}, the router's");
    }
    assert!(reaches(kernel, "internet", PUBLIC, 80), "the way in");
    assert!(reaches(kernel, "a", "10.1.0.11", 80), "the neighbour");
    assert!(pings(kernel, "a", "10.1.0.1"), "the router");
}

fn a_gateway_answers_nothing(ground: &Ground) {
    let kernel = &ground.kernel;
    kernel.apply(&one_vpc().picture).expect("applied");
    let _open = listen(kernel, "internet", 443);
    assert!(!reaches(kernel, "igw-vpc-1", "198.51.100.80", 443));
    assert!(reaches(kernel, "a", "198.51.100.80", 443));
    let picture = one_vpc().picture;
    assert_eq!(picture.hosts["igw-vpc-1"].kind, HostKind::Gateway);
    assert!(kernel.apply(&picture).expect("applied").is_empty());
}
