//! Kernels with faults made on purpose: the comparison must notice each.

use std::path::Path;

use libtest_mimic::Failed;
use strait_vpc::picture::{Picture, Target};

use crate::draft;
use crate::play::play;

/// How many networks a fault has to show in.
const NETWORKS: u64 = 30;

type Fault = (&'static str, fn(&mut Picture));

const FAULTS: &[Fault] = &[
    ("a group lets everything in", |picture| {
        for group in groups(picture) {
            group.ingress.boxes = [everything()].into();
        }
    }),
    ("rules for a group's members are forgotten", |picture| {
        for group in groups(picture) {
            group.ingress.references.clear();
        }
    }),
    ("ICMP rules are forgotten", |picture| {
        for group in groups(picture) {
            group.ingress.icmp.clear();
        }
    }),
    ("outbound rules are forgotten", |picture| {
        for group in groups(picture) {
            group.egress.boxes = [everything()].into();
        }
    }),
    ("ACL entries are asked in the wrong order", |picture| {
        for router in picture.routers.values_mut() {
            for acl in router.acls.values_mut() {
                acl.ingress.reverse();
            }
        }
    }),
    ("a network ACL forgets answers", |picture| {
        for router in picture.routers.values_mut() {
            for acl in router.acls.values_mut() {
                acl.egress.clear();
            }
        }
    }),
    ("a route to nowhere lets shorter ones win", |picture| {
        for router in picture.routers.values_mut() {
            for table in router.tables.values_mut() {
                table.retain(|_, target| matches!(target, Target::Peer(_)));
            }
        }
    }),
    ("the resolver does not answer", |picture| {
        for router in picture.routers.values_mut() {
            router.resolvers.clear();
        }
    }),
    ("nodes forward nothing", |picture| {
        for host in picture.hosts.values_mut() {
            host.forwards.clear();
        }
    }),
];

/// Each fault shows in at least one of the first networks.
pub(crate) fn faults_are_noticed(run_dir: &Path) -> Result<(), Failed> {
    let mut missed = Vec::new();
    for (name, fault) in FAULTS {
        let noticed = (1..=NETWORKS).find(|seed| {
            let script = draft::script(*seed);
            play(run_dir, *seed, &script, fault).wrong.is_some()
        });
        match noticed {
            Some(seed) => eprintln!("{name}: noticed in the network of seed {seed}"),
            None => missed.push(*name),
        }
    }
    if missed.is_empty() {
        return Ok(());
    }
    Err(format!("not noticed in {NETWORKS} networks: {missed:?}").into())
}

fn groups(picture: &mut Picture) -> impl Iterator<Item = &mut strait_vpc::picture::Group> {
    picture
        .routers
        .values_mut()
        .flat_map(|router| router.groups.values_mut())
}

fn everything() -> strait_vpc::picture::PortBox {
    strait_vpc::picture::PortBox {
        addresses: ([0; 4].into(), [255; 4].into()),
        protocols: (0, 255),
        ports: (0, u16::MAX),
    }
}
