//! What a router's namespace has.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use strait_vpc::picture::{Router, Target, UPLINK};

use crate::error::KernelError;
use crate::plan::{
    Action, EVERYWHERE, Hop, Kind, LOCAL_TABLE, MARK_PRIORITY, Route, Rule, Space, contradiction,
};
use crate::ruleset;

const LAST_PRIORITY: u32 = 40_000;

pub(super) fn space(name: &str, router: &Router) -> Result<Space, KernelError> {
    let mut space = Space::new(Kind::Router);
    space.ranges = router.ranges.clone();
    let lo = router
        .addresses
        .iter()
        .chain(&router.resolvers)
        .map(|address| ("lo".to_owned(), *address));
    space.addresses.extend(lo);
    let mut tables: BTreeSet<u32> = router.tables.keys().copied().collect();
    for range in &router.ranges {
        space.routes.insert(Route {
            table: LOCAL_TABLE,
            destination: *range,
            metric: 0,
            hop: Hop::Unreachable,
        });
    }
    for (link, interface) in &router.interfaces {
        let destination = Ipv4Net::from(interface.address);
        space.routes.remove(&Route {
            table: LOCAL_TABLE,
            destination,
            metric: 0,
            hop: Hop::Unreachable,
        });
        space.routes.insert(Route {
            table: LOCAL_TABLE,
            destination,
            metric: 0,
            hop: Hop::Link {
                link: link.clone(),
                source: None,
            },
        });
        space
            .links
            .insert(link.clone(), (interface.router_mac, interface.host_mac));
        space.holders.insert(link.clone(), interface.host.clone());
        space
            .users
            .entry(interface.table)
            .or_default()
            .insert(interface.address);
        tables.insert(interface.table);
    }
    for (link, peer) in &router.peers {
        if space
            .links
            .insert(link.clone(), (peer.mac, peer.remote_mac))
            .is_some()
        {
            return Err(contradiction(
                name,
                format!("an interface and a peer both have link {link}"),
            ));
        }
    }
    if let Some(uplink) = &router.uplink {
        let macs = (uplink.mac, uplink.remote_mac);
        if space.links.insert(UPLINK.to_owned(), macs).is_some() {
            return Err(contradiction(
                name,
                format!("an interface or peer has the link {UPLINK}, which is the gateway's"),
            ));
        }
    }
    space.rules.insert(Rule {
        priority: LAST_PRIORITY,
        mark: None,
        source: None,
        action: Action::Unreachable,
    });
    for table in tables {
        if table < 1000 {
            return Err(contradiction(
                name,
                format!("route table {table} is below 1000"),
            ));
        }
        space.rules.insert(Rule {
            mark: Some(table),
            ..Rule::to(MARK_PRIORITY, table)
        });
        space.routes.insert(Route {
            table,
            destination: EVERYWHERE,
            metric: u32::MAX,
            hop: Hop::Unreachable,
        });
    }
    for (table, routes) in &router.tables {
        for (destination, target) in routes {
            let hop = match target {
                Target::Peer(link) if router.peers.contains_key(link) => Hop::Link {
                    link: link.clone(),
                    source: None,
                },
                Target::Interface(link) if router.interfaces.contains_key(link) => Hop::Link {
                    link: link.clone(),
                    source: None,
                },
                Target::Uplink if router.uplink.is_some() => Hop::Link {
                    link: UPLINK.to_owned(),
                    source: None,
                },
                Target::Uplink => {
                    return Err(contradiction(
                        name,
                        format!(
                            "the route to {destination} leads to the internet without a gateway"
                        ),
                    ));
                }
                Target::Peer(link) | Target::Interface(link) => {
                    return Err(contradiction(
                        name,
                        format!("the route to {destination} leads to {link}, which is not there"),
                    ));
                }
                Target::Blackhole => Hop::Blackhole,
            };
            space.routes.insert(Route {
                table: *table,
                destination: *destination,
                metric: 0,
                hop,
            });
        }
    }
    space.ruleset = ruleset::router(name, router)?;
    Ok(space)
}
