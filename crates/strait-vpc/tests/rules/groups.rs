//! Security groups and their rules.

use strait_vpc::Caller;
use strait_vpc::api::*;

use crate::world::*;

fn create(vpc: Option<&str>, name: &str) -> CreateSecurityGroupRequest {
    CreateSecurityGroupRequest {
        group_name: name.to_owned(),
        group_description: "for a test".to_owned(),
        vpc_id: vpc.map(str::to_owned),
        ..Default::default()
    }
}

fn tcp(port: i32, cidr: &str) -> IpPermission {
    IpPermission {
        ip_protocol: Some("tcp".to_owned()),
        from_port: Some(port),
        to_port: Some(port),
        ip_ranges: vec![IpRange {
            cidr_ip: cidr.to_owned(),
            description: None,
        }],
        ..Default::default()
    }
}

fn from_group(pair: UserIdGroupPair) -> IpPermission {
    IpPermission {
        ip_ranges: Vec::new(),
        groups: vec![pair],
        ..tcp(5432, "")
    }
}

fn pair(group: &str) -> UserIdGroupPair {
    UserIdGroupPair {
        group_id: Some(group.to_owned()),
        ..Default::default()
    }
}

fn ingress(group: &str, permissions: Vec<IpPermission>) -> AuthorizeSecurityGroupIngressRequest {
    AuthorizeSecurityGroupIngressRequest {
        group_id: Some(group.to_owned()),
        ip_permissions: permissions,
        ..Default::default()
    }
}

fn revoke_egress(group: &str, permissions: Vec<IpPermission>) -> RevokeSecurityGroupEgressRequest {
    RevokeSecurityGroupEgressRequest {
        group_id: group.to_owned(),
        ip_permissions: permissions,
        ..Default::default()
    }
}

fn shown(world: &mut World, me: &Caller, group: &str) -> SecurityGroupItem {
    let request = DescribeSecurityGroupsRequest {
        group_ids: vec![group.to_owned()],
        ..Default::default()
    };
    world
        .ok::<DescribeSecurityGroupsResponse>(me, request)
        .security_groups
        .items
        .remove(0)
}

#[test]
fn names_are_checked_and_unique_whatever_their_case() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let group = world.group(&me, &vpc, "App");
    let new = shown(&mut world, &me, &group);
    assert!(new.ip_permissions.items.is_empty());
    assert_eq!(new.ip_permissions_egress.items[0].ip_protocol, "-1");
    let long = "x".repeat(256);
    let cases = [
        ("app", "InvalidGroup.Duplicate"),
        ("default", "InvalidGroup.Reserved"),
        ("sg-app", "InvalidParameterValue"),
        (long.as_str(), "InvalidParameterValue"),
        ("", "MissingParameter"),
        ("ä", "InvalidParameterValue"),
        ("db", "ok"),
    ];
    for (name, expected) in cases {
        assert_eq!(
            world.outcome(&me, create(Some(&vpc), name)),
            expected,
            "{name}"
        );
    }
    assert_eq!(world.code(&me, create(None, "x")), "VPCIdNotSpecified");
    assert_eq!(
        world.code(&me, create(Some("vpc-0"), "x")),
        "InvalidVpcID.NotFound"
    );
}

#[test]
fn rules_are_added_wholly_or_not_at_all() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let group = world.group(&me, &vpc, "app");
    let answer = world.ok::<AuthorizeSecurityGroupIngressResponse>(
        &me,
        ingress(&group, vec![tcp(5432, "100.68.0.18/18")]),
    );
    let rule = &answer.security_group_rules.items[0];
    assert_eq!(rule.cidr_ipv4.as_deref(), Some("100.68.0.0/18"));
    assert_eq!(
        (rule.from_port, rule.to_port, rule.is_egress),
        (5432, 5432, false)
    );
    let again = ingress(
        &group,
        vec![tcp(80, "0.0.0.0/0"), tcp(5432, "100.68.0.0/18")],
    );
    let (code, message) = world.refused(&me, again);
    assert_eq!(code, "InvalidPermission.Duplicate");
    assert!(
        message.contains("peer: 100.68.0.0/18, TCP, from port: 5432, to port: 5432, ALLOW"),
        "{message}"
    );
    let cases = [
        (ingress(&group, vec![]), "MissingParameter"),
        (
            ingress(&group, vec![tcp(80, "0.0.0.0/0"), tcp(80, "0.0.0.0/0")]),
            "InvalidParameterValue",
        ),
        (
            ingress(&group, vec![tcp(80, "hello")]),
            "InvalidParameterValue",
        ),
        (
            ingress(&group, vec![tcp(80, "::/0")]),
            "InvalidParameterValue",
        ),
        (
            ingress(&group, vec![tcp(70000, "0.0.0.0/0")]),
            "InvalidParameterValue",
        ),
        (
            ingress(
                &group,
                vec![IpPermission {
                    ip_protocol: None,
                    ..tcp(80, "0.0.0.0/0")
                }],
            ),
            "MissingParameter",
        ),
        (
            ingress(&group, vec![from_group(pair("sg-01234567"))]),
            "InvalidGroup.NotFound",
        ),
        (
            ingress(&group, vec![from_group(pair("sg-x"))]),
            "InvalidGroupId.Malformed",
        ),
        (
            ingress("sg-01234567", vec![tcp(80, "0.0.0.0/0")]),
            "InvalidGroup.NotFound",
        ),
        (ingress(&group, vec![from_group(pair(&group))]), "ok"),
    ];
    for (request, expected) in cases {
        let what = format!("{:?}", request.ip_permissions);
        assert_eq!(world.outcome(&me, request), expected, "{what}");
    }
    let flat = AuthorizeSecurityGroupIngressRequest {
        group_id: Some(group.clone()),
        ip_protocol: Some("tcp".to_owned()),
        from_port: Some(22),
        to_port: Some(22),
        cidr_ip: Some("192.0.2.0/24".to_owned()),
        ..Default::default()
    };
    assert_eq!(world.outcome(&me, flat), "ok");
    assert_eq!(shown(&mut world, &me, &group).ip_permissions.items.len(), 2);
}

#[test]
fn sixty_rules_a_direction_fit() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let group = world.group(&me, &vpc, "app");
    let rules = |ports: std::ops::Range<i32>| ports.map(|port| tcp(port, "0.0.0.0/0")).collect();
    assert_eq!(
        world.code(&me, ingress(&group, rules(0..61))),
        "RulesPerSecurityGroupLimitExceeded"
    );
    assert_eq!(world.outcome(&me, ingress(&group, rules(0..60))), "ok");
    assert_eq!(
        world.code(&me, ingress(&group, rules(60..61))),
        "RulesPerSecurityGroupLimitExceeded"
    );
}

#[test]
fn the_default_rule_is_revoked_as_terraform_does() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let group = world.group(&me, &vpc, "app");
    let all = |cidr: &str| IpPermission {
        ip_protocol: Some("-1".to_owned()),
        from_port: Some(0),
        to_port: Some(0),
        ..tcp(0, cidr)
    };
    let answer = world.ok::<RevokeSecurityGroupEgressResponse>(
        &me,
        revoke_egress(&group, vec![all("0.0.0.0/0")]),
    );
    assert_eq!(answer.revoked_security_group_rules.items.len(), 1);
    let ipv6 = IpPermission {
        ip_ranges: Vec::new(),
        ipv6_ranges: vec![Ipv6Range {
            cidr_ipv6: "::/0".to_owned(),
            description: None,
        }],
        ..all("")
    };
    assert_eq!(
        world.code(&me, revoke_egress(&group, vec![ipv6])),
        "InvalidPermission.NotFound"
    );
    assert_eq!(
        world.code(&me, revoke_egress(&group, vec![all("0.0.0.0/0")])),
        "InvalidPermission.NotFound"
    );
    assert!(
        shown(&mut world, &me, &group)
            .ip_permissions_egress
            .items
            .is_empty()
    );
}

#[test]
fn in_a_default_vpc_a_missing_rule_is_no_error() {
    let mut world = World::new();
    let me = world.account("customer");
    let group = world
        .ok::<CreateSecurityGroupResponse>(&me, create(None, "app"))
        .group_id;
    let answer = world.ok::<RevokeSecurityGroupEgressResponse>(
        &me,
        revoke_egress(&group, vec![tcp(80, "0.0.0.0/0")]),
    );
    assert_eq!(answer.unknown_ip_permissions.items[0].from_port, Some(80));
    assert!(answer.revoked_security_group_rules.items.is_empty());
    let by_name = AuthorizeSecurityGroupIngressRequest {
        group_id: None,
        group_name: Some("app".to_owned()),
        ..ingress("", vec![tcp(80, "0.0.0.0/0")])
    };
    assert_eq!(world.outcome(&me, by_name), "ok");
}

#[test]
fn rules_are_shown_changed_and_revoked_by_id() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let group = world.group(&me, &vpc, "app");
    let tagged = AuthorizeSecurityGroupIngressRequest {
        tag_specifications: tags("security-group-rule", &[("Name", "db")]),
        ..ingress(&group, vec![tcp(5432, "10.1.0.0/16")])
    };
    let made = world
        .ok::<AuthorizeSecurityGroupIngressResponse>(&me, tagged)
        .security_group_rules
        .items
        .remove(0);
    let id = made.security_group_rule_id;
    let show = DescribeSecurityGroupRulesRequest {
        filters: vec![filter("tag:Name", "db")],
        ..Default::default()
    };
    assert_eq!(
        world
            .ok::<DescribeSecurityGroupRulesResponse>(&me, show)
            .security_group_rules
            .items[0]
            .security_group_rule_id,
        id
    );
    let change = |id: &str, to: i32| ModifySecurityGroupRulesRequest {
        group_id: group.clone(),
        security_group_rules: vec![SecurityGroupRuleUpdate {
            security_group_rule_id: id.to_owned(),
            security_group_rule: SecurityGroupRuleRequest {
                ip_protocol: Some("tcp".to_owned()),
                from_port: Some(to),
                to_port: Some(to),
                cidr_ipv4: Some("10.2.0.0/16".to_owned()),
                ..Default::default()
            },
        }],
        ..Default::default()
    };
    world.ok::<ModifySecurityGroupRulesResponse>(&me, change(&id, 5433));
    let by_id = DescribeSecurityGroupRulesRequest {
        security_group_rule_ids: vec![id.clone()],
        ..Default::default()
    };
    let rule = world
        .ok::<DescribeSecurityGroupRulesResponse>(&me, by_id.clone())
        .security_group_rules
        .items
        .remove(0);
    assert_eq!(
        (rule.from_port, rule.cidr_ipv4.as_deref()),
        (5433, Some("10.2.0.0/16"))
    );
    assert_eq!(rule.tags.items[0].value, "db");
    assert_eq!(
        world.code(&me, change("sgr-01234567", 1)),
        "InvalidSecurityGroupRuleId.NotFound"
    );
    let revoke = RevokeSecurityGroupIngressRequest {
        group_id: Some(group.clone()),
        security_group_rule_ids: vec![id.clone()],
        ..Default::default()
    };
    let wrong_way = RevokeSecurityGroupEgressRequest {
        group_id: group,
        security_group_rule_ids: vec![id],
        ..Default::default()
    };
    assert_eq!(
        world.code(&me, wrong_way),
        "InvalidSecurityGroupRuleId.NotFound"
    );
    world.ok::<RevokeSecurityGroupIngressResponse>(&me, revoke.clone());
    assert_eq!(
        world.code(&me, revoke),
        "InvalidSecurityGroupRuleId.NotFound"
    );
    assert_eq!(
        world.code(&me, by_id),
        "InvalidSecurityGroupRuleId.NotFound"
    );
}

#[test]
fn a_group_in_use_is_not_deleted() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let subnet = world.subnet(&me, &vpc, "10.0.0.0/24");
    let (app, db) = (world.group(&me, &vpc, "app"), world.group(&me, &vpc, "db"));
    let delete = |id: &str| DeleteSecurityGroupRequest {
        group_id: Some(id.to_owned()),
        ..Default::default()
    };
    world.ok::<AuthorizeSecurityGroupIngressResponse>(
        &me,
        ingress(&db, vec![from_group(pair(&app))]),
    );
    let (code, message) = world.refused(&me, delete(&app));
    assert_eq!(
        (code.as_str(), message.contains(&db)),
        ("DependencyViolation", true)
    );
    let revoke = RevokeSecurityGroupIngressRequest {
        group_id: Some(db.clone()),
        ip_permissions: vec![from_group(pair(&app))],
        ..Default::default()
    };
    world.ok::<RevokeSecurityGroupIngressResponse>(&me, revoke);
    let run = RunInstancesRequest {
        subnet_id: Some(subnet),
        security_group_ids: vec![app.clone()],
        ..one_instance()
    };
    let instance = world.ok::<RunInstancesResponse>(&me, run).instances.items[0]
        .instance_id
        .clone();
    assert_eq!(world.code(&me, delete(&app)), "DependencyViolation");
    world.ok::<TerminateInstancesResponse>(
        &me,
        TerminateInstancesRequest {
            instance_ids: vec![instance],
            ..Default::default()
        },
    );
    world.ok::<DeleteSecurityGroupResponse>(&me, delete(&app));
    let default = world
        .network
        .security_groups
        .values()
        .find(|group| group.name == "default")
        .expect("it")
        .id
        .to_string();
    let (code, message) = world.refused(&me, delete(&default));
    assert_eq!(code, "CannotDelete");
    assert_eq!(
        message,
        format!("the specified group: \"{default}\" name: \"default\" cannot be deleted by a user")
    );
}

#[test]
fn a_group_of_a_peer_is_named_while_the_peering_is_active() {
    let (mut world, me, them) = (World::new(), customer(), provider());
    let (mine, theirs) = (
        world.vpc(&me, "10.0.0.0/16"),
        world.vpc(&them, "10.1.0.0/16"),
    );
    let (app, db) = (
        world.group(&me, &mine, "app"),
        world.group(&them, &theirs, "db"),
    );
    let reference = || {
        ingress(
            &db,
            vec![from_group(UserIdGroupPair {
                user_id: Some(me.account.to_string()),
                ..pair(&app)
            })],
        )
    };
    assert_eq!(world.code(&them, reference()), "InvalidGroup.NotFound");
    let peering = world.peering((&them, &theirs), (&me, &mine), false);
    assert_eq!(world.code(&them, reference()), "InvalidGroup.NotFound");
    world.ok::<AcceptVpcPeeringConnectionResponse>(&me, accept(&peering));
    let rule = world
        .ok::<AuthorizeSecurityGroupIngressResponse>(&them, reference())
        .security_group_rules
        .items
        .remove(0);
    let group = rule.referenced_group_info.expect("a group");
    assert_eq!(
        group.vpc_peering_connection_id.as_deref(),
        Some(peering.as_str())
    );
    assert_eq!(group.peering_status.as_deref(), Some("active"));
    let wrong_owner = ingress(
        &db,
        vec![from_group(UserIdGroupPair {
            user_id: Some(them.account.to_string()),
            ..pair(&app)
        })],
    );
    assert_eq!(world.code(&them, wrong_owner), "InvalidGroup.NotFound");
    let delete = DeleteSecurityGroupRequest {
        group_id: Some(app),
        ..Default::default()
    };
    world.ok::<DeleteSecurityGroupResponse>(&me, delete);
    assert_eq!(
        shown(&mut world, &them, &db).ip_permissions.items.len(),
        1,
        "a stale rule stays"
    );
}

#[test]
fn groups_are_not_shared_between_regions() {
    let (mut world, me, there) = (
        World::new(),
        customer(),
        caller("111122223333", "eu-west-1"),
    );
    let (here, far) = (
        world.vpc(&me, "10.0.0.0/16"),
        world.vpc(&there, "10.1.0.0/16"),
    );
    let (app, db) = (
        world.group(&me, &here, "app"),
        world.group(&there, &far, "db"),
    );
    world.peering((&me, &here), (&there, &far), true);
    assert_eq!(
        world.code(&there, ingress(&db, vec![from_group(pair(&app))])),
        "InvalidGroup.NotFound"
    );
}
