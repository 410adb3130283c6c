//! Records: what is asked, and what is answered.

use serde::{Deserialize, Serialize};

use super::response::lists;

/// Changes records of a zone, all or none.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ChangeResourceRecordSetsRequest {
    /// The zone.
    #[serde(rename = "Id")]
    pub hosted_zone_id: String,
    /// The changes.
    pub change_batch: ChangeBatchInput,
}

/// Changes that are made together.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ChangeBatchInput {
    /// A comment.
    #[serde(default)]
    pub comment: Option<String>,
    /// The changes.
    #[serde(default)]
    pub changes: Vec<ChangeInput>,
}

/// A change of the records of a name and type.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ChangeInput {
    /// `CREATE`, `DELETE` or `UPSERT`.
    pub action: String,
    /// The records.
    pub resource_record_set: RecordSetInput,
}

/// The records of a name and type.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RecordSetInput {
    /// The name.
    pub name: String,
    /// The type.
    #[serde(rename = "Type")]
    pub kind: String,
    /// How many seconds an answer may be kept.
    #[serde(default, rename = "TTL")]
    pub ttl: Option<i64>,
    /// The values.
    #[serde(default)]
    pub resource_records: Option<Vec<ResourceRecordInput>>,
    /// The name whose addresses they are.
    #[serde(default)]
    pub alias_target: Option<AliasTargetInput>,
}

/// A value.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ResourceRecordInput {
    /// The value.
    pub value: String,
}

/// The name whose addresses a set of records has.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AliasTargetInput {
    /// The zone of the name.
    pub hosted_zone_id: String,
    /// The name.
    #[serde(rename = "DNSName")]
    pub dns_name: String,
    /// Whether its health counts.
    pub evaluate_target_health: bool,
}

/// Shows the records of a zone.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListResourceRecordSetsRequest {
    /// The zone.
    #[serde(rename = "Id")]
    pub hosted_zone_id: String,
    /// The name to begin with.
    #[serde(default, rename = "name")]
    pub start_record_name: Option<String>,
    /// Of its sets, the type to begin with.
    #[serde(default, rename = "type")]
    pub start_record_type: Option<String>,
    /// How many at most.
    #[serde(default, rename = "maxitems")]
    pub max_items: Option<String>,
}

lists! {
    /// Sets of records.
    RecordSets(sets: "ResourceRecordSet" of RecordSetItem);
    /// Values.
    ResourceRecords(records: "ResourceRecord" of ResourceRecordItem);
}

/// What ListResourceRecordSets answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListResourceRecordSetsResponse {
    /// The records.
    pub resource_record_sets: RecordSets,
    /// Whether there are more.
    pub is_truncated: bool,
    /// The name that the next page begins with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_record_name: Option<String>,
    /// The type that the next page begins with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_record_type: Option<String>,
    /// How many at most.
    pub max_items: String,
}

/// The records of a name and type.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RecordSetItem {
    /// The name.
    pub name: String,
    /// The type.
    #[serde(rename = "Type")]
    pub kind: String,
    /// How many seconds an answer may be kept.
    #[serde(rename = "TTL", skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    /// The values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_records: Option<ResourceRecords>,
    /// The name whose addresses they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias_target: Option<AliasTargetItem>,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceRecordItem {
    /// The value.
    pub value: String,
}

/// The name whose addresses a set of records has.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AliasTargetItem {
    /// The zone of the name.
    pub hosted_zone_id: String,
    /// The name.
    #[serde(rename = "DNSName")]
    pub dns_name: String,
    /// Whether its health counts.
    pub evaluate_target_health: bool,
}
