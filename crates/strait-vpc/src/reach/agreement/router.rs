//! A small router that knows only the picture.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use crate::picture::{
    self, AclMatch, Forward, HostKind, Listen, Picture, Router, Rules, Target, UPLINK,
};
use crate::reach::{Protocol, lookup};

/// A packet on its way through a picture.
#[derive(Clone, Copy)]
pub(super) struct Packet {
    pub(super) to: Ipv4Addr,
    pub(super) protocol: Protocol,
}

impl Packet {
    /// Whether it arrives, and its answer comes back, when it comes in at a router by an interface's link.
    pub(super) fn passes(self, picture: &Picture, router: &str, link: &str, hops: u32) -> bool {
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
    pub(super) fn enters(self, picture: &Picture, from: Ipv4Addr, hops: u32) -> bool {
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
            && lookup::admits(sources, from)
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
    groups: &BTreeSet<String>,
    rules: impl Fn(&picture::Group) -> &Rules,
    (far, link): (Ipv4Addr, &str),
    protocol: Protocol,
) -> bool {
    let port_in = |boxes: &BTreeSet<picture::PortBox>| {
        boxes
            .iter()
            .any(|allowed| holds_port(allowed, far, protocol, false))
    };
    let icmp_in = |boxes: &BTreeSet<picture::IcmpBox>| {
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
