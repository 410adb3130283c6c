//! Hosted zones: who owns them, which VPCs are answered from them, their records.

use strait_vpc::Caller;
use strait_vpc::api::*;

use crate::world::*;

#[test]
fn a_public_zone_has_servers_and_its_own_records() {
    let (mut world, me) = (World::new(), customer());
    let made: CreateHostedZoneResponse = world.ok(&me, zone("Example.COM", "1"));
    assert_eq!(made.hosted_zone.name, "example.com.");
    assert_eq!(made.hosted_zone.resource_record_set_count, 2);
    assert!(made.hosted_zone.id.starts_with("/hostedzone/Z0"));
    assert_eq!(made.change_info.status, "INSYNC");
    let servers = made.delegation_set.expect("servers").name_servers.servers;
    assert_eq!(servers.len(), 4);
    assert!(made.vpc.is_none());
    let shown = list(&mut world, &me, &made.hosted_zone.id);
    let kinds: Vec<&str> = shown.iter().map(|set| set.kind.as_str()).collect();
    assert_eq!(kinds, ["NS", "SOA"]);
    assert_eq!((shown[0].ttl, shown[1].ttl), (Some(172_800), Some(900)));

    assert_eq!(
        world.code(&me, zone("other.com", "1")),
        "HostedZoneAlreadyExists"
    );
    assert_eq!(world.code(&me, zone("a..b", "2")), "InvalidDomainName");
    world.ok::<CreateHostedZoneResponse>(&me, zone("example.com", "3"));
    let change = GetChangeRequest {
        id: made.change_info.id,
    };
    world.ok::<GetChangeResponse>(&me, change.clone());
    assert_eq!(
        world.code(&stranger(&mut world.clone()), change),
        "NoSuchChange"
    );
    let unknown = GetHostedZoneRequest {
        id: "Z1".to_owned(),
    };
    assert_eq!(world.code(&me, unknown), "NoSuchHostedZone");
    let theirs = GetHostedZoneRequest {
        id: made.hosted_zone.id,
    };
    let other = stranger(&mut world);
    assert_eq!(world.code(&other, theirs), "AccessDenied");
}

#[test]
fn a_private_zone_has_vpcs_of_one_name_each() {
    let (mut world, me) = (World::new(), customer());
    let (one, two) = (world.vpc(&me, "10.0.0.0/16"), world.vpc(&me, "10.1.0.0/16"));
    let made: CreateHostedZoneResponse = world.ok(&me, private("corp.test", "1", &one));
    let id = made.hosted_zone.id;
    assert!(made.hosted_zone.config.private_zone && made.delegation_set.is_none());
    assert_eq!(made.vpc.expect("its VPC").vpc_id, one);
    assert_eq!(
        world.code(&me, private("corp.test", "2", &one)),
        "ConflictingDomainExists"
    );
    world.ok::<CreateHostedZoneResponse>(&me, private("sub.corp.test", "3", &one));
    let nowhere = CreateHostedZoneRequest {
        hosted_zone_config: HostedZoneConfigInput {
            private_zone: Some(true),
            ..Default::default()
        },
        ..zone("other.test", "4")
    };
    assert_eq!(world.code(&me, nowhere), "InvalidInput");
    assert_eq!(
        world.code(&me, private("a.test", "5", "vpc-0123456789abcdef0")),
        "InvalidVPCId"
    );

    world.ok::<AssociateVpcWithHostedZoneResponse>(&me, associate(&id, &two));
    assert_eq!(
        world.code(&me, associate(&id, &two)),
        "ConflictingDomainExists"
    );
    let shown: GetHostedZoneResponse = world.ok(&me, GetHostedZoneRequest { id: id.clone() });
    assert_eq!(shown.vpcs.expect("VPCs").vpcs.len(), 2);
    world.ok::<DisassociateVpcFromHostedZoneResponse>(&me, disassociate(&id, &one));
    assert_eq!(
        world.code(&me, disassociate(&id, &one)),
        "VPCAssociationNotFound"
    );
    assert_eq!(
        world.code(&me, disassociate(&id, &two)),
        "LastVPCAssociation"
    );
    let public: CreateHostedZoneResponse = world.ok(&me, zone("public.test", "6"));
    assert_eq!(
        world.code(&me, associate(&public.hosted_zone.id, &one)),
        "PublicZoneVPCAssociation"
    );
}

#[test]
fn another_account_associates_its_vpc_once_it_may() {
    let (mut world, me) = (World::new(), customer());
    let other = stranger(&mut world);
    let (mine, theirs) = (
        world.vpc(&me, "10.0.0.0/16"),
        world.vpc(&other, "10.1.0.0/16"),
    );
    let made: CreateHostedZoneResponse = world.ok(&me, private("corp.test", "1", &mine));
    let id = made.hosted_zone.id;
    assert_eq!(
        world.code(&other, associate(&id, &theirs)),
        "NotAuthorizedException"
    );
    let leave = CreateVpcAssociationAuthorizationRequest {
        hosted_zone_id: id.clone(),
        vpc: vpc(&theirs),
    };
    assert_eq!(world.code(&other, leave.clone()), "AccessDenied");
    world.ok::<CreateVpcAssociationAuthorizationResponse>(&me, leave);
    assert_eq!(
        world.code(&me, associate(&id, &theirs)),
        "NotAuthorizedException"
    );
    world.ok::<AssociateVpcWithHostedZoneResponse>(&other, associate(&id, &theirs));
    let of_vpc = ListHostedZonesByVpcRequest {
        vpc_id: theirs.clone(),
        vpc_region: "us-east-1".to_owned(),
        ..Default::default()
    };
    let shown: ListHostedZonesByVpcResponse = world.ok(&other, of_vpc);
    let zones = &shown.hosted_zone_summaries.zones;
    assert_eq!(zones.len(), 1);
    assert_eq!(zones[0].owner.owning_account, me.account.to_string());
    let authorized = ListVpcAssociationAuthorizationsRequest {
        hosted_zone_id: id.clone(),
        ..Default::default()
    };
    let shown: ListVpcAssociationAuthorizationsResponse = world.ok(&me, authorized);
    assert_eq!(shown.vpcs.vpcs.len(), 1);
    let back = DeleteVpcAssociationAuthorizationRequest {
        hosted_zone_id: id.clone(),
        vpc: vpc(&theirs),
    };
    world.ok::<DeleteVpcAssociationAuthorizationResponse>(&me, back.clone());
    assert_eq!(world.code(&me, back), "VPCAssociationAuthorizationNotFound");
    world.ok::<DisassociateVpcFromHostedZoneResponse>(&other, disassociate(&id, &theirs));
}

#[test]
fn how_many_vpcs_a_zone_may_have_is_its_owners_quota() {
    let (mut world, me) = (World::new(), customer());
    let other = stranger(&mut world);
    let (mine, theirs) = (
        world.vpc(&me, "10.0.0.0/16"),
        world.vpc(&other, "10.1.0.0/16"),
    );
    let made: CreateHostedZoneResponse = world.ok(&me, private("corp.test", "1", &mine));
    let id = made.hosted_zone.id;
    let leave = CreateVpcAssociationAuthorizationRequest {
        hosted_zone_id: id.clone(),
        vpc: vpc(&theirs),
    };
    world.ok::<CreateVpcAssociationAuthorizationResponse>(&me, leave);
    let limit = |world: &mut World, of: &Caller, most| {
        let name = format!("{}/vpcs-per-hosted-zone", of.account);
        world.network.quotas.insert(name, most);
    };
    limit(&mut world, &other, 300);
    limit(&mut world, &me, 1);
    assert_eq!(
        world.code(&other, associate(&id, &theirs)),
        "LimitsExceeded"
    );
    limit(&mut world, &other, 1);
    limit(&mut world, &me, 2);
    world.ok::<AssociateVpcWithHostedZoneResponse>(&other, associate(&id, &theirs));
}

#[test]
fn records_and_zones_come_by_pages() {
    let (mut world, me) = (World::new(), customer());
    let id = made(&mut world, &me);
    let many = (0..5).map(|number| {
        change(
            "CREATE",
            set(&format!("n{number}.example.com"), "A", &["10.0.0.1"]),
        )
    });
    world.ok::<ChangeResourceRecordSetsResponse>(&me, batch(&id, many.collect()));
    let mut ask = ListResourceRecordSetsRequest {
        hosted_zone_id: id.clone(),
        max_items: Some("3".to_owned()),
        ..Default::default()
    };
    let (mut names, mut pages) = (Vec::new(), 0);
    loop {
        let page: ListResourceRecordSetsResponse = world.ok(&me, ask.clone());
        pages += 1;
        names.extend(
            page.resource_record_sets
                .sets
                .into_iter()
                .map(|set| set.name + &set.kind),
        );
        if !page.is_truncated {
            break;
        }
        ask.start_record_name = page.next_record_name;
        ask.start_record_type = page.next_record_type;
    }
    assert_eq!((names.len(), pages), (7, 3));
    assert_eq!(names[1], "example.com.SOA");
    let alone = ListResourceRecordSetsRequest {
        hosted_zone_id: id,
        start_record_type: Some("A".to_owned()),
        ..Default::default()
    };
    assert_eq!(world.code(&me, alone), "InvalidInput");

    for (name, reference) in [("b.org", "b"), ("a.org", "a"), ("c.com", "c")] {
        world.ok::<CreateHostedZoneResponse>(&me, zone(name, reference));
    }
    let by_name = ListHostedZonesByNameRequest {
        dns_name: Some("a.org".to_owned()),
        max_items: Some("1".to_owned()),
        ..Default::default()
    };
    let page: ListHostedZonesByNameResponse = world.ok(&me, by_name);
    assert_eq!(page.hosted_zones.zones[0].name, "a.org.");
    assert_eq!(page.next_dns_name.as_deref(), Some("b.org."));
    let two = ListHostedZonesRequest {
        max_items: Some("2".to_owned()),
        ..Default::default()
    };
    let page: ListHostedZonesResponse = world.ok(&me, two.clone());
    let rest = ListHostedZonesRequest {
        marker: page.next_marker,
        ..two
    };
    let page: ListHostedZonesResponse = world.ok(&me, rest);
    assert_eq!(
        (page.hosted_zones.zones.len(), page.is_truncated),
        (2, false)
    );
}

#[test]
fn zones_have_tags_and_comments() {
    let (mut world, me) = (World::new(), customer());
    let id = made(&mut world, &me)
        .trim_start_matches("/hostedzone/")
        .to_owned();
    let tagged = ChangeTagsForResourceRequest {
        resource_type: "hostedzone".to_owned(),
        resource_id: id.clone(),
        add_tags: vec![TagInput {
            key: "team".to_owned(),
            value: "network".to_owned(),
        }],
        ..Default::default()
    };
    world.ok::<ChangeTagsForResourceResponse>(&me, tagged.clone());
    let several = ListTagsForResourcesRequest {
        resource_type: "hostedzone".to_owned(),
        resource_ids: vec![id.clone()],
    };
    let shown: ListTagsForResourcesResponse = world.ok(&me, several);
    assert_eq!(
        shown.resource_tag_sets.sets[0].tags.tags[0].value,
        "network"
    );
    let untagged = ChangeTagsForResourceRequest {
        add_tags: Vec::new(),
        remove_tag_keys: vec!["team".to_owned()],
        ..tagged.clone()
    };
    world.ok::<ChangeTagsForResourceResponse>(&me, untagged);
    let one = ListTagsForResourceRequest {
        resource_type: "hostedzone".to_owned(),
        resource_id: id.clone(),
    };
    let shown: ListTagsForResourceResponse = world.ok(&me, one);
    assert!(shown.resource_tag_set.tags.tags.is_empty());
    let of_check = ChangeTagsForResourceRequest {
        resource_type: "healthcheck".to_owned(),
        ..tagged
    };
    assert_eq!(world.code(&me, of_check), "NoSuchHealthCheck");
    let commented = UpdateHostedZoneCommentRequest {
        id,
        comment: Some("ours".to_owned()),
    };
    let shown: UpdateHostedZoneCommentResponse = world.ok(&me, commented);
    assert_eq!(shown.hosted_zone.config.comment.as_deref(), Some("ours"));
}

pub(crate) fn made(world: &mut World, me: &Caller) -> String {
    let made: CreateHostedZoneResponse = world.ok(me, zone("example.com", "first"));
    made.hosted_zone.id
}

fn stranger(world: &mut World) -> Caller {
    world.account("stranger")
}

fn zone(name: &str, reference: &str) -> CreateHostedZoneRequest {
    CreateHostedZoneRequest {
        name: name.to_owned(),
        caller_reference: reference.to_owned(),
        ..Default::default()
    }
}

fn private(name: &str, reference: &str, id: &str) -> CreateHostedZoneRequest {
    CreateHostedZoneRequest {
        vpc: Some(vpc(id)),
        ..zone(name, reference)
    }
}

fn vpc(id: &str) -> VpcInput {
    VpcInput {
        vpc_region: Some("us-east-1".to_owned()),
        vpc_id: Some(id.to_owned()),
    }
}

fn associate(zone: &str, id: &str) -> AssociateVpcWithHostedZoneRequest {
    AssociateVpcWithHostedZoneRequest {
        hosted_zone_id: zone.to_owned(),
        vpc: vpc(id),
        comment: None,
    }
}

fn disassociate(zone: &str, id: &str) -> DisassociateVpcFromHostedZoneRequest {
    DisassociateVpcFromHostedZoneRequest {
        hosted_zone_id: zone.to_owned(),
        vpc: vpc(id),
        comment: None,
    }
}

pub(crate) fn batch(zone: &str, changes: Vec<ChangeInput>) -> ChangeResourceRecordSetsRequest {
    ChangeResourceRecordSetsRequest {
        hosted_zone_id: zone.to_owned(),
        change_batch: ChangeBatchInput {
            comment: None,
            changes,
        },
    }
}

pub(crate) fn change(action: &str, set: RecordSetInput) -> ChangeInput {
    ChangeInput {
        action: action.to_owned(),
        resource_record_set: set,
    }
}

pub(crate) fn set(name: &str, kind: &str, values: &[&str]) -> RecordSetInput {
    let record = |value: &&str| ResourceRecordInput {
        value: (*value).to_owned(),
    };
    RecordSetInput {
        name: name.to_owned(),
        kind: kind.to_owned(),
        ttl: Some(60),
        resource_records: Some(values.iter().map(record).collect()),
        ..Default::default()
    }
}

pub(crate) fn list(world: &mut World, me: &Caller, zone: &str) -> Vec<RecordSetItem> {
    let request = ListResourceRecordSetsRequest {
        hosted_zone_id: zone.to_owned(),
        ..Default::default()
    };
    let shown: ListResourceRecordSetsResponse = world.ok(me, request);
    shown.resource_record_sets.sets
}
