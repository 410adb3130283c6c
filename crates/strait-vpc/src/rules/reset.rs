//! Back to a fresh state: what test suites ask for between two tests.

use std::collections::BTreeSet;

use crate::id::*;
use crate::rules::peering::end;
use crate::rules::{Context, quota, tenant};
use crate::state::*;

/// Takes away all that accounts other than `provider` have made, in every Region, and the quotas that were set for them
/// alone. They keep their keys, and get their default VPCs anew at their next calls.
///
/// What `provider` owns stays, as if the others had deleted what was theirs: its peering connections with them are
/// `deleted`, their endpoints at its services are gone.
pub fn reset_customers(network: &mut Network, context: &Context<'_>) {
    let customers: BTreeSet<AccountId> = network
        .accounts
        .values()
        .filter(|account| !tenant::is_provider(account))
        .map(|account| account.id.clone())
        .collect();
    end_peerings(network, &customers, context);
    let is = |owner: &AccountId| customers.contains(owner);
    // Without `..`: a new table does not compile until it is said here what becomes of its rows.
    let Network {
        accounts: _,
        vpcs,
        subnets,
        route_tables,
        internet_gateways,
        security_groups,
        network_acls,
        interfaces,
        elastic_ips,
        instances,
        peerings: _,
        prefix_lists,
        endpoint_services,
        endpoints,
        gateway_endpoints,
        load_balancers,
        target_groups,
        listeners,
        client_tokens,
        counters,
        quotas,
        sessions,
        hosted_zones,
        records,
        zone_changes,
    } = network;
    let services = keys_of(endpoint_services, |row| is(&row.owner));
    let balancers = keys_of(load_balancers, |row| is(&row.owner));
    let ended = keys_of(endpoints, |row| {
        is(&row.owner) || services.contains(&row.service)
    });
    interfaces.remove_where(|_, row| {
        is(&row.owner) || matches!(&row.holder, Holder::Endpoint(id) if ended.contains(id))
    });
    endpoints.remove_where(|id, _| ended.contains(id));
    gateway_endpoints.remove_where(|_, row| is(&row.owner));
    endpoint_services.remove_where(|id, _| services.contains(id));
    listeners.remove_where(|_, row| balancers.contains(&row.load_balancer));
    load_balancers.remove_where(|arn, _| balancers.contains(arn));
    target_groups.remove_where(|_, row| is(&row.owner));
    elastic_ips.remove_where(|_, row| is(&row.owner));
    instances.remove_where(|_, row| is(&row.owner));
    internet_gateways.remove_where(|_, row| is(&row.owner));
    security_groups.remove_where(|_, row| is(&row.owner));
    prefix_lists.remove_where(|_, row| is(&row.owner));
    network_acls.remove_where(|_, row| is(&row.owner));
    route_tables.remove_where(|_, row| is(&row.owner));
    subnets.remove_where(|_, row| is(&row.owner));
    vpcs.remove_where(|_, row| is(&row.owner));
    sessions.remove_where(|_, row| is(&row.account));
    let zones = keys_of(hosted_zones, |row| is(&row.owner));
    records.remove_where(|key, _| zones.contains(&key.zone));
    hosted_zones.remove_where(|id, _| zones.contains(id));
    zone_changes.remove_where(|_, row| is(&row.owner));
    client_tokens.remove_where(|key, _| {
        let account = key.split('/').next().and_then(|text| text.parse().ok());
        account.is_some_and(|account| is(&account))
    });
    counters.remove_where(|key, _| customers.iter().any(|id| tenant::is_marker(key, id)));
    quotas.remove_where(|key, _| customers.iter().any(|id| quota::is_own(key, id)));
}

/// Peering connections among the customers leave no trace; the provider sees how one with it ended.
fn end_peerings(network: &mut Network, customers: &BTreeSet<AccountId>, context: &Context<'_>) {
    let is = |side: &PeeringSide| customers.contains(&side.owner);
    network
        .peerings
        .remove_where(|_, row| is(&row.requester) && is(&row.accepter));
    let live = network
        .peerings
        .values()
        .filter(|row| row.ended_at.is_none());
    let ended: Vec<(PeeringId, AccountId)> = live
        .filter_map(|row| {
            let side = [&row.requester, &row.accepter]
                .into_iter()
                .find(|side| is(side))?;
            Some((row.id.clone(), side.owner.clone()))
        })
        .collect();
    for (id, by) in ended {
        end(network, &id, PeeringState::Deleted(by), context.now);
    }
}

fn keys_of<K: Ord + Clone, V: Clone>(
    table: &Table<K, V>,
    wanted: impl Fn(&V) -> bool,
) -> BTreeSet<K> {
    table
        .iter()
        .filter(|(_, row)| wanted(row))
        .map(|(key, _)| key.clone())
        .collect()
}
