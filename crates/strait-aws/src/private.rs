//! Addresses that nobody on the internet has.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// Ranges of the hosts of VPCs, and of networks behind them: RFC 1918 and RFC 6598.
pub(crate) const OF_HOSTS: [Ipv4Net; 4] = [
    Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10),
    Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12),
    Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16),
];
/// Loopback and link-local.
pub(crate) const OF_NOBODY_ELSE: [Ipv4Net; 2] = [
    Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16),
];

/// Both.
pub(crate) fn all() -> impl Iterator<Item = Ipv4Net> {
    OF_HOSTS.into_iter().chain(OF_NOBODY_ELSE)
}
