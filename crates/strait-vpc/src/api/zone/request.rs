//! What is asked of hosted zones.

use serde::Deserialize;

use crate::api::TagInput;

/// Makes a hosted zone.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateHostedZoneRequest {
    /// The zone's name.
    pub name: String,
    /// What makes this call unlike any other.
    pub caller_reference: String,
    /// The VPC of a private zone.
    #[serde(default, rename = "VPC")]
    pub vpc: Option<VpcInput>,
    /// A comment, and whether it is private.
    #[serde(default)]
    pub hosted_zone_config: HostedZoneConfigInput,
}

/// A comment, and whether a zone is private.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct HostedZoneConfigInput {
    /// The comment.
    #[serde(default)]
    pub comment: Option<String>,
    /// Whether it is private.
    #[serde(default)]
    pub private_zone: Option<bool>,
}

/// A VPC.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct VpcInput {
    /// Where it is.
    #[serde(default, rename = "VPCRegion")]
    pub vpc_region: Option<String>,
    /// The VPC.
    #[serde(default, rename = "VPCId")]
    pub vpc_id: Option<String>,
}

/// Shows a hosted zone.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct GetHostedZoneRequest {
    /// The zone.
    pub id: String,
}

/// Counts hosted zones.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetHostedZoneCountRequest {}

/// Deletes a hosted zone.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteHostedZoneRequest {
    /// The zone.
    pub id: String,
}

/// Sets a zone's comment.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateHostedZoneCommentRequest {
    /// The zone.
    pub id: String,
    /// The comment; none takes it away.
    #[serde(default)]
    pub comment: Option<String>,
}

/// Shows hosted zones.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListHostedZonesRequest {
    /// Where to begin.
    #[serde(default)]
    pub marker: Option<String>,
    /// How many at most.
    #[serde(default, rename = "maxitems")]
    pub max_items: Option<String>,
    /// `PrivateHostedZone` for private ones only.
    #[serde(default, rename = "hostedzonetype")]
    pub hosted_zone_type: Option<String>,
}

/// Shows hosted zones by name.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListHostedZonesByNameRequest {
    /// The name to begin with.
    #[serde(default, rename = "dnsname")]
    pub dns_name: Option<String>,
    /// Of zones with that name, the one to begin with.
    #[serde(default, rename = "hostedzoneid")]
    pub hosted_zone_id: Option<String>,
    /// How many at most.
    #[serde(default, rename = "maxitems")]
    pub max_items: Option<String>,
}

/// Shows the private zones of a VPC.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListHostedZonesByVpcRequest {
    /// The VPC.
    #[serde(rename = "vpcid")]
    pub vpc_id: String,
    /// Where it is.
    #[serde(rename = "vpcregion")]
    pub vpc_region: String,
    /// How many at most.
    #[serde(default, rename = "maxitems")]
    pub max_items: Option<String>,
    /// Where the last page ended.
    #[serde(default, rename = "nexttoken")]
    pub next_token: Option<String>,
}

/// Lets a VPC be answered from a private zone.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AssociateVpcWithHostedZoneRequest {
    /// The zone.
    #[serde(rename = "Id")]
    pub hosted_zone_id: String,
    /// The VPC.
    #[serde(rename = "VPC")]
    pub vpc: VpcInput,
    /// A comment of the change.
    #[serde(default)]
    pub comment: Option<String>,
}

/// Lets a VPC be answered from a private zone no more.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DisassociateVpcFromHostedZoneRequest {
    /// The zone.
    #[serde(rename = "Id")]
    pub hosted_zone_id: String,
    /// The VPC.
    #[serde(rename = "VPC")]
    pub vpc: VpcInput,
    /// A comment of the change.
    #[serde(default)]
    pub comment: Option<String>,
}

/// Lets another account associate its VPC.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateVpcAssociationAuthorizationRequest {
    /// The zone.
    #[serde(rename = "Id")]
    pub hosted_zone_id: String,
    /// The VPC.
    #[serde(rename = "VPC")]
    pub vpc: VpcInput,
}

/// Takes such a leave back.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteVpcAssociationAuthorizationRequest {
    /// The zone.
    #[serde(rename = "Id")]
    pub hosted_zone_id: String,
    /// The VPC.
    #[serde(rename = "VPC")]
    pub vpc: VpcInput,
}

/// Shows which other accounts' VPCs may be associated.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListVpcAssociationAuthorizationsRequest {
    /// The zone.
    #[serde(rename = "Id")]
    pub hosted_zone_id: String,
    /// Where the last page ended.
    #[serde(default, rename = "nexttoken")]
    pub next_token: Option<String>,
    /// How many at most.
    #[serde(default, rename = "maxresults")]
    pub max_results: Option<String>,
}

/// Shows a change.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct GetChangeRequest {
    /// The change.
    pub id: String,
}

/// Sets and takes away tags of a zone.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ChangeTagsForResourceRequest {
    /// `hostedzone`.
    pub resource_type: String,
    /// The zone.
    pub resource_id: String,
    /// Tags to set.
    #[serde(default)]
    pub add_tags: Vec<TagInput>,
    /// Keys of tags to take away.
    #[serde(default)]
    pub remove_tag_keys: Vec<String>,
}

/// Shows the tags of a zone.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ListTagsForResourceRequest {
    /// `hostedzone`.
    pub resource_type: String,
    /// The zone.
    pub resource_id: String,
}

/// Shows the tags of several zones.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ListTagsForResourcesRequest {
    /// `hostedzone`.
    pub resource_type: String,
    /// The zones.
    pub resource_ids: Vec<String>,
}
