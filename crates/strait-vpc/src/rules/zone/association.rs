//! VPCs of private zones, of one's own account and of others.

use std::collections::BTreeSet;

use super::{any_vpc, changed, find, find_any, invalid_input, vpc_item};
use crate::api::*;
use crate::error::{AwsError, Fault};
use crate::id::*;
use crate::rules::quota::{self, Quota};
use crate::rules::{Caller, Context, endpoint};
use crate::state::*;

/// Associates a VPC of the caller's: with a zone of its own, or with one whose owner authorised it.
pub(in crate::rules) fn associate(
    network: &mut Network,
    caller: &Caller,
    request: &AssociateVpcWithHostedZoneRequest,
    context: &mut Context<'_>,
) -> Result<Changed, AwsError> {
    let zone = find_any(network, &request.hosted_zone_id)?;
    let (vpc, owner) = any_vpc(network, &request.vpc)?;
    let ZoneReach::Private { vpcs, authorized } = &zone.reach else {
        let message = "You're trying to associate a VPC with a public hosted zone. Amazon Route 53 doesn't support associating a VPC with a public hosted zone.";
        return Err(AwsError::new("PublicZoneVPCAssociation", message));
    };
    let may =
        owner == caller.account && (zone.owner == caller.account || authorized.contains(&vpc));
    if !may {
        let message = format!(
            "The VPC: {} that you provided is not authorized to make the association.",
            vpc.vpc
        );
        return Err(AwsError::with_fault(
            "NotAuthorizedException",
            message,
            Fault::Identity,
        ));
    }
    check_free(network, &vpc, &zone.name)?;
    // Whoever associates it, the zone's owner has that many.
    quota::within(
        network,
        &zone.owner,
        Quota::VpcsPerHostedZone,
        vpcs.len() + 1,
    )?;
    let mut zone = zone.clone();
    if let ZoneReach::Private { vpcs, .. } = &mut zone.reach {
        vpcs.insert(vpc);
    }
    network.hosted_zones.insert(zone.id.clone(), zone);
    Ok(Changed {
        change_info: changed(network, caller, request.comment.as_deref(), context),
    })
}

/// Takes a VPC away; its owner and the zone's may. The last one stays.
pub(in crate::rules) fn disassociate(
    network: &mut Network,
    caller: &Caller,
    request: &DisassociateVpcFromHostedZoneRequest,
    context: &mut Context<'_>,
) -> Result<Changed, AwsError> {
    let zone = find_any(network, &request.hosted_zone_id)?;
    let associated = match &zone.reach {
        ZoneReach::Public => None,
        ZoneReach::Private { vpcs, .. } => Some(vpcs),
    };
    let wanted = named_vpc(associated, &request.vpc)?;
    let vpc = network.vpcs.get(&wanted.id);
    if vpc.is_none_or(|vpc| vpc.owner != caller.account) {
        find(network, caller, &request.hosted_zone_id)?;
    }
    let (Some(associated), Some(found)) = (associated, wanted.found) else {
        let message = format!(
            "The VPC: {} is not associated with the hosted zone {}.",
            wanted.id, zone.id
        );
        let fault = Fault::NotFound;
        return Err(AwsError::with_fault(
            "VPCAssociationNotFound",
            message,
            fault,
        ));
    };
    if associated.len() == 1 {
        let message = "The VPC that you're trying to disassociate from the private hosted zone is the last VPC that is associated with the hosted zone. Amazon Route 53 doesn't support disassociating the last VPC from a hosted zone.";
        return Err(AwsError::new("LastVPCAssociation", message));
    }
    let mut zone = zone.clone();
    if let ZoneReach::Private { vpcs, .. } = &mut zone.reach {
        vpcs.remove(&found);
    }
    network.hosted_zones.insert(zone.id.clone(), zone);
    Ok(Changed {
        change_info: changed(network, caller, request.comment.as_deref(), context),
    })
}

/// Lets the owner of a VPC associate it.
pub(in crate::rules) fn authorize(
    network: &mut Network,
    caller: &Caller,
    request: &CreateVpcAssociationAuthorizationRequest,
) -> Result<CreateVpcAssociationAuthorizationResponse, AwsError> {
    let mut zone = find(network, caller, &request.hosted_zone_id)?.clone();
    let (vpc, _) = any_vpc(network, &request.vpc)?;
    let ZoneReach::Private { authorized, .. } = &mut zone.reach else {
        return Err(invalid_input(
            "The hosted zone is public: VPCs are associated with private ones only.",
        ));
    };
    let answer = CreateVpcAssociationAuthorizationResponse {
        hosted_zone_id: zone.id.to_string(),
        vpc: vpc_item(&vpc),
    };
    authorized.insert(vpc);
    quota::within(
        network,
        &caller.account,
        Quota::AuthorizationsPerHostedZone,
        authorized.len(),
    )?;
    network.hosted_zones.insert(zone.id.clone(), zone);
    Ok(answer)
}

/// Takes such a leave back. A VPC that is associated stays so.
pub(in crate::rules) fn deauthorize(
    network: &mut Network,
    caller: &Caller,
    request: &DeleteVpcAssociationAuthorizationRequest,
) -> Result<Nothing, AwsError> {
    let mut zone = find(network, caller, &request.hosted_zone_id)?.clone();
    let authorized = match &mut zone.reach {
        ZoneReach::Public => None,
        ZoneReach::Private { authorized, .. } => Some(authorized),
    };
    let wanted = named_vpc(authorized.as_deref(), &request.vpc)?;
    let taken = authorized.zip(wanted.found);
    let taken = taken.is_some_and(|(authorized, found)| authorized.remove(&found));
    if !taken {
        let message = format!(
            "The VPC: {} is not authorized to be associated with the hosted zone {}.",
            wanted.id, zone.id
        );
        return Err(AwsError::with_fault(
            "VPCAssociationAuthorizationNotFound",
            message,
            Fault::NotFound,
        ));
    }
    network.hosted_zones.insert(zone.id.clone(), zone);
    Ok(Nothing {})
}

pub(in crate::rules) fn list_authorizations(
    network: &Network,
    caller: &Caller,
    request: &ListVpcAssociationAuthorizationsRequest,
) -> Result<ListVpcAssociationAuthorizationsResponse, AwsError> {
    let zone = find(network, caller, &request.hosted_zone_id)?;
    let none = BTreeSet::new();
    let authorized = match &zone.reach {
        ZoneReach::Public => &none,
        ZoneReach::Private { authorized, .. } => authorized,
    };
    let size = super::list::page_size(request.max_results.as_deref(), 50)?;
    let rows: Vec<&ZoneVpc> = authorized.iter().collect();
    let key = |vpc: &&ZoneVpc| vpc.vpc.to_string();
    let page = super::list::page(rows, size, request.next_token.as_deref(), key);
    Ok(ListVpcAssociationAuthorizationsResponse {
        hosted_zone_id: zone.id.to_string(),
        next_token: page.next,
        vpcs: page.items.into_iter().map(vpc_item).collect(),
    })
}

/// A VPC may be answered from one zone of a name only; one that is made for an endpoint's private name counts as well.
pub(super) fn check_free(
    network: &Network,
    vpc: &ZoneVpc,
    name: &DomainName,
) -> Result<(), AwsError> {
    let mut zones = network.hosted_zones.values();
    let taken = zones.find(|zone| zone.name == *name && zone.has_vpc(&vpc.vpc));
    let taken = taken.map(|zone| zone.id.clone());
    let Some(zone) = taken.or_else(|| endpoint::zone_made(network, &vpc.vpc, name)) else {
        return Ok(());
    };
    let message = format!(
        "The VPC {} in region {} has already been associated with the hosted zone {zone} with the same domain name.",
        vpc.vpc, vpc.region
    );
    Err(AwsError::new("ConflictingDomainExists", message))
}

/// Of these VPCs the one that is meant, whether it is there or not: one that was deleted can still be taken away.
fn named_vpc(vpcs: Option<&BTreeSet<ZoneVpc>>, vpc: &VpcInput) -> Result<Named, AwsError> {
    let id = super::vpc_id(vpc)?;
    let id: VpcId = id.parse().map_err(|_| super::no_vpc(id))?;
    let region = vpc.vpc_region.as_deref();
    let is_meant =
        |one: &&ZoneVpc| one.vpc == id && region.is_none_or(|region| region == one.region.as_str());
    Ok(Named {
        found: vpcs.into_iter().flatten().find(is_meant).cloned(),
        id,
    })
}

struct Named {
    id: VpcId,
    found: Option<ZoneVpc>,
}
