//! What names mean: the resolver's part of a network, as [`crate::picture`] is the kernel's.

mod public;
mod renamed;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

pub(crate) use public::texts;
pub use renamed::{Renamed, renamed};

use crate::id::{InterfaceId, Region, VpcId};
use crate::reach::lookup;
use crate::rules::{self, ENDPOINT_ZONE, LOAD_BALANCER_ZONE};
use crate::state::*;

/// How many names in a row may each stand for the next, by aliases or by CNAME records.
pub const CHAIN: usize = 8;

/// How long an endpoint's private name may be kept, in seconds.
const PRIVATE_TTL: u32 = 60;

/// All names of a network at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// AWS's own names that everybody is answered: load balancers and endpoints.
    pub addresses: BTreeMap<DomainName, BTreeSet<Ipv4Addr>>,
    /// Public addresses of interfaces with their names, such as `ec2-198-51-100-10.compute-1.amazonaws.com`.
    pub hosts: BTreeMap<Ipv4Addr, DomainName>,
    /// Hosted zones, those of endpoints' private names too.
    pub zones: BTreeMap<HostedZoneId, ZoneNames>,
    /// The public ones that the internet finds: everybody is answered from the one with the longest name.
    pub public: Vec<HostedZoneId>,
    /// What VPCs with a resolver are answered besides, by their names in the kernel's picture.
    pub networks: BTreeMap<String, NetworkNames>,
}

/// The names of a hosted zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneNames {
    /// The zone's name.
    pub name: DomainName,
    /// Its records.
    pub records: Vec<NamedRecords>,
}

/// The records of a name and type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedRecords {
    /// The name.
    pub name: DomainName,
    /// The type.
    pub kind: RecordKind,
    /// What they say.
    pub says: Says,
}

/// What records say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Says {
    /// This.
    Data {
        /// How many seconds an answer may be kept.
        ttl: u32,
        /// The values.
        data: Vec<RecordData>,
    },
    /// What the records of the same type of another name in the zone say.
    OwnAlias(DomainName),
    /// The addresses of one of AWS's own names.
    AwsAlias(DomainName),
}

/// What a VPC is answered besides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkNames {
    /// Its private zones, and those of its endpoints' private names.
    pub zones: Vec<HostedZoneId>,
    /// The zone of its instances' names, such as `ec2.internal`, if they are answered.
    pub internal: Option<DomainName>,
    /// Its ranges: `ip-10-0-0-5` in `internal` is 10.0.0.5, as in every VPC that has this address.
    pub ranges: BTreeSet<Ipv4Net>,
    /// Public addresses that stand for private ones to it: its own, and those of peers that allow it.
    pub inside: BTreeMap<Ipv4Addr, Ipv4Addr>,
    /// Whether it has a route to the internet: only then are its questions passed on.
    pub internet: bool,
}

/// What the resolver must answer for a network.
#[must_use]
pub fn names(network: &Network) -> Names {
    Names {
        addresses: addresses(network),
        hosts: hosts(network),
        zones: zones(network),
        public: public::zones(network),
        networks: networks(network, &network.vpcs.keys().cloned().collect()),
    }
}

/// The domain of the private names of a Region's instances.
pub(crate) fn private_domain(region: &Region) -> String {
    match region.as_str() {
        "us-east-1" => "ec2.internal".to_owned(),
        other => format!("{other}.compute.internal"),
    }
}

/// The name of a public address in a Region.
pub(crate) fn public_name(region: &Region, address: Ipv4Addr) -> String {
    let address = address.to_string().replace('.', "-");
    match region.as_str() {
        "us-east-1" => format!("ec2-{address}.compute-1.amazonaws.com"),
        other => format!("ec2-{address}.{other}.compute.amazonaws.com"),
    }
}

/// The names of an endpoint with their addresses: the Regional one, then one a zone.
pub(crate) fn endpoint_names(
    network: &Network,
    endpoint: &Endpoint,
) -> Vec<(String, BTreeSet<Ipv4Addr>)> {
    let base = format!(
        "{}.{}.vpce.amazonaws.com",
        endpoint.service, endpoint.region
    );
    let name = |infix: &str| format!("{}-{}{infix}.{base}", endpoint.id, endpoint.dns_suffix);
    let address = |id: &InterfaceId| Some(network.interfaces.get(id)?.address);
    let all = endpoint.interfaces.values().filter_map(address).collect();
    let zones = endpoint
        .interfaces
        .iter()
        .filter_map(|(subnet, interface)| {
            let subnet = network.subnets.get(subnet)?;
            let infix = format!("-{}{}", subnet.region, subnet.zone);
            Some((name(&infix), address(interface).into_iter().collect()))
        });
    std::iter::once((name(""), all)).chain(zones).collect()
}

/// The id of AWS's zone that one of its own names lies in, by which an alias means it; `None` if there is no such name.
pub(crate) fn alias_zone(network: &Network, name: &DomainName) -> Option<&'static str> {
    let name = undualed(name);
    let is = |text: &str| {
        text.parse::<DomainName>()
            .is_ok_and(|parsed| parsed == name)
    };
    let mut balancers = network.load_balancers.values();
    if balancers.any(|balancer| balancer_names(network, balancer).any(|(name, _)| is(&name))) {
        return Some(LOAD_BALANCER_ZONE);
    }
    let mut endpoints = network.endpoints.values();
    endpoints
        .any(|endpoint| {
            endpoint_names(network, endpoint)
                .iter()
                .any(|(name, _)| is(name))
        })
        .then_some(ENDPOINT_ZONE)
}

/// A load balancer's name without the `dualstack.` that consoles put before it.
fn undualed(name: &DomainName) -> DomainName {
    let rest = name.as_str().strip_prefix("dualstack.");
    rest.and_then(|rest| rest.parse().ok())
        .unwrap_or_else(|| name.clone())
}

/// The names of a load balancer with their nodes: the Regional one, then one a zone.
fn balancer_names<'n>(
    network: &'n Network,
    balancer: &'n LoadBalancer,
) -> impl Iterator<Item = (String, Box<dyn Iterator<Item = &'n Interface> + 'n>)> {
    type Nodes<'n> = Box<dyn Iterator<Item = &'n Interface> + 'n>;
    let node = |id: &InterfaceId| network.interfaces.get(id);
    let all: Nodes<'n> = Box::new(balancer.nodes.values().filter_map(node));
    let zones = balancer.nodes.iter().filter_map(move |(subnet, id)| {
        let subnet = network.subnets.get(subnet)?;
        let name = format!("{}{}.{}", subnet.region, subnet.zone, balancer.dns_name);
        let nodes: Nodes<'n> = Box::new(node(id).into_iter());
        Some((name, nodes))
    });
    std::iter::once((balancer.dns_name.clone(), all)).chain(zones)
}

fn add(
    names: &mut BTreeMap<DomainName, BTreeSet<Ipv4Addr>>,
    name: &str,
    addresses: BTreeSet<Ipv4Addr>,
) {
    if let Ok(name) = name.parse::<DomainName>() {
        names.entry(name).or_default().extend(addresses);
    }
}

fn zones(network: &Network) -> BTreeMap<HostedZoneId, ZoneNames> {
    let hosted = network.hosted_zones.values();
    let hosted = hosted.map(|zone| (zone.id.clone(), zone_names(network, zone)));
    let private = network.endpoints.values().filter_map(|endpoint| {
        let names = endpoint_zone(network, endpoint)?;
        Some((rules::endpoint_zone_id(&endpoint.id), names))
    });
    hosted.chain(private).collect()
}

/// The zone of an endpoint's private name, if it has one that resolves: the name alone, or all below it, and nothing else.
fn endpoint_zone(network: &Network, endpoint: &Endpoint) -> Option<ZoneNames> {
    let private = rules::private_name(network, endpoint)?;
    let interfaces = endpoint.interfaces.values();
    let address = |id: &InterfaceId| Some(network.interfaces.get(id)?.address);
    let addresses: BTreeSet<Ipv4Addr> = interfaces.filter_map(address).collect();
    let set = NamedRecords {
        name: private.parse().ok()?,
        kind: RecordKind::A,
        says: Says::Data {
            ttl: PRIVATE_TTL,
            data: addresses.into_iter().map(RecordData::A).collect(),
        },
    };
    Some(ZoneNames {
        name: rules::private_zone(private)?,
        records: vec![set],
    })
}

fn zone_names(network: &Network, zone: &HostedZone) -> ZoneNames {
    let records = rules::records_of(network, &zone.id).map(|(_, set)| NamedRecords {
        name: set.name.clone(),
        kind: set.kind,
        says: match &set.content {
            RecordContent::Values { ttl, values } => {
                // Each was read when it was accepted.
                let read = |value: &String| rules::record_value(set.kind, value);
                Says::Data {
                    ttl: *ttl,
                    data: values.iter().filter_map(read).collect(),
                }
            }
            RecordContent::Alias {
                zone: other, name, ..
            } if other == zone.id.as_str() => Says::OwnAlias(name.clone()),
            RecordContent::Alias { name, .. } => Says::AwsAlias(undualed(name)),
        },
    });
    ZoneNames {
        name: zone.name.clone(),
        records: records.collect(),
    }
}

/// AWS's own names that everybody is answered, but those of interfaces.
fn addresses(network: &Network) -> BTreeMap<DomainName, BTreeSet<Ipv4Addr>> {
    let mut all = BTreeMap::new();
    for balancer in network.load_balancers.values() {
        for (name, nodes) in balancer_names(network, balancer) {
            let nodes = nodes.filter_map(|node| match balancer.internet_facing {
                true => node.public_ip,
                false => Some(node.address),
            });
            add(&mut all, &name, nodes.collect());
        }
    }
    for endpoint in network.endpoints.values() {
        if endpoint.state == EndpointState::Available {
            for (name, addresses) in endpoint_names(network, endpoint) {
                add(&mut all, &name, addresses);
            }
        }
    }
    all
}

/// The public addresses of interfaces with their names: those of VPCs with DNS names.
fn hosts(network: &Network) -> BTreeMap<Ipv4Addr, DomainName> {
    let named = network.interfaces.values().filter_map(|interface| {
        let address = interface.public_ip?;
        let vpc = network.vpcs.get(&interface.vpc)?;
        let name = public_name(&interface.region, address).parse().ok()?;
        names_instances(vpc).then_some((address, name))
    });
    named.collect()
}

/// What these VPCs are answered besides: those of them that have a resolver and something that asks it.
fn networks(network: &Network, vpcs: &BTreeSet<VpcId>) -> BTreeMap<String, NetworkNames> {
    let mut all = BTreeMap::new();
    for interface in network.interfaces.values() {
        if vpcs.contains(&interface.vpc) && !all.contains_key(&interface.vpc) {
            let vpc = network.vpcs.get(&interface.vpc);
            if let Some(vpc) = vpc.filter(|vpc| vpc.dns_support) {
                all.insert(vpc.id.clone(), of_vpc(vpc));
            }
        }
    }
    add_zones(network, &mut all);
    add_inside(network, &mut all);
    for subnet in network.subnets.values() {
        if let Some(there) = all.get_mut(&subnet.vpc)
            && !there.internet
        {
            there.internet = leads_out(network, subnet);
        }
    }
    let named = all.into_iter().map(|(id, names)| (id.to_string(), names));
    named.collect()
}

/// Whether a VPC's instances have names, public ones if they have public addresses. Private zones want it too:
/// <https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html#vpc-dns-support>.
pub(crate) const fn names_instances(vpc: &Vpc) -> bool {
    vpc.dns_support && vpc.dns_hostnames
}

fn of_vpc(vpc: &Vpc) -> NetworkNames {
    if !names_instances(vpc) {
        return NetworkNames::default();
    }
    NetworkNames {
        internal: private_domain(&vpc.region).parse().ok(),
        ranges: vpc.cidrs().collect(),
        ..NetworkNames::default()
    }
}

fn add_zones(network: &Network, all: &mut BTreeMap<VpcId, NetworkNames>) {
    let mut add = |vpc: &VpcId, zone: HostedZoneId| {
        if let Some(there) = all.get_mut(vpc)
            && there.internal.is_some()
        {
            there.zones.push(zone);
        }
    };
    for zone in network.hosted_zones.values() {
        if let ZoneReach::Private { vpcs, .. } = &zone.reach {
            for vpc in vpcs {
                add(&vpc.vpc, zone.id.clone());
            }
        }
    }
    for endpoint in network.endpoints.values() {
        if rules::private_name(network, endpoint).is_some() {
            add(&endpoint.vpc, rules::endpoint_zone_id(&endpoint.id));
        }
    }
}

/// A VPC is answered private addresses for public names of its own instances, and of a peer's if the peer allows it:
/// <https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-dns.html>.
fn add_inside(network: &Network, all: &mut BTreeMap<VpcId, NetworkNames>) {
    let mut askers: BTreeMap<&VpcId, BTreeSet<&VpcId>> = BTreeMap::new();
    for (asked, asker) in answered_peers(network) {
        askers.entry(asked).or_default().insert(asker);
    }
    for interface in network.interfaces.values() {
        let vpc = &interface.vpc;
        let Some(public) = interface.public_ip else {
            continue;
        };
        if !network.vpcs.get(vpc).is_some_and(names_instances) {
            continue;
        }
        let of_peers = askers.get(vpc).into_iter().flatten().copied();
        for asker in std::iter::once(vpc).chain(of_peers) {
            if let Some(there) = all.get_mut(asker)
                && there.internal.is_some()
            {
                there.inside.insert(public, interface.address);
            }
        }
    }
}

/// VPCs with each peer that is answered their private addresses.
fn answered_peers(network: &Network) -> impl Iterator<Item = (&VpcId, &VpcId)> {
    let peerings = network.peerings.values();
    let active = peerings.filter(|peering| peering.state == PeeringState::Active);
    let sides = active.flat_map(|peering| {
        let (one, other) = (&peering.requester, &peering.accepter);
        [(one, other), (other, one)]
    });
    sides
        .filter(|(asked, _)| asked.allow_dns)
        .map(|(asked, asker)| (&asked.vpc, &asker.vpc))
}

/// Whether a subnet has a route to an internet gateway that is attached to its VPC.
fn leads_out(network: &Network, subnet: &Subnet) -> bool {
    let Some(table) = lookup::route_table(network, subnet) else {
        return false;
    };
    let mut targets = table.routes.values().chain(table.list_routes.values());
    targets.any(|target| match target {
        RouteTarget::InternetGateway(_) => rules::is_active(network, &subnet.vpc, target),
        RouteTarget::Peering(_) | RouteTarget::Interface(_) | RouteTarget::GatewayEndpoint(_) => {
            false
        }
    })
}
