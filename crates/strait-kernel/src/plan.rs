//! A picture, taken apart: what each namespace has, and the veth pairs between them. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use strait_vpc::picture::{Host, HostKind, Listen, Mac, Picture, Router, Target, WireEnd};

use crate::error::KernelError;
use crate::ruleset;

/// The table of a router's own interfaces, looked up for every packet.
pub(crate) const LOCAL_TABLE: u32 = 100;
const MAIN_TABLE: u32 = 254;
const LOCAL_PRIORITY: u32 = 100;
const MARK_PRIORITY: u32 = 1000;
const LAST_PRIORITY: u32 = 40_000;
/// The first of a host's tables by source address, one a link.
const SOURCE_TABLE: u32 = 1000;
/// What a host with a wire to the outside still sends by its interface.
const PRIVATE: [Ipv4Net; 4] = [
    Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10),
    Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12),
    Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16),
];
const EVERYWHERE: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0);

/// The whole picture, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) spaces: BTreeMap<Name, Space>,
    pub(crate) pairs: BTreeSet<Pair>,
}

/// A namespace's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    Router(String),
    Host(String),
}

/// What a namespace is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Router,
    Machine,
    Node,
    Internet,
}

/// What a namespace has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Space {
    pub(crate) kind: Kind,
    /// Links by name: this end's MAC and the other's.
    pub(crate) links: BTreeMap<String, (Mac, Mac)>,
    /// `/32`s by link.
    pub(crate) addresses: BTreeSet<(String, Ipv4Addr)>,
    pub(crate) routes: BTreeSet<Route>,
    pub(crate) rules: BTreeSet<Rule>,
    pub(crate) ruleset: String,
    /// A router's interfaces by table, to know whose connections end with a route.
    pub(crate) users: BTreeMap<u32, BTreeSet<Ipv4Addr>>,
    /// A router's own ranges.
    pub(crate) ranges: BTreeSet<Ipv4Net>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    pub(crate) table: u32,
    pub(crate) destination: Ipv4Net,
    pub(crate) metric: u32,
    pub(crate) hop: Hop,
}

/// Where a route leads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hop {
    /// To the other end of a link, from an address.
    Link { link: String, source: Option<Ipv4Addr> },
    Blackhole,
    Unreachable,
}

/// A rule that chooses a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule {
    pub(crate) priority: u32,
    pub(crate) mark: Option<u32>,
    pub(crate) source: Option<Ipv4Addr>,
    pub(crate) action: Action,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    Table(u32),
    Unreachable,
}

/// A veth pair; the lesser end is `a`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    pub(crate) a: End,
    pub(crate) b: End,
}

/// An end of a veth pair.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct End {
    pub(crate) space: Name,
    pub(crate) link: String,
    pub(crate) mac: Mac,
}

impl Name {
    /// The name without its kind.
    pub(crate) fn plain(&self) -> &str {
        match self {
            Self::Router(name) | Self::Host(name) => name,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Router(name) => write!(f, "router {name}"),
            Self::Host(name) => write!(f, "host {name}"),
        }
    }
}

impl Kind {
    /// Whether its namespace is owned by a user namespace of its own.
    pub(crate) fn has_own_root(self) -> bool {
        match self {
            Self::Machine | Self::Internet => true,
            Self::Router | Self::Node => false,
        }
    }

    /// Whether it passes on packets that are not for itself.
    pub(crate) fn forwards(self) -> bool {
        match self {
            Self::Router | Self::Node | Self::Internet => true,
            Self::Machine => false,
        }
    }
}

/// Takes a picture apart. `refused` are the listeners that refuse new connections, by host.
pub(crate) fn plan(picture: &Picture, refused: &BTreeMap<String, BTreeSet<Listen>>) -> Result<Plan, KernelError> {
    let mut plan = Plan::default();
    for (name, router) in &picture.routers {
        check_name(name)?;
        plan.spaces.insert(Name::Router(name.clone()), router_space(name, router)?);
        for (link, interface) in &router.interfaces {
            let here = End { space: Name::Router(name.clone()), link: link.clone(), mac: interface.router_mac };
            let there = End { space: Name::Host(interface.host.clone()), link: interface.host_link.clone(), mac: interface.host_mac };
            plan.add_pair(picture, here, there)?;
        }
        for (link, peer) in &router.peers {
            let here = End { space: Name::Router(name.clone()), link: link.clone(), mac: peer.mac };
            let there = End { space: Name::Router(peer.router.clone()), link: peer.link.clone(), mac: peer.remote_mac };
            plan.add_pair(picture, here, there)?;
        }
    }
    for (name, wire) in &picture.wires {
        if wire.a.host == wire.b.host && wire.a.link == wire.b.link {
            return Err(contradiction(name, "both ends of the wire are the same link"));
        }
        let end = |end: &WireEnd| End { space: Name::Host(end.host.clone()), link: end.link.clone(), mac: end.mac };
        plan.add_pair(picture, end(&wire.a), end(&wire.b))?;
    }
    let none = BTreeSet::new();
    for (name, host) in &picture.hosts {
        check_name(name)?;
        if picture.routers.contains_key(name) {
            return Err(contradiction(name, "a router and a host have this name"));
        }
        let space = host_space(name, host, picture, refused.get(name).unwrap_or(&none))?;
        plan.spaces.insert(Name::Host(name.clone()), space);
    }
    plan.check_pairs()?;
    Ok(plan)
}

impl Plan {
    fn add_pair(&mut self, picture: &Picture, one: End, two: End) -> Result<(), KernelError> {
        for end in [&one, &two] {
            check_link(end.space.plain(), &end.link)?;
            let there = match &end.space {
                Name::Router(name) => picture.routers.contains_key(name),
                Name::Host(name) => picture.hosts.contains_key(name),
            };
            if !there {
                return Err(contradiction(end.space.plain(), format!("link {} leads to it, but it is not in the picture", end.link)));
            }
        }
        let (a, b) = if one <= two { (one, two) } else { (two, one) };
        self.pairs.insert(Pair { a, b });
        Ok(())
    }

    /// Each link is an end of exactly one pair.
    fn check_pairs(&self) -> Result<(), KernelError> {
        let mut seen = BTreeSet::new();
        for end in self.pairs.iter().flat_map(|pair| [&pair.a, &pair.b]) {
            if !seen.insert((&end.space, &end.link)) {
                return Err(contradiction(end.space.plain(), format!("link {} has two other ends", end.link)));
            }
        }
        Ok(())
    }
}

fn router_space(name: &str, router: &Router) -> Result<Space, KernelError> {
    let mut space = Space::new(Kind::Router);
    space.ranges = router.ranges.clone();
    let lo = router.addresses.iter().chain(&router.resolvers).map(|address| ("lo".to_owned(), *address));
    space.addresses.extend(lo);
    let mut tables: BTreeSet<u32> = router.tables.keys().copied().collect();
    for range in &router.ranges {
        space.routes.insert(Route { table: LOCAL_TABLE, destination: *range, metric: 0, hop: Hop::Unreachable });
    }
    for (link, interface) in &router.interfaces {
        let destination = Ipv4Net::from(interface.address);
        space.routes.remove(&Route { table: LOCAL_TABLE, destination, metric: 0, hop: Hop::Unreachable });
        space.routes.insert(Route { table: LOCAL_TABLE, destination, metric: 0, hop: Hop::Link { link: link.clone(), source: None } });
        space.links.insert(link.clone(), (interface.router_mac, interface.host_mac));
        space.users.entry(interface.table).or_default().insert(interface.address);
        tables.insert(interface.table);
    }
    for (link, peer) in &router.peers {
        if space.links.insert(link.clone(), (peer.mac, peer.remote_mac)).is_some() {
            return Err(contradiction(name, format!("an interface and a peer both have link {link}")));
        }
    }
    space.rules.insert(Rule::to(LOCAL_PRIORITY, LOCAL_TABLE));
    space.rules.insert(Rule { priority: LAST_PRIORITY, mark: None, source: None, action: Action::Unreachable });
    for table in tables {
        if table < 1000 {
            return Err(contradiction(name, format!("route table {table} is below 1000")));
        }
        space.rules.insert(Rule { mark: Some(table), ..Rule::to(MARK_PRIORITY, table) });
        space.routes.insert(Route { table, destination: EVERYWHERE, metric: u32::MAX, hop: Hop::Unreachable });
    }
    for (table, routes) in &router.tables {
        for (destination, target) in routes {
            let hop = match target {
                Target::Peer(link) if router.peers.contains_key(link) => Hop::Link { link: link.clone(), source: None },
                Target::Interface(link) if router.interfaces.contains_key(link) => Hop::Link { link: link.clone(), source: None },
                Target::Peer(link) | Target::Interface(link) => {
                    return Err(contradiction(name, format!("the route to {destination} leads to {link}, which is not there")));
                }
                Target::Blackhole => Hop::Blackhole,
            };
            space.routes.insert(Route { table: *table, destination: *destination, metric: 0, hop });
        }
    }
    space.ruleset = ruleset::router(name, router)?;
    Ok(space)
}

fn host_space(name: &str, host: &Host, picture: &Picture, refused: &BTreeSet<Listen>) -> Result<Space, KernelError> {
    let kind = match host.kind {
        HostKind::Machine => Kind::Machine,
        HostKind::Node => Kind::Node,
        HostKind::Internet => Kind::Internet,
    };
    let mut space = Space::new(kind);
    space.addresses.extend(host.addresses.iter().map(|address| ("lo".to_owned(), *address)));
    let mut outlets = Vec::new();
    for interface in picture.routers.values().flat_map(|router| router.interfaces.values()) {
        if interface.host == name {
            space.add_link(&interface.host_link, interface.address, (interface.host_mac, interface.router_mac));
            outlets.push(Outlet { link: interface.host_link.clone(), address: interface.address, wire: false });
        }
    }
    outlets.sort();
    for wire in picture.wires.values() {
        for (here, there) in [(&wire.a, &wire.b), (&wire.b, &wire.a)] {
            if here.host == name {
                space.add_link(&here.link, here.address, (here.mac, there.mac));
                space.routes.insert(Route::to(MAIN_TABLE, Ipv4Net::from(there.address), &here.link, here.address));
                if here.default_route {
                    outlets.push(Outlet { link: here.link.clone(), address: here.address, wire: true });
                }
            }
        }
    }
    space.add_outlets(&outlets);
    for forward in host.forwards.values().flatten() {
        if !space.links.contains_key(&forward.link) {
            return Err(contradiction(name, format!("it forwards to {} by {}, which is not there", forward.to, forward.link)));
        }
        let route = Route::to(MAIN_TABLE, Ipv4Net::from(*forward.to.ip()), &forward.link, forward.from);
        let known = space.routes.iter().find(|known| known.table == MAIN_TABLE && known.destination == route.destination);
        match known.map(|known| &known.hop) {
            None => {
                space.routes.insert(route);
            }
            Some(Hop::Link { link, .. }) if *link == forward.link => {}
            Some(Hop::Link { .. } | Hop::Blackhole | Hop::Unreachable) => {
                return Err(contradiction(name, format!("{} is to be reached by two links", forward.to.ip())));
            }
        }
    }
    space.ruleset = ruleset::host(name, host, refused)?;
    Ok(space)
}

/// A link of a host that leads everywhere. Interfaces come before wires.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Outlet {
    wire: bool,
    link: String,
    address: Ipv4Addr,
}

impl Space {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            links: BTreeMap::new(),
            addresses: BTreeSet::new(),
            routes: BTreeSet::new(),
            rules: BTreeSet::new(),
            ruleset: String::new(),
            users: BTreeMap::new(),
            ranges: BTreeSet::new(),
        }
    }

    fn add_link(&mut self, link: &str, address: Ipv4Addr, macs: (Mac, Mac)) {
        self.links.insert(link.to_owned(), macs);
        self.addresses.insert((link.to_owned(), address));
    }

    /// Default routes: by the first interface, or by a wire to the outside with private ranges still by the interface.
    /// With several outlets, answers leave by the link whose address they come from.
    fn add_outlets(&mut self, outlets: &[Outlet]) {
        let wire = outlets.iter().find(|outlet| outlet.wire);
        let interface = outlets.iter().find(|outlet| !outlet.wire);
        if let Some(outlet) = wire.or(interface) {
            self.routes.insert(Route::to(MAIN_TABLE, EVERYWHERE, &outlet.link, outlet.address));
        }
        if let (Some(_), Some(interface)) = (wire, interface) {
            let private = PRIVATE.map(|range| Route::to(MAIN_TABLE, range, &interface.link, interface.address));
            self.routes.extend(private);
        }
        if outlets.len() < 2 {
            return;
        }
        for (table, outlet) in (SOURCE_TABLE..).zip(outlets) {
            self.routes.insert(Route::to(table, EVERYWHERE, &outlet.link, outlet.address));
            self.rules.insert(Rule { source: Some(outlet.address), ..Rule::to(MARK_PRIORITY, table) });
        }
    }
}

impl Route {
    fn to(table: u32, destination: Ipv4Net, link: &str, source: Ipv4Addr) -> Self {
        Self { table, destination, metric: 0, hop: Hop::Link { link: link.to_owned(), source: Some(source) } }
    }
}

impl Rule {
    fn to(priority: u32, table: u32) -> Self {
        Self { priority, mark: None, source: None, action: Action::Table(table) }
    }
}

/// A name that a file and an nftables comment can have.
fn check_name(name: &str) -> Result<(), KernelError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.chars().all(plain) {
        return Err(contradiction(name, "names are 1 to 64 letters, digits, dashes, underscores and dots"));
    }
    Ok(())
}

fn check_link(space: &str, link: &str) -> Result<(), KernelError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if link.is_empty() || link.len() > 15 || link == "lo" || !link.chars().all(plain) {
        return Err(contradiction(space, format!("'{link}' is no name for a link")));
    }
    Ok(())
}

fn contradiction(name: &str, why: impl Into<String>) -> KernelError {
    KernelError::Picture { name: name.to_owned(), why: why.into() }
}
