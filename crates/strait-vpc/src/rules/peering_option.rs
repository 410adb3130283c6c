//! Options of a peering connection's sides.

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::names;
use crate::rules::peering::find;
use crate::rules::{Caller, Context};
use crate::state::*;

pub(super) fn modify(
    network: &mut Network,
    caller: &Caller,
    request: &ModifyVpcPeeringConnectionOptionsRequest,
    context: &Context<'_>,
) -> Result<ModifyVpcPeeringConnectionOptionsResponse, AwsError> {
    let peering = find(
        network,
        caller,
        &request.vpc_peering_connection_id,
        context.now,
    )?;
    if peering.state != PeeringState::Active {
        let message = format!(
            "Peering {} is not active. Peering options can be added only to active peerings.",
            peering.id
        );
        return Err(AwsError::new("OperationNotPermitted", message));
    }
    let requester = option(
        network,
        peering,
        caller,
        &peering.requester,
        request.requester_peering_connection_options.as_ref(),
    )?;
    let accepter = option(
        network,
        peering,
        caller,
        &peering.accepter,
        request.accepter_peering_connection_options.as_ref(),
    )?;
    let id = peering.id.clone();
    if let Some(peering) = network.peerings.get_mut(&id) {
        peering.requester.allow_dns = requester.unwrap_or(peering.requester.allow_dns);
        peering.accepter.allow_dns = accepter.unwrap_or(peering.accepter.allow_dns);
    }
    let shown = |allow: bool| PeeringConnectionOptionsItem {
        allow_dns_resolution_from_remote_vpc: allow,
        ..Default::default()
    };
    Ok(ModifyVpcPeeringConnectionOptionsResponse {
        requester_peering_connection_options: requester.map(shown),
        accepter_peering_connection_options: accepter.map(shown),
    })
}

/// What one side's options shall be, if the call says anything of them and the caller may.
fn option(
    network: &Network,
    peering: &Peering,
    caller: &Caller,
    side: &PeeringSide,
    asked: Option<&PeeringConnectionOptionsRequest>,
) -> Result<Option<bool>, AwsError> {
    let Some(asked) = asked else {
        return Ok(None);
    };
    let classic = [
        asked.allow_egress_from_local_classic_link_to_remote_vpc,
        asked.allow_egress_from_local_vpc_to_remote_classic_link,
    ];
    if classic.contains(&Some(true)) {
        return Err(AwsError::unsupported("ClassicLink"));
    }
    let name = if *side == peering.requester {
        "requester"
    } else {
        "accepter"
    };
    let Some(allow) = asked.allow_dns_resolution_from_remote_vpc else {
        return Ok(Some(side.allow_dns));
    };
    if side.owner != caller.account {
        let message = format!(
            "User {} does not have permission to modify the {name} side peering options",
            caller.account
        );
        return Err(AwsError::new("OperationNotPermitted", message));
    }
    if side.region != caller.region {
        let message = format!(
            "The {name} side's options of {} are modified in region {}",
            peering.id, side.region
        );
        return Err(AwsError::new("OperationNotPermitted", message));
    }
    let hostnames = |vpc: &VpcId| {
        let vpc = network.vpcs.get(vpc);
        vpc.is_some_and(names::names_instances)
    };
    if allow
        && ![&peering.requester.vpc, &peering.accepter.vpc]
            .into_iter()
            .all(hostnames)
    {
        let message = format!(
            "Both VPCs of {} need DNS hostnames: set enableDnsHostnames of {} and {} first.",
            peering.id, peering.requester.vpc, peering.accepter.vpc
        );
        return Err(AwsError::new(
            "InvalidVpcPeeringConnectionState.DnsHostnamesDisabled",
            message,
        ));
    }
    Ok(Some(allow))
}
