//! Instances: launch, end, show.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::instance_view::{IMAGE, filter_values, image, item, state_item, status_item};
use crate::rules::launch::{self, Launch};
use crate::rules::resource::{chosen, chosen_ids, find_id};
use crate::rules::{Caller, Context, address, check, filter};
use crate::state::*;

/// How long a terminated instance is shown.
const SHOWN_AFTER_END: SignedDuration = SignedDuration::from_hours(1);

pub(super) fn run(
    network: &mut Network,
    caller: &Caller,
    request: &RunInstancesRequest,
    context: &mut Context<'_>,
) -> Result<RunInstancesResponse, AwsError> {
    let token = check::client_token(
        network,
        caller,
        "RunInstances",
        request.client_token.as_deref(),
        request,
    )?;
    if let Some(made) = &token.made {
        return Ok(launched(network, caller, made, false));
    }
    let launch = Launch::read(network, caller, request)?;
    let reservation = launch::run(network, caller, &launch, request, context)?;
    token.remember(network, reservation.as_str());
    Ok(launched(network, caller, reservation.as_str(), true))
}

pub(super) fn describe(
    network: &Network,
    caller: &Caller,
    request: &DescribeInstancesRequest,
) -> Result<DescribeInstancesResponse, AwsError> {
    let mut reservations: BTreeMap<ReservationId, Vec<&Instance>> = BTreeMap::new();
    for instance in chosen::<Instance>(network, caller, &request.instance_ids)? {
        if filter::matches(&request.filters, &instance.tags, |name| {
            filter_values(network, instance, name)
        })? {
            reservations
                .entry(instance.reservation.clone())
                .or_default()
                .push(instance);
        }
    }
    let shown = reservations.into_iter().map(|(id, mut instances)| {
        instances.sort_by_key(|instance| instance.launch_index);
        ReservationItem {
            reservation_id: id.to_string(),
            owner_id: caller.account.to_string(),
            groups: Items::default(),
            instances: instances
                .into_iter()
                .map(|instance| item(network, instance))
                .collect(),
        }
    });
    let ids = &request.instance_ids;
    let page = filter::page(
        shown.collect(),
        request.max_results,
        request.next_token.as_deref(),
        ids,
    )?;
    Ok(DescribeInstancesResponse {
        reservations: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

pub(super) fn terminate(
    network: &mut Network,
    caller: &Caller,
    request: &TerminateInstancesRequest,
    context: &Context<'_>,
) -> Result<TerminateInstancesResponse, AwsError> {
    if request.instance_ids.is_empty() {
        return Err(AwsError::missing("instancesSet"));
    }
    let ids: Vec<InstanceId> = request
        .instance_ids
        .iter()
        .map(|id| find_id::<Instance>(network, caller, id))
        .collect::<Result<_, _>>()?;
    let mut changes = Vec::new();
    for id in ids {
        let Some(previous) = network.instances.get(&id).map(|instance| instance.state) else {
            continue;
        };
        let current_state = match previous {
            InstanceState::Running => InstanceStateItem {
                code: 32,
                name: "shutting-down".to_owned(),
            },
            InstanceState::Terminated => state_item(previous),
        };
        changes.push(InstanceStateChangeItem {
            instance_id: id.to_string(),
            current_state,
            previous_state: state_item(previous),
        });
        if previous == InstanceState::Running {
            end(network, &id, context.now);
        }
    }
    Ok(TerminateInstancesResponse {
        terminating_instances: changes.into_iter().collect(),
    })
}

pub(super) fn describe_status(
    network: &Network,
    caller: &Caller,
    request: &DescribeInstanceStatusRequest,
) -> Result<DescribeInstanceStatusResponse, AwsError> {
    let all = request.include_all_instances.unwrap_or(false);
    let mut shown = Vec::new();
    for instance in chosen::<Instance>(network, caller, &request.instance_ids)? {
        let status = status_item(network, instance);
        let values = |name: &str| match name {
            "availability-zone" => Some(vec![status.availability_zone.clone()]),
            "instance-state-code" => Some(vec![status.instance_state.code.to_string()]),
            "instance-state-name" => Some(vec![status.instance_state.name.clone()]),
            "instance-status.status" => Some(vec![status.instance_status.status.clone()]),
            "system-status.status" => Some(vec![status.system_status.status.clone()]),
            _ => None,
        };
        let asked = all || instance.state == InstanceState::Running;
        if filter::matches(&request.filters, &instance.tags, values)? && asked {
            shown.push(status);
        }
    }
    let page = filter::page(
        shown,
        request.max_results,
        request.next_token.as_deref(),
        &request.instance_ids,
    )?;
    Ok(DescribeInstanceStatusResponse {
        instance_statuses: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

/// Names one image, or those that were asked for: every well-formed id runs.
pub(super) fn describe_images(
    request: &DescribeImagesRequest,
) -> Result<DescribeImagesResponse, AwsError> {
    let ids = if request.image_ids.is_empty() {
        vec![IMAGE.to_owned()]
    } else {
        request.image_ids.clone()
    };
    let mut shown = Vec::new();
    for id in ids {
        let id: ImageId = launch::image_id(&id)?;
        let item = image(&id);
        let values = |name: &str| match name {
            "architecture" => Some(vec![item.architecture.clone()]),
            "image-id" => Some(vec![item.image_id.clone()]),
            "image-type" => Some(vec![item.image_type.clone()]),
            "is-public" => Some(vec!["true".to_owned()]),
            "name" => Some(vec![item.name.clone()]),
            "description" => Some(vec![item.description.clone()]),
            "owner-alias" => Some(vec!["amazon".to_owned()]),
            "owner-id" => Some(vec![item.owner_id.clone()]),
            "state" => Some(vec!["available".to_owned()]),
            "root-device-type" => Some(vec![item.root_device_type.clone()]),
            "root-device-name" => Some(vec![item.root_device_name.clone()]),
            "virtualization-type" => Some(vec![item.virtualization_type.clone()]),
            "hypervisor" => Some(vec![item.hypervisor.clone()]),
            "creation-date" => Some(vec![item.creation_date.clone()]),
            _ => None,
        };
        let owned =
            chosen_ids(&request.owners, "amazon") || chosen_ids(&request.owners, &item.owner_id);
        let launchable =
            request.executable_users.is_empty() || chosen_ids(&request.executable_users, "all");
        if filter::matches(&request.filters, &Tags::new(), values)? && owned && launchable {
            shown.push(item);
        }
    }
    let page = filter::page(
        shown,
        request.max_results,
        request.next_token.as_deref(),
        &request.image_ids,
    )?;
    Ok(DescribeImagesResponse {
        images: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

/// Time passes: terminated instances go after an hour.
pub(super) fn pass(network: &mut Network, now: Timestamp) {
    let over = |instance: &&Instance| {
        instance
            .ended_at
            .is_some_and(|ended| ended + SHOWN_AFTER_END <= now)
    };
    let gone: Vec<InstanceId> = network
        .instances
        .values()
        .filter(over)
        .map(|instance| instance.id.clone())
        .collect();
    for id in gone {
        network.instances.remove(&id);
    }
}

fn end(network: &mut Network, id: &InstanceId, now: Timestamp) {
    let held = network
        .interfaces
        .values()
        .filter(|interface| match &interface.holder {
            Holder::Instance { id: holder, .. } => holder == id,
            Holder::None | Holder::Endpoint(_) | Holder::LoadBalancer(_) => false,
        });
    let held: Vec<InterfaceId> = held.map(|interface| interface.id.clone()).collect();
    for interface in held {
        address::forget_interface(network, &interface);
        network.interfaces.remove(&interface);
    }
    if let Some(instance) = network.instances.get_mut(id) {
        instance.state = InstanceState::Terminated;
        instance.ended_at = Some(now);
    }
}

fn launched(
    network: &Network,
    caller: &Caller,
    reservation: &str,
    now: bool,
) -> RunInstancesResponse {
    let of = |instance: &&Instance| instance.reservation.as_str() == reservation;
    let mut instances: Vec<&Instance> = network.instances.values().filter(of).collect();
    instances.sort_by_key(|instance| instance.launch_index);
    let shown = instances.into_iter().map(|instance| {
        let mut item = item(network, instance);
        if now {
            item.state = InstanceStateItem {
                code: 0,
                name: "pending".to_owned(),
            };
        }
        item
    });
    RunInstancesResponse {
        reservation_id: reservation.to_owned(),
        owner_id: caller.account.to_string(),
        groups: Items::default(),
        instances: shown.collect(),
    }
}
