//! Endpoints and load balancers.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};

use socket2::{Domain, Socket, Type};
use strait_vpc::picture::{Forward, HostKind, Listen, Picture, Terms, Transport};

use crate::world::{PATIENCE, World, connect, everything, ip, listen, passes, pings, reaches, tcp};
use crate::{Ground, Named};

pub(crate) const TRIALS: &[Named] = &[
    (
        "an_endpoint_leads_to_a_target_that_sees_the_balancer",
        an_endpoint_leads_to_a_target,
    ),
    (
        "an_endpoint_may_have_its_targets_address",
        an_endpoint_has_its_targets_address,
    ),
    ("nothing_flows_back_through_a_node", nothing_flows_back),
    (
        "a_listener_refuses_new_connections_only",
        a_listener_refuses_new_connections_only,
    ),
    (
        "connections_from_one_way_are_reset_accepted_or_not",
        connections_from_one_way_are_reset,
    ),
    ("targets_take_turns", targets_take_turns),
    (
        "a_target_that_is_cut_off_loses_its_connections_only",
        a_target_is_cut_off,
    ),
    (
        "networks_with_the_same_addresses_are_kept_apart",
        networks_with_the_same_addresses_are_kept_apart,
    ),
    (
        "an_endpoint_moves_to_another_node",
        an_endpoint_moves_to_another_node,
    ),
    ("terms_are_kept", terms_are_kept),
    ("datagrams_go_through_a_node_too", datagrams_go_through),
    ("cutting_ends_what_is_open", cutting_ends_what_is_open),
    (
        "clients_are_told_apart_by_their_own_addresses",
        clients_are_told_apart,
    ),
];

fn an_endpoint_leads_to_a_target(ground: &Ground) {
    let kernel = &ground.kernel;
    kernel.apply(&chain()).expect("applied");
    let listener = listen(kernel, "db", 6432);
    let mut client = connect(kernel, "app", "10.1.0.20", 5432).expect("through the endpoint");
    let (mut server, from) = listener.accept().expect("a connection");
    assert_eq!(
        from.ip(),
        IpAddr::from(ip("10.1.0.30")),
        "the target sees the balancer"
    );
    assert!(passes(&mut client, &mut server) && passes(&mut server, &mut client));
    assert!(
        !reaches(kernel, "app", "10.1.0.20", 5433),
        "no such listener"
    );
    assert!(
        !pings(kernel, "app", "10.1.0.20"),
        "a node answers nothing itself"
    );
}

fn an_endpoint_has_its_targets_address(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = chained();
    enter_to(&mut world, "vpc-1", "10.1.0.11", "10.1.0.11:5432");
    kernel.apply(&world.picture).expect("applied");
    let listener = listen(kernel, "db-2", 5432);
    let mut client = connect(kernel, "app", "10.1.0.11", 5432).expect("through the endpoint");
    let (mut server, from) = listener.accept().expect("a connection");
    assert_eq!(from.ip(), IpAddr::from(ip("10.1.0.30")));
    assert!(passes(&mut client, &mut server) && passes(&mut server, &mut client));
}

fn nothing_flows_back(ground: &Ground) {
    let kernel = &ground.kernel;
    kernel.apply(&chain()).expect("applied");
    // Both sides have the same ranges, so the balancer's address is a machine's address on the other side.
    let _open = (
        listen(kernel, "app", 5432),
        listen(kernel, "app", 6432),
        listen(kernel, "db", 6432),
    );
    for (to, port) in [
        ("10.1.0.30", 5432),
        ("10.1.0.30", 6432),
        ("10.1.0.20", 5432),
    ] {
        assert!(
            !reaches(kernel, "db", to, port),
            "{to}:{port} from the target"
        );
    }
    assert!(
        reaches(kernel, "app", "10.1.0.20", 5432),
        "and the way in is open all the while"
    );
}

fn a_listener_refuses_new_connections_only(ground: &Ground) {
    let kernel = &ground.kernel;
    kernel.apply(&chain()).expect("applied");
    let listener = listen(kernel, "db", 6432);
    let mut client = connect(kernel, "app", "10.1.0.20", 5432).expect("through the endpoint");
    let (mut server, _) = listener.accept().expect("a connection");
    let listen = Listen {
        link: "v-vpc-1".to_owned(),
        transport: Transport::Tcp,
        port: 5432,
    };
    kernel.refuse("balancer", &listen, true).expect("refused");
    let refused = connect(kernel, "app", "10.1.0.20", 5432).expect_err("no new connections");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert!(
        passes(&mut client, &mut server) && passes(&mut server, &mut client),
        "the open one goes on"
    );
    assert!(
        kernel.apply(&chain()).expect("applied").is_empty(),
        "a picture does not change it"
    );
    assert!(!reaches(kernel, "app", "10.1.0.20", 5432));
    kernel
        .refuse("balancer", &listen, false)
        .expect("taken again");
    assert!(reaches(kernel, "app", "10.1.0.20", 5432));
    assert!(passes(&mut client, &mut server));
}

fn connections_from_one_way_are_reset(ground: &Ground) {
    let kernel = &ground.kernel;
    kernel.apply(&chain()).expect("applied");
    let listener = listen(kernel, "db", 6432);
    let mut accepted = connect(kernel, "app", "10.1.0.20", 5432).expect("through the endpoint");
    let (_server, _) = listener.accept().expect("a connection");
    let mut own = connect(kernel, "db", "127.0.0.1", 6432).expect("from the host itself");
    let (mut own_server, _) = listener.accept().expect("a connection");
    let mut waiting = connect(kernel, "app", "10.1.0.20", 5432).expect("through the endpoint");
    let balancer = BTreeSet::from([ip("10.1.0.30")]);
    let none = kernel.connections("db", 6433, &balancer).expect("listed");
    assert!(none.is_empty(), "of another port");

    let found = kernel.connections("db", 6432, &balancer).expect("listed");
    assert_eq!(found.len(), 2);
    kernel.reset("db", &found).expect("reset");

    for client in [&mut accepted, &mut waiting] {
        client.set_read_timeout(Some(PATIENCE)).expect("set");
        let told = client.read(&mut [0]).expect_err("its end");
        assert_eq!(told.kind(), ErrorKind::ConnectionReset);
    }
    assert!(passes(&mut own, &mut own_server) && passes(&mut own_server, &mut own));
    let left = kernel.connections("db", 6432, &balancer).expect("listed");
    assert!(left.is_empty());
    kernel
        .reset("db", &found)
        .expect("those that are gone are none");
}

fn clients_are_told_apart(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = chained();
    world.instance("vpc-1", "app-2", "10.1.0.12", &[]);
    kernel.apply(&world.picture).expect("applied");
    let target = SocketAddrV4::new(ip("10.1.0.10"), 6432);
    let none = kernel.forwarded("balancer", target).expect("looked at");
    assert!(none.is_empty(), "{none:?}");

    let listener = listen(kernel, "db", 6432);
    // The node's own, as a health check is: nobody's.
    let _check = connect(kernel, "balancer", "10.1.0.10", 6432).expect("from the node");
    let _check_server = listener.accept().expect("a connection");
    let mut open = Vec::new();
    for host in ["app", "app-2"] {
        let client = connect(kernel, host, "10.1.0.20", 5432).expect("through the endpoint");
        open.push((client, listener.accept().expect("a connection")));
    }
    let found = kernel.forwarded("balancer", target).expect("looked at");
    let mut clients: Vec<_> = found.iter().map(|one| one.client).collect();
    clients.sort();
    assert_eq!(clients, [ip("10.1.0.10"), ip("10.1.0.12")]);
    assert!(found.iter().all(|one| one.is_open), "{found:?}");
    for (_, (_, from)) in &open {
        assert!(
            found
                .iter()
                .any(|one| IpAddr::from(*one.from.ip()) == from.ip()
                    && one.from.port() == from.port()),
            "{from} as the target sees it: {found:?}"
        );
    }

    let doomed = ip("10.1.0.12");
    let cut = kernel.cut_clients("balancer", target, |client| client == doomed);
    assert_eq!(cut.expect("cut"), 1);
    let (second, first) = (open.pop(), open.pop());
    let (mut client, (mut server, _)) = first.expect("the first");
    assert!(passes(&mut client, &mut server) && passes(&mut server, &mut client));
    let (mut client, (mut server, _)) = second.expect("the second");
    assert!(!passes(&mut client, &mut server) && !passes(&mut server, &mut client));
    let left = kernel.forwarded("balancer", target).expect("looked at");
    assert_eq!(left.len(), 1, "{left:?}");
}

fn targets_take_turns(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut picture = chain();
    let forward = |address| Forward {
        to: SocketAddrV4::new(ip(address), 6432),
        link: "eth0".to_owned(),
        from: ip("10.1.0.30"),
    };
    let balancer = picture.hosts.get_mut("balancer").expect("the balancer");
    let targets = balancer.forwards.values_mut().next().expect("a listener");
    targets.insert(forward("10.1.0.11"));
    kernel.apply(&picture).expect("applied");
    let listeners = [listen(kernel, "db", 6432), listen(kernel, "db-2", 6432)];
    for _ in 0..4 {
        drop(connect(kernel, "app", "10.1.0.20", 5432).expect("through the endpoint"));
    }
    assert_eq!(listeners.each_ref().map(count), [2, 2]);
    picture
        .hosts
        .get_mut("balancer")
        .expect("the balancer")
        .forwards
        .values_mut()
        .for_each(std::collections::BTreeSet::clear);
    kernel.apply(&picture).expect("applied");
    let refused = connect(kernel, "app", "10.1.0.20", 5432).expect_err("no targets");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

fn cutting_ends_what_is_open(ground: &Ground) {
    let kernel = &ground.kernel;
    kernel.apply(&chain()).expect("applied");
    let listener = listen(kernel, "db", 6432);
    let mut client = connect(kernel, "app", "10.1.0.20", 5432).expect("through the endpoint");
    let (mut server, _) = listener.accept().expect("a connection");
    assert!(passes(&mut client, &mut server));
    kernel.cut("balancer", ip("10.1.0.10")).expect("cut");
    for end in [&mut client, &mut server] {
        end.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        end.write_all(b"x").expect("into the own buffer");
        let told = end.read(&mut [0]).expect_err("nothing more passes");
        assert_eq!(told.kind(), ErrorKind::ConnectionReset, "each end is told");
    }
    assert!(reaches(kernel, "app", "10.1.0.20", 5432), "new ones do");
}

fn a_target_is_cut_off(ground: &Ground) {
    let kernel = &ground.kernel;
    kernel.apply(&chain()).expect("applied");
    let listener = listen(kernel, "db", 6432);
    let mut client = connect(kernel, "app", "10.1.0.20", 5432).expect("through the endpoint");
    let (mut server, _) = listener.accept().expect("a connection");
    let cut = |target: &str| {
        let target = target.parse().expect("an address");
        kernel.cut_target("balancer", target).expect("cut");
    };
    cut("10.1.0.10:6433");
    cut("10.1.0.11:6432");
    assert!(passes(&mut client, &mut server), "those are others");
    cut("10.1.0.10:6432");
    assert!(!passes(&mut client, &mut server));
}

fn terms_are_kept(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut picture = chain();
    let listen_at = |link: &str| Listen {
        link: link.to_owned(),
        transport: Transport::Tcp,
        port: 5432,
    };
    let only = |low: &str, high: &str| Terms {
        sources: Some([(ip(low), ip(high))].into()),
        sticky: false,
    };
    let balancer = picture.hosts.get_mut("balancer").expect("the balancer");
    let terms = only("10.1.0.11", "10.1.0.99");
    balancer.terms.insert(listen_at("v-vpc-1"), terms);
    kernel.apply(&picture).expect("applied");
    let listeners = [listen(kernel, "db", 6432), listen(kernel, "db-2", 6432)];
    assert!(!reaches(kernel, "app", "10.1.0.20", 5432), "10.1.0.10");
    let balancer = picture.hosts.get_mut("balancer").expect("the balancer");
    let terms = Terms {
        sticky: true,
        ..only("10.1.0.1", "10.1.0.10")
    };
    balancer.terms.insert(listen_at("v-vpc-1"), terms);
    let targets = balancer.forwards.values_mut().next().expect("a listener");
    let first = targets.first().expect("a target").clone();
    targets.insert(Forward {
        to: SocketAddrV4::new(ip("10.1.0.11"), 6432),
        ..first
    });
    kernel.apply(&picture).expect("applied");
    for _ in 0..6 {
        drop(connect(kernel, "app", "10.1.0.20", 5432).expect("through the endpoint"));
    }
    let counts = listeners.each_ref().map(count);
    assert!(
        counts == [6, 0] || counts == [0, 6],
        "one client, one target: {counts:?}"
    );
}

fn datagrams_go_through(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut picture = chain();
    let host = picture.hosts.get_mut("balancer").expect("the node");
    let forwards = std::mem::take(&mut host.forwards);
    let datagrams = forwards.into_iter().map(|(listen, targets)| {
        let transport = Transport::Udp;
        (
            Listen {
                transport,
                ..listen
            },
            targets,
        )
    });
    host.forwards = datagrams.collect();
    let group = picture.routers.get_mut("vpc-1").expect("the router");
    let group = group.groups.get_mut("sg-endpoint").expect("the group");
    group.ingress.boxes = [everything()].into();
    kernel.apply(&picture).expect("applied");
    let socket = |host: &str, port| {
        let bound = kernel.inside(host, || UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)));
        let socket = bound.expect("the host").expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        socket
    };
    let (client, server) = (socket("app", 0), socket("db", 6432));
    client
        .send_to(b"ask", (ip("10.1.0.20"), 5432))
        .expect("sent");
    let mut text = [0; 8];
    let (length, from) = server.recv_from(&mut text).expect("it arrives");
    assert_eq!((length, from.ip()), (3, IpAddr::from(ip("10.1.0.30"))));
    server.send_to(b"answer", from).expect("sent");
    let (length, from) = client.recv_from(&mut text).expect("the answer");
    assert_eq!((length, from.ip()), (6, IpAddr::from(ip("10.1.0.20"))));
    assert!(
        !reaches(kernel, "app", "10.1.0.20", 5432),
        "no TCP by a listener of UDP"
    );
}

/// How many connections wait at a listener.
fn count(listener: &TcpListener) -> usize {
    listener.set_nonblocking(true).expect("not blocking");
    listener.incoming().take_while(Result::is_ok).count()
}

fn networks_with_the_same_addresses_are_kept_apart(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = chained();
    world.vpc("vpc-3", "10.1.0.0/16");
    world.group("vpc-3", "sg-endpoint", &[tcp("10.1.0.0/16", 5432)]);
    world.instance("vpc-3", "app-3", "10.1.0.10", &[]);
    // Its address is the node's own, and the target's, on the other side.
    world.instance("vpc-3", "twin", "10.1.0.30", &[]);
    enter(&mut world, "vpc-3", "10.1.0.20");
    kernel.apply(&world.picture).expect("applied");
    let listener = listen(kernel, "db", 6432);
    let mut open = Vec::new();
    for client in ["app", "app-3", "twin"] {
        // The same port from each: two of them are alike in everything but the network.
        let stream = kernel
            .inside(client, || from_port(40_000, "10.1.0.20", 5432))
            .expect("the host");
        let mut stream = stream.expect("through its own endpoint");
        let (mut server, _) = listener.accept().expect("a connection");
        assert!(passes(&mut stream, &mut server) && passes(&mut server, &mut stream));
        open.push((stream, server));
    }
    for (client, server) in &mut open {
        assert!(passes(client, server) && passes(server, client));
    }
    let listen = Listen {
        link: "v-vpc-3".to_owned(),
        transport: Transport::Tcp,
        port: 5432,
    };
    kernel.refuse("balancer", &listen, true).expect("refused");
    let refused = connect(kernel, "twin", "10.1.0.20", 5432).expect_err("no new connections");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert!(
        reaches(kernel, "app", "10.1.0.20", 5432),
        "the other network's endpoint takes them"
    );

    // The endpoint goes: its connections end, and the other network's go on.
    let removed = world.router("vpc-3").interfaces.remove("e-at-vpc-3");
    assert!(removed.is_some());
    let node = world.picture.hosts.get_mut("balancer").expect("the node");
    node.entrances.remove("v-vpc-3");
    node.forwards.retain(|listen, _| listen.link != "v-vpc-3");
    let changes = kernel.apply(&world.picture).expect("applied");
    assert!(changes.connections_cut >= 2, "{changes:?}");
    let [(app, at_app), (other, at_other), _] = &mut open[..] else {
        panic!("three connections");
    };
    assert!(passes(app, at_app) && passes(at_app, app));
    assert!(!passes(other, at_other) && !passes(at_other, other));
}

fn an_endpoint_moves_to_another_node(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = chained();
    world.host("vpc-2", "balancer-2", "10.1.0.31", &[], HostKind::Node);
    kernel.apply(&world.picture).expect("applied");
    let _open = listen(kernel, "db", 6432);
    assert!(reaches(kernel, "app", "10.1.0.20", 5432));
    let node = world.picture.hosts.get_mut("balancer").expect("the node");
    let (entrances, mut forwards) = (
        std::mem::take(&mut node.entrances),
        std::mem::take(&mut node.forwards),
    );
    for forward in forwards.values_mut() {
        *forward = forward
            .iter()
            .map(|to| Forward {
                from: ip("10.1.0.31"),
                ..to.clone()
            })
            .collect();
    }
    let other = world.picture.hosts.get_mut("balancer-2").expect("the node");
    (other.entrances, other.forwards) = (entrances, forwards);
    "balancer-2".clone_into(&mut world.interface("vpc-1", "at-vpc-1").host);
    kernel.apply(&world.picture).expect("applied");
    assert!(reaches(kernel, "app", "10.1.0.20", 5432));
    assert!(kernel.apply(&world.picture).expect("applied").is_empty());
}

fn from_port(port: u16, to: &str, to_port: u16) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port).into())?;
    socket.connect_timeout(&SocketAddrV4::new(ip(to), to_port).into(), PATIENCE)?;
    Ok(socket.into())
}

fn chain() -> Picture {
    chained().picture
}

/// app (vpc-1) → its endpoint, an entrance of the balancer (vpc-2) → db or db-2. Both routers have the same range.
fn chained() -> World {
    let mut world = World::default();
    world.vpc("vpc-1", "10.1.0.0/16");
    world.vpc("vpc-2", "10.1.0.0/16");
    world.group("vpc-1", "sg-endpoint", &[tcp("10.1.0.0/16", 5432)]);
    world.instance("vpc-1", "app", "10.1.0.10", &[]);
    world.host("vpc-2", "balancer", "10.1.0.30", &[], HostKind::Node);
    world.instance("vpc-2", "db", "10.1.0.10", &[]);
    world.instance("vpc-2", "db-2", "10.1.0.11", &[]);
    enter(&mut world, "vpc-1", "10.1.0.20");
    world
}

fn enter(world: &mut World, vpc: &str, address: &str) {
    enter_to(world, vpc, address, "10.1.0.10:6432");
}

fn enter_to(world: &mut World, vpc: &str, address: &str, target: &str) {
    world.entrance(vpc, "balancer", address, &["sg-endpoint"]);
    let forward = Forward {
        to: target.parse().expect("an address"),
        link: "eth0".to_owned(),
        from: ip("10.1.0.30"),
    };
    let listen = Listen {
        link: format!("v-{vpc}"),
        transport: Transport::Tcp,
        port: 5432,
    };
    let host = world.picture.hosts.get_mut("balancer").expect("the node");
    host.forwards.insert(listen, [forward].into());
}
