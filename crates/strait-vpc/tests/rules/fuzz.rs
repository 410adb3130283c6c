//! Random calls in random order: none panics, and one that fails changes nothing.

use proptest::prelude::*;
use strait_vpc::api::*;
use strait_vpc::{Action, Caller, picture};

use crate::world::*;

/// A call, with numbers that choose among what there is.
#[derive(Debug, Clone)]
struct Step {
    what: usize,
    a: usize,
    b: usize,
    c: usize,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_calls_never_panic_and_failed_ones_change_nothing(
        steps in prop::collection::vec((0..3_usize, 0..KINDS, 0..9_usize, 0..9_usize, 0..9_usize), 1..60)
    ) {
        let callers = [customer(), provider(), caller("111122223333", "eu-west-1")];
        let mut world = World::new();
        for (who, what, a, b, c) in steps {
            let step = Step { what, a, b, c };
            let before = contents(&world.network);
            if let Err(error) = world.call(&callers[who], action(&world, &callers, &step)) {
                prop_assert_eq!(contents(&world.network), before, "{:?}: {}", step, error);
            }
            if step.a == 8 {
                world.wait(24);
            }
            let drawn = picture(&world.network);
            prop_assert_eq!(drawn, picture(&world.network));
        }
    }
}

const KINDS: usize = 24;

/// Turns a step into a call on what is there; ids of others and of things that are gone are among them.
fn action(world: &World, callers: &[Caller; 3], step: &Step) -> Action {
    let network = &world.network;
    let vpc = |n: usize| nth(network.vpcs.keys(), n, "vpc-01234567");
    let subnet = |n: usize| nth(network.subnets.keys(), n, "subnet-01234567");
    let table = |n: usize| nth(network.route_tables.keys(), n, "rtb-01234567");
    let group = |n: usize| nth(network.security_groups.keys(), n, "sg-01234567");
    let peering = |n: usize| nth(network.peerings.keys(), n, "pcx-01234567");
    let instance = |n: usize| nth(network.instances.keys(), n, "i-01234567");
    let gateway = |n: usize| nth(network.internet_gateways.keys(), n, "igw-01234567");
    let block = |n: usize, m: usize| Some(format!("10.{n}.{}.0/{}", m * 16, 16 + m));
    let permissions = vec![IpPermission {
        ip_protocol: Some(["tcp", "udp", "icmp", "-1", "47"][step.b % 5].to_owned()),
        from_port: Some(step.c as i32 - 1),
        to_port: Some(step.c as i32 * 2 - 1),
        ip_ranges: vec![IpRange {
            cidr_ip: format!("10.{}.0.0/16", step.c),
            description: None,
        }],
        groups: (step.c > 5)
            .then(|| UserIdGroupPair {
                group_id: Some(group(step.c)),
                ..Default::default()
            })
            .into_iter()
            .collect(),
        ..Default::default()
    }];
    let group_id = group(step.a);
    match step.what {
        0 | 1 => CreateVpcRequest {
            cidr_block: block(step.a, step.b),
            ..Default::default()
        }
        .into(),
        2 | 3 => CreateSubnetRequest {
            vpc_id: vpc(step.a),
            cidr_block: block(step.b, 8),
            ..Default::default()
        }
        .into(),
        4 => DeleteSubnetRequest {
            subnet_id: subnet(step.a),
            ..Default::default()
        }
        .into(),
        5 => DeleteVpcRequest {
            vpc_id: vpc(step.a),
            ..Default::default()
        }
        .into(),
        6 => AssociateVpcCidrBlockRequest {
            vpc_id: vpc(step.a),
            cidr_block: block(step.b, step.c),
            ..Default::default()
        }
        .into(),
        7 => CreateRouteTableRequest {
            vpc_id: vpc(step.a),
            ..Default::default()
        }
        .into(),
        8 => AssociateRouteTableRequest {
            route_table_id: table(step.a),
            subnet_id: Some(subnet(step.b)),
            ..Default::default()
        }
        .into(),
        9 => DeleteRouteTableRequest {
            route_table_id: table(step.a),
            ..Default::default()
        }
        .into(),
        10 | 11 => CreateRouteRequest {
            route_table_id: table(step.a),
            destination_cidr_block: block(step.b, step.c),
            vpc_peering_connection_id: Some(peering(step.c)),
            ..Default::default()
        }
        .into(),
        12 => CreateSecurityGroupRequest {
            group_name: format!("g{}", step.b),
            group_description: "random".to_owned(),
            vpc_id: Some(vpc(step.a)),
            ..Default::default()
        }
        .into(),
        13 => AuthorizeSecurityGroupIngressRequest {
            group_id: Some(group_id),
            ip_permissions: permissions,
            ..Default::default()
        }
        .into(),
        14 => RevokeSecurityGroupEgressRequest {
            group_id,
            ip_permissions: permissions,
            ..Default::default()
        }
        .into(),
        15 => DeleteSecurityGroupRequest {
            group_id: Some(group_id),
            ..Default::default()
        }
        .into(),
        16 | 17 => ask(&vpc(step.a), (&callers[step.c % 3], &vpc(step.b))).into(),
        18 => accept(&peering(step.a)).into(),
        19 => DeleteVpcPeeringConnectionRequest {
            vpc_peering_connection_id: peering(step.a),
            ..Default::default()
        }
        .into(),
        20 => RunInstancesRequest {
            subnet_id: Some(subnet(step.a)),
            min_count: 1,
            max_count: step.b as u32,
            security_group_ids: (step.c > 6).then(|| group(step.c)).into_iter().collect(),
            ..one_instance()
        }
        .into(),
        21 => TerminateInstancesRequest {
            instance_ids: vec![instance(step.a), instance(step.b)],
            ..Default::default()
        }
        .into(),
        22 => CreateInternetGatewayRequest::default().into(),
        _ => AttachInternetGatewayRequest {
            internet_gateway_id: gateway(step.a),
            vpc_id: vpc(step.b),
            ..Default::default()
        }
        .into(),
    }
}

fn nth<K: ToString>(mut keys: impl Iterator<Item = K>, n: usize, missing: &str) -> String {
    keys.nth(n)
        .map_or_else(|| missing.to_owned(), |key| key.to_string())
}
