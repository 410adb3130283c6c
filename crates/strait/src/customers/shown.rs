//! What an account has, as pages show it.

use ipnet::Ipv4Net;
use strait_http::{
    CustomerAccount, CustomerVpc, Holdings, Instance, PeeringRequest, RequestState, Route,
    RouteTable, Rule, SecurityGroup,
};
use strait_vpc::state::{
    self, Account, Direction, Holder, InstanceState, Network, PeeringState, PortRange,
    RouteTableUse, RouteTarget, RulePeer, Tags, Traffic, Vpc,
};

/// An account, with how much there is in it.
pub(super) fn account(network: &Network, account: &Account) -> CustomerAccount {
    let requests = network
        .peerings
        .values()
        .filter(|peering| peering.accepter.owner == account.id);
    CustomerAccount {
        id: account.id.to_string(),
        name: account.name.clone(),
        pending: requests
            .filter(|peering| peering.state == PeeringState::PendingAcceptance)
            .count(),
        vpcs: network
            .vpcs
            .values()
            .filter(|vpc| vpc.owner == account.id)
            .count(),
    }
}

/// All of it.
pub(super) fn holdings(network: &Network, owner: &Account) -> Holdings {
    let asked = network
        .peerings
        .values()
        .filter(|peering| peering.accepter.owner == owner.id);
    let mut asked: Vec<&state::Peering> = asked.collect();
    asked.sort_by_key(|peering| {
        let is_pending = peering.state == PeeringState::PendingAcceptance;
        (!is_pending, std::cmp::Reverse(peering.created_at))
    });
    let own = network.vpcs.values().filter(|vpc| vpc.owner == owner.id);
    let mut vpcs: Vec<CustomerVpc> = own.map(|found| vpc(network, found)).collect();
    vpcs.sort_by(|one, other| place(one).cmp(&place(other)));
    Holdings {
        account: account(network, owner),
        requests: asked.into_iter().map(request).collect(),
        vpcs,
    }
}

/// How a rule is described that is made for a peering connection.
pub(super) fn described(peering: &str) -> String {
    format!("{DESCRIBED}{peering}")
}

const DESCRIBED: &str = "PostgreSQL through ";

fn peering_of(description: &str) -> Option<String> {
    description.strip_prefix(DESCRIBED).map(str::to_owned)
}

/// Those that somebody made come first.
fn place(vpc: &CustomerVpc) -> (bool, &str, &Option<String>, &str) {
    (vpc.is_default, &vpc.region, &vpc.name, &vpc.id)
}

fn request(peering: &state::Peering) -> PeeringRequest {
    PeeringRequest {
        id: peering.id.to_string(),
        state: match &peering.state {
            PeeringState::PendingAcceptance => RequestState::Pending,
            PeeringState::Active => RequestState::Active,
            PeeringState::Failed(_) => RequestState::Failed,
            PeeringState::Expired => RequestState::Expired,
            PeeringState::Rejected => RequestState::Rejected,
            PeeringState::Deleted(_) => RequestState::Deleted,
        },
        vpc: peering.accepter.vpc.to_string(),
        region: peering.accepter.region.to_string(),
        requester_account: peering.requester.owner.to_string(),
        requester_vpc: peering.requester.vpc.to_string(),
        requester_region: peering.requester.region.to_string(),
        requester_range: peering.requester.blocks.first().copied(),
        expires_at: peering.expires_at,
    }
}

fn vpc(network: &Network, vpc: &Vpc) -> CustomerVpc {
    let tables = network
        .route_tables
        .values()
        .filter(|table| table.vpc == vpc.id);
    let mut tables: Vec<RouteTable> = tables.map(|found| table(network, vpc, found)).collect();
    tables.sort_by(|one, other| (!one.is_main, &one.id).cmp(&(!other.is_main, &other.id)));
    let groups = network
        .security_groups
        .values()
        .filter(|group| group.vpc == vpc.id);
    let mut groups: Vec<SecurityGroup> = groups.map(group).collect();
    groups.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    CustomerVpc {
        id: vpc.id.to_string(),
        name: named(&vpc.tags),
        is_default: vpc.is_default,
        region: vpc.region.to_string(),
        ranges: vpc.cidrs().collect(),
        tables,
        groups,
        instances: instances(network, vpc),
    }
}

fn table(network: &Network, vpc: &Vpc, table: &state::RouteTable) -> RouteTable {
    let local = vpc.cidrs().map(|destination| Route {
        destination,
        target: "local".to_owned(),
        is_active: true,
    });
    let others = table
        .routes
        .iter()
        .map(|(destination, target)| route(network, *destination, target));
    let uses = table.associations.values();
    RouteTable {
        id: table.id.to_string(),
        is_main: uses.clone().any(|used| *used == RouteTableUse::Main),
        subnets: uses
            .filter_map(|used| match used {
                RouteTableUse::Main => None,
                RouteTableUse::Subnet(subnet) => Some(subnet.to_string()),
            })
            .collect(),
        routes: local.chain(others).collect(),
    }
}

fn route(network: &Network, destination: Ipv4Net, target: &RouteTarget) -> Route {
    let (target, is_active) = match target {
        RouteTarget::Peering(id) => {
            let peering = network.peerings.get(id);
            (
                id.to_string(),
                peering.is_some_and(|found| found.state == PeeringState::Active),
            )
        }
        RouteTarget::InternetGateway(id) => {
            let gateway = network.internet_gateways.get(id);
            (
                id.to_string(),
                gateway.is_some_and(|found| found.vpc.is_some()),
            )
        }
        RouteTarget::Interface(id) => {
            let interface = network.interfaces.get(id);
            (
                id.to_string(),
                interface.is_some_and(|found| found.holder != Holder::None),
            )
        }
        RouteTarget::GatewayEndpoint(id) => (id.to_string(), true),
    };
    Route {
        destination,
        target,
        is_active,
    }
}

fn group(group: &state::SecurityGroup) -> SecurityGroup {
    let mut out: Vec<_> = group
        .rules
        .iter()
        .filter(|(_, rule)| rule.direction == Direction::Egress)
        .collect();
    out.sort_by_key(|(_, rule)| rule.place);
    let rules = out.into_iter().map(|(id, rule)| Rule {
        id: id.to_string(),
        traffic: traffic(rule.traffic),
        to: peer(&rule.peer),
        peering: rule.description.as_deref().and_then(peering_of),
    });
    SecurityGroup {
        id: group.id.to_string(),
        name: group.name.clone(),
        out: rules.collect(),
    }
}

fn instances(network: &Network, vpc: &Vpc) -> Vec<Instance> {
    let held = network
        .interfaces
        .values()
        .filter(|interface| interface.vpc == vpc.id);
    let mut all: Vec<Instance> = held
        .filter_map(|interface| {
            let Holder::Instance {
                id,
                device_index: 0,
                ..
            } = &interface.holder
            else {
                return None;
            };
            let instance = network.instances.get(id)?;
            (instance.state == InstanceState::Running).then(|| Instance {
                id: id.to_string(),
                name: named(&instance.tags),
                address: interface.address,
                subnet: interface.subnet.to_string(),
                groups: interface.groups.iter().map(ToString::to_string).collect(),
            })
        })
        .collect();
    all.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    all
}

fn traffic(traffic: Traffic) -> String {
    let ports = |ports: PortRange| match (ports.from, ports.to) {
        (0, u16::MAX) => "all ports".to_owned(),
        (from, to) if from == to => from.to_string(),
        (from, to) => format!("{from} to {to}"),
    };
    match traffic {
        Traffic::All => "everything".to_owned(),
        Traffic::Tcp(range) => format!("TCP {}", ports(range)),
        Traffic::Udp(range) => format!("UDP {}", ports(range)),
        Traffic::Icmp(..) => "ICMP".to_owned(),
        Traffic::Icmp6(..) => "ICMPv6".to_owned(),
        Traffic::Protocol(number) => format!("protocol {number}"),
    }
}

fn peer(peer: &RulePeer) -> String {
    match peer {
        RulePeer::Cidr(range) => range.to_string(),
        RulePeer::Cidr6(range) => range.to_string(),
        RulePeer::PrefixList(id) => id.to_string(),
        RulePeer::Group { id, .. } => id.to_string(),
    }
}

fn named(tags: &Tags) -> Option<String> {
    tags.get("Name").cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_says_which_connection_it_was_made_for() {
        let made = described("pcx-0123456789abcdef0");
        assert_eq!(peering_of(&made).as_deref(), Some("pcx-0123456789abcdef0"));
        assert_eq!(peering_of("to pcx-0123456789abcdef0"), None);
    }
}
