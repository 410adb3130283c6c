//! Random calls in random order: none panics, and one that fails changes nothing.

use proptest::prelude::*;
use strait_vpc::api::*;
use strait_vpc::{AccountId, Action, Caller, Region, picture};

use crate::world::*;

/// A call, with numbers that choose among what there is.
#[derive(Debug, Clone)]
struct Step {
    who: usize,
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
        let mut world = seeded(&callers);
        for (who, what, a, b, c) in steps {
            let step = Step { who, what, a, b, c };
            let asked = action(&world, &callers, &step);
            // Whether it fails, and that nothing has changed then, is seen to where calls are made.
            let _ = world.call(&callers[who], asked);
            if step.a == 8 {
                world.wait(24);
            }
            let drawn = picture(&world.network);
            prop_assert_eq!(drawn, picture(&world.network));
        }
    }
}

const KINDS: usize = 24;

/// A network in which most calls find something: a VPC for each caller with a subnet and a group.
fn seeded(callers: &[Caller; 3]) -> World {
    let mut world = World::new();
    for (number, caller) in callers.iter().enumerate() {
        let vpc = world.vpc(caller, &format!("10.{number}.0.0/16"));
        let subnet = world.subnet(caller, &vpc, &format!("10.{number}.0.0/24"));
        world.group(caller, &vpc, "seed");
        world.instance(caller, &subnet);
    }
    world
}

/// Turns a step into a call, mostly on what the caller has; ids of others and of nothing are among them.
fn action(world: &World, callers: &[Caller; 3], step: &Step) -> Action {
    let network = &world.network;
    let me = &callers[step.who];
    macro_rules! pick {
        ($table:ident, $missing:literal) => {
            |n: usize| {
                let rows = network
                    .$table
                    .iter()
                    .filter(|(_, row)| mine(me, &row.owner, &row.region, n));
                let rows: Vec<_> = rows.map(|(id, _)| id.to_string()).collect();
                nth(&rows, n, $missing)
            }
        };
    }
    let vpc = pick!(vpcs, "vpc-01234567");
    let subnet = pick!(subnets, "subnet-01234567");
    let table = pick!(route_tables, "rtb-01234567");
    let group = pick!(security_groups, "sg-01234567");
    let instance = pick!(instances, "i-01234567");
    let gateway = pick!(internet_gateways, "igw-01234567");
    let every = |n: usize| {
        let rows: Vec<_> = network.vpcs.keys().map(ToString::to_string).collect();
        nth(&rows, n, "vpc-01234567")
    };
    let peering = |n: usize| {
        let rows: Vec<_> = network.peerings.keys().map(ToString::to_string).collect();
        nth(&rows, n, "pcx-01234567")
    };
    let inside = |id: &str, n: usize| {
        let found = network.vpcs.values().find(|vpc| vpc.id.as_str() == id);
        let second = found.map_or(9, |vpc| vpc.primary().network().octets()[1]);
        Some(format!("10.{second}.{n}.0/24"))
    };
    let block = |n: usize| Some(format!("10.{n}.0.0/16"));
    let permissions = || {
        vec![IpPermission {
            ip_protocol: Some(["tcp", "udp", "icmp", "-1", "47"][step.b % 5].to_owned()),
            from_port: Some(step.c as i32 - 1),
            to_port: Some(step.c as i32 * 2 - 1),
            ip_ranges: vec![IpRange {
                cidr_ip: ["0.0.0.0/0", "10.0.0.0/8"][step.c % 2].to_owned(),
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
        }]
    };
    let (a, b, c) = (step.a, step.b, step.c);
    match step.what {
        0 => CreateVpcRequest {
            cidr_block: block(a),
            ..Default::default()
        }
        .into(),
        1 | 2 => {
            let vpc_id = vpc(a);
            CreateSubnetRequest {
                cidr_block: inside(&vpc_id, b),
                vpc_id,
                ..Default::default()
            }
            .into()
        }
        3 => DeleteSubnetRequest {
            subnet_id: subnet(a),
            ..Default::default()
        }
        .into(),
        4 => DeleteVpcRequest {
            vpc_id: vpc(a),
            ..Default::default()
        }
        .into(),
        5 => AssociateVpcCidrBlockRequest {
            vpc_id: vpc(a),
            cidr_block: block(b + 3),
            ..Default::default()
        }
        .into(),
        6 => CreateRouteTableRequest {
            vpc_id: vpc(a),
            ..Default::default()
        }
        .into(),
        7 => {
            let subnet_id = Some(subnet(b));
            AssociateRouteTableRequest {
                route_table_id: table(a),
                subnet_id,
                ..Default::default()
            }
            .into()
        }
        8 => DeleteRouteTableRequest {
            route_table_id: table(a),
            ..Default::default()
        }
        .into(),
        9 | 10 => CreateRouteRequest {
            route_table_id: table(a),
            destination_cidr_block: block(b),
            vpc_peering_connection_id: Some(peering(c)),
            ..Default::default()
        }
        .into(),
        11 => CreateSecurityGroupRequest {
            group_name: format!("g{b}"),
            group_description: "random".to_owned(),
            vpc_id: Some(vpc(a)),
            ..Default::default()
        }
        .into(),
        12 | 13 => {
            let group_id = Some(group(a));
            let ip_permissions = permissions();
            AuthorizeSecurityGroupIngressRequest {
                group_id,
                ip_permissions,
                ..Default::default()
            }
            .into()
        }
        14 => {
            let ip_permissions = permissions();
            RevokeSecurityGroupEgressRequest {
                group_id: group(a),
                ip_permissions,
                ..Default::default()
            }
            .into()
        }
        15 => DeleteSecurityGroupRequest {
            group_id: Some(group(a)),
            ..Default::default()
        }
        .into(),
        16 | 17 => {
            let (peer, vpc_id) = (every(b), vpc(a));
            let found = network.vpcs.values().find(|vpc| vpc.id.as_str() == peer);
            let owner = found.map_or(me.clone(), |vpc| {
                Caller::new(vpc.owner.clone(), vpc.region.clone())
            });
            ask(&vpc_id, (&owner, &peer)).into()
        }
        18 => accept(&peering(a)).into(),
        19 => DeleteVpcPeeringConnectionRequest {
            vpc_peering_connection_id: peering(a),
            ..Default::default()
        }
        .into(),
        20 => RunInstancesRequest {
            subnet_id: Some(subnet(a)),
            min_count: 1,
            max_count: b as u32,
            security_group_ids: (c > 6).then(|| group(c)).into_iter().collect(),
            ..one_instance()
        }
        .into(),
        21 => TerminateInstancesRequest {
            instance_ids: vec![instance(a), instance(b)],
            ..Default::default()
        }
        .into(),
        22 => CreateInternetGatewayRequest::default().into(),
        _ => {
            let vpc_id = vpc(b);
            AttachInternetGatewayRequest {
                internet_gateway_id: gateway(a),
                vpc_id,
                ..Default::default()
            }
            .into()
        }
    }
}

/// The highest numbers choose among everybody's.
fn mine(me: &Caller, owner: &AccountId, region: &Region, n: usize) -> bool {
    n == 7 || (*owner == me.account && *region == me.region)
}

/// The number's row, round and round; the highest number chooses what is not there.
fn nth(rows: &[String], n: usize, missing: &str) -> String {
    if n == 8 || rows.is_empty() {
        return missing.to_owned();
    }
    rows[n % rows.len()].clone()
}
