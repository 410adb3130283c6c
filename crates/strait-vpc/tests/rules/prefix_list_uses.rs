//! Rules and routes that name prefix lists.

use strait_vpc::api::*;

use crate::prefix_lists::{allow, change, cidrs, delete, described, made, resize};
use crate::world::*;

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

fn route(table: &str, list: &str, peering: &str) -> CreateRouteRequest {
    CreateRouteRequest {
        route_table_id: table.to_owned(),
        destination_prefix_list_id: Some(list.to_owned()),
        vpc_peering_connection_id: Some(peering.to_owned()),
        ..Default::default()
    }
}
