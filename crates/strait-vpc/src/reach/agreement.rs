//! The walk of a packet and the picture must say the same: a small router, which knows only the picture, is asked
//! about random networks.

mod router;

use proptest::prelude::*;

use super::sample::{ENDPOINT, Sample, cidr, net, story};
use super::{Flow, Protocol, Source, reach};
use crate::id::*;
use crate::picture::picture;
use crate::state::*;
use router::Packet;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_walk_agrees_with_the_picture(
        open in any::<bool>(),
        online in any::<bool>(),
        changes in prop::collection::vec(change(), 0..4),
        (from, to) in prop_oneof![
            2 => Just((0, 0)), 1 => Just((1, 1)), 1 => (0..3usize, 0..5usize), 3 => (0..4usize, 5..11usize)
        ],
        protocol in prop::sample::select(vec![Protocol::Tcp(5432), Protocol::Udp(5432), Protocol::Tcp(22), Protocol::Echo]),
    ) {
        let mut sample = story();
        sample.list(1, &["10.1.0.0/24"]);
        sample.list(2, &["10.0.1.4/32", "10.1.0.0/16"]);
        let app = sample.app.clone();
        let neighbour = sample.instance(&app, "10.0.1.9");
        if open {
            for side in 0..3 {
                for direction in [Direction::Ingress, Direction::Egress] {
                    apply(&mut sample, &Change::Allow { side, direction, traffic: Traffic::All, peer: 3 });
                }
            }
        }
        if online {
            for side in 0..3 {
                apply(&mut sample, &Change::Attach { side, on: true });
                apply(&mut sample, &Change::Route { side, destination: "0.0.0.0/0", target: 2 });
            }
        }
        let public = [&sample.app_interface, &neighbour, &sample.target_interface, &sample.node].map(Clone::clone);
        for (last, interface) in (1..).zip(&public) {
            sample.make_public(interface, [203, 0, 113, last].into());
        }
        for change in &changes {
            if let Change::NotPublic(which) = change {
                sample.network.interfaces.get_mut(&public[*which]).expect("the interface").public_ip = None;
            } else {
                apply(&mut sample, change);
            }
        }
        let to = [
            ENDPOINT, [10, 0, 1, 4].into(), [10, 0, 1, 9].into(), [10, 0, 1, 5].into(), [10, 0, 1, 6].into(),
            [203, 0, 113, 1].into(), [203, 0, 113, 2].into(), [203, 0, 113, 3].into(), [203, 0, 113, 4].into(),
            [203, 0, 113, 9].into(), INTERNET_OWN[2],
        ][to];
        let drawn = picture(&sample.network);
        let packet = Packet { to, protocol };
        let (source, routed) = match [&sample.app_interface, &neighbour, &sample.target_interface].get(from) {
            Some(from) => {
                let own = sample.network.interfaces.get(from).expect("the interface");
                let link = format!("e{}", own.index);
                (Source::Interface((*from).clone()), packet.passes(&drawn, own.vpc.as_str(), &link, 0))
            }
            None => (Source::Internet, packet.enters(&drawn, INTERNET_OWN[0], 0)),
        };
        let walked = reach(&sample.network, &Flow { from: source, to, protocol });
        prop_assert_eq!(walked.reached, routed, "{:#?}", walked);
    }
}

/// What is done to the story's network.
#[derive(Debug, Clone)]
enum Change {
    Allow {
        side: usize,
        direction: Direction,
        traffic: Traffic,
        peer: usize,
    },
    Only {
        side: usize,
        direction: Direction,
        traffic: Traffic,
        peer: usize,
    },
    Route {
        side: usize,
        destination: &'static str,
        target: usize,
    },
    Unroute {
        side: usize,
    },
    ListRoute {
        side: usize,
        list: u128,
        target: usize,
    },
    ListEntries {
        list: u128,
        entries: &'static [&'static str],
    },
    Entry {
        side: usize,
        direction: Direction,
        number: u16,
        allow: bool,
        traffic: Traffic,
    },
    Peering(PeeringState),
    Endpoint(EndpointState),
    NoTarget,
    Attach {
        side: usize,
        on: bool,
    },
    NotPublic(usize),
}

fn change() -> impl Strategy<Value = Change> {
    let direction = || prop::sample::select(vec![Direction::Ingress, Direction::Egress]);
    let ports = |from, to| Traffic::Tcp(PortRange { from, to });
    let traffic = move || {
        prop::sample::select(vec![
            Traffic::All,
            ports(5432, 5432),
            ports(0, 65535),
            ports(20, 6000),
            ports(30000, 40000),
            Traffic::Icmp(None, None),
            Traffic::Icmp(Some(8), Some(0)),
            Traffic::Protocol(47),
        ])
    };
    let destination = || {
        prop::sample::select(vec![
            "10.1.0.0/24",
            "10.1.0.4/32",
            "10.0.0.0/16",
            "0.0.0.0/0",
            "203.0.113.0/30",
        ])
    };
    let entries = || {
        prop::sample::select(vec![
            &["10.1.0.0/24", "10.0.0.0/16"] as &[&str],
            &["10.1.0.4/32", "10.1.0.0/16"],
            &["2001:db8::/32"],
            &[],
        ])
    };
    let deleted = PeeringState::Deleted("999988887777".parse().expect("an account"));
    prop_oneof![
        2 => (0..3usize, direction(), traffic(), 0..10usize)
            .prop_map(|(side, direction, traffic, peer)| Change::Allow { side, direction, traffic, peer }),
        6 => (0..3usize, direction(), traffic(), 0..10usize)
            .prop_map(|(side, direction, traffic, peer)| Change::Only { side, direction, traffic, peer }),
        2 => (0..3usize, destination(), 0..3usize)
            .prop_map(|(side, destination, target)| Change::Route { side, destination, target }),
        1 => (0..3usize).prop_map(|side| Change::Unroute { side }),
        2 => (0..3usize, 1..3u128, 0..4usize)
            .prop_map(|(side, list, target)| Change::ListRoute { side, list, target }),
        1 => (1..3u128, entries()).prop_map(|(list, entries)| Change::ListEntries { list, entries }),
        3 => (0..3usize, direction(), 1..200u16, any::<bool>(), traffic())
            .prop_map(|(side, direction, number, allow, traffic)| Change::Entry { side, direction, number, allow, traffic }),
        1 => prop::sample::select(vec![PeeringState::PendingAcceptance, PeeringState::Active, deleted])
            .prop_map(Change::Peering),
        1 => prop::sample::select(vec![EndpointState::Rejected, EndpointState::Available]).prop_map(Change::Endpoint),
        1 => Just(Change::NoTarget),
        2 => (0..3usize, any::<bool>()).prop_map(|(side, on)| Change::Attach { side, on }),
        1 => (0..4usize).prop_map(Change::NotPublic),
    ]
}

fn apply(sample: &mut Sample, change: &Change) {
    let sides = [
        sample.app.clone(),
        sample.peering_vpc.clone(),
        sample.service_vpc.clone(),
    ];
    match change {
        Change::Allow {
            side,
            direction,
            traffic,
            peer,
        } => {
            let group = |of: usize| RulePeer::Group {
                id: sides[of].group.clone(),
                owner: sides[of].owner.clone(),
                peering: None,
            };
            let peers = [
                group(0),
                group(1),
                group(2),
                cidr("0.0.0.0/0"),
                cidr("10.0.0.0/16"),
                cidr("10.1.0.0/24"),
                RulePeer::Cidr6(Ipv6Block::ALL),
                RulePeer::PrefixList(PrefixListId::from_random(1)),
                RulePeer::PrefixList(PrefixListId::from_random(2)),
                cidr("203.0.113.0/30"),
            ];
            sample.allow(
                &sides[*side].group,
                *direction,
                *traffic,
                peers[*peer].clone(),
            );
        }
        Change::Only {
            side,
            direction,
            traffic,
            peer,
        } => {
            sample.revoke_all(&sides[*side].group, *direction);
            let (side, direction, traffic, peer) = (*side, *direction, *traffic, *peer);
            apply(
                sample,
                &Change::Allow {
                    side,
                    direction,
                    traffic,
                    peer,
                },
            );
        }
        Change::Route {
            side,
            destination,
            target,
        } => {
            let targets = [
                RouteTarget::Peering(sample.peering.clone()),
                RouteTarget::Interface(sample.app_interface.clone()),
                RouteTarget::InternetGateway(gateway_of(&sides[*side])),
            ];
            sample.route(&sides[*side].table, destination, targets[*target].clone());
        }
        Change::ListRoute { side, list, target } => {
            let targets = [
                RouteTarget::Peering(sample.peering.clone()),
                RouteTarget::Interface(sample.app_interface.clone()),
                RouteTarget::InternetGateway(InternetGatewayId::from_random(1)),
                RouteTarget::GatewayEndpoint(EndpointId::from_random(1)),
            ];
            let list = PrefixListId::from_random(*list);
            sample.route_list(&sides[*side].table, list, targets[*target].clone());
        }
        Change::ListEntries { list, entries } => sample.list(*list, entries),
        Change::Unroute { side } => {
            sample
                .network
                .route_tables
                .get_mut(&sides[*side].table)
                .expect("the table")
                .routes
                .clear();
        }
        Change::Entry {
            side,
            direction,
            number,
            allow,
            traffic,
        } => {
            let acl = sample
                .network
                .network_acls
                .get_mut(&sides[*side].acl)
                .expect("the ACL");
            acl.entries
                .retain(|entry| entry.number != *number || entry.direction != *direction);
            let (direction, number, allow, traffic) = (*direction, *number, *allow, *traffic);
            let mut entry = AclEntry {
                direction,
                number,
                allow,
                traffic,
                cidr: AclRange::V4(net("10.0.0.0/8")),
            };
            acl.entries.push(entry.clone());
            // What it says of IPv6 changes nothing.
            entry.number = 1;
            (entry.allow, entry.cidr) = (!entry.allow, AclRange::V6(Ipv6Block::ALL));
            acl.entries.push(entry);
        }
        Change::Peering(state) => {
            sample
                .network
                .peerings
                .get_mut(&sample.peering)
                .expect("the peering")
                .state = state.clone();
        }
        Change::Endpoint(state) => {
            sample
                .network
                .endpoints
                .get_mut(&sample.endpoint)
                .expect("the endpoint")
                .state = *state;
        }
        Change::NotPublic(_) => {}
        Change::Attach { side, on } => {
            let side = &sides[*side];
            sample.gateway(side);
            if !on {
                let gateways = &mut sample.network.internet_gateways;
                gateways
                    .get_mut(&gateway_of(side))
                    .expect("the gateway")
                    .vpc = None;
            }
        }
        Change::NoTarget => {
            let group = sample
                .network
                .target_groups
                .keys()
                .next()
                .expect("a target group")
                .clone();
            sample
                .network
                .target_groups
                .get_mut(&group)
                .expect("the target group")
                .targets
                .clear();
        }
    }
}

fn gateway_of(side: &super::sample::Side) -> InternetGatewayId {
    let digits = side.vpc.as_str().trim_start_matches("vpc-");
    format!("igw-{digits}").parse().expect("an id")
}
