//! What hosted zones answer.

use jiff::Timestamp;
use serde::Serialize;

use crate::api::Nothing;
use crate::api::answers::answers;
use crate::api::common::to_millisecond;

answers! {
    Changed {
        /// The change.
        AssociateVpcWithHostedZoneResponse,
        /// The change.
        ChangeResourceRecordSetsResponse,
        /// The change.
        DeleteHostedZoneResponse,
        /// The change.
        DisassociateVpcFromHostedZoneResponse,
        /// The change.
        GetChangeResponse,
    }
    Nothing {
        /// It is done.
        ChangeTagsForResourceResponse,
        /// It is done.
        DeleteVpcAssociationAuthorizationResponse,
    }
}

/// A list whose members have a tag of their own.
macro_rules! lists {
    ($($(#[$doc:meta])* $name:ident($field:ident: $tag:literal of $item:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize)]
        pub struct $name {
            /// The members.
            #[serde(rename = $tag)]
            pub $field: Vec<$item>,
        }

        impl FromIterator<$item> for $name {
            fn from_iter<I: IntoIterator<Item = $item>>(members: I) -> Self {
                Self { $field: members.into_iter().collect() }
            }
        }
    )*};
}
pub(crate) use lists;

lists! {
    /// Hosted zones.
    HostedZones(zones: "HostedZone" of HostedZoneItem);
    /// Hosted zones in short.
    HostedZoneSummaries(zones: "HostedZoneSummary" of HostedZoneSummaryItem);
    /// VPCs.
    ZoneVpcs(vpcs: "VPC" of ZoneVpcItem);
    /// Name servers.
    NameServers(servers: "NameServer" of String);
    /// Tags.
    ZoneTags(tags: "Tag" of TagPairItem);
    /// Tags of several zones.
    ResourceTagSets(sets: "ResourceTagSet" of ResourceTagSetItem);
}

/// What CreateHostedZone answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateHostedZoneResponse {
    /// The zone.
    pub hosted_zone: HostedZoneItem,
    /// The change.
    pub change_info: ChangeInfoItem,
    /// A public zone's name servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delegation_set: Option<DelegationSetItem>,
    /// A private zone's VPC.
    #[serde(rename = "VPC", skip_serializing_if = "Option::is_none")]
    pub vpc: Option<ZoneVpcItem>,
}

/// What GetHostedZone answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetHostedZoneResponse {
    /// The zone.
    pub hosted_zone: HostedZoneItem,
    /// A public zone's name servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delegation_set: Option<DelegationSetItem>,
    /// A private zone's VPCs.
    #[serde(rename = "VPCs", skip_serializing_if = "Option::is_none")]
    pub vpcs: Option<ZoneVpcs>,
}

/// What GetHostedZoneCount answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetHostedZoneCountResponse {
    /// How many the account has.
    pub hosted_zone_count: u64,
}

/// A change: the answer of calls that only make one, and of GetChange.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Changed {
    /// The change.
    pub change_info: ChangeInfoItem,
}

/// What UpdateHostedZoneComment answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateHostedZoneCommentResponse {
    /// The zone.
    pub hosted_zone: HostedZoneItem,
}

/// What ListHostedZones answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListHostedZonesResponse {
    /// The zones.
    pub hosted_zones: HostedZones,
    /// Where it was asked to begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
    /// Whether there are more.
    pub is_truncated: bool,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
    /// How many at most.
    pub max_items: String,
}

/// What ListHostedZonesByName answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListHostedZonesByNameResponse {
    /// The zones.
    pub hosted_zones: HostedZones,
    /// The name that it was asked to begin with.
    #[serde(rename = "DNSName", skip_serializing_if = "Option::is_none")]
    pub dns_name: Option<String>,
    /// The zone that it was asked to begin with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosted_zone_id: Option<String>,
    /// Whether there are more.
    pub is_truncated: bool,
    /// The name that the next page begins with.
    #[serde(rename = "NextDNSName", skip_serializing_if = "Option::is_none")]
    pub next_dns_name: Option<String>,
    /// The zone that the next page begins with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_hosted_zone_id: Option<String>,
    /// How many at most.
    pub max_items: String,
}

/// What ListHostedZonesByVPC answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListHostedZonesByVpcResponse {
    /// The zones.
    pub hosted_zone_summaries: HostedZoneSummaries,
    /// How many at most.
    pub max_items: String,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// What CreateVPCAssociationAuthorization answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateVpcAssociationAuthorizationResponse {
    /// The zone.
    pub hosted_zone_id: String,
    /// The VPC.
    #[serde(rename = "VPC")]
    pub vpc: ZoneVpcItem,
}

/// What ListVPCAssociationAuthorizations answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListVpcAssociationAuthorizationsResponse {
    /// The zone.
    pub hosted_zone_id: String,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// The VPCs.
    #[serde(rename = "VPCs")]
    pub vpcs: ZoneVpcs,
}

/// What ListTagsForResource answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTagsForResourceResponse {
    /// The tags.
    pub resource_tag_set: ResourceTagSetItem,
}

/// What ListTagsForResources answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTagsForResourcesResponse {
    /// The tags of each.
    pub resource_tag_sets: ResourceTagSets,
}

/// A hosted zone.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HostedZoneItem {
    /// `/hostedzone/ID`.
    pub id: String,
    /// The name.
    pub name: String,
    /// What made the call that made it unlike any other.
    pub caller_reference: String,
    /// A comment, and whether it is private.
    pub config: HostedZoneConfigItem,
    /// How many sets of records it has.
    pub resource_record_set_count: u64,
}

/// A comment, and whether a zone is private.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HostedZoneConfigItem {
    /// The comment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether it is private.
    pub private_zone: bool,
}

/// A hosted zone in short.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HostedZoneSummaryItem {
    /// The id.
    pub hosted_zone_id: String,
    /// The name.
    pub name: String,
    /// Who owns it.
    pub owner: HostedZoneOwnerItem,
}

/// Who owns a zone.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HostedZoneOwnerItem {
    /// The account.
    pub owning_account: String,
}

/// A VPC.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ZoneVpcItem {
    /// Where it is.
    #[serde(rename = "VPCRegion")]
    pub vpc_region: String,
    /// The VPC.
    #[serde(rename = "VPCId")]
    pub vpc_id: String,
}

/// Name servers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DelegationSetItem {
    /// The servers.
    pub name_servers: NameServers,
}

/// A change.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChangeInfoItem {
    /// `/change/ID`.
    pub id: String,
    /// `INSYNC`: a change is answered when the resolver obeys it.
    pub status: &'static str,
    /// When it was made.
    #[serde(serialize_with = "to_millisecond")]
    pub submitted_at: Timestamp,
    /// A comment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// The tags of a zone.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceTagSetItem {
    /// `hostedzone`.
    pub resource_type: String,
    /// The zone.
    pub resource_id: String,
    /// The tags.
    pub tags: ZoneTags,
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagPairItem {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}
