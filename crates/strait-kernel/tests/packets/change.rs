//! From one picture to the next: only the difference, and what it cuts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpStream;

use strait_kernel::{Changes, Kernel};
use strait_vpc::picture::{
    Acl, AclMatch, AclRule, Host, IcmpBox, Member, Picture, PortBox, Redrawn, References, Router,
    Rules, Target,
};

use crate::world::{World, connect, listen, open_acl, passes, reaches, tcp};
use crate::{Ground, Named};

pub(crate) const TRIALS: &[Named] = &[
    (
        "a_second_apply_changes_nothing",
        a_second_apply_changes_nothing,
    ),
    (
        "a_new_server_adopts_what_is_there",
        a_new_server_adopts_what_is_there,
    ),
    (
        "what_was_meddled_with_is_mended",
        what_was_meddled_with_is_mended,
    ),
    (
        "a_removed_interface_cuts_its_connections",
        a_removed_interface_cuts_its_connections,
    ),
    (
        "a_removed_route_cuts_its_connections",
        a_removed_route_cuts_its_connections,
    ),
    (
        "a_removed_peering_cuts_its_connections",
        a_removed_peering_cuts_its_connections,
    ),
    ("a_removed_rule_cuts_nothing", a_removed_rule_cuts_nothing),
    (
        "edited_rules_are_as_if_loaded_whole",
        edited_rules_are_as_if_loaded_whole,
    ),
    ("a_change_makes_only_its_part", a_change_makes_only_its_part),
    (
        "a_contradiction_changes_nothing",
        a_contradiction_changes_nothing,
    ),
    (
        "an_empty_picture_leaves_nothing",
        an_empty_picture_leaves_nothing,
    ),
];

fn a_second_apply_changes_nothing(ground: &Ground) {
    let kernel = &ground.kernel;
    let picture = sample().picture;
    let made = kernel.apply(&picture).expect("applied");
    assert_eq!((made.spaces_made, made.pairs_made), (5, 4), "{made:?}");
    assert_eq!(kernel.apply(&picture).expect("applied"), Changes::default());
}

fn a_new_server_adopts_what_is_there(ground: &Ground) {
    let mut world = sample();
    ground.kernel.apply(&world.picture).expect("applied");
    let listener = listen(&ground.kernel, "b", 5432);
    let mut client = connect(&ground.kernel, "a", "10.2.0.10", 5432).expect("over the peering");
    let (mut server, _) = listener.accept().expect("a connection");

    let next = Kernel::open(&ground.run_dir).expect("another server");
    assert_eq!(
        next.apply(&world.picture).expect("applied"),
        Changes::default()
    );
    assert!(passes(&mut client, &mut server), "what was open goes on");

    world.router("vpc-1").interfaces.remove("e-other");
    world.picture.hosts.remove("other");
    let last = Kernel::open(&ground.run_dir).expect("another server");
    let changes = last.apply(&world.picture).expect("applied");
    assert_eq!(
        (changes.spaces_removed, changes.rulesets),
        (1, 1),
        "{changes:?}"
    );
    assert!(
        changes.spaces_made + changes.pairs_made + changes.links_set == 0,
        "{changes:?}"
    );
    assert!(last.inside("other", || ()).is_err(), "its host has gone");
    assert!(
        passes(&mut client, &mut server),
        "the others' connections go on"
    );
}

fn what_was_meddled_with_is_mended(ground: &Ground) {
    let world = sample();
    ground.kernel.apply(&world.picture).expect("applied");
    let _open = listen(&ground.kernel, "b", 5432);
    for command in [
        "ip link delete eth0",
        "ip address add 10.9.9.9/32 dev lo",
        "ip route flush table main",
    ] {
        for host in ["a", "b"] {
            ground
                .kernel
                .inside(host, || run(command))
                .expect("the host");
        }
    }
    assert!(!reaches(&ground.kernel, "a", "10.2.0.10", 5432));
    let next = Kernel::open(&ground.run_dir).expect("another server");
    let changes = next.apply(&world.picture).expect("applied");
    assert_eq!(
        (changes.pairs_made, changes.spaces_made, changes.rulesets),
        (2, 0, 0),
        "{changes:?}"
    );
    assert!(reaches(&next, "a", "10.2.0.10", 5432));
    assert_eq!(
        next.apply(&world.picture).expect("applied"),
        Changes::default()
    );
}

fn a_removed_interface_cuts_its_connections(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = sample();
    let (mut client, mut server) = open(kernel, &world.picture);
    let interface = world
        .router("vpc-2")
        .interfaces
        .remove("e-b")
        .expect("the interface");
    let changes = kernel.apply(&world.picture).expect("applied");
    assert!(changes.connections_cut > 0, "{changes:?}");
    assert!(!passes(&mut client, &mut server));
    // The very same interface again: what was open stays cut, what is new passes.
    world
        .router("vpc-2")
        .interfaces
        .insert("e-b".to_owned(), interface);
    kernel.apply(&world.picture).expect("applied");
    assert!(!passes(&mut client, &mut server) && !passes(&mut server, &mut client));
    assert!(reaches(kernel, "a", "10.2.0.10", 5433));
}

fn a_removed_route_cuts_its_connections(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = sample();
    let (mut client, mut server) = open(kernel, &world.picture);
    let (mut near, mut near_server) = open_to(kernel, "other", "10.1.0.11");
    let routes = world
        .router("vpc-1")
        .tables
        .insert(crate::world::TABLE, [].into())
        .expect("the table");
    let changes = kernel.apply(&world.picture).expect("applied");
    assert_eq!(changes.connections_cut, 1, "{changes:?}");
    assert!(!passes(&mut client, &mut server));
    assert!(
        passes(&mut near, &mut near_server),
        "inside the router's ranges nothing ended"
    );
    world
        .router("vpc-1")
        .tables
        .insert(crate::world::TABLE, routes);
    kernel.apply(&world.picture).expect("applied");
    assert!(
        !passes(&mut client, &mut server) && !passes(&mut server, &mut client),
        "it stays cut"
    );
    assert!(reaches(kernel, "a", "10.2.0.10", 5433));
}

fn a_removed_peering_cuts_its_connections(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = sample();
    let (mut client, mut server) = open(kernel, &world.picture);
    for (vpc, other, range) in [
        ("vpc-1", "vpc-2", "10.2.0.0/16"),
        ("vpc-2", "vpc-1", "10.1.0.0/16"),
    ] {
        world.router(vpc).peers.remove(&format!("p-{other}"));
        world.route(vpc, range, Target::Blackhole);
    }
    let changes = kernel.apply(&world.picture).expect("applied");
    assert_eq!(
        (changes.connections_cut, changes.links_deleted),
        (2, 2),
        "both routers: {changes:?}"
    );
    assert!(!passes(&mut client, &mut server));
}

fn a_removed_rule_cuts_nothing(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = sample();
    let (mut client, mut server) = open(kernel, &world.picture);
    world.group("vpc-2", "sg-b", &[]);
    let changes = kernel.apply(&world.picture).expect("applied");
    assert_eq!(
        changes,
        Changes {
            rulesets: 1,
            ..Changes::default()
        }
    );
    assert!(
        !reaches(kernel, "a", "10.2.0.10", 5432),
        "nothing new passes"
    );
    assert!(
        passes(&mut client, &mut server) && passes(&mut server, &mut client),
        "what is open goes on"
    );
    // An ACL asks every packet.
    world
        .router("vpc-2")
        .acls
        .insert("open".to_owned(), Acl::default());
    kernel.apply(&world.picture).expect("applied");
    assert!(!passes(&mut client, &mut server));
}

/// After each change, what was edited is compared with a router made at once as it should be now.
fn edited_rules_are_as_if_loaded_whole(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = World::default();
    world.vpc("vpc-2", "10.1.0.0/16");
    world.group("vpc-2", "sg-b", &[tcp("10.1.0.0/16", 5432)]);
    world.instance("vpc-2", "a", "10.1.0.11", &[]);
    world.instance("vpc-2", "b", "10.1.0.12", &["sg-b"]);
    kernel.apply(&world.picture).expect("applied");
    let range = |ports| PortBox {
        ports,
        ..tcp("10.1.0.0/16", 80)
    };
    let echo = IcmpBox {
        addresses: tcp("10.1.0.0/16", 80).addresses,
        types: (8, 8),
        codes: (0, 255),
    };
    let references = References {
        boxes: BTreeSet::from([tcp("0.0.0.0/0", 80)]),
        icmp: BTreeSet::new(),
    };
    let deny = AclRule {
        allow: false,
        matches: AclMatch::Ports(tcp("10.1.0.9/32", 5432)),
    };
    let steps: [&dyn Fn(&mut Router); 12] = [
        &|router| group(router).boxes = BTreeSet::from([range((80, 90))]),
        &|router| group(router).boxes = BTreeSet::from([range((80, 89)), tcp("10.1.0.10/32", 90)]),
        &|router| group(router).boxes.clear(),
        &|router| group(router).icmp = BTreeSet::from([echo]),
        &|router| {
            router.members.insert("sg-a".to_owned(), BTreeSet::new());
            let rules = group(router);
            rules
                .references
                .insert("sg-a".to_owned(), references.clone());
        },
        &|router| {
            let members = router.members.get_mut("sg-a").expect("the group");
            members.extend([member("e-b", "10.1.0.12"), member("p-vpc-1", "10.1.0.10")]);
        },
        &|router| {
            router
                .members
                .get_mut("sg-a")
                .expect("the group")
                .remove(&member("e-b", "10.1.0.12"));
        },
        &|router| router.interfaces.get_mut("e-b").expect("b").source_check = false,
        &|router| {
            router
                .acls
                .get_mut("open")
                .expect("the ACL")
                .ingress
                .insert(0, deny);
        },
        &|router| router.interfaces.get_mut("e-b").expect("b").groups.clear(),
        &|router| {
            router
                .interfaces
                .get_mut("e-b")
                .expect("b")
                .groups
                .insert("sg-b".to_owned());
            router.acls.insert("open".to_owned(), open_acl());
        },
        &|router| group(router).boxes = BTreeSet::from([tcp("10.1.0.0/16", 5432)]),
    ];
    for (number, step) in steps.into_iter().enumerate() {
        let router = world.router("vpc-2");
        step(router);
        let (router, twin) = (router.clone(), format!("twin-{number}"));
        let changes = change_router(kernel, "vpc-2", Some(router.clone()));
        assert!(
            changes.rulesets == 1 && changes.links_set == 0,
            "{number}: {changes:?}"
        );
        let hosts: BTreeMap<_, _> = router
            .interfaces
            .values()
            .map(|interface| (format!("{twin}-{}", interface.host), Some(Host::default())))
            .collect();
        let redrawn = Redrawn {
            routers: BTreeMap::from([(twin.clone(), Some(twin_of(router, &twin)))]),
            hosts,
            ..Redrawn::default()
        };
        kernel.change(redrawn).expect("a twin");
        assert_eq!(
            rules(kernel, "vpc-2"),
            rules(kernel, &twin),
            "step {number}"
        );
    }
    let _open = listen(kernel, "b", 5432);
    assert!(reaches(kernel, "a", "10.1.0.12", 5432));
}

fn a_change_makes_only_its_part(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = sample();
    kernel.apply(&world.picture).expect("applied");
    let (mut client, mut server) = open_to(kernel, "b", "10.2.0.10");
    world.instance("vpc-1", "new", "10.1.0.12", &[]);
    let redrawn = Redrawn {
        routers: part(&world.picture.routers, "vpc-1"),
        hosts: part(&world.picture.hosts, "new"),
        ..Redrawn::default()
    };
    let changes = kernel.change(redrawn).expect("changed");
    assert_eq!(
        (
            changes.spaces_made,
            changes.pairs_made,
            changes.spaces_removed
        ),
        (1, 1, 0),
        "{changes:?}"
    );
    let _open = listen(kernel, "b", 5433);
    assert!(reaches(kernel, "new", "10.2.0.10", 5433));
    world.router("vpc-1").interfaces.remove("e-new");
    world.picture.hosts.remove("new");
    let redrawn = Redrawn {
        routers: part(&world.picture.routers, "vpc-1"),
        hosts: BTreeMap::from([("new".to_owned(), None)]),
        ..Redrawn::default()
    };
    let changes = kernel.change(redrawn).expect("changed");
    assert_eq!(changes.spaces_removed, 1, "{changes:?}");
    assert!(passes(&mut client, &mut server));
    let next = Kernel::open(&ground.run_dir).expect("another server");
    assert_eq!(
        next.apply(&world.picture).expect("applied"),
        Changes::default(),
        "all is as if it had been made at once"
    );
}

fn a_contradiction_changes_nothing(ground: &Ground) {
    let kernel = &ground.kernel;
    let mut world = sample();
    kernel.apply(&world.picture).expect("applied");
    let good = world.picture.clone();
    world.route("vpc-1", "10.3.0.0/16", Target::Peer("p-nobody".to_owned()));
    world.router("vpc-1").interfaces.remove("e-a");
    let error = kernel.apply(&world.picture).expect_err("no such peer");
    assert!(error.to_string().contains("p-nobody"), "{error}");
    assert_eq!(kernel.apply(&good).expect("applied"), Changes::default());
}

fn an_empty_picture_leaves_nothing(ground: &Ground) {
    let kernel = &ground.kernel;
    kernel.apply(&sample().picture).expect("applied");
    let changes = kernel.apply(&Picture::default()).expect("applied");
    assert_eq!(changes.spaces_removed, 5, "{changes:?}");
    assert!(kernel.inside("vpc-1", || ()).is_err());
    assert_eq!(
        Kernel::open(&ground.run_dir)
            .expect("another server")
            .apply(&Picture::default())
            .expect("applied"),
        Changes::default()
    );
}

/// a and other in vpc-1, b in vpc-2, peered; b lets 5432 and 5433 in.
fn sample() -> World {
    let mut world = World::default();
    world.vpc("vpc-1", "10.1.0.0/16");
    world.vpc("vpc-2", "10.2.0.0/16");
    world.group(
        "vpc-2",
        "sg-b",
        &[tcp("10.1.0.0/16", 5432), tcp("10.1.0.0/16", 5433)],
    );
    world.instance("vpc-1", "a", "10.1.0.10", &[]);
    world.instance("vpc-1", "other", "10.1.0.11", &[]);
    world.instance("vpc-2", "b", "10.2.0.10", &["sg-b"]);
    world.peer("vpc-1", "vpc-2");
    world.routes("vpc-1", "vpc-2");
    world
}

/// An open connection from a to b; b listens at 5433 as well for as long as the connection is kept.
fn open(kernel: &Kernel, picture: &Picture) -> (TcpStream, TcpStream) {
    kernel.apply(picture).expect("applied");
    let ends = open_to(kernel, "b", "10.2.0.10");
    std::mem::forget(listen(kernel, "b", 5433));
    ends
}

fn open_to(kernel: &Kernel, host: &str, address: &str) -> (TcpStream, TcpStream) {
    let listener = listen(kernel, host, 5432);
    let mut client = connect(kernel, "a", address, 5432).expect("a connection");
    let (mut server, _) = listener.accept().expect("a connection");
    assert!(passes(&mut client, &mut server) && passes(&mut server, &mut client));
    (client, server)
}

fn group(router: &mut Router) -> &mut Rules {
    &mut router.groups.get_mut("sg-b").expect("the group").ingress
}

fn member(link: &str, address: &str) -> Member {
    Member {
        link: link.to_owned(),
        address: address.parse().expect("an address"),
    }
}

fn part<T: Clone>(all: &BTreeMap<String, T>, name: &str) -> BTreeMap<String, Option<T>> {
    BTreeMap::from([(name.to_owned(), all.get(name).cloned())])
}

fn change_router(kernel: &Kernel, name: &str, router: Option<Router>) -> Changes {
    let redrawn = Redrawn {
        routers: BTreeMap::from([(name.to_owned(), router)]),
        ..Redrawn::default()
    };
    kernel.change(redrawn).expect("changed")
}

/// The router with interfaces to hosts of other names.
fn twin_of(mut router: Router, twin: &str) -> Router {
    for interface in router.interfaces.values_mut() {
        interface.host = format!("{twin}-{}", interface.host);
    }
    router
}

/// The rules of a router, block by block; of a set the order of elements does not matter.
fn rules(kernel: &Kernel, router: &str) -> BTreeSet<String> {
    let list = || {
        let nft = std::process::Command::new("nft")
            .args(["list", "table", "ip", "strait"])
            .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
            .output();
        nft.expect("nft runs")
    };
    let output = kernel.inside(router, list).expect("the router");
    let text = String::from_utf8(output.stdout).expect("text");
    let blocks = text.split("\n\t}\n").map(|block| {
        let head = block.trim().lines().next().unwrap_or_default();
        if head.starts_with("chain") {
            return block.to_owned();
        }
        let mut words: Vec<&str> = block
            .split([' ', '\t', '\n', ','])
            .filter(|word| !word.is_empty())
            .collect();
        words.sort_unstable();
        words.join(" ")
    });
    blocks.collect()
}

fn run(command: &str) {
    let mut words = command.split(' ');
    let status = std::process::Command::new(words.next().expect("a program"))
        .args(words)
        .status()
        .expect("it runs");
    // What another command has taken away already is no matter.
    let _ = status;
}
