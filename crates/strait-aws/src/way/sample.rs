//! For tests: a private way.

use std::collections::BTreeSet;

use strait_plane::cloud::{WayKind, WaySpec};
use strait_plane::model::{PublicWay, Registration};

use crate::fake::REGION;
use crate::tag::{ID, Key, PLANE};

/// A private way to a service with this port.
pub(super) fn spec(port: u16) -> WaySpec {
    WaySpec {
        service: "kd9w2xp4mz".to_owned(),
        region: REGION.to_owned(),
        kind: WayKind::Private {
            vpc: "rp1pz7uyae".to_owned(),
        },
        registration: Some(Registration {
            host: "10.1.2.3".to_owned(),
            port,
            found_by: None,
            vpc_id: "vpc-0123456789abcdef0".to_owned(),
            subnet_ids: BTreeSet::new(),
            public_way: PublicWay::None,
            sessions_file: None,
        }),
    }
}

/// The tags of what is made for it, as EC2 tells them.
pub(super) fn tags(spec: &WaySpec) -> String {
    let id = Key::way(spec);
    let tags = [(ID, id.as_str()), (PLANE, "plane-1")];
    let tags =
        tags.map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>"));
    format!("<tagSet>{}</tagSet>", tags.concat())
}
