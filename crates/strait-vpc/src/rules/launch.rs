//! What `RunInstances` asks for, and the launch itself.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::check::{self, NewInterface};
use crate::rules::quota::{self, Quota};
use crate::rules::resource::Resource;
use crate::rules::{Caller, Context, address, group, region, vpc};
use crate::state::*;

/// A launch that has been checked.
pub(super) struct Launch {
    image: ImageId,
    instance_type: String,
    plugs: Vec<Plug>,
    instance_tags: Tags,
    interface_tags: Tags,
}

/// An interface that each instance gets.
struct Plug {
    device_index: u16,
    subnet: Subnet,
    groups: BTreeSet<SecurityGroupId>,
    address: Option<Ipv4Addr>,
    public: Public,
    description: String,
}

/// Whether an interface gets a public address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Public {
    /// None.
    No,
    /// One, as the call or the subnet says.
    Yes,
}

impl Launch {
    /// Reads and checks what is asked for.
    pub(super) fn read(
        network: &Network,
        caller: &Caller,
        request: &RunInstancesRequest,
    ) -> Result<Self, AwsError> {
        let Some(image) = &request.image_id else {
            return Err(AwsError::missing("ImageId"));
        };
        let image = image_id(image)?;
        let instance_type = request
            .instance_type
            .clone()
            .unwrap_or_else(|| "m1.small".to_owned());
        if instance_type
            .split('.')
            .filter(|part| !part.is_empty())
            .count()
            != 2
        {
            let message = format!("Invalid value '{instance_type}' for InstanceType.");
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        check_count(network, caller, request)?;
        refuse(request)?;
        let mut tags = check::tags_for(
            &request.tag_specifications,
            &[Instance::KIND, Interface::KIND],
        )?;
        Ok(Self {
            image,
            instance_type,
            plugs: plugs(network, caller, request)?,
            instance_tags: tags.remove(Instance::KIND).unwrap_or_default(),
            interface_tags: tags.remove(Interface::KIND).unwrap_or_default(),
        })
    }
}

/// Launches as many instances as fit, at least the lower number that was asked for.
pub(super) fn run(
    network: &mut Network,
    caller: &Caller,
    launch: &Launch,
    request: &RunInstancesRequest,
    context: &mut Context<'_>,
) -> Result<ReservationId, AwsError> {
    let reservation = ReservationId::from_random((context.random)());
    for launch_index in 0..request.max_count {
        let addresses = match addresses(network, launch) {
            Ok(addresses) => addresses,
            Err(error) if launch_index < request.min_count => return Err(error),
            Err(_) => break,
        };
        let instance = Instance {
            id: InstanceId::from_random((context.random)()),
            reservation: reservation.clone(),
            owner: caller.account.clone(),
            region: caller.region.clone(),
            image: launch.image.clone(),
            instance_type: launch.instance_type.clone(),
            key_name: request.key_name.clone(),
            state: InstanceState::Running,
            launched_at: context.now,
            ended_at: None,
            client_token: request.client_token.clone(),
            launch_index,
            tags: launch.instance_tags.clone(),
        };
        for (plug, address) in launch.plugs.iter().zip(addresses) {
            let interface = plugged(network, &instance, plug, address, launch, context)?;
            check::new_interface(network, context, interface);
        }
        network.instances.insert(instance.id.clone(), instance);
    }
    let owned = network
        .interfaces
        .values()
        .filter(|interface| interface.is_of(caller))
        .count();
    quota::within(network, &caller.account, Quota::InterfacesPerRegion, owned)?;
    Ok(reservation)
}

/// An image's id: any one of the right shape.
pub(super) fn image_id(id: &str) -> Result<ImageId, AwsError> {
    id.parse().map_err(|_| {
        AwsError::new(
            "InvalidAMIID.Malformed",
            format!("Invalid id: \"{id}\" (expecting \"ami-...\")"),
        )
    })
}

fn check_count(
    network: &Network,
    caller: &Caller,
    request: &RunInstancesRequest,
) -> Result<(), AwsError> {
    let (least, most) = (request.min_count, request.max_count);
    if least == 0 || most < least {
        let message =
            format!("MinCount ({least}) must be at least 1 and MaxCount ({most}) not below it.");
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    quota::within(
        network,
        &caller.account,
        Quota::InstancesPerLaunch,
        most as usize,
    )
}

/// Refuses what an instance here cannot have.
fn refuse(request: &RunInstancesRequest) -> Result<(), AwsError> {
    if request
        .monitoring
        .as_ref()
        .and_then(|monitoring| monitoring.enabled)
        == Some(true)
    {
        return Err(AwsError::unsupported("Detailed monitoring"));
    }
    let tenancy = request
        .placement
        .as_ref()
        .and_then(|placement| placement.tenancy.as_deref());
    if tenancy.is_some_and(|tenancy| tenancy != "default") {
        return Err(AwsError::unsupported("A tenancy other than default"));
    }
    for interface in &request.network_interfaces {
        if interface.network_interface_id.is_some() {
            return Err(AwsError::unsupported(
                "Launching with an interface that is there already",
            ));
        }
        if interface.delete_on_termination == Some(false) {
            return Err(AwsError::unsupported(
                "An interface that stays when its instance ends",
            ));
        }
    }
    Ok(())
}

fn plugs(
    network: &Network,
    caller: &Caller,
    request: &RunInstancesRequest,
) -> Result<Vec<Plug>, AwsError> {
    let zone = request
        .placement
        .as_ref()
        .and_then(|placement| placement.availability_zone.as_deref());
    if request.network_interfaces.is_empty() {
        let subnet = subnet(network, caller, request.subnet_id.as_deref(), zone)?;
        let mut groups = request.security_group_ids.clone();
        for name in &request.security_groups {
            groups.push(group::find_named(network, caller, name)?.id.to_string());
        }
        let public = if subnet.map_public_ip {
            Public::Yes
        } else {
            Public::No
        };
        let address = request.private_ip_address.as_deref();
        return plug(
            network, caller, request, 0, subnet, &groups, address, public,
        )
        .map(|plug| vec![plug]);
    }
    let instance_level = [
        request.subnet_id.is_some(),
        !request.security_group_ids.is_empty(),
        !request.security_groups.is_empty(),
        request.private_ip_address.is_some(),
    ];
    if instance_level.contains(&true) {
        let message = "Network interfaces and an instance-level subnet ID, security group or private address may not be specified on the same request";
        return Err(AwsError::new("InvalidParameterCombination", message));
    }
    let several = request.network_interfaces.len() > 1;
    let mut plugs: Vec<Plug> = Vec::new();
    for asked in &request.network_interfaces {
        let device_index = asked
            .device_index
            .and_then(|index| u16::try_from(index).ok());
        let Some(device_index) = device_index else {
            let message = "Each network interface requires a device index.";
            return Err(AwsError::new("InvalidParameterValue", message));
        };
        if plugs.iter().any(|plug| plug.device_index == device_index) {
            let message = format!("Two network interfaces have the device index {device_index}.");
            return Err(AwsError::new("InvalidParameterCombination", message));
        }
        let subnet = subnet(network, caller, asked.subnet_id.as_deref(), zone)?;
        if let Some(first) = plugs
            .iter()
            .find(|plug| plug.subnet.zone != subnet.zone || plug.subnet.vpc != subnet.vpc)
        {
            let message = format!(
                "All interfaces of an instance are in one zone of one VPC: {} and {} are not.",
                first.subnet.id, subnet.id
            );
            return Err(AwsError::new("InvalidParameterCombination", message));
        }
        let public = match asked.associate_public_ip_address {
            Some(true) if several => {
                let message = "The associatePublicIPAddress parameter cannot be specified when launching with multiple network interfaces.";
                return Err(AwsError::new("InvalidParameterCombination", message));
            }
            Some(true) => Public::Yes,
            None if subnet.map_public_ip && !several => Public::Yes,
            Some(false) | None => Public::No,
        };
        let address = asked.private_ip_address.as_deref();
        let mut made = plug(
            network,
            caller,
            request,
            device_index,
            subnet,
            &asked.groups,
            address,
            public,
        )?;
        made.description = asked.description.clone().unwrap_or_default();
        plugs.push(made);
    }
    plugs.sort_by_key(|plug| plug.device_index);
    if plugs.first().is_none_or(|plug| plug.device_index != 0) {
        let message = "One of the network interfaces must have the device index 0.";
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    Ok(plugs)
}

#[allow(
    clippy::too_many_arguments,
    reason = "each is one thing that the call says of an interface"
)]
fn plug(
    network: &Network,
    caller: &Caller,
    request: &RunInstancesRequest,
    device_index: u16,
    subnet: &Subnet,
    groups: &[String],
    address: Option<&str>,
    public: Public,
) -> Result<Plug, AwsError> {
    if address.is_some() && request.max_count > 1 {
        let message = "A private address can be given to one instance only: MaxCount must be 1.";
        return Err(AwsError::new("InvalidParameterCombination", message));
    }
    Ok(Plug {
        device_index,
        subnet: subnet.clone(),
        groups: check::groups_of(network, caller, &subnet.vpc, groups)?,
        address: address
            .map(|text| check::address(text, "privateIpAddress"))
            .transpose()?,
        public,
        description: String::new(),
    })
}

/// The subnet that was named; else the default VPC's, in the zone that was named.
fn subnet<'n>(
    network: &'n Network,
    caller: &Caller,
    id: Option<&str>,
    zone: Option<&str>,
) -> Result<&'n Subnet, AwsError> {
    let in_zone = |subnet: &Subnet| zone.is_none_or(|name| region::zone(subnet).name == name);
    if let Some(id) = id {
        let subnet = check::find_subnet(network, caller, id)?;
        if !in_zone(subnet) {
            let message = format!(
                "The subnet {id} is not in the availability zone of the placement: {}.",
                region::zone(subnet).name
            );
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        return Ok(subnet);
    }
    let Some(default) = vpc::default_vpc(network, caller) else {
        let message = "No default VPC for this user: name a subnet.";
        return Err(AwsError::new("VPCIdNotSpecified", message));
    };
    let mut subnets: Vec<&Subnet> = network
        .subnets
        .values()
        .filter(|row| row.vpc == default.id && row.cidr.is_some() && in_zone(row))
        .collect();
    subnets.sort_by_key(|subnet| (!subnet.is_default, subnet.zone, subnet.cidr));
    subnets.first().copied().ok_or_else(|| {
        let message = format!(
            "The default VPC {} has no subnet{}: name a subnet.",
            default.id,
            zone.map(|zone| format!(" in {zone}")).unwrap_or_default()
        );
        AwsError::new("MissingInput", message)
    })
}

/// An address for each interface of one more instance.
fn addresses(network: &Network, launch: &Launch) -> Result<Vec<Ipv4Addr>, AwsError> {
    let mut taken: Vec<Ipv4Addr> = Vec::new();
    for plug in &launch.plugs {
        if plug.subnet.resource_names {
            let what = format!(
                "An instance with a name by its id, as EnableResourceNameDnsARecordOnLaunch of {} asks for,",
                plug.subnet.id
            );
            return Err(AwsError::unsupported(&what));
        }
        let address = check::allocate_beside(network, &plug.subnet, plug.address, &taken)?;
        taken.push(address);
    }
    Ok(taken)
}

fn plugged(
    network: &Network,
    instance: &Instance,
    plug: &Plug,
    address: Ipv4Addr,
    launch: &Launch,
    context: &mut Context<'_>,
) -> Result<NewInterface, AwsError> {
    let public_ip = match plug.public {
        Public::No => None,
        Public::Yes => Some(address::next_free(network)?),
    };
    Ok(NewInterface {
        vpc: plug.subnet.vpc.clone(),
        subnet: plug.subnet.id.clone(),
        owner: instance.owner.clone(),
        region: instance.region.clone(),
        address,
        secondary: BTreeSet::new(),
        public_ip,
        groups: plug.groups.clone(),
        holder: Holder::Instance {
            id: instance.id.clone(),
            attachment: AttachmentId::from_random((context.random)()),
            device_index: plug.device_index,
        },
        description: plug.description.clone(),
        tags: launch.interface_tags.clone(),
    })
}
