//! What a change of the network makes different in its names, without going over all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::{
    Names, NetworkNames, ZoneNames, addresses, answered_peers, endpoint_zone, hosts, networks,
    public, zone_names,
};
use crate::id::{EndpointId, SubnetId, VpcId};
use crate::rules;
use crate::state::*;

/// The parts of a network's names that may differ from what they were; `None` in a map is gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renamed {
    addresses: Option<BTreeMap<DomainName, BTreeSet<Ipv4Addr>>>,
    hosts: Option<BTreeMap<Ipv4Addr, DomainName>>,
    zones: BTreeMap<HostedZoneId, Option<ZoneNames>>,
    public: Option<Vec<HostedZoneId>>,
    networks: BTreeMap<String, Option<NetworkNames>>,
}

/// Finds anew what the changes that led from `before` to `after` can have made different: `after`'s tables know which rows
/// changed, until [`Table::take_changed`].
///
/// [`Renamed::apply_to`] the names of `before`, it gives the names of `after`.
#[must_use]
pub fn renamed(before: &Network, after: &Network) -> Renamed {
    let touched = Touched::find(before, after);
    let mut zones = BTreeMap::new();
    for id in touched.zones {
        let zone = after.hosted_zones.get(&id);
        let names = zone.map(|zone| zone_names(after, zone));
        zones.insert(id, names);
    }
    for id in touched.endpoints {
        let endpoint = after.endpoints.get(&id);
        let names = endpoint.and_then(|endpoint| endpoint_zone(after, endpoint));
        zones.insert(rules::endpoint_zone_id(&id), names);
    }
    let mut found = if touched.vpcs.is_empty() {
        BTreeMap::new()
    } else {
        networks(after, &touched.vpcs)
    };
    let vpcs = touched.vpcs.into_iter().map(|id| id.to_string());
    Renamed {
        addresses: touched.addresses.then(|| addresses(after)),
        hosts: touched.hosts.then(|| hosts(after)),
        zones,
        public: touched.public.then(|| public::zones(after)),
        networks: vpcs
            .map(|name| {
                let names = found.remove(&name);
                (name, names)
            })
            .collect(),
    }
}

impl Renamed {
    /// Whether nothing can differ.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self {
            addresses,
            hosts,
            zones,
            public,
            networks,
        } = self;
        addresses.is_none()
            && hosts.is_none()
            && zones.is_empty()
            && public.is_none()
            && networks.is_empty()
    }

    /// Brings names up to date. Returns whether any is different now.
    pub fn apply_to(self, names: &mut Names) -> bool {
        let addresses = replace(&mut names.addresses, self.addresses);
        let hosts = replace(&mut names.hosts, self.hosts);
        let public = replace(&mut names.public, self.public);
        let zones = replace_each(&mut names.zones, self.zones);
        let networks = replace_each(&mut names.networks, self.networks);
        addresses || hosts || public || zones || networks
    }
}

/// What a change can have touched.
struct Touched {
    addresses: bool,
    hosts: bool,
    public: bool,
    zones: BTreeSet<HostedZoneId>,
    /// Those whose private names' zones may differ.
    endpoints: BTreeSet<EndpointId>,
    vpcs: BTreeSet<VpcId>,
}

impl Touched {
    fn find(before: &Network, after: &Network) -> Self {
        // Named one by one, so that a new table is thought about here.
        let Network {
            accounts: _,
            vpcs,
            subnets,
            route_tables,
            internet_gateways,
            security_groups: _,
            network_acls: _,
            // See `add_interfaces`.
            interfaces: _,
            // Interfaces show them.
            elastic_ips: _,
            instances: _,
            peerings,
            prefix_lists: _,
            endpoint_services,
            endpoints,
            gateway_endpoints: _,
            load_balancers,
            target_groups: _,
            listeners: _,
            client_tokens: _,
            counters: _,
            quotas: _,
            sessions: _,
            hosted_zones,
            records,
            zone_changes: _,
        } = after;
        let mut touched = Self {
            addresses: any(load_balancers) || any(endpoints),
            hosts: any(vpcs),
            public: any(hosted_zones) || records.changed().any(|key| key.kind == RecordKind::Ns),
            zones: hosted_zones.changed().cloned().collect(),
            endpoints: endpoints.changed().cloned().collect(),
            vpcs: vpcs.changed().cloned().collect(),
        };
        touched
            .zones
            .extend(records.changed().map(|key| key.zone.clone()));
        touched.add_interfaces(before, after);
        touched.add_vpcs(subnets.changed_rows(&before.subnets).map(|row| &row.vpc));
        touched.add_vpcs(
            route_tables
                .changed_rows(&before.route_tables)
                .map(|row| &row.vpc),
        );
        touched.add_vpcs(
            endpoints
                .changed_rows(&before.endpoints)
                .map(|row| &row.vpc),
        );
        let gateways = internet_gateways.changed_rows(&before.internet_gateways);
        touched.add_vpcs(gateways.filter_map(|row| row.vpc.as_ref()));
        let peerings = peerings.changed_rows(&before.peerings);
        touched.add_vpcs(peerings.flat_map(|row| [&row.requester.vpc, &row.accepter.vpc]));
        for zone in hosted_zones.changed_rows(&before.hosted_zones) {
            if let ZoneReach::Private { vpcs, .. } = &zone.reach {
                touched.add_vpcs(vpcs.iter().map(|vpc| &vpc.vpc));
            }
        }
        if any(endpoint_services) {
            for endpoint in endpoints.values().filter(|row| row.private_dns) {
                touched.endpoints.insert(endpoint.id.clone());
                touched.vpcs.insert(endpoint.vpc.clone());
            }
        }
        if any(subnets) {
            let shown = shown_subnets(after);
            touched.addresses |= subnets.changed().any(|id| shown.contains(id));
        }
        touched.add_peers(before, after);
        touched
    }

    fn add_vpcs<'n>(&mut self, vpcs: impl Iterator<Item = &'n VpcId>) {
        self.vpcs.extend(vpcs.cloned());
    }

    /// What depends on interfaces: whether a VPC has any, their addresses, and whose they are.
    fn add_interfaces(&mut self, before: &Network, after: &Network) {
        for id in after.interfaces.changed() {
            let (old, new) = (before.interfaces.get(id), after.interfaces.get(id));
            let public = |interface: Option<&Interface>| interface.and_then(|row| row.public_ip);
            let moved = match (old, new) {
                (Some(old), Some(new)) => {
                    old.address != new.address
                        || old.public_ip != new.public_ip
                        || old.holder != new.holder
                }
                (Some(_), None) | (None, Some(_)) => true,
                (None, None) => false,
            };
            if !moved {
                continue;
            }
            self.hosts |= public(old).is_some() || public(new).is_some();
            for interface in [old, new].into_iter().flatten() {
                self.vpcs.insert(interface.vpc.clone());
                self.addresses |= match &interface.holder {
                    Holder::Endpoint(id) => {
                        self.endpoints.insert(id.clone());
                        true
                    }
                    Holder::LoadBalancer(_) => true,
                    Holder::None | Holder::Instance { .. } => false,
                };
            }
        }
    }

    /// The VPCs that are answered a touched VPC's private addresses.
    fn add_peers(&mut self, before: &Network, after: &Network) {
        let mut peers = BTreeSet::new();
        for network in [before, after] {
            let touched = answered_peers(network).filter(|(asked, _)| self.vpcs.contains(*asked));
            peers.extend(touched.map(|(_, asker)| asker.clone()));
        }
        self.vpcs.extend(peers);
    }
}

/// The subnets that zonal names of balancers and endpoints show.
fn shown_subnets(network: &Network) -> BTreeSet<&SubnetId> {
    let balancers = network.load_balancers.values();
    let endpoints = network.endpoints.values();
    balancers
        .flat_map(|balancer| balancer.nodes.keys())
        .chain(endpoints.flat_map(|endpoint| endpoint.interfaces.keys()))
        .collect()
}

fn any<K: Ord + Clone, V: Clone>(table: &Table<K, V>) -> bool {
    table.changed().next().is_some()
}

fn replace<T: PartialEq>(old: &mut T, new: Option<T>) -> bool {
    let Some(new) = new.filter(|new| new != old) else {
        return false;
    };
    *old = new;
    true
}

fn replace_each<K: Ord, T: PartialEq>(
    all: &mut BTreeMap<K, T>,
    changed: BTreeMap<K, Option<T>>,
) -> bool {
    let mut different = false;
    for (key, value) in changed {
        different |= all.get(&key) != value.as_ref();
        match value {
            Some(value) => all.insert(key, value),
            None => all.remove(&key),
        };
    }
    different
}
