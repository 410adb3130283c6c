//! VPC peering connections: who may do what, and who sees which.

use ipnet::Ipv4Net;
use jiff::{SignedDuration, Timestamp};

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::check::{self, overlap};
use crate::rules::peering_view::{item, sees, view, visible_for};
use crate::rules::quota::{self, Quota};
use crate::rules::resource::chosen_ids;
use crate::rules::{Caller, Context, filter, peering_view, resource};
use crate::state::*;

/// How long a request waits for its answer.
const PENDING: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Asks for a peering connection. If the pair of VPCs has one that is pending or active, that one is answered.
pub(super) fn create(
    network: &mut Network,
    caller: &Caller,
    request: &CreateVpcPeeringConnectionRequest,
    context: &mut Context<'_>,
) -> Result<CreateVpcPeeringConnectionResponse, AwsError> {
    let vpc = check::find_vpc(network, caller, &request.vpc_id)?;
    let Some(peer_vpc) = &request.peer_vpc_id else {
        return Err(AwsError::missing("peerVpcId"));
    };
    let peer_vpc = resource::parse::<Vpc>(peer_vpc)?;
    let peer_owner = match &request.peer_owner_id {
        Some(id) => id.parse().map_err(|_| {
            let message = format!(
                "Value ({id}) for parameter peerOwnerId is invalid. An account ID has 12 digits."
            );
            AwsError::new("InvalidParameterValue", message)
        })?,
        None => caller.account.clone(),
    };
    let peer_region = match request.peer_region.as_deref() {
        Some(code) if region(code).is_none() => {
            let message = format!(
                "Value ({code}) for parameter peerRegion is invalid. DescribeRegions lists them."
            );
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        Some(code) => Region::new(code),
        None => caller.region.clone(),
    };
    let tags = check::tags_from(&request.tag_specifications, "vpc-peering-connection")?;
    if let Some(existing) = between(network, &vpc.id, &peer_vpc, context.now) {
        return Ok(CreateVpcPeeringConnectionResponse {
            vpc_peering_connection: item(existing, caller, context.now),
        });
    }
    let outstanding = network.peerings.values().filter(|row| {
        row.requester.vpc == vpc.id && state_at(row, context.now) == PeeringState::PendingAcceptance
    });
    quota::within(
        network,
        &caller.account,
        Quota::OutstandingPeerings,
        outstanding.count() + 1,
    )?;
    let peer = network
        .vpcs
        .get(&peer_vpc)
        .filter(|peer| peer.owner == peer_owner && peer.region == peer_region);
    let state = why_impossible(vpc, peer, &peer_vpc, &peer_owner, &peer_region)
        .map_or(PeeringState::PendingAcceptance, PeeringState::Failed);
    let side =
        |owner: &AccountId, region: &Region, id: &VpcId, vpc: Option<&Vpc>, tags| PeeringSide {
            owner: owner.clone(),
            region: region.clone(),
            vpc: id.clone(),
            blocks: vpc.into_iter().flat_map(Vpc::cidrs).collect(),
            ipv6_blocks: vpc.into_iter().flat_map(Vpc::ipv6_cidrs).collect(),
            allow_dns: false,
            tags,
        };
    let mut peering = Peering {
        id: PeeringId::from_random((context.random)()),
        index: 0,
        requester: side(&caller.account, &caller.region, &vpc.id, Some(vpc), tags),
        accepter: side(&peer_owner, &peer_region, &peer_vpc, peer, Tags::new()),
        ended_at: (state != PeeringState::PendingAcceptance).then_some(context.now),
        state,
        created_at: context.now,
        expires_at: context.now + PENDING,
    };
    peering.index = network.next_link();
    let mut answer = item(&peering, caller, context.now);
    answer.status = VpcPeeringConnectionStateReasonItem {
        code: "initiating-request".to_owned(),
        message: format!("Initiating Request to {}", peering.accepter.owner),
    };
    network.peerings.insert(peering.id.clone(), peering);
    Ok(CreateVpcPeeringConnectionResponse {
        vpc_peering_connection: answer,
    })
}

pub(super) fn describe(
    network: &Network,
    caller: &Caller,
    request: &DescribeVpcPeeringConnectionsRequest,
    context: &Context<'_>,
) -> Result<DescribeVpcPeeringConnectionsResponse, AwsError> {
    let ids = &request.vpc_peering_connection_ids;
    for id in ids {
        find(network, caller, id, context.now)?;
    }
    let mut shown = Vec::new();
    for peering in network
        .peerings
        .values()
        .filter(|peering| sees(peering, caller, context.now))
    {
        let tags = &view(peering, caller).tags;
        let values = |name: &str| peering_view::filter_values(peering, name, context.now);
        if chosen_ids(ids, peering.id.as_str()) && filter::matches(&request.filters, tags, values)?
        {
            shown.push(item(peering, caller, context.now));
        }
    }
    let page = filter::page(
        shown,
        request.max_results,
        request.next_token.as_deref(),
        ids,
    )?;
    Ok(DescribeVpcPeeringConnectionsResponse {
        vpc_peering_connections: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

pub(super) fn accept(
    network: &mut Network,
    caller: &Caller,
    request: &AcceptVpcPeeringConnectionRequest,
    context: &Context<'_>,
) -> Result<AcceptVpcPeeringConnectionResponse, AwsError> {
    let peering = find(
        network,
        caller,
        &request.vpc_peering_connection_id,
        context.now,
    )?;
    check_accepter(peering, caller, "accept")?;
    check_state(
        peering,
        &[PeeringState::PendingAcceptance],
        "active",
        context.now,
    )?;
    for side in [&peering.requester, &peering.accepter] {
        let active = network
            .peerings
            .values()
            .filter(|row| row.state == PeeringState::Active && has(row, &side.vpc));
        quota::within(
            network,
            &side.owner,
            Quota::PeeringsPerVpc,
            active.count() + 1,
        )?;
    }
    let id = peering.id.clone();
    let mut answer = item(peering, caller, context.now);
    if let Some(peering) = network.peerings.get_mut(&id) {
        peering.state = PeeringState::Active;
        answer = item(peering, caller, context.now);
    }
    answer.status = VpcPeeringConnectionStateReasonItem {
        code: "provisioning".to_owned(),
        message: "Provisioning".to_owned(),
    };
    Ok(AcceptVpcPeeringConnectionResponse {
        vpc_peering_connection: answer,
    })
}

pub(super) fn reject(
    network: &mut Network,
    caller: &Caller,
    request: &RejectVpcPeeringConnectionRequest,
    context: &Context<'_>,
) -> Result<RejectVpcPeeringConnectionResponse, AwsError> {
    let peering = find(
        network,
        caller,
        &request.vpc_peering_connection_id,
        context.now,
    )?;
    check_accepter(peering, caller, "reject")?;
    check_state(
        peering,
        &[PeeringState::PendingAcceptance],
        "rejected",
        context.now,
    )?;
    let id = peering.id.clone();
    end(network, &id, PeeringState::Rejected, context.now);
    Ok(RejectVpcPeeringConnectionResponse { done: true })
}

pub(super) fn delete(
    network: &mut Network,
    caller: &Caller,
    request: &DeleteVpcPeeringConnectionRequest,
    context: &Context<'_>,
) -> Result<DeleteVpcPeeringConnectionResponse, AwsError> {
    let peering = find(
        network,
        caller,
        &request.vpc_peering_connection_id,
        context.now,
    )?;
    check_state(
        peering,
        &[PeeringState::PendingAcceptance, PeeringState::Active],
        "deleting",
        context.now,
    )?;
    if peering.state == PeeringState::PendingAcceptance && peering.requester.owner != caller.account
    {
        let message = format!(
            "User ({}) cannot delete peering {}, which is pending: only who asked may. Reject it instead.",
            caller.account, peering.id
        );
        return Err(AwsError::new("OperationNotPermitted", message));
    }
    let id = peering.id.clone();
    end(
        network,
        &id,
        PeeringState::Deleted(caller.account.clone()),
        context.now,
    );
    Ok(DeleteVpcPeeringConnectionResponse { done: true })
}

/// The peering connection with this id, if the caller's account has a side of it and it is not hidden by now.
pub(super) fn find<'n>(
    network: &'n Network,
    caller: &Caller,
    id: &str,
    now: Timestamp,
) -> Result<&'n Peering, AwsError> {
    let parsed: PeeringId = id.parse().map_err(|why: MalformedId| {
        AwsError::new("InvalidVpcPeeringConnectionId.Malformed", why.to_string())
    })?;
    let regions =
        |row: &Peering| [&row.requester.region, &row.accepter.region].contains(&&caller.region);
    let found = network
        .peerings
        .get(&parsed)
        .filter(|row| regions(row) && visible_for(row, &caller.account, now));
    found.ok_or_else(|| {
        let message = format!("The vpcPeeringConnection ID '{id}' does not exist");
        AwsError::new("InvalidVpcPeeringConnectionID.NotFound", message)
    })
}

/// The state at a time: a request expires then, whether or not [`pass`] has looked.
pub(super) fn state_at(peering: &Peering, now: Timestamp) -> PeeringState {
    if peering.state == PeeringState::PendingAcceptance && peering.expires_at <= now {
        return PeeringState::Expired;
    }
    peering.state.clone()
}

/// Time passes: requests expire, and ended connections go when nobody sees them any more.
pub(super) fn pass(network: &mut Network, now: Timestamp) {
    let ids: Vec<PeeringId> = network.peerings.keys().cloned().collect();
    for id in ids {
        let Some(peering) = network.peerings.get(&id) else {
            continue;
        };
        if state_at(peering, now) != peering.state {
            let expired = peering.expires_at;
            end(network, &id, PeeringState::Expired, expired);
        }
        let gone = network.peerings.get(&id).is_some_and(|row| {
            ![&row.requester.owner, &row.accepter.owner]
                .into_iter()
                .any(|owner| visible_for(row, owner, now))
        });
        if gone {
            network.peerings.remove(&id);
        }
    }
}

/// What AWS says of every failed request; the exact reason follows it.
pub(super) const FAILED: &str =
    "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range";

/// Whether one of the sides is this VPC.
pub(super) fn has(peering: &Peering, vpc: &VpcId) -> bool {
    [&peering.requester.vpc, &peering.accepter.vpc].contains(&vpc)
}

/// The pending or active connection of two VPCs, whoever asked.
fn between<'n>(network: &'n Network, a: &VpcId, b: &VpcId, now: Timestamp) -> Option<&'n Peering> {
    network.peerings.values().find(|row| {
        let pair = (&row.requester.vpc, &row.accepter.vpc);
        let live = match state_at(row, now) {
            PeeringState::PendingAcceptance | PeeringState::Active => true,
            PeeringState::Failed(_)
            | PeeringState::Expired
            | PeeringState::Rejected
            | PeeringState::Deleted(_) => false,
        };
        (pair == (a, b) || pair == (b, a)) && live
    })
}

fn why_impossible(
    vpc: &Vpc,
    peer: Option<&Vpc>,
    peer_vpc: &VpcId,
    peer_owner: &AccountId,
    peer_region: &Region,
) -> Option<String> {
    let Some(peer) = peer else {
        return Some(format!(
            "{FAILED}: account {peer_owner} has no VPC {peer_vpc} in {peer_region}"
        ));
    };
    let (own, other): (Vec<_>, Vec<_>) = (vpc.cidrs().collect(), peer.cidrs().collect());
    let (a, b) = overlapping(&own, &other)?;
    Some(format!(
        "{FAILED}: {a} of {} overlaps with {b} of {}",
        vpc.id, peer.id
    ))
}

/// Two blocks that overlap, if any do.
pub(super) fn overlapping(one: &[Ipv4Net], other: &[Ipv4Net]) -> Option<(Ipv4Net, Ipv4Net)> {
    one.iter()
        .find_map(|a| other.iter().find(|b| overlap(*a, **b)).map(|b| (*a, *b)))
}

fn check_accepter(peering: &Peering, caller: &Caller, verb: &str) -> Result<(), AwsError> {
    if peering.accepter.owner != caller.account {
        let message = format!(
            "User ({}) cannot {verb} peering {}",
            caller.account, peering.id
        );
        return Err(AwsError::new("OperationNotPermitted", message));
    }
    if peering.accepter.region != caller.region {
        let message = format!(
            "Incorrect region ({}) specified for this request. VPC peering connection {} must be {verb}ed in region {}",
            caller.region, peering.id, peering.accepter.region
        );
        return Err(AwsError::new("OperationNotPermitted", message));
    }
    Ok(())
}

fn check_state(
    peering: &Peering,
    from: &[PeeringState],
    to: &str,
    now: Timestamp,
) -> Result<(), AwsError> {
    let state = state_at(peering, now);
    if from.contains(&state) {
        return Ok(());
    }
    let message = format!(
        "Invalid state transition for {}, attempted to transition from {} to {to}",
        peering.id,
        peering_view::code(&state)
    );
    Err(AwsError::new("InvalidStateTransition", message))
}

/// Ends a connection.
pub(super) fn end(network: &mut Network, id: &PeeringId, state: PeeringState, at: Timestamp) {
    if let Some(peering) = network.peerings.get_mut(id) {
        peering.state = state;
        peering.ended_at = Some(at);
    }
}
