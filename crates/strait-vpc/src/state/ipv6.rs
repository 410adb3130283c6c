//! IPv6 blocks. They are kept and shown; nothing here has an IPv6 address, and no packet is from or to one.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use ipnet::Ipv6Net;
use serde::{Deserialize, Serialize};

use crate::id::*;

/// Where the blocks of VPCs are from: documentation's range (RFC 3849), so that none is anybody's.
const AMAZON_PROVIDED: Ipv6Net =
    Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32);

/// An IPv6 block, host bits off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ipv6Block(Ipv6Net);

impl Ipv6Block {
    /// `::/0`.
    pub const ALL: Self = Self(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0));

    /// How many /56 blocks [`Ipv6Block::provided`] knows.
    pub const PROVIDED: u32 = 1 << 24;

    /// One of the /56 blocks that VPCs get; numbers wrap around.
    #[must_use]
    pub fn provided(number: u32) -> Self {
        let place = u128::from(number % Self::PROVIDED) << 72;
        let first = Ipv6Addr::from(u128::from(AMAZON_PROVIDED.network()) | place);
        Self(Ipv6Net::new_assert(first, 56))
    }

    /// How many leading bits the block's addresses share.
    #[must_use]
    pub fn prefix_len(self) -> u8 {
        self.0.prefix_len()
    }

    /// Whether all addresses of the other block are in this one.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0.contains(&other.0)
    }

    /// Whether two blocks have an address in common.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other) || other.contains(self)
    }
}

impl From<Ipv6Net> for Ipv6Block {
    fn from(block: Ipv6Net) -> Self {
        Self(block.trunc())
    }
}

impl FromStr for Ipv6Block {
    type Err = ipnet::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<Ipv6Net>().map(Self::from)
    }
}

impl fmt::Display for Ipv6Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An IPv6 block of a VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcIpv6Block {
    /// The id of its association.
    pub association: CidrAssociationId,
    /// The block.
    pub block: Ipv6Block,
}

/// The IPv6 block of a subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetIpv6Block {
    /// The id of its association.
    pub association: SubnetCidrAssociationId,
    /// The block.
    pub block: Ipv6Block,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_bits_are_taken_off() {
        let block: Ipv6Block = "2001:DB8:0:0:1::1/64".parse().expect("a block");
        assert_eq!(block.to_string(), "2001:db8::/64");
        assert!("10.0.0.0/8".parse::<Ipv6Block>().is_err());
        assert!("2001:db8::/129".parse::<Ipv6Block>().is_err());
    }

    #[test]
    fn provided_blocks_do_not_overlap_and_wrap_around() {
        let at = Ipv6Block::provided;
        assert_eq!(at(0).to_string(), "2001:db8::/56");
        assert_eq!(at(1).to_string(), "2001:db8:0:100::/56");
        assert_eq!(
            at(Ipv6Block::PROVIDED - 1).to_string(),
            "2001:db8:ffff:ff00::/56"
        );
        assert_eq!(at(Ipv6Block::PROVIDED), at(0));
        assert!(!at(7).overlaps(at(8)));
        assert!(Ipv6Block::ALL.contains(at(3)) && at(3).overlaps(Ipv6Block::ALL));
    }
}
