//! AWS's limits: those that can be raised, each for all accounts or for one.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-limits.html>

use crate::error::AwsError;
use crate::id::AccountId;
use crate::state::Network;

/// A limit as an account has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaSetting {
    /// Its name, such as `routes-per-table`.
    pub name: &'static str,
    /// How many there may be.
    pub limit: u32,
}

/// All limits as this account has them.
#[must_use]
pub fn quotas(network: &Network, account: &AccountId) -> Vec<QuotaSetting> {
    let setting = |quota: &Quota| QuotaSetting {
        name: quota.name(),
        limit: limit(network, account, *quota),
    };
    Quota::ALL.iter().map(setting).collect()
}

/// Sets a limit of an account, or takes its own away so that what all have is its again. False: there is no such limit.
#[must_use]
pub fn set_quota(
    network: &mut Network,
    account: &AccountId,
    name: &str,
    limit: Option<u32>,
) -> bool {
    let Some(quota) = Quota::ALL.iter().find(|quota| quota.name() == name) else {
        return false;
    };
    let key = key(account, *quota);
    match limit {
        Some(limit) => network.quotas.insert(key, limit),
        None => network.quotas.remove(&key),
    };
    true
}

/// Lists every quota once: what it limits, its name, AWS's default, and the code when it is exceeded.
macro_rules! quotas {
    ($($(#[$meta:meta])* $quota:ident: $name:literal, $default:literal, $code:literal;)*) => {
        /// A limit of AWS's that can be raised.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in crate::rules) enum Quota {
            $($(#[$meta])* $quota,)*
        }

        impl Quota {
            /// All that there are.
            const ALL: &[Self] = &[$(Self::$quota),*];

            /// Its name, AWS's default, and the code when it is exceeded.
            const fn about(self) -> (&'static str, u32, &'static str) {
                match self {
                    $(Self::$quota => ($name, $default, $code),)*
                }
            }
        }
    };
}

quotas! {
    /// VPCs in a Region. AWS's is 5; a local cloud needs no such care.
    VpcsPerRegion: "vpcs-per-region", 1000, "VpcLimitExceeded";
    /// Subnets in a VPC.
    SubnetsPerVpc: "subnets-per-vpc", 200, "SubnetLimitExceeded";
    /// CIDR blocks of a VPC, the primary one too.
    CidrsPerVpc: "cidrs-per-vpc", 5, "CidrLimitExceeded";
    /// IPv6 blocks of a VPC.
    Ipv6CidrsPerVpc: "ipv6-cidrs-per-vpc", 5, "CidrLimitExceeded";
    /// Route tables in a VPC.
    RouteTablesPerVpc: "route-tables-per-vpc", 200, "RouteTableLimitExceeded";
    /// Routes in a route table.
    RoutesPerTable: "routes-per-table", 50, "RouteLimitExceeded";
    /// Internet gateways in a Region.
    GatewaysPerRegion: "internet-gateways-per-region", 1000, "InternetGatewayLimitExceeded";
    /// Elastic IP addresses in a Region.
    AddressesPerRegion: "addresses-per-region", 5, "AddressLimitExceeded";
    /// Security groups in a Region.
    GroupsPerRegion: "security-groups-per-region", 2500, "SecurityGroupLimitExceeded";
    /// Rules of a security group, a direction.
    RulesPerGroup: "rules-per-security-group", 60, "RulesPerSecurityGroupLimitExceeded";
    /// Security groups of an interface.
    GroupsPerInterface: "security-groups-per-interface", 5, "SecurityGroupsPerInterfaceLimitExceeded";
    /// Prefix lists in a Region.
    PrefixListsPerRegion: "prefix-lists-per-region", 100, "PrefixListLimitExceeded";
    /// Network ACLs in a VPC.
    AclsPerVpc: "network-acls-per-vpc", 200, "NetworkAclLimitExceeded";
    /// Entries of a network ACL, a direction.
    EntriesPerAcl: "entries-per-network-acl", 20, "NetworkAclEntryLimitExceeded";
    /// Active peering connections of a VPC.
    PeeringsPerVpc: "peerings-per-vpc", 50, "ActiveVpcPeeringConnectionPerVpcLimitExceeded";
    /// Requests for peering connections of a VPC that nobody has answered.
    OutstandingPeerings: "outstanding-peerings", 25, "OutstandingVpcPeeringConnectionLimitExceeded";
    /// Gateway endpoints in a Region.
    GatewayEndpointsPerRegion: "gateway-endpoints-per-region", 20, "VpcEndpointLimitExceeded";
    /// Interface endpoints in a VPC.
    EndpointsPerVpc: "endpoints-per-vpc", 50, "VpcEndpointLimitExceeded";
    /// Interfaces in a Region.
    InterfacesPerRegion: "interfaces-per-region", 5000, "NetworkInterfaceLimitExceeded";
    /// Running instances of one launch.
    InstancesPerLaunch: "instances-per-launch", 100, "InstanceLimitExceeded";
    /// Network load balancers of an account in a Region.
    LoadBalancersPerRegion: "network-load-balancers", 50, "TooManyLoadBalancers";
    /// Target groups of an account in a Region.
    TargetGroupsPerRegion: "target-groups", 3000, "TooManyTargetGroups";
    /// Targets of a network load balancer.
    TargetsPerBalancer: "targets-per-network-load-balancer", 3000, "TooManyTargets";
    /// Targets of a network load balancer in a zone; with cross-zone load balancing, in all its zones.
    TargetsPerZone: "targets-per-availability-zone-per-network-load-balancer", 500, "TooManyTargets";
    /// Targets of a target group.
    TargetsPerGroup: "targets-per-target-group", 1000, "TooManyTargets";
    /// Listeners of a network load balancer.
    ListenersPerBalancer: "listeners-per-network-load-balancer", 50, "TooManyListeners";
    /// Hosted zones of an account.
    HostedZones: "hosted-zones", 500, "TooManyHostedZones";
    /// VPCs of a private hosted zone.
    VpcsPerHostedZone: "vpcs-per-hosted-zone", 300, "LimitsExceeded";
    /// VPCs that may be associated with a private hosted zone.
    AuthorizationsPerHostedZone: "authorizations-per-hosted-zone", 1000, "TooManyVPCAssociationAuthorizations";
    /// Sets of records of a hosted zone.
    RecordsPerHostedZone: "records-per-hosted-zone", 10_000, "LimitsExceeded";
}

impl Quota {
    /// Its name.
    pub(in crate::rules) const fn name(self) -> &'static str {
        self.about().0
    }
}

/// How many there may be for this account.
pub(in crate::rules) fn most(network: &Network, account: &AccountId, quota: Quota) -> usize {
    limit(network, account, quota) as usize
}

/// Refuses this many when it is more than the account's quota.
pub(in crate::rules) fn within(
    network: &Network,
    account: &AccountId,
    quota: Quota,
    count: usize,
) -> Result<(), AwsError> {
    let most = most(network, account, quota);
    if count <= most {
        return Ok(());
    }
    let (name, _, code) = quota.about();
    Err(AwsError::new(
        code,
        format!("The limit of {most} ({name}) is reached: there would be {count}."),
    ))
}

/// The account's own limit, or what all accounts have by [`Network::quotas`], or AWS's default.
fn limit(network: &Network, account: &AccountId, quota: Quota) -> u32 {
    let (name, default, _) = quota.about();
    let own = network.quotas.get(&key(account, quota));
    let of_all = || network.quotas.get(&name.to_owned());
    own.or_else(of_all).copied().unwrap_or(default)
}

/// Whether a row of [`Network::quotas`] is this account's own.
pub(in crate::rules) fn is_own(key: &str, account: &AccountId) -> bool {
    let owner = key.split_once('/').map(|(owner, _)| owner);
    owner == Some(account.as_str())
}

/// The name of an account's own limit in [`Network::quotas`].
fn key(account: &AccountId, quota: Quota) -> String {
    format!("{account}/{}", quota.name())
}
