//! Security groups of the provider's: made once, with the rules that are wanted and no others.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use strait_plane::cloud::CloudError;
use strait_vpc::api::*;
use strait_vpc::state::{
    Direction, PortRange, RulePeer, SecurityGroup, SecurityGroupRule, Traffic,
};
use strait_vpc::{Network, SecurityGroupId, VpcId};

use super::Local;
use super::key::{Key, made_for, tagged};
use super::provider::{gone, is_gone};
use super::vpc::PORT;

/// The name of the group on the endpoints of a Peering VPC.
pub(super) const ENDPOINTS: &str = "strait-endpoints";
/// AWS's code for a rule that is there already.
pub(super) const DUPLICATE: &str = "InvalidPermission.Duplicate";

impl Local {
    /// The VPC's group with this name, made without any rule if it is not there.
    pub(super) async fn group_in(
        &self,
        vpc: &VpcId,
        region: &str,
        name: &str,
        key: &Key,
    ) -> Result<SecurityGroupId, CloudError> {
        if let Some(group) = group_named(&*self.network().await, vpc, name) {
            // A server that was killed between the group and this left it open.
            self.shut(region, group).await?;
            return Ok(group.id.clone());
        }
        let request = CreateSecurityGroupRequest {
            group_name: name.to_owned(),
            group_description: format!("Made by Strait for {key}"),
            vpc_id: Some(vpc.to_string()),
            tag_specifications: tagged("security-group", name, key),
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
        self.shut(region, group).await?;
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
            groups: vec![UserIdGroupPair {
                group_id: Some(peer.to_string()),
                ..Default::default()
            }],
            ..postgres()
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
            ip_ranges: vec![IpRange {
                cidr_ip: "0.0.0.0/0".to_owned(),
                description: None,
            }],
            ..postgres()
        };
        let added = self
            .authorize(region, group, vec![permission], Allow::From)
            .await;
        already_there(added)
    }

    /// Allows TCP 5432 from these ranges, in one call: all or none.
    pub(super) async fn allow_ranges(
        &self,
        region: &str,
        group: &SecurityGroupId,
        ranges: &BTreeSet<Ipv4Net>,
        description: &str,
    ) -> Result<(), CloudError> {
        if ranges.is_empty() {
            return Ok(());
        }
        let ip_ranges = ranges.iter().map(|range| IpRange {
            cidr_ip: range.to_string(),
            description: Some(description.to_owned()),
        });
        let permission = IpPermission {
            ip_ranges: ip_ranges.collect(),
            ..postgres()
        };
        self.authorize(region, group, vec![permission], Allow::From)
            .await
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

    /// Takes away all groups made for this key; their rules first, since they may name one another.
    pub(super) async fn remove_groups(&self, region: &str, key: &Key) -> Result<(), CloudError> {
        let network = self.network().await;
        let groups = || {
            network
                .security_groups
                .values()
                .filter(|group| made_for(&network, &group.owner, &group.tags, key))
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

    /// Takes away that all may get out, as a new group has it. Whatever else is in the group stays.
    async fn shut(&self, region: &str, group: &SecurityGroup) -> Result<(), CloudError> {
        let open = (group.rules.iter()).filter(|(_, rule)| {
            rule.direction == Direction::Egress && rule.traffic == Traffic::All
        });
        let open = open.map(|(id, _)| id.to_string()).collect();
        self.revoke(region, &group.id, open, Allow::To).await
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
        rules: Vec<String>,
        allow: Allow,
    ) -> Result<(), CloudError> {
        match self.revoke_all(region, group, rules.clone(), allow).await {
            // None of several goes if one of them is gone.
            Err(error) if is_gone(&error) => {
                for rule in rules {
                    gone(self.revoke_all(region, group, vec![rule], allow).await)?;
                }
                Ok(())
            }
            outcome => outcome,
        }
    }

    async fn revoke_all(
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
                let request = RevokeSecurityGroupIngressRequest {
                    group_id: Some(group.to_string()),
                    security_group_rule_ids,
                    ..Default::default()
                };
                self.ask::<RevokeSecurityGroupIngressResponse>(region, request)
                    .await
                    .map(drop)
            }
            Allow::To => {
                let request = RevokeSecurityGroupEgressRequest {
                    group_id: group.to_string(),
                    security_group_rule_ids,
                    ..Default::default()
                };
                self.ask::<RevokeSecurityGroupEgressResponse>(region, request)
                    .await
                    .map(drop)
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

/// The group on the endpoints of a Peering VPC.
pub(super) fn endpoints_group<'a>(
    network: &'a Network,
    vpc: &VpcId,
) -> Result<&'a SecurityGroup, CloudError> {
    let found = group_named(network, vpc, ENDPOINTS);
    found.ok_or_else(|| CloudError::Temporary(format!("the Peering VPC {vpc} is not complete yet")))
}

/// The range that a rule lets in to PostgreSQL, if it is such a rule.
pub(super) fn range_to_postgres(rule: &SecurityGroupRule) -> Option<Ipv4Net> {
    let port = PortRange {
        from: PORT,
        to: PORT,
    };
    match &rule.peer {
        RulePeer::Cidr(range) if rule.traffic == Traffic::Tcp(port) => Some(*range),
        RulePeer::Cidr(_)
        | RulePeer::Cidr6(_)
        | RulePeer::PrefixList(_)
        | RulePeer::Group { .. } => None,
    }
}

/// TCP 5432, from or to nobody yet.
fn postgres() -> IpPermission {
    IpPermission {
        ip_protocol: Some("tcp".to_owned()),
        from_port: Some(i32::from(PORT)),
        to_port: Some(i32::from(PORT)),
        ..Default::default()
    }
}

/// A rule that is there already is as good as one that was added.
pub(super) fn already_there(added: Result<(), CloudError>) -> Result<(), CloudError> {
    match added {
        Err(CloudError::Refused { code, .. }) if code == DUPLICATE => Ok(()),
        Ok(())
        | Err(CloudError::Refused { .. } | CloudError::Temporary(_) | CloudError::InProgress(_)) => {
            added
        }
    }
}

/// The VPC's group with this name.
pub(super) fn group_named<'a>(
    network: &'a Network,
    vpc: &VpcId,
    name: &str,
) -> Option<&'a SecurityGroup> {
    network
        .security_groups
        .values()
        .find(|group| group.vpc == *vpc && group.name == name)
}
