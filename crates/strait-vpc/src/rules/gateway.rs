//! Internet gateways.

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::quota::{self, Quota};
use crate::rules::resource::{Resource, chosen, find, find_id};
use crate::rules::{Caller, Context, check, filter, resource};
use crate::state::*;

pub(super) fn create(
    network: &mut Network,
    caller: &Caller,
    request: &CreateInternetGatewayRequest,
    context: &mut Context<'_>,
) -> Result<CreateInternetGatewayResponse, AwsError> {
    let tags = check::tags_from(&request.tag_specifications, InternetGateway::KIND)?;
    let owned = network
        .internet_gateways
        .values()
        .filter(|gateway| gateway.is_of(caller))
        .count();
    quota::within(
        network,
        &caller.account,
        Quota::GatewaysPerRegion,
        owned + 1,
    )?;
    let id = make(network, caller, None, tags, context);
    Ok(CreateInternetGatewayResponse {
        internet_gateway: item(find(network, caller, id.as_str())?),
    })
}

pub(super) fn describe(
    network: &Network,
    caller: &Caller,
    request: &DescribeInternetGatewaysRequest,
) -> Result<DescribeInternetGatewaysResponse, AwsError> {
    let mut shown = Vec::new();
    for gateway in chosen::<InternetGateway>(network, caller, &request.internet_gateway_ids)? {
        if filter::matches(&request.filters, &gateway.tags, |name| {
            filter_values(gateway, name)
        })? {
            shown.push(item(gateway));
        }
    }
    let ids = &request.internet_gateway_ids;
    let page = filter::page(
        shown,
        request.max_results,
        request.next_token.as_deref(),
        ids,
    )?;
    Ok(DescribeInternetGatewaysResponse {
        internet_gateways: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

pub(super) fn attach(
    network: &mut Network,
    caller: &Caller,
    request: &AttachInternetGatewayRequest,
) -> Result<AttachInternetGatewayResponse, AwsError> {
    let gateway = find::<InternetGateway>(network, caller, &request.internet_gateway_id)?;
    let vpc = check::find_vpc(network, caller, &request.vpc_id)?
        .id
        .clone();
    if let Some(other) = &gateway.vpc {
        let message = format!(
            "resource {} is already attached to network {other}",
            gateway.id
        );
        return Err(AwsError::new("Resource.AlreadyAssociated", message));
    }
    if let Some(other) = network
        .internet_gateways
        .values()
        .find(|other| other.vpc.as_ref() == Some(&vpc))
    {
        let message = format!(
            "Network {vpc} already has an internet gateway attached: {}",
            other.id
        );
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    let id = gateway.id.clone();
    if let Some(gateway) = network.internet_gateways.get_mut(&id) {
        gateway.vpc = Some(vpc);
    }
    Ok(AttachInternetGatewayResponse(Done::YES))
}

pub(super) fn detach(
    network: &mut Network,
    caller: &Caller,
    request: &DetachInternetGatewayRequest,
) -> Result<DetachInternetGatewayResponse, AwsError> {
    let gateway = find::<InternetGateway>(network, caller, &request.internet_gateway_id)?;
    let asked = resource::parse::<Vpc>(&request.vpc_id)?;
    if gateway.vpc.as_ref() != Some(&asked) {
        let message = format!("resource {} is not attached to network {asked}", gateway.id);
        return Err(AwsError::new("Gateway.NotAttached", message));
    }
    let vpc = check::find_vpc(network, caller, asked.as_str())?;
    let public = network
        .interfaces
        .values()
        .find(|row| row.vpc == vpc.id && row.public_ip.is_some());
    if let Some(interface) = public {
        let message = format!(
            "Network {} has some mapped public address(es), such as that of {}. Please unmap those public address(es) before detaching the gateway.",
            vpc.id, interface.id
        );
        return Err(AwsError::new("DependencyViolation", message));
    }
    let id = gateway.id.clone();
    if let Some(gateway) = network.internet_gateways.get_mut(&id) {
        gateway.vpc = None;
    }
    Ok(DetachInternetGatewayResponse(Done::YES))
}

pub(super) fn delete(
    network: &mut Network,
    caller: &Caller,
    request: &DeleteInternetGatewayRequest,
) -> Result<DeleteInternetGatewayResponse, AwsError> {
    let id = find_id::<InternetGateway>(network, caller, &request.internet_gateway_id)?;
    if let Some(vpc) = network
        .internet_gateways
        .get(&id)
        .and_then(|gateway| gateway.vpc.as_ref())
    {
        let message = format!(
            "The internetGateway '{id}' has dependencies and cannot be deleted. Detach it from {vpc} first."
        );
        return Err(AwsError::new("DependencyViolation", message));
    }
    network.internet_gateways.remove(&id);
    Ok(DeleteInternetGatewayResponse(Done::YES))
}

/// Makes an internet gateway.
pub(super) fn make(
    network: &mut Network,
    caller: &Caller,
    vpc: Option<VpcId>,
    tags: Tags,
    context: &mut Context<'_>,
) -> InternetGatewayId {
    let id = InternetGatewayId::from_random((context.random)());
    let (owner, region) = (caller.account.clone(), caller.region.clone());
    network.internet_gateways.insert(
        id.clone(),
        InternetGateway {
            id: id.clone(),
            owner,
            region,
            vpc,
            tags,
        },
    );
    id
}

fn item(gateway: &InternetGateway) -> InternetGatewayItem {
    let attached = |vpc: &VpcId| InternetGatewayAttachmentItem {
        state: "available".to_owned(),
        vpc_id: vpc.to_string(),
    };
    InternetGatewayItem {
        internet_gateway_id: gateway.id.to_string(),
        owner_id: gateway.owner.to_string(),
        attachments: gateway.vpc.iter().map(attached).collect(),
        tags: tag_set(&gateway.tags),
    }
}

fn filter_values(gateway: &InternetGateway, name: &str) -> Option<Vec<String>> {
    let values = match name {
        "internet-gateway-id" => vec![gateway.id.to_string()],
        "owner-id" => vec![gateway.owner.to_string()],
        "attachment.vpc-id" => gateway.vpc.iter().map(ToString::to_string).collect(),
        "attachment.state" => gateway.vpc.iter().map(|_| "available".to_owned()).collect(),
        _ => return None,
    };
    Some(values)
}
