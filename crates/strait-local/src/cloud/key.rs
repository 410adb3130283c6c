//! What the cloud's resources are made for: keys of the plane's objects, kept in a tag.

use std::fmt;

use strait_plane::cloud::{PeeringSpec, WayKind, WaySpec};
use strait_vpc::api::{TagInput, TagSpecification};
use strait_vpc::state::{Account, Tags};
use strait_vpc::{AccountId, Network};

use super::PROVIDER;

/// The tag that has the key.
const OWNER_TAG: &str = "strait:for";

/// Names one of the plane's objects; all that is made for it carries this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key(String);

impl Key {
    /// A Peering VPC, by its id in the plane.
    pub(super) fn vpc(id: &str) -> Self {
        Self(format!("vpc/{id}"))
    }

    /// The VPC of all services of a Region.
    pub(super) fn services(region: &str) -> Self {
        Self(format!("services/{region}"))
    }

    /// A service itself.
    pub(super) fn service(id: &str) -> Self {
        Self(format!("service/{id}"))
    }

    /// A peering, as it was asked for this time.
    pub(super) fn peering(spec: &PeeringSpec) -> Self {
        match spec.attempt {
            1 => Self(format!("peering/{}", spec.id)),
            attempt => Self(format!("peering/{}/{attempt}", spec.id)),
        }
    }

    /// A way to a service.
    pub(super) fn way(spec: &WaySpec) -> Self {
        match &spec.kind {
            WayKind::Public => Self(format!("way/{}/public", spec.service)),
            WayKind::Private { vpc } => Self(format!("{}{vpc}", private_ways(&spec.service))),
        }
    }

    /// The key in the tags of the provider's own resource. Tags alone prove nothing: a customer may write any.
    pub(super) fn of(network: &Network, account: &AccountId, tags: &Tags) -> Option<Self> {
        let provider = |found: &Account| found.name == PROVIDER;
        let key = tags.get(OWNER_TAG)?;
        let is_ours = network.accounts.get(account).is_some_and(provider);
        is_ours.then(|| Self(key.clone()))
    }

    /// Whether it is a private way to this service.
    pub(super) fn is_private_way_to(&self, service: &str) -> bool {
        self.0.starts_with(&private_ways(service))
    }

    /// The service and the network of a private way.
    pub(super) fn private_way(&self) -> Option<(String, String)> {
        let (service, vpc) = self.0.strip_prefix("way/")?.split_once("/vpc/")?;
        Some((service.to_owned(), format!("vpc:{vpc}")))
    }

    /// The service of a public way.
    pub(super) fn public_way(&self) -> Option<String> {
        let service = self.0.strip_prefix("way/")?.strip_suffix("/public")?;
        Some(service.to_owned())
    }

    /// The key as it stands in tags and in descriptions of rules.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a resource is the provider's and was made for this object of the plane.
pub(super) fn made_for(network: &Network, account: &AccountId, tags: &Tags, key: &Key) -> bool {
    tags.get(OWNER_TAG) == Some(&key.0) && Key::of(network, account, tags).is_some()
}

/// Tags for a resource made for one of the plane's objects.
pub(super) fn tags_for(name: &str, key: &Key) -> Vec<TagInput> {
    let tag = |key: &str, value: &str| TagInput {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    vec![tag("Name", name), tag(OWNER_TAG, key.as_str())]
}

/// Tags for an EC2 resource made for one of the plane's objects.
pub(super) fn tagged(resource_type: &str, name: &str, key: &Key) -> Vec<TagSpecification> {
    vec![TagSpecification {
        resource_type: resource_type.to_owned(),
        tags: tags_for(name, key),
    }]
}

fn private_ways(service: &str) -> String {
    format!("way/{service}/vpc/")
}
