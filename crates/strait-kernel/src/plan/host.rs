//! What a host's namespace has.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use strait_vpc::picture::{
    DOWNLINK, Entrance, Host, HostKind, Interface, Listen, Mac, Picture, Uplink, WireEnd,
};

use crate::error::KernelError;
use crate::plan::{
    EVERYWHERE, Hop, Kind, LOCAL_TABLE, MARK_PRIORITY, Route, Rule, Space, contradiction,
};
use crate::ruleset::{self, mark};

const MAIN_TABLE: u32 = 254;
/// The first of a host's tables by source address, one a link.
const SOURCE_TABLE: u32 = 1000;
/// A node's rules: answers to its entrances, then its own addresses. The kernel's first rule for these is taken away.
const ENTRANCE_PRIORITY: u32 = 10;
const OWN_PRIORITY: u32 = 50;

/// `plugs` are the interfaces that the host holds.
pub(super) fn space(
    name: &str,
    host: &Host,
    plugs: &[&Interface],
    picture: &Picture,
    refused: &BTreeSet<Listen>,
) -> Result<Space, KernelError> {
    let kind = match host.kind {
        HostKind::Machine => Kind::Machine,
        HostKind::Node => Kind::Node,
        HostKind::Gateway => Kind::Gateway,
        HostKind::Internet => Kind::Internet,
    };
    let mut space = Space::new(kind);
    space.addresses.extend(
        host.addresses
            .iter()
            .map(|address| ("lo".to_owned(), *address)),
    );
    let mut outlets = Vec::new();
    for interface in plugs {
        let macs = (interface.host_mac, interface.router_mac);
        if let Some(entrance) = host.entrances.get(&interface.host_link) {
            space.add_entrance(&interface.host_link, *entrance, macs);
            continue;
        }
        space.add_link(&interface.host_link, interface.address, macs);
        outlets.push(Outlet {
            link: interface.host_link.clone(),
            address: interface.address,
        });
    }
    outlets.sort();
    for wire in picture.wires.values() {
        for (here, there) in [(&wire.a, &wire.b), (&wire.b, &wire.a)] {
            if here.host == name {
                space.add_wire(here, there);
            }
        }
    }
    for uplink in picture
        .routers
        .values()
        .filter_map(|router| router.uplink.as_ref())
        .filter(|uplink| uplink.host == name)
    {
        space.add_downlink(host, uplink);
    }
    space.add_outlets(&outlets);
    for forward in host.forwards.values().flatten() {
        if !space.links.contains_key(&forward.link) {
            return Err(contradiction(
                name,
                format!(
                    "it forwards to {} by {}, which is not there",
                    forward.to, forward.link
                ),
            ));
        }
        // A target that is the node itself: the kernel has a route to it, which must stay.
        if space
            .addresses
            .iter()
            .any(|(_, own)| own == forward.to.ip())
        {
            continue;
        }
        // In the table that is looked up first, since every packet to a target asks for it.
        let route = Route::to(
            LOCAL_TABLE,
            Ipv4Net::from(*forward.to.ip()),
            &forward.link,
            forward.from,
        );
        let known = space.routes.iter().find(|known| {
            matches!(known.table, MAIN_TABLE | LOCAL_TABLE)
                && known.destination == route.destination
        });
        match known.map(|known| &known.hop) {
            None => {
                space.routes.insert(route);
            }
            Some(Hop::Link { link, .. }) if *link == forward.link => {}
            Some(Hop::Link { .. } | Hop::Blackhole | Hop::Unreachable) => {
                return Err(contradiction(
                    name,
                    format!("{} is to be reached by two links", forward.to.ip()),
                ));
            }
        }
    }
    if kind == Kind::Node {
        // Answers to an entrance go there before the node looks whether their address is one of its own.
        space.rules.insert(Rule::to(OWN_PRIORITY, LOCAL_TABLE));
    }
    space.ruleset = ruleset::host(name, host, &ruleset::wires(picture, name), refused)?;
    Ok(space)
}

/// A link of a host that leads everywhere.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Outlet {
    link: String,
    address: Ipv4Addr,
}

impl Space {
    /// A link without an address, by which answers with its mark leave, whatever their address.
    fn add_entrance(&mut self, link: &str, entrance: Entrance, macs: (Mac, Mac)) {
        self.links.insert(link.to_owned(), macs);
        let mark = mark(entrance);
        self.routes.insert(Route {
            table: mark,
            destination: EVERYWHERE,
            metric: 0,
            hop: Hop::Link {
                link: link.to_owned(),
                source: None,
            },
        });
        self.rules.insert(Rule {
            mark: Some(mark),
            ..Rule::to(ENTRANCE_PRIORITY, mark)
        });
    }

    /// An end of a wire: a route to the other end's address, and those that lead out by it.
    fn add_wire(&mut self, here: &WireEnd, there: &WireEnd) {
        self.links.insert(here.link.clone(), (here.mac, there.mac));
        if let Some(address) = here.address {
            self.addresses.insert((here.link.clone(), address));
        }
        let other = there.address.map(Ipv4Net::from);
        let table = match self.kind {
            // A node's ways to its targets are in the table that it looks at first.
            Kind::Node => LOCAL_TABLE,
            Kind::Machine | Kind::Gateway | Kind::Internet | Kind::Router => MAIN_TABLE,
        };
        for destination in here.routes.iter().copied().chain(other) {
            self.routes.insert(Route {
                table,
                destination,
                metric: 0,
                hop: Hop::Link {
                    link: here.link.clone(),
                    source: here.address,
                },
            });
        }
    }

    /// A gateway's end of the link to its router: the addresses that it translates to are there.
    fn add_downlink(&mut self, host: &Host, uplink: &Uplink) {
        self.links
            .insert(DOWNLINK.to_owned(), (uplink.remote_mac, uplink.mac));
        for private in host.translations.keys() {
            self.routes.insert(Route {
                table: MAIN_TABLE,
                destination: Ipv4Net::from(*private),
                metric: 0,
                hop: Hop::Link {
                    link: DOWNLINK.to_owned(),
                    source: None,
                },
            });
        }
        self.translations = host.translations.clone();
    }

    /// A default route by the first interface. With several, answers leave by the link whose address they come from.
    fn add_outlets(&mut self, outlets: &[Outlet]) {
        if let Some(outlet) = outlets.first() {
            self.routes.insert(Route::to(
                MAIN_TABLE,
                EVERYWHERE,
                &outlet.link,
                outlet.address,
            ));
        }
        if outlets.len() < 2 {
            return;
        }
        for (table, outlet) in (SOURCE_TABLE..).zip(outlets) {
            self.routes
                .insert(Route::to(table, EVERYWHERE, &outlet.link, outlet.address));
            self.rules.insert(Rule {
                source: Some(outlet.address),
                ..Rule::to(MARK_PRIORITY, table)
            });
        }
    }
}
