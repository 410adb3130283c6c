//! Tags of load balancers, target groups and listeners.

use super::{find_balancer, find_listener, find_target_group, invalid};
use crate::api::*;
use crate::error::AwsError;
use crate::rules::Caller;
use crate::state::{Network, Tags};

/// AWS's quota of tags of a resource.
const MOST_TAGS: usize = 50;

pub(in crate::rules) fn add_tags(
    network: &mut Network,
    caller: &Caller,
    request: &AddTagsRequest,
) -> Result<AddTagsResponse, AwsError> {
    let added = tags_of(&request.tags)?;
    for arn in &request.resource_arns {
        let mut tags = find_tags(network, caller, arn)?.clone();
        tags.extend(added.clone());
        if tags.len() > MOST_TAGS {
            return Err(too_many());
        }
    }
    change(network, &request.resource_arns, |tags| {
        tags.extend(added.clone());
    });
    Ok(AddTagsResponse(Nothing {}))
}

pub(in crate::rules) fn remove_tags(
    network: &mut Network,
    caller: &Caller,
    request: &RemoveTagsRequest,
) -> Result<RemoveTagsResponse, AwsError> {
    for arn in &request.resource_arns {
        find_tags(network, caller, arn)?;
    }
    change(network, &request.resource_arns, |tags| {
        tags.retain(|key, _| !request.tag_keys.contains(key));
    });
    Ok(RemoveTagsResponse(Nothing {}))
}

pub(in crate::rules) fn describe_tags(
    network: &Network,
    caller: &Caller,
    request: &DescribeBalancerTagsRequest,
) -> Result<DescribeBalancerTagsResponse, AwsError> {
    let mut descriptions = Vec::new();
    for arn in &request.resource_arns {
        let tags = find_tags(network, caller, arn)?;
        let tags = tags
            .iter()
            .map(|(key, value)| BalancerTag {
                key: key.clone(),
                value: value.clone(),
            })
            .collect();
        descriptions.push(TagDescription {
            resource_arn: arn.clone(),
            tags,
        });
    }
    Ok(DescribeBalancerTagsResponse {
        tag_descriptions: descriptions.into_iter().collect(),
    })
}

/// Tags as they are asked for; a key may be there once.
pub(super) fn tags_of(asked: &[TagInput]) -> Result<Tags, AwsError> {
    let mut tags = Tags::new();
    for tag in asked {
        if tag.key.is_empty()
            || tag.key.len() > 128
            || tag.value.len() > 256
            || tag.key.starts_with("aws:")
        {
            return Err(invalid(format!(
                "The tag key '{}' must have 1 to 128 characters and not begin with aws:, its value at most 256",
                tag.key
            )));
        }
        if tags.insert(tag.key.clone(), tag.value.clone()).is_some() {
            return Err(AwsError::new(
                "DuplicateTagKeys",
                format!("The tag key '{}' is there more than once", tag.key),
            ));
        }
    }
    if tags.len() > MOST_TAGS {
        Err(too_many())
    } else {
        Ok(tags)
    }
}

fn too_many() -> AwsError {
    AwsError::new(
        "TooManyTags",
        format!("A resource can have at most {MOST_TAGS} tags"),
    )
}

/// What an ARN names is in its sixth part: `loadbalancer/…`, `targetgroup/…` or `listener/…`.
fn find_tags<'n>(network: &'n Network, caller: &Caller, arn: &str) -> Result<&'n Tags, AwsError> {
    match arn
        .split(':')
        .nth(5)
        .and_then(|rest| rest.split('/').next())
    {
        Some("loadbalancer") => Ok(&find_balancer(network, caller, arn)?.tags),
        Some("targetgroup") => Ok(&find_target_group(network, caller, arn)?.tags),
        Some("listener") => Ok(&find_listener(network, caller, arn)?.tags),
        Some(_) | None => Err(invalid(format!(
            "'{arn}' is not a valid load balancer, target group or listener ARN"
        ))),
    }
}

fn change(network: &mut Network, arns: &[String], edit: impl Fn(&mut Tags)) {
    for arn in arns {
        let balancer = network.load_balancers.get_mut(arn).map(|row| &mut row.tags);
        let group = network.target_groups.get_mut(arn).map(|row| &mut row.tags);
        let listener = network.listeners.get_mut(arn).map(|row| &mut row.tags);
        for tags in balancer.into_iter().chain(group).chain(listener) {
            edit(tags);
        }
    }
}
