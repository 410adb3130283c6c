mod links;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::*;
use crate::picture::{AclMatch, Forward, Listen, Member, PortBox, Transport};
use crate::reach::sample::{ENDPOINT, Sample, cidr, net, story, tcp};
use crate::reach::target;
use crate::state::{Direction, EndpointState, PeeringState, RulePeer, Traffic};

#[test]
fn nothing_but_the_internet_is_there_at_first() {
    let picture = picture(&Network::default());
    assert!(picture.routers.is_empty() && picture.wires.is_empty());
    assert_eq!(picture.hosts.keys().collect::<Vec<_>>(), [INTERNET]);
    assert_eq!(picture.hosts[INTERNET].kind, HostKind::Internet);
    assert_eq!(picture.hosts[INTERNET].addresses.len(), 3);
}

#[test]
fn an_endpoint_leads_into_the_balancers_node_and_on_to_its_target() {
    let sample = story();
    let picture = picture(&sample.network);
    assert!(
        !picture
            .hosts
            .contains_key(sample.endpoint_interface.as_str())
    );
    let own = sample.network.interfaces.get(&sample.endpoint_interface);
    let own = own.expect("the interface");
    let link = format!("v{}", own.index);
    let interface =
        &picture.routers[sample.peering_vpc.vpc.as_str()].interfaces[&format!("e{}", own.index)];
    assert_eq!(
        (interface.host.as_str(), &interface.host_link),
        (sample.node.as_str(), &link)
    );
    let node = &picture.hosts[sample.node.as_str()];
    assert_eq!(node.kind, HostKind::Node);
    assert_eq!(node.entrances.keys().collect::<Vec<_>>(), [&link]);
    assert_eq!(node.entrances[&link].address, ENDPOINT);
    let forward = BTreeSet::from([Forward {
        to: "10.0.1.6:5432".parse().expect("an address"),
        link: picture
            .wires
            .values()
            .next()
            .expect("a wire")
            .a
            .link
            .clone(),
        from: Ipv4Addr::new(10, 0, 1, 5),
    }]);
    assert_eq!(
        node.forwards,
        BTreeMap::from([(listen("eth0"), forward.clone()), (listen(&link), forward)])
    );
}

#[test]
fn a_node_sends_to_its_own_zone_unless_zones_are_crossed() {
    let mut sample = story();
    let mut far = sample.service_vpc.clone();
    far.subnet = SubnetId::from_random(90);
    let near = sample
        .network
        .subnets
        .get(&sample.service_vpc.subnet)
        .expect("the subnet");
    let row = state::Subnet {
        id: far.subnet.clone(),
        zone: 'b',
        cidr: Some(net("10.0.2.0/24")),
        ..near.clone()
    };
    sample.network.subnets.insert(row.id.clone(), row);
    sample.instance(&far, "10.0.2.4");
    let holder = Holder::LoadBalancer(sample.balancer.clone());
    let second = sample.interface(&far, "10.0.2.5", BTreeSet::new(), holder);
    let group = sample
        .network
        .target_groups
        .keys()
        .next()
        .expect("a target group")
        .clone();
    let target = state::Target {
        id: "10.0.2.4".to_owned(),
        port: 5432,
    };
    sample
        .network
        .target_groups
        .get_mut(&group)
        .expect("the group")
        .targets
        .insert(target);
    let targets = |sample: &Sample| {
        let picture = picture(&sample.network);
        picture.hosts[sample.node.as_str()].forwards[&listen("eth0")]
            .iter()
            .map(|to| *to.to.ip())
            .collect::<Vec<_>>()
    };
    assert_eq!(targets(&sample), [Ipv4Addr::new(10, 0, 1, 6)]);
    let arn = sample.balancer.clone();
    let balancer = sample.network.load_balancers.get_mut(&arn);
    balancer
        .expect("the balancer")
        .nodes
        .insert(far.subnet.clone(), second.clone());
    assert_eq!(targets(&sample), [Ipv4Addr::new(10, 0, 1, 6)]);
    let other = picture(&sample.network).hosts[second.as_str()].forwards[&listen("eth0")].clone();
    assert_eq!(
        other.iter().map(|to| *to.to.ip()).collect::<Vec<_>>(),
        [Ipv4Addr::new(10, 0, 2, 4)]
    );
    let crossed = (target::CROSS_ZONE.to_owned(), "true".to_owned());
    sample
        .network
        .load_balancers
        .get_mut(&arn)
        .expect("the balancer")
        .attributes
        .extend([crossed]);
    assert_eq!(
        targets(&sample),
        [Ipv4Addr::new(10, 0, 1, 6), Ipv4Addr::new(10, 0, 2, 4)]
    );
}

#[test]
fn an_endpoint_that_is_not_available_is_a_node_of_its_own() {
    for state in [EndpointState::PendingAcceptance, EndpointState::Rejected] {
        let mut sample = story();
        sample
            .network
            .endpoints
            .get_mut(&sample.endpoint)
            .expect("the endpoint")
            .state = state;
        let picture = picture(&sample.network);
        assert!(picture.hosts[sample.node.as_str()].entrances.is_empty());
        assert!(
            picture.hosts[sample.endpoint_interface.as_str()]
                .forwards
                .is_empty()
        );
        assert_eq!(picture.hosts[sample.node.as_str()].forwards.len(), 1);
    }
}

#[test]
fn a_gateway_is_there_while_something_has_a_public_address() {
    let mut sample = story();
    let main = sample.service_vpc.table.clone();
    let gateway = sample.gateway(&sample.service_vpc.clone());
    sample.route(
        &main,
        "0.0.0.0/0",
        RouteTarget::InternetGateway(gateway.clone()),
    );
    let route = |picture: &Picture, sample: &Sample| {
        let router = &picture.routers[sample.service_vpc.vpc.as_str()];
        table(router)[&net("0.0.0.0/0")].clone()
    };
    let before = picture(&sample.network);
    assert_eq!(route(&before, &sample), Target::Blackhole);
    assert!(!before.hosts.contains_key(gateway.as_str()));
    let public = Ipv4Addr::new(203, 0, 113, 1);
    sample.make_public(&sample.target_interface.clone(), public);
    let after = picture(&sample.network);
    assert_eq!(route(&after, &sample), Target::Uplink);
    let host = &after.hosts[gateway.as_str()];
    assert_eq!(host.kind, HostKind::Gateway);
    assert_eq!(
        host.translations,
        BTreeMap::from([(Ipv4Addr::new(10, 0, 1, 6), public)])
    );
    let wire = after
        .wires
        .values()
        .find(|wire| wire.a.host == INTERNET)
        .expect("a wire to the internet");
    assert_eq!(wire.b.host, gateway.as_str());
    assert_eq!(wire.a.routes, BTreeSet::from([public.into()]));
    let uplink = after.routers[sample.service_vpc.vpc.as_str()]
        .uplink
        .as_ref()
        .expect("an uplink");
    assert_eq!(uplink.host, gateway.as_str());
    assert!(uplink.sources.iter().any(|range| range.contains(&public)));
    sample
        .network
        .internet_gateways
        .get_mut(&gateway)
        .expect("the gateway")
        .vpc = None;
    let detached = picture(&sample.network);
    assert_eq!(route(&detached, &sample), Target::Blackhole);
    assert!(
        detached
            .routers
            .values()
            .all(|router| router.uplink.is_none())
    );
}

#[test]
fn an_address_that_nothing_holds_is_not_translated() {
    let mut sample = story();
    let side = sample.service_vpc.clone();
    sample.gateway(&side);
    let loose = sample.interface(&side, "10.0.1.9", BTreeSet::new(), Holder::None);
    sample.make_public(&loose, Ipv4Addr::new(203, 0, 113, 1));
    let picture = picture(&sample.network);
    assert!(picture.routers[side.vpc.as_str()].uplink.is_none());
}

#[test]
fn entrances_of_one_node_never_share_a_number() {
    let mut sample = story();
    let side = sample.peering_vpc.clone();
    let first = sample
        .network
        .interfaces
        .get(&sample.endpoint_interface)
        .expect("an interface")
        .index;
    let mut endpoint = sample
        .network
        .endpoints
        .get(&sample.endpoint)
        .expect("an endpoint")
        .clone();
    endpoint.id = EndpointId::from_random(2);
    let id = sample.interface(
        &side,
        "10.1.0.5",
        BTreeSet::new(),
        Holder::Endpoint(endpoint.id.clone()),
    );
    sample
        .network
        .interfaces
        .get_mut(&id)
        .expect("an interface")
        .index = first + u32::from(u16::MAX);
    endpoint.interfaces = BTreeMap::from([(side.subnet, id.clone())]);
    sample
        .network
        .endpoints
        .insert(endpoint.id.clone(), endpoint);
    let taken = picture(&sample.network);
    assert_eq!(taken.hosts[sample.node.as_str()].entrances.len(), 1);
    assert!(taken.hosts.contains_key(id.as_str()), "it leads nowhere");
    let own = sample.network.interfaces.get_mut(&id);
    own.expect("an interface").index += 1;
    let free = picture(&sample.network);
    let entrances = &free.hosts[sample.node.as_str()].entrances;
    let numbers: BTreeSet<u16> = entrances.values().map(|entrance| entrance.number).collect();
    assert_eq!((entrances.len(), numbers.len()), (2, 2));
}

#[test]
fn links_have_names_and_macs_of_their_own() {
    let picture = picture(&story().network);
    let mut macs = BTreeSet::new();
    for interface in picture
        .routers
        .values()
        .flat_map(|router| router.interfaces.values())
    {
        assert!(macs.insert(interface.host_mac) && macs.insert(interface.router_mac));
    }
    for peer in picture
        .routers
        .values()
        .flat_map(|router| router.peers.values())
    {
        assert!(macs.insert(peer.mac));
    }
    for wire in picture.wires.values() {
        assert!(macs.insert(wire.a.mac) && macs.insert(wire.b.mac));
    }
    assert!(
        macs.iter().all(|mac| mac.0[0] & 0b11 == 0b10),
        "locally administered, one receiver"
    );
}

fn table(router: &Router) -> &BTreeMap<Ipv4Net, Target> {
    router.tables.values().next().expect("a table")
}

fn listen(link: &str) -> Listen {
    Listen {
        link: link.to_owned(),
        transport: Transport::Tcp,
        port: 5432,
    }
}
