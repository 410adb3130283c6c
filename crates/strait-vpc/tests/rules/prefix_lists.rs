//! Managed prefix lists, and rules and routes that name them.

use strait_vpc::Caller;
use strait_vpc::api::*;

use crate::world::*;

fn create(name: &str, max_entries: i32, cidrs: &[&str]) -> CreateManagedPrefixListRequest {
    CreateManagedPrefixListRequest {
        prefix_list_name: name.to_owned(),
        max_entries,
        address_family: "IPv4".to_owned(),
        entries: entries(cidrs),
        ..Default::default()
    }
}

fn entries(cidrs: &[&str]) -> Vec<AddPrefixListEntry> {
    cidrs
        .iter()
        .map(|cidr| AddPrefixListEntry {
            cidr: (*cidr).to_owned(),
            description: None,
        })
        .collect()
}

fn made(world: &mut World, me: &Caller, max_entries: i32, cidrs: &[&str]) -> String {
    let request = create("list", max_entries, cidrs);
    world
        .ok::<CreateManagedPrefixListResponse>(me, request)
        .prefix_list
        .prefix_list_id
}

fn change(id: &str, add: &[&str], remove: &[&str]) -> ModifyManagedPrefixListRequest {
    ModifyManagedPrefixListRequest {
        prefix_list_id: id.to_owned(),
        add_entries: entries(add),
        remove_entries: remove
            .iter()
            .map(|cidr| RemovePrefixListEntry {
                cidr: (*cidr).to_owned(),
            })
            .collect(),
        ..Default::default()
    }
}

fn resize(id: &str, size: i32) -> ModifyManagedPrefixListRequest {
    ModifyManagedPrefixListRequest {
        max_entries: Some(size),
        ..change(id, &[], &[])
    }
}

fn delete(id: &str) -> DeleteManagedPrefixListRequest {
    DeleteManagedPrefixListRequest {
        prefix_list_id: id.to_owned(),
        ..Default::default()
    }
}

fn described(world: &mut World, me: &Caller, id: &str) -> ManagedPrefixListItem {
    let request = DescribeManagedPrefixListsRequest {
        prefix_list_ids: vec![id.to_owned()],
        ..Default::default()
    };
    world
        .ok::<DescribeManagedPrefixListsResponse>(me, request)
        .prefix_lists
        .items
        .remove(0)
}

fn cidrs(world: &mut World, me: &Caller, id: &str, version: Option<i64>) -> Vec<String> {
    let request = GetManagedPrefixListEntriesRequest {
        prefix_list_id: id.to_owned(),
        target_version: version,
        ..Default::default()
    };
    world
        .ok::<GetManagedPrefixListEntriesResponse>(me, request)
        .entries
        .items
        .into_iter()
        .map(|entry| entry.cidr)
        .collect()
}

fn allow(group: &str, port: i32, list: &str) -> AuthorizeSecurityGroupIngressRequest {
    AuthorizeSecurityGroupIngressRequest {
        group_id: Some(group.to_owned()),
        ip_permissions: vec![IpPermission {
            ip_protocol: Some("tcp".to_owned()),
            from_port: Some(port),
            to_port: Some(port),
            prefix_list_ids: vec![PrefixListInput {
                prefix_list_id: Some(list.to_owned()),
                description: None,
            }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn route(table: &str, list: &str, peering: &str) -> CreateRouteRequest {
    CreateRouteRequest {
        route_table_id: table.to_owned(),
        destination_prefix_list_id: Some(list.to_owned()),
        vpc_peering_connection_id: Some(peering.to_owned()),
        ..Default::default()
    }
}

#[test]
fn a_list_is_made_as_it_is_asked_for() {
    let (mut world, me) = (World::new(), customer());
    let request = CreateManagedPrefixListRequest {
        tag_specifications: tags("prefix-list", &[("Name", "offices")]),
        ..create("offices", 3, &["10.1.2.3/16", "192.0.2.1/32"])
    };
    let list = world
        .ok::<CreateManagedPrefixListResponse>(&me, request)
        .prefix_list;
    assert_eq!(list.state, "create-complete");
    assert_eq!((list.version, list.max_entries), (Some(1), Some(3)));
    assert_eq!(list.address_family, "IPv4");
    assert_eq!(list.tags.items[0].value, "offices");
    assert_eq!(
        list.prefix_list_arn,
        format!(
            "arn:aws:ec2:us-east-1:111122223333:prefix-list/{}",
            list.prefix_list_id
        )
    );
    let id = list.prefix_list_id;
    assert_eq!(
        cidrs(&mut world, &me, &id, None),
        ["10.1.0.0/16", "192.0.2.1/32"]
    );
    let v6 = CreateManagedPrefixListRequest {
        address_family: "IPv6".to_owned(),
        ..create("v6", 1, &["2001:db8::/32"])
    };
    assert_eq!(world.outcome(&me, v6), "ok");
    let elsewhere = caller("111122223333", "eu-west-1");
    let show = DescribeManagedPrefixListsRequest {
        prefix_list_ids: vec![id],
        ..Default::default()
    };
    assert_eq!(world.code(&elsewhere, show), "InvalidPrefixListID.NotFound");
}

#[test]
fn a_list_that_cannot_be_is_refused() {
    let (mut world, me) = (World::new(), customer());
    let many: Vec<String> = (0..101).map(|n| format!("10.0.{n}.0/24")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let cases = [
        (create("x", 0, &[]), "InvalidParameterValue"),
        (create("x", 1001, &[]), "InvalidParameterValue"),
        (create("", 1, &[]), "MissingParameter"),
        (create(&"x".repeat(256), 1, &[]), "InvalidParameterValue"),
        (
            create("com.amazonaws.mine", 1, &[]),
            "InvalidParameterValue",
        ),
        (
            create("x", 1, &["10.0.0.0/16", "10.1.0.0/16"]),
            "PrefixListMaxEntriesExceeded",
        ),
        (
            create("x", 2, &["10.0.0.0/16", "10.0.0.1/16"]),
            "InvalidParameterValue",
        ),
        (create("x", 2, &["10.0.0.1"]), "InvalidParameterValue"),
        (create("x", 2, &["2001:db8::/32"]), "InvalidParameterValue"),
        (create("x", 200, &many), "InvalidParameterValue"),
        (
            CreateManagedPrefixListRequest {
                address_family: "?".to_owned(),
                ..create("x", 1, &[])
            },
            "InvalidParameterValue",
        ),
        (create("x", 200, &many[..100]), "ok"),
    ];
    for (request, expected) in cases {
        let what = format!("{} {:?}", request.prefix_list_name, request.entries.first());
        assert_eq!(world.outcome(&me, request), expected, "{what}");
    }
}

#[test]
fn a_token_makes_one_list() {
    let (mut world, me) = (World::new(), customer());
    let request = |name: &str| CreateManagedPrefixListRequest {
        client_token: Some("token".to_owned()),
        ..create(name, 1, &[])
    };
    let first = world.ok::<CreateManagedPrefixListResponse>(&me, request("a"));
    let second = world.ok::<CreateManagedPrefixListResponse>(&me, request("a"));
    assert_eq!(first, second);
    assert_eq!(world.code(&me, request("b")), "IdempotentParameterMismatch");
}

#[test]
fn entries_make_versions_and_names_do_not() {
    let (mut world, me) = (World::new(), customer());
    let id = made(&mut world, &me, 2, &["10.1.0.0/16", "10.2.0.0/16"]);
    let second = change(&id, &["10.3.0.0/16"], &["10.2.0.0/16"]);
    let list = world
        .ok::<ModifyManagedPrefixListResponse>(&me, second)
        .prefix_list;
    assert_eq!(
        (list.version, list.state.as_str()),
        (Some(2), "modify-complete")
    );
    assert_eq!(
        cidrs(&mut world, &me, &id, None),
        ["10.1.0.0/16", "10.3.0.0/16"]
    );
    assert_eq!(
        cidrs(&mut world, &me, &id, Some(1)),
        ["10.1.0.0/16", "10.2.0.0/16"]
    );
    let named = ModifyManagedPrefixListRequest {
        prefix_list_name: Some("new".to_owned()),
        current_version: Some(2),
        ..change(&id, &[], &[])
    };
    let list = world
        .ok::<ModifyManagedPrefixListResponse>(&me, named)
        .prefix_list;
    assert_eq!(
        (list.version, list.prefix_list_name.as_str()),
        (Some(2), "new")
    );
    assert_eq!(described(&mut world, &me, &id), list);
    let known =
        |version: i64, request: ModifyManagedPrefixListRequest| ModifyManagedPrefixListRequest {
            current_version: Some(version),
            ..request
        };
    let cases = [
        (
            known(1, change(&id, &[], &["10.1.0.0/16"])),
            "PrefixListVersionMismatch",
        ),
        (
            change(&id, &["10.4.0.0/16"], &[]),
            "PrefixListMaxEntriesExceeded",
        ),
        (
            change(&id, &["10.1.0.0/16"], &["10.1.9.9/16"]),
            "InvalidParameterValue",
        ),
        (change(&id, &["10.1.0.0/16"], &[]), "InvalidRequest"),
        (change(&id, &[], &[]), "InvalidRequest"),
        (
            ModifyManagedPrefixListRequest {
                max_entries: Some(5),
                ..change(&id, &[], &["10.1.0.0/16"])
            },
            "InvalidParameterCombination",
        ),
        (
            change("pl-01234567", &["10.9.0.0/16"], &[]),
            "InvalidPrefixListID.NotFound",
        ),
        (
            change("pl-1", &["10.9.0.0/16"], &[]),
            "InvalidPrefixListId.Malformed",
        ),
    ];
    for (request, code) in cases {
        let what = format!("{request:?}");
        assert_eq!(world.code(&me, request), code, "{what}");
    }
    let (_, message) = world.refused(&me, change(&id, &["10.1.0.0/16"], &["10.1.0.0/16"]));
    assert_eq!(
        message,
        "Request cannot contain Cidr 10.1.0.0/16 in both AddPrefixListEntries and RemovePrefixListEntries"
    );
}

#[test]
fn an_earlier_version_comes_back_as_a_new_one() {
    let (mut world, me) = (World::new(), customer());
    let id = made(&mut world, &me, 2, &["10.1.0.0/16", "10.2.0.0/16"]);
    let emptied = change(&id, &[], &["10.1.0.0/16", "10.2.0.0/16"]);
    world.ok::<ModifyManagedPrefixListResponse>(&me, emptied);
    assert!(cidrs(&mut world, &me, &id, None).is_empty());
    let restore = |previous: i64, current: i64| RestoreManagedPrefixListVersionRequest {
        prefix_list_id: id.clone(),
        previous_version: previous,
        current_version: current,
        ..Default::default()
    };
    let cases = [
        (restore(1, 1), "PrefixListVersionMismatch"),
        (restore(2, 2), "InvalidParameterValue"),
        (restore(7, 2), "InvalidParameterValue"),
    ];
    for (request, code) in cases {
        assert_eq!(world.code(&me, request), code);
    }
    let list = world
        .ok::<RestoreManagedPrefixListVersionResponse>(&me, restore(1, 2))
        .prefix_list;
    assert_eq!(
        (list.version, list.state.as_str()),
        (Some(3), "restore-complete")
    );
    assert_eq!(
        cidrs(&mut world, &me, &id, None),
        ["10.1.0.0/16", "10.2.0.0/16"]
    );
}

#[test]
fn a_list_that_is_named_stays_and_says_why() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let group = world.group(&me, &vpc, "app");
    let id = made(&mut world, &me, 2, &["10.1.0.0/16"]);
    world.ok::<AuthorizeSecurityGroupIngressResponse>(&me, allow(&group, 5432, &id));
    let kept = world
        .ok::<DeleteManagedPrefixListResponse>(&me, delete(&id))
        .prefix_list;
    assert_eq!(kept.state, "delete-failed");
    let why = kept.state_message.expect("why");
    assert!(why.contains(&group), "{why}");
    assert_eq!(described(&mut world, &me, &id).state, "delete-failed");
    assert_eq!(cidrs(&mut world, &me, &id, None), ["10.1.0.0/16"]);
    world.wait(2);
    assert_eq!(described(&mut world, &me, &id).state, "delete-failed");
    let associations = GetManagedPrefixListAssociationsRequest {
        prefix_list_id: id.clone(),
        ..Default::default()
    };
    let found = world
        .ok::<GetManagedPrefixListAssociationsResponse>(&me, associations)
        .prefix_list_associations
        .items;
    assert_eq!((found.len(), &found[0].resource_id), (1, &group));
    let revoke = RevokeSecurityGroupIngressRequest {
        group_id: Some(group.clone()),
        ip_permissions: allow(&group, 5432, &id).ip_permissions,
        ..Default::default()
    };
    world.ok::<RevokeSecurityGroupIngressResponse>(&me, revoke);
    let gone = world
        .ok::<DeleteManagedPrefixListResponse>(&me, delete(&id))
        .prefix_list;
    assert_eq!(gone.state, "delete-complete");
    assert_eq!(described(&mut world, &me, &id).state, "delete-complete");
    assert_eq!(world.code(&me, delete(&id)), "InvalidPrefixListID.NotFound");
    assert_eq!(
        world.code(&me, allow(&group, 5432, &id)),
        "InvalidPrefixListID.NotFound"
    );
    world.wait(2);
    let show = DescribeManagedPrefixListsRequest {
        prefix_list_ids: vec![id],
        ..Default::default()
    };
    assert_eq!(world.code(&me, show), "InvalidPrefixListID.NotFound");
}

#[test]
fn a_list_counts_for_its_maximum_of_entries() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let group = world.group(&me, &vpc, "app");
    let id = made(&mut world, &me, 30, &["10.1.0.0/16"]);
    assert_eq!(world.outcome(&me, allow(&group, 1, &id)), "ok");
    assert_eq!(world.outcome(&me, allow(&group, 2, &id)), "ok");
    assert_eq!(
        world.code(&me, allow(&group, 3, &id)),
        "RulesPerSecurityGroupLimitExceeded"
    );
    let answer = world
        .ok::<ModifyManagedPrefixListResponse>(&me, resize(&id, 31))
        .prefix_list;
    assert_eq!(answer.state, "modify-failed");
    let message = answer.state_message.expect("a message");
    assert!(message.contains(&group), "{message}");
    assert_eq!(described(&mut world, &me, &id).max_entries, Some(30));
    let smaller = world
        .ok::<ModifyManagedPrefixListResponse>(&me, resize(&id, 10))
        .prefix_list;
    assert_eq!(
        (smaller.state.as_str(), smaller.max_entries, smaller.version),
        ("modify-complete", Some(10), Some(1))
    );
    assert_eq!(world.outcome(&me, allow(&group, 3, &id)), "ok");
    world.ok::<ModifyManagedPrefixListResponse>(&me, change(&id, &["10.2.0.0/16"], &[]));
    assert_eq!(
        world.code(&me, resize(&id, 1)),
        "PrefixListMaxEntriesExceeded"
    );
}

#[test]
fn a_rule_that_names_a_list_is_shown_and_unique() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let group = world.group(&me, &vpc, "app");
    let id = made(&mut world, &me, 1, &[]);
    let rule = world
        .ok::<AuthorizeSecurityGroupIngressResponse>(&me, allow(&group, 5432, &id))
        .security_group_rules
        .items
        .remove(0);
    assert_eq!(rule.prefix_list_id.as_deref(), Some(id.as_str()));
    assert_eq!(rule.cidr_ipv4, None);
    assert_eq!(
        world.code(&me, allow(&group, 5432, &id)),
        "InvalidPermission.Duplicate"
    );
    let filtered = DescribeSecurityGroupsRequest {
        filters: vec![filter("ip-permission.prefix-list-id", &id)],
        ..Default::default()
    };
    let found = world
        .ok::<DescribeSecurityGroupsResponse>(&me, filtered)
        .security_groups
        .items;
    let lists = &found[0].ip_permissions.items[0].prefix_list_ids.items;
    assert_eq!(lists[0].prefix_list_id, id);
}

#[test]
fn a_route_to_a_list_is_made_replaced_and_deleted() {
    let (mut world, me) = (World::new(), customer());
    let (one, two) = (world.vpc(&me, "10.0.0.0/16"), world.vpc(&me, "10.1.0.0/16"));
    let peering = world.peering((&me, &one), (&me, &two), true);
    let table = world.main_table(&me, &one);
    let id = made(&mut world, &me, 49, &["10.1.0.0/16"]);
    assert_eq!(world.outcome(&me, route(&table, &id, &peering)), "ok");
    assert_eq!(
        world.code(&me, route(&table, &id, &peering)),
        "RouteAlreadyExists"
    );
    let show = DescribeRouteTablesRequest {
        filters: vec![filter("route.destination-prefix-list-id", &id)],
        ..Default::default()
    };
    let tables = world
        .ok::<DescribeRouteTablesResponse>(&me, show)
        .route_tables;
    let shown = &tables.items[0].routes.items[1];
    assert_eq!(
        shown.destination_prefix_list_id.as_deref(),
        Some(id.as_str())
    );
    assert_eq!(shown.destination_cidr_block, None);
    assert_eq!(shown.state, "active");
    let kept = world
        .ok::<DeleteManagedPrefixListResponse>(&me, delete(&id))
        .prefix_list;
    assert_eq!(kept.state, "delete-failed");
    let both = CreateRouteRequest {
        destination_cidr_block: Some("10.1.0.0/16".to_owned()),
        ..route(&table, &id, &peering)
    };
    assert_eq!(world.code(&me, both), "InvalidParameterCombination");
    let plain = |cidr: &str| CreateRouteRequest {
        destination_prefix_list_id: None,
        destination_cidr_block: Some(cidr.to_owned()),
        ..route(&table, &id, &peering)
    };
    assert_eq!(world.outcome(&me, plain("10.1.0.0/24")), "ok");
    assert_eq!(
        world.code(&me, plain("10.1.1.0/24")),
        "RouteLimitExceeded",
        "the list counts for 49 routes"
    );
    let answer = world
        .ok::<ModifyManagedPrefixListResponse>(&me, resize(&id, 50))
        .prefix_list;
    assert_eq!(answer.state, "modify-failed");
    let replace = ReplaceRouteRequest {
        route_table_id: table.clone(),
        destination_prefix_list_id: Some(id.clone()),
        vpc_peering_connection_id: Some(peering.clone()),
        ..Default::default()
    };
    assert_eq!(world.outcome(&me, replace.clone()), "ok");
    let remove = DeleteRouteRequest {
        route_table_id: table,
        destination_prefix_list_id: Some(id.clone()),
        ..Default::default()
    };
    assert_eq!(world.outcome(&me, remove.clone()), "ok");
    assert_eq!(world.code(&me, remove), "InvalidRoute.NotFound");
    assert_eq!(world.code(&me, replace), "InvalidParameterValue");
    assert_eq!(world.outcome(&me, delete(&id)), "ok");
}

#[test]
fn awss_own_lists_are_shown_and_named_and_never_changed() {
    let (mut world, me) = (World::new(), customer());
    let all = world
        .ok::<DescribeManagedPrefixListsResponse>(&me, DescribeManagedPrefixListsRequest::default())
        .prefix_lists
        .items;
    assert!(all.iter().all(|list| list.owner_id == "AWS"));
    let s3 = all
        .iter()
        .find(|list| list.prefix_list_name == "com.amazonaws.us-east-1.s3")
        .expect("the list of S3");
    assert_eq!(s3.prefix_list_id, "pl-63a5400a");
    assert_eq!((s3.max_entries, s3.version), (None, None));
    assert_eq!(
        s3.prefix_list_arn,
        "arn:aws:ec2:us-east-1:aws:prefix-list/pl-63a5400a"
    );
    let services = DescribePrefixListsRequest {
        filters: vec![filter("prefix-list-name", "com.amazonaws.us-east-1.s3")],
        ..Default::default()
    };
    let found = world
        .ok::<DescribePrefixListsResponse>(&me, services)
        .prefix_lists
        .items;
    let mut named = cidrs(&mut world, &me, "pl-63a5400a", None);
    let mut shown = found[0].cidrs.items.clone();
    named.sort();
    shown.sort();
    assert_eq!(named, shown);
    assert!(!named.is_empty());
    let cases = [
        world.code(&me, delete("pl-63a5400a")),
        world.code(&me, change("pl-63a5400a", &["10.0.0.0/8"], &[])),
    ];
    assert_eq!(cases, ["OperationNotPermitted", "OperationNotPermitted"]);
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let group = world.group(&me, &vpc, "app");
    assert_eq!(world.outcome(&me, allow(&group, 443, "pl-63a5400a")), "ok");
    assert_eq!(
        world.code(&me, allow(&group, 80, "pl-68a54001")),
        "InvalidPrefixListID.NotFound",
        "us-west-2's"
    );
    assert_eq!(world.outcome(&me, allow(&group, 80, "pl-3b927c52")), "ok");
    assert_eq!(
        world.code(&me, allow(&group, 81, "pl-3b927c52")),
        "RulesPerSecurityGroupLimitExceeded",
        "CloudFront's has weight 55"
    );
}

#[test]
fn pages_of_lists_have_one_to_a_hundred() {
    let (mut world, me) = (World::new(), customer());
    let page = |size: u32, token: Option<String>| DescribeManagedPrefixListsRequest {
        max_results: Some(size),
        next_token: token,
        ..Default::default()
    };
    let first = world.ok::<DescribeManagedPrefixListsResponse>(&me, page(1, None));
    assert_eq!(first.prefix_lists.items.len(), 1);
    let rest = world.ok::<DescribeManagedPrefixListsResponse>(&me, page(100, first.next_token));
    assert_eq!((rest.prefix_lists.items.len(), rest.next_token), (5, None));
    assert_eq!(world.code(&me, page(101, None)), "InvalidMaxResults");
}
