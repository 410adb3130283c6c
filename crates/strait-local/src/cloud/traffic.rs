//! What passes by the ways to services, as the kernel counts it: bytes of their entrances' links, and the connections that the
//! routers before them track.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use strait_plane::cloud::Traffic;
use strait_vpc::picture::router_link;
use strait_vpc::state::Interface;
use strait_vpc::{InterfaceId, Network};

use super::Local;
use super::key::Key;

/// The plane's words for a service and a way to it.
type Way = (String, String);

/// Where a way is entered.
struct Entrance {
    way: Way,
    /// The link's name at the router.
    link: String,
    address: Ipv4Addr,
}

impl Local {
    /// By service and network; nothing is said of ways whose routers cannot be looked at just now.
    pub(super) async fn count_traffic(&self) -> BTreeMap<Way, Traffic> {
        let network = self.network().await;
        let kernel = Arc::clone(&self.inner.kernel);
        let counted = tokio::task::spawn_blocking(move || {
            let mut counted: BTreeMap<Way, Traffic> = BTreeMap::new();
            for (router, entrances) in entrances(&network) {
                match kernel.traffic(&router) {
                    Ok(found) => {
                        for entrance in entrances {
                            let links = found.links.get(&entrance.link);
                            let sum = counted.entry(entrance.way).or_default();
                            sum.open += found.open.get(&entrance.address).copied().unwrap_or(0);
                            // What the router sends by the link goes in.
                            sum.bytes_in += links.map_or(0, |link| link.sent);
                            sum.bytes_out += links.map_or(0, |link| link.received);
                        }
                    }
                    Err(error) => {
                        tracing::debug!(router, %error, "a router could not be looked at");
                    }
                }
            }
            counted
        });
        counted.await.unwrap_or_default()
    }
}

/// Where ways are entered, by router.
fn entrances(network: &Network) -> BTreeMap<String, Vec<Entrance>> {
    let mut found: BTreeMap<String, Vec<Entrance>> = BTreeMap::new();
    let mut add = |way: Way, interfaces: &mut dyn Iterator<Item = &InterfaceId>| {
        for interface in interfaces.filter_map(|id| network.interfaces.get(id)) {
            let entrance = entrance(way.clone(), interface);
            let router = interface.vpc.to_string();
            found.entry(router).or_default().push(entrance);
        }
    };
    for endpoint in network.endpoints.values() {
        let key = Key::of(network, &endpoint.owner, &endpoint.tags);
        if let Some(way) = key.as_ref().and_then(Key::private_way) {
            add(way, &mut endpoint.interfaces.values());
        }
    }
    for balancer in network.load_balancers.values() {
        let key = Key::of(network, &balancer.owner, &balancer.tags);
        if let Some(service) = key.as_ref().and_then(Key::public_way) {
            add((service, "public".to_owned()), &mut balancer.nodes.values());
        }
    }
    found
}

fn entrance(way: Way, interface: &Interface) -> Entrance {
    Entrance {
        way,
        link: router_link(interface),
        address: interface.address,
    }
}
