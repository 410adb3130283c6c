//! Who is let in: routes of the Peering VPC back to the customers, and rules of the endpoints' group for them.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{
    IpPermission, IpRange, PeeringConnectionOptionsRequest, Route, RouteState, RouteTable,
    SecurityGroup, VpcPeeringConnection, VpcPeeringConnectionOptionsDescription as PeeringOptions,
};
use ipnet::Ipv4Net;
use strait_plane::cloud::{CloudError, PeeringSpec};

use crate::Aws;
use crate::error::{Error, Fate, gone};
use crate::look::Kind;
use crate::region::Region;
use crate::seen::Resource;
use crate::tag::Key;
use crate::way::PRIVATE_PORT;

impl Aws {
    /// Lets an active peer in: routes back to these ranges and a rule for each on the endpoints. Exactly these: ranges of
    /// this peering that are not listed are taken away, and nothing else is touched.
    ///
    /// # Errors
    /// AWS refuses it (a quota of routes or rules), a range is routed elsewhere, or something is not there yet.
    pub async fn admit_peer(
        &self,
        spec: &PeeringSpec,
        ranges: &BTreeSet<Ipv4Net>,
    ) -> Result<(), CloudError> {
        let region = self.region(&spec.vpc.region)?;
        Ok(region.admit(spec, ranges).await?)
    }
}

impl Region {
    /// Makes the routes by this peering, and the rules that carry its key, those for exactly these ranges.
    pub(crate) async fn admit(
        &self,
        spec: &PeeringSpec,
        ranges: &BTreeSet<Ipv4Net>,
    ) -> Result<(), Error> {
        let not_there = || match ranges.is_empty() {
            true => Ok(()),
            false => Err(Error::NotYet(format!(
                "the Peering VPC {} or its peering connection is not complete yet",
                spec.vpc.name
            ))),
        };
        let Some(vpc) = self.peering_vpc(&spec.vpc).await? else {
            return not_there();
        };
        let peering = self.peering(spec).await?;
        let id = peering.as_ref().map(|peering| peering.id().to_owned());
        let id = id.or_else(|| spec.provisioned_id.clone());
        if id.is_none() {
            not_there()?;
        }
        let table = self.main_table(vpc.id()).await?;
        let plan = Plan::of(&table, &self.peerings().await?, id.as_deref(), ranges);
        if let Some(peering) = &peering
            && !plan.missing.is_empty()
        {
            // Before the first route, so that a server that is killed in between comes here again.
            self.allow_dns(peering).await?;
        }
        self.reroute(&table, id.as_deref(), plan).await?;
        match self.endpoints_group(vpc.id()).await? {
            Some(group) => self.allow_ranges(&group, &Key::peering(spec), ranges).await,
            None => not_there(),
        }
    }

    async fn main_table(&self, vpc_id: &str) -> Result<RouteTable, Error> {
        let tables = self.main_tables().await?;
        let table = tables
            .iter()
            .find(|table| table.vpc_id() == Some(vpc_id))
            .cloned();
        table.ok_or_else(|| {
            Error::NotYet(format!(
                "AWS does not list the main route table of {vpc_id} yet"
            ))
        })
    }

    async fn reroute(
        &self,
        table: &RouteTable,
        peering_id: Option<&str>,
        plan: Plan,
    ) -> Result<(), Error> {
        let kinds = &[Kind::MainTables];
        for range in plan.stale {
            let call = self.ec2().delete_route().route_table_id(table.id());
            let call = call.destination_cidr_block(range.to_string());
            gone(self.change(kinds, call.send()).await)?;
        }
        for (range, present) in plan.missing {
            let range = range.to_string();
            match present {
                Present::Nothing => {
                    let call = self.ec2().create_route().route_table_id(table.id());
                    let call = call.destination_cidr_block(range);
                    let call = call.set_vpc_peering_connection_id(peering_id.map(str::to_owned));
                    self.change(kinds, call.send()).await?;
                }
                Present::BlackHole => {
                    let call = self.ec2().replace_route().route_table_id(table.id());
                    let call = call.destination_cidr_block(range);
                    let call = call.set_vpc_peering_connection_id(peering_id.map(str::to_owned));
                    self.change(kinds, call.send()).await?;
                }
                Present::Another => return Err(routed_elsewhere(table, &range)),
            }
        }
        Ok(())
    }

    /// Lets the customer's VPC resolve names of the Peering VPC to private addresses. AWS allows that only while both
    /// VPCs have DNS hostnames, and the customer's is the customer's: names of services do not depend on it.
    /// See <https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-dns.html>.
    async fn allow_dns(&self, peering: &VpcPeeringConnection) -> Result<(), Error> {
        let options = peering
            .requester_vpc_info()
            .and_then(|ours| ours.peering_options());
        if options.and_then(PeeringOptions::allow_dns_resolution_from_remote_vpc) == Some(true) {
            return Ok(());
        }
        let allow =
            PeeringConnectionOptionsRequest::builder().allow_dns_resolution_from_remote_vpc(true);
        let call = self
            .ec2()
            .modify_vpc_peering_connection_options()
            .vpc_peering_connection_id(peering.id())
            .requester_peering_connection_options(allow.build());
        match self.change(&[Kind::Peerings], call.send()).await {
            Err(Error::Answered {
                code,
                message,
                fate: Fate::Refused,
                ..
            }) => {
                tracing::info!(
                    peering = peering.id(),
                    code,
                    message,
                    "no DNS over this peering connection"
                );
                Ok(())
            }
            outcome => outcome.map(drop),
        }
    }

    async fn allow_ranges(
        &self,
        group: &SecurityGroup,
        key: &Key,
        ranges: &BTreeSet<Ipv4Net>,
    ) -> Result<(), Error> {
        let present = allowed_for(group, key);
        for range in present.difference(ranges) {
            let call = self
                .ec2()
                .revoke_security_group_ingress()
                .group_id(group.id());
            let call = call.ip_permissions(rule(*range, key));
            gone(self.change(&[Kind::Groups], call.send()).await)?;
        }
        for range in ranges.difference(&present) {
            let call = self
                .ec2()
                .authorize_security_group_ingress()
                .group_id(group.id());
            let call = call.ip_permissions(rule(*range, key));
            match self.change(&[Kind::Groups], call.send()).await {
                // Somebody else's rule lets the range in already, or this one is not listed yet.
                Err(error) if error.is("InvalidPermission.Duplicate") => {}
                outcome => outcome.map(drop)?,
            }
        }
        Ok(())
    }
}

/// What is to change in a route table.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    /// Routes to these ranges go.
    stale: BTreeSet<Ipv4Net>,
    /// Routes to these ranges are to be made, where this is now.
    missing: BTreeMap<Ipv4Net, Present>,
}

/// What a route table has for a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Present {
    /// No route.
    Nothing,
    /// One that leads nowhere any more: AWS keeps routes by peering connections that ended.
    BlackHole,
    /// One by something else.
    Another,
}

impl Plan {
    /// What makes the routes by a peering those to exactly these ranges, and takes away those by peering connections
    /// that ended so long ago that AWS does not list them any more.
    fn of(
        table: &RouteTable,
        listed: &[VpcPeeringConnection],
        peering_id: Option<&str>,
        ranges: &BTreeSet<Ipv4Net>,
    ) -> Self {
        let is_listed = |id: &str| listed.iter().any(|peering| peering.id() == id);
        let mut plan = Self {
            stale: BTreeSet::new(),
            missing: ranges
                .iter()
                .map(|range| (*range, Present::Nothing))
                .collect(),
        };
        for (range, route) in by_destination(table) {
            let by = route.vpc_peering_connection_id();
            let is_black_hole = route.state() == Some(&RouteState::Blackhole);
            if by.is_some() && by == peering_id {
                if plan.missing.remove(&range).is_none() {
                    plan.stale.insert(range);
                }
            } else if by.is_some_and(|by| is_black_hole && !is_listed(by)) {
                plan.stale.insert(range);
            } else if let Some(present) = plan.missing.get_mut(&range) {
                *present = if is_black_hole {
                    Present::BlackHole
                } else {
                    Present::Another
                };
            }
        }
        plan
    }
}

/// The routes of a table to IPv4 ranges.
fn by_destination(table: &RouteTable) -> impl Iterator<Item = (Ipv4Net, &Route)> {
    let routes = table.routes().iter();
    routes.filter_map(|route| Some((route.destination_cidr_block()?.parse().ok()?, route)))
}

/// The ranges that rules with this key let in to PostgreSQL. The key stands in the rule's description.
fn allowed_for(group: &SecurityGroup, key: &Key) -> BTreeSet<Ipv4Net> {
    let to_postgres = |permission: &&IpPermission| {
        permission.ip_protocol() == Some("tcp")
            && permission.from_port() == Some(PRIVATE_PORT)
            && permission.to_port() == Some(PRIVATE_PORT)
    };
    let permissions = group.ip_permissions().iter().filter(to_postgres);
    let ranges = permissions.flat_map(IpPermission::ip_ranges);
    ranges
        .filter(|range| range.description() == Some(key.as_str()))
        .filter_map(|range| range.cidr_ip()?.parse().ok())
        .collect()
}

fn rule(range: Ipv4Net, key: &Key) -> IpPermission {
    let range = IpRange::builder()
        .cidr_ip(range.to_string())
        .description(key.as_str());
    IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(PRIVATE_PORT)
        .to_port(PRIVATE_PORT)
        .ip_ranges(range.build())
        .build()
}

fn routed_elsewhere(table: &RouteTable, range: &str) -> Error {
    Error::Refused {
        code: "RouteAlreadyExists".to_owned(),
        message: format!(
            "The route table {} of the Peering VPC has another route to {range}. Take that route away; Strait then makes its own.",
            table.id()
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::sample::peering;

    use super::*;

    #[test]
    fn rules_are_told_apart_by_their_description() {
        let key = |id| Key::peering(&peering(id));
        let (ours, theirs) = (key("p1"), key("p2"));
        let by_hand = IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(PRIVATE_PORT)
            .to_port(PRIVATE_PORT)
            .ip_ranges(IpRange::builder().cidr_ip("10.4.0.0/16").build());
        let wider = IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(0)
            .to_port(65535)
            .ip_ranges(
                IpRange::builder()
                    .cidr_ip("10.5.0.0/16")
                    .description(ours.as_str())
                    .build(),
            );
        let group = SecurityGroup::builder()
            .ip_permissions(rule(net("10.2.0.0/16"), &ours))
            .ip_permissions(rule(net("10.3.0.0/16"), &theirs))
            .ip_permissions(by_hand.build())
            .ip_permissions(wider.build())
            .build();
        assert_eq!(
            allowed_for(&group, &ours),
            BTreeSet::from([net("10.2.0.0/16")])
        );
        assert_eq!(
            allowed_for(&group, &theirs),
            BTreeSet::from([net("10.3.0.0/16")])
        );
    }

    #[test]
    fn routes_by_the_peering_become_those_to_the_ranges() {
        let table = table(&[
            ("10.2.0.0/16", "pcx-1", RouteState::Active),
            ("10.3.0.0/16", "pcx-1", RouteState::Active),
            ("10.9.0.0/16", "pcx-2", RouteState::Active),
        ]);
        let ranges = BTreeSet::from([net("10.3.0.0/16"), net("10.4.0.0/16")]);
        let plan = Plan::of(
            &table,
            &[pcx("pcx-1"), pcx("pcx-2")],
            Some("pcx-1"),
            &ranges,
        );
        assert_eq!(plan.stale, BTreeSet::from([net("10.2.0.0/16")]));
        assert_eq!(
            plan.missing,
            BTreeMap::from([(net("10.4.0.0/16"), Present::Nothing)])
        );
    }

    #[test]
    fn what_a_route_leads_to_decides_whether_it_may_be_turned() {
        let table = table(&[
            ("10.2.0.0/16", "pcx-2", RouteState::Blackhole),
            ("10.3.0.0/16", "pcx-2", RouteState::Active),
        ]);
        let ranges = BTreeSet::from([net("10.2.0.0/16"), net("10.3.0.0/16")]);
        let plan = Plan::of(
            &table,
            &[pcx("pcx-1"), pcx("pcx-2")],
            Some("pcx-1"),
            &ranges,
        );
        let missing = [
            (net("10.2.0.0/16"), Present::BlackHole),
            (net("10.3.0.0/16"), Present::Another),
        ];
        assert_eq!(
            (plan.stale, plan.missing),
            (BTreeSet::new(), BTreeMap::from(missing))
        );
    }

    #[test]
    fn black_holes_of_peerings_that_nobody_knows_any_more_go() {
        let table = table(&[
            ("10.2.0.0/16", "pcx-old", RouteState::Blackhole),
            ("10.3.0.0/16", "pcx-old", RouteState::Blackhole),
        ]);
        let ranges = BTreeSet::from([net("10.2.0.0/16")]);
        let plan = Plan::of(&table, &[pcx("pcx-1")], Some("pcx-1"), &ranges);
        assert_eq!(
            plan.stale,
            BTreeSet::from([net("10.2.0.0/16"), net("10.3.0.0/16")])
        );
        assert_eq!(
            plan.missing,
            BTreeMap::from([(net("10.2.0.0/16"), Present::Nothing)])
        );
        let plan = Plan::of(&table, &[], None, &BTreeSet::new());
        assert_eq!(
            plan.stale.len(),
            2,
            "also when the peering itself is the one that nobody knows"
        );
    }

    #[test]
    fn other_routes_are_left_alone() {
        let table = RouteTable::builder()
            .routes(
                Route::builder()
                    .destination_cidr_block("10.1.0.0/24")
                    .gateway_id("local")
                    .build(),
            )
            .routes(
                Route::builder()
                    .destination_cidr_block("0.0.0.0/0")
                    .nat_gateway_id("nat-1")
                    .build(),
            )
            .routes(
                Route::builder()
                    .destination_ipv6_cidr_block("2001:db8::/32")
                    .build(),
            )
            .build();
        let plan = Plan::of(&table, &[], None, &BTreeSet::new());
        assert_eq!(
            (plan.stale, plan.missing),
            (BTreeSet::new(), BTreeMap::new())
        );
    }

    fn table(routes: &[(&str, &str, RouteState)]) -> RouteTable {
        let route = |(range, by, state): &(&str, &str, RouteState)| {
            let route = Route::builder().destination_cidr_block(*range);
            route
                .vpc_peering_connection_id(*by)
                .state(state.clone())
                .build()
        };
        RouteTable::builder()
            .set_routes(Some(routes.iter().map(route).collect()))
            .build()
    }

    fn pcx(id: &str) -> VpcPeeringConnection {
        VpcPeeringConnection::builder()
            .vpc_peering_connection_id(id)
            .build()
    }

    fn net(text: &str) -> Ipv4Net {
        text.parse().expect("a range")
    }
}
