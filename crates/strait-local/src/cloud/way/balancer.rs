//! The load balancer of a way, with its listener and target.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use strait_plane::cloud::{CloudError, WayKind, WaySpec};
use strait_vpc::api::*;
use strait_vpc::{Network, SecurityGroupId, VpcId};

use super::{balancer, target_group, vanished, way_name};
use crate::cloud::Local;
use crate::cloud::key::{Key, tags_for};
use crate::cloud::service::Place;
use crate::cloud::vpc::{PORT, subnets_of};

/// The attribute that lets nodes forward to other zones.
const CROSS_ZONE: &str = "load_balancing.cross_zone.enabled";

impl Local {
    /// The way's load balancer with its listener and target, made where they are not there, its nodes in this group.
    pub(super) async fn balancer(
        &self,
        spec: &WaySpec,
        key: &Key,
        place: &Place,
        nodes: &SecurityGroupId,
    ) -> Result<(), CloudError> {
        let (name, region) = (way_name(spec), spec.region.as_str());
        let network = self.network().await;
        let subnets = balancer_subnets(&network, spec, &place.vpc.id);
        if let Some(balancer) = balancer(&network, key) {
            // A way that an older Strait made has one zone.
            if balancer.nodes.len() < subnets.len() {
                let request = SetSubnetsRequest {
                    load_balancer_arn: balancer.arn.clone(),
                    subnets,
                    ..Default::default()
                };
                self.ask::<SetSubnetsResponse>(region, request).await?;
            }
            if balancer.groups != BTreeSet::from([nodes.clone()]) {
                let request = SetSecurityGroupsRequest {
                    load_balancer_arn: balancer.arn.clone(),
                    security_groups: vec![nodes.to_string()],
                    ..Default::default()
                };
                self.ask::<SetSecurityGroupsResponse>(region, request)
                    .await?;
            }
        } else {
            let request = CreateLoadBalancerRequest {
                name: name.clone(),
                type_: Some("network".to_owned()),
                scheme: Some(
                    if spec.kind == WayKind::Public {
                        "internet-facing"
                    } else {
                        "internal"
                    }
                    .to_owned(),
                ),
                subnets,
                security_groups: vec![nodes.to_string()],
                tags: tags_for(&name, key),
                ..Default::default()
            };
            self.ask::<CreateLoadBalancerResponse>(region, request)
                .await?;
        }
        self.cross_zones(region, key).await?;
        if target_group(&network, key).is_none() {
            let request = CreateTargetGroupRequest {
                name: name.clone(),
                protocol: Some("TCP".to_owned()),
                port: Some(PORT),
                vpc_id: Some(place.vpc.id.to_string()),
                target_type: Some("ip".to_owned()),
                // With one target its health changes nothing: all that is unhealthy gets connections too.
                health_check_interval_seconds: Some(300),
                tags: tags_for(&name, key),
                ..Default::default()
            };
            self.ask::<CreateTargetGroupResponse>(region, request)
                .await?;
        }
        self.listen(region, key, place.address).await
    }

    /// Lets the nodes of all zones lead to the service, which is in one.
    async fn cross_zones(&self, region: &str, key: &Key) -> Result<(), CloudError> {
        let network = self.network().await;
        let balancer = balancer(&network, key).ok_or_else(|| vanished("load balancer"))?;
        if balancer.attributes.contains_key(CROSS_ZONE) {
            return Ok(());
        }
        let request = ModifyLoadBalancerAttributesRequest {
            load_balancer_arn: balancer.arn.clone(),
            attributes: vec![Attribute {
                key: Some(CROSS_ZONE.to_owned()),
                value: Some("true".to_owned()),
            }],
        };
        self.ask::<ModifyLoadBalancerAttributesResponse>(region, request)
            .await
            .map(drop)
    }

    async fn listen(&self, region: &str, key: &Key, target: Ipv4Addr) -> Result<(), CloudError> {
        let network = self.network().await;
        let balancer = balancer(&network, key).ok_or_else(|| vanished("load balancer"))?;
        let group = target_group(&network, key).ok_or_else(|| vanished("target group"))?;
        if !group
            .targets
            .iter()
            .any(|known| known.id == target.to_string())
        {
            let request = RegisterTargetsRequest {
                target_group_arn: group.arn.clone(),
                targets: vec![TargetDescription {
                    id: target.to_string(),
                    port: Some(PORT),
                    ..Default::default()
                }],
            };
            self.ask::<RegisterTargetsResponse>(region, request).await?;
        }
        // The host of a service that was made anew has another address.
        let former: Vec<TargetDescription> = (group.targets.iter())
            .filter(|known| known.id != target.to_string())
            .map(|known| TargetDescription {
                id: known.id.clone(),
                port: Some(known.port),
                ..Default::default()
            })
            .collect();
        if !former.is_empty() {
            let request = DeregisterTargetsRequest {
                target_group_arn: group.arn.clone(),
                targets: former,
            };
            self.ask::<DeregisterTargetsResponse>(region, request)
                .await?;
        }
        if network
            .listeners
            .values()
            .any(|listener| listener.load_balancer == balancer.arn)
        {
            return Ok(());
        }
        let forward = ListenerAction {
            type_: "forward".to_owned(),
            target_group_arn: Some(group.arn.clone()),
            ..Default::default()
        };
        let request = CreateListenerRequest {
            load_balancer_arn: balancer.arn.clone(),
            protocol: Some("TCP".to_owned()),
            port: Some(PORT),
            default_actions: vec![forward],
            ..Default::default()
        };
        self.ask::<CreateListenerResponse>(region, request)
            .await
            .map(drop)
    }
}

/// Where a way's load balancer has nodes. Public addresses are few, so the public way has one; the service is in one zone
/// in any case.
fn balancer_subnets(network: &Network, spec: &WaySpec, vpc: &VpcId) -> Vec<String> {
    let subnets = subnets_of(network, vpc);
    let count = match &spec.kind {
        WayKind::Public => 1,
        WayKind::Private { .. } => subnets.len(),
    };
    let subnets = subnets.into_iter().take(count);
    subnets.map(|subnet| subnet.id.to_string()).collect()
}
