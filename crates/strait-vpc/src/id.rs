//! Ids of AWS objects: a prefix and 8 or 17 lower-case hexadecimal digits, checked for shape when parsed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An id whose shape is wrong: AWS's `Invalid….Malformed`. Which code that is depends on where it was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid id: \"{value}\" (expecting \"{prefix}-...\")")]
pub struct MalformedId {
    /// What was given.
    pub value: String,
    /// The prefix that ids of this kind have.
    pub prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The prefix of ids of this kind, without the hyphen.
            pub const PREFIX: &'static str = $prefix;

            /// An id from 68 bits of randomness: a prefix and 17 hexadecimal digits, as AWS makes today.
            #[must_use]
            pub fn from_random(bits: u128) -> Self {
                Self(format!("{}-{:017x}", $prefix, bits & ((1 << 68) - 1)))
            }

            /// The id as it is written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(value: &str) -> Result<Self, MalformedId> {
                if has_shape(value, $prefix) {
                    return Ok(Self(value.to_owned()));
                }
                Err(MalformedId { value: value.to_owned(), prefix: $prefix })
            }
        }
    )*};
}

ids! {
    /// A VPC.
    VpcId = "vpc";
    /// A subnet.
    SubnetId = "subnet";
    /// A route table.
    RouteTableId = "rtb";
    /// The association of a route table with a subnet, or with the VPC as its main table.
    RouteTableAssociationId = "rtbassoc";
    /// The association of a CIDR block with a VPC.
    CidrAssociationId = "vpc-cidr-assoc";
    /// The association of an IPv6 block with a subnet.
    SubnetCidrAssociationId = "subnet-cidr-assoc";
    /// An internet gateway.
    InternetGatewayId = "igw";
    /// A security group.
    SecurityGroupId = "sg";
    /// One rule of a security group.
    SecurityGroupRuleId = "sgr";
    /// A network ACL.
    NetworkAclId = "acl";
    /// The association of a network ACL with a subnet.
    NetworkAclAssociationId = "aclassoc";
    /// A network interface.
    InterfaceId = "eni";
    /// The attachment of an interface to an instance.
    AttachmentId = "eni-attach";
    /// An Elastic IP address.
    AllocationId = "eipalloc";
    /// The association of an Elastic IP address with an interface.
    AssociationId = "eipassoc";
    /// An instance.
    InstanceId = "i";
    /// A reservation: the instances of one launch.
    ReservationId = "r";
    /// A machine image.
    ImageId = "ami";
    /// A VPC peering connection.
    PeeringId = "pcx";
    /// A managed prefix list.
    PrefixListId = "pl";
    /// An endpoint service (PrivateLink).
    EndpointServiceId = "vpce-svc";
    /// A VPC endpoint.
    EndpointId = "vpce";
    /// A DHCP options set.
    DhcpOptionsId = "dopt";
}

/// Of ids of endpoints and their services AWS wants lower-case letters and digits only, however many.
fn has_shape(value: &str, prefix: &str) -> bool {
    let Some(digits) = value
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('-'))
    else {
        return false;
    };
    if prefix.starts_with(EndpointId::PREFIX) {
        let allowed = |b: u8| b.is_ascii_digit() || b.is_ascii_lowercase();
        return !digits.is_empty() && digits.bytes().all(allowed);
    }
    matches!(digits.len(), 8 | 17)
        && digits
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// An AWS account: 12 digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(String);

impl AccountId {
    /// The account as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AccountId {
    type Err = MalformedId;

    fn from_str(value: &str) -> Result<Self, MalformedId> {
        if value.len() == 12 && value.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(Self(value.to_owned()));
        }
        Err(MalformedId {
            value: value.to_owned(),
            prefix: "12 digits",
        })
    }
}

/// An AWS Region by its code, such as `us-east-1`. Which Regions exist is in [`crate::state::regions`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Region(String);

impl Region {
    /// Takes a Region's code as it is; [`crate::state::regions`] knows which are real.
    #[must_use]
    pub fn new(code: &str) -> Self {
        Self(code.to_owned())
    }

    /// The Region's code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
