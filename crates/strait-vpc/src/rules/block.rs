//! Further CIDR blocks of a VPC, and which ranges may be in one.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::check::{self, overlap};
use crate::rules::quota::{self, Quota};
use crate::rules::resource::{Resource, find_id};
use crate::rules::{Caller, Context, ipv6, peering_block, vpc};
use crate::state::*;

pub(super) fn associate(
    network: &mut Network,
    caller: &Caller,
    request: &AssociateVpcCidrBlockRequest,
    context: &mut Context<'_>,
) -> Result<AssociateVpcCidrBlockResponse, AwsError> {
    let vpc = check::find_vpc(network, caller, &request.vpc_id)?;
    let ipv6 = request.amazon_provided_ipv6_cidr_block == Some(true);
    let cidr = match (&request.cidr_block, ipv6) {
        (Some(cidr), false) => cidr,
        (None, true) => {
            let id = vpc.id.clone();
            let block = ipv6::free_block(network, Some(vpc), context)?;
            let row = ipv6::provide(network, &id, block, context);
            let item = ipv6::vpc_item(&row, &caller.region, "associating");
            return Ok(AssociateVpcCidrBlockResponse {
                vpc_id: id.to_string(),
                ipv6_cidr_block_association: Some(item),
                ..Default::default()
            });
        }
        (Some(_), true) => {
            let message =
                "A call associates one block: give cidrBlock or amazonProvidedIpv6CidrBlock.";
            return Err(AwsError::new("InvalidParameterCombination", message));
        }
        (None, false) => return Err(AwsError::missing("cidrBlock")),
    };
    let cidr = check::cidr(cidr, "cidrBlock")?;
    let most = quota::most(network, &caller.account, Quota::CidrsPerVpc);
    if vpc.blocks.len() >= most {
        let message = format!(
            "This network {} has met its maximum number of allowed CIDRs: {most}",
            vpc.id
        );
        return Err(AwsError::new("CidrLimitExceeded", message));
    }
    check_size(cidr)?;
    if let Some(own) = vpc.cidrs().find(|own| overlap(*own, cidr)) {
        let message = format!(
            "The CIDR '{cidr}' overlaps with {own}, which {} has already.",
            vpc.id
        );
        return Err(AwsError::new("InvalidVpc.Range", message));
    }
    check_mix(vpc, cidr)?;
    check_routes(network, vpc, cidr)?;
    peering_block::check_new_block(network, vpc, cidr)?;
    let id = vpc.id.clone();
    let block = CidrBlock {
        association: CidrAssociationId::from_random((context.random)()),
        cidr,
    };
    let answer = vpc::block_item(&block, "associating");
    if let Some(vpc) = network.vpcs.get_mut(&id) {
        vpc.blocks.push(block);
    }
    peering_block::blocks_changed(network, &id, context);
    Ok(AssociateVpcCidrBlockResponse {
        vpc_id: id.to_string(),
        cidr_block_association: Some(answer),
        ..Default::default()
    })
}

pub(super) fn disassociate(
    network: &mut Network,
    caller: &Caller,
    request: &DisassociateVpcCidrBlockRequest,
    context: &mut Context<'_>,
) -> Result<DisassociateVpcCidrBlockResponse, AwsError> {
    let asked = &request.association_id;
    let missing = || {
        let message = format!("The vpc CIDR block association ID '{asked}' does not exist");
        AwsError::new("InvalidVpcCidrBlockAssociationID.NotFound", message)
    };
    let association: CidrAssociationId = asked.parse().map_err(|why: MalformedId| {
        AwsError::new(
            "InvalidVpcCidrBlockAssociationId.Malformed",
            why.to_string(),
        )
    })?;
    if let Some((id, row)) = ipv6::withdraw(network, caller, &association, context)? {
        let item = ipv6::vpc_item(&row, &caller.region, "disassociating");
        return Ok(DisassociateVpcCidrBlockResponse {
            vpc_id: id.to_string(),
            ipv6_cidr_block_association: Some(item),
            ..Default::default()
        });
    }
    let of = |vpc: &&Vpc| {
        vpc.is_of(caller)
            && vpc
                .blocks
                .iter()
                .any(|block| block.association == association)
    };
    let vpc = network.vpcs.values().find(of).ok_or_else(missing)?;
    let block = vpc
        .blocks
        .iter()
        .find(|block| block.association == association)
        .ok_or_else(missing)?
        .clone();
    if vpc.blocks.first() == Some(&block) {
        let message = format!(
            "The vpc CIDR block with association ID {association} may not be disassociated. It is the primary IPv4 CIDR block of the VPC"
        );
        return Err(AwsError::new("OperationNotPermitted", message));
    }
    if let Some(subnet) = network
        .subnets
        .values()
        .find(|row| row.vpc == vpc.id && row.cidr.is_some_and(|cidr| block.cidr.contains(&cidr)))
    {
        let message = format!(
            "The vpc CIDR block {} has dependencies: delete subnet {} first.",
            block.cidr, subnet.id
        );
        return Err(AwsError::new("DependencyViolation", message));
    }
    let id = find_id::<Vpc>(network, caller, vpc.id.as_str())?;
    if let Some(vpc) = network.vpcs.get_mut(&id) {
        vpc.blocks.retain(|row| row.association != association);
    }
    peering_block::blocks_changed(network, &id, context);
    let answer = vpc::block_item(&block, "disassociating");
    Ok(DisassociateVpcCidrBlockResponse {
        vpc_id: id.to_string(),
        cidr_block_association: Some(answer),
        ..Default::default()
    })
}

/// A VPC's block is a /16 at most and a /28 at least.
pub(super) fn check_size(cidr: Ipv4Net) -> Result<(), AwsError> {
    let link_local = net(169, 254, 16);
    if (16..=28).contains(&cidr.prefix_len()) && !overlap(cidr, link_local) {
        return Ok(());
    }
    let message = format!("The CIDR '{cidr}' is invalid.");
    Err(AwsError::new("InvalidVpc.Range", message))
}

/// Which ranges AWS lets a VPC have together, by its primary block:
/// <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html>.
fn check_mix(vpc: &Vpc, cidr: Ipv4Net) -> Result<(), AwsError> {
    let ten = Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8);
    let twenty_bits = Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12);
    let (sixteen_bits, benchmark) = (net(192, 168, 16), net(198, 19, 16));
    let primary = vpc.primary();
    let mut refused = vec![benchmark];
    if ten.contains(&primary) {
        refused.extend([twenty_bits, sixteen_bits]);
        if vpc.cidrs().any(|own| net(10, 0, 15).contains(&own)) {
            refused.push(net(10, 0, 16));
        }
    } else if twenty_bits.contains(&primary) {
        refused.extend([ten, sixteen_bits, net(172, 31, 16)]);
    } else if sixteen_bits.contains(&primary) {
        refused.extend([ten, twenty_bits]);
    } else if benchmark.contains(&primary) {
        refused = vec![ten, twenty_bits, sixteen_bits];
    } else {
        refused.extend([ten, twenty_bits, sixteen_bits]);
    }
    let Some(range) = refused.into_iter().find(|range| range.contains(&cidr)) else {
        return Ok(());
    };
    let message = format!(
        "The CIDR '{cidr}' is restricted. A VPC whose primary block is {primary} cannot have a block from {range}."
    );
    Err(AwsError::new("InvalidVpc.Range", message))
}

/// A block must be smaller than every destination of the VPC's routes that lies in it.
fn check_routes(network: &Network, vpc: &Vpc, cidr: Ipv4Net) -> Result<(), AwsError> {
    for table in network
        .route_tables
        .values()
        .filter(|table| table.vpc == vpc.id)
    {
        if let Some(destination) = table
            .routes
            .keys()
            .find(|destination| cidr.contains(*destination))
        {
            let message = format!(
                "The CIDR '{cidr}' is the same as or larger than the destination {destination} of a route in {}. Delete that route first.",
                table.id
            );
            return Err(AwsError::new("InvalidVpc.Range", message));
        }
    }
    Ok(())
}

fn net(a: u8, b: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, 0, 0), length)
}
