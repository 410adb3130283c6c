//! A picture, taken apart: what each namespace has, and the veth pairs between them. Pure.

mod host;
mod router;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use strait_vpc::picture::{
    DOWNLINK, Interface, Listen, Mac, Picture, Redrawn, Router, UPLINK, WireEnd,
};

use crate::error::KernelError;

/// The table of a router's own interfaces: the kernel's own for local addresses, which it looks up first for every
/// packet, so that what goes to an interface needs no second lookup.
pub(crate) const LOCAL_TABLE: u32 = 255;
const MARK_PRIORITY: u32 = 1000;
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
    Gateway,
    Internet,
}

/// What a namespace has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Space {
    pub(crate) kind: Kind,
    /// Links by name: this end's MAC and the other's.
    pub(crate) links: BTreeMap<String, (Mac, Mac)>,
    /// The hosts of a router's interfaces: a link that leads elsewhere is another one.
    pub(crate) holders: BTreeMap<String, String>,
    /// `/32`s by link.
    pub(crate) addresses: BTreeSet<(String, Ipv4Addr)>,
    pub(crate) routes: BTreeSet<Route>,
    pub(crate) rules: BTreeSet<Rule>,
    pub(crate) ruleset: String,
    /// A router's interfaces by table, to know whose connections end with a route.
    pub(crate) users: BTreeMap<u32, BTreeSet<Ipv4Addr>>,
    /// A router's own ranges.
    pub(crate) ranges: BTreeSet<Ipv4Net>,
    /// A gateway's public addresses by the private ones, to know whose connections end with a change.
    pub(crate) translations: BTreeMap<Ipv4Addr, Ipv4Addr>,
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
    Link {
        link: String,
        source: Option<Ipv4Addr>,
    },
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
            Self::Router | Self::Node | Self::Gateway => false,
        }
    }
}

/// Takes a picture apart. `refused` are the listeners that refuse new connections, by host.
pub(crate) fn plan(
    picture: &Picture,
    refused: &BTreeMap<String, BTreeSet<Listen>>,
) -> Result<Plan, KernelError> {
    let routers = picture.routers.keys().cloned().map(Name::Router);
    let hosts = picture.hosts.keys().cloned().map(Name::Host);
    part(picture, refused, &routers.chain(hosts).collect())
}

/// The part of the plan that is of these namespaces: those of them that are in the picture, and the pairs between them.
pub(crate) fn part(
    picture: &Picture,
    refused: &BTreeMap<String, BTreeSet<Listen>>,
    names: &BTreeSet<Name>,
) -> Result<Plan, KernelError> {
    let mut plan = Plan::default();
    for name in names {
        let Name::Router(plain) = name else { continue };
        let Some(router) = picture.routers.get(plain) else {
            continue;
        };
        check_name(plain)?;
        plan.spaces
            .insert(name.clone(), router::space(plain, router)?);
        for (here, there) in router_pairs(plain, router) {
            plan.add_pair(picture, names, here, there)?;
        }
    }
    for (wire_name, wire) in &picture.wires {
        if wire.a.host == wire.b.host && wire.a.link == wire.b.link {
            return Err(contradiction(
                wire_name,
                "both ends of the wire are the same link",
            ));
        }
        let end = |end: &WireEnd| End {
            space: Name::Host(end.host.clone()),
            link: end.link.clone(),
            mac: end.mac,
        };
        plan.add_pair(picture, names, end(&wire.a), end(&wire.b))?;
    }
    let plugs = plugs(picture, names);
    let none = BTreeSet::new();
    for name in names {
        let Name::Host(plain) = name else { continue };
        let Some(host) = picture.hosts.get(plain) else {
            continue;
        };
        check_name(plain)?;
        if picture.routers.contains_key(plain) {
            return Err(contradiction(plain, "a router and a host have this name"));
        }
        let plugs = plugs.get(plain.as_str()).map_or(&[][..], Vec::as_slice);
        let refused = refused.get(plain).unwrap_or(&none);
        let space = host::space(plain, host, plugs, picture, refused)?;
        plan.spaces.insert(name.clone(), space);
    }
    plan.check_pairs()?;
    Ok(plan)
}

/// The namespaces that a changed part of a picture touches, as the picture is now: a router's holders and peers are at the
/// other ends of its links.
pub(crate) fn touched(picture: &Picture, redrawn: &Redrawn) -> BTreeSet<Name> {
    let mut names: BTreeSet<Name> = BTreeSet::new();
    for plain in redrawn.routers.keys() {
        names.insert(Name::Router(plain.clone()));
        if let Some(router) = picture.routers.get(plain) {
            names.extend(router_pairs(plain, router).map(|(_, there)| there.space));
        }
    }
    names.extend(redrawn.hosts.keys().cloned().map(Name::Host));
    for wire in redrawn
        .wires
        .keys()
        .filter_map(|name| picture.wires.get(name))
    {
        names.extend([&wire.a, &wire.b].map(|end| Name::Host(end.host.clone())));
    }
    names
}

/// Both ends of each link of a router.
fn router_pairs<'p>(name: &'p str, router: &'p Router) -> impl Iterator<Item = (End, End)> + 'p {
    let here = move |link: &String, mac| End {
        space: Name::Router(name.to_owned()),
        link: link.clone(),
        mac,
    };
    let interfaces = router.interfaces.iter().map(move |(link, interface)| {
        let there = End {
            space: Name::Host(interface.host.clone()),
            link: interface.host_link.clone(),
            mac: interface.host_mac,
        };
        (here(link, interface.router_mac), there)
    });
    let peers = router.peers.iter().map(move |(link, peer)| {
        let there = End {
            space: Name::Router(peer.router.clone()),
            link: peer.link.clone(),
            mac: peer.remote_mac,
        };
        (here(link, peer.mac), there)
    });
    let uplink = router.uplink.iter().map(move |uplink| {
        let there = End {
            space: Name::Host(uplink.host.clone()),
            link: DOWNLINK.to_owned(),
            mac: uplink.remote_mac,
        };
        (here(&UPLINK.to_owned(), uplink.mac), there)
    });
    interfaces.chain(peers).chain(uplink)
}

/// The interfaces that these hosts hold.
fn plugs<'p>(
    picture: &'p Picture,
    names: &BTreeSet<Name>,
) -> BTreeMap<&'p str, Vec<&'p Interface>> {
    let wanted: BTreeSet<&str> = names.iter().map(Name::plain).collect();
    let mut plugs: BTreeMap<&str, Vec<&Interface>> = BTreeMap::new();
    for interface in picture
        .routers
        .values()
        .flat_map(|router| router.interfaces.values())
        .filter(|interface| wanted.contains(interface.host.as_str()))
    {
        plugs.entry(&interface.host).or_default().push(interface);
    }
    plugs
}

impl Plan {
    /// Adds a pair whose both ends are among the namespaces.
    fn add_pair(
        &mut self,
        picture: &Picture,
        names: &BTreeSet<Name>,
        one: End,
        two: End,
    ) -> Result<(), KernelError> {
        for end in [&one, &two] {
            check_link(end.space.plain(), &end.link)?;
            let there = match &end.space {
                Name::Router(name) => picture.routers.contains_key(name),
                Name::Host(name) => picture.hosts.contains_key(name),
            };
            if !there {
                return Err(contradiction(
                    end.space.plain(),
                    format!(
                        "link {} leads to it, but it is not in the picture",
                        end.link
                    ),
                ));
            }
        }
        if !names.contains(&one.space) || !names.contains(&two.space) {
            return Ok(());
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
                return Err(contradiction(
                    end.space.plain(),
                    format!("link {} has two other ends", end.link),
                ));
            }
        }
        Ok(())
    }
}

impl Space {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            links: BTreeMap::new(),
            holders: BTreeMap::new(),
            addresses: BTreeSet::new(),
            routes: BTreeSet::new(),
            rules: BTreeSet::new(),
            ruleset: String::new(),
            users: BTreeMap::new(),
            ranges: BTreeSet::new(),
            translations: BTreeMap::new(),
        }
    }

    fn add_link(&mut self, link: &str, address: Ipv4Addr, macs: (Mac, Mac)) {
        self.links.insert(link.to_owned(), macs);
        self.addresses.insert((link.to_owned(), address));
    }
}

impl Route {
    fn to(table: u32, destination: Ipv4Net, link: &str, source: Ipv4Addr) -> Self {
        Self {
            table,
            destination,
            metric: 0,
            hop: Hop::Link {
                link: link.to_owned(),
                source: Some(source),
            },
        }
    }
}

impl Rule {
    fn to(priority: u32, table: u32) -> Self {
        Self {
            priority,
            mark: None,
            source: None,
            action: Action::Table(table),
        }
    }
}

/// A name that a file and an nftables comment can have.
fn check_name(name: &str) -> Result<(), KernelError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.chars().all(plain) {
        return Err(contradiction(
            name,
            "names are 1 to 64 letters, digits, dashes, underscores and dots",
        ));
    }
    Ok(())
}

fn check_link(space: &str, link: &str) -> Result<(), KernelError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if link.is_empty() || link.len() > 15 || link == "lo" || !link.chars().all(plain) {
        return Err(contradiction(
            space,
            format!("'{link}' is no name for a link"),
        ));
    }
    Ok(())
}

fn contradiction(name: &str, why: impl Into<String>) -> KernelError {
    KernelError::Picture {
        name: name.to_owned(),
        why: why.into(),
    }
}

#[cfg(test)]
mod tests;
