//! IPv6: no router carries it, whatever addresses somebody gives to his own machine.

use std::fs;
use std::net::{Ipv6Addr, SocketAddrV6, UdpSocket};
use std::path::Path;
use std::process::Command;

use strait_vpc::picture::Mac;

use crate::world::{PATIENCE, World, everything, listen, reaches};
use crate::{Ground, Named};

pub(crate) const TRIALS: &[Named] = &[(
    "ipv6_passes_no_router_even_where_everything_is_allowed",
    ipv6_passes_no_router,
)];

const APP: &str = "fd00::10";
const DB: &str = "fd00::11";

fn ipv6_passes_no_router(ground: &Ground) {
    // A kernel without IPv6 has no such packets.
    if !Path::new("/proc/sys/net/ipv6").exists() {
        return;
    }
    let kernel = &ground.kernel;
    let mut world = World::default();
    world.vpc("vpc-1", "10.1.0.0/16");
    world.group("vpc-1", "sg-1", &[everything()]);
    world.instance("vpc-1", "app", "10.1.0.10", &["sg-1"]);
    world.instance("vpc-1", "db", "10.1.0.11", &["sg-1"]);
    let (app, db) = (
        world.interface("vpc-1", "app").clone(),
        world.interface("vpc-1", "db").clone(),
    );
    kernel.apply(&world.picture).expect("applied");
    let _open = listen(kernel, "db", 5432);
    assert!(reaches(kernel, "app", "10.1.0.11", 5432), "IPv4 passes");

    let machine = |host: &str, own: &str, other: &str, router: Mac| {
        let commands = [
            format!("ip -6 address add {own}/128 dev eth0 nodad"),
            format!(
                "ip -6 neighbour add {other} lladdr {} dev eth0",
                written(router)
            ),
            format!("ip -6 route add {other}/128 dev eth0"),
        ];
        kernel
            .inside(host, || by_hand("eth0", &commands))
            .expect("the host");
    };
    machine("app", APP, DB, app.router_mac);
    machine("db", DB, APP, db.router_mac);
    let receiver = kernel
        .inside("db", || UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 5433)))
        .expect("the host")
        .expect("a receiver");
    receiver
        .set_read_timeout(Some(PATIENCE))
        .expect("a time-out");
    let arrives = || {
        let send = || {
            let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?;
            let to = SocketAddrV6::new(DB.parse().expect("an address"), 5433, 0, 0);
            socket.send_to(b"x", to)
        };
        kernel
            .inside("app", send)
            .expect("the host")
            .expect("it leaves the machine");
        receiver.recv_from(&mut [0; 1]).is_ok()
    };
    assert!(!arrives(), "the router drops it");

    // The probe itself is good: a router that is made to carry IPv6 by hand lets it through.
    let commands = [
        format!("ip -6 route add {DB}/128 dev e-db"),
        format!(
            "ip -6 neighbour add {DB} lladdr {} dev e-db",
            written(db.host_mac)
        ),
    ];
    kernel
        .inside("vpc-1", || {
            by_hand("e-app", &[]);
            by_hand("e-db", &commands);
            set("all/forwarding", "1");
        })
        .expect("the router");
    assert!(arrives(), "nothing but the router's own switch keeps it");
}

/// Switches IPv6 on for a link of the calling thread's namespace, then runs commands there.
fn by_hand(link: &str, commands: &[String]) {
    set(&format!("{link}/disable_ipv6"), "0");
    for command in commands {
        let mut words = command.split(' ');
        let status = Command::new(words.next().expect("a program"))
            .args(words)
            .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
            .status()
            .expect("it runs");
        assert!(status.success(), "{command}");
    }
}

fn set(setting: &str, value: &str) {
    fs::write(format!("/proc/sys/net/ipv6/conf/{setting}"), value).expect("the setting");
}

fn written(Mac(bytes): Mac) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(":")
}
