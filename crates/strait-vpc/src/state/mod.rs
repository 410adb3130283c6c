//! The state of a network: plain, serialisable objects in sorted tables that remember what changed.

mod balancer;
mod group;
mod interface;
mod peering;
mod prefix_list;
mod privatelink;
mod session;
mod table;
mod vpc;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use balancer::*;
pub use group::*;
pub use interface::*;
pub use peering::*;
pub use prefix_list::*;
pub use privatelink::*;
pub use session::*;
pub use table::*;
pub use vpc::*;

use crate::id::*;

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
#[derive(Debug, Clone, Default)]
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
    /// Instances.
    pub instances: Table<InstanceId, Instance>,
    /// Peering connections, ended ones too while they are visible.
    pub peerings: Table<PeeringId, Peering>,
    /// Customer-managed prefix lists.
    pub prefix_lists: Table<PrefixListId, PrefixList>,
    /// Endpoint services.
    pub endpoint_services: Table<EndpointServiceId, EndpointService>,
    /// VPC endpoints.
    pub endpoints: Table<EndpointId, Endpoint>,
    /// Load balancers by ARN.
    pub load_balancers: Table<String, LoadBalancer>,
    /// Target groups by ARN.
    pub target_groups: Table<String, TargetGroup>,
    /// Listeners by ARN.
    pub listeners: Table<String, Listener>,
    /// Temporary credentials by access key id, ended ones too for a day.
    pub sessions: Table<String, Session>,
    /// Client tokens of creating calls, by account, action and token.
    pub client_tokens: Table<String, ClientToken>,
    /// Counters: the next link index, and the next public address. See [`Counters`].
    pub counters: Table<String, u32>,
    /// Quotas raised or lowered from AWS's defaults, by quota name.
    pub quotas: Table<String, u32>,
}

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

    /// The next public address of the documentation range 198.51.100.0/24 that no object holds, `.10` and up.
    ///
    /// `None` when all are taken.
    #[must_use]
    pub fn free_public_address(&self) -> Option<Ipv4Addr> {
        let taken: std::collections::BTreeSet<Ipv4Addr> = self
            .interfaces
            .values()
            .filter_map(|interface| interface.public_ip)
            .collect();
        (10..=254)
            .map(|last| Ipv4Addr::new(198, 51, 100, last))
            .find(|address| !taken.contains(address))
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
