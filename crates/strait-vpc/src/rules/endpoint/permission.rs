//! Who may connect to an endpoint service, and the services that a caller may connect to.

use super::{base_name, derived_id, gateway, private_dns, refuse, service_zones};
use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::resource::find;
use crate::rules::{Caller, filter};
use crate::state::*;

pub(in crate::rules) fn modify_permissions(
    network: &mut Network,
    caller: &Caller,
    request: &ModifyVpcEndpointServicePermissionsRequest,
) -> Result<ModifyVpcEndpointServicePermissionsResponse, AwsError> {
    let id = find::<EndpointService>(network, caller, &request.service_id)?
        .id
        .clone();
    for principal in request
        .add_allowed_principals
        .iter()
        .chain(&request.remove_allowed_principals)
    {
        principal_type(principal)?;
    }
    let mut added = Vec::new();
    if let Some(service) = network.endpoint_services.get_mut(&id) {
        for principal in &request.remove_allowed_principals {
            service.allowed_principals.remove(principal);
        }
        for principal in &request.add_allowed_principals {
            if service.allowed_principals.insert(principal.clone()) {
                added.push(AddedPrincipalItem {
                    principal_type: principal_type(principal)?,
                    principal: principal.clone(),
                    service_permission_id: permission_id(&id, principal),
                    service_id: id.to_string(),
                });
            }
        }
    }
    Ok(ModifyVpcEndpointServicePermissionsResponse {
        added_principals: added.into_iter().collect(),
        done: true,
    })
}

pub(in crate::rules) fn describe_permissions(
    network: &Network,
    caller: &Caller,
    request: &DescribeVpcEndpointServicePermissionsRequest,
) -> Result<DescribeVpcEndpointServicePermissionsResponse, AwsError> {
    let service = find::<EndpointService>(network, caller, &request.service_id)?;
    let mut shown = Vec::new();
    for principal in &service.allowed_principals {
        let kind = principal_type(principal)?;
        let values = |name: &str| match name {
            "principal" => Some(vec![principal.clone()]),
            "principal-type" => Some(vec![kind.to_owned()]),
            _ => None,
        };
        if filter::matches(&request.filters, &Tags::new(), values)? {
            shown.push(AllowedPrincipalItem {
                principal_type: kind,
                principal: principal.clone(),
                service_permission_id: permission_id(&service.id, principal),
                tags: Items::default(),
                service_id: service.id.to_string(),
            });
        }
    }
    let page = filter::page(
        shown,
        request.max_results,
        request.next_token.as_deref(),
        &[],
    )?;
    Ok(DescribeVpcEndpointServicePermissionsResponse {
        allowed_principals: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

pub(in crate::rules) fn describe_services(
    network: &Network,
    caller: &Caller,
    request: &DescribeVpcEndpointServicesRequest,
) -> Result<DescribeVpcEndpointServicesResponse, AwsError> {
    let elsewhere = request
        .service_regions
        .iter()
        .any(|region| region != caller.region.as_str());
    refuse([(elsewhere, "An endpoint service of another Region")])?;
    let names = &request.service_names;
    for name in names
        .iter()
        .filter(|name| !gateway::is_service(caller, name))
    {
        find_by_name(network, caller, name)?;
    }
    let mut shown = gateway::service_details(caller, names, &request.filters)?;
    for service in network
        .endpoint_services
        .values()
        .filter(|service| may_connect(service, caller))
    {
        let name = service.service_name();
        let asked = request.service_names.is_empty() || request.service_names.contains(&name);
        if asked
            && filter::matches(&request.filters, &service.tags, |name| {
                filter_values(service, name)
            })?
        {
            shown.push(detail(network, caller, service));
        }
    }
    let page = filter::page(
        shown,
        request.max_results,
        request.next_token.as_deref(),
        &request.service_names,
    )?;
    Ok(DescribeVpcEndpointServicesResponse {
        service_names: page
            .items
            .iter()
            .map(|service| service.service_name.clone())
            .collect(),
        service_details: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

/// The service with this name, if the caller may connect to it; else it looks as if it were not there.
pub(super) fn find_by_name<'n>(
    network: &'n Network,
    caller: &Caller,
    name: &str,
) -> Result<&'n EndpointService, AwsError> {
    let mut services = network
        .endpoint_services
        .values()
        .filter(|service| may_connect(service, caller));
    services.find(|service| service.service_name() == name).ok_or_else(|| {
        let message = format!(
            "The Vpc Endpoint Service '{name}' does not exist, or its owner does not allow account {} to connect",
            caller.account
        );
        AwsError::new("InvalidServiceName", message)
    })
}

/// The owner and allowed principals may connect. Callers here are accounts: a user's or role's ARN allows nobody else.
fn may_connect(service: &EndpointService, caller: &Caller) -> bool {
    let root = format!("arn:aws:iam::{}:root", caller.account);
    let allowed = &service.allowed_principals;
    service.region == caller.region
        && (service.owner == caller.account || allowed.contains("*") || allowed.contains(&root))
}

fn principal_type(principal: &str) -> Result<&'static str, AwsError> {
    if principal == "*" {
        return Ok("All");
    }
    let parts = principal
        .strip_prefix("arn:aws:iam::")
        .and_then(|rest| rest.split_once(':'));
    match parts {
        Some((account, name)) if account.parse::<AccountId>().is_ok() => match name.split_once('/')
        {
            None if name == "root" => return Ok("Account"),
            Some(("user", name)) if !name.is_empty() && !name.contains('/') => return Ok("User"),
            Some(("role", name)) if !name.is_empty() && !name.contains('/') => return Ok("Role"),
            Some(_) | None => {}
        },
        Some(_) | None => {}
    }
    let message = format!(
        "Invalid principal: '{principal}'. Give '*' or the ARN of an account (arn:aws:iam::123456789012:root), user or \
         role, without a path"
    );
    Err(AwsError::new("InvalidPrincipal", message))
}

fn permission_id(service: &EndpointServiceId, principal: &str) -> String {
    derived_id("vpce-svc-perm", &format!("{service}/{principal}"))
}

fn detail(network: &Network, caller: &Caller, service: &EndpointService) -> ServiceDetailItem {
    let (zones, zone_ids) = service_zones(network, service);
    let own = service.owner == caller.account;
    let private = service.private_dns.as_ref();
    ServiceDetailItem {
        service_name: service.service_name(),
        service_id: service.id.to_string(),
        service_type: [ServiceTypeItem {
            service_type: "Interface",
        }]
        .into_iter()
        .collect(),
        service_region: service.region.to_string(),
        availability_zones: zones.into_iter().collect(),
        availability_zone_ids: zone_ids.into_iter().collect(),
        owner: service.owner.to_string(),
        base_endpoint_dns_names: [base_name(service)].into_iter().collect(),
        private_dns_name: private.map(|dns| dns.name.clone()),
        private_dns_names: private
            .map(|dns| PrivateDnsDetailsItem {
                private_dns_name: dns.name.clone(),
            })
            .into_iter()
            .collect(),
        private_dns_name_verification_state: private.map(|dns| private_dns::state_name(dns.state)),
        vpc_endpoint_policy_supported: false,
        acceptance_required: service.acceptance_required,
        manages_vpc_endpoints: false,
        tags: if own {
            tag_set(&service.tags)
        } else {
            Items::default()
        },
        supported_ip_address_types: ["ipv4"].into_iter().collect(),
    }
}

fn filter_values(service: &EndpointService, name: &str) -> Option<Vec<String>> {
    let value = match name {
        "owner" => service.owner.to_string(),
        "service-name" => service.service_name(),
        "service-region" => service.region.to_string(),
        "service-type" => "Interface".to_owned(),
        "supported-ip-address-types" => "ipv4".to_owned(),
        _ => return None,
    };
    Some(vec![value])
}
