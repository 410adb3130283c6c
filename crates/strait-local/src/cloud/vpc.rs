//! Peering VPCs: a VPC with two subnets, a group for endpoints, and a prober that proves ways from inside.

use ipnet::Ipv4Net;
use strait_plane::cloud::{CloudError, VpcObserved, VpcSpec};
use strait_vpc::api::*;
use strait_vpc::state::{
    Direction, Instance, InstanceState, RouteTable, RouteTableUse, RulePeer, SecurityGroup,
    SecurityGroupRule, Subnet, Traffic, Vpc,
};
use strait_vpc::{Network, SecurityGroupId, VpcId};

use super::Local;
use super::provider::{made_for, tagged};

/// The name of the group on the endpoints of a Peering VPC.
const ENDPOINTS: &str = "strait-endpoints";
/// The name of the group of its prober.
const PROBER: &str = "strait-prober";
/// PostgreSQL's port, on every way.
pub(super) const PORT: u16 = 5432;
/// The image of instances that Strait makes for itself.
pub(super) const IMAGE: &str = "ami-00000000000057a17";

impl Local {
    pub(super) async fn make_vpc(&self, spec: &VpcSpec) -> Result<VpcObserved, CloudError> {
        let owner = vpc_key(spec);
        let vpc = self
            .vpc_for(&spec.region, &spec.name, &owner, spec.cidr)
            .await?;
        let zones = zones(&spec.region)?;
        for (cidr, zone) in halves(spec.cidr).iter().zip(zones) {
            self.subnet_in(&vpc.id, &spec.region, *cidr, &zone, &owner)
                .await?;
        }
        let endpoints = self
            .group_in(&vpc.id, &spec.region, ENDPOINTS, &owner)
            .await?;
        let prober = self.group_in(&vpc.id, &spec.region, PROBER, &owner).await?;
        self.allow_group(&spec.region, &endpoints, &prober, Allow::From)
            .await?;
        self.allow_group(&spec.region, &prober, &endpoints, Allow::To)
            .await?;
        self.instance_in(&vpc.id, &spec.region, "strait-prober", &owner, &prober)
            .await?;
        Ok(VpcObserved {
            provisioned_id: vpc.id.to_string(),
        })
    }

    pub(super) async fn unmake_vpc(&self, spec: &VpcSpec) -> Result<(), CloudError> {
        let owner = vpc_key(spec);
        let Some(vpc) = self.find_vpc(&owner).await else {
            return Ok(());
        };
        let region = spec.region.as_str();
        let network = self.network().await;
        if let Some(instance) = prober(&network, &owner) {
            let instance_ids = vec![instance.id.to_string()];
            self.ask_gone::<TerminateInstancesResponse>(
                region,
                TerminateInstancesRequest {
                    instance_ids,
                    ..Default::default()
                },
            )
            .await?;
        }
        self.remove_groups(region, &owner).await?;
        for subnet in network
            .subnets
            .values()
            .filter(|subnet| subnet.vpc == vpc.id)
        {
            let subnet_id = subnet.id.to_string();
            self.ask_gone::<DeleteSubnetResponse>(
                region,
                DeleteSubnetRequest {
                    subnet_id,
                    ..Default::default()
                },
            )
            .await?;
        }
        let vpc_id = vpc.id.to_string();
        self.ask_gone::<DeleteVpcResponse>(
            region,
            DeleteVpcRequest {
                vpc_id,
                ..Default::default()
            },
        )
        .await
    }

    /// The Peering VPC made for this key.
    pub(super) async fn find_vpc(&self, owner: &str) -> Option<Vpc> {
        let network = self.network().await;
        network
            .vpcs
            .values()
            .find(|vpc| made_for(&network, &vpc.owner, &vpc.tags, owner))
            .cloned()
    }

    /// The VPC for this key, made if it is not there, with DNS hostnames on.
    pub(super) async fn vpc_for(
        &self,
        region: &str,
        name: &str,
        owner: &str,
        cidr: Ipv4Net,
    ) -> Result<Vpc, CloudError> {
        if let Some(vpc) = self.find_vpc(owner).await {
            return Ok(vpc);
        }
        let tag_specifications = tagged("vpc", name, owner);
        let request = CreateVpcRequest {
            cidr_block: Some(cidr.to_string()),
            tag_specifications,
            ..Default::default()
        };
        self.ask::<CreateVpcResponse>(region, request).await?;
        let made = self.find_vpc(owner).await;
        made.ok_or_else(|| {
            CloudError::Temporary(format!("the VPC {name} was made and is gone again"))
        })
    }

    /// The subnet of the VPC with this block, made if it is not there.
    pub(super) async fn subnet_in(
        &self,
        vpc: &VpcId,
        region: &str,
        cidr: Ipv4Net,
        zone: &str,
        owner: &str,
    ) -> Result<(), CloudError> {
        let network = self.network().await;
        if network
            .subnets
            .values()
            .any(|subnet| subnet.vpc == *vpc && subnet.cidr == Some(cidr))
        {
            return Ok(());
        }
        let request = CreateSubnetRequest {
            vpc_id: vpc.to_string(),
            cidr_block: Some(cidr.to_string()),
            availability_zone: Some(zone.to_owned()),
            tag_specifications: tagged("subnet", zone, owner),
            ..Default::default()
        };
        self.ask::<CreateSubnetResponse>(region, request)
            .await
            .map(drop)
    }

    /// The VPC's group with this name, made without any rule if it is not there.
    pub(super) async fn group_in(
        &self,
        vpc: &VpcId,
        region: &str,
        name: &str,
        owner: &str,
    ) -> Result<SecurityGroupId, CloudError> {
        if let Some(group) = group_named(&*self.network().await, vpc, name) {
            // A server that was killed between the group and this left it open.
            let first_rule = |rule: &&SecurityGroupRule| {
                rule.direction == Direction::Egress && rule.traffic == Traffic::All
            };
            if group.rules.values().any(|rule| first_rule(&rule)) {
                self.clear_group(region, group).await?;
            }
            return Ok(group.id.clone());
        }
        let request = CreateSecurityGroupRequest {
            group_name: name.to_owned(),
            group_description: format!("Made by Strait for {owner}"),
            vpc_id: Some(vpc.to_string()),
            tag_specifications: tagged("security-group", name, owner),
            ..Default::default()
        };
        self.ask::<CreateSecurityGroupResponse>(region, request)
            .await?;
        let network = self.network().await;
        let Some(group) = group_named(&network, vpc, name) else {
            return Err(CloudError::Temporary(format!(
                "the group {name} was made and is gone again"
            )));
        };
        self.clear_group(region, group).await?;
        Ok(group.id.clone())
    }

    /// Allows TCP 5432 from or to the members of another group, once.
    pub(super) async fn allow_group(
        &self,
        region: &str,
        group: &SecurityGroupId,
        peer: &SecurityGroupId,
        allow: Allow,
    ) -> Result<(), CloudError> {
        let direction = match allow {
            Allow::From => Direction::Ingress,
            Allow::To => Direction::Egress,
        };
        let names = |rule: &SecurityGroupRule| matches!(&rule.peer, RulePeer::Group { id, .. } if id == peer);
        if self
            .has_rule(group, |rule| rule.direction == direction && names(rule))
            .await
        {
            return Ok(());
        }
        let permission = IpPermission {
            ip_protocol: Some("tcp".to_owned()),
            from_port: Some(i32::from(PORT)),
            to_port: Some(i32::from(PORT)),
            groups: vec![UserIdGroupPair {
                group_id: Some(peer.to_string()),
                ..Default::default()
            }],
            ..Default::default()
        };
        let added = self.authorize(region, group, vec![permission], allow).await;
        already_there(added)
    }

    /// Allows TCP 5432 from anywhere, once.
    pub(super) async fn allow_anybody(
        &self,
        region: &str,
        group: &SecurityGroupId,
    ) -> Result<(), CloudError> {
        let everywhere = |rule: &SecurityGroupRule| matches!(&rule.peer, RulePeer::Cidr(cidr) if cidr.prefix_len() == 0);
        if self
            .has_rule(group, |rule| {
                rule.direction == Direction::Ingress && everywhere(rule)
            })
            .await
        {
            return Ok(());
        }
        let permission = IpPermission {
            ip_protocol: Some("tcp".to_owned()),
            from_port: Some(i32::from(PORT)),
            to_port: Some(i32::from(PORT)),
            ip_ranges: vec![IpRange {
                cidr_ip: "0.0.0.0/0".to_owned(),
                description: None,
            }],
            ..Default::default()
        };
        let added = self
            .authorize(region, group, vec![permission], Allow::From)
            .await;
        already_there(added)
    }

    /// Whether the group has such a rule: a look costs nothing, a refused call costs a copy of the network.
    async fn has_rule(
        &self,
        group: &SecurityGroupId,
        is_it: impl Fn(&SecurityGroupRule) -> bool,
    ) -> bool {
        let network = self.network().await;
        network
            .security_groups
            .get(group)
            .is_some_and(|group| group.rules.values().any(is_it))
    }

    /// Adds permissions to a group.
    pub(super) async fn authorize(
        &self,
        region: &str,
        group: &SecurityGroupId,
        ip_permissions: Vec<IpPermission>,
        allow: Allow,
    ) -> Result<(), CloudError> {
        let group_id = Some(group.to_string());
        match allow {
            Allow::From => {
                let request = AuthorizeSecurityGroupIngressRequest {
                    group_id,
                    ip_permissions,
                    ..Default::default()
                };
                self.ask::<AuthorizeSecurityGroupIngressResponse>(region, request)
                    .await
                    .map(drop)
            }
            Allow::To => {
                let request = AuthorizeSecurityGroupEgressRequest {
                    group_id: group.to_string(),
                    ip_permissions,
                    ..Default::default()
                };
                self.ask::<AuthorizeSecurityGroupEgressResponse>(region, request)
                    .await
                    .map(drop)
            }
        }
    }

    /// An instance of Strait's own in the VPC's first subnet, made if it is not there.
    pub(super) async fn instance_in(
        &self,
        vpc: &VpcId,
        region: &str,
        name: &str,
        owner: &str,
        group: &SecurityGroupId,
    ) -> Result<(), CloudError> {
        let network = self.network().await;
        if running_for(&network, owner).is_some() {
            return Ok(());
        }
        let request = RunInstancesRequest {
            image_id: Some(IMAGE.to_owned()),
            min_count: 1,
            max_count: 1,
            subnet_id: Some(first_subnet(&network, vpc)?.id.to_string()),
            security_group_ids: vec![group.to_string()],
            tag_specifications: tagged("instance", name, owner),
            ..Default::default()
        };
        self.ask::<RunInstancesResponse>(region, request)
            .await
            .map(drop)
    }

    /// Takes away all groups made for this key; their rules first, since they may name one another.
    pub(super) async fn remove_groups(&self, region: &str, owner: &str) -> Result<(), CloudError> {
        let network = self.network().await;
        let groups = || {
            network
                .security_groups
                .values()
                .filter(|group| made_for(&network, &group.owner, &group.tags, owner))
        };
        for group in groups() {
            self.clear_group(region, group).await?;
        }
        for group in groups() {
            let request = DeleteSecurityGroupRequest {
                group_id: Some(group.id.to_string()),
                ..Default::default()
            };
            self.ask_gone::<DeleteSecurityGroupResponse>(region, request)
                .await?;
        }
        Ok(())
    }

    /// Takes all rules of a group away.
    async fn clear_group(&self, region: &str, group: &SecurityGroup) -> Result<(), CloudError> {
        let rules = |direction| {
            let of_it = group
                .rules
                .iter()
                .filter(move |(_, rule)| rule.direction == direction);
            of_it.map(|(id, _)| id.to_string()).collect::<Vec<_>>()
        };
        self.revoke(region, &group.id, rules(Direction::Ingress), Allow::From)
            .await?;
        self.revoke(region, &group.id, rules(Direction::Egress), Allow::To)
            .await
    }

    /// Takes rules of a group away by their ids.
    pub(super) async fn revoke(
        &self,
        region: &str,
        group: &SecurityGroupId,
        security_group_rule_ids: Vec<String>,
        allow: Allow,
    ) -> Result<(), CloudError> {
        if security_group_rule_ids.is_empty() {
            return Ok(());
        }
        match allow {
            Allow::From => {
                let group_id = Some(group.to_string());
                let request = RevokeSecurityGroupIngressRequest {
                    group_id,
                    security_group_rule_ids,
                    ..Default::default()
                };
                self.ask_gone::<RevokeSecurityGroupIngressResponse>(region, request)
                    .await
            }
            Allow::To => {
                let group_id = group.to_string();
                let request = RevokeSecurityGroupEgressRequest {
                    group_id,
                    security_group_rule_ids,
                    ..Default::default()
                };
                self.ask_gone::<RevokeSecurityGroupEgressResponse>(region, request)
                    .await
            }
        }
    }
}

/// Which way a rule allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allow {
    /// Inbound, from the peer.
    From,
    /// Outbound, to the peer.
    To,
}

/// The key of all that is made for a Peering VPC.
pub(super) fn vpc_key(spec: &VpcSpec) -> String {
    format!("vpc/{}", spec.id)
}

/// The group on the endpoints of a Peering VPC.
pub(super) fn endpoints_group<'a>(
    network: &'a Network,
    vpc: &VpcId,
) -> Result<&'a SecurityGroup, CloudError> {
    let found = group_named(network, vpc, ENDPOINTS);
    found.ok_or_else(|| CloudError::Temporary(format!("the Peering VPC {vpc} is not complete yet")))
}

/// The prober of a Peering VPC.
pub(super) fn prober<'a>(network: &'a Network, owner: &str) -> Option<&'a Instance> {
    running_for(network, owner)
}

/// The running instance made for this key.
pub(super) fn running_for<'a>(network: &'a Network, owner: &str) -> Option<&'a Instance> {
    let mut instances = network.instances.values();
    instances.find(|instance| {
        instance.state == InstanceState::Running
            && made_for(network, &instance.owner, &instance.tags, owner)
    })
}

/// The subnets of a VPC that Strait made, one a zone, by block.
pub(super) fn subnets_of<'a>(network: &'a Network, vpc: &VpcId) -> Vec<&'a Subnet> {
    let subnets = network.subnets.values().filter(|subnet| subnet.vpc == *vpc);
    let mut subnets: Vec<&Subnet> = subnets.collect();
    subnets.sort_by_key(|subnet| subnet.cidr);
    subnets
}

/// The subnet of a VPC with the lowest block.
pub(super) fn first_subnet<'a>(
    network: &'a Network,
    vpc: &VpcId,
) -> Result<&'a Subnet, CloudError> {
    let first = subnets_of(network, vpc).into_iter().next();
    first.ok_or_else(|| CloudError::Temporary(format!("the VPC {vpc} has no subnet yet")))
}

/// The main route table of a VPC.
pub(super) fn main_table<'a>(
    network: &'a Network,
    vpc: &VpcId,
) -> Result<&'a RouteTable, CloudError> {
    let mut tables = network
        .route_tables
        .values()
        .filter(|table| table.vpc == *vpc);
    let main = tables.find(|table| {
        table
            .associations
            .values()
            .any(|place| *place == RouteTableUse::Main)
    });
    main.ok_or_else(|| CloudError::Temporary(format!("the VPC {vpc} has no main route table")))
}

/// The names of a Region's first two zones.
pub(super) fn zones(region: &str) -> Result<Vec<String>, CloudError> {
    let Some(info) = strait_vpc::state::region(region) else {
        return Err(CloudError::Refused {
            code: "InvalidRegion".to_owned(),
            message: format!("There is no Region {region}. `strait regions` lists them."),
        });
    };
    Ok(info
        .zones
        .chars()
        .take(2)
        .map(|letter| format!("{region}{letter}"))
        .collect())
}

/// A rule that is there already is as good as one that was added.
pub(super) fn already_there(added: Result<(), CloudError>) -> Result<(), CloudError> {
    match added {
        Err(CloudError::Refused { code, .. }) if code == "InvalidPermission.Duplicate" => Ok(()),
        Ok(()) | Err(CloudError::Refused { .. } | CloudError::Temporary(_)) => added,
    }
}

/// A range's two halves, one a zone; a /28 cannot be halved (a subnet is a /28 at least) and stays whole.
pub(super) fn halves(cidr: Ipv4Net) -> Vec<Ipv4Net> {
    let half = cidr.prefix_len() + 1;
    if half > 28 {
        return vec![cidr];
    }
    cidr.subnets(half)
        .map_or_else(|_| vec![cidr], Iterator::collect)
}

fn group_named<'a>(network: &'a Network, vpc: &VpcId, name: &str) -> Option<&'a SecurityGroup> {
    network
        .security_groups
        .values()
        .find(|group| group.vpc == *vpc && group.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_a_subnet_in_two_zones_where_it_can() {
        let halved = |text: &str| {
            halves(text.parse().expect("a range"))
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(halved("10.1.0.0/16"), ["10.1.0.0/17", "10.1.128.0/17"]);
        assert_eq!(halved("10.1.0.0/27"), ["10.1.0.0/28", "10.1.0.16/28"]);
        assert_eq!(halved("10.1.0.0/28"), ["10.1.0.0/28"]);
    }
}
