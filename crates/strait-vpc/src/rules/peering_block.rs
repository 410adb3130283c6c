//! What becomes of peering connections when a VPC's blocks change, or the VPC goes.

use ipnet::Ipv4Net;

use crate::error::AwsError;
use crate::id::*;
use crate::rules::Context;
use crate::rules::check::overlap;
use crate::rules::peering::{FAILED, end, has, overlapping};
use crate::state::*;

/// Whether a VPC may have a further block, as its peering connections say.
pub(super) fn check_new_block(network: &Network, vpc: &Vpc, cidr: Ipv4Net) -> Result<(), AwsError> {
    for peering in network.peerings.values().filter(|row| has(row, &vpc.id)) {
        let (own, other) = sides(peering, &vpc.id);
        match peering.state {
            PeeringState::Active => {
                if let Some(block) = other.blocks.iter().find(|block| overlap(**block, cidr)) {
                    let message = format!(
                        "The CIDR '{cidr}' overlaps with {block} of {}, with which {} is peered by {}.",
                        other.vpc, vpc.id, peering.id
                    );
                    return Err(AwsError::new("InvalidVpc.Range", message));
                }
            }
            PeeringState::PendingAcceptance if own == &peering.requester => {
                let message = format!(
                    "{} waits for the answer to its request {}: it cannot have another CIDR block until then.",
                    vpc.id, peering.id
                );
                return Err(AwsError::new("OperationNotPermitted", message));
            }
            PeeringState::PendingAcceptance
            | PeeringState::Failed(_)
            | PeeringState::Expired
            | PeeringState::Rejected
            | PeeringState::Deleted(_) => {}
        }
    }
    Ok(())
}

/// A VPC's blocks changed: its live peering connections know it, and a pending one that overlaps now fails.
pub(super) fn blocks_changed(network: &mut Network, vpc: &VpcId, context: &Context<'_>) {
    let row = || network.vpcs.get(vpc).into_iter();
    let blocks: Vec<Ipv4Net> = row().flat_map(Vpc::cidrs).collect();
    let ipv6_blocks: Vec<Ipv6Block> = row().flat_map(Vpc::ipv6_cidrs).collect();
    for id in live(network, vpc) {
        let mut failed = None;
        if let Some(peering) = network.peerings.get_mut(&id) {
            let side = if peering.requester.vpc == *vpc {
                &mut peering.requester
            } else {
                &mut peering.accepter
            };
            side.blocks.clone_from(&blocks);
            side.ipv6_blocks.clone_from(&ipv6_blocks);
            if peering.state == PeeringState::PendingAcceptance {
                failed = overlapping(&peering.requester.blocks, &peering.accepter.blocks);
            }
        }
        if let Some((a, b)) = failed {
            let why = format!("{FAILED}: {a} of the requester overlaps with {b} of the accepter");
            end(network, &id, PeeringState::Failed(why), context.now);
        }
    }
}

/// A VPC is deleted: what it asked for is deleted, what it was asked for fails.
pub(super) fn vpc_is_gone(network: &mut Network, vpc: &VpcId, context: &Context<'_>) {
    for id in live(network, vpc) {
        let Some(peering) = network.peerings.get(&id) else {
            continue;
        };
        let state = if peering.requester.vpc == *vpc {
            PeeringState::Deleted(peering.requester.owner.clone())
        } else {
            PeeringState::Failed(format!("{FAILED}: {vpc} was deleted"))
        };
        end(network, &id, state, context.now);
    }
}

/// The VPC's own side, and the other one.
fn sides<'p>(peering: &'p Peering, vpc: &VpcId) -> (&'p PeeringSide, &'p PeeringSide) {
    if peering.requester.vpc == *vpc {
        return (&peering.requester, &peering.accepter);
    }
    (&peering.accepter, &peering.requester)
}

/// The pending and active connections of a VPC.
fn live(network: &Network, vpc: &VpcId) -> Vec<PeeringId> {
    let of = |row: &&Peering| has(row, vpc) && row.ended_at.is_none();
    network
        .peerings
        .values()
        .filter(of)
        .map(|row| row.id.clone())
        .collect()
}
