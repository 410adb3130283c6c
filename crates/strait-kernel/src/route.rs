//! Links, addresses, neighbours, routes and rules of one network namespace, over rtnetlink.

mod message;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, BorrowedFd};

use strait_vpc::picture::{GATEWAY, Mac};

use crate::netlink::{Body, CREATE, EXCLUSIVE, REPLACE, Socket, attributes, read_u32};
use crate::plan::{Action, Hop, LOCAL_TABLE, Route, Rule};
use message::{
    INET, OURS, address, address_body, end, link_header, neighbour_header, read_route, read_rule,
    read_u64, route_header, rule_body, text,
};

const NEW_LINK: u16 = 16;
const DEL_LINK: u16 = 17;
const GET_LINK: u16 = 18;
/// `IFLA_STATS64`.
const STATISTICS: u16 = 23;
const NEW_ADDRESS: u16 = 20;
const DEL_ADDRESS: u16 = 21;
const GET_ADDRESS: u16 = 22;
const NEW_ROUTE: u16 = 24;
const DEL_ROUTE: u16 = 25;
const GET_ROUTE: u16 = 26;
const NEW_NEIGHBOUR: u16 = 28;
const GET_NEIGHBOUR: u16 = 30;
const NEW_RULE: u16 = 32;
const DEL_RULE: u16 = 33;
const GET_RULE: u16 = 34;

const UP: u32 = 0x1;
/// The state of a link that carries packets. (The flag IFF_RUNNING is set before that as well.)
const OPERATIONAL: [u8; 1] = [6];
const NO_ARP: u32 = 0x80;
const PERMANENT: u16 = 0x80;

/// A link as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) mac: Mac,
    /// It is up as we want it.
    pub(crate) ready: bool,
    /// It carries packets, which it does only some time after both ends are up.
    pub(crate) running: bool,
    /// Whether we made it, or the kernel did.
    pub(crate) ours: bool,
}

/// An end of a veth pair that is to be.
pub(crate) struct VethEnd<'a> {
    pub(crate) name: &'a str,
    pub(crate) mac: Mac,
}

/// How many bytes a link has carried since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carried {
    /// What came in by it.
    pub received: u64,
    /// What went out by it.
    pub sent: u64,
}

/// A socket for the namespace in which it was opened.
pub(crate) struct Routing(Socket);

impl Routing {
    /// Opens one in the calling thread's network namespace.
    pub(crate) fn open() -> io::Result<Self> {
        Socket::open(libc::NETLINK_ROUTE).map(Self)
    }

    /// All links by name.
    pub(crate) fn links(&mut self) -> io::Result<BTreeMap<String, Link>> {
        let mut links = BTreeMap::new();
        self.0
            .dump(GET_LINK, &Body::new(&link_header(0, 0, 0)), |answer| {
                let mut name = None;
                let mut mac = Mac([0; 6]);
                let mut group = 0;
                let mut running = false;
                for (kind, value) in attributes(answer.get(16..).unwrap_or_default()) {
                    match kind {
                        1 => mac = value.try_into().map_or(mac, Mac),
                        3 => name = Some(text(value)),
                        16 => running = value == OPERATIONAL,
                        27 => group = read_u32(value, 0),
                        _ => {}
                    }
                }
                let Some(name) = name else { return };
                let flags = if name == "lo" { UP } else { UP | NO_ARP };
                let now = read_u32(answer, 8);
                let ready = now & flags == flags;
                let ours = name == "lo" || group == u32::from(OURS);
                links.insert(
                    name,
                    Link {
                        index: read_u32(answer, 4),
                        mac,
                        ready,
                        running,
                        ours,
                    },
                );
            })?;
        Ok(links)
    }

    /// What each link has carried, by name.
    pub(crate) fn carried(&mut self) -> io::Result<BTreeMap<String, Carried>> {
        let mut links = BTreeMap::new();
        self.0
            .dump(GET_LINK, &Body::new(&link_header(0, 0, 0)), |answer| {
                let mut name = None;
                let mut carried = Carried::default();
                for (kind, value) in attributes(answer.get(16..).unwrap_or_default()) {
                    match kind {
                        3 => name = Some(text(value)),
                        // Packets received and sent stand before them.
                        STATISTICS => {
                            carried = Carried {
                                received: read_u64(value, 16),
                                sent: read_u64(value, 24),
                            }
                        }
                        _ => {}
                    }
                }
                links.extend(name.map(|name| (name, carried)));
            })?;
        Ok(links)
    }

    /// Makes a veth pair: one end here, the other in the namespace of `peer_namespace`.
    pub(crate) fn add_veth(
        &mut self,
        here: &VethEnd<'_>,
        there: &VethEnd<'_>,
        peer_namespace: BorrowedFd<'_>,
    ) -> io::Result<()> {
        let peer = end(there).with(28, &peer_namespace.as_raw_fd().to_ne_bytes());
        let data = Body::default().nest(1, &peer);
        let info = Body::default().with(1, b"veth").nest(2, &data);
        self.0
            .change(NEW_LINK, CREATE | EXCLUSIVE, &end(here).nest(18, &info))
    }

    /// Brings a link up, without ARP except for `lo`.
    pub(crate) fn bring_up(&mut self, name: &str, link: &Link) -> io::Result<()> {
        let flags = if name == "lo" { UP } else { UP | NO_ARP };
        self.0.change(
            NEW_LINK,
            0,
            &Body::new(&link_header(link.index, flags, flags)),
        )
    }

    /// Deletes a link, and its other end with it. One that is gone already is no error.
    pub(crate) fn delete_link(&mut self, index: u32) -> io::Result<()> {
        gone_is_fine(
            self.0
                .change(DEL_LINK, 0, &Body::new(&link_header(index, 0, 0))),
        )
    }

    /// Deletes all links that we made, and their other ends, in one go: one by one each costs the kernel 20 ms.
    pub(crate) fn delete_our_links(&mut self) -> io::Result<()> {
        let body = Body::new(&link_header(0, 0, 0)).with(27, &u32::from(OURS).to_ne_bytes());
        gone_is_fine(self.0.change(DEL_LINK, 0, &body))
    }

    /// IPv4 addresses by link index, without 127.0.0.0/8.
    pub(crate) fn addresses(&mut self) -> io::Result<BTreeSet<(u32, Ipv4Addr, u8)>> {
        let mut addresses = BTreeSet::new();
        self.0.dump(
            GET_ADDRESS,
            &Body::new(&[INET, 0, 0, 0, 0, 0, 0, 0]),
            |answer| {
                let local =
                    attributes(answer.get(8..).unwrap_or_default()).find(|(kind, _)| *kind == 2);
                let Some(address) = local.and_then(|(_, value)| address(value)) else {
                    return;
                };
                if !address.is_loopback() {
                    addresses.insert((
                        read_u32(answer, 4),
                        address,
                        answer.get(1).copied().unwrap_or(32),
                    ));
                }
            },
        )?;
        Ok(addresses)
    }

    /// Adds a `/32` to a link.
    pub(crate) fn add_address(&mut self, index: u32, address: Ipv4Addr) -> io::Result<()> {
        self.0.change(
            NEW_ADDRESS,
            CREATE | REPLACE,
            &address_body(index, address, 32),
        )
    }

    /// Takes an address from a link.
    pub(crate) fn delete_address(
        &mut self,
        index: u32,
        address: Ipv4Addr,
        length: u8,
    ) -> io::Result<()> {
        gone_is_fine(
            self.0
                .change(DEL_ADDRESS, 0, &address_body(index, address, length)),
        )
    }

    /// The MAC of the permanent neighbour at [`GATEWAY`] on a link. (The neighbours of all namespaces are in one table, so to
    /// ask for all of one namespace takes longer with each that there is.)
    pub(crate) fn gateway(&mut self, index: u32) -> io::Result<Option<Mac>> {
        let body = Body::new(&neighbour_header(index, 0)).with(1, &GATEWAY.octets());
        let mut gateway = None;
        let asked = self.0.get(GET_NEIGHBOUR, &body, |answer| {
            let attributes = attributes(answer.get(12..).unwrap_or_default());
            let mac = attributes
                .filter(|(kind, _)| *kind == 2)
                .find_map(|(_, value)| value.try_into().ok());
            let permanent = answer
                .get(8..10)
                .is_some_and(|state| state == PERMANENT.to_ne_bytes());
            gateway = mac.filter(|_| permanent).map(Mac);
        });
        gone_is_fine(asked)?;
        Ok(gateway)
    }

    /// Makes the other end of a link known for ever, so that nobody asks for it.
    pub(crate) fn set_gateway(&mut self, index: u32, mac: Mac) -> io::Result<()> {
        let body = Body::new(&neighbour_header(index, PERMANENT))
            .with(1, &GATEWAY.octets())
            .with(2, &mac.0);
        self.0.change(NEW_NEIGHBOUR, CREATE | REPLACE, &body)
    }

    /// Our routes; the ones over a link that is not in `names` have an empty link name.
    pub(crate) fn routes(&mut self, names: &BTreeMap<u32, String>) -> io::Result<BTreeSet<Route>> {
        let mut routes = BTreeSet::new();
        self.0.dump(
            GET_ROUTE,
            &Body::new(&[INET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            |answer| {
                if answer.first() == Some(&INET) && answer.get(5) == Some(&OURS) {
                    routes.insert(read_route(answer, names));
                }
            },
        )?;
        Ok(routes)
    }

    /// Adds a route, or replaces the one with its table, destination and metric.
    pub(crate) fn set_route(
        &mut self,
        route: &Route,
        index: impl Fn(&str) -> Option<u32>,
    ) -> io::Result<()> {
        let mut body = Body::new(&route_header(route))
            .with(1, &route.destination.network().octets())
            .with(15, &route.table.to_ne_bytes());
        if let Hop::Link { link, source } = &route.hop {
            let index = index(link).ok_or_else(|| {
                io::Error::new(io::ErrorKind::NotFound, format!("there is no link {link}"))
            })?;
            body = body
                .with(5, &GATEWAY.octets())
                .with(4, &index.to_ne_bytes());
            if let Some(source) = source {
                body = body.with(7, &source.octets());
            }
        }
        if route.metric != 0 {
            body = body.with(6, &route.metric.to_ne_bytes());
        }
        self.0.change(NEW_ROUTE, CREATE | REPLACE, &body)
    }

    /// Deletes the route with this one's table, destination and metric.
    pub(crate) fn delete_route(&mut self, route: &Route) -> io::Result<()> {
        let mut body = Body::new(&route_header(route))
            .with(1, &route.destination.network().octets())
            .with(15, &route.table.to_ne_bytes());
        if route.metric != 0 {
            body = body.with(6, &route.metric.to_ne_bytes());
        }
        gone_is_fine(self.0.change(DEL_ROUTE, 0, &body))
    }

    /// Rules but the one for local addresses; with `all`, also those that the kernel or others made.
    pub(crate) fn rules(&mut self, all: bool) -> io::Result<BTreeSet<Rule>> {
        let mut rules = BTreeSet::new();
        self.0.dump(
            GET_RULE,
            &Body::new(&[INET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            |answer| {
                let (rule, ours) = read_rule(answer);
                if rule.priority != 0 && (all || ours) {
                    rules.insert(rule);
                }
            },
        )?;
        Ok(rules)
    }

    /// Adds a rule.
    pub(crate) fn add_rule(&mut self, rule: &Rule) -> io::Result<()> {
        match self.0.change(
            NEW_RULE,
            CREATE | EXCLUSIVE,
            &rule_body(rule).with(21, &[OURS]),
        ) {
            Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Ok(()),
            other => other,
        }
    }

    /// Deletes the kernel's first rule, the one for local addresses, if another for them is there.
    pub(crate) fn delete_first_rule(&mut self) -> io::Result<()> {
        let mut there = (false, false);
        self.0.dump(
            GET_RULE,
            &Body::new(&[INET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            |answer| {
                let (rule, _) = read_rule(answer);
                if rule.action == Action::Table(LOCAL_TABLE) {
                    there.0 |= rule.priority == 0;
                    there.1 |= rule.priority != 0;
                }
            },
        )?;
        if there != (true, true) {
            return Ok(());
        }
        let first = Rule {
            priority: 0,
            mark: None,
            source: None,
            action: Action::Table(LOCAL_TABLE),
        };
        self.delete_rule(&first)
    }

    /// Deletes a rule.
    pub(crate) fn delete_rule(&mut self, rule: &Rule) -> io::Result<()> {
        gone_is_fine(self.0.change(DEL_RULE, 0, &rule_body(rule)))
    }
}

fn gone_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error)
            if matches!(
                error.raw_os_error(),
                Some(libc::ENODEV | libc::ESRCH | libc::ENOENT | libc::EADDRNOTAVAIL)
            ) =>
        {
            Ok(())
        }
        other => other,
    }
}
