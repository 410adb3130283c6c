//! Peering connections and their VPCs: further blocks, deletion, options.

use strait_vpc::Caller;
use strait_vpc::api::*;

use crate::world::*;

#[test]
fn further_blocks_mind_the_peerings() {
    let (mut world, me, them, id) = pending();
    let (mine, theirs) = {
        let row = world.network.peerings.values().next().expect("a peering");
        (row.accepter.vpc.to_string(), row.requester.vpc.to_string())
    };
    let add = |vpc: &str, cidr: &str| AssociateVpcCidrBlockRequest {
        vpc_id: vpc.to_owned(),
        cidr_block: Some(cidr.to_owned()),
        ..Default::default()
    };
    assert_eq!(
        world.code(&them, add(&theirs, "10.7.0.0/16")),
        "OperationNotPermitted"
    );
    assert_eq!(world.outcome(&me, add(&mine, "10.2.0.0/16")), "ok");
    world.ok::<AcceptVpcPeeringConnectionResponse>(&me, accept(&id));
    let blocks = show(&mut world, &them, &id)
        .accepter_vpc_info
        .cidr_block_set
        .expect("they are shown");
    assert_eq!(
        blocks
            .items
            .iter()
            .map(|row| row.cidr_block.as_str())
            .collect::<Vec<_>>(),
        ["10.0.0.0/16", "10.2.0.0/16"]
    );
    assert_eq!(
        world.code(&me, add(&mine, "10.1.0.0/17")),
        "InvalidVpc.Range"
    );
    assert_eq!(world.outcome(&me, add(&mine, "10.3.0.0/16")), "ok");
    let (mut world, me, them, id) = pending();
    let mine = world
        .network
        .peerings
        .values()
        .next()
        .expect("a peering")
        .accepter
        .vpc
        .to_string();
    assert_eq!(
        world.outcome(&me, add(&mine, "10.1.0.0/17")),
        "ok",
        "the accepter may, and the request fails"
    );
    let (code, message) = world
        .peering_state(&them, &id)
        .expect("the requester sees it");
    assert_eq!(code, "failed");
    assert!(
        message.contains("10.1.0.0/16") && message.contains("10.1.0.0/17"),
        "{message}"
    );
}

#[test]
fn a_deleted_vpc_ends_requests_and_an_active_peering_keeps_it() {
    let (mut world, me, them, id) = pending();
    let mine = world
        .network
        .peerings
        .values()
        .next()
        .expect("a peering")
        .accepter
        .vpc
        .to_string();
    let gone = DeleteVpcRequest {
        vpc_id: mine,
        ..Default::default()
    };
    let mut active = world.clone();
    active.ok::<AcceptVpcPeeringConnectionResponse>(&me, accept(&id));
    assert_eq!(active.code(&me, gone.clone()), "DependencyViolation");
    world.ok::<DeleteVpcResponse>(&me, gone);
    assert_eq!(
        world
            .peering_state(&them, &id)
            .map(|(code, _)| code)
            .as_deref(),
        Some("failed")
    );
}

#[test]
fn dns_options_need_an_active_peering_the_own_side_and_hostnames() {
    let (mut world, me, them, id) = pending();
    let options = |allow| {
        Some(PeeringConnectionOptionsRequest {
            allow_dns_resolution_from_remote_vpc: Some(allow),
            ..Default::default()
        })
    };
    let accepter = |allow| ModifyVpcPeeringConnectionOptionsRequest {
        vpc_peering_connection_id: id.clone(),
        accepter_peering_connection_options: options(allow),
        ..Default::default()
    };
    let (code, message) = world.refused(&me, accepter(true));
    assert_eq!(code, "OperationNotPermitted");
    assert_eq!(
        message,
        format!(
            "Peering {id} is not active. Peering options can be added only to active peerings."
        )
    );
    world.ok::<AcceptVpcPeeringConnectionResponse>(&me, accept(&id));
    let (code, message) = world.refused(&them, accepter(true));
    assert_eq!(code, "OperationNotPermitted");
    assert_eq!(
        message,
        "User 999988887777 does not have permission to modify the accepter side peering options"
    );
    assert_eq!(
        world.code(&me, accepter(true)),
        "InvalidVpcPeeringConnectionState.DnsHostnamesDisabled"
    );
    let vpcs: Vec<(Caller, String)> = world
        .network
        .vpcs
        .values()
        .map(|vpc| {
            (
                Caller::new(vpc.owner.clone(), vpc.region.clone()),
                vpc.id.to_string(),
            )
        })
        .collect();
    for (owner, vpc_id) in vpcs {
        let enable_dns_hostnames = Some(AttributeBooleanValue { value: Some(true) });
        world.ok::<ModifyVpcAttributeResponse>(
            &owner,
            ModifyVpcAttributeRequest {
                vpc_id,
                enable_dns_hostnames,
                ..Default::default()
            },
        );
    }
    let answer = world.ok::<ModifyVpcPeeringConnectionOptionsResponse>(&me, accepter(true));
    assert_eq!(
        answer
            .accepter_peering_connection_options
            .map(|row| row.allow_dns_resolution_from_remote_vpc),
        Some(true)
    );
    assert_eq!(answer.requester_peering_connection_options, None);
    let shown = show(&mut world, &them, &id)
        .accepter_vpc_info
        .peering_options
        .expect("they are shown");
    assert!(shown.allow_dns_resolution_from_remote_vpc);
}
