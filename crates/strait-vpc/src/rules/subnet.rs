//! Subnets.

use ipnet::Ipv4Net;

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::check::{self, overlap};
use crate::rules::quota::{self, Quota};
use crate::rules::resource::{Resource, chosen, find, find_id};
use crate::rules::{Caller, Context, filter, ipv6, region};
use crate::state::*;

pub(super) fn create(
    network: &mut Network,
    caller: &Caller,
    request: &CreateSubnetRequest,
    context: &mut Context<'_>,
) -> Result<CreateSubnetResponse, AwsError> {
    let native = is_native(request)?;
    let vpc = check::find_vpc(network, caller, &request.vpc_id)?;
    let cidr = match &request.cidr_block {
        Some(cidr) => Some(free_block(network, vpc, cidr)?),
        None if native => None,
        None => return Err(AwsError::missing("cidrBlock")),
    };
    quota::within(
        network,
        &caller.account,
        Quota::SubnetsPerVpc,
        subnets_of(network, vpc).count() + 1,
    )?;
    let zone = zone(
        caller,
        request.availability_zone.as_deref(),
        request.availability_zone_id.as_deref(),
    )?;
    let tags = check::tags_from(&request.tag_specifications, Subnet::KIND)?;
    let ipv6_block = match request.ipv6_cidr_block.as_deref() {
        Some(asked) => {
            let asked = ipv6::block(asked, "ipv6CidrBlock")?;
            ipv6::check_subnet(network, vpc, asked)?;
            Some(ipv6::of_subnet(asked, context))
        }
        None => None,
    };
    let new = NewSubnet {
        vpc: vpc.id.clone(),
        cidr,
        ipv6_block,
        zone,
        is_default: false,
        tags,
    };
    let id = make(network, caller, new, context);
    Ok(CreateSubnetResponse {
        subnet: item(network, find(network, caller, id.as_str())?),
    })
}

/// Whether an IPv6-only subnet is asked for.
fn is_native(request: &CreateSubnetRequest) -> Result<bool, AwsError> {
    if request.ipv6_native != Some(true) {
        return Ok(false);
    }
    if request.ipv6_cidr_block.is_none() {
        let message = "Either 'ipv6CidrBlock' or 'ipv6IpamPoolId' should be provided.";
        return Err(AwsError::new("MissingParameter", message));
    }
    if request.cidr_block.is_some() {
        let message = "When specifying ipv4 parameters, cidrBlock or ipv4IpamPoolId, you cannot set ipv6Native to true.";
        return Err(AwsError::new("InvalidParameterCombination", message));
    }
    Ok(true)
}

/// A block that is the VPC's and no other subnet's.
fn free_block(network: &Network, vpc: &Vpc, asked: &str) -> Result<Ipv4Net, AwsError> {
    let cidr = check::cidr(asked, "cidrBlock")?;
    if !(16..=28).contains(&cidr.prefix_len()) || !vpc.cidrs().any(|block| block.contains(&cidr)) {
        let message = format!("The CIDR '{cidr}' is invalid.");
        return Err(AwsError::new("InvalidSubnet.Range", message));
    }
    let mut taken = subnets_of(network, vpc).filter_map(|subnet| subnet.cidr);
    if taken.any(|other| overlap(other, cidr)) {
        let message = format!("The CIDR '{cidr}' conflicts with another subnet");
        return Err(AwsError::new("InvalidSubnet.Conflict", message));
    }
    Ok(cidr)
}

fn subnets_of<'n>(network: &'n Network, vpc: &'n Vpc) -> impl Iterator<Item = &'n Subnet> {
    let subnets = network.subnets.values();
    subnets.filter(|subnet| subnet.vpc == vpc.id)
}

pub(super) fn describe(
    network: &Network,
    caller: &Caller,
    request: &DescribeSubnetsRequest,
) -> Result<DescribeSubnetsResponse, AwsError> {
    let mut shown = Vec::new();
    for subnet in chosen::<Subnet>(network, caller, &request.subnet_ids)? {
        if filter::matches(&request.filters, &subnet.tags, |name| {
            filter_values(network, subnet, name)
        })? {
            shown.push(item(network, subnet));
        }
    }
    let page = filter::page(
        shown,
        request.max_results,
        request.next_token.as_deref(),
        &request.subnet_ids,
    )?;
    Ok(DescribeSubnetsResponse {
        subnets: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

pub(super) fn delete(
    network: &mut Network,
    caller: &Caller,
    request: &DeleteSubnetRequest,
) -> Result<DeleteSubnetResponse, AwsError> {
    let id = find_id::<Subnet>(network, caller, &request.subnet_id)?;
    let inside = network
        .interfaces
        .values()
        .filter(|interface| interface.subnet == id);
    let inside: Vec<String> = inside.map(|interface| interface.id.to_string()).collect();
    if !inside.is_empty() {
        let message = format!(
            "The subnet '{id}' has dependencies and cannot be deleted. Interfaces are in it: {}.",
            inside.join(", ")
        );
        return Err(AwsError::new("DependencyViolation", message));
    }
    let tables: Vec<RouteTableId> = network.route_tables.keys().cloned().collect();
    for table in tables {
        let used = RouteTableUse::Subnet(id.clone());
        if network
            .route_tables
            .get(&table)
            .is_some_and(|row| row.associations.values().any(|user| *user == used))
            && let Some(row) = network.route_tables.get_mut(&table)
        {
            row.associations.retain(|_, user| *user != used);
        }
    }
    let acl = network
        .network_acls
        .values()
        .find(|acl| acl.associations.values().any(|subnet| *subnet == id));
    if let Some(acl) = acl
        .map(|acl| acl.id.clone())
        .and_then(|acl| network.network_acls.get_mut(&acl))
    {
        acl.associations.retain(|_, subnet| *subnet != id);
    }
    network.subnets.remove(&id);
    Ok(DeleteSubnetResponse(Done::YES))
}

pub(super) fn modify(
    network: &mut Network,
    caller: &Caller,
    request: &ModifySubnetAttributeRequest,
) -> Result<ModifySubnetAttributeResponse, AwsError> {
    let id = find_id::<Subnet>(network, caller, &request.subnet_id)?;
    let wanted = |attribute: &Option<AttributeBooleanValue>| {
        attribute.as_ref().and_then(|asked| asked.value)
    };
    let map = wanted(&request.map_public_ip_on_launch);
    let names = wanted(&request.enable_resource_name_dns_a_record_on_launch);
    let ipv6 = wanted(&request.assign_ipv6_address_on_creation);
    match [map, names, ipv6].iter().flatten().count() {
        0 => {
            return Err(AwsError::missing(
                "MapPublicIpOnLaunch, EnableResourceNameDnsARecordOnLaunch or AssignIpv6AddressOnCreation",
            ));
        }
        1 => {}
        _ => {
            let message = "A call changes one attribute. Make a call for each.";
            return Err(AwsError::new("InvalidParameterCombination", message));
        }
    }
    let subnet = find::<Subnet>(network, caller, id.as_str())?;
    if subnet.cidr.is_none() && (map == Some(true) || ipv6 == Some(false)) {
        let message = format!(
            "The subnet '{id}' is IPv6-only: its interfaces get IPv6 addresses, and no public IPv4 ones."
        );
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    if subnet.cidr.is_some() && ipv6 == Some(true) {
        return Err(AwsError::unsupported("An IPv6 address of an interface"));
    }
    if let Some(subnet) = network.subnets.get_mut(&id) {
        subnet.map_public_ip = map.unwrap_or(subnet.map_public_ip);
        subnet.resource_names = names.unwrap_or(subnet.resource_names);
    }
    Ok(ModifySubnetAttributeResponse(Done::YES))
}

/// A subnet to be made; its block and zone have been checked.
pub(super) struct NewSubnet {
    /// Its VPC.
    pub(super) vpc: VpcId,
    /// Its block; none if it is IPv6-only.
    pub(super) cidr: Option<Ipv4Net>,
    /// Its IPv6 block.
    pub(super) ipv6_block: Option<SubnetIpv6Block>,
    /// The letter of its zone.
    pub(super) zone: char,
    /// Whether it is the zone's default one.
    pub(super) is_default: bool,
    /// Its tags.
    pub(super) tags: Tags,
}

/// Makes a subnet; the VPC's default ACL filters it.
pub(super) fn make(
    network: &mut Network,
    caller: &Caller,
    new: NewSubnet,
    context: &mut Context<'_>,
) -> SubnetId {
    let id = SubnetId::from_random((context.random)());
    let acl = network
        .network_acls
        .values()
        .find(|acl| acl.vpc == new.vpc && acl.is_default)
        .map(|acl| acl.id.clone());
    if let Some(acl) = acl.and_then(|acl| network.network_acls.get_mut(&acl)) {
        acl.associations.insert(
            NetworkAclAssociationId::from_random((context.random)()),
            id.clone(),
        );
    }
    let subnet = Subnet {
        id: id.clone(),
        vpc: new.vpc,
        owner: caller.account.clone(),
        region: caller.region.clone(),
        cidr: new.cidr,
        ipv6_block: new.ipv6_block,
        zone: new.zone,
        is_default: new.is_default,
        map_public_ip: new.is_default,
        resource_names: false,
        tags: new.tags,
    };
    network.subnets.insert(id.clone(), subnet);
    id
}

/// The letter of the zone that was asked for; the Region's first if none was.
fn zone(caller: &Caller, name: Option<&str>, id: Option<&str>) -> Result<char, AwsError> {
    let mut zones = region::zones(caller.region.as_str());
    let unknown = |given: &str| {
        let all: Vec<String> = region::zones(caller.region.as_str())
            .map(|zone| zone.name)
            .collect();
        let message = format!(
            "Value ({given}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: {}.",
            all.join(", ")
        );
        AwsError::new("InvalidParameterValue", message)
    };
    let found = match (name, id) {
        (Some(_), Some(_)) => {
            let message = "Give AvailabilityZone or AvailabilityZoneId, not both.";
            return Err(AwsError::new("InvalidParameterCombination", message));
        }
        (Some(name), None) => zones
            .find(|zone| zone.name == name)
            .ok_or_else(|| unknown(name))?,
        (None, Some(id)) => zones
            .find(|zone| zone.id == id)
            .ok_or_else(|| unknown(id))?,
        (None, None) => zones
            .next()
            .ok_or_else(|| unknown(caller.region.as_str()))?,
    };
    Ok(found.letter)
}

fn item(network: &Network, subnet: &Subnet) -> SubnetItem {
    let zone = region::zone(subnet);
    SubnetItem {
        subnet_id: subnet.id.to_string(),
        subnet_arn: arn(subnet),
        vpc_id: subnet.vpc.to_string(),
        owner_id: subnet.owner.to_string(),
        state: "available".to_owned(),
        cidr_block: subnet.cidr.map(|block| block.to_string()),
        ipv6_native: subnet.cidr.is_none(),
        assign_ipv6_address_on_creation: subnet.cidr.is_none(),
        availability_zone: zone.name,
        availability_zone_id: zone.id,
        available_ip_address_count: i32::try_from(check::free_addresses(network, subnet))
            .unwrap_or(i32::MAX),
        default_for_az: subnet.is_default,
        map_public_ip_on_launch: subnet.map_public_ip,
        ipv6_cidr_block_association_set: subnet
            .ipv6_block
            .iter()
            .map(|row| ipv6::subnet_item(row, "associated"))
            .collect(),
        private_dns_name_options_on_launch: PrivateDnsNameOptionsOnLaunchItem {
            hostname_type: "ip-name".to_owned(),
            enable_resource_name_dns_a_record: subnet.resource_names,
            ..Default::default()
        },
        tags: tag_set(&subnet.tags),
        ..Default::default()
    }
}

fn arn(subnet: &Subnet) -> String {
    format!(
        "arn:aws:ec2:{}:{}:subnet/{}",
        subnet.region, subnet.owner, subnet.id
    )
}

fn filter_values(network: &Network, subnet: &Subnet, name: &str) -> Option<Vec<String>> {
    if let Some(part) = name.strip_prefix("ipv6-cidr-block-association.") {
        return ipv6::subnet_values(subnet, part);
    }
    let blocks = || subnet.cidr.iter().map(ToString::to_string).collect();
    let value = match name {
        "cidr" | "cidr-block" | "cidrBlock" => return Some(blocks()),
        "subnet-id" => subnet.id.to_string(),
        "subnet-arn" => arn(subnet),
        "vpc-id" => subnet.vpc.to_string(),
        "owner-id" => subnet.owner.to_string(),
        "state" => "available".to_owned(),
        "availability-zone" | "availabilityZone" => region::zone(subnet).name,
        "availability-zone-id" | "availabilityZoneId" => region::zone(subnet).id,
        "available-ip-address-count" => check::free_addresses(network, subnet).to_string(),
        "default-for-az" | "defaultForAz" => subnet.is_default.to_string(),
        "map-public-ip-on-launch" => subnet.map_public_ip.to_string(),
        "ipv6-native" => subnet.cidr.is_none().to_string(),
        "private-dns-name-options-on-launch.enable-resource-name-dns-a-record" => {
            subnet.resource_names.to_string()
        }
        _ => return None,
    };
    Some(vec![value])
}
