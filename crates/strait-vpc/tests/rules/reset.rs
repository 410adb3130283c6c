//! Back to a fresh state between two tests.

use strait_vpc::api::*;
use strait_vpc::{Caller, Context, set_quota};

use crate::world::*;

#[test]
fn customers_start_anew_and_keep_their_keys() {
    let mut world = World::new();
    let (me, other) = (world.account("customer"), world.account("other"));
    let first = vpcs(&mut world, &me);
    let theirs = vpcs(&mut world, &other);
    let fresh = sizes(&world);
    let made = world.vpc(&me, "10.0.0.0/16");
    let subnet = world.subnet(&me, &made, "10.0.0.0/24");
    world.group(&me, &made, "web");
    world.instance(&me, &subnet);
    world.ok::<CreateInternetGatewayResponse>(&me, CreateInternetGatewayRequest::default());
    let table = CreateRouteTableRequest {
        vpc_id: made.clone(),
        client_token: Some("again".to_owned()),
        ..Default::default()
    };
    world.ok::<CreateRouteTableResponse>(&me, table);
    world.peering((&me, &made), (&other, &theirs[0]), true);
    let keys = world.network.accounts.get(&me.account).cloned();
    reset(&mut world);
    assert_eq!(sizes(&world), [0; 10]);
    assert_eq!(world.network.accounts.get(&me.account).cloned(), keys);
    let again = vpcs(&mut world, &me);
    assert_eq!(again.len(), 1, "a default VPC, and no other");
    assert_ne!(again, first);
    vpcs(&mut world, &other);
    assert_eq!(sizes(&world), fresh);
}

#[test]
fn what_the_provider_owns_stays() {
    let mut world = World::new();
    let (me, provider) = (world.account("customer"), world.account("provider"));
    let mine = vpcs(&mut world, &me).remove(0);
    let theirs = world.vpc(&provider, "10.0.0.0/16");
    let subnet = world.subnet(&provider, &theirs, "10.0.0.0/24");
    let instance = world.instance(&provider, &subnet).instance_id;
    let peering = world.peering((&provider, &theirs), (&me, &mine), true);
    reset(&mut world);
    assert_eq!(vpcs(&mut world, &provider), [theirs]);
    let running = world
        .ok::<DescribeInstancesResponse>(&provider, DescribeInstancesRequest::default())
        .reservations
        .items;
    assert_eq!(running[0].instances.items[0].instance_id, instance);
    let (state, message) = world
        .peering_state(&provider, &peering)
        .expect("the provider sees how it ended");
    assert_eq!(state, "deleted");
    assert_eq!(message, format!("Deleted by {}", me.account));
}

#[test]
fn customers_have_the_quotas_of_all_again() {
    let mut world = World::new();
    let (me, provider) = (world.account("customer"), world.account("provider"));
    world.network.quotas.insert("vpcs-per-region".to_owned(), 3);
    for (caller, limit) in [(&me, 1), (&provider, 2)] {
        let network = &mut world.network;
        assert!(set_quota(
            network,
            &caller.account,
            "vpcs-per-region",
            Some(limit)
        ));
    }
    // Its default VPC is all that it may have.
    assert_eq!(more_vpcs(&mut world, &me), 0);
    reset(&mut world);
    assert_eq!(more_vpcs(&mut world, &me), 2);
    assert_eq!(more_vpcs(&mut world, &provider), 2, "its own quota stays");
}

/// How many more VPCs the caller may make.
fn more_vpcs(world: &mut World, caller: &Caller) -> usize {
    let another = || CreateVpcRequest {
        cidr_block: Some("10.0.0.0/16".to_owned()),
        ..Default::default()
    };
    let made = (0..9).take_while(|_| world.outcome(caller, another()) == "ok");
    made.count()
}

/// How many there are of what customers make.
fn sizes(world: &World) -> [usize; 10] {
    let network = &world.network;
    [
        network.vpcs.len(),
        network.subnets.len(),
        network.route_tables.len(),
        network.security_groups.len(),
        network.network_acls.len(),
        network.interfaces.len(),
        network.instances.len(),
        network.internet_gateways.len(),
        network.peerings.len(),
        network.client_tokens.len(),
    ]
}

fn vpcs(world: &mut World, caller: &Caller) -> Vec<String> {
    let shown = world.ok::<DescribeVpcsResponse>(caller, DescribeVpcsRequest::default());
    shown.vpcs.items.into_iter().map(|vpc| vpc.vpc_id).collect()
}

fn reset(world: &mut World) {
    let mut random = || 7;
    let context = Context {
        now: world.now,
        random: &mut random,
    };
    strait_vpc::reset_customers(&mut world.network, &context);
}
