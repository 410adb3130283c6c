//! Pictures for trials, and probes that say what passes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::time::Duration;

use ipnet::Ipv4Net;
use strait_kernel::Kernel;
use strait_vpc::picture::{
    Acl, AclMatch, AclRule, Entrance, Group, Host, HostKind, IcmpBox, Interface, Mac, Member, Peer,
    Picture, PortBox, Router, Rules, Target, Uplink, Wire, WireEnd,
};

/// How long a packet may take; what has not come by then was dropped.
pub(crate) const PATIENCE: Duration = Duration::from_millis(400);
pub(crate) const TABLE: u32 = 1000;

/// A picture as it grows.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) picture: Picture,
    macs: u16,
}

impl World {
    /// A router with a range, its base+1 and base+2 addresses, an open ACL and an empty table.
    pub(crate) fn vpc(&mut self, name: &str, range: &str) {
        let range: Ipv4Net = range.parse().expect("a range");
        let [a, b, c, _] = range.network().octets();
        let router = Router {
            addresses: BTreeSet::from([Ipv4Addr::new(a, b, c, 1)]),
            resolvers: BTreeSet::from([Ipv4Addr::new(a, b, c, 2)]),
            ranges: BTreeSet::from([range]),
            tables: BTreeMap::from([(TABLE, BTreeMap::new())]),
            acls: BTreeMap::from([("open".to_owned(), open_acl())]),
            ..Router::default()
        };
        self.picture.routers.insert(name.to_owned(), router);
    }

    /// A machine with an interface.
    pub(crate) fn instance(&mut self, vpc: &str, host: &str, address: &str, groups: &[&str]) {
        self.host(vpc, host, address, groups, HostKind::Machine);
    }

    pub(crate) fn host(
        &mut self,
        vpc: &str,
        host: &str,
        address: &str,
        groups: &[&str],
        kind: HostKind,
    ) {
        let address = ip(address);
        let [a, b, c, _] = address.octets();
        let interface = Interface {
            host: host.to_owned(),
            host_link: "eth0".to_owned(),
            address,
            host_mac: self.mac(),
            router_mac: self.mac(),
            subnet: Ipv4Net::new(Ipv4Addr::new(a, b, c, 0), 24).expect("a range"),
            table: TABLE,
            groups: groups.iter().map(|id| (*id).to_owned()).collect(),
            acl: "open".to_owned(),
            source_check: true,
        };
        self.picture.hosts.insert(
            host.to_owned(),
            Host {
                kind,
                ..Host::default()
            },
        );
        self.router(vpc)
            .interfaces
            .insert(format!("e-{host}"), interface);
    }

    pub(crate) fn router(&mut self, vpc: &str) -> &mut Router {
        self.picture.routers.get_mut(vpc).expect("the router")
    }

    pub(crate) fn interface(&mut self, vpc: &str, host: &str) -> &mut Interface {
        self.router(vpc)
            .interfaces
            .get_mut(&format!("e-{host}"))
            .expect("the interface")
    }

    /// A group that lets everything out, and these boxes in.
    pub(crate) fn group(&mut self, vpc: &str, id: &str, ingress: &[PortBox]) -> &mut Group {
        let ingress = Rules {
            boxes: ingress.iter().copied().collect(),
            ..Rules::default()
        };
        let egress = Rules {
            boxes: BTreeSet::from([everything()]),
            ..Rules::default()
        };
        let groups = &mut self.router(vpc).groups;
        groups.insert(id.to_owned(), Group { ingress, egress });
        groups.get_mut(id).expect("the group")
    }

    pub(crate) fn member(&mut self, vpc: &str, id: &str, link: &str, address: &str) {
        let member = Member {
            link: link.to_owned(),
            address: ip(address),
        };
        self.router(vpc)
            .members
            .entry(id.to_owned())
            .or_default()
            .insert(member);
    }

    /// A peering: link `p-OTHER` at each.
    pub(crate) fn peer(&mut self, one: &str, other: &str) {
        let (mac, remote_mac) = (self.mac(), self.mac());
        for (here, there, mac, remote_mac) in
            [(one, other, mac, remote_mac), (other, one, remote_mac, mac)]
        {
            let sources = self.router(there).ranges.clone();
            let peer = Peer {
                router: there.to_owned(),
                link: format!("p-{here}"),
                mac,
                remote_mac,
                sources,
            };
            self.router(here).peers.insert(format!("p-{there}"), peer);
        }
    }

    pub(crate) fn route(&mut self, vpc: &str, destination: &str, target: Target) {
        let destination = destination.parse().expect("a range");
        self.router(vpc)
            .tables
            .get_mut(&TABLE)
            .expect("the table")
            .insert(destination, target);
    }

    /// Routes both ways over a peering.
    pub(crate) fn routes(&mut self, one: &str, other: &str) {
        for (here, there) in [(one, other), (other, one)] {
            for range in self.router(there).ranges.clone() {
                self.route(here, &range.to_string(), Target::Peer(format!("p-{there}")));
            }
        }
    }

    /// A wire: link `w-OTHER` at each host.
    /// An endpoint's interface, by which clients come in to a node: link `v-VPC` there.
    pub(crate) fn entrance(&mut self, vpc: &str, node: &str, address: &str, groups: &[&str]) {
        let host = format!("at-{vpc}");
        self.host(vpc, &host, address, groups, HostKind::Node);
        self.picture.hosts.remove(&host);
        let interface = self.interface(vpc, &host);
        node.clone_into(&mut interface.host);
        interface.host_link = format!("v-{vpc}");
        let entrances = &mut self
            .picture
            .hosts
            .get_mut(node)
            .expect("the node")
            .entrances;
        let number = u16::try_from(entrances.len() + 1).expect("a few");
        let address = ip(address);
        entrances.insert(format!("v-{vpc}"), Entrance { number, address });
    }

    /// The internet's host, with an address of its own besides its wires'.
    pub(crate) fn internet(&mut self) {
        let internet = Host {
            kind: HostKind::Internet,
            addresses: BTreeSet::from([ip("198.51.100.80")]),
            ..Host::default()
        };
        self.picture.hosts.insert("internet".to_owned(), internet);
    }

    /// A gateway `igw-VPC` that makes private addresses public, with the default route to it.
    pub(crate) fn gateway(&mut self, vpc: &str, translations: &[(&str, &str)]) {
        let name = format!("igw-{vpc}");
        let translations: BTreeMap<_, _> = translations
            .iter()
            .map(|(private, public)| (ip(private), ip(public)))
            .collect();
        let ranges = ["198.51.100.0/24", "203.0.113.0/24"];
        let uplink = Uplink {
            host: name.clone(),
            mac: self.mac(),
            remote_mac: self.mac(),
            sources: ranges.map(|range| range.parse().expect("a range")).into(),
        };
        self.router(vpc).uplink = Some(uplink);
        self.route(vpc, "0.0.0.0/0", Target::Uplink);
        let wire = Wire {
            a: WireEnd {
                host: "internet".to_owned(),
                link: format!("g-{vpc}"),
                address: Some(ip("198.51.100.1")),
                mac: self.mac(),
                routes: translations.values().copied().map(Ipv4Net::from).collect(),
            },
            b: WireEnd {
                host: name.clone(),
                link: "internet".to_owned(),
                address: None,
                mac: self.mac(),
                routes: BTreeSet::from([Ipv4Net::default()]),
            },
        };
        self.picture.wires.insert(name.clone(), wire);
        let host = Host {
            kind: HostKind::Gateway,
            translations,
            ..Host::default()
        };
        self.picture.hosts.insert(name, host);
    }

    /// Takes a gateway away: its routes are blackholes.
    pub(crate) fn detach(&mut self, vpc: &str) {
        let name = format!("igw-{vpc}");
        self.picture.hosts.remove(&name);
        self.picture.wires.remove(&name);
        self.router(vpc).uplink = None;
        self.route(vpc, "0.0.0.0/0", Target::Blackhole);
    }

    fn mac(&mut self) -> Mac {
        self.macs += 1;
        let [high, low] = self.macs.to_be_bytes();
        Mac([0x02, 0, 0, 1, high, low])
    }
}

pub(crate) fn ip(text: &str) -> Ipv4Addr {
    text.parse().expect("an address")
}

pub(crate) fn everything() -> PortBox {
    PortBox {
        addresses: (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST),
        protocols: (0, 255),
        ports: (0, u16::MAX),
    }
}

/// One TCP port for a range of sources.
pub(crate) fn tcp(range: &str, port: u16) -> PortBox {
    let range: Ipv4Net = range.parse().expect("a range");
    PortBox {
        addresses: (range.network(), range.broadcast()),
        protocols: (6, 6),
        ports: (port, port),
    }
}

pub(crate) fn echo() -> IcmpBox {
    IcmpBox {
        addresses: (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST),
        types: (8, 8),
        codes: (0, 255),
    }
}

pub(crate) fn open_acl() -> Acl {
    let allow = AclRule {
        allow: true,
        matches: AclMatch::Ports(everything()),
    };
    Acl {
        ingress: vec![allow],
        egress: vec![allow],
    }
}

/// A listener in a host, usable from anywhere.
pub(crate) fn listen(kernel: &Kernel, host: &str, port: u16) -> TcpListener {
    kernel
        .inside(host, || TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))
        .expect("the host")
        .expect("a listener")
}

/// Tries to connect from a host.
pub(crate) fn connect(kernel: &Kernel, host: &str, to: &str, port: u16) -> io::Result<TcpStream> {
    let to = SocketAddrV4::new(ip(to), port).into();
    let stream = kernel
        .inside(host, || TcpStream::connect_timeout(&to, PATIENCE))
        .expect("the host")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Whether a host reaches another's listener.
pub(crate) fn reaches(kernel: &Kernel, host: &str, to: &str, port: u16) -> bool {
    connect(kernel, host, to, port).is_ok()
}

/// Whether a byte still passes from one end to the other.
pub(crate) fn passes(from: &mut TcpStream, to: &mut TcpStream) -> bool {
    to.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    from.write_all(b"x").is_ok() && matches!(to.read(&mut [0; 1]), Ok(1))
}

/// Whether a host is answered when it sends an echo request.
pub(crate) fn pings(kernel: &Kernel, host: &str, to: &str) -> bool {
    let to = ip(to);
    kernel.inside(host, || ping(to)).expect("the host").is_ok()
}

/// Sends a datagram from a source address that may be forged; says whether it came.
pub(crate) fn datagram_arrives(
    kernel: &Kernel,
    host: &str,
    source: &str,
    receiver: &UdpSocket,
    to: &str,
) -> bool {
    datagram(kernel, host, source, receiver, to) == Some(IpAddr::from(ip(source)))
}

/// Sends a datagram from a source address that may be forged; answers the source with which it came, if it did.
pub(crate) fn datagram(
    kernel: &Kernel,
    host: &str,
    source: &str,
    receiver: &UdpSocket,
    to: &str,
) -> Option<IpAddr> {
    let (source, to) = (
        ip(source),
        SocketAddrV4::new(ip(to), receiver.local_addr().expect("an address").port()),
    );
    receiver
        .set_read_timeout(Some(PATIENCE))
        .expect("a time-out");
    kernel
        .inside(host, || send_from(source, to))
        .expect("the host")
        .expect("a datagram");
    let (_, from) = receiver.recv_from(&mut [0; 8]).ok()?;
    Some(from.ip())
}

fn ping(to: Ipv4Addr) -> io::Result<()> {
    let socket = raw_socket(libc::SOCK_RAW, libc::IPPROTO_ICMP)?;
    let socket = UdpSocket::from(socket);
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect((to, 0))?;
    // Type 8, code 0, and the sum of that alone.
    socket.send(&[8, 0, 0xf7, 0xff, 0, 0, 0, 0])?;
    let mut answer = [0; 128];
    let length = socket.recv(&mut answer)?;
    // An echo reply after the IP header.
    if length > 20 && answer[20] == 0 {
        Ok(())
    } else {
        Err(io::Error::other("another answer"))
    }
}

fn send_from(source: Ipv4Addr, to: SocketAddrV4) -> io::Result<()> {
    let socket = raw_socket(libc::SOCK_DGRAM, 0)?;
    let on: libc::c_int = 1;
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: 0,
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes(source.octets()),
        },
        sin_zero: [0; 8],
    };
    // SAFETY: both pointers are of live values with their own sizes.
    unsafe {
        check(libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_IP,
            libc::IP_TRANSPARENT,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as u32,
        ))?;
        check(libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            size_of::<libc::sockaddr_in>() as u32,
        ))?;
    }
    UdpSocket::from(socket).send_to(b"x", to)?;
    Ok(())
}

fn raw_socket(kind: libc::c_int, protocol: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: socket() takes no pointers; the descriptor is fresh and checked.
    unsafe {
        let socket = libc::socket(libc::AF_INET, kind | libc::SOCK_CLOEXEC, protocol);
        check(socket)?;
        Ok(OwnedFd::from_raw_fd(socket))
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
