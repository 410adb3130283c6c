//! Elastic IP addresses.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::Tags;
use crate::id::*;

/// A public address that an account keeps until it releases it:
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/elastic-ip-addresses-eip.html>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElasticIp {
    /// Its id.
    pub id: AllocationId,
    /// Who owns it.
    pub owner: AccountId,
    /// Where it is.
    pub region: Region,
    /// The address.
    pub address: Ipv4Addr,
    /// The interface whose public address it is; that has it in [`crate::state::Interface::public_ip`], too.
    pub association: Option<ElasticIpUse>,
    /// Its tags.
    pub tags: Tags,
}

/// What uses an Elastic IP address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElasticIpUse {
    /// The association's id.
    pub id: AssociationId,
    /// The interface.
    pub interface: InterfaceId,
}
