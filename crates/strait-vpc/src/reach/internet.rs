//! The part of a walk that goes by an internet gateway: out of a VPC, through the internet, into one.

use std::net::Ipv4Addr;

use super::filter::Ends;
use super::leg::{Way, in_ranges};
use super::prefix::{self, Route};
use super::{Walk, fix, lookup};
use crate::id::*;
use crate::state::*;

impl<'n> Walk<'n> {
    /// The way by a route to an internet gateway.
    pub(super) fn over_gateway(
        &mut self,
        from: &Interface,
        to: Ipv4Addr,
        (table, route, id): (&RouteTable, Route<'_>, &InternetGatewayId),
    ) -> Option<Way<'n>> {
        if !self.is_attached(id, &from.vpc) {
            let what = format!(
                "the route to {route} is a blackhole: {id} is not attached to {}",
                from.vpc
            );
            let command = fix::attach_gateway(self.network, id, &from.vpc);
            self.stop(&table.id, what, command);
            return None;
        }
        self.pass(&table.id, format!("the route to {route} leads to {id}"));
        let Some(public) = from.public_ip else {
            let what = format!(
                "has no public address, so that {id} passes nothing that {} sends",
                from.address
            );
            self.stop(&from.id, what, Some(fix::associate_address(from)));
            return None;
        };
        self.pass(id, format!("makes {} {public}", from.address));
        let arrived = self.find_public(to)?;
        Some(Way::Public(public, arrived))
    }

    /// Who has a public address: an interface that something holds, or (`Some(None)`) the internet itself.
    pub(super) fn find_public(&mut self, to: Ipv4Addr) -> Option<Option<&'n Interface>> {
        if INTERNET_OWN.contains(&to) {
            self.pass(
                "internet",
                format!("{to} is an address of the internet itself"),
            );
            return Some(None);
        }
        let Some(interface) = lookup::interface_with_public(self.network, to) else {
            let what = if lookup::internet().iter().any(|range| range.contains(&to)) {
                format!("nothing has the public address {to}")
            } else {
                format!("{to} is not a public address: the internet has no way to it")
            };
            self.stop("internet", what, None);
            return None;
        };
        let interface = self.held(interface, to)?;
        let Some(gateway) = lookup::internet_gateway(self.network, &interface.vpc) else {
            self.stop(&interface.vpc, "the VPC has no internet gateway", None);
            return None;
        };
        self.pass(
            &gateway.id,
            format!("makes {to} {} of {}", interface.address, interface.id),
        );
        Some(Some(interface))
    }

    /// The filters at the end of a way through the internet, and the way back; none are in the internet itself.
    pub(super) fn arrive_from_internet(
        &mut self,
        ends: &Ends<'n>,
        arrived: Option<&'n Interface>,
    ) -> Option<&'n Interface> {
        self.acl_in(ends);
        self.ingress_groups(ends);
        self.acls_back(ends);
        let arrived = arrived?;
        self.way_back_by_gateway(arrived, ends.from.seen)?;
        Some(arrived)
    }

    /// Answers leave by the table of the subnet that they come from; the gateway makes them public again.
    fn way_back_by_gateway(&mut self, from: &Interface, to: Ipv4Addr) -> Option<()> {
        let table = self.table_of(from)?;
        let answers = format!("answers to {to}");
        if in_ranges(self.network, &from.vpc, to) {
            self.stop(
                &from.vpc,
                format!("{answers} stay in the VPC: the address is in its own range, too"),
                None,
            );
            return None;
        }
        let gateway = lookup::internet_gateway(self.network, &from.vpc)?;
        match prefix::longest(self.network, table, to) {
            Some(Route {
                target: RouteTarget::InternetGateway(id),
                ..
            }) if *id == gateway.id => {
                self.pass(&table.id, format!("{answers} go back by {id}"));
                return Some(());
            }
            Some(route) => {
                let command = fix::lead_to_gateway(table, route, gateway);
                let what = format!("{answers} are lost by the route to {route}");
                self.stop(&table.id, what, Some(command));
            }
            None => {
                let command = fix::default_route(table, gateway);
                let what = format!("{answers} find no route to {}", gateway.id);
                self.stop(&table.id, what, Some(command));
            }
        }
        None
    }

    fn is_attached(&self, id: &InternetGatewayId, vpc: &VpcId) -> bool {
        lookup::internet_gateway(self.network, vpc).is_some_and(|gateway| gateway.id == *id)
    }
}
