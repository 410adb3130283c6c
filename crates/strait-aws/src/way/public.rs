//! The public way of a service that exists: its own security group lets the internet in, or nothing does.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use aws_sdk_ec2::types::{IpPermission, SecurityGroup};
use ipnet::Ipv4Net;
use strait_plane::cloud::{Sources, WayObserved};
use strait_plane::model::PublicWay;

use super::Way;
use super::rules::{Rules, cidrs, is_exact};
use super::targets::looked_up;
use crate::error::Error;
use crate::look::Kind;
use crate::private;

/// How the rules are described that stand in for a public one.
const STAND_IN: &str = "Strait: private part of the public way";

impl Way<'_> {
    /// The public way as it is. Nothing is changed: what an operator closed by hand stays closed.
    pub(super) async fn observe_public(&self) -> Result<WayObserved, Error> {
        let addresses = looked_up(self.names, self.service).await?;
        let Some(address) = addresses.first().copied() else {
            return Err(self.not_listed("address"));
        };
        Ok(WayObserved {
            ready: true,
            address,
            port: self.service.port,
            provisioned_id: self.service.host.clone(),
            host: (self.service.host.parse::<Ipv4Addr>().is_err())
                .then(|| self.service.host.clone()),
            sources: match &self.service.public_way {
                PublicWay::None => Sources::These(BTreeSet::new()),
                PublicWay::SecurityGroup { .. } | PublicWay::RdsInstance { .. } => {
                    Sources::Internet
                }
            },
            loopback_port: None,
        })
    }

    /// Whether the public way is open, as its registration says, and can be closed.
    pub(super) async fn check_public(&self) -> Result<(), Error> {
        match &self.service.public_way {
            PublicWay::None => Ok(()),
            PublicWay::SecurityGroup { group_id, ranges } => {
                let group = self.service_group(group_id).await?;
                self.closable(&group, ranges)?;
                let missing = missing(&group, self.port(), ranges);
                if missing.is_empty() {
                    return Ok(());
                }
                Err(not_open(&format!(
                    "{group_id} has no rule for exactly TCP {} from {}",
                    self.port(),
                    list(&missing)
                )))
            }
            PublicWay::RdsInstance { id } => {
                if self.rds_is_public(id).await? {
                    return Ok(());
                }
                Err(not_open(&format!(
                    "the RDS instance {id} is not publicly accessible"
                )))
            }
        }
    }

    /// Opens the public way, as it was before Strait closed it.
    pub(super) async fn open_public(&self) -> Result<(), Error> {
        let (group_id, ranges) = match &self.service.public_way {
            PublicWay::None => return Ok(()),
            PublicWay::SecurityGroup { group_id, ranges } => (group_id, ranges),
            PublicWay::RdsInstance { id } => return self.set_rds_public(id, true).await,
        };
        let missing = missing(&self.service_group(group_id).await?, self.port(), ranges);
        let rules = self.rules(group_id);
        rules.admit(&missing, &self.rule_description()).await?;
        // What stood in for them while they were closed.
        let stand_ins = self.stand_ins(&self.service_group(group_id).await?);
        rules.refuse(&stand_ins).await
    }

    /// Proves that nothing of what Strait may close is closed.
    pub(super) async fn prove_public(&self) -> Result<(), Error> {
        let PublicWay::SecurityGroup { group_id, ranges } = &self.service.public_way else {
            return Ok(());
        };
        let group = self.service_group(group_id).await?;
        let missing = missing(&group, self.port(), ranges);
        if missing.is_empty() {
            return Ok(());
        }
        Err(Error::NotYet(format!(
            "{group_id} does not let {} in yet",
            list(&missing)
        )))
    }

    /// Closes the public way, by a look that is not older than this: one of a minute ago may lack a rule.
    pub(super) async fn surely_close_public(&self) -> Result<(), Error> {
        let looks = &self.region.looks;
        match &self.service.public_way {
            PublicWay::None => {}
            PublicWay::SecurityGroup { .. } => looks.forget(&[Kind::Groups]),
            PublicWay::RdsInstance { id } => looks.forget(&[Kind::RdsInstance(id)]),
        }
        self.close_public().await
    }

    /// Closes the public way.
    pub(super) async fn close_public(&self) -> Result<(), Error> {
        match &self.service.public_way {
            PublicWay::None => Ok(()),
            PublicWay::SecurityGroup { group_id, ranges } => {
                self.shut_group(group_id, ranges).await
            }
            PublicWay::RdsInstance { id } => self.set_rds_public(id, false).await,
        }
    }

    /// Takes the public ranges' rules away. What they also let in from private addresses, the operator's own hosts, stays
    /// let in by rules of their own.
    async fn shut_group(&self, group_id: &str, ranges: &BTreeSet<Ipv4Net>) -> Result<(), Error> {
        let group = self.service_group(group_id).await?;
        let missing = missing(&group, self.port(), ranges);
        let there: BTreeSet<Ipv4Net> = ranges.difference(&missing).copied().collect();
        let private = private_parts(&there);
        let uncovered = self::missing(&group, self.port(), &private);
        let rules = self.rules(group_id);
        rules.admit(&uncovered, STAND_IN).await?;
        rules.refuse(&there).await?;
        let left = self.service_group(group_id).await?;
        self.closable(&left, ranges)?;
        let open = ranges
            .difference(&self::missing(&left, self.port(), ranges))
            .count();
        if open == 0 {
            return Ok(());
        }
        Err(Error::NotYet(format!(
            "{group_id} still lets {open} of the public ranges in"
        )))
    }

    fn rules<'a>(&'a self, group_id: &'a str) -> Rules<'a> {
        Rules {
            region: self.region,
            group_id,
            port: self.port(),
        }
    }

    /// Ranges that Strait let in when it closed the public way.
    fn stand_ins(&self, group: &SecurityGroup) -> BTreeSet<Ipv4Net> {
        let exact = group
            .ip_permissions()
            .iter()
            .filter(|rule| is_exact(rule, self.port()));
        let ranges = exact.flat_map(IpPermission::ip_ranges);
        ranges
            .filter(|range| range.description() == Some(STAND_IN))
            .filter_map(|range| range.cidr_ip()?.parse().ok())
            .collect()
    }

    /// Whether the public way is closed when these rules are gone. A wider rule would leave it open, and Strait takes
    /// nothing away that it was not told of.
    fn closable(&self, group: &SecurityGroup, ranges: &BTreeSet<Ipv4Net>) -> Result<(), Error> {
        let Some((rule, range)) = opener(group, self.port(), ranges) else {
            return Ok(());
        };
        Err(Error::Refused {
            code: "public_way_stays_open".to_owned(),
            message: format!(
                "{group} lets {range} in on TCP {port} by a rule ({rule}) that Strait was not told of, so that it cannot close the public way. Narrow that rule to private ranges, or replace it by one for TCP {port} from {range} and register the service with `--public-range`.",
                group = group.group_id().unwrap_or_default(),
                port = self.port(),
            ),
        })
    }

    async fn service_group(&self, group_id: &str) -> Result<SecurityGroup, Error> {
        let group = self.region.service_group(group_id).await?;
        group.ok_or_else(|| Error::Refused {
            code: "InvalidGroup.NotFound".to_owned(),
            message: format!(
                "There is no security group {group_id} in {}. Register the service with one that is there.",
                self.service.vpc_id
            ),
        })
    }

    fn rule_description(&self) -> String {
        format!("Strait: public way to {}", self.key)
    }
}

/// Those ranges that no rule for exactly this port lets in.
fn missing(group: &SecurityGroup, port: i32, ranges: &BTreeSet<Ipv4Net>) -> BTreeSet<Ipv4Net> {
    let exact = group
        .ip_permissions()
        .iter()
        .filter(|rule| is_exact(rule, port));
    let there: BTreeSet<Ipv4Net> = exact.flat_map(cidrs).collect();
    ranges.difference(&there).copied().collect()
}

/// What of these ranges nobody on the internet has.
fn private_parts(ranges: &BTreeSet<Ipv4Net>) -> BTreeSet<Ipv4Net> {
    let in_one = |private: &Ipv4Net| ranges.iter().any(|range| range.contains(private));
    private::OF_HOSTS.into_iter().filter(in_one).collect()
}

fn not_open(why: &str) -> Error {
    Error::Refused {
        code: "public_way_not_open".to_owned(),
        message: format!(
            "The registration says how the service is reached from the internet, and it is not: {why}. Strait opens nothing that it did not close. Delete the service here and register it with `--public-way none`, or open it first."
        ),
    }
}

/// A rule, and its range, that lets somebody on the internet in on this port beside exact rules for these ranges.
fn opener(
    group: &SecurityGroup,
    port: i32,
    ranges: &BTreeSet<Ipv4Net>,
) -> Option<(String, String)> {
    for rule in group.ip_permissions() {
        let protocol = rule.ip_protocol().unwrap_or("-1");
        let (from, to) = (
            rule.from_port().unwrap_or(0),
            rule.to_port().unwrap_or(65_535),
        );
        let covers = protocol == "-1" || (protocol == "tcp" && (from..=to).contains(&port));
        if !covers {
            continue;
        }
        let exact = is_exact(rule, port);
        let known = |range: &Ipv4Net| is_private(range) || (exact && ranges.contains(range));
        let public = cidrs(rule)
            .find(|range| !known(range))
            .map(|range| range.to_string());
        let over_ipv6 = rule
            .ipv6_ranges()
            .iter()
            .filter_map(|range| range.cidr_ipv6());
        let mut over_ipv6 = over_ipv6
            .filter(|range| !is_private_ipv6(range))
            .map(str::to_owned);
        // Whom a prefix list lets in cannot be seen from here.
        let mut lists = rule
            .prefix_list_ids()
            .iter()
            .filter_map(|list| list.prefix_list_id());
        let listed = lists.next().map(str::to_owned);
        if let Some(range) = public.or_else(|| over_ipv6.next()).or(listed) {
            let what = if protocol == "-1" {
                "all traffic".to_owned()
            } else {
                format!("TCP {from} to {to}")
            };
            return Some((what, range));
        }
    }
    None
}

fn is_private(range: &Ipv4Net) -> bool {
    private::all().any(|private| private.contains(range))
}

/// Unique local and link-local addresses.
fn is_private_ipv6(range: &str) -> bool {
    let address = range
        .split('/')
        .next()
        .and_then(|text| text.parse::<Ipv6Addr>().ok());
    address.is_some_and(|address| address.is_unique_local() || address.is_unicast_link_local())
}

fn list(ranges: &BTreeSet<Ipv4Net>) -> String {
    let texts: Vec<String> = ranges.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{IpRange, Ipv6Range, PrefixListId};

    use super::*;

    #[test]
    fn only_exact_rules_for_the_listed_ranges_are_the_public_way() {
        let ranges = BTreeSet::from([net("0.0.0.0/0")]);
        let open = group(&[
            ("tcp", 5432, 5432, "0.0.0.0/0"),
            ("tcp", 5432, 5432, "10.0.0.0/8"),
        ]);
        assert!(missing(&open, 5432, &ranges).is_empty());
        assert_eq!(opener(&open, 5432, &ranges), None);
        assert_eq!(missing(&group(&[]), 5432, &ranges), ranges);
    }

    #[test]
    fn a_rule_that_would_leave_it_open_is_found() {
        let ranges = BTreeSet::from([net("0.0.0.0/0")]);
        for (protocol, from, to, range, what) in [
            ("tcp", 0, 65_535, "0.0.0.0/0", "TCP 0 to 65535"),
            ("-1", -1, -1, "0.0.0.0/0", "all traffic"),
            ("tcp", 5432, 5432, "203.0.113.0/24", "TCP 5432 to 5432"),
            ("tcp", 5000, 6000, "0.0.0.0/1", "TCP 5000 to 6000"),
        ] {
            let found = opener(&group(&[(protocol, from, to, range)]), 5432, &ranges);
            assert_eq!(found, Some((what.to_owned(), range.to_owned())));
        }
        let over_ipv6 = |range: &str| {
            let range = Ipv6Range::builder().cidr_ipv6(range).build();
            let rule = IpPermission::builder()
                .ip_protocol("tcp")
                .from_port(5432)
                .to_port(5432);
            SecurityGroup::builder()
                .ip_permissions(rule.ipv6_ranges(range).build())
                .build()
        };
        assert!(opener(&over_ipv6("::/0"), 5432, &ranges).is_some());
        assert_eq!(opener(&over_ipv6("fd00::/8"), 5432, &ranges), None);

        let list = PrefixListId::builder().prefix_list_id("pl-1").build();
        let rule = IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(5432)
            .to_port(5432);
        let listed = SecurityGroup::builder().ip_permissions(rule.prefix_list_ids(list).build());
        let found = opener(&listed.build(), 5432, &ranges);
        assert_eq!(found.map(|(_, who)| who).as_deref(), Some("pl-1"));
        for (protocol, from, to, range) in [
            ("udp", 0, 65_535, "0.0.0.0/0"),
            ("tcp", 22, 22, "0.0.0.0/0"),
            ("-1", -1, -1, "172.16.0.0/12"),
        ] {
            assert_eq!(
                opener(&group(&[(protocol, from, to, range)]), 5432, &ranges),
                None
            );
        }
    }

    #[test]
    fn private_parts_are_those_of_hosts() {
        let parts = |range: &str| private_parts(&BTreeSet::from([net(range)])).len();
        assert_eq!(parts("0.0.0.0/0"), 4);
        assert_eq!(parts("0.0.0.0/1"), 2, "10.0.0.0/8 and 100.64.0.0/10");
        assert_eq!(parts("203.0.113.0/24"), 0);
    }

    fn group(rules: &[(&str, i32, i32, &str)]) -> SecurityGroup {
        let rules = rules.iter().map(|(protocol, from, to, range)| {
            IpPermission::builder()
                .ip_protocol(*protocol)
                .set_from_port(Some(*from).filter(|port| *port >= 0))
                .set_to_port(Some(*to).filter(|port| *port >= 0))
                .ip_ranges(IpRange::builder().cidr_ip(*range).build())
                .build()
        });
        SecurityGroup::builder()
            .set_ip_permissions(Some(rules.collect()))
            .build()
    }

    fn net(text: &str) -> Ipv4Net {
        text.parse().expect("a range")
    }
}
