//! What a host's namespace has.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use strait_vpc::picture::{Entrance, Host, HostKind, Listen, Mac, Picture};

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
/// What a host with a wire to the outside still sends by its interface.
const PRIVATE: [Ipv4Net; 4] = [
    Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10),
    Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12),
    Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16),
];

pub(super) fn space(
    name: &str,
    host: &Host,
    picture: &Picture,
    refused: &BTreeSet<Listen>,
) -> Result<Space, KernelError> {
    let kind = match host.kind {
        HostKind::Machine => Kind::Machine,
        HostKind::Node => Kind::Node,
        HostKind::Internet => Kind::Internet,
    };
    let mut space = Space::new(kind);
    space.addresses.extend(
        host.addresses
            .iter()
            .map(|address| ("lo".to_owned(), *address)),
    );
    let mut outlets = Vec::new();
    for interface in picture
        .routers
        .values()
        .flat_map(|router| router.interfaces.values())
    {
        if interface.host == name {
            let macs = (interface.host_mac, interface.router_mac);
            if let Some(entrance) = host.entrances.get(&interface.host_link) {
                space.add_entrance(&interface.host_link, *entrance, macs);
                continue;
            }
            space.add_link(&interface.host_link, interface.address, macs);
            outlets.push(Outlet {
                link: interface.host_link.clone(),
                address: interface.address,
                wire: false,
            });
        }
    }
    outlets.sort();
    for wire in picture.wires.values() {
        for (here, there) in [(&wire.a, &wire.b), (&wire.b, &wire.a)] {
            if here.host == name {
                space.add_link(&here.link, here.address, (here.mac, there.mac));
                space.routes.insert(Route::to(
                    MAIN_TABLE,
                    Ipv4Net::from(there.address),
                    &here.link,
                    here.address,
                ));
                if here.default_route {
                    outlets.push(Outlet {
                        link: here.link.clone(),
                        address: here.address,
                        wire: true,
                    });
                }
            }
        }
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

    /// Default routes: by the first interface, or by a wire to the outside with private ranges still by the interface.
    /// With several outlets, answers leave by the link whose address they come from.
    fn add_outlets(&mut self, outlets: &[Outlet]) {
        let wire = outlets.iter().find(|outlet| outlet.wire);
        let interface = outlets.iter().find(|outlet| !outlet.wire);
        if let Some(outlet) = wire.or(interface) {
            self.routes.insert(Route::to(
                MAIN_TABLE,
                EVERYWHERE,
                &outlet.link,
                outlet.address,
            ));
        }
        if let (Some(_), Some(interface)) = (wire, interface) {
            let private = PRIVATE
                .map(|range| Route::to(MAIN_TABLE, range, &interface.link, interface.address));
            self.routes.extend(private);
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
