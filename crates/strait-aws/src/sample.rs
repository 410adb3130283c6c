//! For tests: a Peering VPC, and a peering connection of it.

use strait_plane::cloud::{PeeringSpec, VpcSpec};

use crate::fake::REGION;

/// The Peering VPC.
pub(crate) fn vpc() -> VpcSpec {
    VpcSpec {
        id: "v1".to_owned(),
        name: "one".to_owned(),
        region: REGION.to_owned(),
        cidr: "10.1.0.0/24".parse().expect("a range"),
    }
}

/// A peering connection with this id, which was not asked for yet.
pub(crate) fn peering(id: &str) -> PeeringSpec {
    PeeringSpec {
        id: id.to_owned(),
        vpc: vpc(),
        peer_account: "444455556666".to_owned(),
        peer_vpc: "vpc-theirs".to_owned(),
        peer_region: REGION.to_owned(),
        provisioned_id: None,
        attempt: 1,
    }
}
