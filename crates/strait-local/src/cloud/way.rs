//! Ways to a service. Each has a load balancer of its own, so that PostgreSQL sees another source address by each:
//! the public way an internet-facing one, a private way an internal one behind an endpoint service and an endpoint.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use strait_plane::cloud::{CloudError, WayKind, WayObserved, WaySpec};
use strait_vpc::api::*;
use strait_vpc::picture::{Listen, plug};
use strait_vpc::state::{Endpoint, EndpointService, EndpointState, LoadBalancer};
use strait_vpc::{InterfaceId, Network, VpcId};

use super::provider::{OWNER_TAG, made_for, tagged};
use super::service::{Place, addresses};
use super::vpc::{PORT, endpoints_group, running_for, subnets_of};
use super::{INTERNET, Local};

/// The attribute that lets nodes forward to other zones.
const CROSS_ZONE: &str = "load_balancing.cross_zone.enabled";

impl Local {
    pub(super) async fn make_way(&self, spec: &WaySpec) -> Result<WayObserved, CloudError> {
        let key = way_key(spec);
        let place = self.place(&spec.service, &spec.region).await?;
        self.balancer(spec, &key, &place).await?;
        match &spec.kind {
            WayKind::Public => self.public_way(spec, &key).await,
            WayKind::Private { vpc } => self.private_way(spec, &key, vpc).await,
        }
    }

    pub(super) async fn prove_way(&self, spec: &WaySpec) -> Result<(), CloudError> {
        let key = way_key(spec);
        let WayKind::Private { vpc } = &spec.kind else {
            let observed = self.public_way(spec, &key).await?;
            let to = SocketAddrV4::new(observed.address, observed.port);
            return self.probe(INTERNET, to).await;
        };
        self.private_way(spec, &key, vpc).await?;
        let prober = running_for(&*self.network().await, &format!("vpc/{vpc}"))
            .map(|instance| instance.id.to_string());
        let Some(prober) = prober else {
            return Err(CloudError::Temporary(format!(
                "the Peering VPC {vpc} has no prober yet"
            )));
        };
        let network = self.network().await;
        let endpoint = endpoint(&network, &key).ok_or_else(|| vanished("endpoint"))?;
        for address in addresses(&network, endpoint.interfaces.values()) {
            self.probe(&prober, SocketAddrV4::new(address, PORT))
                .await?;
        }
        Ok(())
    }

    pub(super) async fn close_way(&self, spec: &WaySpec) -> Result<(), CloudError> {
        if spec.kind == WayKind::Public {
            self.refuse_forwarding(&spec.service).await?;
        }
        let network = self.network().await;
        let key = way_key(spec);
        let entrances = entrances(&network, spec, &key);
        let picture = strait_vpc::picture(&network);
        let mut refused: Vec<(String, Listen)> = Vec::new();
        for (name, link) in entrances {
            let Some(host) = picture.hosts.get(&name) else {
                continue;
            };
            let listens = host.forwards.keys();
            let of_way =
                listens.filter(|listen| spec.kind == WayKind::Public || listen.link == link);
            refused.extend(of_way.map(|listen| (name.clone(), listen.clone())));
        }
        let kernel = Arc::clone(&self.inner.kernel);
        tokio::task::spawn_blocking(move || {
            refused
                .iter()
                .try_for_each(|(host, listen)| kernel.refuse(host, listen, true))
        })
        .await
        .map_err(|_| CloudError::Temporary("interrupted while the way was closed".to_owned()))?
        .map_err(|error| CloudError::Temporary(error.to_string()))
    }

    pub(super) async fn unmake_way(&self, spec: &WaySpec) -> Result<(), CloudError> {
        if spec.kind == WayKind::Public {
            self.stop_forwarding(&spec.service).await?;
        }
        let (key, region) = (way_key(spec), spec.region.as_str());
        let network = self.network().await;
        if let Some(endpoint) = endpoint(&network, &key) {
            let vpc_endpoint_ids = vec![endpoint.id.to_string()];
            let request = DeleteVpcEndpointsRequest {
                vpc_endpoint_ids,
                ..Default::default()
            };
            self.ask_gone::<DeleteVpcEndpointsResponse>(region, request)
                .await?;
        }
        if let Some(service) = endpoint_service(&network, &key) {
            let service_ids = vec![service.id.to_string()];
            let request = DeleteVpcEndpointServiceConfigurationsRequest {
                service_ids,
                ..Default::default()
            };
            self.ask_gone::<DeleteVpcEndpointServiceConfigurationsResponse>(region, request)
                .await?;
        }
        if let Some(balancer) = balancer(&network, &key) {
            let request = DeleteLoadBalancerRequest {
                load_balancer_arn: balancer.arn.clone(),
            };
            self.ask_gone::<DeleteLoadBalancerResponse>(region, request)
                .await?;
        }
        let mut groups = network.target_groups.values();
        if let Some(group) =
            groups.find(|group| made_for(&network, &group.owner, &group.tags, &key))
        {
            let request = DeleteTargetGroupRequest {
                target_group_arn: group.arn.clone(),
            };
            self.ask_gone::<DeleteTargetGroupResponse>(region, request)
                .await?;
        }
        Ok(())
    }

    async fn public_way(&self, spec: &WaySpec, key: &str) -> Result<WayObserved, CloudError> {
        let network = self.network().await;
        let balancer = balancer(&network, key).ok_or_else(|| vanished("load balancer"))?;
        let nodes = balancer.nodes.values();
        let public = nodes
            .clone()
            .filter_map(|id| network.interfaces.get(id)?.public_ip)
            .next();
        let address = public.ok_or_else(|| CloudError::Refused {
            code: "InsufficientPublicAddresses".to_owned(),
            message: "All addresses of the local internet (198.51.100.0/24) are taken: delete or attach a service.".to_owned(),
        })?;
        let loopback_port = self
            .forward(&spec.service, SocketAddrV4::new(address, PORT))
            .await?;
        Ok(WayObserved {
            ready: true,
            address,
            port: PORT,
            provisioned_id: balancer.arn.clone(),
            sources: addresses(&network, nodes),
            loopback_port: Some(loopback_port),
        })
    }

    async fn private_way(
        &self,
        spec: &WaySpec,
        key: &str,
        vpc: &str,
    ) -> Result<WayObserved, CloudError> {
        let service = self.endpoint_service(spec, key).await?;
        let endpoint = self.endpoint(spec, key, vpc, &service).await?;
        if endpoint.state == EndpointState::PendingAcceptance {
            let request = AcceptVpcEndpointConnectionsRequest {
                service_id: service.id.to_string(),
                vpc_endpoint_ids: vec![endpoint.id.to_string()],
                ..Default::default()
            };
            self.ask::<AcceptVpcEndpointConnectionsResponse>(&spec.region, request)
                .await?;
        }
        let network = self.network().await;
        let endpoint = network
            .endpoints
            .get(&endpoint.id)
            .ok_or_else(|| vanished("endpoint"))?;
        let balancer = balancer(&network, key).ok_or_else(|| vanished("load balancer"))?;
        let entrances = addresses(&network, endpoint.interfaces.values());
        Ok(WayObserved {
            ready: endpoint.state == EndpointState::Available,
            address: entrances
                .first()
                .copied()
                .ok_or_else(|| vanished("endpoint's interface"))?,
            port: PORT,
            provisioned_id: endpoint.id.to_string(),
            sources: addresses(&network, balancer.nodes.values()),
            loopback_port: None,
        })
    }

    /// The way's load balancer with its listener and target, made where they are not there.
    async fn balancer(&self, spec: &WaySpec, key: &str, place: &Place) -> Result<(), CloudError> {
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
                security_groups: vec![place.nodes.to_string()],
                tags: balancer_tags(&name, key),
                ..Default::default()
            };
            self.ask::<CreateLoadBalancerResponse>(region, request)
                .await?;
        }
        self.cross_zones(region, key).await?;
        if !network
            .target_groups
            .values()
            .any(|group| made_for(&network, &group.owner, &group.tags, key))
        {
            let request = CreateTargetGroupRequest {
                name: name.clone(),
                protocol: Some("TCP".to_owned()),
                port: Some(PORT),
                vpc_id: Some(place.vpc.id.to_string()),
                target_type: Some("ip".to_owned()),
                // With one target its health changes nothing: all that is unhealthy gets connections too.
                health_check_interval_seconds: Some(300),
                tags: balancer_tags(&name, key),
                ..Default::default()
            };
            self.ask::<CreateTargetGroupResponse>(region, request)
                .await?;
        }
        self.listen(region, key, place.address).await
    }

    /// Lets the nodes of all zones lead to the service, which is in one.
    async fn cross_zones(&self, region: &str, key: &str) -> Result<(), CloudError> {
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

    async fn listen(&self, region: &str, key: &str, target: Ipv4Addr) -> Result<(), CloudError> {
        let network = self.network().await;
        let balancer = balancer(&network, key).ok_or_else(|| vanished("load balancer"))?;
        let mut groups = network.target_groups.values();
        let group = groups
            .find(|group| made_for(&network, &group.owner, &group.tags, key))
            .ok_or_else(|| vanished("target group"))?;
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

    /// The way's endpoint service, for the provider's own endpoints only.
    async fn endpoint_service(
        &self,
        spec: &WaySpec,
        key: &str,
    ) -> Result<EndpointService, CloudError> {
        let network = self.network().await;
        if endpoint_service(&network, key).is_none() {
            let balancer = balancer(&network, key).ok_or_else(|| vanished("load balancer"))?;
            let request = CreateVpcEndpointServiceConfigurationRequest {
                acceptance_required: Some(true),
                network_load_balancer_arns: vec![balancer.arn.clone()],
                tag_specifications: tagged("vpc-endpoint-service", &way_name(spec), key),
                ..Default::default()
            };
            self.ask::<CreateVpcEndpointServiceConfigurationResponse>(&spec.region, request)
                .await?;
        }
        let network = self.network().await;
        let service =
            endpoint_service(&network, key).ok_or_else(|| vanished("endpoint service"))?;
        let ourselves = format!("arn:aws:iam::{}:root", service.owner);
        if !service.allowed_principals.contains(&ourselves) {
            let request = ModifyVpcEndpointServicePermissionsRequest {
                service_id: service.id.to_string(),
                add_allowed_principals: vec![ourselves],
                ..Default::default()
            };
            self.ask::<ModifyVpcEndpointServicePermissionsResponse>(&spec.region, request)
                .await?;
        }
        Ok(service.clone())
    }

    async fn endpoint(
        &self,
        spec: &WaySpec,
        key: &str,
        vpc: &str,
        service: &EndpointService,
    ) -> Result<Endpoint, CloudError> {
        let Some(home) = self.find_vpc(&format!("vpc/{vpc}")).await else {
            return Err(CloudError::Temporary(format!(
                "the Peering VPC {vpc} is not there yet"
            )));
        };
        let network = self.network().await;
        let subnets = subnets_of(&network, &home.id);
        let missing = |endpoint: &Endpoint| {
            let missing = subnets
                .iter()
                .filter(|subnet| !endpoint.interfaces.contains_key(&subnet.id));
            missing.map(|subnet| subnet.id.to_string()).collect()
        };
        if let Some(endpoint) = endpoint(&network, key) {
            let add_subnet_ids: Vec<String> = missing(endpoint);
            if add_subnet_ids.is_empty() {
                return Ok(endpoint.clone());
            }
            let request = ModifyVpcEndpointRequest {
                vpc_endpoint_id: endpoint.id.to_string(),
                add_subnet_ids,
                ..Default::default()
            };
            self.ask::<ModifyVpcEndpointResponse>(&spec.region, request)
                .await?;
            return made_endpoint(&*self.network().await, key);
        }
        let request = CreateVpcEndpointRequest {
            vpc_endpoint_type: Some("Interface".to_owned()),
            vpc_id: home.id.to_string(),
            service_name: Some(service.service_name()),
            subnet_ids: subnets.iter().map(|row| row.id.to_string()).collect(),
            security_group_ids: vec![endpoints_group(&network, &home.id)?.id.to_string()],
            tag_specifications: tagged("vpc-endpoint", &way_name(spec), key),
            ..Default::default()
        };
        self.ask::<CreateVpcEndpointResponse>(&spec.region, request)
            .await?;
        made_endpoint(&*self.network().await, key)
    }
}

/// All addresses of a service's way where `address` is one: an endpoint has one a zone, and its names answer each.
pub(super) fn addresses_of_way(
    network: &Network,
    service: &str,
    address: Ipv4Addr,
) -> BTreeSet<Ipv4Addr> {
    let prefix = format!("way/{service}/vpc/");
    let endpoints = network.endpoints.values().filter(|endpoint| {
        let key = endpoint.tags.get(OWNER_TAG);
        key.is_some_and(|key| {
            key.starts_with(&prefix) && made_for(network, &endpoint.owner, &endpoint.tags, key)
        })
    });
    let mut all = endpoints.map(|endpoint| addresses(network, endpoint.interfaces.values()));
    all.find(|all| all.contains(&address))
        .unwrap_or_else(|| BTreeSet::from([address]))
}

/// The key of all that is made for a way.
fn way_key(spec: &WaySpec) -> String {
    match &spec.kind {
        WayKind::Public => format!("way/{}/public", spec.service),
        WayKind::Private { vpc } => format!("way/{}/vpc/{vpc}", spec.service),
    }
}

/// A name for the load balancer and target group: at most 32 characters.
fn way_name(spec: &WaySpec) -> String {
    match &spec.kind {
        WayKind::Public => format!("strait-{}-public", spec.service),
        WayKind::Private { vpc } => format!("strait-{}-{vpc}", spec.service),
    }
}

/// The hosts and links by which the way is entered: the endpoint's, or those of the internet-facing load balancer's nodes.
fn entrances(network: &Network, spec: &WaySpec, key: &str) -> Vec<(String, String)> {
    let interfaces: Vec<&InterfaceId> = match &spec.kind {
        WayKind::Public => {
            balancer(network, key).map_or_else(Vec::new, |found| found.nodes.values().collect())
        }
        WayKind::Private { .. } => endpoint(network, key)
            .map_or_else(Vec::new, |found| found.interfaces.values().collect()),
    };
    interfaces
        .into_iter()
        .filter_map(|id| plug(network, network.interfaces.get(id)?))
        .collect()
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

fn balancer<'a>(network: &'a Network, key: &str) -> Option<&'a LoadBalancer> {
    network
        .load_balancers
        .values()
        .find(|balancer| made_for(network, &balancer.owner, &balancer.tags, key))
}

fn endpoint_service<'a>(network: &'a Network, key: &str) -> Option<&'a EndpointService> {
    network
        .endpoint_services
        .values()
        .find(|service| made_for(network, &service.owner, &service.tags, key))
}

fn endpoint<'a>(network: &'a Network, key: &str) -> Option<&'a Endpoint> {
    network
        .endpoints
        .values()
        .find(|endpoint| made_for(network, &endpoint.owner, &endpoint.tags, key))
}

fn made_endpoint(network: &Network, key: &str) -> Result<Endpoint, CloudError> {
    endpoint(network, key)
        .cloned()
        .ok_or_else(|| vanished("endpoint"))
}

fn balancer_tags(name: &str, key: &str) -> Vec<TagInput> {
    tagged("", name, key)
        .into_iter()
        .flat_map(|specification| specification.tags)
        .collect()
}

fn vanished(what: &str) -> CloudError {
    CloudError::Temporary(format!("the way's {what} was made and is gone again"))
}
