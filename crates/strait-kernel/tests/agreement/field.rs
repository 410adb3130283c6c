//! Tries what passes: listeners everywhere, then every probe at once, then short waits.
//!
//! One thread holds every socket of every namespace. It waits until all that is expected to pass has come (each source
//! sends last to its router, which always answers), and then for a silence: what is still missing did not pass.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::ops::Range;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::{Duration, Instant};

use strait_kernel::Kernel;
use strait_vpc::Protocol;
use strait_vpc::picture::{HostKind, Picture};

use crate::draft::PORTS;
use crate::socket::{self, Poll};

/// How long to wait for what is expected and does not come.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How long nothing may come before what is not expected is not waited for any more.
const SILENCE: Duration = Duration::from_millis(25);

/// Something to try.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    /// The namespace and the address that it comes from.
    pub(crate) host: String,
    pub(crate) from: Ipv4Addr,
    pub(crate) to: Ipv4Addr,
    pub(crate) protocol: Protocol,
    /// The ports that it comes from, or the identifier of its echo request: one try each.
    pub(crate) ports: Vec<u16>,
    /// Whether all tries are expected to pass.
    pub(crate) expected: bool,
}

/// Which tries of a probe passed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) passed: BTreeSet<usize>,
    /// Whether a datagram came to a router's own socket, answered or not.
    pub(crate) strayed: bool,
    /// What connections ended with.
    pub(crate) errors: BTreeSet<String>,
}

/// Tries all of them. Answers as many as there are probes.
pub(crate) fn try_all(kernel: &Kernel, picture: &Picture, probes: &[Probe]) -> Vec<Seen> {
    let mut field = Field {
        poll: Poll::new().expect("epoll"),
        sockets: Vec::new(),
        probes,
        seen: vec![Seen::default(); probes.len()],
        missing: 0,
        last: Instant::now(),
    };
    field.missing = probes
        .iter()
        .filter(|probe| probe.expected)
        .map(|probe| probe.ports.len())
        .sum();
    field.listen(kernel, picture);
    field.send(kernel);
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until && (field.missing > 0 || field.last.elapsed() < SILENCE) {
        field.read(Duration::from_millis(5));
    }
    field.seen
}

struct Field<'p> {
    poll: Poll,
    sockets: Vec<Socket>,
    probes: &'p [Probe],
    seen: Vec<Seen>,
    /// How many tries are expected and have not passed yet.
    missing: usize,
    /// When something was sent or came.
    last: Instant,
}

enum Socket {
    /// Takes connections.
    Listener(TcpListener),
    /// Sends datagrams back; a router's should seldom get any.
    Mirror { socket: UdpSocket, router: bool },
    /// A try.
    Connection {
        socket: Option<OwnedFd>,
        probe: usize,
        nth: usize,
    },
    /// A source's datagrams, from one port.
    Datagrams(UdpSocket),
    /// A source's echo requests.
    Echo(UdpSocket),
}

impl Field<'_> {
    /// Listeners in every namespace, in routers and nodes too: what gets there by mistake is answered.
    fn listen(&mut self, kernel: &Kernel, picture: &Picture) {
        let mut places: Vec<(&String, BTreeSet<Ipv4Addr>, bool)> = Vec::new();
        for (name, host) in &picture.hosts {
            let interfaces = picture
                .routers
                .values()
                .flat_map(|router| router.interfaces.values());
            let mut addresses: BTreeSet<_> = interfaces
                .filter(|interface| interface.host == *name)
                // An entrance's address is not one of its host's.
                .filter(|interface| !host.entrances.contains_key(&interface.host_link))
                .map(|interface| interface.address)
                .chain(host.addresses.iter().copied())
                .collect();
            let wires = picture.wires.values().flat_map(|wire| [&wire.a, &wire.b]);
            if host.kind != HostKind::Machine {
                let own = wires.filter(|end| end.host == *name);
                addresses.extend(own.filter_map(|end| end.address));
            }
            places.push((name, addresses, false));
        }
        for (name, router) in &picture.routers {
            let addresses = router.addresses.union(&router.resolvers).copied().collect();
            places.push((name, addresses, true));
        }
        for (name, addresses, router) in places {
            let open = || -> io::Result<Vec<Socket>> {
                let mut sockets = Vec::new();
                for port in PORTS {
                    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?;
                    listener.set_nonblocking(true)?;
                    sockets.push(Socket::Listener(listener));
                    for address in &addresses {
                        let mirror = socket::datagrams(SocketAddrV4::new(*address, port))?;
                        sockets.push(Socket::Mirror {
                            socket: mirror,
                            router,
                        });
                    }
                }
                Ok(sockets)
            };
            let sockets = kernel
                .inside(name, open)
                .unwrap_or_else(|error| panic!("{error}"))
                .unwrap_or_else(|error| panic!("listen in {name}: {error}"));
            for socket in sockets {
                self.add(socket);
            }
        }
    }

    /// Sends everything, source by source, and reads meanwhile so that no queue runs over.
    fn send(&mut self, kernel: &Kernel) {
        let mut first = 0;
        while first < self.probes.len() {
            let source = (&self.probes[first].host, self.probes[first].from);
            let count = self.probes[first..]
                .iter()
                .take_while(|probe| (&probe.host, probe.from) == source)
                .count();
            self.send_from(kernel, first..first + count);
            first += count;
        }
    }

    fn send_from(&mut self, kernel: &Kernel, range: Range<usize>) {
        let probes = self.probes;
        let source = &probes[range.start];
        let at = |port| SocketAddrV4::new(source.from, port);
        let open = || -> io::Result<_> {
            let mut connections = Vec::new();
            let mut datagrams = BTreeMap::new();
            for number in range.clone() {
                for port in &probes[number].ports {
                    match probes[number].protocol {
                        Protocol::Tcp(_) => connections.push(socket::connect(at(*port))?),
                        Protocol::Udp(_) if !datagrams.contains_key(port) => {
                            datagrams.insert(*port, socket::datagrams(at(*port))?);
                        }
                        Protocol::Udp(_) | Protocol::Echo => {}
                    }
                }
            }
            Ok((connections, datagrams, socket::icmp(source.from)?))
        };
        let (connections, datagrams, echo) = kernel
            .inside(&source.host, open)
            .unwrap_or_else(|error| panic!("{error}"))
            .unwrap_or_else(|error| {
                panic!("send from {} in {}: {error}", source.from, source.host)
            });
        let copy = |socket: &UdpSocket| socket.try_clone().expect("a descriptor");
        for socket in datagrams.values() {
            self.add(Socket::Datagrams(copy(socket)));
        }
        self.add(Socket::Echo(copy(&echo)));
        let mut connections = connections.into_iter();
        for number in range {
            let probe = &probes[number];
            for (nth, port) in probe.ports.iter().enumerate() {
                let payload = payload(number, nth);
                let sent = match probe.protocol {
                    Protocol::Tcp(to) => {
                        let socket = connections.next().expect("as many as were made");
                        let started = socket::start(&socket, SocketAddrV4::new(probe.to, to));
                        if started.is_ok() {
                            self.add(Socket::Connection {
                                socket: Some(socket),
                                probe: number,
                                nth,
                            });
                        }
                        started
                    }
                    Protocol::Udp(to) => {
                        let to = SocketAddrV4::new(probe.to, to);
                        datagrams[port].send_to(&payload, to).map(|_| ())
                    }
                    Protocol::Echo => {
                        let packet = socket::echo_request(*port, payload);
                        echo.send_to(&packet, (probe.to, 0)).map(|_| ())
                    }
                };
                if let Err(error) = sent {
                    self.seen[number].errors.insert(error.to_string());
                }
            }
            self.last = Instant::now();
            self.read(Duration::ZERO);
        }
    }

    fn add(&mut self, socket: Socket) {
        let descriptor = match &socket {
            Socket::Listener(socket) => socket.as_raw_fd(),
            Socket::Mirror { socket, .. } | Socket::Datagrams(socket) | Socket::Echo(socket) => {
                socket.as_raw_fd()
            }
            Socket::Connection { socket, .. } => socket.as_ref().expect("it is new").as_raw_fd(),
        };
        self.poll
            .add(descriptor, self.sockets.len())
            .expect("a socket to wait for");
        self.sockets.push(socket);
    }

    fn read(&mut self, patience: Duration) {
        for number in self.poll.wait(patience).expect("events") {
            self.read_one(number);
        }
    }

    fn read_one(&mut self, number: usize) {
        let mut buffer = [0; 256];
        let mut came = Vec::new();
        match &mut self.sockets[number] {
            Socket::Listener(listener) => while listener.accept().is_ok() {},
            Socket::Mirror { socket, router } => {
                while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                    if *router && let Ok(payload) = buffer[..length].try_into() {
                        self.seen[read_payload(payload).0].strayed = true;
                    }
                    // That nobody takes it shows where it is missing.
                    let _ = socket.send_to(&buffer[..length], from);
                }
            }
            Socket::Connection { socket, probe, nth } => {
                if let Some(open) = socket.take() {
                    match socket::failure(&open) {
                        None => came.push((*probe, *nth)),
                        Some(error) => {
                            self.seen[*probe].errors.insert(error.to_string());
                        }
                    }
                }
            }
            Socket::Datagrams(socket) => {
                while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                    let Some((probe, nth)) = buffer[..length].try_into().ok().map(read_payload)
                    else {
                        continue;
                    };
                    let to = self
                        .probes
                        .get(probe)
                        .map(|probe| (probe.to, probe.protocol));
                    if to == Some((ipv4(from.ip()), Protocol::Udp(from.port()))) {
                        came.push((probe, nth));
                    }
                }
            }
            Socket::Echo(socket) => {
                while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                    let Some((ident, payload)) = socket::echo_reply(&buffer[..length]) else {
                        continue;
                    };
                    let (probe, nth) = read_payload(payload);
                    let asked = self.probes.get(probe);
                    let asked = asked.and_then(|probe| Some((probe.to, *probe.ports.get(nth)?)));
                    if asked == Some((ipv4(from.ip()), ident)) {
                        came.push((probe, nth));
                    }
                }
            }
        }
        for (probe, nth) in came {
            self.last = Instant::now();
            if self.seen[probe].passed.insert(nth) && self.probes[probe].expected {
                self.missing -= 1;
            }
        }
    }
}

fn ipv4(address: std::net::IpAddr) -> Ipv4Addr {
    match address {
        std::net::IpAddr::V4(address) => address,
        std::net::IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}

fn payload(probe: usize, nth: usize) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&(probe as u32).to_be_bytes());
    bytes[4..].copy_from_slice(&(nth as u32).to_be_bytes());
    bytes
}

fn read_payload([a, b, c, d, e, f, g, h]: [u8; 8]) -> (usize, usize) {
    (
        u32::from_be_bytes([a, b, c, d]) as usize,
        u32::from_be_bytes([e, f, g, h]) as usize,
    )
}
