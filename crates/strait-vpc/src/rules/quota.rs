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
    let setting = |quota: Quota| QuotaSetting {
        name: quota.name(),
        limit: limit(network, account, quota),
    };
    Quota::ALL.map(setting).to_vec()
}

/// Sets a limit of an account, or takes its own away so that what all have is its again. False: there is no such limit.
#[must_use]
pub fn set_quota(
    network: &mut Network,
    account: &AccountId,
    name: &str,
    limit: Option<u32>,
) -> bool {
    let Some(quota) = Quota::ALL.into_iter().find(|quota| quota.name() == name) else {
        return false;
    };
    let key = key(account, quota);
    match limit {
        Some(limit) => network.quotas.insert(key, limit),
        None => network.quotas.remove(&key),
    };
    true
}

/// A limit of AWS's that can be raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum Quota {
    /// VPCs in a Region. AWS's is 5; a local cloud needs no such care.
    VpcsPerRegion,
    /// Subnets in a VPC.
    SubnetsPerVpc,
    /// CIDR blocks of a VPC, the primary one too.
    CidrsPerVpc,
    /// IPv6 blocks of a VPC.
    Ipv6CidrsPerVpc,
    /// Route tables in a VPC.
    RouteTablesPerVpc,
    /// Routes in a route table.
    RoutesPerTable,
    /// Internet gateways in a Region.
    GatewaysPerRegion,
    /// Elastic IP addresses in a Region.
    AddressesPerRegion,
    /// Security groups in a Region.
    GroupsPerRegion,
    /// Rules of a security group, a direction.
    RulesPerGroup,
    /// Security groups of an interface.
    GroupsPerInterface,
    /// Prefix lists in a Region.
    PrefixListsPerRegion,
    /// Network ACLs in a VPC.
    AclsPerVpc,
    /// Entries of a network ACL, a direction.
    EntriesPerAcl,
    /// Active peering connections of a VPC.
    PeeringsPerVpc,
    /// Requests for peering connections of a VPC that nobody has answered.
    OutstandingPeerings,
    /// Gateway endpoints in a Region.
    GatewayEndpointsPerRegion,
    /// Interface endpoints in a VPC.
    EndpointsPerVpc,
    /// Interfaces in a Region.
    InterfacesPerRegion,
    /// Running instances of one launch.
    InstancesPerLaunch,
    /// Network load balancers of an account in a Region.
    LoadBalancersPerRegion,
    /// Target groups of an account in a Region.
    TargetGroupsPerRegion,
    /// Targets of a network load balancer.
    TargetsPerBalancer,
    /// Targets of a network load balancer in a zone; with cross-zone load balancing, in all its zones.
    TargetsPerZone,
    /// Targets of a target group.
    TargetsPerGroup,
    /// Listeners of a network load balancer.
    ListenersPerBalancer,
    /// Hosted zones of an account.
    HostedZones,
    /// VPCs of a private hosted zone.
    VpcsPerHostedZone,
    /// VPCs that may be associated with a private hosted zone.
    AuthorizationsPerHostedZone,
    /// Sets of records of a hosted zone.
    RecordsPerHostedZone,
}

impl Quota {
    /// All that there are.
    const ALL: [Self; 30] = [
        Self::VpcsPerRegion,
        Self::SubnetsPerVpc,
        Self::CidrsPerVpc,
        Self::Ipv6CidrsPerVpc,
        Self::RouteTablesPerVpc,
        Self::RoutesPerTable,
        Self::GatewaysPerRegion,
        Self::AddressesPerRegion,
        Self::GroupsPerRegion,
        Self::RulesPerGroup,
        Self::GroupsPerInterface,
        Self::PrefixListsPerRegion,
        Self::AclsPerVpc,
        Self::EntriesPerAcl,
        Self::PeeringsPerVpc,
        Self::OutstandingPeerings,
        Self::GatewayEndpointsPerRegion,
        Self::EndpointsPerVpc,
        Self::InterfacesPerRegion,
        Self::InstancesPerLaunch,
        Self::LoadBalancersPerRegion,
        Self::TargetGroupsPerRegion,
        Self::TargetsPerBalancer,
        Self::TargetsPerZone,
        Self::TargetsPerGroup,
        Self::ListenersPerBalancer,
        Self::HostedZones,
        Self::VpcsPerHostedZone,
        Self::AuthorizationsPerHostedZone,
        Self::RecordsPerHostedZone,
    ];

    /// Its name.
    pub(in crate::rules) const fn name(self) -> &'static str {
        self.about().0
    }

    /// Its name, AWS's default, and the code when it is exceeded.
    const fn about(self) -> (&'static str, u32, &'static str) {
        match self {
            Self::VpcsPerRegion => ("vpcs-per-region", 1000, "VpcLimitExceeded"),
            Self::SubnetsPerVpc => ("subnets-per-vpc", 200, "SubnetLimitExceeded"),
            Self::CidrsPerVpc => ("cidrs-per-vpc", 5, "CidrLimitExceeded"),
            Self::Ipv6CidrsPerVpc => ("ipv6-cidrs-per-vpc", 5, "CidrLimitExceeded"),
            Self::RouteTablesPerVpc => ("route-tables-per-vpc", 200, "RouteTableLimitExceeded"),
            Self::RoutesPerTable => ("routes-per-table", 50, "RouteLimitExceeded"),
            Self::GatewaysPerRegion => (
                "internet-gateways-per-region",
                1000,
                "InternetGatewayLimitExceeded",
            ),
            Self::AddressesPerRegion => ("addresses-per-region", 5, "AddressLimitExceeded"),
            Self::GroupsPerRegion => (
                "security-groups-per-region",
                2500,
                "SecurityGroupLimitExceeded",
            ),
            Self::RulesPerGroup => (
                "rules-per-security-group",
                60,
                "RulesPerSecurityGroupLimitExceeded",
            ),
            Self::GroupsPerInterface => (
                "security-groups-per-interface",
                5,
                "SecurityGroupsPerInterfaceLimitExceeded",
            ),
            Self::PrefixListsPerRegion => {
                ("prefix-lists-per-region", 100, "PrefixListLimitExceeded")
            }
            Self::AclsPerVpc => ("network-acls-per-vpc", 200, "NetworkAclLimitExceeded"),
            Self::EntriesPerAcl => (
                "entries-per-network-acl",
                20,
                "NetworkAclEntryLimitExceeded",
            ),
            Self::PeeringsPerVpc => (
                "peerings-per-vpc",
                50,
                "ActiveVpcPeeringConnectionPerVpcLimitExceeded",
            ),
            Self::OutstandingPeerings => (
                "outstanding-peerings",
                25,
                "OutstandingVpcPeeringConnectionLimitExceeded",
            ),
            Self::GatewayEndpointsPerRegion => (
                "gateway-endpoints-per-region",
                20,
                "VpcEndpointLimitExceeded",
            ),
            Self::EndpointsPerVpc => ("endpoints-per-vpc", 50, "VpcEndpointLimitExceeded"),
            Self::InterfacesPerRegion => (
                "interfaces-per-region",
                5000,
                "NetworkInterfaceLimitExceeded",
            ),
            Self::InstancesPerLaunch => ("instances-per-launch", 100, "InstanceLimitExceeded"),
            Self::LoadBalancersPerRegion => ("network-load-balancers", 50, "TooManyLoadBalancers"),
            Self::TargetGroupsPerRegion => ("target-groups", 3000, "TooManyTargetGroups"),
            Self::TargetsPerBalancer => {
                ("targets-per-network-load-balancer", 3000, "TooManyTargets")
            }
            Self::TargetsPerZone => (
                "targets-per-availability-zone-per-network-load-balancer",
                500,
                "TooManyTargets",
            ),
            Self::TargetsPerGroup => ("targets-per-target-group", 1000, "TooManyTargets"),
            Self::ListenersPerBalancer => (
                "listeners-per-network-load-balancer",
                50,
                "TooManyListeners",
            ),
            Self::HostedZones => ("hosted-zones", 500, "TooManyHostedZones"),
            Self::VpcsPerHostedZone => ("vpcs-per-hosted-zone", 300, "LimitsExceeded"),
            Self::AuthorizationsPerHostedZone => (
                "authorizations-per-hosted-zone",
                1000,
                "TooManyVPCAssociationAuthorizations",
            ),
            Self::RecordsPerHostedZone => ("records-per-hosted-zone", 10_000, "LimitsExceeded"),
        }
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

/// The name of an account's own limit in [`Network::quotas`].
fn key(account: &AccountId, quota: Quota) -> String {
    format!("{account}/{}", quota.name())
}
