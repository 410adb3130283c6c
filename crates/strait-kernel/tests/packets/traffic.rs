//! What passes by a router, as the kernel counts it.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use crate::world::{PATIENCE, World, connect, everything, ip, listen};
use crate::{Ground, Named};

pub(crate) const TRIALS: &[Named] = &[(
    "bytes_and_open_connections_are_counted_where_they_pass",
    counts,
)];

fn counts(ground: &Ground) {
    const BYTES: usize = 1 << 20;
    let kernel = &ground.kernel;
    let mut world = World::default();
    for (vpc, range) in [("a", "10.1.0.0/16"), ("b", "10.2.0.0/16")] {
        world.vpc(vpc, range);
    }
    world.group("a", "all", &[everything()]);
    for (host, address) in [("client", "10.1.0.10"), ("server", "10.1.0.11")] {
        world.instance("a", host, address, &["all"]);
    }
    let links = ["client", "server"].map(|host| link(&mut world, host));
    kernel.apply(&world.picture).expect("applied");
    let of = |router: &str| kernel.traffic(router).expect("counted");
    let before = of("a");
    assert_eq!(before.open.get(&ip("10.1.0.11")), None, "{before:?}");

    let listener = listen(kernel, "server", 5432);
    let mut client = connect(kernel, "client", "10.1.0.11", 5432).expect("let in");
    let (mut server, _) = listener.accept().expect("a connection");
    let sent = std::thread::spawn(move || {
        client.write_all(&vec![7; BYTES]).expect("sent");
        client
    });
    let mut received = vec![0; BYTES];
    server.read_exact(&mut received).expect("received");
    let client = sent.join().expect("sent");
    let after = of("a");
    assert_eq!(after.open.get(&ip("10.1.0.11")), Some(&1), "{after:?}");
    assert_eq!(after.open.get(&ip("10.1.0.10")), None, "{after:?}");
    let bytes = BYTES as u64;
    for (link, toward) in links.iter().zip([false, true]) {
        let (now, then) = (after.links[link], before.links[link]);
        let (received, sent) = (now.received - then.received, now.sent - then.sent);
        let (most, least) = if toward {
            (sent, received)
        } else {
            (received, sent)
        };
        assert!(
            (bytes..bytes * 5 / 4).contains(&most),
            "{link}: {now:?} after {then:?}"
        );
        assert!(least < bytes / 4, "{link}: {now:?} after {then:?}");
    }
    assert!(of("b").open.is_empty(), "another router counts its own");

    drop((client, server));
    let begun = Instant::now();
    while of("a").open.contains_key(&ip("10.1.0.11")) {
        assert!(begun.elapsed() < PATIENCE, "it goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
    kernel.traffic("nonesuch").expect_err("there is none");
}

/// The router's link to a host.
fn link(world: &mut World, host: &str) -> String {
    let all = &world.router("a").interfaces;
    let found = all.iter().find(|(_, interface)| interface.host == host);
    found.map(|(link, _)| link.clone()).expect("it has one")
}
