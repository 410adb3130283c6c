//! What a change of the network makes different in its picture, without drawing the whole of it.

use std::collections::{BTreeMap, BTreeSet};

use super::compile::{machine, outside, plug, vpc_router};
use super::{Host, Picture, Router, Wire};
use crate::id::*;
use crate::reach::{lookup, prefix};
use crate::state::{Holder, Network, Table};

/// The parts of a picture that may differ from what they were, by name; `None` is gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redrawn {
    /// Routers.
    pub routers: BTreeMap<String, Option<Router>>,
    /// Hosts.
    pub hosts: BTreeMap<String, Option<Host>>,
    /// Wires.
    pub wires: BTreeMap<String, Option<Wire>>,
}

/// Draws anew what the changes that led from `before` to `after` can have made different: `after`'s tables know which rows
/// changed, until [`Table::take_changed`].
///
/// [`Redrawn::apply_to`] the picture of `before`, it gives the picture of `after`.
#[must_use]
pub fn redraw(before: &Network, after: &Network) -> Redrawn {
    let touched = Touched::find(before, after);
    let mut redrawn = Redrawn::default();
    for id in touched.vpcs {
        redrawn
            .routers
            .insert(id.to_string(), vpc_router(after, &id));
    }
    for id in after.instances.changed() {
        redrawn.hosts.insert(id.to_string(), machine(after, id));
    }
    if touched.outside {
        let (old, new) = (outside(before), outside(after));
        redrawn.hosts.extend(differences(old.hosts, new.hosts));
        redrawn.wires.extend(differences(old.wires, new.wires));
    }
    redrawn
}

impl Redrawn {
    /// Whether nothing can differ.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self {
            routers,
            hosts,
            wires,
        } = self;
        routers.is_empty() && hosts.is_empty() && wires.is_empty()
    }

    /// Brings a picture up to date.
    pub fn apply_to(self, picture: &mut Picture) {
        replace(&mut picture.routers, self.routers);
        replace(&mut picture.hosts, self.hosts);
        replace(&mut picture.wires, self.wires);
    }
}

/// What a change can have touched.
struct Touched {
    /// VPCs whose routers are to be drawn anew.
    vpcs: BTreeSet<VpcId>,
    /// Whether to draw anew what is of no single VPC.
    outside: bool,
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
            security_groups,
            network_acls,
            interfaces,
            // Interfaces show them.
            elastic_ips: _,
            instances,
            peerings,
            prefix_lists,
            endpoint_services,
            endpoints,
            // Their routes are the tables'.
            gateway_endpoints: _,
            load_balancers,
            target_groups,
            listeners,
            client_tokens: _,
            counters: _,
            quotas: _,
            sessions: _,
            hosted_zones: _,
            records: _,
            zone_changes: _,
        } = after;
        // A router shows its own VPC's objects…
        let mut own: BTreeSet<VpcId> = vpcs.changed().cloned().collect();
        own.extend(of(&before.subnets, subnets, |row| vec![&row.vpc]));
        own.extend(of(&before.route_tables, route_tables, |row| vec![&row.vpc]));
        own.extend(of(&before.network_acls, network_acls, |row| vec![&row.vpc]));
        own.extend(of(&before.security_groups, security_groups, |row| {
            vec![&row.vpc]
        }));
        own.extend(of(&before.peerings, peerings, |row| {
            vec![&row.requester.vpc, &row.accepter.vpc]
        }));
        own.extend(of(&before.internet_gateways, internet_gateways, |row| {
            row.vpc.iter().collect()
        }));
        for list in prefix_lists.changed() {
            own.extend(prefix::vpcs_naming(before, list));
            own.extend(prefix::vpcs_naming(after, list));
        }
        // …and of its peers the ranges, groups that are there, members and whether they have a router.
        let mut shown: BTreeSet<VpcId> = vpcs.changed().cloned().collect();
        shown.extend(of(&before.interfaces, interfaces, |row| vec![&row.vpc]));
        let held = |network: &Network, id: &InstanceId| -> Vec<VpcId> {
            let held = network.interfaces.values();
            held.filter(|interface| match &interface.holder {
                Holder::Instance { id: holder, .. } => holder == id,
                Holder::None | Holder::Endpoint(_) | Holder::LoadBalancer(_) => false,
            })
            .map(|interface| interface.vpc.clone())
            .collect()
        };
        for id in instances.changed() {
            shown.extend(held(before, id));
            shown.extend(held(after, id));
        }
        for id in security_groups.changed() {
            let (old, new) = (before.security_groups.get(id), security_groups.get(id));
            if old.is_none() || new.is_none() {
                shown.extend(old.or(new).map(|group| group.vpc.clone()));
            }
        }
        for network in [before, after] {
            for peering in network.peerings.values() {
                for vpc in [&peering.requester.vpc, &peering.accepter.vpc] {
                    if shown.contains(vpc)
                        && let Some(other) = lookup::peer(peering, vpc)
                    {
                        own.insert(other.vpc.clone());
                    }
                }
            }
        }
        own.extend(shown);
        own.extend(replugged(before, after));
        let outside = !own.is_empty()
            || any(endpoint_services)
            || any(endpoints)
            || any(load_balancers)
            || any(target_groups)
            || any(listeners);
        Self { vpcs: own, outside }
    }
}

/// The VPCs of endpoints that lead elsewhere than before.
fn replugged(before: &Network, after: &Network) -> BTreeSet<VpcId> {
    let is_node = |network: &Network, id: &InterfaceId| {
        network
            .interfaces
            .get(id)
            .is_some_and(|own| matches!(own.holder, Holder::LoadBalancer(_)))
    };
    let leads = any(&after.endpoints)
        || any(&after.endpoint_services)
        || any(&after.load_balancers)
        || any(&after.subnets)
        || after
            .interfaces
            .changed()
            .any(|id| is_node(before, id) || is_node(after, id));
    if !leads {
        return BTreeSet::new();
    }
    [before, after]
        .into_iter()
        .flat_map(|network| network.endpoints.values())
        .flat_map(|endpoint| endpoint.interfaces.values())
        .filter_map(|id| Some((before.interfaces.get(id)?, after.interfaces.get(id)?)))
        .filter(|(old, new)| plug(before, old) != plug(after, new))
        .map(|(_, new)| new.vpc.clone())
        .collect()
}

/// The VPCs that changed rows are or were of.
fn of<K: Ord + Clone, V: Clone>(
    before: &Table<K, V>,
    after: &Table<K, V>,
    vpcs: impl Fn(&V) -> Vec<&VpcId>,
) -> BTreeSet<VpcId> {
    let rows = after.changed_rows(before);
    rows.flat_map(|row| vpcs(row).into_iter().cloned())
        .collect()
}

fn any<K: Ord + Clone, V: Clone>(table: &Table<K, V>) -> bool {
    table.changed().next().is_some()
}

fn differences<T: PartialEq>(
    mut old: BTreeMap<String, T>,
    new: BTreeMap<String, T>,
) -> BTreeMap<String, Option<T>> {
    let mut different = BTreeMap::new();
    for (name, value) in new {
        if old.remove(&name).as_ref() != Some(&value) {
            different.insert(name, Some(value));
        }
    }
    different.extend(old.into_keys().map(|gone| (gone, None)));
    different
}

fn replace<T>(all: &mut BTreeMap<String, T>, changed: BTreeMap<String, Option<T>>) {
    for (name, value) in changed {
        match value {
            Some(value) => all.insert(name, value),
            None => all.remove(&name),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture;
    use crate::reach::sample::{Sample, cidr, story, tcp};
    use crate::state::{
        Direction, InstanceState, PeeringState, RouteTarget, RulePeer, every_table,
    };

    #[test]
    fn whatever_row_goes_or_comes_the_redrawn_picture_is_the_whole_one() {
        let mut sample = story();
        name_a_list(&mut sample);
        sample.gateway(&sample.service_vpc.clone());
        sample.make_public(&sample.node.clone(), [198, 51, 100, 10].into());
        let network = saved(sample.network);
        let mut rows = 0;
        macro_rules! visit {
            ($($table:ident),*) => {$(
                for (key, row) in network.$table.iter() {
                    let mut less = network.clone();
                    less.$table.remove(key);
                    check(&network, &less, key);
                    let less = saved(less);
                    let mut more = less.clone();
                    more.$table.insert(key.clone(), row.clone());
                    check(&less, &more, key);
                    rows += 1;
                }
            )*};
        }
        every_table!(visit);
        assert!(rows > 20, "{rows}");
    }

    #[test]
    fn changed_rows_are_drawn_anew_on_both_sides() {
        let sample = story();
        let network = saved(sample.network.clone());
        let mut after = network.clone();
        let peering = after.peerings.get_mut(&sample.peering).expect("a peering");
        peering.state = PeeringState::PendingAcceptance;
        check(&network, &after, &sample.peering);
        assert_eq!(redraw(&network, &after).routers.len(), 2);

        let mut after = network.clone();
        let own = after.interfaces.get_mut(&sample.endpoint_interface);
        own.expect("an interface").groups.clear();
        check(&network, &after, &sample.endpoint_interface);

        let mut after = network.clone();
        let instance = network
            .instances
            .keys()
            .next()
            .expect("an instance")
            .clone();
        after.instances.get_mut(&instance).expect("it").state = InstanceState::Terminated;
        check(&network, &after, &instance);

        let mut changed = sample;
        changed.network = network.clone();
        let group = changed.app.group.clone();
        changed.allow(&group, Direction::Ingress, tcp(80), cidr("10.9.0.0/16"));
        check(&network, &changed.network, &group);
        assert_eq!(redraw(&network, &changed.network).routers.len(), 1);
    }

    #[test]
    fn what_names_a_prefix_list_is_drawn_anew_with_it() {
        let mut sample = story();
        name_a_list(&mut sample);
        sample.network = saved(sample.network);
        let network = sample.network.clone();
        sample.list(1, &["10.9.0.0/16"]);
        check(&network, &sample.network, &"entries");
        assert_eq!(redraw(&network, &sample.network).routers.len(), 2);
        let network = saved(sample.network.clone());
        sample.network = network.clone();
        sample.list(2, &["10.9.0.0/16"]);
        assert!(
            redraw(&network, &sample.network).is_empty(),
            "nothing names it"
        );
    }

    /// A rule of one VPC and a route of another name prefix list 1.
    fn name_a_list(sample: &mut Sample) {
        let (list, group) = (PrefixListId::from_random(1), sample.app.group.clone());
        sample.list(1, &["10.8.0.0/16", "10.1.0.0/24"]);
        let peer = RulePeer::PrefixList(list.clone());
        sample.allow(&group, Direction::Ingress, tcp(22), peer);
        let target = RouteTarget::Peering(sample.peering.clone());
        let table = sample.peering_vpc.table.clone();
        sample.route_list(&table, list, target);
    }

    #[test]
    fn a_call_that_changes_no_packet_draws_nothing() {
        let network = saved(story().network);
        let mut after = network.clone();
        after.quotas.insert("vpcs-per-region".to_owned(), 7);
        assert!(redraw(&network, &after).is_empty());
    }

    fn check(before: &Network, after: &Network, what: &dyn std::fmt::Debug) {
        let mut drawn = picture(before);
        redraw(before, after).apply_to(&mut drawn);
        assert_eq!(drawn, picture(after), "{what:?}");
    }

    fn saved(mut network: Network) -> Network {
        macro_rules! visit {
            ($($table:ident),*) => {$(network.$table.take_changed();)*};
        }
        every_table!(visit);
        network
    }
}
