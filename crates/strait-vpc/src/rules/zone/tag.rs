//! Tags of hosted zones.

use super::{check_id, find, invalid_input};
use crate::api::*;
use crate::error::{AwsError, Fault};
use crate::rules::{Caller, check};
use crate::state::*;

pub(in crate::rules) fn change_tags(
    network: &mut Network,
    caller: &Caller,
    request: &ChangeTagsForResourceRequest,
) -> Result<Nothing, AwsError> {
    let mut zone = resource(
        network,
        caller,
        &request.resource_type,
        &request.resource_id,
    )?
    .clone();
    let (added, removed) = (&request.add_tags, &request.remove_tag_keys);
    if added.is_empty() && removed.is_empty() {
        return Err(invalid_input(
            "Name tags to add, or keys of tags to remove.",
        ));
    }
    for key in removed {
        zone.tags.remove(key);
    }
    check::add_tags(&mut zone.tags, added).map_err(|error| invalid_input(&error.message))?;
    network.hosted_zones.insert(zone.id.clone(), zone);
    Ok(Nothing {})
}

pub(in crate::rules) fn list_tags(
    network: &Network,
    caller: &Caller,
    request: &ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, AwsError> {
    let zone = resource(
        network,
        caller,
        &request.resource_type,
        &request.resource_id,
    )?;
    Ok(ListTagsForResourceResponse {
        resource_tag_set: tag_set(zone),
    })
}

pub(in crate::rules) fn list_tags_of_several(
    network: &Network,
    caller: &Caller,
    request: &ListTagsForResourcesRequest,
) -> Result<ListTagsForResourcesResponse, AwsError> {
    let ids = &request.resource_ids;
    if !(1..=10).contains(&ids.len()) {
        return Err(invalid_input("Name 1 to 10 resources."));
    }
    let zone = |id: &String| resource(network, caller, &request.resource_type, id).map(tag_set);
    Ok(ListTagsForResourcesResponse {
        resource_tag_sets: ids.iter().map(zone).collect::<Result<_, _>>()?,
    })
}

fn resource<'n>(
    network: &'n Network,
    caller: &Caller,
    kind: &str,
    id: &str,
) -> Result<&'n HostedZone, AwsError> {
    match kind {
        "hostedzone" => {
            // The id alone, unlike everywhere else.
            check_id(id, "resourceId")?;
            find(network, caller, id)
        }
        "healthcheck" => {
            let message =
                format!("A health check with id {id} does not exist: this cloud has none.");
            Err(AwsError::with_fault(
                "NoSuchHealthCheck",
                message,
                Fault::NotFound,
            ))
        }
        other => Err(invalid_input(&format!(
            "There is no resource type '{other}' with tags; hostedzone is one."
        ))),
    }
}

fn tag_set(zone: &HostedZone) -> ResourceTagSetItem {
    let tag = |(key, value): (&String, &String)| TagPairItem {
        key: key.clone(),
        value: value.clone(),
    };
    ResourceTagSetItem {
        resource_type: "hostedzone".to_owned(),
        resource_id: zone.id.to_string(),
        tags: zone.tags.iter().map(tag).collect(),
    }
}
