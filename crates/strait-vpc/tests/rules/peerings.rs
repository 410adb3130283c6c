//! VPC peering connections.

use strait_vpc::Caller;
use strait_vpc::api::*;

use crate::world::*;

fn delete(id: &str) -> DeleteVpcPeeringConnectionRequest {
    DeleteVpcPeeringConnectionRequest {
        vpc_peering_connection_id: id.to_owned(),
        ..Default::default()
    }
}

fn reject(id: &str) -> RejectVpcPeeringConnectionRequest {
    RejectVpcPeeringConnectionRequest {
        vpc_peering_connection_id: id.to_owned(),
        ..Default::default()
    }
}

fn state(code: &str, message: &str) -> Option<(String, String)> {
    Some((code.to_owned(), message.to_owned()))
}

#[test]
fn a_request_hides_the_accepters_blocks_until_it_is_accepted() {
    let (mut world, me, them) = (World::new(), customer(), provider());
    let (mine, theirs) = (
        world.vpc(&me, "10.0.0.0/16"),
        world.vpc(&them, "10.1.0.0/16"),
    );
    let asked = world
        .ok::<CreateVpcPeeringConnectionResponse>(&them, ask(&theirs, (&me, &mine)))
        .vpc_peering_connection;
    assert_eq!(
        (asked.status.code.as_str(), asked.status.message.as_str()),
        ("initiating-request", "Initiating Request to 111122223333")
    );
    let id = asked.vpc_peering_connection_id;
    for caller in [&me, &them] {
        let shown = show(&mut world, caller, &id);
        assert_eq!(shown.status.code, "pending-acceptance");
        assert_eq!(shown.status.message, "Pending Acceptance by 111122223333");
        assert_eq!(
            shown.expiration_time,
            Some(world.now + jiff::SignedDuration::from_hours(168))
        );
        assert_eq!(
            shown.requester_vpc_info.cidr_block.as_deref(),
            Some("10.1.0.0/16")
        );
        assert_eq!(shown.requester_vpc_info.owner_id, "999988887777");
        let hidden = shown.accepter_vpc_info;
        assert_eq!(
            (
                hidden.cidr_block,
                hidden.cidr_block_set,
                hidden.peering_options
            ),
            (None, None, None)
        );
        assert_eq!(hidden.vpc_id, mine);
    }
    let accepted = world
        .ok::<AcceptVpcPeeringConnectionResponse>(&me, accept(&id))
        .vpc_peering_connection;
    assert_eq!(accepted.status.code, "provisioning");
    let shown = show(&mut world, &them, &id);
    assert_eq!(
        (shown.status.code.as_str(), shown.status.message.as_str()),
        ("active", "Active")
    );
    assert_eq!(shown.expiration_time, None);
    assert_eq!(
        shown.accepter_vpc_info.cidr_block.as_deref(),
        Some("10.0.0.0/16")
    );
    assert_eq!(
        world.peering_state(&caller("555566667777", "us-east-1"), &id),
        None,
        "a stranger sees nothing"
    );
}

#[test]
fn what_cannot_be_peered_fails_after_a_success() {
    let (mut world, me, them) = (World::new(), customer(), provider());
    let (mine, theirs) = (
        world.vpc(&me, "10.0.0.0/16"),
        world.vpc(&them, "10.0.128.0/17"),
    );
    let fine = world.vpc(&them, "10.9.0.0/16");
    let mut failed = |request| {
        let id = world
            .ok::<CreateVpcPeeringConnectionResponse>(&them, request)
            .vpc_peering_connection
            .vpc_peering_connection_id;
        let (code, message) = world
            .peering_state(&them, &id)
            .expect("the requester sees it");
        assert_eq!(code, "failed");
        assert_eq!(
            world.peering_state(&me, &id),
            None,
            "the accepter does not see it"
        );
        assert_eq!(world.code(&them, delete(&id)), "InvalidStateTransition");
        message
    };
    let overlap = failed(ask(&theirs, (&me, &mine)));
    assert!(
        overlap.contains("10.0.128.0/17") && overlap.contains("10.0.0.0/16"),
        "{overlap}"
    );
    assert!(failed(ask(&fine, (&me, "vpc-01234567"))).contains("has no VPC vpc-01234567"));
    assert!(
        failed(ask(&fine, (&provider(), &mine))).contains("999988887777"),
        "the wrong account"
    );
    let elsewhere = caller("111122223333", "eu-west-1");
    assert!(
        failed(ask(&fine, (&elsewhere, &mine))).contains("eu-west-1"),
        "the wrong Region"
    );
    assert!(
        failed(ask(&fine, (&them.clone(), &fine.clone()))).contains("overlap"),
        "itself"
    );
}

#[test]
fn requests_are_checked() {
    let (mut world, me, them) = (World::new(), customer(), provider());
    let (mine, theirs) = (
        world.vpc(&me, "10.0.0.0/16"),
        world.vpc(&them, "10.1.0.0/16"),
    );
    let good = ask(&theirs, (&me, &mine));
    let cases = [
        (
            CreateVpcPeeringConnectionRequest {
                peer_vpc_id: None,
                ..good.clone()
            },
            "MissingParameter",
        ),
        (
            CreateVpcPeeringConnectionRequest {
                peer_vpc_id: Some("x".to_owned()),
                ..good.clone()
            },
            "InvalidVpcID.NotFound",
        ),
        (
            CreateVpcPeeringConnectionRequest {
                peer_owner_id: Some("12".to_owned()),
                ..good.clone()
            },
            "InvalidParameterValue",
        ),
        (
            CreateVpcPeeringConnectionRequest {
                peer_region: Some("mars-1".to_owned()),
                ..good.clone()
            },
            "InvalidParameterValue",
        ),
        (
            CreateVpcPeeringConnectionRequest {
                vpc_id: mine,
                ..good.clone()
            },
            "InvalidVpcID.NotFound",
        ),
        (good, "ok"),
    ];
    for (request, expected) in cases {
        let what = format!("{request:?}");
        assert_eq!(world.outcome(&them, request), expected, "{what}");
    }
    assert_eq!(
        world.code(&me, accept("pcx-01234567")),
        "InvalidVpcPeeringConnectionID.NotFound"
    );
    assert_eq!(
        world.code(&me, accept("pcx-")),
        "InvalidVpcPeeringConnectionId.Malformed"
    );
}

#[test]
fn a_pair_has_one_live_peering_whoever_asks() {
    let (mut world, me, them, id) = pending();
    let (mine, theirs) = {
        let row = world.network.peerings.values().next().expect("a peering");
        (row.accepter.vpc.to_string(), row.requester.vpc.to_string())
    };
    assert_eq!(world.peering((&them, &theirs), (&me, &mine), false), id);
    assert_eq!(world.peering((&me, &mine), (&them, &theirs), false), id);
    world.ok::<RejectVpcPeeringConnectionResponse>(&me, reject(&id));
    assert_ne!(world.peering((&them, &theirs), (&me, &mine), false), id);
}

#[test]
fn only_the_accepter_answers_and_only_in_its_region() {
    let (mut world, me, them, id) = pending();
    let (code, message) = world.refused(&them, accept(&id));
    assert_eq!(code, "OperationNotPermitted");
    assert_eq!(
        message,
        format!("User (999988887777) cannot accept peering {id}")
    );
    assert_eq!(world.code(&them, reject(&id)), "OperationNotPermitted");
    assert_eq!(
        world.code(&me, delete(&id)),
        "OperationNotPermitted",
        "the accepter rejects, it does not delete"
    );
    let far = caller("111122223333", "eu-west-1");
    let (vpc, far_vpc) = (
        world.vpc(&me, "10.5.0.0/16"),
        world.vpc(&far, "10.6.0.0/16"),
    );
    let id = world.peering((&me, &vpc), (&far, &far_vpc), false);
    let (code, message) = world.refused(&me, accept(&id));
    assert_eq!(code, "OperationNotPermitted");
    assert!(
        message.contains("Incorrect region (us-east-1)")
            && message.ends_with("must be accepted in region eu-west-1"),
        "{message}"
    );
    assert_eq!(world.outcome(&far, accept(&id)), "ok");
}

#[test]
fn transitions_that_are_not_there_are_refused() {
    let (mut world, me, them, id) = pending();
    world.ok::<AcceptVpcPeeringConnectionResponse>(&me, accept(&id));
    assert_eq!(world.code(&me, accept(&id)), "InvalidStateTransition");
    assert_eq!(world.code(&me, reject(&id)), "InvalidStateTransition");
    world.ok::<DeleteVpcPeeringConnectionResponse>(&me, delete(&id));
    assert_eq!(
        world.peering_state(&them, &id),
        state("deleted", "Deleted by 111122223333")
    );
    let (code, message) = world.refused(&them, delete(&id));
    assert_eq!(code, "InvalidStateTransition");
    assert_eq!(
        message,
        format!(
            "Invalid state transition for {id}, attempted to transition from deleted to deleting"
        )
    );
    let (mut world, _, them, id) = pending();
    world.ok::<DeleteVpcPeeringConnectionResponse>(&them, delete(&id));
    assert_eq!(
        world.peering_state(&them, &id),
        state("deleted", "Deleted by 999988887777")
    );
}

#[test]
fn a_request_expires_after_a_week() {
    let (mut world, me, them, id) = pending();
    world.wait(167);
    assert_eq!(
        world.peering_state(&me, &id),
        state("pending-acceptance", "Pending Acceptance by 111122223333")
    );
    world.now += jiff::SignedDuration::from_hours(1);
    assert_eq!(
        world.peering_state(&me, &id),
        state("expired", "Expired"),
        "even before the clock's tick"
    );
    assert_eq!(world.code(&me, accept(&id)), "InvalidStateTransition");
    world.wait(47);
    assert_eq!(world.peering_state(&them, &id), state("expired", "Expired"));
    world.wait(1);
    assert_eq!(world.peering_state(&them, &id), None);
    assert!(world.network.peerings.is_empty());
}

/// A way to end a connection: the world, the customer, the provider, the connection.
type End = fn(&mut World, &Caller, &Caller, &str);

/// How many hours each side sees an ended connection.
#[test]
fn ended_ones_are_shown_for_a_while_to_each_side() {
    let seen =
        |world: &mut World, caller: &Caller, id: &str| world.peering_state(caller, id).is_some();
    let cases: [(End, [bool; 4]); 3] = [
        // (me at 1 h, them at 1 h, me at 3 h, them at 3 h)
        (
            |world, me, _, id| {
                world.ok::<RejectVpcPeeringConnectionResponse>(me, reject(id));
            },
            [true, true, false, true],
        ),
        (
            |world, _, them, id| {
                world.ok::<DeleteVpcPeeringConnectionResponse>(them, delete(id));
            },
            [true, true, true, false],
        ),
        (
            |world, me, _, id| {
                world.ok::<AcceptVpcPeeringConnectionResponse>(me, accept(id));
                world.ok::<DeleteVpcPeeringConnectionResponse>(me, delete(id));
            },
            [true, true, false, true],
        ),
    ];
    for (number, (end, expected)) in cases.into_iter().enumerate() {
        let (mut world, me, them, id) = pending();
        end(&mut world, &me, &them, &id);
        world.wait(1);
        let early = [seen(&mut world, &me, &id), seen(&mut world, &them, &id)];
        world.wait(2);
        let late = [seen(&mut world, &me, &id), seen(&mut world, &them, &id)];
        assert_eq!(
            [early[0], early[1], late[0], late[1]],
            expected,
            "case {number}"
        );
        world.wait(46);
        assert!(world.network.peerings.is_empty(), "case {number}");
    }
}

#[test]
fn both_vpcs_count_active_peerings_and_the_requester_counts_requests() {
    let (mut world, me, them) = (World::new(), customer(), provider());
    let hub = world.vpc(&them, "10.0.0.0/16");
    let spokes: Vec<String> = (1..=26)
        .map(|second| world.vpc(&me, &format!("10.{second}.0.0/16")))
        .collect();
    let ids: Vec<String> = spokes[..25]
        .iter()
        .map(|spoke| world.peering((&them, &hub), (&me, spoke), false))
        .collect();
    assert_eq!(
        world.code(&them, ask(&hub, (&me, &spokes[25]))),
        "OutstandingVpcPeeringConnectionLimitExceeded"
    );
    world
        .network
        .quotas
        .insert("peerings-per-vpc".to_owned(), 1);
    world.ok::<AcceptVpcPeeringConnectionResponse>(&me, accept(&ids[0]));
    assert_eq!(
        world.code(&me, accept(&ids[1])),
        "ActiveVpcPeeringConnectionPerVpcLimitExceeded"
    );
    world
        .network
        .quotas
        .insert("peerings-per-vpc".to_owned(), 2);
    assert_eq!(world.outcome(&me, accept(&ids[1])), "ok");
}

#[test]
fn filters_choose() {
    let (mut world, me, _, id) = pending();
    let cases = [
        ("status-code", "pending-acceptance", 1),
        ("status-code", "active", 0),
        ("requester-vpc-info.owner-id", "9999*", 1),
        ("accepter-vpc-info.owner-id", "111122223333", 1),
        ("requester-vpc-info.cidr-block", "10.1.0.0/16", 1),
        ("accepter-vpc-info.cidr-block", "10.0.0.0/16", 0),
        ("vpc-peering-connection-id", id.as_str(), 1),
    ];
    for (name, value, expected) in cases {
        let request = DescribeVpcPeeringConnectionsRequest {
            filters: vec![filter(name, value)],
            ..Default::default()
        };
        let found = world
            .ok::<DescribeVpcPeeringConnectionsResponse>(&me, request)
            .vpc_peering_connections
            .items
            .len();
        assert_eq!(found, expected, "{name}={value}");
    }
}
