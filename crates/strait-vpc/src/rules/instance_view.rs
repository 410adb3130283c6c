//! How instances and images look.

use crate::api::*;
use crate::id::*;
use crate::rules::{interface, region};
use crate::state::*;

/// The image that this cloud names; every other well-formed id runs the same.
pub(super) const IMAGE: &str = "ami-00000000000057a17";

/// Who owns the image.
const IMAGE_OWNER: &str = "100000000057";

/// An instance.
pub(super) fn item(network: &Network, instance: &Instance) -> InstanceItem {
    let held = held(network, &instance.id);
    let first = held.first().copied();
    let ended = instance.state == InstanceState::Terminated;
    let reason = ended.then(|| StateReasonItem {
        code: "Client.UserInitiatedShutdown".to_owned(),
        message: "Client.UserInitiatedShutdown: User initiated shutdown".to_owned(),
    });
    InstanceItem {
        instance_id: instance.id.to_string(),
        image_id: instance.image.to_string(),
        state: state_item(instance.state),
        private_dns_name: first.map(interface::dns_name).unwrap_or_default(),
        public_dns_name: first
            .map(|row| interface::public_dns_name(network, row))
            .unwrap_or_default(),
        state_transition_reason: instance
            .ended_at
            .map(|at| format!("User initiated ({at})"))
            .unwrap_or_default(),
        key_name: instance.key_name.clone(),
        ami_launch_index: i32::try_from(instance.launch_index).unwrap_or(i32::MAX),
        instance_type: instance.instance_type.clone(),
        launch_time: instance.launched_at,
        placement: PlacementItem {
            availability_zone: zone_name(network, first),
            group_name: String::new(),
            tenancy: "default".to_owned(),
        },
        monitoring: MonitoringItem {
            state: "disabled".to_owned(),
        },
        subnet_id: first.map(|row| row.subnet.to_string()),
        vpc_id: first.map(|row| row.vpc.to_string()),
        private_ip_address: first.map(|row| row.address.to_string()),
        public_ip_address: first
            .and_then(|row| row.public_ip)
            .map(|address| address.to_string()),
        state_reason: reason,
        architecture: "x86_64".to_owned(),
        root_device_type: "instance-store".to_owned(),
        root_device_name: ROOT.to_owned(),
        block_device_mappings: Items::default(),
        virtualization_type: "hvm".to_owned(),
        hypervisor: "xen".to_owned(),
        client_token: instance.client_token.clone(),
        ebs_optimized: false,
        network_interfaces: held
            .iter()
            .map(|row| interface_item(network, instance, row))
            .collect(),
        security_groups: first
            .map(|row| interface::group_items(network, row))
            .unwrap_or_default(),
        source_dest_check: first.map(|row| row.source_dest_check),
        tags: tag_set(&instance.tags),
    }
}

/// A state with AWS's code for it.
pub(super) fn state_item(state: InstanceState) -> InstanceStateItem {
    let (code, name) = match state {
        InstanceState::Running => (16, "running"),
        InstanceState::Terminated => (48, "terminated"),
    };
    InstanceStateItem {
        code,
        name: name.to_owned(),
    }
}

/// How an instance is. Its namespace is there as long as it runs, so that there is nothing more to look at.
pub(super) fn status_item(network: &Network, instance: &Instance) -> InstanceStatusItem {
    let (status, reachability) = match instance.state {
        InstanceState::Running => ("ok", "passed"),
        InstanceState::Terminated => ("not-applicable", "not-applicable"),
    };
    let summary = InstanceStatusSummaryItem {
        status: status.to_owned(),
        details: std::iter::once(InstanceStatusDetailsItem {
            name: "reachability".to_owned(),
            status: reachability.to_owned(),
        })
        .collect(),
    };
    InstanceStatusItem {
        instance_id: instance.id.to_string(),
        availability_zone: zone_name(network, held(network, &instance.id).first().copied()),
        instance_state: state_item(instance.state),
        instance_status: summary.clone(),
        system_status: summary,
    }
}

/// An image.
pub(super) fn image(id: &ImageId) -> ImageItem {
    ImageItem {
        image_id: id.to_string(),
        image_location: "amazon/strait".to_owned(),
        state: "available".to_owned(),
        owner_id: IMAGE_OWNER.to_owned(),
        public: true,
        architecture: "x86_64".to_owned(),
        image_type: "machine".to_owned(),
        name: "strait".to_owned(),
        description: "A namespace of this machine; every well-formed image id runs it".to_owned(),
        root_device_name: ROOT.to_owned(),
        root_device_type: "instance-store".to_owned(),
        virtualization_type: "hvm".to_owned(),
        hypervisor: "xen".to_owned(),
        creation_date: "2026-11-25T00:00:00.000Z".to_owned(),
        block_device_mappings: Items::default(),
        tags: Items::default(),
    }
}

/// What filters look at.
pub(super) fn filter_values(
    network: &Network,
    instance: &Instance,
    name: &str,
) -> Option<Vec<String>> {
    let held = held(network, &instance.id);
    let first = held.first().copied();
    let state = state_item(instance.state);
    let each = |value: fn(&Interface) -> String| held.iter().map(|row| value(row)).collect();
    let groups = || held.iter().flat_map(|row| row.groups.iter());
    let group_names = || {
        groups()
            .filter_map(|id| network.security_groups.get(id))
            .map(|group| group.name.clone())
    };
    let public = || {
        held.iter()
            .filter_map(|row| row.public_ip)
            .map(|address| address.to_string())
            .collect()
    };
    let values = match name {
        "instance-id" => vec![instance.id.to_string()],
        "image-id" => vec![instance.image.to_string()],
        "instance-type" => vec![instance.instance_type.clone()],
        "key-name" => instance.key_name.iter().cloned().collect(),
        "client-token" => instance.client_token.iter().cloned().collect(),
        "instance-state-name" => vec![state.name],
        "instance-state-code" => vec![state.code.to_string()],
        "launch-time" => vec![instance.launched_at.to_string()],
        "launch-index" => vec![instance.launch_index.to_string()],
        "owner-id" => vec![instance.owner.to_string()],
        "reservation-id" => vec![instance.reservation.to_string()],
        "availability-zone" | "network-interface.availability-zone" => {
            vec![zone_name(network, first)]
        }
        "architecture" => vec!["x86_64".to_owned()],
        "hypervisor" => vec!["xen".to_owned()],
        "root-device-type" => vec!["instance-store".to_owned()],
        "tenancy" => vec!["default".to_owned()],
        "virtualization-type" => vec!["hvm".to_owned()],
        "instance-lifecycle" => Vec::new(),
        "vpc-id" | "network-interface.vpc-id" => {
            first.map(|row| row.vpc.to_string()).into_iter().collect()
        }
        "subnet-id" | "network-interface.subnet-id" => each(|row| row.subnet.to_string()),
        "private-ip-address"
        | "network-interface.addresses.private-ip-address"
        | "network-interface.private-ip-address" => each(|row| row.address.to_string()),
        "private-dns-name" | "network-interface.private-dns-name" => each(interface::dns_name),
        "dns-name" => first
            .map(|row| interface::public_dns_name(network, row))
            .into_iter()
            .collect(),
        "ip-address" | "network-interface.association.public-ip" => public(),
        "source-dest-check" | "network-interface.source-dest-check" => {
            each(|row| row.source_dest_check.to_string())
        }
        "instance.group-id" | "group-id" | "network-interface.group-id" => {
            groups().map(ToString::to_string).collect()
        }
        "instance.group-name" | "group-name" | "network-interface.group-name" => {
            group_names().collect()
        }
        "network-interface.network-interface-id" => each(|row| row.id.to_string()),
        "network-interface.mac-address" => each(interface::mac),
        _ => return None,
    };
    Some(values)
}

const ROOT: &str = "/dev/sda1";

/// The interfaces of an instance by device index.
pub(super) fn held<'n>(network: &'n Network, instance: &InstanceId) -> Vec<&'n Interface> {
    let mut held: Vec<(u16, &Interface)> = network
        .interfaces
        .values()
        .filter_map(|interface| match &interface.holder {
            Holder::Instance {
                id, device_index, ..
            } if id == instance => Some((*device_index, interface)),
            Holder::Instance { .. }
            | Holder::None
            | Holder::Endpoint(_)
            | Holder::LoadBalancer(_) => None,
        })
        .collect();
    held.sort_by_key(|(index, _)| *index);
    held.into_iter().map(|(_, interface)| interface).collect()
}

fn zone_name(network: &Network, interface: Option<&Interface>) -> String {
    let subnet = interface.and_then(|interface| network.subnets.get(&interface.subnet));
    subnet
        .map(|subnet| region::zone(subnet).name)
        .unwrap_or_default()
}

fn interface_item(
    network: &Network,
    instance: &Instance,
    interface: &Interface,
) -> InstanceNetworkInterfaceItem {
    let association = interface
        .public_ip
        .map(|address| InstanceNetworkInterfaceAssociationItem {
            ip_owner_id: interface::public_owner(network, interface),
            public_dns_name: interface::public_dns_name(network, interface),
            public_ip: address.to_string(),
        });
    let (attachment_id, device_index) = match &interface.holder {
        Holder::Instance {
            attachment,
            device_index,
            ..
        } => (attachment.to_string(), i32::from(*device_index)),
        Holder::None | Holder::Endpoint(_) | Holder::LoadBalancer(_) => (String::new(), 0),
    };
    InstanceNetworkInterfaceItem {
        network_interface_id: interface.id.to_string(),
        owner_id: interface.owner.to_string(),
        status: "in-use".to_owned(),
        subnet_id: interface.subnet.to_string(),
        vpc_id: interface.vpc.to_string(),
        private_ip_address: interface.address.to_string(),
        mac_address: interface::mac(interface),
        source_dest_check: interface.source_dest_check,
        description: interface.description.clone(),
        interface_type: "interface".to_owned(),
        groups: interface::group_items(network, interface),
        attachment: InstanceNetworkInterfaceAttachmentItem {
            attachment_id,
            device_index,
            status: "attached".to_owned(),
            delete_on_termination: true,
            attach_time: instance.launched_at,
        },
        association: association.clone(),
        private_ip_addresses: std::iter::once(InstancePrivateIpAddressItem {
            private_ip_address: interface.address.to_string(),
            primary: true,
            association,
        })
        .collect(),
    }
}
