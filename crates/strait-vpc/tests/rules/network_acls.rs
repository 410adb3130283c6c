//! Network ACLs.

use strait_vpc::api::*;

use crate::world::*;

fn entry(acl: &str, number: i32, egress: bool) -> CreateNetworkAclEntryRequest {
    CreateNetworkAclEntryRequest {
        network_acl_id: acl.to_owned(),
        rule_number: number,
        protocol: "6".to_owned(),
        rule_action: "allow".to_owned(),
        egress,
        cidr_block: Some("10.9.0.1/16".to_owned()),
        port_range: Some(PortRangeInput {
            from: Some(5432),
            to: Some(5432),
        }),
        ..Default::default()
    }
}

#[test]
fn entries_are_numbered_and_limited() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let create = CreateNetworkAclRequest {
        vpc_id: vpc,
        ..Default::default()
    };
    let acl = world
        .ok::<CreateNetworkAclResponse>(&me, create)
        .network_acl;
    assert_eq!(acl.entries.items.len(), 2, "a new ACL denies everything");
    let id = acl.network_acl_id;
    let cases = [
        (entry(&id, 100, false), "ok"),
        (entry(&id, 100, true), "ok"),
        (entry(&id, 100, false), "NetworkAclEntryAlreadyExists"),
        (entry(&id, 0, false), "InvalidParameterValue"),
        (entry(&id, 32767, false), "InvalidParameterValue"),
        (
            CreateNetworkAclEntryRequest {
                rule_action: "maybe".to_owned(),
                ..entry(&id, 1, false)
            },
            "InvalidParameterValue",
        ),
        (
            CreateNetworkAclEntryRequest {
                port_range: None,
                ..entry(&id, 1, false)
            },
            "InvalidParameterValue",
        ),
        (
            CreateNetworkAclEntryRequest {
                cidr_block: None,
                ..entry(&id, 1, false)
            },
            "MissingParameter",
        ),
        (
            entry("acl-01234567", 1, false),
            "InvalidNetworkAclID.NotFound",
        ),
    ];
    for (request, expected) in cases {
        let what = format!("{request:?}");
        assert_eq!(world.outcome(&me, request), expected, "{what}");
    }
    for number in 1..20 {
        assert_eq!(world.outcome(&me, entry(&id, number, false)), "ok");
    }
    assert_eq!(
        world.code(&me, entry(&id, 200, false)),
        "NetworkAclEntryLimitExceeded"
    );
    let show = DescribeNetworkAclsRequest {
        network_acl_ids: vec![id.clone()],
        ..Default::default()
    };
    let shown = world
        .ok::<DescribeNetworkAclsResponse>(&me, show)
        .network_acls
        .items
        .remove(0);
    assert_eq!(
        (
            shown.entries.items[0].rule_number,
            shown.entries.items[0].cidr_block.as_deref()
        ),
        (1, Some("10.9.0.0/16"))
    );
    let replace = |number| ReplaceNetworkAclEntryRequest {
        network_acl_id: id.clone(),
        rule_number: number,
        protocol: "-1".to_owned(),
        rule_action: "deny".to_owned(),
        cidr_block: Some("0.0.0.0/0".to_owned()),
        ..Default::default()
    };
    world.ok::<ReplaceNetworkAclEntryResponse>(&me, replace(1));
    assert_eq!(
        world.code(&me, replace(300)),
        "InvalidNetworkAclEntry.NotFound"
    );
    let delete = DeleteNetworkAclEntryRequest {
        network_acl_id: id,
        rule_number: 1,
        ..Default::default()
    };
    world.ok::<DeleteNetworkAclEntryResponse>(&me, delete.clone());
    assert_eq!(world.code(&me, delete), "InvalidNetworkAclEntry.NotFound");
}

#[test]
fn a_subnet_changes_its_acl() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let subnet = world.subnet(&me, &vpc, "10.0.0.0/24");
    let default = world
        .network
        .network_acls
        .values()
        .next()
        .expect("an ACL")
        .clone();
    assert_eq!(
        default
            .associations
            .values()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        [subnet.as_str()]
    );
    let association = default
        .associations
        .keys()
        .next()
        .expect("an association")
        .to_string();
    let create = CreateNetworkAclRequest {
        vpc_id: vpc,
        ..Default::default()
    };
    let own = world
        .ok::<CreateNetworkAclResponse>(&me, create)
        .network_acl
        .network_acl_id;
    let replace = |association: &str, acl: &str| ReplaceNetworkAclAssociationRequest {
        association_id: association.to_owned(),
        network_acl_id: acl.to_owned(),
        ..Default::default()
    };
    let new = world
        .ok::<ReplaceNetworkAclAssociationResponse>(&me, replace(&association, &own))
        .new_association_id;
    assert_eq!(
        world.code(&me, replace(&association, &own)),
        "InvalidAssociationID.NotFound"
    );
    let delete = |acl: &str| DeleteNetworkAclRequest {
        network_acl_id: acl.to_owned(),
        ..Default::default()
    };
    assert_eq!(world.code(&me, delete(&own)), "DependencyViolation");
    assert_eq!(
        world.code(&me, delete(default.id.as_str())),
        "InvalidParameterValue"
    );
    world.ok::<ReplaceNetworkAclAssociationResponse>(&me, replace(&new, default.id.as_str()));
    world.ok::<DeleteNetworkAclResponse>(&me, delete(&own));
}
