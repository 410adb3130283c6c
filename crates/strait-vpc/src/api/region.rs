//! What a Region has, whoever asks.

use serde::Serialize;

use crate::api::requests::requests;
use crate::api::{Filter, Items, TagItem};

requests! {
    /// Shows Regions.
    DescribeRegionsRequest {
        /// Which ones; all if none is named.
        #[serde(default, rename = "RegionName")]
        pub region_names: Vec<String>,
        /// What to show.
        #[serde(default, rename = "Filter")]
        pub filters: Vec<Filter>,
        /// Whether Regions that are not enabled are shown.
        #[serde(default)]
        pub all_regions: Option<bool>,
    }

    /// Shows the Region's zones.
    DescribeAvailabilityZonesRequest {
        /// Which ones by name.
        #[serde(default, rename = "ZoneName")]
        pub zone_names: Vec<String>,
        /// Which ones by id.
        #[serde(default, rename = "ZoneId")]
        pub zone_ids: Vec<String>,
        /// What to show.
        #[serde(default, rename = "Filter")]
        pub filters: Vec<Filter>,
        /// Whether zones that are not enabled are shown; all are enabled.
        #[serde(default)]
        pub all_availability_zones: Option<bool>,
    }

    /// Shows attributes of the account.
    DescribeAccountAttributesRequest {
        /// Which ones; all if none is named.
        #[serde(default, rename = "AttributeName")]
        pub attribute_names: Vec<String>,
    }

    /// Shows DHCP options sets.
    paged DescribeDhcpOptionsRequest {
        /// Which ones; all if none is named.
        #[serde(default, rename = "DhcpOptionsId")]
        pub dhcp_options_ids: Vec<String>,
    }
}

/// What DescribeRegions answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeRegionsResponse {
    /// The Regions.
    #[serde(rename = "regionInfo")]
    pub regions: Items<RegionItem>,
}

/// What DescribeAvailabilityZones answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeAvailabilityZonesResponse {
    /// The zones.
    #[serde(rename = "availabilityZoneInfo")]
    pub availability_zones: Items<AvailabilityZoneItem>,
}

/// What DescribeAccountAttributes answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeAccountAttributesResponse {
    /// The attributes.
    #[serde(rename = "accountAttributeSet")]
    pub account_attributes: Items<AccountAttributeItem>,
}

/// What DescribeDhcpOptions answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeDhcpOptionsResponse {
    /// The DHCP options sets.
    #[serde(rename = "dhcpOptionsSet")]
    pub dhcp_options: Items<DhcpOptionsItem>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A Region.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegionItem {
    /// The Region.
    pub region_name: String,
    /// Where it answers.
    #[serde(rename = "regionEndpoint")]
    pub endpoint: String,
    /// `opt-in-not-required`.
    pub opt_in_status: String,
}

/// A zone.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AvailabilityZoneItem {
    /// Its name.
    pub zone_name: String,
    /// Its id.
    pub zone_id: String,
    /// The Region.
    pub region_name: String,
    /// Its state.
    #[serde(rename = "zoneState")]
    pub state: String,
    /// `availability-zone`.
    pub zone_type: String,
    /// The group's name.
    pub group_name: String,
    /// The Region.
    pub network_border_group: String,
    /// `opt-in-not-required`.
    pub opt_in_status: String,
    /// Always empty.
    #[serde(rename = "messageSet")]
    pub messages: Items<AvailabilityZoneMessageItem>,
}

/// An attribute of an account.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountAttributeItem {
    /// Its name.
    pub attribute_name: String,
    /// Its values.
    #[serde(rename = "attributeValueSet")]
    pub attribute_values: Items<AccountAttributeValueItem>,
}

/// A DHCP options set.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DhcpOptionsItem {
    /// The DHCP options set.
    pub dhcp_options_id: String,
    /// Who owns it.
    pub owner_id: String,
    /// The options.
    #[serde(rename = "dhcpConfigurationSet")]
    pub dhcp_configurations: Items<DhcpConfigurationItem>,
    /// The tags.
    #[serde(rename = "tagSet")]
    pub tags: Items<TagItem>,
}

/// A message about a zone; there is none here.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AvailabilityZoneMessageItem {
    /// What it is about.
    pub message: String,
}

/// A value of an attribute.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountAttributeValueItem {
    /// The value.
    pub attribute_value: String,
}

/// One DHCP option.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DhcpConfigurationItem {
    /// The key.
    pub key: String,
    /// The values.
    #[serde(rename = "valueSet")]
    pub values: Items<AttributeValueItem>,
}

/// A value.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttributeValueItem {
    /// The value.
    pub value: String,
}
