//! VPCs and their CIDR blocks.

use strait_vpc::api::*;
use strait_vpc::{quotas, set_quota};

use crate::world::*;

fn create(cidr: &str) -> CreateVpcRequest {
    CreateVpcRequest {
        cidr_block: Some(cidr.to_owned()),
        ..Default::default()
    }
}

fn associate(vpc: &str, cidr: &str) -> AssociateVpcCidrBlockRequest {
    AssociateVpcCidrBlockRequest {
        vpc_id: vpc.to_owned(),
        cidr_block: Some(cidr.to_owned()),
        ..Default::default()
    }
}

fn delete(vpc: &str) -> DeleteVpcRequest {
    DeleteVpcRequest {
        vpc_id: vpc.to_owned(),
        ..Default::default()
    }
}

#[test]
fn a_vpc_is_made_with_its_default_group_table_and_acl() {
    let (mut world, me) = (World::new(), customer());
    let made = world
        .ok::<CreateVpcResponse>(&me, create("10.0.0.7/17"))
        .vpc;
    assert_eq!(
        (made.cidr_block.as_str(), made.state.as_str()),
        ("10.0.0.0/17", "pending")
    );
    let shown = world
        .ok::<DescribeVpcsResponse>(&me, DescribeVpcsRequest::default())
        .vpcs
        .items;
    assert_eq!((shown.len(), shown[0].state.as_str()), (1, "available"));
    assert_eq!(
        shown[0].cidr_block_association_set.items[0]
            .cidr_block_state
            .state,
        "associated"
    );
    assert!(!shown[0].is_default);
    world.main_table(&me, &made.vpc_id);
    let filters = vec![filter("vpc-id", &made.vpc_id)];
    let groups = DescribeSecurityGroupsRequest {
        filters: filters.clone(),
        ..Default::default()
    };
    let group = &world
        .ok::<DescribeSecurityGroupsResponse>(&me, groups)
        .security_groups
        .items[0];
    assert_eq!(group.group_name, "default");
    assert_eq!(
        group.ip_permissions.items[0].user_id_group_pairs.items[0].group_id,
        group.group_id
    );
    assert_eq!(
        group.ip_permissions_egress.items[0].ip_ranges.items[0].cidr_ip,
        "0.0.0.0/0"
    );
    let acls = DescribeNetworkAclsRequest {
        filters,
        ..Default::default()
    };
    let acl = &world
        .ok::<DescribeNetworkAclsResponse>(&me, acls)
        .network_acls
        .items[0];
    let entries: Vec<_> = acl
        .entries
        .items
        .iter()
        .map(|row| (row.rule_number, row.rule_action.as_str(), row.egress))
        .collect();
    assert_eq!(
        entries,
        [
            (100, "allow", false),
            (100, "allow", true),
            (32767, "deny", true),
            (32767, "deny", false)
        ]
    );
}

#[test]
fn blocks_are_checked() {
    let (mut world, me) = (World::new(), customer());
    let cases = [
        ("10.0.0.0/15", "InvalidVpc.Range"),
        ("10.0.0.0/29", "InvalidVpc.Range"),
        ("169.254.0.0/20", "InvalidVpc.Range"),
        ("10.0.0.0", "InvalidParameterValue"),
        ("10.0.0.0/33", "InvalidParameterValue"),
        ("fd00::/56", "InvalidParameterValue"),
        ("", "InvalidParameterValue"),
        ("10.0.0.0/16", "ok"),
        ("10.0.0.0/28", "ok"),
    ];
    for (cidr, expected) in cases {
        assert_eq!(world.outcome(&me, create(cidr)), expected, "{cidr}");
    }
    assert_eq!(
        world.code(&me, CreateVpcRequest::default()),
        "MissingParameter"
    );
    let tenancy = CreateVpcRequest {
        instance_tenancy: Some("host".to_owned()),
        ..create("10.0.0.0/16")
    };
    assert_eq!(world.code(&me, tenancy), "InvalidParameterValue");
}

#[test]
fn only_the_owner_in_the_region_sees_a_vpc() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let show = |id: &str| DescribeVpcsRequest {
        vpc_ids: vec![id.to_owned()],
        ..Default::default()
    };
    assert_eq!(world.outcome(&me, show(&vpc)), "ok");
    assert_eq!(world.code(&provider(), show(&vpc)), "InvalidVpcID.NotFound");
    assert_eq!(
        world.code(&caller("111122223333", "eu-west-1"), show(&vpc)),
        "InvalidVpcID.NotFound"
    );
    for id in ["vpc-01234567", "vpc-xyz", "x", ""] {
        let (code, message) = world.refused(&me, show(id));
        assert_eq!(code, "InvalidVpcID.NotFound");
        assert_eq!(message, format!("The vpc ID '{id}' does not exist"));
    }
    let paged = DescribeVpcsRequest {
        max_results: Some(5),
        ..show(&vpc)
    };
    assert_eq!(world.code(&me, paged), "InvalidParameterCombination");
}

#[test]
fn a_dry_run_checks_and_changes_nothing() {
    let (mut world, me) = (World::new(), customer());
    let dry = |cidr| CreateVpcRequest {
        dry_run: true,
        ..create(cidr)
    };
    let (code, message) = world.refused(&me, dry("10.0.0.0/16"));
    assert_eq!(code, "DryRunOperation");
    assert_eq!(
        message,
        "Request would have succeeded, but DryRun flag is set."
    );
    assert_eq!(world.code(&me, dry("10.0.0.0/8")), "InvalidVpc.Range");
}

#[test]
fn the_quota_of_vpcs_can_be_changed() {
    let (mut world, me) = (World::new(), customer());
    world.network.quotas.insert("vpcs-per-region".to_owned(), 1);
    world.vpc(&me, "10.0.0.0/16");
    assert_eq!(world.code(&me, create("10.1.0.0/16")), "VpcLimitExceeded");
    assert_eq!(
        world.outcome(&caller("111122223333", "eu-west-1"), create("10.1.0.0/16")),
        "ok"
    );
}

#[test]
fn an_account_can_have_quotas_of_its_own() {
    let mut world = World::new();
    let (me, other) = (customer(), caller("222233334444", "us-east-1"));
    let name = "vpcs-per-region";
    world.network.quotas.insert(name.to_owned(), 2);
    let set = |world: &mut World, limit| {
        assert!(set_quota(&mut world.network, &me.account, name, limit));
        let all = quotas(&world.network, &me.account);
        let shown = all.iter().find(|quota| quota.name == name);
        shown.map(|quota| quota.limit)
    };
    assert_eq!(set(&mut world, Some(1)), Some(1));
    world.vpc(&me, "10.0.0.0/16");
    assert_eq!(world.code(&me, create("10.1.0.0/16")), "VpcLimitExceeded");
    world.vpc(&other, "10.0.0.0/16");
    world.vpc(&other, "10.1.0.0/16");
    assert_eq!(set(&mut world, None), Some(2));
    world.vpc(&me, "10.1.0.0/16");
    assert_eq!(world.code(&me, create("10.2.0.0/16")), "VpcLimitExceeded");
    assert!(!set_quota(
        &mut world.network,
        &me.account,
        "wishes",
        Some(3)
    ));
}

#[test]
fn a_vpc_in_use_is_not_deleted() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let subnet = world.subnet(&me, &vpc, "10.0.0.0/24");
    let group = world.group(&me, &vpc, "app");
    assert_eq!(world.code(&me, delete(&vpc)), "DependencyViolation");
    world.ok::<DeleteSubnetResponse>(
        &me,
        DeleteSubnetRequest {
            subnet_id: subnet,
            ..Default::default()
        },
    );
    world.ok::<DeleteSecurityGroupResponse>(
        &me,
        DeleteSecurityGroupRequest {
            group_id: Some(group),
            ..Default::default()
        },
    );
    world.ok::<DeleteVpcResponse>(&me, delete(&vpc));
    assert_eq!(world.code(&me, delete(&vpc)), "InvalidVpcID.NotFound");
    let left = [
        world.network.route_tables.len(),
        world.network.security_groups.len(),
        world.network.network_acls.len(),
    ];
    assert_eq!(left, [0, 0, 0]);
}

#[test]
fn attributes_are_changed_one_a_call() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let set = |hostnames, support| ModifyVpcAttributeRequest {
        vpc_id: vpc.clone(),
        enable_dns_hostnames: hostnames,
        enable_dns_support: support,
        ..Default::default()
    };
    let value = |value| Some(AttributeBooleanValue { value: Some(value) });
    let show = |attribute: &str| DescribeVpcAttributeRequest {
        vpc_id: vpc.clone(),
        attribute: attribute.to_owned(),
        ..Default::default()
    };
    let shown = world.ok::<DescribeVpcAttributeResponse>(&me, show("enableDnsHostnames"));
    assert_eq!(shown.enable_dns_hostnames.map(|row| row.value), Some(false));
    world.ok::<ModifyVpcAttributeResponse>(&me, set(value(true), None));
    let shown = world.ok::<DescribeVpcAttributeResponse>(&me, show("enableDnsHostnames"));
    assert_eq!(shown.enable_dns_hostnames.map(|row| row.value), Some(true));
    assert_eq!(shown.enable_dns_support, None);
    world.ok::<ModifyVpcAttributeResponse>(&me, set(None, value(false)));
    let shown = world.ok::<DescribeVpcAttributeResponse>(&me, show("enableDnsSupport"));
    assert_eq!(shown.enable_dns_support.map(|row| row.value), Some(false));
    assert_eq!(
        world.code(&me, set(value(true), value(true))),
        "InvalidParameterCombination"
    );
    assert_eq!(world.code(&me, set(None, None)), "MissingParameter");
    assert_eq!(world.code(&me, show("nonsense")), "InvalidParameterValue");
}

#[test]
fn further_blocks_follow_aws_rules_of_mixing() {
    let cases = [
        ("10.0.0.0/16", "10.1.0.0/16", "ok"),
        ("10.0.0.0/16", "10.0.128.0/17", "InvalidVpc.Range"),
        ("10.0.0.0/16", "172.16.0.0/16", "InvalidVpc.Range"),
        ("10.0.0.0/16", "192.168.0.0/16", "InvalidVpc.Range"),
        ("10.2.0.0/16", "10.0.0.0/24", "ok"),
        ("10.1.0.0/16", "10.0.0.0/24", "InvalidVpc.Range"),
        ("10.0.0.0/16", "198.19.0.0/24", "InvalidVpc.Range"),
        ("10.0.0.0/16", "100.64.0.0/16", "ok"),
        ("10.0.0.0/16", "169.254.0.0/24", "InvalidVpc.Range"),
        ("172.16.0.0/16", "172.17.0.0/16", "ok"),
        ("172.16.0.0/16", "172.31.0.0/24", "InvalidVpc.Range"),
        ("172.16.0.0/16", "10.0.0.0/24", "InvalidVpc.Range"),
        ("192.168.0.0/24", "192.168.1.0/24", "ok"),
        ("192.168.0.0/24", "10.0.0.0/24", "InvalidVpc.Range"),
        ("100.64.0.0/16", "100.65.0.0/16", "ok"),
        ("100.64.0.0/16", "10.0.0.0/16", "InvalidVpc.Range"),
        ("10.0.0.0/16", "10.1.0.0/15", "InvalidVpc.Range"),
    ];
    for (primary, secondary, expected) in cases {
        let (mut world, me) = (World::new(), customer());
        let vpc = world.vpc(&me, primary);
        assert_eq!(
            world.outcome(&me, associate(&vpc, secondary)),
            expected,
            "{primary} and {secondary}"
        );
    }
}

#[test]
fn a_further_block_comes_and_goes() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let added = world
        .ok::<AssociateVpcCidrBlockResponse>(&me, associate(&vpc, "10.1.0.9/16"))
        .cidr_block_association
        .expect("the block");
    assert_eq!(
        (
            added.cidr_block.as_str(),
            added.cidr_block_state.state.as_str()
        ),
        ("10.1.0.0/16", "associating")
    );
    let subnet = world.subnet(&me, &vpc, "10.1.0.0/24");
    let remove = |id: &str| DisassociateVpcCidrBlockRequest {
        association_id: id.to_owned(),
        ..Default::default()
    };
    assert_eq!(
        world.code(&me, remove(&added.association_id)),
        "DependencyViolation"
    );
    world.ok::<DeleteSubnetResponse>(
        &me,
        DeleteSubnetRequest {
            subnet_id: subnet,
            ..Default::default()
        },
    );
    world.ok::<DisassociateVpcCidrBlockResponse>(&me, remove(&added.association_id));
    assert_eq!(
        world.code(&me, remove(&added.association_id)),
        "InvalidVpcCidrBlockAssociationID.NotFound"
    );
    let primary = world.network.vpcs.values().next().expect("a VPC").blocks[0]
        .association
        .to_string();
    assert_eq!(world.code(&me, remove(&primary)), "OperationNotPermitted");
}

#[test]
fn a_vpc_has_five_blocks_at_most() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    for second in 1..5 {
        assert_eq!(
            world.outcome(&me, associate(&vpc, &format!("10.{second}.0.0/16"))),
            "ok"
        );
    }
    assert_eq!(
        world.code(&me, associate(&vpc, "10.5.0.0/16")),
        "CidrLimitExceeded"
    );
}

#[test]
fn a_further_block_is_smaller_than_routes_in_it() {
    let (mut world, me) = (World::new(), customer());
    let (vpc, other) = (world.vpc(&me, "10.0.0.0/16"), world.vpc(&me, "10.9.0.0/24"));
    let peering = world.peering((&me, &vpc), (&me, &other), true);
    let route_table_id = world.main_table(&me, &vpc);
    let route = CreateRouteRequest {
        route_table_id,
        destination_cidr_block: Some("10.3.0.0/24".to_owned()),
        vpc_peering_connection_id: Some(peering),
        ..Default::default()
    };
    world.ok::<CreateRouteResponse>(&me, route);
    let cases = [
        ("10.3.0.0/16", "InvalidVpc.Range"),
        ("10.3.0.0/24", "InvalidVpc.Range"),
        ("10.3.0.0/25", "ok"),
    ];
    for (cidr, expected) in cases {
        assert_eq!(
            world.outcome(&me, associate(&vpc, cidr)),
            expected,
            "{cidr}"
        );
    }
}

#[test]
fn pages_lead_through_all_vpcs() {
    let (mut world, me) = (World::new(), customer());
    let mut made: Vec<String> = (0..12)
        .map(|second| world.vpc(&me, &format!("10.{second}.0.0/16")))
        .collect();
    made.sort();
    let (mut seen, mut token) = (Vec::new(), None);
    for _ in 0..3 {
        let request = DescribeVpcsRequest {
            max_results: Some(5),
            next_token: token.take(),
            ..Default::default()
        };
        let page = world.ok::<DescribeVpcsResponse>(&me, request);
        seen.extend(page.vpcs.items.into_iter().map(|vpc| vpc.vpc_id));
        token = page.next_token;
    }
    assert_eq!((seen, token), (made, None));
    let wrong = DescribeVpcsRequest {
        filters: vec![filter("nonsense", "x")],
        ..Default::default()
    };
    assert_eq!(
        world.refused(&me, wrong),
        (
            "InvalidParameterValue".to_owned(),
            "The filter 'nonsense' is invalid".to_owned()
        )
    );
}

#[test]
fn those_that_are_asked_for_are_shown_once_each_and_sorted() {
    let (mut world, me) = (World::new(), customer());
    let mut made: Vec<String> = ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"]
        .map(|cidr| world.ok::<CreateVpcResponse>(&me, create(cidr)).vpc.vpc_id)
        .into();
    made.sort();
    let [first, _, last] = &made[..] else {
        panic!("three were made: {made:?}")
    };
    let shown = world.ok::<DescribeVpcsResponse>(
        &me,
        DescribeVpcsRequest {
            vpc_ids: [last, first, last].map(Clone::clone).into(),
            ..Default::default()
        },
    );
    let shown: Vec<&String> = shown.vpcs.items.iter().map(|vpc| &vpc.vpc_id).collect();
    assert_eq!(shown, [first, last]);
}
