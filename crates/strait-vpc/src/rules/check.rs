//! What many rules check: ids, CIDR blocks, addresses, tags, client tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::api::{TagInput, TagSpecification};
use crate::error::AwsError;
use crate::id::*;
use crate::rules::quota::{self, Quota};
use crate::rules::resource::find;
use crate::rules::{Caller, Context};
use crate::state::*;

/// The caller's VPC with this id.
pub(super) fn find_vpc<'n>(
    network: &'n Network,
    caller: &Caller,
    id: &str,
) -> Result<&'n Vpc, AwsError> {
    find(network, caller, id)
}

/// The caller's subnet with this id.
pub(super) fn find_subnet<'n>(
    network: &'n Network,
    caller: &Caller,
    id: &str,
) -> Result<&'n Subnet, AwsError> {
    find(network, caller, id)
}

/// The caller's security group with this id.
pub(super) fn find_group<'n>(
    network: &'n Network,
    caller: &Caller,
    id: &str,
) -> Result<&'n SecurityGroup, AwsError> {
    find(network, caller, id)
}

/// A CIDR block with its host bits taken off, as AWS does.
pub(super) fn cidr(value: &str, parameter: &str) -> Result<Ipv4Net, AwsError> {
    let parsed: Result<Ipv4Net, _> = value.parse();
    parsed.map(|block| block.trunc()).map_err(|_| {
        let message = format!(
            "Value ({value}) for parameter {parameter} is invalid. This is not a valid CIDR block."
        );
        AwsError::new("InvalidParameterValue", message)
    })
}

/// An IPv4 address.
pub(super) fn address(value: &str, parameter: &str) -> Result<Ipv4Addr, AwsError> {
    value.parse().map_err(|_| {
        let message = format!(
            "Value ({value}) for parameter {parameter} is invalid. This is not an IPv4 address."
        );
        AwsError::new("InvalidParameterValue", message)
    })
}

/// Whether two blocks have an address in common.
pub(super) fn overlap(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b) || b.contains(&a)
}

/// An address of the subnet that nothing has: the wanted one, or the lowest. The first four and the last are AWS's own.
pub(super) fn allocate_address(
    network: &Network,
    subnet: &Subnet,
    wanted: Option<Ipv4Addr>,
) -> Result<Ipv4Addr, AwsError> {
    allocate_beside(network, subnet, wanted, &[])
}

/// Like [`allocate_address`], where some addresses are promised already.
pub(super) fn allocate_beside(
    network: &Network,
    subnet: &Subnet,
    wanted: Option<Ipv4Addr>,
    promised: &[Ipv4Addr],
) -> Result<Ipv4Addr, AwsError> {
    let taken: BTreeSet<Ipv4Addr> = addresses_of(network, &subnet.id)
        .chain(promised.iter().copied())
        .collect();
    let Some(block) = subnet.cidr else {
        let what = format!("An interface in the IPv6-only subnet {}", subnet.id);
        return Err(AwsError::unsupported(&what));
    };
    let (first, last) = usable(block);
    let Some(wanted) = wanted else {
        let free = (first..=last)
            .map(Ipv4Addr::from)
            .find(|address| !taken.contains(address));
        return free.ok_or_else(|| {
            let message =
                format!("The specified subnet does not have enough free addresses to satisfy the request: {}", subnet.id);
            AwsError::new("InsufficientFreeAddressesInSubnet", message)
        });
    };
    if !block.contains(&wanted) {
        let message =
            format!("Address {wanted} does not fall within the subnet's address range {block}");
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    if !(first..=last).contains(&u32::from(wanted)) {
        let message = format!("Address {wanted} is in subnet's reserved address range");
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    if taken.contains(&wanted) {
        return Err(AwsError::new(
            "InvalidIPAddress.InUse",
            format!("Address {wanted} is in use."),
        ));
    }
    Ok(wanted)
}

/// How many addresses of the subnet are free.
pub(super) fn free_addresses(network: &Network, subnet: &Subnet) -> usize {
    let Some(block) = subnet.cidr else {
        return 0;
    };
    let (first, last) = usable(block);
    ((last - first + 1) as usize).saturating_sub(addresses_of(network, &subnet.id).count())
}

/// An interface to be made; address, groups and holder have been checked.
pub(super) struct NewInterface {
    /// Its VPC.
    pub(super) vpc: VpcId,
    /// Its subnet.
    pub(super) subnet: SubnetId,
    /// Who owns it.
    pub(super) owner: AccountId,
    /// Where it is.
    pub(super) region: Region,
    /// Its address, from [`allocate_address`].
    pub(super) address: Ipv4Addr,
    /// Further addresses.
    pub(super) secondary: BTreeSet<Ipv4Addr>,
    /// Its public address.
    pub(super) public_ip: Option<Ipv4Addr>,
    /// Its groups.
    pub(super) groups: BTreeSet<SecurityGroupId>,
    /// What holds it.
    pub(super) holder: Holder,
    /// A description.
    pub(super) description: String,
    /// Its tags.
    pub(super) tags: Tags,
}

/// Makes an interface.
pub(super) fn new_interface(
    network: &mut Network,
    context: &mut Context<'_>,
    new: NewInterface,
) -> InterfaceId {
    let id = InterfaceId::from_random((context.random)());
    let interface = Interface {
        id: id.clone(),
        vpc: new.vpc,
        subnet: new.subnet,
        owner: new.owner,
        region: new.region,
        index: network.next_link(),
        address: new.address,
        secondary: new.secondary,
        public_ip: new.public_ip,
        auto_public: new.public_ip.is_some(),
        groups: new.groups,
        source_dest_check: true,
        holder: new.holder,
        description: new.description,
        tags: new.tags,
    };
    network.interfaces.insert(id.clone(), interface);
    id
}

/// The groups with these ids, all of this VPC; its default group if none is named.
pub(super) fn groups_of(
    network: &Network,
    caller: &Caller,
    vpc: &VpcId,
    ids: &[String],
) -> Result<BTreeSet<SecurityGroupId>, AwsError> {
    let mut groups = BTreeSet::new();
    for id in ids {
        let group = find_group(network, caller, id)?;
        if group.vpc != *vpc {
            let message = format!(
                "Security group {id} and subnet belong to different networks: {} and {vpc}.",
                group.vpc
            );
            return Err(AwsError::new("InvalidParameter", message));
        }
        groups.insert(group.id.clone());
    }
    if groups.is_empty() {
        let default = network
            .security_groups
            .values()
            .find(|group| group.vpc == *vpc && group.name == "default");
        groups.extend(default.map(|group| group.id.clone()));
    }
    quota::within(
        network,
        &caller.account,
        Quota::GroupsPerInterface,
        groups.len(),
    )?;
    Ok(groups)
}

/// A client token of a creating call, and what an earlier call with it made.
pub(super) struct Token {
    /// What was made, by id.
    pub(super) made: Option<String>,
    key: Option<(String, String)>,
}

impl Token {
    /// Remembers what this call made.
    pub(super) fn remember(self, network: &mut Network, made: &str) {
        if let Some((key, digest)) = self.key {
            network.client_tokens.insert(
                key,
                ClientToken {
                    digest,
                    made: made.to_owned(),
                },
            );
        }
    }
}

/// Looks a client token up. The same token with other parameters is refused.
pub(super) fn client_token(
    network: &Network,
    caller: &Caller,
    action: &str,
    token: Option<&str>,
    request: &impl Debug,
) -> Result<Token, AwsError> {
    let Some(token) = token.filter(|token| !token.is_empty()) else {
        return Ok(Token {
            made: None,
            key: None,
        });
    };
    let key = format!("{}/{}/{action}/{token}", caller.account, caller.region);
    let digest = fingerprint(&format!("{request:?}"));
    let Some(earlier) = network.client_tokens.get(&key) else {
        return Ok(Token {
            made: None,
            key: Some((key, digest)),
        });
    };
    if earlier.digest != digest {
        let message = format!(
            "The client token '{token}' was used for a call with other parameters. Use a new one."
        );
        return Err(AwsError::new("IdempotentParameterMismatch", message));
    }
    Ok(Token {
        made: Some(earlier.made.clone()),
        key: None,
    })
}

/// The tags that specifications give to a resource of this type; any other type in them is refused.
pub(super) fn tags_from(
    specifications: &[TagSpecification],
    resource_type: &str,
) -> Result<Tags, AwsError> {
    tags_for(specifications, &[resource_type])
        .map(|mut of| of.remove(resource_type).unwrap_or_default())
}

/// The tags that specifications give to resources of these types; any other type in them is refused.
pub(super) fn tags_for(
    specifications: &[TagSpecification],
    types: &[&str],
) -> Result<BTreeMap<String, Tags>, AwsError> {
    let mut of = BTreeMap::new();
    for specification in specifications {
        let kind = &specification.resource_type;
        let refused = |message: String| Err(AwsError::new("InvalidParameter", message));
        if kind.is_empty() {
            return refused("Tag specification resource type must have a value".to_owned());
        }
        if specification.tags.is_empty() {
            return refused("Tag specification must have at least one tag".to_owned());
        }
        if !types.contains(&kind.as_str()) {
            return refused(format!(
                "'{kind}' is not a valid taggable resource type for this operation."
            ));
        }
        let mut tags = Tags::new();
        add_tags(&mut tags, &specification.tags)?;
        if of.insert(kind.clone(), tags).is_some() {
            let message = format!(
                "There are two tag specifications for '{kind}'. Put all of its tags in one."
            );
            return Err(AwsError::new("InvalidParameterValue", message));
        }
    }
    Ok(of)
}

/// Adds tags to those that are there, within AWS's limits.
pub(super) fn add_tags(tags: &mut Tags, added: &[TagInput]) -> Result<(), AwsError> {
    for tag in added {
        check_tag(tag)?;
        tags.insert(tag.key.clone(), tag.value.clone());
    }
    if tags.len() > TAGS_PER_RESOURCE {
        let message = format!(
            "You have reached the maximum number of tags on a resource: {TAGS_PER_RESOURCE}."
        );
        return Err(AwsError::new("TagLimitExceeded", message));
    }
    Ok(())
}

/// Tags that a resource can have.
const TAGS_PER_RESOURCE: usize = 50;

fn check_tag(tag: &TagInput) -> Result<(), AwsError> {
    let refused = |why: &str| {
        Err(AwsError::new(
            "InvalidTagKey.Malformed",
            format!("Tag key '{}' {why}", tag.key),
        ))
    };
    if tag.key.is_empty() {
        return refused("must not be empty.");
    }
    if tag.key.to_ascii_lowercase().starts_with("aws:") {
        return refused("begins with 'aws:', which is reserved for internal use.");
    }
    let (key, value) = (tag.key.chars().count(), tag.value.chars().count());
    if key > 127 {
        return refused("exceeds the maximum length of 127 characters.");
    }
    if value > 255 {
        let message = format!(
            "The value of tag '{}' exceeds the maximum length of 255 characters.",
            tag.key
        );
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    Ok(())
}

/// The first and last address that interfaces of a subnet with this block can have.
fn usable(block: Ipv4Net) -> (u32, u32) {
    (
        u32::from(block.network()) + 4,
        u32::from(block.broadcast()) - 1,
    )
}

fn addresses_of<'n>(
    network: &'n Network,
    subnet: &'n SubnetId,
) -> impl Iterator<Item = Ipv4Addr> + 'n {
    let inside = network
        .interfaces
        .values()
        .filter(move |interface| interface.subnet == *subnet);
    inside.flat_map(Interface::addresses)
}

/// A short digest of a text (FNV-1a), to tell whether two calls are the same.
fn fingerprint(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}
