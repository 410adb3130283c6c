//! Wires between a load balancer's node and its targets, past their router.

use std::net::{IpAddr, SocketAddr, SocketAddrV4, UdpSocket};

use socket2::{Domain, Socket, Type};
use strait_kernel::Kernel;
use strait_vpc::picture::{Forward, HostKind, Listen, Mac, Picture, Transport, Wire, WireEnd};

use crate::world::{PATIENCE, World, connect, ip, listen, passes, pings, reaches};
use crate::{Ground, Named};

pub(crate) const TRIALS: &[Named] = &[
    ("a_wire_leads_past_the_router", leads_past_the_router),
    ("nothing_begins_at_the_far_end_of_a_wire", nothing_begins),
    ("nobody_answers_for_another_over_a_wire", nobody_forges),
    (
        "connections_go_on_when_a_wire_comes_and_drain_by_it",
        connections_go_on,
    ),
];

fn leads_past_the_router(ground: &Ground) {
    let kernel = &ground.kernel;
    kernel.apply(&picture(Way::Wire, SHUT)).expect("applied");
    let listener = listen(kernel, "db", 6432);
    let mut client = connect(kernel, "app", "10.1.0.30", 5432).expect("by the wire");
    let (mut server, from) = listener.accept().expect("a connection");
    assert_eq!(
        from.ip(),
        IpAddr::from(ip("10.1.0.30")),
        "the balancer's address"
    );
    assert!(passes(&mut client, &mut server) && passes(&mut server, &mut client));
    kernel.apply(&picture(Way::Router, SHUT)).expect("applied");
    assert!(
        !reaches(kernel, "app", "10.1.0.30", 5432),
        "the router lets nothing in"
    );
    kernel.apply(&picture(Way::Router, OPEN)).expect("applied");
    assert!(
        reaches(kernel, "app", "10.1.0.30", 5432),
        "unless its groups do"
    );
}

fn nothing_begins(ground: &Ground) {
    let kernel = &ground.kernel;
    kernel.apply(&picture(Way::Wire, SHUT)).expect("applied");
    let _open = (
        listen(kernel, "app", 6432),
        listen(kernel, "db", 6432),
        listen(kernel, "db-2", 6432),
    );
    for (to, port) in [
        ("10.1.0.30", 5432),
        ("10.1.0.30", 6432),
        ("10.1.0.10", 6432),
        ("10.1.0.12", 6432),
    ] {
        assert!(
            !reaches(kernel, "db", to, port),
            "{to}:{port} from a target"
        );
    }
    assert!(!pings(kernel, "db", "10.1.0.30"));
    assert!(
        reaches(kernel, "app", "10.1.0.30", 5432),
        "the way in is open all the while"
    );
}

fn nobody_forges(ground: &Ground) {
    let kernel = &ground.kernel;
    kernel.apply(&picture(Way::Wire, SHUT)).expect("applied");
    let client = socket(kernel, "app", "10.1.0.10", 0);
    let (forger, server) = (
        socket(kernel, "db", "10.1.0.12", 6432),
        socket(kernel, "db-2", "10.1.0.12", 6432),
    );
    client
        .send_to(b"ask", (ip("10.1.0.30"), 5433))
        .expect("sent");
    let (_, from) = server.recv_from(&mut [0; 8]).expect("it arrives");
    assert_eq!(from.ip(), IpAddr::from(ip("10.1.0.30")));
    forger.send_to(b"forged", from).expect("sent");
    assert!(
        client.recv_from(&mut [0; 8]).is_err(),
        "from another target"
    );
    server.send_to(b"answer", from).expect("sent");
    let (length, _) = client.recv_from(&mut [0; 8]).expect("the answer");
    assert_eq!(length, 6);
}

fn connections_go_on(ground: &Ground) {
    let kernel = &ground.kernel;
    kernel.apply(&picture(Way::Router, OPEN)).expect("applied");
    let listener = listen(kernel, "db", 6432);
    let mut client = connect(kernel, "app", "10.1.0.30", 5432).expect("by the router");
    let (mut server, _) = listener.accept().expect("a connection");
    kernel.apply(&picture(Way::Wire, OPEN)).expect("applied");
    assert!(passes(&mut client, &mut server) && passes(&mut server, &mut client));
    let mut draining = picture(Way::Wire, OPEN);
    let host = draining.hosts.get_mut("balancer").expect("the node");
    host.forwards.clear();
    kernel.apply(&draining).expect("applied");
    assert!(passes(&mut client, &mut server) && passes(&mut server, &mut client));
    assert!(!reaches(kernel, "app", "10.1.0.30", 5432), "no new ones");
}

/// How the node sends to its targets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Router,
    Wire,
}

/// What the groups of the targets let in.
type Inbound = &'static [&'static str];
const SHUT: Inbound = &[];
const OPEN: Inbound = &["10.1.0.0/16"];

/// app → balancer → db by TCP 5432, db-2 by UDP 5433. Targets begin nothing.
fn picture(way: Way, inbound: Inbound) -> Picture {
    let mut world = World::default();
    world.vpc("vpc-1", "10.1.0.0/16");
    let boxes: Vec<_> = inbound
        .iter()
        .map(|range| crate::world::tcp(range, 6432))
        .collect();
    world
        .group("vpc-1", "sg-targets", &boxes)
        .egress
        .boxes
        .clear();
    world.instance("vpc-1", "app", "10.1.0.10", &[]);
    world.host("vpc-1", "balancer", "10.1.0.30", &[], HostKind::Node);
    let mut picture = {
        world.instance("vpc-1", "db", "10.1.0.11", &["sg-targets"]);
        world.instance("vpc-1", "db-2", "10.1.0.12", &["sg-targets"]);
        world.picture
    };
    for (number, (name, address, transport, port)) in (1..).zip([
        ("db", "10.1.0.11", Transport::Tcp, 5432),
        ("db-2", "10.1.0.12", Transport::Udp, 5433),
    ]) {
        let link = match way {
            Way::Router => "eth0".to_owned(),
            Way::Wire => {
                let wire = wire(name, address, number);
                picture.wires.insert(name.to_owned(), wire.clone());
                wire.a.link
            }
        };
        let forward = Forward {
            to: SocketAddrV4::new(ip(address), 6432),
            link,
            from: ip("10.1.0.30"),
        };
        let listen = Listen {
            link: "eth0".to_owned(),
            transport,
            port,
        };
        let host = picture.hosts.get_mut("balancer").expect("the node");
        host.forwards.insert(listen, [forward].into());
    }
    picture
}

fn wire(target: &str, address: &str, number: u8) -> Wire {
    let end = |host: &str, link: &str, first, route: &str| WireEnd {
        host: host.to_owned(),
        link: link.to_owned(),
        address: None,
        mac: Mac([first, 4, 0, 0, 0, number]),
        routes: [ipnet::Ipv4Net::from(ip(route))].into(),
    };
    Wire {
        a: end("balancer", &format!("w{number}"), 0x02, address),
        b: end(target, "w30", 0x06, "10.1.0.30"),
    }
}

/// A socket with an address that need not be the host's.
fn socket(kernel: &Kernel, host: &str, address: &str, port: u16) -> UdpSocket {
    let bound = kernel.inside(host, || {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
        socket.set_ip_transparent_v4(true)?;
        socket.bind(&SocketAddr::from((ip(address), port)).into())?;
        Ok::<_, std::io::Error>(UdpSocket::from(socket))
    });
    let socket = bound.expect("the host").expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    socket
}
