//! Shapes that many calls share.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::state::Tags;

/// `Filter.N`: values within one are alternatives; several must all match; `*` and `?` are wildcards.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Filter {
    /// What is compared, such as `vpc-id` or `tag:Name`.
    pub name: String,
    /// The alternatives (`Value.N`).
    #[serde(default, rename = "Value")]
    pub values: Vec<String>,
}

/// `Tag.N`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TagInput {
    /// The key.
    pub key: String,
    /// The value; nothing is an empty one.
    #[serde(default)]
    pub value: String,
}

/// `TagSpecification.N`: tags for what the call makes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TagSpecification {
    /// The kind of resource, such as `vpc`.
    #[serde(default)]
    pub resource_type: String,
    /// The tags (`Tag.N`).
    #[serde(default, rename = "Tag")]
    pub tags: Vec<TagInput>,
}

/// A list as EC2 writes it: an `item` element each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Items<T> {
    /// The members.
    #[serde(rename = "item")]
    pub items: Vec<T>,
}

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self { items: Vec::new() }
    }
}

impl<T> FromIterator<T> for Items<T> {
    fn from_iter<I: IntoIterator<Item = T>>(members: I) -> Self {
        Self {
            items: members.into_iter().collect(),
        }
    }
}

/// A list as Elastic Load Balancing writes it: a `member` element each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Members<T> {
    /// The members.
    #[serde(rename = "member")]
    pub members: Vec<T>,
}

impl<T> Default for Members<T> {
    fn default() -> Self {
        Self {
            members: Vec::new(),
        }
    }
}

impl<T> FromIterator<T> for Members<T> {
    fn from_iter<I: IntoIterator<Item = T>>(members: I) -> Self {
        Self {
            members: members.into_iter().collect(),
        }
    }
}

/// A tag as EC2 shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TagItem {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// An object's tags as EC2 shows them, by key.
#[must_use]
pub fn tag_set(tags: &Tags) -> Items<TagItem> {
    tags.iter()
        .map(|(key, value)| TagItem {
            key: key.clone(),
            value: value.clone(),
        })
        .collect()
}

/// The answer of calls that only say that they did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Done {
    /// Always true: a failure is an error.
    #[serde(rename = "return")]
    pub done: bool,
}

impl Done {
    /// It is done.
    pub const YES: Self = Self { done: true };
}

/// A switch that this cloud cannot turn on: it may be given, as off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Off;

impl<'de> Deserialize<'de> for Off {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if bool::deserialize(deserializer)? {
            // As if the parameter were not there to be given: the wire knows that AWS has it, and says so.
            return Err(serde::de::Error::unknown_field("", &[]));
        }
        Ok(Self)
    }
}

/// Writes a time as AWS does: UTC, to the millisecond.
pub(crate) fn to_millisecond<S: Serializer>(
    at: &Timestamp,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"))
}

/// Writes a time as STS does: UTC, to the second.
pub(crate) fn to_second<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&at.strftime("%Y-%m-%dT%H:%M:%SZ"))
}

/// As [`to_millisecond`], for a time that need not be there.
pub(crate) fn to_millisecond_if_some<S: Serializer>(
    at: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => to_millisecond(at, serializer),
        None => serializer.serialize_none(),
    }
}
