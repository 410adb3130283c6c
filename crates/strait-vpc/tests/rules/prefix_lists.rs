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

pub(crate) fn made(world: &mut World, me: &Caller, max_entries: i32, cidrs: &[&str]) -> String {
    let request = create("list", max_entries, cidrs);
    world
        .ok::<CreateManagedPrefixListResponse>(me, request)
        .prefix_list
        .prefix_list_id
}

pub(crate) fn change(id: &str, add: &[&str], remove: &[&str]) -> ModifyManagedPrefixListRequest {
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

pub(crate) fn resize(id: &str, size: i32) -> ModifyManagedPrefixListRequest {
    ModifyManagedPrefixListRequest {
        max_entries: Some(size),
        ..change(id, &[], &[])
    }
}

pub(crate) fn delete(id: &str) -> DeleteManagedPrefixListRequest {
    DeleteManagedPrefixListRequest {
        prefix_list_id: id.to_owned(),
        ..Default::default()
    }
}

pub(crate) fn described(world: &mut World, me: &Caller, id: &str) -> ManagedPrefixListItem {
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

pub(crate) fn cidrs(world: &mut World, me: &Caller, id: &str, version: Option<i64>) -> Vec<String> {
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

pub(crate) fn allow(group: &str, port: i32, list: &str) -> AuthorizeSecurityGroupIngressRequest {
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
