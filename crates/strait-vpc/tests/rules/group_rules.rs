//! Descriptions of rules, IPv6 rules, changes by id, and references over a peering.

use strait_vpc::Caller;
use strait_vpc::api::*;

use crate::world::*;

fn tcp(port: i32) -> IpPermission {
    IpPermission {
        ip_protocol: Some("tcp".to_owned()),
        from_port: Some(port),
        to_port: Some(port),
        ..Default::default()
    }
}

fn described(cidr: &str, description: &str) -> IpRange {
    IpRange {
        cidr_ip: cidr.to_owned(),
        description: (!description.is_empty()).then(|| description.to_owned()),
    }
}

fn from_group(group: &str) -> IpPermission {
    IpPermission {
        groups: vec![UserIdGroupPair {
            group_id: Some(group.to_owned()),
            ..Default::default()
        }],
        ..tcp(5432)
    }
}

fn ingress(group: &str, permission: IpPermission) -> AuthorizeSecurityGroupIngressRequest {
    AuthorizeSecurityGroupIngressRequest {
        group_id: Some(group.to_owned()),
        ip_permissions: vec![permission],
        ..Default::default()
    }
}

fn allow(
    world: &mut World,
    me: &Caller,
    group: &str,
    permission: IpPermission,
) -> Vec<SecurityGroupRuleItem> {
    world
        .ok::<AuthorizeSecurityGroupIngressResponse>(me, ingress(group, permission))
        .security_group_rules
        .items
}

fn rules(world: &mut World, me: &Caller, group: &str) -> Vec<SecurityGroupRuleItem> {
    let request = DescribeSecurityGroupRulesRequest {
        filters: vec![filter("group-id", group)],
        ..Default::default()
    };
    world
        .ok::<DescribeSecurityGroupRulesResponse>(me, request)
        .security_group_rules
        .items
}

fn descriptions(world: &mut World, me: &Caller, group: &str) -> Vec<Option<String>> {
    rules(world, me, group)
        .into_iter()
        .filter(|rule| !rule.is_egress)
        .map(|rule| rule.description)
        .collect()
}

#[test]
fn rules_are_shown_in_the_order_of_making() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let group = world.group(&me, &vpc, "app");
    for last in [9, 3, 7, 1] {
        let cidr = format!("192.0.2.{last}/32");
        let permission = IpPermission {
            ip_ranges: vec![described(&cidr, "")],
            ..tcp(80)
        };
        allow(&mut world, &me, &group, permission);
    }
    let cidrs: Vec<_> = rules(&mut world, &me, &group)
        .into_iter()
        .filter_map(|rule| rule.cidr_ipv4)
        .collect();
    let made = [
        "192.0.2.9/32",
        "192.0.2.3/32",
        "192.0.2.7/32",
        "192.0.2.1/32",
    ];
    assert_eq!(cidrs[0], "0.0.0.0/0", "the default egress rule was first");
    assert_eq!(cidrs[1..], made);
}

#[test]
fn descriptions_are_changed_by_what_a_rule_allows_and_by_id() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let group = world.group(&me, &vpc, "app");
    let both = IpPermission {
        ip_ranges: vec![
            described("10.1.0.0/16", "one"),
            described("10.2.0.0/16", "two"),
        ],
        ..tcp(5432)
    };
    let made = allow(&mut world, &me, &group, both);
    let by_permission = |ranges: Vec<IpRange>| UpdateSecurityGroupRuleDescriptionsIngressRequest {
        group_id: Some(group.clone()),
        ip_permissions: vec![IpPermission {
            ip_ranges: ranges,
            ..tcp(5432)
        }],
        ..Default::default()
    };
    let second = by_permission(vec![described("10.2.0.0/16", "second")]);
    world.ok::<UpdateSecurityGroupRuleDescriptionsIngressResponse>(&me, second);
    let texts =
        |one: Option<&str>, two: Option<&str>| vec![one.map(str::to_owned), two.map(str::to_owned)];
    assert_eq!(
        descriptions(&mut world, &me, &group),
        texts(Some("one"), Some("second"))
    );
    let gone = by_permission(vec![described("10.1.0.0/16", "")]);
    world.ok::<UpdateSecurityGroupRuleDescriptionsIngressResponse>(&me, gone);
    assert_eq!(
        descriptions(&mut world, &me, &group),
        texts(None, Some("second"))
    );
    let by_id = |id: &str, description: &str| UpdateSecurityGroupRuleDescriptionsIngressRequest {
        group_id: Some(group.clone()),
        security_group_rule_descriptions: vec![SecurityGroupRuleDescription {
            security_group_rule_id: Some(id.to_owned()),
            description: Some(description.to_owned()),
        }],
        ..Default::default()
    };
    let id = &made[0].security_group_rule_id;
    world.ok::<UpdateSecurityGroupRuleDescriptionsIngressResponse>(&me, by_id(id, "first"));
    assert_eq!(
        descriptions(&mut world, &me, &group),
        texts(Some("first"), Some("second"))
    );
    let neither = UpdateSecurityGroupRuleDescriptionsIngressRequest {
        group_id: Some(group.clone()),
        ..Default::default()
    };
    let both = UpdateSecurityGroupRuleDescriptionsIngressRequest {
        security_group_rule_descriptions: by_id(id, "x").security_group_rule_descriptions,
        ..by_permission(vec![described("10.1.0.0/16", "x")])
    };
    let cases = [
        (
            by_permission(vec![described("10.3.0.0/16", "x")]),
            "InvalidPermission.NotFound",
        ),
        (
            by_id("sgr-01234567", "x"),
            "InvalidSecurityGroupRuleId.NotFound",
        ),
        (by_id(id, &"x".repeat(256)), "InvalidParameterValue"),
        (neither, "MissingParameter"),
        (both, "InvalidParameterCombination"),
    ];
    for (request, code) in cases {
        assert_eq!(world.code(&me, request), code);
    }
}

#[test]
fn the_other_direction_has_rules_of_its_own_to_describe() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let group = world.group(&me, &vpc, "app");
    let all = IpPermission {
        ip_protocol: Some("-1".to_owned()),
        ip_ranges: vec![described("0.0.0.0/0", "everything")],
        ..Default::default()
    };
    let egress = UpdateSecurityGroupRuleDescriptionsEgressRequest {
        group_id: Some(group.clone()),
        ip_permissions: vec![all.clone()],
        ..Default::default()
    };
    world.ok::<UpdateSecurityGroupRuleDescriptionsEgressResponse>(&me, egress);
    let rule = &rules(&mut world, &me, &group)[0];
    assert_eq!(rule.description.as_deref(), Some("everything"));
    let ingress = UpdateSecurityGroupRuleDescriptionsIngressRequest {
        group_id: Some(group),
        ip_permissions: vec![all],
        ..Default::default()
    };
    assert_eq!(world.code(&me, ingress), "InvalidPermission.NotFound");
}

#[test]
fn ipv6_rules_are_kept_and_counted_apart() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let group = world.group(&me, &vpc, "app");
    let v6 = |port: i32, cidr: &str| IpPermission {
        ipv6_ranges: vec![Ipv6Range {
            cidr_ipv6: cidr.to_owned(),
            description: None,
        }],
        ..tcp(port)
    };
    let rule = allow(&mut world, &me, &group, v6(443, "2001:db8::1/32")).remove(0);
    assert_eq!(rule.cidr_ipv6.as_deref(), Some("2001:db8::/32"));
    assert_eq!(rule.cidr_ipv4, None);
    assert_eq!(
        world.code(&me, ingress(&group, v6(443, "2001:db8::/32"))),
        "InvalidPermission.Duplicate"
    );
    assert_eq!(
        world.code(&me, ingress(&group, v6(443, "10.0.0.0/8"))),
        "InvalidParameterValue"
    );
    for port in 0..60 {
        let permission = IpPermission {
            ip_ranges: vec![described("10.0.0.0/8", "")],
            ..tcp(port)
        };
        allow(&mut world, &me, &group, permission);
    }
    allow(&mut world, &me, &group, v6(80, "::/0"));
    assert_eq!(
        world.code(&me, ingress(&group, from_group(&group))),
        "RulesPerSecurityGroupLimitExceeded",
        "a group counts as a rule of either kind"
    );
    let ping = IpPermission {
        ip_protocol: Some("icmpv6".to_owned()),
        from_port: Some(128),
        to_port: Some(0),
        ..v6(0, "::/0")
    };
    let rule = allow(&mut world, &me, &group, ping).remove(0);
    assert_eq!(
        (rule.ip_protocol.as_str(), rule.from_port, rule.to_port),
        ("icmpv6", 128, 0)
    );
}

#[test]
fn a_change_by_id_says_what_is_wrong_with_it() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let group = world.group(&me, &vpc, "app");
    let permission = IpPermission {
        ip_ranges: vec![described("10.1.0.0/16", "")],
        ..tcp(5432)
    };
    let id = allow(&mut world, &me, &group, permission)
        .remove(0)
        .security_group_rule_id;
    let good = SecurityGroupRuleRequest {
        ip_protocol: Some("udp".to_owned()),
        from_port: Some(1),
        to_port: Some(2),
        cidr_ipv4: Some("10.2.0.0/16".to_owned()),
        ..Default::default()
    };
    let change = |rule: SecurityGroupRuleRequest| ModifySecurityGroupRulesRequest {
        group_id: group.clone(),
        security_group_rules: vec![SecurityGroupRuleUpdate {
            security_group_rule_id: id.clone(),
            security_group_rule: rule,
        }],
        ..Default::default()
    };
    let cases = [
        (
            SecurityGroupRuleRequest {
                ip_protocol: None,
                ..good.clone()
            },
            "InvalidParameterValue",
            "Invalid value 'null' for protocol.",
        ),
        (
            SecurityGroupRuleRequest {
                from_port: None,
                ..good.clone()
            },
            "InvalidParameterValue",
            "Invalid value for portRange. Must specify both",
        ),
        (
            SecurityGroupRuleRequest {
                cidr_ipv4: None,
                ..good.clone()
            },
            "MissingParameter",
            "exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId",
        ),
        (
            SecurityGroupRuleRequest {
                cidr_ipv6: Some("::/0".to_owned()),
                ..good.clone()
            },
            "InvalidParameterCombination",
            "Only one of cidrIp, cidrIpv6, prefixListId, or referencedGroupId",
        ),
    ];
    for (rule, code, text) in cases {
        let (got, message) = world.refused(&me, change(rule));
        assert_eq!(
            (got.as_str(), message.contains(text)),
            (code, true),
            "{message}"
        );
    }
    world.ok::<ModifySecurityGroupRulesResponse>(&me, change(good));
    let malformed = DescribeSecurityGroupRulesRequest {
        filters: vec![filter("group-id", "foobar")],
        ..Default::default()
    };
    let (code, message) = world.refused(&me, malformed);
    assert_eq!(code, "InvalidGroupId.Malformed");
    assert_eq!(message, "The security group ID 'foobar' is malformed");
}

#[test]
fn references_over_a_peering_are_shown_and_go_stale_and_revive() {
    let (mut world, me, them) = (World::new(), customer(), provider());
    let (mine, theirs) = (
        world.vpc(&me, "10.0.0.0/16"),
        world.vpc(&them, "10.1.0.0/16"),
    );
    let (app, db) = (
        world.group(&me, &mine, "app"),
        world.group(&them, &theirs, "db"),
    );
    let peering = world.peering((&them, &theirs), (&me, &mine), true);
    allow(&mut world, &them, &db, from_group(&app));
    let references = |world: &mut World| {
        let request = DescribeSecurityGroupReferencesRequest {
            group_ids: vec![app.clone()],
            ..Default::default()
        };
        world
            .ok::<DescribeSecurityGroupReferencesResponse>(&me, request)
            .security_group_reference_set
            .items
    };
    let stale = |world: &mut World| {
        let request = DescribeStaleSecurityGroupsRequest {
            vpc_id: theirs.clone(),
            ..Default::default()
        };
        world
            .ok::<DescribeStaleSecurityGroupsResponse>(&them, request)
            .stale_security_group_set
            .items
    };
    let wanted = SecurityGroupReferenceItem {
        group_id: app.clone(),
        referencing_vpc_id: theirs.clone(),
        vpc_peering_connection_id: peering.clone(),
    };
    assert_eq!(references(&mut world), [wanted]);
    assert!(stale(&mut world).is_empty());

    let delete = DeleteVpcPeeringConnectionRequest {
        vpc_peering_connection_id: peering.clone(),
        ..Default::default()
    };
    world.ok::<DeleteVpcPeeringConnectionResponse>(&them, delete);
    assert!(references(&mut world).is_empty());
    let found = stale(&mut world);
    assert_eq!(found[0].group_id, db);
    let rule = &found[0].stale_ip_permissions.items[0];
    assert_eq!((rule.from_port, rule.to_port), (Some(5432), Some(5432)));
    let pair = &rule.groups.items[0];
    assert_eq!(pair.peering_status.as_deref(), Some("deleted"));
    assert_eq!(
        (
            pair.vpc_id.as_deref(),
            pair.vpc_peering_connection_id.as_deref()
        ),
        (Some(mine.as_str()), Some(peering.as_str()))
    );
    assert!(found[0].stale_ip_permissions_egress.items.is_empty());

    let again = world.peering((&me, &mine), (&them, &theirs), true);
    assert!(stale(&mut world).is_empty(), "it revives");
    assert_eq!(references(&mut world)[0].vpc_peering_connection_id, again);

    let delete = DeleteSecurityGroupRequest {
        group_id: Some(app.clone()),
        ..Default::default()
    };
    world.ok::<DeleteSecurityGroupResponse>(&me, delete);
    let found = stale(&mut world);
    let pair = &found[0].stale_ip_permissions.items[0].groups.items[0];
    assert_eq!(pair.group_id, app, "the group is gone, its rule is not");
    let revoke = RevokeSecurityGroupIngressRequest {
        group_id: Some(db),
        security_group_rule_ids: vec![
            rules(&mut world, &them, &found[0].group_id)
                .into_iter()
                .find(|rule| !rule.is_egress)
                .expect("the stale rule")
                .security_group_rule_id,
        ],
        ..Default::default()
    };
    world.ok::<RevokeSecurityGroupIngressResponse>(&them, revoke);
    assert!(stale(&mut world).is_empty());
}

#[test]
fn references_are_asked_of_own_groups_and_vpcs() {
    let (mut world, me, them) = (World::new(), customer(), provider());
    let vpc = world.vpc(&them, "10.1.0.0/16");
    let group = world.group(&them, &vpc, "db");
    let references = DescribeSecurityGroupReferencesRequest {
        group_ids: vec![group],
        ..Default::default()
    };
    assert_eq!(world.code(&me, references), "InvalidGroup.NotFound");
    let none = DescribeSecurityGroupReferencesRequest::default();
    assert_eq!(world.code(&me, none), "MissingParameter");
    let stale = DescribeStaleSecurityGroupsRequest {
        vpc_id: vpc,
        ..Default::default()
    };
    assert_eq!(world.code(&me, stale), "InvalidVpcID.NotFound");
}
