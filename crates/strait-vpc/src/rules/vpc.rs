//! VPCs and their CIDR blocks.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::quota::{self, Quota};
use crate::rules::resource::{Resource, chosen, find, find_id};
use crate::rules::{Caller, Context, block, check, filter, ipv6, peering_block, region, tenant};
use crate::state::*;

pub(super) fn create(
    network: &mut Network,
    caller: &Caller,
    request: &CreateVpcRequest,
    context: &mut Context<'_>,
) -> Result<CreateVpcResponse, AwsError> {
    let Some(cidr) = &request.cidr_block else {
        return Err(AwsError::missing("cidrBlock"));
    };
    let cidr = check::cidr(cidr, "cidrBlock")?;
    block::check_size(cidr)?;
    let tenancy = match request.instance_tenancy.as_deref() {
        None | Some("default") => "default",
        Some("dedicated") => "dedicated",
        Some(other) => {
            let message = format!(
                "Value ({other}) for parameter instanceTenancy is invalid. Use default or dedicated."
            );
            return Err(AwsError::new("InvalidParameterValue", message));
        }
    };
    let tags = check::tags_from(&request.tag_specifications, Vpc::KIND)?;
    let owned = network
        .vpcs
        .values()
        .filter(|vpc| vpc.is_of(caller))
        .count();
    quota::within(network, &caller.account, Quota::VpcsPerRegion, owned + 1)?;
    let ipv6_block = match request.amazon_provided_ipv6_cidr_block {
        Some(true) => Some(ipv6::free_block(network, None, context)?),
        Some(false) | None => None,
    };
    let new = NewVpc {
        cidr,
        is_default: false,
        tenancy,
        tags,
    };
    let id = make(network, caller, new, context);
    if let Some(block) = ipv6_block {
        ipv6::provide(network, &id, block, context);
    }
    let vpc = find::<Vpc>(network, caller, id.as_str())?;
    let ipv6 = |row| ipv6::vpc_item(row, &vpc.region, "associating");
    Ok(CreateVpcResponse {
        vpc: VpcItem {
            state: "pending".to_owned(),
            ipv6_cidr_block_association_set: vpc.ipv6_blocks.iter().map(ipv6).collect(),
            ..item(vpc)
        },
    })
}

pub(super) fn create_default(
    network: &mut Network,
    caller: &Caller,
    context: &mut Context<'_>,
) -> Result<CreateDefaultVpcResponse, AwsError> {
    if default_vpc(network, caller).is_some() {
        let message = "A Default VPC already exists for this account in this region.";
        return Err(AwsError::new("DefaultVpcAlreadyExists", message));
    }
    let owned = network
        .vpcs
        .values()
        .filter(|vpc| vpc.is_of(caller))
        .count();
    quota::within(network, &caller.account, Quota::VpcsPerRegion, owned + 1)?;
    let id = tenant::make_default_vpc(network, caller, context)?;
    let vpc = find::<Vpc>(network, caller, id.as_str())?;
    Ok(CreateDefaultVpcResponse {
        vpc: VpcItem {
            state: "pending".to_owned(),
            ..item(vpc)
        },
    })
}

pub(super) fn describe(
    network: &Network,
    caller: &Caller,
    request: &DescribeVpcsRequest,
) -> Result<DescribeVpcsResponse, AwsError> {
    let mut shown = Vec::new();
    for vpc in chosen::<Vpc>(network, caller, &request.vpc_ids)? {
        if filter::matches(&request.filters, &vpc.tags, |name| filter_values(vpc, name))? {
            shown.push(item(vpc));
        }
    }
    let page = filter::page(
        shown,
        request.max_results,
        request.next_token.as_deref(),
        &request.vpc_ids,
    )?;
    Ok(DescribeVpcsResponse {
        vpcs: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

pub(super) fn delete(
    network: &mut Network,
    caller: &Caller,
    request: &DeleteVpcRequest,
    context: &mut Context<'_>,
) -> Result<DeleteVpcResponse, AwsError> {
    let id = find_id::<Vpc>(network, caller, &request.vpc_id)?;
    if is_used(network, &id) {
        let message = format!("The vpc '{id}' has dependencies and cannot be deleted.");
        return Err(AwsError::new("DependencyViolation", message));
    }
    peering_block::vpc_is_gone(network, &id, context);
    network
        .security_groups
        .remove_where(|_, group| group.vpc == id);
    network.network_acls.remove_where(|_, acl| acl.vpc == id);
    network
        .route_tables
        .remove_where(|_, table| table.vpc == id);
    network.vpcs.remove(&id);
    Ok(DeleteVpcResponse(Done::YES))
}

pub(super) fn modify_attribute(
    network: &mut Network,
    caller: &Caller,
    request: &ModifyVpcAttributeRequest,
) -> Result<ModifyVpcAttributeResponse, AwsError> {
    let id = find_id::<Vpc>(network, caller, &request.vpc_id)?;
    let asked = [
        &request.enable_dns_support,
        &request.enable_dns_hostnames,
        &request.enable_network_address_usage_metrics,
    ];
    match asked.iter().filter(|attribute| attribute.is_some()).count() {
        1 => {}
        0 => {
            return Err(AwsError::missing(
                "EnableDnsSupport or EnableDnsHostnames or EnableNetworkAddressUsageMetrics",
            ));
        }
        _ => {
            let message = "A call changes one attribute. Make a call for each.";
            return Err(AwsError::new("InvalidParameterCombination", message));
        }
    }
    let wanted = |attribute: &Option<AttributeBooleanValue>| {
        attribute.as_ref().and_then(|asked| asked.value)
    };
    if let Some(vpc) = network.vpcs.get_mut(&id) {
        vpc.dns_support = wanted(&request.enable_dns_support).unwrap_or(vpc.dns_support);
        vpc.dns_hostnames = wanted(&request.enable_dns_hostnames).unwrap_or(vpc.dns_hostnames);
        vpc.usage_metrics =
            wanted(&request.enable_network_address_usage_metrics).unwrap_or(vpc.usage_metrics);
    }
    Ok(ModifyVpcAttributeResponse(Done::YES))
}

pub(super) fn describe_attribute(
    network: &Network,
    caller: &Caller,
    request: &DescribeVpcAttributeRequest,
) -> Result<DescribeVpcAttributeResponse, AwsError> {
    let vpc = check::find_vpc(network, caller, &request.vpc_id)?;
    let mut answer = DescribeVpcAttributeResponse {
        vpc_id: vpc.id.to_string(),
        ..Default::default()
    };
    let value = |value| Some(AttributeBooleanValueItem { value });
    match request.attribute.as_str() {
        "enableDnsSupport" => answer.enable_dns_support = value(vpc.dns_support),
        "enableDnsHostnames" => answer.enable_dns_hostnames = value(vpc.dns_hostnames),
        "enableNetworkAddressUsageMetrics" => {
            answer.enable_network_address_usage_metrics = value(vpc.usage_metrics);
        }
        other => {
            let message =
                format!("Value ({other}) for parameter attribute is invalid. Unknown attribute.");
            return Err(AwsError::new("InvalidParameterValue", message));
        }
    }
    Ok(answer)
}

/// A VPC to be made; its block has been checked.
pub(super) struct NewVpc<'a> {
    /// Its primary block.
    pub(super) cidr: Ipv4Net,
    /// Whether it is the Region's default one.
    pub(super) is_default: bool,
    /// `default` or `dedicated`.
    pub(super) tenancy: &'a str,
    /// Its tags.
    pub(super) tags: Tags,
}

/// Makes a VPC with its main route table, default group and default ACL.
pub(super) fn make(
    network: &mut Network,
    caller: &Caller,
    new: NewVpc<'_>,
    context: &mut Context<'_>,
) -> VpcId {
    let mut bits = || (context.random)();
    let (owner, region) = (caller.account.clone(), caller.region.clone());
    let id = VpcId::from_random(bits());
    let association = CidrAssociationId::from_random(bits());
    let table = RouteTable {
        id: RouteTableId::from_random(bits()),
        vpc: id.clone(),
        owner: owner.clone(),
        region: region.clone(),
        index: network.next_link(),
        routes: BTreeMap::new(),
        list_routes: BTreeMap::new(),
        ipv6_routes: BTreeMap::new(),
        associations: BTreeMap::from([(
            RouteTableAssociationId::from_random(bits()),
            RouteTableUse::Main,
        )]),
        tags: Tags::new(),
    };
    let acl = NetworkAcl {
        id: NetworkAclId::from_random(bits()),
        vpc: id.clone(),
        owner: owner.clone(),
        region: region.clone(),
        is_default: true,
        entries: [Direction::Ingress, Direction::Egress]
            .map(allow_all)
            .to_vec(),
        associations: BTreeMap::new(),
        tags: Tags::new(),
    };
    let group_id = SecurityGroupId::from_random(bits());
    let rule = |direction, peer| SecurityGroupRule {
        direction,
        traffic: Traffic::All,
        peer,
        description: None,
        place: 0,
        tags: Tags::new(),
    };
    let itself = RulePeer::Group {
        id: group_id.clone(),
        owner: owner.clone(),
        peering: None,
    };
    let rules = BTreeMap::from([
        (
            SecurityGroupRuleId::from_random(bits()),
            rule(Direction::Ingress, itself),
        ),
        (
            SecurityGroupRuleId::from_random(bits()),
            rule(Direction::Egress, RulePeer::Cidr(Ipv4Net::default())),
        ),
    ]);
    let group = SecurityGroup {
        id: group_id,
        vpc: id.clone(),
        owner: owner.clone(),
        region: region.clone(),
        name: "default".to_owned(),
        description: "default VPC security group".to_owned(),
        rules,
        tags: Tags::new(),
    };
    let vpc = Vpc {
        id: id.clone(),
        owner,
        region,
        blocks: vec![CidrBlock {
            association,
            cidr: new.cidr,
        }],
        ipv6_blocks: Vec::new(),
        is_default: new.is_default,
        dns_support: true,
        dns_hostnames: new.is_default,
        usage_metrics: false,
        tenancy: new.tenancy.to_owned(),
        dhcp_options: region::dhcp_options(caller),
        created_at: context.now,
        tags: new.tags,
    };
    network.route_tables.insert(table.id.clone(), table);
    network.network_acls.insert(acl.id.clone(), acl);
    network.security_groups.insert(group.id.clone(), group);
    network.vpcs.insert(id.clone(), vpc);
    id
}

/// The main route table of a VPC.
pub(super) fn main_table<'n>(network: &'n Network, vpc: &VpcId) -> Option<&'n RouteTable> {
    let mut tables = network
        .route_tables
        .values()
        .filter(|table| table.vpc == *vpc);
    tables.find(|table| {
        table
            .associations
            .values()
            .any(|user| *user == RouteTableUse::Main)
    })
}

/// The caller's default VPC in the Region.
pub(super) fn default_vpc<'n>(network: &'n Network, caller: &Caller) -> Option<&'n Vpc> {
    network
        .vpcs
        .values()
        .find(|vpc| vpc.is_of(caller) && vpc.is_default)
}

/// A VPC's block as it is shown.
pub(super) fn block_item(block: &CidrBlock, state: &str) -> VpcCidrBlockAssociationItem {
    VpcCidrBlockAssociationItem {
        association_id: block.association.to_string(),
        cidr_block: block.cidr.to_string(),
        cidr_block_state: block_state(state),
    }
}

/// The state of a block as it is shown.
pub(super) fn block_state(state: &str) -> VpcCidrBlockStateItem {
    VpcCidrBlockStateItem {
        state: state.to_owned(),
        status_message: None,
    }
}

/// The entry by which a default ACL allows everything.
pub(super) fn allow_all(direction: Direction) -> AclEntry {
    AclEntry {
        direction,
        number: 100,
        allow: true,
        traffic: Traffic::All,
        cidr: AclRange::ALL,
    }
}

/// Whether something keeps a VPC from being deleted.
fn is_used(network: &Network, id: &VpcId) -> bool {
    let main = main_table(network, id).map(|table| &table.id);
    network.subnets.values().any(|row| row.vpc == *id)
        || network.interfaces.values().any(|row| row.vpc == *id)
        || network.endpoints.values().any(|row| row.vpc == *id)
        || network.gateway_endpoints.values().any(|row| row.vpc == *id)
        || network.load_balancers.values().any(|row| row.vpc == *id)
        || network
            .internet_gateways
            .values()
            .any(|row| row.vpc.as_ref() == Some(id))
        || network
            .security_groups
            .values()
            .any(|row| row.vpc == *id && row.name != "default")
        || network
            .network_acls
            .values()
            .any(|row| row.vpc == *id && !row.is_default)
        || network
            .route_tables
            .values()
            .any(|row| row.vpc == *id && Some(&row.id) != main)
        || network.peerings.values().any(|row| {
            row.state == PeeringState::Active
                && [&row.requester.vpc, &row.accepter.vpc].contains(&id)
        })
}

fn item(vpc: &Vpc) -> VpcItem {
    VpcItem {
        vpc_id: vpc.id.to_string(),
        owner_id: vpc.owner.to_string(),
        state: "available".to_owned(),
        cidr_block: vpc.primary().to_string(),
        cidr_block_association_set: vpc
            .blocks
            .iter()
            .map(|block| block_item(block, "associated"))
            .collect(),
        ipv6_cidr_block_association_set: vpc
            .ipv6_blocks
            .iter()
            .map(|row| ipv6::vpc_item(row, &vpc.region, "associated"))
            .collect(),
        dhcp_options_id: vpc.dhcp_options.to_string(),
        instance_tenancy: vpc.tenancy.clone(),
        is_default: vpc.is_default,
        tags: tag_set(&vpc.tags),
    }
}

fn filter_values(vpc: &Vpc, name: &str) -> Option<Vec<String>> {
    if let Some(part) = name.strip_prefix("ipv6-cidr-block-association.") {
        return ipv6::vpc_values(vpc, part);
    }
    let values = match name {
        "vpc-id" => vec![vpc.id.to_string()],
        "owner-id" => vec![vpc.owner.to_string()],
        "state" => vec!["available".to_owned()],
        "cidr" | "cidr-block" | "cidrBlock" => vec![vpc.primary().to_string()],
        "cidr-block-association.cidr-block" => vpc.cidrs().map(|cidr| cidr.to_string()).collect(),
        "cidr-block-association.association-id" => vpc
            .blocks
            .iter()
            .map(|block| block.association.to_string())
            .collect(),
        "cidr-block-association.state" => vec!["associated".to_owned()],
        "dhcp-options-id" => vec![vpc.dhcp_options.to_string()],
        "is-default" | "isDefault" => vec![vpc.is_default.to_string()],
        "instance-tenancy" => vec![vpc.tenancy.clone()],
        _ => return None,
    };
    Some(values)
}
