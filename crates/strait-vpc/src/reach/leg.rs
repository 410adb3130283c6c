//! One leg of a walk: from an interface to the interface that has the address, through routers, peerings and the internet.

use std::net::Ipv4Addr;

use super::filter::{End, Ends};
use super::prefix::Route;
use super::{Protocol, Walk, fix, lookup, prefix};
use crate::id::*;
use crate::state::*;

impl<'n> Walk<'n> {
    /// The interface that the packet arrives at, if there is a way to one; filters on it are judged, too.
    pub(super) fn leg(
        &mut self,
        from: &'n Interface,
        to: Ipv4Addr,
        protocol: Protocol,
    ) -> Option<&'n Interface> {
        if from.address == to {
            self.pass(&from.id, format!("{to} is its own address"));
            return Some(from);
        }
        if let Some(other) = self.sister(from, to) {
            let what = format!("{to} is its instance's own address: nothing leaves the instance");
            self.pass(&from.id, what);
            return Some(other);
        }
        let mut way = Walk {
            network: self.network,
            steps: Vec::new(),
        };
        let Some(way_to) = way.find_way(from, to) else {
            // The way is missing; the groups that the packet leaves by are known all the same.
            self.egress_groups_to(from, to, protocol);
            self.steps.append(&mut way.steps);
            return None;
        };
        let (seen_from, seen_to) = match way_to {
            Way::Private(arrived) => (End::private(from), End::private(arrived)),
            Way::Public(own, arrived) => (End::public(Some(from), own), End::public(arrived, to)),
        };
        let ends = Ends {
            from: seen_from,
            to: seen_to,
            protocol,
        };
        self.egress_groups(&ends);
        self.acl_out(&ends);
        self.steps.append(&mut way.steps);
        match way_to {
            Way::Private(arrived) => {
                self.acl_in(&ends);
                self.ingress_groups(&ends);
                self.acls_back(&ends);
                if arrived.vpc != from.vpc {
                    self.way_back(arrived, from)?;
                }
                Some(arrived)
            }
            Way::Public(_, arrived) => self.arrive_from_internet(&ends, arrived),
        }
    }

    /// Another interface of the same instance with this address.
    fn sister(&self, from: &Interface, to: Ipv4Addr) -> Option<&'n Interface> {
        let instance = instance_of(from)?;
        let mut others = self.network.interfaces.values();
        others.find(|other| other.address == to && instance_of(other) == Some(instance))
    }

    /// Whether the router itself answers, which no group or ACL filters. It does for own interfaces only.
    pub(super) fn answered_by_router(
        &mut self,
        from: &Interface,
        to: Ipv4Addr,
        protocol: Protocol,
    ) -> bool {
        let Some(vpc) = self.network.vpcs.get(&from.vpc) else {
            return false;
        };
        let subnets = || {
            self.network
                .subnets
                .values()
                .filter(|subnet| subnet.vpc == vpc.id)
        };
        let of_vpc = Ipv4Addr::from(u32::from(vpc.primary().network()) + 2);
        let fixed = [Ipv4Addr::new(169, 254, 169, 253), of_vpc];
        let resolver = fixed.contains(&to) || subnets().any(|subnet| subnet.resolver() == Some(to));
        if !resolver && !subnets().any(|subnet| subnet.router() == Some(to)) {
            return false;
        }
        let what = match protocol {
            Protocol::Tcp(53) | Protocol::Udp(53) if resolver && vpc.dns_support => {
                self.pass(&vpc.id, format!("the VPC's resolver at {to} answers"));
                return true;
            }
            Protocol::Echo if !resolver => {
                self.pass(&vpc.id, format!("the subnet's router at {to} answers"));
                return true;
            }
            Protocol::Tcp(53) | Protocol::Udp(53) if resolver => {
                let fix = format!(
                    "aws ec2 modify-vpc-attribute --region {} --vpc-id {} --enable-dns-support Value=true",
                    vpc.region, vpc.id
                );
                self.stop(
                    &vpc.id,
                    format!("the resolver at {to} is off: enableDnsSupport is false"),
                    Some(fix),
                );
                return true;
            }
            Protocol::Tcp(_) | Protocol::Udp(_) | Protocol::Echo if resolver => {
                "the resolver answers DNS only"
            }
            Protocol::Tcp(_) | Protocol::Udp(_) | Protocol::Echo => {
                "the router answers echo requests only"
            }
        };
        self.stop(
            &vpc.id,
            format!("{to} is the VPC's own: {what}, not {protocol}"),
            None,
        );
        true
    }

    fn find_way(&mut self, from: &Interface, to: Ipv4Addr) -> Option<Way<'n>> {
        if in_ranges(self.network, &from.vpc, to) {
            return self.local(from, to).map(Way::Private);
        }
        self.over_route(from, to)
    }

    fn local(&mut self, from: &Interface, to: Ipv4Addr) -> Option<&'n Interface> {
        self.pass(
            &from.vpc,
            format!("{to} is in the VPC's own range: the route is local"),
        );
        let arrived = self.held_at(&from.vpc, to)?;
        if arrived.subnet == from.subnet {
            self.pass(
                &from.subnet,
                "both ends are in this subnet: no network ACL is between them",
            );
        }
        Some(arrived)
    }

    /// The interface with an address in a VPC, if something holds it.
    fn held_at(&mut self, vpc: &VpcId, address: Ipv4Addr) -> Option<&'n Interface> {
        let Some(interface) = lookup::interface_at(self.network, vpc, address) else {
            self.stop(
                vpc,
                format!("no interface in the VPC has the address {address}"),
                None,
            );
            return None;
        };
        self.held(interface, address)
    }

    /// The interface, if something holds it.
    pub(super) fn held(
        &mut self,
        interface: &'n Interface,
        address: Ipv4Addr,
    ) -> Option<&'n Interface> {
        let held = match &interface.holder {
            Holder::None => false,
            Holder::Instance { id, .. } => self
                .network
                .instances
                .get(id)
                .is_some_and(|instance| instance.state == InstanceState::Running),
            Holder::Endpoint(_) | Holder::LoadBalancer(_) => true,
        };
        if !held {
            self.stop(
                &interface.id,
                format!("the interface with {address} is attached to nothing that runs"),
                None,
            );
            return None;
        }
        Some(interface)
    }

    fn over_route(&mut self, from: &Interface, to: Ipv4Addr) -> Option<Way<'n>> {
        let table = self.table_of(from)?;
        let Some(route) = prefix::longest(self.network, table, to) else {
            let (why, command) = self.mend_missing_route(table, to);
            self.stop(
                &table.id,
                format!(
                    "the route table of {} has no route to {to}{why}",
                    from.subnet
                ),
                command,
            );
            return None;
        };
        if let RouteTarget::InternetGateway(id) = route.target {
            return self.over_gateway(from, to, (table, route, id));
        }
        let peering = self.peering_target(table, route, to)?;
        let Some(other) = lookup::peer(peering, &from.vpc) else {
            self.blackhole(table, route, peering);
            return None;
        };
        self.pass(
            &table.id,
            format!("the route to {route} leads to {}", peering.id),
        );
        if !in_ranges(self.network, &other.vpc, to) {
            let what = format!(
                "{to} is not in the ranges of {}: a peering connection leads into that VPC only, never through it",
                other.vpc
            );
            self.stop(&peering.id, what, None);
            return None;
        }
        self.pass(&peering.id, format!("is active and leads to {}", other.vpc));
        self.held_at(&other.vpc, to).map(Way::Private)
    }

    pub(super) fn table_of(&mut self, interface: &Interface) -> Option<&'n RouteTable> {
        let subnet = self.network.subnets.get(&interface.subnet);
        let table = subnet.and_then(|subnet| lookup::route_table(self.network, subnet));
        if table.is_none() {
            self.stop(&interface.subnet, "the subnet has no route table", None);
        }
        table
    }

    fn peering_target(
        &mut self,
        table: &RouteTable,
        route: Route<'_>,
        to: Ipv4Addr,
    ) -> Option<&'n Peering> {
        let what = match route.target {
            RouteTarget::Peering(id) => match self.network.peerings.get(id) {
                Some(peering) => return Some(peering),
                None => format!("the route to {route} is a blackhole: {id} has gone"),
            },
            RouteTarget::InternetGateway(id) => {
                format!("the route to {route} leads to {id}, not to a peering connection")
            }
            RouteTarget::GatewayEndpoint(id) => {
                format!(
                    "the route to {route} leads to {id}, a gateway endpoint of AWS's own service, which is not on this machine"
                )
            }
            RouteTarget::Interface(id) => {
                format!(
                    "the route to {route} leads to {id}; what its holder does with packets for {to} is not known here"
                )
            }
        };
        self.stop(&table.id, what, None);
        None
    }

    fn blackhole(&mut self, table: &RouteTable, route: Route<'_>, peering: &Peering) {
        let (state, command) = match &peering.state {
            PeeringState::PendingAcceptance => (
                format!("waits for account {} to accept it", peering.accepter.owner),
                Some(fix::accept_peering(peering)),
            ),
            PeeringState::Failed(why) => (format!("failed: {why}"), None),
            PeeringState::Expired => ("expired before it was accepted".to_owned(), None),
            PeeringState::Rejected => ("was rejected".to_owned(), None),
            PeeringState::Deleted(by) => (format!("was deleted by account {by}"), None),
            PeeringState::Active => (format!("does not join {}", table.vpc), None),
        };
        self.stop(
            &table.id,
            format!(
                "the route to {route} is a blackhole: {} {state}",
                peering.id
            ),
            command,
        );
    }

    /// Why a route is missing, and what adds it: a peering connection to the address, active or asked for.
    fn mend_missing_route(&self, table: &RouteTable, to: Ipv4Addr) -> (String, Option<String>) {
        for peering in self.network.peerings.values() {
            let sides = [
                (&peering.requester, &peering.accepter),
                (&peering.accepter, &peering.requester),
            ];
            let far = sides
                .into_iter()
                .find(|(own, _)| own.vpc == table.vpc)
                .map(|(_, far)| far);
            if !far.is_some_and(|far| in_ranges(self.network, &far.vpc, to)) {
                continue;
            }
            if peering.state == PeeringState::Active {
                return (
                    format!(", though {} leads there", peering.id),
                    Some(fix::create_route(self.network, table, peering, to)),
                );
            }
            if peering.state == PeeringState::PendingAcceptance {
                let why = format!(
                    ", and {}, which would lead there, is not accepted yet",
                    peering.id
                );
                return (why, Some(fix::accept_peering(peering)));
            }
        }
        (", and no peering connection leads there".to_owned(), None)
    }

    /// Answers are routed by the table of the subnet that they come from, not by the way that the packet came.
    fn way_back(&mut self, from: &Interface, to: &Interface) -> Option<()> {
        let table = self.table_of(from)?;
        let peering = lookup::peering_between(self.network, &from.vpc, &to.vpc)?;
        let answers = format!("answers to {}", to.address);
        if in_ranges(self.network, &from.vpc, to.address) {
            self.stop(
                &from.vpc,
                format!("{answers} stay in the VPC: the address is in its own range, too"),
                None,
            );
            return None;
        }
        let route = prefix::longest(self.network, table, to.address);
        match route.map(|route| (route, route.target)) {
            Some((_, RouteTarget::Peering(id))) if *id == peering.id => {
                self.pass(&table.id, format!("{answers} go back over {id}"));
                return Some(());
            }
            Some((route, RouteTarget::Peering(id))) if self.is_active(id) => {
                let what = format!(
                    "{answers} go to {id} by the route to {route}: two peers of {} have overlapping ranges; \
                     use another VPC for one of them",
                    from.vpc
                );
                self.stop(&table.id, what, None);
            }
            Some((
                route,
                RouteTarget::Peering(_)
                | RouteTarget::InternetGateway(_)
                | RouteTarget::GatewayEndpoint(_)
                | RouteTarget::Interface(_),
            )) => {
                let command = fix::replace_route(table, route, peering);
                self.stop(
                    &table.id,
                    format!("{answers} are lost by the route to {route}"),
                    Some(command),
                );
            }
            None => {
                let command = fix::create_route(self.network, table, peering, to.address);
                self.stop(
                    &table.id,
                    format!("{answers} find no route back over {}", peering.id),
                    Some(command),
                );
            }
        }
        None
    }

    fn is_active(&self, peering: &PeeringId) -> bool {
        self.network
            .peerings
            .get(peering)
            .is_some_and(|peering| peering.state == PeeringState::Active)
    }
}

fn instance_of(interface: &Interface) -> Option<&InstanceId> {
    match &interface.holder {
        Holder::Instance { id, .. } => Some(id),
        Holder::None | Holder::Endpoint(_) | Holder::LoadBalancer(_) => None,
    }
}

/// How a packet gets to where it goes.
#[derive(Clone, Copy)]
pub(super) enum Way<'n> {
    /// Through routers alone, to this interface.
    Private(&'n Interface),
    /// Through the internet, from this public address, to this interface; to none in the internet itself.
    Public(Ipv4Addr, Option<&'n Interface>),
}

pub(super) fn in_ranges(network: &Network, vpc: &VpcId, address: Ipv4Addr) -> bool {
    lookup::ranges(network, vpc)
        .iter()
        .any(|range| range.contains(&address))
}
