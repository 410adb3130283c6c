//! The walk of a packet and the picture must say the same: a small router, which knows only the picture, is asked
//! about random networks.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::sample::{ENDPOINT, Sample, cidr, net, story};
use super::{Flow, Protocol, Source, reach};
use crate::id::*;
use crate::picture::{
    self, AclMatch, Forward, HostKind, Listen, Picture, Router, Rules, Target, UPLINK, picture,
};
use crate::state::*;

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

/// A packet on its way through a picture.
#[derive(Clone, Copy)]
struct Packet {
    to: Ipv4Addr,
    protocol: Protocol,
}

impl Packet {
    /// Whether it arrives, and its answer comes back, when it comes in at a router by an interface's link.
    fn passes(self, picture: &Picture, router: &str, link: &str, hops: u32) -> bool {
        let near = &picture.routers[router];
        let own = &near.interfaces[link];
        if own.address == self.to {
            return true;
        }
        if leads_out(near, own, self.to) {
            return self.leaves(picture, near, own, hops);
        }
        let Some((far_name, out, by)) = find(picture, router, link, self.to) else {
            return false;
        };
        let far = &picture.routers[&far_name];
        let arrived = &far.interfaces[&out];
        let same_subnet = far_name == router && arrived.subnet == own.subnet;
        let acl = |router: &Router, name: &str, out: bool, remote: Ipv4Addr, answer: bool| {
            let acl = &router.acls[name];
            same_subnet
                || admits_acl(
                    if out { &acl.egress } else { &acl.ingress },
                    remote,
                    self.protocol,
                    answer,
                )
        };
        let (in_link, out_link) =
            by.map_or((link.to_owned(), out.clone()), |(near, far)| (far, near));
        let (us, them) = (own.address, self.to);
        let filters = acl(near, &own.acl, true, them, false)
            && acl(far, &arrived.acl, false, us, false)
            && acl(far, &arrived.acl, true, us, true)
            && acl(near, &own.acl, false, them, true)
            && admits_groups(
                near,
                &own.groups,
                |group| &group.egress,
                (them, &out_link),
                self.protocol,
            )
            && admits_groups(
                far,
                &arrived.groups,
                |group| &group.ingress,
                (us, &in_link),
                self.protocol,
            );
        let back = find(picture, &far_name, &out, us)
            .is_some_and(|(name, to, _)| name == router && to == link);
        let at = (arrived.host.as_str(), arrived.host_link.as_str());
        filters && back && self.delivered(picture, us, at, hops)
    }

    /// Whether it passes when it leaves a router by its uplink.
    fn leaves(self, picture: &Picture, near: &Router, own: &picture::Interface, hops: u32) -> bool {
        let uplink = near.uplink.as_ref().expect("an uplink");
        let gateway = &picture.hosts[&uplink.host];
        let Some(public) = gateway.translations.get(&own.address) else {
            return false;
        };
        let acl = &near.acls[&own.acl];
        admits_groups(
            near,
            &own.groups,
            |group| &group.egress,
            (self.to, UPLINK),
            self.protocol,
        ) && admits_acl(&acl.egress, self.to, self.protocol, false)
            && admits_acl(&acl.ingress, self.to, self.protocol, true)
            && uplink.sources.iter().any(|range| range.contains(&self.to))
            && self.enters(picture, *public, hops)
    }

    /// Whether it passes from the internet, and its answer comes back there.
    fn enters(self, picture: &Picture, from: Ipv4Addr, hops: u32) -> bool {
        if picture.hosts["internet"].addresses.contains(&self.to) {
            return true;
        }
        let to = ipnet::Ipv4Net::from(self.to);
        let wire = picture
            .wires
            .values()
            .find(|wire| wire.a.routes.contains(&to));
        let Some(gateway) = wire.map(|wire| wire.b.host.as_str()) else {
            return false;
        };
        let mut pairs = picture.hosts[gateway].translations.iter();
        let (private, _) = pairs
            .find(|(_, public)| **public == self.to)
            .expect("a pair");
        let of = |router: &&Router| {
            router
                .uplink
                .as_ref()
                .is_some_and(|uplink| uplink.host == gateway)
        };
        let far = picture
            .routers
            .values()
            .find(of)
            .expect("the gateway's router");
        let arrived = far.interfaces.values().find(|own| own.address == *private);
        let arrived = arrived.expect("whoever has the address");
        let acl = &far.acls[&arrived.acl];
        let welcome = far
            .uplink
            .iter()
            .flat_map(|uplink| &uplink.sources)
            .any(|range| range.contains(&from))
            && !far.ranges.iter().any(|range| range.contains(&from));
        welcome
            && admits_acl(&acl.ingress, from, self.protocol, false)
            && admits_groups(
                far,
                &arrived.groups,
                |group| &group.ingress,
                (from, UPLINK),
                self.protocol,
            )
            && admits_acl(&acl.egress, from, self.protocol, true)
            && leads_out(far, arrived, from)
            && self.delivered(picture, from, (&arrived.host, &arrived.host_link), hops)
    }

    /// Whether a host takes it, or forwards it to where it passes.
    fn delivered(
        self,
        picture: &Picture,
        from: Ipv4Addr,
        (host, link): (&str, &str),
        hops: u32,
    ) -> bool {
        let Some(node) = picture
            .hosts
            .get(host)
            .filter(|host| host.kind == HostKind::Node)
        else {
            return true;
        };
        let (transport, port) = match self.protocol {
            Protocol::Tcp(port) => (picture::Transport::Tcp, port),
            Protocol::Udp(port) => (picture::Transport::Udp, port),
            Protocol::Echo => return false,
        };
        let listen = Listen {
            link: link.to_owned(),
            transport,
            port,
        };
        let targets = node.forwards.get(&listen);
        let terms = node.terms.get(&listen);
        let sources = terms.and_then(|terms| terms.sources.as_ref());
        hops < 8
            && super::lookup::admits(sources, from)
            && targets.is_some_and(|targets| {
                targets
                    .iter()
                    .all(|to| sent(picture, host, (to, transport), hops))
            })
    }
}

fn sent(
    picture: &Picture,
    host: &str,
    (to, transport): (&Forward, picture::Transport),
    hops: u32,
) -> bool {
    let packet = Packet {
        to: *to.to.ip(),
        protocol: match transport {
            picture::Transport::Tcp => Protocol::Tcp(to.to.port()),
            picture::Transport::Udp => Protocol::Udp(to.to.port()),
        },
    };
    let is_by_wire = |wire: &&picture::Wire| wire.a.host == host && wire.a.link == to.link;
    if let Some(wire) = picture.wires.values().find(is_by_wire) {
        let mut own = picture
            .routers
            .values()
            .flat_map(|router| router.interfaces.values());
        return own.any(|own| own.host == wire.b.host && own.address == packet.to)
            && wire.b.routes.contains(&ipnet::Ipv4Net::from(to.from));
    }
    let at = |router: &Router| {
        router
            .interfaces
            .iter()
            .find(|(_, own)| own.host == host && own.host_link == to.link)
            .map(|(link, _)| link.clone())
    };
    let routers = picture
        .routers
        .iter()
        .filter_map(|(name, router)| Some((name, at(router)?)));
    routers
        .into_iter()
        .any(|(name, link)| packet.passes(picture, name, &link, hops + 1))
}

/// Whether a router sends what is for an address to the internet.
fn leads_out(router: &Router, own: &picture::Interface, to: Ipv4Addr) -> bool {
    if router.ranges.iter().any(|range| range.contains(&to)) {
        return false;
    }
    let routes = router.tables[&own.table].iter();
    let longest = routes
        .filter(|(destination, _)| destination.contains(&to))
        .max_by_key(|(destination, _)| destination.prefix_len());
    longest.is_some_and(|(_, target)| *target == Target::Uplink)
}

/// The router and link that an address is at, and both ends of the peering that leads there, if one does.
type Found = (String, String, Option<(String, String)>);

fn find(picture: &Picture, router: &str, link: &str, to: Ipv4Addr) -> Option<Found> {
    let near = &picture.routers[router];
    let at = |router: &Router| {
        router
            .interfaces
            .iter()
            .find(|(_, own)| own.address == to)
            .map(|(link, _)| link.clone())
    };
    if let Some(out) = at(near) {
        return Some((router.to_owned(), out, None));
    }
    if near.ranges.iter().any(|range| range.contains(&to)) {
        return None;
    }
    let own = &near.interfaces[link];
    let routes = near.tables[&own.table]
        .iter()
        .filter(|(destination, _)| destination.contains(&to));
    match routes
        .max_by_key(|(destination, _)| destination.prefix_len())?
        .1
    {
        Target::Peer(name) => {
            let peer = &near.peers[name];
            let far = &picture.routers[&peer.router];
            let welcome = far.peers[&peer.link]
                .sources
                .iter()
                .any(|range| range.contains(&own.address));
            let out = at(far).filter(|_| welcome)?;
            Some((
                peer.router.clone(),
                out,
                Some((name.clone(), peer.link.clone())),
            ))
        }
        Target::Interface(_) | Target::Blackhole | Target::Uplink => None,
    }
}

fn admits_groups(
    router: &Router,
    groups: &std::collections::BTreeSet<String>,
    rules: impl Fn(&picture::Group) -> &Rules,
    (far, link): (Ipv4Addr, &str),
    protocol: Protocol,
) -> bool {
    let port_in = |boxes: &std::collections::BTreeSet<picture::PortBox>| {
        boxes
            .iter()
            .any(|allowed| holds_port(allowed, far, protocol, false))
    };
    let icmp_in = |boxes: &std::collections::BTreeSet<picture::IcmpBox>| {
        boxes
            .iter()
            .any(|allowed| holds_icmp(allowed, far, protocol, false))
    };
    groups.is_empty()
        || groups
            .iter()
            .map(|group| rules(&router.groups[group]))
            .any(|rules| {
                let member = |group: &String| {
                    router.members[group]
                        .iter()
                        .any(|member| member.address == far && member.link == link)
                };
                let mut references = rules.references.iter().filter(|(group, _)| member(group));
                port_in(&rules.boxes)
                    || icmp_in(&rules.icmp)
                    || references
                        .any(|(_, allowed)| port_in(&allowed.boxes) || icmp_in(&allowed.icmp))
            })
}

/// Answers go to ports 32768 to 60999, and both ends of the range must pass; so must the ends of what entries name.
fn admits_acl(rules: &[picture::AclRule], far: Ipv4Addr, protocol: Protocol, answer: bool) -> bool {
    let ports: &[u16] = if answer {
        &[32768, 35000, 40000, 40001, 60999]
    } else {
        &[0]
    };
    ports.iter().all(|port| {
        let protocol = match protocol {
            Protocol::Tcp(_) if answer => Protocol::Tcp(*port),
            Protocol::Udp(_) if answer => Protocol::Udp(*port),
            Protocol::Tcp(_) | Protocol::Udp(_) | Protocol::Echo => protocol,
        };
        let first = rules.iter().find(|rule| match &rule.matches {
            AclMatch::Ports(ports) => holds_port(ports, far, protocol, answer),
            AclMatch::Icmp(types) => holds_icmp(types, far, protocol, answer),
        });
        first.is_some_and(|rule| rule.allow)
    })
}

fn holds_port(allowed: &picture::PortBox, far: Ipv4Addr, protocol: Protocol, answer: bool) -> bool {
    let (number, port) = match protocol {
        Protocol::Tcp(port) => (6, port),
        Protocol::Udp(port) => (17, port),
        // What the kernel reads in a port's place of an echo request is its checksum: any number.
        Protocol::Echo => (1, if answer { 1 } else { 2 }),
    };
    (allowed.addresses.0..=allowed.addresses.1).contains(&far)
        && (allowed.protocols.0..=allowed.protocols.1).contains(&number)
        && (allowed.ports.0..=allowed.ports.1).contains(&port)
}

fn holds_icmp(allowed: &picture::IcmpBox, far: Ipv4Addr, protocol: Protocol, answer: bool) -> bool {
    let type_ = if answer { 0 } else { 8 };
    protocol == Protocol::Echo
        && (allowed.addresses.0..=allowed.addresses.1).contains(&far)
        && (allowed.types.0..=allowed.types.1).contains(&type_)
        && (allowed.codes.0..=allowed.codes.1).contains(&0)
}
