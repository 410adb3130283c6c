//! What a Region has, whoever asks: Regions, zones, account attributes, DHCP options.

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::names;
use crate::rules::resource::chosen_ids;
use crate::rules::{Caller, filter};
use crate::state::*;

pub(super) fn describe_regions(
    request: &DescribeRegionsRequest,
) -> Result<DescribeRegionsResponse, AwsError> {
    check_all(&request.region_names, "region", |name| {
        region(name).is_some()
    })?;
    let mut shown = Vec::new();
    let all = request.all_regions == Some(true) || !request.region_names.is_empty();
    for info in regions()
        .iter()
        .filter(|info| all || info.is_enabled())
        .filter(|info| chosen_ids(&request.region_names, info.code))
    {
        let item = RegionItem {
            region_name: info.code.to_owned(),
            endpoint: format!("ec2.{}.amazonaws.com", info.code),
            opt_in_status: opt_in_status(info).to_owned(),
        };
        let values = |name: &str| match name {
            "region-name" => Some(vec![item.region_name.clone()]),
            "endpoint" => Some(vec![item.endpoint.clone()]),
            "opt-in-status" => Some(vec![item.opt_in_status.clone()]),
            _ => None,
        };
        if filter::matches(&request.filters, &Tags::new(), values)? {
            shown.push(item);
        }
    }
    Ok(DescribeRegionsResponse {
        regions: shown.into_iter().collect(),
    })
}

pub(super) fn describe_zones(
    caller: &Caller,
    request: &DescribeAvailabilityZonesRequest,
) -> Result<DescribeAvailabilityZonesResponse, AwsError> {
    let code = caller.region.as_str();
    let opt_in = region(code).map_or("", opt_in_status);
    check_all(&request.zone_names, "availability zone", |name| {
        zones(code).any(|zone| zone.name == name)
    })?;
    check_all(&request.zone_ids, "availability zone", |id| {
        zones(code).any(|zone| zone.id == id)
    })?;
    let mut shown = Vec::new();
    for zone in zones(code) {
        let asked =
            chosen_ids(&request.zone_names, &zone.name) && chosen_ids(&request.zone_ids, &zone.id);
        let values = |name: &str| match name {
            "zone-name" => Some(vec![zone.name.clone()]),
            "zone-id" => Some(vec![zone.id.clone()]),
            "zone-type" => Some(vec![ZONE_TYPE.to_owned()]),
            "state" => Some(vec!["available".to_owned()]),
            "region-name" | "group-name" | "network-border-group" => Some(vec![code.to_owned()]),
            "opt-in-status" => Some(vec![opt_in.to_owned()]),
            "message" | "parent-zone-id" | "parent-zone-name" => Some(Vec::new()),
            _ => None,
        };
        if filter::matches(&request.filters, &Tags::new(), values)? && asked {
            shown.push(AvailabilityZoneItem {
                zone_name: zone.name.clone(),
                zone_id: zone.id.clone(),
                region_name: code.to_owned(),
                state: "available".to_owned(),
                zone_type: ZONE_TYPE.to_owned(),
                group_name: code.to_owned(),
                network_border_group: code.to_owned(),
                opt_in_status: opt_in.to_owned(),
                messages: Items::default(),
            });
        }
    }
    Ok(DescribeAvailabilityZonesResponse {
        availability_zones: shown.into_iter().collect(),
    })
}

pub(super) fn describe_account_attributes(
    network: &Network,
    caller: &Caller,
    request: &DescribeAccountAttributesRequest,
) -> Result<DescribeAccountAttributesResponse, AwsError> {
    let mut default_vpcs = network
        .vpcs
        .values()
        .filter(|vpc| vpc.is_default && vpc.owner == caller.account && vpc.region == caller.region);
    let default_vpc = default_vpcs
        .next()
        .map_or_else(|| "none".to_owned(), |vpc| vpc.id.to_string());
    let attributes = [
        ("supported-platforms", "VPC".to_owned()),
        ("default-vpc", default_vpc),
    ];
    let known = |name: &str| attributes.iter().any(|(attribute, _)| *attribute == name);
    check_all(&request.attribute_names, "attribute", known)?;
    let asked = attributes
        .iter()
        .filter(|(name, _)| chosen_ids(&request.attribute_names, name));
    let item = |(name, value): &(&str, String)| AccountAttributeItem {
        attribute_name: (*name).to_owned(),
        attribute_values: std::iter::once(AccountAttributeValueItem {
            attribute_value: value.clone(),
        })
        .collect(),
    };
    Ok(DescribeAccountAttributesResponse {
        account_attributes: asked.map(item).collect(),
    })
}

pub(super) fn describe_dhcp_options(
    caller: &Caller,
    request: &DescribeDhcpOptionsRequest,
) -> Result<DescribeDhcpOptionsResponse, AwsError> {
    let id = dhcp_options(caller).to_string();
    for asked in &request.dhcp_options_ids {
        asked
            .parse::<DhcpOptionsId>()
            .map_err(|why| AwsError::new("InvalidDhcpOptionsId.Malformed", why.to_string()))?;
        if *asked != id {
            let message = format!("The dhcpOption ID '{asked}' does not exist");
            return Err(AwsError::new("InvalidDhcpOptionID.NotFound", message));
        }
    }
    let option = |key: &str, value: String| DhcpConfigurationItem {
        key: key.to_owned(),
        values: std::iter::once(AttributeValueItem { value }).collect(),
    };
    let domain = names::private_domain(&caller.region);
    let values = |name: &str| match name {
        "dhcp-options-id" => Some(vec![id.clone()]),
        "owner-id" => Some(vec![caller.account.to_string()]),
        "key" => Some(vec![
            "domain-name".to_owned(),
            "domain-name-servers".to_owned(),
        ]),
        "value" => Some(vec![domain.clone(), "AmazonProvidedDNS".to_owned()]),
        _ => None,
    };
    let shown = filter::matches(&request.filters, &Tags::new(), values)?;
    let item = DhcpOptionsItem {
        dhcp_options_id: id.clone(),
        owner_id: caller.account.to_string(),
        dhcp_configurations: [
            option("domain-name", domain.clone()),
            option("domain-name-servers", "AmazonProvidedDNS".to_owned()),
        ]
        .into_iter()
        .collect(),
        tags: Items::default(),
    };
    let items = if shown { vec![item] } else { Vec::new() };
    let page = filter::page(
        items,
        request.max_results,
        request.next_token.as_deref(),
        &request.dhcp_options_ids,
    )?;
    Ok(DescribeDhcpOptionsResponse {
        dhcp_options: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

/// A zone of a Region.
pub(super) struct Zone {
    /// Its letter.
    pub(super) letter: char,
    /// Its name, such as `us-east-1a`.
    pub(super) name: String,
    /// Its id, such as `use1-az1`.
    pub(super) id: String,
}

/// The zones of a Region; none if there is no such Region.
pub(super) fn zones(code: &str) -> impl Iterator<Item = Zone> {
    region(code).into_iter().flat_map(|info| {
        let numbers = info.zone_numbers.chars();
        numbers
            .zip(info.zones.chars())
            .map(move |(number, letter)| Zone {
                letter,
                name: format!("{}{letter}", info.code),
                id: format!("{}-az{number}", info.zone_prefix),
            })
    })
}

/// The zone of a subnet.
pub(super) fn zone(subnet: &Subnet) -> Zone {
    let letter = subnet.zone;
    let known = zones(subnet.region.as_str()).find(|zone| zone.letter == letter);
    known.unwrap_or_else(|| Zone {
        letter,
        name: format!("{}{letter}", subnet.region),
        id: String::new(),
    })
}

/// The DHCP options set that an account's VPCs in a Region have; its id follows from both.
pub(super) fn dhcp_options(caller: &Caller) -> DhcpOptionsId {
    let bytes = caller
        .account
        .as_str()
        .bytes()
        .chain(caller.region.as_str().bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    DhcpOptionsId::from_random(u128::from(hash))
}

const ZONE_TYPE: &str = "availability-zone";

fn opt_in_status(info: &RegionInfo) -> &'static str {
    match info.opt_in {
        OptIn::NotRequired => "opt-in-not-required",
        OptIn::OptedIn => "opted-in",
        OptIn::NotOptedIn => "not-opted-in",
    }
}

fn check_all(names: &[String], what: &str, known: impl Fn(&str) -> bool) -> Result<(), AwsError> {
    let Some(unknown) = names.iter().find(|name| !known(name)) else {
        return Ok(());
    };
    Err(AwsError::new(
        "InvalidParameterValue",
        format!("Invalid {what}: [{unknown}]"),
    ))
}
