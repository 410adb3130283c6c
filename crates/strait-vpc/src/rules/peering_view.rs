//! How a peering connection looks from one side, and how long it does.

use jiff::{SignedDuration, Timestamp};

use crate::api::*;
use crate::id::*;
use crate::rules::Caller;
use crate::rules::peering::state_at;
use crate::state::*;

/// How long an ended connection is shown: the longer and the shorter time.
const TWO_DAYS: SignedDuration = SignedDuration::from_hours(48);
const TWO_HOURS: SignedDuration = SignedDuration::from_hours(2);

/// Whether the caller's account has a side of it in the Region of the call, and it is shown there still.
pub(super) fn sees(peering: &Peering, caller: &Caller, now: Timestamp) -> bool {
    let sides = [&peering.requester, &peering.accepter];
    let here = sides
        .into_iter()
        .any(|side| side.owner == caller.account && side.region == caller.region);
    here && visible_for(peering, &caller.account, now)
}

/// Whether an account has a side of it and is shown it still:
/// <https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html#vpc-peering-lifecycle>.
pub(super) fn visible_for(peering: &Peering, account: &AccountId, now: Timestamp) -> bool {
    let (requester, accepter) = (
        peering.requester.owner == *account,
        peering.accepter.owner == *account,
    );
    if !requester && !accepter {
        return false;
    }
    let shown = match state_at(peering, now) {
        PeeringState::PendingAcceptance | PeeringState::Active => return true,
        PeeringState::Failed(_) if !requester => return false,
        PeeringState::Failed(_) => TWO_HOURS,
        PeeringState::Expired => TWO_DAYS,
        PeeringState::Rejected | PeeringState::Deleted(_) if requester && accepter => TWO_HOURS,
        PeeringState::Rejected => {
            if requester {
                TWO_DAYS
            } else {
                TWO_HOURS
            }
        }
        PeeringState::Deleted(by) => {
            if by == *account {
                TWO_HOURS
            } else {
                TWO_DAYS
            }
        }
    };
    now < peering.ended_at.unwrap_or(peering.expires_at) + shown
}

/// The caller's side; the requester's if both are.
pub(super) fn view<'p>(peering: &'p Peering, caller: &Caller) -> &'p PeeringSide {
    let own = |side: &PeeringSide| side.owner == caller.account && side.region == caller.region;
    if !own(&peering.requester) && own(&peering.accepter) {
        return &peering.accepter;
    }
    &peering.requester
}

/// The code of a state.
pub(super) fn code(state: &PeeringState) -> &'static str {
    match state {
        PeeringState::PendingAcceptance => "pending-acceptance",
        PeeringState::Active => "active",
        PeeringState::Failed(_) => "failed",
        PeeringState::Expired => "expired",
        PeeringState::Rejected => "rejected",
        PeeringState::Deleted(_) => "deleted",
    }
}

/// A connection as the caller sees it. The accepter's blocks are hidden until it accepts.
pub(super) fn item(peering: &Peering, caller: &Caller, now: Timestamp) -> VpcPeeringConnectionItem {
    let state = state_at(peering, now);
    let accepted = match state {
        PeeringState::Active | PeeringState::Deleted(_) => true,
        PeeringState::PendingAcceptance
        | PeeringState::Failed(_)
        | PeeringState::Expired
        | PeeringState::Rejected => false,
    };
    VpcPeeringConnectionItem {
        vpc_peering_connection_id: peering.id.to_string(),
        requester_vpc_info: side(&peering.requester, true),
        accepter_vpc_info: side(&peering.accepter, accepted),
        status: VpcPeeringConnectionStateReasonItem {
            code: code(&state).to_owned(),
            message: message(peering, &state),
        },
        expiration_time: (state == PeeringState::PendingAcceptance).then_some(peering.expires_at),
        tags: tag_set(&view(peering, caller).tags),
    }
}

/// What filters look at.
pub(super) fn filter_values(peering: &Peering, name: &str, now: Timestamp) -> Option<Vec<String>> {
    let blocks = |side: &PeeringSide| side.blocks.iter().map(ToString::to_string).collect();
    let state = state_at(peering, now);
    let values = match name {
        "vpc-peering-connection-id" => vec![peering.id.to_string()],
        "requester-vpc-info.cidr-block" => blocks(&peering.requester),
        "requester-vpc-info.owner-id" => vec![peering.requester.owner.to_string()],
        "requester-vpc-info.vpc-id" => vec![peering.requester.vpc.to_string()],
        "accepter-vpc-info.cidr-block" => match state {
            PeeringState::Active | PeeringState::Deleted(_) => blocks(&peering.accepter),
            PeeringState::PendingAcceptance
            | PeeringState::Failed(_)
            | PeeringState::Expired
            | PeeringState::Rejected => Vec::new(),
        },
        "accepter-vpc-info.owner-id" => vec![peering.accepter.owner.to_string()],
        "accepter-vpc-info.vpc-id" => vec![peering.accepter.vpc.to_string()],
        "expiration-time" => vec![peering.expires_at.to_string()],
        "status-code" => vec![code(&state).to_owned()],
        "status-message" => vec![message(peering, &state)],
        _ => return None,
    };
    Some(values)
}

fn message(peering: &Peering, state: &PeeringState) -> String {
    match state {
        PeeringState::PendingAcceptance => {
            format!("Pending Acceptance by {}", peering.accepter.owner)
        }
        PeeringState::Active => "Active".to_owned(),
        PeeringState::Failed(why) => why.clone(),
        PeeringState::Expired => "Expired".to_owned(),
        PeeringState::Rejected => format!("Rejected by {}", peering.accepter.owner),
        PeeringState::Deleted(by) => format!("Deleted by {by}"),
    }
}

fn side(side: &PeeringSide, shown: bool) -> VpcPeeringConnectionVpcInfoItem {
    let blocks = || {
        side.blocks.iter().map(|block| CidrBlockItem {
            cidr_block: block.to_string(),
        })
    };
    let ipv6_blocks = || {
        side.ipv6_blocks.iter().map(|block| Ipv6CidrBlockItem {
            ipv6_cidr_block: block.to_string(),
        })
    };
    let options = VpcPeeringConnectionOptionsDescriptionItem {
        allow_dns_resolution_from_remote_vpc: side.allow_dns,
        ..Default::default()
    };
    VpcPeeringConnectionVpcInfoItem {
        owner_id: side.owner.to_string(),
        vpc_id: side.vpc.to_string(),
        region: side.region.to_string(),
        cidr_block: side
            .blocks
            .first()
            .filter(|_| shown)
            .map(ToString::to_string),
        cidr_block_set: shown.then(|| blocks().collect()),
        ipv6_cidr_block_set: (shown && !side.ipv6_blocks.is_empty())
            .then(|| ipv6_blocks().collect()),
        peering_options: shown.then_some(options),
    }
}
