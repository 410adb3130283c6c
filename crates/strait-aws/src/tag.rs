//! What the cloud's resources are made for: keys of the plane's objects, kept in tags.

use std::fmt;

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};
use aws_sdk_elasticloadbalancingv2::types::Tag as ElbTag;
use strait_plane::cloud::{PeeringSpec, VpcSpec, WayKind, WaySpec};

use crate::seen::Resource;

/// The tag that has the key of what it was made for.
pub(crate) const ID: &str = "strait:id";
/// The tag that says which Strait made it.
pub(crate) const PLANE: &str = "strait:plane";
/// The tag that says what kind of the plane's objects it was made for. For people and for policies.
const KIND: &str = "strait:kind";
/// The tag that AWS's console shows as the name.
pub(crate) const NAME: &str = "Name";

/// Names one of the plane's objects; all that is made for it carries this.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(String);

impl Key {
    /// A Peering VPC.
    pub(crate) fn vpc(spec: &VpcSpec) -> Self {
        Self::vpc_of(&spec.id)
    }

    /// The Peering VPC with this id in the plane.
    pub(crate) fn vpc_of(id: &str) -> Self {
        Self(format!("vpc/{id}"))
    }

    /// A peering connection, as it was asked for this time.
    pub(crate) fn peering(spec: &PeeringSpec) -> Self {
        match spec.attempt {
            1 => Self(format!("peering/{}", spec.id)),
            attempt => Self(format!("peering/{}/{attempt}", spec.id)),
        }
    }

    /// A way to a service.
    pub(crate) fn way(spec: &WaySpec) -> Self {
        match &spec.kind {
            WayKind::Public => Self(format!("way/{}/public", spec.service)),
            WayKind::Private { vpc } => Self(format!("way/{}/vpc/{vpc}", spec.service)),
        }
    }

    /// Of a way: the group of those who may come by it.
    pub(crate) fn of_allow_list(&self) -> Self {
        Self(format!("{}/allow", self.0))
    }

    /// The key as it stands in tags and in descriptions of rules.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind of the plane's objects that it names.
    fn kind(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The tags of one Strait.
#[derive(Debug, Clone)]
pub(crate) struct Tags {
    plane: String,
}

impl Tags {
    pub(crate) fn of(plane: &str) -> Self {
        Self {
            plane: plane.to_owned(),
        }
    }

    /// A filter for what this Strait made.
    pub(crate) fn filter(&self) -> Filter {
        Filter::builder()
            .name(format!("tag:{PLANE}"))
            .values(&self.plane)
            .build()
    }

    /// Whether this Strait made it.
    pub(crate) fn are_on(&self, resource: &impl Resource) -> bool {
        resource.tag(PLANE) == Some(self.plane.as_str())
    }

    /// Tags for an EC2 resource that is made for one of the plane's objects.
    pub(crate) fn for_ec2(
        &self,
        resource: ResourceType,
        name: &str,
        key: &Key,
    ) -> TagSpecification {
        let tags = self
            .pairs(name, key)
            .map(|(key, value)| Tag::builder().key(key).value(value).build());
        TagSpecification::builder()
            .resource_type(resource)
            .set_tags(Some(tags.collect()))
            .build()
    }

    /// The same for a load balancer, a target group or a listener.
    pub(crate) fn for_elb(&self, name: &str, key: &Key) -> Vec<ElbTag> {
        let tag = |(key, value): (&str, &str)| ElbTag::builder().key(key).value(value).build();
        self.pairs(name, key).map(tag).collect()
    }

    fn pairs<'a>(
        &'a self,
        name: &'a str,
        key: &'a Key,
    ) -> impl Iterator<Item = (&'static str, &'a str)> {
        [
            (NAME, name),
            (ID, key.as_str()),
            (PLANE, self.plane.as_str()),
            (KIND, key.kind()),
        ]
        .into_iter()
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::Vpc;

    use super::*;

    #[test]
    fn tags_say_what_for_and_which_strait() {
        let tags = Tags::of("plane-1").for_ec2(ResourceType::Vpc, "one", &vpc_key());
        let told: Vec<(&str, &str)> = tags
            .tags()
            .iter()
            .filter_map(|tag| Some((tag.key()?, tag.value()?)))
            .collect();
        assert_eq!(
            told,
            [
                ("Name", "one"),
                ("strait:id", "vpc/v1"),
                ("strait:plane", "plane-1"),
                ("strait:kind", "vpc")
            ]
        );
    }

    #[test]
    fn the_filter_is_for_the_own_strait() {
        let filter = Tags::of("plane-1").filter();
        assert_eq!(filter.name(), Some("tag:strait:plane"));
        assert_eq!(filter.values(), ["plane-1"]);
    }

    #[test]
    fn what_another_strait_made_is_not_ours() {
        let tags = |plane: &str| {
            Tags::of(plane)
                .for_ec2(ResourceType::Vpc, "one", &vpc_key())
                .tags()
                .to_vec()
        };
        let vpc = Vpc::builder().set_tags(Some(tags("plane-1"))).build();
        assert!(Tags::of("plane-1").are_on(&vpc));
        assert!(!Tags::of("plane-2").are_on(&vpc));
        assert!(!Tags::of("plane-1").are_on(&Vpc::builder().build()));
    }

    #[test]
    fn keys_of_ways_are_those_of_the_local_cloud() {
        let way = |kind| WaySpec {
            service: "s1".to_owned(),
            region: "eu-west-1".to_owned(),
            kind,
            registration: None,
        };
        assert_eq!(Key::way(&way(WayKind::Public)).as_str(), "way/s1/public");
        let private = WayKind::Private {
            vpc: "v1".to_owned(),
        };
        assert_eq!(Key::way(&way(private)).as_str(), "way/s1/vpc/v1");
    }

    fn vpc_key() -> Key {
        Key::vpc(&VpcSpec {
            id: "v1".to_owned(),
            name: "one".to_owned(),
            region: "eu-west-1".to_owned(),
            cidr: "10.1.0.0/24".parse().expect("a range"),
        })
    }
}
