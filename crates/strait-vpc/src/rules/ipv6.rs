//! IPv6 blocks of VPCs and subnets: <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html>. They are kept
//! and shown; no interface gets an address of one.

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::quota::{self, Quota};
use crate::rules::resource::Resource;
use crate::rules::{Caller, Context, check, peering_block, vpc};
use crate::state::*;

/// A block as a call writes it.
pub(super) fn block(text: &str, parameter: &str) -> Result<Ipv6Block, AwsError> {
    text.parse().map_err(|_| {
        let message = format!(
            "Value ({text}) for parameter {parameter} is invalid. This is not a valid IPv6 CIDR block."
        );
        AwsError::new("InvalidParameterValue", message)
    })
}

/// A /56 that no VPC has, for one that may have one more, and that none of its IPv6 routes lead into.
pub(super) fn free_block(
    network: &Network,
    vpc: Option<&Vpc>,
    context: &mut Context<'_>,
) -> Result<Ipv6Block, AwsError> {
    if let Some(vpc) = vpc {
        let most = quota::most(network, &vpc.owner, Quota::Ipv6CidrsPerVpc);
        if vpc.ipv6_blocks.len() >= most {
            let message = format!(
                "This network {} has met its maximum number of allowed CIDRs: {most}",
                vpc.id
            );
            return Err(AwsError::new("CidrLimitExceeded", message));
        }
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "any 32 of the random bits will do"
    )]
    let first = (context.random)() as u32;
    let of_vpcs = || network.vpcs.values().flat_map(Vpc::ipv6_cidrs);
    let is_own = |table: &&RouteTable| vpc.is_some_and(|vpc| table.vpc == vpc.id);
    let tables = || network.route_tables.values().filter(is_own);
    let routed = || tables().flat_map(|table| table.ipv6_routes.keys());
    let is_free = |block: &Ipv6Block| {
        !of_vpcs().any(|other| other == *block) && !routed().any(|route| block.contains(*route))
    };
    let mut blocks =
        (0..Ipv6Block::PROVIDED).map(|step| Ipv6Block::provided(first.wrapping_add(step)));
    blocks.find(is_free).ok_or_else(|| {
        AwsError::new(
            "InsufficientAddressCapacity",
            "No IPv6 block of this cloud is left.",
        )
    })
}

/// Gives a VPC a block, and its default group and ACL what AWS adds to them then.
pub(super) fn provide(
    network: &mut Network,
    id: &VpcId,
    block: Ipv6Block,
    context: &mut Context<'_>,
) -> VpcIpv6Block {
    let row = VpcIpv6Block {
        association: CidrAssociationId::from_random((context.random)()),
        block,
    };
    if let Some(vpc) = network.vpcs.get_mut(id) {
        vpc.ipv6_blocks.push(row.clone());
    }
    open_default_group(network, id, context);
    open_default_acl(network, id);
    peering_block::blocks_changed(network, id, context);
    row
}

/// Takes a block away from a VPC, if the association is that of an IPv6 block of the caller's.
pub(super) fn withdraw(
    network: &mut Network,
    caller: &Caller,
    association: &CidrAssociationId,
    context: &Context<'_>,
) -> Result<Option<(VpcId, VpcIpv6Block)>, AwsError> {
    let found = network
        .vpcs
        .values()
        .filter(|vpc| vpc.is_of(caller))
        .find_map(|vpc| {
            let row = vpc
                .ipv6_blocks
                .iter()
                .find(|row| row.association == *association)?;
            Some((vpc.id.clone(), row.clone()))
        });
    let Some((id, row)) = found else {
        return Ok(None);
    };
    if let Some(subnet) = subnets_in(network, &id, row.block).next() {
        let message = format!(
            "The vpc CIDR block {} has dependencies: take the block of subnet {} away first.",
            row.block, subnet.id
        );
        return Err(AwsError::new("DependencyViolation", message));
    }
    if let Some(vpc) = network.vpcs.get_mut(&id) {
        vpc.ipv6_blocks
            .retain(|other| other.association != *association);
    }
    peering_block::blocks_changed(network, &id, context);
    Ok(Some((id, row)))
}

pub(super) fn associate_subnet(
    network: &mut Network,
    caller: &Caller,
    request: &AssociateSubnetCidrBlockRequest,
    context: &mut Context<'_>,
) -> Result<AssociateSubnetCidrBlockResponse, AwsError> {
    let subnet = check::find_subnet(network, caller, &request.subnet_id)?;
    let Some(asked) = &request.ipv6_cidr_block else {
        return Err(AwsError::missing("ipv6CidrBlock"));
    };
    let asked = block(asked, "ipv6CidrBlock")?;
    if let Some(there) = &subnet.ipv6_block {
        let message = format!(
            "Subnet {} has an IPv6 CIDR block already, {}: a subnet has one at most.",
            subnet.id, there.block
        );
        return Err(AwsError::new("InvalidSubnet.Conflict", message));
    }
    let id = subnet.id.clone();
    let vpc = check::find_vpc(network, caller, subnet.vpc.as_str())?;
    check_subnet(network, vpc, asked)?;
    let row = of_subnet(asked, context);
    let answer = subnet_item(&row, "associating");
    if let Some(subnet) = network.subnets.get_mut(&id) {
        subnet.ipv6_block = Some(row);
    }
    Ok(AssociateSubnetCidrBlockResponse {
        subnet_id: id.to_string(),
        ipv6_cidr_block_association: answer,
    })
}

pub(super) fn disassociate_subnet(
    network: &mut Network,
    caller: &Caller,
    request: &DisassociateSubnetCidrBlockRequest,
) -> Result<DisassociateSubnetCidrBlockResponse, AwsError> {
    let asked = &request.association_id;
    let association: SubnetCidrAssociationId = asked.parse().map_err(|why: MalformedId| {
        let code = "InvalidSubnetCidrBlockAssociationId.Malformed";
        AwsError::new(code, why.to_string())
    })?;
    let found = network
        .subnets
        .values()
        .filter(|subnet| subnet.is_of(caller))
        .find_map(|subnet| {
            let row = subnet.ipv6_block.as_ref()?;
            (row.association == association).then(|| (subnet.id.clone(), row.clone()))
        });
    if let Some((id, row)) = &found
        && network
            .subnets
            .get(id)
            .is_some_and(|row| row.cidr.is_none())
    {
        let message = format!(
            "The subnet IPv6 CIDR block with association ID {} may not be disassociated, because its subnet has assign-ipv6-address-on-creation set to true.",
            row.association
        );
        return Err(AwsError::new("InvalidCidrBlock.InUse", message));
    }
    let Some((id, row)) = found else {
        let message = format!("The subnet CIDR block with association ID {asked} does not exist");
        return Err(AwsError::new(
            "InvalidSubnetCidrBlockAssociationID.NotFound",
            message,
        ));
    };
    if let Some(subnet) = network.subnets.get_mut(&id) {
        subnet.ipv6_block = None;
    }
    Ok(DisassociateSubnetCidrBlockResponse {
        subnet_id: id.to_string(),
        ipv6_cidr_block_association: subnet_item(&row, "disassociating"),
    })
}

/// Whether a subnet of this VPC may have the block: <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html>.
pub(super) fn check_subnet(network: &Network, vpc: &Vpc, asked: Ipv6Block) -> Result<(), AwsError> {
    let length = asked.prefix_len();
    if !(44..=64).contains(&length) || !length.is_multiple_of(4) {
        let message = format!("invalid value for parameter ipv6-cidr-block: {asked}");
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    if !vpc.ipv6_cidrs().any(|block| block.contains(asked)) {
        let message = format!("The IPv6 CIDR '{asked}' is invalid.");
        return Err(AwsError::new("InvalidSubnet.Range", message));
    }
    if subnets_in(network, &vpc.id, asked).next().is_some() {
        let message = format!("The IPv6 CIDR '{asked}' conflicts with another subnet");
        return Err(AwsError::new("InvalidSubnet.Conflict", message));
    }
    Ok(())
}

/// A subnet's block with an association of its own.
pub(super) fn of_subnet(block: Ipv6Block, context: &mut Context<'_>) -> SubnetIpv6Block {
    SubnetIpv6Block {
        association: SubnetCidrAssociationId::from_random((context.random)()),
        block,
    }
}

/// A VPC's block as it is shown.
pub(super) fn vpc_item(
    row: &VpcIpv6Block,
    region: &Region,
    state: &str,
) -> VpcIpv6CidrBlockAssociationItem {
    VpcIpv6CidrBlockAssociationItem {
        association_id: row.association.to_string(),
        ipv6_cidr_block: row.block.to_string(),
        ipv6_cidr_block_state: vpc::block_state(state),
        network_border_group: region.to_string(),
        ipv6_pool: POOL,
        ipv6_address_attribute: "public",
        ip_source: "amazon",
    }
}

/// A subnet's block as it is shown.
pub(super) fn subnet_item(
    row: &SubnetIpv6Block,
    state: &str,
) -> SubnetIpv6CidrBlockAssociationItem {
    SubnetIpv6CidrBlockAssociationItem {
        association_id: row.association.to_string(),
        ipv6_cidr_block: row.block.to_string(),
        ipv6_cidr_block_state: vpc::block_state(state),
        ipv6_address_attribute: "public",
        ip_source: "amazon",
    }
}

/// What filters on a VPC's blocks look at, by the part of the name after `ipv6-cidr-block-association.`.
pub(super) fn vpc_values(vpc: &Vpc, part: &str) -> Option<Vec<String>> {
    let each = |value: fn(&VpcIpv6Block) -> String| vpc.ipv6_blocks.iter().map(value).collect();
    match part {
        "ipv6-cidr-block" => Some(each(|row| row.block.to_string())),
        "ipv6-pool" => Some(each(|_| POOL.to_owned())),
        "association-id" => Some(each(|row| row.association.to_string())),
        "state" => Some(each(|_| "associated".to_owned())),
        _ => None,
    }
}

/// The same for a subnet's block.
pub(super) fn subnet_values(subnet: &Subnet, part: &str) -> Option<Vec<String>> {
    let each =
        |value: fn(&SubnetIpv6Block) -> String| subnet.ipv6_block.iter().map(value).collect();
    match part {
        "ipv6-cidr-block" => Some(each(|row| row.block.to_string())),
        "association-id" => Some(each(|row| row.association.to_string())),
        "state" => Some(each(|_| "associated".to_owned())),
        _ => None,
    }
}

/// Whether a VPC has an IPv6 block.
pub(super) fn has(network: &Network, vpc: &VpcId) -> bool {
    network
        .vpcs
        .get(vpc)
        .is_some_and(|vpc| !vpc.ipv6_blocks.is_empty())
}

/// The pool that all blocks are from.
const POOL: &str = "Amazon";

/// The default group lets IPv6 out too, if nobody has changed what it lets out.
fn open_default_group(network: &mut Network, vpc: &VpcId, context: &mut Context<'_>) {
    let is_default = |group: &&SecurityGroup| group.vpc == *vpc && group.name == "default";
    let Some(group) = network.security_groups.values().find(is_default) else {
        return;
    };
    let mut outward = group
        .rules
        .values()
        .filter(|rule| rule.direction == Direction::Egress);
    let everything = RulePeer::Cidr(ipnet::Ipv4Net::default());
    let first = outward
        .next()
        .filter(|rule| rule.traffic == Traffic::All && rule.peer == everything);
    let (Some(first), None) = (first, outward.next()) else {
        return;
    };
    let rule = SecurityGroupRule {
        peer: RulePeer::Cidr6(Ipv6Block::ALL),
        description: None,
        tags: Tags::new(),
        ..first.clone()
    };
    let id = group.id.clone();
    if let Some(group) = network.security_groups.get_mut(&id) {
        group
            .rules
            .insert(SecurityGroupRuleId::from_random((context.random)()), rule);
    }
}

/// The default ACL lets IPv6 in and out too, by entry 101, if nobody has changed its entries of that direction.
fn open_default_acl(network: &mut Network, vpc: &VpcId) {
    let is_default = |acl: &&NetworkAcl| acl.vpc == *vpc && acl.is_default;
    let Some(id) = network
        .network_acls
        .values()
        .find(is_default)
        .map(|acl| acl.id.clone())
    else {
        return;
    };
    let Some(acl) = network.network_acls.get_mut(&id) else {
        return;
    };
    for direction in [Direction::Ingress, Direction::Egress] {
        let original = vpc::allow_all(direction);
        let of_direction = |entry: &&AclEntry| entry.direction == direction;
        if acl.entries.iter().filter(of_direction).eq([&original]) {
            acl.entries.push(AclEntry {
                number: original.number + 1,
                cidr: AclRange::V6(Ipv6Block::ALL),
                ..original
            });
        }
    }
    acl.entries
        .sort_by_key(|entry| (entry.direction, entry.number));
}

fn subnets_in<'n>(
    network: &'n Network,
    vpc: &VpcId,
    block: Ipv6Block,
) -> impl Iterator<Item = &'n Subnet> {
    let vpc = vpc.clone();
    network.subnets.values().filter(move |subnet| {
        let overlaps = |row: &SubnetIpv6Block| row.block.overlaps(block);
        subnet.vpc == vpc && subnet.ipv6_block.as_ref().is_some_and(overlaps)
    })
}
