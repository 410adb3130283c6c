//! The state of a network: plain, serialisable objects in sorted tables that remember what changed.

mod balancer;
mod elastic_ip;
mod group;
mod interface;
mod ipv6;
mod name;
mod peering;
mod prefix_list;
mod privatelink;
mod session;
mod table;
mod vpc;
mod zone;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use balancer::*;
pub use elastic_ip::*;
pub use group::*;
pub use interface::*;
pub use ipv6::*;
pub use name::*;
pub use peering::*;
pub use prefix_list::*;
pub use privatelink::*;
pub use session::*;
pub use table::*;
pub use vpc::*;
pub use zone::*;

use crate::id::*;

/// The public addresses of load balancers and of the internet itself: documentation's third range (RFC 5737).
pub const BALANCER_ADDRESSES: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(198, 51, 100, 0), 24);

/// The internet's own addresses: its clients', its resolver's, and that of Strait's two endpoints.
pub const INTERNET_OWN: [Ipv4Addr; 3] = [
    Ipv4Addr::new(198, 51, 100, 1),
    Ipv4Addr::new(198, 51, 100, 53),
    Ipv4Addr::new(198, 51, 100, 80),
];

/// The public addresses of instances and Elastic IPs: documentation's other ranges, then half of the range of
/// benchmarks (RFC 2544), of which AWS takes the other half for itself.
pub const INSTANCE_ADDRESSES: [Ipv4Net; 3] = [
    Ipv4Net::new_assert(Ipv4Addr::new(203, 0, 113, 0), 24),
    Ipv4Net::new_assert(Ipv4Addr::new(192, 0, 2, 0), 24),
    Ipv4Net::new_assert(Ipv4Addr::new(198, 18, 0, 0), 16),
];

/// Tags of an object, sorted by key.
pub type Tags = BTreeMap<String, String>;

/// An account of this cloud. `provider` is who runs the services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The 12-digit id.
    pub id: AccountId,
    /// Strait's own name for it, such as `provider` or `customer`; unique.
    pub name: String,
    /// The access key id that signs this account's calls.
    pub access_key_id: String,
    /// The secret that signs this account's calls. SigV4 needs it in clear on both sides.
    pub secret_access_key: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Everything that an AWS network is. One process owns it; it is changed by [`crate::apply`] and [`crate::tick`] only.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Network {
    /// Accounts by id.
    pub accounts: Table<AccountId, Account>,
    /// VPCs by id, of every account and Region, as all tables below.
    pub vpcs: Table<VpcId, Vpc>,
    /// Subnets.
    pub subnets: Table<SubnetId, Subnet>,
    /// Route tables with their routes and associations.
    pub route_tables: Table<RouteTableId, RouteTable>,
    /// Internet gateways.
    pub internet_gateways: Table<InternetGatewayId, InternetGateway>,
    /// Security groups with their rules.
    pub security_groups: Table<SecurityGroupId, SecurityGroup>,
    /// Network ACLs with their entries and associations.
    pub network_acls: Table<NetworkAclId, NetworkAcl>,
    /// Network interfaces.
    pub interfaces: Table<InterfaceId, Interface>,
    /// Elastic IP addresses with their associations.
    pub elastic_ips: Table<AllocationId, ElasticIp>,
    /// Instances.
    pub instances: Table<InstanceId, Instance>,
    /// Peering connections, ended ones too while they are visible.
    pub peerings: Table<PeeringId, Peering>,
    /// Customer-managed prefix lists.
    pub prefix_lists: Table<PrefixListId, PrefixList>,
    /// Endpoint services.
    pub endpoint_services: Table<EndpointServiceId, EndpointService>,
    /// Interface endpoints.
    pub endpoints: Table<EndpointId, Endpoint>,
    /// Gateway endpoints; ids are shared with [`Network::endpoints`].
    pub gateway_endpoints: Table<EndpointId, GatewayEndpoint>,
    /// Load balancers by ARN.
    pub load_balancers: Table<String, LoadBalancer>,
    /// Target groups by ARN.
    pub target_groups: Table<String, TargetGroup>,
    /// Listeners by ARN.
    pub listeners: Table<String, Listener>,
    /// Hosted zones (Route 53).
    pub hosted_zones: Table<HostedZoneId, HostedZone>,
    /// Records of hosted zones.
    pub records: Table<RecordKey, RecordSet>,
    /// Changes of hosted zones by id, for a week.
    pub zone_changes: Table<String, ZoneChange>,
    /// Temporary credentials by access key id, ended ones too for a day.
    pub sessions: Table<String, Session>,
    /// Client tokens of creating calls, by account, action and token.
    pub client_tokens: Table<String, ClientToken>,
    /// Counters: the next link index, and the next public address. See [`Counters`].
    pub counters: Table<String, u32>,
    /// Quotas raised or lowered from AWS's defaults, by quota name; of one account, by `ACCOUNT/NAME`.
    pub quotas: Table<String, u32>,
}

/// Calls a macro with the names of all tables.
#[cfg(test)]
macro_rules! every_table {
    ($visit:ident) => {
        $visit!(
            accounts,
            vpcs,
            subnets,
            route_tables,
            internet_gateways,
            security_groups,
            network_acls,
            interfaces,
            elastic_ips,
            instances,
            peerings,
            prefix_lists,
            endpoint_services,
            endpoints,
            gateway_endpoints,
            load_balancers,
            target_groups,
            listeners,
            hosted_zones,
            records,
            zone_changes,
            sessions,
            client_tokens,
            counters,
            quotas
        )
    };
}
#[cfg(test)]
pub(crate) use every_table;

/// What an earlier call with the same client token made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientToken {
    /// A digest of the call's other parameters.
    pub digest: String,
    /// The id of what it made.
    pub made: String,
}

impl Network {
    /// The next small number for a link's name in the kernel; never used twice.
    pub fn next_link(&mut self) -> u32 {
        self.next_counter("link")
    }

    /// The addresses of [`BALANCER_ADDRESSES`] that nothing has, lowest first.
    pub fn free_balancer_addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        let pool = BALANCER_ADDRESSES.hosts().skip(9);
        self.free_of(pool.filter(|address| !INTERNET_OWN.contains(address)))
    }

    /// The addresses of [`INSTANCE_ADDRESSES`] that nothing has, lowest first.
    pub fn free_instance_addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.free_of(
            INSTANCE_ADDRESSES
                .into_iter()
                .flat_map(|range| range.hosts()),
        )
    }

    fn free_of(&self, pool: impl Iterator<Item = Ipv4Addr>) -> impl Iterator<Item = Ipv4Addr> {
        let held = self
            .interfaces
            .values()
            .filter_map(|interface| interface.public_ip);
        let allocated = self.elastic_ips.values().map(|elastic| elastic.address);
        let taken: BTreeSet<Ipv4Addr> = held.chain(allocated).collect();
        pool.filter(move |address| !taken.contains(address))
    }

    fn next_counter(&mut self, name: &str) -> u32 {
        let next = self.counters.get(&name.to_owned()).copied().unwrap_or(0) + 1;
        self.counters.insert(name.to_owned(), next);
        next
    }
}

/// A Region that this cloud has, with the ids of its Availability Zones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegionInfo {
    /// The code, such as `us-east-1`.
    pub code: &'static str,
    /// The prefix of its zone ids, such as `use1`.
    pub zone_prefix: &'static str,
    /// The letters of its zones.
    pub zones: &'static str,
    /// The number of each zone in its id, a digit each: which letter is which zone differs between accounts.
    pub zone_numbers: &'static str,
    /// Whether accounts must enable it, and have.
    pub opt_in: OptIn,
}

/// Whether accounts must enable a Region: <https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptIn {
    /// `opt-in-not-required`.
    NotRequired,
    /// `opted-in`.
    OptedIn,
    /// `not-opted-in`: it is known, and nobody can call there.
    NotOptedIn,
}

impl RegionInfo {
    /// Whether calls can be made there.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        match self.opt_in {
            OptIn::NotRequired | OptIn::OptedIn => true,
            OptIn::NotOptedIn => false,
        }
    }
}

/// All Regions, sorted by code: <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html>.
#[must_use]
pub fn regions() -> &'static [RegionInfo] {
    macro_rules! regions {
        ($($code:literal $prefix:literal $zones:literal $numbers:literal $opt_in:ident),* $(,)?) => {
            &[$(RegionInfo {
                code: $code, zone_prefix: $prefix, zones: $zones, zone_numbers: $numbers, opt_in: OptIn::$opt_in,
            }),*]
        };
    }
    regions![
        "ap-east-1" "ape1" "abc" "123" NotOptedIn, "ap-northeast-1" "apne1" "acd" "412" NotRequired,
        "ap-northeast-2" "apne2" "abcd" "1234" NotRequired, "ap-northeast-3" "apne3" "abc" "312" NotRequired,
        "ap-south-1" "aps1" "abc" "132" NotRequired, "ap-southeast-1" "apse1" "abc" "123" NotRequired,
        "ap-southeast-2" "apse2" "abc" "132" NotRequired, "ap-southeast-3" "apse3" "abc" "123" OptedIn,
        "ap-southeast-5" "apse5" "abc" "123" OptedIn, "ca-central-1" "cac1" "abd" "124" NotRequired,
        "eu-central-1" "euc1" "abc" "231" NotRequired, "eu-north-1" "eun1" "abc" "123" NotRequired,
        "eu-west-1" "euw1" "abc" "123" NotRequired, "eu-west-2" "euw2" "abc" "231" NotRequired,
        "eu-west-3" "euw3" "abc" "123" NotRequired, "sa-east-1" "sae1" "abc" "123" NotRequired,
        "us-east-1" "use1" "abcdef" "612435" NotRequired, "us-east-2" "use2" "abc" "123" NotRequired,
        "us-west-1" "usw1" "ab" "13" NotRequired, "us-west-2" "usw2" "abcd" "2134" NotRequired,
    ]
}

/// The Region with this code.
#[must_use]
pub fn region(code: &str) -> Option<&'static RegionInfo> {
    regions().iter().find(|info| info.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_named() {
        macro_rules! count {
            ($($table:ident),*) => {{
                // Does not compile while one is missing.
                let Network { $($table),* } = Network::default();
                [$($table.iter().count()),*]
            }};
        }
        let rows = every_table!(count);
        assert!(rows.iter().all(|count| *count == 0));
    }
}
